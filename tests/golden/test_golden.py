"""What the compiler makes of each folder's IDL is what stands beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

import idlc
from idlc.settings import Settings
from tests.compiled import dialect_of

HERE = Path(__file__).parent
CASES = sorted({path.parent.name for path in HERE.glob("*/*.idl")})
STAGES = ("bound", "wire", "codec")


def made_of(case: Path, out: Path) -> dict[str, str]:
    """File name to text, for everything that the case's IDL becomes."""
    sources = sorted(case.glob("*.idl"))
    settings = Settings(include=(str(case),), dialect=dialect_of(case))
    result = idlc.compile_files([str(path) for path in sources], out=str(out), settings=settings)
    result.raise_for_errors()
    made = texts(out)
    for source in sources:
        for stage in STAGES:
            made[f"{source.stem}.{stage}.txt"] = idlc.dump(str(source), stage=stage, settings=settings)
    return made


def texts(folder: Path) -> dict[str, str]:
    """Everything in a folder that is not source of a case."""
    return {
        path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8")
        for path in folder.rglob("*")
        if path.is_file() and path.suffix not in (".idl", ".acf") and "__pycache__" not in path.parts
    }


@pytest.mark.parametrize("case", CASES)
def test_the_case_becomes_what_stands_beside_it(case: str, tmp_path: Path, pytestconfig: pytest.Config) -> None:
    folder = HERE / case
    made = made_of(folder, tmp_path)
    if pytestconfig.getoption("--bless"):
        for name in texts(folder).keys() - made.keys():
            (folder / name).unlink()
        for name, text in made.items():
            (folder / name).write_text(text, encoding="utf-8")
    assert made == texts(folder)


@pytest.mark.parametrize("case", CASES)
def test_a_second_run_makes_the_same(case: str, tmp_path: Path) -> None:
    assert made_of(HERE / case, tmp_path / "once") == made_of(HERE / case, tmp_path / "twice")
