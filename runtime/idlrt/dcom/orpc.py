"""What a call of an object adds to a remote procedure call: ORPCTHIS before its parameters, ORPCTHAT before results.

Both are multiples of eight octets long (MS-DCOM 2.2.13), so parameters and results keep the alignment that they have by
themselves, and their codecs need not know. To RPC a request is the octets that `put_call` makes, whole; who the object
is shows only in the call, and that decides how the octets are to be read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from struct import Struct
from struct import error as StructError
from typing import Any, Final, NamedTuple
from uuid import UUID

from idlrt.com.context import kind_of
from idlrt.com.interfaces import IUnknown
from idlrt.com.methods import Methods
from idlrt.errors import NdrError
from idlrt.ids import NDR20, Order, SyntaxId, uuid_bytes, uuid_from, uuid_of
from idlrt.ndr import Codecs, Limits, OperationCodec
from idlrt.rpc import Interface, Operation

MAJOR: Final = 5
MINOR: Final = 7
"""The version of the protocol that is spoken here (MS-DCOM 2.2.11); a server accepts every smaller minor one."""

MAX_EXTENSIONS: Final = 64
"""Extensions of one call that are read, unknown ones included."""

COPIED: Final = 1024
"""Octets below which a copy costs less than a view."""

_THIS: Final = {order: Struct(order + "HHII16sI") for order in "<>"}
_THAT: Final = {order: Struct(order + "II") for order in "<>"}
_ARRAY: Final = {order: Struct(order + "IIII") for order in "<>"}
_EXTENT: Final = {order: Struct(order + "I16sI") for order in "<>"}
_REFERENT: Final = 0x30000
_PACK_THIS: Final = _THIS["<"].pack
_plain: Final = Struct("<HHIIIHH").pack
_little: Final = Struct("<HHIIIHH8sI").unpack_from
_NO_EXTENSIONS: Final = bytes(4)
_LOW: Final = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class Extension:
    """ORPC_EXTENT: data beside the parameters, for who knows its id (MS-DCOM 2.2.13.3)."""

    id: UUID
    data: bytes


class This(NamedTuple):
    """ORPCTHIS (MS-DCOM 2.2.13.3): version, causality id, extensions."""

    cid: UUID
    minor: int = MINOR
    extensions: tuple[Extension, ...] = ()
    flags: int = 0
    major: int = MAJOR

    @property
    def accepted(self) -> bool:
        """Whether a server of this version serves the call."""
        return self.major == MAJOR and self.minor <= MINOR


class That(NamedTuple):
    """ORPCTHAT (MS-DCOM 2.2.13.4)."""

    extensions: tuple[Extension, ...] = ()
    flags: int = 0


_tuple: Final[Callable[[Any, tuple[object, ...]], Any]] = tuple.__new__  # of a NamedTuple, which takes longer itself
PLAIN: Final = That()
NOTHING: Final = bytes(8)


# ---------------------------------------------------------------------------- octets


def put_this(this: This) -> bytes:
    """The octets of ORPCTHIS, little-endian; always a multiple of eight."""
    cid, minor, extensions, flags, major = this
    head = _PACK_THIS(major, minor, flags, 0, uuid_bytes(cid), _REFERENT if extensions else 0)
    return head + _extensions(extensions) if extensions else head


def plain_this(cid: UUID, minor: int) -> bytes:
    """The octets of an ORPCTHIS without extensions."""
    number = cid.int
    return (
        _plain(MAJOR, minor, 0, 0, number >> 96, number >> 80 & 0xFFFF, number >> 64 & 0xFFFF)
        + (number & _LOW).to_bytes(8)
        + _NO_EXTENSIONS
    )


def put_that(that: That) -> bytes:
    """The octets of ORPCTHAT, little-endian; always a multiple of eight."""
    if that is PLAIN:
        return NOTHING
    return _THAT["<"].pack(that.flags, _REFERENT if that.extensions else 0) + _extensions(that.extensions)


def _extensions(extensions: tuple[Extension, ...]) -> bytes:
    """ORPC_EXTENT_ARRAY behind its pointer: an even number of pointers, and data of whole eights (2.2.13.2)."""
    if not extensions:
        return b""
    count = len(extensions)
    slots = count + 1 & -2
    pointers = [_REFERENT + 4 * number for number in range(2, count + 2)] + [0] * (slots - count)
    parts = [
        _ARRAY["<"].pack(count, 0, _REFERENT + 4, slots),
        Struct(f"<{slots}I").pack(*pointers),
    ]
    for each in extensions:
        size = len(each.data)
        parts += (
            _EXTENT["<"].pack(size + 7 & -8, each.id.bytes_le, size),
            each.data,
            bytes(-size % 8),
        )
    return b"".join(parts)


def get_this(data: bytes | bytearray | memoryview, order: Order = "<") -> tuple[This, int]:
    """ORPCTHIS, and where the parameters begin.

    Raises:
        NdrError: the octets are none, or end too early.
    """
    try:
        if order == "<":
            major, minor, flags, _, first, second, third, last, present = _little(data)
            if not present:
                cid = uuid_of(first << 96 | second << 80 | third << 64 | int.from_bytes(last))
                return _tuple(This, (cid, minor, (), flags, major)), 32
        major, minor, flags, _, octets, present = _THIS[order].unpack_from(data)
    except StructError:
        raise NdrError("the call ends within ORPCTHIS", offset=len(data), truncated=True) from None
    extensions, at = _extended(data, 32, order) if present else ((), 32)
    return This(uuid_from(octets, order), minor, extensions, flags, major), at


def get_that(data: bytes | bytearray | memoryview, order: Order = "<") -> tuple[That, int]:
    """ORPCTHAT, and where the results begin.

    Raises:
        NdrError: the octets are none, or end too early.
    """
    if data[:8] == NOTHING:
        return PLAIN, 8
    try:
        flags, present = _THAT[order].unpack_from(data)
    except StructError:
        raise NdrError("the answer ends within ORPCTHAT", offset=len(data), truncated=True) from None
    extensions, at = _extended(data, 8, order) if present else ((), 8)
    return That(extensions, flags), at


def _extended(data: bytes | bytearray | memoryview, at: int, order: Order) -> tuple[tuple[Extension, ...], int]:
    try:
        size, _, present, slots = _ARRAY[order].unpack_from(data, at)
        if not present:
            # What follows would begin in the midst of eight octets; nobody sends that.
            raise NdrError("extensions without their array", offset=at + 8)
        if size > MAX_EXTENSIONS or slots != size + 1 & -2:
            raise NdrError(f"{size} extensions in an array of {slots}", offset=at)
        at += 16
        pointers = Struct(f"{order}{slots}I").unpack_from(data, at)
        at += 4 * slots
        found = []
        for _ in filter(None, pointers):
            room, identity, length = _EXTENT[order].unpack_from(data, at)
            at += 24
            if room != length + 7 & -8:
                raise NdrError(
                    f"an extension of {length} octets in an array of {room}",
                    offset=at - 4,
                )
            if room > len(data) - at:
                raise NdrError("an extension that ends too late", offset=at, truncated=True)
            found.append(Extension(uuid_from(identity, order), bytes(data[at : at + length])))
            at += room
    except StructError:
        raise NdrError("the call ends within its extensions", offset=len(data), truncated=True) from None
    return tuple(found), at


# ---------------------------------------------------------------------------- interfaces


class Received(NamedTuple):
    """A stub as it came, and the order of its integers."""

    data: bytes | bytearray | memoryview
    order: Order


def rest(data: bytes | bytearray | memoryview, at: int) -> bytes | bytearray | memoryview:
    """The parameters or results in a stub."""
    return data[at:] if len(data) < COPIED else memoryview(data)[at:]


class _Every(dict[int, OperationCodec]):
    """The same codec for every operation."""

    def __init__(self, order: Order) -> None:
        super().__init__()
        self._codec = OperationCodec(
            lambda stub: stub,
            lambda data, at=0: (_tuple(Received, (data, order)),),
            lambda result, inputs, at=0: result,
            lambda data, inputs, at=0: _tuple(Received, (data, order)),
        )

    def __missing__(self, opnum: int) -> OperationCodec:
        return self.setdefault(opnum, self._codec)


_WHOLE: Final[Mapping[str, Codecs]] = {"<": _Every("<"), ">": _Every(">")}


class WholeStubs(Interface):
    """An object interface as RPC takes it: octets in, octets out. Version 0.0 and NDR 2.0, as all of them."""

    __slots__ = ()

    def __init__(self, name: str, iid: UUID, operations: Iterable[Operation]) -> None:
        super().__init__(
            name,
            str(iid),
            (0, 0),
            module=__name__,
            codec="",
            operations=tuple(
                Operation(
                    each.name,
                    each.opnum,
                    is_async=True,
                    inputs=("stub",),
                    outputs=("stub",),
                )
                for each in operations
            ),
        )

    def codecs(self, transfer: SyntaxId, order: str, limits: Limits | None = None) -> Codecs:
        return _WHOLE[order]


class ObjectInterface:
    """What both sides know of a class that stands for an object interface: all its methods, those of its bases first.

    Attributes:
        kind: the class. iid: its identity. number: that as a number. whole: what RPC is told of it.
        operations: by number. usual: codecs by number, little-endian and with usual limits.
        kinds: how callers wait, by number.
    """

    __slots__ = ("_loaded", "_methods", "iid", "kind", "kinds", "number", "operations", "usual", "whole")

    def __init__(self, kind: type[IUnknown]) -> None:
        self.kind = kind
        self.iid = kind.IID
        self.number = kind.IID.int
        tables = [vars(each)["METHODS"] for each in reversed(kind.__mro__) if "METHODS" in vars(each)]
        self._methods: dict[int, Methods] = {op.opnum: table for table in tables for op in table.operations}
        self.operations = {op.opnum: op for table in tables for op in table.operations}
        self.kinds = {opnum: kind_of(kind, opnum) for opnum in self.operations}
        self.whole = WholeStubs(kind.__name__, self.iid, self.operations.values())
        self._loaded: dict[tuple[int, str, Limits | None], OperationCodec] = {}
        self.usual = _Usual(self)

    def codec(self, opnum: int, order: str, limits: Limits | None = None) -> OperationCodec:
        """How the parameters of a method travel, without what ORPC puts before them."""
        found = self._loaded.get((opnum, order, limits))
        if found is None:
            methods = self._methods[opnum]
            codecs = methods.codecs(NDR20, order, limits)
            found = self._loaded[opnum, order, limits] = codecs[opnum + methods.offset]
        return found

    def __repr__(self) -> str:
        return f"ObjectInterface({self.kind.__name__})"


class _Usual(dict[int, OperationCodec]):
    """The codecs of most calls, made when first used."""

    def __init__(self, interface: ObjectInterface) -> None:
        super().__init__()
        self._interface = interface

    def __missing__(self, opnum: int) -> OperationCodec:
        return self.setdefault(opnum, self._interface.codec(opnum, "<"))


def interface_of(kind: type[IUnknown]) -> ObjectInterface:
    """What is known of an interface class; made once."""
    found: ObjectInterface | None = kind.__dict__.get("_object_interface")
    if found is None:
        found = kind._object_interface = ObjectInterface(kind)  # type: ignore[attr-defined]
    return found
