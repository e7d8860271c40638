"""The shape in which a generated codec module offers itself to the runtime."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final


class PipeElement:
    """How the elements of one pipe are moved. They have a fixed size (MIDL 2317), so a block is rows.

    Attributes:
        size: octets of one element. align: its alignment. stride: octets from one element to the next; the last
            element of a chunk is followed by no padding in NDR 2.0.
    """

    __slots__ = ("align", "pack", "size", "stride", "unpack")

    def __init__(
        self,
        size: int,
        align: int,
        pack: Callable[[Any], bytes | bytearray],
        unpack: Callable[[Any, int], Any],
    ) -> None:
        self.size = size
        self.align = align
        self.stride = -(-size // align) * align
        self.pack = pack
        """The octets of a block: (n - 1) * stride + size, none for an empty one."""
        self.unpack = unpack
        """(octets, n) -> a block of n elements that owns its memory."""

    def count(self, block: Sequence[Any]) -> int:
        return len(block)

    def slice(self, block: Any, start: int, stop: int) -> Any:
        return block[start:stop]

    def join(self, blocks: Sequence[Any]) -> Any:
        """One block of several."""
        return [element for block in blocks for element in block]


class _ByteElement(PipeElement):
    """byte and char: a block is its own octets."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(1, 1, lambda block: block, lambda data, n: bytes(data[:n]))

    def count(self, block: Any) -> int:
        return block.nbytes if isinstance(block, memoryview) else len(block)

    def join(self, blocks: Sequence[Any]) -> Any:
        return b"".join(blocks)


BYTES: Final = _ByteElement()


class _NumberElement(PipeElement):
    """Other primitives: a block is an `array`, whatever sequence was given."""

    __slots__ = ("_letter",)

    def __init__(self, order: str, letter: str) -> None:
        self._letter = letter
        swap = (order == "<") != (sys.byteorder == "little")

        def pack(block: Any) -> bytes:
            numbers = array(letter, block)
            if swap:
                numbers.byteswap()
            return numbers.tobytes()

        def unpack(data: Any, n: int) -> Any:
            numbers = array(letter)
            numbers.frombytes(data)
            if swap:
                numbers.byteswap()
            return numbers

        width = array(letter).itemsize
        super().__init__(width, width, pack, unpack)

    def join(self, blocks: Sequence[Any]) -> Any:
        joined = array(self._letter)
        for block in blocks:
            joined.extend(block)
        return joined


def number_element(order: str, letter: str) -> PipeElement:
    """The element of a pipe of numbers; booleans travel as octets."""
    return _NumberElement(order, "B" if letter == "?" else letter)


class OperationCodec:
    """The four halves of one operation's stubs, and its pipes' elements.

    Attributes:
        put_request: (*inputs) -> the stub without its pipes.
        get_request: (data, at=0) -> tuple of inputs; for an operation with pipes (inputs, end).
        put_response: (result, inputs, at=0) -> octets that will lie at stub position `at` modulo 8.
        get_response: (data, inputs, at=0) -> the result; with pipes (result, end). data[0] lies at 0 modulo 8.
    """

    __slots__ = ("get_request", "get_response", "in_pipes", "out_pipes", "put_request", "put_response")

    def __init__(
        self,
        put_request: Callable[..., bytes | bytearray],
        get_request: Callable[..., Any],
        put_response: Callable[..., bytes | bytearray],
        get_response: Callable[..., Any],
        in_pipes: tuple[PipeElement, ...] = (),
        out_pipes: tuple[PipeElement, ...] = (),
    ) -> None:
        self.put_request = put_request
        self.get_request = get_request
        self.put_response = put_response
        self.get_response = get_response
        self.in_pipes = in_pipes
        self.out_pipes = out_pipes


Codecs = Mapping[int, OperationCodec]
"""The codecs of one interface in one transfer syntax and byte order, by opnum."""


def put_nothing() -> bytes:
    return b""


def get_nothing(data: Any, at: int = 0) -> tuple[()]:
    return ()


def put_no_result(result: None, inputs: Any, at: int = 0) -> bytes:
    return b""


def get_no_result(data: Any, inputs: Any, at: int = 0) -> None:
    return None
