"""Sizes that stand in a structure beside the array: a member of a member, or one in a structure without a name."""

from __future__ import annotations

from typing import Any

import pytest

from idlrt.errors import NdrError
from idlrt.ids import NDR20, NDR64
from tests.compiled import Compiled, compile_cached

IDL = """
    [uuid(12345678-0000-4000-8000-000000000001), pointer_default(unique)]
    interface Inside
    {
        typedef struct { long class; } HEAD;
        typedef struct { HEAD head; [size_is(head.class)] long *p; } NAMED;
        typedef struct { [size_is(m)] char *q; struct { struct { long n; }; long m; }; [size_is(n)] long *p; } UNNAMED;
        typedef struct { long k; struct { long n; long m; }; [size_is(n), length_is(m)] char data[]; } OPEN;
        void named([in] NAMED *s, [in, out] NAMED *t, [out, size_is(s->head.class)] char *data);
        void unnamed([in] UNNAMED *s, [in, out] UNNAMED **t, [out, size_is(s->n)] char *data);
        void open([in, out] OPEN **s);
    }
"""


@pytest.fixture(scope="module")
def case() -> Compiled:
    return compile_cached(IDL, "inside")


def values(case: Compiled, name: str) -> list[Any]:
    module: Any = case.module
    if name == "named":
        one = module.NAMED(module.HEAD(2), [5, 6])
        return [one, one]
    if name == "unnamed":
        one = module.UNNAMED(b"abc", module.UNNAMED_anonymous(module.UNNAMED_anonymous_anonymous(2), 3), [5, 6])
        return [one, one]
    return [module.OPEN(7, module.OPEN_anonymous(4, 2), b"ab")]


def codec(case: Compiled, name: str, transfer: Any) -> Any:
    interface, operation = case.operation(name)
    return interface.codecs(transfer, "<")[operation.opnum]


@pytest.mark.parametrize("transfer", [NDR20, NDR64])
@pytest.mark.parametrize("name", ["named", "unnamed", "open"])
def test_values_come_back(case: Compiled, name: str, transfer: Any) -> None:
    inputs = values(case, name)
    used = codec(case, name, transfer)
    assert list(used.get_request(used.put_request(*inputs))) == inputs
    result = inputs[0] if len(inputs) == 1 else case.result_class(*case.operation(name))(inputs[1], b"xy")
    assert used.get_response(used.put_response(result, inputs), inputs) == result


@pytest.mark.parametrize("transfer", [NDR20, NDR64])
def test_what_disagrees_is_refused(case: Compiled, transfer: Any) -> None:
    (one, _), used = values(case, "unnamed"), codec(case, "unnamed", transfer)
    octets = bytearray(used.put_request(one, one))
    octets[8 if transfer is NDR64 else 4] = 9  # n
    with pytest.raises(NdrError):
        used.get_request(octets)
    one.anonymous.anonymous.n = 3
    with pytest.raises(NdrError):
        used.put_request(one, one)
