"""Which comments are about what, and what of them is documentation."""

from __future__ import annotations

import pytest

from idlc.source.comments import about, of_file, prose
from idlc.source.files import SourceFile, Span


def of(text: str, part: str, *, behind: bool = True) -> str:
    """What the comments of a text say about a part of it."""
    start = text.index(part)
    return about(Span(SourceFile("x.idl", text), start, start + len(part)), behind=behind)


def test_comments_directly_before_are_about_a_declaration() -> None:
    text = "/* Close\n * by. */\nlong a;\n// One\n// two\nlong b;\nlong c;"
    assert of(text, "long a;") == "Close\nby."
    assert of(text, "long b;") == "One\ntwo"
    assert of(text, "long c;") == ""


def test_an_empty_line_separates() -> None:
    assert of("// Far away.\n\nlong a;", "long a;") == ""
    assert of("// Far away.\n\n// Near.\nlong a;", "long a;") == "Near."
    assert of("/* Near.\n\n   And more. */\nlong a;", "long a;") == "Near.\n\nAnd more."


def test_a_directive_separates() -> None:
    assert of("// About the macro.\n#define A 1\nlong a;", "long a;") == ""


def test_the_end_of_a_line_is_about_what_stands_in_it() -> None:
    text = "long a; // first\nlong b; /* second */\nlong c;"
    assert [of(text, part) for part in ("long a;", "long b;", "long c;")] == ["first", "second", ""]


def test_commas_may_stand_before_or_behind_the_comment() -> None:
    text = "f(long a, // first\n  long b /* second */, long c /* third */);  // all"
    assert [of(text, part) for part in ("long a", "long b", "long c")] == ["first", "second", "third"]
    assert of(text, text.partition("  //")[0]) == "all"


def test_a_comment_within_a_line_is_about_what_follows() -> None:
    text = "f(/* first */ long a, /* second */ long b);"
    assert [of(text, part) for part in ("long a", "long b")] == ["first", "second"]


def test_a_comment_at_the_end_goes_on_below_where_it_began() -> None:
    text = "long a;  // first,\n         // really\nlong b;\n// third\nlong c;"
    assert [of(text, part) for part in ("long a;", "long b;", "long c;")] == ["first,\nreally", "", "third"]


def test_comments_on_both_sides_are_one_text() -> None:
    assert of("// Before.\nlong a; // Behind.", "long a;") == "Before.\n\nBehind."
    assert of("// Same.\nlong a; // Same.", "long a;") == "Same."


def test_what_follows_a_body_is_not_about_it() -> None:
    text = "// Before.\ninterface i { } // end of i"
    assert of(text, "interface i { }", behind=False) == "Before."


def test_a_comment_inside_a_string_is_none() -> None:
    assert of('const char *a = "// no"; // yes', 'const char *a = "// no";') == "yes"


@pytest.mark.parametrize(
    "comment",
    [
        "/// What it does.",
        "//! What it does.",
        "///< What it does.",
        "/** What it does. */",
        "/*! What it does. */",
        "/*++\n\nWhat it does.\n\n--*/",
        "/**\n * What it does.\n **/",
        "/*\n  What it does.\n*/",
        "/* What it does.                  */",
        "//------------------------\n//  What it does.\n//------------------------",
        "//+-----------------------------\n//\n//  What it does.\n//\n//------------",
        "/***************\n * What it does. *\n ***************/",
        "/* ---- What it does. ---- */",
        "/** \\brief What it does. */",
        "/** @brief What it does.\n * @ingroup things */",
        "/* Copyright 2001 Somebody */\n//\n// What it does.",
    ],
)
def test_frames_and_commands_are_no_words(comment: str) -> None:
    assert of(f"{comment}\nlong a;", "long a;") == "What it does."


def test_parameters_are_named_as_documentation_tools_have_it() -> None:
    text = "/**\n * Adds.\n *\n * @param[in] a the first\n * \\param b the second\n * @return the sum\n */"
    assert prose([text]) == "Adds.\n\na: the first\nb: the second\nReturns: the sum"


def test_lists_keep_their_shape() -> None:
    assert prose(["/*\n * Either:\n *   - one\n *   - two\n */"]) == "Either:\n  - one\n  - two"


@pytest.mark.parametrize(
    "comment",
    [
        "// long b;",
        "/* HRESULT f(\n    [in] long a,\n    [out] long *b);\n */",
        "/* [in] */",
        "/* [size_is][in] */",
        "// Opnum 12",
        "/* 0x0c */",
        "// opnum: 3",
        "//--------",
        "/***/",
        "/**/",
        "//",
        "/* SPDX-License-Identifier: MIT */",
        "/* Copyright (C) 1999 Somebody\n *\n * This library is free software; you can redistribute it.\n */",
        '// import "unknwn.idl";',
        "//#define A 1",
        "// LEVEL_HIGH = 6,",
        "/* FIXME: is this right? */",
        "/** @todo find out */",
    ],
)
def test_what_is_no_documentation_is_left_out(comment: str) -> None:
    assert of(f"{comment}\nlong a;", "long a;") == ""


def test_the_head_of_a_file_is_about_the_file() -> None:
    licence = "/*\n * Copyright 2001 Somebody\n */\n"
    assert of_file('// Shapes.\n\nimport "a.idl";') == "Shapes."
    assert of_file('// Shapes.\nimport "a.idl";') == "Shapes."
    assert of_file(f"{licence}\n// Shapes.\n\ninterface i {{}}") == "Shapes."
    assert of_file("/*\n * Shapes.\n *\n * Copyright 2001 Somebody\n */\n\nlong a;") == "Shapes."
    assert of_file(f"{licence}\nlong a;") == ""
    assert of_file("// About i.\ninterface i {}") == ""
    assert of_file("// Shapes.\n\n// About i.\ninterface i {}") == "Shapes."
    assert of_file("// Shapes.") == "Shapes."
    assert of_file("") == ""
