"""A client and a server that talk to each other, and what each makes of the other's liberties."""

from __future__ import annotations

import logging
from dataclasses import replace
from uuid import UUID

import pytest

from idlrt.association import (
    MAX_FRAGMENT,
    BindRefused,
    Bound,
    CallOrphaned,
    CallStarted,
    CancelRequested,
    ClientConfig,
    ClientConnection,
    Context,
    ContextsAltered,
    Ended,
    Fault,
    Limits,
    Proposal,
    ServerConfig,
    ServerConnection,
    ShutdownRequested,
    Stub,
)
from idlrt.errors import (
    NCA_OP_RNG_ERROR,
    NCA_SERVER_TOO_BUSY,
    NCA_UNK_IF,
    LocalProtocolError,
    RemoteProtocolError,
)
from idlrt.ids import NDR20, NDR64, Features, Order, SyntaxId, negotiation_syntax
from idlrt.pdu import (
    AlterContext,
    AlterContextResp,
    Bind,
    BindAck,
    ContextElement,
    ContextResult,
    Orphaned,
    Request,
    Response,
    Shutdown,
    decode,
    encode,
)
from idlrt.pdu import Fault as FaultPdu
from idlrt.pdu.header import CONC_MPX, MAYBE
from tests.association.joined import (
    INTERFACE,
    OTHER,
    STREAM,
    UNKNOWN,
    Pair,
    bound,
    data_of,
    join_group,
    lookup,
    server_config,
    single_call_config,
)

# -- binding


def test_a_bind_tells_both_sides_the_same() -> None:
    seen, told = Pair().bind()
    assert told == seen
    (event,) = told
    assert event == Bound(
        1, (Context(0, INTERFACE, NDR20),), (), 7, 5840, True, Features.KEEP_CONNECTION_ON_ORPHAN, "135"
    )


@pytest.mark.parametrize("in_lists", [False, True])
def test_the_server_picks_the_transfer_syntax_it_likes_best(in_lists: bool) -> None:
    pair = Pair(replace(ClientConfig(), list_transfers=in_lists))
    pair.bind(Proposal(INTERFACE, (NDR20, NDR64)))
    (context,) = pair.client.contexts
    assert context.transfer == NDR64
    assert list(pair.server.contexts) == [context]


def test_an_interface_is_accepted_in_one_transfer_syntax_per_bind() -> None:
    pair = Pair()
    _, (event,) = pair.bind(Proposal(INTERFACE, (NDR20, NDR64)))
    assert isinstance(event, Bound)
    assert [refusal.reason for refusal in event.refused] == [2]


def test_another_transfer_syntax_can_be_added_later() -> None:
    pair = Pair()
    pair.bind(Proposal(INTERFACE, (NDR64,)))
    pair.client.alter_context(Proposal(INTERFACE, (NDR20,)))
    pair.to_server()
    assert pair.to_client() == [ContextsAltered(2, (Context(2, INTERFACE, NDR20),), ())]
    assert pair.client.context_for(INTERFACE, NDR20) == Context(2, INTERFACE, NDR20)
    assert pair.client.context_for(INTERFACE) == Context(0, INTERFACE, NDR64)


def test_an_agreed_context_may_be_named_again_but_not_for_something_else() -> None:
    def answer(*transfers: SyntaxId) -> list[int]:
        server = bound().server
        element = ContextElement(0, INTERFACE, transfers)
        list(server.receive(encode(AlterContext(call_id=9, max_xmit=0, max_recv=0, contexts=(element,)))))
        response = decode(bytes(server.data_to_send()[0]))
        assert isinstance(response, AlterContextResp)
        return [result.result for result in response.results]

    assert answer(UNKNOWN, NDR20) == [0]
    assert answer(UNKNOWN) == [2]
    with pytest.raises(RemoteProtocolError, match="anew"):
        answer(NDR64)


def test_several_interfaces_share_a_connection() -> None:
    pair = Pair()
    pair.bind(Proposal(INTERFACE), Proposal(OTHER))
    assert [context.interface for context in pair.client.contexts] == [INTERFACE, OTHER]
    assert pair.client.context_for(UNKNOWN) is None


def test_an_interface_that_is_not_offered_is_refused_by_name() -> None:
    pair = Pair()
    _, (event,) = pair.bind(Proposal(UNKNOWN, (NDR64, NDR20)))
    assert isinstance(event, BindRefused)
    error = event.error()
    assert (error.reason, error.status, error.syntaxes) == (1, 1717, (NDR64, NDR20))
    assert "the interface is not offered" in str(error)


def test_a_refused_transfer_syntax_is_told_from_a_refused_interface() -> None:
    _, (event,) = Pair().bind(Proposal(OTHER, (NDR64,)))
    assert isinstance(event, BindRefused)
    assert (event.error().reason, event.error().status) == (2, 1730)


def test_after_a_refusal_something_else_can_be_proposed() -> None:
    pair = Pair()
    pair.bind(Proposal(UNKNOWN))
    pair.client.alter_context(Proposal(INTERFACE))
    pair.to_server()
    (event,) = pair.to_client()
    assert isinstance(event, ContextsAltered)
    assert pair.client.context_for(INTERFACE) is not None


def test_ndr64_is_not_granted_to_a_big_endian_client() -> None:
    pair = Pair()
    element = ContextElement(0, INTERFACE, (NDR64, NDR20))
    octets = encode(Bind(call_id=1, order=">", max_xmit=5840, max_recv=5840, contexts=(element,)))
    (event,) = pair.server.receive(octets)
    assert isinstance(event, Bound)
    assert event.accepted == (Context(0, INTERFACE, NDR20),)


def test_a_big_endian_client_may_not_propose_ndr64() -> None:
    client = ClientConnection(replace(ClientConfig(), order=">"))
    with pytest.raises(LocalProtocolError, match="little-endian"):
        client.bind(Proposal(INTERFACE, (NDR64,)))


def test_a_known_association_group_is_joined_and_an_unknown_one_refused() -> None:
    pair = Pair()
    pair.client.bind(Proposal(INTERFACE), group_id=7)
    pair.to_server()
    (event,) = pair.to_client()
    assert isinstance(event, Bound)
    assert event.group_id == pair.server.group_id == 7

    pair = Pair()
    pair.client.bind(Proposal(INTERFACE), group_id=99)
    with pytest.raises(RemoteProtocolError, match="group 99"):  # for the server the connection ends with that
        pair.to_server()
    (event,) = pair.to_client()
    assert isinstance(event, BindRefused)
    assert event.nak_reason == 0
    assert event.error().nak


def test_features_are_granted_as_far_as_both_have_them() -> None:
    config = ServerConfig(lookup, join_group, features=Features.NONE)
    _, (event,) = Pair(server=config).bind()
    assert isinstance(event, Bound)
    assert event.features == Features.NONE


def test_a_server_that_knows_no_feature_negotiation_may_reject_it() -> None:
    client = ClientConnection()
    client.bind(Proposal(INTERFACE))
    sent = decode(b"".join(bytes(block) for block in client.data_to_send()))
    assert isinstance(sent, Bind)
    assert sent.contexts[-1].transfers == (negotiation_syntax(Features.KEEP_CONNECTION_ON_ORPHAN),)
    results = (ContextResult(0, 0, NDR20), ContextResult(2, 2))
    ack = encode(BindAck(call_id=1, max_xmit=5840, max_recv=5840, group_id=7, results=results))
    (event,) = client.receive(ack)
    assert isinstance(event, Bound)
    assert event.features == Features.NONE


def test_fragments_are_as_large_as_both_sides_allow() -> None:
    pair = Pair(replace(ClientConfig(), max_fragment=MAX_FRAGMENT), replace(server_config(), max_fragment=4280))
    (at_server,), (at_client,) = pair.bind()
    assert isinstance(at_server, Bound)
    assert isinstance(at_client, Bound)
    assert at_server.max_send == at_client.max_send == 4280
    assert pair.client.stub_room == pair.server.stub_room == 4256


@pytest.mark.parametrize("size", [0, 1424, 1431, 65536])
def test_a_fragment_size_that_cannot_be_told_is_refused_at_once(size: int) -> None:
    with pytest.raises(LocalProtocolError):
        ClientConnection(replace(ClientConfig(), max_fragment=size))
    with pytest.raises(LocalProtocolError):
        ServerConnection(replace(server_config(), max_fragment=size))


@pytest.mark.parametrize(
    ("xmit", "recv", "agreed"),
    [
        (0, 0, 2048),
        (65535, 0, 2048),
        (1000, 5840, 2048),
        (1432, 65535, 1432),
        (3199, 65535, 3192),
        (65535, 65535, 5840),
    ],
)
def test_a_server_settles_on_one_size_for_both_directions(xmit: int, recv: int, agreed: int) -> None:
    server = Pair().server
    element = ContextElement(0, INTERFACE, (NDR20,))
    list(server.receive(encode(Bind(call_id=1, max_xmit=xmit, max_recv=recv, contexts=(element,)))))
    ack = decode(bytes(server.data_to_send()[0]))
    assert isinstance(ack, BindAck)
    assert (ack.max_xmit, ack.max_recv) == (agreed, agreed)
    assert server.stub_room == agreed - 24


# -- calls


@pytest.mark.parametrize("size", [0, 1, 7, 8, 5816, 5817, 20_000])
@pytest.mark.parametrize("step", [None, 1])
def test_a_call_carries_its_stubs_whole(size: int, step: int | None) -> None:
    stub = bytes(i * 7 & 0xFF for i in range(size))
    pair = bound(step=step)
    call = pair.start()
    pair.client.send_stub(call, stub)
    started, arrived = pair.to_server()
    assert isinstance(started, CallStarted)
    assert (started.opnum, started.context.interface, started.maybe) == (0, INTERFACE, False)
    assert arrived == Stub(call, stub, True, True, "<")
    pair.server.respond(call, stub[::-1])
    assert pair.to_client() == [Stub(call, stub[::-1], True, True, "<")]
    assert pair.client.calls == pair.server.calls == 0


def test_a_whole_stub_stays_valid_and_a_part_is_a_view() -> None:
    pair = bound()
    call = pair.start()
    pair.client.send_stub(call, b"abcdefgh")
    buffer = bytearray(b"".join(pair.client.data_to_send()))
    _, stub = pair.server.receive(buffer)
    assert isinstance(stub, Stub)
    assert type(stub.data) is bytes
    pair.server.respond(call)
    pair.to_client()

    call = pair.start(STREAM)
    pair.client.send_stub(call, b"abcdefgh")
    _, stub = pair.server.receive(b"".join(pair.client.data_to_send()))
    assert isinstance(stub, Stub)
    assert type(stub.data) is memoryview


@pytest.mark.parametrize("step", [None, 1, 1000])
def test_a_streamed_request_arrives_in_parts_with_nothing_lost(step: int | None) -> None:
    pair = bound(step=step)
    call = pair.start(STREAM)
    parts = [b"a" * 3, b"b" * 6000, b"", b"c" * 5, b"d" * 12_001]
    events = []
    for part in parts:
        pair.client.send_stub(call, part, last=False)
        events += pair.to_server()
    pair.client.send_stub(call, b"e")
    events += pair.to_server()
    stubs = [event for event in events if isinstance(event, Stub)]
    assert data_of(stubs) == b"".join(parts) + b"e"
    assert [stub.first for stub in stubs] == [True] + [False] * (len(stubs) - 1)
    assert [stub.last for stub in stubs] == [False] * (len(stubs) - 1) + [True]
    assert all(len(stub.data) % 8 == 0 for stub in stubs[:-1])


@pytest.mark.parametrize("step", [None, 1, 1000])
def test_a_streamed_response_arrives_in_parts_with_nothing_lost(step: int | None) -> None:
    pair = bound(step=step)
    call = pair.start(streamed=True)
    pair.client.send_stub(call)
    pair.to_server()
    pair.server.respond(call, b"x" * 4, memoryview(b"y" * 20_000), last=False)
    events = pair.to_client()
    pair.server.respond(call)
    events += pair.to_client()
    assert data_of(events) == b"x" * 4 + b"y" * 20_000
    assert pair.client.calls == pair.server.calls == 0


def test_big_endian_calls_are_reported_as_such() -> None:
    pair = Pair(replace(ClientConfig(), order=">"), replace(server_config(), order=">"))
    pair.bind()
    target = UUID("00112233-4455-6677-8899-aabbccddeeff")
    call = pair.client.start_call(0, STREAM, object=target, streamed=True)
    pair.client.send_stub(call, bytes(6000), last=False)
    pair.client.send_stub(call, bytes(6000))
    started, *stubs = pair.to_server()
    assert isinstance(started, CallStarted)
    assert (started.order, started.object) == (">", target)
    assert len(data_of(stubs)) == 12_000
    assert all(isinstance(stub, Stub) and stub.order == ">" for stub in stubs)
    pair.server.respond(call, bytes(7000))
    assert len(data_of(pair.to_client())) == 7000


def test_an_object_uuid_leaves_room_for_itself_in_every_fragment() -> None:
    pair = bound()
    call = pair.client.start_call(0, 0, object=UUID(int=5))
    pair.client.send_stub(call, bytes(10_000))
    octets = b"".join(pair.client.data_to_send())
    assert int.from_bytes(octets[8:10], "little") <= 5840
    started, stub = pair.server.receive(octets)
    assert isinstance(started, CallStarted)
    assert started.object == UUID(int=5)
    assert isinstance(stub, Stub)
    assert len(stub.data) == 10_000


def test_calls_are_answered_in_any_order_when_multiplexed() -> None:
    pair = bound()
    first, second = pair.start(), pair.start()
    pair.client.send_stub(first, b"1")
    pair.client.send_stub(second, b"2")
    assert len(pair.to_server()) == 4
    pair.server.respond(second, b"two")
    pair.server.respond(first, b"one")
    assert pair.to_client() == [Stub(second, b"two", True, True, "<"), Stub(first, b"one", True, True, "<")]


def test_without_multiplexing_one_call_at_a_time_is_made() -> None:
    pair = bound(single_call_config())
    assert not pair.client.multiplexed
    call = pair.start()
    assert not pair.client.usable
    with pytest.raises(LocalProtocolError):
        pair.start()
    pair.client.send_stub(call)
    pair.to_server()
    pair.server.respond(call)
    pair.to_client()
    assert pair.client.usable


def test_fragments_of_two_requests_do_not_interleave() -> None:
    pair = bound()
    first, second = pair.start(STREAM), pair.start()
    pair.client.send_stub(first, bytes(100), last=False)
    with pytest.raises(LocalProtocolError, match="interleave"):
        pair.client.send_stub(second)
    pair.client.send_stub(first)
    pair.client.send_stub(second)
    assert len(pair.to_server()) == 5


def test_a_maybe_call_is_over_when_it_is_sent() -> None:
    pair = bound(single_call_config())
    call = pair.start(maybe=True)
    pair.client.send_stub(call, b"news")
    assert pair.client.calls == 0
    started, _ = pair.to_server()
    assert isinstance(started, CallStarted)
    assert started.maybe
    other = pair.start()  # the server may still be busy with the first
    pair.client.send_stub(other)
    assert len(pair.to_server()) == 2
    pair.server.respond(call, b"ignored")
    pair.server.fault(other, 5)
    assert pair.to_client() == [Fault(other, 5, True)]


def test_call_id_zero_is_a_call_like_any_other() -> None:
    server = bound().server
    octets = encode(Request(call_id=0, context_id=0, opnum=0, stub=b"12345678"))
    started, _ = server.receive(octets)
    assert isinstance(started, CallStarted)
    server.respond(0, b"answer")
    answer = decode(b"".join(server.data_to_send()))
    assert isinstance(answer, Response)
    assert (answer.call_id, answer.stub) == (0, b"answer")


def test_a_foreign_call_id_is_taken_for_the_only_call(caplog: pytest.LogCaptureFixture) -> None:
    pair = bound()
    call = pair.start()
    pair.client.send_stub(call)
    with caplog.at_level(logging.INFO, "idlrt.association"):
        events = list(pair.client.receive(encode(Response(call_id=1, context_id=0, stub=b"wine"))))
        assert events == [Stub(call, b"wine", True, True, "<")]
        call = pair.start(streamed=True)
        pair.client.send_stub(call)
        for flags, part in (1, b"12345678"), (0, b"12345678"), (2, b"9"):
            (event,) = pair.client.receive(encode(Response(call_id=1, flags=flags, context_id=0, stub=part)))
            assert isinstance(event, Stub)
            assert (event.call_id, event.data) == (call, part)
    assert len(caplog.records) == 1


def test_the_alloc_hint_names_what_is_to_come() -> None:
    client = bound().client
    call = client.start_call(0, 0)
    client.send_stub(call, bytes(12_000))
    octets = b"".join(client.data_to_send())
    hints = []
    while octets:
        length = int.from_bytes(octets[8:10], "little")
        pdu = decode(octets[:length])
        assert isinstance(pdu, Request)
        hints.append((pdu.alloc_hint, len(pdu.stub)))
        octets = octets[length:]
    assert hints == [(12_000, 5816), (6184, 5816), (368, 368)]


def test_a_streamed_fragment_hints_at_more_than_it_holds() -> None:
    client = bound(replace(ClientConfig(), max_fragment=MAX_FRAGMENT)).client
    call = client.start_call(0, STREAM)
    client.send_stub(call, bytes(200_000), last=False)
    for header in client.data_to_send()[::2]:
        length = int.from_bytes(header[8:10], "little")
        assert int.from_bytes(header[16:20], "little") > length - 24


def test_large_blocks_are_not_copied() -> None:
    client = bound().client
    block = bytearray(100_000)
    call = client.start_call(0, STREAM)
    client.send_stub(call, block, last=False)
    sent = client.data_to_send()
    block[:] = b"z" * len(block)
    assert all(bytes(part) == b"z" * len(part) for part in sent[1::2])


# -- faults, cancels, orphans, ends


def test_a_fault_ends_a_call() -> None:
    pair = bound()
    call = pair.start(9)
    pair.client.send_stub(call)
    pair.to_server()
    pair.server.fault(call, NCA_OP_RNG_ERROR, executed=False)
    (event,) = pair.to_client()
    assert event == Fault(call, NCA_OP_RNG_ERROR, False)
    assert isinstance(event, Fault)
    assert "nca_s_op_rng_error" in str(event.error())
    assert pair.client.calls == pair.server.calls == 0


def test_a_fault_in_the_midst_of_a_request_leaves_the_connection_usable() -> None:
    pair = bound()
    call = pair.start(STREAM)
    pair.client.send_stub(call, bytes(6000), last=False)
    pair.to_server()
    pair.server.fault(call, 1726)
    pair.client.send_stub(call, bytes(6000), last=False)  # on its way already
    assert pair.to_client() == [Fault(call, 1726, True)]
    with pytest.raises(LocalProtocolError):
        pair.client.send_stub(call, bytes(6000))
    assert pair.to_server() == []
    assert pair.server.calls == 0
    call = pair.start()
    pair.client.send_stub(call, b"next")
    assert len(pair.to_server()) == 2


def test_an_early_response_ends_the_request() -> None:
    pair = bound()
    call = pair.start(STREAM)
    pair.client.send_stub(call, bytes(6000), last=False)
    pair.to_server()
    pair.server.respond(call, b"enough")
    assert pair.to_client() == [Stub(call, b"enough", True, True, "<")]
    pair.to_server()
    assert pair.client.calls == pair.server.calls == 0


def test_a_fault_in_the_midst_of_a_response_ends_the_call() -> None:
    pair = bound()
    call = pair.start(streamed=True)
    pair.client.send_stub(call)
    pair.to_server()
    pair.server.respond(call, bytes(6000), last=False)
    pair.server.fault(call, 14)
    assert pair.to_client()[-1] == Fault(call, 14, True)


def test_a_cancel_is_told_and_counted() -> None:
    pair = bound()
    call = pair.start()
    pair.client.send_stub(call)
    pair.client.cancel(call)
    assert pair.to_server()[-1] == CancelRequested(call)
    pair.server.fault(call, 0x1C00000D)
    (event,) = pair.to_client()
    assert isinstance(event, Fault)
    assert event.cancel_count == 1
    assert type(event.error()).__name__ == "CallCancelled"


def test_a_cancel_before_the_call_travels_with_it() -> None:
    pair = bound()
    call = pair.start()
    pair.client.cancel(call)
    pair.client.send_stub(call)
    started, _ = pair.to_server()
    assert isinstance(started, CallStarted)
    assert started.cancelled


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_response_counts_the_cancels(order: Order) -> None:
    pair = bound(server=replace(server_config(), order=order))
    call = pair.start()
    pair.client.send_stub(call)
    pair.client.cancel(call)
    pair.to_server()
    pair.server.respond(call, b"done anyway")
    answer = decode(b"".join(pair.server.data_to_send()))
    assert isinstance(answer, Response)
    assert answer.cancel_count == 1


def test_a_cancel_that_comes_too_late_is_ignored() -> None:
    pair = bound()
    call = pair.start()
    pair.client.send_stub(call)
    pair.to_server()
    pair.server.respond(call)
    pair.client.cancel(call)
    assert pair.to_server() == []
    assert len(pair.to_client()) == 1


def test_what_comes_for_an_orphaned_call_is_dropped() -> None:
    pair = bound()
    call = pair.start()
    pair.client.send_stub(call)
    pair.to_server()
    pair.server.respond(call, bytes(7000))
    assert pair.client.orphan(call)
    assert pair.to_client() == []
    assert pair.to_server() == []
    call = pair.start()
    pair.client.send_stub(call)
    assert len(pair.to_server()) == 2


def test_an_orphaned_call_is_told_and_its_answer_goes_nowhere() -> None:
    pair = bound()
    call = pair.start(STREAM)
    pair.client.send_stub(call, bytes(6000), last=False)
    pair.client.orphan(call)
    assert pair.to_server()[-1] == CallOrphaned(call)
    pair.server.respond(call, b"for nobody", last=False)
    pair.server.fault(call, 5)
    assert pair.server.data_to_send() == []
    assert pair.server.calls == 0


def test_without_the_feature_an_orphan_costs_the_connection() -> None:
    pair = bound(replace(ClientConfig(), features=Features.NONE))
    call = pair.start()
    pair.client.send_stub(call)
    assert pair.client.orphan(call) is False
    assert isinstance(decode(bytes(pair.client.data_to_send()[-1])), Orphaned)


def test_giving_up_a_call_that_was_never_sent_sends_nothing() -> None:
    pair = bound(replace(ClientConfig(), features=Features.NONE))
    assert pair.client.orphan(pair.start())
    assert pair.client.data_to_send() == []


def test_after_a_shutdown_no_call_is_begun_but_the_rest_ends_well() -> None:
    pair = bound()
    call = pair.start()
    pair.client.send_stub(call)
    pair.to_server()
    pair.server.shutdown()
    assert pair.to_client() == [ShutdownRequested()]
    assert not pair.client.usable
    with pytest.raises(LocalProtocolError):
        pair.start()
    pair.server.respond(call, b"last")
    assert data_of(pair.to_client()) == b"last"


def test_the_end_names_the_calls_that_hang() -> None:
    pair = bound()
    calls = (pair.start(), pair.start())
    for call in calls:
        pair.client.send_stub(call)
    pair.to_server()
    assert list(pair.client.receive_eof()) == [Ended(calls, False)]
    assert list(pair.server.receive_eof()) == [Ended(calls, False)]


def test_an_end_inside_a_pdu_is_noticed() -> None:
    pair = bound()
    list(pair.client.receive(encode(Shutdown(call_id=0))[:7]))
    assert list(pair.client.receive_eof()) == [Ended((), True)]
    pair = bound()
    buffer = pair.client.receive_buffer()
    buffer[:3] = b"\5\0\2"
    list(pair.client.received(3))
    assert list(pair.client.receive_eof()) == [Ended((), True)]


# -- limits


def test_a_context_that_was_not_agreed_on_is_faulted() -> None:
    server = bound().server
    assert list(server.receive(encode(Request(call_id=3, flags=1, context_id=44, opnum=0)))) == []
    fault = decode(b"".join(server.data_to_send()))
    assert isinstance(fault, FaultPdu)
    assert (fault.status, fault.executed) == (NCA_UNK_IF, False)
    assert list(server.receive(encode(Request(call_id=3, flags=2, context_id=44, opnum=0)))) == []
    assert server.calls == 0


def test_a_server_that_has_enough_calls_says_so() -> None:
    pair = Pair(server=replace(server_config(), limits=Limits(max_calls=2)))
    pair.bind()
    for _ in range(3):
        pair.client.send_stub(pair.start())
    assert len(pair.to_server()) == 4
    (event,) = pair.to_client()
    assert isinstance(event, Fault)
    assert (event.status, event.executed) == (NCA_SERVER_TOO_BUSY, False)


def test_a_client_keeps_to_its_own_limits() -> None:
    pair = bound(replace(ClientConfig(), limits=Limits(max_calls=1, max_contexts=2)))
    pair.start()
    with pytest.raises(LocalProtocolError):
        pair.start()
    with pytest.raises(LocalProtocolError):
        pair.client.alter_context(Proposal(OTHER, (NDR20, NDR64)))


def test_more_contexts_than_the_limit_are_rejected_one_by_one() -> None:
    pair = Pair(server=replace(server_config(), limits=Limits(max_contexts=1)))
    _, (event,) = pair.bind(Proposal(INTERFACE), Proposal(OTHER))
    assert isinstance(event, Bound)
    assert [refusal.reason for refusal in event.refused] == [3]


# -- receiving into our buffer, and in any pieces


def test_bytes_can_be_read_into_the_connections_own_buffer() -> None:
    pair = bound()
    call = pair.start(STREAM)
    data = bytes(range(256)) * 4000
    pair.client.send_stub(call, data)
    octets = b"".join(pair.client.data_to_send())
    got, at = [], 0
    while at < len(octets):
        room = pair.server.receive_buffer()
        count = min(len(room), len(octets) - at, 50_000)
        room[:count] = octets[at : at + count]
        at += count
        got += [bytes(event.data) for event in pair.server.received(count) if isinstance(event, Stub)]
    assert b"".join(got) == data


def test_the_two_ways_of_receiving_can_be_mixed() -> None:
    pair = bound()
    call = pair.start(STREAM)
    data = bytes(range(256)) * 400
    pair.client.send_stub(call, data)
    octets = b"".join(pair.client.data_to_send())
    got, at, own = [], 0, False
    while at < len(octets):
        piece = octets[at : at + 7001]
        at += len(piece)
        if own := not own:
            pair.server.receive_buffer()[: len(piece)] = piece
            events = pair.server.received(len(piece))
        else:
            events = pair.server.receive(piece)
        got += [bytes(event.data) for event in events if isinstance(event, Stub)]
    assert b"".join(got) == data


def test_a_maybe_flag_and_multiplexing_travel_in_the_header() -> None:
    client = ClientConnection()
    client.bind(Proposal(INTERFACE))
    assert decode(bytes(client.data_to_send()[0])).flags & CONC_MPX
    pair = bound()
    pair.client.send_stub(pair.start(maybe=True))
    assert decode(bytes(pair.client.data_to_send()[0])).flags & MAYBE


def test_an_answer_without_multiplexing_flag_limits_the_client() -> None:
    pair = Pair(server=replace(server_config(), multiplex=False))
    pair.client.bind(Proposal(INTERFACE))
    pair.to_server()
    (octets,) = pair.server.data_to_send()
    ack = decode(octets)
    assert isinstance(ack, BindAck)
    assert not ack.flags & CONC_MPX
    list(pair.client.receive(octets))
    assert not pair.client.multiplexed
