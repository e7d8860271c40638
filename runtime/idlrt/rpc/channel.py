"""A channel: the way to one server, over as many connections of one association group as the calls need.

An ordinary call has a connection to itself while it runs, as has a call with pipes, because the protocol has no flow
control below a connection. Calls of [async] operations without pipes share one where the server multiplexes. Who finds
no connection, and may open none, waits in turn.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Generator, Sequence
from itertools import count
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Protocol
from uuid import UUID

from idlrt import transport
from idlrt.association import ClientConfig, Context, Limits, Stub
from idlrt.errors import BindRefused, ConnectionLost, LocalProtocolError, RpcTimeout
from idlrt.ids import NDR20, NDR64, SyntaxId
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
from idlrt.transport.liveness import KEEP_ALIVE, KeepAlive

if TYPE_CHECKING:
    from idlrt.rpc.callbacks import CallbackService
    from idlrt.rpc.interface import Interface, Operation

CONNECTIONS: Final = 32
"""Connections of a channel, unless the caller says otherwise."""


class Resolver(Protocol):
    """Finds the endpoint of an interface that neither binding nor IDL names one for, by asking an endpoint mapper."""

    async def __call__(self, binding: StringBinding, interface: Interface, /) -> StringBinding: ...


Opener = Callable[[Callable[[], Link]], Awaitable[Link]]


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

    def fail(self, error: Exception) -> None:
        if not self.future.done():
            self.future.set_exception(error)

    def settle(self) -> None: ...

    def flush(self) -> None: ...

    def wake(self) -> None: ...


class _Want:
    """A call that waits for a connection."""

    __slots__ = ("future", "interface", "number", "piped", "shares", "turns")

    def __init__(
        self, number: int, future: asyncio.Future[Link | None], interface: Interface, piped: bool, shares: bool
    ) -> None:
        self.number = number
        self.future = future
        """The connection, claimed, or None for one that is to be opened."""
        self.interface = interface
        self.piped = piped
        self.shares = shares
        self.turns = 0  # that others had when it was last looked at


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
        ndr64_pipes: bool = False,
        causal: bool = True,
        keep_alive: KeepAlive | None = KEEP_ALIVE,
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
        self._ndr64_pipes = ndr64_pipes
        self._causal = causal
        self._keep_alive = keep_alive
        self._resolver = resolver
        self._opener = opener
        self._links: list[Link] = []
        self._idle: list[Link] = []  # those that no call has, the one used last at the end
        self._shared: Link | None = None  # that an [async] call went to last
        self._opening = 0
        self._alters = True  # the server has not ended a connection because of an alter_context
        self._numbers = count()
        self._apart: deque[_Want] = deque()  # calls that want a connection to themselves
        self._asyncs: deque[_Want] = deque()  # calls of [async] operations, which are made in order
        self._ordered = 0  # calls that later [async] ones may not overtake
        self._preparing: _Want | None = None  # the first of `_asyncs`, while its connection is made ready
        self._turns = 0  # of calls that had to wait
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
        found = self.take(interface, operation)
        link, context = found if found is not None else await self.acquire(interface, operation)
        association = link.association
        try:
            codec = interface.codecs(context.transfer, "<", self.decoding)[operation.opnum]
            stub = encode_request(codec, operation, inputs)
            if object is None and not operation.maybe:
                call_id = association.request(context.context_id, operation.opnum, stub)
            else:
                call_id = association.start_call(
                    context.context_id, operation.opnum, object=object, maybe=operation.maybe
                )
                association.send_stub(call_id, stub)
        except BaseException:
            self.released(link)
            raise
        if operation.maybe:
            link.send()
            self.released(link)
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

    def take(self, interface: Interface, operation: Operation) -> tuple[Link, Context] | None:
        """A connection for a call, if there is one that the call need not wait for; it is given back by its end.

        A call that does not come about gives it back by `released`.
        """
        piped = bool(operation.pipes)
        if operation.is_async:
            if self._ordered:
                return None
            if not piped:
                return None if self._apart else self._join(interface)
        for link in reversed(self._idle):
            context = link.contexts[piped].get(interface)
            if context is not None:
                self._idle.remove(link)
                link.claims, link.alone = 1, True
                return link, context
        return None

    def _join(self, interface: Interface) -> tuple[Link, Context] | None:
        """The connection that calls share, if it has the interface bound."""
        link = self._shared
        if link is None or link.alone or link.retired or link.lost is not None or not link.association.usable:
            return None
        context = link.contexts[False].get(interface)
        if context is None:
            return None
        if not link.claims:
            self._idle.remove(link)
        link.claims += 1
        return link, context

    async def acquire(self, interface: Interface, operation: Operation) -> tuple[Link, Context]:
        """As `take`, but waits, and opens a connection or binds the interface where needed."""
        found = self.take(interface, operation)
        if found is not None:
            return found
        spoken(interface, self.transfers)
        piped = bool(operation.pipes)
        in_order = operation.is_async and self._causal
        shares = operation.is_async and not piped
        queue = self._asyncs if in_order or shares else self._apart
        self._ordered += in_order
        try:
            while True:
                if self._closed:
                    raise ConnectionLost("the channel was closed")
                want = _Want(next(self._numbers), self.loop.create_future(), interface, piped, shares)
                queue.append(want)
                link = await self._turn(want)
                if link is not None and link.lost is not None:
                    continue  # meanwhile
                altered = link is not None and link.bound is not None
                try:
                    return await self._ready(link, want)
                except ConnectionLost:
                    # Wine's server ends the connection.
                    if not altered or not self._alters or self._closed:
                        raise
                    self._alters = False
                finally:
                    if self._preparing is want:
                        self._preparing = None
        finally:
            self._ordered -= in_order
            self._serve()

    async def _turn(self, want: _Want) -> Link | None:
        """Wait for a connection, or for the leave to open one."""
        self._serve()
        if want.future.done():
            return want.future.result()
        timer = None
        if self.connect_timeout is not None:
            want.turns = self._turns
            timer = self.loop.call_later(self.connect_timeout, self._lose_patience, want, self.connect_timeout)
        try:
            return await want.future
        except asyncio.CancelledError:
            if not want.future.cancelled():  # it came at the same time
                link = want.future.result()
                if link is None:
                    self._opening -= 1
                else:
                    self.released(link)
            raise
        finally:
            if timer is not None:
                timer.cancel()

    def _lose_patience(self, want: _Want, patience: float) -> None:
        """A call has waited long; that is in order as long as others before it have their turn."""
        if want.future.done():
            return
        if want.turns != self._turns:
            want.turns = self._turns
            self.loop.call_later(patience, self._lose_patience, want, patience)
        else:
            want.future.set_exception(
                RpcTimeout(
                    f"all {self._most} connections of the channel are busy, none has become free for {patience:g} s",
                    help="allow more with connections=, or complete calls that were begun",
                )
            )

    def _serve(self) -> None:
        """Give those who wait what there is, in their order."""
        served = True
        while served:
            served = False
            for queue in (self._apart, self._asyncs):
                while queue and queue[0].future.done():
                    queue.popleft()  # it waits no longer
            for queue in sorted(filter(None, (self._apart, self._asyncs)), key=lambda waiting: waiting[0].number):
                if self._offer(queue[0], queue is self._asyncs):
                    queue.popleft()
                    served = True
                    break

    def _offer(self, want: _Want, in_order: bool) -> bool:
        if in_order and self._preparing is not None:
            return False
        link = self._pick(want)
        if link is None:
            if not self._may_open():
                return False
            self._opening += 1
        if in_order and (link is None or want.interface not in link.contexts[want.piped]):
            self._preparing = want
        self._turns += 1
        want.future.set_result(link)
        return True

    def _pick(self, want: _Want) -> Link | None:
        """Claim a connection, if possible one that has the interface bound."""
        interface, piped = want.interface, want.piped
        chosen: Link | None = None
        if want.shares and not (self._apart and self._apart[0].number < want.number and self._all_shared()):
            for link in self._links:
                if link.claims and not link.alone and not link.retired and link.association.usable:
                    if interface in link.contexts[piped]:
                        chosen = link
                        break
                    if chosen is None and self._alters:
                        chosen = link
        if chosen is None:
            for link in reversed(self._idle):
                if interface in link.contexts[piped]:
                    chosen = link
                    break
                if chosen is None and (self._alters or link.bound is None):
                    chosen = link
            if chosen is None:
                return None
            self._idle.remove(chosen)
            chosen.alone = not (want.shares and chosen.bound is not None and chosen.bound.multiplexed)
        chosen.claims += 1
        if not chosen.alone:
            self._shared = chosen
        return chosen

    def _all_shared(self) -> bool:
        """Nothing but the end of calls that share their connections lets a call have one to itself."""
        return not self._opening and not any(link.alone for link in self._links)

    def _may_open(self) -> bool:
        """Whether there may be another connection; the first one has to be bound before, which makes the group."""
        founded = any(link.bound is not None for link in self._links)
        if not founded and (self._opening or any(link.claims for link in self._links)):
            return False
        if len(self._links) + self._opening < self._most:
            return True
        if self._alters or not self._idle:
            return False
        other = self._idle.pop(0)  # which has another interface bound, and cannot have ours
        self._links.remove(other)
        other.close()
        return True

    async def _ready(self, link: Link | None, want: _Want) -> tuple[Link, Context]:
        """Open the connection, if need be, and bind the interface."""
        interface, piped = want.interface, want.piped
        if link is not None and interface in link.contexts[piped]:
            return link, link.contexts[piped][interface]
        try:
            async with asyncio.timeout(self.connect_timeout):
                if link is None:
                    try:
                        link = await self._open(interface)
                    finally:
                        self._opening -= 1
                    link.claims, link.alone = 1, True
                return link, await self._bind(link, want)
        except TimeoutError:
            raise RpcTimeout(
                f"no bound connection to {self.binding} within {self.connect_timeout:g} s",
                help="is the server overloaded, or another kind of server?",
            ) from None

    async def _bind(self, link: Link, want: _Want) -> Context:
        """The context of an interface, in the transfer syntax that the call is to be made in."""
        interface = want.interface
        find = link.association.context_for
        try:
            transfers = spoken(interface, self.transfers)
            if find(interface.syntax) is None:
                group = next((other.bound.group_id for other in self._links if other.bound is not None), 0)
                await link.agree(interface.syntax, transfers, group)
            context = find(interface.syntax)
            assert context is not None
            if want.piped and context.transfer == NDR64 and NDR20 in transfers and not self._ndr64_pipes:
                # As Windows does for calls with pipes.
                try:
                    if find(interface.syntax, NDR20) is None:
                        await link.agree(interface.syntax, (NDR20,), 0)
                    context = find(interface.syntax, NDR20) or context
                except BindRefused:
                    pass
        except BaseException as error:
            if isinstance(error, asyncio.CancelledError):
                link.retired = True  # its answer is still to come, and other calls may be on it
            elif link.bound is None and isinstance(error, BindRefused):
                link.retired = True
            self.released(link)
            if isinstance(error, BindRefused):
                raise explained(error) from None
            raise
        link.contexts[want.piped][interface] = context
        if want.shares and link.bound is not None and link.bound.multiplexed:
            link.alone = False
            self._shared = link
        return context

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
        return Link(self._config, self, self._keep_alive)

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
                    self._idle.append(await self._open(None))
            except TimeoutError:
                raise RpcTimeout(f"no connection to {self.binding} within {self.connect_timeout:g} s") from None

    def released(self, link: Link) -> None:
        """A call on the link is over, or did not come about."""
        if link.lost is None:
            link.claims -= 1
            if not link.claims:
                link.alone = False
                if link.retired:
                    self.loop.call_soon(link.close)
                else:
                    self._idle.append(link)
            if self._apart or self._asyncs:
                self._serve()

    def changed(self, link: Link) -> None:
        """The link is lost, or takes no further calls."""
        if link in self._idle:
            self._idle.remove(link)
            if link.lost is None:
                self.loop.call_soon(link.close)
        if link.lost is not None and link in self._links:
            self._links.remove(link)
            self._serve()

    async def close(self) -> None:
        """Close all connections; calls in progress fail with `ConnectionLost`."""
        self._closed = True
        links, self._links = self._links, []
        self._idle.clear()
        for want in (*self._apart, *self._asyncs):
            if not want.future.done():
                want.future.set_exception(ConnectionLost("the channel was closed"))
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
    ndr64_pipes: bool = False,
    causal: bool = True,
    keep_alive: KeepAlive | None = KEEP_ALIVE,
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
            "ndr64_pipes": ndr64_pipes,
            "causal": causal,
            "keep_alive": keep_alive,
            "resolver": resolver,
        },
    )
