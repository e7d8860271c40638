"""Calls that a program makes through proxies and waits for: which are under way, and what may stop them.

COM keeps this per thread; here a task on an event loop is what a thread is there, and so is a thread without a loop.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Generator
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias
from weakref import WeakKeyDictionary

from idlrt.com.apartment import ATTRIBUTE, Apartment
from idlrt.com.context import CallKind, causality, kind_of, new_thread, serving
from idlrt.com.hresult import (
    CO_E_CANCEL_DISABLED,
    RPC_E_CALL_REJECTED,
    RPC_E_CANTCALLOUT_INASYNCCALL,
    RPC_E_CANTCALLOUT_ININPUTSYNCCALL,
    RPC_E_SERVERCALL_RETRYLATER,
    S_OK,
    CallCanceled,
    CallComplete,
    HResultError,
)
from idlrt.com.synchronize import EventHandle

if TYPE_CHECKING:
    from uuid import UUID

    from idlrt.com.interfaces import IUnknown

Owner: TypeAlias = "asyncio.Task[Any] | threading.Thread"
"""What makes calls one after the other: COM's thread."""


class Outgoing(Protocol):
    """A call that was made and can be cancelled. Awaiting it gives the result, or raises what the call failed with."""

    def __await__(self) -> Generator[Any, None, Any]: ...

    def cancel(self) -> None:
        """Ask the callee to stop. It may answer all the same; until then the call goes on."""

    def abandon(self) -> None:
        """Nobody waits for the result any more: whoever still does gets `CallCanceled`, and an answer is dropped."""


class Callee(Protocol):
    """What can be called: a `Remote`."""

    def call(self, interface: type[IUnknown], opnum: int, inputs: tuple[Any, ...]) -> Awaitable[Any]: ...

    def begin(self, interface: type[IUnknown], opnum: int, inputs: tuple[Any, ...]) -> Outgoing: ...


enabled: Final[WeakKeyDictionary[Owner, int]] = WeakKeyDictionary()
"""How often each has had cancelling enabled."""

pending: Final[dict[Owner, list[PendingCall]]] = {}
"""The calls that each waits for, the innermost last."""


def current_owner() -> Owner:
    """The running task, or this thread."""
    try:
        task = asyncio.current_task()
    except RuntimeError:
        task = None
    return threading.current_thread() if task is None else task


class PendingCall:
    """A synchronous call that somebody waits for.

    Args:
        callee: what was called. thread: the logical thread that it belongs to. cancellable: as it was when it was made.
    """

    cancelled = False
    over: EventHandle | None = None
    call: Outgoing | None = None
    woken: asyncio.Event | None = None
    """While it waits to be repeated."""

    def __init__(self, apartment: Apartment, callee: Callee, thread: UUID, cancellable: bool) -> None:
        self.apartment = apartment
        self.callee = callee
        self.thread = thread
        self.cancellable = cancellable
        self.since = monotonic()

    @property
    def milliseconds(self) -> int:
        """How long ago it was made."""
        return int((monotonic() - self.since) * 1000)

    async def cancel(self, timeout: float | None) -> int:
        """Ask for it to be cancelled, and have its caller go on after `timeout` seconds; from any apartment."""
        if not self.cancellable:
            raise HResultError(CO_E_CANCEL_DISABLED)
        if self.cancelled:
            raise CallCanceled(message="the call was cancelled before")
        self.cancelled = True
        self.over = over = EventHandle()
        self.apartment.run_soon(self._ask)
        if timeout != 0 and await over.wait_async(timeout):
            raise CallComplete(message="the call was finished in time")
        self.apartment.run_soon(self.give_up)
        return S_OK

    def _ask(self) -> None:
        if self.call is not None:
            self.call.cancel()

    def give_up(self) -> None:
        """Its caller goes on with `CallCanceled`; on its loop."""
        self.cancelled = True
        if self.call is not None:
            self.call.cancel()
            self.call.abandon()
        if self.woken is not None:
            self.woken.set()

    async def rest(self, delay: float) -> None:
        """Wait to repeat it."""
        self.woken = asyncio.Event()
        try:
            await asyncio.wait_for(self.woken.wait(), delay)
        except TimeoutError:
            pass
        finally:
            self.woken = None
        if self.cancelled:
            raise CallCanceled


async def make_call(callee: Callee, interface: type[IUnknown], opnum: int, inputs: tuple[Any, ...]) -> Any:
    """Call a method elsewhere and wait for it, by the rules of the apartment that this runs in.

    Raises:
        HResultError: what the callee raised; RPC_E_CANTCALLOUT_INASYNCCALL or ..._ININPUTSYNCCALL where the call that
            is being served forbids others; RPC_E_CALL_REJECTED or RPC_E_SERVERCALL_RETRYLATER if the callee did not
            take the call, and the message filter here does not have it repeated.
    """
    loop = asyncio._get_running_loop()
    apartment: Apartment = getattr(loop, ATTRIBUTE, None) or Apartment.current()
    served = serving.get()
    if served is not None and served.kind is not CallKind.SYNCHRONOUS:
        _may_call_out(served.kind, interface, opnum)
    if apartment.multithreaded and kind_of(interface, opnum) is CallKind.INPUT_SYNC:
        raise HResultError(
            RPC_E_CANTCALLOUT_ININPUTSYNCCALL, "a multithreaded apartment can make no input-synchronized call"
        )
    owner = (None if loop is None else asyncio.current_task(loop)) or current_owner()
    thread = causality.get() or new_thread()
    made = PendingCall(apartment, callee, thread, len(enabled) > 0 and enabled.get(owner, 0) > 0)
    calls = pending.get(owner)
    if calls is None:
        pending[owner] = calls = [made]
    else:
        calls.append(made)
    token = causality.set(thread)
    try:
        if not made.cancellable and apartment.filter is None:
            return await callee.call(interface, opnum, inputs)
        return await _filtered(made, interface, opnum, inputs)
    finally:
        causality.reset(token)
        calls.remove(made)
        if not calls:
            pending.pop(owner, None)
        if made.over is not None:
            made.over.set()
        if apartment.filter is not None:
            apartment.filter.call_ended()


async def _filtered(made: PendingCall, interface: type[IUnknown], opnum: int, inputs: tuple[Any, ...]) -> Any:
    while True:
        call = made.callee.begin(interface, opnum, inputs)
        made.call = call
        try:
            if made.cancelled:
                raise CallCanceled
            return await call
        except asyncio.CancelledError:
            call.cancel()
            call.abandon()
            raise
        except HResultError as error:
            chosen = made.apartment.filter
            if chosen is None or error.hresult not in (RPC_E_CALL_REJECTED, RPC_E_SERVERCALL_RETRYLATER):
                raise
            delay = chosen.repeat(made, error.hresult)
            if delay is None:
                raise HResultError(RPC_E_CALL_REJECTED) from error
        finally:
            made.call = None
        await made.rest(delay)


def _may_call_out(kind: CallKind, interface: type[IUnknown], opnum: int) -> None:
    if kind is CallKind.INPUT_SYNC:
        raise HResultError(RPC_E_CANTCALLOUT_ININPUTSYNCCALL)
    if kind_of(interface, opnum) is not CallKind.ASYNCHRONOUS:
        raise HResultError(RPC_E_CANTCALLOUT_INASYNCCALL)
