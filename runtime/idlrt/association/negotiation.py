"""Which interfaces and transfer syntaxes two sides speak: what a client proposes, what a server grants.

Windows proposes each transfer syntax in a context of its own and adds one for the bind-time features, C706 lists all in
one context; a server understands both and grants at most one transfer syntax per interface and PDU, the one it likes
best (MS-RPCE 3.3.1.5.3, C706 12.6.4).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from idlrt.association.events import Context, RefusedContext
from idlrt.errors import LocalProtocolError, RemoteProtocolError
from idlrt.ids import NDR20, NDR64, Features, Order, SyntaxId, negotiated_features, negotiation_syntax
from idlrt.pdu import ContextElement, ContextResult, Reason, Result

_KNOWN: Final = frozenset((NDR20, NDR64))


@dataclass(frozen=True, slots=True)
class Proposal:
    """An interface that a client wants to talk about, and the transfer syntaxes it knows for it, liked best first."""

    interface: SyntaxId
    transfers: tuple[SyntaxId, ...] = (NDR20,)


@dataclass(frozen=True, slots=True)
class Offer:
    """What a server has for an interface that a client asks for."""

    transfers: tuple[SyntaxId, ...] = (NDR20,)
    """Transfer syntaxes that it can speak, liked best first."""
    streamed: frozenset[int] = frozenset()
    """Opnums whose request stub is to be reported in parts, because it holds pipes."""


Lookup: TypeAlias = Callable[[SyntaxId], Offer | None]
"""Finds the offer for an interface as a client names it (the server decides which versions are compatible)."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a bind or alter_context."""

    accepted: tuple[Context, ...]
    refused: tuple[RefusedContext, ...]
    features: Features | None
    """None when features were not talked about."""


def propose(
    proposals: Sequence[Proposal], first_id: int, order: Order, features: Features, in_lists: bool
) -> tuple[ContextElement, ...]:
    """The context elements of a bind or alter_context, numbered from `first_id`."""
    if not proposals:
        raise LocalProtocolError("a bind or alter_context must propose an interface")
    syntaxes: list[tuple[SyntaxId, tuple[SyntaxId, ...]]] = []
    for proposal in proposals:
        if not proposal.transfers:
            raise LocalProtocolError(f"no transfer syntax is proposed for interface {proposal.interface}")
        if order == ">" and NDR64 in proposal.transfers:
            raise LocalProtocolError("NDR64 exists in little-endian order only")
        if in_lists:
            syntaxes.append((proposal.interface, proposal.transfers))
        else:
            syntaxes.extend((proposal.interface, (transfer,)) for transfer in proposal.transfers)
    if features:  # repeats the interface before it (MS-RPCE 3.3.1.5.3)
        syntaxes.append((syntaxes[-1][0], (negotiation_syntax(features),)))
    if first_id + len(syntaxes) > 0x10000 or len(syntaxes) > 255:
        raise LocalProtocolError(f"{len(syntaxes)} presentation contexts are more than fit")
    return tuple(ContextElement(first_id + i, *syntax) for i, syntax in enumerate(syntaxes))


def judge(elements: Sequence[ContextElement], results: Sequence[ContextResult]) -> Outcome:
    """What the server's results say about our elements."""
    if len(results) != len(elements):
        raise RemoteProtocolError(f"the server answered {len(results)} presentation contexts of {len(elements)}")
    accepted: list[Context] = []
    refused: list[RefusedContext] = []
    features: Features | None = None
    for element, result in zip(elements, results, strict=True):
        asked = negotiated_features(element.transfers[0])
        match result.result:
            case Result.ACCEPTANCE:
                if asked is not None or result.transfer not in element.transfers:
                    raise RemoteProtocolError(f"the server accepted a transfer syntax not proposed, {result.transfer}")
                transfer = element.transfers[element.transfers.index(result.transfer)]  # found faster than its equal
                accepted.append(Context(element.context_id, element.interface, transfer))
            case Result.NEGOTIATE_ACK:
                if asked is None:
                    raise RemoteProtocolError("the server answered a feature negotiation that we did not begin")
                features = Features(result.reason & asked)
            case Result.USER_REJECTION | Result.PROVIDER_REJECTION:
                if asked is None:
                    refused.append(
                        RefusedContext(
                            element.context_id, element.interface, element.transfers, result.result, result.reason
                        )
                    )
            case other:
                raise RemoteProtocolError(f"the server answered a presentation context with result {other}")
    return Outcome(tuple(accepted), tuple(refused), features)


def grant(
    elements: Sequence[ContextElement],
    known: Mapping[int, Context],
    lookup: Lookup,
    order: Order,
    features: Features,
    room: int,
) -> tuple[tuple[ContextResult, ...], Outcome, dict[int, Offer]]:
    """A server's results for a client's elements, and the offers behind the accepted contexts by context id.

    `known` are contexts agreed on before: naming one again with the same interface is answered as before, as clients do
    for a further leg of authentication. `room` is how many more may be accepted.
    """
    offers: dict[SyntaxId, Offer | None] = {}
    best = _best_transfers(elements, lookup, order, offers)
    accepted: dict[int, Context] = {}
    behind: dict[int, Offer] = {}
    refused: list[RefusedContext] = []
    results: list[ContextResult] = []
    granted: Features | None = None
    for element in elements:
        mask = negotiated_features(element.transfers[0])
        if mask is not None:  # further syntaxes in the same element are ignored
            if granted is not None:
                raise RemoteProtocolError("the client negotiates features twice in one PDU")
            granted = Features(mask & features)
            results.append(ContextResult(Result.NEGOTIATE_ACK, int(granted)))
            continue
        before = known.get(element.context_id) or accepted.get(element.context_id)
        repeated = _repeats(element, before)
        offer = offers[element.interface]
        transfer = best.get(element.interface)
        if before is not None and repeated and transfer is not None:
            del best[element.interface]
            results.append(ContextResult(Result.ACCEPTANCE, 0, before.transfer))
            continue
        if offer is None:
            reason = Reason.ABSTRACT_SYNTAX
        elif transfer is None or transfer not in element.transfers:
            reason = Reason.TRANSFER_SYNTAXES
        elif len(accepted) >= room:
            reason = Reason.LOCAL_LIMIT
        else:
            del best[element.interface]  # one transfer syntax per interface and PDU
            accepted[element.context_id] = Context(element.context_id, element.interface, transfer)
            behind[element.context_id] = offer
            results.append(ContextResult(Result.ACCEPTANCE, 0, transfer))
            continue
        results.append(ContextResult(Result.PROVIDER_REJECTION, reason))
        refused.append(
            RefusedContext(element.context_id, element.interface, element.transfers, Result.PROVIDER_REJECTION, reason)
        )
    return tuple(results), Outcome(tuple(accepted.values()), tuple(refused), granted), behind


def _repeats(element: ContextElement, before: Context | None) -> bool:
    """Whether an element names a context that stands already; raises when it means to make it another."""
    if before is None:
        return False
    if before.interface == element.interface:
        if before.transfer in element.transfers:
            return True
        if _KNOWN.isdisjoint(element.transfers):  # refused like any other, as Windows does
            return False
    raise RemoteProtocolError(f"the client proposes context {element.context_id} anew for something else")


def _best_transfers(
    elements: Sequence[ContextElement], lookup: Lookup, order: Order, offers: dict[SyntaxId, Offer | None]
) -> dict[SyntaxId, SyntaxId]:
    """For each interface proposed the transfer syntax that the server likes best of all the client would speak."""
    proposed: dict[SyntaxId, set[SyntaxId]] = {}
    for element in elements:
        if not element.transfers:
            raise RemoteProtocolError(f"the client proposes context {element.context_id} without a transfer syntax")
        if negotiated_features(element.transfers[0]) is not None:
            continue
        proposed.setdefault(element.interface, set()).update(element.transfers)
    best: dict[SyntaxId, SyntaxId] = {}
    for interface, transfers in proposed.items():
        offer = offers[interface] = lookup(interface)
        for transfer in () if offer is None else offer.transfers:
            if transfer in transfers and not (transfer == NDR64 and order == ">"):
                best[interface] = transfer
                break
    return best
