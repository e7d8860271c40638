"""Our side on asyncio at both ends, as a user writes it."""

from __future__ import annotations

import asyncio
from array import array
from multiprocessing.connection import Connection
from typing import Any

from idlrt import rpc
from tests.bench.pipes.sides import OUTSTANDING, check, sum_of_samples, work_async
from tests.bench.stubs import compile_streams

_stubs = compile_streams()


def _service() -> tuple[rpc.Service, rpc.Service]:
    streams_base: Any = _stubs.StreamsService
    echo_base: Any = _stubs.RpcechoService
    make_sample = _stubs.Sample

    class Streams(streams_base):
        async def Store(self, call: rpc.Call, content: Any) -> int:
            total = 0
            async for block in content:
                total += len(block)
            return total

        async def Fetch(self, call: rpc.Call, blocks: int, size: int, content: Any) -> None:
            block = bytes(size)
            for _ in range(blocks):
                await content.push(block)
            await content.push(b"")

        async def StoreDoubles(self, call: rpc.Call, content: Any) -> int:
            total = 0
            async for block in content:
                total += len(block)
            return total

        async def FetchDoubles(self, call: rpc.Call, blocks: int, count: int, content: Any) -> None:
            block = array("d", range(count))
            for _ in range(blocks):
                await content.push(block)
            await content.push(())

        async def StoreSamples(self, call: rpc.Call, content: Any) -> int:
            total = 0.0
            async for block in content:
                for sample in block:
                    total += sample.id + sample.quality + sample.value
            return int(total)

        async def FetchSamples(self, call: rpc.Call, blocks: int, count: int, content: Any) -> None:
            for _ in range(blocks):
                await content.push([make_sample(number, 1, 0.5) for number in range(count)])
            await content.push(())

        async def Next(self, call: rpc.Call, value: int) -> int:
            return value + 1

    class Echo(echo_base):
        async def AddOne(self, call: rpc.Call, in_data: int) -> int:
            return in_data + 1

    return Streams(), Echo()


async def _serve(ready: Connection, max_fragment: int | None) -> None:
    async with rpc.Server(_service(), max_fragment=max_fragment) as server:
        ready.send(await server.listen("ncacn_ip_tcp:127.0.0.1[0]"))
        await server.serve_forever()


def serve(ready: Connection, max_fragment: int | None = None) -> None:
    asyncio.run(_serve(ready, max_fragment))


class _Jobs:
    def __init__(self, channel: rpc.Channel) -> None:
        self.client = _stubs.StreamsClient(channel)

    async def push(self, size: int, blocks: int) -> None:
        block = bytes(size)
        async with self.client.Store() as call:
            for _ in range(blocks):
                await call.content.push(block)
            await call.content.push(b"")
            check(await call.complete(), size * blocks)

    async def pull(self, size: int, blocks: int) -> None:
        total = 0
        async with self.client.Fetch(blocks, size) as call:
            async for block in call.content:
                total += len(block)
            await call.complete()
        check(total, size * blocks)

    async def push_doubles(self, count: int, blocks: int) -> None:
        block = array("d", range(count))
        async with self.client.StoreDoubles() as call:
            for _ in range(blocks):
                await call.content.push(block)
            await call.content.push(())
            check(await call.complete(), count * blocks)

    async def pull_doubles(self, count: int, blocks: int) -> None:
        total = 0
        async with self.client.FetchDoubles(blocks, count) as call:
            async for block in call.content:
                total += len(block)
            await call.complete()
        check(total, count * blocks)

    async def push_samples(self, count: int, blocks: int) -> None:
        make_sample = _stubs.Sample
        async with self.client.StoreSamples() as call:
            for _ in range(blocks):
                await call.content.push([make_sample(number, 1, 0.5) for number in range(count)])
            await call.content.push(())
            check(await call.complete(), sum_of_samples(count, blocks))

    async def pull_samples(self, count: int, blocks: int) -> None:
        total = 0.0
        async with self.client.FetchSamples(blocks, count) as call:
            async for block in call.content:
                for sample in block:
                    total += sample.id + sample.quality + sample.value
            await call.complete()
        check(int(total), sum_of_samples(count, blocks))

    async def calls(self, calls: int) -> None:
        client = self.client

        async def caller(number: int) -> None:
            for value in range(number, calls, OUTSTANDING):
                check(await client.Next(value), value + 1)

        await asyncio.gather(*map(caller, range(OUTSTANDING)))


async def _drive(address: str, control: Connection, max_fragment: int | None) -> None:
    async with rpc.connect(address, max_fragment=max_fragment) as channel:
        await work_async(control, _Jobs(channel))


def drive(address: str, control: Connection, max_fragment: int | None = None) -> None:
    asyncio.run(_drive(address, control, max_fragment))
