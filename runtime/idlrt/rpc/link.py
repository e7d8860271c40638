"""One connection of an asyncio channel: octets between a transport and a client's association.

It reads into the association's buffer, hands events to the calls they are about, and wakes who waits. It knows
nothing of parameters; the calls do.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Protocol, cast

from idlrt.association import (
    BindRefused,
    Bound,
    CallbackRequested,
    ClientConfig,
    ClientConnection,
    ClientEvent,
    ContextsAltered,
    Ended,
    Fault,
    ShutdownRequested,
    Stub,
)
from idlrt.errors import ConnectionLost, RemoteProtocolError, RpcError
from idlrt.ndr import for_codecs
from idlrt.rpc.outbox import Octets, Outbox
from idlrt.rpc.trace import tracer

if TYPE_CHECKING:
    from idlrt.ids import SyntaxId
    from idlrt.rpc.callbacks import CallbackService

_log = logging.getLogger("idlrt.client")


class Receiver(Protocol):
    """What a link tells a call."""

    @property
    def callbacks(self) -> CallbackService | None:
        """What serves callbacks within the call."""

    def stub(self, event: Stub) -> bool:
        """Take response data; whether the call is over."""

    def fail(self, error: Exception) -> None:
        """The call is over without a result."""

    def settle(self) -> None:
        """Copy what was taken: the receive buffer is about to be used again."""

    def flush(self) -> None:
        """Give the association what has been gathered: the connection is about to be closed."""

    def wake(self) -> None:
        """Something that the call may wait for has changed."""


class Link(asyncio.BufferedProtocol):
    """A connection, from the bind on."""

    def __init__(self, config: ClientConfig, released: Released) -> None:
        self.association = ClientConnection(config)
        self._decoding = for_codecs(config.limits)
        self.reserved = False  # a call with pipes, or an alter_context, has it to itself
        self.lost: Exception | None = None
        self.retired = False
        self.bound: Bound | None = None
        self.full = False  # the transport has not sent what it was given
        self._calls: dict[int, Receiver] = {}
        self._holders: set[object] = set()  # while there are any, nothing is read
        self._answers: dict[int, asyncio.Future[Bound | BindRefused | ContextsAltered]] = {}
        self._released = released
        self._closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._callbacks: set[asyncio.Task[None]] = set()  # under way
        self._trace = tracer(f"client {id(self) & 0xFFFF:04x}")
        self._transport: asyncio.Transport
        self._out: Outbox

    # -- the transport's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._out = Outbox(self._transport, self.association.data_to_send, self._trace)

    def get_buffer(self, sizehint: int) -> memoryview:
        return self.association.receive_buffer()

    def buffer_updated(self, nbytes: int) -> None:
        if self._trace is not None:
            self._trace.received(self.association.receive_buffer()[:nbytes])
        self._dispatch(self.association.received(nbytes))

    def eof_received(self) -> None:
        return None  # which closes the transport

    def connection_lost(self, exc: Exception | None) -> None:
        if self.lost is None:
            self._dispatch(self.association.receive_eof())
            reason = f": {exc}" if exc is not None else ""
            self._fail(ConnectionLost(f"the server closed the connection{reason}"))
        if not self._closed.done():
            self._closed.set_result(None)

    def pause_writing(self) -> None:
        self.full = True

    def resume_writing(self) -> None:
        self.full = False
        for call in tuple(self._calls.values()):
            call.wake()

    # -- events

    def _dispatch(self, events: Iterator[ClientEvent]) -> None:
        calls = self._calls
        touched: Receiver | None = None
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
                    if call.stub(event):
                        self._over(event.call_id)
                else:
                    self._other(event)
        except RemoteProtocolError as error:
            _log.warning("the server broke the protocol: %s", error)
            self._fail(error)
            self._out.send()
            self._transport.abort()
            return
        if touched is not None:
            touched.settle()
        self._out.send()

    def _over(self, call_id: int) -> None:
        self._calls.pop(call_id, None)
        self._released(self)
        if self.retired and not self._calls:
            asyncio.get_running_loop().call_soon(self.close)

    def _other(self, event: ClientEvent) -> None:
        match event:
            case Fault():
                call = self._calls.get(event.call_id)
                if call is not None:
                    call.fail(event.error())
                    self._over(event.call_id)
                else:  # some servers answer a bind or alter_context that they do not like with a fault
                    self._refuse(event.error())
            case Bound() | BindRefused() | ContextsAltered():
                if isinstance(event, Bound):
                    self.bound = event
                answer = self._answers.pop(event.call_id, None)
                if answer is not None and not answer.done():
                    answer.set_result(event)
            case CallbackRequested():
                call = self._calls.get(event.call_id)
                serving = self._called_back(event, None if call is None else call.callbacks)
                task = asyncio.get_running_loop().create_task(serving)
                self._callbacks.add(task)
                task.add_done_callback(self._callbacks.discard)
            case ShutdownRequested():
                self._released(self)
            case Ended():
                self._fail(ConnectionLost("the server closed the connection"))
            case Stub():
                pass

    async def _called_back(self, event: CallbackRequested, service: CallbackService | None) -> None:
        """Serve a callback; its call may be over before its method is."""
        from idlrt.rpc.answers import serve

        loop = asyncio.get_running_loop()
        answer = await serve(
            event,
            service,
            self._decoding,
            lambda function, *given: loop.run_in_executor(None, function, *given),
        )
        if self.lost is None and event.call_id in self._calls:
            answer.send(self.association, event.call_id)
            self._out.send()

    def _fail(self, error: Exception) -> None:
        if self.lost is None:
            self.lost = error
        calls = tuple(self._calls.values())
        self._calls.clear()
        for call in calls:
            call.fail(error)
        self._refuse(error)
        self._released(self)

    def _refuse(self, error: Exception) -> None:
        answers, self._answers = self._answers, {}
        for answer in answers.values():
            if not answer.done():
                answer.set_exception(error)

    # -- the calls' side

    async def agree(self, interface: SyntaxId, transfers: tuple[SyntaxId, ...], group_id: int) -> None:
        """Bind the interface, or add it; raises `BindRefused` or what ended the connection."""
        from idlrt.association import Proposal

        proposal = Proposal(interface, transfers)
        if self.bound is None:
            call_id = self.association.bind(proposal, group_id=group_id)
        else:
            call_id = self.association.alter_context(proposal)
        answer = self._answers[call_id] = asyncio.get_running_loop().create_future()
        self._out.send()
        try:
            event = await answer
        finally:
            self._answers.pop(call_id, None)
        if isinstance(event, BindRefused):
            raise event.error()
        if self.association.context_for(interface) is None:
            raise event.refused[0].error() if event.refused else RpcError("the server accepted nothing")

    def register(self, call_id: int, call: Receiver) -> None:
        """Tell `call` what happens to this call_id from now on."""
        self._calls[call_id] = call

    def forget(self, call_id: int) -> None:
        """Tell nobody any more."""
        if call_id in self._calls:
            self._over(call_id)

    def send(self) -> None:
        """Put on the wire what the association has to send."""
        if self.lost is not None:
            raise self.lost
        self._out.send()

    def send_stub(self, call_id: int, parts: Sequence[Octets], last: bool) -> None:
        """Send stub data of a request, `last` to its end."""
        self.association.send_stub(call_id, *parts, last=last)
        self.send()

    def give_up(self, call_id: int) -> None:
        """Orphan a call; the connection goes with it unless the server agreed to keep it."""
        if self.lost is None and call_id in self._calls:
            keep = self.association.orphan(call_id)
            self._out.send()
            self.forget(call_id)
            if not keep:
                self.retire()

    def retire(self) -> None:
        """Take no further calls, and close when those on the way are over."""
        self.retired = True
        if self.lost is None and not self._calls:
            self.close()

    def hold(self, holder: object) -> None:
        """Stop reading: a call has enough waiting in its pipes."""
        if not self._holders and self.lost is None:
            self._transport.pause_reading()
        self._holders.add(holder)

    def go_on(self, holder: object) -> None:
        """Read again, unless somebody else still holds."""
        if holder in self._holders:
            self._holders.discard(holder)
            if not self._holders and not self._transport.is_closing():
                self._transport.resume_reading()

    def close(self) -> None:
        """Close in order; calls that still wait fail."""
        if self.lost is None:
            for call in tuple(self._calls.values()):
                call.flush()
            self._fail(ConnectionLost("the channel was closed"))
        self._transport.close()

    async def wait_closed(self) -> None:
        await asyncio.shield(self._closed)


class Released(Protocol):
    """Told when a call on a link ended, or the link itself."""

    def __call__(self, link: Link, /) -> None: ...
