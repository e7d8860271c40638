"""Objects of another machine that are abandoned leave nothing behind; `make soak` abandons a hundred thousand."""

from __future__ import annotations

import asyncio

from tests.dcom.leaks import GROWTH, leak


def test_abandoned_call_objects_and_proxies_leave_nothing_on_either_machine() -> None:
    before, after, grown = asyncio.run(asyncio.wait_for(leak(1080), 120))
    assert after == before
    assert grown < GROWTH
