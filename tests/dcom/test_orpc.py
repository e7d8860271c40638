"""ORPCTHIS and ORPCTHAT as octets (MS-DCOM 2.2.13)."""

from __future__ import annotations

from uuid import UUID

import pytest

from idlrt.dcom.orpc import MAX_EXTENSIONS, PLAIN, Extension, That, This, get_that, get_this, put_that, put_this
from idlrt.errors import NdrError

CID = UUID("00112233-4455-6677-8899-aabbccddeeff")
ONE = Extension(UUID(int=1), b"12345")
TWO = Extension(UUID(int=2), b"")
THREE = Extension(UUID(int=3), bytes(range(16)))


def test_a_call_without_extensions_begins_with_32_octets() -> None:
    octets = put_this(This(CID))
    assert octets.hex() == "05000700000000000000000033221100554477668899aabbccddeeff00000000"
    assert get_this(octets) == (This(CID), 32)


def test_an_answer_without_extensions_begins_with_eight_zeros() -> None:
    assert put_that(PLAIN) == bytes(8)
    assert get_that(bytes(8)) == (PLAIN, 8)


@pytest.mark.parametrize("extensions", [(ONE,), (ONE, TWO), (TWO, THREE, ONE)], ids=len)
def test_extensions_keep_the_parameters_at_a_multiple_of_eight(extensions: tuple[Extension, ...]) -> None:
    this, that = This(CID, 6, extensions), That(extensions)
    for octets, got in ((put_this(this), get_this), (put_that(that), get_that)):
        found, at = got(octets + b"parameters")
        assert (found, at) == (this if got is get_this else that, len(octets))
        assert at % 8 == 0


def test_big_endian_senders_are_understood() -> None:
    octets = bytes.fromhex("00050002000000000000000000112233445566778899aabbccddeeff00000000")
    assert get_this(octets, ">") == (This(CID, 2), 32)


def test_an_empty_array_of_extensions_is_legal() -> None:
    octets = put_this(This(CID))[:-4] + bytes.fromhex("0000030000000000000000000400030000000000")
    assert get_this(octets) == (This(CID), 48)


def test_a_null_among_the_extensions_is_passed_over() -> None:
    octets = bytearray(put_that(That((ONE, TWO))))
    octets[24:28] = bytes(4)  # the first pointer
    del octets[32:64]  # what it pointed at
    assert get_that(octets) == (That((TWO,)), len(octets))


@pytest.mark.parametrize(("minor", "accepted"), [(0, True), (1, True), (7, True), (8, False), (65535, False)])
def test_every_version_up_to_5_7_is_served(minor: int, accepted: bool) -> None:
    assert This(CID, minor).accepted is accepted
    assert not This(CID, minor, major=4).accepted


@pytest.mark.parametrize("length", range(0, 72, 4))
def test_a_header_that_ends_early_is_an_error(length: int) -> None:
    octets = put_this(This(CID, extensions=(ONE,)))
    assert len(octets) == 88
    with pytest.raises(NdrError):
        get_this(octets[:length])


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (32, 0xFFFFFFFF),
        (44, 1),
        (44, 0xFFFFFFFE),
        (56, 0xFFFFFFFF),
        (56, 0),
        (76, 0x7FFFFFFF),
        (76, 9),
        (40, 0),
    ],
)
def test_counts_that_lie_are_errors(place: int, value: int) -> None:
    octets = bytearray(put_this(This(CID, extensions=(ONE,))))
    octets[place : place + 4] = value.to_bytes(4, "little")
    with pytest.raises(NdrError):
        get_this(octets)


def test_there_is_a_bound_to_extensions() -> None:
    with pytest.raises(NdrError):
        get_this(put_this(This(CID, extensions=(TWO,) * (MAX_EXTENSIONS + 1))))
