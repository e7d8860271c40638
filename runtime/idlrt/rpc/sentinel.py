"""A connection that carries nothing, to learn that a server is gone when those that do are not read.

The close of a connection whose window is full stands behind what was sent before and does not arrive. To say something
on it would show whether anybody is there, but would lose what a server that finished in order has left for us to read.
So another connection is opened; when it ends and no further one is to be had, so has the server.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from idlrt.errors import RpcError
from idlrt.transport import Transport

KEPT: Final = 1.0
"""Seconds that the connection stands after the last doubt."""


class Sentinel(asyncio.Protocol):
    """Looks after a server while somebody cannot tell whether it is there."""

    def __init__(self, where: Transport, gone: Callable[[], None]) -> None:
        """`gone` is called when there is reason to believe that the server is."""
        self._where = where
        self._gone = gone
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.BaseTransport | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._leaving: asyncio.TimerHandle | None = None
        self._told = False

    def doubt(self) -> None:
        """Somebody cannot tell; to be called again while that is so."""
        if self._leaving is not None:
            self._leaving.cancel()
        self._leaving = self._loop.call_later(KEPT, self.leave)
        if self._transport is None and self._connecting is None:
            self._connecting = self._loop.create_task(self._connect(), name="idlrt sentinel")

    def leave(self) -> None:
        """Nobody doubts any more."""
        if self._leaving is not None:
            self._leaving.cancel()
            self._leaving = None
        if self._connecting is not None:
            self._connecting.cancel()
        if self._transport is not None:
            self._transport.close()

    async def _connect(self) -> None:
        try:
            async with asyncio.timeout(KEPT):
                await self._where.open(lambda: self)
        except TimeoutError:
            pass  # which says nothing about the server
        except RpcError:
            if not self._told:
                self._told = True
                self._gone()
        finally:
            self._connecting = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._told = False

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._told = False
        if self._leaving is not None:
            self.doubt()
