"""Converters: what stands between a value as it travels and the value as a program wants to see it.

The IDL says what travels; `represent_as` and `user_marshal` in an ACF file name the class that converts. Generated
codecs ask for it once, when they are made, and call it for each value.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from idlrt.errors import NdrError

PresentedT = TypeVar("PresentedT")
WireT = TypeVar("WireT")


class Converter(Protocol[PresentedT, WireT]):
    """What a converter's class offers, by static or class methods; besides, it names the type that it presents:

        class FileTime:
            Presented: TypeAlias = datetime

            @staticmethod
            def to_wire(value: datetime) -> FILETIME: ...

            @staticmethod
            def from_wire(wire: FILETIME) -> datetime: ...

    Both must do without state: a value may be converted more than once on its way.
    """

    def to_wire(self, value: PresentedT, /) -> WireT:
        """What travels instead of a value; any exception is reported as NdrError at the value's place."""

    def from_wire(self, wire: WireT, /) -> PresentedT:
        """The value that came as `wire`."""


def to_wire(name: str, converter: Any) -> Callable[[Any], Any]:
    """The converter's function for values that go out, its failures told with the IDL name of the type."""
    convert = _function(name, converter, "to_wire")

    def guarded(value: Any) -> Any:
        try:
            return convert(value)
        except Exception as error:
            raise NdrError(f"{value!r} is not presented as {name} is: {_reason(error)}") from error

    return guarded


def from_wire(name: str, converter: Any) -> Callable[[Any], Any]:
    """The converter's function for values that come in."""
    convert = _function(name, converter, "from_wire")

    def guarded(wire: Any) -> Any:
        try:
            return convert(wire)
        except Exception as error:
            raise NdrError(f"{wire!r} cannot be presented as {name} is: {_reason(error)}") from error

    return guarded


def _function(name: str, converter: Any, part: str) -> Callable[[Any], Any]:
    found: Any = getattr(converter, part, None)
    if not callable(found):
        where = f"{converter.__module__}.{converter.__qualname__}" if isinstance(converter, type) else repr(converter)
        raise TypeError(f"the converter of {name}, {where}, has no function {part}")
    function: Callable[[Any], Any] = found
    return function


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
