"""A user's file with the name of a prelude file takes its place for the run, and the run says so."""

from __future__ import annotations

from pathlib import Path

import pytest

import idlc
from idlc.driver import Settings, analyse, generate
from idlc.generation import PRELUDE

OWN_TYPES = """
    import "wtypesbase.idl";
    typedef short BSTR;
    typedef struct tagRECT { LONG left; LONG right; } RECT;
"""
USER = '[uuid(2e5b9a0c-4f17-4a7b-9d53-6c1f0b8e7a22)] interface USER { void Draw([in] handle_t h, [in] RECT *r); }'
DCOM = """
    import "ms-dcom.idl";
    [uuid(2e5b9a0c-4f17-4a7b-9d53-6c1f0b8e7a23)] interface D { void F([in] handle_t h, [in] OWN o); }
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is compiled is written into the current folder."""
    monkeypatch.chdir(tmp_path)


def said(result: idlc.CompileReport) -> list[tuple[str, str]]:
    return [(each.code, str(each.severity)) for each in result.diagnostics]


@pytest.mark.parametrize("name", ["wtypes.idl", "WTypes.IDL"])
def test_a_file_beside_the_one_that_imports_it(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(OWN_TYPES)
    (tmp_path / "user.idl").write_text(f'import "wtypes.idl"; {USER}')
    result = idlc.compile_files([tmp_path / "user.idl"])
    assert said(result) == [("IDLC1020", "note")]
    assert result.diagnostics[0].message == f'"{tmp_path / name}" takes the place of "wtypes.idl" of the prelude'
    module = name.partition(".")[0]
    assert "class RECT" in result.files[f"{module}.py"]
    assert f"from .{module} import RECT" in result.files["user.py"]


def test_a_file_in_a_folder_of_the_search_path(tmp_path: Path) -> None:
    (tmp_path / "inc").mkdir()
    (tmp_path / "inc" / "wtypes.idl").write_text(OWN_TYPES)
    (tmp_path / "user.idl").write_text(f'import "wtypes.idl"; {USER}')
    result = idlc.compile_files([tmp_path / "user.idl"], include=[tmp_path / "inc"])
    assert said(result) == [("IDLC1020", "note")]


def test_one_note_however_often_it_is_imported(tmp_path: Path) -> None:
    (tmp_path / "wtypes.idl").write_text(OWN_TYPES)
    (tmp_path / "other.idl").write_text('import "wtypes.idl"; typedef RECT AREA;')
    (tmp_path / "user.idl").write_text(f'import "other.idl", "wtypes.idl"; {USER}')
    assert said(idlc.compile_files([tmp_path / "user.idl"])) == [("IDLC1020", "note")]


def test_what_prelude_files_import_is_replaced_too_and_they_are_compiled_anew(tmp_path: Path) -> None:
    shared = "typedef void VOID; typedef unsigned __int64 QWORD;"
    (tmp_path / "ms-dtyp.idl").write_text(f'import "minwindef.h"; {shared} typedef struct _OWN {{ LONG a; }} OWN;')
    (tmp_path / "d.idl").write_text(DCOM)
    result = idlc.compile_files([tmp_path / "d.idl"])
    assert said(result) == [("IDLC1020", "note")]
    assert {"d.py", "ms_dtyp.py", "ms_dcom.py"} <= result.files.keys()
    assert "minwindef.py" not in result.files


def test_a_replacement_that_lacks_something_is_one_message(tmp_path: Path) -> None:
    (tmp_path / "wtypes.idl").write_text(OWN_TYPES)
    (tmp_path / "user.idl").write_text(f'import "oleidl.idl"; {USER}')
    result = idlc.compile_files([tmp_path / "user.idl"])
    assert said(result) == [("IDLC1020", "note"), ("IDLC1021", "error")]
    assert "HWND" in result.diagnostics[1].message
    assert "oleidl.idl" in str(result.diagnostics[1].help)


def test_a_header_of_the_same_name_is_left_to_the_files_that_ask_for_it(tmp_path: Path) -> None:
    (tmp_path / "guiddef.h").write_text("#error for C only")
    (tmp_path / "user.idl").write_text(f'import "wtypes.idl"; {USER}')
    assert said(idlc.compile_files([tmp_path / "user.idl"])) == []


def test_nothing_is_said_or_generated_where_nothing_is_replaced() -> None:
    compilation = analyse(["user.idl"], Settings(memory={"user.idl": f'import "oaidl.idl"; {USER}'}))
    assert compilation.report.diagnostics == ()
    files = generate(compilation)
    assert f"from {PRELUDE}.wtypes import RECT" in files["user.py"]
    assert "wtypes.py" not in files


def test_a_text_from_memory_replaces_as_well() -> None:
    memory = {"user.idl": f'import "wtypes.idl"; {USER}', "wtypes.idl": OWN_TYPES}
    compilation = analyse(["user.idl"], Settings(memory=memory))
    assert [each.code for each in compilation.report.diagnostics] == ["IDLC1020"]
