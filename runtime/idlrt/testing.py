"""Test a client or a service without a network.

    async with testing.channel(Telemetry()) as channel:
        assert (await TelemetryClient(channel).Upload([Sample(1, 20)])).last == 1

Everything but the sockets is real: bind, fragments, pipes, faults, rundown.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from idlrt import blocking
from idlrt.rpc.binding import StringBinding
from idlrt.rpc.channel import Channel
from idlrt.rpc.link import Link
from idlrt.rpc.server import Server
from idlrt.rpc.service import Service
from idlrt.transport import memory

_BINDING = StringBinding("memory")


def connected(server: Server, **options: Any) -> Channel:
    """A channel to a server of the same event loop, in memory; options are those of `rpc.connect`."""

    async def opener(factory: Callable[[], Link]) -> Link:
        link = factory()
        memory.join(link, server.accept())
        return link

    return Channel(_BINDING, opener=opener, **options)


@asynccontextmanager
async def channel(*services: Service, **options: Any) -> AsyncIterator[Channel]:
    """A channel to a server with these services, both on the running loop."""
    async with Server(services) as server, connected(server, **options) as made:
        yield made


@contextmanager
def served(*services: Service, **options: Any) -> Iterator[Server]:
    """A server on an event loop of its own, in a thread, for tests of blocking clients."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="idlrt test server", daemon=True)
    thread.start()

    async def make() -> Server:
        return await Server(services, **options).__aenter__()

    server = asyncio.run_coroutine_threadsafe(make(), loop).result()
    try:
        yield server
    finally:
        asyncio.run_coroutine_threadsafe(server.stop(grace=1), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()


@contextmanager
def blocking_channel(*services: Service, **options: Any) -> Iterator[blocking.Channel]:
    """A blocking channel to a server with these services, which runs in a thread of its own."""
    with served(*services) as server:

        def opener() -> socket.socket:
            ours, theirs = socket.socketpair()
            ours.setblocking(False)
            theirs.setblocking(False)

            async def adopt() -> None:
                await server.loop.connect_accepted_socket(server.accept, theirs)

            asyncio.run_coroutine_threadsafe(adopt(), server.loop).result()
            return ours

        with blocking.Channel(_BINDING, opener=opener, **options) as made:
            yield made
