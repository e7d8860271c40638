"""What received data may make of itself: no more than its octets allow, and less where limits say so."""

from __future__ import annotations

import struct
import tracemalloc
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from idlrt import ndr
from idlrt.association import Limits as ConnectionLimits
from idlrt.errors import NdrError
from idlrt.ids import NDR20, NDR64
from idlrt.ndr import Limits
from idlrt.ndr.chunks import ChunkParser
from tests.compiled import compile_cached

IDL = """
[uuid(5a1f6c0e-0d6b-4b0c-8f0e-6a7a5a0f2b31), version(1.0), pointer_default(unique)]
interface Bounded
{
    typedef struct {} EMPTY;
    typedef struct { byte b; } TINY;
    typedef struct { TINY t; } NEST;
    typedef [switch_type(small)] union { [case(1)] byte b; [default] ; } HOLLOW;
    typedef struct { small tag; [switch_is(tag)] HOLLOW hollow; } HOLDER;
    typedef struct { unsigned long n; [size_is(n)] EMPTY e[*]; } EMPTIES;
    typedef struct { unsigned long m; unsigned long f; unsigned long n;
        [size_is(m), first_is(f), length_is(n)] long a[*]; } PART;
    typedef struct { unsigned long m; unsigned long n; [size_is(m), length_is(m, n)] long a[*][4]; } GRID;
    typedef struct NODE { struct NODE *next; } NODE;
    typedef [string] wchar_t *WIDE;
    typedef [string] char *NARROW;
    typedef struct { [string] wchar_t *name; long id; } ROW;
    typedef struct { [string] wchar_t *a; [string] wchar_t *b; [string] wchar_t *c; } THREE;

    void Numbers([in] unsigned long n, [in, size_is(n)] long a[]);
    void Octets([in] unsigned long n, [in, size_is(n)] byte a[]);
    void Units([in] unsigned long n, [in, size_is(n)] wchar_t a[]);
    void Nests([in] unsigned long n, [in, size_is(n)] NEST a[]);
    void Holders([in] unsigned long n, [in, size_is(n)] HOLDER a[]);
    void Empties([in] unsigned long n, [in, size_is(n)] EMPTIES **a);
    void Parts([in] unsigned long n, [in, size_is(n)] PART **a);
    void Grids([in] unsigned long n, [in, size_is(n)] GRID **a);
    void Nodes([in] NODE *head);
    void Names([in] unsigned long n, [in, size_is(n)] WIDE *a);
    void Narrow([in] unsigned long n, [in, size_is(n)] NARROW *a);
    void Rows([in] unsigned long n, [in, size_is(n)] ROW *a);
    void Text([in, string] wchar_t *text);
    void Three([in] THREE *three);
    void Pointers([in] unsigned long n, [in, size_is(n)] long **a);
    void Wide([in] unsigned long n, [in, size_is(n)] unsigned hyper a[]);
    void Flags([in] unsigned long n, [in, size_is(n)] boolean a[]);
    void Boxed([in] unsigned long n, [in, size_is(n)] long ***a);
    void Interface([in, iid_is(id)] IUnknown *p, [in] GUID *id);
}
"""
HEAD = 'import "unknwn.idl";\n'
COMPILED = compile_cached(HEAD + IDL, "bounded")
M = COMPILED.module
FORMS = [(NDR20, "<"), (NDR20, ">"), (NDR64, "<")]
ids = ["ndr20-little", "ndr20-big", "ndr64"]


def codec(name: str, limits: Limits | None = None, transfer: Any = NDR20, order: str = "<") -> Any:
    interface, operation = COMPILED.operation(name)
    return interface.codecs(transfer, order, ndr.for_codecs(limits))[operation.opnum]


def refusal(name: str, data: bytes, limits: Limits | None = None, transfer: Any = NDR20, order: str = "<") -> NdrError:
    with pytest.raises(ndr.CODEC_ERRORS) as caught:
        codec(name, limits, transfer, order).get_request(data)
    return ndr.explain(caught.value, name, data)


def put(name: str, *inputs: Any, transfer: Any = NDR20, order: str = "<") -> bytes:
    return bytes(codec(name, None, transfer, order).put_request(*inputs))


def nodes(count: int) -> Any:
    head = None
    for _ in range(count):
        head = M.NODE(head)
    return head


# ---------------------------------------------------------------------------- limits that are set

SET: dict[str, tuple[str, tuple[Any, ...], Limits, str, str]] = {
    "numbers": ("Numbers", (3, [1, 2, 3]), Limits(max_elements=2), "a", "has 3 elements, at most 2"),
    "octets": ("Octets", (3, b"abc"), Limits(max_elements=2), "a", "has 3 elements, at most 2"),
    "units": ("Units", (3, "abc"), Limits(max_elements=2), "a", "has 3 elements, at most 2"),
    "rows": ("Nests", (3, [M.NEST(M.TINY(1))] * 3), Limits(max_elements=2), "a", "has 3 elements, at most 2"),
    "items": ("Holders", (3, [M.HOLDER(M.HOLLOW(2, None), 2)] * 3), Limits(max_elements=2), "a", "has 3 elements"),
    "both dimensions": (
        "Grids",
        (1, [M.GRID(2, [[1, 2], [3, 4]])]),
        Limits(max_elements=3),
        "a[0].a",
        "has 4 elements",
    ),
    "a string": ("Text", ("abc",), Limits(max_units=3), "text", "a string of 4 units with its terminator, at most 3"),
    "strings": ("Names", (2, ["a", "abc"]), Limits(max_units=3), "a[1]", "a string of 4 units"),
    "narrow strings": ("Narrow", (2, ["a", "abc"]), Limits(max_units=3), "a[1]", "a string of 4 units"),
    "strings of rows": (
        "Rows",
        (2, [M.ROW("a", 1), M.ROW("abc", 2)]),
        Limits(max_units=3),
        "a[1].name",
        "a string of 4 units",
    ),
    "an interface pointer": ("Interface", (b"12345678", UUID(int=7)), Limits(max_elements=7), "p", "has 8 elements"),
    "neighbours": ("Three", (M.THREE("a", "abc", "b"),), Limits(max_units=3), "three.b", "a string of 4 units"),
    "depth": ("Nodes", (nodes(9),), Limits(max_depth=5), "head", "deeper than 5 pointers"),
}


@pytest.mark.parametrize(("transfer", "order"), FORMS, ids=ids)
@pytest.mark.parametrize("case", SET)
def test_a_limit_refuses_with_the_path_and_what_it_allows_is_read(case: str, transfer: Any, order: str) -> None:
    name, inputs, limits, path, message = SET[case]
    data = put(name, *inputs, transfer=transfer, order=order)
    error = refusal(name, data, limits, transfer, order)
    assert error.path.startswith(path)
    assert message in str(error)
    assert codec(name, None, transfer, order).get_request(data) == inputs
    wider = Limits(max_depth=10, max_elements=8, max_units=4)
    assert codec(name, wider, transfer, order).get_request(data) == inputs


def test_codecs_without_limits_are_the_ones_that_everybody_has() -> None:
    assert ndr.for_codecs(Limits()) is None
    assert ndr.for_codecs(ConnectionLimits()) is None
    assert ndr.for_codecs(ConnectionLimits(max_calls=3, max_elements=7)) == Limits(max_elements=7)


@pytest.mark.parametrize("wrong", [{"max_depth": 0}, {"max_elements": -1}, {"max_stub": -1}])
def test_a_limit_that_cannot_be_is_refused_at_once(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Limits(**wrong)


def test_a_chunk_of_a_pipe_has_a_limit() -> None:
    element = ndr.number_element("<", "i")
    with pytest.raises(NdrError, match="claims 3 elements, at most 2"):
        ChunkParser(element, "<", most=2).feed(memoryview(struct.pack("<I", 3)), 0)


PICKLED = """
[uuid(5a1f6c0e-0d6b-4b0c-8f0e-6a7a5a0f2b32), version(1.0), pointer_default(unique)]
interface Kept { typedef [encode, decode] struct { unsigned long n; [size_is(n)] short a[*]; } SHORTS; }
"""


def test_a_serialized_value_has_limits_too() -> None:
    module = compile_cached(PICKLED, "kept").module
    data = module.encode_SHORTS(module.SHORTS([1, 2, 3]))
    assert module.decode_SHORTS(data, Limits(max_elements=3, max_stub=len(data))) == module.SHORTS([1, 2, 3])
    with pytest.raises(NdrError, match=r"^SHORTS\.a: has 3 elements, at most 2"):
        module.decode_SHORTS(data, Limits(max_elements=2))
    with pytest.raises(NdrError, match=f"takes {len(data)} octets, at most 20 are allowed") as caught:
        module.decode_SHORTS(data, Limits(max_stub=20))
    assert (caught.value.path, caught.value.offset) == ("SHORTS", 20)


# ---------------------------------------------------------------------------- what takes no octets


def word(*values: int) -> bytes:
    return struct.pack(f"<{len(values)}I", *values)


@pytest.mark.parametrize(("transfer", "order"), FORMS, ids=ids)
def test_elements_without_octets_survive(transfer: Any, order: str) -> None:
    inputs = (2, [M.EMPTIES([M.EMPTY()] * 5), M.EMPTIES([])])
    data = put("Empties", *inputs, transfer=transfer, order=order)
    assert codec("Empties", None, transfer, order).get_request(data) == inputs
    unsent = (1, [M.PART(9, 4, 2, [None] * 4 + [5, 6])])
    data = put("Parts", *unsent, transfer=transfer, order=order)
    assert codec("Parts", None, transfer, order).get_request(data) == unsent


@pytest.mark.parametrize("count", [65_537, 2**31, 2**32 - 1])
def test_a_count_of_elements_without_octets_is_bounded(count: int) -> None:
    error = refusal("Empties", word(1, 1, 0x20000, count, count))
    assert (error.path, "elements that take no octets" in str(error)) == ("a[0].e", True)


def empties(each: int, times: int) -> bytes:
    return word(times, times, *range(1, times + 1)) + word(each, each) * times


def parts(each: int, times: int) -> bytes:
    return word(times, times, *range(1, times + 1)) + word(each, each, each, 0, each, 0) * times


def grids(each: int, times: int) -> bytes:
    return word(times, times, *range(1, times + 1)) + word(each, each, 0, 0, each, 0, 0) * times


@pytest.mark.parametrize("made", [empties, parts, grids])
def test_they_are_counted_over_the_whole_stub(made: Callable[[int, int], bytes]) -> None:
    name = made.__name__.capitalize()
    inputs = codec(name).get_request(made(100, 600))
    assert len(inputs[1]) == 600
    assert "claims 60000 elements that take no octets, at most 59999" in str(
        refusal(name, made(100, 600), Limits(max_vacant=59_999))
    )
    error = refusal(name, made(65_536, 600))
    assert "claims 131072 elements that take no octets" in str(error)
    assert error.path.startswith("a[1]")


# ---------------------------------------------------------------------------- memory is a multiple of the input

MULTIPLE = 100
"""Octets of memory for an octet received; docs/marshalling.md states it, and what it does not hold for."""
ONCE = 2 << 20
"""What comes besides: elements that take no octets, tables."""


def worst(size: int) -> dict[str, tuple[str, bytes]]:
    """Stubs of about `size` octets of what has the most to show for its octets."""
    quarter, half = size // 4, size // 8
    twentieth = size // 20
    some = range(1, half + 1)
    strings = word(twentieth, twentieth, *range(1, twentieth + 1))
    return {
        "octets": ("Octets", word(size, size) + bytes(size)),
        "booleans": ("Flags", word(size, size) + bytes(size)),
        "small numbers": ("Numbers", word(quarter, quarter) + word(*range(1000, 1000 + quarter))),
        "large numbers": ("Wide", word(half, half) + b"\xfe" * (8 * half)),
        "structures of structures of an octet": ("Nests", word(size, size) + bytes(size)),
        "unions": ("Holders", word(size // 2, size // 2) + b"\x02\x02" * (size // 2)),
        "null pointers": ("Pointers", word(quarter, quarter) + bytes(size)),
        "pointers": ("Pointers", word(half, half, *some) + word(*range(1000, 1000 + half))),
        "pointers to null pointers": ("Boxed", word(half, half, *some) + bytes(4 * half)),
        "nodes": ("Nodes", word(*range(1, quarter)) + bytes(4)),
        "short wide strings": ("Names", strings + (word(2, 0, 2) + "\u4e2d\0".encode("utf-16-le")) * twentieth),
        "short strings": ("Narrow", strings + (word(3, 0, 3) + b"ab\0\0") * twentieth),
        "null strings of rows": ("Rows", word(half, half) + bytes(8 * half)),
        "a long string": ("Text", word(half, 0, half) + ("\u4e2d" * (half - 1) + "\0").encode("utf-16-le")),
        "structures without octets": ("Empties", empties(65_536 // (size // 12), size // 12)),
        "unsent elements": ("Parts", parts(65_536 // (size // 28), size // 28)),
        "rows without elements": ("Grids", grids(65_536 // (size // 32), size // 32)),
        "more of those than there may be": ("Parts", parts(60_000, size // 28)),
    }


def peak(name: str, data: bytes) -> int:
    """The most memory that reading takes at a time."""
    read = codec(name).get_request
    tracemalloc.start()
    try:
        read(data)
    except ndr.CODEC_ERRORS as error:
        ndr.explain(error, name, data)
    finally:
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return used


@pytest.mark.parametrize("case", worst(1000))
def test_memory_is_bounded_by_a_multiple_of_the_input(case: str) -> None:
    name, data = worst(60_000)[case]
    assert peak(name, data) <= MULTIPLE * len(data) + ONCE
