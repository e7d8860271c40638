"""Protocol sequences and the byte streams behind them."""

from __future__ import annotations

from pathlib import Path

from idlrt.transport.base import Listener, Transport
from idlrt.transport.tcp import Tcp
from idlrt.transport.unix import Unix

__all__ = ["PROTSEQS", "Listener", "Tcp", "Transport", "Unix", "check", "find"]

PROTSEQS = (Tcp.protseq, Unix.protseq)


def check(protseq: str) -> None:
    """Raise `ValueError` for a protocol sequence that no transport here speaks."""
    if protseq not in PROTSEQS:
        raise ValueError(f'protocol sequence "{protseq}" is not supported; there are {" and ".join(PROTSEQS)}')


def find(protseq: str, netaddr: str, endpoint: str, directory: str = "") -> Transport:
    """The transport for the parts of a string binding; `ValueError` when there is none."""
    check(protseq)
    if protseq == Unix.protseq:
        return Unix(endpoint, Path(directory) if directory else None)
    if not endpoint.isascii() or not endpoint.isdigit() or int(endpoint) > 65535:
        raise ValueError(f'"{endpoint}" is not a TCP port')
    return Tcp(netaddr, int(endpoint))
