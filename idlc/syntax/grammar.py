"""The LALR tables, compiled from midl.lark and acf.lark.

lark builds the tables, and is loaded for nothing else; what runs over them is our own loop (parser.py). Lark settles
shift/reduce conflicts as shift without a word, so a test lists the accepted ones. Building takes half a second, so the
tables are part of the package (tables.json, written by `python -m idlc.syntax.grammar`). What was read or built is kept
in the user's cache.
"""

from __future__ import annotations

import os
from binascii import crc32
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
    plain: Any = kept.load("grammar", key)  # several times as fast as JSON
    if plain is None:
        plain = shipped(text) or compiled(text)
        kept.store("grammar", key, plain)
    rules, *tables = plain
    return Grammar(tuple(Reduction(*rule) for rule in rules), *tables)


def shipped(text: str) -> list[Any] | None:
    """The tables that are part of the package; None when they were not made from this grammar."""
    import json

    try:
        with open(_TABLES, encoding="utf-8") as stream:
            found = json.load(stream)
    except (OSError, ValueError):
        return None
    return found[1:] if isinstance(found, list) and found[:1] == [_crc(text)] else None


def write() -> None:
    """Make the tables that are part of the package."""
    import json

    text = grammar_text()
    parts = [_crc(text), *compiled(text)]
    # A row to a line, so that a change of the grammar is a change of some lines.
    lines = [
        json.dumps(part, separators=(",", ":")).replace("},{", "},\n{").replace("],[\"", "],\n[\"") for part in parts
    ]
    with open(_TABLES, "w", encoding="utf-8", newline="\n") as stream:
        stream.write("[" + ",\n".join(lines) + "]\n")


_TABLES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "tables.json")


def _crc(text: str) -> str:
    return f"{crc32(text.encode('utf-8')):08x}-{len(text)}"


def compiled(text: str) -> tuple[Any, ...]:
    """The fields of a Grammar as plain data."""
    from lark import Lark
    from lark.parsers.lalr_analysis import Reduce

    lark = Lark(text, parser="lalr", start=list(START_RULES), lexer=no_lexer())
    table = lark.parser.parser._parse_table
    # Lark's order of states and rules is another one each time; here both are numbered in an order of their own.
    reduced = {argument for row in table.states.values() for kind, argument in row.values() if kind is Reduce}
    rules = sorted({_reduction(rule) for rule in reduced})
    places = {rule: rules.index(_reduction(rule)) for rule in reduced}
    order = [table.start_states[name] for name in START_RULES]
    numbers: dict[int, int] = {state: number for number, state in enumerate(order)}
    for state in order:
        for _, (kind, argument) in sorted(table.states[state].items(), key=lambda item: str(item[0])):
            if kind is not Reduce and argument not in numbers:
                numbers[argument] = len(numbers)
                order.append(argument)
    actions: list[dict[str, int]] = []
    gotos: list[dict[str, int]] = []
    for state in order:
        actions.append({})
        gotos.append({})
        for name, (kind, argument) in sorted(table.states[state].items(), key=lambda item: str(item[0])):
            if kind is Reduce:
                actions[-1][name] = ~places[argument]
            else:
                (gotos if name.islower() else actions)[-1][name] = numbers[argument]
    return (
        tuple(rules),
        tuple(actions),
        tuple(gotos),
        tuple(map(_only_reduction, actions)),
        {name: numbers[table.start_states[name]] for name in START_RULES},
        {name: numbers[table.end_states[name]] for name in START_RULES},
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


if __name__ == "__main__":
    write()
