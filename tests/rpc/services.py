"""The specimen's service, once for the event loop and once for threads, and ways to reach it."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from functools import wraps
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from idlrt import blocking, pipes, rpc, testing
from idlrt.errors import CallCancelled, RpcFault
from tests.rpc.specimen.lab import LABCTX, OTHERCTX, LabService, StatResult


def on_a_loop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run a coroutine as a test, on a loop of its own, for a minute at most."""

    @wraps(test)
    def run(*arguments: Any, **named: Any) -> None:
        async def bounded() -> None:
            async with asyncio.timeout(60):
                await test(*arguments, **named)

        asyncio.run(bounded())

    return run


async def until(fact: Callable[[], object]) -> None:
    """Wait until something is so."""
    while not fact():
        await asyncio.sleep(0.001)


async def stubbornly(event: asyncio.Event) -> None:
    """Wait, cancelled or not."""
    while not event.is_set():
        try:
            await event.wait()
        except asyncio.CancelledError:
            pass


class Lab(LabService):
    """On the event loop."""

    def __init__(self) -> None:
        self.rundowns: list[object] = []
        self.notes: list[int] = []
        self.calls: list[rpc.Call] = []
        self.errors: list[BaseException] = []
        self.pulled = 0
        self.gate = asyncio.Event()
        self.ended = asyncio.Event()

    async def Add(self, call: rpc.Call, a: int, b: int) -> int:
        self.calls.append(call)
        return a + b

    async def Echo(self, call: rpc.Call, data: bytes) -> bytes:
        return data

    async def Upload(self, call: rpc.Call, id: int, source: pipes.PipeReader[bytes]) -> int:
        total = 0
        try:
            match id:
                case 1:  # stops in the midst
                    await source.pull()
                    raise RpcFault(0x1234)
                case 2:  # does not drain
                    await source.pull()
                    return 0
                case 3:  # waits until it is let go
                    await stubbornly(self.gate)
                case 4:  # never reads
                    await call.until_cancelled()
                    raise CallCancelled
            async for block in source:
                total += len(block)
                self.pulled = total
            if id == 5:
                await source.pull()
        except BaseException as error:
            self.errors.append(error)
            raise
        finally:
            self.ended.set()
        return total & 0x7FFFFFFF

    async def Download(self, call: rpc.Call, total: int, block: int, sink: pipes.PipeWriter[pipes.Bytes]) -> int:
        try:
            buffer = bytearray(block)
            for number in range(total // block):
                buffer[:] = bytes([number & 0xFF]) * block  # overwrites the block that was pushed before
                await sink.push(buffer)
                self.pulled += block
            if block == 13:
                raise RpcFault(0x1234)
            if block != 17:
                await sink.push(b"")
            if block == 19:
                await sink.push(b"more")
            return total & 0x7FFFFFFF
        except BaseException as error:
            self.errors.append(error)
            raise
        finally:
            self.ended.set()

    async def Transform(self, call: rpc.Call, key: int, stream: pipes.PipeDuplex[pipes.Bytes, bytes]) -> int:
        if key == 256:
            await stream.push(b"too early")
        blocks = [bytes(octet ^ key for octet in block) async for block in stream]
        for block in blocks:
            await stream.push(block)
        await stream.push(())
        return sum(map(len, blocks))

    async def Scale(
        self,
        call: rpc.Call,
        readings: pipes.PipeReader[pipes.Array[float]],
        by: float,
        scaled: pipes.PipeWriter[pipes.Numbers[float]],
    ) -> int:
        if by == 0:
            await scaled.push([0.0])
        got = [number async for block in readings for number in block]
        for number in got:
            await scaled.push([number * by])
        await scaled.push([])
        return len(got)

    async def Open(self, call: rpc.Call, name: int) -> LABCTX | None:
        if not name:
            return None
        handle = LABCTX()
        handle.state = name
        if name == 77:
            await stubbornly(self.gate)
        return handle

    async def Use(self, call: rpc.Call, handle: LABCTX) -> int:
        state: int = handle.state
        if state == 99:  # a slow one
            handle.state = -1
            await asyncio.sleep(0.02)
            handle.state = 99
        return state

    async def Close(self, call: rpc.Call, handle: LABCTX | None) -> LABCTX | None:
        return None

    async def OpenOther(self, call: rpc.Call) -> OTHERCTX | None:
        return OTHERCTX()

    async def Fail(self, call: rpc.Call, how: int) -> None:
        if how == 1:
            raise RpcFault(0x5678)
        if how == 2:
            raise CallCancelled
        raise ValueError("a secret of the server")

    async def Sleep(self, call: rpc.Call, milliseconds: int) -> int:
        self.calls.append(call)
        waiting = asyncio.ensure_future(call.until_cancelled())
        try:
            done, _ = await asyncio.wait([waiting], timeout=milliseconds / 1000)
        finally:
            waiting.cancel()
            self.ended.set()
        if done and milliseconds < 10_000:
            raise CallCancelled
        if done:  # takes no notice
            await self.gate.wait()
        return milliseconds

    async def Note(self, call: rpc.Call, what: int) -> None:
        self.notes.append(what)

    async def Stat(self, call: rpc.Call, id: int) -> StatResult:
        return StatResult(id * 1000, id)

    async def LABCTX_rundown(self, handle: LABCTX) -> None:
        self.rundowns.append(handle.state)

    async def OTHERCTX_rundown(self, handle: OTHERCTX) -> None:
        self.rundowns.append("other")


class ThreadedLab(LabService):
    """In threads: the same operations as plain functions. Pipe parameters are the blocking kind."""

    def __init__(self) -> None:
        self.rundowns: list[object] = []
        self.threads: set[str] = set()
        self.errors: list[BaseException] = []
        self.notes: list[int] = []

    def Add(self, call: rpc.Call, a: int, b: int) -> int:
        self.threads.add(threading.current_thread().name)
        return a + b

    def Echo(self, call: rpc.Call, data: bytes) -> bytes:
        return data

    def Upload(self, call: rpc.Call, id: int, source: Any) -> int:
        assert isinstance(source, blocking.PipeReader)
        try:
            if id == 1:
                source.pull()
                raise RpcFault(0x1234)
            return sum(len(block) for block in source) & 0x7FFFFFFF
        except BaseException as error:
            self.errors.append(error)
            raise

    def Download(self, call: rpc.Call, total: int, block: int, sink: Any) -> int:
        assert isinstance(sink, blocking.PipeWriter)
        for number in range(total // block):
            sink.push(bytes([number & 0xFF]) * block)
        sink.push(())
        return total & 0x7FFFFFFF

    def Transform(self, call: rpc.Call, key: int, stream: Any) -> int:
        blocks = [bytes(octet ^ key for octet in block) for block in stream]
        for block in blocks:
            stream.push(block)
        stream.push(())
        return sum(map(len, blocks))

    def Scale(self, call: rpc.Call, readings: Any, by: float, scaled: Any) -> int:
        got = [number for block in readings for number in block]
        scaled.push([number * by for number in got])
        if got:
            scaled.push([])
        return len(got)

    def Open(self, call: rpc.Call, name: int) -> LABCTX | None:
        handle = LABCTX()
        handle.state = name
        return handle

    def Use(self, call: rpc.Call, handle: LABCTX) -> int:
        state: int = handle.state
        return state

    def Close(self, call: rpc.Call, handle: LABCTX | None) -> LABCTX | None:
        return None

    def OpenOther(self, call: rpc.Call) -> OTHERCTX | None:
        return OTHERCTX()

    def Fail(self, call: rpc.Call, how: int) -> None:
        raise RpcFault(how)

    def Sleep(self, call: rpc.Call, milliseconds: int) -> int:
        end = time.monotonic() + milliseconds / 1000
        while time.monotonic() < end:
            if call.cancelled:
                raise CallCancelled
            time.sleep(0.002)
        return milliseconds

    def Note(self, call: rpc.Call, what: int) -> None:
        self.notes.append(what)

    def Stat(self, call: rpc.Call, id: int) -> StatResult:
        return StatResult(id * 1000, id)

    def LABCTX_rundown(self, handle: LABCTX) -> None:
        self.rundowns.append(handle.state)


WAYS = ["memory", "tcp", "unix"]


@asynccontextmanager
async def reach(way: str, *services: rpc.Service, **options: Any) -> AsyncIterator[rpc.Channel]:
    """A channel to a server of these services, over one of `WAYS`."""
    if way == "memory":
        async with testing.channel(*services, **options) as channel:
            yield channel
        return
    with TemporaryDirectory() as folder:
        text = "ncacn_ip_tcp:127.0.0.1[0]" if way == "tcp" else f"ncalrpc:[lab,dir={Path(folder)}]"
        async with rpc.Server(services) as server:
            binding = await server.listen(text)
            async with rpc.connect(binding, **options) as channel:
                yield channel
