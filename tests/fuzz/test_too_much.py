"""Texts that ask for more than there is: deep, long, doubled, huge. A clear message each, soon and in little memory."""

from __future__ import annotations

import pytest

import idlc
from tests.fuzz.front import trial
from tests.fuzz.front.trial import Input

HEAD = "[uuid(12345678-1234-1234-1234-123456789abc), version(1.0), pointer_default(unique)] interface i {\n"
MANY = 3_000


def interface(body: str) -> str:
    return f"{HEAD}{body}\n}}\n"


def doubled(first: str, rest: str, times: int) -> str:
    """A definition, and others each of which has the one before twice."""
    return first + "".join(rest.format(at, at - 1) for at in range(1, times))


TOO_MUCH = {
    "parentheses": (interface("const long a = " + "(" * MANY + "1" + ")" * MANY + ";"), "IDLC1102"),
    "structures in text": (interface("typedef struct {" * MANY + "long a;" + "} s;" * MANY), "IDLC1102"),
    "pointers": (interface("typedef long " + "*" * MANY + "p;"), "IDLC1103"),
    "attribute lists": (interface("[idempotent]" * MANY + "long f([in] long a);"), "IDLC1103"),
    "macros that multiply": (doubled("#define a0 x x\n", "#define a{0} a{1} a{1} a{1}\n", 60) + "a59", "IDLC1006"),
    "macros many times": (doubled("#define a0 x x\n", "#define a{0} a{1} a{1} a{1}\n", 60) + "a59\n" * 99, "IDLC1006"),
    "pasted names": (
        "#define P(a, b) a##b\n"
        + doubled("#define a0 aa\n", "#define Q{0}(x) P(x, x)\n#define a{0} Q{0}(a{1})\n", 60)
        + "a59",
        "IDLC1006",
    ),
    "strings of strings": (
        "#define S(x) #x\n#define D(x) S(x) S(x)\nconst char *a = " + "D(" * 50 + "q" + ")" * 50 + ";",
        "IDLC1006",
    ),
    "a file in itself": ('#include "x.idl"\n', "IDLC1005"),
    "structures twice in structures": (
        interface(
            doubled("typedef struct { long a; } T0;", "typedef struct {{ T{1} a; T{1} b; }} T{0};\n", 20)
            + "long f([in] T19 *a);"
        ),
        "IDLC1304",
    ),
    "structures in structures": (
        interface(
            doubled("typedef struct { long a; } T0;", "typedef struct {{ T{1} a; }} T{0};\n", 100)
            + "long f([in] T99 *a);"
        ),
        "IDLC1304",
    ),
    "unions in unions": (
        interface(
            "typedef union switch (long t) u { case 1: long a; } U0;\n"
            + "".join(f"typedef union switch (long t) u {{ case 1: U{at} a; }} U{at + 1};\n" for at in range(98))
            + "long f([in] U98 *a);"
        ),
        "IDLC1304",
    ),
    "a ring of structures": (
        interface(
            "".join(f"typedef struct S{at} {{ struct S{(at + 1) % 900} *n; }} S{at};\n" for at in range(900))
            + "long f([in] S5 *a);"
        ),
        "IDLC1304",
    ),
    "unknown attributes": (
        interface("[" + ",".join(f"unknown{at}" for at in range(MANY)) + "] long f([in] long a);"),
        "IDLC1203",
    ),
    "unknown types": (interface("".join(f"long f{at}([in] Unknown{at} a);" for at in range(1000))), "MIDL2011"),
    "digits": (interface(f"const long a = {'9' * 100_000};"), "MIDL2116"),
    "open conditions": ("#if 1\n" * MANY, "IDLC1009"),
    "conditions": (f"#if {'(' * MANY}1{')' * MANY}\n#endif\n", "IDLC1011"),
    "a shift": (interface("const long a = 1 << 1000000000;"), "IDLC1210"),
    "a zero character": (interface("long f(void);\0"), "MIDL1001"),
}


@pytest.mark.parametrize("name", TOO_MUCH)
def test_too_much_is_told_soon(name: str) -> None:
    text, code = TOO_MUCH[name]
    found = trial.attempt(Input(text))
    assert found is None, f"{found.kind}\n{found.account}"
    report = idlc.compile_text(text, files={"x.idl": text})
    assert code in {diagnostic.code for diagnostic in report.diagnostics}
    assert not report.files


ENOUGH = {
    "repeated attributes": interface("[" + ",".join(["idempotent"] * MANY) + "] long f([in] long a);"),
    "a sum": interface("const long a = " + "+".join(["1"] * 450) + ";"),
    "typedefs of typedefs": interface("typedef long T0;" + "".join(f"typedef T{n} T{n + 1};" for n in range(MANY))),
    "fields": interface("typedef struct {" + "".join(f"long a{n};" for n in range(1000)) + "} S; long f([in] S *s);"),
    "a line": interface("/*" + "x" * 300_000 + "*/ long f([in] long a);"),
    "blanks": interface("long f(void);" + "\u2003" * 10_000 + " " * 100_000),
    "splices": interface("lo" + "\\\n" * 10_000 + "ng f(void);"),
    "shifts in conditions": "#if (1 << 1000000000) || 1 << 0xffffffffffffffff\n#endif\n" + interface("long f(void);"),
    "formats": interface('const char *s = "%s%n{0}{x!r}{{}}{%"; [helpstring("{0} %s {% raw %}")] long f(void);'),
}


@pytest.mark.parametrize("name", ENOUGH)
def test_much_is_compiled_soon(name: str) -> None:
    found = trial.attempt(Input(ENOUGH[name]))
    assert found is None, f"{found.kind}\n{found.account}"


def test_files_that_all_import_one_another() -> None:
    others = "".join(f'import "f{at}.idl";' for at in range(60))
    files = {f"f{at}.idl": f"{others} typedef long T{at};" for at in range(60)}
    report = idlc.compile_text(others + interface("long f([in] T5 a);"), files=files)
    assert report.ok
