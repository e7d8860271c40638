"""A channel for threads: connections of one association group.

Any number of threads may share a channel. An ordinary call, and one with pipes, has a connection to itself while it
runs; calls of [async] operations without pipes share one where the server multiplexes. A call takes an idle connection
or opens another; when there are as many as allowed, it waits for one in turn.
"""

from __future__ import annotations

import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Sequence
from socket import socket
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from idlrt.association import ClientConfig, Context, Limits
from idlrt.blocking.exchange import Exchange
from idlrt.blocking.link import Link
from idlrt.blocking.watcher import Watcher
from idlrt.errors import BindRefused, CallCancelled, ConnectError, ConnectionLost, RpcTimeout
from idlrt.ids import NDR20, NDR64, SyntaxId
from idlrt.ndr import for_codecs
from idlrt.pipes.flow import BACKLOG, WINDOW
from idlrt.rpc.binding import StringBinding
from idlrt.rpc.codecs import decode_response, encode_request
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
    from idlrt.transport import Transport

CONNECTIONS: Final = 32
"""Connections of a channel, unless the caller says otherwise."""

_ATTEMPTS: Final = 4
"""Connections that a call tries, where those that failed say nothing about the next one."""

_PROBE: Final = 0.3
"""Seconds for which a connection is tried that is to show whether a server is there."""

_FRESH: Final = 0.001
"""Seconds for which an idle connection is used again without a look whether the server has closed it meanwhile."""

Resolver = Callable[[StringBinding, "Interface"], StringBinding]
"""Finds the endpoint of an interface that neither binding nor IDL names one for."""

Opener = Callable[[], socket]


class Channel:
    """Made by `connect`. It is open until `close`, or as long as a `with` block lasts."""

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
        silence: float | None = None,
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
        self._config = (
            ClientConfig(limits=self.limits)
            if max_fragment is None
            else ClientConfig(max_fragment=max_fragment, limits=self.limits)
        )
        self.pipe_window = pipe_window
        self.pipe_backlog = pipe_backlog
        self.watcher = Watcher()
        self._most = connections
        self._ndr64_pipes = ndr64_pipes
        self._keep_alive = keep_alive
        self._resolver = resolver
        self._opener = opener
        self._changed = threading.Condition()
        self._queue: deque[object] = deque()  # who waits for a connection
        self._shared: Link | None = None  # that calls of [async] operations go over
        self._idle: list[Link] = []  # the one used last at the end; taken from and added to without a lock
        self._links: set[Link] = set()
        self._opening = 0
        self._lost_altering = 0  # connections that ended, one after the other, when interfaces were to be added
        self._group_id = 0
        self._founding = False  # the first connection of the group is opened and bound; the others have to wait
        self._where: Transport | None = None  # the server was found
        self._closed = False
        weakref.finalize(self, self.watcher.stop)
        if opener is not None or binding.endpoint:
            # A missing server shows at once; the bind waits for the first call.
            link = self._open(None)
            self._links.add(link)
            self._idle.append(link)

    # -- calls

    def call(
        self,
        interface: Interface,
        operation: Operation,
        inputs: tuple[Any, ...],
        object: UUID | None,
        timeout: float | None,
        callbacks: CallbackService | None = None,
    ) -> Any:
        """An ordinary call, from parameters to result."""
        link = None
        if not self._queue:  # else it is not our turn
            try:
                link = self._idle.pop()
            except IndexError:
                pass
        if link is not None:
            prepared = link.prepared.get(interface)
            usual = prepared is not None and time.monotonic() - link.idle_since < _FRESH
            if prepared is None or not usual or object is not None or operation.maybe:
                self._idle.append(link)
            else:
                context_id, codecs = prepared
                codec = codecs[operation.opnum]
                try:
                    stub = encode_request(codec, operation, inputs)
                except BaseException:
                    self._give_back(link)
                    raise
                try:
                    answer = link.ask(context_id, operation.opnum, stub, timeout)
                except BaseException as error:
                    given_up = error if isinstance(error, Exception) else CallCancelled()
                    self._asked(link, interface, operation, inputs, timeout, callbacks).abandon(given_up)
                    raise
                if answer is None:
                    return self._asked(link, interface, operation, inputs, timeout, callbacks).complete()
                self._give_back(link)
                return decode_response(codec, operation, answer, inputs, 0)
        return Exchange(self, interface, operation, inputs, (), object, timeout, callbacks).complete()

    def _asked(
        self,
        link: Link,
        interface: Interface,
        operation: Operation,
        inputs: tuple[Any, ...],
        timeout: float | None,
        callbacks: CallbackService | None,
    ) -> Exchange:
        """An ordinary call that takes an unusual turn."""
        context = link.contexts[False][interface]
        return Exchange(self, interface, operation, inputs, (), None, timeout, callbacks, asked=(link, context))

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
        return Exchange(self, interface, operation, inputs, pipes, object, timeout, callbacks)

    # -- connections

    def acquire(self, interface: Interface, operation: Operation) -> tuple[Link, Context]:
        """A connection that has the interface bound for this kind of operation; give it back with `release`."""
        deadline = None if self.connect_timeout is None else time.monotonic() + self.connect_timeout
        piped = bool(operation.pipes)
        shares = operation.is_async and not piped
        attempts = _ATTEMPTS
        while True:
            link = self._take(interface, piped, shares, deadline)
            if link is not None and link.shared:
                return link, link.contexts[False][interface]
            altered = link is not None and link.bound is not None
            group = 0
            try:
                link = link or self._open_another(interface)
                group = 0 if altered else self._group_id
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
                self._founded()

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

    def _founded(self) -> None:
        if self._founding:
            with self._changed:
                self._founding = False
                self._changed.notify_all()

    def _join(self, interface: Interface) -> Link | None:
        """The connection that calls share, if it can take another one, and has the interface bound."""
        link = self._shared
        if link is None or link.retired or link.lost is not None or not link.association.usable:
            return None
        if interface not in link.contexts[False]:
            return None
        if link.claims + link.association.given_up >= self.limits.max_calls:
            return None
        link.claims += 1
        return link

    def _bind(self, link: Link, interface: Interface, piped: bool, group: int, deadline: float | None) -> Context:
        find = link.association.context_for

        def agree(transfers: tuple[SyntaxId, ...]) -> None:
            left = None if deadline is None else max(0.001, deadline - time.monotonic())
            link.agree(interface.syntax, transfers, group, left)

        try:
            transfers = spoken(interface, self.transfers)
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
                message = f"{self.binding} did not answer the bind within {self.connect_timeout:g} s"
                raise RpcTimeout(message) from None
            raise
        assert link.bound is not None
        self._group_id = link.bound.group_id
        link.contexts[piped][interface] = context
        if not piped:
            link.prepared[interface] = context.context_id, interface.codecs(context.transfer, "<", self.decoding)
        return context

    def _take(self, interface: Interface, piped: bool, shares: bool, deadline: float | None) -> Link | None:
        """An idle or a shared connection, or None when one may be opened, which is then counted already."""
        ticket = object()
        dropped: list[Link] = []
        with self._changed:
            self._queue.append(ticket)  # from now on whoever gives one back tells us
            try:
                while True:
                    if self._closed:
                        raise ConnectionLost("the channel was closed")
                    link = self._join(interface) if shares else None
                    if link is not None:
                        return link
                    if self._queue[0] is ticket and not self._founding:
                        link = self._pick(interface, piped, dropped)
                        if link is not None or len(self._links) + self._opening < self._most:
                            self._founding = not self._group_id
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

    def _pick(self, interface: Interface, piped: bool, dropped: list[Link]) -> Link | None:
        """Take an idle connection, if possible one that has the interface bound; or drop one to make room."""
        other: Link | None = None
        for link in reversed(tuple(self._idle)):
            if interface in link.contexts[piped]:
                if self._claim(link):
                    return link
            elif other is None and (self._alters or link.bound is None):
                other = link
        if other is not None and self._claim(other):
            return other
        if not self._alters and len(self._links) + self._opening >= self._most:
            for link in tuple(self._idle):  # it has another interface, and cannot have ours
                if self._claim(link):
                    self._links.discard(link)
                    dropped.append(link)
                    break
        return None

    def _claim(self, link: Link) -> bool:
        """Take this one, unless another thread has it meanwhile."""
        try:
            self._idle.remove(link)
        except ValueError:
            return False
        return True

    def _open_another(self, interface: Interface) -> Link:
        try:
            link = self._open(interface)
        finally:
            with self._changed:
                self._opening -= 1
        with self._changed:
            closed = self._closed
            if not closed:
                if not self._links:
                    self._group_id = 0  # a group is gone with its last connection
                self._links.add(link)
        if closed:
            link.dispose()
            raise ConnectionLost("the channel was closed")
        return link

    def _open(self, interface: Interface | None) -> Link:
        if self._opener is not None:
            return self._link(self._opener())
        binding = self.binding if interface is None else declared(self.binding, interface)
        if not binding.endpoint and interface is not None:
            if self._resolver is None:
                raise unknown_endpoint(binding, interface)
            binding = self._resolver(binding, interface)
        self._where = locate(binding)
        return self._link(self._where.socket(self.connect_timeout))

    def _link(self, connected: socket) -> Link:
        if self._keep_alive is not None:
            self._keep_alive.apply(connected)
        return Link(connected, self._config, self._there)

    def _there(self) -> bool:
        """Whether a server takes connections where ours go, as far as can be told soon."""
        try:
            if self._where is not None:
                self._where.socket(_PROBE).close()
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
                    return
                link.shared = False
                if self._shared is link:
                    self._shared = None
        usable = link.bound is None or link.association.usable
        if link.retired or self._closed or link.lost is not None or not usable:
            with self._changed:
                self._links.discard(link)
                if not self._links:
                    self._group_id = 0
                self._changed.notify_all()
            link.dispose()
        else:
            self._give_back(link)

    def _give_back(self, link: Link) -> None:
        link.idle_since = time.monotonic()
        self._idle.append(link)
        if self._queue:
            with self._changed:
                self._changed.notify_all()
        if self._closed and self._claim(link):
            link.dispose()

    def close(self) -> None:
        """Close all connections; calls in progress fail with `ConnectionLost`."""
        with self._changed:
            self._closed = True
            links, self._links = self._links, set()
            self._changed.notify_all()
        for link in links:
            if self._claim(link):
                link.dispose()
            else:
                link.break_off()
        self.watcher.close()

    def __enter__(self) -> Channel:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


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
    silence: float | None = None,
    keep_alive: KeepAlive | None = KEEP_ALIVE,
    pipe_window: int = WINDOW,
    pipe_backlog: int = BACKLOG,
    resolver: Resolver | None = None,
) -> Channel:
    """Open a channel to the server that a string binding names.

        with blocking.connect("ncacn_ip_tcp:host[port]") as channel: ...

    `timeout` bounds each wait for the server in seconds (`silence` those in calls with pipes), `connect_timeout` the
    way to a bound connection, `cancel_grace` how long a cancelled call waits for the server, `connections` how many
    there may be. `transfers` are the transfer syntaxes to propose, liked best first; the server picks one. Calls with
    pipes are made in NDR 2.0 even if it picks NDR64, unless they are to be `ndr64_pipes`. `keep_alive` says when TCP
    probes a silent server, `pipe_window` how many octets may wait to be pulled, `pipe_backlog` how many `push_nowait`
    takes that cannot be sent yet.
    """
    return Channel(
        supported(binding),
        timeout=timeout,
        connect_timeout=connect_timeout,
        cancel_grace=cancel_grace,
        connections=connections,
        max_fragment=max_fragment,
        limits=limits,
        transfers=transfers,
        ndr64_pipes=ndr64_pipes,
        silence=silence,
        keep_alive=keep_alive,
        pipe_window=pipe_window,
        pipe_backlog=pipe_backlog,
        resolver=resolver,
    )
