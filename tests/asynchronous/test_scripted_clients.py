"""Clients that are not ours multiplex as they like: a server takes what is legal on a connection, in any order."""

from __future__ import annotations

import asyncio
import random
from struct import pack, unpack
from typing import cast

import pytest

from idlrt import rpc
from idlrt.association import ClientConnection, Proposal
from idlrt.ids import NDR20
from idlrt.pdu import CoCancel, Fault, Orphaned, Request, Response, decode, encode
from idlrt.transport.memory import join
from tests.asynchronous.stage import MODULE, Stage
from tests.rpc.services import on_a_loop

INTERFACE = MODULE.STAGE
OPNUMS = {operation.name: operation.opnum for operation in INTERFACE.operations}


class Script(asyncio.Protocol):
    """Sends PDUs as they are given, and collects answers by call."""

    def __init__(self) -> None:
        self.stubs: dict[int, bytes] = {}
        self.ended: set[int] = set()
        self.faults: dict[int, int] = {}
        self.closed = False
        self._rest = b""
        self._changed = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        association = ClientConnection()
        association.bind(Proposal(INTERFACE.syntax, (NDR20,)))
        self.transport.write(b"".join(association.data_to_send()))

    def data_received(self, data: bytes) -> None:
        self._rest += data
        while len(self._rest) >= 16 and len(self._rest) >= (size := unpack("<H", self._rest[8:10])[0]):
            pdu, self._rest = decode(self._rest[:size]), self._rest[size:]
            if isinstance(pdu, Response):
                self.stubs[pdu.call_id] = self.stubs.get(pdu.call_id, b"") + bytes(pdu.stub)
                if pdu.flags & 2:
                    self.ended.add(pdu.call_id)
            elif isinstance(pdu, Fault):
                self.faults[pdu.call_id] = pdu.status
                self.ended.add(pdu.call_id)
        self._changed.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        self._changed.set()

    async def until_ended(self, *calls: int) -> None:
        while not self.ended >= {*calls}:
            assert not self.closed
            self._changed.clear()
            await self._changed.wait()


def fragments(call_id: int, name: str, stub: bytes, size: int) -> list[bytes]:
    """A request as PDUs with `size` octets of stub each."""
    pieces = [stub[at : at + size] for at in range(0, len(stub), size)]
    flags = [(index == 0) | (index == len(pieces) - 1) << 1 for index in range(len(pieces))]
    opnum = OPNUMS[name]
    return [
        encode(Request(call_id=call_id, flags=flag, context_id=0, opnum=opnum, stub=piece))
        for flag, piece in zip(flags, pieces, strict=True)
    ]


def upload(number: int, content: bytes) -> bytes:
    """The stub of a call with a pipe, in one chunk."""
    return pack("<qI", number, len(content)) + content + bytes(-len(content) % 4) + pack("<I", 0)


def conversation(rng: random.Random) -> tuple[dict[int, list[bytes]], dict[int, int]]:
    """Requests by call, in fragments, and what the answers begin with."""
    requests: dict[int, list[bytes]] = {}
    answers: dict[int, int] = {}
    for call_id in range(1, 30):
        name = rng.choice(["Sync", "Async", "Store", "Upload", "Upload"])
        if name in ("Store", "Upload"):
            content = rng.randbytes(rng.randrange(1, 5000))
            stub, answers[call_id] = upload(call_id, content), len(content)
        else:
            stub, answers[call_id] = pack("<i", call_id), call_id
        requests[call_id] = fragments(call_id, name, stub, 8 * rng.randrange(1, 100))
    return requests, answers


@pytest.mark.parametrize("seed", range(10))
@on_a_loop
async def test_fragments_of_calls_with_and_without_pipes_interleave_as_the_client_likes(seed: int) -> None:
    rng = random.Random(seed)
    requests, answers = conversation(rng)
    async with rpc.Server([Stage()]) as server:
        script = Script()
        join(script, server.accept())
        open_calls = list(requests)
        while open_calls:
            call_id = rng.choice(open_calls)
            script.transport.write(requests[call_id].pop(0))
            if not requests[call_id]:
                open_calls.remove(call_id)
            if rng.random() < 0.2:
                await asyncio.sleep(0)
        await script.until_ended(*answers)
        assert script.faults == {}
        assert {call_id: unpack("<i", stub)[0] for call_id, stub in script.stubs.items()} == answers
        script.transport.close()
    assert not server.running


@on_a_loop
async def test_answers_with_pipes_interleave_on_the_connection_that_asked() -> None:
    async with rpc.Server([Stage()]) as server:
        script = Script()
        join(script, server.accept())
        for call_id in (1, 2, 3):
            script.transport.write(encode(Request(call_id=call_id, flags=3, context_id=0, opnum=OPNUMS["Download"],
                                                  stub=pack("<i", 100_000 + call_id))))  # fmt: skip
        await script.until_ended(1, 2, 3)
        for call_id in (1, 2, 3):
            assert unpack("<i", script.stubs[call_id][-4:]) == (100_000 + call_id,)
            assert len(script.stubs[call_id]) > 100_000
        script.transport.close()


@on_a_loop
async def test_cancels_and_orphans_between_the_fragments_of_others_touch_their_calls_alone() -> None:
    stage = Stage()
    stage.patient = True
    async with rpc.Server([stage]) as server:
        script = Script()
        join(script, server.accept())
        waiting, asked, kept = (fragments(call_id, "Upload", upload(call_id, bytes(40)), 16) for call_id in (1, 2, 3))
        script.transport.write(b"".join(waiting[:2] + asked[:2] + kept[:2]))
        await stage.until(lambda: len(stage.arrived) == 3)
        script.transport.write(
            encode(Orphaned(call_id=1)) + kept[2] + encode(CoCancel(call_id=2)) + asked[2]
            + encode(CoCancel(call_id=77)) + kept[3] + asked[3]
        )  # fmt: skip
        await stage.until(lambda: len(stage.running) == 2)
        one, two, three = stage.calls
        assert (one.cancelled, two.cancelled, three.cancelled) == (True, True, False)
        for number in (2, 3):
            stage.gate(number).set()
        await script.until_ended(2, 3)
        assert script.stubs == {2: pack("<i", 40), 3: pack("<i", 40)}
        assert 1 not in script.ended
        script.transport.close()
