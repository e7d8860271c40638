"""Preprocessing tokens: what a source text is made of before macros and keywords have a say.

One regular expression cuts a whole text into words, in one call; offsets and kinds follow from the words without
looking at the text again, and each different word is classified once. A uuid is a token of its own, ahead of names and
numbers: `1e196b20-...` is no float, and a macro called `deadbeef` is never expanded inside one.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import accumulate, compress, count
from typing import Any, Final

from idlc.data import dataclass
from idlc.source.files import SourceFile, Span

SPACE: Final = ""
"""White space within a line, and a line end that a backslash takes back; the only kind that is no truth."""
NAME: Final = "NAME"
NUMBER: Final = "NUMBER"
UUID: Final = "UUID"
STRING: Final = "STRING"
CHAR: Final = "CHAR"
PUNCT: Final = "PUNCT"
HASH: Final = "HASH"
"""`#` alone, which begins a directive or makes a string of a macro's argument."""
PRAGMA: Final = "PRAGMA"
"""A whole #pragma line; its text is what follows the word."""
NEWLINE: Final = "NEWLINE"
"""A line end with the white space behind it."""
SHARED: Final = "SHARED"
"""Whole statements out of a macro, see `Shared`."""
COMMENT: Final = "COMMENT"
LINES: Final = "LINES"
"""A string of several lines, in a list of attributes or arguments: C knows none, published IDL does."""
OPEN_STRING: Final = "OPEN_STRING"
OPEN_CHAR: Final = "OPEN_CHAR"
OPEN_COMMENT: Final = "OPEN_COMMENT"
OTHER: Final = "OTHER"

_HEX = "[0-9A-Fa-f]"
_KINDS = (
    (SPACE, r"(?:[^\S\n]|\\[^\S\n]*\n)+"),
    (NEWLINE, r"\n\s*"),
    # The next two say nothing new; they let most names and signs be found before anything else is tried.
    (NAME, "[G-KM-Zg-z_][A-Za-z0-9_]*"),
    (PUNCT, r"[;,(){}\[\]*:]"),
    (UUID, f"{_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}(?![0-9A-Za-z_-])"),
    (STRING, r'L?"(?:[^"\\\n]|\\[^\S\n]*\n|\\[^\n])*"'),
    (CHAR, r"L?'(?:[^'\\\n]|\\[^\n])+'"),
    (LINES, r'L?"(?:[^"\\\n]|\\[^\n])*\n[^"\\]*"(?=\s*(?:[,)\]]|\Z))'),
    (OPEN_STRING, r'L?"(?:[^"\\\n]|\\[^\n])*\\?'),
    (OPEN_CHAR, r"L?'(?:[^'\\\n]|\\[^\n])*\\?"),
    (NAME, "[A-Za-z_][A-Za-z0-9_]*"),
    (
        NUMBER,
        r"0[xX][0-9A-Za-z_]*|\d+(?:\.(?!\.)\d*)?(?:[eE][+-]?\d+)?[A-Za-z0-9_]*|\.\d+(?:[eE][+-]?\d+)?[A-Za-z_]*",
    ),
    (COMMENT, r"/\*.*?\*/|//(?:\\\n|[^\n])*"),
    (OPEN_COMMENT, r"/\*"),
    (PUNCT, r"\.\.\.|\.\.|->|<<|>>|<=|>=|==|!=|&&|\|\||\#\#|[-+/%&|^~!<>=?.]"),
    (HASH, r"\#"),
    (OTHER, "."),
)
_WORD = re.compile("|".join(f"(?:{pattern})" for _, pattern in _KINDS), re.DOTALL)
_CLASSES = re.compile("|".join(f"({pattern})" for _, pattern in _KINDS), re.DOTALL)

_SPECIAL: Final = frozenset([HASH, COMMENT, LINES, OPEN_STRING, OPEN_CHAR, OPEN_COMMENT, OTHER])
"""Kinds that are more than a token to take along."""


class Token:
    """A token with the place it is to be blamed on: for what a macro made, the place of its use.

    `fixed` marks a name that no macro may replace any more; `space` says whether white space stands before it.
    """

    __slots__ = ("end", "file", "fixed", "kind", "space", "start", "text")

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

    @property
    def span(self) -> Span:
        return Span(self.file, self.start, self.end)

    def __repr__(self) -> str:
        return f"Token({self.kind}, {self.text!r})"


class Fragment:
    """Whole statements that a macro stands for, at the place of its first use; `parsed` is for who parses them."""

    __slots__ = ("parsed", "tokens")

    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = tokens
        self.parsed: Any = None


class Shared(Token):
    """One use of a fragment: a single token, so that what a macro repeats is read once."""

    __slots__ = ("fragment",)

    def __init__(self, use: Token, fragment: Fragment) -> None:
        super().__init__(SHARED, use.text, use.file, use.start, use.end, use.space)
        self.fragment = fragment


@dataclass(frozen=True, slots=True)
class Words:
    """A text cut into words: three columns of the same length. Joined, `texts` are the text again."""

    kinds: list[str]
    texts: list[str]
    starts: list[int]
    special: list[int]
    """Where the kinds are that are no plain tokens, white space aside."""

    def tokens(self, begin: int, end: int, file: SourceFile) -> list[Token]:
        """The tokens among some words; everything else is left out, but counts as white space.

        So does what stands before them.
        """
        kinds = self.kinds[begin:end]
        columns = zip(kinds, self.texts[begin:end], self.starts[begin:end], [SPACE, *kinds], strict=False)
        return [
            Token(kind, text, file, start, start + len(text), before in _BLANK)
            for kind, text, start, before in columns
            if kind not in _BLANK
        ]

    def begins_line(self, at: int) -> bool:
        """Whether a word is the first of its line, comments aside."""
        at -= 1
        while at >= 0 and self.kinds[at] in (SPACE, COMMENT):
            at -= 1
        return at < 0 or self.kinds[at] == NEWLINE


_BLANK: Final = frozenset([SPACE, NEWLINE, COMMENT])


class _Kinds(dict[str, str]):
    """The kind of each word that was met."""

    def __missing__(self, word: str) -> str:
        if len(self) > 100_000:
            self.clear()
        kind = self[word] = _kind(word)
        return kind


def _kind(word: str) -> str:
    match = _CLASSES.match(word)
    assert match is not None
    return _KINDS[(match.lastindex or 0) - 1][0]


_known = _Kinds()


@lru_cache(maxsize=32)
def cut(text: str) -> Words:
    """Every word of a text, comments and white space included. What follows an OPEN_COMMENT is inside it."""
    texts: list[str] = _WORD.findall(text)
    kinds = list(map(_known.__getitem__, texts))
    starts = list(accumulate(map(len, texts), initial=0))
    starts.pop()
    return Words(kinds, texts, starts, list(compress(count(), map(_SPECIAL.__contains__, kinds))))


_SINGLE: Final = frozenset([NAME, NUMBER, UUID, STRING, CHAR, PUNCT, HASH])


def single(text: str) -> str | None:
    """The kind of token that `text` is as a whole, or None: pasting must give one token."""
    match = _WORD.match(text)
    if match is None or match.end() < len(text):
        return None
    kind = _kind(text)
    return kind if kind in _SINGLE else None
