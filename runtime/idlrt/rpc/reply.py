"""A server's answer that comes when it is ready: MIDL's form of an asynchronous call at its server.

`call.defer()` takes the answer out of the method's hands. From then on it is given by an `AsyncReply`, wherever and
whenever that is used; the call that waits for it, its pipes and its client stay with `Serving`. A `Deferral` is between
the two: the program's threads on one side, the server's loop on the other.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeAlias, TypeVar, overload

from idlrt.asynchronous import AsyncEvent, Notification, Notifier
from idlrt.errors import (
    RPC_S_ASYNC_CALL_PENDING,
    RPC_S_INVALID_ASYNC_HANDLE,
    InvalidArgument,
    InvalidAsyncHandle,
    PipeDiscipline,
    RpcFault,
    status_of,
)

if TYPE_CHECKING:
    import asyncio

    from idlrt.rpc.call import Call
    from idlrt.rpc.interface import Operation

R = TypeVar("R")

Listener: TypeAlias = Callable[[AsyncEvent], object]


class Deferred(Protocol):
    """A call that waits for a deferred answer, as the loop sees it."""

    operation: Operation

    @property
    def loop(self) -> asyncio.AbstractEventLoop: ...

    def check_pipes(self) -> None:
        """Raise `PipeDiscipline` for a pipe that is not at its end, while there is somebody at the other."""

    def answer(self, result: Any, error: Exception | None) -> None:
        """Answer with a result or with what the error stands for, if there is no answer yet."""

    def forgotten(self) -> None:
        """Answer, since nobody else will."""

    def listen(self, listener: Listener | None) -> None:
        """Tell one listener of sends, of pulls that can go on, and of a failure that ends the call."""


class Deferral:
    """The answer that is still to come."""

    __slots__ = ("_call", "_turn", "error", "outcome")

    def __init__(self, call: Deferred) -> None:
        self._call = call
        self._turn = Lock()  # taken by whoever answers, and never given back
        self.outcome: asyncio.Future[Any] = call.loop.create_future()  # done when there was an answer
        self.error: Exception | None = None  # with which the call has failed

    def take(self) -> bool:
        """Take the right to answer; whether it was still to be had."""
        return self._turn.acquire(blocking=False)

    @property
    def taken(self) -> bool:
        return self._turn.locked()

    def complete(self, result: Any) -> None:
        self._take()
        try:
            self._call.check_pipes()
        except PipeDiscipline as error:
            self._soon(self._call.answer, None, error)
            raise
        self._soon(self._call.answer, result, None)

    def abort(self, status: int) -> None:
        if not status & 0xFFFFFFFF:
            raise InvalidArgument("a call cannot be aborted with status 0 (RPC_S_INVALID_ARG)")
        self._take()
        self._soon(self._call.answer, None, RpcFault(status))

    def _take(self) -> None:
        if not self.take():
            raise InvalidAsyncHandle(f"the call of {self._call.operation.name} was answered already")

    def status(self) -> int:
        if self.taken:
            return RPC_S_INVALID_ASYNC_HANDLE
        return RPC_S_ASYNC_CALL_PENDING if self.error is None else status_of(self.error)

    def forgotten(self) -> None:
        """Nobody has the reply any more. That may turn out at any moment, in the midst of whatever the loop does."""
        if not self.taken:
            self._later(self._call.forgotten)

    def listen(self, listener: Listener | None) -> None:
        self._call.listen(listener)

    def _soon(self, function: Callable[..., object], *arguments: Any) -> None:
        """On the loop: now if this is its thread."""
        import asyncio

        if asyncio._get_running_loop() is self._call.loop:
            function(*arguments)
        else:
            self._later(function, *arguments)

    def _later(self, function: Callable[..., object], *arguments: Any) -> None:
        try:
            self._call.loop.call_soon_threadsafe(function, *arguments)
        except RuntimeError:
            pass  # the loop was closed, and has no clients any more


class AsyncReply(Generic[R]):
    """The answer of a call that its method has deferred; `complete` or `abort` gives it, once, in any task or thread.

        def Watch(self, call: rpc.Call, id: int) -> rpc.AsyncReply[int]:
            reply: rpc.AsyncReply[int] = call.defer()
            self.watchers[id] = reply           # and somewhere: reply.complete(7)
            return reply

    What the method returns, the reply or nothing, makes no difference any more; if it raises before there is an answer,
    that is the answer. Whoever has the reply may await it on the server's loop, to learn what became of it. When
    everybody has forgotten it, the client gets a fault.

    Sources: the pages of RpcAsyncCompleteCall and RpcAsyncAbortCall.
    """

    __slots__ = ("_call", "_deferral", "_notifier", "_sends", "user_info")

    def __init__(
        self, call: Call, deferral: Deferral, notifier: Notifier[Any], notify_on_send_complete: bool, user_info: Any
    ) -> None:
        self._call = call
        self._deferral = deferral
        self._notifier = notifier
        self._sends = notify_on_send_complete
        self.user_info = user_info
        self._listen()

    @property
    def notify(self) -> Notification[AsyncReply[R]]:
        """How the program is told of events; may be replaced at any time, for what happens from then on."""
        return self._notifier.form

    @notify.setter
    def notify(self, form: Notification[AsyncReply[R]]) -> None:
        self._notifier = Notifier(form)
        self._listen()

    def _listen(self) -> None:
        # Only a callback keeps the reply from being forgotten: it may be the one that answers.
        notifier = self._notifier
        told = partial(_told, notifier, self if notifier.calls else None, self._sends)
        self._deferral.listen(told if notifier else None)

    @overload
    def complete(self: AsyncReply[None]) -> None: ...

    @overload
    def complete(self, result: R) -> None: ...

    def complete(self, result: Any = None) -> None:
        """Answer with the method's result, which must not change any more; needed for a method without one, too.

        A client that has gone, or has given the call up, is no error: the result is dropped.

        Raises:
            InvalidAsyncHandle: there was an answer before.
            PipeDiscipline: a pipe is not at its end; that is the answer.
        """
        self._deferral.complete(result)

    def abort(self, status: int) -> None:
        """Answer with a fault of this status, not 0, and without a result.

        Raises:
            InvalidArgument: the status is 0 (RPC_S_INVALID_ARG).
            InvalidAsyncHandle: there was an answer before.
        """
        self._deferral.abort(status)

    def status(self) -> int:
        """997 (RPC_S_ASYNC_CALL_PENDING) while an answer is due.

        If the client has gone or a pipe has failed, the status of that failure; after the answer, 1914
        (RPC_S_INVALID_ASYNC_HANDLE). Source: RpcAsyncGetCallStatus.
        """
        return self._deferral.status()

    def call_handle(self) -> Call:
        """The call that is to be answered (RpcAsyncGetCallHandle)."""
        return self._call

    def __await__(self) -> Generator[Any, None, R]:
        import asyncio

        return asyncio.shield(self._deferral.outcome).__await__()

    def __del__(self) -> None:
        self._deferral.forgotten()


def _told(notifier: Notifier[Any], reply: Any, sends: bool, event: AsyncEvent) -> None:
    if event is not AsyncEvent.SEND_COMPLETE or sends:
        notifier.tell(reply, event)
