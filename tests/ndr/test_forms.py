"""Forms that random interfaces once stumbled over, each alone: written as the reference writes them, and read back."""

from __future__ import annotations

import random

import pytest

from tests.compiled import compile_cached
from tests.ndr.comparison import SYNTAXES, Exchange

INTERFACE = """
    [uuid(12345678-0000-4000-8000-000000000001), version(1.0), pointer_default(unique)]
    interface Form {{ {} }}
"""
FORMS = {
    "the second size of a pointer, in structures that make an array": """
        typedef struct { unsigned char n; long m; [size_is(n, 7 - m)] short **rows; byte end; } S;
        void op([in] S one, [in, out] S two[2], [in] long count, [in, size_is(count)] S *many,
            [in, size_is(count, count + 1)] S **all, [in, size_is(count, count + 1)] short **numbers);
    """,
}


@pytest.mark.parametrize("form", FORMS)
def test_a_form_is_written_as_the_reference_writes_it(form: str) -> None:
    compiled = compile_cached(INTERFACE.format(FORMS[form]))
    for seed in range(20):
        exchange = Exchange.random(compiled, "op", random.Random(seed))
        for transfer, order in SYNTAXES:
            exchange.compare(transfer, order)
