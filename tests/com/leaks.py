"""Call objects and proxies that are made and abandoned in all states: nothing of them is left.

    python -m tests.com.leaks 100000
"""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from typing import Any

from idlrt import com
from idlrt.com.async_calls import CallObject
from idlrt.com.outgoing import enabled, pending
from idlrt.com.proxy import Proxy, Remote
from tests.com.stage import AsyncICalc, Calc, ICalc


class Quick(com.CallFactory, ICalc):
    """Runs its own methods in the background."""

    Add, Touch, Sort, Pass = Calc.Add, Calc.Touch, Calc.Sort, Calc.Pass


def left() -> dict[str, int]:
    """What could be left behind, counted."""
    gc.collect()
    objects = gc.get_objects()
    return {
        "call objects": sum(isinstance(each, CallObject) for each in objects),
        "proxies": sum(isinstance(each, Proxy | Remote) for each in objects),
        "tasks": len(asyncio.all_tasks()),
        "tasks of apartments": sum(len(each._tasks) for each in objects if isinstance(each, com.Apartment)),
        "descriptors": len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0,
        "calls under way": len(pending) + len(enabled),
    }


async def abandon(target: Any, number: int) -> None:
    """Make a call object of a pointer, and leave it in one of its states."""
    call = await com.new_call(target, AsyncICalc)
    match number % 7:
        case 1:
            await call.Begin_Add(1, 2)
        case 2:
            await call.Begin_Add(1, 2)
            call.Release()
        case 3:
            await call.Begin_Add(1, 2)
            await call.Cancel(0)
        case 4:
            (await call.GetHandle()).fileno()
            await call.Begin_Touch()
        case 5:
            await call.Begin_Touch()
            await call.Wait(0, 10_000)
        case 6:
            await call.Begin_Touch()
            await call.Finish_Touch()
        case _:
            pass


async def leak(count: int) -> tuple[dict[str, int], dict[str, int]]:
    """What there was before so many call objects, and what afterwards."""
    with com.Apartment("another") as apartment:

        async def made() -> com.AgileReference[Any]:
            return com.AgileReference(Quick(), ICalc)

        reference = await asyncio.wrap_future(apartment.submit(made()))
        quick = Quick()
        for number in range(14):  # what is made once is made now
            await abandon(reference.resolve() if number % 2 else quick, number)
        await _quiet(apartment)
        before = left()
        for number in range(count):
            # A proxy is resolved each time, and is forgotten with its call object.
            await abandon(reference.resolve() if number % 2 else quick, number)
            if not number % 100:
                await asyncio.sleep(0)
        await _quiet(apartment)
        return before, left()


async def _quiet(apartment: com.Apartment) -> None:
    """Until all calls have ended."""
    here = com.Apartment.current()
    while apartment._tasks or here._tasks:
        await asyncio.sleep(0.001)
    for _ in range(5):
        await asyncio.sleep(0)


if __name__ == "__main__":
    before, after = asyncio.run(leak(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000))
    print(before, after, sep="\n")
    sys.exit(before != after)
