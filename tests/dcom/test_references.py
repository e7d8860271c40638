"""What others count: IPIDs, OIDs, IRemUnknown and IRemUnknown2; references that were forged."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest

from idlrt import dcom, rpc
from idlrt.com.hresult import (
    CO_E_OBJNOTREG,
    E_INVALIDARG,
    E_NOINTERFACE,
    E_OUTOFMEMORY,
    RPC_E_DISCONNECTED,
    RPC_E_INVALID_HEADER,
    RPC_E_INVALID_OBJECT,
    RPC_E_INVALID_OBJREF,
    RPC_E_VERSION_MISMATCH,
    HResultError,
    unsigned,
)
from idlrt.com.objref import Bindings, Standard, StandardReference, StringBinding, decode, encode
from idlrt.dcom.orpc import This, interface_of, put_this
from idlrt.dcom.remote import RemoteExporter, Resolved
from idlrt.errors import NCA_OP_RNG_ERROR, NCA_UNK_IF, RPC_X_BAD_STUB_DATA, RpcFault
from idlrt.prelude.ms_dcom import REMINTERFACEREF, IRemUnknown, IRemUnknown2
from tests.dcom.stage import Calc, Desk, lab, run, two

SECOND = interface_of(IRemUnknown2)


class Holder:
    """A reference to an object, and calls of IRemUnknown about it."""

    def __init__(self, server: dcom.Exporter, client: dcom.Exporter, reference: StandardReference) -> None:
        self.reference = reference
        self.ipid = reference.ipid
        resolved = Resolved(server.bindings, server.rem_unknown.ipid)
        self.exporter = RemoteExporter(client, server.oxid, Bindings(), resolved)
        self.rem_unknown = server.rem_unknown.ipid

    async def call(self, opnum: int, *inputs: Any) -> Any:
        return await self.exporter.call(SECOND, opnum, self.rem_unknown, inputs)

    async def raw(self, kind: type[Any], opnum: int, ipid: UUID | None, stub: bytes) -> bytes:
        channel, _ = await self.exporter.reach()
        whole = interface_of(kind).whole
        received = await channel.call(whole, rpc.Operation("raw", opnum, inputs=("s",)), (stub,), ipid, None)
        return bytes(received.data)


async def held(server: dcom.Exporter, client: dcom.Exporter, served: Any, kind: Any = lab.ICalc) -> Holder:
    reference = await server.reference(served, kind)
    assert isinstance(reference, Standard)
    return Holder(server, client, reference.reference)


async def code_of(work: Any) -> int:
    with pytest.raises(HResultError) as failed:
        await work
    return failed.value.hresult


async def fault_of(work: Any) -> int:
    with pytest.raises(RpcFault) as failed:
        await work
    return failed.value.status


def test_remqueryinterface_gives_references_to_what_there_is() -> None:
    async def facts() -> None:
        async with two() as (server, client):
            holder = await held(server, client, Desk())
            iids = [lab.IName.IID, uuid4(), lab.ICalc.IID]
            results, code = await holder.call(3, holder.ipid, 3, 3, iids)
            assert code == 1  # S_FALSE
            assert [unsigned(each.hResult) for each in results] == [0, E_NOINTERFACE, 0]
            assert [each.std.cPublicRefs for each in results] == [3, 0, 3]
            assert results[1].std.ipid == UUID(int=0)
            assert results[2].std.ipid == holder.ipid
            pointer = server.tables.find(holder.ipid)
            assert pointer is not None
            assert pointer.public == 8
            assert len(server.tables) == 1

    run(facts())


def test_remqueryinterface_says_when_nothing_is_there() -> None:
    async def facts() -> None:
        async with two() as (server, client):
            holder = await held(server, client, Calc())
            assert await code_of(holder.call(3, holder.ipid, 1, 1, [uuid4()])) == E_NOINTERFACE
            assert await code_of(holder.call(3, uuid4(), 1, 1, [lab.ICalc.IID])) == RPC_E_INVALID_OBJECT
            assert await code_of(holder.call(3, holder.rem_unknown, 1, 1, [lab.ICalc.IID])) == RPC_E_INVALID_OBJECT
            assert await code_of(holder.call(3, holder.ipid, 0, 1, [lab.ICalc.IID])) == E_INVALIDARG
            assert await code_of(holder.call(3, holder.ipid, 1, 65, [lab.ICalc.IID] * 65)) == E_INVALIDARG

    run(facts())


def test_remqueryinterface2_gives_whole_references() -> None:
    async def facts() -> None:
        async with two() as (server, client):
            holder = await held(server, client, Desk())
            codes, pointers, code = await holder.call(6, holder.ipid, 2, [lab.IName.IID, uuid4()])
            assert ([unsigned(each) for each in codes], code) == ([0, E_NOINTERFACE], 1)
            assert pointers[1] is None
            name = await client.bind(decode(pointers[0].abData), lab.IName)
            assert await name.Name() == "desk"

    run(facts())


def test_references_are_counted_and_the_last_takes_the_object() -> None:
    async def facts() -> None:
        async with two() as (server, client):
            holder = await held(server, client, Calc())
            more = [REMINTERFACEREF(holder.ipid, 2, 1), REMINTERFACEREF(uuid4(), 1, 0)]
            codes, _ = await holder.call(4, 2, more)
            assert [unsigned(each) for each in codes] == [0, CO_E_OBJNOTREG]
            pointer = server.tables.find(holder.ipid)
            assert pointer is not None
            assert pointer.public == 8  # private ones of nobody are public
            assert await holder.call(5, 2, [REMINTERFACEREF(holder.ipid, 7, 0), REMINTERFACEREF(uuid4(), 1, 0)]) == 0
            assert len(server.tables) == 1
            assert await holder.call(5, 1, [REMINTERFACEREF(holder.ipid, 100, 100)]) == 0
            assert len(server.tables) == 0
            assert await holder.call(5, 1, [REMINTERFACEREF(holder.ipid, 1, 0)]) == 0  # twice is no harm

    run(facts())


def test_a_count_does_not_wrap() -> None:
    async def facts() -> None:
        async with two() as (server, client):
            holder = await held(server, client, Calc())
            codes, _ = await holder.call(4, 1, [REMINTERFACEREF(holder.ipid, 0xFFFFFFFF, 0)])
            assert unsigned(codes[0]) == E_OUTOFMEMORY
            assert await code_of(holder.call(3, holder.ipid, 0xFFFFFFFF, 1, [lab.ICalc.IID])) == E_OUTOFMEMORY
            pointer = server.tables.find(holder.ipid)
            assert pointer is not None
            assert pointer.public == 5

    run(facts())


def test_there_is_a_bound_to_objects() -> None:
    async def facts() -> None:
        async with two(most_objects=2) as (server, client):
            desk = await client.bind(await server.text(Desk(), lab.IDesk), lab.IDesk)
            kept = [(await desk.Lend()).calc]
            with pytest.raises(HResultError) as failed:
                await server.text(Calc(), lab.ICalc)
            assert failed.value.hresult == E_OUTOFMEMORY
            assert (await desk.Lend()).calc is kept[0]  # which is there already

    run(facts())


def test_the_exporter_s_own_interface_is_never_counted() -> None:
    async def facts() -> None:
        async with two() as (server, client):
            holder = await held(server, client, Calc())
            await holder.call(5, 1, [REMINTERFACEREF(holder.rem_unknown, 1, 1)])
            assert await holder.call(5, 1, [REMINTERFACEREF(holder.ipid, 1, 0)]) == 0
            first = interface_of(IRemUnknown)  # both identities go with the one IPID
            assert await holder.exporter.call(first, 5, holder.rem_unknown, (1, [REMINTERFACEREF(uuid4(), 1, 0)])) == 0

    run(facts())


# ---------------------------------------------------------------------------- forged calls


THIS = put_this(This(UUID(int=5)))


def test_a_call_of_a_forged_or_released_ipid_is_disconnected() -> None:
    async def facts() -> None:
        async with two() as (server, client):
            holder = await held(server, client, Calc())
            stub = THIS + bytes(8)
            for forged in (uuid4(), UUID(int=0), None):
                assert await fault_of(holder.raw(lab.ICalc, 3, forged, stub)) == RPC_E_DISCONNECTED
            assert (await holder.raw(lab.ICalc, 3, holder.ipid, stub))[-4:] == bytes(4)

    run(facts())


def test_an_ipid_is_called_by_its_own_interface_only() -> None:
    async def facts() -> None:
        async with two() as (server, client):
            holder = await held(server, client, Desk(), lab.IName)
            await server.reference(Desk(), lab.IDesk)
            assert await fault_of(holder.raw(lab.IDesk, 3, holder.ipid, THIS + bytes(8))) == NCA_UNK_IF

    run(facts())


@pytest.mark.parametrize("opnum", [0, 1, 2, 7, 65535])
def test_methods_of_iunknown_and_those_behind_the_last_are_out_of_range(opnum: int) -> None:
    async def facts() -> None:
        async with two() as (server, client):
            holder = await held(server, client, Calc())
            assert await fault_of(holder.raw(lab.ICalc, opnum, holder.ipid, THIS)) == NCA_OP_RNG_ERROR

    run(facts())


@pytest.mark.parametrize(
    ("stub", "status"),
    [
        (b"", RPC_E_INVALID_HEADER),
        (THIS[:31], RPC_E_INVALID_HEADER),
        (THIS[:28] + b"\1\0\0\0" + b"\xff" * 64, RPC_E_INVALID_HEADER),
        (put_this(This(UUID(int=5), minor=8)) + bytes(8), RPC_E_VERSION_MISMATCH),
        (put_this(This(UUID(int=5), major=6)) + bytes(8), RPC_E_VERSION_MISMATCH),
        (THIS + bytes(7), RPC_X_BAD_STUB_DATA),
    ],
)
def test_headers_and_parameters_that_cannot_be_read_have_their_faults(stub: bytes, status: int) -> None:
    async def facts() -> None:
        async with two() as (server, client):
            holder = await held(server, client, Calc())
            assert await fault_of(holder.raw(lab.ICalc, 3, holder.ipid, stub)) == status

    run(facts())


def pointer_parameter(octets: bytes, size: int | None = None) -> bytes:
    count = (len(octets) if size is None else size).to_bytes(4, "little")
    return THIS + b"\0\0\2\0" + count + count + octets + bytes(-len(octets) % 4)


def test_references_that_lie_about_their_lengths_are_bad() -> None:
    async def facts() -> None:
        async with two() as (server, client):
            holder = await held(server, client, Desk(), lab.IDesk)
            good = encode(await client.reference(Calc(), lab.ICalc))
            for octets in (
                b"",
                b"MEOW",
                good[:24],
                good[:67],
                good[:-2],
                b"WOEM" + good[4:],
                good[:4] + b"\3" + good[5:],
            ):
                bad = pointer_parameter(octets)
                assert await fault_of(holder.raw(lab.IDesk, 10, holder.ipid, bad)) == RPC_E_INVALID_OBJREF, octets
            units = good[:64] + b"\xff\xff" + good[66:]
            assert (
                await fault_of(holder.raw(lab.IDesk, 10, holder.ipid, pointer_parameter(units))) == RPC_E_INVALID_OBJREF
            )
            offset = good[:66] + b"\xff\xff" + good[68:]
            assert (
                await fault_of(holder.raw(lab.IDesk, 10, holder.ipid, pointer_parameter(offset)))
                == RPC_E_INVALID_OBJREF
            )
            lying = pointer_parameter(good, 0x7FFFFFFF)
            assert await fault_of(holder.raw(lab.IDesk, 10, holder.ipid, lying)) == RPC_X_BAD_STUB_DATA
            huge = pointer_parameter(good + bytes(1 << 17))
            assert await fault_of(holder.raw(lab.IDesk, 10, holder.ipid, huge)) == RPC_E_INVALID_OBJREF
            assert (await holder.raw(lab.IDesk, 10, holder.ipid, pointer_parameter(good)))[-4:] == bytes(4)

    run(facts())


def test_a_reference_to_an_ipid_of_ours_that_is_not_exported_is_no_interface() -> None:
    async def facts() -> None:
        async with two() as (server, client):
            holder = await held(server, client, Desk(), lab.IDesk)
            for ipid in (uuid4(), server.rem_unknown.ipid):
                forged = Standard(lab.ICalc.IID, StandardReference(server.oxid, 1, ipid, 5))
                stub = pointer_parameter(encode(forged))
                assert await fault_of(holder.raw(lab.IDesk, 10, holder.ipid, stub)) == E_NOINTERFACE
            assert len(server.tables) == 1

    run(facts())


def test_a_reference_to_an_exporter_that_nobody_knows_fails_when_it_is_used() -> None:
    async def facts() -> None:
        async with two() as (server, client):
            desk = await client.bind(await server.text(Desk(), lab.IDesk), lab.IDesk)
            for resolver in (
                Bindings(),
                server.resolver_bindings,
                Bindings((StringBinding(7, "nowhere"),)),
            ):
                forged: Any = Standard(lab.ICalc.IID, StandardReference(99, 1, uuid4(), 5), resolver)
                with pytest.raises(HResultError):
                    await desk.Use(forged, 1)
                await asyncio.sleep(0)
            assert await desk.Add(1, 1) == 2

    run(facts())
