"""Documentation that cannot go stale unnoticed: its IDL compiles and its Python is Python."""

from __future__ import annotations

import ast
import re
import textwrap
from pathlib import Path

import pytest

import idlc
from tests.structure.imports import ROOT

PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "samples").glob("*/README.md")])
FENCE = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#:]+)\)")


def fences(language: str) -> list[object]:
    return [
        pytest.param(text, id=f"{page.relative_to(ROOT)}:{number}")
        for page in PAGES
        for number, (name, text) in enumerate(FENCE.findall(page.read_text(encoding="utf-8")))
        if name == language
    ]


@pytest.mark.parametrize("text", fences("idl"))
def test_idl_compiles(text: str) -> None:
    report = idlc.compile_text(text, name="example.idl")
    assert [str(found.message) for found in report.diagnostics] == []


@pytest.mark.parametrize("text", fences("python"))
def test_python_is_python(text: str) -> None:
    # Examples may stand inside a coroutine that they leave out.
    ast.parse("async def example():\n" + textwrap.indent(text.replace("from __future__", "# "), "    "))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    targets = LINK.findall(page.read_text(encoding="utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []
