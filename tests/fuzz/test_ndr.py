"""Any octets give values or NdrError: some ten thousand of `make fuzz`'s inputs, and the watch itself."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest

from tests.fuzz.ndr import trial
from tests.fuzz.ndr.targets import Target, targets
from tests.fuzz.rounds import ROUNDS

TARGETS = targets(range(6), files=False)
PARTS = 4


@pytest.mark.parametrize("part", range(PARTS))
def test_some_inputs(part: int) -> None:
    for batch in range(part, 2 * len(TARGETS) * ROUNDS, PARTS):
        found = trial.attempt(TARGETS, batch)
        assert not found, str(found[0])


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_what_inputs_are_made_of_is_read(target: Target) -> None:
    for data in target.valid:
        target.read(memoryview(data))


def test_a_number_is_an_input() -> None:
    assert list(trial.inputs(TARGETS, 7)[1]) == list(trial.inputs(TARGETS, 7)[1])


def crashes(data: memoryview) -> Any:
    if len(data) % 2:
        raise ZeroDivisionError
    return None


def dawdles(data: memoryview) -> Any:
    end = time.process_time() + 0.02
    while time.process_time() < end:
        pass
    raise MemoryError


def test_what_is_no_ndr_error_is_a_find() -> None:
    broken = replace(TARGETS[0], read=crashes, write=lambda value: b"")
    found = trial.attempt((broken,), 0)
    assert {find.kind.split()[0] for find in found} == {"ZeroDivisionError"}
    assert all(len(find.data) % 2 for find in found)
    assert broken.name in str(found[0])


def test_what_takes_too_long_or_too_much_is_a_find(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "SECONDS", 0.01)
    monkeypatch.setattr(trial, "BATCH", 2)
    found = trial.attempt((replace(TARGETS[0], read=dawdles),), 0)
    assert [find.kind.split()[0] for find in found] == ["MemoryError", "too", "MemoryError", "too"]
