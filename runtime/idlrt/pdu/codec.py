"""A PDU as a value, a PDU as octets.

`decode` gives a PDU or raises `RemoteProtocolError`, whatever the octets; `encode` raises `LocalProtocolError` when a
value does not fit its field.
"""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import Final, TypeAlias, assert_never

from idlrt.errors import LocalProtocolError, RemoteProtocolError
from idlrt.pdu.bind import (
    AlterContext,
    AlterContextResp,
    Auth3,
    Bind,
    BindAck,
    BindNak,
    read_ack,
    read_bind,
    read_nak,
    write_ack,
    write_bind,
    write_nak,
)
from idlrt.pdu.call import (
    CALL_HEADER_SIZE,
    OBJECT_SIZE,
    CoCancel,
    Orphaned,
    Request,
    Response,
    Shutdown,
    read_request,
    read_response,
    write_request,
    write_response,
)
from idlrt.pdu.cursor import Cursor
from idlrt.pdu.fault import Fault, read_fault, write_fault
from idlrt.pdu.header import (
    HEADER_SIZE,
    MAX_PDU,
    OBJECT_UUID,
    Buffer,
    Common,
    Header,
    PType,
    read_header,
    write_header,
)
from idlrt.pdu.trailer import read_auth, write_auth

AnyPdu: TypeAlias = Request | Response | Fault | Bind | BindAck | BindNak | Auth3 | Shutdown | CoCancel | Orphaned
"""Every PDU; AlterContext is a Bind and AlterContextResp a BindAck, since only their type octets differ."""

_FIXED: Final = {PType.REQUEST: CALL_HEADER_SIZE, PType.RESPONSE: CALL_HEADER_SIZE, PType.FAULT: CALL_HEADER_SIZE + 4}
_PADDED: Final = frozenset((PType.REQUEST, PType.RESPONSE, PType.FAULT))


def decode(data: Buffer) -> AnyPdu:
    """Read one PDU; `data` must be exactly that."""
    view = memoryview(data)
    if len(view) < HEADER_SIZE:
        raise RemoteProtocolError(f"a PDU of {len(view)} octets is shorter than its header")
    header = read_header(view)
    if header.frag_length != len(view):
        raise RemoteProtocolError(f"a PDU of {len(view)} octets claims to have {header.frag_length}")
    return decode_body(view, header)


def decode_body(view: memoryview, header: Header) -> AnyPdu:
    """Read what follows the header; `view` starts with it and ends with the PDU."""
    kind, order, end = header.ptype, header.order, header.frag_length
    auth = None
    if header.auth_length:
        start = _FIXED.get(kind, HEADER_SIZE)
        if kind is PType.REQUEST and header.flags & OBJECT_UUID:
            start += OBJECT_SIZE
        auth, end = read_auth(view, start, end, header.auth_length, order, kind in _PADDED)
    common = Common(call_id=header.call_id, flags=header.flags, order=order, minor=header.minor, auth=auth)
    cursor = Cursor(view, HEADER_SIZE, end, order, kind.name.lower())
    match kind:
        case PType.REQUEST:
            return read_request(cursor, common)
        case PType.RESPONSE:
            return read_response(cursor, common)
        case PType.FAULT:
            return read_fault(cursor, common)
        case PType.BIND:
            return read_bind(Bind, cursor, common)
        case PType.ALTER_CONTEXT:
            return read_bind(AlterContext, cursor, common)
        case PType.BIND_ACK:
            return read_ack(BindAck, cursor, common)
        case PType.ALTER_CONTEXT_RESP:
            return read_ack(AlterContextResp, cursor, common)
        case PType.BIND_NAK:
            return read_nak(cursor, common)
        case PType.AUTH3:
            return Auth3(**common)
        case PType.SHUTDOWN:
            return Shutdown(**common)
        case PType.CO_CANCEL:
            return CoCancel(**common)
        case PType.ORPHANED:
            return Orphaned(**common)
        case _:
            assert_never(kind)


def encode(pdu: AnyPdu) -> bytes:
    """Write one PDU with header and authentication trailer; the trailer is aligned to four octets."""
    try:
        body = _body(pdu)
        trailer = b""
        if pdu.auth is not None:
            auth = pdu.auth
            if pdu.ptype not in _PADDED:
                auth = replace(auth, pad=b"")
                body += bytes(-len(body) % 4)
            trailer = write_auth(auth, pdu.order)
        length = HEADER_SIZE + len(body) + len(trailer)
        if length > MAX_PDU:
            raise LocalProtocolError(f"the {pdu.ptype.name.lower()} PDU of {length} octets is more than fits")
        auth_length = 0 if pdu.auth is None else len(pdu.auth.value)
        return b"".join((write_header(pdu, length, auth_length), body, trailer))
    except (struct.error, ValueError) as error:
        raise LocalProtocolError(f"the {pdu.ptype.name.lower()} PDU does not fit its fields: {error}") from None


def _body(pdu: AnyPdu) -> bytes:
    match pdu:
        case Request():
            return write_request(pdu)
        case Response():
            return write_response(pdu)
        case Fault():
            return write_fault(pdu)
        case Bind():
            return write_bind(pdu)
        case BindAck():
            return write_ack(pdu)
        case BindNak():
            return write_nak(pdu)
        case Auth3():
            return bytes(4)  # a pad of four octets of any value stands before the trailer (MS-RPCE 2.2.2.6)
        case Shutdown() | CoCancel() | Orphaned():
            return b""
        case _:
            assert_never(pdu)
