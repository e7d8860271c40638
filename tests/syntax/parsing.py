"""IDL text parsed from memory, and trees as text without places."""

from __future__ import annotations

from collections.abc import Mapping

from idlc.diagnostics.report import Report
from idlc.source.preprocess import Options, preprocess
from idlc.source.search import Files
from idlc.syntax import ast
from idlc.syntax.parser import parse_acf, parse_file
from idlc.syntax.show import show

_PLACES = frozenset(["name_span", "span", "doc"])


def parse(text: str, **files: str) -> tuple[ast.File, Report]:
    """The tree of a text and what was reported; keyword arguments are further files, `b_idl` for b.idl."""
    report = Report()
    memory = {name.replace("_", "."): content for name, content in files.items()}
    sources = Files((), {**memory, "x.idl": text})
    return parse_file(sources.open("x.idl"), sources, report), report


def tree(text: str) -> ast.File:
    """The tree of a text that has no mistakes."""
    file, report = parse(text)
    assert [d.message for d in report.diagnostics] == []
    return file


def statement(text: str) -> ast.Statement:
    """The only statement of a text."""
    (only,) = tree(text).body
    return only


def acf(text: str) -> ast.AcfFile:
    report = Report()
    sources = Files((), {"x.acf": text})
    file = parse_acf(sources.open("x.acf"), sources, report)
    assert [d.message for d in report.diagnostics] == []
    return file


def shape(node: object) -> str:
    """A tree as text on one line, without places."""
    return " ".join(show(node, _PLACES).split())


def declarator(text: str) -> str:
    """How a declarator reads from the name outwards: `p: pointer to array of`."""
    node = statement(f"typedef long {text};")
    assert isinstance(node, ast.Typedef)
    words = {ast.Pointer: "pointer", ast.Array: "array", ast.Function: "function"}
    (only,) = node.declarators
    return " ".join([only.name or "?", *(words[type(part)] for part in only.derivations)])


def expression(text: str) -> ast.Expression:
    """The value of a constant."""
    node = statement(f"const long X = {text};")
    assert isinstance(node, ast.Const)
    value = node.declarators[0].initializer
    assert value is not None
    return value


def codes(report: Report) -> list[str]:
    """Codes and places, as `MIDL2025@3:7`."""
    return [f"{d.code}@{d.span.line}:{d.span.column}" for d in report.diagnostics]


def words(text: str, options: Options | None = None, files: Mapping[str, str] | None = None) -> tuple[str, Report]:
    """What preprocessing makes of a text: its tokens with single blanks between them."""
    report = Report()
    sources = Files((), {**(files or {}), "x.idl": text})
    tokens = preprocess(sources.open("x.idl"), sources, report, options)
    return " ".join(token.text for token in tokens), report
