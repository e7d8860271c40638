"""MIDL's form of an asynchronous call at its client: polled, told, completed, cancelled, used again."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from concurrent import futures
from typing import Any

import pytest

from idlrt import rpc, testing
from idlrt.errors import (
    AsyncCallPending,
    CallCancelled,
    ConnectError,
    ConnectionLost,
    InvalidAsyncCall,
    InvalidAsyncHandle,
    NdrError,
    PipeDiscipline,
    RpcError,
    RpcFault,
)
from idlrt.rpc import AsyncEvent, AsyncHandle
from tests.rpc.services import Lab, on_a_loop, reach
from tests.rpc.specimen.lab import LabClient, SleepCall

PENDING = 997
CANCELLED = 1818
INVALID_HANDLE = 1914


class Gated(Lab):
    """`Sleep` answers when its gate opens: with its argument, with a status, or with a fault if it was cancelled."""

    def __init__(self) -> None:
        super().__init__()
        self.entered = asyncio.Event()
        self.heard = asyncio.Event()

    async def Sleep(self, call: rpc.Call, milliseconds: int) -> int:
        self.entered.set()
        await self.gate.wait()
        if milliseconds < 0:
            raise RpcFault(-milliseconds)
        return milliseconds


class Heedful(Gated):
    """`Sleep` ends as soon as the client asks for it."""

    async def Sleep(self, call: rpc.Call, milliseconds: int) -> int:
        self.entered.set()
        await call.until_cancelled()
        self.heard.set()
        await self.gate.wait()
        raise CallCancelled


class Told:
    """A callback that remembers, and that can be waited for."""

    def __init__(self) -> None:
        self.events: list[AsyncEvent] = []
        self.handles: list[Any] = []
        self._complete = asyncio.Event()

    def __call__(self, handle: Any, event: AsyncEvent) -> None:
        self.handles.append(handle)
        self.events.append(event)
        if event is AsyncEvent.CALL_COMPLETE:
            self._complete.set()

    async def complete(self) -> None:
        await self._complete.wait()
        await turns()


async def turns(count: int = 5) -> None:
    """Let everything that is due happen."""
    for _ in range(count):
        await asyncio.sleep(0)


async def until(condition: Callable[[], object]) -> None:
    while not condition():
        await asyncio.sleep(0)


# -- making the call


@on_a_loop
async def test_rule_7_5_the_program_writes_flags_user_info_and_notification_and_nothing_else() -> None:
    handle: AsyncHandle[SleepCall] = AsyncHandle()
    handle.user_info = "mine"
    handle.notify = threading.Event()
    handle.notify_on_send_complete = True
    assert handle.user_info == "mine"
    for name in ("size", "signature", "lock", "stub_info", "runtime_info"):
        with pytest.raises(AttributeError):
            setattr(handle, name, 1)


def test_rule_7_6_a_handle_without_a_call_is_an_invalid_one() -> None:
    handle: AsyncHandle[SleepCall] = AsyncHandle()
    assert handle.status() == INVALID_HANDLE == InvalidAsyncHandle.status
    for use in (handle.complete, handle.call_handle, lambda: handle.cancel(False), lambda: handle.cancel(True)):
        with pytest.raises(InvalidAsyncHandle):
            use()


@on_a_loop
async def test_rule_7_7_one_handle_serves_one_call_after_the_other_without_being_initialized_again() -> None:
    service, told = Gated(), Told()
    service.gate.set()
    async with testing.channel(service) as channel:
        handle: AsyncHandle[SleepCall] = AsyncHandle(told, user_info=7)
        for number in range(3):
            told._complete.clear()
            handle.attach(LabClient(channel).Sleep(number))
            await told.complete()
            assert handle.complete() == number
    assert told.events == [AsyncEvent.CALL_COMPLETE] * 3
    assert handle.user_info == 7


@on_a_loop
async def test_rule_7_7_a_handle_may_be_initialized_between_calls() -> None:
    service, first, second = Gated(), Told(), Told()
    service.gate.set()
    async with testing.channel(service) as channel:
        handle = LabClient(channel).Sleep(1).handle(first, user_info=7)
        await first.complete()
        assert handle.complete() == 1
        handle.initialize(second)
        assert handle.user_info is None
        handle.attach(LabClient(channel).Sleep(2))
        await second.complete()
        assert handle.complete() == 2
    assert len(first.events) == 1


@on_a_loop
async def test_rule_7_7_one_handle_per_outstanding_call_and_one_call_per_handle() -> None:
    service = Gated()
    async with testing.channel(service) as channel:
        call = LabClient(channel).Sleep(1)
        handle = call.handle()
        with pytest.raises(InvalidAsyncCall, match="a call of Sleep that was not completed"):
            handle.attach(LabClient(channel).Sleep(2))
        with pytest.raises(InvalidAsyncCall, match="not completed"):
            handle.initialize()
        with pytest.raises(InvalidAsyncCall, match="has a handle already"):
            call.handle()
        assert InvalidAsyncCall.status == 1915
        service.gate.set()
        assert await call == 1


@on_a_loop
async def test_rule_7_8_making_the_call_returns_at_once_and_others_may_be_made_meanwhile() -> None:
    service = Gated()
    async with testing.channel(service) as channel:
        client = LabClient(channel)
        handles = [client.Sleep(number).handle() for number in range(5)]
        assert {handle.status() for handle in handles} == {PENDING}
        assert await client.Add(1, 2) == 3  # a synchronous one
        service.gate.set()
        for number, handle in enumerate(handles):
            while handle.status() == PENDING:
                await asyncio.sleep(0)
            assert handle.complete() == number


@on_a_loop
async def test_rule_7_8_after_a_failure_at_call_time_nothing_is_told() -> None:
    told = Told()
    async with testing.channel(Gated()) as channel:
        with pytest.raises(NdrError):
            async with LabClient(channel).Sleep("no number") as call:  # type: ignore[arg-type]
                call.handle(told)
        await LabClient(channel).Add(1, 1)
        with pytest.raises(NdrError):
            LabClient(channel).Sleep("no number").handle(told)  # type: ignore[arg-type]
        await turns()
        assert await LabClient(channel).Add(1, 1) == 2
    assert told.events == []


@on_a_loop
async def test_rule_7_8_what_fails_after_the_call_was_made_is_told() -> None:
    async def nobody(factory: Any) -> Any:
        raise ConnectError("nobody answers")

    told = Told()
    channel = rpc.Channel(rpc.StringBinding("memory"), opener=nobody)
    handle = LabClient(channel).Sleep(1).handle(told)
    await told.complete()
    assert handle.status() == ConnectError.status
    with pytest.raises(ConnectError):
        handle.complete()
    await channel.close()


# -- being told


@on_a_loop
async def test_rule_7_9_no_notification_is_to_poll() -> None:
    service = Gated()
    async with testing.channel(service) as channel:
        handle = LabClient(channel).Sleep(5).handle()
        await service.entered.wait()
        assert handle.status() == PENDING
        service.gate.set()
        await until(lambda: handle.status() != PENDING)
        assert handle.status() == 0
        assert handle.complete() == 5


@pytest.mark.parametrize("way", ["memory", "tcp"])
@on_a_loop
async def test_rule_7_9_events_and_futures_of_loops_and_of_threads(way: str) -> None:
    service = Gated()
    async with reach(way, service) as channel:
        client = LabClient(channel)
        event, thread = asyncio.Event(), threading.Event()
        future: asyncio.Future[AsyncEvent] = asyncio.get_running_loop().create_future()
        concurrent: futures.Future[AsyncEvent] = futures.Future()
        forms: tuple[rpc.Notification[Any], ...] = (event, thread, future, concurrent)
        handles = [client.Sleep(number).handle(form) for number, form in enumerate(forms)]
        await service.entered.wait()
        assert not any((event.is_set(), thread.is_set(), future.done(), concurrent.done()))
        service.gate.set()
        await event.wait()
        assert await asyncio.to_thread(thread.wait, 10)
        assert await future is AsyncEvent.CALL_COMPLETE
        assert await asyncio.to_thread(concurrent.result, 10) is AsyncEvent.CALL_COMPLETE
        assert [handle.complete() for handle in handles] == [0, 1, 2, 3]


@on_a_loop
async def test_rule_7_10_the_callback_gets_the_handle_and_may_complete_the_call_within() -> None:
    results: list[tuple[object, int]] = []
    done = asyncio.Event()

    def told(handle: AsyncHandle[SleepCall], event: AsyncEvent) -> None:
        assert event is AsyncEvent.CALL_COMPLETE
        results.append((handle.user_info, handle.complete()))
        done.set()

    service = Gated()
    service.gate.set()
    async with testing.channel(service) as channel:
        LabClient(channel).Sleep(5).handle(told, user_info="mine")  # nobody else holds it
        await done.wait()
    assert results == [("mine", 5)]


@on_a_loop
async def test_rule_7_9_a_callback_may_make_the_next_call_with_the_same_handle() -> None:
    results: list[int] = []
    done = asyncio.Event()

    def told(handle: AsyncHandle[SleepCall], event: AsyncEvent) -> None:
        results.append(handle.complete())
        if len(results) < 4:
            handle.attach(client.Sleep(len(results)))
        else:
            done.set()

    service = Gated()
    service.gate.set()
    async with testing.channel(service) as channel:
        client = LabClient(channel)
        client.Sleep(0).handle(told)
        await done.wait()
    assert results == [0, 1, 2, 3]


@on_a_loop
async def test_a_callback_that_raises_leaves_the_call_as_it_is(caplog: pytest.LogCaptureFixture) -> None:
    def told(handle: AsyncHandle[SleepCall], event: AsyncEvent) -> None:
        raise ZeroDivisionError

    service = Gated()
    service.gate.set()
    async with testing.channel(service) as channel:
        handle = LabClient(channel).Sleep(5).handle(told)
        await until(lambda: caplog.records)
        assert handle.complete() == 5
        assert await LabClient(channel).Add(1, 1) == 2


@on_a_loop
async def test_a_handle_that_comes_late_is_told_what_has_happened_already() -> None:
    service, told = Gated(), Told()
    service.gate.set()
    async with testing.channel(service) as channel:
        call = LabClient(channel).Sleep(5)
        await until(lambda: call.done)
        handle = call.handle(told)
        assert told.events == []  # never within a call of the program
        await told.complete()
        assert handle.complete() == 5


@on_a_loop
async def test_a_notification_may_be_replaced_and_a_new_future_gets_the_event_too() -> None:
    service = Gated()
    async with testing.channel(service) as channel:
        loop = asyncio.get_running_loop()
        first: asyncio.Future[AsyncEvent] = loop.create_future()
        handle = LabClient(channel).Sleep(5).handle(first)
        second: asyncio.Future[AsyncEvent] = loop.create_future()
        handle.notify = second
        assert handle.notify is second
        service.gate.set()
        assert await second is AsyncEvent.CALL_COMPLETE
        assert not first.done()
        handle.notify = third = loop.create_future()
        assert await third is AsyncEvent.CALL_COMPLETE
        assert handle.complete() == 5


@on_a_loop
async def test_rule_9_7_calls_without_pipes_are_told_of_nothing_but_their_completion() -> None:
    service, told = Gated(), Told()
    service.gate.set()
    async with testing.channel(service) as channel:
        handle = LabClient(channel).Sleep(5).handle(told, notify_on_send_complete=True)
        await told.complete()
        assert handle.complete() == 5
    assert told.events == [AsyncEvent.CALL_COMPLETE]


@on_a_loop
async def test_rule_9_6_sends_are_told_only_to_those_who_ask() -> None:
    async with testing.channel(Lab()) as channel:
        for asked in (False, True):
            told = Told()
            handle = LabClient(channel).Upload(7, iter([b"abc", b"d"])).handle(told, notify_on_send_complete=asked)
            await told.complete()
            assert handle.complete() == 4
            assert (AsyncEvent.SEND_COMPLETE in told.events) is asked
            assert told.events[-1] is AsyncEvent.CALL_COMPLETE


@on_a_loop
async def test_rule_9_13_the_call_itself_produces_the_first_send_complete() -> None:
    told = Told()
    async with testing.channel(Lab()) as channel:
        handle = LabClient(channel).Upload(7).handle(told, notify_on_send_complete=True)
        await until(lambda: told.events)
        assert told.events == [AsyncEvent.SEND_COMPLETE]
        assert handle.status() == PENDING
        await handle.call_handle().source.push(())
        await told.complete()
        assert handle.complete() == 0


@on_a_loop
async def test_rule_9_13_a_call_with_out_pipes_is_complete_when_the_last_one_was_drained() -> None:
    told = Told()
    async with testing.channel(Lab()) as channel:
        handle = LabClient(channel).Download(100, 10).handle(told)
        call = handle.call_handle()
        await until(lambda: call.done)  # all of the answer is here
        await turns()
        assert handle.status() == PENDING
        assert AsyncEvent.CALL_COMPLETE not in told.events
        assert b"".join([block async for block in call.sink])
        await told.complete()
        assert handle.status() == 0
        assert handle.complete() == 100


# -- its status and its end


@on_a_loop
async def test_rule_7_11_a_status_other_than_pending_is_final_and_an_error_has_to_be_collected() -> None:
    service = Gated()
    async with testing.channel(service) as channel:
        good, bad = (LabClient(channel).Sleep(number).handle() for number in (5, -1234))
        await service.entered.wait()
        assert (good.status(), bad.status()) == (PENDING, PENDING)
        service.gate.set()
        await until(lambda: PENDING not in (good.status(), bad.status()))
        assert (good.status(), bad.status()) == (0, 1234)
        assert (good.status(), bad.status()) == (0, 1234)
        assert good.complete() == 5
        with pytest.raises(RpcFault) as caught:
            bad.complete()
        assert caught.value.win32 == 1234
        assert (good.status(), bad.status()) == (INVALID_HANDLE, INVALID_HANDLE)


@on_a_loop
async def test_rule_7_12_to_complete_before_the_reply_is_pending_and_leaves_the_call_open() -> None:
    service = Gated()
    async with testing.channel(service) as channel:
        handle = LabClient(channel).Sleep(5).handle()
        for _ in range(3):
            with pytest.raises(AsyncCallPending) as caught:
                handle.complete()
            assert caught.value.status == PENDING
            await turns()
        service.gate.set()
        await until(lambda: handle.status() == 0)
        assert handle.complete() == 5


@pytest.mark.parametrize("argument", [5, -1234])
@on_a_loop
async def test_rule_7_12_any_other_outcome_is_final_and_frees_the_handle(argument: int) -> None:
    service = Gated()
    service.gate.set()
    async with testing.channel(service) as channel:
        handle = LabClient(channel).Sleep(argument).handle()
        await until(lambda: handle.status() != PENDING)
        try:
            assert handle.complete() == 5
        except RpcFault as error:
            assert error.status == 1234
        for use in (handle.complete, lambda: handle.cancel(False), lambda: handle.cancel(True)):
            with pytest.raises(InvalidAsyncHandle):
                use()
        handle.attach(LabClient(channel).Sleep(6))
        await until(lambda: handle.status() != PENDING)
        assert handle.complete() == 6


@on_a_loop
async def test_rule_7_12_a_lost_connection_is_an_outcome_like_any_other() -> None:
    service, told = Gated(), Told()
    async with rpc.Server([service]) as server:
        async with testing.connected(server) as channel:
            handle = LabClient(channel).Sleep(5).handle(told)
            await service.entered.wait()
        await told.complete()
        assert handle.status() == ConnectionLost.status
        with pytest.raises(ConnectionLost):
            handle.complete()
        service.gate.set()


@on_a_loop
async def test_rule_9_12_to_complete_before_the_in_pipes_are_ended_is_a_breach_that_ends_the_call() -> None:
    async with testing.channel(Lab()) as channel:
        handle = LabClient(channel).Upload(7).handle()
        await turns()
        with pytest.raises(PipeDiscipline):
            handle.complete()
        with pytest.raises(InvalidAsyncHandle):
            handle.complete()
        assert await LabClient(channel).Add(1, 1) == 2


@on_a_loop
async def test_a_handle_is_completed_in_any_thread() -> None:
    service = Gated()
    service.gate.set()
    async with testing.channel(service) as channel:
        event = threading.Event()
        handle = LabClient(channel).Sleep(5).handle(event)

        def wait() -> int:
            assert event.wait(10)
            return handle.complete()

        assert await asyncio.to_thread(wait) == 5


# -- cancelling


@on_a_loop
async def test_rule_7_15_a_cancel_asks_the_server_and_the_call_stays_pending_until_it_ends_it() -> None:
    service, told = Heedful(), Told()
    async with testing.channel(service, cancel_grace=0) as channel:  # which does not count here
        handle = LabClient(channel).Sleep(5).handle(told)
        await service.entered.wait()
        handle.cancel(abort=False)
        await service.heard.wait()
        await turns(50)
        assert handle.status() == PENDING
        with pytest.raises(AsyncCallPending):
            handle.complete()
        assert told.events == []
        service.gate.set()
        await told.complete()
        assert handle.status() == CANCELLED
        with pytest.raises(CallCancelled, match="the server ended it"):
            handle.complete()
        assert await LabClient(channel).Add(1, 1) == 2


@on_a_loop
async def test_rule_7_15_a_server_that_takes_no_notice_of_a_cancel_answers_as_if_there_were_none() -> None:
    service, told = Gated(), Told()
    async with testing.channel(service) as channel:
        handle = LabClient(channel).Sleep(5).handle(told)
        await service.entered.wait()
        handle.cancel(abort=False)
        service.gate.set()
        await told.complete()
        assert handle.complete() == 5


@on_a_loop
async def test_rule_7_15_an_abortive_cancel_ends_the_client_side_at_once_and_complete_is_still_due() -> None:
    service, told = Gated(), Told()
    async with testing.channel(service) as channel:
        handle = LabClient(channel).Sleep(5).handle(told)
        await service.entered.wait()
        handle.cancel(abort=True)
        assert handle.status() == CANCELLED
        await told.complete()
        assert told.events == [AsyncEvent.CALL_COMPLETE]
        with pytest.raises(CallCancelled):
            handle.complete()
        with pytest.raises(InvalidAsyncHandle):
            handle.complete()
        assert await LabClient(channel).Add(1, 1) == 2


@on_a_loop
async def test_rule_7_15_an_abortive_cancel_tells_the_server() -> None:
    class Watched(Gated):
        async def Sleep(self, call: rpc.Call, milliseconds: int) -> int:
            call.subscribe(AsyncEvent.CLIENT_CANCEL, self.heard)
            return await super().Sleep(call, milliseconds)

    service = Watched()
    async with testing.channel(service) as channel:
        handle = LabClient(channel).Sleep(5).handle()
        await service.entered.wait()
        handle.cancel(abort=True)
        with pytest.raises(CallCancelled):
            handle.complete()
        await service.heard.wait()


@on_a_loop
async def test_rule_7_15_first_a_cancel_that_asks_and_after_ones_own_time_limit_one_that_does_not() -> None:
    service, told = Gated(), Told()
    async with testing.channel(service) as channel:
        handle = LabClient(channel).Sleep(5).handle(told)
        await service.entered.wait()
        handle.cancel(abort=False)
        await turns(20)
        assert handle.status() == PENDING
        handle.cancel(abort=True)
        await told.complete()
        with pytest.raises(CallCancelled):
            handle.complete()


@on_a_loop
async def test_a_call_that_is_cancelled_before_it_began_is_not_made_but_told() -> None:
    for abort in (False, True):
        service, told = Lab(), Told()
        async with testing.channel(service) as channel:
            handle = LabClient(channel).Sleep(5).handle(told)
            handle.cancel(abort)
            await told.complete()
            with pytest.raises(CallCancelled):
                handle.complete()
        assert service.calls == []


@on_a_loop
async def test_a_call_of_which_the_server_knows_nothing_yet_ends_when_it_is_cancelled() -> None:
    service = Lab()
    async with rpc.Server([service]) as server, testing.connected(server, cancel_grace=3600) as channel:
        told = Told()
        assert await LabClient(channel).Add(1, 1) == 2
        handle = LabClient(channel).Upload(1).handle(told)  # four octets wait for four more
        await turns()
        assert not server.calls
        handle.cancel(abort=False)
        await told.complete()
        with pytest.raises(CallCancelled):
            handle.complete()
        task = asyncio.ensure_future(LabClient(channel).Upload(1, _nothing()).complete())
        await turns()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await LabClient(channel).Add(1, 1) == 2
        assert len(channel.pool.links) == 1


async def _nothing() -> AsyncIterator[bytes]:
    await asyncio.Event().wait()
    yield b""


@on_a_loop
async def test_a_cancel_of_a_complete_call_changes_nothing() -> None:
    service = Gated()
    service.gate.set()
    async with testing.channel(service) as channel:
        handle = LabClient(channel).Sleep(5).handle()
        await until(lambda: handle.status() == 0)
        handle.cancel(False)
        handle.cancel(True)
        assert handle.complete() == 5


@on_a_loop
async def test_a_call_is_cancelled_from_any_thread() -> None:
    service, told = Gated(), Told()
    async with testing.channel(service) as channel:
        handle = LabClient(channel).Sleep(5).handle(told)
        await service.entered.wait()
        await asyncio.to_thread(handle.cancel, True)
        await told.complete()
        with pytest.raises(CallCancelled):
            handle.complete()


@on_a_loop
async def test_a_call_with_pipes_that_was_cancelled_is_complete_without_their_ends() -> None:
    async with testing.channel(Lab()) as channel:
        for abort in (True, False):
            told = Told()
            handle = LabClient(channel).Download(1 << 20, 1 << 10).handle(told)
            call = handle.call_handle()
            await call.sink.pull()
            handle.cancel(abort)
            await told.complete()
            assert handle.status() in (0, CANCELLED)  # the service takes no notice
            with pytest.raises(CallCancelled):
                await call.sink.pull()


@on_a_loop
async def test_an_answer_whose_pipes_were_not_read_is_given_up_by_an_abortive_cancel() -> None:
    told = Told()
    async with testing.channel(Lab()) as channel:
        handle = LabClient(channel).Download(100, 10).handle(told)
        await until(lambda: handle.call_handle().done)
        handle.cancel(abort=True)
        await told.complete()
        assert handle.status() == CANCELLED
        with pytest.raises(CallCancelled):
            handle.complete()


@on_a_loop
async def test_a_notification_is_replaced_in_any_thread() -> None:
    service = Gated()
    async with testing.channel(service) as channel:
        handle = LabClient(channel).Sleep(5).handle(threading.Event())
        event = threading.Event()

        def wait() -> int:
            handle.notify = event
            channel.loop.call_soon_threadsafe(service.gate.set)
            assert event.wait(10)
            return handle.complete()

        assert await asyncio.to_thread(wait) == 5


@pytest.mark.parametrize("abort", [False, True])
@on_a_loop
async def test_rule_7_19_after_an_error_from_complete_there_is_nothing_more_to_do(abort: bool) -> None:
    service, told = Heedful(), Told()
    service.gate.set()
    async with rpc.Server([service]) as server, testing.connected(server) as channel:
        handle = LabClient(channel).Sleep(5).handle(told)
        await service.entered.wait()
        handle.cancel(abort)
        await told.complete()
        with pytest.raises(CallCancelled):
            handle.complete()
        await until(lambda: not server.calls)
        assert await LabClient(channel).Add(1, 1) == 2


@on_a_loop
async def test_rule_7_22_the_client_calls_waits_and_completes() -> None:
    """Every way through the client's state machine, by its notifications alone."""

    async def run(cancel: bool | None, argument: int) -> object:
        service = Heedful() if cancel is False else Gated()
        loop = asyncio.get_running_loop()
        async with testing.channel(service) as channel:
            handle = LabClient(channel).Sleep(argument).handle(loop.create_future())
            await service.entered.wait()
            if cancel is not None:
                handle.cancel(cancel)
            service.gate.set()
            assert isinstance(handle.notify, asyncio.Future)
            assert await handle.notify is AsyncEvent.CALL_COMPLETE
            try:
                return handle.complete()
            except RpcError as error:
                return type(error)

    assert await run(None, 5) == 5
    assert await run(None, -1234) is RpcFault
    assert await run(False, 5) is CallCancelled
    assert await run(True, 5) is CallCancelled


@on_a_loop
async def test_a_handle_and_an_awaited_call_are_two_views_of_one() -> None:
    service = Gated()
    async with testing.channel(service) as channel:
        call = LabClient(channel).Sleep(5)
        handle = call.handle()
        assert handle.call_handle() is call
        waiting = asyncio.ensure_future(call.complete())
        await service.entered.wait()
        handle.cancel(abort=True)
        with pytest.raises(CallCancelled):
            await waiting
        with pytest.raises(CallCancelled):
            handle.complete()


@on_a_loop
async def test_rule_7_24_a_handle_is_used_without_being_registered_and_cancelling_a_task_is_not_cancelling_a_call() -> (
    None
):
    service = Gated()
    async with testing.channel(service) as channel:
        handle = LabClient(channel).Sleep(5).handle()

        async def poll() -> None:
            while handle.status() == PENDING:
                await asyncio.sleep(0)

        task = asyncio.ensure_future(poll())
        await service.entered.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert handle.status() == PENDING
        service.gate.set()
        await poll()
        assert handle.complete() == 5
