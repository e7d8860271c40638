"""From specifiers, declarators and attributes to shapes: which level of a type each word and attribute belongs to."""

from __future__ import annotations

from collections.abc import Sequence

from idlc.data import replace
from idlc.diagnostics.report import Note
from idlc.language import absent
from idlc.language.attributes import Place
from idlc.language.basetypes import BASE_TYPES, INTERNATIONAL, NOT_IMPLEMENTED
from idlc.semantics import written
from idlc.semantics.constants import Siblings, Value, integer_type
from idlc.semantics.symbols import (
    ERROR_SHAPE,
    MAX_LEVELS,
    Core,
    Extent,
    FunctionCore,
    InterfaceCore,
    InterfaceSymbol,
    Level,
    Shape,
    TagSymbol,
    string_unit,
)
from idlc.semantics.types import (
    Base,
    BaseKind,
    Binary,
    BindingHandle,
    Constant,
    ContextHandleUse,
    EnumUse,
    ErrorType,
    Expression,
    InterfacePointer,
    Opaque,
    Pipe,
    PointerKind,
    Presented,
    Struct,
    StructUse,
    Union,
    UnionUse,
    Variable,
    Void,
)
from idlc.semantics.unit import Unit
from idlc.semantics.written import Attributes, suggestion
from idlc.settings import Dialect
from idlc.source.files import Span
from idlc.syntax import ast

SYSTEM_HANDLE = Opaque("system handle")
"""A handle of the operating system, which travels within one machine only."""

GENERIC = Opaque("void *")
"""What `void *` is where nothing says what it points at."""

_BASES = {kind.value: kind for kind in BaseKind if kind is not BaseKind.GUID} | {"schar": BaseKind.INT8}

# ---------------------------------------------------------------------------- specifiers


def resolve(unit: Unit, type_name: ast.TypeName) -> Shape:
    """The shape of a type that stands alone, as in a cast or `switch_type(...)`."""
    base = specified(unit, type_name.specifiers, "", written.NONE, ())
    return declared(unit, base, type_name.declarator)


def specified(
    unit: Unit, specifiers: ast.Specifiers, called: str, attributes: Attributes, aliases: tuple[str, ...]
) -> Shape:
    """The shape of a specifier. A body without a tag is defined under the name `called`."""
    shape = _type(unit, specifiers.type, called, attributes, aliases)
    return replace(shape, const=True) if specifiers.const else shape


def _type(
    unit: Unit, specifier: ast.TypeSpecifier, called: str, attributes: Attributes, aliases: tuple[str, ...]
) -> Shape:
    match specifier:
        case ast.BaseType():
            return Shape((), _base(unit, specifier))
        case ast.NamedType():
            return _named(unit, specifier.name, specifier.span)
        case ast.StructReference(name=tag):
            return Shape((), _reference(unit, "struct", tag, specifier.span))
        case ast.UnionReference(name=tag):
            return Shape((), _reference(unit, "union", tag, specifier.span))
        case ast.EnumReference(name=tag):
            return Shape((), _reference(unit, "enum", tag, specifier.span))
        case ast.InterfaceReference(name=name):
            if name not in unit.scope.interfaces:  # as with the tag of a structure, naming it announces it
                unit.scope.interfaces[name] = InterfaceSymbol(name, specifier.span, unit.origin, object=True)
            return Shape((), InterfaceCore(name))
        case ast.SafeArray():
            if not unit.library:
                unit.report.doubtful("MIDL2107", "SAFEARRAY(...) belongs into a library", specifier.span)
            resolve(unit, specifier.element)
            return Shape((), Opaque("SAFEARRAY"))
        case _:
            return Shape((), unit.define(specifier, attributes, called, aliases))


def _base(unit: Unit, specifier: ast.BaseType) -> Core:
    match specifier.kind:
        case "void":
            return Void()
        case "handle_t":
            return BindingHandle()
        case "error_status_t":
            return Base(BaseKind.UINT32, "error_status_t")
        case "foreign":
            return Opaque(f"foreign: {specifier.spelling}")
        case kind if kind in NOT_IMPLEMENTED:
            unit.report.error("MIDL2029", f'type "{specifier.spelling}" is not implemented', specifier.span)
            return ErrorType()
        case kind:
            return Base(_BASES[kind], specifier.spelling)


def _named(unit: Unit, name: str, span: Span) -> Shape:
    simple = name.rpartition(".")[2]
    symbol = unit.scope.typedefs.get(simple)
    if symbol is not None:
        shape = symbol.shape
        if isinstance(shape.core, Base) and not any(level.extent.string for level in shape.levels):
            if shape.levels or shape.core.spelling == simple:
                return shape
            known = unit.spelled.get(simple)
            if known is None or known[0] is not symbol:
                spelled = replace(shape, core=replace(shape.core, spelling=simple))
                known = unit.spelled[simple] = symbol, spelled
            return known[1]
        return shape
    if simple in unit.scope.interfaces:
        return Shape((), InterfaceCore(simple))
    if simple in unit.undefined:  # said already
        return Shape((), unit.undefined[simple])
    tag = unit.scope.tags.get(simple)
    keyword = tag.keyword if tag is not None else unit.tags.keywords.get(simple)
    if keyword is not None:
        message = f'"{name}" is the tag of a {keyword}, not the name of a type'
        unit.report.doubtful("MIDL2011", message, span, help=f'write "{keyword} {simple}"')
        return Shape((), _reference(unit, keyword, simple, span))
    if unit.ahead(simple, span):
        return _named(unit, name, span)
    later = unit.definitions.get(simple)
    if later is not None:
        note = Note("it is defined here", later.name_span)
        message = f'interface "{name}" is defined further down'
        unit.report.doubtful("MIDL2011", message, span, (note,), f"announce it: interface {simple};")
        unit.scope.interfaces[simple] = InterfaceSymbol(simple, span, unit.origin, object=True)
        return Shape((), InterfaceCore(simple))
    if simple in INTERNATIONAL:
        unit.report.error("MIDL2029", f'type "{name}" is not implemented', span, help="name the octets: byte, wchar_t")
        return ERROR_SHAPE
    if unit.settings.dialect is Dialect.PIDL:  # Samba's C code may well know it
        near = suggestion(name, unit.scope.type_names())
        hint = "," if near is None else f" ({near})"
        unit.undefined[simple] = Opaque(f'foreign: of type "{name}", which no IDL defines{hint}')
    elif in_header(span):
        message = f'undefined type "{name}": what is made of it cannot be sent'
        unit.report.doubtful("MIDL2011", message, span, help="the header needs others that nobody imported")
        unit.undefined[simple] = Opaque(f"undefined type {name}")
    else:
        _undefined(unit, name, span, [*unit.scope.type_names(), *_WORDS], "type")
        unit.undefined[simple] = ErrorType()
    return Shape((), unit.undefined[simple])


_WORDS = (
    "void byte char wchar_t boolean small short long hyper int unsigned signed float double error_status_t handle_t"
).split()
"""Words of base types that may be meant by an undefined name."""


def in_header(span: Span) -> bool:
    """Whether something stands in a C header. Imported ones are full of what only a C compiler can know."""
    return span.file.name.lower().endswith(".h")


def _undefined(unit: Unit, name: str, span: Span, candidates: Sequence[str], what: str) -> None:
    if unit.outside(name, span):
        return
    help_ = absent.instead(name) or absent.origin(name) or suggestion(name, candidates)
    unit.report.error("MIDL2011", f'undefined {what} "{name}"', span, help=help_)


def _reference(unit: Unit, keyword: str, tag: str, span: Span) -> Core:
    symbol = unit.scope.tags.get(tag)
    if symbol is None:
        symbol = forward(unit, keyword, tag, span)
    elif symbol.keyword != keyword and not (keyword == "struct" and _is_encapsulated(unit, symbol)):
        note = [Note("it is defined here", symbol.span)]
        unit.report.error("MIDL2003", f'"{tag}" is a {symbol.keyword}, not a {keyword}', span, note)
        return ErrorType()
    return symbol.core


def _is_encapsulated(unit: Unit, symbol: TagSymbol) -> bool:
    """Whether a tag is that of a union with its tag inside, which is a structure in C."""
    union = unit.scope.declared.get(symbol.name)
    return symbol.keyword == "union" and isinstance(union, Union) and union.encapsulated


def forward(unit: Unit, keyword: str, tag: str, span: Span) -> TagSymbol:
    """A tag that is used or announced before its body."""
    name = unit.tags.name(tag)
    core: Core
    match keyword:
        case "struct":
            core = StructUse(name)
        case "union":
            core = UnionUse(name)
        case _:
            core = EnumUse(name)
    symbol = TagSymbol(keyword, tag, name, core, span, unit.origin)
    unit.scope.tags[tag] = symbol
    return symbol


# ---------------------------------------------------------------------------- declarators


def declared(unit: Unit, base: Shape, declarator: ast.Declarator) -> Shape:
    """The base with a declarator's pointers, arrays and functions around it."""
    return derived(unit, base, declarator.derivations)


def derived(unit: Unit, base: Shape, derivations: Sequence[ast.Derivation]) -> Shape:
    if base.is_error:
        return base
    if not derivations:
        return _collapsed(base)
    levels: list[Level] = []
    core = base.core
    inner = base.levels
    for at, derivation in enumerate(derivations):
        match derivation:
            case ast.Pointer(span=span):
                levels.append(Level(True, span, default=unit.default))
            case ast.Array():
                level = _array_level(unit, derivation, inner=at > 0 and isinstance(derivations[at - 1], ast.Array))
                if level is None:
                    return ERROR_SHAPE
                levels.append(level)
            case ast.Function(span=span):
                core, inner = FunctionCore("function"), ()
                break
    if isinstance(core, Void) and levels and not levels[-1].is_pointer and not inner:
        unit.report.error("MIDL2127", "an array of void", levels[-1].span)
        return ERROR_SHAPE
    shape = replace(base, levels=(*levels, *inner), core=core)
    if len(shape.levels) > MAX_LEVELS:
        unit.report.error("IDLC1102", f"more than {MAX_LEVELS} pointers and arrays in one type", levels[0].span)
        return ERROR_SHAPE
    return _collapsed(shape)


def _collapsed(shape: Shape) -> Shape:
    """Interface and function pointers as one thing: their pointer is part of what they are."""
    if not shape.levels or not shape.levels[-1].is_pointer:
        return shape
    match shape.core:
        case InterfaceCore(name):
            return replace(shape, levels=shape.levels[:-1], core=InterfacePointer(name))
        case FunctionCore():
            return replace(shape, levels=shape.levels[:-1], core=Opaque("function pointer"))
        case _:
            return shape


def _array_level(unit: Unit, derivation: ast.Array, *, inner: bool) -> Level | None:
    """One dimension; None after a report."""
    if derivation.lower is not None:
        low = unit.expressions.integer(derivation.lower)
        if low is None:
            return None
        if low != 0:
            code = "MIDL2103" if low < 0 else "MIDL2102"
            unit.report.error(code, "the lower bound of an array must be 0", derivation.lower.span)
            return None
    if derivation.upper is None:
        if inner:
            unit.report.error("MIDL2296", "only the first dimension of an array may be open", derivation.span)
            return None
        return Level(False, derivation.span, default=unit.default)
    bound = unit.expressions.integer(derivation.upper)
    if bound is None:
        return None
    bound += derivation.lower is not None
    if bound <= 0:
        unit.report.error("MIDL2103", f"an array of {bound} elements", derivation.upper.span)
        return None
    if bound > _MOST_ELEMENTS:
        unit.report.error("IDLC1215", f"an array of {bound} elements", derivation.upper.span)
        return None
    return Level(False, derivation.span, default=unit.default, extent=Extent(bound))


# The signed 32-bit counts that C stubs and most peers use end here.
_MOST_ELEMENTS = 0x7FFFFFFF

# ---------------------------------------------------------------------------- attributes

_KINDS = {kind.value: kind for kind in PointerKind}
_COUNTING = ("size_is", "max_is", "first_is", "length_is", "last_is")
_SHAPING = frozenset(["system_handle", "string", "range", "switch_is", "switch_type", "iid_is", *_COUNTING])


def attributed(unit: Unit, shape: Shape, attributes: Attributes, siblings: Siblings | None) -> Shape:
    """The shape with the other attributes of its declaration in force. `siblings` are what expressions may name."""
    if shape.is_error:
        return shape
    if attributes.by_name.keys().isdisjoint(_SHAPING):
        return _generic_pointer(shape)
    system = attributes.get("system_handle")
    if system is not None:
        return Shape((), SYSTEM_HANDLE)
    shape = _counted(unit, shape, attributes, siblings)
    if shape.is_error:
        return shape
    shape = _string(unit, shape, attributes)
    shape = _limited(unit, shape, attributes)
    shape = _selected(unit, shape, attributes, siblings)
    shape = _identified(unit, shape, attributes, siblings)
    return _generic_pointer(shape)


def pointed(unit: Unit, shape: Shape, attributes: Attributes, place: Place) -> Shape:
    """The shape with ref, unique or ptr in force: for the outermost pointer, the one next to the name.

    This comes before all other attributes, because expressions ask what kind of pointers their operands are.
    """
    attribute = attributes.first_of("ref", "unique", "ptr")
    if attribute is None or shape.is_error:
        return shape
    kind = _KINDS[attribute.name]
    if shape.presented and len(shape.levels) <= shape.inner:
        return shape  # it is about the declared type, which does not travel
    if not shape.levels:
        match shape.core:
            case InterfacePointer():
                if kind is not PointerKind.UNIQUE:
                    message = f"interface pointers are unique, [{kind.value}] is ignored"
                    unit.report.warning("MIDL2314", message, attribute.span)
            case ContextHandleUse() | BindingHandle():
                if kind is not PointerKind.REF:
                    unit.report.error("MIDL2181", f"a handle cannot be [{kind.value}]", attribute.span)
            case Presented() | Opaque():
                pass  # it is about the declared type, which does not travel
            case Pipe():
                if kind is not PointerKind.REF:
                    unit.report.error("MIDL2096", f"a pipe cannot be [{kind.value}]", attribute.span)
            case _:
                message = f"[{kind.value}] needs a pointer"
                unit.report.error("MIDL2072", message, attribute.span)
        return shape
    level, *rest = shape.levels
    if not level.is_pointer and place is not Place.PARAMETER:
        message = f"[{kind.value}] does nothing for an array in place"
        unit.report.warning("MIDL2222", message, attribute.span)
        return shape
    if place is Place.OPERATION and kind is PointerKind.REF:
        unit.report.error("MIDL2177", "a result cannot be [ref]", attribute.span)
        return shape
    if place is Place.ARM and kind is PointerKind.REF:
        unit.report.error("MIDL2249", "a union arm cannot be a [ref] pointer", attribute.span)
        return shape
    core = rest[0].is_pointer if rest else False
    if not core and isinstance(shape.core, Pipe | ContextHandleUse | BindingHandle) and kind is not PointerKind.REF:
        code = "MIDL2096" if isinstance(shape.core, Pipe) else "MIDL2181"
        what = "a pipe" if isinstance(shape.core, Pipe) else "a handle"
        unit.report.error(code, f"a pointer to {what} cannot be [{kind.value}]", attribute.span)
        return shape
    return replace(shape, levels=(replace(level, kind=kind), *rest))


def note_undecided(unit: Unit, shape: Shape, *, outermost: bool) -> None:
    """Remember a pointer that no attribute gives a kind. The outermost one of a parameter has one anyway."""
    for level in shape.levels[1:] if outermost else shape.levels:
        if level.is_pointer and level.kind is None and level.default is None and unit.undecided is None:
            unit.undecided = level.span



def _counted(unit: Unit, shape: Shape, attributes: Attributes, siblings: Siblings | None) -> Shape:
    """size_is and its like: one expression for each level, outermost first."""
    if attributes.by_name.keys().isdisjoint(_COUNTING) or shape.core == GENERIC:
        return shape
    levels = list(shape.levels)
    # A pointer to an interface is a level too, of one thing always; so may be one inside a presented type.
    inside = 1 if isinstance(shape.core, InterfacePointer) or shape.presented else 0
    own = len(levels) - shape.inner
    bound: dict[str, dict[int, Expression]] = {}
    counted: dict[int, Value] = {}
    for name in _COUNTING:
        attribute = attributes.get(name)
        if attribute is None:
            continue
        arguments, further = attribute.arguments[:own], attribute.arguments[own:]
        if inside and len(further) <= inside and (own or shape.presented):
            if further and not shape.presented and not isinstance(further[0], ast.Hole):
                message = f"[{name}] makes an array of interfaces, which are nothing without pointers"
                unit.report.doubtful("IDLC1202", message, attribute.span)
        elif not own or further:
            wanted = f"has more positions than levels ({own})" if own else "needs an array or a pointer"
            unit.report.error("IDLC1202" if own else "MIDL2072", f"[{name}] {wanted}", attribute.span)
            continue
        found = bound.setdefault(name, {})
        for at, argument in enumerate(arguments):
            if isinstance(argument, ast.Hole):
                continue
            value = unit.expressions.sizing(argument, siblings)
            if value is None:
                return ERROR_SHAPE
            if value.constant is not None and value.constant < 0 and name not in {"max_is", "last_is"}:
                unit.report.error("MIDL2103", f"[{name}] is negative: {value.constant}", argument.span)
                return ERROR_SHAPE
            if value.constant is None and _is_hyper(value.shape):
                message = f"[{name}] is of 64 bits, and counts travel in 32"
                unit.report.doubtful("MIDL2059", message, argument.span)
            other = counted.setdefault(at, value)
            if other is not value and _mismatched(other, value):
                message = f"[{name}] is of another type than the array's size"
                unit.report.warning("MIDL2081", message, argument.span)
            if name in {"size_is", "max_is"} and not levels[at].is_pointer and levels[at].extent.bound is not None:
                message = f"[{name}] on an array whose size is fixed"
                note = Note("it has this bound", levels[at].span)
                unit.report.error("MIDL2299", message, attribute.span, (note,))
                return ERROR_SHAPE
            found[at] = value.expression
    for at, level in enumerate(levels):
        extent = level.extent
        size, most = bound.get("size_is", {}).get(at), bound.get("max_is", {}).get(at)
        first = bound.get("first_is", {}).get(at)
        length, last = bound.get("length_is", {}).get(at), bound.get("last_is", {}).get(at)
        if most is not None:
            size = _plus(most, 1)
        if last is not None:
            length = _plus(last if first is None else Binary("-", last, first), 1)
        levels[at] = replace(
            level,
            extent=replace(
                extent,
                size=extent.size if size is None else size,
                first=extent.first if first is None else first,
                length=extent.length if length is None else length,
            ),
        )
    return replace(shape, levels=tuple(levels))


def _is_hyper(shape: Shape) -> bool:
    return isinstance(shape.core, Base) and shape.core.kind in {BaseKind.INT64, BaseKind.UINT64}


def _mismatched(one: Value, other: Value) -> bool:
    """Whether two counts are of different integer types; constants fit everything."""
    if one.constant is not None or other.constant is not None:
        return False
    return integer_type(one.shape) != integer_type(other.shape)


def _plus(expression: Expression, more: int) -> Expression:
    if isinstance(expression, Constant):
        return Constant(expression.value + more)
    return Binary("+", expression, Constant(more))


def _string(unit: Unit, shape: Shape, attributes: Attributes) -> Shape:
    attribute = attributes.get("string")
    if attribute is not None and not shape.presented:
        unitary = None if isinstance(shape.core, InterfaceCore | FunctionCore) else string_unit(shape.core)
        if shape.levels and isinstance(shape.core, Base) and shape.core.kind is BaseKind.UINT16:
            # The DCE's compilers, and those who wrote for them, knew no wchar_t.
            message = "the elements of a [string] are characters; these are taken for wchar_t"
            unit.report.doubtful("MIDL2082", message, attribute.span, help="write wchar_t")
            shape, unitary = replace(shape, core=replace(shape.core, kind=BaseKind.WCHAR)), BaseKind.WCHAR
        if not shape.levels or unitary is None:
            _no_string(unit, shape, attribute)
            return ERROR_SHAPE
        *outer, last = shape.levels
        shape = replace(shape, levels=(*outer, replace(last, extent=replace(last.extent, string=True))))
    counted = attributes.first_of("length_is", "first_is", "last_is")
    clashes = [level for level in shape.levels if level.extent.string and _varies(level.extent)]
    sized = all(level.extent.size is not None for level in clashes)
    if counted is not None and clashes and attribute is None and sized:
        message = f"[{counted.name}] on what its type says is a string: it is taken for an array"
        unit.report.doubtful("MIDL2075", message, counted.span)
        return replace(shape, levels=tuple(_no_text(level) for level in shape.levels))
    if counted is not None and clashes:
        message = f"[{counted.name}] on a string: its terminator says how long it is"
        unit.report.error("MIDL2075", message, counted.span)
        return ERROR_SHAPE
    return shape


def _no_text(level: Level) -> Level:
    return replace(level, extent=replace(level.extent, string=False)) if _varies(level.extent) else level


def _no_string(unit: Unit, shape: Shape, attribute: ast.Attribute) -> None:
    struct = unit.scope.declared.get(shape.core.name) if isinstance(shape.core, StructUse) else None
    if not isinstance(struct, Struct) or not shape.levels:
        message = "[string] needs a pointer to or an array of char, wchar_t or byte"
        unit.report.error("MIDL2082", message, attribute.span)
        return
    odd = next((field for field in struct.fields if string_unit(field.type) is None), None)
    if odd is None:
        message = "strings of structures are not implemented"
        unit.report.error("MIDL2191", message, attribute.span, help="use size_is")
    else:
        note = Note("this field is none", odd.span)
        message = "the elements of a [string] are characters or octets, or structures of them"
        unit.report.error("MIDL2293", message, attribute.span, (note,))


def _varies(extent: Extent) -> bool:
    return extent.first is not None or extent.length is not None


def _limited(unit: Unit, shape: Shape, attributes: Attributes) -> Shape:
    """range: of the outermost array's count, else of the value."""
    attribute = attributes.get("range")
    if attribute is None:
        return shape
    limits = range_limits(unit, attribute)
    if limits is None:
        return shape
    for at, level in enumerate(shape.levels):
        if not level.is_pointer or level.extent.sized or level.extent.string:
            levels = list(shape.levels)
            levels[at] = replace(level, extent=replace(level.extent, range=limits))
            return replace(shape, levels=tuple(levels))
    match shape.core:
        case Base() | EnumUse() if integer_type(Shape((), shape.core)) is not None:
            if _is_hyper(shape):
                unit.report.doubtful("MIDL2072", "[range] is for integers of up to 32 bits", attribute.span)
            return replace(shape, core=replace(shape.core, range=limits))
        case Pipe():
            return replace(shape, core=replace(shape.core, range=limits))
        case _:
            unit.report.error("MIDL2072", "[range] needs an integer, an array or a pipe", attribute.span)
            return shape


def range_limits(unit: Unit, attribute: ast.Attribute) -> tuple[int, int] | None:
    values = []
    for argument in attribute.arguments:
        value = unit.expressions.integer(argument)
        if value is None:
            return None
        values.append(value)
    low, high = values
    if low > high:
        unit.report.error("MIDL2371", f"the range begins at {low} and ends at {high}", attribute.span)
        return None
    return low, high


def _selected(unit: Unit, shape: Shape, attributes: Attributes, siblings: Siblings | None) -> Shape:
    """switch_is and switch_type at a place of use."""
    switch_is, switch_type = attributes.get("switch_is"), attributes.get("switch_type")
    if not isinstance(shape.core, UnionUse):
        if switch_is is not None and not isinstance(shape.core, Opaque):
            unit.report.error("MIDL2190", "[switch_is] needs a union", switch_is.span)
        return shape
    union = unit.scope.declared.get(shape.core.name)
    encapsulated = isinstance(union, Union) and union.encapsulated
    if switch_is is None:
        return shape
    if encapsulated:
        note = () if union is None else (Note("the union is defined here", union.span),)
        unit.report.error("MIDL2190", "this union holds its own discriminant", switch_is.span, note)
        return shape
    argument = switch_is.arguments[0]
    value = unit.expressions.bind(argument, siblings)
    if value is None:
        return ERROR_SHAPE
    own = union.switch_type if isinstance(union, Union) else None
    type_: Base | EnumUse | None
    if switch_type is not None:
        type_ = switching_type(unit, switch_type)
    elif own is not None:
        type_ = own
    else:
        type_ = _selecting_type(unit, value, argument)
        if type_ is not None:
            notes = () if union is None else (Note("the union is defined here", union.span),)
            message = "the union has no [switch_type], the type of this is taken"
            unit.report.warning("MIDL2213", message, argument.span, notes)
    if type_ is None:
        return ERROR_SHAPE
    if not _selects(value):
        help_ = unit.expressions.one_off(value, argument)
        message = "a union is selected by an integer, a character or an enum"
        unit.report.error("MIDL2174", message, argument.span, help=help_)
        return ERROR_SHAPE
    if own is not None and _narrower(value, own):
        message = "the union is selected by a type of another size"
        notes = () if union is None else (Note("the union is defined here", union.span),)
        # The wire form of VARIANT itself is selected by a shorter field than its union says.
        unit.report.doubtful("MIDL2083", message, argument.span, notes, "a cast says that this is meant")
    return replace(shape, core=replace(shape.core, switch=value.expression, switch_type=type_))


def _narrower(value: Value, own: Base | EnumUse) -> bool:
    """Whether a plain discriminant is of another size than the union's own type. Enumerations fit everything."""
    core = value.shape.core
    if not isinstance(value.expression, Variable) or not isinstance(core, Base) or not isinstance(own, Base):
        return False
    return integer_type(value.shape) is not None and BASE_TYPES[core.kind].octets != BASE_TYPES[own.kind].octets


def _selects(value: Value) -> bool:
    return integer_type(value.shape) is not None


def _selecting_type(unit: Unit, value: Value, argument: ast.Argument) -> Base | EnumUse | None:
    core = value.shape.core
    if not value.shape.levels and isinstance(core, Base | EnumUse) and _selects(value):
        return replace(core, range=None)
    unit.report.error("MIDL2174", "a union is selected by an integer, a character or an enum", argument.span)
    return None


def switching_type(unit: Unit, attribute: ast.Attribute) -> Base | EnumUse | None:
    """The type in `switch_type(...)`; None after a report."""
    argument = attribute.arguments[0]
    shape = ERROR_SHAPE
    if isinstance(argument, ast.TypeName):
        shape = resolve(unit, argument)
    if shape.is_error:
        return None
    described = integer_type(shape)
    core = shape.core
    most = 64 if unit.settings.dialect is Dialect.PIDL else 32
    if described is None or described[0] > most or not isinstance(core, Base | EnumUse):
        unit.report.error("MIDL2174", "a union is selected by an integer of at most 32 bits or an enum", argument.span)
        return None
    return replace(core, range=None)


def _identified(unit: Unit, shape: Shape, attributes: Attributes, siblings: Siblings | None) -> Shape:
    """iid_is: the interface that a pointer is to, known at run time only."""
    attribute = attributes.get("iid_is")
    if attribute is None:
        return shape
    if isinstance(shape.core, Void) and shape.levels and shape.levels[-1].is_pointer:
        shape = replace(shape, levels=shape.levels[:-1], core=InterfacePointer(None))
    elif shape.core == GENERIC:
        shape = replace(shape, core=InterfacePointer(None))
    if not isinstance(shape.core, InterfacePointer):
        unit.report.error("MIDL2258", "[iid_is] needs an interface pointer", attribute.span)
        return shape
    argument = attribute.arguments[0]
    value = unit.expressions.bind(argument, siblings)
    if value is None:
        return ERROR_SHAPE
    core = value.shape.core
    if not isinstance(core, Base) or core.kind is not BaseKind.GUID:
        unit.report.error("MIDL2273", "[iid_is] takes a pointer to an IID", argument.span)
        return shape
    if not value.shape.levels:
        message = "[iid_is] takes a pointer to an IID, this is the IID itself"
        unit.report.doubtful("MIDL2273", message, argument.span)
    return replace(shape, core=replace(shape.core, iid=value.expression))


def _generic_pointer(shape: Shape) -> Shape:
    """`void *` that no attribute gave a meaning: local code only."""
    if isinstance(shape.core, Void) and shape.levels and shape.levels[-1].is_pointer:
        return replace(shape, levels=shape.levels[:-1], core=GENERIC, const=False)
    return shape
