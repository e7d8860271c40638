"""The connections of a channel for threads, all of one association group, and which call gets which.

An ordinary call, and one with pipes, has a connection to itself while it runs; calls of [async] operations without
pipes share one where the server multiplexes. A call takes an idle connection or opens another; when there are as many
as allowed, it waits for one in turn.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from socket import socket
from typing import TYPE_CHECKING, Final

from idlrt.association import ClientConfig, Context
from idlrt.blocking.link import Link
from idlrt.errors import BindRefused, ConnectError, ConnectionLost, RpcTimeout
from idlrt.ids import NDR20, NDR64, SyntaxId
from idlrt.ndr import for_codecs
from idlrt.rpc.binding import StringBinding
from idlrt.rpc.reach import declared, explained, locate, spoken, unknown_endpoint

if TYPE_CHECKING:
    from idlrt.rpc.interface import Interface, Operation
    from idlrt.transport import Transport
    from idlrt.transport.liveness import KeepAlive

Resolver = Callable[[StringBinding, "Interface"], StringBinding]
"""Finds the endpoint of an interface that neither binding nor IDL names one for."""

Opener = Callable[[], socket]

ATTEMPTS: Final = 4
"""Connections that a call tries, where those that failed say nothing about the next one."""

PROBE: Final = 0.3
"""Seconds for which a connection is tried that is to show whether a server is there."""

FRESH: Final = 0.001
"""Seconds for which an idle connection is used again without a look whether the server has closed it meanwhile."""


class Pool:
    """Lends connections to calls; any number of threads may ask."""

    def __init__(
        self,
        binding: StringBinding,
        config: ClientConfig,
        *,
        connections: int,
        connect_timeout: float | None,
        transfers: tuple[SyntaxId, ...],
        ndr64_pipes: bool,
        keep_alive: KeepAlive | None,
        resolver: Resolver | None,
        opener: Opener | None,
    ) -> None:
        if connections < 1:
            raise ValueError("a channel needs at least one connection")
        self.links: set[Link] = set()
        self.idle: list[Link] = []
        """Those that no call has, the one used last at the end; taken from and added to without a lock."""
        self._binding = binding
        self._config = config
        self._decoding = for_codecs(config.limits)
        self._most = connections
        self._connect_timeout = connect_timeout
        self._transfers = transfers
        self._ndr64_pipes = ndr64_pipes
        self._keep_alive = keep_alive
        self._resolver = resolver
        self._opener = opener
        self._changed = threading.Condition()
        self._queue: deque[object] = deque()  # who waits for a connection
        self._shared: Link | None = None  # that calls of [async] operations go over
        self._opening = 0
        self._lost_altering = 0  # connections that ended, one after the other, when interfaces were to be added
        self._group_id = 0
        self._founder: object | None = None  # who opens and binds the group's first connection; the others have to wait
        self._where: Transport | None = None  # the server was found
        self._closed = False
        if opener is not None or binding.endpoint:
            # A missing server shows at once; the bind waits for the first call.
            link = self._open(None)
            self.links.add(link)
            self.idle.append(link)

    def at_once(self, interface: Interface) -> Link | None:
        """A connection for an ordinary call that was used a moment ago, if there is one; `give_back` ends the loan."""
        if self._queue:
            return None  # it is not our turn
        try:
            link = self.idle.pop()
        except IndexError:
            return None
        if interface in link.prepared and time.monotonic() - link.idle_since < FRESH:
            return link
        self._put(link)
        return None

    def acquire(self, interface: Interface, operation: Operation) -> tuple[Link, Context]:
        """A connection that has the interface bound for this kind of operation; give it back with `release`."""
        deadline = None if self._connect_timeout is None else time.monotonic() + self._connect_timeout
        piped = bool(operation.pipes)
        shares = operation.is_async and not piped
        attempts = ATTEMPTS
        ticket = object()
        while True:
            link = self._take(ticket, interface, piped, shares, deadline)
            if link is not None and link.shared:
                return link, link.contexts[False][interface]
            altered = link is not None and link.bound is not None
            group = 0
            try:
                link = link or self._open_another(interface)
                group = 0 if altered else self._group(ticket, deadline)
                # An idle connection may have been closed by the server meanwhile.
                if not link.alive():
                    self.release(link, broken=True)
                    continue
                context = link.contexts[piped].get(interface)
                if context is None:
                    context = self._bind(link, interface, piped, group, deadline)
                    if altered:
                        self._lost_altering = 0
                if shares and link.association.multiplexed:
                    with self._changed:
                        link.claims, link.shared, self._shared = 1, True, link
                return link, context
            except (ConnectionLost, BindRefused) as error:
                attempts -= 1
                if not attempts or self._closed or not self._worth_another(error, altered, group):
                    raise
            finally:
                self._founded(ticket)

    def _worth_another(self, error: ConnectionLost | BindRefused, altered: bool, group: int) -> bool:
        """Whether another connection may do where one has failed."""
        if isinstance(error, BindRefused):
            # The group that it was to join may have ended with its last connection meanwhile.
            if error.nak and self._group_id == group:
                self._group_id = 0
            return error.nak and group != 0
        self._lost_altering += altered
        return altered

    @property
    def _alters(self) -> bool:
        """Whether the server lets interfaces be added to a connection; Wine's ends it instead."""
        return self._lost_altering < 2

    def _group(self, ticket: object, deadline: float | None) -> int:
        """The group to join; 0 for who is to found it, which one call does at a time."""
        with self._changed:
            while not self._group_id and self._founder not in (None, ticket):
                left = None if deadline is None else deadline - time.monotonic()
                if left is not None and left <= 0:
                    break
                self._changed.wait(left)
            if not self._group_id:
                self._founder = ticket
            return self._group_id

    def _founded(self, ticket: object) -> None:
        if self._founder is ticket:
            with self._changed:
                self._founder = None
                self._changed.notify_all()

    def _join(self, interface: Interface) -> Link | None:
        """The connection that calls share, if it can take another one, and has the interface bound."""
        link = self._shared
        if link is None or link.retired or link.lost is not None or not link.association.usable:
            return None
        if interface not in link.contexts[False]:
            return None
        if link.claims + link.association.given_up >= self._config.limits.max_calls:
            return None
        link.claims += 1
        return link

    def _bind(self, link: Link, interface: Interface, piped: bool, group: int, deadline: float | None) -> Context:
        find = link.association.context_for

        def agree(transfers: tuple[SyntaxId, ...]) -> None:
            left = None if deadline is None else max(0.001, deadline - time.monotonic())
            link.agree(interface.syntax, transfers, group, left)

        try:
            transfers = spoken(interface, self._transfers)
            if find(interface.syntax) is None:
                agree(transfers)
            context = find(interface.syntax)
            assert context is not None
            if piped and context.transfer == NDR64 and NDR20 in transfers and not self._ndr64_pipes:
                # As Windows does for calls with pipes.
                try:
                    if find(interface.syntax, NDR20) is None:
                        agree((NDR20,))
                    context = find(interface.syntax, NDR20) or context
                except BindRefused:
                    pass
        except BaseException as error:
            self.release(link, broken=link.bound is None or not isinstance(error, BindRefused))
            if isinstance(error, BindRefused):
                raise explained(error) from None
            if isinstance(error, RpcTimeout):
                message = f"{self._binding} did not answer the bind within {self._connect_timeout:g} s"
                raise RpcTimeout(message) from None
            raise
        assert link.bound is not None
        self._group_id = link.bound.group_id
        link.contexts[piped][interface] = context
        if not piped:
            link.prepared[interface] = context.context_id, interface.codecs(context.transfer, "<", self._decoding)
        return context

    def _take(
        self, ticket: object, interface: Interface, piped: bool, shares: bool, deadline: float | None
    ) -> Link | None:
        """An idle or a shared connection, or None when one may be opened, which is then counted already."""
        dropped: list[Link] = []
        with self._changed:
            self._queue.append(ticket)  # from now on whoever gives one back tells us
            try:
                while True:
                    if self._closed:
                        raise ConnectionLost("the channel was closed")
                    link = self._join(interface) if shares and not self._yields_to(self._queue[0], ticket) else None
                    if link is not None:
                        return link
                    if self._queue[0] is ticket and self._founder is None:
                        link = self._pick(interface, piped, dropped)
                        if link is not None or len(self.links) + self._opening < self._most:
                            self._founder = None if self._group_id else ticket
                            self._opening += link is None
                            return link
                    left = None if deadline is None else deadline - time.monotonic()
                    if left is not None and left <= 0:
                        raise RpcTimeout(
                            f"all {self._most} connections of the channel are busy",
                            help="allow more with connections=, or complete calls that were begun",
                        )
                    self._changed.wait(left)
            finally:
                self._queue.remove(ticket)
                if self._queue:
                    self._changed.notify_all()
                for link in dropped:
                    link.dispose()

    def _yields_to(self, first: object, ticket: object) -> bool:
        """Whether nothing but the end of the calls that share lets the one that has waited longest have its own."""
        return first is not ticket and not self._opening and all(link.shared for link in self.links)

    def _pick(self, interface: Interface, piped: bool, dropped: list[Link]) -> Link | None:
        """Take an idle connection, if possible one that has the interface bound; or drop one to make room."""
        other: Link | None = None
        for link in reversed(tuple(self.idle)):
            if interface in link.contexts[piped]:
                if self._claim(link):
                    return link
            elif other is None and (self._alters or link.bound is None):
                other = link
        if other is not None and self._claim(other):
            return other
        if not self._alters and len(self.links) + self._opening >= self._most:
            for link in tuple(self.idle):  # it has another interface, and cannot have ours
                if self._claim(link):
                    self.links.discard(link)
                    dropped.append(link)
                    break
        return None

    def _claim(self, link: Link) -> bool:
        """Take this one, unless another thread has it meanwhile."""
        try:
            self.idle.remove(link)
        except ValueError:
            return False
        return True

    def _open_another(self, interface: Interface) -> Link:
        try:
            link = self._open(interface)
        finally:
            with self._changed:
                self._opening -= 1
                self._changed.notify_all()  # there may be none
        with self._changed:
            closed = self._closed
            if not closed:
                if not self.links:
                    self._group_id = 0  # a group is gone with its last connection
                self.links.add(link)
        if closed:
            link.dispose()
            raise ConnectionLost("the channel was closed")
        return link

    def _open(self, interface: Interface | None) -> Link:
        if self._opener is not None:
            return self._link(self._opener())
        binding = self._binding if interface is None else declared(self._binding, interface)
        if not binding.endpoint and interface is not None:
            if self._resolver is None:
                raise unknown_endpoint(binding, interface)
            binding = self._resolver(binding, interface)
        self._where = locate(binding)
        return self._link(self._where.socket(self._connect_timeout))

    def _link(self, connected: socket) -> Link:
        if self._keep_alive is not None:
            self._keep_alive.apply(connected)
        return Link(connected, self._config, self._there)

    def _there(self) -> bool:
        """Whether a server takes connections where ours go, as far as can be told soon."""
        try:
            if self._where is not None:
                self._where.socket(PROBE).close()
        except RpcTimeout:
            return True  # which says nothing
        except ConnectError:
            return False
        return True

    def release(self, link: Link, *, broken: bool = False) -> None:
        """Give a connection back; a broken one is closed, when nobody shares it any more."""
        link.retired = link.retired or broken
        if link.shared:
            with self._changed:
                link.claims -= 1
                if link.claims:
                    self._changed.notify_all()  # it may have been full
                    return
                link.shared = False
                if self._shared is link:
                    self._shared = None
        usable = link.bound is None or link.association.usable
        if link.retired or self._closed or link.lost is not None or not usable:
            with self._changed:
                self.links.discard(link)
                if not self.links:
                    self._group_id = 0
                self._changed.notify_all()
            link.dispose()
        else:
            self.give_back(link)

    def give_back(self, link: Link) -> None:
        """A connection is as good as it was before."""
        link.idle_since = time.monotonic()
        self._put(link)
        if self._closed and self._claim(link):
            link.dispose()

    def _put(self, link: Link) -> None:
        self.idle.append(link)
        if self._queue:
            with self._changed:
                self._changed.notify_all()

    def close(self) -> None:
        """Close all connections; calls in progress fail with `ConnectionLost`."""
        with self._changed:
            self._closed = True
            links, self.links = self.links, set()
            self._changed.notify_all()
        for link in links:
            if self._claim(link):
                link.dispose()
            else:
                link.break_off()
