"""Readers of generated codecs, each with octets that it reads: what octets are mangled for."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from idlc.wire.plan import callbacks, remote_interfaces, remote_operations
from idlrt import ndr
from idlrt.ndr.chunks import ChunkParser
from tests.compiled import Compiled, compile_cached, dialect_of
from tests.ndr.comparison import SYNTAXES, Exchange, NoValues, inputs_of, outputs_of, result_of
from tests.ndr.random_idl import random_idl
from tests.roundtrip.random_values import Values
from tests.vectors.files import read_vectors
from tests.vectors.marshalling import Stub

TESTS = Path(__file__).parents[2]
CALLS = 4
"""Valid stubs of an operation, each way, of which inputs are made."""
RANDOM = 60
"""Random interfaces besides the golden files and the IDL of the vectors."""


@dataclass(frozen=True, slots=True)
class Target:
    """One reader."""

    name: str
    order: str
    read: Callable[[memoryview], Any]
    write: Callable[[Any], Any]
    """Writes what was read, for what cannot be written is nothing that should have been read silently."""
    valid: tuple[bytes, ...]
    """Octets that it reads without complaint."""


def targets(seeds: Iterable[int] = range(RANDOM), files: bool = True) -> tuple[Target, ...]:
    """All readers of random interfaces, and of what other tests compile."""
    found = [target for seed in seeds for target in _of(compile_cached(random_idl(seed), "random"), f"random{seed}")]
    if files:
        found += [target for name, compiled in _files() for target in _of(compiled, name)]
    return tuple(found)


def _files() -> Iterator[tuple[str, Compiled]]:
    for path in sorted(TESTS.glob("golden/*/*.idl")):
        if len(list(path.parent.glob("*.idl"))) == 1:
            acf = path.with_suffix(".acf")
            more = acf.read_text(encoding="utf-8") if acf.exists() else None
            yield path.stem, compile_cached(path.read_text(encoding="utf-8"), path.stem, more, dialect_of(path))
    stubs = [vector for vector in read_vectors(TESTS / "vectors" / "data") if vector.get("kind") is None]
    for number, text in enumerate(dict.fromkeys(vector["idl"] for vector in stubs)):
        yield f"vectors{number}", compile_cached(text)


def _of(compiled: Compiled, name: str) -> Iterator[Target]:
    for interface in remote_interfaces(compiled.bound):
        for operation in (*remote_operations(interface), *callbacks(interface)):
            exchanges = list(_exchanges(compiled, f"{interface.name}.{operation.name}"))
            for transfer, order in SYNTAXES if exchanges else ():
                stub = Stub(compiled, exchanges[0].operation, transfer, order)
                yield from _readers(stub, exchanges, f"{name} {exchanges[0].operation} {transfer} {order}")
    yield from _pickled(compiled, name)


def _pickled(compiled: Compiled, name: str) -> Iterator[Target]:
    """Types that are serialized by themselves, headers included."""
    pickler: Any = next((each for each in vars(compiled.module).values() if isinstance(each, ndr.Pickles)), None)
    for pickled in compiled.bound.pickled:
        if not pickled.encode or not pickled.decode:
            continue
        values = Values(compiled.bound.declared, compiled.find_class, random.Random(pickled.name))
        some = [values.siblings({"value": pickled.type})["value"] for _ in range(CALLS)]
        encode, decode = partial(pickler.encode, pickled.name), partial(pickler.decode, pickled.name)
        valid = tuple(encode(value, order) for value in some for order in "<>")
        yield Target(f"{name} {pickled.name}", "<", decode, encode, valid)


def _exchanges(compiled: Compiled, operation: str) -> Iterator[Exchange]:
    for call in range(CALLS):
        try:
            yield Exchange.random(compiled, operation, random.Random(f"{operation} {call}"))
        except NoValues:  # nothing that agrees with itself
            return


def _readers(stub: Stub, exchanges: list[Exchange], name: str) -> Iterator[Target]:
    codec, order = stub.codec, stub.order
    piped = bool(codec.in_pipes or codec.out_pipes)
    inputs = [tuple(each.sent[name] for name in inputs_of(stub)) for each in exchanges]
    results = [result_of(stub, [each.answered[name] for name in outputs_of(stub)]) for each in exchanges]
    requests = tuple(bytes(codec.put_request(*given)) for given in inputs)
    if any(requests):
        read = (lambda data: codec.get_request(data)[0]) if piped else codec.get_request
        yield Target(f"{name} request", order, read, lambda given: codec.put_request(*given), requests)
    first = inputs[0]
    responses = tuple(bytes(codec.put_response(result, first, 0)) for result in _fitting(codec, results, first))
    if any(responses):
        yield Target(
            f"{name} response",
            order,
            lambda data: codec.get_response(data, first, 0),
            lambda result: codec.put_response(result[0] if piped else result, first, 0),
            responses,
        )
    for number, element in enumerate((*codec.in_pipes, *codec.out_pipes)):
        word = (3).to_bytes(8 if stub.wide else 4, "little" if order == "<" else "big")
        some = word + bytes(3 * element.stride) + bytes(16)
        yield Target(f"{name} pipe {number}", order, _pipe(element, stub), element.pack, (some, some + some))


def _fitting(codec: Any, results: list[Any], inputs: tuple[Any, ...]) -> Iterator[Any]:
    """The results that suit the inputs: the first one does, others may have other sizes."""
    for result in results:
        try:
            codec.put_response(result, inputs, 0)
        except Exception:
            continue
        yield result


def _pipe(element: Any, stub: Stub) -> Callable[[memoryview], Any]:
    def read(data: memoryview) -> Any:
        parser = ChunkParser(element, stub.order, stub.wide)
        parser.feed(data, 0)
        octets = b"".join(parser.runs)
        whole = len(octets) // element.stride
        return element.unpack(octets[: whole * element.stride], whole)

    return read
