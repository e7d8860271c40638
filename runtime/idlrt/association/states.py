"""All state transitions of an association and of its calls, as tables.

Two rules: every transition is in this file, and nothing else is. A pair that is missing is an error, the caller's or
the peer's, and whoever looks it up knows which. What an input means beyond its transition is for client.py and
server.py to say.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto
from typing import Final, TypeAlias


class _Word(Enum):
    """Members hash by identity: Enum's own hash is a function in Python, too slow for every call."""

    __hash__ = object.__hash__


class State(_Word):
    """Of a connection."""

    IDLE = auto()
    """Connected, nothing said."""
    BINDING = auto()
    """Our bind waits for its answer."""
    BOUND = auto()
    ALTERING = auto()
    """Our alter_context waits for its answer; calls go on."""
    CLOSING = auto()
    """The server asked for an end; calls that were begun go on."""
    REFUSED = auto()
    """A bind_nak or a fault came for the bind: nothing more can be done (client)."""
    CLOSED = auto()


class Input(_Word):
    """What can happen to a connection."""

    BIND = auto()
    BIND_ACK = auto()
    BIND_NAK = auto()
    ALTER_CONTEXT = auto()
    ALTER_CONTEXT_RESP = auto()
    AUTH3 = auto()
    START_CALL = auto()
    REQUEST = auto()
    RESPONSE = auto()
    FAULT = auto()
    CO_CANCEL = auto()
    ORPHANED = auto()
    SHUTDOWN = auto()
    EOF = auto()


Table: TypeAlias = Mapping[State, Mapping[Input, State]]

CLIENT: Final[Table] = {
    State.IDLE: {
        Input.BIND: State.BINDING,
        Input.SHUTDOWN: State.REFUSED,
        Input.EOF: State.CLOSED,
    },
    State.BINDING: {
        Input.BIND_ACK: State.BOUND,
        Input.BIND_NAK: State.REFUSED,
        Input.FAULT: State.REFUSED,
        Input.SHUTDOWN: State.BINDING,
        Input.EOF: State.CLOSED,
    },
    State.BOUND: {
        Input.ALTER_CONTEXT: State.ALTERING,
        Input.START_CALL: State.BOUND,
        Input.REQUEST: State.BOUND,
        Input.RESPONSE: State.BOUND,
        Input.FAULT: State.BOUND,
        Input.CO_CANCEL: State.BOUND,
        Input.ORPHANED: State.BOUND,
        Input.SHUTDOWN: State.CLOSING,
        Input.EOF: State.CLOSED,
    },
    State.ALTERING: {
        Input.ALTER_CONTEXT_RESP: State.BOUND,
        Input.START_CALL: State.ALTERING,
        Input.REQUEST: State.ALTERING,
        Input.RESPONSE: State.ALTERING,
        Input.FAULT: State.ALTERING,
        Input.CO_CANCEL: State.ALTERING,
        Input.ORPHANED: State.ALTERING,
        Input.SHUTDOWN: State.CLOSING,
        Input.EOF: State.CLOSED,
    },
    State.CLOSING: {
        Input.ALTER_CONTEXT_RESP: State.CLOSING,
        Input.REQUEST: State.CLOSING,
        Input.RESPONSE: State.CLOSING,
        Input.FAULT: State.CLOSING,
        Input.CO_CANCEL: State.CLOSING,
        Input.ORPHANED: State.CLOSING,
        Input.SHUTDOWN: State.CLOSING,
        Input.EOF: State.CLOSED,
    },
    State.REFUSED: {
        Input.SHUTDOWN: State.REFUSED,
        Input.EOF: State.CLOSED,
    },
    State.CLOSED: {},
}

SERVER: Final[Table] = {
    State.IDLE: {
        Input.BIND: State.BINDING,
        Input.SHUTDOWN: State.IDLE,
        Input.EOF: State.CLOSED,
    },
    State.BINDING: {  # while the bind is looked at; the answer follows at once
        Input.BIND_ACK: State.BOUND,
        Input.BIND_NAK: State.CLOSED,
    },
    State.BOUND: {
        Input.ALTER_CONTEXT: State.ALTERING,
        Input.AUTH3: State.BOUND,
        Input.REQUEST: State.BOUND,
        Input.RESPONSE: State.BOUND,
        Input.FAULT: State.BOUND,
        Input.CO_CANCEL: State.BOUND,
        Input.ORPHANED: State.BOUND,
        Input.SHUTDOWN: State.BOUND,
        Input.EOF: State.CLOSED,
    },
    State.ALTERING: {
        Input.ALTER_CONTEXT_RESP: State.BOUND,
    },
    State.CLOSED: {},
}


class CallState(_Word):
    """Of a call. The request travels first, the response after it; a streamed one may overlap (EARLY)."""

    NEW = auto()
    REQUESTING = auto()
    """Part of the request has travelled."""
    WAITING = auto()
    """All of the request has travelled, nothing of the response."""
    RESPONDING = auto()
    """Part of the response has travelled."""
    EARLY = auto()
    """Part of the response has travelled before the request's end."""
    DRAINING = auto()
    """The response is complete or a fault was sent before the request's end; the rest of it is dropped (server)."""
    ABANDONED = auto()
    """The client gave the call up; what still comes of it is dropped."""
    DONE = auto()


class CallInput(_Word):
    """What can happen to a call; the same words on both sides, since one sends what the other receives."""

    REQUEST_FIRST = auto()
    """The first fragment of several."""
    REQUEST_MORE = auto()
    REQUEST_LAST = auto()
    REQUEST_WHOLE = auto()
    """A request in one fragment."""
    RESPONSE_FIRST = auto()
    RESPONSE_MORE = auto()
    RESPONSE_LAST = auto()
    RESPONSE_WHOLE = auto()
    FAULT = auto()
    CANCEL = auto()
    ORPHAN = auto()
    MAYBE_SENT = auto()
    """A request was sent that no response answers (client)."""


CallTable: TypeAlias = Mapping[CallState, Mapping[CallInput, CallState]]

CLIENT_CALL: Final[CallTable] = {
    CallState.NEW: {
        CallInput.REQUEST_FIRST: CallState.REQUESTING,
        CallInput.REQUEST_WHOLE: CallState.WAITING,
        CallInput.CANCEL: CallState.NEW,
        CallInput.ORPHAN: CallState.DONE,
    },
    CallState.REQUESTING: {
        CallInput.REQUEST_MORE: CallState.REQUESTING,
        CallInput.REQUEST_LAST: CallState.WAITING,
        CallInput.RESPONSE_FIRST: CallState.EARLY,
        CallInput.RESPONSE_WHOLE: CallState.DONE,
        CallInput.FAULT: CallState.DONE,
        CallInput.CANCEL: CallState.REQUESTING,
        CallInput.ORPHAN: CallState.ABANDONED,
    },
    CallState.WAITING: {
        CallInput.RESPONSE_FIRST: CallState.RESPONDING,
        CallInput.RESPONSE_WHOLE: CallState.DONE,
        CallInput.FAULT: CallState.DONE,
        CallInput.CANCEL: CallState.WAITING,
        CallInput.ORPHAN: CallState.ABANDONED,
        CallInput.MAYBE_SENT: CallState.DONE,
    },
    CallState.RESPONDING: {
        CallInput.RESPONSE_MORE: CallState.RESPONDING,
        CallInput.RESPONSE_LAST: CallState.DONE,
        CallInput.FAULT: CallState.DONE,
        CallInput.CANCEL: CallState.RESPONDING,
        CallInput.ORPHAN: CallState.ABANDONED,
    },
    CallState.EARLY: {
        CallInput.REQUEST_MORE: CallState.EARLY,
        CallInput.REQUEST_LAST: CallState.RESPONDING,
        CallInput.RESPONSE_MORE: CallState.EARLY,
        CallInput.RESPONSE_LAST: CallState.DONE,
        CallInput.FAULT: CallState.DONE,
        CallInput.CANCEL: CallState.EARLY,
        CallInput.ORPHAN: CallState.ABANDONED,
    },
    CallState.ABANDONED: {
        CallInput.RESPONSE_FIRST: CallState.ABANDONED,
        CallInput.RESPONSE_MORE: CallState.ABANDONED,
        CallInput.RESPONSE_LAST: CallState.DONE,
        CallInput.RESPONSE_WHOLE: CallState.DONE,
        CallInput.FAULT: CallState.DONE,
    },
    CallState.DONE: {},
}

SERVER_CALL: Final[CallTable] = {
    CallState.NEW: {
        CallInput.REQUEST_FIRST: CallState.REQUESTING,
        CallInput.REQUEST_WHOLE: CallState.WAITING,
    },
    CallState.REQUESTING: {
        CallInput.REQUEST_MORE: CallState.REQUESTING,
        CallInput.REQUEST_LAST: CallState.WAITING,
        CallInput.RESPONSE_FIRST: CallState.EARLY,
        CallInput.RESPONSE_WHOLE: CallState.DRAINING,
        CallInput.FAULT: CallState.DRAINING,
        CallInput.CANCEL: CallState.REQUESTING,
        CallInput.ORPHAN: CallState.ABANDONED,
    },
    CallState.WAITING: {
        CallInput.RESPONSE_FIRST: CallState.RESPONDING,
        CallInput.RESPONSE_WHOLE: CallState.DONE,
        CallInput.FAULT: CallState.DONE,
        CallInput.CANCEL: CallState.WAITING,
        CallInput.ORPHAN: CallState.ABANDONED,
    },
    CallState.RESPONDING: {
        CallInput.RESPONSE_MORE: CallState.RESPONDING,
        CallInput.RESPONSE_LAST: CallState.DONE,
        CallInput.FAULT: CallState.DONE,
        CallInput.CANCEL: CallState.RESPONDING,
        CallInput.ORPHAN: CallState.ABANDONED,
    },
    CallState.EARLY: {
        CallInput.REQUEST_MORE: CallState.EARLY,
        CallInput.REQUEST_LAST: CallState.RESPONDING,
        CallInput.RESPONSE_MORE: CallState.EARLY,
        CallInput.RESPONSE_LAST: CallState.DRAINING,
        CallInput.FAULT: CallState.DRAINING,
        CallInput.CANCEL: CallState.EARLY,
        CallInput.ORPHAN: CallState.ABANDONED,
    },
    CallState.DRAINING: {
        CallInput.REQUEST_MORE: CallState.DRAINING,
        CallInput.REQUEST_LAST: CallState.DONE,
        CallInput.CANCEL: CallState.DRAINING,
        CallInput.ORPHAN: CallState.DONE,
    },
    CallState.ABANDONED: {
        CallInput.RESPONSE_FIRST: CallState.ABANDONED,
        CallInput.RESPONSE_MORE: CallState.ABANDONED,
        CallInput.RESPONSE_LAST: CallState.DONE,
        CallInput.RESPONSE_WHOLE: CallState.DONE,
        CallInput.FAULT: CallState.DONE,
        CallInput.CANCEL: CallState.ABANDONED,
        CallInput.ORPHAN: CallState.ABANDONED,
    },
    CallState.DONE: {},
}

REQUEST_INPUT: Final = (
    CallInput.REQUEST_MORE,
    CallInput.REQUEST_FIRST,
    CallInput.REQUEST_LAST,
    CallInput.REQUEST_WHOLE,
)
"""By the FIRST and LAST bits of pfc_flags."""

RESPONSE_INPUT: Final = (
    CallInput.RESPONSE_MORE,
    CallInput.RESPONSE_FIRST,
    CallInput.RESPONSE_LAST,
    CallInput.RESPONSE_WHOLE,
)
"""By the FIRST and LAST bits of pfc_flags."""
