"""A build that calls MIDL needs another program's name only: its switches, and what is told of wrong ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from idlc import cli
from idlc.command.midl import Shown, WrongUsage, is_midl, listing, translate
from idlc.command.switches import SWITCHES, Effect, Takes
from idlc.settings import Dialect, Environment, Target

GOOD = """\
import "t.idl";
[uuid(4f1d6a9e-7c43-4b0e-9a55-0c8f6d2be001), version(1.0), pointer_default(unique)]
interface foo
{
    typedef struct { T n; [size_is(n)] T *p; } S;
    T Add([in] T a, [in] S *b);
}
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("INCLUDE", raising=False)
    (tmp_path / "inc").mkdir()
    (tmp_path / "inc" / "t.idl").write_text("typedef long T;\n")
    (tmp_path / "foo.idl").write_text(GOOD)
    return tmp_path


def translated(*words: str) -> list[str]:
    return translate(words, {})[0]


@pytest.mark.parametrize(
    ("words", "ours"),
    [
        ("/I inc foo.idl", "compile --include=inc foo.idl"),
        ("/Iinc /I;a;b foo.idl", "compile --include=inc --include=a --include=b foo.idl"),
        ("-I inc -out gen foo.idl", "compile --include=inc --out=gen foo.idl"),
        ("foo.idl /out:gen", "compile foo.idl --out=gen"),
        ("/D A /DB=2 /U C /UD foo.idl", "compile --define=A --define=B=2 --undefine=C --undefine=D foo.idl"),
        ("/client none /server stub foo.idl", "compile --client=none --server=stub foo.idl"),
        ("/acf x.acf /no_def_idir foo.idl", "compile --acf=x.acf --only-include foo.idl"),
        ("/W3 /WX foo.idl", "compile -W3 -Werror foo.idl"),
        ("/W 2 /no_warn foo.idl", "compile -W2 -W0 foo.idl"),
        ("/warn 4 foo.idl", "compile -W4 foo.idl"),
        ("/target nt60 /env X64 foo.idl", "compile --target=NT60 --env=x64 foo.idl"),
        ("/win32 foo.idl", "compile --env=win32 foo.idl"),
        ("/protocol all /ms_union /osf /app_config foo.idl /no_cpp", None),
        ("/syntax_check /out gen /client none foo.idl", "check foo.idl"),
        ("/Zs foo.idl", "check foo.idl"),
        ("/o log.txt foo.idl", "compile --log=log.txt foo.idl"),
        ("/savePP foo.idl", "compile --save-preprocessed foo.idl"),
        ("/prefix client c_ server s_ foo.idl", "compile foo.idl"),
        ("/Oicf /Zp8 /align:4 /error all /nologo /tlb x.tlb /h x.h foo.idl", "compile foo.idl"),
        ("/OICF foo.idl", "compile foo.idl"),
        ("/W2 --strict --diagnostics json foo.idl", "compile -W2 --strict --diagnostics json foo.idl"),
    ],
)
def test_switches_stand_for_our_own_words(words: str, ours: str | None) -> None:
    if ours is None:
        with pytest.raises(WrongUsage, match="contradict"):
            translated(*words.split())
    else:
        assert translated(*words.split()) == ours.split()


def test_options_for_the_preprocessor_count() -> None:
    words = translated("/cpp_cmd", "cl", "/cpp_opt", "/nologo -DA=1 /I inc /UB", "foo.idl")
    assert words == ["compile", "--define=A=1", "--include=inc", "--undefine=B", "foo.idl"]


def test_a_backslash_parts_folders(here: Path) -> None:
    assert translated(".\\foo.idl", "/I", "..\\a;.\\inc") == [
        "compile", "./foo.idl", "--include=../a", "--include=./inc",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("/W2", "MIDL1000", "no input file"),
        ("/Otu gen foo.idl", "MIDL1008", "/Otu"),
        ("foo.idl /out", "MIDL1011", "needs an argument"),
        ("/out /client none foo.idl", "MIDL1011", "needs an argument"),
        ("/prefix foo.idl", "MIDL1011", "a word and a prefix"),
        ("/client some foo.idl", "MIDL1012", '"some" is no argument'),
        ("/W9 foo.idl", "MIDL1012", '"9" is no argument'),
        ("/D 1x foo.idl", "MIDL1012", '"1x" is no name'),
        ("/target NT70 foo.idl", "MIDL1012", '"NT70"'),
        ("@nosuch foo.idl", "MIDL1020", "nosuch"),
        ("/osf /ms_ext foo.idl", "MIDL2338", '"/osf" and "/ms_ext" contradict'),
        ("/win32 /amd64 foo.idl", "MIDL2338", "contradict"),
        ("/robust /no_robust foo.idl", "MIDL2338", "contradict"),
        ("/winrt foo.idl", "MIDL2397", "not supported"),
        ("/caux x foo.idl", "MIDL2397", "not supported"),
    ],
)
def test_a_wrong_command_line_is_status_2_with_one_message(
    here: Path, capsys: pytest.CaptureFixture[str], words: str, code: str, said: str
) -> None:
    assert cli.main(words.split()) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"idlc: error[{code}]: ")
    assert said in err
    assert err.endswith("idlc: 1 error\n")


@pytest.mark.parametrize(("word", "near"), [("/Otu", "/out"), ("-cleint", "-client"), ("-strict", "--strict")])
def test_an_unknown_switch_has_a_suggestion(word: str, near: str) -> None:
    with pytest.raises(WrongUsage) as wrong:
        translated(word, "foo.idl")
    assert wrong.value.diagnostics[0].help == f'did you mean "{near}"?'


def test_response_files_hold_words(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "all.rsp").write_text('/I inc -out "g n"\n  /D X="a b"\r\nfoo.idl')
    assert translated("@all.rsp", "/Zs") == ["check", "--include=inc", "--define=X=a b", "foo.idl"]
    (here / "outer.rsp").write_text("@all.rsp foo.idl")
    assert cli.main(["@outer.rsp"]) == 2
    assert "error[MIDL1023]" in capsys.readouterr().err


def test_an_existing_file_is_no_switch_and_a_missing_one_is_told_as_missing(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([str(here / "foo.idl"), "/Iinc", "/Zs"]) == 0
    assert cli.main([str(here / "nosuch.idl"), "/Zs"]) == 1
    assert 'error[MIDL1001]: cannot read "' in capsys.readouterr().err


def test_a_build_of_midl_works_as_it_is(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = (
        "/D _DEBUG /nologo /W1 /char signed /env win32 /Oicf /h Foo.h /iid Foo_i.c /proxy Foo_p.c /error all "
        "/tlb Foo.tlb /robust /savePP /I inc /out gen /client none foo.idl"
    )
    assert cli.main(line.split()) == 0
    assert capsys.readouterr() == ("", "")
    module = (here / "gen" / "foo.py").read_text()
    assert "class FooService" in module
    assert "Client" not in module
    assert (here / "gen" / "foo.i").read_text().startswith('# 1 "foo.idl"\nimport "t.idl" ;\n')


def test_include_of_the_environment_is_searched_last(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cli.main(["/Zs", "foo.idl"]) == 1
    monkeypatch.setenv("INCLUDE", "nosuch;inc")
    assert cli.main(["/Zs", "foo.idl"]) == 0
    assert cli.main(["/Zs", "/no_def_idir", "foo.idl"]) == 1
    assert cli.main(["/Zs", "/no_def_idir", "/I", "inc", "foo.idl"]) == 0
    assert cli.main(["check", "foo.idl"]) == 1


def test_confirm_shows_what_it_stands_for_and_help_every_switch(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["/confirm", "/I", "a b", "foo.idl"]) == 0
    assert capsys.readouterr().out == "idlc compile '--include=a b' foo.idl\n"
    assert sorted(path.name for path in here.iterdir()) == ["foo.idl", "inc"]
    for word in ("/?", "-help"):
        assert cli.main([word]) == 0
        assert capsys.readouterr().out == listing()
    assert all(f"/{name}" in listing() for name in SWITCHES)


def test_the_table_is_whole() -> None:
    for switch in SWITCHES.values():
        assert switch.about
        assert switch.excludes == () or set(switch.excludes) <= SWITCHES.keys()
        assert switch.takes is not Takes.NOTHING or not switch.choices
        assert switch.effect is Effect.HONOURED or not switch.ours


@pytest.mark.parametrize("name", [name for name, switch in SWITCHES.items() if switch.effect is Effect.HONOURED])
def test_what_is_honoured_is_understood_by_our_own_command(here: Path, name: str) -> None:
    switch = SWITCHES[name]
    argument = switch.choices[0] if switch.choices else {"D": "X", "U": "X", "cpp_opt": "-DX"}.get(name, "inc/t.idl")
    words = [f"/{name}", *([argument] if switch.takes is not Takes.NOTHING else []), "foo.idl"]
    try:
        ours, _ = translate(words, {})
    except Shown:
        return
    from idlc.command import gnu

    assert gnu.read(ours).files == ("foo.idl",)


def test_modes_reach_the_settings() -> None:
    from idlc.command import gnu

    words = translated(*"/osf /target NT51 /env arm64 /protocol dce /server none x.idl".split())
    settings = gnu.read(words).settings
    assert (settings.dialect, settings.target, settings.environment) == (
        Dialect.DCE, Target.NT51, Environment.ARM64,
    )  # fmt: skip
    assert (settings.client, settings.server, settings.protocol.value) == (True, False, "dce")


@pytest.mark.parametrize("words", [[], ["compile"], ["--version"], ["-h"], ["--help"], ["chekc", "x"], ["--strict"]])
def test_our_own_spelling_is_not_taken_for_midls(here: Path, words: list[str]) -> None:
    assert not is_midl(words)
