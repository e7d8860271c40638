"""Calls and services on an event loop.

Generated modules use the declarations here, which import nothing heavy; `connect`, `Channel` and `Server` bring asyncio
when they are first asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from idlrt.asynchronous import AsyncEvent, Notification
from idlrt.rpc.binding import StringBinding
from idlrt.rpc.call import AsyncCall, Call
from idlrt.rpc.callbacks import BlockingCallbackClient, CallbackClient, CallbackService
from idlrt.rpc.client import Client
from idlrt.rpc.handle import AsyncHandle
from idlrt.rpc.handles import ContextHandle
from idlrt.rpc.interface import Answer, Interface, Operation, Result
from idlrt.rpc.reply import AsyncReply
from idlrt.rpc.service import Service, cancellable
from idlrt.rpc.statuses import Statuses

if TYPE_CHECKING:
    from idlrt.rpc.channel import Channel, connect
    from idlrt.rpc.server import Server
    from idlrt.transport.liveness import KeepAlive

__all__ = [
    "Answer",
    "AsyncCall",
    "AsyncEvent",
    "AsyncHandle",
    "AsyncReply",
    "BlockingCallbackClient",
    "Call",
    "CallbackClient",
    "CallbackService",
    "Channel",
    "Client",
    "ContextHandle",
    "Interface",
    "KeepAlive",
    "Notification",
    "Operation",
    "Result",
    "Server",
    "Service",
    "Statuses",
    "StringBinding",
    "cancellable",
    "connect",
]


def __getattr__(name: str) -> Any:
    home = {
        "Channel": "rpc.channel",
        "KeepAlive": "transport.liveness",
        "Server": "rpc.server",
        "connect": "rpc.channel",
    }.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"idlrt.{home}"), name)
    return value
