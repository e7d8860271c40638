"""[encode] and [decode]: which types can be serialized by themselves, and what stands in the way.

A type gets the attribute from its typedef, in IDL or ACF, or from its interface's header, which means all types
that can have it. An operation with the attribute is no remote one: its parameters are serialized together, for which
Microsoft has a header of its own.
"""

from __future__ import annotations

from collections.abc import Iterable

from idlc.diagnostics.report import Note, Report
from idlc.semantics.operations import Draft
from idlc.semantics.symbols import FunctionCore, InterfaceCore, finish
from idlc.semantics.types import (
    Array,
    BindingHandle,
    ContextHandleUse,
    ErrorType,
    Interface,
    Opaque,
    Operation,
    Pickled,
    Pipe,
    Pointer,
    Presented,
    String,
    Type,
    Union,
    UnionUse,
    Void,
    behind_ref,
)
from idlc.semantics.unit import Unit
from idlc.semantics.written import Attributes
from idlc.syntax import ast

_HALVES = ("encode", "decode")


def halves(attributes: Attributes) -> frozenset[str]:
    """Which of the two attributes are in a list."""
    return frozenset(half for half in _HALVES if half in attributes)


def note_types(unit: Unit, statement: ast.Typedef, attributes: Attributes) -> None:
    """Keep the names of a typedef that are to be pickled; report those that cannot be."""
    own = halves(attributes)
    wanted = own | unit.pickling
    for declarator in statement.declarators if wanted else ():
        symbol = unit.scope.typedefs.get(declarator.name or "")
        if symbol is None or symbol.span != declarator.name_span:
            continue
        core = symbol.shape.core
        type_ = finish(symbol.shape, default=unit.default)
        found = ("IDLC1218", "it is no data") if isinstance(core, FunctionCore | InterfaceCore) else None
        found = found or obstacle(unit, type_)
        if found is None and not isinstance(type_, ErrorType):
            known = Pickled(symbol.name, type_, "encode" in wanted, "decode" in wanted, symbol.span, bool(own))
            unit.pickled.append(known)
        elif found is not None and own:
            code, reason = found
            message = f'"{symbol.name}" cannot be [{min(own)}]: {reason}'
            unit.report.error(code, message, declarator.name_span)


def obstacle(unit: Unit, type_: Type) -> tuple[str, str] | None:
    """Why a type cannot be pickled, with the code that says so; None when it can be."""
    match type_:
        case Pipe():
            return "MIDL2342", "it is a pipe"
        case Array(_, dimensions) if any(dimension.conformant or dimension.varying for dimension in dimensions):
            return "MIDL2278", "its size is not known beforehand"
        case String():
            return "MIDL2278", "its length is not known beforehand"
        case Pointer(_, target):
            return None if isinstance(target, Array | String) else obstacle(unit, target)
        case Presented(_, target):
            return obstacle(unit, target)
        case UnionUse(name):
            union = unit.scope.declared.get(name)
            if isinstance(union, Union) and not union.encapsulated:
                return "IDLC1218", "nothing here tells which arm of the union is in use"
            return None
        case ContextHandleUse() | BindingHandle():
            return "IDLC1218", "a handle means nothing outside of its association"
        case Void() | Opaque():
            return "IDLC1218", "it has no form on the wire"
        case _:
            return None


def check_operations(report: Report, interface: Interface, attributes: Attributes, drafts: Iterable[Draft]) -> None:
    """Report operations that are marked [encode] or [decode], by themselves or through their interface."""
    everywhere = attributes.first_of(*_HALVES)
    remote = [draft for draft in drafts if not draft.operation.local]
    marked = [(draft, draft.attributes.first_of(*_HALVES) or everywhere) for draft in remote]
    first = next((found for draft, found in marked if found is not None and not has_pipes(draft.operation)), None)
    for draft, found in marked:
        operation = draft.operation
        if found is None:
            if first is not None:
                note = Note("this one is to be serialized", first.span)
                message = f'"{operation.name}" is an ordinary operation in an interface with [{first.name}] ones'
                report.error("MIDL2277", message, operation.span, (note,))
            continue
        clash = attributes.get("auto_handle") or draft.attributes.get("auto_handle")
        if interface.object:
            message = f'"{operation.name}" belongs to an [object] interface and cannot be [{found.name}]'
            report.error("MIDL2300", message, operation.span)
        elif has_pipes(operation):
            report.error("MIDL2342", f'"{operation.name}" has pipes and cannot be [{found.name}]', operation.span)
        elif clash is not None:
            note = Note("automatic handles are asked for here", clash.span)
            message = f'"{operation.name}" is [{found.name}] and cannot have an automatic handle'
            report.error("MIDL2276", message, operation.span, (note,))
        for parameter in operation.parameters:
            type_ = behind_ref(parameter.type)
            if isinstance(type_, ContextHandleUse):
                message = f'"{parameter.name}" is a context handle, which means nothing outside of its association'
                report.error("IDLC1218", message, parameter.span)
            elif isinstance(type_, BindingHandle) or parameter.is_in == parameter.is_out:
                continue
            elif halves(draft.attributes) == frozenset(_HALVES):
                half = "encoded and not decoded" if parameter.is_in else "decoded and not encoded"
                message = f'"{parameter.name}" is {half}: "{operation.name}" cannot read what it writes'
                report.warning("IDLC1219", message, parameter.span, help="make it [in, out]")


def has_pipes(operation: Operation) -> bool:
    return any(isinstance(p.type.target if isinstance(p.type, Pointer) else p.type, Pipe) for p in operation.parameters)
