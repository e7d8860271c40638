"""tshark, Wireshark's dissector, reads our pipe calls and finds nothing wrong with them."""

from __future__ import annotations

import asyncio
import subprocess
import threading
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from idlrt import blocking, pdu, pipes, rpc
from idlrt.errors import CallCancelled, RpcError, RpcFault
from idlrt.ids import NDR20, NDR64, SyntaxId
from idlrt.pdu import PType
from idlrt.pdu.header import FIRST, LAST
from tests.interop import peers
from tests.interop.capture import SERVER_PORT, Capture, recorded
from tests.interop.conftest import HERE, compiled

TSHARK = "/usr/bin/tshark"
BLOCK = bytes(range(256)) * 100
BLOCKS = 12
WARNING = 0x600000  # Wireshark's PI_WARN

EVERY_KIND = set(PType) - {PType.BIND_NAK, PType.AUTH3, PType.SHUTDOWN}


@pytest.fixture(scope="session")
def flows() -> ModuleType:
    return compiled(HERE / "flows.idl")


def service(flows: ModuleType) -> tuple[Any, Any]:
    """The service of the pipes, which tells when Wait has pulled something, and that of plain calls."""

    class Served(flows.FlowsService):  # type: ignore[name-defined]
        def __init__(self) -> None:
            self.entered = asyncio.Event()
            self.begun = threading.Semaphore(0)

        async def Up(self, call: rpc.Call, n: int, octets: pipes.PipeReader[bytes]) -> int:
            return sum([len(block) async for block in octets])

        async def Down(self, call: rpc.Call, count: int, octets: pipes.PipeWriter[bytes]) -> Any:
            for _ in range(count):
                await octets.push(BLOCK)
            await octets.push(b"")
            return flows.DownResult(sum=7, return_value=count * len(BLOCK))

        async def Both(self, call: rpc.Call, n: int, cells: Any) -> Any:
            found = [cell async for block in cells for cell in block]
            for cell in found:
                await cells.push([cell])
            await cells.push([])
            return flows.BothResult(sum=7, return_value=len(found))

        async def Refuse(self, call: rpc.Call, octets: pipes.PipeReader[bytes]) -> None:
            await octets.pull()
            raise RpcFault(5)

        async def Wait(self, call: rpc.Call, octets: Any) -> int:
            await octets.pull()
            self.entered.set()
            self.begun.release()
            await call.until_cancelled()
            raise CallCancelled

    class Plain(flows.PlainService):  # type: ignore[name-defined]
        async def Add(self, call: rpc.Call, a: int, b: int) -> int:
            return a + b

    return Served(), Plain()


async def all_kinds_of_calls(flows: ModuleType, transfer: SyntaxId, fragment: int, ndr64_pipes: bool) -> Capture:
    """Calls with pipes in every direction, two that are given up, one that is refused, and plain ones in between."""
    capture = Capture()
    served, plain = service(flows)

    async def blocks() -> AsyncIterator[bytes]:
        for _ in range(BLOCKS):
            yield BLOCK

    async with rpc.Server([served, plain], max_fragment=fragment, transfers=(NDR64, NDR20)) as server:
        port = peers.free_port()
        await server.listen(f"ncacn_ip_tcp:127.0.0.1[{port}]")
        transfers = (NDR20,) if transfer == NDR20 else (NDR64, NDR20)
        async with (
            recorded(port, capture) as relay,
            rpc.connect(
                f"ncacn_ip_tcp:127.0.0.1[{relay}]",
                max_fragment=fragment,
                transfers=transfers,
                ndr64_pipes=ndr64_pipes,
                connections=1,  # so that the second interface and NDR 2.0 come by alter_context
            ) as channel,
        ):
            client = flows.FlowsClient(channel)
            assert await client.Up(1, blocks()) == BLOCKS * len(BLOCK)
            got: list[bytes] = []
            assert (await client.Down(BLOCKS, got.append)).sum == 7
            assert b"".join(got) == BLOCK * BLOCKS
            assert await flows.PlainClient(channel).Add(1, 2) == 3
            cells = [flows.CELL(n, -1) for n in range(1000)]
            back: list[Any] = []
            assert (await client.Both(1, ([cells[:350], cells[350:]], back.extend))).sum == 7
            assert back == cells
            with pytest.raises(RpcFault):
                await client.Refuse(blocks())
            for grace in (30, 0):
                served.entered.clear()
                call = client.Wait()
                async with call:
                    await call.octets.push(BLOCK)
                    await served.entered.wait()
                    call.cancel(grace=grace)
                    with pytest.raises(RpcError):
                        await call.complete()
            assert await flows.PlainClient(channel).Add(1, 2) == 3
    return capture


async def calls_of_a_thread(flows: ModuleType, transfer: SyntaxId) -> Capture:
    """The same by a client of threads."""
    capture = Capture()
    served, plain = service(flows)

    def calls(relay: int) -> None:
        with blocking.connect(
            f"ncacn_ip_tcp:127.0.0.1[{relay}]", transfers=(transfer,), ndr64_pipes=True, connections=1
        ) as channel:
            client = flows.FlowsBlockingClient(channel)
            assert client.Up(1, [BLOCK] * BLOCKS).complete() == BLOCKS * len(BLOCK)
            got: list[bytes] = []
            assert client.Down(BLOCKS, got.append).complete().sum == 7
            assert b"".join(got) == BLOCK * BLOCKS
            assert flows.PlainBlockingClient(channel).Add(1, 2) == 3
            with pytest.raises(RpcFault):
                client.Refuse([BLOCK] * BLOCKS).complete()
            for grace in (30, 0):
                with client.Wait() as call:
                    call.octets.push(BLOCK)
                    served.begun.acquire()
                    call.cancel(grace=grace)
                    with pytest.raises(RpcError):
                        call.complete()

    async with rpc.Server([served, plain], transfers=(NDR64, NDR20)) as server:
        port = peers.free_port()
        await server.listen(f"ncacn_ip_tcp:127.0.0.1[{port}]")
        async with recorded(port, capture) as relay:
            await asyncio.to_thread(calls, relay)
    return capture


def tshark(path: Path, *arguments: str) -> str:
    options = ["-r", str(path), "-n", "-d", f"tcp.port=={SERVER_PORT},dcerpc"]
    done = subprocess.run([TSHARK, *options, *arguments], capture_output=True, text=True, timeout=120, check=True)
    return done.stdout


def complaints(path: Path) -> str:
    """The packets that tshark calls malformed or warns of."""
    return tshark(path, "-Y", f"_ws.malformed or _ws.expert.severity >= {WARNING}", "-V")


@dataclass(slots=True)
class Way:
    """What went one way through one connection.

    The types of the PDUs, their stubs joined, and the lengths of what was sent in several fragments.
    """

    kinds: list[int] = field(default_factory=list)
    stub: bytes = b""
    reassembled: list[int] = field(default_factory=list)


def dissected(path: Path) -> dict[tuple[int, bool], Way]:
    """By connection and whether it went to the server, as tshark has it."""
    found: dict[tuple[int, bool], Way] = defaultdict(Way)
    for stream, port, kinds, stubs in fields(path, "FALSE", "dcerpc.pkt_type", "dcerpc.stub_data"):
        way = found[int(stream), int(port) == SERVER_PORT]
        way.kinds += map(int, kinds.split(","))
        way.stub += bytes.fromhex(stubs.replace(",", ""))
    for stream, port, lengths in fields(path, "TRUE", "dcerpc.reassembled.length"):
        found[int(stream), int(port) == SERVER_PORT].reassembled += map(int, filter(None, lengths.split(",")))
    return dict(found)


def fields(path: Path, reassemble: str, *names: str) -> Iterator[list[str]]:
    """Of each packet with PDUs its connection, where it goes, and the values of its fields."""
    wanted = [f"-e{name}" for name in ("tcp.stream", "tcp.dstport", *names)]
    options = ["-o", f"dcerpc.reassemble_dcerpc:{reassemble}", "-Y", "dcerpc", "-T", "fields"]
    for line in tshark(path, *options, *wanted).splitlines():
        yield line.split("\t")


def sent(capture: Capture) -> dict[tuple[int, bool], Way]:
    """The same, as it was sent."""
    octets: dict[tuple[int, bool], bytearray] = defaultdict(bytearray)
    for connection, outward, passed in capture.passed:
        octets[connection, outward] += passed
    return {key: _way(bytes(data)) for key, data in octets.items()}


def _way(octets: bytes) -> Way:
    way, length = Way(), 0
    while octets:
        size = pdu.read_header(octets).frag_length
        found = pdu.decode(octets[:size])
        octets = octets[size:]
        way.kinds.append(found.ptype)
        if isinstance(found, pdu.Request | pdu.Response):
            way.stub += found.stub
            length = len(found.stub) + (0 if found.flags & FIRST else length)
            if found.flags & LAST and not found.flags & FIRST:
                way.reassembled.append(length)
    return way


@pytest.mark.parametrize("fragment", [1432, 5840, 65528])
@pytest.mark.parametrize(
    ("transfer", "ndr64_pipes"),
    [(NDR20, False), (NDR64, False), (NDR64, True)],
    ids=["NDR 2.0", "NDR64 but for pipes", "NDR64"],
)
def test_tshark_finds_nothing_wrong_with_calls_that_have_pipes(
    flows: ModuleType, tmp_path: Path, transfer: SyntaxId, ndr64_pipes: bool, fragment: int
) -> None:
    capture = asyncio.run(all_kinds_of_calls(flows, transfer, fragment, ndr64_pipes))
    path = tmp_path / "pipes.pcap"
    capture.write(path)
    assert complaints(path) == ""
    found = dissected(path)
    assert found == sent(capture)
    kinds = {kind for way in found.values() for kind in way.kinds}
    assert kinds == EVERY_KIND
    whole = [length for way in found.values() for length in way.reassembled if length > BLOCKS * len(BLOCK)]
    assert len(whole) >= 2  # Up, Down, and Refuse if the server was not faster


@pytest.mark.parametrize("transfer", [NDR20, NDR64], ids=["NDR 2.0", "NDR64"])
def test_tshark_finds_nothing_wrong_with_the_calls_of_threads(
    flows: ModuleType, tmp_path: Path, transfer: SyntaxId
) -> None:
    capture = asyncio.run(calls_of_a_thread(flows, transfer))
    path = tmp_path / "pipes.pcap"
    capture.write(path)
    assert complaints(path) == ""
    found = dissected(path)
    assert found == sent(capture)
    assert {kind for way in found.values() for kind in way.kinds} == EVERY_KIND


def test_tshark_does_say_what_is_wrong(flows: ModuleType, tmp_path: Path) -> None:
    capture = asyncio.run(all_kinds_of_calls(flows, NDR20, 5840, False))
    (connection, outward, bind), *rest = capture.passed
    assert bind[2] == PType.BIND
    capture.passed = [
        (connection, outward, bind[:24] + bytes([bind[24] + 1]) + bind[25:]),
        *rest,
    ]  # one context too many
    path = tmp_path / "pipes.pcap"
    capture.write(path)
    assert "Malformed Packet" in complaints(path)
