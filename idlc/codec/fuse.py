"""From a wire plan to one codec module: which functions it has, and what each is made of."""

from __future__ import annotations

import re
from collections.abc import Iterable

from idlc.codec import get_arrays, put_arrays
from idlc.codec.blanks import blank
from idlc.codec.expressions import member
from idlc.codec.get import Get
from idlc.codec.phase import START, UNKNOWN, lay_out
from idlc.codec.pickles import pickle
from idlc.codec.put import Put
from idlc.codec.reading import Reading, Siblings
from idlc.codec.shared import PythonTypes, Shared, result_of
from idlc.codec.statements import Block, CodecModule, Entry, Function, Line, PickleEntry, Statement
from idlc.language.python_names import python_names
from idlc.semantics.types import Member, Variable
from idlc.wire.layout import Syntax, letter
from idlc.wire.steps import (
    RESULT,
    EnumValue,
    OperationPlan,
    PipeChunks,
    ProcedurePlan,
    RecordUse,
    Referent,
    Scalar,
    Slot,
    Step,
    WirePlan,
)


def fuse(plan: WirePlan, syntax: Syntax, python: PythonTypes, *, objects: bool = False) -> CodecModule:
    """The codec module of `plan` for one transfer syntax; for methods of objects it says what failed ones give."""
    shared = Shared(plan, syntax, python)
    functions: list[Function] = []
    entries = tuple(_entry(operation, shared, functions, objects) for operation in plan.operations)
    pickles = tuple(pickle(type_, shared, functions) for type_ in plan.pickles)
    pickles += tuple(_procedure(procedure, shared, functions) for procedure in plan.procedures)
    done: set[str] = set()
    while len(done) < len(shared.wanted):
        for name in list(shared.wanted):
            if name not in done:
                done.add(name)
                part, _, record = name.partition("_")
                functions.insert(0, _RECORD_FUNCTIONS[part](record, shared))
    tables = tuple(f"{name} = {spelling}" for spelling, name in sorted(shared.tables.items(), key=_table_order))
    types, converters = tuple(sorted(shared.types)), tuple(sorted(shared.converters))
    parameters, doc = _FACTORIES[syntax.name]
    return CodecModule(syntax.name, parameters, doc, types, converters, tables, tuple(functions), entries, pickles)


_FACTORIES = {
    "ndr20": (
        "order: str, limits: ndr.Limits = ndr.LIMITS",
        '"""The codecs by opnum; `order` is "<" or ">", the integer order of the data."""',
    ),
    "ndr64": (
        'order: str = "<", limits: ndr.Limits = ndr.LIMITS',
        '"""The codecs by opnum; NDR64 has one integer order (MS-RPCE 2.2.5)."""',
    ),
}
"""Parameters and docstring of each syntax's factory."""


def _table_order(entry: tuple[str, str]) -> tuple[str, int]:
    name = entry[1]
    prefix = name.rstrip("0123456789")
    return prefix, int(name[len(prefix) :] or 0)


# ---------------------------------------------------------------------------- operations


def _entry(operation: OperationPlan, shared: Shared, functions: list[Function], objects: bool) -> Entry:
    made = [
        _put_request(operation, shared),
        _get_request(operation, shared),
        _put_response(operation, shared),
        _get_response(operation, shared),
    ]
    texts = []
    for function in made:
        if isinstance(function, Function):
            functions.append(function)
            texts.append(function.name)
        else:
            texts.append(function)
    if operation.in_pipes or operation.out_pipes:
        for pipes in (operation.in_pipes, operation.out_pipes):
            elements = [_pipe_element(pipe.step, shared, functions) for pipe in pipes]
            texts.append(f"({elements[0]},)" if len(elements) == 1 else f"({', '.join(elements)})")
    if objects:
        failed = blank(operation, shared, _scope(operation.request, _inputs(operation)))
        if failed is not None:
            name = _function_name("blank", operation, "response", shared)
            functions.append(Function(name, "inputs: Any, hresult: int", "Any", (Line(f"return {failed}"),)))
            texts.append(f"blank={name}")
    return Entry(operation.opnum, ", ".join(texts))


def _function_name(verb: str, operation: OperationPlan, part: str, shared: Shared) -> str:
    """`put_Open_request`; a record that is called `Open_request` has taken that name."""
    name = f"{operation.name}_{part}"
    while name in shared.plan.records:
        name += "_"
    return f"{verb}_{name}"


def _put_request(operation: OperationPlan, shared: Shared) -> Function | str:
    slots = operation.request
    if not slots:
        return "ndr.put_nothing"
    if all(_plain(slot, shared) for slot in slots):
        emitter = Put(shared)
        for slot in slots:
            emitter.body(slot.step, "x", _no_variables, "")
        run = emitter.run
        emitter.run = []
        return shared.packer(lay_out(run, START))
    emitter = Put(shared)
    names = {slot.name: emitter.names.new(name) for slot, name in _named(slots)}
    _put_slots(emitter, slots, names, _scope(slots, names))
    body = _buffered(emitter, shared.operation_aliases(operation)[0])
    return Function(
        _function_name("put", operation, "request", shared), _typed(names.values()), "bytes | bytearray", body
    )


def _plain(slot: Slot, shared: Shared) -> bool:
    """Whether a value goes straight into `Struct.pack`: a number without limits."""
    step = slot.step
    if isinstance(step, EnumValue):
        return step.range is None and (step.octets is not None or shared.syntax.wide)
    return isinstance(step, Scalar) and step.range is None


def _put_response(operation: OperationPlan, shared: Shared) -> Function | str:
    slots = operation.response
    if not slots:
        return "ndr.put_no_result"
    emitter = Put(shared)
    piped = bool(operation.out_pipes)
    if piped:
        emitter.phase = UNKNOWN
    names = {}
    if len(slots) == 1:
        names[slots[0].name] = "result"
    elif not shared.has_class(result_of(operation.name)):  # a tuple
        for slot in slots:
            names[slot.name] = emitter.names.new(shared.outputs[operation.name].get(slot.name, "return_value"))
        emitter.line(f"{', '.join(names.values())} = result", slots[0].name)
    else:
        attributes = shared.outputs[operation.name]
        for slot in slots:
            attribute = attributes.get(slot.name, "return_value")
            names[slot.name] = emitter.names.new(attribute)
            emitter.line(f"{names[slot.name]} = result.{attribute}", slot.name)
    outer = _inputs(operation)
    _put_slots(emitter, slots, names, _scope((*slots, *operation.request), {**outer, **names}))
    body = _buffered(emitter, shared.operation_aliases(operation)[1], start="at" if piped else "")
    parameters = "result: Any, inputs: Any, at: int = 0"
    return Function(_function_name("put", operation, "response", shared), parameters, "bytes | bytearray", body)


def _inputs(operation: OperationPlan) -> dict[str, str]:
    """Spellings of the request's values, as a response's sizes may need them."""
    return {slot.name: f"inputs[{number}]" for number, slot in enumerate(operation.request)}


def _put_slots(emitter: Put, slots: tuple[Slot, ...], names: dict[str, str], scope: _Scope) -> None:
    for slot in slots:
        emitter.top(slot.step, names[slot.name], scope, slot.name)
    emitter.flush()


def _buffered(emitter: Put, aliases: bool, start: str = "") -> tuple[Statement, ...]:
    """The body around a stub's statements: makes the buffer, returns it."""
    statements = emitter.statements
    head: list[Statement] = []
    if emitter.uses_referents:
        statements = _without_last_count(statements)
        if any(_counts(statement) for statement in statements):
            head.append(Line("r = 0x20000"))
        else:
            statements = [_numbered(statement) for statement in statements]
    if aliases:
        head.append(Line("seen = ndr.Aliases()"))
    first = next((n for n, s in enumerate(statements) if isinstance(s, Line) and s.text.startswith("b += ")), -1)
    if start or first < 0 or _mentions(statements[:first]):
        tail = [Line("del b[:at]")] if start else []
        return (*head, Line(f"b = bytearray({start})"), *statements, *tail, Line("return b"))
    opening = statements[first]
    assert isinstance(opening, Line)
    before, after = statements[:first], statements[first + 1 :]
    if not after:
        return (*head, *before, Line(f"return {opening.text[5:]}", opening.path))
    last = after[-1]
    untouched = not any(_names(statement, _BUFFER) for statement in after[:-1])
    if untouched and isinstance(last, Line) and last.text.startswith("b += "):  # nothing needs a buffer that grows
        made = Line(f"b = {opening.text[5:]}", opening.path)
        end = last.text[5:]
        # What comes from the caller is of any type; a join is octets all the same.
        ours = not end.isidentifier() or any(_encodes(statement, end) for statement in statements)
        whole = f"b + {end}" if ours else f'b"".join((b, {end}))'
        return (*head, *before, made, *after[:-1], Line(f"return {whole}", last.path))
    return (*head, *before, Line(f"b = bytearray({opening.text[5:]})", opening.path), *after, Line("return b"))


def _encodes(statement: Statement, name: str) -> bool:
    return isinstance(statement, Line) and re.match(rf"{name}(, \w+)? = encode\(", statement.text) is not None


def _without_last_count(statements: list[Statement]) -> list[Statement]:
    """The statements but for a last `r += n` that nobody looks at any more."""
    for place in range(len(statements) - 1, -1, -1):
        statement = statements[place]
        if isinstance(statement, Line) and statement.text.startswith("r += "):
            return statements[:place] + statements[place + 1 :]
        if _names(statement, _COUNT):
            break
    return statements


def _counts(statement: Statement) -> bool:
    """Whether referents are counted in a statement, so that their ids are known at run time only."""
    if isinstance(statement, Line):
        return statement.text.startswith(("r = ", "r += "))
    return any(_counts(inner) for inner in statement.body)


def _numbered(statement: Statement) -> Statement:
    """The statement with its referent ids as numbers."""
    if isinstance(statement, Line):
        return Line(_ID.sub(_number, statement.text), statement.path)
    body = tuple(_numbered(inner) for inner in statement.body)
    return Block(_ID.sub(_number, statement.head), body, statement.path)


def _number(found: re.Match[str]) -> str:
    return f"0x{0x20000 + int(found[1] or 0):X}"  # as black spells it


def _names(statement: Statement, name: re.Pattern[str]) -> bool:
    """Whether a local is named anywhere in a statement."""
    if isinstance(statement, Line):
        return name.search(statement.text) is not None
    return name.search(statement.head) is not None or any(_names(inner, name) for inner in statement.body)


_COUNT = re.compile(r"\br\b")
_ID = re.compile(r"(?<![.\w])r\b(?: \+ (\d+))?")
_BUFFER = re.compile(r"\bb\b")


def _mentions(statements: list[Statement]) -> bool:
    """Whether the buffer is used in statements that are not plain assignments to locals and checks."""
    for statement in statements:
        if isinstance(statement, Line):
            text = statement.text
            if text.startswith("b ") or "(b)" in text or "(b," in text:
                return True
        elif _mentions(list(statement.body)) or "(b)" in statement.head:
            return True
    return False


def _get_request(operation: OperationPlan, shared: Shared) -> Function | str:
    piped = bool(operation.in_pipes)
    return _getter(operation, shared, operation.request, "request", piped=piped)


def _get_response(operation: OperationPlan, shared: Shared) -> Function | str:
    if not operation.response and not operation.out_pipes and not operation.in_pipes:
        return "ndr.get_no_result"
    return _getter(operation, shared, operation.response, "response", piped=bool(operation.out_pipes))


def _getter(
    operation: OperationPlan, shared: Shared, slots: tuple[Slot, ...], part: str, *, piped: bool
) -> Function | str:
    response = part == "response"
    has_pipes = bool(operation.in_pipes or operation.out_pipes)
    if not slots and not has_pipes and not response:
        return "ndr.get_nothing"
    if not response and not has_pipes and all(_raw(slot) for slot in slots):
        emitter = Get(shared)
        for slot in slots:
            emitter.body(slot.step, "x", None, "", [])
        return shared.reader(lay_out(emitter.run, START))
    emitter = Get(shared, at="at" if response and piped else None)
    parts: dict[str, Reading] = {}
    outer = _inputs(operation) if response else {}
    outer = {name: text for name, text in outer.items() if name not in {slot.name for slot in slots}}
    scope = Siblings(parts, [], outer, parameters=True)
    for slot, name in _named(slots):
        parts[slot.name] = emitter.top(slot.step, name, scope, slot.name)
    emitter.flush()
    for check in scope.waiting:
        check()
    values = [emitter.expression(parts[slot.name]) for slot in slots]
    if response:
        value = _result(operation, values, shared)
    else:
        value = f"({values[0]},)" if len(values) == 1 else f"({', '.join(values)})"
    if has_pipes:
        value = (
            f"({value}, {emitter.place()})" if not value.startswith("(") or response else f"{value}, {emitter.place()}"
        )
    if value.startswith("(") and value.endswith(")") and _one_group(value) and not value.endswith(",)"):
        value = value[1:-1] or "()"
    head = emitter.opening()
    alias = shared.operation_aliases(operation)[1 if response else 0]
    if alias:
        head.append(Line("seen: dict[Any, Any] = {}"))
    body = (*head, *emitter.statements, Line(f"return {value}"))
    parameters = "d: Any, inputs: Any, at: int = 0" if response else "d: Any, at: int = 0"
    return Function(_function_name("get", operation, part, shared), parameters, "Any", body)


def _procedure(plan: ProcedurePlan, shared: Shared, functions: list[Function]) -> PickleEntry:
    """An operation that is serialized: the writer of its [in] values, the reader of its [out] ones."""
    put = _put_request(plan.operation, shared)
    if isinstance(put, Function):
        functions.append(put)
        put = put.name
    get = _get_serialized(plan.operation, shared)
    functions.append(get)
    return PickleEntry(plan.key, f"{put}, {get.name}, True")


def _get_serialized(operation: OperationPlan, shared: Shared) -> Function:
    """[out] values by themselves: there is no request whose values sizes could be checked against."""
    slots = operation.response
    emitter = Get(shared)
    parts: dict[str, Reading] = {}
    unknown = frozenset(slot.name for slot in operation.request) - {slot.name for slot in slots}
    scope = Siblings(parts, [], parameters=True, unknown=unknown)
    for slot, name in _named(slots):
        parts[slot.name] = emitter.top(slot.step, name, scope, slot.name)
    emitter.flush()
    for check in scope.waiting:
        check()
    value = _result(operation, [emitter.expression(parts[slot.name]) for slot in slots], shared)
    head = emitter.opening()
    if shared.operation_aliases(operation)[1]:
        head.append(Line("seen: dict[Any, Any] = {}"))
    body = (*head, *emitter.statements, Line(f"return {value}, {emitter.place()}"))
    return Function(_function_name("get", operation, "serialized", shared), "d: Any", "Any", body)


def _one_group(text: str) -> bool:
    depth = 0
    for number, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if depth == 0:
            return number == len(text) - 1
    return False


def _raw(slot: Slot) -> bool:
    return isinstance(slot.step, Scalar) and slot.step.range is None


def _result(operation: OperationPlan, values: list[str], shared: Shared) -> str:
    if not values:
        return "None"
    if len(values) == 1:
        return values[0]
    kind = result_of(operation.name)
    return f"{shared.type(kind) if shared.has_class(kind) else ''}({', '.join(values)})"


# ---------------------------------------------------------------------------- records


def _put_record(name: str, shared: Shared) -> Function:
    record = shared.plan.records[name]
    step = RecordUse(name)
    emitter = Put(shared, generator=record.recursive)
    emitter.phase = UNKNOWN
    value = emitter.names.new("v")
    emitter.conformance(step, value, _no_variables, "")
    emitter.body(step, value, _no_variables, "")
    emitter.flush()
    emitter.deferred(step, value, _no_variables, "", own=True)
    return _put_function("put", name, value, emitter, shared)


def _defer_record(name: str, shared: Shared) -> Function:
    emitter = Put(shared, generator=True)
    emitter.phase = UNKNOWN
    value = emitter.names.new("v")
    emitter.deferred(RecordUse(name), value, _no_variables, "", own=True)
    return _put_function("defer", name, value, emitter, shared)


def _put_function(part: str, name: str, value: str, emitter: Put, shared: Shared) -> Function:
    emitter.flush()
    defers = shared.layout.defers(RecordUse(name))
    parameters = ["b", value] + ["r"] * defers + ["seen"] * shared.record_aliases(name)
    body: list[Statement] = [*emitter.statements]
    if defers:
        body.append(Line("return r"))
    return Function(f"{part}_{name}", _typed(parameters), "Any", tuple(_generating(body, emitter.generator)))


def _get_record(name: str, shared: Shared) -> Function:
    record = shared.plan.records[name]
    step = RecordUse(name)
    emitter = Get(shared, generator=record.recursive, at="at")
    most = emitter.conformance(step, "")
    reading = emitter.body(step, "v", None, "", most)
    emitter.flush()
    parameters = ["d", "at"] + ["seen"] * shared.record_aliases(name) + ["key"] * record.aliased
    if record.aliased:
        value = _early(reading, name, emitter, shared)
    else:
        emitter.deferred(reading, None, "")
        value = emitter.expression(reading)
    emitter.flush()
    body = [*emitter.opening(), *emitter.statements, *_returned(value, emitter)]
    return Function(f"get_{name}", _typed(parameters), "Any", tuple(_generating(body, emitter.generator)))


def _returned(value: str, emitter: Get) -> list[Statement]:
    """Returns a value and where it ends, the value made on a line of its own."""
    if value.isidentifier():
        return [Line(f"return {value}, {emitter.place()}")]
    name = emitter.names.new("made")
    return [Line(f"{name} = {value}"), Line(f"return {name}, {emitter.place()}")]


def _early(reading: Reading, name: str, emitter: Get, shared: Shared) -> str:
    """Makes the object before its referents are read, so that they can lead back to it."""
    waiting = [slot for slot in shared.plan.records[name].slots if shared.layout.defers(slot.step)]
    names = {slot.name for slot in waiting}
    arguments = [
        "ndr.UNSET" if slot in names else emitter.expression(reading.parts[slot]) for slot in shared.construction(name)
    ]
    value = emitter.names.new("made")
    emitter.line(f"{value} = {shared.type(name)}({', '.join(arguments)})")
    with emitter.block("if key:"):
        emitter.line(f"seen[key] = {value}")
    scope = Siblings(reading.parts, [])
    for slot in waiting:
        part = reading.parts[slot.name]
        emitter.deferred(part, scope, slot.name)
        emitter.flush()
        emitter.line(f"{value}.{shared.fields[name][slot.name]} = {emitter.expression(part)}")
    return value


def _finish_record(name: str, shared: Shared) -> Function:
    emitter = Get(shared, generator=True, at="at")
    reading = emitter.body(RecordUse(name), "v", None, "", [])
    emitter.flush()
    names = reading.locals()
    emitter.statements, emitter.base, emitter.offset, emitter.phase = [], "at", 0, UNKNOWN
    emitter.deferred(reading, None, "")
    emitter.flush()
    parameters = ["d", "at"] + ["seen"] * shared.record_aliases(name) + names
    returned = _returned(emitter.expression(reading), emitter)
    body = [*emitter.opening(), *emitter.statements, *returned]
    return Function(f"finish_{name}", _typed(parameters), "Any", tuple(_generating(body, True)))


def _generating(body: list[Statement], generator: bool) -> list[Statement]:
    """A recursive record's functions are generators even where they do not recurse."""
    if not generator or _yields(body):
        return body
    return [*body[:-1], Line("yield from ()"), body[-1]]


def _yields(body: list[Statement]) -> bool:
    return any(
        "yield " in statement.text if isinstance(statement, Line) else _yields(list(statement.body))
        for statement in body
    )


_RECORD_FUNCTIONS = {
    "put": _put_record,
    "defer": _defer_record,
    "get": _get_record,
    "finish": _finish_record,
}


# ---------------------------------------------------------------------------- pipes


def _pipe_element(step: PipeChunks, shared: Shared, functions: list[Function]) -> str:
    spelled = _element(step, shared, functions)
    return spelled if step.range is None else f"{spelled}.within({step.range[0]}, {step.range[1]})"


def _element(step: PipeChunks, shared: Shared, functions: list[Function]) -> str:
    element = step.element
    if isinstance(element, Scalar) and element.range is None:
        letter_ = letter(element, shared.syntax)
        if letter_ == "B":
            return "ndr.BYTES"
        return f'ndr.number_element(order, "{letter_}")'
    size, alignment = shared.layout.size(element), shared.layout.alignment(element)
    assert size is not None
    name = f"pipe_{step.name}"
    if all(function.name != f"put_{name}" for function in functions):
        functions.extend(_pipe_functions(name, element, shared, alignment))
    return f"ndr.row_element({size}, {alignment}, put_{name}, get_{name})"


def _pipe_functions(name: str, element: Step, shared: Shared, alignment: int) -> list[Function]:
    """Functions that move the elements of one chunk, which starts aligned."""
    put = Put(shared)
    block = put.names.new("block")
    put_arrays.chunk(put, element, alignment, block)
    get = Get(shared)
    get_arrays.chunk(get, element, alignment)
    return [
        Function(
            f"put_{name}",
            f"{block}: Any",
            "bytes | bytearray",
            (Line("b = bytearray()"), *put.statements, Line("return b")),
        ),
        Function(f"get_{name}", "d: Any, n: int", "Any", (*get.statements, Line("return block"))),
    ]


def _typed(names: Iterable[str]) -> str:
    return ", ".join(f"{name}: int" if name in ("at", "r") else f"{name}: Any" for name in names)


# ---------------------------------------------------------------------------- scopes


class _Scope:
    """Spells parameters by the locals that hold them."""

    def __init__(self, steps: dict[str, Slot], names: dict[str, str]) -> None:
        self.steps = steps
        self.names = names

    def __call__(self, variable: Variable | Member) -> str:
        if isinstance(variable, Member):
            return member(variable, self)
        text = self.names[variable.name]
        step = self.steps[variable.name].step
        if isinstance(step, Referent) and step.boxed and variable.dereferenced:
            return f"{text}.value"
        return text


def _scope(slots: tuple[Slot, ...], names: dict[str, str]) -> _Scope:
    return _Scope({slot.name: slot for slot in reversed(slots)}, names)


def _named(slots: tuple[Slot, ...]) -> list[tuple[Slot, str]]:
    spelled = python_names(tuple(slot.name for slot in slots if slot.name != RESULT))
    return [(slot, spelled.get(slot.name, "return_value")) for slot in slots]


def _no_variables(place: Variable | Member) -> str:
    raise AssertionError(f"{place.name} is out of reach")
