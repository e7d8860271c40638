"""grpc.aio at both ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from multiprocessing.connection import Connection
from typing import Any

import grpc.aio

from tests.bench.pipes.grpc_messages import handler, samples, stub, total_of
from tests.bench.pipes.sides import OUTSTANDING, check, sum_of_samples, work_async
from tests.bench.protobuf_messages import Number, Octets, Range


class _Streams:
    async def Store(self, requests: AsyncIterator[Any], context: Any) -> Any:
        total = 0
        async for message in requests:
            total += len(message.data)
        return Number(value=total)

    async def Fetch(self, request: Any, context: Any) -> AsyncIterator[Any]:
        block = bytes(request.size)
        for _ in range(request.blocks):
            yield Octets(data=block)

    async def StoreSamples(self, requests: AsyncIterator[Any], context: Any) -> Any:
        total = 0.0
        async for message in requests:
            total += total_of(message)
        return Number(value=int(total))

    async def FetchSamples(self, request: Any, context: Any) -> AsyncIterator[Any]:
        for _ in range(request.blocks):
            yield samples(request.size)

    async def Next(self, request: Any, context: Any) -> Any:
        return Number(value=request.value + 1)


async def _serve(ready: Connection) -> None:
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((handler(_Streams()),))
    ready.send(f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}")
    await server.start()
    await server.wait_for_termination()


def serve(ready: Connection) -> None:
    asyncio.run(_serve(ready))


class _Jobs:
    def __init__(self, channel: Any) -> None:
        self.channel = channel

    async def push(self, size: int, blocks: int) -> None:
        block = bytes(size)

        async def messages() -> AsyncIterator[Any]:
            for _ in range(blocks):
                yield Octets(data=block)

        check((await stub(self.channel, "Store")(messages())).value, size * blocks)

    async def pull(self, size: int, blocks: int) -> None:
        total = 0
        async for message in stub(self.channel, "Fetch")(Range(blocks=blocks, size=size)):
            total += len(message.data)
        check(total, size * blocks)

    async def push_samples(self, count: int, blocks: int) -> None:
        async def messages() -> AsyncIterator[Any]:
            for _ in range(blocks):
                yield samples(count)

        check((await stub(self.channel, "StoreSamples")(messages())).value, sum_of_samples(count, blocks))

    async def pull_samples(self, count: int, blocks: int) -> None:
        total = 0.0
        async for message in stub(self.channel, "FetchSamples")(Range(blocks=blocks, size=count)):
            total += total_of(message)
        check(int(total), sum_of_samples(count, blocks))

    async def calls(self, calls: int) -> None:
        call = stub(self.channel, "Next")

        async def caller(number: int) -> None:
            for value in range(number, calls, OUTSTANDING):
                check((await call(Number(value=value))).value, value + 1)

        await asyncio.gather(*map(caller, range(OUTSTANDING)))


async def _drive(address: str, control: Connection) -> None:
    async with grpc.aio.insecure_channel(address) as channel:
        await work_async(control, _Jobs(channel))


def drive(address: str, control: Connection) -> None:
    asyncio.run(_drive(address, control))
