"""Cancelling calls: what the server is told, what the client raises, and that the channel stays of use."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from typing import Any

import pytest

from idlrt import pipes, rpc, testing
from idlrt.errors import CallCancelled, ConnectionLost
from idlrt.ids import Features
from tests.rpc.services import WAYS, Lab, ThreadedLab, on_a_loop, reach, until
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
        await until(lambda: service.calls)
        started = loop.time()
        call.cancel()
        with pytest.raises(CallCancelled, match=r"within 0\.05 s"):
            await call
        assert loop.time() - started > 0.04
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
        await until(lambda: service.calls)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert service.calls[0].cancelled
        assert await client.Add(1, 1) == 2
        assert len(channel.pool.links) == 1


@on_a_loop
async def test_cancelling_the_waiter_twice_does_not_wait_for_the_grace() -> None:
    service = Lab()
    async with testing.channel(service, cancel_grace=60) as channel:

        async def wait() -> None:
            await LabClient(channel).Sleep(10_000)

        task = asyncio.create_task(wait())
        await until(lambda: service.calls)
        task.cancel()
        await until(lambda: service.calls[0].cancelled)
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
        (link,) = channel.pool.links
        link.association._features = Features.NONE
        other = client.Sleep(200)
        call = client.Sleep(10_000)
        await until(lambda: len(service.calls) == 3)
        call.cancel()
        with pytest.raises(CallCancelled):
            await call
        assert await client.Add(1, 1) == 2
        assert await other == 200
        await until(lambda: link.lost is not None)
        assert len(channel.pool.links) == 1
        service.gate.set()


class Watched(Lab):
    """Tells what happens to its methods when nobody waits for their answers any more."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[object] = []
        self.began = asyncio.Event()
        self.called: rpc.Call

    async def Add(self, call: rpc.Call, a: int, b: int) -> int:
        self.called = call
        self.began.set()
        try:
            await asyncio.sleep(a)
        except asyncio.CancelledError:
            self.seen.append(call.cancelled)
            await asyncio.sleep(b / 1000)  # what it does to clean up is not cancelled again
            self.seen.append("clean")
            self.ended.set()
            raise
        return a + b

    async def Note(self, call: rpc.Call, what: int) -> None:
        await self.gate.wait()
        self.notes.append(what)
        self.ended.set()

    async def Upload(self, call: rpc.Call, id: int, source: pipes.PipeReader[bytes]) -> int:
        try:
            async for _ in source:
                pass
        except ConnectionLost as error:
            self.seen.append(error)
            await asyncio.sleep(0.01)
            self.seen.append("clean")
            self.ended.set()
            raise
        return 0


def complaints(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


@pytest.mark.parametrize("way", WAYS)
@on_a_loop
async def test_a_method_whose_client_has_gone_is_cancelled(way: str, caplog: pytest.LogCaptureFixture) -> None:
    service = Watched()
    async with reach(way, service) as channel:
        task = asyncio.create_task(LabClient(channel).Add(60, 10))
        await service.began.wait()
        await channel.close()
        with pytest.raises(ConnectionLost):
            await task
        await service.ended.wait()
    assert service.seen == [True, "clean"]
    assert complaints(caplog) == []


@on_a_loop
async def test_the_method_of_an_orphaned_call_is_cancelled_once(caplog: pytest.LogCaptureFixture) -> None:
    service = Watched()
    async with rpc.Server([service]) as server:
        async with testing.connected(server, cancel_grace=0.02) as channel:
            task = asyncio.create_task(LabClient(channel).Add(60, 30))
            await service.began.wait()
            task.cancel()
            await until(lambda: service.called.cancelled)
            assert service.seen == []  # co_cancel alone leaves it to the method
            with pytest.raises(asyncio.CancelledError):
                await task
            await until(lambda: service.seen)
            assert service.seen == [True]
            assert server.calls == 1
        # and now the connection goes as well
        await service.ended.wait()
        await until(lambda: not server.calls)
    assert service.seen == [True, "clean"]
    assert complaints(caplog) == []


@on_a_loop
async def test_a_call_whose_client_goes_before_the_method_has_begun_ends_too() -> None:
    service = Watched()
    async with rpc.Server([service]) as server:
        channel = testing.connected(server)
        await LabClient(channel).Open(5)
        call = LabClient(channel).Sleep(60_000)
        while not server.calls:
            await asyncio.sleep(0)
        await channel.close()
        await until(lambda: not server.calls and service.rundowns)
        assert service.rundowns == [5]
        with pytest.raises(ConnectionLost):
            await call


@on_a_loop
async def test_a_method_that_learns_in_its_pipe_that_its_client_has_gone_is_not_cancelled_as_well() -> None:
    service = Watched()
    async with rpc.Server([service]) as server:
        channel = testing.connected(server)
        call = LabClient(channel).Upload(0)
        await call.source.push(b"abc")
        await until(lambda: server.calls)
        await channel.close()
        await service.ended.wait()
    assert isinstance(service.seen[0], ConnectionLost)
    assert service.seen[1:] == ["clean"]


@on_a_loop
async def test_a_maybe_call_runs_to_its_end_though_its_client_has_gone() -> None:
    service = Watched()
    async with rpc.Server([service]) as server:
        async with testing.connected(server) as channel:
            await LabClient(channel).Note(7)
            while not server.calls:
                await asyncio.sleep(0)
        assert server.calls == 1
        service.gate.set()
        await service.ended.wait()
    assert service.notes == [7]


@on_a_loop
async def test_a_method_in_a_thread_is_told_and_its_handles_are_run_down_after_it() -> None:
    class Threaded(ThreadedLab):
        def Sleep(self, call: rpc.Call, milliseconds: int) -> int:
            while not call.cancelled:
                time.sleep(0.002)
            self.notes.append(1)
            time.sleep(0.03)
            self.notes.append(len(self.rundowns))
            return milliseconds

    service = Threaded()
    async with rpc.Server([service]) as server:
        async with testing.connected(server) as channel:
            await LabClient(channel).Open(5)
            call = LabClient(channel).Sleep(60_000)
            await until(lambda: server.calls)
        with pytest.raises(ConnectionLost):
            await call
        while server.calls:
            await asyncio.sleep(0.005)
    assert service.notes == [1, 0]
    assert service.rundowns == [5]


def test_a_thread_that_outlives_its_server_is_told_so_even_when_the_loop_is_gone() -> None:
    entered, go_on, over = threading.Event(), threading.Event(), threading.Event()
    seen: list[object] = []

    class Late(ThreadedLab):
        def Upload(self, call: rpc.Call, id: int, source: Any) -> int:
            entered.set()
            assert go_on.wait(10)
            seen.append(call.cancelled)
            for use in (source.pull, source.pull_nowait):
                try:
                    use()
                except Exception as error:
                    seen.append((type(error), str(error)))
            over.set()
            return 0

    async def serve() -> None:
        server = rpc.Server([Late()])
        async with rpc.connect(await server.listen("ncacn_ip_tcp:127.0.0.1[0]")) as channel:
            call = LabClient(channel).Upload(0)
            await call.source.push(bytes(8))
            await asyncio.to_thread(entered.wait, 10)
            await server.stop(grace=0)
            with pytest.raises(CallCancelled):
                await call.source.push(bytes(8))

    asyncio.run(serve())
    go_on.set()
    assert over.wait(10)
    assert seen == [True, (CallCancelled, "the server stops"), (CallCancelled, "the server stops")]
