"""The JSON files of a folder of vectors, and the tests that their kinds become."""

from __future__ import annotations

import json
from argparse import ArgumentTypeError
from pathlib import Path
from typing import Any

import pytest

STUB = None
"""Vectors of stubs name no kind."""


def read_vectors(folder: Path) -> list[dict[str, Any]]:
    """Every vector of every file, with the file's stem as `file`; other JSON files are none of ours."""
    found = []
    for path in sorted(folder.glob("*.json")):
        content = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(content, list):
            found += [each | {"file": path.stem} for each in content if isinstance(each, dict) and "name" in each]
    return found


def folder_of_vectors(text: str) -> Path:
    """The argument of `--vectors`: a folder that has some, so that a wrong path is no run without tests."""
    folder = Path(text)
    try:
        found = read_vectors(folder)
    except (OSError, ValueError) as error:
        raise ArgumentTypeError(f"vectors in {folder} cannot be read: {error}") from None
    if not found:
        raise ArgumentTypeError(f"no vectors in {folder}")
    return folder


def parametrize(metafunc: pytest.Metafunc, kind: str | None) -> None:
    """One test for each vector of a kind. Where there is none, one that conftest.py takes out again."""
    vectors = [
        pytest.param(vector, id=f"{vector['file']}/{vector['name']}")
        for vector in read_vectors(metafunc.config.getoption("--vectors"))
        if _tested_as(vector.get("kind")) == kind
    ]
    metafunc.parametrize("vector", vectors or [pytest.param(None, id="none")])


def _tested_as(kind: str | None) -> str | None:
    """The kind whose test takes vectors of this one: stubs take what is skipped, and fail on what nobody knows."""
    return kind if kind in ("auth_pdu", "blob", "pdu", "pickle") else STUB
