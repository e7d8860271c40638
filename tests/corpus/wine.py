"""Wine's IDL set: where it is, and which of its files are no IDL files of their own.

A file may be left out for two reasons only, and each is shown: it is in the language of the Windows Runtime, at a
construct that idlc must name (winrt.txt), or it is a fragment, which another file includes and which does not stand
alone (fragments.txt).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import idlc

ROOT = Path("/usr/include/wine/wine")
FOLDERS = (ROOT / "windows", ROOT)
LISTS = Path(__file__).parent
_WINRT = "IDLC1105"


@dataclass(frozen=True, slots=True)
class WineSet:
    """The files by what they are."""

    files: tuple[Path, ...]
    winrt: tuple[Path, ...]
    fragments: tuple[Path, ...]
    rest: tuple[Path, ...]
    wrong: tuple[str, ...]
    """What is wrong with the listings, a sentence each."""


def wine() -> WineSet:
    """The set as it is installed, its listings verified."""
    files = tuple(path for folder in FOLDERS for path in sorted(folder.glob("*.idl")))
    known = {path.name: path for path in files}
    runtime, parts = listed("winrt.txt"), listed("fragments.txt")
    wrong = [f"{name} is listed, but not there" for name in (*runtime, *parts) if name not in known]
    winrt = {name: known[name] for name in runtime if name in known}
    fragments = {name: known[name] for name in parts if name in known}
    for name, path in winrt.items():
        wrong += no_winrt(path, runtime[name])
    for name, path in fragments.items():
        wrong += no_fragment(path, known.get(parts[name]))
    rest = tuple(path for path in files if path.name not in winrt and path.name not in fragments)
    return WineSet(files, tuple(winrt.values()), tuple(fragments.values()), rest, tuple(wrong))


def listed(name: str) -> dict[str, str]:
    """The lines of a list: file name to what shows why it is there."""
    lines = (LISTS / name).read_text(encoding="utf-8").splitlines()
    pairs = (line.split(None, 1) for line in lines if line.strip() and not line.startswith("#"))
    return {file: shown.strip() for file, shown in pairs}


def no_winrt(path: Path, construct: str) -> Iterator[str]:
    """What is wrong with calling a file WinRT: idlc must refuse it, at that construct."""
    own = [d for d in idlc.check_files([path], FOLDERS).diagnostics if d.span.file.name == str(path)]
    told = [d for d in own if d.code == _WINRT]
    if not told:
        yield f"{path.name} is listed as WinRT, but idlc does not say {_WINRT}"
    for diagnostic in told:
        line = path.read_text(encoding="latin-1").splitlines()[diagnostic.span.line - 1]
        if not line.strip().startswith(construct):
            yield f"{path.name} is listed as WinRT for {construct!r}, but idlc stops at {line.strip()!r}"


def no_fragment(path: Path, includer: Path | None) -> Iterator[str]:
    """What is wrong with calling a file a fragment: the includer must include it, and alone it must not compile."""
    if includer is None:
        yield f"{path.name} is listed as a fragment of a file that is not there"
        return
    included = rf'^\s*#\s*include\s*[<"]{re.escape(path.name)}[>"]'
    if not re.search(included, includer.read_text(encoding="latin-1"), re.MULTILINE):
        yield f"{path.name} is listed as a fragment of {includer.name}, which does not include it"
    if idlc.check_files([path], FOLDERS).ok:
        yield f"{path.name} is listed as a fragment, but it compiles by itself"
