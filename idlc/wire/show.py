"""The wire plan as text: `idlc dump --stage wire`, and the golden files."""

from __future__ import annotations

from collections.abc import Iterator

from idlc.semantics.show import expression_text
from idlc.semantics.types import PointerKind
from idlc.wire.layout import NDR20, NDR64, Layout
from idlc.wire.steps import (
    Choice,
    ChoiceType,
    Content,
    Converted,
    EnumValue,
    Guid,
    Handle,
    Ignored,
    InterfaceReferent,
    OperationPlan,
    PicklePlan,
    PipeChunks,
    Pipes,
    Presence,
    Record,
    RecordUse,
    Referent,
    Scalar,
    Sequence,
    Slot,
    Step,
    Text,
    WirePlan,
)


def show(plan: WirePlan) -> str:
    """One paragraph for each operation, structure and union, in the words of the plan."""
    shown = _Show(plan)
    lines: list[str] = []
    for operation in plan.operations:
        lines += shown.operation(operation)
    lines += [line for pickle in plan.pickles for line in shown.pickle(pickle)]
    lines += [line for procedure in plan.procedures for line in shown.procedure(procedure.key, procedure.operation)]
    for record in plan.records.values():
        lines += shown.record(record)
    for choice in plan.choices.values():
        lines += shown.choice(choice)
    return "\n".join(lines) + "\n"


_ITEMS = Scalar | EnumValue | Guid | Handle | Referent | InterfaceReferent | Ignored | Presence
"""What is one item of a run."""


class _Show:
    def __init__(self, plan: WirePlan) -> None:
        self.plan = plan
        self.layout = Layout(plan, NDR20)
        self.layout64 = Layout(plan, NDR64)

    def operation(self, operation: OperationPlan) -> list[str]:
        request = [*self.values(operation.request), *(self.pipe(pipe) for pipe in operation.in_pipes)]
        response = [*(self.pipe(pipe) for pipe in operation.out_pipes), *self.values(operation.response)]
        number = f"op {operation.opnum}" if operation.opnum >= 0 else f"callback {~operation.opnum}"
        return [
            f"{number} {operation.name}",
            f"  request   {' | '.join(request) or 'nothing'}",
            f"  response  {' | '.join(response) or 'nothing'}",
        ]

    def pickle(self, pickle: PicklePlan) -> list[str]:
        header = "private header" if pickle.constructed else "no private header"
        values = " | ".join(self.values((Slot("value", pickle.step),)))
        return [f"type {pickle.name}, {header}", f"  value     {values}"]

    def procedure(self, key: str, operation: OperationPlan) -> list[str]:
        return [
            f"procedure {operation.opnum} {key}",
            f"  encoded   {' | '.join(self.values(operation.request)) or 'nothing'}",
            f"  decoded   {' | '.join(self.values(operation.response)) or 'nothing'}",
        ]

    def record(self, record: Record) -> list[str]:
        use = RecordUse(record.name)
        sizes = "      ".join(
            f"{name}: size {_size(layout.size(use))} align {layout.alignment(use)}"
            for name, layout in (("ndr", self.layout), ("ndr64", self.layout64))
        )
        flags = " recursive" * record.recursive + " aliased" * record.aliased
        lines = [f"struct {record.name}{flags}  {sizes}"]
        conformance = list(self.conformance(use, record.name))
        if conformance:
            lines.append(f"  conformance {' | '.join(conformance)}")
        lines.append(f"  body      {' | '.join(self.runs(record.slots)) or 'nothing'}")
        referents = [text for slot in record.slots for text in self.referents(slot.step, slot.name)]
        if referents:
            lines.append(f"  referents {' | '.join(referents)}")
        return lines

    def choice(self, choice: ChoiceType) -> list[str]:
        kind = "encapsulated union" if choice.encapsulated else "ms_union" if choice.ms_union else "union"
        lines = [f"{kind} {choice.name}"]
        for arm in choice.arms:
            labels = ", ".join([*map(str, arm.labels), *(["default"] if arm.default else [])])
            body = "nothing" if arm.slot is None else " | ".join(self.runs((arm.slot,)))
            lines.append(f"  {labels}: {body}")
        return lines

    # ------------------------------------------------------------------ parts

    def values(self, slots: tuple[Slot, ...]) -> Iterator[str]:
        """A stub's values: each whole, plain neighbours as one run."""
        run: list[str] = []
        for slot in slots:
            if isinstance(slot.step, Scalar | EnumValue | Guid | Handle):
                run.append(self.item(slot))
                continue
            if run:
                yield f"run {', '.join(run)}"
                run = []
            yield from self.conformance(slot.step, slot.name)
            yield from self.runs((slot,))
            yield from self.referents(slot.step, slot.name)
        if run:
            yield f"run {', '.join(run)}"

    def runs(self, slots: tuple[Slot, ...]) -> Iterator[str]:
        run: list[str] = []
        for slot in slots:
            if isinstance(slot.step, _ITEMS):
                run.append(self.item(slot))
                continue
            if run:
                yield f"run {', '.join(run)}"
                run = []
            yield self.body(slot)
        if run:
            yield f"run {', '.join(run)}"

    def item(self, slot: Slot) -> str:
        return f"{self.kind(slot.step)} {slot.name}"

    def kind(self, step: Step) -> str:
        match step:
            case Scalar(kind):
                return kind.value + _range(step.range)
            case EnumValue(name, octets):
                return f"enum{8 * (octets or 2)} {name}" + _range(step.range)
            case Guid():
                return "guid"
            case Handle(name):
                return f"handle {name}"
            case Referent(kind):
                return {PointerKind.REF: "ref", PointerKind.UNIQUE: "ptr", PointerKind.FULL: "alias"}[kind]
            case InterfaceReferent(interface, iid):
                return f"interface {interface or '?'}" + ("" if iid is None else f" by {expression_text(iid)}")
            case Ignored():
                return "null"
            case Presence():
                return "presence"
            case RecordUse(name):
                return name
            case Choice(name):
                return f"switch {name}"
            case Text(unit):
                return "string utf-16" if unit == 2 else "string latin-1"
            case Sequence():
                return f"{step.content.value} of {self.kind(step.element)}"
            case Converted(name, _, target):
                return f"{self.kind(target)} through {name}"
            case PipeChunks():
                chunks = "" if step.range is None else f" in chunks{_range(step.range)}"
                return f"pipe of {self.kind(step.element)}{chunks}"

    def conformance(self, step: Step, name: str) -> Iterator[str]:
        match step:
            case Sequence():
                for dimension in step.dimensions:
                    if dimension.conformant:
                        size = "its length" if dimension.size is None else expression_text(dimension.size)
                        yield f"conformance {name} = {size}{_range(step.range)}"
            case Text() if step.bound is None:
                size = "its length" if step.size is None else expression_text(step.size)
                yield f"conformance {name} = {size}"
            case RecordUse(record):
                slots = self.plan.records[record].slots
                if slots:
                    yield from self.conformance(slots[-1].step, f"{name}.{slots[-1].name}")
            case Converted(_, _, target):
                yield from self.conformance(target, name)
            case _:
                pass

    def body(self, slot: Slot) -> str:
        step = slot.step
        match step:
            case Sequence():
                extents = []
                for dimension in step.dimensions:
                    if dimension.varying:
                        first = "0" if dimension.first is None else expression_text(dimension.first)
                        length = "the rest" if dimension.length is None else expression_text(dimension.length)
                        extents.append(f"extent {slot.name} = {first}, {length}")
                word = "each" if step.content is Content.ITEMS else "bulk"
                bounds = "".join(f"[{d.bound}]" if d.bound is not None else "[]" for d in step.dimensions)
                return " | ".join([*extents, f"{word} {slot.name}{bounds}: {self.kind(step.element)}"])
            case Text():
                bound = f" within {step.bound}" if step.bound is not None else ""
                return f"extent {slot.name} | {self.kind(step)} {slot.name}{bound}"
            case Choice():
                switch = "" if step.switch is None else f" by {expression_text(step.switch)}"
                return f"{self.kind(step)} {slot.name}{switch}, tag {self.kind(step.tag)}"
            case RecordUse(name):
                return f"call {name}.body {slot.name}"
            case Converted(name, _, target):
                return f"{self.body(Slot(slot.name, target))} through {name}"
            case _:
                return f"run {self.item(slot)}"

    def referents(self, step: Step, name: str) -> Iterator[str]:
        if not self.layout.defers(step):
            return
        match step:
            case Referent():
                word = "ref" if step.kind is PointerKind.REF else "when_set"
                target = step.target
                parts = [*self.conformance(target, name), *self.runs((Slot(name, target),))]
                if isinstance(target, RecordUse):
                    parts = [f"call {target.name}"]
                elif self.layout.defers(target):
                    parts += self.referents(target, name)
                yield f"{word} {name}: {', '.join(parts)}"
            case Converted(_, _, target):
                yield from self.referents(target, name)
            case InterfaceReferent():
                yield f"when_set {name}: interface"
            case Sequence():
                yield f"each {name}: referents"
            case RecordUse(record):
                yield f"call {record}.referents {name}"
            case Choice():
                yield f"switch {name}: referents"
            case _:
                return

    def pipe(self, pipe: Pipes) -> str:
        return f"{self.kind(pipe.step)} {pipe.name}"


def _range(limits: tuple[int, int] | None) -> str:
    return "" if limits is None else f" in {limits[0]}..{limits[1]}"


def _size(size: int | None) -> str:
    return "varies" if size is None else str(size)
