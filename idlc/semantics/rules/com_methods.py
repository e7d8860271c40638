"""Methods of object interfaces and dispinterfaces: results, accessors of properties, the order of parameters."""

from __future__ import annotations

from collections.abc import Sequence

from idlc.diagnostics.report import Report
from idlc.semantics.rules.places import Places
from idlc.semantics.symbols import Scope
from idlc.semantics.types import (
    ACCESSORS,
    Array,
    Base,
    BaseKind,
    ErrorType,
    Interface,
    InterfacePointer,
    Operation,
    Parameter,
    Pointer,
    StructUse,
    Void,
)

_RESULTS = frozenset({"HRESULT", "SCODE"})
_NOT_HERE = ("callback", "broadcast", "maybe", "message", "explicit_handle", "auto_handle")
_BINDING = ("bindable", "defaultbind", "displaybind", "immediatebind", "requestedit")
_VARIANTS = frozenset({"VARIANT", "VARIANTARG"})
_PLACED = frozenset({"retval", "lcid", "optional", "defaultvalue"})
"""Attributes of parameters that depend on each other, on where they stand or on the interface."""
_AUTOMATION = frozenset({"dual", "oleautomation", "odl"})


def check(places: Places, report: Report) -> None:
    for interface in places.bound.interfaces:
        if interface.synchronous is not None:
            continue
        stand_ins = {operation.call_as for operation in interface.operations}
        for operation in interface.operations:
            if interface.object:
                _attributes(operation, report)
                _shape(interface, operation, report)
            if not interface.object or interface.dispatch or interface.local:
                continue
            if not operation.local:
                _result(operation, places.bound.scope, report)
            elif operation.call_as is None and not stand_ins & {operation.name, operation.called}:
                message = f'"{operation.name}" is [local] and no method stands for it when it is called from afar'
                report.warning("MIDL2392", message, operation.span, help=f"[call_as({operation.name})] on another one")


def _result(operation: Operation, scope: Scope | None, report: Report) -> None:
    """What is called from afar can fail, and says so with an HRESULT."""
    result = operation.result
    if isinstance(result, ErrorType):
        return
    if isinstance(result, Base) and result.spelling not in _RESULTS:
        alias = scope.typedefs.get(result.spelling) if scope is not None else None
        core = alias.shape.core if alias is not None else None
        if isinstance(core, Base) and core.spelling in _RESULTS:
            return
    elif isinstance(result, Base):
        return
    message = f'"{operation.name}" is a method of an [object] interface and must return HRESULT'
    report.doubtful("MIDL2269", message, operation.span, help="or be [local]")


def _attributes(operation: Operation, report: Report) -> None:
    for word in _NOT_HERE:
        if word in operation.words:
            message = f'"{operation.name}" belongs to an [object] interface and cannot be [{word}]'
            report.error("MIDL2304", message, operation.span)
    if "readonly" in operation.words:
        message = f'"{operation.name}" is a method and cannot be [readonly]'
        report.error("MIDL2461", message, operation.span, help="give a property no [propput]")
    bound = [word for word in _BINDING if word in operation.words]
    if bound and not ACCESSORS.keys() & operation.words:
        message = f'"{operation.name}" is [{bound[0]}], but no accessor of a property'
        report.doubtful("MIDL2092", message, operation.span, help="add propget, propput or propputref")


# ---------------------------------------------------------------------------- parameters


def _shape(interface: Interface, operation: Operation, report: Report) -> None:
    parameters = operation.parameters
    _accessor(operation, report)
    if "vararg" not in operation.words and all(one.words.isdisjoint(_PLACED) for one in parameters):
        return
    at: dict[str, int] = {}
    for index, one in enumerate(parameters):
        at |= dict.fromkeys({"retval", "lcid"} & one.words, index)
    placed = set(at.values())  # one place where a parameter is both
    required = [one for index, one in enumerate(parameters) if index not in placed]
    if "retval" in at:
        _retval(interface, parameters, at["retval"], report)
    if "lcid" in at:
        _lcid(parameters[at["lcid"]], at, len(parameters), report)
    if "vararg" in operation.words:
        _vararg(operation, required, report)
        required = required[:-1]
    _order(operation, required, report)
    automation = interface.dispatch or bool(_AUTOMATION & interface.words)
    for parameter in parameters:
        _optional(interface, parameter, report, automation=automation)


def _accessor(operation: Operation, report: Report) -> None:
    name = operation.name
    if {"propput", "propputref"} & operation.words and not operation.parameters:
        report.error("MIDL2093", f'"{name}" sets a property, but has no parameter for the value', operation.span)
    if "propget" in operation.words:
        status = isinstance(operation.result, Base) and operation.result.spelling in _RESULTS
        nothing = isinstance(operation.result, Void) or status
        if nothing and not any(parameter.is_out for parameter in operation.parameters):
            help_ = "its last parameter is [out, retval]"
            report.doubtful("MIDL2418", f'"{name}" gets a property, but has no result', operation.span, help=help_)


def _retval(interface: Interface, parameters: Sequence[Parameter], at: int, report: Report) -> None:
    parameter = parameters[at]
    pointer = isinstance(parameter.type, Pointer | InterfacePointer | ErrorType)
    if not parameter.is_out or parameter.is_in or not pointer:
        message = f'"{parameter.name}" is [retval] and must be an [out] pointer'
    elif at != len(parameters) - 1:
        message = f'"{parameter.name}" is [retval] and must be the last parameter'
    elif interface.dispatch:
        message = f'"{parameter.name}" is [retval]; a method of a dispinterface has its result as in C'
    else:
        return
    report.doubtful("MIDL2281", message, parameter.span)


def _lcid(parameter: Parameter, at: dict[str, int], count: int, report: Report) -> None:
    last = at["retval"] - 1 if at.get("retval") == count - 1 else count - 1
    if at["lcid"] != last:
        message = f'"{parameter.name}" is [lcid] and must be the last parameter, or the last before [retval]'
        report.doubtful("MIDL2384", message, parameter.span)
    type_ = parameter.type
    if parameter.is_out or not isinstance(type_, Base | ErrorType):
        report.error("MIDL2403", f'"{parameter.name}" is [lcid] and must be an [in] long', parameter.span)
    elif isinstance(type_, Base) and type_.kind not in {BaseKind.INT32, BaseKind.UINT32}:
        report.error("MIDL2403", f'"{parameter.name}" is [lcid] and must be a long', parameter.span)


def _vararg(operation: Operation, required: Sequence[Parameter], report: Report) -> None:
    last = required[-1].type_name if required else ""
    if last.replace(" ", "") in {"SAFEARRAY(VARIANT)", "SAFEARRAY", "LPSAFEARRAY"}:
        return
    message = f'"{operation.name}" is [vararg]; its last parameter before [lcid] and [retval] is no SAFEARRAY(VARIANT)'
    report.error("MIDL2361", message, operation.span)


def _order(operation: Operation, parameters: Sequence[Parameter], report: Report) -> None:
    """What may be left out comes last; an accessor may have the value of its property behind that."""
    optional = [index for index, one in enumerate(parameters) if {"optional", "defaultvalue"} & one.words]
    if not optional:
        return
    behind = parameters[optional[0] + 1 :]
    required = [one for one in behind if not {"optional", "defaultvalue"} & one.words]
    accessor = bool(ACCESSORS.keys() & operation.words)
    allowed = 1 if accessor else 0
    if len(required) > allowed:
        first = parameters[optional[0]].name
        parameter = required[0]
        message = f'"{parameter.name}" is required and stands behind "{first}", which may be left out'
        report.doubtful("MIDL2404" if accessor else "MIDL2090", message, parameter.span)


def _optional(interface: Interface, parameter: Parameter, report: Report, *, automation: bool) -> None:
    words = parameter.words
    variant = parameter.type_name.rpartition(".")[2] in _VARIANTS
    if "optional" in words and not interface.library and not interface.dispatch:
        message = f'"{parameter.name}" is [optional]; outside of a library that means nothing'
        report.warning("MIDL2402", message, parameter.span)
    elif "optional" in words and "defaultvalue" in words and not variant:
        message = f'"{parameter.name}" has a default value, it is [optional] anyway'
        report.warning("MIDL2401", message, parameter.span, help="leave [optional] out")
    elif "optional" in words and automation and not variant:
        message = f'"{parameter.name}" is [optional] and no VARIANT: who is called cannot tell whether it was given'
        report.warning("MIDL2400", message, parameter.span)
    if "defaultvalue" in words:
        holds = parameter.type.target if isinstance(parameter.type, Pointer) else parameter.type
        by_value = isinstance(holds, Array) or isinstance(parameter.type, StructUse)
        if by_value and not variant:
            message = f'"{parameter.name}" is of a type that can have no default value'
            report.warning("MIDL2366", message, parameter.span)
        elif parameter.is_out and not parameter.is_in:
            message = f'"{parameter.name}" is [out] and takes no default value'
            report.warning("MIDL2366", message, parameter.span)
