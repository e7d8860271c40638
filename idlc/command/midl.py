"""MIDL's spelling of the command line, put into our own: `/I inc /out gen /W2 lab.idl` is
`compile --include=inc --out=gen -W2 lab.idl`.

Switches begin with `/` or `-`. A word that begins with `/` and is the path of an existing file is that file. `@file`
stands for the words in that file. Words with two dashes are our own options and stay as they are.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from idlc.command.gnu import FLAGS
from idlc.command.switches import SWITCHES, Effect, Switch, Takes
from idlc.diagnostics.near import did_you_mean
from idlc.diagnostics.policy import Policy
from idlc.diagnostics.report import Diagnostic, Report
from idlc.source.decode import decode
from idlc.source.files import Span

_MAX_RESPONSE: Final = 1 << 20
"""Octets of a response file."""
_COMPILE_ONLY: Final = ("--out=", "--client=", "--server=", "--protocol=", "--save-preprocessed")
_PREFIXES: Final = frozenset("client cstub server sstub switch all".split())


class WrongUsage(Exception):
    """The command line makes no sense; the diagnostics say why."""

    def __init__(self, diagnostics: Sequence[Diagnostic]) -> None:
        self.diagnostics = tuple(diagnostics)
        super().__init__("; ".join(diagnostic.message for diagnostic in diagnostics))


class Shown(Exception):
    """The command line only asks for a text, which is this one."""


def is_midl(arguments: Sequence[str]) -> bool:
    """Whether a command line is in MIDL's spelling: it begins with a switch, a response file or an input file."""
    if not arguments or arguments[0] in ("-h", "--help", "--version"):
        return False
    first = arguments[0]
    if first.startswith(("/", "-", "@")):
        return not first.startswith("--")
    return "." in first or os.path.exists(first)


def translate(arguments: Sequence[str], environment: Mapping[str, str]) -> tuple[list[str], tuple[Diagnostic, ...]]:
    """Our own words for MIDL's, and the warnings about them.

    Args:
        arguments: the words of the command line.
        environment: INCLUDE in it names further folders, as MIDL has it.

    Raises:
        WrongUsage: the words make no sense.
        Shown: a text was all that was asked for.
    """
    work = _Translation()
    work.take(list(_expanded(arguments, work.report)))
    return work.finish(environment)


class _Translation:
    def __init__(self) -> None:
        self.report = Report(Policy(max_errors=0))
        self._words: list[str] = []
        self._files = 0
        self._check = False
        self._given: dict[str, str] = {}
        """The switches that were given, and how."""

    def take(self, words: list[str]) -> None:
        at = 0
        while at < len(words):
            word = words[at]
            at += 1
            if word.startswith("--"):
                self._words.append(word)
                # `--name value`: the value is no file.
                if "=" not in word and word not in FLAGS and at < len(words):
                    self._words.append(words[at])
                    at += 1
            elif not _is_switch(word):
                self._words.append(_path(word))
                self._files += 1
            else:
                at += self._switch(word, words[at:])

    def finish(self, environment: Mapping[str, str]) -> tuple[list[str], tuple[Diagnostic, ...]]:
        self._contradictions()
        if "help" in self._given or "?" in self._given:
            raise Shown(listing())
        if not self._files and not self.report.has_errors:
            self._error("MIDL1000", "no input file")
        if self.report.has_errors:
            raise WrongUsage(self.report.diagnostics)
        words = self._words
        if "no_def_idir" not in self._given:
            folders = re.split("[;:]" if os.sep == "/" else ";", environment.get("INCLUDE", ""))
            words += [f"--include={folder}" for folder in map(_path, folders) if folder and os.path.isdir(folder)]
        if self._check:
            words = [word for word in words if not word.startswith(_COMPILE_ONLY)]
        words = ["check" if self._check else "compile", *words]
        if "confirm" in self._given:
            raise Shown(f"idlc {shlex.join(words)}\n")
        return words, self.report.diagnostics

    # ------------------------------------------------------------------ one switch

    def _switch(self, word: str, following: Sequence[str]) -> int:
        """Obey one switch; how many of the following words belong to it."""
        found = _found(word[1:])
        if found is None:
            hint = did_you_mean(word, [*(word[0] + name for name in SWITCHES), *FLAGS])
            self._error("MIDL1008", f'unknown switch "{word}"', hint or "idlc /? lists the switches")
            return 0
        switch, argument = found
        self._given.setdefault(switch.name, word)
        if switch.takes is Takes.PAIRS:
            return self._pairs(switch, word, following)
        used = 0
        if switch.takes is not Takes.NOTHING and argument is None:
            if not following or (_is_switch(following[0]) and following[0][1:] in SWITCHES):
                self._error("MIDL1011", f'"{word}" needs an argument')
                return 0
            argument, used = following[0], 1
        if argument is not None and switch.choices:
            argument = self._choice(switch, word, argument)
            if argument is None:
                return used
        self._obey(switch, word, argument or "")
        return used

    def _choice(self, switch: Switch, word: str, argument: str) -> str | None:
        """The argument as the switch knows it; None after a report."""
        for choice in switch.choices:
            if choice.lower() == argument.lower():
                return choice
        hint = did_you_mean(argument, switch.choices) or f"there are {', '.join(switch.choices)}"
        self._error("MIDL1012", f'"{argument}" is no argument for "/{switch.name}"', hint)
        return None

    def _pairs(self, switch: Switch, word: str, following: Sequence[str]) -> int:
        used = 0
        while used + 1 < len(following) and following[used].lower() in _PREFIXES:
            used += 2
        if not used:
            hint = f"the words are {', '.join(sorted(_PREFIXES))}"
            self._error("MIDL1011", f'"{word}" needs a word and a prefix', hint)
        return used

    def _obey(self, switch: Switch, word: str, argument: str) -> None:
        if switch.effect is Effect.REFUSED:
            self._error("MIDL2397", f'the switch "{word}" is not supported', switch.about)
        elif switch.effect is Effect.IGNORED:
            return
        elif switch.ours == "check":
            self._check = True
        elif switch.name == "I":
            self._words += [f"--include={_path(folder)}" for folder in argument.split(";") if folder]
        elif switch.name == "cpp_opt":
            for option in re.finditer(r"(?:^|\s)[-/]([DUI])\s*(\S+)", argument):
                self._obey(SWITCHES[option[1]], word, option[2])
        elif switch.name in ("D", "U") and not re.fullmatch(r"[A-Za-z_]\w*(=.*)?", argument, re.DOTALL):
            self._error("MIDL1012", f'"{argument}" is no name for a macro')
        elif switch.ours:
            value = _path(argument) if switch.name in ("acf", "out", "o") else argument
            self._words.append(switch.ours.format(value))

    def _contradictions(self) -> None:
        for name, word in self._given.items():
            for other in SWITCHES[name].excludes:
                if other in self._given:
                    self._error("MIDL2338", f'"{word}" and "{self._given[other]}" contradict each other')
                    return

    def _error(self, code: str, message: str, help: str | None = None) -> None:
        self.report.error(code, message, Span.none(), help=help)


def _found(body: str) -> tuple[Switch, str | None] | None:
    """The switch that a word means, less its first character, and the argument that is glued to it."""
    exact = SWITCHES.get(body)
    if exact is not None:
        return exact, None
    name, colon, argument = body.partition(":")
    switch = SWITCHES.get(name)
    if colon and switch is not None and switch.takes in (Takes.NEXT, Takes.GLUED):
        return switch, argument
    others = [each for each in SWITCHES.values() if each.name.lower() == body.lower()]
    if len(others) == 1:
        return others[0], None
    glued = [each for each in SWITCHES.values() if each.takes is Takes.GLUED and body.startswith(each.name)]
    if glued:
        longest = max(glued, key=lambda each: len(each.name))
        return longest, body[len(longest.name) :]
    return None


def _is_switch(word: str) -> bool:
    if word.startswith("-"):
        return len(word) > 1
    return word.startswith("/") and not _looks_like_path(word) and not os.path.isfile(word)


def _looks_like_path(word: str) -> bool:
    """Whether a word is rather a path than a switch, so that a file that is missing is told as such."""
    if word.count("/") == 1:
        return False
    found = _found(word[1:])
    return found is None or (found[0].name in ("D", "U", "W") and "/" in (found[1] or "").partition("=")[0])


def _path(text: str) -> str:
    """A path as this system writes it: where `/` parts folders, `\\` does as well."""
    return text.replace("\\", "/") if os.sep == "/" and not os.path.exists(text) else text


def _expanded(arguments: Sequence[str], report: Report) -> Iterator[str]:
    """The words, with those of response files in place of their names."""
    for argument in arguments:
        if not argument.startswith("@") or os.path.exists(argument):
            yield argument
            continue
        name = _path(argument[1:])
        try:
            with open(name, "rb") as stream:
                text = decode(stream.read(_MAX_RESPONSE))
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            report.error("MIDL1020", f'cannot read the response file "{name}": {reason}', Span.none())
            continue
        for word in re.findall(r'(?:[^\s"]|"[^"]*")+', text):
            plain = word.replace('"', "")
            if plain.startswith("@"):
                report.error("MIDL1023", f'the response file "{name}" names another, "{plain}"', Span.none())
            else:
                yield plain


def listing() -> str:
    """What `idlc /?` shows: every switch with what it is to idlc."""
    lines = ["usage: idlc [SWITCH ...] FILE ...", "", "Switches of MIDL; idlc --help shows our own command line.", ""]
    for effect in Effect:
        lines.append(f"{effect.value}:")
        for switch in SWITCHES.values():
            if switch.effect is effect:
                argument = f" {'|'.join(switch.choices) or 'ARG'}" if switch.takes is not Takes.NOTHING else ""
                lines.append(f"  /{switch.name + argument:<28} {switch.about}")
        lines.append("")
    return "\n".join(lines)
