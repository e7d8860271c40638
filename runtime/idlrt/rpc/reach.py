"""From a string binding to a transport, and what to say when a server cannot be reached."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from idlrt import transport
from idlrt.errors import BindRefused, ConnectError
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


def explained(error: BindRefused) -> BindRefused:
    """A refused bind with what to do about it."""
    if error.help is None and not error.nak:
        if error.reason == 1:
            error.help = "is it the right server, and does it run this version of the interface?"
        elif error.reason == 2:
            error.help = "it may speak NDR64 only, for which this stub has no codec"
    return error
