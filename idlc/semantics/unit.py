"""The state of binding one file: what is visible, what was declared so far, and which defaults are in force."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from idlc.data import dataclass, field
from idlc.diagnostics.report import Note, Report
from idlc.semantics.acf import AcfFacts
from idlc.semantics.constants import Expressions
from idlc.semantics.names import TagNames
from idlc.semantics.packing import Packing
from idlc.semantics.symbols import (
    ConstantSymbol,
    Core,
    Extent,
    Level,
    Scope,
    Shape,
    TypedefSymbol,
)
from idlc.semantics.types import (
    Array,
    Base,
    Declared,
    Dimension,
    ErrorType,
    NamedConstant,
    Opaque,
    Operation,
    Pickled,
    Pointer,
    PointerKind,
    String,
    Struct,
    Type,
)
from idlc.semantics.written import Attributes
from idlc.settings import Dialect, Settings
from idlc.source.files import Span
from idlc.syntax import ast

Define = Callable[[ast.TypeSpecifier, Attributes, str, tuple[str, ...]], Core]
"""Binds a structure, union or enumeration body. Takes its attributes, a name for one without a tag, and aliases."""


@dataclass(slots=True)
class Unit:
    origin: str
    """The file's stem, as BoundFile.name."""
    report: Report
    scope: Scope
    tags: TagNames
    acf: AcfFacts
    define: Define
    declarations: list[Declared] = field(default_factory=list)
    constants: list[NamedConstant] = field(default_factory=list)
    pickled: list[Pickled] = field(default_factory=list)
    default: PointerKind | None = PointerKind.UNIQUE
    """What undecided pointers written here become; None leaves it to where they are used."""
    ms_union: bool = False
    undefined: dict[str, Opaque | ErrorType] = field(default_factory=dict)
    """Type names that mean nothing, and what stands for them: a forgotten import is one mistake for all uses."""
    dispatched: dict[int, Operation | None] = field(default_factory=dict)
    """The methods of dispinterfaces, by the identity of their declarators in the tree."""
    spelled: dict[str, tuple[TypedefSymbol, Shape]] = field(default_factory=dict)
    """By the name of a number's typedef, the number that goes by this name."""
    packing: Packing = field(default_factory=Packing)
    quotes: list[str] = field(default_factory=list)
    """Text for C headers, as BoundFile.quotes."""
    pickling: frozenset[str] = frozenset()
    """Which of encode and decode the interface asks for, for all its types."""
    undecided: Span | None = None
    """The first pointer of the interface that nothing gives a kind."""
    library: bool = False
    """Inside a library block."""
    imported: frozenset[str] = frozenset()
    """The names of the files that could be imported."""
    unread: list[ast.Importlib] = field(default_factory=list)
    """Type libraries that are named but cannot be read."""
    lacking: dict[str, Span] = field(default_factory=dict)
    """Names that are taken to come from those."""
    ahead: Callable[[str, Span], bool] = lambda name, span: False
    """Binds the type of that name if it is defined further down; False if it is not."""
    definitions: Mapping[str, ast.Interface] = field(default_factory=dict)
    """The interfaces of this file, those further down included."""
    settings: Settings = field(default_factory=Settings)
    expressions: Expressions = field(init=False)
    operations: dict[str, Span] = field(default_factory=dict)
    """Names of the remote operations of plain RPC interfaces so far: unique over a file."""

    def adopt(self, settings: Settings) -> None:
        """Go by what the options say of the language."""
        self.settings = settings
        self.ms_union = settings.ms_union
        if settings.dialect is Dialect.DCE:
            self.default = PointerKind.FULL

    def use(self, resolve: Callable[[ast.TypeName], Shape]) -> None:
        """Finish construction: expressions need to resolve type names, which needs the unit."""
        pointer_octets = self.settings.environment.pointer_octets
        self.expressions = Expressions(
            self.scope, self.report, resolve, self.fields, self.unnamed, pointer_octets=pointer_octets
        )

    def fields(self, name: str) -> Mapping[str, Shape]:
        """The fields of a structure that is bound already."""
        declared = self.scope.declared.get(name)
        if not isinstance(declared, Struct):
            return {}
        return {one.name: shape_of(one.type) for one in declared.fields}

    def unnamed(self, name: str) -> tuple[str, ...]:
        """Those of its fields that the IDL gives no name."""
        declared = self.scope.declared.get(name)
        return tuple(one.name for one in declared.fields if one.unnamed) if isinstance(declared, Struct) else ()

    def outside(self, name: str, span: Span) -> bool:
        """Whether an unknown name may come from a type library that was not read; then it is no mistake."""
        if not self.unread:
            return False
        self.lacking.setdefault(name, span)
        return True

    def ancestors(self, name: str) -> Iterator[str]:
        """What an interface of this file derives from, and what that does, as far as this file says."""
        seen = {name}
        while (found := self.definitions.get(name)) is not None and found.base is not None:
            name = found.base.name.rpartition(".")[2]
            if name in seen:
                return
            seen.add(name)
            yield name

    def declare(self, declared: Declared) -> None:
        self.declarations.append(declared)
        self.scope.declared[declared.name] = declared

    def constant(self, constant: ConstantSymbol) -> bool:
        """Make a constant or enumerator known; False, after a report, when the name is taken."""
        known = self.scope.constants.get(constant.name)
        type_ = self.scope.typedefs.get(constant.name)
        if known is not None and known.value == constant.value and type(known.value) is type(constant.value):
            return True
        if known is not None and known.broken:
            return True
        taken = known or type_
        if taken is not None:
            code = "MIDL2204" if known is not None else "MIDL2003"
            self.report.error(code, f'"{constant.name}" is defined twice', constant.span, (before(taken.span),))
            return False
        self.scope.constants[constant.name] = constant
        return True

    def typedef(self, symbol: TypedefSymbol) -> None:
        self.scope.typedefs[symbol.name] = symbol

    def free_name(self, wanted: str) -> str:
        """`wanted`, or with underscores behind it when another type has that name."""
        while wanted in self.scope.declared or wanted in self.scope.typedefs:
            wanted += "_"
        return wanted


def before(span: Span) -> Note:
    return Note("first defined here", span)


def shape_of(type_: Type) -> Shape:
    """The shape that gives a bound type: the way back, for fields of structures that are bound already."""
    levels: list[Level] = []
    nowhere = Span.none()
    while True:
        match type_:
            case Pointer(kind, Array() as array):
                first, *rest = array.dimensions
                extent = Extent(first.bound, first.size, first.first, first.length, range=array.range)
                levels.append(Level(True, nowhere, kind, extent=extent))
                levels += map(_level, rest)
                type_ = array.element
            case Pointer(kind, String(unit, bound, size, limits)):
                levels.append(Level(True, nowhere, kind, extent=Extent(bound, size, string=True, range=limits)))
                return Shape(tuple(levels), Base(unit))
            case Pointer(kind, target):
                levels.append(Level(True, nowhere, kind))
                type_ = target
            case Array(element, dimensions):
                levels += map(_level, dimensions)
                type_ = element
            case String(unit, bound, size, limits):
                levels.append(Level(False, nowhere, extent=Extent(bound, size, string=True, range=limits)))
                return Shape(tuple(levels), Base(unit))
            case _:
                return Shape(tuple(levels), type_)


def _level(dimension: Dimension) -> Level:
    extent = Extent(dimension.bound, dimension.size, dimension.first, dimension.length)
    return Level(False, Span.none(), extent=extent)
