"""Which call goes over which connection, in which order, and what happens when there are not enough of them."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Any

import pytest

from idlrt import rpc, testing
from idlrt.association import ContextsAltered, ServerConfig
from idlrt.errors import ConnectError, ConnectionLost, RpcError, RpcTimeout
from idlrt.rpc.accepted import ServerLink
from idlrt.rpc.link import Link
from idlrt.transport.memory import MemoryTransport, join
from tests.asynchronous.stage import MODULE, PLAIN, OneAtATime, Stage, Wings, staged
from tests.rpc.services import on_a_loop

StageClient: Any = MODULE.StageClient
WingsClient: Any = MODULE.WingsClient


# -- the wire


async def _spoken(client: Any, name: str, stage: Stage) -> bytes:
    """What a client sends for one call."""
    sent = bytearray()
    async with rpc.Server([stage]) as server:

        async def opener(factory: Callable[[], Link]) -> Link:
            link = factory()
            join(link, server.accept())
            transport = link._transport
            assert isinstance(transport, MemoryTransport)
            write = transport.write

            def record(data: bytes | bytearray | memoryview) -> None:
                sent.extend(data)
                write(data)

            transport.write = record  # type: ignore[method-assign]
            return link

        async with rpc.Channel(rpc.StringBinding("memory"), opener=opener) as channel:
            assert await getattr(client(channel), name)(7) == 7
    return bytes(sent)


@on_a_loop
async def test_rule_7_1_synchronous_and_asynchronous_clients_send_the_same_octets() -> None:
    spoken = [await _spoken(client, "Async", Stage()) for client in (StageClient, PLAIN.StageClient)]
    assert spoken[0] == spoken[1]
    assert len(spoken[0]) > 100


@on_a_loop
async def test_rule_7_1_an_asynchronous_client_uses_a_synchronous_server_and_the_reverse() -> None:
    class Sync(PLAIN.StageService):  # type: ignore[misc, name-defined]
        async def Async(self, call: rpc.Call, n: int) -> int:
            return n + 1

    Sync.__abstractmethods__ = frozenset()
    for service, client, answer in ((Sync(), StageClient, 6), (Stage(), PLAIN.StageClient, 5)):
        async with testing.channel(service) as channel:
            assert await client(channel).Async(5) == answer


# -- who shares a connection with whom


@on_a_loop
async def test_rule_7_21_a_sync_call_shares_its_connection_with_no_other_call_and_async_calls_share_one() -> None:
    stage = Stage()
    rng = random.Random(1)
    async with staged(stage, connections=6) as channel:
        client, wings = StageClient(channel), WingsClient(channel)
        kinds: list[Callable[[int], Any]] = [
            client.Sync,
            client.Async,
            client.Async,
            wings.Enter,
            lambda n: client.Store(n, [bytes(100)] * 3),
            lambda n: client.Upload(n, [bytes(100)] * 3),
            lambda n: client.Download(n, bytearray().extend),
        ]

        async def caller(seed: int) -> None:
            for number in range(20):
                await rng.choice(kinds)(seed * 100 + number)

        await asyncio.gather(*(caller(seed) for seed in range(12)))
        assert stage.mixed == []
        assert stage.together > 1
        assert len(stage.arrived) == 240
        assert 1 < len(channel.pool.links) <= 6
        assert len(stage.groups) == 1


@on_a_loop
async def test_rule_7_21_a_call_with_a_pipe_has_its_connection_from_its_first_fragment_to_its_last() -> None:
    stage = Stage()
    async with staged(stage) as channel:
        client = StageClient(channel)
        async with client.Upload(1) as call:
            await call.source.push(bytes(10))
            await stage.until(lambda: len(stage.running) == 1)
            (alone,) = stage.connections
            assert await client.Async(2) == 2
            assert await client.Sync(3) == 3
            assert stage.connections[alone] == 1
            await call.source.push(b"")
            assert await call.complete() == 10
        assert sum(await asyncio.gather(client.Sync(4), client.Sync(5), client.Sync(6))) == 15
        assert stage.connections[alone] == 2  # it is used again


@on_a_loop
async def test_many_async_calls_are_outstanding_on_one_connection_and_answered_in_any_order() -> None:
    stage = Stage()
    stage.patient = True
    async with staged(stage) as channel:
        client = StageClient(channel)
        calls = {number: client.Async(number) for number in range(100)}
        await stage.until(lambda: len(stage.running) == 100)
        assert stage.together == 100
        assert len(channel.pool.links) == 1
        numbers = list(calls)
        random.Random(2).shuffle(numbers)
        for number in numbers:
            stage.gate(number).set()
            assert await calls[number] == number
            assert sum(call.done for call in calls.values()) == len(stage.arrived) - len(stage.running)


@on_a_loop
async def test_more_async_calls_than_a_connection_may_carry_go_over_another() -> None:
    stage = Stage()
    stage.patient = True
    async with staged(stage) as channel:
        calls = [StageClient(channel).Async(number) for number in range(300)]
        await stage.until(lambda: len(stage.running) == 300)
        assert sorted(stage.connections.values()) == [44, 256]
        assert stage.arrived == list(range(300))
        for number in range(300):
            stage.gate(number).set()
        assert [await call for call in calls] == list(range(300))


@on_a_loop
async def test_without_multiplexing_async_calls_go_over_further_connections_of_the_group() -> None:
    stage = Stage()
    stage.patient = True
    async with staged(stage, OneAtATime, connections=5) as channel:
        client = StageClient(channel)
        calls = [client.Async(number) for number in range(8)]
        await stage.until(lambda: len(stage.running) == 5)
        assert stage.arrived == [0, 1, 2, 3, 4]
        assert list(stage.connections.values()) == [1] * 5
        for number in (3, 0, 1, 2, 4, 5, 6, 7):
            stage.gate(number).set()
            await calls[number]
        assert stage.arrived == list(range(8))
        assert len(stage.groups) == 1
        assert stage.mixed == []


# -- the order of [async] calls


@on_a_loop
async def test_rule_7_20_async_calls_are_dispatched_in_order_whatever_their_connections() -> None:
    for seed in range(6):
        stage, rng = Stage(), random.Random(seed)
        async with staged(stage, connections=4) as channel:
            client, wings = StageClient(channel), WingsClient(channel)
            kinds: list[tuple[Callable[..., Any], tuple[Any, ...]]] = [
                (client.Async, ()),
                (wings.Enter, ()),
                (client.Upload, ([b"abc"],)),
                (client.Download, (bytearray().extend,)),
            ]
            calls = []
            for number in range(40):
                begin, pipes = rng.choice(kinds)
                calls.append(begin(number, *pipes))
            for call in calls:
                await call
            assert stage.arrived == list(range(40))


@on_a_loop
async def test_rule_7_20_async_calls_are_dispatched_in_order_when_each_needs_a_further_connection() -> None:
    stage = Stage()
    async with staged(stage, OneAtATime, connections=4) as channel:
        calls = [StageClient(channel).Async(number) for number in range(40)]
        for call in calls:
            await call
        assert stage.arrived == list(range(40))


class Doors:
    """Connects in memory, when the test opens the door."""

    def __init__(self, server: rpc.Server) -> None:
        self.server = server
        self.open = asyncio.Event()
        self.knocks = 0

    async def __call__(self, factory: Callable[[], Link]) -> Link:
        self.knocks += 1
        await self.open.wait()
        link = factory()
        join(link, self.server.accept(), f"door {self.knocks}")
        return link


@pytest.mark.parametrize("causal", [True, False])
@on_a_loop
async def test_rule_7_20_the_order_can_be_switched_off(causal: bool) -> None:
    stage = Stage()
    async with rpc.Server([stage, Wings(stage)]) as server:
        doors = Doors(server)
        async with rpc.Channel(rpc.StringBinding("memory"), opener=doors, causal=causal) as channel:
            client = StageClient(channel)
            doors.open.set()
            await client.Async(0)
            doors.open.clear()
            stage.patient = True
            busy = asyncio.create_task(client.Sync(1))  # has the only connection
            await stage.until(lambda: 1 in stage.arrived)
            first = client.Async(2)  # needs another one, which takes long
            while doors.knocks < 2:
                await asyncio.sleep(0)
            stage.gate(1).set()
            await busy  # and leaves it to whoever need not wait
            second = client.Async(3)
            for number in (2, 3, 4):
                stage.gate(number).set()
            if causal:
                assert await client.Sync(4) == 4  # sync calls wait for no others
                assert stage.arrived.pop() == 4
                assert not second.done
            else:
                assert await second == 3
            doors.open.set()
            assert await first == 2
            assert await second == 3
            assert stage.arrived[2:] == ([2, 3] if causal else [3, 2])


# -- when connections are scarce


@on_a_loop
async def test_calls_that_wait_for_a_connection_get_it_in_turn() -> None:
    stage = Stage()
    stage.patient = True
    async with staged(stage, connections=1) as channel:
        client = StageClient(channel)
        calls = [asyncio.create_task(client.Sync(number)) for number in range(50)]
        await stage.until(lambda: stage.arrived == [0])
        for number in (7, 8, 30):
            calls[number].cancel()
        for number in range(50):
            stage.gate(number).set()
        await asyncio.wait(calls)
        assert stage.arrived == [number for number in range(50) if number not in (7, 8, 30)]
        assert len(channel.pool.links) == 1


@on_a_loop
async def test_a_sync_call_is_not_starved_by_async_calls_that_keep_coming() -> None:
    stage = Stage()
    async with staged(stage, connections=1) as channel:
        client = StageClient(channel)
        stop = asyncio.Event()

        async def keep_coming(first: int) -> None:
            number = first
            while not stop.is_set():
                await client.Async(number)
                number += 4

        tasks = [asyncio.create_task(keep_coming(first)) for first in range(4)]
        await stage.until(lambda: len(stage.arrived) > 20)
        assert await client.Sync(-1) == -1
        stop.set()
        await asyncio.gather(*tasks)
        assert stage.mixed == []


@on_a_loop
async def test_waiting_ends_with_an_error_when_no_connection_becomes_free() -> None:
    stage = Stage()
    async with staged(stage, connections=1) as channel:
        client = StageClient(channel)
        async with client.Upload(1) as call:
            await stage.until(lambda: len(stage.running) == 1)
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(channel.pool, "_connect_timeout", 0.1)
                for begin in (client.Sync, client.Async):
                    with pytest.raises(RpcTimeout, match="all 1 connections of the channel are busy"):
                        await begin(2)
            await call.source.push(b"")
            assert await call.complete() == 0
        assert await client.Sync(4) == 4


@on_a_loop
async def test_waiting_long_is_in_order_while_others_have_their_turn() -> None:
    stage = Stage()
    stage.patient = True
    async with staged(stage, connections=1, connect_timeout=0.2) as channel:
        client = StageClient(channel)
        calls = [asyncio.create_task(client.Sync(number)) for number in range(6)]
        for number in range(6):
            await stage.until(lambda number=number: number in stage.arrived)  # type: ignore[misc]
            await asyncio.sleep(0.1)
            stage.gate(number).set()
        assert await asyncio.gather(*calls) == list(range(6))


@on_a_loop
async def test_a_call_given_up_while_it_waits_or_opens_a_connection_leaves_nothing_behind() -> None:
    stage = Stage()
    async with rpc.Server([stage, Wings(stage)]) as server:
        doors = Doors(server)
        async with rpc.Channel(rpc.StringBinding("memory"), opener=doors, connections=2) as channel:
            client = StageClient(channel)
            tasks = [asyncio.create_task(client.Sync(number)) for number in range(10)]
            calls = [client.Async(number) for number in range(10)]
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            for task in tasks:
                task.cancel()
            for call in calls:
                call.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await asyncio.gather(*calls, return_exceptions=True)
            doors.open.set()
            assert await client.Sync(1) == 1
            assert await client.Async(2) == 2
            assert stage.arrived == [1, 2]
            assert (channel.pool._opening, channel.pool._pending, channel.pool._preparing) == (0, {}, None)
            assert len(channel.pool.links) == len(channel.pool.idle) == 1


@on_a_loop
async def test_a_connection_that_the_server_closed_while_it_was_idle_is_not_used() -> None:
    stage = Stage()
    async with rpc.Server([stage, Wings(stage)]) as server, testing.connected(server) as channel:
        client = StageClient(channel)
        for number in range(5):
            assert await client.Sync(number) == number
            for link in tuple(server.links):
                link.close()
            while server.links or channel.pool.links:
                await asyncio.sleep(0)
        assert len(stage.arrived) == 5


@on_a_loop
async def test_an_idle_connection_is_closed_when_the_server_asks_to_leave() -> None:
    stage = Stage()
    async with rpc.Server([stage, Wings(stage)]) as server, testing.connected(server) as channel:
        client = StageClient(channel)
        stage.patient = True
        busy = asyncio.create_task(client.Sync(1))
        await stage.until(lambda: 1 in stage.arrived)
        stage.patient = False
        await client.Async(2)
        assert len(server.links) == 2
        for link in server.links:
            link.shutdown()
        while len(server.links) > 1:
            await asyncio.sleep(0)
        assert await client.Async(3) == 3  # over a new one
        stage.gate(1).set()
        assert await busy == 1
        while len(server.links) > 1:
            await asyncio.sleep(0)


@on_a_loop
async def test_closing_the_channel_fails_the_calls_that_wait() -> None:
    stage = Stage()
    stage.patient = True
    async with staged(stage, connections=1) as channel:
        client = StageClient(channel)
        calls = [asyncio.create_task(client.Sync(number)) for number in range(3)]
        await stage.until(lambda: stage.arrived == [0])
        await channel.close()
        for call in calls:
            with pytest.raises(ConnectionLost):
                await call


class NoAltering(rpc.Server):
    """A server that ends a connection on which contexts are altered, as Wine's does."""

    def accept(self, endpoint: str = "") -> ServerLink:
        link = super().accept(endpoint)
        other = link._other

        def refuse(event: Any) -> None:
            if isinstance(event, ContextsAltered):
                link.abort()
            else:
                other(event)

        link._other = refuse  # type: ignore[method-assign]
        return link


@pytest.mark.parametrize("connections", [1, 2, 8])
@on_a_loop
async def test_where_contexts_cannot_be_altered_each_interface_has_connections_of_its_own(connections: int) -> None:
    stage = Stage()
    async with (
        NoAltering([stage, Wings(stage)]) as server,
        testing.connected(server, connections=connections) as channel,
    ):
        client, wings = StageClient(channel), WingsClient(channel)
        for number in range(4):
            assert await client.Sync(number) == number
            assert await wings.Enter(number) == number
            assert await client.Async(number) == number
            assert await client.Upload(number, [b"abc"]) == 3
        assert len(channel.pool.links) <= connections
    assert len(stage.arrived) == 16


class Leaving(rpc.Server):
    """A server whose first association group ends just when another connection is about to join it."""

    def config(self, join: Callable[[int], int | None], endpoint: str) -> ServerConfig:
        def end(group_id: int) -> int | None:
            if group_id != 1:
                return join(group_id)
            for link in tuple(self.links):
                if link._joined is not None:
                    link.abort()
            return None

        return super().config(end, endpoint)


@on_a_loop
async def test_a_connection_for_a_group_that_has_ended_meanwhile_makes_another_group() -> None:
    stage = Stage()
    async with Leaving([stage]) as server, testing.connected(server) as channel:
        client = StageClient(channel)
        stage.patient = True
        first = asyncio.create_task(client.Sync(1))
        await stage.until(lambda: stage.arrived == [1])
        stage.gate(2).set()
        assert await client.Sync(2) == 2
        with pytest.raises(ConnectionLost):
            await first
        assert stage.groups == {1, 2}


# -- whatever happens


class Unsteady:
    """Connects in memory, now and then not at all, and ends connections when it likes."""

    def __init__(self, server: rpc.Server, rng: random.Random) -> None:
        self.server = server
        self.rng = rng

    async def __call__(self, factory: Callable[[], Link]) -> Link:
        for _ in range(self.rng.randrange(3)):
            await asyncio.sleep(0)
        if self.rng.random() < 0.1:
            raise ConnectError("nobody answers")
        link = factory()
        join(link, self.server.accept(), str(self.rng.random()))
        return link

    def end_one(self) -> None:
        links = tuple(self.server.links)
        if links:
            self.rng.choice(links).close()


@pytest.mark.parametrize("kind", [rpc.Server, OneAtATime])
@pytest.mark.parametrize("seed", range(26))
@on_a_loop
async def test_nothing_is_lost_of_the_connections_whatever_calls_and_servers_do(
    kind: type[rpc.Server], seed: int
) -> None:
    stage, rng = Stage(), random.Random(seed)
    async with kind([stage, Wings(stage)]) as server:
        unsteady = Unsteady(server, rng)
        channel = rpc.Channel(
            rpc.StringBinding("memory"),
            opener=unsteady,
            connections=rng.randrange(1, 5),
            causal=rng.random() < 0.7,
            cancel_grace=0.001,
            connect_timeout=5,
        )
        client, wings = StageClient(channel), WingsClient(channel)
        kinds: list[Callable[[int], Any]] = [
            client.Sync,
            client.Async,
            client.Async,
            wings.Enter,
            lambda n: client.Store(n, [b"abc"] * 5),
            lambda n: client.Upload(n, [b"abc"] * 5),
        ]

        async def caller(number: int) -> None:
            for step in range(8):
                try:
                    call = asyncio.create_task(_made(rng.choice(kinds), number * 100 + step))
                    for _ in range(rng.randrange(8)):
                        await asyncio.sleep(0)
                    if rng.random() < 0.3:
                        call.cancel()
                    elif rng.random() < 0.05:
                        unsteady.end_one()
                    await call
                except (RpcError, asyncio.CancelledError):
                    pass

        await asyncio.gather(*(caller(number) for number in range(15)))
        assert stage.mixed == []
        for number in range(3):  # and the channel is as good as new
            while True:
                try:
                    assert sum(await asyncio.gather(client.Sync(number), _made(client.Async, number))) == 2 * number
                    break
                except RpcError:
                    pass
        pool = channel.pool
        await asyncio.sleep(0.01)
        assert sorted(map(id, pool.idle)) == sorted(map(id, pool.links))
        assert {(link.claims, link.alone, link.lost) for link in pool.links} <= {(0, False, None)}
        assert (pool._opening, pool._pending, pool._trail, pool._preparing) == (0, {}, {}, None)
        assert not pool._alone
        assert not pool._sharing
        assert not pool._sharers
        await channel.close()
    assert not server.running


async def _made(begin: Callable[[int], Any], number: int) -> Any:
    return await begin(number)


@on_a_loop
async def test_a_call_that_its_task_forgot_is_not_kept_by_the_order_of_calls() -> None:
    stage = Stage()
    stage.patient = True
    async with staged(stage) as channel:

        async def forget() -> None:
            call = StageClient(channel).Upload(1)
            await call.source.push(b"begun")
            raise ZeroDivisionError  # whose traceback knows the call

        with pytest.raises(ZeroDivisionError):
            await asyncio.create_task(forget())
        await stage.until(lambda: bool(stage.calls))
        await stage.calls[0].until_cancelled()
