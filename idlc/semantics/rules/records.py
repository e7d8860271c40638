"""Structures and unions as a whole: they end, they are defined, they hold what may be held."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from idlc.diagnostics.report import Note, Report
from idlc.semantics.rules.places import Places, head, nested
from idlc.semantics.types import (
    Array,
    Base,
    EnumUse,
    Pointer,
    PointerKind,
    Struct,
    StructUse,
    Type,
    Union,
    UnionUse,
)
from idlc.source.files import Span


def check(places: Places, report: Report) -> None:
    _endless(places, report)
    _undefined(places, report)
    _status(places, report)


def _endless(places: Places, report: Report) -> None:
    """A record that holds itself, by value or behind pointers that are never null, has no end."""
    done: set[str] = set()
    records: list[Struct | Union] = [*places.structs, *places.unions]
    for start in records:
        if start.name in done:
            continue
        path: list[tuple[str, Iterator[tuple[str, bool]]]] = [(start.name, _held(places, start.name))]
        on_path = {start.name: False}
        while path:
            name, held = path[-1]
            step = next(held, None)
            if step is None:
                path.pop()
                done.add(name)
                del on_path[name]
                continue
            inner, by_pointer = step
            if inner in on_path:
                names = [one for one, _ in path]
                cycle = names[names.index(inner) :]
                pointers = by_pointer or any(on_path[one] for one in cycle[1:])
                _report_cycle(places, cycle, report, by_pointer=pointers)
            elif inner not in done:
                on_path[inner] = by_pointer
                path.append((inner, _held(places, inner)))


def _report_cycle(places: Places, cycle: list[str], report: Report, *, by_pointer: bool) -> None:
    record = places.find(cycle[0])
    if record is None:
        return
    others = [(name, found) for name in cycle[1:] if (found := places.find(name)) is not None]
    notes = [Note(f'by way of "{name}"', head(found.span)) for name, found in others]
    if not by_pointer and any(_is_plain_union(places, name) for name in cycle):
        message = f'"{cycle[0]}" contains itself through a union'
        report.error("MIDL2179", message, head(record.span), notes, "use a pointer")
    elif by_pointer:
        message = f'"{cycle[0]}" contains itself through [ref] pointers, which are never null'
        report.error("MIDL2164", message, head(record.span), notes, "make one of them [unique]")
    else:
        message = f'"{cycle[0]}" contains itself'
        report.error("MIDL2006", message, head(record.span), notes, "use a pointer")


def _is_plain_union(places: Places, name: str) -> bool:
    declared = places.find(name)
    return isinstance(declared, Union) and not declared.encapsulated


def _held(places: Places, name: str) -> Iterator[tuple[str, bool]]:
    """The records that a record cannot be without, and whether a pointer leads to them."""
    declared = places.find(name)
    types: list[Type] = []
    if isinstance(declared, Struct):
        types = [field.type for field in declared.fields if not field.ignore]
    elif isinstance(declared, Union):
        types = [arm.type for arm in declared.arms if arm.type is not None]
    for type_ in types:
        by_pointer = False
        for part in nested(type_):
            if isinstance(part, Pointer):
                if part.kind is not PointerKind.REF:
                    break
                by_pointer = True
            elif isinstance(part, Array) and by_pointer:
                # An array behind a pointer may have no elements.
                break
            elif isinstance(part, StructUse | UnionUse):
                yield part.name, by_pointer


def _undefined(places: Places, report: Report) -> None:
    """Tags that were announced and never defined."""
    missing: set[str] = set()
    travel = places.sent_records
    for owner, member in places.members:
        # Without a definition C can do nothing but hand a pointer on, and where nothing is sent that is enough.
        opaque = owner.name not in travel and isinstance(member.type, Pointer)
        _defined(places, member.type, member.span, missing, report.doubtful if opaque else report.error)
    for interface, operation in places.operations:
        say = report.doubtful if interface.object else report.error
        _defined(places, operation.result, operation.span, missing, say)
        for parameter in operation.parameters:
            _defined(places, parameter.type, parameter.span, missing, say)


def _defined(places: Places, type_: Type | None, span: Span, missing: set[str], say: Callable[..., None]) -> None:
    for part in nested(type_) if type_ is not None else ():
        if isinstance(part, StructUse | UnionUse | EnumUse) and places.find(part.name) is None:
            if part.name not in missing:
                say("MIDL2011", f'"{part.name}" is used here and never defined', span)
            missing.add(part.name)


def _status(places: Places, report: Report) -> None:
    """error_status_t is for parameters and results."""
    help_ = "unsigned long has the same form"
    for _, member in places.members:
        status = _is_status(member.type)
        if status and _in_array(member.type):
            report.error("MIDL2226", f'the elements of "{member.name}" are error_status_t', member.span, help=help_)
        elif status:
            message = f'"{member.name}" is an error_status_t, which only parameters and results can be'
            report.error("MIDL2160", message, member.span, help=help_)
    for _, _, parameter in places.parameters:
        if _is_status(parameter.type) and _in_array(parameter.type):
            message = f'the elements of "{parameter.name}" are error_status_t'
            report.error("MIDL2226", message, parameter.span, help=help_)


def _is_status(type_: Type | None) -> bool:
    parts = () if type_ is None else nested(type_)
    return any(isinstance(part, Base) and part.spelling == "error_status_t" for part in parts)


def _in_array(type_: Type | None) -> bool:
    return type_ is not None and any(isinstance(part, Array) for part in nested(type_))
