"""How calls of a proxy or call object are to be protected: IClientSecurity.

A call carries the blanket of the pointer that it is made through. The way to an object decides what it can do: within
a process there is nothing to protect; what cannot authenticate refuses blankets that ask for it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from idlrt.com.blanket import (
    RPC_C_AUTHN_DEFAULT,
    RPC_C_AUTHN_LEVEL_DEFAULT,
    RPC_C_AUTHN_LEVEL_PKT_PRIVACY,
    RPC_C_IMP_LEVEL_DEFAULT,
    RPC_C_IMP_LEVEL_DELEGATE,
    Blanket,
)
from idlrt.com.hresult import E_INVALIDARG, S_OK, HResultError
from idlrt.com.interfaces import IUnknown
from idlrt.com.known import IClientSecurity
from idlrt.com.objects import Inner, Object, identity
from idlrt.com.proxy import Proxy, Remote


class ClientSecurity(Object, IClientSecurity):
    """IClientSecurity of a proxy, or of a call object whose calls are marshalled.

    Args:
        owner: whose it is, with which it shares its identity. remote: where its calls go.
    """

    def __init__(self, owner: Any, remote: Remote) -> None:
        self._owner = owner
        self._remote = remote

    async def _own_interface(self, interface: Any) -> Any:
        if interface is IClientSecurity or interface == IClientSecurity.IID:
            self.AddRef()
            return self
        return await self._owner.QueryInterface(interface)

    async def QueryBlanket(self, pProxy: IUnknown) -> Blanket:
        return self._of(pProxy)._blanket or Blanket()

    async def SetBlanket(
        self,
        pProxy: IUnknown,
        dwAuthnSvc: int = RPC_C_AUTHN_DEFAULT,
        dwAuthzSvc: int = RPC_C_AUTHN_DEFAULT,
        pServerPrincName: str | None = None,
        dwAuthnLevel: int = RPC_C_AUTHN_LEVEL_DEFAULT,
        dwImpLevel: int = RPC_C_IMP_LEVEL_DEFAULT,
        pAuthInfo: Any = None,
        dwCapabilities: int = 0,
    ) -> int:
        protected = self._of(pProxy)
        levels = range(RPC_C_AUTHN_LEVEL_PKT_PRIVACY + 1)
        if dwAuthnLevel not in levels or dwImpLevel not in range(RPC_C_IMP_LEVEL_DELEGATE + 1):
            raise HResultError(E_INVALIDARG, f"no such level: {dwAuthnLevel}, {dwImpLevel}")
        wanted = Blanket(
            dwAuthnSvc, dwAuthzSvc, pServerPrincName, dwAuthnLevel, dwImpLevel, pAuthInfo, dwCapabilities
        )
        known = Blanket()
        if dwAuthnSvc == RPC_C_AUTHN_DEFAULT:
            wanted = replace(wanted, authn_service=known.authn_service)
        if dwAuthzSvc == RPC_C_AUTHN_DEFAULT:
            wanted = replace(wanted, authz_service=known.authz_service)
        if dwAuthnLevel == RPC_C_AUTHN_LEVEL_DEFAULT:
            wanted = replace(wanted, authn_level=known.authn_level)
        if dwImpLevel == RPC_C_IMP_LEVEL_DEFAULT:
            wanted = replace(wanted, imp_level=known.imp_level)
        self._remote.protect(wanted)
        protected._blanket = wanted
        return S_OK

    async def CopyProxy(self, pProxy: IUnknown) -> IUnknown:
        if not isinstance(pProxy, Proxy) or pProxy._remote is not self._remote:
            raise HResultError(E_INVALIDARG, "only a proxy of this object can be copied")
        copy = type(pProxy)(pProxy._remote)
        copy._blanket = pProxy._blanket
        return copy

    def _of(self, pointer: IUnknown) -> Any:
        """What the blanket of a pointer is kept in."""
        if isinstance(pointer, Inner):
            pointer = pointer.object
        if pointer is self._owner or (isinstance(pointer, Proxy) and pointer._remote is self._remote):
            return pointer
        if isinstance(self._owner, Object) and pointer is identity(self._owner):
            return self._owner
        raise HResultError(E_INVALIDARG, "the pointer is not one of this object")
