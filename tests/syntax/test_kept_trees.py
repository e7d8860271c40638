"""Trees from the cache are those that parsing gives, and only files that depend on nothing else are kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from idlc import cache
from idlc.data import fields, is_data
from idlc.diagnostics.report import Report
from idlc.source.files import Span
from idlc.source.preprocess import Options
from idlc.source.search import Files
from idlc.syntax import ast, parser
from idlc.syntax.show import show

PADDING = "// " + 500 * "-" + "\n"
TEXT = (
    PADDING + "typedef long T;\n"
    '#line 7 "y.idl"\n'
    "[uuid(00000000-0000-0000-0000-000000000001)] interface I { T f(); }"
)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("IDLC_CACHE", raising=False)
    monkeypatch.setenv("IDLC_CACHE_DIR", str(tmp_path / "kept"))
    return tmp_path / "kept"


def parse(text: str, options: Options | None = None, **files: str) -> ast.File:
    sources = Files((), {**{name.replace("_", "."): content for name, content in files.items()}, "x.idl": text})
    return parser.parse_file(sources.open("x.idl"), sources, Report(), options, keep=True)


def kept(folder: Path) -> list[Path]:
    return sorted(folder.glob("tree-*"))


def spans(node: object) -> Iterator[Span]:
    if isinstance(node, Span):
        yield node
    elif isinstance(node, tuple):
        for item in node:
            yield from spans(item)
    elif is_data(node):
        for field in fields(node):
            yield from spans(getattr(node, field.name))


def test_a_tree_is_found_again_with_its_places(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = parse(TEXT)
    assert len(kept(folder)) == 1
    monkeypatch.setattr(parser, "preprocess", lambda *_, **__: pytest.fail("it was parsed again"))
    second = parse(TEXT)
    assert show(second) == show(first)
    places = [(span.file.name, span.line, span.column, span.text) for span in spans(second)]
    assert places == [(span.file.name, span.line, span.column, span.text) for span in spans(first)]
    assert ("y.idl", 7) in {(name, line) for name, line, *_ in places}


@pytest.mark.parametrize(
    "text",
    [
        PADDING + '#include "a.h"\nlong b;',
        PADDING + "#define T long\nT b;",
        PADDING + "#warning careful\nlong b;",
        PADDING + "long b",
        "long b;",
    ],
    ids=["includes", "uses a macro", "has a warning", "has an error", "is too short"],
)
def test_a_file_that_depends_on_more_or_is_not_worth_it_is_not_kept(text: str, folder: Path) -> None:
    parse(text, a_h="long a;")
    assert kept(folder) == []


def test_other_text_and_other_options_are_another_tree(folder: Path) -> None:
    conditional = TEXT + "\n#ifdef A\nlong a;\n#endif\n"
    assert len(parse(conditional).body) + 1 == len(parse(conditional, Options((("A", "1"),))).body)
    assert len(parse(TEXT.replace("I {", "J {")).body) == 2
    assert len(kept(folder)) == 3


def test_what_is_no_tree_is_parsed_again(folder: Path) -> None:
    expected = show(parse(TEXT))
    (entry,) = kept(folder)
    cache.store("tree", entry.name.removeprefix("tree-"), b"no pickle")
    assert show(parse(TEXT)) == expected
