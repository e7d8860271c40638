"""Operations that are serialized instead of called: what [encode] and [decode] on them ask for.

The octets are a header that names transfer syntax, interface and operation, then the parameters as the only content of
a stub, then zeros up to a multiple of eight. MS-RPCE describes types alone; this header is Microsoft's own, as Wine
writes and reads it too:

    0   version 1; byte order, 1 little-endian or 0 big-endian; filler of 2 octets
    4   transfer syntax: uuid, major and minor version
    24  interface: uuid, major and minor version
    44  operation number
    48  data representation: byte order again, character set and float format 0, filler
    52  octets that follow, padding included
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from struct import Struct
from typing import Any, Final
from uuid import UUID

from idlrt.errors import NdrError
from idlrt.ids import NDR20, Order, SyntaxId, syntax_name, uuid_bytes, uuid_from
from idlrt.ndr.failures import CODEC_ERRORS, explain
from idlrt.ndr.limits import Limits, for_codecs, within
from idlrt.ndr.pickling import ByteOrder, Octets, TypeCodecs

VERSION: Final = 1
_ORDERS: Final[dict[int, Order]] = {1: "<", 0: ">"}
_FILLER: Final = 0xCCCC
_HEADER: Final = {order: Struct(order + "BBH16sHH16sHHIB3xI") for order in _ORDERS.values()}
_SIZE: Final = 56
_PADDED: Final = 8


@dataclass(frozen=True, slots=True)
class EncodedProcedure:
    """What a header says of the octets behind it."""

    interface: SyntaxId
    opnum: int
    transfer: SyntaxId
    order: Order
    length: int
    """Octets behind the header, padding included."""


def encoded_procedure(data: Octets) -> EncodedProcedure:
    """Which operation of which interface was encoded; NdrError when that is no header, or announces too much."""
    view = memoryview(data).cast("B")
    if len(view) < _SIZE:
        raise NdrError(f"the header takes {_SIZE} octets", offset=len(view), truncated=True)
    if view[0] != VERSION:
        raise NdrError(f"is serialization version {view[0]}, only version {VERSION} is known", offset=0)
    order = _ORDERS.get(view[1])
    if order is None:
        raise NdrError(f"the byte order {view[1]:#04x} is neither 0x01 nor 0x00", offset=1)
    fields = _HEADER[order].unpack_from(view)
    _, _, _, transfer, major, minor, interface, major2, minor2, opnum, again, length = fields
    if again != view[1]:
        raise NdrError("the header names two byte orders", offset=48)
    if length > len(view) - _SIZE:
        message = f"the header announces {length} octets, where {len(view) - _SIZE} follow"
        raise NdrError(message, offset=52, truncated=True)
    return EncodedProcedure(
        SyntaxId(uuid_from(interface, order), major2, minor2),
        opnum,
        SyntaxId(uuid_from(transfer, order), major, minor),
        order,
        length,
    )


class Procedures:
    """The serialized operations of one interface of a generated module."""

    __slots__ = ("_codec", "_loaded", "_module", "interface", "name")

    def __init__(self, name: str, uuid: str, version: tuple[int, int], *, module: str, codec: str) -> None:
        self.name = name
        self.interface = SyntaxId.of(UUID(uuid), version)
        self._module = module
        self._codec = codec
        self._loaded: dict[tuple[str, Limits | None], TypeCodecs] = {}

    def encode(self, name: str, opnum: int, values: tuple[Any, ...], order: ByteOrder = "<") -> bytes:
        """The [in] parameters of the operation `name` as octets, header included."""
        if order not in _HEADER:
            raise ValueError(f'order is "<" or ">", not {order!r}')
        codec = self._codecs(order)[f"{self.name}.{name}"]
        try:
            body = codec.put(*values)
        except CODEC_ERRORS as error:
            found = explain(error, name)
            raise found from found.__cause__
        pad = bytes(-len(body) % _PADDED)
        little = int(order == "<")
        header = _HEADER[order].pack(
            VERSION,
            little,
            _FILLER,
            uuid_bytes(NDR20.uuid, order),
            NDR20.major,
            NDR20.minor,
            uuid_bytes(self.interface.uuid, order),
            self.interface.major,
            self.interface.minor,
            opnum,
            little,
            len(body) + len(pad),
        )
        return b"".join((header, body, pad))

    def decode(self, name: str, opnum: int, data: Octets, limits: Limits | None = None) -> Any:
        """The [out] parameters of the operation `name` that the octets are.

        Raises:
            NdrError: they are anything else, or more, or beyond the limits.
        """
        view = memoryview(data).cast("B")
        within(limits, view, name)
        try:
            header = encoded_procedure(view)
        except NdrError as error:
            error.path = name
            raise
        if header.interface != self.interface:
            message = f"is of interface {header.interface}, not {self.name} {self.interface}"
            raise NdrError(message, path=name, offset=24)
        if header.opnum != opnum:
            raise NdrError(f"is operation {header.opnum}, not {opnum}", path=name, offset=44)
        if header.transfer != NDR20:
            raise NdrError(f"is in {syntax_name(header.transfer)}, not NDR 2.0", path=name, offset=4)
        codec = self._codecs(header.order, for_codecs(limits))[f"{self.name}.{name}"]
        body = view[_SIZE : _SIZE + header.length]
        try:
            value, size = codec.get(body)
        except CODEC_ERRORS as error:
            found = explain(error, name, body)
            if found.offset is not None:
                found.offset += _SIZE
            found.truncated = False  # the header said how much there is
            raise found from found.__cause__
        left = len(view) - _SIZE - size
        if left >= _PADDED:
            raise NdrError(f"{left} octets are left over", path=name, offset=_SIZE + size)
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
        return f"Procedures({self.name!r}, {self.interface})"
