"""Python types for bound types, as finished text."""

from __future__ import annotations

from collections.abc import Callable
from typing import assert_never

from idlc.data import dataclass
from idlc.semantics.types import (
    Array,
    Base,
    BaseKind,
    BindingHandle,
    ContextHandleUse,
    Dimension,
    EnumUse,
    ErrorType,
    InterfacePointer,
    Opaque,
    Pipe,
    Pointer,
    PointerKind,
    Presented,
    String,
    StructUse,
    Type,
    UnionUse,
    Void,
)
from idlc.wire.plan import boxed

_BASES = {
    BaseKind.BOOLEAN: "bool",
    BaseKind.FLOAT: "float",
    BaseKind.DOUBLE: "float",
    BaseKind.GUID: "UUID",
}
_OCTETS = (BaseKind.BYTE, BaseKind.CHAR)


@dataclass(frozen=True, slots=True)
class Annotator:
    """Spells annotations; `class_name` gives the class of a named IDL type and notes that it is used."""

    class_name: Callable[[str], str]
    converter: Callable[[str], str]
    """Spells the class of a converter, by its dotted name, and notes that it is used."""
    interface: Callable[[str | None], str]
    """Spells the class of an object interface, any for None, and notes that it is used."""

    def given(self, type_: Type) -> str:
        """What a caller may pass: any sequence for an array."""
        return self._spell(type_, "Sequence")

    def received(self, type_: Type) -> str:
        """What a caller gets: lists for arrays."""
        return self._spell(type_, "list")

    def _spell(self, type_: Type, sequence: str) -> str:
        match type_:
            case Base(kind):
                return _BASES.get(kind, "int")
            case EnumUse(name) | StructUse(name) | UnionUse(name):
                return self.class_name(name)
            case ContextHandleUse(name):
                return f"{self.class_name(name)} | None"
            case Pointer(kind, target):
                inner = self._spell(target, sequence)
                if kind is PointerKind.REF:
                    return inner
                if boxed(type_):
                    return f"ndr.Ref[{inner}] | None"
                return optional(inner)
            case Array(element, dimensions):
                return self._array(element, dimensions, sequence)
            case String():
                return "str"
            case InterfacePointer(name):
                return f"{self.interface(name)} | None"
            case Presented(_, _, converter):
                return f"{self.converter(converter)}.Presented"
            case Pipe(_, element):
                return self._spell(element, sequence)
            case Void():
                return "None"
            case ErrorType() | BindingHandle() | Opaque():
                return "object"
            case _:
                assert_never(type_)

    def _array(self, element: Type, dimensions: tuple[Dimension, ...], sequence: str) -> str:
        if isinstance(element, Base) and element.range is None and element.kind in _OCTETS:
            inner = "bytes"
        elif isinstance(element, Base) and element.range is None and element.kind is BaseKind.WCHAR:
            inner = "str"
        else:
            spelled = self._spell(element, sequence)
            inner = f"{sequence}[{spelled if dimensions[-1].first is None else optional(spelled)}]"
        for dimension in reversed(dimensions[:-1]):
            inner = f"{sequence}[{inner if dimension.first is None else optional(inner)}]"
        return inner


def optional(annotation: str) -> str:
    return annotation if annotation.endswith("| None") else f"{annotation} | None"


def alternatives(annotation: str) -> list[str]:
    """The types between the bars that stand outside brackets."""
    parts = [""]
    for piece in annotation.split(" | "):
        last = parts[-1]
        if last.count("[") > last.count("]"):
            parts[-1] = f"{last} | {piece}"
        else:
            parts.append(piece)
    return parts[1:]


def octet_pipe(pipe: Pipe) -> bool:
    """Whether a pipe's blocks are bytes."""
    element = pipe.element
    return isinstance(element, Base) and element.range is None and element.kind in (*_OCTETS, BaseKind.UINT8)


def number_pipe(pipe: Pipe) -> bool:
    """Whether a pipe's blocks are arrays."""
    element = pipe.element
    return isinstance(element, Base) and element.range is None and element.kind is not BaseKind.GUID
