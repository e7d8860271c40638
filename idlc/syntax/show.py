"""Trees as text, for `idlc dump` and for tests: `(Node field=value ...)`, broken over lines where it is long.

Works on any frozen dataclasses, so that bound types are shown the same way. Spans, and fields that have nothing to say
(None, False, "", ()), are left out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import Enum

from idlc.data import fields, is_data
from idlc.source.files import Span

WIDTH = 100


def show(node: object, leave_out: frozenset[str] = frozenset()) -> str:
    """The text of a tree, ending in a line end. `leave_out` names fields that are not to be shown."""
    return _show(node, 0, leave_out) + "\n"


def _show(value: object, indent: int, leave_out: frozenset[str]) -> str:
    if is_data(value) and not isinstance(value, type):
        parts = [
            (f"{item.name}=", getattr(value, item.name))
            for item in fields(value)
            if item.name not in leave_out and _says_something(getattr(value, item.name))
        ]
        return _group(f"({type(value).__name__}", parts, ")", indent, leave_out)
    if isinstance(value, tuple | list):
        return _group("[", [("", item) for item in value], "]", indent, leave_out)
    if isinstance(value, Mapping):
        return _group("{", [(f"{key}: ", item) for key, item in value.items()], "}", indent, leave_out)
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, str):
        return value if value.isidentifier() else json.dumps(value)
    return str(value)


def _says_something(value: object) -> bool:
    return not (
        value is None
        or value is False
        or isinstance(value, Span)
        or (isinstance(value, str | tuple | frozenset | Mapping) and not value)
    )


def _group(head: str, parts: list[tuple[str, object]], tail: str, indent: int, leave_out: frozenset[str]) -> str:
    texts = [label + _show(part, indent + 2, leave_out) for label, part in parts]
    separator = "" if head in ("[", "{") else " "
    line = head + separator * bool(texts) + " ".join(texts) + tail
    if "\n" not in line and len(line) + indent <= WIDTH:
        return line
    pad = "\n" + " " * (indent + 2)
    return head + "".join(pad + text for text in texts) + tail
