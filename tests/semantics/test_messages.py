"""What diagnostics say beyond their number: the place, the other place, and what to do."""

from __future__ import annotations

import pytest

from idlc.diagnostics.report import Diagnostic
from idlc.driver import Settings, analyse

HEADER = "[uuid(6d3c0f2e-51a4-4b7d-8e90-2f1a7b3c4d5e), pointer_default(unique)] interface x {\n"


def the_mistake(body: str) -> Diagnostic:
    """The one diagnostic about an interface of that body."""
    report = analyse(["case.idl"], Settings(memory={"case.idl": f"{HEADER}{body}\n}}"})).report
    (found,) = report.diagnostics
    return found


@pytest.mark.parametrize(
    ("body", "place", "help_"),
    [
        ("void f([in, sizeis(n)] long *p, [in] long n);", "sizeis", 'did you mean "size_is"?'),
        ("void f([in, size_is(cuont)] long *p, [in] long count);", "cuont", 'did you mean "count"?'),
        ("typedef long NUMBER; void f([in] NUMBRE n);", "NUMBRE", 'did you mean "NUMBER"?'),
        ("void f([in] DWORD n);", "DWORD", 'it is defined in "ms-dtyp.idl": import "ms-dtyp.idl";'),
        ("struct S { long a; }; void f([in] S *s);", "S", 'write "struct S"'),
        ("void f([in, size_is(n)] long *p, [in] long *n);", "n", 'did you mean "*n"?'),
        ("void f([out] long **q, [in, unique] long *n, [in, size_is(*n)] byte *p);", "*n", "test it: n ? ... : 0"),
        ("void f([in] long a[]);", "a", "add [size_is(...)]"),
        ("typedef pipe byte P; [async] void f([in] P p);", "p", "write P *p"),
        ("void f([in, v1_enum] long n);", "v1_enum", "it belongs on a type definition"),
    ],
)
def test_a_message_points_at_the_mistake_and_helps(body: str, place: str, help_: str) -> None:
    found = the_mistake(body)
    assert (found.span.text, found.help) == (place, help_)


@pytest.mark.parametrize(
    ("body", "place", "other"),
    [
        ("typedef struct { long *label; } S;\ntypedef pipe S P;", "P", "label"),
        ("typedef long T;\ntypedef short T;", "T", "T"),
        ("void f([out] long *n, [in, size_is(*n)] long *a);", "a", "n"),
        ("void f([in, ref, unique] long *a);", "unique", "ref"),
        ("void f([in] long n);\nvoid f([in] long n);", "f", "f"),
        (
            "typedef struct { [size_is(n)] long a[4]; long n; } S;",
            "size_is(n)",
            "[4]",
        ),
    ],
)
def test_a_note_points_at_the_other_place(body: str, place: str, other: str) -> None:
    found = the_mistake(body)
    assert (found.span.text, [note.span.text for note in found.notes]) == (place, [other])
    assert found.notes[0].span != found.span


def test_one_mistake_gives_one_message() -> None:
    found = the_mistake(
        """typedef struct { MISSING m; long n; } S; typedef S *PS; typedef struct { S s[3]; } T;
        typedef pipe T P; S f([in] S s, [out] T *t, [in] P p, [in] PS q, [in, size_is(s.m)] byte *b);"""
    )
    assert found.code == "MIDL2011"


def test_every_mistake_of_a_file_is_told_in_one_run() -> None:
    report = analyse(
        ["case.idl"],
        Settings(
            memory={
                "case.idl": HEADER
                + "\n".join(
                    [
                        "const long A = B;",
                        "typedef MISSING T1;",
                        "typedef struct { long a; long a; } T2;",
                        "typedef [string] long *T3;",
                        "typedef pipe void T4;",
                        "void f1([out] long n);",
                        "void f2([in, size_is(k)] long *p);",
                        "void f3([in, unknown] long n);",
                        "void f4([in, unique, ref] long *p);",
                        "void f5([in] long a[]);",
                    ]
                )
                + "}"
            }
        ),
    ).report
    assert sorted(d.span.line for d in report.diagnostics) == list(range(2, 12))
