"""What is written is read again: requests and responses of every golden case and of the vectors' IDL.

In NDR 2.0 of both byte orders and in NDR64, with random values that agree with each other.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from idlc.semantics import types as t
from idlc.wire.plan import callbacks, remote_interfaces, remote_operations
from tests.compiled import Compiled, compile_cached, dialect_of
from tests.fuzz.rounds import ROUNDS
from tests.roundtrip.random_values import Values
from tests.vectors.files import read_vectors
from tests.vectors.marshalling import Stub, joined
from tests.vectors.values import is_pipe

TESTS = Path(__file__).parents[1]
SEEDS = range(3 * ROUNDS)
SYNTAXES = [("ndr20", "<"), ("ndr20", ">"), ("ndr64", "<")]


def cases() -> Iterator[tuple[str, Compiled]]:
    """Every golden file that imports no other, and every distinct IDL text of the vectors."""
    for path in sorted(TESTS.glob("golden/*/*.idl")):
        if len(list(path.parent.glob("*.idl"))) == 1:
            acf = path.with_suffix(".acf")
            more = acf.read_text(encoding="utf-8") if acf.exists() else None
            yield path.stem, compile_cached(path.read_text(encoding="utf-8"), path.stem, more, dialect_of(path))
    stubs = [v for v in read_vectors(TESTS / "vectors" / "data") if v.get("kind") is None]
    for number, text in enumerate(dict.fromkeys(v["idl"] for v in stubs)):
        yield f"vectors{number}", compile_cached(text)


def operations() -> list[Any]:
    return [
        pytest.param(case, f"{interface.name}.{operation.name}", id=f"{name}.{interface.name}.{operation.name}")
        for name, case in cases()
        for interface in remote_interfaces(case.bound)
        for operation in (*remote_operations(interface), *callbacks(interface))
    ]


@pytest.mark.parametrize(("transfer", "order"), SYNTAXES)
@pytest.mark.parametrize(("case", "name"), operations())
def test_values_survive_the_way_there_and_back(case: Compiled, name: str, transfer: str, order: str) -> None:
    stub = Stub(case, name, transfer, order)
    for seed in SEEDS:
        values = Values(case.bound.declared, case.find_class, random.Random(f"{name} {seed}"))
        every = [p.type for p in stub.parameters.values()]
        sent = values.siblings({p.name: p.type for p in stub.parameters.values() if p.is_in}, users=every)
        inputs, blocks = split(stub, sent)
        read, pipes = stub.get_request(stub.put_request(inputs, blocks))
        assert read == inputs
        assert joined(pipes) == joined(blocks)

        # An [in, out] parameter changes, what it sizes with it; [in] ones stay as they were.
        stays = {name: value for name, value in sent.items() if not stub.parameters[name].is_out}
        back = {p.name: p.type for p in stub.parameters.values() if p.is_out}
        if not isinstance(stub.operation.result, t.Void):
            back["return"] = stub.operation.result
        answer = values.siblings(back, given=stays)
        outputs, blocks = split(stub, answer)
        several = len(outputs) > 1
        result = case.result_class(stub.declared, stub.operation)(*outputs) if several else next(iter(outputs), None)
        got, pipes = stub.get_response(stub.put_response(result, blocks, inputs), inputs)
        assert got == result
        assert joined(pipes) == joined(blocks)


def split(stub: Stub, values: dict[str, Any]) -> tuple[tuple[Any, ...], list[Any]]:
    """Values and pipe blocks apart."""
    pipes = {name for name, p in stub.parameters.items() if is_pipe(p.type)}
    return (
        tuple(value for name, value in values.items() if name not in pipes),
        [value for name, value in values.items() if name in pipes],
    )
