"""What was written has the tree it should have."""

from __future__ import annotations

import pytest

from idlc.source.files import Span
from idlc.syntax import ast
from idlc.syntax.build import base_kind
from idlc.syntax.unparse import attribute
from idlc.syntax.unparse import expression as unparsed
from tests.syntax.parsing import declarator, expression, shape, statement, tree


@pytest.mark.parametrize(
    ("text", "reading"),
    [
        ("a", "a"),
        ("*a", "a pointer"),
        ("**a", "a pointer pointer"),
        ("a[3]", "a array"),
        ("a[3][4]", "a array array"),
        ("*a[3]", "a array pointer"),
        ("(*a)[3]", "a pointer array"),
        ("f(void)", "f function"),
        ("*f()", "f function pointer"),
        ("(*f)(long)", "f pointer function"),
        ("(*f[2])(void)", "f array pointer function"),
        ("(*(*f)(void))[3]", "f pointer function pointer array"),
        ("* const a", "a pointer"),
        ("(__stdcall *f)(void)", "f pointer function"),
        ("__stdcall f(void)", "f function"),
        ("((a))", "a"),
    ],
)
def test_declarators_read_from_the_name_outwards(text: str, reading: str) -> None:
    assert declarator(text) == reading


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("unsigned", "uint32"), ("signed", "int32"), ("unsigned long", "uint32"), ("long unsigned int", "uint32"),
        ("short int", "int16"), ("hyper int", "int64"), ("unsigned hyper", "uint64"), ("long long", "int64"),
        ("unsigned long long int", "uint64"), ("small", "int8"), ("unsigned small", "uint8"), ("char", "char"),
        ("unsigned char", "char"), ("signed char", "schar"), ("wchar_t", "wchar_t"), ("__int64", "int64"),
        ("unsigned __int3264", "uint3264"), ("__int3264", "int3264"), ("long double", "double"), ("int", "int32"),
        ("unsigned __int8", "uint8"), ("boolean", "boolean"), ("byte", "byte"), ("handle_t", "handle_t"),
        ("error_status_t", "error_status_t"),
        ("MIDL_uhyper", "uint64"), ("void", "void"), ("float", "float"), ("short unsigned", "uint16"),
        ("long float", None), ("signed unsigned int", None), ("unsigned void", None), ("int int", None),
        ("short long", None), ("char int", None),
    ],
)  # fmt: skip
def test_base_types_are_known_in_every_spelling(text: str, kind: str | None) -> None:
    assert base_kind(tuple(text.split())) == kind


@pytest.mark.parametrize(
    ("text", "grouped"),
    [
        ("1 + 2 * 3", "(1 + (2 * 3))"),
        ("1 - 2 - 3", "((1 - 2) - 3)"),
        ("a << 1 + b & c", "((a << (1 + b)) & c)"),
        ("a | b ^ c & d", "(a | (b ^ (c & d)))"),
        ("a == b < c", "(a == (b < c))"),
        ("a || b && c", "(a || (b && c))"),
        ("a ? b : c ? d : e", "(a ? b : (c ? d : e))"),
        ("-a * b", "((-a) * b)"),
        ("!~-+*&a", "(!(~(-(+(*(&a))))))"),
        ("*p->n.m[2]", "(*p->n.m[2])"),
        ("(a + b) * c", "([a + b] * c)"),
    ],
)
def test_operators_bind_as_in_c(text: str, grouped: str) -> None:
    def group(node: ast.Expression) -> str:
        match node:
            case ast.Binary():
                return f"({group(node.left)} {node.operator} {group(node.right)})"
            case ast.Unary():
                return f"({node.operator}{group(node.operand)})"
            case ast.Conditional():
                return f"({group(node.condition)} ? {group(node.then)} : {group(node.otherwise)})"
            case ast.Parenthesized():
                return f"[{group(node.operand).strip('()')}]"
            case _:
                return unparsed(node)

    assert group(expression(text)) == grouped


@pytest.mark.parametrize(
    ("text", "node", "type_text"),
    [
        ("(long) a", ast.Cast, "BaseType"),
        ("(unsigned long) -1", ast.Cast, "BaseType"),
        ("(T) a", ast.Cast, "NamedType"),
        ("(T) (a)", ast.Cast, "NamedType"),
        ("(T) !a", ast.Cast, "NamedType"),
        ("(T *) -1", ast.Cast, "NamedType"),
        ("(T **) 0", ast.Cast, "NamedType"),
        ("(struct S *) 0", ast.Cast, "StructReference"),
        ("(const T) a", ast.Cast, "NamedType"),
        ("(A * 4)", ast.Parenthesized, ""),
        ("(A)", ast.Parenthesized, ""),
        ("(A) - 1", ast.Binary, ""),
        ("(A) * 2", ast.Binary, ""),
        ("(A) & B", ast.Binary, ""),
    ],
)
def test_casts_are_told_from_parentheses(text: str, node: type, type_text: str) -> None:
    found = expression(text)
    assert type(found) is node
    if isinstance(found, ast.Cast):
        assert type(found.type.specifiers.type).__name__ == type_text


def test_sizeof_takes_types_and_expressions() -> None:
    assert (
        shape(expression("sizeof(long)"))
        == "(Sizeof operand=" + shape(ast.TypeName(_long(), _nothing(), _span())) + ")"
    )
    assert isinstance(expression("sizeof(T *)"), ast.Sizeof)
    named = expression("sizeof(T)")
    assert isinstance(named, ast.Sizeof)
    assert isinstance(named.operand, ast.Identifier)


def _span() -> Span:
    return Span.none()


def _long() -> ast.Specifiers:
    return ast.Specifiers(ast.BaseType("int32", "long", _span()), (), _span())


def _nothing() -> ast.Declarator:
    return ast.Declarator(None, (), _span(), _span())


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("10", 10), ("0x1F", 31), ("017", 15), ("0", 0), ("10UL", 10), ("5i64", 5), ("7ui64", 7),
        ("0xFFFFFFFFFFFFFFFF", (1 << 64) - 1), ("'a'", 97), (r"'\n'", 10), (r"L'\x41'", 65), (r"'\''", 39),
        ("TRUE", True), ("false", False),
    ],
)  # fmt: skip
def test_literals_have_their_values(text: str, value: int) -> None:
    node = expression(text)
    assert isinstance(node, ast.IntegerLiteral | ast.CharLiteral | ast.BooleanLiteral)
    assert node.value == value


def test_adjacent_strings_are_one() -> None:
    node = expression(r'"a\\b" "c\n"')
    assert isinstance(node, ast.StringLiteral)
    assert (node.value, node.raw) == ("a\\bc\n", r"a\\bc\n")


def attributes_of(text: str) -> list[str]:
    node = statement(f"{text} long f(void);")
    assert isinstance(node, ast.Declaration)
    return [attribute(item) for item in node.attributes]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[in]", ["in"]),
        ("[in, out]", ["in", "out"]),
        ("[in][out]", ["in", "out"]),
        ("[,in,,out,]", ["in", "out"]),
        ("[]", []),
        ("[f()]", ["f()"]),
        ("[size_is(,n)]", ["size_is(, n)"]),
        ("[size_is(n,)]", ["size_is(n, )"]),
        ("[size_is(*)]", ["size_is(*)"]),
        ("[size_is(,*n)]", ["size_is(, *n)"]),
        ("[size_is(version)]", ["size_is(version)"]),
        ("[size_is((a & F) ? 1 : 0)]", ["size_is((a & F) ? 1 : 0)"]),
        ("[switch_type(unsigned long)]", ["switch_type(unsigned long)"]),
        ("[switch_type(T)]", ["switch_type(T)"]),
        ("[switch_type(enum E)]", ["switch_type(enum E)"]),
        ("[transmit_as(T *)]", ["transmit_as(T *)"]),
        ("[implicit_handle(handle_t h)]", ["implicit_handle(handle_t h)"]),
        ("[version(1.11)]", ["version(1.11)"]),
        ("[version(3)]", ["version(3.0)"]),
        ("[version(0x00020001)]", ["version(2.1)"]),
        ('[uuid("6BFFD098-A112-3610-9833-46C3F87E345A")]', ["uuid(6bffd098-a112-3610-9833-46c3f87e345a)"]),
        ("[uuid({1e196b20-0000-1111-2222-333344445555})]", ["uuid(1e196b20-0000-1111-2222-333344445555)"]),
        ("[custom(1e196b20-0000-1111-2222-333344445555, 4)]", ["custom(1e196b20-0000-1111-2222-333344445555, 4)"]),
        ("[case(1, 2, A|B), default]", ["case(1, 2, A | B)", "default"]),
        ('[endpoint("ncacn_np:[\\\\pipe\\\\x]", "ncalrpc:")]', ['endpoint("ncacn_np:[\\\\pipe\\\\x]", "ncalrpc:")']),
        (
            "[id(-4), range(-1, 0x10), allocate(all_nodes, free)]",
            ["id(-4)", "range(-1, 0x10)", "allocate(all_nodes, free)"],
        ),
        ("[threading(both, a b)]", ["threading(both , a b)"]),
        ("[string, unique, const]", ["string", "unique", "const"]),
    ],
)
def test_attributes_are_data(text: str, expected: list[str]) -> None:
    assert attributes_of(text) == expected


def test_type_attributes_hold_types_and_others_expressions() -> None:
    node = statement("[switch_type(T), switch_is(T)] long f(void);")
    assert isinstance(node, ast.Declaration)
    first, second = (item.arguments[0] for item in node.attributes)
    assert isinstance(first, ast.TypeName)
    assert isinstance(second, ast.Identifier)


@pytest.mark.parametrize(
    "text",
    [
        "[x] typedef long T;",
        "typedef [x] long T;",
        "[x] typedef [x] long T;",
    ],
)
def test_typedef_attributes_stand_on_either_side(text: str) -> None:
    node = statement(text)
    assert isinstance(node, ast.Typedef)
    assert {item.name for item in node.attributes} == {"x"}


@pytest.mark.parametrize(
    ("text", "lower", "upper"),
    [("a[]", None, None), ("a[*]", None, None), ("a[4]", None, "4"), ("a[0..9]", "0", "9"), ("a[0..*]", "0", None),
     ("a[*p]", None, "*p"), ("a[N*2]", None, "N * 2")],
)  # fmt: skip
def test_array_bounds_have_three_forms(text: str, lower: str | None, upper: str | None) -> None:
    node = statement(f"typedef long {text};")
    assert isinstance(node, ast.Typedef)
    (array,) = node.declarators[0].derivations
    assert isinstance(array, ast.Array)
    assert (array.lower and unparsed(array.lower), array.upper and unparsed(array.upper)) == (lower, upper)


def test_an_encapsulated_union_has_a_tag_a_member_and_arms() -> None:
    node = statement("typedef union U switch (short t) u { case 1: case 2: long a; default: ; } V;")
    assert isinstance(node, ast.Typedef)
    union = node.specifiers.type
    assert isinstance(union, ast.EncapsulatedUnion)
    assert (union.name, union.member, union.tag.declarator.name) == ("U", "u", "t")
    first, second = union.arms
    assert [type(label).__name__ for label in first.labels] == ["CaseLabel", "CaseLabel"]
    assert isinstance(first.body, ast.Field)
    assert isinstance(second.labels[0], ast.DefaultLabel)
    assert isinstance(second.body, ast.EmptyArm)


def test_union_arms_may_be_empty() -> None:
    node = statement("union U { [case(1)] long a; [case(2)] ; [default]; };")
    assert isinstance(node, ast.Declaration)
    union = node.specifiers.type
    assert isinstance(union, ast.Union)
    assert [type(arm).__name__ for arm in union.fields] == ["Field", "EmptyArm", "EmptyArm"]


def test_members_may_have_no_name() -> None:
    node = statement("struct S { struct { long a; }; [switch_is(n)] union T { long b; }; long x : 3, : 2; };")
    assert isinstance(node, ast.Declaration)
    struct = node.specifiers.type
    assert isinstance(struct, ast.Struct)
    assert [len(field.declarators) for field in struct.fields] == [0, 0, 2]


def test_enumerations_take_values_attributes_and_a_last_comma() -> None:
    node = statement('typedef [v1_enum] enum E { A, B = A + 1, [helpstring("c")] C, } E;')
    assert isinstance(node, ast.Typedef)
    enum = node.specifiers.type
    assert isinstance(enum, ast.Enum)
    assert [(item.name, item.value is not None, len(item.attributes)) for item in enum.enumerators] == [
        ("A", False, 0), ("B", True, 0), ("C", False, 1)
    ]  # fmt: skip


def test_void_alone_is_no_parameter() -> None:
    def parameters(text: str) -> int:
        node = statement(text)
        assert isinstance(node, ast.Declaration)
        function = node.declarators[0].derivations[0]
        assert isinstance(function, ast.Function)
        return len(function.parameters)

    assert parameters("long f(void);") == parameters("long f();") == 0
    assert parameters("long f(void *);") == parameters("long f(void v);") == 1
    assert parameters("long f([in] long a[], T, char *, ...);") == 3


@pytest.mark.parametrize(
    "name",
    "retval id object range source align version lcid callback async string message out optional in handle ptr control "
    "uuid entry custom annotation allocate methods properties pipe module library declare_guid import SAFEARRAY far "
    "near pascal size_is unique context_handle include".split(),
)
def test_words_are_names_where_they_mean_nothing_else(name: str) -> None:
    tree(f"struct S {{ T {name}; T *p{name}[4]; }}; long f([in, size_is({name}, *{name})] T *{name}, T {name});")
    tree(f"const long {name} = 1; enum E {{ {name} = 2 }};")


@pytest.mark.parametrize("name", "byte small boolean hyper wchar_t error_status_t MIDL_uhyper".split())
def test_some_types_are_names_too_behind_a_type(name: str) -> None:
    tree(f"struct S {{ T {name}; long {name}; T *{name}[4]; }}; typedef unsigned short {name};")


@pytest.mark.parametrize("name", "BOOL requires HBITMAP UINT_PTR methods properties".split())
def test_any_name_can_be_a_type(name: str) -> None:
    node = statement(f"typedef {name} *T;")
    assert isinstance(node, ast.Typedef)
    assert isinstance(node.specifiers.type, ast.NamedType)


def test_a_parameter_may_be_called_like_its_type() -> None:
    node = statement("long f([in] Size Size, [in] IID IID);")
    assert isinstance(node, ast.Declaration)


def test_qualifiers_stand_before_and_behind_a_type() -> None:
    for text in ("const T *p", "T const *p", "volatile T * const p", "__unaligned T *p"):
        tree(f"long f({text});")


def test_words_around_declarations_are_kept() -> None:
    node = statement("extern const long X;")
    assert isinstance(node, ast.Declaration)
    assert node.specifiers.words == ("extern", "const")
    old = statement("unsigned long const X = 1;")
    assert isinstance(old, ast.Const)


COM = """
[uuid(00000000-0000-0000-0000-000000000001), version(1.0), helpstring("lib")]
library L
{
    importlib("stdole2.tlb");
    import "a.idl", "b.h";
    interface IFoo;
    dispinterface D;
    [object, uuid(00000000-0000-0000-0000-000000000002)]
    interface IBar : lib.IBase { HRESULT f([in] SAFEARRAY(VARIANT) v); }
    dispinterface A { properties: [id(1)] long Count; [id(2)] BSTR Name; methods: [id(3)] void Go([in] long x); };
    dispinterface B { interface IBar; }
    coclass C { [default] interface IBar; [default, source] dispinterface A; };
    [dllname("x.dll")] module M { const long K = 1; [entry("f")] long f(void); }
}
"""


def test_com_syntax_has_nodes_of_its_own() -> None:
    library = statement(COM)
    assert isinstance(library, ast.Library)
    assert [type(item).__name__ for item in library.body] == [
        "Importlib", "Import", "Forward", "Forward", "Interface", "Dispinterface", "Dispinterface", "Coclass", "Module"
    ]  # fmt: skip
    bar, first, second, coclass = library.body[4:8]
    assert isinstance(bar, ast.Interface)
    assert bar.base is not None
    assert bar.base.name == "lib.IBase"
    assert isinstance(first, ast.Dispinterface)
    assert (len(first.properties), len(first.methods)) == (2, 1)
    assert isinstance(second, ast.Dispinterface)
    assert second.interface is not None
    assert isinstance(coclass, ast.Coclass)
    assert [member.keyword for member in coclass.members] == ["interface", "dispinterface"]


OTHER = """
cpp_quote("#define X 1")
cpp_quote("typedef int Y;");
midl_pragma warning(disable : 2279 2280)
declare_guid(CLSID_X, 1e196b20-0000-1111-2222-333344445555);
#pragma midl_echo("#define Z")
#pragma warning(disable: 4)
[local] interface I { import "c.idl"; typedef struct X { long a; } X; };
extern "C" { long v; }
typedef interface I J;
typedef pipe struct X P;
interface K *k(void);
"""


def test_other_statements_have_nodes_too() -> None:
    assert [type(item).__name__ for item in tree(OTHER).body] == [
        "CppQuote", "CppQuote", "MidlPragma", "DeclareGuid", "CppQuote", "Pragma", "Interface", "Declaration",
        "Typedef", "PipeTypedef", "Declaration",
    ]  # fmt: skip


def test_a_pragma_may_stand_in_the_middle() -> None:
    tree("struct S {\n#pragma pack(push,1)\n long a;\n#pragma pack(pop)\n};")
    tree("long f(\n#pragma warning(x)\n[in] long a);")


def test_spans_cover_what_was_written() -> None:
    node = statement("typedef [string] wchar_t *NAME, OTHER[2];")
    assert isinstance(node, ast.Typedef)
    assert node.span.text == "typedef [string] wchar_t *NAME, OTHER[2];"
    assert [item.span.text for item in node.declarators] == ["*NAME", "OTHER[2]"]
    assert [item.name_span.text for item in node.declarators] == ["NAME", "OTHER"]
    assert node.attributes[0].span.text == "string"
