"""How much code values within values may become: what is spelled out in place doubles with every level of nesting.

A few lines of IDL can ask for a structure of structures of structures ... that holds more values than fit anywhere.
Published IDL is nowhere near these bounds.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from idlc.wire.steps import Choice, Content, Converted, RecordUse, Referent, Sequence, Slot, Step, WirePlan

MAX_DEPTH: Final = 24
"""Structures, unions and arrays within one another, without a pointer between them."""
_FREE: Final = 5_000
_FACTOR: Final = 20
"""Values that may be spelled out: so many, and for each one that is written in the IDL so many more."""
_UNROLLED: Final = 16


class TooNested(Exception):
    """Values are nested too deeply or too often; `type` is the structure or union, the message says how."""

    def __init__(self, type: str, message: str) -> None:
        super().__init__(message)
        self.type = type


def check(plan: WirePlan) -> None:
    """Raise TooNested for a plan that would become too much code."""
    _Bounds(plan).check()


class _Bounds:
    def __init__(self, plan: WirePlan) -> None:
        self._plan = plan
        self._known: dict[str, tuple[int, int]] = {}
        """The depth and the number of values of each record, and of each union by "union NAME"."""

    def check(self) -> None:
        plan = self._plan
        operations = [*plan.operations, *(procedure.operation for procedure in plan.procedures)]
        lists = [slots for each in operations for slots in (each.request, each.response)]
        written = sum(map(len, lists)) + sum(len(record.slots) for record in plan.records.values())
        written += sum(len(choice.arms) for choice in plan.choices.values())
        allowed = spent = _FREE + _FACTOR * written
        sizes = {name: self._record(name)[1] for name in plan.records}
        spent -= sum(sizes.values())
        if spent < 0:
            largest = max(sizes, key=lambda name: sizes[name])
            message = f'"{largest}" and structures like it hold more than {allowed} values, all told'
            raise TooNested(largest, message)
        for slots in lists:
            for slot in slots:
                target = slot.step.target if isinstance(slot.step, Referent) else slot.step
                spent -= self._step(target)[1]
                if spent < 0 and isinstance(target, RecordUse):
                    raise TooNested(target.name, f'"{target.name}" is used so often that it is too much code')

    def _record(self, name: str) -> tuple[int, int]:
        if name not in self._known:
            self._known[name] = 0, 1  # until it is known; rules have refused what holds itself
            self._known[name] = self._all(name, self._plan.records[name].slots)
        return self._known[name]

    def _all(self, name: str, slots: Iterable[Slot]) -> tuple[int, int]:
        depth, values = 0, 1
        for slot in slots:
            inner = self._step(slot.step)
            depth, values = max(depth, inner[0]), values + inner[1]
        if depth >= MAX_DEPTH:
            message = f'"{name}" has more than {MAX_DEPTH} structures, unions and arrays within one another'
            raise TooNested(name, message)
        return depth + 1, values

    def _step(self, step: Step) -> tuple[int, int]:
        match step:
            case RecordUse(name):
                return self._record(name)
            case Converted(target=target):
                return self._step(target)
            case Sequence(element=element, dimensions=dimensions) if step.content is Content.ITEMS:
                depth, values = self._step(element)
                for dimension in dimensions:
                    values *= dimension.bound if dimension.bound and dimension.bound <= _UNROLLED else 1
                return depth + 1, values
            case Choice(name):
                key = f"union {name}"
                if key not in self._known:
                    self._known[key] = 0, 1
                    arms = self._plan.choices[name].arms
                    self._known[key] = self._all(name, (arm.slot for arm in arms if arm.slot is not None))
                return self._known[key]
            case _:
                return 0, 1
