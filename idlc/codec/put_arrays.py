"""Writing arrays and strings: sizes checked first, then counts, then the elements.

An array of fixed rows is written in one pass, its deferred pointees going to a second buffer that follows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from idlc.codec.expressions import Scope, cut, spell
from idlc.codec.phase import UNKNOWN, Phase, known
from idlc.codec.shared import TOGETHER
from idlc.codec.spelling import group, listed, out_of_reach
from idlc.data import dataclass, replace
from idlc.semantics.types import Dimension, Member, Variable
from idlc.wire.layout import WIDTHS, letter
from idlc.wire.steps import Content, Converted, RecordUse, Scalar, Sequence, Slot, Step, Text

if TYPE_CHECKING:
    from idlc.codec.put import Put


@dataclass(frozen=True, slots=True)
class Prepared:
    """An array or string made ready before its counts are written."""

    value: str
    """What is appended or looped over."""
    count: str
    most: str
    first: str = "0"
    counts: tuple[tuple[str, str, str], ...] = ()
    """Several dimensions: (most, first, count) of each."""


def prepare(put: Put, step: Sequence | Text, value: str, scope: Scope, path: str) -> Prepared:
    """Checks an array's or string's sizes and gives names to what its counts and body need."""
    if value in put.prepared:
        return put.prepared[value]
    if isinstance(step, Text):
        prepared = prepare_text(put, step, value, scope, path)
    elif len(step.dimensions) > 1:
        prepared = prepare_dimensions(put, step, value, scope, path)
    else:
        prepared = prepare_array(put, step, step.dimensions[0], value, scope, path)
    if isinstance(step, Sequence) and travelling(put, step) is not step.element:
        prepared = replace(prepared, value=converted(put, step, prepared.value, path))
    put.prepared[value] = prepared
    return prepared


def travelling(put: Put, step: Sequence) -> Step:
    """What the elements are once an array is prepared: those that leave referents have been converted by then."""
    element = step.element
    return element.target if isinstance(element, Converted) and put.layout.defers(element) else element


def converted(put: Put, step: Sequence, value: str, path: str) -> str:
    """A name for the list of what travels instead of the elements, whose bodies and referents are written apart."""
    assert isinstance(step.element, Converted)
    wires, item = put.names.new("wires"), put.names.new("v")
    put.line(f"{wires}: Any = []")
    with put.checking(f"for {item} in {value}:"):
        put.line(f"{wires}.append({put.shared.to_wire(step.element)}({item}))", f"{path}[{item} in {value}]")
    return wires


def prepare_text(put: Put, step: Text, value: str, scope: Scope, path: str) -> Prepared:
    text, count = put.names.new("text"), put.names.new("n")
    if step.unit == 2:
        put.line(f'{text} = encode({value} + "{chr(92)}0", "surrogatepass")[0]', f"{path}={value}:s")
        put.line(f"{count} = len({text}) >> 1")
    else:
        put.line(f'{text} = narrow({value} + "{chr(92)}0")', f"{path}={value}:s")
        put.line(f"{count} = len({text})")
    check_range(put, step.range, count, path)
    most = count
    if step.bound is not None:
        most = str(step.bound)
    elif step.size is not None:
        most = evaluated(put, spell(step.size, scope), "most")
    if most != count:
        with put.checking(f"if {count} > {group(most)}:"):
            put.line(f"raise ndr.too_long({count}, {most})", path)
    return Prepared(text, count, most)


def evaluated(put: Put, text: str, wish: str) -> str:
    if text.isidentifier() or text.isdigit():
        return text
    name = put.names.new(wish)
    put.line(f"{name} = {text}")
    return name


def check_range(put: Put, limits: tuple[int, int] | None, count: str, path: str) -> None:
    if limits is not None:
        put.check(f"{limits[0]} <= {count} <= {limits[1]}", path, f"{count}, {limits[0]}, {limits[1]}")


def prepare_array(put: Put, step: Sequence, dimension: Dimension, value: str, scope: Scope, path: str) -> Prepared:
    data = put.local(value, "items", path)
    if step.content is Content.TEXT:
        text = put.names.new("text")
        put.line(f'{text} = encode({data}, "surrogatepass")[0]', f"{path}={data}:s")
        data = text
    count = put.names.new("n")
    put.line(f"{count} = len({data}) >> 1" if step.content is Content.TEXT else f"{count} = len({data})", path)
    if dimension.bound is not None:
        most = str(dimension.bound)
    elif dimension.size is not None:
        most = evaluated(put, spell(dimension.size, scope), "most")
    else:
        most = count
    check_range(put, step.range, most, path)
    if not dimension.varying:
        if most != count:
            with put.checking(f"if {count} != {group(most)}:"):
                put.line(f"raise ndr.size_mismatch({count}, {most})", path)
        return Prepared(data, count, count if dimension.bound is None else most)
    first = "0" if dimension.first is None else evaluated(put, spell(dimension.first, scope), "first")
    if dimension.length is not None:
        length = evaluated(put, spell(dimension.length, scope), "length")
    else:
        length = count if first == "0" else evaluated(put, f"{count} - {group(first)}", "length")
    end = length if first == "0" else f"{group(first)} + {group(length)}"
    tests = [f"{group(end)} > {group(most)}", f"{group(end)} > {count}", f"{group(length)} < 0"]
    if first != "0":
        tests.append(f"{group(first)} < 0")
    with put.checking(f"if {' or '.join(tests)}:"):
        put.line(f"raise ndr.bad_extent({first}, {length}, {most}, {count})", path)
    if first != "0" or length != count:
        part = put.names.new("part")
        unit = "2 * " if step.content is Content.TEXT else ""
        start = "" if first == "0" else f"{unit}{group(first)}"
        stop = f"{unit}({end})" if unit and not end.isidentifier() else f"{unit}{end}"
        put.line(f"{part} = {cut(data, start, stop)}", path)
        data = part
    return Prepared(data, length, most, first)


def prepare_dimensions(put: Put, step: Sequence, value: str, scope: Scope, path: str) -> Prepared:
    counts = []
    for dimension in step.dimensions:
        if dimension.bound is not None:
            most = str(dimension.bound)
        else:
            assert dimension.size is not None
            most = evaluated(put, spell(dimension.size, scope), "most")
        first = "0" if dimension.first is None else evaluated(put, spell(dimension.first, scope), "first")
        length = most if dimension.length is None else evaluated(put, spell(dimension.length, scope), "length")
        if dimension.length is None and first != "0":
            length = evaluated(put, f"{group(most)} - {group(first)}", "length")
        counts.append((most, first, length))
    flat, count = put.names.new("flat"), put.names.new("n")
    shape = ", ".join(f"({most}, {first}, {length})" for most, first, length in counts)
    put.line(f"{flat} = ndr.flatten_{step.content.value}({value}, ({shape}))", path)
    data = flat
    if step.content is Content.TEXT:
        data = put.names.new("text")
        put.line(f'{data} = encode({flat}, "surrogatepass")[0]', path)
    put.line(f"{count} = {' * '.join(group(length) for _, _, length in counts)}")
    return Prepared(data, count, count, counts=tuple(counts))


def extents(put: Put, step: Sequence, prepared: Prepared, path: str) -> None:
    counts = prepared.counts or ((prepared.most, prepared.first, prepared.count),)
    for dimension, (_, first, length) in zip(step.dimensions, counts, strict=True):
        if dimension.varying:  # a fixed dimension has neither, as MIDL sees an array of arrays there
            put.count_item(first, path)
            put.count_item(length, path)


def sequence_body(put: Put, step: Sequence, value: str, scope: Scope, path: str) -> None:
    if put.shared.flat(step):
        flat_array(put, step, value, scope, path)
        return
    prepared = prepare(put, step, value, scope, path)
    extents(put, step, prepared, path)
    element = step.element
    alignment = put.layout.alignment(element)
    match step.content:
        case Content.BYTES | Content.TEXT:
            flush_aligned(put, alignment, prepared.count)
            put.line(f"{put.buffer} += {prepared.value}", path)
            odd = step.content is Content.BYTES
            put.phase = UNKNOWN if odd else put.phase.after(2)
        case Content.NUMBERS:
            assert isinstance(element, Scalar)
            letter_ = letter(element, put.shared.syntax)
            flush_aligned(put, alignment, prepared.count)
            mover = put.shared.table("write", f'ndr.number_writer(order, "{letter_}")')
            put.line(f"{put.buffer} += {mover}({prepared.value})", f"{path}={prepared.value}:{letter_}*")
            put.phase = put.phase.after(alignment)
        case Content.ITEMS:
            flush_aligned(put, alignment, prepared.count)
            items(put, step, prepared.value, scope, path)


def flush_aligned(put: Put, alignment: int, count: str) -> None:
    """Aligns for the first of `count` elements: an empty array is followed by no padding."""
    put.flush()
    if put.phase.pad(alignment) == 0:
        return
    before = put.phase
    with put.block(f"if {count}:"):
        put.align(alignment)
    put.phase = known({r for phase in (before, put.phase) for r in phase.residues()})


def flat_array(put: Put, step: Sequence, value: str, scope: Scope, path: str) -> None:
    """A fixed array as members of the run around it."""
    count = step.dimensions[0].bound or 0
    data = put.local(value, "items", path)
    if step.content is Content.TEXT:
        text = put.names.new("text")
        put.line(f'{text} = encode({data}, "surrogatepass")[0]', f"{path}={data}:s")
        data = text
    length = f"len({data}) >> 1" if step.content is Content.TEXT else f"len({data})"
    with put.checking(f"if {length} != {count}:"):
        put.line(f"raise ndr.size_mismatch({length}, {count})", path)
    match step.content:
        case Content.BYTES:
            put.item(f"{count}s", 1, count, f"bytes({data})", path)
        case Content.TEXT:
            put.item(f"{2 * count}s", 2, 2 * count, data, path)
        case Content.NUMBERS:
            assert isinstance(step.element, Scalar)
            letter_ = letter(step.element, put.shared.syntax)
            width = WIDTHS[letter_]
            mover = put.shared.table("write", f'ndr.number_writer(order, "{letter_}")')
            put.item(f"{width * count}s", width, width * count, f"{mover}({data})", path, f"{data}:{letter_}*")
        case Content.ITEMS:
            for k in range(count):
                put.body(step.element, f"{data}[{k}]", scope, f"{path}[{k}]")


def rows(put: Put, step: Sequence) -> bool:
    """Whether elements are rows of fixed size whose pointees can be written in the same pass."""
    return (
        len(step.dimensions) == 1
        and put.shared.flat(step.element)
        and put.layout.defers(step.element)
        and not recursive(put, step.element)
    )


def recursive(put: Put, element: Step) -> bool:
    if isinstance(element, Converted):
        element = element.target
    return isinstance(element, RecordUse) and put.shared.plan.records[element.name].recursive


def items(put: Put, step: Sequence, value: str, scope: Scope, path: str) -> None:
    """The bodies of elements, one after another, the first one at an aligned place."""
    element = travelling(put, step)
    item = put.names.new("v")
    inner = f"{path}[{item} in {value}]"

    def one() -> None:
        put.body(element, item, scope, inner)

    put.loop(f"for {item} in {value}:", one)


def chunk(put: Put, element: Step, alignment: int, block: str) -> None:
    """The elements of a pipe's chunk, a stride each but the last one; the first lies at an aligned place."""
    size = put.layout.size(element)
    assert size is not None
    gap = -size % alignment
    item = put.names.new("v")

    def one() -> None:
        put.phase = Phase(alignment, 0)
        put.body(element, item, _nothing, f"{block}[{item} in {block}]")
        put.align(alignment)

    if put.shared.numbers(element):
        many = [item, *(put.names.new("v") for _ in range(TOGETHER - 1))]
        each = put.names.new("each")

        def together() -> None:
            put.phase = Phase(alignment, 0)
            for each_item in many:
                put.body(element, each_item, _nothing, "")
                put.align(alignment)
            put.run_paths = []  # a block that fails is looked at again, element by element

        put.line(f"{each} = iter({block})")
        put.loop(f"for {', '.join(many)} in zip({', '.join([each] * TOGETHER)}):", together)
        put.loop(f"for {item} in {block}[len({block}) & -{TOGETHER} :]:", one)
    else:
        put.loop(f"for {item} in {block}:", one)
    if gap:
        put.line(f"del {put.buffer}[-{gap}:]")


def _nothing(place: Variable | Member) -> str:
    raise AssertionError(f"an element has a fixed size, and {place.name} says nothing about it")


def deferred_items(put: Put, step: Sequence, value: str, scope: Scope, path: str) -> None:
    if put.shared.flat(step):
        data = put.local(value, "items", path)
        for k in range(step.dimensions[0].bound or 0):
            slot = Slot(str(k), step.element)
            put.deferred_slot(slot, f"{data}[{k}]", scope, f"{path}[{k}]")
        return
    element = travelling(put, step)
    ready = element is step.element and len(step.dimensions) == 1 and not step.dimensions[0].varying
    if value in put.prepared or not ready:
        prepared = prepare(put, step, value, scope, path)
    else:
        prepared = Prepared(value, "", "")
    item = put.names.new("v")
    inner = f"{path}[{item} in {prepared.value}]"

    def one() -> None:
        put.deferred_slot(Slot(item, element), item, scope, inner)

    put.loop(f"for {item} in {prepared.value}:", one)


def row_sequence(put: Put, step: Sequence, value: str, scope: Scope, path: str) -> None:
    """Rows into the buffer and their pointees into a second one, in one pass over the elements."""
    put.conformance(step, value, scope, path)
    prepared = prepare(put, step, value, scope, path)
    extents(put, step, prepared, path)
    element = travelling(put, step)
    size = put.layout.size(element)
    assert size is not None
    stride = put.layout.stride(element, size)
    gap = stride - size
    flush_aligned(put, put.layout.alignment(element), prepared.count)
    if put.shared.only_texts(element):
        text_rows(put, element, prepared, stride, scope, path)
        return
    rows_phase = put.phase
    item, tail = put.names.new("v"), put.names.new("t")
    inner = f"{path}[{item} in {prepared.value}]"
    residues = {(r + stride * k - gap) % 8 for r in rows_phase.residues() for k in range(1, 9)}
    start = known(residues)
    if start.modulus == 8:
        skip = str(start.offset)
        put.line(f"{tail} = bytearray({skip})" if start.offset else f"{tail} = bytearray()")
    else:
        skip = put.names.new("k")
        text = f"{prepared.count} * {stride} - {gap}" if gap else f"{prepared.count} * {stride}"
        put.line(f"{skip} = len({put.buffer}) + {text} & 7")
        put.line(f"{tail} = bytearray({skip})")
    buffer = put.buffer
    aligned = Phase(put.layout.alignment(element), 0)

    def one() -> None:
        after_rows = put.phase
        put.phase = aligned
        put.body(element, item, scope, inner)
        if gap:
            put.align(put.layout.alignment(element))
        put.flush()
        put.buffer, put.phase = tail, after_rows
        put.deferred_slot(Slot(item, element), item, scope, inner)
        put.flush()
        put.buffer = buffer

    put.phase = start
    put.loop(f"for {item} in {prepared.value}:", one)
    if gap:
        with put.block(f"if {prepared.count}:"):
            put.line(f"del {buffer}[-{gap}:]")
    put.line(f"{buffer} += {tail}" if skip == "0" else f"{buffer} += {tail}[{skip}:]")
    ends = {r for phase in (rows_phase, put.phase) for r in phase.residues()}
    put.phase = known(ends)


def text_rows(put: Put, element: Step, prepared: Prepared, stride: int, scope: Scope, path: str) -> None:
    """Rows whose referents are all strings: they are gathered, and written behind the rows as one text."""
    size = put.layout.size(element)
    assert size is not None
    gap = stride - size
    before = put.phase
    item, texts = put.names.new("v"), put.names.new("texts")
    gathered: list[tuple[str, str]] = []
    put.line(f"{texts}: Any = []")

    def one() -> None:
        put.phase = Phase(put.layout.alignment(element), 0)
        put.body(element, item, scope, f"{path}[{item} in {prepared.value}]")
        if gap:
            put.align(put.layout.alignment(element))
        put.flush()
        put.deferred_slot(Slot(item, element), item, scope, f"{path}[*]")
        gathered[:], put.texts = put.texts, []
        put.line(f"{texts} += {listed([pointer for pointer, _ in gathered])}")
        put.phase = before  # what is gathered has no position yet

    put.loop(f"for {item} in {prepared.value}:", one)
    if gap:
        with put.block(f"if {prepared.count}:"):
            put.line(f"del {put.buffer}[-{gap}:]")
    ends = {(r + stride * k - gap) % 8 for r in before.residues() for k in range(1, 9)}
    put.phase = known({*before.residues(), *ends})
    every = len(gathered)
    given = "; ".join(f"{inner}={texts}:s/{number}/{every}" for number, (_, inner) in enumerate(gathered))
    joined_texts(put, texts, given)


def text_run(put: Put) -> None:
    """Strings behind one another in a structure: one text, unless it is only one."""
    texts, put.texts = put.texts, []
    if len(texts) == 1:
        ((pointer, path),) = texts
        put.optional(f"{pointer} is not None", lambda: lone_text(put, _TEXT, pointer, out_of_reach, path))
        return
    letter_, units = put.shared.syntax.pointer, put.layout.count_width // 2
    heads = put.shared.table("starts", f'ndr.text_heads(order, "{letter_}")')
    join = put.shared.table("join", f'ndr.text_writer(order, "{letter_}")')
    text, octets, count = put.names.new("text"), put.names.new("octets"), put.names.new("n")
    put.line(f'{text} = ""')
    gap = f"len({text}) & 1" if units == 2 else f"-len({text}) & {units - 1}"
    for pointer, path in texts:
        with put.checking(f"if {pointer} is not None:"):
            whole = f'{text}, {heads}[{gap}][len({pointer})], {pointer}, "{chr(92)}0"'
            put.line(f'{text} = "".join(({whole}))', f"{path}={pointer}:s")
    put.line(f'{octets}, {count} = encode({text}, "surrogatepass")')
    with put.checking(f"if len({octets}) != 2 * {count}:"):  # some character takes two units
        put.line(f"{octets} = {join}({listed([pointer for pointer, _ in texts])})")
    if put.phase.pad(2 * units) != 0:
        with put.checking(f"if {octets}:"):
            put.line(f"{put.buffer} += PAD[-len({put.buffer}) & {2 * units - 1}]")
    put.line(f"{put.buffer} += {octets}")
    put.phase = known({*put.phase.residues(), *Phase(2, 0).residues()})


_TEXT = Text(2, None, None)


def joined_texts(put: Put, texts: str, given: str) -> None:
    join = put.shared.table("join", f'ndr.text_writer(order, "{put.shared.syntax.pointer}")')
    place = "" if put.phase.pad(put.layout.count_width) == 0 else f", len({put.buffer})"
    put.line(f"{put.buffer} += {join}({texts}{place})", given)
    put.phase = known({*put.phase.residues(), *Phase(2, 0).residues()})


def lone_text(put: Put, step: Text, value: str, scope: Scope, path: str) -> None:
    """A string by itself: its three counts come ready from a table, with the padding before them."""
    prepared = prepare(put, step, value, scope, path)
    letter_ = put.shared.syntax.pointer
    pad = put.phase.pad(put.layout.count_width)
    heads = put.shared.table("heads", f'ndr.string_heads(order, "{letter_}")')
    which = f"-len({put.buffer}) & {put.layout.count_width - 1}" if pad is None else str(pad)
    put.line(f"{put.buffer} += {heads}[{which}][{prepared.count}]")
    put.line(f"{put.buffer} += {prepared.value}", path)
    put.phase = Phase(2, 0) if step.unit == 2 else UNKNOWN
