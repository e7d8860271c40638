"""PDUs that open and alter an association (C706 12.6.4.3 to 12.6.4.5, MS-RPCE 2.2.2.10 and 3.3.1.5.3).

A client proposes presentation contexts, an interface and some transfer syntaxes under a number, and the server answers
one result for each.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from struct import Struct
from typing import ClassVar, Final

from idlrt.ids import NIL_SYNTAX, SyntaxId
from idlrt.pdu.cursor import Cursor
from idlrt.pdu.header import HEADER_SIZE, Common, Pdu, PType

_BIND: Final = {"<": Struct("<HHIB3x"), ">": Struct(">HHIB3x")}
_ELEMENT: Final = {"<": Struct("<HBx"), ">": Struct(">HBx")}
_ACK: Final = {"<": Struct("<HHIH"), ">": Struct(">HHIH")}
_RESULT: Final = {"<": Struct("<HH"), ">": Struct(">HH")}
_REASON: Final = {"<": Struct("<HB"), ">": Struct(">HB")}


class Result(IntEnum):
    """What became of a proposed context; 3 is the answer to feature negotiation (MS-RPCE 2.2.2.4)."""

    ACCEPTANCE = 0
    USER_REJECTION = 1
    PROVIDER_REJECTION = 2
    NEGOTIATE_ACK = 3


class Reason(IntEnum):
    """Why a context was rejected."""

    NOT_SPECIFIED = 0
    ABSTRACT_SYNTAX = 1
    TRANSFER_SYNTAXES = 2
    LOCAL_LIMIT = 3


class Reject(IntEnum):
    """Why a bind was answered with bind_nak."""

    NOT_SPECIFIED = 0
    TEMPORARY_CONGESTION = 1
    LOCAL_LIMIT = 2
    PROTOCOL_VERSION = 4
    AUTH_TYPE = 8


@dataclass(frozen=True, slots=True)
class ContextElement:
    """One proposed presentation context."""

    context_id: int
    interface: SyntaxId
    transfers: tuple[SyntaxId, ...]


@dataclass(frozen=True, slots=True)
class ContextResult:
    """The answer to one proposed context; for NEGOTIATE_ACK `reason` holds the granted features."""

    result: int
    reason: int
    transfer: SyntaxId = NIL_SYNTAX


@dataclass(frozen=True, slots=True, kw_only=True)
class Bind(Pdu):
    """bind: the first PDU of a connection."""

    ptype: ClassVar[PType] = PType.BIND

    max_xmit: int
    max_recv: int
    group_id: int = 0
    contexts: tuple[ContextElement, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AlterContext(Bind):
    """alter_context: further contexts, or a further leg of authentication."""

    ptype: ClassVar[PType] = PType.ALTER_CONTEXT


@dataclass(frozen=True, slots=True, kw_only=True)
class BindAck(Pdu):
    """bind_ack: the association stands, whatever became of each context."""

    ptype: ClassVar[PType] = PType.BIND_ACK

    max_xmit: int
    max_recv: int
    group_id: int
    secondary_address: str = ""
    results: tuple[ContextResult, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AlterContextResp(BindAck):
    """alter_context_resp."""

    ptype: ClassVar[PType] = PType.ALTER_CONTEXT_RESP


@dataclass(frozen=True, slots=True, kw_only=True)
class BindNak(Pdu):
    """bind_nak: no association."""

    ptype: ClassVar[PType] = PType.BIND_NAK

    reason: int
    versions: tuple[tuple[int, int], ...] = ((5, 0),)
    tail: bytes = b""
    """What follows the versions: pad octets, or extended error information (MS-RPCE 2.2.2.9)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Auth3(Pdu):
    """rpc_auth_3: the last leg of an authentication that needs no answer; nothing but its trailer matters."""

    ptype: ClassVar[PType] = PType.AUTH3


def write_bind(pdu: Bind) -> bytes:
    order = pdu.order
    parts = [_BIND[order].pack(pdu.max_xmit, pdu.max_recv, pdu.group_id, len(pdu.contexts))]
    for element in pdu.contexts:
        parts.append(_ELEMENT[order].pack(element.context_id, len(element.transfers)))
        parts.append(element.interface.pack(order))
        parts.extend(transfer.pack(order) for transfer in element.transfers)
    return b"".join(parts)


def read_bind(kind: type[Bind], cursor: Cursor, common: Common) -> Bind:
    """A bind or alter_context; counts are only followed as far as there are octets."""
    max_xmit, max_recv, group_id, count = cursor.u16(), cursor.u16(), cursor.u32(), cursor.u8()
    cursor.skip(3 if count else min(3, cursor.left))  # Samba ends a bind without contexts here
    contexts = []
    for _ in range(count):
        context_id, transfers = cursor.u16(), cursor.u8()
        cursor.skip(1)
        interface = cursor.syntax()
        contexts.append(ContextElement(context_id, interface, tuple(cursor.syntax() for _ in range(transfers))))
    return kind(**common, max_xmit=max_xmit, max_recv=max_recv, group_id=group_id, contexts=tuple(contexts))


def write_ack(pdu: BindAck) -> bytes:
    order = pdu.order
    address = pdu.secondary_address.encode("latin-1") + b"\0" if pdu.secondary_address else b""
    head = _ACK[order].pack(pdu.max_xmit, pdu.max_recv, pdu.group_id, len(address)) + address
    parts = [head, bytes(-(HEADER_SIZE + len(head)) % 4), bytes((len(pdu.results), 0, 0, 0))]
    for result in pdu.results:
        parts.append(_RESULT[order].pack(result.result, result.reason))
        parts.append(result.transfer.pack(order))
    return b"".join(parts)


def read_ack(kind: type[BindAck], cursor: Cursor, common: Common) -> BindAck:
    """A bind_ack or alter_context_resp."""
    max_xmit, max_recv, group_id = cursor.u16(), cursor.u16(), cursor.u32()
    address = cursor.take(cursor.u16()).split(b"\0", 1)[0].decode("latin-1")
    cursor.align(4)
    count = cursor.u8()
    cursor.skip(3)
    results = tuple(ContextResult(cursor.u16(), cursor.u16(), cursor.syntax()) for _ in range(count))
    return kind(
        **common,
        max_xmit=max_xmit,
        max_recv=max_recv,
        group_id=group_id,
        secondary_address=address,
        results=results,
    )


def write_nak(pdu: BindNak) -> bytes:
    head = _REASON[pdu.order].pack(pdu.reason, len(pdu.versions))
    return head + bytes(number for version in pdu.versions for number in version) + pdu.tail


def read_nak(cursor: Cursor, common: Common) -> BindNak:
    """A bind_nak. Peers end it early or late (extended error data), so anything goes after the reason."""
    reason = cursor.u16()
    count = min(cursor.u8(), cursor.left // 2) if cursor.left else 0
    versions = tuple((cursor.u8(), cursor.u8()) for _ in range(count))
    return BindNak(**common, reason=reason, versions=versions, tail=cursor.rest())
