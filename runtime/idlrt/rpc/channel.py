"""A channel: the way to one server, over as many connections of one association group as the calls need."""

from __future__ import annotations

import asyncio
from collections.abc import Generator, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from idlrt.association import ClientConfig, Limits, Stub
from idlrt.errors import LocalProtocolError, RpcError, RpcTimeout
from idlrt.ids import SyntaxId
from idlrt.ndr import for_codecs
from idlrt.pipes.flow import BACKLOG, WINDOW, check_room
from idlrt.rpc.binding import StringBinding
from idlrt.rpc.codecs import decode_response, encode_request
from idlrt.rpc.exchange import Exchange
from idlrt.rpc.link import Link
from idlrt.rpc.pool import Opener, Pool, Resolver
from idlrt.rpc.reach import CANCEL_GRACE, CONNECT_TIMEOUT, TRANSFERS, known, supported
from idlrt.transport.liveness import KEEP_ALIVE, KeepAlive

if TYPE_CHECKING:
    from idlrt.rpc.callbacks import CallbackService
    from idlrt.rpc.interface import Interface, Operation

CONNECTIONS: Final = 32
"""Connections of a channel, unless the caller says otherwise."""


class _Reply:
    """The receiver of an ordinary call."""

    __slots__ = ("callbacks", "future", "timer")

    def __init__(self, future: asyncio.Future[Stub], callbacks: CallbackService | None) -> None:
        self.future = future
        self.callbacks = callbacks
        self.timer: asyncio.TimerHandle | None = None

    def stub(self, event: Stub) -> bool:
        if not self.future.done():
            self.future.set_result(event)
        return True

    def parts(self, parts: list[memoryview]) -> None: ...  # of a streamed stub, which this is not

    def fail(self, error: Exception) -> None:
        if not self.future.done():
            self.future.set_exception(error)

    def settle(self) -> None: ...

    def flush(self) -> None: ...

    def wake(self) -> None: ...


class Channel:
    """Made by `connect`; belongs to the event loop that it was opened on."""

    def __init__(
        self,
        binding: StringBinding,
        *,
        timeout: float | None = None,
        silence: float | None = None,
        connect_timeout: float | None = CONNECT_TIMEOUT,
        cancel_grace: float = CANCEL_GRACE,
        connections: int = CONNECTIONS,
        max_fragment: int | None = None,
        limits: Limits | None = None,
        transfers: Sequence[SyntaxId] = TRANSFERS,
        ndr64_pipes: bool = False,
        causal: bool = True,
        keep_alive: KeepAlive | None = KEEP_ALIVE,
        pipe_window: int = WINDOW,
        pipe_backlog: int = BACKLOG,
        resolver: Resolver | None = None,
        opener: Opener | None = None,
    ) -> None:
        if connections < 1:
            raise ValueError("a channel needs at least one connection")
        self.binding = binding
        self.object: UUID | None = binding.object
        self.timeout = timeout
        self.silence = silence
        self.connect_timeout = connect_timeout
        self.cancel_grace = cancel_grace
        self.limits = limits or Limits()
        self.decoding = for_codecs(self.limits)
        self.transfers = known(transfers)
        self.loop = asyncio.get_running_loop()
        check_room(pipe_window, pipe_backlog)
        self.pipe_window = pipe_window
        self.pipe_backlog = pipe_backlog
        self.pool = Pool(
            binding,
            ClientConfig(limits=self.limits)
            if max_fragment is None
            else ClientConfig(max_fragment=max_fragment, limits=self.limits),
            most=connections,
            connect_timeout=connect_timeout,
            transfers=self.transfers,
            ndr64_pipes=ndr64_pipes,
            causal=causal,
            keep_alive=keep_alive,
            resolver=resolver,
            opener=opener,
        )

    # -- calls

    async def call(
        self,
        interface: Interface,
        operation: Operation,
        inputs: tuple[Any, ...],
        object: UUID | None,
        timeout: float | None,
        callbacks: CallbackService | None = None,
    ) -> Any:
        """An ordinary call, from parameters to result."""
        loop = self.loop
        if asyncio.get_running_loop() is not loop:
            self.check_loop()
        pool = self.pool
        found = pool.take(interface, operation)
        link, context = found if found is not None else await pool.acquire(interface, operation)
        association = link.association
        try:
            codec = interface.codecs(context.transfer, "<", self.decoding)[operation.opnum]
            stub = encode_request(codec, operation, inputs)
            if not operation.maybe:
                call_id = association.request(context.context_id, operation.opnum, stub, object)
            else:
                call_id = association.start_call(
                    context.context_id, operation.opnum, object=object, maybe=operation.maybe
                )
                association.send_stub(call_id, stub)
        except BaseException:
            pool.released(link)
            raise
        if operation.maybe:
            link.send()
            pool.released(link)
            return None
        reply = _Reply(loop.create_future(), callbacks)
        link.register(call_id, reply)
        link.send()
        if timeout is not None:
            reply.timer = loop.call_later(timeout, self._expire, link, call_id, reply, timeout, 0)
        try:
            event = await reply.future
        except asyncio.CancelledError:
            await self._withdraw(link, call_id, reply)
            raise
        finally:
            if reply.timer is not None:
                reply.timer.cancel()
        if event.order != "<":
            codec = interface.codecs(context.transfer, event.order, self.decoding)[operation.opnum]
        return decode_response(codec, operation, event.data, inputs, 0)

    def begin(
        self,
        interface: Interface,
        operation: Operation,
        inputs: tuple[Any, ...],
        pipes: tuple[Any, ...],
        object: UUID | None,
        timeout: float | None,
        callbacks: CallbackService | None = None,
    ) -> Exchange:
        """Start a call that gets an object of its own."""
        self.check_loop()
        return Exchange(self, interface, operation, inputs, pipes, object, timeout, callbacks)

    def check_loop(self) -> None:
        """Raise unless the running loop is the channel's."""
        try:
            running = asyncio.get_running_loop()
        except RuntimeError:
            running = None
        if running is not self.loop:
            raise LocalProtocolError(
                "this channel belongs to another event loop",
                help="open one channel per loop, or use idlrt.blocking to share one between threads",
            )

    def _expire(self, link: Link, call_id: int, reply: _Reply, timeout: float, before: int) -> None:
        """Nothing came for so long, unless more of the answer is there than `before`. The server is not told."""
        if reply.future.done():
            return
        arrived = link.association.arrived(call_id)
        if arrived > before:
            reply.timer = self.loop.call_later(timeout, self._expire, link, call_id, reply, timeout, arrived)
        else:
            reply.fail(RpcTimeout(f"the server did not answer within {timeout:g} s"))
            link.abandon(call_id)

    async def _withdraw(self, link: Link, call_id: int, reply: _Reply) -> None:
        """The waiter was cancelled: tell the server, give it the grace period, and then give up."""
        if reply.future.done() and not reply.future.cancelled():
            reply.future.exception()  # the outcome came in the same moment, and nobody will look at it
            return
        reply.future = self.loop.create_future()
        try:
            link.association.cancel(call_id)
            link.send()
            await asyncio.wait([reply.future], timeout=self.cancel_grace)
        except RpcError:
            pass  # the connection is just going; what counts is that the waiter was cancelled
        finally:
            if reply.future.done():
                reply.future.exception()
            else:
                reply.future.cancel()
                link.give_up(call_id)

    # -- connections

    async def open(self) -> None:
        """Connect, so that a missing server shows at once; the bind waits for the first call."""
        await self.pool.open()

    async def close(self) -> None:
        """Close all connections; calls in progress fail with `ConnectionLost`."""
        await self.pool.close()

    async def __aenter__(self) -> Channel:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


class Connector:
    """What `connect` gives: `async with` it, or await it and close the channel yourself."""

    __slots__ = ("_binding", "_channel", "_options")

    def __init__(self, binding: StringBinding, options: dict[str, Any]) -> None:
        self._binding = binding
        self._options = options
        self._channel: Channel | None = None

    async def _open(self) -> Channel:
        channel = Channel(self._binding, **self._options)
        await channel.open()
        return channel

    def __await__(self) -> Generator[Any, None, Channel]:
        return self._open().__await__()

    async def __aenter__(self) -> Channel:
        self._channel = await self._open()
        return self._channel

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._channel is not None:
            await self._channel.close()


def connect(
    binding: str | StringBinding,
    *,
    timeout: float | None = None,
    silence: float | None = None,
    connect_timeout: float | None = CONNECT_TIMEOUT,
    cancel_grace: float = CANCEL_GRACE,
    connections: int = CONNECTIONS,
    max_fragment: int | None = None,
    limits: Limits | None = None,
    transfers: Sequence[SyntaxId] = TRANSFERS,
    ndr64_pipes: bool = False,
    causal: bool = True,
    keep_alive: KeepAlive | None = KEEP_ALIVE,
    pipe_window: int = WINDOW,
    pipe_backlog: int = BACKLOG,
    resolver: Resolver | None = None,
) -> Connector:
    """Open a channel to the server that a string binding names.

        async with rpc.connect("ncacn_ip_tcp:host[port]") as channel: ...

    `timeout` bounds each call in seconds (with pipes: each wait for the peer), `connect_timeout` the way to a bound
    connection, `cancel_grace` how long a cancelled call waits for the server, `connections` how many there may be.
    `transfers` are the transfer syntaxes to propose, liked best first; the server picks one. `pipe_window` is how many
    octets may wait in a call's pipes before its connection is not read any further, `pipe_backlog` how many
    `push_nowait` may give a connection beyond what it takes.
    """
    return Connector(
        supported(binding),
        {
            "timeout": timeout,
            "silence": silence,
            "connect_timeout": connect_timeout,
            "cancel_grace": cancel_grace,
            "connections": connections,
            "max_fragment": max_fragment,
            "limits": limits,
            "transfers": transfers,
            "ndr64_pipes": ndr64_pipes,
            "causal": causal,
            "keep_alive": keep_alive,
            "pipe_window": pipe_window,
            "pipe_backlog": pipe_backlog,
            "resolver": resolver,
        },
    )
