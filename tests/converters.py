"""Converters that tests/golden/conversion names: what it is like to write some."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from importlib import import_module
from ipaddress import IPv4Address
from typing import Any, TypeAlias

from idlc.semantics.types import Presented
from tests.golden.conversion.conversion import FRACTION, STAMP, TEXT_BLOB

EPOCH = datetime(1601, 1, 1, tzinfo=UTC)


class Stamp:
    """A count of 100 ns in two halves, seen as a time."""

    Presented: TypeAlias = datetime

    @staticmethod
    def to_wire(value: datetime) -> STAMP:
        ticks = (value - EPOCH) // timedelta(microseconds=1) * 10
        return STAMP(ticks & 0xFFFFFFFF, ticks >> 32)

    @staticmethod
    def from_wire(wire: STAMP) -> datetime:
        return EPOCH + timedelta(microseconds=(wire.high << 32 | wire.low) // 10)


class Text:
    """A counted text behind a pointer, seen as str; the null pointer is None."""

    Presented: TypeAlias = str | None

    @staticmethod
    def to_wire(value: str | None) -> TEXT_BLOB | None:
        return None if value is None else TEXT_BLOB(value)

    @staticmethod
    def from_wire(wire: TEXT_BLOB | None) -> str | None:
        return None if wire is None else str(wire.text)


class Ratio:
    """Two numbers, seen as a fraction."""

    Presented: TypeAlias = Fraction

    @staticmethod
    def to_wire(value: Fraction) -> FRACTION:
        return FRACTION(value.numerator, value.denominator)

    @staticmethod
    def from_wire(wire: FRACTION) -> Fraction:
        return Fraction(wire.over, wire.under)


class Percent:
    """Hundredths, seen as float."""

    Presented: TypeAlias = float

    @staticmethod
    def to_wire(value: float) -> int:
        return round(value * 100)

    @staticmethod
    def from_wire(wire: int) -> float:
        return wire / 100


class Address:
    """Four octets, seen as an address."""

    Presented: TypeAlias = IPv4Address

    @staticmethod
    def to_wire(value: IPv4Address) -> bytes:
        return value.packed

    @staticmethod
    def from_wire(wire: bytes) -> IPv4Address:
        return IPv4Address(wire)


def found_converter(type_: Presented) -> Any:
    """The class that a bound type names."""
    module, _, name = type_.converter.rpartition(".")
    return getattr(import_module(module), name)
