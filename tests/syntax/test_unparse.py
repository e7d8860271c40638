"""What a tree is written out as has the same tree."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from idlc.syntax.unparse import expression as unparsed
from idlc.syntax.unparse import unparse
from tests.syntax.parsing import expression, shape, tree
from tests.syntax.test_trees import COM, OTHER

ROOT = Path(__file__).parents[2]
SOURCES = sorted(
    path
    for pattern in ("samples/*/*.idl", "tests/**/*.idl", "idlc/language/builtin/*.idl")
    for path in ROOT.glob(pattern)
    if "pidl" not in path.parts  # another language, whose words are spelled as MIDL's before they are parsed
)
TEXTS = [COM, OTHER, *(path.read_text("utf-8") for path in SOURCES)]


@pytest.mark.parametrize("text", TEXTS, ids=["com", "other", *(path.stem for path in SOURCES)])
def test_a_file_survives_being_written_out(text: str) -> None:
    first = tree(text)
    assert shape(tree(unparse(first))) == shape(first)


DECLARATORS = [
    "long (*(*f)(void))[3];",
    "long (__stdcall *f)(T, T *);",
    "T *const *volatile p, a[3][4], *b[2], (*c)[5];",
    "long f([in, size_is(,*n)] T **a, T [], ...);",
    "struct S { struct { T a; }; union { T b; }; T c : 3, : 2; } *s, t[2];",
    "const T a = (T *) -1, b = - -1, c = -(-1), d = & *p;",
    'const char *s = "a\\\\b\\n" "c";',
]


@pytest.mark.parametrize("text", DECLARATORS)
def test_odd_declarations_survive_being_written_out(text: str) -> None:
    first = tree(text)
    assert shape(tree(unparse(first))) == shape(first)


_ATOMS = st.sampled_from(["1", "0x1F", "a", "b", "'c'", "TRUE", "NULL", "sizeof(long)", "sizeof(T)", "p->q", "x[2].y"])


def _grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    operators = st.sampled_from("* / % + - << >> < > <= >= == != & ^ | && ||".split())
    return st.one_of(
        st.tuples(inner, operators, inner).map(" ".join),
        st.tuples(st.sampled_from("+ - ! ~ * & (long) (T*)".split()), inner).map(" ".join),
        st.tuples(inner, inner, inner).map(lambda parts: "{} ? {} : {}".format(*parts)),
        inner.map(lambda part: f"({part})"),
    )


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.recursive(_ATOMS, _grown, max_leaves=12))
def test_any_expression_survives_being_written_out(text: str) -> None:
    first = expression(text)
    assert shape(expression(unparsed(first))) == shape(first)
