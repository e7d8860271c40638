"""Interfaces: identity, defaults and the numbering of operations."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from idlc.diagnostics.report import Note
from idlc.language.attributes import Place
from idlc.semantics import pickling, written
from idlc.semantics.operations import Draft, bind_operation
from idlc.semantics.shapes import resolve
from idlc.semantics.symbols import InterfaceSymbol
from idlc.semantics.types import (
    BindingHandle,
    ContextHandleUse,
    Interface,
    Operation,
    PointerKind,
)
from idlc.semantics.unit import Unit, before
from idlc.semantics.written import Attributes, suggestion
from idlc.syntax import ast

_POINTERS = {kind.value: kind for kind in PointerKind}
_ENDPOINT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*):(?:\[(.*)\]|(.*))", re.DOTALL)


def bind_interface(
    unit: Unit, interface: ast.Interface, statement: Callable[[ast.Statement], None]
) -> Interface | None:
    """Bind an interface; `statement` binds whatever in its body is no operation."""
    by_acf = unit.acf.interface(interface.name)
    attributes = written.check(
        (*interface.attributes, *by_acf), Place.INTERFACE, unit.report, interface.name, (Place.ACF_INTERFACE,)
    )
    known = unit.scope.interfaces.get(interface.name)
    if known is not None and known.complete:
        message = f'interface "{interface.name}" is defined twice'
        unit.report.error("MIDL2003", message, interface.name_span, (before(known.span),))
        return None
    com = bool({"object", "odl"} & set(attributes.by_name)) or (
        unit.library and bool({"dual", "oleautomation"} & set(attributes.by_name))
    )
    inherited = unit.scope.interfaces.get(interface.base.name) if interface.base is not None else None
    if inherited is not None and inherited.object and "local" in attributes:
        com = True
    base = _base(unit, interface, com=com)
    default = _pointer_default(unit, attributes)
    symbol = InterfaceSymbol(
        interface.name,
        interface.name_span,
        unit.origin,
        object=com,
        next_opnum=base.next_opnum if base is not None else 0,
        base=base.name if base is not None else None,
    )
    unit.scope.interfaces[interface.name] = symbol
    outside = unit.default, unit.ms_union, unit.pickling
    unit.default = default
    unit.ms_union = "ms_union" in attributes
    unit.pickling = pickling.halves(attributes)
    local = "local" in attributes
    drafts: list[Draft] = []
    for inner in interface.body:
        if isinstance(inner, ast.Declaration) and any(d.is_function for d in inner.declarators):
            for declarator in inner.declarators:
                if not declarator.is_function:
                    unit.report.error("MIDL2156", f'"{declarator.name}" is a variable', declarator.span)
                    continue
                draft = bind_operation(unit, inner, declarator, attributes, local=local)
                if draft is not None:
                    drafts.append(draft)
        else:
            statement(inner)
    unit.default, unit.ms_union, unit.pickling = outside
    drafts = _distinct(unit, drafts, com=com or local)
    operations, following = _numbered(unit, drafts, symbol.next_opnum, com=com)
    unit.scope.interfaces[interface.name] = replace(symbol, complete=True, next_opnum=following)
    version = attributes.get("version")
    number = version.arguments[0] if version is not None else None
    uuid = attributes.get("uuid")
    identity = uuid.arguments[0] if uuid is not None else None
    bound = Interface(
        interface.name,
        identity.value if isinstance(identity, ast.UuidLiteral) else None,
        (number.major, number.minor) if isinstance(number, ast.Version) and not com else (0, 0),
        operations,
        interface.name_span,
        unit.origin,
        object=com,
        local=local,
        base=symbol.base,
        endpoints=_endpoints(unit, attributes),
        strict_context="strict_context_handle" in attributes or "type_strict_context_handle" in attributes,
        doc=interface.doc,
    )
    _check(unit, interface, bound, attributes, drafts)
    return bound


def _base(unit: Unit, interface: ast.Interface, *, com: bool) -> InterfaceSymbol | None:
    if interface.base is None:
        return None
    name = interface.base.name.rpartition(".")[2]
    known = unit.scope.interfaces.get(name)
    if known is None:
        help_ = suggestion(name, unit.scope.interfaces)
        if help_ is None and name == "IUnknown":
            help_ = 'import "unknwn.idl";'
        unit.report.error("MIDL2011", f'undefined interface "{name}"', interface.base.span, (), help_)
        return None
    if not known.complete:
        message = "an interface cannot be its own base" if name == interface.name else f'"{name}" is not defined yet'
        code = "MIDL2256" if name == interface.name else "MIDL2011"
        unit.report.error(code, message, interface.base.span, (Note("it is announced here", known.span),))
        return None
    if not com:
        message = f'"{interface.name}" is no [object] interface and cannot have a base'
        unit.report.error("MIDL2271", message, interface.base.span)
        return None
    return known


def _pointer_default(unit: Unit, attributes: Attributes) -> PointerKind | None:
    attribute = attributes.get("pointer_default")
    if attribute is None:
        return None
    argument = attribute.arguments[0]
    if isinstance(argument, ast.Identifier) and argument.name in _POINTERS:
        return _POINTERS[argument.name]
    unit.report.error("IDLC1202", "pointer_default takes ref, unique or ptr", attribute.span)
    return None


def _endpoints(unit: Unit, attributes: Attributes) -> tuple[tuple[str, str], ...]:
    attribute = attributes.get("endpoint")
    found = []
    for argument in attribute.arguments if attribute is not None else ():
        if not isinstance(argument, ast.StringLiteral):
            continue
        parts = _ENDPOINT.fullmatch(argument.value)
        if parts is None:
            message = f'"{argument.value}" is no endpoint'
            unit.report.error("MIDL2071", message, argument.span, help='write "ncacn_ip_tcp:[4711]"')
            continue
        found.append((parts[1], parts[2] if parts[2] is not None else parts[3]))
    return tuple(found)


def _distinct(unit: Unit, drafts: list[Draft], *, com: bool) -> list[Draft]:
    """Operations with names of their own. RPC: over all interfaces of a file; COM: in the interface."""
    kept = []
    seen = {} if com else unit.operations
    for draft in drafts:
        operation = draft.operation
        kinds = {"propget", "propput", "propputref"} & set(draft.attributes.by_name)
        key = f"{min(kinds)} {operation.name}" if kinds else operation.name
        if key in seen:
            message = f'"{operation.name}" is an operation already'
            unit.report.error("MIDL2003", message, operation.span, (before(seen[key]),))
            continue
        seen[key] = operation.span
        kept.append(draft)
    return kept


def _numbered(unit: Unit, drafts: list[Draft], first: int, *, com: bool) -> tuple[tuple[Operation, ...], int]:
    """Operations with their numbers, and the number that a derived interface begins with."""
    found: list[Operation] = []
    numbers: dict[str, int] = {}
    following, callbacks = first, 0
    for draft in drafts:
        operation = draft.operation
        if operation.callback:
            found.append(replace(operation, opnum=callbacks))
            callbacks += 1
        elif com and draft.call_as is not None:
            found.append(replace(operation, opnum=_slot(unit, draft, numbers)))
        elif operation.local and not com:
            found.append(operation)
        else:
            found.append(replace(operation, opnum=following))
            numbers[operation.name] = following
            following += 1
    return tuple(found), following


def _slot(unit: Unit, draft: Draft, numbers: dict[str, int]) -> int:
    """A [call_as] method has the number of the local method it stands for."""
    assert draft.call_as is not None
    if draft.call_as not in numbers:
        attribute = draft.attributes.by_name["call_as"]
        message = f'there is no local method "{draft.call_as}"'
        unit.report.error("MIDL2275", message, attribute.span, (), suggestion(draft.call_as, numbers))
        return -1
    return numbers[draft.call_as]


def _check(unit: Unit, interface: ast.Interface, bound: Interface, attributes: Attributes, drafts: list[Draft]) -> None:
    """What an interface's header must and must not say."""
    report = unit.report
    uuid = attributes.get("uuid")
    if uuid is not None and bound.local and not bound.object:
        report.warning("MIDL2080", "a local interface needs no uuid", uuid.span)
    remote = [d.operation for d in drafts if not d.operation.local]
    if uuid is None and not bound.local and (remote or bound.object):
        message = f'interface "{interface.name}" has neither a uuid nor [local]'
        report.error("MIDL2079", message, interface.name_span)
    if bound.object and "version" in attributes:
        report.warning("MIDL2298", "an [object] interface has no version", attributes.by_name["version"].span)
    if remote and all(operation.callback for operation in remote):
        report.error("MIDL2208", f'interface "{interface.name}" has nothing but callbacks', interface.name_span)
    _implicit(unit, attributes)
    auto = attributes.get("auto_handle")
    for draft in drafts:
        operation = draft.operation
        automatic = auto or draft.attributes.get("auto_handle")
        if operation.is_async and automatic is not None:
            note = Note("automatic handles are asked for here", automatic.span)
            message = f'"{operation.name}" is [async] and needs an explicit handle'
            report.error("MIDL2357", message, operation.span, (note,))
        elif automatic is not None and pickling.has_pipes(operation):
            note = Note("automatic handles are asked for here", automatic.span)
            message = f'"{operation.name}" has pipes and needs an explicit handle'
            report.error("MIDL2096", message, operation.span, (note,))
    pickling.check_operations(report, bound, attributes, drafts)


def _implicit(unit: Unit, attributes: Attributes) -> None:
    """The type of an implicit handle: handle_t, or a typedef marked [handle]."""
    attribute = attributes.get("implicit_handle")
    argument = attribute.arguments[0] if attribute is not None else None
    if attribute is None or not isinstance(argument, ast.TypeName):
        return
    written_type = argument.specifiers.type
    if isinstance(written_type, ast.NamedType) and written_type.name not in unit.scope.typedefs:
        message = f'"{written_type.name}" is not defined here, it is taken for a [handle] type'
        unit.report.warning("MIDL2225", message, argument.span)
        return
    shape = resolve(unit, argument)
    if isinstance(shape.core, ContextHandleUse):
        unit.report.error("MIDL2210", "a context handle cannot be an implicit handle", attribute.span)
    elif not shape.is_error and not shape.user_handle and not isinstance(shape.core, BindingHandle):
        unit.report.error("MIDL2264", "the type of an implicit handle must be a handle", attribute.span)
