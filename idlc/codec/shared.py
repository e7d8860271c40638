"""What all functions of one codec module share: tables at the top of the factory, and who calls whom."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from uuid import UUID

from idlc.codec.expressions import Scope
from idlc.codec.phase import Run
from idlc.data import dataclass, replace
from idlc.semantics.types import PointerKind, Variable
from idlc.wire.layout import Layout, Syntax, is_full
from idlc.wire.steps import (
    Choice,
    Content,
    Converted,
    EnumValue,
    Guid,
    Handle,
    InterfaceReferent,
    OperationPlan,
    Presence,
    RecordUse,
    Referent,
    Scalar,
    Sequence,
    Step,
    Text,
    WirePlan,
)

TOGETHER = 4
"""Elements of a pipe that are moved at a time, if they are nothing but a few numbers. A power of two."""

_FEW = 8
"""So many numbers are a few."""

_SMALL = 4
"""Records with at most this many slots are spelled out wherever a pointer leads to them."""

_DEEP = 8
"""Pointees nested deeper than this in one another get a function, so that blocks do not nest without end."""
_UNROLLED = 16
"""Fixed arrays of at most this many structures, pointers ... are spelled out element by element."""
_IN_ROW = 4096
"""Fixed arrays of at most this many numbers or octets are packed together with their neighbours."""


@dataclass(frozen=True, slots=True)
class PythonTypes:
    """How the plan's types are spelled in Python; all keys are IDL names."""

    classes: Mapping[str, str]
    """The class of each record, union, enumeration and context handle."""
    fields: Mapping[str, Mapping[str, str]]
    """For each record, the attribute of each slot."""
    orders: Mapping[str, tuple[str, ...]]
    """For each record, its slots in the order in which the class takes them."""
    converters: Mapping[str, str]
    """The class of each converter, by its dotted name."""
    outputs: Mapping[str, Mapping[str, str]]
    """For each operation, the attribute of its result that holds each [out] parameter."""
    interfaces: Mapping[str, UUID]
    """The IID of each object interface."""


def result_of(operation: str) -> str:
    """What the class of an operation's result is looked up by."""
    return f"result of {operation}"


class Shared:
    """Tables and decisions of one codec module (one plan under one syntax)."""

    def __init__(self, plan: WirePlan, syntax: Syntax, python: PythonTypes) -> None:
        self.plan = plan
        self.syntax = syntax
        self.layout = Layout(plan, syntax)
        self.fields = python.fields
        self.classes = python.classes
        self.outputs = python.outputs
        self._orders = python.orders
        self._converters = python.converters
        self._interfaces = python.interfaces
        self.tables: dict[str, str] = {}
        """Spelling of the right-hand side -> name of the table."""
        self.types: dict[str, None] = {}
        """IDL names of the types whose classes the functions use."""
        self.converters: dict[str, None] = {}
        """Dotted names of the converters that the functions use."""
        self._kinds: dict[Step, int] = {}
        self.wanted: dict[str, None] = {}
        """Functions that some other function calls: put_X, defer_X, get_X, finish_X."""
        self._called = self._functions()
        self._full: dict[str, bool] = {}

    # ------------------------------------------------------------------ tables

    def table(self, prefix: str, spelling: str) -> str:
        """The name of the factory-level table that holds `spelling`."""
        name = self.tables.get(spelling)
        if name is None:
            number = sum(1 for other in self.tables.values() if other.rstrip("0123456789") == prefix) + 1
            name = self.tables[spelling] = f"{prefix}{number}"
        return name

    def packer(self, run: Run) -> str:
        """`pack1` for a fixed run, `packs1[len(b) & 7]` for one that depends on the position."""
        if run.fixed:
            return self.table("pack", f'Struct(order + "{run.formats[0]}").pack')
        return self.table("packs", f"ndr.packers(order, {_tuple(run.formats)})")

    def reader(self, run: Run) -> str:
        if run.fixed:
            return self.table("read", f'Struct(order + "{run.formats[0]}").unpack_from')
        return self.table("reads", f"ndr.readers(order, {_tuple(run.formats)})")

    def rows(self, run: Run) -> str:
        return self.table("rows", f'Struct(order + "{run.formats[0]}").iter_unpack')

    def has_class(self, name: str) -> bool:
        """Whether there is a class for an IDL type or a result."""
        return name in self.classes

    def type(self, name: str) -> str:
        """The class for an IDL type, which the codec module then imports."""
        self.types[name] = None
        return self.classes[name]

    def to_wire(self, step: Converted) -> str:
        """The function that makes what travels of a presented value."""
        return self.table("to_wire", f'ndr.to_wire("{step.name}", {self._converter(step)})')

    def from_wire(self, step: Converted) -> str:
        return self.table("from_wire", f'ndr.from_wire("{step.name}", {self._converter(step)})')

    def _converter(self, step: Converted) -> str:
        self.converters[step.converter] = None
        return self._converters[step.converter]

    def iid(self, step: InterfaceReferent, scope: Scope | None = None) -> str:
        """What says which interface a pointer is to; None where only the object knows."""
        if step.iid is not None:
            if scope is None or not isinstance(step.iid, Variable):
                return "None"
            return scope(replace(step.iid, dereferenced=step.iid.dereferenced + 1, pointer=False))
        known = None if step.interface is None else self._interfaces.get(step.interface)
        return "None" if known is None else self.table("iid", f'ndr.iid("{known}")')

    def construction(self, name: str) -> tuple[str, ...]:
        """The slots of a record in the order its class takes them."""
        return self._orders[name]

    def target_kind(self, step: Step) -> int:
        """A number for what full pointers of one kind point at: ids are shared only within a kind."""
        return self._kinds.setdefault(step, len(self._kinds))

    # ------------------------------------------------------------------ functions

    def is_function(self, name: str) -> bool:
        """Whether a record has functions of its own, instead of being spelled out at each pointee."""
        record = self.plan.records[name]
        return record.recursive or record.aliased or name in self._called

    def flat(self, step: Step) -> bool:
        """Whether a body is a fixed number of run items, so that it fuses with its neighbours."""
        match step:
            case Scalar() | EnumValue() | Guid() | Handle() | Referent() | InterfaceReferent() | Presence():
                return True
            case RecordUse(name):
                return all(self.flat(slot.step) for slot in self.plan.records[name].slots)
            case Converted():
                return self.flat(step.target)
            case Sequence():
                dimension = step.dimensions[0]
                if len(step.dimensions) > 1 or dimension.varying or not dimension.bound:
                    return False
                if step.content is Content.ITEMS:
                    return dimension.bound <= _UNROLLED and self.flat(step.element)
                return dimension.bound <= _IN_ROW
            case _:
                return False

    def numbers(self, step: Step) -> bool:
        """Whether a step is a structure of a few numbers and nothing else."""
        if not isinstance(step, RecordUse):
            return False
        slots = self.plan.records[step.name].slots
        return 0 < len(slots) <= _FEW and all(
            isinstance(slot.step, Scalar) and slot.step.range is None for slot in slots
        )

    def is_text(self, step: Step) -> bool:
        """Whether a pointer leads to a wide string without limits: neighbouring ones are moved as one text."""
        match step:
            case Referent(kind=kind, target=Text(unit=2, bound=None, size=None, range=None), boxed=False):
                return kind is not PointerKind.FULL
            case _:
                return False

    def only_texts(self, step: Step) -> bool:
        """Whether all referents that a body leaves are such strings."""
        match step:
            case Referent():
                return self.is_text(step)
            case RecordUse(name):
                return all(self.only_texts(slot.step) for slot in self.plan.records[name].slots)
            case Sequence():
                return self.only_texts(step.element)
            case _:
                return not self.layout.defers(step)

    def _functions(self) -> set[str]:
        uses: Counter[str] = Counter()
        for operation in (*self.plan.operations, *(procedure.operation for procedure in self.plan.procedures)):
            for slot in (*operation.request, *operation.response):
                self._count(slot.step, uses, top=True)
        for pickle in self.plan.pickles:
            self._count(pickle.step, uses, top=True)
        for record in self.plan.records.values():
            for slot in record.slots:
                self._count(slot.step, uses, top=False)
        called = {name for name, times in uses.items() if times > 1 and len(self.plan.records[name].slots) > _SMALL}
        return called | self._deep(called)

    def _deep(self, called: set[str]) -> set[str]:
        """Records that end a chain of pointees too long to be spelled out inside one another."""
        depths: dict[str, int] = {}
        deep: set[str] = set()
        pending = list(self.plan.records)
        entered: set[str] = set()
        while pending:
            name = pending[-1]
            inner = [other for slot in self.plan.records[name].slots for other in self._records(slot.step)]
            waiting = [other for other in inner if other not in entered]
            if name not in entered and waiting:
                entered.add(name)
                pending += waiting
                continue
            entered.add(name)
            pending.pop()
            depth = 1 + max((depths.get(other, 0) for other in inner), default=0)
            stops = name in called or self.plan.records[name].recursive or depth >= _DEEP
            if depth >= _DEEP:
                deep.add(name)
            depths[name] = 0 if stops else depth
        return deep

    def _records(self, step: Step) -> list[str]:
        """The records that a slot leads to, through pointers, arrays and unions."""
        found: list[str] = []
        seen: set[str] = set()
        pending = [step]
        while pending:
            match pending.pop():
                case RecordUse(name):
                    found.append(name)
                case Referent(_, target) | Converted(_, _, target):
                    pending.append(target)
                case Sequence(element):
                    pending.append(element)
                case Choice(name) if name not in seen:
                    seen.add(name)
                    arms = self.plan.choices[name].arms
                    pending += [arm.slot.step for arm in arms if arm.slot is not None]
                case _:
                    pass
        return found

    def _count(self, step: Step, uses: Counter[str], *, top: bool) -> None:
        match step:
            case RecordUse(name) if top:
                uses[name] += 1
            case Referent():
                self._count(step.target, uses, top=True)
            case Converted():
                self._count(step.target, uses, top=top)
            case Sequence():
                self._count(step.element, uses, top=False)
            case Choice(name):
                for arm in self.plan.choices[name].arms:
                    if arm.slot is not None and isinstance(arm.slot.step, Referent):
                        self._count(arm.slot.step, uses, top=False)
            case _:
                pass

    def aliases(self, step: Step) -> bool:
        """Whether a decoding has to keep something for the whole stub in `seen`.

        A full pointer, or what one may point at, is reachable: aliases. Or elements that take no octets: their number.
        """
        seen: set[str] = set()
        pending = [step]
        while pending:
            at = pending.pop()
            if is_full(at):
                return True
            match at:
                case RecordUse(name) if self.plan.records[name].aliased:
                    return True
                case RecordUse(name) if name not in seen:
                    seen.add(name)
                    pending.extend(slot.step for slot in self.plan.records[name].slots)
                case Referent() | Converted():
                    pending.append(at.target)
                case Sequence() if self.layout.vacant(at):
                    return True
                case Sequence():
                    pending.append(at.element)
                case Choice(name) if f"union {name}" not in seen:
                    seen.add(f"union {name}")
                    arms = self.plan.choices[name].arms
                    pending.extend(arm.slot.step for arm in arms if arm.slot is not None)
                case _:
                    pass
        return False

    def record_aliases(self, name: str) -> bool:
        if name not in self._full:
            self._full[name] = self.aliases(RecordUse(name))
        return self._full[name]

    def operation_aliases(self, operation: OperationPlan) -> tuple[bool, bool]:
        return (
            any(self.aliases(slot.step) for slot in operation.request),
            any(self.aliases(slot.step) for slot in operation.response),
        )


def _tuple(texts: tuple[str, ...]) -> str:
    return "(" + ", ".join(f'"{text}"' for text in texts) + ")"
