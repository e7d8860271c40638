"""The bench says what it needs where that is not installed, and goes on without rivals that are absent."""

from __future__ import annotations

import json
import sys
from math import nan

import pytest

from tests.bench import __main__ as bench
from tests.bench.pipes.sides import Pair, Side
from tests.bench.timing import Figure


def test_without_its_extra_the_bench_ends_with_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "impacket", None)
    monkeypatch.setattr(sys, "argv", ["bench"])
    with pytest.raises(SystemExit) as exit_:
        bench.main()
    assert exit_.value.code == "needs the bench extra: run make bench"  # printed to stderr, with status 1


def test_a_rival_that_is_absent_is_told_as_such() -> None:
    figure = Figure("pipes", 3.0, nan, "MiB/s", "nobody", higher_is_better=True, floor=2.0)
    assert bench.line(figure).split() == ["pipes", "3.0", "absent", "MiB/s", "2.00x", "nobody"]
    told = json.loads(bench.as_json(figure))
    assert (told["ours"], told["theirs"], told["ratio"]) == (3.0, None, None)


def test_a_side_that_cannot_be_imported_is_absent() -> None:
    with Pair(Side("nobody", "no_such_side")) as pair:
        assert pair.absent


def test_a_side_measures_what_both_its_processes_do() -> None:
    with Pair(Side("asyncio Protocol", "plain")) as pair:
        sample = pair.measure("pull", 1 << 16)
    assert sample.rate > 10
    assert 0 < sample.cost < 1
