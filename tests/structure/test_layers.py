"""Dependencies point down: each room imports only rooms that stand before it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.structure.imports import ROOT, Import, imports, modules, room

IDLC = ROOT / "idlc"
IDLRT = ROOT / "runtime" / "idlrt"

COMPILER = (
    ("data", "version"),
    ("files",),
    ("cache",),
    ("diagnostics",),
    ("settings",),
    ("source",),
    ("language",),
    ("syntax",),
    ("dialects",),
    ("prelude",),
    ("reading",),
    ("follow_ups",),
    ("semantics",),
    ("wire",),
    ("crashes",),
    ("codec",),
    ("pymodel",),
    ("emit",),
    ("generation",),
    ("driver",),
    ("building",),
    ("api",),
    ("project", "hook"),
    ("hatch",),
    ("command",),
    ("", "cli"),
    ("__main__",),
)

RUNTIME = (
    ("errors", "ids"),
    ("asynchronous",),
    ("ndr",),
    ("pdu",),
    ("security",),
    ("association",),
    ("transport",),
    ("pipes",),
    ("rpc",),
    ("blocking",),
    ("stubs", "com"),
    ("prelude",),
    ("dcom",),
    ("testing", ""),
)

# Rooms that know bytes and states only: time comes in as an argument, octets go out as a result.
WITHOUT_IO = ("errors", "ids", "ndr", "pdu", "association")
IO_MODULES = {"asyncio", "concurrent", "multiprocessing", "select", "selectors", "socket", "ssl", "threading", "time"}


def upward(package: Path, layers: tuple[tuple[str, ...], ...]) -> list[Import]:
    rank = {name: level for level, names in enumerate(layers) for name in names}
    return [
        found
        for found in imports(package)
        if found.imported.split(".")[0] == package.name
        and not found.typing_only
        and found.imported != package.name  # the package itself says its version, and re-exports
        and room(found.imported) != room(found.importer)
        and rank[room(found.imported)] >= rank[room(found.importer)]
    ]


@pytest.mark.parametrize(("package", "layers"), [(IDLC, COMPILER), (IDLRT, RUNTIME)], ids=["idlc", "idlrt"])
def test_imports_point_down(package: Path, layers: tuple[tuple[str, ...], ...]) -> None:
    assert [str(found) for found in upward(package, layers)] == []


@pytest.mark.parametrize(("package", "layers"), [(IDLC, COMPILER), (IDLRT, RUNTIME)], ids=["idlc", "idlrt"])
def test_every_room_has_its_layer(package: Path, layers: tuple[tuple[str, ...], ...]) -> None:
    assert {room(name) for name, _ in modules(package)} <= {name for names in layers for name in names}


def test_the_compiler_knows_nothing_of_the_runtime() -> None:
    assert [str(found) for found in imports(IDLC) if found.imported.split(".")[0] == "idlrt"] == []


def test_the_runtime_needs_only_the_standard_library() -> None:
    allowed = sys.stdlib_module_names | {"idlrt"}
    assert [str(found) for found in imports(IDLRT) if found.imported.split(".")[0] not in allowed] == []


def test_the_protocol_does_no_io() -> None:
    found = [
        str(found)
        for found in imports(IDLRT)
        if (room(found.importer) in WITHOUT_IO or found.importer == "idlrt.security.provider")
        and found.imported.split(".")[0] in IO_MODULES
    ]
    assert found == []


def test_only_the_grammar_and_its_tree_know_lark() -> None:
    found = [str(found) for found in imports(IDLC) if found.imported.split(".")[0] == "lark"]
    assert [text for text in found if not text.startswith("idlc.syntax")] == []


def test_only_emit_knows_jinja() -> None:
    found = [str(found) for found in imports(IDLC) if found.imported.split(".")[0] == "jinja2"]
    assert [text for text in found if not text.startswith("idlc.emit")] == []
