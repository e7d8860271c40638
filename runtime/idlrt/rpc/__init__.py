"""Calls and services on an event loop.

Generated modules use the declarations here, which import nothing heavy; `connect`, `Channel` and `Server` bring asyncio
when they are first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from idlrt.rpc.binding import StringBinding
from idlrt.rpc.call import AsyncCall, Call
from idlrt.rpc.client import Client
from idlrt.rpc.handles import ContextHandle
from idlrt.rpc.interface import Answer, Interface, Operation, Result
from idlrt.rpc.service import Service

if TYPE_CHECKING:
    from idlrt.rpc.channel import Channel, connect
    from idlrt.rpc.server import Server

__all__ = [
    "Answer",
    "AsyncCall",
    "Call",
    "Channel",
    "Client",
    "ContextHandle",
    "Interface",
    "Operation",
    "Result",
    "Server",
    "Service",
    "StringBinding",
    "connect",
]


def __getattr__(name: str) -> Any:
    if name in ("Channel", "connect"):
        from idlrt.rpc import channel as module
    elif name == "Server":
        from idlrt.rpc import server as module
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(module, name)
    return value
