"""Type libraries are named by IDL and not read: what stands for them, and what becomes of names from them."""

from __future__ import annotations

import idlc

HEAD = 'import "unknwn.idl";\n'
ELSEWHERE = (
    HEAD
    + """
[uuid(6d3c0f2e-51a4-4b7d-8e90-2f1a7b3c4d40)]
library Elsewhere
{
    [odl, uuid(6d3c0f2e-51a4-4b7d-8e90-2f1a7b3c4d41)]
    interface IElsewhere : IUnknown { HRESULT Go(void); }
}
"""
)
USER = (
    HEAD
    + """
[uuid(6d3c0f2e-51a4-4b7d-8e90-2f1a7b3c4d50)]
library User
{
    importlib("elsewhere.tlb");
    [odl, uuid(6d3c0f2e-51a4-4b7d-8e90-2f1a7b3c4d51)]
    interface IUser : Elsewhere.IElsewhere { HRESULT Join([in] IElsewhere *other); }
}
"""
)


def test_idl_of_the_same_name_stands_for_a_library() -> None:
    report = idlc.compile_text(USER, "user.idl", files={"elsewhere.idl": ELSEWHERE})
    assert report.diagnostics == ()
    (user,) = report.bound.interfaces
    assert (user.base, user.base_origin, user.operations[0].opnum) == ("IElsewhere", "elsewhere", 4)
    assert "from .elsewhere import IElsewhere" in report.files["user.py"]


def test_without_it_one_warning_names_what_is_missed() -> None:
    report = idlc.compile_text(USER, "user.idl")
    (warning,) = report.diagnostics
    assert (warning.code, warning.severity) == ("MIDL2015", "warning")
    assert '"IElsewhere"' in warning.message
    assert '"elsewhere.tlb"' in warning.message
    assert "class IUser(com.IUnknown):" in report.files["user.py"]


def test_a_library_that_leads_back_is_done_without() -> None:
    back = ELSEWHERE.replace(HEAD, HEAD + 'import "user.idl";\n')
    report = idlc.compile_text(USER, "user.idl", files={"elsewhere.idl": back})
    assert [diagnostic.code for diagnostic in report.diagnostics] == ["MIDL2015"]


def test_two_libraries_may_name_each_other() -> None:
    back = ELSEWHERE.replace("{\n", '{\n    importlib("user.tlb");\n', 1)
    report = idlc.compile_text(USER, "user.idl", files={"elsewhere.idl": back})
    assert report.diagnostics == ()


def test_a_definition_in_idl_goes_before_that_of_a_library() -> None:
    between = HEAD + '[uuid(6d3c0f2e-51a4-4b7d-8e90-2f1a7b3c4d60)] library B { importlib("elsewhere.tlb"); }'
    own = """
    import "between.idl";
    [object, uuid(6d3c0f2e-51a4-4b7d-8e90-2f1a7b3c4d41)] interface IElsewhere : IUnknown { HRESULT Go(void); }
    """
    files = {"elsewhere.idl": ELSEWHERE, "between.idl": between}
    assert idlc.compile_text(own, "own.idl", files=files).diagnostics == ()


def test_automation_comes_with_its_library() -> None:
    text = """
    [uuid(6d3c0f2e-51a4-4b7d-8e90-2f1a7b3c4d70)]
    library Plain
    {
        importlib("stdole2.tlb");
        [uuid(6d3c0f2e-51a4-4b7d-8e90-2f1a7b3c4d71)]
        dispinterface DPlain { properties: [id(1)] BSTR Name; [id(2)] Font *Face; methods: }
    }
    """
    report = idlc.compile_text(text, "plain.idl")
    assert report.diagnostics == ()
    assert 'DISPIDS: ClassVar[Mapping[str, int]] = {"Name": 1, "Face": 2}' in report.files["plain.py"]
