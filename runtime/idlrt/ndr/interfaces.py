"""Interface pointers as generated codecs see them: an object on one side, the octets of an OBJREF on the other.

What makes one of the other is COM's business, a room above; until it has moved in, the octets are all there is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

Marshal = Callable[[Any, UUID | None], bytes]
"""An object, or its octets, and the interface that is wanted (None where only the object knows) to the octets."""
Unmarshal = Callable[[bytes, UUID | None], Any]
"""The octets of an OBJREF and the interface that is wanted to an object."""

iid = UUID


def marshal(value: Any, wanted: UUID | None) -> bytes:
    """The OBJREF of an object (MS-DCOM 2.2.18)."""
    return value if isinstance(value, bytes) else _marshal(value, wanted)


def unmarshal(octets: bytes, wanted: UUID | None) -> Any:
    """The object that an OBJREF names."""
    return _unmarshal(octets, wanted)


def install(marshaller: Marshal, unmarshaller: Unmarshal) -> None:
    """Have interface pointers handled by these from now on."""
    global _marshal, _unmarshal
    _marshal, _unmarshal = marshaller, unmarshaller


def _no_object(value: Any, wanted: UUID | None) -> bytes:
    raise TypeError(f"{value!r} is neither None nor the octets of an OBJREF")


def _octets(octets: bytes, wanted: UUID | None) -> Any:
    return octets


_marshal: Marshal = _no_object
_unmarshal: Unmarshal = _octets
