"""ncacn_ip_tcp: PDUs straight on a TCP connection."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from idlrt.errors import RpcTimeout
from idlrt.transport.base import BACKLOG, Listener, ProtocolT, Transport, refused

if TYPE_CHECKING:
    import asyncio
    import socket

_HELP = "check that it runs there and listens on that port"


class Tcp(Transport):
    """A host and a port."""

    protseq = "ncacn_ip_tcp"

    def __init__(self, host: str, port: int) -> None:
        self.host = host
        self.port = port

    async def open(self, factory: Callable[[], ProtocolT]) -> ProtocolT:
        import asyncio

        try:
            _, protocol = await asyncio.get_running_loop().create_connection(
                factory, self.host or "localhost", self.port
            )
        except OSError as error:
            raise refused(self, error, _HELP) from error
        return protocol

    async def listen(self, factory: Callable[[], asyncio.BaseProtocol]) -> Listener:
        import asyncio

        server = await asyncio.get_running_loop().create_server(
            factory, self.host or None, self.port, backlog=BACKLOG
        )
        name = server.sockets[0].getsockname()
        return Listener(server, self.host, str(name[1]), lambda: None)

    def socket(self, timeout: float | None) -> socket.socket:
        import socket

        try:
            connected = socket.create_connection((self.host or "localhost", self.port), timeout)
        except TimeoutError as error:
            raise RpcTimeout(f"no connection to {self} within {timeout} s", help=_HELP) from error
        except OSError as error:
            raise refused(self, error, _HELP) from error
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connected.setblocking(False)
        return connected

    def __str__(self) -> str:
        return f"{self.host or 'localhost'} port {self.port}"
