"""A whole answer in one step: the same octets and the same state as when it goes in parts."""

from __future__ import annotations

import pytest

from idlrt.association import CallStarted, ServerConnection, Stub
from idlrt.errors import LocalProtocolError
from tests.association.joined import Pair, bound


def asked(joined: Pair, stub: bytes = b"abcd") -> int:
    """A call that the server has to answer."""
    client = joined.client
    call_id = client.start_call(client.contexts[0].context_id, 0)
    client.send_stub(call_id, stub)
    events = list(joined.server.receive(b"".join(client.data_to_send())))
    assert [type(event) for event in events] == [CallStarted, Stub]
    assert isinstance(events[1], Stub)
    assert (events[1].data, events[1].first, events[1].last) == (stub, True, True)
    return call_id


def sent(server: ServerConnection) -> bytes:
    return b"".join(server.data_to_send())


@pytest.mark.parametrize("size", [0, 3, 4096, 5000, 5816, 5817, 20_000])
def test_an_answer_in_one_part_is_the_answer_in_two(size: int) -> None:
    stub = (bytes(range(256)) * 80)[:size]
    one, two = bound(), bound()
    call_id = asked(one)
    assert asked(two) == call_id
    one.server.respond(call_id, stub)
    two.server.respond(call_id, stub[: size // 2], stub[size // 2 :])
    assert sent(one.server) == sent(two.server)
    assert one.server.calls == two.server.calls == 0
    with pytest.raises(LocalProtocolError):
        one.server.respond(call_id, stub)


def test_a_view_of_an_answer_is_one_too() -> None:
    joined = bound()
    call_id = asked(joined)
    joined.server.respond(call_id, memoryview(b"12345678"))
    (event,) = joined.client.receive(sent(joined.server))
    assert isinstance(event, Stub)
    assert event.data == b"12345678"


def test_the_answer_of_a_cancelled_call_counts_its_cancels() -> None:
    joined = bound()
    call_id = asked(joined)
    joined.client.cancel(call_id)
    list(joined.server.receive(b"".join(joined.client.data_to_send())))
    joined.server.respond(call_id, b"1234")
    assert sent(joined.server)[22] == 1


def test_two_whole_requests_in_one_read_are_two_calls() -> None:
    joined = bound()
    client = joined.client
    context = client.contexts[0].context_id
    first, second = client.start_call(context, 0), client.start_call(context, 3)
    client.send_stub(first, b"one")
    client.send_stub(second, b"two")
    events = list(joined.server.receive(b"".join(client.data_to_send())))
    assert [(event.call_id, event.data) for event in events if isinstance(event, Stub)] == [
        (first, b"one"),
        (second, b"two"),
    ]
    joined.server.respond(second, b"2")
    joined.server.respond(first, b"1")
    answers = list(client.receive(sent(joined.server)))
    assert [event.call_id for event in answers if isinstance(event, Stub)] == [second, first]
