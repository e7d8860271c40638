"""What the runtime ships of idlc's own output is what idlc makes of the IDL today (`make generated`)."""

from __future__ import annotations

from pathlib import Path

import pytest

import idlc
from tests.structure.imports import ROOT

RUNTIME = ROOT / "runtime" / "idlrt"


def contents(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir() if path.is_file()}


@pytest.mark.parametrize(
    ("sources", "shipped"),
    [
        (RUNTIME / "idl", RUNTIME / "stubs"),
        (ROOT / "idlc" / "language" / "builtin", RUNTIME / "prelude"),
    ],
    ids=["stubs", "prelude"],
)
def test_shipped_stubs_are_current(sources: Path, shipped: Path, tmp_path: Path) -> None:
    names = sorted(path for path in sources.iterdir() if path.suffix in (".idl", ".h"))
    idlc.compile_files(names, out=tmp_path).raise_for_errors()
    made, there = contents(tmp_path), contents(shipped)
    # Whoever keeps the package writes its __init__.py.
    del made["__init__.py"], there["__init__.py"]
    assert made == there
