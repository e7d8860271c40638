"""Names that travel as uuids: interfaces, transfer syntaxes, features.

A `p_syntax_id` (C706 12.6.3.1) is a uuid and a version whose low half is the major number. Data1 to Data3 of a uuid
follow the sender's integer order, so everything here takes the order as struct spells it: "<" or ">".
"""

from __future__ import annotations

from enum import IntFlag
from struct import Struct
from typing import Final, Literal, NamedTuple
from uuid import UUID

Order = Literal["<", ">"]
"""Byte order of integers in a PDU, spelled as in the struct module."""

NIL: Final = UUID(int=0)
SYNTAX_SIZE: Final = 20
"""Octets of a SyntaxId."""
_VERSION: Final = {"<": Struct("<I"), ">": Struct(">I")}


def uuid_bytes(value: UUID, order: Order = "<") -> bytes:
    """The 16 octets of a uuid as a sender of this order writes them."""
    return value.bytes_le if order == "<" else value.bytes


def uuid_from(data: bytes | bytearray | memoryview, order: Order = "<") -> UUID:
    """The uuid in 16 octets that a sender of this order wrote."""
    octets = bytes(data)
    return UUID(bytes_le=octets) if order == "<" else UUID(bytes=octets)


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
