"""Our own spelling of the command line: `idlc compile -I inc --strict lab.idl`."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Callable, Sequence
from typing import Final, NoReturn, TypeVar

from idlc.building.places import Places
from idlc.command.invocation import Action, Colour, Form, Invocation
from idlc.data import replace
from idlc.diagnostics.near import did_you_mean
from idlc.diagnostics.policy import DEFAULT_LEVEL, DEFAULT_MAX_ERRORS, MAX_LEVEL, Policy, code_named
from idlc.settings import Dialect, Environment, Protocol, Settings, Target
from idlc.version import VERSION

STAGES: Final = ("preprocessed", "ast", "bound", "wire", "codec")
"""What `dump` can show."""

FLAGS: Final = frozenset(
    "--help --osf --ms-union --app-config --only-include --preprocessed --strict --save-preprocessed".split()
)
"""The long options that take no value."""

_EXAMPLES: Final = """\
examples:
  idlc compile lab.idl                        modules lab.py and _lab_codec.py in this folder
  idlc compile idl/*.idl -I idl -o stubs      a package in stubs/
  idlc check lab.idl -D DEBUG=1               diagnostics only
  idlc dump --stage wire lab.idl              how operations and types go over the wire
  idlc /I inc /out gen /client none lab.idl   the switches of MIDL, in place of a command; idlc /? lists them

An ACF file beside an IDL file, lab.acf beside lab.idl, is picked up by itself.
"""

_WARNINGS: Final = f"""\
error: warnings are errors; error=CODE: that one is; no-CODE: that one is silent; CODE: that one shows;
0 to {MAX_LEVEL}: the level of warnings (default: {DEFAULT_LEVEL})"""

T = TypeVar("T")
_WIN64: Final = {"x64": Environment.WIN64, "amd64": Environment.WIN64}


def read(arguments: Sequence[str]) -> Invocation:
    """What the words of a command line ask for. Wrong usage raises SystemExit(2), as argparse does."""
    parser, commands = _parsers(arguments[0] if arguments else "")
    if not arguments or arguments[0] not in commands:
        if arguments and not arguments[0].startswith("-"):
            hint = did_you_mean(arguments[0], commands)
            parser.error(f'no command "{arguments[0]}"{"; " + hint if hint else ""}')
        parser.parse_args(arguments)  # --help and --version end here
        parser.error(f"a command is needed: {', '.join(commands)}")
    options = commands[arguments[0]].parse_intermixed_args(arguments[1:])
    settings = Settings(
        include=tuple(options.include),
        defines=tuple(options.define),
        undefines=tuple(options.undefine),
        policy=_policy(options),
        acf=options.acf,
        search_here=not options.only_include,
        preprocessed=options.preprocessed,
        dialect=Dialect.DCE if options.osf else options.dialect,
        environment=options.env,
        target=options.target,
        app_config=options.app_config,
        ms_union=options.ms_union,
    )
    action = Action(arguments[0])
    files, out, stage, keep = tuple(options.files), ".", "", False
    if action is Action.DUMP:
        stage = options.stage
    elif action is Action.COMPILE:
        out, keep = options.out, options.save_preprocessed
        settings = _with_outputs(settings, options)
    if settings.acf is not None and len(files) != 1:
        commands[action].error("--acf goes with one IDL file")
    invocation = Invocation(
        action, files, settings, out, stage, Form(options.diagnostics), Colour(options.color), options.log
    )
    if action is not Action.COMPILE:
        return invocation
    return replace(invocation, places=_places(options), verify=options.verify, keep_preprocessed=keep)


def _places(options: argparse.Namespace) -> Places:
    depfile = options.depfile
    if depfile is None and options.dependencies is not None:
        folder = "" if options.out == os.curdir else options.out
        depfile = os.path.join(folder, os.path.splitext(os.path.basename(options.files[0]))[0] + ".d")
    return Places(
        options.out, depfile, options.depfile_target, options.dependencies != "user", options.manifest
    )


def _with_outputs(settings: Settings, options: argparse.Namespace) -> Settings:
    return replace(
        settings,
        client=options.client == "stub",
        server=options.server == "stub",
        protocol=Protocol(options.protocol),
    )


def _policy(options: argparse.Namespace) -> Policy:
    level, everything = DEFAULT_LEVEL, False
    errors: set[str] = set()
    silenced: set[str] = set()
    shown: set[str] = set()
    for kind, value in options.warnings:
        if kind == "level":
            level = int(value)
        elif kind == "errors":
            everything = True
        else:
            # The last word on a code counts.
            silenced.discard(value)
            shown.discard(value)
            {"no": silenced, "show": shown, "error": errors}[kind].add(value)
            if kind == "error":
                shown.add(value)
    return Policy(
        options.strict,
        level,
        everything,
        frozenset(errors),
        frozenset(silenced),
        frozenset(shown),
        options.max_errors,
    )


class _Parser(argparse.ArgumentParser):
    """An argparse parser that offers near names for what it does not know, and tells a mistake in two lines."""

    def error(self, message: str) -> NoReturn:
        unknown = re.match(r"unrecognized arguments: (--[\w-]+)", message)
        if unknown is not None:
            hint = did_you_mean(unknown[1], self._option_string_actions)
            message += f"; {hint}" if hint else ""
        choice = re.match(r".*invalid choice: '([^']*)' \(choose from (.*)\)$", message)
        if choice is not None:
            hint = did_you_mean(choice[1], re.findall(r"'([^']*)'", choice[2]))
            message += f"; {hint}" if hint else ""
        self.exit(2, f"{self.prog}: error: {message}\n      = help: {self.prog} --help lists what there is\n")


def _parsers(wanted: str) -> tuple[_Parser, dict[str, _Parser]]:
    """The parser of all, and those of the commands, of which only the wanted one knows its options."""
    parser = _Parser(
        prog="idlc",
        description="Compile MIDL interface definitions to Python.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"idlc {VERSION}")
    group = parser.add_subparsers(dest="command", metavar="COMMAND")
    commands = {
        action.value: _command(group, action.value, summary)
        for action, summary in (
            (Action.COMPILE, "write Python modules for IDL files"),
            (Action.CHECK, "only diagnose IDL files"),
            (Action.DUMP, "show what a stage of the compiler makes of a file"),
        )
    }
    if wanted in commands:
        _options(commands[wanted], Action(wanted))
    return parser, commands


def _options(command: _Parser, action: Action) -> None:
    command.add_argument("files", metavar="FILE", nargs="+", help="an IDL file")
    _input_options(command.add_argument_group("what is read"))
    _language_options(command.add_argument_group("the language"))
    _diagnostic_options(command.add_argument_group("diagnostics"))
    if action is Action.DUMP:
        command.add_argument("--stage", required=True, choices=STAGES, help="the stage to show")
    if action is not Action.COMPILE:
        return
    command.add_argument(
        "-o", "--out", metavar="DIR", default=".", help="the folder that becomes the package (default: .)"
    )
    outputs = command.add_argument_group("what is generated")
    for side in ("client", "server"):
        outputs.add_argument(
            f"--{side}",
            choices=("stub", "none"),
            default="stub",
            help=f"whether the classes of the {side} are (default: stub)",
        )
    outputs.add_argument(
        "--protocol",
        choices=[protocol.value for protocol in Protocol],
        default=Protocol.ALL.value,
        help="the transfer syntaxes that are offered (default: all)",
    )
    outputs.add_argument(
        "--save-preprocessed", action="store_true", help="write the text after preprocessing as well, NAME.i in DIR"
    )
    _build_options(command.add_argument_group("for build tools"))


def _command(commands: argparse._SubParsersAction[_Parser], name: str, summary: str) -> _Parser:
    return commands.add_parser(
        name,
        help=summary,
        description=summary[0].upper() + summary[1:] + ".",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


def _input_options(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("-I", "--include", metavar="DIR", action="append", default=[], help="a folder to find imported files in")
    add("--only-include", action="store_true", help="look into those folders only, not beside the file that asks")
    add("--acf", metavar="FILE", help="the ACF file of the IDL file (default: the one beside it of the same name)")
    add(
        "-D", "--define", metavar="NAME[=VALUE]", action="append", type=_definition, default=[], help="define a macro"
    )
    add("-U", "--undefine", metavar="NAME", action="append", type=_macro_name, default=[], help="undefine a macro")
    add("--preprocessed", action="store_true", help="the files have been through a preprocessor already")


def _language_options(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "--dialect",
        metavar="NAME",
        type=_word("dialect", {each.value: each for each in Dialect}),
        default=Dialect.MIDL,
        help="whose IDL it is: midl, dce, Samba's, pidl, or lenient, that of other compilers (default: midl)",
    )
    add("--osf", action="store_true", help="the same as --dialect dce")
    add(
        "--env",
        metavar="NAME",
        type=_word("environment", {**{each.word: each for each in Environment}, **_WIN64}),
        default=Environment.WIN64,
        help="the machine whose macros are defined: win32, win64, x64, ia64, arm32, arm64 (default: win64)",
    )
    add(
        "--target",
        metavar="NAME",
        type=_word("target", {each.name: each for each in Target}),
        default=Target.NT100,
        help="the oldest Windows that has to understand the interface: NT40 to NT100 (default: NT100)",
    )
    add("--ms-union", action="store_true", help="unions travel as under the attribute ms_union")
    add("--app-config", action="store_true", help="handle attributes of ACF files may stand in IDL files if --strict")


def _diagnostic_options(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--strict", action="store_true", help="errors for what MIDL documents as errors and published IDL does")
    add("-W", dest="warnings", metavar="WHAT", action="append", type=_warning, default=[], help=_WARNINGS)
    add(
        "--max-errors",
        metavar="N",
        type=_count,
        default=DEFAULT_MAX_ERRORS,
        help=f"stop showing errors after so many; 0 for no bound (default: {DEFAULT_MAX_ERRORS})",
    )
    add(
        "--diagnostics",
        choices=[form.value for form in Form],
        default=Form.TEXT.value,
        help="text goes to stderr; json and sarif go to stdout, which dump has for itself: there to stderr",
    )
    add("--color", choices=[colour.value for colour in Colour], default=Colour.AUTO.value, help="when text is coloured")
    add("--log", metavar="FILE", help="write the diagnostics into a file instead")


def _build_options(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "-MD",
        dest="dependencies",
        action="store_const",
        const="all",
        help="write what depends on what, as Make and Ninja read it; by default into DIR, as the first FILE with .d",
    )
    add(
        "-MMD", dest="dependencies", action="store_const", const="user", help="the same without the prelude's files"
    )
    add("-MF", dest="depfile", metavar="FILE", help="write it into this file; goes without -MD as well")
    add("-MT", dest="depfile_target", metavar="NAME", help="what depends on the inputs, in place of the outputs")
    add("--manifest", metavar="FILE", help="write inputs, outputs and their digests into a JSON file")
    add("--verify", action="store_true", help="write nothing; exit 1, with a diff, if outputs are not current")


def _definition(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    return _macro_name(name), value if equals else "1"


def _macro_name(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no name for a macro")
    return text


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 0 on")
    return int(text)


def _warning(text: str) -> tuple[str, str]:
    """One `-W`: what kind of wish it is, and the level or code."""
    if text in ("all", "none"):
        return "level", str(MAX_LEVEL if text == "all" else 0)
    if len(text) == 1 and text.isdecimal() and int(text) <= MAX_LEVEL:
        return "level", text
    if text == "error":
        return "errors", ""
    prefixes = {"error=": "error", "no-": "no", "": "show"}
    prefix = next(each for each in prefixes if text.startswith(each))
    name = text.removeprefix(prefix)
    code = code_named(name)
    if code is None:
        hint = did_you_mean(text, ("error", "all", "none"))
        raise argparse.ArgumentTypeError(f"no diagnostic has the code {name!r}{'; ' + hint if hint else ''}")
    return prefixes[prefix], code


def _word(kind: str, words: dict[str, T]) -> Callable[[str], T]:
    """A converter that takes any letter case and offers near words."""

    def convert(text: str) -> T:
        found = {word.lower(): value for word, value in words.items()}.get(text.lower())
        if found is None:
            hint = did_you_mean(text, words) or f"there are {', '.join(words)}"
            raise argparse.ArgumentTypeError(f"unknown {kind} {text!r}; {hint}")
        return found

    return convert
