"""A whole request and a whole answer, each in one step: the same octets and the same state as step by step."""

from __future__ import annotations

import pytest

from idlrt.association import ClientConnection, Stub
from idlrt.errors import LocalProtocolError
from tests.association.joined import bound


def take(client: ClientConnection, data: bytes, call_id: int) -> bytes | None:
    room = client.receive_buffer()
    room[: len(data)] = data
    return client.response(len(data), call_id)


def answer(stub: bytes, call_id: int, flags: int = 3) -> bytes:
    head = bytes((5, 0, 2, flags, 0x10, 0, 0, 0)) + (24 + len(stub)).to_bytes(2, "little") + bytes(2)
    return head + call_id.to_bytes(4, "little") + len(stub).to_bytes(4, "little") + bytes(4) + stub


@pytest.mark.parametrize("size", [0, 3, 4096, 5000, 5816, 5817, 20_000])
def test_a_request_in_one_step_is_the_request_in_two(size: int) -> None:
    one, two = bound().client, bound().client
    context = one.contexts[0].context_id
    stub = bytes(range(256)) * 80
    call_id = one.request(context, 7, stub[:size])
    assert two.start_call(context, 7) == call_id
    two.send_stub(call_id, stub[:size])
    assert b"".join(one.data_to_send()) == b"".join(two.data_to_send())
    assert one.calls == two.calls == 1
    with pytest.raises(LocalProtocolError):
        one.send_stub(call_id, b"more")


def test_an_answer_that_came_alone_and_whole_is_taken_at_once() -> None:
    client = bound().client
    for number in range(3):
        call_id = client.request(client.contexts[0].context_id, 0, b"abcd")
        assert take(client, answer(b"%d" % number, call_id), call_id) == b"%d" % number
        assert client.calls == 0
        assert client.usable


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda data: data[:-1], id="not all of it"),
        pytest.param(lambda data: data + data[:5], id="more than it"),
        pytest.param(lambda data: data[:3] + b"\1" + data[4:], id="the first of several fragments"),
        pytest.param(lambda data: data[:10], id="less than a header"),
    ],
)
def test_anything_else_is_left_to_the_ordinary_way(change: object) -> None:
    assert callable(change)
    client = bound().client
    call_id = client.request(client.contexts[0].context_id, 0, b"abcd")
    data = change(answer(b"12345678", call_id))
    assert take(client, data, call_id) is None
    events = list(client.received(len(data)))
    assert [type(event) for event in events] == ([Stub] if len(data) > 32 else [])


def test_a_fault_and_another_call_are_left_to_the_ordinary_way() -> None:
    client = bound().client
    call_id = client.request(client.contexts[0].context_id, 0, b"abcd")
    assert take(client, answer(b"1234", call_id + 1), call_id) is None
    client = bound().client
    call_id = client.request(client.contexts[0].context_id, 0, b"abcd")
    fault = bytearray(answer(b"\0\0\1\x1c\0\0\0\0", call_id))
    fault[2] = 3
    assert take(client, bytes(fault), call_id) is None


def test_requests_one_after_the_other_count_on() -> None:
    client = bound().client
    client._last_call_id = 0xFFFFFFFE
    for expected in (0xFFFFFFFF, 1, 2):
        call_id = client.request(client.contexts[0].context_id, 0, b"")
        assert call_id == expected
        assert take(client, answer(b"", call_id), call_id) == b""
