"""The compiler from Python, for build steps and tests: the same as the command, with values instead of text."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from idlc import driver
from idlc.diagnostics.render import render_all
from idlc.diagnostics.report import Diagnostic, Severity
from idlc.semantics.types import BoundFile

PathLike = str | os.PathLike[str]


class CompileError(Exception):
    """The input has errors; `str()` is what the command would print."""

    def __init__(self, diagnostics: Sequence[Diagnostic]) -> None:
        self.diagnostics = tuple(diagnostics)
        super().__init__(render_all(self.diagnostics).rstrip("\n"))


@dataclass(frozen=True, slots=True)
class CompileReport:
    """What came of a compilation."""

    diagnostics: tuple[Diagnostic, ...]
    """Errors and warnings, in the order in which they were found."""
    files: Mapping[str, str] = field(default_factory=dict)
    """The generated package: file names, relative to its folder, to texts. Empty when there were errors."""
    written: tuple[str, ...] = ()
    """The paths that were written, by `compile_files` only."""
    bound_files: tuple[BoundFile, ...] = ()
    """The bound types of the files that were asked for, in that order."""

    @property
    def ok(self) -> bool:
        return not any(diagnostic.severity is Severity.ERROR for diagnostic in self.diagnostics)

    @property
    def bound(self) -> BoundFile:
        """The bound types of the first file."""
        return self.bound_files[0]

    def raise_for_errors(self) -> None:
        """Raise CompileError when there were errors."""
        if not self.ok:
            raise CompileError(self.diagnostics)


def compile_text(
    text: str,
    name: str = "memory.idl",
    acf: str | None = None,
    include: Sequence[PathLike] = (),
    files: Mapping[str, str] | None = None,
    defines: Mapping[str, str] | None = None,
) -> CompileReport:
    """Compile IDL text without touching the disk; `files` are further texts that it may import or include.

    Args:
        text: the IDL.
        name: the file name that diagnostics and the generated module go by.
        acf: the text of the ACF file that belongs to it.
        include: folders to look for imported and included files.
        files: file names to texts, found before anything on disk.
        defines: preprocessor macros.
    """
    memory = dict(files or {})
    memory[name] = text
    if acf is not None:
        memory[os.path.splitext(name)[0] + ".acf"] = acf
    settings = _settings(include, defines, memory)
    compilation = driver.analyse([name], settings)
    generated = driver.generate(compilation)
    return _report(compilation, generated)


def compile_files(
    paths: Sequence[PathLike],
    include: Sequence[PathLike] = (),
    out: PathLike = ".",
    defines: Mapping[str, str] | None = None,
) -> CompileReport:
    """Compile IDL files into a package in the folder `out`. Nothing is written when there are errors."""
    compilation = driver.analyse([os.fspath(path) for path in paths], _settings(include, defines))
    generated = driver.generate(compilation)
    written: list[str] = []
    if not compilation.report.has_errors:
        written = driver.write(generated, os.fspath(out), compilation.report)
    return _report(compilation, generated, written)


def check_files(
    paths: Sequence[PathLike],
    include: Sequence[PathLike] = (),
    defines: Mapping[str, str] | None = None,
) -> CompileReport:
    """Diagnose IDL files; nothing is generated."""
    return _report(driver.analyse([os.fspath(path) for path in paths], _settings(include, defines)), {})


def dump(
    path: PathLike,
    stage: str,
    include: Sequence[PathLike] = (),
    defines: Mapping[str, str] | None = None,
) -> str:
    """One stage of an IDL file as text: "ast", "bound", "wire" or "codec". Raises CompileError."""
    if stage not in driver.STAGES:
        raise ValueError(f"no such stage: {stage!r}; there are {', '.join(driver.STAGES)}")
    work = driver.parse if stage == "ast" else driver.analyse
    compilation = work([os.fspath(path)], _settings(include, defines))
    if compilation.report.has_errors:
        raise CompileError(compilation.report.diagnostics)
    return driver.dump(compilation, stage)


def _settings(
    include: Sequence[PathLike], defines: Mapping[str, str] | None, memory: Mapping[str, str] | None = None
) -> driver.Settings:
    return driver.Settings(
        tuple(os.fspath(folder) for folder in include), tuple((defines or {}).items()), (), memory or {}
    )


def _report(compilation: driver.Compilation, files: Mapping[str, str], written: Sequence[str] = ()) -> CompileReport:
    bound = tuple(unit.bound for unit in compilation.main if unit.bound is not None)
    return CompileReport(compilation.report.diagnostics, files, tuple(written), bound)
