"""MIDL's form of an asynchronous call at its client: the handle (RPC_ASYNC_STATE), and what is done with it.

Nothing here waits. A handle is another view of the call that it is attached to: all it shows is the state of the one
machine beneath, which the front for event loops and the front for threads have each.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, Protocol, Self, TypeAlias, TypeVar

from idlrt.asynchronous import AsyncEvent, Notification, Notifier
from idlrt.errors import RPC_S_INVALID_ASYNC_HANDLE, AsyncCallPending, InvalidAsyncCall, InvalidAsyncHandle

if TYPE_CHECKING:
    from idlrt.rpc.interface import Operation

R = TypeVar("R")
C = TypeVar("C", bound="Handled[Any]")
C_co = TypeVar("C_co", bound="Handled[Any]", covariant=True)

Listener: TypeAlias = Callable[[AsyncEvent], object]


class Machine(Protocol):
    """The state of a call at its client."""

    @property
    def operation(self) -> Operation: ...

    @property
    def reported(self) -> bool:
        """Whether `pull_nowait` or `push_nowait` raised what the call has ended with, so that nothing more is due."""

    def check_made(self) -> None:
        """Raise what is known to have kept the call from being made."""

    def status(self) -> int:
        """RPC_S_ASYNC_CALL_PENDING until the call is complete, then RPC_S_OK or the status of its failure."""

    def collect(self) -> Any:
        """The result, without waiting; raises `AsyncCallPending`, or what the call has failed with."""

    def withdraw(self, abort: bool) -> None:
        """Ask the server to end the call, without a time limit; to `abort` it, tell it and end it here at once."""

    def listen(self, listener: Listener | None) -> None:
        """Tell one listener of what happens to the call, soon and never from within a call of the program.

        What has happened before is told, too: that the request is on its way, unless that was told to another
        listener, and that the call is complete, after which nothing is told.
        """


class Handled(Generic[R]):
    """A call that a handle can be had of."""

    _exchange: Machine
    _is_handled = False

    def handle(
        self,
        notify: Notification[AsyncHandle[Self]] = None,
        *,
        notify_on_send_complete: bool = False,
        user_info: Any = None,
    ) -> AsyncHandle[Self]:
        """The call in MIDL's form; the arguments are those of `AsyncHandle`. Have it right after the call was made.

        Raises:
            InvalidAsyncCall: the call has a handle.
            RpcError: whatever kept the call from being made, if that is known by now; it is told in no other way then.
        """
        handle: AsyncHandle[Self] = AsyncHandle(
            notify, notify_on_send_complete=notify_on_send_complete, user_info=user_info
        )
        return handle.attach(self)


class AsyncHandle(Generic[C_co]):
    """An asynchronous call as RPC_ASYNC_STATE shows it: its state is asked for, and nothing waits.

        def told(handle: rpc.AsyncHandle[WatchCall], event: rpc.AsyncEvent) -> None:
            if event is rpc.AsyncEvent.CALL_COMPLETE:
                print(handle.complete())

        handle = client.Watch(7).handle(told)

    A handle comes from `call.handle()`, or is made by itself and attached to one call after the other. It serves a call
    from then on until `complete` has had an outcome.

    Args:
        notify: how to be told of events; None to poll. May be replaced at any time, for what happens from then on.
        notify_on_send_complete: whether SEND_COMPLETE is told, in calls with pipes (RPC_C_NOTIFY_ON_SEND_COMPLETE).
        user_info: the program's own.

    Sources: the pages of RPC_ASYNC_STATE and RpcAsyncInitializeHandle.
    """

    __slots__ = ("__weakref__", "_call", "_notifier", "notify_on_send_complete", "user_info")

    def __init__(
        self,
        notify: Notification[AsyncHandle[C_co]] = None,
        *,
        notify_on_send_complete: bool = False,
        user_info: Any = None,
    ) -> None:
        self._call: C_co | None = None
        self._notifier: Notifier[Any] = Notifier(notify)
        self.notify_on_send_complete = notify_on_send_complete
        self.user_info = user_info

    def attach(self: AsyncHandle[C], call: C) -> AsyncHandle[C]:
        """Serve a call that was made just now, and return the handle. It need not be initialized again for it.

        Raises:
            InvalidAsyncCall: the handle's call has not been completed, or the new one has a handle.
            RpcError: as `call.handle`.
        """
        self._check_free()
        if call._is_handled:
            raise InvalidAsyncCall(f"the call of {call._exchange.operation.name} has a handle already")
        call._exchange.check_made()
        self._call = call
        call._is_handled = True
        self._listen(call)
        return self

    def initialize(
        self: AsyncHandle[C],
        notify: Notification[AsyncHandle[C]] = None,
        *,
        notify_on_send_complete: bool = False,
        user_info: Any = None,
    ) -> None:
        """Make the handle as new, between two calls (RpcAsyncInitializeHandle).

        Raises:
            InvalidAsyncCall: the handle's call has not been completed.
        """
        self._check_free()
        self._notifier = Notifier(notify)
        self.notify_on_send_complete = notify_on_send_complete
        self.user_info = user_info

    @property
    def notify(self: AsyncHandle[C]) -> Notification[AsyncHandle[C]]:
        """How the program is told of events."""
        return self._notifier.form

    @notify.setter
    def notify(self: AsyncHandle[C], form: Notification[AsyncHandle[C]]) -> None:
        self._notifier = Notifier(form)
        if self._call is not None:
            self._listen(self._call)

    def status(self) -> int:
        """997 (RPC_S_ASYNC_CALL_PENDING) until the call is complete, then 0 or the Win32 status of its failure.

        A failure is there to be collected by `complete`, too. Without a call, 1914 (RPC_S_INVALID_ASYNC_HANDLE).
        Source: RpcAsyncGetCallStatus.
        """
        self._look()
        return RPC_S_INVALID_ASYNC_HANDLE if self._call is None else self._call._exchange.status()

    def complete(self: AsyncHandle[Handled[R]]) -> R:
        """Collect the outcome; whatever it is, the handle is free for another call then.

        Raises:
            AsyncCallPending: there is none yet, and the handle stays with its call.
            InvalidAsyncHandle: the handle has no call; its outcome may have been collected before.
            PipeDiscipline: a pipe is not at its end; that ends the call.
            RpcError: what the call failed with, `CallCancelled` for one; also where comm_status or fault_status would
                take it from a caller who waits.

        Source: RpcAsyncCompleteCall.
        """
        call = self._attached()
        machine = call._exchange
        try:
            result: R = machine.collect()
        except AsyncCallPending:
            raise
        except BaseException:
            self._release(call)
            raise
        self._release(call)
        statuses = machine.operation.statuses
        return result if statuses is None else statuses.called(lambda: result)  # which say that nothing failed

    def cancel(self, abort: bool) -> None:
        """Ask the server to end the call, and leave it pending until the server does; there is no time limit.

        To `abort` it, tell the server and end the call here at once, with RPC_S_CALL_CANCELLED. Either way
        CALL_COMPLETE is told, and `complete` is still due. Of a call that is complete nothing changes.

        Raises:
            InvalidAsyncHandle: the handle has no call.

        Source: RpcAsyncCancelCall.
        """
        self._attached()._exchange.withdraw(abort)

    def call_handle(self: AsyncHandle[C]) -> C:
        """The call that the handle serves, with its pipes (RpcAsyncGetCallHandle); raises `InvalidAsyncHandle`."""
        return self._attached()

    def _look(self) -> None:
        """A call that has ended in one of its pipes is not ours any more."""
        if self._call is not None and self._call._exchange.reported:
            self._release(self._call)

    def _attached(self: AsyncHandle[C]) -> C:
        self._look()
        if self._call is None:
            raise InvalidAsyncHandle
        return self._call

    def _check_free(self) -> None:
        self._look()
        if self._call is not None:
            raise InvalidAsyncCall(
                f"the handle serves a call of {self._call._exchange.operation.name} that was not completed",
                help="one handle for each call in progress",
            )

    def _release(self, call: Handled[Any]) -> None:
        self._call = None
        call._is_handled = False

    def _listen(self, call: Handled[Any]) -> None:
        # Who is not told anything does not keep the call alive either.
        call._exchange.listen(partial(self._happened, call) if self._notifier else None)

    def _happened(self, call: Handled[Any], event: AsyncEvent) -> None:
        if (self._call is not None and self._call is not call) or call._exchange.reported:
            return  # the handle has gone on to another call, or the program has the outcome
        if event is not AsyncEvent.SEND_COMPLETE or self.notify_on_send_complete:
            self._notifier.tell(self, event)
