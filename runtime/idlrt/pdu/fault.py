"""fault: how a server says that a call failed (C706 12.6.4.7, MS-RPCE 2.2.2.2)."""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct
from typing import ClassVar, Final

from idlrt.pdu.cursor import Cursor
from idlrt.pdu.header import DID_NOT_EXECUTE, Common, Pdu, PType

_FAULT: Final = {"<": Struct("<IHBBI4x"), ">": Struct(">IHBBI4x")}

FAULT_SIZE: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault(Pdu):
    """A fault; `stub` may hold extended error information, which `fault_flags` 1 announces."""

    ptype: ClassVar[PType] = PType.FAULT

    alloc_hint: int = FAULT_SIZE
    context_id: int = 0
    cancel_count: int = 0
    fault_flags: int = 0
    status: int
    stub: bytes = b""

    @property
    def executed(self) -> bool:
        return not self.flags & DID_NOT_EXECUTE


def write_fault(pdu: Fault) -> bytes:
    head = _FAULT[pdu.order].pack(pdu.alloc_hint, pdu.context_id, pdu.cancel_count, pdu.fault_flags, pdu.status)
    return head + pdu.stub


def read_fault(cursor: Cursor, common: Common) -> Fault:
    hint, context_id, cancel_count, flags, status = cursor.u32(), cursor.u16(), cursor.u8(), cursor.u8(), cursor.u32()
    if cursor.left >= 4:  # reserved; some peers end the PDU before it
        cursor.skip(4)
    return Fault(
        **common,
        alloc_hint=hint,
        context_id=context_id,
        cancel_count=cancel_count,
        fault_flags=flags,
        status=status,
        stub=cursor.rest(),
    )
