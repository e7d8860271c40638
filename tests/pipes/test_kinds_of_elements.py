"""Pipes of everything that an element can be: there and back through generated codecs, in both syntaxes and orders."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from typing import Any

import pytest

from idlrt.errors import NdrError
from idlrt.ids import NDR20, NDR64
from idlrt.pipes.flow import Outgoing
from tests.compiled import compile_cached

MODULE: Any = compile_cached(
    """
    [uuid(5fbc1a40-7f4c-4c33-9c7e-0b0c2f6a7e13), version(1.0)]
    interface Kinds
    {
        typedef [v1_enum] enum { RED = 1, GREEN = 2 } COLOR;
        typedef struct { short x; hyper y; } POINT;
        typedef struct { POINT from; POINT to; boolean closed; COLOR color; } LINE;
        typedef struct { long id; char name[5]; short levels[3]; wchar_t mark[2]; } LABEL;
        typedef struct { byte b; } ONE;
        typedef struct { short a, b, c, d, e, f, g, h; long i; } WIDE;
        typedef struct { [range(1, 9)] long n; float f; } CHECKED;
        typedef struct { boolean set; unsigned small small_; wchar_t letter; float f; double d; } MIXED;

        typedef pipe boolean BOOLEANS;
        typedef pipe wchar_t LETTERS;
        typedef pipe small SMALLS;
        typedef pipe unsigned hyper HYPERS;
        typedef pipe float FLOATS;
        typedef pipe COLOR COLORS;
        typedef pipe POINT POINTS;
        typedef pipe LINE LINES;
        typedef pipe LABEL LABELS;
        typedef pipe ONE ONES;
        typedef pipe WIDE WIDES;
        typedef pipe CHECKED CHECKEDS;
        typedef pipe MIXED MIXEDS;

        void Move([in] BOOLEANS a, [in] LETTERS b, [in] SMALLS c, [in] HYPERS d, [in] FLOATS e, [in] COLORS f,
            [in] POINTS g, [in] LINES h, [in] LABELS i, [in] ONES j, [in] WIDES k, [in] CHECKEDS l, [in] MIXEDS m);
    }
    """,
    "kinds",
).module
M = MODULE

BLOCKS: dict[str, Callable[[int], Any]] = {
    "booleans": lambda n: bool(n & 1),
    "letters": lambda n: 0x20AC + n,
    "smalls": lambda n: -n,
    "hypers": lambda n: (1 << 64) - 1 - n,
    "floats": lambda n: n + 0.5,
    "colors": lambda n: M.COLOR(1 + n % 2),
    "points": lambda n: M.POINT(-n, n << 40),
    "lines": lambda n: M.LINE(M.POINT(1, n), M.POINT(n, 2), bool(n & 1), M.COLOR(2)),
    "labels": lambda n: M.LABEL(n, b"abcde", [n, 2, 3], "xy"),
    "ones": lambda n: M.ONE(n),
    "wides": lambda n: M.WIDE(*range(n, n + 9)),
    "checkeds": lambda n: M.CHECKED(1 + n % 9, 0.5),
    "mixeds": lambda n: M.MIXED(bool(n & 1), n, 65 + n, 1.5, n / 4),
}


def element_of(name: str, transfer: Any = NDR20, order: str = "<") -> Any:
    return MODULE.KINDS.codecs(transfer, order)[0].in_pipes[list(BLOCKS).index(name)]


@pytest.mark.parametrize(("transfer", "order"), [(NDR20, "<"), (NDR20, ">"), (NDR64, "<")], ids=["ndr", "big", "ndr64"])
@pytest.mark.parametrize("name", BLOCKS)
def test_blocks_of_every_length_survive(name: str, transfer: Any, order: str) -> None:
    element = element_of(name, transfer, order)
    for count in (1, 2, 3, 4, 5, 8, 11):
        block = [BLOCKS[name](n) for n in range(count)]
        packed, data = element.pack(block)
        assert packed == count
        assert len(data) == (count - 1) * element.stride + element.size
        octets = bytes(data) + bytes(element.stride - element.size)
        assert list(element.unpack(octets, count, list)) == block
        assert element.pack(tuple(block))[1] == data


def test_numbers_come_in_arrays_and_everything_else_in_lists() -> None:
    kinds = {name: type(element_of(name).unpack(b"", 0)) for name in BLOCKS}
    assert {name for name, kind in kinds.items() if kind is array} == {
        "booleans", "letters", "smalls", "hypers", "floats"
    }  # fmt: skip
    assert {kind for kind in kinds.values() if kind is not array} == {list}


@pytest.mark.parametrize(
    ("name", "block", "message"),
    [
        ("lines", lambda: [*map(BLOCKS["lines"], range(3)), M.LINE(M.POINT(1, 2), M.POINT(70000, 1), True, M.COLOR(1))],
         "lines[3].to.x: 70000 does not fit a 16-bit integer"),
        ("labels", lambda: [M.LABEL(1, b"abc", [1, 2, 3], "xy")], "labels[0].name"),
        ("wides", lambda: [M.WIDE(*range(8), "x")], "wides[0].i: 'x' is not a 32-bit integer"),
        ("checkeds", lambda: [M.CHECKED(9, 1.0), M.CHECKED(10, 1.0)], "checkeds[1].n: 10 is not between 1 and 9"),
        ("points", lambda: [M.POINT(1, 1)] * 9 + [M.POINT(1, None)], "points[9].y: None is not a 64-bit integer"),
        ("colors", lambda: [M.COLOR(1), "red"], "colors[1]"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named_down_to_its_field(name: str, block: Callable[[], Any], message: str) -> None:
    pipe = Outgoing([name])
    pipe.open([element_of(name)], "<", False)
    with pytest.raises(NdrError) as caught:
        pipe.outlets[0].chunk(block())
    assert str(caught.value).startswith(message)
