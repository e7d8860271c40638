"""IObjectExporter: where an exporter listens, who is alive, and pings (MS-DCOM 3.1.2.5.1); its server and its client.

Statuses are Win32 errors. With one of them the bindings are NULL and everything else is zero.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from dataclasses import dataclass
from struct import Struct
from typing import Final
from uuid import UUID

from idlrt import rpc
from idlrt.com.objref import Bindings, decode_bindings, encode_bindings
from idlrt.dcom.orpc import MAJOR, MINOR
from idlrt.dcom.ping import PingSets
from idlrt.dcom.remote import Resolved
from idlrt.dcom.tables import Tables
from idlrt.errors import NCA_OP_RNG_ERROR, RpcFault
from idlrt.ids import NIL
from idlrt.prelude.ms_dcom import (
    COMVERSION,
    DUALSTRINGARRAY,
    ComplexPingResult,
    IObjectExporterClient,
    IObjectExporterService,
    ResolveOxid2Result,
    ResolveOxidResult,
    ServerAlive2Result,
)

OR_INVALID_OXID: Final = 1910
MOST_TOWERS: Final = 64
"""Protocols that a client may name; nobody has so many."""

_HEAD = Struct("<HH")


def dual_strings(bindings: Bindings) -> DUALSTRINGARRAY:
    """Bindings as NDR has them."""
    octets = encode_bindings(bindings)
    count, security_at = _HEAD.unpack_from(octets)
    return DUALSTRINGARRAY(security_at, list(memoryview(octets)[4:].cast("H")), count)


def bindings_of(strings: DUALSTRINGARRAY | None) -> Bindings:
    """The bindings that NDR brought; NdrError if they are none."""
    if strings is None:
        return Bindings()
    return decode_bindings(
        _HEAD.pack(strings.wNumEntries, strings.wSecurityOffset) + array("H", strings.aStringArray).tobytes()
    )


@dataclass(frozen=True, slots=True)
class Known:
    """An exporter that a resolver answers for."""

    tables: Tables
    rem_unknown: UUID
    bindings: Callable[[], Bindings]
    authn_hint: int = 1


class Resolver(IObjectExporterService):
    """The resolver of the exporters of this program.

    Args:
        bindings: where it listens itself, as its clients are told. now: in seconds.
        expiry: seconds without a ping after which a set of objects is gone.
    """

    def __init__(self, bindings: Callable[[], Bindings], now: Callable[[], float], expiry: float) -> None:
        self._bindings = bindings
        self._now = now
        self._exporters: dict[int, Known] = {}
        self.sets = PingSets(self, expiry=expiry)

    def add(self, exporter: Known) -> None:
        """Answer for an exporter, too."""
        self._exporters[exporter.tables.oxid] = exporter

    def remove(self, oxid: int) -> None:
        self._exporters.pop(oxid, None)

    def expire(self) -> None:
        """Take what nobody pinged for."""
        now = self._now()
        self.sets.expire(now)
        for each in self._exporters.values():
            each.tables.reclaim(now)

    # -- what ping sets ask

    def hold(self, oid: int) -> bool:
        return any(each.tables.hold(oid) for each in self._exporters.values())

    def drop(self, oid: int, now: float, expired: bool = False) -> None:
        for each in self._exporters.values():
            each.tables.drop(oid, now, expired)

    # -- operations

    def _resolved(self, oxid: int, towers: list[int]) -> Known | None:
        return None if len(towers) > MOST_TOWERS else self._exporters.get(oxid)

    async def ResolveOxid(
        self,
        call: rpc.Call,
        pOxid: int,
        cRequestedProtseqs: int,
        arRequestedProtseqs: list[int],
    ) -> ResolveOxidResult:
        found = self._resolved(pOxid, arRequestedProtseqs)
        if found is None:
            return ResolveOxidResult(None, NIL, 0, OR_INVALID_OXID)
        return ResolveOxidResult(dual_strings(found.bindings()), found.rem_unknown, found.authn_hint)

    async def ResolveOxid2(
        self,
        call: rpc.Call,
        pOxid: int,
        cRequestedProtseqs: int,
        arRequestedProtseqs: list[int],
    ) -> ResolveOxid2Result:
        found = self._resolved(pOxid, arRequestedProtseqs)
        if found is None:
            return ResolveOxid2Result(None, NIL, 0, COMVERSION(0, 0), OR_INVALID_OXID)
        strings = dual_strings(found.bindings())
        return ResolveOxid2Result(strings, found.rem_unknown, found.authn_hint, COMVERSION(MAJOR, MINOR))

    async def SimplePing(self, call: rpc.Call, pSetId: int) -> int:
        return self.sets.simple_ping(pSetId, self._now())

    async def ComplexPing(
        self,
        call: rpc.Call,
        pSetId: int,
        SequenceNum: int,
        cAddToSet: int,
        cDelFromSet: int,
        AddToSet: list[int] | None,
        DelFromSet: list[int] | None,
    ) -> ComplexPingResult:
        set_id, status = self.sets.complex_ping(pSetId, SequenceNum, AddToSet or (), DelFromSet or (), self._now())
        return ComplexPingResult(set_id, 0, status)

    async def ServerAlive(self, call: rpc.Call) -> int:
        return 0

    async def ServerAlive2(self, call: rpc.Call) -> ServerAlive2Result:
        return ServerAlive2Result(COMVERSION(MAJOR, MINOR), dual_strings(self._bindings()), 0)


# ---------------------------------------------------------------------------- the client


async def resolve(channel: rpc.Channel, oxid: int, towers: list[int]) -> Resolved:
    """Ask a resolver where an exporter listens, as Windows does (MS-DCOM 3.2.4.1.2).

    Raises:
        RpcFault: the resolver does not know it (1910, OR_INVALID_OXID), or will not tell.
        NdrError: what it answers are no bindings.
    """
    client = IObjectExporterClient(channel)
    minor = 1
    try:
        alive = await client.ServerAlive2()
        minor = min(MINOR, alive.pComVersion.MinorVersion)
    except RpcFault as error:
        if error.status != NCA_OP_RNG_ERROR:
            raise
    try:
        second = await client.ResolveOxid2(oxid, towers)
        minor = min(MINOR, second.pComVersion.MinorVersion)
        answer: ResolveOxidResult | ResolveOxid2Result = second
    except RpcFault as error:
        if error.status != NCA_OP_RNG_ERROR:
            raise
        answer = await client.ResolveOxid(oxid, towers)
    if answer.return_value:
        raise RpcFault(answer.return_value)
    return Resolved(
        bindings_of(answer.ppdsaOxidBindings),
        answer.pipidRemUnknown,
        minor,
        answer.pAuthnHint,
    )


async def ping(
    channel: rpc.Channel,
    set_id: int,
    sequence: int,
    added: list[int],
    deleted: list[int],
) -> tuple[int, int]:
    """Ping a set, or change it; its id and the status."""
    client = IObjectExporterClient(channel)
    if set_id and not added and not deleted:
        return set_id, await client.SimplePing(set_id)
    answer = await client.ComplexPing(set_id, sequence, added or None, deleted or None)
    return answer.pSetId, answer.return_value
