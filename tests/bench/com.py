"""Calls of objects: begun and finished in one apartment, beside the least that a loop can do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

from idlrt import com
from idlrt.prelude.objidlbase import AsyncIPipeByte, IPipeByte, PullResult
from tests.bench.timing import Figure, compare

BATCH = 100
"""Round trips within one turn of the measure, so that starting and stopping a loop counts for nothing."""


class Empty(com.CallFactory, IPipeByte):
    """Its methods run in the background where a call object begins them."""

    async def Pull(self, cRequest: int) -> PullResult:
        return PullResult(b"", 0)

    async def Push(self, buf: bytes, *, cSent: int | None = None) -> int:
        return 0


def run(wanted: Callable[[str], bool]) -> Iterator[Figure]:
    """Microseconds for 100 round trips."""
    name = "com 100 x Begin_ and Finish_, one apartment"
    if wanted(name):
        with asyncio.Runner() as runner:
            yield _round_trips(name, runner)


def _round_trips(name: str, runner: asyncio.Runner) -> Figure:
    loop = runner.get_loop()
    call = runner.run(com.new_call(Empty(), AsyncIPipeByte))

    async def ours() -> None:
        for _ in range(BATCH):
            await call.Begin_Push(b"")
            await call.Finish_Push()

    async def theirs() -> None:
        for _ in range(BATCH):
            future = loop.create_future()
            loop.call_soon(future.set_result, 0)
            await future

    return compare(
        name, "asyncio.Future", lambda: runner.run(ours()), lambda: runner.run(theirs()), floor=0.25, aim=0.5
    )
