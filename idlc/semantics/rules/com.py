"""Object interfaces, dispinterfaces and component classes as a whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from idlc.diagnostics.report import Note, Report
from idlc.semantics.constants import names
from idlc.semantics.rules.places import Places, nested
from idlc.semantics.types import (
    Array,
    Coclass,
    Expression,
    Interface,
    InterfacePointer,
    Operation,
    Parameter,
    Property,
    String,
    Type,
    UnionUse,
)
from idlc.source.files import Span

_HANDLES = ("auto_handle", "explicit_handle", "implicit_handle")
_PLAIN_RPC = ("endpoint", *_HANDLES, "strict_context_handle", "type_strict_context_handle")


def check(places: Places, report: Report) -> None:
    bound = places.bound
    for interface in bound.interfaces:
        if interface.object and interface.synchronous is None:
            _header(interface, report)
            _identities(interface, report)
    for interface in bound.interfaces:
        if interface.async_uuid is not None and interface.object:
            for operation in interface.operations:
                if operation.call_as is None:  # its local method gives the form its shape
                    _halves(operation, report)
    for coclass in bound.coclasses:
        _members(coclass, report)
    _announced(places, report)
    _nothing_remote(places, report)


def _header(interface: Interface, report: Report) -> None:
    for word in _PLAIN_RPC:
        if word in interface.words:
            message = f'"{interface.name}" is an [object] interface and cannot be [{word}]'
            report.error("MIDL2305", message, interface.span, help="an object is reached through its pointer")
    if interface.dispatch and interface.wraps is None:
        for word in ("dual", "oleautomation"):
            if word in interface.words:
                message = f'[{word}] means nothing on dispinterface "{interface.name}"'
                report.doubtful("MIDL2096", message, interface.span)


def _identities(interface: Interface, report: Report) -> None:
    """DISPIDs: every member of a dispinterface has one, and no two members share one."""
    members: list[Operation | Property] = [*interface.properties, *interface.operations]
    seen: dict[int, Operation | Property] = {}
    for member in members:
        if member.dispid is None:
            # One with an id that could not be worked out has had its message.
            if interface.dispatch and not (isinstance(member, Operation) and "id" in member.words):
                message = f'"{member.name}" has no id, and a dispinterface knows its members by nothing else'
                report.error("MIDL2094", message, member.span, help=f"write [id({_next(members)})]")
            continue
        other = seen.setdefault(member.dispid, member)
        if other.name != member.name:
            note = Note(f'"{other.name}" has it', other.span)
            message = f'"{member.name}" has the id of another member, {member.dispid}'
            report.doubtful("MIDL2021", message, member.span, (note,))


def _next(members: Iterable[Operation | Property]) -> int:
    return max((member.dispid for member in members if member.dispid is not None), default=0) + 1


def _members(coclass: Coclass, report: Report) -> None:
    for source in (False, True):
        first: Span | None = None
        for member in coclass.members:
            if not member.default or member.source is not source:
                continue
            if first is not None:
                kind = "default source interface" if source else "default interface"
                note = Note("the first one", first)
                message = f'"{member.name}" is a second {kind} of "{coclass.name}"'
                report.error("MIDL2233", message, member.span, (note,))
            first = first or member.span
    for member in coclass.members:
        if "defaultvtable" in member.words and not member.source:
            message = f'"{member.name}" is [defaultvtable], but no [source]'
            report.error("MIDL2234", message, member.span)


def _announced(places: Places, report: Report) -> None:
    """Interfaces that are announced, and defined in no file at hand. Published IDL has many: their pointers work."""
    scope = places.bound.scope
    for symbol in scope.interfaces.values() if scope is not None else ():
        if not symbol.complete and symbol.origin == places.bound.name:
            message = f'{symbol.keyword} "{symbol.name}" is announced, and defined nowhere'
            report.warning("MIDL2337", message, symbol.span, help="import the file that defines it")


def _nothing_remote(places: Places, report: Report) -> None:
    interfaces = [i for i in places.bound.interfaces if i.uuid is not None and not i.local]
    if any(i.object or i.operations for i in interfaces):
        return
    for interface in interfaces[:1]:
        message = f'interface "{interface.name}" has no operation that could be called'
        report.warning("MIDL2231", message, interface.span, help="leave its uuid out if it is there for types only")


# ---------------------------------------------------------------------------- asynchronous forms


def _halves(operation: Operation, report: Report) -> None:
    """What Begin_ sends must not depend on what only Finish_ brings."""
    late = {parameter.name for parameter in operation.parameters if parameter.is_out and not parameter.is_in}
    for parameter in operation.parameters:
        if parameter.is_out:
            continue
        for name in _named(parameter):
            if name in late:
                message = f'"{parameter.name}" goes in with Begin_{operation.name} and depends on "{name}", which is'
                report.error("MIDL2372", f"{message} [out] only", parameter.span)
                return


def _named(parameter: Parameter) -> Iterator[str]:
    for part in nested(parameter.type):
        for expression in _expressions(part):
            yield from names(expression)


def _expressions(type_: Type) -> Iterator[Expression]:
    match type_:
        case Array(_, dimensions):
            for dimension in dimensions:
                yield from (e for e in (dimension.size, dimension.first, dimension.length) if e is not None)
        case String(_, _, size) if size is not None:
            yield size
        case UnionUse(_, switch) if switch is not None:
            yield switch
        case InterfacePointer(_, iid) if iid is not None:
            yield iid
        case _:
            return
