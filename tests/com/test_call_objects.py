"""Call objects and what makes them, in one apartment and of proxies (rules 2.1 to 2.11, 3.1 to 3.20)."""

from __future__ import annotations

import asyncio
import gc
import select
import threading
import weakref
from typing import Any

import pytest

from idlrt import com
from idlrt.com.hresult import (
    E_INVALIDARG,
    E_NOINTERFACE,
    E_UNEXPECTED,
    RPC_E_CALL_CANCELED,
    RPC_E_CALL_COMPLETE,
    RPC_E_NO_GOOD_SECURITY_PACKAGES,
    RPC_E_NO_SYNC,
    RPC_E_OUT_OF_RESOURCES,
    RPC_E_TIMEOUT,
    RPC_S_CALLPENDING,
    S_OK,
)
from idlrt.com.known import COWAIT_WAITALL, INFINITE
from idlrt.errors import NdrError
from tests.com.stage import (
    UNHEARD,
    Addition,
    AsyncICalc,
    AsyncICalc2,
    Calc,
    Calculator,
    Elsewhere,
    ICalc,
    ICalc2,
    IName,
    refused,
    run,
)


async def addition() -> Addition:
    call = await com.new_call(Calculator(), AsyncICalc)
    assert isinstance(call, Addition)
    return call


async def remote_call() -> tuple[Any, Elsewhere]:
    elsewhere = Elsewhere(ICalc)
    return await com.new_call(elsewhere.proxy(ICalc), AsyncICalc), elsewhere


class Background(com.CallFactory, ICalc):
    """Runs its own methods in the background; Add waits for the test."""

    Touch, Sort, Pass = Calc.Touch, Calc.Sort, Calc.Pass

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.ended = 0

    async def Add(self, a: int, b: int) -> Any:
        await self.gate.wait()
        self.ended += 1
        return a + b


# ---------------------------------------------------------------------------- 2 ICallFactory::CreateCall


def test_rule_2_1_create_call_is_the_one_method_of_icallfactory() -> None:
    @run
    async def facts() -> None:
        factory = await Calculator().QueryInterface(com.ICallFactory)
        call = await factory.CreateCall(AsyncICalc.IID, None, AsyncICalc.IID)
        assert isinstance(call, AsyncICalc)
        assert [name for name in vars(com.ICallFactory) if not name.startswith("_")] == ["IID", "CreateCall"]


def test_rule_2_2_the_synchronous_interface_is_no_interface_of_call_objects() -> None:
    @run
    async def facts() -> None:
        for unknown in (Calculator(), Elsewhere(ICalc).proxy(ICalc)):
            factory = await unknown.QueryInterface(com.ICallFactory)
            for riid in (ICalc, ICalc.IID, com.IUnknown, IName):
                assert await refused(factory.CreateCall(riid, None, riid)) == E_NOINTERFACE


def test_rule_2_3_a_call_object_stands_alone_or_is_part_of_another_object() -> None:
    @run
    async def facts() -> None:
        factory = await Calculator().QueryInterface(com.ICallFactory)
        alone = await factory.CreateCall(AsyncICalc, None, com.IUnknown)
        assert await alone.QueryInterface(AsyncICalc) is alone
        outer = Calc()
        inner = await factory.CreateCall(AsyncICalc, outer, com.IUnknown)
        part = await inner.QueryInterface(AsyncICalc)
        assert await part.QueryInterface(com.IUnknown) is outer


def test_rule_2_4_with_a_controlling_unknown_only_iunknown_can_be_asked_for() -> None:
    @run
    async def facts() -> None:
        for unknown in (Calculator(), Elsewhere(ICalc).proxy(ICalc)):
            factory = await unknown.QueryInterface(com.ICallFactory)
            assert await refused(factory.CreateCall(AsyncICalc, Calc(), AsyncICalc)) == E_INVALIDARG
            inner = await factory.CreateCall(AsyncICalc, Calc(), com.IUnknown)
            assert await inner.QueryInterface(com.IUnknown) is inner


def test_rule_2_5_any_interface_of_the_call_object_can_be_asked_for() -> None:
    @run
    async def facts() -> None:
        for unknown in (Calculator(), Elsewhere(ICalc).proxy(ICalc)):
            factory = await unknown.QueryInterface(com.ICallFactory)
            synchronize = await factory.CreateCall(AsyncICalc, None, com.ISynchronize)
            call = await synchronize.QueryInterface(AsyncICalc)
            assert await call.QueryInterface(com.ISynchronize) is synchronize
            assert await refused(factory.CreateCall(AsyncICalc, None, IName)) == E_NOINTERFACE


def test_rule_2_6_what_is_no_interface_is_an_invalid_argument() -> None:
    @run
    async def facts() -> None:
        factory = await Calculator().QueryInterface(com.ICallFactory)
        assert await refused(factory.CreateCall("AsyncICalc")) == E_INVALIDARG  # type: ignore[call-overload]


def test_rule_2_7_an_object_without_icallfactory_has_no_asynchronous_calls() -> None:
    @run
    async def facts() -> None:
        assert await refused(Calc().QueryInterface(com.ICallFactory)) == E_NOINTERFACE
        assert await refused(com.new_call(Calc(), AsyncICalc)) == E_NOINTERFACE


def test_rule_2_8_a_call_object_outlives_its_factory() -> None:
    @run
    async def facts() -> None:
        calculator = Calculator()
        factory = await calculator.QueryInterface(com.ICallFactory)
        call = await factory.CreateCall(AsyncICalc)
        factory.Release()
        await call.Begin_Touch()
        assert await call.Finish_Touch() == 1


def test_rule_2_9_a_proxy_has_call_objects_whether_or_not_the_server_has() -> None:
    @run
    async def facts() -> None:
        elsewhere = Elsewhere(ICalc)
        call = await com.new_call(elsewhere.proxy(ICalc), AsyncICalc)
        await call.Begin_Add(1, 2)
        elsewhere.begun[0].future.set_result(3)
        assert await call.Finish_Add() == 3


def test_rule_2_10_in_one_apartment_a_call_object_may_be_missing_for_an_interface() -> None:
    @run
    async def facts() -> None:
        calculator = Calculator()
        assert await refused(com.new_call(calculator, AsyncICalc2)) == E_NOINTERFACE
        direct = await calculator.QueryInterface(ICalc2)
        assert await direct.Negate(2) == -2


def test_rule_2_11_a_proxy_answers_icallfactory_itself() -> None:
    @run
    async def facts() -> None:
        elsewhere = Elsewhere(ICalc)
        proxy = elsewhere.proxy(ICalc)
        factory = await proxy.QueryInterface(com.ICallFactory)
        assert elsewhere.queries == []
        assert await factory.QueryInterface(com.IUnknown) is await proxy.QueryInterface(com.IUnknown)
        assert await factory.QueryInterface(ICalc) is proxy
        assert await refused(factory.CreateCall(AsyncICalc2)) == E_NOINTERFACE  # the server has no ICalc2


# ---------------------------------------------------------------------------- 3 the contract of call objects


def test_rule_3_1_only_call_objects_have_asynchronous_methods() -> None:
    @run
    async def facts() -> None:
        for unknown in (Calculator(), Elsewhere(ICalc).proxy(ICalc)):
            assert not hasattr(unknown, "Begin_Add")
            assert await refused(unknown.QueryInterface(AsyncICalc)) == E_NOINTERFACE
            assert await refused(unknown.QueryInterface(AsyncICalc.IID)) == E_NOINTERFACE


def test_rule_3_2_a_call_object_is_idle_pending_signaled_and_idle_again() -> None:
    @run
    async def facts() -> None:
        call = await addition()
        seen = [call.state]
        await call.Begin_Add(1, 2)
        seen.append(call.state)
        call.signal()
        seen.append(call.state)
        await call.Finish_Add()
        seen.append(call.state)
        idle = com.CallState.IDLE
        assert seen == [idle, com.CallState.PENDING, com.CallState.SIGNALED, idle]


def test_rule_3_2_cancel_signals_a_pending_call() -> None:
    @run
    async def facts() -> None:
        call = await addition()
        await call.Begin_Add(1, 2)
        await call.Cancel(0)
        assert call.state is com.CallState.SIGNALED
        assert await call.Wait(0, 0) == S_OK
        assert await refused(call.Finish_Add()) == RPC_E_CALL_CANCELED
        assert call.done()


def test_rule_3_3_one_call_at_a_time_over_all_methods_and_clients() -> None:
    @run
    async def facts() -> None:
        call = await addition()
        other = await call.QueryInterface(AsyncICalc)
        await call.Begin_Add(1, 2)
        assert await refused(call.Begin_Add(3, 4)) == RPC_S_CALLPENDING
        assert await refused(other.Begin_Touch()) == RPC_S_CALLPENDING
        call.signal()
        assert await refused(other.Begin_Add(5, 6)) == RPC_S_CALLPENDING  # signaled is not finished
        assert await other.Finish_Add() == 3
        assert call.begun == [(1, 2)]


def test_rule_3_3_a_refused_begin_of_a_proxys_call_object_sends_nothing() -> None:
    @run
    async def facts() -> None:
        call, elsewhere = await remote_call()
        await call.Begin_Add(1, 2)
        assert await refused(call.Begin_Add(3, 4)) == RPC_S_CALLPENDING
        assert await refused(call.Begin_Touch()) == RPC_S_CALLPENDING
        assert [(begun.opnum, begun.inputs) for begun in elsewhere.begun] == [(3, (1, 2))]


def test_rule_3_4_calls_in_parallel_have_a_call_object_each() -> None:
    @run
    async def facts() -> None:
        elsewhere = Elsewhere(ICalc)
        proxy = elsewhere.proxy(ICalc)
        calls = [await com.new_call(proxy, AsyncICalc) for _ in range(3)]
        for number, call in enumerate(calls):
            await call.Begin_Add(number, 0)
        for begun in reversed(elsewhere.begun):
            begun.future.set_result(begun.inputs[0])
        assert [await call.Finish_Add() for call in calls] == [0, 1, 2]


def test_rule_3_5_finish_without_a_call_is_refused() -> None:
    @run
    async def facts() -> None:
        for call in (await addition(), (await remote_call())[0]):
            assert await refused(call.Finish_Add()) == RPC_E_CALL_COMPLETE
        call = await addition()
        await call.Begin_Touch()
        await call.Finish_Touch()
        assert await refused(call.Finish_Touch()) == RPC_E_CALL_COMPLETE


def test_rule_3_5_of_two_that_finish_one_gets_the_results() -> None:
    @run
    async def facts() -> None:
        call = await addition()
        await call.Begin_Add(1, 2)
        both = [asyncio.ensure_future(call.Finish_Add()) for _ in range(2)]
        await asyncio.sleep(0)
        call.signal()
        first, second = await asyncio.gather(*both, return_exceptions=True)
        assert first == 3
        assert isinstance(second, com.CallComplete)
        assert call.finished == 1


def test_rule_3_6_finish_before_wait_waits() -> None:
    @run
    async def facts() -> None:
        call, elsewhere = await remote_call()
        await call.Begin_Add(1, 2)
        finish = asyncio.ensure_future(call.Finish_Add())
        await asyncio.sleep(0)
        assert not finish.done()
        elsewhere.begun[0].future.set_result(3)
        assert await finish == 3


def test_rule_3_7_finish_gives_what_the_method_gives() -> None:
    @run
    async def facts() -> None:
        background: Any = Background()
        call = await com.new_call(background, AsyncICalc)
        await call.Begin_Sort([3, 1, 2])
        assert await call.Finish_Sort() == await background.Sort([3, 1, 2])
        await call.Begin_Touch()
        assert await call.Finish_Touch() == await background.Touch()
        elsewhere = Elsewhere(ICalc)
        call = await com.new_call(elsewhere.proxy(ICalc), AsyncICalc)
        await call.Begin_Touch()
        elsewhere.begun[0].future.set_exception(com.HResultError(E_INVALIDARG))
        assert await refused(call.Finish_Touch()) == E_INVALIDARG


def test_rule_3_8_a_call_object_is_used_again() -> None:
    @run
    async def facts() -> None:
        call = await addition()
        for number in range(3):
            await call.Begin_Add(number, 1)
            assert await refused(call.Wait(0, 0)) == RPC_S_CALLPENDING  # the last call's signal is gone
            call.signal()
            assert await call.Finish_Add() == number + 1


def test_rule_3_9_released_without_finish_the_method_still_runs_to_its_end() -> None:
    @run
    async def facts() -> None:
        background = Background()
        call = await com.new_call(background, AsyncICalc)
        await call.Begin_Add(1, 2)
        gone = weakref.ref(call)
        assert call.Release() == 0
        del call
        background.gate.set()
        while not background.ended:
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        gc.collect()
        assert gone() is None


def test_rule_3_9_the_results_of_a_released_call_are_lost_silently(caplog: pytest.LogCaptureFixture) -> None:
    @run
    async def facts() -> None:
        call, elsewhere = await remote_call()
        await call.Begin_Add(1, 2)
        del call
        elsewhere.begun[0].future.set_exception(com.HResultError(E_INVALIDARG))
        await asyncio.sleep(0)

    gc.collect()
    assert caplog.records == []


def test_rule_3_10_a_begin_that_fails_leaves_nothing_to_finish() -> None:
    @run
    async def facts() -> None:
        call = await addition()
        assert await refused(call.Begin_Add(-1, 0)) == E_INVALIDARG
        assert call.state is com.CallState.IDLE
        assert await refused(call.Begin_Pass(None)) == 0x80004005
        assert await refused(call.Finish_Pass()) == RPC_E_CALL_COMPLETE
        await call.Begin_Touch()
        proxied, _ = await remote_call()
        with pytest.raises(NdrError):
            await proxied.Begin_Add("1", 2)
        assert await refused(proxied.Finish_Add()) == RPC_E_CALL_COMPLETE


def test_rule_3_10_the_finish_of_another_method_is_unexpected_and_disturbs_nothing() -> None:
    @run
    async def facts() -> None:
        call, elsewhere = await remote_call()
        await call.Begin_Add(1, 2)
        assert await refused(call.Finish_Touch()) == E_UNEXPECTED
        elsewhere.begun[0].future.set_result(3)
        assert await call.Finish_Add() == 3
        local = await addition()
        await local.Begin_Touch()
        assert await refused(local.Finish_Add()) == E_UNEXPECTED
        assert await local.Finish_Touch() == 1


def test_rule_3_11_a_call_object_shows_its_completion_by_isynchronize() -> None:
    @run
    async def facts() -> None:
        call, elsewhere = await remote_call()
        synchronize = await call.QueryInterface(com.ISynchronize)
        await call.Begin_Add(1, 2)
        assert await refused(synchronize.Wait(0, 0)) == RPC_S_CALLPENDING
        elsewhere.begun[0].future.set_result(3)
        assert await synchronize.Wait(0, INFINITE) == S_OK


def test_rule_3_12_wait_takes_flags_and_milliseconds() -> None:
    @run
    async def facts() -> None:
        for synchronize in (await addition(), com.StdEvent(), com.ManualResetEvent()):
            assert await refused(synchronize.Wait(0x100, 0)) == E_INVALIDARG
            assert await refused(synchronize.Wait(0, -1)) == E_INVALIDARG
            waiting = asyncio.ensure_future(synchronize.Wait(COWAIT_WAITALL, INFINITE))
            await asyncio.sleep(0)
            await synchronize.Signal()
            assert await waiting == S_OK


def test_rule_3_13_a_wait_that_times_out_is_a_pending_call() -> None:
    @run
    async def facts() -> None:
        for synchronize in (await addition(), com.StdEvent(), com.ManualResetEvent()):
            assert await refused(synchronize.Wait(0, 0)) == RPC_S_CALLPENDING
            assert await refused(synchronize.Wait(0, 1)) == RPC_S_CALLPENDING


def test_rule_3_14_signal_releases_every_waiter() -> None:
    @run
    async def facts() -> None:
        call = await addition()
        await call.Begin_Add(1, 2)
        waiting = [asyncio.ensure_future(call.Wait(0, INFINITE)) for _ in range(3)]
        waits = asyncio.gather(*(asyncio.to_thread(call.wait, 20) for _ in range(3)))
        await asyncio.sleep(0)
        assert await call.Signal() == S_OK
        assert await asyncio.gather(*waiting) == [S_OK] * 3
        assert await waits == [True] * 3
        assert await call.Reset() == S_OK
        assert await refused(call.Wait(0, 0)) == RPC_S_CALLPENDING


def test_rule_3_14_waiters_of_several_loops_are_released_by_any_thread() -> None:
    event = com.ManualResetEvent()
    ready = threading.Barrier(4)
    outcomes: list[int] = []

    async def waits() -> int:
        waiting = asyncio.ensure_future(event.Wait(0, INFINITE))
        await asyncio.sleep(0)
        await asyncio.to_thread(ready.wait, 20)
        return await asyncio.wait_for(waiting, 20)

    threads = [threading.Thread(target=lambda: outcomes.append(asyncio.run(waits()))) for _ in range(3)]
    for thread in threads:
        thread.start()
    ready.wait(20)
    event.signal()
    for thread in threads:
        thread.join(20)
    assert outcomes == [S_OK] * 3


def test_rule_3_15_a_std_event_lets_one_waiter_go() -> None:
    @run
    async def facts() -> None:
        event = com.StdEvent()
        waiting = [asyncio.ensure_future(event.Wait(0, INFINITE)) for _ in range(3)]
        await asyncio.sleep(0)
        await event.Signal()
        done, left = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        assert (len(done), len(left)) == (1, 2)
        assert await refused(event.Wait(0, 0)) == RPC_S_CALLPENDING
        for _ in left:
            await event.Signal()
        await asyncio.wait(left)
        await event.Signal()
        assert await event.Wait(0, 0) == S_OK
        assert await refused(event.Wait(0, 0)) == RPC_S_CALLPENDING


def test_rule_3_15_a_manual_reset_event_stays_signaled() -> None:
    @run
    async def facts() -> None:
        event = com.ManualResetEvent()
        await event.Signal()
        assert [await event.Wait(0, 0) for _ in range(3)] == [S_OK] * 3
        await event.Reset()
        assert await refused(event.Wait(0, 0)) == RPC_S_CALLPENDING


def test_rule_3_15_a_signal_that_meets_a_cancelled_waiter_is_not_lost() -> None:
    @run
    async def facts() -> None:
        event = com.StdEvent()
        waiting = asyncio.ensure_future(event.Wait(0, INFINITE))
        await asyncio.sleep(0)
        await event.Signal()
        waiting.cancel()
        await asyncio.wait([waiting])
        if waiting.cancelled():
            assert await event.Wait(0, 0) == S_OK
        else:
            assert waiting.result() == S_OK


def test_rule_3_16_waiting_several_times_resets_no_call_object() -> None:
    @run
    async def facts() -> None:
        call = await addition()
        await call.Begin_Add(1, 2)
        call.signal()
        assert [await call.Wait(0, 0) for _ in range(3)] == [S_OK] * 3
        assert await call.Finish_Add() == 3
        await call.Begin_Add(2, 2)
        assert await refused(call.Wait(0, 0)) == RPC_S_CALLPENDING


def test_rule_3_16_a_reset_does_not_undo_completion() -> None:
    @run
    async def facts() -> None:
        call = await addition()
        await call.Begin_Add(1, 2)
        call.signal()
        await call.Reset()
        assert await call.Finish_Add() == 3


def test_rule_3_17_the_handle_selects_readable_while_signaled() -> None:
    @run
    async def facts() -> None:
        call = await addition()
        handle = await (await call.QueryInterface(com.ISynchronizeHandle)).GetHandle()

        def readable() -> bool:
            return bool(select.select([handle], [], [], 0)[0])

        await call.Begin_Add(1, 2)
        seen = [readable()]
        call.signal()
        seen += [readable(), readable()]
        await call.Finish_Add()
        await call.Begin_Add(1, 2)
        seen.append(readable())
        assert seen == [False, True, True, False]
        del call
        gc.collect()
        assert not readable()  # it is of use as long as somebody keeps it


def test_rule_3_17_the_handle_of_a_loop_without_eventfd_selects_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("os.eventfd")
    handle = com.EventHandle(manual=False)
    handle.set()
    handle.set()
    assert select.select([handle], [], [], 0)[0] == [handle]
    assert handle.poll()
    assert select.select([handle], [], [], 0)[0] == []


def test_rule_3_17_an_event_can_be_given_another_handle() -> None:
    @run
    async def facts() -> None:
        event = com.StdEvent()
        other = com.EventHandle(signaled=True)
        control = await event.QueryInterface(com.ISynchronizeEvent)
        assert await control.SetEventHandle(other) == S_OK
        assert await control.GetHandle() is other
        assert await event.Wait(0, 0) == S_OK
        assert await refused(control.SetEventHandle(7)) == E_INVALIDARG  # type: ignore[arg-type]


def test_rule_3_18_a_container_gives_the_member_that_is_signaled() -> None:
    @run
    async def facts() -> None:
        container = await com.SynchronizeContainer().QueryInterface(com.ISynchronizeContainer)
        assert await refused(container.WaitMultiple(0, 0)) == RPC_E_NO_SYNC
        events = [com.StdEvent() for _ in range(3)]
        for event in events:
            assert await container.AddSynchronize(event) == S_OK
        assert await refused(container.WaitMultiple(0, 0)) == RPC_E_TIMEOUT
        assert await refused(container.WaitMultiple(COWAIT_WAITALL, 0)) == E_INVALIDARG
        waiting = asyncio.ensure_future(container.WaitMultiple(0, INFINITE))
        await asyncio.sleep(0)
        events[1].signal()
        assert await waiting is events[1]
        events[0].signal()
        events[2].signal()
        assert {await container.WaitMultiple(0, 0), await container.WaitMultiple(0, 0)} == {events[0], events[2]}
        assert await refused(container.WaitMultiple(0, 0)) == RPC_E_NO_SYNC


def test_rule_3_18_a_container_holds_63() -> None:
    @run
    async def facts() -> None:
        container = com.SynchronizeContainer()
        for _ in range(63):
            await container.AddSynchronize(com.StdEvent())
        assert await refused(container.AddSynchronize(com.StdEvent())) == RPC_E_OUT_OF_RESOURCES
        assert await refused(container.AddSynchronize(Calc())) == E_INVALIDARG  # type: ignore[arg-type]


def test_rule_3_18_call_objects_are_awaited_with_a_container() -> None:
    @run
    async def facts() -> None:
        calls = [await addition() for _ in range(3)]
        container = com.SynchronizeContainer()
        for number, call in enumerate(calls):
            await call.Begin_Add(number, number)
            await container.AddSynchronize(call)
        sums = []
        for number in (2, 0, 1):
            calls[number].signal()
            synchronize = await container.WaitMultiple(0, INFINITE)
            sums.append(await (await synchronize.QueryInterface(AsyncICalc)).Finish_Add())
        assert sums == [4, 0, 2]


def test_rule_3_18_a_container_takes_anything_that_waits() -> None:
    class Own(com.Object, com.ISynchronize):
        def __init__(self) -> None:
            self.event = com.StdEvent()

        async def Wait(self, dwFlags: int, dwMilliseconds: int) -> int:
            return await self.event.Wait(dwFlags, dwMilliseconds)

        async def Signal(self) -> int:
            return await self.event.Signal()

        async def Reset(self) -> int:
            return await self.event.Reset()

    @run
    async def facts() -> None:
        container = com.SynchronizeContainer()
        owns = [Own(), Own()]
        for own in owns:
            await container.AddSynchronize(own)
        assert await refused(container.WaitMultiple(0, 1)) == RPC_E_TIMEOUT
        for own in owns:
            await own.Signal()
        assert {await container.WaitMultiple(0, INFINITE), await container.WaitMultiple(0, INFINITE)} == set(owns)


def test_rule_3_19_the_call_object_says_how_its_calls_are_protected() -> None:
    @run
    async def facts() -> None:
        call, elsewhere = await remote_call()
        security = await call.QueryInterface(com.IClientSecurity)
        assert await security.QueryInterface(AsyncICalc) is call
        assert await security.QueryBlanket(call) == com.Blanket()
        await security.SetBlanket(call, dwAuthnSvc=10, dwAuthnLevel=6, dwImpLevel=3)
        await call.Begin_Add(1, 2)
        blanket = com.Blanket(authn_service=10, authn_level=6, imp_level=3)
        assert elsewhere.begun[0].blanket == await security.QueryBlanket(call) == blanket
        assert await refused(security.SetBlanket(call, dwAuthnLevel=7)) == E_INVALIDARG
        assert await refused(security.SetBlanket(Calc(), dwAuthnLevel=1)) == E_INVALIDARG
        assert await refused(security.CopyProxy(call)) == E_INVALIDARG


def test_rule_3_19_blankets_that_the_way_there_does_not_know_are_refused() -> None:
    @run
    async def facts() -> None:
        call, _ = await remote_call()
        security = await call.QueryInterface(com.IClientSecurity)
        refusal = await refused(security.SetBlanket(call, UNHEARD, dwAuthnLevel=5))
        assert refusal == RPC_E_NO_GOOD_SECURITY_PACKAGES
        assert await security.QueryBlanket(call) == com.Blanket()
        local = await addition()
        assert await refused(local.QueryInterface(com.IClientSecurity)) == E_NOINTERFACE  # nothing is marshalled


def test_rule_3_19_each_pointer_has_a_blanket_of_its_own() -> None:
    @run
    async def facts() -> None:
        elsewhere = Elsewhere(ICalc)
        proxy = elsewhere.proxy(ICalc)
        security = await proxy.QueryInterface(com.IClientSecurity)
        copy: Any = await security.CopyProxy(proxy)
        await security.SetBlanket(copy, dwAuthnLevel=5)
        await proxy.Touch()
        await copy.Touch()
        assert elsewhere.blankets == [None, com.Blanket(authn_level=5)]
        begun = await com.new_call(copy, AsyncICalc)
        await begun.Begin_Add(1, 2)
        assert elsewhere.begun[0].blanket == com.Blanket(authn_level=5)  # as the pointer that it was made of
        copy.Release()
        assert elsewhere.released == []
        assert await proxy.QueryInterface(ICalc) is proxy


class Callback(com.Object, com.ISynchronize):
    """Acts when a call is complete: the call object is part of it, and signals it."""

    def __init__(self) -> None:
        self.completed = asyncio.Event()

    async def create(self, unknown: com.IUnknown) -> None:
        factory = await unknown.QueryInterface(com.ICallFactory)
        inner = await factory.CreateCall(AsyncICalc, self, com.IUnknown)
        self.aggregate(inner)
        self.inner = await inner.QueryInterface(com.ISynchronize)

    async def Wait(self, dwFlags: int, dwMilliseconds: int) -> int:
        return await self.inner.Wait(dwFlags, dwMilliseconds)

    async def Signal(self) -> int:
        self.completed.set()
        return await self.inner.Signal()

    async def Reset(self) -> int:
        return await self.inner.Reset()


def test_rule_3_20_completion_calls_the_outer_objects_signal() -> None:
    @run
    async def facts() -> None:
        elsewhere = Elsewhere(ICalc)
        callback = Callback()
        await callback.create(elsewhere.proxy(ICalc))
        call = await callback.QueryInterface(AsyncICalc)
        await call.Begin_Add(1, 2)
        await asyncio.sleep(0)
        assert not callback.completed.is_set()
        elsewhere.begun[0].future.set_result(3)
        await callback.completed.wait()
        assert await callback.Wait(0, INFINITE) == S_OK
        assert await call.Finish_Add() == 3


def test_rule_3_20_an_authors_call_object_signals_its_outer_object() -> None:
    @run
    async def facts() -> None:
        callback = Callback()
        await callback.create(Calculator())
        call = await callback.QueryInterface(AsyncICalc)
        await call.Begin_Add(1, 2)
        await asyncio.to_thread(Addition.made[-1].signal)
        await callback.completed.wait()
        assert await call.Finish_Add() == 3


# ---------------------------------------------------------------------------- Python's way


def test_a_call_object_is_awaited() -> None:
    @run
    async def facts() -> None:
        background = Background()
        background.gate.set()
        call: Any = await com.new_call(background, AsyncICalc)
        await call.Begin_Add(1, 2)
        assert await call == 3
        assert await refused(call) == RPC_E_CALL_COMPLETE
        local: Any = await addition()
        await local.Begin_Touch()
        assert await local == 1


def test_call_objects_are_waited_for_as_tasks_are() -> None:
    @run
    async def facts() -> None:
        calls: list[Any] = [await addition() for _ in range(3)]
        for number, call in enumerate(calls):
            await call.Begin_Add(number, 0)
        calls[1].signal()
        done, pending = await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
        assert (done, pending) == ({calls[1]}, {calls[0], calls[2]})
        asyncio.get_running_loop().call_soon(calls[0].signal)
        threading.Timer(0, calls[2].signal).start()
        done, pending = await asyncio.wait(calls, timeout=20)
        assert (done, pending) == (set(calls), set())
        assert list(await asyncio.gather(*calls)) == [0, 1, 2]


def test_a_time_out_cancels_the_call_and_leaves_the_object_usable() -> None:
    @run
    async def facts() -> None:
        call, elsewhere = await remote_call()
        await call.Begin_Add(1, 2)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await call
        assert (elsewhere.begun[0].asked, elsewhere.begun[0].abandoned) == (1, True)
        await call.Begin_Add(3, 4)
        elsewhere.begun[1].future.set_result(7)
        assert await call.Finish_Add() == 7


def test_a_cancelled_wait_cancels_no_call() -> None:
    @run
    async def facts() -> None:
        call, elsewhere = await remote_call()
        await call.Begin_Add(1, 2)
        waiting = asyncio.ensure_future(call.Wait(0, INFINITE))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])
        assert elsewhere.begun[0].asked == 0
        elsewhere.begun[0].future.set_result(3)
        assert await call.Finish_Add() == 3


def test_a_cancelled_task_cancels_the_call_that_it_finishes() -> None:
    @run
    async def facts() -> None:
        call, elsewhere = await remote_call()
        await call.Begin_Add(1, 2)
        finishing = asyncio.ensure_future(call.Finish_Add())
        await asyncio.sleep(0)
        finishing.cancel()
        await asyncio.wait([finishing])
        assert finishing.cancelled()
        assert elsewhere.begun[0].abandoned
        assert call.state is com.CallState.IDLE


def test_threads_wait_and_finish_through_the_apartment() -> None:
    background_gate = threading.Event()

    class Slow(com.CallFactory, ICalc):
        Touch, Sort, Pass = Calc.Touch, Calc.Sort, Calc.Pass

        @com.in_thread
        def Add(self, a: int, b: int) -> Any:
            background_gate.wait(20)
            return a + b

    with com.Apartment("sta") as sta:
        call: Any = sta.wait(com.new_call(Slow(), AsyncICalc), 20)
        sta.wait(call.Begin_Add(1, 2), 20)
        assert not call.wait(0)
        background_gate.set()
        assert call.wait(20)
        assert sta.wait(call, 20) == 3


def test_what_derives_from_a_call_object_may_call_its_begin() -> None:
    class Louder(Addition):
        async def Begin_Add(self, a: int, b: int) -> int:
            code: int = await super().Begin_Add(a, b)
            self.signal()
            return code

        async def Finish_Add(self) -> Any:
            return await super().Finish_Add() * 10

    @run
    async def facts() -> None:
        call = Louder()
        await call.Begin_Add(1, 2)
        assert await call.Finish_Add() == 30
        assert call.state is com.CallState.IDLE
