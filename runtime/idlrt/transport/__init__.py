"""Protocol sequences and the byte streams behind them."""

from __future__ import annotations

from pathlib import Path

from idlrt.transport.base import Listener, Transport
from idlrt.transport.tcp import Tcp
from idlrt.transport.unix import Unix

__all__ = ["Listener", "Tcp", "Transport", "Unix", "find"]


def find(protseq: str, netaddr: str, endpoint: str, directory: str = "") -> Transport:
    """The transport for the parts of a string binding; `ValueError` when there is none."""
    match protseq:
        case "ncacn_ip_tcp":
            if not endpoint.isascii() or not endpoint.isdigit() or int(endpoint) > 65535:
                raise ValueError(f'"{endpoint}" is not a TCP port')
            return Tcp(netaddr, int(endpoint))
        case "ncalrpc":
            return Unix(endpoint, Path(directory) if directory else None)
        case _:
            raise ValueError(f'protocol sequence "{protseq}" is not supported; there are ncacn_ip_tcp and ncalrpc')
