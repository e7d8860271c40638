"""Names that travel as uuids: interfaces, transfer syntaxes, features.

A `p_syntax_id` (C706 12.6.3.1) is a uuid and a version whose low half is the major number. Data1 to Data3 of a uuid
follow the sender's integer order, so everything here takes the order as struct spells it: "<" or ">".
"""

from __future__ import annotations

from enum import IntFlag
from functools import lru_cache
from struct import Struct
from typing import Final, Literal, NamedTuple
from uuid import UUID, SafeUUID

Order = Literal["<", ">"]
"""Byte order of integers in a PDU, spelled as in the struct module."""

NIL: Final = UUID(int=0)
SYNTAX_SIZE: Final = 20
"""Octets of a SyntaxId."""
_VERSION: Final = {"<": Struct("<I"), ">": Struct(">I")}


def uuid_bytes(value: UUID, order: Order = "<") -> bytes:
    """The 16 octets of a uuid as a sender of this order writes them."""
    if order == ">":
        return value.bytes
    number = value.int
    return _pack_first(number >> 96, number >> 80 & 0xFFFF, number >> 64 & 0xFFFF) + (number & _LOW).to_bytes(8)


def uuid_from(data: bytes | bytearray | memoryview, order: Order = "<") -> UUID:
    """The uuid in 16 octets that a sender of this order wrote."""
    octets = bytes(data)
    if order == ">":
        return UUID(bytes=octets)
    if len(octets) != 16:
        raise ValueError(f"a uuid has 16 octets, not {len(octets)}")
    first, second, third = _unpack_first(octets)
    return uuid_of(first << 96 | second << 80 | third << 64 | int.from_bytes(octets[8:]))


def uuid_of(number: int) -> UUID:
    """The uuid that is a number of 128 bits; UUID's own checks cost more than all else that a call does with one."""
    made = UUID.__new__(UUID)
    _put_number(made, number)
    _put_safety(made, _UNKNOWN)
    return made


known_uuid: Final = lru_cache(maxsize=128)(uuid_from)
"""As `uuid_from` of octets, for those that come again and again; it is one object then."""

_LOW: Final = (1 << 64) - 1
_pack_first: Final = Struct("<IHH").pack
_unpack_first: Final = Struct("<IHH").unpack_from
_put_number: Final = vars(UUID)["int"].__set__
_UNKNOWN: Final = SafeUUID.unknown
_put_safety: Final = vars(UUID)["is_safe"].__set__


class SyntaxId(NamedTuple):
    """An interface or a transfer syntax, with its version."""

    uuid: UUID
    major: int = 1
    minor: int = 0

    @classmethod
    def of(cls, uuid: str | UUID, version: tuple[int, int] | int = (1, 0)) -> SyntaxId:
        """From the text of a uuid and a version, (major, minor) or major alone."""
        major, minor = (version, 0) if isinstance(version, int) else version
        return cls(uuid if isinstance(uuid, UUID) else UUID(uuid), major, minor)

    @classmethod
    def unpack(cls, data: bytes | bytearray | memoryview, at: int = 0, order: Order = "<") -> SyntaxId:
        """Read the 20 octets at `at`; the caller has seen that they are there."""
        (version,) = _VERSION[order].unpack_from(data, at + 16)
        return cls(uuid_from(data[at : at + 16], order), version & 0xFFFF, version >> 16)

    def pack(self, order: Order = "<") -> bytes:
        return uuid_bytes(self.uuid, order) + _VERSION[order].pack(self.major | self.minor << 16)

    def __hash__(self) -> int:
        return hash(self.uuid.int)  # looked up for every call, and of different uuids but for accidents

    def __str__(self) -> str:
        return f"{self.uuid} {self.major}.{self.minor}"


NDR20: Final = SyntaxId(UUID("8a885d04-1ceb-11c9-9fe8-08002b104860"), 2)
NDR64: Final = SyntaxId(UUID("71710533-beba-4937-8319-b5dbef9ccc36"), 1)
NIL_SYNTAX: Final = SyntaxId(NIL, 0)


class Features(IntFlag):
    """What bind-time feature negotiation is about (MS-RPCE 2.2.2.14)."""

    NONE = 0
    SECURITY_CONTEXT_MULTIPLEXING = 1
    KEEP_CONNECTION_ON_ORPHAN = 2


_NEGOTIATION_PREFIX: Final = UUID("6cb71c2c-9812-4540-0000-000000000000").bytes[:8]


def negotiation_syntax(features: Features) -> SyntaxId:
    """The transfer syntax by which a client offers `features`: the last eight octets of the uuid are the mask."""
    return SyntaxId(UUID(bytes=_NEGOTIATION_PREFIX + int(features).to_bytes(8, "little")), 1)


def negotiated_features(syntax: SyntaxId) -> int | None:
    """The mask of a feature negotiation syntax, None for any other syntax."""
    octets = syntax.uuid.bytes
    if syntax.major != 1 or octets[:8] != _NEGOTIATION_PREFIX:
        return None
    return int.from_bytes(octets[8:], "little")


def syntax_name(syntax: SyntaxId) -> str:
    """A short name for messages."""
    if syntax == NDR20:
        return "NDR 2.0"
    if syntax == NDR64:
        return "NDR64"
    return str(syntax)
