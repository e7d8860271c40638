"""Macros and their expansion.

The algorithm is C's: arguments are expanded before they are put in, the result is scanned again with the macro itself
switched off, and a name met while it was switched off stays as it is for good. Every token that a body contributes is
blamed on the place of use. What expansion may produce is bounded, for a few lines can ask for more than fits anywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from idlc.data import dataclass
from idlc.diagnostics.report import Note, Report
from idlc.source.conditions import BadCondition, evaluate
from idlc.source.files import Span
from idlc.source.tokens import CHAR, NAME, NUMBER, PUNCT, STRING, Fragment, Shared, Token, single

MAX_PER_USE = 100_000
"""Tokens that one use of a macro in a text may handle on its way to the result."""
MAX_IN_ALL = 6_000_000
"""The same for a whole file."""
MAX_NESTING = 100
"""Calls within arguments of calls."""
MAX_LETTERS = 20_000
"""Characters of one token that `#` or `##` make: what doubles them again and again is small in tokens."""
MAX_REFUSALS = 8
"""Uses of macros in a file that come to too much; whoever has more is not told of each."""


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

    def __init__(self, tokens: Sequence[Token], name: str) -> None:
        self.tokens = tokens
        self.at = 0
        self.name = name


class Expander:
    """Expands tokens with the macros that are in force, `macros`, which only `define` and `undefine` change."""

    def __init__(self, report: Report) -> None:
        self.macros: dict[str, Macro] = {}
        self._report = report
        self._spent = 0
        self._total = 0
        self._refused = 0
        # What macros come to that mean the same wherever text uses them, as long as no name among their tokens changes.
        self._settled: dict[str, tuple[Token, ...] | None] = {}
        self._numbers: dict[str, tuple[str | None, bool]] = {}
        self._fragments: dict[str, tuple[Fragment, tuple[Token, ...]] | None] = {}
        self._involved: set[str] = set()

    def define(self, macro: Macro) -> None:
        self.macros[macro.name] = macro
        self._forget(macro.name)

    def undefine(self, name: str) -> None:
        self.macros.pop(name, None)
        self._forget(name)

    def _forget(self, name: str) -> None:
        if name in self._involved:
            self._settled.clear()
            self._numbers.clear()
            self._fragments.clear()
            self._involved.clear()

    def expand(self, tokens: Sequence[Token]) -> list[Token]:
        """The tokens with every macro expanded. Raises TooMuch only when the file as a whole asks for too much."""
        return self._expand(tokens, 0, frozenset())

    def expand_text(self, tokens: Sequence[Token], *, share: bool) -> list[Token]:
        """The same for text, where a macro that is an expression of numbers becomes the one number that it is.

        That cannot be told apart where it is in parentheses, or all that there is between two commas. Files that number
        thousands of things by sums of macros are five times as long without this.

        With `share`, whole statements that a macro stands for are one token, with one fragment for all uses.
        """
        return self._expand(tokens, 0, frozenset(), fold=True, share=share)

    def expand_condition(self, tokens: Sequence[Token]) -> list[Token]:
        """The same for the expression of an `#if`; raises BadCondition as well."""
        return self._expand(tokens, 0, frozenset(), condition=True)

    # ------------------------------------------------------------------ the algorithm

    def _expand(
        self,
        tokens: Sequence[Token],
        depth: int,
        outer: frozenset[str],
        *,
        fold: bool = False,
        share: bool = False,
        condition: bool = False,
    ) -> list[Token]:
        """Expand what stands by itself, or an argument: `outer` are the macros within whose expansions it stands."""
        macros = self.macros
        if depth > MAX_NESTING:
            raise TooMuch(f"more than {MAX_NESTING} macro calls stand inside one another")
        out: list[Token] = []
        frames = [_Frame(tokens, "")]
        active = set(outer)
        use: Token | None = None
        # Most of a text has nothing to do with macros, and goes on as it is up to the next name of one.
        uses = [] if condition else [at for at, token in enumerate(tokens) if token.text in macros]
        uses.append(len(tokens))
        uses.reverse()
        while frames:
            frame = frames[-1]
            if len(frames) == 1 and not condition:
                while uses and uses[-1] < frame.at:
                    uses.pop()
                if uses:
                    out += tokens[frame.at : uses[-1]]
                    frame.at = uses[-1]
            if frame.at >= len(frame.tokens):
                frames.pop()
                active.discard(frame.name)
                continue
            token = frame.tokens[frame.at]
            frame.at += 1
            if token.kind != NAME or token.fixed:
                out.append(token)
                continue
            macro = macros.get(token.text)
            if macro is None:
                if condition and token.text == "defined":
                    token = self._defined(token, frames, active)
                out.append(token)
                continue
            if macro.name in active:
                out.append(Token(NAME, token.text, token.file, token.start, token.end, token.space, fixed=True))
                continue
            if len(frames) == 1 and depth == 0 and (macro.parameters is None or _ahead(frames) == "("):
                self._report.origins.expanded(token.file.path, token.start, macro.name, macro.span)
            if len(frames) == 1 and depth == 0:
                use = token
                self._spent = 0
            try:
                if fold and (settled := self._settle(macro, ())) is not None:
                    if share and out and out[-1].text in _ENDS and (fragment := self._fragment(macro, settled, token)):
                        out.append(Shared(token, fragment[0]))
                        settled = fragment[1]
                    out += self._placed(macro, settled, token, out, _ahead(frames))
                    continue
                body = self._replacement(macro, token, frames, active, depth)
                if body is None:
                    out.append(token)
                    continue
                self._spend(0)
            except TooMuch as error:
                if depth or use is None or self._total > MAX_IN_ALL:
                    raise
                self._refused += 1
                if self._refused > MAX_REFUSALS:
                    raise TooMuch(f"more than {MAX_REFUSALS} uses of macros expand to too much") from None
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

    def _defined(self, word: Token, frames: list[_Frame], active: set[str]) -> Token:
        """The value of `defined NAME` or `defined(NAME)`, which is taken as it is; raises BadCondition."""
        token = _next(frames, active)
        if token is not None and token.text == "(":
            token = _next(frames, active)
            closing = _next(frames, active)
            if closing is None or closing.text != ")":
                token = None
        if token is None or token.kind != NAME:
            raise BadCondition('"defined" needs a name', word)
        value = "1" if token.text in self.macros else "0"
        return Token(NUMBER, value, word.file, word.start, word.end, word.space)

    def _spend(self, count: int) -> None:
        self._spent += count + 1
        self._total += count + 1
        if self._total > MAX_IN_ALL:
            raise TooMuch(f"macros of this file expand to more than {MAX_IN_ALL} tokens")
        if self._spent > MAX_PER_USE:
            raise TooMuch(f"more than {MAX_PER_USE} tokens")

    def _made(self, token: Token) -> Token:
        """A token that `#` or `##` made; it counts by its length."""
        self._spend(len(token.text) >> 5)
        return token

    # ------------------------------------------------------------------ macros that are always the same

    def _settle(self, macro: Macro, within: tuple[str, ...]) -> tuple[Token, ...] | None:
        """The whole expansion of a macro in a text; None when it depends on what stands around its use."""
        name = macro.name
        if name not in self._settled:
            if name in within or len(within) > MAX_NESTING:
                return None
            self._involved.add(name)
            self._settled[name] = self._settled_body(macro, (*within, name))
        return self._settled[name]

    def _settled_body(self, macro: Macro, within: tuple[str, ...]) -> tuple[Token, ...] | None:
        if macro.parameters is not None or macro.special:
            return None
        body = macro.body
        found: list[Token] = []
        for at, token in enumerate(body):
            if token.kind == NAME:
                self._involved.add(token.text)
                inner = self.macros.get(token.text)
                if inner is not None:
                    settled = self._settle(inner, within)
                    if settled is None:
                        return None
                    ahead = body[at + 1].text if at + 1 < len(body) else ""
                    found += self._placed(inner, settled, token, found, ahead)
                    if len(found) > MAX_PER_USE:
                        return None
                    continue
            elif token.text == "##":
                return None
            found.append(token)
        self._spend(len(found))
        return tuple(found)

    def _placed(
        self, macro: Macro, settled: tuple[Token, ...], use: Token, before: list[Token], ahead: str
    ) -> list[Token]:
        """The expansion of a macro at the place of use, behind some tokens and ahead of another."""
        file, start, end = use.file, use.start, use.end
        if before and before[-1].kind == PUNCT:
            number, operand = self._number(macro, settled)
            if number is not None and (operand or (before[-1].text in _BEFORE and ahead in _BEHIND)):
                return [Token(NUMBER, number, file, start, end, use.space)]
        self._spend(len(settled))
        return [Token(token.kind, token.text, file, start, end, token.space) for token in settled]

    def _fragment(
        self, macro: Macro, settled: tuple[Token, ...], use: Token
    ) -> tuple[Fragment, tuple[Token, ...]] | None:
        """The whole statements with which an expansion begins, and what is left; None when they are not worth it."""
        if macro.name not in self._fragments:
            length = _statements(settled) if len(settled) > _FEW_WORDS else 0
            found: tuple[Fragment, tuple[Token, ...]] | None = None
            if length > _FEW_WORDS:
                found = Fragment(self._placed(macro, settled[:length], use, [], "")), settled[length:]
            self._fragments[macro.name] = found
        return self._fragments[macro.name]

    def _number(self, macro: Macro, settled: tuple[Token, ...]) -> tuple[str | None, bool]:
        """The number that a macro is, if it is an expression of numbers, and whether it can be an operand as it is."""
        found = self._numbers.get(macro.name)
        if found is None:
            number = None
            if len(settled) <= _FEW and all(token.kind == NUMBER or token.text in _SIGNS for token in settled):
                number = _value(settled)
            found = self._numbers[macro.name] = (number, _is_operand(settled))
        return found

    # ------------------------------------------------------------------ one use

    def _replacement(
        self, macro: Macro, use: Token, frames: list[_Frame], active: set[str], depth: int
    ) -> list[Token] | None:
        """What stands for a use of a macro; None when a function-like macro's name is not called."""
        if macro.special:
            return [_special(macro.name, use)]
        if macro.parameters is None:
            return self._substitute(macro, {}, use, depth, active)
        if _ahead(frames) != "(":
            return None
        arguments = self._arguments(macro, use, frames, active)
        return [] if arguments is None else self._substitute(macro, arguments, use, depth, active)

    def _arguments(
        self, macro: Macro, use: Token, frames: list[_Frame], active: set[str]
    ) -> dict[str, list[Token]] | None:
        """The arguments of a call by parameter, unexpanded; None when the call is malformed, which is reported."""
        parameters = macro.parameters
        assert parameters is not None
        found: list[list[Token]] = [[]]
        level = 0
        while True:
            token = _next(frames, active)
            if token is None:
                self._report.error("IDLC1008", f'call of macro "{macro.name}" has no closing parenthesis', use.span)
                return None
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
            message = f'macro "{macro.name}" takes {_counted(len(parameters))}, not {len(found)}'
            self._report.error("IDLC1008", message, use.span, notes)
            # What stands around the call goes on as if it were right.
            found = [*found, *([] for _ in parameters)][: len(parameters)]
        return dict(zip(parameters, found, strict=True))

    def _substitute(
        self, macro: Macro, arguments: dict[str, list[Token]], use: Token, depth: int, active: set[str]
    ) -> list[Token]:
        """The body of a macro with its arguments put in, every token at the place of use."""
        body = macro.body
        rest = macro.parameters[-1] if macro.variadic and macro.parameters else None
        expanded: dict[str, list[Token]] = {}
        result: list[Token] = []
        at = 0
        while at < len(body):
            token = body[at]
            following = body[at + 1].text if at + 1 < len(body) else ""
            at += 1
            if token.text == "#" and following in arguments:
                piece = [self._made(_stringified(arguments[following], use, token.space))]
                at += 1
            elif token.kind == NAME and token.text in arguments:
                if following == "##":
                    piece = _spaced(arguments[token.text], token.space)
                else:
                    if token.text not in expanded:
                        expanded[token.text] = self._expand(arguments[token.text], depth + 1, frozenset(active))
                    piece = _spaced(expanded[token.text], token.space)
            else:
                piece = [Token(token.kind, token.text, use.file, use.start, use.end, token.space)]
            while at + 1 < len(body) and body[at].text == "##":
                right = body[at + 1]
                at += 2
                if right.kind == NAME and right.text in arguments:
                    operand = arguments[right.text]
                    # `, ## __VA_ARGS__` drops the comma when nothing is given, and pastes nothing otherwise.
                    if right.text == rest and piece and piece[-1].text == ",":
                        piece = piece + operand if operand else piece[:-1]
                        continue
                elif right.text == "#" and at < len(body) and body[at].text in arguments:
                    operand = [self._made(_stringified(arguments[body[at].text], use, right.space))]
                    at += 1
                else:
                    operand = [Token(right.kind, right.text, use.file, use.start, use.end, right.space)]
                piece = self._pasted(piece, operand, use)
            result += piece
            self._spend(len(piece))
        return _spaced(result, use.space)

    def _pasted(self, left: list[Token], right: list[Token], use: Token) -> list[Token]:
        if not left or not right:
            return left + right
        text = left[-1].text + right[0].text
        if len(text) > MAX_LETTERS:
            raise TooMuch(f'"##" makes a token of more than {MAX_LETTERS} characters')
        kind = single(text)
        if kind is None:
            self._report.error(
                "IDLC1008", f'pasting "{left[-1].text}" and "{right[0].text}" gives no single token', use.span
            )
            return left + right
        token = self._made(Token(kind, text, use.file, use.start, use.end, left[-1].space))
        return [*left[:-1], token, *right[1:]]


def _counted(arguments: int) -> str:
    return "1 argument" if arguments == 1 else f"{arguments} arguments"


_FEW: Final = 200
_FEW_WORDS: Final = 20
_ENDS: Final = frozenset("; { } :".split())
_SIGNS: Final = frozenset("( ) + - * / % & | ^ ~ ! << >> < > <= >= == != && || ? :".split())

_BEFORE: Final = frozenset("( , [ =".split())
_BEHIND: Final = frozenset(") , ] ; }".split())


def _statements(tokens: Sequence[Token]) -> int:
    """How many tokens there are up to the last `;` that is in no brackets; 0 when brackets do not match."""
    level = length = 0
    for at, token in enumerate(tokens):
        if token.kind == PUNCT:
            level += (token.text in "([{") - (token.text in ")]}")
            if level < 0:
                return 0
            if level == 0 and token.text == ";":
                length = at + 1
    return length


def _is_operand(tokens: Sequence[Token]) -> bool:
    """Whether tokens are one, or stand in parentheses as a whole."""
    level = 0
    for at, token in enumerate(tokens):
        level += (token.text == "(") - (token.text == ")")
        if level <= 0 and at < len(tokens) - 1:
            return False
    return True


def _value(tokens: Sequence[Token]) -> str | None:
    """The number that an expression is, as it could be written; None if it is none, or below zero."""
    if len(tokens) == 1:
        return tokens[0].text if tokens[0].kind == NUMBER else None
    if len(tokens) == 3 and tokens[0].text == "(" and tokens[1].kind == NUMBER:
        return tokens[1].text
    try:
        value = evaluate(tokens, exact=True)
    except BadCondition:
        return None
    if value < 0:
        return None
    return f"{value:#x}" if any(token.text[:2] in ("0x", "0X") for token in tokens) else str(value)


def _next(frames: list[_Frame], active: set[str]) -> Token | None:
    """Take the next token, also from behind expansions that end here, whose macros then are in force again."""
    while frames[-1].at >= len(frames[-1].tokens):
        if len(frames) == 1:
            return None
        active.discard(frames.pop().name)
    frame = frames[-1]
    frame.at += 1
    return frame.tokens[frame.at - 1]


def _spaced(tokens: list[Token], space: bool) -> list[Token]:
    """A copy of some tokens, with white space before the first or without."""
    if not tokens or tokens[0].space == space:
        return list(tokens)
    first = tokens[0]
    return [Token(first.kind, first.text, first.file, first.start, first.end, space, first.fixed), *tokens[1:]]


def _ahead(frames: list[_Frame]) -> str:
    """The text of the next token; empty at the end."""
    for frame in reversed(frames):
        if frame.at < len(frame.tokens):
            return frame.tokens[frame.at].text
    return ""


def _special(name: str, use: Token) -> Token:
    if name == "__LINE__":
        return Token(NUMBER, str(use.span.line), use.file, use.start, use.end, use.space)
    text = use.file.name.replace("\\", "\\\\").replace('"', '\\"')
    return Token(STRING, f'"{text}"', use.file, use.start, use.end, use.space)


def _stringified(tokens: Sequence[Token], use: Token, space: bool) -> Token:
    parts: list[str] = []
    length = 0
    for token in tokens:
        if parts and token.space:
            parts.append(" ")
        text = token.text
        length += len(text) + 1
        if length > MAX_LETTERS:
            raise TooMuch(f'"#" makes a string of more than {MAX_LETTERS} characters')
        if token.kind in (STRING, CHAR):
            text = text.replace("\\", "\\\\").replace('"', '\\"')
        parts.append(text)
    return Token(STRING, '"' + "".join(parts) + '"', use.file, use.start, use.end, space)
