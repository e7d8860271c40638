"""Two connections joined by bytes, and shorthands for what most tests begin with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, TypeVar
from uuid import UUID

from idlrt.association import (
    ClientConfig,
    ClientConnection,
    ClientEvent,
    Offer,
    Proposal,
    ServerConfig,
    ServerConnection,
    ServerEvent,
    Stub,
)
from idlrt.association.connection import Connection
from idlrt.ids import NDR20, NDR64, SyntaxId

INTERFACE = SyntaxId(UUID("12345678-1234-abcd-ef00-0123456789ab"))
OTHER = SyntaxId(UUID("4f1d6a9e-7c43-4b0e-9a55-0c8f6d2be001"), 2, 3)
UNKNOWN = SyntaxId(UUID("99999999-1234-abcd-ef00-0123456789ab"))

STREAM = 1
"""The operation of both interfaces whose request is streamed."""

E = TypeVar("E")


def lookup(interface: SyntaxId) -> Offer | None:
    offers = {INTERFACE: Offer((NDR64, NDR20), frozenset({STREAM})), OTHER: Offer((NDR20,), frozenset({STREAM}))}
    return offers.get(interface)


def join_group(group_id: int) -> int | None:
    """Group 7 exists, 0 makes it, and all others are unknown."""
    return 7 if group_id in (0, 7) else None


def server_config() -> ServerConfig:
    return ServerConfig(lookup, join_group, "135")


def kept(events: Iterable[E]) -> Iterator[E]:
    """The events with copies of what they only lend."""
    for event in events:
        yield event._replace(data=bytes(event.data)) if isinstance(event, Stub) else event


def deliver(sender: Connection[Any], receiver: Connection[E], step: int | None = None) -> list[E]:
    """Carry everything that `sender` has to say, `step` octets at a time or all at once."""
    octets = b"".join(sender.data_to_send())
    blocks = [octets] if step is None else [octets[at : at + step] for at in range(0, len(octets), step)]
    return [event for block in blocks for event in kept(receiver.receive(block))]


class Pair:
    """A client and a server; `step` is how many octets travel at a time."""

    def __init__(
        self, client: ClientConfig | None = None, server: ServerConfig | None = None, step: int | None = None
    ) -> None:
        self.client = ClientConnection(client)
        self.server = ServerConnection(server or server_config())
        self.step = step

    def to_server(self) -> list[ServerEvent]:
        return deliver(self.client, self.server, self.step)

    def to_client(self) -> list[ClientEvent]:
        return deliver(self.server, self.client, self.step)

    def bind(self, *proposals: Proposal) -> tuple[list[ServerEvent], list[ClientEvent]]:
        self.client.bind(*(proposals or (Proposal(INTERFACE, (NDR20,)),)))
        return self.to_server(), self.to_client()

    def start(self, opnum: int = 0, *, maybe: bool = False, streamed: bool = False) -> int:
        context = self.client.contexts[0].context_id
        return self.client.start_call(context, opnum, maybe=maybe, streamed=streamed)


def bound(client: ClientConfig | None = None, server: ServerConfig | None = None, step: int | None = None) -> Pair:
    """A pair that has bound `INTERFACE` in NDR 2.0."""
    pair = Pair(client, server, step)
    pair.bind()
    return pair


def single_call_config() -> ClientConfig:
    return replace(ClientConfig(), multiplex=False)


def data_of(events: Iterable[object]) -> bytes:
    return b"".join(event.data for event in events if isinstance(event, Stub))
