"""What a diagnostic looks like, whatever the source text is made of."""

from __future__ import annotations

import re
from pathlib import Path

import idlc
from idlc.diagnostics.codes import CODES
from idlc.diagnostics.render import MAX_WIDTH, render, render_all
from idlc.diagnostics.report import Diagnostic, Note, Report, Severity
from idlc.source.files import SourceFile, Span

TEXT = """\
line one
typedef pipe Sample Samples;
    [unique] wchar_t *label;
"""


def place(file: SourceFile, text: str) -> Span:
    at = file.text.index(text)
    return Span(file, at, at + len(text))


def diagnostic(span: Span, message: str = "wrong", *notes: Note, help: str | None = None) -> Diagnostic:
    return Diagnostic("MIDL2317", Severity.ERROR, message, span, notes, help)


def test_a_diagnostic_shows_line_mark_notes_and_help() -> None:
    file = SourceFile("t.idl", TEXT)
    note = Note("the pointer is here", place(file, "label"))
    text = render(diagnostic(place(file, "Samples"), "a pipe may not", note, help="do without"))
    assert text.splitlines() == [
        "t.idl:2:21: error[MIDL2317]: a pipe may not",
        "    2 | typedef pipe Sample Samples;",
        "      |                     ^^^^^^^",
        "    3 |     [unique] wchar_t *label;",
        "      |                       ^^^^^ the pointer is here",
        "      = help: do without",
    ]


def test_a_note_in_another_file_says_which() -> None:
    other = SourceFile("u.idl", "long x;")
    text = render(diagnostic(place(SourceFile("t.idl", TEXT), "one"), "m", Note("here", place(other, "x"))))
    assert "      --> u.idl:1:6" in text.splitlines()


def test_what_has_no_place_has_only_a_line() -> None:
    assert render(diagnostic(Span.none(), "m", Note("n", Span.none()))).splitlines() == [
        "idlc: error[MIDL2317]: m",
        "      = note: n",
    ]


def test_marks_stand_under_what_they_mean() -> None:
    for text in ("\tx\t= HERE;", "\u4e2d\u6587 = HERE;", "a\u0301b = HERE;"):
        source, mark = render(diagnostic(place(SourceFile("t.idl", text), "HERE"))).splitlines()[1:]
        cells = sum(0 if c == "\u0301" else 2 if c in "\u4e2d\u6587" else 1 for c in source[: source.index("HERE")])
        assert mark.index("^") == cells


def test_control_characters_do_no_harm() -> None:
    file = SourceFile("t\x1b[31m.idl", 'x = "\x1b[2J\u202e\x07\x00"; HERE')
    text = render(diagnostic(place(file, "HERE"), "said \x1b]0;title\x07 and \u2066", Note("a\nb", place(file, "x"))))
    assert all(line.isprintable() for line in text.splitlines())
    assert len(text.splitlines()) == 5


def test_long_lines_are_cut_around_the_mark() -> None:
    file = SourceFile("t.idl", "x" * 100_000 + "HERE" + "y" * 100_000)
    _, source, mark = render(diagnostic(place(file, "HERE"))).splitlines()
    assert len(source) <= MAX_WIDTH + 8
    assert source[mark.index("^") :].startswith("HERE")
    assert mark.count("^") == 4


def test_a_span_over_lines_is_marked_on_its_first() -> None:
    file = SourceFile("t.idl", TEXT)
    _, source, mark = render(diagnostic(Span(file, 5, len(TEXT)))).splitlines()
    assert (source, mark) == ("    1 | line one", "      |      ^^^")


def test_a_place_at_the_end_of_the_text_has_a_mark() -> None:
    file = SourceFile("t.idl", "ab")
    assert render(diagnostic(Span(file, 2, 2))).splitlines()[2] == "      |   ^"
    assert render(diagnostic(Span(SourceFile("t.idl", ""), 0, 0))).splitlines()[2] == "      | ^"


def test_diagnostics_are_sorted_by_place_and_counted() -> None:
    file, report = SourceFile("t.idl", TEXT), Report()
    report.warning("MIDL2007", "second", place(file, "Samples"))
    report.error("MIDL2317", "first", place(file, "one"))
    report.error("MIDL2317", "first", place(file, "one"))
    lines = render_all(report.diagnostics).splitlines()
    assert lines[0].endswith("first")
    assert lines[-1] == "idlc: 1 error, 1 warning"
    assert render_all(()) == ""


def test_every_code_that_is_emitted_is_in_the_catalogue() -> None:
    sources = [path for path in Path(idlc.__file__).parent.rglob("*.py") if path.name != "codes.py"]
    text = "".join(path.read_text("utf-8") for path in sources)
    assert set(re.findall(r"\b(?:MIDL|IDLC)\d{4}\b", text)) <= CODES.keys()


def test_the_catalogue_explains_every_code() -> None:
    assert all(meaning and code[:4] in ("MIDL", "IDLC") and code[4:].isdigit() for code, meaning in CODES.items())
