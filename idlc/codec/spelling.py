"""Small pieces of Python text that writers and readers share."""

from __future__ import annotations

from collections.abc import Iterable

from idlc.semantics.types import Variable
from idlc.wire.steps import Referent, Step


def group(text: str) -> str:
    """An operand: in parentheses unless it is a name, an attribute or a number."""
    return text if text.replace("_", "a").replace(".", "a").isalnum() else f"({text})"


def labels(values: Iterable[int]) -> str:
    """Case labels as a tuple."""
    return str(tuple(values))


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


def out_of_reach(variable: Variable) -> str:
    """The scope of a value that no expression can lead out of."""
    raise AssertionError(f"{variable.name} is out of reach")
