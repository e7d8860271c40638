"""Names inside codec functions: the IDL's own where possible, numbered where taken."""

from __future__ import annotations

import re

RESERVED = frozenset(
    """
    b d at r end size order ndr Struct array Any None True False and or not if else for in is def return yield raise
    del len bytes bytearray range bool int str list tuple enumerate map zip min max isinstance struct
    encode decode to_guid from_guid to_handle from_handle result inputs PAD run seen narrow widen
    """.split()
)

_SHARED = re.compile(r"(?:pack|packs|read|reads|rows|write|load)\d+\Z|(?:put|get|defer|finish)_")
"""Names of the factory's tables and functions, which no local may hide."""


class Namer:
    """Hands out names that are free in one function."""

    def __init__(self, taken: frozenset[str]) -> None:
        self._taken = set(RESERVED | taken)

    def new(self, wish: str) -> str:
        name = wish
        number = 1
        while name in self._taken or _SHARED.match(name):
            number += 1
            name = f"{wish}{number}"
            if wish[-1:].isdigit() or _SHARED.match(name):
                name = f"{wish}_{number}"
        self._taken.add(name)
        return name

    def copy(self) -> Namer:
        """A namer that has handed out the same names."""
        return Namer(frozenset(self._taken))
