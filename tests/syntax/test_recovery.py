"""After a mistake the rest of the file is still read: each mistake gives one message at its place."""

from __future__ import annotations

import pytest

from idlc.syntax import ast
from tests.syntax.parsing import codes, parse

HEAD = "[uuid(12345678-1234-1234-1234-123456781234)]"
MISTAKES = """\
[uuid(12345678-1234-1234-1234-12345678), version(1.x)]
interface a
{
    typedef struct { long a; long b } S;
    long f([in] long x)
    long g([in] lonng long y);
    long h([in long y]);
    const long K = 08;
    const char *T = "abc;
    typedef enum { A = , B } E;
    long ok([in] long x);
    $
    typedef unsigned float F;
    typedef struct { struct { long x } y; } Z;
    long [in] i();
}
]
interface b { long j(long); }
"""


def test_each_mistake_is_reported_once_at_its_place() -> None:
    file, report = parse(MISTAKES)
    assert sorted(codes(report), key=lambda code: int(code.split("@")[1].split(":")[0])) == [
        "MIDL2088@1:7", "MIDL2152@1:50", "MIDL2025@4:35", "MIDL2025@5:23", "MIDL2025@6:17", "MIDL2025@7:16",
        "MIDL2116@8:20", "MIDL2112@9:21", "MIDL2025@10:24", "IDLC1101@12:5", "IDLC1104@13:13", "MIDL2025@14:36",
        "MIDL2025@15:15", "MIDL2025@17:1",
    ]  # fmt: skip
    first, second = file.body
    assert isinstance(first, ast.Interface)
    assert isinstance(second, ast.Interface)
    names = [
        declarator.name
        for item in first.body
        if isinstance(item, ast.Declaration | ast.Typedef | ast.Const)
        for declarator in item.declarators
    ]
    assert names == ["S", "f", "g", "K", "T", "E", "ok", "F", "Z"]


def test_attributes_that_end_too_early_are_taken_for_what_follows() -> None:
    file, report = parse(f"{HEAD};\ninterface I {{ long f(long x); }}")
    assert codes(report) == [f"MIDL2025@1:{len(HEAD) + 1}"]
    (interface,) = file.body
    assert isinstance(interface, ast.Interface)
    assert [each.name for each in interface.attributes] == ["uuid"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("long a\nlong b;", 'expecting ";" after "a"'),
        ("interface I { long f(long a; };", 'expecting ")" or "," near ";"'),
        ("long a[3;", 'expecting "]" near ";"'),
        ("enum { A B };", 'expecting "}" or "," near "B"'),
        ("interface { };", 'expecting a name near "{"'),
        ("import x;", 'expecting a string near "x"'),
        ('import "x.idl"\nlong a;', 'expecting ";" after "x.idl"'),
        ("}", 'this "}" closes nothing'),
        ("interface I {", "unexpected end of file"),
        ("union U switch (long) u { };", "the discriminant needs a name"),
        ("typedef long;", 'near ";"'),
        ("long f(long,);", 'near ")"'),
    ],
)
def test_a_message_says_what_was_expected(text: str, message: str) -> None:
    _, report = parse(text)
    (diagnostic,) = report.diagnostics
    assert message in diagnostic.message


@pytest.mark.parametrize(
    "text",
    [
        'const char *T = "abc; // that was it\nlong x;',
        'const char *T = "\nlong x;',
        'const char *T = abc";\nlong x;',
        "const char T = '\nlong x;",
        '[helpstring("abc]\ninterface I { }',
        'cpp_quote("a); long f([in] lonng long y);\nlong x;',
        'import "a.idl',
    ],
)
def test_an_open_quote_is_one_mistake(text: str) -> None:
    _, report = parse(text)
    (diagnostic,) = report.diagnostics
    assert diagnostic.code in ("MIDL2108", "MIDL2110", "MIDL2112")


def test_a_mistake_in_the_line_after_an_open_quote_is_told() -> None:
    _, report = parse('const char *T = "abc;\nlong f([in] lonng long y);')
    assert codes(report) == ["MIDL2112@1:17", "MIDL2025@2:13"]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("const long A = 1 const long B = 2;", "1:16"),
        ("struct A { long a; } struct B { long b; };", "1:20"),
        ("struct A { long a; }\nconst long B = 1;", "1:20"),
        ("typedef struct { long a; } A typedef long B;", "1:28"),
        ("typedef struct { long a; }\ntypedef long B;", "2:1"),
        ("enum A { X } enum B { Y };", "1:12"),
        ("long A() long B();", "1:8"),
        ('import "A.idl" import "B.idl";', "1:14"),
        ('import "A.idl"\nimport "B.idl";', "1:14"),
    ],
)
def test_what_follows_a_forgotten_semicolon_is_kept(text: str, place: str) -> None:
    file, report = parse(text)
    assert codes(report) == [f"MIDL2025@{place}"]
    last = file.body[-1]
    assert "B" in text[last.span.start : last.span.end]
    assert "A" not in text[last.span.start : last.span.end]


@pytest.mark.parametrize(
    ("text", "wrong", "meant"),
    [
        (f"{HEAD} interfaec a\n{{\n long f([in] long x);\n}}", "interfaec", "interface"),
        (f"{HEAD} interface a {{ typdef long T; }}", "typdef", "typedef"),
        (f"{HEAD} interface a {{ typedef strcut {{ long a; }} S; }}", "strcut", "struct"),
        (f"{HEAD} interface a {{ typedef unoin switch(long t) {{ case 1: long a; }} U; }}", "unoin", "union"),
        (f"{HEAD} interface a {{ conts long K = 5; }}", "conts", "const"),
        (f"{HEAD} interface a {{ void f([in] unsinged long x); }}", "unsinged", "unsigned"),
        (f"{HEAD} libary L {{ coclass C {{ interface a; }}; }}", "libary", "library"),
        (f'{HEAD} library L {{ imprtlib("a.tlb"); }}', "imprtlib", "importlib"),
        ('improt "a.idl";\ntypedef long T;', "improt", "import"),
    ],
)
def test_a_misspelt_keyword_is_taken_as_meant(text: str, wrong: str, meant: str) -> None:
    _, report = parse(text)
    (found,) = report.diagnostics
    assert (found.message, found.span.text) == (f'syntax error: unexpected "{wrong}"', wrong)
    assert found.help == f'did you mean "{meant}"?'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("typedef enum {\n A, B\n E;\ntypedef long L;\nlong f(E e);", 'expecting "}" near "E"'),
        (f'{HEAD} library L\n importlib("a.tlb");\n coclass C {{ interface I; }};\n}};', 'expecting "{" after "L"'),
        (f"{HEAD} coclass C\n interface I;\n}};\ntypedef long L;", 'expecting "{" after "C"'),
        (f"{HEAD} interface I\n long f(long x);\n}};\ntypedef long L;", 'expecting "{" after "I"'),
    ],
)
def test_a_forgotten_brace_is_one_mistake(text: str, message: str) -> None:
    _, report = parse(text)
    (found,) = report.diagnostics
    assert message in found.message


def test_an_unclosed_brace_is_shown() -> None:
    _, report = parse("interface I {\nstruct S { long a;\n")
    (diagnostic,) = report.diagnostics
    assert diagnostic.code == "MIDL2183"
    assert [note.span.line for note in diagnostic.notes] == [2]


def test_hopeless_files_are_given_up() -> None:
    _, report = parse("long long long ] ;\n" * 500)
    assert len(report.diagnostics) <= 52
    assert report.diagnostics[-1].code == "MIDL2026"


@pytest.mark.parametrize(
    "text",
    [
        "namespace A.B { interface I; }",
        "[x] runtimeclass C { }",
        "namespace A\n{\n}",
        "interface I { HRESULT f([in] IVector<long> *v, [out] IMap<IVector<long>, long> *m); }",
        "interface I<T> : J { }",
        "interface I : J requires K, L { HRESULT f(void); }",
        "interface I requires K { HRESULT f(void); }",
        "[uuid(6d3c0f2e-51a4-4b7d-8e90-2f1a7b3c4d5e)] delegate HRESULT D([in] long n);",
        "declare { interface J; }",
    ],
)
def test_windows_runtime_files_get_one_clear_message(text: str) -> None:
    _, report = parse(text)
    (diagnostic,) = report.diagnostics
    assert diagnostic.code == "IDLC1105"


DEPTH = 20_000
DEEP = [
    "const long X = " + "(" * DEPTH + "1" + ")" * DEPTH + ";",
    "const long X = " + "-" * DEPTH + "1;",
    "long f([in, size_is(n" + " + 1" * 100 + ")] long *p);",
    "const long X = 1" + " + 1" * DEPTH + ";",
    "const long X = 1" + " ? 1 : 1" * DEPTH + ";",
    "long " + "*" * DEPTH + "p;",
    "long p" + "[2]" * DEPTH + ";",
    "long " + "(" * DEPTH + "p" + ")" * DEPTH + ";",
    "struct { " * DEPTH + "long x; " + "} y; " * DEPTH,
    "library L { " * DEPTH + "}" * DEPTH,
    "long f(" + "long (*g)(" * DEPTH + ")" * DEPTH + ");",
    "[" * DEPTH,
    "{" * DEPTH,
    "[size_is(" * DEPTH,
]


@pytest.mark.parametrize("text", DEEP)
def test_deep_nesting_is_a_message_not_a_crash(text: str) -> None:
    _, report = parse(f"long before;\n{text}\n")
    assert {d.code for d in report.diagnostics} & {"IDLC1102", "IDLC1103"}
    assert len(report.diagnostics) <= 2


def test_wide_files_are_no_problem() -> None:
    fields = "".join(f"long f{n};" for n in range(20_000))
    file, report = parse(f"struct S {{ {fields} }}; enum E {{ {', '.join(f'E{n}' for n in range(20_000))} }};")
    assert codes(report) == []
    assert len(file.body) == 2
