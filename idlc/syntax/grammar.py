"""The LALR tables, compiled once per process from midl.lark and acf.lark.

lark builds the tables; what runs over them is our own loop (parser.py), which wants each rule in a form that costs
nothing to look up. Lark settles shift/reduce conflicts as shift without a word, so a test lists the accepted ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib.resources import files

from lark import Lark, Token
from lark.grammar import Rule, Terminal
from lark.lexer import Lexer, LexerState, LexerThread
from lark.parsers.lalr_analysis import Reduce

from idlc.data import dataclass


class NoLexer(Lexer):
    """Lark is told nothing about text: terminals come from lexer.py."""

    def __init__(self, _configuration: object) -> None:
        pass

    def lex(self, lexer_state: LexerState | LexerThread, parser_state: object) -> Iterator[Token]:
        return iter(())


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


Action = int | Reduction


@dataclass(frozen=True, slots=True)
class Grammar:
    actions: tuple[dict[str, Action], ...]
    """By state and terminal: the next state, or the rule to reduce."""
    gotos: tuple[dict[str, int], ...]
    """By state and rule name."""
    defaults: tuple[Reduction | None, ...]
    """By state: the reduction that is the only thing to do there, whatever follows."""
    starts: dict[str, int]
    ends: dict[str, int]
    symbols: tuple[str, ...]
    """By state: the terminal or rule that leads there (LALR states have just one); empty for a start."""
    nodes: frozenset[str]
    """The names of everything that a tree is built of."""


START_RULES = ("file", "acf_file")


def grammar_text() -> str:
    """Both grammar files as one."""
    folder = files("idlc.syntax")
    return "\n".join((folder / name).read_text("utf-8") for name in ("midl.lark", "acf.lark"))


@cache
def load() -> Grammar:
    """The tables for both languages."""
    lark = Lark(grammar_text(), parser="lalr", start=list(START_RULES), lexer=NoLexer)
    table = lark.parser.parser._parse_table
    known: dict[Rule, Reduction] = {}
    actions: list[dict[str, Action]] = []
    gotos: list[dict[str, int]] = []
    numbers = {state: number for number, state in enumerate(table.states)}
    for row in table.states.values():
        by_terminal: dict[str, Action] = {}
        by_rule: dict[str, int] = {}
        for name, (action, argument) in row.items():
            if action is Reduce:
                if argument not in known:
                    known[argument] = _reduction(argument)
                by_terminal[name] = known[argument]
            elif name.islower():
                by_rule[name] = numbers[argument]
            else:
                by_terminal[name] = numbers[argument]
        actions.append(by_terminal)
        gotos.append(by_rule)
    return Grammar(
        tuple(actions),
        tuple(gotos),
        tuple(_only_reduction(row) for row in actions),
        {name: numbers[state] for name, state in table.start_states.items()},
        {name: numbers[state] for name, state in table.end_states.items()},
        _symbols(actions, gotos),
        frozenset(reduction.node for reduction in known.values() if not reduction.inline),
    )


def _symbols(actions: list[dict[str, Action]], gotos: list[dict[str, int]]) -> tuple[str, ...]:
    symbols = [""] * len(actions)
    for row in actions:
        for name, action in row.items():
            if isinstance(action, int):
                symbols[action] = name
    for by_rule in gotos:
        for name, state in by_rule.items():
            symbols[state] = name
    return tuple(symbols)


def _only_reduction(row: dict[str, Action]) -> Reduction | None:
    found = set(row.values())
    only = found.pop() if len(found) == 1 else None
    return only if isinstance(only, Reduction) else None


def _reduction(rule: Rule) -> Reduction:
    name = str(rule.origin.name)
    keep: list[tuple[int, bool]] = []
    for position, symbol in enumerate(rule.expansion):
        if isinstance(symbol, Terminal):
            if not symbol.filter_out:
                keep.append((position, False))
        else:
            keep.append((position, str(symbol.name).startswith("_")))
    return Reduction(
        name,
        str(rule.alias or name),
        len(rule.expansion),
        tuple(keep),
        name.startswith("_"),
        bool(rule.options.expand1) and not rule.alias,
    )
