"""What modules import, read from their text and not by importing them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Import:
    """`importer` needs `imported` when it is loaded, or when it is type-checked only."""

    importer: str
    imported: str
    line: int
    typing_only: bool

    def __str__(self) -> str:
        return f"{self.importer}:{self.line} imports {self.imported}"


def module_name(path: Path, base: Path) -> str:
    parts = list(path.relative_to(base).with_suffix("").parts)
    if parts[-1] == "__init__":
        parts.pop()
    return ".".join(parts)


def modules(package: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(package.rglob("*.py")):
        yield module_name(path, package.parent), path


def imports(package: Path) -> Iterator[Import]:
    known = {name for name, _ in modules(package)}
    for name, path in modules(package):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        anchor = name if path.name == "__init__.py" else name.rpartition(".")[0]
        typing_only = {
            id(inner)
            for node in ast.walk(tree)
            if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
            for inner in ast.walk(node)
        }
        for node in ast.walk(tree):
            lazily = id(node) in typing_only
            match node:
                case ast.Import(names=names):
                    for alias in names:
                        yield Import(name, alias.name, node.lineno, lazily)
                case ast.ImportFrom(module=module, names=names, level=level):
                    parts = anchor.split(".")
                    parent = ".".join(parts[: len(parts) - level + 1]) if level else ""
                    source = ".".join(filter(None, (parent, module)))
                    for alias in names:
                        full = f"{source}.{alias.name}"
                        yield Import(name, full if full in known else source, node.lineno, lazily)


def room(module: str) -> str:
    """The part of a package that a layer rule speaks of: `idlc.wire.plan` is in `wire`.

    Files and spans are the one vocabulary below diagnostics, which point at them; the rest of
    `source` reports, so it stands above.
    """
    if module == "idlc.source.files":
        return "files"
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ""
