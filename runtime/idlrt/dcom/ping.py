"""Who still wants which objects: ping sets at the resolver, and the pings that a client sends (MS-DCOM 3.1.2.5.1.2).

A client that is gone pings no more, and what only it held is reclaimed. Closing a connection releases nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Final, Protocol, TypeAlias

from idlrt.com.objref import Bindings
from idlrt.dcom.tables import identifier
from idlrt.errors import RpcError

_log = logging.getLogger("idlrt.dcom")

PERIOD: Final = 120.0
"""Seconds between pings, at most (MS-DCOM 3.2.2)."""

EXPIRY: Final = 3 * PERIOD
"""Seconds without a ping after which a set is gone."""

MOST_SETS: Final = 4096
MOST_OIDS: Final = 65536
"""Objects of one set."""

OR_INVALID_OID: Final = 1911
OR_INVALID_SET: Final = 1912
ERROR_NOT_ENOUGH_QUOTA: Final = 1816


class Objects(Protocol):
    """Where the objects are that sets name."""

    def hold(self, oid: int) -> bool:
        """A set names the object; whether there is such an object."""

    def drop(self, oid: int, now: float, expired: bool = False) -> None:
        """A set names it no more, for itself or because it `expired`."""


class _Set:
    __slots__ = ("due", "oids", "sequence")

    def __init__(self, sequence: int, due: float) -> None:
        self.sequence = sequence
        self.due = due
        self.oids: set[int] = set()


class PingSets:
    """The ping sets of a resolver. No I/O; the time comes in with each ping."""

    def __init__(self, objects: Objects, *, expiry: float = EXPIRY, most: int = MOST_SETS) -> None:
        self._objects = objects
        self._expiry = expiry
        self._most = most
        self._sets: dict[int, _Set] = {}

    def __len__(self) -> int:
        return len(self._sets)

    def simple_ping(self, set_id: int, now: float) -> int:
        """A set lives on; the status."""
        found = self._sets.get(set_id)
        if found is None:
            return OR_INVALID_SET
        found.due = now + self._expiry
        return 0

    def complex_ping(
        self,
        set_id: int,
        sequence: int,
        add: Iterable[int],
        delete: Iterable[int],
        now: float,
    ) -> tuple[int, int]:
        """Change a set, or make one for set id 0; its id, and the status.

        A set is not changed by what a later ping has overtaken. What is unknown cannot be added, which a new set passes
        over, and need not be deleted.
        """
        new = set_id == 0
        if new:
            if len(self._sets) >= self._most:
                return 0, ERROR_NOT_ENOUGH_QUOTA
            set_id = identifier()
            found = self._sets[set_id] = _Set(sequence, now + self._expiry)
        else:
            known = self._sets.get(set_id)
            if known is None:
                return set_id, OR_INVALID_SET
            found = known
            found.due = now + self._expiry
            if sequence < found.sequence:
                return set_id, 0
            found.sequence = sequence
        status = 0
        for oid in add:
            if oid in found.oids:
                continue
            if len(found.oids) >= MOST_OIDS:
                status = ERROR_NOT_ENOUGH_QUOTA
            elif self._objects.hold(oid):
                found.oids.add(oid)
            elif not new:
                status = OR_INVALID_OID
        for oid in delete:
            if oid in found.oids:
                found.oids.discard(oid)
                self._objects.drop(oid, now)
        return set_id, status

    def forget(self, oid: int) -> None:
        """The object is gone."""
        for each in self._sets.values():
            each.oids.discard(oid)

    def expire(self, now: float) -> None:
        """Take the sets that nobody pinged."""
        for set_id, found in tuple(self._sets.items()):
            if found.due <= now:
                del self._sets[set_id]
                for oid in tuple(found.oids):
                    self._objects.drop(oid, now, expired=True)


# ---------------------------------------------------------------------------- the client

Ping: TypeAlias = Callable[[Bindings, int, int, "list[int]", "list[int]"], Awaitable["tuple[int, int]"]]
"""Ping a set at a resolver: set id (0 for a new one), sequence, what to add and to delete; set id and status."""


class _Pinged:
    """What is pinged for at one resolver."""

    __slots__ = ("added", "deleted", "oids", "sequence", "set_id")

    def __init__(self) -> None:
        self.oids: set[int] = set()
        self.added: set[int] = set()
        self.deleted: set[int] = set()
        self.set_id = 0
        self.sequence = 0

    def anew(self) -> None:
        """The resolver knows nothing of the set any more."""
        self.set_id = self.sequence = 0
        self.added, self.deleted = set(self.oids), set()


class Pinger:
    """Pings for the objects that a program holds: one set at each resolver, and only changes travel."""

    def __init__(self, ping: Ping, period: float = PERIOD) -> None:
        self._ping = ping
        self._period = period
        self._resolvers: dict[Bindings, _Pinged] = {}
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._pinging: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return sum(len(each.oids) for each in self._resolvers.values())

    def add(self, resolver: Bindings, oid: int) -> None:
        """The program holds an object."""
        pinged = self._resolvers.setdefault(resolver, _Pinged())
        pinged.oids.add(oid)
        if oid in pinged.deleted:
            pinged.deleted.discard(oid)
        else:
            pinged.added.add(oid)
        if self._timer is None:
            self._timer = self._loop.call_later(self._period, self._due)

    def discard(self, resolver: Bindings, oid: int) -> None:
        """The program holds it no more."""
        pinged = self._resolvers.get(resolver)
        if pinged is None or oid not in pinged.oids:
            return
        pinged.oids.discard(oid)
        if oid in pinged.added:
            pinged.added.discard(oid)
        else:
            pinged.deleted.add(oid)
        if not pinged.oids and not pinged.set_id:
            del self._resolvers[resolver]

    def _due(self) -> None:
        self._timer = None
        if self._pinging is None:
            self._pinging = self._loop.create_task(self.ping(), name="idlrt ping")
            self._pinging.add_done_callback(self._pinged)
        if self._resolvers:
            self._timer = self._loop.call_later(self._period, self._due)

    def _pinged(self, task: asyncio.Task[None]) -> None:
        self._pinging = None

    async def ping(self) -> None:
        """Ping all resolvers once; what one of them did not get is said again the next time."""
        for resolver, pinged in tuple(self._resolvers.items()):
            try:
                await self._ping_one(resolver, pinged)
            except (RpcError, OSError) as error:
                _log.info("a ping failed: %s", error)
            if not pinged.oids and not pinged.deleted and self._resolvers.get(resolver) is pinged:
                del self._resolvers[resolver]

    async def _ping_one(self, resolver: Bindings, pinged: _Pinged) -> None:
        added, deleted = sorted(pinged.added), sorted(pinged.deleted)
        changed = bool(added or deleted)
        sequence = pinged.sequence + changed & 0xFFFF
        set_id, status = await self._ping(resolver, pinged.set_id, sequence, added, deleted)
        if status == OR_INVALID_SET:
            pinged.anew()
            if pinged.oids:
                await self._ping_one(resolver, pinged)
            return
        if changed:
            pinged.set_id, pinged.sequence = set_id, sequence
            pinged.added.difference_update(added)
            pinged.deleted.difference_update(deleted)
        if status:
            _log.info("a resolver answers a ping with status %d", status)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._pinging is not None:
            self._pinging.cancel()
        self._resolvers.clear()
