"""Generated codecs write what the reference writes: random values of every golden case and of the vectors' IDL."""

from __future__ import annotations

import random

import pytest

from tests.compiled import Compiled
from tests.fuzz.rounds import ROUNDS
from tests.ndr.comparison import SYNTAXES, Exchange
from tests.roundtrip.test_roundtrip import operations

SEEDS = range(2 * ROUNDS)


@pytest.mark.parametrize(("case", "name"), operations())
def test_generated_codecs_write_what_the_reference_writes(case: Compiled, name: str) -> None:
    for seed in SEEDS:
        exchange = Exchange.random(case, name, random.Random(f"{name} {seed}"))
        for transfer, order in SYNTAXES:
            exchange.compare(transfer, order)
