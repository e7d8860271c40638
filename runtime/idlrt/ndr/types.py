"""What generated types are made of: structures, unions, enumerations and boxed pointers.

Structures may hold themselves (lists, trees, cycles through full pointers), so equality and repr walk with
a list of their own instead of recursing.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import repeat
from typing import Any, ClassVar, Generic, Self, TypeVar

T = TypeVar("T")

_REPR_LIMIT = 200
"""How many values a repr shows before it gives up: a list of 100,000 nodes is not a message."""


class Struct:
    """Base of generated structures: written-out slots, compared by value."""

    __slots__: tuple[str, ...] = ()

    def __eq__(self, other: object) -> bool:
        return equal(self, other) if type(other) is type(self) else NotImplemented

    def __repr__(self) -> str:
        return show(self)

    def __replace__(self, **changes: Any) -> Self:
        """A copy with some fields changed (`copy.replace` of Python 3.13 calls this)."""
        made = object.__new__(type(self))
        for name in self.__slots__:
            setattr(made, name, changes.pop(name) if name in changes else getattr(self, name))
        if changes:
            raise TypeError(f"{type(self).__name__} has no field {next(iter(changes))!r}")
        return made


def blank(kind: type[T], count: int) -> list[T]:
    """So many objects of a structure whose fields are still to be set."""
    return list(map(object.__new__, repeat(kind, count)))


class Union:
    """Base of generated unions: the discriminant, and the value of the arm that it selects (None when empty)."""

    __slots__ = ("tag", "value")

    def __init__(self, tag: int, value: Any = None) -> None:
        self.tag = tag
        self.value = value

    def __eq__(self, other: object) -> bool:
        return equal(self, other) if type(other) is type(self) else NotImplemented

    def __repr__(self) -> str:
        return show(self)


class Ref(Generic[T]):
    """A pointer that is a value of its own: the same box in two places is one pointee on the wire.

    Used where None or identity would otherwise be lost: a pointer to a pointer that may be null, and a full
    ([ptr]) pointer to a plain value.
    """

    __slots__ = ("value",)

    def __init__(self, value: T) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return equal(self, other) if type(other) is Ref else NotImplemented

    def __repr__(self) -> str:
        return show(self)


class Enum(int):
    """Base of generated enumerations: an int that knows the names of its values and keeps unknown ones.

    Members are class attributes: `class Color(Enum, members={"RED": 0})` gives `Color.RED`.
    """

    _name: str
    _values: ClassVar[dict[int, Any]]

    def __init_subclass__(cls) -> None:
        cls._values = {}

    def __new__(cls, value: int = 0) -> Self:
        known: Self | None = cls._values.get(value)
        if known is not None:
            return known
        return int.__new__(cls, value)

    @classmethod
    def of(cls, value: int) -> Self:
        """The member with this value, or an unnamed one that keeps it."""
        known: Self | None = cls._values.get(value)
        return int.__new__(cls, value) if known is None else known

    @classmethod
    def member(cls, name: str, value: int) -> Self:
        """Defines a member; generated code calls this once for each. Further names of one value are aliases."""
        known: Self | None = cls._values.get(value)
        if known is not None:
            return known
        made = int.__new__(cls, value)
        made._name = name
        cls._values[value] = made
        return made

    @property
    def name(self) -> str:
        """The IDL name of this value, or its number when the enumeration has none for it."""
        return getattr(self, "_name", str(int(self)))

    @classmethod
    def members(cls) -> tuple[Self, ...]:
        """All named values, in the order of the IDL."""
        return tuple(cls._values.values())

    def __repr__(self) -> str:
        kind = type(self).__name__
        return f"{kind}.{self._name}" if hasattr(self, "_name") else f"{kind}({int(self)})"

    def __reduce__(self) -> tuple[type[Self], tuple[int]]:
        return type(self), (int(self),)


class Flags(Enum):
    """Base of generated sets of flags: `Rights.READ | Rights.WRITE` is one of them too, and `Rights.READ in rights`.

    Bits without a name are kept.
    """

    def __or__(self, other: int) -> Self:
        return type(self).of(int(self) | other)

    __ror__ = __or__

    def __and__(self, other: int) -> Self:
        return type(self).of(int(self) & other)

    __rand__ = __and__

    def __xor__(self, other: int) -> Self:
        return type(self).of(int(self) ^ other)

    __rxor__ = __xor__

    def __contains__(self, flags: int) -> bool:
        """Whether all bits of `flags` are set."""
        return int(self) & flags == flags

    def __iter__(self) -> Iterator[Self]:
        """The named flags of one bit that are set, in the order of the IDL."""
        return (each for each in self.members() if each and not each & (each - 1) and each in self)

    @property
    def name(self) -> str:
        """The IDL name of this value, or the names of its flags with `|` between them and unnamed bits as a number."""
        if hasattr(self, "_name"):
            return self._name
        named = list(self)
        rest = int(self) & ~sum(named)
        return "|".join([*(each.name for each in named), *([hex(rest)] if rest or not named else [])])

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"


def _parts(value: object) -> list[Any] | None:
    """The values directly inside a composite one; None for a plain value."""
    if isinstance(value, Struct):
        return [getattr(value, name) for name in value.__slots__]
    if isinstance(value, Union):
        return [value.tag, value.value]
    if isinstance(value, Ref):
        return [value.value]
    if isinstance(value, list | tuple):
        return list(value)
    return None


def equal(left: object, right: object) -> bool:
    """Equality by value that neither recurses nor follows a cycle twice."""
    pending = [(left, right)]
    seen: set[tuple[int, int]] = set()
    while pending:
        a, b = pending.pop()
        if a is b:
            continue
        parts = _parts(a)
        if parts is None:
            if a != b:
                return False
            continue
        others = _parts(b)
        if others is None or len(parts) != len(others) or not _same_kind(a, b):
            return False
        pair = (id(a), id(b))
        if pair not in seen:
            seen.add(pair)
            pending.extend(zip(parts, others, strict=True))
    return True


def _same_kind(a: object, b: object) -> bool:
    if isinstance(a, list | tuple):
        return isinstance(b, list | tuple)
    return type(a) is type(b)


def show(value: object) -> str:
    """repr of a composite value, made without recursion and cut where it grows long."""
    texts: list[str] = []
    pending: list[Any] = [_Shown(value)]
    open_: set[int] = set()
    shown = 0
    while pending:
        item = pending.pop()
        if isinstance(item, str):
            texts.append(item)
            continue
        if isinstance(item, int):
            open_.discard(item)
            continue
        inner = item.value
        parts = list(_labelled(inner))
        if not parts and _parts(inner) is None:
            texts.append(repr(inner))
            continue
        shown += 1
        if id(inner) in open_ or shown > _REPR_LIMIT:
            texts.append("...")
            continue
        open_.add(id(inner))
        opening, closing = ("[", "]") if isinstance(inner, list | tuple) else (f"{type(inner).__name__}(", ")")
        texts.append(opening)
        pending += [id(inner), closing]
        for number, (label, part) in reversed(list(enumerate(parts))):
            pending += [_Shown(part), (", " if number else "") + label]
    return "".join(texts)


class _Shown:
    """A value still to be shown, apart from text that is ready."""

    __slots__ = ("value",)

    def __init__(self, value: object) -> None:
        self.value = value


def _labelled(value: object) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Struct):
        for name in value.__slots__:
            yield f"{name}=", getattr(value, name, None)
    else:
        for part in _parts(value) or ():
            yield "", part
