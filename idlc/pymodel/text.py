"""Text from an IDL file, made harmless: no IDL text may end a string, a comment or a line of Python."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable


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
    return "".join(_harmless(character) for character in " ".join(text.split()))


def docstring(text: str, indent: int) -> str:
    """A docstring literal, quotes included, whose further lines stand at `indent`."""
    lines = [one_line(line) for line in text.splitlines()] or [""]
    while len(lines) > 1 and not lines[-1]:
        lines.pop()
    safe = [line.replace("\\", "\\\\").replace('"""', '\\"\\"\\"') for line in lines]
    if len(safe) == 1:
        ending = " " if safe[0].endswith('"') else ""
        return f'"""{safe[0]}{ending}"""'
    margin = " " * indent
    body = "\n".join(f"{margin}{line}" if line else "" for line in safe[1:])
    return f'"""{safe[0]}\n{body}\n{margin}"""'


def _harmless(character: str) -> str:
    if character == " " or (character.isprintable() and unicodedata.category(character) != "Cf"):
        return character
    return character.encode("unicode_escape").decode("ascii") if ord(character) > 127 else f"\\x{ord(character):02x}"
