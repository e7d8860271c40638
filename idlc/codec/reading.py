"""Values being read: the locals that hold their parts until the finished value can be spelled."""

from __future__ import annotations

from collections.abc import Callable

from idlc.codec.expressions import member
from idlc.data import dataclass, field
from idlc.semantics.types import Expression, Member, Variable
from idlc.wire.steps import Kind, Referent, Step

DONE = Kind.U1
"""Stands in a reading whose local is finished already."""
WIRE = "wire"
"""The only part of a converted value."""


@dataclass(slots=True)
class Reading:
    """A value being read: the locals that hold its parts, and how to spell it once all are there."""

    step: Step
    local: str = ""
    """The raw local: a number, a referent id, the finished array."""
    parts: dict[str, Reading] = field(default_factory=dict)
    """A record's slots, an unrolled array's elements, a union's arms by number."""
    tag: str = ""
    element: Reading | None = None
    """An array whose elements wait for their referents: one element's reading."""
    rows: str = ""
    """... and the local that keeps the elements' parts meanwhile."""
    shape: tuple[tuple[str, str, str], ...] = ()
    """... and (most, first, count) of each dimension, for when the elements are finished."""
    path: str = ""
    """Of a converted value, whose only part is what travels: where it stands."""

    def locals(self) -> list[str]:
        """Every local that has to survive until the referents are read."""
        names = [name for name in (self.tag, self.rows or self.local) if name]
        if self.tag:  # a union keeps its arm's locals as a tuple in its own
            return names
        names += [text for dimension in self.shape for text in dimension if text.isidentifier()]
        for part in self.parts.values():
            names.extend(part.locals())
        return list(dict.fromkeys(names))


@dataclass(slots=True)
class Siblings:
    """The values that a size or switch expression may name: parts of one record, or the parameters."""

    parts: dict[str, Reading]
    waiting: list[Callable[[], None]]
    """Checks that name a sibling which has not been read yet."""
    outer: dict[str, str] = field(default_factory=dict)
    """Parameters known from the request, when a response is read: IDL name -> spelling."""
    parameters: bool = False
    unknown: frozenset[str] = frozenset()
    """Siblings that will never be known, so that nothing can be checked against them."""

    def __call__(self, variable: Variable | Member) -> str:
        if isinstance(variable, Member):
            part = self._part(variable)
            return part.local if part is not None else member(variable, self)
        if variable.name not in self.parts:
            return self.outer[variable.name]
        reading = self.parts[variable.name]
        if isinstance(reading.step, Referent) and reading.step.boxed and variable.dereferenced:
            return f"{reading.local}.value"
        return reading.local

    def _part(self, place: Expression) -> Reading | None:
        """What is being read there, in a record that is no object yet."""
        match place:
            case Variable(name):
                return self.parts.get(name)
            case Member(operand, name):
                owner = self._part(operand)
                return None if owner is None else owner.parts.get(name)
            case _:
                return None

    def ready(self, names: frozenset[str]) -> bool:
        return all(name in self.parts or name in self.outer for name in names)


def copied(reading: Reading) -> Reading:
    """A reading whose locals are those of the original, to be completed again."""
    element = copied(reading.element) if reading.element is not None else None
    parts = {name: copied(part) for name, part in reading.parts.items()}
    return Reading(reading.step, reading.local, parts, reading.tag, element, reading.rows, reading.shape, reading.path)
