"""References that are lost, given back twice or forged, and pings that do not arrive: each has one defined result."""

from __future__ import annotations

import asyncio
import base64
import gc
from typing import Any, Final
from uuid import UUID, uuid4

import pytest

from idlrt import com
from idlrt.com.hresult import HResultError, hresult_name
from idlrt.com.objref import Bindings, Custom, Handler, Standard, StandardReference, StringBinding, encode
from idlrt.dcom.ping import EXPIRY
from idlrt.prelude.ms_dcom import REMINTERFACEREF
from tests.dcom.stage import Calc, Desk, Network, lab, run, two, until
from tests.dcom.test_faults import name_of
from tests.dcom.test_references import held

UNKNOWN_EXPORTER: Final = hresult_name(0x80070776)  # OR_INVALID_OXID
NOBODY_THERE: Final = hresult_name(0x800706BA)  # RPC_S_SERVER_UNAVAILABLE
DISCONNECTED: Final = "RPC_E_DISCONNECTED"


# ---------------------------------------------------------------------------- pings that do not arrive


def test_two_lost_pings_do_no_harm_and_three_take_the_object() -> None:
    async def facts() -> None:
        time = [1000.0]
        network = Network()
        async with (
            network.host("server", now=lambda: time[0]) as server,
            network.host("client") as client,
        ):
            calc = await client.bind(await server.text(Calc(), lab.ICalc), lab.ICalc)

            async def pass_by(periods: int, *, lost: bool) -> None:
                for _ in range(periods):
                    time[0] += EXPIRY / 3
                    if lost:
                        del network.hosts["server"]
                    await client.pinger.ping()
                    network.hosts["server"] = server
                    server.resolver.expire()

            await client.pinger.ping()
            await pass_by(2, lost=True)
            await pass_by(1, lost=False)
            await pass_by(2, lost=True)
            assert len(server.tables) == 1
            assert await calc.Add(1, 1) == 2
            await pass_by(3, lost=True)
            assert (len(server.tables), len(server.resolver.sets)) == (0, 0)
            # Later pings tell the resolver of what is there no more, and what else the client holds lives on by them.
            fresh = await client.bind(await server.text(Calc(), lab.ICalc), lab.ICalc)
            await pass_by(4, lost=False)
            assert await name_of(calc.Add(1, 1)) == DISCONNECTED
            assert await fresh.Add(1, 1) == 2

    run(facts())


def test_a_call_under_way_ends_though_its_object_is_reclaimed_meanwhile() -> None:
    async def facts() -> None:
        time = [1000.0]
        async with two(now=lambda: time[0]) as (server, client):
            served = Calc()
            calc = await client.bind(await server.text(served, lab.ICalc), lab.ICalc)
            call = await com.new_call(calc, lab.AsyncICalc)
            await call.Begin_Wait(7)
            await served.waiting.wait()
            time[0] += EXPIRY
            server.resolver.expire()
            assert not len(server.tables)
            served.go.set()
            assert await call.Finish_Wait() == 7
            assert await call.Begin_Wait(7) == 0
            assert await name_of(call.Finish_Wait()) == DISCONNECTED

    run(facts())


def test_what_is_released_is_pinged_for_no_more_though_the_proxy_is_still_there() -> None:
    async def facts() -> None:
        async with two() as (server, client):
            calc = await client.bind(await server.text(Calc(), lab.ICalc), lab.ICalc)
            await client.pinger.ping()
            calc.Release()
            assert not len(client.pinger)
            await until(lambda: not len(server.tables))
            assert await name_of(calc.Add(1, 1)) == DISCONNECTED

    run(facts())


def test_what_was_released_and_comes_again_is_pinged_for_again() -> None:
    async def facts() -> None:
        async with two() as (server, client):
            served = Calc()
            released = await client.bind(await server.text(served, lab.ICalc), lab.ICalc)
            await server.text(served, lab.ICalc)
            released.Release()
            assert not len(client.pinger)
            calc = await client.bind(await server.text(served, lab.ICalc), lab.ICalc)
            assert len(client.pinger) == 1
            assert await calc.Add(1, 1) == 2
            calc.Release()
            assert not len(client.pinger)

    run(facts())


def test_a_call_runs_to_its_end_though_all_that_leads_to_it_was_released() -> None:
    async def facts() -> None:
        async with two(linger=0) as (server, client):
            served = Calc()
            calc = await client.bind(await server.text(served, lab.ICalc), lab.ICalc)
            call = await com.new_call(calc, lab.AsyncICalc)
            await call.Begin_Wait(1)
            await served.waiting.wait()
            (running,) = server.server.running
            call.Release()
            calc.Release()
            await until(lambda: not len(server.tables))
            for _ in range(20):  # turns in which the connection could be closed
                await asyncio.sleep(0)
            assert not running.cancelled
            served.go.set()
            await until(lambda: not server.server.running)
            assert not running.cancelled
            del call, calc
            gc.collect()
            await until(lambda: not client.exporters and not server.server.links)

    run(facts())


def test_references_that_come_back_to_connections_just_closed_leave_none_open() -> None:
    async def facts() -> None:
        async with two(linger=0) as (server, client):
            calc = await client.bind(await server.text(Calc(), lab.ICalc), lab.ICalc)
            (exporter,) = client.exporters.values()
            del calc
            gc.collect()
            client._retire(exporter)  # before the loop hears of it
            await until(lambda: not len(server.tables))
            await until(lambda: not client.exporters and not server.server.links)

    run(facts())


# ---------------------------------------------------------------------------- references that come back


def test_a_proxy_that_is_released_twice_gives_its_references_back_once() -> None:
    async def facts() -> None:
        async with two() as (server, client):
            served = Calc()
            first = await client.bind(await server.text(served, lab.ICalc), lab.ICalc)
            (pointer,) = (each for stub in server.tables for each in stub.pointers.values())
            await server.text(served, lab.ICalc)  # on its way to somebody else
            assert (first.Release(), first.Release(), pointer.public) == (0, 0, 10)
            await until(lambda: pointer.public == 5)
            del first
            gc.collect()
            (exporter,) = client.exporters.values()
            await exporter.released()
            await asyncio.sleep(0)
            assert pointer.public == 5

    run(facts())


def test_a_name_that_is_used_twice_counts_once_and_the_second_is_told_when_that_is_gone() -> None:
    async def facts() -> None:
        network = Network()
        async with network.host("server") as server, network.host("a") as a, network.host("b") as b:
            name = await server.text(Calc(), lab.ICalc)
            first, second = await a.bind(name, lab.ICalc), await b.bind(name, lab.ICalc)
            assert await second.Add(1, 1) == 2
            first.Release()
            await until(lambda: not len(server.tables))
            assert await name_of(second.Add(1, 1)) == DISCONNECTED
            second.Release()  # which nobody misses
            (exporter,) = b.exporters.values()
            await exporter.released()
            assert await name_of(b.bind(name, lab.IDesk)) == "RPC_E_INVALID_OBJECT"

    run(facts())


@pytest.mark.parametrize("count", [0, 1, 4, 6, 0xFFFFFFFF])
def test_as_many_references_are_released_as_there_are(count: int) -> None:
    async def facts() -> None:
        async with two() as (server, client):
            holder = await held(server, client, Calc())
            for unknown in (uuid4(), UUID(int=0), holder.rem_unknown):
                assert await holder.call(5, 1, [REMINTERFACEREF(unknown, count, count)]) == 0
            assert await holder.call(5, 1, [REMINTERFACEREF(holder.ipid, count, 0)]) == 0
            left = sum(each.public for stub in server.tables for each in stub.pointers.values())
            assert (left, len(server.tables)) == (max(0, 5 - count), int(count < 5))

    run(facts())


# ---------------------------------------------------------------------------- forged references

FORGED: Final[dict[str, tuple[dict[str, Any], str]]] = {
    "IPID": ({"ipid": uuid4()}, DISCONNECTED),
    "no IPID": ({"ipid": UUID(int=0)}, DISCONNECTED),
    "OXID": ({"oxid": 0x1234567890ABCDEF}, UNKNOWN_EXPORTER),
    "no OXID": ({"oxid": 0}, UNKNOWN_EXPORTER),
    "OID": ({"oid": 1}, ""),  # which only pings name
}


@pytest.mark.parametrize("what", FORGED)
def test_a_forged_reference_fails_when_it_is_used_and_pings_for_it_do_no_harm(what: str) -> None:
    async def facts() -> None:
        changes, expected = FORGED[what]
        async with two(linger=0) as (server, client):
            good: Any = await server.reference(Calc(), lab.ICalc)
            fields = {name: getattr(good.reference, name) for name in ("oxid", "oid", "ipid", "public_refs", "flags")}
            forged = Standard(good.iid, StandardReference(**fields | changes), good.resolver)
            try:
                calc = await client.bind(forged, lab.ICalc)
                assert await calc.Add(1, 1) == 2
                result = ""
            except HResultError as error:
                result = error.name
            assert result == expected
            await client.pinger.ping()
            await client.pinger.ping()
            calc = None
            gc.collect()
            await until(lambda: not len(client.pinger) and not client.exporters)
            # Those who hold the object have it still, unless just that was given back.
            if result:
                assert await (await client.bind(good, lab.ICalc)).Add(1, 1) == 2

    run(facts())


@pytest.mark.parametrize(
    ("resolver", "expected"), [("", NOBODY_THERE), ("nowhere[135]", NOBODY_THERE), ("client[135]", UNKNOWN_EXPORTER)]
)
def test_a_reference_with_another_resolver_finds_nobody(resolver: str, expected: str) -> None:
    async def facts() -> None:
        async with two() as (server, client):
            good: Any = await server.reference(Calc(), lab.ICalc)
            bindings = Bindings((StringBinding(7, resolver),) if resolver else ())
            assert await name_of(client.bind(Standard(good.iid, good.reference, bindings), lab.ICalc)) == expected

    run(facts())


# ---------------------------------------------------------------------------- lengths that lie


def lying(kind: str) -> dict[str, bytes]:
    """References of a kind whose numbers do not fit what follows, by what is wrong with them."""
    bindings = Bindings()
    standard = StandardReference(5, 6, UUID(int=7), 1)
    whole = {
        "standard": encode(Standard(lab.ICalc.IID, standard, bindings)),
        "handler": encode(Handler(lab.ICalc.IID, standard, UUID(int=8), bindings)),
        "custom": encode(Custom(lab.ICalc.IID, UUID(int=8), b"")),
    }[kind]
    found = {f"cut at {length}": whole[:length] for length in range(len(whole))}
    if kind != "custom":
        at = len(whole) - 12  # count and security offset of the bindings
        for count, security in [(0xFFFF, 2), (5, 2), (4, 5), (4, 0xFFFF), (1, 1), (0xFFFF, 0xFFFF)]:
            numbers = count.to_bytes(2, "little") + security.to_bytes(2, "little")
            found[f"{count} units, security at {security}"] = whole[:at] + numbers + b"\7\0a\0a\0a\0"
    else:
        found["an extension"] = whole[:-8] + b"\1\0\0\0\0\0\0\0"
    return found


@pytest.mark.parametrize("kind", ["standard", "handler", "custom"])
def test_names_with_lengths_that_lie_are_refused_and_leave_nothing(kind: str) -> None:
    async def facts() -> None:
        async with two() as (_, client):
            for what, octets in lying(kind).items():
                name = f"objref:{base64.b64encode(octets).decode()}:"
                result = await name_of(client.bind(name, lab.ICalc))
                assert result in ("RPC_E_INVALID_OBJREF", "MK_E_SYNTAX"), what
            assert (len(client.exporters), len(client.pinger)) == (0, 0)

    run(facts())


@pytest.mark.parametrize("kind", ["standard", "handler", "custom"])
def test_answers_with_lengths_that_lie_are_refused_and_the_next_call_is_served(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def facts() -> None:
        async with two() as (server, client):
            desk = await client.bind(await server.text(Desk(), lab.IDesk), lab.IDesk)
            for what, octets in lying(kind).items():
                with monkeypatch.context() as patched:
                    patched.setattr("idlrt.dcom.marshal.encode", lambda reference, octets=octets: octets)
                    result = await name_of(desk.Lend())
                assert result == "RPC_E_INVALID_OBJREF", what
            assert await desk.Add(1, 1) == 2
            assert (len(client.exporters), len(client.pinger)) == (1, 1)

    run(facts())
