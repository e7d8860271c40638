"""Pointers that need more than a local: full pointers with aliases, and types that reach themselves."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, NoReturn

from idlrt.errors import NdrError
from idlrt.ndr.limits import MAX_DEPTH

UNSET: Any = None
"""Stands in a field of an object that is made before its referents are read."""


class Aliases:
    """Referent ids of full pointers in one stub: an object has one id, and one pointee (C706 14.3.10)."""

    __slots__ = ("_ids", "_kept", "_written")

    def __init__(self) -> None:
        self._ids: dict[int, int] = {}
        self._kept: list[object] = []  # what a converter made would else be gone, and another object have its identity
        self._written: set[int] = set()

    def referent(self, target: object) -> int:
        """The id for the object pointed at; 0 for None.

        Ids count from 1, as Windows numbers them: Wine keeps a table as long as the largest. A stub with so many that
        they would meet those of unique pointers, which begin at 0x20000, goes on far above.
        """
        if target is None:
            return 0
        known = self._ids.get(id(target))
        if known is None:
            number = len(self._ids) + 1
            known = self._ids[id(target)] = number if number < 0x20000 else 0x40000000 + number
            self._kept.append(target)
        return known

    def first(self, target: object) -> bool:
        """Whether this visit is the one that writes the pointee."""
        if id(target) in self._written:
            return False
        self._written.add(id(target))
        return True


TOLD = 32
"""How many codecs of recursive types an error is taken through, for the path of the value that it is about."""


def unwind(top: Generator[Any, Any, Any], most: int = MAX_DEPTH) -> Any:
    """Runs a codec of a recursive type: each yields the codec it would have called, so no stack grows.

    Raises:
        NdrError: the value nests deeper than `most`; and whatever a codec raises.
    """
    stack = [top]
    value: Any = None
    while stack:
        try:
            value = stack[-1].send(value)
        except StopIteration as done:
            stack.pop()
            value = done.value
        except Exception as error:
            stack.pop()
            _raise_through(stack, error)
        else:
            if len(stack) >= most:
                raise NdrError(f"the value nests deeper than {most} pointers, or leads back to itself")
            stack.append(value)
            value = None
    return value


def _raise_through(waiting: list[Generator[Any, Any, Any]], error: Exception) -> NoReturn:
    """Raises in each codec that waits, so that the traceback, which tells where a value stands, has them all."""
    while waiting and len(waiting) <= TOLD:
        try:
            waiting.pop().throw(error)
        except Exception as raised:
            error = raised
    raise error
