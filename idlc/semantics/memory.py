"""How C lays values out in memory: what `sizeof` says of structures and unions.

Nothing of it travels. Published IDL uses it where octets are carried that a program fills with a structure: as the
bound of an array, in `range`, in `size_is`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from idlc.data import dataclass
from idlc.language.basetypes import BASE_TYPES
from idlc.semantics.types import (
    Array,
    Base,
    BaseKind,
    BindingHandle,
    ContextHandleUse,
    Declared,
    EnumUse,
    InterfacePointer,
    Opaque,
    Pointer,
    String,
    Struct,
    StructUse,
    Type,
    Union,
    UnionUse,
)

DEFAULT_PACKING = 8
"""What Microsoft's compilers pack structures to when nothing else is said."""

_ENUM = 4


@dataclass(frozen=True, slots=True)
class Layout:
    """The octets that a value takes, and what its address is a multiple of."""

    size: int
    alignment: int


def layout(type_: Type, declared: Mapping[str, Declared], pointer_octets: int) -> Layout | None:
    """The layout of a bound type; None where only a C compiler knows it (bit-fields, undefined types)."""
    match type_:
        case Base(BaseKind.GUID):
            return Layout(16, 4)
        case Base(BaseKind.INT3264 | BaseKind.UINT3264):
            return Layout(pointer_octets, pointer_octets)
        case Base(kind):
            octets = BASE_TYPES[kind].octets
            return Layout(octets, octets)
        case EnumUse():
            return Layout(_ENUM, _ENUM)
        case Pointer() | InterfacePointer() | ContextHandleUse() | BindingHandle() | Opaque("void *"):
            return Layout(pointer_octets, pointer_octets)
        case String(unit, bound):
            return _repeated(layout(Base(unit), declared, pointer_octets), bound)
        case Array(element, dimensions):
            found = layout(element, declared, pointer_octets)
            for dimension in dimensions:
                found = _repeated(found, dimension.bound)
            return found
        case StructUse(name) | UnionUse(name):
            return _record(declared.get(name), declared, pointer_octets)
        case _:
            return None


def _repeated(element: Layout | None, bound: int | None) -> Layout | None:
    """An array. One without a bound has one element in the C that MIDL writes."""
    return None if element is None else Layout(element.size * (1 if bound is None else bound), element.alignment)


def _record(record: Declared | None, declared: Mapping[str, Declared], pointer_octets: int) -> Layout | None:
    match record:
        case Struct(fields=fields, packing=packing):
            members = [layout(field.type, declared, pointer_octets) for field in fields]
            return _in_order(members, packing or DEFAULT_PACKING)
        case Union(arms=arms, encapsulated=encapsulated, switch_type=tag):
            types = [layout(arm.type, declared, pointer_octets) for arm in arms if arm.type is not None]
            known = [each for each in types if each is not None]
            if not known or len(known) < len(types):
                return None
            alignment = max(each.alignment for each in known)
            body = Layout(_rounded(max(each.size for each in known), alignment), alignment)
            if not encapsulated or tag is None:
                return body
            return _in_order([layout(tag, declared, pointer_octets), body], DEFAULT_PACKING)
        case _:
            return None


def _in_order(members: Iterable[Layout | None], packing: int) -> Layout | None:
    at, widest = 0, 1
    for member in members:
        if member is None:
            return None
        alignment = min(member.alignment, packing)
        at = _rounded(at, alignment) + member.size
        widest = max(widest, alignment)
    return Layout(_rounded(at, widest), widest)


def _rounded(octets: int, alignment: int) -> int:
    return -(-octets // alignment) * alignment
