"""Writing unions: the discriminant, then the arm that it selects (C706 14.3.8; MS-RPCE 2.2.5.3.4.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from idlc.codec.expressions import Scope, spell
from idlc.codec.phase import known
from idlc.codec.spelling import arm_heads, group, labels, out_of_reach
from idlc.wire.steps import Choice, Slot

if TYPE_CHECKING:
    from idlc.codec.put import Put


def choice_body(put: Put, step: Choice, value: str, scope: Scope, path: str) -> None:
    choice = put.shared.plan.choices[step.name]
    union = put.local(value, "union", path)
    tag = put.names.new("tag")
    put.line(f"{tag} = {union}.tag", path)
    if step.switch is not None:
        wanted = spell(step.switch, scope)
        with put.checking(f"if {tag} != {group(wanted)}:"):
            put.line(f"raise ndr.tag_mismatch({tag}, {wanted})", path)
    before_tag, before_arm = put.layout.union_alignment(step)
    put.align(before_tag)
    put.primitive(step.tag, tag, f"{path}.tag")
    put.flush()
    start, ends = put.phase, []
    for head, arm in arm_heads(choice.arms, tag):
        put.phase = start
        with put.block(head):
            put.align(before_arm)
            if arm is not None:
                arm_value = value_of_arm(put, union, arm)
                put.body(arm.step, arm_value, out_of_reach, f"{path}.{arm.name}")
            put.flush()
            if not put.statements:
                put.line("pass")
        ends.append(put.phase)
    if not any(arm.default for arm in choice.arms):
        with put.block("else:"):
            put.line(f"raise ndr.bad_tag({tag})", path)
    put.phase = known({residue for end in ends for residue in end.residues()}) if ends else start


def value_of_arm(put: Put, union: str, arm: Slot) -> str:
    name = put.names.new(arm.name or "arm")
    put.line(f"{name} = {union}.value")
    return name


def deferred_arms(put: Put, step: Choice, value: str, path: str) -> None:
    union = put.local(value, "union", path)
    put.flush()
    before, ends, word = put.phase, [put.phase], "if"
    excluded: list[int] = []
    choice = put.shared.plan.choices[step.name]
    for arm in sorted(choice.arms, key=lambda arm: arm.default):
        if not arm.default:
            excluded.extend(arm.labels)
        if arm.slot is None or not put.layout.defers(arm.slot.step):
            continue
        if arm.default:
            test = f"{union}.tag not in {labels(excluded)}" if excluded else "True"
        else:
            test = f"{union}.tag in {labels(arm.labels)}"
            if len(arm.labels) == 1:
                test = f"{union}.tag == {arm.labels[0]}"
        put.phase = before
        with put.block(f"{word} {test}:"):
            name = put.names.new(arm.slot.name or "arm")
            put.line(f"{name} = {union}.value")
            put.deferred_slot(arm.slot, name, out_of_reach, f"{path}.{arm.slot.name}")
        ends.append(put.phase)
        word = "elif"
    put.phase = known({residue for end in ends for residue in end.residues()})
