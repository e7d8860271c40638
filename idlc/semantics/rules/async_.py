"""Asynchronous operations: which operations cannot be. (`[auto_handle]` is refused where it is read.)"""

from __future__ import annotations

from idlc.diagnostics.report import Report
from idlc.semantics.rules.places import Places


def check(places: Places, report: Report) -> None:
    for interface, operation in places.operations:
        if not operation.is_async:
            continue
        if interface.object:
            message = f'"{operation.name}" belongs to an [object] interface and cannot be [async]'
            report.error("MIDL2283", message, operation.span, help="use [async_uuid(...)] on the interface")
        elif operation.callback:
            report.error("MIDL2054", f'"{operation.name}" is a callback and cannot be [async]', operation.span)
        elif operation.message:
            report.error("MIDL2054", f'"{operation.name}" is a [message] and cannot be [async]', operation.span)
        elif operation.encode or operation.decode:
            message = f'"{operation.name}" serializes its parameters and cannot be [async]: it calls nobody'
            report.error("MIDL2054", message, operation.span)
