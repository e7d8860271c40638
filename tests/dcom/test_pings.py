"""Ping sets at the resolver, and the pings of a client (MS-DCOM 3.1.2.5.1.2)."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import pytest

from idlrt.com.hresult import RPC_E_DISCONNECTED, HResultError
from idlrt.com.objref import Bindings, StringBinding
from idlrt.dcom.ping import EXPIRY, OR_INVALID_OID, OR_INVALID_SET, Pinger, PingSets
from idlrt.dcom.resolver import OR_INVALID_OXID, bindings_of, ping, resolve
from idlrt.errors import RpcFault
from idlrt.ids import NIL
from idlrt.prelude.ms_dcom import IObjectExporterClient
from idlrt.testing import connected
from tests.dcom.stage import Calc, lab, run, two, until


class Clock:
    def __init__(self) -> None:
        self.time = 1000.0

    def __call__(self) -> float:
        return self.time


class Objects:
    """What is held, by OID: how many sets name it; and what expired with a set."""

    def __init__(self, *oids: int) -> None:
        self.holders = dict.fromkeys(oids, 0)
        self.expired: list[int] = []

    def hold(self, oid: int) -> bool:
        if oid not in self.holders:
            return False
        self.holders[oid] += 1
        return True

    def drop(self, oid: int, now: float, expired: bool = False) -> None:
        self.holders[oid] -= 1
        if expired:
            self.expired.append(oid)


def test_a_first_ping_makes_a_set_that_names_what_there_is() -> None:
    objects = Objects(1, 2)
    sets = PingSets(objects)
    set_id, status = sets.complex_ping(0, 1, [1, 2, 3], [], 0.0)
    assert set_id != 0
    assert status == 0  # the unknown one is passed over in a new set
    assert objects.holders == {1: 1, 2: 1}
    assert len(sets) == 1


def test_adding_what_is_unknown_to_a_set_is_told_and_adds_the_rest() -> None:
    objects = Objects(1, 2)
    sets = PingSets(objects)
    set_id, _ = sets.complex_ping(0, 1, [1], [], 0.0)
    assert sets.complex_ping(set_id, 2, [9, 2], [], 0.0) == (set_id, OR_INVALID_OID)
    assert objects.holders == {1: 1, 2: 1}


def test_adding_and_deleting_twice_changes_nothing() -> None:
    objects = Objects(1, 2)
    sets = PingSets(objects)
    set_id, _ = sets.complex_ping(0, 1, [1, 1, 2], [], 0.0)
    for _ in range(2):
        assert sets.complex_ping(set_id, 2, [1], [2, 77], 0.0) == (set_id, 0)
    assert objects.holders == {1: 1, 2: 0}


def test_a_ping_that_was_overtaken_changes_nothing() -> None:
    objects = Objects(1, 2)
    sets = PingSets(objects)
    set_id, _ = sets.complex_ping(0, 5, [1], [], 0.0)
    assert sets.complex_ping(set_id, 4, [2], [1], 0.0) == (set_id, 0)
    assert objects.holders == {1: 1, 2: 0}


def test_a_set_that_nobody_knows_is_told() -> None:
    sets = PingSets(Objects())
    assert sets.simple_ping(5, 0.0) == OR_INVALID_SET
    assert sets.complex_ping(5, 1, [], [], 0.0) == (5, OR_INVALID_SET)


def test_a_set_lives_as_long_as_it_is_pinged() -> None:
    objects = Objects(1)
    sets = PingSets(objects)
    set_id, _ = sets.complex_ping(0, 1, [1], [], 0.0)
    sets.expire(EXPIRY - 1)
    assert sets.simple_ping(set_id, EXPIRY - 1) == 0
    sets.expire(EXPIRY + 1)
    assert len(sets) == 1
    sets.expire(2 * EXPIRY)
    assert len(sets) == 0
    assert objects.expired == [1]
    assert sets.simple_ping(set_id, 2 * EXPIRY) == OR_INVALID_SET


def test_there_is_a_bound_to_sets() -> None:
    sets = PingSets(Objects(1), most=2)
    assert [sets.complex_ping(0, 1, [1], [], 0.0)[1] for _ in range(3)] == [0, 0, 1816]


# ---------------------------------------------------------------------------- the client

HERE, THERE = Bindings((StringBinding(7, "here"),)), Bindings((StringBinding(7, "there"),))


class Pinged:
    """A resolver as a client's pings reach it."""

    def __init__(self) -> None:
        self.got: list[tuple[Bindings, int, int, list[int], list[int]]] = []
        self.status = 0

    async def __call__(
        self, resolver: Bindings, set_id: int, sequence: int, added: list[int], deleted: list[int]
    ) -> tuple[int, int]:
        self.got.append((resolver, set_id, sequence, added, deleted))
        return set_id or 42, self.status

    def take(self) -> list[tuple[Bindings, int, int, list[int], list[int]]]:
        got, self.got = self.got, []
        return got


def test_only_changes_travel() -> None:
    async def facts() -> None:
        resolver = Pinged()
        pinger = Pinger(resolver)
        for oid in (1, 2, 3):
            pinger.add(HERE, oid)
        pinger.add(THERE, 9)
        pinger.discard(HERE, 3)  # never pinged for
        await pinger.ping()
        assert resolver.take() == [(HERE, 0, 1, [1, 2], []), (THERE, 0, 1, [9], [])]
        await pinger.ping()
        assert resolver.take() == [(HERE, 42, 1, [], []), (THERE, 42, 1, [], [])]
        pinger.add(HERE, 4)
        pinger.discard(HERE, 1)
        pinger.discard(THERE, 9)
        await pinger.ping()
        assert resolver.take() == [(HERE, 42, 2, [4], [1]), (THERE, 42, 2, [], [9])]
        await pinger.ping()
        assert resolver.take() == [(HERE, 42, 2, [], [])]  # nothing is held there
        pinger.close()

    run(facts())


def test_a_set_that_the_resolver_forgot_is_made_anew() -> None:
    async def facts() -> None:
        resolver = Pinged()
        pinger = Pinger(resolver)
        pinger.add(HERE, 1)
        await pinger.ping()
        pinger.add(HERE, 2)
        resolver.take()
        resolver.status = OR_INVALID_SET

        async def once(*given: Any) -> tuple[int, int]:
            answer = await Pinged.__call__(resolver, *given)
            resolver.status = 0
            return answer

        pinger._ping = once
        await pinger.ping()
        assert resolver.take() == [(HERE, 42, 2, [2], []), (HERE, 0, 1, [1, 2], [])]
        pinger.close()

    run(facts())


def test_what_a_failed_ping_did_not_say_is_said_again() -> None:
    async def facts() -> None:
        failures = [RpcFault(5)]
        resolver = Pinged()

        async def failing(*given: Any) -> tuple[int, int]:
            if failures:
                raise failures.pop()
            return await resolver(*given)

        pinger = Pinger(failing)
        pinger.add(HERE, 1)
        await pinger.ping()
        await pinger.ping()
        assert resolver.take() == [(HERE, 0, 1, [1], [])]
        pinger.close()

    run(facts())


def test_pings_go_out_by_themselves() -> None:
    async def facts() -> None:
        async with two(period=0.01) as (server, client):
            calc = await client.bind(await server.text(Calc(), lab.ICalc), lab.ICalc)
            await until(lambda: len(server.resolver.sets) == 1)
            (stub,) = server.tables
            await until(lambda: stub.holders == 1)
            del calc
            gc.collect()
            await until(lambda: not len(server.tables))

    run(facts())


# ---------------------------------------------------------------------------- objects whose clients died


def test_an_object_that_nobody_pings_for_is_reclaimed() -> None:
    async def facts() -> None:
        clock = Clock()
        async with two(now=clock) as (server, client):
            calc = await client.bind(await server.text(Calc(), lab.ICalc), lab.ICalc)
            clock.time += EXPIRY - 1
            assert await calc.Add(1, 1) == 2  # which shows that it is wanted
            clock.time += EXPIRY - 1
            server.resolver.expire()
            assert len(server.tables) == 1
            clock.time += 2
            server.resolver.expire()
            assert len(server.tables) == 0
            with pytest.raises(HResultError) as failed:
                await calc.Add(1, 1)
            assert failed.value.hresult == RPC_E_DISCONNECTED

    run(facts())


def test_pings_keep_an_object_and_their_end_reclaims_it() -> None:
    async def facts() -> None:
        clock = Clock()
        async with two(now=clock) as (server, client):
            calc = await client.bind(await server.text(Calc(), lab.ICalc), lab.ICalc)
            for _ in range(12):
                await client.pinger.ping()
                clock.time += 120
                server.resolver.expire()
            assert await calc.Add(1, 1) == 2
            clock.time += EXPIRY
            server.resolver.expire()
            assert len(server.tables) == 0
            assert len(server.resolver.sets) == 0

    run(facts())


def test_an_object_that_needs_no_pings_stays() -> None:
    async def facts() -> None:
        clock = Clock()
        async with two(now=clock, noping=True) as (server, client):
            calc = await client.bind(await server.text(Calc(), lab.ICalc), lab.ICalc)
            assert not len(client.pinger)
            clock.time += 100 * EXPIRY
            server.resolver.expire()
            assert await calc.Add(1, 1) == 2

    run(facts())


def test_the_last_reference_takes_an_object_though_a_set_names_it() -> None:
    async def facts() -> None:
        async with two() as (server, client):
            calc = await client.bind(await server.text(Calc(), lab.ICalc), lab.ICalc)
            await client.pinger.ping()
            del calc
            gc.collect()
            await until(lambda: not len(server.tables))
            await client.pinger.ping()  # deletes what is gone already
            await client.pinger.ping()

    run(facts())


# ---------------------------------------------------------------------------- the resolver's operations


def test_the_resolver_says_where_an_exporter_listens() -> None:
    async def facts() -> None:
        async with two() as (server, _), connected(server.server) as channel:
            found = await resolve(channel, server.oxid, [7])
            assert found.bindings == server.bindings
            assert found.rem_unknown == server.rem_unknown.ipid
            assert (found.minor, found.authn_hint) == (7, 1)
            old = await IObjectExporterClient(channel).ResolveOxid(server.oxid, [7])
            assert bindings_of(old.ppdsaOxidBindings) == server.bindings

    run(facts())


def test_an_unknown_exporter_is_told_with_nothing_else() -> None:
    async def facts() -> None:
        async with two() as (server, _), connected(server.server) as channel:
            client = IObjectExporterClient(channel)
            for answer in (await client.ResolveOxid(1, [7]), await client.ResolveOxid2(1, [7])):
                assert answer.return_value == OR_INVALID_OXID
                assert (answer.ppdsaOxidBindings, answer.pipidRemUnknown, answer.pAuthnHint) == (None, NIL, 0)
            with pytest.raises(RpcFault) as failed:
                await resolve(channel, 1, [7])
            assert failed.value.status == OR_INVALID_OXID

    run(facts())


def test_everybody_may_ask_whether_the_server_is_alive() -> None:
    async def facts() -> None:
        async with two() as (server, _), connected(server.server) as channel:
            client = IObjectExporterClient(channel)
            assert await client.ServerAlive() == 0
            alive = await client.ServerAlive2()
            assert (alive.pComVersion.MajorVersion, alive.pComVersion.MinorVersion) == (5, 7)
            assert bindings_of(alive.ppdsaOrBindings) == server.resolver_bindings

    run(facts())


def test_pings_travel() -> None:
    async def facts() -> None:
        async with two() as (server, _), connected(server.server) as channel:
            await server.reference(Calc(), lab.ICalc)
            (stub,) = server.tables
            set_id, status = await ping(channel, 0, 1, [stub.oid], [])
            assert status == 0
            assert await ping(channel, set_id, 1, [], []) == (set_id, 0)
            assert stub.holders == 1
            assert await ping(channel, set_id, 2, [1], [stub.oid]) == (set_id, OR_INVALID_OID)
            assert stub.holders == 0
            assert await ping(channel, set_id + 1, 2, [], []) == (set_id + 1, OR_INVALID_SET)
            await asyncio.sleep(0)

    run(facts())
