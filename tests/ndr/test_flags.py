"""Sets of flags: numbers that know the names of their bits."""

from __future__ import annotations

from typing import ClassVar

from idlrt import ndr


class Rights(ndr.Flags):
    READ: ClassVar[Rights]
    WRITE: ClassVar[Rights]
    BOTH: ClassVar[Rights]


Rights.READ = Rights.member("READ", 1)
Rights.WRITE = Rights.member("WRITE", 2)
Rights.BOTH = Rights.member("BOTH", 3)


def test_they_are_joined_and_taken_apart() -> None:
    both = Rights.READ | Rights.WRITE
    assert both is Rights.BOTH
    assert both & Rights.WRITE is Rights.WRITE
    assert both ^ Rights.READ is Rights.WRITE
    assert type(Rights.READ | 64) is Rights
    assert list(both) == [Rights.READ, Rights.WRITE]


def test_a_flag_is_in_a_set_when_all_its_bits_are() -> None:
    assert Rights.READ in Rights.BOTH
    assert Rights.BOTH not in Rights.READ
    assert Rights.READ in Rights(65)


def test_their_names_are_those_of_their_bits() -> None:
    assert Rights.BOTH.name == "BOTH"
    assert Rights(65).name == "READ|0x40"
    assert Rights(0).name == "0x0"
    assert repr(Rights(66)) == "<Rights WRITE|0x40>"


def test_bits_without_a_name_are_kept() -> None:
    assert Rights.of(0x80) == 0x80
    assert (Rights.of(0x80) | Rights.READ) == 0x81
