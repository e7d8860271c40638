"""Types that are serialized by themselves: one writer and one reader each, as for the only value of a stub.

The headers around them and the padding behind are the runtime's; here alignment counts from the type (MS-RPCE
2.2.6). A reader says where the value ended, because more must not follow.
"""

from __future__ import annotations

from idlc.codec.get import Get
from idlc.codec.put import Put
from idlc.codec.shared import Shared
from idlc.codec.spelling import out_of_reach
from idlc.codec.statements import Function, Line, PickleEntry, Statement
from idlc.wire.steps import PicklePlan


def pickle(plan: PicklePlan, shared: Shared, functions: list[Function]) -> PickleEntry:
    """Adds the two functions of a type to `functions`."""
    name = f"{plan.name}_alone"
    while name in shared.plan.records:
        name += "_"
    emitter = Put(shared)
    value = emitter.names.new("value")
    put = Function(f"put_{name}", f"{value}: Any", "bytes | bytearray", _put(plan, value, emitter))
    get = Function(f"get_{name}", "d: Any", "Any", _get(plan, shared))
    functions += put, get
    return PickleEntry(plan.name, f"{put.name}, {get.name}, {plan.constructed}")


def _put(plan: PicklePlan, value: str, emitter: Put) -> tuple[Statement, ...]:
    emitter.top(plan.step, value, out_of_reach, plan.name)
    emitter.flush()
    head = [Line("b = bytearray()")]
    if emitter.uses_referents:
        head.append(Line("r = 0x20000"))
    if emitter.shared.aliases(plan.step):
        head.append(Line("seen = ndr.Aliases()"))
    return (*head, *emitter.statements, Line("return b"))


def _get(plan: PicklePlan, shared: Shared) -> tuple[Statement, ...]:
    emitter = Get(shared)
    reading = emitter.top(plan.step, "value", None, plan.name)
    emitter.flush()
    value = emitter.expression(reading)
    head = emitter.opening()
    if shared.aliases(plan.step):
        head.append(Line("seen: dict[Any, Any] = {}"))
    return (*head, *emitter.statements, Line(f"return {value}, {emitter.place()}"))
