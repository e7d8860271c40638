"""Calls of an object in another process, and of the same operation as a plain remote procedure there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from idlrt import com, dcom, rpc
from tests.bench.pipes import GRPC_ASYNCIO, Line, measured
from tests.bench.pipes.sides import OUTSTANDING, Side, check, work_async
from tests.bench.timing import Figure
from tests.compiled import compile_cached

OBJECT = Side("objects", "tests.bench.com_calls")
PLAIN = Side("plain RPC", "tests.bench.com_calls")

_stubs: Any = compile_cached(Path(__file__).with_suffix(".idl").read_text(encoding="utf-8"), "com_calls").module


class _Counter(com.Object, _stubs.ICounter):
    async def Next(self, value: int) -> int:
        return value + 1


class _Service(_stubs.CounterService):
    async def Next(self, call: rpc.Call, value: int) -> Any:
        return _stubs.NextResult(value + 1, 0)


def run(wanted: Callable[[str], bool]) -> Iterator[Figure]:
    """Thousands of calls per second."""
    one = Line("com remote calls, one by one", (OBJECT, "remote", ()), (PLAIN, "plain", ()), 0.7, 0.85, "k/s", 0.001)
    name = "com remote calls, 32 begun"
    many = Line(name, (OBJECT, "begun", ()), (GRPC_ASYNCIO, "calls", ()), 3, 5, "k/s", 0.001)
    return measured(([one], [many]), wanted)


# ---------------------------------------------------------------------------- the two processes


async def _serve(ready: Connection) -> None:
    async with dcom.Exporter([_Service()]) as exporter:
        address = await exporter.listen("ncacn_ip_tcp:127.0.0.1[0]")
        ready.send((address, await exporter.text(_Counter(), _stubs.ICounter)))
        await asyncio.get_running_loop().create_future()


def serve(ready: Connection) -> None:
    asyncio.run(_serve(ready))


class _Jobs:
    def __init__(self, counter: Any, client: Any, calls: list[Any]) -> None:
        self._counter = counter
        self._client = client
        self._calls = calls

    async def remote(self, calls: int) -> None:
        counter = self._counter
        for value in range(calls):
            check(await counter.Next(value), value + 1)

    async def plain(self, calls: int) -> None:
        client = self._client
        for value in range(calls):
            check((await client.Next(value)).next, value + 1)

    async def begun(self, calls: int) -> None:
        async def caller(number: int) -> None:
            call = self._calls[number]
            for value in range(number, calls, OUTSTANDING):
                await call.Begin_Next(value)
                check(await call.Finish_Next(), value + 1)

        await asyncio.gather(*map(caller, range(OUTSTANDING)))


async def _drive(where: tuple[str, str], control: Connection) -> None:
    address, reference = where
    async with dcom.Exporter() as exporter, rpc.connect(address) as channel:
        counter = await exporter.bind(reference, _stubs.ICounter)
        calls = [await com.new_call(counter, _stubs.AsyncICounter) for _ in range(OUTSTANDING)]
        await work_async(control, _Jobs(counter, _stubs.CounterClient(channel), calls))


def drive(where: tuple[str, str], control: Connection) -> None:
    asyncio.run(_drive(where, control))
