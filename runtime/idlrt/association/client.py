"""The client's side of an association, without I/O: commands leave bytes, bytes become events."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from idlrt.association.events import ClientEvent, Context
from idlrt.association.limits import DEFAULT_FRAGMENT, Buffer, Limits
from idlrt.ids import NDR20, Features, Order, SyntaxId


@dataclass(frozen=True, slots=True)
class ClientConfig:
    """How a client wants its connection."""

    max_fragment: int = DEFAULT_FRAGMENT
    """Largest fragment to send and receive, 1432 to 65528, a multiple of 8."""
    order: Order = "<"
    """Byte order in which we send; requests must be marshalled in it."""
    multiplex: bool = True
    """Ask for several outstanding calls on the connection (PFC_CONC_MPX)."""
    features: Features = Features.KEEP_CONNECTION_ON_ORPHAN
    """Bind-time features to ask for; NONE sends no negotiation element."""
    list_transfers: bool = False
    """Propose all transfer syntaxes of an interface in one context (C706) instead of one context each (Windows)."""
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True, slots=True)
class Proposal:
    """An interface that a client wants to talk about, and the transfer syntaxes it knows for it, liked best first."""

    interface: SyntaxId
    transfers: tuple[SyntaxId, ...] = (NDR20,)


class ClientConnection:
    """One connection of a client.

    Commands raise `LocalProtocolError` when the state does not allow them and leave bytes for `data_to_send`. `receive`
    returns an iterator that MUST be iterated to its end; it raises `RemoteProtocolError` and nothing else, and the
    connection is of no use afterwards.
    """

    def __init__(self, config: ClientConfig | None = None) -> None: ...

    # -- commands

    def bind(self, *proposals: Proposal, group_id: int = 0) -> int:
        """Open the association. `Bound` or `BindRefused` answers; returns the call_id they will carry.

        `group_id` is that of another connection's `Bound`, to share context handles with it.
        """
        ...

    def alter_context(self, *proposals: Proposal) -> int:
        """Propose further interfaces or transfer syntaxes; `ContextsAltered` with the returned call_id answers."""
        ...

    def start_call(
        self,
        context_id: int,
        opnum: int,
        *,
        object: UUID | None = None,
        maybe: bool = False,
        streamed: bool = False,
    ) -> int:
        """Begin a call and return its call_id; nothing is sent before `send_stub`.

        `streamed`: the response is reported in parts as it arrives, instead of once as a whole. `maybe`: no response
        will come; the call is over with its last stub part.
        """
        ...

    def send_stub(self, call_id: int, *parts: Buffer, last: bool = True) -> None:
        """Send request stub data, the concatenation of `parts`, as fragments.

        Parts are not copied: `data_to_send` holds views of them. With `last` false more is to follow, and up to seven
        octets are held back, since all fragments but the last hold a multiple of eight (C706 12.6.2).
        """
        ...

    def cancel(self, call_id: int) -> None:
        """Ask the server to cancel the call (co_cancel). The call still ends with its response or a `Fault`."""
        ...

    def orphan(self, call_id: int) -> bool:
        """Give the call up; no event about it will come. Returns whether the connection may be kept, else close it."""
        ...

    # -- bytes

    def data_to_send(self) -> list[Buffer]:
        """Take what waits to be sent, in order, fit for writelines or sendmsg; large blocks are views, not copies."""
        ...

    def receive(self, data: Buffer) -> Iterator[ClientEvent]:
        """Take bytes from the peer, any number of them; only an incomplete last PDU is copied."""
        ...

    def receive_buffer(self) -> memoryview:
        """Where to read bytes into (recv_into, BufferedProtocol.get_buffer); follow with `received`."""
        ...

    def received(self, count: int) -> Iterator[ClientEvent]:
        """The first `count` octets of `receive_buffer` were filled. Otherwise as `receive`."""
        ...

    def receive_eof(self) -> Iterator[ClientEvent]:
        """The peer closed its side; gives `Ended`."""
        ...

    # -- what stands

    @property
    def contexts(self) -> Sequence[Context]:
        """The contexts that were agreed on so far."""
        ...

    def context_for(self, interface: SyntaxId) -> Context | None:
        """The agreed context for an interface, if there is one."""
        ...

    @property
    def calls(self) -> int:
        """The number of calls outstanding."""
        ...

    @property
    def usable(self) -> bool:
        """Whether another call may be started now: bound, not told to shut down, and idle unless multiplexed."""
        ...

    @property
    def stub_room(self) -> int:
        """Octets of stub in a full fragment; blocks of a multiple of it travel best."""
        ...
