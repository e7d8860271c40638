"""Servers that are not ours: answers before the end of the request, other byte orders, syntaxes and fragment sizes."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from struct import pack
from typing import cast

import pytest

from idlrt import blocking, rpc, testing
from idlrt.association import CallStarted, Offer, ServerConfig, ServerConnection, Stub
from idlrt.errors import BindRefused, NdrError, PipeClosed, RemoteProtocolError
from idlrt.ids import NDR20, NDR64, Order, SyntaxId
from idlrt.rpc.link import Link
from idlrt.transport.memory import join
from tests.rpc.services import Lab, on_a_loop
from tests.rpc.specimen.lab import LAB, LabBlockingClient, LabClient


class Scripted(asyncio.Protocol):
    """Answers a call with given stub data, as soon as it starts or when its request is complete."""

    def __init__(self, stub: bytes, early: bool = True, order: Order = "<") -> None:
        self.association = ServerConnection(
            ServerConfig(lambda syntax: Offer(streamed=frozenset((2, 4))), lambda group: 1, order=order)
        )
        self.stub = stub
        self.early = early

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        for event in self.association.receive(data):
            due = isinstance(event, CallStarted) if self.early else isinstance(event, Stub) and event.last
            if due:
                assert isinstance(event, CallStarted | Stub)
                self.association.respond(event.call_id, self.stub)
        self.transport.write(b"".join(self.association.data_to_send()))


def scripted(stub: bytes, early: bool = True, order: Order = "<") -> rpc.Channel:
    async def opener(factory: Callable[[], Link]) -> Link:
        link = factory()
        join(link, Scripted(stub, early, order))
        return link

    return rpc.Channel(rpc.StringBinding("memory"), opener=opener)


@on_a_loop
async def test_an_answer_before_the_end_of_the_in_pipe_ends_the_pushing_and_counts() -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield bytes(100)
            await asyncio.sleep(0)

    async def push_on(call: rpc.AsyncCall[int]) -> None:
        while True:
            await call.source.push(bytes(100))  # type: ignore[attr-defined]

    async with scripted(pack("<i", 5)) as channel:
        async with LabClient(channel).Upload(0) as call:
            with pytest.raises(PipeClosed, match="answered"):
                await push_on(call)
            assert await call.complete() == 5
        assert await LabClient(channel).Upload(0, endless()) == 5
        assert len(channel.pool.links) == 1  # the association has ended the request in order


@contextmanager
def in_a_thread(stub: bytes, early: bool = True) -> Iterator[LabBlockingClient]:
    """A blocking client of such a server."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def listen() -> asyncio.Server:
        return await asyncio.get_running_loop().create_server(lambda: Scripted(stub, early), "127.0.0.1", 0)

    server = asyncio.run_coroutine_threadsafe(listen(), loop).result()
    port = server.sockets[0].getsockname()[1]
    with blocking.connect(f"ncacn_ip_tcp:127.0.0.1[{port}]") as channel:
        yield LabBlockingClient(channel)
    loop.call_soon_threadsafe(server.close)
    asyncio.run_coroutine_threadsafe(asyncio.sleep(0.01), loop).result()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def test_a_blocking_push_sees_an_early_answer() -> None:
    def endless() -> Iterator[bytes]:
        while True:
            yield bytes(100)

    with in_a_thread(pack("<i", 5)) as client:
        assert client.Upload(0, endless()).complete() == 5
        with client.Upload(0) as call:
            with pytest.raises(PipeClosed):
                _push_on(call.source)
            assert call.complete() == 5
        assert len(client._channel.pool.links) == 1


def _push_on(pipe: blocking.PipeWriter[bytes]) -> None:
    while True:
        pipe.push(bytes(100_000))


@on_a_loop
async def test_a_response_in_the_other_byte_order_is_read() -> None:
    async with scripted(pack(">i", 5), order=">") as channel:
        assert await LabClient(channel).Add(1, 2) == 5
    got: list[bytes] = []
    async with scripted(pack(">I3sxIi", 3, b"abc", 0, 7), early=False, order=">") as channel:
        assert await LabClient(channel).Transform(1, ([], got.append)) == 7
    assert got == [b"abc"]


LIES = [pack("<I", 5) + b"ab", pack("<I", 0xFFFFFFFF), b"", pack("<I", 0) + b"\1"]


@pytest.mark.parametrize("stub", LIES)
def test_a_thread_is_told_of_an_out_pipe_that_lies(stub: bytes) -> None:
    with in_a_thread(stub, early=False) as client, pytest.raises(NdrError):
        client.Transform(1, ([b"x"], lambda block: None)).complete()


@pytest.mark.parametrize("stub", LIES)
@on_a_loop
async def test_an_out_pipe_that_lies_is_an_ndr_error_and_nothing_hangs(stub: bytes) -> None:
    async with scripted(stub, early=False) as channel:
        with pytest.raises(NdrError):
            await LabClient(channel).Transform(1, ([b"x"], lambda block: None))


@on_a_loop
async def test_a_response_that_lies_is_an_ndr_error() -> None:
    async with scripted(b"\1\2") as channel:
        with pytest.raises(NdrError):
            await LabClient(channel).Add(1, 2)


@on_a_loop
async def test_a_response_beyond_the_limit_is_refused() -> None:
    async with scripted(bytes(5 << 20)) as channel:
        with pytest.raises(RemoteProtocolError, match="longer than the limit"):
            await LabClient(channel).Echo(b"")


class Preferring(rpc.Server):
    """A server that knows some transfer syntaxes only."""

    only: tuple[SyntaxId, ...] = (NDR64,)

    def config(self, join: Callable[[int], int | None], endpoint: str) -> ServerConfig:
        return replace(super().config(join, endpoint), lookup=lambda syntax: Offer(self.only, LAB.streamed))


@on_a_loop
async def test_a_server_that_speaks_ndr64_only_is_named_as_such() -> None:
    async with Preferring([Lab()]) as server, testing.connected(server) as channel:
        with pytest.raises(BindRefused, match="NDR64 only") as caught:
            await LabClient(channel).Add(1, 2)
        assert caught.value.syntaxes == (NDR20,)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [(65528, 65528), (1432, 65528), (65528, 1432), (5840, 5840), (1433, 65535), (65535, 1439), (5843, 5845)],
)
@on_a_loop
async def test_fragments_are_as_large_as_both_sides_allow(ours: int, theirs: int) -> None:
    got: list[bytes] = []
    async with (
        rpc.Server([Lab()], max_fragment=theirs) as server,
        testing.connected(server, max_fragment=ours) as channel,
    ):
        client = LabClient(channel)
        assert await client.Echo(bytes(100_000)) == bytes(100_000)
        assert await client.Transform(1, ([bytes(100_000)], got.append)) == 100_000
        link = channel.pool.links[0]
        assert link.bound is not None
        assert link.bound.max_send == min(ours, theirs) & -8
    assert b"".join(got) == b"\1" * 100_000
