"""The compiler from Python, for build steps and tests: the same as the command, with values instead of text."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from idlc import driver
from idlc.building import outputs as outputs_of
from idlc.building.places import Places
from idlc.data import dataclass, field, replace
from idlc.diagnostics.render import render_all
from idlc.diagnostics.report import Diagnostic, Severity
from idlc.emit.output import OutputError
from idlc.semantics.types import BoundFile
from idlc.settings import Settings
from idlc.source.files import Span
from idlc.source.search import Traces

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
    outputs: Mapping[str, str] = field(default_factory=dict)
    """Everything on disk now because of `compile_files`, path to text; for `verify_files` what should be there."""
    written: tuple[str, ...] = ()
    """The paths of those outputs that were not there already as they are."""
    patch: str = ""
    """From what is on disk to what should be, as a unified diff; by `verify_files` only."""
    traces: Traces = field(default_factory=Traces)
    """What was read, and what was looked for."""
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
    settings: Settings | None = None,
) -> CompileReport:
    """Compile IDL text without touching the disk; `files` are further texts that it may import or include.

    Args:
        text: the IDL.
        name: the file name that diagnostics and the generated module go by.
        acf: the text of the ACF file that belongs to it.
        include: folders to look for imported and included files.
        files: file names to texts, found before anything on disk.
        defines: preprocessor macros.
        settings: every other option.
    """
    memory = dict(files or {})
    memory[name] = text
    if acf is not None:
        memory[os.path.splitext(name)[0] + ".acf"] = acf
    compilation = driver.analyse([name], _settings(settings, include, defines, memory))
    generated = driver.generate(compilation)
    return _report(compilation, generated)


def compile_files(
    paths: Sequence[PathLike],
    include: Sequence[PathLike] = (),
    out: PathLike = ".",
    defines: Mapping[str, str] | None = None,
    settings: Settings | None = None,
    keep_preprocessed: bool = False,
    places: Places | None = None,
) -> CompileReport:
    """Compile IDL files into a package in the folder `out`. Nothing is written when there are errors.

    Args:
        paths: the IDL files.
        include: folders to look for imported and included files.
        out: the folder that becomes the package.
        defines: preprocessor macros.
        settings: every other option.
        keep_preprocessed: write the text after preprocessing as well, as NAME.i.
        places: where a dependency file and a manifest go, if they are wanted.
    """
    places = replace(places or Places(), folder=os.fspath(out))
    chosen = _settings(settings, include, defines)
    compilation = driver.analyse([os.fspath(path) for path in paths], chosen)
    generated = driver.generate(compilation)
    if compilation.report.has_errors:
        return _report(compilation, generated)
    files = generated | (driver.preprocessed(compilation) if keep_preprocessed else {})
    try:
        outputs, written = outputs_of.write(compilation, files, chosen, places)
    except OutputError as error:
        compilation.report.error("IDLC1301", str(error), Span.none())
        return _report(compilation, generated)
    return replace(_report(compilation, generated), outputs=outputs, written=written)


def verify_files(
    paths: Sequence[PathLike],
    include: Sequence[PathLike] = (),
    out: PathLike = ".",
    defines: Mapping[str, str] | None = None,
    settings: Settings | None = None,
    places: Places | None = None,
) -> CompileReport:
    """Compare what `compile_files` would write with what is there; nothing is written.

    Stubs that are stale, missing or left over are an error in the report, and `patch` is the difference.
    """
    places = replace(places or Places(), folder=os.fspath(out))
    chosen = _settings(settings, include, defines)
    compilation = driver.analyse([os.fspath(path) for path in paths], chosen)
    generated = driver.generate(compilation)
    if compilation.report.has_errors:
        return _report(compilation, generated)
    try:
        outputs, found = outputs_of.verify(compilation, generated, chosen, places)
    except OutputError as error:
        compilation.report.error("IDLC1301", str(error), Span.none())
        return _report(compilation, generated)
    if not found.current:
        compilation.report.error("IDLC1305", str(found), Span.none(), help=found.remedy)
    return replace(_report(compilation, generated), outputs=outputs, patch=found.patch)


def check_files(
    paths: Sequence[PathLike],
    include: Sequence[PathLike] = (),
    defines: Mapping[str, str] | None = None,
    settings: Settings | None = None,
) -> CompileReport:
    """Diagnose IDL files; nothing is generated."""
    names = [os.fspath(path) for path in paths]
    return _report(driver.analyse(names, _settings(settings, include, defines)), {})


def dump(
    path: PathLike,
    stage: str,
    include: Sequence[PathLike] = (),
    defines: Mapping[str, str] | None = None,
    settings: Settings | None = None,
) -> str:
    """One stage of an IDL file as text: "preprocessed", "ast", "bound", "wire" or "codec". Raises CompileError."""
    report, text = dumped([path], stage, _settings(settings, include, defines))
    report.raise_for_errors()
    return text


def dumped(paths: Sequence[PathLike], stage: str, settings: Settings) -> tuple[CompileReport, str]:
    """One stage of IDL files as text, and what there is to say about them; no text when there are errors."""
    if stage not in driver.STAGES:
        raise ValueError(f"no such stage: {stage!r}; there are {', '.join(driver.STAGES)}")
    work = driver.parse if stage in ("preprocessed", "ast") else driver.analyse
    compilation = work([os.fspath(path) for path in paths], settings)
    text = "" if compilation.report.has_errors else driver.dump(compilation, stage)
    return _report(compilation, {}), text


def _settings(
    settings: Settings | None,
    include: Sequence[PathLike],
    defines: Mapping[str, str] | None,
    memory: Mapping[str, str] | None = None,
) -> Settings:
    """The settings with what was given beside them."""
    base = settings or Settings()
    return replace(
        base,
        include=(*(os.fspath(folder) for folder in include), *base.include),
        defines=(*base.defines, *(defines or {}).items()),
        memory={**base.memory, **(memory or {})},
    )


def _report(compilation: driver.Compilation, files: Mapping[str, str]) -> CompileReport:
    bound = tuple(unit.bound for unit in compilation.main if unit.bound is not None)
    return CompileReport(compilation.report.diagnostics, files, bound_files=bound, traces=compilation.traces)
