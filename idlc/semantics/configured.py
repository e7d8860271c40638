"""What attributes of an ACF ask of operations and types: statuses instead of exceptions, byte counts, allocation.

They may stand in the IDL too. None of them changes what travels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from idlc.data import dataclass
from idlc.diagnostics.report import Note
from idlc.semantics.constants import integer_type
from idlc.semantics.symbols import FunctionCore, InterfaceCore, Shape, finish
from idlc.semantics.types import (
    Array,
    Base,
    BaseKind,
    BindingHandle,
    ContextHandleUse,
    ErrorType,
    Opaque,
    Parameter,
    Pointer,
    PointerKind,
    String,
    Struct,
    StructUse,
    Type,
    Void,
    behind_ref,
)
from idlc.semantics.unit import Unit, shape_of
from idlc.semantics.written import Attributes, suggestion
from idlc.source.files import Span
from idlc.syntax import ast

RETURN_VALUE = "return_value"
"""Stands for the result where outputs are named."""

_WORDS = (("comm_status", "MIDL2050"), ("fault_status", "MIDL2245"))
_STATUS_WORDS = frozenset(word for word, _ in _WORDS)
_CHECKED_WORDS = frozenset("byte_count context_handle_serialize context_handle_noserialize partial_ignore".split())


@dataclass(frozen=True, slots=True)
class Statuses:
    """The outputs of an operation that take what its client would raise otherwise."""

    comm: str | None = None
    fault: str | None = None
    hidden: tuple[str, ...] = ()
    """Those of them that only the ACF names: they do not travel."""


_NO_STATUSES = Statuses()


def statuses(
    unit: Unit,
    operation: Attributes,
    parameters: Sequence[tuple[Parameter, Attributes]],
    result: Type,
    configured: ast.AcfOperation | None,
) -> Statuses:
    """Where comm_status and fault_status of an operation go; report what cannot be."""
    if (
        configured is None
        and operation.by_name.keys().isdisjoint(_STATUS_WORDS)
        and all(attributes.by_name.keys().isdisjoint(_STATUS_WORDS) for _, attributes in parameters)
    ):
        return _NO_STATUSES
    known = {parameter.name for parameter, _ in parameters}
    unnamed = [one for one in configured.parameters if one.name not in known] if configured is not None else []
    hidden = [one for one in unnamed if {word for word, _ in _WORDS} & {a.name for a in one.attributes}]
    chosen: list[str | None] = []
    for word, code in _WORDS:
        places = [(p.name, attributes.by_name[word].span) for p, attributes in parameters if word in attributes]
        places += [(one.name, a.span) for one in hidden for a in one.attributes if a.name == word]
        for _, again in places[1:]:
            note = Note("the first one", places[0][1])
            unit.report.error("MIDL2069", f"a second parameter is [{word}]", again, (note,))
        own = operation.get(word)
        if own is not None and places:
            note = Note("the parameter is here", places[0][1])
            message = f"[{word}] for the result and for a parameter"
            unit.report.error(code, message, own.span, (note,))
        elif own is not None and not _is_status(result) and not isinstance(result, ErrorType):
            message = f"[{word}] needs a result of type error_status_t"
            unit.report.error("MIDL2097", message, own.span, help="name an [out] parameter instead")
        chosen.append(places[0][0] if places else RETURN_VALUE if own is not None else None)
    for parameter, attributes in parameters:
        _status_parameter(unit, parameter, attributes)
    return Statuses(chosen[0], chosen[1], tuple(dict.fromkeys(one.name for one in hidden)))


def _status_parameter(unit: Unit, parameter: Parameter, attributes: Attributes) -> None:
    attribute, type_ = attributes.first_of("comm_status", "fault_status"), parameter.type
    if attribute is None or isinstance(type_, ErrorType):
        return
    name = parameter.name
    if parameter.is_in or not isinstance(type_, Pointer):
        message = f'"{name}" takes a status and must be an [out] pointer'
        unit.report.error("MIDL2070", message, attribute.span, _declared(parameter))
    elif not _is_status(type_.target):
        message = f'"{name}" takes a status and must be an error_status_t *'
        unit.report.error("MIDL2097", message, attribute.span, _declared(parameter))


def _declared(parameter: Parameter) -> tuple[Note]:
    return (Note("it is declared here", parameter.span),)


def _is_status(type_: Type) -> bool:
    return isinstance(type_, Base) and type_.kind is BaseKind.UINT32


def check_parameters(unit: Unit, parameters: Sequence[tuple[Parameter, Attributes]]) -> None:
    """byte_count, partial_ignore, and how context handles are locked."""
    by_name = {parameter.name: parameter for parameter, _ in parameters}
    for parameter, attributes in parameters:
        if attributes.by_name.keys().isdisjoint(_CHECKED_WORDS):
            continue
        counted = attributes.get("byte_count")
        if counted is not None and not isinstance(parameter.type, ErrorType):
            _byte_count(unit, counted, parameter, by_name)
        serialize = attributes.first_of("context_handle_serialize", "context_handle_noserialize")
        if serialize is not None and not isinstance(behind_ref(parameter.type), ContextHandleUse | ErrorType):
            message = f'"{parameter.name}" is no context handle'
            unit.report.error("MIDL2378", message, serialize.span, _declared(parameter))
        ignored = attributes.get("partial_ignore")
        if ignored is not None:
            _partial_ignore(unit, ignored, parameter)


def _byte_count(
    unit: Unit, attribute: ast.Attribute, parameter: Parameter, by_name: Mapping[str, Parameter]
) -> None:
    report, name = unit.report, parameter.name
    argument = attribute.arguments[0]
    target = behind_ref(parameter.type)
    if not parameter.is_out or not isinstance(parameter.type, Pointer):
        message = f'[byte_count] is for [out] pointers, "{name}" is none'
        report.error("MIDL2061", message, attribute.span, _declared(parameter))
        return
    if _is_open(unit, target):
        message = f'"{name}" has a size of its own and cannot have a [byte_count]'
        report.error("MIDL2062", message, attribute.span, _declared(parameter))
        return
    counting = by_name.get(argument.name) if isinstance(argument, ast.Identifier) else None
    if counting is None:
        message = f'"{argument.span.text}" is no parameter beside this one'
        report.error("MIDL2058", message, argument.span, help=suggestion(argument.span.text, by_name))
    elif counting.is_out or parameter.is_in:
        odd = counting if counting.is_out else parameter
        wanted = "[in] only" if counting.is_out else "[out] only"
        report.error("MIDL2063", f'"{odd.name}" must be {wanted}', attribute.span, _declared(odd))
    elif integer_type(shape_of(counting.type)) is None:
        message = f'"{counting.name}" counts octets and must be an integer'
        report.error("MIDL2064", message, attribute.span, _declared(counting))


def _is_open(unit: Unit, type_: Type) -> bool:
    match type_:
        case Array(_, dimensions):
            return any(dimension.conformant for dimension in dimensions)
        case String(_, bound):
            return bound is None
        case StructUse(name):
            declared = unit.scope.declared.get(name)
            return isinstance(declared, Struct) and bool(declared.fields) and _is_open(unit, declared.fields[-1].type)
        case _:
            return False


def _is_sized(unit: Unit, type_: Type) -> bool:
    """Whether what a pointer leads to has a size that the server knows before it is there."""
    match type_:
        case Array(_, dimensions):
            return all(dimension.bound is not None or dimension.size is not None for dimension in dimensions)
        case String(_, bound, size):
            return bound is not None or size is not None
        case _:
            return not _is_open(unit, type_)


def _partial_ignore(unit: Unit, attribute: ast.Attribute, parameter: Parameter) -> None:
    is_unique = isinstance(parameter.type, Pointer) and parameter.type.kind is PointerKind.UNIQUE
    if not (parameter.is_in and parameter.is_out and is_unique):
        message = f'"{parameter.name}" is [partial_ignore] and must be [in, out, unique]'
        unit.report.error("MIDL2096", message, attribute.span)
    elif isinstance(parameter.type, Pointer) and not _is_sized(unit, parameter.type.target):
        message = f'"{parameter.name}" is [partial_ignore] and has no size that the server could make room by'
        unit.report.error("MIDL2096", message, attribute.span, _declared(parameter))


# ---------------------------------------------------------------------------- allocation

_MODES = ("all_nodes", "single_node", "on_null", "always", "free", "dont_free")
_OPPOSITES = (("all_nodes", "single_node"), ("on_null", "always"), ("free", "dont_free"))


def check_allocation(unit: Unit, attribute: ast.Attribute, shape: Shape) -> None:
    """[allocate(...)], which asks C stubs for a way to allocate, and Python for nothing."""
    report = unit.report
    given: dict[str, Span] = {}
    for argument in attribute.arguments:
        if not isinstance(argument, ast.Identifier):
            continue
        if argument.name not in _MODES:
            message = f'"{argument.name}" is no way to allocate'
            help_ = suggestion(argument.name, _MODES) or f"there are {', '.join(_MODES)}"
            report.error("MIDL2074", message, argument.span, help=help_)
        given.setdefault(argument.name, argument.span)
    for one, other in _OPPOSITES:
        if one in given and other in given:
            note = Note(f'"{one}" is here', given[one])
            report.error("MIDL2211", f'"{one}" and "{other}" exclude each other', given[other], (note,))
    if shape.is_error:
        return
    if shape.user_handle or isinstance(shape.core, BindingHandle | ContextHandleUse):
        report.error("MIDL2227", "handles are not allocated", attribute.span)
    elif isinstance(shape.core, FunctionCore | InterfaceCore | Opaque) or not _is_pointer(unit, shape):
        report.error("MIDL2158", "[allocate] needs a pointer to something that travels", attribute.span)


def _is_pointer(unit: Unit, shape: Shape) -> bool:
    type_ = finish(shape, default=unit.default)
    return isinstance(type_, ErrorType) or (isinstance(type_, Pointer) and not isinstance(type_.target, Void))
