"""A codec module's statements as text: `idlc dump --stage codec`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from idlc.codec.statements import CodecModule, Line, Statement


def show(module: CodecModule) -> str:
    """Tables, then functions with the path that each statement handles, then the operations' entries."""
    lines = [f"factory {module.syntax}", *(f"  {table}" for table in module.tables)]
    for function in module.functions:
        lines.append(f"function {function.name}({function.parameters})")
        lines += _statements(function.body, "  ")
    for entry in module.entries:
        number = f"op {entry.opnum}" if entry.opnum >= 0 else f"callback {~entry.opnum}"
        lines.append(f"{number}: {entry.arguments}")
    lines += [f"type {pickle.name}: {pickle.arguments}" for pickle in module.pickles]
    return "\n".join(lines) + "\n"


def _statements(body: Iterable[Statement], indent: str) -> Iterator[str]:
    for statement in body:
        path = f"    # {statement.path}" if statement.path else ""
        if isinstance(statement, Line):
            yield f"{indent}{statement.text}{path}"
        else:
            yield f"{indent}{statement.head}{path}"
            yield from _statements(statement.body, indent + "  ")
