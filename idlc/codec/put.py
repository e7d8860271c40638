"""Writers: a value becomes octets.

A writer appends to one bytearray `b` whose length is the stub position modulo 8, so alignment never needs
a counter of its own. Neighbouring fixed-size items become one `pack`; arrays of fixed rows are written in
one pass, their deferred pointees going to a second buffer that follows.
"""

from __future__ import annotations

from typing import Any

from idlc.codec import put_arrays, put_unions
from idlc.codec.emitter import Emitter
from idlc.codec.expressions import Scope, member
from idlc.codec.phase import UNKNOWN, Item, lay_out
from idlc.codec.put_arrays import Prepared
from idlc.codec.shared import Shared
from idlc.codec.spelling import unboxed
from idlc.semantics.types import Member, PointerKind, Variable
from idlc.wire.layout import WIDTHS, letter
from idlc.wire.steps import (
    Choice,
    Content,
    Converted,
    EnumValue,
    Guid,
    Handle,
    Ignored,
    InterfaceReferent,
    PipeChunks,
    Presence,
    Record,
    RecordUse,
    Referent,
    Scalar,
    Sequence,
    Slot,
    Step,
    Text,
)


class Put(Emitter):
    """Writes the code that writes values."""

    def __init__(self, shared: Shared, *, generator: bool = False) -> None:
        super().__init__(shared, generator=generator)
        self.buffer = "b"
        self.referents = 0
        self.uses_referents = False
        self.prepared: dict[str, Prepared] = {}
        self.pointers: dict[str, str] = {}
        self.texts: list[tuple[str, str]] = []
        """Strings that follow one another and are still to be written, as the locals and paths of their pointers."""

    # ------------------------------------------------------------------ runs

    def item(self, letter_: str, alignment: int, size: int, value: str, path: str, given: str = "") -> None:
        """Adds to the run; `given` is what `explain` looks at when the value does not fit, as `name:letter`."""
        self.run.append(Item(letter_, alignment, size, value))
        self.run_paths.append(f"{path}={given or f'{value}:{letter_}'}")

    def flush(self) -> None:
        if self.texts:  # they stand before what the run has by now
            behind, self.run = self.run, []
            paths, self.run_paths = self.run_paths, []
            put_arrays.text_run(self)
            self.run, self.run_paths = behind, paths
        if not self.run:
            return
        items, self.run = self.run, []
        paths, self.run_paths = self.run_paths, []
        run = lay_out(items, self.phase)
        values = ", ".join(item.value for item in items if item.letter)
        if not values:
            self._pad(items, run.sizes)
        elif run.fixed:
            self.line(f"{self.buffer} += {self.shared.packer(run)}({values})", "; ".join(paths))
        else:
            packer = f"{self.shared.packer(run)}[len({self.buffer}) & 7]"
            self.line(f"{self.buffer} += {packer}({values})", "; ".join(paths))
        self.phase = run.end
        if self.referents:
            self.line(f"r += {4 * self.referents}")
            self.referents = 0

    def _pad(self, items: list[Item], sizes: tuple[int, ...]) -> None:
        if len(sizes) == 1:
            if sizes[0]:
                self.line(f'{self.buffer} += b"{chr(92)}0" * {sizes[0]}')
            return
        alignment = max(item.alignment for item in items)
        self.line(f"{self.buffer} += PAD[-len({self.buffer}) & {alignment - 1}]")

    def count_item(self, value: str, path: str) -> None:
        width = self.layout.count_width
        self.item(self.shared.syntax.pointer, width, width, value, path)

    def snapshot(self) -> tuple[object, ...]:
        return (*super().snapshot(), dict(self.prepared), dict(self.pointers))

    def restore(self, state: tuple[Any, ...]) -> None:
        super().restore(state)
        self.prepared, self.pointers = dict(state[2]), dict(state[3])

    # ------------------------------------------------------------------ the three parts

    def value(self, step: Step, value: str, scope: Scope, path: str) -> None:
        """A whole value where it stands: conformance, body and referents in a row."""
        if self.texts:
            self.flush()
        match step:
            case RecordUse(name) if self.shared.is_function(name):
                self._call(name, value, path)
            case Sequence() if step.content is Content.ITEMS and put_arrays.rows(self, step):
                put_arrays.row_sequence(self, step, value, scope, path)
            case Text() if not self.run and step.bound is None and step.size is None:
                put_arrays.lone_text(self, step, value, scope, path)
            case Converted(target=target):
                self.value(target, self.wire(step, value, path), scope, path)
            case _:
                self.conformance(step, value, scope, path)
                self.body(step, value, scope, path)
                self.deferred(step, value, scope, path)

    def conformance(self, step: Step, value: str, scope: Scope, path: str) -> None:
        if not self.layout.conformant(step):
            return
        match step:
            case Sequence() | Text():
                prepared = put_arrays.prepare(self, step, value, scope, path)
                if prepared.counts and isinstance(step, Sequence):
                    for dimension, (most, _, _) in zip(step.dimensions, prepared.counts, strict=True):
                        if dimension.conformant:
                            self.count_item(most, path)
                else:
                    self.count_item(prepared.most, path)
            case RecordUse(name):
                record = self.shared.plan.records[name]
                last = record.slots[-1]
                owner = self.local(value, name, path)
                field = f"{owner}.{self.shared.fields[name][last.name]}"
                self.conformance(last.step, field, self._record_scope(record, owner), f"{path}.{last.name}")
            case Converted(target=target):
                self.conformance(target, self.wire(step, value, path), scope, path)

    def body(self, step: Step, value: str, scope: Scope, path: str) -> None:
        match step:
            case Scalar() | EnumValue():
                self.primitive(step, value, path)
            case Guid():
                self.item("16s", 4, 16, f"to_guid({value})", path)
            case Handle():
                if step.required:
                    with self.checking(f"if {value} is None:"):
                        self.line("raise ndr.null_handle()", path)
                self.item("20s", 4, 20, f"to_handle({value})", path)
            case RecordUse(name):
                self._record_body(name, value, path)
            case Choice():
                put_unions.choice_body(self, step, value, scope, path)
            case Referent():
                self._referent_id(step, value, path)
            case Ignored():
                self.count_item("0", path)
            case Presence():
                self._id(f"0 if not {value} else ", path)
            case InterfaceReferent():
                pointer = self._pointer(value, path)
                self._id(f"0 if {pointer} is None else ", path)
            case Sequence():
                put_arrays.sequence_body(self, step, value, scope, path)
            case Text():
                prepared = put_arrays.prepare(self, step, value, scope, path)
                self.count_item("0", path)
                self.count_item(prepared.count, path)
                self.flush()
                self.line(f"{self.buffer} += {prepared.value}", path)
                self.phase = self.phase.after(2) if step.unit == 2 else UNKNOWN
            case Converted(target=target):
                self.body(target, self.wire(step, value, path), scope, path)
            case PipeChunks():
                raise AssertionError("pipes are not part of a stub's values")

    def deferred(self, step: Step, value: str, scope: Scope, path: str, *, own: bool = False) -> None:
        """The referents of a value whose body has been written."""
        if not self.layout.defers(step):
            return
        match step:
            case RecordUse(name):
                record = self.shared.plan.records[name]
                if record.recursive and not own:
                    self._call(name, value, path, "defer")
                    return
                owner = self.local(value, name, path)
                for slot in record.slots:
                    field = f"{owner}.{self.shared.fields[name][slot.name]}"
                    self.deferred_slot(slot, field, self._record_scope(record, owner), f"{path}.{slot.name}")
            case Sequence():
                put_arrays.deferred_items(self, step, value, scope, path)
            case Choice():
                put_unions.deferred_arms(self, step, value, path)
            case Converted(target=target):
                self.deferred(target, self.wire(step, value, path), scope, path)
            case _:
                self._pointee(step, value, scope, path)

    def deferred_slot(self, slot: Slot, value: str, scope: Scope, path: str) -> None:
        if isinstance(slot.step, Referent | InterfaceReferent):
            self._pointee(slot.step, value, scope, path)
        else:
            self.deferred(slot.step, value, scope, path)

    # ------------------------------------------------------------------ primitives and records

    def primitive(self, step: Scalar | EnumValue, value: str, path: str) -> None:
        letter_ = letter(step, self.shared.syntax)
        limits = step.range
        if limits is None and isinstance(step, EnumValue) and step.octets is None:
            limits = (0, 32767)  # C706 14.2.6: an enum of 16 bits holds no more
        if limits is not None:
            value = self.local(value, "x", path)
            test = f"{limits[0]} <= {value} <= {limits[1]}"
            self.check(test, path, f"{value}, {limits[0]}, {limits[1]}", f"{path}={value}:{letter_}")
        width = WIDTHS[letter_]
        self.item(letter_, width, width, value, path)

    def check(self, condition: str, path: str, arguments: str, given: str = "") -> None:
        with self.checking(f"if not {condition}:", given or path):
            self.line(f"raise ndr.out_of_range({arguments})", path)

    def _record_body(self, name: str, value: str, path: str) -> None:
        record = self.shared.plan.records[name]
        owner = self.local(value, name, path)
        step = RecordUse(name)
        self.align(self.layout.alignment(step))
        scope = self._record_scope(record, owner)
        for slot in record.slots:
            field = f"{owner}.{self.shared.fields[name][slot.name]}"
            self.body(slot.step, field, scope, f"{path}.{slot.name}")
        if self.shared.syntax.wide:
            self.align(self.layout.alignment(step))

    def _record_scope(self, record: Record, owner: str) -> Scope:
        steps = {slot.name: slot.step for slot in record.slots}
        fields = self.shared.fields[record.name]

        def scope(variable: Variable | Member) -> str:
            if isinstance(variable, Member):
                return member(variable, scope)
            return unboxed(f"{owner}.{fields[variable.name]}", steps[variable.name], variable)

        return scope

    def local(self, value: str, wish: str, path: str = "") -> str:
        """A name for `value`, so that it is looked up once."""
        if "." not in value and "[" not in value:
            return value
        if value not in self.pointers:
            name = self.names.new(value.rsplit(".", 1)[-1] if "." in value else wish.lower())
            self.line(f"{name} = {value}", path)
            self.pointers[value] = name
        return self.pointers[value]

    def wire(self, step: Converted, value: str, path: str) -> str:
        """A name for what travels instead of `value`, so that it is converted once."""
        key = f"{step.name} of {value}"
        if key not in self.pointers:
            name = self.names.new("wire")
            self.line(f"{name} = {self.shared.to_wire(step)}({value})", path)
            self.pointers[key] = name
        return self.pointers[key]

    def _call(self, name: str, value: str, path: str, part: str = "put") -> None:
        self.flush()
        self.shared.wanted[f"{part}_{name}"] = None
        record = self.shared.plan.records[name]
        arguments = [self.buffer, value]
        defers = self.layout.defers(RecordUse(name))
        if defers:
            self.uses_referents = True
            arguments.append("r")
        if self.shared.record_aliases(name):
            arguments.append("seen")
        call = f"{part}_{name}({', '.join(arguments)})"
        if record.recursive:
            call = f"yield {call}" if self.generator else f"ndr.unwind({call})"
        self.line(f"r = {call}" if defers else call, path)
        self.phase = UNKNOWN

    # ------------------------------------------------------------------ pointers

    def _pointer(self, value: str, path: str) -> str:
        return self.local(value, "pointer", path)

    def _id(self, prefix: str, path: str) -> None:
        self.uses_referents = True
        offset = 4 * self.referents
        self.referents += 1
        self.count_item(f"{prefix}r + {offset}" if offset else f"{prefix}r", path)

    def _referent_id(self, step: Referent, value: str, path: str) -> None:
        pointer = self._pointer(value, path)
        if step.kind is PointerKind.FULL:
            self.count_item(f"seen.referent({pointer})", path)
        elif step.kind is PointerKind.REF:
            if not _nullable(step.target):  # else None is what the pointee is
                with self.checking(f"if {pointer} is None:"):
                    self.line("raise ndr.null_ref()", path)
            self._id("", path)
        else:
            self._id(f"0 if {pointer} is None else ", path)

    def _pointee(self, step: Step, value: str, scope: Scope, path: str) -> None:
        pointer = self._pointer(value, path)
        if self.shared.is_text(step):
            if self.run:
                self.flush()
            self.texts.append((pointer, path))
            return
        if isinstance(step, InterfaceReferent):
            self.optional(f"{pointer} is not None", lambda: self._interface(step, pointer, scope, path))
            return
        assert isinstance(step, Referent)
        if step.kind is PointerKind.REF:
            self.value(step.target, pointer, scope, path)
            return
        target = f"{pointer}.value" if step.boxed else pointer
        condition = f"{pointer} is not None"
        if step.kind is PointerKind.FULL:
            condition += f" and seen.first({pointer})"
        self.optional(condition, lambda: self.top(step.target, target, scope, path))

    def _interface(self, step: InterfaceReferent, pointer: str, scope: Scope, path: str) -> None:
        """What is behind an interface pointer: counts, and the OBJREF that the object is marshalled to."""
        octets = self.names.new("objref")
        self.line(f"{octets} = ndr.marshal({pointer}, {self.shared.iid(step, scope)})", path)
        for _ in range(2):
            self.count_item(f"len({octets})", path)
            if self.shared.syntax.wide:
                break
        if self.shared.syntax.wide:
            self.item("I", 4, 4, f"len({octets})", path)
        self.flush()
        self.line(f"{self.buffer} += {octets}", path)
        self.phase = UNKNOWN

    def top(self, step: Step, value: str, scope: Scope, path: str) -> None:
        """A value at the top of a stub or behind a pointer: its own pointers follow at once."""
        if isinstance(step, Converted):
            self.top(step.target, self.wire(step, value, path), scope, path)
        elif isinstance(step, Referent | InterfaceReferent):
            self.body(step, value, scope, path)
            self._pointee(step, value, scope, path)
        else:
            self.value(step, value, scope, path)


def _nullable(step: Step) -> bool:
    """Whether None is a value of `step`."""
    if isinstance(step, Referent) and step.kind is PointerKind.REF:
        return _nullable(step.target)
    return isinstance(step, Referent | InterfaceReferent | Handle | Converted)
