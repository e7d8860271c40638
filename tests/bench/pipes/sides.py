"""A side of a comparison: a server and its client, each in a process of its own, and how one is measured.

A side's module has `serve(ready)`, which sends its address over `ready` and then serves for ever, and
`drive(address, control)`, which connects and hands its jobs to `work` or `work_async`. A job takes a count of blocks
or calls; what it cannot do right it raises. A module that cannot be imported makes its side absent.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib import import_module
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from time import clock_gettime, perf_counter
from types import TracebackType
from typing import Any, Self

ROUND_SECONDS = 0.2
OUTSTANDING = 32
"""Asynchronous calls at a time."""

_context = multiprocessing.get_context("spawn")


@dataclass(frozen=True, slots=True)
class Sample:
    """What a round came to."""

    rate: float
    """Blocks or calls per second of the wall's clock."""
    cost: float
    """Seconds of processor time per block or call, server and client together."""


@dataclass(frozen=True, slots=True)
class Side:
    """Who is measured, and with which options."""

    name: str
    module: str
    """Beside this one, or anywhere by its whole name."""
    options: tuple[tuple[str, Any], ...] = ()
    pinned: bool = False
    """Server and client share one processor."""


class Pair:
    """The two processes of a side while they run."""

    def __init__(self, side: Side) -> None:
        self.side = side
        self._processes: list[BaseProcess] = []
        self._counts: dict[tuple[str, tuple[int, ...]], int] = {}
        self._control: Connection
        self.absent = not self._start()

    def _start(self) -> bool:
        address = self._spawn(_serve).recv()
        if address is None:
            return False
        self._control = self._spawn(_drive, address)
        return self._control.recv() is not None

    def _spawn(self, function: Callable[..., None], *arguments: object) -> Connection:
        ours, theirs = _context.Pipe()
        process = _context.Process(target=function, args=(self.side, theirs, *arguments), daemon=True)
        process.start()
        theirs.close()
        self._processes.append(process)
        return ours

    def measure(self, job: str, *arguments: int) -> Sample:
        """One round of a job, with so much of it that a round takes its time; the first rounds find out how much."""
        count = self._counts.get((job, arguments), 16)
        while True:
            sample = self._run(job, arguments, count)
            filled = count / sample.rate / ROUND_SECONDS
            if filled > 0.5:
                return sample
            count = self._counts[job, arguments] = int(count * min(4, max(2, 0.9 / filled)))

    def _run(self, job: str, arguments: tuple[int, ...], count: int) -> Sample:
        before = self._processor_time()
        self._control.send((job, arguments, count))
        seconds = self._control.recv()
        spent = self._processor_time() - before
        return Sample(count / seconds, spent / count)

    def _processor_time(self) -> float:
        """Of both processes: each has a clock whose number follows from its own (clock_getcpuclockid(3) of Linux)."""
        return sum(clock_gettime(~process.pid << 3 | 2) for process in self._processes if process.pid is not None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in reversed(self._processes):
            process.kill()
            process.join()


# ---------------------------------------------------------------------------- in the processes


def _load(side: Side) -> Any:
    if side.pinned:
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    return import_module(side.module if "." in side.module else f"tests.bench.pipes.{side.module}")


def _serve(side: Side, ready: Connection) -> None:
    try:
        module = _load(side)
    except ImportError:
        ready.send(None)
    else:
        module.serve(ready, **dict(side.options))


def _drive(side: Side, control: Connection, address: str) -> None:
    try:
        module = _load(side)
    except ImportError:
        control.send(None)
    else:
        module.drive(address, control, **dict(side.options))


def work(control: Connection, jobs: object) -> None:
    """Do what comes over `control`; a job is a method of that name."""
    control.send(True)
    while True:
        job, arguments, count = control.recv()
        method: Callable[..., object] = getattr(jobs, job)
        start = perf_counter()
        method(*arguments, count)
        control.send(perf_counter() - start)


async def work_async(control: Connection, jobs: object) -> None:
    """As `work`, with coroutines. The loop stands still between jobs, when there is nothing for it to do."""
    control.send(True)
    while True:
        job, arguments, count = control.recv()
        method: Callable[..., Awaitable[object]] = getattr(jobs, job)
        start = perf_counter()
        await method(*arguments, count)
        control.send(perf_counter() - start)


def check(got: float, wanted: float) -> None:
    """Raise unless all arrived."""
    if got != wanted:
        raise AssertionError(f"{got} of {wanted} arrived")


def sum_of_samples(count: int, blocks: int) -> int:
    """The fields of all samples added up, cut to a whole number."""
    return int(blocks * (sum(range(count)) + count * 1.5))
