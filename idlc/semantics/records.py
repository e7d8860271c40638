"""Structures, unions and enumerations: their bodies bound field by field."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from idlc.data import dataclass, replace
from idlc.language.attributes import Place
from idlc.language.basetypes import BASE_TYPES, GUID_NAMES
from idlc.semantics import text, written
from idlc.semantics.constants import ENUMERATOR, LABEL, Siblings, integer_type, wrap
from idlc.semantics.documentation import NO_DOC, Doc, helpstring
from idlc.semantics.shapes import attributed, declared, forward, note_undecided, pointed, specified, switching_type
from idlc.semantics.symbols import ConstantSymbol, Core, FunctionCore, InterfaceCore, Shape, TagSymbol, finish
from idlc.semantics.types import (
    Alias,
    Arm,
    Array,
    Base,
    BaseKind,
    Enum,
    Enumerator,
    EnumUse,
    ErrorType,
    Field,
    InterfacePointer,
    Opaque,
    Struct,
    StructUse,
    Type,
    Union,
    UnionUse,
    Void,
)
from idlc.semantics.unit import Unit, before
from idlc.semantics.written import Attributes
from idlc.settings import Dialect
from idlc.source.files import Span
from idlc.syntax import ast


def define(
    unit: Unit, specifier: ast.TypeSpecifier, attributes: Attributes, called: str, aliases: tuple[str, ...]
) -> Core:
    """The core that stands for a body written in place; the body becomes a declaration of the file."""
    if not called and not isinstance(specifier, ast.Enum):
        called = unit.free_name(f"anonymous_{'struct' if isinstance(specifier, ast.Struct) else 'union'}")
    match specifier:
        case ast.Struct():
            return _struct(unit, specifier, called, aliases)
        case ast.Union():
            return _union(unit, specifier, attributes, called, aliases)
        case ast.EncapsulatedUnion():
            return _encapsulated(unit, specifier, called, aliases)
        case ast.Enum():
            return _enum(unit, specifier, attributes, called, aliases)
        case _:
            raise AssertionError(f"no body: {specifier}")


@dataclass(frozen=True, slots=True)
class _Naming:
    """What a body is called, and the symbol of its tag."""

    name: str
    aliases: tuple[str, ...]
    symbol: TagSymbol | None


def _begin(
    unit: Unit, keyword: str, tag: str | None, called: str, aliases: tuple[str, ...], span: Span
) -> _Naming | None:
    """Settle the name and make the tag known, so that the body can refer to itself. None after a report."""
    if tag is None:
        return _Naming(called, aliases, None)
    symbol = unit.scope.tags.get(tag)
    if symbol is None:
        symbol = forward(unit, keyword, tag, span)
    elif symbol.keyword != keyword:
        message = f'"{tag}" is a {symbol.keyword} already'
        unit.report.error("MIDL2003", message, span, (before(symbol.span),))
        return None
    further = unit.tags.aliases.get(tag, ())
    return _Naming(symbol.name, further, symbol)


def _end(unit: Unit, naming: _Naming, record: Struct | Union | Enum, core: Core) -> Core:
    """Declare a bound body; a harmless repetition of a known one is dropped."""
    known = unit.scope.declared.get(naming.name)
    symbol = naming.symbol
    if symbol is not None and symbol.complete:
        if known is not None and not _same(known, record):
            unit.report.error("MIDL2003", f'"{symbol.tag}" is defined twice', record.span, (before(known.span),))
        return symbol.core
    if isinstance(known, Alias) and known.origin != unit.origin:
        message = f'"{naming.name}" is another type in an imported file; this definition counts'
        unit.report.doubtful("MIDL2003", message, record.span, (before(known.span),))
        unit.scope.typedefs.pop(naming.name, None)
        known = None
    if known is not None and symbol is None:
        typedef = unit.scope.typedefs.get(naming.name)
        if typedef is not None and _same(known, record):
            return typedef.shape.core
        if typedef is not None:
            unit.report.error("MIDL2003", f'"{naming.name}" is defined twice', record.span, (before(typedef.span),))
            return ErrorType()
    if known is not None and symbol is None:
        # A made name that is taken: by the same body in a repeated definition, or by something else.
        if _same(known, record):
            return core
        record = replace(record, name=unit.free_name(naming.name))
        core = _use(record)
    elif known is not None:
        message = f'"{naming.name}" is the name made for another type'
        unit.report.error("IDLC1207", message, record.span, (before(known.span),))
    if symbol is not None:
        symbol.core, symbol.complete, symbol.span = core, True, record.span
    unit.declare(record)
    return core


def _use(record: Struct | Union | Enum) -> Core:
    match record:
        case Struct():
            return StructUse(record.name)
        case Union():
            return UnionUse(record.name, None, record.switch_type)
        case Enum():
            return EnumUse(record.name)


def _same(known: object, record: Struct | Union | Enum) -> bool:
    """Whether two definitions mean the same, wherever they stand."""
    match known, record:
        case Struct(), Struct():
            return [(f.name, f.type) for f in known.fields] == [(f.name, f.type) for f in record.fields]
        case Union(), Union():
            mine = [(a.name, a.type, a.values, a.default) for a in known.arms]
            return mine == [(a.name, a.type, a.values, a.default) for a in record.arms]
        case Enum(), Enum():
            return [(m.name, m.value) for m in known.members] == [(m.name, m.value) for m in record.members]
        case _:
            return False


# ---------------------------------------------------------------------------- members


@dataclass(frozen=True, slots=True)
class _Member:
    """A field or arm whose attributes are not applied yet."""

    name: str
    shape: Shape
    attributes: Attributes
    field: ast.Field
    declarator: ast.Declarator | None
    span: Span


_ANONYMOUS = (StructUse, UnionUse, Opaque, ErrorType)
"""What a member without a name may be."""
_POINTERS_OF_C = (Opaque("void *"), Opaque("function pointer"))


def _members(
    unit: Unit, fields: Iterable[ast.Field], place: Place, owner: str, taken: Iterable[str] = ()
) -> list[_Member]:
    found: list[_Member] = []
    seen: dict[str, Span] = {}
    reserved = set(taken)
    around, unit.expressions.beside = unit.expressions.beside, seen
    for field in fields:
        declarators: Sequence[ast.Declarator | None] = field.declarators or (None,)
        subject = next((d.name for d in field.declarators if d.name), "")
        attributes = written.check(field.attributes, place, unit.report, subject)
        made = subject or _free("anonymous", reserved | set(seen))
        base = specified(unit, field.specifiers, f"{owner}_{made}", attributes, ())
        for declarator in declarators:
            own = None if declarator is None else declarator.name
            name = own or _free("anonymous", reserved | set(seen))
            span = field.span if declarator is None else declarator.name_span
            if declarator is None and (base.levels or not isinstance(base.core, _ANONYMOUS)):
                unit.report.error("MIDL2170", "a field without a name must be a structure or a union", span)
                continue
            if name in seen:
                unit.report.error("MIDL2003", f'"{name}" is a member already', span, (before(seen[name]),))
                continue
            seen[name] = span
            shape = base if declarator is None else declared(unit, base, declarator)
            if declarator is not None and declarator.width is not None:
                shape = _bit_field(unit, shape, declarator)
            shape = pointed(unit, _embedded(unit, shape, name, span), attributes, place)
            found.append(_Member(name, shape, attributes, field, declarator, span))
    unit.expressions.beside = around
    return found


def _unnamed(member: _Member) -> bool:
    return member.declarator is None or not member.declarator.name


def _free(wanted: str, taken: Iterable[str]) -> str:
    names, name, at = set(taken), wanted, 1
    while name in names:
        at += 1
        name = f"{wanted}{at}"
    return name


def _bit_field(unit: Unit, shape: Shape, declarator: ast.Declarator) -> Shape:
    if shape.is_error or declarator.width is None:
        return shape
    unit.expressions.integer(declarator.width)
    if integer_type(shape) is None:
        unit.report.error("MIDL2134", "a bit-field must be of an integer type", declarator.span)
        return replace(shape, core=ErrorType(), levels=())
    return Shape((), Opaque("bit-field"))


def _embedded(unit: Unit, shape: Shape, name: str, span: Span) -> Shape:
    """Refuse what can be no member by itself."""
    match shape.core:
        case Void() if not shape.levels:
            unit.report.error("MIDL2126", f'"{name}" is void', span)
        case FunctionCore() if not shape.levels:
            unit.report.error("MIDL2129", f'"{name}" is a function', span)
        case FunctionCore():
            unit.report.error("MIDL2130", f'"{name}" is an array of functions', span)
        case InterfaceCore(interface):
            message = f'"{name}" is an interface by value, it must be a pointer: {interface} *{name}'
            unit.report.error("MIDL2259", message, span)
        case _:
            return shape
    return Shape((), ErrorType())


def _type(unit: Unit, member: _Member, siblings: Siblings) -> Type:
    shape = attributed(unit, member.shape, member.attributes, siblings)
    note_undecided(unit, shape, outermost=False)
    return finish(shape, default=unit.default)


def _ignored(unit: Unit, member: _Member) -> bool:
    """Whether a member is not sent, which only pointers can do without."""
    attribute = member.attributes.get("ignore")
    if attribute is None or member.shape.is_error:
        return attribute is not None
    shape = member.shape
    if shape.levels:
        pointer = shape.levels[0].is_pointer
    else:
        pointer = isinstance(shape.core, InterfacePointer | InterfaceCore) or shape.core in _POINTERS_OF_C
    if pointer:
        return True
    message = f'"{member.name}" is no pointer and cannot be ignored: something has to travel for it'
    lenient = unit.settings.dialect is Dialect.LENIENT  # it travels as if nothing were said
    (unit.report.warning if lenient else unit.report.error)("MIDL2072", message, attribute.span)
    return not lenient  # of what is not sent nothing more is to be said


# ---------------------------------------------------------------------------- structures


def _struct(unit: Unit, struct: ast.Struct, called: str, aliases: tuple[str, ...]) -> Core:
    naming = _begin(unit, "struct", struct.name, called, aliases, struct.span)
    if naming is None:
        return ErrorType()
    owner = naming.name
    members = _members(unit, struct.fields, Place.FIELD, owner)
    shapes = {member.name: member.shape for member in members}
    unnamed = tuple(member.name for member in members if _unnamed(member))
    siblings = Siblings(shapes, "field", unit.default, unnamed=unnamed)
    around, unit.expressions.beside = unit.expressions.beside, {member.name: member.span for member in members}
    fields = tuple(
        Field(
            member.name,
            _type(unit, member, siblings),
            text.declaration(member.field.attributes, member.field.specifiers, member.declarator),
            member.span,
            _ignored(unit, member),
            Doc(member.field.span, member.attributes.helpstring),
            _unnamed(member),
        )
        for member in members
    )
    unit.expressions.beside = around
    names = {naming.name, *naming.aliases, struct.name or ""}
    if names & GUID_NAMES and _is_guid(fields):
        core = Base(BaseKind.GUID, naming.name)
        if naming.symbol is not None:
            naming.symbol.core, naming.symbol.complete = core, True
        return core
    span = struct.span
    record = Struct(naming.name, fields, span, unit.origin, NO_DOC, naming.aliases, unit.packing.current)
    return _end(unit, naming, record, StructUse(naming.name))


def _is_guid(fields: Sequence[Field]) -> bool:
    """Whether fields are laid out as a UUID: 4, 2 and 2 octets, then single ones, 16 in all."""
    octets: list[int] = []
    for field in fields:
        match field.type:
            case Base(kind):
                octets.append(BASE_TYPES[kind].octets)
            case Array(Base(kind), (dimension,)) if dimension.bound is not None and not dimension.varying:
                if dimension.bound > 16:
                    return False
                octets += [BASE_TYPES[kind].octets] * dimension.bound
            case _:
                return False
    return octets == [4, 2, 2, *[1] * 8]


# ---------------------------------------------------------------------------- unions


def _union(unit: Unit, union: ast.Union, attributes: Attributes, called: str, aliases: tuple[str, ...]) -> Core:
    naming = _begin(unit, "union", union.name, called, aliases, union.span)
    if naming is None:
        return ErrorType()
    switch_type = attributes.get("switch_type")
    selector = None if switch_type is None else switching_type(unit, switch_type)
    arms: list[Arm] = []
    labelled = switch_type is not None
    unlabelled: list[Span] = []
    for field in union.fields:
        if isinstance(field, ast.EmptyArm):
            listed = written.check(field.attributes, Place.ARM, unit.report)
            values, default = _labels(unit, listed, selector, {})
            labelled = labelled or bool(values) or default
            if values or default:
                arms.append(Arm(None, None, values, default, text.attribute_list(field.attributes).strip(), field.span))
            elif field.attributes:
                unlabelled.append(field.span)
            continue
        for member in _members(unit, [field], Place.ARM, naming.name, [arm.name or "" for arm in arms]):
            values, default = _labels(unit, member.attributes, selector, {member.name: member.span})
            if default or any(attribute.name == "case" for attribute in field.attributes):
                labelled = True
            else:
                unlabelled.append(member.span)
            type_ = _type(unit, member, Siblings({}, "field", unit.default))
            declaration = text.declaration(field.attributes, field.specifiers, member.declarator)
            doc = Doc(field.span, member.attributes.helpstring)
            arms.append(Arm(member.name, type_, values, default, declaration, member.span, doc, _ignored(unit, member)))
    _distinct(unit, arms)
    if not labelled:
        # A union of C: nothing says which arm is meant, so it can be used by local code only.
        core: Core = Opaque(f"union {union.name or naming.name}")
        if naming.symbol is not None:
            naming.symbol.core, naming.symbol.complete = core, True
        return core
    for span in unlabelled:
        unit.report.error("MIDL2161", "this union arm has neither [case(...)] nor [default]", span)
    record = Union(
        naming.name,
        tuple(arms),
        selector,
        encapsulated=False,
        ms_union=unit.ms_union or "ms_union" in attributes,
        span=union.span,
        origin=unit.origin,
        aliases=naming.aliases,
    )
    return _end(unit, naming, record, UnionUse(naming.name, None, selector))


def _distinct(unit: Unit, arms: Iterable[Arm]) -> None:
    seen: dict[str, Span] = {}
    for arm in arms:
        if arm.name is None:
            continue
        if arm.name in seen:
            unit.report.error("MIDL2003", f'"{arm.name}" is an arm already', arm.span, (before(seen[arm.name]),))
        seen.setdefault(arm.name, arm.span)


def _labels(
    unit: Unit, attributes: Attributes, selector: Base | EnumUse | None, beside: Mapping[str, Span]
) -> tuple[tuple[int, ...], bool]:
    case = attributes.get("case")
    values = []
    for argument in case.arguments if case is not None else ():
        value = _label(unit, argument, selector, beside)
        if value is not None:
            values.append(value)
    return tuple(values), "default" in attributes


def _label(
    unit: Unit, expression: ast.Argument, selector: Base | EnumUse | None, beside: Mapping[str, Span]
) -> int | None:
    around, unit.expressions.beside = unit.expressions.beside, beside
    value = unit.expressions.integer(expression, LABEL)
    unit.expressions.beside = around
    if value is None or selector is None:
        return value
    described = integer_type(Shape((), selector))
    if described is None:
        return value
    bits, signed = described
    # A label is a C constant: 0xFFFFFFFF selects with a long of -1 as well.
    if not -(1 << (bits - 1)) <= value < 1 << bits:
        unit.report.error("MIDL2206", f"case {value} is out of the range of the discriminant", expression.span)
        return None
    if isinstance(selector, EnumUse) and value > _MOST_OF_ENUM and not _is_wide(unit, selector):
        message = f"case {value} is out of the range of an enum without [v1_enum]"
        unit.report.doubtful("MIDL2236", message, expression.span)
    return wrap(value, bits, signed)


# An enumeration without [v1_enum] has 16 bits on the wire, and no negative values (C706 14.2.5).
_MOST_OF_ENUM = 32767


def _is_wide(unit: Unit, use: EnumUse) -> bool:
    declared = unit.scope.declared.get(use.name)
    return not isinstance(declared, Enum) or declared.octets is not None


def _encapsulated(unit: Unit, union: ast.EncapsulatedUnion, called: str, aliases: tuple[str, ...]) -> Core:
    naming = _begin(unit, "union", union.name, called, aliases, union.span)
    if naming is None:
        return ErrorType()
    tag = declared(unit, specified(unit, union.tag.specifiers, "", written.NONE, ()), union.tag.declarator)
    selector: Base | EnumUse | None = None
    described = integer_type(tag)
    if isinstance(tag.core, Base | EnumUse) and described is not None and described[0] <= 32:
        selector = replace(tag.core, range=None)
    elif not tag.is_error:
        unit.report.error("MIDL2192", "a union is selected by an integer of at most 32 bits or an enum", union.tag.span)
    tags = {union.tag.declarator.name or "": union.tag.declarator.name_span}
    arms: list[Arm] = []
    for arm in union.arms:
        values = []
        default = False
        for label in arm.labels:
            if isinstance(label, ast.DefaultLabel):
                default = True
                continue
            value = _label(unit, label.value, selector, tags)
            if value is not None:
                values.append(value)
        arms += _encapsulated_arm(unit, arm, tuple(values), default, naming.name, [a.name or "" for a in arms])
    _distinct(unit, arms)
    record = Union(
        naming.name,
        tuple(arms),
        selector,
        encapsulated=True,
        ms_union=False,
        span=union.span,
        origin=unit.origin,
        tag_name=union.tag.declarator.name or "tag",
        aliases=naming.aliases,
    )
    return _end(unit, naming, record, UnionUse(naming.name, None, selector))


def _encapsulated_arm(
    unit: Unit, arm: ast.Arm, values: tuple[int, ...], default: bool, owner: str, taken: Iterable[str]
) -> list[Arm]:
    labels = " ".join(text.one_line(label.span.text) for label in arm.labels)
    if isinstance(arm.body, ast.EmptyArm):
        return [Arm(None, None, values, default, labels, arm.span)]
    found = []
    for member in _members(unit, [arm.body], Place.ARM, owner, taken):
        type_ = _type(unit, member, Siblings({}, "field", unit.default))
        declaration = text.declaration(arm.body.attributes, arm.body.specifiers, member.declarator)
        doc = Doc(arm.span, member.attributes.helpstring)
        ignore = _ignored(unit, member)
        found.append(Arm(member.name, type_, values, default, f"{labels} {declaration}", member.span, doc, ignore))
    return found


# ---------------------------------------------------------------------------- enumerations


def _enum(unit: Unit, enum: ast.Enum, attributes: Attributes, called: str, aliases: tuple[str, ...]) -> Core:
    if enum.name is None and not called:
        called = unit.free_name(f"{enum.enumerators[0].name if enum.enumerators else 'anonymous'}_enum")
    naming = _begin(unit, "enum", enum.name, called, aliases, enum.span)
    if naming is None:
        return ErrorType()
    members: list[Enumerator] = []
    following = 0
    for enumerator in enum.enumerators:
        value: int | None = following
        if enumerator.value is not None:
            value = unit.expressions.integer(enumerator.value, ENUMERATOR)
        if value is not None and not -(1 << 31) <= value < 1 << (64 if enum.octets == 8 else 32):
            message = f'"{enumerator.name}" is {value}, which is no 32-bit value'
            unit.report.error("IDLC1210", message, enumerator.span)
            value = None
        if value is None:
            value = following if following < 1 << 32 else 0
        following = value + 1
        symbol = ConstantSymbol(enumerator.name, value, enumerator.name_span, unit.origin)
        if unit.constant(symbol):
            members.append(Enumerator(enumerator.name, value, Doc(enumerator.span, helpstring(enumerator.attributes))))
    record = Enum(
        naming.name,
        tuple(members),
        octets=enum.octets or (4 if "v1_enum" in attributes else None),
        span=enum.span,
        origin=unit.origin,
        aliases=naming.aliases,
        flags=enum.flags,
    )
    return _end(unit, naming, record, EnumUse(naming.name))
