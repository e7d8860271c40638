"""Synchronous pipes as C programs have them: pull, push and alloc procedures of the client, and their state.

The names are the server's: a client's pull supplies what the server pulls, its push consumes what the server pushes.
alloc speaks octets, pull and push speak elements. Pipes of asynchronous functions have no alloc, so none of this goes
with them. Microsoft: "Defining Pipes in IDL Files", "Client-Side Pipe Implementation" and the pages below it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Generic, Protocol, TypeAlias, TypeVar

from idlrt.errors import PipeMemory, PipeObject
from idlrt.ndr.elements import Buffer, PipeElement
from idlrt.pipes.flow import Inlet, Outlet

Memory: TypeAlias = Buffer | list[Any]
"""What alloc grants: a writable buffer, or for structures, and wherever it is liked, a list with room for them."""

S = TypeVar("S")

ASKED: Final = 256 << 10
"""Octets that alloc is asked for before a pull."""


@dataclass(frozen=True, slots=True)
class Procedures(Generic[S]):
    """A pipe's control structure. An [in] pipe needs no push, an [out] pipe no pull.

    Attributes:
        pull: (state, memory, most) -> count. Puts up to `most` elements at the beginning of `memory`; 0 ends the pipe.
            That of an [in, out] pipe then leaves the state as push wants it.
        push: (state, memory, count). Takes `count` elements from the beginning of `memory`; 0, once and last, tells of
            the pipe's end.
        alloc: (state, octets) -> memory. Called before each pull and each push but the last. May give less than asked,
            and the same memory every time. A list of n items is room for n elements.
        state: whatever the procedures need; nothing else looks at it, and it is never sent.
    """

    pull: Callable[[S, Any, int], int] | None = None
    push: Callable[[S, Any, int], object] | None = None
    alloc: Callable[[S, int], Memory] | None = None
    state: S | None = None


class Supplier(Protocol):
    """An object that is its own state, with the procedures of an [in] pipe."""

    def alloc(self, octets: int, /) -> Memory: ...

    def pull(self, memory: Any, most: int, /) -> int: ...


class Consumer(Protocol):
    """An object that is its own state, with the procedures of an [out] pipe."""

    def alloc(self, octets: int, /) -> Memory: ...

    def push(self, memory: Any, count: int, /) -> object: ...


@dataclass(frozen=True, slots=True)
class Bound:
    """Procedures that know their state."""

    alloc: Callable[[int], Any] | None
    pull: Callable[[Any, int], Any] | None
    push: Callable[[Any, int], object] | None

    @property
    def supplies(self) -> bool:
        return self.alloc is not None and self.pull is not None

    @property
    def consumes(self) -> bool:
        return self.alloc is not None and self.push is not None


def procedures_of(given: Any) -> Bound | None:
    """The procedures that an object is or has; None when it is something else."""
    if isinstance(given, Procedures):
        return Bound(*(_bound(each, given.state) for each in (given.alloc, given.pull, given.push)))
    found = [each if callable(each) else None for each in (getattr(given, n, None) for n in ("alloc", "pull", "push"))]
    return Bound(*found) if found[0] is not None and (found[1] or found[2]) else None


def _bound(procedure: Any, state: Any) -> Callable[..., Any] | None:
    return partial(procedure, state) if callable(procedure) else None


class _Granted:
    """Memory from alloc, and how many elements it holds: the octets granted by the size of one, rounded down."""

    def __init__(self, procedures: Bound, octets: int, pipe: str, element: PipeElement) -> None:
        assert procedures.alloc is not None
        self.memory = memory = procedures.alloc(octets)
        self._element = element
        self._view: memoryview | None = None
        if isinstance(memory, list):
            self.most = len(memory)
        else:
            try:
                view = memoryview(memory)
            except TypeError:
                kind = type(memory).__name__
                raise PipeObject(f'alloc of pipe "{pipe}" gave {kind}, where memory was due') from None
            if view.readonly or not view.c_contiguous:
                raise PipeObject(f'alloc of pipe "{pipe}" gave memory that cannot be written')
            self._view = view.cast("B")
            self.most = len(self._view) // element.stride
        if self.most < 1:
            raise PipeMemory(f'alloc of pipe "{pipe}" granted less than one element')

    def block(self, count: int) -> Any:
        """The first elements of the memory."""
        if self._view is None:
            return self.memory[:count]
        return self._element.cast(self._view[: count * self._element.size])

    def fill(self, block: Any) -> None:
        if self._view is None:
            self.memory[: len(block)] = block
        else:
            data = self._element.view(block)
            self._view[: len(data)] = data


def supplied(procedures: Bound, outlet: Outlet) -> Iterator[Any]:
    """What the procedures of an [in] pipe supply, block by block; each is good until the next is asked for."""
    pipe, element = outlet.name, outlet.element
    pull = procedures.pull
    assert pull is not None
    while True:
        granted = _Granted(procedures, ASKED, pipe, element)
        most = min(granted.most, element.most)
        count = pull(granted.memory, most)
        if not isinstance(count, int) or not 0 <= count <= most:
            raise PipeObject(f'pull of pipe "{pipe}" says that it gave {count!r} elements, with room for {most}')
        if not count:
            return
        yield granted.block(count)


def consumed(procedures: Bound, inlet: Inlet, block: Any) -> None:
    """Hand a block to the procedures of an [out] pipe; an empty one is the end, for which alloc is not asked."""
    push = procedures.push
    assert push is not None
    if not len(block):
        push(b"", 0)
        return
    at, element = 0, inlet.element
    while at < len(block):
        granted = _Granted(procedures, (len(block) - at) * element.stride, inlet.name, element)
        count = min(granted.most, len(block) - at)
        granted.fill(block[at : at + count])
        push(granted.memory, count)
        at += count
