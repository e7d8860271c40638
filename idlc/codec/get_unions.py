"""Reading unions: the discriminant, then the arm that it selects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from idlc.codec.phase import known
from idlc.codec.reading import Reading, Siblings
from idlc.codec.spelling import listed, targets_of
from idlc.wire.steps import Choice

if TYPE_CHECKING:
    from idlc.codec.get import Get


def choice(get: Get, step: Choice, wish: str, scope: Siblings | None, path: str) -> Reading:
    choice = get.shared.plan.choices[step.name]
    whole = get.layout.arm_alignment(step)
    if get.shared.syntax.wide:
        whole = max(whole, get.layout.alignment(step.tag))
        get.align(whole)
    elif choice.encapsulated:
        get.align(get.layout.alignment(step.tag))
    tag = get.primitive(step.tag, "tag", f"{path}.tag").local
    padded = get.shared.syntax.wide or (choice.ms_union and not choice.encapsulated)
    get.flush()
    get.settle()
    reading = Reading(step, get.names.new(wish), tag=tag)
    get.agree(step.switch, tag, scope, "tag_mismatch", path)
    get.line(f"{reading.local}: Any")
    start, ends = get.phase, []
    for number, (head, slot) in enumerate(arms(get, step, tag)):
        get.phase, get.base, get.offset = start, "at", 0
        with get.block(head):
            if padded:
                get.align(whole)
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


def arms(get: Get, step: Choice, tag: str) -> list[tuple[str, Any]]:
    """(`if` head, slot or None) of every arm, the default one last."""
    arms = get.shared.plan.choices[step.name].arms
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


def deferred_arms(get: Get, reading: Reading, step: Choice, path: str) -> None:
    get.flush()
    get.settle()
    before, ends = get.phase, [get.phase]
    for number, (head, slot) in enumerate(arms(get, step, reading.tag)):
        get.phase, get.base, get.offset = before, "at", 0
        with get.block(head):
            arm = reading.parts.get(str(number))
            if arm is None:
                get.line("pass")
            else:
                get.line(f"{targets_of(arm.locals())} = {reading.local}")
                get.deferred(arm, None, f"{path}.{slot.name}")
                get.assign(reading.local, get.expression(arm))
            get.settle()
        ends.append(get.phase)
    get.phase = known({residue for end in ends for residue in end.residues()})
