"""Types by themselves: type serialization version 1 (MS-RPCE 2.2.6), which [encode] and [decode] ask for.

A common header names version and byte order; a constructed type has a private header with its length as well;
zeros up to a multiple of eight follow. Alignment counts from the type. Nothing that a header says is trusted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from struct import Struct
from typing import Any, Final, Literal, TypeAlias

from idlrt.errors import NdrError
from idlrt.ndr.failures import CODEC_ERRORS, explain
from idlrt.ndr.limits import Limits, for_codecs, within

ByteOrder: TypeAlias = Literal["<", ">"]
"""The order of integers, as `struct` spells it: little-endian or big-endian."""

Octets: TypeAlias = bytes | bytearray | memoryview

VERSION: Final = 1
_ENDIANNESS: Final = {0x10: "<", 0x00: ">"}
_COMMON_SIZE: Final = 8
_PRIVATE_SIZE: Final = 8
_COMMON: Final = {
    order: Struct(order + "BBHI").pack(VERSION, endianness, _COMMON_SIZE, 0xCCCCCCCC)
    for endianness, order in _ENDIANNESS.items()
}
_PRIVATE: Final = {order: Struct(order + "II") for order in _COMMON}
_HALF: Final = {order: Struct(order + "H") for order in _COMMON}
_PADDED: Final = 8


class TypeCodec:
    """How one type is written and read by itself, without headers.

    Attributes:
        put: the octets of a value, or of the values of an operation. get: octets -> the value, and where it ended.
        constructed: whether a private header stands before it.
    """

    __slots__ = ("constructed", "get", "put")

    def __init__(
        self,
        put: Callable[..., bytes | bytearray],
        get: Callable[[Any], tuple[Any, int]],
        constructed: bool,
    ) -> None:
        self.put = put
        self.get = get
        self.constructed = constructed


TypeCodecs: TypeAlias = Mapping[str, TypeCodec]
"""The codecs of one module in one byte order, by the types' names."""


class Pickles:
    """The types of one generated module that can be written and read by themselves."""

    __slots__ = ("_codec", "_loaded", "_module")

    def __init__(self, *, module: str, codec: str) -> None:
        self._module = module
        self._codec = codec
        self._loaded: dict[tuple[str, Limits | None], TypeCodecs] = {}

    def encode(self, name: str, value: Any, order: ByteOrder = "<") -> bytes:
        """The octets of a value of the type `name`, headers included."""
        if order not in _COMMON:
            raise ValueError(f'order is "<" or ">", not {order!r}')
        codec = self._codecs(order)[name]
        try:
            body = codec.put(value)
        except CODEC_ERRORS as error:
            found = explain(error, name)
            raise found from found.__cause__
        pad = bytes(-len(body) % _PADDED)
        private = _PRIVATE[order].pack(len(body) + len(pad), 0) if codec.constructed else b""
        return b"".join((_COMMON[order], private, body, pad))

    def decode(self, name: str, data: Octets, limits: Limits | None = None) -> Any:
        """The value of the type `name` that the octets are.

        Raises:
            NdrError: they are anything else, or more, or beyond the limits.
        """
        view = memoryview(data).cast("B")
        within(limits, view, name)
        order = _common(name, view)
        codec = self._codecs(order, for_codecs(limits))[name]
        start, end = _COMMON_SIZE, len(view)
        if codec.constructed:
            start, end = _private(name, view, order)
        body = view[start:end]
        try:
            value, size = codec.get(body)
        except CODEC_ERRORS as error:
            found = _moved(explain(error, name, body), start, complete=codec.constructed)
            raise found from found.__cause__
        left = len(view) - start - size
        if left >= _PADDED:
            raise NdrError(f"{left} octets are left over", path=name, offset=start + size)
        return value

    def _codecs(self, order: str, limits: Limits | None = None) -> TypeCodecs:
        found = self._loaded.get((order, limits))
        if found is None:
            package, _, _ = self._module.rpartition(".")
            module: Any = import_module(f"{package}.{self._codec}" if package else self._codec)
            given = {} if limits is None else {"limits": limits}
            found = self._loaded[order, limits] = module.ndr20(order, **given)
        return found

    def __repr__(self) -> str:
        return f"Pickles({self._module!r})"


def _common(name: str, view: memoryview) -> str:
    """Reads the common header (MS-RPCE 2.2.6.1); its byte order."""
    if len(view) < _COMMON_SIZE:
        raise NdrError(f"the common header takes {_COMMON_SIZE} octets", path=name, offset=len(view), truncated=True)
    if view[0] != VERSION:
        raise NdrError(f"is type serialization version {view[0]}, only version {VERSION} is known", path=name, offset=0)
    order = _ENDIANNESS.get(view[1])
    if order is None:
        raise NdrError(f"the byte order {view[1]:#04x} is neither 0x10 nor 0x00", path=name, offset=1)
    (size,) = _HALF[order].unpack_from(view, 2)
    if size != _COMMON_SIZE:
        raise NdrError(f"the common header says that it has {size} octets, not {_COMMON_SIZE}", path=name, offset=2)
    return order


def _private(name: str, view: memoryview, order: str) -> tuple[int, int]:
    """Reads a private header (MS-RPCE 2.2.6.2); where its type begins and where its octets end at the latest.

    Its length ought to be a multiple of eight; peers exist whose is not, so that is no reason to refuse.
    """
    start = _COMMON_SIZE + _PRIVATE_SIZE
    if len(view) < start:
        raise NdrError(f"the private header takes {_PRIVATE_SIZE} octets", path=name, offset=len(view), truncated=True)
    length, _ = _PRIVATE[order].unpack_from(view, _COMMON_SIZE)
    if length > len(view) - start:
        message = f"the private header announces {length} octets, where {len(view) - start} follow"
        raise NdrError(message, path=name, offset=_COMMON_SIZE, truncated=True)
    return start, start + length


def _moved(error: NdrError, start: int, *, complete: bool) -> NdrError:
    """The error with its offset counted from the common header; more data does not help what was complete."""
    if error.offset is not None:
        error.offset += start
    error.truncated = error.truncated and not complete
    return error
