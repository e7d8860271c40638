"""MIDL's form of asynchronous calls and pipes at a client of threads: polled, told, cancelled, in every direction."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent import futures
from typing import Any

import pytest

from idlrt import blocking, rpc
from idlrt.errors import (
    AsyncCallPending,
    CallCancelled,
    ConnectionLost,
    InvalidAsyncHandle,
    PipeDiscipline,
    PipeMemory,
    PipeOrder,
    RpcFault,
    RpcTimeout,
)
from idlrt.rpc import AsyncEvent
from tests.blocking.reached import PATIENCE, SECOND, Program, Told, cut, on_the_loop, reached, watchers
from tests.rpc.services import Lab, stubbornly
from tests.rpc.specimen.lab import LabBlockingClient

COMPLETE, SENT, RECEIVED = AsyncEvent.CALL_COMPLETE, AsyncEvent.SEND_COMPLETE, AsyncEvent.RECEIVE_COMPLETE
PENDING, CANCELLED, INVALID_HANDLE = 997, 1818, 1914
BLOCKS = tuple(bytes([number]) * 30_000 for number in range(1, 21))
DATA = b"".join(BLOCKS)


class Gated(Lab):
    """`Sleep` answers when its gate opens: with its argument, or with a fault."""

    def __init__(self) -> None:
        super().__init__()
        self.heard = threading.Event()

    async def Sleep(self, call: rpc.Call, milliseconds: int) -> int:
        self.calls.append(call)
        waiting = asyncio.ensure_future(call.until_cancelled())
        waiting.add_done_callback(lambda _: self.heard.set())
        try:
            await stubbornly(self.gate)
        finally:
            waiting.cancel()
        if milliseconds < 0:
            raise RpcFault(-milliseconds)
        if call.cancelled:
            raise CallCancelled
        return milliseconds


def polled(handle: Any) -> int:
    """The final status, asked for again and again."""
    late = time.monotonic() + PATIENCE
    status: int = handle.status()
    while status == PENDING and time.monotonic() < late:
        time.sleep(0.001)
        status = handle.status()
    return status


def test_rule_7_9_a_thread_may_poll_and_nothing_else_runs_meanwhile() -> None:
    service = Gated()
    with reached(service) as (channel, server):
        handle = LabBlockingClient(channel).Sleep(7).handle()
        assert handle.status() == PENDING
        with pytest.raises(AsyncCallPending):
            handle.complete()
        assert not watchers()
        on_the_loop(server, service.gate.set)
        assert polled(handle) == 0
        assert handle.complete() == 7
        with pytest.raises(InvalidAsyncHandle):
            handle.complete()
        assert not watchers()


def test_rule_7_9_a_thread_may_be_told_by_a_callback_an_event_or_a_future() -> None:
    service = Gated()
    with reached(service) as (channel, server):
        client = LabBlockingClient(channel)
        told, event, future = Told(), threading.Event(), futures.Future[AsyncEvent]()
        ways: tuple[Any, ...] = (told, event, future)
        handles = [client.Sleep(number).handle(how) for number, how in enumerate(ways)]
        assert len(watchers()) == 1
        assert not event.is_set()
        on_the_loop(server, service.gate.set)
        assert told.next() is COMPLETE
        assert told.handles == [handles[0]]
        assert event.wait(PATIENCE)
        assert future.result(PATIENCE) is COMPLETE
        assert [handle.complete() for handle in handles] == [0, 1, 2]
        assert {thread.name for thread in told.threads} == {"idlrt watcher"}
    assert not watchers()


def test_rule_7_11_an_error_has_to_be_collected_by_complete_in_a_thread_too() -> None:
    service = Gated()
    with reached(service) as (channel, server):
        handle = LabBlockingClient(channel).Sleep(-5).handle()
        on_the_loop(server, service.gate.set)
        assert polled(handle) == 5
        assert handle.status() == 5
        with pytest.raises(RpcFault) as caught:
            handle.complete()
        assert caught.value.status == 5


def test_rule_7_15_a_thread_that_aborts_has_the_end_at_once() -> None:
    service = Gated()
    with reached(service) as (channel, server):
        told = Told()
        handle = LabBlockingClient(channel).Sleep(1).handle(told)
        handle.cancel(abort=True)
        assert told.next() is COMPLETE
        assert handle.status() == CANCELLED
        with pytest.raises(CallCancelled):
            handle.complete()
        on_the_loop(server, service.gate.set)


def test_rule_7_15_a_thread_that_asks_waits_for_the_server() -> None:
    service = Gated()
    with reached(service, cancel_grace=0.001) as (channel, server):
        told = Told()
        handle = LabBlockingClient(channel).Sleep(1).handle(told)
        handle.cancel(abort=False)
        assert service.heard.wait(PATIENCE)
        time.sleep(0.02)
        assert handle.status() == PENDING  # no time limit is built in
        on_the_loop(server, service.gate.set)
        assert told.next() is COMPLETE
        assert handle.status() == CANCELLED
        with pytest.raises(CallCancelled):
            handle.complete()


def test_rule_7_8_a_call_that_cannot_be_made_raises_and_nothing_is_told() -> None:
    with reached(Lab(), connections=1) as (channel, _), pytest.MonkeyPatch.context() as patch:
        client = LabBlockingClient(channel)
        with client.Upload(4):
            patch.setattr(channel.pool, "_connect_timeout", 0.02)
            with pytest.raises(RpcTimeout, match="busy"):
                client.Sleep(1)
        patch.undo()
        assert client.Add(1, 1) == 2


def test_rule_7_8_sync_calls_may_be_made_while_one_is_outstanding() -> None:
    service = Gated()
    with reached(service) as (channel, server):
        client = LabBlockingClient(channel)
        handle = client.Sleep(3).handle()
        assert client.Add(1, 2) == 3
        on_the_loop(server, service.gate.set)
        assert polled(handle) == 0
        assert handle.complete() == 3


def test_rule_7_23_the_time_of_a_call_runs_out_without_anybody_waiting() -> None:
    service = Gated()
    with reached(service, timeout=0.05) as (channel, server):
        told = Told()
        handle = LabBlockingClient(channel).Sleep(1).handle(told)
        assert told.next() is COMPLETE
        with pytest.raises(RpcTimeout):
            handle.complete()
        polling = LabBlockingClient(channel).Sleep(1).handle()
        assert polled(polling) == CANCELLED == RpcTimeout.status
        on_the_loop(server, service.gate.set)


def test_rule_9_13_an_in_pipe_is_pushed_by_a_thread_that_never_waits() -> None:
    with reached(Lab()) as (channel, _):
        call = LabBlockingClient(channel).Upload(0)
        program = Program(call, pushes=call.source, blocks=BLOCKS)
        assert program.result() == len(DATA)
        assert program.events[0] is SENT
        assert program.events[-1] is COMPLETE
        assert program.events.count(SENT) == len(BLOCKS) + 2  # of the call, of each block, of the null push
        assert RECEIVED not in program.events


def test_rule_9_13_an_out_pipe_is_pulled_by_a_thread_that_never_waits() -> None:
    with reached(Lab()) as (channel, _):
        call = LabBlockingClient(channel).Download(2_000_000, 50_000)
        program = Program(call, pulls=call.sink)
        assert program.result() == 2_000_000
        assert bytes(program.got) == b"".join(bytes([number]) * 50_000 for number in range(40))
        assert program.events[-1] is COMPLETE


def test_rule_9_13_an_in_out_pipe_goes_both_ways_by_a_thread_that_never_waits() -> None:
    with reached(Lab()) as (channel, _):
        call = LabBlockingClient(channel).Transform(1)
        program = Program(call, call.stream, call.stream, BLOCKS)
        assert program.result() == len(DATA)
        assert bytes(program.got) == bytes(octet ^ 1 for octet in DATA)


class Late(Lab):
    """`Download` begins when its gate opens."""

    async def Download(self, call: rpc.Call, total: int, block: int, sink: Any) -> int:
        await self.gate.wait()
        return await super().Download(call, total, block, sink)


def test_rule_9_8_a_pull_that_has_nothing_is_pending_and_is_called_again() -> None:
    service = Late()
    with reached(service) as (channel, server):
        told = Told()
        call = LabBlockingClient(channel).Download(6, 3)
        handle = call.handle(told)
        for _ in range(2):
            with pytest.raises(AsyncCallPending) as caught:
                call.sink.pull_nowait()
            assert caught.value.status == PENDING
        on_the_loop(server, service.gate.set)
        assert told.next() is RECEIVED  # once, and by itself it has pulled nothing
        got = b""
        while True:
            try:
                block = call.sink.pull_nowait()
            except AsyncCallPending:
                assert told.next() is RECEIVED
                continue
            got += block
            if not block:
                break
        assert got == b"\0\0\0\1\1\1"
        assert told.next() is COMPLETE
        assert handle.complete() == 6


def test_rule_9_6_pushes_beyond_the_connection_are_kept_up_to_the_backlog() -> None:
    service = Lab()
    with reached(service, pipe_backlog=64 << 20) as (channel, server):
        call = LabBlockingClient(channel).Upload(3)
        handle = call.handle()
        block = bytearray(1 << 20)
        for _ in range(40):
            call.source.push_nowait(block)  # which the server does not read
        call.source.push_nowait(b"")
        on_the_loop(server, service.gate.set)
        assert polled(handle) == 0
        assert handle.complete() == 40 << 20


def test_rule_9_6_pushes_beyond_the_backlog_end_the_call() -> None:
    service = Lab()
    with reached(service, pipe_backlog=1 << 20) as (channel, server):
        call = LabBlockingClient(channel).Upload(3)
        told = Told()
        handle = call.handle(told)
        block = bytes(1 << 20)

        def push_on() -> None:
            for _ in range(100):
                call.source.push_nowait(block)

        with pytest.raises(PipeMemory) as caught:
            push_on()
        assert caught.value.status == 14
        assert handle.status() == INVALID_HANDLE  # rule 9.11: nothing more is due
        on_the_loop(server, service.gate.set)
        assert told.events.empty()


def test_rule_9_9_a_failure_is_told_as_the_end_of_the_call() -> None:
    with reached(Lab()) as (channel, _):
        told = Told()
        call = LabBlockingClient(channel).Upload(1)
        handle = call.handle(told)
        call.source.push_nowait(bytes(1000))
        assert told.until(COMPLETE) == [COMPLETE]
        assert handle.status() == 0x1234
        with pytest.raises(RpcFault):
            handle.complete()


def test_rule_9_11_a_pull_that_failed_has_cleaned_up() -> None:
    with reached(Lab()) as (channel, _):
        told = Told()
        call: Any = LabBlockingClient(channel).Transform(0)
        handle = call.handle(told)
        with pytest.raises(PipeOrder):
            call.stream.pull_nowait()
        assert handle.status() == INVALID_HANDLE
        with pytest.raises(InvalidAsyncHandle):
            handle.complete()
        assert LabBlockingClient(channel).Add(1, 1) == 2
        assert told.events.empty()


def test_rule_9_12_completing_before_the_pipes_are_at_their_ends_ends_the_call() -> None:
    with reached(Lab()) as (channel, _):
        call = LabBlockingClient(channel).Upload(0)
        handle = call.handle()
        call.source.push_nowait(b"abc")
        with pytest.raises(PipeDiscipline):
            handle.complete()
        assert LabBlockingClient(channel).Add(1, 1) == 2


def test_rule_9_14_a_thread_in_trouble_cancels_waits_for_the_end_and_completes() -> None:
    with reached(Lab()) as (channel, _):
        client, told = LabBlockingClient(channel), Told()
        upload = client.Upload(4)  # which ends when it is asked to
        handle = upload.handle(told)
        upload.source.push_nowait(bytes(1000))
        handle.cancel(abort=False)
        assert told.until(COMPLETE) == [COMPLETE]
        assert handle.status() == CANCELLED
        with pytest.raises(CallCancelled):
            handle.complete()
        download = client.Download(1 << 40, 1 << 16)
        down = download.handle(told)
        assert download.sink.pull()
        down.cancel(abort=True)
        assert told.until(COMPLETE)[-1] is COMPLETE
        with pytest.raises(CallCancelled):
            down.complete()
        assert client.Add(1, 1) == 2


def test_rule_9_14_a_connection_lost_while_a_send_is_waited_for_is_told_and_completed() -> None:
    service = Lab()
    with reached(service, pipe_backlog=64 << 20) as (channel, server):
        told = Told()
        call = LabBlockingClient(channel).Upload(3)
        handle = call.handle(told, notify_on_send_complete=True)
        assert told.next() is SENT
        call.source.push_nowait(bytes(20 << 20))  # which the server does not read
        assert told.events.empty()
        cut(server)
        assert told.until(COMPLETE) == [COMPLETE]
        assert handle.status() == ConnectionLost.status
        with pytest.raises(ConnectionLost):
            handle.complete()
        on_the_loop(server, service.gate.set)


def test_rule_9_15_complete_is_pending_between_the_end_of_the_pipes_and_the_end_of_the_call() -> None:
    service = Lab()
    with reached(service) as (channel, server):
        call = LabBlockingClient(channel).Upload(3)
        handle = call.handle()
        call.source.push_nowait(b"")
        with pytest.raises(AsyncCallPending):
            handle.complete()
        on_the_loop(server, service.gate.set)
        assert polled(handle) == 0
        assert handle.complete() == 0


def test_rule_9_4_sources_and_sinks_may_be_handed_over_to_a_call_with_a_handle() -> None:
    with reached(Lab()) as (channel, _):
        told, client, got = Told(), LabBlockingClient(channel), bytearray()
        handle = client.Upload(0, BLOCKS).handle(told)
        told.until(COMPLETE)
        assert handle.complete() == len(DATA)
        down = client.Download(600_000, 1000, got.extend).handle()
        assert polled(down) == 0
        assert down.complete() == len(got) == 600_000


class Stalling(Lab):
    """`Download` stops in the midst, with more on its way than the client's window takes."""

    def __init__(self) -> None:
        super().__init__()
        self.stalled = threading.Event()

    async def Download(self, call: rpc.Call, total: int, block: int, sink: Any) -> int:
        for _ in range(total // block):
            await sink.push(bytes(block))
        self.stalled.set()
        await stubbornly(self.gate)
        return total


def test_a_lost_connection_is_told_though_the_window_is_full() -> None:
    service = Stalling()
    with reached(service, pipe_window=1 << 10) as (channel, server):
        told = Told()
        call = LabBlockingClient(channel).Download(100_000, 10_000)
        handle = call.handle(told)
        assert service.stalled.wait(PATIENCE)
        (link,) = channel.pool.links
        late = time.monotonic() + PATIENCE
        while link._reading and time.monotonic() < late:
            time.sleep(0.001)
        assert not link._reading
        cut(server)
        began = time.monotonic()
        assert told.until(COMPLETE) == [COMPLETE]
        assert time.monotonic() - began < SECOND
        with pytest.raises(ConnectionLost):
            handle.complete()
        on_the_loop(server, service.gate.set)


def test_closing_the_channel_tells_the_end_of_its_calls() -> None:
    service = Gated()
    with reached(service) as (channel, server):
        told = Told()
        handle = LabBlockingClient(channel).Sleep(1).handle(told)
        channel.close()
        assert told.next() is COMPLETE
        assert handle.status() == ConnectionLost.status
        assert not watchers()
        on_the_loop(server, service.gate.set)


def test_a_handle_had_after_the_channel_was_closed_is_told_as_well() -> None:
    service = Gated()
    with reached(service) as (channel, server):
        call = LabBlockingClient(channel).Sleep(1)
        channel.close()
        told = Told()
        handle = call.handle(told)
        assert told.next() is COMPLETE
        with pytest.raises(ConnectionLost):
            handle.complete()
        on_the_loop(server, service.gate.set)


def test_a_callback_may_close_the_channel() -> None:
    service = Gated()
    with reached(service) as (channel, server):
        done = threading.Event()

        def told(handle: Any, event: AsyncEvent) -> None:
            handle.complete()
            channel.close()
            done.set()

        LabBlockingClient(channel).Sleep(1).handle(told)
        on_the_loop(server, service.gate.set)
        assert done.wait(PATIENCE)


def test_nobody_has_to_hold_on_to_a_call_that_is_told_of() -> None:
    service = Gated()
    with reached(service) as (channel, server):
        told = Told()
        LabBlockingClient(channel).Sleep(9).handle(told)
        on_the_loop(server, service.gate.set)
        assert told.next() is COMPLETE
        assert told.handles[0].complete() == 9


def test_a_call_that_is_forgotten_runs_to_its_end_unheard() -> None:
    service = Gated()
    with reached(service) as (channel, server):
        client = LabBlockingClient(channel)
        client.Sleep(1)
        assert client.Add(1, 1) == 2
        assert not service.calls[0].cancelled
        on_the_loop(server, service.gate.set)
        late = time.monotonic() + PATIENCE
        while len(channel.pool.idle) < 2 and time.monotonic() < late:
            time.sleep(0.005)
        assert len(channel.pool.idle) == len(channel.pool.links) == 2


def test_complete_may_be_given_a_time() -> None:
    service = Gated()
    with reached(service) as (channel, server):
        call = LabBlockingClient(channel).Sleep(4)
        with pytest.raises(TimeoutError):
            call.complete(timeout=0.01)
        assert not call.done
        on_the_loop(server, service.gate.set)
        assert call.complete(timeout=PATIENCE) == 4
        assert call.done
        service.gate.clear()
        upload = LabBlockingClient(channel).Upload(3, BLOCKS)
        with pytest.raises(TimeoutError):
            upload.complete(timeout=0.02)
        on_the_loop(server, service.gate.set)
        assert upload.complete() == len(DATA)


def test_several_threads_may_wait_for_one_call() -> None:
    service = Gated()
    with reached(service) as (channel, server):
        call = LabBlockingClient(channel).Sleep(4)
        with futures.ThreadPoolExecutor(4) as pool:
            waiting = [pool.submit(call.complete) for _ in range(4)]
            late = time.monotonic() + PATIENCE
            while call._exchange._link._waiter is None and time.monotonic() < late:
                time.sleep(0.001)
            on_the_loop(server, service.gate.set)
            assert [each.result(PATIENCE) for each in waiting] == [4] * 4


def test_handles_of_threads_and_of_loops_are_one_class() -> None:
    with reached(Lab()) as (channel, _):
        handle = LabBlockingClient(channel).Sleep(1).handle()
        assert isinstance(handle, rpc.AsyncHandle)
        assert isinstance(handle.call_handle(), blocking.Call)
        assert polled(handle) == 0


def test_a_call_of_which_the_server_knows_nothing_yet_ends_when_it_is_cancelled() -> None:
    with reached(Lab()) as (channel, server):
        client, told = LabBlockingClient(channel), Told()
        handle = client.Upload(1).handle(told)  # four octets wait for four more
        handle.cancel(abort=False)
        assert polled(handle) == CANCELLED
        with pytest.raises(CallCancelled):
            handle.complete()
        call = client.Upload(1)
        call.cancel(grace=3600)
        with pytest.raises(CallCancelled):
            call.complete()
        assert client.Add(1, 1) == 2
        assert server.calls == 0


def test_the_shortest_grace_counts() -> None:
    service = Gated()
    with reached(service) as (channel, server):
        call = LabBlockingClient(channel).Sleep(4)
        call.cancel(grace=3600)
        call.cancel(grace=0.01)
        with pytest.raises(CallCancelled, match=r"0\.01 s"):
            call.complete()
        on_the_loop(server, service.gate.set)
