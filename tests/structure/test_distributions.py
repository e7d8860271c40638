"""What the wheels hold, and that stubs need nothing but idlrt where they run."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.structure.imports import ROOT


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, zipfile.ZipFile]:
    out = tmp_path_factory.mktemp("wheels")
    for project in (ROOT, ROOT / "runtime"):
        subprocess.run(
            [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)],
            cwd=project,
            check=True,
            capture_output=True,
        )
    return {path.name.split("-")[0]: zipfile.ZipFile(path) for path in out.glob("*.whl")}


def shipped(wheel: zipfile.ZipFile) -> set[str]:
    return {name for name in wheel.namelist() if ".dist-info/" not in name}


def in_checkout(package: Path, base: Path) -> set[str]:
    return {
        path.relative_to(base).as_posix()
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_the_compiler_s_wheel_holds_the_package_and_the_templates(wheels: dict[str, zipfile.ZipFile]) -> None:
    templates = {f"idlc/{name}" for name in in_checkout(ROOT / "templates", ROOT)}
    assert shipped(wheels["idlc"]) == in_checkout(ROOT / "idlc", ROOT) | templates


def test_the_runtime_s_wheel_holds_the_package(wheels: dict[str, zipfile.ZipFile]) -> None:
    assert shipped(wheels["idlrt"]) == in_checkout(ROOT / "runtime" / "idlrt", ROOT / "runtime")


def test_both_are_typed_and_licensed(wheels: dict[str, zipfile.ZipFile]) -> None:
    for name, wheel in wheels.items():
        assert f"{name}/py.typed" in wheel.namelist()
        assert any(entry.endswith("licenses/LICENSE") for entry in wheel.namelist())


def test_the_compiler_ships_its_grammars_and_built_in_idl(wheels: dict[str, zipfile.ZipFile]) -> None:
    names = wheels["idlc"].namelist()
    assert {"idlc/syntax/midl.lark", "idlc/syntax/acf.lark"} <= set(names)
    assert any(name.startswith("idlc/language/builtin/") and name.endswith(".idl") for name in names)


def test_an_installed_compiler_s_stubs_run_with_idlrt_alone(wheels: dict[str, zipfile.ZipFile], tmp_path: Path) -> None:
    """The compiler from its wheel, then the stubs with nothing but the runtime's wheel on the path."""
    compiler, runtime, stubs = tmp_path / "compiler", tmp_path / "runtime", tmp_path / "stubs"
    wheels["idlc"].extractall(compiler)
    wheels["idlrt"].extractall(runtime)
    idl = ROOT / "samples" / "hello" / "hello.idl"
    # -I keeps the checkout off the path; the site packages still hold lark and jinja2.
    compile_it = (
        f"import sys; sys.path.insert(0, {str(compiler)!r}); from idlc.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    subprocess.run(
        [sys.executable, "-I", "-c", compile_it, "compile", str(idl), "-o", str(stubs)], check=True, cwd=tmp_path
    )
    # -S leaves the site packages out.
    use_it = (
        f"import sys; sys.path[:0] = [{str(runtime)!r}, {str(tmp_path)!r}]; import stubs.hello as hello; "
        "from idlrt.ids import NDR20; hello.HELLO.codecs(NDR20, '<'); print(hello.HelloClient.interface.name)"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", use_it], check=True, capture_output=True, text=True, cwd=tmp_path
    )
    assert done.stdout == "Hello\n"
