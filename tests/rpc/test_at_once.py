"""Methods that await nothing run without a task of their own, and nobody can tell by what they do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Any

import pytest

from idlrt import rpc, testing
from idlrt.errors import CallCancelled, RpcFault
from idlrt.rpc.methods import Method
from tests.compiled import compile_cached
from tests.rpc.services import on_a_loop

IDL = """
[uuid(0c53aa2e-77b1-4d86-8f2a-2f9f4f6f7a0c), version(1.0)]
interface Desk
{
    long Slow([in] long n);
    long Quick([in] long n);
}
"""
ACF = "[] interface Desk { [async] Slow(); [async] Quick(); }"
desk = compile_cached(IDL, "desk", ACF).module
current: ContextVar[int] = ContextVar("current", default=0)


class Desk(desk.DeskService):  # type: ignore[name-defined,misc]
    def __init__(self) -> None:
        self.begun: list[int] = []
        self.seen: list[int] = []

    async def Slow(self, call: rpc.Call, n: int) -> int:
        self.begun.append(n)
        await asyncio.sleep(0)
        return n

    async def Quick(self, call: rpc.Call, n: int) -> int:
        self.begun.append(n)
        self.seen.append(current.get())
        current.set(n)
        if n == 97:
            raise asyncio.CancelledError
        if n == 98:
            raise RpcFault(1717)
        if n == 99:
            raise ZeroDivisionError
        return n


@asynccontextmanager
async def served() -> AsyncIterator[tuple[Desk, Any]]:
    service = Desk()
    async with testing.channel(service) as channel:
        client = desk.DeskClient(channel)
        await client.Quick(0)
        service.begun.clear()
        yield service, client


def method(service: Any, name: str) -> Method:
    return Method(next(operation for operation in service.interface.operations if operation.name == name), service)


def test_whoever_awaits_something_needs_a_task() -> None:
    class Awaiting(Desk):
        async def Quick(self, call: rpc.Call, n: int) -> int:
            async with asyncio.Lock():
                return n

    class Threaded(Desk):
        def Quick(self, call: rpc.Call, n: int) -> int:  # type: ignore[override]
            return n

    assert method(Desk(), "Quick").at_once
    assert not method(Desk(), "Slow").at_once
    assert not method(Awaiting(), "Quick").at_once
    assert not method(Threaded(), "Quick").at_once


@on_a_loop
async def test_it_does_not_overtake_calls_that_have_tasks() -> None:
    async with served() as (service, client):
        calls = [client.Slow(1), client.Quick(2), client.Slow(3), client.Quick(4), client.Quick(5)]
        assert await asyncio.gather(*calls) == [1, 2, 3, 4, 5]
        assert service.begun == [1, 2, 3, 4, 5]


@on_a_loop
async def test_what_it_raises_becomes_a_fault_and_the_connection_goes_on() -> None:
    async with served() as (_, client):
        with pytest.raises(CallCancelled):
            await client.Quick(97)
        with pytest.raises(RpcFault, match="1717"):
            await client.Quick(98)
        with pytest.raises(RpcFault):
            await client.Quick(99)
        assert await client.Quick(1) == 1


@on_a_loop
async def test_each_call_has_a_context_of_its_own() -> None:
    async with served() as (service, client):
        assert await client.Quick(1) == 1
        assert await client.Quick(2) == 2
        assert service.seen == [0, 0, 0]
