"""What a run says of the vectors it was given: how many were skipped, and why."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

_HERE = Path(__file__).parent


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Take out the tests of kinds that the folder has no vector of: nothing was skipped there."""
    empty = [
        item
        for item in items
        if isinstance(item, pytest.Function)
        and item.path.parent == _HERE
        and hasattr(item, "callspec")
        and item.callspec.params.get("vector", item) is None
    ]
    if empty:
        config.hook.pytest_deselected(items=empty)
        items[:] = [item for item in items if item not in empty]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = Counter(
        report.longrepr[2]
        for report in terminalreporter.getreports("skipped")
        if report.nodeid.startswith("tests/vectors/") and isinstance(report.longrepr, tuple)
    )
    for reason, count in sorted(skipped.items()):
        terminalreporter.write_line(f"{count} vectors: {reason.removeprefix('Skipped: ')}")
