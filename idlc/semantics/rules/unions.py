"""Unions: every use has a discriminant, every value of it one arm."""

from __future__ import annotations

from idlc.diagnostics.report import Note, Report
from idlc.semantics.constants import names
from idlc.semantics.rules.places import Places, head, nested
from idlc.semantics.types import Array, Struct, Type, Union, UnionUse
from idlc.source.files import Span


def check(places: Places, report: Report) -> None:
    for union in places.unions:
        _labels(union, report)
        for arm in union.arms:
            if isinstance(arm.type, UnionUse) and not places.encapsulated(arm.type):
                message = f'arm "{arm.name}" is a union itself'
                report.error("MIDL2221", message, arm.span, _where(places, arm.type), _PACKAGED)
    for owner, member in places.members:
        direct = isinstance(owner, Union) and isinstance(member.type, UnionUse)
        if member.type is not None and not direct:
            _use(places, member.type, member.name or "", member.span, report)
    for struct in places.structs:
        _discriminants(struct, report)
    for _, _, parameter in places.parameters:
        _use(places, parameter.type, parameter.name, parameter.span, report)
    for _, operation in places.operations:
        result = operation.result
        if isinstance(result, UnionUse) and not places.encapsulated(result):
            message = f'the result of "{operation.name}" is a union'
            report.error("MIDL2198", message, operation.span, _where(places, result), "use an [out] parameter")


_PACKAGED = "put the union into a structure with its discriminant"


def _where(places: Places, union: UnionUse) -> list[Note]:
    found = places.find(union.name)
    return [] if found is None else [Note("the union is defined here", head(found.span))]


def _labels(union: Union, report: Report) -> None:
    if not union.arms:
        report.error("MIDL2235", f'union "{union.name}" has no arms', head(union.span))
    seen: dict[int, Span] = {}
    default: Span | None = None
    for arm in union.arms:
        for value in arm.values:
            if value in seen:
                note = Note("it selects this arm already", seen[value])
                report.error("MIDL2056", f"case {value} is there twice", arm.span, (note,))
            seen.setdefault(value, arm.span)
        if arm.default:
            if default is not None:
                note = Note("the first one", default)
                report.error("MIDL2232", f'union "{union.name}" has two default arms', arm.span, (note,))
            default = default or arm.span
    if union.arms and default is None:
        message = f'union "{union.name}" has no default arm: other discriminants are refused'
        report.warning("MIDL2057", message, head(union.span), help="add [default] ; or default: ;")


def _use(places: Places, type_: Type, name: str, span: Span, report: Report) -> None:
    for part in nested(type_):
        if isinstance(part, Array) and isinstance(part.element, UnionUse) and not places.encapsulated(part.element):
            message = f'the elements of "{name}" are unions, one discriminant cannot select them all'
            report.error("MIDL2159", message, span, _where(places, part.element), _PACKAGED)
            return
        if isinstance(part, UnionUse) and part.switch is None and isinstance(places.find(part.name), Union):
            if not places.encapsulated(part):
                message = f'nothing selects the arm of "{name}"'
                report.error("MIDL2078", message, span, _where(places, part), "add [switch_is(...)]")
            return


def _discriminants(struct: Struct, report: Report) -> None:
    ignored = {field.name: field for field in struct.fields if field.ignore}
    for field in struct.fields:
        for part in nested(field.type):
            if not isinstance(part, UnionUse) or part.switch is None:
                continue
            for name in sorted(names(part.switch) & set(ignored)):
                note = Note("it is ignored here", ignored[name].span)
                report.error("MIDL2229", f'"{name}" selects an arm and is not sent', field.span, (note,))
