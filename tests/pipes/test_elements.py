"""Elements without I/O: what may be pushed, the forms of blocks and how long they last, what is refused and how."""

from __future__ import annotations

import ctypes
import sys
from array import array
from collections.abc import Iterator
from struct import pack
from typing import Any

import pytest

from idlrt import ndr
from idlrt.errors import NdrError, PipeObject
from idlrt.pipes import Borrowed
from idlrt.pipes.flow import Incoming, Outgoing
from tests.golden.pipes._pipes_codec import ndr20
from tests.golden.pipes.pipes import READING

DOUBLES = ndr.number_element("<", "d")
SWAPPED = ndr.number_element(">", "d")
LONGS = ndr.number_element("<", "i")
BOOLEANS = ndr.number_element("<", "?")
READINGS = ndr20("<")[1].out_pipes[0]


def octets(element: ndr.PipeElement, block: Any) -> tuple[int, bytes]:
    count, data = element.pack(block)
    return count, bytes(data)


def outgoing(element: ndr.PipeElement) -> Outgoing:
    made = Outgoing(["content"])
    made.open([element], "<", False)
    return made


def push(element: ndr.PipeElement, *blocks: Any) -> bytes:
    (outlet,) = outgoing(element).outlets
    return b"".join(bytes(part) for block in blocks for part in outlet.chunk(block))


def incoming(element: ndr.PipeElement, stub: Any, last: bool = True) -> Incoming:
    made = Incoming(["content"], ndr.Limits())
    made.open([element], "<", False)
    made.feed(stub, last)
    made.settle()
    return made


class Numbers:
    """A sequence that is neither a list nor a buffer."""

    def __len__(self) -> int:
        return 3

    def __getitem__(self, index: int) -> float:
        return [1.0, 2.0, 3.0][index]

    def __iter__(self) -> Iterator[float]:
        return iter([1.0, 2.0, 3.0])


# -- pushing


@pytest.mark.parametrize(
    "block",
    [
        b"\1\2\3",
        bytearray(b"\1\2\3"),
        memoryview(b"\1\2\3"),
        memoryview(b"\1-\2-\3")[::2],
        array("B", [1, 2, 3]),
        (ctypes.c_ubyte * 3)(1, 2, 3),
        [1, 2, 3],
        (1, 2, 3),
        range(1, 4),
    ],
    ids=lambda block: type(block).__name__,
)
def test_octets_come_from_any_buffer_or_sequence(block: Any) -> None:
    assert octets(ndr.BYTES, block) == (3, b"\1\2\3")


def test_the_octets_of_any_buffer_count_as_octets() -> None:
    assert octets(ndr.BYTES, array("d", [1.5])) == (8, array("d", [1.5]).tobytes())
    assert octets(ndr.BYTES, memoryview(array("i", [1, 2])))[0] == 8


@pytest.mark.parametrize(
    "block",
    [
        [1.0, 2.0, 3.0],
        (1.0, 2, 3.0),
        array("d", [1.0, 2.0, 3.0]),
        array("f", [1.0, 2.0, 3.0]),
        array("i", [1, 2, 3]),
        memoryview(array("d", [1.0, 2.0, 3.0])),
        memoryview(array("d", [1.0, 0.0, 2.0, 0.0, 3.0]))[::2],
        (ctypes.c_double * 3)(1.0, 2.0, 3.0),
        (ctypes.c_double.__ctype_be__ * 3)(1.0, 2.0, 3.0),
        Numbers(),
    ],
    ids=lambda block: type(block).__name__,
)
def test_numbers_come_from_any_array_buffer_or_sequence(block: Any) -> None:
    assert octets(DOUBLES, block) == (3, pack("<3d", 1, 2, 3))
    assert octets(SWAPPED, block) == (3, pack(">3d", 1, 2, 3))


def test_an_array_of_the_right_numbers_is_not_copied() -> None:
    numbers = array("d", [1.0])
    _, data = (DOUBLES if sys.byteorder == "little" else SWAPPED).pack(numbers)
    numbers[0] = 2.0
    assert bytes(data) == numbers.tobytes()


def test_truth_values_travel_as_octets() -> None:
    assert octets(BOOLEANS, [True, False, 2]) == (3, b"\1\0\1")
    assert BOOLEANS.unpack(b"\1\0\1", 3) == array("B", [1, 0, 1])
    assert BOOLEANS.unpack(b"\1\0\1", 3, list) == [True, False, True]


def test_structures_are_written_a_stride_each_and_the_last_without_its_padding() -> None:
    count, data = octets(READINGS, [READING(1, 2), READING(3, 4)])
    assert (count, data) == (2, pack("<qh6xqh", 1, 2, 3, 4))


# -- what is refused, and how


@pytest.mark.parametrize(
    ("element", "block", "message"),
    [
        (ndr.BYTES, [1, 256], "content[1]: 256 does not fit an unsigned octet"),
        (ndr.BYTES, [1, 2, "x"], "content[2]: 'x' is not an unsigned octet"),
        (DOUBLES, [1.0, "text"], "content[1]: 'text' is not a number"),
        (DOUBLES, [1.0, None], "content[1]: None is not a number"),
        (LONGS, [1, 2.5], "content[1]: 2.5 is not a 32-bit integer"),
        (LONGS, [0] * 1000 + [1 << 31], "content[1000]: 2147483648 does not fit a 32-bit integer"),
        (LONGS, (1, [2]), "content[1]: [2] is not a 32-bit integer"),
        (READINGS, [READING(1, 2), READING(1, 40000)], "content[1].level: 40000 does not fit a 16-bit integer"),
        (READINGS, [READING(1, 2), 7], 'content[1]: 7 has no field "stamp"'),
        (READINGS, [None], "content[0]: None cannot stand here"),
    ],
)
def test_an_element_that_does_not_fit_is_named_by_pipe_and_index(
    element: ndr.PipeElement, block: Any, message: str
) -> None:
    with pytest.raises(NdrError) as caught:
        push(element, block)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("element", "block", "message"),
    [
        (ndr.BYTES, "text", 'pipe "content" takes blocks of octets, not str; encode the text'),
        (ndr.BYTES, "", 'pipe "content" takes blocks of octets, not str; encode the text'),
        (ndr.BYTES, None, 'pipe "content" takes blocks of octets, not NoneType'),
        (ndr.BYTES, 5, 'pipe "content" takes blocks of octets, not int'),
        (
            DOUBLES,
            bytes(8),
            'pipe "content" takes blocks of numbers, not bytes; octets of them can be cast: '
            'memoryview(block).cast("d")',
        ),
        (DOUBLES, 1.5, 'pipe "content" takes blocks of numbers, not float'),
        (LONGS, memoryview(b"abcd"), 'pipe "content" takes blocks of integers, not memoryview'),
        (READINGS, READING(1, 2), 'pipe "content" takes blocks of structures, not READING'),
        (READINGS, b"abc", 'pipe "content" takes blocks of structures, not bytes'),
    ],
)
def test_something_that_is_no_block_of_such_elements_is_named(
    element: ndr.PipeElement, block: Any, message: str
) -> None:
    with pytest.raises(PipeObject) as caught:
        push(element, block)
    assert str(caught.value).startswith(message)


def test_a_refused_block_leaves_the_pipe_as_it_was() -> None:
    (outlet,) = outgoing(LONGS).outlets
    with pytest.raises(NdrError):
        outlet.chunk([1, "x"])
    assert b"".join(bytes(part) for part in outlet.chunk([1])) == pack("<2I", 1, 1)


# -- the forms of blocks


def test_octets_come_as_bytes_or_as_asked() -> None:
    data = b"\1\2"
    assert type(ndr.BYTES.unpack(memoryview(data), 2)) is bytes
    for form in (bytes, memoryview, list, array):
        block = ndr.BYTES.unpack(data, 2, form)
        assert type(block) is form
        assert list(block) == [1, 2]


@pytest.mark.parametrize(("element", "order"), [(DOUBLES, "<"), (SWAPPED, ">")])
def test_numbers_come_as_an_array_or_as_asked(element: ndr.PipeElement, order: str) -> None:
    data = pack(f"{order}2d", 1.5, 2.5)
    assert element.unpack(data, 2) == array("d", [1.5, 2.5])
    for form in (array, memoryview, list):
        block = element.unpack(data, 2, form)
        assert type(block) is form
        assert list(block) == [1.5, 2.5]


def test_structures_come_as_objects_in_a_list() -> None:
    assert READINGS.unpack(pack("<qh6xqh6x", 1, 2, 3, 4), 2) == [READING(1, 2), READING(3, 4)]
    assert READINGS.unpack(b"", 0, list) == []


@pytest.mark.parametrize(("element", "form"), [(READINGS, memoryview), (DOUBLES, bytes), (ndr.BYTES, str)])
def test_a_form_that_there_is_not_is_refused_and_nothing_is_lost(element: ndr.PipeElement, form: type) -> None:
    blocks: Any = {READINGS: [READING(1, 2)], DOUBLES: [1.0], ndr.BYTES: b"a"}
    (inlet,) = incoming(element, push(element, blocks[element], ())).inlets
    for _ in range(2):
        with pytest.raises(TypeError, match="no form"):
            inlet.take(None, form)
    assert list(inlet.take(None)) == list(blocks[element])
    with pytest.raises(TypeError, match="no form"):
        inlet.take(None, form)
    assert len(inlet.take(None)) == 0


# -- how long blocks last


@pytest.mark.parametrize("form", [None, bytes, memoryview, list, array])
@pytest.mark.parametrize("most", [None, 3])
def test_a_block_handed_out_outlives_the_memory_it_was_received_in(form: Any, most: int | None) -> None:
    memory = bytearray(push(ndr.BYTES, b"abcdef"))
    pipe = incoming(ndr.BYTES, memoryview(memory), last=False)
    (inlet,) = pipe.inlets
    block = inlet.take(most, form)
    before = bytes(block)
    memory[:] = push(ndr.BYTES, b"zzzzzz")  # the next octets are read into the same memory
    pipe.feed(memoryview(memory), False)
    pipe.settle()
    inlet.take(most, form)
    inlet.take(None, form)
    assert bytes(block) == before == b"abcdef"[:most]


def test_a_block_of_numbers_outlives_the_memory_it_was_received_in() -> None:
    memory = bytearray(push(DOUBLES, [1.0, 2.0]))
    pipe = incoming(DOUBLES, memoryview(memory), last=False)
    (inlet,) = pipe.inlets
    blocks = [inlet.take(1, memoryview), inlet.take(1)]
    memory[:] = bytes(len(memory))
    assert [list(block) for block in blocks] == [[1.0], [2.0]]


def test_a_borrowed_view_lasts_until_the_next_pull() -> None:
    (inlet,) = incoming(DOUBLES, push(DOUBLES, [1.0, 2.0, 3.0], ())).inlets
    first = inlet.take(2, Borrowed)
    assert list(first) == [1.0, 2.0]
    second = inlet.take(2, Borrowed)
    with pytest.raises(ValueError, match="released"):
        first[0]
    assert list(second) == [3.0]
    assert len(inlet.take(None, Borrowed)) == 0
    with pytest.raises(ValueError, match="released"):
        second[0]


def test_a_borrowed_view_ends_with_a_pull_in_any_form_even_while_something_holds_its_memory() -> None:
    (inlet,) = incoming(ndr.BYTES, push(ndr.BYTES, b"abc", ())).inlets
    view = inlet.take(1, Borrowed)
    held = ctypes.c_char.from_buffer_copy(view)
    inlet.take(1)
    with pytest.raises(ValueError, match="released"):
        bytes(view)
    assert held.value == b"a"


# -- [range]: rule 8.10


def test_rule_8_10_a_range_bounds_the_elements_of_each_chunk_not_those_of_the_pipe() -> None:
    limited = LONGS.within(2, 3)
    stub = push(limited, [1, 2], [3, 4, 5], [6, 7], ())
    (inlet,) = incoming(limited, stub).inlets
    assert list(inlet.take(None)) == [1, 2, 3, 4, 5, 6, 7]
    assert stub == push(LONGS, [1, 2], [3, 4, 5], [6, 7], ())  # nothing of it on the wire


@pytest.mark.parametrize(("block", "bound"), [([1], "at least 2"), ([1, 2, 3, 4], "at most 3")])
def test_rule_8_10_a_chunk_beyond_its_range_is_refused_by_its_sender_and_its_receiver(
    block: list[int], bound: str
) -> None:
    limited = LONGS.within(2, 3)
    with pytest.raises(NdrError, match=f"content: a chunk holds {bound}"):
        push(limited, block)
    with pytest.raises(NdrError, match=f"claims {len(block)} elements, {bound}"):
        incoming(limited, push(LONGS, block, ()))
