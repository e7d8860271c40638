"""Every attribute of the language as a row: where it may stand, what it takes, what it excludes.

The grammar accepts any name with any arguments inside `[...]`; this table is the only place that
knows attribute names as a set, so a new one is a new row. What an attribute does is the business of
whoever asks for it by name.
"""

from __future__ import annotations

from enum import Enum, StrEnum, auto
from types import MappingProxyType

from idlc.data import dataclass


class Place(StrEnum):
    """What an attribute list stands before."""

    INTERFACE = "an interface"
    DISPINTERFACE = "a dispinterface"
    OPERATION = "an operation"
    PARAMETER = "a parameter"
    FIELD = "a field"
    ARM = "a union arm"
    TYPE = "a type definition"
    ENUMERATOR = "an enumerator"
    CONSTANT = "a constant"
    LIBRARY = "a library"
    COCLASS = "a coclass"
    MEMBER = "a coclass member"
    MODULE = "a module"
    ACF_INTERFACE = "an interface in an ACF"
    ACF_TYPE = "a typedef in an ACF"
    ACF_OPERATION = "an operation in an ACF"
    ACF_PARAMETER = "a parameter in an ACF"


class Takes(Enum):
    """The shape of an attribute's arguments."""

    NOTHING = auto()
    EXPRESSIONS = auto()
    """One expression for each pointer level or dimension; empty positions are meaningful."""
    EXPRESSION = auto()
    CONSTANTS = auto()
    TWO_CONSTANTS = auto()
    TYPE = auto()
    NAME = auto()
    NAMES = auto()
    UUID = auto()
    VERSION = auto()
    STRINGS = auto()
    DECLARATION = auto()
    """A type and a name: `implicit_handle(handle_t h)`."""
    ANYTHING = auto()


class Effect(Enum):
    USED = auto()
    """Changes what is generated, or is checked."""
    KEPT = auto()
    """Means something to type libraries, C stubs or tools only; accepted silently."""
    IGNORED = auto()
    """Not implemented by Microsoft's compiler either; accepted with a warning (MIDL2176)."""


@dataclass(frozen=True, slots=True)
class AttributeRule:
    name: str
    places: frozenset[Place]
    takes: Takes = Takes.NOTHING
    effect: Effect = Effect.USED


_PLACES = {
    "I": Place.INTERFACE,
    "D": Place.DISPINTERFACE,
    "O": Place.OPERATION,
    "P": Place.PARAMETER,
    "F": Place.FIELD,
    "U": Place.ARM,
    "T": Place.TYPE,
    "E": Place.ENUMERATOR,
    "K": Place.CONSTANT,
    "L": Place.LIBRARY,
    "C": Place.COCLASS,
    "CM": Place.MEMBER,
    "M": Place.MODULE,
    "aI": Place.ACF_INTERFACE,
    "aT": Place.ACF_TYPE,
    "aO": Place.ACF_OPERATION,
    "aP": Place.ACF_PARAMETER,
}
_EVERYWHERE = "I D O P F U T E K L C CM M"


def _rows(names: str, places: str, takes: Takes = Takes.NOTHING, effect: Effect = Effect.USED) -> list[AttributeRule]:
    where = frozenset(_PLACES[code] for code in places.split())
    return [AttributeRule(name, where, takes, effect) for name in names.split()]


_TABLE = [
    # directions and pointers
    *_rows("in out", "P"),
    *_rows("ref unique ptr", "P F U T O"),
    *_rows("pointer_default", "I", Takes.NAME),
    # arrays and strings
    *_rows("size_is max_is length_is first_is last_is", "P F U T", Takes.EXPRESSIONS),
    *_rows("min_is", "P F", Takes.EXPRESSIONS, Effect.IGNORED),
    *_rows("string", "P F U T O"),
    *_rows("range", "P F U T", Takes.TWO_CONSTANTS),
    *_rows("ignore", "F U"),
    # unions and enumerations
    *_rows("switch_type", "T P F U", Takes.TYPE),
    *_rows("switch_is", "P F U", Takes.EXPRESSION),
    *_rows("case", "U", Takes.CONSTANTS),
    *_rows("v1_enum", "T"),
    *_rows("ms_union", "I T O"),
    *_rows("ms_conf_struct", "T", effect=Effect.IGNORED),
    # handles
    *_rows("context_handle", "T P O"),
    *_rows("handle", "T"),
    *_rows("auto_handle explicit_handle", "I O aI aO"),
    *_rows("implicit_handle", "I aI", Takes.DECLARATION),
    *_rows("strict_context_handle type_strict_context_handle", "I aI"),
    *_rows("context_handle_serialize context_handle_noserialize", "T P aT aO aP"),
    # identity
    *_rows("uuid", "I T C L M D", Takes.UUID),
    *_rows("async_uuid", "I", Takes.UUID),
    *_rows("version", "I L C M T", Takes.VERSION),
    *_rows("endpoint", "I", Takes.STRINGS),
    *_rows("object local", "I O"),
    *_rows("iid_is", "P F U", Takes.EXPRESSION),
    # operations
    *_rows("callback maybe message idempotent broadcast", "O"),
    *_rows("call_as", "O aO", Takes.NAME),
    *_rows("async", "O aO aI P"),
    *_rows("comm_status fault_status", "O P aO aP"),
    *_rows("encode decode", "I T O aI aT aO"),
    # presented types
    *_rows("transmit_as wire_marshal", "T", Takes.TYPE),
    *_rows("represent_as user_marshal", "T aT", Takes.ANYTHING),
    # memory and C stubs: nothing here for Python
    *_rows("byte_count", "P aP", Takes.NAME, Effect.KEPT),
    *_rows("allocate", "T aT aP", Takes.NAMES, Effect.KEPT),
    *_rows("enable_allocate", "I aI aO", effect=Effect.KEPT),
    *_rows("force_allocate partial_ignore", "P aP", effect=Effect.KEPT),
    *_rows("disable_consistency_check", "P T", effect=Effect.KEPT),
    *_rows("notify notify_flag", "O aO", effect=Effect.KEPT),
    *_rows("code nocode", "I O aI aO", effect=Effect.KEPT),
    *_rows("optimize", "I aI aO", Takes.ANYTHING, Effect.KEPT),
    *_rows("cs_char", "aT", Takes.ANYTHING, Effect.IGNORED),
    *_rows("cs_tag_rtn", "aI aO", Takes.ANYTHING, Effect.IGNORED),
    *_rows("cs_stag cs_drtag cs_rtag", "P aP", effect=Effect.IGNORED),
    *_rows("system_handle", "P F", Takes.ANYTHING),
    *_rows("annotation", "P F O T", Takes.ANYTHING, Effect.KEPT),
    *_rows("proxy", "I", effect=Effect.KEPT),
    *_rows("in_line out_of_line shape", "T F", effect=Effect.IGNORED),
    *_rows("input_sync inputsync", "O", effect=Effect.KEPT),
    # type libraries
    *_rows("custom", "I T F O P L M D E C", Takes.ANYTHING, Effect.KEPT),
    *_rows("aggregatable appobject licensed noncreatable", "C", effect=Effect.KEPT),
    *_rows("bindable defaultbind displaybind immediatebind requestedit", "O F", effect=Effect.KEPT),
    *_rows("defaultcollelem nonbrowsable uidefault vararg usesgetlasterror", "O", effect=Effect.KEPT),
    *_rows("control", "L C", effect=Effect.KEPT),
    *_rows("default", "U CM I"),
    *_rows("defaultvalue", "P", Takes.EXPRESSION, Effect.KEPT),
    *_rows("defaultvtable", "CM", effect=Effect.KEPT),
    *_rows("dllname", "M", Takes.STRINGS, Effect.KEPT),
    *_rows("dual oleautomation nonextensible odl", "I D", effect=Effect.KEPT),
    *_rows("entry", "O K", Takes.ANYTHING, Effect.KEPT),
    *_rows("helpstring", _EVERYWHERE, Takes.STRINGS, Effect.KEPT),
    *_rows("helpcontext helpstringcontext", _EVERYWHERE, Takes.ANYTHING, Effect.KEPT),
    *_rows("helpfile helpstringdll", "L", Takes.STRINGS, Effect.KEPT),
    *_rows("hidden restricted", _EVERYWHERE, effect=Effect.KEPT),
    *_rows("id", "O F P L", Takes.ANYTHING, Effect.KEPT),
    *_rows("lcid", "L P", Takes.ANYTHING, Effect.KEPT),
    *_rows("optional retval", "P", effect=Effect.KEPT),
    *_rows("propget propput propputref", "O", effect=Effect.KEPT),
    *_rows("public", "T I", effect=Effect.KEPT),
    *_rows("readonly", "P F O", effect=Effect.KEPT),
    *_rows("replaceable predeclid extension", "O C", effect=Effect.KEPT),
    *_rows("source", "CM O F", effect=Effect.KEPT),
    # Windows Runtime and its compilers
    *_rows(
        "activatable composable contract contractversion default_overload deprecated eventadd eventremove exclusiveto"
        " flags marshaling_behavior overload static threading progid vi_progid agile apicontract requires",
        _EVERYWHERE,
        Takes.ANYTHING,
        Effect.KEPT,
    ),
    # reserved words that the reference manual lists without a meaning
    *_rows(
        "align bem_handle bstring custom_allocator default_allocator funcdescattr heap hostContract idldescattr"
        " interpret nointerpret local_call long_enum short_enum manual off_line optional_interface typedescattr"
        " unaligned v1_array v1_string v1_struct vardescattr winrt_remote_async zeroout_alignmentgap",
        _EVERYWHERE,
        Takes.ANYTHING,
        Effect.IGNORED,
    ),
]

ATTRIBUTES = MappingProxyType({rule.name: rule for rule in _TABLE})

_CONFLICTS = [
    ("MIDL2163", "ref unique ptr"),
    ("MIDL2077", "size_is max_is"),
    ("MIDL2076", "length_is last_is"),
    ("MIDL2263", "auto_handle implicit_handle explicit_handle"),
    ("MIDL2287", "code nocode"),
    ("MIDL2377", "context_handle_serialize context_handle_noserialize"),
    ("MIDL2096", "strict_context_handle type_strict_context_handle"),
    ("MIDL2276", "auto_handle encode"),
    ("MIDL2276", "auto_handle decode"),
    ("MIDL2300", "object encode"),
    ("MIDL2300", "object decode"),
    ("MIDL2053", "propget propput propputref"),
    ("MIDL2185", "context_handle handle"),
    ("MIDL2084", "context_handle transmit_as"),
    ("MIDL2200", "handle transmit_as"),
    ("MIDL2065", "byte_count size_is"),
    ("MIDL2065", "byte_count max_is"),
    ("MIDL2065", "byte_count length_is"),
    ("MIDL2065", "byte_count last_is"),
    ("MIDL2065", "byte_count first_is"),
    ("MIDL2223", "allocate transmit_as"),
    ("MIDL2223", "allocate represent_as"),
    ("MIDL2223", "allocate wire_marshal"),
    ("MIDL2223", "allocate user_marshal"),
    ("MIDL2096", "represent_as user_marshal"),
    ("MIDL2096", "transmit_as wire_marshal"),
    ("MIDL2054", "callback call_as"),
    ("MIDL2054", "message maybe"),
    ("MIDL2054", "message broadcast"),
    ("MIDL2054", "message idempotent"),
]


def _pairs() -> dict[frozenset[str], str]:
    return {
        frozenset({first, second}): code
        for code, names in _CONFLICTS
        for first in names.split()
        for second in names.split()
        if first != second
    }


MISPLACED = MappingProxyType(
    {("ignore", place): "MIDL2162" for place in (Place.PARAMETER, Place.OPERATION)}
    | {(name, place): "MIDL2052" for name in ("propget", "propput", "propputref") for place in Place}
)
"""What is said of an attribute at a place where it cannot stand, if there is a code for just that; else MIDL2072."""

CONFLICTS = MappingProxyType(_pairs())
"""Pairs of attributes that exclude each other in one list, with the code that says so."""
