"""From a string binding to a transport, and what to say when a server cannot be reached."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from idlrt import transport
from idlrt.errors import BindRefused, ConnectError, LocalProtocolError
from idlrt.ids import NDR20, NDR64, SyntaxId, syntax_name
from idlrt.rpc.binding import StringBinding

if TYPE_CHECKING:
    from idlrt.rpc.interface import Interface

CONNECT_TIMEOUT = 30.0
"""Seconds within which a connection has to be there and bound, unless the caller says otherwise."""
CANCEL_GRACE = 2.0
"""Seconds that a server has to answer a cancelled call before it is orphaned, unless the caller says otherwise."""


def supported(binding: str | StringBinding) -> StringBinding:
    """The parts of a binding that a program gave; `ValueError` says what is wrong with it."""
    parsed = StringBinding.parse(binding) if isinstance(binding, str) else binding
    transport.check(parsed.protseq)
    return parsed


def declared(binding: StringBinding, interface: Interface) -> StringBinding:
    """The binding with the endpoint that the IDL gives the interface, if the binding has none of its own."""
    if not binding.endpoint:
        for protseq, endpoint in interface.endpoints:
            if protseq == binding.protseq:
                return replace(binding, endpoint=endpoint)
    return binding


def locate(binding: StringBinding) -> transport.Transport:
    """The transport for a binding that names its endpoint."""
    return transport.find(binding.protseq, binding.netaddr, binding.endpoint, binding.option("dir"))


def unknown_endpoint(binding: StringBinding, interface: Interface) -> ConnectError:
    return ConnectError(
        f'no endpoint is known for interface "{interface.name}" at {binding}',
        help='name one, as in "ncacn_ip_tcp:host[port]"',
    )


TRANSFERS: Final = (NDR20, NDR64)
"""Transfer syntaxes that there are, liked best first: NDR 2.0 is what everybody speaks."""


def known(transfers: Sequence[SyntaxId]) -> tuple[SyntaxId, ...]:
    """A choice of transfer syntaxes, liked best first.

    Raises:
        ValueError: there is none, one twice, or one that is neither NDR 2.0 nor NDR64.
    """
    chosen = tuple(transfers)
    if not chosen or len({*chosen}) < len(chosen) or not {*chosen} <= {*TRANSFERS}:
        raise ValueError("transfers are NDR20, NDR64 or both, liked best first, as in (NDR64, NDR20)")
    return chosen


def spoken(interface: Interface, transfers: tuple[SyntaxId, ...]) -> tuple[SyntaxId, ...]:
    """Those of the transfer syntaxes that the interface has codecs for, in the order given.

    Raises:
        LocalProtocolError: it has codecs for none of them.
    """
    found = tuple(transfer for transfer in transfers if transfer in interface.transfers)
    if not found:
        names = " or ".join(map(syntax_name, transfers))
        message = f"{interface.name} was compiled without {names}"
        raise LocalProtocolError(message, help="compile it with --protocol all, or name another syntax")
    return found


def explained(error: BindRefused) -> BindRefused:
    """A refused bind with what to do about it."""
    if error.help is None and not error.nak:
        if error.reason == 1:
            error.help = "is it the right server, and does it run this version of the interface?"
        elif error.reason == 2:
            other = "NDR 2.0" if error.syntaxes == (NDR64,) else "NDR64"
            error.help = f"it may speak {other} only: is that compiled in, and among the channel's `transfers`?"
    return error
