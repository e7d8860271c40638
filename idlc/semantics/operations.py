"""Operations: parameters with their directions, the result, and what the attributes and the ACF make of the call."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial

from idlc.data import dataclass, replace
from idlc.language.attributes import Place
from idlc.semantics import text, written
from idlc.semantics.configured import check_parameters, statuses
from idlc.semantics.constants import Siblings, wrap
from idlc.semantics.documentation import Doc
from idlc.semantics.shapes import GENERIC, attributed, declared, derived, note_undecided, pointed, specified
from idlc.semantics.symbols import ERROR_SHAPE, FunctionCore, InterfaceCore, Shape, finish
from idlc.semantics.types import (
    BindingHandle,
    ContextHandle,
    ContextHandleUse,
    ErrorType,
    Operation,
    Parameter,
    Type,
    Void,
)
from idlc.semantics.unit import Unit, before
from idlc.semantics.values import check_default
from idlc.semantics.written import Attributes
from idlc.source.files import Span
from idlc.syntax import ast

# Published interface definitions keep their numbering with operations of such names.
_PLACEHOLDER = re.compile(r"_*opnum\d+not(used|implemented)\w*\Z", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Draft:
    """An operation without its number."""

    operation: Operation
    attributes: Attributes


def bind_operation(
    unit: Unit,
    statement: ast.Declaration,
    declarator: ast.Declarator,
    everywhere: Attributes,
    *,
    local: bool,
    com: bool = False,
) -> Draft | None:
    """One operation; `everywhere` are attributes of its interface that are meant for each operation.

    `com` says that it is a method of an object, which can be called without being sent.
    """
    name = declarator.name
    if name is None:
        unit.report.error("IDLC1108", "an operation without a name", declarator.span)
        return None
    function = declarator.derivations[0]
    assert isinstance(function, ast.Function)
    attributes = written.check(
        (*statement.attributes, *unit.acf.operation(name)),
        Place.OPERATION,
        unit.report,
        name,
        (Place.ACF_OPERATION,),
    )
    words, general = attributes.by_name, everywhere.by_name
    local = local or "local" in words
    parameters = _parameters(unit, name, function, local=local, com=com)
    one_convention(unit, declarator)
    result = _result(unit, statement, declarator, attributes, local=local)
    ms_union = attributes.get("ms_union")
    if ms_union is not None:
        message = "[ms_union] on an operation has no effect on the unions that it uses"
        help_ = "write it before the union or the interface"
        unit.report.warning("MIDL2176", message, ms_union.span, help=help_)
    called = attributes.get("call_as")
    argument = called.arguments[0] if called is not None else None
    found = statuses(unit, attributes, parameters, result, unit.acf.operations.get(name))
    check_parameters(unit, parameters)
    plain = tuple(parameter for parameter, _ in parameters)
    operation = Operation(
        name,
        -1,
        plain,
        result,
        partial(_line, statement, unit.acf.operation(name), everywhere, declarator, plain),
        declarator.name_span,
        is_async="async" in words or "async" in general,
        maybe="maybe" in words,
        idempotent="idempotent" in words or "maybe" in words or "broadcast" in words,
        broadcast="broadcast" in words,
        message="message" in words,
        callback="callback" in words,
        encode="encode" in words or "encode" in general,
        decode="decode" in words or "decode" in general,
        local=local,
        placeholder=not plain and isinstance(result, Void) and bool(_PLACEHOLDER.match(name)),
        doc=Doc(statement.span, attributes.helpstring),
        words=frozenset(attributes.by_name) - attributes.disputed,
        dispid=dispid(unit, attributes),
        call_as=argument.name if isinstance(argument, ast.Identifier) else None,
        comm_status=found.comm,
        fault_status=found.fault,
        hidden_statuses=found.hidden,
    )
    return Draft(operation, attributes)


def dispid(unit: Unit, attributes: Attributes) -> int | None:
    """What `id` says, as the signed 32-bit number that a DISPID is."""
    attribute = attributes.get("id")
    if attribute is None or not attribute.arguments:
        return None
    argument = attribute.arguments[0]
    value = _sum(argument)
    if value is None:
        value = unit.expressions.integer(argument)
    return None if value is None else wrap(value, 32, True)


def _sum(written: ast.Argument) -> int | None:
    """The value of a sum of numbers, which is what macros for thousands of ids become; None for anything else."""
    total, sign = 0, 1
    while True:
        if isinstance(written, ast.IntegerLiteral):
            return total + sign * written.value
        if isinstance(written, ast.Parenthesized):
            written = written.operand
        elif isinstance(written, ast.Binary) and written.operator in "+-":
            right = _sum(written.right)
            if right is None:
                return None
            total += sign * right if written.operator == "+" else -sign * right
            written = written.left
        elif isinstance(written, ast.Unary) and written.operator == "-":
            sign, written = -sign, written.operand
        else:
            return None


def _line(
    statement: ast.Declaration,
    acf: Sequence[ast.Attribute],
    everywhere: Attributes,
    declarator: ast.Declarator,
    parameters: Sequence[Parameter],
) -> str:
    attributes = _operation_attributes(statement, acf, everywhere)
    return text.operation(
        attributes, statement.specifiers, declarator, [parameter.declaration() for parameter in parameters]
    )


def _operation_attributes(
    statement: ast.Declaration, acf: Sequence[ast.Attribute], everywhere: Attributes
) -> list[ast.Attribute]:
    found = list(statement.attributes)
    for attribute in (*acf, *(a for a in [everywhere.get("async")] if a is not None)):
        if attribute.name not in {a.name for a in found}:
            found.append(attribute)
    return found


# ---------------------------------------------------------------------------- parameters


@dataclass(frozen=True, slots=True)
class _Draft:
    name: str
    shape: Shape
    attributes: Attributes
    parameter: ast.Parameter
    span: Span


def _parameters(
    unit: Unit, operation: str, function: ast.Function, *, local: bool, com: bool
) -> list[tuple[Parameter, Attributes]]:
    if function.variadic and not local:
        unit.report.error("MIDL2046", '"..." cannot be sent', function.span)
    drafts: list[_Draft] = []
    seen: dict[str, Span] = {}
    unit.expressions.beside = seen
    for at, parameter in enumerate(function.parameters):
        name = parameter.declarator.name or f"arg{at + 1}"
        span = parameter.declarator.name_span
        attributes = written.check(
            (*parameter.attributes, *unit.acf.parameter(operation, parameter.declarator.name)),
            Place.PARAMETER,
            unit.report,
            name,
            (Place.ACF_PARAMETER,),
        )
        if isinstance(parameter.specifiers.type, ast.Struct | ast.Union | ast.EncapsulatedUnion | ast.Enum):
            message = f'"{name}" defines a type; define it before the operation'
            unit.report.error("MIDL2157", message, parameter.specifiers.span)
            shape = ERROR_SHAPE
        else:
            base = specified(unit, parameter.specifiers, "", attributes, ())
            shape = declared(unit, base, parameter.declarator)
        if name in seen:
            unit.report.error("MIDL2003", f'"{name}" is a parameter already', span, (before(seen[name]),))
            continue
        seen[name] = span
        shape = _travelling(unit, shape, name, parameter, alone=len(function.parameters) == 1)
        shape = pointed(unit, shape, attributes, Place.PARAMETER)
        drafts.append(_Draft(name, shape, attributes, parameter, span))
    shapes = {draft.name: draft.shape for draft in drafts}
    siblings = Siblings(shapes, "parameter", unit.default, object=com, local=local)
    parameters = [(_parameter(unit, draft, siblings, local=local), draft.attributes) for draft in drafts]
    unit.expressions.beside = {}
    return parameters


def _travelling(unit: Unit, shape: Shape, name: str, parameter: ast.Parameter, *, alone: bool) -> Shape:
    span = parameter.declarator.name_span
    match shape.core:
        case Void() if not shape.levels:
            code = "MIDL2047" if alone else "MIDL2189"
            unit.report.error(code, f'"{name}" is void', span)
        case FunctionCore() if isinstance(parameter.specifiers.type, ast.NamedType) and not shape.levels:
            message = f'"{name}" is of a function type, of which only pointers can be used'
            unit.report.error("MIDL2289", message, span, help=f"write {parameter.specifiers.type.name} *{name}")
        case FunctionCore():
            unit.report.error("MIDL2131", f'"{name}" is a function', span)
        case InterfaceCore(interface) if unit.scope.interfaces[interface].keyword == "coclass":
            help_ = "pass a pointer to one of its interfaces"
            unit.report.error("MIDL2048", f'"{name}" is a component class by value', span, (), help_)
        case InterfaceCore(interface):
            message = f'"{name}" is an interface by value, it must be a pointer: {interface} *{name}'
            unit.report.error("MIDL2259", message, span)
        case _:
            return shape
    return ERROR_SHAPE


def _parameter(unit: Unit, draft: _Draft, siblings: Siblings, *, local: bool) -> Parameter:
    attributes = draft.attributes
    is_out = "out" in attributes
    is_in = "in" in attributes or not is_out
    shape = draft.shape
    if "context_handle" in attributes:
        shape = contextual(unit, shape, attributes, draft.name, draft.span)
    shape = attributed(unit, shape, attributes, siblings)
    if is_out and shape.const and not local and len(shape.levels) == 1:
        unit.report.error("MIDL2279", f'"{draft.name}" is const and [out]', draft.span)
    note_undecided(unit, shape, outermost=True)
    type_ = finish(shape, default=unit.default, parameter=True)
    if (default := attributes.get("defaultvalue")) is not None:
        check_default(unit, default, type_)
    parameter = draft.parameter
    line = partial(text.declaration, parameter.attributes, parameter.specifiers, parameter.declarator)
    words = frozenset(attributes.by_name)
    doc = Doc(parameter.span, attributes.helpstring)
    name, handle = _type_name(parameter), shape.user_handle
    return Parameter(draft.name, type_, is_in, is_out, line, draft.span, words, name, doc, handle)


def _type_name(parameter: ast.Parameter) -> str:
    match parameter.specifiers.type:
        case ast.NamedType(name=name):
            return name
        case ast.SafeArray(element=element):
            return f"SAFEARRAY({text.one_line(element.span.text)})"
        case ast.BaseType(spelling=spelling):
            return spelling
        case _:
            return ""


_STDCALL = frozenset("winapi callback apientry stdmethodcalltype pascal".split())


def one_convention(unit: Unit, declarator: ast.Declarator) -> None:
    """Report a declarator with several calling conventions."""
    found: dict[str, str] = {}
    for word in declarator.calling:
        plain = word.strip("_").lower()
        if plain in {"cdecl", "stdcall", "fastcall"} | _STDCALL:
            found.setdefault("stdcall" if plain in _STDCALL else plain, word)
    if len(found) > 1:
        message = f'"{declarator.name}" has several calling conventions: {", ".join(found.values())}'
        unit.report.error("MIDL2282", message, declarator.span)


def contextual(unit: Unit, shape: Shape, attributes: Attributes, name: str, span: Span) -> Shape:
    """The shape with its innermost pointer taken for a context handle, which is declared under `name` if it is new."""
    attribute = attributes.get("context_handle")
    assert attribute is not None
    if shape.is_error or isinstance(shape.core, ContextHandleUse):
        return shape
    if isinstance(shape.core, BindingHandle) or shape.user_handle:
        code = "MIDL2185" if shape.user_handle else "MIDL2218"
        unit.report.error(code, f'"{name}" is a binding handle already', attribute.span)
        return ERROR_SHAPE
    if shape.presented:
        message = f'"{name}" travels as another type, which context handles cannot do'
        unit.report.error("MIDL2045", message, attribute.span)
        return ERROR_SHAPE
    if shape.core == GENERIC:
        levels = shape.levels
    elif shape.levels and shape.levels[-1].is_pointer:
        levels = shape.levels[:-1]
    else:
        unit.report.error("MIDL2237", "a context handle must be a pointer, as void * is", attribute.span)
        return ERROR_SHAPE
    known = unit.scope.declared.get(name)
    if known is None and name in unit.scope.typedefs:
        name = unit.free_name(name)
    if not isinstance(known, ContextHandle):
        name = name if known is None else unit.free_name(name)
        serialize = "context_handle_noserialize" not in attributes
        unit.declare(ContextHandle(name, span, unit.origin, serialize))
    return replace(shape, levels=levels, core=ContextHandleUse(name), const=False)


def _result(
    unit: Unit, statement: ast.Declaration, declarator: ast.Declarator, attributes: Attributes, *, local: bool
) -> Type:
    if isinstance(statement.specifiers.type, ast.Struct | ast.Union | ast.EncapsulatedUnion | ast.Enum):
        message = "a result cannot define a type; define it before the operation"
        unit.report.error("MIDL2157", message, statement.specifiers.span)
        return ErrorType()
    base = specified(unit, statement.specifiers, "", attributes, ())
    shape = derived(unit, base, declarator.derivations[1:])
    if isinstance(shape.core, Void) and not shape.levels:
        about = attributes.first_of("string", "context_handle", "ref", "unique", "ptr")
        if about is not None:
            message = f'"{about.name}" is about the result of "{declarator.name}", which is void'
            unit.report.doubtful("MIDL2072", message, about.span, help="put it on the parameter that it is about")
        return Void()
    if "context_handle" in attributes:
        shape = contextual(unit, shape, attributes, declarator.name or "", declarator.name_span)
    if "const" in statement.specifiers.words and not local:
        unit.report.doubtful("MIDL2280", f'the result of "{declarator.name}" is const', statement.specifiers.span)
    if isinstance(shape.core, FunctionCore):
        message = f'the result of "{declarator.name}" is a function, which cannot be sent'
        unit.report.error("MIDL2290", message, declarator.name_span)
        return ErrorType()
    if isinstance(shape.core, ContextHandleUse) and shape.levels:
        message = f'the result of "{declarator.name}" is a pointer to a context handle'
        unit.report.error("MIDL2268", message, declarator.name_span, help="return the handle itself")
        return ErrorType()
    if isinstance(shape.core, BindingHandle):
        unit.report.error("MIDL2238", "a binding handle cannot be a result", declarator.name_span)
        return ErrorType()
    if isinstance(shape.core, InterfaceCore):
        unit.report.error("MIDL2259", "an interface by value cannot be a result", declarator.name_span)
        return ErrorType()
    shape = pointed(unit, shape, attributes, Place.OPERATION)
    shape = attributed(unit, shape, attributes, Siblings({}, "parameter"))
    if shape.levels and not shape.levels[0].is_pointer:
        unit.report.error("IDLC1208", "an array cannot be a result", declarator.name_span)
        return ErrorType()
    return finish(shape, default=unit.default)
