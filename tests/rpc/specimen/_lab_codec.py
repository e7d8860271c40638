"""The codec of `lab`, by hand and by struct; the shape is that of generated ones."""

from __future__ import annotations

from collections.abc import Sequence
from struct import Struct
from typing import Any, cast
from uuid import UUID

from idlrt import ndr
from idlrt.errors import NdrError
from tests.rpc.specimen.lab import LABCTX, OTHERCTX, StatResult

Octets = bytes | bytearray | memoryview


def operation(
    put_request: Any,
    get_request: Any,
    put_response: Any,
    get_response: Any,
    in_pipes: tuple[ndr.PipeElement, ...] = (),
    out_pipes: tuple[ndr.PipeElement, ...] = (),
) -> ndr.OperationCodec:
    piped = bool(in_pipes or out_pipes)

    def take_request(data: Octets, at: int = 0) -> Any:
        values, end = get_request(data, at)
        return (values, end) if piped else values

    def take_response(data: Octets, inputs: Any, at: int = 0) -> Any:
        result, end = get_response(data, at)
        return (result, end) if piped else result

    return ndr.OperationCodec(
        put_request,
        take_request,
        put_response,
        take_response,
        in_pipes,
        out_pipes,
    )


def ndr20(order: str) -> ndr.Codecs:
    long, two, hyper, double = Struct(order + "i"), Struct(order + "ii"), Struct(order + "q"), Struct(order + "d")
    count = Struct(order + "I")

    def pad(at: int, to: int) -> bytes:
        return bytes(-at % to)

    def put_long(value: int) -> bytes:
        return long.pack(value)

    def get_longs(data: Octets, at: int) -> Any:
        return long.unpack_from(data, at), at + 4

    def put_result(result: int, inputs: Sequence[Any], at: int = 0) -> bytes:
        return pad(at, 4) + long.pack(result)

    def get_result(data: Octets, at: int) -> Any:
        at += -at % 4
        return long.unpack_from(data, at)[0], at + 4

    def put_blob(data: bytes) -> bytes:
        return count.pack(len(data)) + data

    def get_blob(data: Octets, at: int) -> Any:
        (size,) = count.unpack_from(data, at)
        if size > len(data) - at - 4:
            raise NdrError("data: the count exceeds what is there", truncated=True)
        return bytes(data[at + 4 : at + 4 + size]), at + 4 + size

    def put_handle(handle: Any) -> bytes:
        if handle is None:
            return bytes(20)
        octets: bytes = handle.uuid.bytes_le if order == "<" else handle.uuid.bytes
        return count.pack(handle.attributes) + octets

    def get_handle(kind: Any) -> Any:
        def get(data: Octets, at: int) -> Any:
            (attributes,) = count.unpack_from(data, at)
            octets = bytes(data[at + 4 : at + 20])
            if len(octets) < 16:
                raise NdrError("handle: cut short", truncated=True)
            uuid = UUID(bytes_le=octets) if order == "<" else UUID(bytes=octets)
            return (kind(attributes, uuid) if uuid.int or attributes else None), at + 20

        return get

    def one(get: Any) -> Any:
        def tuple_of(data: Octets, at: int) -> Any:
            value, end = get(data, at)
            return (value,), end

        return tuple_of

    def returned(put: Any) -> Any:
        return lambda result, inputs, at=0: put(result)

    def put_stat(result: StatResult, inputs: Any, at: int = 0) -> bytes:
        return hyper.pack(result.size) + long.pack(result.return_value)

    def get_stat(data: Octets, at: int) -> Any:
        return StatResult(hyper.unpack_from(data, at)[0], long.unpack_from(data, at + 8)[0]), at + 12

    def nothing_to_put(*_: Any) -> bytes:
        return b""

    octets, doubles = ndr.BYTES, ndr.number_element(order, "d")
    lab, other = get_handle(LABCTX), get_handle(OTHERCTX)
    long_request = put_long, get_longs
    long_response = put_result, get_result
    return cast(
        ndr.Codecs,
        {
            0: operation(two.pack, lambda data, at: (two.unpack_from(data, at), at + 8), *long_response),
            1: operation(put_blob, one(get_blob), returned(put_blob), get_blob),
            2: operation(*long_request, *long_response, in_pipes=(octets,)),
            3: operation(
                lambda total, block: hyper.pack(total) + long.pack(block),
                lambda data, at: ((hyper.unpack_from(data, at)[0], long.unpack_from(data, at + 8)[0]), at + 12),
                *long_response,
                out_pipes=(octets,),
            ),
            4: operation(*long_request, *long_response, in_pipes=(octets,), out_pipes=(octets,)),
            5: operation(
                double.pack,
                lambda data, at: (double.unpack_from(data, at), at + 8),
                *long_response,
                in_pipes=(doubles,),
                out_pipes=(doubles,),
            ),
            6: operation(*long_request, returned(put_handle), lab),
            7: operation(put_handle, one(lab), *long_response),
            8: operation(put_handle, one(lab), returned(put_handle), lab),
            9: operation(nothing_to_put, lambda data, at: ((), at), returned(put_handle), other),
            10: operation(*long_request, nothing_to_put, lambda data, at: (None, at)),
            11: operation(*long_request, *long_response),
            12: operation(*long_request, nothing_to_put, lambda data, at: (None, at)),
            13: operation(*long_request, put_stat, get_stat),
        },
    )
