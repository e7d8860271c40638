"""What `sizeof` says, compared with what C says: ctypes lays the same structures out."""

from __future__ import annotations

import ctypes

import pytest

from idlc.driver import analyse
from idlc.settings import Environment, Settings

TYPES = """
struct INNER { byte a; hyper b; };
typedef enum { A } COLOR;
typedef struct { byte a; short b[3]; long c; } PLAIN;
typedef struct { struct INNER i; byte a; struct INNER more[2]; } NESTED;
typedef [switch_type(long)] union { [case(1)] byte a[5]; [case(2)] short b; } EITHER;
typedef struct { byte a; long n; [switch_is(n)] EITHER e; COLOR c; [string] wchar_t text[3]; } MIXED;
typedef struct { byte a; long *p; } POINTS;
typedef union TAGGED switch (short tag) u { case 1: hyper b; case 2: byte c; } TAGGED;
#pragma pack(push, 2)
typedef struct { byte a; long b; hyper c; } PACKED;
#pragma pack(pop)
typedef struct { byte a; PACKED p; } HOLDS;
"""


class Inner(ctypes.Structure):
    _fields_ = (("a", ctypes.c_uint8), ("b", ctypes.c_int64))


class Plain(ctypes.Structure):
    _fields_ = (("a", ctypes.c_uint8), ("b", ctypes.c_int16 * 3), ("c", ctypes.c_int32))


class Nested(ctypes.Structure):
    _fields_ = (("i", Inner), ("a", ctypes.c_uint8), ("more", Inner * 2))


class Either(ctypes.Union):
    _fields_ = (("a", ctypes.c_uint8 * 5), ("b", ctypes.c_int16))


class Mixed(ctypes.Structure):
    _fields_ = (
        ("a", ctypes.c_uint8),
        ("n", ctypes.c_int32),
        ("e", Either),
        ("c", ctypes.c_int32),
        ("text", ctypes.c_uint16 * 3),
    )


class Tagged(ctypes.Structure):
    _fields_ = (("tag", ctypes.c_int16), ("u", ctypes.c_int64))


class Packed(ctypes.Structure):
    _layout_ = "ms"
    _pack_ = 2
    _fields_ = (("a", ctypes.c_uint8), ("b", ctypes.c_int32), ("c", ctypes.c_int64))


class Holds(ctypes.Structure):
    _fields_ = (("a", ctypes.c_uint8), ("p", Packed))


def measured(expression: str, environment: Environment = Environment.WIN64) -> object:
    text = f"{TYPES}\nconst long RESULT = {expression};"
    compilation = analyse(["case.idl"], Settings(memory={"case.idl": text}, environment=environment))
    assert compilation.report.diagnostics == ()
    (unit,) = compilation.main
    assert unit.bound is not None
    (constant,) = unit.bound.constants
    return constant.value


@pytest.mark.parametrize(
    ("written", "c"),
    [
        ("struct INNER", Inner),
        ("PLAIN", Plain),
        ("NESTED", Nested),
        ("EITHER", Either),
        ("MIXED", Mixed),
        ("TAGGED", Tagged),
        ("PACKED", Packed),
        ("HOLDS", Holds),
    ],
)
def test_a_structure_is_as_large_as_in_c(written: str, c: type[ctypes.Structure]) -> None:
    assert measured(f"sizeof({written})") == ctypes.sizeof(c)
    assert measured(f"__alignof({written})") == ctypes.alignment(c)


def test_pointers_are_as_large_as_the_machine_says() -> None:
    assert measured("sizeof(POINTS)") == 16
    assert measured("sizeof(POINTS)", Environment.WIN32) == 8
