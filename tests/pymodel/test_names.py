"""Names of generated modules: what is taken, what gives way to what, and what is said about it."""

from __future__ import annotations

import ast
import inspect
from textwrap import dedent

import pytest

import idlc
from idlc.diagnostics.policy import Policy
from idlc.pymodel.names import CALL_ATTRIBUTES, ENUM_ATTRIBUTES, INTERFACE_ATTRIBUTES
from idlc.settings import Settings
from idlrt import blocking, ndr, rpc

UUID = "uuid(6d3c0f2e-51a4-4b7d-8e90-2f1a7b3c4e11), version(1.0), pointer_default(unique)"


def compiled(text: str, **files: str) -> idlc.CompileReport:
    result = idlc.compile_text(text, name="x.idl", files={f"{stem}.idl": part for stem, part in files.items()})
    result.raise_for_errors()
    return result


def said(result: idlc.CompileReport) -> list[str]:
    return [one.message for one in result.diagnostics if one.code == "IDLC1306"]


def attributes(of: type) -> set[str]:
    """What the methods of a class and of its bases set on objects, and what the classes themselves have."""
    found = {name for name in dir(of) if not (name.startswith("__") and name.endswith("__"))}
    for each in of.__mro__:
        if each.__module__.startswith("idlrt"):
            for node in ast.walk(ast.parse(dedent(inspect.getsource(each)))):
                match node:
                    case ast.Attribute(value=ast.Name("self"), attr=name, ctx=ast.Store()):
                        found.add(name)
                    case ast.ClassDef(body=body):
                        found |= {line.target.id for line in body if _annotates(line)}  # type: ignore[attr-defined]
    return found


def _annotates(line: ast.stmt) -> bool:
    return isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name)


@pytest.mark.parametrize(
    "base",
    [
        rpc.Client,
        blocking.Client,
        rpc.Service,
        rpc.CallbackService,
        rpc.CallbackClient,
        rpc.BlockingCallbackClient,
    ],
)
def test_what_clients_and_services_have_is_no_operation(base: type) -> None:
    assert attributes(base) <= INTERFACE_ATTRIBUTES


def test_what_enumerations_and_calls_have_is_no_member() -> None:
    public = {name for name in (*attributes(ndr.Enum), *attributes(ndr.Flags)) if not name.startswith("__")}
    assert public <= ENUM_ATTRIBUTES
    calls = attributes(rpc.AsyncCall) | attributes(blocking.Call)
    assert {name for name in calls if not name.startswith("_")} <= CALL_ATTRIBUTES


def test_every_name_that_changes_is_said_once() -> None:
    result = compiled("struct S { long self; long from; }; struct T { long from; long plain; };")
    assert said(result) == [
        '"self" is "self_" in Python: the name has a meaning there',
        '"from" is "from_" in Python: the name has a meaning there',
    ]
    assert all(one.severity == "note" for one in result.diagnostics)


def test_what_is_said_about_names_can_be_silenced() -> None:
    settings = Settings(policy=Policy(silenced=frozenset(["IDLC1306"])))
    assert not idlc.compile_text("struct S { long self; };", settings=settings).diagnostics


def test_names_that_python_reads_otherwise_only_at_times_stay() -> None:
    result = compiled("struct S { long match; long type; long _; };")
    assert not said(result)
    assert "match: int, type: int, _: int" in result.files["x.py"]


def test_derived_names_give_way_to_those_of_the_idl() -> None:
    types = "typedef struct ACLIENT { long x; } ACLIENT; typedef struct AClient { long x; } AClient;"
    result = compiled(f"{types} [{UUID}] interface a {{ void f([in] AClient *x, [in] ACLIENT *y); }}")
    assert said(result) == ['"AClient" is "AClient_" in Python: there is another "AClient"']
    assert "class AClient_(rpc.Client):" in result.files["x.py"]


def test_results_of_one_name_are_told_apart_by_their_interfaces() -> None:
    operations = "long Get([out] long *a); long Put([out] long *b);"
    other = UUID.replace("11)", "12)")
    result = compiled(
        f"[{UUID}] interface One {{ {operations} }} [{other}] interface Two {{ long Get([out] short *a); }}"
    )
    assert [line[6:-13] for line in result.files["x.py"].split("\n") if line.endswith("(rpc.Result):")] == [
        "GetResult",
        "PutResult",
        "TwoGetResult",
    ]
    assert said(result) == ['"GetResult" is "TwoGetResult" in Python: there is another "GetResult"']


def test_what_is_never_written_takes_no_name() -> None:
    result = compiled(f"typedef struct fCall {{ long x; }} fCall; [{UUID}] interface a {{ void f([in] fCall *x); }}")
    assert not said(result)


def test_a_type_has_one_name_in_all_modules() -> None:
    """Whatever else is visible there: here `list_` of another file."""
    result = compiled(
        'import "one.idl"; import "two.idl"; struct BOTH { list a; list_ b; };',
        one="typedef struct list { long a; } list;",
        two="typedef struct list_ { long a; } list_;",
    )
    assert "class list_(ndr.Struct):" in result.files["one.py"]
    assert "class list_(ndr.Struct):" in result.files["two.py"]
    module = result.files["x.py"]
    assert "from .one import list_ as list__\nfrom .two import list_\n" in module
    assert "def __init__(self, a: list__, b: list_)" in module


def test_interfaces_in_another_letter_case_have_codecs_of_their_own() -> None:
    other = UUID.replace("11)", "12)")
    result = compiled(f"[{UUID}] interface Ab {{ void f(); }} [{other}] interface aB {{ void g(); }}")
    names = [name.lower() for name in result.files]
    assert len(names) == len(set(names))
