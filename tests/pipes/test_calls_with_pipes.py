"""Pipes in calls on an event loop: both directions, every transport, methods on the loop and in threads."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from idlrt import rpc, testing
from idlrt.errors import (
    CallCancelled,
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
from tests.rpc.services import WAYS, Lab, ThreadedLab, on_a_loop, reach, until
from tests.rpc.specimen.lab import DownloadCall, LabBlockingClient, LabClient, UploadCall

SERVICES: list[Callable[[], Any]] = [Lab, ThreadedLab]
both = pytest.mark.parametrize("make", SERVICES, ids=["on the loop", "in threads"])
everywhere = pytest.mark.parametrize("way", WAYS)


async def push_on(call: UploadCall, size: int) -> None:
    while True:
        await call.source.push(bytes(size))


def blocks(count: int, size: int) -> Iterator[bytes]:
    for number in range(count):
        yield bytes([number & 0xFF]) * size


@both
@everywhere
@on_a_loop
async def test_an_in_pipe_by_hand(way: str, make: Callable[[], Any]) -> None:
    async with reach(way, make()) as channel, LabClient(channel).Upload(0) as call:
        for block in blocks(20, 10_000):
            await call.source.push(block)
        await call.source.push(())
        assert await call.complete() == 200_000


@both
@everywhere
@on_a_loop
async def test_an_out_pipe_by_hand(way: str, make: Callable[[], Any]) -> None:
    async with reach(way, make()) as channel, LabClient(channel).Download(200_000, 10_000) as call:
        got = b"".join([block async for block in call.sink])
        assert got == b"".join(blocks(20, 10_000))
        assert await call.complete() == 200_000


@both
@everywhere
@on_a_loop
async def test_a_pipe_that_goes_both_ways(way: str, make: Callable[[], Any]) -> None:
    async with reach(way, make()) as channel, LabClient(channel).Transform(1) as call:
        await call.stream.push(b"\0\1\2" * 30_000)
        await call.stream.push(())
        got = b"".join([block async for block in call.stream])
        assert got == b"\1\0\3" * 30_000
        assert await call.complete() == 90_000


@both
@everywhere
@on_a_loop
async def test_an_in_and_an_out_pipe_with_other_parameters(way: str, make: Callable[[], Any]) -> None:
    got: list[float] = []
    numbers = [float(n) for n in range(5000)]
    async with reach(way, make()) as channel:
        assert await LabClient(channel).Scale([numbers[:7], numbers[7:]], 3.0, got.extend) == 5000
    assert got == [3 * number for number in numbers]


@both
@on_a_loop
async def test_empty_pipes(make: Callable[[], Any]) -> None:
    async with testing.channel(make()) as channel:
        client = LabClient(channel)
        assert await client.Upload(0, []) == 0
        got: list[bytes] = []
        assert await client.Download(0, 1, got.append) == 0
        assert await client.Transform(1, ([], got.append)) == 0
        assert got == []


@on_a_loop
async def test_every_kind_of_source(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * 600_000)
    parts = [b"abc", b"", b"de", b""]
    given = iter([b"abc", b"de", b""])
    waiting = iter([b"abc", b"de", b""])

    async def asynchronous() -> AsyncIterator[bytes]:
        for part in parts:
            yield part

    async def one() -> bytes:
        return next(waiting)

    async with testing.channel(Lab()) as channel:
        upload = LabClient(channel).Upload
        assert await upload(0, parts) == 5
        assert await upload(0, iter(parts)) == 5
        assert await upload(0, asynchronous()) == 5
        assert await upload(0, lambda: next(given)) == 5
        assert await upload(0, one) == 5
        assert await upload(0, io.BytesIO(b"abcde")) == 5
        assert await upload(0, [memoryview(b"abcde"), bytearray(b"f")]) == 6
        with path.open("rb") as file:
            assert await upload(0, file) == 600_000


@on_a_loop
async def test_every_kind_of_sink(tmp_path: Path) -> None:
    got: list[bytes] = []

    async def keep(block: bytes) -> None:
        got.append(block)

    async with testing.channel(Lab()) as channel:
        download = LabClient(channel).Download
        buffer = io.BytesIO()
        assert await download(30_000, 100, buffer) == 30_000
        assert await download(30_000, 100, keep) == 30_000
        with (tmp_path / "file").open("wb") as file:
            assert await download(30_000, 100, file) == 30_000
    assert b"".join(got) == buffer.getvalue() == (tmp_path / "file").read_bytes()


# -- misuse


@on_a_loop
async def test_pushing_after_the_end_is_closed_and_the_call_goes_on() -> None:
    async with testing.channel(Lab()) as channel, LabClient(channel).Upload(0) as call:
        await call.source.push(b"abc")
        await call.source.push(b"")
        with pytest.raises(PipeClosed):
            await call.source.push(b"more")
        assert await call.complete() == 3


@on_a_loop
async def test_pulling_after_the_end_is_empty() -> None:
    async with testing.channel(Lab()) as channel, LabClient(channel).Download(0, 1) as call:
        assert await call.sink.pull() == b""
        with pytest.raises(PipeEmpty):
            await call.sink.pull()


@on_a_loop
async def test_an_out_pipe_waits_for_the_in_pipes() -> None:
    async with testing.channel(Lab()) as channel, LabClient(channel).Scale(by=1.0) as call:
        with pytest.raises(PipeOrder):
            await call.scaled.pull()


@on_a_loop
async def test_completing_before_the_in_pipe_ended_is_a_breach_of_discipline() -> None:
    service = Lab()
    async with testing.channel(service) as channel:
        async with LabClient(channel).Upload(0) as call:
            await call.source.push(b"abc" * 10)
            await until(lambda: service.pulled)
            with pytest.raises(PipeDiscipline):
                await call.complete()
        assert await LabClient(channel).Add(1, 1) == 2
    assert isinstance(service.errors[0], (CallCancelled, ConnectionLost))


@on_a_loop
async def test_completing_before_the_out_pipe_is_drained_is_a_breach_of_discipline() -> None:
    async with testing.channel(Lab()) as channel:
        async with LabClient(channel).Download(10, 10) as call:
            with pytest.raises(PipeDiscipline):
                await call.complete()
        assert await LabClient(channel).Add(1, 1) == 2


@on_a_loop
async def test_misuse_by_the_server_arrives_as_the_same_error() -> None:
    got: list[bytes] = []
    async with testing.channel(Lab()) as channel:
        client = LabClient(channel)
        with pytest.raises(PipeDiscipline):
            await client.Upload(2, [b"abc"])
        with pytest.raises(PipeEmpty):
            await client.Upload(5, [b"abc"])
        with pytest.raises(PipeDiscipline):
            await client.Download(17, 17, got.append)
        with pytest.raises(PipeClosed):
            await client.Download(19, 19, got.append)
        with pytest.raises(PipeOrder):
            await client.Scale([[1.0]], 0.0, lambda block: None)
        with pytest.raises(PipeOrder):
            await client.Transform(256, ([b"x"], got.append))
        assert await client.Add(1, 1) == 2


@on_a_loop
async def test_small_pushes_of_one_turn_leave_together_and_soon() -> None:
    service = Lab()
    async with testing.channel(service) as channel, LabClient(channel).Upload(0) as call:
        buffer = bytearray(8)
        for number in range(100):
            buffer[:] = bytes([number]) * 8  # a pushed block may be overwritten
            await call.source.push(buffer)
        await until(lambda: service.pulled >= 8 * 99)
        await call.source.push(b"")
        assert await call.complete() == 800


@on_a_loop
async def test_two_pushes_at_a_time_do_not_mix() -> None:
    async with reach("tcp", Lab()) as channel, LabClient(channel).Upload(0) as call:
        first = asyncio.create_task(call.source.push(bytes(8 << 20)))
        await asyncio.sleep(0)
        with pytest.raises(PipeOrder, match="another push"):
            await call.source.push(b"abc")
        await first
        await call.source.push(b"")
        assert await call.complete() == 8 << 20


@on_a_loop
async def test_blocks_of_the_wrong_type_are_named() -> None:
    async with testing.channel(Lab()) as channel:
        async with LabClient(channel).Upload(0) as call:
            with pytest.raises(PipeObject, match="not int"):
                await call.source.push(5)  # type: ignore[arg-type]
            await call.source.push(())
            assert await call.complete() == 0
        async with LabClient(channel).Scale(by=1.0) as scale:
            with pytest.raises(NdrError):
                await scale.readings.push(["text"])  # type: ignore[list-item]


# -- one end goes


@both
@on_a_loop
async def test_a_fault_in_the_midst_of_an_in_pipe_reaches_the_push(make: Callable[[], Any]) -> None:
    async with reach("tcp", make()) as channel:
        async with LabClient(channel).Upload(1) as call:
            with pytest.raises(RpcFault) as caught:
                await push_on(call, 100_000)
        assert caught.value.status == 0x1234
        with pytest.raises(RpcFault) as caught:
            await LabClient(channel).Upload(1, source=iter(lambda: bytes(100_000), None))
        assert caught.value.status == 0x1234
        assert await LabClient(channel).Add(1, 1) == 2


@on_a_loop
async def test_a_fault_in_the_midst_of_an_out_pipe_follows_the_data() -> None:
    async with testing.channel(Lab()) as channel:
        got = b""

        async def gather(call: DownloadCall) -> None:
            nonlocal got
            async for block in call.sink:
                got += block

        async with LabClient(channel).Download(13 * 5, 13) as call:
            with pytest.raises(RpcFault) as caught:
                await gather(call)
        assert caught.value.status == 0x1234
        assert 65 - 7 <= len(got) <= 65  # fragments hold multiples of eight octets; the rest waits for the next


@on_a_loop
async def test_the_server_learns_once_that_its_client_died() -> None:
    service = Lab()
    async with rpc.Server([service]) as server:
        channel = testing.connected(server)
        call = LabClient(channel).Upload(0)
        await call.source.push(b"abc")
        await channel.close()
        await service.ended.wait()
        with pytest.raises(ConnectionLost):
            await call.source.push(b"abc")
        with pytest.raises(ConnectionLost):
            await call.complete()
    (error,) = service.errors
    assert isinstance(error, ConnectionLost)


@on_a_loop
async def test_a_server_that_pushes_learns_that_its_client_died() -> None:
    service = Lab()
    async with rpc.Server([service]) as server:
        channel = await rpc.connect(await server.listen("ncacn_ip_tcp:127.0.0.1[0]"))
        call = LabClient(channel).Download(1 << 30, 1 << 16)
        await call.sink.pull()
        await channel.close()
        await service.ended.wait()
    (error,) = service.errors
    assert isinstance(error, ConnectionLost)


@on_a_loop
async def test_the_client_learns_once_that_its_server_died() -> None:
    server = await rpc.Server([Lab()]).__aenter__()
    async with testing.connected(server) as channel:
        up, down = LabClient(channel).Upload(0), LabClient(channel).Download(1 << 30, 1 << 16)
        await up.source.push(b"abc")
        await down.sink.pull()
        for link in tuple(server.links):
            link._transport.abort()
        with pytest.raises(ConnectionLost):
            await push_on(up, 3)
        with pytest.raises(ConnectionLost):
            await up.complete()
        with pytest.raises(ConnectionLost):
            [block async for block in down.sink]
        with pytest.raises(ConnectionLost):
            await down.complete()
    await server.stop()


@on_a_loop
async def test_a_source_that_fails_takes_the_call_with_it() -> None:
    def broken() -> Iterator[bytes]:
        yield b"abc"
        raise KeyError("broken source")

    def sink(block: bytes) -> None:
        raise KeyError("broken sink")

    service = Lab()
    async with testing.channel(service) as channel:
        with pytest.raises(KeyError, match="broken source"):
            await LabClient(channel).Upload(0, broken())
        with pytest.raises(KeyError, match="broken sink"):
            await LabClient(channel).Download(100, 10, sink)
        assert await LabClient(channel).Add(1, 1) == 2
    assert isinstance(service.errors[0], CallCancelled)


@on_a_loop
async def test_a_source_that_waits_does_not_hide_a_fault() -> None:
    async def endless() -> AsyncIterator[bytes]:
        yield bytes(10)
        await asyncio.Event().wait()

    async with testing.channel(Lab()) as channel:
        with pytest.raises(RpcFault):
            await LabClient(channel).Upload(1, endless())


@on_a_loop
async def test_leaving_without_completing_gives_the_call_up() -> None:
    service = Lab()
    async with testing.channel(service) as channel:
        async with LabClient(channel).Upload(0) as call:
            await call.source.push(b"abc" * 10)
            await until(lambda: service.pulled)
        await service.ended.wait()
        assert isinstance(service.errors[0], CallCancelled)
        with pytest.raises(CallCancelled):
            await call.source.push(b"abc")
        assert await LabClient(channel).Add(1, 1) == 2


@on_a_loop
async def test_a_call_that_is_forgotten_is_given_up() -> None:
    service = Lab()
    async with testing.channel(service) as channel:
        await LabClient(channel).Upload(0).source.push(b"abc")
        await service.ended.wait()
        assert await LabClient(channel).Add(1, 1) == 2


def test_who_forgets_to_complete_a_call_with_pipes_finds_it_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    async def forget() -> None:
        async with testing.channel(Lab()) as channel:
            LabClient(channel).Upload(3, b"abc")  # type: ignore[unused-awaitable]
            assert await LabClient(channel).Add(1, 1) == 2

    asyncio.run(forget())
    with testing.blocking_channel(Lab()) as channel:
        LabBlockingClient(channel).Upload(3, b"abc")
    assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == [
        "Upload was begun and forgotten; the call is given up"
    ] * 2


# -- cancelling


@on_a_loop
async def test_a_cancelled_pipe_call_ends_the_servers_pull_when_it_is_given_up() -> None:
    service = Lab()
    async with testing.channel(service, cancel_grace=0.02) as channel:
        async with LabClient(channel).Upload(0) as call:
            await call.source.push(bytes(64))
            while not service.pulled:
                await asyncio.sleep(0)
            call.cancel()
            with pytest.raises(CallCancelled):
                await call.complete()
        await service.ended.wait()
        assert isinstance(service.errors[0], CallCancelled)
        assert await LabClient(channel).Add(1, 1) == 2


@on_a_loop
async def test_a_cancelled_task_cancels_its_pipe_call() -> None:
    service = Lab()

    async def use(client: LabClient) -> None:
        async with client.Upload(0) as call:
            await call.source.push(b"abc" * 10)
            await asyncio.Event().wait()

    async with testing.channel(service, cancel_grace=0.02) as channel:
        task = asyncio.create_task(use(LabClient(channel)))
        await until(lambda: service.pulled)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await service.ended.wait()
        assert await LabClient(channel).Add(1, 1) == 2


@on_a_loop
async def test_a_pull_that_waits_too_long_times_out() -> None:
    async with testing.channel(Lab(), timeout=0.05) as channel:
        async with LabClient(channel).Upload(4) as call:
            await call.source.push(b"")
            with pytest.raises(RpcTimeout):
                await call.complete()
        assert await LabClient(channel, timeout=30).Add(1, 1) == 2


# -- room


@on_a_loop
async def test_a_server_that_does_not_read_stops_its_client() -> None:
    service = Lab()
    pushed = 0
    async with reach("tcp", service) as channel:
        call = LabClient(channel).Upload(3)

        async def push() -> None:
            nonlocal pushed
            while True:
                await call.source.push(bytes(65_536))
                pushed += 65_536

        with pytest.raises(TimeoutError):
            await asyncio.wait_for(push(), 0.5)
        (link,) = channel.pool.links
        # Sockets hold some; we hold no more than one slice.
        assert link._transport.get_write_buffer_size() <= 2 * 65_536
        call.cancel(0)
        service.gate.set()
        with pytest.raises(CallCancelled):
            await call
    assert pushed < 64 << 20


@on_a_loop
async def test_a_client_that_does_not_pull_stops_the_server() -> None:
    service = Lab()
    async with reach("memory", service) as channel:
        call = LabClient(channel).Download(1 << 30, 1 << 16)
        await call.sink.pull()
        await asyncio.sleep(0.05)
        before = service.pulled
        await asyncio.sleep(0.05)
        assert service.pulled == before < 4 << 20
        incoming = call._exchange._incoming
        assert incoming is not None
        assert incoming.buffered < 1 << 20
        call.cancel(0)
        with pytest.raises(CallCancelled):
            await call


@on_a_loop
async def test_calls_with_pipes_have_connections_to_themselves_and_reuse_them() -> None:
    service = Lab()
    async with testing.channel(service) as channel:
        client = LabClient(channel)
        async with client.Upload(0) as one, client.Upload(0) as other:
            await one.source.push(b"a")
            await other.source.push(b"b")
            assert await client.Add(1, 1) == 2
            assert len(channel.pool.links) == 3
            for call in (one, other):
                await call.source.push(())
                assert await call.complete() == 1
        assert len({call.group_id for call in service.calls}) == 1
        assert await client.Upload(0, [b"abc"]) == 3
        assert len(channel.pool.links) == 3


@on_a_loop
async def test_a_channel_opens_no_more_connections_than_allowed() -> None:
    async with testing.channel(Lab(), connections=2) as channel:
        client = LabClient(channel)
        results = await asyncio.gather(*(client.Upload(0, [b"x" * n]).complete() for n in range(10)))
        assert results == list(range(10))
        assert len(channel.pool.links) <= 2


@on_a_loop
async def test_awaiting_a_call_that_has_a_pipe_without_source_or_sink_is_against_the_discipline() -> None:
    async with testing.channel(Lab()) as channel:
        client = LabClient(channel)
        got: list[Any] = []
        halves: list[Any] = [([b"abc"], None), (None, got.append)]
        for call, pipe in (
            (client.Transform(1, halves[0]), "stream"),
            (client.Transform(1, halves[1]), "stream"),
            (client.Scale([[1.0]], 2.0), "scaled"),
            (client.Scale(None, 2.0, got.append), "readings"),
        ):
            with pytest.raises(PipeDiscipline, match=pipe):
                await call
            with pytest.raises(PipeDiscipline, match=pipe):
                await call
        assert got == []
        assert await client.Add(1, 1) == 2


@both
@on_a_loop
async def test_a_source_and_a_sink_go_together_with_pipes_worked_by_hand(make: Callable[[], Any]) -> None:
    async with testing.channel(make()) as channel:
        client = LabClient(channel)
        got: list[Any] = []
        halves: list[Any] = [([b"\0\1"], None), (None, got.append)]
        async with client.Scale([[1.0, 2.0], [3.0]], 2.0) as call:
            scaled = [number async for block in call.scaled for number in block]
            assert await call.complete() == 3
        async with client.Scale(None, 2.0, got.extend) as call:
            await call.readings.push([1.0, 2.0])
            await call.readings.push([3.0])
            await call.readings.push([])
            assert await call.complete() == 3
        assert scaled == got == [2.0, 4.0, 6.0]
        async with client.Transform(1, halves[0]) as duplex:
            assert b"".join([block async for block in duplex.stream]) == b"\1\0"
            assert await duplex.complete() == 2
        async with client.Transform(1, halves[1]) as duplex:
            await duplex.stream.push(b"\0\1")
            await duplex.stream.push(b"")
            assert await duplex.complete() == 2
        assert got[3:] == [b"\1\0"]


@on_a_loop
async def test_a_pipe_by_hand_behind_a_source_that_fails_raises_what_that_raised() -> None:
    async def broken() -> AsyncIterator[list[float]]:
        yield [1.0]
        await asyncio.sleep(0.01)
        raise KeyError("broken source")

    async with testing.channel(Lab()) as channel:
        async with LabClient(channel).Scale(broken(), 2.0) as call:
            for _ in range(2):
                with pytest.raises(KeyError, match="broken source"):
                    await call.scaled.pull()
        assert await LabClient(channel).Add(1, 1) == 2


@on_a_loop
async def test_a_cancelled_call_does_not_wait_for_a_pipe_that_nobody_works() -> None:
    class Heedful(Lab):
        @rpc.cancellable
        async def Scale(self, call: rpc.Call, readings: Any, by: float, scaled: Any) -> int:
            return await super().Scale(call, readings, by, scaled)

    async with testing.channel(Heedful(), cancel_grace=60) as channel:
        call = LabClient(channel).Scale(None, 2.0, print)
        await asyncio.sleep(0.01)
        call.cancel()
        with pytest.raises(CallCancelled):
            await call
