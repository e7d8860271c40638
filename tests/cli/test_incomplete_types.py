"""Types that are declared and defined nowhere: opaque where nothing sends them, an error where something does."""

from __future__ import annotations

import idlc

HEAD = "typedef struct _PSP *HPSP;\n[uuid(12345678-1234-abcd-ef00-0123456789ab)] interface F {"


def test_a_type_defined_nowhere_is_opaque() -> None:
    report = idlc.compile_text(f"{HEAD} void ok([in] long a); }}", name="f.idl")
    assert not report.diagnostics
    assert "HPSP: TypeAlias = object | None" in report.files["f.py"]


def test_a_type_defined_nowhere_cannot_be_sent() -> None:
    report = idlc.compile_text(f"{HEAD} void bad([in] HPSP a); }}", name="f.idl")
    assert [diagnostic.code for diagnostic in report.diagnostics] == ["MIDL2011"]
    assert not report.files
