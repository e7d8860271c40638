"""Samba's IDL, word by word: what its grammar has and MIDL's has not is spelled so that MIDL's has it too."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final

from idlc.source.files import SourceFile, Span
from idlc.source.tokens import COMMENT, NAME, NEWLINE, PUNCT, SPACE, STRING, Token, cut

OPAQUE: Final = frozenset(
    "value flag helper pyhelper headerhelper authservice subcontext subcontext_size compression print "
    "relative_base represent_as max_recursion print_section size skip_noinit depends".split()
)
"""Attributes whose arguments are C, or words of Samba's: nothing here looks into them, but keeps them as text."""

_COUNTS: Final = frozenset("size_is length_is switch_is range case".split())
"""Attributes whose arguments are expressions in MIDL too, but may call functions of C here."""

_UUID: Final = re.compile(r'"?[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"?')
_LITERAL: Final = re.compile(r"U?INT(8|16|32|64)_C")
_TYPES: Final = frozenset(["enum", "bitmap", "struct", "union"])
_OPENS_STATEMENT: Final = frozenset([";", "{", "}", ")", ""])


_MARKS: Final = frozenset(
    "bitmap8bit bitmap16bit bitmap32bit bitmap64bit enum8bit enum16bit charset nodiscriminant subcontext noopnum "
    "nopush nopull gensize nosize noprint relative relative_short pyhelper headerhelper todo".split()
)
"""Attributes that nobody else has."""


def mark(source: SourceFile) -> Span | None:
    """The first word in a file that shows it to be Samba's."""
    words = cut(source.text)
    previous = ""
    for kind, text, start in zip(words.kinds, words.texts, words.starts, strict=True):
        if kind == NAME and text in _MARKS and previous in ("[", ","):
            return Span(source, start, start + len(text))
        if kind not in (SPACE, NEWLINE, COMMENT):
            previous = text
    return None


def reworded(tokens: Iterable[Token]) -> list[Token]:
    """The tokens of a file of Samba's as MIDL's grammar takes them.

    `include` is for a C compiler and left out; `declare` says no more than a reference does; a `bitmap` is an
    enumeration with the attribute `bitmap`; C as an argument of an attribute is a string.
    """
    found = list(tokens)
    made: list[Token] = []
    at = 0
    while at < len(found):
        token = found[at]
        at += 1
        following = found[at].text if at < len(found) else ""
        if token.kind != NAME:
            made.append(token)
        elif token.text == "include" and following.startswith('"') and _previous(made) in _OPENS_STATEMENT:
            while at < len(found) and found[at].text != ";":
                at += 1
            at += 1
        elif token.text == "declare" and (following == "[" or following in _TYPES):
            continue
        elif token.text == "bitmap" and at < len(found) and (following == "{" or found[at].kind == NAME):
            if following == "{" or (at + 1 < len(found) and found[at + 1].text == "{"):
                made += (_like(token, PUNCT, "["), token, _like(token, PUNCT, "]"))
            made.append(_like(token, NAME, "enum"))
        elif following == "(" and _previous(made) in ("[", ","):
            end = _end_of_group(found, at, "(", ")")
            inside = found[at + 1 : end - 1]
            if token.text == "uuid" and not _UUID.fullmatch("".join(each.text for each in inside)):
                at = end  # of a file whose interface nobody calls
                continue
            made.append(token)
            if inside and (token.text in OPAQUE or (token.text in _COUNTS and _calls(inside))):
                made += (found[at], text_of(inside), found[end - 1])
                at = end
        elif following == "[" and token.text not in _TYPES | {"typedef"}:
            end = _end_of_group(found, at, "[", "]")
            inside = found[at + 1 : end - 1]
            made.append(token)
            if _calls(inside):
                made += (found[at], text_of(inside), found[end - 1])
                at = end
        elif following == "(" and _LITERAL.fullmatch(token.text):
            continue
        else:
            made.append(token)
    return made


def _previous(made: list[Token]) -> str:
    return made[-1].text if made else ""


def _like(token: Token, kind: str, text: str) -> Token:
    """Another word in the place of one."""
    return Token(kind, text, token.file, token.start, token.end, True)


def _end_of_group(tokens: list[Token], at: int, opening: str, closing: str) -> int:
    """Behind the bracket that closes the one at `at`."""
    depth = 0
    while at < len(tokens):
        text = tokens[at].text
        depth += (text == opening) - (text == closing)
        at += 1
        if not depth or text == ";":
            break
    return at


def _calls(tokens: list[Token]) -> bool:
    """Whether an expression calls a function."""
    return any(
        first.kind == NAME and second.text == "(" and first.text != "sizeof" for first, second in pairwise(tokens)
    )


def text_of(inside: Sequence[Token]) -> Token:
    """Tokens as the one string that spells them."""
    first, last = inside[0], inside[-1]
    end = last.end if last.file is first.file and last.end > first.start else first.end
    text = "".join(token.text for token in inside).replace("\\", "\\\\").replace('"', '\\"')
    return Token(STRING, f'"{text}"', first.file, first.start, end, True)
