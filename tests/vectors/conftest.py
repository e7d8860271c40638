"""A folder of vectors need not have all kinds."""

from __future__ import annotations

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
