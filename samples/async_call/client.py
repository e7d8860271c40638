"""What a client can do with a call that takes long.

    python -m samples.async_call.client OBJREF
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable

from idlrt import com, dcom

from .stubs.query import AsyncIRecordset, IRecordset, QueryResult

SLOW = 150
"""Milliseconds that the database takes."""


def say(text: str) -> None:
    print(f"  {text}", flush=True)


def titles(result: QueryResult) -> str:
    return ", ".join(row.title for row in result.rows or () if row.title)


async def work_meanwhile(recordset: IRecordset) -> None:
    """Obtain a call object, begin, do other work, wait with a time-out, finish."""
    factory = await recordset.QueryInterface(com.ICallFactory)
    call = await factory.CreateCall(AsyncIRecordset)
    factory.Release()  # the call object lives on
    synchronize = await call.QueryInterface(com.ISynchronize)

    started = time.perf_counter()
    await call.Begin_Query(12.0, 4 * SLOW)
    begun = time.perf_counter() - started
    pages = 0
    while True:
        try:
            await synchronize.Wait(0, 20)
            break
        except com.CallPending:  # RPC_S_CALLPENDING: not yet
            pages += 1
    result = await call.Finish_Query()
    say(f"begun within {begun * 1000:.0f} ms of {4 * SLOW}, {pages} pages printed meanwhile: {titles(result)}")
    assert pages > 0


async def cancel(recordset: IRecordset) -> None:
    """Cancel a query that nobody wants any more. Finish_ is due all the same."""
    call = await com.new_call(recordset, AsyncIRecordset)
    await call.Begin_Query(12.0, 3_600_000)
    synchronize = await call.QueryInterface(com.ISynchronize)
    try:
        await synchronize.Wait(0, SLOW)
        raise AssertionError("an hour passed in no time")
    except com.CallPending:
        canceller = await call.QueryInterface(com.ICancelMethodCalls)
        await canceller.Cancel(0)
    try:
        await call.Finish_Query()
        raise AssertionError("it was not cancelled")
    except com.CallCanceled as error:
        say(f"a query of an hour ends with {error.name}; the journal says: {await noted(recordset, 'cancelled')}")


async def fire_and_forget(recordset: IRecordset) -> None:
    """Begin, release, and never finish: the method runs to its end."""
    call = await com.new_call(recordset, AsyncIRecordset)
    await call.Begin_Note("somebody was here", SLOW // 4)
    call.Release()
    del call
    say(f"a call is forgotten, and the journal says: {await noted(recordset, 'somebody')}")


async def noted(recordset: IRecordset, word: str) -> str:
    """The journal, when it mentions something."""
    async with asyncio.timeout(60):
        while word not in (journal := await recordset.get_Journal() or ""):
            await asyncio.sleep(0.01)
    return journal


async def several(recordset: IRecordset) -> None:
    """A call object for each query at the same time, and a container that tells which is done first."""
    container = com.SynchronizeContainer()
    calls: dict[com.ISynchronize, AsyncIRecordset] = {}
    for most, milliseconds in ((6.0, 3 * SLOW), (9.0, SLOW), (13.0, 2 * SLOW)):
        call = await com.new_call(recordset, AsyncIRecordset)
        synchronize = await call.QueryInterface(com.ISynchronize)
        calls[synchronize] = call
        await container.AddSynchronize(synchronize)
        await call.Begin_Query(most, milliseconds)
    counts = []
    while calls:
        done = await container.WaitMultiple(0, com.INFINITE)
        counts.append((await calls.pop(done).Finish_Query()).count)
    say(f"three queries at once, in the order in which they were done: {counts} records")


async def pythonic(recordset: IRecordset) -> None:
    """Whoever needs none of that awaits methods; a time-out cancels the call."""
    few, many = await asyncio.gather(recordset.Query(6.0, SLOW), recordset.Query(99.0, SLOW))
    try:
        async with asyncio.timeout(SLOW / 1000):
            await recordset.Query(6.0, 3_600_000)
        raise AssertionError("an hour passed in no time")
    except TimeoutError:
        say(f"two awaited at once gave {few.count} and {many.count} records; a third was too slow")


STORY: tuple[Callable[[IRecordset], Awaitable[None]], ...] = (
    work_meanwhile,
    cancel,
    fire_and_forget,
    several,
    pythonic,
)


async def main(name: str) -> None:
    async with dcom.Exporter() as here:
        recordset = await here.bind(name, IRecordset)
        for chapter in STORY:
            await chapter(recordset)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
