"""What texts mean once bound: each case is IDL and the bound types it becomes, as `dump --stage bound` prints them."""

from __future__ import annotations

from textwrap import dedent

import pytest

from idlc.driver import Settings, analyse
from idlc.semantics.show import show
from idlc.semantics.types import BoundFile, Opaque, StructUse


def bind(body: str, header: str = "pointer_default(unique)", **others: str) -> BoundFile:
    """A file with one interface around `body`; `others` are further files by stem (`base` is base.idl)."""
    text = f"[uuid(6d3c0f2e-51a4-4b7d-8e90-2f1a7b3c4d5e), {header}] interface x {{ {body} }}"
    return bind_file(text, **others)


def bind_file(text: str, **others: str) -> BoundFile:
    memory = {"case.idl": text} | {f"{stem}.idl": other for stem, other in others.items()}
    compilation = analyse(["case.idl"], Settings(memory=memory))
    assert not compilation.report.diagnostics, [(d.code, d.message) for d in compilation.report.diagnostics]
    bound = compilation.main[0].bound
    assert bound is not None
    return bound


def shown(bound: BoundFile) -> str:
    """The bound file without its heading and empty lines."""
    return "\n".join(line for line in show(bound).splitlines()[1:] if line.strip())


def parameters(bound: BoundFile) -> list[str]:
    return [line.strip() for line in show(bound).splitlines() if line.startswith("    ")]


# ---------------------------------------------------------------------------- pointers


def test_top_level_pointers_are_ref_and_deeper_ones_follow_the_default() -> None:
    bound = bind("void f([in] long *a, [in] long **b, [in, unique] long **c, [in] long *d[2]);", "pointer_default(ptr)")
    assert parameters(bound) == [
        "in a: ref -> int32 (long)",
        "in b: ref -> ptr -> int32 (long)",
        "in c: unique -> ptr -> int32 (long)",
        "in d: ref -> array[2] of ptr -> int32 (long)",
    ]


def test_an_attribute_is_for_the_pointer_next_to_the_name() -> None:
    bound = bind("void f([in, ptr] long **a); typedef struct { [ref] long **b; } S; void g([in] S *s);")
    assert parameters(bound)[0] == "in a: ptr -> unique -> int32 (long)"
    assert "b: ref -> unique -> int32 (long)" in show(bound)


def test_an_unattributed_pointer_typedef_is_decided_where_it_is_used() -> None:
    bound = bind(
        """typedef long *PL; typedef [unique] long *PU; typedef struct { PL p; } S;
        void f([in] PL a, [in] PU b, [out] PL *c, [in] S *s);""",
        "pointer_default(ptr)",
    )
    assert parameters(bound) == [
        "in a: ref -> int32 (long)",
        "in b: unique -> int32 (long)",
        "out c: ref -> ptr -> int32 (long)",
        "in s: ref -> struct S",
    ]
    assert "p: ptr -> int32 (long)" in show(bound)


def test_a_pointer_of_an_imported_file_keeps_the_default_of_where_it_was_written() -> None:
    base = """[uuid(6d3c0f2e-51a4-4b7d-8e90-2f1a7b3c4d5f), pointer_default(ptr)] interface b { typedef long *PL; }
        typedef long *OUTSIDE;"""
    text = """import "base.idl"; [uuid(6d3c0f2e-51a4-4b7d-8e90-2f1a7b3c4d5e), pointer_default(unique)] interface x
        { void f([out] PL *p, [out] OUTSIDE *q, [in] PL r); }"""
    assert parameters(bind_file(text, base=base)) == [
        "out p: ref -> ptr -> int32 (long)",
        "out q: ref -> unique -> int32 (long)",
        "in r: ref -> int32 (long)",
    ]


# ---------------------------------------------------------------------------- arrays and strings


@pytest.mark.parametrize(
    ("parameter", "meaning"),
    [
        ("[in, size_is(n)] long *a", "ref -> array[n] of int32 (long)"),
        ("[in, size_is(n)] long a[]", "ref -> array[n] of int32 (long)"),
        ("[in, unique, size_is(n)] long *a", "unique -> array[n] of int32 (long)"),
        ("[in, unique, size_is(n)] long a[]", "unique -> array[n] of int32 (long)"),
        ("[in] long a[3][4]", "ref -> array[3][4] of int32 (long)"),
        ("[in, size_is(n)] long a[][4]", "ref -> array[n][4] of int32 (long)"),
        ("[in] ROW a[3]", "ref -> array[3][4] of int32 (long)"),
        ("[in, size_is(n)] ROW *a", "ref -> array[n][4] of int32 (long)"),
        ("[in, max_is(n)] long *a", "ref -> array[(n + 1)] of int32 (long)"),
        ("[in, size_is(n), length_is(m)] long *a", "ref -> array[n: m from 0] of int32 (long)"),
        ("[in, first_is(m), last_is(n)] long a[9]", "ref -> array[9: ((n - m) + 1) from m] of int32 (long)"),
        ("[in, first_is(m)] long a[9]", "ref -> array[9: rest from m] of int32 (long)"),
        ("[out, size_is(, n)] long **a", "ref -> unique -> array[n] of int32 (long)"),
        ("[in, size_is(n, )] long **a", "ref -> array[n] of unique -> int32 (long)"),
        ("[in, size_is(n, m)] long **a", "ref -> array[n] of unique -> array[m] of int32 (long)"),
        ("[in, size_is((n + 3) & ~3)] byte *a", "ref -> array[((n + 3) & -4)] of byte"),
        ("[in, size_is((unsigned short)n)] byte *a", "ref -> array[(uint16)n] of byte"),
        ("[in, size_is((NUMBER) - n)] byte *a", "ref -> array[(int32)-n] of byte"),
        ("[in, size_is(n), range(0, 5)] byte *a", "ref -> array[n] in 0..5 of byte"),
        ("[in, string] wchar_t *a", "ref -> string wchar_t"),
        ("[in, string] char a[]", "ref -> string char"),
        ("[in, string] char a[12]", "ref -> string[12] char"),
        ("[in, string, unique, size_is(n)] char *a", "unique -> string[n] char"),
        ("[in] NAME a", "ref -> string wchar_t"),
        ("[in, unique] NAME a", "unique -> string wchar_t"),
        ("[out] NAME *a", "ref -> unique -> string wchar_t"),
        ("[in, size_is(n)] NAME a[]", "ref -> array[n] of unique -> string wchar_t"),
        ("[in, size_is(n), string] char **a", "ref -> array[n] of unique -> string char"),
        ("[in, size_is(n), string] char *a[]", "ref -> array[n] of unique -> string char"),
        ("[in, string] char a[2][8]", "ref -> array[2] of string[8] char"),
        ("[in, size_is(*p)] byte *a", "ref -> array[*p] of byte"),
        ("[in, size_is(s->count)] byte *a", "ref -> array[*s.count] of byte"),
        ("[in, size_is(q ? *q : 0)] byte *a", "ref -> array[(q ? *q : 0)] of byte"),
    ],
)
def test_an_array_parameter(parameter: str, meaning: str) -> None:
    bound = bind(
        f"""typedef long ROW[4]; typedef [string] wchar_t *NAME; typedef long NUMBER;
        typedef struct {{ long count; }} S;
        void f([in] long n, [in] long m, [in] long *p, [in, unique] long *q, [in] S *s, {parameter});"""
    )
    assert parameters(bound)[-1].partition(": ")[2] == meaning


# ---------------------------------------------------------------------------- names


def test_a_record_is_called_by_its_first_plain_typedef() -> None:
    bound = bind_file(
        """typedef struct _NODE { struct _NODE *next; } NODE, AGAIN, *PNODE;
        typedef union _U *PU; typedef [switch_type(long)] union _U { [case(1)] long a; } U;
        struct TAG { enum { RED } color; struct { long x; } inner; };
        typedef struct { long x; } *ONLY_POINTER;"""
    )
    assert shown(bound) == dedent(
        """\
        struct NODE (_NODE, AGAIN)
          next: unique -> struct NODE
        alias AGAIN = struct NODE
        alias PNODE = unique -> struct NODE
        alias PU = unique -> union U
        union U (_U) switch: int32 (long)
          1 -> a: int32 (long)
        enum TAG_color
          RED = 0
        struct TAG_inner
          x: int32 (long)
        struct TAG
          color: enum TAG_color
          inner: struct TAG_inner
        struct ONLY_POINTER_target
          x: int32 (long)
        alias ONLY_POINTER = unique -> struct ONLY_POINTER_target"""
    )


def test_a_parameter_may_be_called_like_its_type() -> None:
    assert parameters(bind("typedef long SIZE; void f([in] SIZE SIZE, [in, size_is(SIZE)] byte *id);")) == [
        "in SIZE: int32 (SIZE)",
        "in id: ref -> array[SIZE] of byte",
    ]


def test_a_uuid_shaped_structure_of_a_known_name_is_a_uuid() -> None:
    bound = bind_file(
        """typedef struct _GUID { unsigned long a; unsigned short b; unsigned short c; byte d[8]; } GUID, *PGUID;
        typedef struct { unsigned long a; unsigned short b; unsigned short c; byte d[8]; } OTHER;
        typedef struct { GUID id; struct _GUID again; } HOLDER;"""
    )
    assert "id: guid (GUID)" in show(bound)
    assert "again: guid (GUID)" in show(bound)
    assert "struct OTHER" in show(bound)
    assert "struct GUID" not in show(bound)


def test_an_imported_definition_that_is_repeated_is_the_imported_one() -> None:
    text = 'import "base.idl"; typedef unsigned long DWORD; typedef struct { DWORD a; } S; typedef struct { S s; } T;'
    bound = bind_file(text, base="typedef unsigned long DWORD; typedef struct { DWORD a; } S;")
    assert [declared.name for declared in bound.declarations] == ["T"]
    assert bound.declared["S"].origin == "base"


# ---------------------------------------------------------------------------- constants, enumerations, unions


def test_constants_are_folded_as_c_does() -> None:
    bound = bind_file(
        """enum E { A, B = 5, C };
        const long D = (A + C) * 2 - -7 / 2; const unsigned long E1 = ~0; const long F = 1 ? 0x80000000 : 0;
        const wchar_t *TEXT = L"a\\"b"; const char X = 'x'; const boolean YES = TRUE; const void *NONE = NULL;
        const long G = sizeof(long) << 2 | 1; const short H = (short)0x12345;"""
    )
    assert {constant.name: constant.value for constant in bound.constants} == {
        "D": 15,
        "E1": 0xFFFFFFFF,
        "F": -0x80000000,
        "TEXT": 'a"b',
        "X": 120,
        "YES": True,
        "NONE": None,
        "G": 17,
        "H": 0x2345,
    }


def test_a_union_takes_its_discriminant_from_switch_type_or_from_its_use() -> None:
    bound = bind(
        """typedef [switch_type(short)] union { [case(-1, 0xFFFE)] long a; [default] ; } U;
        typedef union { [case(1)] long a; } V;
        typedef struct { short t; [switch_is(t)] U u; unsigned char k; [switch_is(k)] V v; } S;
        typedef union switch (long tag) { case 1: case 2: long a; default: ; } E;"""
    )
    assert "-1, -2 -> a: int32 (long)" in show(bound)
    assert "1, 2 -> a: int32 (long)" in show(bound)
    struct = next(d for d in bound.declarations if d.name == "S")
    types = [getattr(field.type, "switch_type", None) for field in getattr(struct, "fields", ())]
    assert [None if type_ is None else type_.kind.value for type_ in types] == [None, "int16", None, "char"]


# ---------------------------------------------------------------------------- operations and interfaces


def test_operations_are_numbered_in_order_and_local_ones_are_not() -> None:
    bound = bind(
        """void a(void); [local] void b(void); void Opnum1NotUsedOnWire(void); [callback] void c([in] long n);
        [maybe] void d([in] long n);"""
    )
    operations = {o.name: o for o in bound.interfaces[0].operations}
    assert [operations[name].opnum for name in ("a", "Opnum1NotUsedOnWire", "c", "d")] == [0, 1, 0, 2]
    assert operations["Opnum1NotUsedOnWire"].placeholder
    assert operations["d"].idempotent


def test_methods_of_objects_follow_those_of_their_base() -> None:
    text = """import "unknwn.idl"; [object, uuid(6d3c0f2e-51a4-4b7d-8e90-2f1a7b3c4d5e)] interface IX : IUnknown {
        [local] HRESULT a(void *p); [call_as(a)] HRESULT RemoteA([in] long n); HRESULT b([out] IX **x); }"""
    bound = bind_file(text).interfaces[0]
    assert [(o.name, o.opnum) for o in bound.operations] == [("a", 3), ("RemoteA", 3), ("b", 4)]


def test_a_declaration_is_one_line_of_idl_without_comments() -> None:
    bound = bind("void f(\n  [in /* of course */, size_is(n)] long\n *a, // the data\n [in] const long n);")
    operation = bound.interfaces[0].operations[0]
    assert operation.declaration() == "void f([in, size_is(n)] long *a, [in] const long n)"
    assert [p.declaration() for p in operation.parameters] == ["[in, size_is(n)] long *a", "[in] const long n"]


def test_context_handles_have_the_name_of_their_typedef_or_parameter() -> None:
    bound = bind(
        """typedef [context_handle] void *CTX, **PCTX, *OTHER;
        void f([out] PCTX c, [in, out] CTX *d, [in, context_handle] void *e, [in] OTHER g);"""
    )
    assert parameters(bound) == [
        "out c: ref -> context handle CTX",
        "in/out d: ref -> context handle CTX",
        "in e: context handle e",
        "in g: context handle OTHER",
    ]


def test_what_cannot_travel_stays_usable_by_local_code() -> None:
    bound = bind("typedef void *HANDLE; typedef struct { HANDLE h; void (*f)(long n); } S; [local] void f(S *s);")
    assert [f.type for f in getattr(bound.declared["S"], "fields", ())] == [
        Opaque("void *"),
        Opaque("function pointer"),
    ]
    assert getattr(bound.interfaces[0].operations[0].parameters[0].type, "target", None) == StructUse("S")


# ---------------------------------------------------------------------------- size


def test_no_chain_is_too_long() -> None:
    many = 3000
    text = (
        "typedef long T0; struct S0 { long a; }; const long C0 = 1;\n"
        + "".join(
            f"typedef T{i} T{i + 1}; struct S{i + 1} {{ struct S{i} s; }}; const long C{i + 1} = C{i} + 1;\n"
            for i in range(many)
        )
        + f"typedef pipe struct S{many} P;"
    )
    bound = bind_file(text)
    assert bound.constants[-1].value == many + 1


def test_a_type_of_too_many_levels_is_refused_once() -> None:
    text = "typedef long T0;\n" + "".join(f"typedef T{i} *T{i + 1};\n" for i in range(100))
    compilation = analyse(["case.idl"], Settings(memory={"case.idl": text}))
    assert [d.code for d in compilation.report.diagnostics] == ["IDLC1102"]


def test_an_acf_that_is_named_for_it_may_call_the_interface_otherwise() -> None:
    memory = {
        "lab.idl": "[uuid(6d3c0f2e-51a4-4b7d-8e90-2f1a7b3c4d5e)] interface lab { void f([in] long n); }",
        "other.acf": "interface elsewhere { [async] f(); }",
    }
    compilation = analyse(["lab.idl"], Settings(memory=memory, acf="other.acf"))
    assert compilation.report.diagnostics == ()
    bound = compilation.main[0].bound
    assert bound is not None
    assert bound.interfaces[0].operations[0].is_async
