"""Compile every corpus, import what comes of it, and hold it to mypy --strict and black; then print a table.

`python -m tests.corpus [FOLDER]` writes the packages into FOLDER, else into build/corpus.
The exit status is 1 when anything falls short.
"""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import idlc
from idlc.diagnostics.report import Diagnostic
from idlc.settings import Dialect, Settings
from tests.corpus import proof
from tests.corpus.own import ROOT, OwnSet, own
from tests.corpus.wine import FOLDERS, WineSet, wine

_SHOWN = 40


@dataclass(slots=True)
class Row:
    """One corpus in the table."""

    name: str
    files: int
    compiled: int
    modules: int
    seconds: float
    mistakes: list[str]


def main(arguments: Sequence[str]) -> int:
    folder = Path(arguments[0]) if arguments else ROOT / "build" / "corpus"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    theirs = wine()
    rows = [
        _wine(theirs, folder / "wine"),
        *(_own(each, folder / each.name.replace(" ", "_").replace("'", "")) for each in own()),
    ]
    _print(theirs, rows)
    mistakes = [f"{row.name}: {mistake}" for row in rows for mistake in row.mistakes]
    for mistake in mistakes[:_SHOWN]:
        print(mistake, file=sys.stderr)
    if len(mistakes) > _SHOWN:
        print(f"and {len(mistakes) - _SHOWN} more", file=sys.stderr)
    return bool(mistakes)


def _wine(theirs: WineSet, folder: Path) -> Row:
    """All of Wine's files in one run, which reads each import once."""
    start = time.monotonic()
    mistakes = list(theirs.wrong)
    compiled = 0
    try:
        report = idlc.compile_files(theirs.rest, FOLDERS, folder / "wine_idl")
        broken = {d.span.file.name for d in report.diagnostics if d.severity == "error"}
        mistakes += [_line(d) for d in report.diagnostics if d.severity == "error"]
        compiled = len(theirs.rest) - len(broken)
    except idlc.InternalError as error:
        mistakes.append(str(error))
    return _proved(Row("Wine", len(theirs.files), compiled, 0, start, mistakes), folder)


def _own(each: OwnSet, folder: Path) -> Row:
    """Every file a package of its own: names may come again."""
    start = time.monotonic()
    row = Row(each.name, len(each.files) + len(each.texts), 0, 0, start, [])
    for at, path in enumerate(each.files):
        settings = Settings(dialect=Dialect(each.dialect))
        _one(row, idlc.compile_files([path], out=folder / f"{path.stem.replace('-', '_')}_{at}", settings=settings))
    for text in each.texts:
        report = idlc.compile_text(text.idl, f"{text.name}.idl", text.acf)
        _one(row, report)
        package = folder / f"of_{text.name}"
        package.mkdir(parents=True)
        for name, content in report.files.items():
            (package / name).write_text(content, encoding="utf-8")
    return _proved(row, folder)


def _one(row: Row, report: idlc.CompileReport) -> None:
    row.compiled += report.ok
    row.mistakes += [_line(d) for d in report.diagnostics if d.severity == "error"]


def _proved(row: Row, folder: Path) -> Row:
    """The row with what its packages are worth. `seconds` comes in as the time at which it began."""
    if folder.is_dir():
        row.modules = len(proof.modules(folder))
        for check in (proof.imported, proof.typed, proof.formatted):
            row.mistakes += check(folder).splitlines()
    if row.compiled and not row.modules:
        row.mistakes.append("nothing was written")
    row.seconds = time.monotonic() - row.seconds
    return row


def _line(diagnostic: Diagnostic) -> str:
    where = "" if diagnostic.span.is_none else f"{diagnostic.span.file.name}:{diagnostic.span.line}: "
    return f"{where}{diagnostic.severity}[{diagnostic.code}]: {diagnostic.message}"


def _print(theirs: WineSet, rows: Sequence[Row]) -> None:
    print(f"{'corpus':<20}{'files':>7}{'compiled':>10}{'modules':>9}{'wrong':>7}{'seconds':>9}")
    for row in rows:
        wrong = len(row.mistakes)
        print(f"{row.name:<20}{row.files:>7}{row.compiled:>10}{row.modules:>9}{wrong:>7}{row.seconds:>9.1f}")
    print()
    print(f"Wine's files{len(theirs.files):>20}")
    print(f"  WinRT{len(theirs.winrt):>25}")
    print(f"  include-only fragments{len(theirs.fragments):>8}")
    print(f"  the rest{len(theirs.rest):>22}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
