"""Names inside codec functions: the IDL's own where possible, numbered where taken."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable

RESERVED = frozenset(keyword.kwlist) | frozenset(
    """
    b d at r end size order ndr Struct array Any len bytes bytearray range bool int str list tuple enumerate map zip
    min max isinstance struct
    encode decode to_guid from_guid to_handle from_handle result inputs PAD run seen narrow widen
    limits max_elements max_units max_depth
    """.split()
)

_TABLE = re.compile(
    r"(?:pack|packs|iid|lengths|reach|teach|read|reads|rows|write|load|heads|starts|join|make|split|to_wire|from_wire)\d+\Z"
)
"""Names of the factory's tables, which no local may hide."""
_FUNCTION = re.compile(r"(?:put|get|defer|finish)_")
"""Beginnings of the names of the factory's functions."""


_MODULE = RESERVED | frozenset("annotations codecs Final PATHS ndr20 ndr64".split())
"""What a codec module itself means by a name."""


def class_names(names: Iterable[str]) -> dict[str, str]:
    """How a codec module spells classes: as their own module does, but for names that it needs itself."""
    spelled: dict[str, str] = {}
    taken = set(names)
    for name in sorted(taken):
        wish = f"_{name}" if _FUNCTION.match(name) else name
        while wish in _MODULE or _TABLE.match(wish) or (wish != name and wish in taken):
            wish += "_"
        taken.add(wish)
        spelled[name] = wish
    return spelled


class Namer:
    """Hands out names that are free in one function."""

    def __init__(self, taken: frozenset[str]) -> None:
        self._taken = set(RESERVED | taken)
        self._numbers: dict[str, int] = {}
        """The last number behind each name."""

    def new(self, wish: str) -> str:
        stem = f"_{wish}" if _FUNCTION.match(wish) else wish
        if stem[-1:].isdigit() or _TABLE.match(f"{stem}2"):
            stem = f"{stem}_"
        name = wish if stem.rstrip("_") == wish and not _TABLE.match(wish) else stem
        if name in self._taken:
            number = self._numbers.get(stem, 1)
            while name in self._taken:
                number += 1
                name = f"{stem}{number}"
            self._numbers[stem] = number
        self._taken.add(name)
        return name

    def copy(self) -> Namer:
        """A namer that has handed out the same names."""
        return Namer(frozenset(self._taken))
