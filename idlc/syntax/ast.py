"""The syntax tree: what was written, with places, and nothing about what it means.

A node's class name is the name of its grammar rule in CamelCase; a test holds the two together.
Nodes are frozen; `span` covers the whole node, `name_span` the name alone. Comments are looked up by span when
somebody wants them (source/comments.py).
"""

from __future__ import annotations

from uuid import UUID

from idlc.data import dataclass, field
from idlc.source.files import Span

# ---------------------------------------------------------------------------- expressions


@dataclass(frozen=True, slots=True)
class IntegerLiteral:
    value: int
    text: str
    """As written: radix and suffix are kept for pretty output."""
    span: Span = field(repr=False)


@dataclass(frozen=True, slots=True)
class FloatLiteral:
    value: float
    text: str
    span: Span = field(repr=False)


@dataclass(frozen=True, slots=True)
class CharLiteral:
    """`'a'` or `L'a'`; `value` is the character's code."""

    value: int
    wide: bool
    span: Span = field(repr=False)


@dataclass(frozen=True, slots=True)
class StringLiteral:
    """One or more adjacent string literals, joined."""

    value: str
    """With C's escapes resolved."""
    wide: bool
    raw: str
    """The characters between the quotes as written: helpstring and its like leave escapes alone."""
    span: Span = field(repr=False)


@dataclass(frozen=True, slots=True)
class BooleanLiteral:
    value: bool
    span: Span = field(repr=False)


@dataclass(frozen=True, slots=True)
class NullLiteral:
    span: Span = field(repr=False)


@dataclass(frozen=True, slots=True)
class Identifier:
    """A name in an expression: a constant, an enumerator, a parameter, a field - or a type, see `Parenthesized`."""

    name: str
    span: Span = field(repr=False)


@dataclass(frozen=True, slots=True)
class Parenthesized:
    """`(operand)`.

    `(NAME) - 1` is `Binary("-", Parenthesized(Identifier("NAME")), 1)` here, and likewise for + * &. It is a cast of
    `-1` if NAME turns out to be a type; the binder knows. `(NAME) x`, with an x that cannot continue an expression, is
    a Cast already.
    """

    operand: Expression
    span: Span = field(repr=False)


@dataclass(frozen=True, slots=True)
class Unary:
    operator: str
    """One of + - ! ~ * &"""
    operand: Expression
    span: Span = field(repr=False)


@dataclass(frozen=True, slots=True)
class Binary:
    operator: str
    """One of * / % + - << >> < > <= >= == != & ^ | && ||"""
    left: Expression
    right: Expression
    span: Span = field(repr=False)


@dataclass(frozen=True, slots=True)
class Conditional:
    condition: Expression
    then: Expression
    otherwise: Expression
    span: Span = field(repr=False)


@dataclass(frozen=True, slots=True)
class Cast:
    type: TypeName
    operand: Expression
    span: Span = field(repr=False)


@dataclass(frozen=True, slots=True)
class Sizeof:
    """`sizeof(type)` or `sizeof(expression)`; `sizeof(NAME)` has an Identifier, which may name a type."""

    operand: TypeName | Expression
    span: Span = field(repr=False)


@dataclass(frozen=True, slots=True)
class Alignof:
    operand: TypeName | Expression
    span: Span = field(repr=False)


@dataclass(frozen=True, slots=True)
class Index:
    """`operand[index]`"""

    operand: Expression
    index: Expression
    span: Span = field(repr=False)


@dataclass(frozen=True, slots=True)
class Member:
    """`operand.name`, or `operand->name` with `arrow`."""

    operand: Expression
    name: str
    arrow: bool
    span: Span = field(repr=False)


Expression = (
    IntegerLiteral
    | FloatLiteral
    | CharLiteral
    | StringLiteral
    | BooleanLiteral
    | NullLiteral
    | Identifier
    | Parenthesized
    | Unary
    | Binary
    | Conditional
    | Cast
    | Sizeof
    | Alignof
    | Index
    | Member
)

# ---------------------------------------------------------------------------- attributes


@dataclass(frozen=True, slots=True)
class UuidLiteral:
    """The argument of `uuid(...)` and its like, written bare, in braces or in quotes."""

    value: UUID
    span: Span = field(repr=False)


@dataclass(frozen=True, slots=True)
class Version:
    """The argument of `version(...)`: a pair, not a decimal; 1.11 is minor eleven."""

    major: int
    minor: int
    span: Span = field(repr=False)


@dataclass(frozen=True, slots=True)
class Hole:
    """An empty position in an argument list, as the first one of `size_is(,n)`; also `*` alone in `size_is(*)`."""

    span: Span = field(repr=False)
    star: bool = False


@dataclass(frozen=True, slots=True)
class AttributeText:
    """Arguments of an attribute that only their own dialect understands: the tokens as written, joined by spaces."""

    text: str
    span: Span = field(repr=False)


@dataclass(frozen=True, slots=True)
class TypeName:
    """A type without a thing: a cast, `switch_type(...)`. The declarator has a name only in `implicit_handle(T name)`.

    `switch_type(NAME)`, `transmit_as(NAME)` and the like have a TypeName too, never an Identifier.
    """

    specifiers: Specifiers
    declarator: Declarator
    span: Span = field(repr=False)


Argument = Expression | TypeName | UuidLiteral | Version | Hole | AttributeText


@dataclass(frozen=True, slots=True)
class Attribute:
    """`name` or `name(arguments)`; the lists of `[a][b]` are one list by the time they are here.

    Names are not checked: `case` and `default` are attributes like any other.
    """

    name: str
    arguments: tuple[Argument, ...]
    span: Span = field(repr=False)
    parenthesized: bool = False
    """Whether parentheses were written, so that `f` and `f()` can be told apart."""


# ---------------------------------------------------------------------------- types


@dataclass(frozen=True, slots=True)
class BaseType:
    """A built-in type in any of its spellings.

    `kind` is one of: void, boolean, byte, char, schar (`signed char`), wchar_t, int8, uint8, int16, uint16, int32,
    uint32, int64, uint64, int128, uint128, int3264, uint3264, float, double, float80, float128, handle_t,
    error_status_t. `char` and `unsigned char` are both `char`. A dialect's type
    that is laid out by rules of its own is `foreign`, and `spelling` says what it is.
    """

    kind: str
    spelling: str
    """The words as written, with single spaces."""
    span: Span = field(repr=False)


@dataclass(frozen=True, slots=True)
class NamedType:
    """A typedef, interface or tag by name; `name` is `lib.T` when qualified."""

    name: str
    span: Span = field(repr=False)


@dataclass(frozen=True, slots=True)
class Struct:
    name: str | None
    fields: tuple[Field, ...]
    span: Span = field(repr=False)
    attributes: tuple[Attribute, ...] = ()
    """Those written between the keyword and the tag (a dialect); the usual ones are on the declaration."""


@dataclass(frozen=True, slots=True)
class StructReference:
    """`struct X`"""

    name: str
    span: Span = field(repr=False)


@dataclass(frozen=True, slots=True)
class Union:
    """A non-encapsulated union, or a plain C one: arms carry `[case(...)]` or `[default]`, or nothing."""

    name: str | None
    fields: tuple[Field | EmptyArm, ...]
    span: Span = field(repr=False)


@dataclass(frozen=True, slots=True)
class UnionReference:
    """`union X`"""

    name: str
    span: Span = field(repr=False)


@dataclass(frozen=True, slots=True)
class EncapsulatedUnion:
    """`union name switch (tag) member { arms }`"""

    name: str | None
    tag: Parameter
    """The discriminant: attributes, specifiers and a declarator with a name."""
    member: str | None
    """The name of the union member; None means `tagged_union`."""
    arms: tuple[Arm, ...]
    span: Span = field(repr=False)


@dataclass(frozen=True, slots=True)
class Arm:
    """`case 1: case 2: default: body`"""

    labels: tuple[CaseLabel | DefaultLabel, ...]
    body: Field | EmptyArm
    span: Span = field(repr=False)


@dataclass(frozen=True, slots=True)
class CaseLabel:
    value: Expression
    span: Span = field(repr=False)


@dataclass(frozen=True, slots=True)
class DefaultLabel:
    span: Span = field(repr=False)


@dataclass(frozen=True, slots=True)
class Enum:
    name: str | None
    enumerators: tuple[Enumerator, ...]
    span: Span = field(repr=False)
    octets: int | None = None
    """On the wire, where a dialect says so."""
    flags: bool = False
    """A dialect's set of flags: values are sums of enumerators."""


@dataclass(frozen=True, slots=True)
class EnumReference:
    """`enum X`"""

    name: str
    span: Span = field(repr=False)


@dataclass(frozen=True, slots=True)
class Enumerator:
    name: str
    value: Expression | None
    attributes: tuple[Attribute, ...]
    span: Span = field(repr=False)
    name_span: Span = field(repr=False)


@dataclass(frozen=True, slots=True)
class InterfaceReference:
    """`interface IFoo` as a type."""

    name: str
    span: Span = field(repr=False)


@dataclass(frozen=True, slots=True)
class SafeArray:
    """`SAFEARRAY(T)`"""

    element: TypeName
    span: Span = field(repr=False)


TypeSpecifier = (
    BaseType
    | NamedType
    | Struct
    | StructReference
    | Union
    | UnionReference
    | EncapsulatedUnion
    | Enum
    | EnumReference
    | InterfaceReference
    | SafeArray
)


@dataclass(frozen=True, slots=True)
class Specifiers:
    """What stands before a declarator: exactly one type, and words around it."""

    type: TypeSpecifier
    words: tuple[str, ...]
    """const, volatile, extern, static, register, auto, inline, __unaligned, far ..., in the order written."""
    span: Span = field(repr=False)

    @property
    def const(self) -> bool:
        return "const" in self.words


# ---------------------------------------------------------------------------- declarators


@dataclass(frozen=True, slots=True)
class Pointer:
    """`*`, with the qualifiers behind it (`* const`)."""

    qualifiers: tuple[str, ...]
    span: Span = field(repr=False)


@dataclass(frozen=True, slots=True)
class Array:
    """One dimension.

    `[]` and `[*]`: both None. `[N]`: upper is N and lower None, N elements. `[0..N]`: lower 0 and upper N, N+1
    elements. `[0..*]`: lower 0, upper None.
    """

    lower: Expression | None
    upper: Expression | None
    span: Span = field(repr=False)


@dataclass(frozen=True, slots=True)
class Function:
    """A parameter list. `(void)` and `()` both have no parameters."""

    parameters: tuple[Parameter, ...]
    variadic: bool
    span: Span = field(repr=False)


Derivation = Pointer | Array | Function


@dataclass(frozen=True, slots=True)
class Declarator:
    """A name and how its type is derived from the specifiers.

    `derivations` reads from the name outwards, as C is spoken: for `*a[2]` they are Array, Pointer ("a is an array of
    pointers"), for `(*f)(void)` Pointer, Function. An operation has a Function first.
    """

    name: str | None
    derivations: tuple[Derivation, ...]
    span: Span = field(repr=False)
    name_span: Span = field(repr=False)
    """The name; the whole declarator where there is no name."""
    calling: tuple[str, ...] = ()
    """Calling conventions and the like, anywhere in the declarator."""
    width: Expression | None = None
    """Of a bit-field."""
    initializer: Expression | None = None
    """`= value`: legal for constants only."""

    @property
    def is_function(self) -> bool:
        return bool(self.derivations) and isinstance(self.derivations[0], Function)


@dataclass(frozen=True, slots=True)
class Parameter:
    attributes: tuple[Attribute, ...]
    specifiers: Specifiers
    declarator: Declarator
    """May be without a name."""
    span: Span = field(repr=False)


@dataclass(frozen=True, slots=True)
class Field:
    """A member of a structure or an arm of a union. No declarators: an anonymous struct or union member."""

    attributes: tuple[Attribute, ...]
    specifiers: Specifiers
    declarators: tuple[Declarator, ...]
    span: Span = field(repr=False)


@dataclass(frozen=True, slots=True)
class EmptyArm:
    """`[case(3)] ;`, `[default] ;` or, in an encapsulated union, `case 3: ;`"""

    attributes: tuple[Attribute, ...]
    span: Span = field(repr=False)


# ---------------------------------------------------------------------------- declarations


@dataclass(frozen=True, slots=True)
class Declaration:
    """A declaration that is neither typedef nor const.

    With a declarator whose first derivation is a Function it is an operation; without declarators it defines or
    forward-declares a tag (`struct X { ... };`, `enum Y;`); anything else is a variable.
    """

    attributes: tuple[Attribute, ...]
    specifiers: Specifiers
    declarators: tuple[Declarator, ...]
    span: Span = field(repr=False)


@dataclass(frozen=True, slots=True)
class Typedef:
    attributes: tuple[Attribute, ...]
    """From before and behind the word `typedef`."""
    specifiers: Specifiers
    declarators: tuple[Declarator, ...]
    span: Span = field(repr=False)


@dataclass(frozen=True, slots=True)
class PipeTypedef:
    """`typedef pipe T P;`"""

    attributes: tuple[Attribute, ...]
    specifiers: Specifiers
    """The element type."""
    declarators: tuple[Declarator, ...]
    span: Span = field(repr=False)


@dataclass(frozen=True, slots=True)
class Const:
    """`const T name = value;`; each declarator has its initializer."""

    attributes: tuple[Attribute, ...]
    specifiers: Specifiers
    declarators: tuple[Declarator, ...]
    span: Span = field(repr=False)


@dataclass(frozen=True, slots=True)
class Import:
    """`import "a.idl", "b.idl";`"""

    files: tuple[StringLiteral, ...]
    span: Span = field(repr=False)


@dataclass(frozen=True, slots=True)
class Importlib:
    file: StringLiteral
    span: Span = field(repr=False)


@dataclass(frozen=True, slots=True)
class CppQuote:
    """Also `#pragma midl_echo`, which means the same."""

    text: str
    span: Span = field(repr=False)


@dataclass(frozen=True, slots=True)
class MidlPragma:
    """`midl_pragma warning(disable : 2279 2280)`"""

    name: str
    action: str
    numbers: tuple[int, ...]
    span: Span = field(repr=False)


@dataclass(frozen=True, slots=True)
class Pragma:
    """A `#pragma` line; `text` is what follows the word."""

    text: str
    span: Span = field(repr=False)


@dataclass(frozen=True, slots=True)
class DeclareGuid:
    name: str
    value: UuidLiteral
    span: Span = field(repr=False)


@dataclass(frozen=True, slots=True)
class Forward:
    """`interface IFoo;`, and the same with dispinterface, coclass."""

    keyword: str
    name: str
    attributes: tuple[Attribute, ...]
    span: Span = field(repr=False)


@dataclass(frozen=True, slots=True)
class Interface:
    name: str
    base: NamedType | None
    attributes: tuple[Attribute, ...]
    body: tuple[Statement, ...]
    span: Span = field(repr=False)
    name_span: Span = field(repr=False)


@dataclass(frozen=True, slots=True)
class Dispinterface:
    """Form A has properties and methods, form B names one interface."""

    name: str
    attributes: tuple[Attribute, ...]
    properties: tuple[Field, ...]
    methods: tuple[Declaration, ...]
    interface: NamedType | None
    span: Span = field(repr=False)
    name_span: Span = field(repr=False)


@dataclass(frozen=True, slots=True)
class Coclass:
    name: str
    attributes: tuple[Attribute, ...]
    members: tuple[CoclassMember, ...]
    span: Span = field(repr=False)
    name_span: Span = field(repr=False)


@dataclass(frozen=True, slots=True)
class CoclassMember:
    keyword: str
    """interface or dispinterface"""
    name: str
    attributes: tuple[Attribute, ...]
    span: Span = field(repr=False)


@dataclass(frozen=True, slots=True)
class Module:
    name: str
    attributes: tuple[Attribute, ...]
    body: tuple[Statement, ...]
    span: Span = field(repr=False)
    name_span: Span = field(repr=False)


@dataclass(frozen=True, slots=True)
class Library:
    name: str
    attributes: tuple[Attribute, ...]
    body: tuple[Statement, ...]
    span: Span = field(repr=False)
    name_span: Span = field(repr=False)


Statement = (
    Import
    | Importlib
    | CppQuote
    | MidlPragma
    | Pragma
    | DeclareGuid
    | Forward
    | Interface
    | Dispinterface
    | Coclass
    | Module
    | Library
    | Declaration
    | Typedef
    | PipeTypedef
    | Const
)


@dataclass(frozen=True, slots=True)
class File:
    """One IDL file after preprocessing: included text belongs to it, imported files do not."""

    name: str
    """The file's name as diagnostics print it, folder included."""
    body: tuple[Statement, ...]
    span: Span = field(repr=False)
    lost: frozenset[str] = frozenset()
    """Names in the parts that could not be parsed: if one of them is missed later, that is no second mistake."""


# ---------------------------------------------------------------------------- ACF


@dataclass(frozen=True, slots=True)
class AcfInclude:
    files: tuple[StringLiteral, ...]
    span: Span = field(repr=False)


@dataclass(frozen=True, slots=True)
class AcfTypedef:
    """`typedef [attributes] A, B;`"""

    attributes: tuple[Attribute, ...]
    names: tuple[Identifier, ...]
    span: Span = field(repr=False)


@dataclass(frozen=True, slots=True)
class AcfParameter:
    name: str
    attributes: tuple[Attribute, ...]
    span: Span = field(repr=False)


@dataclass(frozen=True, slots=True)
class AcfOperation:
    """`[attributes] name(parameters);`"""

    name: str
    attributes: tuple[Attribute, ...]
    parameters: tuple[AcfParameter, ...]
    span: Span = field(repr=False)
    name_span: Span = field(repr=False)


@dataclass(frozen=True, slots=True)
class AcfInterface:
    name: str
    attributes: tuple[Attribute, ...]
    body: tuple[AcfStatement, ...]
    span: Span = field(repr=False)
    name_span: Span = field(repr=False)


AcfStatement = AcfInclude | AcfTypedef | AcfOperation | CppQuote | Pragma


@dataclass(frozen=True, slots=True)
class AcfFile:
    name: str
    body: tuple[AcfInterface | AcfStatement, ...]
    span: Span = field(repr=False)
