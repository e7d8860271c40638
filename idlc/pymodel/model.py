"""All that the templates see of one generated module: finished text and plain lists, no decisions left."""

from __future__ import annotations

from typing import ClassVar

from idlc.data import dataclass


@dataclass(frozen=True, slots=True)
class Constant:
    name: str
    value: str
    """A Python literal."""
    above: tuple[str, ...]
    beside: str
    """What the IDL says about it: comments before it, or behind it."""


@dataclass(frozen=True, slots=True)
class Member:
    """One enumerator: its Python name, and its IDL name as a literal."""

    name: str
    label: str
    value: int
    above: tuple[str, ...]
    beside: str


@dataclass(frozen=True, slots=True)
class Enumeration:
    template: ClassVar[str] = "types/enumeration.py.j2"
    name: str
    base: str
    """Enum or Flags."""
    doc: str
    members: tuple[Member, ...]


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute of a structure or result."""

    name: str
    value: str
    """What __init__ assigns."""
    comment: str
    """Its IDL."""
    above: tuple[str, ...]
    """What the IDL says about it."""


@dataclass(frozen=True, slots=True)
class Record:
    """A structure or a result of several values."""

    template: ClassVar[str] = "types/record.py.j2"

    name: str
    base: str
    doc: str
    slots: str
    """The __slots__ tuple."""
    parameters: str
    """Of __init__, after self."""
    attributes: tuple[Attribute, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """A union."""

    template: ClassVar[str] = "types/choice.py.j2"

    name: str
    doc: str
    arms: tuple[str, ...]
    """One line for each arm, for the docstring."""
    tag: str
    value: str
    """Annotations of the tag and the value."""
    parameters: str
    """Of __init__, after self."""


@dataclass(frozen=True, slots=True)
class Handle:
    template: ClassVar[str] = "types/handle.py.j2"
    name: str
    doc: str
    exclusive: bool


@dataclass(frozen=True, slots=True)
class Alias:
    name: str
    value: str
    above: tuple[str, ...] = ()
    beside: str = ""


@dataclass(frozen=True, slots=True)
class Pickle:
    """The functions of a type that is serialized by itself."""

    label: str
    """The IDL name as a literal."""
    encode: str
    decode: str
    """Names of the functions; empty where the IDL does not ask for one."""
    given: str
    received: str
    """Annotations of what is encoded and of what decoding gives."""
    encode_doc: str
    decode_doc: str


@dataclass(frozen=True, slots=True)
class Procedure:
    """The functions of an operation that is serialized instead of called."""

    codec: str
    """The name of its interface's ndr.Procedures."""
    label: str
    """The IDL name as a literal."""
    opnum: int
    encode: str
    decode: str
    """Names of the functions; empty where the IDL does not ask for one."""
    parameters: str
    """Of the function that encodes."""
    arguments: str
    """The tuple of what is encoded."""
    order: str
    """What the byte order is called among the parameters."""
    returns: str
    is_void: bool
    encode_doc: str
    decode_doc: str


@dataclass(frozen=True, slots=True)
class Procedures:
    """What the serialized operations of one interface have in common."""

    name: str
    arguments: str
    """Of ndr.Procedures( )."""
    functions: tuple[Procedure, ...]


@dataclass(frozen=True, slots=True)
class PipeAttribute:
    """One pipe of a call object."""

    name: str
    annotation: str


@dataclass(frozen=True, slots=True)
class CallClass:
    """The call object of an operation that is asynchronous or has pipes."""

    name: str
    base: str
    doc: str
    pipes: tuple[PipeAttribute, ...]


@dataclass(frozen=True, slots=True)
class Method:
    name: str
    doc: str
    """The IDL signature, as a finished string literal."""
    parameters: str
    returns: str
    is_void: bool
    """Whether there is nothing to return."""
    arguments: str
    """What is handed to the runtime: opnum and inputs."""
    call: str
    """Name of the call class; empty for an ordinary call."""
    pipes: str
    """The pipes tuple of `_begin`."""
    opnum: int = 0


@dataclass(frozen=True, slots=True)
class Hook:
    """A routine that a service may have: for the rundown of a context handle, for the end of a call."""

    name: str
    parameters: str
    doc: str


@dataclass(frozen=True, slots=True)
class Service:
    """An abstract class for those who offer an interface."""

    name: str
    doc: str
    methods: tuple[Method, ...]


@dataclass(frozen=True, slots=True)
class InterfaceModel:
    name: str
    doc: str
    constant: str
    arguments: str
    """Of rpc.Interface( ), its operations included."""
    client: str
    """Empty where no clients are generated; so is the next."""
    blocking_client: str
    methods: tuple[Method, ...]
    blocking_methods: tuple[Method, ...]
    services: tuple[Service, ...]
    hooks: tuple[Hook, ...]
    callbacks: Callbacks | None


@dataclass(frozen=True, slots=True)
class Callbacks:
    """The operations of an interface that its server calls at the client."""

    doc: str
    service: str
    """What a client offers; empty where no clients are generated."""
    client: str
    blocking_client: str
    """What a service calls it through; empty where no services are generated."""
    service_methods: tuple[Method, ...]
    methods: tuple[Method, ...]
    blocking_methods: tuple[Method, ...]

    @property
    def names(self) -> list[str]:
        """The classes that there are."""
        return [name for name in (self.service, self.client, self.blocking_client) if name]


@dataclass(frozen=True, slots=True)
class Halves:
    """A method of an asynchronous form."""

    begin: Method
    finish: Method


@dataclass(frozen=True, slots=True)
class ComMethods:
    """What of an object interface can be called."""

    table: str = ""
    """What com.Methods( ) takes, its operations included; empty where nothing travels as a call."""
    methods: tuple[Method, ...] = ()
    halves: tuple[Halves, ...] = ()
    """The methods of an asynchronous form."""


@dataclass(frozen=True, slots=True)
class ComInterface:
    """An object interface or a dispinterface."""

    name: str
    base: str
    doc: str
    iid: str
    """What makes its IID; empty where it has none."""
    synchronous: str
    """Of an asynchronous form: the class of the interface whose it is; empty for others."""
    identities: str
    """The inside of the dictionary of DISPIDs; empty where there are none."""
    called: ComMethods


@dataclass(frozen=True, slots=True)
class ComponentClass:
    name: str
    doc: str
    clsid: str
    interfaces: str
    sources: str
    """Tuples of classes; empty where there are none."""
    unknown: str
    """Names of interfaces that no file at hand defines."""


@dataclass(frozen=True, slots=True)
class TypeLibrary:
    name: str
    doc: str
    libid: str
    version: str


@dataclass(frozen=True, slots=True)
class ModuleModel:
    module: str
    sources: str
    version: str
    doc: str
    """The module docstring, as a finished string literal."""
    imports: tuple[str, ...]
    """Import statements, grouped by empty strings."""
    constants: tuple[Constant, ...]
    types: tuple[Enumeration | Record | Choice | Handle, ...]
    aliases: tuple[Alias, ...]
    pickles: tuple[Pickle, ...]
    pickler: str
    """The name of the ndr.Pickles that the functions use."""
    pickles_codec: str
    """The name of its codec module, as a literal."""
    procedures: tuple[Procedures, ...]
    results: tuple[Record, ...]
    calls: tuple[CallClass, ...]
    interfaces: tuple[InterfaceModel, ...]
    com_interfaces: tuple[ComInterface, ...]
    components: tuple[ComponentClass, ...]
    libraries: tuple[TypeLibrary, ...]
    exports: tuple[str, ...]
    """Literals of the public names, for __all__."""
