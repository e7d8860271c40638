"""Addresses of servers, what a trace shows, and the transport that tests use."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from typing import cast

import pytest

from idlrt import rpc, testing, transport
from idlrt.errors import RpcFault
from idlrt.rpc.trace import Tracer
from idlrt.transport.memory import join
from idlrt.transport.unix import default_directory
from tests.rpc.services import Lab, on_a_loop, until
from tests.rpc.specimen.lab import LabClient


@on_a_loop
async def test_local_endpoints_lie_in_a_directory_as_sambas_do(tmp_path: Path) -> None:
    folder = tmp_path / "ncalrpc"
    async with rpc.Server([Lab()]) as server:
        assert await server.listen(f"ncalrpc:[lab,dir={folder}]") == f"ncalrpc:[lab,dir={folder}]"
        assert (folder / "lab").is_socket()
        async with rpc.connect(f"ncalrpc:[lab,dir={folder}]") as channel:
            assert await LabClient(channel).Add(1, 1) == 2
    assert not (folder / "lab").exists()


def test_the_directory_of_local_endpoints_is_settable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IDLRT_NCALRPC_DIR", "/somewhere")
    assert default_directory() == Path("/somewhere")
    assert str(transport.find("ncalrpc", "", "lab", "")) == "/somewhere/lab"
    monkeypatch.delenv("IDLRT_NCALRPC_DIR")
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/run/user/5")
    assert default_directory() == Path("/run/user/5/ncalrpc")


@on_a_loop
async def test_a_socket_left_by_a_dead_server_is_replaced_but_a_live_one_is_not(tmp_path: Path) -> None:
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(tmp_path / "lab"))
    left.close()
    async with rpc.Server([Lab()]) as server, rpc.Server([Lab()]) as other:
        await server.listen(f"ncalrpc:[lab,dir={tmp_path}]")
        with pytest.raises(OSError, match="another server"):
            await other.listen(f"ncalrpc:[lab,dir={tmp_path}]")


@pytest.mark.parametrize("endpoint", ["", "a/b", "..", "."])
def test_a_local_endpoint_is_a_plain_file_name(endpoint: str) -> None:
    with pytest.raises(ValueError, match="plain file name"):
        transport.find("ncalrpc", "", endpoint, "")


@pytest.mark.parametrize("endpoint", ["", "x", "70000", "-1", "٣"])
def test_a_tcp_endpoint_is_a_port(endpoint: str) -> None:
    with pytest.raises(ValueError, match="not a TCP port"):
        transport.find("ncacn_ip_tcp", "h", endpoint, "")


@on_a_loop
async def test_a_trace_has_a_line_for_every_pdu(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("IDLRT_TRACE", "1")
    async with testing.channel(Lab()) as channel:
        client = LabClient(channel)
        await client.Add(1, 1)
        await client.Upload(0, [bytes(10_000)])
        with pytest.raises(RpcFault):
            await client.Fail(1)
    lines = [line for line in capsys.readouterr().err.splitlines() if "client" in line]
    text = "\n".join(lines)
    assert "-> bind " in lines[0]
    assert "<- bind_ack " in lines[1]
    assert "-> request            len 32    call 2 ctx 0 opnum 0 first|last" in text
    assert "<- response           len 28    call 2 ctx 0 first|last" in text
    assert "status 0x00005678" in text
    assert sum("opnum 2" in line for line in lines) == 2


def test_no_trace_unless_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    async def call() -> None:
        async with testing.channel(Lab()) as channel:
            await LabClient(channel).Add(1, 1)

    asyncio.run(call())
    assert capsys.readouterr().err == ""


def test_a_trace_finds_pdus_however_they_are_cut(capsys: pytest.CaptureFixture[str]) -> None:
    from tests.rpc.test_vanishing import bound, request

    octets = (bound() + request(1, 2, 3, bytes(40)) + request(2, 2, 3, bytes(4))) * 2
    for step in (1, 7, 1000):
        tracer = Tracer("x")
        for at in range(0, len(octets), step):
            tracer.received(octets[at : at + step])
        assert len(capsys.readouterr().err.splitlines()) == 6


@on_a_loop
async def test_memory_has_the_flow_control_of_sockets() -> None:
    class Side(asyncio.Protocol):
        transport: asyncio.Transport
        got = 0
        full = False
        lost = False

        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport = cast(asyncio.Transport, transport)

        def data_received(self, data: bytes) -> None:
            self.got += len(data)

        def pause_writing(self) -> None:
            self.full = True

        def resume_writing(self) -> None:
            self.full = False

        def connection_lost(self, exc: Exception | None) -> None:
            self.lost = True

    one, other = Side(), Side()
    join(one, other)
    other.transport.pause_reading()
    one.transport.write(bytes(100_000))
    await until(lambda: one.full)
    assert other.got == 0
    other.transport.resume_reading()
    await until(lambda: other.got == 100_000 and not one.full)
    one.transport.write(b"last")
    one.transport.close()
    await until(lambda: other.lost and one.lost)
    assert other.got == 100_004
