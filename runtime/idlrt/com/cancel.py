"""Cancelling synchronous calls: COM's functions, each by its documented name.

What they do for a thread there, they do for a task here, or for a thread without an event loop. Calls of call objects
are never found by them; those are cancelled by the call object's ICancelMethodCalls.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias
from uuid import UUID
from weakref import WeakKeyDictionary

from idlrt.com.context import CallContext, serving
from idlrt.com.hresult import (
    CO_E_CANCEL_DISABLED,
    E_INVALIDARG,
    RPC_E_CALL_CANCELED,
    RPC_E_CALL_COMPLETE,
    RPC_S_CALLPENDING,
    S_OK,
    CallComplete,
    HResultError,
    NoInterface,
)
from idlrt.com.interfaces import I, IUnknown
from idlrt.com.known import INFINITE, ICancelMethodCalls
from idlrt.com.objects import Object
from idlrt.com.outgoing import Owner, PendingCall, current_owner, enabled, pending

Thread: TypeAlias = "Owner | int | None"
"""Whose call is meant: a task, a thread or its identifier; 0 or None is who asks."""

_set: WeakKeyDictionary[Owner, list[IUnknown]] = WeakKeyDictionary()


def CoEnableCallCancellation(pReserved: None = None) -> int:
    """Have calls that this task makes from now on be cancellable. Calls of this function nest."""
    if pReserved is not None:
        raise HResultError(E_INVALIDARG)
    owner = current_owner()
    enabled[owner] = enabled.get(owner, 0) + 1
    return S_OK


def CoDisableCallCancellation(pReserved: None = None) -> int:
    """Undo one `CoEnableCallCancellation` of this task.

    Raises:
        HResultError: CO_E_CANCEL_DISABLED if that was not the last one, which is then still to be undone, or if there
            was none.
    """
    if pReserved is not None:
        raise HResultError(E_INVALIDARG)
    owner = current_owner()
    left = enabled.get(owner, 0) - 1
    if left > 0:
        enabled[owner] = left
        raise HResultError(CO_E_CANCEL_DISABLED, f"cancelling calls was enabled {left} times more")
    enabled.pop(owner, None)
    if left < 0:
        raise HResultError(CO_E_CANCEL_DISABLED)
    return S_OK


@contextmanager
def call_cancellation() -> Iterator[None]:
    """Enable cancelling for the calls that this task makes in a `with` block."""
    CoEnableCallCancellation()
    try:
        yield
    finally:
        owner = current_owner()
        left = enabled.get(owner, 1) - 1
        if left:
            enabled[owner] = left
        else:
            enabled.pop(owner, None)


class _CancelObject(Object, ICancelMethodCalls):
    """A synchronous call that somebody waits for."""

    def __init__(self, call: PendingCall) -> None:
        self._call_made = call

    async def Cancel(self, ulSeconds: int) -> int:
        if not any(self._call_made in calls for calls in list(pending.values())):
            raise CallComplete
        return await self._call_made.cancel(None if ulSeconds == INFINITE else ulSeconds)

    async def TestCancel(self) -> int:
        return RPC_E_CALL_CANCELED if self._call_made.cancelled else RPC_S_CALLPENDING


class _Served(Object, ICancelMethodCalls):
    """The call that is being served, as CoGetCallContext has it."""

    def __init__(self, context: CallContext) -> None:
        self._context = context

    async def Cancel(self, ulSeconds: int) -> int:
        self._context.cancel()
        return S_OK

    async def TestCancel(self) -> int:
        return RPC_E_CALL_CANCELED if self._context.cancelled else RPC_S_CALLPENDING


def _owner(thread: Thread) -> Owner:
    if isinstance(thread, asyncio.Task | threading.Thread):
        return thread
    if not thread:
        return current_owner()
    for each in threading.enumerate():
        if each.ident == thread:
            return each
    raise NoInterface(message=f"there is no thread {thread}")


async def CoGetCancelObject(dwThreadId: Thread, iid: Callable[..., I]) -> I:
    """The cancel object of the innermost call that a task or thread waits for.

    Raises:
        NoInterface: it waits for none, or that has another kind of object.
    """
    owner = _owner(dwThreadId)
    own = _set.get(owner)
    calls = pending.get(owner)
    if own:
        return await own[-1].QueryInterface(iid)
    if not calls:
        raise NoInterface(message="it waits for no call")
    return await _CancelObject(calls[-1]).QueryInterface(iid)


async def CoSetCancelObject(pUnk: IUnknown | None) -> int:
    """Have the calls of this task be cancelled by an object of the program's; None takes the last one back.

    Raises:
        NoInterface: the object has no ICancelMethodCalls.
    """
    owner = current_owner()
    if pUnk is None:
        own = _set.get(owner)
        if own:
            own.pop()
        return S_OK
    _set.setdefault(owner, []).append(await pUnk.QueryInterface(ICancelMethodCalls))
    return S_OK


async def CoCancelCall(dwThreadId: Thread, ulTimeout: int) -> int:
    """Cancel the synchronous call that a task or thread waits for.

    Args:
        dwThreadId: whose; 0 is who asks. ulTimeout: seconds that the callee may take to end it; INFINITE is forever.

    Raises:
        HResultError: E_NOINTERFACE where there is none, CO_E_CANCEL_DISABLED where it was made without cancelling
            enabled, and what ICancelMethodCalls::Cancel says.
    """
    found = await CoGetCancelObject(dwThreadId, ICancelMethodCalls)
    try:
        return await found.Cancel(ulTimeout)
    finally:
        found.Release()


def CoTestCancel() -> int:
    """For a method: RPC_E_CALL_CANCELED if its caller cancelled the call, else RPC_S_CALLPENDING.

    RPC_E_CALL_COMPLETE where no call is being served. All of these are codes of failure, and returned.
    """
    context = serving.get()
    if context is None:
        return RPC_E_CALL_COMPLETE
    return RPC_E_CALL_CANCELED if context.cancelled else RPC_S_CALLPENDING


async def CoGetCallContext(riid: Callable[..., I] | UUID) -> Any:
    """The context of the call that is being served: ICancelMethodCalls.

    Raises:
        HResultError: RPC_E_CALL_COMPLETE where none is; E_NOINTERFACE for other interfaces.
    """
    context = serving.get()
    if context is None:
        raise CallComplete(message="no call is being served here")
    served = _Served(context)
    try:
        return await served.QueryInterface(riid)
    finally:
        served.Release()


__all__ = [
    "CoCancelCall",
    "CoDisableCallCancellation",
    "CoEnableCallCancellation",
    "CoGetCallContext",
    "CoGetCancelObject",
    "CoSetCancelObject",
    "CoTestCancel",
    "call_cancellation",
]
