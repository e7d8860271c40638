"""Which transfer syntax is spoken, whose choice that is, and what a server's limits answer."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from idlrt import blocking, rpc, testing
from idlrt.association import Limits
from idlrt.association.client import ClientConnection
from idlrt.errors import BindRefused, LocalProtocolError, NdrError, RpcFault
from idlrt.ids import NDR20, NDR64, Features, SyntaxId
from idlrt.rpc.channel import Channel
from tests.compiled import compile_cached
from tests.rpc.services import on_a_loop

M = compile_cached(
    """
    [uuid(5a1f6c0e-0d6b-4b0c-8f0e-6a7a5a0f2b51), version(1.0), pointer_default(unique)]
    interface Wide
    {
        hyper Sum([in] unsigned long n, [in, size_is(n)] hyper numbers[]);
        void Count([in] unsigned long n, [out, size_is(n)] long numbers[]);
        [string] wchar_t *Say([in, string] wchar_t *text);
    }
    [uuid(5a1f6c0e-0d6b-4b0c-8f0e-6a7a5a0f2b52), version(1.0)]
    interface Other { long Next([in] long n); }
    """,
    "wide",
).module


class Wide(M.WideService):  # type: ignore[misc, name-defined]
    def __init__(self) -> None:
        self.spoken: list[SyntaxId] = []

    async def Sum(self, call: rpc.Call, n: int, numbers: Any) -> int:
        self.spoken.append(call.transfer)
        return sum(numbers)

    async def Count(self, call: rpc.Call, n: int) -> list[int]:
        return list(range(n))

    async def Say(self, call: rpc.Call, text: str) -> str:
        return text


class Other(M.OtherService):  # type: ignore[misc, name-defined]
    async def Next(self, call: rpc.Call, n: int) -> int:
        return n + 1


def connections(channel: Channel) -> list[ClientConnection]:
    return [link.association for link in channel.pool.links]


CHOICES = {
    "nobody asks for anything": ((NDR20, NDR64), (NDR20, NDR64), NDR20),
    "the client has NDR64 alone": ((NDR64,), (NDR20, NDR64), NDR64),
    "the server prefers NDR64": ((NDR20, NDR64), (NDR64, NDR20), NDR64),
    "the server prefers NDR64 and the client has NDR 2.0 alone": ((NDR20,), (NDR64, NDR20), NDR20),
    "the server refuses NDR64": ((NDR64, NDR20), (NDR20,), NDR20),
    "the server refuses NDR 2.0": ((NDR20, NDR64), (NDR64,), NDR64),
}


@pytest.mark.parametrize("case", CHOICES)
@on_a_loop
async def test_both_sides_choose_and_one_connection_is_enough(case: str) -> None:
    ours, theirs, spoken = CHOICES[case]
    service = Wide()
    async with (
        rpc.Server([service, Other()], transfers=theirs) as server,
        testing.connected(server, transfers=ours) as channel,
    ):
        assert await M.WideClient(channel).Sum([2**40, 1]) == 2**40 + 1
        assert await M.OtherClient(channel).Next(1) == 2
        assert service.spoken == [spoken]
        (association,) = connections(channel)
        assert [context.transfer for context in association.contexts] == [spoken] * 2


@pytest.mark.parametrize("case", CHOICES)
def test_a_blocking_client_chooses_likewise(case: str) -> None:
    ours, theirs, spoken = CHOICES[case]
    service = Wide()
    with testing.served(service, transfers=theirs) as server:
        listening = asyncio.run_coroutine_threadsafe(server.listen("ncacn_ip_tcp:127.0.0.1[0]"), server.loop)
        with blocking.connect(listening.result(), transfers=ours) as channel:
            assert M.WideBlockingClient(channel).Sum([2**40, 1]) == 2**40 + 1
    assert service.spoken == [spoken]


@on_a_loop
async def test_a_server_that_speaks_none_of_ours_refuses_the_bind() -> None:
    async with (
        rpc.Server([Wide()], transfers=(NDR20,)) as server,
        testing.connected(server, transfers=(NDR64,)) as channel,
    ):
        with pytest.raises(BindRefused, match=r"it may speak NDR 2\.0 only") as caught:
            await M.WideClient(channel).Sum([])
        assert (caught.value.reason, caught.value.status) == (2, 1730)


@on_a_loop
async def test_features_are_negotiated_in_the_same_bind() -> None:
    async with testing.channel(Wide(), transfers=(NDR64, NDR20)) as channel:
        await M.WideClient(channel).Sum([])
        (link,) = channel.pool.links
        assert link.bound is not None
        assert link.bound.features == Features.KEEP_CONNECTION_ON_ORPHAN


@pytest.mark.parametrize("wrong", [(), (NDR20, NDR20), (M.WIDE.syntax,)])
@on_a_loop
async def test_a_choice_that_makes_no_sense_is_refused_at_once(wrong: tuple[SyntaxId, ...]) -> None:
    with pytest.raises(ValueError, match="NDR64 or both"):
        rpc.Server([Wide()], transfers=wrong)
    async with rpc.Server([Wide()]) as server:
        with pytest.raises(ValueError, match="NDR64 or both"):
            testing.connected(server, transfers=wrong)


@on_a_loop
async def test_an_interface_without_codecs_for_the_choice_says_so() -> None:
    syntax = "5a1f6c0e-0d6b-4b0c-8f0e-6a7a5a0f2b53"
    narrow = rpc.Interface("Narrow", syntax, module=M.__name__, codec="_wide_Wide_codec")
    async with testing.channel(Wide(), transfers=(NDR64,)) as channel:
        with pytest.raises(LocalProtocolError, match="Narrow was compiled without NDR64"):
            await channel.pool.acquire(narrow, rpc.Operation("Sum", 0))
        assert connections(channel) == []


# ---------------------------------------------------------------------------- limits of both sides


@pytest.mark.parametrize("transfers", [(NDR20,), (NDR64,)])
@on_a_loop
async def test_a_server_answers_what_is_beyond_its_limits_with_bad_stub_data(transfers: tuple[SyntaxId, ...]) -> None:
    limits = Limits(max_elements=3, max_units=6)
    async with (
        rpc.Server([Wide()], limits=limits) as server,
        testing.connected(server, transfers=transfers) as channel,
    ):
        client = M.WideClient(channel)
        assert await client.Sum([1, 2, 3]) == 6
        assert await client.Say("short") == "short"
        for call in (client.Sum([1, 2, 3, 4]), client.Say("longer")):
            with pytest.raises(RpcFault) as caught:
                await call
            assert caught.value.status == 0x6F7
        assert len(await client.Count(4)) == 4


@pytest.mark.parametrize("transfers", [(NDR20,), (NDR64,)])
@on_a_loop
async def test_a_channel_refuses_what_is_beyond_its_limits(transfers: tuple[SyntaxId, ...]) -> None:
    async with testing.channel(Wide(), limits=Limits(max_elements=3), transfers=transfers) as channel:
        client = M.WideClient(channel)
        assert await client.Count(3) == [0, 1, 2]
        with pytest.raises(NdrError, match="has 4 elements, at most 3 are allowed"):
            await client.Count(4)
        assert await client.Sum([1, 2, 3, 4]) == 10
