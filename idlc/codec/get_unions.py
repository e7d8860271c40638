"""Reading unions: the discriminant, then the arm that it selects."""

from __future__ import annotations

from typing import TYPE_CHECKING

from idlc.codec.phase import known
from idlc.codec.reading import Reading, Siblings
from idlc.codec.spelling import arm_heads, listed, targets_of
from idlc.wire.steps import Choice

if TYPE_CHECKING:
    from idlc.codec.get import Get


def choice(get: Get, step: Choice, wish: str, scope: Siblings | None, path: str) -> Reading:
    choice = get.shared.plan.choices[step.name]
    before_tag, before_arm = get.layout.union_alignment(step)
    get.align(before_tag)
    tag = get.primitive(step.tag, "tag", f"{path}.tag").local
    get.flush()
    get.settle()
    reading = Reading(step, get.names.new(wish), tag=tag)
    get.agree(step.switch, tag, scope, "tag_mismatch", path)
    get.line(f"{reading.local}: Any")
    start, ends = get.phase, []
    for number, (head, slot) in enumerate(arm_heads(choice.arms, tag)):
        get.phase, get.base, get.offset = start, "at", 0
        with get.block(head):
            get.align(before_arm)
            get.flush()
            if slot is None:
                get.line(f"{reading.local} = None")
            else:
                inner = f"{path}.{slot.name}"
                arm = get.body(slot.step, slot.name, None, inner, [])
                get.flush()
                if get.layout.defers(slot.step):
                    reading.parts[str(number)] = arm
                    get.line(f"{reading.local} = {listed(arm.locals())}")
                else:
                    get.assign(reading.local, get.expression(arm))
            get.settle()
        ends.append(get.phase)
    if not any(arm.default for arm in choice.arms):
        with get.block("else:"):
            get.line(f"raise ndr.bad_tag({tag})", path)
    get.phase = known({residue for end in ends for residue in end.residues()}) if ends else start
    reading.rows = reading.local
    return reading


def deferred_arms(get: Get, reading: Reading, step: Choice, path: str) -> None:
    get.flush()
    get.settle()
    before, ends = get.phase, [get.phase]
    for number, (head, slot) in enumerate(arm_heads(get.shared.plan.choices[step.name].arms, reading.tag)):
        get.phase, get.base, get.offset = before, "at", 0
        with get.block(head):
            arm = reading.parts.get(str(number))
            if arm is None or slot is None:
                get.line("pass")
            else:
                get.line(f"{targets_of(arm.locals())} = {reading.local}")
                get.deferred(arm, None, f"{path}.{slot.name}")
                get.assign(reading.local, get.expression(arm))
            get.settle()
        ends.append(get.phase)
    get.phase = known({residue for end in ends for residue in end.residues()})
