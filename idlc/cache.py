"""Work done before, kept in the user's own cache folder.

An entry is found by what it was made from, never by a name or a date: `key` digests the content that a result depends
on together with this tool and this Python, so an entry is either right or not found. What cannot be read, is damaged
or belongs to somebody else is as good as absent; what cannot be written is not kept. Nothing here is needed for a
correct result, and nothing is ever reported.

Entries are plain data in `marshal`'s form (None, numbers, strings, bytes, tuples, lists, dicts), so reading one makes
no objects of ours and runs no code; a digest in front of it is compared first. The folder is used only when it belongs
to the user and nobody else may look into it. Entries are written aside and moved into place, so that any number of
runs can share the folder, and the oldest go when it grows beyond its size.

IDLC_CACHE_DIR names another folder; IDLC_CACHE=off does without.
"""

from __future__ import annotations

import marshal
import os
import stat
import sys
import time

from idlc.version import VERSION

try:
    from _blake2 import blake2b  # what hashlib gives, without the milliseconds that loading OpenSSL takes
except ImportError:
    from hashlib import blake2b

TYPE_CHECKING = False
if TYPE_CHECKING:  # a run that has nothing to do loads nothing that it can do without
    from typing import Any, Final

MAX_ENTRY: Final = 32 << 20
"""Octets of one entry; what is larger is not kept."""
MAX_TOTAL: Final = 256 << 20
"""Octets of all entries; beyond that the least recently used go."""

_OFF: Final = frozenset(["off", "0", "no", "none", "false"])
_MAGIC: Final = b"idlc\1\n"
_DIGEST: Final = 16
_DAY: Final = 86_400
_SELDOM = 16
"""A process looks at the whole folder at its first entry, but only where chance, the entry's key, is one in so many."""
_written = 0
"""Octets that this process has added since it last looked at the whole folder, or began."""


def key(*parts: str | bytes) -> str:
    """The name of what is made from `parts` by this version of the tool on this version of Python."""
    digest = blake2b(_tool(), digest_size=20)
    for part in parts:
        octets = part if isinstance(part, bytes) else part.encode("utf-8", "surrogatepass")
        digest.update(b"%d:" % len(octets))
        digest.update(octets)
    return digest.hexdigest()


def usable() -> bool:
    """Whether anything can be kept at all."""
    return _folder() is not None


def load(kind: str, key: str) -> Any:
    """The value that was stored under `key`, or None. `kind` is a word that says what it is, such as "grammar"."""
    folder = _folder()
    if folder is None:
        return None
    path = os.path.join(folder, f"{kind}-{key}")
    try:
        descriptor = os.open(path, os.O_RDONLY | _NO_LINKS)
        with open(descriptor, "rb") as stream:
            known = os.fstat(descriptor)
            if not _is_ours(known) or not stat.S_ISREG(known.st_mode):
                return None
            data = stream.read()
        if time.time() - known.st_mtime > _DAY:
            os.utime(path)  # in use: the last to go
    except OSError:
        return None
    start = len(_MAGIC) + _DIGEST
    content = memoryview(data)[start:]
    if data[: len(_MAGIC)] != _MAGIC or blake2b(content, digest_size=_DIGEST).digest() != data[len(_MAGIC) : start]:
        return None
    try:
        return marshal.loads(content)
    except (EOFError, ValueError, TypeError):
        return None


def store(kind: str, key: str, value: Any) -> None:
    """Keep `value`, plain data, under `key`. Does nothing where that is not possible."""
    global _written
    folder = _folder()
    if folder is None:
        return
    try:
        content = marshal.dumps(value)
    except ValueError:  # nested too deeply, or no plain data after all
        return
    if len(content) > MAX_ENTRY:
        return
    aside = os.path.join(folder, f".{os.getpid()}-{time.monotonic_ns()}")
    try:
        descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY | _NO_LINKS, 0o600)
        try:
            with open(descriptor, "wb") as stream:
                stream.write(_MAGIC + blake2b(content, digest_size=_DIGEST).digest() + content)
            os.replace(aside, os.path.join(folder, f"{kind}-{key}"))
        except OSError:
            os.unlink(aside)
            return
    except OSError:
        return
    if (_written == 0 and int(key[:4], 16) % _SELDOM == 0) or _written > MAX_TOTAL // 8:
        _written = 0
        _prune(folder)
    _written += len(content)


def _prune(folder: str) -> None:
    """Delete the least recently used entries until the folder has room again, and what crashed runs left behind."""
    now = time.time()
    entries: list[tuple[float, int, str]] = []
    try:
        with os.scandir(folder) as found:
            for entry in found:
                known = entry.stat(follow_symlinks=False)
                abandoned = entry.name.startswith(".") and now - known.st_mtime > _DAY
                entries.append((0.0 if abandoned else known.st_mtime, known.st_size, entry.path))
    except OSError:
        return
    total = sum(size for _, size, _ in entries)
    room = MAX_TOTAL if total <= MAX_TOTAL else MAX_TOTAL * 3 // 4
    for used, size, path in sorted(entries):
        if total <= room and used:
            return
        try:
            os.unlink(path)
        except OSError:
            pass
        total -= size


# ---------------------------------------------------------------------------- whose folder

_NO_LINKS: Final = getattr(os, "O_NOFOLLOW", 0)
_BINARY: Final = getattr(os, "O_BINARY", 0)


def _folder() -> str | None:
    """The folder of entries, made when it is missing; None when there is none to use."""
    environment = os.environ
    if environment.get("IDLC_CACHE", "").lower() in _OFF:
        return None
    return _usable(environment.get("IDLC_CACHE_DIR") or _place())


def _place() -> str:
    """Where the system keeps what a user's programs can make again."""
    home = os.path.expanduser("~")
    if sys.platform == "win32":
        return os.path.join(os.environ.get("LOCALAPPDATA") or home, "idlc", "Cache")
    if sys.platform == "darwin":
        return os.path.join(home, "Library", "Caches", "idlc")
    given = os.environ.get("XDG_CACHE_HOME", "")
    # A relative path is invalid there and to be ignored (XDG Base Directory Specification).
    return os.path.join(given if os.path.isabs(given) else os.path.join(home, ".cache"), "idlc")


_known_folders: dict[str, str | None] = {}


def _usable(folder: str) -> str | None:
    """The folder itself if it is ours and closed to everybody else, else None."""
    if folder not in _known_folders:
        _known_folders[folder] = _looked_at(folder)
    return _known_folders[folder]


def _looked_at(folder: str) -> str | None:
    if not os.path.isabs(folder) and folder.startswith("~"):
        return None  # there is no home
    try:
        os.makedirs(os.path.dirname(os.path.abspath(folder)), exist_ok=True)
        try:
            os.mkdir(folder, 0o700)
        except FileExistsError:
            pass
        known = os.lstat(folder)
    except (OSError, ValueError):
        return None
    return folder if stat.S_ISDIR(known.st_mode) and _is_ours(known) else None


def _is_ours(known: os.stat_result) -> bool:
    """Whether a file belongs to us and is closed to everybody else. On Windows the user's own folder sees to it."""
    return sys.platform == "win32" or (known.st_uid == os.geteuid() and not known.st_mode & 0o077)


_known_tool = b""


def _tool() -> bytes:
    """This tool and this Python, in short. Sources count by size and date, so that who changes them needs no care."""
    global _known_tool
    if not _known_tool:
        _known_tool = _this_tool()
    return _known_tool


def _this_tool() -> bytes:
    parts = [VERSION, str(sys.implementation.cache_tag), f"{sys.hexversion:x}"]
    folders = [os.path.dirname(os.path.abspath(__file__))]
    for folder in folders:
        try:
            with os.scandir(folder) as found:
                for entry in sorted(found, key=lambda entry: entry.name):
                    if entry.name.endswith((".py", ".lark")):
                        known = entry.stat()
                        parts.append(f"{entry.name} {known.st_size} {known.st_mtime_ns}")
                    elif "." not in entry.name and not entry.name.startswith("_"):
                        folders.append(entry.path)
        except OSError:
            pass  # not from a folder: the version must do
    return "\0".join(parts).encode()
