"""Two exporters and what they serve: in memory, where a host is a name, and over TCP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import idlc
from idlrt import com, dcom, rpc
from idlrt.com.hresult import HResultError
from idlrt.errors import ConnectError
from idlrt.ids import NDR20
from idlrt.rpc.channel import Channel
from idlrt.testing import connected
from tests.in_memory import load

_report = idlc.compile_text((Path(__file__).parent / "lab.idl").read_text(encoding="utf-8"), "lab.idl")
_report.raise_for_errors()
lab: Any = load(_report.files, "lab")


class Calc(com.Object, lab.ICalc):  # type: ignore[misc]
    """Adds; `Wait` takes until `go` is set."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.waiting = asyncio.Event()
        self.causality: list[Any] = []

    async def Add(self, a: int, b: int) -> int:
        self.causality.append(com.context.causality.get())
        return a + b

    async def Grant(self, code: int) -> int:
        if code == 7:
            raise RuntimeError("broken")
        if code < 0:
            raise HResultError(code)
        return code

    async def Measure(self, n: int, kept: int) -> Any:
        if n == 0:
            return lab.MeasureResult([], 0, None, kept)
        raise HResultError(0x80004005)

    async def Wait(self, number: int) -> int:
        self.waiting.set()
        await self.go.wait()
        return number


class Desk(Calc, lab.IDesk, lab.IName):  # type: ignore[misc]
    """Lends calculators and uses those of others."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: Any = None
        self.lent = Calc()

    async def Lend(self) -> Any:
        return lab.LendResult(self.lent)

    async def Find(self, riid: Any) -> Any:
        return lab.FindResult(await self.QueryInterface(riid))

    async def Use(self, calc: Any, a: int) -> int:
        self.causality.append(com.context.causality.get())
        return 0 if calc is None else await calc.Add(a, a)

    async def Keep(self, object: Any) -> int:
        self.kept = object
        return 0

    async def Swap(self, calc: Any) -> Any:
        given, self.lent = self.lent, calc
        return lab.SwapResult(given)

    async def Both(self, pair: Any) -> int:
        return sum([await each.Add(1, 2) for each in pair.calcs])

    async def Total(self, numbers: Any) -> int:
        return sum(numbers)

    async def Name(self) -> str:
        return "desk"


class Network:
    """Hosts in memory: exporters reach each other by name, and calls can be watched."""

    def __init__(self) -> None:
        self.hosts: dict[str, dcom.Exporter] = {}
        self.opened: list[str] = []

    async def connect(self, binding: rpc.StringBinding) -> Channel:
        self.opened.append(f"{binding.netaddr}[{binding.endpoint}]")
        found = self.hosts.get(binding.netaddr)
        if found is None:
            raise ConnectError(f"no host {binding.netaddr}")
        return connected(found.server, causal=False, transfers=(NDR20,), cancel_grace=0.2)

    @asynccontextmanager
    async def host(self, name: str, **options: Any) -> AsyncIterator[dcom.Exporter]:
        async with dcom.Exporter(connect=self.connect, **options) as exporter:
            exporter.announce(f"{name}[1]", resolver=(f"{name}[135]",))
            self.hosts[name] = exporter
            yield exporter


@asynccontextmanager
async def two(**options: Any) -> AsyncIterator[tuple[dcom.Exporter, dcom.Exporter]]:
    """A server and a client, in memory."""
    network = Network()
    async with network.host("server", **options) as server, network.host("client", **options) as client:
        yield server, client


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that happens by itself."""
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.001)


def run(facts: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(facts, 60))
