"""A client's call in progress that has an object of its own: pipes, cancellation, completion.

It is the `Receiver` of its link. Its pipes, and whoever waits for anything, are its line's, which also keeps the
outcome; so one failure, wherever it comes from, reaches every push, pull and complete as the same exception.
`AsyncCall` and `AsyncHandle` are two views of it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from idlrt.association import Context, Stub
from idlrt.asynchronous import AsyncEvent
from idlrt.errors import (
    RPC_S_ASYNC_CALL_PENDING,
    RPC_S_OK,
    AsyncCallPending,
    CallCancelled,
    NdrError,
    PipeClosed,
    PipeDiscipline,
    RpcTimeout,
    status_of,
)
from idlrt.ndr.elements import Form
from idlrt.pipes.adapters import drain, ends, feed
from idlrt.pipes.flow import Inlet, Outlet
from idlrt.pipes.line import LoopLine
from idlrt.rpc.content import Content

if TYPE_CHECKING:
    from idlrt.rpc.callbacks import CallbackService
    from idlrt.rpc.channel import Channel
    from idlrt.rpc.handle import Listener
    from idlrt.rpc.interface import Interface, Operation
    from idlrt.rpc.link import Link
    from idlrt.rpc.pool import Place

_log = logging.getLogger("idlrt.client")


class Exchange:
    """One call from its request to its result."""

    def __init__(
        self,
        channel: Channel,
        interface: Interface,
        operation: Operation,
        inputs: tuple[Any, ...],
        pipes: tuple[Any, ...],
        object: UUID | None,
        timeout: float | None,
        callbacks: CallbackService | None = None,
    ) -> None:
        self.operation = operation
        self.callbacks = callbacks
        self._channel = channel
        self._interface = interface
        self._object = object
        self._loop = channel.loop
        self._thread = id(asyncio.current_task())  # whose calls are dispatched in order
        self.content = content = Content(interface, operation, inputs, channel.limits, channel.decoding)
        self._incoming, self._outgoing = content.incoming, content.outgoing
        self.line = LoopLine(
            self._loop,
            self._incoming,
            self._outgoing,
            self._abort,
            begin=self.begun,
            ends_call=True,
            timeout=channel.silence if operation.pipes and channel.silence is not None else timeout,
            window=channel.pipe_window,
            backlog=channel.pipe_backlog,
        )
        self._link: Link | None = None
        self._call_id = 0
        self._arrived = 0  # octets of the answer when the time was up last
        self._cancelling = False  # co_cancel was sent
        self._grace_timer: asyncio.TimerHandle | None = None
        self._forsaken = False  # nobody will work the pipes by hand any more
        self._listener: Listener | None = None
        self._watching = False  # for the moment when the answer is there and the pipes are at their ends
        self._sent = False  # SEND_COMPLETE of the call itself is to be told
        self._sources, self._sinks = ends(operation, pipes)
        self._starting: asyncio.Task[None] | None = None  # while there is no connection
        self._pumping: asyncio.Task[None] | None = None
        found = channel.pool.take(interface, operation, self._thread)
        if found is not None:
            self._start(*found)
        else:
            place = channel.pool.line_up(operation, self._thread)
            self._starting = self._loop.create_task(self._connect(place), name=f"idlrt call {operation.name}")
            if place is not None:
                self._starting.add_done_callback(lambda _: place.leave())  # also if it is cancelled before it runs
        if self._sources or self._sinks:
            self._pumping = self._loop.create_task(self._pump(), name=f"idlrt pipes of {operation.name}")
            self._pumping.add_done_callback(self._pumped)

    @property
    def over(self) -> bool:
        """Whether the answer, or a failure, has arrived."""
        return self.line.over

    @property
    def has_ends(self) -> bool:
        """Whether sources or sinks were given for some of the pipes."""
        return self._pumping is not None

    # -- the beginning

    async def _connect(self, place: Place | None) -> None:
        try:
            link, context = await self._channel.pool.acquire(self._interface, self.operation, self._thread, place)
        except Exception as error:
            self.fail(error)
        else:
            self._start(link, context)
        self.wake()

    def _start(self, link: Link, context: Context) -> None:
        operation = self.operation
        try:
            try:
                stub = self.content.request(context)
                call_id = link.association.start_call(
                    context.context_id,
                    operation.opnum,
                    object=self._object,
                    maybe=operation.maybe,
                    streamed=self._incoming is not None,
                )
            except BaseException:
                self._channel.pool.released(link)
                raise
            self._link, self._call_id = link, call_id
            if operation.maybe:
                self.line.end()
            else:
                link.register(call_id, self)
            link.send_request(call_id, stub, self._outgoing is None)
            self.line.open(link, call_id)
            if operation.maybe:
                self._channel.pool.released(link)
            if operation.pipes:
                self._sent = True
                self._tell_sent()
        except Exception as error:
            self.fail(error)

    async def begun(self) -> None:
        """Wait until the request is on its way; raises what prevented it."""
        if self._starting is not None and not self._starting.done():
            await asyncio.wait([self._starting])
        self.check_made()

    def check_made(self) -> None:
        if self._link is None and self.line.error is not None:
            raise self.line.error

    # -- what the link tells

    def stub(self, event: Stub) -> bool:
        incoming, last = self._incoming, event.last
        try:
            if not last and incoming is not None and incoming.opened:
                incoming.feed(event.data, False)
                return False
            self.content.take(event)
        except NdrError as error:
            if last:
                self.fail(error)
            else:
                self._loop.call_soon(self._abort, error)
            return last
        if last:
            self._finish()
        return last

    def parts(self, parts: list[memoryview]) -> None:
        assert self._incoming is not None
        try:
            self._incoming.feed_run(parts)
        except NdrError as error:
            self._loop.call_soon(self._abort, error)

    def settle(self) -> None:
        self.line.settle()

    def flush(self) -> None:
        self.line.flush()

    def wake(self) -> None:
        self.line.wake()

    def fail(self, error: Exception) -> None:
        if not self.over:
            self.line.fail(error)
            self._finish()

    def _finish(self) -> None:
        """Nothing more comes from the server."""
        self.line.end()
        if self._grace_timer is not None:
            self._grace_timer.cancel()
        if self._pumping is not None and self._unsent:
            self._pumping.cancel()  # while sinks get what has arrived, and then the failure, if it is one
        self._tell_complete()

    @property
    def _unsent(self) -> bool:
        return self._outgoing is not None and not self._outgoing.closed

    # -- pipes

    async def _pump(self) -> None:
        await self.begun()
        line = self.line
        for outlet in self.content.outlets:
            if outlet.name in self._sources:
                await feed(line, outlet, self._sources[outlet.name], self._in_thread)
            else:
                while not outlet.closed:
                    await line.change()
        for inlet in self.content.inlets:
            if inlet.name in self._sinks:
                await drain(line, inlet, self._sinks[inlet.name], self._in_thread)
            else:
                while not inlet.drained:
                    if line.error is not None:
                        return
                    await line.change()

    async def pull_in_turn(self, inlet: Inlet, most: int | None, form: Form = None) -> Any:
        """`pull` for the program, which works some pipes by hand and has given sources and sinks for others."""
        await self._turn_of(self.content.outlets, self.content.inlets[: inlet.index])
        return await self.line.pull(inlet, most, form)

    async def push_in_turn(self, outlet: Outlet, block: Any) -> None:
        await self._turn_of(self.content.outlets[: outlet.index], ())
        await self.line.push(outlet, block)

    async def _turn_of(self, outlets: Sequence[Outlet], inlets: Sequence[Inlet]) -> None:
        """Wait for the sources and sinks of the pipes that come before; it is not the program that has to end them."""
        pumping = self._pumping
        assert pumping is not None
        while not pumping.done():
            fed = [outlet.name in self._sources for outlet in outlets if not outlet.closed]
            drained = [inlet.name in self._sinks for inlet in inlets if not inlet.drained]
            if not (fed or drained) or not all(fed + drained):
                return
            await self.line.change()
        ended = all(outlet.closed for outlet in outlets) and all(inlet.drained for inlet in inlets)
        if self.line.error is not None and not ended:
            raise self.line.error

    def _in_thread(self, function: Callable[..., Any], *arguments: Any) -> Awaitable[Any]:
        return self._loop.run_in_executor(None, function, *arguments)

    def _pumped(self, task: asyncio.Task[None]) -> None:
        """A source or sink that fails takes the call with it."""
        if not task.cancelled():
            error = task.exception()
            early = self.over and isinstance(error, PipeClosed)  # the answer came first; it counts
            if isinstance(error, Exception) and self.line.error is None and not early:
                self._abort(error)
                self.line.error = error
        self.wake()

    # -- the end

    async def complete(self) -> Any:
        self._channel.check_loop()
        try:
            await self.begun()
            pumping = self._pumping
            if pumping is not None and not pumping.done():
                self._check_by_hand(pumping)
                await asyncio.wait([pumping])
            if self.line.error is not None:
                raise self.line.error
            if self._cancelling:
                self.line.discard()
            else:
                self._check_pipes()
            while not self.over:
                await self.line.wait()
        except asyncio.CancelledError:
            await self._withdraw()
            raise
        if self.line.error is not None:
            raise self.line.error
        return self.content.result()

    def _check_by_hand(self, pumping: asyncio.Task[None]) -> None:
        """A pipe that is neither at its end nor has a source or sink would be waited for in vain."""
        if self.line.error is None:
            try:
                self.content.check_discipline(self.over, self._sources, self._sinks)
            except PipeDiscipline as error:
                pumping.cancel()
                if not self._cancelling:  # else the outcome of that counts
                    self._abort(error)
                    raise

    def _check_pipes(self) -> None:
        try:
            self.content.check_discipline(self.over)
        except PipeDiscipline as error:
            self._abort(error)
            raise

    def cancel(self, grace: float | None) -> None:
        grace = self._channel.cancel_grace if grace is None else grace
        if grace <= 0:
            self._abort(CallCancelled("the call was given up"))
        if self.over:
            return
        self._ask_to_end()
        timer = self._grace_timer
        if self._link is not None and (timer is None or timer.when() > self._loop.time() + grace):
            if timer is not None:
                timer.cancel()
            late = CallCancelled(f"the server did not end the call within {grace:g} s of its cancel")
            self._grace_timer = self._loop.call_later(grace, self._abort, late)

    def _ask_to_end(self) -> None:
        """Send co_cancel; a call that the server knows nothing of ends here."""
        if self._link is None or not self._link.association.begun(self._call_id):
            self._abort(CallCancelled())
        elif not self._cancelling:
            self._cancelling = True
            self._link.association.cancel(self._call_id)
            self._link.send()

    async def _withdraw(self) -> None:
        """The waiter was cancelled: tell the server, wait a little, and give up."""
        if self._pumping is not None:
            self._pumping.cancel()
        if self.over:
            return
        try:
            self.cancel(None)
            self.line.discard()
            while not self.over:
                await self.line.wait()
        except asyncio.CancelledError:
            self._abort(CallCancelled("the call was given up"))
        except Exception as error:
            self._abort(error)

    async def leave(self, error: BaseException | None) -> None:
        """The end of `async with`."""
        if isinstance(error, asyncio.CancelledError):
            await self._withdraw()
        elif not self.over:
            if error is None:
                _log.info("%s was left without complete(); the call is given up", self.operation.name)
            self._abort(CallCancelled("the call was left before it was completed"))
        if self._pumping is not None:
            self._pumping.cancel()

    def dropped(self) -> None:
        """The program forgot the call. One without pipes runs to its end unheard, one with pipes cannot."""
        if not self.over and self.operation.pipes and not self._loop.is_closed():
            _log.warning("%s was begun and forgotten; the call is given up", self.operation.name)
            self._loop.call_soon_threadsafe(self._abort, CallCancelled("the call was dropped"))

    def _abort(self, error: Exception) -> None:
        """End the call on our side alone."""
        if self._pumping is not None:
            self._pumping.cancel()
        if self.over:
            if not self._complete:
                self.line.fail(error)  # the answer is there, but not all of its pipes was read
            return
        if self._link is None:
            if self._starting is not None:
                self._starting.cancel()
        elif isinstance(error, RpcTimeout) and not self.operation.pipes:
            arrived = self._link.association.arrived(self._call_id)
            if arrived > self._arrived:
                self._arrived = arrived  # each fragment starts the time again
                return
            self._link.abandon(self._call_id)
        else:
            self.line.discard()
            self._link.give_up(self._call_id)
        self.fail(error)

    # -- the MIDL form: `handle.Machine`

    @property
    def reported(self) -> bool:
        return self.line.reported

    @property
    def _complete(self) -> bool:
        """Whether there is an outcome: a failure, or an answer and pipes that are all at their ends."""
        if self.line.error is not None:
            return True
        pumped = self._pumping is None or self._pumping.done()
        drained = self._incoming is None or self._incoming.drained or self._forsaken
        return self.over and pumped and drained

    def status(self) -> int:
        if not self._complete:
            return RPC_S_ASYNC_CALL_PENDING
        return RPC_S_OK if self.line.error is None else status_of(self.line.error)

    def collect(self) -> Any:
        if self.line.error is not None:
            raise self.line.error
        if self._complete:
            return self.content.result()
        if not self._forsaken:
            pumped = self._pumping is not None and not self._pumping.done()
            try:
                self.content.check_discipline(self.over, *((self._sources, self._sinks) if pumped else ()))
            except PipeDiscipline as error:
                self._on_loop(self._abort, error)
                raise
        raise AsyncCallPending

    def withdraw(self, abort: bool) -> None:
        self._on_loop(self._withdraw_now, abort)

    def _withdraw_now(self, abort: bool) -> None:
        if not self._complete:
            if abort:
                self._abort(CallCancelled("the call was given up"))
            elif not self.over:
                self._ask_to_end()
            self._forsake()

    def _forsake(self) -> None:
        """Nobody works the pipes by hand any more; sources and sinks go on, unless they wait for somebody to do it."""
        pumping = self._pumping
        if pumping is not None and not pumping.done():
            try:
                self.content.check_discipline(self.over, self._sources, self._sinks)
                return
            except PipeDiscipline:
                pumping.cancel()
        self._forsaken = True
        self.line.discard()
        if self._incoming is not None:
            self._incoming.fail(CallCancelled())
        self._tell_complete()

    def _on_loop(self, function: Callable[..., object], *arguments: Any) -> None:
        """Now, or soon if this is not the loop's thread: handles are used in any."""
        if asyncio._get_running_loop() is self._loop:
            function(*arguments)
        else:
            self._loop.call_soon_threadsafe(function, *arguments)

    def listen(self, listener: Listener | None) -> None:
        self._on_loop(self._listen, listener)

    def _listen(self, listener: Listener | None) -> None:
        self._listener = listener
        self.line.tell = None if listener is None or not self.operation.pipes else self._tell
        self._tell_sent()
        self._tell_complete()

    def _tell(self, event: AsyncEvent) -> None:
        if self._listener is not None:
            self._loop.call_soon(self._listener, event)

    def _tell_sent(self) -> None:
        if self._sent and self._listener is not None:
            self._sent = False
            self._tell(AsyncEvent.SEND_COMPLETE)

    def _tell_complete(self) -> None:
        """Tell that the call is complete, now or when the last pipe is at its end."""
        if self._listener is None or self.line.reported:
            return
        if self._complete:
            self._tell(AsyncEvent.CALL_COMPLETE)
            self._listener = self.line.tell = None
        elif self.over and not self._watching:
            self._watching = True
            self.line.change().add_done_callback(self._changed)

    def _changed(self, _: asyncio.Future[None]) -> None:
        self._watching = False
        self._tell_complete()
