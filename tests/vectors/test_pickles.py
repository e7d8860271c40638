"""Types by themselves that other implementations wrote, headers included: the vectors of kind `pickle`."""

from __future__ import annotations

from typing import Any

import pytest

from idlc.semantics import types as t
from tests.compiled import compile_cached
from tests.vectors.files import parametrize
from tests.vectors.marshalling import renumbered


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    parametrize(metafunc, "pickle")


def test_a_type_is_encoded_and_decoded_as_another_implementation_does(vector: dict[str, Any]) -> None:
    compiled, name = compile_cached(vector["idl"]), vector["type"]
    order = "<" if vector["byte_order"] == "little" else ">"
    octets = bytes.fromhex(vector["hex"])
    value = compiled.converter().convert(t.StructUse(name), vector["values"])
    made = getattr(compiled.module, f"encode_{name}")(value, order)
    assert same(made, vector, order) == same(octets, vector, order)
    read = getattr(compiled.module, f"decode_{name}")(octets)
    assert read == value
    again = getattr(compiled.module, f"encode_{name}")(read, order)
    assert same(again, vector, order) == same(octets, vector, order)


def same(octets: bytes, vector: dict[str, Any], order: str) -> str:
    return renumbered(octets, vector["referent_offsets"], 4, order).hex(" ", 4)
