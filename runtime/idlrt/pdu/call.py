"""PDUs of a call: request and response with their stub data, and the ones that give a call up (C706 12.6.4).

An association's hot path reads and writes fragments by itself; these classes are for everything else and for tests.
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct
from typing import ClassVar, Final
from uuid import UUID

from idlrt.ids import uuid_bytes, uuid_from
from idlrt.pdu.cursor import Cursor
from idlrt.pdu.header import OBJECT_UUID, Common, Pdu, PType

_REQUEST: Final = {"<": Struct("<IHH"), ">": Struct(">IHH")}
_RESPONSE: Final = {"<": Struct("<IHBx"), ">": Struct(">IHBx")}

CALL_HEADER_SIZE: Final = 24
OBJECT_SIZE: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Request(Pdu):
    """request: one fragment of a call. An `object` needs the OBJECT_UUID flag."""

    ptype: ClassVar[PType] = PType.REQUEST

    alloc_hint: int = 0
    context_id: int
    opnum: int
    object: UUID | None = None
    stub: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Response(Pdu):
    """response: one fragment of an answer."""

    ptype: ClassVar[PType] = PType.RESPONSE

    alloc_hint: int = 0
    context_id: int
    cancel_count: int = 0
    stub: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class CoCancel(Pdu):
    """co_cancel: the client would like the call to be cancelled."""

    ptype: ClassVar[PType] = PType.CO_CANCEL


@dataclass(frozen=True, slots=True, kw_only=True)
class Orphaned(Pdu):
    """orphaned: the client has given the call up."""

    ptype: ClassVar[PType] = PType.ORPHANED


@dataclass(frozen=True, slots=True, kw_only=True)
class Shutdown(Pdu):
    """shutdown: the server would like the connection to be closed when idle."""

    ptype: ClassVar[PType] = PType.SHUTDOWN


def write_request(pdu: Request) -> bytes:
    head = _REQUEST[pdu.order].pack(pdu.alloc_hint, pdu.context_id, pdu.opnum)
    return head + (b"" if pdu.object is None else uuid_bytes(pdu.object, pdu.order)) + pdu.stub


def read_request(cursor: Cursor, common: Common) -> Request:
    hint, context_id, opnum = cursor.u32(), cursor.u16(), cursor.u16()
    target = uuid_from(cursor.take(OBJECT_SIZE), common["order"]) if common["flags"] & OBJECT_UUID else None
    stub = cursor.rest()
    return Request(**common, alloc_hint=hint, context_id=context_id, opnum=opnum, object=target, stub=stub)


def write_response(pdu: Response) -> bytes:
    return _RESPONSE[pdu.order].pack(pdu.alloc_hint, pdu.context_id, pdu.cancel_count) + pdu.stub


def read_response(cursor: Cursor, common: Common) -> Response:
    hint, context_id, cancel_count = cursor.u32(), cursor.u16(), cursor.u8()
    cursor.skip(1)
    stub = cursor.rest()
    return Response(**common, alloc_hint=hint, context_id=context_id, cancel_count=cancel_count, stub=stub)
