"""Pipe chunks on the wire, both syntaxes.

A pipe is a run of counted chunks ended by an empty one; in NDR64 each chunk is also closed by its negated
count. Chunks may straddle fragments and elements may straddle both, so the parser keeps its place between
calls. It strips the framing and hands on octets in which every element fills its whole stride; nothing is
allocated from a count, because the count comes from the peer.
"""

from __future__ import annotations

import sys
from enum import Enum, auto
from struct import Struct
from typing import Protocol

from idlrt.errors import NdrError

# MS-RPCE 2.2.5.3.4.5 bounds an NDR64 chunk; C706 14.3.9 leaves an NDR chunk its 32 bits.
MOST_NDR64 = 0x7FFFFFFF
MOST_NDR20 = 0xFFFFFFFF


class Layout(Protocol):
    """How the elements of a pipe lie one behind the other."""

    @property
    def size(self) -> int:
        """Octets of one element without what separates it from the next."""

    @property
    def align(self) -> int:
        """Alignment of an element, counted from the start of the stub."""

    @property
    def stride(self) -> int:
        """Octets from one element to the next in the same chunk."""


class _Frame:
    """The words that frame a chunk in one transfer syntax."""

    __slots__ = ("least", "most", "word", "width")

    def __init__(self, order: str, wide: bool, least: int = 0, most: int = sys.maxsize) -> None:
        self.word = Struct(order + ("Q" if wide else "I"))
        self.width = self.word.size
        self.least = least
        self.most = min(most, MOST_NDR64 if wide else MOST_NDR20)


class ChunkWriter:
    """Frames blocks of one pipe. `at` is the position in the stub, of which only the rest modulo 8 matters."""

    __slots__ = ("_frame", "_layout", "_wide")

    def __init__(
        self, layout: Layout, order: str, wide: bool = False, *, least: int = 0, most: int = sys.maxsize
    ) -> None:
        self._frame = _Frame(order, wide, least, most)
        self._layout = layout
        self._wide = wide

    @property
    def most(self) -> int:
        """How many elements one chunk may hold."""
        return self._frame.most

    def head(self, count: int, at: int) -> bytes:
        """What precedes the elements of a chunk; for a count of 0 the whole end of the pipe."""
        frame = self._frame
        if not frame.least <= count <= frame.most and count:
            bound = f"at least {frame.least}" if count < frame.least else f"at most {frame.most}"
            raise NdrError(f"a chunk holds {bound} elements, not {count}")
        gap = -at % frame.width
        head = bytes(gap) + frame.word.pack(count)
        if count:
            return head + bytes(-(at + len(head)) % self._layout.align)
        return head + bytes(8) if self._wide else head

    def octets(self, count: int) -> int:
        """Length of the elements of a chunk."""
        layout = self._layout
        return (count - 1) * layout.stride + layout.size if count else 0

    def tail(self, count: int, at: int) -> bytes:
        """What follows the elements of a chunk: nothing in NDR, the negated count in NDR64."""
        if not self._wide:
            return b""
        return bytes(-at % 8) + self._frame.word.pack(-count & 0xFFFFFFFFFFFFFFFF)


class _Phase(Enum):
    COUNT = auto()
    ELEMENTS = auto()
    TRAILER = auto()
    ENDED = auto()


class ChunkParser:
    """Finds the elements of one pipe in the octets of a stub, however these were cut; `least` to `most` in a chunk."""

    __slots__ = ("_count", "_frame", "_gap", "_layout", "_left", "_phase", "_skip", "_wide", "_word", "plain", "runs")

    def __init__(
        self, layout: Layout, order: str, wide: bool = False, *, least: int = 0, most: int = sys.maxsize
    ) -> None:
        self._frame = _Frame(order, wide, least, most)
        self._layout = layout
        self._gap = bytes(layout.stride - layout.size)
        self._wide = wide
        self._phase = _Phase.COUNT
        self._skip = -1  # octets of padding still to pass; -1: depends on where the next octet lies
        self._word = b""
        self._count = 0
        self._left = 0  # octets of elements still to come in this chunk
        self.runs: list[memoryview | bytes] = []  # octets of elements, views of what was fed; the caller empties it
        # So many octets to come are elements and nothing else. A caller that is fed less than that may itself append
        # to `runs` and subtract: a fragment inside a chunk is by far the most frequent case.
        self.plain = 0

    @property
    def ended(self) -> bool:
        """Whether the empty chunk was read."""
        return self._phase is _Phase.ENDED

    def feed(self, view: memoryview, at: int) -> int:
        """Take octets that start at stub position `at`; how many of them belong to this pipe.

        Raises `NdrError` for a count or a trailer that cannot be.
        """
        size = len(view)
        if self.plain:
            self._left = self.plain
            self.plain = 0
        i = 0
        while i < size and self._phase is not _Phase.ENDED:
            if self._skip:
                if self._skip < 0:
                    self._skip = -(at + i) % self._alignment()
                step = min(self._skip, size - i)
                self._skip -= step
                i += step
            elif self._phase is _Phase.ELEMENTS:
                step = min(self._left, size - i)
                self.runs.append(view[i : i + step])
                self._left -= step
                i += step
                if not self._left:
                    if self._gap:
                        self.runs.append(self._gap)
                    self._enter(_Phase.TRAILER if self._wide else _Phase.COUNT)
            else:
                step = min(self._frame.width - len(self._word), size - i)
                self._word += view[i : i + step]
                i += step
                if len(self._word) == self._frame.width:
                    (word,) = self._frame.word.unpack(self._word)
                    self._word = b""
                    self._read_word(word)
        if self._phase is _Phase.ELEMENTS and not self._skip:
            self.plain = self._left
        return i

    def _alignment(self) -> int:
        return self._layout.align if self._phase is _Phase.ELEMENTS else self._frame.width

    def _enter(self, phase: _Phase) -> None:
        self._phase = phase
        self._skip = -1

    def _read_word(self, word: int) -> None:
        if self._phase is _Phase.COUNT:
            frame = self._frame
            if not frame.least <= word <= frame.most and word:
                bound = f"at least {frame.least}" if word < frame.least else f"at most {frame.most}"
                raise NdrError(f"a pipe chunk claims {word} elements, {bound} are allowed")
            self._count = word
            if word:
                self._left = (word - 1) * self._layout.stride + self._layout.size
                self._enter(_Phase.ELEMENTS)
            else:
                self._enter(_Phase.TRAILER if self._wide else _Phase.ENDED)
        else:
            if word != -self._count & 0xFFFFFFFFFFFFFFFF:
                raise NdrError(f"a pipe chunk of {self._count} elements does not end with its negated count")
            self._enter(_Phase.COUNT if self._count else _Phase.ENDED)
