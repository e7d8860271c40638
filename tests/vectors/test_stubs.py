"""Stub data that other implementations wrote: we write the same octets and read the same values.

`--vectors DIR` runs the vectors of another folder of the same format (README.md beside this file).
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.compiled import compile_cached
from tests.vectors.files import STUB, parametrize
from tests.vectors.marshalling import Stub, joined, renumbered


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    parametrize(metafunc, STUB)


def stub_of(vector: dict[str, Any]) -> Stub:
    assert vector.get("kind") is STUB, f"vectors of kind {vector['kind']!r} are unknown"
    order = "<" if vector["byte_order"] == "little" else ">"
    return Stub(compile_cached(vector["idl"]), vector["procedure"], vector["transfer_syntax"], order)


def in_values(stub: Stub, vector: dict[str, Any]) -> tuple[Any, ...]:
    """The [in] values that a response's sizes may depend on; left out in vectors where none does."""
    if "in_values" not in vector:
        return (None,) * stub.input_count
    return stub.request(vector["in_values"])[0]


def test_a_stub_is_written_and_read_as_another_implementation_does(vector: dict[str, Any]) -> None:
    stub = stub_of(vector)
    octets = bytes.fromhex(vector["hex"])
    if vector["direction"] == "in":
        values, blocks = stub.request(vector["values"])
        assert_same(stub, vector, stub.put_request(values, blocks))
        read, pipes = stub.get_request(octets)
        again = stub.put_request(read, blocks)  # chunk borders are as they were
    else:
        inputs = in_values(stub, vector)
        values, blocks = stub.response(vector["values"])
        assert_same(stub, vector, stub.put_response(values, blocks, inputs))
        read, pipes = stub.get_response(octets, inputs)
        again = stub.put_response(read, blocks, inputs)
    assert read == values
    assert joined(pipes) == joined(blocks)
    # Aliases and cycles, which a comparison of values does not see, show when what was read is written again.
    assert_same(stub, vector, again)


def assert_same(stub: Stub, vector: dict[str, Any], made: bytes) -> None:
    expected = bytes.fromhex(vector["hex"])
    assert len(made) == len(expected), (made.hex(), expected.hex())
    width = 8 if stub.wide else 4
    offsets = vector["referent_offsets"]
    ours = renumbered(made, offsets, width, stub.order)
    theirs = renumbered(expected, offsets, width, stub.order)
    assert ours.hex(" ", 4) == theirs.hex(" ", 4)
