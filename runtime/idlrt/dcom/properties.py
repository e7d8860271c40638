"""Activation properties: serialized types in a custom object reference (MS-DCOM 2.2.22).

A header says which properties follow and how long each of them is; they are found by these sizes and never by the
lengths that they give themselves, which some senders count otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from struct import Struct
from typing import Final
from uuid import UUID

from idlrt.com.objref import Custom, decode, encode
from idlrt.errors import NdrError
from idlrt.ids import NIL
from idlrt.prelude.ms_dcom import CustomHeader, decode_CustomHeader, encode_CustomHeader


def _well_known(number: int) -> UUID:
    return UUID(f"{number:08x}-0000-0000-c000-000000000046")


IN: Final = _well_known(0x1A2)
"""IActivationPropertiesIn, the interface of a request's reference."""
OUT: Final = _well_known(0x1A3)
"""IActivationPropertiesOut, that of an answer's."""
CLSID_IN: Final = _well_known(0x338)
CLSID_OUT: Final = _well_known(0x339)

INSTANTIATION: Final = _well_known(0x1AB)
CONTEXT: Final = _well_known(0x1A5)
LOCATION: Final = _well_known(0x1A4)
SCM_REQUEST: Final = _well_known(0x1AA)
SECURITY: Final = _well_known(0x1A6)
SPECIAL: Final = _well_known(0x1B9)
INSTANCE: Final = _well_known(0x1AD)
SCM_REPLY: Final = _well_known(0x1B6)
PROPS_OUT: Final = CLSID_OUT

MOST_PROPERTIES: Final = 10
_REMOTE: Final = 2
"""MSHCTX_DIFFERENTMACHINE."""

_BLOB = Struct("<II")
_PRIVATE = Struct("<II")
_HEADERS = 16
"""Octets of the two headers of a serialized type."""


def pack(iid: UUID, clsid: UUID, properties: Sequence[tuple[UUID, bytes]]) -> bytes:
    """The octets of a reference that holds properties, each serialized, in their order."""
    sizes = [len(octets) for _, octets in properties]
    header_size = len(_header(0, 0, properties, sizes))
    total = header_size + sum(sizes)
    blob = [_BLOB.pack(total, 0), _header(total, header_size, properties, sizes), *(octets for _, octets in properties)]
    return encode(Custom(iid, clsid, b"".join(blob)))


def _header(total: int, size: int, properties: Sequence[tuple[UUID, bytes]], sizes: Sequence[int]) -> bytes:
    identities = [identity for identity, _ in properties]
    return encode_CustomHeader(CustomHeader(total, size, 0, _REMOTE, NIL, identities, sizes))


def unpack(octets: bytes, iid: UUID) -> Mapping[UUID, bytes]:
    """The properties in a reference, by their ids; of those that are there twice the first.

    Raises:
        NdrError: the octets are no such reference, or its sizes do not fit.
    """
    reference = decode(octets)
    if not isinstance(reference, Custom) or reference.iid != iid:
        raise NdrError("no activation properties")
    data = reference.data
    if len(data) < _BLOB.size + _HEADERS:
        raise NdrError("activation properties without a header", offset=len(data), truncated=True)
    size, _ = _BLOB.unpack_from(data)
    if size > len(data) - _BLOB.size:
        raise NdrError(f"activation properties announce {size} octets and have {len(data) - _BLOB.size}", offset=0)
    rest = memoryview(data)[_BLOB.size : _BLOB.size + size]
    header = decode_CustomHeader(_serialized(rest))
    count, identities, sizes = header.cIfs, header.pclsid or (), header.pSizes or ()
    if not 1 <= count <= MOST_PROPERTIES or len(identities) != count or len(sizes) != count:
        raise NdrError(f"{count} activation properties, of which {len(sizes)} have a size")
    if header.headerSize < _HEADERS or header.headerSize + sum(sizes) > size:
        raise NdrError(f"activation properties of {header.headerSize + sum(sizes)} octets within {size}")
    found: dict[UUID, bytes] = {}
    at = header.headerSize
    for identity, length in zip(identities, sizes, strict=True):
        if length < _HEADERS:
            raise NdrError(f"an activation property of {length} octets", offset=at)
        found.setdefault(identity, bytes(_serialized(rest[at : at + length])))
        at += length
    return found


def _serialized(octets: memoryview) -> memoryview:
    """The octets of one serialized type, with the padding that its length may leave out, and nothing behind it."""
    if len(octets) < _HEADERS:
        raise NdrError("an activation property without its headers", offset=len(octets), truncated=True)
    length, _ = _PRIVATE.unpack_from(octets, 8)
    return octets[: _HEADERS + (length + 7 & -8)]
