"""Long lines of generated code, broken as black would break them.

black costs hundreds of milliseconds per thousand lines, so the templates write every statement on one line and this
module breaks the few that are too long. It knows the statements that we generate, not all of Python; a test runs
`black --check` over everything generated.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

WIDTH = 88
_OPENING, _CLOSING = "([{", ")]}"
_OPERATORS = (" or ", " and ", " | ", " + ", " - ", " * ", " // ")
"""Where an expression without commas breaks, loosest first."""

DITTO = "^"
"""The path of a line that is the same as of the line before."""


def wrap(text: str) -> str:
    """The module text with every long line broken."""
    lines: list[str] = []
    quoted = False
    for line in text.split("\n"):
        marks = line.count('"""')
        if quoted or marks or len(line.split("  #@ ")[0]) <= WIDTH:
            lines.append(line)
        else:
            lines += _broken(line)
        quoted = quoted != (marks % 2 == 1)
    return "\n".join(lines)


def _broken(line: str) -> list[str]:
    line, mark, path = line.partition("  #@ ")
    indent = line[: len(line) - len(line.lstrip())]
    code = line.strip()
    if code.startswith("#"):
        return [line]
    comment = _comment(code)
    lines: list[str] = []
    if comment >= 0:
        lines.append(f"{indent}{code[comment:]}")
        code = code[:comment].rstrip()
    lines += _statement(indent, code)
    if mark:
        lines = [f"{lines[0]}  #@ {path}", *(f"{each}  #@ {DITTO}" for each in lines[1:])]
    return lines


def _statement(indent: str, code: str) -> list[str]:
    if len(indent) + len(code) <= WIDTH:
        return [indent + code]
    if code.startswith("def ") or code.startswith("async def ") or code.startswith("class "):
        start = code.index("(")
        end = _matching(code, start)
        lines = _split(indent, code, start, end)
        if "def " in code[:start] and start + 1 < end and not _commas(code[start + 1 : end]):
            lines[-2] += ","
        return lines
    if code.startswith("from "):
        head, _, names = code.partition(" import ")
        return [f"{indent}{head} import (", *_names(indent, names), f"{indent})"]
    if code.startswith("for "):
        targets, _, rest = code[4:].partition(" in ")
        if targets.startswith("_ ") or "," not in targets:
            return _bracketed(indent, code)
        listed = _names(indent, targets.strip("()"))
        return [f"{indent}for (", *listed, f"{indent}) in {rest}"]
    if code.startswith(("if ", "elif ")):
        word, _, condition = code.partition(" ")
        if code.endswith("):") and _operators(condition[:-1]) <= 1:
            start = _opening(code, len(code) - 2)
            if len(indent) + start < WIDTH and start + 1 < len(code) - 2:
                return _split(indent, code, start, len(code) - 2)
        return [f"{indent}{word} (", *_expression(indent + "    ", condition[:-1], ""), f"{indent}):"]
    name, colon, type_ = code.partition(": ")
    if colon and name.isidentifier() and _top_level(type_, " | ") and not _assignment(code)[0]:
        return [f"{indent}{name}: (", *_expression(indent + "    ", type_, ""), f"{indent})"]
    if colon and name.isidentifier() and type_.endswith("]"):
        opening = len(indent) + code.index("[") + 1
        if opening > WIDTH and len(indent) + len(name) + 3 <= WIDTH and len(indent) + 4 + len(type_) <= WIDTH:
            return [f"{indent}{name}: (", f"{indent}    {type_}", f"{indent})"]
    target, grown, added = code.partition(" += ")
    if grown and target.isidentifier() and code[-1] not in _CLOSING and _top_level(added, " + "):
        return [f"{indent}{target} += (", *_expression(indent + "    ", added, ""), f"{indent})"]
    left, right = _assignment(code)
    if left and _commas(left) and not left.startswith("("):
        start = _opening(code, len(code) - 1) if code[-1] in _CLOSING else 0
        if start > len(left) and len(indent) + start < WIDTH and start + 2 < len(code):
            return _split(indent, code, start, len(code) - 1)
        return [f"{indent}(", *_names(indent, left), *_statement(indent, f") = {right}")]
    return _bracketed(indent, code)


def _names(indent: str, listed: str) -> list[str]:
    """Names one to a line."""
    return [f"{indent}    {name.strip()}," for name in listed.split(",") if name.strip()]


def _bracketed(indent: str, code: str) -> list[str]:
    """Breaks inside the last bracket, or puts the right-hand side into parentheses."""
    left, right = _assignment(code)
    prefix = f"{left} = " if left else ""
    if not left and code.startswith("return "):
        prefix, right = "return ", code[7:]
    if prefix and _commas(right):
        items = [line for item in _items(right) for line in _expression(indent + "    ", item, ",")]
        return [f"{indent}{prefix}(", *items, f"{indent})"]
    if code[-1] in _CLOSING or code.endswith("):"):
        last = len(code) - (2 if code.endswith(":") else 1)
        start = _opening(code, last)
        while len(indent) + start + 1 > WIDTH and code[start - 1] in _CLOSING:
            last = start - 1  # f(...)[0]: the call breaks, not the index
            start = _opening(code, last)
        operators = [op for op in _OPERATORS if _top_level(right, op)] if prefix else []
        room = not prefix or len(indent) + start < WIDTH or len(indent) + len(prefix) + 1 > WIDTH
        if room and start >= len(prefix) and not (operators and _count(right, operators[0]) > 1) and start + 1 < last:
            return _split(indent, code, start, last)
    if not prefix:
        return [indent + code]
    inner = _expression(indent + "    ", right, "")
    if len(inner) == 1 and len(inner[0]) > WIDTH:
        return [indent + code]
    return [f"{indent}{prefix}(", *inner, f"{indent})"]


def _split(indent: str, code: str, start: int, end: int) -> list[str]:
    body = code[start + 1 : end]
    head, tail = code[: start + 1], code[end:]
    deeper = indent + "    "
    literal = start == 0 or not (code[start - 1].isalnum() or code[start - 1] in "_)]")
    if len(deeper) + len(body) <= WIDTH and not (literal and _commas(body)) and not body.endswith(","):
        inner = [deeper + body]
    elif _commas(body):
        inner = [line for item in _items(body) for line in _expression(deeper, item, ",")]
    else:
        inner = _expression(deeper, body, "")
    return [indent + head, *inner, indent + tail]


def _expression(indent: str, text: str, end: str) -> list[str]:
    """An expression on lines of its own, `end` behind it."""
    if len(indent) + len(text) + len(end) <= WIDTH:
        return [indent + text + end]
    annotation = _annotation(text)
    if annotation is not None:
        name, type_, default = annotation
        return [f"{indent}{name}: (", *_expression(indent + "    ", type_, ""), f"{indent}){default}{end}"]
    if _top_level(text, " if ") and _top_level(text, " else "):
        if end:
            return [f"{indent}(", *_expression(indent + "    ", text, ""), f"{indent}){end}"]
        value, rest = _parts(text, " if ")
        condition, otherwise = _parts(rest, " else ")
        lines = _expression(indent, value, "")
        return [*lines, *_expression(indent, f"if {condition}", ""), *_expression(indent, f"else {otherwise}", end)]
    for operator in _OPERATORS:
        parts = list(_parts(text, operator))
        if len(parts) > 1:
            word = operator.strip()
            lines = _expression(indent, parts[0], "")
            for part in parts[1:]:
                lines += _expression(indent, f"{word} {part}", "")
            lines[-1] += end
            return lines
    if text and text[-1] in _CLOSING:
        start = _opening(text, len(text) - 1)
        if start + 1 < len(text) - 1:
            lines = _split(indent, text, start, len(text) - 1)
            lines[-1] += end
            return lines
    return [indent + text + end]


# ---------------------------------------------------------------------------- reading code


_MARKS = re.compile(r"""[()\[\]{},=# ]|"(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?""")
"""What breaking looks at, and strings, which are passed over as a whole."""


@lru_cache(maxsize=1_000)
def _walk(text: str) -> tuple[tuple[int, str, int], ...]:
    """(index, character, bracket depth) of marks outside strings; an opening bracket has the depth outside it."""
    found: list[tuple[int, str, int]] = []
    depth = 0
    for match in _MARKS.finditer(text):
        character = match[0]
        if character in _CLOSING:
            depth -= 1
        found.append((match.start(), character, depth))
        if character in _OPENING:
            depth += 1
    return tuple(found)


def _annotation(text: str) -> tuple[str, str, str] | None:
    """(name, type, default) of a parameter whose type is a union of several."""
    name, colon, rest = text.partition(": ")
    if not colon or not name.isidentifier():
        return None
    default = " = None" if rest.endswith(" = None") else ""
    type_ = rest.removesuffix(" = None")
    return (name, type_, default) if _top_level(type_, " | ") else None


def _comment(code: str) -> int:
    return next((index for index, character, _ in _walk(code) if character == "#"), -1) if "#" in code else -1


def _matching(code: str, start: int) -> int:
    depth = next(d for index, _, d in _walk(code) if index == start)
    return next(index for index, c, d in _walk(code) if index > start and c in _CLOSING and d == depth)


def _opening(code: str, end: int) -> int:
    depth = next(d for index, _, d in _walk(code) if index == end)
    return max(index for index, c, d in _walk(code) if index < end and c in _OPENING and d == depth)


def _commas(text: str) -> bool:
    return "," in text and any(character == "," and depth == 0 for _, character, depth in _walk(text))


def _items(body: str) -> list[str]:
    cuts = [index for index, character, depth in _walk(body) if character == "," and depth == 0]
    items = [body[a:b].strip() for a, b in zip([0, *(cut + 1 for cut in cuts)], [*cuts, len(body)], strict=True)]
    return [item for item in items if item]


def _parts(text: str, operator: str) -> Iterator[str]:
    if operator not in text:
        yield text
        return
    start = 0
    for index, character, depth in _walk(text):
        if character == " " and depth == 0 and text.startswith(operator, index):
            yield text[start:index]
            start = index + len(operator)
    yield text[start:]


def _count(text: str, operator: str) -> int:
    return len(list(_parts(text, operator))) - 1


def _top_level(text: str, operator: str) -> bool:
    return _count(text, operator) > 0


_CLASSES = ((" or ", " and "), (" == ", " != ", " < ", " > ", " <= ", " >= ", " in ", " is "), (" | ",), (" + ", " - "))
"""Operators by how tightly they bind, loosest first."""


def _operators(text: str) -> int:
    """How many of the loosest operators there are."""
    counts = (sum(_count(text, operator) for operator in operators) for operators in _CLASSES)
    return next((count for count in counts if count), 0)


def _assignment(code: str) -> tuple[str, str]:
    """(left, right) of `left = right` or `left: type = right`; ("", code) of anything else."""
    for index, character, depth in _walk(code):
        if depth == 0 and character == "=" and code[index - 1 : index + 2] == " = ":
            return code[: index - 1], code[index + 2 :]
        if depth == 0 and character == " " and code[index : index + 4] in (" += ",):
            return "", code
    return "", code
