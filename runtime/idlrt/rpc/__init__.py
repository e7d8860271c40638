"""Calls and services on an event loop.

What generated modules declare is here at once and loads nothing; everything else comes when it is first asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from idlrt.rpc.interface import Answer, Interface, Operation, Result
from idlrt.rpc.statuses import Statuses

if TYPE_CHECKING:
    from idlrt.asynchronous import AsyncEvent, Notification
    from idlrt.rpc.binding import StringBinding
    from idlrt.rpc.call import AsyncCall, Call
    from idlrt.rpc.callbacks import BlockingCallbackClient, CallbackClient, CallbackService
    from idlrt.rpc.channel import Channel, connect
    from idlrt.rpc.client import Client
    from idlrt.rpc.handle import AsyncHandle
    from idlrt.rpc.handles import ContextHandle
    from idlrt.rpc.reply import AsyncReply
    from idlrt.rpc.server import Server
    from idlrt.rpc.service import Service, cancellable
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


_HOMES: Final = {
    "AsyncCall": "rpc.call",
    "AsyncEvent": "asynchronous",
    "AsyncHandle": "rpc.handle",
    "AsyncReply": "rpc.reply",
    "BlockingCallbackClient": "rpc.callbacks",
    "Call": "rpc.call",
    "CallbackClient": "rpc.callbacks",
    "CallbackService": "rpc.callbacks",
    "Channel": "rpc.channel",
    "Client": "rpc.client",
    "ContextHandle": "rpc.handles",
    "KeepAlive": "transport.liveness",
    "Notification": "asynchronous",
    "Server": "rpc.server",
    "Service": "rpc.service",
    "StringBinding": "rpc.binding",
    "cancellable": "rpc.service",
    "connect": "rpc.channel",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"idlrt.{home}"), name)
    return value
