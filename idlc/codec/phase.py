"""Where a run of fixed-size items may start, and the struct formats that follow from it.

NDR aligns from the start of the stub. After items of fixed size the position is known exactly; after a
string it is known modulo 2 or not at all. A `Phase` is that knowledge; a run whose padding depends on what
is not known gets one format for each of the eight positions, and the code picks by `position & 7`.
"""

from __future__ import annotations

from idlc.data import dataclass


@dataclass(frozen=True, slots=True)
class Phase:
    """The position is `offset` modulo `modulus` (1, 2, 4 or 8)."""

    modulus: int
    offset: int

    def after(self, octets: int) -> Phase:
        """What is known after any number of items of `octets` each, none included."""
        return known({(residue + octets * times) % 8 for residue in self.residues() for times in range(8)})

    def residues(self) -> range:
        """The positions modulo 8 that are possible."""
        return range(self.offset, 8, self.modulus)

    def pad(self, alignment: int) -> int | None:
        """The padding up to `alignment`, when it is the same wherever we are."""
        pads = {-residue % alignment for residue in self.residues()}
        return pads.pop() if len(pads) == 1 else None


START = Phase(8, 0)
UNKNOWN = Phase(1, 0)


def known(residues: set[int]) -> Phase:
    """The most that can be said of a position that is one of `residues` (modulo 8)."""
    for modulus in (8, 4, 2):
        offsets = {residue % modulus for residue in residues}
        if len(offsets) == 1:
            return Phase(modulus, offsets.pop())
    return UNKNOWN


def join(*phases: Phase) -> Phase:
    """What is known after branches that end at different phases."""
    return known({residue for phase in phases for residue in phase.residues()})


@dataclass(frozen=True, slots=True)
class Item:
    """One member of a run: `letter` as struct spells it ("" for bare alignment), and its value's spelling."""

    letter: str
    alignment: int
    size: int
    value: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    """A run laid out: one format when the start does not matter, else eight."""

    formats: tuple[str, ...]
    sizes: tuple[int, ...]
    end: Phase

    @property
    def fixed(self) -> bool:
        return len(self.formats) == 1


def lay_out(items: list[Item], start: Phase) -> Run:
    """The formats of a run that starts at `start`."""
    laid = {residue: _format(items, residue) for residue in start.residues()}
    end = known({(residue + size) % 8 for residue, (_, size) in laid.items()})
    distinct = set(laid.values())
    if len(distinct) == 1:
        text, size = distinct.pop()
        return Run((text,), (size,), end)
    every = [laid.get(residue) or _format(items, residue) for residue in range(8)]
    return Run(tuple(text for text, _ in every), tuple(size for _, size in every), end)


def _format(items: list[Item], position: int) -> tuple[str, int]:
    text = ""
    start = position
    letters: list[tuple[str, int]] = []
    for item in items:
        pad = -position % item.alignment
        if pad:
            _extend(letters, "x", pad)
        position += pad + item.size
        if item.letter[:-1].isdigit():
            letters.append((item.letter, 1))
        elif item.letter:
            _extend(letters, item.letter, 1)
    for letter, times in letters:
        text += letter if times == 1 else f"{times}{letter}"
    return text, position - start


def _extend(letters: list[tuple[str, int]], letter: str, times: int) -> None:
    if letters and letters[-1][0] == letter:
        letters[-1] = (letter, letters[-1][1] + times)
    else:
        letters.append((letter, times))
