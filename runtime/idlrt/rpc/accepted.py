"""One connection that a server accepted: octets between a transport and a server's association.

It hands events to the calls in progress, and stops reading while one of them has enough waiting, or while the client
leaves too many answers unread.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, cast

from idlrt.association import (
    Bound,
    CallbackAnswered,
    CallbackFault,
    CallOrphaned,
    CallStarted,
    CancelRequested,
    ContextsAltered,
    Ended,
    ServerConnection,
    ServerEvent,
    Stub,
)
from idlrt.errors import NCA_OP_RNG_ERROR, NCA_UNK_IF, CallCancelled, LocalProtocolError, RemoteProtocolError
from idlrt.rpc.contexts import Group
from idlrt.rpc.outbox import Octets, Outbox
from idlrt.rpc.serving import Serving, lost
from idlrt.rpc.trace import tracer

if TYPE_CHECKING:
    from idlrt.rpc.server import Server

_log = logging.getLogger("idlrt.server")

# Octets of answers that a client leaves unread before its requests are left unread too.
_UNREAD_ANSWERS = 1 << 20


class ServerLink(asyncio.BufferedProtocol):
    """One connection of a client."""

    group: Group

    def __init__(self, server: Server, endpoint: str) -> None:
        self.server = server
        self.loop = server.loop
        self.limits = server.limits
        self.decoding = server.decoding
        self.client = "?"
        self.full = False
        self._association = ServerConnection(server.config(self._join, endpoint))
        self._joined: Group | None = None
        self._calls: dict[int, Serving] = {}
        self._holders: set[object] = set()  # while there are any, nothing is read
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
            case CallbackAnswered() | CallbackFault():
                call = self._calls.get(event.call_id)
                if call is not None:
                    call.called_back(event)
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

    def send_stub(self, call_id: int, parts: Sequence[Octets], last: bool) -> None:
        """Send stub data of a response, `last` to its end."""
        if not self._lost:
            self._association.respond(call_id, *parts, last=last)
            self._send()

    def call_back(self, call_id: int, opnum: int, stub: bytes | bytearray) -> None:
        """Call the client within one of its calls."""
        if self._lost:
            raise lost(None)
        self._association.call_back(call_id, opnum, stub)
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
        self.server.groups.ended(self.group)

    def _send(self) -> None:
        self._out.send()
        if self.full and not self._crowded and self._transport.get_write_buffer_size() > _UNREAD_ANSWERS:
            self._crowded = True
            self._transport.pause_reading()

    def hold(self, holder: object) -> None:
        """Stop reading: a call has enough waiting in its pipes."""
        if not self._holders and not self._crowded and not self._lost:
            self._transport.pause_reading()
        self._holders.add(holder)

    def go_on(self, holder: object) -> None:
        """Read again, unless somebody else still holds or answers are left unread."""
        if holder in self._holders:
            self._holders.discard(holder)
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
