"""Random Python values for bound types, with sizes and tags that agree with each other.

Siblings (the parameters of an operation, the fields of a structure) are made together: what others use as a size
gets a small number, what switches a union one of its cases, and whatever does not fit is thrown again.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any
from uuid import UUID

from idlc.semantics import types as t
from idlc.wire.plan import boxed
from idlrt import ndr
from tests.converters import found_converter
from tests.roundtrip.expressions import evaluate, variables

DEEPEST = 4
"""Pointers below this are null, so that lists and trees end."""

WIDTHS = {
    t.BaseKind.BYTE: (0, 8),
    t.BaseKind.CHAR: (0, 8),
    t.BaseKind.WCHAR: (0, 16),
    t.BaseKind.INT8: (1, 8),
    t.BaseKind.UINT8: (0, 8),
    t.BaseKind.INT16: (1, 16),
    t.BaseKind.UINT16: (0, 16),
    t.BaseKind.INT32: (1, 32),
    t.BaseKind.UINT32: (0, 32),
    t.BaseKind.INT64: (1, 64),
    t.BaseKind.UINT64: (0, 64),
    t.BaseKind.INT3264: (1, 32),
    t.BaseKind.UINT3264: (0, 32),
}
OCTETS = (t.BaseKind.BYTE, t.BaseKind.CHAR)
TEXT = "abc \u00e9\u00ff"
WIDE_TEXT = TEXT + "\u65e5\u672c\U0001f600"


class Misfit(Exception):
    """These sizes cannot be; throw again."""


class Values:
    """Makes values for one compiled file."""

    def __init__(
        self, declared: Mapping[str, t.Declared], find_class: Callable[[str], type[Any]], chance: random.Random
    ) -> None:
        self.declared = declared
        self.find_class = find_class
        self.chance = chance

    def siblings(
        self,
        members: Mapping[str, t.Type],
        given: Mapping[str, Any] | None = None,
        users: Iterable[t.Type] = (),
        depth: int = 0,
    ) -> Any:
        """A value for each member; expressions may also use the names in `given`, and `users` use them later."""
        for _ in range(200):
            try:
                return self._throw(members, given or {}, (*members.values(), *users), depth)
            except Misfit:
                continue
        raise AssertionError(f"no values found that fit {list(members)}")

    def _throw(
        self, members: Mapping[str, t.Type], given: Mapping[str, Any], users: tuple[t.Type, ...], depth: int
    ) -> dict[str, Any]:
        sizing = {name for kind in users for use in _uses(kind) for name in variables(use)}
        tags = {
            name: use for kind in users for use in _unions(kind) for name in variables(use.switch) if name in members
        }
        scope: dict[str, Any] = dict(given)
        made: dict[str, Any] = {}
        # What others depend on comes first.
        for name in sorted(members, key=lambda name: name not in sizing and name not in tags):
            kind = members[name]
            if name in tags:
                value = self._tag(tags[name])
                made[name] = self._wrapped(kind, self._as_enum(kind, value))
                scope[name] = value
            elif name in sizing:
                scope[name] = _least(kind) + self.chance.randrange(6)
                made[name] = self._wrapped(kind, scope[name])
            else:
                made[name] = scope[name] = self.value(kind, scope, depth)
        return {name: made[name] for name in members}

    def _wrapped(self, kind: t.Type, value: Any) -> Any:
        """A size or tag as its parameter holds it: behind a full pointer it is boxed."""
        if isinstance(kind, t.Pointer):
            inner = self._wrapped(kind.target, value)
            return ndr.Ref(inner) if kind.kind is t.PointerKind.FULL else inner
        return value

    def _as_enum(self, kind: t.Type, value: int) -> Any:
        while isinstance(kind, t.Pointer):
            kind = kind.target
        return self.find_class(kind.name)(value) if isinstance(kind, t.EnumUse) else value

    def _tag(self, use: t.UnionUse) -> int:
        union = self.declared[use.name]
        assert isinstance(union, t.Union)
        cases = [value for arm in union.arms for value in arm.values]
        if any(arm.default for arm in union.arms):
            cases.append(max(cases, default=0) + 1)
        return self.chance.choice(cases)

    def value(self, kind: t.Type, scope: Mapping[str, Any], depth: int) -> Any:
        chance = self.chance
        match kind:
            case t.Base():
                return self.base(kind)
            case t.EnumUse(name=name):
                enum = self.declared[name]
                assert isinstance(enum, t.Enum)
                return self.find_class(name)(chance.choice(enum.members).value)
            case t.StructUse(name=name):
                struct = self.declared[name]
                assert isinstance(struct, t.Struct)
                cls = self.find_class(name)
                made = object.__new__(cls)
                fields = self.siblings({f.name: f.type for f in struct.fields}, depth=depth)
                for slot, value in zip(cls.__slots__, fields.values(), strict=True):
                    setattr(made, slot, value)
                return made
            case t.UnionUse():
                return self.union(kind, scope, depth)
            case t.Pointer(kind=t.PointerKind.REF, target=target):
                return self.value(target, scope, depth)
            case t.Pointer(target=target):
                if depth > DEEPEST or chance.random() < 0.25:
                    return None
                value = self.value(target, scope, depth + 1)
                return ndr.Ref(value) if boxed(kind) else value
            case t.Array():
                return self.array(kind.element, kind.dimensions, scope, depth)
            case t.String():
                return self.string(kind, scope)
            case t.Presented(type=wire):
                return found_converter(kind).from_wire(self.value(wire, scope, depth))
            case t.ContextHandleUse(name=name):
                return self.find_class(name)(0, UUID(int=chance.getrandbits(128) | 1))
            case t.InterfacePointer():
                return None if chance.random() < 0.25 else chance.randbytes(chance.randrange(1, 40))
            case t.Pipe(element=element):
                return [self.items(element, chance.randrange(1, 5), scope, depth) for _ in range(chance.randrange(4))]
            case _:
                raise TypeError(f"no random value for {kind}")

    def base(self, kind: t.Base) -> Any:
        chance = self.chance
        match kind.kind:
            case t.BaseKind.BOOLEAN:
                return chance.random() < 0.5
            case t.BaseKind.FLOAT | t.BaseKind.DOUBLE:
                return chance.randrange(-1000, 1000) / 8
            case t.BaseKind.GUID:
                return UUID(int=chance.getrandbits(128))
            case other:
                signed, bits = WIDTHS[other]
                low, high = (-(1 << (bits - 1)), 1 << (bits - 1)) if signed else (0, 1 << bits)
                if kind.range is not None:
                    low, high = kind.range[0], kind.range[1] + 1
                return chance.choice((low, high - 1, chance.randrange(low, high)))

    def union(self, use: t.UnionUse, scope: Mapping[str, Any], depth: int) -> Any:
        union = self.declared[use.name]
        assert isinstance(union, t.Union)
        tag = self._tag(use) if use.switch is None else evaluate(use.switch, scope)
        arm = next((arm for arm in union.arms if tag in arm.values), None)
        if arm is None:
            arm = next((arm for arm in union.arms if arm.default), None)
        if arm is None:
            raise Misfit
        held = None if arm.type is None else self.value(arm.type, {}, depth)
        return self.find_class(use.name)(tag, held)

    def string(self, kind: t.String, scope: Mapping[str, Any]) -> str:
        most = kind.bound if kind.bound is not None else 8
        if kind.size is not None:
            most = evaluate(kind.size, scope)
        if most < 1:
            raise Misfit
        alphabet = WIDE_TEXT if kind.unit is t.BaseKind.WCHAR else TEXT
        text = "".join(self.chance.choices(alphabet, k=self.chance.randrange(most)))
        while len(text.encode("utf-16-le")) // 2 >= most:
            text = text[:-1]
        return text

    def array(self, element: t.Type, dimensions: tuple[t.Dimension, ...], scope: Mapping[str, Any], depth: int) -> Any:
        dimension = dimensions[0]
        size = dimension.bound if dimension.size is None else evaluate(dimension.size, scope)
        if size is None:  # [*] that only a union of expressions could size
            raise Misfit
        first = 0 if dimension.first is None else evaluate(dimension.first, scope)
        length = size - first if dimension.length is None else evaluate(dimension.length, scope)
        if first < 0 or length < 0 or first + length > size:
            raise Misfit
        if len(dimensions) > 1:
            return [None] * first + [self.array(element, dimensions[1:], scope, depth) for _ in range(length)]
        items = self.items(element, length, scope, depth)
        unsent: Any = [None]
        if isinstance(items, str | bytes):
            unsent = "\0" if isinstance(items, str) else b"\0"
        return unsent * first + items if first else items

    def items(self, element: t.Type, count: int, scope: Mapping[str, Any], depth: int) -> Any:
        if isinstance(element, t.Base):
            if element.kind in OCTETS:
                return self.chance.randbytes(count)
            if element.kind is t.BaseKind.WCHAR:
                return "".join(self.chance.choices(TEXT, k=count))
        return [self.value(element, scope, depth) for _ in range(count)]


def _least(kind: t.Type) -> int:
    """The smallest size that a `range` on it allows."""
    while isinstance(kind, t.Pointer):
        kind = kind.target
    return kind.range[0] if isinstance(kind, t.Base) and kind.range is not None else 0


def _uses(kind: t.Type) -> Iterator[t.Expression | None]:
    """The size expressions in a type that speak of its siblings."""
    match kind:
        case t.Pointer(target=target):
            yield from _uses(target)
        case t.Array(element=element, dimensions=dimensions):
            for dimension in dimensions:
                yield from (dimension.size, dimension.first, dimension.length)
            yield from _uses(element)
        case t.String(size=size):
            yield size
        case _:
            return


def _unions(kind: t.Type) -> Iterator[t.UnionUse]:
    match kind:
        case t.Pointer(target=target) | t.Array(element=target):
            yield from _unions(target)
        case t.UnionUse(switch=switch) if switch is not None:
            yield kind
        case _:
            return
