"""What travels: the same octets whether a client waits for its call or not, and whichever way a server works."""

from __future__ import annotations

import asyncio
import gc
from dataclasses import replace
from functools import partial
from typing import Any
from uuid import UUID, uuid4

from idlrt import com, dcom
from idlrt.com.context import causality
from idlrt.com.hresult import E_FAIL, RPC_E_CALL_CANCELED, HResultError
from idlrt.dcom.orpc import get_this
from idlrt.rpc.channel import Channel
from tests.dcom.stage import Calc, Desk, Network, lab, run, two, until

CID = UUID("00112233-4455-6677-8899-aabbccddeeff")


class Recorded:
    """What connections to one host sent and got, call ids and the rest included."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self.requests: list[bytes] = []
        self.answers: list[bytes] = []

    async def connect(self, binding: Any) -> Channel:
        channel = await self._network.connect(binding)
        opener = channel.pool._opener
        assert opener is not None

        async def watched(factory: Any) -> Any:
            link: Any = await opener(factory)
            transport, update = link._transport, link.buffer_updated
            write = transport.write

            def sent(data: bytes) -> None:
                self.requests.append(bytes(data))
                write(data)

            def got(count: int) -> None:
                self.answers.append(bytes(link._octets.receive_buffer()[:count]))
                update(count)

            transport.write = sent
            link.buffer_updated = got
            return link

        channel.pool._opener = watched
        return channel


class Addition(com.CallObject, lab.AsyncICalc):  # type: ignore[misc]
    """A call object that has added some turns of the loop after it was begun."""

    begun = 0

    def __init__(self, calc: Any = None) -> None:
        self.sum = 0

    async def Begin_Add(self, a: int, b: int) -> int:
        Addition.begun += 1
        self.sum = a + b
        asyncio.get_running_loop().call_later(0.002, self.signal)
        return 0

    async def Finish_Add(self) -> int:
        return self.sum

    async def Begin_Grant(self, code: int) -> int:
        self.signal()
        return 0

    async def Finish_Grant(self) -> int:
        return 0

    async def Begin_Measure(self, n: int, kept: int) -> int:
        raise HResultError(E_FAIL)

    async def Finish_Measure(self) -> Any:
        raise AssertionError("nothing was begun")

    async def Begin_Wait(self, number: int) -> int:
        return 0

    async def Finish_Wait(self) -> int:
        raise AssertionError("nothing was signaled")


class Begun(com.CallFactory, lab.ICalc):  # type: ignore[misc]
    """Has call objects, so its methods are not called."""

    CALL_OBJECTS = (Addition,)

    async def Add(self, a: int, b: int) -> int:
        raise AssertionError("there are call objects")

    Grant = Measure = Wait = Add


async def conversation(asynchronous: bool, served: Any) -> tuple[list[bytes], list[bytes]]:
    """The octets of three calls after the bind, by one kind of client."""
    network = Network()
    async with network.host("server") as server, network.host("client") as client:
        recorded = Recorded(network)
        client._connect = recorded.connect
        calc = await client.bind(await server.text(served, lab.ICalc), lab.ICalc)
        causality.set(CID)
        assert await calc.Grant(0) == 0
        recorded.requests.clear()
        recorded.answers.clear()
        if asynchronous:
            factory = await calc.QueryInterface(com.ICallFactory)
            call = await factory.CreateCall(lab.AsyncICalc.IID, None, lab.AsyncICalc.IID)
            for a in (1, 2, 3):
                await call.Begin_Add(a, 40)
                assert await call.Finish_Add() == a + 40
        else:
            for a in (1, 2, 3):
                assert await calc.Add(a, 40) == a + 40
        (pointer,) = (pointer for stub in server.tables for pointer in stub.pointers.values())
        ipid = pointer.ipid.bytes_le
        masked = [each.replace(ipid, bytes(16)) for each in recorded.requests]
        return masked, list(recorded.answers)


def test_rule_4_6_synchronous_and_asynchronous_clients_and_servers_exchange_the_same_octets() -> None:
    async def facts() -> None:
        waiting = await conversation(False, Calc())
        assert len(waiting[0]) == 3
        assert await conversation(True, Calc()) == waiting
        assert Addition.begun == 0
        assert await conversation(False, Begun()) == waiting
        assert await conversation(True, Begun()) == waiting
        assert Addition.begun == 6
        request, answer = waiting[0][0], waiting[1][0]
        assert lab.AsyncICalc.IID.bytes_le not in request
        assert CID.bytes_le in request
        assert request[22:24] == (3).to_bytes(2, "little")  # the synchronous method's number
        assert answer[-8:] == (41).to_bytes(4, "little") + bytes(4)

    run(facts())


def test_rule_4_4_a_begin_that_fails_is_the_call_s_result_across_machines() -> None:
    async def facts() -> None:
        async with two() as (server, client):
            calc = await client.bind(await server.text(Begun(), lab.ICalc), lab.ICalc)
            try:
                await calc.Measure(3, 4)
                raise AssertionError("it did not fail")
            except HResultError as error:
                assert error.hresult == E_FAIL
            assert await calc.Grant(0) == 0  # signaled within Begin_

    run(facts())


def test_an_ipid_is_the_object_of_every_request() -> None:
    async def facts() -> None:
        requests, _ = await conversation(False, Calc())
        for request in requests:
            assert request[3] & 0x80
            assert request[24:40] == bytes(16)  # masked

    run(facts())


def test_a_begun_call_is_cancelled_on_the_wire_and_finished_with_that() -> None:
    async def facts() -> None:
        async with two() as (server, client):
            served = Calc()
            calc = await client.bind(await server.text(served, lab.ICalc), lab.ICalc)
            factory = await calc.QueryInterface(com.ICallFactory)
            call = await factory.CreateCall(lab.AsyncICalc.IID, None, lab.AsyncICalc.IID)
            await call.Begin_Wait(1)
            await served.waiting.wait()
            (running,) = server.server.running
            cancel = await call.QueryInterface(com.ICancelMethodCalls)
            await cancel.Cancel(0)
            try:
                await call.Finish_Wait()
                raise AssertionError("it was not cancelled")
            except HResultError as error:
                assert error.hresult == RPC_E_CALL_CANCELED
            async with asyncio.timeout(10):
                while not running.cancelled:
                    await asyncio.sleep(0)

    run(facts())


def test_a_client_that_dies_leaves_nothing_of_its_calls() -> None:
    async def facts() -> None:
        network = Network()
        async with network.host("server") as server:
            served = Desk()
            async with network.host("client") as client:
                desk = await client.bind(await server.text(served, lab.IDesk), lab.IDesk)
                waiting = asyncio.create_task(desk.Wait(1))
                await served.waiting.wait()
                for link in tuple(server.server.links):
                    link.abort()
                try:
                    await waiting
                    raise AssertionError("the call outlived its connection")
                except HResultError:
                    pass
                async with asyncio.timeout(10):
                    while server.server.running:
                        await asyncio.sleep(0)
                assert await desk.Add(1, 1) == 2  # on a new connection

    run(facts())


def test_two_exporters_of_one_program_are_strangers() -> None:
    async def facts() -> None:
        async with two() as (server, client):
            served = Calc()
            calc = await client.bind(await server.text(served, lab.ICalc), lab.ICalc)
            assert calc is not served
            assert server.oxid != client.oxid
            assert uuid4() not in [stub.oid for stub in server.tables]

    run(facts())


def test_rule_3_9_a_begun_call_that_is_released_runs_to_its_end_at_the_server() -> None:
    async def facts() -> None:
        async with two() as (server, client):
            served = Calc()
            calc = await client.bind(await server.text(served, lab.ICalc), lab.ICalc)
            factory = await calc.QueryInterface(com.ICallFactory)
            call = await factory.CreateCall(lab.AsyncICalc.IID, None, lab.AsyncICalc.IID)
            await call.Begin_Wait(1)
            call.Release()
            del call
            gc.collect()
            await served.waiting.wait()
            (running,) = server.server.running
            assert not running.cancelled
            served.go.set()
            await until(lambda: not server.server.running)
            assert not running.cancelled

    run(facts())


def test_what_is_left_behind_is_nothing() -> None:
    async def facts() -> None:
        before = asyncio.all_tasks()
        async with two(linger=0) as (server, client):
            desk = await client.bind(await server.text(Desk(), lab.IDesk), lab.IDesk)
            factory = await desk.QueryInterface(com.ICallFactory)

            async def use(desk: Any, factory: Any) -> None:
                calls = [await factory.CreateCall(lab.AsyncICalc.IID, None, lab.AsyncICalc.IID) for _ in range(20)]
                for call in calls[::2]:
                    await call.Begin_Add(1, 2)
                objects = [await client.bind(await server.text(Calc(), lab.ICalc), lab.ICalc) for _ in range(20)]
                assert await objects[0].Add(1, 1) == 2
                assert await desk.Use(Calc(), 1) == 2

            for _ in range(50):
                await use(desk, factory)
            del factory
            gc.collect()
            await until(lambda: len(server.tables) == 1 and not len(client.tables))
            del desk
            gc.collect()
            await until(lambda: not len(server.tables) and not client.exporters and not server.exporters)
            await until(lambda: asyncio.all_tasks() == before)
            assert not server.server.links
            assert not server.server.running

    run(facts())


def test_a_server_that_is_gone_is_told_by_an_hresult() -> None:
    async def facts() -> None:
        async with dcom.Exporter() as client:
            async with dcom.Exporter() as server:
                await server.listen("ncacn_ip_tcp:127.0.0.1[0]")
                calc = await client.bind(await server.text(Calc(), lab.ICalc), lab.ICalc)
            try:
                await calc.Add(1, 1)
                raise AssertionError("there is nobody")
            except HResultError as error:
                assert error.hresult == 0x800706BA, error  # RPC_S_SERVER_UNAVAILABLE

    run(facts())


def test_a_server_of_an_older_version_gets_its_own() -> None:
    async def facts() -> None:
        async with two() as (server, client):
            calc = await client.bind(await server.text(Calc(), lab.ICalc), lab.ICalc)
            (exporter,) = client.exporters.values()
            assert exporter.resolved is not None
            exporter.resolved = replace(exporter.resolved, minor=4)
            seen: list[int] = []
            dispatch = server._dispatch

            async def watched(method: Any, call: Any, received: Any) -> Any:
                seen.append(get_this(received.data, received.order)[0].minor)
                return await dispatch.serve(method, call, received)

            for method in dispatch._offered[lab.ICalc.IID][2].values():
                method.function = partial(watched, method)
            assert await calc.Add(1, 1) == 2
            assert seen == [4]

    run(facts())
