"""Component Object Model: interfaces, objects, apartments, and calls that need not be waited for.

Generated modules use the declarations here, which load little; what brings asyncio comes when it is first asked for.

    issubclass(IFont, com.IUnknown), IFont.IID, IFont.DISPIDS["Size"]
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import UUID

from idlrt.com.hresult import CallCanceled, CallComplete, CallPending, Disconnected, HResultError, NoInterface
from idlrt.com.interfaces import Interface, Interfaces, IUnknown
from idlrt.com.methods import Methods
from idlrt.com.objects import Object

if TYPE_CHECKING:
    from idlrt.com.apartment import MTA, Apartment, in_thread, multithreaded
    from idlrt.com.async_calls import CallFactory, CallObject, CallState, call_class, created, form_of, new_call
    from idlrt.com.blanket import Blanket
    from idlrt.com.cancel import (
        CoCancelCall,
        CoDisableCallCancellation,
        CoEnableCallCancellation,
        CoGetCallContext,
        CoGetCancelObject,
        CoSetCancelObject,
        CoTestCancel,
        call_cancellation,
    )
    from idlrt.com.crossing import AgileReference
    from idlrt.com.filter import (
        CallType,
        CoRegisterMessageFilter,
        InterfaceInfo,
        PendingMessage,
        PendingType,
        ServerCall,
    )
    from idlrt.com.known import (
        INFINITE,
        CLSID_ManualResetEvent,
        CLSID_StdEvent,
        CLSID_SynchronizeContainer,
        ICallFactory,
        ICancelMethodCalls,
        IClientSecurity,
        IMessageFilter,
        ISynchronize,
        ISynchronizeContainer,
        ISynchronizeEvent,
        ISynchronizeHandle,
    )
    from idlrt.com.synchronize import EventHandle, ManualResetEvent, StdEvent, SynchronizeContainer

__all__ = [
    "AgileReference",
    "Apartment",
    "Blanket",
    "CLSID_ManualResetEvent",
    "CLSID_StdEvent",
    "CLSID_SynchronizeContainer",
    "CallCanceled",
    "CallComplete",
    "CallFactory",
    "CallObject",
    "CallPending",
    "CallState",
    "CallType",
    "CoCancelCall",
    "CoDisableCallCancellation",
    "CoEnableCallCancellation",
    "CoGetCallContext",
    "CoGetCancelObject",
    "CoRegisterMessageFilter",
    "CoSetCancelObject",
    "CoTestCancel",
    "Coclass",
    "Disconnected",
    "EventHandle",
    "HResultError",
    "ICallFactory",
    "ICancelMethodCalls",
    "IClientSecurity",
    "IMessageFilter",
    "INFINITE",
    "ISynchronize",
    "ISynchronizeContainer",
    "ISynchronizeEvent",
    "ISynchronizeHandle",
    "IUnknown",
    "Interface",
    "InterfaceInfo",
    "Interfaces",
    "Library",
    "MTA",
    "ManualResetEvent",
    "Methods",
    "NoInterface",
    "Object",
    "PendingMessage",
    "PendingType",
    "ServerCall",
    "StdEvent",
    "SynchronizeContainer",
    "call_cancellation",
    "call_class",
    "created",
    "form_of",
    "in_thread",
    "multithreaded",
    "new_call",
]

_HOMES = {
    "blanket": ("Blanket",),
    "apartment": ("MTA", "Apartment", "in_thread", "multithreaded"),
    "async_calls": ("CallFactory", "CallObject", "CallState", "call_class", "created", "form_of", "new_call"),
    "cancel": (
        "CoCancelCall",
        "CoDisableCallCancellation",
        "CoEnableCallCancellation",
        "CoGetCallContext",
        "CoGetCancelObject",
        "CoSetCancelObject",
        "CoTestCancel",
        "call_cancellation",
    ),
    "crossing": ("AgileReference",),
    "filter": ("CallType", "CoRegisterMessageFilter", "InterfaceInfo", "PendingMessage", "PendingType", "ServerCall"),
    "known": (
        "CLSID_ManualResetEvent",
        "CLSID_StdEvent",
        "CLSID_SynchronizeContainer",
        "ICallFactory",
        "ICancelMethodCalls",
        "IClientSecurity",
        "IMessageFilter",
        "INFINITE",
        "ISynchronize",
        "ISynchronizeContainer",
        "ISynchronizeEvent",
        "ISynchronizeHandle",
    ),
    "synchronize": ("EventHandle", "ManualResetEvent", "StdEvent", "SynchronizeContainer"),
}


def __getattr__(name: str) -> Any:
    home = next((home for home, names in _HOMES.items() if name in names), None)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"idlrt.com.{home}"), name)
    return value



class Coclass:
    """A component class: what can be created by `CLSID`."""

    __slots__ = ()
    CLSID: ClassVar[UUID]
    INTERFACES: ClassVar[Interfaces] = ()
    """What its objects offer, the default one first."""
    SOURCES: ClassVar[Interfaces] = ()
    """What its objects call, the default one first."""


class Library:
    """A type library."""

    __slots__ = ()
    LIBID: ClassVar[UUID]
    VERSION: ClassVar[tuple[int, int]]
