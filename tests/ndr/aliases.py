"""Random values in which full pointers meet again: one object behind several pointers of a stub."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from idlc.semantics import types as t
from tests.roundtrip.random_values import Values

MOST_POINTEES = 150
"""Pointers of a stub beyond this many are null, so that trees stay small."""


class AliasingValues(Values):
    """Values that now and then point to what was pointed to before."""

    def __init__(self, declared: Mapping[str, t.Declared], find_class: Callable[[str], type[Any]], chance: Any) -> None:
        super().__init__(declared, find_class, chance)
        self.begin()

    def begin(self) -> None:
        """Another stub: nothing was pointed to yet."""
        self.pools: dict[t.Type, list[Any]] = {}
        self.pointees = 0

    def value(self, kind: t.Type, scope: Mapping[str, Any], depth: int) -> Any:
        if isinstance(kind, t.InterfacePointer):
            return None if self.chance.random() < 0.3 else self.chance.randbytes(self.chance.randrange(20))
        if not isinstance(kind, t.Pointer) or kind.kind is t.PointerKind.REF:
            return super().value(kind, scope, depth)
        self.pointees += 1
        if self.pointees > MOST_POINTEES:
            return None
        if kind.kind is not t.PointerKind.FULL or _sized(kind.target):
            return super().value(kind, scope, depth)
        pool = self.pools.setdefault(kind.target, [])
        if pool and self.chance.random() < 0.4:
            return self.chance.choice(pool)
        made = super().value(kind, scope, depth)
        if made is not None:
            pool.append(made)
        return made


def _sized(kind: t.Type) -> bool:
    """Whether siblings say how many there are: then one object does not suit two places."""
    match kind:
        case t.Array(dimensions=dimensions, element=element):
            return any(d.conformant or d.varying for d in dimensions) or _sized(element)
        case t.String(size=size):
            return size is not None
        case t.Pointer(target=target):
            return _sized(target)
        case t.UnionUse(switch=switch):
            return switch is not None
        case _:
            return False
