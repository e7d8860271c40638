"""Where types stand in a file: what every rule walks over.

Structures may be nested thousands deep, so nothing here follows one by recursion; types themselves are
at most a few levels deep.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from idlc.data import dataclass
from idlc.semantics.types import (
    Alias,
    Arm,
    Array,
    BoundFile,
    Declared,
    Field,
    Interface,
    Operation,
    Parameter,
    Pipe,
    Pointer,
    String,
    Struct,
    StructUse,
    Type,
    Union,
    UnionUse,
)
from idlc.settings import Target
from idlc.source.files import Span


@dataclass(frozen=True, slots=True)
class Sent:
    """A type that a remote operation sends, and the place where it is written."""

    type: Type
    span: Span
    role: str
    """parameter, result, field or arm"""
    name: str
    operation: Operation
    interface: Interface
    within: Sent | None = None
    """For a member: the place of its record."""


class Places:
    """The declarations and operations of one bound file, with facts about its records."""

    def __init__(self, bound: BoundFile, target: Target = Target.NT100) -> None:
        self.bound = bound
        self.target = target
        self.members: list[tuple[Struct | Union, Field | Arm]] = list(_members(bound))
        """Fields and arms of the file's own records."""
        self.operations: list[tuple[Interface, Operation]] = [
            (interface, operation)
            for interface in bound.interfaces
            if not (interface.local or interface.dispatch or interface.synchronous)
            for operation in interface.operations
            if not operation.local
        ]
        """The operations that travel, callbacks included."""
        self.parameters: list[tuple[Interface, Operation, Parameter]] = [
            (interface, operation, parameter)
            for interface, operation in self.operations
            for parameter in operation.parameters
        ]
        self._conformant: set[str] = set()
        for name, declared in bound.declared.items():
            if isinstance(declared, Struct):
                for field in declared.fields:
                    if isinstance(field.type, _MAY_BE_CONFORMANT) and self.conformant(field.type):
                        self._conformant.add(name)
        self.sent: list[Sent] = list(self._sent())
        """Everything that remote operations send, each record's members once."""
        self.sent_records = frozenset(
            name for place in self.sent if not place.interface.object for name in records_in(place.type)
        )
        """The structures and unions that operations of plain RPC interfaces send."""

    def find(self, name: str) -> Declared | None:
        return self.bound.declared.get(name)

    @property
    def structs(self) -> Iterator[Struct]:
        """The structures that the file itself defines."""
        return (declared for declared in self.bound.declarations if isinstance(declared, Struct))

    @property
    def unions(self) -> Iterator[Union]:
        return (declared for declared in self.bound.declarations if isinstance(declared, Union))

    @property
    def pipes(self) -> Iterator[tuple[Alias, Pipe]]:
        """The names of pipes, pointers to pipes and arrays of pipes that the file defines, with those pipes."""
        for declared in self.bound.declarations:
            if isinstance(declared, Alias):
                for part in nested(declared.type):
                    if isinstance(part, Pipe):
                        yield declared, part

    def encapsulated(self, use: UnionUse) -> bool:
        declared = self.find(use.name)
        return isinstance(declared, Union) and declared.encapsulated

    def conformant(self, type_: Type) -> bool:
        """Whether a value's size becomes known only with the value: what must come last in a structure."""
        match type_:
            case Array(_, dimensions):
                return any(dimension.conformant for dimension in dimensions)
            case String(_, bound):
                return bound is None
            case StructUse(name):
                return name in self._conformant
            case _:
                return False

    def _sent(self) -> Iterator[Sent]:
        seen: set[str] = set()
        # What an object interface sends may be forgiven, so plain ones come first.
        for interface, operation in sorted(self.operations, key=lambda found: found[0].object):
            by = operation, interface
            pending = [Sent(p.type, p.span, "parameter", p.name, *by) for p in reversed(operation.parameters)]
            pending.insert(0, Sent(operation.result, operation.span, "result", operation.name, *by))
            while pending:
                place = pending.pop()
                yield place
                for record in records_in(place.type):
                    if record in seen:
                        continue
                    seen.add(record)
                    members = [
                        Sent(type_, span, role, name, *by, within=place)
                        for name, type_, span, role in self._members(record)
                    ]
                    pending += reversed(members)

    def _members(self, record: str) -> Iterator[tuple[str, Type, Span, str]]:
        declared = self.find(record)
        if isinstance(declared, Struct):
            for field in declared.fields:
                if not field.ignore:
                    yield field.name, field.type, field.span, "field"
        elif isinstance(declared, Union):
            for arm in declared.arms:
                if arm.type is not None and not arm.ignore:
                    yield arm.name or "", arm.type, arm.span, "arm"


def head(span: Span) -> Span:
    """The first line of something that may take many: what a message about all of it points at."""
    first = span.text.partition("\n")[0].rstrip()
    return Span(span.file, span.start, span.start + len(first))


def _members(bound: BoundFile) -> Iterator[tuple[Struct | Union, Field | Arm]]:
    for declared in bound.declarations:
        if isinstance(declared, Struct):
            for field in declared.fields:
                yield declared, field
        elif isinstance(declared, Union):
            for arm in declared.arms:
                yield declared, arm


_MAY_BE_CONFORMANT = (Array, String, StructUse)


def nested(type_: Type) -> Sequence[Type]:
    """A type and what its pointers, arrays and pipes are made of; records are not entered."""
    found = [type_]
    while True:
        # Asked a dozen times of every parameter there is, so without patterns.
        if isinstance(type_, Pointer):
            type_ = type_.target
        elif isinstance(type_, Array | Pipe):
            type_ = type_.element
        else:
            return found
        found.append(type_)


def records_in(type_: Type) -> list[str]:
    """The structures and unions among those."""
    return [part.name for part in nested(type_) if isinstance(part, StructUse | UnionUse)]
