"""`#pragma pack`: how closely C lays out the structures that follow.

The wire has alignment rules of its own (C706 14.2.2), so this is recorded with each structure and changes no octet.
"""

from __future__ import annotations

import re

from idlc.data import dataclass, field

SIZES = frozenset({1, 2, 4, 8, 16})
"""What a structure can be packed to."""

_PACK = re.compile(r"pack\s*\((.*)\)\s*\Z", re.DOTALL)
_Mark = tuple[str, int | None]


@dataclass(slots=True)
class Packing:
    """The packing in force while a file is read from its beginning."""

    current: int | None = None
    """In octets; None for the default of the C compiler."""
    marks: list[_Mark] = field(default_factory=list)
    """What was pushed, under the names it was pushed with."""

    def read(self, pragma: str) -> None:
        """Obey the text of a `#pragma`, if it is one of these."""
        found = _PACK.match(pragma)
        if found is None:
            return
        words = [word.strip() for word in found[1].split(",")]
        sizes = [int(word, 0) for word in words if re.fullmatch(r"[1-9][0-9]?", word)]
        name = next((word for word in words[1:] if word.isidentifier()), "")
        if words[0] == "push":
            self.marks.append((name, self.current))
        elif words[0] == "pop":
            self._pop(name)
        elif words == [""]:
            self.current = None
        if sizes and sizes[0] in SIZES:
            self.current = sizes[0]

    def _pop(self, name: str) -> None:
        """Back to the last mark, or to the last of that name."""
        at = next((at for at in reversed(range(len(self.marks))) if not name or self.marks[at][0] == name), None)
        if at is not None:
            self.current = self.marks[at][1]
            del self.marks[at:]
