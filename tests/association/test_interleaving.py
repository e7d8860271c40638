"""A client that multiplexes may send the fragments of its requests in any order among each other."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from idlrt.association import CallStarted, ContextsAltered, ServerConnection, ServerEvent, Stub
from idlrt.ids import NDR20
from idlrt.pdu import AlterContext, ContextElement, Request, encode
from tests.association.joined import OTHER, STREAM, bound, kept

WHOLE = 0


def fragments(call_id: int, opnum: int, stub: bytes, size: int) -> list[bytes]:
    """A request as PDUs with `size` octets of stub each."""
    pieces = [stub[at : at + size] for at in range(0, len(stub), size)]
    last = len(pieces) - 1
    return [
        encode(
            Request(
                call_id=call_id, flags=(index == 0) | (index == last) << 1, context_id=0, opnum=opnum, stub=piece
            )
        )
        for index, piece in enumerate(pieces)
    ]


def receive(server: ServerConnection, *pdus: bytes) -> list[ServerEvent]:
    return [event for pdu in pdus for event in kept(server.receive(pdu))]


def stubs(events: list[ServerEvent]) -> dict[int, bytes]:
    """Stub data by call, from events that may interleave."""
    found: dict[int, bytes] = {}
    for event in events:
        if isinstance(event, Stub):
            found[event.call_id] = found.get(event.call_id, b"") + event.data
    return found


@pytest.mark.parametrize("seed", range(20))
def test_fragments_of_many_calls_come_in_any_order(seed: int) -> None:
    rng = random.Random(seed)
    sent = {call_id: rng.randbytes(rng.randrange(1, 2000)) for call_id in range(1, 12)}
    queues = [
        fragments(call_id, rng.choice((WHOLE, STREAM)), stub, 8 * rng.randrange(1, 40))
        for call_id, stub in sent.items()
    ]
    server = bound().server
    events: list[ServerEvent] = []
    while queues:
        queue = rng.choice(queues)
        events += receive(server, queue.pop(0))
        if not queue:
            queues.remove(queue)
    assert stubs(events) == sent
    assert {event.call_id for event in events if isinstance(event, CallStarted)} == set(sent)
    for call_id in sent:
        server.respond(call_id, b"answer")
    assert server.calls == 0


def test_a_call_may_be_answered_while_the_request_of_another_is_under_way() -> None:
    server = bound().server
    long = fragments(3, WHOLE, bytes(64), 16)
    receive(server, *long[:2], *fragments(4, WHOLE, b"short", 8))
    server.respond(4, b"answer")
    assert stubs(receive(server, *long[2:])) == {3: bytes(64)}


def test_a_call_that_is_given_up_in_the_midst_does_not_disturb_the_others() -> None:
    pair = bound()
    mine, other = fragments(3, STREAM, bytes(64), 16), fragments(4, STREAM, b"x" * 64, 16)
    receive(pair.server, mine[0], other[0])
    pair.server.fault(3, 5)  # before its request is complete: the rest of it is dropped
    assert stubs(receive(pair.server, mine[1], other[1], mine[2], other[2], mine[3], other[3])) == {4: b"x" * 48}


def test_contexts_may_be_altered_between_the_fragments_of_a_request() -> None:
    server = bound().server
    alter = AlterContext(call_id=9, max_xmit=5840, max_recv=5840, contexts=(ContextElement(5, OTHER, (NDR20,)),))
    first, last = fragments(3, WHOLE, b"12345678abc", 8)
    events = receive(server, first, encode(alter), last)
    assert any(isinstance(event, ContextsAltered) for event in events)
    assert stubs(events) == {3: b"12345678abc"}
    (started, _) = receive(server, encode(replace(Request(call_id=4, context_id=5, opnum=0, stub=b""), flags=3)))
    assert isinstance(started, CallStarted)
    assert started.context.interface == OTHER
