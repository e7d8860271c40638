"""From preprocessing tokens to the grammar's terminals.

Everything is settled here that depends on more than the parser's state: whether `[` opens attributes or an array
bound, what kind of argument an attribute takes, which word is a keyword where it stands. A word that is a keyword
only in some places gets its keyword's terminal and falls back to ID where the parser has no use for that (FALLBACK).
"""

from __future__ import annotations

import re
from typing import Final
from uuid import UUID

from idlc.data import dataclass, field
from idlc.diagnostics.report import Note, Report
from idlc.source import tokens as pp
from idlc.source.conditions import integer
from idlc.source.files import SourceFile, Span
from idlc.source.tokens import Token

MAX_NESTING = 200
"""Brackets, braces and parentheses within one another."""
MAX_RUN = 1_000
"""Tokens between two of , ; { }: bounds the depth of what the parser builds from one expression or declarator."""

MAX_ATTRIBUTE_RUN = 90
"""The same for expressions that become Python, which takes no more than 200 nested parentheses."""

_PUNCTUATION: Final = {
    "(": "LPAR", ")": "RPAR", "[": "LSQB", "]": "RSQB", "{": "LBRACE", "}": "RBRACE", ",": "COMMA", ";": "SEMICOLON",
    ":": "COLON", "?": "QMARK", ".": "DOT", "..": "RANGE", "...": "ELLIPSIS", "->": "ARROW", "||": "OR", "&&": "AND",
    "|": "BAR", "^": "CARET", "&": "AMPERSAND", "==": "EQUAL", "!=": "UNEQUAL", "<": "LESS", ">": "MORE",
    "<=": "AT_MOST", ">=": "AT_LEAST", "<<": "LEFT", ">>": "RIGHT", "+": "PLUS", "-": "MINUS", "*": "STAR",
    "/": "SLASH", "%": "PERCENT", "!": "EXCLAMATION", "~": "TILDE", "=": "ASSIGN",
}  # fmt: skip

_BASE_WORDS: Final = frozenset(
    "void boolean byte char wchar_t small short int long hyper float double signed unsigned error_status_t handle_t "
    "MIDL_uhyper __int8 __int16 __int32 __int64 __int128 __int3264 __float80 __float128 "
    "_int8 _int16 _int32 _int64".split()
)
_NAMES_TOO: Final = frozenset("boolean byte wchar_t small hyper error_status_t MIDL_uhyper".split())
"""Base types that real files also use as names."""

_WORDS: Final = frozenset(
    "const volatile extern static register auto inline __inline _inline __unaligned __ptr32 __ptr64 __w64 "
    "far __far _far near __near _near huge __huge _huge __export __loadds __saveregs".split()
)
_SOFT_WORDS: Final = frozenset("far near huge inline register auto".split())

_CALLING: Final = frozenset(
    [prefix + word for prefix in ("__", "_", "") for word in ("cdecl", "stdcall", "pascal", "fastcall", "fortran")]
    + "WINAPI CALLBACK APIENTRY WINAPIV STDMETHODCALLTYPE STDMETHODVCALLTYPE PASCAL STDAPICALLTYPE".split()
)

KEYWORDS: Final = {
    "typedef": "TYPEDEF", "struct": "STRUCT", "union": "UNION", "enum": "ENUM", "switch": "SWITCH", "case": "CASE",
    "default": "DEFAULT", "interface": "INTERFACE", "dispinterface": "DISPINTERFACE", "coclass": "COCLASS",
    "import": "IMPORT", "sizeof": "SIZEOF", "__alignof": "ALIGNOF", "NULL": "NULL", "TRUE": "TRUTH", "FALSE": "TRUTH",
    "true": "TRUTH", "false": "TRUTH", "pipe": "PIPE", "module": "MODULE", "library": "LIBRARY",
    "importlib": "IMPORTLIB", "cpp_quote": "CPP_QUOTE", "midl_pragma": "MIDL_PRAGMA", "declare_guid": "DECLARE_GUID",
    "methods": "METHODS", "properties": "PROPERTIES", "include": "INCLUDE", "SAFEARRAY": "SAFEARRAY",
}  # fmt: skip

FALLBACK: Final = {
    **dict.fromkeys(
        (
            "PIPE", "MODULE", "LIBRARY", "IMPORTLIB", "CPP_QUOTE", "MIDL_PRAGMA", "DECLARE_GUID", "METHODS",
            "PROPERTIES", "INCLUDE", "COCLASS", "DISPINTERFACE", "SAFEARRAY", "IMPORT", "TRUTH", "TYPE_ATTRIBUTE",
        ),
        "ID",
    ),
    "CAST_PARENTHESIS": "LPAR",
}  # fmt: skip
"""What a terminal is where the parser does not accept it."""


def keyword_terminal(text: str) -> str:
    """What a keyword is to the grammar, where nothing around it makes it a name."""
    return KEYWORDS.get(text) or ("BASE_WORD" if text in _BASE_WORDS else "WORD")


_OPENS_ATTRIBUTES: Final = frozenset(["(", ",", ";", "{", "}", ":", "typedef", "struct", "union", "enum"])
_ENDS_NAME: Final = frozenset([";", ",", ")", "[", "=", ":"])

_UUID_ATTRIBUTES: Final = frozenset(["uuid", "async_uuid"])
_TYPE_ATTRIBUTES: Final = frozenset(
    "switch_type transmit_as represent_as wire_marshal user_marshal implicit_handle cs_char safearray".split()
)
_SIZE_ATTRIBUTES: Final = frozenset("size_is max_is length_is first_is last_is switch_is iid_is".split())
_OPAQUE_ATTRIBUTES: Final = frozenset(
    "activatable composable contract contractversion deprecated eventadd exclusiveto goext_layout marshaling_behavior "
    "overload requires static statics threading".split()
)

_CALL_STATEMENTS: Final = frozenset(["cpp_quote", "importlib", "midl_pragma", "declare_guid"])
_WINRT: Final = frozenset(["namespace", "runtimeclass", "apicontract", "delegate"])
_DECLSPEC: Final = frozenset(["__declspec", "_declspec", "declspec"])
_RESERVED: Final = frozenset(
    [*_BASE_WORDS, *_WORDS, *_CALLING, *KEYWORDS, *_CALL_STATEMENTS, *_WINRT, *_DECLSPEC, "extern"]
)
"""Names that may be more than that, outside of attribute lists."""
_SEPARATORS: Final = frozenset([",", ";"])
_NIL: Final = "00000000-0000-0000-0000-000000000000"


@dataclass(slots=True)
class Lexed:
    """Terminals and tokens side by side; the last terminal is $END, its token has no text."""

    types: list[str] = field(default_factory=list)
    tokens: list[Token] = field(default_factory=list)
    cut_short: bool = False
    """Whether something was dropped for being nested too deeply or for belonging to another language."""


def lex(source: SourceFile, tokens: list[Token], report: Report) -> Lexed:
    """Terminals for the parser. Mistakes are reported; the stream ends early only when it is nested too deeply."""
    return _Lexer(source, tokens, report).run()


class _Lexer:
    def __init__(self, source: SourceFile, tokens: list[Token], report: Report) -> None:
        self._source = source
        self._tokens = tokens
        self._report = report
        self._types: list[str] = []
        self._out: list[Token] = []
        self._at = 0
        self._cut_short = False
        self._limit = MAX_RUN

    def run(self) -> Lexed:
        tokens, types, out = self._tokens, self._types, self._out
        count = len(tokens)
        brackets: list[tuple[str, Token, bool]] = []  # closing text, opening token, whether it opened attributes
        dropped: list[int] = []  # nesting at which the "}" of an extern "C" block stands
        closed_attributes = False
        previous = ";"
        call = -1
        run = 0
        while self._at < count:
            at = self._at
            token = tokens[at]
            text, kind = token.text, token.kind
            self._at = at + 1
            run += 1
            if kind == pp.PUNCT:
                if text in _SEPARATORS:
                    run = 0
                    if text == ";":
                        self._limit = MAX_RUN
                        while brackets and brackets[-1][0] != "}":
                            brackets.pop()
                    types.append(_PUNCTUATION[text])
                    out.append(token)
                    previous = text
                    continue
                if text == "[":
                    attributes = (
                        previous in _OPENS_ATTRIBUTES
                        or (previous == "]" and closed_attributes)
                        or (at > 0 and self._begins_attributes(at))
                    )
                    if self._opened(brackets, "]", token, attributes):
                        break
                    self._add("ATTRIBUTES" if attributes else "LSQB", token)
                elif text == "(":
                    if self._opened(brackets, ")", token, False):
                        break
                    self._add("CAST_PARENTHESIS" if self._opens_pointer_cast(at) else "LPAR", token)
                elif text == "{":
                    run = 0
                    if previous in (")", "=") and self._skip_c_block(token):
                        if previous == "=":
                            types.pop()
                            out.pop()
                            previous = "]"
                        else:
                            self._add(_PUNCTUATION[";"], token)
                            previous = ";"
                        continue
                    if self._opened(brackets, "}", token, False):
                        break
                    self._add("LBRACE", token)
                elif text in (")", "]", "}"):
                    if text == "}":
                        run = 0
                        if dropped and dropped[-1] == len(brackets):
                            dropped.pop()
                            previous = "}"
                            continue
                        # A forgotten ) or ] ends here at the latest.
                        while brackets and brackets[-1][0] != "}":
                            brackets.pop()
                    if brackets and brackets[-1][0] == text:
                        closed_attributes = brackets.pop()[2]
                        if closed_attributes:
                            self._limit = MAX_RUN
                    if call == len(brackets):  # `cpp_quote(...)` is a statement without a ";"
                        call = -1
                        run = 0
                        self._add(_PUNCTUATION[text], token)
                        previous = ";"
                        continue
                    self._add(_PUNCTUATION[text], token)
                else:
                    terminal = _PUNCTUATION.get(text)
                    if terminal is None:
                        self._report.error("IDLC1101", f'unexpected "{text}"', token.span)
                        continue
                    self._add(terminal, token)
            elif kind == pp.NAME:
                head = bool(brackets) and brackets[-1][2] and previous in ("[", ",")
                if head:
                    if self._attribute(token):
                        previous = ")"
                        continue
                elif text not in _RESERVED:
                    types.append("ID")
                    out.append(token)
                elif text == "extern" and at + 2 < count and tokens[at + 1].text == '"C"':
                    self._at = at + 2
                    if tokens[at + 2].text == "{":
                        self._at = at + 3
                        dropped.append(len(brackets))
                    continue
                elif text in _DECLSPEC and self._next() == "(":
                    self._skip_group()
                    continue
                elif text in _WINRT and self._is_winrt(previous):
                    self._report.error(
                        "IDLC1105",
                        f'"{text}" belongs to Windows Runtime IDL, which is not supported',
                        token.span,
                        help="only classic MIDL interfaces can be compiled",
                    )
                    # Nothing else of such a file would make sense.
                    types.clear()
                    out.clear()
                    self._cut_short = True
                    break
                else:
                    if text in _CALL_STATEMENTS and previous in (";", "{", "}"):
                        call = len(brackets)
                    self._add(self._word(text, previous), token)
            elif kind == pp.NUMBER:
                self._add(self._number(token), token)
            elif kind == pp.STRING:
                self._add("STRING", token)
            elif kind == pp.CHAR:
                self._add("CHARACTER", token)
            elif kind == pp.PRAGMA:
                self._add("PRAGMA", token)
                continue
            elif kind == pp.SHARED:
                self._add("SHARED", token)
                run = 0
                previous = ";"
                continue
            elif kind == pp.UUID:
                self._add("UUID", token)
            if run > self._limit:
                message = f"expression or declarator of more than {self._limit} words"
                self._report.error("IDLC1103", message, token.span)
                self._cut(brackets)
                break
            previous = text
        end = Token("", "", *self._end())
        self._add("$END", end)
        return Lexed(types, out, self._cut_short)

    def _add(self, terminal: str, token: Token) -> None:
        self._types.append(terminal)
        self._out.append(token)

    def _next(self) -> str:
        return self._tokens[self._at].text if self._at < len(self._tokens) else ""

    def _end(self) -> tuple[SourceFile, int, int]:
        if self._out:
            last = self._out[-1]
            return last.file, last.end, last.end
        end = len(self._source.text)
        return self._source, end, end

    # ------------------------------------------------------------------ brackets

    def _opened(self, brackets: list[tuple[str, Token, bool]], closing: str, token: Token, attributes: bool) -> bool:
        """Note an opening bracket; True when that is one too many."""
        brackets.append((closing, token, attributes))
        if len(brackets) <= MAX_NESTING:
            return False
        notes = (Note("the outermost one is here", brackets[0][1].span),)
        self._report.error("IDLC1102", f"more than {MAX_NESTING} brackets within one another", token.span, notes)
        self._cut(brackets)
        return True

    def _cut(self, brackets: list[tuple[str, Token, bool]]) -> None:
        """Drop the outermost construct that is still open, so that the parser sees only whole ones."""
        self._cut_short = True
        if brackets:
            first = brackets[0][1]
            while self._out and self._out[-1] is not first:
                self._out.pop()
                self._types.pop()
        while self._types and self._types[-1] not in ("SEMICOLON", "RBRACE"):
            self._out.pop()
            self._types.pop()

    def _opens_pointer_cast(self, at: int) -> bool:
        """Whether `(` at `at` begins `(NAME *)`, with any number of stars."""
        tokens = self._tokens
        if at + 3 >= len(tokens) or tokens[at + 2].text != "*" or tokens[at + 1].kind != pp.NAME:
            return False
        at += 3
        while at < len(tokens) and tokens[at].text in ("*", "const"):
            at += 1
        return at < len(tokens) and tokens[at].text == ")"

    def _begins_attributes(self, at: int) -> bool:
        """Whether the `[` at `at` can only open attributes although a `;` is missing before it.

        It begins its line, as hardly any array bound does, and has several attributes, or one before a type.
        """
        tokens = self._tokens
        before, token = tokens[at - 1], tokens[at]
        if token.file is not before.file or "\n" not in token.file.text[before.end : token.start]:
            return False
        if at + 3 >= len(tokens) or tokens[at + 1].kind != pp.NAME:
            return False
        following = tokens[at + 2].text
        return following in (",", "(") or (following == "]" and tokens[at + 3].kind == pp.NAME)

    def _skip_group(self) -> None:
        """Pass over a parenthesised group that begins at the next token."""
        depth = 0
        while self._at < len(self._tokens):
            text = self._tokens[self._at].text
            if text in (";", "{", "}"):
                return
            self._at += 1
            depth += (text == "(") - (text == ")")
            if depth == 0:
                return

    def _skip_c_block(self, opening: pp.Token) -> bool:
        """Pass over the body of a function or the values of a variable, which C headers have and IDL has not."""
        if not opening.file.name.lower().endswith(".h"):
            return False
        depth = 1
        for at in range(self._at, len(self._tokens)):
            text = self._tokens[at].text
            depth += (text == "{") - (text == "}")
            if depth == 0:
                self._at = at + 1
                return True
        return False

    # ------------------------------------------------------------------ words

    def _word(self, text: str, previous: str) -> str:
        following = self._next()
        if text in _BASE_WORDS:
            # `typedef unsigned short wchar_t;` and fields called `byte` name something.
            if (
                text in _NAMES_TOO
                and following in _ENDS_NAME
                and (previous == "*" or (self._types and self._types[-1] in ("BASE_WORD", "ID")))
                and previous not in ("signed", "unsigned")
            ):
                return "ID"
            return "BASE_WORD"
        if text in _WORDS:
            return "ID" if text in _SOFT_WORDS and following in _ENDS_NAME else "WORD"
        if text in _CALLING:
            return "ID" if following in _ENDS_NAME else "CALLING"
        if text == "SAFEARRAY" and following != "(":
            return "ID"
        return KEYWORDS.get(text, "ID")

    def _is_winrt(self, previous: str) -> bool:
        if previous not in (";", "{", "}", "]") or self._at >= len(self._tokens):
            return False
        following = self._tokens[self._at]
        behind = self._tokens[self._at + 1].text if self._at + 1 < len(self._tokens) else ""
        return following.kind == pp.NAME and behind in ("{", ".", ":", ";")

    def _number(self, token: Token) -> str:
        text = token.text
        try:
            integer(text)
        except ValueError:
            if re.fullmatch(r"(?:\d+\.\d*|\.\d+|\d+(?=[eE]))(?:[eE][+-]?\d+)?[fFlL]?", text):
                return "FLOAT"
            self._report.error("MIDL2116", f'malformed number "{text[:40]}"', token.span)
            named = self._types and self._types[-1] in ("BASE_WORD", "ID", "STAR")
            token.text = f"_{text}" if named else "0"
            if named:  # a name that begins with a digit
                return "ID"
        return "INTEGER"

    # ------------------------------------------------------------------ attributes

    def _attribute(self, token: Token) -> bool:
        """Take the head of an attribute, and its arguments where they are not expressions.

        True when the closing parenthesis was taken too.
        """
        if self._next() != "(":
            self._limit = MAX_RUN
            self._add("ID", token)
            return False
        name = token.text
        self._limit = MAX_ATTRIBUTE_RUN if name in _SIZE_ATTRIBUTES else MAX_RUN
        if name in _TYPE_ATTRIBUTES:
            self._add("TYPE_ATTRIBUTE", token)
            return False
        self._add("ID", token)
        if name in _UUID_ATTRIBUTES:
            return self._uuid_argument()
        if name == "version":
            return self._version_argument()
        if name in _OPAQUE_ATTRIBUTES:
            return self._opaque_argument()
        return False

    def _group(self) -> tuple[list[Token], Token | None]:
        """The tokens inside the parentheses that begin at the next token, and the closing one; nothing is taken."""
        depth = 0
        inside: list[Token] = []
        for at in range(self._at, len(self._tokens)):
            token = self._tokens[at]
            if token.text == ";" and depth <= 1:
                break
            if token.text == "(":
                depth += 1
                if depth == 1:
                    continue
            elif token.text == ")":
                depth -= 1
                if depth == 0:
                    return inside, token
            inside.append(token)
        return inside, None

    def _replace_group(self, inside: list[Token], closing: Token, terminal: str, text: str) -> None:
        """Give the parser one token for all that stands in a group."""
        opening = self._tokens[self._at]
        self._add("LPAR", opening)
        first, last = (inside[0], inside[-1]) if inside else (opening, closing)
        end = last.end if last.file is first.file and last.end > first.start else first.end
        self._add(terminal, Token(terminal, text, first.file, first.start, end))
        self._add("RPAR", closing)
        self._at += len(inside) + 2

    def _uuid_argument(self) -> bool:
        inside, closing = self._group()
        if closing is None:
            return False
        text = "".join(token.text for token in inside).removeprefix("L")
        text = text.strip('"').strip().removeprefix("{").removesuffix("}")
        if not re.fullmatch(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}", text):
            span = inside[0].span.to(inside[-1].span) if inside else closing.span
            digits = re.fullmatch(r"\w{8}(?:-\w{4}){3}-\w{12}", text)
            self._report.error(
                "MIDL2088" if digits is None else "MIDL2089",
                f'malformed uuid "{text[:60]}"' if digits is None else f'"{text}" is not hexadecimal',
                span,
                help="a uuid is written as 8-4-4-4-12 hexadecimal digits",
            )
            text = _NIL
        self._replace_group(inside, closing, "UUID", text)
        return True

    def _version_argument(self) -> bool:
        inside, closing = self._group()
        if closing is None:
            return False
        text = "".join(token.text for token in inside).strip('"')
        if version(text) is None:
            span = inside[0].span.to(inside[-1].span) if inside else closing.span
            message = f'malformed version "{text[:40]}"'
            self._report.error("MIDL2152", message, span, help="write major.minor, each from 0 to 65535")
            text = "0.0"
        self._replace_group(inside, closing, "VERSION", text)
        return True

    def _opaque_argument(self) -> bool:
        inside, closing = self._group()
        if closing is None:
            return False
        self._replace_group(inside, closing, "OPAQUE", " ".join(token.text for token in inside))
        return True


def version(text: str) -> tuple[int, int] | None:
    """`1`, `1.11` or one hexadecimal number with the major version in its upper half."""
    if re.fullmatch(r"0[xX][0-9a-fA-F]{1,8}", text):
        number = int(text, 16)
        return (number >> 16, number & 0xFFFF) if number > 0xFFFF else (number, 0)
    match = re.fullmatch(r"(\d{1,5})(?:\.(\d{1,5}))?", text)
    if match is None:
        return None
    major, minor = int(match[1]), int(match[2] or 0)
    return (major, minor) if major <= 0xFFFF and minor <= 0xFFFF else None


def uuid(text: str) -> UUID:
    """The value of a UUID terminal."""
    return UUID(text)


def span_of(first: Token, last: Token) -> Span:
    """From one token to another; the first alone if they come from different files."""
    if last.file is first.file and last.end >= first.start:
        return Span(first.file, first.start, last.end)
    return Span(first.file, first.start, first.end)
