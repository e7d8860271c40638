"""HRESULTs: their documented names, and the exceptions that failing ones become."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from idlrt.errors import RpcError, status_name

S_OK: Final = 0
S_FALSE: Final = 1

E_NOTIMPL: Final = 0x80004001
E_NOINTERFACE: Final = 0x80004002
E_POINTER: Final = 0x80004003
E_ABORT: Final = 0x80004004
E_FAIL: Final = 0x80004005
CO_E_NOT_SUPPORTED: Final = 0x80004021
E_PENDING: Final = 0x8000000A
E_BOUNDS: Final = 0x8000000B
E_CHANGED_STATE: Final = 0x8000000C
E_ILLEGAL_METHOD_CALL: Final = 0x8000000E
E_UNEXPECTED: Final = 0x8000FFFF
E_ACCESSDENIED: Final = 0x80070005
E_HANDLE: Final = 0x80070006
E_OUTOFMEMORY: Final = 0x8007000E
E_INVALIDARG: Final = 0x80070057

RPC_E_CALL_REJECTED: Final = 0x80010001
RPC_E_CALL_CANCELED: Final = 0x80010002
RPC_E_CANTPOST_INSENDCALL: Final = 0x80010003
RPC_E_CANTCALLOUT_INASYNCCALL: Final = 0x80010004
RPC_E_CANTCALLOUT_INEXTERNALCALL: Final = 0x80010005
RPC_E_CONNECTION_TERMINATED: Final = 0x80010006
RPC_E_SERVER_DIED: Final = 0x80010007
RPC_E_CLIENT_DIED: Final = 0x80010008
RPC_E_INVALID_DATAPACKET: Final = 0x80010009
RPC_E_CANTTRANSMIT_CALL: Final = 0x8001000A
RPC_E_CLIENT_CANTMARSHAL_DATA: Final = 0x8001000B
RPC_E_CLIENT_CANTUNMARSHAL_DATA: Final = 0x8001000C
RPC_E_SERVER_CANTMARSHAL_DATA: Final = 0x8001000D
RPC_E_SERVER_CANTUNMARSHAL_DATA: Final = 0x8001000E
RPC_E_INVALID_DATA: Final = 0x8001000F
RPC_E_INVALID_PARAMETER: Final = 0x80010010
RPC_E_CANTCALLOUT_AGAIN: Final = 0x80010011
RPC_E_SERVER_DIED_DNE: Final = 0x80010012
RPC_E_SYS_CALL_FAILED: Final = 0x80010100
RPC_E_OUT_OF_RESOURCES: Final = 0x80010101
RPC_E_ATTEMPTED_MULTITHREAD: Final = 0x80010102
RPC_E_NOT_REGISTERED: Final = 0x80010103
RPC_E_FAULT: Final = 0x80010104
RPC_E_SERVERFAULT: Final = 0x80010105
RPC_E_CHANGED_MODE: Final = 0x80010106
RPC_E_INVALIDMETHOD: Final = 0x80010107
RPC_E_DISCONNECTED: Final = 0x80010108
RPC_E_RETRY: Final = 0x80010109
RPC_E_SERVERCALL_RETRYLATER: Final = 0x8001010A
RPC_E_SERVERCALL_REJECTED: Final = 0x8001010B
RPC_E_INVALID_CALLDATA: Final = 0x8001010C
RPC_E_CANTCALLOUT_ININPUTSYNCCALL: Final = 0x8001010D
RPC_E_WRONG_THREAD: Final = 0x8001010E
RPC_E_THREAD_NOT_INIT: Final = 0x8001010F
RPC_E_VERSION_MISMATCH: Final = 0x80010110
RPC_E_INVALID_HEADER: Final = 0x80010111
RPC_E_INVALID_EXTENSION: Final = 0x80010112
RPC_E_INVALID_IPID: Final = 0x80010113
RPC_E_INVALID_OBJECT: Final = 0x80010114
RPC_S_CALLPENDING: Final = 0x80010115
"""A failure, whatever its name says: a call is outstanding, or a wait timed out."""
RPC_S_WAITONTIMER: Final = 0x80010116
RPC_E_CALL_COMPLETE: Final = 0x80010117
RPC_E_UNSECURE_CALL: Final = 0x80010118
RPC_E_TOO_LATE: Final = 0x80010119
RPC_E_NO_GOOD_SECURITY_PACKAGES: Final = 0x8001011A
RPC_E_ACCESS_DENIED: Final = 0x8001011B
RPC_E_REMOTE_DISABLED: Final = 0x8001011C
RPC_E_INVALID_OBJREF: Final = 0x8001011D
RPC_E_NO_CONTEXT: Final = 0x8001011E
RPC_E_TIMEOUT: Final = 0x8001011F
RPC_E_NO_SYNC: Final = 0x80010120
RPC_E_FULLSIC_REQUIRED: Final = 0x80010121
RPC_E_INVALID_STD_NAME: Final = 0x80010122
CO_E_FAILEDTOIMPERSONATE: Final = 0x80010123
CO_E_FAILEDTOGETSECCTX: Final = 0x80010124
CO_E_CANCEL_DISABLED: Final = 0x80010140
RPC_E_UNEXPECTED: Final = 0x8001FFFF

DISP_E_UNKNOWNINTERFACE: Final = 0x80020001
DISP_E_MEMBERNOTFOUND: Final = 0x80020003
DISP_E_PARAMNOTFOUND: Final = 0x80020004
DISP_E_TYPEMISMATCH: Final = 0x80020005
DISP_E_UNKNOWNNAME: Final = 0x80020006
DISP_E_EXCEPTION: Final = 0x80020009
DISP_E_BADPARAMCOUNT: Final = 0x8002000E
STG_E_INVALIDFUNCTION: Final = 0x80030001
STG_E_FILENOTFOUND: Final = 0x80030002
STG_E_ACCESSDENIED: Final = 0x80030005
STG_E_INVALIDPOINTER: Final = 0x80030009
STG_E_WRITEFAULT: Final = 0x8003001D
STG_E_READFAULT: Final = 0x8003001E
STG_E_MEDIUMFULL: Final = 0x80030070
STG_E_REVERTED: Final = 0x80030102
CONNECT_E_NOCONNECTION: Final = 0x80040200
CONNECT_E_ADVISELIMIT: Final = 0x80040201
CONNECT_E_CANNOTCONNECT: Final = 0x80040202
CLASS_E_NOAGGREGATION: Final = 0x80040110
CLASS_E_CLASSNOTAVAILABLE: Final = 0x80040111
REGDB_E_CLASSNOTREG: Final = 0x80040154
REGDB_E_IIDNOTREG: Final = 0x80040155
CO_E_NOTINITIALIZED: Final = 0x800401F0
CO_E_CLASSSTRING: Final = 0x800401F3
CO_E_OBJNOTREG: Final = 0x800401FB
CO_E_OBJISREG: Final = 0x800401FC
CO_E_OBJNOTCONNECTED: Final = 0x800401FD
CO_E_SERVER_EXEC_FAILURE: Final = 0x80080005
MK_E_SYNTAX: Final = 0x800401E4
MK_E_UNAVAILABLE: Final = 0x800401E3
OBJ_E_NO_CONTEXT: Final = 0x800401E7

NAMES: Final[Mapping[int, str]] = {
    value: name for name, value in list(globals().items()) if isinstance(value, int) and not name.startswith("_")
}
"""The documented name of each HRESULT above."""

_WHAT: Final[Mapping[int, str]] = {
    E_NOINTERFACE: "the object does not have the interface",
    RPC_S_CALLPENDING: "the call is still pending",
    RPC_E_CALL_COMPLETE: "no call is in progress, or it is complete",
    RPC_E_CALL_CANCELED: "the call was cancelled",
    RPC_E_DISCONNECTED: "the object is no longer connected to its clients",
    RPC_E_TIMEOUT: "the wait timed out",
    RPC_E_NO_SYNC: "there is nothing to wait for",
    RPC_E_CANTCALLOUT_INASYNCCALL: "no call can be made from inside an asynchronous notification",
    RPC_E_CANTCALLOUT_ININPUTSYNCCALL: "no call can be made from inside an input-synchronized call",
    RPC_E_CALL_REJECTED: "the call was rejected by the callee",
    CO_E_CANCEL_DISABLED: "the call was made where cancelling calls is not enabled",
    REGDB_E_CLASSNOTREG: "no class of that CLSID is registered",
}


def unsigned(hresult: int) -> int:
    """An HRESULT as the number that documentation prints; in IDL it is a signed long."""
    return hresult & 0xFFFFFFFF


def signed(hresult: int) -> int:
    """An HRESULT as the `long` that travels."""
    hresult &= 0xFFFFFFFF
    return hresult - (1 << 32) if hresult & 0x80000000 else hresult


def failed(hresult: int) -> bool:
    """Whether it is a failure (FAILED): the highest bit is set."""
    return bool(hresult & 0x80000000)


def hresult_name(hresult: int) -> str:
    """The documented name, also of a Win32 error in its HRESULT form, else the value in hexadecimal."""
    hresult &= 0xFFFFFFFF
    known = NAMES.get(hresult)
    if known is not None:
        return known
    if hresult >> 16 == 0x8007:
        win32 = status_name(hresult & 0xFFFF)
        if not win32.startswith("0x"):
            return f"HRESULT_FROM_WIN32({win32})"
    return f"0x{hresult:08x}"


class HResultError(RpcError):
    """A method failed with an HRESULT; an implementation raises it to do so.

    `HResultError(E_NOINTERFACE)` is a `NoInterface`, so that what is often met can be caught by its name.

    Args:
        hresult: the failing code, signed or unsigned; a kind with a name of its own has it already.
        message: what went wrong, for people; it does not travel as such.
        error_info: what the callee said about it, where it did (IErrorInfo).

    Raises:
        ValueError: the code is not that of a failure.
    """

    _kinds: ClassVar[dict[int, type[HResultError]]] = {}
    HRESULT: ClassVar[int]

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "HRESULT" in cls.__dict__:
            HResultError._kinds[cls.HRESULT] = cls

    def __new__(cls, hresult: int | None = None, *args: Any, **options: Any) -> HResultError:
        kind = cls
        if cls is HResultError and hresult is not None:
            kind = HResultError._kinds.get(hresult & 0xFFFFFFFF, cls)
        return super().__new__(kind)

    def __init__(
        self,
        hresult: int | None = None,
        message: str | None = None,
        *,
        help: str | None = None,
        error_info: Any = None,
    ) -> None:
        if hresult is None:
            hresult = self.HRESULT
        if not hresult & 0x80000000:
            raise ValueError(f"0x{hresult & 0xFFFFFFFF:08x} is no failure")
        self.hresult = hresult & 0xFFFFFFFF
        self.name = hresult_name(hresult)
        self.error_info = error_info
        what = message or _WHAT.get(self.hresult, "the method failed")
        named = "" if self.name.startswith("0x") else f"{self.name} "
        super().__init__(f"{what}: {named}(0x{self.hresult:08x})", help=help)

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, (type(self), self.hresult, self.message, self.help)


def _again(kind: type[HResultError], hresult: int, message: str, help: str | None) -> HResultError:
    made = kind(hresult, help=help)
    made.message = message
    made.args = (message,)
    return made


class NoInterface(HResultError):
    """The object does not have the interface (E_NOINTERFACE)."""

    HRESULT = E_NOINTERFACE


class CallPending(HResultError):
    """A call is outstanding on the call object, or a wait timed out (RPC_S_CALLPENDING)."""

    HRESULT = RPC_S_CALLPENDING


class CallComplete(HResultError):
    """There is no call to finish or to cancel (RPC_E_CALL_COMPLETE)."""

    HRESULT = RPC_E_CALL_COMPLETE


class CallCanceled(HResultError):
    """The call was cancelled (RPC_E_CALL_CANCELED)."""

    HRESULT = RPC_E_CALL_CANCELED


class Disconnected(HResultError):
    """The object is gone from where its clients call it (RPC_E_DISCONNECTED)."""

    HRESULT = RPC_E_DISCONNECTED


def check(hresult: int) -> int:
    """The code, unless it is a failure.

    Raises:
        HResultError: it is.
    """
    if hresult & 0x80000000:
        raise HResultError(hresult)
    return hresult
