"""How calls from elsewhere are served: by call objects where an object has them, else by its methods."""

from __future__ import annotations

import asyncio
import gc
import threading
from typing import Any

import pytest

from idlrt import com
from idlrt.com.context import CallContext
from idlrt.com.hresult import (
    E_FAIL,
    E_INVALIDARG,
    E_NOINTERFACE,
    RPC_E_CALL_CANCELED,
    RPC_E_DISCONNECTED,
    RPC_E_SERVERFAULT,
    RPC_E_TIMEOUT,
    RPC_S_CALLPENDING,
)
from idlrt.com.stub import serve
from tests.com.stage import Addition, AsyncICalc, AsyncICalc2, Calc, Calculator, ICalc, ICalc2, another, refused, run


async def last_addition(before: int) -> Addition:
    """The call object that a call which is on its way gets."""
    while len(Addition.made) == before or not Addition.made[-1].begun:
        await asyncio.sleep(0.001)
    return Addition.made[-1]


def test_rule_4_1_a_synchronous_call_is_served_by_the_call_object() -> None:
    @run
    async def facts() -> None:
        async with another(Calculator, ICalc) as (proxy, _, _):
            before = len(Addition.made)
            adding = asyncio.ensure_future(proxy.Add(1, 2))
            call = await last_addition(before)
            assert not adding.done()
            call.signal()
            assert await adding == 3
            assert call.finished == 1


def test_rule_4_1_an_asynchronous_call_is_served_by_the_call_object() -> None:
    @run
    async def facts() -> None:
        async with another(Calculator, ICalc) as (proxy, _, _):
            before = len(Addition.made)
            mine = await com.new_call(proxy, AsyncICalc)
            await mine.Begin_Add(1, 2)
            (await last_addition(before)).signal()
            assert await mine.Finish_Add() == 3


def test_rule_4_2_without_a_call_object_the_method_is_called() -> None:
    @run
    async def facts() -> None:
        async with another(Calc, ICalc) as (proxy, _, _):
            mine = await com.new_call(proxy, AsyncICalc)
            await mine.Begin_Sort([3, 1, 2])
            answer = await mine.Finish_Sort()
            assert (answer.v, answer.swaps) == ([1, 2, 3], 0)


def test_rule_4_2_an_object_has_call_objects_for_some_interfaces() -> None:
    @run
    async def facts() -> None:
        async with another(Calculator, ICalc) as (proxy, _, _):
            second = await proxy.QueryInterface(ICalc2)
            before = len(Addition.made)
            assert await second.Add(1, 2) == 3  # ICalc2 has no call object, so this is a plain method
            mine = await com.new_call(second, AsyncICalc2)
            await mine.Begin_Negate(5)
            assert await mine.Finish_Negate() == -5
            assert len(Addition.made) == before


def test_rule_4_3_every_request_has_a_call_object_of_its_own() -> None:
    @run
    async def facts() -> None:
        async with another(Calculator, ICalc) as (proxy, _, _):
            before = len(Addition.made)
            assert await asyncio.gather(*(proxy.Touch() for _ in range(5))) == [1] * 5
            assert len(Addition.made) == before + 5


def test_rule_4_4_signal_may_come_before_begin_returns() -> None:
    @run
    async def facts() -> None:
        assert await serve(Calculator(), CallContext(ICalc, 4), ()) == 1


def test_rule_4_4_signal_may_come_later_from_any_thread() -> None:
    @run
    async def facts() -> None:
        before = len(Addition.made)
        serving = asyncio.ensure_future(serve(Calculator(), CallContext(ICalc, 3), (1, 2)))
        call = await last_addition(before)
        thread = threading.Thread(target=call.signal)
        thread.start()
        assert await serving == 3
        thread.join(20)


def test_rule_4_4_signals_are_answered_once() -> None:
    @run
    async def facts() -> None:
        before = len(Addition.made)
        serving = asyncio.ensure_future(serve(Calculator(), CallContext(ICalc, 3), (1, 2)))
        call = await last_addition(before)
        for _ in range(3):
            call.signal()
        assert await serving == 3
        call.signal()
        assert call.finished == 1


def test_rule_4_4_a_begin_that_fails_is_the_result() -> None:
    @run
    async def facts() -> None:
        async with another(Calculator, ICalc) as (proxy, _, _):
            assert await refused(proxy.Add(-1, 2)) == E_INVALIDARG
            assert await refused(proxy.Pass(None)) == E_FAIL  # returned, not raised


def test_rule_4_5_what_a_call_knows_of_its_caller_ends_with_the_call() -> None:
    @run
    async def facts() -> None:
        assert await refused(com.CoGetCallContext(com.ICancelMethodCalls)) == 0x80010117

        class Asked(Calc):
            async def Touch(self) -> int:
                await com.CoGetCallContext(com.ICancelMethodCalls)
                return 0

        assert await serve(Asked(), CallContext(ICalc, 4), ()) == 0
        assert await refused(com.CoGetCallContext(com.ICancelMethodCalls)) == 0x80010117


def test_rule_4_6_the_synchronous_interface_is_what_is_called() -> None:
    @run
    async def facts() -> None:
        seen: list[Any] = []

        class Filter(com.Object, com.IMessageFilter):
            def HandleInComingCall(self, dwCallType: int, htaskCaller: Any, dwTickCount: int, info: Any) -> int:
                seen.append((info.iid, info.wMethod))
                return 0

            def RetryRejectedCall(self, htaskCallee: Any, dwTickCount: int, dwRejectType: int) -> int:
                return -1

            def MessagePending(self, htaskCallee: Any, dwTickCount: int, dwPendingType: int) -> int:
                return 2

        async with another(Calculator, ICalc) as (proxy, _, apartment):

            async def register() -> None:
                com.CoRegisterMessageFilter(Filter())

            await asyncio.wrap_future(apartment.submit(register()))
            await proxy.Touch()
            mine = await com.new_call(proxy, AsyncICalc)
            await mine.Begin_Touch()
            await mine.Finish_Touch()
            assert seen == [(ICalc.IID, 4)] * 2


def test_rule_4_7_in_one_apartment_the_object_does_what_it_is_asked() -> None:
    @run
    async def facts() -> None:
        calculator: Any = Calculator()
        before = len(Addition.made)
        assert await calculator.Add(1, 2) == 3
        assert len(Addition.made) == before
        reference = com.AgileReference(calculator, ICalc)
        assert reference.resolve() is calculator


def test_rule_4_8_the_multithreaded_apartment_has_asynchronous_calls_too() -> None:
    @run
    async def facts() -> None:
        mta = com.multithreaded()

        async def made() -> com.AgileReference[Any]:
            return com.AgileReference(Calculator(), ICalc)

        reference = await asyncio.wrap_future(mta.submit(made()))
        before = len(Addition.made)
        mine = await com.new_call(reference.resolve(), AsyncICalc)
        await mine.Begin_Add(1, 2)
        assert mine.state is com.CallState.PENDING
        (await last_addition(before)).signal()
        assert await mine.Finish_Add() == 3


def test_values_cross_apartments_as_copies() -> None:
    @run
    async def facts() -> None:
        values = [3, 1, 2]
        async with another(Calc, ICalc) as (proxy, _, _):
            assert (await proxy.Sort(values)).v == [1, 2, 3]
            assert values == [3, 1, 2]


def test_pointers_cross_apartments_as_proxies_and_come_home_as_objects() -> None:
    class Keeper(Calc):
        async def Pass(self, what: Any) -> Any:
            self.kept = what
            return await super().Pass(what)

    @run
    async def facts() -> None:
        mine = Calc()
        async with another(Keeper, ICalc) as (proxy, keeper, _):
            assert (await proxy.Pass(mine)).back is mine
            assert keeper.kept is not mine
            assert (await proxy.Pass(proxy)).back is await proxy.QueryInterface(com.IUnknown)
            assert keeper.kept is keeper
            assert (await proxy.Pass(None)).back is None
            async with another(Calc, ICalc) as (third, _, _):
                assert (await proxy.Pass(third)).back is await third.QueryInterface(com.IUnknown)


def test_one_object_has_one_proxy_in_an_apartment() -> None:
    @run
    async def facts() -> None:
        async with another(Calc, ICalc) as (proxy, target, apartment):

            async def again() -> com.AgileReference[Any]:
                return com.AgileReference(target, ICalc)

            assert (await asyncio.wrap_future(apartment.submit(again()))).resolve() is proxy


def test_what_an_object_raises_is_a_server_fault_without_its_text(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Calc):
        async def Touch(self) -> int:
            raise ValueError("secret")

    @run
    async def facts() -> None:
        async with another(Broken, ICalc) as (proxy, _, _):
            with pytest.raises(com.HResultError) as error:
                await proxy.Touch()
            assert error.value.hresult == RPC_E_SERVERFAULT
            assert "secret" not in str(error.value)

    assert "Touch failed" in caplog.text


def test_an_apartment_that_closes_ends_calls_to_it() -> None:
    class Endless(Calc):
        async def Touch(self) -> int:
            await asyncio.Event().wait()
            return 0

    @run
    async def facts() -> None:
        async with another(Endless, ICalc) as (proxy, _, _):
            touching = asyncio.ensure_future(proxy.Touch())
            mine = await com.new_call(proxy, AsyncICalc)
            await mine.Begin_Touch()
            await asyncio.sleep(0.01)
        assert await refused(touching) == 0x80010007
        assert await refused(mine.Finish_Touch()) == 0x80010007
        assert await refused(proxy.Touch()) == 0x80010108


def test_a_cancelled_caller_leaves_and_the_method_runs_on() -> None:
    gate = threading.Event()
    ended = threading.Event()

    class Slow(Calc):
        @com.in_thread
        def Touch(self) -> int:
            gate.wait(20)
            ended.set()
            return 0

    @run
    async def facts() -> None:
        async with another(Slow, ICalc) as (proxy, _, _):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.01):
                    await proxy.Touch()
            gate.set()
            assert await asyncio.to_thread(ended.wait, 20)


def test_a_coroutine_whose_caller_has_gone_on_is_cancelled() -> None:
    class Endless(Calc):
        def __init__(self) -> None:
            self.seen: list[str] = []
            self.over = threading.Event()

        async def Touch(self) -> int:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                self.seen.append("cancelled" if com.CoTestCancel() == RPC_E_CALL_CANCELED else "untold")
                raise
            finally:
                self.over.set()
            return 0

    class Local(com.CallFactory, Endless):
        """The same in one apartment."""

    @run
    async def facts() -> None:
        async with another(Endless, ICalc) as (proxy, endless, _):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.01):
                    await proxy.Touch()
            assert await asyncio.to_thread(endless.over.wait, 20)
            assert endless.seen == ["cancelled"]
        local = Local()
        mine = await com.new_call(local, AsyncICalc)
        await mine.Begin_Touch()
        await asyncio.sleep(0.001)
        await mine.Cancel(0)
        assert await asyncio.to_thread(local.over.wait, 20)
        assert local.seen == ["cancelled"]


def test_cancelling_tells_the_call_object_of_the_server() -> None:
    @run
    async def facts() -> None:
        async with another(Calculator, ICalc) as (proxy, _, _):
            before = len(Addition.made)
            mine = await com.new_call(proxy, AsyncICalc)
            await mine.Begin_Add(1, 2)
            call = await last_addition(before)
            assert not call.test_cancel()
            await mine.Cancel(0)
            while not call.test_cancel():
                await asyncio.sleep(0.001)
            assert await refused(mine.Finish_Add()) == RPC_E_CALL_CANCELED
            call.signal()


def test_an_event_is_waited_for_from_another_apartment() -> None:
    @run
    async def facts() -> None:
        # One that stays signaled: a wait that is given up over there may just have taken the signal of the other kind.
        async with another(com.ManualResetEvent, com.ISynchronize) as (proxy, event, _):
            assert await refused(proxy.Wait(0, 0)) == RPC_S_CALLPENDING
            waiting = asyncio.ensure_future(proxy.Wait(0, com.INFINITE))
            await proxy.Signal()
            assert await waiting == 0
            await proxy.Reset()
            container = com.SynchronizeContainer()
            await container.AddSynchronize(proxy)
            assert await refused(container.WaitMultiple(0, 1)) == RPC_E_TIMEOUT
            event.signal()
            assert await container.WaitMultiple(0, com.INFINITE) is proxy
            assert await refused(proxy.QueryInterface(com.ISynchronizeHandle)) == E_NOINTERFACE  # it is not marshalled


def test_an_object_hears_of_the_last_release_wherever_its_proxies_are() -> None:
    class Mortal(Calc):
        def __init__(self) -> None:
            self.ended = threading.Event()

        def final_release(self) -> None:
            self.ended.set()

    @run
    async def facts() -> None:
        async with another(Mortal, ICalc) as (proxy, mortal, apartment):
            apartment.run_soon(mortal.Release)  # its maker needs it no more
            assert await proxy.Touch() == 0
            second = await proxy.QueryInterface(ICalc2)
            assert proxy.Release() == 0
            assert await refused(proxy.Touch()) == RPC_E_DISCONNECTED
            assert await second.Touch() == 0
            assert not mortal.ended.is_set()
            assert second.Release() == 0
            assert await asyncio.to_thread(mortal.ended.wait, 20)


def test_proxies_that_are_forgotten_give_their_references_back() -> None:
    @run
    async def facts() -> None:
        with com.Apartment("home") as home:
            target = Calc()

            async def made() -> com.AgileReference[Any]:
                return com.AgileReference(target, ICalc)

            reference = await asyncio.wrap_future(home.submit(made()))
            for _ in range(3):
                proxy = reference.resolve()
                await proxy.Touch()
                assert target._references == 2
                del proxy
                while target._references != 1:
                    gc.collect()
                    await asyncio.sleep(0.001)


def test_a_class_of_call_objects_that_lacks_methods_is_refused_where_it_is_named() -> None:
    class Half(com.CallObject, AsyncICalc):
        async def Begin_Add(self, a: int, b: int) -> int:
            return 0

    with pytest.raises(TypeError, match=r"Half, whose objects Halved has for calls, lacks Begin_.*Finish_Add"):

        class Halved(com.CallFactory, Calc):
            CALL_OBJECTS = (Half,)
