"""Generated files onto disk: all of them or none, untouched where equal, never outside the output folder."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path


class OutputError(Exception):
    """Outputs that cannot be written; the message names the file and the reason."""


def write(files: Mapping[str, str], folder: Path) -> tuple[str, ...]:
    """Writes `files` (relative name -> text) below `folder` and returns the names that changed.

    Everything is written beside its place first and moved only when all of it could be written.

    Raises:
        OutputError: the folder or a file cannot be written, a name leads outside, or a place is not a regular file.
    """
    pending: list[tuple[str, Path, Path]] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            place = _inside(folder, name)
            data = text.encode("utf-8")
            if _holds(place, data):
                continue
            handle, temporary = tempfile.mkstemp(prefix=f".{place.name}.", dir=place.parent)
            pending.append((name, Path(temporary), place))
            with os.fdopen(handle, "wb") as stream:
                stream.write(data)
            os.chmod(temporary, 0o666 & ~_umask())
        while pending:
            name, made, place = pending[0]
            os.replace(made, place)
            pending.pop(0)
    except OSError as error:
        raise OutputError(f'cannot write "{error.filename or folder}": {error.strerror or error}') from error
    finally:
        for _, made, _ in pending:
            made.unlink(missing_ok=True)
    return tuple(files)


def _inside(folder: Path, name: str) -> Path:
    place = folder / name
    if Path(name).name != name or name in ("", ".", ".."):
        raise OutputError(f'the output name "{name}" is not a plain file name')
    try:
        mode = place.lstat().st_mode
    except FileNotFoundError:
        return place
    if not stat.S_ISREG(mode):
        raise OutputError(f'cannot write "{place}": it is not a regular file')
    return place


def _holds(place: Path, data: bytes) -> bool:
    try:
        return place.read_bytes() == data
    except FileNotFoundError:
        return False


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
