"""Real processes are killed, or stopped for ever, in the midst of a pipe."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable
from typing import Any

import pytest

from idlrt import rpc
from idlrt.errors import ConnectionLost, RpcTimeout
from tests.faults.endless import MADE_UP
from tests.faults.processes import running
from tests.faults.puppets import FRONTS, Client, ClientCall, Coroutines, soon
from tests.faults.stage import on_a_loop
from tests.faults.test_kills import at_a_stand, error_of

TCP = "ncacn_ip_tcp:127.0.0.1[0]"

SILENCE = 0.5
"""Seconds without a word after which a peer that stopped is given up."""


async def begun(client: Client, operation: str) -> tuple[ClientCall, Callable[[], asyncio.Future[Any]]]:
    """A call of the endless server's, and what its client does again and again."""
    call = await client.begin(operation)
    return call, (lambda: call.push(bytes(MADE_UP))) if operation == "Upload" else call.pull


@pytest.mark.parametrize("front", FRONTS)
@pytest.mark.parametrize("operation", ["Upload", "Download"])
@on_a_loop
async def test_a_server_process_that_is_killed_is_a_lost_connection(front: str, operation: str) -> None:
    with running("tests.faults.endless", TCP) as (process, binding):
        client = Client(front)
        await client.connect(binding)
        call, step = await begun(client, operation)
        waiting = step()
        process.send_signal(signal.SIGKILL)
        error = await error_of(waiting, step)
        assert type(error) is ConnectionLost
        assert await error_of(None, call.complete) is error
        await call.leave()
        await client.close()


@pytest.mark.parametrize("front", FRONTS)
@pytest.mark.parametrize("operation", ["Upload", "Download"])
@on_a_loop
async def test_a_server_process_that_stops_for_ever_is_given_up_after_the_time_out(front: str, operation: str) -> None:
    with running("tests.faults.endless", TCP) as (process, binding):
        client = Client(front, timeout=SILENCE)
        await client.connect(binding)
        call, step = await begun(client, operation)
        waiting = step()
        process.send_signal(signal.SIGSTOP)
        try:
            started = time.monotonic()
            error = await error_of(waiting, step)
            assert type(error) is RpcTimeout
            assert time.monotonic() - started >= SILENCE / 2
            assert await error_of(None, call.complete) is error
            await call.leave()
            await client.close()
        finally:
            process.send_signal(signal.SIGCONT)


@pytest.mark.parametrize("operation", ["Upload", "Download"])
@on_a_loop
async def test_a_client_process_that_is_killed_is_a_lost_connection_to_the_method(operation: str) -> None:
    service = Coroutines()
    async with rpc.Server([service]) as server:
        binding = await server.listen(TCP)
        with running("tests.faults.client", binding, operation) as (process, _):
            method = await service.methods.get()
            if operation == "Upload":
                waiting = await at_a_stand(method.pull)
            else:
                waiting = await at_a_stand(lambda: method.push(bytes(MADE_UP)))
            process.send_signal(signal.SIGKILL)
            with pytest.raises(ConnectionLost) as caught:
                await waiting
            assert await method.ended is caught.value
            await soon(lambda: not server.running and not server.links, "the end of all that was the client's")
