"""What the author of an IDL file says about what it declares."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from idlc.data import dataclass
from idlc.source.comments import about
from idlc.source.files import Span
from idlc.syntax import ast


@dataclass(frozen=True, slots=True)
class Doc:
    """Where the words about a declaration are. Reading them is left to whoever needs them."""

    span: Span
    """The whole declaration, which comments stand around."""
    helpstring: str = ""

    @property
    def text(self) -> str:
        """The helpstring, then what the comments say besides; empty where there is neither."""
        return combined(self.helpstring, about(self.span))

    @property
    def heading(self) -> str:
        """The same of a declaration with a body, whose last line says nothing about it."""
        return combined(self.helpstring, about(self.span, behind=False))

    @property
    def in_margin(self) -> bool:
        """Whether all that is said stands at the end of its line."""
        return not self.heading


def helpstring(attributes: Iterable[ast.Attribute]) -> str:
    """The text of `helpstring` among some attributes; empty if there is none."""
    for attribute in attributes:
        if attribute.name == "helpstring" and attribute.arguments:
            argument = attribute.arguments[0]
            return argument.value if isinstance(argument, ast.StringLiteral) else ""
    return ""


NO_DOC: Final = Doc(Span.none())


def combined(helpstring: str, comment: str) -> str:
    """Both, the helpstring first as the shorter; one of them where they say the same."""
    helpstring = helpstring.replace("\\n", "\n").replace("\\t", "    ").strip()
    if _bare(helpstring) in _bare(comment):
        return comment
    return f"{helpstring}\n\n{comment}" if comment else helpstring


def _bare(text: str) -> str:
    return "".join(filter(str.isalnum, text)).lower()
