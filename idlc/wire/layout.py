"""Widths, alignments and fixed sizes of steps, for NDR 2.0 and NDR64 (C706 14.2, 14.3; MS-RPCE 2.2.5.3).

Everything in which the two syntaxes differ, except for pipe chunks, is a field of `Syntax` or a branch here.
"""

from __future__ import annotations

from idlc.data import dataclass
from idlc.semantics.types import PointerKind
from idlc.wire.steps import (
    Choice,
    Converted,
    EnumValue,
    Guid,
    Handle,
    Ignored,
    InterfaceReferent,
    Kind,
    PipeChunks,
    Presence,
    RecordUse,
    Referent,
    Scalar,
    Sequence,
    Step,
    Text,
    WirePlan,
)

_FORMATS = {
    Kind.BOOL: "?",
    Kind.U1: "B",
    Kind.I1: "b",
    Kind.U2: "H",
    Kind.I2: "h",
    Kind.U4: "I",
    Kind.I4: "i",
    Kind.U8: "Q",
    Kind.I8: "q",
    Kind.F4: "f",
    Kind.F8: "d",
}
WIDTHS = {"?": 1, "B": 1, "b": 1, "H": 2, "h": 2, "I": 4, "i": 4, "Q": 8, "q": 8, "f": 4, "d": 8}
"""Octets of one value of each struct format letter."""
_UNSIGNED = {1: "B", 2: "H", 4: "I", 8: "Q"}


@dataclass(frozen=True, slots=True)
class Syntax:
    """What a transfer syntax decides."""

    name: str
    pointer: str
    """struct format letter of referent ids, maximum counts, offsets and actual counts."""
    wide: bool
    """NDR64: enums of 32 bits, trailing gaps, unions aligned as a whole."""


NDR20 = Syntax("ndr20", "I", wide=False)
NDR64 = Syntax("ndr64", "Q", wide=True)


def letter(step: Scalar | EnumValue, syntax: Syntax) -> str:
    """The struct format letter of a primitive."""
    if isinstance(step, EnumValue):
        found = _UNSIGNED[step.octets or (4 if syntax.wide else 2)]
        return found.lower() if step.signed and found != "H" else found
    if step.kind is Kind.UWORD:
        return syntax.pointer
    if step.kind is Kind.IWORD:
        return syntax.pointer.lower()
    return _FORMATS[step.kind]


class Layout:
    """Alignment and size of every step of one plan under one syntax; answers are remembered."""

    def __init__(self, plan: WirePlan, syntax: Syntax) -> None:
        self.plan = plan
        self.syntax = syntax
        self._record_alignment: dict[str, int] = {}
        self._record_size: dict[str, int | None] = {}
        self._deferring: dict[str, bool] = {}

    @property
    def count_width(self) -> int:
        return WIDTHS[self.syntax.pointer]

    def alignment(self, step: Step) -> int:
        """What the body of `step` is aligned to, in octets."""
        match step:
            case Scalar() | EnumValue():
                return WIDTHS[letter(step, self.syntax)]
            case Guid() | Handle():
                return 4
            case RecordUse(name):
                known = self._record_alignment.get(name)
                if known is None:
                    slots = self.plan.records[name].slots
                    known = max((self.alignment(slot.step) for slot in slots), default=1)
                    self._record_alignment[name] = known
                return known
            case Choice():
                if self.plan.choices[step.name].encapsulated and not self.syntax.wide:
                    return self.alignment(step.tag)
                return max(self.alignment(step.tag), self.arm_alignment(step))
            case Referent() | InterfaceReferent() | Ignored() | Presence():
                return self.count_width
            case Sequence():
                return self.alignment(step.element)  # NDR 2.0 and NDR64: the counts do not raise it
            case Text():
                return step.unit
            case Converted():
                return self.alignment(step.target)
            case PipeChunks():
                return self.count_width

    def union_alignment(self, step: Choice) -> tuple[int, int]:
        """What is aligned to in front of a union's tag, and between tag and arm, an empty one too; 1 for nothing.

        NDR 2.0 aligns tag and arm each by itself (C706 14.3.8), with ms_union the arm to the widest arm; an
        encapsulated union is a structure as wide as its tag. NDR64 aligns both to the whole (MS-RPCE 2.2.5.3.4.4).
        """
        choice = self.plan.choices[step.name]
        widest = self.arm_alignment(step)
        if self.syntax.wide:
            whole = max(widest, self.alignment(step.tag))
            return whole, whole
        if choice.encapsulated:
            return self.alignment(step.tag), 1
        return 1, widest if choice.ms_union else 1

    def arm_alignment(self, step: Choice) -> int:
        """The largest alignment that any arm has."""
        arms = self.plan.choices[step.name].arms
        return max((self.alignment(arm.slot.step) for arm in arms if arm.slot is not None), default=1)

    def size(self, step: Step) -> int | None:
        """The octets of a body that starts aligned, when every value takes the same; None when it varies."""
        match step:
            case Scalar() | EnumValue():
                return WIDTHS[letter(step, self.syntax)]
            case Guid():
                return 16
            case Handle():
                return 20
            case RecordUse(name):
                if name not in self._record_size:
                    self._record_size[name] = self._sum(name)
                return self._record_size[name]
            case Referent() | InterfaceReferent() | Ignored() | Presence():
                return self.count_width
            case Sequence():
                count = 1
                for dimension in step.dimensions:
                    if dimension.bound is None or dimension.varying:
                        return None
                    count *= dimension.bound
                element = self.size(step.element)
                if element is None:
                    return None
                return 0 if count == 0 else (count - 1) * self.stride(step.element, element) + element
            case Converted():
                return self.size(step.target)
            case Choice() | Text() | PipeChunks():
                return None

    def stride(self, element: Step, size: int) -> int:
        """From one array element to the next, given the element's fixed size."""
        alignment = self.alignment(element)
        return -(-size // alignment) * alignment

    def _sum(self, name: str) -> int | None:
        position = 0
        for slot in self.plan.records[name].slots:
            size = self.size(slot.step)
            if size is None:
                return None
            position += -position % self.alignment(slot.step) + size
        if self.syntax.wide:
            position += -position % self.alignment(RecordUse(name))
        return position

    def least(self, step: Step) -> int:
        """The fewest octets a body can take: what a count is checked against before anything is allocated."""
        size = self.size(step)
        if size is not None:
            return size
        match step:
            case RecordUse(name):
                return sum(self.least(slot.step) for slot in self.plan.records[name].slots)
            case Choice():
                return self.least(step.tag)
            case Text():
                return 2 * self.count_width
            case Converted():
                return self.least(step.target)
            case Sequence():
                return 2 * self.count_width * sum(dimension.varying for dimension in step.dimensions)
            case _:
                return 0

    def vacant(self, step: Sequence) -> bool:
        """Whether data can claim elements that take no octets: unsent ones, empty rows, empty structures."""
        if not any(dimension.conformant or dimension.varying for dimension in step.dimensions):
            return False
        if len(step.dimensions) > 1 or any(dimension.first is not None for dimension in step.dimensions):
            return True
        return not self.least(step.element)

    def conformant(self, step: Step) -> bool:
        """Whether maximum counts travel in front of the body."""
        match step:
            case Sequence():
                return any(dimension.conformant for dimension in step.dimensions)
            case Text():
                return step.bound is None
            case RecordUse(name):
                slots = self.plan.records[name].slots
                return bool(slots) and self.conformant(slots[-1].step)
            case Converted():
                return self.conformant(step.target)
            case _:
                return False

    def defers(self, step: Step) -> bool:
        """Whether the body leaves referents to be written after it."""
        match step:
            case Referent() | InterfaceReferent():
                return True
            case Sequence():
                return self.defers(step.element)
            case Converted():
                return self.defers(step.target)
            case RecordUse(name):
                if name not in self._deferring:
                    self._deferring[name] = False
                    self._deferring[name] = any(self.defers(slot.step) for slot in self.plan.records[name].slots)
                return self._deferring[name]
            case Choice():
                arms = self.plan.choices[step.name].arms
                return any(arm.slot is not None and self.defers(arm.slot.step) for arm in arms)
            case _:
                return False


def is_full(step: Step) -> bool:
    return isinstance(step, Referent) and step.kind is PointerKind.FULL
