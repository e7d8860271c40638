"""What may follow a PDU's body: the authentication trailer and, inside the stub, the verification trailer.

The `sec_trailer` (C706 13.2.6.1, MS-RPCE 2.2.2.11) stands right before the authentication token at the end of a PDU.
The verification trailer (MS-RPCE 2.2.2.13) ends the stub of a protected request and repeats what its header said.
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct
from typing import ClassVar, Final

from idlrt.errors import RemoteProtocolError
from idlrt.ids import SYNTAX_SIZE, Order, SyntaxId

_SEC_TRAILER: Final = {"<": Struct("<BBBBI"), ">": Struct(">BBBBI")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Auth:
    """A sec_trailer and its token. `pad` are the octets between stub and trailer; they are signed and sealed too."""

    SIZE: ClassVar[int] = 8

    type: int
    level: int
    context_id: int = 0
    value: bytes = b""
    pad: bytes = b""


def write_auth(auth: Auth, order: Order) -> bytes:
    """Pad, trailer and token."""
    head = _SEC_TRAILER[order].pack(auth.type, auth.level, len(auth.pad), 0, auth.context_id)
    return b"".join((auth.pad, head, auth.value))


def read_auth(data: memoryview, start: int, end: int, auth_length: int, order: Order, padded: bool) -> tuple[Auth, int]:
    """The authentication of the PDU that ends at `end`, and where the body in front of it ends.

    `start` is where the body begins, after the fixed part. The pad length counts only in PDUs with a stub (`padded`);
    in a bind or alter_context it is to be ignored (MS-RPCE 2.2.2.11).
    """
    at = end - auth_length - Auth.SIZE
    if at < start:
        raise RemoteProtocolError("an authentication trailer overlaps the fixed part of its PDU")
    if at & 3:
        raise RemoteProtocolError("an authentication trailer is not aligned to four octets")
    kind, level, pad_length, _, context_id = _SEC_TRAILER[order].unpack_from(data, at)
    body_end = at - pad_length if padded else at
    if body_end < start:
        raise RemoteProtocolError(f"the authentication pad, {pad_length} octets, is longer than the stub before it")
    value = data[at + Auth.SIZE : end].tobytes()
    pad = data[body_end:at].tobytes()
    return Auth(type=kind, level=level, context_id=context_id, value=value, pad=pad), body_end


VERIFICATION_SIGNATURE: Final = bytes.fromhex("8ae3137102f43671")
_COMMAND_END: Final = 0x4000
_MUST_PROCESS: Final = 0x8000
_COMMAND: Final = Struct("<HH")


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationHeader:
    """What the request's header said (SEC_VT_HEADER2)."""

    ptype: int
    order: Order
    call_id: int
    context_id: int
    opnum: int


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationTrailer:
    """The commands of a verification trailer; `offset` is where its signature stands in the stub."""

    offset: int
    bitmask: int | None = None
    """Bit 0: the client can sign headers."""
    interface: SyntaxId | None = None
    transfer: SyntaxId | None = None
    header: VerificationHeader | None = None


def read_verification(stub: bytes, start: int = 0) -> VerificationTrailer | None:
    """Find the verification trailer at or after `start`, the end of what was unmarshalled; None when there is none.

    Its integers are little-endian whatever the PDU's order. Unknown commands are skipped unless they must be processed.
    """
    at = stub.find(VERIFICATION_SIGNATURE, start)
    while at >= 0 and at & 3:  # it is aligned; an unaligned match is data
        at = stub.find(VERIFICATION_SIGNATURE, at + 1)
    if at < 0:
        return None
    offset, at = at, at + len(VERIFICATION_SIGNATURE)
    bitmask: int | None = None
    interface: SyntaxId | None = None
    transfer: SyntaxId | None = None
    header: VerificationHeader | None = None
    while True:
        if at + 4 > len(stub):
            raise RemoteProtocolError("a verification trailer ends without its last command")
        command, length = _COMMAND.unpack_from(stub, at)
        body, at = stub[at + 4 : at + 4 + length], at + 4 + length
        if len(body) != length:
            raise RemoteProtocolError("a command of a verification trailer is cut short")
        match command & 0x3FFF, length:
            case 1, 4:
                bitmask = int.from_bytes(body, "little")
            case 2, 0x28:
                interface, transfer = SyntaxId.unpack(body), SyntaxId.unpack(body, SYNTAX_SIZE)
            case 3, 0x10:
                ptype, drep, call_id, context_id, opnum = Struct("<B3xB3xIHH").unpack(body)
                order: Order = "<" if drep & 0x10 else ">"
                header = VerificationHeader(
                    ptype=ptype, order=order, call_id=call_id, context_id=context_id, opnum=opnum
                )
            case ((1 | 2 | 3), _):
                raise RemoteProtocolError(f"a verification command has {length} octets, which is not its size")
            case number, _:
                if command & _MUST_PROCESS:
                    raise RemoteProtocolError(f"verification command {number} must be processed but is unknown")
        if command & _COMMAND_END:
            return VerificationTrailer(
                offset=offset, bitmask=bitmask, interface=interface, transfer=transfer, header=header
            )
