"""What an association reports: frozen values, each naming the call it is about.

Bytes go in at `receive`, events come out. A front dispatches on their type and needs nothing else of the protocol.
`Stub` and `CallStarted` are named tuples because they are made for every fragment and call; the others are dataclasses.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, TypeAlias
from uuid import UUID

from idlrt import errors
from idlrt.ids import Features, Order, SyntaxId


@dataclass(frozen=True, slots=True)
class Context:
    """A presentation context that both sides agreed on: an interface spoken in one transfer syntax."""

    context_id: int
    interface: SyntaxId
    transfer: SyntaxId


@dataclass(frozen=True, slots=True)
class RefusedContext:
    """A proposal that the server turned down."""

    context_id: int
    interface: SyntaxId
    transfers: tuple[SyntaxId, ...]
    result: int
    """1 user rejection, 2 provider rejection."""
    reason: int
    """0 not specified, 1 abstract syntax, 2 transfer syntaxes, 3 local limit (C706 12.6.3.1)."""

    def error(self) -> errors.BindRefused:
        return errors.BindRefused(self.reason, self.transfers, interface=self.interface)


@dataclass(frozen=True, slots=True)
class Bound:
    """The association is up. Client: at least one proposal was accepted. Server: a client has bound."""

    call_id: int
    accepted: tuple[Context, ...]
    refused: tuple[RefusedContext, ...]
    group_id: int
    """The association group: further connections that share context handles name it in their bind."""
    max_send: int
    """Octets of the largest fragment that we may send."""
    multiplexed: bool
    """Whether several calls may be outstanding on this connection at a time."""
    features: Features
    """Bind-time features that were granted."""
    secondary_address: str = ""
    """The endpoint, as the server calls it."""


@dataclass(frozen=True, slots=True)
class BindRefused:
    """Nothing was agreed on: a bind_nak came, or every proposal was turned down (client only).

    After a bind_nak the connection is of no use any more; otherwise `alter_context` may propose something else.
    """

    call_id: int
    nak_reason: int | None
    """Reject reason of the bind_nak; None when a bind_ack refused every context."""
    refused: tuple[RefusedContext, ...] = ()
    versions: tuple[tuple[int, int], ...] = ()
    """Protocol versions that the server would speak."""

    def error(self) -> errors.BindRefused:
        """The exception that says so. Of several refusals the one about the interface itself counts most."""
        if self.nak_reason is not None:
            return errors.BindRefused(self.nak_reason, nak=True)
        if not self.refused:
            return errors.BindRefused(0)
        worst = min(self.refused, key=lambda refusal: (refusal.reason != 1, refusal.reason != 2))
        syntaxes = tuple(dict.fromkeys(syntax for refusal in self.refused for syntax in refusal.transfers))
        return errors.BindRefused(worst.reason, syntaxes, interface=worst.interface)


@dataclass(frozen=True, slots=True)
class ContextsAltered:
    """An alter_context was answered (client) or was made and answered (server)."""

    call_id: int
    accepted: tuple[Context, ...]
    refused: tuple[RefusedContext, ...]


class Stub(NamedTuple):
    """Stub data of a call, request data at a server, response data at a client.

    Of a call that is not streamed it comes once, complete, as `bytes` that stay valid. Of a streamed call it comes in
    parts as fragments arrive, as a memoryview that is ONLY VALID UNTIL the next `receive` or `receive_buffer`: it may
    lie in the receive buffer, or in the buffer that was given to `receive`. Keep a copy, not the view.
    """

    call_id: int
    data: bytes | memoryview
    first: bool
    last: bool
    order: Order
    """Byte order of the sender, by which the data must be read."""


class Parts(NamedTuple):
    """Stub data of a streamed call from several fragments, neither the first nor the last of them among these.

    They are as long as each other, and views that are only valid as those of `Stub` are. The byte order is "<".
    """

    call_id: int
    parts: list[memoryview]


@dataclass(frozen=True, slots=True)
class Fault:
    """The server failed the call, which is over with this (client only)."""

    call_id: int
    status: int
    executed: bool
    """False when the server says that the operation was never entered."""
    cancel_count: int = 0

    def error(self) -> errors.RpcError:
        return errors.error_from_fault(self.status, self.executed)


@dataclass(frozen=True, slots=True)
class ShutdownRequested:
    """The server asks to close the connection once it is idle; new calls belong on another one (client only)."""


class CallStarted(NamedTuple):
    """The first fragment of a request arrived; `Stub` events with its call_id follow (server only)."""

    call_id: int
    context: Context
    opnum: int
    object: UUID | None
    order: Order
    """Byte order of the client; answers go out in our own."""
    streamed: bool
    """Whether the stub comes in parts, as the interface's offer says for this operation."""
    maybe: bool
    """The client wants no answer; `respond` and `fault` then end the call and send nothing."""
    cancelled: bool
    """A cancel was pending already when the client made the call."""
    alloc_hint: int
    """What the client says of the stub's size; advice, often wrong."""


@dataclass(frozen=True, slots=True)
class CancelRequested:
    """The client asks for the call to be cancelled; it still expects an answer (server only)."""

    call_id: int


@dataclass(frozen=True, slots=True)
class CallOrphaned:
    """The client gave the call up. Whatever is answered now goes nowhere, but must still be ended (server only)."""

    call_id: int


@dataclass(frozen=True, slots=True)
class Ended:
    """The peer closed the connection; nothing comes after it."""

    call_ids: tuple[int, ...]
    """Calls that were outstanding and now have no other end."""
    truncated: bool
    """Whether the stream ended inside a PDU."""


@dataclass(frozen=True, slots=True)
class CallbackRequested:
    """The server calls back within a call that waits for its response (client only; MS-RPCE 3.3.1.5.9)."""

    call_id: int
    context: Context
    opnum: int
    """Callbacks have numbers of their own."""
    data: bytes
    order: Order


@dataclass(frozen=True, slots=True)
class CallbackAnswered:
    """The client answered a callback (server only)."""

    call_id: int
    data: bytes
    order: Order


@dataclass(frozen=True, slots=True)
class CallbackFault:
    """The client answered a callback with a fault (server only)."""

    call_id: int
    status: int
    executed: bool

    def error(self) -> errors.RpcError:
        return Fault(self.call_id, self.status, self.executed, 0).error()


ClientEvent: TypeAlias = (
    Bound | BindRefused | ContextsAltered | Stub | Parts | Fault | CallbackRequested | ShutdownRequested | Ended
)
ServerEvent: TypeAlias = (
    Bound
    | ContextsAltered
    | CallStarted
    | Stub
    | Parts
    | CallbackAnswered
    | CallbackFault
    | CancelRequested
    | CallOrphaned
    | Ended
)
