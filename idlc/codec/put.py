"""Writers: a value becomes octets.

A writer appends to one bytearray `b` whose length is the stub position modulo 8, so alignment never needs
a counter of its own. Neighbouring fixed-size items become one `pack`; arrays of fixed rows are written in
one pass, their deferred pointees going to a second buffer that follows.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from idlc.codec.emitter import Emitter
from idlc.codec.expressions import Scope, cut, spell
from idlc.codec.phase import UNKNOWN, Item, Phase, known, lay_out
from idlc.codec.shared import Shared
from idlc.semantics.types import Dimension, PointerKind, Variable
from idlc.wire.layout import WIDTHS, letter
from idlc.wire.steps import (
    Choice,
    Content,
    EnumValue,
    Guid,
    Handle,
    InterfaceReferent,
    PipeChunks,
    Record,
    RecordUse,
    Referent,
    Scalar,
    Sequence,
    Slot,
    Step,
    Text,
)


@dataclass(frozen=True, slots=True)
class _Prepared:
    """An array or string made ready before its counts are written."""

    value: str
    """What is appended or looped over."""
    count: str
    most: str
    first: str = "0"
    counts: tuple[tuple[str, str, str], ...] = ()
    """Several dimensions: (most, first, count) of each."""


class Put(Emitter):
    """Writes the code that writes values."""

    def __init__(self, shared: Shared, *, generator: bool = False) -> None:
        super().__init__(shared, generator=generator)
        self.buffer = "b"
        self.referents = 0
        self.uses_referents = False
        self.prepared: dict[str, _Prepared] = {}
        self.pointers: dict[str, str] = {}

    # ------------------------------------------------------------------ runs

    def item(self, letter_: str, alignment: int, size: int, value: str, path: str, given: str = "") -> None:
        """Adds to the run; `given` is what `explain` looks at when the value does not fit, as `name:letter`."""
        self.run.append(Item(letter_, alignment, size, value))
        self.run_paths.append(f"{path}={given or f'{value}:{letter_}'}")

    def flush(self) -> None:
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
        match step:
            case RecordUse(name) if self.shared.is_function(name):
                self._call(name, value)
            case Sequence() if step.content is Content.ITEMS and self._rows(step):
                self._row_sequence(step, value, scope, path)
            case Text() if not self.run and step.bound is None and step.size is None:
                self._lone_text(step, value, scope, path)
            case _:
                self.conformance(step, value, scope, path)
                self.body(step, value, scope, path)
                self.deferred(step, value, path)

    def _lone_text(self, step: Text, value: str, scope: Scope, path: str) -> None:
        """A string by itself: its three counts come ready from a table, with the padding before them."""
        prepared = self._prepare(step, value, scope, path)
        letter_ = self.shared.syntax.pointer
        pad = self.phase.pad(self.layout.count_width)
        heads = self.shared.table("heads", f'ndr.string_heads(order, "{letter_}")')
        which = f"-len({self.buffer}) & {self.layout.count_width - 1}" if pad is None else str(pad)
        self.line(f"{self.buffer} += {heads}[{which}][{prepared.count}]")
        self.line(f"{self.buffer} += {prepared.value}", path)
        self.phase = Phase(2, 0) if step.unit == 2 else UNKNOWN

    def conformance(self, step: Step, value: str, scope: Scope, path: str) -> None:
        if not self.layout.conformant(step):
            return
        match step:
            case Sequence() | Text():
                prepared = self._prepare(step, value, scope, path)
                if prepared.counts and isinstance(step, Sequence):
                    for dimension, (most, _, _) in zip(step.dimensions, prepared.counts, strict=True):
                        if dimension.conformant:
                            self.count_item(most, path)
                else:
                    self.count_item(prepared.most, path)
            case RecordUse(name):
                record = self.shared.plan.records[name]
                last = record.slots[-1]
                owner = self._local(value, name)
                field = f"{owner}.{self.shared.fields[name][last.name]}"
                self.conformance(last.step, field, self._record_scope(record, owner), f"{path}.{last.name}")

    def body(self, step: Step, value: str, scope: Scope, path: str) -> None:
        match step:
            case Scalar() | EnumValue():
                self._primitive(step, value, path)
            case Guid():
                self.item("16s", 4, 16, f"to_guid({value})", path)
            case Handle():
                self.item("20s", 4, 20, f"to_handle({value})", path)
            case RecordUse(name):
                self._record_body(name, value, path)
            case Choice():
                self._choice_body(step, value, scope, path)
            case Referent():
                self._referent_id(step, value, path)
            case InterfaceReferent():
                pointer = self._pointer(value)
                self._id(f"0 if {pointer} is None else ", path)
            case Sequence():
                self._sequence_body(step, value, scope, path)
            case Text():
                prepared = self._prepare(step, value, scope, path)
                self.count_item("0", path)
                self.count_item(prepared.count, path)
                self.flush()
                self.line(f"{self.buffer} += {prepared.value}", path)
                self.phase = Phase(2, self.phase.offset % 2) if step.unit == 2 else UNKNOWN
            case PipeChunks():
                raise AssertionError("pipes are not part of a stub's values")

    def deferred(self, step: Step, value: str, path: str, *, own: bool = False) -> None:
        """The referents of a value whose body has been written."""
        if not self.layout.defers(step):
            return
        match step:
            case RecordUse(name):
                record = self.shared.plan.records[name]
                if record.recursive and not own:
                    self._call(name, value, "defer")
                    return
                owner = self._local(value, name)
                for slot in record.slots:
                    field = f"{owner}.{self.shared.fields[name][slot.name]}"
                    self._deferred_slot(slot, field, self._record_scope(record, owner), f"{path}.{slot.name}")
            case Sequence():
                self._deferred_items(step, value, path)
            case Choice():
                self._deferred_arms(step, value, path)
            case _:
                self._pointee(step, value, _no_scope, path)

    def _deferred_slot(self, slot: Slot, value: str, scope: Scope, path: str) -> None:
        if isinstance(slot.step, Referent | InterfaceReferent):
            self._pointee(slot.step, value, scope, path)
        else:
            self.deferred(slot.step, value, path)

    # ------------------------------------------------------------------ primitives and records

    def _primitive(self, step: Scalar | EnumValue, value: str, path: str) -> None:
        letter_ = letter(step, self.shared.syntax)
        limits = step.range
        if limits is None and isinstance(step, EnumValue) and not step.wide:
            limits = (0, 32767)  # C706 14.2.6: an enum of 16 bits holds no more
        if limits is not None:
            value = self._local(value, "x")
            self._check(f"{limits[0]} <= {value} <= {limits[1]}", path, f"{value}, {limits[0]}, {limits[1]}")
        width = WIDTHS[letter_]
        self.item(letter_, width, width, value, path)

    def _check(self, condition: str, path: str, arguments: str) -> None:
        with self.checking(f"if not {condition}:"):
            self.line(f"raise ndr.out_of_range({arguments})", path)

    def _record_body(self, name: str, value: str, path: str) -> None:
        record = self.shared.plan.records[name]
        owner = self._local(value, name)
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

        def scope(variable: Variable) -> str:
            return _unboxed(f"{owner}.{fields[variable.name]}", steps[variable.name], variable)

        return scope

    def _local(self, value: str, wish: str) -> str:
        """A name for `value`, so that it is looked up once."""
        if "." not in value and "[" not in value:
            return value
        if value not in self.pointers:
            name = self.names.new(value.rsplit(".", 1)[-1] if "." in value else wish.lower())
            self.line(f"{name} = {value}")
            self.pointers[value] = name
        return self.pointers[value]

    def _call(self, name: str, value: str, part: str = "put") -> None:
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
        self.line(f"r = {call}" if defers else call, "")
        self.phase = UNKNOWN

    # ------------------------------------------------------------------ pointers

    def _pointer(self, value: str) -> str:
        return self._local(value, "pointer")

    def _id(self, prefix: str, path: str) -> None:
        self.uses_referents = True
        offset = 4 * self.referents
        self.referents += 1
        self.count_item(f"{prefix}r + {offset}" if offset else f"{prefix}r", path)

    def _referent_id(self, step: Referent, value: str, path: str) -> None:
        pointer = self._pointer(value)
        if step.kind is PointerKind.FULL:
            self.count_item(f"seen.referent({pointer})", path)
        elif step.kind is PointerKind.REF:
            with self.checking(f"if {pointer} is None:"):
                self.line("raise ndr.null_ref()", path)
            self._id("", path)
        else:
            self._id(f"0 if {pointer} is None else ", path)

    def _pointee(self, step: Step, value: str, scope: Scope, path: str) -> None:
        pointer = self._pointer(value)
        if isinstance(step, InterfaceReferent):

            def interface() -> None:
                for _ in range(2):
                    self.count_item(f"len({pointer})", path)
                    if self.shared.syntax.wide:
                        break
                if self.shared.syntax.wide:
                    self.item("I", 4, 4, f"len({pointer})", path)
                self.flush()
                self.line(f"{self.buffer} += {pointer}", path)
                self.phase = UNKNOWN

            self.optional(f"{pointer} is not None", interface)
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

    def top(self, step: Step, value: str, scope: Scope, path: str) -> None:
        """A value at the top of a stub or behind a pointer: its own pointers follow at once."""
        if isinstance(step, Referent | InterfaceReferent):
            self.body(step, value, scope, path)
            self._pointee(step, value, scope, path)
        else:
            self.value(step, value, scope, path)

    # ------------------------------------------------------------------ unions

    def _choice_body(self, step: Choice, value: str, scope: Scope, path: str) -> None:
        choice = self.shared.plan.choices[step.name]
        union = self._local(value, "union")
        tag = self.names.new("tag")
        self.line(f"{tag} = {union}.tag", path)
        if step.switch is not None:
            wanted = spell(step.switch, scope)
            with self.checking(f"if {tag} != {_group(wanted)}:"):
                self.line(f"raise ndr.tag_mismatch({tag}, {wanted})", path)
        whole = self.layout.arm_alignment(step)
        if self.shared.syntax.wide:
            whole = max(whole, self.layout.alignment(step.tag))
            self.align(whole)
        elif choice.encapsulated:
            self.align(self.layout.alignment(step.tag))
        self._primitive(step.tag, tag, f"{path}.tag")
        padded = self.shared.syntax.wide or (choice.ms_union and not choice.encapsulated)
        self.flush()
        start, ends = self.phase, []
        for head, arm in self._arms(step, tag):
            self.phase = start
            with self.block(head):
                if padded:
                    self.align(whole)
                if arm is not None:
                    arm_value = self._arm_value(union, arm)
                    self.body(arm.step, arm_value, _no_scope, f"{path}.{arm.name}")
                self.flush()
                if not self.statements:
                    self.line("pass")
            ends.append(self.phase)
        if not any(arm.default for arm in choice.arms):
            with self.block("else:"):
                self.line(f"raise ndr.bad_tag({tag})", path)
        self.phase = known({residue for end in ends for residue in end.residues()}) if ends else start

    def _arm_value(self, union: str, arm: Slot) -> str:
        name = self.names.new(arm.name or "arm")
        self.line(f"{name} = {union}.value")
        self.pointers[f"{union}.{arm.name}"] = name
        return name

    def _arms(self, step: Choice, tag: str) -> list[tuple[str, Slot | None]]:
        arms = self.shared.plan.choices[step.name].arms
        ordered = [arm for arm in arms if not arm.default] + [arm for arm in arms if arm.default]
        heads: list[tuple[str, Slot | None]] = []
        for arm in ordered:
            if arm.default:
                heads.append(("else:" if heads else "if True:", arm.slot))
                continue
            word = "elif" if heads else "if"
            labels = arm.labels
            test = f"== {labels[0]}" if len(labels) == 1 else f"in ({', '.join(map(str, labels))})"
            heads.append((f"{word} {tag} {test}:", arm.slot))
        return heads

    def _deferred_arms(self, step: Choice, value: str, path: str) -> None:
        union = self._local(value, "union")
        self.flush()
        before, ends, word = self.phase, [self.phase], "if"
        excluded: list[int] = []
        choice = self.shared.plan.choices[step.name]
        for arm in sorted(choice.arms, key=lambda arm: arm.default):
            if not arm.default:
                excluded.extend(arm.labels)
            if arm.slot is None or not self.layout.defers(arm.slot.step):
                continue
            if arm.default:
                test = f"{union}.tag not in {_labels(excluded)}" if excluded else "True"
            else:
                test = f"{union}.tag in {_labels(arm.labels)}"
                if len(arm.labels) == 1:
                    test = f"{union}.tag == {arm.labels[0]}"
            self.phase = before
            with self.block(f"{word} {test}:"):
                name = self.names.new(arm.slot.name or "arm")
                self.line(f"{name} = {union}.value")
                self._deferred_slot(arm.slot, name, _no_scope, f"{path}.{arm.slot.name}")
            ends.append(self.phase)
            word = "elif"
        self.phase = known({residue for end in ends for residue in end.residues()})

    # ------------------------------------------------------------------ arrays and strings

    def _prepare(self, step: Sequence | Text, value: str, scope: Scope, path: str) -> _Prepared:
        """Checks an array's or string's sizes and gives names to what its counts and body need."""
        if value in self.prepared:
            return self.prepared[value]
        if isinstance(step, Text):
            prepared = self._prepare_text(step, value, scope, path)
        elif len(step.dimensions) > 1:
            prepared = self._prepare_dimensions(step, value, scope, path)
        else:
            prepared = self._prepare_array(step, step.dimensions[0], value, scope, path)
        self.prepared[value] = prepared
        return prepared

    def _prepare_text(self, step: Text, value: str, scope: Scope, path: str) -> _Prepared:
        text, count = self.names.new("text"), self.names.new("n")
        if step.unit == 2:
            self.line(f'{text} = encode({value} + "{chr(92)}0", "surrogatepass")[0]', f"{path}={value}:s")
            self.line(f"{count} = len({text}) >> 1")
        else:
            self.line(f'{text} = narrow({value} + "{chr(92)}0")', f"{path}={value}:s")
            self.line(f"{count} = len({text})")
        self._check_range(step.range, count, path)
        most = count
        if step.bound is not None or step.size is not None:
            most = str(step.bound) if step.bound is not None else self._evaluated(spell(step.size, scope), "most")  # type: ignore[arg-type]
            with self.checking(f"if {count} > {_group(most)}:"):
                self.line(f"raise ndr.too_long({count}, {most})", path)
        return _Prepared(text, count, most)

    def _evaluated(self, text: str, wish: str) -> str:
        if text.isidentifier() or text.isdigit():
            return text
        name = self.names.new(wish)
        self.line(f"{name} = {text}")
        return name

    def _check_range(self, limits: tuple[int, int] | None, count: str, path: str) -> None:
        if limits is not None:
            self._check(f"{limits[0]} <= {count} <= {limits[1]}", path, f"{count}, {limits[0]}, {limits[1]}")

    def _prepare_array(self, step: Sequence, dimension: Dimension, value: str, scope: Scope, path: str) -> _Prepared:
        data = self._local(value, "items")
        if step.content is Content.TEXT:
            text = self.names.new("text")
            self.line(f'{text} = encode({data}, "surrogatepass")[0]', f"{path}={data}:s")
            data = text
        count = self.names.new("n")
        self.line(f"{count} = len({data}) >> 1" if step.content is Content.TEXT else f"{count} = len({data})", path)
        if dimension.bound is not None:
            most = str(dimension.bound)
        elif dimension.size is not None:
            most = self._evaluated(spell(dimension.size, scope), "most")
        else:
            most = count
        self._check_range(step.range, most, path)
        if not dimension.varying:
            if most != count:
                with self.checking(f"if {count} != {_group(most)}:"):
                    self.line(f"raise ndr.size_mismatch({count}, {most})", path)
            return _Prepared(data, count, count if dimension.bound is None else most)
        first = "0" if dimension.first is None else self._evaluated(spell(dimension.first, scope), "first")
        if dimension.length is not None:
            length = self._evaluated(spell(dimension.length, scope), "length")
        else:
            length = count if first == "0" else self._evaluated(f"{count} - {_group(first)}", "length")
        end = length if first == "0" else f"{_group(first)} + {_group(length)}"
        tests = [f"{_group(end)} > {_group(most)}", f"{_group(end)} > {count}", f"{_group(length)} < 0"]
        if first != "0":
            tests.append(f"{_group(first)} < 0")
        with self.checking(f"if {' or '.join(tests)}:"):
            self.line(f"raise ndr.bad_extent({first}, {length}, {most}, {count})", path)
        if first != "0" or length != count:
            part = self.names.new("part")
            unit = "2 * " if step.content is Content.TEXT else ""
            start = "" if first == "0" else f"{unit}{_group(first)}"
            stop = f"{unit}({end})" if unit and not end.isidentifier() else f"{unit}{end}"
            self.line(f"{part} = {cut(data, start, stop)}", path)
            data = part
        return _Prepared(data, length, most, first)

    def _prepare_dimensions(self, step: Sequence, value: str, scope: Scope, path: str) -> _Prepared:
        counts = []
        for dimension in step.dimensions:
            if dimension.bound is not None:
                most = str(dimension.bound)
            else:
                assert dimension.size is not None
                most = self._evaluated(spell(dimension.size, scope), "most")
            first = "0" if dimension.first is None else self._evaluated(spell(dimension.first, scope), "first")
            length = most if dimension.length is None else self._evaluated(spell(dimension.length, scope), "length")
            if dimension.length is None and first != "0":
                length = self._evaluated(f"{_group(most)} - {_group(first)}", "length")
            counts.append((most, first, length))
        flat, count = self.names.new("flat"), self.names.new("n")
        shape = ", ".join(f"({most}, {first}, {length})" for most, first, length in counts)
        self.line(f"{flat} = ndr.flatten_{step.content.value}({value}, ({shape}))", path)
        data = flat
        if step.content is Content.TEXT:
            data = self.names.new("text")
            self.line(f'{data} = encode({flat}, "surrogatepass")[0]', path)
        self.line(f"{count} = {' * '.join(_group(length) for _, _, length in counts)}")
        return _Prepared(data, count, count, counts=tuple(counts))

    def _extents(self, step: Sequence, prepared: _Prepared, path: str) -> None:
        if not any(dimension.varying for dimension in step.dimensions):
            return
        for _, first, length in prepared.counts or ((prepared.most, prepared.first, prepared.count),):
            self.count_item(first, path)
            self.count_item(length, path)

    def _sequence_body(self, step: Sequence, value: str, scope: Scope, path: str) -> None:
        if self.shared.flat(step):
            self._flat_array(step, value, path)
            return
        prepared = self._prepare(step, value, scope, path)
        self._extents(step, prepared, path)
        element = step.element
        alignment = self.layout.alignment(element)
        match step.content:
            case Content.BYTES | Content.TEXT:
                self.flush_aligned(alignment, prepared.count)
                self.line(f"{self.buffer} += {prepared.value}", path)
                odd = step.content is Content.BYTES
                self.phase = UNKNOWN if odd else Phase(2, self.phase.offset % 2)
            case Content.NUMBERS:
                assert isinstance(element, Scalar)
                letter_ = letter(element, self.shared.syntax)
                self.flush_aligned(alignment, prepared.count)
                mover = self.shared.table("write", f'ndr.number_writer(order, "{letter_}")')
                self.line(f"{self.buffer} += {mover}({prepared.value})", f"{path}={prepared.value}:{letter_}*")
                self.phase = self.phase.after(alignment)
            case Content.ITEMS:
                self.flush_aligned(alignment, prepared.count)
                self.items(step, prepared.value, path)

    def flush_aligned(self, alignment: int, count: str) -> None:
        """Aligns for the first of `count` elements: an empty array is followed by no padding."""
        self.flush()
        if self.phase.pad(alignment) == 0:
            return
        before = self.phase
        with self.block(f"if {count}:"):
            self.align(alignment)
        self.phase = known({r for phase in (before, self.phase) for r in phase.residues()})

    def _flat_array(self, step: Sequence, value: str, path: str) -> None:
        """A fixed array as members of the run around it."""
        count = step.dimensions[0].bound or 0
        data = self._local(value, "items")
        if step.content is Content.TEXT:
            text = self.names.new("text")
            self.line(f'{text} = encode({data}, "surrogatepass")[0]', f"{path}={data}:s")
            data = text
        length = f"len({data}) >> 1" if step.content is Content.TEXT else f"len({data})"
        with self.checking(f"if {length} != {count}:"):
            self.line(f"raise ndr.size_mismatch({length}, {count})", path)
        match step.content:
            case Content.BYTES:
                self.item(f"{count}s", 1, count, f"bytes({data})", path)
            case Content.TEXT:
                self.item(f"{2 * count}s", 2, 2 * count, data, path)
            case Content.NUMBERS:
                assert isinstance(step.element, Scalar)
                letter_ = letter(step.element, self.shared.syntax)
                width = WIDTHS[letter_]
                mover = self.shared.table("write", f'ndr.number_writer(order, "{letter_}")')
                self.item(f"{width * count}s", width, width * count, f"{mover}({data})", path, f"{data}:{letter_}*")
            case Content.ITEMS:
                for k in range(count):
                    self.body(step.element, f"{data}[{k}]", _no_scope, f"{path}[{k}]")

    def _rows(self, step: Sequence) -> bool:
        """Whether elements are rows of fixed size whose pointees can be written in the same pass."""
        return (
            len(step.dimensions) == 1
            and self.shared.flat(step.element)
            and self.layout.defers(step.element)
            and not self._recursive(step.element)
        )

    def _recursive(self, element: Step) -> bool:
        return isinstance(element, RecordUse) and self.shared.plan.records[element.name].recursive

    def items(self, step: Sequence, value: str, path: str) -> None:
        """The bodies of elements, one after another, the first one at an aligned place."""
        element = step.element
        item = self.names.new("v")
        inner = f"{path}[{item} in {value}]"

        def one() -> None:
            self.body(element, item, _no_scope, inner)

        self.loop(f"for {item} in {value}:", one)

    def _deferred_items(self, step: Sequence, value: str, path: str) -> None:
        if self.shared.flat(step):
            data = self._local(value, "items")
            for k in range(step.dimensions[0].bound or 0):
                slot = Slot(str(k), step.element)
                self._deferred_slot(slot, f"{data}[{k}]", _no_scope, f"{path}[{k}]")
            return
        prepared = self.prepared[value] if value in self.prepared else _Prepared(value, "", "")
        item = self.names.new("v")
        inner = f"{path}[{item} in {prepared.value}]"

        def one() -> None:
            self._deferred_slot(Slot(item, step.element), item, _no_scope, inner)

        self.loop(f"for {item} in {prepared.value}:", one)

    def _row_sequence(self, step: Sequence, value: str, scope: Scope, path: str) -> None:
        """Rows into the buffer and their pointees into a second one, in one pass over the elements."""
        self.conformance(step, value, scope, path)
        prepared = self._prepare(step, value, scope, path)
        self._extents(step, prepared, path)
        element = step.element
        size = self.layout.size(element)
        assert size is not None
        stride = self.layout.stride(element, size)
        gap = stride - size
        self.flush_aligned(self.layout.alignment(element), prepared.count)
        rows_phase = self.phase
        item, tail = self.names.new("v"), self.names.new("t")
        inner = f"{path}[{item} in {prepared.value}]"
        residues = {(r + stride * k - gap) % 8 for r in rows_phase.residues() for k in range(1, 9)}
        start = known(residues)
        if start.modulus == 8:
            skip = str(start.offset)
            self.line(f"{tail} = bytearray({skip})" if start.offset else f"{tail} = bytearray()")
        else:
            skip = self.names.new("k")
            text = f"{prepared.count} * {stride} - {gap}" if gap else f"{prepared.count} * {stride}"
            self.line(f"{skip} = len({self.buffer}) + {text} & 7")
            self.line(f"{tail} = bytearray({skip})")
        buffer = self.buffer
        aligned = Phase(self.layout.alignment(element), 0)

        def one() -> None:
            after_rows = self.phase
            self.phase = aligned
            self.body(element, item, _no_scope, inner)
            if gap:
                self.align(self.layout.alignment(element))
            self.flush()
            self.buffer, self.phase = tail, after_rows
            self._deferred_slot(Slot(item, element), item, _no_scope, inner)
            self.flush()
            self.buffer = buffer

        self.phase = start
        self.loop(f"for {item} in {prepared.value}:", one)
        if gap:
            with self.block(f"if {prepared.count}:"):
                self.line(f"del {buffer}[-{gap}:]")
        self.line(f"{buffer} += {tail}" if skip == "0" else f"{buffer} += {tail}[{skip}:]")
        ends = {r for phase in (rows_phase, self.phase) for r in phase.residues()}
        self.phase = known(ends)


def _labels(values: Iterable[int]) -> str:
    return str(tuple(values))


def _no_scope(variable: Variable) -> str:
    raise AssertionError(f"{variable.name} is out of reach")


def _unboxed(text: str, step: Step, variable: Variable) -> str:
    if isinstance(step, Referent) and step.boxed and variable.dereferenced:
        return f"{text}.value"
    return text


def _group(text: str) -> str:
    return text if text.replace("_", "a").replace(".", "a").isalnum() else f"({text})"
