"""Calls of generated codecs, with what they raise on bad data turned into `NdrError`.

Generated code lets `struct.error` and the like pass, because a check per field would cost more than everything else;
here is the one place that knows. `explain` also tells an `NdrError` the path of the value it is about.
"""

from __future__ import annotations

from typing import Any

from idlrt.ndr import CODEC_ERRORS, OperationCodec, explain, packed
from idlrt.rpc.interface import Operation


def encode_request(codec: OperationCodec, operation: Operation, inputs: tuple[Any, ...]) -> bytes | bytearray:
    try:
        return codec.put_request(*inputs)
    except CODEC_ERRORS as error:
        given = packed(codec.put_request, operation.inputs, inputs)
        found = explain(error, operation.name, given=given)
        raise found from found.__cause__


def decode_request(
    codec: OperationCodec, operation: Operation, data: bytes | bytearray | memoryview
) -> tuple[tuple[Any, ...], int]:
    """The inputs, and where the pipes begin when there are any."""
    try:
        got = codec.get_request(data)
    except CODEC_ERRORS as error:
        found = explain(error, operation.name, data)
        raise found from found.__cause__
    return got if operation.pipes else (got, len(data))


def encode_response(
    codec: OperationCodec, operation: Operation, result: Any, inputs: tuple[Any, ...], at: int
) -> bytes | bytearray:
    try:
        return codec.put_response(result, inputs, at)
    except CODEC_ERRORS as error:
        found = explain(error, operation.name)
        raise found from found.__cause__


def decode_response(
    codec: OperationCodec, operation: Operation, data: bytes | bytearray | memoryview, inputs: tuple[Any, ...], at: int
) -> Any:
    try:
        got = codec.get_response(data, inputs, at)
    except CODEC_ERRORS as error:
        found = explain(error, operation.name, data)
        raise found from found.__cause__
    return got[0] if operation.pipes else got
