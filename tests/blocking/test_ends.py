"""Sources and sinks of a thread's call: who works them, and when the call is complete."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from idlrt import rpc, testing
from idlrt.blocking.line import PAUSE
from idlrt.errors import CallCancelled, RpcFault
from tests.blocking.reached import PATIENCE, Told
from tests.compiled import compile_cached
from tests.rpc.services import Lab
from tests.rpc.specimen.lab import LabBlockingClient

TWO: Any = compile_cached(
    """
    [uuid(7c0f0a51-93b5-4f0a-8d47-6f0d5d0c1e08), version(1.0)]
    interface Two { typedef pipe byte OCTETS; long Get([in] long n, [out] OCTETS *first, [out] OCTETS *second); }
    """,
    "two_out",
).module


class Two(TWO.TwoService):  # type: ignore[misc]
    async def Get(self, call: rpc.Call, n: int, first: Any, second: Any) -> int:
        for pipe in (first, second):
            for _ in range(n):
                await pipe.push(bytes(4096))
            if not n:
                raise RpcFault(0x1234)
            await pipe.push(b"")
        return n


class Held:
    """A sink that waits with its first block until the test lets it go on."""

    def __init__(self) -> None:
        self.entered, self.go_on = threading.Event(), threading.Event()
        self.octets = 0

    def __call__(self, block: bytes) -> None:
        self.entered.set()
        assert self.go_on.wait(PATIENCE)
        self.octets += len(block)


def _until_answered(call: Any) -> None:
    latest = time.monotonic() + PATIENCE
    while not call.done:
        assert time.monotonic() < latest
        time.sleep(0.001)


def test_a_sink_gets_all_within_a_time_limit_though_the_answer_is_there_before_it_is_done() -> None:
    sink = Held()
    with testing.blocking_channel(Lab()) as channel, ThreadPoolExecutor(1) as threads:
        call = LabBlockingClient(channel).Download(20_000, 5000, sink)
        completed = threads.submit(call.complete, PATIENCE)
        assert sink.entered.wait(PATIENCE)
        _until_answered(call)
        assert not completed.done()
        sink.go_on.set()
        assert completed.result(PATIENCE) == 20_000
    assert sink.octets == 20_000


def test_a_handle_that_is_had_when_the_answer_is_there_has_the_sinks_worked() -> None:
    got: list[bytes] = []
    told = Told()
    with testing.blocking_channel(Lab()) as channel:
        call = LabBlockingClient(channel).Download(5000, 5000, got.append)
        _until_answered(call)
        handle = call.handle(told)
        told.until(rpc.AsyncEvent.CALL_COMPLETE)
        assert handle.complete() == 5000
    assert b"".join(got) == bytes(5000)


def test_several_threads_that_complete_a_call_work_its_source_once() -> None:
    begun = threading.Barrier(4, timeout=PATIENCE)

    def complete(call: Any) -> int:
        begun.wait()
        return int(call.complete())

    def blocks() -> Iterator[bytes]:
        for _ in range(50):
            yield bytes(100_000)

    with testing.blocking_channel(Lab()) as channel, ThreadPoolExecutor(4) as threads:
        call = LabBlockingClient(channel).Upload(0, blocks())
        results = [threads.submit(complete, call) for _ in range(4)]
        assert {result.result(PATIENCE) for result in results} == {5_000_000}


@pytest.mark.parametrize("n", [1, 0])
def test_a_pipe_by_hand_waits_for_the_sink_before_it_that_another_thread_works(n: int) -> None:
    sink = Held()
    with testing.blocking_channel(Two()) as channel, ThreadPoolExecutor(1) as threads:
        call = TWO.TwoBlockingClient(channel).Get(n, sink)
        handle = call.handle()
        second = threads.submit(lambda: b"".join(call.second))
        if n:
            assert sink.entered.wait(PATIENCE)
            _until_answered(call)
            assert not second.done()
            sink.go_on.set()
            assert second.result(PATIENCE) == bytes(4096)
            assert sink.octets == 4096
        else:
            with pytest.raises(RpcFault):
                second.result(PATIENCE)
            with pytest.raises(RpcFault):
                handle.complete()


def test_the_grace_of_a_cancel_ends_though_the_source_is_asleep() -> None:
    asleep, wake = threading.Event(), threading.Event()

    def source() -> Iterator[bytes]:
        yield bytes(100)
        asleep.set()
        assert wake.wait(PATIENCE)

    with testing.blocking_channel(Lab()) as channel, ThreadPoolExecutor(1) as threads:
        call = LabBlockingClient(channel).Upload(4, source())
        completed = threads.submit(call.complete, PATIENCE)
        assert asleep.wait(PATIENCE)
        call.cancel(grace=0.01)
        with pytest.raises(CallCancelled):
            completed.result(PATIENCE / 2)
        wake.set()


def _push_seldom(pipe: Any) -> None:
    for _ in range(6):
        pipe.push(bytes(8))
        time.sleep(2 * PAUSE)


def test_who_pushes_seldom_learns_of_an_early_answer_all_the_same() -> None:
    with testing.blocking_channel(Lab()) as channel:
        with pytest.raises(RpcFault) as caught:
            _push_seldom(LabBlockingClient(channel).Upload(1).source)  # answered after the first block
        assert caught.value.status == 0x1234
