"""The pipes of one call that threads work, and what has become of it.

Small blocks are gathered, since a fragment and a system call for each would cost more than everything else about them;
none of them waits for long, see `QUIET` and `watcher.DELAY`. The rules of order and the framing are in `pipes.flow`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import RLock
from typing import Any, Final, Protocol

from idlrt.errors import AsyncCallPending, PipeClosed, PipeMemory, PipeOrder, RpcError
from idlrt.ndr.elements import Form
from idlrt.pipes.flow import PUSH_COST, SMALL, Incoming, Inlet, Outgoing, Outlet, slices

QUIET: Final = 0.001
"""Seconds since the last block was sent after which the next one goes at once, however small it is."""

LOOK: Final = 256 << 10
"""Octets that may be pushed before we look for an early answer: a fast connection never makes a push wait, and only who
waits looks for what comes back."""

PAUSE: Final = 0.05
"""Seconds between pushes after which the next one looks in any case."""


class Carrier(Protocol):
    """The connection that a call runs on."""

    @property
    def unsent(self) -> int:
        """Octets that it was given and could not send."""

    def send_stub(self, call_id: int, parts: list[bytes | memoryview], last: bool) -> None:
        """Send stub data of a call; while some of it is `unsent`, it must not change."""

    def keep(self) -> None:
        """Copy what is unsent."""

    def move(self) -> None:
        """Send and receive what can be without waiting."""

    def resume(self) -> bool:
        """Read again, if reading has stopped; whether it had."""


class Worker(Protocol):
    """What does the waiting for a line."""

    def wait(self, over: Callable[[], bool]) -> None:
        """Until `over`, or the call is."""

    def step(self) -> None:
        """Send and receive what can be without waiting, and take note of it."""

    def moved(self) -> None:
        """Something was sent or received, or another event is waited for: take note of it."""

    def flush_soon(self) -> None:
        """Have `flush` called by another thread before long."""

    def watch(self) -> None:
        """Have another thread send and receive while nobody waits."""

    def look(self) -> None:
        """Tell that thread that we read again."""

    def report(self, error: Exception) -> None:
        """End the call on our side, with a failure that the program is told of here and now."""


class ThreadLine:
    """The line of the pipes that threads work, under the lock of the connection."""

    __slots__ = (
        "_backlog",
        "_call_id",
        "_carrier",
        "_discarding",
        "_due",
        "_incoming",
        "_lock",
        "_looked",
        "_outgoing",
        "_pushed",
        "_pushing",
        "_window",
        "_worker",
        "awaited",
        "awaited_since",
        "error",
        "over",
        "sending",
        "sent_at",
    )

    def __init__(
        self,
        worker: Worker,
        carrier: Carrier,
        lock: RLock,
        call_id: int,
        incoming: Incoming | None,
        outgoing: Outgoing | None,
        window: int,
        backlog: int,
    ) -> None:
        self._worker = worker
        self._carrier = carrier
        self._lock = lock
        self._call_id = call_id
        self._incoming = incoming
        self._outgoing = outgoing
        self._window = window
        self._backlog = backlog
        self._pushing = False  # a block has been sent in part
        self._pushed = 0  # octets since we last looked for an answer
        self._looked = time.monotonic()  # when that was
        self.sent_at = 0.0  # when the last block left (monotonic)
        self._due = False  # gathered blocks will be flushed soon
        self._discarding = False  # nobody will pull what still arrives
        self.awaited: Inlet | None = None  # a pull that did not wait found nothing here
        self.awaited_since = 0.0  # since then (monotonic)
        self.sending = False  # what was given to send, and is to be told of, may not have left
        self.over = False  # nothing more comes, or is wanted
        self.error: Exception | None = None  # why the call has failed

    # -- what happens to the call

    def settle(self) -> bool:
        """Copy what was fed out of the receive buffer; whether more may be read now."""
        incoming = self._incoming
        if incoming is None:
            return True
        incoming.settle()
        if self._discarding:
            incoming.discard()
        return self.over or incoming.buffered <= self._window

    def fail(self, error: Exception) -> None:
        """The call has failed: what arrived can still be pulled, then every use of a pipe raises the first error."""
        if self.error is None:
            self.error = error
        if self._incoming is not None:
            self._incoming.fail(self.error)

    def end(self) -> None:
        """Nothing more comes, or is wanted; what has come may be pulled though not all [in] pipes were ended."""
        self.over = True
        if self._incoming is not None:
            self._incoming.gate = None

    def discard(self) -> None:
        """Nobody will pull any more."""
        self._discarding = True
        if self._incoming is not None:
            self._incoming.discard()
        if not self.over and self._carrier.resume():
            self._worker.look()

    @property
    def sent(self) -> bool:
        """Whether what `push_nowait` has taken has left, and nothing has failed since."""
        return self.error is None and not self._carrier.unsent

    # -- pipes, waiting

    def pull(self, inlet: Inlet, most: int | None, form: Form = None) -> Any:
        """The next block of an incoming pipe."""
        while True:
            with self._lock:
                block = inlet.take(most, form)
                if block is not None:
                    self._made_room()
                    if inlet.drained:
                        self._worker.moved()
                    return block
            self._worker.wait(lambda: inlet.ready)

    def push(self, outlet: Outlet, block: Any) -> None:
        """Send a block by an outgoing pipe; until it may be overwritten."""
        self._look()
        with self._lock:
            parts, size, last = self._framed(outlet, block)
            if size < SMALL and not last and not self._carrier.unsent and self._gathers(parts, size):
                return
            groups = slices(parts)
        final = len(groups) - 1
        done, index = True, 0
        try:
            for index, group in enumerate(groups):
                with self._lock:
                    self._pushing = index < final
                    self._send(group, last and index == final)
                    done = not self._carrier.unsent
                if not done:
                    self._worker.wait(lambda: not self._carrier.unsent)
                if not last or self._pushing or self.error is not None:
                    self._check_open()
        except BaseException:
            # Whoever interrupts a thread does not end the call: what is pushed next must not be taken for the rest.
            done = False
            with self._lock:
                for number in range(index + 1, final + 1):
                    self._send(groups[number], last and number == final)
            raise
        finally:
            self._pushing = False
            if not done:
                with self._lock:
                    self._carrier.keep()

    # -- pipes, not waiting

    def pull_nowait(self, inlet: Inlet, most: int | None, form: Form = None) -> Any:
        """The next block, or `AsyncCallPending`: there is none yet. Any other failure ends the call."""
        try:
            return self._pull_now(inlet, most, form)
        except AsyncCallPending:
            raise
        except RpcError as error:
            self._worker.report(error)
            raise

    def push_nowait(self, outlet: Outlet, block: Any) -> None:
        """Send a block, and keep a copy of what cannot be sent now. A failure ends the call."""
        try:
            self._push_now(outlet, block)
        except RpcError as error:
            self._worker.report(error)
            raise

    def _pull_now(self, inlet: Inlet, most: int | None, form: Form) -> Any:
        with self._lock:
            block = inlet.take(most, form)
        if block is None:
            self._worker.step()
        with self._lock:
            if block is None:
                block = inlet.take(most, form)
            if block is None:
                if self.awaited is not inlet:
                    self.awaited = inlet
                    self.awaited_since = time.monotonic()
                raise AsyncCallPending(f'nothing has arrived for pipe "{inlet.name}"')
            self.awaited = None
            self._made_room()
            if inlet.drained:
                self._worker.moved()
            return block

    def _push_now(self, outlet: Outlet, block: Any) -> None:
        self._look()
        with self._lock:
            parts, size, last = self._framed(outlet, block)
            carrier = self._carrier
            behind = carrier.unsent
            if behind and behind + size > self._backlog:
                self._overflow()
            if behind:
                parts = [bytes(part) for part in parts]
            self._send(parts, last)
            if not behind:
                carrier.keep()
                if carrier.unsent > self._backlog:
                    self._overflow()
            self.sending = True
            if carrier.unsent:
                self._worker.watch()
            self._worker.moved()
            if self.error is not None:
                raise self.error

    def _overflow(self) -> None:
        raise PipeMemory(
            f"more than {self._backlog} octets were pushed that could not be sent yet",
            help="wait for SEND_COMPLETE before pushing on, or allow more with pipe_backlog=",
        )

    # -- what both have in common

    def _look(self) -> None:
        if self._pushed > LOOK or time.monotonic() - self._looked > PAUSE:
            self._pushed = 0
            self._worker.step()
            self._looked = time.monotonic()

    def _framed(self, outlet: Outlet, block: Any) -> tuple[list[bytes | memoryview], int, bool]:
        """A block as it is to be sent, its octets, and whether it ends the request."""
        if self.over or self.error is not None:
            self._check_open()
        if self._pushing:
            raise PipeOrder(f'another push to pipe "{outlet.name}" is under way')
        outgoing = self._outgoing
        assert outgoing is not None
        before = outgoing.at
        parts = outlet.chunk(block)
        size = outgoing.at - before
        self._pushed += size + PUSH_COST
        return parts, size, outlet.closed and outgoing.closed

    def _gathers(self, parts: list[bytes | memoryview], size: int) -> bool:
        """Whether a small block waits for others; else it is to be sent, after the others or among them."""
        outgoing = self._outgoing
        assert outgoing is not None
        if time.monotonic() - self.sent_at > QUIET:
            return False
        if outgoing.gather(parts, size):
            if not self._due:
                self._due = True
                self._worker.flush_soon()
            return True
        parts.clear()
        return False

    def _send(self, parts: list[bytes | memoryview], last: bool) -> None:
        if not self.over:
            outgoing = self._outgoing
            assert outgoing is not None
            self._carrier.send_stub(self._call_id, [*outgoing.gathered(), *parts], last)
            self.sent_at = time.monotonic()

    def flush(self) -> None:
        """Send what was gathered."""
        with self._lock:
            self._due = False
            if self._outgoing is not None and not self.over:
                parts = self._outgoing.gathered()
                if parts:
                    self._send(parts, False)

    def _made_room(self) -> None:
        incoming = self._incoming
        assert incoming is not None
        if not self.over and incoming.buffered <= self._window // 2 and self._carrier.resume():
            self._worker.look()

    def _check_open(self) -> None:
        if self.error is not None:
            raise self.error
        if self.over:
            raise PipeClosed("the call was answered before the end of its pipes")
