"""A bare asyncio Protocol that writes blocks to a socket: no protocol at all, what the transport can do at most."""

from __future__ import annotations

import asyncio
from multiprocessing.connection import Connection
from struct import Struct
from typing import cast

from tests.bench.pipes.sides import check, work_async

_REQUEST = Struct("<?QQ")  # whether the client sends, blocks, octets in each


class _Writer(asyncio.Protocol):
    """The flow control that a transport asks for."""

    transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.room = asyncio.Event()
        self.room.set()

    def pause_writing(self) -> None:
        self.room.clear()

    def resume_writing(self) -> None:
        self.room.set()

    async def send(self, blocks: int, size: int) -> None:
        block = bytes(size)
        for _ in range(blocks):
            self.transport.write(block)
            await self.room.wait()


class _Accepted(_Writer):
    def __init__(self) -> None:
        self.head = b""
        self.left = 0

    def data_received(self, data: bytes) -> None:
        if len(self.head) < _REQUEST.size:
            self.head += data
            if len(self.head) < _REQUEST.size:
                return
            data = self.head[_REQUEST.size :]
            self.head = self.head[: _REQUEST.size]
            pushes, blocks, size = _REQUEST.unpack(self.head)
            if not pushes:
                self.sending = asyncio.get_running_loop().create_task(self.send(blocks, size))
                return
            self.left = blocks * size
        self.left -= len(data)
        if not self.left:
            self.transport.write(b"\1")


async def _serve(ready: Connection) -> None:
    server = await asyncio.get_running_loop().create_server(_Accepted, "127.0.0.1", 0)
    ready.send(str(server.sockets[0].getsockname()[1]))
    await server.serve_forever()


def serve(ready: Connection) -> None:
    asyncio.run(_serve(ready))


class _Connected(_Writer):
    def __init__(self) -> None:
        self.left = 0
        self.done = asyncio.get_running_loop().create_future()

    def data_received(self, data: bytes) -> None:
        self.left -= len(data)
        if self.left <= 0:
            self.done.set_result(None)


class _Jobs:
    def __init__(self, port: int) -> None:
        self.port = port

    async def _run(self, pushes: bool, blocks: int, size: int) -> None:
        _, protocol = await asyncio.get_running_loop().create_connection(_Connected, "127.0.0.1", self.port)
        protocol.left = 1 if pushes else blocks * size
        protocol.transport.write(_REQUEST.pack(pushes, blocks, size))
        if pushes:
            await protocol.send(blocks, size)
        await protocol.done
        check(protocol.left, 0)
        protocol.transport.close()

    async def push(self, size: int, blocks: int) -> None:
        await self._run(True, blocks, size)

    async def pull(self, size: int, blocks: int) -> None:
        await self._run(False, blocks, size)


def drive(address: str, control: Connection) -> None:
    asyncio.run(work_async(control, _Jobs(int(address))))
