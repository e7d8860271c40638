"""The stages in order, for all files of one run. Only this module knows them all.

A run has the files it was asked for and those they import. Each is preprocessed, parsed and bound once; only what was
asked for is checked by the rules and gets clients and servers. An imported file contributes its types, and the prelude
files that come with the compiler contribute nothing, because idlrt has them already. Nothing is generated when there
was an error.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.resources import files as package_files
from pathlib import Path
from types import TracebackType
from typing import Final

from idlc.diagnostics.policy import Policy
from idlc.diagnostics.report import Diagnostic, Report, Severity
from idlc.semantics.types import BoundFile, Interface
from idlc.source.files import SourceFile, Span
from idlc.source.imports import ImportGraph, Request, resolve_imports
from idlc.source.preprocess import Options
from idlc.source.search import CannotRead, Files
from idlc.syntax import ast
from idlc.syntax.parser import parse_acf, parse_file
from idlc.syntax.show import show
from idlc.version import VERSION

STAGES: Final = ("ast", "bound", "wire", "codec")
"""What `dump` can show."""

PRELUDE: Final = "idlrt.prelude"
"""The package that has the types of the prelude files, compiled."""

_RECURSION_LIMIT: Final = 15_000
"""Stages walk trees recursively; the lexer bounds how deep they are, and this is ample for that."""

_MISSING: Final = frozenset(
    "IDLC1201 IDLC1204 IDLC1212 MIDL2009 MIDL2010 MIDL2011 MIDL2058 MIDL2100 MIDL2101 MIDL2274 MIDL2275 "
    "MIDL2337".split()
)
"""Something is not there: a follow-up if it was in a statement that could not be parsed, or a file not be read."""
_EMPTY: Final = frozenset("IDLC1216 MIDL2231 MIDL2235".split())
"""Nothing is there: a follow-up of any syntax error."""
_UNREAD: Final = frozenset("IDLC1001 IDLC1002 IDLC1003 IDLC1004".split())
_MANY: Final = 5


class InternalError(Exception):
    """A crash of the compiler: the stage, and the IDL it was at when that is known."""

    def __init__(self, stage: str, place: Span, cause: BaseException) -> None:
        self.stage = stage
        self.place = place
        self.cause = cause
        where = "" if place.is_none else f" at {place.file.name}:{place.line}:{place.column}"
        super().__init__(f"{type(cause).__name__} in stage {stage}{where}: {cause}")


@dataclass(frozen=True, slots=True)
class Settings:
    """How to compile: everything but the names of the files."""

    include: tuple[str, ...] = ()
    defines: tuple[tuple[str, str], ...] = ()
    undefines: tuple[str, ...] = ()
    memory: Mapping[str, str] = field(default_factory=dict)
    """Files that exist in memory only, by name."""
    policy: Policy = field(default_factory=Policy)

    @property
    def strict(self) -> bool:
        return self.policy.strict


@dataclass(slots=True)
class Unit:
    """One IDL file on its way."""

    source: SourceFile
    tree: ast.File
    acf: ast.AcfFile | None
    main: bool
    builtin: bool
    bound: BoundFile | None = None


@dataclass(slots=True)
class Compilation:
    """One run: what was found, bound and said."""

    report: Report = field(default_factory=Report)
    units: list[Unit] = field(default_factory=list)
    """In an order in which every file follows those it imports."""
    main: list[Unit] = field(default_factory=list)
    """The files that were asked for, in the order in which they were named."""


def parse(names: Sequence[str], settings: Settings) -> Compilation:
    """Read and parse the files and what they import. Mistakes are in the report; raises InternalError."""
    with _stage("syntax"):
        compilation, _ = _parse(names, settings)
    return compilation


def analyse(names: Sequence[str], settings: Settings) -> Compilation:
    """Read, parse, bind and check: everything short of output. Mistakes are in the report; raises InternalError."""
    from idlc.semantics import rules
    from idlc.semantics.binder import bind

    with _stage("syntax"):
        compilation, graph = _parse(names, settings)
    before = compilation.report.found
    found = Report(settings.policy)
    bound: dict[str, BoundFile] = {}
    for unit in compilation.units:
        with _stage("binder"):
            edges = graph.edges.get(unit.source.path, {})
            imported = {name: bound[source.path] for name, source in edges.items() if source.path in bound}
            unit.bound = bind(unit.tree, unit.acf, imported, found)
            bound[unit.source.path] = unit.bound
        if unit.main:
            with _stage("rules", unit.bound):
                rules.check(unit.bound, found)
    compilation.report.extend(_without_follow_ups(found, before, compilation.units))
    return compilation


def _without_follow_ups(found: Report, before: Sequence[Diagnostic], units: Sequence[Unit]) -> list[Diagnostic]:
    """What binder and rules found, less what is only missing because something could not be parsed or read."""
    if not any(diagnostic.severity is Severity.ERROR for diagnostic in before):
        return list(found.found)
    lost = frozenset[str]().union(*(unit.tree.lost for unit in units))
    missing = [diagnostic for diagnostic in found.found if diagnostic.code in _MISSING]
    # A file that could not be had takes all its names along; a few may still be mistakes of their own.
    unread = any(diagnostic.code in _UNREAD for diagnostic in before) and len(missing) > _MANY
    return [
        diagnostic
        for diagnostic in found.found
        if not (diagnostic.code in _EMPTY or (diagnostic.code in _MISSING and (unread or _names(diagnostic) & lost)))
    ]


def _names(diagnostic: Diagnostic) -> set[str]:
    return set(re.findall(r'"(\w+)"', diagnostic.message))


def generate(compilation: Compilation) -> dict[str, str]:
    """The package that a clean compilation becomes: file names to texts. Empty when there are errors.

    Raises InternalError.
    """
    from idlc.emit.render import render
    from idlc.language.python_names import module_name
    from idlc.wire.plan import CannotTravel

    if compilation.report.has_errors:
        return {}
    emitted = [unit for unit in compilation.units if unit.main or not unit.builtin]
    owners: dict[str, Unit] = {}
    for unit in emitted:
        assert unit.bound is not None
        name = module_name(unit.bound.name)
        other = owners.setdefault(name, unit)
        if other is not unit:
            message = f'"{unit.source.name}" and "{other.source.name}" would both become the module "{name}"'
            compilation.report.error("IDLC1302", message, Span.none(), help="rename one of them")
    if compilation.report.has_errors:
        return {}
    homes = _homes(compilation)
    files: dict[str, str] = {"__init__.py": _PACKAGE, "py.typed": ""}
    refused = False
    for unit in emitted:
        assert unit.bound is not None
        with _stage("emit", unit.bound):
            # An import makes types visible; procedures belong to whoever compiles the file itself.
            try:
                files.update(render(unit.bound, homes, VERSION, types_only=not unit.main))
            except CannotTravel as error:
                compilation.report.error("IDLC1304", str(error), error.span, help=error.help)
                refused = True
    return {} if refused else files


_PACKAGE: Final = '"""What idlc made from IDL files; importing a module of this package needs idlrt only."""\n'


def write(files: Mapping[str, str], out: str, report: Report) -> list[str]:
    """Write a package into the folder `out`, all of it or nothing; the paths written. Failure is reported."""
    from idlc.emit.output import OutputError
    from idlc.emit.output import write as write_files

    folder = Path(out)
    chosen = dict(files)
    # Whoever keeps a package of their own has an __init__.py of their own.
    if os.path.lexists(folder / "__init__.py"):
        del chosen["__init__.py"]
    try:
        names = write_files(chosen, folder)
    except OutputError as error:
        report.error("IDLC1301", str(error), Span.none())
        return []
    return [str(folder / name) for name in names]


def dump(compilation: Compilation, stage: str) -> str:
    """One stage of the files that were asked for, as text. Raises InternalError."""
    parts: list[str] = []
    for unit in compilation.main:
        with _stage(stage, unit.bound):
            parts.append(_shown(unit, stage, _homes(compilation)))
    return "\n".join(parts)


def _homes(compilation: Compilation) -> dict[str, str]:
    """For each file of the run, the module that has its types, as its sibling modules import it."""
    from idlc.language.python_names import module_name

    homes: dict[str, str] = {}
    for unit in compilation.units:
        if unit.bound is not None:
            package = f"{PRELUDE}." if unit.builtin and not unit.main else "."
            homes[unit.bound.name] = package + module_name(unit.bound.name)
    return homes


def _shown(unit: Unit, stage: str, homes: Mapping[str, str]) -> str:
    if stage == "ast":
        return show(unit.tree) + (show(unit.acf) if unit.acf is not None else "")
    assert unit.bound is not None
    if stage == "bound":
        from idlc.semantics.show import show as show_bound

        return show_bound(unit.bound)
    from idlc.wire.plan import plan

    if stage == "wire":
        from idlc.wire.show import show as show_wire

        return show_wire(plan(unit.bound))
    from idlc.codec.fuse import fuse
    from idlc.codec.show import show as show_codec
    from idlc.pymodel.build import Builder
    from idlc.wire.layout import NDR20

    builder = Builder(unit.bound, homes, VERSION)
    builder.build()
    python = builder.python_types()
    plans = [plan(unit.bound, (each,)) for each in builder.interfaces]
    plans += [builder.pickle_plan] if builder.pickle_plan is not None else []
    return "".join(show_codec(fuse(each, NDR20, python)) for each in plans)


# ---------------------------------------------------------------------------- reading


def builtin_folder() -> str:
    """The folder of prelude files, the last place where imports are looked for."""
    return str(package_files("idlc.language") / "builtin")


def _parse(names: Sequence[str], settings: Settings) -> tuple[Compilation, ImportGraph]:
    compilation = Compilation(Report(settings.policy))
    report = compilation.report
    for folder in dict.fromkeys(settings.include):
        if not os.path.isdir(folder):
            report.warning("IDLC1019", f'"{folder}", where imported files were to be found, is no folder', Span.none())
    files = Files(settings.include, settings.memory, builtin_folder())
    options = Options(settings.defines, settings.undefines)
    units: dict[str, Unit] = {}
    roots: list[SourceFile] = []
    for name in names:
        try:
            source = files.open(name)
        except CannotRead as error:
            report.error("IDLC1001", f'cannot read "{name}": {error}', Span.none())
            continue
        if source not in roots:
            roots.append(source)

    def requests(source: SourceFile) -> list[Request]:
        tree = parse_file(source, files, report, options)
        main = source in roots
        if main and not tree.body and not report.has_errors:
            report.error("IDLC1014", "the file declares nothing", Span(source, 0, 0))
        acf = _acf(source, files, report, options)
        units[source.path] = Unit(source, tree, acf, main, files.is_builtin(source))
        return [Request(name.value, name.span) for name in _imports(tree.body)]

    graph = resolve_imports(roots, requests, files, report)
    compilation.units = [units[source.path] for source in graph.order]
    compilation.main = [units[root.path] for root in roots]
    return compilation, graph


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


def _imports(body: Sequence[ast.Statement]) -> Iterator[ast.StringLiteral]:
    for statement in body:
        if isinstance(statement, ast.Import):
            yield from statement.files
        elif isinstance(statement, ast.Interface | ast.Library | ast.Module):
            yield from _imports(statement.body)


# ---------------------------------------------------------------------------- crashes


@contextmanager
def _stage(name: str, bound: BoundFile | None = None) -> Iterator[None]:
    """Give a stage the stack it needs, and turn its crash into an InternalError that knows the place.

    `bound` is the file it works on, where that is known: it has the places of what later stages only have names for.
    """
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(max(limit, _RECURSION_LIMIT))
    try:
        yield
    except InternalError:
        raise
    except Exception as error:
        raise InternalError(name, _place(error.__traceback__, bound), error) from error
    finally:
        sys.setrecursionlimit(limit)


def _place(trace: TracebackType | None, bound: BoundFile | None) -> Span:
    """The IDL that the innermost function was at: the span of what it had in hand, of an interface as a last resort."""
    named = {} if bound is None else _places(bound)
    place = interface = Span.none()
    while trace is not None:
        for value in trace.tb_frame.f_locals.values():
            span = getattr(value, "span", None)
            if not isinstance(span, Span):
                span = named.get((type(value), str(getattr(value, "name", ""))))
            if span is None or span.is_none:
                continue
            if isinstance(value, Interface | ast.Interface):
                interface = span
            else:
                place = span
        trace = trace.tb_next
    return interface if place.is_none else place


def _places(bound: BoundFile) -> dict[tuple[type, str], Span]:
    """Where in the IDL is what the steps on the wire are named after, by their class and name."""
    from idlc.wire.steps import Choice, ChoiceType, OperationPlan, PicklePlan, Record, RecordUse

    places: dict[tuple[type, str], Span] = {}
    for name, declared in bound.declared.items():
        places.update(((kind, name), declared.span) for kind in (Record, RecordUse, ChoiceType, Choice))
    for interface in bound.interfaces:
        places.update(((OperationPlan, each.name), each.span) for each in interface.operations)
    places.update(((PicklePlan, each.name), each.span) for each in bound.pickled)
    return places
