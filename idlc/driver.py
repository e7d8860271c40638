"""The stages in order, for all files of one run. Only this module knows them all.

A run has the files it was asked for and those they import. Each is preprocessed, parsed and bound once; only what was
asked for is checked by the rules and gets clients and servers. An imported file contributes its types, and the prelude
files that come with the compiler contribute nothing, because idlrt has them already. Nothing is generated when there
was an error.
"""

from __future__ import annotations

import gc
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Final

from idlc import prelude
from idlc.crashes import InternalError, guard
from idlc.data import replace
from idlc.diagnostics.report import Diagnostic, Report, Severity
from idlc.generation import STAGES, dump, generate
from idlc.reading import Compilation, Unit, builtin_folder, preprocessed, read
from idlc.semantics.types import BoundFile
from idlc.settings import Dialect, Settings

__all__ = [
    "STAGES",
    "Compilation",
    "InternalError",
    "Settings",
    "Unit",
    "analyse",
    "builtin_folder",
    "dump",
    "generate",
    "parse",
    "preprocessed",
]

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


def parse(names: Sequence[str], settings: Settings) -> Compilation:
    """Read and parse the files and what they import. Mistakes are in the report; raises InternalError."""
    with guard("syntax"):
        compilation, _ = read(names, settings)
    return compilation


def analyse(names: Sequence[str], settings: Settings) -> Compilation:
    """Read, parse, bind and check: everything short of output. Mistakes are in the report; raises InternalError."""
    from idlc.semantics import dialects, rules

    with guard("syntax"):
        compilation, graph = read(names, settings)
    before = compilation.report.found
    found = Report(settings.policy)
    bound: dict[str, BoundFile] = {}
    renamed = _headers_beside(compilation.units)
    for unit in compilation.units:
        with guard("binder"):
            edges = graph.edges.get(unit.source.path, {})
            imported = {name: bound[source.path] for name, source in edges.items() if source.path in bound}
            earlier = [bound[path] for path in graph.before.get(unit.source.path, ()) if path in bound]
            name = renamed.get(unit.source.path)
            unit.bound = _known_or_bound(unit, imported, [] if unit.main else earlier, found, settings, name)
            bound[unit.source.path] = unit.bound
        if settings.pause_collector:
            gc.freeze()  # what is bound stays as well; see reading.py
        if unit.main:
            with guard("rules", unit.bound):
                dialects.check(unit.tree, unit.acf, settings, found)
                rules.check(unit.bound, found)
    kept = _without_follow_ups(found, before, compilation.units)
    if settings.dialect is Dialect.PIDL:
        kept = [diagnostic for diagnostic in kept if diagnostic.code not in _MICROSOFTS]
    compilation.report.extend(_replaced(kept, before, compilation.units))
    if settings.dialect is Dialect.MIDL and compilation.report.has_errors:
        _without_sambas(compilation)
    return compilation


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


def _known_or_bound(
    unit: Unit,
    imported: Mapping[str, BoundFile],
    earlier: Sequence[BoundFile],
    report: Report,
    settings: Settings,
    name: str | None,
) -> BoundFile:
    """Bind a file, or take what this process has of it: most files of a run are often of the prelude."""
    if unit.main or not unit.shipped or unit.acf is not None:
        return _bind(unit, imported, earlier, report, settings, name)
    known = prelude.bound(unit.source, settings, imported)
    if known is not None:
        return known
    alone = Report(report.policy)
    bound = _bind(unit, imported, earlier, alone, settings, name)
    report.extend(alone.found)
    if not alone.found:
        prelude.keep_bound(unit.source, settings, imported, bound)
    return bound


def _bind(
    unit: Unit,
    imported: Mapping[str, BoundFile],
    earlier: Sequence[BoundFile],
    report: Report,
    settings: Settings,
    name: str | None,
) -> BoundFile:
    """Bind a file. One that is imported may lean on what was imported before it, as headers do, where it must."""
    from idlc.semantics.binder import bind

    alone = Report(report.policy)
    # What comes with the compiler is Microsoft's language, whatever the user's is.
    chosen = replace(settings, dialect=Dialect.MIDL, ms_union=False) if unit.builtin else settings
    bound = bind(unit.tree, unit.acf, imported, alone, chosen, name)
    if earlier and _missing(alone):
        # File names have no newline, so these are nobody's own imports.
        leaning = Report(report.policy)
        everything = {**imported, **{f"\n{each.name}": each for each in earlier}}
        within = bind(unit.tree, unit.acf, everything, leaning, chosen, name)
        if _missing(leaning) < _missing(alone):
            alone, bound = leaning, within
    report.extend(alone.found)
    return bound


def _headers_beside(units: Sequence[Unit]) -> dict[str, str]:
    """What headers go by that are called like an IDL file of the run: `tree.h` beside `tree.idl` is `tree_h`."""
    stems = {unit.source.path: PurePath(unit.source.name.replace("\\", "/")) for unit in units if not unit.builtin}
    others = {path.stem.lower() for path in stems.values() if path.suffix.lower() != ".h"}
    headers = {file: path for file, path in stems.items() if path.suffix.lower() == ".h"}
    return {file: f"{path.stem}_h" for file, path in headers.items() if path.stem.lower() in others}


def _missing(report: Report) -> int:
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
        if not (diagnostic.code in follow_ups or (diagnostic.code in _MISSING and (unread or _names(diagnostic) & lost)))
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


def _names(diagnostic: Diagnostic) -> set[str]:
    return set(re.findall(r'"(\w+)"', diagnostic.message))
