"""Streams of any length, and any number of them, in bounded memory."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

import pytest

from idlrt import blocking, pipes, rpc, testing
from idlrt.association.limits import DEFAULT_FRAGMENT, MAX_FRAGMENT
from idlrt.errors import PipeMemory
from samples.file_transfer import memory
from tests.faults.endless import MADE_UP, MIB
from tests.faults.processes import running
from tests.faults.puppets import Coroutines
from tests.faults.stage import on_a_loop, stage
from tests.rpc.specimen.lab import LabBlockingClient, LabClient

GROWTH: Final = 12 * MIB
"""What a process may come to hold more while gibibytes go through it: what caches and the allocator keep."""

FOUR_GIBIBYTES: Final = 4100
"""In MiB, and a little more, so that nothing that counts octets in 32 bits survives."""

TCP: Final = "ncacn_ip_tcp:127.0.0.1[0]"


class Steady:
    """Watches the memory of this process and of the server's while a stream runs."""

    def __init__(self) -> None:
        self._before = 0
        self._most = 0

    def look(self) -> None:
        now = memory.resident()
        self._before = self._before or now
        self._most = max(self._most, now)

    def check(self, server_before: int, server_peak: int) -> None:
        """The server's figures are in KiB."""
        assert self._most - self._before < GROWTH
        assert (server_peak - server_before) * 1024 < GROWTH


@on_a_loop
async def test_four_gibibytes_go_up_and_down_a_pipe_in_constant_memory() -> None:
    steady = Steady()
    with running("tests.faults.endless", TCP, MAX_FRAGMENT) as (_, binding):
        async with rpc.connect(binding, max_fragment=MAX_FRAGMENT) as channel:
            client = LabClient(channel)

            async def up(mebibytes: int) -> None:
                async with client.Upload(0) as call:
                    for number in range(mebibytes):
                        await call.source.push(MADE_UP)
                        if number % 256 == 32:
                            steady.look()
                    await call.source.push(b"")
                    assert await call.complete() == mebibytes

            async def down(mebibytes: int) -> None:
                total = 0
                async with client.Download(mebibytes, MIB) as call:
                    async for block in call.sink:
                        total += len(block)
                    assert await call.complete() == mebibytes
                steady.look()
                assert total == mebibytes * MIB

            await up(64)
            await down(64)
            warm = await client.Stat(0)
            await up(FOUR_GIBIBYTES)
            await down(FOUR_GIBIBYTES)
            steady.check(warm.size, (await client.Stat(0)).return_value)


def test_a_thread_s_pipes_carry_a_quarter_of_a_gibibyte_each_way_in_constant_memory() -> None:
    steady = Steady()
    with running("tests.faults.endless", TCP, DEFAULT_FRAGMENT) as (_, binding), blocking.connect(binding) as channel:
        client = LabBlockingClient(channel)

        def up(mebibytes: int) -> None:
            with client.Upload(0) as call:
                for _ in range(mebibytes):
                    call.source.push(MADE_UP)
                call.source.push(b"")
                assert call.complete() == mebibytes
            steady.look()

        def down(mebibytes: int) -> None:
            with client.Download(mebibytes, MIB) as call:
                assert sum(map(len, call.sink)) == mebibytes * MIB
                assert call.complete() == mebibytes
            steady.look()

        up(32)
        down(32)
        warm = client.Stat(0)
        up(256)
        down(256)
        steady.check(warm.size, client.Stat(0).return_value)


PIPES: Final = 1000

EACH: Final = 256
"""KiB of the server's memory for each, whatever a client does."""


@pytest.mark.parametrize("way", ["in", "out"])
@on_a_loop
async def test_a_thousand_pipes_at_a_stand_cost_a_server_a_quarter_of_a_mebibyte_each(way: str, tmp_path: Path) -> None:
    # Over local sockets, since the buffers of a thousand TCP connections are gibibytes of the kernel's.
    with running("tests.faults.endless", f"ncalrpc:[many,dir={tmp_path}]") as (_, binding):
        async with rpc.connect(binding, connections=PIPES + 1, pipe_window=4096, cancel_grace=0) as channel:
            client = LabClient(channel)
            before = await client.Stat(0)
            begun = moved = 0
            standing: list[asyncio.Task[None]] = []

            async def push_on() -> None:
                nonlocal begun, moved
                block = MADE_UP[: 64 << 10]
                async with client.Upload(1) as call:
                    begun += 1
                    while True:
                        await call.source.push(block)
                        moved += 1

            async def pull_nothing() -> None:
                nonlocal begun
                async with client.Download(1, MIB):
                    begun += 1
                    await asyncio.Event().wait()

            stand = push_on if way == "in" else pull_nothing
            for _ in range(PIPES):
                standing.append(asyncio.create_task(stand()))
            after, last = before, -1
            while moved != last or begun < PIPES or (await client.Stat(0)).size != after.size:
                last, after = moved, await client.Stat(0)
                await asyncio.sleep(0.3)
            for task in standing:
                task.cancel()
            await asyncio.gather(*standing, return_exceptions=True)
            assert (after.return_value - before.size) / PIPES <= EACH
            assert await client.Add(1, 2) == 3


@on_a_loop
async def test_a_push_that_does_not_wait_is_bounded_by_the_backlog_and_ends_the_call() -> None:
    backlog = 1 * MIB
    async with stage("on a loop", "on a loop", pipe_backlog=backlog) as on:
        call = await on.begin("Upload")
        pushed = 0


        def push_on() -> None:
            nonlocal pushed
            while pushed < 64 * MIB:
                call.pipe.push_nowait(MADE_UP[: 64 << 10])
                pushed += 64 << 10

        with pytest.raises(PipeMemory) as caught:
            push_on()
        assert pushed >= backlog
        assert pushed <= backlog + 8 * MIB  # the rest is in the buffers of sockets
        with pytest.raises(PipeMemory) as again:
            await call.complete()
        assert again.value is caught.value
        await call.leave()


@on_a_loop
async def test_a_service_s_push_that_does_not_wait_is_bounded_too() -> None:
    seen: list[int] = []

    class Eager(Coroutines):
        async def Download(self, call: rpc.Call, total: int, block: int, sink: pipes.PipeWriter[pipes.Bytes]) -> int:
            while True:
                seen.append(block)
                sink.push_nowait(MADE_UP[:block])

    async with (
        rpc.Server([Eager()], pipe_backlog=MIB) as server,
        testing.connected(server) as channel,
        LabClient(channel).Download(0, 64 << 10) as call,
    ):
        with pytest.raises(PipeMemory):
            async for _ in call.sink:
                pass
    assert sum(seen) < 4 * MIB
