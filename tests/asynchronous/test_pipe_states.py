"""Asynchronous pipes in MIDL's form: the state tables of "Asynchronous Pipe State", every row from both ends.

Each program is a state machine that events alone drive, as a C program with callbacks is: it pushes when SEND_COMPLETE
is told and pulls when RECEIVE_COMPLETE is, and never waits.
"""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Callable, Iterable
from random import Random
from struct import pack
from typing import Any

import pytest

from idlrt import pipes, rpc, testing
from idlrt.errors import (
    AsyncCallPending,
    CallCancelled,
    ConnectionLost,
    InvalidAsyncHandle,
    LocalProtocolError,
    PipeClosed,
    PipeDiscipline,
    PipeEmpty,
    PipeMemory,
    PipeOrder,
    RpcError,
    RpcFault,
)
from idlrt.rpc import AsyncEvent
from idlrt.transport.memory import join
from tests.pipes.test_odd_servers import Scripted
from tests.rpc.services import WAYS, Lab, on_a_loop, reach
from tests.rpc.specimen.lab import LabClient

COMPLETE, SENT, RECEIVED = AsyncEvent.CALL_COMPLETE, AsyncEvent.SEND_COMPLETE, AsyncEvent.RECEIVE_COMPLETE
PENDING, INVALID_HANDLE = 997, 1914
BLOCKS = [bytes([number]) * 30_000 for number in range(1, 21)]
DATA = b"".join(BLOCKS)

everywhere = pytest.mark.parametrize("way", WAYS)


class Program:
    """One end of a call: pushes blocks and the end, pulls to the end, and says so; each step at an event."""

    def __init__(self) -> None:
        self.events: list[AsyncEvent] = []
        self.got = bytearray()
        self.to_push: list[bytes] = []
        self.done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.done.add_done_callback(lambda done: done.cancelled() or done.exception())

    def push(self, pipe: Any) -> bool:
        """The next block, overwritten at once; whether that was the end."""
        block = bytearray(self.to_push.pop(0))
        pipe.push_nowait(block)
        ended = not block
        block[:] = b"\xff" * len(block)
        return ended

    def pull(self, pipe: Any) -> bool:
        """All that is there; whether that was the end."""
        while True:
            try:
                block = pipe.pull_nowait(7000)
            except AsyncCallPending as error:
                assert error.status == PENDING
                return False
            if not block:
                return True
            self.got += block


class ClientProgram(Program):
    """The client's columns of the tables."""

    def __init__(self, call: Any, pushes: Any = None, pulls: Any = None, blocks: Iterable[bytes] = BLOCKS) -> None:
        super().__init__()
        self.pushes, self.pulls = pushes, pulls
        self.to_push = [*blocks, b""] if pushes is not None else []
        self.handle = call.handle(self.told, notify_on_send_complete=True)
        if pushes is None:
            self.pull(pulls)

    def told(self, handle: Any, event: AsyncEvent) -> None:
        assert handle is self.handle
        self.events.append(event)
        try:
            if event is SENT and self.to_push:
                if self.push(self.pushes) and self.pulls is not None:
                    self.pull(self.pulls)  # at once after the null push
            elif event is RECEIVED:
                self.pull(self.pulls)
            elif event is COMPLETE:
                self.done.set_result(handle.complete())
        except RpcError as error:
            self.done.set_exception(error)


class ServerProgram(Program):
    """The server's columns of the tables."""

    def __init__(self, call: rpc.Call, pulls: Any, pushes: Any, answer: Callable[[bytes], list[bytes]]) -> None:
        super().__init__()
        self.pulls, self.pushes, self.answer = pulls, pushes, answer
        self.drained = pulls is None
        self.reply: Any = call.defer(self.told, notify_on_send_complete=True)
        self.take()

    def take(self) -> None:
        if not self.drained:
            self.drained = self.pull(self.pulls)
        if self.drained:
            self.begin()

    def begin(self) -> None:
        if self.pushes is None:
            self.reply.complete(len(self.got))
        else:
            self.to_push = [*self.answer(bytes(self.got)), b""]
            self.push(self.pushes)

    def told(self, reply: Any, event: AsyncEvent) -> None:
        self.events.append(event)
        try:
            if not self.drained:  # COMPLETE tells of a failure, which the pipe raises
                self.take()
            elif self.to_push:
                self.push(self.pushes)
            else:  # the null push is sent, too
                reply.complete(len(self.got))
        except RpcError as error:
            self.done.set_exception(error)


def halves(got: bytes) -> list[bytes]:
    """An answer of two blocks."""
    return [got[: len(got) // 2], got[len(got) // 2 :]] if len(got) > 1 else [got] if got else []


class MidlLab(Lab):
    """The service with asynchronous functions in MIDL's form."""

    program: ServerProgram

    def __init__(self) -> None:
        super().__init__()
        self.started = asyncio.Event()

    def start(self, call: rpc.Call, pulls: Any, pushes: Any, answer: Callable[[bytes], list[bytes]]) -> Any:
        self.program = ServerProgram(call, pulls, pushes, answer)
        self.started.set()
        return self.program.reply

    async def Upload(self, call: rpc.Call, id: int, source: pipes.PipeReader[bytes]) -> Any:
        return self.start(call, source, None, lambda got: [])

    async def Download(self, call: rpc.Call, total: int, block: int, sink: pipes.PipeWriter[pipes.Bytes]) -> Any:
        return self.start(call, None, sink, lambda got: list(BLOCKS))

    async def Transform(self, call: rpc.Call, key: int, stream: pipes.PipeDuplex[pipes.Bytes, bytes]) -> Any:
        return self.start(call, stream, stream, halves)


class WaitingLab(Lab):
    """The same service as coroutines that wait."""

    async def Upload(self, call: rpc.Call, id: int, source: pipes.PipeReader[bytes]) -> int:
        return sum([len(block) async for block in source])

    async def Download(self, call: rpc.Call, total: int, block: int, sink: pipes.PipeWriter[pipes.Bytes]) -> int:
        for each in BLOCKS:
            await sink.push(each)
        await sink.push(b"")
        return 0

    async def Transform(self, call: rpc.Call, key: int, stream: pipes.PipeDuplex[pipes.Bytes, bytes]) -> int:
        got = [block async for block in stream]
        for block in got:
            await stream.push(block)
        await stream.push(b"")
        return sum(map(len, got))


def begin(client: LabClient, row: str) -> tuple[Any, Any, Any]:
    """The call of a row of the table, the pipe that it pushes to, and the one that it pulls from."""
    if row == "in":
        up = client.Upload(0)
        return up, up.source, None
    if row == "out":
        down = client.Download(0, 0)
        return down, None, down.sink
    both = client.Transform(0)
    return both, both.stream, both.stream


rows = pytest.mark.parametrize("row", ["in", "out", "in, out"])
services = pytest.mark.parametrize("service", [MidlLab, WaitingLab])


# -- 9.13: the tables


@rows
@services
@everywhere
@on_a_loop
async def test_rule_9_13_the_clients_column(way: str, service: type[Lab], row: str) -> None:
    async with reach(way, service()) as channel:
        program = ClientProgram(*begin(LabClient(channel), row))
        result = await program.done
        assert program.events[-1] is COMPLETE
        assert program.events.count(COMPLETE) == 1
        if row == "in":
            assert result == len(DATA)
            assert program.got == b""
            assert RECEIVED not in program.events
        else:
            assert program.got == DATA
        if row == "out":
            assert program.events.count(SENT) == 1  # of the call itself
        else:
            # The call's, and one for each push; that of the null push may come together with the answer.
            assert program.events.count(SENT) in (1 + len(BLOCKS), 2 + len(BLOCKS))


@rows
@everywhere
@on_a_loop
async def test_rule_9_13_the_servers_column(way: str, row: str) -> None:
    service = MidlLab()
    async with reach(way, service) as channel:
        client = LabClient(channel)
        got = bytearray()
        if row == "in":
            assert await client.Upload(0, BLOCKS) == len(DATA)
        elif row == "out":
            assert await client.Download(0, 0, got.extend) == 0
        else:
            assert await client.Transform(0, (BLOCKS, got.extend)) == len(DATA)
        program = service.program
        assert program.got == (b"" if row == "out" else DATA)
        assert got == (b"" if row == "in" else DATA)
        pushes = {"in": 0, "out": len(BLOCKS) + 1, "in, out": 3}[row]
        assert program.events.count(SENT) == pushes  # the null push has its own, which is waited for
        assert COMPLETE not in program.events


@on_a_loop
async def test_rule_9_13_the_call_itself_produces_the_first_send_complete() -> None:
    events: list[AsyncEvent] = []
    told = asyncio.Event()

    def notify(handle: Any, event: AsyncEvent) -> None:
        events.append(event)
        told.set()

    async with testing.channel(MidlLab()) as channel:
        call = LabClient(channel).Upload(0)
        handle = call.handle(notify, notify_on_send_complete=True)
        await told.wait()
        await turns()
        assert events == [SENT]
        call.source.push_nowait(b"abc")
        assert events == [SENT]  # never before the push returns
        await turns()
        assert events == [SENT, SENT]
        handle.cancel(True)


async def turns() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


# -- 9.4 to 9.10


@on_a_loop
async def test_rule_9_4_both_programs_push_and_pull() -> None:
    service = MidlLab()
    async with testing.channel(service) as channel:
        program = ClientProgram(*begin(LabClient(channel), "in, out"))
        assert await program.done == len(DATA)
        assert program.got == service.program.got == DATA


@on_a_loop
async def test_rule_9_5_a_push_of_nothing_ends_the_pipe() -> None:
    async with testing.channel(MidlLab()) as channel:
        program = ClientProgram(*begin(LabClient(channel), "in"), blocks=[])
        assert await program.done == 0


@on_a_loop
async def test_rule_9_5_after_a_push_the_buffer_is_the_callers_again() -> None:
    """Both programs overwrite every block as soon as they have pushed it, see `Program.push`."""
    async with reach("tcp", MidlLab()) as channel:
        program = ClientProgram(*begin(LabClient(channel), "in, out"))
        await program.done
        assert program.got == DATA


@on_a_loop
async def test_rule_9_6_pushes_that_do_not_wait_are_buffered_and_told_of_together() -> None:
    async with reach("tcp", MidlLab()) as channel:
        call, pushes, _ = begin(LabClient(channel), "in")
        events: list[AsyncEvent] = []
        done = asyncio.Event()

        def notify(handle: Any, event: AsyncEvent) -> None:
            events.append(event)
            if event is COMPLETE:
                done.set()

        handle = call.handle(notify, notify_on_send_complete=True)
        for _ in range(100):
            pushes.push_nowait(bytes(10_000))
        pushes.push_nowait(b"")
        await done.wait()
        assert handle.complete() == 1_000_000
        assert 1 <= events.count(SENT) <= 3


@on_a_loop
async def test_rule_9_6_the_backlog_bounds_what_is_buffered() -> None:
    service = Lab()  # whose Upload(3) does not read
    async with reach("tcp", service, pipe_backlog=2 << 20) as channel:
        call = LabClient(channel).Upload(3)
        handle = call.handle()
        pushed = 0

        async def push_on() -> None:
            nonlocal pushed
            while True:
                call.source.push_nowait(bytes(100_000))
                pushed += 100_000
                await asyncio.sleep(0)

        with pytest.raises(PipeMemory) as caught:
            await push_on()
        assert caught.value.status == 14  # RPC_X_PIPE_APP_MEMORY
        assert 2 << 20 <= pushed < 40 << 20  # sockets hold some
        assert handle.status() == INVALID_HANDLE
        service.gate.set()
        await service.ended.wait()
        assert isinstance(service.errors[0], CallCancelled | ConnectionLost)
        assert await LabClient(channel).Add(1, 1) == 2


@on_a_loop
async def test_rule_9_6_a_window_or_a_backlog_of_nothing_is_refused() -> None:
    for wrong in ({"pipe_window": 0}, {"pipe_backlog": 0}):
        with pytest.raises(ValueError, match="1 or more"):
            rpc.Server([Lab()], **wrong)  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="1 or more"):
            testing.connected(rpc.Server([Lab()]), **wrong)


@on_a_loop
async def test_rule_9_6_a_server_has_a_backlog_too() -> None:
    class Hasty(Lab):
        async def Download(self, call: rpc.Call, total: int, block: int, sink: pipes.PipeWriter[pipes.Bytes]) -> int:
            while True:
                sink.push_nowait(bytes(100_000))

    async with (
        rpc.Server([Hasty()], pipe_backlog=1 << 20) as server,
        rpc.connect(await server.listen("ncacn_ip_tcp:127.0.0.1[0]")) as channel,
    ):
        call = LabClient(channel).Download(0, 0)
        with pytest.raises(PipeMemory):
            [block async for block in call.sink]


@on_a_loop
async def test_rule_9_8_a_pull_gives_data_or_the_end_or_is_pending_and_then_it_is_called_again() -> None:
    told = asyncio.Event()
    events: list[AsyncEvent] = []

    def notify(handle: Any, event: AsyncEvent) -> None:
        events.append(event)
        told.set()

    service = Gated()
    async with testing.channel(service) as channel:
        call = LabClient(channel).Download(0, 0)
        call.handle(notify)
        service.gate.set()
        for block in (b"twelve octet", b"four", b""):  # fragments hold multiples of eight octets
            for _ in range(2):
                with pytest.raises(AsyncCallPending) as caught:
                    call.sink.pull_nowait()
                assert caught.value.status == PENDING
            await turns()
            assert not told.is_set()
            service.blocks.put_nowait(block)
            await told.wait()
            await turns()
            assert events == [RECEIVED]
            assert call.sink.pull_nowait() == block
            events.clear()
            told.clear()


class Gated(Lab):
    """Its Download pushes what it is given from outside, Upload pulls when it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks: asyncio.Queue[bytes | Exception] = asyncio.Queue()

    async def Download(self, call: rpc.Call, total: int, block: int, sink: pipes.PipeWriter[pipes.Bytes]) -> int:
        while True:
            what = await self.blocks.get()
            if isinstance(what, Exception):
                raise what
            await sink.push(what)
            if not what:
                await self.gate.wait()
                return 5


@on_a_loop
async def test_rule_9_9_a_failure_is_told_as_the_calls_completion_and_not_as_progress_of_a_pipe() -> None:
    service = Gated()
    async with testing.channel(service) as channel:
        program = ClientProgram(*begin(LabClient(channel), "out"))
        service.blocks.put_nowait(RpcFault(0x1234))
        with pytest.raises(RpcFault) as caught:
            await program.done
        assert caught.value.status == 0x1234
        assert program.events == [SENT, COMPLETE]


@on_a_loop
async def test_rule_9_10_pipes_and_reply_live_on_when_the_method_has_returned() -> None:
    service = MidlLab()
    async with testing.channel(service) as channel:
        call = LabClient(channel).Transform(0)
        handle = call.handle()
        call.stream.push_nowait(b"abc")
        await service.started.wait()
        await turns()
        call.stream.push_nowait(b"")
        assert b"".join([block async for block in call.stream]) == b"abc"
        while handle.status() == PENDING:
            await asyncio.sleep(0)
        assert handle.complete() == 3


# -- 9.11, 9.12 and 9.14: failures


async def _misuse(call: Any, wrong: Callable[[], object], error: type[RpcError]) -> None:
    events: list[AsyncEvent] = []
    handle = call.handle(lambda handle, event: events.append(event))
    with pytest.raises(error):
        wrong()
    await turns()
    assert events == []
    assert handle.status() == INVALID_HANDLE
    with pytest.raises(InvalidAsyncHandle):
        handle.complete()
    with pytest.raises(InvalidAsyncHandle):
        handle.cancel(True)


def _push_twice(pipe: Any) -> None:
    pipe.push_nowait(b"")
    pipe.push_nowait(b"after the end")


@on_a_loop
async def test_rule_9_11_a_failing_push_or_pull_of_the_client_has_cleaned_up() -> None:
    service = Lab()
    async with testing.channel(service) as channel:
        client = LabClient(channel)
        async with client.Transform(0) as both:
            await _misuse(both, lambda: both.stream.pull_nowait(), PipeOrder)
        async with client.Upload(0) as up:
            await _misuse(up, lambda: _push_twice(up.source), PipeClosed)
        async with client.Upload(0) as up:
            await _misuse(up, lambda: up.source.push_nowait(5), RpcError)  # type: ignore[arg-type]
        await service.ended.wait()
        assert isinstance(service.errors[0], CallCancelled | ConnectionLost)
        assert await client.Add(1, 1) == 2


@on_a_loop
async def test_rule_9_11_a_handle_whose_pipe_failed_serves_the_next_call() -> None:
    async with testing.channel(Lab()) as channel:
        client = LabClient(channel)
        async with client.Transform(0) as both:
            handle: Any = both.handle()
            with pytest.raises(PipeOrder):
                both.stream.pull_nowait()
        call = client.Sleep(1)
        handle.attach(call)
        while handle.status() == PENDING:
            await asyncio.sleep(0.001)
        assert handle.complete() == 1


@on_a_loop
async def test_rule_9_11_misuse_is_final_even_when_the_answer_is_there() -> None:
    async with testing.channel(Lab()) as channel, LabClient(channel).Download(0, 1) as call:
        assert await call.sink.pull() == b""
        while not call.done:
            await asyncio.sleep(0)
        await _misuse(call, lambda: call.sink.pull_nowait(), PipeEmpty)


@on_a_loop
async def test_rule_9_11_a_failing_push_or_pull_of_the_server_has_answered() -> None:
    class Wrong(Lab):
        reply: Any

        async def Transform(self, call: rpc.Call, key: int, stream: pipes.PipeDuplex[pipes.Bytes, bytes]) -> Any:
            self.reply = call.defer()
            with pytest.raises(PipeOrder):
                stream.push_nowait(b"before the [in] part is drained")
            return self.reply

    service = Wrong()
    async with testing.channel(service) as channel:
        with pytest.raises(PipeOrder, match="the server says"):
            await LabClient(channel).Transform(0, (BLOCKS, print))
        assert service.reply.status() == INVALID_HANDLE
        with pytest.raises(InvalidAsyncHandle):
            service.reply.complete(0)
        with pytest.raises(InvalidAsyncHandle):
            service.reply.abort(5)
        assert await LabClient(channel).Add(1, 1) == 2


@on_a_loop
async def test_rule_9_11_what_a_pipe_has_raised_in_a_method_that_lets_it_through_is_answered_once() -> None:
    class Wrong(Lab):
        async def Upload(self, call: rpc.Call, id: int, source: pipes.PipeReader[bytes]) -> Any:
            reply: Any = call.defer()
            while await source.pull():
                pass
            source.pull_nowait()
            return reply

    async with testing.channel(Wrong()) as channel:
        with pytest.raises(PipeEmpty, match="the server says"):
            await LabClient(channel).Upload(0, BLOCKS)
        assert await LabClient(channel).Add(1, 1) == 2


@on_a_loop
async def test_an_answer_before_the_end_of_the_in_pipe_is_no_failure_of_the_push() -> None:
    async def opener(factory: Callable[[], Any]) -> Any:
        link = factory()
        join(link, Scripted(pack("<i", 5)))
        return link

    async with rpc.Channel(rpc.StringBinding("memory"), opener=opener) as channel:
        call = LabClient(channel).Upload(0)
        told = asyncio.Event()
        handle = call.handle(told)
        call.source.push_nowait(b"12345678")
        await told.wait()
        with pytest.raises(PipeClosed, match="answered"):
            call.source.push_nowait(b"more")
        assert handle.complete() == 5


@on_a_loop
async def test_pipes_that_belong_to_another_thread_say_so() -> None:
    async with testing.channel(Lab()) as channel, LabClient(channel).Transform(0) as call:
        for use in (call.stream.pull_nowait, lambda: call.stream.push_nowait(b"abc")):
            with pytest.raises(LocalProtocolError, match="event loop"):
                await asyncio.to_thread(use)
        await call.stream.push(b"")
        assert await call.stream.pull() == b""
        assert await call.complete() == 0


@on_a_loop
async def test_rule_9_12_a_client_that_completes_before_its_pipes_are_done_breaks_the_discipline() -> None:
    async with testing.channel(MidlLab()) as channel:
        for row in ("in", "out", "in, out"):
            call, _, _ = begin(LabClient(channel), row)
            handle = call.handle()
            with pytest.raises(PipeDiscipline) as caught:
                handle.complete()
            assert caught.value.status == 1917
            assert handle.status() == INVALID_HANDLE


@on_a_loop
async def test_rule_9_12_a_server_that_completes_with_undrained_pipes_breaks_the_discipline() -> None:
    class Early(Lab):
        error: Exception

        async def Upload(self, call: rpc.Call, id: int, source: pipes.PipeReader[bytes]) -> Any:
            reply: Any = call.defer()
            try:
                reply.complete(0)
            except RpcError as error:
                self.error = error
            return reply

    service = Early()
    async with testing.channel(service) as channel:
        with pytest.raises(PipeDiscipline, match="the server says"):
            await LabClient(channel).Upload(0, BLOCKS)
        assert isinstance(service.error, PipeDiscipline)


@on_a_loop
async def test_rule_9_12_what_fails_to_arrive_shows_at_the_servers_next_pull() -> None:
    service = MidlLab()
    async with rpc.Server([service]) as server:
        channel = testing.connected(server)
        call = LabClient(channel).Upload(0)
        call.source.push_nowait(b"12345678")
        await service.started.wait()
        await turns()
        await channel.close()
        with pytest.raises(ConnectionLost):
            await service.program.done
        assert service.program.got == b"12345678"
        assert service.program.events[-1] is COMPLETE
        assert service.program.reply.status() == INVALID_HANDLE


@on_a_loop
async def test_rule_9_14_a_client_in_trouble_cancels_and_still_gets_its_completion() -> None:
    for abort in (True, False):
        service = Lab()
        async with testing.channel(service) as channel:
            call = LabClient(channel).Upload(4)  # which never reads, and heeds a cancel
            program = ClientProgram(call, call.source, blocks=[])
            program.to_push = [b"abc"]  # and no end
            await turns()
            program.handle.cancel(abort)
            with pytest.raises(CallCancelled):
                await program.done
            assert program.events[-1] is COMPLETE
            assert program.handle.status() == INVALID_HANDLE
            await service.ended.wait()


@on_a_loop
async def test_rule_9_14_a_client_that_waits_to_push_learns_of_a_failure_by_its_completion() -> None:
    class Failing(Lab):
        async def Upload(self, call: rpc.Call, id: int, source: pipes.PipeReader[bytes]) -> int:
            await self.gate.wait()
            raise RpcFault(0x1234)

    service = Failing()
    async with reach("tcp", service) as channel:
        program = ClientProgram(*begin(LabClient(channel), "in"), blocks=[bytes(15 << 20)])
        while SENT not in program.events:
            await asyncio.sleep(0)
        service.gate.set()
        with pytest.raises(RpcFault) as caught:
            await program.done
        assert caught.value.status == 0x1234
        assert program.events == [SENT, COMPLETE]


@on_a_loop
async def test_rule_9_14_a_server_in_trouble_aborts() -> None:
    service = MidlLab()
    async with testing.channel(service) as channel:
        for row in ("in", "out", "in, out"):
            service.started.clear()
            program = ClientProgram(*begin(LabClient(channel), row), blocks=[])
            program.to_push = [] if row == "out" else [b"abc"]  # and no end
            await service.started.wait()
            service.program.to_push = []
            service.program.reply.abort(0x4321)
            with pytest.raises(RpcFault) as caught:
                await program.done
            assert caught.value.status == 0x4321
            assert service.program.reply.status() == INVALID_HANDLE


@on_a_loop
async def test_rule_9_14_a_server_whose_client_has_gone_completes_all_the_same() -> None:
    class Slow(Lab):
        reply: Any
        told: list[AsyncEvent]

        async def Download(self, call: rpc.Call, total: int, block: int, sink: pipes.PipeWriter[pipes.Bytes]) -> Any:
            self.told = []
            self.reply = call.defer(lambda reply, event: self.told.append(event), notify_on_send_complete=True)
            sink.push_nowait(bytes(15 << 20))
            sink.push_nowait(b"")
            return self.reply

    service = Slow()
    async with rpc.Server([service]) as server:
        channel = await rpc.connect(await server.listen("ncacn_ip_tcp:127.0.0.1[0]"))
        call = LabClient(channel).Download(0, 0)
        await call.sink.pull()
        assert service.told == []  # the null push has not been sent
        await channel.close()
        while not service.told:
            await asyncio.sleep(0.001)
        assert service.told == [COMPLETE]
        service.reply.complete(0)


@on_a_loop
async def test_rule_9_14_a_method_may_raise_before_it_hands_its_pipes_on() -> None:
    class Raising(Lab):
        async def Download(self, call: rpc.Call, total: int, block: int, sink: pipes.PipeWriter[pipes.Bytes]) -> Any:
            raise RpcFault(0x77)

    async with testing.channel(Raising()) as channel:
        program = ClientProgram(*begin(LabClient(channel), "out"))
        with pytest.raises(RpcFault) as caught:
            await program.done
        assert caught.value.status == 0x77


@on_a_loop
async def test_rule_9_14_a_call_that_cannot_be_made_is_told_as_complete() -> None:
    async with testing.channel(Lab()) as channel:
        await channel.close()
        call = LabClient(channel).Upload(0)
        events: list[AsyncEvent] = []
        done = asyncio.Event()

        def notify(handle: Any, event: AsyncEvent) -> None:
            events.append(event)
            done.set()

        handle = call.handle(notify, notify_on_send_complete=True)
        await done.wait()
        assert events == [COMPLETE]
        with pytest.raises(ConnectionLost):
            handle.complete()


# -- 9.15 to 9.17


@on_a_loop
async def test_rule_9_15_after_the_end_of_an_out_pipe_the_completion_is_waited_for() -> None:
    service = Gated()
    async with testing.channel(service) as channel:
        program = ClientProgram(*begin(LabClient(channel), "out"))
        service.blocks.put_nowait(b"12345678")
        service.blocks.put_nowait(b"")
        while RECEIVED not in program.events:
            await asyncio.sleep(0)
        await turns()
        assert program.got == b"12345678"
        assert program.handle.status() == PENDING
        with pytest.raises(AsyncCallPending):
            program.handle.complete()
        service.gate.set()
        assert await program.done == 5


@on_a_loop
async def test_rule_9_15_the_completion_comes_after_the_end_was_pulled() -> None:
    events: list[AsyncEvent] = []
    async with testing.channel(WaitingLab()) as channel:
        call = LabClient(channel).Download(0, 0)
        handle = call.handle(lambda handle, event: events.append(event))
        while not call.done:
            await asyncio.sleep(0)
            while True:
                try:
                    call.sink.pull_nowait(29_999)
                except AsyncCallPending:
                    break
                if call.done:
                    break
        await turns()
        assert COMPLETE not in events
        assert handle.status() == PENDING
        while call.sink.pull_nowait():
            pass
        await turns()
        assert events[-1] is COMPLETE
        assert handle.complete() == 0


def test_rule_9_16_pending_is_one_number_under_two_names() -> None:
    assert AsyncCallPending.status == 997


@rows
@on_a_loop
async def test_rule_9_17_programs_that_wait_and_programs_that_do_not_understand_each_other(row: str) -> None:
    for service in (MidlLab, WaitingLab):
        async with testing.channel(service()) as channel:
            program = ClientProgram(*begin(LabClient(channel), row))
            await program.done
            got = bytearray()
            client = LabClient(channel)
            if row == "in":
                await client.Upload(0, BLOCKS)
            elif row == "out":
                await client.Download(0, 0, got.extend)
            else:
                await client.Transform(0, (BLOCKS, got.extend))
            assert got == program.got


@on_a_loop
async def test_rule_9_17_the_octets_are_the_same_however_they_were_pushed() -> None:
    async def stub(push: Callable[[Any], Any]) -> bytes:
        octets = bytearray()

        async with testing.channel(WaitingLab()) as channel, LabClient(channel).Upload(0) as call:
            link = channel.pool.links[0]
            send = link.send_stub

            def recorded(call_id: int, parts: Any, last: bool) -> None:
                octets.extend(b"".join(parts))
                send(call_id, parts, last)

            link.send_stub = recorded  # type: ignore[method-assign]
            link.send_block = lambda call_id, head, data: recorded(call_id, (head, data), False)  # type: ignore[method-assign]
            await push(call.source)
            await call.complete()
        return bytes(octets)

    async def waiting(pipe: Any) -> None:
        for block in (*BLOCKS, b"abc", b""):
            await pipe.push(block)

    async def hasty(pipe: Any) -> None:
        for block in (*BLOCKS, b"abc", b""):
            pipe.push_nowait(block)

    first = await stub(waiting)
    assert first == await stub(hasty)
    assert len(first) > len(DATA)


# -- any mixture


class Mixing(Lab):
    """Pulls and pushes as chance has it, waiting and not waiting."""

    def __init__(self, chance: Random) -> None:
        super().__init__()
        self.chance = chance

    async def Transform(self, call: rpc.Call, key: int, stream: pipes.PipeDuplex[pipes.Bytes, bytes]) -> int:
        got = await pull_all(stream, self.chance)
        await push_all(stream, got, self.chance)
        return len(got)


async def push_all(pipe: Any, data: bytes, chance: Random) -> None:
    at = 0
    while at < len(data):
        block = bytearray(data[at : at + chance.choice((1, 7, 8, 1000, 20_000, 700_000))])
        at += len(block)
        if chance.random() < 0.7:
            pipe.push_nowait(block)
        else:
            await pipe.push(block)
        block[:] = bytes(len(block))
        if chance.random() < 0.2:
            await asyncio.sleep(0)
    pipe.push_nowait(b"")


async def pull_all(pipe: Any, chance: Random) -> bytes:
    got = bytearray()
    while True:
        most = chance.choice((None, 1, 7, 5000, 300_000))
        try:
            block = pipe.pull_nowait(most) if chance.random() < 0.5 else await pipe.pull(most)
        except AsyncCallPending:
            await asyncio.sleep(0)
            continue
        if not block:
            return bytes(got)
        got += block


@pytest.mark.parametrize("seed", range(6))
@on_a_loop
async def test_any_mixture_of_waiting_and_not_waiting_moves_the_same_octets(seed: int) -> None:
    chance = Random(seed)
    data = chance.randbytes(3_000_000)
    window = chance.choice((1, 1000, 256 << 10))
    async with rpc.Server([Mixing(chance)], pipe_window=window) as server:
        binding = await server.listen("ncacn_ip_tcp:127.0.0.1[0]")
        async with rpc.connect(binding, pipe_window=window) as channel, LabClient(channel).Transform(0) as call:
            await push_all(call.stream, data, chance)
            assert await pull_all(call.stream, chance) == data
            assert await call.complete() == len(data)


@on_a_loop
async def test_calls_that_are_over_are_no_garbage() -> None:
    async with testing.channel(Lab()) as channel:
        client = LabClient(channel)
        gc.collect()
        gc.disable()
        try:
            plain, piped = client.Sleep(0), client.Transform(0)
            left = [weakref.ref(call._exchange) for call in (plain, piped)]
            await plain
            handle = piped.handle(lambda handle, event: None)
            piped.stream.push_nowait(b"")
            assert await piped.stream.pull() == b""
            while handle.status() == PENDING:
                await asyncio.sleep(0)
            assert handle.complete() == 0
            del plain, piped, handle
            await turns()
            assert [ref() for ref in left] == [None, None]
        finally:
            gc.enable()
