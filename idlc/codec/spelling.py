"""Small pieces of Python text that writers and readers share."""

from __future__ import annotations

from collections.abc import Iterable

from idlc.semantics.types import Member, Variable
from idlc.wire.steps import ArmStep, Referent, Slot, Step


def group(text: str) -> str:
    """An operand: in parentheses unless it is a name, an attribute or a number."""
    return text if text.replace("_", "a").replace(".", "a").isalnum() else f"({text})"


def labels(values: Iterable[int]) -> str:
    """Case labels as a tuple."""
    return str(tuple(values))


def arm_heads(arms: Iterable[ArmStep], tag: str) -> list[tuple[str, Slot | None]]:
    """The `if` head of every arm of a union, with what the arm holds; the default one last."""
    heads: list[tuple[str, Slot | None]] = []
    for arm in sorted(arms, key=lambda arm: arm.default):
        if arm.default:
            heads.append(("else:" if heads else "if True:", arm.slot))
            continue
        word = "elif" if heads else "if"
        test = f"== {arm.labels[0]}" if len(arm.labels) == 1 else f"in {labels(arm.labels)}"
        heads.append((f"{word} {tag} {test}:", arm.slot))
    return heads


def listed(names: list[str]) -> str:
    """Names as a tuple."""
    return f"({', '.join(names)},)" if len(names) == 1 else f"({', '.join(names)})"


def targets_of(names: list[str]) -> str:
    """Names to unpack into, without parentheses where Python needs none."""
    return f"({names[0]},)" if len(names) == 1 else ", ".join(names)


def unboxed(text: str, step: Step, variable: Variable) -> str:
    """A sibling as a size expression means it: the value in its box, when it was dereferenced."""
    if isinstance(step, Referent) and step.boxed and variable.dereferenced:
        return f"{text}.value"
    return text


def out_of_reach(place: Variable | Member) -> str:
    """The scope of a value that no expression can lead out of."""
    raise AssertionError(f"{place.name} is out of reach")
