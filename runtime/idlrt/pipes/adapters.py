"""Sources and sinks: what a client may hand over instead of working a pipe by hand.

A source is an (async) iterable of blocks, a readable binary file, a callable that returns a block (an empty one ends),
or a single `bytes`. A sink is a writable binary file or a callable that takes a block. `Procedures` is C's way, for
ordinary functions only: three procedures of which alloc speaks octets, pull and push elements.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, Sequence
from typing import Any, Protocol, TypeAlias, TypeVar, runtime_checkable

from idlrt.errors import PipeMemory, PipeObject
from idlrt.pipes.objects import (
    BlockingPipeDuplex,
    BlockingPipeReader,
    BlockingPipeWriter,
    PipeDuplex,
    PipeReader,
    PipeWriter,
)

Bytes: TypeAlias = bytes | bytearray | memoryview
"""A block of octets to push; blocks pulled are `bytes`."""

BLOCK = 256 << 10
"""Octets read from a file, or asked of an alloc procedure, at a time."""

T = TypeVar("T")


@runtime_checkable
class Readable(Protocol):
    """A binary file to send."""

    def read(self, size: int, /) -> bytes: ...


@runtime_checkable
class Writable(Protocol):
    """A binary file to receive into."""

    def write(self, data: bytes, /) -> object: ...


@runtime_checkable
class Procedures(Protocol):
    """A pipe in C's way: what `pull`, `push` and `alloc` of MIDL's control structure are, the state being the object.

    A client's `[in]` pipe takes from `pull`, its `[out]` pipe gives to `push`; a zero count ends either.
    """

    def alloc(self, octets: int, /) -> int:
        """Grant a buffer of at most that many octets; how many there are."""

    def pull(self, most: int, /) -> Any:
        """A block of at most `most` elements to send."""

    def push(self, block: Any, /) -> object:
        """Take a block that was received."""


Source: TypeAlias = (
    Iterable[T] | AsyncIterable[T] | Readable | Callable[[], T] | Callable[[], Awaitable[T]] | Procedures
)
Sink: TypeAlias = Writable | Callable[[T], object] | Procedures
BlockingSource: TypeAlias = Iterable[T] | Readable | Callable[[], T] | Procedures
BlockingSink: TypeAlias = Writable | Callable[[T], object] | Procedures


def ends(
    names: Sequence[str], in_pipes: Sequence[str], out_pipes: Sequence[str], is_async: bool, given: tuple[Any, ...]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Sources and sinks by pipe, from what a client was given for each pipe parameter.

    Pipes of asynchronous functions have no alloc, so `Procedures` are refused there.
    """
    sources: dict[str, Any] = {}
    sinks: dict[str, Any] = {}
    for name, end in zip(names, given, strict=False):
        takes, gives = name in in_pipes, name in out_pipes
        source, sink = (end or (None, None)) if takes and gives else (end, end)
        if takes and source is not None:
            sources[name] = source
        if gives and sink is not None:
            sinks[name] = sink
        if is_async and (isinstance(source, Procedures) or isinstance(sink, Procedures)):
            raise PipeObject(f'pipe "{name}" belongs to an [async] function, whose pipes have no alloc')
    return sources, sinks


def _grant(procedures: Procedures, octets: int, stride: int) -> int:
    """Elements that fit what alloc grants."""
    most = procedures.alloc(octets) // stride
    if most < 1:
        raise PipeMemory("alloc granted less than one element")
    return most


async def feed(
    writer: PipeWriter[Any] | PipeDuplex[Any, Any],
    source: Any,
    stride: int,
    in_thread: Callable[..., Awaitable[Any]],
) -> None:
    """Push everything that a source gives, and the end. Files are read in a thread."""
    push = writer.push
    if isinstance(source, (bytes, bytearray, memoryview)):
        if len(source):
            await push(source)
    elif isinstance(source, Procedures):
        while len(block := source.pull(_grant(source, BLOCK, stride))):
            await push(block)
    elif isinstance(source, AsyncIterable):
        async for block in source:
            if len(block):
                await push(block)
    elif isinstance(source, Readable):
        while block := await in_thread(source.read, BLOCK):
            await push(block)
    elif isinstance(source, Iterable):
        for block in source:
            if len(block):
                await push(block)
    elif callable(source):
        while True:
            block = source()
            if isinstance(block, Awaitable):
                block = await block
            if not len(block):
                break
            await push(block)
    else:
        raise PipeObject(f"a pipe cannot be fed from {type(source).__name__}")
    await push(())


async def drain(
    reader: PipeReader[Any] | PipeDuplex[Any, Any],
    sink: Any,
    stride: int,
    in_thread: Callable[..., Awaitable[Any]],
) -> None:
    """Give everything that a pipe holds to a sink. Files are written in a thread."""
    if isinstance(sink, Procedures):
        async for block in reader:
            _hand_over(sink, block, stride)
        sink.push(())
    elif isinstance(sink, Writable):
        async for block in reader:
            await in_thread(sink.write, block)
    elif callable(sink):
        async for block in reader:
            result = sink(block)
            if isinstance(result, Awaitable):
                await result
    else:
        raise PipeObject(f"a pipe cannot be drained into {type(sink).__name__}")


def _hand_over(sink: Procedures, block: Any, stride: int) -> None:
    at = 0
    while at < len(block):
        most = _grant(sink, (len(block) - at) * stride, stride)
        sink.push(block[at : at + most])
        at += most


def feed_blocking(writer: BlockingPipeWriter[Any] | BlockingPipeDuplex[Any, Any], source: Any, stride: int) -> None:
    """`feed` for a thread."""
    push = writer.push
    if isinstance(source, (bytes, bytearray, memoryview)):
        if len(source):
            push(source)
    elif isinstance(source, Procedures):
        while len(block := source.pull(_grant(source, BLOCK, stride))):
            push(block)
    elif isinstance(source, Readable):
        while block := source.read(BLOCK):
            push(block)
    elif isinstance(source, Iterable):
        for block in source:
            if len(block):
                push(block)
    elif callable(source):
        while len(block := source()):
            push(block)
    else:
        raise PipeObject(f"a pipe cannot be fed from {type(source).__name__}")
    push(())


def drain_blocking(reader: BlockingPipeReader[Any] | BlockingPipeDuplex[Any, Any], sink: Any, stride: int) -> None:
    """`drain` for a thread."""
    if isinstance(sink, Procedures):
        for block in reader:
            _hand_over(sink, block, stride)
        sink.push(())
    elif isinstance(sink, Writable):
        for block in reader:
            sink.write(block)
    elif callable(sink):
        for block in reader:
            sink(block)
    else:
        raise PipeObject(f"a pipe cannot be drained into {type(sink).__name__}")
