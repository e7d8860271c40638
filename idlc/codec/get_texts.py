"""Reading a structure's wide strings as slices of one decoded text.

What NDR puts around UTF-16 text is a sequence of 16-bit units as well. Where all that a structure leaves for later is
a few strings, a window of the data is decoded at once and the strings are its slices. Strings that the window does
not reach, wrong ones and characters beyond the BMP are read one by one: the same values, and errors come from there.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from idlc.codec.expressions import cut
from idlc.codec.phase import Phase, known
from idlc.codec.reading import Reading
from idlc.semantics.types import PointerKind
from idlc.wire.steps import RecordUse, Referent

if TYPE_CHECKING:
    from idlc.codec.get import Get

_FEWEST = 2
"""A string alone is read faster by itself."""
_OCTETS = 256
"""Room in the window for each string with its counts; most names, paths and remarks are shorter."""
_WIDEST = 1024


def windowed(get: Get, reading: Reading, path: str) -> bool:
    """Reads the strings that a record has left, if a window is the way to; they replace the referent ids."""
    step = reading.step
    if get.texts or not (get.shared.flat(step) and get.shared.only_texts(step)):
        return False
    left = [*_left(reading, path)]
    width = get.layout.count_width
    get.flush()
    if len(left) < _FEWEST or get.phase.pad(width) != 0:
        return False
    ends = {*get.phase.residues(), *Phase(2, 0).residues()}
    ids = [part.local for part, _ in left]
    for part, _ in left:
        part.local = get.names.new(part.local)
    text, octets = get.names.new("text"), get.names.new("octets")
    window = cut("d", get.place(), get.place(min(_OCTETS * len(left), _WIDEST)))
    get.line(f'{text}, {octets} = decode({window}, "surrogatepass")')
    reaches = get.shared.table("lengths", f'ndr.text_reaches(order, "{get.shared.syntax.pointer}", max_units)')
    with get.block("try:"):
        _slices(get, ids, left, text, octets, get.shared.table("reach", f"{reaches}[0]"))
    with get.block("except LookupError:"):
        get.line(f"{get.shared.table('teach', f'{reaches}[1]')}({text})")
        _one_by_one(get, ids, left)
    get.base, get.offset, get.phase = "at", 0, known(ends)
    return True


def _left(reading: Reading, path: str) -> Iterator[tuple[Reading, str]]:
    """The referents inside a record, in the order in which what they lead to travels."""
    match reading.step:
        case Referent():
            yield reading, path
        case RecordUse():
            for name, part in reading.parts.items():
                yield from _left(part, f"{path}.{name}")
        case _:
            for name, part in reading.parts.items():
                yield from _left(part, f"{path}[{name}]")


def _slices(get: Get, ids: list[str], left: list[tuple[Reading, str]], text: str, octets: str, reach: str) -> None:
    """The way of most data; a LookupError leaves it.

    A string's length is looked up by what stands before it: its counts, behind the end of the string before it. So one
    look sees that both are right, and only the last string's end is looked at by itself.
    """
    begin, stop = get.names.new("begin"), get.names.new("stop")
    units = get.layout.count_width // 2
    with get.block(f"if 2 * len({text}) != {octets}:"):  # a unit is not always a character
        get.line("raise IndexError")
    before, start = f":{3 * units}", f"{3 * units}"
    absent: tuple[str, ...] = (f"{stop} = None", f"{begin} = {3 * units}")
    for id_, (part, path) in zip(ids, left, strict=True):
        with _present(get, id_, part, path, absent):
            get.line(f"{stop} = {start} + {reach}[{text}[{before}]]")
            get.line(f"{part.local} = {text}[{start}:{stop}]")
            if part is not left[-1][0]:
                get.line(f"{begin} = {stop} + {4 * units} & -{units}")
        before, start, absent = f"{stop}:{begin}", begin, ()
    with get.block(f"if {stop} is None:"):
        get.line(f"at = {get.place()}")
    with get.block(f'elif {text}[{stop}] == "\\0":'):
        get.line(f"at = {get.place(2)} + 2 * {stop}")
    with get.block("else:"):
        get.line("raise IndexError")


def _one_by_one(get: Get, ids: list[str], left: list[tuple[Reading, str]]) -> None:
    for id_, (part, path) in zip(ids, left, strict=True):
        alone = Reading(part.step, id_)
        get.deferred(alone, None, path)
        get.line(f"{part.local} = {alone.local}")
    get.settle()


@contextmanager
def _present(get: Get, id_: str, part: Reading, path: str, absent: tuple[str, ...]) -> Iterator[None]:
    """What is done for a string that is there; `absent` is for one that is not."""
    assert isinstance(part.step, Referent)
    if part.step.kind is PointerKind.REF:
        get.reject(f"not {id_}", "ndr.null_ref()", path)
        yield
        return
    with get.block(f"if {id_}:"):
        yield
    with get.block("else:"):
        get.line(f"{part.local} = None")
        for line in absent:
            get.line(line)
