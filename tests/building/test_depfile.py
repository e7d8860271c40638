"""Dependency files say to Make what depends on what, whatever files are called."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from idlc import cli
from idlc.building.depfile import depfile
from idlc.building.products import Product
from idlc.emit.output import OutputError

INTERFACE = "[uuid(b8a3c1de-52f4-4f0d-9a6e-7c1de05f2a10), version(1.0)] interface {} {{ void Go([in] T t); }}\n"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IDLC_CACHE_DIR", str(tmp_path / ".cache"))
    return tmp_path


def rules(text: str) -> dict[str, set[str]]:
    """What each target depends on; names here have nothing to escape."""
    found: dict[str, set[str]] = {}
    for line in text.replace("\\\n", "").splitlines():
        targets, colon, needed = line.partition(":")
        assert colon or not line
        for target in targets.split():
            found.setdefault(target, set()).update(needed.split())
    return found


def test_every_output_is_a_target_of_all_it_depends_on(here: Path) -> None:
    (here / "idl").mkdir()
    (here / "idl" / "deep.h").write_text("typedef long T;\n")
    (here / "idl" / "base.idl").write_text('#include "deep.h"\n')
    (here / "a.idl").write_text('import "base.idl";\n' + INTERFACE.format("A"))
    (here / "a.acf").write_text("interface A { [async] Go(); }\n")
    (here / "b.idl").write_text("typedef short T;\n" + INTERFACE.format("B"))
    assert cli.main(["compile", "a.idl", "b.idl", "-I", "idl", "-o", "out", "-MD", "-MF", "all.d"]) == 0
    assert cli.main(["compile", "a.idl", "b.idl", "-I", "idl", "-o", "out", "-MD", "-MF", "again.d"]) == 0
    assert (here / "again.d").read_text() == (here / "all.d").read_text()  # also when trees come from the cache
    found = rules((here / "all.d").read_text())
    of_a = {"a.idl", "a.acf", "idl/base.idl", "idl/deep.h"}
    made = {str(path.relative_to(here)) for path in (here / "out").iterdir()}
    assert made == {name for name in found if name.startswith("out/")}
    assert found["out/a.py"] == found["out/_a_codec.py"] == of_a
    assert found["out/b.py"] == {"b.idl"}
    assert found["out/__init__.py"] == {*of_a, "b.idl"}
    assert found["out/base.py"] >= {"idl/base.idl", "idl/deep.h"}
    # What may be deleted has an empty rule; what was named has none, so that Make says that it is missing.
    assert {name for name, needed in found.items() if not needed} == {"a.acf", "idl/base.idl", "idl/deep.h"}


def test_the_default_place_is_beside_the_outputs(here: Path) -> None:
    (here / "a.idl").write_text("typedef long T;\n" + INTERFACE.format("A"))
    assert cli.main(["compile", "a.idl", "-o", "out", "-MD"]) == 0
    assert (here / "out" / "a.d").is_file()
    assert cli.main(["compile", "a.idl", "-o", "out", "-MF", "alone.d"]) == 0
    assert (here / "alone.d").is_file()


def test_the_prelude_counts_unless_it_is_not_to(here: Path) -> None:
    (here / "a.idl").write_text('import "unknwn.idl";\ntypedef long T;\n' + INTERFACE.format("A"))
    assert cli.main(["compile", "a.idl", "-MD"]) == 0
    assert "unknwn.idl" in (here / "a.d").read_text()
    assert cli.main(["compile", "a.idl", "-MMD"]) == 0
    assert "unknwn.idl" not in (here / "a.d").read_text()


def test_a_stamp_can_stand_for_the_outputs(here: Path) -> None:
    (here / "a.idl").write_text("typedef long T;\n" + INTERFACE.format("A"))
    assert cli.main(["compile", "a.idl", "-MF", "a.d", "-MT", "a.stamp"]) == 0
    assert rules((here / "a.d").read_text()) == {"a.stamp": {"a.idl"}}


def test_an_input_is_never_overwritten(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = "typedef long T;\n" + INTERFACE.format("A")
    (here / "a.idl").write_text(text)
    for option in ("-MF", "--manifest"):
        assert cli.main(["compile", "a.idl", option, "./a.idl"]) == 1
        assert 'cannot write "./a.idl": it is one of the inputs' in capsys.readouterr().err
    assert cli.main(["compile", "a.idl", "-MF", "x", "--manifest", "./x"]) == 1
    assert "another output goes there" in capsys.readouterr().err
    assert [path.name for path in here.iterdir() if path.name != ".cache"] == ["a.idl"]
    assert (here / "a.idl").read_text() == text


NAMES = ["a b", "a#b", "a$b", "a:b", "a%b", "a\\b", "a\\ b", "a\\#b", "a\\:b", "a\\%b", "a  b", "~a", "a[b]", "C:\\x"]


@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")
@pytest.mark.parametrize("name", NAMES)
def test_make_understands_odd_names(tmp_path: Path, name: str) -> None:
    for output, needed in ((f"{name}.py", "in.idl"), ("out.py", f"{name}.idl")):
        for file in (output, needed, "main.idl"):
            (tmp_path / file).write_text("")
        (tmp_path / "all.d").write_text(depfile([Product(output, "", ("main.idl", needed))], ["main.idl"]))

        def make(goal: str = output) -> str:
            command = ["make", "-d", "-rR", "-f", "all.d", "--", goal]
            done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=20)
            return done.stdout

        assert f"Considering target file '{needed}'." in make()
        (tmp_path / needed).unlink()
        make()  # what was deleted stops nothing


@pytest.mark.parametrize("name", ["a\nb", "a\tb", "a;b", "a|b", "a\\"])
def test_what_make_cannot_spell_is_refused(name: str) -> None:
    with pytest.raises(OutputError, match="a dependency file cannot name"):
        depfile([Product(name, "", ())], [])
