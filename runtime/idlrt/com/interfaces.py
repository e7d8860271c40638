"""What object interfaces derive from, and which class stands for which identity."""

from __future__ import annotations

from abc import ABCMeta
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, ClassVar, TypeAlias, TypeVar, cast, overload
from uuid import UUID
from weakref import WeakValueDictionary

from idlrt.com.methods import Methods

I = TypeVar("I", bound="IUnknown")  # noqa: E741

_classes: WeakValueDictionary[UUID, type[Interface]] = WeakValueDictionary()
_asynchronous: WeakValueDictionary[UUID, type[IUnknown]] = WeakValueDictionary()


class Interface(metaclass=ABCMeta):
    """An object interface. `IID` is its identity; an interface that the IDL gives none has no such attribute."""

    __slots__ = ()
    IID: ClassVar[UUID]
    DISPIDS: ClassVar[Mapping[str, int]] = MappingProxyType({})
    """The numbers that IDispatch::Invoke knows its own members by, by name; not those of its base."""
    METHODS: ClassVar[Methods]
    """What travels of its own methods; an interface that is not remoted has none."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        own = cls.__dict__
        if "IID" in own:
            known = _classes.get(own["IID"])
            if known is None or known.__module__ != _WELL_KNOWN:
                _classes[own["IID"]] = cls
            synchronous = own.get("SYNCHRONOUS")
            if synchronous is not None and hasattr(synchronous, "IID"):
                _asynchronous[synchronous.IID] = cast("type[IUnknown]", cls)


_WELL_KNOWN = "idlrt.com.known"
"""Where the runtime's own interfaces are; a program may compile them once more, but these keep their place."""


class IUnknown(Interface):
    """What every object has: other interfaces on request, and a count of references.

    A pointer to an interface is the object itself, where it lives in the same apartment, or a proxy. Objects derive
    from `com.Object`; what is said here is what a caller may rely on.
    """

    __slots__ = ()
    IID: ClassVar[UUID] = UUID("00000000-0000-0000-c000-000000000046")
    SYNCHRONOUS: ClassVar[type[IUnknown] | None] = None
    """Of an asynchronous form (`AsyncIFoo`): the interface whose methods it begins and finishes."""

    @overload
    async def QueryInterface(self, interface: Callable[..., I]) -> I: ...

    @overload
    async def QueryInterface(self, interface: UUID) -> IUnknown: ...

    async def QueryInterface(self, interface: Callable[..., I] | UUID) -> I | IUnknown:
        """Another interface of the same object, with a reference of its own.

        Args:
            interface: its class, which is also the type of what is returned, or its IID.

        Raises:
            NoInterface: the object does not have it (E_NOINTERFACE).
        """
        raise NotImplementedError(f"{type(self).__name__} has no QueryInterface; objects derive from com.Object")

    def AddRef(self) -> int:
        """One more reference; how many there are. Needed only by who uses `Release`."""
        raise NotImplementedError(f"{type(self).__name__} has no AddRef; objects derive from com.Object")

    def Release(self) -> int:
        """One reference less; how many there are. After the last, the object is gone for all who hold it.

        Whoever never calls this loses nothing: what nobody refers to is collected.
        """
        raise NotImplementedError(f"{type(self).__name__} has no Release; objects derive from com.Object")

    async def _call(self, opnum: int, *inputs: Any) -> Any:
        """What a method does that nobody has overridden: a proxy calls the object that it stands for."""
        raise NotImplementedError(f"{type(self).__name__} leaves method {opnum} out")

    async def _begin(self, opnum: int, *inputs: Any) -> int:
        raise NotImplementedError(f"{type(self).__name__} leaves the Begin_ of method {opnum} out")

    async def _finish(self, opnum: int) -> Any:
        raise NotImplementedError(f"{type(self).__name__} leaves the Finish_ of method {opnum} out")


_classes[IUnknown.IID] = IUnknown

Wanted: TypeAlias = "Callable[..., I] | UUID"
"""How an interface is named: by its class, or by its IID."""


def iid_of(interface: Callable[..., Any] | UUID) -> UUID:
    """The identity of an interface that is named by its class or by its IID.

    Raises:
        TypeError: it is neither, or a class without an identity.
    """
    if isinstance(interface, UUID):
        return interface
    iid = getattr(interface, "IID", None)
    if not isinstance(iid, UUID):
        raise TypeError(f"{interface!r} is neither an IID nor an interface that has one")
    return iid


def class_of(interface: Callable[..., Any] | UUID) -> type[IUnknown]:
    """The class of an interface: the one given, or whichever a loaded module has declared for that IID.

    An IID that nobody has declared gets a class without methods: its pointers can be held and passed on.
    """
    if not isinstance(interface, UUID):
        iid_of(interface)
        return cast(type[IUnknown], interface)
    found = _classes.get(interface)
    if found is None:
        found = cast(Any, ABCMeta)(f"interface {interface}", (IUnknown,), {"__slots__": (), "IID": interface})
    return cast(type[IUnknown], found)


def asynchronous_form(interface: Callable[..., Any] | UUID) -> type[IUnknown] | None:
    """The `AsyncIFoo` of an `IFoo`, if its IDL gave it an `async_uuid`."""
    return _asynchronous.get(iid_of(interface))


def synchronous_form(interface: Callable[..., Any] | UUID) -> type[IUnknown] | None:
    """The `IFoo` of an `AsyncIFoo`; None if that is no asynchronous form."""
    found = _classes.get(interface) if isinstance(interface, UUID) else interface
    return getattr(found, "SYNCHRONOUS", None)


def interfaces_of(kind: type[Any]) -> dict[UUID, type[IUnknown]]:
    """The interfaces with an identity that a class derives from, by IID, most derived first."""
    return {
        base.__dict__["IID"]: base
        for base in kind.__mro__
        if isinstance(base, ABCMeta) and issubclass(base, IUnknown) and "IID" in base.__dict__
    }


Interfaces: TypeAlias = tuple[type[Interface], ...]
