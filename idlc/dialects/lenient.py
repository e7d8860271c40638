"""IDL with what other compilers have added: kept readable, with a warning for each addition that means nothing here.

Attributes that nobody knows are kept with their arguments as text, whatever these are; initialisers of fields, which
say what other compilers fill in, are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from idlc.diagnostics.report import Report
from idlc.dialects.words import text_of
from idlc.language.attributes import ATTRIBUTES
from idlc.source.files import Span
from idlc.source.tokens import NAME, Token

TOLERATED: Final = {
    "IDLC1203": "it is kept and means nothing here",
    "MIDL2003": "the first one counts",
    "MIDL2270": "give one of them another uuid",
}
"""What is a warning here, and the help that goes with it."""

_READABLE: Final = frozenset([*ATTRIBUTES, "safearray"])
"""Attributes whose arguments the grammar takes as they are."""
_BEFORE_ATTRIBUTES: Final = frozenset(["", "(", ",", ";", "{", "}", ":", "typedef"])
_RECORDS: Final = frozenset(["struct", "union"])
_OPENING: Final = frozenset("([{")
_CLOSING: Final = frozenset(")]}")


def reworded(tokens: Sequence[Token], report: Report) -> list[Token]:
    """The tokens of a file as MIDL's grammar takes them; initialisers are reported."""
    made: list[Token] = []
    brackets: list[str] = []
    """What is open: `a` for a list of attributes, `s` for the fields of a structure or union, else the bracket."""
    record = False  # whether the next brace opens fields
    previous, closed = "", ""
    at = 0
    while at < len(tokens):
        token = tokens[at]
        text = token.text
        inside = brackets[-1] if brackets else ""
        following = tokens[at + 1].text if at + 1 < len(tokens) else ""
        if token.kind == NAME:
            record = text in _RECORDS or (record and text != "enum")
            if inside == "a" and previous in ("[", ",") and text not in _READABLE and following == "(":
                end = _behind(tokens, at + 1)
                made += (token, tokens[at + 1])
                made += [text_of(tokens[at + 2 : end - 1])] if end - 1 > at + 2 else []
                at = end - 1
                previous = ""
                continue
        elif text == "=" and inside == "s":
            end = _initialiser(tokens, at)
            span = Span(token.file, token.start, max(tokens[end - 1].end, token.end))
            report.warning("IDLC1224", "the value of a field is left out: whoever sends one gives it", span)
            at = end
            continue
        elif text in _OPENING:
            attributes = text == "[" and (previous in _BEFORE_ATTRIBUTES or closed == "a")
            brackets.append("a" if attributes else "s" if text == "{" and record else text)
            record = record and text != "{"
        elif text in _CLOSING and brackets:
            closed = brackets.pop()
        elif text == ";":
            record = False
        if text != "]":
            closed = ""
        made.append(token)
        previous = text
        at += 1
    return made


def _behind(tokens: Sequence[Token], at: int) -> int:
    """Behind the bracket that closes the one at `at`."""
    depth = 0
    while at < len(tokens):
        depth += (tokens[at].text in _OPENING) - (tokens[at].text in _CLOSING)
        at += 1
        if not depth:
            break
    return at


def _initialiser(tokens: Sequence[Token], at: int) -> int:
    """Where the expression behind a `=` ends."""
    while at < len(tokens) and tokens[at].text not in (";", ",", "}"):
        at = _behind(tokens, at) if tokens[at].text in _OPENING else at + 1
    return at
