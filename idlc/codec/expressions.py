"""Spelling size_is, length_is and switch_is expressions in Python, with C's integer semantics."""

from __future__ import annotations

from collections.abc import Callable
from typing import assert_never

from idlc.language.python_names import python_name
from idlc.semantics.types import (
    Binary,
    Cast,
    Conditional,
    Constant,
    Expression,
    Member,
    Unary,
    Variable,
)

Scope = Callable[[Variable | Member], str]
"""Spells a sibling, a local, a field of the object at hand, the box it is in; or what is in one."""

_COMPARISONS = frozenset({"<", ">", "<=", ">=", "==", "!="})


def spell(expression: Expression, scope: Scope) -> str:
    """Python text of `expression`; `scope` spells a sibling."""
    match expression:
        case Constant(value):
            return str(value)
        case Variable() | Member():
            return scope(expression)
        case Unary("!", operand):
            return f"int(not {_truth(operand, scope)})"
        case Unary(operator, operand):
            return f"{operator}{_operand(operand, scope)}"
        case Binary("&&" | "||" as operator, left, right):
            word = "and" if operator == "&&" else "or"
            return f"int(bool({_truth(left, scope)} {word} {_truth(right, scope)}))"
        case Binary(operator, left, right) if operator in _COMPARISONS:
            return f"int({_operand(left, scope)} {operator} {_operand(right, scope)})"
        case Binary("/", left, Constant(value)) if value > 0 and not _subtracts(left):
            return f"{_operand(left, scope)} // {value}"
        case Binary("/", left, right):
            return f"ndr.quotient({spell(left, scope)}, {spell(right, scope)})"
        case Binary("%", left, Constant(value)) if value > 0 and not _subtracts(left):
            return f"{_operand(left, scope)} % {value}"
        case Binary("%", left, right):
            return f"ndr.remainder({spell(left, scope)}, {spell(right, scope)})"
        case Binary(operator, left, right):
            return f"{_operand(left, scope)} {operator} {_operand(right, scope)}"
        case Conditional(condition, then, otherwise):
            return f"{_operand(then, scope)} if {_truth(condition, scope)} else {_operand(otherwise, scope)}"
        case Cast(bits, signed, operand):
            if signed:
                return f"ndr.signed({spell(operand, scope)}, {bits})"
            return f"{_operand(operand, scope)} & {(1 << bits) - 1}"
        case _:
            assert_never(expression)


def member(place: Member, scope: Scope) -> str:
    """A field of a sibling that is an object already."""
    return f"{_operand(place.operand, scope)}.{python_name(place.name)}"


def names(expression: Expression) -> frozenset[str]:
    """The siblings that `expression` needs."""
    match expression:
        case Constant():
            return frozenset()
        case Variable(name):
            return frozenset({name})
        case Member(operand, _) | Unary(_, operand) | Cast(_, _, operand):
            return names(operand)
        case Binary(_, left, right):
            return names(left) | names(right)
        case Conditional(condition, then, otherwise):
            return names(condition) | names(then) | names(otherwise)
        case _:
            assert_never(expression)


def _operand(expression: Expression, scope: Scope) -> str:
    text = spell(expression, scope)
    atomic = text.replace("_", "a").replace(".", "a").isalnum()
    return text if atomic else f"({text})"


def _subtracts(expression: Expression) -> bool:
    """Whether it may come out below zero where its variables do not: there Python divides otherwise than C."""
    match expression:
        case Binary(operator, left, right):
            return operator == "-" or _subtracts(left) or _subtracts(right)
        case Conditional(condition, then, otherwise):
            return any(map(_subtracts, (condition, then, otherwise)))
        case Unary(operator, operand):
            return operator in "-~" or _subtracts(operand)
        case Cast(_, _, operand):
            return _subtracts(operand)
        case _:
            return False


def _truth(expression: Expression, scope: Scope) -> str:
    if isinstance(expression, Variable) and expression.pointer:
        return f"({scope(expression)} is not None)"
    return _operand(expression, scope)


def cut(data: str, start: str, stop: str) -> str:
    """A slice, spaced as black spaces it: apart when an end is more than a name or a number."""
    simple = all(text.replace("_", "a").isalnum() or not text for text in (start, stop))
    return f"{data}[{start}:{stop}]" if simple else f"{data}[{start} : {stop}]".replace("[ :", "[:")
