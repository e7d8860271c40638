"""NDR 2.0 and NDR64 the slow way: stubs written straight from bound types, one rule of the specification at a time.

This is what generated codecs are compared with, so it shares nothing with the planner that makes them: no layouts
known beforehand, no runs, nothing merged. It only writes. The rules are C706 chapter 14 and MS-RPCE 2.2.4 and
2.2.5, as the recorded vectors confirm them.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Any

from idlc.semantics import types as t
from idlrt.ndr import Ref
from tests.converters import found_converter
from tests.roundtrip.expressions import evaluate
from tests.vectors.values import is_pipe

LETTERS = {
    t.BaseKind.BOOLEAN: "B",
    t.BaseKind.BYTE: "B",
    t.BaseKind.CHAR: "B",
    t.BaseKind.WCHAR: "H",
    t.BaseKind.INT8: "b",
    t.BaseKind.UINT8: "B",
    t.BaseKind.INT16: "h",
    t.BaseKind.UINT16: "H",
    t.BaseKind.INT32: "i",
    t.BaseKind.UINT32: "I",
    t.BaseKind.INT64: "q",
    t.BaseKind.UINT64: "Q",
    t.BaseKind.FLOAT: "f",
    t.BaseKind.DOUBLE: "d",
}


class Refused(Exception):
    """The value has no representation: no arm for a tag, an enumeration's value beyond its 16 bits."""


class Reference:
    """Writes stubs of one file's operations in one transfer syntax and byte order."""

    def __init__(self, declared: Mapping[str, t.Declared], transfer: str, order: str) -> None:
        self.declared = declared
        self.wide = transfer == "ndr64"
        self.order = order

    def request(self, operation: t.Operation, values: Mapping[str, Any]) -> Stub:
        """The request's octets without its pipes; `values` are the [in] ones by IDL name."""
        stub = Stub(self)
        scope = opened(values)
        for parameter in operation.parameters:
            if parameter.is_in and travels(parameter.type):
                stub.parameter(parameter.type, values[parameter.name], scope)
        return stub

    def response(self, operation: t.Operation, sent: Mapping[str, Any], values: Mapping[str, Any], at: int = 0) -> Stub:
        """The response's octets behind its pipes: `at` octets lie before them.

        `sent` are the [in] values, on which sizes may depend; `values` the [out] ones, and `return`.
        """
        stub = Stub(self, at)
        scope = opened({**sent, **values})
        for parameter in operation.parameters:
            if parameter.is_out and travels(parameter.type):
                stub.parameter(parameter.type, values[parameter.name], scope)
        if not isinstance(operation.result, t.Void):
            stub.parameter(operation.result, values["return"], {})
        return stub

    # ------------------------------------------------------------------------ declarations

    def struct(self, use: t.StructUse) -> t.Struct:
        found = self.declared[use.name]
        assert isinstance(found, t.Struct)
        return found

    def union(self, use: t.UnionUse) -> t.Union:
        found = self.declared[use.name]
        assert isinstance(found, t.Union)
        return found

    # ------------------------------------------------------------------------ sizes and alignments

    @property
    def word(self) -> int:
        """Octets of a referent id, a maximum count, an offset and an actual count."""
        return 8 if self.wide else 4

    def enum(self, use: t.EnumUse) -> t.Enum:
        enum = self.declared[use.name]
        assert isinstance(enum, t.Enum)
        return enum

    def enum_size(self, use: t.EnumUse) -> int:
        return self.enum(use).octets or (4 if self.wide else 2)

    def letter(self, kind: t.BaseKind) -> str:
        if kind is t.BaseKind.INT3264:
            return "q" if self.wide else "i"
        if kind is t.BaseKind.UINT3264:
            return "Q" if self.wide else "I"
        return LETTERS[kind]

    def alignment(self, kind: t.Type) -> int:
        match kind:
            case t.Base(kind=t.BaseKind.GUID):
                return 4
            case t.Base(kind=base):
                return struct.calcsize(self.letter(base))
            case t.EnumUse():
                return self.enum_size(kind)
            case t.StructUse():
                return max((self.alignment(f.type) for f in self.struct(kind).fields), default=1)
            case t.UnionUse():
                return self.union_alignment(kind)
            case t.Pointer() | t.InterfacePointer():
                return self.word
            case t.Array(element=element):  # its counts do not tell
                return self.alignment(element)
            case t.String(unit=unit):
                return 2 if unit is t.BaseKind.WCHAR else 1
            case t.ContextHandleUse():
                return 4
            case t.Presented(type=wire):
                return self.alignment(wire)
            case _:
                raise TypeError(f"{kind} does not travel")

    def union_alignment(self, use: t.UnionUse) -> int:
        """What a union asks of the structure that holds it."""
        tag = self.alignment(self.tag_type(use))
        if self.union(use).encapsulated and not self.wide:
            return tag  # seen: an arm of larger alignment counts only when it is there
        return max(tag, self.arms_alignment(use))

    def arms_alignment(self, use: t.UnionUse) -> int:
        return max((self.alignment(arm.type) for arm in self.union(use).arms if arm.type is not None), default=1)

    def tag_type(self, use: t.UnionUse) -> t.Base | t.EnumUse:
        union = self.union(use)
        found = union.switch_type if union.encapsulated else use.switch_type
        assert found is not None
        return found

    # ------------------------------------------------------------------------ conformance

    def conformant_part(self, kind: t.Type, value: Any, scope: Mapping[str, Any]) -> list[int]:
        """The maximum counts that go before `kind`: its own, or those of the member that ends the structure."""
        match kind:
            case t.String(bound=None, size=size):
                units = len(units_of(value, kind.unit)) + 1
                return [units if size is None else evaluate(size, scope)]
            case t.Array(dimensions=dimensions):
                return [evaluate(d.size, scope) for d in dimensions if d.conformant and d.size is not None]
            case t.StructUse():
                fields = self.struct(kind).fields
                if not fields or not self.is_conformant(kind):
                    return []
                held = field_values(value)
                inner = opened({f.name: v for f, v in zip(fields, held, strict=True)})
                return self.conformant_part(fields[-1].type, held[-1], inner)
            case t.Presented(type=wire):
                return self.conformant_part(wire, wire_of(kind, value), {})
            case _:
                return []

    def is_conformant(self, kind: t.Type) -> bool:
        match kind:
            case t.String(bound=bound):
                return bound is None
            case t.Array(dimensions=dimensions):
                return any(d.conformant for d in dimensions)
            case t.StructUse():
                fields = self.struct(kind).fields
                return bool(fields) and self.is_conformant(fields[-1].type)
            case t.Presented(type=wire):
                return self.is_conformant(wire)
            case _:
                return False


class Stub:
    """A stub being written."""

    def __init__(self, reference: Reference, at: int = 0) -> None:
        self.rules = reference
        self.data = bytearray(at)
        self.start = at
        self.referents: list[int] = []
        """Where referent ids and the placeholders of embedded ref pointers lie."""
        self.last_id = 0x1FFFC
        self.full: dict[int, int] = {}
        """The referent ids of the objects that full pointers have met in this stub, by identity."""
        self.written: set[int] = set()
        """Those of them that are written."""
        self.pointees: list[tuple[t.Pointer | t.InterfacePointer, Any, Mapping[str, Any]]] = []
        """The pointers of the construct being written, in the order of their ids."""

    @property
    def octets(self) -> bytes:
        return bytes(self.data[self.start :])

    # ------------------------------------------------------------------------ one whole construct

    def parameter(self, kind: t.Type, value: Any, scope: Mapping[str, Any]) -> None:
        """A parameter with all that hangs from it, before the next parameter."""
        if isinstance(kind, t.Pointer) and kind.kind is t.PointerKind.REF:
            kind = kind.target  # a top-level reference pointer has no representation
        self.pointees = []
        self.construct(kind, value, scope)
        waiting = self.pointees[::-1]
        while waiting:
            self.pointees = []
            self.pointee(*waiting.pop())
            # What it points to follows at once, before anything that waited already.
            waiting += reversed(self.pointees)

    def pointee(self, kind: t.Pointer | t.InterfacePointer, value: Any, scope: Mapping[str, Any]) -> None:
        """What a pointer points to; of a full pointer's only where its turn comes first, whose id went ahead or not."""
        if isinstance(kind, t.InterfacePointer):
            self.marshalled_interface(value)
            return
        if kind.kind is t.PointerKind.FULL:
            if id(value) in self.written:
                return
            self.written.add(id(value))
        if kind.kind is not t.PointerKind.REF and isinstance(value, Ref):
            value = value.value
        self.construct(kind.target, value, scope)

    def construct(self, kind: t.Type, value: Any, scope: Mapping[str, Any]) -> None:
        """An outermost structure or array, or anything else that stands alone: conformance goes first."""
        for count in self.rules.conformant_part(kind, value, scope):
            self.word(count)
        self.item(kind, value, scope)

    # ------------------------------------------------------------------------ in place

    def align(self, to: int) -> None:
        self.data += bytes(-len(self.data) % to)

    def pack(self, letter: str, value: Any) -> None:
        self.align(struct.calcsize(letter))
        self.data += struct.pack(self.rules.order + letter, value)

    def word(self, value: int) -> None:
        self.pack("Q" if self.rules.wide else "I", value)

    def item(self, kind: t.Type, value: Any, scope: Mapping[str, Any]) -> None:
        """A value in place, its conformance being written already."""
        match kind:
            case t.Base():
                self.base(kind.kind, value)
            case t.EnumUse():
                size = self.rules.enum_size(kind)
                if self.rules.enum(kind).octets is None and size == 2 and not 0 <= value <= 0x7FFF:
                    raise Refused(f"{value} in an enumeration of 16 bits")
                signed = size == 4 and not self.rules.enum(kind).flags
                self.pack({1: "B", 2: "H", 4: "i" if signed else "I", 8: "Q"}[size], value)
            case t.StructUse():
                self.struct(kind, value)
            case t.UnionUse():
                self.union(kind, value, scope)
            case t.Pointer():
                self.pointer(kind, value, scope)
            case t.Array():
                self.array(kind, value, scope)
            case t.String():
                units = [*units_of(value, kind.unit), 0]
                self.word(0)
                self.word(len(units))
                for unit in units:
                    self.pack("H" if kind.unit is t.BaseKind.WCHAR else "B", unit)
            case t.ContextHandleUse():
                self.align(4)
                self.pack("I", 0 if value is None else value.attributes)
                self.uuid(bytes(16) if value is None else value.uuid.bytes)
            case t.InterfacePointer():
                self.interface_pointer(kind, value)
            case t.Presented(type=wire):
                self.item(wire, wire_of(kind, value), {})
            case _:
                raise TypeError(f"{kind} does not travel")

    def base(self, kind: t.BaseKind, value: Any) -> None:
        match kind:
            case t.BaseKind.GUID:
                self.uuid(value.bytes)
            case t.BaseKind.BOOLEAN:
                self.pack("B", 1 if value else 0)
            case _:
                self.pack(self.rules.letter(kind), ord(value) if isinstance(value, str) else value)

    def uuid(self, big: bytes) -> None:
        """From the order in which a UUID is spelled to one long, two shorts and eight octets."""
        for letter, part in zip("IHH", struct.unpack(">IHH", big[:8]), strict=True):
            self.pack(letter, part)
        self.data += big[8:]

    def struct(self, use: t.StructUse, value: Any) -> None:
        alignment = self.rules.alignment(use)
        self.align(alignment)
        fields = self.rules.struct(use).fields
        held = field_values(value)
        scope = opened({f.name: v for f, v in zip(fields, held, strict=True)})
        for member, inside in zip(fields, held, strict=True):
            self.item(member.type, inside, scope)
        if self.rules.wide:  # the trailing gap
            self.align(alignment)

    def union(self, use: t.UnionUse, value: Any, scope: Mapping[str, Any]) -> None:
        union = self.rules.union(use)
        arm = next((arm for arm in union.arms if value.tag in arm.values), None)
        if arm is None:
            arm = next((arm for arm in union.arms if arm.default), None)
        if arm is None or (use.switch is not None and evaluate(use.switch, scope) != value.tag):
            raise Refused(f"the tag {value.tag}")
        if self.rules.wide:
            self.align(self.rules.union_alignment(use))
        self.item(self.rules.tag_type(use), value.tag, {})
        if self.rules.wide:
            self.align(self.rules.union_alignment(use))
        elif union.ms_union and not union.encapsulated:
            self.align(self.rules.arms_alignment(use))
        if arm.type is not None:
            self.item(arm.type, value.value, {})

    def array(self, kind: t.Array, value: Any, scope: Mapping[str, Any]) -> None:
        """Offsets and actual counts of the varying dimensions, then the elements row by row."""
        ranges = []
        for dimension in kind.dimensions:
            size = dimension.bound if dimension.size is None else evaluate(dimension.size, scope)
            assert size is not None
            first = 0 if dimension.first is None else evaluate(dimension.first, scope)
            length = size - first if dimension.length is None else evaluate(dimension.length, scope)
            if first < 0 or length < 0 or first + length > size:
                raise Refused(f"elements {first} to {first + length} of {size}")
            if dimension.varying:
                self.word(first)
                self.word(length)
            ranges.append(range(first, first + length))
        self.elements(kind.element, ranges, value, scope)

    def elements(self, element: t.Type, ranges: Sequence[range], value: Any, scope: Mapping[str, Any]) -> None:
        if isinstance(value, str):
            value = units_of(value, t.BaseKind.WCHAR)
        for index in ranges[0]:
            if len(ranges) > 1:
                self.elements(element, ranges[1:], value[index], scope)
            else:
                self.item(element, value[index], scope)

    # ------------------------------------------------------------------------ pointers

    def pointer(self, kind: t.Pointer, value: Any, scope: Mapping[str, Any]) -> None:
        """A referent id; the pointee waits. The scope is for the sizes of an array that is pointed to."""
        if value is None and kind.kind is not t.PointerKind.REF:
            self.referent(0)
            return
        self.last_id += 4
        if kind.kind is t.PointerKind.FULL:
            self.referent(self.full.setdefault(id(value), self.last_id))
        else:
            self.referent(self.last_id)
        self.pointees.append((kind, value, scope))

    def referent(self, number: int) -> None:
        self.align(self.rules.word)
        if number:
            self.referents.append(len(self.data) - self.start)
        self.word(number)

    def interface_pointer(self, kind: t.InterfacePointer, value: bytes | None) -> None:
        """A unique pointer to the octets of an object reference."""
        if value is None:
            self.referent(0)
            return
        self.last_id += 4
        self.referent(self.last_id)
        self.pointees.append((kind, value, {}))

    def marshalled_interface(self, value: bytes) -> None:
        """MInterfacePointer: {ulCntData, abData[ulCntData]} (MS-DCOM 2.2.14).

        Whether NDR64 has it end with a structure's gap no recorded stub tells. Windows writes it by hand: no gap.
        """
        self.word(len(value))
        self.pack("I", len(value))
        self.data += value


def wire_of(kind: t.Presented, value: Any) -> Any:
    """What travels instead of a presented value."""
    return found_converter(kind).to_wire(value)


def travels(kind: t.Type) -> bool:
    return not isinstance(kind, t.BindingHandle) and not is_pipe(kind)


def field_values(value: Any) -> list[Any]:
    return [getattr(value, name) for name in value.__slots__]


def opened(values: Mapping[str, Any]) -> dict[str, Any]:
    """Siblings as size expressions see them: the boxes around pointees opened."""
    return {name: open_box(value) for name, value in values.items()}


def open_box(value: Any) -> Any:
    while isinstance(value, Ref):
        value = value.value
    return value


def units_of(text: Any, unit: t.BaseKind) -> Sequence[int]:
    """Code units of a text: UTF-16, or Latin-1 for the narrow kinds."""
    if unit is not t.BaseKind.WCHAR:
        return text.encode("latin-1") if isinstance(text, str) else bytes(text)
    octets = text.encode("utf-16-le", "surrogatepass")
    return struct.unpack(f"<{len(octets) // 2}H", octets)
