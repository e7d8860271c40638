"""Imports: each file once, in order, and rounds that come back to their beginning."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from idlc.diagnostics.report import Report
from idlc.source.files import SourceFile
from idlc.source.imports import Request, resolve_imports
from idlc.source.search import Files
from idlc.syntax import ast
from idlc.syntax.parser import parse_file


def resolve(files: Files, *roots: str) -> tuple[list[str], Report]:
    report = Report()

    def requests(source: SourceFile) -> list[Request]:
        tree = parse_file(source, files, report)
        return [
            Request(name.value, name.span) for node in tree.body if isinstance(node, ast.Import) for name in node.files
        ]

    graph = resolve_imports([files.open(root) for root in roots], requests, files, report)
    return [source.name for source in graph.order], report


def memory(texts: Mapping[str, str]) -> tuple[list[str], Report]:
    return resolve(Files((), texts), next(iter(texts)))


def test_a_file_comes_after_what_it_imports_and_once() -> None:
    order, report = memory({
        "a.idl": 'import "b.idl", "c.idl";', "b.idl": 'import "d.idl";', "c.idl": 'import "d.idl";', "d.idl": "long x;"
    })  # fmt: skip
    assert order == ["d.idl", "b.idl", "c.idl", "a.idl"]
    assert not report.diagnostics


def test_backslashes_part_folders_and_are_no_escapes() -> None:
    base = {"sub/base.idl": "long x;", "sub/next.idl": "long y;"}
    order, report = memory({"a.idl": r'import "sub\base.idl", "sub\\next.idl";', **base})
    assert order == ["sub/base.idl", "sub/next.idl", "a.idl"]
    assert not report.diagnostics


def test_a_repeated_import_is_a_warning() -> None:
    _, report = memory({"a.idl": 'import "b.idl"; import "B.idl";', "b.idl": "long x;"})
    assert [d.code for d in report.diagnostics] == ["MIDL2007"]


def test_a_file_that_imports_itself_is_told_so() -> None:
    _, report = memory({"a.idl": 'import "a.idl";'})
    (diagnostic,) = report.diagnostics
    assert (diagnostic.code, diagnostic.message) == ("IDLC1004", '"a.idl" imports itself')


def test_a_round_of_imports_is_shown_whole() -> None:
    order, report = memory({"a.idl": 'import "b.idl";', "b.idl": 'import "c.idl";', "c.idl": '\nimport "a.idl";'})
    (diagnostic,) = report.diagnostics
    assert diagnostic.message == '"a.idl" imports itself by way of "c.idl"'
    assert diagnostic.span.line == 2
    assert [note.message for note in diagnostic.notes] == ['"b.idl" is imported here', '"c.idl" is imported here']
    assert order == ["c.idl", "b.idl", "a.idl"]


def test_a_long_chain_of_imports_is_followed() -> None:
    texts = {f"f{n}.idl": f'import "f{n + 1}.idl";' for n in range(1500)} | {"f1500.idl": "long x;"}
    order, report = memory(texts)
    assert (len(order), len(report.diagnostics)) == (1501, 0)


def test_a_missing_file_is_reported_where_it_is_asked_for() -> None:
    _, report = memory({"a.idl": 'import "b.idl",\n  "nosuch.idl";', "b.idl": "long x;"})
    (diagnostic,) = report.diagnostics
    assert (diagnostic.code, diagnostic.span.line, diagnostic.span.column) == ("IDLC1002", 2, 3)


def test_the_search_begins_beside_the_file_and_ends_at_the_prelude(tmp_path: Path) -> None:
    for folder in ("main", "one", "two", "prelude"):
        (tmp_path / folder).mkdir()
    places = {"main": "a", "one": "ab", "two": "abc", "prelude": "abcd"}
    for folder, names in places.items():
        for name in names:
            (tmp_path / folder / f"{name}.idl").write_text("long x;")
    main = tmp_path / "main" / "x.idl"
    main.write_text('import "a.idl", "b.idl", "c.idl", "d.idl";')
    files = Files([str(tmp_path / "one"), str(tmp_path / "two")], builtin=str(tmp_path / "prelude"))
    order, _ = resolve(files, str(main))
    assert [os.path.basename(os.path.dirname(name)) for name in order] == ["main", "one", "two", "prelude", "main"]


def test_what_is_no_file_is_not_imported(tmp_path: Path) -> None:
    (tmp_path / "d.idl").mkdir()
    main = tmp_path / "x.idl"
    main.write_text(f'import "d.idl", "/dev/zero", "", "{"n" * 5000}", "a/../../x";')
    _, report = resolve(Files(), str(main))
    assert [d.code for d in report.diagnostics] == ["IDLC1002"] * 5
