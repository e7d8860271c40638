"""Ordinary calls of threads: one write and one read each, and whatever else may happen to them."""

from __future__ import annotations

import gc
import select
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from idlrt import blocking, rpc, testing
from idlrt.blocking import link as link_module
from idlrt.blocking.link import Link
from idlrt.errors import ConnectionLost, NdrError, RpcFault, RpcTimeout
from tests.blocking.reached import PATIENCE, cut, listening, on_the_loop, reached, watchers
from tests.rpc.services import Lab, stubbornly
from tests.rpc.specimen.lab import LabBlockingClient


class Slow(Lab):
    """`Add` with a 0 waits for its gate."""

    def __init__(self) -> None:
        super().__init__()
        self.entered = threading.Event()

    async def Add(self, call: rpc.Call, a: int, b: int) -> int:
        if not a:
            self.entered.set()
            await stubbornly(self.gate)
        return a + b


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether each plain call went the short way to its end."""
    ways: list[bool] = []
    ask = Link.ask

    def recorded(self: Link, context_id: int, opnum: int, stub: bytes | bytearray, timeout: float | None) -> Any:
        ways.append(False)
        answer = ask(self, context_id, opnum, stub, timeout)
        ways[-1] = answer is not None
        return answer

    monkeypatch.setattr(Link, "ask", recorded)
    monkeypatch.setattr("idlrt.blocking.pool.FRESH", 100.0)
    return ways


def test_calls_one_after_the_other_go_the_short_way(asked: list[bool]) -> None:
    with reached(Lab()) as (channel, _):
        client = LabBlockingClient(channel, timeout=5)
        for number in range(20):
            assert client.Add(number, 1) == number + 1
        assert asked == [True] * 19
        assert len(channel.pool.links) == 1


def test_large_requests_and_answers_take_the_other_way(asked: list[bool]) -> None:
    with reached(Lab()) as (channel, _):
        client = LabBlockingClient(channel)
        for size in (0, 5000, 6000, 300_000, 3_000_000, 5):
            data = bytes(size)
            assert client.Echo(data) == data
        assert asked == [True, False, False, False, True]  # the first call binds


def test_faults_and_bad_values_leave_the_connection_as_it_was(asked: list[bool]) -> None:
    with reached(Lab()) as (channel, _):
        client = LabBlockingClient(channel)
        assert client.Add(1, 1) == 2
        with pytest.raises(RpcFault) as caught:
            client.Fail(1)
        assert caught.value.status == 0x5678
        with pytest.raises(NdrError):
            client.Add("one", 1)  # type: ignore[arg-type]
        assert client.Add(1, 1) == 2
        assert asked == [False, True]
        assert len(channel.pool.links) == 1


def test_a_plain_call_has_its_time() -> None:
    service = Slow()
    with reached(service) as (channel, server):
        patient, hasty = LabBlockingClient(channel), LabBlockingClient(channel, timeout=0.5)
        assert hasty.Add(1, 1) == 2
        began = time.monotonic()
        with pytest.raises(RpcTimeout):
            hasty.Add(0, 1)
        assert 0.5 <= time.monotonic() - began < PATIENCE
        assert patient.Add(1, 1) == 2
        with ThreadPoolExecutor(1) as pool:
            answer = pool.submit(patient.Add, 0, 1)
            time.sleep(0.1)
            on_the_loop(server, service.gate.set)
            assert answer.result(PATIENCE) == 1


@pytest.mark.parametrize("how", ["the server", "the channel"])
def test_a_connection_lost_in_the_midst_is_told(how: str) -> None:
    service = Slow()
    with reached(service) as (channel, server):
        client = LabBlockingClient(channel)
        assert client.Add(1, 1) == 2
        with ThreadPoolExecutor(1) as pool:
            answer = pool.submit(client.Add, 0, 1)
            assert service.entered.wait(PATIENCE)
            if how == "the server":
                cut(server)
            else:
                channel.close()
            with pytest.raises(ConnectionLost, match="closed"):
                answer.result(PATIENCE)
        if how == "the server":
            assert client.Add(1, 1) == 2
        assert len(channel.pool.links) == (how == "the server")
        on_the_loop(server, service.gate.set)


@pytest.fixture
def interrupt() -> Iterator[Callable[[], object]]:
    """Have this thread interrupted, as by Ctrl-C, in a little while."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupted)
    yield lambda: signal.setitimer(signal.ITIMER_REAL, 0.05)
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def test_an_interrupted_call_is_given_up(interrupt: Callable[[], object]) -> None:
    service = Slow()
    with reached(service) as (channel, server):
        client = LabBlockingClient(channel)
        assert client.Add(1, 1) == 2
        interrupt()
        with pytest.raises(KeyboardInterrupt):
            client.Add(0, 1)
        assert client.Add(1, 2) == 3
        assert len(channel.pool.links) == len(channel.pool.idle)
        on_the_loop(server, service.gate.set)


def test_an_interrupted_push_is_whole(interrupt: Callable[[], object]) -> None:
    service = Lab()
    with reached(service) as (channel, server):
        call = LabBlockingClient(channel).Upload(3)
        block = bytearray(20 << 20)
        interrupt()
        with pytest.raises(KeyboardInterrupt):
            call.source.push(block)  # which the server does not read yet
        block[:] = b"\xff" * len(block)
        on_the_loop(server, service.gate.set)
        call.source.push(b"abc")
        call.source.push(b"")
        assert call.complete() == (20 << 20) + 3


@pytest.fixture(params=["without MSG_DONTWAIT", "without poll", "without sendmsg"])
def poor_system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A system that lacks something that Linux has."""
    if request.param == "without MSG_DONTWAIT":
        monkeypatch.setattr(link_module, "_NOW", 0)
    elif request.param == "without poll":
        monkeypatch.delattr(select, "poll")
    else:
        monkeypatch.setattr(link_module, "_SENDMSG", False)


@pytest.mark.usefixtures("poor_system")
def test_calls_and_pipes_work_on_lesser_systems() -> None:
    with reached(Lab()) as (channel, _):
        client = LabBlockingClient(channel, timeout=PATIENCE)
        for number in range(5):
            assert client.Add(number, 1) == number + 1
        data = bytes(range(256)) * 4000
        assert client.Echo(data) == data
        assert client.Upload(0, [bytes(100_000)] * 50).complete() == 5_000_000
        got = bytearray()
        assert client.Download(5_000_000, 50_000, got.extend).complete() == len(got) == 5_000_000
        handle = client.Sleep(1).handle()
        late = time.monotonic() + PATIENCE
        while handle.status() == 997 and time.monotonic() < late:
            time.sleep(0.001)
        assert handle.complete() == 1
        event = threading.Event()
        handle = client.Sleep(1).handle(event)
        assert event.wait(PATIENCE)
        assert handle.complete() == 1
        with pytest.raises(RpcTimeout):
            LabBlockingClient(channel, timeout=0.02).Sleep(20_000).complete()


def test_a_connection_used_for_plain_calls_is_one_descriptor() -> None:
    made: list[socket.socket] = []
    pair = socket.socketpair

    def counted(*arguments: Any) -> tuple[socket.socket, socket.socket]:
        made.extend(pair(*arguments))
        return made[-2], made[-1]

    with reached(Lab()) as (channel, _), pytest.MonkeyPatch.context() as patch:
        client = LabBlockingClient(channel)
        assert client.Add(1, 1) == 2  # the bind waits for both directions
        patch.setattr(socket, "socketpair", counted)
        for _ in range(5):
            assert client.Add(1, 1) == 2
        assert made == []


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_channel_that_is_not_closed_takes_its_watcher_with_it() -> None:
    with testing.served(Lab()) as server, listening(server) as binding:
        channel = blocking.connect(binding)
        event = threading.Event()
        handle = LabBlockingClient(channel).Sleep(0).handle(event)
        assert event.wait(PATIENCE)
        assert handle.complete() == 0
        (thread,) = watchers()
        del handle, channel
        gc.collect()
        thread.join(PATIENCE)
        assert not thread.is_alive()
