"""Every exception that this package raises, and the status codes behind them.

One tree under `RpcError`, so that a caller can catch as much or as little as he likes. A server reports failure as a
32-bit status in a fault; the tables here name those values (C706 appendix E, MS-RPCE 3.1.1.5.5) and translate between
the numbers on the wire (`nca_...`) and the Win32 errors that Windows programs know.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from idlrt.ids import SyntaxId

# Statuses that the runtime itself sends or tests for.
NCA_FAULT_CANCEL: Final = 0x1C00000D
NCA_FAULT_UNSPEC: Final = 0x1C000012
NCA_FAULT_PIPE_EMPTY: Final = 0x1C000014
NCA_FAULT_PIPE_CLOSED: Final = 0x1C000015
NCA_FAULT_PIPE_ORDER: Final = 0x1C000016
NCA_FAULT_PIPE_DISCIPLINE: Final = 0x1C000017
NCA_FAULT_PIPE_COMM_ERROR: Final = 0x1C000018
NCA_FAULT_PIPE_MEMORY: Final = 0x1C000019
NCA_FAULT_CONTEXT_MISMATCH: Final = 0x1C00001A
NCA_FAULT_REMOTE_NO_MEMORY: Final = 0x1C00001B
NCA_UNSUPPORTED_AUTHN_LEVEL: Final = 0x1C00001D
NCA_OP_RNG_ERROR: Final = 0x1C010002
NCA_UNK_IF: Final = 0x1C010003
NCA_PROTO_ERROR: Final = 0x1C01000B
NCA_SERVER_TOO_BUSY: Final = 0x1C010014
NCA_UNSUPPORTED_TYPE: Final = 0x1C010017

RPC_S_OK: Final = 0
ERROR_ACCESS_DENIED: Final = 5
RPC_X_SS_CONTEXT_MISMATCH: Final = 6
RPC_X_PIPE_APP_MEMORY: Final = 14
RPC_S_INVALID_ARG: Final = 87
RPC_S_ASYNC_CALL_PENDING: Final = 997
RPC_S_SERVER_OUT_OF_MEMORY: Final = 1130
RPC_S_PROTSEQ_NOT_SUPPORTED: Final = 1703
RPC_S_UNKNOWN_IF: Final = 1717
RPC_S_SERVER_UNAVAILABLE: Final = 1722
RPC_S_SERVER_TOO_BUSY: Final = 1723
RPC_S_NO_CALL_ACTIVE: Final = 1725
RPC_S_CALL_FAILED: Final = 1726
RPC_S_CALL_FAILED_DNE: Final = 1727
RPC_S_PROTOCOL_ERROR: Final = 1728
RPC_S_UNSUPPORTED_TRANS_SYN: Final = 1730
RPC_S_PROCNUM_OUT_OF_RANGE: Final = 1745
RPC_S_CANNOT_SUPPORT: Final = 1764
RPC_X_BAD_STUB_DATA: Final = 1783
RPC_S_CALL_IN_PROGRESS: Final = 1791
RPC_S_CALL_CANCELLED: Final = 1818
RPC_S_COMM_FAILURE: Final = 1820
RPC_S_SEC_PKG_ERROR: Final = 1825
RPC_X_INVALID_PIPE_OBJECT: Final = 1830
RPC_X_WRONG_PIPE_ORDER: Final = 1831
RPC_X_WRONG_PIPE_VERSION: Final = 1832
RPC_S_INVALID_ASYNC_HANDLE: Final = 1914
RPC_S_INVALID_ASYNC_CALL: Final = 1915
RPC_X_PIPE_CLOSED: Final = 1916
RPC_X_PIPE_DISCIPLINE_ERROR: Final = 1917
RPC_X_PIPE_EMPTY: Final = 1918

# Wire status -> its name and the Win32 error that a Windows client would raise. Runtimes differ on some of the Win32
# values (int_overflow, ill_inst, the tx and codeset ones), so an exception keeps the wire value beside the translation.
NCA_STATUS: Final[Mapping[int, tuple[str, int]]] = {
    0x1C000001: ("nca_s_fault_int_div_by_zero", 1767),
    0x1C000002: ("nca_s_fault_addr_error", 1768),
    0x1C000003: ("nca_s_fault_fp_div_zero", 1769),
    0x1C000004: ("nca_s_fault_fp_underflow", 1770),
    0x1C000005: ("nca_s_fault_fp_overflow", 1771),
    0x1C000006: ("nca_s_fault_invalid_tag", 1733),
    0x1C000007: ("nca_s_fault_invalid_bound", 1734),
    0x1C000008: ("nca_rpc_version_mismatch", RPC_S_PROTOCOL_ERROR),
    0x1C000009: ("nca_unspec_reject", RPC_S_CALL_FAILED_DNE),
    0x1C00000A: ("nca_s_bad_actid", RPC_S_CALL_FAILED_DNE),
    0x1C00000B: ("nca_s_who_are_you_failed", RPC_S_CALL_FAILED),
    0x1C00000C: ("nca_s_manager_not_entered", RPC_S_CALL_FAILED_DNE),
    0x1C00000D: ("nca_s_fault_cancel", RPC_S_CALL_CANCELLED),
    0x1C00000E: ("nca_s_fault_ill_inst", 1768),
    0x1C00000F: ("nca_s_fault_fp_error", 1771),
    0x1C000010: ("nca_s_fault_int_overflow", 1768),
    0x1C000012: ("nca_s_fault_unspec", RPC_S_CALL_FAILED),
    0x1C000013: ("nca_s_fault_remote_comm_failure", RPC_S_COMM_FAILURE),
    0x1C000014: ("nca_s_fault_pipe_empty", RPC_X_PIPE_EMPTY),
    0x1C000015: ("nca_s_fault_pipe_closed", RPC_X_PIPE_CLOSED),
    0x1C000016: ("nca_s_fault_pipe_order", RPC_X_WRONG_PIPE_ORDER),
    0x1C000017: ("nca_s_fault_pipe_discipline", RPC_X_PIPE_DISCIPLINE_ERROR),
    0x1C000018: ("nca_s_fault_pipe_comm_error", RPC_S_COMM_FAILURE),
    0x1C000019: ("nca_s_fault_pipe_memory", RPC_X_PIPE_APP_MEMORY),
    0x1C00001A: ("nca_s_fault_context_mismatch", RPC_X_SS_CONTEXT_MISMATCH),
    0x1C00001B: ("nca_s_fault_remote_no_memory", RPC_S_SERVER_OUT_OF_MEMORY),
    0x1C00001C: ("nca_s_invalid_pres_context_id", RPC_S_PROTOCOL_ERROR),
    0x1C00001D: ("nca_s_unsupported_authn_level", 1821),
    0x1C00001F: ("nca_s_invalid_checksum", RPC_S_CALL_FAILED_DNE),
    0x1C000020: ("nca_s_invalid_crc", RPC_S_CALL_FAILED_DNE),
    0x1C000021: ("nca_s_fault_user_defined", RPC_S_CALL_FAILED),
    0x1C000022: ("nca_s_fault_tx_open_failed", RPC_S_CALL_FAILED),
    0x1C000023: ("nca_s_fault_codeset_conv_error", RPC_S_CALL_FAILED),
    0x1C000024: ("nca_s_fault_object_not_found", RPC_S_CALL_FAILED),
    0x1C000025: ("nca_s_fault_no_client_stub", RPC_S_CALL_FAILED),
    0x1C010001: ("nca_s_comm_failure", RPC_S_COMM_FAILURE),
    0x1C010002: ("nca_s_op_rng_error", RPC_S_PROCNUM_OUT_OF_RANGE),
    0x1C010003: ("nca_s_unk_if", RPC_S_UNKNOWN_IF),
    0x1C010006: ("nca_s_wrong_boot_time", RPC_S_CALL_FAILED),
    0x1C010009: ("nca_s_you_crashed", RPC_S_CALL_FAILED),
    0x1C01000B: ("nca_s_proto_error", RPC_S_PROTOCOL_ERROR),
    0x1C010013: ("nca_s_out_args_too_big", RPC_S_SERVER_OUT_OF_MEMORY),
    0x1C010014: ("nca_s_server_too_busy", RPC_S_SERVER_TOO_BUSY),
    0x1C010015: ("nca_s_fault_string_too_long", 1743),
    0x1C010017: ("nca_s_unsupported_type", 1732),
}

WIN32_STATUS: Final[Mapping[int, str]] = {
    2: "ERROR_FILE_NOT_FOUND",
    3: "ERROR_PATH_NOT_FOUND",
    5: "ERROR_ACCESS_DENIED",
    6: "RPC_X_SS_CONTEXT_MISMATCH",
    14: "RPC_X_PIPE_APP_MEMORY",
    87: "ERROR_INVALID_PARAMETER",
    123: "ERROR_INVALID_NAME",
    183: "ERROR_ALREADY_EXISTS",
    234: "ERROR_MORE_DATA",
    259: "ERROR_NO_MORE_ITEMS",
    997: "RPC_S_ASYNC_CALL_PENDING",
    1130: "RPC_S_SERVER_OUT_OF_MEMORY",
    1702: "RPC_S_INVALID_BINDING",
    1703: "RPC_S_PROTSEQ_NOT_SUPPORTED",
    1717: "RPC_S_UNKNOWN_IF",
    1722: "RPC_S_SERVER_UNAVAILABLE",
    1723: "RPC_S_SERVER_TOO_BUSY",
    1725: "RPC_S_NO_CALL_ACTIVE",
    1726: "RPC_S_CALL_FAILED",
    1727: "RPC_S_CALL_FAILED_DNE",
    1728: "RPC_S_PROTOCOL_ERROR",
    1730: "RPC_S_UNSUPPORTED_TRANS_SYN",
    1732: "RPC_S_UNSUPPORTED_TYPE",
    1733: "RPC_S_INVALID_TAG",
    1734: "RPC_S_INVALID_BOUND",
    1743: "RPC_S_STRING_TOO_LONG",
    1745: "RPC_S_PROCNUM_OUT_OF_RANGE",
    1752: "EPT_S_CANT_PERFORM_OP",
    1753: "EPT_S_NOT_REGISTERED",
    1764: "RPC_S_CANNOT_SUPPORT",
    1767: "RPC_S_ZERO_DIVIDE",
    1768: "RPC_S_ADDRESS_ERROR",
    1769: "RPC_S_FP_DIV_ZERO",
    1770: "RPC_S_FP_UNDERFLOW",
    1771: "RPC_S_FP_OVERFLOW",
    1775: "RPC_X_SS_IN_NULL_CONTEXT",
    1780: "RPC_X_NULL_REF_POINTER",
    1781: "RPC_X_ENUM_VALUE_OUT_OF_RANGE",
    1783: "RPC_X_BAD_STUB_DATA",
    1791: "RPC_S_CALL_IN_PROGRESS",
    1818: "RPC_S_CALL_CANCELLED",
    1820: "RPC_S_COMM_FAILURE",
    1821: "RPC_S_UNSUPPORTED_AUTHN_LEVEL",
    1825: "RPC_S_SEC_PKG_ERROR",
    1830: "RPC_X_INVALID_PIPE_OBJECT",
    1831: "RPC_X_WRONG_PIPE_ORDER",
    1832: "RPC_X_WRONG_PIPE_VERSION",
    1910: "OR_INVALID_OXID",
    1911: "OR_INVALID_OID",
    1912: "OR_INVALID_SET",
    1914: "RPC_S_INVALID_ASYNC_HANDLE",
    1915: "RPC_S_INVALID_ASYNC_CALL",
    1916: "RPC_X_PIPE_CLOSED",
    1917: "RPC_X_PIPE_DISCIPLINE_ERROR",
    1918: "RPC_X_PIPE_EMPTY",
}

# Win32 error -> the wire status that carries it. Where several statuses share one error, the general one is listed.
NCA_FOR_WIN32: Final[Mapping[int, int]] = {
    **{win32: status for status, (_, win32) in reversed(list(NCA_STATUS.items()))},
    RPC_S_CALL_FAILED: NCA_FAULT_UNSPEC,
    RPC_S_CALL_FAILED_DNE: 0x1C00000C,
    RPC_S_PROTOCOL_ERROR: NCA_PROTO_ERROR,
    RPC_S_COMM_FAILURE: 0x1C010001,
    RPC_S_SERVER_OUT_OF_MEMORY: NCA_FAULT_REMOTE_NO_MEMORY,
}

_FAULT_HELP: Final[Mapping[int, str]] = {
    NCA_OP_RNG_ERROR: "the server has no operation of that number; is its interface older than the stub?",
    NCA_UNK_IF: "the server does not offer this interface",
    NCA_FAULT_CONTEXT_MISMATCH: "the context handle is unknown to the server; it may have been closed or run down",
    RPC_X_BAD_STUB_DATA: "the server could not read the parameters; were both sides made from the same IDL?",
    ERROR_ACCESS_DENIED: "the server wants other credentials or a higher authentication level",
    RPC_S_SEC_PKG_ERROR: "authentication failed or a signature did not verify",
}

_BIND_REASONS: Final[Mapping[int, str]] = {
    0: "no reason given",
    1: "the interface is not offered there in that version",
    2: "none of the proposed transfer syntaxes is supported",
    3: "a local limit of the server was exceeded",
}

_NAK_REASONS: Final[Mapping[int, str]] = {
    0: "no reason given",
    1: "temporary congestion",
    2: "a local limit of the server was exceeded",
    3: "the called address is unknown",
    4: "the protocol version is not supported",
    5: "the default context is not supported",
    6: "the user data is not readable",
    7: "no PSAP is available",
    8: "the authentication type is not recognised",
    9: "invalid checksum",
}


def status_name(status: int) -> str:
    """The documented name of a wire status or Win32 error, else its value in hexadecimal."""
    known = NCA_STATUS.get(status)
    if known is not None:
        return known[0]
    return WIN32_STATUS.get(status, f"0x{status:08x}")


def win32_status(status: int) -> int:
    """The Win32 error for a wire status; a value that is not an `nca` status is its own translation."""
    known = NCA_STATUS.get(status)
    return status if known is None else known[1]


def wire_status(win32: int) -> int:
    """The status that carries a Win32 error on the wire; an error without one travels as itself."""
    return NCA_FOR_WIN32.get(win32, win32)


class RpcError(Exception):
    """Root of everything that this package raises.

    `help` says what to do about it, where that is known; it is part of the printed message.
    """

    def __init__(self, message: str, *, help: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.help = help

    def __str__(self) -> str:
        return self.message if self.help is None else f"{self.message}; {self.help}"


class NdrError(RpcError):
    """Values that do not fit their IDL type, or stub data that is not what the IDL promises.

    `path` names the place ("samples[3].label"), `offset` the octet in the stub when reading. `truncated` is set when
    the data merely ended too early, so that someone who still waits for more can tell.
    """

    def __init__(
        self,
        message: str,
        *,
        path: str = "",
        offset: int | None = None,
        truncated: bool = False,
        help: str | None = None,
    ) -> None:
        super().__init__(message, help=help)
        self.path = path
        self.offset = offset
        self.truncated = truncated

    def __str__(self) -> str:
        text = super().__str__()
        if self.path:
            text = f"{self.path}: {text}"
        return text if self.offset is None else f"{text} (at octet {self.offset})"


class ProtocolError(RpcError):
    """Somebody broke the rules of the association."""


class LocalProtocolError(ProtocolError):
    """We did: a command that the association's state does not allow."""


class RemoteProtocolError(ProtocolError):
    """The peer did: what arrived is malformed or out of place (1728, RPC_S_PROTOCOL_ERROR).

    The connection is of no further use.
    """

    status = RPC_S_PROTOCOL_ERROR


class TransportError(RpcError):
    """The connection below the protocol failed."""


class ConnectError(TransportError):
    """Nobody answers at the endpoint (1722, RPC_S_SERVER_UNAVAILABLE)."""

    status = RPC_S_SERVER_UNAVAILABLE


class ConnectionLost(TransportError):
    """The connection went away while something depended on it (1726, RPC_S_CALL_FAILED)."""

    status = RPC_S_CALL_FAILED


class RpcTimeout(TransportError):
    """The peer did not answer in the time given (1818, RPC_S_CALL_CANCELLED)."""

    status = RPC_S_CALL_CANCELLED


class BindRefused(RpcError):
    """The server will not talk about the interface that was proposed.

    `reason` is the number from the wire: of the context's result, or of the bind_nak when `nak` is set. `syntaxes` are
    the transfer syntaxes that were proposed in vain. `status` is the Win32 error that a Windows client would raise.
    """

    def __init__(
        self,
        reason: int,
        syntaxes: tuple[SyntaxId, ...] = (),
        *,
        interface: SyntaxId | None = None,
        nak: bool = False,
        help: str | None = None,
    ) -> None:
        why = (_NAK_REASONS if nak else _BIND_REASONS).get(reason, f"reason {reason}")
        what = "the server refused the connection" if interface is None else f"the server refused interface {interface}"
        super().__init__(f"{what}: {why}", help=help)
        self.reason = reason
        self.syntaxes = syntaxes
        self.interface = interface
        self.nak = nak

    @property
    def status(self) -> int:
        if self.nak:
            return {4: RPC_S_PROTOCOL_ERROR, 8: 1747, 1: RPC_S_SERVER_TOO_BUSY}.get(self.reason, RPC_S_CALL_FAILED_DNE)
        return {1: RPC_S_UNKNOWN_IF, 2: RPC_S_UNSUPPORTED_TRANS_SYN}.get(self.reason, RPC_S_CALL_FAILED_DNE)


class RpcFault(RpcError):
    """The server answered a call with a fault; a service raises it to do so on purpose.

    `status` is the value on the wire, `name` its documented name, `win32` its translation. `executed` is false when the
    server says that the operation was never entered, so that the call may safely be made again.
    """

    def __init__(self, status: int, *, executed: bool = True, message: str | None = None) -> None:
        status &= 0xFFFFFFFF
        name = status_name(status)
        text = f"the call failed with {name}"
        if not name.startswith("0x"):
            text += f" (0x{status:08x})" if status > 0xFFFF else f" ({status})"
        super().__init__(message or text, help=_FAULT_HELP.get(status))
        self.status = status
        self.name = name
        self.executed = executed

    @property
    def win32(self) -> int:
        return win32_status(self.status)

    def __repr__(self) -> str:
        return f"RpcFault({self.name}, executed={self.executed})"


class AsyncCallPending(RpcError):
    """Not yet: the call is not complete, or no pipe data is there (997, RPC_S_ASYNC_CALL_PENDING)."""

    status = RPC_S_ASYNC_CALL_PENDING

    def __init__(self, message: str = "the asynchronous call is still pending", *, help: str | None = None) -> None:
        super().__init__(message, help=help)


class InvalidAsyncHandle(RpcError):
    """The call behind the handle is over and collected, or there never was one (1914, RPC_S_INVALID_ASYNC_HANDLE)."""

    status = RPC_S_INVALID_ASYNC_HANDLE

    def __init__(self, message: str = "the asynchronous handle has no call", *, help: str | None = None) -> None:
        super().__init__(message, help=help)


class InvalidAsyncCall(RpcError):
    """The handle does not go with what is asked of it (1915, RPC_S_INVALID_ASYNC_CALL)."""

    status = RPC_S_INVALID_ASYNC_CALL

    def __init__(self, message: str = "the asynchronous call does not do that", *, help: str | None = None) -> None:
        super().__init__(message, help=help)


class InvalidArgument(RpcError, ValueError):
    """An argument that makes no sense (87, RPC_S_INVALID_ARG, which is ERROR_INVALID_PARAMETER)."""

    status = RPC_S_INVALID_ARG


class CannotSupport(RpcError):
    """Something that is not done for this object (1764, RPC_S_CANNOT_SUPPORT)."""

    status = RPC_S_CANNOT_SUPPORT


class CallCancelled(RpcError):
    """The call was cancelled (1818, RPC_S_CALL_CANCELLED)."""

    status = RPC_S_CALL_CANCELLED

    def __init__(self, message: str = "the call was cancelled", *, help: str | None = None) -> None:
        super().__init__(message, help=help)


class PipeError(RpcError):
    """A pipe was used against its rules; `status` is the RPC_X code, `fault` what a server sends for it."""

    status: int = RPC_X_INVALID_PIPE_OBJECT
    fault: int = RPC_X_INVALID_PIPE_OBJECT
    meaning: str = "the pipe failed"

    def __init__(self, message: str | None = None, *, help: str | None = None) -> None:
        super().__init__(message or self.meaning, help=help)


class PipeOrder(PipeError):
    """Pipes must be used in the order in which the IDL declares them, [in] before [out] (RPC_X_WRONG_PIPE_ORDER)."""

    status = RPC_X_WRONG_PIPE_ORDER
    fault = NCA_FAULT_PIPE_ORDER
    meaning = "the pipe was used out of order"


class PipeEmpty(PipeError):
    """There is no more data in the pipe (RPC_X_PIPE_EMPTY)."""

    status = RPC_X_PIPE_EMPTY
    fault = NCA_FAULT_PIPE_EMPTY
    meaning = "the pipe is empty; its end was read already"


class PipeClosed(PipeError):
    """The pipe has been ended already (RPC_X_PIPE_CLOSED)."""

    status = RPC_X_PIPE_CLOSED
    fault = NCA_FAULT_PIPE_CLOSED
    meaning = "the pipe was closed already"


class PipeDiscipline(PipeError):
    """The call was completed before all its pipes were read or written to the end (RPC_X_PIPE_DISCIPLINE_ERROR)."""

    status = RPC_X_PIPE_DISCIPLINE_ERROR
    fault = NCA_FAULT_PIPE_DISCIPLINE
    meaning = "the call was completed before all pipes were processed"


class PipeMemory(PipeError):
    """No memory for pipe data (RPC_X_PIPE_APP_MEMORY)."""

    status = RPC_X_PIPE_APP_MEMORY
    fault = NCA_FAULT_PIPE_MEMORY
    meaning = "there is no memory for the pipe's data"


class PipeObject(PipeError):
    """Not a usable pipe (RPC_X_INVALID_PIPE_OBJECT)."""

    meaning = "the pipe object is not valid"


class PipeVersion(PipeError):
    """The generated module speaks of pipes as another version of the runtime does (RPC_X_WRONG_PIPE_VERSION)."""

    status = RPC_X_WRONG_PIPE_VERSION
    fault = RPC_X_WRONG_PIPE_VERSION
    meaning = "this version of pipe is not supported"


class HResultError(RpcError):
    """A COM method returned a failing HRESULT."""

    def __init__(self, hresult: int, name: str | None = None, error_info: object = None) -> None:
        hresult &= 0xFFFFFFFF
        super().__init__(f"the method failed with {name or 'HRESULT'} (0x{hresult:08x})")
        self.hresult = hresult
        self.name = name
        self.error_info = error_info


# The codes themselves are understood, too; but for 14, which has other meanings.
_PIPE_FAULTS: Final[Mapping[int, type[PipeError]]] = {
    **{kind.status: kind for kind in (PipeObject, PipeVersion, PipeOrder, PipeEmpty, PipeClosed, PipeDiscipline)},
    **{kind.fault: kind for kind in (PipeOrder, PipeEmpty, PipeClosed, PipeDiscipline, PipeMemory)},
}


def error_from_fault(status: int, executed: bool = True) -> RpcError:
    """What a client raises for a fault: the pipe errors and a cancelled call have classes of their own."""
    if status in (NCA_FAULT_CANCEL, RPC_S_CALL_CANCELLED):
        return CallCancelled("the call was cancelled, and the server ended it")
    pipe = _PIPE_FAULTS.get(status)
    if pipe is not None:
        return pipe(f"{pipe.meaning} (the server says)")
    return RpcFault(status, executed=executed)


def status_of(error: BaseException) -> int:
    """The Win32 status of a failure, as RpcAsyncGetCallStatus gives it; RPC_S_CALL_FAILED where there is no other."""
    match error:
        case RpcFault():
            return error.win32
        case HResultError():
            return error.hresult
        case NdrError():
            return RPC_X_BAD_STUB_DATA
        case RemoteProtocolError():
            return RPC_S_PROTOCOL_ERROR
    status: int = getattr(error, "status", RPC_S_CALL_FAILED)
    return status


def fault_from_error(error: BaseException) -> tuple[int, bool]:
    """What a server sends for an exception: the status, and whether the operation was entered.

    Only what a service raises on purpose shows; everything else is `nca_s_fault_unspec`, so that no text or type leaks.
    """
    match error:
        case RpcFault():
            return error.status, error.executed
        case PipeError():
            return error.fault, True
        case HResultError():
            return error.hresult, True
        case CallCancelled():
            return NCA_FAULT_CANCEL, True
        case MemoryError():
            return NCA_FAULT_REMOTE_NO_MEMORY, True
        case _:
            return NCA_FAULT_UNSPEC, True
