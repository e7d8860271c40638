"""Diagnostics as values, and the report that collects them.

Stages report and go on. A stage that makes something unusable out of a mistake makes it an error
type or leaves it out, so that one mistake gives one message.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from idlc.diagnostics.codes import CODES

if TYPE_CHECKING:
    from idlc.source.files import Span


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Note:
    """A second place that explains a diagnostic."""

    message: str
    span: Span


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One thing to say about the input. `code` is a key of `codes.CODES`."""

    code: str
    severity: Severity
    message: str
    span: Span
    notes: tuple[Note, ...] = ()
    help: str | None = None


class Report:
    """Collects diagnostics in the order they are found; the same one twice counts once."""

    def __init__(self) -> None:
        self._diagnostics: dict[Diagnostic, None] = {}
        self._errors = 0

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        return tuple(self._diagnostics)

    @property
    def has_errors(self) -> bool:
        return self._errors > 0

    def error(self, code: str, message: str, span: Span, notes: Iterable[Note] = (), help: str | None = None) -> None:
        self.add(Diagnostic(code, Severity.ERROR, message, span, tuple(notes), help))

    def warning(self, code: str, message: str, span: Span, notes: Iterable[Note] = (), help: str | None = None) -> None:
        self.add(Diagnostic(code, Severity.WARNING, message, span, tuple(notes), help))

    def add(self, diagnostic: Diagnostic) -> None:
        if diagnostic.code not in CODES:
            raise KeyError(f"diagnostic code {diagnostic.code} is not in the catalogue")
        if diagnostic in self._diagnostics:
            return
        self._diagnostics[diagnostic] = None
        self._errors += diagnostic.severity is Severity.ERROR

    def extend(self, diagnostics: Iterable[Diagnostic]) -> None:
        for diagnostic in diagnostics:
            self.add(diagnostic)
