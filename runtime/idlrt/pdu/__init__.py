"""The PDUs of connection-oriented DCE/RPC as frozen values, and their octets."""

from idlrt.pdu.bind import (
    AlterContext,
    AlterContextResp,
    Auth3,
    Bind,
    BindAck,
    BindNak,
    ContextElement,
    ContextResult,
    Reason,
    Reject,
    Result,
)
from idlrt.pdu.call import CoCancel, Orphaned, Request, Response, Shutdown
from idlrt.pdu.codec import AnyPdu, decode, encode
from idlrt.pdu.fault import Fault
from idlrt.pdu.header import Header, Pdu, PType, read_header
from idlrt.pdu.trailer import Auth, VerificationHeader, VerificationTrailer, read_verification

__all__ = [
    "AlterContext",
    "AlterContextResp",
    "AnyPdu",
    "Auth",
    "Auth3",
    "Bind",
    "BindAck",
    "BindNak",
    "CoCancel",
    "ContextElement",
    "ContextResult",
    "Fault",
    "Header",
    "Orphaned",
    "PType",
    "Pdu",
    "Reason",
    "Reject",
    "Request",
    "Response",
    "Result",
    "Shutdown",
    "VerificationHeader",
    "VerificationTrailer",
    "decode",
    "encode",
    "read_header",
    "read_verification",
]
