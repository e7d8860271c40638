"""Octets cut short, changed and lying: whatever a codec makes of them, it is a value or an NdrError, and no larger
than what was sent."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Iterator
from typing import Any

from idlrt import ndr
from idlrt.errors import NdrError
from idlrt.ndr import CODEC_ERRORS, explain
from tests.ndr.comparison import Exchange, by_name, inputs_of, outputs_of, result_of
from tests.vectors.marshalling import Stub

LIES = (0, 1, 2, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
PARTS_PER_OCTET = 32
"""A generous bound: a structure of many [unique] pointers has the most to show for its octets."""
SLACK = 1 << 18
"""What a few elements that are not sent may take, as None."""


def attempt(operation: str, work: Callable[[], Any], data: Any = None) -> Any:
    """What `work` gives, or None when it refuses as codecs may."""
    try:
        return work()
    except NdrError as error:
        assert isinstance(explain(error, operation, data), NdrError)
    except CODEC_ERRORS as error:
        assert isinstance(explain(error, operation, data), NdrError)
    return None


def request(stub: Stub, data: bytes) -> None:
    """Reads a request from `data`; what comes of it can be written again or is refused likewise."""
    name = stub.operation.name
    inputs = attempt(name, lambda: stub.codec.get_request(memoryview(data)), data)
    if inputs is not None:
        inputs = inputs[0] if stub.codec.in_pipes or stub.codec.out_pipes else inputs
        assert parts(inputs) <= PARTS_PER_OCTET * len(data) + SLACK
        attempt(name, lambda: stub.codec.put_request(*inputs))


def response(stub: Stub, data: bytes, inputs: tuple[Any, ...]) -> None:
    name = stub.operation.name
    result = attempt(name, lambda: (stub.codec.get_response(memoryview(data), inputs, 0),), data)
    if result is not None:
        result = result[0][0] if stub.codec.in_pipes or stub.codec.out_pipes else result[0]
        outputs = by_name(outputs_of(stub), result)
        assert parts(list(outputs.values())) <= PARTS_PER_OCTET * len(data) + SLACK
        attempt(name, lambda: stub.codec.put_response(result_of(stub, list(outputs.values())), inputs, 0))


def mangle(exchange: Exchange, transfer: str, order: str, chance: random.Random, tries: int) -> None:
    """Both stubs of a call, mangled in every way `tries` times."""
    stub = Stub(exchange.compiled, exchange.operation, transfer, order)
    inputs = tuple(exchange.sent[name] for name in inputs_of(stub))
    result = result_of(stub, [exchange.answered[name] for name in outputs_of(stub)])
    for data in mangled(bytes(stub.codec.put_request(*inputs)), order, chance, tries):
        request(stub, data)
    for data in mangled(bytes(stub.codec.put_response(result, inputs, 0)), order, chance, tries):
        response(stub, data, inputs)


def mangled(data: bytes, order: str, chance: random.Random, tries: int) -> Iterator[bytes]:
    for _ in range(tries if data else 0):
        yield data[: chance.randrange(len(data))]
        changed = bytearray(data)
        for _ in range(chance.randrange(1, 4)):
            changed[chance.randrange(len(changed))] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))
        yield bytes(changed)
        changed = bytearray(data)
        for _ in range(chance.randrange(1, 4)):
            at = chance.randrange(max(1, len(data) // 4)) * 4
            changed[at : at + 4] = struct.pack(f"{order}I", chance.choice(LIES))
        yield bytes(changed)
        yield data + chance.randbytes(chance.randrange(9))


def parts(value: Any) -> int:
    """How many values there are in `value`, shared ones once."""
    count, pending, seen = 0, [value], set()
    while pending:
        item = pending.pop()
        count += 1
        if isinstance(item, str | bytes):
            count += len(item)
        elif isinstance(item, ndr.Struct | ndr.Union | ndr.Ref | list | tuple) and id(item) not in seen:
            seen.add(id(item))
            if isinstance(item, list | tuple):
                pending += item
            else:
                pending += [getattr(item, name) for name in item.__slots__]
    return count
