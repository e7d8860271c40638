"""A server process for streams of any length: it makes up what it sends, counts what it gets, and knows its memory.

    python -m tests.faults.endless BINDING [FRAGMENT]

It prints its binding and serves until its standard input ends.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable
from itertools import count
from typing import Any, Final

from idlrt import pipes, rpc
from idlrt.association.limits import DEFAULT_FRAGMENT
from samples.file_transfer import memory
from tests.faults.puppets import Unpiped
from tests.rpc.specimen.lab import StatResult

MIB: Final = 1 << 20

MADE_UP: Final = memoryview(bytes(MIB))


class Endless(Unpiped):
    """Totals are in MiB, since a `long` would not hold them in octets."""

    async def Upload(self, call: rpc.Call, id: int, source: pipes.PipeReader[bytes]) -> int:
        """Count; with an id, read nothing."""
        if id:
            await call.until_cancelled()
        total = 0
        async for block in source:
            total += len(block)
        return total // MIB

    async def Download(self, call: rpc.Call, total: int, block: int, sink: pipes.PipeWriter[pipes.Bytes]) -> int:
        """Of no total, go on for ever."""
        made_up = MADE_UP[: block or MIB]
        for _ in range(total * MIB // len(made_up)) if total else count():
            await sink.push(made_up)
        await sink.push(b"")
        return total

    async def Transform(self, call: rpc.Call, key: int, stream: pipes.PipeDuplex[pipes.Bytes, bytes]) -> int:
        raise NotImplementedError

    async def Stat(self, call: rpc.Call, id: int) -> StatResult:
        """Memory that is resident now, and was at most, in KiB."""
        return StatResult(memory.resident() >> 10, memory.peak() >> 10)


def until_the_end_of_input(then: Callable[[], Any]) -> None:
    sys.stdin.buffer.read()
    then()


async def serve(service: Callable[[], rpc.Service], binding: str, fragment: int = DEFAULT_FRAGMENT) -> None:
    """Until the standard input ends."""
    async with rpc.Server([service()], max_fragment=fragment) as server:
        print(await server.listen(binding), flush=True)
        loop, over = asyncio.get_running_loop(), asyncio.Event()
        waiting = threading.Thread(
            target=until_the_end_of_input, args=(lambda: loop.call_soon_threadsafe(over.set),), daemon=True
        )
        waiting.start()
        await over.wait()
        await server.stop(grace=0)


if __name__ == "__main__":
    asyncio.run(serve(Endless, sys.argv[1], *map(int, sys.argv[2:])))
