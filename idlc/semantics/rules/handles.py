"""Binding and context handles: a binding handle is a parameter and never travels.

Context handles in arrays and structures are known since Windows Vista, MIDL's target NT60.
"""

from __future__ import annotations

from idlc.diagnostics.report import Note, Report
from idlc.semantics.rules.places import Places, nested
from idlc.semantics.types import (
    Array,
    BindingHandle,
    ContextHandleUse,
    Interface,
    Operation,
    Parameter,
    Pointer,
    PointerKind,
    Type,
)
from idlc.settings import Target


def check(places: Places, report: Report) -> None:
    sent = places.sent_records
    for owner, member in places.members:
        if member.type is None:
            continue
        kind = _handle(member.type)
        if kind == "binding" or (kind == "context" and places.target < Target.NT60):
            code = "MIDL2136" if _in_array(member.type) else "MIDL2135"
            message = f'"{member.name}" is a {kind} handle, which only parameters can be'
            if kind == "context":
                message += f" for target {places.target.name}"
            # Local code keeps handles wherever it likes.
            say = report.error if owner.name in sent or kind == "context" else report.doubtful
            say(code, message, member.span, _where(places, member.type))
    for interface, operation in places.operations:
        _operation(interface, operation, report)
        for parameter in operation.parameters:
            _parameter(places, interface, operation, parameter, report)


def _handle(type_: Type) -> str | None:
    for part in nested(type_):
        if isinstance(part, BindingHandle):
            return "binding"
        if isinstance(part, ContextHandleUse):
            return "context"
    return None


def _where(places: Places, type_: Type) -> list[Note]:
    """Where a context handle is defined."""
    names = [part.name for part in nested(type_) if isinstance(part, ContextHandleUse)]
    found = [places.find(name) for name in names]
    return [Note("the handle is defined here", one.span) for one in found if one is not None]


def _in_array(type_: Type) -> bool:
    return any(isinstance(part, Array) for part in nested(type_))


def _operation(interface: Interface, operation: Operation, report: Report) -> None:
    bindings = [parameter for parameter in operation.parameters if _handle(parameter.type) == "binding"]
    for extra in bindings[1:]:
        note = Note("the first one", bindings[0].span)
        report.error("MIDL2182", f'"{extra.name}" is one binding handle too many', extra.span, (note,))
    if _handle(operation.result) is not None and interface.object:
        message = f'the result of "{operation.name}" is a handle, which [object] interfaces cannot have'
        report.error("MIDL2295", message, operation.span)


def _parameter(
    places: Places, interface: Interface, operation: Operation, parameter: Parameter, report: Report
) -> None:
    kind = _handle(parameter.type)
    if kind is None:
        return
    name, span = parameter.name, parameter.span
    if interface.object:
        report.error("MIDL2295", f'"{name}" is a handle, which [object] interfaces cannot have', span)
    elif operation.callback:
        report.error("MIDL2215", f'"{name}" is a handle, which a callback cannot have', span)
    elif _in_array(parameter.type):
        if kind == "binding" or places.target < Target.NT60:
            report.error("MIDL2136", f'"{name}" is an array of {kind} handles', span)
    elif isinstance(parameter.type, Pointer) and parameter.type.kind is not PointerKind.REF:
        report.error("MIDL2181", f'"{name}" leads to a {kind} handle and must be a [ref] pointer', span)
    elif kind == "binding" and parameter.is_out:
        code = "MIDL2194" if parameter.is_in else "MIDL2180"
        report.error(code, f'"{name}" is a binding handle and cannot be [out]', span)
    elif parameter.is_out and not isinstance(parameter.type, Pointer):
        message = f'"{name}" is an [out] context handle and must be a pointer to one'
        report.error("MIDL2044", message, span)
