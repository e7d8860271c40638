"""The parser: a loop over the LALR tables that builds nodes as it reduces, and goes on after mistakes.

After a mistake parsing resumes at the next `;` or `}` of the same depth, or at a `typedef`. When a `;` is all that is
missing at the end of a line or before what can only begin a declaration, it is taken as written, so that the next
declaration is not lost. What goes wrong in a line whose quotes do not match is no mistake of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, Final

from idlc.diagnostics.near import Suggestion, did_you_mean
from idlc.diagnostics.report import Note, Report
from idlc.source.files import SourceFile, Span
from idlc.source.preprocess import Options, preprocess
from idlc.source.search import Files
from idlc.source.tokens import NAME, Fragment, Shared, Token
from idlc.syntax import ast, trees
from idlc.syntax.build import BUILDERS, Builder, Problems
from idlc.syntax.grammar import Grammar, Reduction, load
from idlc.syntax.lexer import FALLBACK, KEYWORDS, Lexed, keyword_terminal, lex, span_of

MAX_ERRORS = 50
"""Syntax errors of one file; whoever has more is not helped by the next."""

_RESUME: Final = frozenset(
    "_statements _fields _union_items _arms _enumerators _coclass_members _acf_statements".split()
)

_SWALLOWS: Final = frozenset(["IDLC1008", "IDLC1009", "MIDL2109", "MIDL2110", "IDLC1102", "IDLC1103"])
"""Mistakes after which a file may end early, which is then no second mistake."""

_QUOTES: Final = frozenset(["MIDL2108", "MIDL2110", "MIDL2112"])
"""Mistakes after which the rest of a line means nothing."""

_BLOCK_HEADS: Final = frozenset("INTERFACE DISPINTERFACE LIBRARY COCLASS MODULE".split())
"""Words whose block, behind attributes and a name, is rather without its `{` than not there."""

_OPENERS: Final = frozenset("typedef struct union enum const import interface cpp_quote".split())
"""Words that begin a declaration where they cannot go on with one."""

_MISSPELT: Final = (
    "typedef struct union enum interface dispinterface coclass library importlib module import const switch case "
    "default cpp_quote "
    "unsigned signed long short hyper boolean wchar_t"
).split()

_NICE: Final = {
    "ID": "a name", "BASE_WORD": "a type", "STRING": "a string", "INTEGER": "a number", "UUID": "a uuid",
    "VERSION": "a version", "ATTRIBUTES": '"["', "LBRACE": '"{"', "RBRACE": '"}"', "LPAR": '"("', "RPAR": '")"',
    "RSQB": '"]"', "SEMICOLON": '";"', "COMMA": '","', "COLON": '":"', "SWITCH": '"switch"', "STAR": '"*"',
    "$END": "the end of the file", "ASSIGN": '"="',
}  # fmt: skip


def parse_file(
    source: SourceFile,
    files: Files,
    report: Report,
    options: Options | None = None,
    reworded: Callable[[list[Token]], list[Token]] | None = None,
    *,
    keep: bool = False,
) -> ast.File:
    """The tree of an IDL file. What could not be parsed is reported and left out.

    `reworded` spells the words of a dialect as MIDL's before they are parsed. With `keep`, the tree is looked for in
    the user's cache, and put there: worth it for what is imported again and again.
    """
    key = trees.key(source, options) if keep and reworded is None else None
    kept = trees.load(key, source) if key is not None else None
    if kept is not None:
        return kept
    before = len(report.found), report.origins.size
    tokens = preprocess(source, files, report, options, share=reworded is None)
    tree = _parse(source, tokens if reworded is None else reworded(tokens), report, "file")
    assert isinstance(tree, ast.File)
    if key is not None and before == (len(report.found), report.origins.size):
        trees.store(key, source, tree)
    return tree


def parse_acf(source: SourceFile, files: Files, report: Report, options: Options | None = None) -> ast.AcfFile:
    """The tree of an ACF file."""
    tree = _parse(source, preprocess(source, files, report, options), report, "acf_file")
    assert isinstance(tree, ast.AcfFile)
    return tree


def _parse(source: SourceFile, tokens: list[Token], report: Report, start: str) -> object:
    lexed = lex(source, tokens, report)
    return _Parser(load(), lexed, report, source).run(start)


_WRAP: Final = object()
"""Makes a list of what is on top of the stack."""
_TAKE_OUT: Final = object()
"""Takes the only element out of the list on top."""
_DROP: Final = object()
"""Makes an empty list of it."""

_ALL, _ONE, _LIST, _APPENDED, _MIXED = range(5)
"""What becomes of the children: all are kept, or one; one is a list, to which another may be added."""


@cache
def _steps() -> list[tuple[int, int, int, tuple[tuple[int, bool], ...], bool, bool, Builder, str]]:
    """The rules as the loop wants them: length, kind of children and which one, all of them, what becomes of them."""
    return [
        (
            rule.length,
            *_children(rule),
            rule.keep,
            rule.inline,
            rule.unwrap,
            BUILDERS.get(rule.node, _unwrapped),
            rule.name,
        )
        for rule in load().rules
    ]


@cache
def _climbs() -> dict[tuple[int, int, str], tuple[int, tuple[Any, ...]]]:
    """What was worked out of reductions of one child each, see `_climb`. Nothing but the grammar decides about it."""
    return {}


def _children(rule: Reduction) -> tuple[int, int]:
    match rule.keep:
        case ((at, False),):
            return _ONE, at
        case ((at, True),):
            return _LIST, at
        case ((0, True), (at, False)) if rule.inline:
            return _APPENDED, at
        case keep if len(keep) == rule.length and not any(flatten for _, flatten in keep):
            return _ALL, 0
        case _:
            return _MIXED, 0


def _unwrapped(children: list[Any], span: Span, problems: Problems, first: Token) -> Any:
    raise AssertionError("this rule always has one child")


class _Parser:
    def __init__(self, grammar: Grammar, lexed: Lexed, report: Report, source: SourceFile) -> None:
        self._actions = grammar.actions
        self._gotos = grammar.gotos
        self._grammar = grammar
        self._types = lexed.types
        self._tokens = lexed.tokens
        self._report = report
        self._problems = Problems(report, source, self._statements)
        if lexed.cut_short:
            self._lose(0, len(lexed.tokens))
        self._errors = 0
        self._blocks: list[tuple[int, Token]] = []
        """For each open `{`: the height of the stack above it, and its token."""
        # The stack, in three lists: states (one more than there are values), values, and the first token of each.
        self._states: list[int] = []
        self._values: list[Any] = []
        self._firsts: list[Token] = []

    def run(self, start: str) -> object:
        # The hot loop of the compiler. A reduction puts its result where its first child was, so that a rule of one
        # child moves nothing, and most others are one of four kinds that need no loop over their children.
        actions, gotos, climb, steps = self._actions, self._gotos, self._climb, _steps()
        types, tokens = self._types, self._tokens
        states, values, firsts = self._states, self._values, self._firsts
        problems = self._problems
        climbs = _climbs()
        end = self._grammar.ends[start]
        state = self._grammar.starts[start]
        states.append(state)
        at = 0
        while True:
            kind = types[at]
            try:
                action = actions[state][kind]
            except KeyError:
                default = self._grammar.defaults[state]
                if default is None:
                    if kind in FALLBACK:
                        types[at] = FALLBACK[kind]
                        continue
                    if kind == "SHARED":  # no place for statements: token by token then
                        shared = tokens[at]
                        assert isinstance(shared, Shared)
                        within = lex(self._problems.source, shared.fragment.tokens, self._report)
                        types[at : at + 1], tokens[at : at + 1] = within.types[:-1], within.tokens[:-1]
                        continue
                    if kind == "PRAGMA":  # a #pragma may stand anywhere; where no statement can, nothing is lost
                        at += 1
                        continue
                    at = self._recover(at)
                    if at < 0:
                        return self._abandoned(start)
                    state = states[-1]
                    continue
                action = default
            if action >= 0:
                token = tokens[at]
                at += 1
                if kind == "LBRACE":
                    self._blocks.append((len(values) + 1, token))
                elif kind == "RBRACE" and self._blocks:
                    self._blocks.pop()
                state = action
                states.append(state)
                values.append(token)
                firsts.append(token)
                continue
            length, kept, position, keep, inline, unwrap, build, name = steps[~action]
            if length == 1:
                # Most rules have one child, and make a list or a node of it or leave it alone: take them all at once.
                key = (states[-2], state, kind)
                try:
                    state, changes = climbs[key]
                except KeyError:
                    state, changes = climbs[key] = climb(*key)
                states[-1] = state
                if changes:
                    value = values[-1]
                    first, last = firsts[-1], tokens[at - 1]
                    span = None
                    for change in changes:
                        if change is _WRAP:
                            value = [value]
                        elif change is _TAKE_OUT:
                            value = value[0]
                        elif change is _DROP:
                            value = []
                        else:
                            if span is None:
                                end_ = last.end if last.file is first.file else first.end
                                span = Span(first.file, first.start, end_)
                            value = change(value, span, problems, first)
                    values[-1] = value
                if state == end:
                    return values[0]
                continue
            base = len(values) - length
            children: list[Any]
            if kept == _APPENDED:
                children = values[base]  # a left-recursive list grows in place
                children.append(values[base + position])
            elif kept == _ONE:
                children = [values[base + position]]
            elif kept == _ALL:
                children = values[base:]
            elif kept == _LIST:
                children = values[base + position]
            else:
                children = []
                for position, flatten in keep:
                    value = values[base + position]
                    if not flatten:
                        children.append(value)
                    elif children:
                        children += value
                    else:
                        children = value
            result: Any
            if inline:
                result = children
            elif unwrap and len(children) == 1:
                result = children[0]
            elif length:
                first, last = firsts[base], tokens[at - 1]
                end_ = last.end if last.file is first.file else first.end
                result = build(children, Span(first.file, first.start, end_), problems, first)
            else:
                first = tokens[at]
                result = build(children, Span(first.file, first.start, first.start), problems, first)
            if length:
                values[base] = result
                del values[base + 1 :], firsts[base + 1 :], states[base + 2 :]
                state = states[-1] = gotos[states[-2]][name]
            else:
                values.append(result)
                firsts.append(tokens[at])
                state = gotos[state][name]
                states.append(state)
            if state == end:
                return result

    def _statements(self, fragment: Fragment) -> tuple[ast.Statement, ...]:
        """The statements of a fragment; it is parsed when the first of its uses is."""
        if fragment.parsed is None:
            source = self._problems.source
            tree = _parse(source, fragment.tokens, self._report, "file")
            assert isinstance(tree, ast.File)
            fragment.parsed = tree.body
            self._problems.lost |= tree.lost
        found: tuple[ast.Statement, ...] = fragment.parsed
        return found

    def _climb(self, below: int, state: int, terminal: str) -> tuple[int, tuple[Any, ...]]:
        """Where the reductions end that begin in `state` and have one child each, and what they do to its value.

        A change is a builder, or one of those above.
        """
        changes: list[Any] = []
        while True:
            action = self._actions[state].get(terminal, self._grammar.defaults[state])
            rule = self._grammar.rules[~action] if action is not None and action < 0 else None
            if rule is None or rule.length != 1:
                return state, tuple(changes)
            kept, _ = _children(rule)
            if kept != _LIST:
                changes.append(_WRAP if kept == _ONE else _DROP)
            if not rule.inline:
                changes.append(_TAKE_OUT if rule.unwrap else BUILDERS[rule.node])
            if changes[-2:] == [_WRAP, _TAKE_OUT]:
                del changes[-2:]
            state = self._gotos[below][rule.name]

    # ------------------------------------------------------------------ mistakes

    def _recover(self, at: int) -> int:
        """Report the unexpected terminal at `at` and arrange the stack; where to go on, or -1 to stop."""
        types, tokens = self._types, self._tokens
        token = tokens[at]
        if types[at] == "$END":
            if any(diagnostic.code in _SWALLOWS for diagnostic in self._report.found):
                return -1
            notes = tuple(Note('this "{" has no "}"', opening.span) for _, opening in self._blocks[-1:])
            expected = self._expected()
            message = "unexpected end of file" + (f", expecting {expected}" if expected else "")
            self._report.error("MIDL2183", message, token.span, notes)
            return -1
        foreign = self._windows_runtime(at)
        if foreign is not None:
            self._report.error("IDLC1105", *foreign, help="only classic MIDL interfaces can be compiled")
            return -1
        self._errors += 1
        if self._errors > MAX_ERRORS:
            self._report.error("MIDL2026", f"more than {MAX_ERRORS} syntax errors; giving up here", token.span)
            return -1
        if types[at] == "RBRACE" and not self._blocks:
            self._report.error("MIDL2025", 'syntax error: this "}" closes nothing', token.span)
            self._reset(0, at)
            return at + 1
        if types[at] in ("RSQB", "RPAR") and self._symbol(-1) in _RESUME:
            self._report.error("MIDL2025", f'syntax error: this "{token.text}" closes nothing', token.span)
            return at + 1
        respelt = self._respell(at)
        if respelt >= 0:
            return respelt
        if self._is_beside_open_quote(at):
            ends_here = types[at] == "RBRACE" or self._line_ends_before(at)
            lacking = ends_here and self._lacks_semicolon()
            return self._put_in(at, "SEMICOLON", ";") if lacking else self._resynchronise(at)
        if types[at] == "LBRACE" and types[at - 1] == "ASSIGN":
            self._report.error("MIDL2149", "values in braces are not supported: a constant is one value", token.span)
            return self._resynchronise(at)
        if types[at] == "SEMICOLON" and self._symbol(-1) == "attributes" and types[at + 1] in _BLOCK_HEADS:
            self._report.error("MIDL2025", 'syntax error: no ";" between attributes and what has them', token.span)
            return at + 1
        at = self._before_stray_const(at)
        ends_here = types[at] == "RBRACE" or self._line_ends_before(at) or self._opens_declaration(at)
        if self._heads_block() and self._line_ends_before(at):
            before = tokens[at - 1]
            self._report.error("MIDL2025", f'syntax error: expecting "{{" after {_quoted(before.text)}', before.span)
            return self._put_in(at, "LBRACE", "{")
        if types[at : at + 2] == ["ID", "SEMICOLON"] and self._survives([*self._states], ["RBRACE", "ID", "SEMICOLON"]):
            self._report.error("MIDL2025", f'syntax error: expecting "}}" near {_quoted(token.text)}', token.span)
            return self._put_in(at, "RBRACE", "}")
        # Behind a whole statement a ";" would be accepted too, as an empty one, but is not what is missing.
        if ends_here and self._lacks_semicolon():
            before = tokens[at - 1]
            place = Span(before.file, max(before.start, before.end - 1), before.end)
            self._report.error("MIDL2025", f'syntax error: expecting ";" after {_quoted(before.text)}', place)
            return self._put_in(at, "SEMICOLON", ";")
        expected = self._expected()
        message = "syntax error" + (f": expecting {expected}" if expected else ":") + f' near {_quoted(token.text)}'
        self._report.error("MIDL2025", message, token.span)
        return self._resynchronise(at)

    def _windows_runtime(self, at: int) -> tuple[str, Span] | None:
        """What to say of an unexpected token that is part of Windows Runtime IDL, and the place of that part."""
        tokens = self._tokens[max(0, at - 2) : at + 1]
        if tokens[-1].text == "<" and self._types[at - 1] == "ID":
            before, opening = tokens[-2:]
            place = Span(before.file, before.start, opening.end) if before.file is opening.file else opening.span
            return f'"{before.text}<...>" belongs to Windows Runtime IDL, which is not supported', place
        based = tokens[0].text == ":"  # interface I : IBase requires ...
        words = {1: ("requires",) if based else (), 2: ("requires", "declare"), 3: ("delegate",)}
        for back, known in words.items():
            if len(tokens) >= back and tokens[-back].text in known:
                word = tokens[-back]
                return f'"{word.text}" belongs to Windows Runtime IDL, which is not supported', word.span
        return None

    def _heads_block(self) -> bool:
        """Whether the stack ends in the head of an interface or library that has nothing but its `{` to come."""
        height = len(self._values)
        heads = [at for at in range(max(1, height - 4), height) if self._symbol(at) in _BLOCK_HEADS]
        return bool(heads) and self._symbol(heads[-1] - 1) == "attributes" and self._accepts("LBRACE")

    def _lacks_semicolon(self) -> bool:
        """Whether a `;` could stand here and end something."""
        return self._before("SEMICOLON") not in (None, *_RESUME)

    def _put_in(self, at: int, terminal: str, text: str) -> int:
        """Take what is missing as written before the token at `at`."""
        before = self._tokens[at - 1]
        if self._types[at] == "ID":  # which it may have become for lack of what is put in
            self._types[at] = KEYWORDS.get(self._tokens[at].text, "ID")
        self._types.insert(at, terminal)
        self._tokens.insert(at, Token("PUNCT", text, before.file, before.end, before.end))
        return at

    def _is_beside_open_quote(self, at: int) -> bool:
        """Whether the statement around `at` has, in the line of this token or the one before, an unclosed quote."""
        around = [self._tokens[at]]
        if at and self._types[at - 1] not in ("SEMICOLON", "LBRACE", "RBRACE"):
            around.append(self._tokens[at - 1])
        return any(
            diagnostic.span.file is token.file and diagnostic.span.line == token.span.line
            for diagnostic in self._report.found
            if diagnostic.code in _QUOTES
            for token in around
        )

    def _opens_declaration(self, at: int) -> bool:
        """Whether the token at `at` begins a declaration of its own, behind one that has its name or its `}`."""
        types = self._types
        if self._tokens[at].text in _OPENERS:
            # What stands in brackets before it would be attributes, and is no array bound.
            behind_whole = types[at - 1] != "RSQB"
            return behind_whole and types[at + 1] not in ("SEMICOLON", "COMMA", "RPAR", "RBRACE")
        return types[at] == "BASE_WORD" and types[at + 1] in ("ID", "STAR") and types[at - 1] == "RPAR"

    def _before_stray_const(self, at: int) -> int:
        """Back to the `const` of `} const long` when that is where parsing failed: it begins what follows."""
        const = self._tokens[at - 1]
        behind_block = at > 1 and const.text == "const" and self._types[at - 2] == "RBRACE"
        if not behind_block or not self._firsts or self._firsts[-1] is not const:
            return at
        del self._values[-1], self._firsts[-1], self._states[-1]
        return at - 1

    def _respell(self, at: int) -> int:
        """Take a word around a mistake for the keyword it nearly is, if that mends it; where to go on, else -1."""
        for beside in range(max(at - 2, 0), at + 1):
            meant = self._misspelt(beside)
            # What was built from the word on is taken back. There may be an empty list that begins with it.
            height = next((height for height, first in enumerate(self._firsts) if first is self._tokens[beside]), None)
            if height is None and beside == at:
                height = len(self._firsts)
            if meant is None or height is None or not {"LBRACE", "RBRACE"}.isdisjoint(self._types[beside:at]):
                continue
            terminal = keyword_terminal(meant.instead)
            until = max(at, beside + 1)
            if self._survives(self._states[: height + 1], [terminal, *self._types[beside + 1 : until + 1]]):
                word = self._tokens[beside]
                self._report.error("MIDL2025", f'syntax error: unexpected "{_short(word.text)}"', word.span, help=meant)
                self._types[beside] = terminal
                self._tokens[beside] = Token(NAME, meant.instead, word.file, word.start, word.end)
                del self._values[height:], self._firsts[height:], self._states[height + 1 :]
                return beside
        return -1

    def _misspelt(self, at: int) -> Suggestion | None:
        """The keyword that the name at `at` nearly is."""
        return did_you_mean(self._tokens[at].text, _MISSPELT) if self._types[at] == "ID" else None

    def _survives(self, states: list[int], terminals: list[str]) -> bool:
        """Whether all of `terminals` are accepted on top of `states`."""
        for terminal in terminals:
            while True:
                action = self._actions[states[-1]].get(terminal, self._grammar.defaults[states[-1]])
                if action is None and terminal in FALLBACK:
                    terminal = FALLBACK[terminal]
                    continue
                if action is None:
                    return False
                if action >= 0:
                    states.append(action)
                    break
                self._reduce(states, action)
        return True

    def _reduce(self, states: list[int], action: int) -> None:
        """What a reduction does to a stack of states."""
        rule = self._grammar.rules[~action]
        if rule.length:
            del states[-rule.length :]
        states.append(self._gotos[states[-1]][rule.name])

    def _resynchronise(self, at: int) -> int:
        """Skip to the end of the statement around `at` and take back what was built of it."""
        types = self._types
        depth = 0
        mistake = at
        floor = self._blocks[-1][0] if self._blocks else 0
        among_statements = self._symbol(self._height_of_list(floor)) == "_statements"
        while True:
            kind = types[at]
            if kind == "$END":
                break
            if kind == "LBRACE":
                depth += 1
            elif kind == "RBRACE":
                if depth == 0:
                    if self._blocks:
                        break
                elif depth == 1:
                    at = self._behind_declarators(at + 1)
                    break
                depth -= min(depth, 1)
            elif kind == "SEMICOLON" and depth == 0:
                at += 1
                break
            elif kind == "TYPEDEF" and depth == 0 and among_statements:
                break
            at += 1
        self._lose(mistake, at)
        self._reset(floor, mistake)
        if types[at] == "RBRACE" and self._blocks and not self._accepts("RBRACE"):
            # Nothing can end here, as after "{" of a list that must not be empty: leave the block altogether.
            self._blocks.pop()
            return self._resynchronise(at + 1)
        return at

    def _reset(self, floor: int, at: int) -> None:
        """Cut the stack back to the innermost list that is open at or above `floor`; the parser is at token `at`."""
        height = self._height_of_list(floor)
        if height < len(self._firsts):
            first = self._firsts[height]
            begin = at
            while begin > 0 and self._tokens[begin] is not first:
                begin -= 1
            self._lose(begin, at)
        del self._values[height:], self._firsts[height:], self._states[height + 1 :]

    def _height_of_list(self, floor: int) -> int:
        """Where on the stack the innermost list is that is open at or above `floor`; `floor` when there is none."""
        height = len(self._values)
        while height > floor and self._symbol(height) not in _RESUME:
            height -= 1
        return height

    def _symbol(self, height: int) -> str:
        """The terminal or rule at a height of the stack, counted from 1; that on top for -1."""
        return self._grammar.symbols[self._states[height]]

    def _behind_declarators(self, at: int) -> int:
        """Past the names and the `;` behind a `}` in the same line, if that is all there is."""
        end = at
        while self._types[end] in ("ID", "STAR", "COMMA") and not self._line_ends_before(end):
            end += 1
        return end + 1 if self._types[end] == "SEMICOLON" and not self._line_ends_before(end) else at

    def _lose(self, begin: int, end: int) -> None:
        """Remember the names among tokens that get no place in the tree."""
        self._problems.lost.update(token.text for token in self._tokens[begin:end] if token.kind == NAME)

    def _line_ends_before(self, at: int) -> bool:
        """Whether the token at `at` is the first of its line."""
        if at == 0:
            return False
        token, before = self._tokens[at], self._tokens[at - 1]
        return token.file is before.file and "\n" in token.file.text[before.end : token.start]

    def _accepts(self, terminal: str) -> bool:
        """Whether the parser could go on with `terminal`."""
        return self._before(terminal) is not None

    def _before(self, terminal: str) -> str | None:
        """The symbol that `terminal` would stand behind when it is taken; None when it is not accepted."""
        states = list(self._states)
        while True:
            action = self._actions[states[-1]].get(terminal)
            if action is None:
                return None
            if action >= 0:
                return self._grammar.symbols[states[-1]]
            self._reduce(states, action)

    def _expected(self) -> str:
        """What could stand here, in words; empty when that is too much to say."""
        accepted = [name for name in self._actions[self._states[-1]] if self._accepts(name)]
        names = [_NICE[name] for name in _NICE if name in accepted]
        closing = [name for name in names if name in ('";"', '")"', '"]"', '"}"')]
        if closing:
            names = closing + [name for name in names if name == '","']
        elif "a name" in names and "a type" in names:
            names.remove("a name")
        if len(names) > 5:
            return ""
        if not names:
            return ""
        return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " or " + names[-1]

    def _abandoned(self, start: str) -> object:
        """What there is of a tree when parsing stopped before the end of the file."""
        self._lose(0, len(self._tokens))
        body: list[Any] = []
        for state, value in zip(self._states[1:], self._values, strict=True):
            if self._grammar.symbols[state] in ("_statements", "_acf_statements"):
                body = value
                break
        first = self._tokens[0]
        return BUILDERS[start](list(body), span_of(first, first), self._problems, first)


def _quoted(text: str) -> str:
    """A word as messages show it; a text has quotes already."""
    return _short(text) if text.endswith('"') else f'"{_short(text)}"'


def _short(text: str) -> str:
    text = "".join(character if character.isprintable() else " " for character in text)
    return text if len(text) <= 40 else text[:37] + "..."
