"""A channel for threads: the way to one server, over as many connections as the calls need.

Any number of threads may share a channel. Ordinary calls are made here as long as nothing unusual happens to them; all
others are exchanges.
"""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from idlrt.association import ClientConfig, Limits
from idlrt.blocking.exchange import Exchange
from idlrt.blocking.link import Link
from idlrt.blocking.pool import Opener, Pool, Resolver
from idlrt.blocking.watcher import Watcher
from idlrt.errors import CallCancelled
from idlrt.ids import SyntaxId
from idlrt.ndr import for_codecs
from idlrt.pipes.flow import BACKLOG, WINDOW, check_room
from idlrt.rpc.binding import StringBinding
from idlrt.rpc.codecs import decode_response, encode_request
from idlrt.rpc.reach import (
    CANCEL_GRACE,
    CONNECT_TIMEOUT,
    TRANSFERS,
    known,
    supported,
)
from idlrt.transport.liveness import KEEP_ALIVE, KeepAlive

if TYPE_CHECKING:
    from idlrt.rpc.callbacks import CallbackService
    from idlrt.rpc.interface import Interface, Operation

CONNECTIONS: Final = 32
"""Connections of a channel, unless the caller says otherwise."""


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
        self.binding = binding
        self.object: UUID | None = binding.object
        self.timeout = timeout
        self.silence = silence
        self.cancel_grace = cancel_grace
        self.limits = limits or Limits()
        self.decoding = for_codecs(self.limits)
        check_room(pipe_window, pipe_backlog)
        self.pipe_window = pipe_window
        self.pipe_backlog = pipe_backlog
        self.watcher = Watcher()
        config = (
            ClientConfig(limits=self.limits)
            if max_fragment is None
            else ClientConfig(max_fragment=max_fragment, limits=self.limits)
        )
        self.pool = Pool(
            binding,
            config,
            connections=connections,
            connect_timeout=connect_timeout,
            transfers=known(transfers),
            ndr64_pipes=ndr64_pipes,
            keep_alive=keep_alive,
            resolver=resolver,
            opener=opener,
        )
        weakref.finalize(self, self.watcher.stop)

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
        usual = object is None and not operation.maybe
        link = self.pool.at_once(interface) if usual else None
        if link is None:
            return Exchange(self, interface, operation, inputs, (), object, timeout, callbacks).complete()
        context_id, codecs = link.prepared[interface]
        codec = codecs[operation.opnum]
        try:
            stub = encode_request(codec, operation, inputs)
        except BaseException:
            self.pool.give_back(link)
            raise
        try:
            answer = link.ask(context_id, operation.opnum, stub, timeout)
        except BaseException as error:
            given_up = error if isinstance(error, Exception) else CallCancelled()
            self._asked(link, interface, operation, inputs, timeout, callbacks).abandon(given_up)
            raise
        if answer is None:
            return self._asked(link, interface, operation, inputs, timeout, callbacks).complete()
        self.pool.give_back(link)
        return decode_response(codec, operation, answer, inputs, 0)

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

    def close(self) -> None:
        """Close all connections; calls in progress fail with `ConnectionLost`."""
        self.pool.close()
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
