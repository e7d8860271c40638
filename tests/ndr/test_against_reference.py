"""Generated codecs write what the reference writes: random values of every golden case, in all syntaxes."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.fuzz.rounds import ROUNDS
from tests.ndr.comparison import SYNTAXES, Exchange
from tests.roundtrip.test_roundtrip import compiled, operations

SEEDS = range(6 * ROUNDS)


@pytest.mark.parametrize(("path", "name"), list(operations()))
def test_generated_codecs_write_what_the_reference_writes(path: Path, name: str) -> None:
    case = compiled(path)
    for seed in SEEDS:
        exchange = Exchange.random(case, name, random.Random(f"{path.stem} {name} {seed}"))
        for transfer, order in SYNTAXES:
            exchange.compare(transfer, order)
