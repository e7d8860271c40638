"""Interfaces: identity, defaults and the numbering of operations."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from idlc.data import replace
from idlc.diagnostics.report import Note
from idlc.language.attributes import Place
from idlc.semantics import bases, pickling, written
from idlc.semantics.binding import Kind, source
from idlc.semantics.documentation import Doc
from idlc.semantics.numbering import distinct, numbered
from idlc.semantics.operations import Draft, bind_operation
from idlc.semantics.shapes import resolve
from idlc.semantics.symbols import InterfaceSymbol
from idlc.semantics.twins import twin
from idlc.semantics.types import (
    BindingHandle,
    ContextHandleUse,
    Interface,
    Operation,
    PointerKind,
    Property,
)
from idlc.semantics.unit import Unit, before
from idlc.semantics.written import Attributes
from idlc.settings import Dialect
from idlc.syntax import ast

_POINTERS = {kind.value: kind for kind in PointerKind}
_ENDPOINT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*):(?:\[(.*)\]|(.*))", re.DOTALL)


def bind_interface(
    unit: Unit, interface: ast.Interface, statement: Callable[[ast.Statement], None]
) -> tuple[Interface, ...]:
    """Bind an interface; `statement` binds whatever in its body is no operation.

    The result is empty after a report, and has two when the interface has an asynchronous form.
    """
    by_acf = unit.acf.interface(interface.name)
    attributes = written.check(
        (*interface.attributes, *by_acf), Place.INTERFACE, unit.report, interface.name, (Place.ACF_INTERFACE,)
    )
    known = unit.scope.interfaces.get(interface.name)
    if known is not None and known.complete:
        if known.origin == unit.origin:
            message = f'interface "{interface.name}" is defined twice'
            unit.report.error("MIDL2003", message, interface.name_span, (before(known.span),))
            return ()
        if known.origin not in unit.scope.typelibs:
            message = f'interface "{interface.name}" is defined in an imported file too; this definition counts'
            unit.report.doubtful("MIDL2003", message, interface.name_span, (before(known.span),))
    com = bool({"object", "odl"} & attributes.by_name.keys()) or (
        unit.library and bool({"dual", "oleautomation"} & attributes.by_name.keys())
    )
    base, com = bases.base(unit, interface, attributes, com=com)
    words = frozenset(attributes.by_name)
    symbol = InterfaceSymbol(
        interface.name,
        interface.name_span,
        unit.origin,
        object=com,
        next_opnum=base.next_opnum if base is not None else 0,
        base=base.name if base is not None else _named_base(interface, com=com),
        automation=bool({"oleautomation", "dual"} & words) or interface.name in {"IUnknown", "IDispatch"},
    )
    unit.scope.interfaces[interface.name] = symbol
    outside = unit.default, unit.ms_union, unit.pickling
    unit.undecided = None
    unit.default = _pointer_default(unit, attributes)
    unit.ms_union = unit.settings.ms_union or "ms_union" in attributes
    unit.pickling = pickling.halves(attributes)
    local = "local" in attributes
    drafts: list[Draft] = []
    for inner in interface.body:
        if isinstance(inner, ast.Declaration) and any(d.is_function for d in inner.declarators):
            for declarator in inner.declarators:
                if not declarator.is_function:
                    unit.report.error("MIDL2156", f'"{declarator.name}" is a variable', declarator.span)
                    continue
                draft = bind_operation(unit, inner, declarator, attributes, local=local, com=com)
                if draft is not None:
                    drafts.append(draft)
        else:
            statement(inner)
    unit.default, unit.ms_union, unit.pickling = outside
    if unit.undecided is not None and "pointer_default" not in attributes and not local:
        note = Note("this pointer, for one, says nothing", unit.undecided)
        message = f'interface "{interface.name}" has no [pointer_default]: its pointers are unique'
        help_ = "write [pointer_default(unique)] before the interface"
        unit.report.warning("MIDL2038", message, interface.name_span, (note,), help_)
    drafts = distinct(unit, drafts, com=com or local)
    operations, following = numbered(unit, drafts, symbol.next_opnum, com=com)
    unit.scope.interfaces[interface.name] = replace(
        symbol,
        complete=True,
        next_opnum=following,
        identities=identities(operations),
        methods=(*(base.methods if base is not None else ()), *(operation.called for operation in operations)),
        iid=attributes.uuid(),
    )
    bound = Interface(
        interface.name,
        attributes.uuid(),
        (0, 0) if com else attributes.version,
        operations,
        interface.name_span,
        unit.origin,
        object=com,
        local=local,
        base=symbol.base,
        base_origin=base.origin if base is not None else "",
        endpoints=_endpoints(unit, attributes),
        strict_context="strict_context_handle" in attributes or "type_strict_context_handle" in attributes,
        doc=Doc(interface.span, attributes.helpstring),
        words=words,
        library=unit.library,
        async_uuid=attributes.uuid("async_uuid"),
        implicit_handle=_implicit(unit, attributes),
    )
    _check(unit, interface, bound, attributes, drafts)
    asked = attributes.get("async_uuid")
    if asked is None or bound.async_uuid is None:
        return (bound,)
    asynchronous = twin(unit, bound, bound.async_uuid, asked.span)
    return (bound,) if asynchronous is None else (bound, asynchronous)


def _named_base(interface: ast.Interface, *, com: bool) -> str | None:
    """The name of a base that could not be had."""
    return interface.base.name.rpartition(".")[2] if com and interface.base is not None else None


def identities(members: Iterable[Operation | Property]) -> dict[str, int]:
    """DISPIDs by name."""
    return {one.name: one.dispid for one in members if one.dispid is not None}


def _pointer_default(unit: Unit, attributes: Attributes) -> PointerKind | None:
    attribute = attributes.get("pointer_default")
    if attribute is None:
        return PointerKind.FULL if unit.settings.dialect is Dialect.DCE else None
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


def _check(unit: Unit, interface: ast.Interface, bound: Interface, attributes: Attributes, drafts: list[Draft]) -> None:
    """What an interface's header must and must not say."""
    report = unit.report
    uuid = attributes.get("uuid")
    if uuid is not None and bound.local and not bound.object:
        report.warning("MIDL2080", "a local interface needs no uuid", uuid.span)
    remote = [d.operation for d in drafts if not d.operation.local]
    if uuid is None and not bound.local and (remote or bound.object):
        message = f'interface "{interface.name}" has neither a uuid nor [local]'
        say = report.doubtful if bound.object else report.error
        say("MIDL2079", message, interface.name_span, help="it has no identity and nobody can ask for it")
    if bound.object and "version" in attributes:
        report.warning("MIDL2298", "an [object] interface has no version", attributes.by_name["version"].span)
    if remote and not bound.object and all(operation.callback for operation in remote):
        report.error("MIDL2208", f'interface "{interface.name}" has nothing but callbacks', interface.name_span)
    if report.policy.strict and not unit.settings.app_config:
        for attribute in interface.attributes:
            if attribute.name in {"auto_handle", "explicit_handle", "implicit_handle"}:
                message, help_ = f"[{attribute.name}] belongs into the ACF", "or compile with --app-config"
                report.error("MIDL2150", message, attribute.span, help=help_)
    for draft in drafts:
        if draft.operation.is_async or pickling.has_pipes(draft.operation):
            _automatic(unit, bound, attributes, draft)
            _interpreted(unit, attributes, draft)
    pickling.check_operations(report, bound, attributes, drafts)


def _automatic(unit: Unit, bound: Interface, attributes: Attributes, draft: Draft) -> None:
    """Automatic handles, where written, do not go with asynchronous calls and pipes."""
    operation = draft.operation
    automatic = attributes.get("auto_handle") or draft.attributes.get("auto_handle")
    handle = source(bound, operation)
    if automatic is None or handle is None or handle.kind is not Kind.AUTOMATIC:
        return
    note = Note("automatic handles are asked for here", automatic.span)
    if operation.is_async:
        message = f'"{operation.name}" is [async] and needs an explicit handle'
        unit.report.error("MIDL2357", message, operation.span, (note,))
    else:
        message = f'"{operation.name}" has pipes and needs an explicit handle'
        unit.report.error("MIDL2096", message, operation.span, (note,))


def _interpreted(unit: Unit, attributes: Attributes, draft: Draft) -> None:
    """Nor do stubs that are not interpreted: MIDL chooses another mode. Here there is one only."""
    optimize = draft.attributes.get("optimize") or attributes.get("optimize")
    mode = optimize.arguments[0] if optimize is not None and optimize.arguments else None
    if optimize is None or not isinstance(mode, ast.StringLiteral) or "f" in mode.value:
        return
    name = draft.operation.name
    if draft.operation.is_async:
        unit.report.warning("MIDL2319", f'"{name}" is [async]: [optimize] has no effect', optimize.span)
    else:
        unit.report.warning("MIDL2318", f'"{name}" has pipes: [optimize] has no effect', optimize.span)


def _implicit(unit: Unit, attributes: Attributes) -> str | None:
    """The name of an implicit handle. Its type is handle_t, or a typedef marked [handle]."""
    attribute = attributes.get("implicit_handle")
    argument = attribute.arguments[0] if attribute is not None else None
    if attribute is None or not isinstance(argument, ast.TypeName):
        return None
    name = argument.declarator.name
    written_type = argument.specifiers.type
    if isinstance(written_type, ast.NamedType) and written_type.name not in unit.scope.typedefs:
        message = f'"{written_type.name}" is not defined here, it is taken for a [handle] type'
        unit.report.warning("MIDL2225", message, argument.span)
        return name
    shape = resolve(unit, argument)
    if isinstance(shape.core, ContextHandleUse):
        unit.report.error("MIDL2210", "a context handle cannot be an implicit handle", attribute.span)
    elif not shape.is_error and not shape.user_handle and not isinstance(shape.core, BindingHandle):
        code = "MIDL2099" if isinstance(written_type, ast.NamedType) else "MIDL2264"
        help_ = "use handle_t, or a typedef that is marked [handle]"
        unit.report.error(code, "the type of an implicit handle must be a handle", argument.span, help=help_)
    return name
