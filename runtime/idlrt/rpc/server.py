"""A server: services, the endpoints it listens on, and the connections that clients opened.

A connection keeps its own state and nothing else; what connections share is the services, the association groups and
one bounded pool of threads for methods that are plain functions.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, cast
from uuid import UUID

from idlrt import transport
from idlrt.association import (
    Bound,
    CallOrphaned,
    CallStarted,
    CancelRequested,
    ContextsAltered,
    Ended,
    Limits,
    Offer,
    ServerConfig,
    ServerConnection,
    ServerEvent,
    Stub,
)
from idlrt.errors import (
    NCA_OP_RNG_ERROR,
    NCA_UNK_IF,
    CallCancelled,
    LocalProtocolError,
    RemoteProtocolError,
)
from idlrt.ids import SyntaxId
from idlrt.rpc.binding import StringBinding
from idlrt.rpc.call import Call
from idlrt.rpc.contexts import Group, Groups
from idlrt.rpc.interface import Interface, Operation
from idlrt.rpc.outbox import Outbox
from idlrt.rpc.service import Service
from idlrt.rpc.serving import Serving, lost
from idlrt.rpc.trace import tracer

_log = logging.getLogger("idlrt.server")

THREADS = 16
BIND_TIMEOUT = 30.0
STOP_GRACE = 5.0

# Octets of answers that a client leaves unread before its requests are left unread too.
_UNREAD_ANSWERS = 1 << 20


class Method:
    """An operation and what implements it."""

    __slots__ = ("blocking", "function", "names", "operation")

    def __init__(self, operation: Operation, service: Service) -> None:
        self.operation = operation
        self.function: Callable[..., Any] = getattr(service, operation.name)
        self.blocking = not inspect.iscoroutinefunction(self.function)
        # The generated declaration knows how pipes and other parameters mix; a program may rename its parameters.
        self.names = _parameters(type(service), operation) if operation.pipes else operation.inputs


def _parameters(kind: type[Service], operation: Operation) -> tuple[str, ...]:
    expected = {*operation.inputs, *operation.in_pipes, *operation.out_pipes}
    for base in reversed(kind.__mro__):
        function = base.__dict__.get(operation.name)
        if function is not None and hasattr(function, "__code__"):
            code = function.__code__
            names: tuple[str, ...] = code.co_varnames[2 : code.co_argcount]
            if set(names) == expected:
                return names
    return (*operation.inputs, *operation.pipes)


class ServerLink(asyncio.BufferedProtocol):
    """One connection of a client."""

    group: Group

    def __init__(self, server: Server, endpoint: str) -> None:
        self.server = server
        self.loop = server.loop
        self.limits = server.limits
        self.client = "?"
        self.full = False
        self._association = ServerConnection(server.config(self._join, endpoint))
        self._joined: Group | None = None
        self._calls: dict[int, Serving] = {}
        self._holders: set[Serving] = set()
        self._crowded = False
        self._lost = False
        self._trace = tracer(f"server {id(self) & 0xFFFF:04x}")
        self._transport: asyncio.Transport
        self._out: Outbox
        self._unbound: asyncio.TimerHandle | None = None

    def _join(self, group_id: int) -> int | None:
        group = self.server.groups.join(group_id)
        if group is None:
            return None
        self._joined = self.group = group
        return group.group_id

    # -- the transport's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._out = Outbox(self._transport, self._association.data_to_send, self._trace)
        peer = transport.get_extra_info("peername")
        self.client = f"{peer[0]}:{peer[1]}" if isinstance(peer, tuple) else str(peer or "local")
        self.server.links.add(self)
        self._unbound = self.loop.call_later(self.server.bind_timeout, self._not_bound)

    def _not_bound(self) -> None:
        if self._joined is None:
            _log.info("%s connected but did not bind", self.client)
            self._transport.abort()

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._association.receive_buffer()

    def buffer_updated(self, nbytes: int) -> None:
        if self._trace is not None:
            self._trace.received(self._association.receive_buffer()[:nbytes])
        self._dispatch(self._association.received(nbytes))

    def eof_received(self) -> None:
        return None  # which closes the transport

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = True
        if self._unbound is not None:
            self._unbound.cancel()
        self._dispatch(self._association.receive_eof())
        self._lose(lost(exc))
        self.server.links.discard(self)
        if self._joined is not None:
            self.server.groups.leave(self._joined)

    def pause_writing(self) -> None:
        self.full = True

    def resume_writing(self) -> None:
        self.full = False
        if self._crowded:
            self._crowded = False
            self._read()
        for call in tuple(self._calls.values()):
            call.wake()

    # -- events

    def _dispatch(self, events: Iterator[ServerEvent]) -> None:
        calls = self._calls
        touched: Serving | None = None
        try:
            for event in events:
                if type(event) is Stub:
                    call = calls.get(event.call_id)
                    if call is None:
                        continue
                    if call is not touched:
                        if touched is not None:
                            touched.settle()
                        touched = call
                    call.stub(event)
                else:
                    self._other(event)
        except RemoteProtocolError as error:
            _log.warning("%s broke the protocol: %s", self.client, error)
            self._lose(error)
            self._send()
            self._transport.close()
            return
        if touched is not None:
            touched.settle()
        self._send()

    def _other(self, event: ServerEvent) -> None:
        match event:
            case CallStarted():
                self._start(event)
            case CancelRequested():
                call = self._calls.get(event.call_id)
                if call is not None:
                    call.cancel()
            case CallOrphaned():
                call = self._calls.get(event.call_id)
                if call is not None:
                    call.lose(CallCancelled("the client gave the call up"))
                    self._end(event.call_id)
            case Bound():
                if self._unbound is not None:
                    self._unbound.cancel()
            case Stub() | ContextsAltered() | Ended():
                pass

    def _start(self, event: CallStarted) -> None:
        found = self.server.find(event.context.interface)
        if found is None:
            self._association.fault(event.call_id, NCA_UNK_IF, executed=False)
            return
        interface, service, methods = found
        method = methods.get(event.opnum)
        if method is None:
            self._association.fault(event.call_id, NCA_OP_RNG_ERROR, executed=False)
            return
        call = self._calls[event.call_id] = Serving(self, event, interface, service, method)
        self.server.running.add(call)
        self.group.calls += 1

    def _lose(self, error: Exception) -> None:
        for call in tuple(self._calls.values()):
            call.lose(error)

    # -- the calls' side

    def respond(self, call_id: int, parts: Sequence[bytes | bytearray | memoryview], last: bool) -> None:
        """A part of a response, or the end of it."""
        if not self._lost:
            self._association.respond(call_id, *parts, last=last)
            self._send()

    def fault(self, call_id: int, status: int, executed: bool) -> None:
        if self._lost:
            return
        self._association.fault(call_id, status, executed=executed)
        self._send()

    def _end(self, call_id: int) -> None:
        """The association still wants an end of a call that nobody waits for."""
        try:
            self._association.respond(call_id)
        except LocalProtocolError:
            pass

    def ended(self, call: Serving) -> None:
        """The call's method has returned, or never ran."""
        if call.ended:
            return
        call.ended = True
        self.server.running.discard(call)
        if self._calls.get(call.call_id) is call:
            del self._calls[call.call_id]
        self.go_on(call)
        self.server.groups.ended(self.group)

    def _send(self) -> None:
        self._out.send()
        if self.full and not self._crowded and self._transport.get_write_buffer_size() > _UNREAD_ANSWERS:
            self._crowded = True
            self._transport.pause_reading()

    def hold(self, call: Serving) -> None:
        """Stop reading: the call has enough waiting in its pipes."""
        if not self._holders and not self._crowded and not self._lost:
            self._transport.pause_reading()
        self._holders.add(call)

    def go_on(self, call: Serving) -> None:
        if call in self._holders:
            self._holders.discard(call)
            self._read()

    def _read(self) -> None:
        if not self._holders and not self._crowded and not self._lost and not self._transport.is_closing():
            self._transport.resume_reading()

    # -- the server's side

    def shutdown(self) -> None:
        """Ask the client to leave."""
        if self._joined is not None and not self._lost:
            try:
                self._association.shutdown()
            except LocalProtocolError:
                return
            self._send()

    def close(self) -> None:
        self._transport.close()

    def abort(self) -> None:
        self._transport.abort()


class Server:
    """Serves services on any number of endpoints.

        async with rpc.Server([Telemetry()]) as server:
            await server.listen("ncacn_ip_tcp:127.0.0.1[4455]")
            await server.serve_forever()

    `threads` bounds the methods that are plain functions, `limits` what one connection may cost.
    """

    def __init__(
        self,
        services: Iterable[Service],
        *,
        threads: int = THREADS,
        limits: Limits | None = None,
        max_fragment: int | None = None,
        bind_timeout: float = BIND_TIMEOUT,
    ) -> None:
        self.limits = limits or Limits()
        self.bind_timeout = bind_timeout
        self.links: set[ServerLink] = set()
        self.running: set[Serving] = set()  # calls in progress, also those whose clients have gone
        self.groups = Groups(self.call_hook)
        self._max_fragment = max_fragment
        self._services: dict[UUID, list[tuple[Interface, Service, dict[int, Method]]]] = {}
        for service in services:
            self._add(service)
        self._threads = threads
        self._pool: ThreadPoolExecutor | None = None
        self._listeners: list[transport.Listener] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopped: asyncio.Event | None = None

    def _add(self, service: Service) -> None:
        interface = service.interface
        methods = {operation.opnum: Method(operation, service) for operation in interface.operations}
        versions = self._services.setdefault(interface.syntax.uuid, [])
        if any(other.syntax.major == interface.syntax.major for other, _, _ in versions):
            raise ValueError(f'two services implement interface "{interface.name}" {interface.syntax}')
        versions.append((interface, service, methods))

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        return self._loop

    @property
    def calls(self) -> int:
        """Calls in progress."""
        return len(self.running)

    # -- what connections ask

    def find(self, syntax: SyntaxId) -> tuple[Interface, Service, dict[int, Method]] | None:
        """What implements an interface: the same major version, a minor one that is at least as new (C706 6.1.2)."""
        for found in self._services.get(syntax.uuid, ()):
            if found[0].syntax.major == syntax.major and found[0].syntax.minor >= syntax.minor:
                return found
        return None

    def _offer(self, syntax: SyntaxId) -> Offer | None:
        found = self.find(syntax)
        return None if found is None else Offer(found[0].transfers, found[0].streamed)

    def config(self, join: Callable[[int], int | None], endpoint: str) -> ServerConfig:
        """The association's configuration for a new connection."""
        if self._max_fragment is None:
            return ServerConfig(self._offer, join, endpoint, limits=self.limits)
        return ServerConfig(self._offer, join, endpoint, max_fragment=self._max_fragment, limits=self.limits)

    async def run(self, method: Method, call: Call, inputs: tuple[Any, ...], pipes: dict[str, Any]) -> Any:
        """Run a method where it belongs."""
        if pipes:
            values = dict(zip(method.operation.inputs, inputs, strict=True)) | pipes
            inputs = tuple(values[name] for name in method.names)
        if method.blocking:
            result = await self.loop.run_in_executor(self._executor(), method.function, call, *inputs)
            # A plain def may hand back an awaitable; it is awaited here, on the loop.
            return await result if isinstance(result, Awaitable) else result
        return await method.function(call, *inputs)

    async def call_hook(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Run a rundown hook as a method would be run."""
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
        parsed = StringBinding.parse(binding) if isinstance(binding, str) else binding
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
        self.loop  # noqa: B018  # binds the server to this loop
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
        self.loop  # noqa: B018
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()
