"""What of all that binder and rules found is worth saying: one mistake should be one message.

A statement that could not be parsed takes its names along, and a file that could not be read all of its own; what is
missing for that reason is no mistake of whoever uses it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import Final

from idlc.data import replace
from idlc.diagnostics.report import Diagnostic, Report, Severity
from idlc.reading import Compilation, Unit
from idlc.settings import Dialect

_MISSING: Final = frozenset(
    "IDLC1201 IDLC1204 IDLC1212 MIDL2009 MIDL2010 MIDL2011 MIDL2058 MIDL2095 MIDL2100 MIDL2101 MIDL2274 "
    "MIDL2275 MIDL2337".split()
)
"""Something is not there: a follow-up if it was in a statement that could not be parsed, or a file not be read."""
_EMPTY: Final = frozenset("IDLC1216 MIDL2231 MIDL2235".split())
"""Nothing is there: a follow-up of any syntax error."""
_MICROSOFTS: Final = frozenset(["MIDL2040"])
"""What only Microsoft's stubs cannot do: Samba's find room for whatever comes."""
_UNREAD: Final = frozenset("IDLC1001 IDLC1002 IDLC1003".split())
_MACRO: Final = "IDLC1203"
"""An unknown attribute, which may be a macro of an included file that could not be had."""
_MANY: Final = 5


def tell(compilation: Compilation, found: Report) -> None:
    """Add what binder and rules found to the compilation's report, which has what reading and parsing found."""
    report, units, dialect = compilation.report, compilation.units, compilation.settings.dialect
    before = report.found
    kept = _without_follow_ups(found, before, units)
    if dialect is Dialect.PIDL:
        kept = [diagnostic for diagnostic in kept if diagnostic.code not in _MICROSOFTS]
    if dialect is Dialect.LENIENT:
        kept = [_tolerated(diagnostic) for diagnostic in kept]
    report.extend(_replaced(kept, before, units))
    if dialect is Dialect.MIDL and report.has_errors:
        _without_sambas(compilation)


def _tolerated(diagnostic: Diagnostic) -> Diagnostic:
    """A diagnostic as the lenient dialect has it."""
    from idlc.dialects.lenient import TOLERATED

    if diagnostic.code not in TOLERATED:
        return diagnostic
    return replace(diagnostic, severity=Severity.WARNING, help=diagnostic.help or TOLERATED[diagnostic.code])


def missing(report: Report) -> int:
    """How many names a report says are missing."""
    return sum(diagnostic.code in _MISSING for diagnostic in report.found)


def _without_follow_ups(found: Report, before: Sequence[Diagnostic], units: Sequence[Unit]) -> list[Diagnostic]:
    """What binder and rules found, less what is only missing because something could not be parsed or read."""
    if not any(diagnostic.severity is Severity.ERROR for diagnostic in before):
        return list(found.found)
    lost = frozenset[str]().union(*(unit.tree.lost for unit in units))
    missing = [diagnostic for diagnostic in found.found if diagnostic.code in _MISSING]
    # A file that could not be had takes all its names along; a few may still be mistakes of their own.
    gone = {diagnostic.code for diagnostic in before} & _UNREAD
    unread = bool(gone) and len(missing) > _MANY
    follow_ups = {*_EMPTY, _MACRO} if "IDLC1003" in gone else _EMPTY
    return [
        diagnostic
        for diagnostic in found.found
        if not (
            diagnostic.code in follow_ups or (diagnostic.code in _MISSING and (unread or _names(diagnostic) & lost))
        )
    ]


def _replaced(found: list[Diagnostic], before: Sequence[Diagnostic], units: Sequence[Unit]) -> list[Diagnostic]:
    """The diagnostics, with one in place of all that prelude files get from a user's file among them."""
    touched = {unit.source.path: unit.source.name for unit in units if unit.builtin and not (unit.shipped or unit.main)}
    misfits = [each for each in found if each.severity is Severity.ERROR and each.span.file.path in touched]
    if not misfits:
        return found
    place = next(each for each in before if each.code == "IDLC1020")
    names = sorted({os.path.basename(touched[each.span.file.path]) for each in misfits})
    needed = list(dict.fromkeys(name for each in misfits for name in re.findall(r'"(\w+)"', each.message)))
    more = f" and {len(needed) - _MANY} more" if len(needed) > _MANY else ""
    error = Diagnostic(
        "IDLC1021",
        Severity.ERROR,
        f"{place.message}, but lacks what others of the prelude use: {', '.join(needed[:_MANY])}{more}",
        place.span,
        help=f"add them, give the file another name, or have {', '.join(names)} of your own as well",
    )
    return [error, *(each for each in found if each not in misfits)]


def _without_sambas(compilation: Compilation) -> None:
    """Say one thing if files are Samba's IDL, instead of all that is wrong with them as MIDL."""
    from idlc.dialects.words import mark

    wrong = {each.span.file.path for each in compilation.report.found if each.severity is Severity.ERROR}
    marks = {unit.source.path: mark(unit.source) for unit in compilation.units if unit.source.path in wrong}
    found = {path: span for path, span in marks.items() if span is not None}
    if found:
        asked = (unit.source.path for unit in compilation.main)
        span = found[next((path for path in asked if path in found), next(iter(found)))]
        message = f'"{span.text}" is a word of Samba\'s IDL, which is not MIDL'
        error = Diagnostic("IDLC1223", Severity.ERROR, message, span, help="compile it with --dialect pidl")
        compilation.report.replace(frozenset(found), error)


def _names(diagnostic: Diagnostic) -> set[str]:
    return set(re.findall(r'"(\w+)"', diagnostic.message))
