"""The way from an association to an asyncio transport.

What an association has to send are views of the program's blocks. They are joined here and not given to `writelines`,
because a transport may keep views of what it cannot send at once (and some 3.12 and 3.13 releases do not even pause the
protocol then). Small pushes that follow each other within one turn of the loop leave together: a system call costs more
than everything else about them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeAlias

from idlrt.rpc.trace import Tracer

Octets: TypeAlias = bytes | bytearray | memoryview

SMALL = 16 << 10
"""Pushes below this many octets wait for the end of the loop's turn."""

_TOGETHER = 64 << 10


class Outbox:
    """Sends what an association has to send."""

    __slots__ = ("_held", "_loop", "_scheduled", "_size", "_take", "_trace", "_transport")

    def __init__(self, transport: asyncio.Transport, take: Callable[[], list[Octets]], trace: Tracer | None) -> None:
        self._transport = transport
        self._take = take
        self._trace = trace
        self._loop = asyncio.get_running_loop()
        self._held: list[Octets] = []
        self._size = 0
        self._scheduled = False

    def send(self) -> None:
        """Give the transport everything, now."""
        parts = self._take()
        if self._trace is not None:
            self._trace.sent(parts)
        if self._held:
            parts = [*self._held, *parts]
            self._held.clear()
            self._size = 0
        if parts and not self._transport.is_closing():
            self._transport.write(parts[0] if len(parts) == 1 else b"".join(parts))

    def send_soon(self) -> None:
        """Give the transport everything at the end of this turn of the loop, or when it is worth it."""
        parts = self._take()
        if not parts:
            return
        if self._trace is not None:
            self._trace.sent(parts)
        joined = b"".join(parts)
        self._held.append(joined)
        self._size += len(joined)
        if self._size >= _TOGETHER:
            self.send()
        elif not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._turn)

    def _turn(self) -> None:
        self._scheduled = False
        if self._held:
            self.send()
