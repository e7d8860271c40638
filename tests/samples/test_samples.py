"""The samples run as their READMEs say, at a size that takes no time."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *arguments], cwd=ROOT, check=check, capture_output=True, text=True, timeout=120
    )


def test_the_file_transfer_demo_moves_a_file_both_ways_and_stays_small() -> None:
    done = run("samples.file_transfer.demo", "--size", "24", "--no-progress", check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "the same on both ends" in done.stdout
    assert "after a client left without closing" in done.stdout


def test_the_story_of_asynchronous_calls_of_objects_is_told_whole() -> None:
    done = run("samples.async_call.demo", check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    for words in (
        "pages printed meanwhile: Absalom, Bleak House, Candide, Dubliners",
        "a query of an hour ends with RPC_E_CALL_CANCELED; the journal says: a query was cancelled",
        "a call is forgotten, and the journal says: a query was cancelled; somebody was here",
        "three queries at once",
        "a third was too slow",
    ):
        assert done.stdout.count(words) == 2, done.stdout  # once for each kind of server
    assert "the octets are the same" in done.stdout


def test_rows_go_through_pipe_interfaces_both_ways() -> None:
    done = run("samples.recordset.demo", check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "200000 rows of 200000" in done.stdout
    assert "12288 rows more, 12288.00 more together" in done.stdout


@pytest.fixture
def hello_server() -> Iterator[None]:
    run("idlc", "compile", "samples/hello/hello.idl", "-o", "samples/hello/stubs")
    with subprocess.Popen([sys.executable, "-m", "samples.hello.server"], cwd=ROOT) as process:
        yield
        process.terminate()


@pytest.mark.usefixtures("hello_server")
def test_hello_greets() -> None:
    answers = (run("samples.hello.client", "Ada", check=False) for _ in range(40))
    assert next((done.stdout for done in answers if done.returncode == 0), None) == "Hello, Ada!\n"
