"""The events of asynchronous calls, and the ways in which a program can be told of them.

The five events are those of RPC_ASYNC_EVENT. Windows' ways to learn of them (an event, an APC, a completion port, a
window message, a callback) become Python's: an event of threads or of a loop, a future of either kind, a callable. What
the one who is told does with the news is his affair: a callback that raises is logged and harms nobody.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import TYPE_CHECKING, Generic, TypeAlias, TypeVar

if TYPE_CHECKING:
    import asyncio
    import threading
    from concurrent import futures

H = TypeVar("H")


class AsyncEvent(IntEnum):
    """What a program can be told of a call (RPC_ASYNC_EVENT in rpcasync.h)."""

    CALL_COMPLETE = 0
    """The call is over, with a result or a failure; `complete()` collects it."""
    SEND_COMPLETE = 1
    """What the call, or a push, gave to send is on its way; only for calls with pipes that asked for it."""
    RECEIVE_COMPLETE = 2
    """A pull that had to be told to wait will find data, or the end of its pipe."""
    CLIENT_DISCONNECT = 3
    """To a server: the client's connection is gone."""
    CLIENT_CANCEL = 4
    """To a server: the client asked to cancel the call."""


Notification: TypeAlias = (
    "Callable[[H, AsyncEvent], object] | threading.Event | asyncio.Event | asyncio.Future[AsyncEvent]"
    " | futures.Future[AsyncEvent] | None"
)
"""How to be told: not at all, by a call, by an event that is set, or by a future that gets the first `AsyncEvent`."""


class Notifier(Generic[H]):
    """One notification, checked when it is made; `tell` may be called in any thread and never raises.

    Raises:
        TypeError: it is none of the forms of `Notification`; a coroutine function and a task are not.
        RuntimeError: an `asyncio.Event` was given where no event loop runs.
    """

    __slots__ = ("_tell", "form")

    def __init__(self, form: Notification[H]) -> None:
        self.form = form
        self._tell = _teller(form)

    def tell(self, handle: H, event: AsyncEvent) -> None:
        """Tell of an event: callbacks run here and now, with `handle` and `event`; the others are set."""
        if self._tell is not None:
            try:
                self._tell(handle, event)
            except Exception:
                import logging

                logging.getLogger("idlrt").exception("being told of %s failed", event.name)

    def __bool__(self) -> bool:
        return self._tell is not None

    @property
    def calls(self) -> bool:
        """Whether it is a callback, which is given the handle."""
        return self._tell is not None and self._tell is self.form


def _teller(form: Notification[H]) -> Callable[[H, AsyncEvent], object] | None:
    if form is None:
        return None
    # Who has one of these has its module too; declarations alone shall not bring it.
    import asyncio
    import threading
    from concurrent import futures
    from inspect import iscoroutinefunction

    if isinstance(form, threading.Event):
        return lambda handle, event: form.set()
    if isinstance(form, futures.Future):
        return lambda handle, event: _settle(form, event)
    if isinstance(form, asyncio.Event):
        loop = asyncio.get_running_loop()
        return lambda handle, event: _on(loop, form.set)
    if asyncio.isfuture(form) and not isinstance(form, asyncio.Task):
        return lambda handle, event: _on(form.get_loop(), lambda: _settle(form, event))
    if callable(form) and not iscoroutinefunction(form):
        return form
    raise TypeError(
        "a notification is a function, an event or a future; "
        f"{'a coroutine function' if iscoroutinefunction(form) else type(form).__name__} is none of these"
    )


def _settle(future: asyncio.Future[AsyncEvent] | futures.Future[AsyncEvent], event: AsyncEvent) -> None:
    """A future takes the first event; its owner may have cancelled it, in this very moment, too."""
    if not future.done():
        try:
            future.set_result(event)
        except Exception:
            if not future.done():
                raise


def _on(loop: asyncio.AbstractEventLoop, function: Callable[[], object]) -> None:
    """Run a function in the loop's thread: at once if that is ours, else soon."""
    import asyncio

    if asyncio._get_running_loop() is loop:
        function()
    else:
        loop.call_soon_threadsafe(function)
