"""Random values in which full pointers meet again: one object behind several pointers of a stub."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from idlc.semantics import types as t
from tests.roundtrip.random_values import Values


class AliasingValues(Values):
    """Values that now and then point to what was pointed to before."""

    def forget(self) -> None:
        """The next stub begins."""
        self.__dict__["pool"] = {}

    def value(self, kind: t.Type, scope: Mapping[str, Any], depth: int) -> Any:
        if not isinstance(kind, t.Pointer) or kind.kind is not t.PointerKind.FULL or _sized(kind.target):
            return super().value(kind, scope, depth)
        pool: list[Any] = self.__dict__.setdefault("pool", {}).setdefault(kind.target, [])
        if pool and self.chance.random() < 0.4:
            return self.chance.choice(pool)
        made = super().value(kind, scope, depth)
        if made is not None:
            pool.append(made)
        return made


def _sized(kind: t.Type) -> bool:
    """Whether siblings say how many there are: then one object does not suit two places."""
    match kind:
        case t.Array(dimensions=dimensions):
            return any(d.conformant or d.varying for d in dimensions)
        case t.String(size=size):
            return size is not None
        case t.Pointer(target=target):
            return _sized(target)
        case t.UnionUse(switch=switch):
            return switch is not None
        case _:
            return False
