"""A server that is killed, silent, or slow, as threads notice it."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from idlrt import blocking
from idlrt.errors import ConnectionLost, RpcTimeout
from idlrt.rpc import AsyncEvent
from tests.blocking.reached import PATIENCE, SECOND, Told, on_the_loop, reached
from tests.rpc.services import Lab
from tests.rpc.specimen.lab import LabBlockingClient

ROOT = Path(__file__).parents[2]

SERVER = """
import asyncio
from idlrt import rpc
from tests.rpc.services import Lab

async def main():
    async with rpc.Server([Lab()]) as server:
        print(await server.listen("ncacn_ip_tcp:127.0.0.1[0]"), flush=True)
        await server.serve_forever()

asyncio.run(main())
"""


@contextmanager
def process() -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server in a process of its own, and where it listens."""
    with subprocess.Popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE, cwd=ROOT, text=True) as made:
        try:
            assert made.stdout is not None
            yield made, made.stdout.readline().strip()
        finally:
            made.kill()


def until(fact: Callable[[], bool]) -> float:
    """Wait until something is so; how long that took."""
    began = time.monotonic()
    while not fact():
        assert time.monotonic() - began < PATIENCE
        time.sleep(0.005)
    return time.monotonic() - began


def stuck(channel: blocking.Channel) -> None:
    """Wait until nothing is read and the kernel's buffers have filled."""
    (link,) = channel.pool.links
    until(lambda: not link._reading)
    time.sleep(0.2)


def test_a_server_that_is_killed_is_told_of_within_a_second_though_its_close_cannot_arrive() -> None:
    with process() as (server, binding), blocking.connect(binding, pipe_window=64 << 10) as channel:
        told = Told()
        call = LabBlockingClient(channel).Download(1 << 30, 1 << 16)
        handle = call.handle(told)
        stuck(channel)
        server.kill()
        server.wait()
        began = time.monotonic()
        assert told.until(AsyncEvent.CALL_COMPLETE) == [AsyncEvent.CALL_COMPLETE]
        assert time.monotonic() - began < SECOND
        with pytest.raises(ConnectionLost):
            handle.complete()


def test_a_server_that_is_killed_is_seen_by_who_looks() -> None:
    with process() as (server, binding), blocking.connect(binding, pipe_window=64 << 10) as channel:
        call = LabBlockingClient(channel).Download(1 << 30, 1 << 16)
        assert call.sink.pull()
        until(lambda: not call.done and not next(iter(channel.pool.links))._reading)
        time.sleep(0.2)
        server.kill()
        server.wait()
        assert until(lambda: call.done) < SECOND
        with pytest.raises(ConnectionLost):
            list(call.sink)


def test_a_server_that_is_killed_ends_every_wait() -> None:
    with process() as (server, binding), blocking.connect(binding) as channel:
        client = LabBlockingClient(channel)
        failed: list[type[BaseException]] = []

        def waits(function: Callable[[], object]) -> threading.Thread:
            def run() -> None:
                try:
                    while True:
                        function()
                except ConnectionLost as error:
                    failed.append(type(error))

            thread = threading.Thread(target=run)
            thread.start()
            return thread

        upload, download = client.Upload(4), client.Download(1 << 40, 1 << 16)
        sleep, transform = client.Sleep(60_000), client.Transform(0)
        transform.stream.push(b"")
        threads = [
            waits(lambda: upload.source.push(bytes(1 << 20))),
            waits(download.sink.pull),
            waits(sleep.complete),
            waits(lambda: client.Add(1, 1)),
        ]
        time.sleep(0.2)
        server.kill()
        for thread in threads:
            thread.join(PATIENCE)
        assert failed == [ConnectionLost] * 4


def test_the_silence_of_calls_with_pipes_is_bounded_apart() -> None:
    service = Lab()
    with reached(service, timeout=0.02, silence=PATIENCE) as (channel, server):
        client = LabBlockingClient(channel)
        with client.Upload(3) as call:
            call.source.push(b"")
            with pytest.raises(RpcTimeout):
                client.Sleep(10_000).complete()
            on_the_loop(server, service.gate.set)
            assert call.complete() == 0
    service = Lab()
    with reached(service, silence=0.02) as (channel, server):
        with LabBlockingClient(channel).Upload(3) as call:
            call.source.push(b"")
            with pytest.raises(RpcTimeout):
                call.complete()
        assert LabBlockingClient(channel).Sleep(40).complete() == 40
        on_the_loop(server, service.gate.set)
