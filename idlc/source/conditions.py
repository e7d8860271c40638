"""The value of a `#if` expression.

C's integer expressions over signed and unsigned 64-bit values; names that are no macros count as 0. Written without
recursion per operator, so that a long expression costs no stack; parentheses and `?:` recurse and are bounded.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from idlc.source.tokens import CHAR, NAME, NUMBER, Token

MAX_NESTING = 60

_LEVELS = {
    "||": 1, "&&": 2, "|": 3, "^": 4, "&": 5, "==": 6, "!=": 6, "<": 7, ">": 7, "<=": 7, ">=": 7,
    "<<": 8, ">>": 8, "+": 9, "-": 9, "*": 10, "/": 10, "%": 10,
}  # fmt: skip


class BadCondition(ValueError):
    """The expression is malformed; `token` is where, or None for its end."""

    def __init__(self, message: str, token: Token | None) -> None:
        super().__init__(message)
        self.token = token


def evaluate(tokens: Sequence[Token], *, exact: bool = False) -> int:
    """The value of an expression whose macros are expanded; raises BadCondition.

    Arithmetic is that of C's widest integers, signed and unsigned; `exact` refuses what only fits because of that.
    """
    parser = _Parser(tokens, exact)
    value = parser.conditional(True, 0)
    if parser.at < len(tokens):
        raise BadCondition(f'unexpected "{tokens[parser.at].text}"', tokens[parser.at])
    return value.number


class _Value:
    """A 64-bit number; `unsigned` says which kind."""

    __slots__ = ("number", "unsigned")

    def __init__(self, number: int, unsigned: bool = False) -> None:
        self.number = number
        self.unsigned = unsigned


def _wrap(value: int, unsigned: bool) -> _Value:
    value &= 0xFFFFFFFFFFFFFFFF
    return _Value(value - 0x10000000000000000 if value >> 63 and not unsigned else value, unsigned)


@lru_cache(maxsize=10_000)
def integer(text: str) -> int:
    """The value of a C integer literal; raises ValueError."""
    digits = text.lower()
    if digits.endswith("i64"):
        digits = digits[:-3]
        digits = digits.removesuffix("u")
    elif digits.startswith("0x") or not digits.endswith(("f", "e")):
        digits = digits.rstrip("ul")
    if len(digits) > 64:
        raise ValueError("too many digits")
    if digits.startswith("0x"):
        return int(digits[2:], 16)
    if digits.startswith("0") and len(digits) > 1:
        return int(digits, 8)
    if not (digits.isascii() and digits.isdigit()):
        raise ValueError("not an integer")
    return int(digits)


class _Parser:
    def __init__(self, tokens: Sequence[Token], exact: bool) -> None:
        self.tokens = tokens
        self.exact = exact
        self.at = 0

    def peek(self) -> str:
        return self.tokens[self.at].text if self.at < len(self.tokens) else ""

    def expect(self, text: str) -> None:
        if self.peek() != text:
            token = self.tokens[self.at] if self.at < len(self.tokens) else None
            raise BadCondition(f'"{text}" expected', token)
        self.at += 1

    def conditional(self, live: bool, depth: int) -> _Value:
        if depth > MAX_NESTING:
            raise BadCondition("expression nested too deeply", self.tokens[min(self.at, len(self.tokens) - 1)])
        condition = self.binary(live, depth)
        if self.peek() != "?":
            return condition
        self.at += 1
        then = self.conditional(live and condition.number != 0, depth + 1)
        self.expect(":")
        otherwise = self.conditional(live and condition.number == 0, depth + 1)
        chosen = then if condition.number else otherwise
        return _wrap(chosen.number, then.unsigned or otherwise.unsigned)

    def binary(self, live: bool, depth: int) -> _Value:
        """Operator precedence with explicit stacks; `live` is off in the half that && or || has decided away."""
        values: list[_Value] = []
        operators: list[tuple[str, bool, Token]] = []  # operator, liveness before it, its token

        def reduce() -> None:
            nonlocal live
            operator, was_live, token = operators.pop()
            right, left = values.pop(), values.pop()
            live = was_live
            if not live:
                values.append(_Value(0, left.unsigned or right.unsigned))
                return
            value, exact = _apply(operator, left, right, token)
            if self.exact and value.number != exact:
                raise BadCondition("the value does not fit", token)
            values.append(value)

        while True:
            values.append(self.unary(live, depth))
            level = _LEVELS.get(self.peek(), 0)
            while operators and _LEVELS[operators[-1][0]] >= level:
                reduce()
            if not level:
                return values[0]
            token = self.tokens[self.at]
            self.at += 1
            operators.append((token.text, live, token))
            if token.text == "&&":
                live = live and values[-1].number != 0
            elif token.text == "||":
                live = live and values[-1].number == 0

    def unary(self, live: bool, depth: int) -> _Value:
        prefixes: list[str] = []
        while self.peek() in ("+", "-", "!", "~"):
            prefixes.append(self.peek())
            self.at += 1
        value = self.primary(live, depth)
        for prefix in reversed(prefixes):
            if prefix == "-":
                value = _wrap(-value.number, value.unsigned)
            elif prefix == "~":
                value = _wrap(~value.number, value.unsigned)
            elif prefix == "!":
                value = _Value(int(not value.number))
        return value

    def primary(self, live: bool, depth: int) -> _Value:
        if self.at >= len(self.tokens):
            raise BadCondition("the expression ends too early", None)
        token = self.tokens[self.at]
        self.at += 1
        if token.text == "(":
            value = self.conditional(live, depth + 1)
            self.expect(")")
            return value
        if token.kind == NUMBER:
            try:
                number = integer(token.text)
            except ValueError:
                raise BadCondition(f'"{token.text}" is not an integer', token) from None
            unsigned = number >> 63 != 0 or "u" in token.text.lower()
            if self.exact and unsigned:
                raise BadCondition("the value does not fit", token)
            return _wrap(number, unsigned)
        if token.kind == NAME:
            return _Value(0)
        if token.kind == CHAR:
            return _Value(character(token.text))
        raise BadCondition(f'unexpected "{token.text}"', token)


def character(text: str) -> int:
    """The value of a C character constant; of several characters, as compilers number them."""
    inside = text.removeprefix("L")[1:-1]
    value = 0
    for match in re.finditer(r"\\x([0-9A-Fa-f]{1,4})|\\([0-7]{1,3})|\\(.)|(.)", inside, re.DOTALL):
        if match[1]:
            code = int(match[1], 16)
        elif match[2]:
            code = int(match[2], 8)
        else:
            code = _ESCAPES.get(match[3], ord(match[3])) if match[3] else ord(match[4])
        value = (value << 8 | code) & 0xFFFFFFFF
    return value


_ESCAPES = {"n": 10, "t": 9, "v": 11, "b": 8, "r": 13, "f": 12, "a": 7}


def _apply(operator: str, a: _Value, b: _Value, token: Token) -> tuple[_Value, int]:
    """The result of an operator in 64 bits, and what it would be with more."""
    unsigned = a.unsigned or b.unsigned
    left, right = a.number, b.number
    if unsigned and operator not in ("&&", "||", "<<", ">>"):
        left, right = left & 0xFFFFFFFFFFFFFFFF, right & 0xFFFFFFFFFFFFFFFF
    match operator:
        case "||":
            return _truth(left != 0 or right != 0)
        case "&&":
            return _truth(left != 0 and right != 0)
        case "==":
            return _truth(left == right)
        case "!=":
            return _truth(left != right)
        case "<":
            return _truth(left < right)
        case ">":
            return _truth(left > right)
        case "<=":
            return _truth(left <= right)
        case ">=":
            return _truth(left >= right)
        case "<<" | ">>":
            # A shift by a negative number goes the other way; one by too much leaves nothing but the sign.
            by = right if operator == "<<" else -right
            result = left << min(by, 128) if by >= 0 else left >> min(-by, 128)
            unsigned = a.unsigned
        case "|":
            result = left | right
        case "^":
            result = left ^ right
        case "&":
            result = left & right
        case "+":
            result = left + right
        case "-":
            result = left - right
        case "*":
            result = left * right
        case _:
            if right == 0:
                raise BadCondition("division by zero", token)
            quotient = abs(left) // abs(right) * (1 if (left < 0) == (right < 0) else -1)
            result = quotient if operator == "/" else left - quotient * right
    return _wrap(result, unsigned), result


def _truth(value: bool) -> tuple[_Value, int]:
    return _Value(int(value)), int(value)
