"""`[tool.hatch.build.hooks.idlc]`: what it asks for is made, kept current and taken away again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from idlc import api, project
from idlc.project import ProjectError, build, clean

LAB = "[uuid(b8a3c1de-52f4-4f0d-9a6e-7c1de05f2a10), version(1.0)] interface {} {{ void Go([in] long n); }}\n"
CONFIG: dict[str, Any] = {"idl": ["idl/*.idl"], "out": "src/lab/stubs"}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("IDLC_CACHE_DIR", str(tmp_path / "cache"))
    folder = tmp_path / "project"
    (folder / "idl").mkdir(parents=True)
    for name in ("Lab", "Other"):
        (folder / "idl" / f"{name.lower()}.idl").write_text(LAB.format(name))
    return folder


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.mark.parametrize(
    ("file", "table"),
    [
        ("pyproject.toml", "tool.hatch.build.hooks.idlc"),
        ("pyproject.toml", "tool.hatch.build.targets.wheel.hooks.idlc"),
        ("hatch.toml", "build.hooks.idlc"),
    ],
)
def test_the_table_is_read_where_hatchling_reads_it(root: Path, file: str, table: str) -> None:
    (root / file).write_text(f'[{table}]\nidl = ["idl/*.idl"]\nout = "src/lab/stubs"\n')
    assert build(root) == ("src/lab/stubs",)
    assert {"__init__.py", "lab.py", "other.py"} <= names(root / "src/lab/stubs")


def test_what_is_current_is_not_compiled_again(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build(root, CONFIG)
    with monkeypatch.context() as patched:
        patched.setattr(api, "compile_files", lambda *_, **__: pytest.fail("everything is current"))
        build(root, CONFIG)
    (root / "src/lab/stubs/lab.py").unlink()
    build(root, CONFIG)
    assert (root / "src/lab/stubs/lab.py").exists()


def test_several_packages_share_options(root: Path) -> None:
    packages = [{"idl": ["idl/lab.idl"], "out": "a"}, {"idl": ["idl/other.idl"], "out": "b"}]
    assert build(root, {"define": ["X=1"], "packages": packages}) == ("a", "b")
    assert "lab.py" in names(root / "a")
    assert "other.py" in names(root / "b")


def test_options_reach_the_compiler(root: Path) -> None:
    (root / "more").mkdir()
    (root / "more" / "t.h").write_text("typedef WIDE T;\n")
    (root / "idl" / "lab.idl").write_text('#include "t.h"\n' + LAB.format("Lab").replace("long", "T"))
    config = {**CONFIG, "include": ["more"], "define": ["WIDE=hyper"], "manifest": "idl.json"}
    build(root, config)
    assert (root / "idl.json").exists()
    with pytest.raises(ProjectError, match="WIDE"):
        build(root, {**config, "define": []})


def test_clean_takes_what_was_made_and_nothing_else(root: Path) -> None:
    config = {**CONFIG, "manifest": "idl.json"}
    build(root, config)
    (root / "src/lab/mine.py").write_text("")
    gone = clean(root, config)
    assert str(root / "idl.json") in gone
    assert names(root / "src/lab") == {"mine.py"}
    assert names(root) == {"idl", "src"}

    build(root, config)
    (root / "src/lab/stubs/mine.py").write_text("# my own\n")
    clean(root, config)
    assert names(root / "src/lab/stubs") == {"__init__.py", "py.typed", "mine.py"}


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"out": "a"}, 'needs "idl"'),
        ({"idl": ["idl/*.idl"]}, 'needs "out"'),
        ({**CONFIG, "includes": []}, 'unknown option "includes" in .*; did you mean "include"?'),
        ({**CONFIG, "idl": "idl/lab.idl"}, '"idl" in .* is to be an array of strings'),
        ({**CONFIG, "out": "../a"}, "leads out of the project"),
        ({**CONFIG, "out": "/a"}, "leads out of the project"),
        ({**CONFIG, "idl": ["*.midl"]}, r'no file in ".*" matches "\*\.midl"'),
        ({**CONFIG, "strict": "yes"}, '"strict" in .* is to be true or false'),
        ({**CONFIG, "define": ["1=2"]}, "is no name for a macro"),
        ({"packages": []}, '"packages" of .* is to be an array of tables'),
    ],
)
def test_a_table_that_is_wrong_says_what_to_do(root: Path, config: dict[str, Any], said: str) -> None:
    with pytest.raises(ProjectError, match=said):
        build(root, config)


def test_a_project_without_a_table_says_so(root: Path) -> None:
    with pytest.raises(ProjectError, match="cannot read"):
        build(root)
    (root / "pyproject.toml").write_text("[tool]\n")
    with pytest.raises(ProjectError, match=r"has no table \[tool\.hatch\.build\.hooks\.idlc\]"):
        build(root)


def test_options_that_hatchling_has_for_every_hook_are_not_ours() -> None:
    assert project.packages({**CONFIG, "dependencies": ["x"], "require-runtime-dependencies": True})
