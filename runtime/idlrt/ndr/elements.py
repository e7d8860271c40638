"""The elements of pipes: what a program may push as a block, and in which forms a block that arrived is handed out.

Elements have a fixed size (MIDL 2317), so a block is rows: octets, numbers, or structures that generated code moves.
A block that is handed out owns its memory or holds on to it; nothing that arrives later changes it.
"""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from array import array
from collections.abc import Callable, Sequence
from copy import copy
from struct import calcsize
from typing import Any, Final, NoReturn, Protocol, Self, TypeAlias

from idlrt.errors import NdrError, PipeError, PipeObject
from idlrt.ndr.failures import CODEC_ERRORS, explain, unfit

Form: TypeAlias = type[Any] | None
"""What blocks are wanted as: list, array, memoryview or bytes; None for what suits the elements best."""

Octets: TypeAlias = bytes | bytearray | memoryview


class Buffer(Protocol):
    """Anything with a buffer, for type checkers (PEP 688)."""

    def __buffer__(self, flags: int, /) -> memoryview: ...


class PipeElement(ABC):
    """How the elements of one pipe are moved.

    Attributes:
        size: octets of one element. align: its alignment. stride: octets from one element to the next; the last
            element of a chunk is followed by no padding.
        least, most: how many elements one chunk may hold, the empty one that ends the pipe aside ([range] of the
            parameter, which says nothing about the pipe as a whole).
        portion: how many elements a block has at most, unless more are asked for.
        kind: what the elements are, for messages.
    """

    __slots__ = ("align", "kind", "least", "most", "portion", "size", "stride")

    def __init__(self, size: int, align: int, kind: str, portion: int = sys.maxsize) -> None:
        self.size = size
        self.align = align
        self.stride = -(-size // align) * align
        self.kind = kind
        self.portion = portion
        self.least = 0
        self.most = sys.maxsize

    def within(self, least: int, most: int) -> Self:
        """The same element in chunks of `least` to `most`."""
        limited = copy(self)
        limited.least, limited.most = least, most
        return limited

    @abstractmethod
    def pack(self, block: Any) -> tuple[int, Octets]:
        """How many elements a block has, and their octets: (n - 1) * stride + size.

        Octets may be those of the block itself. Raises one of `CODEC_ERRORS`, which `misfit` explains.
        """

    @abstractmethod
    def unpack(self, data: Octets, n: int, form: Form = None) -> Any:
        """A block of `n` elements from octets that nobody changes any more; each fills its stride.

        Raises:
            TypeError: blocks of these elements have no such form.
        """

    def cast(self, data: Octets) -> Any:
        """A block from octets, as files and memory hold such elements on this machine.

        Raises:
            PipeObject: they have no such form.
        """
        raise PipeObject(f"{self.kind} have no form in files or memory")

    def view(self, block: Any) -> Octets:
        """The octets of a block, as `cast` takes them. Raises `PipeObject` likewise."""
        raise PipeObject(f"{self.kind} have no form in files or memory")

    def misfit(self, pipe: str, block: Any, error: Exception) -> PipeError | NdrError:
        """What is wrong with a block that `pack` refused: the first element that does not fit, by its index."""
        if isinstance(block, str | bytes | bytearray | memoryview) or not hasattr(block, "__iter__"):
            return PipeObject(
                f'pipe "{pipe}" takes blocks of {self.kind}, not {type(block).__name__}', help=self._advice(block)
            )
        for index, item in enumerate(block):
            try:
                self.pack([item])
            except CODEC_ERRORS as found:
                return self._explain(f"{pipe}[{index}]", item, found)
        return explain(error, pipe)

    def _advice(self, block: Any) -> str | None:
        return None

    @abstractmethod
    def _explain(self, path: str, item: Any, error: Exception) -> NdrError:
        """What is wrong with one element."""

    def _no_form(self, form: Form) -> NoReturn:
        raise TypeError(f"blocks of {self.kind} have no form {form.__name__ if isinstance(form, type) else form!r}")


class _Octets(PipeElement):
    """byte and char: a block is its own octets, whatever buffer holds them."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(1, 1, "octets")

    def pack(self, block: Any) -> tuple[int, Octets]:
        if type(block) is bytes or type(block) is bytearray:
            return len(block), block
        if isinstance(block, str):
            raise TypeError
        try:
            view = memoryview(block)
        except TypeError:
            data = bytes(iter(block))  # numbers; bytes(5) would be something else
        else:
            if view.c_contiguous:
                return view.nbytes, view.cast("B")
            data = view.tobytes()
        return len(data), data

    def unpack(self, data: Octets, n: int, form: Form = None) -> Any:
        if form is None or form is bytes:
            return data if type(data) is bytes else bytes(data)
        if form is memoryview:
            return memoryview(data)
        if form is list:
            return list(data)
        if form is array:
            return array("B", bytes(data))
        self._no_form(form)

    def cast(self, data: Octets) -> Any:
        return data

    def view(self, block: Any) -> Octets:
        return memoryview(block).cast("B")

    def _advice(self, block: Any) -> str | None:
        return "encode the text" if isinstance(block, str) else None

    def _explain(self, path: str, item: Any, error: Exception) -> NdrError:
        return NdrError(unfit("B", item) or str(error), path=path)


BYTES: Final = _Octets()

_COPIED: Final = 64 << 10
"""Octets of numbers in a block: memory for larger copies comes and goes page by page, which costs more than copying."""

_KINDS: Final = {"f": "numbers", "d": "numbers", "?": "truth values"}


class _Numbers(PipeElement):
    """Other primitives: a block is an `array`, or any buffer or sequence of such numbers."""

    __slots__ = ("_family", "_letter", "_swap", "_typecode")

    def __init__(self, order: str, letter: str) -> None:
        self._letter = letter
        self._typecode = typecode = "B" if letter == "?" else letter
        width = array(typecode).itemsize
        super().__init__(width, width, _KINDS.get(letter, "integers"), _COPIED // width)
        self._swap = width > 1 and (order == "<") != (sys.byteorder == "little")
        # Formats of buffers that hold just these numbers; C has several names for one width.
        alike = next(family for family in ("bhilq", "BHILQ", "fd", "?") if letter in family)
        self._family = frozenset(
            mark + name
            for name in alike
            for mark in ("", "@", "=", "<" if sys.byteorder == "little" else ">")
            if calcsize(mark + name) == width
        )

    def pack(self, block: Any) -> tuple[int, Octets]:
        numbers: Any = block
        if type(block) is not list:
            if isinstance(block, str | bytes | bytearray):
                raise TypeError  # octets of numbers, or numbers below 256? Nobody knows
            try:
                view = memoryview(block)
            except TypeError:
                pass
            else:
                if view.format in self._family:
                    if not self._swap and view.c_contiguous:
                        return view.nbytes // self.size, view.cast("B")
                    data = array(self._typecode, view.tobytes())
                    return self._finished(data)
                if type(block) is memoryview and view.format in ("B", "c"):
                    raise TypeError
        if self._letter == "?":
            data = array("B", bytes(map(bool, numbers)))
        else:
            data = array(self._typecode, numbers)
        return self._finished(data)

    def _finished(self, numbers: array[Any]) -> tuple[int, Octets]:
        if self._swap:
            numbers.byteswap()
        return len(numbers), memoryview(numbers).cast("B")

    def unpack(self, data: Octets, n: int, form: Form = None) -> Any:
        if form is None or form is array or self._swap:
            numbers = array(self._typecode)
            numbers.frombytes(data)
            if self._swap:
                numbers.byteswap()
            if form is None or form is array:
                return numbers
            view = memoryview(numbers)
        else:
            view = self._cast(data)
        if form is list:
            return list(map(bool, view)) if self._letter == "?" else view.tolist()
        if form is memoryview:
            return view
        self._no_form(form)

    def cast(self, data: Octets) -> Any:
        return self._cast(data)

    def _cast(self, data: Octets) -> memoryview:
        octets: Any = memoryview(data).cast("B")
        numbers: memoryview = octets.cast(self._typecode)
        return numbers

    def view(self, block: Any) -> Octets:
        return memoryview(block).cast("B")

    def _advice(self, block: Any) -> str | None:
        if not isinstance(block, bytes | bytearray | memoryview):
            return None
        return f'octets of them can be cast: memoryview(block).cast("{self._typecode}")'

    def _explain(self, path: str, item: Any, error: Exception) -> NdrError:
        return NdrError(unfit(self._letter, item) or str(error), path=path)


_PORTION: Final = 256
"""Objects in a block. Python's collector has a look whenever 700 more were made than are gone. A program that is done
with one block when it pulls the next never makes it work, which would cost as much as making the objects."""


class _Rows(PipeElement):
    """Structures and whatever else generated code moves, one by one: a block is a list of objects."""

    __slots__ = ("_get", "_put")

    def __init__(
        self, size: int, align: int, put: Callable[[Any], bytes | bytearray], get: Callable[[Any, int], list[Any]]
    ) -> None:
        super().__init__(size, align, "structures", _PORTION)
        self._put = put
        self._get = get

    def pack(self, block: Any) -> tuple[int, Octets]:
        elements = block if type(block) is list else list(block)
        return len(elements), self._put(elements)

    def unpack(self, data: Octets, n: int, form: Form = None) -> Any:
        if form is not None and form is not list:
            self._no_form(form)
        try:
            return self._get(memoryview(data), n)
        except NdrError as error:
            raise explain(error, "block") from None

    def _explain(self, path: str, item: Any, error: Exception) -> NdrError:
        found = explain(error, path)
        inside = found.path.partition("]")[2] if found.path.startswith("block[") else ""
        return NdrError(found.message, path=path + inside, help=found.help)


def number_element(order: str, letter: str) -> PipeElement:
    """The element of a pipe of numbers of one struct letter; truth values travel as octets."""
    return _Numbers(order, letter)


def row_element(
    size: int, align: int, put: Callable[[Sequence[Any]], bytes | bytearray], get: Callable[[Any, int], list[Any]]
) -> PipeElement:
    """The element of any other pipe: `put` gives the octets of a block, `get` a list of `n` elements."""
    return _Rows(size, align, put, get)
