"""Arrays, strings and conformant structures: where something of unknown size may stand, and who knows its size."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from idlc.diagnostics.report import Note, Report
from idlc.semantics.constants import names
from idlc.semantics.rules.places import Places, nested
from idlc.semantics.types import (
    Array,
    Expression,
    Operation,
    Parameter,
    Pointer,
    String,
    Struct,
    StructUse,
    Type,
    behind_ref,
)
from idlc.source.files import Span


def check(places: Places, report: Report) -> None:
    travel = places.sent_records
    # Published files describe with structures what travels in another way, or not at all.
    for struct in places.structs:
        _last(places, struct, report.error if struct.name in travel else report.doubtful)
    for union in places.unions:
        say = report.error if union.name in travel else report.doubtful
        for arm in union.arms:
            if arm.type is not None and places.conformant(arm.type):
                message = f'arm "{arm.name}" has no fixed size'
                say("MIDL2171", message, arm.span, _why(places, arm.type), "use a pointer to it")
    for owner, member in places.members:
        if member.type is not None:
            say = report.error if owner.name in travel else report.doubtful
            _array(places, member.type, member.name or "", member.span, report, say)
    for interface, operation, parameter in places.parameters:
        say = report.doubtful if interface.object else report.error
        _array(places, parameter.type, parameter.name, parameter.span, report, say)
        _parameter(places, parameter, say)
        # What goes in with an asynchronous form is a rule of its own.
        if interface.async_uuid is None or parameter.is_out:
            _known(operation, parameter, say)
    for interface, operation in places.operations:
        if isinstance(operation.result, StructUse) and places.conformant(operation.result):
            message = f'the result of "{operation.name}" has no fixed size'
            say = report.doubtful if interface.object else report.error
            say("MIDL2199", message, operation.span, _why(places, operation.result), "use a pointer to a pointer")


def _last(places: Places, struct: Struct, say: Callable[..., None]) -> None:
    for field in struct.fields[:-1]:
        if places.conformant(field.type):
            message = f'"{field.name}" has no fixed size and must be the last member of "{struct.name}"'
            say("MIDL2055", message, field.span, _why(places, field.type))


def _why(places: Places, type_: Type) -> list[Note]:
    """What makes a structure as long as what it holds: the field that it ends in."""
    if not isinstance(type_, StructUse):
        return []
    found = places.find(type_.name)
    last = found.fields[-1] if isinstance(found, Struct) and found.fields else None
    return [] if last is None else [Note(f'"{type_.name}" ends in what has no fixed size', last.span)]


def _array(places: Places, type_: Type, name: str, span: Span, report: Report, say: Callable[..., None]) -> None:
    """Every array in a type knows its size, and its elements have one."""
    for part in nested(type_):
        if not isinstance(part, Array):
            continue
        if any(dimension.bound is None and dimension.size is None for dimension in part.dimensions):
            message = f'nothing says how many elements "{name}" has'
            say("MIDL2105", message, span, help="add [size_is(...)]")
            return
        if places.conformant(part.element):
            notes = _why(places, part.element)
            report.error("MIDL2104", f'the elements of "{name}" have no fixed size', span, notes)
            return


def _parameter(places: Places, parameter: Parameter, say: Callable[..., None]) -> None:
    if isinstance(parameter.type, StructUse) and places.conformant(parameter.type):
        message = f'"{parameter.name}" has no fixed size and cannot be passed by value'
        say("MIDL2043", message, parameter.span, _why(places, parameter.type), "use a pointer")
        return
    if parameter.is_in:
        return
    target = behind_ref(parameter.type)
    if target is parameter.type:
        return
    if isinstance(target, StructUse) and places.conformant(target):
        message = f'"{parameter.name}" is [out] only: nobody knows how much room it needs'
        help_ = "use a pointer to a pointer, or make it [in, out]"
        say("MIDL2040", message, parameter.span, _why(places, target), help_)
    elif isinstance(target, String) and target.bound is None and target.size is None:
        message = f'"{parameter.name}" is an [out] string without a size'
        say("MIDL2041", message, parameter.span, help="add [size_is(...)], or use a pointer to a pointer")


def _known(operation: Operation, parameter: Parameter, say: Callable[..., None]) -> None:
    """Sizes must be known to whoever needs them: the sender, and the server that makes room for outputs."""
    out_only = {p.name: p for p in operation.parameters if p.is_out and not p.is_in}
    for depth, role, expression in _expressions(parameter.type):
        unknown = [out_only[name] for name in sorted(names(expression)) if name in out_only]
        if not unknown:
            continue
        needs_size = role == "size" and (parameter.is_in or depth == 0)
        needs_length = role == "length" and parameter.is_in
        if needs_size or needs_length:
            other = unknown[0]
            verb = "sizes" if role == "size" else "counts"
            message = f'"{other.name}" {verb} "{parameter.name}" but is [out] only; the server could not know it'
            note = Note("it is declared here", other.span)
            code = "MIDL2123" if role == "size" else "MIDL2124"
            say(code, message, parameter.span, (note,))
            return


def _expressions(type_: Type) -> Iterator[tuple[int, str, Expression]]:
    """Sizing expressions with the number of pointers before them, the first one of a parameter not counted."""
    depth = -1 if isinstance(type_, Pointer) else 0
    for part in nested(type_):
        match part:
            case Pointer():
                depth += 1
            case Array(_, dimensions):
                for dimension in dimensions:
                    for role, expression in (
                        ("size", dimension.size),
                        ("length", dimension.first),
                        ("length", dimension.length),
                    ):
                        if expression is not None:
                            yield depth, role, expression
            case String(_, _, size) if size is not None:
                yield depth, "size", size
            case _:
                pass
