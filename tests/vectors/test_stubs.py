"""Stub data that other implementations wrote: we write the same octets and read the same values.

`--vectors DIR` runs the vectors of another folder of the same format (README.md beside this file).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.compiled import Compiled, compile_cached
from tests.vectors.marshalling import Stub, renumbered

OTHER_KINDS = {"pickle", "auth_pdu", "blob"}


def read_vectors(folder: Path) -> list[dict[str, Any]]:
    found = []
    for path in sorted(folder.glob("*.json")):
        found += [vector | {"file": path.stem} for vector in json.loads(path.read_text(encoding="utf-8"))]
    return found


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    vectors = [v for v in read_vectors(metafunc.config.getoption("--vectors")) if v.get("kind") != "pdu"]
    metafunc.parametrize("vector", vectors, ids=[f"{v['file']}/{v['name']}" for v in vectors])


def stub_of(vector: dict[str, Any]) -> Stub:
    if vector.get("kind") in OTHER_KINDS:
        pytest.skip(f"not part of this version: {vector['kind']}")
    compiled = compile_cached(vector["idl"])
    if vector["transfer_syntax"] == "ndr64" and not speaks_ndr64(compiled):
        pytest.skip("not part of this version: NDR64")
    order = "<" if vector["byte_order"] == "little" else ">"
    return Stub(compiled, vector["procedure"], vector["transfer_syntax"], order)


def speaks_ndr64(compiled: Compiled) -> bool:
    return any(len(interface.transfers) > 1 for interface in compiled.interfaces)


def in_values(stub: Stub, vector: dict[str, Any]) -> tuple[Any, ...]:
    """The [in] values that a response's sizes may depend on; left out in vectors where none does."""
    if "in_values" not in vector:
        return (None,) * stub.input_count
    return stub.request(vector["in_values"])[0]


def test_marshals_to_the_recorded_octets(vector: dict[str, Any]) -> None:
    stub = stub_of(vector)
    if vector["direction"] == "in":
        made = stub.put_request(*stub.request(vector["values"]))
    else:
        made = stub.put_response(*stub.response(vector["values"]), in_values(stub, vector))
    assert_same(stub, vector, made)


def test_unmarshals_to_the_recorded_values(vector: dict[str, Any]) -> None:
    stub = stub_of(vector)
    data = bytes.fromhex(vector["hex"])
    if vector["direction"] == "in":
        expected, expected_pipes = stub.request(vector["values"])
        elements = stub.codec.in_pipes
        values, pipes = stub.get_request(data)
    else:
        expected, expected_pipes = stub.response(vector["values"])
        elements = stub.codec.out_pipes
        values, pipes = stub.get_response(data, in_values(stub, vector))
    assert values == expected
    assert stub.joined(elements, pipes) == stub.joined(elements, expected_pipes)


def test_what_was_read_is_written_again(vector: dict[str, Any]) -> None:
    """Aliases and cycles included, which a comparison of values does not see."""
    stub = stub_of(vector)
    data = bytes.fromhex(vector["hex"])
    if vector["direction"] == "in":
        values, _ = stub.get_request(data)
        made = stub.put_request(values, stub.request(vector["values"])[1])  # chunk borders as they were
    else:
        inputs = in_values(stub, vector)
        values, _ = stub.get_response(data, inputs)
        made = stub.put_response(values, stub.response(vector["values"])[1], inputs)
    assert_same(stub, vector, made)


def assert_same(stub: Stub, vector: dict[str, Any], made: bytes) -> None:
    expected = bytes.fromhex(vector["hex"])
    assert len(made) == len(expected), (made.hex(), expected.hex())
    width = 8 if stub.wide else 4
    offsets = vector["referent_offsets"]
    ours = renumbered(made, offsets, width, stub.order)
    theirs = renumbered(expected, offsets, width, stub.order)
    assert ours.hex(" ", 4) == theirs.hex(" ", 4)
