"""The binder: one file's syntax tree becomes bound types, statement by statement.

Names must be defined before they are used, as in C; only the names of tags are settled beforehand.
Everything is reported and bound as far as it makes sense, so that one run shows all mistakes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import PurePosixPath

from idlc.data import replace
from idlc.diagnostics.report import Note, Report
from idlc.language.attributes import Place
from idlc.language.basetypes import GUID_NAMES
from idlc.semantics import acf as configuration
from idlc.semantics import com, names, pickling, transmitted, written
from idlc.semantics.configured import check_allocation
from idlc.semantics.documentation import NO_DOC, Doc, helpstring
from idlc.semantics.interfaces import bind_interface
from idlc.semantics.operations import contextual, one_convention
from idlc.semantics.presented import present, present_imported
from idlc.semantics.records import define
from idlc.semantics.shapes import (
    GENERIC,
    attributed,
    declared,
    derived,
    forward,
    in_header,
    pointed,
    range_limits,
    resolve,
    specified,
)
from idlc.semantics.symbols import (
    ERROR_SHAPE,
    ConstantSymbol,
    FunctionCore,
    InterfaceCore,
    Scope,
    Shape,
    TypedefSymbol,
    finish,
)
from idlc.semantics.types import (
    Alias,
    Base,
    BaseKind,
    BindingHandle,
    BoundFile,
    ContextHandle,
    ContextHandleUse,
    Enum,
    EnumUse,
    ErrorType,
    Interface,
    NamedConstant,
    Opaque,
    Pipe,
    PointerKind,
    Presented,
    Struct,
    StructUse,
    Type,
    Union,
    UnionUse,
    Void,
)
from idlc.semantics.unit import Unit, before
from idlc.semantics.values import constant_value
from idlc.semantics.written import Attributes
from idlc.settings import Settings
from idlc.source.files import Span
from idlc.syntax import ast


def bind(
    file: ast.File,
    acf: ast.AcfFile | None,
    imported: Mapping[str, BoundFile],
    report: Report,
    settings: Settings | None = None,
    name: str | None = None,
) -> BoundFile:
    """Bind `file`. `imported` holds the files that it imports directly, by the name it imports them with.

    `name` is what the file goes by, unless it is the stem of its own name.
    """
    acf = configuration.adopted(acf, file)
    scope = Scope()
    for other in imported.values():
        if other.scope is not None:
            scope.include(other.scope)
    stem = name or PurePosixPath(file.name.replace("\\", "/")).stem
    unit = Unit(stem, report, scope, names.collect(file.body), configuration.read(acf, report), _undefinable)
    unit.adopt(settings or Settings())
    unit.imported = frozenset(imported)
    libraries = names.typelibs(file.body) - names.imports(file.body)
    scope.typelibs |= {other.name for name, other in imported.items() if name in libraries}
    unit.definitions = names.interfaces(file.body)
    later = {d.name: typedef for typedef in names.typedefs(file.body) for d in typedef.declarators if d.name}
    unit.define = lambda specifier, attributes, called, aliases: define(unit, specifier, attributes, called, aliases)
    unit.use(lambda type_name: resolve(unit, type_name))
    present_imported(unit)
    found = _File(unit)
    unit.ahead = lambda name, span: found.ahead(later.get(name), name, span)
    enumerators = cache(lambda: names.enumerators(file.body))
    unit.expressions.ahead = lambda name, span: found.ahead_value(enumerators().get(name), name, span)
    found.statements(file.body)
    coclasses = tuple(com.bind_coclass(unit, coclass) for coclass in found.coclasses)
    com.verify_unread(unit)
    configuration.verify(acf, found.interfaces, [*scope.typedefs, *scope.declared], report)
    sources = [PurePosixPath(file.name.replace("\\", "/")).name]
    if acf is not None:
        sources.append(PurePosixPath(acf.name.replace("\\", "/")).name)
    imports = dict.fromkeys(other.name for other in imported.values())
    return BoundFile(
        name=stem,
        sources=tuple(sources),
        declarations=tuple(unit.declarations),
        constants=tuple(unit.constants),
        interfaces=tuple(found.interfaces),
        imports=tuple(imports),
        declared=scope.declared,
        text=file.span.file.text,
        quotes=tuple(unit.quotes),
        pickled=tuple(unit.pickled),
        coclasses=coclasses,
        libraries=tuple(found.libraries.found),
        scope=scope,
    )


_PREDEFINED = {
    "wchar_t": ("MIDL2014", {BaseKind.WCHAR, BaseKind.UINT16}, "unsigned short"),
    "error_status_t": ("MIDL2205", {BaseKind.UINT32}, "unsigned long"),
}


_SORTS = {
    "v1_enum": (EnumUse, "enumerations"),
    "switch_type": (UnionUse, "unions"),
    "ms_union": (UnionUse, "unions"),
}
"""Attributes that are about types of one sort only."""


def _undefinable(*_: object) -> ErrorType:
    return ErrorType()


class _File:
    """Walks the statements of a file, of its interfaces and of its libraries."""

    def __init__(self, unit: Unit) -> None:
        self.unit = unit
        self.interfaces: list[Interface] = []
        self.coclasses: list[ast.Coclass] = []
        self.libraries = com.Libraries()
        self.done: set[int] = set()

    def statements(self, body: Iterable[ast.Statement]) -> None:
        for statement in body:
            self.statement(statement)

    def statement(self, statement: ast.Statement) -> None:
        """Bind one statement that may stand anywhere; operations belong to interfaces and are not met here."""
        unit = self.unit
        match statement:
            case ast.Typedef():
                self.typedef(statement)
            case ast.PipeTypedef():
                self.pipe(statement)
            case ast.Const():
                self.constants(statement)
            case ast.Declaration():
                self.declaration(statement)
            case ast.Forward(keyword=keyword, name=name):
                if keyword in {"interface", "dispinterface", "coclass"}:
                    com.announce(unit, statement)
                elif name not in unit.scope.tags:
                    forward(unit, keyword, name, statement.span)
            case ast.Interface():
                self.interface(statement)
            case ast.Dispinterface():
                dispinterface = com.bind_dispinterface(unit, statement)
                if dispinterface is not None:
                    self.interfaces.append(dispinterface)
            case ast.Coclass():
                if com.announce_coclass(unit, statement):
                    self.coclasses.append(statement)
            case ast.Library():
                com.bind_library(unit, statement, self.libraries, self.statement)
            case ast.Module():
                com.bind_module(unit, statement, self.statement)
            case ast.Importlib():
                com.bind_importlib(unit, statement, self.libraries)
            case ast.DeclareGuid():
                com.bind_guid(unit, statement)
            case ast.Pragma(text=pragma):
                unit.packing.read(pragma)
            case ast.CppQuote(text=quoted):
                unit.quotes.append(quoted)
            case ast.Import() | ast.MidlPragma():
                pass

    def interface(self, statement: ast.Interface) -> None:
        """Bind an interface, after the base that it has further down if it has one there."""
        unit = self.unit
        if id(statement) in self.done:
            return
        self.done.add(id(statement))
        base = unit.definitions.get(statement.base.name) if statement.base is not None else None
        known = unit.scope.interfaces.get(statement.base.name) if statement.base is not None else None
        circular = base is not None and statement.name in unit.ancestors(base.name)
        complete = known is not None and known.complete
        if base is not None and not (complete or circular or id(base) in self.done):
            note = Note("it is defined here", base.name_span)
            message = f'"{base.name}" is defined behind "{statement.name}", which derives from it'
            unit.report.doubtful("MIDL2011", message, statement.name_span, (note,), "define the base first")
            self.interface(base)
        self.interfaces += bind_interface(unit, statement, self.statement)

    # ------------------------------------------------------------------ types without a typedef, variables

    def declaration(self, statement: ast.Declaration) -> None:
        unit = self.unit
        defines = not statement.declarators
        if defines:
            attributes = written.check(statement.attributes, Place.TYPE, unit.report)
            match statement.specifiers.type:
                case ast.StructReference(name=tag):
                    keyword = "struct"
                case ast.UnionReference(name=tag):
                    keyword = "union"
                case ast.EnumReference(name=tag):
                    keyword = "enum"
                case _:
                    start = len(unit.declarations)
                    self.applicable(specified(unit, statement.specifiers, "", attributes, ()), attributes)
                    self.document(start, Doc(statement.span, attributes.helpstring))
                    self.guid_by_tag(statement.specifiers)
                    return
            if tag not in unit.scope.tags:
                forward(unit, keyword, tag, statement.span)
            return
        for declarator in statement.declarators:
            if declarator.is_function:
                self.stray(declarator)
            elif in_header(declarator.span):
                pass  # a variable of the program that C makes of it
            elif statement.specifiers.const and "extern" not in statement.specifiers.words:
                unit.report.error("MIDL2155", f'"{declarator.name}" needs a value', declarator.span)
            elif "extern" not in statement.specifiers.words:
                code = "MIDL2001" if declarator.initializer is not None else "MIDL2156"
                help_ = "write const before the type" if declarator.initializer is not None else None
                # In a file of its own, as a header has it: C programs get it from there.
                static = "static" in statement.specifiers.words and declarator.initializer is not None
                say = unit.report.doubtful if static else unit.report.error
                say(code, f'"{declarator.name}" is a variable', declarator.span, help=help_)

    def stray(self, declarator: ast.Declarator) -> None:
        """An operation that belongs to no interface. Headers, which may be imported too, are full of them."""
        report = self.unit.report
        if self.unit.library:
            report.error("MIDL2349", f'"{declarator.name}" is an operation in a library', declarator.span)
        elif not in_header(declarator.span):
            message = f'"{declarator.name}" belongs to no interface and is ignored'
            report.warning("IDLC1217", message, declarator.span)

    def guid_by_tag(self, specifiers: ast.Specifiers) -> None:
        """`struct GUID {...};`: the tag alone gives the name."""
        match specifiers.type:
            case ast.Struct(name=str(tag)) if tag in GUID_NAMES:
                core = self.unit.scope.tags[tag].core
                if isinstance(core, Base):
                    self.alias(tag, Shape((), core), core, specifiers.span, NO_DOC)
            case _:
                pass

    def document(self, start: int, doc: Doc) -> None:
        """Give the comment before a definition to what it defines: the last record from `start` on."""
        declarations = self.unit.declarations
        for at in range(len(declarations) - 1, start - 1, -1):
            record = declarations[at]
            if isinstance(record, Struct | Union | Enum):
                declarations[at] = self.unit.scope.declared[record.name] = replace(record, doc=doc)
                return

    # ------------------------------------------------------------------ typedefs

    def ahead(self, statement: ast.Typedef | None, name: str, span: Span) -> bool:
        """Bind a typedef that is used before it stands, which documents that are no input of a compiler do."""
        if statement is None or id(statement) in self.done:
            return False
        unit = self.unit
        note = Note("it is defined here", next(d.name_span for d in statement.declarators if d.name == name))
        message = f'type "{name}" is defined further down'
        unit.report.doubtful("MIDL2011", message, span, (note,), "define the type first")
        with unit.expressions.apart():
            self.typedef(statement)
        return name in unit.scope.typedefs

    def ahead_value(self, definition: tuple[ast.Typedef, Span] | None, name: str, span: Span) -> bool:
        """The same for an enumerator, of which the typedef and the place are known."""
        if definition is None or id(definition[0]) in self.done:
            return False
        statement, place = definition
        unit = self.unit
        note = Note("it is defined here", place)
        message = f'"{name}" is defined further down'
        unit.report.doubtful("MIDL2009", message, span, (note,), "define the enumeration first")
        with unit.expressions.apart():
            self.typedef(statement)
        return name in unit.scope.constants

    def typedef(self, statement: ast.Typedef) -> None:
        unit = self.unit
        if id(statement) in self.done:
            return
        self.done.add(id(statement))
        plain = names.plain_names(statement.declarators)
        first = next((d.name for d in statement.declarators if d.name), "")
        by_acf = [attribute for name in plain or [first] for attribute in unit.acf.type(name)]
        attributes = written.check((*statement.attributes, *by_acf), Place.TYPE, unit.report, first, (Place.ACF_TYPE,))
        if self.names_itself(statement):
            return
        for declarator in statement.declarators:
            one_convention(unit, declarator)
        start = len(unit.declarations)
        called = plain[0] if plain else unit.free_name(f"{first}_target")
        base = specified(unit, statement.specifiers, called, attributes, tuple(plain[1:]))
        self.applicable(base, attributes)
        doc = Doc(statement.span, attributes.helpstring)
        self.document(start, doc)
        own = None if attributes.first_of(*names.PRESENTED) is not None else _record_name(base)
        if own is not None and own[0] in plain:  # further declarators point at what the record is presented as
            base = present(unit, own[0], base, attributes.by_name.values())
        handle: str | None = None
        for declarator in statement.declarators:
            if declarator.name is None:
                unit.report.error("IDLC1108", "a typedef without a name", declarator.span)
                continue
            if own is not None and not declarator.derivations and declarator.name in own:
                self.record_name(declarator, base, attributes)
                continue
            shape = declared(unit, base, declarator)
            if "context_handle" in attributes:
                handle = self.handle(shape, attributes, declarator, handle, doc)
                continue
            serialize = attributes.first_of("context_handle_serialize", "context_handle_noserialize")
            if serialize is not None and not isinstance(shape.core, ContextHandleUse | ErrorType):
                message = f'"{declarator.name}" is no context handle'
                unit.report.error("MIDL2378", message, serialize.span)
            shape = self.presented(shape, attributes)
            shape = attributed(unit, pointed(unit, shape, attributes, Place.TYPE), attributes, None)
            shape = self.user_handle(shape, attributes)
            allocate = attributes.get("allocate")
            if allocate is not None:
                check_allocation(unit, allocate, shape)
            written_here = (*statement.attributes, *unit.acf.type(declarator.name))
            shape = present(unit, declarator.name, shape, written_here)
            core = shape.core
            if isinstance(core, FunctionCore | InterfaceCore):
                if self.unknown(declarator, shape):
                    unit.typedef(TypedefSymbol(declarator.name, shape, declarator.name_span, unit.origin))
                continue
            self.alias(declarator.name, shape, finish(shape, default=unit.default), declarator.name_span, doc)
        pickling.note_types(unit, statement, attributes)

    def applicable(self, shape: Shape, attributes: Attributes) -> None:
        """Say which attributes are about types of another sort; what they are about does not travel otherwise."""
        for name, (sort, what) in _SORTS.items():
            attribute = attributes.get(name)
            if attribute is not None and not isinstance(shape.core, sort | Opaque | ErrorType):
                self.unit.report.doubtful("MIDL2072", f"[{name}] is for {what}", attribute.span)
        wide, core = attributes.get("v1_enum"), shape.core
        enum = self.unit.scope.declared.get(core.name) if isinstance(core, EnumUse) else None
        if wide is not None and isinstance(enum, Enum) and enum.octets is None:
            message = f'"{enum.name}" is defined with 16 bits already, [v1_enum] does not change it'
            note = Note("it is defined here", enum.span)
            self.unit.report.doubtful("MIDL2072", message, wide.span, (note,), "write it before the definition")

    def names_itself(self, statement: ast.Typedef) -> bool:
        """Whether a typedef names nothing but itself, which is reported."""
        unit, written_type = self.unit, statement.specifiers.type
        if not isinstance(written_type, ast.NamedType) or written_type.name in unit.scope.typedefs:
            return False
        again = next((d for d in statement.declarators if d.name == written_type.name), None)
        if again is None or written_type.name in unit.scope.interfaces:
            return False
        message = f'"{again.name}" is defined as itself'
        help_ = f'write "struct {again.name}"' if again.name in unit.scope.tags else None
        unit.report.error("MIDL2360", message, again.name_span, help=help_)
        # Whoever uses the name has nothing more to say.
        unit.typedef(TypedefSymbol(written_type.name, ERROR_SHAPE, again.name_span, unit.origin))
        return True

    def user_handle(self, shape: Shape, attributes: Attributes) -> Shape:
        """[handle]: a type that is data and chooses the server."""
        attribute = attributes.get("handle")
        if attribute is None or shape.is_error:
            return shape
        if "handle" in attributes.disputed:
            return ERROR_SHAPE
        report = self.unit.report
        match shape.core:
            case BindingHandle():
                report.error("MIDL2193", "handle_t is a handle already, and travels as no data", attribute.span)
            case ContextHandleUse():
                report.error("MIDL2239", "a context handle cannot be a [handle] too", attribute.span)
            case Void() | Opaque("void *"):
                report.error("MIDL2186", "a [handle] is data too, which void cannot be", attribute.span)
            case _ if shape.presented:
                report.error("MIDL2201", "a presented type cannot be a [handle]", attribute.span)
            case _:
                return replace(shape, user_handle=True)
        return shape

    def record_name(self, declarator: ast.Declarator, base: Shape, attributes: Attributes) -> None:
        """A typedef that is a record's own name."""
        assert declarator.name is not None
        shape = replace(base, user_handle="handle" in attributes or base.user_handle)
        if self.unknown(declarator, shape):
            self.unit.typedef(TypedefSymbol(declarator.name, shape, declarator.name_span, self.unit.origin))

    def presented(self, shape: Shape, attributes: Attributes) -> Shape:
        """transmit_as and wire_marshal: what travels instead of what is declared."""
        attribute = attributes.first_of("transmit_as", "wire_marshal")
        if attribute is None:
            return shape
        argument = attribute.arguments[0]
        if not isinstance(argument, ast.TypeName):
            return shape
        sent = resolve(self.unit, argument)
        if not transmitted.check(self.unit, attribute, shape, sent):
            return ERROR_SHAPE
        return replace(sent, presented=True, inner=len(sent.levels))

    def handle(
        self, shape: Shape, attributes: Attributes, declarator: ast.Declarator, primary: str | None, doc: Doc
    ) -> str | None:
        """One name of a context handle typedef. Each with nothing around the handle is a handle of its own; `primary`,
        the first of them, is what pointers to a handle point at."""
        unit, name = self.unit, declarator.name or ""
        if isinstance(shape.core, ContextHandleUse):
            self.alias(name, shape, finish(shape, default=unit.default), declarator.name_span, doc)
            return primary
        known = unit.scope.typedefs.get(name)
        if known is not None:
            if known.shape != Shape((), ContextHandleUse(name)):
                note = (before(known.span),)
                unit.report.error("MIDL2003", f'"{name}" is defined twice', declarator.name_span, note)
            return name
        around = len(shape.levels) - (0 if shape.core == GENERIC else 1)
        shape = contextual(unit, shape, attributes, name if around <= 0 else primary or name, declarator.name_span)
        if shape.is_error or shape.levels:
            self.alias(name, shape, finish(shape, default=unit.default), declarator.name_span, doc)
            return primary
        bound = unit.declarations[-1]
        if isinstance(bound, ContextHandle):
            unit.declarations[-1] = unit.scope.declared[name] = replace(bound, doc=doc)
        unit.typedef(TypedefSymbol(name, shape, declarator.name_span, unit.origin))
        return primary or name

    def alias(self, name: str, shape: Shape, type_: Type, span: Span, doc: Doc) -> None:
        """Declare a name for a type; the same again does no harm."""
        unit = self.unit
        known = unit.scope.typedefs.get(name)
        if known is not None:
            if not _equivalent(known.shape, shape) and not shape.is_error:
                # Published files define names that their imports have, for the header that is made from them.
                say = unit.report.error if known.origin == unit.origin else unit.report.doubtful
                say("MIDL2003", f'"{name}" is defined twice', span, (before(known.span),))
            return
        if name in _PREDEFINED:
            code, kinds, wanted = _PREDEFINED[name]
            if shape.levels or not isinstance(shape.core, Base) or shape.core.kind not in kinds:
                unit.report.error(code, f'"{name}" cannot be anything else than {wanted}', span)
            return
        constant = unit.scope.constants.get(name)
        if constant is not None:
            unit.report.error("MIDL2003", f'"{name}" is a constant already', span, (before(constant.span),))
            return
        unit.typedef(TypedefSymbol(name, shape, span, unit.origin))
        if name not in unit.scope.declared:
            unit.declare(Alias(name, type_, span, unit.origin, doc))

    def unknown(self, declarator: ast.Declarator, shape: Shape) -> bool:
        """Whether a name is free; the same definition again is no mistake."""
        unit = self.unit
        known = unit.scope.typedefs.get(declarator.name or "")
        if known is None:
            return True
        if not _equivalent(known.shape, shape) and not shape.is_error:
            message = f'"{declarator.name}" is defined twice'
            unit.report.error("MIDL2003", message, declarator.name_span, (before(known.span),))
        return False

    def pipe(self, statement: ast.PipeTypedef) -> None:
        unit = self.unit
        first = next((d.name for d in statement.declarators if d.name), "")
        attributes = written.check(
            (*statement.attributes, *unit.acf.type(first)), Place.TYPE, unit.report, first, (Place.ACF_TYPE,)
        )
        marshalled = attributes.first_of("transmit_as", "wire_marshal", "represent_as", "user_marshal")
        if marshalled is not None:
            unit.report.error("MIDL2322", f"a pipe cannot have [{marshalled.name}]", marshalled.span)
        encoded = attributes.first_of("encode", "decode")
        if encoded is not None:
            unit.report.error("MIDL2342", f"a pipe cannot have [{encoded.name}]", encoded.span)
        ranged = attributes.get("range")
        limits = None if ranged is None else range_limits(unit, ranged)
        element = derived(unit, specified(unit, statement.specifiers, f"{first}_element", attributes, ()), ())
        for declarator in statement.declarators:
            if declarator.name is None:
                unit.report.error("IDLC1108", "a pipe without a name", declarator.span)
                continue
            # Pointers and arrays of a declarator are around the pipe, not in its elements.
            shape = declared(unit, self.piped(declarator, element, limits), declarator)
            if isinstance(shape.core, FunctionCore):
                unit.report.error("MIDL2322", f'"{declarator.name}" is a function', declarator.span)
                shape = ERROR_SHAPE
            type_ = finish(shape, default=unit.default)
            self.alias(declarator.name, shape, type_, declarator.name_span, Doc(statement.span))

    def piped(self, declarator: ast.Declarator, element: Shape, limits: tuple[int, int] | None) -> Shape:
        """The pipe of a declarator's name; what its elements can be at all is checked here."""
        report = self.unit.report
        if isinstance(element.core, FunctionCore | InterfaceCore):
            report.error("MIDL2317", "a pipe carries plain values", declarator.span)
        foreign = None
        if element.presented and not isinstance(element.core, Presented):
            foreign = "[transmit_as] or [wire_marshal]"
        elif element.represented:
            foreign = "[represent_as] or [user_marshal]"
        if foreign is not None:
            report.error("MIDL2322", f"the elements of a pipe cannot be {foreign}", declarator.span)
            return ERROR_SHAPE
        type_ = finish(element, default=self.unit.default)
        if declarator.name is None or isinstance(type_, ErrorType):
            return ERROR_SHAPE
        return Shape((), Pipe(declarator.name, type_, limits))

    # ------------------------------------------------------------------ constants

    def constants(self, statement: ast.Const) -> None:
        unit = self.unit
        base = specified(unit, statement.specifiers, "", written.NONE, ())
        doc = Doc(statement.span, helpstring(statement.attributes))
        for declarator in statement.declarators:
            if declarator.initializer is None or declarator.name is None:
                if "extern" not in statement.specifiers.words:
                    unit.report.error("MIDL2155", "a constant needs a value", declarator.span)
                continue
            shape = declared(unit, base, declarator)
            found = constant_value(unit, shape, declarator.initializer)
            if found is None:
                broken = ConstantSymbol(declarator.name, None, declarator.name_span, unit.origin, broken=True)
                unit.scope.constants.setdefault(declarator.name, broken)
                continue
            symbol = ConstantSymbol(declarator.name, found.value, declarator.name_span, unit.origin)
            fresh = declarator.name not in unit.scope.constants
            if unit.constant(symbol) and fresh:
                unit.constants.append(
                    NamedConstant(declarator.name, found.value, declarator.name_span, unit.origin, doc)
                )


def _equivalent(one: Shape, other: Shape) -> bool:
    """Whether two typedefs mean the same, spelled differently or under another pointer_default."""
    if one.user_handle != other.user_handle:
        return False
    left, right = _plain(one), _plain(other)
    return left == right


def _plain(shape: Shape) -> Type | InterfaceCore | FunctionCore:
    core = shape.core
    if isinstance(core, InterfaceCore | FunctionCore):
        return core
    if isinstance(core, Base):
        core = replace(core, spelling="")
    levels = tuple(replace(level, default=None) for level in shape.levels)
    return finish(replace(shape, core=core, levels=levels), default=PointerKind.UNIQUE)


def _record_name(base: Shape) -> tuple[str, ...] | None:
    """The name of the record that a typedef's specifier is; None if it is something else."""
    if base.levels:
        return None
    match base.core:
        case StructUse(name) | EnumUse(name):
            return (name,)
        case UnionUse(name):
            return (name,)
        case Opaque():
            return None
        case _:
            return None
