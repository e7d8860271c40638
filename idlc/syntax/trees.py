"""Trees that were parsed before, in the user's cache: a file that is imported again and again is parsed once.

Only files are kept whose tree follows from their own text: they include nothing, use no macros of their own, and
nothing was said about them. They are found by that text, so nothing can be out of date.
"""

from __future__ import annotations

import io
import re
from typing import Any, Final

from idlc import cache
from idlc.data import replace
from idlc.source.files import SourceFile
from idlc.source.preprocess import Options
from idlc.syntax import ast

_LEAST: Final = 500
"""Characters of a file that is worth it."""
_INCLUDES: Final = re.compile(r"^\s*#\s*include\b", re.MULTILINE)

_reading: SourceFile | None = None
"""The file whose tree is being put together from the cache."""


def key(source: SourceFile, options: Options | None) -> str | None:
    """What the tree of a file is kept under; None for a file that is not kept."""
    if len(source.text) < _LEAST or not cache.usable() or _INCLUDES.search(source.text) is not None:
        return None
    return cache.key(source.name, repr(options), source.text)


def load(key: str, source: SourceFile) -> ast.File | None:
    """The tree of `source`, or None."""
    global _reading
    octets = cache.load("tree", key)
    if not isinstance(octets, bytes):
        return None
    from _pickle import loads

    _reading = source
    try:
        tree = loads(octets)  # from the user's own folder only, see cache.py
    except Exception:  # whatever is wrong with it, it can be parsed again
        return None
    finally:
        _reading = None
    return tree if isinstance(tree, ast.File) else None


def store(key: str, source: SourceFile, tree: ast.File) -> None:
    """Keep the tree of `source`."""
    import pickle

    out = io.BytesIO()
    pickler = pickle.Pickler(out, 5)
    pickler.dispatch_table = {SourceFile: lambda file: (_source, (file.name, file.line_shift))}
    try:
        pickler.dump(tree)
    except (pickle.PicklingError, RecursionError):
        return
    cache.store("tree", key, out.getvalue())


def _source(name: str, line_shift: int) -> Any:
    assert _reading is not None
    if (name, line_shift) == (_reading.name, _reading.line_shift):
        return _reading
    return replace(_reading, name=name, line_shift=line_shift)  # what a #line made of it
