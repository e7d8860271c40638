"""A channel: the way to one server, over as many connections of one association group as the calls need.

Ordinary calls share a connection when the server multiplexes, and otherwise take turns on several. A call with pipes
has a connection to itself, because the protocol has no flow control below a connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol
from uuid import UUID

from idlrt import transport
from idlrt.association import ClientConfig, Context, Limits, Stub
from idlrt.errors import BindRefused, ConnectionLost, LocalProtocolError, RpcTimeout
from idlrt.ids import SyntaxId
from idlrt.ndr import for_codecs
from idlrt.rpc.binding import StringBinding
from idlrt.rpc.codecs import decode_response, encode_request
from idlrt.rpc.exchange import Exchange
from idlrt.rpc.link import Link
from idlrt.rpc.reach import (
    CANCEL_GRACE,
    CONNECT_TIMEOUT,
    TRANSFERS,
    declared,
    explained,
    known,
    locate,
    spoken,
    supported,
    unknown_endpoint,
)

if TYPE_CHECKING:
    from idlrt.rpc.callbacks import CallbackService
    from idlrt.rpc.interface import Interface, Operation

CONNECTIONS = 8


class Resolver(Protocol):
    """Finds the endpoint of an interface that neither binding nor IDL names one for, by asking an endpoint mapper."""

    async def __call__(self, binding: StringBinding, interface: Interface, /) -> StringBinding: ...


Opener = Callable[[Callable[[], Link]], Awaitable[Link]]


class _Reply:
    """The receiver of an ordinary call."""

    __slots__ = ("callbacks", "future")

    def __init__(self, future: asyncio.Future[Stub], callbacks: CallbackService | None) -> None:
        self.future = future
        self.callbacks = callbacks

    def stub(self, event: Stub) -> bool:
        if not self.future.done():
            self.future.set_result(event)
        return True

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
        connect_timeout: float | None = CONNECT_TIMEOUT,
        cancel_grace: float = CANCEL_GRACE,
        connections: int = CONNECTIONS,
        max_fragment: int | None = None,
        limits: Limits | None = None,
        transfers: Sequence[SyntaxId] = TRANSFERS,
        resolver: Resolver | None = None,
        opener: Opener | None = None,
    ) -> None:
        if connections < 1:
            raise ValueError("a channel needs at least one connection")
        self.binding = binding
        self.object: UUID | None = binding.object
        self.timeout = timeout
        self.connect_timeout = connect_timeout
        self.cancel_grace = cancel_grace
        self.limits = limits or Limits()
        self.decoding = for_codecs(self.limits)
        self.transfers = known(transfers)
        self.loop = asyncio.get_running_loop()
        self._config = (
            ClientConfig(limits=self.limits)
            if max_fragment is None
            else ClientConfig(max_fragment=max_fragment, limits=self.limits)
        )
        self._most = connections
        self._resolver = resolver
        self._opener = opener
        self._links: list[Link] = []
        self._changing = asyncio.Lock()  # one connection is opened or altered at a time
        self._waiters: list[asyncio.Future[None]] = []
        self._closed = False

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
        found = self._find(interface, False)
        link, context = found if found is not None else await self.acquire(interface, exclusive=False)
        codec = interface.codecs(context.transfer, "<", self.decoding)[operation.opnum]
        stub = encode_request(codec, operation, inputs)
        association = link.association
        call_id = association.start_call(context.context_id, operation.opnum, object=object, maybe=operation.maybe)
        if operation.maybe:
            association.send_stub(call_id, stub)
            link.send()
            self.released(link)
            return None
        reply = _Reply(loop.create_future(), callbacks)
        link.register(call_id, reply)
        association.send_stub(call_id, stub)
        link.send()
        timer = None if timeout is None else loop.call_later(timeout, self._expire, link, call_id, reply, timeout)
        try:
            event = await reply.future
        except asyncio.CancelledError:
            await self._withdraw(link, call_id, reply)
            raise
        finally:
            if timer is not None:
                timer.cancel()
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

    def _expire(self, link: Link, call_id: int, reply: _Reply, timeout: float) -> None:
        if not reply.future.done():
            reply.fail(RpcTimeout(f"the server did not answer within {timeout:g} s"))
            link.give_up(call_id)

    async def _withdraw(self, link: Link, call_id: int, reply: _Reply) -> None:
        """The waiter was cancelled: tell the server, give it the grace period, and then give up."""
        if link.lost is not None:
            return
        reply.future = self.loop.create_future()
        try:
            link.association.cancel(call_id)
            link.send()
            await asyncio.wait([reply.future], timeout=self.cancel_grace)
        except LocalProtocolError:
            return  # the answer was there already
        finally:
            if not reply.future.done():
                link.give_up(call_id)
                reply.future.cancel()
            elif not reply.future.cancelled():
                reply.future.exception()

    # -- connections

    def _find(self, interface: Interface, exclusive: bool) -> tuple[Link, Context] | None:
        """A connection that can take a call now."""
        for link in self._links:
            if not link.reserved and link.lost is None and not link.retired and link.association.usable:
                context = link.association.context_for(interface.syntax)
                if context is not None and not (exclusive and link.association.calls):
                    if exclusive:
                        link.reserved = True
                    return link, context
        return None

    async def acquire(self, interface: Interface, *, exclusive: bool) -> tuple[Link, Context]:
        """A connection that has the interface bound, opened if need be; `exclusive` ones go back by `release`."""
        while True:
            async with self._changing:
                if self._closed:
                    raise ConnectionLost("the channel was closed")
                found = self._find(interface, exclusive)
                if found is not None:
                    return found
                link = self._candidate(interface, exclusive)
                if link is not None or len(self._links) < self._most:
                    await self._make_ready(link, interface)
                    continue
                waiter = self.loop.create_future()
                self._waiters.append(waiter)
            await waiter

    def _candidate(self, interface: Interface, exclusive: bool) -> Link | None:
        """A connection that could take the call if the interface were bound on it."""
        for link in self._links:
            if link.reserved or link.lost is not None or link.retired:
                continue
            if link.bound is None or (
                link.association.usable
                and not (exclusive and link.association.calls)
                and link.association.context_for(interface.syntax) is None
            ):
                return link
        return None

    async def _make_ready(self, link: Link | None, interface: Interface) -> None:
        transfers = spoken(interface, self.transfers)
        try:
            async with asyncio.timeout(self.connect_timeout):
                await self._agree(link or await self._open(interface), interface, transfers)
        except TimeoutError:
            raise RpcTimeout(
                f"no bound connection to {self.binding} within {self.connect_timeout:g} s",
                help="is the server overloaded, or another kind of server?",
            ) from None

    async def _agree(self, link: Link, interface: Interface, transfers: tuple[SyntaxId, ...]) -> None:
        if not link.association.usable or not (link.bound is not None and link.bound.multiplexed):
            link.reserved = True  # nobody else may start a call meanwhile
        group = next((other.bound.group_id for other in self._links if other.bound is not None), 0)
        try:
            await link.agree(interface.syntax, transfers, group)
        except BindRefused as error:
            if link.bound is None:
                link.close()
            raise explained(error) from None
        except asyncio.CancelledError:
            link.retire()  # its answer is still to come, and other calls may be on it
            raise
        finally:
            link.reserved = False

    async def _open(self, interface: Interface | None) -> Link:
        if self._opener is not None:
            link = await self._opener(self._make_link)
        else:
            link = await (await self._where(interface)).open(self._make_link)
        if self._closed:
            link.close()
            raise ConnectionLost("the channel was closed")
        self._links.append(link)
        return link

    def _make_link(self) -> Link:
        return Link(self._config, self.released)

    async def _where(self, interface: Interface | None) -> transport.Transport:
        binding = self.binding if interface is None else declared(self.binding, interface)
        if not binding.endpoint and interface is not None:
            if self._resolver is None:
                raise unknown_endpoint(binding, interface)
            binding = await self._resolver(binding, interface)
        return locate(binding)

    async def open(self) -> None:
        """Connect, so that a missing server shows at once; the bind waits for the first call."""
        if self._opener is not None or self.binding.endpoint:
            try:
                async with asyncio.timeout(self.connect_timeout):
                    await self._open(None)
            except TimeoutError:
                raise RpcTimeout(f"no connection to {self.binding} within {self.connect_timeout:g} s") from None

    def released(self, link: Link) -> None:
        """A call on the link ended, or the link did."""
        if link.lost is not None and link in self._links:
            self._links.remove(link)
        if not link.association.calls:
            link.reserved = False
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    def release(self, link: Link) -> None:
        """Nothing came of the call that the link was acquired for."""
        self.released(link)

    async def close(self) -> None:
        """Close all connections; calls in progress fail with `ConnectionLost`."""
        self._closed = True
        links, self._links = self._links, []
        for link in links:
            link.close()
        for link in links:
            await link.wait_closed()

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
    connect_timeout: float | None = CONNECT_TIMEOUT,
    cancel_grace: float = CANCEL_GRACE,
    connections: int = CONNECTIONS,
    max_fragment: int | None = None,
    limits: Limits | None = None,
    transfers: Sequence[SyntaxId] = TRANSFERS,
    resolver: Resolver | None = None,
) -> Connector:
    """Open a channel to the server that a string binding names.

        async with rpc.connect("ncacn_ip_tcp:host[port]") as channel: ...

    `timeout` bounds each call in seconds (with pipes: each wait for the peer), `connect_timeout` the way to a bound
    connection, `cancel_grace` how long a cancelled call waits for the server, `connections` how many there may be.
    `transfers` are the transfer syntaxes to propose, liked best first; the server picks one.
    """
    return Connector(
        supported(binding),
        {
            "timeout": timeout,
            "connect_timeout": connect_timeout,
            "cancel_grace": cancel_grace,
            "connections": connections,
            "max_fragment": max_fragment,
            "limits": limits,
            "transfers": transfers,
            "resolver": resolver,
        },
    )
