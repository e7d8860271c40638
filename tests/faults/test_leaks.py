"""Ten thousand calls that were cancelled, most with pipes, and nothing of them is left."""

from __future__ import annotations

import asyncio
import gc
import threading
import tracemalloc
from collections.abc import Awaitable, Callable
from typing import Any, Final

import pytest

from idlrt import rpc, testing
from idlrt.errors import CallCancelled
from tests.faults.puppets import Client, Coroutines, soon
from tests.faults.stage import descriptors, on_a_loop
from tests.rpc.specimen.lab import LabClient
from tests.traced import traced

TIMES: Final = 10_000
AT_A_TIME: Final = 8
GROWTH: Final = 192 << 10
"""Octets of Python's that may be kept in caches after thousands of calls; a leak of 20 octets a call is more."""


class Waiting(Coroutines):
    """Methods that wait in their pipes, or for their client's end."""

    async def Upload(self, call: rpc.Call, id: int, source: Any) -> int:
        return sum([len(block) async for block in source])

    async def Download(self, call: rpc.Call, total: int, block: int, sink: Any) -> int:
        await sink.push(bytes(96))
        await call.until_cancelled()
        raise CallCancelled

    async def Sleep(self, call: rpc.Call, milliseconds: int) -> int:
        await call.until_cancelled()
        raise CallCancelled


async def pushed(client: LabClient) -> None:
    async with client.Upload(0) as call:
        await call.source.push(bytes(96))
        call.cancel()
        with pytest.raises(CallCancelled):
            await call.complete()


async def left_early(client: LabClient) -> None:
    async with client.Download(0, 0) as call:
        await call.sink.pull()


async def cancelled_task(client: LabClient) -> None:
    call = client.Sleep(0)
    task = asyncio.create_task(call.complete())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def fed(client: LabClient) -> None:
    async def source() -> Any:
        yield bytes(96)
        await asyncio.Event().wait()

    task = asyncio.create_task(client.Upload(0, source()).complete())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("cancelled", [pushed, left_early, cancelled_task, fed])
@on_a_loop
async def test_thousands_of_cancelled_calls_leave_nothing(cancelled: Callable[[LabClient], Awaitable[None]]) -> None:
    async def some(times: int) -> None:
        async with rpc.Server([Waiting()]) as server, testing.connected(server, cancel_grace=0.2) as channel:
            client = LabClient(channel)
            for _ in range(times // AT_A_TIME):
                await asyncio.gather(*(cancelled(client) for _ in range(AT_A_TIME)))
            await soon(lambda: not server.running, "the end of the methods")
            assert await client.Add(1, 2) == 3

    await some(200)
    tasks, files = len(asyncio.all_tasks()), descriptors()
    with traced():
        before = _held()
        await some(TIMES // 5)
        await soon(lambda: _held() - before < GROWTH, "as little memory as before")  # timers keep calls for their time
    assert len(asyncio.all_tasks()) <= tasks
    assert descriptors() <= files


def _held() -> int:
    """Octets that Python's objects take."""
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


@pytest.mark.parametrize("operation", ["Upload", "Download"])
@on_a_loop
async def test_thousands_of_calls_of_threads_that_were_cancelled_leave_nothing(operation: str) -> None:
    async def some(times: int) -> None:
        async with rpc.Server([Waiting()]) as server:
            client = Client("in a thread", cancel_grace=1)
            await client.connect(await server.listen("ncacn_ip_tcp:127.0.0.1[0]"))

            def cancel() -> None:
                with client.begin_here(operation) as call:
                    call.cancel()
                    with pytest.raises(CallCancelled):
                        call.complete()

            for _ in range(times):
                await client.do(cancel)
            await soon(lambda: not server.running, "the end of the methods")
            await client.close()

    await some(100)
    threads, files = threading.active_count(), descriptors()
    with traced():
        before = _held()
        await some(TIMES // 10)
        await soon(lambda: _held() - before < GROWTH, "as little memory as before")
    await soon(lambda: threading.active_count() <= threads, "the end of the client's thread")
    assert descriptors() <= files
