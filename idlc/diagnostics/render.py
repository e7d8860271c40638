"""How diagnostics look on a terminal: the place, the source line, a mark under it, and the notes with theirs.

Source text is not trusted: control characters and marks that turn the writing direction are shown as a placeholder,
so that what a reader sees is what stands there. This module only makes text; it prints nothing.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from idlc.diagnostics.report import Diagnostic, Severity

if TYPE_CHECKING:
    from idlc.source.files import Span

MAX_WIDTH = 120
"""Cells of source text that are shown; of a longer line, the part around the mark."""
_TAB = "    "
_PLACEHOLDER = "\N{REPLACEMENT CHARACTER}"
_BOLD = "1"
_BLUE = "1;34"
_TONES = {Severity.ERROR: "1;31", Severity.WARNING: "1;35", Severity.NOTE: "1;36"}

_Paint = Callable[[str, str], str]
"""Text in a tone: the parameters of the terminal's "select graphic rendition"."""


def _plain(tone: str, text: str) -> str:
    return text


def _coloured(tone: str, text: str) -> str:
    return f"\x1b[{tone}m{text}\x1b[0m"




def render(diagnostic: Diagnostic, *, coloured: bool = False) -> str:
    """One diagnostic as lines of text, without a final line end."""
    paint = _coloured if coloured else _plain
    tone = _TONES[diagnostic.severity]
    code = paint(tone, f"{diagnostic.severity}[{diagnostic.code}]")
    head = f"{code}: {paint(_BOLD, harmless(diagnostic.message))}"
    span = diagnostic.span
    if span.is_none:
        lines = [f"idlc: {head}"]
    else:
        place = f"{harmless(span.file.name)}:{span.line}:{span.column}"
        lines = [f"{paint(_BOLD, place + ':')} {head}", *_excerpt(span, "", tone, paint)]
    at = span
    for note in diagnostic.notes:
        if note.span.is_none:
            lines.append(f"      = {paint(_BOLD, 'note:')} {harmless(note.message)}")
            continue
        if note.span.file.name != at.file.name:
            lines.append(f"      --> {harmless(note.span.file.name)}:{note.span.line}:{note.span.column}")
        at = note.span
        lines += _excerpt(note.span, note.message, _BLUE, paint)
    if diagnostic.help:
        lines.append(f"      = {paint(_BOLD, 'help:')} {harmless(diagnostic.help)}")
    return "\n".join(lines)


def render_all(diagnostics: Iterable[Diagnostic], *, coloured: bool = False) -> str:
    """Every diagnostic, by file and place, and a line that counts them; empty when there are none."""
    collected = in_order(diagnostics)
    if not collected:
        return ""
    lines = [render(diagnostic, coloured=coloured) for diagnostic in collected]
    summary = _summary(collected)
    if summary:
        lines.append(f"idlc: {summary}")
    return "\n".join(lines) + "\n"


def in_order(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """The diagnostics by file, in the order in which files first had one, and by place in each."""
    collected = list(diagnostics)
    order: dict[str, int] = {}
    for diagnostic in collected:
        order.setdefault(diagnostic.span.file.name, len(order))
    collected.sort(key=lambda diagnostic: (order[diagnostic.span.file.name], diagnostic.span.start))
    return collected


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


def _excerpt(span: Span, message: str, tone: str, paint: _Paint) -> list[str]:
    """The source line of a span with a mark under it; `message` stands behind the mark."""
    line, line_end = span.file.line_bounds(span.start)
    length = line_end - line
    begin = span.start - line
    end = min(max(begin + 1, begin + span.end - span.start), max(length, begin + 1))
    # A line may be the whole file; no more of it is taken than is shown.
    cut = max(0, min(begin - MAX_WIDTH // 3, length - MAX_WIDTH)) if length > MAX_WIDTH else 0
    text = span.file.text[line + cut : min(line_end, line + cut + MAX_WIDTH)]
    begin, end = begin - cut, min(end - cut, max(MAX_WIDTH, begin - cut + 1))
    before = "".join(_shown(character) for character in text[:begin])
    marked = "".join(_shown(character) for character in text[begin:end])
    after = "".join(_shown(character) for character in text[end:])
    mark = "^" * max(_cells(marked), 1)
    tail = f" {harmless(message)}" if message else ""
    return [
        f"{span.line:5} | {before}{marked}{after}".rstrip(),
        f"      | {' ' * _cells(before)}{paint(tone, mark + tail)}",
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
