"""A client's task is cancelled: what its call does then, whatever else happens, and that nothing is left of it."""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from idlrt import pipes, rpc, testing
from idlrt.errors import CallCancelled
from tests.rpc.services import Lab, on_a_loop
from tests.rpc.specimen.lab import LabClient

Begin = Callable[[LabClient], Awaitable[Any]]


class Deaf(Lab):
    """Takes no notice of requests to cancel."""

    def __init__(self) -> None:
        super().__init__()
        self.entered = asyncio.Event()
        self.given_up = asyncio.Event()

    async def _stay(self, call: rpc.Call) -> None:
        self.calls.append(call)
        self.entered.set()
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.given_up.set()
            raise

    async def Add(self, call: rpc.Call, a: int, b: int) -> int:
        if a < 0:
            await self._stay(call)
        return a + b

    async def Sleep(self, call: rpc.Call, milliseconds: int) -> int:
        await self._stay(call)
        return milliseconds

    async def Upload(self, call: rpc.Call, id: int, source: pipes.PipeReader[bytes]) -> int:
        await self._stay(call)
        return id


async def ordinary(client: LabClient) -> object:
    return await client.Add(-1, 0)


async def asynchronous(client: LabClient) -> object:
    return await client.Sleep(5)


async def piped(client: LabClient) -> object:
    async with client.Upload(5) as call:
        await call.source.push(bytes(64))
        return await asyncio.Event().wait()


every_kind = pytest.mark.parametrize("begin", [ordinary, asynchronous, piped])


@every_kind
@on_a_loop
async def test_the_server_is_asked_has_its_grace_and_then_the_call_is_given_up(begin: Begin) -> None:
    service = Deaf()
    async with testing.channel(service, cancel_grace=0.05) as channel:
        task = asyncio.ensure_future(begin(LabClient(channel)))
        await service.entered.wait()
        task.cancel("mine")
        await service.calls[0].until_cancelled()
        assert not task.done()
        assert not service.given_up.is_set()
        with pytest.raises(asyncio.CancelledError):
            await task
        await service.given_up.wait()
        assert await LabClient(channel).Add(1, 1) == 2


@every_kind
@on_a_loop
async def test_a_second_cancel_gives_the_call_up_at_once(begin: Begin) -> None:
    service = Deaf()
    async with testing.channel(service, cancel_grace=3600) as channel:
        task = asyncio.ensure_future(begin(LabClient(channel)))
        await service.entered.wait()
        task.cancel()
        await service.calls[0].until_cancelled()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await service.given_up.wait()
        assert await LabClient(channel).Add(1, 1) == 2


@every_kind
@on_a_loop
async def test_a_server_that_answers_in_its_grace_does_not_turn_the_cancel_into_a_result(begin: Begin) -> None:
    service = Deaf()
    async with testing.channel(service, cancel_grace=3600) as channel:
        task = asyncio.ensure_future(begin(LabClient(channel)))
        await service.entered.wait()
        task.cancel()
        await service.calls[0].until_cancelled()
        service.gate.set()
        with pytest.raises(asyncio.CancelledError):
            await task


@every_kind
@on_a_loop
async def test_a_connection_that_is_lost_in_the_same_moment_or_in_the_grace_does_not_replace_the_cancel(
    begin: Begin,
) -> None:
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: complaints.append(context))
    for order in ("together", "later"):
        service = Deaf()
        async with rpc.Server([service]) as server:
            channel = testing.connected(server, cancel_grace=3600)
            task = asyncio.ensure_future(begin(LabClient(channel)))
            await service.entered.wait()
            closing = asyncio.ensure_future(channel.close())
            if order == "together":
                await asyncio.sleep(0)
                task.cancel()
            else:
                task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await closing
        del task
        gc.collect()
    assert complaints == []


@every_kind
@on_a_loop
async def test_a_time_limit_around_a_call_is_a_time_limit(begin: Begin) -> None:
    service = Deaf()
    async with testing.channel(service, cancel_grace=0) as channel:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await begin(LabClient(channel))


@on_a_loop
async def test_a_call_whose_beginning_is_cancelled_is_not_made() -> None:
    service = Deaf()
    async with testing.channel(service) as channel:

        async def use() -> None:
            async with LabClient(channel).Sleep(5):
                raise AssertionError("it has not begun")

        task = asyncio.ensure_future(use())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await LabClient(channel).Add(1, 1) == 2
    assert service.calls == []


@on_a_loop
async def test_the_shortest_grace_counts() -> None:
    service = Deaf()
    async with testing.channel(service, cancel_grace=3600) as channel:
        call = LabClient(channel).Sleep(5)
        await service.entered.wait()
        call.cancel()
        call.cancel(grace=0.01)
        with pytest.raises(CallCancelled, match=r"within 0\.01 s"):
            await call


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").exists() else 0


def test_nothing_is_left_of_ten_thousand_cancelled_calls() -> None:
    asyncio.run(asyncio.wait_for(_ten_thousand(), 120))


async def _ten_thousand() -> None:
    class Heedful(Lab):
        @rpc.cancellable
        async def Sleep(self, call: rpc.Call, milliseconds: int) -> int:
            await asyncio.Event().wait()
            return milliseconds

        @rpc.cancellable
        async def Upload(self, call: rpc.Call, id: int, source: pipes.PipeReader[bytes]) -> int:
            await asyncio.Event().wait()
            return id

        @rpc.cancellable
        async def Add(self, call: rpc.Call, a: int, b: int) -> int:
            if a < 0:
                await asyncio.Event().wait()
            return a + b

    async with rpc.Server([Heedful()]) as server:
        binding = await server.listen("ncacn_ip_tcp:127.0.0.1[0]")
        async with rpc.connect(binding) as channel:
            client = LabClient(channel)

            async def cancelled(begin: Begin, count: int) -> None:
                tasks = [asyncio.ensure_future(begin(client)) for _ in range(count)]
                while server.calls < count:
                    await asyncio.sleep(0)
                for task in tasks:
                    task.cancel()
                done, _ = await asyncio.wait(tasks)
                assert all(task.cancelled() for task in done)

            await cancelled(asynchronous, 500)
            await cancelled(ordinary, 16)
            await cancelled(piped, 16)
            gc.collect()
            before = len(asyncio.all_tasks()), descriptors(), len(gc.get_objects())
            for _ in range(17):
                await cancelled(asynchronous, 500)
            for _ in range(47):
                await cancelled(ordinary, 16)
                await cancelled(piped, 16)
            assert await client.Add(1, 1) == 2
            while server.calls:
                await asyncio.sleep(0)
            gc.collect()
            tasks, files, objects = len(asyncio.all_tasks()), descriptors(), len(gc.get_objects())
            assert (tasks, files) == before[:2]
            assert objects < before[2] + 500
