"""Strings that follow one another, moved as one text.

What NDR puts around UTF-16 text is a sequence of 16-bit units as well: counts, terminator, padding. So the strings
that the rows of an array point at are one text, encoded by one call, and decoded in windows of which strings are
slices. That holds while a character is a unit; where one lies beyond the BMP its surrogates are written apart, or
the window is read string by string. The octets, the values and the errors are the same.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Generator, Mapping, Sequence
from struct import Struct
from typing import Any

from idlrt.ndr.failures import bad_string
from idlrt.ndr.limits import too_wide
from idlrt.ndr.movers import PAD, text_codec

_REMEMBERED = 1024
"""What stands around strings of fewer units than this is kept."""
_KEPT = 4096
"""So many are kept, as padding may be anything."""
_FEW = 12
"""So few strings are gathered one by one."""
_FIRST_WINDOW = 1024
_WIDEST_WINDOW = 65536
"""Octets that are decoded at once: windows grow with what is read, so that few strings cost little."""
_BEYOND = re.compile("[\U00010000-\U0010ffff]")


class _ByLength(dict[int, str]):
    """What stands before or behind a string, by its units without the terminator; made when first needed."""

    def __init__(self, make: Callable[[int], str]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, units: int) -> str:
        made = self._make(units)
        if units < _REMEMBERED:
            self[units] = made
        return made


def text_heads(order: str, letter: str) -> tuple[Mapping[int, str], ...]:
    """For each padding in units, what stands before a string, by its units without the terminator."""
    _, decode = text_codec(order)
    pack = Struct(f"{order}3{letter}").pack

    def before(gap: str) -> Mapping[int, str]:
        return _ByLength(lambda units: gap + decode(pack(units + 1, 0, units + 1), "surrogatepass", True)[0])

    return tuple(before("\0" * gap) for gap in range(Struct(order + letter).size // 2))


def text_writer(order: str, letter: str) -> Callable[..., bytes]:
    """Writes wide strings, each with its counts, one after another (C706 14.3.4).

    Args:
        order: "<" or ">". letter: the struct letter of a count.

    Returns:
        A function of the texts, None for a null pointer, and of the position modulo 8, that gives their octets.
    """
    encode, _ = text_codec(order)
    width = Struct(order + letter).size
    heads = text_heads(order, letter)[0]
    ends = _ByLength(lambda units: "\0" * (1 + -(units + 1) % (width // 2)))
    head, end = heads.__getitem__, ends.__getitem__

    def write(texts: Sequence[str | None], at: int = 0) -> bytes:
        parts: list[str] = []
        if len(texts) <= _FEW:
            for text in texts:
                if text is not None:
                    length = len(text)
                    parts += heads[length], text, ends[length]
        else:  # the same, column by column
            given = [text for text in texts if text is not None]
            lengths = [*map(len, given)]
            parts = [""] * (3 * len(given))
            parts[0::3] = map(head, lengths)
            parts[1::3] = given
            parts[2::3] = map(end, lengths)
        if not parts:
            return b""
        parts[-1] = "\0"  # the last one is followed by no padding
        whole = "".join(parts)
        octets = encode(whole, "surrogatepass")[0]
        if len(octets) != 2 * len(whole):
            return write([*map(_apart, parts[1::3])], at)
        return PAD[-at % width] + octets if at else octets

    return write


def _apart(text: str) -> str:
    """The text with characters beyond the BMP as their two surrogates, so that a character is a unit."""
    return _BEYOND.sub(lambda found: chr(0xD7C0 + (ord(found[0]) >> 10)) + chr(0xDC00 | ord(found[0]) & 0x3FF), text)


class _Reaches(dict[str, int]):
    """By what precedes a string, its units without the terminator; far more than there are where that is wrong.

    That is its three counts, behind the terminator and the padding of the string before it, if one is there.
    """

    def __init__(self, order: str, letter: str, widest: int) -> None:
        super().__init__()
        self._counts = Struct(f"{order}3{letter}")
        self._widest = widest
        self._encode, _ = text_codec(order)

    def __missing__(self, before: str) -> int:
        end, head = before[: -self._counts.size // 2], before[-self._counts.size // 2 :]
        octets = self._encode(head, "surrogatepass")[0]
        if len(octets) != self._counts.size or (end and end[0] != "\0"):
            return sys.maxsize
        most, first, units = self._counts.unpack(octets)
        if first or not 0 < units <= most or units > self._widest:
            return sys.maxsize
        if units == most <= _REMEMBERED and len(self) < _KEPT:
            self[before] = units - 1
        return int(units) - 1


def text_reaches(order: str, letter: str, widest: int = sys.maxsize) -> tuple[dict[str, int], Callable[[str], None]]:
    """How long strings are, by the characters before them, for those who slice a decoded text.

    Args:
        order: "<" or ">". letter: the struct letter of a count. widest: the units of a string that are allowed.

    Returns:
        Units up to the terminator, by the characters of a string's three counts or by those behind the terminator and
        the padding of another string; and what adds to it from a text that begins with a string. A plain dictionary
        is the fastest there is, so who misses something in it reads another way, and hands over the text.
    """
    known: dict[str, int] = {}
    reaches = _Reaches(order, letter, widest)
    width = Struct(order + letter).size // 2

    def teach(text: str) -> None:
        stop, begin = None, 3 * width
        while len(known) < _KEPT:
            before = text[stop:begin]
            units = reaches[before]
            if begin + units >= len(text):
                break
            known[before] = units
            stop = begin + units
            begin = stop + 4 * width & -width

    return known, teach


def text_reader(
    order: str, letter: str, widest: int = sys.maxsize
) -> Callable[[Any, int], Generator[Any, bool | None, None]]:
    """Reads wide strings, each with its counts, one after another.

    Args:
        order: "<" or ">". letter: the struct letter of a count. widest: the units of a string that are allowed.

    Returns:
        A function of the data and the position of the first string. `next()` of what it gives reads a string, or
        raises what is wrong with it; `send(True)` tells where the last one ended.
    """
    _, decode = text_codec(order)
    counts = Struct(f"{order}3{letter}")
    width = counts.size // 3
    reaches = _Reaches(order, letter, widest)

    def read_one(d: Any, at: int) -> tuple[str, int]:
        at = at + width - 1 & -width
        most, first, units = counts.unpack_from(d, at)
        if units > widest:
            raise too_wide(units, widest)
        start = at + counts.size
        end = start + 2 * units
        if first or not 0 < units <= most or end > len(d) or d[end - 2 : end] != b"\0\0":
            raise bad_string(d, first, units, most, end)
        return decode(d[start : end - 2], "surrogatepass", True)[0], end

    def read_all(d: Any, at: int) -> Generator[Any, bool | None, None]:
        if (yield None):
            yield at
        reach_of, head, mask = reaches, counts.size // 2, -(width // 2)
        behind = width // 2  # from a terminator to where padding may end
        window = _FIRST_WINDOW
        while True:
            start = at + width - 1 & -width
            text, octets = decode(d[start : start + window], "surrogatepass")
            past = start + octets
            if 2 * len(text) == octets:
                at = 0
                try:
                    while True:
                        begin = at + head
                        last = begin + reach_of[text[at:begin]]
                        if text[last] != "\0":
                            break
                        if (yield text[begin:last]):
                            yield start + 2 * last + 2
                        at = last + behind & mask
                except IndexError:
                    pass
                at = past = start + 2 * at
            # A string over the edge of the window, a wrong one, or a window in which units are not characters.
            while True:
                one, at = read_one(d, at)
                if (yield one):
                    yield at
                if at >= past:
                    break
            window = min(2 * window, _WIDEST_WINDOW)

    def read(d: Any, at: int) -> Generator[Any, bool | None, None]:
        texts = read_all(d, at)
        next(texts)
        return texts

    return read
