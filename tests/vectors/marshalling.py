"""Stubs made and read through the generated codecs, pipes included, as the runtime would do it."""

from __future__ import annotations

from typing import Any, Literal

from idlc.semantics import types as t
from idlrt.ids import NDR20, NDR64
from idlrt.ndr.chunks import ChunkParser, ChunkWriter
from tests.compiled import Compiled
from tests.vectors.values import is_pipe


class Stub:
    """One operation in one transfer syntax and byte order; values come and go as the vectors' JSON."""

    def __init__(self, compiled: Compiled, procedure: str, transfer: str, order: str) -> None:
        self.compiled = compiled
        self.wide = transfer == "ndr64"
        self.order = order
        self.declared, self.operation = compiled.operation(procedure)
        codecs = self.declared.codecs(NDR64 if self.wide else NDR20, order)
        self.codec = codecs[~self.operation.opnum if self.operation.callback else self.operation.opnum]
        self.parameters = {p.name: p for p in self.operation.parameters if not isinstance(p.type, t.BindingHandle)}

    @property
    def input_count(self) -> int:
        return sum(1 for p in self.parameters.values() if p.is_in and not is_pipe(p.type))

    def request(self, values: dict[str, Any]) -> tuple[tuple[Any, ...], list[Any]]:
        """The [in] values and the blocks of the [in] pipes."""
        converter = self.compiled.converter()
        sent = {name: converter.convert(p.type, values[name]) for name, p in self.parameters.items() if p.is_in}
        pipes = [value for name, value in sent.items() if is_pipe(self.parameters[name].type)]
        return tuple(value for name, value in sent.items() if not is_pipe(self.parameters[name].type)), pipes

    def response(self, values: dict[str, Any]) -> tuple[Any, list[Any]]:
        """The result as a service gives it, and the blocks of the [out] pipes."""
        converter = self.compiled.converter()
        sent = {name: converter.convert(p.type, values[name]) for name, p in self.parameters.items() if p.is_out}
        pipes = [value for name, value in sent.items() if is_pipe(self.parameters[name].type)]
        outputs = [value for name, value in sent.items() if not is_pipe(self.parameters[name].type)]
        if not isinstance(self.operation.result, t.Void):
            outputs.append(converter.convert(self.operation.result, values["return"]))
        if len(outputs) < 2:
            return (outputs[0] if outputs else None), pipes
        return self.compiled.result_class(self.declared, self.operation)(*outputs), pipes

    def put_request(self, inputs: tuple[Any, ...], pipes: list[Any]) -> bytes:
        data = bytearray(self.codec.put_request(*inputs))
        self._put_pipes(data, self.codec.in_pipes, pipes)
        return bytes(data)

    def get_request(self, data: bytes) -> tuple[tuple[Any, ...], list[Any]]:
        if not self.codec.in_pipes and not self.codec.out_pipes:
            return tuple(self.codec.get_request(memoryview(data))), []
        inputs, end = self.codec.get_request(memoryview(data))
        pipes, _ = self._get_pipes(data, end, self.codec.in_pipes)
        return tuple(inputs), pipes

    def put_response(self, result: Any, pipes: list[Any], inputs: tuple[Any, ...]) -> bytes:
        data = bytearray()
        self._put_pipes(data, self.codec.out_pipes, pipes)
        data += self.codec.put_response(result, inputs, len(data) % 8)
        return bytes(data)

    def get_response(self, data: bytes, inputs: tuple[Any, ...]) -> tuple[Any, list[Any]]:
        pipes, at = self._get_pipes(data, 0, self.codec.out_pipes)
        result = self.codec.get_response(memoryview(data), inputs, at)
        if self.codec.in_pipes or self.codec.out_pipes:
            result, _ = result
        return result, pipes

    def _put_pipes(self, data: bytearray, elements: tuple[Any, ...], pipes: list[Any]) -> None:
        for element, blocks in zip(elements, pipes, strict=True):
            writer = ChunkWriter(element, self.order, self.wide)
            for block in blocks:
                count, octets = element.pack(block)
                data += writer.head(count, len(data))
                data += octets
                data += writer.tail(count, len(data))
            data += writer.head(0, len(data))

    def _get_pipes(self, data: bytes, at: int, elements: tuple[Any, ...]) -> tuple[list[Any], int]:
        pipes = []
        for element in elements:
            parser = ChunkParser(element, self.order, self.wide)
            at += parser.feed(memoryview(data)[at:], at)
            assert parser.ended
            octets = b"".join(parser.runs)
            count = len(octets) // element.stride
            pipes.append([element.unpack(memoryview(octets), count)] if count else [])
        return pipes, at


def joined(pipes: list[Any]) -> list[Any]:
    """What each pipe holds, whatever its chunks."""
    return [[element for block in blocks for element in block] for blocks in pipes]


def renumbered(data: bytes, offsets: list[int], width: int, order: str) -> bytes:
    """The stub with its referent ids numbered by first appearance; any scheme is right, equality must be kept."""
    byte_order: Literal["little", "big"] = "little" if order == "<" else "big"
    numbers: dict[int, int] = {}
    out = bytearray(data)
    for at in offsets:
        id_ = int.from_bytes(out[at : at + width], byte_order)
        if id_:
            id_ = 0x20000 + 4 * numbers.setdefault(id_, len(numbers))
        out[at : at + width] = id_.to_bytes(width, byte_order)
    return bytes(out)
