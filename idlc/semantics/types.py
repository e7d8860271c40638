"""Bound types: what an IDL file means once names are resolved and attributes are in force.

This is the vocabulary between the binder and the wire planner. Everything is frozen data; no
node knows a byte, a width or a Python name. A record, union, enumeration or context handle is
named, and every place that uses it holds a `...Use` with that name, so that self-referential
types stay plain data; `BoundFile.declared` finds the definition.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING
from uuid import UUID

from idlc.data import dataclass, field
from idlc.semantics.documentation import NO_DOC, Doc
from idlc.source.files import Span

if TYPE_CHECKING:
    from idlc.semantics.symbols import Scope


class BaseKind(StrEnum):
    """The base types that travel. `long`, `int` and `__int32` are all INT32, and so on."""

    BOOLEAN = "boolean"
    BYTE = "byte"
    CHAR = "char"
    WCHAR = "wchar_t"
    INT8 = "int8"
    UINT8 = "uint8"
    INT16 = "int16"
    UINT16 = "uint16"
    INT32 = "int32"
    UINT32 = "uint32"
    INT64 = "int64"
    UINT64 = "uint64"
    INT3264 = "int3264"
    UINT3264 = "uint3264"
    FLOAT = "float"
    DOUBLE = "double"
    GUID = "guid"
    """A structure named GUID, UUID, IID ... of the well-known shape."""


class PointerKind(StrEnum):
    REF = "ref"
    UNIQUE = "unique"
    FULL = "ptr"


# ---------------------------------------------------------------------------- expressions
# Bound expressions of size_is, length_is, switch_is ...: constants are folded, names are siblings
# (parameters of the same operation or fields of the same structure).


@dataclass(frozen=True, slots=True)
class Constant:
    value: int


@dataclass(frozen=True, slots=True)
class Variable:
    """The value of a sibling. A dereference of a sibling (`*n`) is the same node with `dereferenced`."""

    name: str
    """The sibling's IDL name."""
    dereferenced: int = 0
    """How many `*` stood before it."""
    pointer: bool = False
    """Whether what is left after dereferencing is still a pointer (only its nullness can be used)."""


@dataclass(frozen=True, slots=True)
class Member:
    """`operand.name` or `operand->name`."""

    operand: Expression
    name: str


@dataclass(frozen=True, slots=True)
class Unary:
    operator: str
    """One of + - ! ~"""
    operand: Expression


@dataclass(frozen=True, slots=True)
class Binary:
    operator: str
    """One of * / % + - << >> < > <= >= == != & ^ | && ||"""
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Conditional:
    condition: Expression
    then: Expression
    otherwise: Expression


@dataclass(frozen=True, slots=True)
class Cast:
    """A C cast to an integer type: the value is reduced to `bits`, signed or not."""

    bits: int
    signed: bool
    operand: Expression


Expression = Constant | Variable | Member | Unary | Binary | Conditional | Cast


# ---------------------------------------------------------------------------- types


@dataclass(frozen=True, slots=True)
class Void:
    """No value: the result of a void operation."""


@dataclass(frozen=True, slots=True)
class ErrorType:
    """Stands where a type could not be bound; absorbs every follow-up diagnostic."""


@dataclass(frozen=True, slots=True)
class Base:
    kind: BaseKind
    spelling: str = ""
    """As the IDL names it (`DWORD`, `unsigned long`): for comments and for `HRESULT`."""
    range: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class EnumUse:
    name: str
    range: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class StructUse:
    name: str


@dataclass(frozen=True, slots=True)
class UnionUse:
    """A union at a place of use. `switch` is None for an encapsulated union, which holds its own tag."""

    name: str
    switch: Expression | None = None
    switch_type: Base | EnumUse | None = None
    """The discriminant's wire type: `switch_type` of the union, else the type that `switch_is` has."""


@dataclass(frozen=True, slots=True)
class Pointer:
    """One pointer level. A pointer to an array (`[size_is(n)] T *p`) has an `Array` or `String` target."""

    kind: PointerKind
    target: Type


@dataclass(frozen=True, slots=True)
class Dimension:
    """One array dimension, outermost first. max_is and last_is are already turned into size and length.

    Fixed: `bound`. Conformant: `bound` is None, `size` says how many. Varying: `length` (and `first`).
    """

    bound: int | None = None
    size: Expression | None = None
    first: Expression | None = None
    length: Expression | None = None

    @property
    def conformant(self) -> bool:
        return self.bound is None

    @property
    def varying(self) -> bool:
        return self.length is not None or self.first is not None


@dataclass(frozen=True, slots=True)
class Array:
    """An array in place; `element` is never an Array itself (dimensions are combined)."""

    element: Type
    dimensions: tuple[Dimension, ...]
    range: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class String:
    """A terminated string in place: varying, and conformant too unless `bound` gives its fixed room."""

    unit: BaseKind
    """CHAR, WCHAR or BYTE."""
    bound: int | None = None
    size: Expression | None = None
    range: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class ContextHandleUse:
    """A context handle in place (20 octets); `name` is the typedef's, or the parameter's when it has none."""

    name: str


@dataclass(frozen=True, slots=True)
class BindingHandle:
    """handle_t, or an implicit handle: chooses the channel, has no wire form."""


@dataclass(frozen=True, slots=True)
class Pipe:
    """A pipe parameter's type; `name` is the typedef's."""

    name: str
    element: Type
    range: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class InterfacePointer:
    """`IFoo *`, or `void *` with iid_is. Travels as MInterfacePointer behind a unique pointer."""

    interface: str | None
    iid: Expression | None = None


@dataclass(frozen=True, slots=True)
class Presented:
    """A value that Python sees as something else than what travels: a converter stands in between."""

    name: str
    """The IDL type's name: for messages."""
    type: Type
    """What travels."""
    converter: str
    """The dotted name of the converter's class, as `represent_as` or `user_marshal` gives it."""


@dataclass(frozen=True, slots=True)
class Opaque:
    """A type that is legal but cannot travel (function pointers, `void *`, bit-fields): local code only."""

    spelling: str


Type = (
    Void
    | ErrorType
    | Base
    | EnumUse
    | StructUse
    | UnionUse
    | Pointer
    | Array
    | String
    | ContextHandleUse
    | BindingHandle
    | Pipe
    | InterfacePointer
    | Presented
    | Opaque
)


# ---------------------------------------------------------------------------- declarations


@dataclass(frozen=True, slots=True)
class Field:
    name: str
    type: Type
    declaration: str
    """The IDL of this field on one line, without the `;`: for comments."""
    span: Span
    ignore: bool = False
    doc: Doc = NO_DOC
    unnamed: bool = False
    """A structure or union that the IDL gives no name: what is in it counts as a field of what it is in."""


@dataclass(frozen=True, slots=True)
class Struct:
    name: str
    """The typedef name where there is one, else the tag, else a name made from where it stands."""
    fields: tuple[Field, ...]
    span: Span
    origin: str
    """The name of the file that defines it, as BoundFile.name."""
    doc: Doc = NO_DOC
    aliases: tuple[str, ...] = ()
    """Further names for the same type: the tag, more typedefs."""
    packing: int | None = None
    """What `#pragma pack` says of its layout in memory; the wire does not care."""


@dataclass(frozen=True, slots=True)
class Arm:
    name: str | None
    """None for an empty arm."""
    type: Type | None
    values: tuple[int, ...]
    default: bool
    declaration: str
    span: Span
    doc: Doc = NO_DOC
    ignore: bool = False


@dataclass(frozen=True, slots=True)
class Union:
    name: str
    arms: tuple[Arm, ...]
    switch_type: Base | EnumUse | None
    encapsulated: bool
    ms_union: bool
    span: Span
    origin: str
    tag_name: str = "tag"
    """Encapsulated: the name of the tag field."""
    doc: Doc = NO_DOC
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Enumerator:
    name: str
    value: int
    doc: Doc = NO_DOC


@dataclass(frozen=True, slots=True)
class Enum:
    name: str
    members: tuple[Enumerator, ...]
    octets: int | None
    """4 for v1_enum, and what a dialect says; None for 16 bits in NDR 2.0 and 32 in NDR64."""
    span: Span
    origin: str
    doc: Doc = NO_DOC
    aliases: tuple[str, ...] = ()
    flags: bool = False
    """Values are sums of members."""


@dataclass(frozen=True, slots=True)
class ContextHandle:
    name: str
    span: Span
    origin: str
    serialize: bool = True
    doc: Doc = NO_DOC
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Alias:
    """A typedef that names no new record: `typedef [string] wchar_t *NAME`, `typedef long COUNT`."""

    name: str
    type: Type
    span: Span
    origin: str
    doc: Doc = NO_DOC


@dataclass(frozen=True, slots=True)
class NamedConstant:
    name: str
    value: int | float | str | bytes | bool | UUID | None
    span: Span
    origin: str
    doc: Doc = NO_DOC


Declared = Struct | Union | Enum | ContextHandle | Alias


@dataclass(frozen=True, slots=True)
class Pickled:
    """A name of a type that is [encode] or [decode]: it can be serialized by itself (MS-RPCE 2.2.6)."""

    name: str
    type: Type
    encode: bool
    decode: bool
    span: Span
    asked: bool = True
    """Whether its typedef says so. Of an interface that says so for all, types that cannot are left out."""


@dataclass(frozen=True, slots=True)
class Parameter:
    name: str
    type: Type
    """For an [out] or top-level ref parameter the whole type, its Pointer(REF, ...) included."""
    is_in: bool
    is_out: bool
    declaration: Callable[[], str]
    """The IDL of this parameter on one line: for the docstring, so it is put together when somebody asks."""
    span: Span
    words: frozenset[str] = frozenset()
    """Names of its attributes: what Automation rules ask for (retval, optional, lcid ...)."""
    type_name: str = ""
    """The type's name as written, without the stars: `VARIANT`, `SAFEARRAY(VARIANT)`."""
    doc: Doc = NO_DOC
    user_handle: bool = False
    """Its type is marked [handle]: it is data that chooses the server too."""

    @property
    def presence_only(self) -> bool:
        """Whether a request only says if the pointer is null: [partial_ignore]."""
        return "partial_ignore" in self.words


@dataclass(frozen=True, slots=True)
class Operation:
    name: str
    opnum: int
    parameters: tuple[Parameter, ...]
    result: Type
    declaration: Callable[[], str]
    """The whole operation on one line, `[async]` included: for the docstring as well."""
    span: Span
    is_async: bool = False
    maybe: bool = False
    idempotent: bool = False
    broadcast: bool = False
    message: bool = False
    callback: bool = False
    encode: bool = False
    decode: bool = False
    """Serialized instead of called: its [in] parameters are encoded, its [out] ones decoded."""
    local: bool = False
    placeholder: bool = False
    """`void OpnumNNotUsedOnWire(void)`: takes an opnum, is not offered."""
    doc: Doc = NO_DOC
    words: frozenset[str] = frozenset()
    """Names of its attributes."""
    dispid: int | None = None
    """What `id` says: the number that IDispatch::Invoke knows it by."""
    call_as: str | None = None
    """The local method that it stands for on the wire."""
    comm_status: str | None = None
    fault_status: str | None = None
    """The output that takes the status of a failure, which is then not raised: a parameter, or `return_value`."""
    hidden_statuses: tuple[str, ...] = ()
    """Outputs for a status that only the ACF names: the client has them, and they do not travel."""
    half_of: str | None = None
    """Begin_M and Finish_M of an asynchronous interface: the method M. Expressions of their parameters' types may name
    parameters that only the other half has, so M's own list is where such names are looked up."""

    @property
    def serialized(self) -> bool:
        """Whether it never travels as a call."""
        return self.encode or self.decode

    @property
    def called(self) -> str:
        """The name in C and C++: accessors of a property tell themselves apart by get_, put_ and putref_."""
        return self.prefix + self.name

    @property
    def prefix(self) -> str:
        """What C puts before the name of an accessor."""
        return next((prefix for word, prefix in ACCESSORS.items() if word in self.words), "")


ACCESSORS = {"propget": "get_", "propput": "put_", "propputref": "putref_"}
"""Attributes that make a method an accessor of a property, with what its name begins with in C."""


@dataclass(frozen=True, slots=True)
class Property:
    """One property of a dispinterface."""

    name: str
    type: Type
    dispid: int | None
    declaration: str
    span: Span
    readonly: bool = False
    doc: Doc = NO_DOC


@dataclass(frozen=True, slots=True)
class Interface:
    name: str
    uuid: UUID | None
    version: tuple[int, int]
    operations: tuple[Operation, ...]
    span: Span
    origin: str
    object: bool = False
    local: bool = False
    base: str | None = None
    endpoints: tuple[tuple[str, str], ...] = ()
    """(protocol sequence, endpoint) pairs."""
    strict_context: bool = False
    doc: Doc = NO_DOC
    base_origin: str = ""
    """The name of the file that defines the base; empty where no file that was read does."""
    words: frozenset[str] = frozenset()
    """Names of its attributes."""
    library: bool = False
    """Whether it stands in a library block."""
    dispatch: bool = False
    """A dispinterface: its methods are called through IDispatch::Invoke and have no slots of their own."""
    properties: tuple[Property, ...] = ()
    """Of a dispinterface."""
    wraps: str | None = None
    """The interface that a dispinterface offers as it is: `dispinterface D { interface I; }`."""
    synchronous: str | None = None
    """Of an asynchronous interface: the interface that it was made from, whose IID and numbers the wire carries."""
    async_uuid: UUID | None = None
    """The IID of its asynchronous form."""
    implicit_handle: str | None = None
    """The variable that implicit_handle names."""


@dataclass(frozen=True, slots=True)
class CoclassMember:
    """An interface that a component class offers, or calls when it is a [source]."""

    name: str
    origin: str
    """The file that defines it; empty where none that was read does."""
    default: bool
    source: bool
    restricted: bool
    span: Span
    words: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Coclass:
    name: str
    uuid: UUID | None
    members: tuple[CoclassMember, ...]
    span: Span
    origin: str
    doc: Doc = NO_DOC


@dataclass(frozen=True, slots=True)
class Library:
    """A type library: what its block is about. What stands in it belongs to the file, as everything else does."""

    name: str
    uuid: UUID | None
    version: tuple[int, int]
    importlibs: tuple[str, ...]
    span: Span
    origin: str
    doc: Doc = NO_DOC


@dataclass(frozen=True, slots=True)
class BoundFile:
    """One IDL file, bound. `declarations` and `constants` are the file's own, in source order."""

    name: str
    """The stem of the file name, as written: `ms-dtyp`."""
    sources: tuple[str, ...]
    """Base names of the IDL and ACF files that made it, for the header comment."""
    declarations: tuple[Declared, ...]
    constants: tuple[NamedConstant, ...]
    interfaces: tuple[Interface, ...]
    imports: tuple[str, ...]
    """Names of the files imported directly."""
    declared: Mapping[str, Declared]
    """Every record, union, enumeration, context handle and alias that is visible, imports included, by name."""
    text: str = field(default="", repr=False, compare=False)
    """Of the IDL file, whose head may say what it is about."""
    quotes: tuple[str, ...] = ()
    """What `cpp_quote` and `#pragma midl_echo` put into a C header, in order."""
    pickled: tuple[Pickled, ...] = ()
    """The file's own types that are serialized by themselves, in source order."""
    coclasses: tuple[Coclass, ...] = ()
    libraries: tuple[Library, ...] = ()
    scope: Scope | None = field(default=None, repr=False, compare=False)
    """What files that import this one can name: for the binder alone."""


def behind_ref(type_: Type) -> Type:
    """A parameter's type without the `ref` pointer at its top, which leaves no trace on the wire (C706 14.3.11.1)."""
    return type_.target if isinstance(type_, Pointer) and type_.kind is PointerKind.REF else type_
