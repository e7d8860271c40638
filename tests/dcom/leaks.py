"""Call objects and proxies of another machine, made and abandoned in all states: nothing of them is left on either.

    python -m tests.dcom.leaks 100000
"""

from __future__ import annotations

import asyncio
import gc
import sys
import tracemalloc
from typing import Any, Final

from idlrt import com, dcom, rpc
from idlrt.com.async_calls import CallObject
from idlrt.com.hresult import HResultError
from idlrt.com.outgoing import enabled, pending
from idlrt.com.proxy import Proxy, Remote
from idlrt.dcom.tables import Pointer, Stub
from idlrt.ids import NDR20
from tests.dcom.stage import Calc, Desk, lab, until
from tests.faults.stage import descriptors
from tests.traced import traced

AT_A_TIME: Final = 180
"""Objects after which it waits until the server has those back that nobody holds."""
GROWTH: Final = 384 << 10
"""Octets that may be kept: caches, and up to 256 calls of a connection that were given up and are never answered.

A call object left each time is more, in the thousand of `make test` already.
"""


class Answer(com.CallObject, lab.AsyncICalc):  # type: ignore[misc]
    """A server's call object that is signaled a turn of the loop after Begin_."""

    def __init__(self, calc: Any = None) -> None:
        pass

    async def Begin_Add(self, a: int, b: int) -> int:
        asyncio.get_running_loop().call_soon(self.signal)
        return 0

    async def Finish_Add(self) -> int:
        return 3

    async def Begin_Wait(self, number: int) -> int:
        return 0  # nobody signals it

    async def Finish_Wait(self) -> int:
        return 0

    Begin_Grant, Finish_Grant, Begin_Measure, Finish_Measure = Begin_Wait, Finish_Wait, Begin_Wait, Finish_Wait


class Answering(com.CallFactory, Calc):
    """Calls of it go to call objects."""

    CALL_OBJECTS = (Answer,)


async def abandon(server: dcom.Exporter, client: dcom.Exporter, desk: Any, number: int) -> None:
    """Have an object exported, reach it, make a call object of its proxy, and leave all of that in some state."""
    served = Answering() if number % 2 else Calc()
    calc = await client.bind(await server.reference(served, lab.ICalc), lab.ICalc)
    call = await com.new_call(calc, lab.AsyncICalc)
    match number // 2 % 9:
        case 0:
            await call.Begin_Add(1, 2)
        case 1:
            await call.Begin_Add(1, 2)
            call.Release()
            calc.Release()
        case 2:
            await call.Begin_Wait(1)
            await call.Cancel(0)
        case 3:
            (await call.GetHandle()).fileno()
            await call.Begin_Add(1, 2)
        case 4:
            await call.Begin_Add(1, 2)
            await call.Wait(0, 60_000)
        case 5:
            await call.Begin_Add(1, 2)
            assert await call.Finish_Add() == 3
        case 6:
            waiting = asyncio.create_task(calc.Wait(1))
            await asyncio.sleep(0)
            waiting.cancel()
        case 7:
            assert await desk.Use(Calc(), 2) == 4  # which is called back
        case _:
            pass


def left(*exporters: dcom.Exporter) -> dict[str, int]:
    """What could be left behind, counted."""
    gc.collect()
    objects = gc.get_objects()
    kinds: dict[str, Any] = {"call objects": CallObject, "proxies": (Proxy, Remote), "objects": Calc}
    kinds |= {"IPIDs": Pointer, "OIDs": Stub}
    counted = {name: sum(isinstance(each, kind) for each in objects) for name, kind in kinds.items()}
    counted |= {
        "references": sum(p.references for each in exporters for stub in each.tables for p in stub.pointers.values()),
        "exporters": sum(len(each.exporters) for each in exporters),
        "pinged": sum(len(each.pinger) for each in exporters),
        "calls of servers": sum(len(each.server.running) for each in exporters),
        "tasks": len(asyncio.all_tasks()),
        "tasks of apartments": sum(len(each._tasks) for each in objects if isinstance(each, com.Apartment)),
        "descriptors": descriptors(),
        "calls under way": len(pending) + len(enabled),
    }
    return counted


async def leak(count: int) -> tuple[dict[str, int], dict[str, int], int]:
    """What there was before so many objects, what afterwards, and by how many octets memory has grown."""
    here = com.Apartment.current()
    gc.collect()
    gc.freeze()  # what the interpreter has by now is looked through by nobody

    async def connect(binding: rpc.StringBinding) -> rpc.Channel:
        # What was cancelled is given up soon: no method here ends by being asked to.
        return await rpc.connect(binding, causal=False, transfers=(NDR20,), connections=8, cancel_grace=0.02)

    async with dcom.Exporter(connect=connect) as server, dcom.Exporter(connect=connect) as client:
        for each in server, client:
            await each.listen("ncacn_ip_tcp:127.0.0.1[0]")
        lender = Desk()
        desk = await client.bind(await server.text(lender, lab.IDesk), lab.IDesk)

        def calm() -> bool:
            gc.collect()
            tables = len(server.tables), len(client.tables), len(client.exporters), len(server.pinger)
            releasing = any(each._releasing for end in (server, client) for each in end.exporters.values())
            return tables == (1, 0, 1, 0) and not (server.server.running or here._tasks or releasing)

        async def quiet() -> None:
            lender.causality.clear()  # which it notes of each call
            try:
                await until(calm)
            except TimeoutError:
                raise AssertionError(f"{server.server.running} run, and there are {left(server, client)}") from None
            for _ in range(5):
                await asyncio.sleep(0)

        async def repeat(times: int) -> None:
            for number in range(times):
                await abandon(server, client, desk, number)
                if number % AT_A_TIME == AT_A_TIME - 1:
                    await quiet()
            await quiet()

        with traced():
            await repeat(180)  # what is made once is made now, caches are filled, connections are there
            before, memory = left(server, client), tracemalloc.get_traced_memory()[0]
            await repeat(count)
            after, grown = left(server, client), tracemalloc.get_traced_memory()[0] - memory
        gc.unfreeze()
        return before, after, grown


if __name__ == "__main__":
    try:
        before, after, grown = asyncio.run(leak(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000))
    except HResultError as error:
        sys.exit(str(error))
    print(before, after, f"{grown:,} octets more", sep="\n")
    sys.exit(before != after or grown > GROWTH)
