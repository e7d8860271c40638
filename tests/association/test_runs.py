"""Fragments that are alike come together: what one read brings of a stream is one event, and nothing is lost by it."""

from __future__ import annotations

from struct import pack_into

import pytest

from idlrt.association import Parts, ServerConfig, ServerEvent, Stub
from idlrt.errors import RemoteProtocolError
from tests.association.joined import STREAM, Pair, bound, join_group, lookup

DATA = bytes(range(256)) * 400


def began(data: bytes, size: int = 1432) -> tuple[Pair, int, bytearray]:
    """A client that has sent all of a streamed request, and its fragments, which the server has still to read."""
    pair = bound(server=ServerConfig(lookup, join_group, "135", max_fragment=size))
    call_id = pair.start(STREAM)
    pair.client.send_stub(call_id, data[:64], last=False)
    pair.client.send_stub(call_id, data[64:-64], last=False)
    pair.client.send_stub(call_id, data[-64:])
    return pair, call_id, bytearray(b"".join(pair.client.data_to_send()))


def read(pair: Pair, octets: bytes | bytearray, most: int = 1 << 20) -> tuple[list[type], bytes]:
    """The kinds of events as a server reads, and the stub data in them."""
    kinds: list[type] = []
    got = b""
    while octets:
        room = pair.server.receive_buffer()
        count = min(len(room), len(octets), most)
        room[:count] = octets[:count]
        octets = octets[count:]
        for event in pair.server.received(count):
            kinds.append(type(event))
            got += stub_of(event)
    return kinds, got


def stub_of(event: ServerEvent) -> bytes:
    if isinstance(event, Parts):
        assert len({len(part) for part in event.parts}) == 1
        return b"".join(event.parts)
    return bytes(event.data) if isinstance(event, Stub) else b""


def test_a_stream_that_is_read_at_once_is_a_few_events() -> None:
    pair, _, octets = began(DATA)
    kinds, got = read(pair, octets)
    assert got == DATA
    assert kinds.count(Parts) >= 1
    assert len(kinds) < 12  # of 74 fragments


@pytest.mark.parametrize("most", [1, 7, 100, 1432, 1433, 5000, 40_000])
def test_however_it_is_read_nothing_is_lost(most: int) -> None:
    pair, _, octets = began(DATA[:20_000])
    assert read(pair, octets, most)[1] == DATA[:20_000]


def test_hints_that_tell_what_is_left_make_fragments_differ() -> None:
    pair, _, octets = began(DATA)
    at, left = 0, 1 << 20
    while at < len(octets):
        pack_into("<I", octets, at + 16, left)
        left -= 1432 - 24
        at += int.from_bytes(octets[at + 8 : at + 10], "little")
    kinds, got = read(pair, octets)
    assert got == DATA
    assert Parts not in kinds


def test_a_broken_fragment_behind_them_is_told_after_them() -> None:
    pair, call_id, octets = began(DATA)
    middle = octets[88 : 88 + 1432]
    assert middle[3] == 0
    stray = bytearray(middle)
    pack_into("<I", stray, 12, call_id + 1)  # of a request that never began
    room = pair.server.receive_buffer()
    sent = octets[:88] + middle * 4 + stray
    room[: len(sent)] = sent
    events = pair.server.received(len(sent))
    assert b"".join(stub_of(event) for _, event in zip(range(3), events, strict=False)) == (
        DATA[:64] + bytes(middle[24:]) * 4
    )
    with pytest.raises(RemoteProtocolError, match="has not begun"):
        next(events)
