"""Objects that a program implements: interfaces on request, references, aggregation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, overload
from uuid import UUID

from idlrt.com.hresult import CLASS_E_NOAGGREGATION, HResultError, NoInterface
from idlrt.com.interfaces import I, IUnknown, iid_of, interfaces_of, synchronous_form


class Object(IUnknown):
    """What a program's own objects derive from, with the interfaces that they implement.

        class Calculator(com.Object, ICalculator, IHistory):
            async def Add(self, a: int, b: int) -> int:
                return a + b

    QueryInterface gives the object itself for each of these, so it is reflexive, symmetric, transitive and stable, and
    the object's identity is the object. References are counted for those who release them; who does not, leaves the
    object to be collected. An object needs no `__init__` of this class.

    Raises:
        TypeError: a class offers an interface together with its asynchronous form, which call objects alone have.
    """

    _offered: ClassVar[dict[UUID, type[IUnknown]]] = {}
    _references: int = 1
    _outer: IUnknown | None = None
    _inner: tuple[IUnknown, ...] = ()

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls._offered = offered = interfaces_of(cls)
        for interface in offered.values():
            synchronous = synchronous_form(interface)
            if synchronous is not None and synchronous.IID in offered:
                raise TypeError(
                    f"{cls.__name__} has both {synchronous.__name__} and {interface.__name__}; "
                    "asynchronous forms belong to call objects, which ICallFactory makes"
                )

    @overload
    async def QueryInterface(self, interface: Callable[..., I]) -> I: ...

    @overload
    async def QueryInterface(self, interface: UUID) -> IUnknown: ...

    async def QueryInterface(self, interface: Callable[..., I] | UUID) -> I | IUnknown:
        outer = self._outer
        if outer is not None:
            return await outer.QueryInterface(interface)
        return await self._own_interface(interface)

    def may_have(self, iid: UUID) -> bool:
        """Whether it is worth asking for an interface: false only where QueryInterface would refuse it for sure."""
        plain = self._outer is None and not self._inner and type(self).QueryInterface is Object.QueryInterface
        return not plain or iid in self._offered

    async def _own_interface(self, interface: Callable[..., I] | UUID) -> I | IUnknown:
        """What the object has by itself, whoever controls it."""
        iid = interface if isinstance(interface, UUID) else iid_of(interface)
        if iid in self._offered:
            self.AddRef()
            return self
        for inner in self._inner:
            try:
                return await inner.QueryInterface(interface)
            except NoInterface:
                pass
        what = interface if isinstance(interface, UUID) else getattr(interface, "__name__", interface)
        raise NoInterface(message=f"{type(self).__name__} does not have {what}")

    def AddRef(self) -> int:
        if self._outer is not None:
            return self._outer.AddRef()
        return self._own_reference(1)

    def Release(self) -> int:
        if self._outer is not None:
            return self._outer.Release()
        return self._own_reference(-1)

    def _own_reference(self, more: int) -> int:
        before = self._references
        self._references = now = max(before + more, 0)
        if before and not now:
            self.final_release()
        return now

    def final_release(self) -> None:
        """Called once, when the last of the counted references is released. By default nothing happens."""

    # -- aggregation

    def aggregate(self, inner: IUnknown) -> None:
        """Offer what another object has, as one's own, where this object has nothing itself.

        Args:
            inner: the non-delegating unknown of an object that was made with this one as its controlling unknown.
        """
        self._inner += (inner,)


class Inner(IUnknown):
    """The non-delegating unknown of an aggregated object: the one pointer to it that knows nothing of the outer one."""

    __slots__ = ("_count", "object")

    def __init__(self, object: Object) -> None:
        self.object = object
        self._count = 1

    @overload
    async def QueryInterface(self, interface: Callable[..., I]) -> I: ...

    @overload
    async def QueryInterface(self, interface: UUID) -> IUnknown: ...

    async def QueryInterface(self, interface: Callable[..., I] | UUID) -> I | IUnknown:
        if iid_of(interface) == IUnknown.IID:
            self._count += 1
            return self
        return await self.object._own_interface(interface)

    def AddRef(self) -> int:
        self._count += 1
        return self._count

    def Release(self) -> int:
        before = self._count
        self._count = max(before - 1, 0)
        if before == 1:
            self.object.final_release()
        return self._count


def aggregated(object: IUnknown, outer: IUnknown | None, interface: Callable[..., Any] | UUID) -> IUnknown:
    """Make a new object part of `outer`, as whoever creates objects on request has to (IClassFactory, ICallFactory).

    Returns:
        The object as it is without an outer one; otherwise its non-delegating unknown, for the outer object to keep.

    Raises:
        HResultError: an outer object may ask for nothing but IUnknown (CLASS_E_NOAGGREGATION by the general rule of
            aggregation), and only what derives from `com.Object` can be aggregated.
    """
    if outer is None:
        return object
    if iid_of(interface) != IUnknown.IID or not isinstance(object, Object):
        raise HResultError(CLASS_E_NOAGGREGATION)
    object._outer = outer
    return Inner(object)


async def same(one: IUnknown, other: IUnknown) -> bool:
    """Whether two pointers are to one object: their IUnknown is the same."""
    if one is other:
        return True
    first, second = await one.QueryInterface(IUnknown), await other.QueryInterface(IUnknown)
    try:
        return first is second
    finally:
        first.Release()
        second.Release()


def identity(object: IUnknown) -> IUnknown:
    """The object that a local pointer belongs to: its controlling unknown."""
    while isinstance(object, Object) and object._outer is not None:
        object = object._outer
    return object


__all__ = ["Inner", "Object", "aggregated", "identity", "same"]
