"""Byte streams that know no DCE/RPC: where to connect or listen, for event loops and for threads.

A transport is an address. Fronts ask it for a connected socket or hand it an asyncio protocol; everything that can go
wrong on the way arrives as `ConnectError`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeVar

from idlrt.errors import ConnectError

if TYPE_CHECKING:
    import asyncio
    from socket import socket

BACKLOG: Final = 4096
"""Connections that may wait to be accepted: all clients of a server may come at once. The system may allow fewer."""

ProtocolT = TypeVar("ProtocolT", bound="asyncio.BaseProtocol")


class Transport(ABC):
    """An address of one protocol sequence."""

    protseq: str

    @abstractmethod
    async def open(self, factory: Callable[[], ProtocolT]) -> ProtocolT:
        """Connect and return the protocol that `factory` made, which has seen `connection_made`."""

    @abstractmethod
    async def listen(self, factory: Callable[[], asyncio.BaseProtocol]) -> Listener:
        """Accept connections until the listener is closed."""

    @abstractmethod
    def socket(self, timeout: float | None) -> socket:
        """A connected, non-blocking socket."""

    @abstractmethod
    def __str__(self) -> str:
        """The address for messages."""


class Listener:
    """What `Transport.listen` gives: an address that clients can use, and a way to stop."""

    def __init__(self, server: asyncio.Server, netaddr: str, endpoint: str, cleanup: Callable[[], None]) -> None:
        self.netaddr = netaddr
        self.endpoint = endpoint
        self._server = server
        self._cleanup = cleanup

    def close(self) -> None:
        """Stop accepting; connections that stand are not touched."""
        self._server.close()
        self._cleanup()


def refused(transport: Transport, error: OSError, help: str) -> ConnectError:
    """The error for a connection that did not come about."""
    reason = (error.strerror or str(error) or type(error).__name__).lower()
    return ConnectError(f"no server answers at {transport}: {reason}", help=help)
