"""Names and what they stand for while a file is being bound.

A type that was named or written but not yet used is a `Shape`: a core with pointer and array levels
around it. Levels stay open to attributes, because an unattributed pointer of a typedef takes its kind
only where it is used, and `size_is` at a use says how long a typedef's pointer's array is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from uuid import UUID

from idlc.data import dataclass, field, replace
from idlc.semantics.types import (
    Array,
    Base,
    BaseKind,
    Declared,
    Dimension,
    ErrorType,
    Expression,
    Pointer,
    PointerKind,
    String,
    Type,
)
from idlc.source.files import Span

MAX_LEVELS = 32
"""Pointer and array levels of one type. C promises 12; the types are walked by recursion later."""


@dataclass(frozen=True, slots=True)
class Extent:
    """How many elements an array has, or what a pointer points at."""

    bound: int | None = None
    size: Expression | None = None
    first: Expression | None = None
    length: Expression | None = None
    string: bool = False
    range: tuple[int, int] | None = None

    @property
    def sized(self) -> bool:
        """Whether a pointer with this extent points at an array rather than at one thing."""
        return self.size is not None or self.first is not None or self.length is not None

    def dimension(self) -> Dimension:
        return Dimension(self.bound, self.size, self.first, self.length)


@dataclass(frozen=True, slots=True)
class Level:
    """One `*` or one `[...]`."""

    is_pointer: bool
    span: Span
    kind: PointerKind | None = None
    """The pointer attribute in force; None while undecided."""
    default: PointerKind | None = None
    """The `pointer_default` of where this was written; None where there was none to take."""
    extent: Extent = Extent()


@dataclass(frozen=True, slots=True)
class InterfaceCore:
    """An interface as a type: useful behind a pointer only."""

    name: str


@dataclass(frozen=True, slots=True)
class FunctionCore:
    """A function as a type: local code only."""

    spelling: str


Core = Type | InterfaceCore | FunctionCore


@dataclass(frozen=True, slots=True)
class Shape:
    """A type whose levels still take attributes; the outermost level comes first."""

    levels: tuple[Level, ...]
    core: Core
    const: bool = False
    user_handle: bool = False
    """Marked [handle]: data, and a binding handle too."""
    presented: bool = False
    """Stands for what travels instead of a declared type: attributes of the latter mean nothing to it."""
    represented: bool = False
    """C code sees it through routines of its own: what travels is the type itself."""
    inner: int = 0
    """How many of the innermost levels are those of what travels instead, out of reach of attributes."""

    @property
    def is_error(self) -> bool:
        return isinstance(self.core, ErrorType)

    def outer(self, level: Level) -> Shape:
        """This shape with one level around it."""
        return replace(self, levels=(level, *self.levels))


ERROR_SHAPE = Shape((), ErrorType())


@dataclass(frozen=True, slots=True)
class TypedefSymbol:
    name: str
    shape: Shape
    span: Span
    origin: str


@dataclass(slots=True)
class TagSymbol:
    """A structure, union or enumeration by tag; `core` is what a use of it means."""

    keyword: str
    tag: str
    name: str
    core: Core
    span: Span
    origin: str
    complete: bool = False


@dataclass(frozen=True, slots=True)
class ConstantSymbol:
    """A constant or an enumerator. Text has no integer value and cannot be used in size expressions."""

    name: str
    value: int | float | str | bytes | bool | UUID | None
    span: Span
    origin: str
    broken: bool = False
    """Its value was refused: whoever uses it has nothing more to say."""


@dataclass(frozen=True, slots=True)
class InterfaceSymbol:
    """An interface, dispinterface or coclass. One that was only announced is not complete."""

    name: str
    span: Span
    origin: str
    keyword: str = "interface"
    object: bool = False
    complete: bool = False
    next_opnum: int = 0
    base: str | None = None
    automation: bool = False
    """Whether Automation can carry a pointer to it: oleautomation, dual, or reached through IDispatch."""
    twin: str | None = None
    """The name of its asynchronous form."""
    synchronous: str | None = None
    """Of an asynchronous form: the name of what it was made from."""
    identities: Mapping[str, int] = field(default_factory=dict)
    """DISPIDs by name."""
    methods: tuple[str, ...] = ()
    """What C calls the methods that it has from its bases and itself, those that are not remoted included."""
    iid: UUID | None = None


@dataclass(slots=True)
class Scope:
    """Everything visible by name. Tags have a name space of their own; the rest share one."""

    typedefs: dict[str, TypedefSymbol] = field(default_factory=dict)
    tags: dict[str, TagSymbol] = field(default_factory=dict)
    constants: dict[str, ConstantSymbol] = field(default_factory=dict)
    interfaces: dict[str, InterfaceSymbol] = field(default_factory=dict)
    declared: dict[str, Declared] = field(default_factory=dict)
    typelibs: set[str] = field(default_factory=set)
    """Files that are there in place of type libraries: what they define gives way to IDL."""

    def include(self, other: Scope) -> None:
        """Make what another file offers visible; what is here already stays."""
        self.typelibs |= other.typelibs
        self.typedefs = {**other.typedefs, **self.typedefs}
        # A tag that was only announced may be completed here, and is still only announced there.
        announced = {tag: replace(symbol) for tag, symbol in other.tags.items() if not symbol.complete}
        self.tags = {**other.tags, **announced, **self.tags}
        self.constants = {**other.constants, **self.constants}
        self.interfaces = {**other.interfaces, **self.interfaces}
        self.declared = {**other.declared, **self.declared}

    def type_names(self) -> Iterator[str]:
        yield from self.typedefs
        yield from self.interfaces


def finish(shape: Shape, *, default: PointerKind | None, parameter: bool = False) -> Type:
    """The bound type of a shape, each undecided pointer decided.

    C706 4.2.20.1 and MIDL's rules: an undecided outermost pointer of a parameter is `ref`, and an array
    parameter is a `ref` pointer to the array; deeper ones follow the `pointer_default` of where they were
    written, then of where they are used, then are `unique`.
    """
    core = shape.core
    if isinstance(core, ErrorType):
        return core
    if isinstance(core, InterfaceCore | FunctionCore):
        return ErrorType()
    result: Type = core
    for at in range(len(shape.levels) - 1, -1, -1):
        level = shape.levels[at]
        outermost = parameter and at == 0
        kind = level.kind or (PointerKind.REF if outermost else level.default or default or PointerKind.UNIQUE)
        extent = level.extent
        if not level.is_pointer:
            result = _array(result, extent)
            if outermost:
                result = Pointer(kind, result)
        elif extent.sized or extent.string:
            result = Pointer(kind, _array(result, extent))
        else:
            result = Pointer(kind, result)
    return result


def string_unit(element: Type) -> BaseKind | None:
    """What a string of such elements is made of; None where there can be none."""
    if isinstance(element, Base):
        return _UNITS.get(element.kind)
    return None


_UNITS = {
    BaseKind.CHAR: BaseKind.CHAR,
    BaseKind.INT8: BaseKind.CHAR,
    BaseKind.BYTE: BaseKind.BYTE,
    BaseKind.UINT8: BaseKind.BYTE,
    BaseKind.WCHAR: BaseKind.WCHAR,
}


def _array(element: Type, extent: Extent) -> Type:
    if extent.string:
        unit = string_unit(element)
        return ErrorType() if unit is None else String(unit, extent.bound, extent.size, extent.range)
    if isinstance(element, ErrorType):
        return element
    if isinstance(element, Array):
        limits = extent.range or element.range
        return Array(element.element, (extent.dimension(), *element.dimensions), limits)
    return Array(element, (extent.dimension(),), extent.range)
