"""Macros and their expansion.

The algorithm is C's: arguments are expanded before they are put in, the result is scanned again with the macro itself
switched off, and a name met while it was switched off stays as it is for good. Every token that a body contributes is
blamed on the place of use. What expansion may produce is bounded, for a few lines can ask for more than fits anywhere.
"""

from __future__ import annotations

from collections.abc import Sequence

from idlc.data import dataclass
from idlc.diagnostics.report import Note, Report
from idlc.source.files import Span
from idlc.source.tokens import CHAR, NAME, NUMBER, PUNCT, STRING, Token, single

MAX_PER_USE = 100_000
"""Tokens that one use of a macro in a text may handle on its way to the result."""
MAX_IN_ALL = 6_000_000
"""The same for a whole file."""
MAX_NESTING = 100
"""Calls within arguments of calls."""


@dataclass(frozen=True, slots=True)
class Macro:
    """`parameters` is None for an object-like macro. `special` names one whose value depends on the place of use."""

    name: str
    parameters: tuple[str, ...] | None
    variadic: bool
    body: tuple[Token, ...]
    span: Span
    special: bool = False

    def same_as(self, other: Macro) -> bool:
        return (
            self.parameters == other.parameters
            and self.variadic == other.variadic
            and [(token.text, token.space) for token in self.body[:1]] + [token.text for token in self.body[1:]]
            == [(token.text, token.space) for token in other.body[:1]] + [token.text for token in other.body[1:]]
        )


class TooMuch(Exception):
    """An expansion grew beyond its bounds; the message says which."""


class _Frame:
    __slots__ = ("at", "name", "tokens")

    def __init__(self, tokens: Sequence[Token], name: str | None) -> None:
        self.tokens = tokens
        self.at = 0
        self.name = name


class Expander:
    """Expands tokens with the macros that are in force; `macros` may change between calls."""

    def __init__(self, macros: dict[str, Macro], report: Report) -> None:
        self.macros = macros
        self._report = report
        self._spent = 0
        self._total = 0

    def expand(self, tokens: Sequence[Token]) -> list[Token]:
        """The tokens with every macro expanded. Raises TooMuch only when the file as a whole asks for too much."""
        return self._expand(tokens, 0)

    def _expand(self, tokens: Sequence[Token], depth: int) -> list[Token]:
        macros = self.macros
        if depth > MAX_NESTING:
            raise TooMuch(f"more than {MAX_NESTING} macro calls stand inside one another")
        out: list[Token] = []
        frames = [_Frame(tokens, None)]
        active: set[str | None] = set()
        use: Token | None = None
        while frames:
            frame = frames[-1]
            if frame.at >= len(frame.tokens):
                frames.pop()
                active.discard(frame.name)
                continue
            token = frame.tokens[frame.at]
            frame.at += 1
            if token.kind != NAME or token.fixed or (macro := macros.get(token.text)) is None:
                out.append(token)
                continue
            if macro.name in active:
                out.append(Token(NAME, token.text, token.file, token.start, token.end, token.space, fixed=True))
                continue
            if len(frames) == 1 and depth == 0:
                use = token
                self._spent = 0
            try:
                body = self._replacement(macro, token, frames, active, depth)
                if body is None:
                    out.append(token)
                    continue
                self._spend(0)
            except TooMuch as error:
                if depth or use is None or self._total > MAX_IN_ALL:
                    raise
                notes = () if macro.span.is_none else (Note(f'"{macro.name}" is defined here', macro.span),)
                self._report.error(
                    "IDLC1006", f'expansion of macro "{use.text}" is too large: {error}', use.span, notes
                )
                del frames[1:]
                active.clear()
                continue
            frames.append(_Frame(body, macro.name))
            active.add(macro.name)
        return out

    def _spend(self, count: int) -> None:
        self._spent += count + 1
        self._total += count + 1
        if self._total > MAX_IN_ALL:
            raise TooMuch(f"macros of this file expand to more than {MAX_IN_ALL} tokens")
        if self._spent > MAX_PER_USE:
            raise TooMuch(f"more than {MAX_PER_USE} tokens")

    def _replacement(
        self, macro: Macro, use: Token, frames: list[_Frame], active: set[str | None], depth: int
    ) -> list[Token] | None:
        """What stands for a use of a macro; None when a function-like macro's name is not called."""
        if macro.special:
            return [_special(macro.name, use)]
        if macro.parameters is None:
            return self._substitute(macro, {}, use, depth)
        if not _opens_call(frames):
            return None
        arguments = self._arguments(macro, use, frames, active)
        return [] if arguments is None else self._substitute(macro, arguments, use, depth)

    def _arguments(
        self, macro: Macro, use: Token, frames: list[_Frame], active: set[str | None]
    ) -> dict[str, list[Token]] | None:
        """The arguments of a call by parameter, unexpanded; None when the call is malformed, which is reported."""
        parameters = macro.parameters
        assert parameters is not None
        found: list[list[Token]] = [[]]
        level = 0
        while True:
            while frames and frames[-1].at >= len(frames[-1].tokens):
                if len(frames) == 1:
                    self._report.error("IDLC1008", f'call of macro "{macro.name}" has no closing parenthesis', use.span)
                    return None
                active.discard(frames.pop().name)
            frame = frames[-1]
            token = frame.tokens[frame.at]
            frame.at += 1
            if token.kind == PUNCT:
                if token.text == "(":
                    level += 1
                    if level == 1:
                        continue
                elif token.text == ")":
                    level -= 1
                    if level == 0:
                        break
                elif token.text == "," and level == 1 and not (macro.variadic and len(found) >= len(parameters)):
                    found.append([])
                    continue
            found[-1].append(token)
            if len(found[-1]) > MAX_PER_USE:
                raise TooMuch(f"an argument has more than {MAX_PER_USE} tokens")
        if not parameters and len(found) == 1 and not found[0]:
            found = []
        if macro.variadic and len(found) == len(parameters) - 1:
            found.append([])
        if len(found) != len(parameters):
            notes = () if macro.span.is_none else (Note("it is defined here", macro.span),)
            message = f'macro "{macro.name}" takes {len(parameters)} arguments, not {len(found)}'
            self._report.error("IDLC1008", message, use.span, notes)
            return None
        return dict(zip(parameters, found, strict=True))

    def _substitute(self, macro: Macro, arguments: dict[str, list[Token]], use: Token, depth: int) -> list[Token]:
        body = macro.body
        expanded: dict[str, list[Token]] = {}
        result: list[Token] = []
        at = 0

        def placed(token: Token) -> Token:
            return Token(token.kind, token.text, use.file, use.start, use.end, token.space, token.fixed)

        while at < len(body):
            token = body[at]
            following = body[at + 1] if at + 1 < len(body) else None
            if (
                token.text == "#"
                and macro.parameters is not None
                and following is not None
                and following.text in arguments
            ):
                piece = [_stringified(arguments[following.text], use)]
                at += 2
            elif token.kind == NAME and token.text in arguments:
                at += 1
                if following is not None and following.text == "##":
                    piece = list(arguments[token.text])
                else:
                    if token.text not in expanded:
                        expanded[token.text] = self._expand(arguments[token.text], depth + 1)
                    piece = expanded[token.text]
            else:
                at += 1
                piece = [placed(token)]
            while at + 1 < len(body) and body[at].text == "##":
                right = body[at + 1]
                at += 2
                if right.kind == NAME and right.text in arguments:
                    operand = list(arguments[right.text])
                    # `, ## __VA_ARGS__` drops the comma when nothing is given, and pastes nothing otherwise.
                    if right.text == "__VA_ARGS__" and piece and piece[-1].text == ",":
                        piece = piece + operand if operand else piece[:-1]
                        continue
                elif right.text == "#" and at < len(body) and body[at].text in arguments:
                    operand = [_stringified(arguments[body[at].text], use)]
                    at += 1
                else:
                    operand = [placed(right)]
                piece = self._pasted(piece, operand, use)
            result += piece
            self._spend(len(piece))
        return result

    def _pasted(self, left: list[Token], right: list[Token], use: Token) -> list[Token]:
        if not left or not right:
            return left + right
        text = left[-1].text + right[0].text
        kind = single(text)
        if kind is None:
            self._report.error(
                "IDLC1008", f'pasting "{left[-1].text}" and "{right[0].text}" gives no single token', use.span
            )
            return left + right
        return [*left[:-1], Token(kind, text, use.file, use.start, use.end, left[-1].space), *right[1:]]


def _opens_call(frames: list[_Frame]) -> bool:
    for frame in reversed(frames):
        if frame.at < len(frame.tokens):
            return frame.tokens[frame.at].text == "("
    return False


def _special(name: str, use: Token) -> Token:
    if name == "__LINE__":
        return Token(NUMBER, str(use.span.line), use.file, use.start, use.end, use.space)
    text = use.file.name.replace("\\", "\\\\").replace('"', '\\"')
    return Token(STRING, f'"{text}"', use.file, use.start, use.end, use.space)


def _stringified(tokens: Sequence[Token], use: Token) -> Token:
    parts: list[str] = []
    for token in tokens:
        if parts and token.space:
            parts.append(" ")
        text = token.text
        if token.kind in (STRING, CHAR):
            text = text.replace("\\", "\\\\").replace('"', '\\"')
        parts.append(text)
    return Token(STRING, '"' + "".join(parts) + '"', use.file, use.start, use.end, use.space)
