"""The server's side of an association, without I/O: bytes become events, commands leave bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from idlrt.association.events import Context, ServerEvent
from idlrt.association.limits import DEFAULT_FRAGMENT, Buffer, Limits
from idlrt.ids import NDR20, Features, Order, SyntaxId


@dataclass(frozen=True, slots=True)
class Offer:
    """What a server has for an interface that a client asks for."""

    transfers: tuple[SyntaxId, ...] = (NDR20,)
    """Transfer syntaxes that it can speak, liked best first."""
    streamed: frozenset[int] = frozenset()
    """Opnums whose request stub is to be reported in parts, because it holds pipes."""


Lookup: TypeAlias = Callable[[SyntaxId], Offer | None]
"""Finds the offer for an interface as a client names it (the server decides which versions are compatible)."""

JoinGroup: TypeAlias = Callable[[int], int | None]
"""Takes the group id of a bind, 0 for a new group, and gives the group's id, or None to refuse the bind."""


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """How a server treats its connections; shared by all of them."""

    lookup: Lookup
    join_group: JoinGroup
    secondary_address: str = ""
    """The endpoint as text, for the bind_ack: a port, or \\PIPE\\name."""
    max_fragment: int = DEFAULT_FRAGMENT
    """Largest fragment to send and receive, 1432 to 65528, a multiple of 8."""
    order: Order = "<"
    """Byte order in which we send; responses must be marshalled in it."""
    multiplex: bool = True
    """Grant several outstanding calls on a connection to clients that ask for it."""
    features: Features = Features.KEEP_CONNECTION_ON_ORPHAN
    """Bind-time features to grant."""
    limits: Limits = field(default_factory=Limits)


class ServerConnection:
    """One connection of a server.

    Binds are answered from the configuration. Commands raise `LocalProtocolError` when the state does not allow them.
    `receive` returns an iterator that MUST be iterated to its end; it raises `RemoteProtocolError` and nothing else.
    Then send what `data_to_send` still holds (a fault or a bind_nak that tells the peer) and close.
    """

    def __init__(self, config: ServerConfig) -> None: ...

    # -- commands

    def respond(self, call_id: int, *parts: Buffer, last: bool = True) -> None:
        """Send response stub data, the concatenation of `parts`; with `last` the call is over.

        Parts are not copied: `data_to_send` holds views of them. With `last` false up to seven octets are held back. A
        response may begin, and end, before all of a streamed request has arrived; the rest of it is then dropped.
        """
        ...

    def fault(self, call_id: int, status: int, *, executed: bool = True) -> None:
        """End the call with a fault, also in the midst of its request or response."""
        ...

    def shutdown(self) -> None:
        """Ask the client to close the connection when it is idle."""
        ...

    # -- bytes

    def data_to_send(self) -> list[Buffer]:
        """Take what waits to be sent, in order, fit for writelines or sendmsg; large blocks are views, not copies."""
        ...

    def receive(self, data: Buffer) -> Iterator[ServerEvent]:
        """Take bytes from the peer, any number of them; only an incomplete last PDU is copied."""
        ...

    def receive_buffer(self) -> memoryview:
        """Where to read bytes into (recv_into, BufferedProtocol.get_buffer); follow with `received`."""
        ...

    def received(self, count: int) -> Iterator[ServerEvent]:
        """The first `count` octets of `receive_buffer` were filled. Otherwise as `receive`."""
        ...

    def receive_eof(self) -> Iterator[ServerEvent]:
        """The peer closed its side; gives `Ended`."""
        ...

    # -- what stands

    @property
    def contexts(self) -> Sequence[Context]:
        """The contexts that were agreed on so far."""
        ...

    @property
    def group_id(self) -> int:
        """The association group of the connection, 0 before the bind."""
        ...

    @property
    def calls(self) -> int:
        """The number of calls that were started and not ended."""
        ...

    @property
    def stub_room(self) -> int:
        """Octets of stub in a full fragment; blocks of a multiple of it travel best."""
        ...
