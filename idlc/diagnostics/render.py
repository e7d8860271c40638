"""How diagnostics look on a terminal: the place, the source line, a mark under it, and the notes with theirs.

Source text is not trusted: control characters and marks that turn the writing direction are shown as a placeholder,
so that what a reader sees is what stands there. This module only makes text; it prints nothing.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import TYPE_CHECKING

from idlc.diagnostics.report import Diagnostic, Severity

if TYPE_CHECKING:
    from idlc.source.files import Span

MAX_WIDTH = 120
"""Cells of source text that are shown; of a longer line, the part around the mark."""
_TAB = "    "
_PLACEHOLDER = "\N{REPLACEMENT CHARACTER}"


def render(diagnostic: Diagnostic) -> str:
    """One diagnostic as lines of text, without a final line end."""
    head = f"{diagnostic.severity}[{diagnostic.code}]: {harmless(diagnostic.message)}"
    span = diagnostic.span
    if span.is_none:
        lines = [f"idlc: {head}"]
    else:
        lines = [f"{harmless(span.file.name)}:{span.line}:{span.column}: {head}", *_excerpt(span, "")]
    for note in diagnostic.notes:
        if note.span.is_none:
            lines.append(f"      = note: {harmless(note.message)}")
            continue
        if note.span.file.name != span.file.name:
            lines.append(f"      --> {harmless(note.span.file.name)}:{note.span.line}:{note.span.column}")
        lines += _excerpt(note.span, note.message)
    if diagnostic.help:
        lines.append(f"      = help: {harmless(diagnostic.help)}")
    return "\n".join(lines)


def render_all(diagnostics: Iterable[Diagnostic]) -> str:
    """Every diagnostic, by file and place, and a line that counts them; empty when there are none."""
    collected = list(diagnostics)
    if not collected:
        return ""
    order: dict[str, int] = {}
    for diagnostic in collected:
        order.setdefault(diagnostic.span.file.name, len(order))
    collected.sort(key=lambda diagnostic: (order[diagnostic.span.file.name], diagnostic.span.start))
    lines = [render(diagnostic) for diagnostic in collected]
    summary = _summary(collected)
    if summary:
        lines.append(f"idlc: {summary}")
    return "\n".join(lines) + "\n"


def harmless(text: str) -> str:
    """The text with everything replaced that could move the cursor, end the line or turn the writing direction."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_shown(character) for character in text)


def _summary(diagnostics: list[Diagnostic]) -> str:
    counts = (
        (sum(diagnostic.severity is severity for diagnostic in diagnostics), severity.value)
        for severity in (Severity.ERROR, Severity.WARNING)
    )
    return ", ".join(f"{count} {word}{'s' * (count != 1)}" for count, word in counts if count)


def _excerpt(span: Span, message: str) -> list[str]:
    """The source line of a span with a mark under it; `message` stands behind the mark."""
    text = span.file.line_text(span.start)
    begin = span.column - 1
    end = min(max(begin + 1, begin + span.end - span.start), max(len(text), begin + 1))
    if len(text) > MAX_WIDTH:
        cut = max(0, min(begin - MAX_WIDTH // 3, len(text) - MAX_WIDTH))
        text, begin, end = text[cut : cut + MAX_WIDTH], begin - cut, min(end - cut, MAX_WIDTH)
    before = "".join(_shown(character) for character in text[:begin])
    marked = "".join(_shown(character) for character in text[begin:end])
    after = "".join(_shown(character) for character in text[end:])
    mark = "^" * max(_cells(marked), 1)
    tail = f" {harmless(message)}" if message else ""
    return [
        f"{span.line:5} | {before}{marked}{after}".rstrip(),
        f"      | {' ' * _cells(before)}{mark}{tail}",
    ]


def _shown(character: str) -> str:
    if character == "\t":
        return _TAB
    # Zs but for the blank, Cc, Cf (among them the bidirectional marks), Zl, Zp, Cs, Co, Cn are not printable.
    return character if character.isprintable() else _PLACEHOLDER


def _cells(text: str) -> int:
    if text.isascii():
        return len(text)
    return sum(_width(character) for character in text)


def _width(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
