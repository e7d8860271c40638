"""How things are timed: both sides in turn, several rounds, the median of each.

Interleaving is what makes a ratio stand on a shared machine, and so is the clock: it counts the processor time of
this process. The garbage collector runs between the rounds and is off in them, as `timeit` has it. A side that needs
more than a second for one call is timed once.
"""

from __future__ import annotations

import gc
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from time import process_time
from typing import Any

ROUNDS = 5
ROUND_SECONDS = 0.15
SLOW_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the report: what ours and theirs reached, in `unit`."""

    name: str
    ours: float
    theirs: float
    """Not a number where the rival is absent."""
    unit: str
    rival: str
    higher_is_better: bool = False
    floor: float | None = None
    """The ratio that must be reached."""
    aim: float | None = None
    """The ratio that is hoped for."""
    processor: float | None = None
    """How many times less processor time ours takes, where the ratio is one of the wall's clock."""

    @property
    def ratio(self) -> float:
        """How many times better ours is."""
        return self.ours / self.theirs if self.higher_is_better else self.theirs / self.ours


def compare(
    name: str,
    rival: str,
    ours: Callable[[], object],
    theirs: Callable[[], object],
    floor: float | None = None,
    aim: float | None = None,
) -> Figure:
    """Microseconds per call of both."""
    repeats = [_repeats(ours), _repeats(theirs)]
    rounds = ROUNDS if all(repeats) else 1
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        for side, call in enumerate((ours, theirs)):
            n = repeats[side] or 1
            gc.collect()
            gc.disable()
            start = process_time()
            for _ in range(n):
                call()
            times[side].append((process_time() - start) / n)
            gc.enable()
    mine, other = (statistics.median(side) * 1e6 for side in times)
    return Figure(name, mine, other, "us", rival, floor=floor, aim=aim)


def _repeats(call: Callable[[], object]) -> int:
    """How many calls fill a round; 0 for one that takes longer than is worth repeating."""
    n = 1
    while True:
        start = process_time()
        for _ in range(n):
            call()
        seconds = process_time() - start
        if n == 1 and seconds > SLOW_SECONDS:
            return 0
        if seconds > ROUND_SECONDS / 4:
            return max(1, int(n * ROUND_SECONDS / seconds))
        n *= 4


def spelled(statements: list[str], names: dict[str, Any]) -> Callable[[], Any]:
    """A function of these statements, so that no loop of ours is measured with it."""
    body = "\n".join(f"    {statement}" for statement in statements)
    scope = dict(names)
    exec(f"def job():\n{body}", scope)
    job: Callable[[], Any] = scope["job"]
    return job
