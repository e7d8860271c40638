"""A server: services, the endpoints it listens on, and the connections that clients opened.

A connection keeps its own state and nothing else; what connections share is the services, the association groups and
one bounded pool of threads for methods that are plain functions.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, TypeAlias
from uuid import UUID

from idlrt import transport
from idlrt.association import Limits, Offer, ServerConfig
from idlrt.ids import SyntaxId
from idlrt.ndr import for_codecs
from idlrt.pipes.flow import BACKLOG, WINDOW, check_room
from idlrt.rpc.accepted import ServerLink
from idlrt.rpc.binding import StringBinding
from idlrt.rpc.call import Call
from idlrt.rpc.contexts import Groups
from idlrt.rpc.interface import Interface
from idlrt.rpc.methods import Method
from idlrt.rpc.reach import TRANSFERS, known, supported
from idlrt.rpc.reply import AsyncReply
from idlrt.rpc.service import Service
from idlrt.rpc.serving import Serving
from idlrt.transport.liveness import KEEP_ALIVE, KeepAlive

_log = logging.getLogger("idlrt.server")

THREADS = 16
BIND_TIMEOUT = 30.0
STOP_GRACE = 5.0

Served: TypeAlias = tuple[Interface, Service, dict[int, Method]]
"""An interface, what implements it, and its methods by number."""


class Server:
    """Serves services on any number of endpoints.

        async with rpc.Server([Telemetry()]) as server:
            await server.listen("ncacn_ip_tcp:127.0.0.1[4455]")
            await server.serve_forever()

    `threads` bounds the methods that are plain functions, `limits` what one connection may cost.
    `transfers` are the transfer syntaxes to grant, liked best first. `pipe_window` is how many octets may wait in a
    call's pipes before its connection is not read any further, `pipe_backlog` how many `push_nowait` may give a
    connection beyond what it takes. `finder` is asked for interfaces of which there is no service, at each bind.
    `rebind` lets clients bind anew on a connection without calls, as DCOM's do that keep one for several purposes.
    """

    def __init__(
        self,
        services: Iterable[Service],
        *,
        threads: int = THREADS,
        limits: Limits | None = None,
        transfers: Sequence[SyntaxId] = TRANSFERS,
        max_fragment: int | None = None,
        bind_timeout: float = BIND_TIMEOUT,
        silence: float | None = None,
        keep_alive: KeepAlive | None = KEEP_ALIVE,
        pipe_window: int = WINDOW,
        pipe_backlog: int = BACKLOG,
        finder: Callable[[SyntaxId], Served | None] | None = None,
        rebind: bool = False,
    ) -> None:
        self.limits = limits or Limits()
        self.decoding = for_codecs(self.limits)
        self.transfers = known(transfers)
        self.bind_timeout = bind_timeout
        self.silence = silence
        self.keep_alive = keep_alive
        check_room(pipe_window, pipe_backlog)
        if threads < 1:
            raise ValueError("a server needs at least one thread")
        self.pipe_window = pipe_window
        self.pipe_backlog = pipe_backlog
        self.links: set[ServerLink] = set()
        self.running: set[Serving] = set()  # calls in progress, also those whose clients have gone
        self.groups = Groups(self.call_hook)
        self._max_fragment = max_fragment
        self._finder = finder
        self._rebind = rebind
        self._services: dict[UUID, list[Served]] = {}
        for service in services:
            self._add(service)
        self._threads = threads
        self._pool: ThreadPoolExecutor | None = None
        self._listeners: list[transport.Listener] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopped: asyncio.Event | None = None
        self.config(lambda group_id: group_id, "")  # which refuses what cannot be

    def _add(self, service: Service) -> None:
        interface = service.interface
        methods = {operation.opnum: Method(operation, service) for operation in interface.operations}
        versions = self._services.setdefault(interface.syntax.uuid, [])
        if any(other.syntax.major == interface.syntax.major for other, _, _ in versions):
            raise ValueError(f'two services implement interface "{interface.name}" {interface.syntax}')
        versions.append((interface, service, methods))

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop that the server belongs to: the one where it was first used."""
        return self._attach()

    def _attach(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        return self._loop

    @property
    def calls(self) -> int:
        """Calls in progress."""
        return len(self.running)

    # -- what connections ask

    def find(self, syntax: SyntaxId) -> Served | None:
        """What implements an interface: the same major version, a minor one that is at least as new (C706 6.1.2)."""
        for found in self._services.get(syntax.uuid, ()):
            if found[0].syntax.major == syntax.major and found[0].syntax.minor >= syntax.minor:
                return found
        return None if self._finder is None else self._finder(syntax)

    def _offer(self, syntax: SyntaxId) -> Offer | None:
        found = self.find(syntax)
        if found is None:
            return None
        interface, _, _ = found
        transfers = tuple(transfer for transfer in self.transfers if transfer in interface.transfers)
        return Offer(transfers, interface.streamed)

    def config(self, join: Callable[[int], int | None], endpoint: str) -> ServerConfig:
        """The association's configuration for a new connection."""
        if self._max_fragment is None:
            return ServerConfig(self._offer, join, endpoint, limits=self.limits, rebind=self._rebind)
        most = self._max_fragment
        return ServerConfig(self._offer, join, endpoint, most, limits=self.limits, rebind=self._rebind)

    async def run(self, method: Method, call: Call, inputs: tuple[Any, ...], pipes: dict[str, Any]) -> Any:
        """Run a method where it belongs."""
        if pipes:
            values = dict(zip(method.operation.inputs, inputs, strict=True)) | pipes
            inputs = tuple(values[name] for name in method.names)
        if method.blocking:
            result = await self.loop.run_in_executor(self._executor(), method.function, call, *inputs)
            # A plain def may hand back an awaitable; it is awaited here, on the loop. A reply comes without being held.
            return await result if isinstance(result, Awaitable) and not isinstance(result, AsyncReply) else result
        return await method.function(call, *inputs)

    async def call_hook(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Run a hook as a method would be run."""
        if inspect.iscoroutinefunction(function):
            return await function(*arguments)
        return await self.loop.run_in_executor(self._executor(), function, *arguments)

    def _executor(self) -> ThreadPoolExecutor:
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="idlrt")
        return self._pool

    # -- life

    async def listen(self, binding: str | StringBinding) -> str:
        """Accept connections at an endpoint; port 0 takes a free one. Returns the binding that clients use."""
        parsed = supported(binding)
        endpoint = parsed.endpoint or self._declared(parsed.protseq)
        where = transport.find(parsed.protseq, parsed.netaddr, endpoint, parsed.option("dir"))
        name = [endpoint]
        listener = await where.listen(lambda: self.accept(name[0]))
        name[0] = listener.endpoint
        self._listeners.append(listener)
        bound = StringBinding(parsed.protseq, parsed.netaddr, listener.endpoint, options=parsed.options)
        _log.info("listening on %s", bound)
        return str(bound)

    def _declared(self, protseq: str) -> str:
        """The endpoint that the IDL gives an interface; over TCP any free port will do."""
        for versions in self._services.values():
            for interface, _, _ in versions:
                for declared, endpoint in interface.endpoints:
                    if declared == protseq:
                        return endpoint
        if protseq == transport.Tcp.protseq:
            return "0"
        raise ValueError(f'no interface declares an endpoint for "{protseq}"; name one, as in "{protseq}:[...]"')

    def accept(self, endpoint: str = "") -> ServerLink:
        """The protocol for a connection that came by any transport."""
        self._attach()
        return ServerLink(self, endpoint)

    async def serve_forever(self) -> None:
        """Wait until `stop` is called or the waiter is cancelled."""
        if self._stopped is None:
            self._stopped = asyncio.Event()
        await self._stopped.wait()

    async def stop(self, grace: float = STOP_GRACE) -> None:
        """Accept nothing more, let calls finish for up to `grace` seconds, close, run down what clients left."""
        listeners, self._listeners = self._listeners, []
        for listener in listeners:
            listener.close()
        for link in tuple(self.links):
            link.shutdown()
        deadline = self.loop.time() + grace
        while self.running and self.loop.time() < deadline:
            await asyncio.sleep(0.005)
        for call in tuple(self.running):
            call.abort()
        deadline = self.loop.time() + 1
        while self.running and self.loop.time() < deadline:
            await asyncio.sleep(0)
        for link in tuple(self.links):
            link.close()
        deadline = self.loop.time() + 1
        while self.links:
            await asyncio.sleep(0.001)
            if self.loop.time() > deadline:
                for link in tuple(self.links):
                    link.abort()  # it does not read what it was sent
        await self.groups.finished()
        if self._pool is not None:
            self._pool.shutdown(wait=False)
            self._pool = None
        if self._stopped is not None:
            self._stopped.set()

    async def __aenter__(self) -> Server:
        self._attach()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()
