"""The IDL files that come with the compiler: they bind without a word, and mean what the specifications say."""

from __future__ import annotations

from pathlib import Path

import pytest

from idlc.driver import Settings, analyse, builtin_folder
from idlc.semantics.show import type_text
from idlc.semantics.types import Alias, BoundFile, Struct

FILES = sorted(path.name for path in Path(builtin_folder()).iterdir() if path.suffix in {".idl", ".h"})


def importing(name: str) -> BoundFile:
    compilation = analyse(["case.idl"], Settings(memory={"case.idl": f'import "{name}";'}))
    assert compilation.report.diagnostics == ()
    bound = compilation.main[0].bound
    assert bound is not None
    return bound


@pytest.mark.parametrize("name", FILES)
def test_a_prelude_file_breaks_no_rule(name: str) -> None:
    compilation = analyse([str(Path(builtin_folder()) / name)], Settings())
    assert compilation.report.diagnostics == ()


@pytest.mark.parametrize(
    ("name", "meaning"),
    [
        ("BYTE", "byte"),
        ("WORD", "uint16 (unsigned short)"),
        ("DWORD", "uint32 (unsigned long)"),
        ("LONG", "int32 (long)"),
        ("BOOL", "int32 (int)"),
        ("BOOLEAN", "byte (BYTE)"),
        ("ULONGLONG", "uint64 (unsigned __int64)"),
        ("ULONG_PTR", "uint3264 (unsigned __int3264)"),
        ("HRESULT", "int32 (LONG)"),
        ("NTSTATUS", "int32 (LONG)"),
        ("NET_API_STATUS", "uint32 (DWORD)"),
        ("LPWSTR", "unique -> string wchar_t"),
        ("LPCSTR", "unique -> string char"),
        ("GUID", "guid"),
        ("PRPC_SID", "unique -> struct RPC_SID"),
    ],
)
def test_a_type_of_ms_dtyp(name: str, meaning: str) -> None:
    declared = importing("ms-dtyp.idl").declared[name]
    assert isinstance(declared, Alias)
    assert type_text(declared.type) == meaning or type_text(declared.type) == f"{meaning} ({name})"


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("FILETIME", ["dwLowDateTime: uint32 (DWORD)", "dwHighDateTime: uint32 (DWORD)"]),
        ("LARGE_INTEGER", ["QuadPart: int64 (LONGLONG)"]),
        (
            "RPC_UNICODE_STRING",
            [
                "Length: uint16 (unsigned short)",
                "MaximumLength: uint16 (unsigned short)",
                "Buffer: unique -> array[(MaximumLength / 2): (Length / 2) from 0] of wchar_t (WCHAR)",
            ],
        ),
        (
            "RPC_SID",
            [
                "Revision: char (unsigned char)",
                "SubAuthorityCount: char (unsigned char)",
                "IdentifierAuthority: struct RPC_SID_IDENTIFIER_AUTHORITY",
                "SubAuthority: array[SubAuthorityCount] of uint32 (unsigned long)",
            ],
        ),
    ],
)
def test_a_structure_of_ms_dtyp(name: str, fields: list[str]) -> None:
    declared = importing("ms-dtyp.idl").declared[name]
    assert isinstance(declared, Struct)
    assert [f"{field.name}: {type_text(field.type)}" for field in declared.fields] == fields


def test_a_file_that_defines_common_types_itself_may_import_them_too() -> None:
    text = """import "ms-dtyp.idl", "wtypes.idl", "unknwn.idl";
        typedef unsigned long DWORD, *PDWORD; typedef [string] wchar_t *LPWSTR;
        typedef struct _FILETIME { DWORD dwLowDateTime; DWORD dwHighDateTime; } FILETIME;"""
    compilation = analyse(["case.idl"], Settings(memory={"case.idl": text}))
    assert compilation.report.diagnostics == ()
