"""What a method gives that has failed: values without content, which say nothing but are well-formed on the wire.

Pointers are null, numbers zero, arrays as long as the request's values make them; [in, out] parameters are what they
were. Where that cannot be said, as with a union whose tag is none of its labels, there is no such value.
"""

from __future__ import annotations

from typing import assert_never

from idlc.codec.expressions import Scope, spell
from idlc.codec.shared import Shared, result_of
from idlc.semantics.types import Dimension, Expression, Member, PointerKind, Variable
from idlc.wire.steps import (
    RESULT,
    Choice,
    Content,
    Converted,
    EnumValue,
    Guid,
    Handle,
    Ignored,
    InterfaceReferent,
    Kind,
    OperationPlan,
    PipeChunks,
    Presence,
    RecordUse,
    Referent,
    Scalar,
    Sequence,
    Step,
    Text,
)


class _NoneSuch(Exception):
    """There is no value without content."""


def blank(operation: OperationPlan, shared: Shared, inputs: Scope) -> str | None:
    """Spells an operation's failed result, of a request's `inputs` and `hresult`; None if there is none.

    Args:
        inputs: spells values of the request.
    """
    if len(operation.response) < 2 or operation.response[-1].name != RESULT:
        return None
    given = {slot.name: number for number, slot in enumerate(operation.request)}
    blanks = _Blanks(shared, frozenset(given), inputs)
    try:
        values = [
            f"inputs[{given[slot.name]}]" if slot.name in given else blanks.value(slot.step)
            for slot in operation.response[:-1]
        ]
    except _NoneSuch:
        return None
    kind = result_of(operation.name)
    made = shared.type(kind) if shared.has_class(kind) else ""
    values.append("hresult")
    return f"{made}({', '.join(values)})" if made else ", ".join(values)


class _Blanks:
    """Spells values without content."""

    def __init__(self, shared: Shared, given: frozenset[str], inputs: Scope) -> None:
        self._shared = shared
        self._given = given
        self._inputs = inputs
        self._inside = 0

    def value(self, step: Step) -> str:
        match step:
            case Scalar(kind, range_):
                if kind is Kind.BOOL:
                    return "False"
                zero = _within(range_)
                return f"{zero}.0" if kind in (Kind.F4, Kind.F8) else zero
            case EnumValue(name, _, _, range_):
                return f"{self._shared.type(name)}.of({_within(range_)})"
            case Guid():
                return "ndr.NIL"
            case Referent(PointerKind.REF, target, boxed):
                return f"ndr.Ref({self.value(target)})" if boxed else self.value(target)
            case Referent() | InterfaceReferent() | Ignored() | Handle():
                return "None"
            case Presence():
                return "False"
            case RecordUse(name):
                return self._record(name)
            case Text(_, _, _, range_):
                return '""'
            case Sequence():
                return self._sequence(step)
            case Choice():
                return self._choice(step)
            case Converted():
                return f"{self._shared.from_wire(step)}({self.value(step.target)})"
            case PipeChunks():
                raise _NoneSuch
            case _:
                assert_never(step)

    def _record(self, name: str) -> str:
        slots = {slot.name: slot.step for slot in self._shared.plan.records[name].slots}
        self._inside += 1
        values = [self.value(slots[slot]) for slot in self._shared.construction(name)]
        self._inside -= 1
        return f"{self._shared.type(name)}({', '.join(values)})"

    def _choice(self, step: Choice) -> str:
        if step.switch is not None and self._number(step.switch) != "0":
            raise _NoneSuch
        for arm in self._shared.plan.choices[step.name].arms:
            if arm.default or 0 in arm.labels:
                value = "None" if arm.slot is None else self.value(arm.slot.step)
                return f"{self._shared.type(step.name)}(0, {value})"
        raise _NoneSuch

    def _sequence(self, step: Sequence) -> str:
        if step.range is not None and step.range[0] > 0:
            raise _NoneSuch
        counts = [self._count(dimension) for dimension in step.dimensions]
        *outer, last = counts
        match step.content:
            case Content.BYTES:
                made = f"bytes({last})"
            case Content.TEXT:
                made = f'"\\0" * {last}'
            case Content.NUMBERS:
                made = f"[{self.value(step.element)}] * {last}"
            case Content.ITEMS:
                made = "[]" if last == "0" else f"[{self.value(step.element)} for _ in range({last})]"
            case _:
                assert_never(step.content)
        for count in reversed(outer):
            made = f"[{made} for _ in range({count})]"
        return made

    def _count(self, dimension: Dimension) -> str:
        if dimension.bound is not None:
            if dimension.bound > _MOST:
                raise _NoneSuch
            return str(dimension.bound)
        if dimension.size is None or (dimension.length is not None and self._number(dimension.length) == "0"):
            return "0"
        number = self._number(dimension.size)
        return number if number.isdigit() else f"ndr.few({number})"

    def _number(self, expression: Expression) -> str:
        return spell(expression, self._spelled)

    def _spelled(self, place: Variable | Member) -> str:
        if isinstance(place, Member):
            raise _NoneSuch
        return self._inputs(place) if not self._inside and place.name in self._given else "0"


_MOST = 4096
"""Elements of a fixed array that are still made for nothing."""


def _within(range_: tuple[int, int] | None) -> str:
    """Zero, or the number within a range that is next to it."""
    if range_ is None or range_[0] <= 0 <= range_[1]:
        return "0"
    return str(range_[0] if range_[0] > 0 else range_[1])
