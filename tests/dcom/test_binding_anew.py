"""Clients that bind again on a connection, which a server may allow; interfaces that are found when asked for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from idlrt.association import Bound, CallStarted, ClientConnection, Proposal
from idlrt.dcom.orpc import interface_of
from idlrt.errors import RemoteProtocolError
from idlrt.ids import NDR20, SyntaxId
from tests.association.joined import INTERFACE, OTHER, Pair, deliver, server_config
from tests.dcom.stage import Calc, lab, run, two


def test_a_client_without_calls_binds_anew_where_the_server_allows_it() -> None:
    pair = Pair(server=replace(server_config(), rebind=True))
    pair.bind()
    again = ClientConnection()
    again.bind(Proposal(OTHER, (NDR20,)))
    (told,) = deliver(again, pair.server)
    assert isinstance(told, Bound)
    deliver(pair.server, again)
    (context,) = again.contexts
    assert (context.interface, context.context_id) == (OTHER, 0)
    again.send_stub(again.start_call(0, 0))
    started = next(event for event in deliver(again, pair.server) if isinstance(event, CallStarted))
    assert started.context.interface == OTHER  # and not what the same context id was before


def test_nobody_binds_anew_while_a_call_is_under_way() -> None:
    pair = Pair(server=replace(server_config(), rebind=True))
    pair.bind()
    pair.client.send_stub(pair.start())
    pair.to_server()
    again = ClientConnection()
    again.bind(Proposal(INTERFACE, (NDR20,)))
    with pytest.raises(RemoteProtocolError):
        deliver(again, pair.server)


def test_an_interface_can_be_bound_once_an_object_with_it_was_exported() -> None:
    async def facts() -> None:
        async with two() as (server, _):
            syntax = interface_of(lab.ICalc).whole.syntax
            assert server.server.find(syntax) is None
            await server.reference(Calc(), lab.ICalc)
            assert server.server.find(syntax) is not None
            assert server.server.find(SyntaxId(syntax.uuid, 1, 0)) is None

    run(facts())
