"""Calls with pipes as strangers see them, who know PDUs and nothing of stubs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from struct import pack
from typing import Any

import pytest

from idlrt import blocking, rpc
from idlrt.errors import NdrError, RpcFault
from idlrt.ids import NDR20, NDR64, SyntaxId
from idlrt.pdu.header import FIRST, LAST
from idlrt.transport.memory import join
from tests.compiled import compile_cached
from tests.rpc.services import on_a_loop
from tests.vectors.strangers import StrangeClient, StrangeServer, channel_to, listening

IDL = """
    [uuid(7c0f0a51-93b5-4f0a-8d47-6f0d5d0c1e07), version(1.0)]
    interface Octets
    {
        typedef pipe byte BYTES;
        typedef struct { long l; short s; } CELL;
        typedef pipe CELL CELLS;
        long Mixed([in] CELLS first, [out] BYTES *second, [in] hyper third, [in, out] short *fourth,
                   [in, out] BYTES *fifth);
        long Cells([in, out] CELLS cells);
        long Put([in] short n, [in] BYTES data);
        hyper Get([out] BYTES *data, [out] short *n);
        long Plain([in] long n);
    }
"""
MODULE: Any = compile_cached(IDL, "octets").module
CELL, MixedResult = MODULE.CELL, MODULE.MixedResult
CELLS, PUT, GET = 1, 2, 3
OPNUMS = {operation.name: operation.opnum for operation in MODULE.OCTETS.operations}


def chunk(*cells: tuple[int, int]) -> bytes:
    """A chunk of structures in NDR 2.0; what is between them, but not behind the last, makes each eight octets."""
    return pack("<I", len(cells)) + b"\0\0".join(pack("<ih", *cell) for cell in cells)


class Octets(MODULE.OctetsService):  # type: ignore[misc]
    """Returns what it gets; notes what each pull gave, and lets a test see it."""

    def __init__(self) -> None:
        self.pulls: asyncio.Queue[list[tuple[int, int]]] = asyncio.Queue()
        self.transfers: list[SyntaxId] = []

    async def Mixed(self, call: rpc.Call, first: Any, second: Any, third: int, fourth: int, fifth: Any) -> Any:
        assert [(cell.l, cell.s) async for block in first for cell in block] == [(1, 2)]
        assert b"".join([block async for block in fifth]) == b"abc"
        await second.push(b"xy")
        await second.push(b"")
        await fifth.push(b"z")
        await fifth.push(b"")
        return MixedResult(fourth=fourth + 1, return_value=third)

    async def Cells(self, call: rpc.Call, cells: Any) -> int:
        found: list[Any] = []
        while block := await cells.pull():
            found += block
            self.pulls.put_nowait([(cell.l, cell.s) for cell in block])
        self.pulls.put_nowait([])
        for size in (2, 1):
            await cells.push(found[:size])
        await cells.push([])
        return len(found)

    async def Put(self, call: rpc.Call, n: int, data: Any) -> int:
        self.transfers.append(call.transfer)
        return sum([len(block) async for block in data])

    async def Get(self, call: rpc.Call, data: Any) -> Any:
        await data.push(b"abc")
        await data.push(b"")
        return MODULE.GetResult(n=7, return_value=-2)

    async def Plain(self, call: rpc.Call, n: int) -> int:
        self.transfers.append(call.transfer)
        return n


@asynccontextmanager
async def stranger_at(
    service: Octets, procedure: str, request: bytes | None, transfer: SyntaxId = NDR20, **options: Any
) -> AsyncIterator[StrangeClient]:
    """A stranger that calls our server."""
    async with rpc.Server([service], transfers=(NDR20, NDR64)) as server:
        client = StrangeClient(MODULE.OCTETS.syntax, transfer, OPNUMS[procedure], request, **options)
        join(client, server.accept())
        await client.bound.wait()
        yield client
        client.transport.close()


async def asked(procedure: str, request: bytes, transfer: SyntaxId = NDR20, **options: Any) -> Any:
    async with stranger_at(Octets(), procedure, request, transfer, **options) as client:
        return await client.answered


async def requested(
    call: Callable[[Any], Any], transfer: SyntaxId = NDR20, answer: bytes | None = None
) -> StrangeServer:
    """A stranger that our client has called."""
    server = StrangeServer(transfer, answer)
    async with channel_to(server, transfers=(transfer,), ndr64_pipes=True) as channel:
        if answer is None:
            with pytest.raises(RpcFault):
                await call(MODULE.OctetsClient(channel))
        else:
            await call(MODULE.OctetsClient(channel))
    return server


# ---------------------------------------------------------------------------- order

MIXED_IN = pack("<qhxx", 5, 6) + chunk((1, 2)) + bytes(2) + bytes(4) + pack("<I3sxI", 3, b"abc", 0)
MIXED_OUT = pack("<I2sxxI", 2, b"xy", 0) + pack("<I1sxxxI", 1, b"z", 0) + pack("<hxxi", 7, 5)


@on_a_loop
async def test_rule_8_26_pipes_are_last_in_a_request_and_first_in_a_response() -> None:
    got: list[bytes] = []

    async def call(client: Any) -> None:
        result = await client.Mixed(
            third=5, fourth=6, first=[[CELL(1, 2)]], second=got.append, fifth=([b"abc"], got.append)
        )
        assert (result.fourth, result.return_value) == (7, 5)

    server = await requested(call, answer=MIXED_OUT)
    assert server.stub.hex(" ", 4) == MIXED_IN.hex(" ", 4)
    assert got == [b"xy", b"z"]
    answer = await asked("Mixed", MIXED_IN)
    assert answer.hex(" ", 4) == MIXED_OUT.hex(" ", 4)


# ---------------------------------------------------------------------------- chunks


@on_a_loop
async def test_rule_8_28_a_call_without_elements_is_a_count_of_none() -> None:
    assert (await requested(lambda client: client.Cells(([], [].append)))).stub == bytes(4)


@pytest.mark.parametrize("count", [1 << 31, (1 << 64) - 1])
@on_a_loop
async def test_rule_8_29_an_ndr64_chunk_has_less_than_two_to_the_31_elements(count: int) -> None:
    fault = await asked("Put", pack("<hxxxxxxQ", 9, count) + bytes(16), NDR64)
    assert fault.status == 1783  # RPC_X_BAD_STUB_DATA


@on_a_loop
async def test_rule_8_29_a_client_bound_to_ndr64_calls_with_pipes_in_ndr_by_alter_context() -> None:
    server = StrangeServer(NDR64, pack("<i", 0))
    async with channel_to(server, transfers=(NDR64, NDR20)) as channel:
        client = MODULE.OctetsClient(channel)
        assert await client.Plain(1) == 0
        assert (server.altered, server.granted[server.requests[-1].context_id]) == ([], NDR64)
        assert await client.Put(1, [b"abc"]) == 0
        assert [each.transfers for bind in server.altered for each in bind.contexts] == [(NDR20,)]
        assert server.granted[server.requests[-1].context_id] == NDR20
        assert server.requests[-1].stub.endswith(pack("<I3sxI", 3, b"abc", 0))
        assert await client.Plain(1) == 0
        assert server.granted[server.requests[-1].context_id] == NDR64


def test_rule_8_29_nor_does_a_client_of_threads_use_ndr64_for_pipes() -> None:
    server = StrangeServer(NDR64, pack("<i", 0))
    with listening(lambda: server) as binding, blocking.connect(binding, transfers=(NDR64, NDR20)) as channel:
        client = MODULE.OctetsBlockingClient(channel)
        assert client.Plain(1) == 0
        assert client.Put(1, [b"abc"]).complete() == 0
    assert [server.granted[request.context_id] for request in server.requests if request.flags & LAST] == [NDR64, NDR20]


@pytest.mark.parametrize(("ndr64_pipes", "transfer"), [(False, NDR20), (True, NDR64)])
@on_a_loop
async def test_rule_8_29_a_server_takes_pipes_in_either_and_a_client_may_be_told_otherwise(
    ndr64_pipes: bool, transfer: SyntaxId
) -> None:
    service = Octets()
    async with rpc.Server([service], transfers=(NDR64, NDR20)) as server:
        binding = await server.listen("ncacn_ip_tcp:127.0.0.1[0]")
        async with rpc.connect(binding, transfers=(NDR64, NDR20), ndr64_pipes=ndr64_pipes) as channel:
            client = MODULE.OctetsClient(channel)
            assert await client.Put(1, [b"abc"]) == 3
            assert await client.Plain(1) == 1
    assert service.transfers == [transfer, NDR64]


# ---------------------------------------------------------------------------- where fragments end


@on_a_loop
async def test_rule_8_30_an_element_that_two_fragments_share_comes_whole_with_the_second() -> None:
    service = Octets()
    octets = chunk((1, 2), (3, 4), (5, 6)) + bytes(2) + bytes(4)
    async with stranger_at(service, "Cells", None) as client:
        client.send(octets[:16], FIRST)  # the count, an element, and half of the second
        assert await service.pulls.get() == [(1, 2)]
        client.send(octets[16:], LAST)
        assert await service.pulls.get() == [(3, 4), (5, 6)]
        assert await service.pulls.get() == []
        assert (await client.answered)[-4:] == pack("<i", 3)


@pytest.mark.parametrize("at", range(1, 36))
@on_a_loop
async def test_rule_8_30_fragments_end_anywhere(at: int) -> None:
    service = Octets()
    octets = chunk((1, 2), (3, 4)) + bytes(2) + chunk((5, 6)) + bytes(2) + bytes(4)
    async with stranger_at(service, "Cells", None) as client:
        client.send(octets[:at], FIRST)
        client.send(octets[at:], LAST)
        answer = await client.answered
    assert answer == chunk((1, 2), (3, 4)) + bytes(2) + chunk((1, 2)) + bytes(2) + pack("<Ii", 0, 3)


@on_a_loop
async def test_rule_8_31_chunks_of_one_fragment_come_as_one_block_and_one_chunk_of_two_as_two() -> None:
    service = Octets()
    cells = [(n, -n) for n in range(15)]
    octets = b"".join(chunk(*cells[n * (n - 1) // 2 : n * (n + 1) // 2]) + bytes(2) for n in range(5, 0, -1))
    async with stranger_at(service, "Cells", None) as client:
        client.send(octets, FIRST)
        assert len(await service.pulls.get()) == 15
        more = chunk(*cells)
        client.send(more[:84], 0)
        assert len(await service.pulls.get()) == 10
        client.send(more[84:] + bytes(2) + bytes(4), LAST)
        assert len(await service.pulls.get()) == 5
        assert await service.pulls.get() == []
        await client.answered


@on_a_loop
async def test_rule_8_31_a_client_s_blocks_are_not_those_of_the_server_either() -> None:
    answer = chunk((1, 2)) + bytes(2) + chunk((3, 4), (5, 6)) + bytes(2) + pack("<Ii", 0, 3)
    got: list[Any] = []
    await requested(lambda client: client.Cells(([], got.append)), answer=answer)
    assert [[(cell.l, cell.s) for cell in block] for block in got] == [[(1, 2), (3, 4), (5, 6)]]


@on_a_loop
async def test_rule_8_32_a_push_or_what_a_source_gave_is_one_chunk() -> None:
    expected = pack("<hxx", 9) + pack("<I3sx", 3, b"abc") + pack("<I1sxxx", 1, b"d") + pack("<I5sxxxI", 5, b"efghi", 0)
    server = await requested(lambda client: client.Put(9, [b"abc", b"d", b"efghi"]))
    assert server.stub == expected

    async def by_hand(client: Any) -> None:
        async with client.Put(9) as call:
            for block in (b"abc", b"d", b"efghi", b""):
                await call.data.push(block)
            await call.complete()

    assert (await requested(by_hand)).stub == expected


@on_a_loop
async def test_rule_8_32_a_server_s_push_is_one_chunk() -> None:
    octets = chunk((1, 2), (3, 4), (5, 6)) + bytes(2) + bytes(4)
    expected = chunk((1, 2), (3, 4)) + bytes(2) + chunk((1, 2)) + bytes(2) + pack("<Ii", 0, 3)
    assert await asked("Cells", octets) == expected


@pytest.mark.parametrize("alloc_hint", [0, 1, 4, 0x7FFFFFFF])
@on_a_loop
async def test_rule_8_33_the_hint_of_a_call_with_pipes_is_not_believed(alloc_hint: int) -> None:
    blocks = pack("<hxx", 1) + pack("<I", 20000) + bytes(20000) + bytes(4)
    assert await asked("Put", blocks, cut=5000, alloc_hint=alloc_hint) == pack("<i", 20000)


@on_a_loop
async def test_rule_8_33_our_hint_is_more_than_the_fragment_holds_and_not_the_size_of_the_call() -> None:
    server = await requested(lambda client: client.Put(1, [bytes(20000)] * 5))
    assert len(server.requests) > 5
    for request in server.requests[:-1]:
        assert len(request.stub) % 8 == 0
        assert request.alloc_hint > len(request.stub)
    last = server.requests[-1]
    assert last.alloc_hint == len(last.stub)


@on_a_loop
async def test_rule_8_34_octets_of_padding_may_be_anything() -> None:
    garbage = pack("<I3sBIhHq", 3, b"abc", 0xFF, 0, 7, 0xFFFF, -2)
    got: list[bytes] = []
    await requested(lambda client: client.Get(got.append), answer=garbage)
    assert got == [b"abc"]


@on_a_loop
async def test_rule_8_34_octets_that_belong_to_nothing_are_refused() -> None:
    server = StrangeServer(NDR20, pack("<I3sxI", 3, b"abc", 0))
    async with channel_to(server) as channel:
        with pytest.raises(NdrError):
            await MODULE.OctetsClient(channel).Get([].append)
