# ruff: noqa: SIM300  # IID and its like are attributes, not constants to compare with
"""What becomes of an object interface, and of `async_uuid`: a test for each rule of docs/asynchronous-com-calls.md."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from inspect import signature
from types import ModuleType
from typing import Any
from uuid import UUID

import pytest

from idlc.driver import analyse
from idlc.pymodel.com import ATTRIBUTES
from idlc.semantics import types as t
from idlc.settings import Settings, Target
from idlrt import com
from idlrt.com.objects import aggregated
from idlrt.com.proxy import Proxy
from idlrt.ids import NDR20
from idlrt.ndr import interfaces
from idlrt.prelude import objidl, objidlbase
from tests.compiled import compile_cached
from tests.structure.imports import ROOT

U1 = "uuid(6d3c0f2e-51a4-4b7d-8e90-2f1a7b3c5f01)"
U2 = "async_uuid(6d3c0f2e-51a4-4b7d-8e90-2f1a7b3c5f02)"
BOTH = f"[object, {U1}, {U2}]"


def unit(text: str, target: Target = Target.NT100) -> tuple[t.BoundFile, list[str]]:
    """What a file means, and what is said of it."""
    found = analyse(["case.idl"], Settings(memory={"case.idl": f'import "oaidl.idl"; {text}'}, target=target))
    bound = found.main[0].bound
    assert bound is not None
    return bound, [each.code for each in found.report.diagnostics if each.severity.value != "note"]


def said(text: str, target: Target = Target.NT100) -> list[str]:
    return unit(text, target)[1]


def halves(methods: str, before: str = "object") -> tuple[t.Operation, ...]:
    """The methods of the asynchronous form of an interface with these methods."""
    bound, diagnostics = unit(f"[{before}, {U1}, {U2}] interface IProbe : IUnknown {{ {methods} }}")
    assert diagnostics == []
    return bound.interfaces[1].operations


def split(methods: str, before: str = "object") -> list[str]:
    """The same as IDL."""
    return [operation.declaration() for operation in halves(methods, before)]


def module(text: str) -> ModuleType:
    return compile_cached(f'import "oaidl.idl"; {text}', "case").module


def probe(methods: str) -> ModuleType:
    return module(f"{BOTH} interface IProbe : IUnknown {{ {methods} }}")


def parameters(method: Any) -> list[str]:
    return [name for name in signature(method).parameters if name != "self"]


# ---------------------------------------------------------------------------- what the pages say


def test_rule_1_1_async_uuid_makes_a_second_interface_with_that_identity() -> None:
    found = probe("HRESULT Go(void);")
    assert found.IProbe.IID == UUID("6d3c0f2e-51a4-4b7d-8e90-2f1a7b3c5f01")
    assert found.AsyncIProbe.IID == UUID("6d3c0f2e-51a4-4b7d-8e90-2f1a7b3c5f02")
    assert found.AsyncIProbe.SYNCHRONOUS is found.IProbe


@pytest.mark.parametrize(("target", "refused"), [(Target.NT40, True), (Target.NT50, False)])
def test_rule_1_1_async_uuid_needs_a_target_of_nt50(target: Target, refused: bool) -> None:
    assert bool(said(f"{BOTH} interface IProbe : IUnknown {{ HRESULT Go(void); }}", target)) is refused


def test_rule_1_1_only_an_object_interface_has_an_asynchronous_form() -> None:
    assert said(f"[{U1}, {U2}] interface Plain {{ long f(void); }}") == ["MIDL2072"]


def test_rule_1_2_the_form_is_called_async_and_the_whole_name() -> None:
    bound, _ = unit(f"{BOTH} interface IMyInterface : IUnknown {{ HRESULT Go(void); }}")
    assert [interface.name for interface in bound.interfaces] == ["IMyInterface", "AsyncIMyInterface"]


def test_rule_1_3_each_method_becomes_two_and_is_gone_itself() -> None:
    form = probe("HRESULT Go(void); HRESULT Stop(void);").AsyncIProbe
    own = [name for name in vars(form) if not name.startswith("_") and name not in ("IID", "SYNCHRONOUS")]
    assert own == ["Begin_Go", "Finish_Go", "Begin_Stop", "Finish_Stop"]
    assert not hasattr(form, "Go")


def test_rule_1_4_pairs_follow_each_other_behind_the_slots_of_iunknown() -> None:
    found = halves("HRESULT A(void); HRESULT B(void); HRESULT C(void);")
    slots = {operation.name: operation.opnum for operation in found}
    assert slots == {"Begin_A": 3, "Finish_A": 4, "Begin_B": 5, "Finish_B": 6, "Begin_C": 7, "Finish_C": 8}
    assert [3 + 2 * k for k in range(3)] == [slots[f"Begin_{name}"] for name in "ABC"]


def test_rule_1_4_the_slots_of_the_form_never_travel() -> None:
    found = probe("HRESULT A(void); HRESULT B(void);")
    assert "METHODS" not in vars(found.AsyncIProbe)
    assert [operation.opnum for operation in found.IProbe.METHODS.operations] == [3, 4]


PUSH = "HRESULT Push([in, size_is(cSent)] BYTE *buf, [in] ULONG cSent);"
PULL = """
    HRESULT Pull([out, size_is(cRequest), length_is(*pcReturned)] BYTE *buf,
                 [in] ULONG cRequest, [out] ULONG *pcReturned);
"""
GET_AT = "HRESULT GetAt([in] DWORD n, [in, out, unique] GUID *g, [out] IUnknown **pp);"
USER = "HRESULT User([in, string] LPCWSTR a, [in, string] LPCWSTR b, [out, string] LPWSTR *n, [out, retval] BOOL *ok);"


def test_rule_1_5_begin_takes_what_goes_in_in_its_order() -> None:
    assert split(PUSH)[0] == "HRESULT Begin_Push([in, size_is(cSent)] BYTE *buf, [in] ULONG cSent)"
    assert split(USER)[0] == "HRESULT Begin_User([in, string] LPCWSTR a, [in, string] LPCWSTR b)"
    assert parameters(probe(USER).AsyncIProbe.Begin_User) == ["a", "b"]


def test_rule_1_6_finish_takes_what_comes_out_in_its_order() -> None:
    assert split(USER)[1] == "HRESULT Finish_User([out, string] LPWSTR *n, [out, retval] BOOL *ok)"
    found = probe(USER)
    assert parameters(found.AsyncIProbe.Finish_User) == []
    assert found.UserResult.__slots__ == ("n", "ok", "return_value")


def test_rule_1_7_what_goes_both_ways_is_in_both_and_keeps_both_attributes() -> None:
    begin, finish = halves(GET_AT)
    assert begin.declaration() == "HRESULT Begin_GetAt([in] DWORD n, [in, out, unique] GUID *g)"
    assert finish.declaration() == "HRESULT Finish_GetAt([in, out, unique] GUID *g, [out] IUnknown **pp)"
    assert all(half.parameters[-1 if half is begin else 0].is_in for half in (begin, finish))
    found = probe(GET_AT)
    assert parameters(found.AsyncIProbe.Begin_GetAt) == ["n", "g"]
    assert found.GetAtResult.__slots__ == ("g", "pp", "return_value")


def test_rule_1_8_a_half_without_parameters_is_there_all_the_same() -> None:
    assert split(PUSH)[1] == "HRESULT Finish_Push(void)"
    assert split("HRESULT GetCount([out] ULONG *count);")[0] == "HRESULT Begin_GetCount(void)"


def test_rule_1_9_finish_returns_what_the_method_does_and_begin_an_hresult() -> None:
    local = split("ULONG Count(void); void Tell([in] long n);", "object, local")
    assert [line.partition(" ")[0] for line in local] == ["HRESULT", "ULONG", "void", "void"]
    assert split("HRESULT Go(void);") == ["HRESULT Begin_Go(void)", "HRESULT Finish_Go(void)"]


def test_rule_1_9_asynchronous_iunknown_has_the_published_halves() -> None:
    bound, _ = unit("")
    scope = bound.scope
    assert scope is not None
    assert scope.interfaces["AsyncIUnknown"].iid == UUID("000e0000-0000-0000-c000-000000000046")
    assert scope.interfaces["AsyncIUnknown"].methods == (
        *("QueryInterface", "AddRef", "Release"),
        *("Begin_QueryInterface", "Finish_QueryInterface", "Begin_AddRef", "Finish_AddRef"),
        *("Begin_Release", "Finish_Release"),
    )


def test_rule_1_10_attributes_go_with_their_parameter() -> None:
    begin, finish = halves(USER)
    assert [p.words for p in begin.parameters] == [frozenset({"in", "string"})] * 2
    assert [p.words for p in finish.parameters] == [frozenset({"out", "string"}), frozenset({"out", "retval"})]


def test_rule_1_11_a_size_may_be_said_by_the_other_half() -> None:
    begin, finish = split(PULL)
    assert begin == "HRESULT Begin_Pull([in] ULONG cRequest)"
    assert finish == (
        "HRESULT Finish_Pull([out, size_is(cRequest), length_is(*pcReturned)] BYTE *buf, [out] ULONG *pcReturned)"
    )


def test_rule_1_11_what_begin_was_given_is_there_when_the_answer_is_read() -> None:
    found = probe(PULL)
    codec = found.IProbe.METHODS.codecs(NDR20, "<")[3]
    response = codec.put_response(found.PullResult(b"abc", 3), (8,), 0)
    assert bytes(response[:12]).hex() == "080000000000000003000000"  # the size is the request's
    assert codec.get_response(response, (8,)) == found.PullResult(b"abc", 3)
    with pytest.raises(Exception, match="8"):
        codec.get_response(response, (4,))


REMOTED = """
    [local] HRESULT Get([in] REFIID riid, [out, iid_is(riid)] void **object);
    [call_as(Get)] HRESULT RemoteGet([in] REFIID riid, [in] long extra, [out, iid_is(riid)] IUnknown **object);
"""


def test_rule_1_12_a_called_as_method_is_split_in_the_shape_of_its_local_one() -> None:
    assert split(REMOTED) == [
        "HRESULT Begin_Get([in] REFIID riid)",
        "HRESULT Finish_Get([out, iid_is(riid)] void **object)",
    ]


def test_rule_1_12_what_travels_is_the_remote_form_under_the_local_name() -> None:
    found = probe(REMOTED)
    assert parameters(found.IProbe.Get) == parameters(found.AsyncIProbe.Begin_Get) == ["riid", "extra"]
    assert found.IProbe.METHODS.operations[0].inputs == ("riid", "extra")
    assert not hasattr(found.IProbe, "RemoteGet")


def test_rule_1_12_its_author_implements_both_halves() -> None:
    form = probe(REMOTED).AsyncIProbe
    assert form.__abstractmethods__ == {"Begin_Get", "Finish_Get"}


BASE = f"{BOTH} interface IBase : IUnknown {{ HRESULT One(void); HRESULT Two(void); }}"
U3 = "uuid(6d3c0f2e-51a4-4b7d-8e90-2f1a7b3c5f03)"
U4 = "async_uuid(6d3c0f2e-51a4-4b7d-8e90-2f1a7b3c5f04)"


def test_rule_1_13_a_base_without_a_form_is_refused() -> None:
    base = f"[object, {U1}] interface IBase : IUnknown {{ HRESULT One(void); }}"
    derived = f"[object, {U3}, {U4}] interface IDerived : IBase {{ HRESULT Three(void); }}"
    assert said(base + derived) == ["MIDL2272"]
    assert said(BASE + derived) == []


def test_rule_1_13_down_to_iunknown() -> None:
    middle = f"[object, {U3}] interface IMiddle : IBase {{ HRESULT Three(void); }}"
    last = (
        "[object, uuid(6d3c0f2e-51a4-4b7d-8e90-2f1a7b3c5f05), async_uuid(6d3c0f2e-51a4-4b7d-8e90-2f1a7b3c5f06)] "
        "interface ILast : IMiddle { HRESULT Four(void); }"
    )
    assert said(BASE + middle + last) == ["MIDL2272"]


def test_rule_1_14_forms_derive_as_their_interfaces_do_and_the_first_from_iunknown() -> None:
    found = module(BASE + f"[object, {U3}, {U4}] interface IDerived : IBase {{ HRESULT Three(void); }}")
    assert found.AsyncIDerived.__base__ is found.AsyncIBase
    assert found.AsyncIBase.__base__ is com.IUnknown
    assert found.AsyncIBase.__base__.IID != UUID("000e0000-0000-0000-c000-000000000046")


def test_rule_1_14_so_they_do_across_files() -> None:
    found = compile_cached(
        f'import "objidl.idl"; {BOTH} interface IMine : IAdviseSink2 {{ HRESULT More([in] IPipeByte *pipe); }}', "mine"
    ).module
    assert found.AsyncIMine.__base__ is objidl.AsyncIAdviseSink2
    assert found.AsyncIMine.SYNCHRONOUS.__base__ is objidl.IAdviseSink2
    assert [operation.opnum for operation in found.IMine.METHODS.operations] == [9]


def test_rule_1_14_slots_of_a_derived_form_follow_those_of_its_base() -> None:
    bound, _ = unit(BASE + f"[object, {U3}, {U4}] interface IDerived : IBase {{ HRESULT Three(void); }}")
    derived = next(interface for interface in bound.interfaces if interface.name == "AsyncIDerived")
    assert [(one.name, one.opnum) for one in derived.operations] == [("Begin_Three", 7), ("Finish_Three", 8)]


def test_rule_1_15_nothing_derives_from_a_form() -> None:
    assert said(BASE + f"[object, {U3}] interface IOdd : AsyncIBase {{ HRESULT Go(void); }}") == ["IDLC1240"]
    assert said(BASE + f"[object, {U3}, {U4}] interface IOdd : AsyncIBase {{ HRESULT Go(void); }}") == ["IDLC1240"]


@pytest.mark.parametrize("word", ["dual", "oleautomation"])
def test_rule_1_16_what_is_called_through_idispatch_has_no_form(word: str) -> None:
    text = f"[object, {word}, {U1}, {U2}] interface IProbe : IDispatch {{ [id(1)] HRESULT Go(void); }}"
    assert said(text) == ["MIDL2272"]


def test_rule_1_16_nor_what_derives_from_it() -> None:
    base = f"[object, {U1}] interface IBase : IDispatch {{ HRESULT Go(void); }}"
    assert said(base + f"[object, {U3}, {U4}] interface IProbe : IBase {{ HRESULT Stop(void); }}") == ["MIDL2272"]


def test_rule_1_17_a_version_beside_async_uuid_is_said_to_mean_nothing() -> None:
    bound, diagnostics = unit(f"[object, version(2.0), {U1}, {U2}] interface IProbe : IUnknown {{ HRESULT Go(void); }}")
    assert diagnostics == ["MIDL2298"]
    assert [interface.version for interface in bound.interfaces] == [(0, 0), (0, 0)]


@pytest.mark.parametrize(
    ("method", "codes"),
    [
        ("HRESULT F([in, size_is(*n)] byte *data, [out] long *n);", ["MIDL2372"]),
        ("HRESULT F([in, size_is(10), length_is(*n)] byte *data, [out] long *n);", ["MIDL2372"]),
        ("HRESULT F([in, iid_is(riid)] IUnknown *object, [out] IID *riid);", ["MIDL2372"]),
        ("HRESULT F([in, size_is(*n)] byte *data, [in, out] long *n);", []),
        ("HRESULT F([out, size_is(n)] byte *data, [in] long n);", []),
    ],
    ids=[
        "a size that comes out",
        "a length that comes out",
        "an interface that comes out",
        "a size that goes both ways",
        "a size that goes in",
    ],
)
def test_rule_1_18_what_goes_in_does_not_depend_on_what_only_comes_out(method: str, codes: list[str]) -> None:
    assert said(f"{BOTH} interface IProbe : IUnknown {{ {method} }}") == codes


def test_rule_1_18_nor_does_a_choice() -> None:
    union = "typedef [switch_type(long)] union { [case(1)] long l; [default]; } U;"
    method = "HRESULT F([in, switch_is(*n)] U *u, [out] long *n);"
    assert said(f"{union} {BOTH} interface IProbe : IUnknown {{ {method} }}") == ["MIDL2372"]


@pytest.mark.parametrize(("result", "refused"), [("HRESULT", False), ("SCODE", False), ("long", True), ("void", True)])
def test_rule_1_19_a_method_that_is_not_local_returns_hresult(result: str, refused: bool) -> None:
    assert bool(said(f"{BOTH} interface IProbe : IUnknown {{ {result} F(void); }}")) is refused
    assert said(f"{BOTH} interface IProbe : IUnknown {{ [local] {result} F(void); }}") == []


def test_rule_1_20_pipe_types_are_not_for_object_interfaces() -> None:
    assert said(f"typedef pipe byte P; {BOTH} interface IProbe : IUnknown {{ HRESULT F([in] P p); }}") != []


@pytest.mark.parametrize(
    ("interface", "element"),
    [(objidlbase.IPipeByte, bytes), (objidlbase.IPipeLong, list), (objidlbase.IPipeDouble, list)],
    ids=["IPipeByte", "IPipeLong", "IPipeDouble"],
)
def test_rule_1_20_pipe_interfaces_are(interface: type[com.IUnknown], element: type) -> None:
    methods = interface.METHODS
    assert [(operation.name, operation.opnum) for operation in methods.operations] == [("Pull", 3), ("Push", 4)]
    codec = methods.codecs(NDR20, "<")[4 + methods.offset]
    request = codec.put_request(element([1, 2]), 2)
    sent, count = codec.get_request(request)
    assert (list(sent), count) == ([1, 2], 2)


def test_rule_1_21_async_is_not_for_object_interfaces() -> None:
    memory = {
        "case.idl": f'import "unknwn.idl"; {BOTH} interface IProbe : IUnknown {{ HRESULT F(void); }}',
        "case.acf": "interface IProbe { [async] F(); }",
    }
    found = analyse(["case.idl"], Settings(memory=memory))
    assert "MIDL2283" in [each.code for each in found.report.diagnostics]


PAIRS = [
    (objidlbase.IPipeByte, "db2f3aca-2f86-11d1-8e04-00c04fb9989a", "db2f3acb-2f86-11d1-8e04-00c04fb9989a"),
    (objidlbase.IPipeLong, "db2f3acc-2f86-11d1-8e04-00c04fb9989a", "db2f3acd-2f86-11d1-8e04-00c04fb9989a"),
    (objidlbase.IPipeDouble, "db2f3ace-2f86-11d1-8e04-00c04fb9989a", "db2f3acf-2f86-11d1-8e04-00c04fb9989a"),
    (objidlbase.IMultiQI, "00000020-0000-0000-c000-000000000046", "000e0020-0000-0000-c000-000000000046"),
    (objidl.IAdviseSink, "0000010f-0000-0000-c000-000000000046", "00000150-0000-0000-c000-000000000046"),
    (objidl.IAdviseSink2, "00000125-0000-0000-c000-000000000046", "00000151-0000-0000-c000-000000000046"),
]


@pytest.mark.parametrize(("interface", "iid", "async_iid"), PAIRS, ids=[pair[0].__name__ for pair in PAIRS])
def test_rule_1_22_published_pairs_of_identities(interface: type[com.IUnknown], iid: str, async_iid: str) -> None:
    home = sys.modules[interface.__module__]
    form = getattr(home, f"Async{interface.__name__}")
    assert (interface.IID, form.IID) == (UUID(iid), UUID(async_iid))
    assert form.SYNCHRONOUS is interface


def test_rule_1_22_the_callback_of_bits_as_published() -> None:
    found = module(
        "[object, uuid(97ea99c7-0186-4ad4-8df9-c5b4e0ed6b22), async_uuid(ca29d251-b4bb-4679-a3d9-ae8006119d54)]"
        "interface IBackgroundCopyCallback : IUnknown { HRESULT JobTransferred([in] IUnknown *pJob); }"
    )
    assert found.AsyncIBackgroundCopyCallback.IID == UUID("ca29d251-b4bb-4679-a3d9-ae8006119d54")
    assert found.AsyncIBackgroundCopyCallback.SYNCHRONOUS is found.IBackgroundCopyCallback


@pytest.mark.parametrize("name", ["Byte", "Long", "Double"])
def test_rule_1_22_pipe_interfaces_and_their_forms_have_methods(name: str) -> None:
    interface, form = getattr(objidlbase, f"IPipe{name}"), getattr(objidlbase, f"AsyncIPipe{name}")
    assert parameters(interface.Pull) == parameters(form.Begin_Pull) == ["cRequest"]
    assert parameters(interface.Push) == parameters(form.Begin_Push) == ["buf", "cSent"]
    assert parameters(form.Finish_Pull) == parameters(form.Finish_Push) == []
    assert form.__abstractmethods__ == {"Begin_Pull", "Finish_Pull", "Begin_Push", "Finish_Push"}


# ---------------------------------------------------------------------------- how it looks in Python


def test_a_method_whose_one_output_is_retval_gives_it() -> None:
    found = probe("[propget] HRESULT Size([in] long of, [out, retval] double *size);")
    assert signature(found.IProbe.get_Size).return_annotation == "float"
    assert signature(found.AsyncIProbe.Finish_get_Size).return_annotation == "float"
    assert found.IProbe.METHODS.operations[0].retval
    assert not hasattr(found, "get_SizeResult")


def test_to_its_codec_that_is_the_value_and_the_hresult() -> None:
    methods = probe("HRESULT Size([out, retval] double *size);").IProbe.METHODS
    codec = methods.codecs(NDR20, "<")[3]
    octets = codec.put_response((2.5, 1), (), 0)
    assert bytes(octets).hex() == "000000000000044001000000"
    assert codec.get_response(octets, ()) == (2.5, 1)


@pytest.mark.parametrize(
    "method",
    [
        "HRESULT Size([out] double *size);",
        "HRESULT Size([out] long *n, [out, retval] double *size);",
        "HRESULT Size([in, out] long *n, [out, retval] double *size);",
    ],
    ids=["no retval", "another output", "another that goes both ways"],
)
def test_every_other_has_its_result(method: str) -> None:
    found = probe(method)
    assert signature(found.IProbe.Size).return_annotation == "SizeResult"
    assert not found.IProbe.METHODS.operations[0].retval


def test_accessors_of_properties_are_methods_with_their_names_in_c() -> None:
    text = """
        [propget] HRESULT Name([out, retval, string] LPWSTR *name);
        [propput] HRESULT Name([in, string] LPCWSTR name);
        [propputref] HRESULT Name([in] IUnknown *name);
    """
    found = probe(text)
    assert [op.name for op in found.IProbe.METHODS.operations] == ["get_Name", "put_Name", "putref_Name"]
    own = {f"{half}_{accessor}_Name" for half in ("Begin", "Finish") for accessor in ("get", "put", "putref")}
    assert found.AsyncIProbe.__abstractmethods__ == own


def test_local_methods_take_a_slot_and_do_not_travel() -> None:
    methods = probe("HRESULT A(void); [local] void Here([in] void *p); HRESULT B(void);").IProbe.METHODS
    assert [(operation.name, operation.opnum) for operation in methods.operations] == [("A", 3), ("B", 5)]


def test_an_interface_is_marshalled_as_what_iid_is_says() -> None:
    asked: list[UUID | None] = []

    def marshal(value: Any, wanted: UUID | None) -> bytes:
        asked.append(wanted)
        return b"objref"

    found = probe("HRESULT Get([in] REFIID riid, [out, iid_is(riid)] IUnknown **object);")
    codec = found.IProbe.METHODS.codecs(NDR20, "<")[3]
    with interfaces.using(marshal, lambda octets, wanted: octets):
        codec.put_response(found.GetResult(object()), (objidl.IStorage.IID,), 0)
    assert asked == [objidl.IStorage.IID]


def test_each_half_shows_its_own_idl() -> None:
    form = probe(GET_AT).AsyncIProbe
    assert form.Begin_GetAt.__doc__ == "HRESULT Begin_GetAt([in] DWORD n, [in, out, unique] GUID *g)"
    assert form.Finish_GetAt.__doc__ == "HRESULT Finish_GetAt([in, out, unique] GUID *g, [out] IUnknown **pp)"


def test_a_method_called_like_one_of_a_base_takes_not_its_place() -> None:
    found = module(
        f"{BOTH} interface IBase : IUnknown {{ HRESULT Read([in] long n); }}"
        f"[object, {U3}, {U4}] interface IDerived : IBase {{ HRESULT Read([in] long n, [in] long more); }}"
    )
    assert parameters(found.IDerived.Read) == ["n"]
    assert parameters(found.IDerived.Read_) == ["n", "more"]
    assert found.IDerived.METHODS.operations[0].name == "Read_"
    assert parameters(found.AsyncIDerived.Begin_Read_) == ["n", "more"]


def test_interfaces_with_methods_of_one_name_are_kept_apart_by_a_part() -> None:
    found = module(
        f"[object, {U1}] interface IWhole : IUnknown {{ HRESULT Read([out, retval] long *n); }}"
        f"[object, {U3}] interface IPart : IUnknown {{ HRESULT Read([out, retval] double *x); }}"
    )

    class Part(com.Object, found.IPart):  # type: ignore[name-defined, misc]
        async def Read(self) -> float:
            return 2.5

    class Whole(com.Object, found.IWhole):  # type: ignore[name-defined, misc]
        def __init__(self) -> None:
            self.aggregate(aggregated(Part(), self, com.IUnknown))

        async def Read(self) -> int:
            return 1

    async def facts() -> None:
        whole = Whole()
        part: Any = await whole.QueryInterface(found.IPart)
        assert (await whole.Read(), await part.Read()) == (1, 2.5)
        assert await part.QueryInterface(com.IUnknown) is await whole.QueryInterface(com.IUnknown)

    asyncio.run(facts())


def test_no_method_takes_the_place_of_what_every_object_and_proxy_has() -> None:
    public = {name for kind in (com.Object, Proxy) for name in dir(kind) if not name.startswith("_")}
    assert public - ATTRIBUTES == set()
    found = probe("HRESULT Release([in] long n); HRESULT aggregate(void);")
    assert [operation.name for operation in found.IProbe.METHODS.operations] == ["Release_", "aggregate_"]


HEAVY = "asyncio socket ssl threading selectors idlrt.pipes idlrt.rpc.call idlrt.transport".split()


@pytest.mark.parametrize("name", ["objidl", "oaidl"])
def test_modules_of_object_interfaces_load_little(name: str) -> None:
    text = f"import idlrt.prelude.{name}, sys; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", text],
        env={"PYTHONPATH": str(ROOT / "runtime")},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        timeout=60,
    )
    loaded = set(done.stdout.split())
    assert loaded & set(HEAVY) == set()
    assert [module for module in loaded if module.endswith("_objects")] == []
