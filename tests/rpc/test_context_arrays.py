"""Arrays of context handles, and structures that hold them: each handle is the server's, and is closed by itself."""

from __future__ import annotations

from typing import Any

import pytest

from idlrt import testing
from idlrt.errors import RpcFault
from tests.compiled import compile_cached
from tests.rpc.services import on_a_loop

CHANNELS = compile_cached(
    """
    [uuid(11111111-0004-4000-8000-0000000000f1), pointer_default(unique)]
    interface Channels
    {
        typedef [context_handle] void *CHANNEL;
        long Open([in] long many, [out] long *n, [out, size_is(, *n)] CHANNEL **all);
        long Sum([in] long n, [in, size_is(n)] CHANNEL *some);
        void Swap([in, out] CHANNEL pair[2]);
        void CloseFirst([in, out] CHANNEL pair[2]);
        typedef struct LINK { long n; CHANNEL channel; struct LINK *next; } LINK;
        void OpenChain([in] long many, [out] LINK **first);
        long SumChain([in] LINK *first);
        void CloseChain([in, out] LINK *first);
    }
    """,
    "channels",
).module


class Service(CHANNELS.ChannelsService):  # type: ignore[name-defined, misc]
    def __init__(self) -> None:
        self.rundowns: list[int] = []

    async def Open(self, call: object, many: int) -> Any:
        handles = [CHANNELS.CHANNEL() for _ in range(many)]
        for at, handle in enumerate(handles):
            handle.state = at
        return CHANNELS.OpenResult(many, handles, 0)

    async def Sum(self, call: object, n: int, some: list[Any]) -> int:
        return sum(handle.state for handle in some)

    async def Swap(self, call: object, pair: list[Any]) -> list[Any]:
        return pair[::-1]

    async def CloseFirst(self, call: object, pair: list[Any]) -> list[Any]:
        return [None, pair[1]]

    async def OpenChain(self, call: object, many: int) -> Any:
        chain = None
        for at in range(many):
            handle = CHANNELS.CHANNEL()
            handle.state = at
            chain = CHANNELS.LINK(at, handle, chain)
        return chain

    async def SumChain(self, call: object, first: Any) -> int:
        total = 0
        while first is not None:
            total, first = total + first.channel.state, first.next
        return total

    async def CloseChain(self, call: object, first: Any) -> Any:
        first.channel = first.next.channel = None
        return first

    async def CHANNEL_rundown(self, handle: Any) -> None:
        self.rundowns.append(handle.state)


@on_a_loop
async def test_handles_of_an_array_are_those_that_the_service_made() -> None:
    async with testing.channel(Service()) as channel:
        client = CHANNELS.ChannelsClient(channel)
        result = await client.Open(4)
        assert await client.Sum(result.all) == 6
        assert await client.Swap(result.all[1:3]) == result.all[2:0:-1]
        assert await client.Sum(result.all) == 6


@on_a_loop
async def test_one_of_an_array_is_closed_and_the_rest_run_down() -> None:
    service = Service()
    async with testing.channel(service) as channel:
        client = CHANNELS.ChannelsClient(channel)
        result = await client.Open(3)
        assert await client.CloseFirst(result.all[:2]) == [None, result.all[1]]
        with pytest.raises(RpcFault):
            await client.Sum(result.all)
        assert await client.Sum(result.all[1:]) == 3
    assert sorted(service.rundowns) == [1, 2]


@on_a_loop
async def test_a_null_handle_in_an_array_that_only_goes_in_is_a_mismatch() -> None:
    async with testing.channel(Service()) as channel:
        with pytest.raises(RpcFault) as caught:
            await CHANNELS.ChannelsClient(channel).Sum([None])
        assert caught.value.name == "nca_s_fault_context_mismatch"


@on_a_loop
async def test_handles_in_structures_are_those_that_the_service_made() -> None:
    service = Service()
    async with testing.channel(service) as channel:
        client = CHANNELS.ChannelsClient(channel)
        chain = await client.OpenChain(4)
        assert await client.SumChain(chain) == 6
        closed = await client.CloseChain(chain)
        assert (closed.channel, closed.next.channel, closed.next.next.channel) == (None, None, chain.next.next.channel)
        with pytest.raises(RpcFault):
            await client.SumChain(chain)
        assert await client.SumChain(chain.next.next) == 1
    assert sorted(service.rundowns) == [0, 1]
