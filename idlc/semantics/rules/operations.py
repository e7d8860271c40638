"""Operations and interfaces as a whole: what their attributes promise."""

from __future__ import annotations

from uuid import UUID

from idlc.diagnostics.report import Note, Report
from idlc.semantics.configured import RETURN_VALUE
from idlc.semantics.rules.places import Places
from idlc.semantics.types import Base, ErrorType, Interface, Operation, Void

_STATUS_RESULTS = frozenset({"HRESULT", "error_status_t", "SCODE"})


def check(places: Places, report: Report) -> None:
    for _, operation in places.operations:
        _silent(operation, report)
    _identities(places, report)


def _silent(operation: Operation, report: Report) -> None:
    """[maybe] and [message] calls have no answer, so there is nothing to bring outputs back."""
    if not operation.maybe and not operation.message:
        return
    word = "message" if operation.message else "maybe"
    for parameter in operation.parameters:
        if parameter.is_out:
            message = f'"{parameter.name}" is [out], but [{word}] operations are not answered'
            report.error("MIDL2288", message, parameter.span)
            return
    statuses = operation.comm_status, operation.fault_status
    if RETURN_VALUE in statuses and None in statuses:
        message = f'the result of "{operation.name}" takes one kind of status; as a [{word}] it has to take both'
        report.error("MIDL2358", message, operation.span, help="write [comm_status, fault_status]")
    match operation.result:
        case Void() | ErrorType():
            return
        case Base(_, spelling) if spelling in _STATUS_RESULTS:
            return
        case _:
            message = f'"{operation.name}" has a result, but [{word}] operations are not answered'
            report.error("MIDL2288", message, operation.span)


def _identities(places: Places, report: Report) -> None:
    seen: dict[UUID, Interface] = {}
    for interface in places.bound.interfaces:
        if interface.uuid is None or not interface.uuid.int:  # nil stands for one that is malformed
            continue
        other = seen.get(interface.uuid)
        if other is not None and other.version == interface.version:
            note = Note(f'"{other.name}" has it', other.span)
            say = report.doubtful if interface.object and other.object else report.error
            say("MIDL2270", f'"{interface.name}" has the uuid of another interface', interface.span, (note,))
        seen.setdefault(interface.uuid, interface)
