"""What does not fill a fragment waits for the next block a moment, and leaves when none comes."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from idlrt import rpc, testing
from idlrt.errors import RpcFault
from tests.rpc.services import Lab, on_a_loop
from tests.rpc.specimen.lab import LabClient

SIZES = (20_000, 65_536, 70_000, 300_000)


class Counting(Lab):
    """Counts what comes before an end does, and sends what it is asked for before it waits."""

    def __init__(self, wanted: int) -> None:
        super().__init__()
        self.wanted = wanted
        self.all_there = asyncio.Event()
        self.go_on = asyncio.Event()

    async def Upload(self, call: rpc.Call, id: int, source: Any) -> int:
        count = 0
        async for block in source:
            count += len(block)
            if count == self.wanted:
                self.all_there.set()
        return count

    async def Download(self, call: rpc.Call, id: int, size: int, sink: Any) -> int:
        await sink.push(bytes(self.wanted))
        await self.go_on.wait()
        if id:
            raise RpcFault(id)
        await sink.push(b"")
        return self.wanted


@pytest.mark.parametrize("size", SIZES)
@on_a_loop
async def test_all_of_a_block_arrives_though_nothing_follows_it(size: int) -> None:
    service = Counting(size)
    async with testing.channel(service) as channel, asyncio.timeout(20), LabClient(channel).Upload(0) as call:
        await call.source.push(bytes(size))
        await service.all_there.wait()
        await call.source.push(b"")
        assert await call.complete() == size


async def pulled(sink: Any, most: int) -> int:
    """So many octets, or those before a failure."""
    count = 0
    try:
        while count < most:
            count += len(await sink.pull())
    except RpcFault:
        pass
    return count


@pytest.mark.parametrize("size", [size + 4 for size in SIZES])  # with its count a multiple of eight
@pytest.mark.parametrize("status", [0, 1717])
@on_a_loop
async def test_so_it_does_from_a_server_and_before_a_fault(size: int, status: int) -> None:
    service = Counting(size)
    async with testing.channel(service) as channel, asyncio.timeout(20), LabClient(channel).Download(status, 0) as call:
        assert await pulled(call.sink, size) == size
        service.go_on.set()
        if status:
            with pytest.raises(RpcFault):
                await call.sink.pull()
        else:
            assert await call.sink.pull() == b""
            assert await call.complete() == size


@on_a_loop
async def test_a_fault_in_the_turn_of_a_push_comes_behind_all_of_it() -> None:
    class Failing(Lab):
        async def Download(self, call: rpc.Call, id: int, size: int, sink: Any) -> int:
            await sink.push(bytes(70_004))
            raise RpcFault(1717)

    async with testing.channel(Failing()) as channel, asyncio.timeout(20), LabClient(channel).Download(0, 0) as call:
        assert await pulled(call.sink, 1 << 20) == 70_004
