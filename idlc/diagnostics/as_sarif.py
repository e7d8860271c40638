"""Diagnostics as SARIF 2.1.0, for code scanning services: one run, a rule for each code that was used.

Columns count characters (`columnKind` says so), ends are exclusive, and a relative file name is relative to the folder
in which the command ran, `%SRCROOT%`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from idlc.diagnostics.codes import CODES
from idlc.diagnostics.fixes import fixes
from idlc.diagnostics.render import in_order
from idlc.diagnostics.report import Diagnostic, Severity
from idlc.version import VERSION

if TYPE_CHECKING:
    from idlc.source.files import Span

_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"


def as_sarif(diagnostics: Iterable[Diagnostic]) -> str:
    """All diagnostics as one SARIF log."""
    collected = in_order(diagnostics)
    rules = {code: number for number, code in enumerate(sorted({each.code for each in collected}))}
    log = {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "idlc",
                        "version": VERSION,
                        "rules": [{"id": code, "shortDescription": {"text": CODES[code]}} for code in rules],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "invocations": [
                    {"executionSuccessful": not any(each.severity is Severity.ERROR for each in collected)}
                ],
                "results": [_result(each, rules) for each in collected],
            }
        ],
    }
    return json.dumps(log, indent=2) + "\n"


def _result(diagnostic: Diagnostic, rules: dict[str, int]) -> dict[str, Any]:
    text = diagnostic.message if diagnostic.help is None else f"{diagnostic.message}\n{diagnostic.help}"
    result: dict[str, Any] = {
        "ruleId": diagnostic.code,
        "ruleIndex": rules[diagnostic.code],
        "level": diagnostic.severity.value,
        "message": {"text": text},
    }
    if not diagnostic.span.is_none:
        result["locations"] = [{"physicalLocation": _physical(diagnostic.span)}]
    related = [
        {"id": number, "message": {"text": note.message}}
        | ({} if note.span.is_none else {"physicalLocation": _physical(note.span)})
        for number, note in enumerate(diagnostic.notes)
    ]
    if related:
        result["relatedLocations"] = related
    changes = [
        {
            "description": {"text": str(diagnostic.help)},
            "artifactChanges": [
                {
                    "artifactLocation": _artifact(fix.span),
                    "replacements": [{"deletedRegion": _region(fix.span), "insertedContent": {"text": fix.text}}],
                }
            ],
        }
        for fix in fixes(diagnostic)
    ]
    if changes:
        result["fixes"] = changes
    return result


def _physical(span: Span) -> dict[str, Any]:
    return {"artifactLocation": _artifact(span), "region": _region(span)}


def _artifact(span: Span) -> dict[str, str]:
    name = span.file.name.replace("\\", "/")
    if name[1:3] == ":/":
        return {"uri": f"file:///{quote(name, safe='/:')}"}
    if name.startswith("/"):
        return {"uri": f"file://{quote(name)}"}
    return {"uri": quote(name), "uriBaseId": "%SRCROOT%"}


def _region(span: Span) -> dict[str, int]:
    end_line, end_column = span.end_position
    return {"startLine": span.line, "startColumn": span.column, "endLine": end_line, "endColumn": end_column}
