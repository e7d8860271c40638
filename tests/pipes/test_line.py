"""The line of a call's pipes alone: what it gives its connection, when it stops reading, what it tells."""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import Sequence
from typing import Any

import pytest

from idlrt import ndr
from idlrt.asynchronous import AsyncEvent
from idlrt.errors import AsyncCallPending, ConnectionLost, PipeClosed, PipeEmpty, PipeMemory, PipeObject, PipeOrder
from idlrt.pipes.flow import SLICE, Incoming, Outgoing
from idlrt.pipes.line import LoopLine, Octets
from tests.rpc.services import on_a_loop

BYTES: Any = ndr.BYTES
DOUBLES: Any = ndr.number_element("<", "d")
SENT, RECEIVED = AsyncEvent.SEND_COMPLETE, AsyncEvent.RECEIVE_COMPLETE


class Connection:
    """A carrier that keeps what it is given, and is full from some number of octets on."""

    def __init__(self, room: int = 1 << 60) -> None:
        self.room = room
        self.got: list[tuple[bytes, bool]] = []
        self.held = 0

    @property
    def full(self) -> bool:
        return sum(len(octets) for octets, _ in self.got) >= self.room

    @property
    def octets(self) -> bytes:
        return b"".join(octets for octets, _ in self.got)

    def send_stub(self, call_id: int, parts: Sequence[Octets], last: bool) -> None:
        assert call_id == 7
        self.got.append((b"".join(parts), last))

    def send_block(self, call_id: int, head: Octets, data: Octets) -> None:
        self.send_stub(call_id, (head, data), False)

    def hold(self, holder: object) -> None:
        self.held += 1

    def go_on(self, holder: object) -> None:
        self.held -= 1


class Ends:
    """A line with one pipe each way, of octets, and what it told."""

    def __init__(
        self, connection: Connection, *, client: bool = True, element: Any = BYTES, opened: bool = True, **options: Any
    ) -> None:
        self.connection = connection
        self.incoming = Incoming(["down"], ndr.Limits(max_stub=1 << 20))
        self.outgoing = Outgoing(["up"])
        self.told: list[AsyncEvent] = []
        self.given_up: list[Exception] = []
        self.line = LoopLine(
            asyncio.get_running_loop(),
            self.incoming,
            self.outgoing,
            self._give_up,
            begin=self._begin,
            ends_call=client,
            **options,
        )
        self.line.tell = self.told.append
        self.element = element
        if opened:
            self.open()

    def open(self) -> None:
        self.incoming.open([self.element], "<", False)
        self.outgoing.open([self.element], "<", False)
        self.line.open(self.connection, 7)

    async def _begin(self) -> None:
        while self.incoming.opened is False:
            await self.line.change()

    def _give_up(self, error: Exception) -> None:
        self.given_up.append(error)
        if not self.line.over:
            self.line.fail(error)

    def push(self, block: Any) -> None:
        self.line.push_nowait(self.outgoing.outlets[0], block)

    def pull(self, most: int | None = None) -> Any:
        return self.line.pull_nowait(self.incoming.inlets[0], most)

    def arrive(self, stub: bytes, last: bool = False) -> None:
        self.incoming.feed(stub, last)
        self.line.settle()


def chunks(*blocks: Any, element: Any = BYTES) -> bytes:
    out = Outgoing(["p"])
    out.open([element], "<", False)
    return b"".join(bytes(part) for block in blocks for part in out.outlets[0].chunk(block))


async def turn() -> None:
    await asyncio.sleep(0)
    await asyncio.sleep(0)


# -- pushing


@on_a_loop
async def test_what_was_pushed_may_be_overwritten_at_once() -> None:
    ends = Ends(Connection())
    small, large = bytearray(b"abc"), bytearray(100_000)
    ends.push(small)
    small[:] = b"xyz"
    ends.push(large)
    large[:] = b"\xff" * len(large)
    await turn()
    ends.push(b"")
    assert ends.connection.octets == chunks(b"abc", bytes(100_000), b"")


@on_a_loop
async def test_what_the_connection_does_not_take_is_copied_and_sent_when_it_does() -> None:
    ends = Ends(Connection(room=SLICE))
    block = bytearray(b"\1" * (3 * SLICE))
    ends.push(block)
    ends.push(b"more")
    ends.push(b"")
    block[:] = bytes(len(block))
    await turn()
    assert SLICE <= len(ends.connection.octets) < 2 * SLICE
    assert ends.told == []
    ends.connection.room = 2 * SLICE + 1
    ends.line.wake()
    assert ends.told == []
    ends.connection.room = 1 << 30
    ends.line.wake()
    assert ends.told == [SENT]
    assert ends.connection.octets == chunks(b"\1" * (3 * SLICE), b"more", b"")
    assert [last for _, last in ends.connection.got] == [False] * (len(ends.connection.got) - 1) + [True]


@on_a_loop
async def test_each_push_that_waits_for_the_one_before_is_told_of_and_faster_ones_together() -> None:
    ends = Ends(Connection())
    for _ in range(3):
        ends.push(b"abc")
        await turn()
    assert ends.told == [SENT] * 3
    for _ in range(3):
        ends.push(b"abc")
    await turn()
    assert ends.told == [SENT] * 4


@on_a_loop
async def test_a_push_is_never_told_of_before_it_returns() -> None:
    ends = Ends(Connection())
    ends.push(bytes(100_000))
    assert ends.told == []
    await turn()
    assert ends.told == [SENT]


@on_a_loop
async def test_the_backlog_bounds_what_is_kept_and_beyond_it_the_call_ends() -> None:
    ends = Ends(Connection(room=0), backlog=1000)
    ends.push(bytes(496))
    ends.push(bytes(496))
    with pytest.raises(PipeMemory, match="1000 octets"):
        ends.push(b"x")
    assert isinstance(ends.given_up[0], PipeMemory)
    with pytest.raises(PipeMemory):
        ends.push(b"x")
    await turn()
    assert ends.told == []


@on_a_loop
async def test_what_was_sent_makes_room_in_the_backlog() -> None:
    ends = Ends(Connection(room=0), backlog=1000)
    for _ in range(5):
        ends.push(bytes(900))
        ends.connection.room = 1 << 30
        ends.line.wake()
        ends.connection.room = 0
    assert ends.connection.octets == chunks(*[bytes(900)] * 5)


@on_a_loop
async def test_blocks_pushed_before_the_call_is_on_its_way_follow_it_as_they_were() -> None:
    cases: list[tuple[Any, list[Any]]] = [
        (BYTES, [bytearray(b"abc"), memoryview(bytearray(b"defg"))]),
        (DOUBLES, [array("d", [1.0]), [2.0, 3.0], memoryview(array("d", [4.0]))]),
    ]
    for element, blocks in cases:
        ends = Ends(Connection(), opened=False, element=element)
        expected = chunks(*blocks, b"", element=element)
        for block in blocks:
            ends.push(block)
            block[0] = 0
        ends.push(b"")
        assert ends.connection.got == []
        ends.open()
        await turn()
        assert ends.connection.octets == expected
        assert ends.connection.got[-1][1]
        assert ends.told == [SENT]


@on_a_loop
async def test_the_backlog_bounds_what_is_pushed_before_the_call_is_on_its_way() -> None:
    ends = Ends(Connection(), opened=False, backlog=100)
    ends.push(bytes(100))
    with pytest.raises(PipeMemory):
        ends.push(b"x")


@on_a_loop
async def test_misuse_before_the_call_is_on_its_way_ends_it_then() -> None:
    ends = Ends(Connection(), opened=False)
    ends.push(b"")
    ends.push(b"after the end")
    ends.open()
    (error,) = ends.given_up
    assert isinstance(error, PipeClosed)


@on_a_loop
async def test_a_push_that_waits_keeps_its_place_behind_those_that_did_not() -> None:
    ends = Ends(Connection(room=0))
    ends.push(b"first")
    waiting = asyncio.create_task(ends.line.push(ends.outgoing.outlets[0], b"second"))
    await turn()
    assert not waiting.done()
    ends.connection.room = 1 << 30
    ends.line.wake()
    await waiting
    await turn()
    assert ends.connection.octets == chunks(b"first", b"second")


@on_a_loop
async def test_of_two_pushes_that_wait_behind_others_one_is_out_of_order() -> None:
    ends = Ends(Connection(room=0))
    ends.push(b"first")
    outlet = ends.outgoing.outlets[0]
    tasks = [asyncio.create_task(ends.line.push(outlet, bytes(2 * SLICE))) for _ in range(2)]
    await turn()
    ends.connection.room = SLICE
    ends.line.wake()
    await turn()
    ends.connection.room = 1 << 30
    ends.line.wake()
    one, other = await asyncio.gather(*tasks, return_exceptions=True)
    assert one is None
    assert isinstance(other, PipeOrder)
    assert ends.connection.octets == chunks(b"first", bytes(2 * SLICE))


@on_a_loop
async def test_the_rest_of_a_block_whose_push_was_cancelled_follows_and_stays_as_it_was() -> None:
    ends = Ends(Connection(room=1))
    block = bytearray(b"a" * 3 * SLICE)
    cancelled = asyncio.create_task(ends.line.push(ends.outgoing.outlets[0], block))
    await turn()
    cancelled.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cancelled
    block[:] = bytes(len(block))
    waiting = asyncio.create_task(ends.line.push(ends.outgoing.outlets[0], b"second"))
    await turn()
    ends.connection.room = 1 << 30
    ends.line.wake()
    await waiting
    await turn()
    assert ends.connection.octets == chunks(b"a" * 3 * SLICE, b"second")


@on_a_loop
async def test_the_rest_of_a_block_whose_push_was_cancelled_follows_where_nobody_has_to_wait() -> None:
    ends = Ends(Connection())
    outlet = ends.outgoing.outlets[0]
    cancelled = asyncio.create_task(ends.line.push(outlet, b"a" * 3 * SLICE))
    await asyncio.sleep(0)
    cancelled.cancel()
    waiting = asyncio.create_task(ends.line.push(outlet, b"second"))  # comes in between
    with pytest.raises(asyncio.CancelledError):
        await cancelled
    await waiting
    await turn()
    assert ends.connection.octets == chunks(b"a" * 3 * SLICE, b"second")


@on_a_loop
async def test_a_push_that_is_cancelled_with_more_left_than_the_backlog_holds_ends_the_call() -> None:
    ends = Ends(Connection(room=1), backlog=SLICE)
    cancelled = asyncio.create_task(ends.line.push(ends.outgoing.outlets[0], bytes(4 * SLICE)))
    await turn()
    cancelled.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cancelled
    (error,) = ends.given_up
    assert isinstance(error, PipeMemory)


@on_a_loop
async def test_what_is_no_block_is_no_block_before_the_call_is_on_its_way_either() -> None:
    ends = Ends(Connection(), opened=False)
    ends.push(5)
    ends.open()
    assert isinstance(ends.given_up[0], PipeObject)


@on_a_loop
async def test_a_push_within_another_one_that_waits_is_out_of_order() -> None:
    ends = Ends(Connection(room=1))
    waiting = asyncio.create_task(ends.line.push(ends.outgoing.outlets[0], bytes(2 * SLICE)))
    await turn()
    with pytest.raises(PipeOrder, match="another push"):
        ends.push(b"abc")
    with pytest.raises(PipeOrder):
        await waiting


@on_a_loop
async def test_a_server_answers_behind_what_it_has_pushed_and_not_sent() -> None:
    ends = Ends(Connection(room=1), client=False)
    ends.push(bytes(100_000))
    ends.push(b"abc")
    ends.push(b"")
    left = ends.line.unsent()
    ends.line.end()
    assert ends.connection.octets + b"".join(left) == chunks(bytes(100_000), b"abc", b"")


# -- pulling


@on_a_loop
async def test_a_pull_that_is_pending_is_told_once_when_there_is_something() -> None:
    ends = Ends(Connection())
    stub = chunks(b"abcdefgh", b"")
    for _ in range(2):  # one pull at most is outstanding
        with pytest.raises(AsyncCallPending):
            ends.pull()
    ends.arrive(stub[:4])  # the count is no data
    assert ends.told == []
    ends.arrive(stub[4:8])
    ends.arrive(stub[8:12])
    assert ends.told == [RECEIVED]
    assert ends.pull() == b"abcd"
    assert ends.pull() == b"efgh"
    with pytest.raises(AsyncCallPending):
        ends.pull()
    ends.arrive(stub[12:])
    assert ends.told == [RECEIVED] * 2
    assert ends.pull() == b""


@on_a_loop
async def test_data_that_nobody_asked_for_is_not_told_of() -> None:
    ends = Ends(Connection())
    ends.arrive(chunks(b"abc", b""), True)
    assert ends.told == []
    assert ends.pull(2) == b"ab"
    assert ends.pull(2) == b"c"
    assert ends.pull(2) == b""


@on_a_loop
async def test_a_part_of_an_element_is_no_data() -> None:
    ends = Ends(Connection(), element=DOUBLES)
    with pytest.raises(AsyncCallPending):
        ends.pull()
    stub = chunks([1.0], element=DOUBLES)
    ends.arrive(stub[:12])
    assert ends.told == []
    ends.arrive(stub[12:])
    assert ends.told == [RECEIVED]
    assert list(ends.pull()) == [1.0]


@on_a_loop
async def test_a_pull_beyond_the_end_is_empty_and_final() -> None:
    ends = Ends(Connection())
    ends.arrive(chunks(b""), True)
    assert ends.pull() == b""
    for _ in range(2):
        with pytest.raises(PipeEmpty):
            ends.pull()
    assert isinstance(ends.given_up[0], PipeEmpty)
    assert ends.line.reported


@on_a_loop
async def test_a_pull_of_nothing_makes_no_sense_and_harms_nobody() -> None:
    ends = Ends(Connection())
    with pytest.raises(ValueError, match="makes no sense"):
        ends.pull(0)
    assert ends.given_up == []


@pytest.mark.parametrize("client", [True, False])
@on_a_loop
async def test_who_waits_in_a_pipe_is_not_told_of_a_failure_by_it_and_gets_it_there(client: bool) -> None:
    ends = Ends(Connection(room=0), client=client)
    ends.push(b"abc")
    with pytest.raises(AsyncCallPending):
        ends.pull()
    await turn()
    ends.line.fail(ConnectionLost("gone"))
    ends.line.settle()
    assert ends.told == []
    with pytest.raises(ConnectionLost):
        ends.push(b"x")
    assert ends.line.reported
    with pytest.raises(ConnectionLost):
        ends.pull()


@on_a_loop
async def test_data_that_arrived_before_a_failure_can_be_pulled() -> None:
    ends = Ends(Connection())
    ends.arrive(chunks(b"abc"))
    ends.line.fail(ConnectionLost("gone"))
    assert ends.pull() == b"abc"
    with pytest.raises(ConnectionLost):
        ends.pull()


# -- room


@pytest.mark.parametrize("window", [1000, 100_000])
@on_a_loop
async def test_reading_stops_at_the_window_and_goes_on_at_its_half(window: int) -> None:
    ends = Ends(Connection(), window=window)
    stub = chunks(bytes(2 * window))
    ends.arrive(stub[: window + 4])
    assert ends.connection.held == 0
    ends.arrive(stub[window + 4 : window + 12])
    assert ends.connection.held == 1
    ends.pull(window // 4)
    ends.pull(window // 8)
    assert ends.connection.held == 1
    while ends.connection.held:
        ends.pull(window // 8)
    assert ends.incoming.buffered <= window // 2


@on_a_loop
async def test_nothing_is_held_for_who_is_gone() -> None:
    ends = Ends(Connection(), window=100)
    ends.arrive(chunks(bytes(200)))
    await turn()  # in which somebody might have pulled
    assert ends.connection.held == 1
    ends.line.fail(ConnectionLost("gone"))
    assert ends.connection.held == 0
