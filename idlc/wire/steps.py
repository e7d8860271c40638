"""What goes where: the vocabulary of the wire plan.

A step says how one value is laid out, for NDR 2.0 and NDR64 alike; widths and padding, which differ,
are `layout.py`'s. A value is written in three parts (C706 14.3.7, 14.3.12.3): its `conformance` (maximum
counts, hoisted in front of the outermost structure), its `body`, and, once the outermost body is
complete, its `referents`, depth first. Steps know no Python.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from idlc.data import dataclass
from idlc.semantics.types import Dimension, Expression, PointerKind


class Kind(StrEnum):
    """A primitive on the wire; the digit is its width in octets."""

    BOOL = "bool"
    U1 = "u1"
    I1 = "i1"
    U2 = "u2"
    I2 = "i2"
    U4 = "u4"
    I4 = "i4"
    U8 = "u8"
    I8 = "i8"
    F4 = "f4"
    F8 = "f8"
    UWORD = "uword"
    """unsigned __int3264: 4 octets in NDR 2.0, 8 in NDR64."""
    IWORD = "iword"


class Content(StrEnum):
    """What an array holds, which decides how it is moved."""

    BYTES = "bytes"
    """byte, char: one copy, `bytes` in Python."""
    TEXT = "text"
    """wchar_t without [string]: UTF-16 units, `str` in Python, no terminator."""
    NUMBERS = "numbers"
    """Other primitives: moved in bulk."""
    ITEMS = "items"
    """Everything else: element by element."""


@dataclass(frozen=True, slots=True)
class Scalar:
    kind: Kind
    range: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class EnumValue:
    """As wide as `octets` says; without it, 16 bits in NDR 2.0 and 32 in NDR64 (MS-RPCE 2.2.5.3.3.1)."""

    name: str
    octets: int | None
    signed: bool
    range: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Guid:
    """16 octets, 4-aligned; the first three parts follow the integer order."""


@dataclass(frozen=True, slots=True)
class Handle:
    """A context handle: u32 attributes and a uuid, 4-aligned (C706 14.2.8)."""

    name: str
    required: bool = False
    """[in] only: the null handle means nothing there (RPC_X_SS_IN_NULL_CONTEXT)."""


@dataclass(frozen=True, slots=True)
class RecordUse:
    name: str


@dataclass(frozen=True, slots=True)
class Choice:
    """A union at a place of use: its discriminant, then one arm."""

    name: str
    tag: Scalar | EnumValue
    switch: Expression | None


@dataclass(frozen=True, slots=True)
class Referent:
    """A pointer: a referent id in the body, the pointee among the referents."""

    kind: PointerKind
    target: Step
    boxed: bool
    """Presented as an ndr.Ref, because None or identity would otherwise be lost."""


@dataclass(frozen=True, slots=True)
class Sequence:
    element: Step
    dimensions: tuple[Dimension, ...]
    content: Content
    range: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Text:
    """A terminated string: varying, conformant too without `bound`."""

    unit: int
    """Octets of one code unit: 1 (Latin-1) or 2 (UTF-16)."""
    bound: int | None
    size: Expression | None
    range: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class InterfaceReferent:
    """A unique pointer to MInterfacePointer: count, then the OBJREF's octets (MS-DCOM 2.2.14)."""

    interface: str | None = None
    """The interface that the IDL names; None for `void *`."""
    iid: Expression | None = None
    """What says at run time which interface it is, by iid_is: a pointer to an IID among the siblings."""


@dataclass(frozen=True, slots=True)
class Ignored:
    """A pointer that is [ignore]: null travels in its place, and None comes of whatever is there."""


@dataclass(frozen=True, slots=True)
class Presence:
    """Of a pointer, whether it is null: a referent id without a referent, for [partial_ignore]."""


@dataclass(frozen=True, slots=True)
class Converted:
    """A value that Python sees through a converter; `target` is what travels."""

    name: str
    """The IDL type's name."""
    converter: str
    """The dotted name of the converter's class."""
    target: Step


@dataclass(frozen=True, slots=True)
class PipeChunks:
    """Chunks of elements, ended by an empty one."""

    name: str
    element: Step
    range: tuple[int, int] | None = None
    """How many elements each of them may hold."""


Step = (
    Scalar
    | EnumValue
    | Guid
    | Handle
    | RecordUse
    | Choice
    | Referent
    | Sequence
    | Text
    | InterfaceReferent
    | Ignored
    | Presence
    | Converted
    | PipeChunks
)


RESULT = "return value"
"""The slot of an operation's result: no IDL identifier, so no parameter can be called so."""


@dataclass(frozen=True, slots=True)
class Slot:
    """One field of a record or one value of a stub."""

    name: str
    """The IDL name; RESULT for an operation's result."""
    step: Step


@dataclass(frozen=True, slots=True)
class Record:
    name: str
    slots: tuple[Slot, ...]
    recursive: bool
    """Whether it can reach itself through pointers."""
    aliased: bool
    """Whether a full pointer can point at it, so that its identity matters."""


@dataclass(frozen=True, slots=True)
class ArmStep:
    labels: tuple[int, ...]
    default: bool
    slot: Slot | None
    """None for an empty arm."""


@dataclass(frozen=True, slots=True)
class ChoiceType:
    name: str
    arms: tuple[ArmStep, ...]
    encapsulated: bool
    ms_union: bool


@dataclass(frozen=True, slots=True)
class Pipes:
    name: str
    step: PipeChunks


@dataclass(frozen=True, slots=True)
class OperationPlan:
    """One operation's two stubs. Pipes follow the request's slots and precede the response's (C706 14.4)."""

    name: str
    opnum: int
    """Of a callback, which has a number of its own, that number's complement: -1 for the first."""
    request: tuple[Slot, ...]
    in_pipes: tuple[Pipes, ...]
    out_pipes: tuple[Pipes, ...]
    response: tuple[Slot, ...]


@dataclass(frozen=True, slots=True)
class PicklePlan:
    """A type that is serialized by itself (MS-RPCE 2.2.6)."""

    name: str
    step: Step
    """A `ref` pointer at the top has left no trace, as at the top of a stub."""
    constructed: bool
    """Whether it has a private header: all but NDR's primitives (C706 14.2), of which enumerations are."""


@dataclass(frozen=True, slots=True)
class ProcedurePlan:
    """An operation that is serialized instead of called: its request is what is encoded, its response is decoded."""

    key: str
    """Interface and operation, as no type can be called."""
    operation: OperationPlan


@dataclass(frozen=True, slots=True)
class WirePlan:
    operations: tuple[OperationPlan, ...]
    records: Mapping[str, Record]
    choices: Mapping[str, ChoiceType]
    pickles: tuple[PicklePlan, ...] = ()
    procedures: tuple[ProcedurePlan, ...] = ()
