"""The blocking front: calls and pipes from threads, over sockets, against both kinds of services."""

from __future__ import annotations

import io
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from idlrt import blocking, testing
from idlrt.errors import (
    CallCancelled,
    ConnectError,
    ConnectionLost,
    NdrError,
    PipeClosed,
    PipeDiscipline,
    PipeEmpty,
    PipeObject,
    PipeOrder,
    RpcFault,
    RpcTimeout,
)
from idlrt.rpc import Server, connect
from tests.blocking.reached import PATIENCE
from tests.rpc.services import WAYS, Lab, ThreadedLab
from tests.rpc.specimen.lab import LabBlockingClient, LabClient, StatResult, UploadBlockingCall

SERVICES: list[Callable[[], Any]] = [Lab, ThreadedLab]
both = pytest.mark.parametrize("make", SERVICES, ids=["on the loop", "in threads"])
everywhere = pytest.mark.parametrize("way", WAYS)


@contextmanager
def listening(server: Server, text: str) -> Iterator[str]:
    import asyncio

    yield asyncio.run_coroutine_threadsafe(server.listen(text), server.loop).result()


@contextmanager
def reach(way: str, service: Any, folder: Path, **options: Any) -> Iterator[blocking.Channel]:
    if way == "memory":
        with testing.blocking_channel(service, **options) as channel:
            yield channel
        return
    text = "ncacn_ip_tcp:127.0.0.1[0]" if way == "tcp" else f"ncalrpc:[lab,dir={folder}]"
    with (
        testing.served(service) as server,
        listening(server, text) as binding,
        blocking.connect(binding, **options) as channel,
    ):
        yield channel


def push_on(call: UploadBlockingCall) -> None:
    while True:
        call.source.push(bytes(1 << 20))


@everywhere
@both
def test_calls_and_pipes_go_there_and_back(way: str, make: Callable[[], Any], tmp_path: Path) -> None:
    with reach(way, make(), tmp_path) as channel:
        client = LabBlockingClient(channel)
        assert client.Add(2, 3) == 5
        assert client.Stat(7) == StatResult(7000, 7)
        data = bytes(range(256)) * 4000
        assert client.Echo(data) == data
        with client.Upload(0) as up:
            for _ in range(20):
                up.source.push(bytes(10_000))
            up.source.push(())
            assert up.complete() == 200_000
        with client.Download(200_000, 10_000) as down:
            assert sum(len(block) for block in down.sink) == 200_000
            assert down.complete() == 200_000
        with client.Transform(1) as transform:
            transform.stream.push(b"\0\1" * 50_000)
            transform.stream.push(())
            assert b"".join(transform.stream) == b"\1\0" * 50_000
            assert transform.complete() == 100_000
        got: list[float] = []
        assert client.Scale([[1.0, 2.0], [3.0]], 2.0, got.extend).complete() == 3
        assert got == [2.0, 4.0, 6.0]
        client.Note(5)
        handle = client.Open(8)
        assert client.Use(handle) == 8
        assert client.Close(handle) is None


def test_sources_and_sinks(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * 600_000)
    given = iter([b"abc", b"de", b""])
    with testing.blocking_channel(Lab()) as channel:
        client = LabBlockingClient(channel)
        assert client.Upload(0, [b"abc", b"", b"de"]).complete() == 5
        assert client.Upload(0, lambda: next(given)).complete() == 5
        with path.open("rb") as file:
            assert client.Upload(0, file).complete() == 600_000
        sink = io.BytesIO()
        assert client.Download(30_000, 100, sink).complete() == 30_000
        assert len(sink.getvalue()) == 30_000
        got: list[bytes] = []
        assert client.Transform(1, ([b"\0"], got.append)).complete() == 1
        assert got == [b"\1"]


def test_many_threads_share_a_channel() -> None:
    with testing.blocking_channel(Lab(), connections=4) as channel:
        client = LabBlockingClient(channel)

        def some(seed: int) -> bool:
            return all(client.Add(seed, n) == seed + n for n in range(30))

        with ThreadPoolExecutor(16) as pool:
            assert all(pool.map(some, range(16)))
        assert len(channel.pool.links) <= 4


def test_a_channel_that_is_all_busy_says_so() -> None:
    with testing.blocking_channel(Lab(), connections=1) as channel, pytest.MonkeyPatch.context() as patch:
        client = LabBlockingClient(channel)
        with client.Upload(4):
            patch.setattr(channel.pool, "_connect_timeout", 0.05)
            with pytest.raises(RpcTimeout, match="busy"):
                client.Add(1, 1)
        patch.undo()
        assert client.Add(1, 1) == 2


def test_a_call_that_takes_too_long_times_out() -> None:
    service = Lab()
    with testing.blocking_channel(service, timeout=0.05) as channel:
        client = LabBlockingClient(channel)
        with pytest.raises(RpcTimeout):
            client.Sleep(20_000).complete()
        patient = LabBlockingClient(channel, timeout=PATIENCE)
        assert patient.Add(1, 1) == 2
        assert patient.Sleep(100).complete() == 100


def test_another_thread_may_cancel() -> None:
    service = Lab()
    with testing.blocking_channel(service, cancel_grace=0.05) as channel:
        client = LabBlockingClient(channel)
        call = client.Sleep(5000)
        threading.Timer(0.03, call.cancel).start()
        with pytest.raises(CallCancelled):
            call.complete()
        upload = client.Upload(0)
        upload.source.push(b"abc")
        upload.cancel()
        with pytest.raises(CallCancelled):
            upload.complete()  # a cancelled call need not end its pipes
        assert client.Add(1, 1) == 2


def test_a_server_that_takes_no_notice_of_a_cancel_is_given_its_grace() -> None:
    service = Lab()
    with testing.blocking_channel(service, cancel_grace=0.05) as channel:
        client = LabBlockingClient(channel)
        call = client.Sleep(10_000)
        threading.Timer(0.03, call.cancel).start()
        started = time.monotonic()
        with pytest.raises(CallCancelled, match="grace"):
            call.complete()
        assert time.monotonic() - started < PATIENCE
        assert client.Add(1, 1) == 2


def test_a_blocked_pull_is_woken_by_a_cancel() -> None:
    with testing.blocking_channel(Lab()) as channel, LabBlockingClient(channel).Upload(4) as call:
        call.source.push(b"")
        threading.Timer(0.03, call.cancel).start()
        with pytest.raises(CallCancelled):
            call.complete()


@both
def test_a_blocked_push_sees_a_fault_at_once(make: Callable[[], Any], tmp_path: Path) -> None:
    with reach("tcp", make(), tmp_path) as channel:
        client = LabBlockingClient(channel)
        with client.Upload(1) as call, pytest.raises(RpcFault) as caught:
            push_on(call)
        assert caught.value.status == 0x1234
        with pytest.raises(RpcFault):
            client.Upload(1, iter(lambda: bytes(100_000), None)).complete()
        assert client.Add(1, 1) == 2


def test_a_blocked_push_sees_a_reset_at_once(tmp_path: Path) -> None:
    service = Lab()
    with (
        testing.served(service) as server,
        listening(server, "ncacn_ip_tcp:127.0.0.1[0]") as binding,
        blocking.connect(binding) as channel,
    ):
        call = LabBlockingClient(channel).Upload(3)

        def cut() -> None:
            for link in tuple(server.links):
                link._transport.abort()
            service.gate.set()

        threading.Timer(0.1, server.loop.call_soon_threadsafe, (cut,)).start()
        with pytest.raises(ConnectionLost):
            push_on(call)
        with pytest.raises(ConnectionLost):
            call.complete()


def test_misuse_of_pipes_is_told_by_its_error() -> None:
    with testing.blocking_channel(Lab()) as channel:
        client = LabBlockingClient(channel)
        with client.Upload(0) as up:
            up.source.push(b"abc")
            with pytest.raises(PipeDiscipline):
                up.complete()
        with client.Upload(0) as up:
            up.source.push(b"")
            with pytest.raises(PipeClosed):
                up.source.push(b"abc")
            assert up.complete() == 0
        with client.Scale(by=1.0) as scale:
            with pytest.raises(PipeOrder):
                scale.scaled.pull()
            with pytest.raises(NdrError):
                scale.readings.push(["text"])  # type: ignore[list-item]
            with pytest.raises(PipeObject):
                scale.readings.push(5)  # type: ignore[arg-type]
        with client.Download(0, 1) as down:
            assert down.sink.pull() == b""
            with pytest.raises(PipeEmpty):
                down.sink.pull()
        with client.Download(10, 10) as down, pytest.raises(PipeDiscipline):
            down.complete()
        with pytest.raises(PipeDiscipline):
            client.Upload(2, [b"abc"]).complete()
        assert client.Add(1, 1) == 2


def test_leaving_or_forgetting_a_call_gives_it_up() -> None:
    service = Lab()
    with testing.blocking_channel(service) as channel:
        client = LabBlockingClient(channel)
        with client.Upload(0) as call:
            call.source.push(bytes(16))
        with pytest.raises(CallCancelled):
            call.source.push(b"abc")
        client.Upload(0).source.push(bytes(16))
        assert client.Add(1, 1) == 2
        assert len(channel.pool.links) == 1


def test_a_source_that_fails_takes_the_call_with_it() -> None:
    def broken() -> Iterator[bytes]:
        yield bytes(16)
        raise KeyError("broken source")

    with testing.blocking_channel(Lab()) as channel:
        client = LabBlockingClient(channel)
        with pytest.raises(KeyError):
            client.Upload(0, broken()).complete()
        assert client.Add(1, 1) == 2


def test_a_slow_reader_keeps_memory_bounded(tmp_path: Path) -> None:
    service = Lab()
    with reach("tcp", service, tmp_path) as channel, LabBlockingClient(channel).Download(1 << 30, 1 << 16) as call:
        call.sink.pull()
        time.sleep(0.1)
        before = service.pulled
        time.sleep(0.1)
        assert service.pulled == before
        assert call._exchange.content.incoming is not None
        assert call._exchange.content.incoming.buffered < 1 << 20


def test_an_idle_connection_that_the_server_closed_is_replaced(tmp_path: Path) -> None:
    with (
        testing.served(Lab()) as server,
        listening(server, "ncacn_ip_tcp:127.0.0.1[0]") as binding,
        blocking.connect(binding) as channel,
    ):
        client = LabBlockingClient(channel)
        assert client.Add(1, 1) == 2
        for link in tuple(server.links):
            server.loop.call_soon_threadsafe(link.close)
        time.sleep(0.05)
        assert client.Add(1, 1) == 2


def test_no_server_there_is_said_at_once() -> None:
    with pytest.raises(ConnectError, match="check that it runs"):
        blocking.connect("ncacn_ip_tcp:127.0.0.1[1]")
    with pytest.raises(ConnectError, match="no endpoint"):
        LabBlockingClient(blocking.connect("ncalrpc:")).Add(1, 1)


def test_a_server_that_does_not_answer_the_bind_times_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with (
            blocking.connect(f"ncacn_ip_tcp:127.0.0.1[{port}]", connect_timeout=0.05) as channel,
            pytest.raises(RpcTimeout, match="bind"),
        ):
            LabBlockingClient(channel).Add(1, 1)


def test_closing_the_channel_fails_calls_in_progress() -> None:
    service = Lab()
    with testing.blocking_channel(service) as channel:
        call = LabBlockingClient(channel).Sleep(10_000)
        threading.Timer(0.03, channel.close).start()
        with pytest.raises(ConnectionLost):
            call.complete()
        with pytest.raises(ConnectionLost):
            LabBlockingClient(channel).Add(1, 1)


def test_a_client_for_the_wrong_kind_of_channel_says_which_is_the_right_one() -> None:
    wrong: Any
    said = r"LabClient needs a channel from rpc\.connect, not idlrt\.blocking\..* the blocking client"
    with testing.blocking_channel(Lab()) as wrong, pytest.raises(TypeError, match=said):
        LabClient(wrong)
    wrong = connect("ncacn_ip_tcp:127.0.0.1[1]")
    with pytest.raises(TypeError, match=r"LabClient needs the open channel: .*async with rpc\.connect"):
        LabClient(wrong)
    with pytest.raises(TypeError, match=r"LabBlockingClient needs a channel from blocking\.connect, not .*Connector"):
        LabBlockingClient(wrong)
    for kind in (LabClient, LabBlockingClient):
        with pytest.raises(TypeError, match=r"not builtins\.NoneType"):
            kind(None)  # type: ignore[arg-type]
