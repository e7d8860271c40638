"""Where included and imported files are found, and how they are read.

Places are tried in a fixed order: beside the file that asks, the current directory, the `-I` folders in order, and
last the folder of prelude files that the compiler ships. Names are found in any letter case, as the file systems that
IDL grew up on did it. Texts from memory stand beside the files that ask for them.

A user's IDL file with the name of a prelude file takes its place for the whole run: prelude files, too, look for what
they import beside the files that were asked for, in the current directory and in the `-I` folders, and only then among
themselves. Headers they find among themselves only, because a header of the same name is seldom written for IDL.
"""

from __future__ import annotations

import os
import posixpath
import stat
from collections.abc import Iterator, Mapping, Sequence

from idlc.data import dataclass, field
from idlc.diagnostics.near import did_you_mean
from idlc.source.decode import MAX_INPUT, NotText, decode, normalise
from idlc.source.files import SourceFile

_MEMORY = "memory:"


class CannotRead(Exception):
    """A file is there but cannot be used; the message says why."""


@dataclass(slots=True)
class Traces:
    """What a run took from the disk: enough to say what depends on what, and whether another run would find the same.

    Every file a run makes use of is asked for through `Files`, also where its text comes from a cache.
    """

    octets: dict[str, bytes] = field(default_factory=dict)
    """What was read, by path."""
    needs: dict[str, dict[str, None]] = field(default_factory=dict)
    """By path, the paths of the files that it imports or includes, and of its ACF file, in order."""
    names: dict[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    """By folder and lower-case name, the names in the folder that are the same but for letter case."""
    repeatable: bool = True
    """Whether all of it can be read again: no pipe was read, no text from memory."""


class Files:
    """The texts a compilation may see: files on disk, and files that exist in memory only."""

    def __init__(
        self,
        include: Sequence[str] = (),
        memory: Mapping[str, str] | None = None,
        builtin: str = "",
        *,
        here: bool = True,
    ) -> None:
        """`here` is False when files are not looked for beside the one that asks and in the current folder."""
        self._include = tuple(include)
        self._here = here
        self._memory = {_tidy(name): text for name, text in (memory or {}).items()}
        self._memory_names = {name.lower(): name for name in sorted(self._memory, reverse=True)}
        self._builtin = builtin
        self._asked: dict[str, None] = {}
        self._listings: dict[str, dict[str, str]] = {}
        self._read: dict[str, SourceFile] = {}
        self.traces = Traces()

    def open(self, name: str) -> SourceFile:
        """The file that a user named; raises CannotRead."""
        known = self._memory_names.get(_tidy(name).lower())
        if known is not None:
            return self._from_memory(known)
        self._asked[os.path.dirname(name)] = None
        return self._from_disk(name, name, regular=False)

    def find(self, name: str, beside: SourceFile) -> SourceFile | None:
        """The file that `beside` asks for as `name`, or None; raises CannotRead."""
        return self._needed(beside, self._find(name, beside))

    def _find(self, name: str, beside: SourceFile) -> SourceFile | None:
        wanted = _tidy(name)
        if not wanted:
            return None
        if self._memory:
            folder = posixpath.dirname(_tidy(beside.path.removeprefix(_MEMORY)))
            for candidate in (posixpath.normpath(posixpath.join(folder, wanted)), posixpath.normpath(wanted)):
                known = self._memory_names.get(candidate.lower())
                if known is not None:
                    return self._from_memory(known)
        for folder in dict.fromkeys(self._folders(wanted, beside)):
            path = self._resolve(folder, wanted)
            if path is not None:
                return self._from_disk(path, path, regular=True)
        return None

    def _folders(self, wanted: str, beside: SourceFile) -> Iterator[str]:
        own = self.is_builtin(beside)
        if not own or wanted.lower().endswith(".idl"):
            if self._here and own:
                yield from self._asked
            elif self._here and not beside.path.startswith(_MEMORY):
                yield os.path.dirname(beside.path)
            if self._here:
                yield ""
            yield from self._include
        if self._builtin:
            yield self._builtin

    def beside(self, file: SourceFile, name: str) -> SourceFile | None:
        """The file called `name` in the folder of `file`, and nowhere else; raises CannotRead."""
        return self._needed(file, self._beside(file, name))

    def _beside(self, file: SourceFile, name: str) -> SourceFile | None:
        if file.path.startswith(_MEMORY):
            folder = posixpath.dirname(file.path.removeprefix(_MEMORY))
            known = self._memory_names.get(posixpath.normpath(posixpath.join(folder, name)).lower())
            return None if known is None else self._from_memory(known)
        path = self._resolve(os.path.dirname(file.path), name)
        return None if path is None else self._from_disk(path, path, regular=True)

    def _needed(self, asker: SourceFile, found: SourceFile | None) -> SourceFile | None:
        if found is not None:
            self.traces.needs.setdefault(asker.path, {})[found.path] = None
        return found

    def is_builtin(self, file: SourceFile) -> bool:
        """Whether a file is one of the compiler's own prelude files."""
        return bool(self._builtin) and os.path.dirname(file.path) == self._builtin

    def replaced(self, file: SourceFile) -> str | None:
        """The name of the prelude file whose place a user's file takes, or None if it takes none."""
        if not self._builtin or self.is_builtin(file):
            return None
        path = file.path.removeprefix(_MEMORY)
        known = self._listing(self._builtin).get(os.path.basename(path).lower())
        if known is None or os.path.realpath(path) == os.path.realpath(os.path.join(self._builtin, known)):
            return None
        return known

    def hint(self, name: str, beside: SourceFile) -> str:
        """What to say when `find` finds nothing: files of a near name, or where it looked."""
        wanted = _tidy(name)
        there = [*self._memory, *(each for folder in self._folders(wanted, beside) for each in self._listing(folder))]
        itself = os.path.basename(beside.name)
        files = (each for each in there if each.lower().endswith((".idl", ".h", ".acf")) and each != itself)
        alike = did_you_mean(wanted, files)
        return alike or f"looked in {', '.join(self._places(beside))}"

    def _places(self, beside: SourceFile) -> tuple[str, ...]:
        if not self._here:
            return self._include or ("no folder",)
        own = os.path.dirname(beside.path.removeprefix(_MEMORY)) or "."
        return tuple(dict.fromkeys((own, ".", *self._include)))

    def _from_memory(self, name: str) -> SourceFile:
        key = _MEMORY + name
        self.traces.repeatable = False
        if key not in self._read:
            text = self._memory[name]
            if len(text) > MAX_INPUT:
                raise CannotRead(f"the text is larger than the {MAX_INPUT >> 20} MiB that are accepted")
            try:
                self._read[key] = SourceFile(name, normalise(text), path=key)
            except NotText as error:
                raise CannotRead(str(error)) from None
        return self._read[key]

    def _from_disk(self, path: str, name: str, regular: bool) -> SourceFile:
        if "\0" in path:
            raise CannotRead("its name has a zero character")
        key = os.path.realpath(path)
        if key not in self._read:
            try:
                mode = os.stat(path).st_mode
                if stat.S_ISDIR(mode):
                    raise CannotRead("it is a directory")
                if regular and not stat.S_ISREG(mode):
                    raise CannotRead("it is not a regular file")
                with open(path, "rb") as stream:
                    data = stream.read(MAX_INPUT + 1)
                self._read[key] = SourceFile(name, decode(data), path=path)
                self.traces.octets[path] = data
                self.traces.repeatable &= stat.S_ISREG(mode)
            except OSError as error:
                raise CannotRead(error.strerror or "it cannot be opened") from None
            except ValueError as error:  # NotText, or a name with a zero character
                raise CannotRead(str(error)) from None
        found = self._read[key]
        self.traces.octets.setdefault(path, self.traces.octets[found.path])  # a link to it may lead elsewhere one day
        return found

    def _resolve(self, folder: str, name: str) -> str | None:
        """The path of `name` under `folder`, each part in the letter case that exists."""
        path = os.path.join(folder, name)
        if os.path.isfile(path):
            return path
        path = "/" if name.startswith("/") else folder
        for part in name.split("/"):
            if part in ("", "."):
                continue
            if part != "..":
                listing = self._listing(path)
                lower = part.lower()
                found = listing.get(part) or listing.get(lower)
                same = {each for each in listing.values() if each.lower() == lower} if found else ()
                self.traces.names[path, lower] = tuple(sorted(same))
                if found is None:
                    return None
                part = found
            path = os.path.join(path, part)
        if os.path.isfile(path):
            return path
        self.traces.repeatable = False  # a folder, where a file may come to be
        return None

    def _listing(self, folder: str) -> dict[str, str]:
        """The names in a folder: each maps to itself, and its lower-case form to the first that has it."""
        known = self._listings.get(folder)
        if known is None:
            try:
                names = sorted(os.listdir(folder or "."))
            except OSError:
                names = []
            known = {}
            for name in names:
                known.setdefault(name.lower(), name)
            known.update((name, name) for name in names)
            self._listings[folder] = known
        return known


def _tidy(name: str) -> str:
    return name.replace("\\", "/").strip()
