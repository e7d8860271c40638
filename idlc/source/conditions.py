"""The value of a `#if` expression.

C's integer expressions over 64-bit values; names that are no macros count as 0. Written without recursion per
operator, so that a long expression costs no stack; parentheses and `?:` recurse and are bounded.
"""

from __future__ import annotations

from collections.abc import Sequence

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


def evaluate(tokens: Sequence[Token]) -> int:
    """The value of an expression whose macros are expanded; raises BadCondition."""
    parser = _Parser(tokens)
    value = parser.conditional(True, 0)
    if parser.at < len(tokens):
        raise BadCondition(f'unexpected "{tokens[parser.at].text}"', tokens[parser.at])
    return value


def _wrap(value: int) -> int:
    value &= 0xFFFFFFFFFFFFFFFF
    return value - 0x10000000000000000 if value >> 63 else value


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
    def __init__(self, tokens: Sequence[Token]) -> None:
        self.tokens = tokens
        self.at = 0

    def peek(self) -> str:
        return self.tokens[self.at].text if self.at < len(self.tokens) else ""

    def expect(self, text: str) -> None:
        if self.peek() != text:
            token = self.tokens[self.at] if self.at < len(self.tokens) else None
            raise BadCondition(f'"{text}" expected', token)
        self.at += 1

    def conditional(self, live: bool, depth: int) -> int:
        if depth > MAX_NESTING:
            raise BadCondition("expression nested too deeply", self.tokens[min(self.at, len(self.tokens) - 1)])
        condition = self.binary(live, depth)
        if self.peek() != "?":
            return condition
        self.at += 1
        then = self.conditional(live and condition != 0, depth + 1)
        self.expect(":")
        otherwise = self.conditional(live and condition == 0, depth + 1)
        return then if condition else otherwise

    def binary(self, live: bool, depth: int) -> int:
        """Operator precedence with explicit stacks; `live` is off in the half that && or || has decided away."""
        values: list[int] = []
        operators: list[tuple[str, bool, Token]] = []  # operator, liveness before it, its token

        def reduce() -> None:
            nonlocal live
            operator, was_live, token = operators.pop()
            right, left = values.pop(), values.pop()
            live = was_live
            values.append(_apply(operator, left, right, token) if live else 0)

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
                live = live and values[-1] != 0
            elif token.text == "||":
                live = live and values[-1] == 0

    def unary(self, live: bool, depth: int) -> int:
        prefixes: list[str] = []
        while self.peek() in ("+", "-", "!", "~"):
            prefixes.append(self.peek())
            self.at += 1
        value = self.primary(live, depth)
        for prefix in reversed(prefixes):
            if prefix == "-":
                value = _wrap(-value)
            elif prefix == "~":
                value = ~value
            elif prefix == "!":
                value = int(not value)
        return value

    def primary(self, live: bool, depth: int) -> int:
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
                return _wrap(integer(token.text))
            except ValueError:
                raise BadCondition(f'"{token.text}" is not an integer', token) from None
        if token.kind == NAME:
            return 0
        if token.kind == CHAR and len(token.text.removeprefix("L")) == 3:
            return ord(token.text[-2])
        raise BadCondition(f'unexpected "{token.text}"', token)


def _apply(operator: str, left: int, right: int, token: Token) -> int:
    match operator:
        case "||":
            return int(bool(left or right))
        case "&&":
            return int(bool(left and right))
        case "|":
            return left | right
        case "^":
            return left ^ right
        case "&":
            return left & right
        case "==":
            return int(left == right)
        case "!=":
            return int(left != right)
        case "<":
            return int(left < right)
        case ">":
            return int(left > right)
        case "<=":
            return int(left <= right)
        case ">=":
            return int(left >= right)
        case "<<":
            return _wrap(left << right) if 0 <= right < 64 else 0
        case ">>":
            return left >> right if 0 <= right < 64 else 0
        case "+":
            return _wrap(left + right)
        case "-":
            return _wrap(left - right)
        case "*":
            return _wrap(left * right)
        case _:
            if right == 0:
                raise BadCondition("division by zero", token)
            quotient = abs(left) // abs(right) * (1 if (left < 0) == (right < 0) else -1)
            return _wrap(quotient if operator == "/" else left - quotient * right)
