"""Message filters: a single-threaded apartment puts off calls while it is busy, and repeats those it made in vain."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from enum import IntEnum
from typing import TYPE_CHECKING, Final, NamedTuple
from uuid import UUID

from idlrt.com.apartment import Apartment
from idlrt.com.context import CallContext, CallKind
from idlrt.com.hresult import (
    CO_E_NOT_SUPPORTED,
    E_INVALIDARG,
    RPC_E_CALL_REJECTED,
    RPC_E_SERVERCALL_RETRYLATER,
    HResultError,
)
from idlrt.com.interfaces import IUnknown
from idlrt.com.known import IMessageFilter
from idlrt.com.outgoing import PendingCall, pending

if TYPE_CHECKING:
    from typing import Any

AT_ONCE: Final = 100
"""Milliseconds below which RetryRejectedCall means at once."""


COUNTING: Final = {
    UUID("00000131-0000-0000-c000-000000000046"),
    UUID("00000143-0000-0000-c000-000000000046"),
}
"""IRemUnknown and IRemUnknown2: no program makes these calls, and whoever makes them does not repeat them."""


class ServerCall(IntEnum):
    """What HandleInComingCall answers (`SERVERCALL`)."""

    ISHANDLED = 0
    REJECTED = 1
    RETRYLATER = 2


class CallType(IntEnum):
    """Which call comes, and whether this apartment waits for one of its own (`CALLTYPE`)."""

    TOPLEVEL = 1
    NESTED = 2
    """On behalf of the call that this apartment waits for."""
    ASYNC = 3
    TOPLEVEL_CALLPENDING = 4
    ASYNC_CALLPENDING = 5


class PendingType(IntEnum):
    """How deep the call is that a message meets (`PENDINGTYPE`)."""

    TOPLEVEL = 1
    NESTED = 2


class PendingMessage(IntEnum):
    """What MessagePending answers (`PENDINGMSG`)."""

    CANCELCALL = 0
    WAITNOPROCESS = 1
    WAITDEFPROCESS = 2


class InterfaceInfo(NamedTuple):
    """Which method of which object is called (`INTERFACEINFO`)."""

    pUnk: IUnknown
    iid: UUID
    wMethod: int


class Filtering:
    """The message filter of one apartment, at work."""

    def __init__(self, apartment: Apartment, chosen: IMessageFilter) -> None:
        self.apartment = apartment
        self.chosen = chosen
        self._waiting: deque[Callable[[], object]] = deque()

    def admit(self, target: IUnknown, context: CallContext) -> None:
        """Take an incoming call, or refuse it. Those by which references are counted are always taken.

        Raises:
            HResultError: RPC_E_CALL_REJECTED, RPC_E_SERVERCALL_RETRYLATER.
        """
        if context.interface.IID in COUNTING:
            return
        calls = self._calls()
        if any(call.thread == context.causality for call in calls):
            kind = CallType.NESTED
        elif context.kind is CallKind.ASYNCHRONOUS:
            kind = CallType.ASYNC_CALLPENDING if calls else CallType.ASYNC
        else:
            kind = CallType.TOPLEVEL_CALLPENDING if calls else CallType.TOPLEVEL
        info = InterfaceInfo(target, context.interface.IID, context.opnum)
        since = calls[-1].milliseconds if calls else 0
        answer = self.chosen.HandleInComingCall(kind, context.caller, since, info)
        if answer == ServerCall.REJECTED:
            raise HResultError(RPC_E_CALL_REJECTED)
        if answer == ServerCall.RETRYLATER:
            raise HResultError(RPC_E_SERVERCALL_RETRYLATER)

    def repeat(self, call: PendingCall, hresult: int) -> float | None:
        """When to repeat a call that was not taken, in seconds; None never."""
        kind = ServerCall.REJECTED if hresult == RPC_E_CALL_REJECTED else ServerCall.RETRYLATER
        answer = self.chosen.RetryRejectedCall(call.callee, call.milliseconds, kind)
        if answer < 0 or answer == 0xFFFFFFFF:
            return None
        return 0 if answer < AT_ONCE else answer / 1000

    def message(self, work: Callable[[], object]) -> None:
        """A message has come, as `Apartment.message` has it."""
        calls = self._calls()
        if not calls:
            work()
            return
        innermost = calls[-1]
        depth = PendingType.NESTED if len(calls) > 1 else PendingType.TOPLEVEL
        answer = self.chosen.MessagePending(innermost.callee, innermost.milliseconds, depth)
        if answer == PendingMessage.WAITDEFPROCESS:
            work()
            return
        self._waiting.append(work)
        if answer == PendingMessage.CANCELCALL:
            innermost.give_up()

    def call_ended(self) -> None:
        """A call of this apartment is over; after the last, messages that were put off have their turn."""
        while self._waiting and not self._calls():
            self.apartment.loop.call_soon(self._waiting.popleft())

    def _calls(self) -> list[PendingCall]:
        """Calls that this apartment waits for, the oldest first."""
        own = [call for calls in list(pending.values()) for call in calls if call.apartment is self.apartment]
        return sorted(own, key=lambda call: call.since)


def CoRegisterMessageFilter(lpMessageFilter: IMessageFilter | None) -> IMessageFilter | None:
    """Give the running apartment a message filter, or none; the one that it had.

    Raises:
        HResultError: a multithreaded apartment has none (CO_E_NOT_SUPPORTED); that is no filter (E_INVALIDARG).
    """
    if lpMessageFilter is not None and not isinstance(lpMessageFilter, IMessageFilter):
        raise HResultError(E_INVALIDARG, f"{lpMessageFilter!r} is no message filter")
    apartment = Apartment.current()
    if apartment.multithreaded:
        raise HResultError(CO_E_NOT_SUPPORTED, "a multithreaded apartment has no message filter")
    before: Any = apartment.filter
    apartment.filter = None if lpMessageFilter is None else Filtering(apartment, lpMessageFilter)
    if before is None:
        return None
    for work in before._waiting:
        apartment.loop.call_soon(work)
    chosen: IMessageFilter = before.chosen
    return chosen
