"""The LALR tables, compiled from midl.lark and acf.lark and kept in the user's cache.

lark builds the tables, and is loaded for nothing else; what runs over them is our own loop (parser.py). Lark settles
shift/reduce conflicts as shift without a word, so a test lists the accepted ones.
"""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING, Any

from idlc import cache as kept
from idlc.data import dataclass

if TYPE_CHECKING:
    from lark.grammar import Rule


@dataclass(frozen=True, slots=True)
class Reduction:
    """One rule. `keep` has the positions of the children that reach the tree, and whether each is a list to flatten."""

    name: str
    """The rule's name."""
    node: str
    """What is built: the rule's name, or its alias."""
    length: int
    keep: tuple[tuple[int, bool], ...]
    inline: bool
    """An underscored rule: its children go to the parent."""
    unwrap: bool
    """A rule that is its only child when it has just one."""

    @property
    def shift_of_level(self) -> int | None:
        """For a rule that is nothing but its one child: 1 if it makes a list of it, -1 if it takes it out of one, 0
        if it leaves it alone; None for every other rule. Precedence makes long chains of these."""
        if self.length != 1 or len(self.keep) != 1 or not (self.inline or self.unwrap):
            return None
        return int(self.inline) - int(self.keep[0][1])


@dataclass(frozen=True, slots=True)
class Grammar:
    rules: tuple[Reduction, ...]
    actions: tuple[dict[str, int], ...]
    """By state and terminal: the next state, or ~N to reduce by rule N."""
    gotos: tuple[dict[str, int], ...]
    """By state and rule name."""
    defaults: tuple[int | None, ...]
    """By state: the reduction that is the only thing to do there, whatever follows."""
    starts: dict[str, int]
    ends: dict[str, int]
    symbols: tuple[str, ...]
    """By state: the terminal or rule that leads there (LALR states have just one); empty for a start."""

    @property
    def nodes(self) -> frozenset[str]:
        """The names of everything that a tree is built of."""
        return frozenset(rule.node for rule in self.rules if not rule.inline)


START_RULES = ("file", "acf_file")


def grammar_text() -> str:
    """Both grammar files as one."""
    folder = os.path.dirname(os.path.abspath(__file__))
    texts: list[str] = []
    for name in ("midl.lark", "acf.lark"):
        with open(os.path.join(folder, name), encoding="utf-8") as stream:
            texts.append(stream.read())
    return "\n".join(texts)


@cache
def load() -> Grammar:
    """The tables for both languages."""
    text = grammar_text()
    key = kept.key(text)
    plain = kept.load("grammar", key)
    if plain is None:
        plain = _compiled(text)
        kept.store("grammar", key, plain)
    rules, *tables = plain
    return Grammar(tuple(Reduction(*rule) for rule in rules), *tables)


def _compiled(text: str) -> tuple[Any, ...]:
    """The fields of a Grammar as plain data."""
    from lark import Lark
    from lark.parsers.lalr_analysis import Reduce

    lark = Lark(text, parser="lalr", start=list(START_RULES), lexer=no_lexer())
    table = lark.parser.parser._parse_table
    rules: dict[Rule, int] = {}
    actions: list[dict[str, int]] = []
    gotos: list[dict[str, int]] = []
    numbers = {state: number for number, state in enumerate(table.states)}
    for row in table.states.values():
        by_terminal: dict[str, int] = {}
        by_rule: dict[str, int] = {}
        for name, (action, argument) in row.items():
            if action is Reduce:
                by_terminal[name] = ~rules.setdefault(argument, len(rules))
            elif name.islower():
                by_rule[name] = numbers[argument]
            else:
                by_terminal[name] = numbers[argument]
        actions.append(by_terminal)
        gotos.append(by_rule)
    return (
        tuple(map(_reduction, rules)),
        tuple(actions),
        tuple(gotos),
        tuple(map(_only_reduction, actions)),
        {name: numbers[state] for name, state in table.start_states.items()},
        {name: numbers[state] for name, state in table.end_states.items()},
        _symbols(actions, gotos),
    )


def no_lexer() -> Any:
    """What lark is told about text: nothing, terminals come from lexer.py."""
    from lark.lexer import Lexer

    class NoLexer(Lexer):
        def __init__(self, _configuration: object) -> None:
            pass

        def lex(self, lexer_state: object, parser_state: object) -> Any:
            return iter(())

    return NoLexer


def _symbols(actions: list[dict[str, int]], gotos: list[dict[str, int]]) -> tuple[str, ...]:
    symbols = [""] * len(actions)
    for row in (*actions, *gotos):
        for name, state in row.items():
            if state >= 0:
                symbols[state] = name
    return tuple(symbols)


def _only_reduction(row: dict[str, int]) -> int | None:
    found = set(row.values())
    only = found.pop() if len(found) == 1 else 0
    return only if only < 0 else None


def _reduction(rule: Rule) -> tuple[Any, ...]:
    """The fields of a Reduction."""
    from lark.grammar import Terminal

    name = str(rule.origin.name)
    keep: list[tuple[int, bool]] = []
    for position, symbol in enumerate(rule.expansion):
        if isinstance(symbol, Terminal):
            if not symbol.filter_out and symbol.name != "ATTRIBUTES":  # declared, but as good as a bracket
                keep.append((position, False))
        else:
            keep.append((position, str(symbol.name).startswith("_")))
    return (
        name,
        str(rule.alias or name),
        len(rule.expansion),
        tuple(keep),
        name.startswith("_"),
        bool(rule.options.expand1) and not rule.alias,
    )
