"""Streams between ends, and over networks, that are slow, while others are answered as ever.

    python -m tests.faults.slow BINDING

serves in a process of its own: it sends and takes a block at a time, and pauses between them as it is asked.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from idlrt import rpc
from tests.faults.endless import serve
from tests.faults.processes import running
from tests.faults.proxy import Proxy
from tests.faults.puppets import Unpiped
from tests.rpc.specimen.lab import LabClient

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

BLOCK: Final = 16 << 10

TCP: Final = "ncacn_ip_tcp:127.0.0.1[0]"


def blocks(count: int) -> Iterator[bytes]:
    """Made up, each different from the others."""
    for number in range(count):
        yield number.to_bytes(4, "little") * (BLOCK // 4)


def digest(data: Any) -> int:
    """What both ends compare: a part of the SHA-256 that a `long` holds."""
    whole = sha256()
    for block in data:
        whole.update(block)
    return int.from_bytes(whole.digest()[:3], "little")


class Slow(Unpiped):
    """Pauses are in milliseconds."""

    async def Upload(self, call: rpc.Call, id: int, source: Any) -> int:
        got = []
        while block := await source.pull(BLOCK):
            got.append(block)
            await asyncio.sleep(id / 1000)
        return digest(got)

    async def Download(self, call: rpc.Call, total: int, block: int, sink: Any) -> int:
        for data in blocks(total):
            await sink.push(data)
            await asyncio.sleep(block / 1000)
        await sink.push(b"")
        return digest(blocks(total))

    async def Transform(self, call: rpc.Call, key: int, stream: Any) -> int:
        raise NotImplementedError


async def slow_client_up(client: LabClient, count: int, pause: float) -> None:
    """One block each pause is pushed, and taken at once."""
    async with client.Upload(0) as call:
        for block in blocks(count):
            await call.source.push(block)
            await asyncio.sleep(pause)
        await call.source.push(b"")
        assert await call.complete() == digest(blocks(count))


async def slow_client_down(client: LabClient, count: int, pause: float) -> None:
    """One block each pause is pulled, of a server that would send all at once."""
    got = []
    async with client.Download(count, 0) as call:
        while block := await call.sink.pull(BLOCK):
            got.append(block)
            await asyncio.sleep(pause)
        assert await call.complete() == digest(blocks(count)) == digest(got)


async def slow_server_up(client: LabClient, count: int, pause: float) -> None:
    """All is pushed at once, and one block each pause taken."""
    assert await client.Upload(round(pause * 1000), blocks(count)) == digest(blocks(count))


async def slow_server_down(client: LabClient, count: int, pause: float) -> None:
    """One block each pause is sent, and pulled at once."""
    got: list[bytes] = []
    assert await client.Download(count, round(pause * 1000), got.append) == digest(blocks(count)) == digest(got)


Stream = Callable[[LabClient, int, float], Awaitable[None]]

SLOW_ENDS: Final[tuple[Stream, ...]] = (slow_client_up, slow_client_down, slow_server_up, slow_server_down)


async def answers(client: LabClient, during: Awaitable[None] | None, count: int) -> float:
    """The 99th percentile, in seconds, of calls one after the other while something else goes on, at least `count`."""
    loop = asyncio.get_running_loop()
    taken: list[float] = []
    task = None if during is None else asyncio.ensure_future(during)
    while len(taken) < count or (task is not None and not task.done()):
        start = loop.time()
        assert await client.Add(1, 2) == 3
        taken.append(loop.time() - start)
        await asyncio.sleep(0.002)
    if task is not None:
        await task
    return sorted(taken)[int(len(taken) * 0.99)]


@asynccontextmanager
async def two_ways(rate: int | None = None, delay: float = 0.0) -> AsyncIterator[tuple[LabClient, LabClient]]:
    """A client over a network of that kind, and one of the same process that reaches the server without it."""
    with running("tests.faults.slow", TCP) as (_, binding):
        port = int(rpc.StringBinding.parse(binding).endpoint)
        async with (
            Proxy(port, rate=rate, delay=delay) as proxy,
            rpc.connect(proxy.binding) as through,
            rpc.connect(binding) as direct,
        ):
            yield LabClient(through), LabClient(direct)


if __name__ == "__main__":
    asyncio.run(serve(Slow, sys.argv[1]))
