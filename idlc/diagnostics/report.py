"""Diagnostics as values, and the report that collects them.

Stages report and go on. A stage that makes something unusable out of a mistake makes it an error
type or leaves it out, so that one mistake gives one message.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from idlc.data import dataclass, replace
from idlc.diagnostics.codes import CODES
from idlc.diagnostics.origins import Origins
from idlc.diagnostics.policy import Policy, Pragmas, Ruling

if TYPE_CHECKING:
    from idlc.source.files import Span


_DEEP: Final = 100
"""How many files may include one another; more are an error elsewhere."""


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"
    """Something worth knowing; it counts as nothing and no option makes it an error. `-W no-CODE` silences it."""


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
    """Collects diagnostics in the order they are found; the same one twice counts once.

    `found` is what the stages said, `diagnostics` what the policy and the pragmas of the files leave of it.
    """

    def __init__(self, policy: Policy | None = None) -> None:
        self.policy = policy or Policy()
        self.origins = Origins()
        self._pragmas = Pragmas()
        self._found: dict[Diagnostic, None] = {}
        self._errors = 0
        self._judged: tuple[Diagnostic, ...] | None = None

    @property
    def found(self) -> tuple[Diagnostic, ...]:
        """Everything that was reported, as it was."""
        return tuple(self._found)

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """What there is to show."""
        if self._judged is None:
            self._judged = self._judge()
        return self._judged

    @property
    def has_errors(self) -> bool:
        if self._errors:
            return True
        return any(diagnostic.severity is Severity.ERROR for diagnostic in self.diagnostics)

    def error(self, code: str, message: str, span: Span, notes: Iterable[Note] = (), help: str | None = None) -> None:
        self.add(Diagnostic(code, Severity.ERROR, message, span, tuple(notes), help))

    def warning(self, code: str, message: str, span: Span, notes: Iterable[Note] = (), help: str | None = None) -> None:
        self.add(Diagnostic(code, Severity.WARNING, message, span, tuple(notes), help))

    def note(self, code: str, message: str, span: Span, notes: Iterable[Note] = (), help: str | None = None) -> None:
        """Say something that is worth knowing and no mistake."""
        self.add(Diagnostic(code, Severity.NOTE, message, span, tuple(notes), help))

    def doubtful(
        self, code: str, message: str, span: Span, notes: Iterable[Note] = (), help: str | None = None
    ) -> None:
        """Report what MIDL documents as an error and published IDL does: a warning, an error under `strict`."""
        severity = Severity.ERROR if self.policy.strict else Severity.WARNING
        self.add(Diagnostic(code, severity, message, span, tuple(notes), help))

    def add(self, diagnostic: Diagnostic) -> None:
        if diagnostic.code not in CODES:
            raise KeyError(f"diagnostic code {diagnostic.code} is not in the catalogue")
        if diagnostic in self._found:
            return
        self._found[diagnostic] = None
        self._errors += diagnostic.severity is Severity.ERROR
        self._judged = None

    def extend(self, diagnostics: Iterable[Diagnostic]) -> None:
        for diagnostic in diagnostics:
            self.add(diagnostic)

    def replace(self, paths: frozenset[str], by: Diagnostic) -> None:
        """Say one thing in place of all that was found in some files."""
        others = [each for each in self._found if each.span.file.path not in paths]
        self._found.clear()
        self._errors = 0
        self._judged = None
        self.extend([by, *others])

    def _judge(self) -> tuple[Diagnostic, ...]:
        kept: list[Diagnostic] = []
        errors = 0
        for diagnostic in self._found:
            judged = self._counted(diagnostic)
            if judged is None:
                continue
            if judged.severity is Severity.ERROR:
                errors += 1
                if errors > self.policy.max_errors > 0:
                    kept.append(_stopped(self.policy.max_errors, judged.span.none()))
                    break
            kept.append(judged)
        return tuple(kept)

    def _counted(self, diagnostic: Diagnostic) -> Diagnostic | None:
        """The diagnostic as it counts in this run, with what led to its place; None if it is not to be shown."""
        severity = diagnostic.severity
        if severity is Severity.NOTE and diagnostic.code in self.policy.silenced:
            return None
        if severity is Severity.WARNING:
            if not self._shows(diagnostic.code, diagnostic.span):
                return None
            if self.policy.is_error(diagnostic.code):
                severity = Severity.ERROR
        shown = {note.span for note in diagnostic.notes}
        led = self.origins.explain(diagnostic.span)
        origin = [Note(words, place) for words, place in led if place not in shown]
        if severity is diagnostic.severity and not origin:
            return diagnostic
        return replace(diagnostic, severity=severity, notes=(*diagnostic.notes, *origin))

    def rule(self, place: Span, codes: Iterable[str], ruling: Ruling) -> None:
        """Obey a pragma: from its place on, in its file and in whatever includes that, the ruling is in force."""
        self._judged = None
        codes = tuple(codes)
        at: Span | None = place
        for _ in range(_DEEP):
            if at is None:
                break
            self._pragmas.rule(at.file.path, at.start, codes, ruling)
            at = self.origins.includer(at.file.path)

    def _shows(self, code: str, span: Span) -> bool:
        """Whether a warning shows at a place: what a pragma before it says counts, else the options."""
        if self.policy.level == 0:
            return False
        at: Span | None = span
        for _ in range(_DEEP):
            if at is None:
                break
            ruling = self._pragmas.ruling(at.file.path, at.start, code)
            if ruling is not None:
                return self.policy.shows(code) if ruling is Ruling.DEFAULT else ruling is Ruling.ENABLE
            at = self.origins.includer(at.file.path)
        return self.policy.shows(code)


def _stopped(errors: int, nowhere: Span) -> Diagnostic:
    message = f"more than {errors} error{'s' if errors > 1 else ''}; the rest is not shown"
    return Diagnostic("IDLC1106", Severity.NOTE, message, nowhere, help="--max-errors changes the bound")
