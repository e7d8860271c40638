"""The connections of a channel: which call gets which one, and in which order those wait that get none.

A call that is not [async] has a connection to itself while it runs, as has any call with pipes, because the protocol
has no flow control below a connection. [async] calls without pipes share one where the server multiplexes. All
connections are of one association group, so the first one is bound before there is another.

[async] calls of one task leave in its order. On one connection that is the order in which they are dispatched. When a
call takes another connection than those before it, a round trip on that one makes sure that they have arrived: the bind
if it is new, else an alter_context that repeats what stands.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from itertools import count
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

from idlrt import transport
from idlrt.association import ClientConfig, Context
from idlrt.errors import BindRefused, ConnectionLost, RpcTimeout
from idlrt.ids import NDR20, NDR64, SyntaxId
from idlrt.rpc.binding import StringBinding
from idlrt.rpc.link import Link, Thread
from idlrt.rpc.reach import declared, explained, locate, spoken, unknown_endpoint
from idlrt.rpc.sentinel import Sentinel

if TYPE_CHECKING:
    from idlrt.rpc.interface import Interface, Operation
    from idlrt.transport.liveness import KeepAlive


class Resolver(Protocol):
    """Finds the endpoint of an interface that neither binding nor IDL names one for, by asking an endpoint mapper."""

    async def __call__(self, binding: StringBinding, interface: Interface, /) -> StringBinding: ...


ATTEMPTS: Final = 4
"""Connections that a call tries, where those that failed say nothing about the next one."""

Opener: TypeAlias = Callable[[Callable[[], Link]], Awaitable[Link]]


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
        self.turns = 0  # that others had had when this was last looked at


class Place:
    """The place of a call among those of its thread, until it leaves."""

    __slots__ = ("_pending", "_thread", "before", "left")

    def __init__(self, pending: dict[Thread, Place], thread: Thread, left: asyncio.Future[None]) -> None:
        self._pending = pending
        self._thread = thread
        self.before = pending.get(thread)
        self.left = left

    def leave(self) -> None:
        """The call leaves as soon as control returns to it, or never will; in the latter case others wait on."""
        if self.left.done():
            return
        if self.before is not None and not self.before.left.done():
            self.before.left.add_done_callback(lambda _: self.leave())
            return
        self.before = None
        self.left.set_result(None)
        if self._pending.get(self._thread) is self:
            del self._pending[self._thread]


class Pool:
    """Gives calls their connections; belongs to one channel and its event loop."""

    def __init__(
        self,
        binding: StringBinding,
        config: ClientConfig,
        *,
        most: int,
        connect_timeout: float | None,
        transfers: tuple[SyntaxId, ...],
        ndr64_pipes: bool,
        causal: bool,
        keep_alive: KeepAlive | None,
        resolver: Resolver | None,
        opener: Opener | None,
    ) -> None:
        self.config = config
        self.links: list[Link] = []
        self.idle: list[Link] = []
        """Those that no call has, the one used last at the end."""
        self._binding = binding
        self._most = most
        self._connect_timeout = connect_timeout
        self._transfers = transfers
        self._ndr64_pipes = ndr64_pipes
        self._causal = causal
        self._keep_alive = keep_alive
        self._resolver = resolver
        self._opener = opener
        self._loop = asyncio.get_running_loop()
        self._closed = False
        self._lost_altering = 0  # connections that ended, one after the other, when contexts were to be altered
        self._shared: Link | None = None  # that an [async] call went to last
        self._sharers: set[Link] = set()  # those that calls share now
        self._opening = 0
        self._founding = asyncio.Lock()  # by who makes the group; whoever comes meanwhile joins it
        self._where: transport.Transport | None = None  # that connections were opened by last
        self._sentinel: Sentinel | None = None
        self._numbers = count()
        self._turns = 0  # of calls that had to wait
        self._alone: deque[_Want] = deque()  # calls that want a connection to themselves
        self._sharing: deque[_Want] = deque()  # calls that would do with one that others have, too
        self._preparing: _Want | None = None  # one of those, while its connection is made ready for all of them
        self._pending: dict[Thread, Place] = {}  # the last [async] calls that have not left
        self._trail: dict[Thread, Link] = {}  # where the last [async] calls went that have connections to themselves

    # -- for calls

    def take(self, interface: Interface, operation: Operation, thread: Thread = 0) -> tuple[Link, Context] | None:
        """A connection for a call, if there is one that the call need not wait for; it is given back by its end.

        A call that does not come about gives it back by `released`. `thread` made the call, if it is an [async] one.
        """
        piped = bool(operation.pipes)
        if operation.is_async:
            if (piped or self._pending or self._trail) and self._causal and not self._free_to_go(thread, piped):
                return None
            if not piped:
                return None if self._alone else self._join(interface)
        idle = self.idle
        for index in range(len(idle) - 1, -1, -1):
            link = idle[index]
            context = link.contexts[piped].get(interface)
            if context is not None:
                del idle[index]
                link.claims, link.alone = 1, True
                if operation.is_async and self._causal:
                    self._leave_trail(link, thread)
                return link, context
        return None

    def _join(self, interface: Interface) -> tuple[Link, Context] | None:
        """The connection that calls share, if it has the interface bound."""
        link = self._shared
        if link is None or link.alone or link.retired or link.lost is not None:
            return None
        context = link.contexts[False].get(interface)
        if context is None or link.claims >= link.association.capacity:
            return None
        if not link.claims:
            self.idle.remove(link)
            self._sharers.add(link)
        link.claims += 1
        return link, context

    def line_up(self, operation: Operation, thread: Thread) -> Place | None:
        """A place among the [async] calls of a thread, for one that `take` had nothing for."""
        if not (operation.is_async and self._causal):
            return None
        place = self._pending[thread] = Place(self._pending, thread, self._loop.create_future())
        return place

    async def acquire(
        self, interface: Interface, operation: Operation, thread: Thread = 0, place: Place | None = None
    ) -> tuple[Link, Context]:
        """As `take`, but waits, and opens a connection or binds the interface where needed.

        Raises:
            ConnectError, BindRefused, ConnectionLost: it could not be had. RpcTimeout: not in time.
            LocalProtocolError: the interface was compiled without the transfer syntaxes of the channel.
        """
        place = place or self.line_up(operation, thread)
        try:
            spoken(interface, self._transfers)
            if place is None:
                return await self._connected(interface, operation)
            if place.before is not None:
                await asyncio.shield(place.before.left)
            link, context = await self._connected(interface, operation, thread)
            if link.alone:
                self._leave_trail(link, thread)
            return link, context
        finally:
            if place is not None:
                place.leave()

    def released(self, link: Link) -> None:
        """A call on the link is over, or did not come about."""
        if link.lost is None:
            link.claims -= 1
            if not link.claims:
                if not link.alone:
                    self._sharers.discard(link)
                link.alone = False
                if link.follows:
                    self._forget_trail(link)
                if link.retired:
                    self._loop.call_soon(link.close)
                else:
                    self.idle.append(link)
            if self._alone or self._sharing:
                self._serve()

    def changed(self, link: Link) -> None:
        """The link is lost, or takes no further calls."""
        if link in self.idle:
            self.idle.remove(link)
            if link.lost is None:
                self._loop.call_soon(link.close)
        if link.lost is not None:
            self._forget_trail(link)
            self._sharers.discard(link)
            if link in self.links:
                self.links.remove(link)
                self._serve()

    def doubted(self, link: Link) -> None:
        """A link that nobody reads cannot tell whether the server is there."""
        if self._where is not None and not self._closed:
            if self._sentinel is None:
                self._sentinel = Sentinel(self._where, self._doubt_all)
            self._sentinel.doubt()

    def _doubt_all(self) -> None:
        for link in self.links:
            link.read_rest()

    # -- the order of [async] calls

    def _free_to_go(self, thread: Thread, piped: bool) -> bool:
        """Whether nothing that the thread has called before may be dispatched later than what goes at once."""
        if thread in self._pending or thread in self._trail:
            return False
        return not piped or not any(link.unsettled for link in self._sharers)

    def _leave_trail(self, link: Link, thread: Thread) -> None:
        self._trail[thread] = link
        link.follows.append(thread)

    def _forget_trail(self, link: Link) -> None:
        for thread in link.follows:
            if self._trail.get(thread) is link:
                del self._trail[thread]
        link.follows.clear()

    # -- waiting

    async def _connected(self, interface: Interface, operation: Operation, *threads: Thread) -> tuple[Link, Context]:
        """A connection that has the interface bound, after what `threads` called before."""
        piped = bool(operation.pipes)
        shares = operation.is_async and not piped
        attempts = ATTEMPTS
        while True:
            if self._closed:
                raise ConnectionLost("the channel was closed")
            want = _Want(next(self._numbers), self._loop.create_future(), interface, piped, shares)
            (self._sharing if shares else self._alone).append(want)
            link = None
            try:
                link = await self._turn(want)
                if link is None or threads or interface not in link.contexts[piped]:
                    async with asyncio.timeout(self._connect_timeout):
                        if link is None:
                            link = await self._open(interface)
                            link.claims, link.alone = 1, True
                        await self._make_ready(link, want, threads)
                if link.lost is None and not link.retired:
                    return link, link.contexts[piped][interface]
                self.released(link)  # it was lost meanwhile
            except BaseException as error:
                if link is not None:
                    # What was asked is still to be answered, and other calls may be on the connection.
                    link.retired |= not isinstance(error, BindRefused) or link.bound is None
                    self.released(link)
                if isinstance(error, TimeoutError):
                    raise RpcTimeout(
                        f"no bound connection to {self._binding} within {self._connect_timeout:g} s",
                        help="is the server overloaded, or another kind of server?",
                    ) from None
                attempts -= 1
                if not attempts or link is None or not self._worth_another(link, error):
                    if isinstance(error, BindRefused):
                        raise explained(error) from None
                    raise
            finally:
                if self._preparing is want:
                    self._preparing = None
                self._serve()

    def _worth_another(self, link: Link, error: BaseException) -> bool:
        """Whether another connection may do where one has failed."""
        if isinstance(error, BindRefused):
            # The group that it was to join may have ended with its last connection meanwhile.
            return error.nak and link.group_id != 0
        if not isinstance(error, ConnectionLost) or link.bound is None:
            return False
        self._lost_altering += 1
        return True

    @property
    def _alters(self) -> bool:
        """Whether the server alters contexts; Wine's ends the connection instead."""
        return self._lost_altering < 2

    async def _make_ready(self, link: Link, want: _Want, threads: tuple[Thread, ...]) -> None:
        """Bind the interface if it is not, and let arrive what `threads` called before."""
        talks = link.talks
        others = [(other, other.association.last_call_id) for other in self._sharers if other is not link]
        if want.interface not in link.contexts[want.piped]:
            await self._bind(link, want)
        for thread in threads:
            late = thread in self._trail or any(other.unsettled for other, _ in others)
            if late and link.talks == talks and self._alters:
                await link.round_trip()
            for other, last in others:
                other.settled = last
            self._trail.pop(thread, None)

    async def _turn(self, want: _Want) -> Link | None:
        """Wait for a connection, claimed, or for the leave to open one, which counts as opening."""
        self._serve()
        if want.future.done():
            return want.future.result()
        timer = None
        if self._connect_timeout is not None:
            want.turns = self._turns
            timer = self._loop.call_later(self._connect_timeout, self._lose_patience, want, self._connect_timeout)
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
            self._loop.call_later(patience, self._lose_patience, want, patience)
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
            for queue in (self._alone, self._sharing):
                while queue and queue[0].future.done():
                    queue.popleft()  # it waits no longer
            for queue in sorted(filter(None, (self._alone, self._sharing)), key=lambda waiting: waiting[0].number):
                if self._offer(queue[0]):
                    queue.popleft()
                    served = True
                    break

    def _offer(self, want: _Want) -> bool:
        if want.shares and self._preparing is not None:
            return False
        link = self._pick(want)
        if link is None:
            if not self._may_open():
                return False
            self._opening += 1
        if want.shares and (link is None or want.interface not in link.contexts[want.piped]):
            self._preparing = want
        self._turns += 1
        want.future.set_result(link)
        return True

    def _pick(self, want: _Want) -> Link | None:
        """Claim a connection, if possible one that has the interface bound."""
        chosen = self._pick_shared(want) if want.shares else None
        if chosen is None:
            for link in reversed(self.idle):
                if want.interface in link.contexts[want.piped]:
                    chosen = link
                    break
                if chosen is None and (self._alters or link.bound is None):
                    chosen = link
            if chosen is None:
                return None
            self.idle.remove(chosen)
            chosen.alone = not (want.shares and chosen.bound is not None and chosen.bound.multiplexed)
        chosen.claims += 1
        if not chosen.alone:
            self._share(chosen)
        return chosen

    def _share(self, link: Link) -> None:
        if link.lost is None:
            self._shared = link
            self._sharers.add(link)

    def _pick_shared(self, want: _Want) -> Link | None:
        first = self._alone[0].number if self._alone else want.number
        if first < want.number and not self._opening and not any(link.alone for link in self.links):
            return None  # nothing but the end of the calls that share lets the one that waits have its own
        chosen: Link | None = None
        for link in self._sharers:
            if not link.retired and link.claims < link.association.capacity:
                if want.interface in link.contexts[want.piped]:
                    return link
                if chosen is None and self._alters:
                    chosen = link
        return chosen

    # -- opening

    def _may_open(self) -> bool:
        """Whether there may be another connection; the first one has to be bound before, which makes the group."""
        founded = any(link.bound is not None for link in self.links)
        if not founded and (self._opening or any(link.claims for link in self.links)):
            return False
        if len(self.links) + self._opening < self._most:
            return True
        if self._alters or not self.idle:
            return False
        other = self.idle.pop(0)  # which has another interface bound, and cannot have ours
        self.links.remove(other)
        other.close()
        return True

    async def _bind(self, link: Link, want: _Want) -> None:
        """Agree on an interface, in the transfer syntax that the call is to be made in."""
        interface = want.interface
        transfers = spoken(interface, self._transfers)
        find = link.association.context_for
        context = find(interface.syntax)
        if context is None:
            altered = link.bound is not None
            link.group_id = self._group_id
            if altered or link.group_id:
                await link.agree(interface.syntax, transfers)
            else:
                async with self._founding:
                    link.group_id = self._group_id
                    await link.agree(interface.syntax, transfers)
            context = find(interface.syntax)
            assert context is not None
            if altered:
                self._lost_altering = 0
        if want.piped and context.transfer == NDR64 and NDR20 in transfers and not self._ndr64_pipes:
            # As Windows does for calls with pipes.
            try:
                if find(interface.syntax, NDR20) is None:
                    await link.agree(interface.syntax, (NDR20,))
                context = find(interface.syntax, NDR20) or context
            except BindRefused:
                pass
        link.contexts[want.piped][interface] = context
        if want.shares and link.bound is not None and link.bound.multiplexed:
            link.alone = False
            self._share(link)

    @property
    def _group_id(self) -> int:
        """The association group of the channel's connections, 0 if there is none."""
        return next((link.bound.group_id for link in self.links if link.bound is not None), 0)

    async def _open(self, interface: Interface | None) -> Link:
        """A connection; whoever wants one has counted it as opening."""
        try:
            if self._opener is not None:
                link = await self._opener(self._make_link)
            else:
                self._where = await self._locate(interface)
                link = await self._where.open(self._make_link)
        finally:
            self._opening -= 1
        if self._closed:
            link.close()
            raise ConnectionLost("the channel was closed")
        self.links.append(link)
        return link

    def _make_link(self) -> Link:
        return Link(self.config, self, self._keep_alive)

    async def _locate(self, interface: Interface | None) -> transport.Transport:
        binding = self._binding if interface is None else declared(self._binding, interface)
        if not binding.endpoint and interface is not None:
            if self._resolver is None:
                raise unknown_endpoint(binding, interface)
            binding = await self._resolver(binding, interface)
        return locate(binding)

    async def open(self) -> None:
        """Connect, so that a missing server shows at once; the bind waits for the first call."""
        if self._opener is not None or self._binding.endpoint:
            try:
                async with asyncio.timeout(self._connect_timeout):
                    self._opening += 1
                    self.idle.append(await self._open(None))
            except TimeoutError:
                raise RpcTimeout(f"no connection to {self._binding} within {self._connect_timeout:g} s") from None

    async def close(self) -> None:
        """Close all connections; calls in progress fail with `ConnectionLost`."""
        self._closed = True
        if self._sentinel is not None:
            self._sentinel.leave()
        links = tuple(self.links)
        self.links.clear()
        self.idle.clear()
        for want in (*self._alone, *self._sharing):
            if not want.future.done():
                want.future.set_exception(ConnectionLost("the channel was closed"))
        for link in links:
            link.close()
        for link in links:
            await link.wait_closed()
