"""Tokens back to text: what a file is after preprocessing, with marks that say where each line came from."""

from __future__ import annotations

from collections.abc import Iterable

from idlc.source.tokens import PRAGMA, Token

_GAP = 4
"""Up to so many line ends are written as such; a longer gap gets a mark."""


def spelled(tokens: Iterable[Token]) -> str:
    """A text that gives the same tokens again, at the same lines of the same files."""
    parts: list[str] = []
    file, line = "", 0
    for token in tokens:
        at = token.file.line(token.start)
        if token.file.name != file or not line <= at <= line + _GAP:
            name = token.file.name.replace("\\", "\\\\").replace('"', '\\"')
            parts.append(f'{chr(10) if parts else ""}# {at} "{name}"\n')
            file, line = token.file.name, at
        elif at > line:
            parts.append("\n" * (at - line))
            line = at
        elif parts and not parts[-1].endswith("\n"):
            parts.append(" ")
        if token.kind == PRAGMA:
            parts.append(f"#pragma {token.text}\n")
            line += 1
        else:
            parts.append(token.text)
            line += token.text.count("\n")
    return "".join(parts).rstrip("\n") + "\n"
