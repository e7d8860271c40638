"""The built-in types of the language, as facts: what each word means, whatever is done with it.

The parser gives a `kind` for every spelling (`long int unsigned` is `uint32`); this table says what
such a kind is good for. Sizes here are sizes of values in C, used by `sizeof` and casts only; what
travels is the wire planner's business.
"""

from __future__ import annotations

from types import MappingProxyType

from idlc.data import dataclass


@dataclass(frozen=True, slots=True)
class BaseFacts:
    """What is known about one kind."""

    octets: int
    """What `sizeof` gives; 0 where it has no meaning."""
    integral: bool = False
    """May size, count or select something."""
    signed: bool = False


BASE_TYPES = MappingProxyType(
    {
        "boolean": BaseFacts(1, integral=True),
        "byte": BaseFacts(1, integral=True),
        "char": BaseFacts(1, integral=True),
        "wchar_t": BaseFacts(2, integral=True),
        "int8": BaseFacts(1, integral=True, signed=True),
        "uint8": BaseFacts(1, integral=True),
        "int16": BaseFacts(2, integral=True, signed=True),
        "uint16": BaseFacts(2, integral=True),
        "int32": BaseFacts(4, integral=True, signed=True),
        "uint32": BaseFacts(4, integral=True),
        "int64": BaseFacts(8, integral=True, signed=True),
        "uint64": BaseFacts(8, integral=True),
        "int3264": BaseFacts(8, integral=True, signed=True),
        "uint3264": BaseFacts(8, integral=True),
        "float": BaseFacts(4),
        "double": BaseFacts(8),
        "guid": BaseFacts(16),
    }
)
"""By the names of `idlc.semantics.types.BaseKind`."""

NOT_IMPLEMENTED = frozenset({"int128", "uint128", "float80", "float128"})
"""Words of the language that stand for types which cannot be marshalled (MIDL2029)."""

INTERNATIONAL = frozenset({"ISO_LATIN_1", "ISO_UCS", "ISO_MULTI_LINGUAL"})
"""Names of the DCE for characters: not implemented either, unless a file of theirs defines them."""

POINTER_OCTETS = 8
"""What `sizeof` gives for a pointer: the target environment is a 64-bit one."""

GUID_NAMES = frozenset({"GUID", "_GUID", "UUID", "_UUID", "IID", "CLSID", "FMTID", "uuid_t", "idl_uuid_t"})
"""Structures of these names are UUIDs when they have a UUID's shape."""
