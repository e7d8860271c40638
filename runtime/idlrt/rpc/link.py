"""One connection of an asyncio channel, from the bind on.

It knows nothing of parameters; the calls do. Nor does it know which call goes where: the channel does, and keeps its
claims on the connection here.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

from idlrt.association import (
    BindRefused,
    Bound,
    CallbackRequested,
    ClientConfig,
    ClientConnection,
    ClientEvent,
    Context,
    ContextsAltered,
    Ended,
    Fault,
    Parts,
    ShutdownRequested,
    Stub,
)
from idlrt.errors import ConnectionLost, RemoteProtocolError, RpcError
from idlrt.ndr import for_codecs
from idlrt.rpc.wire import Octets, Wire
from idlrt.transport.liveness import reset_at_end

if TYPE_CHECKING:
    from idlrt.ids import SyntaxId
    from idlrt.rpc.callbacks import CallbackService
    from idlrt.rpc.interface import Interface
    from idlrt.transport.liveness import KeepAlive

_log = logging.getLogger("idlrt.client")

LINGER: Final = 1.0
"""Seconds for what is still to be sent when a connection is closed."""

Thread: TypeAlias = int
"""What makes its [async] calls one after the other: the id of a task; to keep the task would keep all that it knows."""


class Receiver(Protocol):
    """What a link tells a call."""

    @property
    def callbacks(self) -> CallbackService | None:
        """What serves callbacks within the call."""

    def stub(self, event: Stub) -> bool:
        """Take response data; whether the call is over."""

    def parts(self, parts: list[memoryview]) -> None:
        """Take what several fragments in the midst of a stub hold."""

    def fail(self, error: Exception) -> None:
        """The call is over without a result."""

    def settle(self) -> None:
        """Copy what was taken: the receive buffer is about to be used again."""

    def flush(self) -> None:
        """Give the association what has been gathered: the connection is about to be closed."""

    def wake(self) -> None:
        """Something that the call may wait for has changed."""


class Link(Wire[Receiver]):
    """A connection of a client."""

    def __init__(self, config: ClientConfig, owner: Owner, keep_alive: KeepAlive | None = None) -> None:
        self.association = ClientConnection(config)
        super().__init__(self.association, "client", keep_alive)
        self.lost: Exception | None = None
        self.retired = False
        self.bound: Bound | None = None
        self.group_id = 0
        """The association group that it is to join, 0 for a new one."""
        self.claims = 0
        """Calls that have it, or are about to."""
        self.alone = False
        """It is claimed by one call that shares it with no other."""
        self.contexts: tuple[dict[Interface, Context], dict[Interface, Context]] = {}, {}
        """Contexts that calls without pipes, and calls with pipes, are made in."""
        self.follows: list[Thread] = []
        """Whose last [async] call has it."""
        self.settled = 0
        """Calls up to this id have arrived at the server."""
        self.talks = 0
        """Binds and alter_contexts that were answered."""
        self._talking = asyncio.Lock()
        self._decoding = for_codecs(config.limits)
        self._answers: dict[int, asyncio.Future[Bound | BindRefused | ContextsAltered]] = {}
        self._owner = owner
        self._closed: asyncio.Future[None] = self.loop.create_future()
        self._callbacks: set[asyncio.Task[None]] = set()  # under way

    @property
    def unsettled(self) -> bool:
        """Whether calls that share it may not have arrived at the server."""
        return not self.alone and self.claims > 0 and self.association.last_call_id != self.settled

    # -- the transport's side

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self.lost is None:
            self._dispatch(self.association.receive_eof())
            reason = f": {exc}" if exc is not None else ""
            self._fail(ConnectionLost(f"the server closed the connection{reason}"))
        if not self._closed.done():
            self._closed.set_result(None)

    # -- events

    def _broken(self, error: RemoteProtocolError) -> None:
        _log.warning("the server broke the protocol: %s", error)
        self._fail(error)
        self._send()
        self._transport.abort()

    def _over(self, call_id: int) -> None:
        if self._calls.pop(call_id, None) is not None:
            self._owner.released(self)

    def _doubt(self) -> None:
        self._owner.doubted(self)

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
                task = self.loop.create_task(serving)
                self._callbacks.add(task)
                task.add_done_callback(self._callbacks.discard)
            case ShutdownRequested():
                self.retired = True
                self._owner.changed(self)
            case Ended():
                self._fail(ConnectionLost("the server closed the connection"))
            case Stub() | Parts():
                pass

    async def _called_back(self, event: CallbackRequested, service: CallbackService | None) -> None:
        """Serve a callback; its call may be over before its method is."""
        from idlrt.rpc.answers import serve

        answer = await serve(
            event,
            service,
            self._decoding,
            lambda function, *given: self.loop.run_in_executor(None, function, *given),
        )
        if self.lost is None and event.call_id in self._calls:
            answer.send(self.association, event.call_id)
            self._send()

    def _fail(self, error: Exception) -> None:
        if self.lost is None:
            self.lost = error
        calls = tuple(self._calls.values())
        self._calls.clear()
        for call in calls:
            call.fail(error)
        self._refuse(error)
        self._owner.changed(self)

    def _refuse(self, error: Exception) -> None:
        answers, self._answers = self._answers, {}
        for answer in answers.values():
            if not answer.done():
                answer.set_exception(error)

    # -- the calls' side

    async def agree(self, interface: SyntaxId, transfers: tuple[SyntaxId, ...]) -> None:
        """Bind the interface, or add it; raises `BindRefused` or what ended the connection."""
        from idlrt.association import Proposal

        proposal = Proposal(interface, transfers)
        async with self._talking:
            if self.bound is None:
                answer = await self._answer(self.association.bind(proposal, group_id=self.group_id))
            else:
                answer = await self._answer(self.association.alter_context(proposal))
        if isinstance(answer, BindRefused):
            raise answer.error()
        if not any(self.association.context_for(interface, transfer) for transfer in transfers):
            raise answer.refused[0].error() if answer.refused else RpcError("the server accepted nothing")

    async def round_trip(self) -> None:
        """Have the server answer something that changes nothing."""
        async with self._talking:
            if self.lost is None and not self.retired:
                await self._answer(self.association.repeat_context())

    async def _answer(self, call_id: int) -> Bound | BindRefused | ContextsAltered:
        answer: asyncio.Future[Bound | BindRefused | ContextsAltered] = self.loop.create_future()
        self._answers[call_id] = answer
        self.send()
        try:
            return await answer
        finally:
            self.talks += 1
            self._answers.pop(call_id, None)

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
        self._send()

    def send_request(self, call_id: int, stub: bytes | bytearray, last: bool) -> None:
        """Send what a request begins with, in one write with those that follow it this turn if other calls wait."""
        self.association.send_stub(call_id, stub, last=last)
        if self.lost is None and len(self._calls) > 1:
            self._send_soon()
        else:
            self.send()

    def send_stub(self, call_id: int, parts: Sequence[Octets], last: bool) -> None:
        """Send stub data of a request, `last` to its end."""
        self.association.send_stub(call_id, *parts, last=last)
        self.send()

    def send_block(self, call_id: int, head: Octets, data: Octets) -> None:
        """Send stub data of a request, to which more is added at once, or else a `send_stub` without parts."""
        self.association.send_block(call_id, head, data)
        self.send()

    def give_up(self, call_id: int) -> None:
        """Orphan a call; the connection goes with it unless the server agreed to keep it."""
        if self.lost is None and call_id in self._calls:
            self.retired |= not self.association.orphan(call_id)
            self._send()
            self.retired |= self.full  # the server may read nothing, and so not hear of it
            self._over(call_id)

    def abandon(self, call_id: int) -> None:
        """Give a call up without a word to the server, which may take the connection with it."""
        if self.lost is None and call_id in self._calls:
            self.retired |= not self.association.abandon(call_id)
            self._over(call_id)

    def retire(self) -> None:
        """Take no further calls, and close when those on the way are over."""
        self.retired = True
        self._owner.changed(self)

    def close(self) -> None:
        """Close in order; calls that still wait fail."""
        if self.lost is None:
            for call in tuple(self._calls.values()):
                call.flush()
            self._send()
            self._fail(ConnectionLost("the channel was closed"))
        self._transport.close()
        if self._transport.get_write_buffer_size():
            self.loop.call_later(LINGER, self._break_off)

    def _break_off(self) -> None:
        """The server reads nothing, and would never learn that we have gone."""
        if not self._closed.done():
            connected = self._transport.get_extra_info("socket")
            if connected is not None:
                reset_at_end(connected)
            self._transport.abort()

    async def wait_closed(self) -> None:
        await asyncio.shield(self._closed)


class Owner(Protocol):
    """Whose connection it is."""

    def released(self, link: Link, /) -> None:
        """A call on the link is over."""

    def changed(self, link: Link, /) -> None:
        """The link is lost, or the server asks to leave."""

    def doubted(self, link: Link, /) -> None:
        """Nothing is read, and the server may be gone."""
