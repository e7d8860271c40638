"""One batch of inputs for one reader, and what may come of them: a value, or an NdrError that names a place."""

from __future__ import annotations

import random
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from idlrt.errors import NdrError
from idlrt.ndr import CODEC_ERRORS, explain
from tests.fuzz.ndr.mutations import mutated
from tests.fuzz.ndr.targets import Target

BATCH: Final = 250
"""Inputs that one reader gets in a row."""
WRITTEN: Final = 16
"""One value of so many is written again."""
SECONDS: Final = 2.0
"""More than this for a single input, which has a few hundred octets, is a find."""


@dataclass(frozen=True, slots=True)
class Find:
    """An input that a reader should have answered otherwise."""

    number: int
    kind: str
    target: str
    data: bytes
    account: str

    def __str__(self) -> str:
        return f"{self.kind}\ninput {self.number}\n{self.target}\n{self.data.hex(' ', 4)}\n\n{self.account}\n"


def inputs(targets: tuple[Target, ...], batch: int) -> tuple[Target, Iterator[bytes]]:
    """The reader of a batch, and the batch's inputs."""
    target = targets[batch % len(targets)]
    chance = random.Random(batch)
    return target, (mutated(target.valid, target.order, chance) for _ in range(BATCH))


def attempt(targets: tuple[Target, ...], batch: int) -> list[Find]:
    """What is found among the inputs of a batch."""
    target, made = inputs(targets, batch)
    read, clock = target.read, time.process_time
    finds = []
    began = clock()
    for number, data in enumerate(made, batch * BATCH):
        try:
            value = read(memoryview(data))
            if not number % WRITTEN:
                _write(target, value)
        except NdrError as error:
            if not number % WRITTEN:
                explain(error, target.name, data)
        except CODEC_ERRORS as error:
            try:
                explain(error, target.name, data)
            except Exception as worse:
                finds.append(_find(number, target, data, worse))
        except Exception as error:
            finds.append(_find(number, target, data, error))
        now = clock()
        if now - began > SECONDS:
            finds.append(Find(number, "too slow", target.name, data, f"{now - began:.1f} s"))
        began = now
    return finds


def _write(target: Target, value: object) -> None:
    try:
        target.write(value)
    except CODEC_ERRORS as error:
        explain(error, target.name)


def _find(number: int, target: Target, data: bytes, error: Exception) -> Find:
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{frames[-1].name}:{frames[-1].lineno}" if frames else "?"
    kind = f"{type(error).__name__} in {place}"
    return Find(number, kind, target.name, data, "".join(traceback.format_exception(error)))
