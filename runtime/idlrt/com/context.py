"""What COM keeps per call: whose call this is, of what kind, and whether its caller has given up.

COM keeps these things per thread. On an event loop a thread has many calls under way, so they are kept per context of
execution: a task has its own, and those it starts, and functions that it has run in threads, inherit it.
"""

from __future__ import annotations

from contextvars import ContextVar
from enum import IntEnum
from typing import Final
from uuid import UUID, uuid4

causality: Final[ContextVar[UUID | None]] = ContextVar("causality", default=None)
"""The logical thread: the id of the call that is being served, which the calls made within it carry on."""


def logical_thread() -> UUID:
    """The id that a call made now carries: of the call that is being served, else a new one (MS-DCOM 2.2.13.3, cid)."""
    return causality.get() or uuid4()


class CallKind(IntEnum):
    """How caller and callee wait for each other (`CALLCATEGORY`)."""

    SYNCHRONOUS = 1
    """The caller waits; its apartment takes calls meanwhile."""
    ASYNCHRONOUS = 2
    """A notification, as those of IAdviseSink: the caller does not wait, and the callee may not call out."""
    INPUT_SYNC = 3
    """The caller waits and takes nothing meanwhile; the callee may not yield, so it may not call out."""


call_kind: Final[ContextVar[CallKind]] = ContextVar("call kind", default=CallKind.SYNCHRONOUS)
"""Of the call that is being served."""
