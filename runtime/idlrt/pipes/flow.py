"""Pipes of one call without I/O: what arrived and waits to be pulled, what is pushed and wants to be sent.

Pipes lie in the stub one after the other. `Incoming` takes stub data apart into its pipes and what follows them,
`Outgoing` frames blocks. Both guard the order of use (C706 14.4 and the rules for several pipes): each misuse raises
the error that has its RPC_X code. Whoever does the I/O feeds, settles, and asks `buffered` when to stop reading.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Container, Sequence
from contextlib import suppress
from typing import Any, Final

from idlrt.errors import NdrError, PipeClosed, PipeDiscipline, PipeEmpty, PipeOrder
from idlrt.ndr import CODEC_ERRORS, Form, Limits, PipeElement
from idlrt.ndr.chunks import ChunkParser, ChunkWriter

WINDOW: Final = 128 << 10
"""Octets that may wait in a call's pipes before reading from the connection stops."""

BACKLOG: Final = 16 << 20
"""Octets that pushes which do not wait may give a connection beyond what it takes."""

SLICE: Final = 128 << 10
"""Octets of a large block that are handed to the transport at a time."""

TURN: Final = 256 << 10
"""Octets that a coroutine may push before the loop gets its turn; a fast connection never makes it wait otherwise."""

PUSH_COST: Final = 4 << 10
"""What a push counts against `TURN` besides its octets."""

SMALL: Final = 16 << 10
"""Blocks below this many octets are gathered until the end of the loop's turn, or until they are that many together: a
fragment and a system call for each would cost more than everything else about them."""


def check_room(window: int, backlog: int) -> None:
    """Raise `ValueError` for a `pipe_window` or `pipe_backlog` that nothing could pass."""
    if window < 1 or backlog < 1:
        raise ValueError("pipe_window and pipe_backlog are octets, 1 or more")


class Borrowed:
    """Asks for a block as a memoryview that lasts until the next pull of its pipe, which releases it.

    Nothing is copied for it and nothing stays in memory because of it; who uses it later gets a ValueError.
    """


class Inlet:
    """The receiving end of one pipe."""

    __slots__ = ("_blocks", "_from", "_lent", "_partial", "_stream", "drained", "element", "index", "name", "parser")

    element: PipeElement
    parser: ChunkParser

    def __init__(self, name: str, stream: Incoming, index: int) -> None:
        self.name = name
        self.index = index
        self.drained = False  # the empty block that ends the pipe was handed out
        self._stream = stream
        self._blocks: deque[bytes] = deque()  # a stride each; the rest of the last element begins the next block, too
        self._from = 0  # octets of the first block that are gone already
        self._partial = b""  # the first part of an element whose rest has not arrived
        self._lent: memoryview | None = None  # a borrowed block

    def open(self, element: PipeElement, order: str, wide: bool, most: int) -> None:
        self.element = element
        self.parser = ChunkParser(element, order, wide, least=element.least, most=min(most, element.most))

    def take(self, most: int | None, form: Form = None) -> Any:
        """A block of at most `most` elements, the empty one at the end, None when nothing is there yet."""
        if most is not None and most < 1:
            raise ValueError(f'a pull of {most} elements from pipe "{self.name}" makes no sense')
        if self.drained:
            raise PipeEmpty(f'the end of pipe "{self.name}" was read already')
        self._stream.check_turn(self)
        if self._lent is not None:
            self._take_back(self._lent)
        if self._blocks:
            if form is Borrowed:
                self._lent = self._next_block(most, memoryview)
                return self._lent
            return self._next_block(most, form)
        if self._stream.error is not None:
            raise self._stream.error
        if not self._stream.opened or not self.parser.ended:
            return None
        end = self.element.unpack(b"", 0, memoryview if form is Borrowed else form)
        self.drained = True
        return end

    def _take_back(self, lent: memoryview) -> None:
        self._lent = None
        with suppress(BufferError):  # something else holds on to its memory, which is not used again
            lent.release()

    def _next_block(self, most: int | None, form: Form) -> Any:
        stride = self.element.stride
        block, start = self._blocks[0], self._from
        count = (len(block) - start) // stride
        if most is None:
            most = self.element.portion
        whole = count <= most
        if not whole:
            count = most
        stop = start + count * stride
        data = block if stop - start == len(block) else memoryview(block)[start:stop]
        try:
            made = self.element.unpack(data, count, form)
        except NdrError as error:
            error.path = f"{self.name}{error.path.removeprefix('block')}"
            self._stream.fail(error)
            raise
        if whole:
            self._blocks.popleft()
        self._from = 0 if whole else stop
        self._stream.buffered -= count * stride
        return made

    @property
    def ready(self) -> bool:
        """Whether a pull would not have to wait."""
        stream = self._stream
        return bool(self._blocks) or stream.error is not None or (stream.opened and self.parser.ended)

    @property
    def ended(self) -> bool:
        """Whether the pipe's end arrived, pulled or not."""
        return self.parser.ended

    def feed(self, view: memoryview, at: int) -> int:
        return self.parser.feed(view, at)

    def settle(self) -> None:
        """Copy what was fed out of the receive buffer, once, as one block."""
        runs = self.parser.runs
        if not runs:
            return
        data = b"".join((self._partial, *runs)) if self._partial else b"".join(runs)
        runs.clear()
        self._stream.buffered += len(data) - len(self._partial)
        odd = len(data) % self.element.stride
        self._partial = data[len(data) - odd :] if odd else b""
        if len(data) > odd:
            self._blocks.append(data)

    def discard(self) -> None:
        self._blocks.clear()
        self._partial = b""
        self._from = 0


class Incoming:
    """Stub data that begins with pipes: the rest of a request, or a whole response."""

    __slots__ = (
        "_at",
        "_current",
        "_limit",
        "_most",
        "_parser",
        "_rest",
        "buffered",
        "complete",
        "error",
        "gate",
        "inlets",
        "opened",
    )

    def __init__(self, names: Sequence[str], limits: Limits) -> None:
        self.inlets = tuple(Inlet(name, self, index) for index, name in enumerate(names))
        self.buffered = 0
        self.opened = False
        self._parser: ChunkParser | None = None  # of the pipe whose data is due
        self.error: Exception | None = None
        self.complete = False  # the last fragment arrived
        self.gate: Callable[[], bool] | None = None  # at a client: whether all [in] pipes were ended
        self._at = 0
        self._current = 0
        self._limit = limits.max_stub
        self._most = limits.max_elements
        # Indexed so that its start lies at a multiple of eight, whatever precedes the pipes.
        self._rest = bytearray()

    def open(self, elements: Sequence[PipeElement], order: str, wide: bool, at: int = 0) -> None:
        """The sender's byte order is known: data may be fed that starts at stub position `at`."""
        self._at = at
        for inlet, element in zip(self.inlets, elements, strict=True):
            inlet.open(element, order, wide, self._most)
        self.opened = True
        if self.inlets:
            self._parser = self.inlets[0].parser

    def feed(self, data: bytes | memoryview, last: bool) -> None:
        """Take stub data; `settle` must follow before its memory is used again. Raises `NdrError`."""
        parser = self._parser
        if parser is not None and not last:
            size = len(data)
            if size < parser.plain:
                parser.plain -= size
                parser.runs.append(data)
                self._at += size
                return
        view = memoryview(data)
        inlets = self.inlets
        while len(view) and self._current < len(inlets):
            inlet = inlets[self._current]
            used = inlet.feed(view, self._at)
            self._at += used
            if not inlet.ended:
                break
            view = view[used:]
            self._current += 1
            self._parser = inlets[self._current].parser if self._current < len(inlets) else None
            if self._current == len(inlets):
                self._rest += bytes(self._at & 7)
        else:
            if len(view):
                if len(self._rest) + len(view) > self._limit:
                    raise NdrError(f"what follows the pipes is longer than {self._limit} octets")
                self._rest += view
        if last:
            self.complete = True
            if self._current < len(inlets):
                raise NdrError(f'the data ends before pipe "{inlets[self._current].name}" does', truncated=True)

    def feed_run(self, parts: list[memoryview]) -> None:
        """As `feed` with each of several parts that are as long as each other and none of them the last."""
        size, index, count = len(parts[0]), 0, len(parts)
        while index < count:
            parser = self._parser
            most = 0 if parser is None else (parser.plain - 1) // size
            if parser is not None and most > 0:
                run = parts if most >= count - index and not index else parts[index : index + most]
                parser.runs += run
                parser.plain -= size * len(run)
                self._at += size * len(run)
                index += len(run)
            else:
                self.feed(parts[index], False)
                index += 1

    def settle(self) -> None:
        if self.opened:
            for inlet in self.inlets:
                inlet.settle()

    def fail(self, error: Exception) -> None:
        """No more data will come; what arrived can still be pulled, then this is raised."""
        if self.error is None:
            self.error = error

    def discard(self) -> None:
        """Nobody will pull any more."""
        self.buffered = 0
        for inlet in self.inlets:
            inlet.discard()

    def check_turn(self, inlet: Inlet) -> None:
        if self.gate is not None and not self.gate():
            raise PipeOrder(f'pipe "{inlet.name}" cannot be read before all [in] pipes are ended')
        for earlier in self.inlets[: inlet.index]:
            if not earlier.drained:
                raise PipeOrder(f'pipe "{inlet.name}" cannot be read before pipe "{earlier.name}" is drained')

    def check_drained(self, others: Container[str] = ()) -> None:
        """Raise `PipeDiscipline` unless every pipe, but those that `others` read, was read to its end."""
        for inlet in self.inlets:
            if not inlet.drained and inlet.name not in others:
                raise PipeDiscipline(f'the call was completed before pipe "{inlet.name}" was drained')

    @property
    def drained(self) -> bool:
        return all(inlet.drained for inlet in self.inlets)

    def rest(self) -> tuple[bytearray, int]:
        """What follows the pipes, and where in it to start reading."""
        return self._rest, self._at & 7


class Outlet:
    """The sending end of one pipe."""

    __slots__ = ("_stream", "_writer", "closed", "element", "index", "name")

    element: PipeElement
    _writer: ChunkWriter

    def __init__(self, name: str, stream: Outgoing, index: int) -> None:
        self.name = name
        self.index = index
        self.closed = False  # the empty block was pushed
        self._stream = stream

    def open(self, element: PipeElement, order: str, wide: bool) -> None:
        self.element = element
        self._writer = ChunkWriter(element, order, wide, least=element.least, most=element.most)

    @property
    def position(self) -> int:
        """Where in the stub the next octet of the stream will lie."""
        return self._stream.at

    def chunk(self, block: Any) -> list[bytes | memoryview]:
        """The octets of a block, not copied where the block is octets already; the empty block ends the pipe."""
        if self.closed:
            raise PipeClosed(f'pipe "{self.name}" was ended already')
        stream = self._stream
        stream.check_turn(self)
        writer, element = self._writer, self.element
        at = stream.at
        try:
            empty = not len(block)
            if empty and isinstance(block, str):
                raise TypeError  # the end of a text is not that of a pipe
        except TypeError as error:
            raise element.misfit(self.name, block, error) from None
        if empty:
            self.closed = True
            head = writer.head(0, at)
            stream.at = at + len(head)
            return [head]
        try:
            count, octets = element.pack(block)
        except CODEC_ERRORS as error:
            raise element.misfit(self.name, block, error) from None
        try:
            head = writer.head(count, at)
        except NdrError as error:
            error.path = self.name
            raise
        data = memoryview(octets)
        at += len(head) + len(data)
        tail = writer.tail(count, at)
        stream.at = at + len(tail)
        return [head, data, tail] if tail else [head, data]


class Outgoing:
    """Stub data that has pipes in it: a request's follow its other data, a response's precede it."""

    __slots__ = ("_held", "_size", "at", "gate", "outlets")

    def __init__(self, names: Sequence[str]) -> None:
        self.at = 0
        self._held: list[bytes | memoryview] = []  # copies of small chunks that have not been sent
        self._size = 0
        self.gate: Callable[[], bool] | None = None  # at a server: whether all [in] pipes were drained
        self.outlets = tuple(Outlet(name, self, index) for index, name in enumerate(names))

    def open(self, elements: Sequence[PipeElement], order: str, wide: bool, at: int = 0) -> None:
        """The transfer syntax is known: blocks may be pushed, from stub position `at` on."""
        self.at = at
        for outlet, element in zip(self.outlets, elements, strict=True):
            outlet.open(element, order, wide)

    def check_turn(self, outlet: Outlet) -> None:
        if self.gate is not None and not self.gate():
            raise PipeOrder(f'pipe "{outlet.name}" cannot be written before all [in] pipes are drained')
        for earlier in self.outlets[: outlet.index]:
            if not earlier.closed:
                raise PipeOrder(f'pipe "{outlet.name}" cannot be written before pipe "{earlier.name}" is ended')

    def gather(self, parts: list[bytes | memoryview], size: int) -> bool:
        """Keep a copy of a small chunk; whether it should still wait for more."""
        for part in parts:
            self._held.append(bytes(part))
        self._size += size
        return self._size < SMALL

    @property
    def gathers(self) -> bool:
        """Whether small chunks wait."""
        return bool(self._held)

    def gathered(self) -> list[bytes | memoryview]:
        """Take what was gathered."""
        held, self._held, self._size = self._held, [], 0
        return held

    def check_closed(self, others: Container[str] = ()) -> None:
        """Raise `PipeDiscipline` unless every pipe, but those that `others` feed, was ended."""
        for outlet in self.outlets:
            if not outlet.closed and outlet.name not in others:
                raise PipeDiscipline(f'the call was completed before pipe "{outlet.name}" was ended')

    @property
    def closed(self) -> bool:
        return all(outlet.closed for outlet in self.outlets)


def slices(parts: list[bytes | memoryview], size: int = SLICE) -> list[list[bytes | memoryview]]:
    """The parts of a chunk in groups of at most about `size`, so that a large block does not fill the transport."""
    if len(parts) < 2 or len(parts[1]) <= size:
        return [parts]
    groups: list[list[bytes | memoryview]] = [[]]
    room = size
    for part in parts:
        view = part
        while len(view) > room:
            groups[-1].append(memoryview(view)[:room])
            view = memoryview(view)[room:]
            groups.append([])
            room = size
        groups[-1].append(view)
        room -= len(view)
    return groups
