"""Data classes of our own behave as those of the standard library."""

from __future__ import annotations

import copy
import pickle
from typing import ClassVar

import pytest

from idlc.data import FrozenError, dataclass, field, fields, is_data, replace


@dataclass(frozen=True, slots=True)
class Point:
    """A place."""

    SIDES: ClassVar[int] = 2
    x: int
    y: int = 0
    names: list[str] = field(default_factory=list, compare=False)
    origin: str = field(default="here", repr=False)

    @property
    def sum(self) -> int:
        return self.x + self.y


@dataclass(slots=True)
class Open:
    value: int
    seen: dict[str, int] = field(default_factory=dict)
    count: int = field(init=False, default=7)


@dataclass(frozen=True, slots=True)
class Nothing:
    pass


def test_fields_are_given_by_place_or_name_or_default() -> None:
    point = Point(1, names=["a"])
    assert (point.x, point.y, point.names, point.origin, point.sum) == (1, 0, ["a"], "here", 1)
    assert Point(1).names is not Point(1).names
    assert Open(5).count == 7


def test_a_missing_or_unknown_argument_is_a_type_error() -> None:
    with pytest.raises(TypeError):
        Point()  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        Point(1, w=2)  # type: ignore[call-arg]


def test_frozen_objects_cannot_be_changed() -> None:
    point = Point(1)
    with pytest.raises(FrozenError):
        point.x = 2  # type: ignore[misc]
    with pytest.raises(FrozenError):
        del point.x
    with pytest.raises(AttributeError):
        point.other = 2  # type: ignore[attr-defined]
    assert type(point) is Point


def test_others_can_and_have_no_hash() -> None:
    thing = Open(1)
    thing.value = 2
    assert thing == Open(2)
    with pytest.raises(TypeError):
        hash(thing)


def test_equality_and_hash_look_at_class_and_compared_fields() -> None:
    assert Point(1, 2, ["a"]) == Point(1, 2, ["b"])
    assert hash(Point(1, 2, ["a"])) == hash(Point(1, 2))
    assert Point(1, 2) != Point(1, 3)
    assert Point(7) != Open(7)  # type: ignore[comparison-overlap]
    assert Nothing() == Nothing()


def test_repr_leaves_out_what_it_is_told_to() -> None:
    assert repr(Point(1)) == "Point(x=1, y=0, names=[])"


def test_fields_are_known_in_their_order() -> None:
    assert [each.name for each in fields(Point)] == ["x", "y", "names", "origin"]


def test_patterns_match_by_place() -> None:
    match Point(1, 2):
        case Point(x, y):
            assert (x, y) == (1, 2)
        case _:
            pytest.fail("no match")


def test_a_copy_with_changes() -> None:
    assert replace(Point(1, 2), y=3) == Point(1, 3)
    assert replace(Open(1), value=4).value == 4


def test_objects_are_copied_and_pickled() -> None:
    for value in (Point(1, 2), Open(3), Nothing()):
        assert copy.deepcopy(value) == value
        assert pickle.loads(pickle.dumps(value)) == value


def test_a_default_before_a_field_without_one_is_refused() -> None:
    class Wrong:
        a: int = 1
        b: int

    with pytest.raises(TypeError, match="behind one that has one"):
        dataclass(frozen=True)(Wrong)


def test_what_is_data_is_known() -> None:
    assert is_data(Point(1))
    assert not is_data(Point)
    assert not is_data(3)
