"""Diagnostics as JSON, for editors and scripts. The fields are described in docs/diagnostics.md, and stay.

One object, on every run: also when there is nothing to say.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from idlc.diagnostics.codes import CODES
from idlc.diagnostics.fixes import fixes
from idlc.diagnostics.render import in_order
from idlc.diagnostics.report import Diagnostic, Severity
from idlc.version import VERSION

if TYPE_CHECKING:
    from idlc.source.files import Span

FORMAT: Final = 1
"""Counts up when a field changes its meaning; new fields do not count."""


def as_json(diagnostics: Iterable[Diagnostic]) -> str:
    """All diagnostics as one JSON object."""
    collected = in_order(diagnostics)
    content = {
        "format": FORMAT,
        "tool": {"name": "idlc", "version": VERSION},
        "errors": sum(each.severity is Severity.ERROR for each in collected),
        "warnings": sum(each.severity is Severity.WARNING for each in collected),
        "diagnostics": [_diagnostic(each) for each in collected],
    }
    return json.dumps(content, indent=2) + "\n"


def _diagnostic(diagnostic: Diagnostic) -> dict[str, Any]:
    return {
        "code": diagnostic.code,
        "severity": diagnostic.severity.value,
        "message": diagnostic.message,
        "meaning": CODES[diagnostic.code],
        "place": _place(diagnostic.span),
        "notes": [{"message": note.message, "place": _place(note.span)} for note in diagnostic.notes],
        "help": None if diagnostic.help is None else str(diagnostic.help),
        "fixes": [{"place": _place(fix.span), "text": fix.text} for fix in fixes(diagnostic)],
    }


def _place(span: Span) -> dict[str, Any] | None:
    if span.is_none:
        return None
    end_line, end_column = span.end_position
    return {
        "file": span.file.name,
        "line": span.line,
        "column": span.column,
        "endLine": end_line,
        "endColumn": end_column,
    }
