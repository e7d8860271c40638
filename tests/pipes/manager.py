"""A server that drains and fills its pipes, and procedures for a client's pipes as C programs write them."""

from __future__ import annotations

from array import array
from collections.abc import Awaitable, Callable
from typing import Any

from idlrt import pipes, rpc
from tests.golden.pipes.pipes import READING, PipesBlockingService, PipesService

STRIDE = 16
"""Octets from one READING to the next: a hyper, a short, padding."""


class Manager(PipesService):
    """Does as it is told, and remembers what it saw."""

    def __init__(self) -> None:
        self.content = b""
        self.entered = 0
        self.errors: list[Exception] = []
        self.work: Callable[..., Awaitable[Any]] | None = None

    async def _drain(self, pipe: pipes.PipeReader[bytes]) -> bytes:
        return b"".join([block async for block in pipe])

    async def Send(self, call: rpc.Call, id: int, content: pipes.PipeReader[bytes]) -> int:
        self.entered += 1
        if self.work is not None:
            return int(await self._watched(self.work(content)))
        self.content = await self._drain(content)
        return id

    async def Fetch(self, call: rpc.Call, id: int, readings: pipes.PipeWriter[Any]) -> int:
        self.entered += 1
        if self.work is not None:
            return int(await self._watched(self.work(readings)))
        for first in range(0, id, 5):
            await readings.push([READING(n, -n) for n in range(first, min(first + 5, id))])
        await readings.push(())
        return id

    async def Filter(
        self, call: rpc.Call, least: float, numbers: pipes.PipeDuplex[pipes.Numbers[float], pipes.Array[float]]
    ) -> int:
        if self.work is not None:
            return int(await self._watched(self.work(numbers)))
        kept = [number async for block in numbers for number in block if number >= least]
        await numbers.push(kept)
        if kept:
            await numbers.push(())
        return len(kept)

    async def Merge(
        self,
        call: rpc.Call,
        left: pipes.PipeReader[bytes],
        right: pipes.PipeReader[bytes],
        both: pipes.PipeWriter[pipes.Bytes],
    ) -> int:
        if self.work is not None:
            return int(await self._watched(self.work(left, right, both)))
        joined = await self._drain(left) + await self._drain(right)
        await both.push(joined)
        if joined:
            await both.push(b"")
        return len(joined)

    async def Upload(self, call: rpc.Call, id: int, content: pipes.PipeReader[bytes]) -> int:
        self.entered += 1
        self.content = await self._drain(content)
        return id

    async def Download(self, call: rpc.Call, id: int, content: pipes.PipeWriter[pipes.Bytes]) -> None:
        self.entered += 1
        await content.push(b"")

    async def _watched(self, work: Awaitable[Any]) -> Any:
        try:
            return await work
        except Exception as error:
            self.errors.append(error)
            raise


class Threaded(PipesBlockingService):
    """A manager that is plain functions."""

    def __init__(self) -> None:
        self.order: list[str] = []

    def Send(self, call: rpc.Call, id: int, content: pipes.BlockingPipeReader[bytes]) -> int:
        return sum(len(block) for block in content)

    def Fetch(self, call: rpc.Call, id: int, readings: pipes.BlockingPipeWriter[Any]) -> int:
        readings.push([READING(1, 2)] * id)
        readings.push(())
        return id

    def Filter(self, call: rpc.Call, least: float, numbers: pipes.BlockingPipeDuplex[Any, pipes.Array[float]]) -> int:
        kept = [number for block in numbers.blocks(list) for number in block if number >= least]
        numbers.push(kept)
        numbers.push(())
        return len(kept)

    def Merge(
        self,
        call: rpc.Call,
        left: pipes.BlockingPipeReader[bytes],
        right: pipes.BlockingPipeReader[bytes],
        both: pipes.BlockingPipeWriter[pipes.Bytes],
    ) -> int:
        joined = b"".join(left) + b"".join(right)
        both.push(joined)
        both.push(b"")
        return len(joined)

    def Upload(self, call: rpc.Call, id: int, content: pipes.BlockingPipeReader[bytes]) -> int:
        return sum(len(block) for block in content)

    def Download(self, call: rpc.Call, id: int, content: pipes.BlockingPipeWriter[pipes.Bytes]) -> None:
        content.push(b"")


class State:
    """What the procedures below work on; it says of each in which order it was called, and with what."""

    def __init__(self, elements: Any = (), grant: int = 1 << 20, block: int = 1 << 20) -> None:
        self.elements = list(elements)
        self.at = 0
        self.grant = grant  # octets
        self.block = block  # elements that a pull gives
        self.memory: Any = None
        self.log: list[tuple[str, int]] = []
        self.got: list[Any] = []

    def names(self) -> str:
        return " ".join(name for name, _ in self.log)

    def values(self, of: str) -> list[int]:
        return [value for name, value in self.log if name == of]


def pull(state: State, memory: Any, most: int) -> int:
    state.log.append(("pull", most))
    part = state.elements[state.at : state.at + min(most, state.block)]
    view = memoryview(memory) if isinstance(memory, (bytearray, array)) else memory
    for index, element in enumerate(part):
        view[index] = element
    state.at += len(part)
    return len(part)


def push(state: State, memory: Any, count: int) -> None:
    state.log.append(("push", count))
    state.got.append(list(memory[:count]))


def octets(state: State, size: int) -> bytearray:
    """An alloc that gives the same memory each time."""
    state.log.append(("alloc", size))
    if state.memory is None:
        state.memory = bytearray(min(size, state.grant))
    return state.memory  # type: ignore[no-any-return]


def numbers(state: State, size: int) -> array[float]:
    state.log.append(("alloc", size))
    return array("d", [0.0]) * (min(size, state.grant) // 8)


def readings(state: State, size: int) -> list[Any]:
    state.log.append(("alloc", size))
    return [None] * (min(size, state.grant) // STRIDE)
