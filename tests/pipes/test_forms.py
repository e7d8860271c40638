"""Blocks in the form that is asked for, at both ends of whole calls, in coroutines and in threads."""

from __future__ import annotations

from array import array
from typing import Any

import pytest

from idlrt import pipes, rpc, testing
from idlrt.errors import PipeVersion
from tests.golden.pipes.pipes import PIPES, READING, PipesBlockingClient, PipesClient
from tests.pipes.manager import Manager, Threaded
from tests.rpc.services import on_a_loop, reach

KEPT = array("d", map(float, range(1000)))


class Forms(Manager):
    """Sees its pipes' blocks in every form."""

    async def Send(self, call: rpc.Call, id: int, content: pipes.PipeReader[bytes]) -> int:
        first = await content.pull(2)
        view = await content.pull(2, form=memoryview)
        borrowed = await content.pull(2, form=pipes.Borrowed)
        copy = bytes(borrowed)
        rest = [octet async for block in content.blocks(list) for octet in block]
        with pytest.raises(ValueError, match="released"):
            bytes(borrowed)
        self.content = first + bytes(view) + copy + bytes(rest)
        return id

    async def Filter(self, call: rpc.Call, least: float, numbers: Any) -> int:
        forms = [type(await numbers.pull(1)), type(await numbers.pull(1, form=list))]
        forms.append(type(await numbers.pull(1, form=memoryview)))
        assert forms == [array, list, memoryview]
        kept = [number async for view in numbers.blocks(pipes.Borrowed) for number in view]
        await numbers.push(memoryview(array("d", kept)))
        await numbers.push(())
        return len(kept)


class ThreadedForms(Threaded):
    def Send(self, call: rpc.Call, id: int, content: pipes.BlockingPipeReader[bytes]) -> int:
        view = content.pull(2, form=memoryview)
        borrowed = content.pull(2, form=pipes.Borrowed)
        copy = bytes(borrowed)
        rest = [octet for block in content.blocks(list) for octet in block]
        with pytest.raises(ValueError, match="released"):
            bytes(borrowed)
        assert bytes(view) + copy + bytes(rest) == b"abcdefghij"
        return id

    def Filter(self, call: rpc.Call, least: float, numbers: Any) -> int:
        forms = [type(numbers.pull(1)), type(numbers.pull(1, form=list)), type(numbers.pull(1, form=memoryview))]
        assert forms == [array, list, memoryview]
        kept = [number for view in numbers.blocks(pipes.Borrowed) for number in view]
        numbers.push(array("d", kept))
        numbers.push(())
        return len(kept)


@pytest.mark.parametrize("make", [Forms, ThreadedForms])
@on_a_loop
async def test_a_service_has_blocks_in_the_form_it_asks_for(make: type[Any]) -> None:
    async with testing.channel(make()) as channel:
        client = PipesClient(channel)
        assert await client.Send(1, [b"abcdef", b"ghij"]) == 1
        got: list[float] = []
        assert await client.Filter(0.0, (KEPT, got.extend)) == 997
        assert got == list(KEPT[3:])


@pytest.mark.parametrize("make", [Forms, ThreadedForms])
@on_a_loop
async def test_a_client_has_blocks_in_the_form_it_asks_for(make: type[Any]) -> None:
    async with testing.channel(make()) as channel:
        client = PipesClient(channel)
        async with client.Filter(0.0, (KEPT, None)) as call:
            assert await call.numbers.pull(2, form=list) == [3.0, 4.0]
            view = await call.numbers.pull(2, form=memoryview)
            borrowed = await call.numbers.pull(2, form=pipes.Borrowed)
            assert list(borrowed) == [7.0, 8.0]
            rest = [number async for block in call.numbers for number in block]
            assert await call.complete() == 997
        assert list(view) == [5.0, 6.0]
        assert rest == list(KEPT[9:])
        with pytest.raises(ValueError, match="released"):
            list(borrowed)
        async with client.Fetch(3) as fetch:
            assert [type(each) for each in await fetch.readings.pull(1, form=list)] == [READING]


@pytest.mark.parametrize("make", [Forms, ThreadedForms])
def test_a_blocking_client_has_blocks_in_the_form_it_asks_for(make: type[Any]) -> None:
    with testing.blocking_channel(make()) as channel, PipesBlockingClient(channel).Filter(0.0) as call:
        call.numbers.push(KEPT)
        call.numbers.push(())
        assert call.numbers.pull(2, form=list) == [3.0, 4.0]
        view = call.numbers.pull(2, form=memoryview)
        borrowed = call.numbers.pull(2, form=pipes.Borrowed)
        assert list(borrowed) == [7.0, 8.0]
        rest = [number for block in call.numbers.blocks(list) for number in block]
        assert call.complete() == 997
        assert list(view) == [5.0, 6.0]
        assert rest == list(KEPT[9:])
        with pytest.raises(ValueError, match="released"):
            list(borrowed)


@on_a_loop
async def test_blocks_that_are_kept_stay_as_they_were_while_megabytes_follow() -> None:
    async def flood(left: Any, right: Any, both: Any) -> int:
        for pipe in (left, right):
            async for _ in pipe:
                pass
        block = bytearray(65_536)
        for number in range(64):
            block[:] = bytes([number]) * 65_536
            await both.push(block)
            block[:] = b"\xff" * 65_536  # what was pushed may be overwritten
        await both.push(b"")
        return 0

    service = Manager()
    service.work = flood
    async with reach("tcp", service) as channel, PipesClient(channel).Merge([b"l"], [b"r"]) as call:
        blocks: list[Any] = []
        forms: Any = (bytes, memoryview)
        while block := await call.both.pull(10_000, form=forms[len(blocks) & 1]):
            blocks.append(block)
        await call.complete()
    assert b"".join(blocks) == b"".join(bytes([number]) * 65_536 for number in range(64))


def test_a_blocking_client_of_another_version_of_pipes_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    with testing.blocking_channel(Manager()) as channel:
        monkeypatch.setattr(PIPES, "pipe_version", 2)
        with pytest.raises(PipeVersion, match="upgrade idlrt"):
            PipesBlockingClient(channel).Send(1, [b"a"])
