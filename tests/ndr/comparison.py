"""Values by name for the reference, as tuples and results for the codecs; octets of both side by side."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from idlc.semantics import types as t
from tests.compiled import Compiled
from tests.ndr import reference
from tests.ndr.aliases import AliasingValues
from tests.ndr.reference import Reference
from tests.vectors.marshalling import Stub, renumbered
from tests.vectors.values import is_pipe

SYNTAXES = [("ndr20", "<"), ("ndr20", ">"), ("ndr64", "<")]


def inputs_of(stub: Stub) -> list[str]:
    return [name for name, p in stub.parameters.items() if p.is_in and not is_pipe(p.type)]


def outputs_of(stub: Stub) -> list[str]:
    names = [name for name, p in stub.parameters.items() if p.is_out and not is_pipe(p.type)]
    return names if isinstance(stub.operation.result, t.Void) else [*names, "return"]


def by_name(names: Sequence[str], result: Any) -> dict[str, Any]:
    """The outputs out of the result that holds them."""
    if not names:
        return {}
    return dict(zip(names, [result] if len(names) == 1 else result, strict=True))


def result_of(stub: Stub, values: Sequence[Any]) -> Any:
    """The result that holds the outputs."""
    if len(values) < 2:
        return values[0] if values else None
    return stub.compiled.result_class(stub.declared, stub.operation)(*values)


class Comparison:
    """One operation in one syntax, written both ways."""

    def __init__(self, stub: Stub) -> None:
        self.stub = stub
        declared = stub.compiled.bound.declared
        self.reference = Reference(declared, "ndr64" if stub.wide else "ndr20", stub.order)

    def same(self, made: bytes, expected: reference.Stub) -> None:
        """Asserts equal octets, whatever the numbers of the referents."""
        width = 8 if self.stub.wide else 4
        assert len(made) == len(expected.octets), f"\n{made.hex(' ', 4)}\n{expected.octets.hex(' ', 4)}"
        ours = renumbered(made, expected.referents, width, self.stub.order)
        theirs = renumbered(expected.octets, expected.referents, width, self.stub.order)
        assert ours.hex(" ", 4) == theirs.hex(" ", 4)

    def request(self, values: Mapping[str, Any]) -> bytes:
        """The codec's octets, which are the reference's."""
        made = bytes(self.stub.codec.put_request(*(values[name] for name in inputs_of(self.stub))))
        self.same(made, self.reference.request(self.stub.operation, values))
        return made

    def response(self, sent: Mapping[str, Any], values: Mapping[str, Any], at: int = 0) -> bytes:
        inputs = tuple(sent.get(name) for name in inputs_of(self.stub))
        result = result_of(self.stub, [values[name] for name in outputs_of(self.stub)])
        made = bytes(self.stub.codec.put_response(result, inputs, at))
        self.same(made, self.reference.response(self.stub.operation, sent, values, at))
        return made


class NoValues(Exception):
    """The sizes of an operation contradict each other whatever they are."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """The values of one call, both ways, without its pipes."""

    compiled: Compiled
    operation: str
    sent: dict[str, Any]
    answered: dict[str, Any]

    @classmethod
    def random(cls, compiled: Compiled, operation: str, chance: random.Random) -> Exchange:
        _, bound = compiled.operation(operation)
        values = AliasingValues(compiled.bound.declared, compiled.find_class, chance)
        traveling = [p for p in bound.parameters if reference.travels(p.type)]
        back = {p.name: p.type for p in traveling if p.is_out}
        if not isinstance(bound.result, t.Void):
            back["return"] = bound.result
        for _ in range(20):
            try:
                values.begin()
                there = {p.name: p.type for p in traveling if p.is_in}
                sent = values.siblings(there, users=[p.type for p in traveling])
                values.begin()
                # An [in, out] parameter changes, what it sizes with it; [in] ones stay as they were.
                stays = {p.name: sent[p.name] for p in traveling if not p.is_out}
                return cls(compiled, operation, sent, values.siblings(back, given=stays))
            except AssertionError:  # these sizes suit no answer
                continue
        raise NoValues(operation)

    def compare(self, transfer: str, order: str) -> None:
        """Asserts that codecs and reference write the same, and that codecs read back what they wrote."""
        stub = Stub(self.compiled, self.operation, transfer, order)
        sides = Comparison(stub)
        piped = bool(stub.codec.in_pipes or stub.codec.out_pipes)

        octets = sides.request(self.sent)
        inputs = tuple(self.sent[name] for name in inputs_of(stub))
        read = stub.codec.get_request(memoryview(octets))
        read = tuple(read[0] if piped else read)
        assert read == inputs
        # Aliases, which a comparison of values does not see, show when what was read is written again.
        sides.request(dict(zip(inputs_of(stub), read, strict=True)))

        for at in range(8) if stub.codec.out_pipes else (0,):
            octets = sides.response(self.sent, self.answered, at)
            result = stub.codec.get_response(memoryview(bytes(at) + octets), inputs, at)
            outputs = by_name(outputs_of(stub), result[0] if piped else result)
            assert outputs == self.answered
            sides.response(self.sent, outputs, at)
