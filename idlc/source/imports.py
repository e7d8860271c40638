"""Imports: which files a file needs, each once, in an order in which every file comes after what it imports.

This module knows no grammar: the caller says what a file imports. Cycles are told once, with the whole round.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from idlc.data import dataclass, field
from idlc.diagnostics.report import Note, Report
from idlc.source.files import SourceFile, Span
from idlc.source.search import CannotRead, Files

MAX_FILES = 2_000
_MOST = 8
"""Files at either end of a cycle that are named."""

_DOCUMENT = re.compile(r"\Am[sc]-(?=.)", re.IGNORECASE)
"""What the names of Microsoft's protocol documents begin with."""


@dataclass(frozen=True, slots=True)
class Request:
    """One file name in an import statement."""

    name: str
    span: Span
    optional: bool = False
    """Whether the file is only better to have: the IDL of a type library that is named."""


@dataclass(slots=True)
class ImportGraph:
    """`order` has every file after those it imports. `edges[path][name]` is the file an import statement means.

    `before[path]` are the files that had been imported when the file was, by those that led to it.
    """

    order: list[SourceFile] = field(default_factory=list)
    edges: dict[str, dict[str, SourceFile]] = field(default_factory=dict)
    before: dict[str, tuple[str, ...]] = field(default_factory=dict)


def resolve_imports(
    roots: Sequence[SourceFile],
    requests: Callable[[SourceFile], Sequence[Request]],
    files: Files,
    report: Report,
) -> ImportGraph:
    """Follow imports from `roots`. A file that cannot be had, or a cycle, is reported and left out."""
    graph = ImportGraph()
    done: set[str] = set()
    for root in roots:
        if root.path not in done:
            _visit(root, requests, files, report, graph, done)
    return graph


@dataclass(slots=True)
class _Open:
    """A file whose imports are being followed, and the import that led to it."""

    file: SourceFile
    pending: list[Request]
    via: Span | None
    edges: dict[str, SourceFile] = field(default_factory=dict)
    paths: set[str] = field(default_factory=set)
    """Of the files that it imports."""
    optional: bool = False


def _visit(
    root: SourceFile,
    requests: Callable[[SourceFile], Sequence[Request]],
    files: Files,
    report: Report,
    graph: ImportGraph,
    done: set[str],
) -> None:
    stack = [_Open(root, list(reversed(requests(root))), None)]
    open_ = {root.path: 0}
    told: set[str] = set()
    while stack:
        top = stack[-1]
        if not top.pending:
            stack.pop()
            open_.pop(top.file.path, None)
            done.add(top.file.path)
            graph.order.append(top.file)
            graph.edges[top.file.path] = top.edges
            continue
        request = top.pending.pop()
        found = _find(request, top.file, files, report)
        if found is None:
            continue
        if found.path in top.paths and not request.optional and not files.is_builtin(top.file):
            report.warning("MIDL2007", f'"{request.name}" is already imported', request.span)
        cycle = open_.get(found.path)
        if cycle is not None:
            if not request.optional:
                if _do_without(stack, cycle):
                    open_ = {frame.file.path: at for at, frame in enumerate(stack)}
                elif found.path not in told:
                    told.add(found.path)
                    _report_cycle(request, stack[cycle:], report)
            continue
        if found.path not in done:
            earlier = (edge.path for frame in reversed(stack) for edge in frame.edges.values())
            graph.before[found.path] = tuple(dict.fromkeys(earlier))
        top.edges[request.name] = found
        top.paths.add(found.path)
        if found.path not in done:
            replaced = files.replaced(found)
            if replaced is not None:
                message = f'"{found.name}" takes the place of "{replaced}" of the prelude'
                report.note("IDLC1020", message, request.span)
            if len(done) + len(stack) > MAX_FILES:
                report.error("IDLC1015", f"more than {MAX_FILES} files are imported", request.span)
                top.pending.clear()
                continue
            report.origins.imported(found.path, request.span)
            open_[found.path] = len(stack)
            stack.append(_Open(found, list(reversed(requests(found))), request.span, optional=request.optional))


def _do_without(stack: list[_Open], cycle: int) -> bool:
    """Give up a file that was only better to have when it leads back to `stack[cycle]`; False if there is none."""
    for at in range(len(stack) - 1, cycle, -1):
        if stack[at].optional:
            above = stack[at - 1]
            above.edges = {name: file for name, file in above.edges.items() if file.path != stack[at].file.path}
            del stack[at:]
            return True
    return False


def _find(request: Request, file: SourceFile, files: Files, report: Report) -> SourceFile | None:
    try:
        found = files.find(request.name, file)
    except CannotRead as error:
        report.error("IDLC1001", f'cannot read "{request.name}": {error}', request.span)
        return None
    if found is None and not request.optional:
        found = _stored_otherwise(request, file, files, report)
    if found is None and not request.optional:
        hint = files.hint(request.name, file)
        report.error("IDLC1002", f'imported file "{request.name}" not found', request.span, help=hint)
    return found


def _stored_otherwise(request: Request, file: SourceFile, files: Files, report: Report) -> SourceFile | None:
    """What the name means where files are stored as their protocols are called for short: MS-LSAT in `lsat.idl`.

    Protocol documents import one another by the names of the documents, in files that everyone saves as they like.
    """
    short = _DOCUMENT.sub("", request.name)
    if short == request.name:
        return None
    try:
        found = files.find(short, file)
    except CannotRead:
        return None
    if found is not None and not files.is_builtin(found):
        report.note("IDLC1022", f'"{found.name}" stands for "{request.name}", which is not there', request.span)
        return found
    return None


def _report_cycle(request: Request, round_: Sequence[_Open], report: Report) -> None:
    """A file is read once, so the import that leads back says nothing new; MIDL passes over it as well."""
    first = round_[0].file.name
    if len(round_) == 1:
        report.doubtful("IDLC1004", f'"{first}" imports itself', request.span)
        return
    led = [*round_[1:_MOST], *round_[max(_MOST, len(round_) - _MOST) :]]
    notes = tuple(Note(f'"{frame.file.name}" is imported here', frame.via) for frame in led if frame.via)
    report.doubtful("IDLC1004", f'"{first}" imports itself by way of "{round_[-1].file.name}"', request.span, notes)
