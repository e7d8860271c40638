"""Reading arrays and strings: every count is checked against the octets left before anything is made of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from idlc.codec.expressions import cut
from idlc.codec.phase import UNKNOWN, Phase, known, lay_out
from idlc.codec.reading import DONE, Reading, Siblings, copied
from idlc.codec.shared import TOGETHER
from idlc.codec.spelling import group, listed, targets_of
from idlc.semantics.types import Dimension
from idlc.wire.layout import WIDTHS, letter
from idlc.wire.steps import Content, Converted, RecordUse, Scalar, Sequence, Step, Text

if TYPE_CHECKING:
    from idlc.codec.get import Get


def end_of(get: Get, count: str, width: int, path: str) -> str:
    """A local for where `count` units of `width` octets end, checked against the octets left."""
    end = get.names.new("stop")
    units = count if width == 1 else f"{width} * {group(count)}"
    get.line(f"{end} = {get.place()} + {units}")
    get.reject(f"{end} > {get.size()}", f"ndr.cut_short({end}, d)", path)
    return end


def text(get: Get, step: Text, wish: str, scope: Siblings | None, path: str, most: list[str]) -> Reading:
    first, count = get.count_item("first", path), get.count_item("n", path)
    get.flush()
    limit = str(step.bound) if step.bound is not None else most[0]
    get.in_range(step.range, count, path)
    get.reject(f"{count} > max_units", f"ndr.too_wide({count}, max_units)", path)
    local, end = get.names.new(wish), get.names.new("stop")
    unit = step.unit
    get.line(f"{end} = {get.place()} + {count if unit == 1 else f'2 * {count}'}")
    zeros = 'b"\\0"' if unit == 1 else 'b"\\0\\0"'
    last = f"d[{end} - {unit} : {end}] != {zeros}"  # so too when the data ends before
    get.reject(
        f"{first} or not 0 < {count} <= {limit} or {last}",
        f"ndr.bad_string(d, {first}, {count}, {limit}, {end})",
        path,
    )
    if unit == 2:
        get.line(f'{local} = decode(d[{get.place()} : {end} - 2], "surrogatepass", True)[0]', path)
    else:
        get.line(f"{local} = widen(d[{get.place()} : {end} - 1])", path)
    if step.bound is None:
        get.agree(step.size, limit, scope, "bad_count", path)
    get.go(end)
    get.phase = get.phase.after(2) if unit == 2 else UNKNOWN
    return Reading(step, local)


def sequence(get: Get, step: Sequence, wish: str, scope: Siblings | None, path: str, most: list[str]) -> Reading:
    if get.shared.flat(step):
        return flat_array(get, step, wish, path)
    count, first, shape = counts(get, step, scope, path, most)
    reading = Reading(step, get.names.new(wish), tag="")
    element = step.element
    alignment = get.layout.alignment(element)
    skip_to(get, alignment, count)
    match step.content:
        case Content.BYTES:
            end = end_of(get, count, 1, path)
            get.line(f"{reading.local} = bytes({get.octets(end)})")
            get.go(end)
            get.phase = UNKNOWN
        case Content.TEXT:
            end = end_of(get, count, 2, path)
            get.line(f'{reading.local} = decode({get.octets(end)}, "surrogatepass", True)[0]', path)
            get.go(end)
            get.phase = get.phase.after(2)
        case Content.NUMBERS:
            assert isinstance(element, Scalar)
            letter_ = letter(element, get.shared.syntax)
            end = end_of(get, count, WIDTHS[letter_], path)
            mover = get.shared.table("load", f'ndr.number_reader(order, "{letter_}")')
            get.line(f"{reading.local} = {mover}({get.octets(end)})")
            get.go(end)
            get.phase = get.phase.after(WIDTHS[letter_])
        case Content.ITEMS:
            if least := get.layout.least(element):
                fits(get, count, least, path)
            elif get.layout.vacant(step):
                get.line(f"ndr.claim({count}, seen, limits)", path)
            items(get, reading, step, count, path)
    if reading.rows:  # not before their referents are there
        reading.shape = tuple(shape)
    else:
        finish_array(get, reading, step, first, shape, path)
    return reading


def finish_array(
    get: Get, reading: Reading, step: Sequence, first: str, shape: list[tuple[str, str, str]], path: str
) -> None:
    """Gives the elements read their dimensions, and what was not sent before them its place."""
    kept = ", seen, limits" if get.layout.vacant(step) else ""
    if len(step.dimensions) > 1:
        shaped = ", ".join(f"({most}, {start}, {count})" for most, start, count in shape)
        get.line(f"{reading.local} = ndr.nest({reading.local}, ({shaped}){kept})", path)
    elif first != "0":
        get.line(f"{reading.local} = ndr.shifted({reading.local}, {first}{kept})", path)


def flat_array(get: Get, step: Sequence, wish: str, path: str) -> Reading:
    count = step.dimensions[0].bound or 0
    match step.content:
        case Content.BYTES:
            return get.leaf(step, wish, f"{count}s", 1, count, path)
        case Content.TEXT:
            return get.leaf(step, wish, f"{2 * count}s", 2, 2 * count, path)
        case Content.NUMBERS:
            assert isinstance(step.element, Scalar)
            width = WIDTHS[letter(step.element, get.shared.syntax)]
            return get.leaf(step, wish, f"{width * count}s", width, width * count, path)
        case Content.ITEMS:
            reading = Reading(step)
            for k in range(count):
                reading.parts[str(k)] = get.body(step.element, wish, None, f"{path}[{k}]", [])
            return reading


def counts(
    get: Get, step: Sequence, scope: Siblings | None, path: str, most: list[str]
) -> tuple[str, str, list[tuple[str, str, str]]]:
    """(elements that travel, index of the first, and (most, first, count) for each dimension), all checked."""
    hoisted = iter(most)
    limits = [next(hoisted) if d.conformant else str(d.bound) for d in step.dimensions]
    shape, unmoved = [], []
    for dimension, limit in zip(step.dimensions, limits, strict=True):
        if dimension.varying:
            first, count = get.count_item("first", path), get.count_item("n", path)
            if dimension.first is None:
                unmoved.append(first)
                first = "0"
            shape.append((limit, first, count))
        else:
            shape.append((limit, "0", limit))
        if dimension.conformant:
            get.agree(dimension.size, limit, scope, "bad_count", path)
        if dimension.varying:
            get.agree(dimension.length, shape[-1][2], scope, "bad_count", path)
            get.agree(dimension.first, shape[-1][1], scope, "bad_count", path)
    get.flush()
    for first in unmoved:  # without first_is nothing may go before: what is not sent would still take room
        get.reject(first, f"ndr.bad_count({first}, 0)", path)
    for dimension, (limit, first, count) in zip(step.dimensions, shape, strict=True):
        if dimension.varying:
            last = count if first == "0" else f"{first} + {count}"
            get.reject(f"{last} > {limit}", f"ndr.bad_count({last}, {limit})", path)
    if step.range is not None:
        for limit in limits:
            get.in_range(step.range, limit, path)
    total, start = shape[0][2], shape[0][1]
    if len(shape) > 1:
        total, start = get.names.new("n"), "0"
        get.line(f"{total} = {' * '.join(count for _, _, count in shape)}")
    if any(dimension.conformant or dimension.varying for dimension in step.dimensions):
        get.reject(f"{total} > max_elements", f"ndr.too_many({total}, max_elements)", path)
    return total, start, shape


def skip_to(get: Get, alignment: int, count: str) -> None:
    """Aligns for the first of `count` elements; an empty array is followed by no padding."""
    get.flush()
    pad = get.phase.pad(alignment)
    if pad == 0:
        return
    get.settle()
    before = get.phase
    with get.block(f"if {count}:"):
        get.line(f"at = at + {alignment - 1} & {-alignment}")
        get.phase = Phase(alignment, 0)
    get.phase = known({*before.residues(), *get.phase.residues()})


def items(get: Get, reading: Reading, step: Sequence, count: str, path: str) -> None:
    """`count` elements that are not plain numbers, one after another."""
    element = step.element
    inner = f"{path}[len {reading.local}]"
    waits = get.layout.defers(element)
    if waits:
        reading.rows = get.names.new("rows")
        get.line(f"{reading.rows}: Any = []")
    else:
        get.line(f"{reading.local}: Any = []")
    get.settle()
    made: list[Reading] = []

    def one() -> None:
        get.base, get.offset = "at", 0
        item = get.body(element, "v", None, inner, [])
        get.flush()
        made.append(item)
        if waits:
            get.line(f"{reading.rows}.append({listed(item.locals())})")
        else:
            get.line(f"{reading.local}.append({get.expression(item)})")
        get.settle()

    get.loop(f"for _ in range({count}):", one)
    reading.element = made[-1]
    get.base, get.offset = "at", 0


def chunk(get: Get, element: Step, alignment: int) -> None:
    """The list `block` of a pipe's `n` elements, each of which fills a stride of the octets `d`."""
    get.phase = Phase(alignment, 0)
    if not get.shared.flat(element):
        sequence_ = Sequence(element, (Dimension(),), Content.ITEMS)
        items(get, Reading(sequence_, "block"), sequence_, "n", "block")
        get.flush()
        return
    if isinstance(element, RecordUse) and get.shared.numbers(element):
        number_rows(get, element, alignment)
        return
    path = "block[len block]"
    get.line("block: Any = []")
    item = get.body(element, "v", None, path, [])
    get.align(alignment)
    moved, get.run, get.run_paths = get.run, [], []
    after, get.after = get.after, []
    run = lay_out(moved, get.phase)
    left = targets_of([it.value for it in moved if it.letter])

    def one() -> None:
        for check in after:
            check()
        if isinstance(element, RecordUse):
            get.line(f"made = {get.shared.table('make', 'object.__new__')}({get.shared.type(element.name)})")
            for slot in get.shared.construction(element.name):
                field = get.shared.fields[element.name][slot]
                get.line(f"made.{field} = {get.expression(item.parts[slot])}", path)
            get.line("block.append(made)")
        else:
            get.line(f"block.append({get.expression(item)})", path)

    get.loop(f"for {left} in {get.shared.rows(run)}(d):", one)


def number_rows(get: Get, element: RecordUse, alignment: int) -> None:
    """Rows that are nothing but numbers, several at a time, straight into objects that are there already."""
    stride = get.layout.stride(element, get.layout.size(element) or 0)
    spelled = get.shared.fields[element.name]
    fields = [spelled[slot.name] for slot in get.shared.plan.records[element.name].slots]
    many = [get.names.new("v") for _ in range(TOGETHER)]

    def rows(count: int, made: str, octets: str) -> None:
        for _ in range(count):
            get.body(element, "x", None, "", [])
            get.align(alignment)
        run, get.run, get.run_paths = lay_out(get.run, Phase(alignment, 0)), [], []
        targets = [f"{item}.{field}" for item in many[:count] for field in fields]
        with get.block(f"for {', '.join(many[:count])}, row in zip({made}, {get.shared.rows(run)}({octets})):"):
            get.line(f"{targets_of(targets)} = row")

    get.line(f"block: Any = ndr.blank({get.shared.type(element.name)}, n)")
    get.line("each = iter(block)")
    get.line(f"whole = n & -{TOGETHER}")
    rows(TOGETHER, ", ".join(["each"] * TOGETHER), f"d[: {stride} * whole]")
    rows(1, "block[whole:]", f"d[{stride} * whole :]")


def fits(get: Get, count: str, least: int, path: str) -> None:
    if not count.isdigit() or int(count) > 65536:
        units = count if least == 1 else f"{least} * {count}"
        get.reject(f"{units} > {get.size()} - {group(get.place())}", f"ndr.cut_short({units}, d)", path)


def deferred_items(get: Get, reading: Reading, step: Sequence, path: str) -> None:
    if reading.parts:
        for k, part in enumerate(reading.parts.values()):
            get.deferred(part, None, f"{path}[{k}]")
        return
    item = reading.element
    assert item is not None
    inner = f"{path}[len {reading.local}]"
    get.flush()
    get.line(f"{reading.local}: Any = []")
    get.settle()
    names = item.locals()
    saved = copied(item)

    def one() -> None:
        get.base, get.offset = "at", 0
        again = copied(saved)
        complete(get, again, inner)
        get.flush()
        get.line(f"{reading.local}.append({get.expression(again)})")
        get.settle()

    get.loop(f"for {targets_of(names)} in {reading.rows}:", one)
    get.base, get.offset = "at", 0
    finish_array(get, reading, step, reading.shape[0][1], list(reading.shape), path)


def complete(get: Get, reading: Reading, path: str) -> None:
    """The referents of one array element; a recursive record's are read by a function of its own."""
    step = reading.step
    if isinstance(step, RecordUse) and get.shared.plan.records[step.name].recursive:
        get.shared.wanted[f"finish_{step.name}"] = None
        get.settle()
        seen = ", seen" if get.shared.record_aliases(step.name) else ""
        call = f"finish_{step.name}(d, at{seen}, {', '.join(reading.locals())})"
        call = f"yield {call}" if get.generator else f"ndr.unwind({call}, max_depth)"
        local = get.names.new("v")
        get.line(f"{local}, at = {call}")
        get.phase = UNKNOWN
        reading.step, reading.local, reading.parts = Scalar(DONE), local, {}
        return
    get.deferred(reading, None, path)


def rows(get: Get, step: Sequence) -> bool:
    element = step.element.target if isinstance(step.element, Converted) else step.element
    recursive = isinstance(element, RecordUse) and get.shared.plan.records[element.name].recursive
    return len(step.dimensions) == 1 and get.shared.flat(element) and not recursive and bool(get.layout.size(element))


def row_sequence(get: Get, step: Sequence, wish: str, scope: Siblings | None, path: str) -> Reading:
    """Fixed rows through `iter_unpack`, each row's referents read as it comes."""
    most = get.conformance(step, path)
    count, first, _ = counts(get, step, scope, path, most)
    element = step.element
    size = get.layout.size(element)
    assert size is not None
    stride = get.layout.stride(element, size)
    gap = stride - size
    alignment = get.layout.alignment(element)
    skip_to(get, alignment, count)
    reading = Reading(step, get.names.new(wish))
    inner = f"{path}[len {reading.local}]"
    end = get.names.new("stop")
    octets = f"{stride} * {count}" if stride > 1 else count
    total = f"{octets} - {gap} if {count} else 0" if gap else octets
    get.line(f"{end} = {get.place()} + {group(total) if gap else total}")
    get.reject(f"{end} > {get.size()}", f"ndr.cut_short({end}, d)", path)
    start = get.place()
    get.line(f"{reading.local}: Any = []")
    before = get.phase
    ends = {(r + stride * k - gap) % 8 for r in before.residues() for k in range(1, 9)} | set(before.residues())
    get.phase = Phase(alignment, 0)
    item = get.body(element, "v", None, inner, [])
    if gap:
        get.align(alignment)
    items, get.run, get.run_paths = get.run, [], []
    after, get.after = get.after, []
    run = lay_out(items, Phase(alignment, 0))
    targets = [it.value for it in items if it.letter]
    left = ", ".join(targets) if len(targets) > 1 else f"({targets[0]},)"
    data = cut("d", start, end)
    if gap:  # the last row is followed by no padding
        zeros = "\\0" * gap
        data = f'bytes({data}) + b"{zeros}" if {count} else b""'
    waits = get.layout.defers(element)
    as_texts = waits and get.shared.only_texts(element)
    get.phase = known(ends)
    if as_texts:
        split = get.shared.table("split", f'ndr.text_reader(order, "{get.shared.syntax.pointer}", max_units)')
        get.texts = get.names.new("texts")
        get.line(f"{get.texts} = {split}(d, {end})")
    elif waits:
        if get.base is not None:
            rows = get.names.new("part")
            get.line(f"{rows} = {data}")
            data = rows
        get.go(end)
    else:
        get.base, get.offset = end, 0

    def one() -> None:
        for check in after:
            check()
        again = copied(item)
        if as_texts:
            get.deferred(again, None, inner)
        elif waits:
            get.base, get.offset = "at", 0
            get.deferred(again, None, inner)
            get.flush()
        get.line(f"{reading.local}.append({get.expression(again)})", inner)
        if waits and not as_texts:
            get.settle()

    get.loop(f"for {left} in {get.shared.rows(run)}({data}):", one)
    if as_texts:
        get.go(f"{get.texts}.send(True)")
        get.texts = ""
        get.phase = known({*get.phase.residues(), *Phase(2, 0).residues()})
    elif waits:
        get.base, get.offset = "at", 0
    else:
        get.go(end)
    finish_array(get, reading, step, first, [], path)
    return Reading(Scalar(DONE), reading.local)
