"""From a bound file to the model of its public module: every decision about how Python looks is made here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from uuid import UUID

from idlc.codec.naming import class_names
from idlc.codec.shared import PythonTypes, result_of
from idlc.data import fields, is_data
from idlc.language.python_names import module_name, python_names
from idlc.pymodel import com
from idlc.pymodel.annotations import Annotator, alternatives, optional
from idlc.pymodel.model import (
    Alias,
    Attribute,
    Callbacks,
    CallClass,
    Choice,
    ComInterface,
    ComMethods,
    ComponentClass,
    Constant,
    Enumeration,
    Handle,
    Hook,
    InterfaceModel,
    Member,
    ModuleModel,
    Pickle,
    Procedures,
    Record,
    Service,
    TypeLibrary,
)
from idlc.pymodel.names import ENUM_ATTRIBUTES, INTERFACE_ATTRIBUTES, Spelling, gives_several, is_begun
from idlc.pymodel.operations import OperationShape, without_client
from idlc.pymodel.sizing import Sibling, inferred
from idlc.pymodel.text import described, docstring, literal, one_line, remarks, tuple_of
from idlc.semantics import types as t
from idlc.settings import Protocol, Settings
from idlc.source.comments import of_file
from idlc.source.files import Span
from idlc.wire.layout import NDR20, NDR64, Syntax
from idlc.wire.plan import (
    callbacks,
    called_objects,
    nullable,
    offsets,
    pickling_interfaces,
    plan_pickles,
    procedures,
    qualified,
    remote_interfaces,
    remote_operations,
)


class Builder:
    """Names and annotations of one bound file, shared by its public module and its codec modules."""

    def __init__(
        self,
        bound: t.BoundFile,
        homes: Mapping[str, str],
        version: str,
        *,
        types_only: bool = False,
        settings: Settings | None = None,
    ) -> None:
        """
        Args:
            bound: the file.
            homes: for each imported file, by BoundFile.name, the module its types come from: `.ms_dtyp`,
                `idlrt.prelude.wtypes`.
            version: of the compiler, for the header.
            types_only: leave interfaces and serialization out (a file that is only imported).
            settings: which sides and transfer syntaxes there are; all by default.

        Raises:
            CannotTravel: a type that is to be serialized by itself has no wire form.
        """
        self.bound = bound
        self.homes = homes
        self.version = version
        self.settings = settings or Settings()
        self.interfaces = () if types_only else remote_interfaces(bound)
        self.objects = {interface.name: interface for interface in called_objects(bound)}
        """The object interfaces that have methods, and these methods alone."""
        self.offsets = offsets(self.objects.values())
        self.pickling = () if types_only else pickling_interfaces(bound)
        pickles = not types_only and (bound.pickled or self.pickling)
        self.pickle_plan = plan_pickles(bound) if pickles else None
        self.used: dict[str, dict[str, str]] = {}
        """For each file, the types and interfaces of it that are used: their names there, and here."""
        self.converters: dict[str, None] = {}
        """Dotted names of the converters that annotations name."""
        self.features: set[str] = set()
        self.spelling = Spelling(bound)
        self.names = self.spelling.names
        self.methods: dict[str, dict[str, str]] = {}
        """For each interface, what its operations are called."""
        self._name_all()
        self.results: dict[str, str] = {}
        """What codec modules call the results of operations, and the names of their classes."""
        self.codec_names = class_names(self.names.values())
        self.annotator = Annotator(self.class_name, self.converter, self.pointed_interface)

    def codec_stem(self, interface: t.Interface) -> str:
        """What the names of an interface's private codec modules begin with."""
        module = module_name(self.bound.name)
        if len(self.interfaces) == 1:
            return f"_{module}"
        names = [one.name for one in self.interfaces]
        at = names.index(interface.name)
        same = [name.lower() for name in names[:at]].count(interface.name.lower())  # one file on some systems
        return f"_{module}_{interface.name}{same + 1 if same else ''}"

    @property
    def objects_codec(self) -> str:
        """The name of the private codec module of the methods of all object interfaces."""
        return f"_{module_name(self.bound.name)}_objects"

    @property
    def pickles_codec(self) -> str:
        """The name of the private module that writes and reads types by themselves."""
        return f"_{module_name(self.bound.name)}_pickles"

    @property
    def pickled(self) -> list[t.Pickled]:
        """The types that are serialized by themselves."""
        planned = {pickle.name for pickle in self.pickle_plan.pickles} if self.pickle_plan is not None else set()
        return [pickled for pickled in self.bound.pickled if pickled.name in planned]

    # ------------------------------------------------------------------ names

    def _name_all(self) -> None:
        """Name everything at module level, what the IDL names before what is derived from that."""
        give, bound = self.spelling.give, self.bound
        if com.has_root(bound):
            give(f"class {com.ROOT}", com.ROOT, Span.none())
        for constant in bound.constants:
            give(f"constant {constant.name}", constant.name, constant.span)
        for library in bound.libraries:
            give(f"library {library.name}", library.name, library.span)
        for interface in self.interfaces:
            title = interface.name[:1].upper() + interface.name[1:]
            give(f"interface {interface.name}", interface.name.upper(), interface.span)
            back = ("CallbackService", "CallbackClient", "BlockingCallbackClient") if callbacks(interface) else ()
            for part in (*self._parts(), *back):
                give(f"{part} {interface.name}", title + part, interface.span)
            self._name_operations(interface, title)
        for interface in self.objects.values():
            self._name_methods(interface)
        for interface in self.pickling:
            give(f"procedures {interface.name}", f"_{interface.name}", Span.none())
            self._name_operations(interface, interface.name)
            for operation in procedures(interface):
                for part in ("encode", "decode"):
                    give(f"{part} operation {operation.name}", f"{part}_{operation.name}", operation.span)
        for pickled in self.pickled:
            for half in ("encode", "decode"):
                give(f"{half} {pickled.name}", f"{half}_{pickled.name}", pickled.span)
        give("pickles", "_pickles", Span.none())
        for dotted in converters_of(bound):
            give(f"converter {dotted}", dotted.rpartition(".")[2], Span.none())

    def _name_operations(self, interface: t.Interface, title: str) -> None:
        """Name an interface's operations, and the classes of their results and calls."""
        classes = self._type_names()
        hooks = {f"{self.names[f'type {one.name}']}_rundown" for one in self._context_handles}
        hooks |= {f"{one.name}_{word}" for one in interface.operations for word in ("notify", "notify_flag")}
        spans = {operation.name: operation.span for operation in interface.operations}
        self.methods[interface.name] = self.spelling.scope(spans, INTERFACE_ATTRIBUTES | classes | hooks)
        self._name_results(interface, title)

    def _type_names(self) -> set[str]:
        return {name for key, name in self.names.items() if key.startswith("type ")}

    def _name_methods(self, interface: t.Interface) -> None:
        """Name an object interface's methods as C does, and the classes of their results."""
        spans = {operation.name: operation.span for operation in interface.operations}
        reserved = com.ATTRIBUTES | self._type_names() | com.inherited(self.bound, interface)
        self.methods[interface.name] = self.spelling.scope(spans, reserved)
        self._name_results(interface, interface.name)

    def _name_results(self, interface: t.Interface, title: str) -> None:
        for operation in interface.operations:
            parts = ["Result"] if gives_several(interface, operation) else []
            parts += ["Call", "BlockingCall"] if is_begun(operation) and self.settings.client else []
            for part in parts:
                wish = operation.name + part
                self.spelling.give(
                    f"{part} {interface.name} {operation.name}", wish, operation.span, otherwise=title + wish
                )

    @cached_property
    def _context_handles(self) -> list[t.ContextHandle]:
        return [one for one in self.bound.declared.values() if isinstance(one, t.ContextHandle)]

    def class_name(self, name: str) -> str:
        """The class of a declared type, noted as used when another module defines it."""
        declared = self.bound.declared.get(name)
        if declared is None:  # declared, but defined nowhere: opaque to us as to C
            return "object"
        spelled = self.names[f"type {name}"]
        if declared.origin != self.bound.name:
            home = self.spelling.at_home(name, declared.origin)
            self.used.setdefault(declared.origin, {})[home] = spelled
        return spelled

    def converter(self, dotted: str) -> str:
        """The class of a converter, noted as used by an annotation."""
        self.converters[dotted] = None
        return self.names[f"converter {dotted}"]

    def interface_class(self, name: str, origin: str) -> str:
        """The class of an object interface, coclass or library, noted as used when another module defines it."""
        spelled = self.names[f"class {name}"]
        if origin != self.bound.name:
            self.used.setdefault(origin, {})[self.spelling.class_at_home(name, origin)] = spelled
        return spelled

    def pointed_interface(self, name: str | None) -> str:
        """The class of what an interface pointer is to; IUnknown where nobody at hand defines it."""
        scope = self.bound.scope
        symbol = scope.interfaces.get(name) if name is not None and scope is not None else None
        if symbol is None or not symbol.complete or symbol.keyword == "coclass" or f"class {name}" not in self.names:
            self.features.add("com")
            return f"com.{com.ROOT}"
        return self.interface_class(symbol.name, symbol.origin)

    def python_types(self, interfaces: Sequence[t.Interface]) -> PythonTypes:
        """How the codec modules of some interfaces have to spell this file's types."""
        classes: dict[str, str] = {}
        fields: dict[str, Mapping[str, str]] = {}
        orders: dict[str, tuple[str, ...]] = {}
        for declared in self.bound.declared.values():
            classes[declared.name] = self.codec_names[self.names[f"type {declared.name}"]]
            if isinstance(declared, t.Struct):
                names = self._field_names(declared)
                fields[declared.name] = names
                orders[declared.name] = self._order(declared, names)
        outputs: dict[str, Mapping[str, str]] = {}
        for interface in interfaces:
            for operation in interface.operations:
                result = self.names.get(f"Result {interface.name} {operation.name}")
                planned = qualified(interface, operation) if interface.object else operation.name
                if result is not None:
                    classes[result_of(planned)] = self.codec_names[result]
                    self.results[result_of(planned)] = result
                outputs[planned] = OperationShape(self, interface, operation).names
        converters = {
            key.removeprefix("converter "): self.codec_names[name]
            for key, name in self.names.items()
            if key.startswith("converter ")
        }
        scope = self.bound.scope
        symbols = scope.interfaces if scope is not None else {}
        iids = {name: symbol.iid for name, symbol in symbols.items() if symbol.iid is not None}
        return PythonTypes(classes, fields, orders, converters, outputs, iids)

    def imports_of(self, names: Iterable[str], converters: Iterable[str] = ()) -> dict[str, str]:
        """The import statements for the classes that a codec uses, converters among them, by module."""
        found: dict[str, list[str]] = {}
        for dotted in converters:
            module, _, name = dotted.rpartition(".")
            spelled = self.codec_names[self.names[f"converter {dotted}"]]
            found.setdefault(module, []).append(name if name == spelled else f"{name} as {spelled}")
        for name in names:
            declared = self.bound.declared.get(name)
            if declared is None:
                module, home = f".{module_name(self.bound.name)}", self.results[name]
                spelled = self.codec_names[home]
            else:
                own = declared.origin == self.bound.name
                module = f".{module_name(self.bound.name)}" if own else self.homes[declared.origin]
                home = self.spelling.at_home(name, declared.origin)
                spelled = self.codec_names[self.names[f"type {name}"]]
            found.setdefault(module, []).append(home if home == spelled else f"{home} as {spelled}")
        return {module: f"from {module} import {', '.join(sorted(used))}" for module, used in sorted(found.items())}

    def _parts(self) -> tuple[str, ...]:
        """What the names of an interface's classes end in."""
        clients = ("Client", "BlockingClient") if self.settings.client else ()
        services = ("Service", "BlockingService") if self.settings.server else ()
        return clients + services

    @property
    def syntaxes(self) -> tuple[Syntax, ...]:
        """The transfer syntaxes that there are codecs for."""
        offered = {Protocol.DCE: (NDR20,), Protocol.NDR64: (NDR64,), Protocol.ALL: (NDR20, NDR64)}
        return offered[self.settings.protocol]

    def handles_of(self, type_: t.Type) -> tuple[str, ...]:
        """The context handles that a type is or holds."""
        declared = self.bound.declared
        if not self._context_handles:
            return ()
        found: dict[str, None] = {}
        seen: set[str] = set()
        pending = [type_]
        while pending:
            match pending.pop():
                case t.ContextHandleUse(name):
                    found[name] = None
                case t.Pointer(_, target):
                    pending.append(target)
                case t.Array(element):
                    pending.append(element)
                case t.StructUse(name) | t.UnionUse(name) if name not in seen:
                    seen.add(name)
                    match declared.get(name):
                        case t.Struct(fields=fields):
                            pending += [field.type for field in reversed(fields)]
                        case t.Union(arms=arms):
                            pending += [arm.type for arm in reversed(arms) if arm.type is not None]
                        case _:
                            pass
                case _:
                    pass
        return tuple(found)

    def _field_names(self, struct: t.Struct) -> dict[str, str]:
        if struct.origin != self.bound.name:
            return python_names(tuple(field.name for field in struct.fields))
        return self.spelling.scope({field.name: field.span for field in struct.fields})

    def _sizes(self, struct: t.Struct, names: Mapping[str, str]) -> dict[str, str]:
        return inferred((Sibling(field.name, _seen(field)) for field in struct.fields), names)

    def _order(self, struct: t.Struct, names: Mapping[str, str]) -> tuple[str, ...]:
        sizes = self._sizes(struct, names)
        plain = [field.name for field in struct.fields if field.name not in sizes]
        return (*plain, *(field.name for field in struct.fields if field.name in sizes))

    # ------------------------------------------------------------------ the module

    def build(self) -> ModuleModel:
        types: list[Enumeration | Record | Choice | Handle] = []
        for declared in self.bound.declarations:
            match declared:
                case t.Enum():
                    types.append(self._enumeration(declared))
                case t.Struct():
                    types.append(self._record(declared))
                case t.Union():
                    types.append(self._choice(declared))
                case t.ContextHandle():
                    types.append(
                        Handle(
                            self.names[f"type {declared.name}"],
                            docstring(declared.doc.text or f"Context handle {declared.name}.", 4),
                            declared.serialize,
                        )
                    )
                    self.features.add("rpc")
                case t.Alias():
                    pass
        aliases = tuple(self._aliases())
        results: list[Record] = []
        calls: list[CallClass] = []
        pickles = tuple(self._pickles())
        serialized = tuple(self._procedures(interface, results) for interface in self.pickling)
        interfaces = tuple(self._interface(interface, results, calls) for interface in self.interfaces)
        constants = tuple(self._constants())
        classes = com.Classes(self.bound, self.interface_class, lambda one: self._object_methods(one, results))
        com_interfaces, components = classes.interfaces(), classes.components()
        libraries = classes.libraries(self.names)
        named: tuple[ComInterface | ComponentClass | TypeLibrary, ...] = (*com_interfaces, *components, *libraries)
        if named or com.has_root(self.bound):
            self.features.add("com")
        if com.has_root(self.bound):
            aliases = (Alias(self.names[f"class {com.ROOT}"], f"com.{com.ROOT}"), *aliases)
        known = [one for one in com.object_interfaces(self.bound) if com.well_known(one)]
        aliases = (*(Alias(self.names[f"class {one.name}"], f"com.{one.name}") for one in known), *aliases)
        if known:
            self.features.add("com")
        exports = [c.name for c in constants] + [x.name for x in types] + [one.name for one in com_interfaces]
        exports += [a.name for a in aliases]
        exports += [name for pickle in pickles for name in (pickle.encode, pickle.decode)]
        exports += [one.name for one in components] + [one.name for one in libraries]
        exports += [name for each in serialized for one in each.functions for name in (one.encode, one.decode)]
        exports += [one.name for one in results] + [one.name for one in calls]
        for interface in interfaces:
            exports += [interface.constant, interface.client, interface.blocking_client]
            exports += interface.callbacks.names if interface.callbacks is not None else []
            exports += [service.name for service in interface.services]
        if results:
            self.features.add("rpc")
        if pickles or serialized or any(isinstance(x, Record | Choice | Enumeration) for x in types):
            self.features.add("ndr")
        return ModuleModel(
            module=module_name(self.bound.name),
            sources=" and ".join(one_line(source) for source in self.bound.sources),
            version=self.version,
            doc=docstring(self._doc(), 0),
            imports=self._imports(types, results, calls, interfaces, constants, aliases, pickles, serialized, named),
            constants=constants,
            types=tuple(types),
            aliases=aliases,
            pickles=pickles,
            pickler=self.names["pickles"],
            pickles_codec=literal(self.pickles_codec),
            procedures=serialized,
            results=tuple(results),
            calls=tuple(calls),
            interfaces=interfaces,
            com_interfaces=com_interfaces,
            components=components,
            libraries=libraries,
            exports=tuple(literal(name) for name in exports if name),
        )

    def _doc(self) -> str:
        lines = [f"{i.name} {i.version[0]}.{i.version[1]}, {{{i.uuid}}}." for i in self.interfaces]
        kinds = "Interfaces and types" if com.object_interfaces(self.bound) else "Types"
        about = of_file(self.bound.text)
        if not about and len(self.interfaces) == 1:
            about = self.interfaces[0].doc.heading
        parts = [about, "\n".join(lines)]
        return "\n\n".join(filter(None, parts)) or f"{kinds} of {self.bound.name}."

    def _imports(
        self,
        types: Sequence[Enumeration | Record | Choice | Handle],
        results: Sequence[Record],
        calls: Sequence[CallClass],
        interfaces: Sequence[InterfaceModel],
        constants: Sequence[Constant],
        aliases: Sequence[Alias],
        pickles: Sequence[Pickle],
        serialized: Sequence[Procedures],
        named: Sequence[ComInterface | ComponentClass | TypeLibrary],
    ) -> tuple[str, ...]:
        code = "\n".join(_code((types, results, calls, interfaces, aliases, pickles, serialized, named)))
        standard = []
        objects = [one for one in named if isinstance(one, ComInterface) and (one.called.methods or one.called.halves)]
        if objects or any(service.methods for interface in interfaces for service in interface.services):
            standard.append("from abc import abstractmethod")
        abstract = [] if not any(isinstance(one, ComInterface) and one.identities for one in named) else ["Mapping"]
        if "Sequence[" in code:
            abstract.append("Sequence")
        if abstract:
            standard.append(f"from collections.abc import {', '.join(abstract)}")
        typing = ["TYPE_CHECKING"] if self.converters else []
        if named or any(isinstance(type_, Enumeration) for type_ in types):
            typing.append("ClassVar")
        if constants:
            typing.append("Final")
        if aliases:
            typing.append("TypeAlias")
        if typing:
            standard.append(f"from typing import {', '.join(typing)}")
        if re.search(r"\bUUID\b", code) or any(isinstance(one.value, UUID) for one in self.bound.constants):
            standard.append("from uuid import UUID")
        modules = set(self.features)
        if "ndr.Ref[" in code or "ndr.units(" in code:
            modules.add("ndr")
        if "pipes." in code:
            modules.add("pipes")
        if any(isinstance(one, ComInterface) and one.called.methods for one in named):
            modules.add("rpc")
        if interfaces:
            modules |= {"blocking", "rpc"} if self.settings.client else {"rpc"}
        runtime = ["import idlrt"]
        if modules:
            runtime.append(f"from idlrt import {', '.join(sorted(modules))}")
        local: list[str] = []
        for origin, names in sorted(self.used.items(), key=lambda entry: self.homes[entry[0]]):
            listed = (name if name == spelled else f"{name} as {spelled}" for name, spelled in sorted(names.items()))
            statement = f"from {self.homes[origin]} import {', '.join(listed)}"
            (local if self.homes[origin].startswith(".") else runtime).append(statement)
        groups = [group for group in (standard, runtime, local) if group]
        lines: list[str] = []
        for group in groups:
            lines += ([""] if lines else []) + group
        if self.converters:
            lines += ["", "if TYPE_CHECKING:", *(f"    {line}" for line in self._converter_imports())]
        return tuple(lines)

    def _converter_imports(self) -> list[str]:
        """Annotations alone name converters here: their modules may import this one."""
        found: dict[str, list[str]] = {}
        for dotted in self.converters:
            module, _, name = dotted.rpartition(".")
            spelled = self.names[f"converter {dotted}"]
            found.setdefault(module, []).append(name if name == spelled else f"{name} as {spelled}")
        return [f"from {module} import {', '.join(sorted(names))}" for module, names in sorted(found.items())]

    def _constants(self) -> Iterable[Constant]:
        for constant in self.bound.constants:
            name, value = self.names[f"constant {constant.name}"], self._value(constant)
            yield Constant(name, value, *described(constant.doc, f"{name}: Final = {value}"))

    @staticmethod
    def _value(constant: t.NamedConstant) -> str:
        return com.uuid_literal(constant.value) if isinstance(constant.value, UUID) else literal(constant.value)

    def _aliases(self) -> Iterable[Alias]:
        for declared in self.bound.declarations:
            if isinstance(declared, t.Alias) and not isinstance(
                declared.type, t.Pipe | t.Opaque | t.ErrorType | t.Void | t.BindingHandle
            ):
                value = self.annotator.given(declared.type)
                if any(f"{self.names[f'converter {dotted}']}.Presented" in value for dotted in self.converters):
                    value = literal(value)  # evaluated by type checkers only
                name = self.names[f"type {declared.name}"]
                yield Alias(name, value, *described(declared.doc, f"{name}: TypeAlias = {value}"))

    def _pickles(self) -> Iterable[Pickle]:
        for pickled in self.pickled:
            name = pickled.name
            about = "type serialization version 1, headers included"
            yield Pickle(
                label=literal(name),
                encode=self.names[f"encode {name}"] if pickled.encode else "",
                decode=self.names[f"decode {name}"] if pickled.decode else "",
                given=self.annotator.given(pickled.type),
                received=self.annotator.received(pickled.type),
                encode_doc=docstring(f"A {name} as octets: {about}.", 4),
                decode_doc=docstring(f"The {name} that octets hold: {about}.", 4),
            )

    def _procedures(self, interface: t.Interface, results: list[Record]) -> Procedures:
        name = self.names[f"procedures {interface.name}"]
        version = f"({interface.version[0]}, {interface.version[1]})"
        identity = f'{literal(interface.name)}, "{interface.uuid}", {version}'
        functions = []
        for operation in procedures(interface):
            shape = OperationShape(self, interface, operation)
            if len(shape.outputs) > 1:
                results.append(shape.result())
            functions.append(shape.procedure(name))
        arguments = f"{identity}, module=__name__, codec={literal(self.pickles_codec)}"
        return Procedures(name, arguments, tuple(functions))

    # ------------------------------------------------------------------ types

    def _enumeration(self, enum: t.Enum) -> Enumeration:
        spelled = self.spelling.scope({member.name: member.doc.span for member in enum.members}, ENUM_ATTRIBUTES)
        members = []
        class_name = self.names[f"type {enum.name}"]
        for member in enum.members:
            name = spelled[member.name]
            remarks_ = described(member.doc, f"    {name}: ClassVar[{class_name}]")
            members.append(Member(name, literal(member.name), member.value, *remarks_))
        width = "16 bits in NDR 2.0" if enum.octets is None else f"{8 * enum.octets} bits"
        base = "Flags" if enum.flags else "Enum"
        doc = enum.doc.text or f"{base.lower()} {enum.name}, {width}."
        return Enumeration(class_name, base, docstring(doc, 4), tuple(members))

    def _record(self, struct: t.Struct) -> Record:
        names = self._field_names(struct)
        sizes = self._sizes(struct, names)
        fields = {field.name: field for field in struct.fields}
        order = self._order(struct, names)
        defaults = set()
        for name in reversed([name for name in order if name not in sizes]):
            type_ = _seen(fields[name])
            presented = isinstance(type_, t.Presented)
            if presented or not (nullable(type_) or isinstance(type_, t.Void)):  # its converter says what it can be
                break
            defaults.add(name)
        parameters = []
        for name in order:
            annotation = self.annotator.given(_seen(fields[name]))
            if name in sizes:
                parameters.append(f"{names[name]}: {optional(annotation)} = None")
            else:
                parameters.append(f"{names[name]}: {annotation}" + (" = None" if name in defaults else ""))
        attributes = []
        for field in struct.fields:
            name = names[field.name]
            value = f"{sizes[field.name]} if {name} is None else {name}" if field.name in sizes else name
            if field.name in sizes and " if " in sizes[field.name]:
                value = f"({sizes[field.name]}) if {name} is None else {name}"
            about = remarks(field.doc.text, 8)
            attributes.append(Attribute(name, value, one_line(field.declaration), about))
        return Record(
            self.names[f"type {struct.name}"],
            "ndr.Struct",
            docstring(struct.doc.text or f"struct {struct.name}.", 4),
            tuple_of(literal(names[field.name]) for field in struct.fields),
            ", ".join(parameters),
            tuple(attributes),
        )

    def _choice(self, union: t.Union) -> Choice:
        arms, values = [], []
        for arm in union.arms:
            labels = ", ".join(str(value) for value in arm.values)
            label = f"{labels}, default" if labels and arm.default else labels or "default"
            arms.append(f"{label}: {one_line(arm.declaration) or 'nothing'}")
            arms += [f"    {line}" for line in arm.doc.text.splitlines() if line.strip()]
            values.append("None" if arm.type is None or arm.ignore else self.annotator.given(arm.type))
        parts = list(dict.fromkeys(part for value in values for part in alternatives(value)))
        if "None" in parts:
            parts.remove("None")
            parts.append("None")
        if "float" in parts and "int" in parts:
            parts.remove("int")
        tag = self.annotator.given(union.switch_type) if union.switch_type is not None else "int"
        doc = docstring("\n".join([union.doc.text or f"union {union.name}, by tag:", "", *arms]), 4)
        value = " | ".join(parts) or "None"
        parameters = f"tag: {tag}, value: {value}" + (" = None" if "None" in parts else "")
        return Choice(self.names[f"type {union.name}"], doc, tuple(arms), tag, value, parameters)

    # ------------------------------------------------------------------ interfaces

    def _callbacks(self, interface: t.Interface, shapes: Sequence[OperationShape]) -> Callbacks:
        client, server = self.settings.client, self.settings.server
        return Callbacks(
            docstring(f"Callbacks of {interface.name}.", 4),
            service=self.names[f"CallbackService {interface.name}"] if client else "",
            client=self.names[f"CallbackClient {interface.name}"] if server else "",
            blocking_client=self.names[f"BlockingCallbackClient {interface.name}"] if server else "",
            service_methods=tuple(shape.callback_method() for shape in shapes),
            methods=tuple(shape.method(blocking=False) for shape in shapes),
            blocking_methods=tuple(shape.method(blocking=True) for shape in shapes),
        )

    def _object_methods(self, interface: t.Interface, results: list[Record]) -> ComMethods:
        """The methods of an object interface, or of the one that an asynchronous form was made from."""
        called = self.objects.get(interface.synchronous or interface.name)
        if called is None:
            return ComMethods()
        shapes = [OperationShape(self, called, operation) for operation in called.operations]
        if interface.synchronous is not None:
            half = {one.name: one for one in interface.operations}
            names = [one.name for one in called.operations]
            pairs = zip(shapes, names, strict=True)
            return ComMethods(halves=tuple(one.halves(half[f"Begin_{n}"], half[f"Finish_{n}"]) for one, n in pairs))
        methods = tuple(shape.method(blocking=False) for shape in shapes)
        results += [shape.result() for shape in shapes if len(shape.given_back) > 1 and not shape.is_value]
        operations = tuple_of(shape.declaration() for shape in shapes)
        table = f"{literal(interface.name)}, IID, module=__name__, codec={literal(self.objects_codec)}"
        offset = self.offsets[interface.name]
        table += f", offset={offset}" if offset else ""
        return ComMethods(f"{table}, operations={operations}" if shapes else table, methods)

    def _interface(self, interface: t.Interface, results: list[Record], calls: list[CallClass]) -> InterfaceModel:
        codec = self.codec_stem(interface)
        operations, methods, blocking_methods = [], [], []
        service_methods, plain_methods = [], []
        hooks: dict[str, Hook] = {}
        piped = False
        endpoints = tuple_of(
            f"({literal(protocol)}, {literal(endpoint)})" for protocol, endpoint in interface.endpoints
        )
        for operation in remote_operations(interface):
            shape = OperationShape(self, interface, operation)
            operations.append(shape.declaration())
            if len(shape.given_back) > 1:
                results.append(shape.result())
            if not without_client(interface, operation):
                calls += shape.calls() if self.settings.client else []
                methods.append(shape.method(blocking=False))
                blocking_methods.append(shape.method(blocking=True))
            service_methods.append(shape.service_method(blocking=False))
            plain_methods.append(shape.service_method(blocking=True))
            piped = piped or bool(shape.pipes)
            for handle in shape.handles_out():
                spelled = self.class_name(handle)
                about = f"Called once for each {spelled} that is left when its client is gone."
                hooks[handle] = Hook(f"{spelled}_rundown", f"self, handle: {spelled}", docstring(about, 8))
            for name, asks in shape.notified():
                about = f"Called when the answer of {operation.name} is marshalled, or its request could not be read."
                if asks:
                    about += " `called`: whether its method was."
                parameters = "self, called: bool" if asks else "self"
                hooks[name] = Hook(name, parameters, docstring(about, 8))
        uuid, version = interface.uuid, f"({interface.version[0]}, {interface.version[1]})"
        arguments = f'{literal(interface.name)}, "{uuid}", {version}, module=__name__'
        if NDR20 in self.syntaxes:
            arguments += f', codec="{codec}_codec"'
        if NDR64 in self.syntaxes:
            arguments += f', codec64="{codec}_ndr64"'
        arguments += f", operations={tuple_of(operations)}"
        if interface.endpoints:
            arguments += f", endpoints={endpoints}"
        if piped:
            arguments += ", pipe_version=1"  # as idlrt.rpc.interface.PIPE_VERSION counts
        back = [OperationShape(self, interface, operation) for operation in callbacks(interface)]
        results += [shape.result() for shape in back if len(shape.outputs) > 1]
        if back:
            arguments += f", callbacks={tuple_of(shape.declaration() for shape in back)}"
        doc = interface.doc.heading or f"Interface {interface.name} {interface.version[0]}.{interface.version[1]}."
        client, server = self.settings.client, self.settings.server
        services: list[Service] = []
        if server:
            name = self.names[f"Service {interface.name}"]
            services.append(Service(name, docstring(doc, 4), tuple(service_methods)))
        if server and piped:
            plain = docstring(
                f"{doc}\n\nFor methods that are plain functions: they run in threads, their pipes block.", 4
            )
            services.append(Service(self.names[f"BlockingService {interface.name}"], plain, tuple(plain_methods)))
        return InterfaceModel(
            name=interface.name,
            doc=docstring(doc, 4),
            constant=self.names[f"interface {interface.name}"],
            arguments=arguments,
            client=self.names[f"Client {interface.name}"] if client else "",
            blocking_client=self.names[f"BlockingClient {interface.name}"] if client else "",
            methods=tuple(methods),
            blocking_methods=tuple(blocking_methods),
            services=tuple(services),
            hooks=tuple(hooks.values()),
            callbacks=self._callbacks(interface, back) if back else None,
        )


def _seen(field: t.Field) -> t.Type:
    """What Python sees of a field: None of a pointer that is not sent."""
    return t.Void() if field.ignore else field.type


def converters_of(bound: t.BoundFile) -> list[str]:
    """The dotted names of all converters that types of a file, or types that it uses, are behind."""
    found: dict[str, None] = {}
    pending: list[t.Type] = [operation.result for i in bound.interfaces for operation in i.operations]
    pending += [p.type for i in bound.interfaces for operation in i.operations for p in operation.parameters]
    pending += [pickled.type for pickled in bound.pickled]
    for declared in bound.declared.values():
        match declared:
            case t.Struct(fields=members):
                pending += [member.type for member in members]
            case t.Union(arms=arms):
                pending += [arm.type for arm in arms if arm.type is not None]
            case t.Alias(type=type_):
                pending.append(type_)
            case _:
                pass
    while pending:
        match pending.pop():
            case t.Presented(type=inner, converter=dotted):
                found[dotted] = None
                pending.append(inner)
            case t.Pointer(target=inner) | t.Array(element=inner) | t.Pipe(element=inner):
                pending.append(inner)
            case _:
                pass
    return sorted(found)


_TEXT = frozenset("doc encode_doc decode_doc above beside comment label arms slots identities unknown".split())
"""Fields of the model that hold documentation and literals, in which an IDL file may say anything."""


def _code(part: object) -> Iterator[str]:
    """The annotations, parameters and expressions in a part of the model."""
    if isinstance(part, str):
        yield part
    elif isinstance(part, list | tuple):
        for inner in part:
            yield from _code(inner)
    elif isinstance(part, InterfaceModel):
        yield from _code((part.methods, part.blocking_methods, part.services, part.callbacks))
    elif is_data(part):
        for field in fields(part):
            if field.name not in _TEXT:
                yield from _code(getattr(part, field.name))
