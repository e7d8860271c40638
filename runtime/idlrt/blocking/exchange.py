"""A call in progress that has an object of its own, or that took an unusual turn: cancelling, time limits, completion.

It is the `Receiver` of its link; its pipes and its outcome are its line's, so one failure, wherever it comes from,
reaches every push, pull and complete as the same exception. `Call` and `AsyncHandle` are two views of it. One thread at
a time waits; whatever does not wait may come from any, and the watcher's steps in where the program is elsewhere.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Container, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import UUID

from idlrt.association import Context, Stub
from idlrt.asynchronous import AsyncEvent
from idlrt.blocking.line import ThreadLine
from idlrt.errors import (
    RPC_S_ASYNC_CALL_PENDING,
    RPC_S_OK,
    AsyncCallPending,
    CallCancelled,
    LocalProtocolError,
    NdrError,
    PipeClosed,
    PipeDiscipline,
    RpcTimeout,
    status_of,
)
from idlrt.ids import NDR64
from idlrt.ndr.elements import Form
from idlrt.pipes.adapters import drain_blocking, ends, feed_blocking
from idlrt.pipes.flow import Incoming, Inlet, Outgoing, Outlet
from idlrt.rpc.codecs import decode_response, encode_request

if TYPE_CHECKING:
    from idlrt.blocking.channel import Channel
    from idlrt.blocking.link import Link
    from idlrt.rpc.callbacks import CallbackService
    from idlrt.rpc.handle import Listener
    from idlrt.rpc.interface import Interface, Operation

_log = logging.getLogger("idlrt.client")


class Exchange:
    """One call from its request to its result.

    With `asked`, a connection and its context, the request was made by `Link.ask` already.
    """

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
        asked: tuple[Link, Context] | None = None,
    ) -> None:
        self.callbacks = callbacks
        self.operation = operation
        self._channel = channel
        self._interface = interface
        self._inputs = inputs
        self._timeout = timeout
        self._sources, self._sinks = ends(
            operation.name, operation.pipes, operation.in_pipes, operation.out_pipes, operation.is_async, pipes
        )
        self._incoming = Incoming(operation.out_pipes, channel.limits) if operation.out_pipes else None
        self._outgoing = Outgoing(operation.in_pipes) if operation.in_pipes else None
        if self._incoming is not None and self._outgoing is not None:
            outgoing = self._outgoing
            self._incoming.gate = lambda: outgoing.closed or self.line.over
        self._call_id = 0
        self._answer: Stub | None = None
        self._order = "<"
        self._since = time.monotonic()  # when we began to wait for the server
        self.reported = False  # a pipe that nobody waits at has raised what the call ended with
        self._arrived = 0  # octets of an answer that is not streamed
        self._give_up_at: float | None = None  # end of the grace period (monotonic)
        self._grace = 0.0
        self._cancelling = False  # co_cancel was sent
        self._forsaken = False  # nobody will work the pipes by hand any more
        self._pumping: threading.Thread | None = None  # works sources and sinks for a handle, which does not wait
        self._pumped = False  # and is done
        self._listener: Listener | None = None
        self._sent = bool(operation.pipes)  # SEND_COMPLETE of the call itself is to be told
        self._events: deque[tuple[Listener, AsyncEvent]] = deque()
        self._watched = False
        self._unheard = False  # the program has forgotten the call, which runs to its end
        self._held = True
        self._broken = False
        self._link, self._context = asked or channel.acquire(interface, operation)
        self._lock = self._link.lock
        self._changed = threading.Condition(self._lock)
        self.line: ThreadLine
        if asked is not None:
            with self._lock:
                self._serve(self._link.asked)
            return
        try:
            self._start(object)
        except BaseException as error:
            if self._held:
                self._broken = not isinstance(error, NdrError)
                self._release()
            raise

    def _serve(self, call_id: int) -> None:
        channel, link = self._channel, self._link
        self._call_id = call_id
        self.line = ThreadLine(
            self, link, self._lock, call_id, self._incoming, self._outgoing, channel.pipe_window, channel.pipe_backlog
        )
        link.serve(self, call_id)

    def _start(self, object: UUID | None) -> None:
        operation, link, context = self.operation, self._link, self._context
        codec = self._interface.codecs(context.transfer, "<", self._channel.decoding)[operation.opnum]
        stub = encode_request(codec, operation, self._inputs)
        with self._lock:
            call_id = link.association.start_call(
                context.context_id,
                operation.opnum,
                object=object,
                maybe=operation.maybe,
                streamed=self._incoming is not None,
            )
            self._serve(call_id)
            if self._outgoing is not None:
                self._outgoing.open(codec.in_pipes, "<", context.transfer == NDR64, len(stub))
            link.send_stub(call_id, [stub], self._outgoing is None)
            if operation.maybe:
                self.line.over = True
        if link.unsent:
            # What cannot be sent at once wants somebody to see to it.
            link.wait(call_id, lambda: self.line.error is not None or not link.unsent, self._deadline)
            self._expire(not link.unsent)
        self.moved()

    @property
    def inlets(self) -> tuple[Inlet, ...]:
        return () if self._incoming is None else self._incoming.inlets

    @property
    def outlets(self) -> tuple[Outlet, ...]:
        return () if self._outgoing is None else self._outgoing.outlets

    @property
    def has_ends(self) -> bool:
        """Whether sources or sinks were given for some of the pipes."""
        return bool(self._sources or self._sinks)

    # -- what the link tells, under the lock

    def stub(self, event: Stub) -> None:
        incoming = self._incoming
        if incoming is None:
            self._answer, self._order = event, event.order
        else:
            try:
                if not incoming.opened:
                    transfer = self._context.transfer
                    codec = self._interface.codecs(transfer, event.order, self._channel.decoding)[self.operation.opnum]
                    self._order = event.order
                    incoming.open(codec.out_pipes, event.order, transfer == NDR64)
                incoming.feed(event.data, event.last)
            except NdrError as error:
                self.line.fail(error)
        if event.last:
            self.line.over = True

    def fail(self, error: Exception) -> None:
        if not self.line.over:
            self.line.fail(error)
            self.line.over = True

    def settle(self) -> bool:
        return self.line.settle()

    # -- waiting

    def wait(self, over: Callable[[], bool], latest: float | None = None) -> None:
        """Until `over`, or the call is, or its time is up, which ends it, or until that time (monotonic)."""
        self.line.flush()
        self._since = time.monotonic()
        line = self.line

        def enough() -> bool:
            return line.over or line.error is not None or over()

        try:
            if self._held and not enough():
                if latest is None:
                    self._link.wait(self._call_id, enough, self._deadline)
                else:
                    self._link.wait(self._call_id, enough, lambda: min(latest, self._deadline() or latest))
        finally:
            self._expire(enough())

    def _deadline(self) -> float | None:
        if self._give_up_at is not None:
            return self._give_up_at
        if self._timeout is None:
            return None
        line, link = self.line, self._link
        return max(self._since, line.sent_at, line.awaited_since, 0 if link.shared else link.heard) + self._timeout

    def _expire(self, enough: bool) -> None:
        """Look at the clock, after waiting for something that has come about or not."""
        with self._lock:
            latest = self._deadline()
            if not enough and self._held and not self.line.over and latest is not None and time.monotonic() >= latest:
                if self._give_up_at is not None:
                    grace = f"the server did not end the call within the grace period of {self._grace:g} s"
                    self.abandon(CallCancelled(f"{grace} after its cancel"))
                elif not self._progressed():
                    self.abandon(RpcTimeout(f"nothing came from the server for {self._timeout:g} s"))
            self.moved()

    def _progressed(self) -> bool:
        """Whether more of the answer is there than when this was asked last; its time begins anew then."""
        before, self._arrived = self._arrived, self._link.association.arrived(self._call_id)
        if self._arrived > before:
            self._since = time.monotonic()
        return self._arrived > before

    def step(self, gone: bool = False) -> None:
        """Send and receive what can be without waiting, and look at the clock."""
        with self._lock:
            if self._held:
                self._link.move(gone)
        if self._held:
            self._link.answer_callback(self._call_id)
        self._expire(not self._awaits)

    @property
    def _awaits(self) -> bool:
        """Whether it is the server's turn, so that its time runs; while we could push or pull it does not."""
        if self._cancelling or self.line.awaited is not None or self._link.unsent:
            return True
        if self._outgoing is not None and not self._outgoing.closed:
            return False
        return self._incoming is None or self._incoming.drained

    def moved(self) -> None:
        """Something was sent or received, or another event is waited for."""
        with self._lock:
            self._settle_end()
            self._notice()
            if self._pumping is not None:
                self._changed.notify_all()
            self._link.tell()

    def flush(self) -> None:
        """What small pushes have gathered is sent now."""
        self.line.flush()
        self.moved()

    def flush_soon(self) -> None:
        self._channel.watcher.flush_soon(self)

    def watch(self) -> None:
        """Have octets moved while no thread waits."""
        with self._lock:
            self._watched = True
            self._channel.watcher.watch(self)

    def look(self) -> None:
        if self._watched:
            self._channel.watcher.look()

    # -- pipes, in the order of which some may have sources and sinks

    def pull_in_turn(self, inlet: Inlet, most: int | None, form: Form = None) -> Any:
        """`pull` for the program, which works some pipes by hand and has given sources and sinks for others."""
        self._pump(self.outlets, self.inlets[: inlet.index])
        return self.line.pull(inlet, most, form)

    def push_in_turn(self, outlet: Outlet, block: Any) -> None:
        self._pump(self.outlets[: outlet.index], ())
        self.line.push(outlet, block)

    def _pump(self, outlets: Sequence[Outlet], inlets: Sequence[Inlet]) -> None:
        """Feed those of these pipes that have sources and drain those that have sinks, or wait for who does."""
        if self._pumping is None:
            self._work(outlets, inlets)
        else:
            self._until(
                lambda: (
                    all(outlet.closed for outlet in outlets if outlet.name in self._sources)
                    and all(inlet.drained for inlet in inlets if inlet.name in self._sinks)
                )
            )

    def _work(self, outlets: Sequence[Outlet], inlets: Sequence[Inlet]) -> None:
        """A source or sink that fails takes the call with it."""
        line = self.line
        try:
            for outlet in outlets:
                if outlet.name in self._sources and not outlet.closed:
                    feed_blocking(line, outlet, self._sources[outlet.name])
            for inlet in inlets:
                if inlet.name in self._sinks and not inlet.drained:
                    drain_blocking(line, inlet, self._sinks[inlet.name])
        except PipeClosed as error:
            if not line.over:  # else the answer came first, and it counts
                self.abandon(error)
        except BaseException as error:
            self.abandon(error if isinstance(error, Exception) else CallCancelled())
            raise

    def _work_elsewhere(self) -> None:
        """Have a thread of its own work sources and sinks: who began the call does not wait for long."""
        with self._lock:
            if self._pumping is None:
                name = f"idlrt pipes of {self.operation.name}"
                self._pumping = threading.Thread(target=self._work_all, name=name, daemon=True)
                self._pumping.start()

    def _work_all(self) -> None:
        """In the order of all pipes, waiting for those that the program works."""
        line = self.line
        try:
            for outlet in self.outlets:
                self._work((outlet,), ())
                self._until(partial(getattr, outlet, "closed"))
            for inlet in self.inlets:
                self._work((), (inlet,))
                self._until(partial(getattr, inlet, "drained"))
        except Exception as error:
            if line.error is None:
                _log.error("the pipes of %s failed", self.operation.name, exc_info=error)
        finally:
            with self._lock:
                self._pumped = True
                self.moved()

    def _until(self, over: Callable[[], bool], latest: float | None = None) -> bool:
        """Wait for what another thread does, the end of the call, or for that time (monotonic); whether it is late."""
        with self._lock:
            while not (over() or self.line.over):
                left = None if latest is None else latest - time.monotonic()
                if left is not None and left <= 0:
                    return False
                self._changed.wait(left)
        return True

    # -- the end

    def complete(self, timeout: float | None = None) -> Any:
        line = self.line
        latest = None if timeout is None else time.monotonic() + timeout
        try:
            in_time = self._completed(latest)
        except PipeDiscipline as error:
            self.abandon(error)
        except LocalProtocolError:
            raise
        except BaseException as error:
            self.abandon(error if isinstance(error, Exception) else CallCancelled())
            raise
        else:
            if not in_time:
                raise TimeoutError(f"{self.operation.name} is not complete after {timeout:g} s")
        self.moved()
        if line.error is not None:
            raise line.error
        return self._result()

    def _completed(self, latest: float | None) -> bool:
        """See to the rest of the call; whether all of that was done in time."""
        line = self.line
        if not self._cancelling:
            if line.error is None:
                # A pipe that is neither at its end nor has a source or sink would be waited for in vain.
                self._check_discipline(self._sources, self._sinks)
            if self.has_ends and self._pumping is None and latest is None:
                self._work(self.outlets, self.inlets)
            elif self.has_ends:
                self._work_elsewhere()
                if not self._until(lambda: self._pumped, latest):
                    return False
        if self._cancelling:
            with self._lock:
                line.discard()
        elif line.error is None:
            self._check_discipline()
        while not line.over:
            if latest is not None and time.monotonic() >= latest:
                return False
            self.wait(lambda: False, latest)
        return True

    def _check_discipline(self, sources: Container[str] = (), sinks: Container[str] = ()) -> None:
        """Raise `PipeDiscipline` for a pipe that is not at its end and has none of these sources and sinks."""
        if self._outgoing is not None and not self.line.over:
            self._outgoing.check_closed(sources)
        if self._incoming is not None:
            self._incoming.check_drained(sinks)

    def _result(self) -> Any:
        if self.operation.maybe:
            return None
        codecs = self._interface.codecs(self._context.transfer, self._order, self._channel.decoding)
        codec = codecs[self.operation.opnum]
        if self._incoming is not None:
            data, at = self._incoming.rest()
            return decode_response(codec, self.operation, data, self._inputs, at)
        assert self._answer is not None
        return decode_response(codec, self.operation, self._answer.data, self._inputs, 0)

    def cancel(self, grace: float | None) -> None:
        """From any thread."""
        with self._lock:
            if self.line.over:
                return
            grace = self._channel.cancel_grace if grace is None else grace
            if grace <= 0:
                self.abandon(CallCancelled("the call was given up"))
                return
            self._ask_to_end()
            if self._give_up_at is None:
                self._grace = grace
                self._give_up_at = time.monotonic() + grace
            self.moved()
            self._wake()

    def _ask_to_end(self) -> None:
        if not self._cancelling and self._held:
            self._cancelling = True
            try:
                self._link.association.cancel(self._call_id)
            except LocalProtocolError:
                return  # just answered
            self._link.flush()
            self._since = time.monotonic()

    @property
    def done(self) -> bool:
        self.step()
        return self.line.over

    def report(self, error: Exception) -> None:
        """The program gets a failure from a pipe that it does not wait at; nothing more is told, or due."""
        with self._lock:
            self.reported = True
            self._listener = None
            self._events.clear()
            if self.line.over:
                self.line.fail(error)  # the answer was there already, and is not to be had any more
            self.abandon(error)

    def leave(self) -> None:
        """The end of `with`."""
        if self.line.over:
            self.moved()
        else:
            self.abandon(CallCancelled("the call was left before it was completed"))

    def dropped(self) -> None:
        """The program forgot the call. One without pipes runs to its end unheard, one with pipes cannot."""
        if self.line.over:
            self.moved()
        else:
            if not self.operation.pipes:
                try:
                    self._unheard = True
                    self.watch()
                    return
                except RuntimeError:  # no thread can be started any more
                    pass
            self.abandon(CallCancelled("the call was dropped"))

    def abandon(self, error: Exception) -> None:
        """End the call on our side alone."""
        with self._lock:
            self.line.fail(error)
            if self._incoming is not None:
                self._incoming.discard()
            self.moved()

    def _settle_end(self) -> None:
        """Let go of the connection once the call is over, and of the call once it has failed."""
        if not self._held:
            return
        line, link = self.line, self._link
        if line.error is not None and not line.over:
            line.over = True
            if link.lost is None:
                try:
                    # A call that takes too long ends here without a word; another reason is for the server to know.
                    association, late = link.association, isinstance(line.error, RpcTimeout)
                    keep = (association.abandon if late else association.orphan)(self._call_id)
                except LocalProtocolError:
                    keep = False
                # What cannot be sent at once is not worth waiting for: the connection goes.
                self._broken = not (link.flush() and keep and link.lost is None)
        if line.over:
            if link.busy:
                link.wake()  # whoever is busy there does it
            else:
                self._release()

    def _release(self) -> None:
        self._held = False
        self._link.done(self._call_id)
        self._channel.release(self._link, broken=self._broken)
        self.look()

    def _wake(self) -> None:
        """Make whoever waits or watches look again."""
        if self._held:
            self._link.wake()
        self.look()

    # -- the MIDL form: `handle.Machine`

    def check_made(self) -> None:
        """Making a call has raised whatever kept it from being made."""

    @property
    def _complete(self) -> bool:
        """Whether there is an outcome: a failure, or an answer and pipes that are all at their ends."""
        line = self.line
        if line.error is not None:
            return line.over
        if not line.over or (self._pumping is not None and not self._pumped):
            return False
        return self._incoming is None or self._forsaken or self._incoming.drained

    def status(self) -> int:
        self.step()
        if not self._complete:
            return RPC_S_ASYNC_CALL_PENDING
        return RPC_S_OK if self.line.error is None else status_of(self.line.error)

    def collect(self) -> Any:
        self.step()
        with self._lock:
            if self.line.error is not None:
                raise self.line.error
            if not self._complete:
                if not self._forsaken:
                    try:
                        self._check_discipline(self._sources, self._sinks)
                    except PipeDiscipline as error:
                        self.abandon(error)
                        raise
                raise AsyncCallPending
        return self._result()

    def withdraw(self, abort: bool) -> None:
        self.step()
        with self._lock:
            if self._complete:
                return
            if abort:
                self.abandon(CallCancelled("the call was given up"))
                return
            if not self.line.over:
                self._ask_to_end()
            self._forsaken = True
            self.line.discard()
            if self._incoming is not None:
                self._incoming.fail(CallCancelled())
            self.moved()
            self._wake()

    def listen(self, listener: Listener | None) -> None:
        with self._lock:
            self._listener = listener
            self._notice()
            if self.has_ends and not self.line.over:
                self._work_elsewhere()
            if listener is not None:
                self.watch()

    def _notice(self) -> None:
        """Keep the events that the listener is to be told of."""
        listener, line = self._listener, self.line
        if listener is None:
            return
        before = len(self._events)
        if self._sent or (line.sending and line.sent):
            self._sent = line.sending = False
            # Two of them that nobody has heard of yet are one.
            if not (self._events and self._events[-1][1] is AsyncEvent.SEND_COMPLETE):
                self._events.append((listener, AsyncEvent.SEND_COMPLETE))
        if line.awaited is not None and line.error is None and line.awaited.ready:
            line.awaited = None
            self._events.append((listener, AsyncEvent.RECEIVE_COMPLETE))
        if self._complete:
            self._events.append((listener, AsyncEvent.CALL_COMPLETE))
            self._listener = None
        if len(self._events) > before:
            self.watch()

    def outlook(self) -> tuple[int | None, int, float | None] | None:
        with self._lock:
            wanted = self._listener is not None or self._unheard or self.line.sending
            if not self._events and not (self._held and wanted):
                self._watched = False
                self._channel.watcher.forget(self)
                return None
            latest = 0.0 if self._events else self._deadline() if self._awaits else None
            if not self._held:
                return None, 0, latest
            return self._link.descriptor, self._link.interest, latest

    def tell(self) -> None:
        for _ in range(len(self._events)):
            listener, event = self._events.popleft()
            listener(event)
