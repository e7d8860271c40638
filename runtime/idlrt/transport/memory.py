"""Two asyncio transports joined in memory, with the flow control of sockets.

For tests, of users as well as our own: what one side writes the other side reads in a later turn of the loop, and a
side that stops reading makes the other one's `pause_writing` come, as with a real connection.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from typing import Any


class MemoryTransport(asyncio.Transport):
    """One end of a connection in memory."""

    def __init__(self, loop: asyncio.AbstractEventLoop, protocol: asyncio.BaseProtocol, name: str) -> None:
        super().__init__({"peername": name, "sockname": name})
        self.peer: MemoryTransport
        self._loop = loop
        self._protocol = protocol
        self._queue: deque[bytes] = deque()
        self._size = 0
        self._high, self._low = 64 << 10, 16 << 10
        self._full = False
        self._reading = True
        self._closing = False
        self._lost = False
        self._scheduled = False

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self._protocol

    def is_closing(self) -> bool:
        return self._closing

    @property
    def hung_up(self) -> bool:
        """Whether the peer has closed, to be asked while nothing is read."""
        return self.peer._closing

    def is_reading(self) -> bool:
        return self._reading and not self._closing

    def pause_reading(self) -> None:
        self._reading = False

    def resume_reading(self) -> None:
        self._reading = True
        self.peer.schedule()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._high = 64 << 10 if high is None else high
        self._low = self._high // 4 if low is None else low

    def get_write_buffer_size(self) -> int:
        return self._size

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self._closing or not len(data):
            return
        self._queue.append(bytes(data))
        self._size += len(data)
        self.schedule()
        if self._size > self._high and not self._full:
            self._full = True
            self._protocol.pause_writing()

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        self.write(b"".join(list_of_data))

    def write_eof(self) -> None:
        self.close()

    def can_write_eof(self) -> bool:
        return False

    def close(self) -> None:
        self._closing = True
        self.schedule()

    def abort(self) -> None:
        self._queue.clear()
        self._size = 0
        self.close()

    def schedule(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._deliver)

    def _deliver(self) -> None:
        self._scheduled = False
        peer = self.peer
        while self._queue and peer.is_reading():
            data = self._queue.popleft()
            self._size -= len(data)
            peer.take(data)
        if peer._lost or peer._closing:
            self._queue.clear()
            self._size = 0
        if self._full and self._size <= self._low and not self._lost:
            self._full = False
            self._protocol.resume_writing()
        if self._closing and not self._queue:
            self.lose()
            # A reader that has paused learns of the end when it goes on, as with a socket.
            if peer._reading:
                peer._closing = True
                peer.lose()
        elif peer._lost:
            self._closing = True
            self.lose()

    def take(self, data: bytes) -> None:
        protocol: Any = self._protocol
        if not isinstance(protocol, asyncio.BufferedProtocol):
            protocol.data_received(data)
            return
        view = memoryview(data)
        while len(view) and not self._closing:
            room: Any = protocol.get_buffer(len(view))
            count = min(len(room), len(view))
            room[:count] = view[:count]
            view = view[count:]
            protocol.buffer_updated(count)

    def lose(self) -> None:
        if not self._lost:
            self._lost = True
            self._loop.call_soon(self._protocol.connection_lost, None)


def join(one: asyncio.BaseProtocol, other: asyncio.BaseProtocol, name: str = "memory") -> None:
    """Connect two protocols of the running loop."""
    loop = asyncio.get_running_loop()
    first, second = MemoryTransport(loop, one, name), MemoryTransport(loop, other, name)
    first.peer, second.peer = second, first
    one.connection_made(first)
    other.connection_made(second)
