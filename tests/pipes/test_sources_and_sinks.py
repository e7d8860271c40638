"""What a client may hand over for a pipe, what it must not, and what happens when that fails."""

from __future__ import annotations

import asyncio
import io
import socket
from array import array
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from idlrt import pipes, testing
from idlrt.errors import CallCancelled, NdrError, PipeObject, RpcFault
from tests.compiled import compile_cached
from tests.golden.pipes.pipes import READING, PipesBlockingClient, PipesClient
from tests.pipes.manager import Manager, State, octets, pull, push, readings
from tests.rpc.services import on_a_loop


async def _drained(content: Any) -> None:
    async for _ in content:
        pass


@on_a_loop
async def test_a_stream_reader_is_a_source_and_a_stream_writer_is_a_sink() -> None:
    service = Manager()
    async with testing.channel(service) as channel:
        client = PipesClient(channel)
        ours, theirs = socket.socketpair()
        reader, writer = await asyncio.open_connection(sock=ours)
        other_reader, other_writer = await asyncio.open_connection(sock=theirs)
        other_writer.write(b"x" * 100_000 + b"\n" + b"y" * 200_000)
        other_writer.write_eof()
        await client.Upload(1, reader)
        assert service.content == b"x" * 100_000 + b"\n" + b"y" * 200_000
        gathering = asyncio.create_task(other_reader.read())
        assert await client.Merge([b"l" * 300_000], [b"r"], writer) == 300_001
        writer.close()
        assert await gathering == b"l" * 300_000 + b"r"
        with pytest.raises(BrokenPipeError, match='the stream that takes pipe "both" is closed'):
            await client.Merge([b"l"], [b"r"], writer)
        other_writer.close()


@on_a_loop
async def test_one_buffer_is_one_block() -> None:
    service = Manager()
    async with testing.channel(service) as channel:
        client = PipesClient(channel)
        for given in (b"abc", bytearray(b"abc"), memoryview(b"abc"), array("B", b"abc")):
            await client.Send(1, given)
            assert service.content == b"abc"
        got: list[float] = []
        assert await client.Filter(0.0, (array("d", [1.0, 2.0]), got.extend)) == 2
    assert got == [1.0, 2.0]


@on_a_loop
async def test_numbers_go_through_files_as_this_machine_holds_them(tmp_path: Path) -> None:
    kept = array("d", map(float, range(100_000)))
    (tmp_path / "in").write_bytes(kept.tobytes())

    class Odd(io.BytesIO):
        """Gives what cuts elements in two."""

        def read(self, size: int | None = -1) -> bytes:
            return super().read(7)

    async with testing.channel(Manager()) as channel:
        client = PipesClient(channel)
        with (tmp_path / "in").open("rb") as source, (tmp_path / "out").open("wb", buffering=0) as sink:
            assert await client.Filter(50_000.0, (source, sink)) == 50_000
        assert (tmp_path / "out").read_bytes() == kept[50_000:].tobytes()
        got: list[float] = []
        assert await client.Filter(0.0, (Odd(kept[:100].tobytes()), got.extend)) == 100
        assert got == list(kept[:100])
        with pytest.raises(PipeObject, match='file of pipe "numbers" ends inside an element'):
            await client.Filter(0.0, (io.BytesIO(bytes(9)), got.extend))


@on_a_loop
async def test_structures_do_not_go_through_files() -> None:
    async with testing.channel(Manager()) as channel:
        with pytest.raises(PipeObject, match="structures have no form in files or memory"):
            await PipesClient(channel).Fetch(3, io.BytesIO())


def _raises() -> Iterator[bytes]:
    yield b"abc"
    raise KeyError("the source")


async def _raises_later() -> AsyncIterator[bytes]:
    yield b"abc"
    await asyncio.sleep(0)
    raise KeyError("the source")


class _Broken(io.BytesIO):
    def read(self, size: int | None = -1) -> bytes:
        raise KeyError("the source")

    def write(self, data: Any) -> int:
        raise KeyError("the sink")


def _broken(*given: Any) -> Any:
    raise KeyError("the source")


@pytest.mark.parametrize(
    "source",
    [
        lambda: _raises(),
        lambda: _raises_later(),
        lambda: _Broken(),
        lambda: _broken,
        lambda: pipes.Procedures(_broken, None, octets, State()),
        lambda: pipes.Procedures(pull, None, _broken, State()),
    ],
    ids=["iterable", "async iterable", "file", "callable", "pull", "alloc"],
)
@on_a_loop
async def test_a_source_that_raises_takes_the_call_with_it_once(source: Callable[[], Any]) -> None:
    service = Manager()
    service.work = lambda content: _drained(content)
    async with testing.channel(service) as channel:
        call = PipesClient(channel).Send(1, source())
        raised = []
        for _ in range(2):
            with pytest.raises(KeyError, match="the source") as caught:
                await call
            raised.append(caught.value)
        assert raised[0] is raised[1]
        service.work = None
        assert await PipesClient(channel).Send(1, [b"a"]) == 1
    # The manager that waited in its pipe has learned of it, once; it may not have begun.
    assert [type(error) for error in service.errors] in ([], [CallCancelled])


@pytest.mark.parametrize(
    "sink",
    [
        lambda: _broken,
        lambda: pipes.Procedures(None, _broken, readings, State()),
        lambda: pipes.Procedures(None, push, _broken, State()),
    ],
    ids=["callable", "push", "alloc"],
)
@on_a_loop
async def test_a_sink_that_raises_takes_the_call_with_it(sink: Callable[[], Any]) -> None:
    async with testing.channel(Manager()) as channel:
        with pytest.raises(KeyError):
            await PipesClient(channel).Fetch(10, sink())
        assert await PipesClient(channel).Send(1, [b"a"]) == 1


@on_a_loop
async def test_a_sink_gets_what_arrived_before_a_failure_and_only_then_is_that_told() -> None:
    service = Manager()
    got: list[READING] = []

    async def work(readings: Any) -> int:
        for n in range(100):
            await readings.push([READING(n, 0)] * 100)
        raise RpcFault(0x1234)

    async def slow(block: list[READING]) -> None:
        await asyncio.sleep(0)
        got.extend(block)

    service.work = work
    async with testing.channel(service) as channel:
        with pytest.raises(RpcFault) as caught:
            await PipesClient(channel).Fetch(1, slow)
        assert caught.value.status == 0x1234
    assert len(got) >= 10_000 - 1  # fragments hold multiples of eight octets; the rest waits for the next


@on_a_loop
async def test_a_call_can_be_given_up_whose_sink_goes_on_for_ever() -> None:
    entered = asyncio.Event()

    async def stuck(block: bytes) -> None:
        entered.set()
        await asyncio.Event().wait()

    async with testing.channel(Manager()) as channel:
        call = PipesClient(channel).Merge([b"l"], [b"r"], stuck)
        await entered.wait()
        call.cancel()  # which the server, for one, is too late to take notice of
        call.cancel(grace=0)
        for _ in range(2):
            with pytest.raises(CallCancelled):
                await call


TWO = compile_cached(
    """
    [uuid(7c0f0a51-93b5-4f0a-8d47-6f0d5d0c1e07), version(1.0)]
    interface Two { typedef pipe byte OCTETS; long Get([out] OCTETS *first, [out] OCTETS *second); }
    """,
    "two",
).module


class _Two(TWO.TwoService):  # type: ignore[misc, name-defined]
    async def Get(self, call: Any, first: Any, second: Any) -> int:
        await first.push(bytes(12))
        raise RpcFault(0x1234)


@on_a_loop
async def test_a_pipe_by_hand_behind_a_sink_raises_what_ended_the_call() -> None:
    got: list[bytes] = []
    async with testing.channel(_Two()) as channel, TWO.TwoClient(channel).Get(got.append) as call:
        for _ in range(2):
            with pytest.raises(RpcFault) as caught:
                await call.second.pull()
            assert caught.value.status == 0x1234
    assert got == [bytes(12)]


def test_a_pipe_by_hand_behind_a_sink_raises_what_ended_the_call_in_a_thread_too() -> None:
    got: list[bytes] = []
    with testing.blocking_channel(_Two()) as channel, TWO.TwoBlockingClient(channel).Get(got.append) as call:
        with pytest.raises(RpcFault) as caught:
            call.second.pull()
        assert caught.value.status == 0x1234
    assert got == [bytes(12)]


@on_a_loop
async def test_a_file_that_raises_or_is_closed_takes_the_call_with_it() -> None:
    closed = io.BytesIO()
    closed.close()
    async with testing.channel(Manager()) as channel:
        client = PipesClient(channel)
        with pytest.raises(KeyError, match="the sink"):
            await client.Merge([b"a"], [b"b"], _Broken())
        with pytest.raises(ValueError, match="closed"):
            await client.Merge([b"a"], [b"b"], closed)
        with pytest.raises(ValueError, match="closed"):
            await client.Send(1, closed)
        assert await client.Send(1, [b"a"]) == 1


@pytest.mark.parametrize(
    ("source", "kind", "message"),
    [
        (lambda: ["text"], PipeObject, 'source of pipe "content" gave str, where a block of octets was due'),
        (lambda: [1, 2, 3], PipeObject, 'source of pipe "content" gave int'),
        (lambda: [None], PipeObject, "gave NoneType"),
        (lambda: lambda: None, PipeObject, "gave NoneType"),
        (lambda: [[1, 300]], NdrError, r"content\[1\]: 300 does not fit an unsigned octet"),
        (lambda: _Wrapped("text"), PipeObject, 'pipe "content" is fed from a text file; open it in binary mode'),
    ],
)
@on_a_loop
async def test_a_source_that_gives_something_else_is_named(
    source: Callable[[], Any], kind: type[Exception], message: str
) -> None:
    async with testing.channel(Manager()) as channel:
        with pytest.raises(kind, match=message):
            await PipesClient(channel).Send(1, source())
        assert await PipesClient(channel).Send(1, [b"a"]) == 1


@on_a_loop
async def test_what_is_no_source_or_sink_is_refused_before_anything_is_sent() -> None:
    anything: Any
    service = Manager()
    async with testing.channel(service) as channel:
        client = PipesClient(channel)
        for anything in (5, "text", object()):
            with pytest.raises(PipeObject, match=r'pipe "content" cannot be fed from'):
                _ = client.Send(1, anything)
        anything = []
        with pytest.raises(PipeObject, match='pipe "readings" cannot be drained into list; give its append'):
            _ = client.Fetch(1, anything)
        with pytest.raises(PipeObject, match=r'pipe "numbers" goes both ways: it takes \(source, sink\), not list'):
            _ = client.Filter(1.0, anything)
        anything = bytearray()
        with pytest.raises(PipeObject, match='cannot be drained into bytearray; give its extend'):
            _ = client.Fetch(1, anything)
        anything = io.StringIO("text")
        with pytest.raises(PipeObject, match='pipe "content" was given a text file; open it in binary mode'):
            _ = client.Send(1, anything)
        with pytest.raises(PipeObject, match='pipe "readings" was given a text file; open it in binary mode'):
            _ = client.Fetch(1, anything)
        await asyncio.sleep(0)
        assert service.entered == 0


@on_a_loop
async def test_a_fault_ends_procedures_that_would_go_on_for_ever() -> None:
    service = Manager()

    async def work(content: Any) -> int:
        await content.pull()
        raise RpcFault(0x1234)

    service.work = work
    async with testing.channel(service) as channel:
        with pytest.raises(RpcFault) as caught:
            await PipesClient(channel).Send(1, pipes.Procedures(lambda s, m, most: most, None, octets, State()))
    assert caught.value.status == 0x1234


class _Wrapped:
    """A text file that does not look like one."""

    def __init__(self, text: str) -> None:
        self._file = io.StringIO(text)

    def read(self, size: int) -> Any:
        return self._file.read(size)


class _Awaited:
    async def read(self, size: int) -> bytes:
        return b""

    async def write(self, data: bytes) -> int:
        return len(data)


def test_threads_take_nothing_that_has_to_be_awaited() -> None:
    async def block() -> bytes:
        return b""

    async def take(block: Any) -> None: ...

    anything: Any
    with testing.blocking_channel(Manager()) as channel:
        client = PipesBlockingClient(channel)
        for anything in (_raises_later(), _Awaited(), block):
            with pytest.raises(PipeObject, match=r'pipe "content" cannot be fed from .* by a thread'):
                client.Send(1, anything)
        for anything in (_Awaited(), take):
            with pytest.raises(PipeObject, match=r'pipe "readings" cannot be drained into .* by a thread'):
                client.Fetch(1, anything)


@on_a_loop
async def test_a_file_whose_methods_are_coroutines_is_awaited() -> None:
    class File(_Awaited):
        def __init__(self, data: bytes) -> None:
            self.data = data

        async def read(self, size: int) -> bytes:
            data, self.data = self.data[:2], self.data[2:]
            return data

        async def write(self, data: bytes) -> int:
            self.data += data
            return len(data)

    sink: Any = File(b"")
    async with testing.channel(Manager()) as channel:
        assert await PipesClient(channel).Merge(File(b"left"), File(b"right"), sink) == 9
    assert sink.data == b"leftright"
