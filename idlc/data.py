"""Data classes that cost little to define and little to make.

They are written and behave as those of the standard library, whose decorator compiles four functions for every class
and sets each field of a frozen object through a call. A compiler that should answer within a tenth of a second has two
hundred such classes, and one that reads a big file makes a million objects of them. Here `__init__` is compiled when a
class is first used, comparison, hash and repr are the same few functions for all, and a frozen object is filled while
it is still an object of its class's thawed twin.

Only what this project uses is there: every class has slots, and none inherits from another.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from operator import attrgetter
from types import CodeType, FunctionType
from typing import Any, Final, TypeVar, dataclass_transform

_T = TypeVar("_T")
_MISSING: Final = object()


class FrozenError(AttributeError):
    """A frozen object was to be changed."""


class Field:
    """What is known of one field. `factory` makes its default, when it has no `default`."""

    __slots__ = ("compare", "default", "factory", "init", "name", "repr")

    def __init__(self, default: Any, factory: Any, repr: bool, init: bool, compare: bool) -> None:
        self.name = ""
        self.default = default
        self.factory = factory
        self.repr = repr
        self.init = init
        self.compare = compare


def field(
    *,
    default: Any = _MISSING,
    default_factory: Any = _MISSING,
    repr: bool = True,
    init: bool = True,
    compare: bool = True,
) -> Any:
    """A field that needs more than a type, as in `dataclasses`."""
    return Field(default, default_factory, repr, init, compare)


@dataclass_transform(field_specifiers=(field,))
def dataclass(*, frozen: bool = False, slots: bool = True) -> Callable[[type[_T]], type[_T]]:
    """Make a class one of data, as in `dataclasses`."""
    assert slots

    def decorate(cls: type[_T]) -> type[_T]:
        return _made(cls, frozen)

    return decorate


def is_data(value: object) -> bool:
    """Whether something is an object of such a class."""
    return hasattr(type(value), "__data_fields__")


def fields(value: Any) -> tuple[Field, ...]:
    """The fields of such a class, or of an object of it."""
    found: tuple[Field, ...] = value.__data_fields__
    return found


def replace(value: _T, /, **changes: Any) -> _T:
    """A copy of an object with some fields changed."""
    made: Any = type(value)
    try:
        copy = made.__data_copy__
    except AttributeError:
        copy = made.__data_copy__ = _copy(made)
    result: _T = copy(value, **changes)
    return result


# ---------------------------------------------------------------------------- making a class


def _made(cls: type[_T], frozen: bool) -> type[_T]:
    assert cls.__bases__ == (object,)
    namespace = dict(cls.__dict__)
    known: list[Field] = []
    for name, annotation in cls.__annotations__.items():
        if str(annotation).startswith("ClassVar"):
            continue
        default = namespace.pop(name, _MISSING)
        each = default if isinstance(default, Field) else Field(default, _MISSING, True, True, True)
        each.name = name
        known.append(each)
    found = tuple(known)
    optional = [each.default is not _MISSING or each.factory is not _MISSING for each in found if each.init]
    if optional != sorted(optional):
        raise TypeError(f"{cls.__name__}: a field without a default stands behind one that has one")
    compared = [each.name for each in found if each.compare]
    namespace.pop("__dict__", None)
    namespace.pop("__weakref__", None)
    namespace["__slots__"] = tuple(each.name for each in found)
    namespace["__data_fields__"] = found
    namespace["__match_args__"] = tuple(each.name for each in found if each.init)
    namespace["__data_key__"] = attrgetter(*compared) if compared else type
    for method in _METHODS if not frozen else _FROZEN_METHODS:
        namespace.setdefault(method.__name__, method)
    made: Any = type(cls.__name__, (), namespace)

    def first_init(self: Any, *arguments: Any, **named: Any) -> None:
        made.__init__ = _init(made, found, frozen)
        made.__init__(self, *arguments, **named)

    made.__init__ = first_init
    result: type[_T] = made
    return result


def _init(cls: Any, found: tuple[Field, ...], frozen: bool) -> Any:
    globals_: dict[str, Any] = {"_missing": _MISSING}
    if frozen:
        globals_["_turn"] = object.__dict__["__class__"].__set__
        globals_["_twin"] = type(cls.__name__, (), {"__slots__": cls.__slots__})
        globals_["_frozen"] = cls
    names = [each.name for each in found]
    if all(each.init and each.factory is _MISSING for each in found):
        # The usual case: the code of another class of as many fields, with other names, is at hand at once.
        plain = [f"field_{number}" for number in range(len(names))]
        code = _code(tuple(plain), (), frozen)
        renamed = dict(zip(plain, names, strict=True))
        code = code.replace(
            co_names=tuple(renamed.get(name, name) for name in code.co_names),
            co_varnames=tuple(renamed.get(name, name) for name in code.co_varnames),
        )
        defaults = tuple(each.default for each in found if each.default is not _MISSING)
        return FunctionType(code, globals_, "__init__", defaults)
    values: list[tuple[str, str]] = []
    parameters: list[str] = []
    defaults = ()
    for each in found:
        name = each.name
        if each.factory is not _MISSING:
            globals_[f"_make_{name}"] = each.factory
            made = f"_make_{name}()"
            values.append((name, f"{made} if {name} is _missing else {name}" if each.init else made))
        elif not each.init:
            globals_[f"_default_{name}"] = each.default
            values.append((name, f"_default_{name}"))
        if each.init:
            parameters.append(name)
            default = _MISSING if each.factory is not _MISSING else each.default
            if default is not _MISSING or each.factory is not _MISSING:
                defaults += (default,)
    return FunctionType(_code(tuple(parameters), tuple(values), frozen), globals_, "__init__", defaults)


@cache
def _code(parameters: tuple[str, ...], values: tuple[tuple[str, str], ...], frozen: bool) -> CodeType:
    """An `__init__` that sets what it gets, but for `values`, which are computed."""
    lines = [f" self.{name} = {value}" for name, value in ({name: name for name in parameters} | dict(values)).items()]
    if frozen:
        # The frozen class refuses to be assigned to; its twin, which has the same slots and no such scruple, does not.
        lines = [" _turn(self, _twin)", *lines, " self.__class__ = _frozen"]
    names: dict[str, Any] = {}
    exec(f"def __init__(self, {', '.join(parameters)}):\n" + "\n".join(lines or [" pass"]), names)
    code: CodeType = names["__init__"].__code__
    return code


def _copy(cls: Any) -> Any:
    """A function that makes a copy of an object of that class, with changes by name."""
    names = [each.name for each in cls.__data_fields__ if each.init]
    parameters = "".join(f", {name}=_missing" for name in names)
    values = ", ".join(f"_old.{name} if {name} is _missing else {name}" for name in names)
    globals_: dict[str, Any] = {"_missing": _MISSING, "_class": cls}
    exec(f"def copy(_old{parameters}):\n return _class({values})", globals_)
    return globals_["copy"]


# ---------------------------------------------------------------------------- what all of them do alike


def __eq__(self: Any, other: Any) -> Any:
    if other.__class__ is not self.__class__:
        return NotImplemented
    key = self.__data_key__
    return key(self) == key(other)


def __hash__(self: Any) -> int:
    return hash(self.__data_key__(self))


def __repr__(self: Any) -> str:
    shown = (f"{each.name}={getattr(self, each.name)!r}" for each in self.__data_fields__ if each.repr)
    return f"{type(self).__qualname__}({', '.join(shown)})"


def __setattr__(self: Any, name: str, value: object) -> None:
    raise FrozenError(f"cannot assign to field {name!r}")


def __delattr__(self: Any, name: str) -> None:
    raise FrozenError(f"cannot delete field {name!r}")


def __reduce__(self: Any) -> tuple[Any, tuple[object, ...]]:
    return type(self), tuple(getattr(self, name) for name in self.__match_args__)


_METHODS: Final[tuple[Any, ...]] = (__eq__, __repr__, __reduce__)
_FROZEN_METHODS: Final[tuple[Any, ...]] = (*_METHODS, __hash__, __setattr__, __delattr__)
