"""docs/asynchronous-pipes.md maps each rule about asynchronous calls and pipes to the tests that show it.

A test shows a rule by its name: `test_rule_7_12_...` is about rule 7.12, `test_rule_8_24_and_8_25_...` about two of
them. `pytest --bless` enters new ones.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import pytest

from tests.structure.imports import ROOT

PAGE = ROOT / "docs" / "asynchronous-pipes.md"
TESTS = ROOT / "tests"
RULES = (
    *(f"7.{number}" for number in range(1, 27)),
    *(f"8.{number}" for number in (*range(1, 35), 40)),
    *(f"9.{number}" for number in range(1, 18)),
)
_ROW = re.compile(r"^\| (\d+\.\d+) \| (.+?) \| (.+?) \|(.*)\|$", re.MULTILINE)
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
def rows() -> tuple[Row, ...]:
    return tuple(
        Row(rule, statement, page, tuple(_tests(cell)))
        for rule, statement, page, cell in _ROW.findall(PAGE.read_text(encoding="utf-8"))
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


def test_every_rule_has_its_row_once_and_in_order() -> None:
    assert tuple(row.rule for row in rows()) == RULES


def test_every_row_says_what_holds_and_whose_page_says_so() -> None:
    assert [row.rule for row in rows() if not re.search(r"\.md\b|C706|MS-RPCE|seen of|sample", row.page)] == []
    assert [row.rule for row in rows() if not row.statement.endswith(".")] == []


def test_the_tests_of_a_rule_are_all_in_its_row(pytestconfig: pytest.Config) -> None:
    found = by_rule()
    if pytestconfig.getoption("--bless"):
        bless(found)
    assert found.keys() - set(RULES) == set()
    assert {row.rule: missing for row in rows() if (missing := found[row.rule] - set(row.tests))} == {}


def test_every_test_that_is_named_exists_where_it_is_said_to_be() -> None:
    assert {row.rule: gone for row in rows() if (gone := set(row.tests) - existing())} == {}


def test_no_rule_is_without_a_test() -> None:
    assert [row.rule for row in rows() if not row.tests] == []


def bless(found: dict[str, set[Test]]) -> None:
    """Enter the tests of each rule; tests of other names stay while they exist."""

    def entered(row: re.Match[str]) -> str:
        kept = {test for test in _tests(row[4]) if test in existing()}
        return f"| {row[1]} | {row[2]} | {row[3]} | {cell(kept | found[row[1]])} |"

    PAGE.write_text(_ROW.sub(entered, PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    rows.cache_clear()
