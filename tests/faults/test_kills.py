"""Either side dies, at every state of every direction: one clear error, everything cleaned up, the server goes on."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

import pytest

from idlrt.errors import ConnectionLost, RpcError
from tests.faults.proxy import Connection
from tests.faults.puppets import FRONTS, ClientCall, Method, soon
from tests.faults.stage import Stage, on_a_loop, stage

BLOCK: Final = bytes(96)
"""With what is around it, a multiple of eight, as fragments hold: none of its octets waits for the next push."""

LARGE: Final = bytes(16 << 20)
"""More than windows and the buffers of sockets hold together."""

WINDOW: Final = 8 << 10
"""So small that no read is smaller once much is on its way, and the buffers of sockets hold several of it."""


@dataclass
class Standing:
    """Where a call stands: what either application waits in, or what it would do next."""

    call: ClientCall
    method: Method | None
    client: Callable[[], asyncio.Future[Any]]
    """The client's next step, at least when it is repeated, has to fail."""
    server: Callable[[], asyncio.Future[Any]] | None = None
    client_waits: asyncio.Future[Any] | None = None
    server_waits: asyncio.Future[Any] | None = None


State = Callable[[Stage], Awaitable[Standing]]


async def at_a_stand(step: Callable[[], asyncio.Future[Any]]) -> asyncio.Future[Any]:
    """Repeat a step until it has to wait."""
    while True:
        waits = step()
        if not (await asyncio.wait([waits], timeout=0.1))[0]:
            return waits



# ---------------------------------------------------------------------------- [in]


async def in_before_the_first_push(on: Stage) -> Standing:
    call = await on.begin("Upload")
    return Standing(call, None, lambda: call.push(b"x"))


async def in_between_two_pushes(on: Stage) -> Standing:
    call = await on.begin("Upload")
    await call.push(BLOCK)
    method = await on.begun()
    assert await method.pull() == BLOCK
    return Standing(call, method, lambda: call.push(b"x"), method.pull)


async def in_while_the_server_waits_for_more(on: Stage) -> Standing:
    call = await on.begin("Upload")
    await call.push(BLOCK)
    method = await on.begun()
    assert await method.pull() == BLOCK
    return Standing(call, method, lambda: call.push(b"x"), method.pull, server_waits=method.pull())


async def in_in_the_midst_of_a_chunk(on: Stage) -> Standing:
    call = await on.begin("Upload")
    await call.push(BLOCK)
    method = await on.begun()
    await method.pull()
    on.proxy.newest.up.allow(10_000)
    pushing = call.push(LARGE)
    waits = await at_a_stand(method.pull)
    return Standing(call, method, lambda: call.push(b"x"), method.pull, pushing, waits)


async def in_with_the_window_full(on: Stage) -> Standing:
    call = await on.begin("Upload")
    for _ in range(8):
        await call.push(bytes(WINDOW))
    method = await on.begun()
    await on.proxy.newest.up.stalled()
    return Standing(call, method, lambda: call.push(b"x"), method.pull)


async def in_with_the_network_full(on: Stage) -> Standing:
    call = await on.begin("Upload")
    pushing = call.push(LARGE)
    method = await on.begun()
    await on.proxy.newest.up.stalled()
    return Standing(call, method, lambda: call.push(b"x"), method.pull, pushing)


async def in_after_the_end_that_was_not_read(on: Stage) -> Standing:
    call = await on.begin("Upload")
    await call.push(BLOCK)
    await call.push(b"")
    return Standing(call, await on.begun(), call.complete, None, call.complete())


async def in_while_the_method_computes(on: Stage) -> Standing:
    call = await on.begin("Upload")
    await call.push(BLOCK)
    await call.push(b"")
    method = await on.begun()
    while await method.pull():
        pass
    return Standing(call, method, call.complete, None, call.complete())


async def in_in_the_midst_of_the_answer(on: Stage) -> Standing:
    standing = await in_while_the_method_computes(on)
    assert standing.method is not None
    on.proxy.newest.down.allow(10)
    standing.method.answer()
    await standing.method.ended
    await on.proxy.newest.down.stalled()
    return Standing(standing.call, None, standing.call.complete, None, standing.client_waits)


# ---------------------------------------------------------------------------- [out]


async def out_before_the_first_block(on: Stage) -> Standing:
    call, method = await on.both("Download")
    return Standing(call, method, call.pull, lambda: method.push(b"x"), call.pull())


async def out_between_two_blocks(on: Stage) -> Standing:
    call, method = await on.both("Download")
    await method.push(BLOCK)
    assert await call.pull()
    return Standing(call, method, call.pull, lambda: method.push(b"x"))


async def out_in_the_midst_of_a_chunk(on: Stage) -> Standing:
    call, method = await on.both("Download")
    on.proxy.newest.down.allow(10_000)
    pushing = method.push(LARGE)
    assert await call.pull()
    await on.proxy.newest.down.stalled()
    return Standing(call, method, call.pull, lambda: method.push(b"x"), None, pushing)


async def out_with_the_window_full(on: Stage) -> Standing:
    call, method = await on.both("Download")
    for _ in range(8):
        await method.push(bytes(WINDOW))
    await on.proxy.newest.down.stalled()
    return Standing(call, method, call.pull, lambda: method.push(b"x"))


async def out_with_the_network_full(on: Stage) -> Standing:
    call, method = await on.both("Download")
    pushing = method.push(LARGE)
    await on.proxy.newest.down.stalled()
    return Standing(call, method, call.pull, lambda: method.push(b"x"), None, pushing)


async def out_after_the_end_that_was_not_read(on: Stage) -> Standing:
    call, method = await on.both("Download")
    await method.push(BLOCK)
    await method.push(b"")
    await on.proxy.newest.down.stalled()
    return Standing(call, method, _to_the_end(call), None)


async def out_while_the_method_computes(on: Stage) -> Standing:
    call, method = await on.both("Download")
    await method.push(BLOCK)
    await method.push(b"")
    while await call.pull():
        pass
    return Standing(call, method, call.complete, None, call.complete())


async def out_in_the_midst_of_the_answer(on: Stage) -> Standing:
    standing = await out_while_the_method_computes(on)
    assert standing.method is not None
    on.proxy.newest.down.allow(10)
    standing.method.answer()
    await standing.method.ended
    await on.proxy.newest.down.stalled()
    return Standing(standing.call, None, standing.call.complete, None, standing.client_waits)


def _to_the_end(call: ClientCall) -> Callable[[], asyncio.Future[Any]]:
    """Pull to the end, if that was not reached before, and complete."""
    drained = False

    async def all_of_it() -> None:
        nonlocal drained
        while not drained:
            drained = not await call.pull()
        await call.complete()

    return lambda: asyncio.ensure_future(all_of_it())


# ---------------------------------------------------------------------------- [in, out]


async def both_ways_before_the_first_push(on: Stage) -> Standing:
    call = await on.begin("Transform")
    return Standing(call, None, lambda: call.push(b"x"))


async def both_ways_with_the_network_full_inwards(on: Stage) -> Standing:
    call = await on.begin("Transform")
    pushing = call.push(LARGE)
    method = await on.begun()
    await on.proxy.newest.up.stalled()
    return Standing(call, method, lambda: call.push(b"x"), method.pull, pushing)


async def both_ways_at_the_turn(on: Stage) -> Standing:
    call = await on.begin("Transform")
    await call.push(BLOCK)
    await call.push(b"")
    method = await on.begun()
    while await method.pull():
        pass
    return Standing(call, method, call.pull, lambda: method.push(b"x"), call.pull())


async def both_ways_with_the_network_full_outwards(on: Stage) -> Standing:
    standing = await both_ways_at_the_turn(on)
    method = standing.method
    assert method is not None
    assert standing.client_waits is not None
    pushing = method.push(LARGE)
    assert await standing.client_waits
    await on.proxy.newest.down.stalled()
    return Standing(standing.call, method, standing.call.pull, standing.server, None, pushing)


async def both_ways_while_the_method_computes(on: Stage) -> Standing:
    standing = await both_ways_at_the_turn(on)
    method, call = standing.method, standing.call
    assert method is not None
    assert standing.client_waits is not None
    await method.push(BLOCK)
    await method.push(b"")
    assert await standing.client_waits
    while await call.pull():
        pass
    return Standing(call, method, call.complete, None, call.complete())


STATES: Final[tuple[State, ...]] = (
    in_before_the_first_push,
    in_between_two_pushes,
    in_while_the_server_waits_for_more,
    in_in_the_midst_of_a_chunk,
    in_with_the_window_full,
    in_with_the_network_full,
    in_after_the_end_that_was_not_read,
    in_while_the_method_computes,
    in_in_the_midst_of_the_answer,
    out_before_the_first_block,
    out_between_two_blocks,
    out_in_the_midst_of_a_chunk,
    out_with_the_window_full,
    out_with_the_network_full,
    out_after_the_end_that_was_not_read,
    out_while_the_method_computes,
    out_in_the_midst_of_the_answer,
    both_ways_before_the_first_push,
    both_ways_with_the_network_full_inwards,
    both_ways_at_the_turn,
    both_ways_with_the_network_full_outwards,
    both_ways_while_the_method_computes,
)

UNREAD: Final = (
    in_with_the_network_full,
    out_with_the_network_full,
    both_ways_with_the_network_full_inwards,
    both_ways_with_the_network_full_outwards,
)
"""An orderly end cannot reach who reads nothing, as it comes behind what was sent before; a reset can."""

FAULTS: Final = (Connection.reset, Connection.close, Connection.half_close)


async def error_of(waiting: asyncio.Future[Any] | None, again: Callable[[], asyncio.Future[Any]]) -> Exception:
    """What an application gets that waits, or tries again and again: what arrived before comes first."""
    while True:
        try:
            await (again() if waiting is None else waiting)
            waiting = None
        except Exception as error:
            return error


async def client_is_told(standing: Standing, kind: type[RpcError] = ConnectionLost) -> None:
    if standing.client_waits is None and standing.method is not None:
        await soon(lambda: standing.call.call.done, "what an idle client learns of its server's end")
    error = await error_of(standing.client_waits, standing.client)
    assert type(error) is kind, repr(error)
    for again in (standing.client, standing.call.complete):
        assert await error_of(None, again) is error
    await standing.call.leave()


async def server_is_told(standing: Standing, kind: type[RpcError] = ConnectionLost) -> None:
    method = standing.method
    if method is None:
        return
    if standing.server_waits is not None:
        error = await error_of(standing.server_waits, standing.server or method.pull)
        assert type(error) is kind, repr(error)
        assert await method.ended is error
        return
    # It waits for something else, and is told within a second; coroutines by being cancelled, once.
    await soon(lambda: method.call.cancelled, "what the server learns of its client's end")
    if method.threaded:
        if standing.server is not None:
            error = await error_of(None, standing.server)
            assert type(error) is kind, repr(error)
            assert await method.ended is error
        else:
            method.answer()
            assert await method.ended is None
    else:
        assert isinstance(await method.ended, asyncio.CancelledError)


@pytest.mark.parametrize("state", STATES)
@on_a_loop
async def test_a_connection_ends_in_any_state_of_a_pipe_and_both_ends_are_told_once(state: State) -> None:
    async def play(fault: Callable[[Connection], Awaitable[None]], client: str, server: str) -> None:
        try:
            async with asyncio.timeout(5), stage(client, server, pipe_window=WINDOW) as on:
                await on.client.plain("Open", 5)
                standing = await state(on)
                began = asyncio.get_running_loop().time()
                await on.proxy.each(fault)
                await asyncio.gather(client_is_told(standing), server_is_told(standing))
                took = asyncio.get_running_loop().time() - began
                assert took < 4, f"{took:.2f} s"
                await on.client.plain("Add", 1, 2)  # the channel goes on as well, over a connection of its own
                await on.goes_on()
                assert on.service.rundowns == [5]
        except Exception as error:
            error.add_note(f"{fault.__name__}, client {client}, server {server}")
            raise

    async with asyncio.TaskGroup() as all_of_them:
        faults = (Connection.reset,) if state in UNREAD else FAULTS
        for combination in itertools.product(faults, FRONTS, FRONTS):
            all_of_them.create_task(play(*combination))
