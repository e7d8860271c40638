"""Interface pointers as generated codecs see them: an object on one side, the octets of an OBJREF on the other.

What makes one of the other is COM's business, a room above; until it has moved in, the octets are all there is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final
from uuid import UUID

Marshal = Callable[[Any, UUID | None], bytes]
"""An object, or its octets, and the interface that is wanted (None where only the object knows) to the octets."""
Unmarshal = Callable[[bytes, UUID | None], Any]
"""The octets of an OBJREF and the interface that is wanted to an object."""

iid = UUID


def marshal(value: Any, wanted: UUID | None) -> bytes:
    """The OBJREF of an object (MS-DCOM 2.2.18)."""
    if isinstance(value, bytes):
        return value
    used = _used.get()
    return (_marshal if used is None else used[0])(value, wanted)


def unmarshal(octets: bytes, wanted: UUID | None) -> Any:
    """The object that an OBJREF names."""
    used = _used.get()
    return (_unmarshal if used is None else used[1])(octets, wanted)


def install(marshaller: Marshal, unmarshaller: Unmarshal) -> None:
    """Have interface pointers handled by these from now on."""
    global _marshal, _unmarshal
    _marshal, _unmarshal = marshaller, unmarshaller


_used: Final[ContextVar[tuple[Marshal, Unmarshal] | None]] = ContextVar("interface pointers", default=None)


@contextmanager
def using(marshaller: Marshal, unmarshaller: Unmarshal) -> Iterator[None]:
    """Have them handled by these while a stub is written or read here, whatever is installed."""
    token = _used.set((marshaller, unmarshaller))
    try:
        yield
    finally:
        _used.reset(token)


def _no_object(value: Any, wanted: UUID | None) -> bytes:
    raise TypeError(f"{value!r} is neither None nor the octets of an OBJREF")


def _octets(octets: bytes, wanted: UUID | None) -> Any:
    return octets


_marshal: Marshal = _no_object
_unmarshal: Unmarshal = _octets
