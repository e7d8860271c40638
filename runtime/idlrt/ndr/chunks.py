"""Pipe chunks on the wire, both syntaxes.

A pipe is a run of counted chunks ended by an empty one; in NDR64 each chunk is also closed by its negated
count. Chunks may straddle fragments and elements may straddle both, so the parser keeps its place between
calls. It strips the framing and hands on octets in which every element fills its whole stride; nothing is
allocated from a count, because the count comes from the peer.
"""

from __future__ import annotations

import sys
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


# What a parser is at. Plain numbers: several of them are looked at for every fragment.
_COUNT, _ELEMENTS, _TRAILER, _ENDED = range(4)


class ChunkParser:
    """Finds the elements of one pipe in the octets of a stub, however these were cut; `least` to `most` in a chunk."""

    __slots__ = (
        "_align",
        "_count",
        "_frame",
        "_gap",
        "_layout",
        "_left",
        "_phase",
        "_skip",
        "_unpack",
        "_wide",
        "_word",
        "ended",
        "plain",
        "runs",
    )

    def __init__(
        self, layout: Layout, order: str, wide: bool = False, *, least: int = 0, most: int = sys.maxsize
    ) -> None:
        self._frame = frame = _Frame(order, wide, least, most)
        self._unpack = frame.word.unpack_from
        self._layout = layout
        self._gap = bytes(layout.stride - layout.size)
        self._wide = wide
        self._phase = _COUNT
        self._align = frame.width  # of what comes next
        self._skip = -1  # octets of padding still to pass; -1: depends on where the next octet lies
        self._word = b""
        self._count = 0
        self._left = 0  # octets of elements still to come in this chunk
        self.ended = False
        """Whether the empty chunk was read."""
        self.runs: list[memoryview | bytes] = []
        """Octets of elements, views of what was fed; the caller empties it."""
        self.plain = 0
        """So many octets to come are elements and nothing else.

        A caller that is fed less than that may itself append to `runs` and subtract: fragments inside a chunk are by
        far the most frequent case.
        """

    def feed(self, view: memoryview, at: int) -> int:
        """Take octets that start at stub position `at`; how many of them belong to this pipe.

        Raises `NdrError` for a count or a trailer that cannot be.
        """
        size = len(view)
        runs, gap, wide, layout = self.runs, self._gap, self._wide, self._layout
        phase, align, skip, left = self._phase, self._align, self._skip, self.plain or self._left
        i = 0
        while i < size and phase != _ENDED:
            if skip < 0:
                skip = -(at + i) % align
            if skip:
                step = min(skip, size - i)
                skip -= step
                i += step
            elif phase == _ELEMENTS:
                stop = i + left
                if stop > size:
                    runs.append(view[i:])
                    left -= size - i
                    i = size
                else:
                    runs.append(view[i:stop])
                    i = stop
                    left = 0
                    if gap:
                        runs.append(gap)
                    phase, align, skip = (_TRAILER if wide else _COUNT), self._frame.width, -1
            else:
                if size - i >= align and not self._word:
                    (word,) = self._unpack(view, i)
                    i += align
                else:
                    step = min(align - len(self._word), size - i)
                    self._word += view[i : i + step]
                    i += step
                    if len(self._word) < align:
                        break
                    (word,) = self._unpack(self._word)
                    self._word = b""
                phase, skip = self._after(phase, word), -1
                if phase == _ELEMENTS:
                    left = (word - 1) * layout.stride + layout.size
                    align = layout.align
        self._phase, self._align, self._skip, self._left = phase, align, skip, left
        self.plain = left if phase == _ELEMENTS and not skip else 0
        return i

    def _after(self, phase: int, word: int) -> int:
        """What follows a count or a trailer."""
        if phase == _COUNT:
            frame = self._frame
            if not frame.least <= word <= frame.most and word:
                bound = f"at least {frame.least}" if word < frame.least else f"at most {frame.most}"
                raise NdrError(f"a pipe chunk claims {word} elements, {bound} are allowed")
            self._count = word
            if word:
                return _ELEMENTS
            if self._wide:
                return _TRAILER
        else:
            if word != -self._count & 0xFFFFFFFFFFFFFFFF:
                raise NdrError(f"a pipe chunk of {self._count} elements does not end with its negated count")
            if self._count:
                return _COUNT
        self.ended = True
        return _ENDED
