"""The ends of a pipe as programs see them, for coroutines and for threads.

Whoever sends has a writer, whoever receives a reader, on either side of the connection; an `[in, out]` pipe is both,
first one way and then the other. A type parameter is the type of a block: `bytes` for octets and characters, a
sequence of elements otherwise.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any, Generic, Protocol, TypeVar

from idlrt.pipes.flow import Inlet, Outlet

PulledT_co = TypeVar("PulledT_co", covariant=True)
PushedT_contra = TypeVar("PushedT_contra", contravariant=True)


class AsyncLine(Protocol):
    """What moves the octets of a call for a coroutine."""

    async def pull(self, inlet: Inlet, most: int | None) -> Any: ...

    async def push(self, outlet: Outlet, block: Any) -> None: ...


class Line(Protocol):
    """What moves the octets of a call for a thread."""

    def pull(self, inlet: Inlet, most: int | None) -> Any: ...

    def push(self, outlet: Outlet, block: Any) -> None: ...


class PipeReader(Generic[PulledT_co]):
    """The receiving end of a pipe; `async for` gives its blocks."""

    __slots__ = ("_inlet", "_line")

    def __init__(self, line: AsyncLine, inlet: Inlet) -> None:
        self._line = line
        self._inlet = inlet

    async def pull(self, most: int | None = None) -> PulledT_co:
        """The next block, as large as it happens to have arrived but of at most `most` elements.

        An empty block reports the end of the pipe; pulling again after that raises `PipeEmpty`.
        """
        block: PulledT_co = await self._line.pull(self._inlet, most)
        return block

    async def __aiter__(self) -> AsyncIterator[PulledT_co]:
        while not self._inlet.drained:
            block = await self._line.pull(self._inlet, None)
            if self._inlet.drained:
                return
            yield block


class PipeWriter(Generic[PushedT_contra]):
    """The sending end of a pipe."""

    __slots__ = ("_line", "_outlet")

    def __init__(self, line: AsyncLine, outlet: Outlet) -> None:
        self._line = line
        self._outlet = outlet

    async def push(self, block: PushedT_contra | tuple[()]) -> None:
        """Send a block; an empty one ends the pipe.

        Returns when the block may be overwritten and the peer has made room for more. Fragments hold multiples of eight
        octets, so the last seven may wait for the next push.
        """
        await self._line.push(self._outlet, block)


class PipeDuplex(Generic[PushedT_contra, PulledT_co]):
    """An `[in, out]` pipe: a client pushes to the end and then pulls, a server pulls to the end and then pushes."""

    __slots__ = ("_inlet", "_line", "_outlet")

    def __init__(self, line: AsyncLine, inlet: Inlet, outlet: Outlet) -> None:
        self._line = line
        self._inlet = inlet
        self._outlet = outlet

    async def pull(self, most: int | None = None) -> PulledT_co:
        """As `PipeReader.pull`."""
        block: PulledT_co = await self._line.pull(self._inlet, most)
        return block

    async def push(self, block: PushedT_contra | tuple[()]) -> None:
        """As `PipeWriter.push`."""
        await self._line.push(self._outlet, block)

    async def __aiter__(self) -> AsyncIterator[PulledT_co]:
        while not self._inlet.drained:
            block = await self._line.pull(self._inlet, None)
            if self._inlet.drained:
                return
            yield block


class BlockingPipeReader(Generic[PulledT_co]):
    """The receiving end of a pipe for a thread; `for` gives its blocks."""

    __slots__ = ("_inlet", "_line")

    def __init__(self, line: Line, inlet: Inlet) -> None:
        self._line = line
        self._inlet = inlet

    def pull(self, most: int | None = None) -> PulledT_co:
        """The next block, of at most `most` elements; an empty one reports the end of the pipe."""
        block: PulledT_co = self._line.pull(self._inlet, most)
        return block

    def __iter__(self) -> Iterator[PulledT_co]:
        while not self._inlet.drained:
            block = self._line.pull(self._inlet, None)
            if self._inlet.drained:
                return
            yield block


class BlockingPipeWriter(Generic[PushedT_contra]):
    """The sending end of a pipe for a thread."""

    __slots__ = ("_line", "_outlet")

    def __init__(self, line: Line, outlet: Outlet) -> None:
        self._line = line
        self._outlet = outlet

    def push(self, block: PushedT_contra | tuple[()]) -> None:
        """Send a block, which may be overwritten afterwards; an empty one ends the pipe."""
        self._line.push(self._outlet, block)


class BlockingPipeDuplex(Generic[PushedT_contra, PulledT_co]):
    """An `[in, out]` pipe for a thread, first one way and then the other."""

    __slots__ = ("_inlet", "_line", "_outlet")

    def __init__(self, line: Line, inlet: Inlet, outlet: Outlet) -> None:
        self._line = line
        self._inlet = inlet
        self._outlet = outlet

    def pull(self, most: int | None = None) -> PulledT_co:
        """As `BlockingPipeReader.pull`."""
        block: PulledT_co = self._line.pull(self._inlet, most)
        return block

    def push(self, block: PushedT_contra | tuple[()]) -> None:
        """As `BlockingPipeWriter.push`."""
        self._line.push(self._outlet, block)

    def __iter__(self) -> Iterator[PulledT_co]:
        while not self._inlet.drained:
            block = self._line.pull(self._inlet, None)
            if self._inlet.drained:
                return
            yield block
