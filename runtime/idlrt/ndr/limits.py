"""How much received data may make of itself.

Every count is checked against the octets left before anything is made of it, so what comes of a stub is bounded by
the stub. Limits are for less than that. Codecs know theirs from when they are made, and a check is a comparison of two
locals where a count is read.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any, Final

from idlrt.errors import NdrError

MAX_DEPTH: Final = 200_000
"""How deep values may nest through pointers. A cycle of unique pointers, which NDR cannot hold, ends here too."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """Bounds of what is decoded; beyond one of them is an NdrError with the path of the value.

    Raises:
        ValueError: a limit is below zero, or no depth is allowed.
    """

    max_stub: int = sys.maxsize
    """Octets of a stub, or of a serialized value with its headers."""
    max_depth: int = MAX_DEPTH
    """How deep values of types that lead to themselves may nest."""
    max_elements: int = sys.maxsize
    """Elements of an array, all its dimensions together, and of a chunk of a pipe. Fixed arrays are the IDL's."""
    max_units: int = sys.maxsize
    """Characters of a string as they travel, octets or 16-bit units, the terminator included."""
    max_vacant: int = 65_536
    """Elements in one stub that take no octets: those before the first one sent, empty rows, empty structures."""

    def __post_init__(self) -> None:
        for name in ("max_stub", "max_depth", "max_elements", "max_units", "max_vacant"):
            if getattr(self, name) < (name == "max_depth"):
                raise ValueError(f"{name} cannot be {getattr(self, name)}")


LIMITS: Final = Limits()
"""What holds where nothing else is said."""


def for_codecs(limits: Limits | None) -> Limits | None:
    """What codecs have to be made with: None where they bound what they make as they do without being told."""
    if limits is None:
        return None
    told = Limits(
        max_depth=limits.max_depth,
        max_elements=limits.max_elements,
        max_units=limits.max_units,
        max_vacant=limits.max_vacant,
    )
    return None if told == LIMITS else told


def within(limits: Limits | None, data: memoryview, name: str) -> None:
    """Refuses octets of the value `name` that are more than the limits have."""
    if limits is not None and len(data) > limits.max_stub:
        message = f"takes {len(data)} octets, at most {limits.max_stub} are allowed"
        raise NdrError(message, path=name, offset=limits.max_stub)


def claim(count: int, spent: dict[Any, Any] | None, limits: Limits) -> None:
    """Counts elements that take no octets; nothing but a limit bounds how many the data may claim.

    Raises:
        NdrError: `spent` has more of them than a stub may have.
    """
    if spent is None:
        return
    total = spent.get("vacant", 0) + count
    if total > limits.max_vacant:
        raise NdrError(f"the data claims {total} elements that take no octets, at most {limits.max_vacant} are allowed")
    spent["vacant"] = total


def too_many(count: int, most: int) -> NdrError:
    return NdrError(f"has {count} elements, at most {most} are allowed")


def too_wide(count: int, most: int) -> NdrError:
    return NdrError(f"a string of {count} units with its terminator, at most {most} are allowed")


_FEW: Final = 1 << 16


def few(count: int) -> int:
    """How many elements to make that say nothing: as many as a request asks for, if that is not much.

    Raises:
        NdrError: it is.
    """
    if not 0 <= count <= _FEW:
        raise NdrError(f"{count} elements are too many to be made for nothing")
    return count
