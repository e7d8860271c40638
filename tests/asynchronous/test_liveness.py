"""An end learns that its peer is gone, or silent: while it reads nothing, by probes of TCP, and by time-outs."""

from __future__ import annotations

import asyncio
import fcntl
import select
import socket
import struct
import sys
import termios
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import pytest

from idlrt import rpc, testing
from idlrt.errors import CallCancelled, ConnectionLost, RpcTimeout
from idlrt.rpc.link import Link
from idlrt.transport import liveness
from idlrt.transport.liveness import KeepAlive, hung_up
from tests.asynchronous.stage import MODULE, Stage
from tests.rpc.services import on_a_loop

StageClient: Any = MODULE.StageClient
BLOCK = bytes(16 << 10)
WAYS = ["memory", "tcp", "unix"]
ROOT = Path(__file__).parents[2]

SECOND = 1.0
"""Within which an end learns that its peer is gone, even where nothing is read."""


# -- a look that reads nothing


@contextmanager
def joined(family: int) -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two ends of a connection."""
    if family == socket.AF_UNIX:
        ends = socket.socketpair()
    else:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            ends = socket.create_connection(listener.getsockname()), listener.accept()[0]
    with ends[0], ends[1]:
        yield ends


def close(end: socket.socket) -> None:
    end.close()


def reset(end: socket.socket) -> None:
    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    end.close()


def finish(end: socket.socket) -> None:
    end.shutdown(socket.SHUT_WR)


def soon(fact: Callable[[], bool]) -> bool:
    """Whether something becomes so before long; loopback takes a moment."""
    until = time.monotonic() + 5
    while not fact() and time.monotonic() < until:
        time.sleep(0.001)
    return fact()


@pytest.mark.parametrize("leave", [close, reset, finish])
@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_UNIX])
def test_a_look_tells_whether_the_peer_has_hung_up(family: int, leave: Callable[[socket.socket], None]) -> None:
    with joined(family) as (ours, theirs):
        assert not hung_up(ours)
        theirs.send(b"unread")
        assert not hung_up(ours)
        leave(theirs)
        assert soon(lambda: hung_up(ours))
        if leave is not reset:
            assert ours.recv(100) == b"unread"
        ours.close()
        assert hung_up(ours)


class _Queue:
    """As kqueue tells the end of what can be read."""

    def __enter__(self) -> _Queue:
        return self

    def __exit__(self, *_: object) -> None: ...

    def control(self, looked_for: list[Any], most: int, timeout: int) -> list[Any]:
        assert (most, timeout) == (1, 0)
        return looked_for


def test_without_rdhup_kqueue_tells_or_what_poll_has() -> None:
    with joined(socket.AF_INET) as (ours, theirs), pytest.MonkeyPatch.context() as patch:
        patch.delattr(select, "POLLRDHUP", raising=False)
        assert not hung_up(ours)
        reset(theirs)
        assert soon(lambda: hung_up(ours))
        patch.delattr(select, "poll")
        assert not hung_up(ours)  # nobody can tell
        event = type("Event", (), {"flags": 0x8000})()
        for name, value in {
            "kqueue": _Queue,
            "kevent": lambda *_: event,
            "KQ_FILTER_READ": -1,
            "KQ_EV_ADD": 1,
            "KQ_EV_EOF": 0x8000,
        }.items():
            patch.setattr(select, name, value, raising=False)
        assert hung_up(ours)
        event.flags = 1
        assert not hung_up(ours)


# -- ends that read nothing


class Party:
    """A server and a channel, over any transport."""

    def __init__(self, server: rpc.Server, channel: rpc.Channel) -> None:
        self.server = server
        self.channel = channel

    @property
    def busy(self) -> Any:
        """The client's end of the connection that a call with a pipe has."""
        (link,) = (link for link in self.channel.pool.links if link.claims)
        return link

    def end_server(self, how: str) -> None:
        """All of its connections, and the places where it listens, as when its process ends."""
        for listener in self.server._listeners:
            listener.close()
        for link in tuple(self.server.links):
            vanish(link, how)

    def serving(self, call: rpc.Call) -> Any:
        """The server's end of it."""
        return call._serving._link


@asynccontextmanager
async def party(way: str, service: rpc.Service, **options: Any) -> AsyncIterator[Party]:
    async with rpc.Server([service]) as server:
        if way == "memory":
            async with testing.connected(server, **options) as channel:
                yield Party(server, channel)
            return
        with TemporaryDirectory() as folder:
            text = "ncacn_ip_tcp:127.0.0.1[0]" if way == "tcp" else f"ncalrpc:[stage,dir={Path(folder)}]"
            async with rpc.connect(await server.listen(text), **options) as channel:
                yield Party(server, channel)


class Source(Stage):
    """Pushes as many blocks as it is asked for, if the client takes them."""

    def __init__(self) -> None:
        super().__init__()
        self.errors: list[BaseException] = []
        self.ended = asyncio.Event()

    async def Download(self, call: rpc.Call, n: int, sink: Any) -> int:
        self.calls.append(call)
        try:
            for _ in range(n):
                await sink.push(BLOCK)
            await sink.push(b"")
        except BaseException as error:
            self.errors.append(error)
            raise
        finally:
            self.ended.set()
        return n

    async def Upload(self, call: rpc.Call, n: int, source: Any) -> int:
        self.calls.append(call)
        try:
            await source.pull()
            await self.gate(n).wait()
            while await source.pull():
                pass
        except BaseException as error:
            self.errors.append(error)
            raise
        finally:
            self.ended.set()
        return n


async def held(link: Any) -> None:
    """Wait until an end has stopped reading."""
    while not link._holders:
        await asyncio.sleep(0.001)


async def all_of(pipe: Any) -> int:
    return sum([len(block) async for block in pipe])


async def until(fact: Callable[[], object]) -> None:
    while not fact():
        await asyncio.sleep(0.001)


def vanish(link: Any, how: str) -> None:
    """End a connection: in order, or so that what was not read is lost."""
    connected = link._transport.get_extra_info("socket")
    if how == "reset" and connected is not None and connected.family != socket.AF_UNIX:
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    link._transport.abort()


@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize("way", WAYS)
@on_a_loop
async def test_a_client_whose_window_is_full_learns_within_a_second_that_the_server_is_gone(way: str, how: str) -> None:
    service = Source()
    async with party(way, service) as both:
        client = StageClient(both.channel)
        async with client.Download(100_000) as call:
            link = None
            while link is None or not link._holders:
                await asyncio.sleep(0.001)
                link = both.busy
            both.end_server(how)
            started = time.monotonic()
            await until(lambda: call.done)  # though nobody pulls
            assert time.monotonic() - started < SECOND
            errors = []
            for use in (call.complete, call.complete):
                with pytest.raises(ConnectionLost) as caught:
                    await use()
                errors.append(caught.value)
            with pytest.raises(ConnectionLost) as caught:
                await all_of(call.sink)  # what has arrived can still be had
            assert len({id(error) for error in (*errors, caught.value)}) == 1
        assert both.channel.pool.links == []
        await until(lambda: not both.server.running)


@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize("way", WAYS)
@on_a_loop
async def test_a_server_whose_window_is_full_learns_within_a_second_that_the_client_is_gone(way: str, how: str) -> None:
    service = Source()
    async with party(way, service) as both:
        client = StageClient(both.channel)
        call = client.Upload(1)

        async def push_on() -> None:
            while True:
                await call.source.push(BLOCK)

        pushing = asyncio.create_task(push_on())
        await until(lambda: bool(service.calls))
        theirs = both.serving(service.calls[0])
        await held(theirs)
        vanish(both.busy, how)
        started = time.monotonic()
        with pytest.raises(ConnectionLost):
            await pushing
        await service.ended.wait()  # though it does not pull
        assert time.monotonic() - started < SECOND
        assert len(service.errors) == 1
        assert service.calls[0].cancelled
        await until(lambda: not both.server.running)
        assert theirs not in both.server.links
        assert await client.Sync(1) == 1


@pytest.mark.parametrize(("way", "blocks"), [("memory", 3), ("tcp", 3), ("tcp", 30), ("unix", 8)])
@on_a_loop
async def test_an_answer_that_was_sent_in_whole_is_had_though_the_server_has_gone_since(way: str, blocks: int) -> None:
    service = Source()
    async with party(way, service, pipe_window=4096) as both, StageClient(both.channel).Download(blocks) as call:
        (link,) = both.channel.pool.links
        await service.ended.wait()
        await until(lambda: link._holders or call.done)
        await both.server.stop()
        await until(lambda: link.lost is not None)
        assert call.done
        assert await all_of(call.sink) == blocks * len(BLOCK)
        assert await call.complete() == blocks


@on_a_loop
async def test_nothing_is_looked_at_while_a_connection_is_read() -> None:
    service = Source()
    async with party("tcp", service) as both:
        client = StageClient(both.channel)
        async with client.Download(1) as call:
            (link,) = both.channel.pool.links
            assert link._looking is None
            assert await all_of(call.sink) == len(BLOCK)
            assert await call.complete() == 1


# -- processes that are killed while the other end reads nothing, and everything between them is full

SERVER = """
import asyncio
from idlrt import rpc
from tests.asynchronous.test_liveness import Source

async def main():
    async with rpc.Server([Source()]) as server:
        print(await server.listen("ncacn_ip_tcp:127.0.0.1[0]"), flush=True)
        await server.serve_forever()

asyncio.run(main())
"""

CLIENT = """
import asyncio, sys
from idlrt import rpc
from tests.asynchronous.test_liveness import BLOCK, StageClient

async def main():
    async with rpc.connect(sys.argv[1]) as channel, StageClient(channel).Upload(1) as call:
        while True:
            await call.source.push(BLOCK)

asyncio.run(main())
"""


@asynccontextmanager
async def process(script: str, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    made = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, *arguments, stdout=asyncio.subprocess.PIPE, cwd=ROOT
    )
    try:
        yield made
    finally:
        if made.returncode is None:
            made.kill()
        await made.communicate()


async def stuck(link: Any) -> None:
    """Wait until an end has stopped reading and its kernel's buffer grows no more."""
    await held(link)
    connected = link._transport.get_extra_info("socket")
    before, unread = -1, 0
    while unread != before or not liveness.choked(connected):
        await asyncio.sleep(0.05)
        before = unread
        (unread,) = struct.unpack("i", fcntl.ioctl(connected.fileno(), termios.FIONREAD, bytes(4)))


@on_a_loop
async def test_a_server_that_is_killed_is_missed_within_a_second_though_its_close_cannot_arrive() -> None:
    async with process(SERVER) as server:
        assert server.stdout is not None
        binding = (await server.stdout.readline()).decode().strip()
        async with rpc.connect(binding) as channel, StageClient(channel).Download(1 << 30) as call:
            (link,) = channel.pool.links
            await stuck(link)
            server.kill()
            await server.wait()
            started = time.monotonic()
            await until(lambda: call.done)
            assert time.monotonic() - started < SECOND
            with pytest.raises(ConnectionLost):
                await call.complete()


@on_a_loop
async def test_a_client_that_is_killed_is_missed_within_a_second_though_its_close_cannot_arrive() -> None:
    service = Source()
    async with rpc.Server([service]) as server:
        binding = await server.listen("ncacn_ip_tcp:127.0.0.1[0]")
        async with process(CLIENT, binding) as client:
            await until(lambda: bool(service.calls))
            (link,) = server.links
            await stuck(link)
            client.kill()
            await client.wait()
            started = time.monotonic()
            await service.ended.wait()
            assert time.monotonic() - started < SECOND
            assert len(service.errors) == 1
        await until(lambda: not server.links)


# -- keep-alive


def options(connected: Any) -> tuple[int, ...]:
    names = ("TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT")
    on = connected.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    return on, *(connected.getsockopt(socket.IPPROTO_TCP, getattr(socket, name)) for name in names)


@pytest.mark.skipif(not hasattr(socket, "TCP_KEEPIDLE"), reason="these options have other names here")
@on_a_loop
async def test_keep_alive_is_set_on_both_ends_as_they_wish() -> None:
    ours, theirs = KeepAlive(idle=5, interval=2, count=3), KeepAlive(7, 8, 9)
    async with rpc.Server([Stage()], keep_alive=theirs) as server:
        binding = await server.listen("ncacn_ip_tcp:127.0.0.1[0]")
        async with rpc.connect(binding, keep_alive=ours) as channel:
            await StageClient(channel).Sync(1)
            (mine,), (other,) = channel.pool.links, server.links
            assert options(mine._transport.get_extra_info("socket")) == (1, 5, 2, 3)
            assert options(other._transport.get_extra_info("socket")) == (1, 7, 8, 9)
        async with rpc.connect(binding, keep_alive=None) as channel:
            assert options(channel.pool.links[0]._transport.get_extra_info("socket"))[0] == 0
        async with rpc.connect(binding) as channel:
            default = liveness.KEEP_ALIVE
            found = options(channel.pool.links[0]._transport.get_extra_info("socket"))
            assert found == (1, default.idle, default.interval, default.count)


def test_keep_alive_without_sense_is_refused() -> None:
    with pytest.raises(ValueError, match="whole numbers from 1"):
        KeepAlive(idle=0)


# -- time-outs


@on_a_loop
async def test_a_connection_that_does_not_come_about_times_out() -> None:
    async def never(factory: Callable[[], Link]) -> Link:
        await asyncio.Event().wait()
        raise AssertionError

    channel = rpc.Channel(rpc.StringBinding("memory"), opener=never, connect_timeout=0.05)
    for _ in range(2):
        with pytest.raises(RpcTimeout, match=r"no bound connection to memory: within 0\.05 s"):
            await StageClient(channel).Sync(1)
    assert channel.pool._opening == 0


@on_a_loop
async def test_rule_7_23_the_time_out_of_a_call_ends_it_at_the_client_alone() -> None:
    service = Stage()
    service.patient = True
    async with testing.channel(service, timeout=0.5) as channel:
        client = StageClient(channel)
        for number, begin in enumerate((client.Sync, client.Async)):
            with pytest.raises(RpcTimeout, match="the server") as caught:
                await begin(number)
            assert caught.value.status == 1818  # RPC_S_CALL_CANCELLED
            await service.until(lambda: len(service.running) == 1)
            assert not service.calls[number].cancelled
            service.gate(number).set()
            await service.until(lambda: not service.running)
            service.gate(number + 10).set()
            assert await begin(number + 10) == number + 10  # the connection is still good
        assert len(channel.pool.links) == 1


class Dripping(asyncio.Protocol):
    """A server that answers with a fragment now and then."""

    def __init__(self, pieces: int, pause: float) -> None:
        from idlrt.association import Offer, ServerConfig, ServerConnection

        self.association = ServerConnection(ServerConfig(lambda syntax: Offer(), lambda group: 1, max_fragment=1432))
        self.pieces, self.pause = pieces, pause

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        from idlrt.association import Stub

        for event in self.association.receive(data):
            if isinstance(event, Stub) and event.last:
                self.respond(event.call_id, struct.pack("<I", self.pieces * 1408 - 4), self.pieces)
        self.flush()

    def respond(self, call_id: int, before: bytes, left: int) -> None:
        self.association.respond(call_id, before, bytes(1408 - len(before)), last=left == 1)
        self.flush()
        if left > 1:
            asyncio.get_running_loop().call_later(self.pause, self.respond, call_id, b"", left - 1)

    def flush(self) -> None:
        self.transport.write(b"".join(self.association.data_to_send()))


@pytest.mark.parametrize("name", ["Large", "LargeAsync"])
@on_a_loop
async def test_rule_7_23_each_fragment_of_the_answer_starts_the_time_again(name: str) -> None:
    from idlrt.transport.memory import join

    async def opener(factory: Callable[[], Link]) -> Link:
        link = factory()
        join(link, Dripping(8, 0.1))
        return link

    async with rpc.Channel(rpc.StringBinding("memory"), opener=opener, timeout=0.4) as channel:
        assert len(await getattr(StageClient(channel), name)(1, 8 * 1408 - 4)) == 8 * 1408 - 4
        with pytest.raises(RpcTimeout):
            await getattr(StageClient(channel, timeout=0.03), name)(1, 8 * 1408 - 4)


@pytest.mark.parametrize("way", ["memory", "tcp"])
@on_a_loop
async def test_a_silent_server_ends_a_call_with_a_pipe_and_slowness_of_ones_own_does_not(way: str) -> None:
    service = Source()
    async with party(way, service, silence=0.3, timeout=0.01) as both:
        client = StageClient(both.channel)
        async with client.Upload(1) as call:
            for _ in range(4):
                await asyncio.sleep(0.1)  # nobody waits for the server
                await call.source.push(b"now and then")
            await call.source.push(b"")
            with pytest.raises(RpcTimeout, match=r"nothing came from the server for 0\.3 s"):
                await call.complete()
        service.gate(1).set()
        service.gate(2).set()
        assert await client.Upload(2, [b"abc"]) == 2


@pytest.mark.parametrize("way", ["memory", "tcp"])
@on_a_loop
async def test_a_client_that_does_not_push_ends_the_call_where_the_server_minds(way: str) -> None:
    service = Source()
    async with party(way, service) as both:
        both.server.silence = 0.1
        async with StageClient(both.channel).Upload(1) as call:
            await call.source.push(b"one block")
            service.gate(1).set()
            await until(lambda: call.done)
            with pytest.raises(CallCancelled):
                await call.source.push(b"too late")
        assert [type(error) for error in service.errors] == [RpcTimeout]
        assert await StageClient(both.channel).Sync(1) == 1


@on_a_loop
async def test_a_client_that_does_not_read_loses_its_connection_where_the_server_minds() -> None:
    service = Source()
    async with party("tcp", service) as both:
        both.server.silence = 0.2
        async with StageClient(both.channel).Download(1 << 30) as call:
            await service.ended.wait()
            assert [type(error) for error in service.errors] == [RpcTimeout]
            await until(lambda: not both.server.links)
            with pytest.raises(ConnectionLost):
                await all_of(call.sink)
