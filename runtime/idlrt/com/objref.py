"""Object references as octets: OBJREF and what it is made of (MS-DCOM 2.2.18 and 2.2.19).

A reference is always little-endian and packed. In a stub it stands within an MInterfacePointer, whose octets are what
`decode` takes and `encode` makes. Nothing here follows a reference: addresses in it come from the peer.
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct
from typing import Any, Final, TypeAlias
from uuid import UUID

from idlrt.errors import NdrError

SIGNATURE: Final = b"MEOW"
NO_PING: Final = 0x1000
"""SORF_NOPING of `StandardReference.flags`: the object lives without being pinged."""

_HEADER: Final = Struct("<4sI16s")
_STANDARD: Final = Struct("<IIQQ16s")
_CUSTOM: Final = Struct("<16sII")
_BINDINGS: Final = Struct("<HH")
_U16: Final = Struct("<H")
_U32: Final = Struct("<I")
_CONTEXT: Final = Struct("<II16sII")

_STANDARD_FLAG: Final = 1
_HANDLER_FLAG: Final = 2
_CUSTOM_FLAG: Final = 4
_EXTENDED_FLAG: Final = 8
_EXTENDED_SIGNATURE: Final = 0x4E535956
_NO_AUTHORIZATION: Final = 0xFFFF
_MOST_UNITS: Final = 0xFFFF


@dataclass(frozen=True, slots=True)
class StringBinding:
    """Where an object exporter or resolver listens: `tower` 7 is TCP; `host` or `host[port]` (2.2.19.3)."""

    tower: int
    address: str


@dataclass(frozen=True, slots=True)
class SecurityBinding:
    """A security provider that it accepts, 9 Negotiate, 10 NTLM, 16 Kerberos, and its principal (2.2.19.4)."""

    service: int
    principal: str = ""


@dataclass(frozen=True, slots=True)
class Bindings:
    """DUALSTRINGARRAY: string bindings, then security bindings, each in the order of preference (2.2.19.2)."""

    strings: tuple[StringBinding, ...] = ()
    security: tuple[SecurityBinding, ...] = ()


@dataclass(frozen=True, slots=True)
class StandardReference:
    """STDOBJREF: who exports the object, which it is, and which of its interfaces is meant (2.2.18.2)."""

    oxid: int
    oid: int
    ipid: UUID
    public_refs: int = 5
    """How many references change hands."""
    flags: int = 0


@dataclass(frozen=True, slots=True)
class Standard:
    """OBJREF_STANDARD (2.2.18.4). `resolver` says where the exporter's object resolver is."""

    iid: UUID
    reference: StandardReference
    resolver: Bindings = Bindings()


@dataclass(frozen=True, slots=True)
class Handler:
    """OBJREF_HANDLER (2.2.18.5): a standard reference that wants the handler class `clsid` in the client."""

    iid: UUID
    reference: StandardReference
    clsid: UUID
    resolver: Bindings = Bindings()


@dataclass(frozen=True, slots=True)
class Custom:
    """OBJREF_CUSTOM (2.2.18.6): `data` is for the unmarshaler class `clsid` alone."""

    iid: UUID
    clsid: UUID
    data: bytes


@dataclass(frozen=True, slots=True)
class Extended:
    """OBJREF_EXTENDED (2.2.18.7): a standard reference and one marshalled context."""

    iid: UUID
    reference: StandardReference
    context_id: UUID
    context: bytes
    resolver: Bindings = Bindings()


ObjectReference: TypeAlias = Standard | Handler | Custom | Extended


def decode(data: bytes | bytearray | memoryview) -> ObjectReference:
    """The reference that octets are. Octets after a reference are ignored, but for those of a custom one.

    Args:
        data: an OBJREF from its signature on, as long as the MInterfacePointer says.

    Raises:
        NdrError: the octets are no reference, or end too early.
    """
    place = _Place(bytes(data))
    signature, flags, iid = place.take(_HEADER)
    if signature != SIGNATURE:
        raise NdrError("an object reference begins with MEOW", offset=0)
    identity = UUID(bytes_le=iid)
    if not identity.int:
        raise NdrError("an object reference without an interface", offset=8)
    if flags == _STANDARD_FLAG:
        return Standard(identity, _standard(place), _bound(place))
    if flags == _HANDLER_FLAG:
        return Handler(identity, _standard(place), place.uuid(), _bound(place))
    if flags == _CUSTOM_FLAG:
        return _custom(place, identity)
    if flags == _EXTENDED_FLAG:
        return _extended(place, identity)
    raise NdrError(f"an object reference of kind 0x{flags:x}; there are 1, 2, 4 and 8", offset=4)


def encode(reference: ObjectReference) -> bytes:
    """The octets of a reference, as they stand in an MInterfacePointer.

    Raises:
        NdrError: a text holds a NUL, or all bindings together are too long.
    """
    match reference:
        case Standard(iid, standard, resolver):
            return _framed(_STANDARD_FLAG, iid, _packed(standard), _bindings(resolver))
        case Handler(iid, standard, clsid, resolver):
            return _framed(_HANDLER_FLAG, iid, _packed(standard), clsid.bytes_le, _bindings(resolver))
        case Custom(iid, clsid, data):
            # The last number is reserved; others write there how much follows it, and eight.
            return _framed(_CUSTOM_FLAG, iid, _CUSTOM.pack(clsid.bytes_le, 0, len(data) + 8), data)
        case Extended(iid, standard, context_id, context, resolver):
            size = len(context)
            head = _CONTEXT.pack(1, _EXTENDED_SIGNATURE, context_id.bytes_le, size, size + 7 & -8)
            mark = _U32.pack(_EXTENDED_SIGNATURE)
            last = head + context + bytes(-size % 8)
            return _framed(_EXTENDED_FLAG, iid, _packed(standard), mark, _bindings(resolver), last)


def encode_bindings(bindings: Bindings) -> bytes:
    """The octets of a DUALSTRINGARRAY; NdrError as in `encode`."""
    return _bindings(bindings)


def decode_bindings(data: bytes | bytearray | memoryview) -> Bindings:
    """The bindings that the octets of a DUALSTRINGARRAY are; NdrError as in `decode`."""
    return _bound(_Place(bytes(data)))


def _framed(flag: int, iid: UUID, *parts: bytes) -> bytes:
    return b"".join((_HEADER.pack(SIGNATURE, flag, iid.bytes_le), *parts))


# ---------------------------------------------------------------------------- reading


class _Place:
    """How far a reference is read."""

    __slots__ = ("at", "data")

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def octets(self, count: int) -> bytes:
        at = self.at
        if count > len(self.data) - at:
            message = f"the object reference ends {count - (len(self.data) - at)} octets too early"
            raise NdrError(message, offset=at, truncated=True)
        self.at = at + count
        return self.data[at : self.at]

    def take(self, layout: Struct) -> tuple[Any, ...]:
        return layout.unpack(self.octets(layout.size))

    def uuid(self) -> UUID:
        return UUID(bytes_le=self.octets(16))

    def rest(self) -> bytes:
        return self.octets(len(self.data) - self.at)


def _standard(place: _Place) -> StandardReference:
    flags, public_refs, oxid, oid, ipid = place.take(_STANDARD)
    return StandardReference(oxid, oid, UUID(bytes_le=ipid), public_refs, flags)


def _custom(place: _Place, iid: UUID) -> Custom:
    clsid, extension, _ = place.take(_CUSTOM)
    if extension:
        raise NdrError(f"a custom reference with {extension} octets of extension", offset=place.at - 8)
    return Custom(iid, UUID(bytes_le=clsid), place.rest())


def _extended(place: _Place, iid: UUID) -> Extended:
    reference = _standard(place)
    (signature,) = place.take(_U32)
    resolver = _bound(place)
    count, again, context_id, size, rounded = place.take(_CONTEXT)
    if (signature, again, count) != (_EXTENDED_SIGNATURE, _EXTENDED_SIGNATURE, 1) or rounded < size:
        raise NdrError("an extended reference without its one context", offset=place.at - _CONTEXT.size)
    context = place.octets(size)
    place.octets(rounded - size)
    return Extended(iid, reference, UUID(bytes_le=context_id), context, resolver)


def _bound(place: _Place) -> Bindings:
    """A DUALSTRINGARRAY. `wSecurityOffset` counts units; the string part before it ends with a unit of zero."""
    start = place.at
    count, security_at = place.take(_BINDINGS)
    if security_at > count:
        raise NdrError(f"security bindings at unit {security_at} of {count}", offset=start + 2)
    units = memoryview(place.octets(2 * count))
    return Bindings(
        tuple(StringBinding(tower, text) for tower, text in _entries(units[: 2 * security_at], start + 4, 1)),
        tuple(SecurityBinding(*each) for each in _entries(units[2 * security_at :], start + 4 + 2 * security_at, 2)),
    )


def _entries(units: memoryview, offset: int, fixed: int) -> list[tuple[int, str]]:
    """Number and text of each binding of one part; `fixed` units stand before a text, and a zero ends the part."""
    numbers = [unit for (unit,) in _U16.iter_unpack(units)]
    found: list[tuple[int, str]] = []
    at = 0
    while at < len(numbers) and numbers[at]:
        text = at + fixed
        try:
            end = numbers.index(0, text)
        except ValueError:
            raise NdrError("a binding without an end", offset=offset + 2 * at, truncated=True) from None
        octets = bytes(units[2 * text : 2 * end])
        found.append((numbers[at], octets.decode("utf-16-le", "surrogatepass")))
        at = end + 1
    if at >= len(numbers) and numbers:
        raise NdrError("bindings without an end", offset=offset + len(units), truncated=True)
    return found


# ---------------------------------------------------------------------------- writing


def _packed(reference: StandardReference) -> bytes:
    ipid = reference.ipid.bytes_le
    return _STANDARD.pack(reference.flags, reference.public_refs, reference.oxid, reference.oid, ipid)


def _bindings(bindings: Bindings) -> bytes:
    strings = b"".join(_U16.pack(each.tower) + _text(each.address) for each in bindings.strings)
    security = b"".join(
        _U16.pack(each.service) + _U16.pack(_NO_AUTHORIZATION) + _text(each.principal) for each in bindings.security
    )
    # A part without bindings is two zeros where others have one: the smallest array has four units.
    parts = [part + b"\0\0" if part else bytes(4) for part in (strings, security)]
    if sum(map(len, parts)) > 2 * _MOST_UNITS:
        raise NdrError(f"bindings of more than {_MOST_UNITS} units")
    return b"".join((_BINDINGS.pack(sum(map(len, parts)) // 2, len(parts[0]) // 2), *parts))


def _text(text: str) -> bytes:
    if "\0" in text:
        raise NdrError(f"{text!r} holds a NUL, which would end it")
    return text.encode("utf-16-le", "surrogatepass") + b"\0\0"
