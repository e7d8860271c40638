"""Component Object Model: what generated modules say about objects, as classes that hold identities.

A class stands for an interface: its IID, what it derives from, and the DISPIDs of its members.

    issubclass(IFont, com.IUnknown), IFont.IID, IFont.DISPIDS["Size"]
"""

from __future__ import annotations

from abc import ABCMeta
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar, TypeAlias
from uuid import UUID

from idlrt.com.methods import Methods

__all__ = ["Coclass", "IUnknown", "Interface", "Interfaces", "Library", "Methods"]


class Interface(metaclass=ABCMeta):
    """An object interface. `IID` is its identity; an interface that the IDL gives none has no such attribute."""

    __slots__ = ()
    IID: ClassVar[UUID]
    DISPIDS: ClassVar[Mapping[str, int]] = MappingProxyType({})
    """The numbers that IDispatch::Invoke knows its own members by, by name; not those of its base."""


class IUnknown(Interface):
    """What every object has: other interfaces on request, and a count of references."""

    __slots__ = ()
    IID: ClassVar[UUID] = UUID("00000000-0000-0000-c000-000000000046")

    async def _call(self, opnum: int, *inputs: Any) -> Any:
        """What a method does that nobody has overridden: a proxy calls the object that it stands for."""
        raise NotImplementedError(f"{type(self).__name__} leaves method {opnum} out")

    async def _begin(self, opnum: int, *inputs: Any) -> int:
        raise NotImplementedError(f"{type(self).__name__} leaves the Begin_ of method {opnum} out")

    async def _finish(self, opnum: int) -> Any:
        raise NotImplementedError(f"{type(self).__name__} leaves the Finish_ of method {opnum} out")


Interfaces: TypeAlias = tuple[type[Interface], ...]


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
