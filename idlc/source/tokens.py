"""Preprocessing tokens: what a source text is made of before macros and keywords have a say.

One regular expression cuts a whole text. A uuid is a token of its own, ahead of names and numbers: `1e196b20-...`
is no float, and a macro called `deadbeef` is never expanded inside one.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from idlc.data import dataclass
from idlc.source.files import SourceFile, Span

NAME: Final = "NAME"
NUMBER: Final = "NUMBER"
UUID: Final = "UUID"
STRING: Final = "STRING"
CHAR: Final = "CHAR"
PUNCT: Final = "PUNCT"
PRAGMA: Final = "PRAGMA"
"""A whole #pragma line; its text is what follows the word."""
NEWLINE: Final = "NEWLINE"
COMMENT: Final = "COMMENT"
OPEN_STRING: Final = "OPEN_STRING"
OPEN_CHAR: Final = "OPEN_CHAR"
OPEN_COMMENT: Final = "OPEN_COMMENT"
OTHER: Final = "OTHER"

_PATTERN = re.compile(
    r"""
      (?P<SPACE>(?:[^\S\n]|\\[^\S\n]*\n)+)
    | (?P<NEWLINE>\n)
    | (?P<UUID>[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}(?![0-9A-Za-z_-]))
    | (?P<STRING>L?"(?:[^"\\\n]|\\[^\S\n]*\n|\\[^\n])*")
    | (?P<CHAR>L?'(?:[^'\\\n]|\\[^\n])+')
    | (?P<OPEN_STRING>L?"(?:[^"\\\n]|\\[^\n])*\\?)
    | (?P<OPEN_CHAR>L?'(?:[^'\\\n]|\\[^\n])*\\?)
    | (?P<NAME>[A-Za-z_][A-Za-z0-9_]*)
    | (?P<NUMBER>0[xX][0-9A-Za-z_]*|\d+(?:\.(?!\.)\d*)?(?:[eE][+-]?\d+)?[A-Za-z0-9_]*|\.\d+(?:[eE][+-]?\d+)?[A-Za-z_]*)
    | (?P<COMMENT>/\*.*?\*/|//(?:\\\n|[^\n])*)
    | (?P<OPEN_COMMENT>/\*)
    | (?P<PUNCT>\.\.\.|\.\.|->|<<|>>|<=|>=|==|!=|&&|\|\||\#\#|[-+*/%&|^~!<>=?:;,.(){}\[\]\#])
    | (?P<OTHER>.)
    """,
    re.VERBOSE | re.DOTALL,
)

Raw = tuple[str, str, int, bool]
"""Kind, text, offset, and whether white space stands before it."""


class Token:
    """A token with the place it is to be blamed on: for what a macro made, the place of its use.

    `doc` is the comment directly before it; `fixed` marks a name that no macro may replace any more.
    """

    __slots__ = ("doc", "end", "file", "fixed", "kind", "space", "start", "text")

    def __init__(
        self, kind: str, text: str, file: SourceFile, start: int, end: int, space: bool = False, fixed: bool = False
    ) -> None:
        self.kind = kind
        self.text = text
        self.file = file
        self.start = start
        self.end = end
        self.space = space
        self.fixed = fixed
        self.doc = ""

    @property
    def span(self) -> Span:
        return Span(self.file, self.start, self.end)

    def __repr__(self) -> str:
        return f"Token({self.kind}, {self.text!r})"


@dataclass(frozen=True, slots=True)
class _Cut:
    tokens: tuple[Raw, ...]


@lru_cache(maxsize=128)
def _cut(text: str) -> _Cut:
    tokens: list[Raw] = []
    space = False
    for match in _PATTERN.finditer(text):
        kind = match.lastgroup
        if kind == "SPACE":
            space = True
            continue
        assert kind is not None
        if kind == "OPEN_COMMENT":  # the rest of the text is inside it
            tokens.append((OPEN_COMMENT, "/*", match.start(), space))
            break
        tokens.append((kind, match.group(), match.start(), space))
        space = kind == "COMMENT"
    return _Cut(tuple(tokens))


def cut(text: str) -> tuple[Raw, ...]:
    """Every token of a text, comments and line ends included. The last one may be an OPEN_COMMENT."""
    return _cut(text).tokens


def single(text: str) -> str | None:
    """The kind of token that `text` is as a whole, or None: pasting must give one token."""
    match = _PATTERN.fullmatch(text)
    if match is None or match.lastgroup in {
        "SPACE",
        "NEWLINE",
        "OPEN_STRING",
        "OPEN_CHAR",
        "OPEN_COMMENT",
        "OTHER",
        "COMMENT",
    }:
        return None
    return match.lastgroup
