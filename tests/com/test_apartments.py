"""Apartments: where calls run, which of them wait for each other, and who may call out (rules 6.1 to 6.5)."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any
from uuid import RFC_4122

import pytest

from idlrt import com
from idlrt.com.context import CallContext, CallKind, causality, kind_of, logical_thread
from idlrt.com.filter import CallType, PendingMessage, PendingType, ServerCall
from idlrt.com.hresult import (
    CO_E_NOT_SUPPORTED,
    RPC_E_CALL_CANCELED,
    RPC_E_CALL_REJECTED,
    RPC_E_CANTCALLOUT_INASYNCCALL,
    RPC_E_CANTCALLOUT_ININPUTSYNCCALL,
    RPC_E_SERVERCALL_RETRYLATER,
)
from idlrt.com.known import INFINITE
from idlrt.com.stub import serve
from tests.com.stage import AsyncICalc, Calc, Elsewhere, ICalc, ICalc2, another, refused, run
from tests.compiled import compile_cached

NOTIFY: Any = compile_cached(
    """
    import "unknwn.idl";
    [object, uuid(0000010f-0000-0000-c000-000000000046)]
    interface IAdviseSink : IUnknown { HRESULT OnDataChange([in] long n); }
    [object, uuid(6d3c0f2e-51a4-4b7d-8e90-2f1a7b3c4d57)]
    interface IWindow : IUnknown { [input_sync] HRESULT Resize([in] long n); HRESULT Close(void); }
    """,
    "notify",
).module


class Filter(com.Object, com.IMessageFilter):
    """Answers as the test says, and notes what it was asked."""

    def __init__(self, answers: list[ServerCall] | None = None, delay: int = -1) -> None:
        self.answers = answers or []
        self.delay = delay
        self.pending = PendingMessage.WAITDEFPROCESS
        self.incoming: list[tuple[int, int]] = []
        self.retries: list[int] = []
        self.messages: list[int] = []

    def HandleInComingCall(self, dwCallType: int, htaskCaller: Any, dwTickCount: int, lpInterfaceInfo: Any) -> int:
        self.incoming.append((dwCallType, lpInterfaceInfo.wMethod))
        return self.answers.pop(0) if self.answers else ServerCall.ISHANDLED

    def RetryRejectedCall(self, htaskCallee: Any, dwTickCount: int, dwRejectType: int) -> int:
        self.retries.append(dwRejectType)
        return self.delay

    def MessagePending(self, htaskCallee: Any, dwTickCount: int, dwPendingType: int) -> int:
        self.messages.append(dwPendingType)
        return self.pending


async def in_apartment(apartment: com.Apartment, function: Callable[[], Any]) -> Any:
    async def work() -> Any:
        return function()

    return await asyncio.wrap_future(apartment.submit(work()))


class Turning(Calc):
    """Pass calls what it is given, and comes back with it; Touch notes where it runs."""

    def __init__(self) -> None:
        self.threads: list[int] = []
        self.causes: list[Any] = []
        self.gate: asyncio.Event | None = None

    async def Touch(self) -> int:
        self.threads.append(threading.get_ident())
        self.causes.append(causality.get())
        if self.gate is not None:
            await self.gate.wait()
        return 0

    async def Pass(self, what: Any) -> Any:
        self.causes.append(causality.get())
        calc = await what.QueryInterface(ICalc)
        await calc.Touch()
        return await super().Pass(what)


def test_rule_6_1_while_a_synchronous_call_waits_its_apartment_takes_calls() -> None:
    @run
    async def facts() -> None:
        mine = Turning()
        async with another(Turning, ICalc) as (proxy, _, _):
            assert (await proxy.Pass(mine)).back is mine  # its Touch was called back meanwhile
            assert mine.threads == [threading.get_ident()]


def test_rule_6_1_there_are_three_kinds_of_calls() -> None:
    assert kind_of(NOTIFY.IAdviseSink, 3) is CallKind.ASYNCHRONOUS
    assert kind_of(NOTIFY.IWindow, 3) is CallKind.INPUT_SYNC
    assert kind_of(NOTIFY.IWindow, 4) is CallKind.SYNCHRONOUS
    assert kind_of(ICalc2, 3) is CallKind.SYNCHRONOUS


def test_rule_6_1_a_wait_in_an_apartment_lets_calls_in() -> None:
    @run
    async def facts() -> None:
        class Signalled(Calc):
            async def Touch(self) -> int:
                event.signal()
                return 0

        event = com.StdEvent()
        async with another(Turning, ICalc) as (proxy, _, _):
            turning = asyncio.ensure_future(proxy.Pass(Signalled()))
            assert await event.Wait(0, INFINITE) == 0  # signaled by a call that came in
            await turning


def test_rule_6_2_all_methods_of_an_apartment_run_in_its_thread() -> None:
    @run
    async def facts() -> None:
        async with another(Turning, ICalc) as (proxy, target, apartment):
            await asyncio.gather(*(proxy.Touch() for _ in range(5)))
            thread = await in_apartment(apartment, threading.get_ident)
            assert target.threads == [thread] * 5
            assert thread != threading.get_ident()


def test_rule_6_2_plain_functions_run_in_threads_of_the_apartment() -> None:
    class Threads(Calc):
        @com.in_thread
        def Touch(self) -> int:
            assert com.Apartment.current().name == "another"
            together.wait(20)  # so there are two of them
            return 0

    together = threading.Barrier(2)

    @run
    async def facts() -> None:
        async with another(Threads, ICalc) as (proxy, _, _):
            assert sum(await asyncio.gather(proxy.Touch(), proxy.Touch())) == 0


def test_rule_6_2_a_blocking_wait_on_the_loops_own_thread_is_refused() -> None:
    @run
    async def facts() -> None:
        event = com.StdEvent()
        with pytest.raises(RuntimeError, match="await"):
            event.wait(1)
        with pytest.raises(RuntimeError, match="await"):
            com.Apartment.current().wait(event.Wait(0, 1))
        with pytest.raises(RuntimeError, match="await"):
            com.multithreaded().wait(event.Wait(0, 1))


def test_rule_6_2_other_threads_wait_and_the_apartment_goes_on() -> None:
    with com.Apartment("sta") as sta:
        event = com.StdEvent()
        threading.Timer(0.001, event.signal).start()
        assert sta.wait(event.Wait(0, INFINITE), 20) == 0
        with pytest.raises(TimeoutError):
            sta.wait(event.Wait(0, INFINITE), 0.001)


def test_rule_6_2_the_multithreaded_apartment_has_no_message_filter() -> None:
    async def register() -> None:
        com.CoRegisterMessageFilter(Filter())

    with pytest.raises(com.HResultError) as error:
        com.multithreaded().wait(register(), 20)
    assert error.value.hresult == CO_E_NOT_SUPPORTED


def test_rule_6_2_the_multithreaded_apartment_makes_no_input_synchronized_calls() -> None:
    async def resize() -> None:
        await Elsewhere(NOTIFY.IWindow).proxy(NOTIFY.IWindow).Resize(1)

    with pytest.raises(com.HResultError) as error:
        com.multithreaded().wait(resize(), 20)
    assert error.value.hresult == RPC_E_CANTCALLOUT_ININPUTSYNCCALL


def test_rule_6_2_a_thread_without_a_loop_belongs_to_the_multithreaded_apartment() -> None:
    assert com.Apartment.current() is com.multithreaded()
    assert com.multithreaded().multithreaded


class Sink(com.Object, NOTIFY.IAdviseSink, NOTIFY.IWindow):  # type: ignore[misc]
    """Calls out from inside what it is told."""

    def __init__(self, proxy: Any) -> None:
        self.proxy = proxy

    async def OnDataChange(self, n: int) -> int:
        await self.proxy.Touch()
        return 0

    async def Resize(self, n: int) -> int:
        await self.proxy.Touch()
        return 0

    async def Close(self) -> int:
        await self.proxy.Touch()
        return 0


def test_rule_6_3_a_notification_may_not_call_out() -> None:
    @run
    async def facts() -> None:
        elsewhere = Elsewhere(ICalc)
        sink = Sink(elsewhere.proxy(ICalc))
        context = CallContext(NOTIFY.IAdviseSink, 3)
        assert await refused(serve(sink, context, (1,))) == RPC_E_CANTCALLOUT_INASYNCCALL
        assert elsewhere.calls == []


def test_rule_6_3_a_notification_may_begin_calls_and_notify_others() -> None:
    class Quiet(Sink):
        async def OnDataChange(self, n: int) -> int:
            call = await com.new_call(self.proxy, AsyncICalc)
            await call.Begin_Add(1, 2)
            await other.OnDataChange(n)
            return 0

    elsewhere = Elsewhere(ICalc, NOTIFY.IAdviseSink)
    other = elsewhere.proxy(NOTIFY.IAdviseSink)

    @run
    async def facts() -> None:
        await serve(Quiet(elsewhere.proxy(ICalc)), CallContext(NOTIFY.IAdviseSink, 3), (1,))
        assert (len(elsewhere.begun), len(elsewhere.calls)) == (1, 1)


def test_rule_6_4_an_input_synchronized_call_may_not_call_out() -> None:
    @run
    async def facts() -> None:
        elsewhere = Elsewhere(ICalc)
        sink = Sink(elsewhere.proxy(ICalc))
        assert await refused(serve(sink, CallContext(NOTIFY.IWindow, 3), (1,))) == RPC_E_CANTCALLOUT_ININPUTSYNCCALL
        assert await serve(sink, CallContext(NOTIFY.IWindow, 4), ()) == 0


def test_rule_6_5_nested_calls_share_their_logical_thread() -> None:
    @run
    async def facts() -> None:
        mine = Turning()
        async with another(Turning, ICalc) as (proxy, target, _):
            await proxy.Pass(mine)
            await proxy.Pass(mine)
            assert mine.causes == target.causes
            assert None not in mine.causes
            assert len(set(mine.causes)) == 2  # each call of mine began one


def test_rule_6_5_each_task_has_a_logical_thread_of_its_own() -> None:
    @run
    async def facts() -> None:
        async with another(Turning, ICalc) as (proxy, target, _):
            await asyncio.gather(proxy.Touch(), proxy.Touch())
            assert len(set(target.causes)) == 2
        assert causality.get() is None
        ids = {logical_thread() for _ in range(1000)}
        assert len(ids) == 1000
        assert {(each.version, each.variant) for each in ids} == {(4, RFC_4122)}


# ---------------------------------------------------------------------------- message filters


def test_a_message_filter_sees_what_comes() -> None:
    @run
    async def facts() -> None:
        chosen = Filter()
        async with another(Calc, ICalc) as (proxy, _, apartment):
            assert await in_apartment(apartment, lambda: com.CoRegisterMessageFilter(chosen)) is None
            await proxy.Touch()
            assert await in_apartment(apartment, lambda: com.CoRegisterMessageFilter(None)) is chosen
            await proxy.Touch()
            assert chosen.incoming == [(CallType.TOPLEVEL, 4)]


def test_a_call_on_behalf_of_ones_own_is_nested() -> None:
    @run
    async def facts() -> None:
        chosen = Filter()
        com.CoRegisterMessageFilter(chosen)
        async with another(Turning, ICalc) as (proxy, target, apartment):
            await proxy.Pass(Turning())
            kinds = [kind for kind, opnum in chosen.incoming if opnum == 4]
            assert kinds == [CallType.NESTED]
            target.gate = await in_apartment(apartment, asyncio.Event)
            waiting = asyncio.ensure_future(proxy.Touch())
            await asyncio.sleep(0)
            chosen.incoming.clear()
            await serve(Calc(), CallContext(ICalc, 4), ())
            await serve(Calc(), CallContext(ICalc, 4, kind=CallKind.ASYNCHRONOUS), ())
            assert [kind for kind, _ in chosen.incoming] == [CallType.TOPLEVEL_CALLPENDING, CallType.ASYNC_CALLPENDING]
            await in_apartment(apartment, target.gate.set)
            await waiting


@pytest.mark.parametrize(
    ("answer", "hresult"),
    [(ServerCall.REJECTED, RPC_E_CALL_REJECTED), (ServerCall.RETRYLATER, RPC_E_SERVERCALL_RETRYLATER)],
)
def test_a_call_that_is_not_taken_fails_without_a_filter_of_the_caller(answer: ServerCall, hresult: int) -> None:
    @run
    async def facts() -> None:
        async with another(Calc, ICalc) as (proxy, _, apartment):
            await in_apartment(apartment, lambda: com.CoRegisterMessageFilter(Filter([answer])))
            assert await refused(proxy.Touch()) == hresult
            assert await proxy.Touch() == 0


def test_a_call_that_is_not_taken_is_repeated_as_the_callers_filter_says() -> None:
    @run
    async def facts() -> None:
        mine = Filter(delay=1)
        theirs = Filter([ServerCall.RETRYLATER, ServerCall.REJECTED])
        com.CoRegisterMessageFilter(mine)
        async with another(Calc, ICalc) as (proxy, _, apartment):
            await in_apartment(apartment, lambda: com.CoRegisterMessageFilter(theirs))
            assert await proxy.Touch() == 0
            assert mine.retries == [ServerCall.RETRYLATER, ServerCall.REJECTED]
            mine.delay = 101  # milliseconds
            theirs.answers = [ServerCall.RETRYLATER]
            started = asyncio.get_running_loop().time()
            assert await proxy.Touch() == 0
            assert asyncio.get_running_loop().time() - started > 0.1


def test_a_filter_that_does_not_want_to_repeat_has_the_call_rejected() -> None:
    @run
    async def facts() -> None:
        com.CoRegisterMessageFilter(Filter(delay=-1))
        async with another(Calc, ICalc) as (proxy, _, apartment):
            await in_apartment(apartment, lambda: com.CoRegisterMessageFilter(Filter([ServerCall.RETRYLATER])))
            assert await refused(proxy.Touch()) == RPC_E_CALL_REJECTED


def test_messages_that_meet_a_call_are_the_filters_to_decide() -> None:
    @run
    async def facts() -> None:
        apartment = com.Apartment.current()
        mine = Filter()
        com.CoRegisterMessageFilter(mine)
        done: list[str] = []
        async with another(Turning, ICalc) as (proxy, target, home):
            apartment.message(lambda: done.append("idle"))
            await asyncio.sleep(0.001)
            assert (done, mine.messages) == (["idle"], [])

            target.gate = await in_apartment(home, asyncio.Event)
            waiting = asyncio.ensure_future(proxy.Touch())
            await asyncio.sleep(0)
            apartment.message(lambda: done.append("now"))
            await asyncio.sleep(0.001)
            assert (done, mine.messages) == (["idle", "now"], [PendingType.TOPLEVEL])

            mine.pending = PendingMessage.WAITNOPROCESS
            apartment.message(lambda: done.append("later"))
            await asyncio.sleep(0.001)
            assert done == ["idle", "now"]
            await in_apartment(home, target.gate.set)
            await waiting
            await asyncio.sleep(0.001)
            assert done == ["idle", "now", "later"]


def test_a_message_may_cancel_the_call_that_it_meets() -> None:
    @run
    async def facts() -> None:
        mine = Filter()
        mine.pending = PendingMessage.CANCELCALL
        com.CoRegisterMessageFilter(mine)
        done: list[str] = []
        async with another(Turning, ICalc) as (proxy, target, home):
            target.gate = await in_apartment(home, asyncio.Event)
            waiting = asyncio.ensure_future(proxy.Touch())
            await asyncio.sleep(0)
            com.Apartment.current().message(lambda: done.append("cancel"))
            assert await refused(waiting) == RPC_E_CALL_CANCELED
            await asyncio.sleep(0.001)
            assert done == ["cancel"]
