"""The command as its users meet it: exit statuses, where output goes, what is touched."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import time
from pathlib import Path
from unittest.mock import Mock

import pytest

import idlc
import idlc.__main__
from idlc import cli, driver
from idlc.source.files import SourceFile, Span

GOOD = """\
[uuid(4f1d6a9e-7c43-4b0e-9a55-0c8f6d2be001), version(1.0), pointer_default(unique)]
interface Good
{
    typedef struct { long n; [size_is(n)] long *p; } S;
    long Add([in] long a, [in] S *b, [out] hyper *sum);
}
"""
UUID = "uuid(4f1d6a9e-7c43-4b0e-9a55-0c8f6d2be001)"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good.idl").write_text(GOOD)
    return tmp_path


def names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def test_compile_writes_a_package_and_says_nothing(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["compile", "good.idl", "-o", "out"]) == 0
    assert {"__init__.py", "py.typed", "good.py", "_good_codec.py"} <= set(names(here / "out"))
    assert capsys.readouterr() == ("", "")


def test_a_package_of_ones_own_keeps_its_init(here: Path) -> None:
    (here / "__init__.py").write_text("mine = 1\n")
    assert cli.main(["compile", "good.idl"]) == 0
    assert (here / "__init__.py").read_text() == "mine = 1\n"
    assert (here / "good.py").exists()


def test_check_writes_nothing(here: Path) -> None:
    assert cli.main(["check", "good.idl"]) == 0
    assert names(here) == ["good.idl"]


@pytest.mark.parametrize("stage", driver.STAGES)
def test_dump_shows_each_stage_on_stdout(here: Path, capsys: pytest.CaptureFixture[str], stage: str) -> None:
    assert cli.main(["dump", "--stage", stage, "good.idl"]) == 0
    out, err = capsys.readouterr()
    assert "Add" in out
    assert err == ""
    assert names(here) == ["good.idl"]


@pytest.mark.parametrize("command", [["compile", "bad.idl", "-o", "out"], ["check", "bad.idl"]])
def test_errors_go_to_stderr_with_status_1_and_touch_nothing(
    here: Path, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    (here / "bad.idl").write_text(f"[{UUID}] interface I {{ void f([in] nosuch x); }}\n")
    assert cli.main(command) == 1
    out, err = capsys.readouterr()
    assert out == ""
    first, source, mark, summary = err.splitlines()
    assert first == 'bad.idl:1:72: error[MIDL2011]: undefined type "nosuch"'
    assert source.startswith("    1 | [uuid(")
    assert mark == "      | " + " " * 71 + "^" * 6
    assert summary == "idlc: 1 error"
    assert names(here) == ["bad.idl", "good.idl"]


def test_one_bad_file_keeps_all_outputs_as_they_were(here: Path) -> None:
    assert cli.main(["compile", "good.idl", "-o", "out"]) == 0
    before = {name: (here / "out" / name).read_bytes() for name in names(here / "out")}
    (here / "good.idl").write_text(GOOD.replace("Add", "Sum"))
    (here / "bad.idl").write_text("long")
    assert cli.main(["compile", "good.idl", "bad.idl", "-o", "out"]) == 1
    assert {name: (here / "out" / name).read_bytes() for name in names(here / "out")} == before


def test_equal_outputs_are_not_written_again(here: Path) -> None:
    assert cli.main(["compile", "good.idl", "-o", "out"]) == 0
    os.utime(here / "out" / "good.py", (1, 1))
    assert cli.main(["compile", "good.idl", "-o", "out"]) == 0
    assert (here / "out" / "good.py").stat().st_mtime == 1


@pytest.mark.parametrize("out", ["good.idl", "good.idl/below", "/dev/null/x"])
def test_an_output_folder_that_cannot_be_is_an_error(here: Path, capsys: pytest.CaptureFixture[str], out: str) -> None:
    assert cli.main(["compile", "good.idl", "-o", out]) == 1
    err = capsys.readouterr().err
    assert "error[IDLC1301]: cannot write" in err
    assert "Traceback" not in err
    assert names(here) == ["good.idl"]


def test_an_output_that_is_a_folder_is_an_error(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "out" / "good.py").mkdir(parents=True)
    assert cli.main(["compile", "good.idl", "-o", "out"]) == 1
    assert "IDLC1301" in capsys.readouterr().err
    assert names(here / "out") == ["good.py"]


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["compile"],
        ["frobnicate", "x.idl"],
        ["dump", "good.idl"],
        ["dump", "--stage", "nonsense", "good.idl"],
        ["compile", "--nonsense", "good.idl"],
        ["check", "good.idl", "-D", "1=2"],
        ["check", "good.idl", "-o", "out"],
    ],
)
def test_wrong_usage_is_status_2(here: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        cli.main(arguments)
    assert exit_.value.code == 2
    first, second = capsys.readouterr().err.splitlines()
    assert re.match(r"idlc( \w+)?: error: ", first)
    assert re.fullmatch(r"      = help: idlc( \w+)? --help lists what there is", second)


@pytest.mark.parametrize("arguments", [["-h"], ["compile", "-h"], ["check", "--help"], ["dump", "-h"]])
def test_help_has_examples(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        cli.main(arguments)
    assert exit_.value.code == 0
    assert "idlc compile lab.idl" in capsys.readouterr().out


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        cli.main(["--version"])
    assert (exit_.value.code, capsys.readouterr().out) == (0, f"idlc {idlc.__version__}\n")


def test_the_module_is_the_command(here: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "idlc", "check", "nosuch.idl"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert 'error[MIDL1001]: cannot read "nosuch.idl": No such file or directory' in done.stderr


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
@pytest.mark.parametrize("command", ["check", "dump --stage ast"])
def test_streams_may_be_closed(here: Path, command: str, closed: str) -> None:
    line = f"exec {shlex.quote(sys.executable)} -m idlc {command} good.idl {closed}"
    assert subprocess.run(["sh", "-c", line], capture_output=True).stderr == b""


def test_an_interrupt_is_no_crash(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", ["idlc", "check", "good.idl"])
    monkeypatch.setattr("idlc.cli.main", Mock(side_effect=KeyboardInterrupt))
    assert idlc.__main__.main() == 130
    assert capsys.readouterr() == ("", "")


def test_a_crash_is_status_3_and_says_where(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Node:
        span = Span(SourceFile("good.idl", GOOD), GOOD.index("Add"), GOOD.index("Add") + 3)

    def crash(node: Node) -> None:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr("idlc.semantics.binder.bind", lambda *_: crash(Node()))
    assert cli.main(["check", "good.idl"]) == 3
    err = capsys.readouterr().err
    assert "internal error: ZeroDivisionError in stage binder at good.idl:5:10: oops" in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("function", "place"),
    [
        ("idlc.wire.plan._Planner.operation", "5:10"),
        ("idlc.codec.fuse._put_request", "5:10"),
        ("idlc.codec.put.Put._record_scope", "4:13"),
    ],
)
def test_a_crash_is_placed_at_the_operation_or_type_rather_than_the_interface(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, function: str, place: str
) -> None:
    def crash(*_: object) -> None:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr(function, crash)
    assert cli.main(["compile", "good.idl", "-o", "out"]) == 3
    assert f"ZeroDivisionError in stage emit at good.idl:{place}: oops" in capsys.readouterr().err


TEN = """\
import "nosuch.idl";
[uuid(4f1d6a9e-7c43-4b0e-9a55-0c8f6d2be0), version(1.0), pointer_default(unique)]
interface Ten
{
    typedef struct { long n } NoSemicolon;
    typedef struct { long n; [size_is(m)] long *p; } NoSuchSize;
    typedef struct { [size_is(n)] long open[]; long n; } NotLast;
    const long D = 1 / 0;
    const long U = NOPE + 1;
    void Out([out] long x);
    void Unknown([in] nosuch_t y);
    void Twice([in] long a, [in] long a);
    void Sizes([in, sizeis(4)] long *p);
    void Quote([in] long a);  const char *S = "abc;
    void Fine([in] long a);
    typedef enum { A, A } E;
    typedef [string] long NotText;
}
"""


def test_mistakes_of_every_kind_are_told_in_one_run_each_at_its_place(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "ten.idl").write_text(TEN)
    assert cli.main(["check", "ten.idl"]) == 1
    heads = [line.split(": ")[:2] for line in capsys.readouterr().err.splitlines() if line.startswith("ten.idl:")]
    assert heads == [
        ["ten.idl:1:8", "error[IDLC1002]"],
        ["ten.idl:2:7", "error[MIDL2088]"],
        ["ten.idl:5:27", "error[MIDL2025]"],
        ["ten.idl:6:39", "error[MIDL2058]"],
        ["ten.idl:7:40", "warning[MIDL2055]"],
        ["ten.idl:8:24", "error[MIDL2031]"],
        ["ten.idl:9:20", "error[MIDL2009]"],
        ["ten.idl:10:25", "error[MIDL2042]"],
        ["ten.idl:11:23", "error[MIDL2011]"],
        ["ten.idl:12:39", "error[MIDL2003]"],
        ["ten.idl:13:21", "error[IDLC1203]"],
        ["ten.idl:14:47", "error[MIDL2112]"],
        ["ten.idl:16:23", "error[MIDL2204]"],
        ["ten.idl:17:14", "error[MIDL2082]"],
    ]


BAD_INPUTS = {
    "empty": b"",
    "blank": b" \r\n\t\n",
    "only a comment": b"/* nothing */",
    "zeros": bytes(5000),
    "an executable": b"\x7fELF\x02\x01\x01\0" + bytes(range(256)) * 20,
    "an image": b"\x89PNG\r\n\x1a\n" + bytes(range(255, 0, -1)) * 20,
    "text that is no IDL": b"The quick brown fox jumps over the lazy dog.\n" * 2000,
    "half of a UTF-16 character": b"\xff\xfea",
    "too large": b"long x;\n" * (1 << 21) + b"\n",
    "deep": b"struct {" * 100_000,
    "a long line": b"const long X = 1" + b" + 1" * 100_000 + b";",
    "a long name": b"long " + b"x" * 1_000_000 + b"(;",
}


@pytest.mark.parametrize("data", BAD_INPUTS.values(), ids=BAD_INPUTS.keys())
def test_what_is_no_idl_gets_a_message_soon(here: Path, capsys: pytest.CaptureFixture[str], data: bytes) -> None:
    (here / "x.idl").write_bytes(data)
    began = time.monotonic()
    assert cli.main(["compile", "x.idl", "-o", "out"]) == 1
    assert time.monotonic() - began < 20
    err = capsys.readouterr().err
    assert "error[" in err
    assert "Traceback" not in err
    assert len(err) < 100_000
    assert not (here / "out").exists()


def test_a_round_of_imports_is_doubtful(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "a.idl").write_text('import "b.idl";\ntypedef B A;')
    (here / "b.idl").write_text('import "a.idl";\ntypedef long B;')
    assert cli.main(["compile", "a.idl", "-o", "out", "--strict"]) == 1
    assert "error[IDLC1004]" in capsys.readouterr().err
    assert not (here / "out").exists()
    assert cli.main(["compile", "a.idl", "-o", "out"]) == 0
    assert "warning[IDLC1004]" in capsys.readouterr().err
    assert {"a.py", "b.py"} <= {path.name for path in (here / "out").iterdir()}


def test_a_directory_is_no_input(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "d.idl").mkdir()
    assert cli.main(["check", "d.idl"]) == 1
    assert 'cannot read "d.idl": it is a directory' in capsys.readouterr().err


def test_macros_and_folders_come_from_the_command_line(here: Path) -> None:
    (here / "types").mkdir()
    (here / "types" / "t.idl").write_text("typedef long T;")
    (here / "x.idl").write_text(
        f'import "t.idl";\n[{UUID}] interface X {{ void f([in] T a[N]); }}\n#ifndef ON\nx\n#endif'
    )
    assert cli.main(["compile", "x.idl", "-I", "types", "-D", "N=3", "-DON", "-o", "out"]) == 0
    assert {"x.py", "t.py"} <= set(names(here / "out"))


@pytest.mark.parametrize("folder", ["nosuch", "good.idl"])
def test_a_folder_that_is_none_is_a_warning(here: Path, capsys: pytest.CaptureFixture[str], folder: str) -> None:
    assert cli.main(["check", "good.idl", "-I", folder, "-I", folder, "-I", "."]) == 0
    head, summary = capsys.readouterr().err.splitlines()
    assert head == f'idlc: warning[IDLC1019]: "{folder}", where imported files were to be found, is no folder'
    assert summary == "idlc: 1 warning"


def test_an_imported_file_gives_its_types_only(here: Path) -> None:
    (here / "x.idl").write_text(f'import "good.idl";\n[{UUID[:-2]}2)] interface X {{ void f([in] S *s); }}')
    assert cli.main(["compile", "x.idl", "-o", "out"]) == 0
    assert "class S(" in (here / "out" / "good.py").read_text()
    assert "GoodClient" not in (here / "out" / "good.py").read_text()
    assert cli.main(["compile", "x.idl", "good.idl", "-o", "out"]) == 0
    assert "GoodClient" in (here / "out" / "good.py").read_text()


def test_two_files_of_one_module_name_are_refused(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "goo-d.idl").write_text(GOOD)
    (here / "goo_d.idl").write_text(GOOD)
    assert cli.main(["compile", "goo-d.idl", "goo_d.idl", "-o", "out"]) == 1
    assert "IDLC1302" in capsys.readouterr().err
    assert not (here / "out").exists()


def test_an_acf_beside_the_idl_is_picked_up(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "good.acf").write_text("interface Good { [async] Nosuch(); }")
    assert cli.main(["check", "good.idl"]) == 1
    assert "good.acf:1:26: error[MIDL2100]" in capsys.readouterr().err
