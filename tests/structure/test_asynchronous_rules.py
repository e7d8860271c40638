"""Two pages map each rule about asynchronous calls to the tests that show it: one about RPC and pipes, one about COM.

A test shows a rule by its name: `test_rule_7_12_...` is about rule 7.12, `test_rule_8_24_and_8_25_...` about two of
them. `pytest --bless` enters new ones, and keeps the line that says which rules no test shows yet.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from tests.structure.imports import ROOT

PIPES = ROOT / "docs" / "asynchronous-pipes.md"
COM = ROOT / "docs" / "asynchronous-com-calls.md"
TESTS = ROOT / "tests"
RULES = {
    PIPES: (
        *(f"7.{number}" for number in range(1, 27)),
        *(f"8.{number}" for number in (*range(1, 35), 40)),
        *(f"9.{number}" for number in range(1, 18)),
    ),
    COM: tuple(
        f"{section}.{number}"
        for section, rules in enumerate((22, 11, 20, 8, 11, 5), start=1)
        for number in range(1, rules + 1)
    ),
}
_OPEN = re.compile(r"^No test shows yet: (.*)\.$", re.MULTILINE)
_ROW = re.compile(r"^\| (\d+\.\d+) \| (.+?) \| (.+?) \|(.*)\|$", re.MULTILINE)
_SOURCE = re.compile(r"\.md\b|C706|MS-RPCE|seen of|sample|headers|blog|our reading")
_NAMED = re.compile(r"`([\w/]+\.py)`|`(test_\w+)`")
_OF_RULES = re.compile(r"test_rule_(\d+_\d+(?:_and_\d+_\d+)*)_[a-z]")

Test = tuple[str, str]
"""The file, seen from tests/, and the function."""


@dataclass(frozen=True, slots=True)
class Row:
    rule: str
    statement: str
    page: str
    tests: tuple[Test, ...]


@cache
def rows(page: Path) -> tuple[Row, ...]:
    return tuple(
        Row(rule, statement, page, tuple(_tests(cell)))
        for rule, statement, page, cell in _ROW.findall(page.read_text(encoding="utf-8"))
    )


def _tests(cell: str) -> Iterator[Test]:
    file = ""
    for named, test in _NAMED.findall(cell):
        if named:
            file = named
        else:
            yield file, test


@cache
def existing() -> frozenset[Test]:
    """All test functions there are."""
    return frozenset(
        (path.relative_to(TESTS).as_posix(), node.name)
        for path in TESTS.rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_bytes()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    )


def by_rule() -> dict[str, set[Test]]:
    found: dict[str, set[Test]] = defaultdict(set)
    for test in existing():
        if test[1].startswith("test_rule_"):
            numbers = _OF_RULES.match(test[1])
            assert numbers is not None, f"{test} names no rule"
            for rule in numbers[1].split("_and_"):
                found[rule.replace("_", ".")].add(test)
    return found


def cell(tests: set[Test]) -> str:
    files: dict[str, list[str]] = defaultdict(list)
    for file, test in sorted(tests):
        files[file].append(test)
    return "; ".join(f"`{file}` " + ", ".join(f"`{test}`" for test in named) for file, named in files.items())


both_pages = pytest.mark.parametrize("page", RULES, ids=lambda page: page.stem)


@both_pages
def test_every_rule_has_its_row_once_and_in_order(page: Path) -> None:
    assert tuple(row.rule for row in rows(page)) == RULES[page]


@both_pages
def test_every_row_says_what_holds_and_whose_page_says_so(page: Path) -> None:
    assert [row.rule for row in rows(page) if not _SOURCE.search(row.page)] == []
    assert [row.rule for row in rows(page) if not row.statement.endswith(".")] == []


@both_pages
def test_the_tests_of_a_rule_are_all_in_its_row(page: Path, pytestconfig: pytest.Config) -> None:
    found = by_rule()
    if pytestconfig.getoption("--bless"):
        bless(page, found)
    assert found.keys() - {rule for rules in RULES.values() for rule in rules} == set()
    assert {row.rule: missing for row in rows(page) if (missing := found[row.rule] - set(row.tests))} == {}


@both_pages
def test_every_test_that_is_named_exists_where_it_is_said_to_be(page: Path) -> None:
    assert {row.rule: gone for row in rows(page) if (gone := set(row.tests) - existing())} == {}


@both_pages
def test_a_rule_without_a_test_is_said_to_have_none(page: Path) -> None:
    said = _OPEN.search(page.read_text(encoding="utf-8"))
    assert (said[1].split(", ") if said else []) == [row.rule for row in rows(page) if not row.tests]


def test_every_rule_about_rpc_and_pipes_has_a_test() -> None:
    assert [row.rule for row in rows(PIPES) if not row.tests] == []


def bless(page: Path, found: dict[str, set[Test]]) -> None:
    """Enter the tests of each rule; tests of other names stay while they exist."""

    def entered(row: re.Match[str]) -> str:
        kept = {test for test in _tests(row[4]) if test in existing()}
        return f"| {row[1]} | {row[2]} | {row[3]} | {cell(kept | found[row[1]])} |"

    text = _ROW.sub(entered, page.read_text(encoding="utf-8"))
    lacking = ", ".join(row[1] for row in _ROW.finditer(text) if "`test_" not in row[4])
    page.write_text(_OPEN.sub(f"No test shows yet: {lacking}." if lacking else "", text), encoding="utf-8")
    rows.cache_clear()
