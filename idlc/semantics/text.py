"""Declarations as one line of IDL, for docstrings and comments of what is generated."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from idlc.source.files import Span
from idlc.syntax import ast

_COMMENT_OR_STRING = re.compile(r'"(?:\\.|[^"\\])*"|/\*.*?\*/|//[^\n]*|\\\n', re.DOTALL)


@lru_cache(maxsize=10_000)
def one_line(text: str) -> str:
    """Source text without comments and line breaks."""
    if "/" not in text and '"' not in text and "\\" not in text:
        return " ".join(text.split())
    without = _COMMENT_OR_STRING.sub(lambda found: found[0] if found[0].startswith('"') else " ", text)
    return " ".join(without.split())


def _written(span: Span) -> str:
    return one_line(span.text)


_HELP = frozenset(["helpstring", "helpcontext", "helpstringcontext"])
"""Attributes that are documentation themselves."""


def attribute_list(attributes: Iterable[ast.Attribute]) -> str:
    listed = ", ".join(_written(attribute.span) for attribute in attributes if attribute.name not in _HELP)
    return f"[{listed}] " if listed else ""


def specifiers(written: ast.Specifiers) -> str:
    """The type as it would be named: bodies of structures and unions are left out."""
    match written.type:
        case ast.Struct(name=name):
            found = f"struct {name}" if name else "struct { ... }"
        case ast.Union(name=name) | ast.EncapsulatedUnion(name=name):
            found = f"union {name}" if name else "union { ... }"
        case ast.Enum(name=name):
            found = f"enum {name}" if name else "enum { ... }"
        case _:
            return _written(written.span)
    return found


def declarator(written: ast.Declarator) -> str:
    return _written(written.span)


def declaration(attributes: Iterable[ast.Attribute], type_: ast.Specifiers, declared: ast.Declarator | None) -> str:
    """`[attributes] type name`, as one line."""
    named = declarator(declared) if declared is not None else ""
    return f"{attribute_list(attributes)}{specifiers(type_)} {named}".rstrip()


def operation(
    attributes: Iterable[ast.Attribute], type_: ast.Specifiers, declared: ast.Declarator, parameters: Iterable[str]
) -> str:
    stars = "".join("*" for derivation in declared.derivations[1:] if isinstance(derivation, ast.Pointer))
    listed = ", ".join(parameters) or "void"
    return f"{attribute_list(attributes)}{specifiers(type_)} {stars}{declared.name}({listed})"
