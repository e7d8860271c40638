"""Programs as users write them against generated classes: they run, and pass `mypy --strict` with these types."""

from __future__ import annotations

import asyncio
from typing import assert_type
from uuid import UUID

from idlrt import com
from idlrt.com.hresult import S_OK
from idlrt.prelude.objidlbase import AsyncIPipeByte, IPipeByte
from idlrt.prelude.objidlbase import PullResult as BytesPulled
from tests.golden.objects.shapes import (
    AsyncIShape,
    IShape,
    IShape2,
    PartResult,
    PullResult,
    TurnResult,
    WidestResult,
)


class Square(com.CallFactory, IShape2):
    def __init__(self, side: float) -> None:
        self.side = side
        self.name: str | None = "square"
        self.outer: com.IUnknown | None = None
        self.stored = b""

    async def get_Name(self) -> str | None:
        return self.name

    async def put_Name(self, name: str) -> int:
        self.name = name
        return S_OK

    async def putref_Within(self, outer: com.IUnknown | None) -> int:
        self.outer = outer
        return S_OK

    async def Area(self, scale: float) -> float:
        return self.side * self.side * scale

    async def Widest(self, from_: int) -> WidestResult:
        return WidestResult(from_ + 1, self.side)

    async def Turn(self, degrees: int) -> TurnResult:
        return TurnResult((degrees + 90) % 360)

    async def Flip(self) -> int:
        return S_OK

    async def Pull(self, cRequest: int) -> PullResult:
        part = self.stored[:cRequest]
        return PullResult(part, len(part))

    async def Push(self, buf: bytes, *, cSent: int | None = None) -> int:
        self.stored += buf
        return S_OK

    async def Part(self, riid: UUID, number: int) -> PartResult:
        return PartResult(await self.QueryInterface(riid))

    async def Release_(self, paper: int) -> int:
        return S_OK

    async def Next(self, before: IShape | None) -> IShape | None:
        return before

    async def Flip_(self, times: int) -> int:
        return times


async def use(shape: IShape) -> tuple[object, ...]:
    again = await shape.QueryInterface(IShape2)
    assert_type(again, IShape2)
    area = assert_type(await again.Area(2.0), float)
    where, width, _ = await again.Widest(3)
    degrees = assert_type(await again.Turn(300), TurnResult).degrees
    await again.Push(b"abcdef")
    pulled = assert_type(await again.Pull(4), PullResult).buf
    assert_type(await again.Next(shape), IShape | None)
    return area, where, width, degrees, pulled


def test_an_object_and_its_client() -> None:
    assert asyncio.run(use(Square(2.0))) == (8.0, 4, 2.0, 30, b"abcd")


async def begin_and_finish(shape: IShape) -> tuple[object, ...]:
    call = await com.new_call(shape, AsyncIShape)
    assert_type(call, AsyncIShape)
    await call.Begin_Area(0.5)
    area = assert_type(await call.Finish_Area(), float)
    await call.Begin_Widest(1)
    widest = assert_type(await call.Finish_Widest(), WidestResult)
    return area, widest.width


def test_a_call_object_of_the_runtime() -> None:
    assert asyncio.run(begin_and_finish(Square(2.0))) == (2.0, 2.0)


class Transfer(com.CallObject, AsyncIPipeByte):
    """A call object that its author writes: it signals when what is asked for is there."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.pulled = b""

    async def Begin_Pull(self, cRequest: int) -> int:
        asyncio.get_running_loop().call_soon(self.take, cRequest)
        return S_OK

    def take(self, count: int) -> None:
        self.pulled = self.store.octets[:count]
        self.signal()

    async def Finish_Pull(self) -> BytesPulled:
        return BytesPulled(self.pulled, len(self.pulled))

    async def Begin_Push(self, buf: bytes, *, cSent: int | None = None) -> int:
        self.store.octets += buf
        self.signal()
        return S_OK

    async def Finish_Push(self) -> int:
        return S_OK


class Store(com.CallFactory, IPipeByte):
    CALL_OBJECTS = (Transfer,)

    def __init__(self) -> None:
        self.octets = b""

    async def Pull(self, cRequest: int) -> BytesPulled:
        return BytesPulled(self.octets[:cRequest], len(self.octets[:cRequest]))

    async def Push(self, buf: bytes, *, cSent: int | None = None) -> int:
        self.octets += buf
        return S_OK


async def push_and_pull(store: IPipeByte) -> bytes:
    call = await com.new_call(store, AsyncIPipeByte)
    await call.Begin_Push(b"abcdef")
    assert_type(await call.Finish_Push(), int)
    await call.Begin_Pull(4)
    assert await (await call.QueryInterface(com.ISynchronize)).Wait(0, 60_000) == S_OK
    return assert_type(await call.Finish_Pull(), BytesPulled).buf


def test_a_call_object_of_its_author() -> None:
    assert asyncio.run(push_and_pull(Store())) == b"abcd"


async def await_call_objects(shape: IShape) -> tuple[object, ...]:
    calls = []
    for scale in (1.0, 2.0):
        call = await com.new_call(shape, AsyncIShape)
        await call.Begin_Area(scale)
        assert isinstance(call, com.CallObject)
        calls.append(call)
    async with asyncio.timeout(60):
        return tuple([await call for call in calls])


def test_a_call_object_is_awaited() -> None:
    assert asyncio.run(await_call_objects(Square(2.0))) == (4.0, 8.0)
