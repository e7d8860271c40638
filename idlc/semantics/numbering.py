"""Which number an operation has: its opnum on the wire, or its slot in an object's table of methods.

Plain RPC counts the operations that travel. An object interface begins where its base ends and counts every
method, local ones included; a [call_as] method takes no slot but the one of the local method it stands for.
"""

from __future__ import annotations

from collections.abc import Mapping

from idlc.data import replace
from idlc.diagnostics.report import Note
from idlc.semantics.operations import Draft
from idlc.semantics.types import ACCESSORS, Operation
from idlc.semantics.unit import Unit, before
from idlc.semantics.written import suggestion
from idlc.source.files import Span


def distinct(unit: Unit, drafts: list[Draft], *, com: bool) -> list[Draft]:
    """Operations with names of their own. RPC: over all interfaces of a file, which concerns C only; COM: in one."""
    kept = []
    seen: dict[str, Span] = {}
    for draft in drafts:
        operation = draft.operation
        kinds = () if operation.words.isdisjoint(ACCESSORS) else ACCESSORS.keys() & operation.words
        key = f"{min(kinds)} {operation.name}" if kinds else operation.name
        if key in seen:
            message = f'"{operation.name}" is an operation already'
            unit.report.error("MIDL2003", message, operation.span, (before(seen[key]),))
            continue
        elsewhere = None if com or operation.local else unit.operations.setdefault(key, operation.span)
        if elsewhere not in (None, operation.span):
            message = f'"{operation.name}" is an operation of another interface of this file already'
            unit.report.doubtful("MIDL2003", message, operation.span, (before(elsewhere),))
        seen[key] = operation.span
        kept.append(draft)
    return kept


def numbered(unit: Unit, drafts: list[Draft], first: int, *, com: bool) -> tuple[tuple[Operation, ...], int]:
    """Operations with their numbers, and the number that a derived interface begins with."""
    found: list[Operation] = []
    following, callbacks = first, 0
    for draft in drafts:
        operation = draft.operation
        if operation.callback:
            found.append(replace(operation, opnum=callbacks))
            callbacks += 1
        elif (com and operation.call_as is not None) or (operation.local and not com):
            found.append(operation)
        else:
            found.append(replace(operation, opnum=following))
            following += 1
    if all(draft.operation.call_as is None for draft in drafts):
        return tuple(found), following
    by_name = {name: one for one in found if one.call_as is None for name in (one.name, one.called)}
    used: dict[str, Operation] = {}
    for at, draft in enumerate(drafts):
        if draft.operation.call_as is not None:
            target = _target(unit, draft, by_name, used, com=com)
            if com:
                found[at] = replace(found[at], opnum=-1 if target is None else target.opnum)
    return tuple(found), following


def _target(
    unit: Unit, draft: Draft, by_name: Mapping[str, Operation], used: dict[str, Operation], *, com: bool
) -> Operation | None:
    """The local method that a [call_as] method stands for; None after a report."""
    operation = draft.operation
    assert operation.call_as is not None
    span = draft.attributes.by_name["call_as"].span if "call_as" in draft.attributes else operation.span
    target = by_name.get(operation.call_as)
    if target is None:
        message = f'there is no local method "{operation.call_as}"'
        help_ = suggestion(operation.call_as, [name for name, one in by_name.items() if one.local])
        unit.report.error("MIDL2275", message, span, (), help_)
        return None
    if not target.local:
        note = Note("it is defined here", target.span)
        message = f'"{operation.name}" stands for "{target.name}", which is not [local]'
        unit.report.error("MIDL2286" if com else "MIDL2274", message, span, (note,))
        return None
    other = used.setdefault(target.called, operation)
    if other is not operation:
        note = Note("this one does", other.span)
        message = f'another method stands for "{target.name}" already'
        unit.report.error("MIDL2285", message, span, (note,))
        return None
    return target
