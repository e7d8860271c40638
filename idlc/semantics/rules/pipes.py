"""Pipes: what their elements may be, and where a pipe may stand."""

from __future__ import annotations

from idlc.data import dataclass
from idlc.diagnostics.report import Note, Report
from idlc.semantics.rules.places import Places, nested
from idlc.semantics.types import (
    Alias,
    Array,
    Base,
    BaseKind,
    BindingHandle,
    ContextHandleUse,
    Enum,
    EnumUse,
    ErrorType,
    Interface,
    InterfacePointer,
    Opaque,
    Operation,
    Parameter,
    Pipe,
    Pointer,
    PointerKind,
    Presented,
    String,
    Struct,
    StructUse,
    Type,
    UnionUse,
    Void,
)
from idlc.source.files import Span


def check(places: Places, report: Report) -> None:
    for alias, pipe in places.pipes:
        if alias.name == pipe.name:
            _element(places, pipe, alias.span, report)
        if _is_array_of_pipes(alias.type):
            report.error("MIDL2390", f'"{alias.name}" is an array of pipes', alias.span)
    for owner, member in places.members:
        if member.type is not None and _holds_pipe(member.type):
            what = "structure" if isinstance(owner, Struct) else "union"
            report.error("MIDL2321", f'"{member.name}" is a pipe and cannot be in a {what}', member.span)
    for interface, operation in places.operations:
        _operation(places, interface, operation, report)
    for interface in places.bound.interfaces:
        for operation in interface.operations:
            if operation.local or interface.local:
                _local(operation, report)


# ---------------------------------------------------------------------------- elements


@dataclass(frozen=True, slots=True)
class _Offence:
    code: str
    what: str
    span: Span | None


def _element(places: Places, pipe: Pipe, span: Span, report: Report) -> None:
    offence = _offence(places, pipe.element)
    if offence is None:
        if isinstance(pipe.element, Array):
            # The reference page forbids arrays of varying size only, the list of errors all of them.
            report.doubtful("MIDL2317", "a pipe element cannot be an array", span, help="put it into a structure")
        return
    notes = [] if offence.span is None else [Note("it is here", offence.span)]
    if offence.span is None:
        message = f"a pipe element cannot be {offence.what}"
    else:
        message = f"a pipe element cannot contain {offence.what}"
    report.error(offence.code, message, span, notes)


def _offence(places: Places, element: Type) -> _Offence | None:
    """The first thing in an element that pipes do not carry; structures are entered one after the other."""
    pending: list[tuple[Type, Span | None]] = [(element, None)]
    seen: set[str] = set()
    while pending:
        type_, span = pending.pop()
        found = _refused(places, type_)
        if found is not None:
            return _Offence(*found, span)
        if isinstance(type_, Array):
            pending.append((type_.element, span))
        if isinstance(type_, Presented):
            pending.append((type_.type, span))
        if isinstance(type_, StructUse) and type_.name not in seen:
            seen.add(type_.name)
            declared = places.find(type_.name)
            if isinstance(declared, Struct):
                pending += [(field.type, field.span) for field in reversed(declared.fields)]
    return None


def _refused(places: Places, type_: Type) -> tuple[str, str] | None:
    match type_:
        case Pointer() | InterfacePointer():
            return "MIDL2317", "a pointer"
        case String():
            return "MIDL2317", "a string"
        case Array(_, dimensions):
            if any(dimension.conformant for dimension in dimensions):
                return "MIDL2317", "an array without a fixed size"
            if any(dimension.varying for dimension in dimensions):
                return "MIDL2317", "an array that is sent in part"
        case UnionUse():
            return "MIDL2028", "a union"
        case BindingHandle() | ContextHandleUse():
            return "MIDL2317", "a handle"
        case Void():
            return "MIDL2317", "void"
        case Opaque(spelling) if spelling.startswith("union"):
            return "MIDL2028", "a union"
        case Opaque(spelling):
            return "MIDL2317", f"a {spelling}"
        case Pipe():
            return "MIDL2317", "a pipe"
        case EnumUse(name):
            declared = places.find(name)
            if isinstance(declared, Enum) and declared.octets is None:
                return "MIDL2317", "an enum without [v1_enum]"
        case Base(kind) if kind in {BaseKind.INT3264, BaseKind.UINT3264}:
            return "MIDL2317", "an integer as wide as a pointer"
        case _:
            pass
    return None


# ---------------------------------------------------------------------------- places


def _holds_pipe(type_: Type) -> bool:
    return any(isinstance(part, Pipe) for part in nested(type_))


def _is_array_of_pipes(type_: Type) -> bool:
    return any(isinstance(part, Array) and _holds_pipe(part.element) for part in nested(type_))


def _local(operation: Operation, report: Report) -> None:
    for parameter in operation.parameters:
        if _holds_pipe(parameter.type):
            message = f'"{parameter.name}" is a pipe, but "{operation.name}" is [local]: nothing calls it from afar'
            report.doubtful("MIDL2322", message, parameter.span)


def _operation(places: Places, interface: Interface, operation: Operation, report: Report) -> None:
    if _holds_pipe(operation.result):
        report.error("MIDL2322", f'the result of "{operation.name}" is a pipe', operation.span)
    piped = [parameter for parameter in operation.parameters if _holds_pipe(parameter.type)]
    if not piped:
        return
    for parameter in piped:
        _parameter(places, operation, parameter, report)
    first = piped[0]
    note = Note("the pipe is here", first.span)
    if interface.object:
        report.error("MIDL2283", f'"{first.name}" is a pipe, which [object] interfaces cannot have', first.span)
    if operation.maybe:
        message = f'"{operation.name}" has pipes and cannot be [maybe]: they need an answer'
        report.error("MIDL2054", message, operation.span, (note,))
    elif operation.idempotent:
        word = "broadcast" if operation.broadcast else "idempotent"
        message = f'"{operation.name}" has pipes and cannot be executed twice, as [{word}] allows'
        report.error("MIDL2054", message, operation.span, (note,))
    if operation.message:
        report.error("MIDL2054", f'"{operation.name}" is a [message] and cannot have pipes', operation.span, (note,))
    if operation.callback:
        message = f'"{operation.name}" is a callback and cannot have pipes: the call around it has the connection'
        report.error("MIDL2054", message, operation.span, (note,))
    sent = next((parameter for parameter in piped if parameter.is_in), None)
    if sent is None:
        return
    note = Note("the pipe is here", sent.span)
    for parameter in operation.parameters:
        if parameter.is_in and parameter not in piped and _unsized(places, parameter.type):
            message = f'"{parameter.name}" is of unknown size beside a pipe: other implementations may fault'
            report.warning("MIDL2352", message, parameter.span, (note,))


def _parameter(places: Places, operation: Operation, parameter: Parameter, report: Report) -> None:
    if _is_array_of_pipes(parameter.type):
        named = places.find(parameter.type_name)
        if not (isinstance(named, Alias) and _is_array_of_pipes(named.type)):
            report.error("MIDL2390", f'"{parameter.name}" is an array of pipes', parameter.span)
        return
    match parameter.type:
        case Pipe():
            if operation.is_async:
                message = f'"{parameter.name}" is a pipe by value in an [async] operation'
                help_ = f"write {parameter.type.name} *{parameter.name}"
                report.doubtful("MIDL2388", message, parameter.span, help=help_)
        case Pointer(PointerKind.REF, Pipe()):
            pass
        case Pointer(_, Pipe()):
            message = f'"{parameter.name}" leads to a pipe and must be a [ref] pointer'
            report.error("MIDL2096", message, parameter.span)
        case ErrorType():
            pass
        case _:
            message = f'"{parameter.name}" leads to a pipe by more than one pointer'
            report.error("MIDL2343", message, parameter.span)


def _unsized(places: Places, type_: Type) -> bool:
    """Whether the octets of an argument are as many as its value asks for."""
    pending, seen = [type_], set[str]()
    while pending:
        part = pending.pop()
        match part:
            case Pointer(kind, target):
                if kind is not PointerKind.REF:
                    return True
                pending.append(target)
            case String() | InterfacePointer() | UnionUse():
                return True
            case Array(element, dimensions):
                if any(dimension.conformant or dimension.varying for dimension in dimensions):
                    return True
                pending.append(element)
            case Presented(_, sent):
                pending.append(sent)
            case StructUse(name) if name not in seen:
                seen.add(name)
                declared = places.find(name)
                if isinstance(declared, Struct):
                    pending += [field.type for field in declared.fields]
            case _:
                pass
    return False
