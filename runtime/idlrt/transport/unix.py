"""ncalrpc as Samba lays it out: an AF_UNIX stream socket `<directory>/<endpoint>` and the same PDUs as over TCP."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from idlrt.errors import RpcTimeout
from idlrt.transport.base import BACKLOG, Listener, ProtocolT, Transport, refused

if TYPE_CHECKING:
    import asyncio
    import socket

_HELP = "check that it runs and that both sides use the same ncalrpc directory (option dir=, IDLRT_NCALRPC_DIR)"


def default_directory() -> Path:
    """Where local endpoints are, unless a binding says otherwise with its option `dir`."""
    configured = os.environ.get("IDLRT_NCALRPC_DIR")
    if configured:
        return Path(configured)
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    return Path(runtime, "ncalrpc") if runtime else Path(tempfile.gettempdir(), f"ncalrpc-{os.getuid()}")


class Unix(Transport):
    """A name in a directory of local endpoints."""

    protseq = "ncalrpc"

    def __init__(self, endpoint: str, directory: Path | None = None) -> None:
        if not endpoint or "/" in endpoint or endpoint in (".", ".."):
            raise ValueError(f'"{endpoint}" cannot be an ncalrpc endpoint; it has to be a plain file name')
        self.endpoint = endpoint
        self.directory = default_directory() if directory is None else directory
        self.path = self.directory / endpoint

    async def open(self, factory: Callable[[], ProtocolT]) -> ProtocolT:
        import asyncio

        try:
            _, protocol = await asyncio.get_running_loop().create_unix_connection(factory, str(self.path))
        except OSError as error:
            raise refused(self, error, _HELP) from error
        return protocol

    async def listen(self, factory: Callable[[], asyncio.BaseProtocol]) -> Listener:
        import asyncio

        self.directory.mkdir(mode=0o755, parents=True, exist_ok=True)
        self._remove_stale()
        server = await asyncio.get_running_loop().create_unix_server(factory, str(self.path), backlog=BACKLOG)
        return Listener(server, "", self.endpoint, self._unlink)

    def socket(self, timeout: float | None) -> socket.socket:
        import socket

        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            made.settimeout(timeout)
            made.connect(str(self.path))
        except TimeoutError as error:
            made.close()
            raise RpcTimeout(f"no connection to {self} within {timeout} s", help=_HELP) from error
        except OSError as error:
            made.close()
            raise refused(self, error, _HELP) from error
        made.setblocking(False)
        return made

    def _remove_stale(self) -> None:
        """A socket file that nobody listens on is left by a server that died; a live one is not ours to take."""
        import socket

        try:
            if not stat.S_ISSOCK(self.path.stat().st_mode):
                return
        except FileNotFoundError:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            try:
                probe.connect(str(self.path))
            except ConnectionRefusedError:
                self._unlink()
                return
        raise OSError(f"another server listens on {self.path}")

    def _unlink(self) -> None:
        try:
            self.path.unlink()
        except FileNotFoundError:
            pass

    def __str__(self) -> str:
        return str(self.path)
