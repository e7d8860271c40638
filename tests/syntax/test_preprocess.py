"""Macros, conditionals, includes and lines; places survive all of them."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from idlc.diagnostics.report import Report
from idlc.source.preprocess import Options, preprocess
from idlc.source.search import Files
from tests.syntax.parsing import codes, words


def clean(text: str, options: Options | None = None, **files: str) -> str:
    out, report = words(text, options, {name.replace("_", "."): content for name, content in files.items()})
    assert codes(report) == []
    return out


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("#define N 4\nN M", "4 M"),
        ("#define F(a,b) b a\nF(1,2) F", "2 1 F"),
        ('#define F(a) #a\nF(x  + "q")', '"x + \\"q\\""'),
        ("#define J(a,b) a##b\nJ(un,signed) J(,x) J(1,2)", "unsigned x 12"),
        ("#define A B\n#define B A\nA", "A"),
        ("#define F(x) x F\nF(1)(2)", "1 F ( 2 )"),
        ("#define F() z\nF() F( )", "z z"),
        ("#define V(a,...) a:__VA_ARGS__\nV(1,2,3)", "1 : 2 , 3"),
        ("#define V(f,...) f(0, ## __VA_ARGS__)\nV(g) V(g,1)", "g ( 0 ) g ( 0 , 1 )"),
        ("#define F(a) [a]\n#define G F\nG(F(1))", "[ [ 1 ] ]"),
        ("#define F (x)\nF", "( x )"),
        ("#define F(a) a\nF\n(\n1\n)", "1"),
        ("#define X 1\n#undef X\nX", "X"),
        ("#define LONG a \\\n  b\nLONG", "a b"),
        # the example of the C standard, 6.10.3.5
        (
            "#define x 3\n#define f(a) f(x * (a))\n#undef x\n#define x 2\n#define g f\n#define z z[0]\n"
            "#define h g(~\n#define m(a) a(w)\n#define w 0,1\n#define t(a) a\n"
            "f(y+1) + f(f(z)) % t(t(g)(0) + t)(1);",
            "f ( 2 * ( y + 1 ) ) + f ( 2 * ( f ( 2 * ( z [ 0 ] ) ) ) ) % f ( 2 * ( 0 ) ) + t ( 1 ) ;",
        ),
    ],
)
def test_macros_expand_as_in_c(text: str, expected: str) -> None:
    assert clean(text) == expected


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("1", True),
        ("0", False),
        ("UNKNOWN", False),
        ("defined(__midl)", True),
        ("defined __midl && !defined(NO)", True),
        ("__midl >= 501", True),
        ("2 + 3 * 4 == 14", True),
        ("(1 << 4) - 1 == 0xF", True),
        ("-7 / 2 == -3 && -7 % 2 == -1", True),
        ("0 && 1 / 0", False),
        ("1 || 1 / 0", True),
        ("1 ? 0 : 1 / 0", False),
        ("!0 == 1 && ~0 == -1", True),
        ("'a' == 97", True),
        ("1 << 100000000000 == 0", True),
        ("10UL == 012 - 0", True),
        ("_WIN32 && _WIN64", True),
        (" || ".join(["0"] * 5000) + " || 1", True),
        ("!" * 10000 + "1", True),
    ],
)
def test_conditions_have_c_values(condition: str, holds: bool) -> None:
    assert clean(f"#if {condition}\nyes\n#else\nno\n#endif") == ("yes" if holds else "no")


def test_only_the_first_true_branch_counts() -> None:
    text = "#if 0\na\n#elif 1\nb\n#elif 1\nc\n#else\nd\n#endif\n#ifndef __midl\ne\n#else\nf\n#endif"
    assert clean(text) == "b f"


def test_what_is_skipped_is_not_looked_at() -> None:
    assert clean("#if 0\n#if garbage(\n#else\n#endif\ndon't \"\n#nonsense\n#error x\n$\n#endif\nok") == "ok"


def test_definitions_come_from_the_command_line() -> None:
    options = Options((("A", "2"), ("E", "")), ("_WIN64",))
    assert clean("A E _WIN64 _WIN32", options) == "2 _WIN64 1"


def test_a_uuid_is_never_expanded() -> None:
    uuids = "deadbeef-0000-1111-2222-333344445555 1e196b20-0000-1111-2222-333344445555"
    assert clean(f"#define deadbeef x\n#define e196b20 y\n{uuids}") == uuids


def test_ranges_are_not_fractions() -> None:
    assert clean("[0..5] [0..*] 1.5 1e3 .5") == "[ 0 .. 5 ] [ 0 .. * ] 1.5 1e3 .5"


def test_an_include_is_textual_and_found_in_any_letter_case(tmp_path: Path) -> None:
    (tmp_path / "Sub").mkdir()
    (tmp_path / "Sub" / "Types.H").write_text("#pragma once\n#define T long\n")
    main = tmp_path / "x.idl"
    main.write_text('#include "sub\\TYPES.h"\n#include <SUB/types.h>\nT a;')
    files, report = Files(), Report()
    tokens = preprocess(files.open(str(main)), files, report)
    assert (" ".join(token.text for token in tokens), codes(report)) == ("long a ;", [])


def test_file_and_line_are_those_of_the_use() -> None:
    assert clean("\n#define HERE __FILE__ __LINE__\n\nHERE") == '"x.idl" 4'


@pytest.mark.parametrize(
    "marker", ['#line 40 "other.idl"', '# 40 "other.idl" 2 3', '#define L 40\n#line L "other.idl"']
)
def test_line_markers_move_the_place(marker: str) -> None:
    out, report = words(f"{marker}\n__LINE__ __FILE__\n$")
    assert out == '40 "other.idl"'
    (diagnostic,) = report.diagnostics
    assert (diagnostic.span.file.name, diagnostic.span.line, diagnostic.span.column) == ("other.idl", 41, 1)
    start, end = diagnostic.span.file.line_bounds(diagnostic.span.start)
    assert diagnostic.span.file.text[start:end] == "$"


def test_tokens_of_a_macro_are_blamed_on_its_use() -> None:
    files, report = Files((), {"x.idl": "#define T long long\n  T a;"}), Report()
    tokens = preprocess(files.open("x.idl"), files, report)
    assert [(t.text, t.span.line, t.span.column) for t in tokens] == [
        ("long", 2, 3), ("long", 2, 3), ("a", 2, 5), (";", 2, 6)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("#error no", "IDLC1010@1:1"),
        ("#if\n#endif", "IDLC1011@1:1"),
        ("#if 1 +\n#endif", "IDLC1011@1:1"),
        ("#if 1 / 0\n#endif", "IDLC1011@1:7"),
        ("#if (1\n#endif", "IDLC1011@1:1"),
        ("#if " + "(" * 500 + "1" + ")" * 500 + "\n#endif", "IDLC1011@1:66"),
        ("#else", "IDLC1009@1:1"),
        ("#endif", "IDLC1009@1:1"),
        ("#if 1\n#else\n#else\n#endif", "IDLC1009@3:1"),
        ("a\n#ifdef X", "IDLC1009@2:1"),
        ("#define", "IDLC1007@1:1"),
        ("#define F(a", "IDLC1007@1:9"),
        ("#define F(a,a) a", "IDLC1007@1:13"),
        ("#define X ## a", "IDLC1007@1:9"),
        ("#define F(a) a\nF(1,2)", "IDLC1008@2:1"),
        ("#define F(a) a\nF(1", "IDLC1008@2:1"),
        ("#define J(a,b) a##b\nJ(+,x)", "IDLC1008@2:1"),
        ('#include "nosuch.h"', "IDLC1003@1:10"),
        ("#include", "IDLC1007@1:1"),
        ("#include x", "IDLC1007@1:10"),
        ("#frobnicate", "IDLC1017@1:1"),
        ("#line x", "IDLC1007@1:1"),
        ("#define X 1\n#define X 2", "IDLC1012@2:9"),
        ("/* open", "MIDL2109@1:1"),
        ('a "open\nb', "MIDL2112@1:3"),
        ('a "open', "MIDL2110@1:3"),
        ("a 'o\nb", "MIDL2108@1:3"),
        ("a \\ b", "IDLC1101@1:3"),
        ("#pragma pack(pop)", "MIDL2292@1:1"),
    ],
)
def test_mistakes_have_their_place(text: str, expected: str) -> None:
    _, report = words(text)
    assert codes(report) == [expected]


@pytest.mark.parametrize(
    ("text", "place", "saved"),
    [
        ("void Größe2(long x);", "IDLC1101@1:6", "void Größe2 ( long x ) ;"),
        ("void ñandú(long x);", "IDLC1101@1:6", "void ñandú ( long x ) ;"),
        ('const char *K = \u201ca b\u201d;', "IDLC1101@1:17", 'const char * K = "a b" ;'),
        ("long \u20acx;", "IDLC1101@1:6", "long x ;"),
        ("x = \u201c;\n\u201d", "IDLC1101@1:5", "x = ;"),
        ("#define F(a,b) a\nlong x[F(1)], y[F(2,3,4)];", "IDLC1008@2:8", "long x [ 1 ] , y [ 2 ] ;"),
    ],
)
def test_what_a_mistake_is_part_of_is_saved(text: str, place: str, saved: str) -> None:
    out, report = words(text)
    assert (out, codes(report)[0]) == (saved, place)


def test_characters_that_are_none_of_the_language_can_be_made_text() -> None:
    out, report = words("#define STR(x) #x\nx = STR(a \\n @b), STR(a \\\n b), STR(a\n b);")
    assert codes(report) == []
    assert out == 'x = "a \\n @b" , "a b" , "a b" ;'


def test_a_forgotten_quote_costs_one_message() -> None:
    out, report = words('import "a.idl;\nlong b;')
    assert codes(report) == ["MIDL2112@1:8"]
    assert out == 'import "a.idl" ; long b ;'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("#define A (1+2)\nx = A;", "x = 3 ;"),
        ("#define A 1+2\nx = A; y(A, A) z[A] 3 * A A", "x = 3 ; y ( 3 , 3 ) z [ 3 ] 3 * 1 + 2 1 + 2"),
        ("#define A 1+2\n#define B (A*A)\n-B", "- 5"),
        ("#define B (A+1)\n#define A 0x10\n(B) B", "( 0x11 ) 0x11"),
        ("#define A (0x10)\n, A", ", 0x10"),
        ("#define A (5-6)\n(A)", "( ( 5 - 6 ) )"),
        ("#define A (1/0)\n(A)", "( ( 1 / 0 ) )"),
        ("#define A (1 << 63)\n(A)", "( ( 1 << 63 ) )"),
        ("#define A (N+1)\n(A)\n#define N 2\n(A)\n#undef N\n#define N 3\n(A)", "( ( N + 1 ) ) ( 3 ) ( 4 )"),
        ("#define N (10)\nsize_is N f(N)", "size_is ( 10 ) f ( 10 )"),
        ("#define F(x) x\n#define A (1+2)\nF(A) F((A)) F F(A)", "( 1 + 2 ) ( ( 1 + 2 ) ) F ( 1 + 2 )"),
        ("#define S(x) #x\n#define T(x) S(x)\n#define A (1+2)\nS(A) T(A)", '"A" "(1+2)"'),
    ],
)
def test_a_macro_of_numbers_becomes_one_where_that_makes_no_difference(text: str, expected: str) -> None:
    out, report = words(text)
    assert (out, codes(report)) == (expected, [])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("#define f(x) x\n#define g f(g)\ng", "g"),
        ("#define f(a) a*g\n#define g(a) f(a)\nf(2)(9)", "2 * 9 * g"),
        ("#define foo foo a\n#define bar foo bar\nbar", "foo a bar"),
        ("#define t(x,y,z) x ## y ## z\nt(1,2,3) t(,4,5) t(6,,7) t(8,9,) t(10,,) t(,,)", "123 45 67 89 10"),
        ("#define h # ## #\n#define s(a) #a\n#define i(a) s(a)\n#define j(c, d) i(c h d)\nj(x, y)", '"x ## y"'),
        ("#define S(x) #x\n#define X(x) S(x)\n#define E a b\nX(x E) S(a\nb)", '"x a b" "a b"'),
        ("#define e(f, a...) p(f , ## a)\ne(1) e(1, 2, 3)", "p ( 1 ) p ( 1 , 2 , 3 )"),
        ("#define H defined(F)\n#define F\n#if H\nyes\n#endif\n#undef F\n#if H\nno\n#endif", "yes"),
        ("#if -1 > 0u && ~0u == 0xffffffffffffffff && (0 ? 1u : -1) > 0\nyes\n#endif", "yes"),
        ("#if -1 < 0 && -1 >> 1 == -1 && -5 % 2 == -1\nyes\n#endif", "yes"),
        (r"#if '\n' == 10 && '\x41' == 65 && 'ab' == 24930" "\nyes\n#endif", "yes"),
        ("#ifdef A\na\n#elifndef B\nb\n#endif", "b"),
        ("#define E\n#define F(x) x\nF E (1)", "F ( 1 )"),
    ],
)
def test_macros_and_conditions_are_those_of_c(text: str, expected: str) -> None:
    out, report = words(text)
    assert (out, codes(report)) == (expected, [])


def test_files_that_include_one_another_for_ever_are_stopped() -> None:
    _, report = words('#include "a.h"\n', files={"a.h": '#include "a.h"\n#include "a.h"\n'})
    assert [d.code for d in report.diagnostics] == ["IDLC1005"]


BOMBS = [
    "#define A0 x\n" + "".join(f"#define A{n + 1} A{n} A{n}\n" for n in range(40)) + "A40",
    "#define F(x) x x\n" + "F(" * 60 + "1" + ")" * 60,
    "#define F(x) x\n" + "F(" * 3000 + "1" + ")" * 3000,
    "#define A(x) B(x x)\n#define B(x) C(x x)\n#define C(x) D(x x)\n#define D(x) x\n" + "A(" * 12 + "1" + ")" * 12,
]


def test_a_macro_of_nothing_is_nothing_however_long_the_way() -> None:
    text = "#define Z\n#define A0 Z\n" + "".join(f"#define A{n + 1} A{n} A{n}\n" for n in range(40)) + "a A40 b"
    out, report = words(text)
    assert (out, codes(report)) == ("a b", [])


@pytest.mark.parametrize("text", BOMBS)
def test_a_macro_bomb_gives_one_message_soon(text: str) -> None:
    began = time.monotonic()
    _, report = words(text)
    assert {d.code for d in report.diagnostics} == {"IDLC1006"}
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    "data",
    [
        "long ä;".encode(),
        b"\xef\xbb\xbf" + "long ä;".encode(),
        "\ufefflong ä;".encode("utf-16-le"),
        "\ufefflong ä;".encode("utf-16-be"),
        "long ä;".encode("utf-16-le"),
        "long ä;".encode("utf-16-be"),
        "long ä;".encode("cp1252"),
        "long ä;".encode() + b"\x1a\0\0\0",
        b"long \xe4;\x1a\0\0\0",
    ],
)
def test_every_encoding_in_use_is_read(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "x.idl"
    path.write_bytes(data)
    assert Files().open(str(path)).text == "long ä;"


def test_lines_end_in_any_way() -> None:
    assert clean("#define A 1\r\nA\r\n#define B \\\r\n2\r\nB\rA") == "1 2 1"
