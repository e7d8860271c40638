"""Objects called from elsewhere: parameters, results, failures, references both ways."""

from __future__ import annotations

import asyncio
import gc
from uuid import UUID, uuid4

import pytest

from idlrt import com, dcom
from idlrt.com.hresult import E_FAIL, E_NOTIMPL, RPC_E_DISCONNECTED, RPC_E_SERVERFAULT, HResultError, NoInterface
from idlrt.com.objref import Custom, Standard
from idlrt.dcom.marshal import from_text, to_text
from idlrt.prelude.unknwnbase import IClassFactory
from tests.dcom.stage import Calc, Desk, lab, run, two, until


def test_a_method_is_called_in_memory_and_over_tcp() -> None:
    async def facts() -> None:
        async with two() as (server, client):
            calc = await client.bind(await server.text(Calc(), lab.ICalc), lab.ICalc)
            assert await calc.Add(40, 2) == 42
        async with dcom.Exporter() as server, dcom.Exporter() as client:
            await server.listen("ncacn_ip_tcp:127.0.0.1[0]")
            calc = await client.bind(await server.text(Calc(), lab.ICalc), lab.ICalc)
            assert await calc.Add(40, 2) == 42

    run(facts())


def test_a_proxy_is_of_the_interface_s_class() -> None:
    async def facts() -> None:
        async with two() as (server, client):
            calc = await client.bind(await server.text(Calc()), lab.ICalc)
            assert isinstance(calc, lab.ICalc)
            assert not isinstance(calc, Calc)

    run(facts())


def test_success_codes_are_returned_and_failures_raised() -> None:
    async def facts() -> None:
        async with two() as (server, client):
            calc = await client.bind(await server.text(Calc()), lab.ICalc)
            assert [await calc.Grant(code) for code in (0, 1, 5)] == [0, 1, 5]
            with pytest.raises(HResultError) as failed:
                await calc.Grant(E_NOTIMPL - (1 << 32))
            assert failed.value.hresult == E_NOTIMPL

    run(facts())


def test_a_method_that_raises_anything_else_is_a_server_fault() -> None:
    async def facts() -> None:
        async with two() as (server, client):
            calc = await client.bind(await server.text(Calc()), lab.ICalc)
            with pytest.raises(HResultError) as failed:
                await calc.Grant(7)
            assert failed.value.hresult == RPC_E_SERVERFAULT
            assert await calc.Add(1, 1) == 2

    run(facts())


def test_a_failing_method_answers_with_outputs_that_say_nothing() -> None:
    async def facts() -> None:
        async with two() as (server, client):
            calc = await client.bind(await server.text(Calc()), lab.ICalc)
            for rows in (3, 1 << 30):  # so many are not made for nothing: a fault says it then
                with pytest.raises(HResultError) as failed:
                    await calc.Measure(rows, 9)
                assert failed.value.hresult == E_FAIL

    run(facts())
    codec = dcom.orpc.interface_of(lab.ICalc).codec(5, "<")
    inputs = (3, 9)
    stub = codec.put_response(codec.blank(inputs, -1), inputs, 0)  # type: ignore[misc]
    assert bytes(stub).hex() == (
        "03000000"
        "000000000000000000000000"  # three rows
        "0000000000000000"  # most
        "00000000"  # unit
        "09000000"  # what was given
        "ffffffff"
    )


def test_counts_that_python_leaves_out_are_left_out_here_too() -> None:
    async def facts() -> None:
        async with two() as (server, client):
            desk = await client.bind(await server.text(Desk(), lab.IDesk), lab.IDesk)
            assert await desk.Total([1, 2, 3]) == 6
            assert await desk.Add(1, 2) == 3  # of its base

    run(facts())


def test_query_interface_asks_the_object() -> None:
    async def facts() -> None:
        async with two() as (server, client):
            calc = await client.bind(await server.text(Desk(), lab.ICalc), lab.ICalc)
            name = await calc.QueryInterface(lab.IName)
            assert await name.Name() == "desk"
            assert await (await name.QueryInterface(lab.ICalc)).Add(1, 1) == 2
            with pytest.raises(NoInterface):
                await name.QueryInterface(IClassFactory)
            assert await name.QueryInterface(com.IUnknown) is await calc.QueryInterface(com.IUnknown)

    run(facts())


def test_pointers_come_back_as_results() -> None:
    async def facts() -> None:
        async with two() as (server, client):
            served = Desk()
            desk = await client.bind(await server.text(served, lab.IDesk), lab.IDesk)
            (lent, _) = await desk.Lend()
            assert await lent.Add(2, 3) == 5
            assert (await desk.Lend()).calc is lent
            (found, _) = await desk.Find(lab.IName.IID)
            assert await found.Name() == "desk"
            with pytest.raises(NoInterface):
                await desk.Find(uuid4())
            served.lent = None  # type: ignore[assignment]
            assert (await desk.Lend()).calc is None

    run(facts())


def test_a_server_calls_back_what_it_was_given() -> None:
    async def facts() -> None:
        async with two() as (server, client):
            desk = await client.bind(await server.text(Desk(), lab.IDesk), lab.IDesk)
            own = Calc()
            assert await desk.Use(own, 21) == 42
            assert await desk.Use(None, 21) == 0
            (given, _) = await desk.Swap(own)
            assert await given.Add(1, 2) == 3
            assert (await desk.Swap(given)).calc is own  # its own object again, not a proxy
            assert await desk.Both(lab.Pair([own, own])) == 6

    run(facts())


def test_a_proxy_is_passed_on_to_a_third() -> None:
    async def facts() -> None:
        async with two() as (server, client):
            first = await client.bind(await server.text(Calc(), lab.ICalc), lab.ICalc)
            held = Desk()
            desk = await client.bind(await server.text(held, lab.IDesk), lab.IDesk)
            for _ in range(8):  # more often than references were given with it
                assert await desk.Keep(first) == 0
                assert isinstance(held.kept, Calc)  # back where it lives
            assert await first.Add(1, 1) == 2

    run(facts())


def test_the_logical_thread_goes_along_with_nested_calls() -> None:
    async def facts() -> None:
        async with two() as (server, client):
            served, own = Desk(), Calc()
            desk = await client.bind(await server.text(served, lab.IDesk), lab.IDesk)
            await desk.Use(own, 1)
            await desk.Use(own, 1)
            assert isinstance(served.causality[0], UUID)
            assert served.causality == own.causality
            assert len(set(own.causality)) == 2

    run(facts())


def test_what_nobody_holds_is_released() -> None:
    async def facts() -> None:
        async with two() as (server, client):
            desk = await client.bind(await server.text(Desk(), lab.IDesk), lab.IDesk)
            await desk.QueryInterface(lab.IName)
            (lent, _) = await desk.Lend()
            assert len(server.tables) == 2
            del lent
            gc.collect()
            await until(lambda: len(server.tables) == 1)
            desk.Release()
            with pytest.raises(HResultError) as failed:
                await desk.Add(1, 1)
            assert failed.value.hresult == RPC_E_DISCONNECTED
            del desk, failed
            gc.collect()
            await until(lambda: not len(server.tables) and not len(client.pinger))

    run(facts())


def test_the_connections_to_an_exporter_go_when_nothing_of_it_is_held() -> None:
    async def facts() -> None:
        async with two(linger=0) as (server, client):
            calc = await client.bind(await server.text(Calc(), lab.ICalc), lab.ICalc)
            assert len(client.exporters) == 1
            del calc
            gc.collect()
            await until(lambda: not client.exporters and not server.server.links)

    run(facts())


def test_an_object_that_is_disconnected_is_gone_for_all() -> None:
    async def facts() -> None:
        async with two() as (server, client):
            served = Calc()
            calc = await client.bind(await server.text(served, lab.ICalc), lab.ICalc)
            server.disconnect(served)
            with pytest.raises(com.Disconnected):
                await calc.Add(1, 1)

    run(facts())


def test_call_objects_of_proxies_begin_and_finish_across_machines() -> None:
    async def facts() -> None:
        async with two() as (server, client):
            calc = await client.bind(await server.text(Calc(), lab.ICalc), lab.ICalc)
            factory = await calc.QueryInterface(com.ICallFactory)
            calls = [await factory.CreateCall(lab.AsyncICalc.IID, None, lab.AsyncICalc.IID) for _ in range(32)]
            for number, call in enumerate(calls):
                assert await call.Begin_Add(number, 1) == 0
            assert [await call.Finish_Add() for call in calls] == [number + 1 for number in range(32)]

    run(facts())


def test_a_cancelled_call_ends_though_the_server_goes_on() -> None:
    async def facts() -> None:
        async with two() as (server, client):
            served = Calc()
            calc = await client.bind(await server.text(served, lab.ICalc), lab.ICalc)
            waiting = asyncio.create_task(calc.Wait(1))
            await served.waiting.wait()
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            assert await calc.Add(1, 1) == 2

    run(facts())


# ---------------------------------------------------------------------------- names


def test_a_reference_travels_as_text() -> None:
    async def facts() -> None:
        async with two() as (server, _):
            text = await server.text(Calc(), lab.ICalc)
            assert text.startswith("objref:")
            assert text.endswith(":")
            reference = from_text(f"  {text.upper()[:7]}{text[7:]}\n")
            assert isinstance(reference, Standard)
            assert reference.iid == lab.ICalc.IID
            assert reference.reference.oxid == server.oxid
            assert reference.reference.public_refs == 5
            assert to_text(reference) == text

    run(facts())


@pytest.mark.parametrize("text", ["", "objref", "objref:", "objref:TUVPVw==", "moniker:TUVPVw==:", "objref:T!:"])
def test_other_texts_are_no_references(text: str) -> None:
    with pytest.raises(HResultError):
        from_text(text)


def test_a_name_leads_back_to_the_object_itself_where_it_lives() -> None:
    async def facts() -> None:
        async with two() as (server, _):
            own = Calc()
            assert await server.bind(await server.text(own, lab.ICalc), lab.ICalc) is own
            assert not len(server.tables)  # the reference was used up

    run(facts())


def test_custom_references_are_for_classes_that_the_program_knows() -> None:
    async def facts() -> None:
        clsid = uuid4()
        async with two(unmarshalers={clsid: lambda data, iid: (data, iid)}) as (server, _):
            given = Custom(lab.ICalc.IID, clsid, b"data")
            assert await server.bind(given, lab.ICalc) == (b"data", lab.ICalc.IID)
            with pytest.raises(HResultError, match="REGDB_E_CLASSNOTREG"):
                await server.bind(Custom(lab.ICalc.IID, uuid4(), b"data"), lab.ICalc)

    run(facts())
