"""The command `idlc`: compile, check, dump; or, where the first word is no command, the command line of MIDL.

Exit status: 0 clean, 1 errors in the input, or outputs that cannot be written or are not current, 2 wrong usage,
3 a crash of the compiler. Diagnostics go to stderr as text, and to stdout as JSON or SARIF; dumps go to stdout. `--log`
and MIDL's `/o` put diagnostics into a file.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from idlc.building import unchanged
from idlc.command import gnu, midl
from idlc.command.invocation import Action, Colour, Form, Invocation
from idlc.data import replace
from idlc.diagnostics.render import harmless, render_all

if TYPE_CHECKING:
    from idlc.api import CompileReport
    from idlc.crashes import InternalError
    from idlc.diagnostics.report import Diagnostic

CLEAN: Final = 0
INPUT_ERROR: Final = 1
USAGE: Final = 2
INTERNAL: Final = 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the exit status. Wrong usage of our own spelling raises SystemExit(2), as argparse does."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    _open_closed_streams()
    try:
        invocation = _invocation(words)
    except midl.Shown as text:
        sys.stdout.write(str(text))
        return CLEAN
    except midl.WrongUsage as wrong:
        sys.stderr.write(render_all(wrong.diagnostics))
        return USAGE
    return run(invocation)


def run(invocation: Invocation) -> int:
    """Do what a command line asks for; the exit status."""
    from idlc.crashes import InternalError

    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        status = _run(invocation)
        sys.stdout.flush()
    except InternalError as error:
        _internal(error)
        return INTERNAL
    except OSError as error:
        # Nothing can be written to stdout any more, not even when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):  # whoever read it has gone; that is no mistake of the input
            return CLEAN
        print(f"idlc: cannot write to stdout: {error.strerror}", file=sys.stderr)
        return INPUT_ERROR
    return status


def _open_closed_streams() -> None:
    """Send to nowhere what has nowhere to go: a shell's `>&-` leaves a process without the stream."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115


def _invocation(words: list[str]) -> Invocation:
    if not midl.is_midl(words):
        return replace(gnu.read(words), words=tuple(words))
    ours, remarks = midl.translate(words, os.environ)
    return replace(gnu.read(ours), remarks=remarks, words=tuple(words))


def _run(invocation: Invocation) -> int:
    from idlc import api

    # This process is ours; a library would not do that to its user.
    invocation = replace(invocation, settings=replace(invocation.settings, pause_collector=True))
    files, settings = invocation.files, invocation.settings
    if invocation.action is Action.DUMP:
        report, text = api.dumped(files, invocation.stage, settings)
        sys.stdout.write(text)
    elif invocation.action is Action.CHECK:
        report = api.check_files(files, settings=settings)
    else:
        report = _compiled(invocation)
    text = _written(invocation, (*invocation.remarks, *report.diagnostics))
    if not _tell(invocation, text, report) or not report.ok:
        return INPUT_ERROR
    if invocation.action is Action.COMPILE and invocation.log is None:
        said, warned = (text, "") if _for_programs(invocation) else ("", text)
        unchanged.remember(invocation.words, report.traces, report.outputs, said, warned)
    return CLEAN


def _compiled(invocation: Invocation) -> CompileReport:
    from idlc import api

    files, settings, places = invocation.files, invocation.settings, invocation.places
    if not invocation.verify:
        keep = invocation.keep_preprocessed
        return api.compile_files(files, out=invocation.out, settings=settings, keep_preprocessed=keep, places=places)
    report = api.verify_files(files, out=invocation.out, settings=settings, places=places)
    (sys.stderr if _for_programs(invocation) else sys.stdout).write(report.patch)
    return report


def _for_programs(invocation: Invocation) -> bool:
    """Whether the diagnostics have stdout for themselves: where a program reads them, unless a dump is there."""
    return invocation.form is not Form.TEXT and invocation.action is not Action.DUMP and invocation.log is None


def _tell(invocation: Invocation, text: str, report: CompileReport) -> bool:
    """Write the diagnostics where they are wanted; whether that could be done."""
    if invocation.log is None:
        (sys.stdout if _for_programs(invocation) else sys.stderr).write(text)
        return True
    from idlc.building.products import refuse_inputs
    from idlc.emit.output import OutputError

    try:
        refuse_inputs(invocation.log, (*invocation.files, *report.traces.octets))
        if os.path.abspath(invocation.log) in map(os.path.abspath, report.outputs):
            raise OutputError(f'cannot write "{invocation.log}": another output goes there')
        with open(invocation.log, "w", encoding="utf-8") as log:
            log.write(text)
    except OutputError as refused:
        reason = str(refused)
    except (OSError, ValueError) as error:
        reason = f'cannot write "{invocation.log}": {getattr(error, "strerror", None) or error}'
    else:
        return True
    sys.stderr.write(text)
    print(f"idlc: {harmless(reason)}", file=sys.stderr)
    return False


def _written(invocation: Invocation, diagnostics: Sequence[Diagnostic]) -> str:
    if invocation.form is Form.JSON:
        from idlc.diagnostics.as_json import as_json

        return as_json(diagnostics)
    if invocation.form is Form.SARIF:
        from idlc.diagnostics.as_sarif import as_sarif

        return as_sarif(diagnostics)
    return render_all(diagnostics, coloured=invocation.log is None and _coloured(invocation.colour))


def _coloured(wish: Colour) -> bool:
    """Whether text on stderr is coloured: by default on a terminal that can, unless NO_COLOR says no."""
    if wish is not Colour.AUTO:
        return wish is Colour.ALWAYS
    return sys.stderr.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _internal(error: InternalError) -> None:
    print(f"idlc: internal error: {harmless(str(error))}", file=sys.stderr)
    if os.environ.get("IDLC_TRACEBACK"):
        import traceback

        traceback.print_exception(error.cause, file=sys.stderr)
    else:
        print("      = help: this is a mistake of idlc; IDLC_TRACEBACK=1 shows where", file=sys.stderr)
