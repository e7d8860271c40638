"""Which values merely say how long an array is, so that Python can work them out.

A value is worked out when everything that names it does so in a way that can be turned round (`n`, `n + 1`,
`n / 2`) about an array that is given; where several arrays name it, the codec checks that they agree. Anything
less plain stays a value that the caller gives.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from idlc.codec.expressions import names
from idlc.data import dataclass
from idlc.semantics.types import (
    Array,
    Base,
    BaseKind,
    Binary,
    Constant,
    Expression,
    Pointer,
    PointerKind,
    String,
    Type,
    UnionUse,
    Variable,
)


@dataclass(frozen=True, slots=True)
class Sibling:
    """One value of a frame: a field, or a parameter."""

    name: str
    type: Type
    given: bool = True
    """Whether its value is there when the sizes are worked out ([in], or a field)."""
    kept: bool = False
    """Whether its room outlives the call ([in, out] with length_is), so that a size means more than a length."""


@dataclass(frozen=True, slots=True)
class _Use:
    sibling: Sibling
    role: str
    expression: Expression
    simple: bool
    nullable: bool
    unit: str


def inferred(siblings: Iterable[Sibling], python: Mapping[str, str]) -> dict[str, str]:
    """For each sibling that can be worked out, the Python expression that does it.

    Args:
        siblings: the values of one structure or one operation's request.
        python: the Python spelling of each sibling.
    """
    frame = tuple(siblings)
    uses: dict[str, list[_Use]] = {}
    for sibling in frame:
        for use in _uses(sibling):
            for name in names(use.expression):
                uses.setdefault(name, []).append(use)
    found = {}
    for sibling in frame:
        if _integer(sibling.type) and sibling.given and sibling.name in uses:
            text = _worked_out(sibling.name, uses[sibling.name], python)
            if text is not None:
                found[sibling.name] = text
    return found


def _integer(type_: Type) -> bool:
    if isinstance(type_, Pointer) and type_.kind is PointerKind.REF:
        type_ = type_.target
    return isinstance(type_, Base) and type_.kind not in (BaseKind.FLOAT, BaseKind.DOUBLE, BaseKind.GUID)


def _worked_out(name: str, uses: list[_Use], python: Mapping[str, str]) -> str | None:
    texts = []
    for use in uses:
        if not use.simple:
            return None
        if not use.sibling.given:
            continue
        if use.role == "switch":
            if not isinstance(use.expression, Variable):
                return None
            texts.append(f"{python[use.sibling.name]}.tag")
            continue
        if use.role == "size" and use.sibling.kept:
            return None
        length = f"{use.unit}({python[use.sibling.name]})"
        turned = _turned(use.expression, name, length)
        if turned is None:
            return None
        if use.nullable:
            turned = f"0 if {python[use.sibling.name]} is None else {turned}"
        texts.append(turned)
    return texts[0] if texts else None


def _turned(expression: Expression, name: str, length: str) -> str | None:
    match expression:
        case Variable():
            return length
        case Binary("+", Variable(), Constant(value)) | Binary("+", Constant(value), Variable()):
            return f"{length} - {value}"
        case Binary("-", Variable(), Constant(value)):
            return f"{length} + {value}"
        case Binary("/", Variable(), Constant(value)) if value > 0:
            return f"{value} * {length}"
        case _:
            return None


def _uses(sibling: Sibling) -> Iterator[_Use]:
    """Every expression in a sibling's type; those of its outermost array are simple."""
    type_ = sibling.type
    nullable = False
    depth = 0
    while True:
        match type_:
            case Pointer(kind, target):
                depth += not isinstance(target, Array | String | UnionUse) or kind is PointerKind.FULL
                nullable = nullable or kind is not PointerKind.REF
                type_ = target
            case Array(element, dimensions):
                for number, dimension in enumerate(dimensions):
                    text = isinstance(element, Base) and element.kind is BaseKind.WCHAR
                    for role, expression in (("size", dimension.size), ("length", dimension.length)):
                        if expression is not None:
                            simple = depth == 0 and number == 0 and dimension.first is None
                            unit = "ndr.units" if text else "len"
                            yield _Use(sibling, role, expression, simple, nullable, unit)
                    if dimension.first is not None:
                        yield _Use(sibling, "first", dimension.first, False, nullable, "len")
                depth += 1
                type_ = element
            case String():
                if type_.size is not None:
                    yield _Use(sibling, "size", type_.size, False, nullable, "len")
                return
            case UnionUse(_, switch):
                if switch is not None:
                    yield _Use(sibling, "switch", switch, depth == 0 and not nullable, nullable, "")
                return
            case _:
                return
