"""What data claims without holding it is not made: counts, rows, elements before the first that is sent."""

from __future__ import annotations

import struct

import pytest

from idlrt.errors import NdrError
from tests.compiled import compile_cached
from tests.vectors.marshalling import Stub

INTERFACE = """
    [uuid(12345678-0000-4000-8000-000000000001), version(1.0), pointer_default(unique)]
    interface Claims {{
        typedef struct {{ long number; [string] char *text; }} ITEM;
        void op([in] unsigned long size, [in] unsigned long first, [in] unsigned long length,
            [in, size_is(size), first_is(first), length_is(length)] {} data[]);
    }}
"""
MANY = 0xFFFFFFF0


@pytest.mark.parametrize(("transfer", "letter"), [("ndr20", "I"), ("ndr64", "Q")])
@pytest.mark.parametrize("element", ["long", "byte", "wchar_t", "ITEM"])
@pytest.mark.parametrize(("first", "length"), [(MANY, 0), (0, MANY), (MANY - 1, 1)])
def test_elements_that_are_only_claimed_are_refused(
    element: str, transfer: str, letter: str, first: int, length: int
) -> None:
    stub = Stub(compile_cached(INTERFACE.format(element)), "op", transfer, "<")
    data = struct.pack("<III", MANY, first, length)
    data += bytes(-len(data) % struct.calcsize(letter)) + struct.pack(f"<3{letter}", MANY, first, length) + bytes(64)
    with pytest.raises(NdrError):
        stub.codec.get_request(memoryview(data))


@pytest.mark.parametrize(("transfer", "letter"), [("ndr20", "I"), ("ndr64", "Q")])
def test_an_offset_that_no_first_is_announces_is_refused(transfer: str, letter: str) -> None:
    text = INTERFACE.replace(", first_is(first)", "").format("wchar_t")
    stub = Stub(compile_cached(text), "op", transfer, "<")
    data = struct.pack("<III", 9, 0, 1)
    data += bytes(-len(data) % struct.calcsize(letter))
    inputs = stub.codec.get_request(memoryview(data + struct.pack(f"<3{letter}", 9, 0, 1) + b"a\0"))
    assert tuple(inputs) == (9, 0, 1, "a")
    with pytest.raises(NdrError, match="count"):
        stub.codec.get_request(memoryview(data + struct.pack(f"<3{letter}", 9, 5, 1) + b"a\0"))
