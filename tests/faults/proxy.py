"""A network with faults: a TCP proxy that can be slow, silent, or gone, each way apart."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from struct import pack
from types import TracebackType
from typing import Final, Self

CHUNK: Final = 64 << 10

TICK: Final = 0.02
"""Seconds between two pieces of a slow network."""


class Relay:
    """One direction of one connection."""

    def __init__(self, source: socket.socket, sink: socket.socket, rate: int | None, delay: float) -> None:
        self.passed = 0  # octets so far
        self._source = source
        self._sink = sink
        self._rate = rate
        self._delay = delay
        self._left: int | None = None
        self._open = asyncio.Event()
        self._open.set()

    def allow(self, octets: int | None) -> None:
        """Let that many more octets through and then none; None stands for all."""
        self._left = octets
        if octets is None or octets:
            self._open.set()
        else:
            self._open.clear()

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        if self._rate is None and not self._delay:
            while data := await loop.sock_recv(self._source, CHUNK):
                await self._pass_on(data)
        else:
            # As long as it is on its way, the network holds what is sent in that time, and no more.
            on_the_way = asyncio.Queue[tuple[float, bytes]](1 + int(self._delay / TICK))
            async with asyncio.TaskGroup() as both:
                both.create_task(self._send_late(on_the_way))
                while data := await loop.sock_recv(self._source, CHUNK if self._rate is None else self._piece):
                    await on_the_way.put((loop.time() + self._delay, data))
                await on_the_way.put((0, b""))
        self._sink.shutdown(socket.SHUT_WR)

    @property
    def _piece(self) -> int:
        assert self._rate is not None
        return max(1, int(self._rate * TICK))

    async def _send_late(self, on_the_way: asyncio.Queue[tuple[float, bytes]]) -> None:
        loop = asyncio.get_running_loop()
        free_at = 0.0  # when the line has sent what came before
        while True:
            due, data = await on_the_way.get()
            if not data:
                return
            await asyncio.sleep(max(due, free_at) - loop.time())
            if self._rate is not None:
                free_at = max(due, free_at, loop.time() - TICK) + len(data) / self._rate
            await self._pass_on(data)

    async def _pass_on(self, data: bytes) -> None:
        loop = asyncio.get_running_loop()
        while data:
            await self._open.wait()
            part = data if self._left is None else data[: self._left]
            await loop.sock_sendall(self._sink, part)
            self.passed += len(part)
            data = data[len(part) :]
            if self._left is not None:
                self._left -= len(part)
                if not self._left:
                    self._open.clear()

    async def stalled(self) -> None:
        """Return when nothing has come through for a while: what lies ahead is full, or what lies behind silent."""
        quiet, before = 0, -1
        while quiet < 5:
            await asyncio.sleep(0.01)
            quiet = quiet + 1 if self.passed == before else 0
            before = self.passed


class Connection:
    """A client's connection to the proxy, and the one to the server behind it."""

    def __init__(self, client: socket.socket, server: socket.socket, rate: int | None, delay: float) -> None:
        self.client = client
        self.server = server
        self.up = Relay(client, server, rate, delay)
        self.down = Relay(server, client, rate, delay)
        self._tasks = [asyncio.create_task(self._relay(relay)) for relay in (self.up, self.down)]

    async def _relay(self, relay: Relay) -> None:
        try:
            await relay.run()
        except OSError:
            for task in self._tasks:
                if task is not asyncio.current_task():
                    task.cancel()  # some event loops keep a socket open while somebody waits for it
            self._close(reset=True)  # an end has gone, and the other end has to know

    async def _stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def close(self) -> None:
        """Both ends see the other one close."""
        await self._stop()
        self._close(reset=False)

    async def reset(self) -> None:
        """Both ends see the other one reset the connection."""
        await self._stop()
        self._close(reset=True)

    async def half_close(self) -> None:
        """Both ends see that the other one will send no more, though it could still be sent something."""
        await self._stop()
        for end in (self.client, self.server):
            try:
                end.shutdown(socket.SHUT_WR)
            except OSError:
                pass

    async def garble(self) -> None:
        """Both ends get from the other one what is no PDU, and nothing after it."""
        await self._stop()
        for end in (self.client, self.server):
            await asyncio.get_running_loop().sock_sendall(end, b"\xff" * 64)

    def _close(self, reset: bool) -> None:
        for end in (self.client, self.server):
            if reset and end.fileno() >= 0:
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, pack("ii", 1, 0))
            end.close()

    def silence(self) -> None:
        """Nothing comes through any more, and nobody is told."""
        self.up.allow(0)
        self.down.allow(0)

    def speak(self) -> None:
        """The end of a silence."""
        self.up.allow(None)
        self.down.allow(None)


class Proxy:
    """Listens on a port of its own and passes on to a server's.

    `rate` is in octets a second and `delay` in seconds, both for each way. The buffers of its sockets are small, so
    that an end that does not read is felt soon.
    """

    def __init__(self, port: int, *, rate: int | None = None, delay: float = 0.0) -> None:
        self.connections: list[Connection] = []
        self._past: list[Connection] = []
        self._port = port
        self._rate = rate
        self._delay = delay

    @property
    def binding(self) -> str:
        return f"ncacn_ip_tcp:127.0.0.1[{self._listener.getsockname()[1]}]"

    @property
    def newest(self) -> Connection:
        return self.connections[-1]

    async def __aenter__(self) -> Self:
        self._listener = socket.socket()
        _shrink(self._listener)
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(100)
        self._listener.setblocking(False)
        self._accepting = asyncio.create_task(self._accept())
        return self

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            client, _ = await loop.sock_accept(self._listener)
            server = socket.socket()
            _shrink(server)
            server.setblocking(False)
            await loop.sock_connect(server, ("127.0.0.1", self._port))
            self.connections.append(Connection(client, server, self._rate, self._delay))

    async def each(self, fault: Callable[[Connection], object]) -> None:
        """Do something to all connections; only later ones count from now on."""
        connections, self.connections = self.connections, []
        self._past += connections
        for connection in connections:
            done = fault(connection)
            if asyncio.iscoroutine(done):
                await done

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._accepting.cancel()
        await asyncio.gather(self._accepting, return_exceptions=True)
        self._listener.close()
        for connection in self._past + self.connections:
            await connection.close()


def _shrink(one: socket.socket) -> None:
    one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, CHUNK)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, CHUNK)
