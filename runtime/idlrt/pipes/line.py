"""The pipes of one call on an event loop: who waits for what, what is gathered, when reading stops.

A client's call and a server's have one each. Outcomes are kept as plain state, and whatever may change one wakes
everyone who waits; so one failure, wherever it comes from, reaches every push and pull as the same exception. The
octets go to a `Carrier`; the rules of order and the framing are in `flow`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol, TypeAlias

from idlrt.errors import PipeClosed, PipeOrder, RpcTimeout
from idlrt.pipes.flow import PUSH_COST, SMALL, TURN, WINDOW, Incoming, Inlet, Outgoing, Outlet, slices

Octets: TypeAlias = bytes | bytearray | memoryview


class Carrier(Protocol):
    """The connection that a call runs on."""

    @property
    def full(self) -> bool:
        """Whether the transport has not sent what it was given; the line is woken when it has."""

    def send_stub(self, call_id: int, parts: Sequence[Octets], last: bool) -> None:
        """Send stub data of a call, the concatenation of `parts`, which may be overwritten afterwards."""

    def hold(self, holder: object) -> None:
        """Stop reading until `go_on` of the same holder, and of all others."""

    def go_on(self, holder: object) -> None: ...


class LoopLine:
    """The line of the pipes that coroutines work."""

    __slots__ = (
        "_begin",
        "_call_id",
        "_carrier",
        "_discarding",
        "_ends_call",
        "_flushing",
        "_give_up",
        "_held",
        "_incoming",
        "_loop",
        "_outgoing",
        "_pushed",
        "_pushing",
        "_timeout",
        "_waiters",
        "error",
        "impatience",
        "over",
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
    ) -> None:
        """`give_up` ends the call on our side, as a wait of `timeout` seconds does; it is to fail the line. `begin` is
        awaited by whoever uses a pipe before `open`. The end of the last outgoing pipe is that of the stub if it
        `ends_call`.
        """
        self._loop = loop
        self._incoming = incoming
        self._outgoing = outgoing
        self._give_up = give_up
        self._begin = begin
        self._ends_call = ends_call
        self._timeout = timeout
        self._carrier: Carrier | None = None
        self._call_id = 0
        self._pushing = False  # a block has been sent in part
        self._flushing = False  # `flush` is due
        self._pushed = 0  # octets since the loop had its turn
        self._held = False  # reading has stopped because of us
        self._discarding = False  # nobody will pull what still arrives
        self._waiters: list[asyncio.Future[None]] = []
        self.error: Exception | None = None  # why the call has failed
        self.over = False  # nothing more is sent or received
        self.impatience: Exception | None = None  # raised by a pull instead of waiting
        self.told: asyncio.Task[Any] | None = None  # the task in which `error` was raised last

    def open(self, carrier: Carrier, call_id: int) -> None:
        """The call is on its way."""
        self._carrier = carrier
        self._call_id = call_id
        self._begin = None

    # -- what happens to the call

    def settle(self) -> None:
        """The receive buffer is about to be used again."""
        incoming = self._incoming
        if incoming is not None:
            incoming.settle()
            if self._discarding:
                incoming.discard()
            elif incoming.buffered > WINDOW and not self.over and not self._held and self._carrier is not None:
                self._held = True
                self._carrier.hold(self)
        self.wake()

    def wake(self) -> None:
        """Something that may be waited for has changed."""
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
        self._go_on()
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
        """Until something changed; no longer than the time-out, which every fragment restarts."""
        timeout = self._timeout
        if timeout is None:
            await self.change()
            return
        late = RpcTimeout(f"nothing came from the server for {timeout} s")
        timer = self._loop.call_later(timeout, self._give_up, late)
        try:
            await self.change()
        finally:
            timer.cancel()

    # -- pipes

    async def pull(self, inlet: Inlet, most: int | None) -> Any:
        """The next block of an incoming pipe."""
        if self._begin is not None:
            await self._begin()
        try:
            block = inlet.take(most)
            while block is None:
                if self.impatience is not None:
                    raise self.impatience
                await self.wait()
                block = inlet.take(most)
        except Exception as error:
            self._tell(error)
            raise
        if inlet.drained:
            self.wake()
        if self._held:
            incoming = self._incoming
            if incoming is not None and incoming.buffered <= WINDOW // 2:
                self._go_on()
        return block

    async def push(self, outlet: Outlet, block: Any) -> None:
        """Send a block by an outgoing pipe, and wait until there is room for more."""
        if self._begin is not None:
            await self._begin()
        if self.over:
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
                if not self._flushing:
                    self._flushing = True
                    self._loop.call_soon(self.flush)
                if self._pushed > TURN or carrier.full:
                    await self._take_turn(carrier)
                    self._check_open()
                return
            parts = []
        groups = slices(parts)
        groups[0] = [*outgoing.gathered(), *groups[0]]
        final = len(groups) - 1
        try:
            for index, group in enumerate(groups):
                self._pushing = index < final
                carrier.send_stub(self._call_id, group, last and index == final)
                await self._take_turn(carrier)
                if not last or self._pushing or self.error is not None:
                    self._check_open()
        finally:
            self._pushing = False

    def gathered(self) -> list[bytes | memoryview]:
        """Take what small pushes have gathered."""
        return [] if self._outgoing is None else self._outgoing.gathered()

    def flush(self) -> None:
        """Send what small pushes have gathered: the loop's turn, or the connection, is at its end."""
        self._flushing = False
        if not self.over and self._carrier is not None:
            parts = self.gathered()
            if parts:
                self._carrier.send_stub(self._call_id, parts, False)

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
