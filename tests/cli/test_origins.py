"""Diagnostics show how the text came there, by macro, include or import, and stand right in any text."""

from __future__ import annotations

import idlc
from idlc.diagnostics.render import render_all
from idlc.settings import Settings

HEAD = "[uuid(4f1d6a9e-7c43-4b0e-9a55-0c8f6d2be001), version(1.0), pointer_default(unique)]\n"


def told(text: str, files: dict[str, str] | None = None, settings: Settings | None = None) -> list[str]:
    report = idlc.compile_text(text, "x.idl", files=files, settings=settings)
    return render_all(report.diagnostics).splitlines()


def test_a_macro_is_named_with_its_definition() -> None:
    assert told("#define NUMBER lnog\n" + HEAD + "interface x { void f([in] NUMBER n); }") == [
        'x.idl:3:27: error[MIDL2011]: undefined type "lnog"',
        "    3 | interface x { void f([in] NUMBER n); }",
        "      |                           ^^^^^^",
        "    1 | #define NUMBER lnog",
        '      |         ^^^^^^ in expansion of macro "NUMBER"',
        '      = help: did you mean "long"?',
        "idlc: 1 error",
    ]


def test_a_macro_with_arguments_is_named_once_and_the_outermost() -> None:
    text = (
        "#define INNER(t) t\n#define POINTER(t) INNER(lnog) t\n" + HEAD + "interface x { void f([in] POINTER(*) n); }"
    )
    lines = told(text)
    assert [line for line in lines if "in expansion" in line] == [
        '      |         ^^^^^^^ in expansion of macro "POINTER"'
    ]


def test_a_macro_of_the_command_line_has_no_place() -> None:
    lines = told(HEAD + "interface x { void f([in] T n); }", settings=Settings(defines=(("T", "lnog"),)))
    assert '      = note: in expansion of macro "T", defined on the command line' in lines


def test_included_and_imported_files_say_by_whom() -> None:
    files = {"a.h": '\n#include "b.h"\n', "b.h": "typedef short T;\ntypedef long T;\n", "c.idl": '#include "a.h"\n'}
    lines = told('import "c.idl";\n', files)
    assert lines[0].startswith("b.h:2:14: ")
    places = [line.strip() for line in lines if "-->" in line]
    assert places == ["--> a.h:2:10", "--> c.idl:1:10", "--> x.idl:1:8"]
    assert [line.split("^ ")[1] for line in lines if "^ " in line][1:] == [
        "included from here",
        "included from here",
        "imported from here",
    ]


def test_a_file_that_was_asked_for_was_not_imported() -> None:
    from idlc.driver import analyse

    memory = {"a.idl": 'import "b.idl";\n', "b.idl": "typedef short T;\ntypedef long T;\n"}
    report = analyse(["a.idl", "b.idl"], Settings(memory=memory)).report
    assert [note.message for each in report.diagnostics for note in each.notes] == ["first defined here"]


def test_line_ends_of_dos_and_tabs_and_wide_characters_move_no_mark() -> None:
    body = "interface x\r\n{\r\n\tvoid f(/* \u4e2d\u6587 */ [in] lnog n);\r\n}\r\n"
    lines = told(HEAD.replace("\n", "\r\n") + body)
    assert lines[:3] == [
        'x.idl:4:23: error[MIDL2011]: undefined type "lnog"',
        "    4 |     void f(/* \u4e2d\u6587 */ [in] lnog n);",
        "      |                            ^^^^",
    ]


def test_a_line_marker_decides_what_is_printed() -> None:
    lines = told('# 70 "other.idl"\n' + HEAD + "interface x { void f([in] lnog n); }")
    assert lines[0] == 'other.idl:71:27: error[MIDL2011]: undefined type "lnog"'
