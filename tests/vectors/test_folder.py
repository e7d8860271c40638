"""What `--vectors DIR` makes of a folder: nothing to run is a mistake, and only what is skipped counts as skipped."""

from __future__ import annotations

import subprocess
import sys
from argparse import ArgumentTypeError
from pathlib import Path

import pytest

from tests.vectors.files import folder_of_vectors

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


def test_a_folder_without_vectors_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "other.json").write_text('{"name": "a package"}')
    for folder in (tmp_path, tmp_path / "nosuch"):
        with pytest.raises(ArgumentTypeError, match=f"no vectors in {folder}"):
            folder_of_vectors(str(folder))


def test_a_file_that_is_no_json_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "half.json").write_text("[{")
    with pytest.raises(ArgumentTypeError, match="cannot be read"):
        folder_of_vectors(str(tmp_path))


def test_a_folder_of_some_kinds_runs_those_and_skips_none(tmp_path: Path) -> None:
    for name in ("pdus.json", "dcom_activation.json"):
        (tmp_path / name).write_bytes((HERE / "data" / name).read_bytes())
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/vectors", "--vectors"]
    ignored = f"--ignore={HERE / 'test_folder.py'}"
    done = subprocess.run([*command, str(tmp_path), ignored], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "41 passed" in done.stdout
    assert "skipped" not in done.stdout
