"""Attribute configuration files."""

from __future__ import annotations

from idlc.syntax import ast
from idlc.syntax.unparse import attribute, unparse
from tests.syntax.parsing import acf, shape

TEXT = """
include "x.h", "y.h";
[implicit_handle(handle_t h), code, explicit_handle]
interface lab
{
    include "z.h";
    typedef [allocate(all_nodes), represent_as(T)] A, B;
    [async] Stream();
    [comm_status, fault_status] Status([comm_status] e, plain);
    Nothing(a);
};
"""


def test_an_acf_file_has_typedefs_and_operations() -> None:
    (include, interface) = acf(TEXT).body
    assert isinstance(include, ast.AcfInclude)
    assert isinstance(interface, ast.AcfInterface)
    assert [attribute(item) for item in interface.attributes] == [
        "implicit_handle(handle_t h)", "code", "explicit_handle"
    ]  # fmt: skip
    _, typedef, stream, status, nothing = interface.body
    assert isinstance(typedef, ast.AcfTypedef)
    assert [name.name for name in typedef.names] == ["A", "B"]
    assert isinstance(stream, ast.AcfOperation)
    assert (stream.name, [item.name for item in stream.attributes], stream.parameters) == ("Stream", ["async"], ())
    assert isinstance(status, ast.AcfOperation)
    assert [(p.name, len(p.attributes)) for p in status.parameters] == [("e", 1), ("plain", 0)]
    assert isinstance(nothing, ast.AcfOperation)


def test_an_acf_file_survives_being_written_out() -> None:
    first = acf(TEXT)
    assert shape(acf(unparse(first))) == shape(first)
