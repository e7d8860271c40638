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


def test_what_only_a_c_compiler_wants_of_a_header_is_passed_over() -> None:
    header = """
    #pragma once
    #ifdef __cplusplus
    extern "C" {
    #endif
    typedef int (*callback_t)(void *context, const char *name, ...);
    static const int table[] = { 1, 2, 3 };
    const char *names[2] = { "a", "{" };
    static __inline int add(int a, int b) { if (a) { return a; } return a + b; }
    extern int counter;
    int variable, f(), g(void);
    struct point { int x, y; };
    const int LIMIT = 16 * 2;
    typedef char name_t[LIMIT];
    #ifdef __cplusplus
    }
    #endif
    """
    report = idlc.compile_text('import "c.h";\ntypedef name_t ALSO;', files={"c.h": header})
    report.raise_for_errors()
    assert report.diagnostics == ()
    module = load(report.files, "c")
    assert (module.LIMIT, module.point(1, 2).y) == (32, 2)


def test_in_an_idl_file_a_function_has_no_body() -> None:
    assert not idlc.compile_text("int f(int a) { return a; }").ok
