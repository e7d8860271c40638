"""Text from an IDL file, made harmless: no IDL text may end a string, a comment or a line of Python."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from textwrap import dedent, wrap
from typing import Final

from idlc.semantics.documentation import Doc

WIDTH: Final = 88
"""Of a line of generated code."""


def literal(value: object) -> str:
    """A Python literal, everything but plain printable ASCII escaped; quoted as black would."""
    if isinstance(value, float):
        return ascii(value).replace("e+", "e")
    if not isinstance(value, str):
        return ascii(value)
    text = ascii(value)
    if text[0] == "'" and '"' not in text:
        return '"' + text[1:-1].replace("\\'", "'") + '"'
    return text


def tuple_of(items: Iterable[str]) -> str:
    """A Python tuple of texts that are spelled already."""
    made = tuple(items)
    return f"({made[0]},)" if len(made) == 1 else f"({', '.join(made)})"


def one_line(text: str) -> str:
    """Text for a comment: one line, control and direction-changing characters as escapes."""
    return "".join(map(_harmless, " ".join(text.split())))


def docstring(text: str, indent: int) -> str:
    """A docstring literal, quotes included, whose further lines stand at `indent`.

    Lines that are too long are broken between words, and are as `black` would leave them.
    """
    lines = [_safe(line) for line in text.strip().splitlines()] or [""]
    first, *rest = _fitted(lines, WIDTH - indent)
    first = first.strip()
    if first.startswith('"'):
        first = f" {first}"
    if not rest:
        ending = " " if first.endswith('"') else ""
        return f'"""{first}{ending}"""'
    margin = " " * indent
    body = "\n".join(f"{margin}{line}" if line else "" for line in dedent("\n".join(rest)).split("\n"))
    return f'"""{first}\n{body}\n{margin}"""'


def remarks(text: str, indent: int) -> tuple[str, ...]:
    """Documentation of a name as comments on lines of their own, before its definition."""
    lines = [_harmless_line(line) for line in text.strip().splitlines()]
    if not lines:
        return ()
    return tuple(f"#: {line}".rstrip() for line in _fitted(lines, WIDTH - indent - 3))


def described(doc: Doc, code: str) -> tuple[tuple[str, ...], str]:
    """Documentation of what a line of code defines: comments for the lines above it, or one for its end.

    They stand where they stand in the IDL, if there is room. `code` is the line with its indentation.
    """
    text = doc.text
    if not text:
        return (), ""
    line = one_line(text)
    if doc.in_margin and len(code) + 5 + len(line) <= WIDTH:
        return (), f"  #: {line}"
    return remarks(text, len(code) - len(code.lstrip())), ""


_ITEM: Final = re.compile(r"\s*(?:[-*+\[]|[\w, -]{1,30}[:.)]\s)")
"""The beginning of a line that does not go on with the one before."""


def _fitted(lines: Iterable[str], width: int) -> list[str]:
    """Lines that are no longer than `width`: where one is, the words of its paragraph are set anew."""
    fitted: list[str] = []
    paragraph: list[str] = []
    margin = -1
    for line in (*lines, ""):
        indented = len(line) - len(line.lstrip())
        if not line or indented != margin or _ITEM.match(line):
            whole = " " * margin + " ".join(part.strip() for part in paragraph)
            fitted += _broken(whole, width) if any(len(part) > width for part in paragraph) else paragraph
            paragraph, margin = [], indented
        if line:
            paragraph.append(line)
        else:
            fitted.append("")
    return fitted[:-1] or [""]


def _broken(line: str, width: int) -> list[str]:
    """A line in pieces that are no longer than `width`, if it has words, all with its own indentation."""
    if len(line) <= width:
        return [line]
    margin = line[: len(line) - len(line.lstrip())]
    width = max(width, len(margin) + 20)
    return wrap(line, width, subsequent_indent=margin, break_long_words=False, break_on_hyphens=False)


def _harmless_line(line: str) -> str:
    return "".join(map(_harmless, line.rstrip()))


def _safe(line: str) -> str:
    return _harmless_line(line).replace("\\", "\\\\").replace('"""', '\\"\\"\\"')


def _harmless(character: str) -> str:
    if character == " " or (character.isprintable() and unicodedata.category(character) != "Cf"):
        return character
    if character.isspace():
        return " "
    return character.encode("unicode_escape").decode("ascii") if ord(character) > 127 else f"\\x{ord(character):02x}"
