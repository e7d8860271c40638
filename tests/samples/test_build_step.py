"""samples/build_step is built by Make and by hatchling, as its README says."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MADE = set("__init__.py py.typed sensor.py units.py _sensor_codec.py _sensor_ndr64.py _sensor_pickles.py".split())


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The sample somewhere else, as it is committed."""
    made = shutil.ignore_patterns("stubs", "build", "dist", "__pycache__")
    return Path(shutil.copytree(ROOT / "samples" / "build_step", tmp_path / "build_step", ignore=made))


@pytest.fixture
def surroundings(tmp_path: Path) -> dict[str, str]:
    """Where idlc counts as installed: hatchling finds hooks by what distributions say of themselves."""
    table = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]["hatch"]
    information = tmp_path / "installed" / "idlc-0.dist-info"
    information.mkdir(parents=True)
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: idlc\nVersion: 0\n")
    points = "".join(f"{name} = {module}\n" for name, module in table.items())
    (information / "entry_points.txt").write_text(f"[hatch]\n{points}")
    path = os.pathsep.join(map(str, (ROOT, ROOT / "runtime", information.parent)))
    return {**os.environ, "PYTHONPATH": path, "IDLC": f"{sys.executable} -m idlc", "PYTHON": sys.executable}


def run(project: Path, surroundings: dict[str, str], *command: str) -> str:
    done = subprocess.run(command, cwd=project, env=surroundings, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def build(project: Path, surroundings: dict[str, str], what: str, config: str = "") -> Path:
    """What pip asks the backend for; the distribution that it made."""
    code = f"from hatchling.build import {what}; print({what}('dist'))"
    return project / "dist" / run(project, surroundings, sys.executable, "-c", code).splitlines()[-1]


def stubs(project: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in (project / "src/sensors/stubs").iterdir() if path.is_file()}


@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")
def test_make_compiles_what_has_changed_and_nothing_else(project: Path, surroundings: dict[str, str]) -> None:
    assert "inlet has 293.15 kelvin" in run(project, surroundings, "make", "run")
    first = stubs(project)
    assert set(first) == MADE
    assert "Nothing to be done" in run(project, surroundings, "make")

    later = (project / "build" / "stubs.stamp").stat().st_mtime + 10
    units = project / "idl" / "units.idl"
    os.utime(units, (later, later))
    # Make sees a new date and asks; idlc sees the same content and leaves everything as it is.
    assert "idlc compile" in run(project, surroundings, "make")
    assert stubs(project) == first

    os.utime(units)
    os.utime(project / "build" / "stubs.stamp")
    assert "Nothing to be done" in run(project, surroundings, "make")

    units.write_text(units.read_text().replace("LUX", "LUX,\n    VOLT"))
    os.utime(units, (later + 10, later + 10))
    run(project, surroundings, "make")
    assert {name for name, date in stubs(project).items() if date != first[name]} == {"units.py"}


def test_hatchling_puts_stubs_into_wheels_and_source_distributions(
    project: Path, surroundings: dict[str, str], tmp_path: Path
) -> None:
    inside = {f"sensors/stubs/{name}" for name in MADE}
    with zipfile.ZipFile(build(project, surroundings, "build_wheel")) as wheel:
        assert inside == {name for name in wheel.namelist() if name.startswith("sensors/stubs/")}
        wheel.extractall(tmp_path / "site")
    alone = {**surroundings, "PYTHONPATH": f"{tmp_path / 'site'}{os.pathsep}{ROOT / 'runtime'}"}
    assert "inlet" in run(tmp_path, alone, sys.executable, "-m", "sensors")
    with tarfile.open(build(project, surroundings, "build_sdist")) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {f"src/{name}" for name in inside} <= names
    assert {"idl/sensor.idl", "idl/units.idl", "idl/sensor.acf"} <= names


def test_an_editable_installation_imports_stubs_from_the_source_tree(
    project: Path, surroundings: dict[str, str], tmp_path: Path
) -> None:
    site = tmp_path / "site"
    with zipfile.ZipFile(build(project, surroundings, "build_editable")) as wheel:
        wheel.extractall(site)
    assert set(stubs(project)) == MADE
    code = f"import site; site.addsitedir({str(site)!r}); import sensors.__main__ as m; m.main(); print(m.__file__)"
    told = run(tmp_path, surroundings, sys.executable, "-c", code)
    assert "inlet" in told
    assert str(project / "src" / "sensors") in told


def test_mistakes_end_the_build_with_the_diagnostics(project: Path, surroundings: dict[str, str]) -> None:
    idl = project / "idl" / "sensor.idl"
    idl.write_text(idl.read_text().replace("hyper stamp", "hyperr stamp"))
    with pytest.raises(AssertionError, match=r"sensor\.idl:7:\d+: error\[\w+\]"):
        build(project, surroundings, "build_wheel")
    assert not (project / "src" / "sensors" / "stubs").exists()


def test_its_tests_see_the_idl_as_it_is(project: Path, surroundings: dict[str, str]) -> None:
    test = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider")
    assert "1 passed" in run(project, surroundings, *test)
    units = project / "idl" / "units.idl"
    units.write_text(units.read_text().replace("LUX", "LUX,\n    VOLT"))
    assert "1 passed" in run(project, surroundings, *test)
    assert "VOLT" in (project / "src" / "sensors" / "stubs" / "units.py").read_text()
