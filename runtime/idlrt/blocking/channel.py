"""A channel for threads: connections of one association group, each carrying one call at a time.

Any number of threads may share a channel. A call takes an idle connection or opens another; when there are as many as
allowed, it waits for one.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from socket import socket
from types import TracebackType
from typing import TYPE_CHECKING, Any
from uuid import UUID

from idlrt.association import ClientConfig, Context, Limits
from idlrt.blocking.exchange import Exchange
from idlrt.blocking.link import Link
from idlrt.errors import BindRefused, ConnectionLost, RpcTimeout
from idlrt.ids import SyntaxId
from idlrt.ndr import for_codecs
from idlrt.rpc.binding import StringBinding
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

CONNECTIONS = 32

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
        # One call at a time needs no multiplexing, and some servers do less for clients that do not ask for it.
        self._config = (
            ClientConfig(multiplex=False, limits=self.limits)
            if max_fragment is None
            else ClientConfig(max_fragment=max_fragment, multiplex=False, limits=self.limits)
        )
        self._most = connections
        self._resolver = resolver
        self._opener = opener
        self._changed = threading.Condition()
        self._idle: list[Link] = []
        self._links: set[Link] = set()
        self._opening = 0
        self._group_id = 0
        self._closed = False
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
        return Exchange(self, interface, operation, inputs, (), object, timeout, callbacks).complete()

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

    def acquire(self, interface: Interface) -> tuple[Link, Context]:
        """A connection that has the interface bound; give it back with `release`."""
        deadline = None if self.connect_timeout is None else time.monotonic() + self.connect_timeout
        while True:
            link = self._take(deadline) or self._open_another(interface)
            # An idle connection may have been closed by the server meanwhile.
            link.receive_now()
            if link.lost is None:
                break
            self.release(link, broken=True)
        context = link.association.context_for(interface.syntax)
        if context is None:
            left = None if deadline is None else max(0.001, deadline - time.monotonic())
            try:
                link.agree(interface.syntax, spoken(interface, self.transfers), self._group_id, left)
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
            context = link.association.context_for(interface.syntax)
            assert context is not None
        return link, context

    def _take(self, deadline: float | None) -> Link | None:
        """An idle connection, or None when one may be opened, which is then counted already."""
        with self._changed:
            while True:
                if self._closed:
                    raise ConnectionLost("the channel was closed")
                if self._idle:
                    return self._idle.pop()
                if len(self._links) + self._opening < self._most:
                    self._opening += 1
                    return None
                left = None if deadline is None else deadline - time.monotonic()
                if left is not None and left <= 0:
                    raise RpcTimeout(
                        f"all {self._most} connections of the channel are busy",
                        help="allow more with connections=, or complete calls that were begun",
                    )
                self._changed.wait(left)

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
            return Link(self._opener(), self._config)
        binding = self.binding if interface is None else declared(self.binding, interface)
        if not binding.endpoint and interface is not None:
            if self._resolver is None:
                raise unknown_endpoint(binding, interface)
            binding = self._resolver(binding, interface)
        return Link(locate(binding).socket(self.connect_timeout), self._config)

    def release(self, link: Link, *, broken: bool = False) -> None:
        """Give a connection back; a broken one is closed."""
        broken = broken or link.lost is not None or not (link.bound is None or link.association.usable)
        with self._changed:
            broken = broken or self._closed
            if broken:
                self._links.discard(link)
                if not self._links:
                    self._group_id = 0
            else:
                self._idle.append(link)
            self._changed.notify()
        if broken:
            link.dispose()

    def close(self) -> None:
        """Close all connections; calls in progress fail with `ConnectionLost`."""
        with self._changed:
            self._closed = True
            idle, self._idle = self._idle, []
            busy = self._links.difference(idle)
            self._links.clear()
            self._changed.notify_all()
        for link in busy:
            link.break_off()
        for link in idle:
            link.dispose()

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
    resolver: Resolver | None = None,
) -> Channel:
    """Open a channel to the server that a string binding names.

        with blocking.connect("ncacn_ip_tcp:host[port]") as channel: ...

    `timeout` bounds each wait for the server in seconds, `connect_timeout` the way to a bound connection,
    `cancel_grace` how long a cancelled call waits for the server, `connections` how many calls the channel may carry
    at a time. `transfers` are the transfer syntaxes to propose, liked best first; the server picks one.
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
        resolver=resolver,
    )
