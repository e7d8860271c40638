"""Every pair of state and input, at both sides: it is in the table, or it is an error of the right kind."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from idlrt.association import ClientConnection, Ended, Proposal, ServerConnection
from idlrt.association.states import (
    CLIENT,
    CLIENT_CALL,
    SERVER,
    SERVER_CALL,
    CallInput,
    CallState,
    CallTable,
    Input,
    State,
    Table,
)
from idlrt.errors import LocalProtocolError, RemoteProtocolError
from idlrt.ids import NDR20
from idlrt.pdu import (
    AlterContext,
    AlterContextResp,
    AnyPdu,
    Auth3,
    Bind,
    BindAck,
    BindNak,
    CoCancel,
    ContextElement,
    ContextResult,
    Fault,
    Orphaned,
    Request,
    Response,
    Shutdown,
    encode,
)
from tests.association.joined import INTERFACE, Pair, bound

# -- the tables themselves


@pytest.mark.parametrize("table", [CLIENT, SERVER])
def test_every_transition_of_a_connection_leads_to_a_state_of_its_table(table: Table) -> None:
    assert {after for row in table.values() for after in row.values()} <= set(table)
    assert not table[State.CLOSED]


@pytest.mark.parametrize("table", [CLIENT_CALL, SERVER_CALL])
def test_every_transition_of_a_call_leads_to_a_state_of_its_table(table: CallTable) -> None:
    assert {after for row in table.values() for after in row.values()} <= set(table)
    assert not table[CallState.DONE]


@pytest.mark.parametrize("table", [CLIENT_CALL, SERVER_CALL])
def test_every_state_of_a_call_is_reached_and_can_end(table: CallTable) -> None:
    reached = {CallState.NEW}
    while (more := {after for state in reached for after in table[state].values()}) - reached:
        reached |= more
    assert reached == set(table)
    ends = {CallState.DONE}
    while (more := {state for state, row in table.items() if set(row.values()) & ends}) - ends:
        ends |= more
    assert ends == set(table)


# -- the connections obey them

ELEMENT = ContextElement(0, INTERFACE, (NDR20,))
ACK = BindAck(call_id=1, max_xmit=5840, max_recv=5840, group_id=7, results=(ContextResult(0, 0, NDR20),))
ALTER_RESP = AlterContextResp(
    call_id=9, max_xmit=5840, max_recv=5840, group_id=7, results=(ContextResult(0, 0, NDR20),)
)


def _client_in(state: State) -> ClientConnection:
    pair = Pair()
    client = pair.client
    if state is State.IDLE:
        return client
    client.bind(Proposal(INTERFACE))
    match state:
        case State.BINDING:
            pass
        case State.REFUSED:
            list(client.receive(encode(BindNak(call_id=1, reason=0))))
        case State.CLOSED:
            list(client.receive_eof())
        case _:
            pair.to_server()
            pair.to_client()
    match state:
        case State.ALTERING:
            client.alter_context(Proposal(INTERFACE))
        case State.CLOSING:
            client.alter_context(Proposal(INTERFACE))
            list(client.receive(encode(Shutdown(call_id=0))))
        case _:
            pass
    assert client._state is state
    return client


# What the client does by itself, each as a command that is right in every other respect.
CLIENT_COMMANDS: dict[Input, Callable[[ClientConnection], object]] = {
    Input.BIND: lambda client: client.bind(Proposal(INTERFACE)),
    Input.ALTER_CONTEXT: lambda client: client.alter_context(Proposal(INTERFACE)),
    Input.START_CALL: lambda client: client.start_call(0, 0),
}
CLIENT_ARRIVALS: dict[Input, AnyPdu] = {
    Input.BIND_ACK: ACK,
    Input.BIND_NAK: BindNak(call_id=1, reason=0),
    Input.ALTER_CONTEXT_RESP: ALTER_RESP,
    Input.SHUTDOWN: Shutdown(call_id=0),
}


@pytest.mark.parametrize("state", CLIENT, ids=lambda state: state.name)
@pytest.mark.parametrize("step", CLIENT_COMMANDS, ids=lambda step: step.name)
def test_a_client_may_do_what_the_table_says(state: State, step: Input) -> None:
    client = _client_in(state)
    after = CLIENT[state].get(step)
    if after is None:
        with pytest.raises(LocalProtocolError):
            CLIENT_COMMANDS[step](client)
        assert client._state is state
    else:
        CLIENT_COMMANDS[step](client)
        assert client._state is after


@pytest.mark.parametrize("state", CLIENT, ids=lambda state: state.name)
@pytest.mark.parametrize("step", CLIENT_ARRIVALS, ids=lambda step: step.name)
def test_a_server_may_send_a_client_what_the_table_says(state: State, step: Input) -> None:
    client = _client_in(state)
    after = CLIENT[state].get(step)
    pdu = CLIENT_ARRIVALS[step]
    if step is Input.BIND_ACK:  # the second result is for the features
        pdu = BindAck(call_id=1, max_xmit=5840, max_recv=5840, group_id=7, results=(*ACK.results, ContextResult(3, 2)))
    if after is None:
        with pytest.raises(RemoteProtocolError):
            list(client.receive(encode(pdu)))
        assert client._state is State.CLOSED
    else:
        assert len(list(client.receive(encode(pdu)))) == 1
        assert client._state is after


@pytest.mark.parametrize(
    "state", [State.IDLE, State.BINDING, State.REFUSED, State.CLOSED], ids=lambda state: state.name
)
@pytest.mark.parametrize(
    "pdu", [Response(call_id=2, context_id=0), Fault(call_id=2, status=5)], ids=lambda p: p.ptype.name
)
def test_a_client_without_a_call_takes_no_answer(state: State, pdu: AnyPdu) -> None:
    client = _client_in(state)
    if isinstance(pdu, Fault) and state is State.BINDING:  # as an answer to the bind it is one
        assert len(list(client.receive(encode(pdu)))) == 1
        assert client._state is CLIENT[state][Input.FAULT]
        return
    with pytest.raises(RemoteProtocolError):
        list(client.receive(encode(pdu)))


@pytest.mark.parametrize("state", CLIENT, ids=lambda state: state.name)
def test_the_end_of_a_connection_can_come_in_every_state(state: State) -> None:
    client = _client_in(state)
    assert list(client.receive_eof()) == [Ended((), False)]
    assert client._state is State.CLOSED


SERVER_ARRIVALS: dict[Input, AnyPdu] = {
    Input.BIND: Bind(call_id=1, max_xmit=5840, max_recv=5840, contexts=(ELEMENT,)),
    Input.ALTER_CONTEXT: AlterContext(call_id=2, max_xmit=5840, max_recv=5840, contexts=(ELEMENT,)),
    Input.AUTH3: Auth3(call_id=1),
    Input.REQUEST: Request(call_id=3, context_id=0, opnum=0),
    Input.CO_CANCEL: CoCancel(call_id=3),
    Input.ORPHANED: Orphaned(call_id=3),
}


def _server_in(state: State) -> ServerConnection:
    server = Pair().server
    match state:
        case State.BOUND:
            server = bound().server
        case State.CLOSED:
            list(server.receive_eof())
        case _:
            pass
    assert server._state is state
    server.data_to_send()
    return server


@pytest.mark.parametrize("state", [State.IDLE, State.BOUND, State.CLOSED], ids=lambda state: state.name)
@pytest.mark.parametrize("step", SERVER_ARRIVALS, ids=lambda step: step.name)
def test_a_client_may_send_a_server_what_the_table_says(state: State, step: Input) -> None:
    server = _server_in(state)
    if step in SERVER[state]:
        list(server.receive(encode(SERVER_ARRIVALS[step])))
        assert server._state is State.BOUND
    else:
        with pytest.raises(RemoteProtocolError):
            list(server.receive(encode(SERVER_ARRIVALS[step])))
        assert server._state is State.CLOSED


@pytest.mark.parametrize("state", [State.IDLE, State.BOUND, State.CLOSED], ids=lambda state: state.name)
def test_a_server_may_ask_for_shutdown_where_the_table_says(state: State) -> None:
    server = _server_in(state)
    if Input.SHUTDOWN in SERVER[state]:
        server.shutdown()
        assert b"".join(server.data_to_send()) == encode(Shutdown(call_id=0))
    else:
        with pytest.raises(LocalProtocolError):
            server.shutdown()


# -- and so do the calls: every state is made, every input tried

COMMANDS: dict[CallInput, Callable[[Pair, int], object]] = {
    CallInput.REQUEST_FIRST: lambda pair, call: pair.client.send_stub(call, bytes(8), last=False),
    CallInput.REQUEST_MORE: lambda pair, call: pair.client.send_stub(call, bytes(8), last=False),
    CallInput.REQUEST_LAST: lambda pair, call: pair.client.send_stub(call, last=True),
    CallInput.REQUEST_WHOLE: lambda pair, call: pair.client.send_stub(call, last=True),
    CallInput.CANCEL: lambda pair, call: pair.client.cancel(call),
    CallInput.ORPHAN: lambda pair, call: pair.client.orphan(call),
}
ARRIVALS = {
    CallInput.RESPONSE_FIRST: 1,
    CallInput.RESPONSE_MORE: 0,
    CallInput.RESPONSE_LAST: 2,
    CallInput.RESPONSE_WHOLE: 3,
}
PATHS: dict[CallState, tuple[CallInput, ...]] = {
    CallState.NEW: (),
    CallState.REQUESTING: (CallInput.REQUEST_FIRST,),
    CallState.WAITING: (CallInput.REQUEST_WHOLE,),
    CallState.RESPONDING: (CallInput.REQUEST_WHOLE, CallInput.RESPONSE_FIRST),
    CallState.EARLY: (CallInput.REQUEST_FIRST, CallInput.RESPONSE_FIRST),
    CallState.ABANDONED: (CallInput.REQUEST_WHOLE, CallInput.ORPHAN),
    CallState.DONE: (CallInput.REQUEST_WHOLE, CallInput.RESPONSE_WHOLE),
}


def _step_client(pair: Pair, call: int, step: CallInput) -> None:
    if step is CallInput.FAULT:
        list(pair.client.receive(encode(Fault(call_id=call, status=5))))
    elif step in ARRIVALS:
        list(pair.client.receive(encode(Response(call_id=call, flags=ARRIVALS[step], context_id=0, stub=bytes(8)))))
    else:
        COMMANDS[step](pair, call)


@pytest.mark.parametrize("state", CLIENT_CALL, ids=lambda state: state.name)
@pytest.mark.parametrize("step", [step for step in CallInput if step is not CallInput.MAYBE_SENT], ids=lambda s: s.name)
def test_a_client_call_goes_as_the_table_says(state: CallState, step: CallInput) -> None:
    pair = bound()
    call = pair.start(streamed=True)
    for before in PATHS[state]:
        _step_client(pair, call, before)
    record = pair.client._calls.get(call)
    assert (CallState.DONE if record is None else record.state) is state
    sending = step in (CallInput.REQUEST_FIRST, CallInput.REQUEST_MORE, CallInput.REQUEST_LAST, CallInput.REQUEST_WHOLE)
    if sending:
        # The caller says only whether there is more; which of first and more it is follows from the state.
        begun = state is not CallState.NEW
        last = step in (CallInput.REQUEST_LAST, CallInput.REQUEST_WHOLE)
        step = {(False, False): CallInput.REQUEST_FIRST, (False, True): CallInput.REQUEST_WHOLE,
                (True, False): CallInput.REQUEST_MORE, (True, True): CallInput.REQUEST_LAST}[begun, last]  # fmt: skip
    after = CLIENT_CALL[state].get(step)
    if after is None:
        with pytest.raises(RemoteProtocolError if step in ARRIVALS or step is CallInput.FAULT else LocalProtocolError):
            _step_client(pair, call, step)
    else:
        _step_client(pair, call, step)
        record = pair.client._calls.get(call)
        assert (CallState.DONE if record is None else record.state) is after


REQUEST_FLAGS = {
    CallInput.REQUEST_FIRST: 1,
    CallInput.REQUEST_MORE: 0,
    CallInput.REQUEST_LAST: 2,
    CallInput.REQUEST_WHOLE: 3,
}
SERVER_PATHS: dict[CallState, tuple[CallInput, ...]] = {
    CallState.REQUESTING: (CallInput.REQUEST_FIRST,),
    CallState.WAITING: (CallInput.REQUEST_WHOLE,),
    CallState.RESPONDING: (CallInput.REQUEST_WHOLE, CallInput.RESPONSE_FIRST),
    CallState.EARLY: (CallInput.REQUEST_FIRST, CallInput.RESPONSE_FIRST),
    CallState.DRAINING: (CallInput.REQUEST_FIRST, CallInput.FAULT),
    CallState.ABANDONED: (CallInput.REQUEST_WHOLE, CallInput.ORPHAN),
    CallState.DONE: (CallInput.REQUEST_WHOLE, CallInput.RESPONSE_WHOLE),
}
CALL = 5


def _step_server(server: ServerConnection, step: CallInput) -> None:
    match step:
        case CallInput.RESPONSE_FIRST | CallInput.RESPONSE_MORE:
            server.respond(CALL, bytes(8), last=False)
        case CallInput.RESPONSE_LAST | CallInput.RESPONSE_WHOLE:
            server.respond(CALL, bytes(8))
        case CallInput.FAULT:
            server.fault(CALL, 5)
        case CallInput.CANCEL:
            list(server.receive(encode(CoCancel(call_id=CALL))))
        case CallInput.ORPHAN:
            list(server.receive(encode(Orphaned(call_id=CALL))))
        case _:
            fragment = Request(call_id=CALL, flags=REQUEST_FLAGS[step], context_id=0, opnum=1, stub=bytes(8))
            list(server.receive(encode(fragment)))


@pytest.mark.parametrize("state", SERVER_PATHS, ids=lambda state: state.name)
@pytest.mark.parametrize("step", [step for step in CallInput if step is not CallInput.MAYBE_SENT], ids=lambda s: s.name)
def test_a_server_call_goes_as_the_table_says(state: CallState, step: CallInput) -> None:
    server = bound().server
    for before in SERVER_PATHS[state]:
        _step_server(server, before)
    record = server._calls.get(CALL)
    assert (CallState.DONE if record is None else record.state) is state
    begun = state in (CallState.RESPONDING, CallState.EARLY)
    if step in (CallInput.RESPONSE_FIRST, CallInput.RESPONSE_MORE):
        step = CallInput.RESPONSE_MORE if begun else CallInput.RESPONSE_FIRST
    elif step in (CallInput.RESPONSE_LAST, CallInput.RESPONSE_WHOLE):
        step = CallInput.RESPONSE_LAST if begun else CallInput.RESPONSE_WHOLE
    after = SERVER_CALL[state].get(step)
    if after is None and step in (CallInput.CANCEL, CallInput.ORPHAN):
        _step_server(server, step)  # too late, which is nobody's fault
        assert CALL not in server._calls
    elif after is None and state in (CallState.DRAINING, CallState.DONE) and step in (
        CallInput.REQUEST_FIRST, CallInput.REQUEST_WHOLE,
    ):  # fmt: skip
        _step_server(server, step)  # the number is free again: a new call
        assert server._calls[CALL].state is SERVER_CALL[CallState.NEW][step]
    elif after is None:
        with pytest.raises(RemoteProtocolError if step in REQUEST_FLAGS else LocalProtocolError):
            _step_server(server, step)
    else:
        _step_server(server, step)
        record = server._calls.get(CALL)
        assert (CallState.DONE if record is None else record.state) is after
