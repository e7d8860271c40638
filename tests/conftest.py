"""Options that are known however pytest is started."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.vectors.files import folder_of_vectors


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--bless", action="store_true", help="write what golden tests would compare with")
    parser.addoption(
        "--vectors",
        type=folder_of_vectors,
        default=Path(__file__).parent / "vectors" / "data",
        metavar="DIR",
        help="folder of JSON vectors that tests/vectors runs",
    )
