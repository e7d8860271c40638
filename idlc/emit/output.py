"""Files onto disk: all of them or none, untouched where equal, and only ever regular files.

Every file is written beside its place under a name of its own first, and moved only when all could be written. When
a move fails, those before it are taken back. A link is not followed: what it leads to is not ours to replace.
"""

from __future__ import annotations

import errno
import os
import re
import stat
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Final

_NO_LINKS: Final = getattr(os, "O_NOFOLLOW", 0)
_NO_WAIT: Final = getattr(os, "O_NONBLOCK", 0)
_BINARY: Final = getattr(os, "O_BINARY", 0)
_ASIDE: Final = re.compile(r"\.idlc-[0-9a-f]{12}")
"""The names under which outputs are written first."""
_DAY: Final = 24 * 60 * 60


class OutputError(Exception):
    """Outputs that cannot be written; the message names the file and the reason."""


def placed(files: Mapping[str, str], folder: str) -> dict[str, str]:
    """`files` (plain file name -> text) by their paths in `folder`.

    Raises:
        OutputError: a name that would lead elsewhere.
    """
    for name in files:
        if os.path.basename(name) != name or name in ("", ".", ".."):
            raise OutputError(f'the output name "{name}" is not a plain file name')
    if folder == os.curdir:
        folder = ""
    return {os.path.join(folder, name): text for name, text in files.items()}


def write(files: Mapping[str, str]) -> tuple[str, ...]:
    """Write `files` (path -> text), all or nothing, and return the paths whose content changed.

    Folders that are missing are made. A file that has its text already keeps its date.

    Raises:
        OutputError: a folder or file cannot be written, or something that is no regular file is in the place of one.
    """
    with _Writing() as writing:
        for path, text in files.items():
            with _naming(path):
                octets = text.encode("utf-8", "surrogateescape")
                if read(path) != octets:
                    writing.stage(path, octets)
        return writing.finish()


def read(path: str) -> bytes | None:
    """What is in the place of an output: its octets, None for nothing or what may not be read.

    Raises:
        OutputError: it is no regular file.
        OSError: it cannot be looked at.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | _NO_LINKS | _NO_WAIT | _BINARY)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        # A socket or a link refuses to be opened like this, a file that must not be read can still be replaced.
        _refuse_unless_regular(path, os.lstat(path).st_mode)
        if error.errno == errno.EACCES:
            return None
        raise
    try:
        _refuse_unless_regular(path, os.fstat(descriptor).st_mode)
    except OutputError:
        os.close(descriptor)
        raise
    with open(descriptor, "rb") as stream:
        return stream.read()


def _refuse_unless_regular(path: str, mode: int) -> None:
    if not stat.S_ISREG(mode):
        what = "a folder" if stat.S_ISDIR(mode) else "a symbolic link" if stat.S_ISLNK(mode) else "not a regular file"
        raise OutputError(f'cannot write "{path}": it is {what}')


class _Writing:
    """One set of files on its way. What was not finished when it ends leaves nothing behind."""

    def __init__(self) -> None:
        self._staged: list[tuple[str, str]] = []
        self._folders: list[str] = []
        self._moved: list[tuple[str, str | None]] = []
        self._aside: list[str] = []
        self._swept: set[str] = set()
        self._done = False

    def __enter__(self) -> _Writing:
        return self

    def stage(self, path: str, octets: bytes) -> None:
        """Write what is to be in `path` beside it."""
        folder = os.path.dirname(path)
        self._make(folder)
        if folder not in self._swept:
            self._swept.add(folder)
            _sweep(folder)
        aside = self._name_in(folder)
        # Made by open() with a mode, so the user's umask applies.
        descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_LINKS | _BINARY, 0o666)
        self._aside.append(aside)
        with open(descriptor, "wb") as stream:
            stream.write(octets)
        self._staged.append((path, aside))

    def finish(self) -> tuple[str, ...]:
        """Move everything into its place; the paths."""
        for path, aside in self._staged:
            with _naming(path):
                self._moved.append((path, self._keep(path)))
                try:
                    os.replace(aside, path)
                except BaseException:
                    self._moved.pop()
                    raise
        self._done = True
        return tuple(path for path, _ in self._staged)

    def _keep(self, path: str) -> str | None:
        """A second name for what is in `path`, to put it back; empty when nothing is there, None when it cannot be."""
        if not os.path.lexists(path):
            return ""
        kept = self._name_in(os.path.dirname(path))
        try:
            os.link(path, kept, follow_symlinks=False)
        except (OSError, NotImplementedError):
            return None
        self._aside.append(kept)
        return kept

    def _make(self, folder: str) -> None:
        if not folder or os.path.isdir(folder):
            return
        self._make(os.path.dirname(folder))
        try:
            os.mkdir(folder)
        except FileExistsError:
            if not os.path.isdir(folder):
                raise OutputError(f'cannot write into "{folder}": it is not a folder') from None
        else:
            self._folders.append(folder)

    def _name_in(self, folder: str) -> str:
        # Short, so that no name is too long that is not too long by itself.
        return os.path.join(folder, f".idlc-{os.urandom(6).hex()}")

    def __exit__(self, *_: object) -> None:
        if not self._done:
            for path, kept in reversed(self._moved):
                if kept:
                    _quietly(os.replace, kept, path)
                elif kept is not None:
                    _quietly(os.unlink, path)
        for aside in self._aside:
            _quietly(os.unlink, aside)
        if not self._done:
            for folder in reversed(self._folders):
                _quietly(os.rmdir, folder)


def _sweep(folder: str) -> None:
    """Delete what a run that was killed has left beside its outputs a day ago or earlier."""
    with suppress(OSError), os.scandir(folder or os.curdir) as found:
        for entry in found:
            if _ASIDE.fullmatch(entry.name) and time.time() - entry.stat(follow_symlinks=False).st_ctime > _DAY:
                _quietly(os.unlink, entry.path)


def _quietly(action: Callable[..., None], *paths: str) -> None:
    """Clean up as far as it goes; what was wrong before that is what is reported."""
    try:
        action(*paths)
    except OSError:
        pass


@contextmanager
def _naming(path: str) -> Iterator[None]:
    """Turn what the system says into an error that names the output."""
    try:
        yield
    except OSError as error:
        raise OutputError(f'cannot write "{path}": {error.strerror or error}') from error
    except ValueError as error:  # a zero character
        raise OutputError(f'cannot write "{path}": {error}') from error
