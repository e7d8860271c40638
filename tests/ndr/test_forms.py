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
    "a part of an array whose elements point on, in a structure that holds itself": """
        typedef struct { [string] wchar_t *name; long n; } ITEM;
        typedef struct NODE {
            long first; long n;
            [first_is(first), length_is(n)] ITEM items[12];
            ITEM grid[2][2];
            struct NODE *next;
        } NODE;
        void op([in] NODE *node, [in, out] long *n, [in, size_is(*n)] NODE *nodes);
    """,
    "a part of an array of structures that hold unions": """
        typedef union switch (short tag) u { case 1: [string] char *text; case 2: long numbers[2]; } EITHER;
        typedef struct { EITHER either; [string] char *name; } ITEM;
        void op([in] long first, [in] long n, [in, out, first_is(first), length_is(n)] ITEM items[12],
            [in, out] ITEM grid[2][3]);
    """,
    "a ref pointer to a pointer that is null, among members": """
        typedef struct { [ref] long **a; [ref] byte *b; [ref] long ***c; } S;
        void op([in] S *one, [in] long n, [in, size_is(n)] S *many, [out] S *other, [in] S two[2]);
    """,
    "a ref pointer at the end of elements that are read with their pointees": """
        typedef struct { [unique] long *a; [ref] byte *b; } INNER;
        typedef struct NODE { INNER inner; [unique] struct NODE *next; } NODE;
        void op([in] short n, [in, size_is(n)] INNER *inner, [in, size_is(n)] NODE *nodes);
    """,
    "arms named as Python's keywords": """
        typedef union switch (short tag) u { case 1: long class; case 2: [string] char *lambda; default: ; } EITHER;
        void op([in] EITHER *either, [in, out] EITHER two[2]);
    """,
    "parts of arrays of two dimensions, one of them fixed": """
        typedef short ROW[2];
        typedef struct { long n; long m; [last_is(n)] ROW rows[8]; [length_is(n, m)] byte octets[6][5]; } S;
        void op([in] S *s, [in] long n, [in] long first, [in, first_is(first), length_is(n)] ROW rows[11],
            [in, size_is(n)] ROW *all, [in, size_is(11), first_is(first), length_is(n)] long both[][2]);
    """,
    "rows that are empty, of three dimensions": """
        typedef short ROW[2];
        void op([in] long n, [in, length_is(2, n)] ROW rows[3][4], [in, length_is(n, 1)] byte octets[6][5]);
    """,
    "quotients and remainders of what may be below zero, as C rounds them": """
        void op([in] long n, [in, size_is((n - 1) / 2)] short half[], [in, size_is((n - 3) / 4 + 1)] byte rest[],
            [in, size_is((n - 1) % 2 + 1)] short odd[]);
    """,
    "no characters at an odd place, and something behind them": """
        typedef struct { unsigned small n; [size_is(n / 3)] wchar_t text[*]; } S;
        typedef struct { byte odd; S inner; } OUTER;
        void op([in] S *s, [in] short a, [in] OUTER *outer, [in] long b, [in, unique] S *t, [in] short c);
    """,
    "arms whose Python types are made of several": """
        typedef [string] char *NAME;
        typedef union switch (short tag) u {
            case 1: [ptr] NAME *boxed; case 2: NAME names[2]; case 3: NAME name; case 4: [ptr] double **number;
        } EITHER;
        void op([in] EITHER *either, [in, out] EITHER two[2]);
    """,
}


@pytest.mark.parametrize("form", FORMS)
def test_a_form_is_written_as_the_reference_writes_it(form: str) -> None:
    compiled = compile_cached(INTERFACE.format(FORMS[form]))
    for seed in range(20):
        exchange = Exchange.random(compiled, "op", random.Random(seed))
        for transfer, order in SYNTAXES:
            exchange.compare(transfer, order)
