"""What an exporter knows of the objects that others hold: object identifiers, interface pointer identifiers, counts.

An object is here from its first reference on until the last count of its last interface goes, or until it is reclaimed
because nobody pinged for it (MS-DCOM 3.1.1.1). No I/O; the time comes in with what happens.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from typing import Any, Final
from uuid import UUID, uuid4

from idlrt.com.interfaces import IUnknown

MOST_REFERENCES: Final = 0xFFFFFFFF
"""A count ends here; it is refused to go on."""

MOST_OBJECTS: Final = 1 << 20
"""Objects that an exporter has for others at a time, unless it is told otherwise."""

LIFETIME: Final = 360.0
"""Seconds that an object lives without a ping, a call or a new reference: three periods of 120 s (3.1.1.6)."""


class Pointer:
    """One interface of an object, by its IPID; `target` is called, `public` and `private` count its references."""

    __slots__ = ("at_once", "ipid", "kind", "private", "public", "stub", "target")

    def __init__(self, ipid: UUID, kind: type[IUnknown], target: Any, stub: Stub | None) -> None:
        self.ipid = ipid
        self.kind = kind
        self.target = target
        self.stub = stub
        """The object; None for the exporter's own, which is never counted."""
        self.at_once: dict[int, bool] = {}
        """By opnum, whether the method awaits nothing."""
        self.public = 0
        self.private: dict[str, int] = {}
        """By the authenticated user that took them; only he can give them back."""

    @property
    def references(self) -> int:
        return self.public + sum(self.private.values())


class Stub:
    """One object, by its OID."""

    __slots__ = ("due", "holders", "identity", "oid", "pinged", "pointers")

    def __init__(self, oid: int, identity: Any, pinged: bool) -> None:
        self.oid = oid
        self.identity = identity
        self.pinged = pinged
        """Whether it needs pings to live on."""
        self.pointers: dict[UUID, Pointer] = {}  # by IID
        self.holders = 0
        """Ping sets that name it."""
        self.due = 0.0
        """When it is reclaimed, while no ping set names it."""


class Tables:
    """The tables of one exporter."""

    def __init__(self, *, oxid: int | None = None, lifetime: float = LIFETIME, most: int = MOST_OBJECTS) -> None:
        self.oxid = oxid or identifier()
        self.lifetime = lifetime
        self._most = most
        self.gone: Callable[[Stub], None] = lambda stub: None
        """Told of each object that leaves."""
        self._pointers: dict[int, Pointer] = {}  # by the number that an IPID is: looked up for every call
        self._stubs: dict[int, Stub] = {}
        self._objects: dict[int, Stub] = {}  # by id() of the identity, which the stub keeps

    def __len__(self) -> int:
        return len(self._stubs)

    def __iter__(self) -> Iterator[Stub]:
        return iter(tuple(self._stubs.values()))

    def add_own(self, kind: type[IUnknown], target: Any) -> Pointer:
        """An interface of the exporter itself, as long as there is the exporter."""
        pointer = Pointer(uuid4(), kind, target, None)
        self._pointers[pointer.ipid.int] = pointer
        return pointer

    def find(self, ipid: UUID | None) -> Pointer | None:
        return None if ipid is None else self._pointers.get(ipid.int)

    def stub(self, oid: int) -> Stub | None:
        return self._stubs.get(oid)

    def stub_of(self, identity: Any) -> Stub | None:
        """What is known of an object, by its identity."""
        return self._objects.get(id(identity))

    # -- references

    def export(
        self,
        identity: Any,
        kind: type[IUnknown],
        target: Any,
        references: int,
        now: float,
        pinged: bool = True,
    ) -> Pointer:
        """Count references to one interface of an object, which becomes known by that; OverflowError if too many.

        Args:
            identity: the object, whichever of its interfaces. target: what calls of this interface go to.
            references: public ones to add. now: in seconds. pinged: whether a new object needs pings to live on.
        """
        stub = self._objects.get(id(identity))
        if stub is None:
            if len(self._stubs) >= self._most:
                raise OverflowError(f"{self._most} objects at most are exported")
            stub = Stub(identifier(), identity, pinged)
            self._stubs[stub.oid] = self._objects[id(identity)] = stub
        pointer = stub.pointers.get(kind.IID)
        if pointer is None:
            pointer = stub.pointers[kind.IID] = Pointer(uuid4(), kind, target, stub)
            self._pointers[pointer.ipid.int] = pointer
        self.add(pointer, references, now)
        return pointer

    def add(self, pointer: Pointer, references: int, now: float, user: str | None = None) -> None:
        """Count more references, private ones of `user` if given; OverflowError if the count would not hold them."""
        if pointer.stub is None:
            return
        if pointer.references + references > MOST_REFERENCES:
            raise OverflowError(f"an interface has {MOST_REFERENCES} references at most")
        if user is None:
            pointer.public += references
        else:
            pointer.private[user] = pointer.private.get(user, 0) + references
        self.touch(pointer, now)

    def release(self, pointer: Pointer, references: int, user: str | None = None) -> None:
        """Count fewer references, not below none; the last one takes the interface, the last interface the object."""
        stub = pointer.stub
        if stub is None:
            return
        if user is None:
            pointer.public = max(0, pointer.public - references)
        elif user in pointer.private:
            pointer.private[user] = max(0, pointer.private[user] - references)
        if not pointer.references and self._pointers.pop(pointer.ipid.int, None) is not None:
            del stub.pointers[pointer.kind.IID]
            if not stub.pointers:
                self._forget(stub)

    def touch(self, pointer: Pointer, now: float) -> None:
        """The object is in use."""
        if pointer.stub is not None:
            pointer.stub.due = now + self.lifetime

    # -- objects

    def hold(self, oid: int) -> bool:
        """A ping set names the object; whether there is such an object."""
        stub = self._stubs.get(oid)
        if stub is None:
            return False
        stub.holders += 1
        return True

    def drop(self, oid: int, now: float, expired: bool = False) -> None:
        """A ping set names it no more; the last one that expires takes it along."""
        stub = self._stubs.get(oid)
        if stub is not None and stub.holders:
            stub.holders -= 1
            if expired and not stub.holders and stub.pinged:
                self.remove(stub)
            stub.due = now + self.lifetime

    def reclaim(self, now: float) -> None:
        """Take the objects for which nobody pings."""
        for stub in self:
            if stub.pinged and not stub.holders and stub.due <= now:
                self.remove(stub)

    def remove(self, stub: Stub) -> None:
        """Disconnect an object from all who hold it."""
        for pointer in stub.pointers.values():
            self._pointers.pop(pointer.ipid.int, None)
            pointer.public = 0
            pointer.private.clear()
        stub.pointers.clear()
        self._forget(stub)

    def _forget(self, stub: Stub) -> None:
        if self._stubs.pop(stub.oid, None) is not None:
            del self._objects[id(stub.identity)]
            self.gone(stub)


def identifier() -> int:
    """A new OXID, OID or set id: nobody guesses it, and it is not 0."""
    return secrets.randbits(64) or 1
