"""Pointers: which kinds may stand where, and what a pointer may lead to when it is sent."""

from __future__ import annotations

from collections.abc import Callable

from idlc.diagnostics.report import Note, Report
from idlc.semantics.rules.places import Places, Sent, nested
from idlc.semantics.types import (
    Arm,
    BindingHandle,
    ContextHandleUse,
    ErrorType,
    InterfacePointer,
    Opaque,
    Parameter,
    Pipe,
    Pointer,
    PointerKind,
)
from idlc.source.files import Span


def check(places: Places, report: Report) -> None:
    for interface, _, parameter in places.parameters:
        _outgoing(parameter, report.doubtful if interface.object else report.error)
    for _, operation in places.operations:
        result = operation.result
        if isinstance(result, Pointer) and result.kind is PointerKind.REF:
            message = f'the result of "{operation.name}" is a ref pointer'
            report.error("MIDL2177", message, operation.span, help="a result pointer is unique or ptr")
    for owner, member in places.members:
        type_ = member.type
        if isinstance(member, Arm) and isinstance(type_, Pointer) and type_.kind is PointerKind.REF:
            message = f'arm "{member.name}" of "{owner.name}" is a ref pointer'
            report.error("MIDL2249", message, member.span, help="an arm's pointer is unique or ptr")
    refused: set[Span] = set()
    told: set[str] = set()
    for place in places.sent:
        _sendable(place, refused, told, report)


def _outgoing(parameter: Parameter, say: Callable[..., None]) -> None:
    """[out] needs a place to put the value: a pointer that the caller certainly has."""
    if not parameter.is_out:
        return
    match parameter.type:
        case Pipe() | ErrorType() | ContextHandleUse() | BindingHandle() | Opaque():
            pass
        case InterfacePointer():
            message = f'"{parameter.name}" is [out] and needs one more pointer'
            say("MIDL2284", message, parameter.span, help="an interface pointer goes out as IFoo **")
        case Pointer(kind):
            if kind is not PointerKind.REF and not parameter.is_in:
                message = (
                    f'"{parameter.name}" is [out] only and [{kind.value}]: nothing says whether the caller wants it'
                )
                say("MIDL2121", message, parameter.span, help="make it [in, out] or [ref]")
        case _:
            message = f'"{parameter.name}" is [out] and must be a pointer or an array'
            say("MIDL2042", message, parameter.span, help=f"write *{parameter.name}")


_CODES = {
    "function pointer": ("a function pointer", {"parameter": "MIDL2142", "result": "MIDL2148", "field": "MIDL2244"}),
    "void *": ("a void *", {"parameter": "MIDL2139", "result": "MIDL2145", "field": "MIDL2241"}),
    "union": ("a union that nothing selects", {"parameter": "MIDL2143", "result": "MIDL2147", "field": "MIDL2243"}),
    "undefined type": ("of an undefined type", {"parameter": "MIDL2011", "result": "MIDL2011", "field": "MIDL2011"}),
    "system handle": ("a handle of this machine", dict.fromkeys(("parameter", "result", "field"), "IDLC1208")),
    "foreign": ("", dict.fromkeys(("parameter", "result", "field"), "IDLC1222")),
    "SAFEARRAY": ("a SAFEARRAY", {"parameter": "MIDL2107", "result": "MIDL2107", "field": "MIDL2107"}),
}


_REMEDIES = {
    "a void *": "say what it points to, as in [size_is(n)] byte *, or make it a [context_handle]",
    "a union that nothing selects": "say what does: [switch_is(...)], with [switch_type(...)] on the union",
}

_BIT_FIELDS = {"parameter": "MIDL2140", "result": "MIDL2146"}


_TODO = "[todo] before the operation leaves its number, and nothing else"
"""What to do about an operation that sends what is not NDR."""


def _bit_field(place: Sent, refused: set[Span], report: Report) -> None:
    """A record with bit-fields is refused where it is used, once: local code may well have it."""
    use = place.within or place
    if use.span in refused:
        return
    refused.add(use.span)
    code = _BIT_FIELDS.get(use.role, "MIDL2242")
    subject = f'the result of "{use.name}"' if use.role == "result" else f'"{use.name}"'
    say = report.doubtful if place.interface.object else report.error
    say(code, f"{subject} has bit-fields and cannot be sent", use.span, (Note("a bit-field", place.span),))


def _outermost(place: Sent) -> Sent:
    """The parameter or result that a place is in."""
    while place.within is not None:
        place = place.within
    return place


def _sendable(place: Sent, refused: set[Span], told: set[str], report: Report) -> None:
    parts = nested(place.type)
    opaque = [part for part in parts if isinstance(part, Opaque)]
    if not opaque or any(isinstance(part, Pipe) for part in parts):
        return  # what a pipe cannot carry is said where it is defined
    for part in opaque:
        if part.spelling == "bit-field":
            _bit_field(place, refused, report)
            return
        # What a library says of a SAFEARRAY is for Automation, which marshals it.
        if not (part.spelling == "SAFEARRAY" and place.interface.object):
            what, codes = next(found for start, found in _CODES.items() if part.spelling.startswith(start))
            role = "field" if place.role == "arm" else place.role
            code = codes.get(role, codes["field"])
            if not what:
                what = part.spelling.removeprefix("foreign: ")
                if what in told:
                    return
                told.add(what)
            span, subject, notes = place.span, f'"{place.name}"', []
            if role == "result":
                subject = f'the result of "{place.name}"'
            elif role == "field" and _outermost(place).span.file.path == span.file.path:
                notes.append(Note(f'operation "{place.operation.name}" sends it', place.operation.span))
            elif role == "field":  # who sends what is defined in another file is who can do something about it
                use = _outermost(place)
                span, subject, notes = use.span, f'"{place.name}" in "{use.name}"', [Note("it is here", span)]
            # A method of an object interface can be called in its process, and published ones often can only there.
            say = report.doubtful if place.interface.object else report.error
            help_ = _REMEDIES.get(what, _TODO if code == "IDLC1222" else None)
            say(code, f"{subject} is {what} and cannot be sent", span, notes, help_)
