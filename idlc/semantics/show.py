"""Bound types as text, for `idlc dump --stage bound` and for golden files.

Types read from the outside in, as C is spoken: `ref -> array[count] of unique -> string wchar_t`.
"""

from __future__ import annotations

from collections.abc import Iterator

from idlc.semantics.binding import Source, source
from idlc.semantics.types import (
    Alias,
    Array,
    Base,
    Binary,
    BindingHandle,
    BoundFile,
    Cast,
    Coclass,
    Conditional,
    Constant,
    ContextHandle,
    ContextHandleUse,
    Declared,
    Dimension,
    Enum,
    EnumUse,
    ErrorType,
    Expression,
    Interface,
    InterfacePointer,
    Library,
    Member,
    Opaque,
    Operation,
    Pickled,
    Pipe,
    Pointer,
    Presented,
    String,
    Struct,
    StructUse,
    Type,
    Unary,
    Union,
    UnionUse,
    Variable,
    Void,
)


def show(bound: BoundFile) -> str:
    """The whole file, one declaration after the other."""
    lines = [f"file {bound.name}", *(f"import {name}" for name in bound.imports)]
    lines += [f"const {constant.name} = {constant.value!r}" for constant in bound.constants]
    for declared in bound.declarations:
        lines += ["", *_declared(declared)]
    if bound.pickled:
        lines += ["", *map(_pickled, bound.pickled)]
    for interface in bound.interfaces:
        lines += ["", *_interface(interface)]
    for coclass in bound.coclasses:
        lines += ["", *_coclass(coclass)]
    for library in bound.libraries:
        lines += ["", *_library(library)]
    return "\n".join(lines) + "\n"


def _declared(declared: Declared) -> Iterator[str]:
    also = "" if isinstance(declared, Alias) or not declared.aliases else f" ({', '.join(declared.aliases)})"
    match declared:
        case Struct():
            yield f"struct {declared.name}{also}" + (f" pack({declared.packing})" if declared.packing else "")
            for field in declared.fields:
                yield f"  {field.name}: {type_text(field.type)}{' ignored' if field.ignore else ''}"
        case Union():
            words = ["encapsulated"] if declared.encapsulated else []
            words += ["ms_union"] if declared.ms_union else []
            words += [f"{declared.tag_name if declared.encapsulated else 'switch'}: {type_text(declared.switch_type)}"]
            yield f"union {declared.name}{also} {' '.join(words)}"
            for arm in declared.arms:
                labels = [*map(str, arm.values), *(["default"] if arm.default else [])]
                what = "nothing" if arm.type is None else f"{arm.name}: {type_text(arm.type)}"
                what += " ignored" if arm.ignore else ""
                yield f"  {', '.join(labels)} -> {what}"
        case Enum():
            keyword = "flags" if declared.flags else "enum"
            widths = {None: "", 4: "" if declared.flags else " v1_enum"}
            width = widths.get(declared.octets, f" of {declared.octets} octets")
            yield f"{keyword} {declared.name}{also}{width}"
            for member in declared.members:
                yield f"  {member.name} = {member.value}"
        case ContextHandle():
            yield f"context handle {declared.name}{also}{'' if declared.serialize else ' noserialize'}"
        case Alias():
            yield f"alias {declared.name} = {type_text(declared.type)}"


def _pickled(pickled: Pickled) -> str:
    halves = "/".join(word for word, said in (("encode", pickled.encode), ("decode", pickled.decode)) if said)
    return f"{halves} {pickled.name}: {type_text(pickled.type)}"


def _interface(interface: Interface) -> Iterator[str]:
    words = [] if interface.object else [f"{interface.version[0]}.{interface.version[1]}"]
    words += [str(interface.uuid)] if interface.uuid is not None else []
    words += [word for word in ("dual", "oleautomation") if word in interface.words]
    words += [word for word, said in (("object", interface.object), ("local", interface.local)) if said]
    words += [f"base {interface.base}"] if interface.base is not None else []
    words += ["strict_context"] if interface.strict_context else []
    words += [f"endpoint {protocol}:[{address}]" for protocol, address in interface.endpoints]
    words += [f"wraps {interface.wraps}"] if interface.wraps is not None else []
    words += [f"asynchronous form of {interface.synchronous}"] if interface.synchronous is not None else []
    keyword = "dispinterface" if interface.dispatch else "interface"
    yield f"{keyword} {interface.name} {' '.join(words)}"
    for one in interface.properties:
        yield f"  {_dispid(one.dispid)}{one.name}: {type_text(one.type)}{' readonly' if one.readonly else ''}"
    for operation in interface.operations:
        yield from _operation(operation, source(interface, operation))


_FLAGS = tuple("is_async maybe idempotent broadcast message callback encode decode local placeholder".split())


def _operation(operation: Operation, handle: Source | None) -> Iterator[str]:
    flags = "".join(f" {flag.removeprefix('is_')}" for flag in _FLAGS if getattr(operation, flag))
    flags += f" call_as {operation.call_as}" if operation.call_as is not None else ""
    for word, place in (("comm_status", operation.comm_status), ("fault_status", operation.fault_status)):
        flags += f" {word} in {place}" if place is not None else ""
    flags += "".join(f" {word}" for word in ("notify", "notify_flag", "nocode") if word in operation.words)
    if handle is not None and handle.said:
        at = "" if handle.parameter is None else f" ({handle.parameter})"
        flags += f" bound by {' '.join(filter(None, (handle.kind, handle.name)))}{at}"
    number = "" if operation.opnum < 0 and operation.dispid is not None else f"{operation.opnum} "
    yield f"  {number}{_dispid(operation.dispid)}{operation.called}: {type_text(operation.result)}{flags}"
    for parameter in operation.parameters:
        direction = "/".join(word for word, said in (("in", parameter.is_in), ("out", parameter.is_out)) if said)
        yield f"    {direction} {parameter.name}: {type_text(parameter.type)}"
    for name in operation.hidden_statuses:
        yield f"    hidden {name}: status"


def _dispid(number: int | None) -> str:
    return "" if number is None else f"id({number}) "


def _coclass(coclass: Coclass) -> Iterator[str]:
    yield f"coclass {coclass.name} {coclass.uuid}"
    for member in coclass.members:
        yield f"  {' '.join([*sorted(member.words), member.name])}"


def _library(library: Library) -> Iterator[str]:
    yield f"library {library.name} {library.version[0]}.{library.version[1]} {library.uuid}"
    yield from (f"  importlib {name}" for name in library.importlibs)


def type_text(type_: Type | None) -> str:
    """One type on one line."""
    match type_:
        case None:
            return "?"
        case Void():
            return "void"
        case ErrorType():
            return "error"
        case Base(kind, spelling, limits):
            shown = kind.value if spelling in ("", kind.value) else f"{kind.value} ({spelling})"
            return shown + _limits(limits)
        case EnumUse(name, limits):
            return f"enum {name}{_limits(limits)}"
        case StructUse(name):
            return f"struct {name}"
        case UnionUse(name, switch, _):
            return f"union {name}" + ("" if switch is None else f" by {expression_text(switch)}")
        case Pointer(kind, target):
            return f"{kind.value} -> {type_text(target)}"
        case Array(element, dimensions, limits):
            return f"array{''.join(map(_dimension, dimensions))}{_limits(limits)} of {type_text(element)}"
        case String(unit, bound, size, limits):
            room = "" if bound is None and size is None else f"[{bound if size is None else expression_text(size)}]"
            return f"string{room}{_limits(limits)} {unit.value}"
        case ContextHandleUse(name):
            return f"context handle {name}"
        case BindingHandle():
            return "binding handle"
        case Pipe(name, element, limits):
            return f"pipe {name}{_limits(limits)} of {type_text(element)}"
        case InterfacePointer(interface, iid):
            return f"interface {interface or '?'}" + ("" if iid is None else f" by {expression_text(iid)}")
        case Presented(name, target, converter):
            return f"{name} through {converter}: {type_text(target)}"
        case Opaque(spelling):
            return f"local {spelling}"


def _limits(limits: tuple[int, int] | None) -> str:
    return "" if limits is None else f" in {limits[0]}..{limits[1]}"


def _dimension(dimension: Dimension) -> str:
    size = "" if dimension.size is None else expression_text(dimension.size)
    room = size if dimension.bound is None else str(dimension.bound)
    if not dimension.varying:
        return f"[{room}]"
    first = "0" if dimension.first is None else expression_text(dimension.first)
    length = "rest" if dimension.length is None else expression_text(dimension.length)
    return f"[{room}: {length} from {first}]"


def expression_text(expression: Expression) -> str:
    """An expression as C, fully parenthesised."""
    match expression:
        case Constant(value):
            return str(value)
        case Variable(name, dereferenced):
            return "*" * dereferenced + name
        case Member(operand, name):
            return f"{expression_text(operand)}.{name}"
        case Unary(operator, operand):
            return f"{operator}{expression_text(operand)}"
        case Binary(operator, left, right):
            return f"({expression_text(left)} {operator} {expression_text(right)})"
        case Conditional(condition, then, otherwise):
            return f"({expression_text(condition)} ? {expression_text(then)} : {expression_text(otherwise)})"
        case Cast(bits, signed, operand):
            return f"({'int' if signed else 'uint'}{bits}){expression_text(operand)}"
