"""A C preprocessor that knows MIDL: one source file in, tokens with their places out.

Included text becomes part of the file; imported files are preprocessed on their own, so no macro crosses an import.
Conditionals, macros and `#line` are C's. `#pragma` lines stay as tokens, comments become the `doc` of the declaration
that follows them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from idlc.data import dataclass, replace
from idlc.diagnostics.report import Note, Report
from idlc.source.conditions import BadCondition, evaluate, integer
from idlc.source.files import SourceFile, Span
from idlc.source.macros import Expander, Macro, TooMuch
from idlc.source.search import CannotRead, Files
from idlc.source.tokens import (
    CHAR,
    COMMENT,
    NAME,
    NEWLINE,
    NUMBER,
    OPEN_CHAR,
    OPEN_COMMENT,
    OPEN_STRING,
    OTHER,
    PRAGMA,
    STRING,
    Raw,
    Token,
    cut,
)

MAX_INCLUDES = 100
"""Files that include one another in a chain."""
MAX_TOKENS = 4_000_000
"""Tokens of one file with all that it includes."""
MAX_STRAYS = 20
"""Lexical errors of one file; past that it is no IDL file."""

PREDEFINED = (("__midl", "801"), ("_WIN32", "1"), ("_WIN64", "1"), ("__idlc__", "1"))


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says about preprocessing. A definition without a value is 1."""

    defines: tuple[tuple[str, str], ...] = ()
    undefines: tuple[str, ...] = ()


@dataclass(slots=True)
class _Condition:
    """An open #if: whether text around it counts, whether this branch does, whether one has already."""

    span: Span
    outer: bool
    live: bool
    taken: bool
    closed: bool = False
    """An #else was seen."""


class _GiveUp(Exception):
    """What follows makes no sense; the reason is in the report."""


def preprocess(source: SourceFile, files: Files, report: Report, options: Options | None = None) -> list[Token]:
    """The tokens of a file after preprocessing. Reports mistakes and goes on where it can."""
    work = _Preprocessor(files, report, options or Options())
    try:
        work.text(source, 0)
    except _GiveUp:
        pass
    except TooMuch as error:
        report.error("IDLC1006", str(error), Span(source, 0, 0))
    return work.out


class _Preprocessor:
    def __init__(self, files: Files, report: Report, options: Options) -> None:
        self.out: list[Token] = []
        self._files = files
        self._report = report
        self._macros: dict[str, Macro] = {}
        self._expander = Expander(self._macros, report)
        self._once: set[str] = set()
        self._packs = 0
        self._strays = 0
        self._seen = 0
        for name in ("__FILE__", "__LINE__"):
            self._macros[name] = Macro(name, None, False, (), Span.none(), special=True)
        for name, value in (*PREDEFINED, *options.defines):
            file = SourceFile("<command line>", f"#define {name} {value}")
            body = _tokens(cut(value), file)
            self._macros[name] = Macro(name, None, False, tuple(body), Span.none())
        for name in options.undefines:
            self._macros.pop(name, None)

    # ------------------------------------------------------------------ a text

    def text(self, source: SourceFile, depth: int) -> None:
        raw = cut(source.text)
        self._seen += len(raw)
        if self._seen > MAX_TOKENS:
            self._report.error("IDLC1015", f"the file has more than {MAX_TOKENS} tokens", Span(source, 0, 0))
            raise _GiveUp
        conditions: list[_Condition] = []
        chunk: list[Token] = []
        shown = source
        live = True
        fresh = True  # nothing but white space and comments so far on this line
        comments: list[str] = []
        comment_end = 0
        at, count = 0, len(raw)
        while at < count:
            kind, text, start, space = raw[at]
            at += 1
            if kind == NEWLINE:
                fresh = True
                continue
            if kind == COMMENT:
                if live and fresh:
                    if comments and source.text.count("\n", comment_end, start) > 1:
                        comments.clear()
                    comments.append(text)
                    comment_end = start + len(text)
                continue
            if kind == OPEN_COMMENT:
                self._report.error("MIDL2109", "comment has no end", Span(shown, start, start + 2))
                break
            if fresh and text == "#":
                begin = at
                while at < count and raw[at][0] not in (NEWLINE, OPEN_COMMENT):
                    at += 1
                words = [word for word in raw[begin:at] if word[0] != COMMENT]
                self._flush(chunk)
                chunk = []
                comments.clear()
                shown = self._directive(words, Span(shown, start, start + 1), conditions, depth)
                live = not conditions or conditions[-1].live
                continue
            fresh = False
            if not live:
                continue
            if kind in (OPEN_STRING, OPEN_CHAR, OTHER):
                chunk += self._stray(kind, text, start, space, shown)
                continue
            token = Token(kind, text, shown, start, start + len(text), space)
            if comments:
                if source.text.count("\n", comment_end, start) <= 1:
                    token.doc = _doc(comments)
                comments.clear()
            chunk.append(token)
        self._flush(chunk)
        for condition in conditions:
            self._report.error("IDLC1009", "conditional has no #endif", condition.span)

    def _flush(self, chunk: list[Token]) -> None:
        if chunk:
            self.out += self._expander.expand(chunk)

    def _stray(self, kind: str, text: str, start: int, space: bool, file: SourceFile) -> list[Token]:
        """Report a character that begins no token; what can be saved of the line goes on."""
        self._strays += 1
        span = Span(file, start, start + len(text))
        if self._strays > MAX_STRAYS:
            self._report.error("IDLC1106", "too many stray characters; this does not look like IDL", span)
            raise _GiveUp
        if kind == OTHER:
            name = f'"{text}"' if text.isprintable() else f"U+{ord(text):04X}"
            self._report.error("IDLC1101", f"unexpected character {name}", span)
            return []
        at_end = start + len(text) >= len(file.text)
        if kind == OPEN_CHAR:
            self._report.error("MIDL2108", "character constant has no closing quote in its line", span)
        elif at_end:
            self._report.error("MIDL2110", "string has no closing quote before the end of the file", span)
        else:
            self._report.error("MIDL2112", "string has no closing quote in its line", span)
        # The quote was most likely forgotten before the punctuation that ends the line.
        body = re.sub(r"\\?[\s)\];,}]*$", "", text)
        quote = '"' if kind == OPEN_STRING else "'"
        if kind == OPEN_CHAR and not body.removeprefix("L")[1:]:
            body += " "
        saved = Token(STRING if kind == OPEN_STRING else CHAR, body + quote, file, start, start + len(body), space)
        rest = [
            Token(k, t, file, start + len(body) + s, start + len(body) + s + len(t), w)
            for k, t, s, w in cut(text[len(body) :].replace("\\", " "))
            if k != NEWLINE
        ]
        return [saved, *rest]

    # ------------------------------------------------------------------ directives

    def _directive(self, words: Sequence[Raw], mark: Span, conditions: list[_Condition], depth: int) -> SourceFile:
        """Obey one directive line; the file that later tokens belong to (`#line` makes a new one)."""
        file = mark.file
        if not words:
            return file
        kind, name, start, _ = words[0]
        span = Span(file, mark.start, start + len(name))
        rest = words[1:]
        live = not conditions or conditions[-1].live
        if name in ("if", "ifdef", "ifndef"):
            value = live and self._condition(name, rest, file, span)
            conditions.append(_Condition(span, live, value, value or not live))
        elif name in ("elif", "else", "endif"):
            self._branch(name, rest, file, span, conditions)
        elif not live:
            pass
        elif name == "define":
            self._define(rest, file, span)
        elif name == "undef":
            if not rest or rest[0][0] != NAME:
                self._report.error("IDLC1007", "#undef needs a name", span)
            else:
                self._macros.pop(rest[0][1], None)
        elif name == "include":
            self._include(rest, file, span, depth)
        elif name == "line" or kind == NUMBER:
            return self._line(rest if name == "line" else words, file, span)
        elif name == "error":
            self._report.error("IDLC1010", f"#error {_line_rest(file, span)}".rstrip(), span)
        elif name == "warning":
            self._report.warning("IDLC1010", f"#warning {_line_rest(file, span)}".rstrip(), span)
        elif name == "pragma":
            self._pragma(rest, file, span)
        elif name not in ("ident", "sccs"):
            self._report.error("IDLC1017", f'unknown preprocessor directive "#{name}"', span)
        return file

    def _condition(self, name: str, rest: Sequence[Raw], file: SourceFile, span: Span) -> bool:
        tokens = _tokens(rest, file)
        if name != "if":
            if not tokens or tokens[0].kind != NAME:
                self._report.error("IDLC1007", f"#{name} needs a name", span)
                return False
            return (tokens[0].text in self._macros) == (name == "ifdef")
        if not tokens:
            self._report.error("IDLC1011", "#if needs an expression", span)
            return False
        try:
            return evaluate(self._expander.expand(self._resolve_defined(tokens, span))) != 0
        except BadCondition as error:
            place = span if error.token is None else error.token.span
            self._report.error("IDLC1011", f"malformed #if expression: {error}", place)
            return False

    def _resolve_defined(self, tokens: Sequence[Token], span: Span) -> list[Token]:
        """Replace `defined NAME` before macros are expanded."""
        result: list[Token] = []
        at = 0
        while at < len(tokens):
            token = tokens[at]
            at += 1
            if token.text != "defined":
                result.append(token)
                continue
            texts = [following.text for following in tokens[at : at + 3]]
            if texts[:1] == ["("] and texts[2:] == [")"] and tokens[at + 1].kind == NAME:
                name, at = texts[1], at + 3
            elif at < len(tokens) and tokens[at].kind == NAME:
                name, at = texts[0], at + 1
            else:
                raise BadCondition('"defined" needs a name', token)
            value = "1" if name in self._macros else "0"
            result.append(Token(NUMBER, value, token.file, token.start, token.end, token.space))
        return result

    def _branch(
        self, name: str, rest: Sequence[Raw], file: SourceFile, span: Span, conditions: list[_Condition]
    ) -> None:
        if not conditions:
            self._report.error("IDLC1009", f"#{name} without #if", span)
            return
        current = conditions[-1]
        if name == "endif":
            conditions.pop()
            return
        if current.closed:
            notes = (Note("the #if is here", current.span),)
            self._report.error("IDLC1009", f"#{name} after #else", span, notes)
            current.live = False
            return
        if name == "else":
            current.closed = True
            current.live = not current.taken
        elif current.taken:
            current.live = False
        else:
            current.live = self._condition("if", rest, file, span)
        current.taken = current.taken or current.live

    def _define(self, rest: Sequence[Raw], file: SourceFile, span: Span) -> None:
        tokens = _tokens(rest, file)
        if not tokens or tokens[0].kind != NAME:
            self._report.error("IDLC1007", "#define needs a name", span)
            return
        name, body = tokens[0], tokens[1:]
        if name.text == "defined":
            self._report.error("IDLC1007", '"defined" cannot be a macro', name.span)
            return
        parameters: list[str] | None = None
        variadic = False
        if body and body[0].text == "(" and not body[0].space:
            parameters = []
            at = 1
            while at < len(body) and body[at].text != ")":
                token = body[at]
                if token.text == "...":
                    variadic = True
                    parameters.append("__VA_ARGS__")
                elif token.kind == NAME and token.text not in parameters:
                    parameters.append(token.text)
                else:
                    self._report.error("IDLC1007", f'malformed parameters of macro "{name.text}"', token.span)
                    return
                at += 1
                if at < len(body) and body[at].text == "," and not variadic:
                    at += 1
                elif at < len(body) and body[at].text != ")":
                    self._report.error("IDLC1007", f'malformed parameters of macro "{name.text}"', body[at].span)
                    return
            if at >= len(body):
                self._report.error("IDLC1007", f'parameters of macro "{name.text}" have no ")"', name.span)
                return
            body = body[at + 1 :]
        if body and "##" in (body[0].text, body[-1].text):
            self._report.error("IDLC1007", f'"##" cannot begin or end macro "{name.text}"', name.span)
            return
        if body:
            body[0].space = False
        fixed = None if parameters is None else tuple(parameters)
        macro = Macro(name.text, fixed, variadic, tuple(body), name.span)
        known = self._macros.get(name.text)
        if known is not None and not known.special and not known.same_as(macro):
            notes = () if known.span.is_none else (Note("the earlier definition is here", known.span),)
            self._report.warning("IDLC1012", f'macro "{name.text}" is redefined differently', name.span, notes)
        self._macros[name.text] = macro

    def _include(self, rest: Sequence[Raw], file: SourceFile, span: Span, depth: int) -> None:
        name, place = self._header_name(rest, file, span)
        if not name:
            self._report.error("IDLC1007", '#include needs "file" or <file>', place)
            return
        try:
            found = self._files.find(name, file)
        except CannotRead as error:
            self._report.error("IDLC1001", f'cannot read "{name}": {error}', place)
            return
        if found is None:
            looked = ", ".join(self._files.places(file))
            self._report.error("IDLC1003", f'included file "{name}" not found', place, help=f"looked in {looked}")
            return
        if found.path in self._once:
            return
        if depth >= MAX_INCLUDES:
            message = f"more than {MAX_INCLUDES} files include one another; does one include itself?"
            self._report.error("IDLC1005", message, place)
            raise _GiveUp
        self.text(found, depth + 1)

    def _header_name(self, rest: Sequence[Raw], file: SourceFile, span: Span) -> tuple[str, Span]:
        if not rest:
            return "", span
        first, last = rest[0][2], rest[-1][2] + len(rest[-1][1])
        place = Span(file, first, last)
        if rest[0][1] == "<":
            end = file.text.find(">", first, last)
            return (file.text[first + 1 : end] if end > 0 else ""), place
        tokens = _tokens(rest, file)
        if tokens[0].kind == NAME:
            tokens = self._expander.expand(tokens)
        if tokens and tokens[0].kind == STRING:
            return tokens[0].text.removeprefix("L")[1:-1], place
        text = "".join((" " if token.space else "") + token.text for token in tokens).strip()
        return (text[1:-1] if text.startswith("<") and text.endswith(">") else ""), place

    def _line(self, rest: Sequence[Raw], file: SourceFile, span: Span) -> SourceFile:
        tokens = self._expander.expand(_tokens(rest, file))
        try:
            number = integer(tokens[0].text)
        except (IndexError, ValueError):
            self._report.error("IDLC1007", "#line needs a number", span)
            return file
        if not 0 <= number < 1 << 31:
            self._report.error("IDLC1007", "the number of #line is out of range", tokens[0].span)
            return file
        name = file.name
        if len(tokens) > 1:
            if tokens[1].kind != STRING:
                self._report.error("IDLC1007", "#line needs a file name in quotes", tokens[1].span)
                return file
            name = re.sub(r"\\(.)", r"\1", tokens[1].text.removeprefix("L")[1:-1]) or file.name
        # The line after this one has the number that was given.
        shift = number - (file.line_index(span.start) + 2)
        return replace(file, name=name, line_shift=shift)

    def _pragma(self, rest: Sequence[Raw], file: SourceFile, span: Span) -> None:
        text = _line_rest(file, span)
        words = [word[1] for word in rest]
        if words[:1] == ["once"]:
            self._once.add(file.path)
            return
        if words[:2] == ["pack", "("] and len(words) > 2:
            if words[2] == "push":
                self._packs += 1
            elif words[2] == "pop":
                self._packs -= 1
                if self._packs < 0:
                    self._packs = 0
                    self._report.warning("MIDL2292", "pack(pop) without pack(push)", span)
        end = span.end + len(text) + 1
        self.out.append(Token(PRAGMA, text, file, span.start, min(end, len(file.text))))


def _tokens(words: Sequence[Raw], file: SourceFile) -> list[Token]:
    return [
        Token(kind, text, file, start, start + len(text), space)
        for kind, text, start, space in words
        if kind not in (COMMENT, NEWLINE)
    ]


def _line_rest(file: SourceFile, span: Span) -> str:
    """The text of a directive after its name, comments removed."""
    end = file.text.find("\n", span.end)
    line = file.text[span.end :] if end < 0 else file.text[span.end : end]
    if '"' not in line:
        line = re.sub(r"/\*.*?\*/|//.*", " ", line)
    return line.strip()


def _doc(comments: Sequence[str]) -> str:
    """The prose of some comments: markers, stars and empty edges removed."""
    lines: list[str] = []
    for comment in comments:
        if comment.startswith("//"):
            lines.append(comment.lstrip("/!").strip())
        else:
            lines += [line.strip().lstrip("*!").strip() for line in comment[2:-2].split("\n")]
    text = "\n".join(lines).strip()
    return text if any(character.isalnum() for character in text) else ""
