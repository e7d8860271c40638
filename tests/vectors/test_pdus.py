"""The PDUs among the vectors of `--vectors DIR`."""

from __future__ import annotations

from typing import Any

import pytest

from idlrt import pdu
from tests.pdu.test_pdu_vectors import expected
from tests.vectors.files import read_vectors


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    vectors = [v for v in read_vectors(metafunc.config.getoption("--vectors")) if v.get("kind") == "pdu"]
    metafunc.parametrize("vector", vectors, ids=[f"{v['file']}/{v['name']}" for v in vectors])


def test_a_pdu_is_written_and_read_as_another_implementation_does(vector: dict[str, Any]) -> None:
    octets, value = bytes.fromhex(vector["hex"]), expected(vector)
    assert pdu.decode(octets) == value
    assert pdu.encode(value) == octets
