"""Context handles: where they are valid, and that each is run down exactly once."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from idlrt import rpc, testing
from idlrt.errors import RpcFault
from tests.compiled import compile_cached
from tests.rpc.services import Lab, ThreadedLab, on_a_loop, until
from tests.rpc.specimen.lab import LAB, LABCTX, LabClient


def mismatch(caught: pytest.ExceptionInfo[RpcFault]) -> bool:
    return caught.value.name == "nca_s_fault_context_mismatch" and not caught.value.executed


@on_a_loop
async def test_a_handle_remembers_what_the_service_put_there() -> None:
    async with testing.channel(Lab()) as channel:
        client = LabClient(channel)
        one, other = await client.Open(5), await client.Open(6)
        assert one is not None
        assert one != other
        assert one.state is None  # which never travels
        assert (await client.Use(one), await client.Use(other)) == (5, 6)
        assert await client.Open(0) is None


@on_a_loop
async def test_a_closed_handle_is_unknown_and_is_not_run_down() -> None:
    service = Lab()
    async with testing.channel(service) as channel:
        client = LabClient(channel)
        handle = await client.Open(5)
        assert await client.Close(handle) is None
        with pytest.raises(RpcFault) as caught:
            await client.Use(handle)
        assert mismatch(caught)
        assert await client.Close(None) is None  # an [in, out] handle may be null
    assert service.rundowns == []


@on_a_loop
async def test_a_handle_of_another_type_or_none_at_all_is_a_mismatch() -> None:
    async with testing.channel(Lab()) as channel:
        client = LabClient(channel)
        for handle in (await client.OpenOther(), LABCTX(0, uuid4()), None):
            with pytest.raises(RpcFault) as caught:
                await client.Use(handle)
            assert mismatch(caught)


@on_a_loop
async def test_a_handle_is_valid_on_all_connections_of_its_group() -> None:
    service = Lab()
    async with testing.channel(service) as channel:
        client = LabClient(channel)
        handle = await client.Open(5)
        first = channel.pool.links[0]
        channel.pool.take(LAB, LAB.by_opnum[0])  # as if a call had it
        assert await client.Use(handle) == 5
        assert len(channel.pool.links) == 2
        first.close()
        await first.wait_closed()
        assert await client.Use(handle) == 5
        assert service.rundowns == []


@on_a_loop
async def test_a_handle_of_another_group_is_a_mismatch() -> None:
    async with rpc.Server([Lab()]) as server, testing.connected(server) as one, testing.connected(server) as other:
        handle = await LabClient(one).Open(5)
        with pytest.raises(RpcFault) as caught:
            await LabClient(other).Use(handle)
        assert mismatch(caught)


@pytest.mark.parametrize("make", [Lab, ThreadedLab])
@on_a_loop
async def test_every_handle_is_run_down_once_when_its_client_goes(make: type[Lab]) -> None:
    service = make()
    async with rpc.Server([service]) as server:
        async with testing.connected(server) as channel:
            client = LabClient(channel)
            for name in (1, 2, 3):
                await client.Open(name)
            await client.OpenOther()
        expected = [1, 2, 3, "other"] if make is Lab else [1, 2, 3]
        await until(lambda: len(service.rundowns) == len(expected))
    assert service.rundowns == expected


@on_a_loop
async def test_rundown_waits_for_a_call_in_progress() -> None:
    service = Lab()
    async with rpc.Server([service]) as server:
        async with testing.connected(server) as channel:
            client = LabClient(channel)
            await client.Open(1)
            call = client.Upload(3)
            await call.source.push(b"")
            await until(lambda: server.calls)
        await until(lambda: not server.links)
        assert service.rundowns == []
        service.gate.set()
        await until(lambda: service.rundowns)
        assert service.rundowns == [1]


@on_a_loop
async def test_a_handle_made_for_a_client_that_has_gone_is_run_down_too() -> None:
    service = Lab()
    async with rpc.Server([service]) as server:
        async with testing.connected(server, cancel_grace=0) as channel:
            task = asyncio.create_task(LabClient(channel).Open(77))
            await until(lambda: server.calls)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        await until(lambda: not server.links)
        assert service.rundowns == []
        service.gate.set()
        await until(lambda: service.rundowns)
        assert service.rundowns == [77]


@on_a_loop
async def test_calls_that_use_one_handle_take_turns() -> None:
    async with testing.channel(Lab()) as channel:
        client = LabClient(channel)
        handle = await client.Open(99)
        assert await asyncio.gather(*(client.Use(handle) for _ in range(4))) == [99] * 4


FREE = compile_cached(
    """
    [uuid(7c0f0a51-93b5-4f0a-8d47-6f0d5d0c1e0a), version(1.0)]
    interface Free
    {
        typedef [context_handle, context_handle_noserialize] void *SESSION;
        typedef pipe byte OCTETS;
        void Open([out] SESSION *session);
        long Store([in] SESSION session, [in] OCTETS *data);
        long Look([in] SESSION session);
    }
    """,
    "free",
).module


class _Free(FREE.FreeService):  # type: ignore[misc, name-defined]
    async def Open(self, call: rpc.Call) -> Any:
        return FREE.SESSION()

    async def Store(self, call: rpc.Call, session: Any, data: Any) -> int:
        session.state = 0
        async for block in data:
            session.state += len(block)
        return int(session.state)

    async def Look(self, call: rpc.Call, session: Any) -> int:
        return int(session.state)


@on_a_loop
async def test_calls_that_use_a_handle_which_is_not_serialized_do_not() -> None:
    async with testing.channel(_Free()) as channel:
        client = FREE.FreeClient(channel)
        session = await client.Open()
        async with client.Store(session) as call:
            await call.data.push(bytes(1000))
            while await client.Look(session) != 1000:
                pass
            await call.data.push(b"")
            assert await call.complete() == 1000


@on_a_loop
async def test_a_rundown_that_fails_does_not_stop_the_others() -> None:
    class Broken(Lab):
        async def LABCTX_rundown(self, handle: LABCTX) -> None:
            self.rundowns.append(handle.state)
            raise ValueError

    service = Broken()
    async with testing.channel(service) as channel:
        await LabClient(channel).Open(1)
        await LabClient(channel).Open(2)
    assert service.rundowns == [1, 2]


@on_a_loop
async def test_connections_that_outlast_their_group_while_they_are_opened_make_one_new_group() -> None:
    async with (
        rpc.Server([Lab()]) as server,
        rpc.connect(await server.listen("ncacn_ip_tcp:127.0.0.1[0]")) as channel,
    ):
        client, pool = LabClient(channel), channel.pool
        opened, both, go_on = pool._open, asyncio.Semaphore(0), asyncio.Event()

        async def open_late(interface: Any) -> Any:
            both.release()
            await go_on.wait()
            return await opened(interface)

        pool._open = open_late  # type: ignore[method-assign]
        await client.Add(1, 1)
        async with client.Upload(0) as call:
            await call.source.push(bytes(8))
            others = [asyncio.create_task(client.Add(n, n)) for n in (1, 2)]
            for _ in others:
                await both.acquire()
            for link in tuple(server.links):
                link.abort()
            while pool.links:
                await asyncio.sleep(0)
            go_on.set()
            assert await asyncio.gather(*others) == [2, 4]
        assert len({link.bound.group_id for link in pool.links if link.bound is not None}) == 1
