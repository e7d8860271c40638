"""The ends of a pipe as programs see them, for coroutines and for threads.

Whoever sends has a writer, whoever receives a reader, on either side of the connection; an `[in, out]` pipe is both,
first one way and then the other. Type parameters say what a block is: `bytes` for octets and characters, an `array`
for other numbers, a list of objects for everything else.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Generic, NoReturn, Protocol, TypeVar, overload

from idlrt.errors import PipeOrder
from idlrt.ndr.elements import Form
from idlrt.pipes.flow import Borrowed, Inlet, Outlet

if TYPE_CHECKING:
    from array import array

E = TypeVar("E")
NumberT = TypeVar("NumberT", int, float)
PulledT_co = TypeVar("PulledT_co", covariant=True)
PushedT_contra = TypeVar("PushedT_contra", contravariant=True)


class NowLine(Protocol):
    """What moves the octets of a call for whoever does not wait."""

    def pull_nowait(self, inlet: Inlet, most: int | None, form: Form = None) -> Any: ...

    def push_nowait(self, outlet: Outlet, block: Any) -> None: ...


class AsyncLine(NowLine, Protocol):
    """What moves the octets of a call for a coroutine."""

    async def pull(self, inlet: Inlet, most: int | None, form: Form = None) -> Any: ...

    async def push(self, outlet: Outlet, block: Any) -> None: ...


class Line(NowLine, Protocol):
    """What moves the octets of a call for a thread."""

    def pull(self, inlet: Inlet, most: int | None, form: Form = None) -> Any: ...

    def push(self, outlet: Outlet, block: Any) -> None: ...


def _wrong_way(pipe: str, cannot: str) -> NoReturn:
    raise PipeOrder(f'pipe "{pipe}" cannot be {cannot} at this side of the call')


class _PullsNow(Generic[PulledT_co]):
    """The receiving half of an end in MIDL's form, where nothing waits."""

    __slots__ = ()

    _line: NowLine
    _inlet: Inlet

    @overload
    def pull_nowait(self, most: int | None = None) -> PulledT_co: ...

    @overload
    def pull_nowait(self: _PullsNow[Sequence[E]], most: int | None = None, *, form: type[list[Any]]) -> list[E]: ...

    @overload
    def pull_nowait(
        self: _PullsNow[array[NumberT]], most: int | None = None, *, form: type[memoryview[Any] | Borrowed]
    ) -> memoryview[NumberT]: ...

    @overload
    def pull_nowait(
        self: _PullsNow[bytes], most: int | None = None, *, form: type[memoryview[Any] | Borrowed]
    ) -> memoryview[int]: ...

    def pull_nowait(self, most: int | None = None, *, form: Form = None) -> Any:
        """The next block, if one is there; arguments as for `pull`.

        An empty block reports the end of the pipe. A failure ends the call: nothing more is told of it, and it need not
        be completed.

        Raises:
            AsyncCallPending: nothing is there yet. RECEIVE_COMPLETE is told, once, when there is; then pull again.
            RpcError: as for `pull`.

        Source: Microsoft, "Client-Side Asynchronous Pipe Handling" and "Asynchronous Pipe State".
        """
        return self._line.pull_nowait(self._inlet, most, form)


class _PushesNow(Generic[PushedT_contra]):
    """The sending half of an end in MIDL's form, where nothing waits."""

    __slots__ = ()

    _line: NowLine
    _outlet: Outlet

    def push_nowait(self, block: PushedT_contra | tuple[()]) -> None:
        """Send a block, which may be overwritten afterwards; an empty one ends the pipe.

        What the connection does not take at once is copied, up to the `pipe_backlog` of the channel or server. When it
        has all that was pushed, SEND_COMPLETE is told: whoever pushes again only then, keeps nothing waiting. A failure
        ends the call: nothing more is told of it, and it need not be completed.

        Raises:
            PipeMemory: more waits than the backlog allows.
            RpcError: as for `push`.

        Source: Microsoft, "Client-Side Asynchronous Pipe Handling" and "Asynchronous Pipe State".
        """
        self._line.push_nowait(self._outlet, block)


class _Pulls(_PullsNow[PulledT_co]):
    """The receiving half of an end, for coroutines."""

    __slots__ = ()

    _line: AsyncLine
    _inlet: Inlet

    @overload
    async def pull(self, most: int | None = None) -> PulledT_co: ...

    @overload
    async def pull(self: _Pulls[Sequence[E]], most: int | None = None, *, form: type[list[Any]]) -> list[E]: ...

    @overload
    async def pull(
        self: _Pulls[array[NumberT]], most: int | None = None, *, form: type[memoryview[Any] | Borrowed]
    ) -> memoryview[NumberT]: ...

    @overload
    async def pull(
        self: _Pulls[bytes], most: int | None = None, *, form: type[memoryview[Any] | Borrowed]
    ) -> memoryview[int]: ...

    async def pull(self, most: int | None = None, *, form: Form = None) -> Any:
        """The next block, as large as it happens to have arrived but of at most `most` elements.

        It is the caller's, for ever, but for one that is `Borrowed`. An empty block reports the end of the pipe.

        Args:
            most: elements, 1 or more; without it, what has arrived, of numbers 64 KiB and of structures 256 at most.
            form: what the block shall be: `list`, `memoryview` or `pipes.Borrowed`, instead of what the pipe's type
                says. Structures come in lists only.

        Raises:
            PipeEmpty: the end was reported before. PipeOrder: it is not this pipe's turn.
            RpcError: whatever ended the call, a fault of the other side for instance.
        """
        return await self._line.pull(self._inlet, most, form)

    @overload
    def blocks(self) -> AsyncIterator[PulledT_co]: ...

    @overload
    def blocks(self: _Pulls[Sequence[E]], form: type[list[Any]]) -> AsyncIterator[list[E]]: ...

    @overload
    def blocks(
        self: _Pulls[array[NumberT]], form: type[memoryview[Any] | Borrowed]
    ) -> AsyncIterator[memoryview[NumberT]]: ...

    @overload
    def blocks(self: _Pulls[bytes], form: type[memoryview[Any] | Borrowed]) -> AsyncIterator[memoryview[int]]: ...

    async def blocks(self, form: Form = None) -> AsyncIterator[Any]:
        """The blocks to the end of the pipe, in a form as `pull` takes it; without one, as `async for` gives them."""
        line, inlet = self._line, self._inlet
        while not inlet.drained:
            block = await line.pull(inlet, None, form)
            if inlet.drained:
                return
            yield block

    def __aiter__(self) -> AsyncIterator[PulledT_co]:
        return self.blocks()


class _Pushes(_PushesNow[PushedT_contra]):
    """The sending half of an end, for coroutines."""

    __slots__ = ()

    _line: AsyncLine
    _outlet: Outlet

    async def push(self, block: PushedT_contra | tuple[()]) -> None:
        """Send a block; an empty one ends the pipe.

        Octets are taken from any buffer; numbers from an `array`, any other buffer of them or any sequence; structures
        from any sequence. Returns when the block may be overwritten and the peer has made room for more. Fragments hold
        multiples of eight octets, so the last seven may wait for the next push.

        Raises:
            NdrError: an element does not fit; its path has the pipe's name and the index. Nothing was sent.
            PipeObject: that is no block of such elements. Nothing was sent.
            PipeClosed: the pipe was ended before, or the server has answered. PipeOrder: it is not this pipe's turn.
            RpcError: whatever ended the call.
        """
        await self._line.push(self._outlet, block)


class PipeReader(_Pulls[PulledT_co]):
    """The receiving end of a pipe; `async for` gives its blocks."""

    __slots__ = ("_inlet", "_line")

    def __init__(self, line: AsyncLine, inlet: Inlet) -> None:
        self._line = line
        self._inlet = inlet

    if not TYPE_CHECKING:  # type checkers see that there is none; who has none gets the error that C programs get

        async def push(self, block: object) -> NoReturn:
            _wrong_way(self._inlet.name, "written")

        def push_nowait(self, block: object) -> NoReturn:
            _wrong_way(self._inlet.name, "written")


class PipeWriter(_Pushes[PushedT_contra]):
    """The sending end of a pipe."""

    __slots__ = ("_line", "_outlet")

    def __init__(self, line: AsyncLine, outlet: Outlet) -> None:
        self._line = line
        self._outlet = outlet

    if not TYPE_CHECKING:

        async def pull(self, most: int | None = None, *, form: Form = None) -> NoReturn:
            _wrong_way(self._outlet.name, "read")

        def pull_nowait(self, most: int | None = None, *, form: Form = None) -> NoReturn:
            _wrong_way(self._outlet.name, "read")


class PipeDuplex(_Pulls[PulledT_co], _Pushes[PushedT_contra], Generic[PushedT_contra, PulledT_co]):
    """An `[in, out]` pipe: a client pushes to the end and then pulls, a server pulls to the end and then pushes."""

    __slots__ = ("_inlet", "_line", "_outlet")

    _line: AsyncLine

    def __init__(self, line: AsyncLine, inlet: Inlet, outlet: Outlet) -> None:
        self._line = line
        self._inlet = inlet
        self._outlet = outlet


class _BlockingPulls(_PullsNow[PulledT_co]):
    """The receiving half of an end, for threads."""

    __slots__ = ()

    _line: Line
    _inlet: Inlet

    @overload
    def pull(self, most: int | None = None) -> PulledT_co: ...

    @overload
    def pull(self: _BlockingPulls[Sequence[E]], most: int | None = None, *, form: type[list[Any]]) -> list[E]: ...

    @overload
    def pull(
        self: _BlockingPulls[array[NumberT]], most: int | None = None, *, form: type[memoryview[Any] | Borrowed]
    ) -> memoryview[NumberT]: ...

    @overload
    def pull(
        self: _BlockingPulls[bytes], most: int | None = None, *, form: type[memoryview[Any] | Borrowed]
    ) -> memoryview[int]: ...

    def pull(self, most: int | None = None, *, form: Form = None) -> Any:
        """As `PipeReader.pull`, waiting in this thread."""
        return self._line.pull(self._inlet, most, form)

    @overload
    def blocks(self) -> Iterator[PulledT_co]: ...

    @overload
    def blocks(self: _BlockingPulls[Sequence[E]], form: type[list[Any]]) -> Iterator[list[E]]: ...

    @overload
    def blocks(
        self: _BlockingPulls[array[NumberT]], form: type[memoryview[Any] | Borrowed]
    ) -> Iterator[memoryview[NumberT]]: ...

    @overload
    def blocks(self: _BlockingPulls[bytes], form: type[memoryview[Any] | Borrowed]) -> Iterator[memoryview[int]]: ...

    def blocks(self, form: Form = None) -> Iterator[Any]:
        """The blocks to the end of the pipe, in a form as `pull` takes it; without one, as `for` gives them."""
        line, inlet = self._line, self._inlet
        while not inlet.drained:
            block = line.pull(inlet, None, form)
            if inlet.drained:
                return
            yield block

    def __iter__(self) -> Iterator[PulledT_co]:
        return self.blocks()


class _BlockingPushes(_PushesNow[PushedT_contra]):
    """The sending half of an end, for threads."""

    __slots__ = ()

    _line: Line
    _outlet: Outlet

    def push(self, block: PushedT_contra | tuple[()]) -> None:
        """As `PipeWriter.push`, waiting in this thread."""
        self._line.push(self._outlet, block)


class BlockingPipeReader(_BlockingPulls[PulledT_co]):
    """The receiving end of a pipe for a thread; `for` gives its blocks."""

    __slots__ = ("_inlet", "_line")

    def __init__(self, line: Line, inlet: Inlet) -> None:
        self._line = line
        self._inlet = inlet

    if not TYPE_CHECKING:

        def push(self, block: object) -> NoReturn:
            _wrong_way(self._inlet.name, "written")

        def push_nowait(self, block: object) -> NoReturn:
            _wrong_way(self._inlet.name, "written")


class BlockingPipeWriter(_BlockingPushes[PushedT_contra]):
    """The sending end of a pipe for a thread."""

    __slots__ = ("_line", "_outlet")

    def __init__(self, line: Line, outlet: Outlet) -> None:
        self._line = line
        self._outlet = outlet

    if not TYPE_CHECKING:

        def pull(self, most: int | None = None, *, form: Form = None) -> NoReturn:
            _wrong_way(self._outlet.name, "read")

        def pull_nowait(self, most: int | None = None, *, form: Form = None) -> NoReturn:
            _wrong_way(self._outlet.name, "read")


class BlockingPipeDuplex(
    _BlockingPulls[PulledT_co], _BlockingPushes[PushedT_contra], Generic[PushedT_contra, PulledT_co]
):
    """An `[in, out]` pipe for a thread, first one way and then the other."""

    __slots__ = ("_inlet", "_line", "_outlet")

    _line: Line

    def __init__(self, line: Line, inlet: Inlet, outlet: Outlet) -> None:
        self._line = line
        self._inlet = inlet
        self._outlet = outlet
