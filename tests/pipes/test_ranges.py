"""[range] of pipes and of their elements in whole calls: kept by who sends, checked by who receives."""

from __future__ import annotations

import io
from typing import Any

import pytest

from idlrt import pipes, rpc, testing
from idlrt.errors import RPC_X_BAD_STUB_DATA, NdrError, RpcFault
from tests.compiled import compile_cached
from tests.rpc.services import on_a_loop

IDL = """
    [uuid(5fbc1a40-7f4c-4c33-9c7e-0b0c2f6a7e12), version(1.0)]
    interface Ranged
    {{
        typedef pipe byte OCTETS;
        typedef {limits} long PERCENT;
        typedef pipe PERCENT PERCENTS;
        long Store([in{chunks}] OCTETS *content);
        long Shares([in] PERCENTS *shares);
    }}
"""
RANGED: Any = compile_cached(IDL.format(chunks=", range(2, 4)", limits="[range(0, 100)]"), "ranged").module
FREE: Any = compile_cached(IDL.format(chunks="", limits=""), "ranged").module
"""The same interface of somebody who does not care."""


class Ranged(RANGED.RangedService):  # type: ignore[misc]
    def __init__(self) -> None:
        self.pulled: list[Any] = []
        self.errors: list[Exception] = []

    async def Store(self, call: rpc.Call, content: pipes.PipeReader[bytes]) -> int:
        return len(b"".join([block async for block in content]))

    async def Shares(self, call: rpc.Call, shares: pipes.PipeReader[list[int]]) -> int:
        return sum([share async for block in shares for share in block])


@on_a_loop
async def test_rule_8_10_sources_keep_to_the_range() -> None:
    asked: list[int] = []

    def pull(state: io.BytesIO, memory: bytearray, most: int) -> int:
        asked.append(most)
        block = state.read(most)
        memory[: len(block)] = block
        return len(block)

    async with testing.channel(Ranged()) as channel:
        client = RANGED.RangedClient(channel)
        assert await client.Store(io.BytesIO(bytes(10))) == 10
        procedures = pipes.Procedures(pull, None, lambda state, size: bytearray(size), io.BytesIO(bytes(10)))
        assert await client.Store(procedures) == 10
    assert asked == [4, 4, 4, 4]


@on_a_loop
async def test_rule_8_10_a_push_beyond_the_range_is_refused_and_the_call_goes_on() -> None:
    async with testing.channel(Ranged()) as channel, RANGED.RangedClient(channel).Store() as call:
        for block in (b"1", b"12345"):
            with pytest.raises(NdrError, match="content: a chunk holds at"):
                await call.content.push(block)
        await call.content.push(b"1234")
        await call.content.push(b"")
        assert await call.complete() == 4


@pytest.mark.parametrize("block", [b"1", b"12345"])
@on_a_loop
async def test_rule_8_10_a_chunk_beyond_the_range_is_bad_data_for_who_receives_it(block: bytes) -> None:
    async with testing.channel(Ranged()) as channel:
        client = FREE.RangedClient(channel)
        with pytest.raises(RpcFault) as caught:
            await client.Store([b"123", block])
        assert caught.value.status == RPC_X_BAD_STUB_DATA
        assert await client.Store([b"123", b"12"]) == 5


@on_a_loop
async def test_elements_with_a_range_of_their_own_are_checked_one_by_one() -> None:
    async with testing.channel(Ranged()) as channel:
        client = RANGED.RangedClient(channel)
        assert await client.Shares([[1, 2], [100]]) == 103
        with pytest.raises(NdrError, match=r"shares\[1\]: 101 is not between 0 and 100"):
            await client.Shares([[1, 101]])
        with pytest.raises(RpcFault) as caught:
            await FREE.RangedClient(channel).Shares([[1, 2, 101]])
        assert caught.value.status == RPC_X_BAD_STUB_DATA
