"""What a tool may do about a diagnostic: put another name in the place of a misspelt one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from idlc.data import dataclass
from idlc.diagnostics.near import Suggestion
from idlc.diagnostics.report import Diagnostic

if TYPE_CHECKING:
    from idlc.source.files import Span


@dataclass(frozen=True, slots=True)
class Fix:
    """Replace the text of a span by another."""

    span: Span
    text: str


def fixes(diagnostic: Diagnostic) -> tuple[Fix, ...]:
    """The changes that a diagnostic suggests. Only where its place begins with the very name that is to go."""
    help_, span = diagnostic.help, diagnostic.span
    if not isinstance(help_, Suggestion) or span.is_none:
        return ()
    end = span.start + len(help_.written)
    following = span.file.text[end : end + 1]
    if span.file.text[span.start : end] != help_.written or following.isalnum() or following == "_":
        return ()
    return (Fix(type(span)(span.file, span.start, end), help_.instead),)
