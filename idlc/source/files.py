"""Source files and places in them.

Everything the compiler says points at a place, so places must be cheap: a span is a file and two
offsets, and lines and columns are computed only when someone prints them.
"""

from __future__ import annotations

from bisect import bisect_right
from functools import lru_cache

from idlc.data import dataclass, field


@lru_cache(maxsize=64)
def _line_starts(text: str) -> list[int]:
    starts = [0]
    at = text.find("\n")
    while at >= 0:
        starts.append(at + 1)
        at = text.find("\n", at + 1)
    return starts


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A text with a name. Line ends are plain `\\n` here; decoding has already happened."""

    name: str
    """The name that diagnostics print; what a `#line` directive said when one is in force."""
    text: str = field(repr=False)
    line_shift: int = field(default=0, repr=False)
    """Added to every line number: the effect of a `#line` directive."""
    path: str = field(default="", repr=False)
    """Where the text was read from; empty for text from memory."""

    def line_index(self, offset: int) -> int:
        """The physical line, counted from 0, that holds `offset`."""
        return bisect_right(_line_starts(self.text), offset) - 1

    def line(self, offset: int) -> int:
        """The line number, counted from 1, that diagnostics print for `offset`."""
        return self.line_index(offset) + 1 + self.line_shift

    def column(self, offset: int) -> int:
        """The column, counted from 1 in characters."""
        return offset - _line_starts(self.text)[self.line_index(offset)] + 1

    def line_bounds(self, offset: int) -> tuple[int, int]:
        """Where the physical line around `offset` begins and ends, its end not included."""
        starts, index = _line_starts(self.text), self.line_index(offset)
        return starts[index], starts[index + 1] - 1 if index + 1 < len(starts) else len(self.text)


_NOWHERE = SourceFile("", "")


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a source file: `file.text[start:end]`."""

    file: SourceFile
    start: int
    end: int

    @staticmethod
    def none() -> Span:
        """The place of something that was not written anywhere."""
        return _NO_SPAN

    @property
    def is_none(self) -> bool:
        return self.file is _NOWHERE

    @property
    def line(self) -> int:
        return self.file.line(self.start)

    @property
    def column(self) -> int:
        return self.file.column(self.start)

    @property
    def end_position(self) -> tuple[int, int]:
        """Line and column just behind the last character."""
        return self.file.line(self.end), self.file.column(self.end)

    @property
    def text(self) -> str:
        return self.file.text[self.start : self.end]

    def to(self, other: Span) -> Span:
        """From the beginning of this to the end of `other`; this one alone if they are not in one file."""
        if other.file is not self.file or other.end < self.start:
            return self
        return Span(self.file, self.start, other.end)

    def __repr__(self) -> str:
        return "Span.none()" if self.is_none else f"<{self.file.name}:{self.line}:{self.column}>"


_NO_SPAN = Span(_NOWHERE, 0, 0)
