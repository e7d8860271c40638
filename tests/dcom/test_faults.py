"""Connections that are lost and processes that are killed, at every state of a call: one result, and nothing left."""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final

import pytest

from idlrt import com, dcom, rpc
from idlrt.com.async_calls import CallState
from idlrt.com.hresult import HResultError, hresult_name
from idlrt.dcom.ping import EXPIRY
from idlrt.ids import NDR20
from tests.dcom.mortal import TCP, Driven
from tests.dcom.stage import Calc, lab, run, until
from tests.faults.processes import running
from tests.faults.proxy import Connection, Proxy

LOST: Final = hresult_name(0x800706BE)  # RPC_S_CALL_FAILED
GONE: Final = hresult_name(0x800706BA)  # RPC_S_SERVER_UNAVAILABLE
FINISHED: Final = "RPC_E_CALL_COMPLETE"
CANCELED: Final = "RPC_E_CALL_CANCELED"


async def garbled(connection: Connection) -> None:
    with suppress(OSError):  # of those that were closed before
        await connection.garble()


DEATHS: Final[dict[str, tuple[Callable[[Connection], Any], str]]] = {
    "closed": (Connection.close, LOST),
    "reset": (Connection.reset, LOST),
    "no sense": (garbled, hresult_name(0x800706C0)),  # RPC_S_PROTOCOL_ERROR
}
"""What happens to all connections, and what a call comes to by that."""


async def name_of(work: Awaitable[Any]) -> str:
    """The name of the failure that it comes to."""
    async with asyncio.timeout(20):
        try:
            return f"no failure, but {await work!r}"
        except HResultError as error:
            return error.name


@dataclass
class Bench:
    """A server, a client behind a network that can fail, and another client that nothing happens to."""

    server: dcom.Exporter
    client: dcom.Exporter
    other: dcom.Exporter
    network: Proxy
    served: Any
    calc: Any
    """Proxy of what is served."""
    call: Any
    """Call object of that."""
    finish: asyncio.Task[str] | None = None
    """Of Finish_, if somebody is in it already."""

    def finished(self) -> Awaitable[str]:
        return self.finish or name_of(self.call.Finish_Wait())


@asynccontextmanager
async def bench(served: Any) -> AsyncIterator[Bench]:
    before = asyncio.all_tasks()
    async with dcom.Exporter() as server:
        bound = rpc.StringBinding.parse(await server.listen(TCP))
        async with Proxy(int(bound.endpoint)) as network:

            async def connect(binding: rpc.StringBinding) -> rpc.Channel:
                return await rpc.connect(network.binding, causal=False, transfers=(NDR20,), cancel_grace=5.0)

            async with dcom.Exporter(connect=connect) as client, dcom.Exporter() as other:
                calc = await client.bind(await server.text(served, lab.ICalc), lab.ICalc)
                assert await calc.Add(1, 1) == 2
                yield Bench(server, client, other, network, served, calc, await com.new_call(calc, lab.AsyncICalc))
                del calc
    await until(lambda: asyncio.all_tasks() == before)


# ---------------------------------------------------------------------------- states


async def begun_and_not_sent(on: Bench) -> None:
    on.network.newest.silence()
    assert await on.call.Begin_Wait(1) == 0


async def pending_at_the_server(on: Bench) -> None:
    assert await on.call.Begin_Wait(1) == 0
    await on.served.waiting.wait()


async def finish_awaited(on: Bench) -> None:
    await pending_at_the_server(on)
    on.finish = asyncio.create_task(name_of(on.call.Finish_Wait()))
    await asyncio.sleep(0)


async def cancel_sent(on: Bench) -> None:
    """Asked for, and the client waits for what becomes of it."""
    await pending_at_the_server(on)
    (running,) = on.server.server.running
    on.finish = asyncio.create_task(name_of(on.call.Finish_Wait()))
    cancelling = asyncio.create_task(name_of(on.call.Cancel(60)))
    await until(lambda: running.cancelled)
    assert not cancelling.done()


async def answered_after_a_silence(on: Bench) -> None:
    """The answer is under way and does not arrive."""
    await pending_at_the_server(on)
    on.network.newest.down.allow(0)
    on.served.go.set()
    for call in getattr(on.served, "calls", ()):
        call.signal()
    await until(lambda: not on.server.server.running)


SERVED: Final[dict[str, Callable[[], Any]]] = {
    "method": Calc,
    "call object": Driven,
    "within Begin_": lambda: Driven(slow_begin=True),
    "signaled, within Finish_": lambda: Driven(slow_finish=True),
}
STATES: Final = [
    (served, state)
    for served in SERVED
    for state in (begun_and_not_sent, pending_at_the_server, finish_awaited, cancel_sent, answered_after_a_silence)
]


@pytest.mark.parametrize("death", DEATHS)
@pytest.mark.parametrize(("served", "state"), STATES, ids=[f"{s}, {f.__name__}" for s, f in STATES])
def test_a_lost_connection_ends_a_call_once_and_leaves_nothing(
    served: str, state: Callable[[Bench], Awaitable[None]], death: str
) -> None:
    async def facts() -> None:
        async with bench(SERVED[served]()) as on:
            await state(on)
            kill, result = DEATHS[death]
            await on.network.each(kill)
            assert await on.finished() == result
            assert await name_of(on.call.Finish_Wait()) == FINISHED
            assert await name_of(on.call.Cancel(0)) == FINISHED
            assert on.call.state is CallState.IDLE
            # The server has done with it,
            await until(lambda: not on.server.server.running)
            if isinstance(on.served, Driven):
                await until(lambda: gc.collect() >= 0 and not on.served.calls)
            # serves others, and the same client with the same call object.
            calc = await on.other.bind(await on.server.text(on.served, lab.ICalc), lab.ICalc)
            assert await calc.Add(1, 2) == 3
            assert await on.call.Begin_Add(20, 22) == 0
            assert await on.call.Finish_Add() == 42
            # Connections take no references along, and all of them come back.
            assert len(on.server.tables) == 1
            on.calc.Release()
            calc.Release()
            await until(lambda: not len(on.server.tables))

    run(facts())


@pytest.mark.parametrize("death", DEATHS)
def test_a_connection_that_is_lost_between_calls_is_replaced(death: str) -> None:
    async def facts() -> None:
        async with bench(Calc()) as on:
            await on.network.each(DEATHS[death][0])
            assert on.call.state is CallState.IDLE
            (exporter,) = on.client.exporters.values()
            assert exporter.channel is not None
            pool = exporter.channel.pool
            await until(lambda: not pool.links)
            await on.call.Begin_Add(20, 22)
            assert await on.call.Finish_Add() == 42

    run(facts())


def test_a_call_that_is_cancelled_before_the_connection_is_lost_was_cancelled() -> None:
    async def facts() -> None:
        async with bench(Driven()) as on:
            await pending_at_the_server(on)
            assert await on.call.Cancel(0) == 0
            await on.network.each(Connection.reset)
            assert await on.finished() == CANCELED
            assert await name_of(on.call.Finish_Wait()) == FINISHED
            await until(lambda: not on.server.server.running)
            await until(lambda: gc.collect() >= 0 and not on.served.calls)

    run(facts())


def test_a_call_that_waits_for_the_end_of_a_cancel_is_told_when_the_connection_is_lost_instead() -> None:
    async def facts() -> None:
        async with bench(Driven()) as on:
            await pending_at_the_server(on)
            cancelling = asyncio.create_task(name_of(on.call.Cancel(60)))
            await asyncio.sleep(0)
            await on.network.each(Connection.reset)
            assert await cancelling == FINISHED
            assert await on.finished() == LOST

    run(facts())


# ---------------------------------------------------------------------------- processes


def test_a_server_process_that_is_killed_ends_all_calls_each_with_its_result() -> None:
    async def facts() -> None:
        with running("tests.dcom.mortal", "server") as (process, line):
            async with dcom.Exporter() as client:
                calcs = [await client.bind(name, lab.ICalc) for name in line.split()]
                idle = await com.new_call(calcs[0], lab.AsyncICalc)
                begun = [await com.new_call(calc, lab.AsyncICalc) for calc in calcs]
                cancelled = [await com.new_call(calc, lab.AsyncICalc) for calc in calcs]
                for call in begun + cancelled:
                    await call.Begin_Wait(1)
                plain = [asyncio.create_task(name_of(calc.Wait(1))) for calc in calcs]
                awaited = asyncio.create_task(name_of(begun[0].Finish_Wait()))
                for calc in calcs:
                    assert await calc.Add(1, 1) == 2  # so all of that is on its way, or there
                for call in cancelled:
                    await call.Cancel(0)
                process.send_signal(signal.SIGKILL)
                assert [await each for each in plain] == [LOST, LOST]
                assert await awaited == LOST
                assert await name_of(begun[1].Finish_Wait()) == LOST
                assert [await name_of(call.Finish_Wait()) for call in cancelled] == [CANCELED, CANCELED]
                assert [await name_of(call.Finish_Wait()) for call in begun + cancelled] == [FINISHED] * 4
                process.wait(10)
                for call in [idle, *begun]:
                    assert await call.Begin_Wait(1) == 0
                    assert await name_of(call.Finish_Wait()) == GONE
                assert await name_of(calcs[0].Add(1, 1)) == GONE

    run(facts())


def test_a_client_process_that_is_killed_leaves_no_call_at_once_and_no_object_in_the_end() -> None:
    async def facts() -> None:
        time = [1000.0]
        before = asyncio.all_tasks()
        async with dcom.Exporter(now=lambda: time[0]) as server, dcom.Exporter() as other:
            await server.listen(TCP)
            plain, driven = Calc(), Driven()
            calc = await other.bind(await server.text(plain, lab.ICalc), lab.ICalc)
            names = [await server.text(each, lab.ICalc) for each in (plain, driven)]
            with ExitStack() as killed:
                client = running("tests.dcom.mortal", "client", *names)
                process, _ = await asyncio.to_thread(killed.enter_context, client)
                await until(lambda: len(server.server.running) >= 3 and len(driven.calls) == 2)
                process.send_signal(signal.SIGKILL)
                await until(lambda: not server.server.running)
                await until(lambda: gc.collect() >= 0 and not driven.calls)
            assert len(server.tables) == 2  # connections take no references along
            await other.pinger.ping()
            time[0] += EXPIRY - 1
            await other.pinger.ping()
            server.resolver.expire()
            assert len(server.tables) == 2
            time[0] += 2
            server.resolver.expire()
            (stub,) = server.tables
            assert stub.identity is plain  # which somebody else pings for
            assert await calc.Add(1, 1) == 2
            calc.Release()
            await until(lambda: not other.pinger)
            await other.pinger.ping()  # which says so; what the killed one counted goes with time
            time[0] += EXPIRY
            server.resolver.expire()
            assert not len(server.tables)
        await until(lambda: asyncio.all_tasks() == before)

    run(facts())
