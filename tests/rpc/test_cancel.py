"""Cancelling calls: what the server is told, what the client raises, and that the channel stays of use."""

from __future__ import annotations

import asyncio

import pytest

from idlrt import rpc, testing
from idlrt.errors import CallCancelled
from idlrt.ids import Features
from tests.rpc.services import Lab, ThreadedLab, on_a_loop, reach
from tests.rpc.specimen.lab import LabClient


@pytest.mark.parametrize("make", [Lab, ThreadedLab])
@on_a_loop
async def test_cancel_asks_the_server(make: type[Lab]) -> None:
    async with reach("tcp", make()) as channel:
        call = LabClient(channel).Sleep(5000)
        await asyncio.sleep(0.02)
        call.cancel()
        with pytest.raises(CallCancelled, match="the server ended it"):
            await call
        assert await LabClient(channel).Add(1, 1) == 2


@on_a_loop
async def test_a_cancel_that_comes_too_late_changes_nothing() -> None:
    async with testing.channel(Lab()) as channel:
        call = LabClient(channel).Sleep(0)
        assert await call == 0
        call.cancel()
        assert await call == 0


@on_a_loop
async def test_a_call_cancelled_before_it_began_is_not_made() -> None:
    service = Lab()
    async with testing.channel(service) as channel:
        call = LabClient(channel).Sleep(1)
        call.cancel()
        with pytest.raises(CallCancelled):
            await call
    assert service.calls == []


@on_a_loop
async def test_a_server_that_takes_no_notice_is_given_its_grace() -> None:
    service = Lab()
    async with testing.channel(service, cancel_grace=0.05) as channel:
        loop = asyncio.get_running_loop()
        call = LabClient(channel).Sleep(10_000)
        await asyncio.sleep(0.02)
        started = loop.time()
        call.cancel()
        with pytest.raises(CallCancelled, match=r"within 0\.05 s"):
            await call
        assert 0.04 < loop.time() - started < 1
        assert await LabClient(channel).Add(1, 1) == 2
        service.gate.set()


@on_a_loop
async def test_cancelling_the_task_cancels_an_ordinary_call() -> None:
    class Slow(Lab):
        async def Add(self, call: rpc.Call, a: int, b: int) -> int:
            if a == 99:
                self.calls.append(call)
                await call.until_cancelled()
                raise CallCancelled
            return a + b

    service = Slow()
    async with testing.channel(service) as channel:
        client = LabClient(channel)
        task = asyncio.create_task(client.Add(99, 0))
        await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert service.calls[0].cancelled
        assert await client.Add(1, 1) == 2
        assert len(channel._links) == 1


@on_a_loop
async def test_cancelling_the_waiter_twice_does_not_wait_for_the_grace() -> None:
    service = Lab()
    async with testing.channel(service, cancel_grace=60) as channel:

        async def wait() -> None:
            await LabClient(channel).Sleep(10_000)

        task = asyncio.create_task(wait())
        for _ in range(2):
            await asyncio.sleep(0.02)
            task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        service.gate.set()


@on_a_loop
async def test_a_server_that_does_not_keep_orphans_loses_the_connection_but_no_other_call() -> None:
    service = Lab()
    async with testing.channel(service, cancel_grace=0.02) as channel:
        client = LabClient(channel)
        assert await client.Add(1, 1) == 2
        (link,) = channel._links
        link.association._features = Features.NONE
        other = client.Sleep(200)
        call = client.Sleep(10_000)
        await asyncio.sleep(0.02)
        call.cancel()
        with pytest.raises(CallCancelled):
            await call
        assert await client.Add(1, 1) == 2
        assert await other == 200
        await asyncio.sleep(0.01)
        assert link.lost is not None
        assert len(channel._links) == 1
        service.gate.set()
