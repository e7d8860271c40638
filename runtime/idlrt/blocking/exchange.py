"""A call in progress that has an object of its own, or that took an unusual turn: cancelling, time limits, completion.

It is the `Receiver` of its link; its pipes and its outcome are its line's, so one failure, wherever it comes from,
reaches every push, pull and complete as the same exception. `Call` and `AsyncHandle` are two views of it. Threads that
wait and threads that do not may use it at the same time, and the watcher's steps in where the program is elsewhere.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from uuid import UUID

from idlrt.association import Context, Stub
from idlrt.asynchronous import AsyncEvent
from idlrt.blocking.ends import Ends
from idlrt.blocking.line import ThreadLine
from idlrt.errors import (
    RPC_S_ASYNC_CALL_PENDING,
    RPC_S_OK,
    AsyncCallPending,
    CallCancelled,
    LocalProtocolError,
    NdrError,
    PipeDiscipline,
    RpcTimeout,
    status_of,
)
from idlrt.ndr.elements import Form
from idlrt.pipes.flow import Inlet, Outlet
from idlrt.rpc.content import Content

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
        silent = channel.silence if operation.pipes else None
        self._timeout = timeout if silent is None else silent
        self.ends = Ends(operation, pipes)
        self.content = Content(interface, operation, inputs, channel.limits, channel.decoding)
        self._call_id = 0
        self._since = time.monotonic()  # when we began to wait for the server
        self.reported = False  # a pipe that nobody waits at has raised what the call ended with
        self._arrived = 0  # octets of an answer that is not streamed
        self._give_up_at: float | None = None  # end of the grace period (monotonic)
        self._grace = 0.0
        self._cancelling = False  # co_cancel was sent
        self._forsaken = False  # nobody will work the pipes by hand any more
        self._listener: Listener | None = None
        self._sent = bool(operation.pipes)  # SEND_COMPLETE of the call itself is to be told
        self._events: deque[tuple[Listener, AsyncEvent]] = deque()
        self._watched = False
        self._unheard = False  # the program has forgotten the call, which runs to its end
        self._held = True
        self._broken = False
        self._link, context = asked or channel.pool.acquire(interface, operation)
        self._lock = self._link.lock
        self.line: ThreadLine
        if asked is not None:
            self.content.agreed(context)
            with self._lock:
                self._serve(self._link.asked)
            return
        try:
            self._start(context, object)
        except BaseException as error:
            if self._held:
                self._broken = not isinstance(error, NdrError)
                self._release()
            raise

    def _serve(self, call_id: int) -> None:
        channel, link, content = self._channel, self._link, self.content
        self._call_id = call_id
        window, backlog = channel.pipe_window, channel.pipe_backlog
        self.line = line = ThreadLine(
            self, link, self._lock, call_id, content.incoming, content.outgoing, window, backlog
        )
        if self.ends:
            self.ends.begin(self, line, self._lock, content.outlets, content.inlets)
        link.serve(self, call_id)

    def _start(self, context: Context, object: UUID | None) -> None:
        operation, link, content = self.operation, self._link, self.content
        stub = content.request(context)
        with self._lock:
            call_id = link.association.start_call(
                context.context_id,
                operation.opnum,
                object=object,
                maybe=operation.maybe,
                streamed=content.incoming is not None,
            )
            self._serve(call_id)
            link.send_stub(call_id, [stub], content.outgoing is None)
            if operation.maybe:
                self.line.end()
        if link.unsent:
            # What cannot be sent at once wants somebody to see to it.
            link.wait(call_id, lambda: self.line.error is not None or not link.unsent, self._deadline)
            self._expire(not link.unsent)
        self.moved()

    @property
    def over(self) -> bool:
        """Whether the answer, or a failure, has arrived."""
        return self.line.over

    @property
    def error(self) -> Exception | None:
        return self.line.error

    # -- what the link tells, under the lock

    def stub(self, event: Stub) -> None:
        try:
            self.content.take(event)
        except NdrError as error:
            self.line.fail(error)
        if event.last:
            self.line.end()

    def parts(self, parts: list[memoryview]) -> None:
        assert self.content.incoming is not None
        try:
            self.content.incoming.feed_run(parts)
        except NdrError as error:
            self.line.fail(error)

    def fail(self, error: Exception) -> None:
        if not self.line.over:
            self.line.fail(error)
            self.line.end()

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
            self._link.look_around()
            self._link.answer_callback(self._call_id)
        self._expire(not self._awaits)

    @property
    def _awaits(self) -> bool:
        """Whether it is the server's turn, so that its time runs; while we could push or pull it does not."""
        if self._cancelling or self.line.awaited is not None or self._link.unsent:
            return True
        outgoing, incoming = self.content.outgoing, self.content.incoming
        return (outgoing is None or outgoing.closed) and (incoming is None or incoming.drained)

    def moved(self) -> None:
        """Something was sent or received, or another event is waited for."""
        with self._lock:
            self._settle_end()
            self._notice()
            self.ends.changed()
            if self._held and self._link.is_called_back(self._call_id):
                self.look()
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
        self.ends.work_before(inlet)
        return self.line.pull(inlet, most, form)

    def push_in_turn(self, outlet: Outlet, block: Any) -> None:
        self.ends.work_before(outlet)
        self.line.push(outlet, block)

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
        return self.content.result()

    def _completed(self, latest: float | None) -> bool:
        """See to the rest of the call; whether all of that was done in time."""
        line, ends = self.line, self.ends
        if not self._cancelling:
            if line.error is None:
                # A pipe that is neither at its end nor has a source or sink would be waited for in vain.
                self.content.check_discipline(line.over, ends.sources, ends.sinks)
            if not ends.worked:
                if latest is None and not ends.worked_elsewhere:
                    ends.work()
                else:
                    ends.work_elsewhere()
                    if not ends.wait(lambda: ends.worked, latest):
                        return False
        if self._cancelling:
            with self._lock:
                line.discard()
        elif line.error is None:
            self.content.check_discipline(line.over)
        while not line.over:
            if latest is not None and time.monotonic() >= latest:
                return False
            self.wait(lambda: False, latest)
        return True

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
            until = time.monotonic() + grace
            if self._give_up_at is None or until < self._give_up_at:
                self._grace = grace
                self._give_up_at = until
                if not self.ends.worked:
                    self.watch()  # whoever works a source or sink may not look at the clock
            self.moved()
            self._wake()

    def _ask_to_end(self) -> None:
        if not self._cancelling and self._held:
            try:
                if not self._link.association.begun(self._call_id):
                    self.abandon(CallCancelled())
                    return
                self._cancelling = True
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
            _log.info("%s was left without complete(); the call is given up", self.operation.name)
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
            _log.warning("%s was begun and forgotten; the call is given up", self.operation.name)
            self.abandon(CallCancelled("the call was dropped"))

    def abandon(self, error: Exception) -> None:
        """End the call on our side alone."""
        with self._lock:
            self.line.fail(error)
            if self.content.incoming is not None:
                self.content.incoming.discard()
            self.moved()

    def _settle_end(self) -> None:
        """Let go of the connection once the call is over, and of the call once it has failed."""
        if not self._held:
            return
        line, link = self.line, self._link
        if line.error is not None and not line.over:
            line.end()
            if link.lost is None:
                try:
                    # A call that takes too long ends here without a word; another reason is for the server to know.
                    association, late = link.association, isinstance(line.error, RpcTimeout)
                    keep = (association.abandon if late else association.orphan)(self._call_id)
                except LocalProtocolError:
                    keep = False
                # What cannot be sent at once is not worth waiting for: the connection goes.
                self._broken = not (link.flush() and keep and link.lost is None)
        if line.over and link.lets_go(self):
            self._release()

    def _release(self) -> None:
        self._held = False
        self._link.done(self._call_id)
        self._channel.pool.release(self._link, broken=self._broken)
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
        if not line.over or (self.ends.worked_elsewhere and not self.ends.worked):
            return False
        incoming = self.content.incoming
        return incoming is None or self._forsaken or incoming.drained

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
                        self.content.check_discipline(self.line.over, self.ends.sources, self.ends.sinks)
                    except PipeDiscipline as error:
                        self.abandon(error)
                        raise
                raise AsyncCallPending
        return self.content.result()

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
            if self.content.incoming is not None:
                self.content.incoming.fail(CallCancelled())
            self.moved()
            self._wake()

    def listen(self, listener: Listener | None) -> None:
        with self._lock:
            self._listener = listener
            self._notice()
            if not self.ends.worked and self.line.error is None:
                self.ends.work_elsewhere()
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
            wanted = self._listener is not None or self._unheard or self._give_up_at is not None
            wanted = wanted or (self._held and self._link.unsent > 0)
            if not self._events and not (self._held and wanted):
                self._watched = False
                self._channel.watcher.forget(self)
                return None
            times = [self._deadline() if self._awaits else None, 0.0 if self._events else None]
            if not self._held:
                return None, 0, times[1]
            times.append(0.0 if self._link.is_called_back(self._call_id) else self._link.look_at)
            latest = min((each for each in times if each is not None), default=None)
            return self._link.descriptor, self._link.interest, latest

    def tell(self) -> None:
        for _ in range(len(self._events)):
            listener, event = self._events.popleft()
            listener(event)
