"""A C preprocessor that knows MIDL: one source file in, tokens with their places out.

Included text becomes part of the file; imported files are preprocessed on their own, so no macro crosses an import.
Conditionals, macros and `#line` are C's. `#pragma` lines stay as tokens. Comments are for readers (comments.py).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from idlc.data import dataclass, replace
from idlc.diagnostics.report import Note, Report
from idlc.settings import Environment
from idlc.source.conditions import BadCondition, evaluate, integer
from idlc.source.files import SourceFile, Span
from idlc.source.macros import Expander, Macro, TooMuch
from idlc.source.search import CannotRead, Files
from idlc.source.tokens import (
    CHAR,
    COMMENT,
    HASH,
    LINES,
    NAME,
    NEWLINE,
    NUMBER,
    OPEN_CHAR,
    OPEN_COMMENT,
    OPEN_STRING,
    OTHER,
    PRAGMA,
    SPACE,
    STRING,
    Token,
    Words,
    cut,
)

MAX_INCLUDES = 100
"""Files that include one another in a chain."""
MAX_TOKENS = 4_000_000
"""Tokens of one file with all that it includes."""
MAX_STRAYS = 20
"""Lexical errors of one file; past that it is no IDL file."""

_CURLY_QUOTES = frozenset("\u201c\u201d\u201e\u2018\u2019")
"""What word processors make of quotes."""

PREDEFINED = (("__midl", "801"), ("_WIN32", "1"), ("__idlc__", "1"))
"""Macros that are always there; those of the machine come with the options."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says about preprocessing. A definition without a value is 1."""

    defines: tuple[tuple[str, str], ...] = ()
    undefines: tuple[str, ...] = ()
    environment: Environment = Environment.WIN64
    """The machine whose macros are defined."""
    done: bool = False
    """The text has been preprocessed: there are no macros, and no directives but marks of lines and pragmas."""


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


def preprocess(
    source: SourceFile, files: Files, report: Report, options: Options | None = None, *, share: bool = False
) -> list[Token]:
    """The tokens of a file after preprocessing. Reports mistakes and goes on where it can.

    With `share`, whole statements out of macros are one token of kind SHARED for each use.
    """
    work = _Preprocessor(files, report, options or Options(), share)
    try:
        work.text(source, 0)
    except _GiveUp:
        pass
    except TooMuch as error:
        report.error("IDLC1006", str(error), Span(source, 0, 0))
    return work.out


class _Preprocessor:
    def __init__(self, files: Files, report: Report, options: Options, share: bool) -> None:
        self._share = share
        self.out: list[Token] = []
        self._files = files
        self._report = report
        self._expander = Expander(report)
        self._macros = self._expander.macros
        self._once: set[str] = set()
        self._packs = 0
        self._strays = 0
        self._odd = False  # whether what was not expanded yet has characters that are none of the language
        self._seen = 0
        for name in ("__FILE__", "__LINE__"):
            self._macros[name] = Macro(name, None, False, (), Span.none(), special=True)
        for name, value in (*PREDEFINED, *options.environment.macros, *options.defines):
            file = SourceFile("<command line>", f"#define {name} {value}")
            words = cut(value)
            body = words.tokens(0, len(words.kinds), file)
            self._macros[name] = Macro(name, None, False, tuple(body), Span.none())
        for name in options.undefines:
            self._macros.pop(name, None)
        self._done = options.done
        if options.done:
            self._macros.clear()

    # ------------------------------------------------------------------ a text

    def text(self, source: SourceFile, depth: int) -> None:
        words = cut(source.text)
        self._seen += len(words.kinds)
        if self._seen > MAX_TOKENS:
            self._report.error("IDLC1015", f"the file has more than {MAX_TOKENS} tokens", Span(source, 0, 0))
            raise _GiveUp
        conditions: list[_Condition] = []
        chunk: list[Token] = []  # since the last directive
        shown = source
        live = True
        done = 0  # words that were dealt with
        for at in words.special:
            if at < done or words.kinds[at] == COMMENT:  # part of a directive; nothing to a compiler
                continue
            if words.kinds[at] == OTHER and not (words.texts[at].isalpha() or words.texts[at] in _CURLY_QUOTES):
                self._odd = self._odd or live
                continue
            if live and done < at:
                chunk += words.tokens(done, at, shown)
            done = at + 1
            kind, text, start = words.kinds[at], words.texts[at], words.starts[at]
            if kind == OPEN_COMMENT:
                self._report.error("MIDL2109", "comment has no end", Span(shown, start, start + 2))
                done = len(words.kinds)
                break
            elif kind == HASH and words.begins_line(at):
                while done < len(words.kinds) and words.kinds[done] not in (NEWLINE, OPEN_COMMENT):
                    done += 1
                self._flush(chunk)
                chunk = []
                directive = words.tokens(at + 1, done, shown)
                shown = self._directive(directive, Span(shown, start, start + 1), conditions, depth)
                live = not conditions or conditions[-1].live
            elif live and kind == OTHER:
                done = self._foreign(words, at, chunk, shown)
            elif live:
                chunk += self._stray(kind, text, start, shown)
        if live and done < len(words.kinds):
            chunk += words.tokens(done, len(words.kinds), shown)
        self._flush(chunk)
        for condition in conditions:
            self._report.error("IDLC1009", "conditional has no #endif", condition.span)

    def _flush(self, chunk: list[Token]) -> None:
        if not chunk:
            return
        tokens = self._expander.expand_text(chunk, share=self._share)
        if self._odd:  # fine among what a macro makes text of
            self._odd = False
            for token in tokens:
                if token.kind == OTHER:
                    self._unexpected(token.text, token.span)
            tokens = [token for token in tokens if token.kind != OTHER]
        self.out += tokens

    def _unexpected(self, text: str, span: Span, help_: str | None = None) -> None:
        self._count_stray(span)
        shown = f'"{text}"' if text.isprintable() else f"U+{ord(text):04X}"
        self._report.error("IDLC1101", f"unexpected character {shown}", span, help=help_)

    def _count_stray(self, span: Span) -> None:
        self._strays += 1
        if self._strays > MAX_STRAYS:
            self._report.error("IDLC1106", "too many stray characters; this does not look like IDL", span)
            raise _GiveUp

    def _foreign(self, words: Words, at: int, chunk: list[Token], file: SourceFile) -> int:
        """Report a character that is none of the language and add to `chunk` what it belongs to; the word behind that.

        It may belong to a name that has letters of other alphabets, or begin a text in curly quotes.
        """
        kinds, texts, begin, end = words.kinds, words.texts, at, at + 1
        span = Span(file, words.starts[at], words.starts[at] + 1)
        if texts[at].isalpha():
            self._count_stray(span)
            if chunk and chunk[-1].kind == NAME and chunk[-1].end == span.start:
                chunk.pop()
                begin -= 1
            while end < len(texts) and (texts[end].isalpha() or kinds[end] in (NAME, NUMBER)):
                end += 1
            kind, text = NAME, "".join(texts[begin:end])
            span = Span(file, words.starts[begin], words.starts[begin] + len(text))
            message = f'"{text}" is no name: names have the letters A to Z, digits and _'
            self._report.error("IDLC1101", message, span)
        else:
            self._unexpected(texts[at], span, "write straight quotes")
            line = range(end, next((i for i in range(end, len(kinds)) if kinds[i] == NEWLINE), len(kinds)))
            closing = next((i for i in line if texts[i] in _CURLY_QUOTES), None)
            if closing is None:
                return end
            kind, text = STRING, '"{}"'.format("".join(texts[end:closing]).replace('"', ""))
            end = closing + 1
        chunk.append(Token(kind, text, file, span.start, words.starts[end - 1] + len(texts[end - 1]), True))
        return end

    def _stray(self, kind: str, text: str, start: int, file: SourceFile) -> list[Token]:
        """Report a character that begins no token; what can be saved of the line goes on."""
        if kind == HASH:
            return [Token(HASH, text, file, start, start + 1, True)]
        span = Span(file, start, start + len(text))
        if kind == LINES:
            self._report.doubtful("MIDL2112", "string goes on in the next line", Span(file, start, start + 1))
            return [Token(STRING, re.sub(r"\s*\n\s*", " ", text), file, span.start, span.end, True)]
        self._count_stray(span)
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
        end = start + len(body)
        rest = cut(text[len(body) :].replace("\\", " "))
        saved = Token(STRING if kind == OPEN_STRING else CHAR, body + quote, file, start, end, True)
        return [
            saved,
            *(
                Token(k, t, file, end + s, end + s + len(t))
                for k, t, s in zip(rest.kinds, rest.texts, rest.starts, strict=True)
                if k not in (SPACE, NEWLINE, COMMENT)
            ),
        ]

    # ------------------------------------------------------------------ directives

    def _directive(self, words: Sequence[Token], mark: Span, conditions: list[_Condition], depth: int) -> SourceFile:
        """Obey one directive line; the file that later tokens belong to (`#line` makes a new one)."""
        file = mark.file
        if not words:
            return file
        name = words[0].text
        span = Span(file, mark.start, words[0].end)
        rest = words[1:]
        live = not conditions or conditions[-1].live
        if self._done and not name.isdigit() and name not in ("line", "pragma"):
            self._report.error("IDLC1017", f'"#{name}" in a text that is said to be preprocessed already', span)
        elif name in ("if", "ifdef", "ifndef"):
            value = live and self._condition(name, rest, file, span)
            conditions.append(_Condition(span, live, value, value or not live))
        elif name in ("elif", "elifdef", "elifndef", "else", "endif"):
            self._branch(name, rest, file, span, conditions)
        elif not live:
            pass
        elif name == "define":
            self._define(rest, file, span)
        elif name == "undef":
            if not rest or rest[0].kind != NAME:
                self._report.error("IDLC1007", "#undef needs a name", span)
            else:
                self._expander.undefine(rest[0].text)
        elif name == "include":
            self._include(rest, file, span, depth)
        elif name == "line" or words[0].kind == NUMBER:
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

    def _condition(self, name: str, rest: Sequence[Token], file: SourceFile, span: Span) -> bool:
        if name != "if":
            if not rest or rest[0].kind != NAME:
                self._report.error("IDLC1007", f"#{name} needs a name", span)
                return False
            return (rest[0].text in self._macros) == (name == "ifdef")
        if not rest:
            self._report.error("IDLC1011", "#if needs an expression", span)
            return False
        try:
            return evaluate(self._expander.expand_condition(rest)) != 0
        except BadCondition as error:
            place = span if error.token is None else error.token.span
            self._report.error("IDLC1011", f"malformed #if expression: {error}", place)
            return False

    def _branch(
        self, name: str, rest: Sequence[Token], file: SourceFile, span: Span, conditions: list[_Condition]
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
            current.live = self._condition(name.removeprefix("el"), rest, file, span)
        current.taken = current.taken or current.live

    def _define(self, rest: Sequence[Token], file: SourceFile, span: Span) -> None:
        if not rest or rest[0].kind != NAME:
            self._report.error("IDLC1007", "#define needs a name", span)
            return
        name, body = rest[0], list(rest[1:])
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
                    if at + 1 < len(body) and body[at + 1].text == "...":  # GNU's `arguments...`
                        variadic = True
                        at += 1
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
        self._expander.define(macro)

    def _include(self, rest: Sequence[Token], file: SourceFile, span: Span, depth: int) -> None:
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
            hint = self._files.hint(name, file)
            self._report.error("IDLC1003", f'included file "{name}" not found', place, help=hint)
            return
        if found.path in self._once:
            return
        if depth >= MAX_INCLUDES:
            message = f"more than {MAX_INCLUDES} files include one another; does one include itself?"
            self._report.error("IDLC1005", message, place)
            raise _GiveUp
        self._report.origins.included(found.path, place)
        self.text(found, depth + 1)

    def _header_name(self, rest: Sequence[Token], file: SourceFile, span: Span) -> tuple[str, Span]:
        if not rest:
            return "", span
        first, last = rest[0].start, rest[-1].end
        place = Span(file, first, last)
        if rest[0].text == "<":
            end = file.text.find(">", first, last)
            return (file.text[first + 1 : end] if end > 0 else ""), place
        tokens = list(rest)
        if tokens[0].kind == NAME:
            tokens = self._expander.expand(tokens)
        if tokens and tokens[0].kind == STRING:
            return tokens[0].text.removeprefix("L")[1:-1], place
        text = "".join((" " if token.space else "") + token.text for token in tokens).strip()
        return (text[1:-1] if text.startswith("<") and text.endswith(">") else ""), place

    def _line(self, rest: Sequence[Token], file: SourceFile, span: Span) -> SourceFile:
        tokens = self._expander.expand(rest)
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

    def _pragma(self, rest: Sequence[Token], file: SourceFile, span: Span) -> None:
        text = _line_rest(file, span)
        words = [word.text for word in rest]
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
            elif words[2] not in _PACKINGS:
                message = f'"{words[2]}" is no way to pack'
                help_ = f"there are push, pop, {', '.join(_PACKINGS[:-1])}"
                self._report.warning("MIDL2027", message, span, help=help_)
        end = span.end + len(text) + 1
        self.out.append(Token(PRAGMA, text, file, span.start, min(end, len(file.text))))


_PACKINGS = ("1", "2", "4", "8", "16", ")")


def _line_rest(file: SourceFile, span: Span) -> str:
    """The text of a directive after its name, comments removed."""
    end = file.text.find("\n", span.end)
    line = file.text[span.end :] if end < 0 else file.text[span.end : end]
    if '"' not in line:
        line = re.sub(r"/\*.*?\*/|//.*", " ", line)
    return line.strip()
