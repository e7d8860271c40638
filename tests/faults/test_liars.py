"""Peers that send what is no PDU, end too early, say more than they should, or lie in counts."""

from __future__ import annotations

import asyncio
import itertools
import socket
from struct import pack
from typing import Final

import pytest

from idlrt import rpc
from idlrt.errors import NdrError, RemoteProtocolError
from tests.faults.puppets import FRONTS
from tests.faults.stage import Stage, on_a_loop, stage
from tests.faults.test_kills import (
    State,
    both_ways_at_the_turn,
    client_is_told,
    error_of,
    in_between_two_pushes,
    in_while_the_method_computes,
    in_while_the_server_waits_for_more,
    out_before_the_first_block,
    out_between_two_blocks,
    server_is_told,
)
from tests.rpc.test_vanishing import bound, request

BETWEEN_PDUS: Final[tuple[State, ...]] = (
    in_between_two_pushes,
    in_while_the_server_waits_for_more,
    in_while_the_method_computes,
    out_before_the_first_block,
    out_between_two_blocks,
    both_ways_at_the_turn,
)


@pytest.mark.parametrize("state", BETWEEN_PDUS)
@on_a_loop
async def test_garbage_between_two_pdus_ends_the_call_at_both_ends(state: State) -> None:
    async def play(client: str, server: str) -> None:
        try:
            async with asyncio.timeout(10), stage(client, server) as on:
                standing = await state(on)
                await on.proxy.newest.garble()
                await asyncio.gather(
                    client_is_told(standing, RemoteProtocolError), server_is_told(standing, RemoteProtocolError)
                )
                await on.goes_on()
        except Exception as error:
            error.add_note(f"client {client}, server {server}")
            raise

    async with asyncio.TaskGroup() as all_of_them:
        for combination in itertools.product(FRONTS, FRONTS):
            all_of_them.create_task(play(*combination))


FIRST, MORE, LAST, WHOLE = 1, 0, 2, 3
UPLOAD: Final = 2
CHUNK: Final = pack("<iI8s", 0, 8, b"abcdefgh")
"""The id, and a chunk of eight octets."""


class RawClient:
    """Sends octets of its own choice to the server of a stage."""

    def __init__(self, on: Stage) -> None:
        self._loop = asyncio.get_running_loop()
        self._port = int(rpc.StringBinding.parse(on.binding).endpoint)

    async def __aenter__(self) -> RawClient:
        self._socket = socket.socket()
        self._socket.setblocking(False)
        await self._loop.sock_connect(self._socket, ("127.0.0.1", self._port))
        await self.send(bound())
        await self.answer()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._socket.close()

    async def send(self, data: bytes) -> None:
        await self._loop.sock_sendall(self._socket, data)

    async def answer(self) -> bytes:
        """The next PDU, or nothing at the end of the connection."""
        data = b""
        while len(data) < 10 or len(data) < int.from_bytes(data[8:10], "little"):
            more = await self._loop.sock_recv(self._socket, 1 if len(data) < 10 else 4096)
            if not more:
                return b""
            data += more
        return data


@pytest.mark.parametrize("server", FRONTS)
@pytest.mark.parametrize(
    ("lie", "rest"),
    [
        ("it ends in the midst of a chunk", pack("<I4s", 100, b"abcd")),
        ("it ends before the empty chunk", b""),
        ("it ends in the midst of a count", b"\x01\x00"),
        ("its count is beyond all bounds", pack("<I4s", 0xFFFFFFFF, b"abcd")),
    ],
)
@on_a_loop
async def test_a_request_that_lies_in_its_pipe_is_a_fault_and_an_error_at_the_next_pull(
    server: str, lie: str, rest: bytes
) -> None:
    async with stage("on a loop", server) as on, RawClient(on) as raw:
        await raw.send(request(FIRST, 7, UPLOAD, CHUNK))
        method = await on.begun()
        assert await method.pull() == b"abcdefgh"
        waiting = method.pull()
        await raw.send(request(LAST, 7, UPLOAD, rest))
        error = await error_of(waiting, method.pull)
        assert type(error) is NdrError
        assert await method.ended is error
        fault = await raw.answer()
        assert fault[2] == 3
        assert fault[24:28] == pack("<I", 0x6F7)
        await raw.send(request(WHOLE, 8, 0, pack("<ii", 1, 2)))
        assert (await raw.answer())[24:28] == pack("<i", 3)  # the connection is of use as before


@pytest.mark.parametrize("server", FRONTS)
@on_a_loop
async def test_what_follows_a_request_s_last_fragment_breaks_the_protocol(server: str) -> None:
    async with stage("on a loop", server) as on:
        async with RawClient(on) as raw:
            await raw.send(request(WHOLE, 7, UPLOAD, CHUNK + bytes(4)))
            method = await on.begun()
            await raw.send(request(MORE, 7, UPLOAD, CHUNK))
            while (last := await raw.answer())[2:3] == b"\x03":
                pass
            assert last == b""
            if method.threaded:
                method.answer()
            else:
                assert isinstance(await method.ended, asyncio.CancelledError)
        await on.goes_on()
