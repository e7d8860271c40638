"""Peers that vanish or lie: in the midst of every PDU, at any octet, and with anything instead of PDUs."""

from __future__ import annotations

import asyncio
import itertools
import random
import socket
import threading
from collections.abc import Callable
from struct import pack
from typing import cast

import pytest

from idlrt import blocking, rpc, testing
from idlrt.association import ClientConfig, ClientConnection, Proposal
from idlrt.errors import ConnectionLost, ProtocolError, RemoteProtocolError, RpcError, RpcFault
from idlrt.rpc.link import Link
from idlrt.transport.memory import MemoryTransport, join
from tests.rpc.services import Lab, on_a_loop, until
from tests.rpc.specimen.lab import LAB, LabBlockingClient, LabClient

SECOND = rpc.Interface(
    "second",
    "11111111-2222-3333-4444-555555555555",
    (1, 0),
    module=LAB._module,
    codec="_lab_codec",
    operations=LAB.operations,
)


class SecondService(Lab):
    interface = SECOND


class SecondClient(LabClient):
    interface = SECOND


class Cutter:
    """Lets through the first octets that a transport writes, then both ends are gone."""

    def __init__(self, transport: MemoryTransport, left: int) -> None:
        self.transport, self.left, self.total = transport, left, 0
        self.write = transport.write
        transport.write = self.cut  # type: ignore[method-assign]

    def cut(self, data: bytes | bytearray | memoryview) -> None:
        self.total += len(data)
        self.write(bytes(data[: self.left]))
        self.left -= min(len(data), self.left)
        if not self.left:
            self.transport.close()


async def everything(channel: rpc.Channel) -> None:
    """Every PDU type both ways, but bind_nak and shutdown."""
    client = LabClient(channel)
    await client.Add(1, 1)  # bind, bind_ack, request, response
    await SecondClient(channel).Add(1, 1)  # alter_context and its answer
    with pytest.raises(RpcFault):
        await client.Fail(1)  # fault
    call = client.Sleep(5000)
    await asyncio.sleep(0)
    call.cancel(0.01)  # co_cancel, perhaps orphaned
    try:
        await call
    except RpcError:
        pass


async def cut_at(count: int, side: str) -> tuple[int, Exception | None]:
    """Run `everything` over one connection that ends after `count` octets from one side."""
    cutters: list[Cutter] = []
    async with rpc.Server([Lab(), SecondService()]) as server:

        async def opener(factory: Callable[[], Link]) -> Link:
            if cutters:
                raise ConnectionLost("there is only one connection")
            link, other = factory(), server.accept()
            join(link, other)
            end = link._transport if side == "client" else other._transport
            assert isinstance(end, MemoryTransport)
            cutters.append(Cutter(end, count))
            return link

        channel = rpc.Channel(rpc.StringBinding("memory"), opener=opener)
        try:
            await everything(channel)
            error = None
        except RpcError as raised:
            error = raised
        await channel.close()
        assert len(server.groups._groups) == 0
    assert not server.running
    return cutters[0].total, error


@pytest.mark.parametrize("side", ["client", "server"])
@on_a_loop
async def test_a_peer_may_vanish_at_any_octet(side: str) -> None:
    total, error = await cut_at(1 << 30, side)
    assert error is None
    for count in range(1, total, 3 if side == "server" else 5):
        _, error = await cut_at(count, side)
        assert error is None or isinstance(error, ConnectionLost), error


@pytest.mark.parametrize("side", ["client", "server"])
@on_a_loop
async def test_a_peer_may_vanish_in_the_midst_of_pipes(side: str) -> None:
    async def run(count: int) -> tuple[int, Exception | None]:
        cutters: list[Cutter] = []
        async with rpc.Server([Lab()]) as server:

            async def opener(factory: Callable[[], Link]) -> Link:
                if cutters:
                    raise ConnectionLost("there is only one connection")
                link, other = factory(), server.accept()
                join(link, other)
                end = link._transport if side == "client" else other._transport
                assert isinstance(end, MemoryTransport)
                cutters.append(Cutter(end, count))
                return link

            channel = rpc.Channel(rpc.StringBinding("memory"), opener=opener)
            error = None
            try:
                got: list[bytes] = []
                assert await LabClient(channel).Transform(1, ([bytes(100)] * 3, got.append)) == 300
            except RpcError as raised:
                error = raised
            await channel.close()
        assert not server.running
        return cutters[0].total, error

    total, error = await run(1 << 30)
    assert error is None
    for count in range(1, total, 7):
        _, error = await run(count)
        assert isinstance(error, ConnectionLost), error


@on_a_loop
async def test_noise_from_a_server_is_a_protocol_error_or_a_lost_connection() -> None:
    rng = random.Random(5)
    for _ in range(30):
        noise = rng.randbytes(rng.randrange(1, 300))

        class Noisy(asyncio.Protocol):
            noise = b""

            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                self.transport = cast(asyncio.Transport, transport)

            def data_received(self, data: bytes) -> None:
                self.transport.write(self.noise)
                self.transport.close()

        Noisy.noise = noise

        async def opener(factory: Callable[[], Link], kind: type[asyncio.Protocol] = Noisy) -> Link:
            link = factory()
            join(link, kind())
            return link

        async with rpc.Channel(rpc.StringBinding("memory"), opener=opener) as channel:
            with pytest.raises((ProtocolError, ConnectionLost)):
                await LabClient(channel).Add(1, 1)


class Raw(asyncio.Protocol):
    """A client that sends what it likes."""

    def __init__(self) -> None:
        self.received = b""
        self.closed = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self.received += data

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed.set()


def bound() -> bytes:
    client = ClientConnection(ClientConfig())
    client.bind(Proposal(LAB.syntax))
    return b"".join(bytes(part) for part in client.data_to_send())


def request(flags: int, call_id: int, opnum: int, stub: bytes, context_id: int = 0) -> bytes:
    head = pack("<BBBB4sHHI", 5, 0, 0, flags, b"\x10\0\0\0", 24 + len(stub), 0, call_id)
    return head + pack("<IHH", len(stub), context_id, opnum) + stub


@pytest.mark.parametrize(
    ("name", "pdus"),
    [
        ("a request before the bind", request(3, 1, 0, bytes(8))),
        ("a version that does not exist", b"\x09" + bound()[1:]),
        ("a length below the header's", bound()[:8] + b"\x04\0" + bound()[10:]),
        ("a continuation of nothing", bound() + request(2, 9, 0, bytes(8))),
        ("a second first fragment", bound() + request(1, 9, 0, bytes(8)) + request(1, 9, 0, bytes(8))),
        ("a response from a client", bound() + b"\x05\0\x02" + request(3, 1, 0, bytes(8))[3:]),
        ("an unknown PDU type", bound() + b"\x05\0\x63" + request(3, 1, 0, bytes(8))[3:]),
    ],
)
@on_a_loop
async def test_a_client_that_breaks_the_protocol_loses_its_connection(name: str, pdus: bytes) -> None:
    async with rpc.Server([Lab()]) as server:
        raw = Raw()
        join(raw, server.accept())
        raw.transport.write(pdus)
        await raw.closed.wait()
        assert not server.links
        async with testing.connected(server) as channel:
            assert await LabClient(channel).Add(1, 1) == 2


@pytest.mark.parametrize(
    ("name", "opnum", "context_id", "stub", "status"),
    [
        ("an unknown operation", 99, 0, b"", 0x1C010002),
        ("an unknown context", 0, 7, bytes(8), 0x1C010003),
        ("a stub that ends too early", 0, 0, bytes(4), 0x6F7),
        ("a count over an empty rest", 1, 0, b"\xff\xff\xff\xff", 0x6F7),
        ("a pipe that is cut short", 2, 0, bytes(4) + pack("<I", 100) + bytes(8), 0x6F7),
        ("ordinary data cut short before a pipe", 2, 0, bytes(2), 0x6F7),
    ],
)
@on_a_loop
async def test_a_lying_request_is_answered_by_a_fault(
    name: str, opnum: int, context_id: int, stub: bytes, status: int
) -> None:
    async with rpc.Server([Lab()]) as server:
        raw = Raw()
        join(raw, server.accept())
        raw.transport.write(bound() + request(3, 5, opnum, stub, context_id))
        await until(lambda: raw.received[-32:-29] == b"\5\0\3")
        fault = raw.received[-32:]
        assert fault[2] == 3
        assert fault[12:16] == pack("<I", 5)
        assert fault[24:28] == pack("<I", status)
        raw.transport.write(request(3, 6, 0, bytes(8)))
        await until(lambda: raw.received[-28:-25] == b"\5\0\2")  # the connection goes on
        raw.transport.close()
        await raw.closed.wait()


@on_a_loop
async def test_a_client_that_does_not_bind_is_shown_out() -> None:
    async with rpc.Server([Lab()], bind_timeout=0.02) as server:
        raw = Raw()
        join(raw, server.accept())
        await raw.closed.wait()


@on_a_loop
async def test_a_client_that_reads_no_answers_is_not_read_either() -> None:
    async with rpc.Server([Lab()]) as server:
        binding = rpc.StringBinding.parse(await server.listen("ncacn_ip_tcp:127.0.0.1[0]"))
        raw = socket.create_connection(("127.0.0.1", int(binding.endpoint)))
        raw.setblocking(False)
        loop = asyncio.get_running_loop()
        sent = 0

        async def send() -> None:
            nonlocal sent
            await loop.sock_sendall(raw, bound())
            for call_id in itertools.count(2):
                await loop.sock_sendall(raw, request(3, call_id, 1, pack("<I", 5000) + bytes(5000)))
                sent += 5000

        with raw:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(send(), 0.5)
            (link,) = server.links
            assert link._transport.get_write_buffer_size() < 4 << 20
    assert sent < 64 << 20


def test_a_blocking_client_sees_a_server_that_vanishes() -> None:
    replies = [b"", b"\x05", b"\x05\0\x0c\x03\x10\0\0\0\xff\0\0\0\1\0\0\0"]
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

        def serve() -> None:
            for reply in replies:
                connection, _ = listener.accept()
                with connection:
                    connection.recv(1000)
                    connection.sendall(reply)

        thread = threading.Thread(target=serve)
        thread.start()
        for _ in replies:
            with blocking.connect(f"ncacn_ip_tcp:127.0.0.1[{port}]") as channel, pytest.raises(ConnectionLost):
                LabBlockingClient(channel).Add(1, 1)
        thread.join()


@pytest.mark.parametrize(
    ("answer", "shown"),
    [(b"HTTP/1.1 400 Bad Request\r\n\r\n", "HTTP/1.1 400 Bad"), (b"SSH-2.0-x\r\n", r"SSH-2.0-x\.\."), (b"?", r"\?")],
    ids=["http", "ssh", "an octet"],
)
def test_a_peer_that_is_no_rpc_server_is_recognised(answer: bytes, shown: str) -> None:
    def serve() -> None:
        for _ in range(2):
            connection, _ = listener.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(answer)

    async def call() -> None:
        async with rpc.connect(binding) as channel:
            await LabClient(channel).Add(1, 1)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        binding = f"ncacn_ip_tcp:127.0.0.1[{listener.getsockname()[1]}]"
        thread = threading.Thread(target=serve)
        thread.start()
        said = rf'does not speak DCE/RPC; it sent "{shown}"; is that the port of another kind of server'
        with pytest.raises(RemoteProtocolError, match=said):
            asyncio.run(call())
        with blocking.connect(binding) as channel, pytest.raises(RemoteProtocolError, match=said):
            LabBlockingClient(channel).Add(1, 1)
        thread.join()
