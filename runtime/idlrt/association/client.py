"""The client's side of an association, without I/O: commands leave bytes, bytes become events."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from struct import Struct
from typing import Final
from uuid import UUID

from idlrt.association.callbacks import Callback
from idlrt.association.connection import Connection
from idlrt.association.events import (
    BindRefused,
    Bound,
    CallbackRequested,
    ClientEvent,
    Context,
    ContextsAltered,
    Ended,
    Fault,
    ShutdownRequested,
    Stub,
)
from idlrt.association.fragments import JOIN_BELOW, StubSender
from idlrt.association.limits import DEFAULT_FRAGMENT, MIN_FRAGMENT, Limits, check_fragment
from idlrt.association.negotiation import Outcome, Proposal, judge, propose
from idlrt.association.states import CLIENT, CLIENT_CALL, RESPONSE_INPUT, CallInput, CallState, Input, State
from idlrt.errors import LocalProtocolError, RemoteProtocolError
from idlrt.ids import NDR64, Features, Order, SyntaxId, uuid_bytes
from idlrt.pdu import (
    AlterContext,
    AlterContextResp,
    AnyPdu,
    Bind,
    BindAck,
    BindNak,
    CoCancel,
    ContextElement,
    Orphaned,
    PType,
    Shutdown,
)
from idlrt.pdu import Fault as FaultPdu
from idlrt.pdu.call import CALL_HEADER_SIZE, OBJECT_SIZE
from idlrt.pdu.header import (
    CONC_MPX,
    DID_NOT_EXECUTE,
    FIRST,
    HEADER_SIZE,
    LAST,
    MAX_PDU,
    MAYBE,
    OBJECT_UUID,
    PENDING_CANCEL,
    VERSION,
    WHOLE,
    Buffer,
    foreign,
)

_BOUND: Final = State.BOUND  # named once: to find a member of an enumeration is slow in Python 3.11
_REQUESTING: Final = CallState.REQUESTING
_REQUEST: Final = {"<": Struct("<IHH").unpack_from, ">": Struct(">IHH").unpack_from}
_WHOLE_REQUEST: Final = Struct("<BBBBIHHIIHH").pack
_WHOLE_RESPONSE: Final = Struct("<HBBIHHI").unpack_from
_LITTLE: Final = 0x10
_log: Final = logging.getLogger("idlrt.association")


@dataclass(frozen=True, slots=True)
class ClientConfig:
    """How a client wants its connection."""

    max_fragment: int = DEFAULT_FRAGMENT
    """Largest fragment to send and receive, 1432 to 65535; stubs are cut at multiples of 8 within it."""
    order: Order = "<"
    """Byte order in which we send; requests must be marshalled in it."""
    multiplex: bool = True
    """Ask for several outstanding calls on the connection (PFC_CONC_MPX)."""
    features: Features = Features.KEEP_CONNECTION_ON_ORPHAN
    """Bind-time features to ask for; NONE sends no negotiation element."""
    list_transfers: bool = False
    """Propose all transfer syntaxes of an interface in one context (C706) instead of one context each (Windows)."""
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        check_fragment(self.max_fragment)


class _Call:
    __slots__ = ("back", "call_id", "context", "maybe", "order", "sender", "state", "streamed", "stub")

    def __init__(self, call_id: int, context: Context, sender: StubSender, maybe: bool, streamed: bool) -> None:
        self.call_id = call_id
        self.context = context
        self.sender = sender
        self.maybe = maybe
        self.streamed = streamed
        self.state = CallState.NEW
        self.order: Order = "<"  # of the response
        self.stub: bytearray | None = None  # of a response that is not streamed
        self.back: Callback | None = None  # that the server makes meanwhile


_SENT: Final = StubSender(PType.REQUEST, 0, 0, 0, "<", MIN_FRAGMENT)
"""The sender of requests that are out already."""
_SENT.started = True


class ClientConnection(Connection[ClientEvent]):
    """One connection of a client.

    Commands raise `LocalProtocolError` when the state does not allow them and leave bytes for `data_to_send`.
    `receive` and `received` return an iterator that MUST be iterated to its end; it raises `RemoteProtocolError` and
    nothing else, and the connection is of no use afterwards.
    """

    _stub_type = int(PType.RESPONSE)
    _back_type = int(PType.REQUEST)
    _max_receive = MAX_PDU  # whatever we asked for: it costs us nothing to take more

    def __init__(self, config: ClientConfig | None = None) -> None:
        super().__init__()
        self._config = config if config is not None else ClientConfig()
        self._state = State.IDLE
        self._calls: dict[int, _Call] = {}
        self._abandoned = 0
        self._sending: _Call | None = None  # the call whose request is not complete
        self._last_call_id = 0
        self._object: UUID | None = None  # that the last call named, and its octets
        self._object_octets = b""
        self._elements: tuple[ContextElement, ...] = ()  # proposed in the bind or alter_context that waits
        self._negotiation_id = 0
        self._next_context_id = 0
        self._contexts: dict[int, Context] = {}
        self._max_send = self._config.max_fragment
        self._multiplexed = False
        self._features = Features.NONE
        self._foreign_call_id_seen = False

    # -- commands

    def bind(self, *proposals: Proposal, group_id: int = 0) -> int:
        """Open the association. `Bound` or `BindRefused` answers; returns the call_id they will carry.

        `group_id` is that of another connection's `Bound`, to share context handles with it.
        """
        config = self._config
        elements = propose(proposals, 0, config.order, config.features, config.list_transfers)
        pdu = Bind(
            call_id=1,
            flags=WHOLE | CONC_MPX if config.multiplex else WHOLE,
            order=config.order,
            max_xmit=config.max_fragment,
            max_recv=config.max_fragment,
            group_id=group_id,
            contexts=elements,
        )
        return self._negotiate(Input.BIND, pdu)

    def alter_context(self, *proposals: Proposal) -> int:
        """Propose further interfaces or transfer syntaxes; `ContextsAltered` with the returned call_id answers."""
        config = self._config
        elements = propose(proposals, self._next_context_id, config.order, Features.NONE, config.list_transfers)
        pdu = AlterContext(
            call_id=self._next_call_id(),
            order=config.order,
            max_xmit=self._max_send,
            max_recv=config.max_fragment,
            contexts=elements,
        )
        return self._negotiate(Input.ALTER_CONTEXT, pdu)

    def repeat_context(self) -> int:
        """Propose the first context again, which changes nothing; `ContextsAltered` comes once all before was read."""
        config, (context, *_) = self._config, self._contexts.values()
        element = ContextElement(context.context_id, context.interface, (context.transfer,))
        pdu = AlterContext(
            call_id=self._next_call_id(),
            order=config.order,
            max_xmit=self._max_send,
            max_recv=config.max_fragment,
            contexts=(element,),
        )
        before = self._next_context_id
        call_id = self._negotiate(Input.ALTER_CONTEXT, pdu)
        self._next_context_id = before
        return call_id

    def _negotiate(self, step: Input, pdu: Bind) -> int:
        if len(self._contexts) + len(pdu.contexts) > self._config.limits.max_contexts:
            raise LocalProtocolError(f"more than {self._config.limits.max_contexts} presentation contexts")
        if self._sending is not None:
            raise LocalProtocolError("contexts cannot be altered while a request is not completely sent")
        self._command(step)
        self._send(pdu)
        self._elements = pdu.contexts
        self._next_context_id += len(pdu.contexts)
        self._negotiation_id = self._last_call_id = pdu.call_id
        return pdu.call_id

    def start_call(
        self,
        context_id: int,
        opnum: int,
        *,
        object: UUID | None = None,
        maybe: bool = False,
        streamed: bool = False,
    ) -> int:
        """Begin a call and return its call_id; nothing is sent before `send_stub`.

        `streamed`: the response is reported in parts as it arrives, instead of once as a whole. `maybe`: no response
        will come; the call is over with its last stub part.
        """
        if Input.START_CALL not in CLIENT[self._state]:
            raise self._wrong(Input.START_CALL)
        context = self._contexts.get(context_id)
        if context is None:
            raise LocalProtocolError(f"context {context_id} was not agreed on")
        if not 0 <= opnum <= 0xFFFF:
            raise LocalProtocolError(f"{opnum} is not an operation number")
        if len(self._calls) > self._abandoned and not self._multiplexed:
            raise LocalProtocolError("a call is outstanding, and the connection carries one at a time")
        if len(self._calls) >= self._config.limits.max_calls:
            raise LocalProtocolError(f"more than {self._config.limits.max_calls} calls are outstanding")
        call_id = self._next_call_id()
        self._last_call_id = call_id
        order = self._config.order
        flags = MAYBE if maybe else 0
        extra = b""
        if object is not None:
            flags |= OBJECT_UUID
            extra = uuid_bytes(object, order)
        sender = StubSender(PType.REQUEST, call_id, context_id, opnum, order, self._max_send, flags=flags, extra=extra)
        self._calls[call_id] = _Call(call_id, context, sender, maybe, streamed)
        return call_id

    def send_stub(self, call_id: int, *parts: Buffer, last: bool = True) -> None:
        """Send request stub data, the concatenation of `parts`, as fragments.

        Parts are not copied: `data_to_send` holds views of them. With `last` false more is to follow, and up to seven
        octets are held back, since all fragments but the last hold a multiple of eight (C706 12.6.2).
        """
        call = self._call(call_id)
        if Input.REQUEST not in CLIENT[self._state]:
            raise self._wrong(Input.REQUEST)
        if call.state is CallState.NEW:
            if self._sending is not None:
                raise LocalProtocolError("fragments of two requests may not interleave")
            self._advance(call, CallInput.REQUEST_WHOLE if last else CallInput.REQUEST_FIRST)
        else:
            self._advance(call, CallInput.REQUEST_LAST if last else CallInput.REQUEST_MORE)
        self._sending = None if last else call
        call.sender.put(self._out, parts, last)
        if last and call.maybe:
            self._advance(call, CallInput.MAYBE_SENT)

    def send_block(self, call_id: int, head: Buffer, data: Buffer) -> None:
        """As `send_stub` with `last` false, where more follows at once, or else a `send_stub` without parts.

        What does not fill a fragment, up to 8 KiB of it, waits for that.
        """
        call = self._calls.get(call_id)
        if call is None or call.state is not _REQUESTING or self._state is not _BOUND:
            self.send_stub(call_id, head, data, last=False)
        else:
            call.sender.put_block(self._out, head, data)

    def request(self, context_id: int, opnum: int, stub: bytes | bytearray, object: UUID | None = None) -> int:
        """`start_call` and `send_stub` with a whole request, in one step where it fits a fragment and is the only one.

        Calls of a few octets, one after the other, are what most programs make, and here they cost a fourth.
        """
        size = len(stub)
        context = self._contexts.get(context_id)
        if (
            self._calls
            or context is None
            or self._state is not State.BOUND
            or size > self._max_send - CALL_HEADER_SIZE - OBJECT_SIZE
            or self._config.order != "<"
            or not 0 <= opnum <= 0xFFFF
        ):
            call_id = self.start_call(context_id, opnum, object=object)
            self.send_stub(call_id, stub)
            return call_id
        self._last_call_id = call_id = self._last_call_id + 1 & 0xFFFFFFFF or 1
        call = self._calls[call_id] = _Call(call_id, context, _SENT, False, False)
        call.state = CallState.WAITING
        length = CALL_HEADER_SIZE + size
        if object is None:
            head = _WHOLE_REQUEST(VERSION, 0, 0, WHOLE, _LITTLE, length, 0, call_id, size, context_id, opnum)
        else:
            flags, length = WHOLE | OBJECT_UUID, length + OBJECT_SIZE
            head = _WHOLE_REQUEST(VERSION, 0, 0, flags, _LITTLE, length, 0, call_id, size, context_id, opnum)
            if object is not self._object:
                self._object, self._object_octets = object, uuid_bytes(object)
            head += self._object_octets
        if size <= JOIN_BELOW:
            self._out.append(head + stub)
        else:
            self._out += (head, stub)
        return call_id

    def response(self, count: int, call_id: int) -> bytes | None:
        """As `received`, where the `count` octets are the whole answer to a call made by `request`: its stub.

        None means that they are not, that nothing was taken of them, and that `received` has to be called.
        """
        buffer = self._buffer
        call = self._calls.get(call_id)
        at = buffer.end
        if count < CALL_HEADER_SIZE or buffer.begin != at or call is None or call.state is not CallState.WAITING:
            return None
        view = buffer.filled(count)
        version, ptype, flags, drep, length, auth_length, got = _WHOLE_RESPONSE(view, at)
        if (
            length != count
            or got != call_id
            or ptype != self._stub_type
            or flags & WHOLE != WHOLE
            or version != VERSION
            or drep != _LITTLE
            or auth_length
            or call.streamed
            or count > self._config.limits.max_stub
            or self._partial
        ):
            buffer.end = at
            return None
        del self._calls[call_id]
        buffer.begin = buffer.end
        return view[at + CALL_HEADER_SIZE : at + count].tobytes()

    def answer(self, call_id: int, *parts: Buffer) -> None:
        """Send the response of the callback that the server makes within a call."""
        context = self._answer(call_id)
        sender = StubSender(PType.RESPONSE, call_id, context.context_id, 0, self._config.order, self._max_send)
        sender.put(self._out, parts, True)

    def refuse(self, call_id: int, status: int, *, executed: bool = True) -> None:
        """Answer a callback with a fault."""
        context = self._answer(call_id)
        flags = WHOLE if executed else WHOLE | DID_NOT_EXECUTE
        order, context_id = self._config.order, context.context_id
        self._send(FaultPdu(call_id=call_id, flags=flags, order=order, context_id=context_id, status=status))

    def _answer(self, call_id: int) -> Context:
        call = self._call(call_id)
        if call.back is None or not call.back.whole:
            raise LocalProtocolError(f"the server makes no callback within call {call_id}")
        if Input.REQUEST not in CLIENT[self._state]:
            raise self._wrong(Input.REQUEST)
        context, call.back = call.back.context, None
        return context

    def cancel(self, call_id: int) -> None:
        """Ask the server to cancel the call (co_cancel). The call still ends with its response or a `Fault`."""
        call = self._call(call_id)
        self._command(Input.CO_CANCEL)
        self._advance(call, CallInput.CANCEL)
        if call.sender.started:
            self._send(CoCancel(call_id=call_id, order=self._config.order))
        else:
            call.sender.flags |= PENDING_CANCEL

    def orphan(self, call_id: int) -> bool:
        """Give the call up; no event about it will come. Returns whether the connection may be kept, else close it."""
        call = self._call(call_id)
        self._command(Input.ORPHANED)
        if self._sending is call:
            self._sending = None
        self._streams.discard(call_id)
        if not call.sender.started:
            call.state = CallState.DONE
            del self._calls[call_id]
            return True
        self._advance(call, CallInput.ORPHAN)
        call.stub = None
        self._abandoned += 1
        self._send(Orphaned(call_id=call_id, order=self._config.order))
        return Features.KEEP_CONNECTION_ON_ORPHAN in self._features and len(self._calls) < self._config.limits.max_calls

    def abandon(self, call_id: int) -> bool:
        """Give the call up without telling the server; what it answers is dropped.

        Returns whether the connection may be kept: not if it carries one call at a time, or part of a request.
        """
        call = self._call(call_id)
        if not call.sender.started:
            return self.orphan(call_id)
        whole = self._sending is not call
        self._streams.discard(call_id)
        self._advance(call, CallInput.ORPHAN)
        call.stub = None
        self._abandoned += 1
        return whole and self._multiplexed and len(self._calls) < self._config.limits.max_calls

    # -- what stands

    def begun(self, call_id: int) -> bool:
        """Whether the server may know of a call: the little before its pipes may wait for what fills eight octets."""
        return self._call(call_id).sender.started

    def arrived(self, call_id: int) -> int:
        """Octets of a response that is not streamed and of which part is there."""
        call = self._calls.get(call_id)
        return 0 if call is None or call.stub is None else len(call.stub)

    @property
    def contexts(self) -> Sequence[Context]:
        """The contexts that were agreed on so far."""
        return tuple(self._contexts.values())

    def context_for(self, interface: SyntaxId, transfer: SyntaxId | None = None) -> Context | None:
        """The agreed context for an interface, in any transfer syntax or in the one given, if there is one."""
        for context in self._contexts.values():
            if context.interface == interface and (transfer is None or context.transfer == transfer):
                return context
        return None

    @property
    def calls(self) -> int:
        """The number of calls outstanding, without those that were given up."""
        return len(self._calls) - self._abandoned

    @property
    def given_up(self) -> int:
        """The number of calls that were given up and not answered yet."""
        return self._abandoned

    @property
    def usable(self) -> bool:
        """Whether another call may be started now: bound, not told to close, and idle unless multiplexed."""
        return (
            self._failure is None
            and Input.START_CALL in CLIENT[self._state]
            and len(self._calls) < self._config.limits.max_calls
            and (self._multiplexed or self.calls == 0)
        )

    @property
    def last_call_id(self) -> int:
        """Of the last call, bind or alter_context."""
        return self._last_call_id

    @property
    def capacity(self) -> int:
        """Calls that may be outstanding at a time; each that was given up and is not answered yet makes it less."""
        return self._config.limits.max_calls - self._abandoned if self._multiplexed else 1

    @property
    def multiplexed(self) -> bool:
        """Whether the server agreed to several outstanding calls on this connection."""
        return self._multiplexed

    @property
    def stub_room(self) -> int:
        """Octets of stub in a full fragment; blocks of a multiple of it travel best."""
        return self._max_send - CALL_HEADER_SIZE & -8

    # -- bookkeeping

    def _wrong(self, step: Input) -> LocalProtocolError:
        name = step.name.lower().replace("_", " ")
        return LocalProtocolError(f"{name} is not possible while the connection is {self._state.name.lower()}")

    def _command(self, step: Input) -> None:
        state = None if self._failure is not None else CLIENT[self._state].get(step)
        if state is None:
            raise self._wrong(step)
        self._state = state

    def _arrived(self, step: Input) -> None:
        state = CLIENT[self._state].get(step)
        if state is None:
            name = step.name.lower()
            raise RemoteProtocolError(f"the server sent {name} while the connection is {self._state.name.lower()}")
        self._state = state

    def _call(self, call_id: int) -> _Call:
        call = self._calls.get(call_id)
        if call is None or call.state is CallState.ABANDONED:
            raise LocalProtocolError(f"call {call_id} is not outstanding")
        return call

    def _advance(self, call: _Call, step: CallInput) -> None:
        """One step of a call that we take."""
        state = CLIENT_CALL[call.state].get(step)
        if state is None:
            raise LocalProtocolError(
                f"{step.name.lower()} is not possible while call {call.call_id} is {call.state.name}"
            )
        call.state = state
        if state is CallState.DONE:
            del self._calls[call.call_id]

    def _next_call_id(self) -> int:
        call_id = self._last_call_id
        while True:
            call_id = call_id + 1 & 0xFFFFFFFF
            if call_id not in self._calls and call_id:
                return call_id

    # -- what arrives

    def _answered(self, call_id: int) -> _Call:
        """The call that a response or fault is about."""
        call = self._calls.get(call_id)
        if call is None or call.state is CallState.NEW:
            # Wine's server answers everything with call_id 1; with one call outstanding it is clear what it means.
            if len(self._calls) != 1 or call is not None:
                raise RemoteProtocolError(f"the server answered call {call_id}, which is not outstanding")
            (call,) = self._calls.values()
            if call.state is CallState.NEW:
                raise RemoteProtocolError(f"the server answered call {call_id} before any was made")
            if not self._foreign_call_id_seen:
                self._foreign_call_id_seen = True
                _log.info("the server answers call %d with call_id %d; taken for it", call.call_id, call_id)
        return call

    def _over(self, call: _Call) -> None:
        """A response or fault ended the call; a request that is still under way is ended too."""
        del self._calls[call.call_id]
        self._streams.discard(call.call_id)
        if self._sending is call:
            self._sending = None
            call.sender.finish(self._out)

    def _fragment(
        self, flags: int, order: Order, call_id: int, view: memoryview, at: int, end: int
    ) -> tuple[ClientEvent, ...]:
        if Input.RESPONSE not in CLIENT[self._state]:
            self._arrived(Input.RESPONSE)
        call = self._answered(call_id)
        step = RESPONSE_INPUT[flags & WHOLE]
        state = CLIENT_CALL[call.state].get(step)
        if state is None:
            raise RemoteProtocolError(
                f"the server sent {step.name.lower()} while call {call.call_id} is {call.state.name}"
            )
        at += CALL_HEADER_SIZE
        if at > end:
            raise RemoteProtocolError("a response PDU is shorter than its header")
        if call.state is CallState.ABANDONED:
            call.state = state
            if state is CallState.DONE:
                del self._calls[call.call_id]
                self._abandoned -= 1
            return ()
        if flags & FIRST:
            if order == ">" and call.context.transfer == NDR64:
                raise RemoteProtocolError("the server sent NDR64 in big-endian order")
            call.order = order
        elif call.order != order:
            raise RemoteProtocolError("the server changed its byte order within a response")
        call.state = state
        last = bool(flags & LAST)
        data = view[at:end]
        if not call.streamed:
            whole = self._collect(call, data, last)
            if whole is None:
                return ()
            self._over(call)
            return (Stub(call.call_id, whole, True, True, order),)
        if last:
            self._over(call)
        elif flags & FIRST and order == "<" and call.call_id == call_id:
            self._streams.add(call_id)
        return (Stub(call.call_id, data, bool(flags & FIRST), last, order),)

    def _back(self, flags: int, order: Order, call_id: int, view: memoryview) -> tuple[ClientEvent, ...]:
        call = self._calls.get(call_id)
        if call is None or Input.RESPONSE not in CLIENT[self._state]:
            raise RemoteProtocolError(f"the server calls back within call {call_id}, which is not outstanding")
        if call.state is CallState.ABANDONED:
            return ()
        start = CALL_HEADER_SIZE + OBJECT_SIZE if flags & OBJECT_UUID else CALL_HEADER_SIZE
        if len(view) < start:
            raise RemoteProtocolError("a request PDU is shorter than its header")
        if call.state is not CallState.WAITING:
            raise RemoteProtocolError(f"the server calls back while call {call_id} is {call.state.name}")
        if call.back is None:
            _, context_id, opnum = _REQUEST[order](view, HEADER_SIZE)
            context = self._contexts.get(context_id)
            if context is None:
                raise RemoteProtocolError(f"the server calls back on context {context_id}, which was not agreed on")
            call.back = Callback(context, opnum)
        back = call.back
        most = self._config.limits.max_stub
        data = back.feed(view[start:], order, bool(flags & FIRST), bool(flags & LAST), most)
        return () if data is None else (CallbackRequested(call_id, back.context, back.opnum, data, order),)

    def _collect(self, call: _Call, data: memoryview, last: bool) -> bytes | None:
        """Reassemble a response; gives it once it is complete."""
        most = self._config.limits.max_stub
        if len(data) + (0 if call.stub is None else len(call.stub)) > most:
            raise RemoteProtocolError(f"a response is longer than the limit of {most} octets")
        if call.stub is None:
            if last:
                return data.tobytes()
            call.stub = bytearray(data)
            return None
        call.stub += data
        return bytes(call.stub) if last else None

    def _control(self, pdu: AnyPdu) -> tuple[ClientEvent, ...]:
        match pdu:
            case FaultPdu():
                return self._fault(pdu)
            case AlterContextResp():
                self._arrived(Input.ALTER_CONTEXT_RESP)
                outcome = self._settle(pdu)
                return (ContextsAltered(self._negotiation_id, outcome.accepted, outcome.refused),)
            case BindAck():
                self._arrived(Input.BIND_ACK)
                return (self._bind_ack(pdu),)
            case BindNak():
                self._arrived(Input.BIND_NAK)
                return (BindRefused(self._negotiation_id, pdu.reason, (), pdu.versions),)
            case Shutdown():
                self._arrived(Input.SHUTDOWN)
                return (ShutdownRequested(),)
            case _:
                raise RemoteProtocolError(f"the server sent a {pdu.ptype.name.lower()} PDU, which only clients send")

    def _settle(self, pdu: BindAck) -> Outcome:
        outcome = judge(self._elements, pdu.results)
        self._elements = ()
        self._contexts.update((context.context_id, context) for context in outcome.accepted)
        return outcome

    def _bind_ack(self, pdu: BindAck) -> ClientEvent:
        if pdu.max_recv < MIN_FRAGMENT:
            raise RemoteProtocolError(
                f"the server accepts fragments of {pdu.max_recv} octets, less than {MIN_FRAGMENT}"
            )
        outcome = self._settle(pdu)
        self._max_send = min(self._config.max_fragment, pdu.max_recv)
        self._multiplexed = self._config.multiplex and bool(pdu.flags & CONC_MPX)
        self._features = outcome.features or Features.NONE
        if not outcome.accepted:
            return BindRefused(self._negotiation_id, None, outcome.refused)
        return Bound(
            self._negotiation_id,
            outcome.accepted,
            outcome.refused,
            pdu.group_id,
            self._max_send,
            self._multiplexed,
            self._features,
            pdu.secondary_address,
        )

    def _fault(self, pdu: FaultPdu) -> tuple[ClientEvent, ...]:
        event = Fault(pdu.call_id, pdu.status, pdu.executed, pdu.cancel_count)
        if self._elements and (pdu.call_id == self._negotiation_id or pdu.call_id not in self._calls):
            # Some servers fault a bind or alter_context that they cannot make sense of.
            self._arrived(Input.FAULT if self._state is State.BINDING else Input.ALTER_CONTEXT_RESP)
            self._elements = ()
            return (event,)
        self._arrived(Input.FAULT)
        call = self._answered(pdu.call_id)
        if CallInput.FAULT not in CLIENT_CALL[call.state]:
            raise RemoteProtocolError(f"the server sent a fault while call {call.call_id} is {call.state.name}")
        if call.state is CallState.ABANDONED:
            del self._calls[call.call_id]
            self._abandoned -= 1
            return ()
        call.state = CallState.DONE
        self._over(call)
        return (Fault(call.call_id, pdu.status, pdu.executed, pdu.cancel_count),)

    def _failed(self, error: RemoteProtocolError, view: memoryview, at: int, end: int) -> None:
        self._close()

    def _ended(self, rest: bytes) -> Ended:
        if rest and rest[0] != VERSION:  # less than a header, and so not judged yet
            self._failure = foreign(rest)
            self._close()
            raise self._failure
        waiting = tuple(call_id for call_id, call in self._calls.items() if call.state is not CallState.ABANDONED)
        self._close()
        return Ended(waiting, bool(rest))

    def _close(self) -> None:
        self._state = State.CLOSED
        self._calls.clear()
        self._abandoned = 0
        self._sending = None
