"""What type libraries are about: dispinterfaces, component classes, libraries, modules and named GUIDs."""

from __future__ import annotations

from collections.abc import Callable

from idlc.data import dataclass, field, replace
from idlc.diagnostics.report import Note
from idlc.language.attributes import Place
from idlc.language.typelibs import source_of
from idlc.semantics import text, written
from idlc.semantics.documentation import Doc
from idlc.semantics.interfaces import identities
from idlc.semantics.operations import bind_operation, dispid
from idlc.semantics.shapes import attributed, declared, pointed, specified
from idlc.semantics.symbols import ConstantSymbol, FunctionCore, InterfaceCore, InterfaceSymbol, finish
from idlc.semantics.types import (
    Coclass,
    CoclassMember,
    Interface,
    Library,
    NamedConstant,
    Operation,
    Property,
)
from idlc.semantics.unit import Unit, before
from idlc.semantics.written import Attributes
from idlc.source.files import Span
from idlc.syntax import ast

Bind = Callable[[ast.Statement], None]


def announce(unit: Unit, statement: ast.Forward) -> None:
    """`interface X;`: a name that may be used behind a pointer. In a library it takes X into the library as well."""
    if statement.name not in unit.scope.interfaces:
        unit.scope.interfaces[statement.name] = InterfaceSymbol(
            statement.name, statement.span, unit.origin, statement.keyword, object=True
        )


# ---------------------------------------------------------------------------- dispinterfaces


def bind_dispinterface(unit: Unit, statement: ast.Dispinterface) -> Interface | None:
    """Bind a dispinterface; None after a report."""
    name = statement.name
    attributes = written.check(statement.attributes, Place.DISPINTERFACE, unit.report, name)
    if not _free(unit, name, statement.name_span):
        return None
    dispatch = unit.scope.interfaces.get("IDispatch")
    if (dispatch is None or not dispatch.complete) and not unit.outside("IDispatch", statement.name_span):
        message = f'dispinterface "{name}" needs IDispatch, which is not known here'
        help_ = 'import "oaidl.idl"; or importlib("stdole2.tlb");'
        unit.report.error("MIDL2017", message, statement.name_span, (), help_)
    if attributes.uuid() is None:
        message = f'dispinterface "{name}" has no uuid'
        help_ = "it has no identity and nobody can ask for it"
        unit.report.doubtful("MIDL2079", message, statement.name_span, (), help_)
    symbol = InterfaceSymbol(name, statement.name_span, unit.origin, "dispinterface", object=True, automation=True)
    unit.scope.interfaces[name] = symbol
    properties = tuple(one for field_ in statement.properties for one in _properties(unit, field_))
    methods: list[Operation] = []
    for method in statement.methods:
        for declarator in method.declarators:
            if not declarator.is_function:
                unit.report.error("MIDL2391", f'"{declarator.name}" is no method', declarator.span)
                continue
            known_as = id(declarator)  # a macro may have put the very same method into several dispinterfaces
            if known_as not in unit.dispatched:
                draft = bind_operation(unit, method, declarator, written.NONE, local=True)
                unit.dispatched[known_as] = None if draft is None else replace(draft.operation, local=False)
            operation = unit.dispatched[known_as]
            if operation is not None:
                methods.append(operation)
    wraps = statement.interface.name.rpartition(".")[2] if statement.interface is not None else None
    known = dict(identities(properties)) | identities(methods)
    if wraps is not None and statement.interface is not None:
        known |= _wrapped(unit, wraps, statement.interface.span)
    iid = attributes.uuid()
    unit.scope.interfaces[name] = replace(symbol, complete=True, base="IDispatch", identities=known, iid=iid)
    return Interface(
        name,
        attributes.uuid(),
        (0, 0),
        tuple(methods),
        statement.name_span,
        unit.origin,
        object=True,
        base="IDispatch",
        base_origin=dispatch.origin if dispatch is not None and dispatch.complete else "",
        doc=Doc(statement.span, attributes.helpstring),
        words=frozenset(attributes.by_name),
        library=unit.library,
        dispatch=True,
        properties=properties,
        wraps=wraps,
    )


def _wrapped(unit: Unit, name: str, span: Span) -> dict[str, int]:
    """The DISPIDs of the interface that a dispinterface offers as it is."""
    wrapped = unit.scope.interfaces.get(name)
    if wrapped is None:
        if not unit.outside(name, span):
            help_ = written.suggestion(name, unit.scope.interfaces)
            unit.report.error("MIDL2011", f'undefined interface "{name}"', span, (), help_)
        return {}
    if wrapped.keyword != "interface":
        note = Note("it is defined here", wrapped.span)
        unit.report.error("MIDL2391", f'"{name}" is a {wrapped.keyword}, not an interface', span, (note,))
        return {}
    return dict(wrapped.identities)


def _properties(unit: Unit, written_field: ast.Field) -> list[Property]:
    found: list[Property] = []
    for declarator in written_field.declarators:
        name, span = declarator.name or "", declarator.name_span
        attributes = written.check(written_field.attributes, Place.FIELD, unit.report, name)
        if declarator.is_function:
            message = f'"{name}" is a method; it belongs under "methods:"'
            unit.report.error("MIDL2391", message, span)
            continue
        base = specified(unit, written_field.specifiers, "", attributes, ())
        shape = pointed(unit, declared(unit, base, declarator), attributes, Place.FIELD)
        if isinstance(shape.core, InterfaceCore | FunctionCore):
            message = f'"{name}" is no value: a property is one, or a pointer to an interface'
            unit.report.error("MIDL2259", message, span)
        shape = attributed(unit, shape, attributes, None)
        line = text.declaration(written_field.attributes, written_field.specifiers, declarator)
        found.append(
            Property(
                name,
                finish(shape, default=unit.default),
                dispid(unit, attributes),
                line,
                span,
                readonly="readonly" in attributes,
                doc=Doc(written_field.span, attributes.helpstring),
            )
        )
    return found


# ---------------------------------------------------------------------------- component classes


def announce_coclass(unit: Unit, statement: ast.Coclass) -> bool:
    """Make the name of a component class known; False after a report."""
    if not _free(unit, statement.name, statement.name_span):
        return False
    unit.scope.interfaces[statement.name] = InterfaceSymbol(
        statement.name, statement.name_span, unit.origin, "coclass", object=True, complete=True, automation=True
    )
    return True


def bind_coclass(unit: Unit, statement: ast.Coclass) -> Coclass:
    """Bind a component class, when the whole file is known: its members may be defined behind it."""
    name = statement.name
    attributes = written.check(statement.attributes, Place.COCLASS, unit.report, name)
    members = tuple(_member(unit, member) for member in statement.members)
    if attributes.uuid() is None:
        message = f'coclass "{name}" has no uuid'
        unit.report.doubtful("MIDL2079", message, statement.name_span, help="nothing can be created without a CLSID")
    doc = Doc(statement.span, attributes.helpstring)
    return Coclass(name, attributes.uuid(), members, statement.name_span, unit.origin, doc)


def _member(unit: Unit, member: ast.CoclassMember) -> CoclassMember:
    name = member.name.rpartition(".")[2]
    attributes = written.check(member.attributes, Place.MEMBER, unit.report, name)
    known = unit.scope.interfaces.get(name)
    if known is None and not unit.outside(name, member.span):
        help_ = written.suggestion(name, unit.scope.interfaces)
        message = f'{member.keyword} "{name}" is defined nowhere'
        unit.report.doubtful("MIDL2011", message, member.span, (), help_)
    elif known is not None and known.keyword == "coclass":
        note = Note("it is defined here", known.span)
        message = f'"{name}" is a coclass, a member is an interface'
        unit.report.error("MIDL2011", message, member.span, (note,))
    return CoclassMember(
        name,
        known.origin if known is not None and known.complete else "",
        default="default" in attributes,
        source="source" in attributes,
        restricted="restricted" in attributes,
        span=member.span,
        words=frozenset(attributes.by_name),
    )


def _free(unit: Unit, name: str, span: Span) -> bool:
    known = unit.scope.interfaces.get(name)
    if known is not None and known.complete and known.origin == unit.origin:
        unit.report.error("MIDL2003", f'"{name}" is defined twice', span, (before(known.span),))
        return False
    return True


# ---------------------------------------------------------------------------- libraries


@dataclass(slots=True)
class Libraries:
    """The library blocks of a file so far, and what the one that is open imports."""

    found: list[Library] = field(default_factory=list)
    named: list[str] = field(default_factory=list)


def bind_library(unit: Unit, statement: ast.Library, libraries: Libraries, bind: Bind) -> None:
    """Bind a library block; `bind` binds what stands in it."""
    attributes = written.check(statement.attributes, Place.LIBRARY, unit.report, statement.name)
    first = libraries.found[0] if libraries.found else None
    if first is not None:
        note = Note(f'"{first.name}" is the first one', first.span)
        unit.report.error("MIDL2016", "a file can have one library only", statement.name_span, (note,))
    outside, libraries.named = unit.library, []
    unit.library = True
    for inner in statement.body:
        bind(inner)
    unit.library = outside
    doc = Doc(statement.span, attributes.helpstring)
    libraries.found.append(
        Library(
            statement.name,
            attributes.uuid(),
            attributes.version,
            tuple(libraries.named),
            statement.name_span,
            unit.origin,
            doc,
        )
    )


def bind_importlib(unit: Unit, statement: ast.Importlib, libraries: Libraries) -> None:
    """Note a type library. Its names were imported already if there is an IDL file that says the same."""
    if not unit.library:
        unit.report.error("MIDL2347", "importlib belongs into a library", statement.span)
        return
    libraries.named.append(statement.file.value)
    if source_of(statement.file.value) not in unit.imported:
        unit.unread.append(statement)


def verify_unread(unit: Unit) -> None:
    """Say once which names are taken to come from type libraries that were not read."""
    if not unit.lacking:
        return
    statement = unit.unread[0]
    files = " or ".join(f'"{one.file.value}"' for one in unit.unread)
    names = ", ".join(f'"{name}"' for name in unit.lacking)
    notes = [Note(f'"{name}" is used here', span) for name, span in list(unit.lacking.items())[:3]]
    message = f"type libraries are not read: {names} may come from {files}, nothing else is known of it"
    help_ = f'put the library\'s IDL on the search path as "{source_of(statement.file.value)}"'
    unit.report.warning("MIDL2015", message, statement.span, notes, help_)


# ---------------------------------------------------------------------------- modules and GUIDs


def bind_module(unit: Unit, statement: ast.Module, bind: Bind) -> None:
    """Bind a module: its constants and types; its functions live in a DLL and are checked only."""
    attributes = written.check(statement.attributes, Place.MODULE, unit.report, statement.name)
    if not unit.library:
        unit.report.doubtful("MIDL2359", f'module "{statement.name}" belongs into a library', statement.name_span)
    for inner in statement.body:
        if isinstance(inner, ast.Declaration) and any(d.is_function for d in inner.declarators):
            _entry(unit, inner, attributes)
        else:
            bind(inner)


def _entry(unit: Unit, statement: ast.Declaration, module: Attributes) -> None:
    for declarator in statement.declarators:
        if not declarator.is_function:
            unit.report.error("MIDL2156", f'"{declarator.name}" is a variable', declarator.span)
            continue
        draft = bind_operation(unit, statement, declarator, written.NONE, local=True)
        entry = draft.attributes.get("entry") if draft is not None else None
        if entry is None:
            continue
        argument = entry.arguments[0] if len(entry.arguments) == 1 else None
        if isinstance(argument, ast.StringLiteral | ast.Identifier):
            fits = True
        else:
            fits = argument is not None and unit.expressions.integer(argument) is not None
        if argument is None or not fits:
            unit.report.error("MIDL2022", "entry takes the name of a function or its number", entry.span)
        if "dllname" not in module:
            message = f'"{declarator.name}" has an entry, but its module names no DLL'
            unit.report.error("MIDL2091", message, entry.span, help='[dllname("probe.dll")] before the module')


def bind_guid(unit: Unit, statement: ast.DeclareGuid) -> None:
    """`declare_guid(NAME, value)`: a constant."""
    name, value = statement.name, statement.value.value
    fresh = name not in unit.scope.constants
    if unit.constant(ConstantSymbol(name, value, statement.span, unit.origin)) and fresh:
        unit.constants.append(NamedConstant(name, value, statement.span, unit.origin))
