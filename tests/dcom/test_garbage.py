"""Octets that were changed on their way: each has a result that is defined, and the exporter goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random
from typing import Any
from uuid import UUID, uuid4

import pytest

from idlrt.com.hresult import E_UNEXPECTED, RPC_E_SERVERFAULT, unsigned
from idlrt.com.objref import decode, encode
from idlrt.dcom import properties
from idlrt.dcom.activation import _request
from idlrt.dcom.orpc import Extension, This, get_this, put_this
from idlrt.errors import NdrError, RpcFault
from idlrt.prelude import ms_dcom
from idlrt.testing import connected
from tests.dcom.stage import Calc, Desk, lab, run, two
from tests.dcom.test_references import held, pointer_parameter

CLSID = UUID("3e0f9a51-7c42-4d6b-9b1e-5a2d40c8f301")


def mutations(octets: bytes, count: int, seed: int) -> list[bytes]:
    """The octets with one to four places changed, cut, or grown."""
    random = Random(seed)
    made = []
    for _ in range(count):
        changed = bytearray(octets)
        for _ in range(random.randint(1, 4)):
            place = random.randrange(len(changed))
            changed[place] = random.choice((0, 1, 0x7F, 0x80, 0xFF, random.randrange(256)))
        kind = random.random()
        if kind < 0.15:
            del changed[random.randrange(len(changed)) :]
        elif kind < 0.25:
            changed += random.randbytes(random.randrange(40))
        made.append(bytes(changed))
    return made


READERS: list[tuple[str, bytes, Callable[[bytes], Any]]] = [
    ("ORPCTHIS", put_this(This(uuid4(), extensions=(Extension(uuid4(), b"data"), Extension(uuid4(), b"")))), get_this),
    ("activation", _request(CLSID, [lab.ICalc.IID]), lambda data: properties.unpack(data, properties.IN)),
]


@pytest.mark.parametrize(("octets", "read"), [each[1:] for each in READERS], ids=[each[0] for each in READERS])
def test_readers_of_changed_octets_read_them_or_say_what_is_wrong(octets: bytes, read: Callable[[bytes], Any]) -> None:
    for changed in mutations(octets, 2000, 7):
        try:
            read(changed)
        except NdrError:
            pass


def test_changed_calls_are_answered_and_the_exporter_goes_on() -> None:
    async def facts() -> None:
        async with two() as (server, client):
            desk = Desk()
            holder = await held(server, client, desk, lab.IDesk)
            for seed in range(4):
                reference = encode(await client.reference(Calc(), lab.ICalc))
                for changed in mutations(pointer_parameter(reference), 100, seed):
                    try:
                        await holder.raw(lab.IDesk, 10, holder.ipid, changed)
                    except RpcFault as fault:
                        assert fault.status != RPC_E_SERVERFAULT
            good = put_this(This(uuid4())) + bytes(4)
            assert (await holder.raw(lab.IDesk, 10, holder.ipid, good))[-4:] == bytes(4)
            assert desk.kept is None

    run(facts())


def test_changed_activations_have_hresults() -> None:
    async def facts() -> None:
        async with two() as (server, _), connected(server.server) as channel:
            server.classes.register(CLSID, Calc)
            client = ms_dcom.IRemoteSCMActivatorClient(channel)
            this = ms_dcom.ORPCTHIS(ms_dcom.COMVERSION(5, 7), 0, 0, uuid4())
            for changed in mutations(_request(CLSID, [lab.ICalc.IID]), 300, 3):
                answer = await client.RemoteCreateInstance(this, None, ms_dcom.MInterfacePointer(changed))
                assert unsigned(answer.return_value) != E_UNEXPECTED
                assert (answer.ppActProperties is None) == (answer.return_value != 0)
                if answer.ppActProperties is not None:
                    decode(answer.ppActProperties.abData)
            await asyncio.sleep(0)

    run(facts())
