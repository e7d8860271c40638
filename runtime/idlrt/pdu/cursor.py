"""Bounds-checked reading of PDU bodies: every octet is looked for before it is used."""

from __future__ import annotations

from struct import Struct
from typing import Final

from idlrt.errors import RemoteProtocolError
from idlrt.ids import SYNTAX_SIZE, Order, SyntaxId

_U16: Final = {"<": Struct("<H"), ">": Struct(">H")}
_U32: Final = {"<": Struct("<I"), ">": Struct(">I")}


class Cursor:
    """A place in a PDU, counted from the PDU's start since that is what alignment counts from."""

    __slots__ = ("_at", "_data", "_end", "_name", "_order", "_u16", "_u32")

    def __init__(self, data: memoryview, at: int, end: int, order: Order, name: str) -> None:
        self._data, self._at, self._end, self._order, self._name = data, at, end, order, name
        self._u16, self._u32 = _U16[order], _U32[order]

    @property
    def left(self) -> int:
        return self._end - self._at

    def _step(self, count: int) -> int:
        at = self._at
        if count > self._end - at:
            raise RemoteProtocolError(f"the {self._name} PDU ends {count - (self._end - at)} octets too early")
        self._at = at + count
        return at

    def u8(self) -> int:
        return self._data[self._step(1)]

    def u16(self) -> int:
        value: int = self._u16.unpack_from(self._data, self._step(2))[0]
        return value

    def u32(self) -> int:
        value: int = self._u32.unpack_from(self._data, self._step(4))[0]
        return value

    def take(self, count: int) -> bytes:
        at = self._step(count)
        return self._data[at : at + count].tobytes()

    def rest(self) -> bytes:
        return self.take(self.left)

    def syntax(self) -> SyntaxId:
        return SyntaxId.unpack(self._data, self._step(SYNTAX_SIZE), self._order)

    def skip(self, count: int) -> None:
        self._step(count)

    def align(self, to: int) -> None:
        self._step(-self._at % to)
