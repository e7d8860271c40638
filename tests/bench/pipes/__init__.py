"""Streams and calls beside other people's, over loopback: every side is a server process and a client process.

What is compared is measured in turn, round after round, and medians are compared: of the wall's clock, which decides,
and of the processor time of both processes. The noise of a shared machine meets all sides alike that way.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from math import nan

from tests.bench.pipes.sides import Pair, Sample, Side
from tests.bench.timing import Figure

ROUNDS = 11
MIB = 1 << 20
LARGE = (("max_fragment", 65528),)

OURS = Side("asyncio", "ours")
OURS_LARGE = Side("asyncio, fragments of 65528", "ours", LARGE)
PLAIN = Side("asyncio Protocol", "plain")
GRPC = Side("grpcio", "grpc_threads")
GRPC_ASYNCIO = Side("grpc.aio", "grpc_asyncio")
BLOCKING = Side("blocking", "ours_blocking", pinned=True)
IMPACKET = Side("impacket", "impacket_client", pinned=True)
GRPC_PINNED = Side("grpcio", "grpc_threads", pinned=True)
SAMBA = Side("Samba", "samba_client", pinned=True)

Job = tuple[Side, str, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the report: a job of ours, a job of theirs, and what the ratio has to be."""

    name: str
    ours: Job
    theirs: Job
    floor: float
    aim: float
    unit: str
    scale: float
    """Of that unit in one block or call."""


def _lines() -> Iterator[Sequence[Line]]:
    """All lines, those together that are measured in the same rounds."""
    for way in ("push", "pull"):
        large, small = (OURS_LARGE, way, (64 << 10,)), (OURS, way, (64 << 10,))
        fast, default = f"pipes {way} 64 KiB, fragments 65528", f"pipes {way} 64 KiB, fragments 5840"
        rivals = [(side, way, (64 << 10,)) for side in (GRPC, GRPC_ASYNCIO)]
        doubles = [(job[0], f"{way}_doubles", (8 << 10,)) for job in (large, small)]
        yield (
            *(Line(fast, large, rival, 2, 3, "MiB/s", 1 / 16) for rival in rivals),
            Line(fast, large, (PLAIN, way, (64 << 10,)), 0.6, 0.85, "MiB/s", 1 / 16),
            *(Line(default, small, rival, 1.5, 2.5, "MiB/s", 1 / 16) for rival in rivals),
            Line(f"pipes {way} double, fragments 65528", doubles[0], large, 0.7, 0.9, "MiB/s", 1 / 16),
            Line(f"pipes {way} double, fragments 5840", doubles[1], small, 0.7, 0.9, "MiB/s", 1 / 16),
        )
        ours = (OURS, way, (4 << 10,))
        name = f"pipes {way} 4 KiB"
        yield [Line(name, ours, (side, way, (4 << 10,)), 6, 12, "MiB/s", 1 / 256) for side in (GRPC, GRPC_ASYNCIO)]
        samples = (f"{way}_samples", (1000,))
        yield [Line(f"pipes {way} struct, by 1000", (OURS, *samples), (GRPC, *samples), 1.5, 3, "k/s", 1)]
    name = "pipes calls, blocking, one processor"
    yield [
        Line(name, (BLOCKING, "calls", ()), (side, "calls", ()), floor, aim, "k/s", 0.001)
        for side, floor, aim in ((IMPACKET, 8, 15), (GRPC_PINNED, 8, 15), (SAMBA, 0.6, 1))
    ]
    name = "pipes calls, asyncio, 32 outstanding"
    yield [Line(name, (OURS, "calls", ()), (GRPC_ASYNCIO, "calls", ()), 4, 7, "k/s", 0.001)]


def run(wanted: Callable[[str], bool]) -> Iterator[Figure]:
    """The figures of all lines whose names are `wanted`."""
    return measured(_lines(), wanted)


def measured(groups: Iterable[Sequence[Line]], wanted: Callable[[str], bool]) -> Iterator[Figure]:
    """The figures of those lines whose names are `wanted`; the lines of a group are measured in the same rounds."""
    with ExitStack() as stack:
        pairs: dict[Side, Pair] = {}
        for group in groups:
            lines = [line for line in group if wanted(line.name)]
            jobs = dict.fromkeys(job for line in lines for job in (line.ours, line.theirs))
            for side, _, _ in jobs:
                if side not in pairs:
                    pairs[side] = stack.enter_context(Pair(side))
            results = _measure(pairs, [job for job in jobs if not pairs[job[0]].absent])
            for line in lines:
                yield _figure(line, results[line.ours], results.get(line.theirs))


def _measure(pairs: dict[Side, Pair], jobs: Sequence[Job]) -> dict[Job, Sample]:
    """The medians of rounds in which all jobs take their turn."""
    rounds: dict[Job, list[Sample]] = {job: [] for job in jobs}
    for _ in range(ROUNDS):
        for side, name, arguments in jobs:
            rounds[side, name, arguments].append(pairs[side].measure(name, *arguments))
    return {
        job: Sample(statistics.median(one.rate for one in found), statistics.median(one.cost for one in found))
        for job, found in rounds.items()
    }


def _figure(line: Line, ours: Sample, theirs: Sample | None) -> Figure:
    return Figure(
        line.name,
        ours.rate * line.scale,
        nan if theirs is None else theirs.rate * line.scale,
        line.unit,
        line.theirs[0].name,
        higher_is_better=True,
        floor=line.floor,
        aim=line.aim,
        processor=None if theirs is None else theirs.cost / ours.cost,
    )
