"""Cancelling calls: of call objects by themselves, synchronous ones by COM's functions (rules 5.1 to 5.11)."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from idlrt import com
from idlrt.com.context import CallContext
from idlrt.com.hresult import (
    CO_E_CANCEL_DISABLED,
    E_INVALIDARG,
    E_NOINTERFACE,
    RPC_E_CALL_CANCELED,
    RPC_E_CALL_COMPLETE,
    RPC_S_CALLPENDING,
    S_OK,
)
from idlrt.com.known import INFINITE
from idlrt.com.stub import serve
from tests.com.stage import Addition, AsyncICalc, Calc, Calculator, Elsewhere, ICalc, IName, another, refused, run


class Patient(Calc):
    """Add waits until it is cancelled, and says so; or until the test lets it go."""

    def __init__(self) -> None:
        self.arrived = threading.Event()
        self.gate = threading.Event()
        self.seen: list[int] = []
        self.ended = threading.Event()

    @com.in_thread
    def Add(self, a: int, b: int) -> int:
        self.seen.append(com.CoTestCancel())
        self.arrived.set()
        while com.CoTestCancel() == RPC_S_CALLPENDING and not self.gate.wait(0.001):
            pass
        self.seen.append(com.CoTestCancel())
        if not self.gate.is_set() and a < 0:
            self.gate.wait(20)  # one that does not care
        self.ended.set()
        return a + b


async def remote_call() -> tuple[Any, Elsewhere]:
    elsewhere = Elsewhere(ICalc)
    return await com.new_call(elsewhere.proxy(ICalc), AsyncICalc), elsewhere


def test_rule_5_1_a_proxys_call_object_always_has_icancelmethodcalls() -> None:
    @run
    async def facts() -> None:
        call, _ = await remote_call()
        assert await call.QueryInterface(com.ICancelMethodCalls) is call


def test_rule_5_1_in_one_apartment_it_is_there_if_the_call_object_has_it() -> None:
    class Bare(com.Object, AsyncICalc):
        """A call object without the runtime's help."""

    Bare.__abstractmethods__ = frozenset()

    class Own(com.Object, ICalc, com.ICallFactory):
        Add, Touch, Sort, Pass = Calc.Add, Calc.Touch, Calc.Sort, Calc.Pass

        async def CreateCall(self, riid: Any, pCtrlUnk: Any = None, riid2: Any = None) -> Any:
            return await com.created(Bare(), pCtrlUnk, riid if riid2 is None else riid2)

    @run
    async def facts() -> None:
        bare = await com.new_call(Own(), AsyncICalc)
        assert await refused(bare.QueryInterface(com.ICancelMethodCalls)) == E_NOINTERFACE
        call: Any = await com.new_call(Calculator(), AsyncICalc)
        assert await call.QueryInterface(com.ICancelMethodCalls) is call


def test_rule_5_2_a_call_can_be_cancelled_from_begin_to_finish() -> None:
    @run
    async def facts() -> None:
        call, elsewhere = await remote_call()
        assert await refused(call.Cancel(0)) == RPC_E_CALL_COMPLETE
        await call.Begin_Add(1, 2)
        finishing = asyncio.ensure_future(call.Finish_Add())
        await asyncio.sleep(0)
        assert await call.Cancel(0) == S_OK
        assert await refused(finishing) == RPC_E_CALL_CANCELED
        assert await refused(call.Cancel(0)) == RPC_E_CALL_COMPLETE
        assert (elsewhere.begun[0].asked, elsewhere.begun[0].abandoned) == (1, True)


def test_rule_5_3_after_cancel_finish_is_still_due() -> None:
    @run
    async def facts() -> None:
        for call in ((await remote_call())[0], await com.new_call(Calculator(), AsyncICalc)):
            await call.Begin_Add(1, 2)
            await call.Cancel(0)
            assert await refused(call.Begin_Add(3, 4)) == RPC_S_CALLPENDING
            assert await refused(call.Finish_Add()) == RPC_E_CALL_CANCELED
            await call.Begin_Touch()


def test_rule_5_4_cancel_asks_and_the_server_may_go_on() -> None:
    @run
    async def facts() -> None:
        async with another(Patient, ICalc) as (proxy, patient, _):
            call = await com.new_call(proxy, AsyncICalc)
            await call.Begin_Add(-1, 2)
            await asyncio.to_thread(patient.arrived.wait, 20)
            assert await call.Cancel(0) == S_OK
            assert await refused(call.Finish_Add()) == RPC_E_CALL_CANCELED
            assert not patient.ended.is_set()
            patient.gate.set()
            assert await asyncio.to_thread(patient.ended.wait, 20)


def test_rule_5_5_cancel_waits_so_many_seconds_for_the_server() -> None:
    @run
    async def facts() -> None:
        async with another(Patient, ICalc) as (proxy, patient, _):
            call = await com.new_call(proxy, AsyncICalc)
            await call.Begin_Add(1, 2)
            await asyncio.to_thread(patient.arrived.wait, 20)
            assert await refused(call.Cancel(20)) == RPC_E_CALL_COMPLETE  # it was finished in that time
            assert patient.seen == [RPC_S_CALLPENDING, RPC_E_CALL_CANCELED]
            assert await call.Finish_Add() == 3


def test_rule_5_5_what_was_cancelled_is_not_cancelled_again() -> None:
    @run
    async def facts() -> None:
        call, _ = await remote_call()
        await call.Begin_Add(1, 2)
        await call.Cancel(0)
        assert await refused(call.Cancel(0)) == RPC_E_CALL_CANCELED
        assert await refused(call.Cancel(-5)) == E_INVALIDARG


def test_rule_5_5_what_is_complete_is_not_cancelled() -> None:
    @run
    async def facts() -> None:
        call, elsewhere = await remote_call()
        await call.Begin_Add(1, 2)
        elsewhere.begun[0].future.set_result(3)
        await call.Wait(0, INFINITE)
        assert await refused(call.Cancel(0)) == RPC_E_CALL_COMPLETE
        assert await call.Finish_Add() == 3


def test_rule_5_5_a_server_that_ends_a_cancelled_call_in_time_has_cancelled_it() -> None:
    @run
    async def facts() -> None:
        call, elsewhere = await remote_call()
        await call.Begin_Add(1, 2)
        cancelling = asyncio.ensure_future(call.Cancel(INFINITE))
        await asyncio.sleep(0)
        elsewhere.begun[0].future.set_exception(com.CallCanceled())
        assert await cancelling == S_OK
        assert await refused(call.Finish_Add()) == RPC_E_CALL_CANCELED


def test_rule_5_6_a_cancelled_call_counts_as_complete() -> None:
    @run
    async def facts() -> None:
        call, _ = await remote_call()
        await call.Begin_Add(1, 2)
        waiting = asyncio.ensure_future(call.Wait(0, INFINITE))
        await asyncio.sleep(0)
        await call.Cancel(0)
        assert await waiting == S_OK
        assert await refused(call.Finish_Add()) == RPC_E_CALL_CANCELED


def test_rule_5_7_test_cancel_is_never_s_ok() -> None:
    @run
    async def facts() -> None:
        call, _ = await remote_call()
        await call.Begin_Add(1, 2)
        assert await call.TestCancel() == RPC_S_CALLPENDING
        await call.Cancel(0)
        assert await call.TestCancel() == RPC_E_CALL_CANCELED


def test_rule_5_7_the_server_tests_by_its_call_context() -> None:
    seen = []

    class Asking(Calc):
        async def Touch(self) -> int:
            context = await com.CoGetCallContext(com.ICancelMethodCalls)
            seen.append(await context.TestCancel())
            self.context.cancel()
            seen.append(await context.TestCancel())
            return 0

    @run
    async def facts() -> None:
        asking = Asking()
        asking.context = CallContext(ICalc, 4)  # type: ignore[attr-defined]
        await serve(asking, asking.context, ())
        assert seen == [RPC_S_CALLPENDING, RPC_E_CALL_CANCELED]


def test_rule_5_8_results_of_a_cancelled_call_are_ignored() -> None:
    @run
    async def facts() -> None:
        async with another(Calculator, ICalc) as (proxy, _, _):
            before = len(Addition.made)
            call = await com.new_call(proxy, AsyncICalc)
            await call.Begin_Add(1, 2)
            while len(Addition.made) == before or not Addition.made[-1].begun:
                await asyncio.sleep(0.001)
            served = Addition.made[-1]
            await call.Cancel(0)
            served.signal()
            assert await refused(call.Finish_Add()) == RPC_E_CALL_CANCELED


def test_rule_5_8_a_call_that_is_cancelled_before_its_method_runs_does_not_run() -> None:
    class Counting(com.CallFactory, Calc):
        added = 0

        async def Add(self, a: int, b: int) -> int:
            self.added += 1
            return a + b

    @run
    async def facts() -> None:
        counting = Counting()
        call = await com.new_call(counting, AsyncICalc)
        await call.Begin_Add(1, 2)
        await call.Cancel(0)
        assert await refused(call.Finish_Add()) == RPC_E_CALL_CANCELED
        await call.Begin_Add(3, 4)
        assert await call.Finish_Add() == 7
        assert counting.added == 1


class Caller:
    """A task that makes a synchronous call, with cancelling enabled or not."""

    def __init__(self, proxy: Any, enable: bool = True, a: int = -1) -> None:
        self.enable = enable
        self.task = asyncio.ensure_future(self.call(proxy, a))

    async def call(self, proxy: Any, a: int) -> Any:
        if self.enable:
            com.CoEnableCallCancellation()
        return await proxy.Add(a, 2)


def test_rule_5_9_the_functions_of_tasks_find_synchronous_calls_only() -> None:
    @run
    async def facts() -> None:
        com.CoEnableCallCancellation()
        call, _ = await remote_call()
        await call.Begin_Add(1, 2)
        mine = asyncio.current_task()
        assert await refused(com.CoGetCancelObject(mine, com.ICancelMethodCalls)) == E_NOINTERFACE
        assert await refused(com.CoCancelCall(mine, 0)) == E_NOINTERFACE
        assert await refused(com.CoCancelCall(0, 0)) == E_NOINTERFACE
        com.CoDisableCallCancellation()


def test_rule_5_10_call_cancellation_nests_and_is_disabled_at_first() -> None:
    @run
    async def facts() -> None:
        with pytest.raises(com.HResultError) as never:
            com.CoDisableCallCancellation()
        assert never.value.hresult == CO_E_CANCEL_DISABLED
        com.CoEnableCallCancellation()
        com.CoEnableCallCancellation()
        with pytest.raises(com.HResultError) as extra:
            com.CoDisableCallCancellation()
        assert extra.value.hresult == CO_E_CANCEL_DISABLED
        assert com.CoDisableCallCancellation() == S_OK


def test_rule_5_10_whether_a_call_can_be_cancelled_is_fixed_when_it_is_made() -> None:
    @run
    async def facts() -> None:
        async with another(Patient, ICalc) as (proxy, patient, _):
            caller = Caller(proxy, enable=False)
            await asyncio.to_thread(patient.arrived.wait, 20)
            assert await refused(com.CoCancelCall(caller.task, 0)) == CO_E_CANCEL_DISABLED
            patient.gate.set()
            assert await caller.task == 1


def test_rule_5_10_each_task_of_a_loop_has_its_own() -> None:
    @run
    async def facts() -> None:
        with com.call_cancellation():

            async def other() -> None:
                with pytest.raises(com.HResultError):
                    com.CoDisableCallCancellation()

            await asyncio.create_task(other())
            com.CoEnableCallCancellation()
            with pytest.raises(com.HResultError):
                com.CoDisableCallCancellation()  # the one of the block is left


def test_rule_5_11_cancelling_another_tasks_call_lets_it_go_on() -> None:
    @run
    async def facts() -> None:
        async with another(Patient, ICalc) as (proxy, patient, _):
            caller = Caller(proxy)
            await asyncio.to_thread(patient.arrived.wait, 20)
            assert await com.CoCancelCall(caller.task, 0) == S_OK
            assert await refused(caller.task) == RPC_E_CALL_CANCELED
            assert await refused(com.CoCancelCall(caller.task, 0)) == E_NOINTERFACE
            patient.gate.set()


def test_rule_5_11_the_cancel_object_is_that_of_the_innermost_call() -> None:
    @run
    async def facts() -> None:
        async with another(Patient, ICalc) as (proxy, patient, _):
            caller = Caller(proxy, a=1)
            await asyncio.to_thread(patient.arrived.wait, 20)
            found = await com.CoGetCancelObject(caller.task, com.ICancelMethodCalls)
            assert await found.TestCancel() == RPC_S_CALLPENDING
            assert await refused(found.Cancel(20)) == RPC_E_CALL_COMPLETE  # the server was told, and ended it
            assert patient.seen == [RPC_S_CALLPENDING, RPC_E_CALL_CANCELED]
            assert await caller.task == 3
            assert await refused(found.Cancel(0)) == RPC_E_CALL_COMPLETE


def test_rule_5_11_from_a_thread_and_of_another_apartment() -> None:
    @run
    async def facts() -> None:
        async with another(Patient, ICalc) as (proxy, patient, apartment):
            caller = Caller(proxy)
            await asyncio.to_thread(patient.arrived.wait, 20)
            cancelled = await asyncio.to_thread(apartment.wait, com.CoCancelCall(caller.task, 0), 20)
            assert cancelled == S_OK
            assert await refused(caller.task) == RPC_E_CALL_CANCELED
            patient.gate.set()


def test_rule_5_11_a_program_sets_its_own_cancel_object() -> None:
    class Mine(com.Object, com.ICancelMethodCalls):
        asked: int | None = None

        async def Cancel(self, ulSeconds: int) -> int:
            self.asked = ulSeconds
            return S_OK

        async def TestCancel(self) -> int:
            return RPC_S_CALLPENDING

    @run
    async def facts() -> None:
        mine = Mine()
        assert await refused(com.CoSetCancelObject(Calc())) == E_NOINTERFACE
        assert await com.CoSetCancelObject(mine) == S_OK
        assert await com.CoGetCancelObject(0, com.ICancelMethodCalls) is mine
        assert await refused(com.CoGetCancelObject(0, IName)) == E_NOINTERFACE
        assert await com.CoCancelCall(0, 7) == S_OK
        assert mine.asked == 7
        assert await com.CoSetCancelObject(None) == S_OK
        assert await refused(com.CoCancelCall(0, 7)) == E_NOINTERFACE


def test_rule_5_11_test_cancel_outside_a_call_says_complete() -> None:
    assert com.CoTestCancel() == RPC_E_CALL_COMPLETE
