"""Any octets give values or NdrError, whatever they claim: stubs of the vectors, cut short, and with bytes changed."""

from __future__ import annotations

import random
import struct
from pathlib import Path
from typing import Any

import pytest

from idlrt import ndr
from idlrt.errors import NdrError
from tests.compiled import compile_cached
from tests.fuzz.rounds import ROUNDS
from tests.vectors.files import read_vectors
from tests.vectors.marshalling import Stub

DATA = Path(__file__).parents[1] / "vectors" / "data"
VECTORS = [
    vector
    for vector in read_vectors(DATA)
    if vector.get("kind") is None and vector["transfer_syntax"] == "ndr20" and vector["direction"] == "in"
]
LIES = [struct.pack("<I", value) for value in (0, 1, 2, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)]


def reads_or_refuses(stub: Stub, data: bytes) -> None:
    try:
        stub.codec.get_request(memoryview(data))
    except NdrError:
        pass
    except ndr.CODEC_ERRORS as error:
        assert isinstance(ndr.explain(error, stub.operation.name, data), NdrError)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: f"{v['file']}/{v['name']}")
def test_hostile_stub_data(vector: dict[str, Any]) -> None:
    order = "<" if vector["byte_order"] == "little" else ">"
    stub = Stub(compile_cached(vector["idl"]), vector["procedure"], "ndr20", order)
    data = bytes.fromhex(vector["hex"])
    chance = random.Random(vector["name"])
    for cut in range(len(data)) if len(data) < 100 else chance.sample(range(len(data)), 50):
        reads_or_refuses(stub, data[:cut])
    for at in range(0, min(len(data), 100) - 3, 4):
        for lie in LIES:
            reads_or_refuses(stub, data[:at] + (lie if order == "<" else lie[::-1]) + data[at + 4 :])
    for _ in range(20 * ROUNDS):
        changed = bytearray(data)
        for _ in range(chance.randrange(1, 4)):
            if changed:
                changed[chance.randrange(len(changed))] = chance.randrange(256)
        reads_or_refuses(stub, bytes(changed))
    for _ in range(20 * ROUNDS):
        reads_or_refuses(stub, chance.randbytes(chance.randrange(64)))
