"""Objects made by class id from elsewhere (MS-DCOM 3.1.2.5.2), and the properties that ask for them (2.2.22)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

import tests.vectors
from idlrt import com, dcom
from idlrt.com.hresult import (
    CLASS_E_NOAGGREGATION,
    E_FAIL,
    E_INVALIDARG,
    E_NOINTERFACE,
    REGDB_E_CLASSNOTREG,
    RPC_E_INVALID_OBJREF,
    RPC_E_VERSION_MISMATCH,
    S_OK,
    HResultError,
    unsigned,
)
from idlrt.com.objref import Standard, decode
from idlrt.dcom import properties
from idlrt.dcom.activation import _request, activate
from idlrt.errors import NdrError
from idlrt.prelude import ms_dcom
from idlrt.prelude.unknwnbase import IClassFactory
from idlrt.testing import connected
from tests.dcom.stage import Calc, Desk, Network, lab, run, two

CLSID = UUID("3e0f9a51-7c42-4d6b-9b1e-5a2d40c8f301")
VECTORS = {
    each["name"]: each
    for each in json.loads((Path(tests.vectors.__file__).parent / "data" / "dcom_activation.json").read_text())
}
BLOBS = [name for name, each in VECTORS.items() if each.get("format") == "activation_objref"]

PROPERTIES: dict[UUID, str] = {
    properties.INSTANTIATION: "InstantiationInfoData",
    properties.CONTEXT: "ActivationContextInfoData",
    properties.LOCATION: "LocationInfoData",
    properties.SCM_REQUEST: "ScmRequestInfoData",
    properties.SECURITY: "SecurityInfoData",
    properties.SPECIAL: "SpecialPropertiesData",
    properties.PROPS_OUT: "PropsOutInfo",
    properties.SCM_REPLY: "ScmReplyInfoData",
}


def test_an_object_is_made_by_its_class_and_is_gone_with_its_last_proxy() -> None:
    async def facts() -> None:
        async with two() as (server, client):
            server.classes.register(CLSID, Desk)
            first = await client.create_instance("server[135]", CLSID, lab.IDesk)
            second = await client.create_instance("server", CLSID, lab.ICalc)
            assert await first.Add(1, 2) + await second.Add(3, 4) == 10
            assert await (await second.QueryInterface(lab.IName)).Name() == "desk"
            assert len(server.tables) == 2

    run(facts())


def test_what_was_activated_is_not_resolved_again() -> None:
    async def facts() -> None:
        network = Network()
        async with network.host("server") as server, network.host("client") as client:
            server.classes.register(CLSID, Calc)
            calc = await client.create_instance("server", CLSID, lab.ICalc)
            assert await calc.Add(1, 1) == 2
            assert network.opened == ["server[135]", "server[1]"]

    run(facts())


def test_activation_works_over_tcp() -> None:
    async def facts() -> None:
        async with dcom.Exporter() as server, dcom.Exporter() as client:
            server.classes.register(CLSID, Calc)
            await server.listen("ncacn_ip_tcp:127.0.0.1[0]")
            bound = await server.listen("ncacn_ip_tcp:127.0.0.1[0]", resolver=True)
            machine = bound.partition(":")[2]
            calc = await client.create_instance(machine, CLSID, lab.ICalc)
            assert await calc.Add(1, 1) == 2
            assert {each.address.partition("[")[2] for each in server.bindings.strings} != {machine.partition("[")[2]}

    run(facts())


def test_a_class_object_makes_further_objects() -> None:
    async def facts() -> None:
        async with two() as (server, client):
            server.classes.register(CLSID, Calc)
            factory = await client.class_object("server", CLSID)
            assert isinstance(factory, IClassFactory)
            (made, _) = await factory.CreateInstance(lab.ICalc.IID)
            assert isinstance(made, lab.ICalc)
            assert await made.Add(1, 2) == 3
            with pytest.raises(com.NoInterface):
                await factory.CreateInstance(lab.IDesk.IID)
            assert await factory.LockServer(1) == S_OK
            assert await factory.LockServer(0) == S_OK

    run(facts())


def test_a_class_is_made_by_a_coroutine_too_and_may_fail() -> None:
    async def make() -> com.IUnknown:
        return Calc()

    async def fail() -> com.IUnknown:
        raise HResultError(E_FAIL)

    async def facts() -> None:
        other = uuid4()
        async with two() as (server, client):
            server.classes.register(CLSID, make)
            server.classes.register(other, fail)
            assert await (await client.create_instance("server", CLSID, lab.ICalc)).Add(1, 1) == 2
            with pytest.raises(HResultError) as failed:
                await client.create_instance("server", other, lab.ICalc)
            assert failed.value.hresult == E_FAIL
            with pytest.raises(ValueError, match="registered already"):
                server.classes.register(other, fail)
            server.classes.revoke(other)
            with pytest.raises(HResultError) as failed:
                await client.create_instance("server", other, lab.ICalc)
            assert failed.value.hresult == REGDB_E_CLASSNOTREG

    run(facts())


def test_some_interfaces_may_be_refused_but_not_all() -> None:
    async def facts() -> None:
        async with two() as (server, _), connected(server.server) as channel:
            server.classes.register(CLSID, Calc)
            resolved, (first, second) = await activate(channel, CLSID, [lab.ICalc.IID, lab.IName.IID])
            assert resolved.rem_unknown == server.rem_unknown.ipid
            assert isinstance(first, Standard)
            assert first.reference.public_refs == 5
            assert isinstance(second, HResultError)
            assert second.hresult == E_NOINTERFACE
            assert len(server.tables) == 1
            with pytest.raises(HResultError) as failed:
                await activate(channel, CLSID, [lab.IName.IID])
            assert failed.value.hresult == E_NOINTERFACE
            assert len(server.tables) == 1

    run(facts())


def test_an_older_client_activates_by_parameters() -> None:
    async def facts() -> None:
        async with two() as (server, client), connected(server.server) as channel:
            server.classes.register(CLSID, Calc)
            activation = ms_dcom.IActivationClient(channel)
            this = ms_dcom.ORPCTHIS(ms_dcom.COMVERSION(5, 1), 0, 0, uuid4())
            made = await activation.RemoteActivation(this, CLSID, None, None, 2, 0, [lab.ICalc.IID, lab.IName.IID], [7])
            assert (made.return_value, made.phr, made.pOxid) == (0, 0, server.oxid)
            assert [unsigned(each) for each in made.pResults] == [0, E_NOINTERFACE]
            assert made.ppInterfaceData[1] is None
            assert made.ppInterfaceData[0] is not None
            calc = await client.bind(decode(made.ppInterfaceData[0].abData), lab.ICalc)
            assert await calc.Add(1, 2) == 3
            factory = await activation.RemoteActivation(
                this, CLSID, None, None, 2, 0xFFFFFFFF, [IClassFactory.IID], [7]
            )
            assert factory.phr == 0
            refused = await activation.RemoteActivation(this, uuid4(), None, None, 2, 0, [lab.ICalc.IID], [7])
            assert unsigned(refused.phr) == REGDB_E_CLASSNOTREG
            assert (refused.pOxid, refused.ppdsaOxidBindings, refused.ppInterfaceData) == (0, None, [None])

    run(facts())


def test_requests_that_make_no_sense_have_their_hresults() -> None:
    async def facts() -> None:
        async with two() as (server, _), connected(server.server) as channel:
            server.classes.register(CLSID, Calc)
            client = ms_dcom.IRemoteSCMActivatorClient(channel)
            good = _request(CLSID, [lab.ICalc.IID])
            pointer = ms_dcom.MInterfacePointer

            async def code(data: bytes | None, minor: int = 7, outer: Any = None) -> int:
                this = ms_dcom.ORPCTHIS(ms_dcom.COMVERSION(5, minor), 1, 0, uuid4())
                answer = await client.RemoteCreateInstance(this, outer, None if data is None else pointer(data))
                assert (answer.ppActProperties is None) == (answer.return_value != 0)
                return unsigned(answer.return_value)

            assert await code(good) == S_OK
            assert await code(good, minor=8) == RPC_E_VERSION_MISMATCH
            assert await code(good, outer=pointer(b"outer")) == CLASS_E_NOAGGREGATION
            assert await code(None) == E_INVALIDARG
            assert await code(good[:100]) == RPC_E_INVALID_OBJREF
            assert await code(_request(CLSID, [uuid4()] * 65)) == E_INVALIDARG
            location = properties.pack(properties.IN, properties.CLSID_IN, [(properties.LOCATION, bytes(16))])
            assert await code(location) == E_INVALIDARG

    run(facts())


# ---------------------------------------------------------------------------- octets


def read(octets: bytes, iid: UUID) -> list[tuple[UUID, str, Any]]:
    """Id, type and value of each property."""
    found = properties.unpack(octets, iid)
    named = [(identity, PROPERTIES[identity], data) for identity, data in found.items()]
    return [(identity, kind, getattr(ms_dcom, f"decode_{kind}")(data)) for identity, kind, data in named]


def marked(octets: bytes, places: list[int]) -> bytes:
    """The octets with 1 for each pointer that is not null, whatever its id."""
    out = bytearray(octets)
    for place in places:
        out[place : place + 4] = bytes([any(out[place : place + 4]), 0, 0, 0])
    return bytes(out)


@pytest.mark.parametrize("name", [name for name in BLOBS if VECTORS[name].get("valid", True)])
def test_properties_of_others_are_read_and_written_again(name: str) -> None:
    vector = VECTORS[name]
    octets = bytes.fromhex(vector["hex"])
    iid = UUID(vector["fields"]["iid"])
    made = [(identity, getattr(ms_dcom, f"encode_{kind}")(value)) for identity, kind, value in read(octets, iid)]
    ours = properties.pack(iid, UUID(vector["fields"]["clsid"]), made)
    assert marked(ours, vector["referent_offsets"]) == marked(octets, vector["referent_offsets"])


@pytest.mark.parametrize("name", [name for name in BLOBS if not VECTORS[name].get("valid", True)])
def test_properties_of_others_that_lie_are_errors(name: str) -> None:
    octets = bytes.fromhex(VECTORS[name]["hex"])
    with pytest.raises(NdrError):
        read(octets, properties.IN if octets[8:10] == b"\xa2\x01" else properties.OUT)


@pytest.mark.parametrize("name", ["activation_request_minimal", "activation_request_three_properties"])
def test_requests_of_others_are_served(name: str) -> None:
    async def facts() -> None:
        async with two() as (server, _), connected(server.server) as channel:
            server.classes.register(CLSID, Calc)
            octets = bytes.fromhex(VECTORS[name]["hex"])
            iid = UUID("6b1d2c70-0f3a-4e58-8a47-91c2d3e4f506")
            data = octets.replace(iid.bytes_le, lab.ICalc.IID.bytes_le)
            this = ms_dcom.ORPCTHIS(ms_dcom.COMVERSION(5, 7), 1, 0, uuid4())
            client = ms_dcom.IRemoteSCMActivatorClient(channel)
            answer = await client.RemoteCreateInstance(this, None, ms_dcom.MInterfacePointer(data))
            assert answer.return_value == 0
            assert answer.ppActProperties is not None
            found = properties.unpack(answer.ppActProperties.abData, properties.OUT)
            assert list(found) == [properties.PROPS_OUT, properties.SCM_REPLY]

    run(facts())


def test_sizes_that_lie_are_errors() -> None:
    good = _request(CLSID, [lab.ICalc.IID])
    assert len(properties.unpack(good, properties.IN)) == 4
    with pytest.raises(NdrError):
        properties.unpack(good, properties.OUT)
    for place in (48, 72, 76, 88, 192, 196):  # dwSize, totalSize's neighbours, cIfs, sizes
        octets = bytearray(good)
        octets[place : place + 4] = b"\xff\xff\xff\x7f"
        if place == 72:
            continue  # totalSize says what dwSize does
        with pytest.raises(NdrError):
            properties.unpack(bytes(octets), properties.IN)
    for length in range(0, len(good), 7):
        with pytest.raises(NdrError):
            properties.unpack(good[:length], properties.IN)
