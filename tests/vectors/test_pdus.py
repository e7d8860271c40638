"""The PDUs among the vectors of `--vectors DIR`."""

from __future__ import annotations

from typing import Any

import pytest

from idlrt import pdu
from tests.pdu.test_pdu_vectors import expected
from tests.vectors.files import parametrize


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    parametrize(metafunc, "pdu")


def test_a_pdu_is_written_and_read_as_another_implementation_does(vector: dict[str, Any]) -> None:
    octets, value = bytes.fromhex(vector["hex"]), expected(vector)
    assert pdu.decode(octets) == value
    assert pdu.encode(value) == octets
