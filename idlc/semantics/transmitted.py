"""transmit_as and wire_marshal: which types can be presented as others, and what may travel instead.

A presented type has routines that convert it; what travels is whole by itself, and is never a handle.
"""

from __future__ import annotations

from collections.abc import Iterator

from idlc.diagnostics.report import Note
from idlc.semantics.symbols import FunctionCore, InterfaceCore, Shape, finish
from idlc.semantics.types import (
    Array,
    Base,
    BindingHandle,
    ContextHandleUse,
    ErrorType,
    Opaque,
    Pipe,
    Pointer,
    PointerKind,
    String,
    Struct,
    StructUse,
    Type,
    Union,
    UnionUse,
    Void,
)
from idlc.semantics.unit import Unit
from idlc.source.files import Span
from idlc.syntax import ast


def check(unit: Unit, attribute: ast.Attribute, presented: Shape, sent: Shape) -> bool:
    """Whether a type can be presented in place of another; what stands in the way is reported."""
    if presented.is_error or sent.is_error:
        return not sent.is_error
    span = attribute.arguments[0].span
    return _presentable(unit, attribute, presented) and _sendable(unit, attribute, sent, span)


def _presentable(unit: Unit, attribute: ast.Attribute, shape: Shape) -> bool:
    report, span, name = unit.report, attribute.span, attribute.name
    match shape.core:
        case BindingHandle():
            report.error("MIDL2184", f"handle_t does not travel and cannot be [{name}]", span)
        case ContextHandleUse():
            report.error("MIDL2084", f"a context handle travels as itself and cannot be [{name}]", span)
        case Pipe():
            report.error("MIDL2322", f"a pipe cannot be [{name}]", span)
        case Base(_, "error_status_t"):
            report.error("MIDL2228", f"error_status_t cannot be [{name}]", span)
        case _ if shape.user_handle:
            report.error("MIDL2200", f"a [handle] type cannot be [{name}]", span)
        case _:
            if name == "transmit_as" and _of_unknown_size(unit, shape):
                report.doubtful("MIDL2087", "a presented type has a size of its own", span, help="present a pointer")
            return True
    return False


def _sendable(unit: Unit, attribute: ast.Attribute, shape: Shape, span: Span) -> bool:
    report, name = unit.report, attribute.name
    match shape.core:
        case Void() if not shape.levels:
            report.error("MIDL2188", "void is no data that could travel", span)
            return False
        case Base(_, "error_status_t"):
            report.error("MIDL2228", "error_status_t is for parameters and results", span, help="use unsigned long")
            return False
        case Void() | Opaque() | BindingHandle() | ContextHandleUse() | Pipe() | InterfaceCore() | FunctionCore():
            report.error("MIDL2085", f"[{name}] needs a type that can travel", span)
            return False
        case _:
            pass
    parts = list(_parts(unit, finish(shape, default=unit.default), span))
    if name == "transmit_as":
        pointer = next((place for part, place in parts if isinstance(part, Pointer)), None)
        if pointer is not None:
            notes = [] if pointer is span else [Note("it is here", pointer)]
            report.doubtful("MIDL2086", "what travels instead holds a pointer", span, notes, "use [wire_marshal]")
    else:
        kinds = ((part.kind, place) for part, place in parts if isinstance(part, Pointer))
        full = next((place for kind, place in kinds if kind is PointerKind.FULL), None)
        if full is not None:
            notes = [] if full is span else [Note("it is here", full)]
            report.error("MIDL2416", "what travels instead holds a [ptr] pointer", span, notes, "use [unique]")
        elif _of_unknown_size(unit, shape):
            report.error("MIDL2417", "what travels instead has no fixed size", span, help="use a pointer to it")
    return True


def _of_unknown_size(unit: Unit, shape: Shape) -> bool:
    if shape.levels:
        level = shape.levels[0]
        return not level.is_pointer and level.extent.bound is None
    return isinstance(shape.core, StructUse) and any(
        _is_open(part) for part, _ in _parts(unit, shape.core, Span.none(), in_place=True)
    )


def _is_open(type_: Type) -> bool:
    match type_:
        case Array(_, dimensions):
            return any(dimension.conformant for dimension in dimensions)
        case String(_, bound):
            return bound is None
        case _:
            return False


def _parts(unit: Unit, type_: Type, span: Span, *, in_place: bool = False) -> Iterator[tuple[Type, Span]]:
    """A type and all that it holds, with places; only what lies in place if that is asked for."""
    pending: list[tuple[Type, Span]] = [(type_, span)]
    seen: set[str] = set()
    while pending:
        type_, span = pending.pop()
        yield type_, span
        match type_:
            case Pointer(_, target):
                if not in_place:
                    pending.append((target, span))
            case Array(element):
                pending.append((element, span))
            case StructUse(name) | UnionUse(name) if name not in seen:
                seen.add(name)
                declared = unit.scope.declared.get(name)
                if isinstance(declared, Struct):
                    pending += [(field.type, field.span) for field in reversed(declared.fields)]
                elif isinstance(declared, Union):
                    pending += [(arm.type, arm.span) for arm in reversed(declared.arms) if arm.type is not None]
            case ErrorType():
                pass
            case _:
                pass
