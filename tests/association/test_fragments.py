"""However a stub is handed over, its fragments say the same; however bytes are read, nothing of them is lost."""

from __future__ import annotations

from random import Random
from uuid import UUID

import pytest

from idlrt.association.fragments import GROW_AFTER, LARGE_RECEIVE_BUFFER, RECEIVE_BUFFER, ReceiveBuffer, StubSender
from idlrt.errors import LocalProtocolError, RemoteProtocolError
from idlrt.ids import Order
from idlrt.pdu import PType, Request, decode
from idlrt.pdu.header import FIRST, LAST, OBJECT_UUID, Buffer
from idlrt.security import NONE, AuthLevel


def fragments(out: list[Buffer]) -> list[Request]:
    octets, requests = b"".join(out), []
    while octets:
        length = int.from_bytes(octets[8:10], "little" if octets[4] else "big")
        pdu = decode(octets[:length])
        assert isinstance(pdu, Request)
        requests.append(pdu)
        octets = octets[length:]
    return requests


@pytest.mark.parametrize("seed", range(30))
def test_any_parts_make_the_fragments_of_their_concatenation(seed: int) -> None:
    random = Random(seed)
    order: Order = random.choice(("<", ">"))
    target = random.choice((None, UUID(int=seed)))
    extra = b"" if target is None else (target.bytes_le if order == "<" else target.bytes)
    size = random.choice((1432, 2048, 5840))
    flags = OBJECT_UUID if target else 0
    sender = StubSender(PType.REQUEST, 7, 1, 3, order, size, flags=flags, extra=extra)
    out: list[Buffer] = []
    whole = b""
    for call in range(calls := random.randint(1, 8)):
        parts = [
            random.randbytes(random.choice((0, 1, 4, 7, 8, 100, 5000, 20_000))) for _ in range(random.randrange(4))
        ]
        whole += b"".join(parts)
        kinds = (bytes, bytearray, memoryview)
        sender.put(out, tuple(random.choice(kinds)(part) for part in parts), call == calls - 1)
        if call < calls - 1 and random.random() < 0.5:
            head = random.randbytes(random.choice((4, 8, 12)))
            data = random.randbytes(random.choice((0, 9, 5808, 40_000)))
            whole += head + data
            sender.put_block(out, head, random.choice(kinds)(data))
    requests = fragments(out)
    assert b"".join(request.stub for request in requests) == whole
    assert all(len(request.stub) % 8 == 0 for request in requests[:-1])
    assert all(len(request.stub) + 24 + len(extra) <= size for request in requests)
    edges = [request.flags & (FIRST | LAST) for request in requests]
    assert edges[0] & FIRST
    assert edges[-1] & LAST
    assert not any(edges[1:-1])
    assert {request.object for request in requests} == {target}
    assert all(request.alloc_hint > len(request.stub) for request in requests[:-1])
    assert requests[-1].alloc_hint == len(requests[-1].stub)


def test_less_than_eight_octets_wait_for_more() -> None:
    sender = StubSender(PType.REQUEST, 1, 0, 0, "<", 5840)
    out: list[Buffer] = []
    sender.put(out, (b"1234567",), False)
    assert out == []
    assert not sender.started
    sender.put(out, (b"8", b"9"), False)
    assert [request.stub for request in fragments(out)] == [b"12345678"]
    sender.put(out, (), True)
    assert [request.stub for request in fragments(out)] == [b"12345678", b"9"]


def test_blocks_that_follow_each_other_fill_their_fragments() -> None:
    sender = StubSender(PType.REQUEST, 1, 0, 0, "<", 5840)
    out: list[Buffer] = []
    block = bytes(range(256)) * 256
    sender.put(out, (bytes(8),), False)
    for _ in range(5):
        sender.put_block(out, b"head", memoryview(block))
    sent = fragments(out)
    assert {len(request.stub) for request in sent[1:]} == {5816}
    sender.put(out, (), False)  # nothing follows soon
    sent = fragments(out)
    assert len(sent[-1].stub) % 8 == 0
    stub = b"".join(request.stub for request in sent)
    assert stub == (bytes(8) + (b"head" + block) * 5)[: len(stub)]
    sender.put(out, (), True)
    assert b"".join(request.stub for request in fragments(out)) == bytes(8) + (b"head" + block) * 5


def test_a_block_that_leaves_a_lot_over_is_not_copied_for_that() -> None:
    sender = StubSender(PType.REQUEST, 1, 0, 0, "<", 65528)
    out: list[Buffer] = []
    sender.put(out, (bytes(8),), False)
    sender.put_block(out, b"headhead", memoryview(bytes(100_000)))
    assert [len(request.stub) for request in fragments(out)] == [8, 65504, 100_008 - 65504]


def test_a_stub_that_nobody_wants_is_ended() -> None:
    sender = StubSender(PType.REQUEST, 1, 0, 0, "<", 5840)
    out: list[Buffer] = []
    sender.finish(out)
    assert out == []
    sender.put(out, (bytes(12),), False)
    sender.finish(out)
    assert [(request.flags & LAST, request.stub) for request in fragments(out)] == [(0, bytes(8)), (LAST, b"")]


def test_views_of_other_elements_are_taken_as_octets() -> None:
    sender = StubSender(PType.REQUEST, 1, 0, 0, "<", 5840)
    out: list[Buffer] = []
    sender.put(out, (memoryview(bytes(range(16))).cast("I"), memoryview(bytes(20_000)).cast("Q")), True)
    assert sum(len(request.stub) for request in fragments(out)) == 20_016


def test_a_receive_buffer_grows_once_when_reads_go_on_filling_it() -> None:
    buffer = ReceiveBuffer()
    for _ in range(GROW_AFTER):
        assert len(buffer.room()) == RECEIVE_BUFFER
        buffer.filled(RECEIVE_BUFFER)
        buffer.begin = buffer.end
    buffer.begin = buffer.end - 100
    assert len(buffer.room()) == LARGE_RECEIVE_BUFFER - 100
    buffer.filled(LARGE_RECEIVE_BUFFER - 100)
    buffer.begin = buffer.end
    assert len(buffer.room()) == LARGE_RECEIVE_BUFFER


def test_a_receive_buffer_that_is_not_needed_keeps_what_was_not_consumed() -> None:
    buffer = ReceiveBuffer()
    buffer.room()[:5] = b"abcde"
    buffer.filled(5)
    buffer.begin = 2
    buffer.release()
    assert len(buffer.octets) == 3
    assert len(buffer.room()) == RECEIVE_BUFFER - 3
    assert buffer.take() == b"cde"


def test_what_is_left_moves_to_the_front() -> None:
    buffer = ReceiveBuffer()
    buffer.room()[:5] = b"abcde"
    view = buffer.filled(5)
    buffer.begin = 3
    buffer.room()
    assert (buffer.begin, buffer.end) == (0, 2)
    assert view[:2].tobytes() == b"de"


def test_without_security_there_is_nothing_to_say_or_to_protect() -> None:
    assert (NONE.auth_type, NONE.level, NONE.complete, NONE.signature_size) == (0, AuthLevel.NONE, True, 0)
    assert NONE.step(None) is None
    with pytest.raises(RemoteProtocolError):
        NONE.step(b"token")
    with pytest.raises(LocalProtocolError):
        NONE.protect(b"", b"", b"")
    with pytest.raises(RemoteProtocolError):
        NONE.unprotect(b"", b"", b"", b"")
