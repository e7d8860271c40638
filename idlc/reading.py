"""The files of one run: those that were asked for, their ACF files, and everything they import, parsed once each."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING

from idlc import prelude
from idlc.data import dataclass, field, replace
from idlc.diagnostics import near
from idlc.diagnostics.policy import Ruling
from idlc.diagnostics.report import Report
from idlc.language.typelibs import source_of
from idlc.settings import Dialect, Settings
from idlc.source.files import SourceFile, Span
from idlc.source.imports import ImportGraph, Request, resolve_imports
from idlc.source.preprocess import Options, preprocess
from idlc.source.search import CannotRead, Files, Traces
from idlc.source.spelled import spelled
from idlc.syntax import ast
from idlc.syntax.parser import parse_acf, parse_file

if TYPE_CHECKING:
    from idlc.semantics.types import BoundFile


@dataclass(slots=True)
class Unit:
    """One IDL file on its way."""

    source: SourceFile
    tree: ast.File
    acf: ast.AcfFile | None
    main: bool
    builtin: bool
    """Whether it is one of the prelude files."""
    shipped: bool = False
    """Whether idlrt has it compiled: it is of the prelude, and no user's file takes the place of one it imports."""
    bound: BoundFile | None = None


@dataclass(slots=True)
class Compilation:
    """One run: what was found, bound and said."""

    settings: Settings = field(default_factory=Settings)
    report: Report = field(default_factory=Report)
    units: list[Unit] = field(default_factory=list)
    """In an order in which every file follows those it imports."""
    main: list[Unit] = field(default_factory=list)
    """The files that were asked for, in the order in which they were named."""
    traces: Traces = field(default_factory=Traces)
    """What was read, and what was looked for."""
    origins: dict[str, str] = field(default_factory=dict)
    """By the name of a generated file, the path of the IDL file that it comes from."""


def builtin_folder() -> str:
    """The folder of prelude files, the last place where imports are looked for."""
    return os.path.join(os.path.dirname(os.path.abspath(__file__)), "language", "builtin")


def read(names: Sequence[str], settings: Settings) -> tuple[Compilation, ImportGraph]:
    near.start()
    compilation = Compilation(settings, Report(settings.policy))
    report = compilation.report
    for folder in dict.fromkeys(settings.include):
        if not os.path.isdir(folder):
            report.warning("IDLC1019", f'"{folder}", where imported files were to be found, is no folder', Span.none())
    files = _files(settings)
    compilation.traces = files.traces
    compilation.traces.repeatable = all(os.path.isdir(folder) for folder in settings.include)
    options = _options(settings)
    units: dict[str, Unit] = {}
    roots: dict[SourceFile, None] = {}
    """Those that were asked for; a set that keeps their order."""
    for name in names:
        try:
            source = files.open(name)
        except CannotRead as error:
            report.error("MIDL1001", f'cannot read "{name}": {error}', Span.none())
            continue
        roots[source] = None
    explicit = _explicit_acf(settings, files, report) if roots else None

    def requests(source: SourceFile) -> list[Request]:
        tree = prelude.tree(source, settings) if files.is_builtin(source) else None
        if tree is None:
            before = len(report.found)
            tree = _parsed(source, files, report, settings, keep=source not in roots)
            if files.is_builtin(source) and len(report.found) == before and source.path not in compilation.traces.needs:
                prelude.keep_tree(source, settings, tree)
        main = source in roots
        if main and not tree.body and not report.has_errors:
            report.error("IDLC1014", "the file declares nothing", Span(source, 0, 0))
        for pragma in _pragmas(tree.body):
            report.rule(pragma.span, [f"MIDL{number}" for number in pragma.numbers], Ruling(pragma.action))
        acf: ast.AcfFile | None = None
        if main and settings.acf is not None:
            if explicit is not None:
                compilation.traces.needs.setdefault(source.path, {})[explicit.path] = None
                acf = _renamed(parse_acf(explicit, files, report, options), tree)
        else:
            acf = _acf(source, files, report, options)
        units[source.path] = Unit(source, tree, acf, main, files.is_builtin(source))
        found = list(_imports(tree.body))
        if settings.dialect is Dialect.DCE and not files.is_builtin(source):
            found[:0] = _base_types(source, files)
        return found

    with _uncollected(settings.pause_collector):
        graph = resolve_imports(list(roots), requests, files, report)
    for root in roots:
        report.origins.asked_for(root.path)
    compilation.units = [units[source.path] for source in graph.order]
    for unit in compilation.units:
        below = graph.edges[unit.source.path].values()
        unit.shipped = unit.builtin and all(units[each.path].shipped for each in below)
    compilation.main = [units[root.path] for root in roots]
    return compilation, graph


def _parsed(source: SourceFile, files: Files, report: Report, settings: Settings, *, keep: bool) -> ast.File:
    """The tree of a file of the user's dialect, or of the prelude, which is Microsoft's."""
    if settings.dialect in (Dialect.MIDL, Dialect.DCE) or files.is_builtin(source):
        return parse_file(source, files, report, _options(settings), keep=keep)
    from idlc.dialects import lenient, samba, words

    if settings.dialect is Dialect.LENIENT:
        return parse_file(source, files, report, _options(settings), partial(lenient.reworded, report=report))

    return samba.translated(parse_file(source, files, report, _options(settings), words.reworded))


def _base_types(source: SourceFile, files: Files) -> list[Request]:
    """What compilers of the DCE import by themselves: `nbase.idl`, or what the prelude has of it."""
    if os.path.basename(source.path).lower() == "nbase.idl":
        return []
    for name in ("dce/nbase.idl", "nbase.idl"):
        with suppress(CannotRead):
            if files.find(name, source) is not None:
                return [Request(name, Span.none(), optional=True)]
    return [Request("dcetypes.idl", Span.none(), optional=True)]


@contextmanager
def _uncollected(wanted: bool) -> Iterator[None]:
    """Keep the garbage collector away while trees grow, and from them afterwards.

    Nothing of them is garbage, and looking again and again at a million nodes costs more than making them.
    """
    if not wanted or not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def preprocessed(compilation: Compilation) -> dict[str, str]:
    """The files that were asked for, as they are after preprocessing: names that end in `.i`, and texts."""
    settings = compilation.settings
    files = _files(settings)
    texts: dict[str, str] = {}
    for unit in compilation.main:
        name = os.path.splitext(os.path.basename(unit.source.name.replace("\\", "/")))[0] + ".i"
        tokens = preprocess(unit.source, files, Report(), _options(settings))
        texts[name] = spelled(tokens)
        compilation.origins[name] = unit.source.path
    return texts


def _files(settings: Settings) -> Files:
    return Files(settings.include, settings.memory, builtin_folder(), here=settings.search_here)


def _options(settings: Settings) -> Options:
    return Options(settings.defines, settings.undefines, settings.environment, settings.preprocessed)


def _acf(source: SourceFile, files: Files, report: Report, options: Options) -> ast.AcfFile | None:
    """The ACF file that stands beside an IDL file under the same name."""
    name = os.path.basename(source.path.removeprefix("memory:"))
    stem, extension = os.path.splitext(name)
    if extension.lower() == ".acf":
        return None
    try:
        found = files.beside(source, stem + ".acf")
    except CannotRead as error:
        report.error("IDLC1001", f'cannot read "{stem}.acf": {error}', Span.none())
        return None
    return None if found is None else parse_acf(found, files, report, options)


def _explicit_acf(settings: Settings, files: Files, report: Report) -> SourceFile | None:
    """The ACF file that the settings name."""
    if settings.acf is None:
        return None
    try:
        return files.open(settings.acf)
    except CannotRead as error:
        report.error("MIDL1001", f'cannot read "{settings.acf}": {error}', Span.none())
        return None


def _renamed(acf: ast.AcfFile, tree: ast.File) -> ast.AcfFile:
    """An ACF that was named by the user may call the interface as it likes, if there is only one in either file."""
    configured = [each for each in acf.body if isinstance(each, ast.AcfInterface)]
    defined = [each for each in tree.body if isinstance(each, ast.Interface)]
    if len(configured) != 1 or len(defined) != 1:
        return acf
    renamed = replace(configured[0], name=defined[0].name)
    return replace(acf, body=tuple(renamed if each is configured[0] else each for each in acf.body))


def _pragmas(body: Sequence[ast.Statement]) -> Iterator[ast.MidlPragma]:
    for statement in body:
        if isinstance(statement, ast.MidlPragma) and statement.numbers:
            yield statement
        elif isinstance(statement, ast.Interface | ast.Library | ast.Module):
            yield from _pragmas(statement.body)


def _imports(body: Sequence[ast.Statement]) -> Iterator[Request]:
    for statement in body:
        if isinstance(statement, ast.Import):
            yield from (Request(file.value, file.span) for file in statement.files)
        elif isinstance(statement, ast.Importlib):
            yield Request(source_of(statement.file.value), statement.span, optional=True)
        elif isinstance(statement, ast.Interface | ast.Library | ast.Module):
            yield from _imports(statement.body)
