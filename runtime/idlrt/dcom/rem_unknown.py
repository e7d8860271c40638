"""IRemUnknown and IRemUnknown2: how others ask for interfaces and count references (MS-DCOM 3.1.1.5.6, 3.1.1.5.7)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextvars import ContextVar
from typing import TypeAlias
from uuid import UUID

from idlrt.com.hresult import (
    CO_E_OBJNOTREG,
    E_INVALIDARG,
    E_NOINTERFACE,
    E_OUTOFMEMORY,
    RPC_E_INVALID_OBJECT,
    S_FALSE,
    S_OK,
    HResultError,
    signed,
)
from idlrt.com.objref import Standard, StandardReference, encode
from idlrt.dcom.tables import MOST_REFERENCES, Pointer, Tables
from idlrt.ids import NIL
from idlrt.prelude.ms_dcom import (
    REMINTERFACEREF,
    REMQIRESULT,
    STDOBJREF,
    IRemUnknown2,
    MInterfacePointer,
    RemAddRefResult,
    RemQueryInterface2Result,
    RemQueryInterfaceResult,
)

Export: TypeAlias = Callable[[Pointer, UUID, int], Awaitable[Standard]]
"""Another interface of the object behind a pointer, by its IID, with so many references; raises `HResultError`."""

REFERENCES = 5
"""How many public references go with a reference that is given away, so that the receiver can pass some on."""

MOST_INTERFACES = 64
"""How many interfaces may be asked for in one call."""

user: ContextVar[str | None] = ContextVar("user", default=None)
"""Who calls, as far as it was authenticated. Private references belong to users; for nobody they are public."""

_NOTHING = STDOBJREF(0, 0, 0, 0, NIL)


class RemUnknown(IRemUnknown2):
    """The one object of each exporter that is there for all others."""

    def __init__(self, tables: Tables, export: Export, now: Callable[[], float]) -> None:
        self._tables = tables
        self._export = export
        self._now = now

    async def RemQueryInterface(
        self, ripid: UUID, cRefs: int, cIids: int, iids: Sequence[UUID]
    ) -> RemQueryInterfaceResult:
        """Each interface that the object has, with `cRefs` references; S_FALSE if it refuses some."""
        pointer = self._counted(ripid)
        if not cRefs or not iids or len(iids) > MOST_INTERFACES:
            raise HResultError(E_INVALIDARG)
        results = []
        for iid in iids:
            try:
                found = (await self._export(pointer, iid, cRefs)).reference
                std = STDOBJREF(found.flags, found.public_refs, found.oxid, found.oid, found.ipid)
                results.append(REMQIRESULT(S_OK, std))
            except HResultError as error:
                results.append(REMQIRESULT(signed(error.hresult), _NOTHING))
        return RemQueryInterfaceResult(results, _summary([each.hResult for each in results]))

    async def RemAddRef(
        self,
        InterfaceRefs: Sequence[REMINTERFACEREF],
        *,
        cInterfaceRefs: int | None = None,
    ) -> RemAddRefResult:
        """More references; a result for each interface."""
        return RemAddRefResult([signed(self._add(each)) for each in InterfaceRefs])

    def _add(self, wanted: REMINTERFACEREF) -> int:
        pointer = self._tables.find(wanted.ipid)
        if pointer is None:
            return CO_E_OBJNOTREG
        who = user.get()
        public, private = (wanted.cPublicRefs, wanted.cPrivateRefs)
        if who is None:
            public, private = public + private, 0
        if pointer.references + public + private > MOST_REFERENCES:
            return E_OUTOFMEMORY
        self._tables.add(pointer, public, self._now())
        self._tables.add(pointer, private, self._now(), who)
        return S_OK

    async def RemRelease(
        self,
        InterfaceRefs: Sequence[REMINTERFACEREF],
        *,
        cInterfaceRefs: int | None = None,
    ) -> int:
        """Fewer references; what is unknown is released already."""
        who = user.get()
        for each in InterfaceRefs:
            pointer = self._tables.find(each.ipid)
            if pointer is not None:
                public, private = each.cPublicRefs, each.cPrivateRefs
                if who is None:
                    public, private = public + private, 0
                if private:
                    self._tables.release(pointer, private, who)
                self._tables.release(pointer, public)
        return S_OK

    async def RemQueryInterface2(
        self, ripid: UUID, iids: Sequence[UUID], *, cIids: int | None = None
    ) -> RemQueryInterface2Result:
        """Each interface that the object has, as a reference that can be passed on."""
        pointer = self._counted(ripid)
        if not iids or len(iids) > MOST_INTERFACES:
            raise HResultError(E_INVALIDARG)
        codes: list[int] = []
        references: list[MInterfacePointer | None] = []
        for iid in iids:
            try:
                references.append(MInterfacePointer(encode(await self._export(pointer, iid, REFERENCES))))
                codes.append(S_OK)
            except HResultError as error:
                references.append(None)
                codes.append(signed(error.hresult))
        return RemQueryInterface2Result(codes, references, _summary(codes))

    def _counted(self, ipid: UUID) -> Pointer:
        pointer = self._tables.find(ipid)
        if pointer is None or pointer.stub is None:
            raise HResultError(RPC_E_INVALID_OBJECT)
        return pointer


def _summary(codes: Sequence[int]) -> int:
    """What the call returns where its results differ."""
    if not any(codes):
        return S_OK
    if S_OK in codes:
        return S_FALSE
    return codes[0] if len({*codes}) == 1 else signed(E_NOINTERFACE)


def referred(reference: STDOBJREF) -> StandardReference:
    """The same in the form of `com.objref`."""
    return StandardReference(
        reference.oxid,
        reference.oid,
        reference.ipid,
        reference.cPublicRefs,
        reference.flags,
    )
