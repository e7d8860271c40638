"""Any value of any type survives every syntax; any octets give a value or an NdrError, in time linear in their number.

Values and octets are drawn by hypothesis, the same ones each time. IDLC_FUZZ_ROUNDS=50 draws fifty times as many.
"""

from __future__ import annotations

import gc
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from idlc.wire.plan import callbacks, remote_interfaces, remote_operations
from idlrt import ndr
from idlrt.errors import NdrError
from tests.compiled import Compiled, compile_cached, dialect_of
from tests.fuzz.ndr.targets import Target, targets
from tests.fuzz.rounds import ROUNDS
from tests.ndr.comparison import SYNTAXES, Exchange, NoValues
from tests.ndr.random_idl import random_idl
from tests.ndr.test_limits import codec, worst

GOLDEN = Path(__file__).parents[1] / "golden"
TARGETS = targets(range(8), files=False)


def some(examples: int) -> settings:
    return settings(
        max_examples=examples * ROUNDS,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )


# ---------------------------------------------------------------------------- values


@dataclass(frozen=True)
class Operation:
    compiled: Compiled
    name: str

    def __repr__(self) -> str:  # what a counterexample shows
        return self.name


def operations(compiled: Compiled) -> Iterator[Operation]:
    for interface in remote_interfaces(compiled.bound):
        for operation in (*remote_operations(interface), *callbacks(interface)):
            yield Operation(compiled, f"{interface.name}.{operation.name}")


@cache
def golden_operations() -> list[Operation]:
    found: list[Operation] = []
    for path in sorted(GOLDEN.glob("*/*.idl")):
        if len(list(path.parent.glob("*.idl"))) == 1:
            acf = path.with_suffix(".acf")
            more = acf.read_text(encoding="utf-8") if acf.exists() else None
            text = path.read_text(encoding="utf-8")
            found += operations(compile_cached(text, path.stem, more, dialect_of(path)))
    return found


@cache
def random_operations(seed: int) -> list[Operation]:
    return list(operations(compile_cached.__wrapped__(random_idl(seed), "random")))


def survives(operation: Operation, chance: random.Random, syntax: tuple[str, str]) -> None:
    try:
        exchange = Exchange.random(operation.compiled, operation.name, chance)
    except NoValues:
        assume(False)
    exchange.compare(*syntax)


chances = st.randoms(use_true_random=False)
syntaxes = st.sampled_from(SYNTAXES)


@some(100)
@given(chance=chances, syntax=syntaxes, data=st.data())
def test_any_value_of_a_golden_type_survives(chance: random.Random, syntax: tuple[str, str], data: Any) -> None:
    survives(data.draw(st.sampled_from(golden_operations())), chance, syntax)


@some(100)
@given(seed=st.integers(0, 11), chance=chances, syntax=syntaxes, data=st.data())
def test_any_value_of_a_random_type_survives(
    seed: int, chance: random.Random, syntax: tuple[str, str], data: Any
) -> None:
    survives(data.draw(st.sampled_from(random_operations(seed))), chance, syntax)


# ---------------------------------------------------------------------------- octets


def value_or_error(target: Target, data: bytes) -> None:
    try:
        target.read(memoryview(data))
    except ndr.CODEC_ERRORS as error:
        found = ndr.explain(error, target.name, data)
        assert isinstance(found, NdrError)
        assert found.path
        assert found.offset is None or 0 <= found.offset <= len(data)


@some(1000)
@given(target=st.sampled_from(TARGETS), data=st.binary(max_size=200))
def test_any_octets_give_a_value_or_an_ndr_error(target: Target, data: bytes) -> None:
    value_or_error(target, data)


@some(1000)
@given(
    target=st.sampled_from(TARGETS),
    which=st.integers(0, 3),
    cut=st.floats(0, 1),
    changes=st.lists(st.tuples(st.floats(0, 1), st.binary(min_size=1, max_size=8)), max_size=4),
    more=st.binary(max_size=20),
)
def test_octets_that_were_valid_once_do_too(
    target: Target, which: int, cut: float, changes: list[tuple[float, bytes]], more: bytes
) -> None:
    data = bytearray(target.valid[which % len(target.valid)])
    for place, octets in changes:
        at = int(place * len(data))
        data[at : at + len(octets)] = octets
    value_or_error(target, bytes(data[: int(cut * len(data)) + 1]) + more)


# ---------------------------------------------------------------------------- time

TIMES = 8
SLACK = 2.5
"""How much slower an octet may be where there are eight times as many: caches of the processor, and other programs."""


def seconds(name: str, data: bytes) -> float:
    """The least time that reading takes, or refusing."""
    read = codec(name).get_request
    best = 1e9
    for _ in range(4):
        began = time.process_time()
        try:
            read(data)
        except ndr.CODEC_ERRORS as error:
            ndr.explain(error, name, data)
        best = min(best, time.process_time() - began)
    return best


@pytest.mark.parametrize("cut", [0, 1], ids=["whole", "cut short"])
@pytest.mark.parametrize("case", worst(1000))
def test_time_is_linear_in_the_octets(case: str, cut: int) -> None:
    size = 40_000
    name, few = worst(size)[case]
    _, many = worst(size * TIMES)[case]
    gc.disable()  # what it does depends on what other tests have left
    try:
        one, all_ = seconds(name, few[: len(few) - cut]), seconds(name, many[: len(many) - cut])
    finally:
        gc.enable()
    assert all_ <= SLACK * TIMES * one + 0.005
