"""Calls with pipes are made in NDR 2.0 by a client that is bound to NDR64, as Windows does; the server takes both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from idlrt import rpc, testing
from idlrt.association import Offer, ServerConfig
from idlrt.ids import NDR20, NDR64, SyntaxId
from idlrt.rpc.link import Link
from idlrt.transport.memory import MemoryTransport, join
from tests.asynchronous.stage import MODULE, Stage
from tests.rpc.services import on_a_loop

StageClient: Any = MODULE.StageClient
BOTH = (NDR64, NDR20)


async def spoken(channel: rpc.Channel, stage: Stage) -> list[SyntaxId]:
    """In which syntax a plain call, calls with pipes, and a plain one again are made."""
    client, got = StageClient(channel), bytearray()
    assert await client.Sync(1) == 1
    assert await client.Store(2, [b"abc", b"de"]) == 5
    assert await client.Upload(3, [b"abc"] * 1000) == 3000
    assert await client.Download(4, got.extend) == 4
    assert got == bytes(5)
    assert await client.Async(5) == 5
    return [call.transfer for call in stage.calls]


@pytest.mark.parametrize(
    ("options", "piped"),
    [
        ({"transfers": BOTH}, NDR20),
        ({"transfers": BOTH, "ndr64_pipes": True}, NDR64),
        ({"transfers": (NDR64,)}, NDR64),  # it does not speak the other one
    ],
)
@on_a_loop
async def test_a_client_bound_to_ndr64_leaves_it_for_calls_with_pipes(options: dict[str, Any], piped: SyntaxId) -> None:
    stage = Stage()
    async with (
        rpc.Server([stage], transfers=BOTH) as server,
        testing.connected(server, connections=1, **options) as channel,
    ):
        assert await spoken(channel, stage) == [NDR64, piped, piped, piped, NDR64]
        (link,) = channel.pool.links
        contexts = link.association.contexts
        assert [context.transfer for context in contexts] == ([NDR64, NDR20] if piped == NDR20 else [NDR64])


@on_a_loop
async def test_it_does_so_by_alter_context_on_the_connection_of_the_call() -> None:
    stage = Stage()
    types: list[int] = []
    async with rpc.Server([stage], transfers=BOTH) as server:

        async def opener(factory: Callable[[], Link]) -> Link:
            link = factory()
            join(link, server.accept())
            transport = link._transport
            assert isinstance(transport, MemoryTransport)
            write = transport.write

            def record(data: bytes | bytearray | memoryview) -> None:
                types.append(data[2])
                write(data)

            transport.write = record  # type: ignore[method-assign]
            return link

        async with rpc.Channel(rpc.StringBinding("memory"), opener=opener, transfers=BOTH) as channel:
            client = StageClient(channel)
            assert await client.Store(1, [b"abc"]) == 3
            assert await client.Store(2, [b"abc"]) == 3
    assert types[:3] == [11, 14, 0]  # bind, alter_context, request
    assert types.count(14) == 1


class Wide(rpc.Server):
    """A server that knows NDR64 alone for what was bound."""

    def config(self, join: Callable[[int], int | None], endpoint: str) -> ServerConfig:
        return replace(super().config(join, endpoint), lookup=lambda syntax: Offer((NDR64,), MODULE.STAGE.streamed))


@on_a_loop
async def test_where_the_server_refuses_ndr20_pipes_stay_in_ndr64() -> None:
    stage = Stage()
    async with Wide([stage]) as server, testing.connected(server, transfers=BOTH) as channel:
        assert await spoken(channel, stage) == [NDR64] * 5
