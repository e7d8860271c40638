"""Abandoned call objects and proxies leave nothing behind; `make soak` abandons a hundred thousand."""

from __future__ import annotations

import asyncio

from tests.com.leaks import leak


def test_abandoned_call_objects_leave_nothing_behind() -> None:
    before, after = asyncio.run(asyncio.wait_for(leak(2000), 60))
    assert after == before
