"""The sixteen octets that open every PDU (C706 12.6.3.1).

The data representation label says in which order the sender writes integers, from `frag_length` on; whoever receives
converts. Only ASCII and IEEE floats are spoken here: peers with EBCDIC, VAX, Cray or IBM floats are turned away.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from struct import Struct
from typing import ClassVar, Final, TypeAlias, TypedDict

from idlrt.errors import RemoteProtocolError
from idlrt.ids import Order
from idlrt.pdu.trailer import Auth

Buffer: TypeAlias = bytes | bytearray | memoryview

HEADER_SIZE: Final = 16
MAX_PDU: Final = 65535
VERSION: Final = 5
DATAGRAM_VERSION: Final = 4  # of the connectionless protocol


class PType(IntEnum):
    """The PDU types of the connection-oriented protocol; 16 is Microsoft's (MS-RPCE 2.2.2.1)."""

    REQUEST = 0
    RESPONSE = 2
    FAULT = 3
    BIND = 11
    BIND_ACK = 12
    BIND_NAK = 13
    ALTER_CONTEXT = 14
    ALTER_CONTEXT_RESP = 15
    AUTH3 = 16
    SHUTDOWN = 17
    CO_CANCEL = 18
    ORPHANED = 19


# pfc_flags. Two names share one bit: what it means depends on the PDU (MS-RPCE 2.2.2.3).
FIRST: Final = 0x01
LAST: Final = 0x02
PENDING_CANCEL: Final = 0x04
SUPPORT_HEADER_SIGN: Final = 0x04
CONC_MPX: Final = 0x10
DID_NOT_EXECUTE: Final = 0x20
MAYBE: Final = 0x40
OBJECT_UUID: Final = 0x80
WHOLE: Final = FIRST | LAST

DREP_LITTLE: Final = b"\x10\0\0\0"
DREP_BIG: Final = b"\0\0\0\0"

_HEADER: Final = {"<": Struct("<BBBB4sHHI"), ">": Struct(">BBBB4sHHI")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pdu:
    """What all PDUs have in common."""

    ptype: ClassVar[PType]

    call_id: int
    flags: int = WHOLE
    order: Order = "<"
    minor: int = 0
    auth: Auth | None = None


class Common(TypedDict):
    """The fields of `Pdu`, on their way into one."""

    call_id: int
    flags: int
    order: Order
    minor: int
    auth: Auth | None


@dataclass(frozen=True, slots=True)
class Header:
    """The header as it was read."""

    ptype: PType
    flags: int
    order: Order
    minor: int
    frag_length: int
    auth_length: int
    call_id: int


def order_of(drep: Buffer) -> Order:
    """The integer order that a data representation label names."""
    if drep[0] & 0x0F or drep[1]:
        raise RemoteProtocolError("the peer's character set or float format is neither ASCII nor IEEE")
    match drep[0] >> 4:
        case 0:
            return ">"
        case 1:
            return "<"
        case other:
            raise RemoteProtocolError(f"the peer names an unknown integer order, {other}")


def foreign(start: Buffer) -> RemoteProtocolError:
    """The error for what begins like no PDU at all."""
    text = "".join(chr(octet) if 0x20 <= octet < 0x7F else "." for octet in bytes(start))
    return RemoteProtocolError(
        "the peer does not speak DCE/RPC", help=f'it sent "{text}"; is that the port of another kind of server?'
    )


def read_header(data: Buffer, at: int = 0) -> Header:
    """Read and check the header at `at`; at least sixteen octets must be there."""
    if data[at] not in (VERSION, DATAGRAM_VERSION):
        raise foreign(data[at : at + HEADER_SIZE])
    if data[at] != VERSION or data[at + 1] > 1:
        raise RemoteProtocolError(f"the peer speaks DCE/RPC {data[at]}.{data[at + 1]}, not 5.0")
    order = order_of(data[at + 4 : at + 8])
    _, minor, ptype, flags, _, frag_length, auth_length, call_id = _HEADER[order].unpack_from(data, at)
    try:
        kind = PType(ptype)
    except ValueError:
        raise RemoteProtocolError(f"the peer sent a PDU of unknown type {ptype}") from None
    if frag_length < HEADER_SIZE + (auth_length + Auth.SIZE if auth_length else 0):
        raise RemoteProtocolError(f"the peer's {kind.name.lower()} PDU claims {frag_length} octets, too few to be one")
    return Header(kind, flags, order, minor, frag_length, auth_length, call_id)


def write_header(pdu: Pdu, frag_length: int, auth_length: int) -> bytes:
    drep = DREP_LITTLE if pdu.order == "<" else DREP_BIG
    return _HEADER[pdu.order].pack(
        VERSION, pdu.minor, pdu.ptype, pdu.flags, drep, frag_length, auth_length, pdu.call_id
    )
