"""Which call of a thread goes over which connection, in which order, and what happens when there are not enough."""

from __future__ import annotations

import asyncio
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest

from idlrt import blocking, rpc, testing
from idlrt.association import ContextsAltered, Limits, ServerConfig
from idlrt.errors import CallCancelled, ConnectError, ConnectionLost, RpcTimeout
from idlrt.ids import NDR20, NDR64
from idlrt.rpc.accepted import ServerLink
from idlrt.transport.liveness import KeepAlive
from tests.asynchronous.stage import MODULE, OneAtATime, Stage, Wings
from tests.blocking.reached import PATIENCE, listening, on_the_loop

Client: Any = MODULE.StageBlockingClient
WingsClient: Any = MODULE.WingsBlockingClient


class Reached:
    """A stage in a thread of its own, and what a test does there."""

    def __init__(self, stage: Stage, server: rpc.Server, channel: blocking.Channel) -> None:
        self.stage = stage
        self.server = server
        self.channel = channel

    def let_go(self, *numbers: int) -> None:
        for number in numbers:
            on_the_loop(self.server, self.stage.gate(number).set)

    def with_links(self, function: Callable[[ServerLink], None]) -> None:
        """Do something with all connections of the server."""
        for link in tuple(self.server.links):
            on_the_loop(self.server, partial(function, link))

    def until(self, fact: Callable[[], bool]) -> None:
        async def wait() -> None:
            async with asyncio.timeout(PATIENCE):
                await self.stage.until(fact)

        asyncio.run_coroutine_threadsafe(wait(), self.server.loop).result()


def _served(patch: pytest.MonkeyPatch, kind: type[rpc.Server], *services: rpc.Service) -> Any:
    patch.setattr(testing, "Server", kind)
    return testing.served(*services)


@contextmanager
def staged(kind: type[rpc.Server] = rpc.Server, patient: bool = False, **options: Any) -> Iterator[Reached]:
    stage = Stage()
    stage.patient = patient
    with (
        pytest.MonkeyPatch.context() as patch,
        _served(patch, kind, stage, Wings(stage)) as server,
        listening(server) as binding,
        blocking.connect(binding, **options) as channel,
    ):
        try:
            yield Reached(stage, server, channel)
        finally:
            on_the_loop(server, lambda: setattr(stage, "patient", False))


def test_rule_7_21_a_sync_call_has_its_connection_alone_and_async_calls_of_threads_share_one() -> None:
    with staged(connections=6) as reached:
        client, wings = Client(reached.channel), WingsClient(reached.channel)
        kinds: list[Callable[[int], Any]] = [
            client.Sync,
            lambda n: client.Async(n).complete(),
            lambda n: client.Async(n).complete(),
            lambda n: wings.Enter(n).complete(),
            lambda n: client.Store(n, [bytes(100)] * 3).complete(),
            lambda n: client.Upload(n, [bytes(100)] * 3).complete(),
            lambda n: client.Download(n, bytearray().extend).complete(),
        ]

        def caller(seed: int) -> None:
            rng = random.Random(seed)
            for number in range(20):
                rng.choice(kinds)(seed * 100 + number)

        with ThreadPoolExecutor(12) as pool:
            list(pool.map(caller, range(12)))
        stage = reached.stage
        assert stage.mixed == []
        assert len(stage.arrived) == 240
        assert 1 < len(reached.channel.pool.links) <= 6
        assert len(stage.groups) == 1
        assert len(reached.channel.pool.idle) == len(reached.channel.pool.links)


def test_many_async_calls_of_a_thread_are_outstanding_on_one_connection_and_answered_in_any_order() -> None:
    with staged(patient=True) as reached:
        client = Client(reached.channel)
        calls = {number: client.Async(number) for number in range(100)}
        reached.until(lambda: len(reached.stage.running) == 100)
        assert reached.stage.together == 100
        assert len(reached.channel.pool.links) == 1
        numbers = list(calls)
        random.Random(2).shuffle(numbers)
        for number in numbers:
            assert not calls[number].done
            reached.let_go(number)
            assert calls[number].complete(PATIENCE) == number
        assert len(reached.channel.pool.idle) == 1


def test_threads_that_wait_for_calls_on_one_connection_each_get_their_answer() -> None:
    with staged(patient=True) as reached:
        client = Client(reached.channel)

        def call(number: int) -> Any:
            return client.Async(number).complete()

        with ThreadPoolExecutor(20) as pool:
            answers = [pool.submit(call, number) for number in range(20)]
            reached.until(lambda: len(reached.stage.running) == 20)
            numbers = list(range(20))
            random.Random(3).shuffle(numbers)
            for number in numbers:
                reached.let_go(number)
                assert answers[number].result(PATIENCE) == number
        assert len(reached.channel.pool.links) == reached.stage.connections.total() // 20 == 1


def test_rule_7_20_async_calls_of_a_thread_are_dispatched_in_order() -> None:
    for kind in (rpc.Server, OneAtATime):
        with staged(kind) as reached:
            client, wings = Client(reached.channel), WingsClient(reached.channel)
            calls = [(wings.Enter if number % 5 == 3 else client.Async)(number) for number in range(25)]
            for number, call in enumerate(calls):
                assert call.complete() == number
            assert reached.stage.arrived == list(range(25))
            assert len(reached.stage.groups) == 1


def test_without_multiplexing_async_calls_go_over_further_connections_of_the_group() -> None:
    with staged(OneAtATime, patient=True, connections=5) as reached:
        client = Client(reached.channel)
        calls = [client.Async(number) for number in range(5)]
        reached.until(lambda: len(reached.stage.running) == 5)
        assert list(reached.stage.connections.values()) == [1] * 5
        reached.let_go(*range(5))
        assert [call.complete() for call in calls] == list(range(5))
        assert len(reached.stage.groups) == 1
        assert reached.stage.mixed == []


def test_a_time_out_and_a_cancel_leave_the_other_calls_of_the_connection_alone() -> None:
    with staged(patient=True) as reached:
        client, hasty = Client(reached.channel), Client(reached.channel, timeout=0.05)
        calls = [client.Async(0), hasty.Async(1), client.Async(2), client.Async(3)]
        reached.until(lambda: len(reached.stage.running) == 4)
        with pytest.raises(RpcTimeout):
            calls[1].complete()
        calls[2].cancel(0)
        with pytest.raises(CallCancelled):
            calls[2].complete()
        reached.let_go(0, 1, 2, 3)
        assert calls[0].complete() == 0
        assert calls[3].complete() == 3
        assert len(reached.channel.pool.links) == 1
        assert client.Async(0).complete() == 0


def test_of_several_cancels_the_shortest_grace_counts() -> None:
    with staged(patient=True) as reached:
        call = Client(reached.channel).Async(0)
        reached.until(lambda: len(reached.stage.running) == 1)
        for grace in (60, 0.05, 60):
            call.cancel(grace)
        with pytest.raises(CallCancelled, match=r"within the grace period of 0\.05 s"):
            call.complete(PATIENCE)
        reached.let_go(0)


def test_a_lost_connection_fails_all_calls_on_it() -> None:
    with staged(patient=True) as reached:
        client = Client(reached.channel)
        calls = [client.Async(number) for number in range(5)]
        reached.until(lambda: len(reached.stage.running) == 5)
        reached.with_links(ServerLink.abort)
        for call in calls:
            with pytest.raises(ConnectionLost):
                call.complete()
        assert not reached.channel.pool.links


def test_threads_that_wait_for_a_connection_get_it_though_another_is_never_done() -> None:
    with staged(connections=1) as reached:
        client = Client(reached.channel)
        stop = threading.Event()

        def keep_calling() -> None:
            while not stop.is_set():
                client.Sync(1)

        greedy = threading.Thread(target=keep_calling)
        greedy.start()
        began = time.monotonic()
        for _ in range(50):
            assert client.Sync(2) == 2
        stop.set()
        greedy.join()
        assert time.monotonic() - began < PATIENCE


def test_calls_that_could_share_do_not_keep_one_that_wants_its_own_waiting_for_ever() -> None:
    with staged(patient=True, connections=1) as on, ThreadPoolExecutor(2) as threads:
        client = Client(on.channel)
        calls = [client.Async(0)]
        on.until(lambda: on.stage.arrived == [0])
        waiting: list[Any] = []
        for number, begin in ((1, client.Sync), (2, client.Async)):
            waiting.append(threads.submit(begin, number))
            latest = time.monotonic() + PATIENCE
            while len(on.channel.pool._queue) < number:
                assert time.monotonic() < latest
                time.sleep(0.001)
        on.let_go(0)
        assert calls[0].complete(timeout=PATIENCE) == 0
        on.until(lambda: on.stage.arrived == [0, 1])
        on.let_go(1, 2)
        assert waiting[0].result(PATIENCE) == 1
        assert waiting[1].result(PATIENCE).complete(timeout=PATIENCE) == 2


def test_who_waits_for_a_connection_that_is_full_of_calls_goes_on_when_one_of_them_ends() -> None:
    with staged(patient=True, connections=1, limits=Limits(max_calls=2)) as on, ThreadPoolExecutor(1) as threads:
        client = Client(on.channel)
        calls = [client.Async(0), client.Async(1)]
        third = threads.submit(client.Async, 2)
        latest = time.monotonic() + PATIENCE
        while not on.channel.pool._queue:
            assert time.monotonic() < latest
            time.sleep(0.001)
        on.let_go(1)
        assert calls[1].complete(timeout=PATIENCE) == 1
        assert not third.result(PATIENCE).done
        on.let_go(0, 2)
        assert [calls[0].complete(), third.result().complete()] == [0, 2]


def test_who_waits_for_a_connection_goes_on_when_one_that_was_to_be_opened_is_not() -> None:
    with staged(connections=2) as on, ThreadPoolExecutor(2) as threads:
        client, pool = Client(on.channel), on.channel.pool
        failing, opening = threading.Event(), threading.Event()
        open_one = pool._open

        def fail_once(interface: Any) -> Any:
            pool._open = open_one  # type: ignore[method-assign]
            opening.set()
            failing.wait(PATIENCE)
            raise ConnectError("not now")

        with client.Upload(0):
            pool._open = fail_once  # type: ignore[method-assign]
            first = threads.submit(client.Sync, 1)
            assert opening.wait(PATIENCE)
            second = threads.submit(client.Sync, 2)
            latest = time.monotonic() + PATIENCE
            while not pool._queue:
                assert time.monotonic() < latest
                time.sleep(0.001)
            failing.set()
            with pytest.raises(ConnectError):
                first.result(PATIENCE)
            assert second.result(PATIENCE) == 2


def test_waiting_for_a_connection_ends_with_an_error() -> None:
    with staged(patient=True, connections=1) as reached:
        client = Client(reached.channel)
        call = client.Upload(1)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(reached.channel.pool, "_connect_timeout", 0.05)
            for begin in (client.Sync, client.Async):
                with pytest.raises(RpcTimeout, match="all 1 connections of the channel are busy"):
                    begin(2)
        call.source.push(b"")
        reached.let_go(1, 2)
        assert call.complete() == 0
        assert client.Sync(2) == 2


def test_all_connections_of_a_channel_are_of_one_group_however_many_threads_begin_at_once() -> None:
    with staged(patient=True, connections=8) as reached:
        client = Client(reached.channel)
        with ThreadPoolExecutor(8) as pool:
            answers = [pool.submit(client.Sync, number) for number in range(8)]
            reached.until(lambda: len(reached.stage.running) == 8)
            assert len(reached.stage.connections) == 8
            assert len(reached.stage.groups) == 1
            reached.let_go(*range(8))
            assert [answer.result() for answer in answers] == list(range(8))


@pytest.mark.parametrize(
    ("options", "piped"),
    [({}, NDR20), ({"ndr64_pipes": True}, NDR64), ({"transfers": (NDR64,)}, NDR64)],
    ids=["as Windows does", "wished otherwise", "nothing else spoken"],
)
def test_rule_8_29_a_thread_bound_to_ndr64_makes_pipe_calls_in_ndr20(options: dict[str, Any], piped: object) -> None:
    stage = Stage()
    with (
        testing.served(stage, transfers=(NDR64, NDR20)) as server,
        listening(server) as binding,
        blocking.connect(binding, **options) as channel,
    ):
        client = Client(channel)
        assert client.Sync(1) == 1
        for _ in range(2):
            assert client.Store(2, [b"abc"]).complete() == 3
            got = bytearray()
            assert client.Download(3, got.extend).complete() == 3
            assert got == bytes(4)
        assert client.Sync(4) == 4
        assert [call.transfer for call in stage.calls] == [NDR64, *[piped] * 4, NDR64]
        assert len(stage.connections) == 1


def test_a_channel_probes_a_silent_server_as_it_is_told() -> None:
    with staged(keep_alive=KeepAlive(7, 3, 2)) as reached:
        (link,) = reached.channel.pool.links
        assert link._socket.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        assert link._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 7
        assert link._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL) == 3
        assert link._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT) == 2
    with staged(keep_alive=None) as reached:
        (link,) = reached.channel.pool.links
        assert link._socket.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 0


def test_the_server_may_ask_to_leave_an_idle_connection() -> None:
    with staged() as reached:
        client = Client(reached.channel)
        assert client.Sync(1) == 1
        reached.with_links(ServerLink.shutdown)
        time.sleep(0.01)
        assert client.Sync(2) == 2
        assert len(reached.stage.connections) == 2
        assert len(reached.channel.pool.links) == 1


def test_ten_thousand_cancelled_calls_leave_nothing_behind() -> None:
    with staged(patient=True) as reached:
        client = Client(reached.channel)
        assert threading.active_count() < 10
        for _ in range(100):
            for call in [client.Async(0) for _ in range(100)]:
                call.cancel(0)
                with pytest.raises(CallCancelled):
                    call.complete()
        reached.let_go(0)
        assert client.Async(0).complete() == 0
        assert len(reached.channel.pool.links) == len(reached.channel.pool.idle) <= 2
        assert threading.active_count() < 10
        for link in reached.channel.pool.links:
            assert link._calls == {}


def test_a_call_that_another_thread_ends_lets_go_of_its_connection_when_its_waiter_has_left() -> None:
    with staged(patient=True) as reached:
        client = Client(reached.channel)
        for _ in range(20):
            call = client.Async(0)
            with ThreadPoolExecutor(1) as pool:
                waiting = pool.submit(call.complete)
                (link,) = reached.channel.pool.links
                late = time.monotonic() + PATIENCE
                while link._waiter is None and time.monotonic() < late:
                    time.sleep(0.0005)
                call.cancel(0)
                with pytest.raises(CallCancelled):
                    waiting.result(PATIENCE)
            assert reached.channel.pool.idle == [link]
        reached.let_go(0)


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
def test_where_contexts_cannot_be_altered_each_interface_has_connections_of_its_own(connections: int) -> None:
    with staged(NoAltering, connections=connections) as reached:
        client, wings = Client(reached.channel), WingsClient(reached.channel)
        for number in range(4):
            assert client.Sync(number) == number
            assert wings.Enter(number).complete() == number
            assert client.Async(number).complete() == number
            assert client.Upload(number, [b"abc"]).complete() == 3
        assert len(reached.channel.pool.links) <= connections
        assert len(reached.stage.arrived) == 16


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


def test_a_connection_for_a_group_that_has_ended_meanwhile_makes_another_group() -> None:
    with staged(Leaving, patient=True) as reached, ThreadPoolExecutor(1) as pool:
        client = Client(reached.channel)
        first = pool.submit(client.Sync, 1)
        reached.until(lambda: reached.stage.arrived == [1])
        reached.let_go(2)
        assert client.Sync(2) == 2
        with pytest.raises(ConnectionLost):
            first.result(PATIENCE)
        assert reached.stage.groups == {1, 2}
