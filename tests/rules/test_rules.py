"""The Markdown files of this folder are the manual of the rules, and tests of them.

Each `idl` fence is one file. A line that ends in `// error: [MIDL2317]` or `// warning: [...]` is the
assertion: exactly the stated diagnostics, at exactly those lines. An `acf` fence configures the IDL fence
after it. Words behind `idl` are options: `strict`, `W2` or another level of warnings, `dce` for the language of the
DCE, `pidl` for Samba's, `NT50` or another target.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from idlc.diagnostics.policy import DEFAULT_LEVEL, Policy
from idlc.diagnostics.report import Report
from idlc.driver import analyse
from idlc.settings import Dialect, Settings, Target

FOLDER = Path(__file__).parent
_FENCE = re.compile(r"^```(idl|acf)((?: \w+)*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_ASSERTION = re.compile(r"// (error|warning|note): \[([A-Z0-9, ]+)\]")


@dataclass(frozen=True, slots=True)
class Fence:
    """One piece of IDL in a Markdown file."""

    file: str
    line: int
    idl: str
    acf: str | None
    options: tuple[str, ...] = ()

    @property
    def policy(self) -> Policy:
        levels = [int(option[1:]) for option in self.options if re.fullmatch("W[0-4]", option)]
        return Policy(strict="strict" in self.options, level=max(levels, default=DEFAULT_LEVEL))

    @property
    def settings(self) -> Settings:
        memory = {"case.idl": self.idl} | ({} if self.acf is None else {"case.acf": self.acf})
        dialect = next((each for each in Dialect if each.value in self.options), Dialect.MIDL)
        targets = [Target[option] for option in self.options if option in Target.__members__]
        target = max(targets, default=Target.NT100)
        return Settings(memory=memory, policy=self.policy, dialect=dialect, target=target)

    @property
    def wanted(self) -> Counter[tuple[str, int, str, str]]:
        found: Counter[tuple[str, int, str, str]] = Counter()
        for name, text in (("case.idl", self.idl), ("case.acf", self.acf or "")):
            for number, line in enumerate(text.splitlines(), 1):
                for assertion in _ASSERTION.finditer(line):
                    for code in assertion[2].split(","):
                        found[name, number, assertion[1], code.strip()] += 1
        return found


@cache
def fences() -> list[Fence]:
    found = []
    for path in sorted(FOLDER.glob("*.md")):
        text = path.read_text(encoding="utf-8")
        acf: str | None = None
        for fence in _FENCE.finditer(text):
            if fence[1] == "acf":
                acf = fence[3]
                continue
            line = text[: fence.start()].count("\n") + 2
            found.append(Fence(path.stem, line, fence[3], acf, tuple(fence[2].split())))
            acf = None
    return found


@cache
def check(fence: Fence) -> Report:
    return analyse(["case.idl"], fence.settings).report


@pytest.mark.parametrize("fence", fences(), ids=lambda fence: f"{fence.file}:{fence.line}")
def test_exactly_the_stated_diagnostics_appear_at_exactly_those_lines(fence: Fence) -> None:
    report = check(fence)
    found = Counter((d.span.file.name, d.span.line, d.severity.value, d.code) for d in report.diagnostics)
    told = "\n".join(f"{d.span.file.name}:{d.span.line}: {d.code} {d.message}" for d in report.diagnostics)
    assert found == fence.wanted, told
