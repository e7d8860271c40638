"""What COM keeps per call: whose call this is, of what kind, and whether its caller has given up.

COM keeps these things per thread. On an event loop a thread has many calls under way, so they are kept per context of
execution: a task has its own, and those it starts, and functions that it has run in threads, inherit it.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from contextvars import ContextVar
from enum import IntEnum
from itertools import count
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID, uuid4

from idlrt.ids import uuid_of

if TYPE_CHECKING:
    from idlrt.com.interfaces import IUnknown

causality: Final[ContextVar[UUID | None]] = ContextVar("causality", default=None)
"""The logical thread: the id of the call that is being served, which the calls made within it carry on."""


def logical_thread() -> UUID:
    """The id that a call made now carries: of the call that is being served, else a new one (MS-DCOM 2.2.13.3, cid)."""
    return causality.get() or new_thread()


def _begin() -> None:
    """Begin a row of ids at a random place; a process that was forked has one of its own."""
    global _first, _row
    chosen = uuid4().int
    _first = chosen & ~_LOW
    _row = count((chosen & _LOW) + 1)


_first = 0
_row = count(1)
_LOW: Final = (1 << 62) - 1
_begin()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin)


def new_thread() -> UUID:
    """The id of a logical thread that begins: neighbours of a random one, which costs less than chance each time."""
    return uuid_of(_first | (next(_row) & _LOW))


class CallKind(IntEnum):
    """How caller and callee wait for each other (`CALLCATEGORY`)."""

    SYNCHRONOUS = 1
    """The caller waits; its apartment takes calls meanwhile."""
    ASYNCHRONOUS = 2
    """A notification, as those of IAdviseSink: the caller does not wait, and the callee may not call out."""
    INPUT_SYNC = 3
    """The caller waits and takes nothing meanwhile; the callee may not yield, so it may not call out."""


_NOTIFICATIONS: Final = {UUID("0000010f-0000-0000-c000-000000000046"): range(3, 8)}
"""The methods of IAdviseSink: the calls that are asynchronous notifications."""


def kind_of(interface: type[IUnknown], opnum: int) -> CallKind:
    """How the caller of a method waits: by its `[input_sync]`, or because it is a notification of IAdviseSink."""
    for base in interface.__mro__:
        own = base.__dict__
        if "METHODS" in own and opnum in own["METHODS"].by_opnum:
            if opnum in _NOTIFICATIONS.get(own["IID"], ()):
                return CallKind.ASYNCHRONOUS
            return CallKind.INPUT_SYNC if own["METHODS"].by_opnum[opnum].input_sync else CallKind.SYNCHRONOUS
    return CallKind.SYNCHRONOUS


class CallContext:
    """A call that is being served, as its method sees it.

    Args:
        interface: whose method was called. opnum: which. causality: the logical thread that it belongs to.
        kind: how its caller waits, if not as the method has it.
        caller: who that is, as far as it is known; for message filters.
    """

    __slots__ = ("_told", "caller", "cancelled", "causality", "interface", "kind", "opnum")

    def __init__(
        self,
        interface: type[IUnknown],
        opnum: int,
        *,
        causality: UUID | None = None,
        kind: CallKind | None = None,
        caller: Any = None,
    ) -> None:
        self.interface = interface
        self.opnum = opnum
        self.causality = causality
        self.kind = kind_of(interface, opnum) if kind is None else kind
        self.caller = caller
        self.cancelled = False
        """Whether the caller asked to cancel the call. The method decides what to make of it."""
        self._told: list[Callable[[], object]] | None = None

    def cancel(self) -> None:
        """The caller asks to cancel the call; from any thread, and more than once at will."""
        if self.cancelled:
            return
        self.cancelled = True
        told, self._told = self._told or [], None
        while told:
            try:
                told.pop(0)()
            except Exception:
                logging.getLogger("idlrt").exception("being told of a cancelled call failed")

    def when_cancelled(self, tell: Callable[[], object]) -> None:
        """Have a function called when the call is cancelled, at once if it is; in any thread."""
        if self._told is None:
            self._told = []
        self._told.append(tell)
        if self.cancelled:
            self.cancelled = False
            self.cancel()


serving: Final[ContextVar[CallContext | None]] = ContextVar("call that is being served", default=None)
