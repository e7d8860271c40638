"""Sources and sinks: what a client may hand over instead of working a pipe by hand.

A source is an (async) iterable of blocks, a buffer that is one block, a file or stream to read, or a callable that
returns a block, an empty one at the end. A sink is a file or stream to write, or a callable that takes a block. What
fails in them ends the call. Files hold elements as this machine does, so only octets and numbers go through them.
"""

from __future__ import annotations

from array import array
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, Iterator, Sequence
from inspect import iscoroutinefunction
from io import TextIOBase
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias, TypeVar, runtime_checkable

from idlrt.errors import PipeObject
from idlrt.ndr.elements import Buffer
from idlrt.pipes.flow import Inlet, Outlet
from idlrt.pipes.objects import AsyncLine, BlockingPipeReader, Line, PipeReader
from idlrt.pipes.procedures import Consumer, Procedures, Supplier, consumed, procedures_of, supplied

if TYPE_CHECKING:
    from idlrt.rpc.interface import Operation

T = TypeVar("T")
U = TypeVar("U")

Bytes: TypeAlias = Buffer
"""A block of octets to push: anything that has a buffer. Blocks pulled are `bytes`."""

Numbers: TypeAlias = Sequence[T] | Buffer
"""A block of numbers to push: an array, any other buffer of them, or any sequence."""

Array = array
"""A block of numbers that was pulled."""

BLOCK: Final = 256 << 10
"""Octets read from a file at a time."""

InThread: TypeAlias = Callable[..., Awaitable[Any]]
"""Calls a function with arguments in another thread."""


@runtime_checkable
class Readable(Protocol):
    """A binary file to send; empty at its end."""

    def read(self, size: int, /) -> bytes: ...


@runtime_checkable
class Writable(Protocol):
    """A binary file to receive into."""

    def write(self, data: bytes, /) -> object: ...


class AsyncReadable(Protocol):
    """A stream to send, such as an `asyncio.StreamReader`."""

    async def read(self, size: int, /) -> bytes: ...


class AsyncWritable(Protocol):
    """A stream to receive into that says when it has room, such as an `asyncio.StreamWriter`."""

    def write(self, data: bytes, /) -> object: ...

    async def drain(self) -> None: ...


BlockingSource: TypeAlias = T | Iterable[T] | Readable | Callable[[], T] | Supplier | Procedures[Any]
BlockingSink: TypeAlias = Writable | Callable[[T], object] | Consumer | Procedures[Any]
BlockingEnds: TypeAlias = tuple[BlockingSource[T] | None, BlockingSink[U] | None] | Procedures[Any]
"""Of an [in, out] pipe: its source and its sink, or the procedures that are both."""

Source: TypeAlias = BlockingSource[T] | AsyncIterable[T] | AsyncReadable | Callable[[], Awaitable[T]]
Sink: TypeAlias = BlockingSink[T] | AsyncWritable
Ends: TypeAlias = tuple[Source[T] | None, Sink[U] | None] | Procedures[Any]


# ---------------------------------------------------------------------------- what was given


def ends(
    operation: Operation, given: tuple[Any, ...], *, threads: bool = False
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Sources and sinks by pipe, from what a client was given for each pipe parameter, before anything is sent.

    A client for `threads` takes nothing that would have to be awaited.

    Raises:
        PipeObject: something else was given, or procedures for a pipe of an asynchronous function, which has no alloc.
    """
    sources: dict[str, Any] = {}
    sinks: dict[str, Any] = {}
    for name, end in zip(operation.pipes, given, strict=False):
        if end is None:
            continue
        takes, gives = name in operation.in_pipes, name in operation.out_pipes
        source, sink = _halves(name, end) if takes and gives else (end, end)
        if operation.is_async and (procedures_of(source) or procedures_of(sink)):
            raise PipeObject(
                f'pipe "{name}" was given pull, push and alloc procedures, but "{operation.name}" is [async]: '
                "synchronous pipes do not go with asynchronous functions",
                help="give it a source or a sink, or push and pull in the call",
            )
        if takes and source is not None:
            if not _can_feed(source) or (threads and _is_awaited(source)):
                raise PipeObject(f'pipe "{name}" cannot be fed from {_kind(source)}{" by a thread" if threads else ""}')
            _check_binary(name, source)
            sources[name] = source
        if gives and sink is not None:
            if not _can_drain(sink) or (threads and _is_awaited(sink)):
                more = " by a thread" if threads else ""
                if hasattr(sink, "extend"):  # of lists, which take blocks, and of buffers, which take elements
                    more = "; give its extend" if _has_buffer(sink) else "; give its append"
                raise PipeObject(f'pipe "{name}" cannot be drained into {_kind(sink)}{more}')
            _check_binary(name, sink)
            sinks[name] = sink
    return sources, sinks


def _halves(name: str, end: Any) -> tuple[Any, Any]:
    if procedures_of(end):
        return end, end
    if isinstance(end, tuple) and len(end) == 2:
        return end
    raise PipeObject(f'pipe "{name}" goes both ways: it takes (source, sink), not {_kind(end)}')


def _check_binary(name: str, end: object) -> None:
    if isinstance(end, TextIOBase):
        raise PipeObject(f'pipe "{name}" was given a text file; open it in binary mode')


def _kind(given: object) -> str:
    return given.__name__ if isinstance(given, type) else type(given).__name__


def _can_feed(source: Any) -> bool:
    found = procedures_of(source)
    if found:
        return found.supplies
    return not isinstance(source, str) and (
        isinstance(source, AsyncIterable | Iterable | Readable) or _has_buffer(source) or callable(source)
    )


def _can_drain(sink: Any) -> bool:
    found = procedures_of(sink)
    return found.consumes if found else isinstance(sink, Writable) or callable(sink)


def _is_awaited(given: Any) -> bool:
    """Whether a source or sink can only be used where something can be awaited."""
    methods = (given, *(getattr(given, name, None) for name in ("read", "write", "drain")))
    return isinstance(given, AsyncIterable) or any(map(iscoroutinefunction, methods))


def _has_buffer(source: Any) -> bool:
    try:
        memoryview(source).release()
    except TypeError:
        return False
    return True


# ---------------------------------------------------------------------------- sources


def _blocks(source: Any, outlet: Outlet) -> Iterator[Any] | None:
    """The blocks of a source that nobody has to wait for; None for a file, or what has to be awaited."""
    found = procedures_of(source)
    if found:
        return supplied(found, outlet)
    if _has_buffer(source):
        return iter((source,))
    if isinstance(source, Readable | AsyncIterable):
        return None
    if isinstance(source, Iterable):
        return iter(source)
    return None


class _File:
    """A file's octets as blocks of elements."""

    def __init__(self, outlet: Outlet) -> None:
        self._pipe = outlet.name
        self._element = element = outlet.element
        self.octets = max(min(BLOCK // element.size, element.most), 1) * element.size
        self._rest = b""

    def block(self, data: Any) -> Any:
        """The elements that are whole now; an empty block at the end of the file."""
        if isinstance(data, str):
            raise PipeObject(f'pipe "{self._pipe}" is fed from a text file; open it in binary mode')
        if not isinstance(data, bytes | bytearray | memoryview):
            raise PipeObject(f'the file of pipe "{self._pipe}" gave {_kind(data)}, where octets were due')
        if self._rest:
            if not data:
                raise PipeObject(f'the file of pipe "{self._pipe}" ends inside an element')
            data = self._rest + bytes(data)
        odd = len(data) % self._element.size
        self._rest = bytes(data[len(data) - odd :]) if odd else b""
        return self._element.cast(data[: len(data) - odd] if odd else data)

    @property
    def waits(self) -> bool:
        """Whether an empty block means that an element is not whole yet."""
        return bool(self._rest)


def _checked(block: Any, outlet: Outlet) -> Any:
    """A block that a source gave; raises `PipeObject` for what is none."""
    if hasattr(block, "__len__") and not isinstance(block, str):
        return block
    name, kind = outlet.name, outlet.element.kind
    raise PipeObject(f'the source of pipe "{name}" gave {_kind(block)}, where a block of {kind} was due')


async def feed(line: AsyncLine, outlet: Outlet, source: Any, in_thread: InThread) -> None:
    """Push everything that a source gives, and the end. Files are read in a thread."""
    push = line.push
    blocks = _blocks(source, outlet)
    if blocks is not None:
        for block in blocks:
            if len(_checked(block, outlet)):
                await push(outlet, block)
    elif isinstance(source, Readable):
        file = _File(outlet)
        awaited = iscoroutinefunction(source.read)
        while True:
            data: Any = source.read(file.octets) if awaited else await in_thread(source.read, file.octets)
            block = file.block(await data if isinstance(data, Awaitable) else data)
            if len(block):
                await push(outlet, block)
            elif not file.waits:
                break
    elif isinstance(source, AsyncIterable):
        async for block in source:
            if len(_checked(block, outlet)):
                await push(outlet, block)
    else:
        while True:
            block = source()
            if isinstance(block, Awaitable):
                block = await block
            if not len(_checked(block, outlet)):
                break
            await push(outlet, block)
    await push(outlet, ())


def feed_blocking(line: Line, outlet: Outlet, source: Any) -> None:
    """`feed` for a thread."""
    push = line.push
    blocks = _blocks(source, outlet)
    if blocks is not None:
        for block in blocks:
            if len(_checked(block, outlet)):
                push(outlet, block)
    elif isinstance(source, Readable):
        file = _File(outlet)
        while True:
            block = file.block(source.read(file.octets))
            if len(block):
                push(outlet, block)
            elif not file.waits:
                break
    else:
        while len(_checked(block := source(), outlet)):
            push(outlet, block)
    push(outlet, ())


# ---------------------------------------------------------------------------- sinks


def _write(sink: Writable, data: memoryview) -> None:
    """All of `data`, to files too that may take less at a time."""
    while len(data):
        written = sink.write(data)  # type: ignore[arg-type]
        if not isinstance(written, int) or written >= len(data):
            return
        data = data[written:]


def _octets(inlet: Inlet, block: Any) -> memoryview:
    return memoryview(inlet.element.view(block))


async def drain(line: AsyncLine, inlet: Inlet, sink: Any, in_thread: InThread) -> None:
    """Give everything that a pipe holds to a sink. Files are written in a thread."""
    found = procedures_of(sink)
    reader: PipeReader[Any] = PipeReader(line, inlet)
    if found:
        async for block in reader:
            consumed(found, inlet, block)
        consumed(found, inlet, ())
    elif isinstance(sink, Writable):
        room: Any = getattr(sink, "drain", None)
        awaited = iscoroutinefunction(sink.write)
        async for block in reader:
            data = _octets(inlet, block)
            if iscoroutinefunction(room):
                _check_open(sink, inlet)
                sink.write(data)  # type: ignore[arg-type]
                await room()
            elif awaited:
                await sink.write(data)  # type: ignore[arg-type, misc]
            else:
                await in_thread(_write, sink, data)
    else:
        async for block in reader:
            result = sink(block)
            if isinstance(result, Awaitable):
                await result


def _check_open(sink: Any, inlet: Inlet) -> None:
    """Raise `BrokenPipeError` for a stream that drops what it is given."""
    is_closing: Any = getattr(sink, "is_closing", None)
    if callable(is_closing) and is_closing():
        raise BrokenPipeError(f'the stream that takes pipe "{inlet.name}" is closed')


def drain_blocking(line: Line, inlet: Inlet, sink: Any) -> None:
    """`drain` for a thread."""
    found = procedures_of(sink)
    reader: BlockingPipeReader[Any] = BlockingPipeReader(line, inlet)
    if found:
        for block in reader:
            consumed(found, inlet, block)
        consumed(found, inlet, ())
    elif isinstance(sink, Writable):
        for block in reader:
            _write(sink, _octets(inlet, block))
    else:
        for block in reader:
            sink(block)
