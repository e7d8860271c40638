"""MIDL's form of an asynchronous call at its server: deferred, completed, aborted, forgotten; and its client's fate."""

from __future__ import annotations

import asyncio
import gc
import logging
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from idlrt import pipes, rpc, testing
from idlrt.errors import (
    NCA_FAULT_UNSPEC,
    AsyncCallPending,
    CallCancelled,
    CannotSupport,
    ConnectionLost,
    InvalidArgument,
    InvalidAsyncCall,
    InvalidAsyncHandle,
    PipeClosed,
    PipeDiscipline,
    RpcFault,
    RpcTimeout,
)
from idlrt.rpc import AsyncEvent, AsyncReply
from tests.rpc.services import Lab, ThreadedLab, on_a_loop, reach
from tests.rpc.specimen.lab import LABCTX, LabClient

OK, PENDING, INVALID_HANDLE = 0, 997, 1914
NO_CALL, IN_PROGRESS = 1725, 1791


async def until(condition: Callable[[], object]) -> None:
    while not condition():
        await asyncio.sleep(0)


class Deferring(Lab):
    """`Sleep` leaves its answer to whoever waits for `replies`; on the loop."""

    def __init__(self) -> None:
        super().__init__()
        self.replies: asyncio.Queue[AsyncReply[int]] = asyncio.Queue()
        self.returned = asyncio.Event()

    async def Sleep(self, call: rpc.Call, milliseconds: int) -> Any:
        reply = call.defer(user_info=milliseconds)
        self.replies.put_nowait(reply)
        self.returned.set()


class Awaiting(Deferring):
    """The same, by a method that waits for the reply."""

    async def Sleep(self, call: rpc.Call, milliseconds: int) -> int:
        reply: AsyncReply[int] = call.defer(user_info=milliseconds)
        self.replies.put_nowait(reply)
        self.returned.set()
        return await reply


class Threaded(ThreadedLab):
    """The same in a thread; the method hands the reply back as well."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.get_running_loop()
        self.replies: asyncio.Queue[AsyncReply[int]] = asyncio.Queue()
        self.returned = asyncio.Event()

    def Sleep(self, call: rpc.Call, milliseconds: int) -> Any:
        reply: AsyncReply[int] = call.defer(user_info=milliseconds)
        self.loop.call_soon_threadsafe(self.replies.put_nowait, reply)
        self.loop.call_soon_threadsafe(self.returned.set)
        return reply


everyone = pytest.mark.parametrize("make", [Deferring, Awaiting, Threaded])


# -- answers


@everyone
@on_a_loop
async def test_rule_7_13_the_reply_is_sent_by_complete_after_the_method_has_returned(make: type[Deferring]) -> None:
    service = make()
    async with testing.channel(service) as channel:
        call = LabClient(channel).Sleep(5)
        reply = await service.replies.get()
        await service.returned.wait()
        assert await LabClient(channel).Add(1, 2) == 3
        assert (call.done, reply.status(), reply.user_info) == (False, PENDING, 5)
        reply.complete(7)
        assert await call == 7
        assert reply.status() == INVALID_HANDLE


@everyone
@on_a_loop
async def test_rule_7_13_any_thread_may_complete(make: type[Deferring]) -> None:
    service = make()
    async with reach("tcp", service) as channel:
        call = LabClient(channel).Sleep(5)
        reply = await service.replies.get()
        await asyncio.to_thread(reply.complete, 7)
        assert await call == 7


@on_a_loop
async def test_rule_7_13_the_dispatch_thread_may_complete_and_the_answer_does_not_wait_for_it() -> None:
    class Early(Lab):
        async def Sleep(self, call: rpc.Call, milliseconds: int) -> Any:
            call.defer().complete(7)
            await self.gate.wait()
            self.ended.set()

    service = Early()
    async with testing.channel(service) as channel:
        assert await LabClient(channel).Sleep(5) == 7
        assert not service.ended.is_set()
        service.gate.set()
        await service.ended.wait()


@on_a_loop
async def test_rule_7_13_the_dispatch_thread_of_a_plain_method_may_complete() -> None:
    class Early(ThreadedLab):
        def Sleep(self, call: rpc.Call, milliseconds: int) -> Any:
            call.defer().complete(7)

    async with testing.channel(Early()) as channel:
        assert await LabClient(channel).Sleep(5) == 7


@on_a_loop
async def test_rule_7_13_a_void_function_without_outputs_needs_its_complete_too() -> None:
    class Void(Lab):
        replies: asyncio.Queue[AsyncReply[None]] = asyncio.Queue()

        async def Fail(self, call: rpc.Call, how: int) -> None:
            self.replies.put_nowait(call.defer())

    service = Void()
    async with testing.channel(service) as channel:
        task = asyncio.create_task(LabClient(channel).Fail(1))
        reply = await service.replies.get()
        await asyncio.sleep(0)
        assert not task.done()
        reply.complete()
        await task


@on_a_loop
async def test_rule_7_2_what_a_deferring_method_returns_counts_for_nothing() -> None:
    class Returning(Lab):
        async def Sleep(self, call: rpc.Call, milliseconds: int) -> int:
            self.reply: AsyncReply[int] = call.defer()
            return 1

    service = Returning()
    async with testing.channel(service) as channel:
        call = LabClient(channel).Sleep(5)
        await until(lambda: hasattr(service, "reply"))
        assert not call.done
        service.reply.complete(7)
        assert await call == 7


@on_a_loop
async def test_rule_7_13_a_result_that_cannot_be_marshalled_is_a_fault(caplog: pytest.LogCaptureFixture) -> None:
    service = Deferring()
    async with testing.channel(service) as channel:
        call = LabClient(channel).Sleep(5)
        reply: Any = await service.replies.get()
        reply.complete("no number")
        with pytest.raises(RpcFault) as caught:
            await call
        assert caught.value.status == NCA_FAULT_UNSPEC
    assert "Sleep failed" in caplog.text


@everyone
@on_a_loop
async def test_rule_7_14_abort_gives_the_client_its_code_as_a_fault_and_ends_the_call(make: type[Deferring]) -> None:
    service = make()
    async with testing.channel(service) as channel:
        call = LabClient(channel).Sleep(5)
        reply = await service.replies.get()
        reply.abort(1234)
        with pytest.raises(RpcFault) as caught:
            await call
        assert caught.value.win32 == 1234
        with pytest.raises(InvalidAsyncHandle):
            reply.complete(7)


@on_a_loop
async def test_rule_7_14_to_abort_with_0_is_an_invalid_argument_and_leaves_the_call_open() -> None:
    service = Deferring()
    async with testing.channel(service) as channel:
        call = LabClient(channel).Sleep(5)
        reply = await service.replies.get()
        for status in (0, 1 << 32):
            with pytest.raises(ValueError, match="RPC_S_INVALID_ARG") as caught:
                reply.abort(status)
            assert isinstance(caught.value, InvalidArgument)
            assert caught.value.status == 87
        reply.complete(7)
        assert await call == 7


@on_a_loop
async def test_rule_7_14_there_is_one_answer_whoever_gives_it() -> None:
    service = Deferring()
    async with testing.channel(service) as channel:
        call = LabClient(channel).Sleep(5)
        reply = await service.replies.get()
        start = threading.Barrier(4)
        outcomes: list[object] = []

        def race(number: int) -> None:
            start.wait(10)
            try:
                if number % 2:
                    reply.abort(1000 + number)
                else:
                    reply.complete(1000 + number)
                outcomes.append(1000 + number)
            except InvalidAsyncHandle as error:
                outcomes.append(error)

        await asyncio.gather(*(asyncio.to_thread(race, number) for number in range(4)))
        try:
            got: int = await call
        except RpcFault as error:
            got = error.status
        assert [outcome for outcome in outcomes if isinstance(outcome, int)] == [got]


@on_a_loop
async def test_an_answer_is_deferred_once() -> None:
    class Twice(Lab):
        async def Sleep(self, call: rpc.Call, milliseconds: int) -> Any:
            reply = call.defer()
            with pytest.raises(InvalidAsyncCall):
                _ = call.defer()
            reply.complete(7)

    async with testing.channel(Twice()) as channel:
        assert await LabClient(channel).Sleep(5) == 7


@on_a_loop
async def test_an_answer_that_was_given_cannot_be_deferred() -> None:
    service = Lab()
    async with testing.channel(service) as channel:
        await LabClient(channel).Add(1, 2)
        with pytest.raises(InvalidAsyncCall):
            _ = service.calls[0].defer()


@on_a_loop
async def test_whoever_has_a_reply_may_wait_for_what_becomes_of_it() -> None:
    service = Deferring()
    async with testing.channel(service) as channel:
        for status in (0, 1234):
            call = LabClient(channel).Sleep(5)
            reply = await service.replies.get()
            waiting = [asyncio.ensure_future(_awaited(reply)) for _ in range(2)]
            await asyncio.sleep(0)
            waiting[0].cancel()  # which is nothing to the others
            await asyncio.wait([waiting[0]])
            if status:
                reply.abort(status)
                with pytest.raises(RpcFault):
                    await waiting[1]
                with pytest.raises(RpcFault):
                    await call
            else:
                reply.complete(7)
                assert await waiting[1] == 7
                assert await call == 7


async def _awaited(reply: AsyncReply[int]) -> int:
    return await reply


@on_a_loop
async def test_context_handles_of_a_deferred_answer_belong_to_the_client_and_are_run_down_after_the_call() -> None:
    class Opening(Lab):
        async def Open(self, call: rpc.Call, name: int) -> Any:
            handle = LABCTX()
            handle.state = name
            asyncio.get_running_loop().call_soon(call.defer().complete, handle)

        async def Use(self, call: rpc.Call, handle: LABCTX) -> Any:
            self.reply = call.defer()
            self.ended.set()

    service = Opening()
    async with rpc.Server([service]) as server:
        async with testing.connected(server) as channel:
            handle = await LabClient(channel).Open(5)
            task = asyncio.create_task(LabClient(channel).Use(handle))
            await service.ended.wait()
        with pytest.raises(ConnectionLost):
            await task
        await asyncio.sleep(0.01)
        assert (server.calls, service.rundowns) == (1, [])  # somebody may still use the handle
        assert service.reply.status() == ConnectionLost.status
        service.reply.complete(0)
        await until(lambda: service.rundowns)
        assert (server.calls, service.rundowns) == (0, [5])


# -- pipes


@on_a_loop
async def test_rule_9_10_pipes_stay_of_use_until_there_is_an_answer() -> None:
    class Handing(Lab):
        async def Transform(self, call: rpc.Call, key: int, stream: pipes.PipeDuplex[pipes.Bytes, bytes]) -> Any:
            self.work = asyncio.create_task(self.transform(call.defer(), stream))

        async def transform(self, reply: AsyncReply[int], stream: pipes.PipeDuplex[pipes.Bytes, bytes]) -> None:
            blocks = [block async for block in stream]
            for block in blocks:
                await stream.push(block.swapcase())
            await stream.push(b"")
            reply.complete(len(blocks))
            with pytest.raises(PipeClosed):
                await stream.push(b"too late")
            self.ended.set()

    service = Handing()
    async with reach("tcp", service) as channel:
        got = bytearray()
        assert await LabClient(channel).Transform(1, ([b"abc", b"DEF"], got.extend)) >= 1
        assert got == b"ABCdef"
        await service.ended.wait()
        await service.work


@on_a_loop
async def test_rule_9_10_another_thread_works_the_pipes_of_a_plain_method() -> None:
    class Handing(ThreadedLab):
        def Upload(self, call: rpc.Call, id: int, source: Any) -> Any:
            reply = call.defer()
            threading.Thread(target=lambda: reply.complete(sum(map(len, source)))).start()
            return reply

    async with reach("tcp", Handing()) as channel:
        assert await LabClient(channel).Upload(1, [b"abc"] * 100) == 300


@on_a_loop
async def test_rule_9_12_to_complete_before_all_pipes_are_at_their_ends_is_a_breach_told_to_both_sides() -> None:
    class Hasty(Lab):
        async def Upload(self, call: rpc.Call, id: int, source: pipes.PipeReader[bytes]) -> Any:
            await source.pull()
            reply = call.defer()
            with pytest.raises(PipeDiscipline):
                reply.complete(7)
            with pytest.raises(InvalidAsyncHandle):
                reply.complete(7)
            self.ended.set()

    service = Hasty()
    async with testing.channel(service) as channel, LabClient(channel).Upload(1) as call:
        await call.source.push(bytes(64))
        await service.ended.wait()
        await until(lambda: call.done)
        with pytest.raises(PipeDiscipline, match="the server says"):
            await call.complete()


# -- the method after it has deferred


@everyone
@on_a_loop
async def test_rule_7_18_a_method_that_raises_before_there_is_an_answer_has_answered(make: type[Deferring]) -> None:
    class Raising(make):  # type: ignore[valid-type, misc]
        async def Sleep(self, call: rpc.Call, milliseconds: int) -> int:
            self.replies.put_nowait(call.defer())
            raise RpcFault(1234)

    service = Raising()
    async with testing.channel(service) as channel:
        with pytest.raises(RpcFault) as caught:
            await LabClient(channel).Sleep(5)
        assert caught.value.status == 1234
        reply = await service.replies.get()
        assert reply.status() == INVALID_HANDLE
        with pytest.raises(InvalidAsyncHandle):
            reply.complete(7)


@on_a_loop
async def test_rule_7_18_a_method_that_raises_after_the_answer_is_logged_and_changes_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Raising(Lab):
        async def Sleep(self, call: rpc.Call, milliseconds: int) -> Any:
            call.defer().complete(7)
            raise RpcFault(1234)

    async with testing.channel(Raising()) as channel:
        assert await LabClient(channel).Sleep(5) == 7
    assert "Sleep raised after its reply had answered" in caplog.text


@on_a_loop
async def test_rule_7_22_the_server_completes_aborts_or_raises() -> None:
    class All(Lab):
        async def Sleep(self, call: rpc.Call, milliseconds: int) -> Any:
            if milliseconds == 1:
                raise RpcFault(1)
            self.reply: AsyncReply[int] = call.defer()
            if milliseconds == 2:
                self.reply.abort(2)
            else:
                self.reply.complete(3)

    service = All()
    async with rpc.Server([service]) as server, testing.connected(server) as channel:
        for number in (1, 2):
            with pytest.raises(RpcFault) as caught:
                await LabClient(channel).Sleep(number)
            assert caught.value.status == number
        assert await LabClient(channel).Sleep(3) == 3
        await until(lambda: not server.calls)


# -- nobody answers


@on_a_loop
async def test_a_reply_that_everybody_has_forgotten_is_a_fault_with_a_clear_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Forgetful(Lab):
        async def Sleep(self, call: rpc.Call, milliseconds: int) -> Any:
            reply = call.defer()
            return reply if milliseconds else None

    class ForgetfulThreads(ThreadedLab):
        def Sleep(self, call: rpc.Call, milliseconds: int) -> Any:
            reply = call.defer()
            return reply if milliseconds else None

    for service in (Forgetful(), ForgetfulThreads()):
        async with rpc.Server([service]) as server, testing.connected(server) as channel:
            for number in (0, 1):
                caplog.clear()
                with pytest.raises(RpcFault) as caught:
                    await LabClient(channel).Sleep(number)
                assert caught.value.status == NCA_FAULT_UNSPEC
                (record,) = caplog.records
                assert record.levelno == logging.ERROR
                assert "Sleep deferred its answer, and nobody is left who could complete" in record.getMessage()
            await until(lambda: not server.calls)


@on_a_loop
async def test_a_reply_forgotten_in_a_cycle_is_found_by_the_collector() -> None:
    class Cyclic(Lab):
        async def Sleep(self, call: rpc.Call, milliseconds: int) -> Any:
            reply = call.defer()
            reply.user_info = [reply]
            self.ended.set()

    service = Cyclic()
    async with testing.channel(service) as channel:
        call = LabClient(channel).Sleep(5)
        await service.ended.wait()
        gc.collect()
        with pytest.raises(RpcFault):
            await call


@on_a_loop
async def test_a_callback_keeps_the_reply_that_it_is_given(caplog: pytest.LogCaptureFixture) -> None:
    class Called(Lab):
        async def Upload(self, call: rpc.Call, id: int, source: pipes.PipeReader[bytes]) -> Any:
            total = 0

            def told(reply: AsyncReply[int], event: AsyncEvent) -> None:
                nonlocal total
                assert event is AsyncEvent.RECEIVE_COMPLETE
                work(reply)

            def work(reply: AsyncReply[int]) -> None:
                nonlocal total
                while True:
                    try:
                        block = source.pull_nowait()
                    except AsyncCallPending:
                        return
                    if not block:
                        reply.complete(total)
                        return
                    total += len(block)

            work(call.defer(told))

    async with testing.channel(Called()) as channel, LabClient(channel).Upload(1) as call:
        for _ in range(10):
            await call.source.push(b"abc")
            gc.collect()
        await call.source.push(b"")
        assert await call.complete() == 30


@on_a_loop
async def test_a_server_that_stops_ends_deferred_calls() -> None:
    service = Deferring()
    async with rpc.Server([service]) as server, testing.connected(server) as channel:
        call = LabClient(channel).Sleep(5)
        reply = await service.replies.get()
        await server.stop(grace=0)
        with pytest.raises((CallCancelled, ConnectionLost)):
            await call
        assert not server.calls
        with pytest.raises(InvalidAsyncHandle):
            reply.complete(7)


# -- the client's cancel and its end


@on_a_loop
async def test_rule_7_16_test_cancel_says_ok_for_cancelled_and_changes_nothing() -> None:
    service = Deferring()
    async with testing.channel(service) as channel:
        handle = LabClient(channel).Sleep(5).handle()
        reply = await service.replies.get()
        call = reply.call_handle()
        assert call.test_cancel() == IN_PROGRESS
        handle.cancel(abort=False)
        await until(lambda: call.cancelled)
        assert [call.test_cancel() for _ in range(2)] == [OK, OK]
        assert reply.status() == PENDING  # still to be completed or aborted
        reply.complete(7)
        assert call.test_cancel() == NO_CALL
        await until(lambda: handle.status() == 0)
        assert handle.complete() == 7


@on_a_loop
async def test_rule_7_16_test_cancel_works_for_methods_that_do_not_defer_and_knows_when_they_are_over() -> None:
    class Testing(ThreadedLab):
        def __init__(self) -> None:
            super().__init__()
            self.seen: list[int] = []

        def Sleep(self, call: rpc.Call, milliseconds: int) -> int:
            self.call = call
            self.seen.append(call.test_cancel())
            while call.test_cancel() == IN_PROGRESS:
                time.sleep(0.001)
            self.seen.append(call.test_cancel())
            raise CallCancelled

    service = Testing()
    async with testing.channel(service) as channel:
        call = LabClient(channel).Sleep(5)
        await until(lambda: service.seen)
        call.cancel(10)
        with pytest.raises(CallCancelled):
            await call
        assert service.seen == [IN_PROGRESS, OK]
        await until(lambda: service.call.test_cancel() == NO_CALL)


@on_a_loop
async def test_rule_7_16_a_client_that_has_gone_has_cancelled() -> None:
    service = Deferring()
    async with rpc.Server([service]) as server:
        async with testing.connected(server) as channel:
            _ = LabClient(channel).Sleep(5)
            reply = await service.replies.get()
        await until(lambda: reply.call_handle().test_cancel() == OK)
        assert server.calls == 1
        reply.complete(7)  # which is no error, and still due
        assert reply.call_handle().test_cancel() == NO_CALL
        await until(lambda: not server.calls)


class Subscribing(Deferring):
    """`Sleep` wants to be told of what its argument names, and defers its answer."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[AsyncEvent] = []

    async def Sleep(self, call: rpc.Call, milliseconds: int) -> Any:
        for event in (AsyncEvent.CLIENT_CANCEL, AsyncEvent.CLIENT_DISCONNECT):
            call.subscribe(event, self.tell)
        await super().Sleep(call, milliseconds)

    def tell(self, call: rpc.Call, event: AsyncEvent) -> None:
        assert call.operation.name == "Sleep"
        self.told.append(event)


@on_a_loop
async def test_rule_7_17_a_server_is_told_once_of_a_cancel_and_once_of_a_disconnect() -> None:
    service = Subscribing()
    async with rpc.Server([service]) as server:
        async with testing.connected(server) as channel:
            handle = LabClient(channel).Sleep(5).handle()
            reply = await service.replies.get()
            handle.cancel(abort=False)
            await until(lambda: service.told)
            handle.cancel(abort=False)
            await LabClient(channel).Add(1, 1)
            assert service.told == [AsyncEvent.CLIENT_CANCEL]
        await until(lambda: len(service.told) > 1)
        assert service.told == [AsyncEvent.CLIENT_CANCEL, AsyncEvent.CLIENT_DISCONNECT]
        reply.complete(7)


@on_a_loop
async def test_rule_7_17_an_orphaned_call_is_a_cancelled_one() -> None:
    service = Subscribing()
    async with testing.channel(service) as channel:
        handle = LabClient(channel).Sleep(5).handle()
        reply = await service.replies.get()
        handle.cancel(abort=True)
        await until(lambda: service.told)
        assert service.told == [AsyncEvent.CLIENT_CANCEL]
        reply.complete(7)


@on_a_loop
async def test_rule_7_17_no_notification_and_other_events_are_refused() -> None:
    class Refused(Lab):
        async def Sleep(self, call: rpc.Call, milliseconds: int) -> int:
            for event in (AsyncEvent.CALL_COMPLETE, AsyncEvent.SEND_COMPLETE, AsyncEvent.RECEIVE_COMPLETE):
                with pytest.raises(CannotSupport, match="RPC_S_CANNOT_SUPPORT") as caught:
                    call.subscribe(event, threading.Event())
                assert caught.value.status == 1764
            with pytest.raises(InvalidArgument, match="RPC_S_INVALID_ARG"):
                call.subscribe(AsyncEvent.CLIENT_CANCEL, None)
            call.subscribe(AsyncEvent.CLIENT_CANCEL, threading.Event())
            with pytest.raises(InvalidArgument, match="subscribed to already"):
                call.subscribe(AsyncEvent.CLIENT_CANCEL, threading.Event())
            call.subscribe(AsyncEvent.CLIENT_DISCONNECT, threading.Event())  # each event on its own
            return 7

    async with testing.channel(Refused()) as channel:
        assert await LabClient(channel).Sleep(5) == 7


@on_a_loop
async def test_rule_7_17_nothing_is_told_after_a_subscription_has_ended() -> None:
    service = Subscribing()
    async with testing.channel(service) as channel:
        handle = LabClient(channel).Sleep(5).handle()
        reply = await service.replies.get()
        call = reply.call_handle()
        assert call.unsubscribe(AsyncEvent.CLIENT_CANCEL) == 0
        handle.cancel(abort=False)
        await until(lambda: call.cancelled)
        await asyncio.sleep(0)
        assert service.told == []
        call.subscribe(AsyncEvent.CLIENT_CANCEL, service.tell)  # of what has happened already, too
        await until(lambda: service.told)
        assert call.unsubscribe(AsyncEvent.CLIENT_CANCEL) == 1
        call.subscribe(AsyncEvent.CLIENT_CANCEL, service.tell)  # but once
        await asyncio.sleep(0)
        assert service.told == [AsyncEvent.CLIENT_CANCEL]
        reply.complete(7)


@on_a_loop
async def test_rule_7_17_a_plain_method_subscribes_in_its_thread_and_an_event_wakes_it() -> None:
    class Waiting(ThreadedLab):
        entered = threading.Event()

        def Sleep(self, call: rpc.Call, milliseconds: int) -> int:
            asked = threading.Event()
            call.subscribe(AsyncEvent.CLIENT_CANCEL, asked)
            self.entered.set()
            assert asked.wait(10)
            raise CallCancelled

    service = Waiting()
    async with reach("tcp", service) as channel:
        call = LabClient(channel).Sleep(5)
        await asyncio.to_thread(service.entered.wait, 10)
        call.cancel(60)
        with pytest.raises(CallCancelled, match="the server ended it"):
            await call


@on_a_loop
async def test_rule_9_9_a_reply_is_told_of_its_calls_failure_by_its_completion() -> None:
    told: list[AsyncEvent] = []
    done = asyncio.Event()

    class Told(Deferring):
        async def Sleep(self, call: rpc.Call, milliseconds: int) -> Any:
            def happened(reply: AsyncReply[int], event: AsyncEvent) -> None:
                told.append(event)
                assert reply.status() == ConnectionLost.status
                reply.abort(1234)
                done.set()

            self.reply = call.defer(happened)
            self.returned.set()

    service = Told()
    async with rpc.Server([service]) as server:
        async with testing.connected(server) as channel:
            _ = LabClient(channel).Sleep(5)
            await service.returned.wait()
        await done.wait()
        await until(lambda: not server.calls)
    assert told == [AsyncEvent.CALL_COMPLETE]


# -- who is cancelled


class Interrupted(Lab):
    @rpc.cancellable
    async def Sleep(self, call: rpc.Call, milliseconds: int) -> int:
        self.calls.append(call)
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.errors.append(CallCancelled())
            await asyncio.sleep(0.01)  # what it does to clean up is not disturbed
            self.ended.set()
            raise
        return milliseconds


@on_a_loop
async def test_a_cancellable_method_is_cancelled_by_the_clients_request() -> None:
    service = Interrupted()
    async with testing.channel(service, cancel_grace=60) as channel:
        call = LabClient(channel).Sleep(5)
        await until(lambda: service.calls)
        call.cancel()
        with pytest.raises(CallCancelled, match="the server ended it"):
            await call
        assert service.ended.is_set()
        assert len(service.errors) == 1


@on_a_loop
async def test_a_cancellable_method_is_cancelled_once_though_the_call_is_given_up_as_well() -> None:
    service = Interrupted()
    async with testing.channel(service) as channel:
        handle = LabClient(channel).Sleep(5).handle()
        await until(lambda: service.calls)
        handle.cancel(abort=False)
        await until(lambda: service.errors)
        handle.cancel(abort=True)
        await service.ended.wait()
        assert len(service.errors) == 1


@on_a_loop
async def test_a_method_that_is_not_cancellable_is_only_told() -> None:
    service = Lab()
    async with testing.channel(service) as channel:
        call = LabClient(channel).Sleep(20_000)
        await until(lambda: service.calls)
        call.cancel(60)
        await until(lambda: service.calls[0].cancelled)
        assert not call.done
        service.gate.set()
        assert await call == 20_000


@on_a_loop
async def test_a_cancelled_pull_goes_on_unless_the_method_is_cancellable() -> None:
    class Plain(ThreadedLab):
        def __init__(self) -> None:
            super().__init__()
            self.begun = threading.Event()

        def Upload(self, call: rpc.Call, id: int, source: Any) -> int:
            self.begun.set()
            return super().Upload(call, id, source)

    class Cancellable(Plain):
        @rpc.cancellable
        def Upload(self, call: rpc.Call, id: int, source: Any) -> int:
            return super().Upload(call, id, source)

    for service in (Plain(), Cancellable()):
        async with rpc.Server([service]) as server, testing.connected(server, cancel_grace=60) as channel:
            call = LabClient(channel).Upload(0)
            await call.source.push(bytes(64))
            await until(service.begun.is_set)
            call.cancel()
            if isinstance(service, Cancellable):
                with pytest.raises(CallCancelled, match="the server ended it"):
                    await call.complete()
                assert isinstance(service.errors[0], CallCancelled)
            else:
                await call.source.push(bytes(64))
                await call.source.push(b"")
                assert await call.complete() == 128


@on_a_loop
async def test_a_client_that_falls_silent_ends_a_deferred_call_and_no_answer_is_due() -> None:
    class Waiting(Lab):
        async def Upload(self, call: rpc.Call, id: int, source: pipes.PipeReader[bytes]) -> Any:
            self.reply: AsyncReply[int] = call.defer()
            self.work = asyncio.create_task(self.take(source))

        async def take(self, source: pipes.PipeReader[bytes]) -> None:
            await source.pull()
            with pytest.raises(RpcTimeout):
                await source.pull()
            self.ended.set()

    service = Waiting()
    async with rpc.Server([service], silence=0.05) as server, testing.connected(server) as channel:
        async with LabClient(channel).Upload(1) as call:
            await call.source.push(bytes(64))
            await service.ended.wait()
            await until(lambda: not server.calls)
            with pytest.raises(InvalidAsyncHandle):
                service.reply.complete(7)
            await until(lambda: call.done)
            with pytest.raises(CallCancelled):
                await call.complete()
        await service.work
