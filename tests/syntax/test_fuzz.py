"""Mangled IDL gives diagnostics: never a traceback, never a hang. Fixed seeds; a few seconds."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from idlc.diagnostics.render import render_all
from idlc.diagnostics.report import Report
from idlc.source.search import CannotRead, Files
from idlc.syntax.parser import parse_acf, parse_file
from tests.syntax.test_recovery import MISTAKES
from tests.syntax.test_trees import COM, OTHER

RICH = """
#define N 4
#define MAX(a, b) ((a) > (b) ? (a) : (b))
#if defined(N) && N > 2
import "y.idl";
#endif
[uuid(12345678-1234-1234-1234-123456789abc), version(1.0), pointer_default(unique), endpoint("ncacn_ip_tcp:[135]")]
interface lab : base {
    const unsigned long K = MAX(N, 3) << 2 | 0x10;
    typedef [v1_enum] enum { A = 1, B = K + 1, } E;
    typedef struct tag { long n; [size_is(n), length_is(n / 2)] wchar_t *p; struct tag *next; long a[0..9]; } S, *PS;
    typedef union switch (short t) u { case 1: case 2: long a; default: ; } U;
    typedef [switch_type(E)] union { [case(A, B)] S s; [default] ; } V;
    typedef pipe byte P;
    [idempotent] long f([in, string] const wchar_t *s, [in, out, size_is(, *n)] S **v, [in] long *n, [out] P *p);
    void g([in, switch_is((long) (k & 0xFF))] V *v, [in] E k, [in] void (__stdcall *cb)(long, ...));
}
"""
SEEDS = [RICH, COM, OTHER, MISTAKES]
PIECES = (
    "{ } ( ) [ ] , ; : .. ... * & | -> = == ? \\ ' \" /* */ // # ## #if #endif #define #include typedef struct union "
    "enum interface import const switch case default pipe sizeof long unsigned void in out size_is uuid version N "
    'MAX( 0 1 0x 08 1.5 \'a\' "s" L"w" $ \0 \x1a \u202e \U0001f600 12345678-1234-1234-1234-123456789abc [case( library '
    'coclass dispinterface methods: properties: cpp_quote( midl_pragma __declspec( (T*) namespace extern"C"{ \n'
).split(" ")


def mangled(random_: random.Random) -> str:
    text = random_.choice(SEEDS)
    for _ in range(random_.choice([1, 1, 2, 5, 20])):
        at, end = sorted(random_.randrange(len(text) + 1) for _ in range(2))
        match random_.randrange(5):
            case 0:
                text = text[:at] + text[min(end, at + random_.randrange(30)) :]
            case 1:
                text = text[:at] + random_.choice(PIECES) * random_.choice([1, 1, 3, 300]) + text[at:]
            case 2:
                text = text[:end] + text[at:end][:2000] + text[end:]
            case 3:
                text = text[:at]
            case _:
                text = text[:at] + random_.choice(PIECES) + text[at + 1 :]
        if not text:
            return " "
    return text


@pytest.mark.parametrize("seed", range(8))
def test_mangled_idl_gives_diagnostics(seed: int) -> None:
    random_ = random.Random(seed)
    for _ in range(40):
        text = mangled(random_)
        report = Report()
        try:
            files = Files((), {"x.idl": text, "y.idl": "typedef long Y;", "x.acf": text})
            source = files.open("x.idl")
        except CannotRead:
            continue
        began = time.monotonic()
        parse_file(source, files, report)
        parse_acf(files.open("x.acf"), files, report)
        assert time.monotonic() - began < 5, text
        assert render_all(report.diagnostics).count("\n") <= 6000


@pytest.mark.parametrize("seed", range(4))
def test_random_octets_give_diagnostics(tmp_path: Path, seed: int) -> None:
    random_ = random.Random(seed)
    for number in range(60):
        path = tmp_path / f"{number}.idl"
        path.write_bytes(random_.randbytes(random_.choice([0, 1, 2, 3, 50, 3000])))
        report = Report()
        files = Files()
        try:
            source = files.open(str(path))
        except CannotRead as error:
            assert str(error)
            continue
        parse_file(source, files, report)
        render_all(report.diagnostics)
