"""What the compiler knows about asynchronous operations and pipes, a test for each rule.

The Markdown files of this folder show the same at length. The numbers are those of the table in
docs/asynchronous-pipes.md.
"""

from __future__ import annotations

from inspect import signature

import pytest

import idlc
from idlc.diagnostics.codes import CODES
from idlc.diagnostics.policy import Policy
from idlc.driver import analyse
from idlc.semantics import types as t
from idlc.settings import Dialect, Settings, Target
from idlrt import blocking, rpc
from tests.compiled import compile_cached

UUID = "uuid(6d3c0f2e-51a4-4b7d-8e90-2f1a7b3c4d5e)"
PLAIN = f"[{UUID}, pointer_default(unique)] interface Rules"
OBJECT = f'import "unknwn.idl"; [object, {UUID}] interface Rules : IUnknown'
PIPE = "typedef pipe byte P; "


def compilation(
    body: str,
    acf: str | None = None,
    head: str = PLAIN,
    strict: bool = False,
    dialect: Dialect = Dialect.MIDL,
    target: Target = Target.NT100,
) -> tuple[t.BoundFile, list[str]]:
    """What the body of an interface means, and what is said of it."""
    memory = {"case.idl": f"{head} {{ {body} }}"} | ({} if acf is None else {"case.acf": acf})
    settings = Settings(memory=memory, policy=Policy(strict=strict), dialect=dialect, target=target)
    found = analyse(["case.idl"], settings)
    bound = found.main[0].bound
    assert bound is not None
    return bound, [f"{each.severity.value} {each.code}" for each in found.report.diagnostics]


def said(
    body: str,
    acf: str | None = None,
    head: str = PLAIN,
    strict: bool = False,
    dialect: Dialect = Dialect.MIDL,
    target: Target = Target.NT100,
) -> list[str]:
    return compilation(body, acf, head, strict, dialect, target)[1]


def operation(body: str, acf: str | None = None) -> t.Operation:
    bound, diagnostics = compilation(body, acf)
    assert diagnostics == []
    return bound.interfaces[0].operations[0]


def piped(body: str) -> t.Pipe:
    """The pipe that is the first parameter of the first operation."""
    type_ = operation(body).parameters[0].type
    found = type_.target if isinstance(type_, t.Pointer) else type_
    assert isinstance(found, t.Pipe)
    return found


def generated(body: str) -> dict[str, str]:
    result = idlc.compile_text(f"{PLAIN} {{ {body} }}", name="case.idl")
    result.raise_for_errors()
    return dict(result.files)


@pytest.mark.parametrize(
    ("acf", "asynchronous"),
    [("interface Rules { [async] f(); }", [True, False]), ("[async] interface Rules { }", [True, True])],
    ids=["an operation", "the interface"],
)
def test_rule_7_1_an_acf_makes_an_operation_or_an_interface_asynchronous(acf: str, asynchronous: list[bool]) -> None:
    body = "void f([in] long n); long g([in] long n);"
    bound, diagnostics = compilation(body, acf)
    assert diagnostics == []
    assert [each.is_async for each in bound.interfaces[0].operations] == asynchronous
    assert [each.is_async for each in compilation(body)[0].interfaces[0].operations] == [False, False]


def test_rule_7_1_asynchronous_operations_have_the_codecs_of_synchronous_ones() -> None:
    def codecs(attribute: str) -> dict[str, str]:
        files = generated(f"{PIPE}{attribute} long f([in] short n, [in, out] P *p, [out, string] wchar_t **s);")
        return {name: text for name, text in files.items() if name.startswith("_") and not name.startswith("__")}

    assert codecs("") == codecs("[async]")
    assert len(codecs("")) == 2


def test_rule_7_2_the_call_comes_before_all_arguments_and_the_result_with_its_completion() -> None:
    text = f"{PLAIN} {{ long f(handle_t h, [in] long n, [out] long *m); }}"
    module = compile_cached(text, "rule_7_2", "interface Rules { [async] f(); }").module
    at_the_server = list(signature(module.RulesService.f).parameters)
    assert at_the_server == ["self", "call", "n"]
    # The client's handle is what it gets back at once; the binding handle is the channel.
    at_the_client = signature(module.RulesClient.f)
    assert list(at_the_client.parameters) == ["self", "n"]
    assert issubclass(getattr(module, at_the_client.return_annotation), rpc.AsyncCall)
    by_a_thread = signature(module.RulesBlockingClient.f)
    assert issubclass(getattr(module, by_a_thread.return_annotation), blocking.Call)


def test_rule_7_3_the_languages_and_handles_that_know_no_async() -> None:
    body, acf = "void f([in] long n);", "interface Rules { [async] f(); }"
    assert said(body, acf) == []
    assert said(body, acf, f"[{UUID}] interface Rules", dialect=Dialect.DCE) == ["error IDLC1221"]
    assert said(body, f"[auto_handle] {acf}") == ["error MIDL2357"]
    assert said(f"HRESULT {body[5:]}", acf, OBJECT) == ["error MIDL2283"]
    assert said(body, acf, target=Target.NT40) == ["error IDLC1220"]
    assert said(body, acf, target=Target.NT50) == []


def test_rule_7_3_an_explicit_handle_needs_no_automatic_one() -> None:
    acf = "[auto_handle] interface Rules { [async] f(); }"
    assert said("void f(handle_t h, [in] long n);", acf) == []
    assert said("typedef [context_handle] void *C; void f([in] C c);", acf) == []
    assert said("typedef [context_handle] void *C; void f([out] C *c);", acf) == ["error MIDL2357"]


def test_rule_7_3_other_stubs_are_replaced() -> None:
    body = "void f([in] long n);"
    assert said(body, 'interface Rules { [async, optimize("s")] f(); }') == ["warning MIDL2319"]
    assert said(body, 'interface Rules { [async, optimize("icf")] f(); }') == []
    assert said(body, 'interface Rules { [optimize("s")] f(); }') == []


def test_rule_7_4_what_is_not_answered_has_no_outputs() -> None:
    for word in ("message", "maybe"):
        assert said(f"[{word}] void f([in] long n);") == []
        assert said(f"[{word}] error_status_t f([in] long n);") == []
        assert said(f"[{word}] long f([in] long n);") == ["error MIDL2288"]
        assert said(f"[{word}] void f([in, out] long *n);") == ["error MIDL2288"]


def test_rule_7_4_a_message_is_not_asynchronous_but_maybe_a_maybe_is() -> None:
    assert said("[message, async] void f([in] long n);") == ["error MIDL2054"]
    assert said("[message, maybe] void f([in] long n);") == ["error MIDL2054"]
    quiet = operation("[maybe, async] void f([in] long n);")
    assert (quiet.is_async, quiet.maybe, quiet.idempotent) == (True, True, True)


def test_rule_7_26_the_diagnostics_of_an_abandoned_use_do_not_exist() -> None:
    assert CODES.keys() & {"MIDL2353", "MIDL2354", "MIDL2355"} == set()


def test_rule_8_1_one_definition_may_name_several_pipes_and_pointers_to_them() -> None:
    bound, diagnostics = compilation("typedef pipe long P, Q, *R; void f([in] P p, [in] Q *q, [in, out] R r);")
    assert diagnostics == []
    types = [parameter.type for parameter in bound.interfaces[0].operations[0].parameters]
    found = [each.target if isinstance(each, t.Pointer) else each for each in types]
    assert [(pipe.name, type(pipe.element)) for pipe in found if isinstance(pipe, t.Pipe)] == [
        ("P", t.Base),
        ("Q", t.Base),
        ("R", t.Base),
    ]
    assert [isinstance(each, t.Pointer) for each in types] == [False, True, True]


@pytest.mark.parametrize(
    "element",
    "byte char wchar_t boolean small short long hyper float double error_status_t GUID DWORD S E".split(),
)
def test_rule_8_2_the_types_that_elements_can_be(element: str) -> None:
    types = "typedef struct { short n; double x[3]; } S; typedef [v1_enum] enum { A, B } E; "
    head = 'import "wtypesbase.idl"; ' + PLAIN
    assert said(f"{types} typedef pipe {element} P; void f([in, out] P *p);", head=head) == []


@pytest.mark.parametrize(
    ("types", "element", "code"),
    [
        ("", "void", "MIDL2317"),
        ("typedef long *E;", "E", "MIDL2317"),
        ("typedef [string] wchar_t *E;", "E", "MIDL2317"),
        ("typedef [string] char E[8];", "E", "MIDL2317"),
        ("typedef struct { long n; [size_is(n)] byte b[]; } E;", "E", "MIDL2317"),
        ("typedef struct { long n; [length_is(n)] byte b[8]; } E;", "E", "MIDL2317"),
        ("typedef struct { long *n; } E;", "E", "MIDL2317"),
        ("", "handle_t", "MIDL2317"),
        ("typedef [context_handle] void *E;", "E", "MIDL2317"),
        ("typedef enum { A } E;", "E", "MIDL2317"),
        ("", "__int3264", "MIDL2317"),
        ("typedef struct { __int3264 n; } D; typedef struct { D d[2]; } E;", "E", "MIDL2317"),
        (PIPE, "P", "MIDL2317"),
        ("typedef union switch (long n) { case 1: long m; default: ; } E;", "E", "MIDL2028"),
        ("typedef struct { long n; [switch_is(n)] union { [default] ; } u; } E;", "E", "MIDL2028"),
    ],
)
def test_rule_8_3_the_types_that_elements_cannot_be(types: str, element: str, code: str) -> None:
    assert said(f"{types} typedef pipe {element} Q; void f([in] Q *q);") == [f"error {code}"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("typedef struct { long n; P p; } S;", "MIDL2321"),
        ("typedef struct { P *p; } S;", "MIDL2321"),
        ("typedef union switch (long n) { case 1: P p; default: ; } U;", "MIDL2321"),
        ("typedef P A[4];", "MIDL2390"),
        ("void f([in] P p[4]);", "MIDL2390"),
        ("P f(void);", "MIDL2322"),
        ("P *f(void);", "MIDL2322"),
    ],
)
def test_rule_8_4_a_pipe_is_nothing_but_a_parameter(body: str, code: str) -> None:
    assert said(f"{PIPE} {body} void last([in] P *p);") == [f"error {code}"]


@pytest.mark.parametrize("attribute", ["transmit_as(S)", "wire_marshal(S)", "represent_as(C)", "user_marshal(C)"])
def test_rule_8_5_neither_pipes_nor_their_elements_are_presented_as_others(attribute: str) -> None:
    used = "void f([in] P *p);"
    sent = "typedef struct { long n; } S; "
    if attribute.endswith("(S)"):
        on_pipe, on_alias = (
            f"typedef [{attribute}] pipe long P; {used}",
            f"typedef pipe long Q; typedef [{attribute}] Q P;",
        )
        assert said(sent + on_pipe) == ["error MIDL2322"]
        assert said(f"{sent} {on_alias} void f([in] Q *q);") == ["error MIDL2322"]
        assert said(f"{sent} typedef [{attribute}] long E; typedef pipe E P; {used}") == ["error MIDL2322"]
    else:
        assert said(f"typedef pipe long P; {used}", f"interface Rules {{ typedef [{attribute}] P; }}") == [
            "error MIDL2322"
        ]
        body = f"typedef long E; typedef pipe E P; {used}"
        assert said(body, f"interface Rules {{ typedef [{attribute}] E; }}") == ["error MIDL2322"]


def test_rule_8_6_by_value_or_by_one_ref_pointer_in_any_direction() -> None:
    for direction in ("in", "out", "in, out"):
        assert said(f"{PIPE} void f([{direction}] P p);") == []
        assert said(f"{PIPE} void f([{direction}] P *p);") == []
        assert said(f"{PIPE} void f([{direction}, ref] P *p);") == []
        assert said(f"{PIPE} void f([{direction}, unique] P *p);") == ["error MIDL2096"]
        assert said(f"{PIPE} void f([{direction}, ptr] P *p);") == ["error MIDL2096"]
        assert said(f"{PIPE} void f([{direction}] P **p);") == ["error MIDL2343"]


def test_rule_8_7_by_value_and_by_reference_make_the_same_stubs() -> None:
    by_value = generated(f"{PIPE} long f([in] P p, [out] P q, [in, out] P r);")
    by_reference = generated(f"{PIPE} long f([in] P *p, [out] P *q, [in, out] P *r);")
    assert {name: text.replace(" P *", " P ") for name, text in by_reference.items()} == by_value


def test_rule_8_7_by_value_warns_in_an_asynchronous_operation_and_is_an_error_if_strict() -> None:
    body = f"{PIPE} [async] void f([in] P p); void g([in] P p);"
    assert said(body) == ["warning MIDL2388"]
    assert said(body, strict=True) == ["error MIDL2388"]
    assert said(f"{PIPE} [async] void f([in] P *p);", strict=True) == []


def test_rule_8_8_calls_with_pipes_are_not_repeated_and_not_serialized() -> None:
    assert said(f"{PIPE} [idempotent] void f([in] P *p);") == ["error MIDL2054"]
    for word in ("encode", "decode"):
        assert said(f"{PIPE} [{word}] void f([in] P *p);") == ["error MIDL2342"]
        assert said(f"typedef [{word}] pipe byte Q; void f([in] Q *p);") == ["error MIDL2342"]
        assert said(f"{PIPE} void f([in] P *p);", f"interface Rules {{ typedef [{word}] P; }}") == ["error MIDL2342"]


def test_rule_8_8_calls_with_pipes_have_no_automatic_handle() -> None:
    acf = "[auto_handle] interface Rules { }"
    assert said(f"{PIPE} void f([in] P *p); void g([in] long n);", acf) == ["error MIDL2096"]
    assert said(f"{PIPE} void f(handle_t h, [in] P *p);", acf) == []
    assert said(f"{PIPE} void f([in] P *p);") == []  # the channel is the explicit handle


def test_rule_8_9_objects_have_no_pipes() -> None:
    assert said(f"{PIPE} HRESULT f([in] P *p);", head=OBJECT) == ["error MIDL2283"]


def test_rule_8_9_other_stubs_are_replaced() -> None:
    body = f"{PIPE} void f([in] P *p);"
    assert said(body, 'interface Rules { [optimize("s")] f(); }') == ["warning MIDL2318"]
    assert said(body, '[optimize("i")] interface Rules { }') == ["warning MIDL2318"]
    assert said(body, '[optimize("s")] interface Rules { [optimize("icf")] f(); }') == []


def test_rule_8_10_a_range_belongs_to_the_pipe() -> None:
    assert piped(f"{PIPE} void f([in, range(2, 9)] P p);").range == (2, 9)
    assert piped("typedef [range(0, 4)] pipe long Q; void f([in] Q *q);").range == (0, 4)
    assert said(f"{PIPE} void f([in, range(9, 2)] P p);") == ["error MIDL2371"]


@pytest.mark.parametrize(
    "parameter",
    [
        "[in, unique] long *n",
        "[in, ptr] long *n",
        "[in, string] wchar_t *n",
        "[in, size_is(4)] byte *n",
        "[in, length_is(m)] byte n[8], [in] long m",
        "[in] S *n",
    ],
)
def test_rule_8_27_unsized_parameters_beside_an_in_pipe_warn(parameter: str) -> None:
    types = PIPE + "typedef struct { long m; [size_is(m)] long *n; } S;"
    assert said(f"{types} void f([in] P *p, {parameter});") == ["warning MIDL2352"]
    assert said(f"{types} void f([out] P *p, {parameter});") == []


def test_rule_8_27_sized_parameters_beside_an_in_pipe_do_not_warn() -> None:
    types = PIPE + "typedef struct { long m; double x[4]; } S;"
    assert said(f"{types} void f([in] P *p, [in] S *s, [in] long n[4], [out, string] wchar_t **t);") == []


@pytest.mark.parametrize("name", ["IPipeByte", "IPipeLong", "IPipeDouble"])
def test_rule_8_40_com_has_ordinary_interfaces_instead_of_pipes(name: str) -> None:
    head = OBJECT.replace("unknwn", "objidl")
    text = f"{head} {{ HRESULT f([out] {name} **p, [in] {name} *q); }}"
    found = analyse(["case.idl"], Settings(memory={"case.idl": text}))
    assert found.report.diagnostics == ()
    interfaces = {each.name: each for unit in found.units if unit.bound for each in unit.bound.interfaces}

    def parameters(interface: str) -> dict[str, list[tuple[str, bool]]]:
        operations = interfaces[interface].operations
        return {each.name: [(p.name, p.is_out) for p in each.parameters] for each in operations}

    assert parameters(name) == {
        "Pull": [("buf", True), ("cRequest", False), ("pcReturned", True)],
        "Push": [("buf", False), ("cSent", False)],
    }
    assert parameters(f"Async{name}") == {
        "Begin_Pull": [("cRequest", False)],
        "Finish_Pull": [("buf", True), ("pcReturned", True)],
        "Begin_Push": [("buf", False), ("cSent", False)],
        "Finish_Push": [],
    }
    pull = interfaces[name].operations[0].parameters[0].type
    assert isinstance(pull, t.Pointer)
    assert isinstance(pull.target, t.Array)
    # As many as are asked for at most, as many as are returned, which may be none.
    sizes = [(each.size, each.length) for each in pull.target.dimensions]
    assert sizes == [(t.Variable("cRequest"), t.Variable("pcReturned", 1))]


def test_rule_9_1_what_is_a_pipe_of_an_asynchronous_operation_the_operation_says() -> None:
    bound, diagnostics = compilation(f"{PIPE} void f([in] P *p); [async] void g([in] P *p);")
    assert diagnostics == []
    ordinary, asynchronous = bound.interfaces[0].operations
    assert ordinary.parameters[0].type == asynchronous.parameters[0].type
    assert (ordinary.is_async, asynchronous.is_async) == (False, True)
