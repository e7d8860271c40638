"""The prelude in memory: what one compilation has read and bound of it, the next one of the same process needs not.

Build tools, import hooks and editors compile many small files that import the same large ones. A prelude file is kept
when it depends on nothing but itself, what it imports of the prelude, and options that are part of the key; what is
kept is never changed by anybody. Whoever replaces a prelude file gets its own.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, Any, Final

from idlc.data import fields

if TYPE_CHECKING:
    from idlc.semantics.types import BoundFile
    from idlc.settings import Settings
    from idlc.source.files import SourceFile
    from idlc.syntax import ast

_ROOM: Final = 200
"""Trees and bound files; a few sets of options have room."""
_INDIFFERENT: Final = frozenset(
    "include memory policy acf search_here dialect ms_union client server protocol pause_collector".split()
)
"""Settings that the prelude does not depend on, because it is always compiled as Microsoft's language."""

_trees: dict[Hashable, ast.File] = {}
_bound: dict[Hashable, tuple[BoundFile, tuple[BoundFile, ...]]] = {}


def tree(source: SourceFile, settings: Settings) -> ast.File | None:
    """The tree of a prelude file, if it is known."""
    return _trees.get((source, _options(settings)))


def keep_tree(source: SourceFile, settings: Settings, tree: ast.File) -> None:
    """Remember the tree of a prelude file about which there was nothing to say and that includes nothing."""
    if len(_trees) >= _ROOM:
        _trees.clear()
    _trees[source, _options(settings)] = tree


def bound(source: SourceFile, settings: Settings, imported: Mapping[str, BoundFile]) -> BoundFile | None:
    """The bound types of a prelude file that imports these, if they are known."""
    found = _bound.get(_key(source, settings, imported))
    return None if found is None else found[0]


def keep_bound(source: SourceFile, settings: Settings, imported: Mapping[str, BoundFile], bound: BoundFile) -> None:
    """Remember the bound types of a prelude file about which there was nothing to say."""
    if len(_bound) >= _ROOM:
        _bound.clear()
    # What it imports is held as well, so that their identities in the key stay theirs.
    _bound[_key(source, settings, imported)] = bound, tuple(imported.values())


def _key(source: SourceFile, settings: Settings, imported: Mapping[str, BoundFile]) -> Hashable:
    return source, _options(settings), tuple((name, id(file)) for name, file in imported.items())


def _options(settings: Settings) -> tuple[Any, ...]:
    return tuple(getattr(settings, each.name) for each in fields(settings) if each.name not in _INDIFFERENT)
