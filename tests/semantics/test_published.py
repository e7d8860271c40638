"""Published IDL as people have it on disk: files under other names, names of imports defined anew."""

from __future__ import annotations

import idlc

INTERFACE = "[uuid(6d3c0f2e-51a4-4b7d-8e90-2f1a7b3c4d5e)] interface user { void f([in] PAIR *p); }"
SHARED = {"shared.idl": "typedef struct { long a, b; } PAIR;"}


def test_a_file_may_be_stored_without_the_word_that_documents_begin_with() -> None:
    report = idlc.compile_text(f'import "ms-shared.idl"; {INTERFACE}', files=SHARED)
    (note,) = report.diagnostics
    assert (note.code, note.severity) == ("IDLC1022", "note")
    assert note.message == '"shared.idl" stands for "ms-shared.idl", which is not there'
    assert "from .shared import PAIR" in report.files["memory.py"]


def test_a_file_of_the_very_name_comes_first() -> None:
    files = SHARED | {"ms-shared.idl": "typedef struct { long c; } PAIR;"}
    report = idlc.compile_text(f'import "ms-shared.idl"; {INTERFACE}', files=files)
    assert report.diagnostics == ()
    assert "from .ms_shared import PAIR" in report.files["memory.py"]


def test_a_file_under_neither_name_is_missing() -> None:
    (error,) = idlc.compile_text('import "ms-other.idl"; typedef long LENGTH;', files=SHARED).diagnostics
    assert error.message == 'imported file "ms-other.idl" not found'


def test_base_types_of_the_dce_come_from_the_users_own_file() -> None:
    text = "[uuid(6d3c0f2e-51a4-4b7d-8e90-2f1a7b3c4d5e)] interface own { void f([in] handle_t h, [in] colour c); }"
    files = {"dce/nbase.idl": "[pointer_default(ptr)] interface nbase { typedef unsigned long colour; }"}
    report = idlc.compile_text(text, files=files, settings=idlc.Settings(dialect=idlc.Dialect.DCE))
    assert [each.message for each in report.diagnostics if each.severity == "error"] == []
    assert "def f(self, c: int)" in report.files["memory.py"]


def test_a_missing_header_is_one_message_for_the_macros_that_it_has() -> None:
    text = """
        #include "nosuch.h"
        import "oaidl.idl";
        [object, uuid(6d3c0f2e-51a4-4b7d-8e90-2f1a7b3c4d5e)]
        interface IUser : IDispatch { [id(1), propget, HELP_OF_IT] HRESULT Length([out, retval] long *length); }
    """
    (error,) = idlc.compile_text(text).diagnostics
    assert error.message == 'included file "nosuch.h" not found'
