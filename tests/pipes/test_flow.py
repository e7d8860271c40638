"""The rules of pipes without I/O: order of use, ends, what is buffered, what a block is."""

from __future__ import annotations

from array import array
from typing import Any

import pytest

from idlrt import ndr
from idlrt.errors import NdrError, PipeClosed, PipeDiscipline, PipeEmpty, PipeObject, PipeOrder
from idlrt.pipes.flow import Incoming, Outgoing, slices

BYTES: Any = ndr.BYTES
DOUBLES: Any = ndr.number_element("<", "d")


def outgoing(*elements: Any, at: int = 0) -> Outgoing:
    made = Outgoing([f"p{index}" for index in range(len(elements))])
    made.open(elements, "<", False, at)
    return made


def incoming(*elements: Any, at: int = 0, limit: int = 1 << 20) -> Incoming:
    made = Incoming([f"p{index}" for index in range(len(elements))], ndr.Limits(max_stub=limit))
    made.open(elements, "<", False, at)
    return made


def sent(out: Outgoing, index: int, *blocks: Any) -> bytes:
    return b"".join(bytes(part) for block in blocks for part in out.outlets[index].chunk(block))


def test_chunks_need_not_come_out_as_they_went_in() -> None:
    stub = sent(outgoing(BYTES), 0, b"abc", b"defgh", b"")
    pipe = incoming(BYTES)
    pipe.feed(stub, True)
    pipe.settle()
    (inlet,) = pipe.inlets
    assert inlet.take(None) == b"abcdefgh"
    assert inlet.take(None) == b""


def test_a_pull_gives_at_most_what_it_asks_for() -> None:
    pipe = incoming(DOUBLES)
    pipe.feed(sent(outgoing(DOUBLES), 0, [1.0, 2.0, 3.0], []), True)
    pipe.settle()
    (inlet,) = pipe.inlets
    assert list(inlet.take(2)) == [1.0, 2.0]
    assert list(inlet.take(2)) == [3.0]
    assert list(inlet.take(2)) == []


def test_an_element_that_straddles_fragments_comes_whole() -> None:
    stub = sent(outgoing(DOUBLES), 0, [1.0, 2.0], [])
    pipe = incoming(DOUBLES)
    (inlet,) = pipe.inlets
    got: list[float] = []
    for at in range(len(stub)):
        pipe.feed(stub[at : at + 1], at == len(stub) - 1)
        pipe.settle()
        while inlet.ready and not inlet.drained:
            got += inlet.take(None)
    assert got == [1.0, 2.0]


def test_a_block_handed_out_stays_valid_when_the_receive_buffer_is_used_again() -> None:
    buffer = bytearray(sent(outgoing(BYTES), 0, b"abcdef", b""))
    pipe = incoming(BYTES)
    pipe.feed(memoryview(buffer), True)
    pipe.settle()
    buffer[:] = bytes(len(buffer))
    assert pipe.inlets[0].take(None) == b"abcdef"


def test_a_pull_before_anything_came_gives_nothing_yet() -> None:
    pipe = Incoming(["p"], ndr.Limits(max_stub=100))
    assert pipe.inlets[0].take(None) is None


def test_pulling_after_the_end_is_empty() -> None:
    pipe = incoming(BYTES)
    pipe.feed(sent(outgoing(BYTES), 0, b""), True)
    pipe.settle()
    assert pipe.inlets[0].take(None) == b""
    with pytest.raises(PipeEmpty):
        pipe.inlets[0].take(None)


def test_pushing_after_the_end_is_closed() -> None:
    pipe = outgoing(BYTES)
    sent(pipe, 0, b"")
    with pytest.raises(PipeClosed):
        sent(pipe, 0, b"x")


def test_pipes_are_read_in_their_order() -> None:
    pipe = incoming(BYTES, BYTES)
    with pytest.raises(PipeOrder):
        pipe.inlets[1].take(None)


def test_pipes_are_written_in_their_order() -> None:
    with pytest.raises(PipeOrder):
        sent(outgoing(BYTES, BYTES), 1, b"x")


def test_several_pipes_lie_one_behind_the_other_each_aligned_anew() -> None:
    out = outgoing(BYTES, DOUBLES, at=3)
    stub = sent(out, 0, b"abc", b"") + sent(out, 1, [1.5], [])
    pipe = incoming(BYTES, DOUBLES, at=3)
    pipe.feed(stub, True)
    pipe.settle()
    first, second = pipe.inlets
    assert [first.take(None), first.take(None)] == [b"abc", b""]
    assert [list(second.take(None)), list(second.take(None))] == [[1.5], []]


def test_what_follows_the_pipes_starts_at_its_place_modulo_eight() -> None:
    stub = sent(outgoing(BYTES), 0, b"ab", b"")
    pipe = incoming(BYTES)
    pipe.feed(stub + b"\0\0rest", True)
    pipe.settle()
    data, at = pipe.rest()
    assert at == len(stub) & 7
    assert data[at:] == b"\0\0rest"


def test_what_follows_the_pipes_is_bounded() -> None:
    pipe = incoming(BYTES, limit=100)
    with pytest.raises(NdrError, match="longer"):
        pipe.feed(sent(outgoing(BYTES), 0, b"") + bytes(101), False)


def test_a_stub_that_ends_inside_a_pipe_is_cut_short() -> None:
    pipe = incoming(BYTES)
    with pytest.raises(NdrError, match="ends before"):
        pipe.feed(sent(outgoing(BYTES), 0, b"abc"), True)


def test_data_that_arrived_comes_before_the_error() -> None:
    pipe = incoming(BYTES)
    pipe.feed(sent(outgoing(BYTES), 0, b"abc"), False)
    pipe.settle()
    pipe.fail(ValueError("gone"))
    assert pipe.inlets[0].take(None) == b"abc"
    with pytest.raises(ValueError, match="gone"):
        pipe.inlets[0].take(None)


def test_completing_with_an_undrained_or_an_open_pipe_is_a_breach_of_discipline() -> None:
    with pytest.raises(PipeDiscipline):
        incoming(BYTES).check_drained()
    with pytest.raises(PipeDiscipline):
        outgoing(BYTES).check_closed()


def test_something_that_is_no_block_is_named() -> None:
    with pytest.raises(PipeObject, match="not int"):
        sent(outgoing(BYTES), 0, 5)


def test_elements_that_do_not_fit_are_an_ndr_error() -> None:
    with pytest.raises(NdrError):
        sent(outgoing(DOUBLES), 0, ["text"])


def test_an_array_is_a_block_of_its_elements() -> None:
    assert sent(outgoing(DOUBLES), 0, array("d", [1.0])) == sent(outgoing(DOUBLES), 0, [1.0])


def test_a_large_block_is_sent_in_slices_that_are_not_copied() -> None:
    block = bytes(1000)
    groups = slices([b"head", memoryview(block)], 300)
    assert b"".join(bytes(part) for group in groups for part in group) == b"head" + block
    assert max(sum(map(len, group)) for group in groups) <= 300
