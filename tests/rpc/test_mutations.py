"""Real conversations with a few octets changed: whatever they say, nothing escapes, hangs or stays behind."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Any

import pytest

from idlrt import rpc, testing
from idlrt.errors import RpcError
from idlrt.rpc.link import Link
from idlrt.transport.memory import MemoryTransport, join
from tests.rpc.services import Lab, on_a_loop
from tests.rpc.specimen.lab import LabClient


class QuietLab(Lab):
    """Methods that end soon, whatever the numbers are."""

    async def Sleep(self, call: rpc.Call, milliseconds: int) -> int:
        return milliseconds

    async def Upload(self, call: rpc.Call, id: int, source: Any) -> int:
        return sum([len(block) async for block in source]) & 0x7FFFFFFF

    async def Download(self, call: rpc.Call, total: int, block: int, sink: Any) -> int:
        await sink.push(bytes(100))
        await sink.push(())
        return 0


async def converse(channel: rpc.Channel) -> None:
    client = LabClient(channel)
    await client.Add(1, 2)
    await client.Echo(bytes(100))
    handle = await client.Open(5)
    await client.Use(handle)
    await client.Close(handle)
    await client.Transform(1, ([bytes(50), bytes(7)], lambda block: None))
    await client.Scale([[1.0, 2.0], [3.0]], 2.0, lambda block: None)
    await client.Download(10, 10, lambda block: None)


async def record(side: str) -> list[bytes]:
    """What one side sends in a conversation over one connection."""
    sent: list[bytes] = []
    async with rpc.Server([QuietLab()]) as server:

        async def opener(factory: Callable[[], Link]) -> Link:
            link, other = factory(), server.accept()
            join(link, other)
            end: Any = link._transport if side == "client" else other._transport
            write = end.write

            def keep(data: bytes) -> None:
                sent.append(bytes(data))
                write(data)

            end.write = keep
            return link

        async with rpc.Channel(rpc.StringBinding("memory"), opener=opener) as channel:
            await converse(channel)
    return sent


def mutate(rng: random.Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.randrange(1, 4)):
        match rng.randrange(4):
            case 0:
                changed[rng.randrange(len(changed))] = rng.randrange(256)
            case 1:
                changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
            case 2:
                at = rng.randrange(len(changed))
                del changed[at : at + rng.randrange(1, 9)]
                changed = changed or bytearray(1)
            case _:
                at = rng.randrange(len(changed))
                changed[at:at] = rng.randbytes(rng.randrange(1, 9))
    return bytes(changed)


class Replay(asyncio.Protocol):
    def __init__(self) -> None:
        self.gone = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, MemoryTransport)
        self.transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self.gone.set()


def watch() -> list[dict[str, Any]]:
    """What the loop would otherwise only log."""
    trouble: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: trouble.append(context))
    return trouble


@pytest.mark.parametrize("seed", range(4))
@on_a_loop
async def test_a_server_takes_anything(seed: int) -> None:
    rng = random.Random(seed)
    conversation = await record("client")
    trouble = watch()
    async with rpc.Server([QuietLab()]) as server:
        for _ in range(60):
            pieces = [mutate(rng, piece) if rng.random() < 0.15 else piece for piece in conversation]
            peer = Replay()
            join(peer, server.accept())
            for piece in pieces:
                peer.transport.write(piece)
                if rng.random() < 0.5:
                    await asyncio.sleep(0)
            await asyncio.sleep(0)
            peer.transport.close()
            await peer.gone.wait()
        async with testing.connected(server) as channel:
            await converse(channel)
    assert not server.running
    assert trouble == []


@pytest.mark.parametrize("seed", range(4))
@on_a_loop
async def test_a_client_takes_anything(seed: int) -> None:
    rng = random.Random(100 + seed)
    trouble = watch()
    async with rpc.Server([QuietLab()]) as server:
        for _ in range(40):

            async def opener(factory: Callable[[], Link]) -> Link:
                link, other = factory(), server.accept()
                join(link, other)
                end: Any = other._transport
                write = end.write
                end.write = lambda data: write(mutate(rng, bytes(data)) if rng.random() < 0.2 else data)
                return link

            channel = rpc.Channel(
                rpc.StringBinding("memory"), opener=opener, timeout=0.02, connect_timeout=0.02, cancel_grace=0.01
            )
            try:
                await converse(channel)
            except (RpcError, AttributeError):  # a handle that came back null has no attributes
                pass
            await channel.close()
    assert not server.running
    assert trouble == []
