"""What breaks the rules ends the connection with one kind of error, and never costs more memory than the limits say."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from idlrt.association import (
    ClientConfig,
    ClientConnection,
    Ended,
    Limits,
    Proposal,
    ServerConnection,
)
from idlrt.association.connection import Connection
from idlrt.errors import ERROR_ACCESS_DENIED, NCA_PROTO_ERROR, LocalProtocolError, RemoteProtocolError
from idlrt.ids import NDR20, NDR64
from idlrt.pdu import (
    AlterContext,
    AlterContextResp,
    AnyPdu,
    Auth,
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
    decode,
    encode,
)
from tests.association.joined import INTERFACE, OTHER, STREAM, Pair, bound, kept, server_config, single_call_config
from tests.traced import traced

ELEMENT = ContextElement(0, INTERFACE, (NDR20,))
BIND = Bind(call_id=1, max_xmit=5840, max_recv=5840, contexts=(ELEMENT,))
ACK = BindAck(call_id=1, max_xmit=5840, max_recv=5840, group_id=7, results=(ContextResult(0, 0, NDR20),))


def refuses(connection: Connection[Any], *pdus: AnyPdu | bytes) -> RemoteProtocolError:
    """The connection refuses the last of `pdus`, and goes on refusing."""
    *before, last = (pdu if isinstance(pdu, bytes) else encode(pdu) for pdu in pdus)
    for octets in before:
        list(connection.receive(octets))
    with pytest.raises(RemoteProtocolError) as caught:
        list(connection.receive(last))
    with pytest.raises(RemoteProtocolError):
        list(connection.receive(encode(Shutdown(call_id=0))))
    assert list(connection.receive_eof()) == [Ended((), False)]
    return caught.value


def request(call_id: int = 3, flags: int = 3, **more: Any) -> Request:
    return replace(Request(call_id=call_id, flags=flags, context_id=0, opnum=STREAM, stub=bytes(16)), **more)


def response(call_id: int, flags: int = 3, **more: Any) -> Response:
    return replace(Response(call_id=call_id, flags=flags, context_id=0, stub=bytes(16)), **more)


# -- at a server


@pytest.mark.parametrize(
    "pdus",
    [
        (request(flags=0),),
        (request(flags=2),),
        (request(flags=1), request(flags=1)),
        (request(flags=1), request(call_id=4, flags=0)),
        (request(), request()),
        (request(flags=1), request(flags=0, order=">")),
        (AlterContext(call_id=4, max_xmit=5840, max_recv=5840, contexts=(replace(ELEMENT, interface=OTHER),)),),
        (AlterContext(call_id=4, max_xmit=5840, max_recv=5840, contexts=()),),
        (response(3),),
        (Fault(call_id=3, status=5),),
        (Shutdown(call_id=0),),
    ],
    ids=[
        "a middle without a first",
        "a last without a first",
        "two firsts",
        "a middle of another call",
        "a call_id in use",
        "another byte order",
        "a context proposed anew",
        "alter_context without a context",
        "a response",
        "a fault",
        "a shutdown",
    ],
)
def test_a_client_that_breaks_the_rules_is_told_and_left(pdus: tuple[AnyPdu, ...]) -> None:
    server = bound().server
    refuses(server, *pdus)
    fault = decode(bytes(server.data_to_send()[-1]))
    assert isinstance(fault, Fault)
    assert fault.status == NCA_PROTO_ERROR


@pytest.mark.parametrize(
    "pdu", [request(), CoCancel(call_id=1), Orphaned(call_id=1), Auth3(call_id=1), ACK, BindNak(call_id=1, reason=0)]
)
def test_a_connection_begins_with_a_bind(pdu: AnyPdu) -> None:
    server = Pair().server
    refuses(server, pdu)
    assert server.data_to_send() == []


def test_another_version_of_the_protocol_is_answered_with_ours() -> None:
    server = Pair().server
    refuses(server, b"\4" + encode(BIND)[1:])
    nak = decode(bytes(server.data_to_send()[0]))
    assert isinstance(nak, BindNak)
    assert (nak.reason, nak.versions) == (4, ((5, 0),))


@pytest.mark.parametrize(
    "pdu", [request(call_id=4), AlterContext(call_id=4, max_xmit=5840, max_recv=5840, contexts=(ELEMENT,))]
)
def test_nothing_comes_between_the_fragments_of_a_request_without_multiplexing(pdu: AnyPdu) -> None:
    server = bound(single_call_config()).server
    refuses(server, request(flags=1), pdu)
    fault = decode(bytes(server.data_to_send()[-1]))
    assert isinstance(fault, Fault)
    assert fault.status == NCA_PROTO_ERROR


def test_interleaved_requests_together_are_bounded() -> None:
    limits = Limits(max_stub=4000, max_partial=6000)
    server = bound(server=replace(server_config(), limits=limits)).server
    for call_id in (3, 4):
        list(server.receive(encode(request(call_id, flags=1, opnum=0, stub=bytes(2800)))))
    error = refuses(server, request(5, flags=1, opnum=0, stub=bytes(800)))
    assert "longer than the limit of 6000" in str(error)


def test_requests_that_were_answered_early_and_never_ended_make_room() -> None:
    server = bound(server=replace(server_config(), limits=Limits(max_calls=4))).server
    for call_id in range(3, 30):
        list(server.receive(encode(request(call_id, flags=1))))
        server.fault(call_id, 5)
    assert server.calls <= 4


def test_a_second_call_needs_multiplexing() -> None:
    server = Pair().server
    refuses(server, BIND, request(call_id=3), request(call_id=4))


@pytest.mark.parametrize(("level", "reason"), [(6, 8), (2, 8), (1, 0), (0, 0), (255, 0)])
def test_authentication_that_is_not_offered_is_refused_by_a_bind_nak(level: int, reason: int) -> None:
    server = Pair().server
    refuses(server, replace(BIND, auth=Auth(type=10, level=level, value=b"NTLM")))
    nak = decode(bytes(server.data_to_send()[0]))
    assert isinstance(nak, BindNak)
    assert nak.reason == reason


def test_a_second_bind_is_refused_by_a_bind_nak() -> None:
    server = bound().server
    refuses(server, BIND)
    assert isinstance(decode(bytes(server.data_to_send()[-1])), BindNak)


@pytest.mark.parametrize("level", [1, 2, 6])
def test_an_authentication_trailer_needs_a_security_context(level: int) -> None:
    auth = Auth(type=10, level=level, value=bytes(16))
    server = bound().server
    refuses(server, request(auth=auth))
    fault = decode(bytes(server.data_to_send()[-1]))
    assert isinstance(fault, Fault)
    assert fault.status == ERROR_ACCESS_DENIED
    pair = bound()
    call = pair.start()
    pair.client.send_stub(call)
    refuses(pair.client, response(call, auth=auth))


def test_a_fragment_larger_than_the_server_takes_is_refused() -> None:
    refuses(bound().server, request(stub=bytes(5824)))
    refuses(bound().server, request(stub=bytes(5824), order=">"))


def test_a_request_that_announces_more_than_the_limit_is_refused_at_once() -> None:
    server = bound().server
    refuses(server, request(flags=1, opnum=0, alloc_hint=0x400001))
    fault = decode(bytes(server.data_to_send()[-1]))
    assert isinstance(fault, Fault)
    assert fault.status == ERROR_ACCESS_DENIED
    assert len(list(bound().server.receive(encode(request(flags=1, alloc_hint=0x400001))))) == 2  # a stream may


@pytest.mark.parametrize(
    "pdu",
    [
        replace(BIND, contexts=()),
        encode(replace(BIND, contexts=()))[:8] + b"\x19\0" + encode(replace(BIND, contexts=()))[10:25],
        replace(BIND, contexts=(replace(ELEMENT, transfers=()),)),
        encode(BIND)[:24] + b"\xff" + encode(BIND)[25:],
        encode(BIND)[:30] + b"\xff" + encode(BIND)[31:],
    ],
    ids=[
        "no context",
        "no context and no pad",
        "no transfer syntax",
        "more contexts than octets",
        "more syntaxes than octets",
    ],
)
def test_a_bind_that_lies_about_its_contents_is_refused(pdu: AnyPdu | bytes) -> None:
    refuses(Pair().server, pdu)


def test_ndr64_in_big_endian_order_is_refused() -> None:
    pair = Pair()
    pair.bind(Proposal(INTERFACE, (NDR64,)))
    refuses(pair.server, request(order=">"))
    pair = Pair()
    pair.bind(Proposal(INTERFACE, (NDR64,)))
    call = pair.start()
    pair.client.send_stub(call)
    refuses(pair.client, response(call, order=">"))


# -- at a client


@pytest.mark.parametrize(
    "pdu",
    [
        replace(ACK, results=()),
        replace(ACK, results=(ContextResult(0, 0, NDR64), ContextResult(3, 2))),
        replace(ACK, results=(ContextResult(3, 2), ContextResult(3, 2))),
        replace(ACK, results=(ContextResult(9, 0), ContextResult(3, 2))),
        replace(ACK, results=(ContextResult(0, 0, NDR20), ContextResult(0, 0, NDR20))),
        replace(ACK, max_recv=100, results=(ContextResult(0, 0, NDR20), ContextResult(3, 2))),
        BIND,
        request(),
        response(1),
        AlterContextResp(call_id=1, max_xmit=5840, max_recv=5840, group_id=7, results=()),
    ],
    ids=[
        "too few results",
        "a syntax not proposed",
        "features for an interface",
        "an unknown result",
        "features accepted as a syntax",
        "fragments too small",
        "a bind",
        "a request",
        "a response",
        "another answer",
    ],
)
def test_a_server_that_answers_a_bind_with_nonsense_is_left(pdu: AnyPdu) -> None:
    client = ClientConnection()
    client.bind(Proposal(INTERFACE))
    refuses(client, pdu)
    with pytest.raises(LocalProtocolError):
        client.start_call(0, 0)


@pytest.mark.parametrize(
    ("streamed", "flags"),
    [(True, (0,)), (True, (2,)), (False, (1, 1)), (True, (1, 1)), (True, (1, 3)), (False, (1, 3))],
)
def test_response_fragments_out_of_order_are_refused(streamed: bool, flags: tuple[int, ...]) -> None:
    pair = bound()
    call = pair.start(streamed=streamed)
    pair.client.send_stub(call)
    refuses(pair.client, *(response(call, flag) for flag in flags))


def test_an_answer_to_no_call_is_refused() -> None:
    refuses(bound().client, response(2))
    refuses(bound().client, Fault(call_id=2, status=5))
    pair = bound()
    pair.start()
    refuses(pair.client, response(2))  # begun, but nothing was sent of it


def test_a_foreign_call_id_is_refused_when_two_calls_wait() -> None:
    pair = bound()
    for _ in range(2):
        pair.client.send_stub(pair.start())
    refuses(pair.client, response(1))


def test_a_response_in_two_byte_orders_is_refused() -> None:
    pair = bound()
    call = pair.start(streamed=True)
    pair.client.send_stub(call)
    refuses(pair.client, response(call, 1), response(call, 0, order=">"))


# -- at both


def both() -> Iterator[Connection[Any]]:
    yield bound().client
    yield bound().server


@pytest.mark.parametrize(
    "octets",
    [
        bytes(16),
        b"\5\2" + bytes(14),
        b"\5\0\x14\3\x10\0\0\0" + b"\x10\0" + bytes(6),
        b"\5\0\x63\3\x10\0\0\0" + b"\x10\0" + bytes(6),
        b"\5\0\0\3\x10\0\0\0" + b"\0\0" + bytes(6),
        b"\5\0\0\3\x10\0\0\0" + b"\x0f\0" + bytes(6),
        b"\5\0\0\3\x10\0\0\0" + b"\x17\0" + bytes(13),
        b"\5\0\2\3\x10\0\0\0" + b"\x17\0" + bytes(13),
        b"\5\0\3\3\x10\0\0\0" + b"\x18\0" + bytes(14),
        b"\5\0\0\3\x11\0\0\0" + b"\x18\0" + bytes(14),
        b"\5\0\0\3\x20\0\0\0" + b"\x18\0" + bytes(14),
        b"\5\0\0\3\x10\1\0\0" + b"\x18\0" + bytes(14),
        b"\5\0\0\3\x10\0\0\0" + b"\x18\0\x01\0" + bytes(12),
        b"\5\0\0\3\x10\0\0\0" + b"\x18\0\xff\xff" + bytes(12),
        b"\5\0\0\x83\x10\0\0\0" + b"\x20\0" + bytes(22),
    ],
    ids=[
        "zeros",
        "version 5.2",
        "RTS",
        "an unknown type",
        "length 0",
        "length 15",
        "a request shorter than its header",
        "a response shorter than its header",
        "a fault shorter than its header",
        "EBCDIC",
        "an unknown integer order",
        "VAX floats",
        "a token over the header",
        "a token over everything",
        "an object uuid beyond the end",
    ],
)
def test_a_header_that_cannot_be_is_refused_by_both_sides(octets: bytes) -> None:
    for connection in both():
        refuses(connection, octets)


def test_a_lying_length_is_noticed_before_the_rest_arrives() -> None:
    for connection in both():
        refuses(connection, b"\5\0\2\3\x10\0\0\0\x0f\0\0\0\0\0\0\0")


@pytest.mark.parametrize("pdu", [request(), BIND, CoCancel(call_id=3), AlterContext(
    call_id=4, max_xmit=5840, max_recv=5840, contexts=(ELEMENT,))], ids=lambda pdu: pdu.ptype.name)  # fmt: skip
def test_a_peer_that_vanishes_inside_a_pdu_leaves_no_event(pdu: AnyPdu) -> None:
    octets = encode(pdu)
    for cut in range(1, len(octets)):
        server = Pair().server if isinstance(pdu, Bind) and not isinstance(pdu, AlterContext) else bound().server
        assert list(server.receive(octets[:cut])) == []
        assert list(server.receive_eof()) == [Ended((), True)]


# -- memory


def test_a_request_longer_than_the_limit_is_refused() -> None:
    server = Pair(server=replace(server_config(), limits=Limits(max_stub=10_000))).server
    fragment = request(stub=bytes(4000), opnum=0)
    error = refuses(server, BIND, replace(fragment, flags=1), replace(fragment, flags=0), replace(fragment, flags=0))
    assert "10000" in str(error)


def test_a_response_longer_than_the_limit_is_refused_but_a_streamed_one_goes_on() -> None:
    config = replace(ClientConfig(), limits=Limits(max_stub=10_000))
    for streamed in (False, True):
        pair = bound(config)
        call = pair.start(streamed=streamed)
        pair.client.send_stub(call)
        parts = [response(call, 1, stub=bytes(8000)), response(call, 0, stub=bytes(8000))]
        if streamed:
            assert sum(len(list(pair.client.receive(encode(part)))) for part in parts) == 2
        else:
            refuses(pair.client, *parts)


def test_alloc_hint_reserves_nothing() -> None:
    server = bound().server
    with traced():
        list(server.receive(encode(request(flags=1, opnum=0, alloc_hint=0x400000))))
        _, peak = tracemalloc.get_traced_memory()
    assert peak < 1 << 20


def test_a_stream_of_any_length_leaves_nothing_behind() -> None:
    server = bound().server
    list(server.receive(encode(request(flags=1))))
    fragment = encode(request(flags=0, stub=bytes(5816)))
    half = fragment * 11 + fragment[:3000]
    rest = fragment[3000:]
    with traced():
        for _ in range(200):
            for _event in server.receive(half):
                pass
            for _event in server.receive(rest):
                pass
        _, peak = tracemalloc.get_traced_memory()
    assert peak < 1 << 18


# -- anything at all


def conversations() -> tuple[bytes, bytes]:
    """What a client and a server say in a conversation that has a bit of everything."""
    pair = Pair()
    to_server, to_client = b"", b""

    def exchange() -> None:
        nonlocal to_server, to_client
        octets = b"".join(pair.client.data_to_send())
        to_server += octets
        list(pair.server.receive(octets))
        octets = b"".join(pair.server.data_to_send())
        to_client += octets
        list(pair.client.receive(octets))

    pair.client.bind(Proposal(INTERFACE, (NDR64, NDR20)), Proposal(OTHER))
    exchange()
    pair.client.alter_context(Proposal(INTERFACE, (NDR20,)))
    exchange()
    for opnum, size, fails in (0, 30, False), (STREAM, 9000, False), (0, 7000, True), (2, 0, False):
        call = pair.start(opnum, streamed=opnum == STREAM)
        pair.client.send_stub(call, bytes(size))
        pair.client.cancel(call)
        exchange()
        if fails:
            pair.server.fault(call, 5)
        else:
            pair.server.respond(call, bytes(size), last=False)
            pair.server.respond(call, b"end")
        exchange()
    call = pair.start()
    pair.client.send_stub(call, b"never mind")
    pair.client.orphan(call)
    exchange()
    pair.server.shutdown()
    exchange()
    return to_server, to_client


def outcome(connection: Connection[Any], blocks: list[bytes]) -> tuple[list[object], str]:
    """The events that the blocks give, and how it ended; any other exception is a failure."""
    events: list[object] = []
    try:
        for block in blocks:
            events.extend(kept(connection.receive(block)))
    except RemoteProtocolError as error:
        return events, str(error)
    return events, ""


def starts(data: bytearray) -> list[int]:
    """Where PDUs begin."""
    places, at = [0], 0
    while at + 16 <= len(data) and (length := int.from_bytes(data[at + 8 : at + 10], "little")) >= 16:
        at += length
        if at < len(data):
            places.append(at)
    return places


def mutated(random: Random, octets: bytes) -> bytes:
    data = bytearray(octets)
    for _ in range(random.randint(1, 3)):
        at = random.randrange(len(data))
        match random.randrange(9):
            case 0:
                data[at] = random.randrange(256)
            case 1:
                data[at] ^= 1 << random.randrange(8)
            case 2:
                del data[at : at + random.randint(1, 40)]
            case 3:
                data[at:at] = random.randbytes(random.randint(1, 40))
            case 4:
                start = random.randrange(len(data))
                data[at:at] = data[start : start + random.randint(16, 200)]
            case _:  # a type, flag, length, call_id, context id or opnum: still a PDU, but the wrong one
                start = random.choice(starts(data))
                data[min(start + random.choice((2, 3, 3, 4, 8, 10, 12, 12, 20, 22)), len(data) - 1)] ^= (
                    1 << random.randrange(8)
                )
        if not data:
            return b"\0"
    return bytes(data)


def pieces(random: Random, octets: bytes) -> list[bytes]:
    cuts = sorted(random.sample(range(len(octets) + 1), min(len(octets), random.randint(1, 12))))
    return [octets[a:b] for a, b in zip([0, *cuts], [*cuts, len(octets)], strict=True)]


@pytest.mark.parametrize("seed", range(4))
def test_any_bytes_give_events_or_the_remote_error_however_they_are_cut(seed: int) -> None:
    random = Random(seed)
    octets, _ = conversations()
    for round_number in range(100):
        mangled = random.randbytes(300) if round_number % 10 == 9 else mutated(random, octets)
        whole = outcome(ServerConnection(server_config()), [mangled])
        assert outcome(ServerConnection(server_config()), pieces(random, mangled)) == whole


def act(random: Random, pair: Pair) -> None:
    """One command of either side, which may or may not be in place."""
    size, call = random.choice((0, 5, 7000)), random.randrange(2, 6)
    match random.randrange(9):
        case 0 | 1:
            opnum = random.choice((0, STREAM))
            pair.client.send_stub(pair.start(opnum, streamed=opnum == STREAM), bytes(size), last=random.random() < 0.5)
        case 2:
            pair.client.send_stub(call, bytes(size), last=random.random() < 0.5)
        case 3:
            pair.client.cancel(call)
        case 4:
            pair.client.orphan(call)
        case 5:
            pair.client.alter_context(Proposal(OTHER, (NDR64,)))
        case 6 | 7:
            pair.server.respond(call, bytes(size), last=random.random() < 0.5)
        case _:
            pair.server.fault(call, 5)


def live(seed: int, cuts: Random | None) -> list[object]:
    """A conversation of which some bytes are mangled on the way, and all that both sides report of it."""
    random = Random(seed)
    pair = Pair()
    told: list[object] = []

    def carry(sender: Connection[Any], receiver: Connection[Any]) -> None:
        octets = b"".join(sender.data_to_send())
        if octets and random.random() < 0.1:
            octets = mutated(random, octets)
        events, error = outcome(receiver, [octets] if cuts is None or not octets else pieces(cuts, octets))
        told.extend(events)
        told.append(error)

    pair.client.bind(Proposal(INTERFACE, (NDR64, NDR20)), Proposal(OTHER))
    for _ in range(12):
        carry(pair.client, pair.server)
        carry(pair.server, pair.client)
        for _ in range(4):
            try:
                act(random, pair)
            except (LocalProtocolError, IndexError):  # no such call, or nothing was bound
                told.append("refused")
    return told


@pytest.mark.parametrize("block", range(4))
def test_a_conversation_mangled_on_its_way_ends_in_events_or_the_remote_error(block: int) -> None:
    for seed in range(block * 150, block * 150 + 150):
        assert live(seed, Random(seed)) == live(seed, None)


def test_the_conversation_is_the_same_in_one_piece_and_octet_by_octet() -> None:
    to_server, _ = conversations()
    whole, error = outcome(ServerConnection(server_config()), [to_server])
    # Nobody answers here, so the server has all calls at once; the client asked for multiplexing.
    assert error == ""
    assert len(whole) > 12
    octets = [to_server[at : at + 1] for at in range(len(to_server))]
    assert outcome(ServerConnection(server_config()), octets) == (whole, "")
