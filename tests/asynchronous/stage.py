"""Services with operations of every kind, which note where and in which order their calls arrive."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from idlrt import rpc
from idlrt.association import ServerConfig
from tests.compiled import compile_cached

IDL = """
    [uuid(7c0f0a51-93b5-4f0a-8d47-6f0d5d0c1e01), version(1.0), pointer_default(unique)]
    interface Stage
    {
        typedef pipe byte OCTETS;
        long Sync([in] long n);
        long Async([in] long n);
        long Store([in] hyper n, [in] OCTETS source);
        long Upload([in] hyper n, [in] OCTETS source);
        long Download([in] long n, [out] OCTETS sink);
        void Large([in] long n, [in] unsigned long size, [out, size_is(size)] byte data[]);
        void LargeAsync([in] long n, [in] unsigned long size, [out, size_is(size)] byte data[]);
    }
    [uuid(7c0f0a51-93b5-4f0a-8d47-6f0d5d0c1e02), version(1.0)]
    interface Wings { long Enter([in] long n); }
"""
ACF = """
    interface Stage { [async] Async(); [async] Upload(); [async] Download(); [async] LargeAsync(); }
    interface Wings { [async] Enter(); }
"""
MODULE = compile_cached(IDL, "stage", ACF).module
PLAIN = compile_cached(IDL, "stage").module
"""The same interfaces without asynchronous functions."""

SYNC, ASYNC, PIPE = "sync", "async", "pipe"


class Stage(MODULE.StageService):  # type: ignore[misc, name-defined]
    """Calls wait until the test lets them go, by their number, or all at once."""

    def __init__(self) -> None:
        self.arrived: list[int] = []
        self.running: list[tuple[str, str]] = []
        """Connection and kind of the calls that run."""
        self.mixed: list[list[str]] = []
        """Kinds that were found together on a connection where they must not be."""
        self.together = 0
        """Most [async] calls that ran on one connection at a time."""
        self.connections: Counter[str] = Counter()
        self.calls: list[rpc.Call] = []
        self.groups: set[int] = set()
        self.patient = False  # calls wait to be let go
        self._gates: dict[int, asyncio.Event] = {}
        self._changed = asyncio.Event()

    def gate(self, number: int) -> asyncio.Event:
        return self._gates.setdefault(number, asyncio.Event())

    async def until(self, fact: Callable[[], bool]) -> None:
        """Wait until something is so, which calls that arrive or end may bring about."""
        while not fact():
            self._changed.clear()
            await self._changed.wait()

    @asynccontextmanager
    async def _entered(self, call: rpc.Call, kind: str, number: int) -> AsyncIterator[None]:
        self.arrived.append(number)
        self.calls.append(call)
        self.groups.add(call.group_id)
        self.connections[call.client] += 1
        entry = (call.client, kind)
        self.running.append(entry)
        here = [other for client, other in self.running if client == call.client]
        if len(here) > 1 and set(here) != {ASYNC}:
            self.mixed.append(here)
        self.together = max(self.together, here.count(ASYNC))
        self._changed.set()
        try:
            if self.patient:
                await self.gate(number).wait()
            else:
                await asyncio.sleep(0)
            yield
        finally:
            self.running.remove(entry)
            self._changed.set()

    async def Sync(self, call: rpc.Call, n: int) -> int:
        async with self._entered(call, SYNC, n):
            return n

    async def Async(self, call: rpc.Call, n: int) -> int:
        async with self._entered(call, ASYNC, n):
            return n

    async def Store(self, call: rpc.Call, n: int, source: Any) -> int:
        async with self._entered(call, PIPE, n):
            return sum([len(block) async for block in source])

    async def Upload(self, call: rpc.Call, n: int, source: Any) -> int:
        async with self._entered(call, PIPE, n):
            return sum([len(block) async for block in source])

    async def Download(self, call: rpc.Call, n: int, sink: Any) -> int:
        async with self._entered(call, PIPE, n):
            await sink.push(bytes(n + 1))
            await sink.push(b"")
            return n

    async def Large(self, call: rpc.Call, n: int, size: int) -> bytes:
        async with self._entered(call, SYNC, n):
            return bytes(size)

    async def LargeAsync(self, call: rpc.Call, n: int, size: int) -> bytes:
        async with self._entered(call, ASYNC, n):
            return bytes(size)


class Wings(MODULE.WingsService):  # type: ignore[misc, name-defined]
    """Another interface of the same server; its calls are the stage's."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage

    async def Enter(self, call: rpc.Call, n: int) -> int:
        async with self.stage._entered(call, ASYNC, n):
            return n


class OneAtATime(rpc.Server):
    """A server that grants no concurrent multiplexing."""

    def config(self, join: Callable[[int], int | None], endpoint: str) -> ServerConfig:
        return replace(super().config(join, endpoint), multiplex=False)


@asynccontextmanager
async def staged(stage: Stage, kind: type[rpc.Server] = rpc.Server, **options: Any) -> AsyncIterator[rpc.Channel]:
    """A channel over TCP, where connections have names."""
    async with kind([stage, Wings(stage)]) as server:
        binding = await server.listen("ncacn_ip_tcp:127.0.0.1[0]")
        async with rpc.connect(binding, **options) as channel:
            yield channel
