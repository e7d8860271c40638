"""Rows through pipe interfaces, the next block on its way while one is worked with.

    python -m samples.recordset.client OBJREF
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Iterable
from itertools import chain

from idlrt import com, dcom
from idlrt.prelude.objidlbase import AsyncIPipeDouble, AsyncIPipeLong

from .stubs.recordset import IRecordset

BLOCK = 4096
"""Rows at a time."""

Rows = list[tuple[int, float]]


async def pulled(recordset: IRecordset, first: int = 0) -> AsyncIterator[Rows]:
    """Blocks of rows; both columns of the next one are begun before a block is given."""
    found = await recordset.Read(first)
    assert found.numbers is not None
    assert found.prices is not None
    numbers = await com.new_call(found.numbers, AsyncIPipeLong)
    prices = await com.new_call(found.prices, AsyncIPipeDouble)
    await numbers.Begin_Pull(BLOCK)
    await prices.Begin_Pull(BLOCK)
    while True:
        some = (await numbers.Finish_Pull()).buf
        their = (await prices.Finish_Pull()).buf
        if not some:
            return
        await numbers.Begin_Pull(BLOCK)
        await prices.Begin_Pull(BLOCK)
        yield list(zip(some, their, strict=True))


async def push(recordset: IRecordset, blocks: Iterable[Rows]) -> None:
    """Append rows; while a block travels, the next is made."""
    found = await recordset.Append()
    assert found.numbers is not None
    assert found.prices is not None
    numbers = await com.new_call(found.numbers, AsyncIPipeLong)
    prices = await com.new_call(found.prices, AsyncIPipeDouble)
    begun = False
    for block in chain(blocks, [[]]):  # nothing at last
        if begun:
            await numbers.Finish_Push()
            await prices.Finish_Push()
        await numbers.Begin_Push([number for number, _ in block])
        await prices.Begin_Push([price for _, price in block])
        begun = True
    await numbers.Finish_Push()
    await prices.Finish_Push()


async def read_all(recordset: IRecordset) -> tuple[int, float]:
    """How many rows there are, and what they cost together."""
    rows, total = 0, 0.0
    async for block in pulled(recordset):
        rows += len(block)
        total += sum(price for _, price in block)
    return rows, total


async def main(name: str) -> bool:
    async with dcom.Exporter() as here:
        recordset = await here.bind(name, IRecordset)
        there = await recordset.get_Count()
        started = time.perf_counter()
        rows, total = await read_all(recordset)
        took = time.perf_counter() - started
        print(f"  {rows} rows of {there} in {took:.2f} s, {total:.2f} together", flush=True)
        more = 3 * BLOCK
        await push(recordset, ([(there + at + n, 1.0) for n in range(BLOCK)] for at in range(0, more, BLOCK)))
        again, greater = await read_all(recordset)
        print(f"  {again - rows} rows more, {greater - total:.2f} more together", flush=True)
        return (rows, again, greater - total) == (there, there + more, float(more))


if __name__ == "__main__":
    sys.exit(0 if asyncio.run(main(sys.argv[1])) else 1)
