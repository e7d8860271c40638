"""The command `idlc`: compile, check, dump.

Exit status: 0 clean, 1 errors in the input or outputs that cannot be written, 2 wrong usage, 3 a crash of the
compiler. Diagnostics go to stderr, dumps to stdout.
"""

from __future__ import annotations

import argparse
import io
import os
import re
import sys
import traceback
from collections.abc import Sequence
from typing import Final

from idlc import api, driver
from idlc.diagnostics.render import harmless, render_all
from idlc.version import VERSION

CLEAN: Final = 0
INPUT_ERROR: Final = 1
USAGE: Final = 2
INTERNAL: Final = 3

_EXAMPLES: Final = """\
examples:
  idlc compile lab.idl                        modules lab.py and _lab_codec.py in this folder
  idlc compile idl/*.idl -I idl -o stubs      a package in stubs/
  idlc check lab.idl -D DEBUG=1               diagnostics only
  idlc dump --stage wire lab.idl              how operations and types go over the wire

An ACF file beside an IDL file, lab.acf beside lab.idl, is picked up by itself.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the exit status. Wrong usage raises SystemExit(2), as argparse does."""
    options = _parser().parse_args(arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        status = _run(options)
        sys.stdout.flush()
    except driver.InternalError as error:
        _internal(error)
        return INTERNAL
    except OSError as error:
        # Nothing can be written to stdout any more, not even when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):  # whoever read it has gone; that is no mistake of the input
            return CLEAN
        print(f"idlc: cannot write to stdout: {error.strerror}", file=sys.stderr)
        return INPUT_ERROR
    except KeyboardInterrupt:
        return 130
    return status


def _run(options: argparse.Namespace) -> int:
    defines = dict(options.define)
    if options.command == "dump":
        try:
            sys.stdout.write(api.dump(options.file, options.stage, options.include, defines))
        except api.CompileError as error:
            print(error, file=sys.stderr)
            return INPUT_ERROR
        return CLEAN
    if options.command == "check":
        report = api.check_files(options.files, options.include, defines)
    else:
        report = api.compile_files(options.files, options.include, options.out, defines)
    sys.stderr.write(render_all(report.diagnostics))
    return CLEAN if report.ok else INPUT_ERROR


def _internal(error: driver.InternalError) -> None:
    print(f"idlc: internal error: {harmless(str(error))}", file=sys.stderr)
    if os.environ.get("IDLC_TRACEBACK"):
        traceback.print_exception(error.cause, file=sys.stderr)
    else:
        print("      = help: this is a mistake of idlc; IDLC_TRACEBACK=1 shows where", file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="idlc",
        description="Compile MIDL interface definitions to Python.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"idlc {VERSION}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)

    command = _command(commands, "compile", "write Python modules for IDL files")
    command.add_argument("files", metavar="FILE", nargs="+", help="an IDL file")
    command.add_argument(
        "-o", "--out", metavar="DIR", default=".", help="the folder that becomes the package (default: .)"
    )

    command = _command(commands, "check", "only diagnose IDL files")
    command.add_argument("files", metavar="FILE", nargs="+", help="an IDL file")

    command = _command(commands, "dump", "show what a stage of the compiler makes of a file")
    command.add_argument("file", metavar="FILE", help="an IDL file")
    command.add_argument("--stage", required=True, choices=driver.STAGES, help="the stage to show")
    return parser


def _command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, summary: str
) -> argparse.ArgumentParser:
    command = commands.add_parser(
        name,
        help=summary,
        description=summary[0].upper() + summary[1:] + ".",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    command.add_argument(
        "-I", "--include", metavar="DIR", action="append", default=[], help="a folder to find imported files in"
    )
    command.add_argument(
        "-D", "--define", metavar="NAME[=VALUE]", action="append", type=_definition, default=[], help="define a macro"
    )
    return command


def _definition(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        raise argparse.ArgumentTypeError(f"{name!r} is no name for a macro")
    return name, value if equals else "1"
