"""What becomes of a diagnostic: the options that make warnings errors, or keep them silent.

Stages report what they find; a `Policy` decides how it counts. An error is never silenced. A warning has a level, as
MIDL's have, and shows at that level and above; a `midl_pragma warning` governs its file from where it stands.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Final

from idlc.data import dataclass, field
from idlc.diagnostics.codes import CODES

DEFAULT_LEVEL: Final = 1
MAX_LEVEL: Final = 4
DEFAULT_MAX_ERRORS: Final = 100

LEVELS: Final[Mapping[str, int]] = dict.fromkeys(
    "MIDL2038 MIDL2039 MIDL2057 MIDL2081 MIDL2111 MIDL2213 MIDL2392 MIDL2402".split(), 2
) | dict.fromkeys("MIDL2231 MIDL2337".split(), 3)
"""The warnings that do not show at level 1: what MIDL counts as less severe, or published IDL is full of."""


def code_named(text: str) -> str | None:
    """The code that someone wrote as `MIDL2057`, `midl2057` or `2057`; None if there is none."""
    code = f"MIDL{text}" if text.isdigit() else text.upper()
    return code if code in CODES else None


@dataclass(frozen=True, slots=True)
class Policy:
    """How the diagnostics of a run count."""

    strict: bool = False
    """What MIDL documents as an error, and published IDL does nevertheless, is an error."""
    level: int = DEFAULT_LEVEL
    """Warnings up to this level show: 0 (none) to 4 (all)."""
    warnings_are_errors: bool = False
    errors: frozenset[str] = frozenset()
    """Codes whose warnings are errors."""
    silenced: frozenset[str] = frozenset()
    """Codes whose warnings do not show, unless a pragma enables them."""
    shown: frozenset[str] = frozenset()
    """Codes whose warnings show at any level but 0."""
    max_errors: int = DEFAULT_MAX_ERRORS
    """After so many errors there is silence; 0 for no bound."""

    def shows(self, code: str) -> bool:
        """Whether a warning with that code shows where no pragma speaks of it."""
        if self.level == 0 or code in self.silenced:
            return False
        return code in self.shown or LEVELS.get(code, 1) <= self.level

    def is_error(self, code: str) -> bool:
        """Whether a warning with that code is an error."""
        return self.warnings_are_errors or code in self.errors


class Ruling(Enum):
    """What a pragma says of a warning."""

    ENABLE = "enable"
    DISABLE = "disable"
    DEFAULT = "default"
    """Go by the options."""


@dataclass(slots=True)
class Pragmas:
    """What `midl_pragma warning` says, by file: for each code the places where it changes."""

    _changes: dict[tuple[str, str], list[tuple[int, Ruling]]] = field(default_factory=dict)

    def rule(self, path: str, offset: int, codes: Iterable[str], ruling: Ruling) -> None:
        """From `offset` on the ruling is in force for these codes."""
        for code in codes:
            insort(self._changes.setdefault((path, code), []), (offset, ruling), key=_offset)

    def ruling(self, path: str, offset: int, code: str) -> Ruling | None:
        """What was said last before a place of a file; None if nothing was."""
        changes = self._changes.get((path, code), ())
        at = bisect_right(changes, offset, key=_offset)
        return changes[at - 1][1] if at else None


def _offset(change: tuple[int, Ruling]) -> int:
    return change[0]
