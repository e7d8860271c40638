"""The texts that mutations start from: all IDL and ACF of this project, and Wine's where it is installed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.corpus.own import ROOT
from tests.rules.test_rules import fences

MAX_SIZE = 4096
"""Characters of one input; of longer files a part is taken."""

_WINE = Path("/usr/include/wine/wine/windows")
_STATEMENT = re.compile(r"^(?=\S)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Seed:
    """One text, and the ACF text beside it."""

    idl: str
    acf: str | None = None


@cache
def seeds() -> tuple[tuple[Seed, ...], ...]:
    """The texts by where they come from, in a fixed order: fences of the rules, files of ours, files of Wine's."""
    sources = [_fences(), _files(ROOT, "samples tests/golden tests/corpus tests/bench runtime idlc/language"), _wine()]
    return tuple(found for found in map(tuple, sources) if found)


def _fences() -> Iterator[Seed]:
    yield from (Seed(fence.idl, fence.acf) for fence in fences())


def _files(root: Path, folders: str) -> Iterator[Seed]:
    for folder in folders.split():
        for path in sorted((root / folder).rglob("*.idl")):
            acf = path.with_suffix(".acf")
            configuration = acf.read_text("utf-8") if acf.is_file() else None
            yield from (Seed(part, configuration) for part in parts(_read(path)))


def _wine() -> Iterator[Seed]:
    for path in sorted(_WINE.glob("*.idl")):
        yield from map(Seed, parts(_read(path))[:20])


def _read(path: Path) -> str:
    return path.read_bytes().decode("utf-8", "replace").replace("\r\n", "\n")


def parts(text: str) -> list[str]:
    """A text cut where a line begins in the first column, into parts of no more than MAX_SIZE."""
    found = [""]
    for piece in _STATEMENT.split(text):
        if found[-1] and len(found[-1]) + len(piece) > MAX_SIZE:
            found.append("")
        found[-1] += piece
    return [part[:MAX_SIZE] for part in found if part.strip()]
