"""How text came to be where it is: which file includes or imports which, and which macro was expanded where.

Stages record it while they read, and the report adds it to what it says about such places.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from idlc.data import dataclass, field

if TYPE_CHECKING:
    from idlc.source.files import Span

_MOST: Final = 5
"""Files of a chain of includes that are named."""


@dataclass(slots=True)
class Origins:
    """By path, where a file is included or imported first; by place, the macro that was expanded there."""

    _includes: dict[str, Span] = field(default_factory=dict)
    _imports: dict[str, Span] = field(default_factory=dict)
    _expansions: dict[tuple[str, int], tuple[str, Span]] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """How much is known."""
        return len(self._includes) + len(self._expansions)

    def included(self, path: str, place: Span) -> None:
        self._includes.setdefault(path, place)

    def imported(self, path: str, place: Span) -> None:
        self._imports.setdefault(path, place)

    def asked_for(self, path: str) -> None:
        """The user named this file: no import led to it."""
        self._imports.pop(path, None)

    def expanded(self, path: str, offset: int, macro: str, definition: Span) -> None:
        """A macro was used at a place that stands in the text itself, not in another macro."""
        self._expansions[path, offset] = (macro, definition)

    def includer(self, path: str) -> Span | None:
        """Where a file is included."""
        return self._includes.get(path)

    def explain(self, span: Span) -> list[tuple[str, Span]]:
        """How the text at a place came there, as notes."""
        notes: list[tuple[str, Span]] = []
        expansion = self._expansions.get((span.file.path, span.start))
        if expansion is not None:
            macro, definition = expansion
            words = f'in expansion of macro "{macro}"'
            notes.append((words + (", defined on the command line" if definition.is_none else ""), definition))
        path = span.file.path
        seen = {path}
        while len(notes) < _MOST:
            place, words = self._includes.get(path), "included from here"
            if place is None:
                place, words = self._imports.get(path), "imported from here"
            if place is None or place.file.path in seen:
                break
            notes.append((words, place))
            path = place.file.path
            seen.add(path)
        return notes
