"""Twenty structures from a fixed seed against impacket: no order of fields and no type may fall off a cliff.

Each has 2 to 12 fields of all base types, at most three strings, a fixed array and a nested structure. Values
are built and every field is read, on both sides.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from impacket.dcerpc.v5 import dtypes
from impacket.dcerpc.v5.enum import Enum
from impacket.dcerpc.v5.ndr import (
    NDRBOOLEAN,
    NDRCALL,
    NDRDOUBLEFLOAT,
    NDRENUM,
    NDRFLOAT,
    NDRHYPER,
    NDRSTRUCT,
    NDRUHYPER,
    NDRUniFixedArray,
)

from idlrt.ids import NDR20
from tests.bench.timing import Figure, compare, spelled
from tests.compiled import compile_cached

RIVAL = "impacket"
COUNT = 20
SEED = 20
FLOOR = 40.0


class LEVEL(NDRENUM):
    """The enumeration of the IDL, 16 bits."""

    class enumItems(Enum):  # impacket looks for this name
        LOW = 0
        MIDDLE = 1
        HIGH = 2


class OCTETS8(NDRUniFixedArray):
    """byte x[8]"""

    def getDataLen(self, data: bytes, offset: int = 0) -> int:  # impacket's name
        return 8


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of field: how IDL declares it, impacket's class, and a value of it in both forms."""

    idl: str
    rival: Any
    make: Callable[[random.Random], Any]
    theirs: Callable[[Any], Any] = lambda value: value


KINDS = (
    Kind("byte {}", dtypes.UCHAR, lambda rnd: rnd.randrange(128), chr),
    Kind("boolean {}", NDRBOOLEAN, lambda rnd: bool(rnd.randrange(2)), int),
    Kind("small {}", dtypes.CHAR, lambda rnd: rnd.randrange(128), chr),
    Kind("short {}", dtypes.SHORT, lambda rnd: rnd.randrange(-(2**15), 2**15)),
    Kind("unsigned short {}", dtypes.USHORT, lambda rnd: rnd.randrange(2**16)),
    Kind("long {}", dtypes.LONG, lambda rnd: rnd.randrange(-(2**31), 2**31)),
    Kind("unsigned long {}", dtypes.ULONG, lambda rnd: rnd.randrange(2**32)),
    Kind("hyper {}", NDRHYPER, lambda rnd: rnd.randrange(-(2**63), 2**63)),
    Kind("unsigned hyper {}", NDRUHYPER, lambda rnd: rnd.randrange(2**64)),
    Kind("float {}", NDRFLOAT, lambda rnd: float(rnd.randrange(1000))),
    Kind("double {}", NDRDOUBLEFLOAT, lambda rnd: rnd.random()),
    Kind("LEVEL {}", LEVEL, lambda rnd: rnd.randrange(3)),
)
STRING = Kind("[string] wchar_t *{}", dtypes.LPWSTR, lambda rnd: "x" * rnd.randrange(1, 30), lambda text: text + "\0")
ARRAY = Kind("byte {}[8]", OCTETS8, lambda rnd: rnd.randbytes(8))


@dataclass(frozen=True, slots=True)
class Shape:
    """A structure: names and kinds of its fields, and at most one structure inside."""

    name: str
    fields: tuple[tuple[str, Kind | Shape], ...]

    def idl(self) -> Iterator[str]:
        lines = []
        for name, kind in self.fields:
            if isinstance(kind, Shape):
                yield from kind.idl()
                lines.append(f"{kind.name} {name};")
            else:
                lines.append(kind.idl.format(name) + ";")
        yield f"typedef struct {{ {' '.join(lines)} }} {self.name};"

    def rival(self) -> type[NDRSTRUCT]:
        structure = tuple((name, kind.rival() if isinstance(kind, Shape) else kind.rival) for name, kind in self.fields)
        return type(self.name, (NDRSTRUCT,), {"structure": structure})

    def values(self, rnd: random.Random) -> list[Any]:
        return [kind.values(rnd) if isinstance(kind, Shape) else kind.make(rnd) for _, kind in self.fields]

    def build_ours(self, at: str) -> str:
        """The expression by which a user builds it from the list of values `at`."""
        parts = [
            kind.build_ours(f"{at}[{n}]") if isinstance(kind, Shape) else f"{at}[{n}]"
            for n, (_, kind) in enumerate(self.fields)
        ]
        return f"module.{self.name}({', '.join(parts)})"

    def fill_theirs(self, target: str, at: str) -> Iterator[str]:
        """The statements by which a user of impacket fills `target` from the list of values `at`."""
        for n, (name, kind) in enumerate(self.fields):
            if isinstance(kind, Shape):
                yield f"inner = {target}[{name!r}]"
                yield from kind.fill_theirs("inner", f"{at}[{n}]")
            else:
                yield f"{target}[{name!r}] = {at}[{n}]"

    def in_their_form(self, values: list[Any]) -> list[Any]:
        return [
            kind.in_their_form(value) if isinstance(kind, Shape) else kind.theirs(value)
            for (_, kind), value in zip(self.fields, values, strict=True)
        ]

    def read(self, value: str, field: str) -> Iterator[str]:
        """The statements that read every field; `field` says how one is spelled."""
        for name, kind in self.fields:
            spelled = field.format(value, name)
            if isinstance(kind, Shape):
                yield f"inner = {spelled}"
                yield from kind.read("inner", field)
            else:
                yield spelled


def shapes() -> list[Shape]:
    """The twenty structures; the same ones every time."""
    rnd = random.Random(SEED)
    made = []
    for number in range(COUNT):
        inner = Shape(f"Inner{number}", fields(rnd, rnd.randrange(2, 5), ()))
        extra: tuple[Kind | Shape, ...] = (
            *[STRING] * rnd.randrange(4),
            *[ARRAY] * rnd.randrange(2),
            *[inner] * rnd.randrange(2),
        )
        made.append(Shape(f"Shape{number}", fields(rnd, rnd.randrange(2, 13), extra)))
    return made


def fields(rnd: random.Random, count: int, extra: tuple[Kind | Shape, ...]) -> tuple[tuple[str, Kind | Shape], ...]:
    kinds: list[Kind | Shape] = [*extra[:count]]
    kinds += [rnd.choice(KINDS) for _ in range(count - len(kinds))]
    rnd.shuffle(kinds)
    return tuple((f"f{number}", kind) for number, kind in enumerate(kinds))


def run(wanted: Callable[[str], bool]) -> Iterator[Figure]:
    """The slowest of the twenty each way, with its number."""
    if not wanted("structures"):
        return
    made = shapes()
    idl = "\n".join(line for shape in made for line in shape.idl())
    operations = "\n".join(f"void Op{n}([in] {shape.name} *value);" for n, shape in enumerate(made))
    module = compile_cached(
        "[uuid(0c53aa2e-77b1-4d86-8f2a-2f9f4f6f7a02), version(1.0), pointer_default(unique)] interface Shapes {\n"
        f"typedef enum {{ LOW, MIDDLE, HIGH }} LEVEL;\n{idl}\n{operations}\n}}",
        "shapes",
    ).module
    codecs = module.SHAPES.codecs(NDR20, "<")
    encodes, decodes = [], []
    for number, shape in enumerate(made):
        encode, decode = jobs(number, shape, module, codecs[number])
        encodes.append(encode)
        decodes.append(decode)
    yield min(encodes, key=lambda figure: figure.ratio)
    yield min(decodes, key=lambda figure: figure.ratio)


def jobs(number: int, shape: Shape, module: ModuleType, codec: Any) -> tuple[Figure, Figure]:
    """Both directions of one structure, each side as its user would write it out."""
    values = shape.values(random.Random(number))
    their_values = shape.in_their_form(values)
    call = type(f"Call{number}", (NDRCALL,), {"opnum": number, "structure": (("value", shape.rival()),)})
    names = {"module": module, "codec": codec, "call": call, "ours": values, "theirs": their_values}
    encode_ours = spelled([f"return codec.put_request({shape.build_ours('ours')})"], names)
    encode_theirs = spelled(
        ["made = call()", "value = made['value']", *shape.fill_theirs("value", "theirs"), "return made.getData()"],
        names,
    )
    names["data"] = bytes(encode_ours())
    decode_ours = spelled(["value = codec.get_request(data)[0]", *shape.read("value", "{}.{}")], names)
    decode_theirs = spelled(["value = call(data)['value']", *shape.read("value", "{}[{!r}]")], names)
    return (
        compare(f"structures encode, worst: {number}", RIVAL, encode_ours, encode_theirs, floor=FLOOR),
        compare(f"structures decode, worst: {number}", RIVAL, decode_ours, decode_theirs, floor=FLOOR),
    )
