"""The vectors' JSON values as the Python values that generated code takes and gives.

The bound types of the compiler say what each JSON value means; the generated module supplies the
classes. Only this direction is needed: an unmarshalled value is compared with the converted one,
and marshalled again to see that aliases survived too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from idlc.semantics import types as t
from idlrt import ndr, rpc

OCTETS = {t.BaseKind.BYTE, t.BaseKind.CHAR}


class Converter:
    """Converts the parameters of one stub; full-pointer ids (`$id`, `$ref`) hold within it."""

    def __init__(self, declared: Mapping[str, t.Declared], find_class: Callable[[str], type[Any]]) -> None:
        self.declared = declared
        self.find_class = find_class
        self.objects: dict[int, Any] = {}

    def convert(self, kind: t.Type, value: Any) -> Any:
        match kind:
            case t.Base(kind=t.BaseKind.GUID):
                return UUID(value)
            case t.Base(kind=t.BaseKind.BOOLEAN):
                return bool(value)
            case t.Base() | t.Void():
                return value
            case t.EnumUse(name=name):
                return self.find_class(name)(value)
            case t.StructUse(name=name):
                return self.struct(name, value)
            case t.UnionUse(name=name):
                return self.union(name, value)
            case t.Pointer():
                return self.pointer(kind, value)
            case t.Array():
                return self.array(kind.element, kind.dimensions, value)
            case t.String():
                return value
            case t.ContextHandleUse(name=name):
                return None if value is None else self.context_handle(name, value)
            case t.InterfacePointer():
                return None if value is None else bytes.fromhex(value)
            case t.Pipe():
                return [self.block(kind.element, block) for block in value]
            case _:
                raise TypeError(f"a vector cannot hold {kind}")

    def struct(self, name: str, value: Mapping[str, Any], into: Any = None) -> Any:
        declaration = self.declared[name]
        assert isinstance(declaration, t.Struct), declaration
        cls = self.find_class(name)
        made = object.__new__(cls) if into is None else into
        for slot, field in zip(cls.__slots__, declaration.fields, strict=True):
            setattr(made, slot, self.convert(field.type, value[field.name]))
        return made

    def union(self, name: str, value: Mapping[str, Any]) -> Any:
        declaration = self.declared[name]
        assert isinstance(declaration, t.Union), declaration
        tag = value["tag"]
        arm = next((arm for arm in declaration.arms if tag in arm.values), None)
        if arm is None:
            arm = next(arm for arm in declaration.arms if arm.default)
        held = None if arm.type is None else self.convert(arm.type, value["value"])
        return self.find_class(name)(tag, held)

    def context_handle(self, name: str, value: Mapping[str, Any]) -> rpc.ContextHandle:
        made: rpc.ContextHandle = self.find_class(name)(value["attributes"], UUID(value["uuid"]))
        return made

    def pointer(self, kind: t.Pointer, value: Any) -> Any:
        if kind.kind is t.PointerKind.REF:
            return self.convert(kind.target, value)
        if value is None:
            return None
        if kind.kind is t.PointerKind.FULL:
            return self.full_pointer(kind.target, value)
        if isinstance(kind.target, t.Pointer) and kind.target.kind is not t.PointerKind.REF:
            return ndr.Ref(self.convert(kind.target, value["ptr"]))
        return self.convert(kind.target, value)

    def full_pointer(self, target: t.Type, value: Any) -> Any:
        if isinstance(value, dict) and "$ref" in value:
            return self.objects[value["$ref"]]
        known = -1  # an object that nothing else points to
        if isinstance(value, dict) and "$id" in value:
            known, value = value["$id"], value["value"]
        # The object must be known before what it points to is converted: that may point back.
        if isinstance(target, t.StructUse):
            cls = self.find_class(target.name)
            made = object.__new__(cls)
            self.objects[known] = made
            return self.struct(target.name, value, into=made)
        box: ndr.Ref[Any] = ndr.Ref(None)
        self.objects[known] = box
        box.value = self.convert(target, value)
        return box

    def array(self, element: t.Type, dimensions: tuple[t.Dimension, ...], value: Any) -> Any:
        if len(dimensions) > 1:
            return [self.array(element, dimensions[1:], row) for row in value]
        if isinstance(value, str):  # a wchar_t buffer, given as its text
            return value
        if dimensions[0].varying and not isinstance(element, t.Pointer):
            while value and value[-1] is None:  # elements that are not sent
                value = value[:-1]
        return self.block(element, value)

    def block(self, element: t.Type, values: list[Any]) -> Any:
        if isinstance(element, t.Base) and None not in values:
            if element.kind in OCTETS:
                return bytes(values)
            if element.kind is t.BaseKind.WCHAR:
                return "".join(map(chr, values))
        return [None if value is None else self.convert(element, value) for value in values]


def is_pipe(kind: t.Type) -> bool:
    return isinstance(without_ref(kind), t.Pipe)


def without_ref(kind: t.Type) -> t.Type:
    """A parameter's type without the top-level reference pointer, which has no wire form."""
    if isinstance(kind, t.Pointer) and kind.kind is t.PointerKind.REF:
        return kind.target
    return kind
