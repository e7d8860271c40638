"""From reductions to nodes: one small function per rule of the grammars.

A builder gets the children that the grammar kept, the span of the rule, and the rule's first token (for its comment).
It may report what the grammar is too generous to refuse.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Final

from idlc.data import replace
from idlc.diagnostics.near import did_you_mean
from idlc.diagnostics.report import Report
from idlc.source.conditions import integer
from idlc.source.files import SourceFile, Span
from idlc.source.tokens import Fragment, Token
from idlc.syntax import ast
from idlc.syntax.lexer import uuid, version

MAX_STRING: Final = 1 << 20
"""Characters of a string that is written in several pieces, which macros may repeat."""


class Problems:
    """What builders need to know of the file besides their children."""

    def __init__(
        self, report: Report, source: SourceFile, statements: Callable[[Fragment], tuple[ast.Statement, ...]]
    ) -> None:
        self.report = report
        self.source = source
        self.statements = statements
        """What a fragment is that a macro repeats."""
        self.lost: set[str] = set()
        """Names in statements that could not be parsed."""

    def error(self, code: str, message: str, span: Span, help: str | None = None) -> None:
        self.report.error(code, message, span, help=help)


Builder = Callable[[list[Any], Span, Problems, Token], Any]

BUILDERS: Final[dict[str, Builder]] = {}


def _rule(*names: str) -> Callable[[Builder], Builder]:
    def register(builder: Builder) -> Builder:
        for name in names:
            BUILDERS[name] = builder
        return builder

    return register


def _split_attributes(children: list[Any]) -> tuple[tuple[ast.Attribute, ...], list[Any]]:
    """Attributes, from every list among the first children, and the rest."""
    if not children or not isinstance(children[0], _Attributes):
        return (), children
    # A typedef may have more of them behind its keyword.
    if len(children) < 2 or not isinstance(children[1], _Attributes):
        return children[0].items, children[1:]
    attributes: tuple[ast.Attribute, ...] = ()
    rest: list[Any] = []
    for child in children:
        if isinstance(child, _Attributes):
            attributes += child.items
        else:
            rest.append(child)
    return attributes, rest


class _Attributes:
    __slots__ = ("items",)

    def __init__(self, items: tuple[ast.Attribute, ...]) -> None:
        self.items = items


class _Shared:
    """Statements that a macro repeats."""

    __slots__ = ("span", "statements")

    def __init__(self, statements: tuple[ast.Statement, ...], span: Span) -> None:
        self.statements = statements
        self.span = span


def _body(children: list[Any]) -> tuple[ast.Statement, ...]:
    """Statements, those of macros among them."""
    if not any(isinstance(child, _Shared) for child in children):
        return tuple(children)
    return tuple(
        statement
        for child in children
        for statement in (child.statements if isinstance(child, _Shared) else (child,))
    )


class _Named(str):
    """Marks the name of an encapsulated union's member."""


# ---------------------------------------------------------------------------- files and their parts


@_rule("file")
def _file(children: list[Any], span: Span, problems: Problems, first: Token) -> ast.File:
    source = problems.source
    return ast.File(source.name, _body(children), Span(source, 0, len(source.text)), frozenset(problems.lost))


@_rule("shared")
def _shared(children: list[Any], span: Span, problems: Problems, first: Token) -> _Shared:
    return _Shared(problems.statements(children[0].fragment), span)


@_rule("acf_file")
def _acf_file(children: list[Any], span: Span, problems: Problems, first: Token) -> ast.AcfFile:
    source = problems.source
    return ast.AcfFile(source.name, tuple(children), Span(source, 0, len(source.text)))


@_rule("import")
def _import(children: list[Any], span: Span, problems: Problems, first: Token) -> ast.Import:
    return ast.Import(tuple(map(_file_name, children)), span)


def _file_name(literal: ast.StringLiteral) -> ast.StringLiteral:
    """A path has no escapes: `..\\base.idl` is above. A backslash may be doubled, as in C."""
    return replace(literal, value=literal.raw.replace("\\\\", "\\"))


@_rule("importlib")
def _importlib(children: list[Any], span: Span, problems: Problems, first: Token) -> ast.Importlib:
    return ast.Importlib(_file_name(children[0]), span)


@_rule("cpp_quote")
def _cpp_quote(children: list[Any], span: Span, problems: Problems, first: Token) -> ast.CppQuote:
    return ast.CppQuote(children[0].value, span)


@_rule("midl_pragma")
def _midl_pragma(children: list[Any], span: Span, problems: Problems, first: Token) -> ast.MidlPragma:
    name, *words = (child.text for child in children)
    action, colon, *rest = (*words, "", "")
    numbers = [word for word in rest if word not in ("", ",")]
    if name != "warning":
        hint = did_you_mean(name, ("warning",)) or 'only "warning" is known'
        problems.error("MIDL2385", f'unknown midl_pragma "{name}"', children[0].span, hint)
    elif action not in _PRAGMA_ACTIONS:
        hint = did_you_mean(action, _PRAGMA_ACTIONS) or _PRAGMA_FORM
        what = f'"{action}" is none' if action.isidentifier() else "this one has none"
        problems.error("MIDL2385", f"a midl_pragma has an action, and {what}", span, hint)
    elif colon != ":" or not numbers or not all(number.isdigit() for number in numbers):
        problems.error("MIDL2385", "a midl_pragma needs numbers of warnings behind a colon", span, _PRAGMA_FORM)
    else:
        return ast.MidlPragma(name, action, tuple(map(int, numbers)), span)
    return ast.MidlPragma(name, action, (), span)


_PRAGMA_ACTIONS = ("disable", "enable", "default")
_PRAGMA_FORM = "write it as midl_pragma warning(disable : 2038 2057)"


@_rule("pragma")
def _pragma(children: list[Any], span: Span, problems: Problems, first: Token) -> ast.Pragma | ast.CppQuote:
    text = children[0].text
    echo = re.fullmatch(r'midl_echo\s*\(\s*"(.*)"\s*\)\s*;?', text)
    return ast.Pragma(text, span) if echo is None else ast.CppQuote(_unescape(echo[1]), span)


@_rule("declare_guid")
def _declare_guid(children: list[Any], span: Span, problems: Problems, first: Token) -> ast.DeclareGuid:
    return ast.DeclareGuid(children[0].text, children[1], span)


# ---------------------------------------------------------------------------- interfaces and what holds them


@_rule("forward")
def _forward(children: list[Any], span: Span, problems: Problems, first: Token) -> ast.Forward:
    attributes, (keyword, name) = _split_attributes(children)
    return ast.Forward(keyword.text, name.text, attributes, span)


@_rule("interface")
def _interface(children: list[Any], span: Span, problems: Problems, first: Token) -> ast.Interface:
    attributes, (name, *rest) = _split_attributes(children)
    base = rest.pop(0) if rest and isinstance(rest[0], ast.NamedType) else None
    return ast.Interface(name.text, base, attributes, _body(rest), span, name.span)


@_rule("dispinterface")
def _dispinterface(children: list[Any], span: Span, problems: Problems, first: Token) -> ast.Dispinterface:
    attributes, (name, *rest) = _split_attributes(children)
    properties: tuple[ast.Field, ...] = ()
    methods: tuple[ast.Declaration, ...] = ()
    interface: ast.NamedType | None = None
    for part in rest:
        if isinstance(part, ast.NamedType):
            interface = part
        elif isinstance(part, _Properties):
            properties = part.fields
        else:
            methods = part.declarations
    return ast.Dispinterface(name.text, attributes, properties, methods, interface, span, name.span)


class _Properties:
    def __init__(self, fields: tuple[ast.Field, ...]) -> None:
        self.fields = fields


class _Methods:
    def __init__(self, declarations: tuple[ast.Declaration, ...]) -> None:
        self.declarations = declarations


@_rule("properties")
def _properties(children: list[Any], span: Span, problems: Problems, first: Token) -> _Properties:
    return _Properties(tuple(child for child in children if isinstance(child, ast.Field)))


@_rule("methods")
def _methods(children: list[Any], span: Span, problems: Problems, first: Token) -> _Methods:
    body = _body(children)
    for child in body:
        if not isinstance(child, ast.Declaration | ast.CppQuote | ast.Pragma):
            problems.error("MIDL2391", "only methods can stand here", child.span)
    return _Methods(tuple(child for child in body if isinstance(child, ast.Declaration)))


@_rule("coclass")
def _coclass(children: list[Any], span: Span, problems: Problems, first: Token) -> ast.Coclass:
    attributes, (name, *members) = _split_attributes(children)
    return ast.Coclass(name.text, attributes, tuple(members), span, name.span)


@_rule("coclass_member")
def _coclass_member(children: list[Any], span: Span, problems: Problems, first: Token) -> ast.CoclassMember:
    attributes, (keyword, name, *_) = _split_attributes(children)
    return ast.CoclassMember(keyword.text, name.name, attributes, span)


@_rule("module")
def _module(children: list[Any], span: Span, problems: Problems, first: Token) -> ast.Module:
    attributes, (name, *body) = _split_attributes(children)
    return ast.Module(name.text, attributes, _body(body), span, name.span)


@_rule("library")
def _library(children: list[Any], span: Span, problems: Problems, first: Token) -> ast.Library:
    attributes, (name, *body) = _split_attributes(children)
    return ast.Library(name.text, attributes, _body(body), span, name.span)


# ---------------------------------------------------------------------------- declarations


@_rule("declaration")
def _declaration(children: list[Any], span: Span, problems: Problems, first: Token) -> ast.Declaration | ast.Const:
    attributes, (specifiers, *declarators) = _split_attributes(children)
    _need_names(declarators, problems)
    constant = specifiers.const and any(declarator.initializer is not None for declarator in declarators)
    node = ast.Const if constant else ast.Declaration
    return node(attributes, specifiers, tuple(declarators), span)


@_rule("initialized")
def _initialized(children: list[Any], span: Span, problems: Problems, first: Token) -> ast.Declarator:
    if len(children) == 1:
        declarator: ast.Declarator = children[0]
        return declarator
    initialized: ast.Declarator = replace(children[0], initializer=children[-1], span=span)
    return initialized


@_rule("typedef")
def _typedef(children: list[Any], span: Span, problems: Problems, first: Token) -> ast.Typedef:
    attributes, (specifiers, *declarators) = _split_attributes(children)
    _need_names(declarators, problems)
    return ast.Typedef(attributes, specifiers, tuple(declarators), span)


@_rule("pipe_typedef")
def _pipe_typedef(children: list[Any], span: Span, problems: Problems, first: Token) -> ast.PipeTypedef:
    attributes, (specifiers, *declarators) = _split_attributes(children)
    _need_names(declarators, problems)
    return ast.PipeTypedef(attributes, specifiers, tuple(declarators), span)


def _need_names(declarators: Sequence[ast.Declarator], problems: Problems) -> None:
    for declarator in declarators:
        if declarator.name is None:
            problems.error("IDLC1108", "a name is missing in this declaration", declarator.span)


# ---------------------------------------------------------------------------- types


@_rule("specifiers", "plain_specifiers")
def _specifiers(children: list[Any], span: Span, problems: Problems, first: Token) -> ast.Specifiers:
    if len(children) == 1:
        return ast.Specifiers(children[0], (), span)
    words = tuple(child.text for child in children if isinstance(child, Token))
    type_ = next(child for child in children if not isinstance(child, Token))
    return ast.Specifiers(type_, words, span)


@_rule("named_type")
def _named_type(children: list[Any], span: Span, problems: Problems, first: Token) -> ast.NamedType:
    name = children[0].text if len(children) == 1 else ".".join(child.text for child in children)
    return ast.NamedType(name, span)


_SIGNS: Final = frozenset(["signed", "unsigned"])
_INTEGERS: Final = {
    "small": 8, "short": 16, "int": 32, "long": 32, "hyper": 64, "__int8": 8, "__int16": 16, "__int32": 32,
    "__int64": 64, "__int128": 128, "_int8": 8, "_int16": 16, "_int32": 32, "_int64": 64,
}  # fmt: skip
_ALONE: Final = {
    "void": "void", "boolean": "boolean", "byte": "byte", "wchar_t": "wchar_t", "float": "float", "double": "double",
    "__float80": "float80", "__float128": "float128", "handle_t": "handle_t", "error_status_t": "error_status_t",
    "MIDL_uhyper": "uint64",
}  # fmt: skip


@lru_cache(maxsize=1_000)
def base_kind(words: tuple[str, ...]) -> str | None:
    """The kind of base type that some words name, in any order C allows; None when they name none."""
    signs = [word for word in words if word in _SIGNS]
    rest = sorted(word for word in words if word not in _SIGNS)
    if len(signs) > 1:
        return None
    unsigned = signs == ["unsigned"]
    if rest == ["char"]:
        return "schar" if signs == ["signed"] else "char"
    if len(rest) == 1 and rest[0] in _ALONE:
        if not signs or rest[0] == "wchar_t":
            return _ALONE[rest[0]]
        return ("uint8" if unsigned else "int8") if rest[0] == "byte" else None
    if rest == ["double", "long"] and not signs:
        return "double"
    if rest in (["__int3264"], ["__int3264", "int"]):
        return "uint3264" if unsigned else "int3264"
    if rest in (["long", "long"], ["int", "long", "long"]):
        bits = 64
    elif not rest and signs:
        bits = 32
    else:
        if len(rest) == 2 and "int" in rest and rest[0] != rest[1]:
            rest.remove("int")
        if len(rest) != 1 or rest[0] not in _INTEGERS:
            return None
        bits = _INTEGERS[rest[0]]
    return f"{'u' if unsigned else ''}int{bits}"


@_rule("base_type")
def _base_type(children: list[Any], span: Span, problems: Problems, first: Token) -> ast.BaseType:
    words = tuple(child.text for child in children)
    spelling = " ".join(words)
    kind = base_kind(words)
    if kind is None:
        problems.error("IDLC1104", f'"{spelling}" is no type', span)
        kind = "int32"
    return ast.BaseType(kind, spelling, span)


@_rule("safe_array")
def _safe_array(children: list[Any], span: Span, problems: Problems, first: Token) -> ast.SafeArray:
    return ast.SafeArray(children[0], span)


@_rule("interface_reference")
def _interface_reference(children: list[Any], span: Span, problems: Problems, first: Token) -> ast.InterfaceReference:
    return ast.InterfaceReference(children[-1].text, span)


@_rule("struct")
def _struct(children: list[Any], span: Span, problems: Problems, first: Token) -> ast.Struct:
    attributes, rest = _split_attributes(children)
    name = rest.pop(0).text if rest and isinstance(rest[0], Token) else None
    fields = tuple(child for child in rest if not isinstance(child, ast.Pragma | ast.CppQuote))
    return ast.Struct(name, fields, span, attributes)


@_rule("struct_reference")
def _struct_reference(children: list[Any], span: Span, problems: Problems, first: Token) -> ast.StructReference:
    return ast.StructReference(children[0].text, span)


@_rule("field")
def _field(children: list[Any], span: Span, problems: Problems, first: Token) -> ast.Field:
    attributes, (specifiers, *declarators) = _split_attributes(children)
    for declarator in declarators:
        if declarator.name is None and declarator.width is None:
            problems.error("IDLC1108", "a name is missing in this declaration", declarator.span)
    return ast.Field(attributes, specifiers, tuple(declarators), span)


@_rule("bits")
def _bits(children: list[Any], span: Span, problems: Problems, first: Token) -> ast.Declarator:
    if len(children) == 2:
        declarator: ast.Declarator = replace(children[0], width=children[1], span=span)
        return declarator
    if isinstance(children[0], ast.Declarator):
        return children[0]
    return ast.Declarator(None, (), span, span, width=children[0])


@_rule("union")
def _union(children: list[Any], span: Span, problems: Problems, first: Token) -> ast.Union:
    _, rest = _split_attributes(children)
    name = rest.pop(0).text if rest and isinstance(rest[0], Token) else None
    return ast.Union(name, tuple(rest), span)


@_rule("union_reference")
def _union_reference(children: list[Any], span: Span, problems: Problems, first: Token) -> ast.UnionReference:
    return ast.UnionReference(children[0].text, span)


@_rule("empty_arm")
def _empty_arm(children: list[Any], span: Span, problems: Problems, first: Token) -> ast.EmptyArm:
    return ast.EmptyArm(children[0].items, span)


@_rule("no_field")
def _no_field(children: list[Any], span: Span, problems: Problems, first: Token) -> ast.EmptyArm:
    return ast.EmptyArm((), span)


@_rule("encapsulated_union")
def _encapsulated_union(children: list[Any], span: Span, problems: Problems, first: Token) -> ast.EncapsulatedUnion:
    name = children.pop(0).text if isinstance(children[0], Token) else None
    tag: ast.Parameter = children.pop(0)
    member = str(children.pop(0)) if children and isinstance(children[0], _Named) else None
    if tag.declarator.name is None:
        problems.error("IDLC1108", "the discriminant needs a name", tag.span)
    return ast.EncapsulatedUnion(name, tag, member, tuple(children), span)


@_rule("member_name")
def _member_name(children: list[Any], span: Span, problems: Problems, first: Token) -> _Named:
    return _Named(children[0].text)


@_rule("arm")
def _arm(children: list[Any], span: Span, problems: Problems, first: Token) -> ast.Arm:
    return ast.Arm(tuple(children[:-1]), children[-1], span)


@_rule("case_label")
def _case_label(children: list[Any], span: Span, problems: Problems, first: Token) -> ast.CaseLabel:
    return ast.CaseLabel(children[0], span)


@_rule("default_label")
def _default_label(children: list[Any], span: Span, problems: Problems, first: Token) -> ast.DefaultLabel:
    return ast.DefaultLabel(span)


@_rule("enum")
def _enum(children: list[Any], span: Span, problems: Problems, first: Token) -> ast.Enum:
    _, rest = _split_attributes(children)
    name = rest.pop(0).text if rest and isinstance(rest[0], Token) else None
    return ast.Enum(name, tuple(rest), span)


@_rule("enum_reference")
def _enum_reference(children: list[Any], span: Span, problems: Problems, first: Token) -> ast.EnumReference:
    return ast.EnumReference(children[0].text, span)


@_rule("enumerator")
def _enumerator(children: list[Any], span: Span, problems: Problems, first: Token) -> ast.Enumerator:
    attributes, (name, *rest) = _split_attributes(children)
    return ast.Enumerator(name.text, rest[0] if rest else None, attributes, span, name.span)


# ---------------------------------------------------------------------------- declarators


@_rule("declarator")
def _declarator(children: list[Any], span: Span, problems: Problems, first: Token) -> ast.Declarator:
    if len(children) == 1 and isinstance(children[0], Token):
        return ast.Declarator(children[0].text, (), span, span, ())
    if len(children) == 2 and isinstance(children[1], ast.Function) and isinstance(children[0], Token):
        return ast.Declarator(children[0].text, (children[1],), span, children[0].span, ())
    name: str | None = None
    name_span = span
    before: list[ast.Derivation] = []
    inner: tuple[ast.Derivation, ...] = ()
    after: list[ast.Derivation] = []
    calling: tuple[str, ...] = ()
    for child in children:
        if isinstance(child, ast.Pointer):
            before.append(child)
        elif isinstance(child, Token):
            name, name_span = child.text, child.span
        elif isinstance(child, _Calling):
            calling += (child.text,)
        elif isinstance(child, ast.Declarator):
            name, inner = child.name, child.derivations
            name_span = child.name_span
            calling += child.calling
        else:
            after.append(child)
    before.reverse()
    return ast.Declarator(name, (*inner, *after, *before), span, name_span, calling)


class _Calling:
    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text


@_rule("calling")
def _calling(children: list[Any], span: Span, problems: Problems, first: Token) -> _Calling:
    return _Calling(children[0].text)


@_rule("pointer")
def _pointer(children: list[Any], span: Span, problems: Problems, first: Token) -> ast.Pointer:
    return ast.Pointer(tuple(child.text for child in children), span)


class _Star:
    """`*` where a bound or an argument could stand."""

    __slots__ = ("span",)

    def __init__(self, span: Span) -> None:
        self.span = span


@_rule("star")
def _star(children: list[Any], span: Span, problems: Problems, first: Token) -> _Star:
    return _Star(span)


@_rule("array")
def _array(children: list[Any], span: Span, problems: Problems, first: Token) -> ast.Array:
    if not children or isinstance(children[0], _Star):
        return ast.Array(None, None, span)
    if isinstance(children[0], tuple):
        lower, upper = children[0]
        return ast.Array(lower, None if isinstance(upper, _Star) else upper, span)
    return ast.Array(None, children[0], span)


@_rule("range")
def _range(children: list[Any], span: Span, problems: Problems, first: Token) -> tuple[Any, Any]:
    return children[0], children[1]


@_rule("function")
def _function(children: list[Any], span: Span, problems: Problems, first: Token) -> ast.Function:
    if not children:
        return ast.Function((), False, span)
    parameters = [child for child in children if isinstance(child, ast.Parameter)]
    variadic = any(isinstance(child, _Variadic) for child in children)
    if len(parameters) == 1 and not variadic and _is_void(parameters[0]):
        parameters = []
    return ast.Function(tuple(parameters), variadic, span)


def _is_void(parameter: ast.Parameter) -> bool:
    type_ = parameter.specifiers.type
    return (
        isinstance(type_, ast.BaseType)
        and type_.kind == "void"
        and parameter.declarator.name is None
        and not parameter.declarator.derivations
    )


class _Variadic:
    __slots__ = ()


@_rule("variadic")
def _variadic(children: list[Any], span: Span, problems: Problems, first: Token) -> _Variadic:
    return _Variadic()


def _abstract(children: list[Any], span: Span) -> ast.Declarator:
    """The declarator among children, or an empty one behind the specifiers."""
    if children:
        declarator: ast.Declarator = children[0]
        return declarator
    end = Span(span.file, span.end, span.end)
    return ast.Declarator(None, (), end, end)


@_rule("parameter")
def _parameter(children: list[Any], span: Span, problems: Problems, first: Token) -> ast.Parameter:
    attributes, (specifiers, *rest) = _split_attributes(children)
    return ast.Parameter(attributes, specifiers, _abstract(rest, span), span)


@_rule("type_name", "plain_type_name")
def _type_name(children: list[Any], span: Span, problems: Problems, first: Token) -> ast.TypeName:
    specifiers, *rest = children
    return ast.TypeName(specifiers, _abstract(rest, span), span)


# ---------------------------------------------------------------------------- attributes


@_rule("attributes")
def _attributes(children: list[Any], span: Span, problems: Problems, first: Token) -> _Attributes:
    return _Attributes(tuple(children))


@_rule("attribute")
def _attribute(children: list[Any], span: Span, problems: Problems, first: Token) -> ast.Attribute:
    return ast.Attribute(children[0].text, (), span)


@_rule("attribute_call")
def _attribute_call(children: list[Any], span: Span, problems: Problems, first: Token) -> ast.Attribute:
    name, *arguments = children
    if len(arguments) == 1 and isinstance(arguments[0], ast.Hole) and not arguments[0].star:
        arguments = []
    found = tuple(ast.Hole(child.span, star=True) if isinstance(child, _Star) else child for child in arguments)
    return ast.Attribute(name.text, found, span, parenthesized=True)


@_rule("uuid_literal")
def _uuid_literal(children: list[Any], span: Span, problems: Problems, first: Token) -> ast.UuidLiteral:
    return ast.UuidLiteral(uuid(children[0].text), span)


@_rule("version")
def _version(children: list[Any], span: Span, problems: Problems, first: Token) -> ast.Version:
    major, minor = version(children[0].text) or (0, 0)
    return ast.Version(major, minor, span)


@_rule("attribute_text")
def _attribute_text(children: list[Any], span: Span, problems: Problems, first: Token) -> ast.AttributeText:
    return ast.AttributeText(children[0].text, span)


@_rule("hole")
def _hole(children: list[Any], span: Span, problems: Problems, first: Token) -> ast.Hole:
    return ast.Hole(span)


# ---------------------------------------------------------------------------- expressions


@_rule("binary")
def _binary(children: list[Any], span: Span, problems: Problems, first: Token) -> ast.Binary:
    left, operator, right = children
    return ast.Binary(operator.text, left, right, span)


@_rule("unary")
def _unary(children: list[Any], span: Span, problems: Problems, first: Token) -> ast.Unary:
    return ast.Unary(children[0].text, children[1], span)


@_rule("conditional")
def _conditional(children: list[Any], span: Span, problems: Problems, first: Token) -> ast.Conditional:
    return ast.Conditional(children[0], children[1], children[2], span)


@_rule("cast")
def _cast(children: list[Any], span: Span, problems: Problems, first: Token) -> ast.Cast:
    target, operand = (child for child in children if not isinstance(child, Token))
    if isinstance(target, ast.Parenthesized):  # `(NAME) operand`
        name = target.operand
        assert isinstance(name, ast.Identifier)
        specifiers = ast.Specifiers(ast.NamedType(name.name, name.span), (), name.span)
        target = ast.TypeName(specifiers, _abstract([], name.span), name.span)
    return ast.Cast(target, operand, span)


@_rule("sizeof")
def _sizeof(children: list[Any], span: Span, problems: Problems, first: Token) -> ast.Sizeof:
    return ast.Sizeof(children[-1], span)


@_rule("alignof")
def _alignof(children: list[Any], span: Span, problems: Problems, first: Token) -> ast.Alignof:
    return ast.Alignof(children[-1], span)


@_rule("index")
def _index(children: list[Any], span: Span, problems: Problems, first: Token) -> ast.Index:
    return ast.Index(children[0], children[1], span)


@_rule("member")
def _member(children: list[Any], span: Span, problems: Problems, first: Token) -> ast.Member:
    return ast.Member(children[0], children[1].text, False, span)


@_rule("arrow_member")
def _arrow_member(children: list[Any], span: Span, problems: Problems, first: Token) -> ast.Member:
    return ast.Member(children[0], children[1].text, True, span)


@_rule("identifier")
def _identifier(children: list[Any], span: Span, problems: Problems, first: Token) -> ast.Identifier:
    return ast.Identifier(children[0].text, span)


@_rule("parenthesized")
def _parenthesized(children: list[Any], span: Span, problems: Problems, first: Token) -> ast.Parenthesized:
    return ast.Parenthesized(children[0], span)


@_rule("parenthesized_name")
def _parenthesized_name(children: list[Any], span: Span, problems: Problems, first: Token) -> ast.Parenthesized:
    return ast.Parenthesized(ast.Identifier(children[0].text, children[0].span), span)


@_rule("integer_literal")
def _integer_literal(children: list[Any], span: Span, problems: Problems, first: Token) -> ast.IntegerLiteral:
    text = children[0].text
    value = integer(text)
    if value >= 1 << 64:
        problems.error("MIDL2115", f'the constant "{text[:40]}" does not fit in 64 bits', span)
        value = 0
    return ast.IntegerLiteral(value, text, span)


@_rule("float_literal")
def _float_literal(children: list[Any], span: Span, problems: Problems, first: Token) -> ast.FloatLiteral:
    text = children[0].text
    return ast.FloatLiteral(float(text.rstrip("fFlL")), text, span)


@_rule("char_literal")
def _char_literal(children: list[Any], span: Span, problems: Problems, first: Token) -> ast.CharLiteral:
    text = children[0].text
    wide = text.startswith("L")
    value = 0
    for character in _unescape(text.removeprefix("L")[1:-1])[:4]:
        value = value << 8 | ord(character) if value else ord(character)
    return ast.CharLiteral(value, wide, span)


@_rule("string_literal")
def _string_literal(children: list[Any], span: Span, problems: Problems, first: Token) -> ast.StringLiteral:
    if len(children) > 1 and sum(len(child.text) for child in children) > MAX_STRING:
        problems.error("IDLC1103", f"string of more than {MAX_STRING} characters in pieces", span)
        children = children[:1]
    raw = "".join(child.text.removeprefix("L")[1:-1] for child in children)
    value = raw
    if "\\" in raw:
        value = "".join(_unescape(child.text.removeprefix("L")[1:-1]) for child in children)
    return ast.StringLiteral(value, children[0].text.startswith("L"), raw, span)


@_rule("boolean_literal")
def _boolean_literal(children: list[Any], span: Span, problems: Problems, first: Token) -> ast.BooleanLiteral:
    return ast.BooleanLiteral(children[0].text.upper() == "TRUE", span)


@_rule("null_literal")
def _null_literal(children: list[Any], span: Span, problems: Problems, first: Token) -> ast.NullLiteral:
    return ast.NullLiteral(span)


_ESCAPES: Final = {
    "n": "\n", "t": "\t", "v": "\v", "b": "\b", "r": "\r", "f": "\f", "a": "\a", "\\": "\\", "'": "'", '"': '"',
    "?": "?", "\n": "",
}  # fmt: skip


def _unescape(text: str) -> str:
    """C's escapes resolved; an unknown one stands for its character, as C compilers take it."""

    def replacement(match: re.Match[str]) -> str:
        escape = match[1]
        if escape[0] == "x" and len(escape) > 1:
            return chr(int(escape[1:], 16))
        if escape[0] in "01234567":
            return chr(int(escape, 8))
        return _ESCAPES.get(escape, escape)

    return re.sub(r"\\(x[0-9A-Fa-f]{1,4}|[0-7]{1,3}|[\s\S])", replacement, text) if "\\" in text else text


# ---------------------------------------------------------------------------- ACF


@_rule("acf_include")
def _acf_include(children: list[Any], span: Span, problems: Problems, first: Token) -> ast.AcfInclude:
    return ast.AcfInclude(tuple(children), span)


@_rule("acf_typedef")
def _acf_typedef(children: list[Any], span: Span, problems: Problems, first: Token) -> ast.AcfTypedef:
    attributes, names = _split_attributes(children)
    return ast.AcfTypedef(attributes, tuple(names), span)


@_rule("acf_operation")
def _acf_operation(children: list[Any], span: Span, problems: Problems, first: Token) -> ast.AcfOperation:
    attributes, (name, *parameters) = _split_attributes(children)
    return ast.AcfOperation(name.text, attributes, tuple(parameters), span, name.span)


@_rule("acf_parameter")
def _acf_parameter(children: list[Any], span: Span, problems: Problems, first: Token) -> ast.AcfParameter:
    attributes, (name,) = _split_attributes(children)
    return ast.AcfParameter(name.text, attributes, span)


@_rule("acf_interface")
def _acf_interface(children: list[Any], span: Span, problems: Problems, first: Token) -> ast.AcfInterface:
    attributes, (name, *body) = _split_attributes(children)
    return ast.AcfInterface(name.text, attributes, tuple(body), span, name.span)
