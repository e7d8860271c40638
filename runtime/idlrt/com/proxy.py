"""Proxies: objects of another apartment, process or machine, with the interfaces that they have there.

A proxy is an instance of the interface's own class, so a caller need not know whether it holds an object or a proxy.
What all proxies of one object share is a `Remote`; each way to reach objects has its own kind of it.
"""

from __future__ import annotations

from abc import ABC, ABCMeta, abstractmethod
from collections.abc import Awaitable, Callable, Coroutine
from importlib import import_module
from typing import Any, ClassVar, Final, cast, overload
from uuid import UUID
from weakref import WeakValueDictionary

from idlrt.com.blanket import RPC_C_AUTHN_LEVEL_NONE, Blanket, under
from idlrt.com.hresult import RPC_E_NO_GOOD_SECURITY_PACKAGES, Disconnected, HResultError, NoInterface
from idlrt.com.interfaces import I, IUnknown, class_of, iid_of, synchronous_form
from idlrt.com.outgoing import Outgoing, make_call


class Remote(ABC):
    """An object elsewhere, as its proxies share it: one for each identity and apartment."""

    def __init__(self) -> None:
        self._proxies: WeakValueDictionary[UUID, Proxy] = WeakValueDictionary()

    @abstractmethod
    def call(self, interface: type[IUnknown], opnum: int, inputs: tuple[Any, ...]) -> Awaitable[Any]:
        """Call a method and wait for its result; a cancelled waiter cancels the call.

        Args:
            interface: what the proxy stands for. opnum: of one of its methods, those of its bases included.
            inputs: what the generated method was given, in the order of `Operation.inputs`.

        Raises:
            HResultError: the method failed, or the call did with an HRESULT.
            RpcError: the call failed otherwise.
        """

    @abstractmethod
    def begin(self, interface: type[IUnknown], opnum: int, inputs: tuple[Any, ...]) -> Outgoing:
        """The same as a call of its own, which goes on whether or not somebody waits, and can be cancelled.

        Parameters have been read when this returns: what cannot be marshalled is raised here.
        """

    @abstractmethod
    async def query(self, interface: type[IUnknown]) -> None:
        """Get a reference to another interface of the object.

        Raises:
            NoInterface: the object does not have it.
        """

    def protect(self, blanket: Blanket) -> None:
        """Whether calls can be protected so; where nothing else is said, they cannot be protected at all.

        Calls find what they are to be protected with in `idlrt.com.blanket.used` while they are made.

        Raises:
            HResultError: they cannot (RPC_E_NO_GOOD_SECURITY_PACKAGES).
        """
        if blanket.authn_level > RPC_C_AUTHN_LEVEL_NONE:
            raise HResultError(RPC_E_NO_GOOD_SECURITY_PACKAGES, "calls to this object are not authenticated")

    def release(self, interface: type[IUnknown]) -> None:  # noqa: B027  # what nobody counts needs no release
        """The last counted reference to an interface was released by the program."""

    def proxy(self, interface: type[I]) -> I:
        """The one proxy of the object for an interface that it is known to have."""
        found = self._proxies.get(interface.IID)
        if found is None:
            kind = cast(type[Proxy], proxy_class(interface))
            found = self._proxies[interface.IID] = kind(self)
        else:
            found.AddRef()
        return cast(I, found)


class Proxy(IUnknown):
    """An interface of an object elsewhere; `proxy_class` makes a kind of it for each interface."""

    __slots__ = ("__weakref__", "_blanket", "_references", "_remote")
    INTERFACE: ClassVar[type[IUnknown]] = IUnknown

    def __init__(self, remote: Remote) -> None:
        self._remote = remote
        self._references = 1
        self._blanket: Blanket | None = None

    @overload
    async def QueryInterface(self, interface: Callable[..., I]) -> I: ...

    @overload
    async def QueryInterface(self, interface: UUID) -> IUnknown: ...

    async def QueryInterface(self, interface: Callable[..., I] | UUID) -> I | IUnknown:
        wanted = class_of(interface)
        remote = self._remote
        if not self._references:
            raise Disconnected(message="this proxy was released")
        if wanted.IID in remote._proxies:
            return remote.proxy(wanted)
        own = _OWN.get(wanted.IID)
        if own is not None:
            module, name = own
            return cast(I, getattr(import_module(module), name)(self, remote))
        if synchronous_form(wanted) is not None:
            raise NoInterface(message=f"{wanted.__name__} is asked of call objects, not of proxies", help=CALL_OBJECTS)
        if wanted.IID != IUnknown.IID:
            await remote.query(wanted)
        return remote.proxy(wanted)

    def AddRef(self) -> int:
        if self._references:
            self._references += 1
        return self._references

    def Release(self) -> int:
        if self._references:
            self._references -= 1
            if not self._references:
                known = self._remote._proxies
                if known.get(self.INTERFACE.IID) is self:  # and no copy of that
                    del known[self.INTERFACE.IID]
                    self._remote.release(self.INTERFACE)
        return self._references

    def _call(self, opnum: int, *inputs: Any) -> Coroutine[Any, Any, Any]:
        if not self._references:
            raise Disconnected(message="this proxy was released")
        if self._blanket is None:
            return make_call(self._remote, self.INTERFACE, opnum, inputs)
        return self._protected(self._blanket, opnum, inputs)

    async def _protected(self, blanket: Blanket, opnum: int, inputs: tuple[Any, ...]) -> Any:
        with under(blanket):
            return await make_call(self._remote, self.INTERFACE, opnum, inputs)

    def __repr__(self) -> str:
        return f"<proxy of {self.INTERFACE.__name__} at {self._remote!r}>"


CALL_OBJECTS = "ask for ICallFactory, and have it make a call object"

_OWN: Final = {
    UUID("1c733a30-2a1c-11ce-ade5-00aa0044773d"): ("idlrt.com.async_calls", "ProxyCallFactory"),
    UUID("0000013d-0000-0000-c000-000000000046"): ("idlrt.com.security", "ClientSecurity"),
}
"""Interfaces that proxies have by themselves, whatever the object has, and what is made of a proxy for them."""


def proxy_class(interface: Callable[..., I]) -> type[I]:
    """The class of proxies for an interface: it derives from it, and its methods call the object that it stands for."""
    iid_of(interface)
    base = cast(type[IUnknown], interface)
    made = base.__dict__.get("_proxy_class")
    if made is None:
        bases = (Proxy,) if base is IUnknown else (Proxy, base)
        made = ABCMeta(f"{base.__name__}Proxy", bases, {"__slots__": (), "INTERFACE": base, "__doc__": base.__doc__})
        made.__abstractmethods__ = frozenset()  # the generated bodies are all there is to do
        made.__module__ = base.__module__
        base._proxy_class = made  # type: ignore[attr-defined]
    return cast(type[I], made)
