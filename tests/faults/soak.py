"""What takes long: `python -m tests.faults.soak [GIB]`, a hundred by default, up and down a pipe between two processes.

Then either end sends or takes one block a second, and a network lets 64 KiB/s through and takes 200 ms each way. Ends
with 1 when memory grew at either end, a stream did not end right, or calls beside it were answered more than 5 ms later
than in idle processes (99th percentile).
"""

from __future__ import annotations

import asyncio
import sys
import time

from idlrt import rpc
from idlrt.association.limits import MAX_FRAGMENT
from samples.file_transfer import memory
from tests.faults.endless import MADE_UP, MIB
from tests.faults.processes import running
from tests.faults.slow import SLOW_ENDS, TCP, answers, slow_client_up, slow_server_down, two_ways
from tests.rpc.specimen.lab import LabClient

GROWTH = 12 * MIB
LATER = 0.005
BLOCKS = 10


async def long_streams(gibibytes: int) -> bool:
    with running("tests.faults.endless", TCP, MAX_FRAGMENT) as (_, binding):
        async with rpc.connect(binding, max_fragment=MAX_FRAGMENT) as channel:
            client = LabClient(channel)

            async def up(mebibytes: int) -> None:
                async with client.Upload(0) as call:
                    for _ in range(mebibytes):
                        await call.source.push(MADE_UP)
                    await call.source.push(b"")
                    assert await call.complete() == mebibytes

            async def down(mebibytes: int) -> None:
                total = 0
                async with client.Download(mebibytes, MIB) as call:
                    async for block in call.sink:
                        total += len(block)
                    assert await call.complete() == mebibytes
                assert total == mebibytes * MIB

            steady = True
            for name, stream in (("up", up), ("down", down)):
                await stream(256)
                before = memory.resident(), (await client.Stat(0)).size << 10
                start = time.perf_counter()
                await stream(gibibytes << 10)
                seconds = time.perf_counter() - start
                after = memory.resident(), (await client.Stat(0)).size << 10
                grown = [(now - then) / MIB for then, now in zip(before, after, strict=True)]
                print(
                    f"{gibibytes} GiB {name}: {gibibytes / seconds:.2f} GiB/s, client {after[0] / MIB:.1f} MiB "
                    f"({grown[0]:+.1f}), server {after[1] / MIB:.1f} MiB ({grown[1]:+.1f})",
                    flush=True,
                )
                steady = steady and max(grown) * MIB < GROWTH
            server_peak = (await client.Stat(0)).return_value / 1024
            print(f"peaks: client {memory.peak() / MIB:.1f} MiB, server {server_peak:.1f} MiB", flush=True)
            return steady


async def slow_streams() -> bool:
    prompt = True
    for rate, delay, streams, pause in (
        (None, 0.0, SLOW_ENDS, 1.0),
        (64 << 10, 0.2, (slow_client_up, slow_server_down), 0.0),
    ):
        for stream in streams:
            async with two_ways(rate, delay) as (client, other):
                idle = await answers(other, None, 1000)
                busy = await answers(other, stream(client, BLOCKS, pause), 1000)
            network = "" if rate is None else ", slow network"
            times = f"answers in {busy * 1000:.2f} ms, idle {idle * 1000:.2f} ms (p99)"
            print(f"{stream.__name__}{network}: {times}", flush=True)
            prompt = prompt and busy < idle + LATER
    return prompt


def main() -> None:
    gibibytes = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    steady = asyncio.run(long_streams(gibibytes))
    prompt = asyncio.run(slow_streams())
    sys.exit(0 if steady and prompt else 1)


if __name__ == "__main__":
    main()
