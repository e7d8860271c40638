"""Templates spell and Python decides: a template loops, tests one boolean, includes, calls a macro."""

from __future__ import annotations

from pathlib import Path

import jinja2
import pytest
from jinja2 import nodes

from tests.structure.imports import ROOT

TEMPLATES = sorted((ROOT / "templates").rglob("*.j2"))

DECIDING = (
    nodes.Add,
    nodes.Sub,
    nodes.Mul,
    nodes.Div,
    nodes.FloorDiv,
    nodes.Mod,
    nodes.Pow,
    nodes.Concat,
    nodes.Compare,
    nodes.And,
    nodes.Or,
    nodes.CondExpr,
    nodes.Getitem,
    nodes.Dict,
    nodes.List,
    nodes.Tuple,
    nodes.AssignBlock,
)

# What only lays text out.
FILTERS = {"indent", "join"}


def test_there_are_templates() -> None:
    assert TEMPLATES


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_template_only_spells(path: Path) -> None:
    # Read as the compiler reads it, statements included, but nothing is rendered.
    environment = jinja2.Environment(trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.do"])
    tree = environment.parse(path.read_text(encoding="utf-8"))
    found = [f"{path.name}:{node.lineno}: {type(node).__name__}" for node in tree.find_all(DECIDING)]
    found += [
        f"{path.name}:{node.lineno}: |{node.name}" for node in tree.find_all(nodes.Filter) if node.name not in FILTERS
    ]
    assert found == []
