"""Interface pointers as octets and back: what codecs call while a stub is written or read (MS-DCOM 2.2.18, 3.2.4.1).

A stub belongs to one exporter, and `within` says which. An object that is marshalled gives references away with each
reference that is written; who reads it takes them over.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any, Final, Protocol
from uuid import UUID

from idlrt.com.hresult import MK_E_SYNTAX, RPC_E_INVALID_OBJREF, HResultError
from idlrt.com.objref import (
    Custom,
    Extended,
    Handler,
    ObjectReference,
    Standard,
    decode,
    encode,
)
from idlrt.errors import NdrError
from idlrt.ndr import interfaces

MOST_OCTETS: Final = 64 << 10
"""Octets of one reference that are read; a custom one may hold anything."""

PREFIX: Final = "objref:"


class NeedsFirst(Exception):
    """A pointer cannot be marshalled before something was awaited: another interface, or more references.

    Stubs are written without waiting, so whoever writes one waits for `first` and writes it again.
    """

    def __init__(self, first: Callable[[], Awaitable[object]]) -> None:
        super().__init__()
        self.first = first


class Exporting(Protocol):
    """What gives references to objects, and objects for references."""

    def refer(self, value: Any, wanted: UUID | None, given: Given) -> ObjectReference:
        """A reference to a pointer's object, its references noted in `given`; NeedsFirst, HResultError."""

    def resolve(self, reference: ObjectReference, wanted: UUID | None) -> Any:
        """The object that a reference names, whose references are ours from now on; HResultError."""


class Given:
    """References that went into a stub, to be taken back if it never leaves."""

    _back: tuple[Callable[[], object], ...] = ()

    def note(self, back: Callable[[], object]) -> None:
        self._back += (back,)

    def take_back(self) -> None:
        """Nobody gets the stub."""
        back, self._back = self._back, ()
        for each in back:
            each()


NOTHING_GIVEN: Final = Given()
"""For a stub that is read."""

_exporting: Final[ContextVar[tuple[Exporting, Given] | None]] = ContextVar("exporting", default=None)


enter: Final = _exporting.set
"""Have the pointers in a stub be those of an exporter, until `leave` of what this gives."""

leave: Final = _exporting.reset


def marshal(value: Any, wanted: UUID | None) -> bytes:
    """The octets for a pointer, within a stub."""
    if isinstance(value, Standard | Handler | Custom | Extended):
        return encode(value)
    found = _exporting.get()
    if found is None:
        raise TypeError(f"{value!r} is neither None nor the octets of an OBJREF, and no exporter marshals it here")
    exporting, given = found
    return encode(exporting.refer(value, wanted, given))


def unmarshal(octets: bytes, wanted: UUID | None) -> Any:
    """The pointer that octets are; they themselves where no exporter could follow them."""
    found = _exporting.get()
    if found is None:
        return octets
    if len(octets) > MOST_OCTETS:
        raise HResultError(RPC_E_INVALID_OBJREF, f"an object reference of {len(octets)} octets")
    try:
        reference = decode(octets)
    except NdrError as error:
        raise HResultError(RPC_E_INVALID_OBJREF, str(error)) from error
    return found[0].resolve(reference, wanted)


interfaces.install(marshal, unmarshal)


# ---------------------------------------------------------------------------- as text


def to_text(reference: ObjectReference) -> str:
    """A reference as a name that people can pass on: `objref:`, the octets in base64, `:`."""
    return f"{PREFIX}{b64encode(encode(reference)).decode('ascii')}:"


def from_text(text: str) -> ObjectReference:
    """The reference that a name is.

    Raises:
        HResultError: it is no such name (MK_E_SYNTAX), or its octets are no reference (RPC_E_INVALID_OBJREF).

    Source: CreateObjrefMoniker.
    """
    name = text.strip()
    if name[: len(PREFIX)].lower() != PREFIX or not name.endswith(":"):
        raise HResultError(
            MK_E_SYNTAX,
            f'"{name[:40]}" is no name of an object',
            help='it reads "objref:...:"',
        )
    try:
        octets = b64decode(name[len(PREFIX) : -1], validate=True)
    except (Base64Error, ValueError) as error:
        raise HResultError(MK_E_SYNTAX, f'"{name[:40]}" is no name of an object: {error}') from error
    try:
        return decode(octets)
    except NdrError as error:
        raise HResultError(RPC_E_INVALID_OBJREF, str(error)) from error
