"""From bound types to wire steps: which values travel in which stub, in which order.

The rules that live here: top-level `ref` pointers leave no trace (C706 14.3.11.1), the binding handle does
not travel, [in] pipes follow all other [in] data and [out] pipes precede all other [out] data, a result
comes last, and which pointers must be boxed in Python so that nullness and identity survive.
"""

from __future__ import annotations

from collections.abc import Iterable

from idlc.data import replace
from idlc.semantics.types import (
    Alias,
    Array,
    Base,
    BaseKind,
    BindingHandle,
    BoundFile,
    ContextHandleUse,
    Dimension,
    Enum,
    EnumUse,
    ErrorType,
    Expression,
    Interface,
    InterfacePointer,
    Opaque,
    Operation,
    Parameter,
    Pickled,
    Pipe,
    Pointer,
    PointerKind,
    Presented,
    String,
    Struct,
    StructUse,
    Type,
    Union,
    UnionUse,
    Void,
    behind_ref,
)
from idlc.source.files import Span
from idlc.wire import bounds
from idlc.wire.steps import (
    RESULT,
    ArmStep,
    Choice,
    ChoiceType,
    Content,
    Converted,
    EnumValue,
    Guid,
    Handle,
    Ignored,
    InterfaceReferent,
    Kind,
    OperationPlan,
    PicklePlan,
    PipeChunks,
    Pipes,
    Presence,
    ProcedurePlan,
    Record,
    RecordUse,
    Referent,
    Scalar,
    Sequence,
    Slot,
    Step,
    Text,
    WirePlan,
)

MAX_CHAIN = 400
"""Structures and unions each of which leads to the next, by value or by pointer."""

_SCALARS = {
    BaseKind.BOOLEAN: Kind.BOOL,
    BaseKind.BYTE: Kind.U1,
    BaseKind.CHAR: Kind.U1,
    BaseKind.WCHAR: Kind.U2,
    BaseKind.INT8: Kind.I1,
    BaseKind.UINT8: Kind.U1,
    BaseKind.INT16: Kind.I2,
    BaseKind.UINT16: Kind.U2,
    BaseKind.INT32: Kind.I4,
    BaseKind.UINT32: Kind.U4,
    BaseKind.INT64: Kind.I8,
    BaseKind.UINT64: Kind.U8,
    BaseKind.INT3264: Kind.IWORD,
    BaseKind.UINT3264: Kind.UWORD,
    BaseKind.FLOAT: Kind.F4,
    BaseKind.DOUBLE: Kind.F8,
}


class CannotTravel(Exception):
    """A value that no rule refused but that has no wire form; `span` is where it is declared."""

    def __init__(self, message: str, span: Span, help: str) -> None:
        super().__init__(message)
        self.span = span
        self.help = help


class _NoForm(Exception):
    """A type without a wire form, before it is known whose it is."""


def remote_interfaces(bound: BoundFile) -> tuple[Interface, ...]:
    """The interfaces whose operations travel as plain RPC: not [local], not [object], not of serialized ones only."""
    return tuple(i for i in _plain(bound) if not i.operations or any(not op.serialized for op in i.operations))


def pickling_interfaces(bound: BoundFile) -> tuple[Interface, ...]:
    """The interfaces with operations that are serialized instead of called."""
    return tuple(i for i in _plain(bound) if any(op.serialized for op in i.operations))


def called_objects(bound: BoundFile) -> tuple[Interface, ...]:
    """The object interfaces whose methods travel as calls: with an IID, not [local], not of a type library only.

    They have the methods that can, by the names that C has for them.
    """
    found = []
    for interface in bound.interfaces:
        called = interface.object and interface.uuid is not None and interface.base is not None
        if called and not (interface.local or interface.library or interface.dispatch or interface.synchronous):
            planner = _Planner(bound)
            travelling = (one for one in remote_operations(interface) if planner.travels(one))
            named = (replace(one, name=one.call_as or one.called) for one in travelling)
            found.append(replace(interface, operations=tuple(named)))
    return tuple(found)


def _plain(bound: BoundFile) -> tuple[Interface, ...]:
    return tuple(i for i in bound.interfaces if i.uuid is not None and not i.local and not i.object)


def remote_operations(interface: Interface) -> tuple[Operation, ...]:
    """The operations that a client can call, without those that only take a number."""
    return tuple(op for op in interface.operations if not (op.local or op.callback or op.placeholder or op.serialized))


def callbacks(interface: Interface) -> tuple[Operation, ...]:
    """The operations that a server calls at its client. Plans number them from -1 downwards, apart from the others."""
    return tuple(op for op in interface.operations if op.callback and not (op.local or op.serialized))


def procedures(interface: Interface) -> tuple[Operation, ...]:
    """The operations that are serialized instead of called."""
    return tuple(op for op in interface.operations if op.serialized and not op.local)


def plan(bound: BoundFile, interfaces: Iterable[Interface] | None = None) -> WirePlan:
    """The wire plan of the operations of `interfaces` and of the file's types; unless given, of all there is.

    Raises:
        CannotTravel: a value of a remote operation has no wire form.
    """
    if interfaces is None:
        return _Planner(bound).run(remote_interfaces(bound), bound.pickled)
    return _Planner(bound).run(tuple(interfaces))


def plan_objects(bound: BoundFile, interfaces: Iterable[Interface]) -> WirePlan:
    """The wire plan of the methods of several object interfaces, told apart by `qualified` names and numbers of their
    own: each interface's begin where `offsets` says."""
    interfaces = tuple(interfaces)
    starts = offsets(interfaces)
    renamed = []
    for interface in interfaces:
        own = (
            replace(one, name=qualified(interface, one), opnum=starts[interface.name] + one.opnum)
            for one in interface.operations
        )
        renamed.append(replace(interface, operations=tuple(own)))
    return plan(bound, renamed)


def qualified(interface: Interface, operation: Operation) -> str:
    """What a method is called beside those of other interfaces."""
    return f"{interface.name}_{operation.name}"


def offsets(interfaces: Iterable[Interface]) -> dict[str, int]:
    """For each object interface, what to add to its numbers so that no two are the same."""
    found: dict[str, int] = {}
    following = 0
    for interface in interfaces:
        found[interface.name] = following
        following += max((one.opnum for one in interface.operations), default=-1) + 1
    return found


def plan_pickles(bound: BoundFile) -> WirePlan:
    """The wire plan of the types and operations that are serialized by themselves.

    Raises:
        CannotTravel: one of them has no wire form.
    """
    planner = _Planner(bound)
    found = [
        ProcedurePlan(f"{interface.name}.{operation.name}", planner.operation(operation))
        for interface in pickling_interfaces(bound)
        for operation in procedures(interface)
    ]
    return replace(planner.run((), bound.pickled), procedures=tuple(found))


def is_pipe(type_: Type) -> Pipe | None:
    """The pipe that a parameter's type is, by value or by reference."""
    if isinstance(type_, Pointer):
        type_ = type_.target
    return type_ if isinstance(type_, Pipe) else None


def nullable(type_: Type) -> bool:
    """Whether the Python presentation of `type_` can be None by itself."""
    match type_:
        case Pointer(kind, target):
            return kind is not PointerKind.REF or nullable(target)
        case ContextHandleUse() | InterfacePointer():
            return True
        case Presented(_, type_):
            return nullable(type_)
        case _:
            return False


def boxed(pointer: Pointer) -> bool:
    """Whether a unique or full pointer is presented as an ndr.Ref: its pointee may be None too, or has no identity."""
    if pointer.kind is PointerKind.REF:
        return False
    return nullable(pointer.target) or (
        pointer.kind is PointerKind.FULL and not isinstance(pointer.target, StructUse | UnionUse)
    )


class _Planner:
    def __init__(self, bound: BoundFile) -> None:
        self.bound = bound
        self.records: dict[str, Record] = {}
        self.choices: dict[str, ChoiceType] = {}
        self.aliased: set[str] = set()
        self.chain = 0

    def run(self, interfaces: tuple[Interface, ...], pickled: tuple[Pickled, ...] = ()) -> WirePlan:
        operations = []
        for interface in interfaces:  # no comprehension: an internal error finds its place in these locals
            for operation in remote_operations(interface):
                operations.append(self.operation(operation))
            for operation in callbacks(interface):
                operations.append(replace(self.operation(operation), opnum=~operation.opnum))
        pickles = [pickle for each in pickled if (pickle := self.pickle(each)) is not None]
        for declared in self.bound.declarations:
            if isinstance(declared, Struct):
                try:
                    self.record(declared.name)
                except _NoForm:
                    continue
        recursive = self.recursive()
        records = {
            name: replace(record, recursive=name in recursive, aliased=name in self.aliased)
            for name, record in self.records.items()
        }
        made = WirePlan(tuple(operations), records, self.choices, tuple(pickles))
        try:
            bounds.check(made)
        except bounds.TooNested as error:
            raise self.too_much(error.type, str(error)) from None
        return made

    def too_much(self, name: str, message: str) -> CannotTravel:
        return CannotTravel(message, self.bound.declared[name].span, "put pointers between them")

    def pickle(self, pickled: Pickled) -> PicklePlan | None:
        """The plan of a pickled type; None when only its interface asked for it and it cannot be had."""
        type_ = behind_ref(pickled.type)
        try:
            step = self.step(type_)
            primitive = isinstance(step.target if isinstance(step, Converted) else step, Scalar | EnumValue)
            return PicklePlan(pickled.name, step, not primitive or type_ is not pickled.type)
        except _NoForm:
            if not pickled.asked:
                return None
            message = f'"{pickled.name}" cannot be serialized: something in it has no form on the wire'
            raise CannotTravel(message, pickled.span, "take [encode, decode] away") from None

    def operation(self, operation: Operation) -> OperationPlan:
        request: list[Slot] = []
        response: list[Slot] = []
        in_pipes: list[Pipes] = []
        out_pipes: list[Pipes] = []
        for parameter in operation.parameters:
            pipe = is_pipe(parameter.type)
            if pipe is not None:
                element = self.traveller(pipe.element, parameter, operation)
                pipes = Pipes(parameter.name, PipeChunks(pipe.name, element, pipe.range))
                if parameter.is_in:
                    in_pipes.append(pipes)
                if parameter.is_out:
                    out_pipes.append(pipes)
                continue
            type_ = behind_ref(parameter.type)
            if isinstance(type_, BindingHandle):
                continue
            slot = Slot(parameter.name, self.traveller(type_, parameter, operation))
            if parameter.is_in:
                request.append(replace(slot, step=Presence()) if parameter.presence_only else slot)
            if parameter.is_out:
                response.append(slot)
        if not isinstance(operation.result, Void) and not operation.serialized:
            response.append(Slot(RESULT, self.traveller(operation.result, operation, operation)))
        return OperationPlan(
            operation.name, operation.opnum, tuple(request), tuple(in_pipes), tuple(out_pipes), tuple(response)
        )

    def travels(self, operation: Operation) -> bool:
        """Whether there is a plan for a method; what C alone can call is left out."""
        try:
            self.operation(operation)
        except CannotTravel:
            return False
        return True

    def traveller(self, type_: Type, owner: Parameter | Operation, operation: Operation) -> Step:
        """The step of a parameter or result, or the reason why there is none."""
        try:
            step = self.step(type_)
            if isinstance(step, Handle) and isinstance(owner, Parameter) and not owner.is_out:
                return replace(step, required=True)
            return step
        except _NoForm:
            what = "the result" if owner is operation else f'"{owner.name}"'
            message = f'{what} of "{operation.name}" has no form on the wire'
            raise CannotTravel(message, owner.span, "mark the operation [local]") from None

    def step(self, type_: Type) -> Step:
        match type_:
            case Base(kind, _, limits):
                return Guid() if kind is BaseKind.GUID else Scalar(_SCALARS[kind], limits)
            case EnumUse(name, limits):
                enum = self.bound.declared.get(name)
                if not isinstance(enum, Enum):
                    raise _NoForm
                signed = any(member.value < 0 for member in enum.members)
                return EnumValue(name, enum.octets, signed, limits)
            case StructUse(name):
                self.record(name)
                return RecordUse(name)
            case UnionUse(name, switch, switch_type):
                return self.choice(name, switch, switch_type)
            case Pointer(kind, target):
                if kind is PointerKind.FULL and isinstance(target, StructUse):
                    self.aliased.add(target.name)
                return Referent(kind, self.step(target), boxed(type_))
            case Array(element, dimensions, limits):
                return self.sequence(element, dimensions, limits)
            case String(unit, bound, size, limits):
                return Text(2 if unit is BaseKind.WCHAR else 1, bound, size, limits)
            case ContextHandleUse(name):
                return Handle(name)
            case InterfacePointer(interface, iid):
                return InterfaceReferent(interface, iid)
            case Presented(name, target, converter):
                return Converted(name, converter, self.step(target))
            case Pipe(name, element, limits):
                return PipeChunks(name, self.step(element), limits)
            case Void() | ErrorType() | BindingHandle() | Opaque():
                raise _NoForm

    def sequence(self, element: Type, dimensions: tuple[Dimension, ...], limits: tuple[int, int] | None) -> Sequence:
        if any(dimension.bound is None and dimension.size is None for dimension in dimensions):
            raise _NoForm  # C's flexible array: nothing says how long it is
        content = Content.ITEMS
        if isinstance(element, Base) and element.kind is not BaseKind.GUID and element.range is None:
            match element.kind:
                case BaseKind.BYTE | BaseKind.CHAR:
                    content = Content.BYTES
                case BaseKind.WCHAR:
                    content = Content.TEXT
                case _:
                    content = Content.NUMBERS
        return Sequence(self.step(element), dimensions, content, limits)

    def choice(self, name: str, switch: Expression | None, switch_type: Base | EnumUse | None) -> Choice:
        union = self.bound.declared.get(name)
        if not isinstance(union, Union):
            raise _NoForm
        tag = self.step(switch_type or union.switch_type or Base(BaseKind.INT32))
        assert isinstance(tag, Scalar | EnumValue)
        if name not in self.choices:
            self.choices[name] = ChoiceType(name, (), union.encapsulated, union.ms_union)
            arms = []
            self.enter(name)
            for arm in union.arms:
                try:
                    slot = None if arm.type is None else Slot(arm.name or "", self.field(arm.type, arm.ignore))
                except _NoForm:
                    self.chain -= 1
                    del self.choices[name]
                    raise
                arms.append(ArmStep(arm.values, arm.default, slot))
            self.chain -= 1
            self.choices[name] = ChoiceType(name, tuple(arms), union.encapsulated, union.ms_union)
        return Choice(name, tag, switch)

    def record(self, name: str) -> None:
        if name in self.records:
            return
        struct = self.bound.declared.get(name)
        if not isinstance(struct, Struct):
            raise _NoForm  # declared, but defined nowhere
        self.records[name] = Record(name, (), recursive=False, aliased=False)
        self.enter(name)
        try:
            slots = tuple(Slot(field.name, self.field(field.type, field.ignore)) for field in struct.fields)
        except _NoForm:
            del self.records[name]
            raise
        finally:
            self.chain -= 1
        self.records[name] = Record(name, slots, recursive=False, aliased=False)

    def enter(self, name: str) -> None:
        """Go into a structure or union, unless too many led to it."""
        self.chain += 1
        if self.chain > MAX_CHAIN:
            message = f'more than {MAX_CHAIN} structures and unions lead to "{name}"'
            raise CannotTravel(message, self.bound.declared[name].span, "shorten the chain")

    def field(self, type_: Type, ignore: bool) -> Step:
        return self.step(type_) if not ignore else Ignored()

    def recursive(self) -> set[str]:
        """Records that reach themselves, by a walk from each over what it can reach."""
        edges = {name: self.reached(record) for name, record in self.records.items()}
        found = set()
        for start in edges:
            seen: set[str] = set()
            pending = list(edges[start])
            while pending:
                name = pending.pop()
                if name not in seen:
                    seen.add(name)
                    pending.extend(edges[name])
            if start in seen:
                found.add(start)
        return found

    def reached(self, record: Record) -> set[str]:
        names: set[str] = set()
        pending: list[Step] = [slot.step for slot in record.slots]
        walked: set[str] = set()
        while pending:
            step = pending.pop()
            match step:
                case RecordUse(name):
                    names.add(name)
                case Referent() | Converted():
                    pending.append(step.target)
                case Sequence():
                    pending.append(step.element)
                case Choice(name) if name not in walked:
                    walked.add(name)
                    pending.extend(arm.slot.step for arm in self.choices[name].arms if arm.slot is not None)
                case _:
                    pass
        return names


__all__ = ["Alias", "CannotTravel", "boxed", "is_pipe", "nullable", "plan", "plan_pickles"]
