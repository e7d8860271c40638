"""Numbers of 64 bits that travel as two of 32, aligned as these are: `udlong` and its like in Samba's IDL."""

from __future__ import annotations

from typing import Any, TypeAlias


class Halves:
    """The halves of a number, and what presents it. The sign, if there is one, is in the upper half."""

    Presented: TypeAlias = int

    __slots__ = ("low", "high")

    def __init__(self, low: int, high: int) -> None:
        self.low = low
        self.high = high

    @classmethod
    def to_wire(cls, value: int) -> Halves:
        """The halves of a number; struct.error for one of more than 64 bits comes from whoever writes them."""
        return cls(value & 0xFFFF_FFFF, value >> 32)

    @staticmethod
    def from_wire(wire: Any) -> int:
        """The number that anything with halves is."""
        whole: int = wire.high << 32 | wire.low
        return whole
