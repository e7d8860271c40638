"""Arrays of several dimensions: nested lists in Python, one row-major run on the wire (C706 14.3.3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from idlrt.errors import NdrError
from idlrt.ndr.limits import LIMITS, Limits, claim

Shape = tuple[tuple[int, int, int], ...]
"""For each dimension, outermost first: room, index of the first element that travels, how many travel."""


def _rows(values: Any, shape: Shape) -> list[Any]:
    """The innermost rows that travel, in order; each is as long as the last dimension's extent."""
    rows = [values]
    for depth, (most, first, count) in enumerate(shape):
        if first < 0 or count < 0 or first + count > most:
            raise NdrError(f"elements {first} to {first + count} of dimension {depth} do not fit its {most}")
        for row in rows:
            if len(row) < first + count or (count == most and len(row) != most):
                raise NdrError(f"dimension {depth} has {len(row)} elements where {first + count} are due")
        if depth < len(shape) - 1:
            rows = [inner for row in rows for inner in row[first : first + count]]
        else:
            rows = [row[first : first + count] for row in rows]
    return rows


def flatten_items(values: Any, shape: Shape) -> list[Any]:
    return [item for row in _rows(values, shape) for item in row]


flatten_numbers = flatten_items


def flatten_bytes(values: Any, shape: Shape) -> bytes:
    return b"".join(bytes(row) for row in _rows(values, shape))


def flatten_text(values: Any, shape: Shape) -> str:
    return "".join(_rows(values, shape))


def nest(values: Sequence[Any], shape: Shape, spent: dict[Any, Any] | None = None, limits: Limits = LIMITS) -> Any:
    """The nested lists of what travelled; elements before the first ones are None (or zero octets).

    `spent` counts those that take no octets, over the whole stub; without, the IDL fixes how many there are.
    """
    for level in range(len(shape) - 1, 0, -1):
        _, first, count = shape[level]
        if count:
            values = [shifted(values[at : at + count], first, spent, limits) for at in range(0, len(values), count)]
        else:
            rows = _rows_at(shape[:level])
            claim(rows, spent, limits)
            values = [shifted(values[:0], first, spent, limits) for _ in range(rows)]
    return shifted(values, shape[0][1], spent, limits)


def _rows_at(outer: Shape) -> int:
    total = 1
    for _, _, count in outer:
        total *= count
    return total


def shifted(values: Any, first: int, spent: dict[Any, Any] | None = None, limits: Limits = LIMITS) -> Any:
    """What travelled, behind `first` elements that did not: None, or zero octets and characters."""
    if not first:
        return values
    claim(first, spent, limits)
    if isinstance(values, bytes):
        return bytes(first) + values
    if isinstance(values, str):
        return "\0" * first + values
    return [None] * first + list(values)
