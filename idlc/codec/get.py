"""Readers: octets become a value.

A reader takes the stub `d` and keeps its place in constants as long as that is possible, then in `at`.
Every value of a frame (a parameter, a pointee, an array element) is read into locals; the object is made
once its referents are there. Counts are checked against the octets left before anything is allocated.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from idlc.codec.emitter import Emitter
from idlc.codec.expressions import cut, spell
from idlc.codec.expressions import names as names_in
from idlc.codec.phase import UNKNOWN, Item, Phase, known, lay_out
from idlc.codec.shared import Shared
from idlc.codec.statements import Line, Statement
from idlc.semantics.types import Expression, PointerKind, Variable
from idlc.wire.layout import WIDTHS, letter
from idlc.wire.steps import (
    Choice,
    Content,
    EnumValue,
    Guid,
    Handle,
    InterfaceReferent,
    Kind,
    PipeChunks,
    RecordUse,
    Referent,
    Scalar,
    Sequence,
    Step,
    Text,
)


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

    def locals(self) -> list[str]:
        """Every local that has to survive until the referents are read."""
        names = [name for name in (self.tag, self.rows or self.local) if name]
        if self.tag:  # a union keeps its arm's locals as a tuple in its own
            return names
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

    def __call__(self, variable: Variable) -> str:
        if variable.name not in self.parts:
            return self.outer[variable.name]
        reading = self.parts[variable.name]
        if isinstance(reading.step, Referent) and reading.step.boxed and variable.dereferenced:
            return f"{reading.local}.value"
        return reading.local

    def ready(self, names: frozenset[str]) -> bool:
        return all(name in self.parts or name in self.outer for name in names)


class Get(Emitter):
    """Writes the code that reads values."""

    def __init__(self, shared: Shared, *, generator: bool = False, at: str | None = None) -> None:
        super().__init__(shared, generator=generator)
        self.base = at
        self.offset = 0
        if at is not None:
            self.phase = UNKNOWN
        self.after: list[Callable[[], None]] = []
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
                return self._call(name, wish)
            case Sequence() if step.content is Content.ITEMS and self._rows(step):
                return self._row_sequence(step, wish, scope, path)
            case _:
                most = self.conformance(step, path)
                reading = self.body(step, wish, scope, path, most)
                if self.layout.defers(step):
                    self.flush()
                    self.deferred(reading, scope, path)
                return reading

    def _call(self, name: str, wish: str, key: str = "") -> Reading:
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
            call = f"yield {call}" if self.generator else f"ndr.unwind({call})"
        local = self.names.new(wish)
        self.line(f"{local}, at = {call}")
        self.base, self.offset, self.phase = "at", 0, UNKNOWN
        return Reading(Scalar(_ANY), local)

    def expression(self, reading: Reading) -> str:
        """The finished value."""
        step = reading.step
        match step:
            case EnumValue(name) if reading.local:
                return f"{self.shared.type(name)}.of({reading.local})"
            case Guid():
                return f"from_guid({reading.local})"
            case Handle(name):
                return f"from_handle({self.shared.type(name)}, {reading.local})"
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
            case Sequence() if reading.parts:
                return f"[{', '.join(self.expression(part) for part in reading.parts.values())}]"
            case Sequence() if step.content is Content.NUMBERS and not reading.tag and self.shared.flat(step):
                assert isinstance(step.element, Scalar)
                mover = self.shared.table(
                    "load", f'ndr.number_reader(order, "{letter(step.element, self.shared.syntax)}")'
                )
                return f"{mover}({reading.local})"
            case Sequence() if step.content is Content.TEXT and self.shared.flat(step):
                return f'decode({reading.local}, "surrogatepass")[0]'
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
            case _:
                return []

    def body(self, step: Step, wish: str, scope: Siblings | None, path: str, most: list[str]) -> Reading:
        match step:
            case Scalar() | EnumValue():
                return self._primitive(step, wish, path)
            case Guid():
                return self._leaf(step, wish, "16s", 4, 16, path)
            case Handle():
                return self._leaf(step, wish, "20s", 4, 20, path)
            case Referent() | InterfaceReferent():
                width = self.layout.count_width
                return self._leaf(step, wish, self.shared.syntax.pointer, width, width, path)
            case RecordUse(name):
                return self._record(name, path, most)
            case Choice():
                return self._choice(step, wish, scope, path)
            case Sequence():
                return self._sequence(step, wish, scope, path, most)
            case Text():
                return self._text(step, wish, scope, path, most)
            case PipeChunks():
                raise AssertionError("pipes are not part of a stub's values")

    def _leaf(self, step: Step, wish: str, letter_: str, alignment: int, size: int, path: str) -> Reading:
        local = self.names.new(wish)
        self.item(letter_, alignment, size, local, path)
        return Reading(step, local)

    def _primitive(self, step: Scalar | EnumValue, wish: str, path: str) -> Reading:
        letter_ = letter(step, self.shared.syntax)
        width = WIDTHS[letter_]
        reading = self._leaf(step, wish, letter_, width, width, path)
        self._in_range(step.range, reading.local, path)
        return reading

    def _in_range(self, limits: tuple[int, int] | None, local: str, path: str) -> None:
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
            case RecordUse(name):
                inner = Siblings(reading.parts, [])
                for slot in self.shared.plan.records[name].slots:
                    self.deferred(reading.parts[slot.name], inner, f"{path}.{slot.name}")
            case Referent() | InterfaceReferent():
                self._pointee(reading, step, scope, path)
            case Choice():
                self._deferred_arms(reading, step, path)
            case Sequence():
                self._deferred_items(reading, step, path)
            case _:
                raise AssertionError(step)

    # ------------------------------------------------------------------ pointers

    def _pointee(self, reading: Reading, step: Referent | InterfaceReferent, scope: Siblings | None, path: str) -> None:
        local = reading.local
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
                self._interface(local, path)
            elif step.kind is PointerKind.FULL:
                self._full(step, local, scope, path)
            else:
                value = self._pointed(step.target, local, scope, path)
                self._assign(local, f"ndr.Ref({value})" if step.boxed else value)
            self.settle()
        ends = {*before.residues(), *self.phase.residues()}
        with self.block("else:"):
            self.line(f"{local} = None")
        self.phase = known(ends)

    def _assign(self, local: str, value: str) -> None:
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
                value = self._call(step.target.name, local, key).local
                self._assign(alias, value)
            else:
                value = self._pointed(step.target, local, scope, path)
                self._assign(alias, f"ndr.Ref({value})" if step.boxed else value)
                self.line(f"seen[{key}] = {alias}")
            self.settle()
        self.phase = known({*before.residues(), *self.phase.residues()})
        self.line(f"{local} = {alias}")

    def _interface(self, local: str, path: str) -> None:
        most = self.count_item("most", path)
        count = self.names.new("n")
        self.item("I", 4, 4, count, path)
        self.flush()
        self.reject(f"{count} != {most}", f"ndr.bad_count({count}, {most})", path)
        end = self._end(count, 1, path)
        self.line(f"{local} = bytes({self.octets(end)})")
        self.go(end)
        self.phase = UNKNOWN

    # ------------------------------------------------------------------ unions

    def _choice(self, step: Choice, wish: str, scope: Siblings | None, path: str) -> Reading:
        choice = self.shared.plan.choices[step.name]
        whole = self.layout.arm_alignment(step)
        if self.shared.syntax.wide:
            whole = max(whole, self.layout.alignment(step.tag))
            self.align(whole)
        elif choice.encapsulated:
            self.align(self.layout.alignment(step.tag))
        tag = self._primitive(step.tag, "tag", f"{path}.tag").local
        padded = self.shared.syntax.wide or (choice.ms_union and not choice.encapsulated)
        self.flush()
        self.settle()
        reading = Reading(step, self.names.new(wish), tag=tag)
        self._agree(step.switch, tag, scope, "tag_mismatch", path)
        self.line(f"{reading.local}: Any")
        start, ends = self.phase, []
        for number, (head, slot) in enumerate(self.arms(step, tag)):
            self.phase, self.base, self.offset = start, "at", 0
            with self.block(head):
                if padded:
                    self.align(whole)
                    self.flush()
                if slot is None:
                    self.line(f"{reading.local} = None")
                else:
                    inner = f"{path}.{slot.name}"
                    arm = self.body(slot.step, slot.name, None, inner, [])
                    self.flush()
                    if self.layout.defers(slot.step):
                        reading.parts[str(number)] = arm
                        self.line(f"{reading.local} = {_tuple(arm.locals())}")
                    else:
                        self._assign(reading.local, self.expression(arm))
                self.settle()
            ends.append(self.phase)
        if not any(arm.default for arm in choice.arms):
            with self.block("else:"):
                self.line(f"raise ndr.bad_tag({tag})", path)
        self.phase = known({residue for end in ends for residue in end.residues()}) if ends else start
        reading.rows = reading.local
        return reading

    def _agree(self, expression: Expression | None, local: str, scope: Siblings | None, error: str, path: str) -> None:
        """Checks `local` against what a sibling expression gives, at once or when the siblings are there."""
        if expression is None or scope is None:
            return
        if scope.ready(names_in(expression)):
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
        test = f"{local} is not None and {local} != {_group(wanted)}" if kept else f"{local} != {_group(wanted)}"
        self.reject(test, f"ndr.{error}({local}, {wanted})", path)

    def arms(self, step: Choice, tag: str) -> list[tuple[str, Any]]:
        """(`if` head, slot or None) of every arm, the default one last."""
        arms = self.shared.plan.choices[step.name].arms
        heads: list[tuple[str, Any]] = []
        for arm in sorted(arms, key=lambda arm: arm.default):
            if arm.default:
                heads.append(("else:" if heads else "if True:", arm.slot))
                continue
            word = "elif" if heads else "if"
            labels = arm.labels
            test = f"== {labels[0]}" if len(labels) == 1 else f"in ({', '.join(map(str, labels))})"
            heads.append((f"{word} {tag} {test}:", arm.slot))
        return heads

    def _deferred_arms(self, reading: Reading, step: Choice, path: str) -> None:
        self.flush()
        self.settle()
        before, ends = self.phase, [self.phase]
        for number, (head, slot) in enumerate(self.arms(step, reading.tag)):
            self.phase, self.base, self.offset = before, "at", 0
            with self.block(head):
                arm = reading.parts.get(str(number))
                if arm is None:
                    self.line("pass")
                else:
                    self.line(f"{_targets(arm.locals())} = {reading.local}")
                    self.deferred(arm, None, f"{path}.{slot.name}")
                    self._assign(reading.local, self.expression(arm))
                self.settle()
            ends.append(self.phase)
        self.phase = known({residue for end in ends for residue in end.residues()})

    # ------------------------------------------------------------------ strings and arrays

    def _end(self, count: str, width: int, path: str) -> str:
        """A local for where `count` units of `width` octets end, checked against the octets left."""
        end = self.names.new("stop")
        units = count if width == 1 else f"{width} * {_group(count)}"
        self.line(f"{end} = {self.place()} + {units}")
        self.reject(f"{end} > {self.size()}", f"ndr.cut_short({end}, d)", path)
        return end

    def _text(self, step: Text, wish: str, scope: Siblings | None, path: str, most: list[str]) -> Reading:
        first, count = self.count_item("first", path), self.count_item("n", path)
        self.flush()
        limit = str(step.bound) if step.bound is not None else most[0]
        self._in_range(step.range, count, path)
        local, end = self.names.new(wish), self.names.new("stop")
        unit = step.unit
        self.line(f"{end} = {self.place()} + {count if unit == 1 else f'2 * {count}'}")
        zeros = 'b"\\0"' if unit == 1 else 'b"\\0\\0"'
        last = f"d[{end} - {unit} : {end}] != {zeros}"
        self.reject(
            f"{first} or not 0 < {count} <= {limit} or {end} > {self.size()} or {last}",
            f"ndr.bad_string(d, {first}, {count}, {limit}, {end})",
            path,
        )
        if unit == 2:
            self.line(f'{local} = decode(d[{self.place()} : {end} - 2], "surrogatepass")[0]', path)
        else:
            self.line(f"{local} = widen(d[{self.place()} : {end} - 1])", path)
        if step.bound is None:
            self._agree(step.size, limit, scope, "bad_count", path)
        self.go(end)
        self.phase = Phase(2, self.phase.offset % 2) if unit == 2 else UNKNOWN
        return Reading(step, local)

    def _sequence(self, step: Sequence, wish: str, scope: Siblings | None, path: str, most: list[str]) -> Reading:
        if self.shared.flat(step):
            return self._flat_array(step, wish, path)
        count, first, shape = self._counts(step, scope, path, most)
        reading = Reading(step, self.names.new(wish), tag="")
        element = step.element
        alignment = self.layout.alignment(element)
        self._skip_to(alignment, count)
        match step.content:
            case Content.BYTES:
                end = self._end(count, 1, path)
                self.line(f"{reading.local} = bytes({self.octets(end)})")
                self.go(end)
                self.phase = UNKNOWN
            case Content.TEXT:
                end = self._end(count, 2, path)
                self.line(f'{reading.local} = decode({self.octets(end)}, "surrogatepass")[0]', path)
                self.go(end)
                self.phase = Phase(2, self.phase.offset % 2)
            case Content.NUMBERS:
                assert isinstance(element, Scalar)
                letter_ = letter(element, self.shared.syntax)
                end = self._end(count, WIDTHS[letter_], path)
                mover = self.shared.table("load", f'ndr.number_reader(order, "{letter_}")')
                self.line(f"{reading.local} = {mover}({self.octets(end)})")
                self.go(end)
                self.phase = self.phase.after(WIDTHS[letter_])
            case Content.ITEMS:
                self._fits(count, max(1, self.layout.least(element)), path)
                self.items(reading, step, count, path)
        reading.tag = ""
        self._finish_array(reading, step, first, shape)
        return reading

    def _finish_array(self, reading: Reading, step: Sequence, first: str, shape: list[tuple[str, str, str]]) -> None:
        if len(step.dimensions) > 1 and not reading.rows:
            shaped = ", ".join(f"({most}, {start}, {count})" for most, start, count in shape)
            self.line(f"{reading.local} = ndr.nest({reading.local}, ({shaped}))")
        elif first != "0" and not reading.rows:
            empty = {"bytes": 'b"\\0"', "text": '"\\0"'}.get(step.content.value, "[None]")
            self.line(f"{reading.local} = {empty} * {first} + {reading.local}")

    def _flat_array(self, step: Sequence, wish: str, path: str) -> Reading:
        count = step.dimensions[0].bound or 0
        match step.content:
            case Content.BYTES:
                return self._leaf(step, wish, f"{count}s", 1, count, path)
            case Content.TEXT:
                return self._leaf(step, wish, f"{2 * count}s", 2, 2 * count, path)
            case Content.NUMBERS:
                assert isinstance(step.element, Scalar)
                width = WIDTHS[letter(step.element, self.shared.syntax)]
                return self._leaf(step, wish, f"{width * count}s", width, width * count, path)
            case Content.ITEMS:
                reading = Reading(step)
                for k in range(count):
                    reading.parts[str(k)] = self.body(step.element, wish, None, f"{path}[{k}]", [])
                return reading

    def _counts(
        self, step: Sequence, scope: Siblings | None, path: str, most: list[str]
    ) -> tuple[str, str, list[tuple[str, str, str]]]:
        """(elements that travel, index of the first, and (most, first, count) for each dimension), all checked."""
        hoisted = iter(most)
        limits = [next(hoisted) if d.conformant else str(d.bound) for d in step.dimensions]
        varying = any(dimension.varying for dimension in step.dimensions)
        shape = []
        for dimension, limit in zip(step.dimensions, limits, strict=True):
            if varying:
                first, count = self.count_item("first", path), self.count_item("n", path)
                shape.append((limit, first, count))
            else:
                shape.append((limit, "0", limit))
            if dimension.conformant:
                self._agree(dimension.size, limit, scope, "bad_count", path)
            if varying:
                self._agree(dimension.length, shape[-1][2], scope, "bad_count", path)
                self._agree(dimension.first, shape[-1][1], scope, "bad_count", path)
        self.flush()
        if varying:
            for limit, first, count in shape:
                self.reject(f"{first} + {count} > {limit}", f"ndr.bad_count({first} + {count}, {limit})", path)
        if step.range is not None:
            for limit in limits:
                self._in_range(step.range, limit, path)
        if len(shape) == 1:
            return shape[0][2], shape[0][1], shape
        total = self.names.new("n")
        self.line(f"{total} = {' * '.join(count for _, _, count in shape)}")
        return total, "0", shape

    def _skip_to(self, alignment: int, count: str) -> None:
        """Aligns for the first of `count` elements; an empty array is followed by no padding."""
        self.flush()
        pad = self.phase.pad(alignment)
        if pad == 0:
            return
        self.settle()
        before = self.phase
        with self.block(f"if {count}:"):
            self.line(f"at = at + {alignment - 1} & {-alignment}")
            self.phase = Phase(alignment, 0)
        self.phase = known({*before.residues(), *self.phase.residues()})

    def items(self, reading: Reading, step: Sequence, count: str, path: str) -> None:
        """`count` elements that are not plain numbers, one after another."""
        element = step.element
        inner = f"{path}[len {reading.local}]"
        waits = self.layout.defers(element)
        if waits:
            reading.rows = self.names.new("rows")
            self.line(f"{reading.rows}: Any = []")
        else:
            self.line(f"{reading.local}: Any = []")
        self.settle()
        made: list[Reading] = []

        def one() -> None:
            self.base, self.offset = "at", 0
            item = self.body(element, "v", None, inner, [])
            self.flush()
            made.append(item)
            if waits:
                self.line(f"{reading.rows}.append({_tuple(item.locals())})")
            else:
                self.line(f"{reading.local}.append({self.expression(item)})")
            self.settle()

        self.loop(f"for _ in range({count}):", one)
        reading.element = made[-1]
        self.base, self.offset = "at", 0

    def _fits(self, count: str, least: int, path: str) -> None:
        if not count.isdigit() or int(count) > 65536:
            units = count if least == 1 else f"{least} * {count}"
            self.reject(f"{units} > {self.size()} - {_group(self.place())}", f"ndr.cut_short({units}, d)", path)

    def _deferred_items(self, reading: Reading, step: Sequence, path: str) -> None:
        if reading.parts:
            for k, part in enumerate(reading.parts.values()):
                self.deferred(part, None, f"{path}[{k}]")
            return
        item = reading.element
        assert item is not None
        inner = f"{path}[len {reading.local}]"
        self.flush()
        self.line(f"{reading.local}: Any = []")
        self.settle()
        names = item.locals()
        saved = _copy(item)

        def one() -> None:
            self.base, self.offset = "at", 0
            again = _copy(saved)
            self._complete(again, inner)
            self.line(f"{reading.local}.append({self.expression(again)})")
            self.settle()

        self.loop(f"for {_targets(names)} in {reading.rows}:", one)
        self.base, self.offset = "at", 0

    def _complete(self, reading: Reading, path: str) -> None:
        """The referents of one array element; a recursive record's are read by a function of its own."""
        step = reading.step
        if isinstance(step, RecordUse) and self.shared.plan.records[step.name].recursive:
            self.shared.wanted[f"finish_{step.name}"] = None
            self.settle()
            seen = ", seen" if self.shared.record_aliases(step.name) else ""
            call = f"finish_{step.name}(d, at{seen}, {', '.join(reading.locals())})"
            call = f"yield {call}" if self.generator else f"ndr.unwind({call})"
            local = self.names.new("v")
            self.line(f"{local}, at = {call}")
            self.phase = UNKNOWN
            reading.step, reading.local, reading.parts = Scalar(_ANY), local, {}
            return
        self.deferred(reading, None, path)

    def _rows(self, step: Sequence) -> bool:
        element = step.element
        recursive = isinstance(element, RecordUse) and self.shared.plan.records[element.name].recursive
        return len(step.dimensions) == 1 and self.shared.flat(element) and not recursive

    def _row_sequence(self, step: Sequence, wish: str, scope: Siblings | None, path: str) -> Reading:
        """Fixed rows through `iter_unpack`, each row's referents read as it comes."""
        most = self.conformance(step, path)
        count, first, _ = self._counts(step, scope, path, most)
        element = step.element
        size = self.layout.size(element)
        assert size is not None
        stride = self.layout.stride(element, size)
        gap = stride - size
        alignment = self.layout.alignment(element)
        self._skip_to(alignment, count)
        reading = Reading(step, self.names.new(wish))
        inner = f"{path}[len {reading.local}]"
        end = self.names.new("stop")
        octets = f"{stride} * {count}" if stride > 1 else count
        total = f"{octets} - {gap} if {count} else 0" if gap else octets
        self.line(f"{end} = {self.place()} + {_group(total) if gap else total}")
        self.reject(f"{end} > {self.size()}", f"ndr.cut_short({end}, d)", path)
        start = self.place()
        self.line(f"{reading.local}: Any = []")
        before = self.phase
        ends = {(r + stride * k - gap) % 8 for r in before.residues() for k in range(1, 9)} | set(before.residues())
        self.phase = Phase(alignment, 0)
        item = self.body(element, "v", None, inner, [])
        if gap:
            self.align(alignment)
        items, self.run, self.run_paths = self.run, [], []
        after, self.after = self.after, []
        run = lay_out(items, Phase(alignment, 0))
        targets = [it.value for it in items if it.letter]
        left = ", ".join(targets) if len(targets) > 1 else f"({targets[0]},)"
        data = cut("d", start, end)
        if gap:  # the last row is followed by no padding
            zeros = "\\0" * gap
            data = f'bytes({data}) + b"{zeros}" if {count} else b""'
        waits = self.layout.defers(element)
        self.phase = known(ends)
        if waits:
            if self.base is not None:
                rows = self.names.new("part")
                self.line(f"{rows} = {data}")
                data = rows
            self.go(end)
        else:
            self.base, self.offset = end, 0

        def one() -> None:
            for check in after:
                check()
            again = _copy(item)
            if waits:
                self.base, self.offset = "at", 0
                self.deferred(again, None, inner)
            self.line(f"{reading.local}.append({self.expression(again)})", inner)
            if waits:
                self.settle()

        self.loop(f"for {left} in {self.shared.rows(run)}({data}):", one)
        if waits:
            self.base, self.offset = "at", 0
        else:
            self.go(end)
        self._finish_array(reading, step, first, [])
        return Reading(Scalar(_ANY), reading.local)


_ANY = Kind.U1
"""Stands in a reading whose local is finished already."""


def _copy(reading: Reading) -> Reading:
    """A reading whose locals are those of the original, to be completed again."""
    element = _copy(reading.element) if reading.element is not None else None
    parts = {name: _copy(part) for name, part in reading.parts.items()}
    return Reading(reading.step, reading.local, parts, reading.tag, element, reading.rows)


def _tuple(names: list[str]) -> str:
    return f"({', '.join(names)},)" if len(names) == 1 else f"({', '.join(names)})"


def _targets(names: list[str]) -> str:
    """Names to unpack into, without parentheses where Python needs none."""
    return f"({names[0]},)" if len(names) == 1 else ", ".join(names)


def _group(text: str) -> str:
    return text if text.replace("_", "a").replace(".", "a").isalnum() else f"({text})"
