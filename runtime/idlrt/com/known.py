"""Interfaces that the runtime itself implements or asks for, by their documented names and signatures.

What generated modules have under these names are these classes. Methods give back what the documentation has as the
last `[out]` parameter, and raise `HResultError` for failing codes.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Final, overload
from uuid import UUID

from idlrt.com.interfaces import I, IUnknown
from idlrt.com.methods import Methods
from idlrt.rpc.interface import Operation

if TYPE_CHECKING:
    from idlrt.com.blanket import Blanket
    from idlrt.com.synchronize import EventHandle

INFINITE: Final = 0xFFFFFFFF
"""Milliseconds or seconds without end."""

COWAIT_WAITALL: Final = 1
COWAIT_ALERTABLE: Final = 2
COWAIT_INPUTAVAILABLE: Final = 4
COWAIT_DISPATCH_CALLS: Final = 8
COWAIT_DISPATCH_WINDOW_MESSAGES: Final = 16
COWAIT_FLAGS: Final = 31
"""All of them."""

CLSID_StdEvent: Final = UUID("0000032b-0000-0000-c000-000000000046")
CLSID_ManualResetEvent: Final = UUID("0000032c-0000-0000-c000-000000000046")
CLSID_SynchronizeContainer: Final = UUID("0000032d-0000-0000-c000-000000000046")


class ICallFactory(IUnknown):
    """Makes call objects."""

    __slots__ = ()
    IID: ClassVar[UUID] = UUID("1c733a30-2a1c-11ce-ade5-00aa0044773d")

    @overload
    async def CreateCall(self, riid: Callable[..., I]) -> I: ...

    @overload
    async def CreateCall(
        self, riid: Callable[..., Any] | UUID, pCtrlUnk: IUnknown | None, riid2: Callable[..., I]
    ) -> I: ...

    @overload
    async def CreateCall(
        self, riid: Callable[..., Any] | UUID, pCtrlUnk: IUnknown | None = None, riid2: UUID | None = None
    ) -> IUnknown: ...

    @abstractmethod
    async def CreateCall(
        self, riid: Callable[..., Any] | UUID, pCtrlUnk: IUnknown | None = None, riid2: Any = None
    ) -> Any:
        """A call object for an asynchronous interface.

        Args:
            riid: the asynchronous interface (`AsyncIFoo`), as its class or its IID.
            pCtrlUnk: the object that the call object becomes part of; None: it stands alone.
            riid2: the interface of the call object that is returned; None is `riid`. With a controlling unknown it is
                IUnknown, and what is returned is the non-delegating one.

        Raises:
            HResultError: E_NOINTERFACE, also where `riid` is a synchronous interface; E_INVALIDARG; E_OUTOFMEMORY;
                E_UNEXPECTED. Source: ICallFactory::CreateCall.
        """


class ISynchronize(IUnknown):
    """Something to wait for."""

    __slots__ = ()
    IID: ClassVar[UUID] = UUID("00000030-0000-0000-c000-000000000046")
    METHODS: ClassVar[Methods] = Methods(
        "ISynchronize",
        IID,
        module="idlrt.prelude.objidlbase",
        codec="_objidlbase_objects",
        offset=37,
        operations=(
            Operation("Wait", 3, inputs=("dwFlags", "dwMilliseconds"), outputs=("return_value",)),
            Operation("Signal", 4, outputs=("return_value",)),
            Operation("Reset", 5, outputs=("return_value",)),
        ),
    )

    @abstractmethod
    async def Wait(self, dwFlags: int, dwMilliseconds: int) -> int:
        """Wait until it is signaled.

        Args:
            dwFlags: of COWAIT_FLAGS. dwMilliseconds: 0 looks without waiting, INFINITE waits without end.

        Raises:
            CallPending: it was not signaled in that time (RPC_S_CALLPENDING).
            HResultError: E_INVALIDARG for other flags. Source: ISynchronize::Wait.
        """
        result: int = await self._call(3, dwFlags, dwMilliseconds)
        return result

    @abstractmethod
    async def Signal(self) -> int:
        """Signal it: whoever waits goes on. Source: ISynchronize::Signal."""
        result: int = await self._call(4)
        return result

    @abstractmethod
    async def Reset(self) -> int:
        """Make it unsignaled again. Source: ISynchronize::Reset."""
        result: int = await self._call(5)
        return result


class ISynchronizeHandle(IUnknown):
    """Something to wait for that shows what the system waits for."""

    __slots__ = ()
    IID: ClassVar[UUID] = UUID("00000031-0000-0000-c000-000000000046")

    @abstractmethod
    async def GetHandle(self) -> EventHandle:
        """The event behind it. It has a `fileno()`, which `select` and its kin find readable while it is signaled.

        It stays of use as long as somebody keeps it. Source: ISynchronizeHandle::GetHandle.
        """


class ISynchronizeEvent(ISynchronizeHandle):
    """Something to wait for whose event can be replaced."""

    __slots__ = ()
    IID: ClassVar[UUID] = UUID("00000032-0000-0000-c000-000000000046")

    @abstractmethod
    async def SetEventHandle(self, ph: EventHandle) -> int:
        """Use another event from now on. Source: ISynchronizeEvent::SetEventHandle."""


class ISynchronizeContainer(IUnknown):
    """Several things to wait for."""

    __slots__ = ()
    IID: ClassVar[UUID] = UUID("00000033-0000-0000-c000-000000000046")

    @abstractmethod
    async def AddSynchronize(self, pSync: ISynchronize) -> int:
        """Add one, of at most 63.

        Raises:
            HResultError: RPC_E_OUT_OF_RESOURCES for one too many. Source: ISynchronizeContainer::AddSynchronize.
        """

    @abstractmethod
    async def WaitMultiple(self, dwFlags: int, dwTimeOut: int) -> ISynchronize:
        """Wait until any of them is signaled, which is returned and leaves the container.

        Args:
            dwFlags: of COWAIT_FLAGS, without COWAIT_WAITALL. dwTimeOut: in milliseconds, or INFINITE.

        Raises:
            HResultError: RPC_E_TIMEOUT; RPC_E_NO_SYNC for an empty container; E_INVALIDARG for other flags.
                Source: ISynchronizeContainer::WaitMultiple.
        """


class ICancelMethodCalls(IUnknown):
    """A call that can be cancelled."""

    __slots__ = ()
    IID: ClassVar[UUID] = UUID("00000029-0000-0000-c000-000000000046")

    @abstractmethod
    async def Cancel(self, ulSeconds: int) -> int:
        """Ask that the call be cancelled.

        Args:
            ulSeconds: how long the callee may take to end it before the caller goes on without; INFINITE is forever.

        Raises:
            CallCanceled: it was cancelled before (RPC_E_CALL_CANCELED).
            CallComplete: it was over, or was finished in that time (RPC_E_CALL_COMPLETE).
            HResultError: CO_E_CANCEL_DISABLED. Source: ICancelMethodCalls::Cancel.
        """

    @abstractmethod
    async def TestCancel(self) -> int:
        """RPC_E_CALL_CANCELED if the call was cancelled, else RPC_S_CALLPENDING; never S_OK.

        The answer is a code of failure either way, so it is returned. Source: ICancelMethodCalls::TestCancel.
        """


class IClientSecurity(IUnknown):
    """How the calls of a proxy, or of a call object, are to be protected."""

    __slots__ = ()
    IID: ClassVar[UUID] = UUID("0000013d-0000-0000-c000-000000000046")

    @abstractmethod
    async def QueryBlanket(self, pProxy: IUnknown) -> Blanket:
        """What calls through a pointer of the object are protected with. Source: IClientSecurity::QueryBlanket."""

    @abstractmethod
    async def SetBlanket(
        self,
        pProxy: IUnknown,
        dwAuthnSvc: int = 0xFFFFFFFF,
        dwAuthzSvc: int = 0xFFFFFFFF,
        pServerPrincName: str | None = None,
        dwAuthnLevel: int = 0,
        dwImpLevel: int = 0,
        pAuthInfo: Any = None,
        dwCapabilities: int = 0,
    ) -> int:
        """Protect calls through a pointer of the object so from now on; what is left out is as usual.

        Raises:
            HResultError: E_INVALIDARG; RPC_E_NO_GOOD_SECURITY_PACKAGES where calls cannot be protected so.
                Source: IClientSecurity::SetBlanket.
        """

    @abstractmethod
    async def CopyProxy(self, pProxy: IUnknown) -> IUnknown:
        """Another proxy for the same interface, with a blanket of its own. Source: IClientSecurity::CopyProxy."""


class IMessageFilter(IUnknown):
    """What a single-threaded apartment does about calls that come while it is busy, or that it has to wait for.

    The methods are plain functions and return at once.
    """

    __slots__ = ()
    IID: ClassVar[UUID] = UUID("00000016-0000-0000-c000-000000000046")

    @abstractmethod
    def HandleInComingCall(self, dwCallType: int, htaskCaller: Any, dwTickCount: int, lpInterfaceInfo: Any) -> int:
        """Whether to take a call: a `ServerCall`.

        Args:
            dwCallType: a `CallType`. htaskCaller: who calls, as far as that is known.
            dwTickCount: milliseconds since this apartment's own outgoing call was made; 0 without one.
            lpInterfaceInfo: an `InterfaceInfo`. Source: IMessageFilter::HandleInComingCall.
        """

    @abstractmethod
    def RetryRejectedCall(self, htaskCallee: Any, dwTickCount: int, dwRejectType: int) -> int:
        """When to repeat a call that was not taken: -1 never, 0 to 99 at once, else after so many milliseconds.

        Args:
            htaskCallee: what was called. dwTickCount: milliseconds since the call was first made.
            dwRejectType: `ServerCall.REJECTED` or `ServerCall.RETRYLATER`. Source: IMessageFilter::RetryRejectedCall.
        """

    @abstractmethod
    def MessagePending(self, htaskCallee: Any, dwTickCount: int, dwPendingType: int) -> int:
        """What to do about a message that comes while a call is waited for: a `PendingMessage`.

        Args:
            htaskCallee: what was called. dwTickCount: milliseconds since the call was made.
            dwPendingType: a `PendingType`. Source: IMessageFilter::MessagePending.
        """
