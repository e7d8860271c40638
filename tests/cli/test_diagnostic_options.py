"""What the user says about diagnostics: which count, how many, in what form, in what colour, where they go."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

import idlc
from idlc import cli
from idlc.diagnostics.as_json import as_json
from idlc.diagnostics.as_sarif import as_sarif
from idlc.diagnostics.codes import CODES
from idlc.diagnostics.policy import LEVELS, Policy
from idlc.diagnostics.report import Diagnostic, Note, Report, Severity
from idlc.settings import Settings
from idlc.source.files import SourceFile, Span

HEAD = "[uuid(4f1d6a9e-7c43-4b0e-9a55-0c8f6d2be001), version(1.0)]\n"
TWICE = 'import "t.idl";\nimport "t.idl";\n' + HEAD + "interface x { void f([in] T a); }\n"
"""One warning, MIDL2007."""
QUIET = HEAD + (
    "interface x { typedef [switch_type(long)] union { [case(1)] long a; } U; "
    "void f([in] long n, [in, switch_is(n)] U *u); }\n"
)
"""Nothing at level 1, at level 2 that the union has no default arm."""
WRONG = HEAD + "interface x { void f([in] nosuch a); void g([in] lnog b); }\n"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, text in (("t", "typedef long T;\n"), ("twice", TWICE), ("quiet", QUIET), ("wrong", WRONG)):
        (tmp_path / f"{name}.idl").write_text(text)
    return tmp_path


def said(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, list[str]]:
    """The exit status, and the codes with their severities."""
    status = cli.main(["check", *words])
    err = capsys.readouterr().err
    return status, [line.split(": ")[1] for line in err.splitlines() if "[MIDL" in line or "[IDLC" in line]


@pytest.mark.parametrize(
    ("options", "status", "expected"),
    [
        ([], 0, ["warning[MIDL2007]"]),
        (["-W", "error"], 1, ["error[MIDL2007]"]),
        (["-Werror=2007"], 1, ["error[MIDL2007]"]),
        (["-Werror=IDLC1016"], 0, ["warning[MIDL2007]"]),
        (["-W", "no-MIDL2007"], 0, []),
        (["-Wno-2007", "-Werror"], 0, []),
        (["-Wno-2007", "-W2007"], 0, ["warning[MIDL2007]"]),
        (["-W0"], 0, []),
        (["-Wnone", "-Werror"], 0, []),
    ],
)
def test_warnings_count_as_the_user_says(
    here: Path, capsys: pytest.CaptureFixture[str], options: list[str], status: int, expected: list[str]
) -> None:
    assert said(capsys, "twice.idl", *options) == (status, expected)


@pytest.mark.parametrize(
    ("options", "shown"), [([], False), (["-W1"], False), (["-W2"], True), (["-Wall"], True), (["-WMIDL2057"], True)]
)
def test_levels_show_more_or_less(
    here: Path, capsys: pytest.CaptureFixture[str], options: list[str], shown: bool
) -> None:
    _, codes = said(capsys, "quiet.idl", *options)
    assert ("warning[MIDL2057]" in codes) is shown
    assert LEVELS["MIDL2057"] == 2


def test_errors_are_never_silent(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "wrong.idl", "-W0", "-Wno-2011") == (1, ["error[MIDL2011]", "error[MIDL2011]"])


def test_after_so_many_errors_there_is_silence(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check", "wrong.idl", "--max-errors", "1"]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert "idlc: note[IDLC1106]: more than 1 error; the rest is not shown" in lines
    assert lines[-1] == "idlc: 1 error"
    assert said(capsys, "wrong.idl", "--max-errors", "0")[1] == ["error[MIDL2011]"] * 2


def test_what_published_idl_does_is_an_error_if_strict() -> None:
    for strict, severity in ((False, Severity.WARNING), (True, Severity.ERROR)):
        report = Report(Policy(strict=strict))
        report.doubtful("MIDL2271", "doubtful", Span.none())
        assert [each.severity for each in report.diagnostics] == [severity]


def test_a_note_is_neither_error_nor_warning() -> None:
    report = Report(Policy(warnings_are_errors=True, level=0))
    report.note("IDLC1106", "by the way", Span.none())
    assert [each.severity for each in report.diagnostics] == [Severity.NOTE]
    assert not report.has_errors


@pytest.mark.parametrize("code", ["nosuch", "MIDL9999", "no-x", "error=x", "5", "-1"])
def test_a_code_that_is_none_is_wrong_usage(here: Path, code: str) -> None:
    with pytest.raises(SystemExit) as exit_:
        cli.main(["check", "t.idl", f"-W{code}"])
    assert exit_.value.code == 2


# ---------------------------------------------------------------------------- midl_pragma warning


def codes(text: str, files: dict[str, str] | None = None, policy: Policy | None = None) -> list[tuple[str, int]]:
    report = idlc.compile_text(text, "x.idl", files={"t.idl": "typedef long T;"} | (files or {}),
                               settings=Settings(policy=policy or Policy()))  # fmt: skip
    return [(each.code, each.span.line) for each in report.diagnostics]


AGAIN = 'import "t.idl";\n'


def test_a_pragma_governs_what_follows_it_in_its_file() -> None:
    off, on, options = (f"midl_pragma warning({action} : 2007)\n" for action in ("disable", "enable", "default"))
    assert codes(AGAIN + AGAIN + off + AGAIN) == [("MIDL2007", 2)]
    assert codes(AGAIN + off + AGAIN + on + AGAIN) == [("MIDL2007", 5)]
    silent = Policy(silenced=frozenset(["MIDL2007"]))
    assert codes(AGAIN + AGAIN + on + AGAIN + options + AGAIN, policy=silent) == [("MIDL2007", 4)]


def test_a_pragma_takes_several_numbers_and_unknown_ones() -> None:
    assert codes("midl_pragma warning(disable : 2362 2007, 2100)\n" + AGAIN + AGAIN) == []


def test_included_text_is_governed_by_where_it_is_included() -> None:
    off = "midl_pragma warning(disable : 2007)\n"
    twice = {"twice.h": AGAIN + AGAIN, "off.h": off}
    assert codes('#include "twice.h"\n', twice) == [("MIDL2007", 2)]
    assert codes(off + '#include "twice.h"\n', twice) == []
    assert codes('#include "off.h"\n#include "twice.h"\n', twice) == []


def test_a_pragma_does_not_cross_an_import() -> None:
    off = "midl_pragma warning(disable : 2007)\n"
    assert codes(off + 'import "other.idl";\n', {"other.idl": AGAIN + AGAIN}) == [("MIDL2007", 2)]
    assert codes('import "other.idl";\n' + AGAIN + AGAIN, {"other.idl": off + "typedef long U;"}) == [("MIDL2007", 3)]


@pytest.mark.parametrize(
    ("pragma", "help_"),
    [
        ("warning(disabel : 2007)", 'did you mean "disable"?'),
        ("warning(disable 2007)", "write it as midl_pragma warning(disable : 2038 2057)"),
        ("warning(disable :)", "write it as midl_pragma warning(disable : 2038 2057)"),
        ("warning()", "write it as midl_pragma warning(disable : 2038 2057)"),
        ("warnings(disable : 2007)", 'did you mean "warning"?'),
    ],
)
def test_a_malformed_pragma_is_one_error_and_does_nothing(pragma: str, help_: str) -> None:
    report = idlc.compile_text(f"midl_pragma {pragma}\ntypedef long U;\n", "x.idl")
    assert [(each.code, each.help) for each in report.diagnostics] == [("MIDL2385", help_)]


# ---------------------------------------------------------------------------- JSON


def machine(capsys: pytest.CaptureFixture[str], form: str, *words: str) -> Any:
    cli.main(["check", "--diagnostics", form, *words])
    out, err = capsys.readouterr()
    assert err == ""
    return json.loads(out)


def test_json_has_every_field_of_a_diagnostic(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = machine(capsys, "json", "wrong.idl")
    assert (log["format"], log["tool"]) == (1, {"name": "idlc", "version": idlc.__version__})
    assert (log["errors"], log["warnings"]) == (2, 0)
    assert log["diagnostics"][1] == {
        "code": "MIDL2011",
        "severity": "error",
        "message": 'undefined type "lnog"',
        "meaning": CODES["MIDL2011"],
        "place": {"file": "wrong.idl", "line": 2, "column": 50, "endLine": 2, "endColumn": 54},
        "notes": [],
        "help": 'did you mean "long"?',
        "fixes": [
            {"place": {"file": "wrong.idl", "line": 2, "column": 50, "endLine": 2, "endColumn": 54}, "text": "long"}
        ],
    }


def test_json_is_there_when_there_is_nothing_to_say(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = machine(capsys, "json", "t.idl")
    assert (log["errors"], log["warnings"], log["diagnostics"]) == (0, 0, [])


def test_json_has_notes_and_places_that_are_nowhere() -> None:
    file = SourceFile("a\nb.idl", "one\ntwo\n")
    note = Note("there", Span(file, 0, 7))
    both = [
        Diagnostic("MIDL2003", Severity.ERROR, "twice", Span(file, 4, 7), (note,)),
        Diagnostic("MIDL1001", Severity.ERROR, "missing", Span.none()),
    ]
    first, second = json.loads(as_json(both))["diagnostics"]
    assert first["notes"] == [
        {"message": "there", "place": {"file": "a\nb.idl", "line": 1, "column": 1, "endLine": 2, "endColumn": 4}}
    ]
    assert second["place"] is None


# ---------------------------------------------------------------------------- SARIF


def test_sarif_has_rules_regions_related_places_and_fixes(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = HEAD + "interface x { void f([in, sizeis(1)] long *a); typedef long A; typedef short A; }\n"
    (here / "a b.idl").write_text(text)
    log = machine(capsys, "sarif", "a b.idl")
    assert log["version"] == "2.1.0"
    assert log["$schema"].endswith("sarif-2.1.0.json")
    (run,) = log["runs"]
    driver = run["tool"]["driver"]
    assert (driver["name"], driver["version"]) == ("idlc", idlc.__version__)
    assert run["columnKind"] == "unicodeCodePoints"
    assert run["invocations"] == [{"executionSuccessful": False}]
    assert {rule["id"]: rule["shortDescription"]["text"] for rule in driver["rules"]} == {
        code: CODES[code] for code in ("IDLC1203", "MIDL2003")
    }
    unknown, twice = run["results"]
    for result in run["results"]:
        assert driver["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] == "error"
    place = unknown["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "a%20b.idl", "uriBaseId": "%SRCROOT%"}
    assert place["region"] == {"startLine": 2, "startColumn": 27, "endLine": 2, "endColumn": 33}
    (fix,) = unknown["fixes"]
    assert fix["description"]["text"] == 'did you mean "size_is"?'
    assert fix["artifactChanges"][0]["replacements"] == [
        {
            "deletedRegion": {"startLine": 2, "startColumn": 27, "endLine": 2, "endColumn": 33},
            "insertedContent": {"text": "size_is"},
        }
    ]
    assert twice["relatedLocations"][0]["message"]["text"] == "first defined here"
    assert "fixes" not in twice


def test_sarif_names_absolute_files_and_levels() -> None:
    file = SourceFile("/tmp/x y.idl", "one\n")
    log = json.loads(as_sarif([Diagnostic("IDLC1106", Severity.NOTE, "said", Span(file, 0, 3), help="do this")]))
    (result,) = log["runs"][0]["results"]
    assert result["level"] == "note"
    assert result["message"]["text"] == "said\ndo this"
    assert result["locations"][0]["physicalLocation"]["artifactLocation"] == {"uri": "file:///tmp/x%20y.idl"}
    assert log["runs"][0]["invocations"] == [{"executionSuccessful": True}]


# ---------------------------------------------------------------------------- where it goes, and in what colour


def test_a_dump_keeps_stdout_for_itself(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["dump", "--stage", "bound", "--diagnostics", "json", "twice.idl"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("file twice")
    assert json.loads(err)["warnings"] == 1


def test_a_log_file_gets_the_diagnostics(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check", "wrong.idl", "--log", "log.txt", "--color", "always"]) == 1
    assert capsys.readouterr() == ("", "")
    assert (here / "log.txt").read_text().endswith("idlc: 2 errors\n")
    assert "\x1b" not in (here / "log.txt").read_text()


def test_a_log_that_cannot_be_written_is_an_error(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check", "twice.idl", "--log", "."]) == 1
    err = capsys.readouterr().err
    assert "warning[MIDL2007]" in err
    assert err.endswith('idlc: cannot write ".": Is a directory\n')


@pytest.mark.parametrize("log", ["twice.idl", "./twice.idl", "base.idl"])
def test_a_log_takes_the_place_of_no_input(here: Path, capsys: pytest.CaptureFixture[str], log: str) -> None:
    (here / "base.idl").write_text("typedef long base;\n")
    (here / "twice.idl").write_text('import "base.idl";\n' + (here / "twice.idl").read_text())
    before = (here / log).read_bytes()
    assert cli.main(["check", "twice.idl", "--log", log]) == 1
    assert capsys.readouterr().err.endswith(f'idlc: cannot write "{log}": it is one of the inputs\n')
    assert (here / log).read_bytes() == before


def test_a_log_takes_the_place_of_no_output(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["compile", "twice.idl", "-o", "out", "--log", "out/twice.py"]) == 1
    assert capsys.readouterr().err.endswith('idlc: cannot write "out/twice.py": another output goes there\n')
    assert (here / "out/twice.py").read_text().startswith("#")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("terminal", "environment", "options", "coloured"),
    [
        (True, {}, [], True),
        (False, {}, [], False),
        (True, {"NO_COLOR": "1"}, [], False),
        (True, {"NO_COLOR": ""}, [], True),
        (True, {"TERM": "dumb"}, [], False),
        (True, {}, ["--color", "never"], False),
        (False, {"NO_COLOR": "1"}, ["--color", "always"], True),
    ],
)
def test_colour_is_for_terminals(
    here: Path,
    monkeypatch: pytest.MonkeyPatch,
    terminal: bool,
    environment: dict[str, str],
    options: list[str],
    coloured: bool,
) -> None:
    stream = Terminal() if terminal else io.StringIO()
    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.stderr", stream)
    assert cli.main(["check", "wrong.idl", *options]) == 1
    assert ("\x1b[1;31m" in stream.getvalue()) is coloured
    plain = stream.getvalue()
    for tone in ("0", "1", "1;31", "1;34", "1;35", "1;36"):
        plain = plain.replace(f"\x1b[{tone}m", "")
    assert plain.startswith('wrong.idl:2:27: error[MIDL2011]: undefined type "nosuch"\n')
