"""Slow ends and slow networks: streams end right, and both processes go on answering."""

from __future__ import annotations

import pytest

from tests.faults.slow import SLOW_ENDS, Stream, answers, slow_client_up, slow_server_down, two_ways
from tests.faults.stage import on_a_loop

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
