"""Names: compilers of C are promised 31 characters of them, and tools 255."""

from __future__ import annotations

from collections.abc import Iterator

from idlc.diagnostics.report import Report
from idlc.semantics.rules.places import Places
from idlc.semantics.types import Enum
from idlc.source.files import Span

PORTABLE = 31
"""What C90 promises of a name (5.2.4.1), and MIDL of a name in a stub."""
LONGEST = 255


def check(places: Places, report: Report) -> None:
    for name, span in _names(places):
        if len(name) > LONGEST:
            report.error("MIDL2114", f'"{name[:40]}..." has more than {LONGEST} characters', span)
        elif len(name) > PORTABLE:
            report.warning("MIDL2111", f'"{name}" has more than {PORTABLE} characters', span)


def _names(places: Places) -> Iterator[tuple[str, Span]]:
    bound = places.bound
    for constant in bound.constants:
        yield constant.name, constant.span
    for declared in bound.declarations:
        yield declared.name, declared.span
        if isinstance(declared, Enum):
            yield from ((member.name, declared.span) for member in declared.members)
    for _, member in places.members:
        yield member.name or "", member.span
    for interface in bound.interfaces:
        yield interface.name, interface.span
        for operation in interface.operations:
            yield operation.name, operation.span
            yield from ((parameter.name, parameter.span) for parameter in operation.parameters)
