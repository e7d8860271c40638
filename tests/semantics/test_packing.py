"""What is for C alone: recorded in order, without effect on the wire."""

from __future__ import annotations

import pytest

import idlc
from idlc.semantics import types as t


def packed(text: str) -> list[int | None]:
    report = idlc.compile_text(text)
    report.raise_for_errors()
    return [declared.packing for declared in report.bound.declarations if isinstance(declared, t.Struct)]


@pytest.mark.parametrize(
    ("pragmas", "packing"),
    [
        ("", None),
        ("#pragma pack(1)", 1),
        ("#pragma pack( push , 2 )", 2),
        ("#pragma pack(push, name, 4)", 4),
        ("#pragma pack(8)\n#pragma pack()", None),
        ("#pragma pack(8)\n#pragma pack(push)", 8),
        ("#pragma pack(push, 1)\n#pragma pack(pop)", None),
        ("#pragma pack(2)\n#pragma pack(push, a, 4)\n#pragma pack(push, 8)\n#pragma pack(pop, a)", 2),
        ("#pragma pack(push, 4)\n#pragma pack(pop, 16)", 16),
        ("#pragma packing(1)", None),
    ],
)
def test_a_structure_is_packed_as_the_last_pragma_says(pragmas: str, packing: int | None) -> None:
    assert packed(f"{pragmas}\nstruct S {{ char a; long b; }};") == [packing]


def test_packing_ends_where_it_is_popped() -> None:
    text = "#pragma pack(push, 1)\nstruct A { char a; };\n#pragma pack(pop)\nstruct B { char a; };"
    assert packed(text) == [1, None]


def test_packing_changes_no_octet() -> None:
    header = "[uuid(6d3c0f2e-51a4-4b7d-8e90-2f1a7b3c4d5e)] interface i"
    body = f"{header} {{ typedef struct {{ char a; hyper b; }} S; void f(S *s); }}"
    plain, close = (idlc.compile_text(f"#pragma pack({size})\n{body}").files for size in ("", "1"))
    assert plain["_memory_codec.py"] == close["_memory_codec.py"]


def test_quotes_are_kept_in_order() -> None:
    echo = r'#pragma midl_echo("x \"y\"")'
    report = idlc.compile_text(f'cpp_quote("#if 0")\nconst long A = 1;\n{echo}\ncpp_quote("#endif");')
    assert report.bound.quotes == ("#if 0", 'x "y"', "#endif")
