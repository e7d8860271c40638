"""The reference marshaller writes what other implementations wrote: every recorded stub, in all syntaxes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.compiled import compile_cached
from tests.ndr.comparison import by_name, inputs_of, outputs_of
from tests.ndr.reference import Reference
from tests.vectors.files import read_vectors
from tests.vectors.marshalling import Stub, renumbered

DATA = Path(__file__).parents[1] / "vectors" / "data"
VECTORS = [vector for vector in read_vectors(DATA) if vector.get("kind") is None]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: f"{v['file']}/{v['name']}")
def test_the_reference_writes_what_others_wrote(vector: dict[str, Any]) -> None:
    order = "<" if vector["byte_order"] == "little" else ">"
    stub = Stub(compile_cached(vector["idl"]), vector["procedure"], vector["transfer_syntax"], order)
    expected = bytes.fromhex(vector["hex"])
    reference = Reference(stub.compiled.bound.declared, vector["transfer_syntax"], order)
    # Pipes are written by the harness: before what a response holds otherwise, behind it in a request.
    pipes = bytearray()
    if vector["direction"] == "in":
        inputs, blocks = stub.request(vector["values"])
        made = reference.request(stub.operation, dict(zip(inputs_of(stub), inputs, strict=True)))
        octets, at = bytearray(made.octets), 0
        stub._put_pipes(octets, stub.codec.in_pipes, blocks)
    else:
        sent = {}
        if "in_values" in vector:
            sent = dict(zip(inputs_of(stub), stub.request(vector["in_values"])[0], strict=True))
        result, blocks = stub.response(vector["values"])
        stub._put_pipes(pipes, stub.codec.out_pipes, blocks)
        at = len(pipes)
        made = reference.response(stub.operation, sent, by_name(outputs_of(stub), result), at % 8)
        octets = pipes + made.octets
    offsets = [at + offset for offset in made.referents]
    assert sorted(offsets) == sorted(vector["referent_offsets"])
    width = 8 if stub.wide else 4
    ours = renumbered(bytes(octets), offsets, width, order)
    theirs = renumbered(expected, offsets, width, order)
    assert ours.hex(" ", 4) == theirs.hex(" ", 4)
