"""Callbacks within the calls of threads: whoever has to do with the call serves them."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from idlrt import rpc
from idlrt.rpc import AsyncEvent
from tests.blocking.reached import PATIENCE, Told, on_the_loop, reached
from tests.compiled import compile_cached
from tests.rpc.services import stubbornly

MODULE: Any = compile_cached(
    """
    [uuid(5fbc1a40-7f4c-4c33-9c7e-0b0c2f6a7e02), version(1.0)]
    interface Work
    {
        long Run([in] long steps);
        long RunAsync([in] long steps);
        void Wait(void);
        [callback] long Progress([in] long step);
    }
    """,
    "work",
    "interface Work { [async] RunAsync(); [async] Wait(); }",
).module


class Worker(MODULE.WorkService):  # type: ignore[misc]
    """Adds up what the client answers."""

    def __init__(self) -> None:
        self.waits = threading.Event()
        self.gate = asyncio.Event()

    async def Wait(self, call: rpc.Call) -> None:
        self.waits.set()
        await stubbornly(self.gate)

    async def Run(self, call: rpc.Call, steps: int) -> int:
        back = MODULE.WorkCallbackClient(call)
        return sum([await back.Progress(step) for step in range(steps)])

    async def RunAsync(self, call: rpc.Call, steps: int) -> int:
        return await self.Run(call, steps)


class Heard(MODULE.WorkCallbackService):  # type: ignore[misc]
    """Doubles every step."""

    def __init__(self) -> None:
        self.threads: list[threading.Thread] = []

    def Progress(self, step: int) -> int:
        self.threads.append(threading.current_thread())
        return step * 2


def test_the_thread_that_waits_serves_callbacks() -> None:
    heard = Heard()
    with reached(Worker()) as (channel, _):
        client = MODULE.WorkBlockingClient(channel, callbacks=heard)
        for _ in range(2):
            assert client.Run(4) == 12
            assert client.RunAsync(4).complete() == 12
    assert set(heard.threads) == {threading.current_thread()}
    assert len(heard.threads) == 16


def test_who_looks_at_a_handle_serves_callbacks() -> None:
    heard = Heard()
    with reached(Worker()) as (channel, _):
        handle = MODULE.WorkBlockingClient(channel, callbacks=heard).RunAsync(4).handle()
        late = time.monotonic() + PATIENCE
        while handle.status() == 997 and time.monotonic() < late:
            time.sleep(0.001)
        assert handle.complete() == 12
    assert set(heard.threads) == {threading.current_thread()}


def test_the_thread_that_watches_a_handle_serves_callbacks() -> None:
    heard, told = Heard(), Told()
    with reached(Worker()) as (channel, _):
        client = MODULE.WorkBlockingClient(channel, callbacks=heard)
        handles = [client.RunAsync(steps).handle(told) for steps in (4, 5)]
        for _ in handles:
            told.until(AsyncEvent.CALL_COMPLETE)
        assert [handle.complete() for handle in handles] == [12, 20]
    assert {thread.name for thread in heard.threads} == {"idlrt watcher"}


def test_callbacks_of_calls_that_share_a_connection_are_served_by_their_own_waiters() -> None:
    heards = [Heard() for _ in range(6)]
    with reached(Worker()) as (channel, _):
        results: dict[int, int] = {}

        def run(number: int) -> None:
            client = MODULE.WorkBlockingClient(channel, callbacks=heards[number])
            results[number] = client.RunAsync(number).complete(PATIENCE)

        threads = [threading.Thread(target=run, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
        assert results == {number: number * (number - 1) for number in range(6)}
        for thread, heard, number in zip(threads, heards, range(6), strict=True):
            assert heard.threads == [thread] * number


def test_a_thread_that_looks_at_the_connection_for_others_leaves_them_their_callbacks() -> None:
    worker, heard, told = Worker(), Heard(), Told()
    with reached(worker) as (channel, server), ThreadPoolExecutor(2) as pool:
        client = MODULE.WorkBlockingClient(channel, callbacks=heard)
        waiting = pool.submit(client.Wait().complete)
        try:
            assert worker.waits.wait(PATIENCE)
            time.sleep(0.02)
            assert pool.submit(client.RunAsync(3).complete, PATIENCE).result(PATIENCE) == 6
            handle = client.RunAsync(4).handle(told)
            assert told.next() is AsyncEvent.CALL_COMPLETE
            assert handle.complete() == 12
            assert len(channel.pool.links) == 1
        finally:
            on_the_loop(server, worker.gate.set)
        waiting.result(PATIENCE)
