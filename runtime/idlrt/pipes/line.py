"""The pipes of one call on an event loop: who waits for what, what is gathered, when reading stops.

A client's call and a server's have one each. Outcomes are kept as plain state, and whatever may change one wakes
everyone who waits; so one failure, wherever it comes from, reaches every push and pull as the same exception. The
octets go to a `Carrier`; the rules of order and the framing are in `flow`.

Coroutines use `pull` and `push`, which wait. MIDL's way is `pull_nowait` and `push_nowait`, whose failures end the
call, and being told of events.
"""

from __future__ import annotations

import asyncio
from array import array
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence, Sized
from copy import deepcopy
from typing import Any, Protocol, TypeAlias

from idlrt.asynchronous import AsyncEvent
from idlrt.errors import (
    AsyncCallPending,
    LocalProtocolError,
    PipeClosed,
    PipeMemory,
    PipeOrder,
    RpcError,
    RpcTimeout,
)
from idlrt.ndr.elements import Form
from idlrt.pipes.flow import (
    BACKLOG,
    PUSH_COST,
    SLICE,
    SMALL,
    TURN,
    WINDOW,
    Incoming,
    Inlet,
    Outgoing,
    Outlet,
    slices,
)

Octets: TypeAlias = bytes | bytearray | memoryview


class Carrier(Protocol):
    """The connection that a call runs on."""

    @property
    def full(self) -> bool:
        """Whether the transport has not sent what it was given; the line is woken when it has."""

    def send_stub(self, call_id: int, parts: Sequence[Octets], last: bool) -> None:
        """Send stub data of a call, the concatenation of `parts`, which may be overwritten afterwards."""

    def send_block(self, call_id: int, head: Octets, data: Octets) -> None:
        """Send stub data to which more is added at once, or else a `send_stub` without parts."""

    def hold(self, holder: object) -> None:
        """Stop reading until `go_on` of the same holder, and of all others."""

    def go_on(self, holder: object) -> None: ...


def _ended(error: Exception) -> None:
    """A call that is over cannot be given up."""


class LoopLine:
    """The line of the pipes that coroutines work."""

    __slots__ = (
        "_awaited",
        "_backlog",
        "_begin",
        "_call_id",
        "_carrier",
        "_discarding",
        "_early",
        "_ends_call",
        "_give_up",
        "_heard",
        "_held",
        "_incoming",
        "_kept",
        "_kept_last",
        "_kept_octets",
        "_listening",
        "_loop",
        "_outgoing",
        "_pushed",
        "_pushing",
        "_sending",
        "_stalled",
        "_timeout",
        "_waiters",
        "_waiting",
        "_window",
        "error",
        "_fresh",
        "flushing",
        "impatience",
        "over",
        "reported",
        "tell",
        "told",
    )

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        incoming: Incoming | None,
        outgoing: Outgoing | None,
        give_up: Callable[[Exception], object],
        *,
        begin: Callable[[], Awaitable[None]] | None = None,
        ends_call: bool = False,
        timeout: float | None = None,
        window: int = WINDOW,
        backlog: int = BACKLOG,
    ) -> None:
        """`give_up` ends the call on our side, as `timeout` seconds of silence do in which something is waited for; it
        is to fail the line, or the time starts again. `begin` is awaited by whoever uses a pipe before `open`. A
        client's line `ends_call`: the end of its last outgoing pipe is that of the request. `window` octets may wait to
        be pulled before reading stops, `backlog` ones to be sent.
        """
        self._loop = loop
        self._incoming = incoming
        self._outgoing = outgoing
        self._give_up = give_up
        self._begin = begin
        self._ends_call = ends_call
        self._timeout = timeout
        self._heard = 0.0  # when the peer did something last, or a wait for it began
        self._waiting = 0  # how many wait for the peer
        self._listening: asyncio.TimerHandle | None = None  # for a silence that is too long
        self._window = window
        self._backlog = backlog
        self._carrier: Carrier | None = None
        self._call_id = 0
        self._pushing = False  # a block has been sent in part
        self.flushing = False  # `flush` is due
        self._fresh = False  # there was a block in this turn
        self._pushed = 0  # octets since the loop had its turn
        self._held = False  # reading has stopped because of us
        self._discarding = False  # nobody will pull what still arrives
        self._waiters: list[asyncio.Future[None]] = []
        self._early: list[tuple[Outlet, Any]] = []  # blocks pushed before `open`
        self._kept: deque[bytearray] = deque()  # copies of what the transport did not take, up to a slice each
        self._kept_last = False  # the last of it ends the call
        self._kept_octets = 0
        self._sending = False  # SEND_COMPLETE is due when all of it has been taken
        self._stalled = False  # the transport shall take more first
        self._awaited: Inlet | None = None  # RECEIVE_COMPLETE is due when there is something to pull
        self.reported = False  # the call has ended by a failure that `pull_nowait` or `push_nowait` raised
        self.error: Exception | None = None  # why the call has failed
        self.over = False  # nothing more is sent or received
        self.impatience: Exception | None = None  # raised by a pull instead of waiting
        self.tell: Callable[[AsyncEvent], object] | None = None  # told of SEND_COMPLETE and RECEIVE_COMPLETE
        self.told: asyncio.Task[Any] | None = None  # the task in which `error` was raised last

    def open(self, carrier: Carrier, call_id: int) -> None:
        """The call is on its way; a client has sent what precedes its pipes."""
        self._carrier = carrier
        self._call_id = call_id
        self._begin = None
        if self._timeout is not None and not self.over:
            self._heard = self._loop.time()
            self._listening = self._loop.call_later(self._timeout, self._listen, self._timeout)
        if self._early:
            early, self._early, self._kept_octets = self._early, [], 0
            try:
                for outlet, block in early:
                    self._give(outlet, block)
            except RpcError as error:
                self._give_up(error)

    # -- what happens to the call

    def settle(self) -> None:
        """The receive buffer is about to be used again."""
        incoming = self._incoming
        crowded = False
        if incoming is not None:
            left = incoming.buffered
            incoming.settle()
            if self._discarding:
                incoming.discard()
            elif incoming.buffered > self._window:
                crowded = not left  # by what came just now, which may be pulled at once
                if left:
                    self._hold()
            if self._awaited is not None and self._awaited.ready and self.error is None:
                self._awaited = None
                if self.tell is not None:
                    self.tell(AsyncEvent.RECEIVE_COMPLETE)
        self.wake()
        if crowded:
            self._loop.call_soon(self._hold)  # after the turn of whoever waited to pull

    def _hold(self) -> None:
        """Stop reading while more than the window waits."""
        incoming, carrier = self._incoming, self._carrier
        if incoming is None or carrier is None or self.over or self._held or incoming.complete:
            return
        if incoming.buffered > self._window:
            self._held = True
            carrier.hold(self)

    def wake(self) -> None:
        """Something that may be waited for has changed."""
        if self._timeout is not None:
            self._heard = self._loop.time()
        if self._stalled:
            self._send_kept()
        self._rouse()

    def _rouse(self) -> None:
        """Let everybody who waits look again."""
        if self._waiters:
            waiters, self._waiters = self._waiters, []
            for waiter in waiters:
                if not waiter.done():
                    waiter.set_result(None)

    def fail(self, error: Exception) -> None:
        """The call has failed: what arrived can still be pulled, then every use of a pipe raises the first error."""
        if self.error is None:
            self.error = error
        if self._incoming is not None:
            self._incoming.fail(error)
        self.end()

    def end(self) -> None:
        """Nothing more comes, or is wanted."""
        self.over = True
        self._sending = self._stalled = False
        if self._listening is not None:
            self._listening.cancel()
        self._early.clear()
        self._kept.clear()
        self._go_on()
        if self._ends_call:
            # Nothing of the call is needed any more, which is then no garbage to be collected. What has arrived can be
            # pulled though its [in] pipes were not ended.
            self._begin, self._give_up = None, _ended
            if self._incoming is not None:
                self._incoming.gate = None
        self.wake()

    def discard(self) -> None:
        """Nobody will pull any more."""
        self._discarding = True
        if self._incoming is not None:
            self._incoming.discard()
        self._go_on()

    def _go_on(self) -> None:
        if self._held and self._carrier is not None:
            self._held = False
            self._carrier.go_on(self)

    # -- waiting

    def change(self) -> asyncio.Future[None]:
        """Done when something has changed."""
        waiter = self._loop.create_future()
        self._waiters.append(waiter)
        return waiter

    async def wait(self) -> None:
        """Until something changed, which is for the peer to bring about."""
        if self._timeout is not None and not self._waiting:
            self._heard = self._loop.time()
        self._waiting += 1
        try:
            await self.change()
        finally:
            self._waiting -= 1

    def _listen(self, timeout: float) -> None:
        """A silence that has lasted as long as it may ends the call; one that nobody waits in does not count."""
        now = self._loop.time()
        sent = self._outgoing is None or self._outgoing.closed
        unanswered = self._ends_call and self._incoming is None and sent
        if not (self._waiting or self._stalled or self._awaited is not None or unanswered):
            self._heard = now
        left = self._heard + timeout - now
        if left < 0.001:
            peer = "server" if self._ends_call else "client"
            self._give_up(RpcTimeout(f"nothing came from the {peer} for {timeout:g} s"))
            left = timeout
        if not self.over:
            self._listening = self._loop.call_later(left, self._listen, timeout)

    # -- pipes

    async def pull(self, inlet: Inlet, most: int | None, form: Form = None) -> Any:
        """The next block of an incoming pipe, waited for."""
        if self._begin is not None:
            await self._begin()
        try:
            block = inlet.take(most, form)
            while block is None:
                if self.impatience is not None:
                    raise self.impatience
                await self.wait()
                block = inlet.take(most, form)
        except Exception as error:
            self._tell(error)
            raise
        if inlet.drained:
            self.wake()
        if self._held:
            self._pulled()
        return block

    def _pulled(self) -> None:
        incoming = self._incoming
        if incoming is not None and incoming.buffered <= self._window // 2:
            self._go_on()

    async def push(self, outlet: Outlet, block: Any) -> None:
        """Send a block by an outgoing pipe, and wait until there is room for more."""
        if self._begin is not None:
            await self._begin()
        if self.over:
            self._check_open()
        while self._kept:
            await self.wait()
            self._check_open()
        if self._pushing:
            raise PipeOrder(f'another push to pipe "{outlet.name}" is under way')
        carrier, outgoing = self._carrier, self._outgoing
        assert carrier is not None
        assert outgoing is not None
        before = outgoing.at
        parts = outlet.chunk(block)
        size = outgoing.at - before
        self._pushed += size + PUSH_COST
        last = False
        if outlet.closed:
            last = self._ends_call and outgoing.closed
            self.wake()
        if size < SMALL and not last:
            if outgoing.gather(parts, size):
                if not self.flushing:
                    self.flushing = True
                    self._loop.call_soon(self.flush)
                if self._pushed > TURN or carrier.full:
                    await self._take_turn(carrier)
                    self._check_open()
                return
            parts = []
        if size <= SLICE:
            if len(parts) == 2 and not outgoing.gathers:
                head, data = parts
                carrier.send_block(self._call_id, head, data)
                self._fresh = True
                if not self.flushing:
                    self.flushing = True
                    self._loop.call_soon(self._flush_soon)
            else:
                carrier.send_stub(self._call_id, [*outgoing.gathered(), *parts], last)
            if self._pushed > TURN or carrier.full:
                await self._take_turn(carrier)
                if not last or self.error is not None:
                    self._check_open()
            return
        groups = slices(parts)  # of a block, since what ends a pipe is smaller
        groups[0] = [*outgoing.gathered(), *groups[0]]
        left = deque(groups)
        try:
            while left:
                carrier.send_stub(self._call_id, left.popleft(), False)
                self._pushing = bool(left)
                self._pushed += SLICE
                await self._take_turn(carrier)
                self._check_open()
        except asyncio.CancelledError:
            self._keep_rest(left)
            raise
        finally:
            self._pushing = False

    def _keep_rest(self, groups: Iterable[list[bytes | memoryview]]) -> None:
        """A push is cancelled of whose block a part was sent; the rest follows, or what is pushed next would be it."""
        try:
            for group in () if self.over else groups:
                self._keep(group)
                self._send_soon()
        except PipeMemory as error:
            self._give_up(error)

    def _send_soon(self) -> None:
        if not self._sending:
            self._sending = True
            self._loop.call_soon(self._send_kept)

    def unsent(self) -> list[Octets]:
        """Take what was pushed and has not been sent."""
        if self._outgoing is None:
            return []
        parts = [*self._kept, *self._outgoing.gathered()]
        self._kept.clear()
        return parts

    def flush(self) -> None:
        """Send what has waited for more: the loop's turn, or the connection, is at its end."""
        due, self.flushing = self.flushing, False
        outgoing = self._outgoing
        if not self.over and self._carrier is not None and outgoing is not None:
            parts = outgoing.gathered()
            if parts or (due and not (self._ends_call and outgoing.closed)):
                self._carrier.send_stub(self._call_id, parts, False)

    def _flush_soon(self) -> None:
        """Blocks were pushed in this turn; who pushes one in the next as well, fills the last fragment with it."""
        if self._fresh:
            self._fresh = False
            self._loop.call_soon(self._flush_soon)
        elif self.flushing:
            self.flush()

    async def _take_turn(self, carrier: Carrier) -> None:
        """Wait until the transport has room, and let others run even if it always has."""
        if self._pushed > TURN and not carrier.full:
            self._pushed = 0
            await asyncio.sleep(0)
        while carrier.full and not self.over:
            self._pushed = 0
            await self.wait()

    def _check_open(self) -> None:
        if self.error is not None:
            self._tell(self.error)
            raise self.error
        if self.over:
            raise PipeClosed("the call was answered before the end of its pipes")

    def _tell(self, error: Exception) -> None:
        if error is self.error:
            self.told = asyncio.current_task()

    # -- pipes in MIDL's way

    def pull_nowait(self, inlet: Inlet, most: int | None, form: Form = None) -> Any:
        """The next block of an incoming pipe, or `AsyncCallPending` and one RECEIVE_COMPLETE when there is one."""
        self._check_loop()
        try:
            block = inlet.take(most, form)
        except RpcError as error:
            self._report(error)
            raise
        if block is None:
            if self._awaited is None and self._timeout is not None:
                self._heard = self._loop.time()
            self._awaited = inlet
            raise AsyncCallPending(f'nothing has come by pipe "{inlet.name}" yet')
        if inlet.drained:
            self.wake()
        if self._held:
            self._pulled()
        return block

    def push_nowait(self, outlet: Outlet, block: Any) -> None:
        """Send a block, or keep a copy of what the transport does not take; SEND_COMPLETE follows when it has all."""
        self._check_loop()
        if self.over and self.error is None:
            self._check_open()
        try:
            if self.over:
                self._check_open()
            if self._pushing:
                raise PipeOrder(f'another push to pipe "{outlet.name}" is under way')
            if self._begin is None:
                self._give(outlet, block)
            else:
                self._keep_early(outlet, block)
        except RpcError as error:
            self._report(error)
            raise

    def _check_loop(self) -> None:
        if asyncio._get_running_loop() is not self._loop:
            raise LocalProtocolError(
                "the pipes of this call belong to an event loop that does not run in this thread",
                help="use loop.call_soon_threadsafe, or idlrt.blocking for threads",
            )

    def _report(self, error: RpcError) -> None:
        """The program gets a failure from a pipe; the call ends with it, and nothing more is due."""
        self.reported = True
        self.tell = None
        self._give_up(error)
        if self.error is None:
            self.fail(error)  # the answer was there already, and is not to be had any more
        self._tell(error)

    def _give(self, outlet: Outlet, block: Any) -> None:
        carrier, outgoing, kept = self._carrier, self._outgoing, self._kept
        assert carrier is not None
        assert outgoing is not None
        before = outgoing.at
        parts = outlet.chunk(block)
        size = outgoing.at - before
        last = False
        if outlet.closed:
            last = self._ends_call and outgoing.closed
            self.wake()
        self._send_soon()
        if size < SMALL and not last and not kept and not carrier.full:
            if outgoing.gather(parts, size):
                return
            parts = []
        groups = slices(parts)
        groups[0] = [*outgoing.gathered(), *groups[0]]
        for index, group in enumerate(groups):
            if kept or carrier.full:
                self._keep(group)
                self._kept_last = last
            else:
                carrier.send_stub(self._call_id, group, last and index == len(groups) - 1)

    def _keep(self, parts: list[bytes | memoryview]) -> None:
        kept, size = self._kept, sum(map(len, parts))
        self._check_backlog(size)
        self._stalled = True
        if kept and len(kept[-1]) + size <= SLICE:
            for part in parts:
                kept[-1] += part
        else:
            kept.append(bytearray().join(parts))

    def _keep_early(self, outlet: Outlet, block: Any) -> None:
        """Copy a block that cannot be marshalled, because the transfer syntax is not known yet."""
        if isinstance(block, memoryview):
            octets: Any = memoryview(block.tobytes())
            copy = octets.cast(block.format.lstrip("@=<"))
        else:
            copy = deepcopy(block)
        if isinstance(copy, bytes | bytearray | memoryview | array):
            self._check_backlog(memoryview(copy).nbytes)
        elif isinstance(copy, Sized):
            self._check_backlog(8 * len(copy))  # the elements' size is not known either
        self._early.append((outlet, copy))

    def _check_backlog(self, octets: int) -> None:
        self._kept_octets += octets
        if self._kept_octets > self._backlog:
            raise PipeMemory(f"more than {self._backlog} octets were pushed that the connection does not take")

    def _send_kept(self) -> None:
        """Send what was kept as far as the transport takes it, and tell when it has all."""
        carrier, kept = self._carrier, self._kept
        if not self._sending or carrier is None:
            return
        self.flush()
        while kept and not carrier.full:
            octets = kept.popleft()
            self._kept_octets -= len(octets)
            carrier.send_stub(self._call_id, (octets,), self._kept_last and not kept)
        self._stalled = bool(kept) or carrier.full
        if not self._stalled:
            self._sending = False
            self._rouse()
            if self.tell is not None:
                self.tell(AsyncEvent.SEND_COMPLETE)
