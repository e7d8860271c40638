"""What the author of a source text says about a declaration: the comments directly before it and right behind it.

Nothing but generated documentation needs comments, so they are no part of tokens or trees. Whoever wants the words
about a declaration asks with its span, and only then is the text searched.

A comment belongs to what follows it without an empty line between, or, at the end of a line, to what stands before it.
What is left out is no documentation: licences, code that was commented out, what is still to be done, rulers and
frames, numbers that only count operations.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from functools import lru_cache
from textwrap import dedent
from typing import Final

from idlc.data import dataclass
from idlc.source.files import Span
from idlc.source.tokens import COMMENT, cut

# Patterns are compiled when the first comment is read: many runs read none.
_LICENCE: Final = (
    r"(?i)copyright|\(c\)\s*\d{4}|licen[cs]e|warrant|all rights reserved|free software|redistribut|merchantab|spdx"
    r"|the gnu |permission is hereby|software foundation"
)
_STATEMENT: Final = (
    r".*[;{}]\s*\Z|\s*(?:[#{}]|\[.*[],]\s*\Z|\w*\(\w*\)\s*\Z|(?:import|typedef|cpp_quote|interface)\b.*[\"(;]"
    r"|\[?\s*(?:in|out|unique|size_is)\b.*,\s*\Z|\s*\w+\s*=\s*\S+\s*,?\s*\Z)"
)
"""A line that reads as IDL or C."""
_NOTE: Final = r"(?i)\s*[@\\]?(?:fixme|todo|xxx|hack)\b"
"""The beginning of what authors write to themselves."""
_NUMBER: Final = r"(?i)(?:(?:op|proc|vtable)\s*(?:num|no|number|code)?\.?\s*[:=#]?\s*)?(?:0x[0-9a-f]+|\d+)"
"""All there is in a comment that counts operations, whose numbers stand in the code anyway."""
_ATTRIBUTES: Final = r"(?:\[[^]]*\]\s*)+"
_RULER: Final = r"[^\w\s]{3,}|[*=~]{2,}"
_COMMANDS: Final = (
    (r"^\s*[@\\](?:file|fn|ingroup|defgroup|addtogroup|name|struct|enum|union|interface|class)\b.*$", ""),
    (r"^\s*[@\\][{}]\s*$", ""),
    (r"^(\s*)[@\\](?:brief|short|details)\s*", r"\1"),
    (r"^(\s*)[@\\]t?param(?:\s*\[[^]]*\])?\s+(\w+)\s*[:-]?\s*", r"\1\2: "),
    (r"^(\s*)[@\\](?:returns?|result)\b\s*", r"\1Returns: "),
    (r"^(\s*)[@\\]retval\s+(\S+)\s*", r"\1Returns \2: "),
    (r"^(\s*)[@\\](note|warning|remark|see|since|deprecated|bug)s?\b\s*", r"\1\2: "),
    (r"^(\s*)[@\\]sa\b\s*", r"\1see: "),
    (r"^(\s*)[@\\](?:li|arg)\b\s*", r"\1- "),
    (r"[@\\](?:c|a|p|e|em|b|ref)\s+(?=\w)", ""),
)
"""Doxygen's commands, as plain words."""
_PREAMBLE: Final = r"import\b|importlib\b|cpp_quote\b|midl_pragma\b|#"
"""What a comment at the head of a file can stand before and still be about the file."""


@dataclass(frozen=True, slots=True)
class _Comments:
    """Where the comments of a text are, in order."""

    text: str
    starts: list[int]
    ends: list[int]

    def first_in_line(self, at: int) -> bool:
        """Whether only white space and comments stand before a comment in its line."""
        while True:
            line = self.text.rfind("\n", 0, self.starts[at]) + 1
            previous = self.ends[at - 1] if at else 0
            if not self.text[max(line, previous) : self.starts[at]].isspace() and max(line, previous) < self.starts[at]:
                return False
            if previous <= line:
                return True
            at -= 1

    def column(self, at: int) -> int:
        return self.starts[at] - self.text.rfind("\n", 0, self.starts[at])

    def words(self, at: int) -> str:
        return self.text[self.starts[at] : self.ends[at]]

    def follows(self, at: int) -> bool:
        """Whether a comment goes on with the one that ends the line above."""
        if at == 0 or not self.words(at).startswith("//") or not self.words(at - 1).startswith("//"):
            return False
        gap = self.text[self.ends[at - 1] : self.starts[at]]
        return gap.isspace() and gap.count("\n") == 1 and self.column(at) == self.column(at - 1)

    def before(self, start: int) -> list[str]:
        """The comments directly before a place, in order."""
        at = bisect_right(self.ends, start) - 1
        found: list[int] = []
        bound = start
        while at >= 0:
            gap = self.text[self.ends[at] : bound]
            if gap and (not gap.isspace() or gap.count("\n") > 1):
                break
            if not self.first_in_line(at):
                ahead = self.text[: self.starts[at]].rstrip(" \t")[-1:]
                if found or "\n" in gap or ahead not in ("(", ",", "{", ";"):
                    break
            found.append(at)
            bound = self.starts[at]
            at -= 1
        while found and self.follows(found[-1]) and not self.first_in_line(self._head(found[-1])):
            found.pop()
        return [self.words(at) for at in reversed(found)]

    def _head(self, at: int) -> int:
        """The first of the comments that a comment goes on with."""
        while self.follows(at):
            at -= 1
        return at

    def behind(self, end: int) -> list[str]:
        """The comments behind a place in its line, and what goes on with them below."""
        at = bisect_left(self.starts, end)
        found: list[str] = []
        separated = False
        bound = end
        while at < len(self.starts):
            gap = self.text[bound : self.starts[at]]
            mark = gap.strip(" \t")
            if mark in (",", ";") and not separated:
                separated = True
            elif mark and not (found and self.follows(at) and mark == "\n"):
                break
            if separated and not self._ends_line(at):
                break  # it belongs to what follows
            found.append(self.words(at))
            bound = self.ends[at]
            at += 1
        return found

    def _ends_line(self, at: int) -> bool:
        end = self.text.find("\n", self.ends[at])
        rest = self.text[self.ends[at] : end if end >= 0 else len(self.text)].strip()
        return not rest or rest.startswith(("//", "/*"))


@lru_cache(maxsize=8)
def _comments(text: str) -> _Comments:
    words = cut(text)
    places = [at for at in words.special if words.kinds[at] == COMMENT]
    starts = [words.starts[at] for at in places]
    return _Comments(text, starts, [words.starts[at] + len(words.texts[at]) for at in places])


def about(span: Span, *, behind: bool = True) -> str:
    """What the comments say about the declaration at `span`; empty if there are none.

    Args:
        span: the whole declaration.
        behind: whether a comment at the end of its line is about it too.
    """
    if span.is_none:
        return ""
    comments = _comments(span.file.text)
    parts = [prose(comments.before(span.start))]
    if behind:
        parts.append(prose(comments.behind(span.end)))
    return "\n\n".join(dict.fromkeys(part for part in parts if part))


def of_file(text: str) -> str:
    """What the comments at the head of a file say about it."""
    comments = _comments(text)
    groups: list[list[str]] = []
    bound = 0
    for at, start in enumerate(comments.starts):
        gap = text[bound:start]
        if gap and not gap.isspace():
            break
        if not groups or gap.count("\n") > 1:
            groups.append([])
        groups[-1].append(comments.words(at))
        bound = comments.ends[at]
    following = bound + len(text[bound:]) - len(text[bound:].lstrip())
    gap, ahead = text[bound:following], text[following : following + 20]
    if groups and gap.count("\n") <= 1 and ahead and not re.match(_PREAMBLE, ahead):
        groups.pop()  # it belongs to the declaration that it stands on
    return "\n\n".join(part for part in map(prose, groups) if part)


def prose(comments: list[str]) -> str:
    """What some comments say, as text: paragraphs with an empty line between.

    Markers, frames and rulers are gone, and so is what is no documentation.
    """
    if not comments:
        return ""
    raw = "\n".join(_unmarked(comment) for comment in comments)
    lines = [_plain(line) for line in raw.split("\n")]
    text = dedent("\n".join(lines)).strip()
    if re.fullmatch(_NUMBER, text) or re.fullmatch(_ATTRIBUTES, text):
        return ""
    paragraphs = [part.strip("\n") for part in re.split(r"\n\s*\n", text)]
    kept = [part for part in paragraphs if any(map(str.isalnum, part)) and not _aside(part)]
    lines = [line for part in kept for line in part.split("\n")]
    code = sum(re.match(_STATEMENT, line) is not None for line in lines)
    return "" if 2 * code >= len(lines) else "\n\n".join(kept)


def _aside(paragraph: str) -> bool:
    """Whether a paragraph says nothing about what is declared."""
    return bool(re.search(_LICENCE, paragraph) or re.match(_NOTE, paragraph))


def _unmarked(comment: str) -> str:
    """The inside of one comment; stars at the beginning of lines belong to its frame."""
    if comment.startswith("//"):
        return re.sub(r"\A//+[!<+-]*", "", comment).replace("\\\n", "\n")
    inside = re.sub(r"\A[*!<+-]+|[*+-]+\Z", "", comment[2:-2])
    first, *rest = inside.split("\n")
    if all(not line.strip() or line.lstrip().startswith(("*", "|")) for line in rest):
        return "\n".join([first, *(re.sub(r"\A\s*[*|]+", "", line) for line in rest)])
    below = "\n".join(rest).expandtabs(4)
    return f"{first.strip()}\n{dedent(below)}"


def _plain(line: str) -> str:
    """One line without rulers around its words and without a documentation tool's commands."""
    line = line.expandtabs(4).rstrip()
    bare = line.strip()
    ruler = re.match(_RULER, bare)
    if ruler is not None:
        bare = bare[ruler.end() :].strip()
        line = bare
    line = re.sub(r"\s*[-=*#~+/|]{3,}\Z|\s+[*|]+\Z", "", line)
    for pattern, words in _COMMANDS:
        line = re.sub(pattern, words, line)
    return line
