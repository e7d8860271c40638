"""Pipe throughput against a bare asyncio Protocol that writes the same blocks to a socket.

Both sides are clients of a server in a process of its own, on TCP over loopback; the server counts what
arrives. The bare one is what a transport can do at most: no protocol, no framing.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import statistics
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from time import perf_counter
from types import ModuleType
from typing import Any

from idlrt import rpc
from tests.bench.stubs import compile_stubs
from tests.bench.timing import Figure

TOTAL = 512 << 20
ROUNDS = 5
RIVAL = "asyncio Protocol"


# ---------------------------------------------------------------------------- the servers


class Counter(asyncio.Protocol):
    """Reads its total from the first eight octets, answers one octet when all of it came."""

    def __init__(self) -> None:
        self.left = -1
        self.head = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if self.left < 0:
            self.head += data
            self.left = int.from_bytes(self.head[:8], "little")
            data = self.head[8:]
        self.left -= len(data)
        if not self.left:
            self.transport.write(b"\1")


async def serve_bare(ready: Connection) -> None:
    server = await asyncio.get_running_loop().create_server(Counter, "127.0.0.1", 0)
    ready.send(server.sockets[0].getsockname()[1])
    await server.serve_forever()


async def serve_pipe(ready: Connection) -> None:
    bench = compile_stubs()

    base: Any = bench.BenchService

    class Store(base):
        async def Store(self, call: rpc.Call, content: Any) -> int:
            total = 0
            async for block in content:
                total += len(block)
            return total

    # The other operations are measured without a server.
    Store.__abstractmethods__ = frozenset()
    async with rpc.Server([Store()]) as server:
        binding = await server.listen("ncacn_ip_tcp:127.0.0.1[0]")
        ready.send(str(binding))
        await server.serve_forever()


def run_server(serve: Callable[[Connection], Any], ready: Connection) -> None:
    asyncio.run(serve(ready))


# ---------------------------------------------------------------------------- the clients


class Sender(asyncio.Protocol):
    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.done = loop.create_future()
        self.room = asyncio.Event()
        self.room.set()

    def pause_writing(self) -> None:
        self.room.clear()

    def resume_writing(self) -> None:
        self.room.set()

    def data_received(self, data: bytes) -> None:
        self.done.set_result(None)


async def send_bare(port: int, size: int) -> float:
    transport, protocol = await asyncio.get_running_loop().create_connection(Sender, "127.0.0.1", port)
    block = bytes(size)
    start = perf_counter()
    transport.write(TOTAL.to_bytes(8, "little"))
    for _ in range(TOTAL // size):
        transport.write(block)
        await protocol.room.wait()
    await protocol.done
    seconds = perf_counter() - start
    transport.close()
    return TOTAL / seconds / (1 << 20)


async def send_pipe(bench: ModuleType, binding: str, size: int) -> float:
    async with rpc.connect(binding) as channel:
        client = bench.BenchClient(channel)
        block = bytes(size)
        start = perf_counter()
        async with client.Store() as call:
            for _ in range(TOTAL // size):
                await call.content.push(block)
            await call.content.push(b"")
            total = await call.complete()
        seconds = perf_counter() - start
    if total != TOTAL:
        raise AssertionError(f"{total} octets arrived of {TOTAL}")
    return TOTAL / seconds / (1 << 20)


def run(bench: ModuleType, wanted: Callable[[str], bool]) -> Iterator[Figure]:
    names = {f"pipe push, blocks of {size >> 10} KiB": size for size in (4 << 10, 64 << 10, 1 << 20)}
    if not any(map(wanted, names)):
        return
    context = multiprocessing.get_context("spawn")
    processes, answers = [], []
    for serve in (serve_pipe, serve_bare):
        ours, theirs = context.Pipe()
        process = context.Process(target=run_server, args=(serve, theirs), daemon=True)
        process.start()
        processes.append(process)
        answers.append(ours.recv())
    binding, port = answers
    try:
        for name, size in names.items():
            if wanted(name):
                rates: tuple[list[float], list[float]] = ([], [])
                for _ in range(ROUNDS):
                    rates[0].append(asyncio.run(send_pipe(bench, binding, size)))
                    rates[1].append(asyncio.run(send_bare(port, size)))
                medians = [statistics.median(side) for side in rates]
                yield Figure(name, medians[0], medians[1], "MiB/s", RIVAL, higher_is_better=True)
    finally:
        for process in processes:
            process.terminate()
            process.join()
