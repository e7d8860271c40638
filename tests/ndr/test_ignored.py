"""Pointers that are [ignore] do not travel: null goes in their place, and None comes of whatever is there."""

from __future__ import annotations

from typing import Any

import pytest

from idlrt.ids import NDR20, NDR64
from tests.compiled import Compiled, compile_cached

IDL = """
    [uuid(12345678-0000-4000-8000-000000000001), pointer_default(unique)]
    interface Partly
    {
        typedef struct { long a; [ignore] long *p; [ignore] void *q; short z; [ignore, string] wchar_t *s; } S;
        typedef union switch (long tag) u { case 1: [ignore] long *p; case 2: long *q; default: ; } U;
        void f([in] S *s, [in] S two[2]);
        void g([in] U *u);
    }
"""
ROWS = [
    (NDR20, "07000000 00000000 00000000 0900 0000 00000000"),
    (NDR64, "07000000 00000000" + "00" * 16 + "0900" + "00" * 14),
]


@pytest.fixture(scope="module")
def partly() -> Compiled:
    return compile_cached(IDL, "partly")


def codec(case: Compiled, name: str, transfer: Any) -> Any:
    interface, operation = case.operation(name)
    return interface.codecs(transfer, "<")[operation.opnum]


@pytest.mark.parametrize(("transfer", "row"), ROWS)
def test_null_travels_in_a_structure(partly: Compiled, transfer: Any, row: str) -> None:
    made = partly.find_class("S")
    value = made(7, None, None, 9)
    assert codec(partly, "f", transfer).put_request(value, [value, value]) == bytes.fromhex(row) * 3


@pytest.mark.parametrize(("transfer", "row"), ROWS)
def test_what_comes_there_is_passed_over(partly: Compiled, transfer: Any, row: str) -> None:
    octets = bytearray(bytes.fromhex(row) * 3)
    octets[len(octets) // 3 - 4] = 2  # in place of a null pointer
    one, two = codec(partly, "f", transfer).get_request(octets)
    assert [(s.a, s.p, s.q, s.z, s.s) for s in (one, *two)] == [(7, None, None, 9, None)] * 3


def test_null_travels_in_a_union(partly: Compiled) -> None:
    made = partly.find_class("U")
    for value, octets in [
        (made(1), "01000000 00000000"),
        (made(2, 5), "02000000 00000200 05000000"),
        (made(3), "03000000"),
    ]:
        assert codec(partly, "g", NDR20).put_request(value) == bytes.fromhex(octets)
        (back,) = codec(partly, "g", NDR20).get_request(bytes.fromhex(octets))
        assert (back.tag, back.value) == (value.tag, value.value)
