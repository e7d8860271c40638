"""The server's side of an association, without I/O: bytes become events, commands leave bytes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from struct import Struct
from typing import Any, Final, TypeAlias

from idlrt.association.callbacks import Callback
from idlrt.association.connection import Connection
from idlrt.association.events import (
    Bound,
    CallbackAnswered,
    CallbackFault,
    CallOrphaned,
    CallStarted,
    CancelRequested,
    Context,
    ContextsAltered,
    Ended,
    ServerEvent,
    Stub,
)
from idlrt.association.fragments import JOIN_BELOW, StubSender
from idlrt.association.limits import DEFAULT_FRAGMENT, FALLBACK_FRAGMENT, MIN_FRAGMENT, Limits, check_fragment
from idlrt.association.negotiation import Lookup, Offer, Outcome, grant
from idlrt.association.states import REQUEST_INPUT, SERVER, SERVER_CALL, CallInput, CallState, Input, State
from idlrt.errors import (
    ERROR_ACCESS_DENIED,
    NCA_PROTO_ERROR,
    NCA_SERVER_TOO_BUSY,
    NCA_UNK_IF,
    LocalProtocolError,
    RemoteProtocolError,
)
from idlrt.ids import NDR64, Features, Order, known_uuid, uuid_from
from idlrt.pdu import (
    AlterContext,
    AlterContextResp,
    AnyPdu,
    Auth3,
    Bind,
    BindAck,
    BindNak,
    CoCancel,
    ContextResult,
    Fault,
    Orphaned,
    PType,
    Reject,
    Shutdown,
    read_header,
)
from idlrt.pdu.call import CALL_HEADER_SIZE, OBJECT_SIZE
from idlrt.pdu.header import (
    CONC_MPX,
    DID_NOT_EXECUTE,
    FIRST,
    HEADER_SIZE,
    LAST,
    MAYBE,
    OBJECT_UUID,
    PENDING_CANCEL,
    SUPPORT_HEADER_SIGN,
    VERSION,
    WHOLE,
    Buffer,
    Header,
)
from idlrt.security.provider import AuthLevel

_BOUND: Final = State.BOUND  # named once: to find a member of an enumeration is slow in Python 3.11
_RESPONDING: Final = CallState.RESPONDING
_WAITING: Final = CallState.WAITING
_REQUEST: Final = {"<": Struct("<IHH").unpack_from, ">": Struct(">IHH").unpack_from}
_LITTLE_REQUEST: Final = _REQUEST["<"]
_WHOLE_RESPONSE: Final = Struct("<BBBBIHHIIHH").pack
_LITTLE: Final = 0x10
_PLAIN: Final = FIRST | LAST | MAYBE | PENDING_CANCEL
"""Flags of which a request in one fragment, with nothing particular about it, has the first two."""

_event: Final[Callable[[Any, tuple[object, ...]], Any]] = tuple.__new__
"""Makes a named tuple without a detour through its own `__new__`."""

JoinGroup: TypeAlias = Callable[[int], int | None]
"""Takes the group id of a bind, 0 for a new group, and gives the group's id, or None to refuse the bind."""


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """How a server treats its connections; shared by all of them."""

    lookup: Lookup
    join_group: JoinGroup
    secondary_address: str = ""
    """The endpoint as text, for the bind_ack: a port, or \\PIPE\\name."""
    max_fragment: int = DEFAULT_FRAGMENT
    """Largest fragment to send and receive, 1432 to 65535; stubs are cut at multiples of 8 within it."""
    order: Order = "<"
    """Byte order in which we send; responses must be marshalled in it."""
    multiplex: bool = True
    """Grant several outstanding calls on a connection to clients that ask for it."""
    features: Features = Features.KEEP_CONNECTION_ON_ORPHAN
    """Bind-time features to grant."""
    limits: Limits = field(default_factory=Limits)
    rebind: bool = False
    """Whether a client without calls may bind anew, as some clients of objects do: what was agreed before is void."""

    def __post_init__(self) -> None:
        check_fragment(self.max_fragment)


class _Violation(RemoteProtocolError):
    """A broken rule about which the client gets a particular fault."""

    def __init__(
        self,
        message: str,
        *,
        call_id: int | None = None,
        context_id: int = 0,
        status: int = NCA_PROTO_ERROR,
    ) -> None:
        super().__init__(message)
        self.call_id = call_id
        self.context_id = context_id
        self.status = status


class _Call:
    __slots__ = ("back", "call_id", "cancels", "context_id", "maybe", "order", "sender", "state", "streamed", "stub")

    def __init__(
        self, call_id: int, context_id: int, state: CallState, order: Order, maybe: bool, streamed: bool
    ) -> None:
        self.call_id = call_id
        self.context_id = context_id
        self.sender: StubSender | None = None  # once the response does not go in one step
        self.order = order  # of the request
        self.maybe = maybe
        self.streamed = streamed
        self.state = state
        self.cancels = 0
        self.stub: bytearray | None = None  # of a request that is not streamed
        self.back: Callback | None = None  # that was made and is not answered


class ServerConnection(Connection[ServerEvent]):
    """One connection of a server.

    Binds are answered from the configuration. Commands raise `LocalProtocolError` when the state does not allow them.
    `receive` and `received` return an iterator that MUST be iterated to its end; it raises `RemoteProtocolError` and
    nothing else. Then send what `data_to_send` still holds (a fault or a bind_nak that tells the peer) and close.
    """

    _stub_type = int(PType.REQUEST)
    _back_type = int(PType.RESPONSE)

    def __init__(self, config: ServerConfig) -> None:
        super().__init__()
        self._config = config
        self._state = State.IDLE
        self._calls: dict[int, _Call] = {}
        self._begun: dict[int, _Call] = {}  # calls whose requests are not complete; several if they are multiplexed
        self._contexts: dict[int, Context] = {}
        self._offers: dict[int, Offer] = {}
        self._group_id = 0
        self._max_fragment = config.max_fragment  # as agreed on; larger ones are taken up to what we asked for
        self._max_receive = config.max_fragment
        self._multiplexed = False
        self._unheard: set[int] = set()  # calls that ended before their callback was answered

    # -- commands

    def call_back(self, call_id: int, opnum: int, *parts: Buffer) -> None:
        """Call an operation of the client within a call that has its whole request and no response yet.

        `CallbackAnswered` or `CallbackFault` answers; one callback at a time.
        """
        call = self._call(call_id)
        if Input.RESPONSE not in SERVER[self._state]:
            raise self._wrong(Input.RESPONSE)
        if call.state is not CallState.WAITING or call.maybe:
            raise LocalProtocolError(f"no callback is possible while call {call_id} is {call.state.name}")
        if call.back is not None:
            raise LocalProtocolError(f"call {call_id} makes a callback already")
        call.back = Callback(self._contexts[call.context_id], opnum)
        order = self._config.order
        sender = StubSender(PType.REQUEST, call_id, call.context_id, opnum, order, self._max_fragment)
        sender.put(self._out, parts, True)

    def respond(self, call_id: int, *parts: Buffer, last: bool = True) -> None:
        """Send response stub data, the concatenation of `parts`; with `last` the call is over.

        Parts are not copied: `data_to_send` holds views of them. With `last` false up to seven octets are held back. A
        response may begin, and end, before all of a streamed request has arrived; the rest of it is then dropped.
        """
        call = self._call(call_id)
        if last and call.state is _WAITING and self._respond_at_once(call, parts):
            return
        if Input.RESPONSE not in SERVER[self._state]:
            raise self._wrong(Input.RESPONSE)
        begun = call.state in (CallState.RESPONDING, CallState.EARLY)
        if begun:
            step = CallInput.RESPONSE_LAST if last else CallInput.RESPONSE_MORE
        else:
            step = CallInput.RESPONSE_WHOLE if last else CallInput.RESPONSE_FIRST
        silent = call.maybe or call.state is CallState.ABANDONED
        self._advance(call, step)
        if not silent:
            self._sender(call).put(self._out, parts, last)

    def respond_block(self, call_id: int, head: Buffer, data: Buffer) -> None:
        """As `respond` with `last` false, where more follows at once, or else a `respond` without parts.

        What does not fill a fragment, up to 8 KiB of it, waits for that.
        """
        call = self._calls.get(call_id)
        if call is None or call.state is not _RESPONDING or self._state is not _BOUND or call.maybe:
            self.respond(call_id, head, data, last=False)
        else:
            self._sender(call).put_block(self._out, head, data)

    def _respond_at_once(self, call: _Call, parts: tuple[Buffer, ...]) -> bool:
        """Send a response of one part in one fragment; whether it is one. So most are, and it costs a third."""
        if len(parts) != 1 or call.maybe or call.cancels or self._config.order != "<" or self._state is not _BOUND:
            return False
        size = len(parts[0])
        if size > JOIN_BELOW or size > self.stub_room or type(parts[0]) is memoryview:
            return False
        call.state = CallState.DONE
        del self._calls[call.call_id]
        if call.back is not None:
            self._unheard.add(call.call_id)
        length, call_id, context_id = CALL_HEADER_SIZE + size, call.call_id, call.context_id
        self._out.append(
            _WHOLE_RESPONSE(VERSION, 0, 2, WHOLE, _LITTLE, length, 0, call_id, size, context_id, 0) + parts[0]
        )
        return True

    def _sender(self, call: _Call) -> StubSender:
        sender = call.sender
        if sender is None:
            call_id, context_id, order = call.call_id, call.context_id, self._config.order
            sender = StubSender(PType.RESPONSE, call_id, context_id, self._tail(call), order, self._max_fragment)
            call.sender = sender
        return sender

    def fault(self, call_id: int, status: int, *, executed: bool = True) -> None:
        """End the call with a fault, also in the midst of its request or response."""
        call = self._call(call_id)
        if Input.FAULT not in SERVER[self._state]:
            raise self._wrong(Input.FAULT)
        silent = call.maybe or call.state is CallState.ABANDONED
        self._advance(call, CallInput.FAULT)
        if not silent:
            self._send_fault(call_id, call.context_id, status, executed, call.cancels)

    def shutdown(self) -> None:
        """Ask the client to close the connection when it is idle."""
        if Input.SHUTDOWN not in SERVER[self._state]:
            raise self._wrong(Input.SHUTDOWN)
        self._send(Shutdown(call_id=0, order=self._config.order))

    # -- what stands

    @property
    def contexts(self) -> Sequence[Context]:
        """The contexts that were agreed on so far."""
        return tuple(self._contexts.values())

    @property
    def group_id(self) -> int:
        """The association group of the connection, 0 before the bind."""
        return self._group_id

    @property
    def calls(self) -> int:
        """The number of calls that were started and not ended."""
        return len(self._calls)

    @property
    def stub_room(self) -> int:
        """Octets of stub in a full fragment; blocks of a multiple of it travel best."""
        return self._max_fragment - CALL_HEADER_SIZE & -8

    # -- bookkeeping

    def _wrong(self, step: Input) -> LocalProtocolError:
        name = step.name.lower().replace("_", " ")
        return LocalProtocolError(f"{name} is not possible while the connection is {self._state.name.lower()}")

    def _arrived(self, step: Input) -> None:
        state = SERVER[self._state].get(step)
        if state is None:
            name = step.name.lower()
            raise RemoteProtocolError(f"the client sent {name} while the connection is {self._state.name.lower()}")
        self._state = state

    def _call(self, call_id: int) -> _Call:
        call = self._calls.get(call_id)
        if call is None:
            raise LocalProtocolError(f"call {call_id} is not outstanding")
        return call

    def _advance(self, call: _Call, step: CallInput) -> None:
        """One step of a call that we take."""
        state = SERVER_CALL[call.state].get(step)
        if state is None:
            raise LocalProtocolError(
                f"{step.name.lower()} is not possible while call {call.call_id} is {call.state.name}"
            )
        call.state = state
        if state is CallState.DONE:
            del self._calls[call.call_id]
            if call.back is not None:
                self._unheard.add(call.call_id)
        elif state is CallState.DRAINING:
            self._streams.discard(call.call_id)
            call.stub = None

    def _send_fault(self, call_id: int, context_id: int, status: int, executed: bool, cancels: int = 0) -> None:
        flags = WHOLE if executed else WHOLE | DID_NOT_EXECUTE
        self._send(
            Fault(
                call_id=call_id,
                flags=flags,
                order=self._config.order,
                context_id=context_id,
                cancel_count=min(cancels, 255),
                status=status & 0xFFFFFFFF,
            )
        )

    # -- what arrives: requests

    def _unprotect(self, view: memoryview, header: Header) -> tuple[memoryview, int]:
        try:
            return super()._unprotect(view, header)
        except RemoteProtocolError as error:
            context_id = _REQUEST[header.order](view, HEADER_SIZE)[1] if len(view) >= CALL_HEADER_SIZE else 0
            raise _Violation(str(error), context_id=context_id, status=ERROR_ACCESS_DENIED) from None

    def _fragment(
        self, flags: int, order: Order, call_id: int, view: memoryview, at: int, end: int
    ) -> tuple[ServerEvent, ...]:
        if flags & _PLAIN == WHOLE:
            events = self._plain(flags, order, call_id, view, at, end)
            if events is not None:
                return events
        if Input.REQUEST not in SERVER[self._state]:
            self._arrived(Input.REQUEST)
        start = at + (CALL_HEADER_SIZE + OBJECT_SIZE if flags & OBJECT_UUID else CALL_HEADER_SIZE)
        if start > end:
            raise RemoteProtocolError("a request PDU is shorter than its header")
        started: ServerEvent | None = None
        if flags & FIRST:
            call, started = self._begin(flags, order, call_id, view, at)
            if started is None:  # turned away; the rest of it is dropped
                return ()
        else:
            known = self._begun.get(call_id)
            if known is None:
                raise RemoteProtocolError(f"the client continues request {call_id}, which it has not begun")
            call = known
            step = REQUEST_INPUT[flags & WHOLE]
            state = SERVER_CALL[call.state].get(step)
            if state is None:
                raise _Violation(
                    f"the client sent {step.name.lower()} while call {call_id} is {call.state.name}",
                    context_id=call.context_id,
                )
            if call.order != order:
                raise RemoteProtocolError("the client changed its byte order within a request")
            drained = call.state is CallState.DRAINING
            call.state = state
            if flags & LAST:
                del self._begun[call_id]
                self._streams.discard(call_id)
                if state is CallState.DONE:
                    del self._calls[call_id]
            if drained:
                return ()
        last = bool(flags & LAST)
        data: bytes | memoryview = view[start:end]
        if not call.streamed:
            whole = self._collect(call, view[start:end], last)
            if whole is None:
                return () if started is None else (started,)
            stub = Stub(call_id, whole, True, True, order)
        else:
            stub = Stub(call_id, data, started is not None, last, order)
            if started is not None and not last and order == "<":
                self._streams.add(call_id)
        return (stub,) if started is None else (started, stub)

    def _plain(
        self, flags: int, order: Order, call_id: int, view: memoryview, at: int, end: int
    ) -> tuple[ServerEvent, ...] | None:
        """A request in one fragment with nothing particular about it, as most are; None for any other."""
        calls, start, target = self._calls, at + CALL_HEADER_SIZE, None
        if flags & OBJECT_UUID:
            start += OBJECT_SIZE
        if self._state is not State.BOUND or order != "<" or start > end:
            return None
        if calls and (call_id in calls or not self._multiplexed):
            return None
        hint, context_id, opnum = _LITTLE_REQUEST(view, at + HEADER_SIZE)
        context = self._contexts.get(context_id)
        if context is None or opnum in self._offers[context_id].streamed:
            return None
        limits = self._config.limits
        if end - start > limits.max_stub or len(calls) >= limits.max_calls:
            return None
        if flags & OBJECT_UUID:
            target = known_uuid(view[start - OBJECT_SIZE : start].tobytes())
        calls[call_id] = _Call(call_id, context_id, _WAITING, order, False, False)
        return (
            _event(CallStarted, (call_id, context, opnum, target, order, False, False, False, hint)),
            _event(Stub, (call_id, view[start:end].tobytes(), True, True, order)),
        )

    def _back(self, flags: int, order: Order, call_id: int, view: memoryview) -> tuple[ServerEvent, ...]:
        call = self._answering(call_id, bool(flags & LAST))
        if call is None or call.back is None:
            return ()
        if len(view) < CALL_HEADER_SIZE:
            raise RemoteProtocolError("a response PDU is shorter than its header")
        first, last, most = bool(flags & FIRST), bool(flags & LAST), self._config.limits.max_stub
        data = call.back.feed(view[CALL_HEADER_SIZE:], order, first, last, most)
        if data is None:
            return ()
        call.back = None
        return (CallbackAnswered(call_id, data, order),)

    def _back_fault(self, pdu: Fault) -> tuple[ServerEvent, ...]:
        call = self._answering(pdu.call_id, True)
        if call is None:
            return ()
        call.back = None
        return (CallbackFault(pdu.call_id, pdu.status, pdu.executed),)

    def _answering(self, call_id: int, last: bool) -> _Call | None:
        """The call whose callback the client answers; None when it is over."""
        call = self._calls.get(call_id)
        if call is not None and call.back is not None:
            return call
        if call_id not in self._unheard:
            raise RemoteProtocolError(f"the client answers a callback within call {call_id} that was not made")
        if last:
            self._unheard.discard(call_id)
        return None

    def _collect(self, call: _Call, data: memoryview, last: bool) -> bytes | None:
        """Reassemble a request; gives it once it is complete."""
        most = self._config.limits.max_stub
        if len(data) + (0 if call.stub is None else len(call.stub)) > most:
            raise _Violation(
                f"a request is longer than the limit of {most} octets",
                context_id=call.context_id,
                status=ERROR_ACCESS_DENIED,
            )
        if call.stub is None and last:
            return data.tobytes()
        if len(self._begun) > 1:
            self._check_partial(len(data), call.context_id)
        if call.stub is None:
            call.stub = bytearray(data)
            return None
        call.stub += data
        if not last:
            return None
        whole, call.stub = bytes(call.stub), None
        return whole

    def _check_partial(self, more: int, context_id: int) -> None:
        """Clients may interleave requests, but not so that the incomplete ones together are too much."""
        most = self._config.limits.max_partial
        if more + sum(len(call.stub) for call in self._begun.values() if call.stub is not None) > most:
            message = f"incomplete requests are longer than the limit of {most} octets"
            raise _Violation(message, context_id=context_id, status=ERROR_ACCESS_DENIED)

    def _begin(
        self, flags: int, order: Order, call_id: int, view: memoryview, at: int
    ) -> tuple[_Call, CallStarted | None]:
        """A first fragment: the new call, and the event unless it is turned away."""
        if call_id in self._calls or (self._begun and not self._multiplexed):
            self._make_way(call_id)
        maybe = bool(flags & MAYBE)
        if not self._multiplexed and any(
            not other.maybe and other.state is not CallState.ABANDONED for other in self._calls.values()
        ):
            raise RemoteProtocolError(
                "the client makes a second call at a time without having asked for that in its bind"
            )
        hint, context_id, opnum = _REQUEST[order](view, at + 16)
        context = self._contexts.get(context_id)
        config = self._config
        streamed = context is not None and opnum in self._offers[context_id].streamed
        state = SERVER_CALL[CallState.NEW][REQUEST_INPUT[flags & WHOLE]]
        call = _Call(call_id, context_id, state, order, maybe, streamed)
        refusal = None
        if context is None:
            refusal = NCA_UNK_IF
            call.context_id = 0
        elif len(self._calls) >= config.limits.max_calls and not self._forget_drained():
            refusal = NCA_SERVER_TOO_BUSY
        elif order == ">" and context.transfer == NDR64:
            raise RemoteProtocolError("the client sent NDR64 in big-endian order")
        elif not streamed and not flags & LAST and hint > config.limits.max_stub:
            raise _Violation(
                f"a request announces {hint} octets, more than the limit of {config.limits.max_stub}",
                context_id=context_id,
                status=ERROR_ACCESS_DENIED,
            )
        self._calls[call_id] = call
        if not flags & LAST:
            self._begun[call_id] = call
        if refusal is not None or context is None:
            self.fault(call_id, refusal or NCA_UNK_IF, executed=False)
            return call, None
        cancelled = bool(flags & PENDING_CANCEL)
        if cancelled:
            self._cancelled(call)
        target = None
        if flags & OBJECT_UUID:
            target = uuid_from(view[at + CALL_HEADER_SIZE : at + CALL_HEADER_SIZE + OBJECT_SIZE], order)
        return call, CallStarted(call_id, context, opnum, target, order, streamed, maybe, cancelled, hint)

    def _make_way(self, call_id: int) -> None:
        """A request begins where another stands: that is fine if we answered it early and its sender never ended it."""
        others = {} if self._multiplexed else dict(self._begun)
        if call_id in self._calls:
            others[call_id] = self._calls[call_id]
        for other in others.values():
            if other.state is not CallState.DRAINING:
                raise _Violation(
                    f"the client begins call {call_id} while {other.call_id} is not complete",
                    call_id=other.call_id,
                    context_id=other.context_id,
                )
            self._forget(other)

    def _forget_drained(self) -> bool:
        """Make room for another call by those that were answered early and never ended; whether there is any."""
        for other in tuple(self._begun.values()):
            if other.state is CallState.DRAINING:
                self._forget(other)
        return len(self._calls) < self._config.limits.max_calls

    def _forget(self, call: _Call) -> None:
        del self._calls[call.call_id]
        del self._begun[call.call_id]

    def _cancelled(self, call: _Call) -> None:
        call.cancels += 1
        if call.sender is not None:
            call.sender.tail = self._tail(call)

    def _tail(self, call: _Call) -> int:
        """The end of a response's header: the cancel count is the low octet of two."""
        count = min(call.cancels, 255)
        return count if self._config.order == "<" else count << 8

    # -- what arrives: everything else

    def _control(self, pdu: AnyPdu) -> tuple[ServerEvent, ...]:
        match pdu:
            case AlterContext():
                return self._alter(pdu)
            case Bind():
                return self._bind(pdu)
            case CoCancel():
                return self._co_cancel(pdu)
            case Fault():
                return self._back_fault(pdu)
            case Orphaned():
                return self._orphaned(pdu)
            case Auth3():
                self._arrived(Input.AUTH3)  # nothing was begun that it could end
                return ()
            case _:
                raise RemoteProtocolError(f"the client sent a {pdu.ptype.name.lower()} PDU, which only servers send")

    def _co_cancel(self, pdu: CoCancel) -> tuple[ServerEvent, ...]:
        self._arrived(Input.CO_CANCEL)
        call = self._calls.get(pdu.call_id)
        if call is None or call.state in (CallState.DRAINING, CallState.ABANDONED):
            return ()  # too late, which is nobody's fault
        call.state = SERVER_CALL[call.state][CallInput.CANCEL]
        self._cancelled(call)
        return (CancelRequested(pdu.call_id),)

    def _orphaned(self, pdu: Orphaned) -> tuple[ServerEvent, ...]:
        self._arrived(Input.ORPHANED)
        call = self._calls.get(pdu.call_id)
        if call is None or call.state is CallState.ABANDONED:
            return ()
        self._streams.discard(pdu.call_id)
        self._begun.pop(pdu.call_id, None)
        call.stub = None
        call.state = SERVER_CALL[call.state][CallInput.ORPHAN]
        if call.state is CallState.DONE:
            del self._calls[pdu.call_id]
            return ()
        return (CallOrphaned(pdu.call_id),)

    def _grant(self, pdu: Bind) -> tuple[tuple[ContextResult, ...], Outcome]:
        config = self._config
        room = config.limits.max_contexts - len(self._contexts)
        results, outcome, offers = grant(pdu.contexts, self._contexts, config.lookup, pdu.order, config.features, room)
        self._contexts.update((context.context_id, context) for context in outcome.accepted)
        self._offers.update(offers)
        return results, outcome

    def _bind(self, pdu: Bind) -> tuple[ServerEvent, ...]:
        config = self._config
        if self._state is State.BOUND:
            if not config.rebind or self._calls or pdu.group_id not in (0, self._group_id):
                raise self._nak(pdu, Reject.NOT_SPECIFIED, "the client binds a second time")
            self._contexts.clear()
            self._offers.clear()
            self._state = State.IDLE
        self._arrived(Input.BIND)
        if pdu.auth is not None:
            known_level = AuthLevel.CONNECT <= pdu.auth.level <= AuthLevel.PRIVACY
            reason = Reject.AUTH_TYPE if known_level else Reject.NOT_SPECIFIED
            raise self._nak(pdu, reason, "the client wants authentication, which is not offered")
        if not pdu.contexts:
            raise self._nak(pdu, Reject.NOT_SPECIFIED, "the client binds without an interface")
        try:
            results, outcome = self._grant(pdu)
        except RemoteProtocolError as error:
            raise self._nak(pdu, Reject.NOT_SPECIFIED, str(error)) from None
        group_id = self._group_id or config.join_group(pdu.group_id)
        if group_id is None:
            raise self._nak(
                pdu, Reject.NOT_SPECIFIED, f"the client wants association group {pdu.group_id}, unknown here"
            )
        self._group_id = group_id
        fragment = min(config.max_fragment, pdu.max_xmit, pdu.max_recv) & -8
        if fragment < MIN_FRAGMENT:
            fragment = min(config.max_fragment, FALLBACK_FRAGMENT)
        self._max_fragment = fragment
        self._multiplexed = config.multiplex and bool(pdu.flags & CONC_MPX)
        self._arrived(Input.BIND_ACK)
        flags = WHOLE | pdu.flags & SUPPORT_HEADER_SIGN
        self._send(
            BindAck(
                call_id=pdu.call_id,
                flags=flags | CONC_MPX if self._multiplexed else flags,
                order=config.order,
                max_xmit=fragment,
                max_recv=fragment,
                group_id=group_id,
                secondary_address=config.secondary_address,
                results=results,
            )
        )
        return (
            Bound(
                pdu.call_id,
                outcome.accepted,
                outcome.refused,
                group_id,
                fragment,
                self._multiplexed,
                outcome.features or Features.NONE,
                config.secondary_address,
            ),
        )

    def _nak(self, pdu: Bind, reason: Reject, message: str) -> RemoteProtocolError:
        """Refuse a bind; what it returns is to be raised, since the connection ends with that."""
        nak = BindNak(
            call_id=pdu.call_id,
            order=self._config.order,
            reason=reason,
            versions=((VERSION, pdu.minor),),
            tail=bytes(3),  # Windows and Samba pad to a multiple of four
        )
        self._send(nak)
        self._state = State.CLOSED
        return RemoteProtocolError(message)

    def _alter(self, pdu: AlterContext) -> tuple[ServerEvent, ...]:
        self._arrived(Input.ALTER_CONTEXT)
        if not self._multiplexed and any(call.state is not CallState.DRAINING for call in self._begun.values()):
            raise RemoteProtocolError("the client alters contexts in the midst of a request")
        if not pdu.contexts:
            raise RemoteProtocolError("the client alters no context")
        results, outcome = self._grant(pdu)
        self._arrived(Input.ALTER_CONTEXT_RESP)
        self._send(
            AlterContextResp(
                call_id=pdu.call_id,
                flags=WHOLE | pdu.flags & SUPPORT_HEADER_SIGN,
                order=self._config.order,
                max_xmit=self._max_fragment,
                max_recv=self._max_fragment,
                group_id=self._group_id,
                results=results,
            )
        )
        return (ContextsAltered(pdu.call_id, outcome.accepted, outcome.refused),)

    # -- ends

    def _failed(self, error: RemoteProtocolError, view: memoryview, at: int, end: int) -> None:
        """Tell the client: a bind_nak with our version before the bind, a fault about what it did after it."""
        if self._state is State.IDLE:
            if end - at >= HEADER_SIZE and (view[at] != VERSION or view[at + 2] == PType.BIND):
                self._send(
                    BindNak(
                        call_id=int.from_bytes(view[at + 12 : at + 16], "little" if view[at + 4] & 0x10 else "big"),
                        order=self._config.order,
                        reason=Reject.PROTOCOL_VERSION,
                        tail=bytes(3),
                    )
                )
        elif self._state is not State.CLOSED:
            try:
                header = read_header(view, at)
            except RemoteProtocolError:
                pass  # not even a header to name the call by
            else:
                entered = header.ptype is PType.REQUEST  # as Windows says of a request that it could not follow
                if isinstance(error, _Violation):
                    call_id = header.call_id if error.call_id is None else error.call_id
                    self._send_fault(call_id, error.context_id, error.status, entered)
                else:
                    self._send_fault(header.call_id, 0, NCA_PROTO_ERROR, entered)
        self._close()

    def _close(self) -> None:
        self._state = State.CLOSED
        self._calls.clear()
        self._begun.clear()

    def _ended(self, rest: bytes) -> Ended:
        waiting = tuple(
            call_id
            for call_id, call in self._calls.items()
            if call.state not in (CallState.ABANDONED, CallState.DRAINING)
        )
        self._close()
        return Ended(waiting, bool(rest))
