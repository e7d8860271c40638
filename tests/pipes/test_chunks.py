"""Chunk framing: any way of cutting the stub gives the same octets, in both syntaxes and byte orders."""

from __future__ import annotations

import random
from struct import Struct, pack
from typing import Any

import pytest

from idlrt.errors import NdrError
from idlrt.ndr.chunks import ChunkParser, ChunkWriter


class Layout:
    def __init__(self, size: int, align: int, stride: int) -> None:
        self.size, self.align, self.stride = size, align, stride


LAYOUTS = {
    "byte": Layout(1, 1, 1),
    "short": Layout(2, 2, 2),
    "long": Layout(4, 4, 4),
    "hyper": Layout(8, 8, 8),
    "long and short": Layout(6, 4, 8),
    "short and byte": Layout(3, 2, 4),
    "hyper and byte": Layout(9, 8, 16),
}


def elements(layout: Layout, count: int, seed: int = 1) -> bytes:
    """Octets of `count` elements at their strides, the gap between them zero, the last one without."""
    rng = random.Random(seed)
    rows = [rng.randbytes(layout.size) + bytes(layout.stride - layout.size) for _ in range(count)]
    return b"".join(rows)[: (count - 1) * layout.stride + layout.size] if rows else b""


def frame(layout: Layout, order: str, wide: bool, at: int, counts: list[int]) -> tuple[bytes, bytes]:
    """A whole pipe from stub position `at`, and the octets its parser should find."""
    writer = ChunkWriter(layout, order, wide)
    out, plain = b"", b""
    for seed, count in enumerate(counts):
        data = elements(layout, count, seed)
        out += writer.head(count, at + len(out)) + data
        out += writer.tail(count, at + len(out))
        plain += data + bytes(layout.stride - layout.size)
    return out + writer.head(0, at + len(out)), plain


def parse(layout: Layout, order: str, wide: bool, at: int, data: bytes, cuts: list[int]) -> tuple[bytes, int, bool]:
    parser = ChunkParser(layout, order, wide)
    found, used = b"", 0
    for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True):
        view = memoryview(data)[start:end]
        took = parser.feed(view, at + start)
        used += took
        found += b"".join(parser.runs)
        parser.runs.clear()
        if took < len(view):
            break
    return found, used, parser.ended


@pytest.mark.parametrize("wide", [False, True], ids=["ndr", "ndr64"])
@pytest.mark.parametrize("order", ["<", ">"], ids=["little", "big"])
@pytest.mark.parametrize("name", LAYOUTS)
def test_every_way_of_cutting_gives_the_same_elements(name: str, order: str, wide: bool) -> None:
    layout = LAYOUTS[name]
    rng = random.Random(name)
    for at in range(9):
        data, plain = frame(layout, order, wide, at, [3, 1, 5])
        behind = b"\x99" * 5
        for step in (1, 2, 3, 7, 1000):
            cuts = list(range(step, len(data) + 5, step))
            assert parse(layout, order, wide, at, data + behind, cuts) == (plain, len(data), True)
        for _ in range(5):
            cuts = sorted(rng.sample(range(1, len(data)), 3))
            assert parse(layout, order, wide, at, data + behind, cuts) == (plain, len(data), True)


def test_the_windows_trace_of_chunks_of_struct_long_short() -> None:
    layout = LAYOUTS["long and short"]
    request = bytes.fromhex("01000000 DDDDDDDD DDDD 0000 00000000")
    assert parse(layout, "<", False, 20, request, []) == (bytes.fromhex("DDDDDDDDDDDD0000"), 16, True)


def test_ndr64_chunks_end_with_their_negated_count() -> None:
    data, _ = frame(LAYOUTS["long"], "<", True, 4, [3])
    assert data[4:12] == pack("<Q", 3)
    assert data[28:36] == pack("<q", -3)
    assert data[36:] == bytes(16)


def test_an_element_after_the_terminator_is_not_of_the_pipe() -> None:
    data, _ = frame(LAYOUTS["byte"], "<", False, 0, [2])
    assert parse(LAYOUTS["byte"], "<", False, 0, data + b"rest", [])[1] == len(data)


def test_a_lying_count_allocates_nothing() -> None:
    parser = ChunkParser(LAYOUTS["hyper"], "<")
    assert parser.feed(memoryview(pack("<I", 0xFFFFFFFF) + bytes(12)), 0) == 16
    assert sum(map(len, parser.runs)) == 8
    assert not parser.ended


def test_an_ndr64_count_beyond_its_bound_is_refused() -> None:
    with pytest.raises(NdrError, match="claims"):
        ChunkParser(LAYOUTS["byte"], "<", True).feed(memoryview(pack("<Q", 1 << 31)), 0)


def test_an_ndr64_trailer_that_does_not_match_is_refused() -> None:
    data, _ = frame(LAYOUTS["long"], "<", True, 0, [3])
    wrong = bytearray(data)
    wrong[24] ^= 1
    with pytest.raises(NdrError, match="negated count"):
        ChunkParser(LAYOUTS["long"], "<", True).feed(memoryview(wrong), 0)


def test_views_of_what_was_fed_are_handed_on_uncopied() -> None:
    parser = ChunkParser(LAYOUTS["byte"], "<")
    data = memoryview(Struct("<I").pack(10) + b"abcdefgh")
    parser.feed(data, 0)
    run: Any = parser.runs[0]
    assert run.obj is data.obj
