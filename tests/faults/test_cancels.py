"""A client cancels its call, in every state of it: CancelledError is raised again, and nothing is left."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

import pytest

from idlrt import rpc, testing
from idlrt.errors import CallCancelled, ConnectionLost
from tests.faults.endless import MADE_UP
from tests.faults.puppets import Coroutines, soon
from tests.faults.stage import Stage, nothing_left, on_a_loop, stage
from tests.rpc.services import stubbornly
from tests.rpc.specimen.lab import LabClient

GRACE: Final = 0.05

Waiting = Callable[[Stage], Awaitable["asyncio.Future[Any]"]]
"""Brings a call to where its client waits for something that does not come, and gives what it waits in."""


async def before_the_bind(on: Stage) -> asyncio.Future[Any]:
    await soon(lambda: on.proxy.connections, "the connection of the proxy")
    on.proxy.newest.silence()
    return asyncio.ensure_future(on.begin("Upload"))


async def in_a_push(on: Stage) -> asyncio.Future[Any]:
    call = await on.begin("Upload")
    pushing = call.push(bytes(MADE_UP) * 16)
    await on.begun()
    await on.proxy.newest.up.stalled()
    return pushing


async def in_a_pull(on: Stage) -> asyncio.Future[Any]:
    call, _ = await on.both("Download")
    return call.pull()


async def in_a_pull_after_the_turn(on: Stage) -> asyncio.Future[Any]:
    call = await on.begin("Transform")
    await call.push(b"")
    await on.begun()
    return call.pull()


async def in_the_wait_for_the_answer(on: Stage) -> asyncio.Future[Any]:
    call = await on.begin("Upload")
    await call.push(b"")
    await on.begun()
    return call.complete()


STATES: Final[tuple[Waiting, ...]] = (
    before_the_bind,
    in_a_push,
    in_a_pull,
    in_a_pull_after_the_turn,
    in_the_wait_for_the_answer,
)


async def once(waiting: asyncio.Future[Any]) -> None:
    waiting.cancel()


async def twice(waiting: asyncio.Future[Any]) -> None:
    waiting.cancel()
    await asyncio.sleep(0)
    waiting.cancel()


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("cancel", [once, twice])
@pytest.mark.parametrize("server", ["on a loop", "in a thread"])
@on_a_loop
async def test_a_cancel_is_raised_again_and_the_server_is_rid_of_the_call(
    state: Waiting, cancel: Callable[[asyncio.Future[Any]], Awaitable[None]], server: str
) -> None:
    async with stage("on a loop", server, cancel_grace=GRACE) as on:
        waiting = await state(on)
        await asyncio.sleep(0)
        await cancel(waiting)
        with pytest.raises(asyncio.CancelledError):
            await waiting
        for call in on.client.calls:
            await call.leave()
        on.proxy.connections[0].speak()
        assert await asyncio.wait_for(on.client.plain("Add", 1, 2), 10) == 3
        on.release()
        await on.goes_on()


@pytest.mark.parametrize("state", STATES)
@on_a_loop
async def test_asyncio_timeout_ends_any_wait(state: Waiting) -> None:
    async with stage("on a loop", "on a loop", cancel_grace=GRACE) as on:
        waiting = await state(on)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.02):
                await waiting
        for call in on.client.calls:
            await call.leave()
        on.proxy.connections[0].speak()
        await on.goes_on()


@pytest.mark.parametrize("operation", ["Upload", "Download", "Transform"])
@pytest.mark.parametrize("client", ["on a loop", "in a thread"])
@on_a_loop
async def test_a_call_that_is_left_early_is_given_up_on_both_sides(client: str, operation: str) -> None:
    async with stage(client, "on a loop") as on:
        call = await on.begin(operation)
        if operation != "Download":
            await call.push(bytes(96))
        method = await on.begun()
        await call.leave()
        assert isinstance(await method.ended, CallCancelled | ConnectionLost | asyncio.CancelledError)
        await on.goes_on()


@on_a_loop
async def test_a_service_that_takes_no_notice_holds_nobody_up() -> None:
    """The client is given its error after the grace; the method runs on, and its end is nobody's any more."""
    let_go = asyncio.Event()

    class Stubborn(Coroutines):
        async def Upload(self, call: rpc.Call, id: int, source: Any) -> int:
            self.began.set()
            await stubbornly(let_go)
            return 1

    service = Stubborn()
    async with rpc.Server([service]) as server, testing.connected(server, cancel_grace=GRACE) as channel:
        client = LabClient(channel)
        task = asyncio.create_task(client.Upload(0, [bytes(96)]).complete())
        await service.began.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await client.Add(1, 2) == 3
        assert server.running
        let_go.set()
        await soon(lambda: not server.running, "the end of the method")


@on_a_loop
async def test_a_source_or_sink_that_is_cancelled_ends_the_call_and_the_cancel_is_raised() -> None:
    async def source() -> Any:
        yield bytes(96)
        await asyncio.Event().wait()

    class Counting(Coroutines):
        async def Upload(self, call: rpc.Call, id: int, source: Any) -> int:
            return sum([len(block) async for block in source])

    async with (
        rpc.Server([Counting()]) as server,
        testing.connected(server, cancel_grace=GRACE) as channel,
        nothing_left(),
    ):
        task = asyncio.create_task(LabClient(channel).Upload(0, source()).complete())
        await soon(lambda: server.running, "the beginning of the method")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await soon(lambda: not server.running, "the end of the method")
