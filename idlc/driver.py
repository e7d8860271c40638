"""The stages in order, for all files of one run. Only this module knows them all.

A run has the files it was asked for and those they import. Each is preprocessed, parsed and bound once; only what was
asked for is checked by the rules and gets clients and servers. An imported file contributes its types, and the prelude
files that come with the compiler contribute nothing, because idlrt has them already. Nothing is generated when there
was an error.
"""

from __future__ import annotations

import gc
from collections.abc import Mapping, Sequence
from pathlib import PurePath

from idlc import follow_ups, prelude
from idlc.crashes import InternalError, guard
from idlc.data import replace
from idlc.diagnostics.report import Report
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
                rules.check(unit.bound, found, settings.target)
    follow_ups.tell(compilation, found)
    return compilation


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
    if earlier and follow_ups.missing(alone):
        # File names have no newline, so these are nobody's own imports.
        leaning = Report(report.policy)
        everything = {**imported, **{f"\n{each.name}": each for each in earlier}}
        within = bind(unit.tree, unit.acf, everything, leaning, chosen, name)
        if follow_ups.missing(leaning) < follow_ups.missing(alone):
            alone, bound = leaning, within
    report.extend(alone.found)
    return bound


def _headers_beside(units: Sequence[Unit]) -> dict[str, str]:
    """What headers go by that are called like an IDL file of the run: `tree.h` beside `tree.idl` is `tree_h`."""
    stems = {unit.source.path: PurePath(unit.source.name.replace("\\", "/")) for unit in units if not unit.builtin}
    others = {path.stem.lower() for path in stems.values() if path.suffix.lower() != ".h"}
    headers = {file: path for file, path in stems.items() if path.suffix.lower() == ".h"}
    return {file: f"{path.stem}_h" for file, path in headers.items() if path.stem.lower() in others}
