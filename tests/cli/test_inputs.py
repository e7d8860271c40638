"""What may be named as input, in what encodings, and which ACF goes with it."""

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path

import pytest

import idlc
from idlc import cli
from idlc.settings import Protocol, Settings
from idlrt import rpc, testing
from tests.in_memory import load

UUID = "uuid(4f1d6a9e-7c43-4b0e-9a55-0c8f6d2be001)"
GOOD = f"[{UUID}, version(1.0)]\r\ninterface x {{ void f([in] long n); }}\r\n"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    "octets",
    [
        GOOD.encode(),
        b"\xef\xbb\xbf" + GOOD.encode(),
        GOOD.encode("utf-16"),
        GOOD.encode("utf-16-le"),
        GOOD.encode("utf-16-be"),
        GOOD.encode() + b"\x1a\0\0\0",
        b"// caf\xe9\r\n" + GOOD.encode(),
        GOOD.replace("\r\n", "\r").encode(),
    ],
    ids=["ascii", "utf-8 mark", "utf-16 mark", "utf-16-le", "utf-16-be", "ctrl-z", "cp1252", "mac"],
)
def test_every_encoding_of_the_field_is_read(here: Path, capsys: pytest.CaptureFixture[str], octets: bytes) -> None:
    (here / "x.idl").write_bytes(octets)
    assert cli.main(["check", "x.idl"]) == 0
    assert capsys.readouterr() == ("", "")


def test_a_pipe_is_read_once(here: Path) -> None:
    os.mkfifo("x.idl")
    writer = threading.Thread(target=lambda: Path("x.idl").write_text(GOOD))
    writer.start()
    assert cli.main(["check", "x.idl"]) == 0
    writer.join()


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("nosuch.idl", "No such file or directory"),
        ("folder", "it is a directory"),
        ("secret.idl/x", "Not a directory"),
        ("", "No such file or directory"),
        ("a\0b", "a zero character"),
    ],
)
def test_what_cannot_be_opened_is_told(here: Path, capsys: pytest.CaptureFixture[str], name: str, reason: str) -> None:
    (here / "folder").mkdir()
    (here / "secret.idl").write_text(GOOD)
    assert cli.main(["check", name]) == 1
    err = capsys.readouterr().err
    assert err.startswith("idlc: error[MIDL1001]: cannot read ")
    assert reason in err
    assert err.endswith("idlc: 1 error\n")


def test_all_that_cannot_be_opened_is_told_in_one_run(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check", "a.idl", "b.idl"]) == 1
    assert capsys.readouterr().err.count("error[MIDL1001]") == 2


def test_the_same_file_twice_counts_once(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "x.idl").write_text(GOOD.replace("long n", "lnog n"))
    os.symlink("x.idl", "y.idl")
    assert cli.main(["check", "x.idl", "./x.idl", str(here / "x.idl"), "y.idl"]) == 1
    assert capsys.readouterr().err.endswith("idlc: 1 error\n")


def test_an_acf_that_is_named_goes_with_the_main_file_under_any_interface_name(here: Path) -> None:
    (here / "base.idl").write_text("typedef long T;")
    (here / "x.idl").write_text('import "base.idl";\n' + GOOD)
    (here / "x.acf").write_text("interface x { [nosuch] f(); }")
    (here / "other.acf").write_text("interface another { [async] f(); }")
    assert cli.main(["check", "x.idl"]) == 1
    assert cli.main(["compile", "x.idl", "--acf", "other.acf", "-o", "out"]) == 0
    assert "class fCall" in (here / "out" / "x.py").read_text()


def test_an_imported_file_has_its_own_acf(here: Path) -> None:
    (here / "base.idl").write_text(GOOD.replace("interface x", "interface base"))
    (here / "base.acf").write_text("interface base { [nosuch] f(); }")
    (here / "x.idl").write_text('import "base.idl";\n' + GOOD.replace("be001", "be002").replace("f(", "g("))
    (here / "x2.acf").write_text("interface x { [async] g(); }")
    assert cli.main(["check", "x.idl", "--acf", "x2.acf"]) == 1


def test_an_acf_that_is_missing_is_an_error(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "x.idl").write_text(GOOD)
    assert cli.main(["check", "x.idl", "--acf", "nosuch.acf"]) == 1
    assert 'error[MIDL1001]: cannot read "nosuch.acf"' in capsys.readouterr().err


def test_an_acf_goes_with_one_file(here: Path) -> None:
    with pytest.raises(SystemExit) as exit_:
        cli.main(["check", "a.idl", "b.idl", "--acf", "x.acf"])
    assert exit_.value.code == 2


def test_preprocessed_text_has_no_macros_and_no_directives(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "x.idl").write_text("#define COUNT 3\n" + GOOD.replace("long n", "long n[COUNT]"))
    assert cli.main(["compile", "x.idl", "--save-preprocessed", "-o", "out"]) == 0
    assert cli.main(["check", "out/x.i", "--preprocessed"]) == 0
    assert capsys.readouterr() == ("", "")
    assert cli.main(["check", "x.idl", "--preprocessed"]) == 1
    assert 'error[IDLC1017]: "#define" in a text that is said to be preprocessed' in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "expression"),
    [
        ([], "defined(_WIN64) && defined(_WIN32) && _M_AMD64 == 100 && __midl == 801 && defined(__idlc__)"),
        (["--env", "win32"], "!defined(_WIN64) && defined(_WIN32) && _M_IX86 == 600"),
        (["--env", "ARM64"], "defined(_WIN64) && _M_ARM64"),
        (["-U", "__midl", "-U_WIN64"], "!defined(__midl) && !defined(_WIN64)"),
        (["-DA", "-D", "B=2"], "A == 1 && B == 2"),
    ],
)
def test_macros_of_the_machine_and_of_the_command_line(here: Path, options: list[str], expression: str) -> None:
    (here / "x.idl").write_text(f"#if {expression}\n{GOOD}#else\n#error no\n#endif\n")
    assert cli.main(["check", "x.idl", *options]) == 0


@pytest.mark.parametrize(("environment", "octets"), [("win32", 4), ("win64", 8)])
def test_the_machine_decides_the_size_of_a_pointer(
    here: Path, capsys: pytest.CaptureFixture[str], environment: str, octets: int
) -> None:
    (here / "x.idl").write_text("const long N = sizeof(void *);")
    assert cli.main(["dump", "--stage", "bound", "--env", environment, "x.idl"]) == 0
    assert f"const N = {octets}" in capsys.readouterr().out


def test_only_named_folders_are_searched_when_asked(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "t.idl").write_text("typedef long T;")
    (here / "x.idl").write_text('import "t.idl";\n' + GOOD)
    assert cli.main(["check", "x.idl"]) == 0
    assert cli.main(["check", "x.idl", "--only-include"]) == 1
    assert "looked in no folder" in capsys.readouterr().err
    assert cli.main(["check", "x.idl", "--only-include", "-I", "."]) == 0


@pytest.mark.parametrize("sides", [("stub", "stub"), ("stub", "none"), ("none", "stub"), ("none", "none")])
def test_sides_that_are_not_wanted_are_not_generated(here: Path, sides: tuple[str, str]) -> None:
    (here / "x.idl").write_text(GOOD)
    client, server = sides
    assert cli.main(["compile", "x.idl", "--client", client, "--server", server]) == 0
    module = (here / "x.py").read_text()
    assert ("Client" in module) is (client == "stub")
    assert ("Service" in module) is (server == "stub")
    compile(module, "x.py", "exec")


@pytest.mark.parametrize(
    ("protocol", "files"),
    [("dce", {"_x_codec.py"}), ("ndr64", {"_x_ndr64.py"}), ("all", {"_x_codec.py", "_x_ndr64.py"})],
)
def test_only_the_transfer_syntaxes_on_offer_are_generated(here: Path, protocol: str, files: set[str]) -> None:
    (here / "x.idl").write_text(GOOD)
    assert cli.main(["compile", "x.idl", "--protocol", protocol]) == 0
    assert {path.name for path in here.glob("_x_*.py")} == files


@pytest.mark.parametrize("protocol", list(Protocol))
def test_a_call_goes_through_in_any_transfer_syntax_on_offer(protocol: Protocol) -> None:
    text = f"[{UUID}, version(1.0)] interface x {{ long Twice([in] long n); }}"
    report = idlc.compile_text(text, "x.idl", settings=Settings(protocol=protocol))
    module = load(report.files, "x")

    class Doubler(module.XService):  # type: ignore[name-defined, misc]
        def Twice(self, call: rpc.Call, n: int) -> int:
            return 2 * n

    async def run() -> int:
        async with testing.channel(Doubler()) as channel:
            answer: int = await module.XClient(channel).Twice(21)
            return answer

    assert asyncio.run(run()) == 42
