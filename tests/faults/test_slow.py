"""Slow ends and slow networks: streams end right, and both processes go on answering."""

from __future__ import annotations

import asyncio

import pytest

from idlrt import testing
from tests.faults.slow import SLOW_ENDS, Slow, Stream, answers, slow_client_up, slow_server_down, two_ways
from tests.faults.stage import on_a_loop
from tests.rpc.specimen.lab import LabClient

LATER = 0.05
"""Seconds more than in idle processes, on a machine that may be busy; `make soak` measures on one that is not."""


@pytest.mark.parametrize("stream", SLOW_ENDS)
@on_a_loop
async def test_a_slow_end_keeps_nobody_from_being_answered(stream: Stream) -> None:
    async with two_ways() as (client, other):
        idle = await answers(other, None, 50)
        busy = await answers(other, stream(client, 40, 0.02), 50)
        assert busy < idle + LATER


@pytest.mark.parametrize("stream", [slow_client_up, slow_server_down])
@on_a_loop
async def test_a_slow_network_keeps_nobody_from_being_answered(stream: Stream) -> None:
    async with two_ways(rate=64 << 10, delay=0.2) as (client, other):
        idle = await answers(other, None, 50)
        busy = await answers(other, stream(client, 6, 0), 50)
        assert busy < idle + LATER


@on_a_loop
async def test_a_large_block_lets_others_run_even_if_the_connection_always_takes_more() -> None:
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async with testing.channel(Slow()) as channel:
        client = LabClient(channel)
        await client.Add(1, 2)
        for link in channel.pool.links:
            link._transport.set_write_buffer_limits(high=1 << 40)
        async with client.Upload(0) as call:
            await call.source.push(bytes(96))
            counting = asyncio.create_task(others())
            await call.source.push(bytes(16 << 20))
            counting.cancel()
            await call.source.push(b"")
            await call.complete()
    assert turns >= 32
