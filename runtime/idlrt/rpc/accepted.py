"""One connection that a server accepted, and the calls in progress on it.

Nothing is read either while the client leaves too many answers unread.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from idlrt.association import (
    Bound,
    CallbackAnswered,
    CallbackFault,
    CallOrphaned,
    CallStarted,
    CancelRequested,
    ContextsAltered,
    Ended,
    Parts,
    ServerConnection,
    ServerEvent,
    Stub,
)
from idlrt.errors import NCA_OP_RNG_ERROR, NCA_UNK_IF, CallCancelled, LocalProtocolError, RemoteProtocolError
from idlrt.rpc.contexts import Group
from idlrt.rpc.serving import Serving, lost
from idlrt.rpc.wire import Octets, Wire

if TYPE_CHECKING:
    from idlrt.rpc.interface import Interface
    from idlrt.rpc.methods import Method
    from idlrt.rpc.server import Server
    from idlrt.rpc.service import Service

_log = logging.getLogger("idlrt.server")

# Octets of answers that a client leaves unread before its requests are left unread too.
_UNREAD_ANSWERS = 1 << 20

# Octets of an answer that is worth a write of its own.
_GATHERED = 4 << 10


class ServerLink(Wire[Serving]):
    """One connection of a client."""

    group: Group

    def __init__(self, server: Server, endpoint: str) -> None:
        self._association = ServerConnection(server.config(self._join, endpoint))
        super().__init__(self._association, "server", server.keep_alive)
        self.server = server
        self.limits = server.limits
        self.decoding = server.decoding
        self.client = "?"
        self._joined: Group | None = None
        self._found: dict[int, tuple[Interface, Service, dict[int, Method]]] = {}  # by context id
        self.unbegun = 0
        """Calls whose methods are still to begin in their tasks; none that came later is to overtake them."""
        self._lost = False
        self._unbound: asyncio.TimerHandle | None = None

    def _join(self, group_id: int) -> int | None:
        group = self.server.groups.join(group_id)
        if group is None:
            return None
        self._joined = self.group = group
        return group.group_id

    # -- the transport's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        peer = transport.get_extra_info("peername")
        self.client = f"{peer[0]}:{peer[1]}" if isinstance(peer, tuple) else str(peer or "local")
        self.server.links.add(self)
        self._unbound = self.loop.call_later(self.server.bind_timeout, self._not_bound)

    def _not_bound(self) -> None:
        if self._joined is None:
            _log.info("%s connected but did not bind", self.client)
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._lost = True
        if self._unbound is not None:
            self._unbound.cancel()
        self._dispatch(self._association.receive_eof())
        self._lose(lost(exc))
        self.server.links.discard(self)
        if self._joined is not None:
            self.server.groups.leave(self._joined)

    def resume_writing(self) -> None:
        super().resume_writing()
        self.go_on(self)

    # -- events

    def _broken(self, error: RemoteProtocolError) -> None:
        _log.warning("%s broke the protocol: %s", self.client, error)
        self._lose(error)
        self._send()
        self._transport.close()

    def _doubt(self) -> None:
        """Say something that a client need not answer. The system of one that is gone resets the connection then."""
        if not self._transport.get_write_buffer_size():
            self.shutdown()

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
                self._found.clear()
                if self._unbound is not None:
                    self._unbound.cancel()
            case Stub() | Parts() | ContextsAltered() | Ended():
                pass

    def _start(self, event: CallStarted) -> None:
        context = event.context
        found = self._found.get(context.context_id)
        if found is None:
            found = self.server.find(context.interface)
        if found is None:
            self._association.fault(event.call_id, NCA_UNK_IF, executed=False)
            return
        self._found[context.context_id] = found
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
            if len(parts) != 1 or len(parts[0]) > _GATHERED:
                self._send_by = None  # answers to the rest of what was read are not gathered
            self._send()

    def send_block(self, call_id: int, head: Octets, data: Octets) -> None:
        """Send stub data of a response, to which more is added at once, or else a `send_stub` without parts."""
        if not self._lost:
            self._association.respond_block(call_id, head, data)
            self._send_by = None
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
        super()._send()
        if self.full and self._transport.get_write_buffer_size() > _UNREAD_ANSWERS:
            self.hold(self)

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
