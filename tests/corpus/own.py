"""This project's own IDL: samples, vectors, golden files, what the tests talk to other implementations with."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from idlc.settings import Dialect
from tests.compiled import dialect_of

ROOT = Path(__file__).parent.parent.parent


@dataclass(frozen=True, slots=True)
class Text:
    """One IDL text that is in no file of its own."""

    name: str
    idl: str
    acf: str | None = None


@dataclass(frozen=True, slots=True)
class OwnSet:
    name: str
    files: tuple[Path, ...] = ()
    texts: tuple[Text, ...] = field(default=())
    dialect: str = "midl"


def own() -> list[OwnSet]:
    """Every set, in the order of the table."""
    finds = ROOT / "tests" / "fuzz" / "finds"  # what once broke the compiler, and is mostly wrong
    tests = tuple(path for path in _files("tests/**/*.idl") if path.parent != finds)
    pidl = tuple(path for path in tests if dialect_of(path) is Dialect.PIDL)
    others = tuple(path for path in tests if path not in pidl)
    sets = [
        OwnSet("samples", _files("samples/*/*.idl")),
        OwnSet("vectors", texts=tuple(_vectors())),
        OwnSet("Samba's dialect", pidl, dialect="pidl"),
        OwnSet("the rest of tests", others),
        OwnSet("runtime", _files("runtime/idlrt/idl/*.idl")),
    ]
    return [each for each in sets if each.files or each.texts]


def _files(pattern: str) -> tuple[Path, ...]:
    return tuple(sorted(ROOT.glob(pattern)))


def _vectors() -> Iterator[Text]:
    """The IDL of every vector, the same one once."""
    seen: set[tuple[str, str | None]] = set()
    for path in sorted((ROOT / "tests/vectors/data").glob("*.json")):
        for vector in _dicts(json.loads(path.read_text(encoding="utf-8"))):
            text = vector["idl"], vector.get("acf")
            if text not in seen:
                seen.add(text)
                yield Text(f"{path.stem}_{len(seen)}", *text)


def _dicts(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict) and isinstance(value.get("idl"), str):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _dicts(inner)
