"""A server or a client of objects in a process of its own, to be killed in the midst of its calls.

    python -m tests.dcom.mortal server
    python -m tests.dcom.mortal client NAME
"""

from __future__ import annotations

import asyncio
import sys
import threading
from typing import Any
from weakref import WeakSet

from idlrt import com, dcom
from tests.dcom.stage import Calc, lab

TCP = "ncacn_ip_tcp:127.0.0.1[0]"


class Slow(com.CallObject, lab.AsyncICalc):  # type: ignore[misc]
    """A server's call object, whose every step takes until its calculator lets it."""

    def __init__(self, calc: Any) -> None:
        self.calc = calc
        calc.calls.add(self)

    async def Begin_Wait(self, number: int) -> int:
        self.number = number
        if self.calc.slow_begin:
            self.calc.waiting.set()
            await self.calc.go.wait()
        elif self.calc.slow_finish:
            asyncio.get_running_loop().call_soon(self.signal)
        else:
            self.calc.waiting.set()
        return 0

    async def Finish_Wait(self) -> int:
        self.calc.waiting.set()
        await self.calc.go.wait()
        return self.number

    async def Begin_Add(self, a: int, b: int) -> int:
        self.number = a + b
        self.signal()
        return 0

    async def Finish_Add(self) -> int:
        return self.number

    Begin_Grant, Finish_Grant, Begin_Measure, Finish_Measure = Begin_Wait, Finish_Wait, Begin_Wait, Finish_Wait


class Driven(com.CallFactory, Calc):
    """A calculator with call objects, which stop where they are told."""

    CALL_OBJECTS = (Slow,)

    def __init__(self, *, slow_begin: bool = False, slow_finish: bool = False) -> None:
        super().__init__()
        self.slow_begin = slow_begin
        self.slow_finish = slow_finish
        self.calls: WeakSet[Slow] = WeakSet()


async def until_the_end_of_input() -> None:
    loop, over = asyncio.get_running_loop(), asyncio.Event()

    def read() -> None:
        sys.stdin.buffer.read()
        loop.call_soon_threadsafe(over.set)

    threading.Thread(target=read, daemon=True).start()
    await over.wait()


async def server() -> None:
    """Serves one calculator whose methods are called, and one with call objects."""
    async with dcom.Exporter() as here:
        await here.listen(TCP)
        print(await here.text(Calc(), lab.ICalc), await here.text(Driven(), lab.ICalc), flush=True)
        await until_the_end_of_input()


async def client(*names: str) -> None:
    """Has a call of each object under way, one of them cancelled, and one call object that nothing was begun of."""
    async with dcom.Exporter() as here:
        calcs = [await here.bind(name, lab.ICalc) for name in names]
        calls = [await com.new_call(calc, lab.AsyncICalc) for calc in calcs]
        for number, call in enumerate(calls):
            await call.Begin_Wait(number)
        idle = await com.new_call(calcs[0], lab.AsyncICalc)
        waiting = [asyncio.create_task(calc.Wait(9)) for calc in calcs]
        await calcs[0].Grant(0)
        await calls[0].Cancel(0)
        print("under way", flush=True)
        await until_the_end_of_input()
        del idle, waiting


if __name__ == "__main__":
    asyncio.run({"server": server, "client": client}[sys.argv[1]](*sys.argv[2:]))
