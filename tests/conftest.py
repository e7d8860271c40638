"""Options that are known however pytest is started."""

from __future__ import annotations

from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--bless", action="store_true", help="write what golden tests would compare with")
    parser.addoption(
        "--vectors",
        type=Path,
        default=Path(__file__).parent / "vectors" / "data",
        metavar="DIR",
        help="folder of JSON vectors that tests/vectors runs",
    )
