"""The protocol without I/O: a client's and a server's connection, and the events they report."""

from idlrt.association.client import ClientConfig, ClientConnection
from idlrt.association.events import (
    BindRefused,
    Bound,
    CallbackAnswered,
    CallbackFault,
    CallbackRequested,
    CallOrphaned,
    CallStarted,
    CancelRequested,
    ClientEvent,
    Context,
    ContextsAltered,
    Ended,
    Fault,
    Parts,
    RefusedContext,
    ServerEvent,
    ShutdownRequested,
    Stub,
)
from idlrt.association.limits import DEFAULT_FRAGMENT, MAX_FRAGMENT, MIN_FRAGMENT, Limits
from idlrt.association.negotiation import Offer, Proposal
from idlrt.association.server import ServerConfig, ServerConnection

__all__ = [
    "DEFAULT_FRAGMENT",
    "MAX_FRAGMENT",
    "MIN_FRAGMENT",
    "BindRefused",
    "Bound",
    "CallOrphaned",
    "CallStarted",
    "CallbackAnswered",
    "CallbackFault",
    "CallbackRequested",
    "CancelRequested",
    "ClientConfig",
    "ClientConnection",
    "ClientEvent",
    "Context",
    "ContextsAltered",
    "Ended",
    "Fault",
    "Limits",
    "Offer",
    "Parts",
    "Proposal",
    "RefusedContext",
    "ServerConfig",
    "ServerConnection",
    "ServerEvent",
    "ShutdownRequested",
    "Stub",
]
