"""Any text is answered: a few hundred of `make fuzz`'s inputs, everything that it ever found, and the watch itself.

A file of `finds` is an input that once crashed, hung or swelled the compiler; an ACF file beside it belongs to it.
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest

import idlc
from idlc.diagnostics.policy import Policy
from idlc.settings import Dialect, Settings
from tests.fuzz.front import pool, trial
from tests.fuzz.front.trial import Find, Input
from tests.fuzz.rounds import ROUNDS

FINDS = sorted((Path(__file__).parent / "finds").glob("*.idl"))
OPTIONS = {
    "usual": Settings(),
    "server only": Settings(client=False),
    "client only": Settings(server=False),
    "strict": Settings(policy=Policy(strict=True, level=4), dialect=Dialect.DCE),
    "Samba's": Settings(dialect=Dialect.PIDL),
}
CHUNKS = 8


@pytest.fixture(scope="module", autouse=True)
def warm() -> None:
    idlc.compile_text('import "oaidl.idl"; [uuid(12345678-1234-1234-1234-123456789abc)] interface i { void f(void); }')


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_some_inputs(chunk: int) -> None:
    for number in range(chunk, 400 * ROUNDS, CHUNKS):
        found = trial.attempt(trial.numbered(number))
        assert found is None, f"input {number}: {found.kind}\n{found.account}"


@pytest.mark.parametrize("settings", OPTIONS)
@pytest.mark.parametrize("path", FINDS, ids=lambda path: path.stem)
def test_what_was_found_once(path: Path, settings: str) -> None:
    acf = path.with_suffix(".acf")
    configuration = acf.read_bytes().decode("utf-8", "surrogatepass") if acf.exists() else None
    text = path.read_bytes().decode("utf-8", "surrogatepass")
    found = trial.attempt(Input(text, configuration, OPTIONS[settings]))
    assert found is None, f"{found.kind}\n{found.account}"


def test_a_number_is_an_input() -> None:
    assert [trial.numbered(number) for number in range(20)] == [trial.numbered(number) for number in range(20)]


def crashes(text: str, **_: object) -> None:
    if "boom" in text:
        raise RecursionError
    raise AssertionError


def dawdles(text: str, **_: object) -> None:
    end = time.process_time() + 5
    while time.process_time() < end:
        pass


def test_a_crash_is_a_find_and_is_made_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idlc, "compile_text", crashes)
    given = Input("interface a\n{\n    long boom(void);\n}\n", acf="interface a {}")
    found = trial.attempt(given)
    assert found is not None
    assert found.kind.startswith("RecursionError")
    small = trial.smaller(given, found.kind)
    assert (small.idl, small.acf) == ("boom", None)


def test_what_takes_too_long_is_a_find(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idlc, "compile_text", dawdles)
    found = trial.attempt(Input(""), seconds=0.1)
    assert found is not None
    assert found.kind.startswith("too slow")


def test_a_worker_that_dies_is_a_find_and_the_rest_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    def attempt(given: Input) -> Find | None:
        if given.idl == "7":
            import os

            os._exit(3)
        return Find("odd", "") if given.idl == "11" else None

    monkeypatch.setattr(trial, "warm", lambda: None)
    monkeypatch.setattr(trial, "numbered", lambda number: Input(str(number)))
    monkeypatch.setattr(trial, "attempt", attempt)
    found: dict[int, str] = {}
    done: list[int] = []
    pool.run(range(250), 2, lambda number, find: found.update({number: find.kind}), done.append)
    assert found == {7: "died", 11: "odd"}
    assert done[-1] == 250
