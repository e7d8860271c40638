"""The shape in which a generated codec module offers itself to the runtime."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from idlrt.ndr.elements import PipeElement


class OperationCodec:
    """The four halves of one operation's stubs, and its pipes' elements.

    Attributes:
        put_request: (*inputs) -> the stub without its pipes.
        get_request: (data, at=0) -> tuple of inputs; for an operation with pipes (inputs, end).
        put_response: (result, inputs, at=0) -> octets that will lie at stub position `at` modulo 8.
        get_response: (data, inputs, at=0) -> the result; with pipes (result, end). data[0] lies at 0 modulo 8.
        blank: (inputs, hresult) -> the result of a method that has failed, if there is more in it than the HRESULT.
    """

    __slots__ = ("blank", "get_request", "get_response", "in_pipes", "out_pipes", "put_request", "put_response")

    def __init__(
        self,
        put_request: Callable[..., bytes | bytearray],
        get_request: Callable[..., Any],
        put_response: Callable[..., bytes | bytearray],
        get_response: Callable[..., Any],
        in_pipes: tuple[PipeElement, ...] = (),
        out_pipes: tuple[PipeElement, ...] = (),
        blank: Callable[[tuple[Any, ...], int], Any] | None = None,
    ) -> None:
        self.put_request = put_request
        self.get_request = get_request
        self.put_response = put_response
        self.get_response = get_response
        self.in_pipes = in_pipes
        self.out_pipes = out_pipes
        self.blank = blank


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
