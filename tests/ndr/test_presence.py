"""[partial_ignore]: a request says whether a value is wanted, by a referent id alone; the answer has the value."""

from __future__ import annotations

from typing import Any

import pytest

from idlrt.ids import NDR20, NDR64
from tests.compiled import Compiled, compile_cached

IDL = """
    [uuid(12345678-0000-4000-8000-000000000001), pointer_default(unique)]
    interface Moves
    {
        long left([in] long by, [in, out, unique, partial_ignore] long *previous);
        void many([in] short n, [in, out, unique, size_is(n)] long *some);
    }
"""
ACF = "interface Moves { many([partial_ignore] some); }"


@pytest.fixture(scope="module")
def case() -> Compiled:
    return compile_cached(IDL, "moves", ACF)


def codec(case: Compiled, name: str, transfer: Any) -> Any:
    interface, operation = case.operation(name)
    return interface.codecs(transfer, "<")[operation.opnum]


@pytest.mark.parametrize(
    ("transfer", "wanted", "octets"),
    [
        (NDR20, True, "05000000 00000200"),
        (NDR20, False, "05000000 00000000"),
        (NDR64, True, "05000000 00000000 00000200 00000000"),
        (NDR64, False, "05000000 00000000 00000000 00000000"),
    ],
)
def test_only_whether_it_is_wanted_travels(case: Compiled, transfer: Any, wanted: bool, octets: str) -> None:
    used = codec(case, "left", transfer)
    assert used.put_request(5, wanted) == bytes.fromhex(octets)
    assert used.get_request(bytes.fromhex(octets)) == (5, wanted)


@pytest.mark.parametrize("transfer", [NDR20, NDR64])
def test_the_answer_is_that_of_a_unique_pointer(case: Compiled, transfer: Any) -> None:
    used, inputs = codec(case, "left", transfer), (5, True)
    module: Any = case.module
    for previous in (7, None):
        result = module.leftResult(previous, 1)
        assert used.get_response(used.put_response(result, inputs), inputs) == result


@pytest.mark.parametrize("transfer", [NDR20, NDR64])
def test_sizes_that_went_in_bind_the_answer(case: Compiled, transfer: Any) -> None:
    used = codec(case, "many", transfer)
    assert used.get_request(used.put_request(2, True)) == (2, True)
    assert used.get_response(used.put_response([8, 9], (2, True)), (2, True)) == [8, 9]
