"""How codecs move runs, numbers, text, GUIDs and handles: built once for each codec, then called a lot."""

from __future__ import annotations

import sys
from array import array
from codecs import (
    latin_1_decode,
    latin_1_encode,
    utf_16_be_decode,
    utf_16_be_encode,
    utf_16_le_decode,
    utf_16_le_encode,
)
from collections.abc import Callable, Mapping, Sequence
from struct import Struct
from typing import Any
from uuid import UUID

PAD = tuple(bytes(count) for count in range(8))
"""Padding of 0 to 7 octets."""


def text_codec(order: str) -> tuple[Callable[..., tuple[bytes, int]], Callable[..., tuple[str, int]]]:
    """UTF-16 encode and decode in a byte order; both take ("surrogatepass") and give (result, length)."""
    if order == "<":
        return utf_16_le_encode, utf_16_le_decode
    return utf_16_be_encode, utf_16_be_decode


def narrow(text: str) -> bytes:
    """The octets of a `char` string; raises UnicodeEncodeError beyond Latin-1."""
    return latin_1_encode(text)[0]


def widen(data: bytes | memoryview) -> str:
    """The text of a `char` string: one character an octet, whatever it is."""
    return latin_1_decode(data)[0]


class _Heads(dict[int, bytes]):
    """Counts of strings by their units, made when first needed; long strings are not remembered."""

    def __init__(self, order: str, letter: str, pad: int) -> None:
        super().__init__()
        self._pack = Struct(f"{order}{pad}x3{letter}").pack

    def __missing__(self, units: int) -> bytes:
        head = self._pack(units, 0, units)
        if units < 1024:
            self[units] = head
        return head


def string_heads(order: str, letter: str) -> tuple[Mapping[int, bytes], ...]:
    """For each padding, maximum count, offset and actual count of a string, by its units (C706 14.3.4)."""
    return tuple(_Heads(order, letter, pad) for pad in range(8))


def packers(order: str, formats: Sequence[str]) -> tuple[Callable[..., bytes], ...]:
    """One `pack` for each position modulo 8 at which a run may start."""
    return tuple(Struct(order + text).pack for text in formats)


def readers(order: str, formats: Sequence[str]) -> tuple[Struct, ...]:
    """One Struct for each position modulo 8 at which a run may start."""
    return tuple(Struct(order + text) for text in formats)


def number_writer(order: str, letter: str) -> Callable[[Any], bytes]:
    """Writes a sequence of numbers of one struct letter in bulk."""
    if letter == "?":
        return lambda values: bytes(map(bool, values))
    swap = array(letter).itemsize > 1 and (order == "<") != (sys.byteorder == "little")

    def write(values: Any) -> bytes:
        numbers = array(letter, values)
        if swap:
            numbers.byteswap()
        return numbers.tobytes()

    return write


def number_reader(order: str, letter: str) -> Callable[[Any], list[Any]]:
    """Reads octets as a list of numbers of one struct letter."""
    if letter == "?":
        return lambda data: list(map(bool, data))
    swap = array(letter).itemsize > 1 and (order == "<") != (sys.byteorder == "little")
    if not swap:

        def read_native(data: Any) -> list[Any]:
            view: Any = memoryview(data).cast("B")
            numbers: list[Any] = view.cast(letter).tolist()
            return numbers

        return read_native

    def read(data: Any) -> list[Any]:
        numbers = array(letter)
        numbers.frombytes(data)
        numbers.byteswap()
        return numbers.tolist()

    return read


def guid_codec(order: str) -> tuple[Callable[[UUID], bytes], Callable[[bytes], UUID]]:
    """A GUID's 16 octets: its first three parts follow the integer order (C706 appendix A)."""
    if order == "<":
        return (lambda guid: guid.bytes_le), (lambda data: UUID(bytes_le=data))
    return (lambda guid: guid.bytes), (lambda data: UUID(bytes=data))


_NULL_HANDLE = bytes(20)


def handle_codec(order: str) -> tuple[Callable[[Any], bytes], Callable[[Any, bytes], Any]]:
    """A context handle's 20 octets: attributes and uuid; all zero is the null handle, None (C706 14.2.8)."""
    attributes = Struct(order + "I")
    to_guid, from_guid = guid_codec(order)

    def write(handle: Any) -> bytes:
        if handle is None:
            return _NULL_HANDLE
        return attributes.pack(handle.attributes) + to_guid(handle.uuid)

    def read(handle_type: Any, data: bytes) -> Any:
        if data == _NULL_HANDLE:
            return None
        return handle_type(attributes.unpack_from(data)[0], from_guid(data[4:]))

    return write, read


def quotient(left: int, right: int) -> int:
    """C's integer division: towards zero."""
    value = abs(left) // abs(right)
    return value if (left < 0) == (right < 0) else -value


def remainder(left: int, right: int) -> int:
    """C's remainder: it has the sign of the dividend."""
    return left - right * quotient(left, right)


def signed(value: int, bits: int) -> int:
    """The value of the low `bits` as a signed integer."""
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


def units(text: str | None) -> int:
    """UTF-16 code units of a text, as wchar_t counts them."""
    return 0 if text is None else len(text) + sum(character > "\uffff" for character in text)
