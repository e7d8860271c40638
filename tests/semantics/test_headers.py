"""Imported C headers: they lean on what was imported before them, and may be called like the file that imports them."""

from __future__ import annotations

import idlc
from tests.in_memory import load

LEANING = "typedef struct { COUNT n; UNHEARD_OF *p; } LEANING;\nLEANING *make(COUNT n);\n"


def test_a_header_finds_the_types_of_what_was_imported_before_it() -> None:
    files = {"first.idl": "typedef long COUNT;", "leaning.h": LEANING}
    report = idlc.compile_text('import "first.idl";\nimport "leaning.h";\ntypedef LEANING L;', files=files)
    report.raise_for_errors()
    assert load(report.files, "leaning").LEANING(1, None).n == 1
    assert [d.message.split(":")[0] for d in report.diagnostics] == ['undefined type "UNHEARD_OF"']


def test_what_is_imported_later_is_not_found() -> None:
    files = {"first.idl": "typedef long COUNT;", "leaning.h": LEANING}
    report = idlc.compile_text('import "leaning.h";\nimport "first.idl";\ntypedef LEANING L;', files=files)
    assert sorted(d.message.split('"')[1] for d in report.diagnostics) == ["COUNT", "UNHEARD_OF"]


def test_an_imported_idl_file_may_lean_too() -> None:
    files = {"first.idl": "typedef long COUNT;", "second.idl": "typedef struct { COUNT n; } LEANING;"}
    idlc.compile_text('import "first.idl";\nimport "second.idl";\ntypedef LEANING L;', files=files).raise_for_errors()


def test_a_file_that_stands_alone_must_do_so() -> None:
    assert not idlc.compile_text("typedef struct { COUNT n; } ALONE;").ok


def test_a_header_called_like_the_file_that_imports_it_has_a_module_of_its_own() -> None:
    files = {"tree.h": "typedef struct { long n; } NODE;"}
    report = idlc.compile_text('import "tree.h";\ntypedef NODE *LIST;', "tree.idl", files=files)
    report.raise_for_errors()
    assert load(report.files, "tree_h").NODE(3).n == 3
    assert "from .tree_h import NODE" in report.files["tree.py"]
