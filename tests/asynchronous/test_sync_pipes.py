"""Synchronous pipes: a client that hands over procedures, files and streams, a server that drains, then fills.

The names begin with the rules of Microsoft's pages on pipes that they show, see docs/asynchronous-pipes.md.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from idlrt import pipes, rpc, testing
from idlrt.errors import (
    CallCancelled,
    PipeClosed,
    PipeDiscipline,
    PipeEmpty,
    PipeError,
    PipeMemory,
    PipeObject,
    PipeOrder,
    PipeVersion,
)
from tests.golden.pipes.pipes import (
    PIPES,
    READING,
    PipesBlockingClient,
    PipesClient,
)
from tests.pipes.manager import STRIDE, Manager, State, Threaded, numbers, octets, pull, push, readings
from tests.rpc.services import on_a_loop, reach

# -- the type


def test_rule_8_11_the_control_structure_has_pull_push_alloc_and_state_in_that_order() -> None:
    assert list(inspect.signature(pipes.Procedures).parameters) == ["pull", "push", "alloc", "state"]


@on_a_loop
async def test_rule_8_11_an_object_that_is_its_own_state_has_the_same_procedures_as_methods() -> None:
    class Letters:
        def __init__(self) -> None:
            self.left = iter((b"ab", b"c", b""))
            self.got = b""

        def alloc(self, octets: int) -> bytearray:
            return bytearray(2)

        def pull(self, memory: bytearray, most: int) -> int:
            block = next(self.left)
            memory[: len(block)] = block
            return len(block)

    service, letters = Manager(), Letters()
    async with testing.channel(service) as channel:
        assert await PipesClient(channel).Send(7, letters) == 7
    assert service.content == b"abc"


@on_a_loop
async def test_rule_8_12_alloc_speaks_octets_and_pull_elements_as_many_as_fit_what_was_granted() -> None:
    state = State([1.0] * 300, grant=833)
    async with testing.channel(Manager()) as channel:
        assert (
            await PipesClient(channel).Filter(0.0, (pipes.Procedures(pull, None, numbers, state), lambda block: None))
            == 300
        )
    assert set(state.values("pull")) == {833 // 8}
    assert set(state.values("alloc")) == {pipes.procedures.ASKED}


@on_a_loop
async def test_rule_8_12_alloc_before_a_push_is_asked_for_the_octets_of_what_arrived() -> None:
    state = State(grant=50)
    async with testing.channel(Manager()) as channel:
        assert await PipesClient(channel).Fetch(5, pipes.Procedures(None, push, readings, state)) == 5
    assert state.values("alloc") == [5 * STRIDE, 2 * STRIDE]
    assert state.values("push") == [50 // STRIDE, 2, 0]


@on_a_loop
async def test_rule_8_13_the_clients_pull_supplies_and_its_push_consumes() -> None:
    source, sink = State(b"client"), State()
    service = Manager()
    async with testing.channel(service) as channel:
        await PipesClient(channel).Send(1, pipes.Procedures(pull, None, octets, source))
        await PipesClient(channel).Fetch(2, pipes.Procedures(None, push, readings, sink))
    assert service.content == b"client"
    assert sink.got == [[READING(0, 0), READING(1, -1)], []]


@on_a_loop
async def test_rule_8_14_a_client_gives_what_its_direction_needs_and_a_server_nothing() -> None:
    def refuse(*given: Any) -> int:
        raise AssertionError("of no use in this direction")

    service = Manager()
    async with testing.channel(service) as channel:
        client = PipesClient(channel)
        await client.Send(1, pipes.Procedures(pull, refuse, octets, State(b"abc")))
        await client.Fetch(1, pipes.Procedures(refuse, push, readings, State()))
        for incomplete in (pipes.Procedures(None, push, octets), pipes.Procedures(pull, None, None)):
            with pytest.raises(PipeObject, match='pipe "content" cannot be fed from Procedures'):
                _ = client.Send(1, incomplete)
        with pytest.raises(PipeObject, match='pipe "readings" cannot be drained into Procedures'):
            _ = client.Fetch(1, pipes.Procedures(pull, None, readings))


@on_a_loop
async def test_rule_8_15_the_state_is_handed_to_the_procedures_and_to_nobody_else() -> None:
    class Opaque:
        __slots__ = ("left",)
        left: bytes

        def __getattribute__(self, name: str) -> Any:
            if name != "left":
                raise AssertionError(f"somebody looks at {name}")
            return object.__getattribute__(self, name)

    def take(state: Opaque, memory: bytearray, most: int) -> int:
        block, state.left = state.left[:2], state.left[2:]
        memory[: len(block)] = block
        return len(block)

    state = Opaque()
    state.left = b"abcde"
    service = Manager()
    async with testing.channel(service) as channel:
        await PipesClient(channel).Send(1, pipes.Procedures(take, None, lambda state, size: bytearray(size), state))
    assert service.content == b"abcde"


# -- the client


@on_a_loop
async def test_rule_8_16_an_in_pipe_is_alloc_and_pull_until_a_pull_gives_nothing() -> None:
    service, state = Manager(), State(b"abcdefg", grant=100, block=3)
    async with testing.channel(service) as channel:
        await PipesClient(channel).Send(1, pipes.Procedures(pull, None, octets, state))
    assert service.content == b"abcdefg"
    assert state.names() == "alloc pull alloc pull alloc pull alloc pull"


@on_a_loop
async def test_rule_8_17_an_out_pipe_is_alloc_and_push_and_last_and_once_a_push_of_nothing() -> None:
    state = State()
    async with testing.channel(Manager()) as channel:
        await PipesClient(channel).Fetch(12, pipes.Procedures(None, push, readings, state))
        counts = state.values("push")
        assert counts[-1] == 0
        assert sum(counts) == 12
        assert 0 not in counts[:-1]
        empty = State()
        await PipesClient(channel).Fetch(0, pipes.Procedures(None, push, readings, empty))
    assert empty.log == [("push", 0)]


@on_a_loop
async def test_rule_8_18_no_alloc_precedes_the_final_push() -> None:
    state = State(grant=3 * STRIDE)
    async with testing.channel(Manager()) as channel:
        await PipesClient(channel).Fetch(7, pipes.Procedures(None, push, readings, state))
    words = state.names().split()
    assert words[-1] == "push"
    assert words[-2] == "push"
    assert words[:-1] == ["alloc", "push"] * (len(words) // 2)


@on_a_loop
async def test_rule_8_19_alloc_may_give_the_same_memory_less_of_it_or_some_that_holds_the_data_already() -> None:
    service, same = Manager(), State(bytes(range(100)), grant=9)

    def filled(state: list[bytes], size: int) -> bytearray:
        return bytearray(state.pop(0)) if state else bytearray(1)

    def count(state: list[bytes], memory: bytearray, most: int) -> int:
        return most if memory != bytearray(1) else 0

    async with testing.channel(service) as channel:
        await PipesClient(channel).Send(1, pipes.Procedures(pull, None, octets, same))
        assert service.content == bytes(range(100))
        await PipesClient(channel).Send(1, pipes.Procedures(count, None, filled, [b"abc", b"defg"]))
    assert service.content == b"abcdefg"


@pytest.mark.parametrize("size", [4_000, 65_536, 1 << 20])
@on_a_loop
async def test_rule_8_19_the_same_memory_is_written_again_while_what_it_held_is_on_its_way(size: int) -> None:
    service, memory = Manager(), bytearray(size)
    left = list(range(1, (4 << 20) // size + 1))

    def fill(state: list[int], memory: bytearray, most: int) -> int:
        memory[:] = bytes([state[0] & 0xFF if state else 0]) * size
        return size if state and state.pop(0) else 0

    async with reach("tcp", service) as channel:
        await PipesClient(channel).Send(1, pipes.Procedures(fill, None, lambda state, octets: memory, left))
    assert service.content == b"".join(bytes([number & 0xFF]) * size for number in range(1, (4 << 20) // size + 1))


@on_a_loop
async def test_rule_8_19_less_than_one_element_is_no_memory_on_both_sides() -> None:
    service = Manager()

    async def work(pipe: Any) -> int:
        await pipe.pull()
        raise AssertionError("nothing was sent")

    async with testing.channel(service) as channel:
        client = PipesClient(channel)
        service.work = work
        with pytest.raises(PipeMemory, match='alloc of pipe "numbers" granted less than one element') as caught:
            await client.Filter(0.0, (pipes.Procedures(pull, None, numbers, State([1.0], grant=7)), lambda block: None))
        assert caught.value.status == 14
        service.work = None
        with pytest.raises(PipeMemory, match='alloc of pipe "readings"'):
            await client.Fetch(3, pipes.Procedures(None, push, readings, State(grant=STRIDE - 1)))
        assert await client.Send(1, [b"a"]) == 1
    assert [type(error) for error in service.errors] == [CallCancelled]


@on_a_loop
async def test_rule_8_20_an_in_out_pull_rewinds_its_state_so_that_push_can_use_it() -> None:
    def rewinding(state: State, memory: Any, most: int) -> int:
        count = pull(state, memory, most)
        if not count:
            state.at = 0
        return count

    def over(state: State, memory: Any, count: int) -> None:
        state.elements[state.at : state.at + count] = memory[:count]
        state.at += count
        if not count:
            del state.elements[state.at :]

    state = State([5.0, 1.0, 7.0, 3.0, 9.0], block=2)
    async with testing.channel(Manager()) as channel:
        assert await PipesClient(channel).Filter(4.0, pipes.Procedures(rewinding, over, numbers, state)) == 3
    assert state.elements == [5.0, 7.0, 9.0]


# -- the server


@on_a_loop
async def test_rule_8_21_the_manager_pulls_until_there_is_nothing_and_says_how_much_at_most() -> None:
    service = Manager()
    taken: list[int] = []

    async def work(content: pipes.PipeReader[bytes]) -> int:
        while block := await content.pull(3):
            taken.append(len(block))
        return 0

    service.work = work
    async with testing.channel(service) as channel:
        await PipesClient(channel).Send(1, [b"abcdefgh"])
    assert taken == [3, 3, 2]


@on_a_loop
async def test_rule_8_22_the_manager_pushes_what_it_likes_and_ends_with_nothing() -> None:
    service = Manager()
    got: list[READING] = []

    async def work(out: pipes.PipeWriter[Any]) -> int:
        block = [READING(1, 1), READING(2, 2)]
        await out.push(block)
        block[0] = READING(3, 3)  # what was pushed may be overwritten
        await out.push(block[:1])
        await out.push(())
        return 0

    service.work = work
    async with testing.channel(service) as channel:
        await PipesClient(channel).Fetch(1, got.extend)
    assert got == [READING(1, 1), READING(2, 2), READING(3, 3)]


@pytest.mark.parametrize("make", [Manager, Threaded])
@on_a_loop
async def test_rule_8_23_in_pipes_are_drained_left_to_right_and_then_out_pipes_filled(make: type[Any]) -> None:
    log: list[str] = []

    def blocks(name: str) -> Iterator[bytes]:
        for _ in range(3):
            log.append(name)
            yield name.encode() * 10

    async with testing.channel(make()) as channel:
        result = await PipesClient(channel).Merge(blocks("left"), blocks("right"), lambda block: log.append("both"))
    assert result == 3 * 40 + 3 * 50
    assert log[:6] == ["left"] * 3 + ["right"] * 3
    assert set(log[6:]) == {"both"}


@pytest.mark.parametrize("make", [Manager, Threaded])
def test_rule_8_23_a_blocking_client_works_its_pipes_in_the_same_order(make: type[Any]) -> None:
    log: list[str] = []

    def blocks(name: str) -> Iterator[bytes]:
        log.append(name)
        yield name.encode()

    with testing.blocking_channel(make()) as channel:
        client = PipesBlockingClient(channel)
        assert client.Merge(blocks("left"), blocks("right"), lambda block: log.append("both")).complete() == 9
        state = State([5.0, 1.0, 7.0], block=2)

        def over(state: State, memory: Any, count: int) -> None:
            state.got += memory[:count]

        assert client.Filter(2.0, pipes.Procedures(pull, over, numbers, state)).complete() == 2
    assert log[:2] == ["left", "right"]
    assert state.got == [5.0, 7.0]


# -- what is raised, on both sides


async def _second_first(left: Any, right: Any, both: Any) -> None:
    await right.pull()


async def _out_first(left: Any, right: Any, both: Any) -> None:
    await both.push(b"early")


async def _write_an_in_pipe(left: Any, right: Any, both: Any) -> None:
    await left.push(b"x")


async def _read_an_out_pipe(left: Any, right: Any, both: Any) -> None:
    await both.pull()


async def _drained(*readers: Any) -> None:
    for reader in readers:
        async for _ in reader:
            pass


async def _beyond_the_end(left: Any, right: Any, both: Any) -> None:
    await _drained(left)
    await left.pull()


async def _after_the_null_push(left: Any, right: Any, both: Any) -> None:
    await _drained(left, right)
    await both.push(b"")
    await both.push(b"more")


async def _undrained(left: Any, right: Any, both: Any) -> int:
    await _drained(left)
    return 0


async def _without_null_push(left: Any, right: Any, both: Any) -> int:
    await _drained(left, right)
    await both.push(b"data")
    return 0


async def _no_memory(left: Any, right: Any, both: Any) -> None:
    raise PipeMemory


async def _corrupt(left: Any, right: Any, both: Any) -> None:
    await _drained(left, right)
    await both.push("no octets")


MISUSE = [
    (_second_first, PipeOrder, 1831),
    (_out_first, PipeOrder, 1831),
    (_write_an_in_pipe, PipeOrder, 1831),
    (_read_an_out_pipe, PipeOrder, 1831),
    (_beyond_the_end, PipeEmpty, 1918),
    (_after_the_null_push, PipeClosed, 1916),
    (_undrained, PipeDiscipline, 1917),
    (_without_null_push, PipeDiscipline, 1917),
    (_no_memory, PipeMemory, 14),
    (_corrupt, PipeObject, 1830),
]


@pytest.mark.parametrize(("work", "kind", "status"), MISUSE, ids=[work.__name__.strip("_") for work, _, _ in MISUSE])
@on_a_loop
async def test_rule_8_24_and_8_25_misuse_by_the_manager_is_one_error_there_and_at_the_client(
    work: Any, kind: type[PipeError], status: int
) -> None:
    service = Manager()
    service.work = work
    async with testing.channel(service) as channel:
        with pytest.raises(kind) as caught:
            await PipesClient(channel).Merge([b"left"], [b"right"], lambda block: None)
        assert caught.value.status == status
        service.work = None
        assert await PipesClient(channel).Merge([b"a"], [b"b"], lambda block: None) == 2
    # What it raised itself; that it returned too early, nobody can raise in it any more.
    assert [type(error) for error in service.errors] == ([] if kind is PipeDiscipline else [kind])


@pytest.mark.parametrize(("work", "kind", "status"), MISUSE, ids=[work.__name__.strip("_") for work, _, _ in MISUSE])
def test_rule_8_24_and_8_25_misuse_by_the_manager_reaches_a_blocking_client_as_the_same_error(
    work: Any, kind: type[PipeError], status: int
) -> None:
    service = Manager()
    service.work = work
    with testing.blocking_channel(service) as channel:
        with pytest.raises(kind) as caught:
            PipesBlockingClient(channel).Merge([b"left"], [b"right"], lambda block: None).complete()
        assert caught.value.status == status


@on_a_loop
async def test_rule_8_24_and_8_25_misuse_by_a_client_by_hand_is_raised_there() -> None:
    async with testing.channel(Manager()) as channel:
        client = PipesClient(channel)
        async with client.Merge() as call:
            left: Any = call.left
            both: Any = call.both
            with pytest.raises(PipeOrder):
                await call.right.push(b"not yet")
            with pytest.raises(PipeOrder):
                await call.both.pull()
            with pytest.raises(PipeOrder, match='pipe "left" cannot be read at this side'):
                await left.pull()
            with pytest.raises(PipeOrder, match='pipe "both" cannot be written at this side'):
                await both.push(b"")
            with pytest.raises(PipeOrder):
                left.pull_nowait()
            with pytest.raises(PipeOrder):
                both.push_nowait(b"")
            await call.left.push(b"l")
            await call.left.push(b"")
            with pytest.raises(PipeClosed):
                await call.left.push(b"more")
            await call.right.push(b"")
            assert await call.both.pull() == b"l"
            with pytest.raises(PipeDiscipline):
                await call.complete()
        async with client.Merge([b""], [b""]) as call:
            assert await call.both.pull() == b""
            with pytest.raises(PipeEmpty):
                await call.both.pull()
            assert await call.complete() == 0


@on_a_loop
async def test_rule_8_25_a_pipe_of_a_call_that_is_over_is_not_valid_any_more() -> None:
    service = Manager()
    kept: list[Any] = []

    async def work(left: Any, right: Any, both: Any) -> int:
        kept.extend((left, both))
        await _drained(left, right)
        await both.push(b"")
        return 0

    service.work = work
    async with testing.channel(service) as channel:
        await PipesClient(channel).Merge([b"a"], [b"b"], lambda block: None)
        for use in (kept[0].pull, lambda: kept[1].push(b"late")):
            with pytest.raises(PipeError):
                await use()


ANY: Callable[[Any], Any] = lambda procedure: procedure  # noqa: E731 - what a type checker would refuse


@pytest.mark.parametrize(
    ("procedures", "kind", "message"),
    [
        (pipes.Procedures(lambda s, m, most: most + 1, None, octets, State(grant=4)), PipeObject, "gave 5 elements"),
        (pipes.Procedures(lambda s, m, most: -1, None, octets, State(grant=4)), PipeObject, "gave -1 elements"),
        (pipes.Procedures(ANY(lambda s, m, most: "x"), None, octets, State()), PipeObject, "gave 'x' elements"),
        (
            pipes.Procedures(pull, None, ANY(lambda s, size: size), State()),
            PipeObject,
            "gave int, where memory",
        ),
        (pipes.Procedures(pull, None, lambda s, size: b"abc", State()), PipeObject, "cannot be written"),
        (pipes.Procedures(pull, None, lambda s, size: bytearray(), State()), PipeMemory, "less than one element"),
    ],
)
@on_a_loop
async def test_rule_8_25_procedures_that_do_not_keep_to_their_contract_end_the_call(
    procedures: pipes.Procedures[Any], kind: type[PipeError], message: str
) -> None:
    async with testing.channel(Manager()) as channel:
        with pytest.raises(kind, match=message):
            await PipesClient(channel).Send(1, procedures)
        assert await PipesClient(channel).Send(1, [b"a"]) == 1


@on_a_loop
async def test_a_module_made_for_another_version_of_pipes_is_told_so_on_both_sides(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with testing.channel(Manager()) as channel:
        client = PipesClient(channel)
        call = client.Send(1)
        await call.content.push(b"a")
        for version, help in ((0, "run idlc again"), (2, "upgrade idlrt")):
            monkeypatch.setattr(PIPES, "pipe_version", version)
            with pytest.raises(PipeVersion, match=help) as caught:
                _ = client.Send(1, [b"a"])
            assert caught.value.status == 1832
        monkeypatch.setattr(PIPES, "pipe_version", 1)
        await call.content.push(b"")
        assert await call == 1
        monkeypatch.setattr(type(PIPES), "check_pipes", _another_version)
        monkeypatch.setattr(rpc.Client, "_begin", _unchecked)
        with pytest.raises(PipeVersion) as caught:
            await client.Send(1, [b"a"])
        assert caught.value.status == 1832


def _another_version(interface: rpc.Interface) -> None:
    raise PipeVersion


def _unchecked(client: Any, kind: Any, opnum: int, *inputs: Any, pipes: tuple[Any, ...] = ()) -> Any:
    """What a client does, but for looking at the version."""
    interface = client.interface
    begin = client._channel.begin
    return kind(begin(interface, interface.by_opnum[opnum], inputs, pipes, client._object, client._timeout, None))


# -- with asynchronous functions


@on_a_loop
async def test_procedures_are_refused_by_asynchronous_functions_before_anything_is_sent() -> None:
    service, state = Manager(), State(b"abc")
    async with testing.channel(service) as channel:
        client = PipesClient(channel)
        message = "synchronous pipes do not go with asynchronous functions"
        with pytest.raises(PipeObject, match=message) as caught:
            _ = client.Upload(1, pipes.Procedures(pull, None, octets, state))
        assert caught.value.status == 1830
        assert 'pipe "content"' in str(caught.value)
        assert '"Upload" is [async]' in str(caught.value)
        with pytest.raises(PipeObject, match=message):
            _ = client.Download(1, pipes.Procedures(None, push, octets, state))
        assert state.log == []
        assert service.entered == 0


def test_procedures_are_refused_by_asynchronous_functions_of_blocking_clients() -> None:
    with testing.blocking_channel(Manager()) as channel:
        client = PipesBlockingClient(channel)
        with pytest.raises(PipeObject, match="synchronous pipes do not go with asynchronous functions"):
            _ = client.Upload(1, pipes.Procedures(pull, None, octets, State(b"abc")))
