"""What Automation can carry: the types of methods of [oleautomation] and [dual] interfaces, and of dispinterfaces.

Its marshaler knows integers, floating point, dates, text as BSTR, VARIANTs, SAFEARRAYs and pointers to interfaces that
it knows in turn; what C programs pass beside those needs a proxy of its own.
"""

from __future__ import annotations

from idlc.diagnostics.report import Report
from idlc.semantics.rules.places import Places
from idlc.semantics.symbols import Scope, finish
from idlc.semantics.types import (
    Array,
    Base,
    BaseKind,
    EnumUse,
    ErrorType,
    Interface,
    InterfacePointer,
    Opaque,
    Parameter,
    Pointer,
    PointerKind,
    String,
    StructUse,
    Type,
    Void,
)

_NAMED = frozenset("BSTR VARIANT VARIANTARG VARIANT_BOOL CURRENCY CY DATE DECIMAL SCODE HRESULT".split())
_SAFEARRAYS = ("SAFEARRAY", "LPSAFEARRAY")
_NO_NUMBERS = frozenset({BaseKind.BOOLEAN, BaseKind.WCHAR, BaseKind.GUID})
_DEPTH = 2
"""How many pointers Automation follows: to a value, and for what comes out to a pointer."""


def check(places: Places, report: Report) -> None:
    scope = places.bound.scope
    for interface in places.bound.interfaces:
        if scope is None or interface.synchronous is not None or not _asked(interface):
            continue
        known = _known(scope)
        kinds = {type_.kind for type_ in known if isinstance(type_, Base)}
        others: list[Type] = [type_ for type_ in known if not isinstance(type_, Base)]
        for operation in interface.operations:
            if operation.local or "restricted" in operation.words:
                continue
            for parameter in operation.parameters:
                what = _obstacle(parameter, kinds, others, scope)
                if what is not None:
                    message = f'"{parameter.name}" is {what}, which Automation cannot carry'
                    report.warning("MIDL2039", message, parameter.span)


def _asked(interface: Interface) -> bool:
    return interface.dispatch or bool({"oleautomation", "dual"} & interface.words)


def _known(scope: Scope) -> list[Type]:
    """What the named types of Automation are made of, so that other names for them are known too."""
    symbols = [scope.typedefs[name] for name in _NAMED if name in scope.typedefs]
    return [finish(symbol.shape, default=PointerKind.UNIQUE) for symbol in symbols]


def _obstacle(parameter: Parameter, kinds: set[BaseKind], others: list[Type], scope: Scope) -> str | None:
    """What a parameter is that it should not be; None if Automation can carry it.

    It can carry numbers of these kinds and the other types that are given.
    """
    name = parameter.type_name.rpartition(".")[2]
    if name in _NAMED or name.startswith(_SAFEARRAYS):
        return None
    type_ = parameter.type
    for depth in range(_DEPTH + 1):
        if type_.kind in kinds if isinstance(type_, Base) else type_ in others:
            return None
        if not isinstance(type_, Pointer):
            return _leaf(type_, scope)
        if depth < _DEPTH:
            type_ = type_.target
    return "a pointer to pointers"


def _leaf(type_: Type, scope: Scope) -> str | None:
    match type_:
        case Base(kind, spelling):
            return f"a {spelling or kind.value}" if kind in _NO_NUMBERS else None
        case InterfacePointer(None):
            return "a pointer to any interface"
        case InterfacePointer(str(name)):
            symbol = scope.interfaces.get(name)
            known = symbol is None or not symbol.complete or symbol.automation
            return None if known else f'a pointer to "{name}", which is no [oleautomation] interface'
        case StructUse(name):
            return f'the structure "{name}"'
        case String():
            return "text that is no BSTR"
        case Array():
            return "an array that is no SAFEARRAY"
        case EnumUse() | ErrorType() | Opaque("SAFEARRAY"):
            return None
        case Void():
            return "a pointer to nothing in particular"
        case Opaque(spelling):
            return f"a {spelling}"
        case _:
            return "of a type"
