"""Pipes of ordinary functions at a client of threads: MIDL's procedures, and every misuse with its documented error."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from idlrt import rpc, testing
from idlrt.errors import (
    PipeClosed,
    PipeDiscipline,
    PipeEmpty,
    PipeError,
    PipeMemory,
    PipeObject,
    PipeOrder,
)
from idlrt.pipes import Procedures
from tests.compiled import compile_cached

MODULE: Any = compile_cached(
    """
    [uuid(5fbc1a40-7f4c-4c33-9c7e-0b0c2f6a7e01), version(1.0)]
    interface Sync
    {
        typedef struct { long l; short s; } PAIR;
        typedef pipe byte BYTES;
        typedef pipe PAIR PAIRS;

        long Put([in] long how, [in] BYTES data);
        long Get([in] long how, [in] long total, [out] BYTES data);
        long Turn([in] long how, [in, out] BYTES data);
        long Pairs([in] PAIRS pairs);
        long Four([in] BYTES a, [out] BYTES y, [in] BYTES b, [out] BYTES z);
    }
    """,
    "sync",
).module


class Loop(MODULE.SyncService):  # type: ignore[misc]
    """On the event loop. `how` is the mistake to make."""

    def __init__(self) -> None:
        self.errors: list[BaseException] = []

    async def Put(self, call: rpc.Call, how: int, data: Any) -> int:
        got = b""
        if how != 1:
            got = b"".join([block async for block in data])
        if how == 2:
            await data.pull()
        if how == 3:
            await data.push(b"abc")
        return len(got)

    async def Get(self, call: rpc.Call, how: int, total: int, data: Any) -> int:
        for at in range(0, total, 1000):
            await data.push(bytes(min(1000, total - at)))
        if how != 1:
            await data.push(b"")
        if how == 2:
            await data.push(b"abc")
        if how == 3:
            await data.pull()
        return total

    async def Turn(self, call: rpc.Call, how: int, data: Any) -> int:
        if how == 1:
            await data.push(b"abc")
        got = b"".join([block async for block in data])
        await data.push(got[::-1])
        await data.push(b"")
        return len(got)

    async def Pairs(self, call: rpc.Call, pairs: Any) -> int:
        return sum([pair.l + pair.s async for block in pairs for pair in block])

    async def Four(self, call: rpc.Call, a: Any, y: Any, b: Any, z: Any) -> int:
        first = b"".join([block async for block in a])
        second = b"".join([block async for block in b])
        for pipe, data in ((y, second), (z, first)):
            await pipe.push(data)
            await pipe.push(b"")
        return len(first) * 1000 + len(second)


class Threads(Loop):
    """The same in threads."""

    def Put(self, call: rpc.Call, how: int, data: Any) -> int:  # type: ignore[override]
        return self._run(super().Put(call, how, Awaited(data)))

    def Get(self, call: rpc.Call, how: int, total: int, data: Any) -> int:  # type: ignore[override]
        return self._run(super().Get(call, how, total, Awaited(data)))

    def Turn(self, call: rpc.Call, how: int, data: Any) -> int:  # type: ignore[override]
        return self._run(super().Turn(call, how, Awaited(data)))

    def Pairs(self, call: rpc.Call, pairs: Any) -> int:  # type: ignore[override]
        return self._run(super().Pairs(call, Awaited(pairs)))

    def Four(self, call: rpc.Call, a: Any, y: Any, b: Any, z: Any) -> int:  # type: ignore[override]
        return self._run(super().Four(call, *map(Awaited, (a, y, b, z))))

    def _run(self, method: Any) -> int:
        """To its end, which it does without ever waiting."""
        try:
            method.send(None)
        except StopIteration as over:
            result: int = over.value
            return result
        raise AssertionError("waits")


class Awaited:
    """A pipe that blocks, as one to be awaited."""

    def __init__(self, pipe: Any) -> None:
        self.pipe = pipe

    async def pull(self) -> Any:
        return self.pipe.pull()

    async def push(self, block: Any) -> None:
        self.pipe.push(block)

    async def __aiter__(self) -> Any:
        for block in self.pipe:
            yield block


both = pytest.mark.parametrize("service", [Loop, Threads], ids=["on the loop", "in threads"])


@pytest.fixture
def client() -> Iterator[Any]:
    with testing.blocking_channel(Loop()) as channel:
        yield MODULE.SyncBlockingClient(channel)


@dataclass
class State:
    """A state as a C program has one: where it is in its data, and what was asked of it."""

    data: bytearray
    at: int = 0
    room: int = 100
    asked: list[int] = field(default_factory=list)
    calls: list[tuple[str, int]] = field(default_factory=list)
    memory: bytearray = field(default_factory=bytearray)


def alloc(state: State, octets: int) -> bytearray:
    state.calls.append(("alloc", octets))
    state.memory = state.memory if len(state.memory) == state.room else bytearray(state.room)
    return state.memory  # the same every time


def pull(state: State, memory: Any, most: int) -> int:
    state.calls.append(("pull", most))
    block = state.data[state.at : state.at + min(most, 60)]  # short counts are fine
    memory[: len(block)] = block
    state.at += len(block)
    return len(block)


def push(state: State, memory: Any, count: int) -> None:
    state.calls.append(("push", count))
    state.data[state.at : state.at + count] = memory[:count]
    state.at += count


def rewinding(state: State, memory: Any, most: int) -> int:
    count = pull(state, memory, most)
    if not count:
        state.at = 0
    return count


def kinds(state: State) -> list[str]:
    return [name for name, _ in state.calls]


DATA = bytes(range(250)) * 3


def test_rule_8_14_the_client_provides_pull_and_alloc_and_a_state(client: Any) -> None:
    state = State(bytearray(DATA))
    assert client.Put(0, Procedures(pull=pull, alloc=alloc, state=state)).complete() == len(DATA)
    assert state.at == len(DATA)


def test_rule_8_16_alloc_and_pull_take_turns_until_a_pull_supplies_nothing(client: Any) -> None:
    state = State(bytearray(150))
    assert client.Put(0, Procedures(pull=pull, alloc=alloc, state=state)).complete() == 150
    assert kinds(state) == ["alloc", "pull"] * 4  # 60, 60, 30, 0
    assert [most for name, most in state.calls if name == "pull"] == [100] * 4


def test_rule_8_12_alloc_speaks_octets_and_pull_elements(client: Any) -> None:
    asked: list[int] = []

    def pull_pairs(state: list[Any], memory: list[Any], most: int) -> int:
        asked.append(most)
        count = min(most, len(state))
        memory[:count] = [state.pop(0) for _ in range(count)]
        return count

    pairs = [MODULE.PAIR(number, 1) for number in range(10)]
    procedures = Procedures(pull=pull_pairs, alloc=lambda state, octets: [None] * 4, state=pairs)
    assert client.Pairs(procedures).complete() == 45 + 10
    assert asked == [4, 4, 4, 4]


def test_rule_8_17_every_block_is_pushed_and_a_push_of_nothing_is_the_last(client: Any) -> None:
    state = State(bytearray(), room=400)
    assert client.Get(0, 3000, Procedures(push=push, alloc=alloc, state=state)).complete() == 3000
    assert len(state.data) == 3000
    pushed = [count for name, count in state.calls if name == "push"]
    assert pushed[-1] == 0
    assert 0 not in pushed[:-1]
    assert max(pushed) <= 400  # as much as alloc grants, and no more


def test_rule_8_18_nothing_is_allocated_for_the_push_of_nothing(client: Any) -> None:
    state = State(bytearray(), room=10_000)
    client.Get(0, 500, Procedures(push=push, alloc=alloc, state=state)).complete()
    assert kinds(state)[-3:] == ["alloc", "push", "push"]
    assert state.calls[-1] == ("push", 0)


@pytest.mark.parametrize("direction", ["in", "out"])
def test_rule_8_19_less_than_an_element_is_no_memory(client: Any, direction: str) -> None:
    procedures = Procedures(pull=pull, push=push, alloc=alloc, state=State(bytearray(10), room=0))
    call = client.Put(0, procedures) if direction == "in" else client.Get(0, 10, procedures)
    with pytest.raises(PipeMemory) as caught:
        call.complete()
    assert caught.value.status == 14
    assert client.Put(0, [b"abc"]).complete() == 3


def test_rule_8_20_a_pull_rewinds_the_state_for_push(client: Any) -> None:
    state = State(bytearray(b"abcdef"))
    assert client.Turn(0, Procedures(rewinding, push, alloc, state)).complete() == 6
    assert state.data == b"fedcba"


def test_rule_8_23_pipes_are_worked_the_in_ones_first_from_left_to_right(client: Any) -> None:
    order: list[str] = []

    def source(name: str, data: bytes) -> Iterator[bytes]:
        order.append(name)
        yield data

    def sink(name: str) -> Callable[[bytes], None]:
        return lambda block: order.append(f"{name} {block.decode()}")

    call = client.Four(source("a", b"one"), sink("y"), source("b", b"four"), sink("z"))
    assert call.complete() == 3004
    assert order == ["a", "b", "y four", "z one"]


def test_rule_8_23_some_may_be_worked_by_hand_in_their_turn(client: Any) -> None:
    got = bytearray()
    with client.Four(a=[b"one"], y=got.extend) as call:
        call.b.push(b"four")  # after the source of the first has been sent
        call.b.push(b"")
        assert b"".join(call.z) == b"one"  # after the sink has had the first
        assert got == b"four"
        assert call.complete() == 3004


def test_rule_8_24_completing_too_early_is_an_error_at_the_client(client: Any) -> None:
    with client.Put(0) as call:
        call.data.push(b"abc")
        with pytest.raises(PipeDiscipline) as caught:
            call.complete()
    assert caught.value.status == 1917
    with client.Get(0, 10) as call, pytest.raises(PipeDiscipline):
        call.complete()
    assert client.Put(0, [b"abc"]).complete() == 3


def test_rule_8_25_misuse_at_the_client_has_its_code(client: Any) -> None:
    def raises(kind: type[PipeError], status: int, misuse: Callable[[], object]) -> None:
        with pytest.raises(kind) as caught:
            misuse()
        assert caught.value.status == status

    with client.Four() as call:
        raises(PipeOrder, 1831, lambda: call.b.push(b"abc"))  # not its turn
        raises(PipeOrder, 1831, call.y.pull)
        raises(PipeOrder, 1831, call.a.pull)  # the wrong direction
        raises(PipeOrder, 1831, lambda: call.y.push(b"abc"))
        call.a.push(b"")
        raises(PipeClosed, 1916, lambda: call.a.push(b"abc"))
        raises(PipeObject, 1830, lambda: call.b.push(5))
    with client.Get(0, 0) as call:
        assert call.data.pull() == b""
        raises(PipeEmpty, 1918, call.data.pull)
        assert call.complete() == 0
    raises(PipeObject, 1830, lambda: client.Put(0, 5))
    assert client.Put(0, [b"abc"]).complete() == 3


@both
@pytest.mark.parametrize(
    ("name", "how", "kind"),
    [
        ("Put", 1, PipeDiscipline),
        ("Put", 2, PipeEmpty),
        ("Put", 3, PipeOrder),
        ("Get", 1, PipeDiscipline),
        ("Get", 2, PipeClosed),
        ("Get", 3, PipeOrder),
        ("Turn", 1, PipeOrder),
    ],
)
def test_rule_8_25_misuse_at_the_server_reaches_the_client_as_its_fault(
    service: type[Loop], name: str, how: int, kind: type[PipeError]
) -> None:
    with testing.blocking_channel(service()) as channel:
        client = MODULE.SyncBlockingClient(channel)
        got = bytearray()
        given: dict[str, tuple[Any, ...]] = {
            "Put": ([b"x" * 100_000],),
            "Get": (3000, got.extend),
            "Turn": (([b"abc"], got.extend),),
        }
        with pytest.raises(kind):
            getattr(client, name)(how, *given[name]).complete()
        assert client.Put(0, [b"abc"]).complete() == 3


def test_a_source_and_a_sink_may_fail_and_the_server_is_told() -> None:
    class Failing(Loop):
        async def Put(self, call: rpc.Call, how: int, data: Any) -> int:
            try:
                return await super().Put(call, how, data)
            except BaseException as error:
                self.errors.append(error)
                raise
            finally:
                ended.set()

    def broken() -> Iterator[bytes]:
        yield bytes(100)
        raise KeyError("broken")

    def refusing(block: bytes) -> None:
        raise KeyError("broken")

    service = Failing()
    ended = asyncio.Event()
    with testing.blocking_channel(service) as channel:
        client = MODULE.SyncBlockingClient(channel)
        with pytest.raises(KeyError):
            client.Put(0, broken()).complete()
        with pytest.raises(KeyError):
            client.Get(0, 100, refusing).complete()
        assert client.Put(0, [b"abc"]).complete() == 3
    assert len(service.errors) == 1
