"""The manifest lists what went in and what came out, in a form that can be committed."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from idlc import cli


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("IDLC_CACHE", "off")
    (tmp_path / "idl").mkdir()
    (tmp_path / "idl" / "a.idl").write_text(
        'import "unknwn.idl", "base.idl";\n'
        "[uuid(b8a3c1de-52f4-4f0d-9a6e-7c1de05f2a10), version(1.0)] interface A { void Go([in] T t); }\n"
    )
    (tmp_path / "idl" / "base.idl").write_text("typedef long T;\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_inputs_outputs_and_options_are_listed(project: Path) -> None:
    assert cli.main(["compile", "idl/a.idl", "-I", "idl", "-D", "X=2", "-o", "out", "--manifest", "out/idl.json"]) == 0
    content = json.loads((project / "out" / "idl.json").read_text())
    assert content["manifest"] == 1
    assert content["options"]["include"] == ["../idl"]
    assert content["options"]["defines"] == {"X": "2"}
    choices = {"environment": "win64", "target": "NT100", "dialect": "midl", "protocol": "all"}
    assert choices.items() <= content["options"].items()
    inputs = {each["path"]: each for each in content["inputs"]}
    assert inputs["../idl/a.idl"]["sha256"] == digest(project / "idl" / "a.idl")
    assert inputs["../idl/a.idl"]["needs"] == ["prelude:unknwn.idl", "../idl/base.idl"]
    outputs = {each["path"]: each for each in content["outputs"]}
    assert {*outputs, "idl.json"} == {path.name for path in (project / "out").iterdir()}
    for name, each in outputs.items():
        assert each["sha256"] == digest(project / "out" / name)
    assert outputs["a.py"]["inputs"][0] == "../idl/a.idl"
    assert outputs["base.py"]["inputs"][0] == "../idl/base.idl"
    assert set(outputs["a.py"]["inputs"]) <= set(inputs)


def test_it_is_the_same_on_every_run_and_from_everywhere(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cli.main(["compile", "idl/a.idl", "-I", "idl", "-o", "out", "--manifest", "idl.json"]) == 0
    first = (project / "idl.json").read_text()
    assert str(project) not in first
    assert cli.main(["compile", "idl/a.idl", "-I", "idl", "-o", "out", "--manifest", "idl.json"]) == 0
    assert (project / "idl.json").read_text() == first
    monkeypatch.chdir(project / "idl")
    assert cli.main(["compile", "a.idl", "-I", ".", "-o", "../out", "--manifest", "../idl.json"]) == 0
    assert (project / "idl.json").read_text() == first


def test_an_init_of_the_user_s_own_is_no_output(project: Path) -> None:
    (project / "out").mkdir()
    (project / "out" / "__init__.py").write_text("MINE = 1\n")
    assert cli.main(["compile", "idl/a.idl", "-o", "out", "--manifest", "idl.json"]) == 0
    content = json.loads((project / "idl.json").read_text())
    assert "out/__init__.py" not in [each["path"] for each in content["outputs"]]
    assert (project / "out" / "__init__.py").read_text() == "MINE = 1\n"
