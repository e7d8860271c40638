"""The grammar and the nodes belong together, and its conflicts are known."""

from __future__ import annotations

import json
import logging
import re

import pytest
from lark import Lark, logger

from idlc.data import FrozenError, fields
from idlc.syntax import ast
from idlc.syntax.build import BUILDERS
from idlc.syntax.grammar import START_RULES, compiled, grammar_text, load, no_lexer, shipped
from idlc.syntax.lexer import FALLBACK

# What a declaration is called depends on its words, which the grammar does not look at.
NODES_WITHOUT_A_RULE = {"Const"}
# Parts that a builder takes apart again.
RULES_WITHOUT_A_NODE = {
    "initialized", "bits", "no_field", "member_name", "calling", "star", "range", "variadic", "attributes",
    "attribute_call", "properties", "methods", "plain_specifiers", "plain_type_name", "arrow_member",
    "parenthesized_name", "shared",
}  # fmt: skip
PRECEDENCE = set("logical_or logical_and bit_or bit_xor bit_and equality relation shift sum product".split())


def nodes() -> set[str]:
    return {
        name
        for name, value in vars(ast).items()
        if isinstance(value, type) and hasattr(value, "__data_fields__") and value.__module__ == ast.__name__
    }


def camel(name: str) -> str:
    return "".join(word.capitalize() for word in name.split("_"))


def test_a_node_is_called_like_its_rule() -> None:
    rules = {camel(name) for name in load().nodes - RULES_WITHOUT_A_NODE - PRECEDENCE}
    assert rules == nodes() - NODES_WITHOUT_A_RULE


def test_the_tables_of_the_package_are_current() -> None:
    text = grammar_text()
    assert json.dumps(shipped(text)) == json.dumps(compiled(text)), "run make generated"


def test_tables_of_another_grammar_are_not_used() -> None:
    assert shipped(grammar_text() + " ") is None


def test_every_rule_has_a_builder() -> None:
    assert load().nodes - PRECEDENCE == set(BUILDERS)


def test_nodes_are_frozen_and_slotted() -> None:
    for name in nodes():
        node = getattr(ast, name)
        with pytest.raises(FrozenError):
            node.__setattr__(object.__new__(node), "span", None)
        assert "__slots__" in vars(node), name
        assert "span" in {field.name for field in fields(node)}, name


def test_every_terminal_that_falls_back_exists() -> None:
    terminals = {terminal for row in load().actions for terminal in row}
    assert set(FALLBACK) | set(FALLBACK.values()) <= terminals


class _Collector(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage().strip())


def test_the_conflicts_are_the_accepted_ones() -> None:
    # `interface X;` declares X ahead, it is no declaration with the type `interface X`;
    # `(NAME)` waits for what follows, which shows whether it is a cast. Shifting does both.
    accepted = {
        ("SEMICOLON", "interface_reference : INTERFACE ID"),
        ("SEMICOLON", "interface_reference : DISPINTERFACE ID"),
        ("SEMICOLON", "interface_reference : COCLASS ID"),
        ("RPAR", "identifier : ID"),
    }
    collector, level, handlers = _Collector(), logger.level, logger.handlers[:]
    try:
        logger.handlers[:] = [collector]
        logger.setLevel(logging.DEBUG)
        Lark(grammar_text(), parser="lalr", start=list(START_RULES), lexer=no_lexer(), debug=True)
    finally:
        logger.handlers[:] = handlers
        logger.setLevel(level)
    found: set[tuple[str, str]] = set()
    terminal = ""
    for line in collector.lines:
        if match := re.search(r"conflict for terminal (\w+): \(resolving as shift\)", line):
            terminal = match[1]
        elif match := re.fullmatch(r"\* <(.+)>", line):
            found.add((terminal, match[1]))
    assert found == accepted
