"""Compiling from Python: everything in memory, errors as values."""

from __future__ import annotations

from pathlib import Path

import pytest

import idlc
from tests.cli.test_command import GOOD, UUID


def test_text_is_compiled_without_touching_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    report = idlc.compile_text(GOOD, name="good.idl")
    report.raise_for_errors()
    assert report.ok
    assert set(report.files) >= {"__init__.py", "py.typed", "good.py", "_good_codec.py"}
    assert report.bound.name == "good"
    assert list(tmp_path.iterdir()) == []


def test_text_may_import_include_and_have_an_acf() -> None:
    text = f'import "sub/t.idl";\n#include "m.h"\n[{UUID}] interface X {{ long f([in] T a[N]); }}'
    report = idlc.compile_text(
        text,
        name="x.idl",
        acf="interface X { [async] f(); }",
        files={"sub/t.idl": 'import "u.idl"; typedef U T;', "sub/u.idl": "typedef long U;", "m.h": "#define N 4"},
    )
    report.raise_for_errors()
    assert {"x.py", "t.py", "u.py"} <= set(report.files)
    (interface,) = report.bound.interfaces
    assert interface.operations[0].is_async


def test_errors_are_values_until_asked_to_raise() -> None:
    report = idlc.compile_text("long f(", name="x.idl")
    assert not report.ok
    assert report.files == {}
    assert [d.code for d in report.diagnostics] == ["MIDL2183"]
    with pytest.raises(idlc.CompileError) as error:
        report.raise_for_errors()
    assert error.value.diagnostics == report.diagnostics
    assert str(error.value).startswith("x.idl:1:8: error[MIDL2183]")


def test_files_are_written_and_told(tmp_path: Path) -> None:
    source = tmp_path / "good.idl"
    source.write_text(GOOD)
    report = idlc.compile_files([source], out=tmp_path / "out")
    assert report.ok
    assert sorted(Path(path).name for path in report.written) == sorted(report.files)
    assert all(Path(path).read_text() == report.files[Path(path).name] for path in report.written)


def test_output_does_not_depend_on_where_the_input_is(tmp_path: Path) -> None:
    made = []
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        source = tmp_path / folder / "good.idl"
        source.write_text(GOOD)
        made.append(idlc.compile_files([source], out=tmp_path / folder / "out").files)
    assert made[0] == made[1] == idlc.compile_text(GOOD, name="good.idl").files


def test_a_stage_that_does_not_exist_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="no such stage"):
        idlc.dump("x.idl", stage="nonsense")


def test_a_broken_file_cannot_be_dumped(tmp_path: Path) -> None:
    with pytest.raises(idlc.CompileError):
        idlc.dump(tmp_path / "nosuch.idl", stage="ast")


@pytest.mark.parametrize(
    ("body", "codes"),
    [
        # S could not be parsed, which is no second mistake where it is used; T was never there, which is.
        ("typdef struct { long a; } S; void f([in] S *s); void g([in] T *t);", ["MIDL2025", "MIDL2011"]),
        ("typedef struct { long a; } S, *T void f([in] S *s);", ["MIDL2025"]),
        ('import "nosuch.idl"; void f([in] A a, [in] B b, [in] C c, [in] D d, [in] E e, [in] F f);', ["IDLC1002"]),
        ('import "nosuch.idl"; void f([in] A a);', ["IDLC1002", "MIDL2011"]),
        ("void f([in] long 2nd);", ["MIDL2116"]),
        ("/*", ["MIDL2109"]),
        ("\n#if 1\n", ["IDLC1009"]),
    ],
)
def test_mistakes_do_not_multiply(body: str, codes: list[str]) -> None:
    report = idlc.compile_text(f"[{UUID}] interface X {{ {body} }}", name="x.idl")
    assert [d.code for d in report.diagnostics] == codes


def test_a_misspelt_keyword_is_recognised() -> None:
    report = idlc.compile_text("typdef struct { long a; } S;", name="x.idl")
    (diagnostic,) = report.diagnostics
    assert (diagnostic.span.text, diagnostic.help) == ("typdef", 'did you mean "typedef"?')
