"""Readers: octets become a value.

A reader takes the stub `d` and keeps its place in constants as long as that is possible, then in `at`.
Every value of a frame (a parameter, a pointee, an array element) is read into locals; the object is made
once its referents are there. Counts are checked against the octets left before anything is allocated.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from idlc.codec import get_arrays, get_texts, get_unions
from idlc.codec.emitter import Emitter
from idlc.codec.expressions import cut, names, spell
from idlc.codec.phase import UNKNOWN, Item, Phase, known, lay_out
from idlc.codec.reading import DONE, WIRE, Reading, Siblings
from idlc.codec.shared import Shared
from idlc.codec.spelling import group
from idlc.codec.statements import Line, Statement
from idlc.data import replace
from idlc.semantics.types import Expression, PointerKind
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
    RecordUse,
    Referent,
    Scalar,
    Sequence,
    Step,
    Text,
)


class Get(Emitter):
    """Writes the code that reads values."""

    def __init__(self, shared: Shared, *, generator: bool = False, at: str | None = None) -> None:
        super().__init__(shared, generator=generator)
        self.base = at
        self.offset = 0
        if at is not None:
            self.phase = UNKNOWN
        self.after: list[Callable[[], None]] = []
        self.texts = ""
        """The local that strings are taken from, where they are read as one text."""
        self.uses_size = False
        self.prologue: list[str] = []
        """Locals that a late check reads even when the code that sets them was not run."""

    def snapshot(self) -> tuple[object, ...]:
        return (*super().snapshot(), self.base, self.offset, list(self.prologue))

    def restore(self, state: tuple[Any, ...]) -> None:
        super().restore(state)
        self.base, self.offset, self.prologue = state[2], state[3], list(state[4])

    # ------------------------------------------------------------------ position

    def place(self, more: int = 0) -> str:
        """The current position, `more` octets on, as Python text."""
        offset = self.offset + more
        if self.base is None:
            return str(offset)
        return f"{self.base} + {offset}" if offset else self.base

    def size(self) -> str:
        """The local that holds how many octets there are."""
        self.uses_size = True
        return "size"

    def opening(self) -> list[Statement]:
        """What has to stand before the first statement."""
        lines: list[Statement] = [Line(f"{name} = None") for name in self.prologue]
        if self.uses_size:
            lines.append(Line("size = len(d)"))
        return lines

    def octets(self, end: str) -> str:
        """The octets from the current position to `end`."""
        return cut("d", self.place(), end)

    def settle(self) -> None:
        """Brings the position into `at`, so that branches and loops agree on where it is kept."""
        if self.base is None:
            self.line(f"at = {self.offset}")
        elif self.offset:
            self.line(f"at += {self.offset}")
        self.base, self.offset = "at", 0

    def go(self, place: str) -> None:
        self.line(f"at = {place}")
        self.base, self.offset = "at", 0

    # ------------------------------------------------------------------ runs

    def item(self, letter_: str, alignment: int, size: int, target: str, path: str) -> None:
        self.run.append(Item(letter_, alignment, size, target))
        self.run_paths.append(path)

    def flush(self) -> None:
        if self.run:
            items, self.run = self.run, []
            paths, self.run_paths = self.run_paths, []
            self._read(items, paths[0] if paths else "")
        after, self.after = self.after, []
        for check in after:
            check()

    def _read(self, items: list[Item], path: str) -> None:
        widest = max(item.alignment for item in items)
        if self.phase.pad(widest) is None and items[0].alignment == widest:
            self._round_up(widest)
        run = lay_out(items, self.phase)
        targets = [item.value for item in items if item.letter]
        left = ", ".join(targets) if len(targets) > 1 else f"({targets[0]},)" if targets else ""
        if not targets:
            if run.fixed:
                self.offset += run.sizes[0]
            else:
                self._round_up(widest)
        elif run.fixed:
            self.line(f"{left} = {self.shared.reader(run)}(d, {self.place()})", path)
            self.offset += run.sizes[0]
        else:
            self.settle()
            self.line(f"run = {self.shared.reader(run)}[at & 7]")
            self.line(f"{left} = run.unpack_from(d, at)", path)
            self.line("at += run.size")
        self.phase = run.end

    def _round_up(self, alignment: int) -> None:
        offset = self.offset + alignment - 1
        self.go(f"{self.base or 0} + {offset} & {-alignment}")
        self.phase = Phase(alignment, 0)

    def align(self, alignment: int) -> None:
        if alignment > 1:
            self.run.append(Item("", alignment, 0))

    def count_item(self, target: str, path: str) -> str:
        width = self.layout.count_width
        name = self.names.new(target)
        self.item(self.shared.syntax.pointer, width, width, name, path)
        return name

    def reject(self, condition: str, what: str, path: str) -> None:
        with self.checking(f"if {condition}:"):
            self.line(f"raise {what}", path)

    def later(self, check: Callable[[], None]) -> None:
        """Runs `check` once the pending run has been read."""
        if self.run:
            self.after.append(check)
        else:
            check()

    # ------------------------------------------------------------------ whole values

    def top(self, step: Step, wish: str, scope: Siblings | None, path: str) -> Reading:
        """A value at the top of a stub or behind a pointer."""
        match step:
            case RecordUse(name) if self.shared.is_function(name):
                return self._call(name, wish, path)
            case Sequence() if step.content is Content.ITEMS and get_arrays.rows(self, step):
                return get_arrays.row_sequence(self, step, wish, scope, path)
            case Converted(target=target):
                return Reading(step, parts={WIRE: self.top(target, wish, scope, path)}, path=path)
            case _:
                most = self.conformance(step, path)
                reading = self.body(step, wish, scope, path, most)
                if isinstance(step, RecordUse) and self.shared.flat(step):
                    self._begin(reading, step.name)
                if self.layout.defers(step):
                    self.flush()
                    self.deferred(reading, scope, path)
                return reading

    def _begin(self, reading: Reading, name: str) -> None:
        """Makes the object of a flat record first, so that plain numbers are read straight into it."""
        made, fields = self.names.new("made"), self.shared.fields[name]
        places = {}
        for slot in self.shared.construction(name):
            part = reading.parts[slot]
            if isinstance(part.step, Scalar) and part.step.range is None:
                places[part.local] = part.local = f"{made}.{fields[slot]}"
        if places:
            reading.local = made
            self.line(f"{made} = {self.shared.table('make', 'object.__new__')}({self.shared.type(name)})")
            self.run = [replace(item, value=places.get(item.value, item.value)) for item in self.run]

    def _complete(self, reading: Reading, name: str) -> str:
        """Gives an object that was begun the fields that are more than a number."""
        self.flush()
        for slot in self.shared.construction(name):
            place = f"{reading.local}.{self.shared.fields[name][slot]}"
            part = reading.parts[slot]
            if part.local != place:
                self.line(f"{place} = {self.expression(part)}", reading.path)
        return reading.local

    def _call(self, name: str, wish: str, path: str, key: str = "") -> Reading:
        self.flush()
        self.shared.wanted[f"get_{name}"] = None
        record = self.shared.plan.records[name]
        arguments = ["d", self.place()]
        if self.shared.record_aliases(name):
            arguments.append("seen")
        if record.aliased:
            arguments.append(key or "0")
        call = f"get_{name}({', '.join(arguments)})"
        if record.recursive:
            call = f"yield {call}" if self.generator else f"ndr.unwind({call}, max_depth)"
        local = self.names.new(wish)
        self.line(f"{local}, at = {call}", path)
        self.base, self.offset, self.phase = "at", 0, UNKNOWN
        return Reading(Scalar(DONE), local)

    def expression(self, reading: Reading) -> str:
        """The finished value."""
        step = reading.step
        match step:
            case EnumValue(name) if reading.local:
                return f"{self.shared.type(name)}.of({reading.local})"
            case Ignored():
                return "None"
            case Presence():
                return f"{reading.local} != 0"
            case Guid():
                return f"from_guid({reading.local})"
            case Handle(name):
                return f"from_handle({self.shared.type(name)}, {reading.local})"
            case RecordUse(name) if reading.local:
                return self._complete(reading, name)
            case RecordUse(name):
                slots = self.shared.construction(name)
                arguments = ", ".join(self.expression(reading.parts[slot]) for slot in slots)
                return f"{self.shared.type(name)}({arguments})"
            case Choice(name):
                tag = (
                    f"{self.shared.type(step.tag.name)}.of({reading.tag})"
                    if isinstance(step.tag, EnumValue)
                    else reading.tag
                )
                return f"{self.shared.type(name)}({tag}, {reading.local})"
            case Converted():
                value = self.expression(reading.parts[WIRE])
                self.flush()
                local = self.names.new("made")
                self.line(f"{local} = {self.shared.from_wire(step)}({value})", reading.path)
                return local
            case Sequence() if reading.parts:
                return f"[{', '.join(self.expression(part) for part in reading.parts.values())}]"
            case Sequence() if step.content is Content.NUMBERS and not reading.tag and self.shared.flat(step):
                assert isinstance(step.element, Scalar)
                mover = self.shared.table(
                    "load", f'ndr.number_reader(order, "{letter(step.element, self.shared.syntax)}")'
                )
                return f"{mover}({reading.local})"
            case Sequence() if step.content is Content.TEXT and self.shared.flat(step):
                return f'decode({reading.local}, "surrogatepass", True)[0]'
            case _:
                return reading.local

    # ------------------------------------------------------------------ the three parts

    def conformance(self, step: Step, path: str) -> list[str]:
        """Reads the maximum counts in front of a value."""
        match step:
            case Sequence():
                return [self.count_item("most", path) for d in step.dimensions if d.conformant]
            case Text() if step.bound is None:
                return [self.count_item("most", path)]
            case RecordUse(name) if self.layout.conformant(step):
                last = self.shared.plan.records[name].slots[-1]
                return self.conformance(last.step, f"{path}.{last.name}")
            case Converted(target=target):
                return self.conformance(target, path)
            case _:
                return []

    def body(self, step: Step, wish: str, scope: Siblings | None, path: str, most: list[str]) -> Reading:
        match step:
            case Scalar() | EnumValue():
                return self.primitive(step, wish, path)
            case Guid():
                return self.leaf(step, wish, "16s", 4, 16, path)
            case Handle():
                return self.leaf(step, wish, "20s", 4, 20, path)
            case Referent() | InterfaceReferent() | Presence():
                width = self.layout.count_width
                return self.leaf(step, wish, self.shared.syntax.pointer, width, width, path)
            case Ignored():
                width = self.layout.count_width
                self.item(self.shared.syntax.pointer, width, width, "_", path)
                return Reading(step)
            case RecordUse(name):
                return self._record(name, path, most)
            case Choice():
                return get_unions.choice(self, step, wish, scope, path)
            case Sequence():
                return get_arrays.sequence(self, step, wish, scope, path, most)
            case Text():
                return get_arrays.text(self, step, wish, scope, path, most)
            case Converted(target=target):
                return Reading(step, parts={WIRE: self.body(target, wish, scope, path, most)}, path=path)
            case PipeChunks():
                raise AssertionError("pipes are not part of a stub's values")

    def leaf(self, step: Step, wish: str, letter_: str, alignment: int, size: int, path: str) -> Reading:
        local = self.names.new(wish)
        self.item(letter_, alignment, size, local, path)
        return Reading(step, local)

    def primitive(self, step: Scalar | EnumValue, wish: str, path: str) -> Reading:
        letter_ = letter(step, self.shared.syntax)
        width = WIDTHS[letter_]
        reading = self.leaf(step, wish, letter_, width, width, path)
        self.in_range(step.range, reading.local, path)
        return reading

    def in_range(self, limits: tuple[int, int] | None, local: str, path: str) -> None:
        if limits is not None:
            low, high = limits
            self.later(
                lambda: self.reject(
                    f"not {low} <= {local} <= {high}", f"ndr.out_of_range({local}, {low}, {high})", path
                )
            )

    def _record(self, name: str, path: str, most: list[str]) -> Reading:
        record = self.shared.plan.records[name]
        step = RecordUse(name)
        self.align(self.layout.alignment(step))
        reading = Reading(step)
        scope = Siblings(reading.parts, [])
        for slot in record.slots:
            mine = most if slot is record.slots[-1] else []
            wish = self.shared.fields[name][slot.name]
            reading.parts[slot.name] = self.body(slot.step, wish, scope, f"{path}.{slot.name}", mine)
        if self.shared.syntax.wide:
            self.align(self.layout.alignment(step))
        if scope.waiting:
            self.flush()
            for check in scope.waiting:
                check()
        return reading

    def deferred(self, reading: Reading, scope: Siblings | None, path: str) -> None:
        """Reads the referents that a body left, replacing ids by what they lead to."""
        step = reading.step
        if not self.layout.defers(step):
            return
        match step:
            case RecordUse() if get_texts.windowed(self, reading, path):
                pass
            case RecordUse(name):
                inner = Siblings(reading.parts, [])
                for slot in self.shared.plan.records[name].slots:
                    self.deferred(reading.parts[slot.name], inner, f"{path}.{slot.name}")
            case Referent() | InterfaceReferent():
                self._pointee(reading, step, scope, path)
            case Converted():
                self.deferred(reading.parts[WIRE], scope, path)
            case Choice():
                get_unions.deferred_arms(self, reading, step, path)
            case Sequence():
                get_arrays.deferred_items(self, reading, step, path)
            case _:
                raise AssertionError(step)

    # ------------------------------------------------------------------ pointers

    def _pointee(self, reading: Reading, step: Referent | InterfaceReferent, scope: Siblings | None, path: str) -> None:
        local = reading.local
        if self.texts:
            self._next_text(reading, step, path)
            return
        if isinstance(step, Referent) and step.kind is PointerKind.REF:
            self.flush()
            self.reject(f"not {local}", "ndr.null_ref()", path)
            reading.local = self._pointed(step.target, local, scope, path)
            return
        self.flush()
        self.settle()
        before = self.phase
        with self.block(f"if {local}:"):
            if isinstance(step, InterfaceReferent):
                self._interface(step, local, path)
            elif step.kind is PointerKind.FULL:
                self._full(step, local, scope, path)
            else:
                value = self._pointed(step.target, local, scope, path)
                self.assign(local, f"ndr.Ref({value})" if step.boxed else value)
            self.settle()
        ends = {*before.residues(), *self.phase.residues()}
        with self.block("else:"):
            self.line(f"{local} = None")
        self.phase = known(ends)

    def _next_text(self, reading: Reading, step: Referent | InterfaceReferent, path: str) -> None:
        assert isinstance(step, Referent)
        local = reading.local
        if step.kind is PointerKind.REF:
            self.reject(f"not {local}", "ndr.null_ref()", path)
            self.line(f"{local} = next({self.texts})", path)
        else:
            self.line(f"{local} = next({self.texts}) if {local} else None", path)

    def assign(self, local: str, value: str) -> None:
        self.flush()
        if local != value:
            self.line(f"{local} = {value}")

    def _pointed(self, step: Step, wish: str, scope: Siblings | None, path: str) -> str:
        return self.expression(self.top(step, wish, scope, path))

    def _full(self, step: Referent, local: str, scope: Siblings | None, path: str) -> None:
        kind = self.shared.target_kind(step.target)
        key = f"({local}, {kind})"
        before = self.phase
        alias = self.names.new("alias")
        self.line(f"{alias} = seen.get({key})")
        with self.block(f"if {alias} is None:"):
            if isinstance(step.target, RecordUse):
                value = self._call(step.target.name, local, path, key).local
                self.assign(alias, value)
            else:
                value = self._pointed(step.target, local, scope, path)
                self.assign(alias, f"ndr.Ref({value})" if step.boxed else value)
                self.line(f"seen[{key}] = {alias}")
            self.settle()
        self.phase = known({*before.residues(), *self.phase.residues()})
        self.line(f"{local} = {alias}")

    def _interface(self, step: InterfaceReferent, local: str, path: str) -> None:
        most = self.count_item("most", path)
        count = self.names.new("n")
        self.item("I", 4, 4, count, path)
        self.flush()
        self.reject(f"{count} != {most}", f"ndr.bad_count({count}, {most})", path)
        self.reject(f"{count} > max_elements", f"ndr.too_many({count}, max_elements)", path)
        end = get_arrays.end_of(self, count, 1, path)
        self.line(f"{local} = ndr.unmarshal(bytes({self.octets(end)}), {self.shared.iid(step)})", path)
        self.go(end)
        self.phase = UNKNOWN

    def agree(self, expression: Expression | None, local: str, scope: Siblings | None, error: str, path: str) -> None:
        """Checks `local` against what a sibling expression gives, at once or when the siblings are there."""
        if expression is None or scope is None or names(expression) & scope.unknown:
            return
        if scope.ready(names(expression)):
            self.later(lambda: self._compare(expression, local, scope, error, path))
        elif scope.parameters:
            kept = self.names.new(local)
            self.prologue.append(kept)
            self.later(lambda: self.line(f"{kept} = {local}"))
            scope.waiting.append(lambda: self._compare(expression, kept, scope, error, path, kept=True))
        else:
            scope.waiting.append(lambda: self._compare(expression, local, scope, error, path))

    def _compare(
        self, expression: Expression, local: str, scope: Siblings, error: str, path: str, *, kept: bool = False
    ) -> None:
        wanted = spell(expression, scope)
        test = f"{local} is not None and {local} != {group(wanted)}" if kept else f"{local} != {group(wanted)}"
        self.reject(test, f"ndr.{error}({local}, {wanted})", path)
