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

__all__ = [
    "Apartment",
    "CallCanceled",
    "CallComplete",
    "CallPending",
    "Coclass",
    "Disconnected",
    "HResultError",
    "IUnknown",
    "Interface",
    "Interfaces",
    "Library",
    "MTA",
    "Methods",
    "NoInterface",
    "Object",
    "in_thread",
    "multithreaded",
]

_HOMES = {"Apartment": "apartment", "MTA": "apartment", "in_thread": "apartment", "multithreaded": "apartment"}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
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
