"""The way from an association to an asyncio transport.

What an association has to send are views of the program's blocks. They are joined here and not given to `writelines`,
because a transport may keep views of what it cannot send at once (and some 3.12 and 3.13 releases do not even pause the
protocol then).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeAlias

from idlrt.rpc.trace import Tracer

Octets: TypeAlias = bytes | bytearray | memoryview


class Outbox:
    """Sends what an association has to send."""

    __slots__ = ("_take", "_trace", "_transport")

    def __init__(self, transport: asyncio.Transport, take: Callable[[], list[Octets]], trace: Tracer | None) -> None:
        self._transport = transport
        self._take = take
        self._trace = trace

    def send(self) -> None:
        """Give it all to the transport."""
        parts = self._take()
        if parts and not self._transport.is_closing():
            if self._trace is not None:
                self._trace.sent(parts)
            self._transport.write(parts[0] if len(parts) == 1 else b"".join(parts))
