"""Random interfaces compile, write what the reference writes, read it back, and withstand whatever else arrives.

IDLC_FUZZ_ROUNDS=100 tries two thousand of them.
"""

from __future__ import annotations

import random

import pytest

from tests.compiled import Compiled, compile_cached
from tests.fuzz.rounds import ROUNDS
from tests.ndr.comparison import SYNTAXES, Exchange, NoValues
from tests.ndr.hostile import mangle
from tests.ndr.random_idl import random_idl

CALLS = 1
"""How many calls of each operation are tried."""


def operations(compiled: Compiled) -> list[str]:
    return [operation.name for interface in compiled.bound.interfaces for operation in interface.operations]


@pytest.mark.parametrize("seed", range(20 * ROUNDS))
def test_a_random_interface(seed: int) -> None:
    compiled = compile_cached.__wrapped__(random_idl(seed), "random")
    for name in operations(compiled):
        for call in range(CALLS):
            chance = random.Random(f"{seed} {name} {call}")
            try:
                exchange = Exchange.random(compiled, name, chance)
            except NoValues:
                continue
            for transfer, order in SYNTAXES:
                exchange.compare(transfer, order)
                mangle(exchange, transfer, order, chance, tries=3)


def test_the_same_seed_makes_the_same_interface() -> None:
    assert random_idl(7) == random_idl(7) != random_idl(8)
