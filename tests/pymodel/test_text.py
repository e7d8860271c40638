"""Words of IDL files inside of Python: harmless, and no wider than the rest."""

from __future__ import annotations

import ast

import pytest

from idlc.pymodel.text import WIDTH, docstring, remarks

NASTY = [
    "plain",
    '"quoted"',
    'ends in a quote"',
    '""" """ \'\'\'',
    "back\\slash \\n \\u0041 \\",
    "\\",
    "zero \0 bell \a escape \x1b delete \x7f",
    "form\x0cfeed, next\x85line, line\u2028separator",
    "right to left \u202e, isolate \u2066, mark \u200f, joiner \u200d",
    "lone \udc80 surrogate",
    "ümläuts, 日本, \U0001f600",
    "{{ template }} {% if %} {# #} %s {0}",
    "# noqa  # type: ignore",
    "",
]


@pytest.mark.parametrize("text", NASTY)
@pytest.mark.parametrize("before", ["", "First.\n\n"])
def test_no_text_ends_a_docstring(text: str, before: str) -> None:
    module = ast.parse(f"class C:\n    {docstring(before + text, 4)}\n    x = 1\n")
    (made,) = module.body
    assert isinstance(made, ast.ClassDef)
    assert len(made.body) == 2
    said = ast.get_docstring(made)
    assert said is not None
    assert all(character == "\n" or character.isprintable() for character in said)


@pytest.mark.parametrize("text", NASTY)
def test_no_text_ends_a_comment(text: str) -> None:
    lines = remarks(text, 4)
    assert all(line.startswith("#:") and line.isprintable() for line in lines)


def test_nothing_said_is_no_comment() -> None:
    assert remarks("", 4) == ()


def test_a_paragraph_with_a_long_line_is_set_anew() -> None:
    line = "word " * 21
    made = docstring(f"{line}\n{line}\n\nShort,\nand kept.\n\n  - {line}\n  - {line}", 4).split("\n")
    assert all(len(each) <= WIDTH for each in made)
    assert "    Short,\n    and kept.\n" in "\n".join(made)
    assert sum(each.lstrip().startswith("- ") for each in made) == 2
    assert len(made[0]) > WIDTH - 10
    assert len(made[1]) > WIDTH - 10


def test_what_has_no_words_stays_long() -> None:
    assert len(docstring("x" * 200, 4)) == 206
