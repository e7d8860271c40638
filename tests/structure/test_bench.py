"""The bench says what it needs where that is not installed."""

from __future__ import annotations

import sys

import pytest

from tests.bench import __main__ as bench


def test_without_its_extra_the_bench_ends_with_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "impacket", None)
    monkeypatch.setattr(sys, "argv", ["bench"])
    with pytest.raises(SystemExit) as exit_:
        bench.main()
    assert exit_.value.code == "needs the bench extra: run make bench"  # printed to stderr, with status 1
