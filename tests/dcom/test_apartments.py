"""Objects elsewhere and the apartments of a process; references of the other kinds."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from idlrt import com
from idlrt.com.objref import Extended, Handler, Standard
from tests.dcom.stage import Calc, Desk, lab, run, two


def test_a_thread_waits_for_a_call_that_its_loop_makes() -> None:
    async def facts() -> None:
        async with two() as (server, client):
            calc = await client.bind(await server.text(Calc(), lab.ICalc), lab.ICalc)
            here = com.Apartment.current()
            assert await asyncio.to_thread(lambda: here.wait(calc.Add(1, 2))) == 3

    run(facts())


def test_another_apartment_calls_through_the_one_that_holds_the_proxy() -> None:
    async def facts() -> None:
        async with two() as (server, client):
            calc = await client.bind(await server.text(Calc(), lab.ICalc), lab.ICalc)
            reference = com.AgileReference(calc, lab.ICalc)

            async def use() -> int:
                sum: int = await reference.resolve().Add(3, 4)
                return sum

            with com.Apartment("another") as another:
                assert await asyncio.wrap_future(another.submit(use())) == 7

    run(facts())


def test_an_object_of_another_apartment_is_exported_and_called_back() -> None:
    async def made() -> com.AgileReference[Any]:
        return com.AgileReference(Calc(), lab.ICalc)

    async def facts() -> None:
        async with two() as (server, client):
            with com.Apartment("another") as another:
                theirs = (await asyncio.wrap_future(another.submit(made()))).resolve()
                calc = await client.bind(await server.text(theirs, lab.ICalc), lab.ICalc)
                assert await calc.Add(5, 6) == 11
                desk = await client.bind(await server.text(Desk(), lab.IDesk), lab.IDesk)
                assert await desk.Use(theirs, 21) == 42

    run(facts())


@pytest.mark.parametrize("kind", ["handler", "extended"])
def test_references_with_a_handler_or_a_context_are_used_without_them(kind: str) -> None:
    async def facts() -> None:
        async with two() as (server, client):
            plain = await server.reference(Calc(), lab.ICalc)
            assert isinstance(plain, Standard)
            other = (
                Handler(plain.iid, plain.reference, uuid4(), plain.resolver)
                if kind == "handler"
                else Extended(plain.iid, plain.reference, uuid4(), b"context", plain.resolver)
            )
            calc = await client.bind(other, lab.ICalc)
            assert await calc.Add(1, 2) == 3

    run(facts())


class Busy(com.Object, com.IMessageFilter):
    """Takes no calls."""

    def HandleInComingCall(self, dwCallType: Any, htaskCaller: Any, dwTickCount: int, lpInterfaceInfo: Any) -> int:
        return com.ServerCall.REJECTED

    def RetryRejectedCall(self, htaskCallee: Any, dwTickCount: int, dwRejectType: int) -> int:
        return -1

    def MessagePending(self, htaskCallee: Any, dwTickCount: int, dwPendingType: int) -> int:
        return com.PendingMessage.WAITDEFPROCESS


def test_references_are_counted_though_the_message_filter_takes_no_calls() -> None:
    async def facts() -> None:
        async with two() as (server, client):
            desk: Any = await client.bind(await server.text(Desk(), lab.IDesk), lab.IDesk)
            com.CoRegisterMessageFilter(Busy())
            try:
                with pytest.raises(com.HResultError, match="RPC_E_CALL_REJECTED"):
                    await desk.Use(None, 1)
                name = await desk.QueryInterface(lab.IName)
            finally:
                com.CoRegisterMessageFilter(None)
            assert await name.Name() == "desk"
            com.CoRegisterMessageFilter(Busy())
            try:
                assert len(tuple(server.tables)) == 1
                assert desk.Release() == name.Release() == 0
                async with asyncio.timeout(20):
                    while tuple(server.tables):
                        await asyncio.sleep(0.001)
            finally:
                com.CoRegisterMessageFilter(None)

    run(facts())


def test_what_is_no_message_filter_is_refused() -> None:
    async def facts() -> None:
        with pytest.raises(com.HResultError, match="5 is no message filter: E_INVALIDARG"):
            com.CoRegisterMessageFilter(5)  # type: ignore[arg-type]

    run(facts())
