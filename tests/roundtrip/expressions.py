"""Bound size expressions evaluated directly, beside the generated code that evaluates them too."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from idlc.semantics import types as t

BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": lambda a, b: int(a / b),
    "%": lambda a, b: a - b * int(a / b),
    "<<": operator.lshift,
    ">>": operator.rshift,
    "&": operator.and_,
    "|": operator.or_,
    "^": operator.xor,
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
    "&&": lambda a, b: bool(a) and bool(b),
    "||": lambda a, b: bool(a) or bool(b),
}
UNARY: dict[str, Callable[[Any], Any]] = {
    "+": operator.pos,
    "-": operator.neg,
    "!": operator.not_,
    "~": operator.invert,
}


def evaluate(expression: t.Expression, scope: Mapping[str, Any]) -> Any:
    match expression:
        case t.Constant(value=value):
            return value
        case t.Variable(name=name):
            return scope[name]
        case t.Member(operand=operand, name=name):
            return getattr(evaluate(operand, scope), name)
        case t.Unary(operator=sign, operand=operand):
            return int(UNARY[sign](evaluate(operand, scope)))
        case t.Binary(operator=sign, left=left, right=right):
            return int(BINARY[sign](evaluate(left, scope), evaluate(right, scope)))
        case t.Conditional(condition=condition, then=then, otherwise=otherwise):
            return evaluate(then if evaluate(condition, scope) else otherwise, scope)
        case t.Cast(bits=bits, signed=signed, operand=operand):
            value = evaluate(operand, scope) % (1 << bits)
            return value - (1 << bits) if signed and value >> (bits - 1) else value


def variables(expression: t.Expression | None) -> Iterator[str]:
    match expression:
        case t.Variable(name=name):
            yield name
        case t.Member(operand=operand) | t.Unary(operand=operand) | t.Cast(operand=operand):
            yield from variables(operand)
        case t.Binary(left=left, right=right):
            yield from variables(left)
            yield from variables(right)
        case t.Conditional(condition=condition, then=then, otherwise=otherwise):
            yield from variables(condition)
            yield from variables(then)
            yield from variables(otherwise)
        case _:
            return
