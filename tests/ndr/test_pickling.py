"""Types by themselves (type serialization version 1): what is written, and what is refused."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from idlc.semantics import types as t
from idlrt.errors import NdrError
from tests.compiled import Compiled, compile_cached
from tests.fuzz.rounds import ROUNDS
from tests.roundtrip.random_values import Values

GOLDEN = Path(__file__).parents[1] / "golden" / "pickling"
LITTLE = bytes.fromhex("01100800cccccccc")
BIG = bytes.fromhex("01000008cccccccc")


def golden() -> Compiled:
    idl, acf = ((GOLDEN / f"pickling.{kind}").read_text(encoding="utf-8") for kind in ("idl", "acf"))
    return compile_cached(idl, "pickling", acf)


@pytest.fixture(scope="module")
def module() -> ModuleType:
    return golden().module


def both_ways() -> list[t.Pickled]:
    return [pickled for pickled in golden().bound.pickled if pickled.encode and pickled.decode]


def function(module: ModuleType, half: str, name: str) -> Callable[..., Any]:
    """The function of a type; a structure of the golden case has taken one's name."""
    found: Callable[..., Any] = getattr(module, f"{half}_{name}")
    if isinstance(found, type):
        found = getattr(module, f"{half}_{name}_")
    return found


# ---------------------------------------------------------------------------- what is written


def test_a_structure_has_a_private_header(module: ModuleType) -> None:
    point = module.POINT(1, -2)
    assert module.encode_POINT(point) == LITTLE + bytes.fromhex("08000000 00000000 01000000 feffffff")
    assert module.encode_POINT(point, ">") == BIG + bytes.fromhex("00000008 00000000 00000001 fffffffe")


def test_a_primitive_has_none_and_is_padded(module: ModuleType) -> None:
    assert module.encode_DIGIT(5) == LITTLE + bytes.fromhex("05000000 00000000")
    assert module.encode_DIGIT(5, ">") == BIG + bytes.fromhex("00000005 00000000")
    assert module.encode_STAMP(5) == LITTLE + bytes.fromhex("05000000 00000000")
    assert module.encode_COLOUR(module.COLOUR.RED) == LITTLE + bytes.fromhex("01000000 00000000")


def test_padding_is_part_of_the_length(module: ModuleType) -> None:
    assert module.encode_PLAIN(module.PLAIN(7)) == LITTLE + bytes.fromhex("08000000 00000000 07000000 00000000")
    assert module.encode_ROW([1, 2, 3]) == LITTLE + bytes.fromhex("08000000 00000000 01000200 03000000")


def test_a_pointer_leads_to_what_it_points_at(module: ModuleType) -> None:
    octets = module.encode_NAME("ab")
    assert octets == LITTLE + bytes.fromhex("18000000 00000000 00000200 03000000 00000000 03000000 61620000 00000000")
    assert module.decode_NAME(octets) == "ab"
    assert module.encode_NAME(None) == LITTLE + bytes.fromhex("08000000 00000000 00000000 00000000")


def test_a_ref_pointer_leaves_no_trace_but_a_header(module: ModuleType) -> None:
    assert module.encode_STAMP_REF(5) == LITTLE + bytes.fromhex("08000000 00000000 05000000 00000000")


def test_aliases_survive(module: ModuleType) -> None:
    node = module.NODE(4, None)
    twins = module.decode_TWINS(module.encode_TWINS(module.TWINS(node, node)))
    assert twins.first is twins.second


def test_only_what_the_idl_asks_for_is_there(module: ModuleType) -> None:
    found = {name for name in vars(module) if name.startswith(("encode_", "decode_"))}
    assert {"encode_BLOB", "decode_CHOICE", "encode_PLAIN", "decode_class", "encode_POINT"} <= found
    assert not {"decode_BLOB", "encode_CHOICE", "encode_OPEN", "encode_POINTS", "encode_SESSION"} & found


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("pickled", both_ways(), ids=lambda pickled: pickled.name)
def test_what_is_encoded_is_decoded_again(pickled: t.Pickled, order: str) -> None:
    case = golden()
    for seed in range(3 * ROUNDS):
        values = Values(case.bound.declared, case.find_class, random.Random(f"{pickled.name} {seed}"))
        value = values.siblings({"value": pickled.type})["value"]
        octets = function(case.module, "encode", pickled.name)(value, order)
        assert len(octets) % 8 == 0
        assert function(case.module, "decode", pickled.name)(octets) == value


def test_any_buffer_is_decoded(module: ModuleType) -> None:
    octets = module.encode_POINT(module.POINT(1, 2))
    for made in (octets, bytearray(octets), memoryview(octets)):
        assert module.decode_POINT(made) == module.POINT(1, 2)


# ---------------------------------------------------------------------------- what is refused


def refused(decode: Callable[[bytes], Any], octets: bytes) -> NdrError:
    with pytest.raises(NdrError) as caught:
        decode(octets)
    return caught.value


def test_headers_may_not_end_early(module: ModuleType) -> None:
    octets = module.encode_POINT(module.POINT(1, 2))
    for cut in range(len(octets)):
        error = refused(module.decode_POINT, octets[:cut])
        assert error.path == "POINT"
        assert error.truncated


def test_another_version_is_refused(module: ModuleType) -> None:
    error = refused(module.decode_POINT, bytes([2]) + module.encode_POINT(module.POINT(1, 2))[1:])
    assert str(error) == "POINT: is type serialization version 2, only version 1 is known (at octet 0)"


def test_a_byte_order_that_is_none_is_refused(module: ModuleType) -> None:
    error = refused(module.decode_POINT, b"\1\1" + module.encode_POINT(module.POINT(1, 2))[2:])
    assert (error.path, error.offset) == ("POINT", 1)


def test_another_header_length_is_refused(module: ModuleType) -> None:
    error = refused(module.decode_POINT, b"\1\x10\x10\0" + module.encode_POINT(module.POINT(1, 2))[4:])
    assert (error.path, error.offset) == ("POINT", 2)


@pytest.mark.parametrize("length", [9, 16, 0x7FFFFFFF, 0xFFFFFFFF])
def test_a_length_beyond_the_data_is_refused(module: ModuleType, length: int) -> None:
    body = struct.pack("<IIii", length, 0, 1, 2)
    error = refused(module.decode_POINT, LITTLE + body)
    assert (error.path, error.offset) == ("POINT", 8)


@pytest.mark.parametrize("length", [0, 4, 7])
def test_a_length_that_cuts_the_value_is_refused(module: ModuleType, length: int) -> None:
    error = refused(module.decode_POINT, LITTLE + struct.pack("<IIii", length, 0, 1, 2))
    assert (error.path, error.offset, error.truncated) == ("POINT.x", 16 + length, False)


def test_more_than_padding_behind_the_value_is_refused(module: ModuleType) -> None:
    inside = LITTLE + struct.pack("<IIii", 16, 0, 1, 2) + bytes(8)
    behind = LITTLE + struct.pack("<IIii", 8, 0, 1, 2) + bytes(8)
    for octets in (inside, behind):
        error = refused(module.decode_POINT, octets)
        assert str(error) == "POINT: 8 octets are left over (at octet 24)"
    error = refused(module.decode_DIGIT, LITTLE + struct.pack("<iIQ", 5, 0, 0))
    assert (error.path, error.offset) == ("DIGIT", 12)


def test_filler_and_padding_may_be_anything(module: ModuleType) -> None:
    octets = b"\1\x10\x08\0abcd" + struct.pack("<I4si4s", 8, b"efgh", 7, b"ijkl")
    assert module.decode_PLAIN(octets) == module.PLAIN(7)


def test_a_length_without_its_padding_is_taken(module: ModuleType) -> None:
    unpadded = LITTLE + struct.pack("<IIi", 4, 0, 7)
    for octets in (unpadded, unpadded + bytes(4)):
        assert module.decode_PLAIN(octets) == module.PLAIN(7)


def test_an_error_names_the_field_and_counts_from_the_header(module: ModuleType) -> None:
    octets = bytearray(module.encode_SETTINGS(module.SETTINGS(1, module.COLOUR.RED, "ab", [1, 2])))
    at = 16 + 24 + 8  # the count of the name's characters
    octets[at : at + 4] = struct.pack("<I", 99)
    error = refused(module.decode_SETTINGS, bytes(octets))
    assert error.path == "SETTINGS.name"
    error = refused(module.decode_DIGIT, LITTLE + bytes(8))
    assert str(error) == "DIGIT: 0 is not between 1 and 9"


def test_a_value_that_does_not_fit_is_named(module: ModuleType) -> None:
    with pytest.raises(NdrError, match=r"^POINT.y: 4294967296 does not fit a 32-bit integer$"):
        module.encode_POINT(module.POINT(1, 1 << 32))
    with pytest.raises(NdrError, match=r"^DIGIT: 10 is not between 1 and 9$"):
        module.encode_DIGIT(10)
    with pytest.raises(ValueError, match="order"):
        module.encode_DIGIT(1, "little")


@pytest.mark.parametrize("pickled", both_ways(), ids=lambda pickled: pickled.name)
def test_any_octets_give_a_value_or_an_error(pickled: t.Pickled) -> None:
    case, chance = golden(), random.Random(pickled.name)
    decode = function(case.module, "decode", pickled.name)
    values = Values(case.bound.declared, case.find_class, chance)
    octets = function(case.module, "encode", pickled.name)(values.siblings({"value": pickled.type})["value"])
    lies = [struct.pack("<I", value) for value in (0, 1, 7, 0x7FFFFFFF, 0xFFFFFFFF)]
    changed = [octets[:at] + lie + octets[at + 4 :] for at in range(0, min(len(octets), 200), 4) for lie in lies]
    changed += [octets[:cut] for cut in range(min(len(octets), 200))]
    changed += [LITTLE + chance.randbytes(chance.randrange(64)) for _ in range(20 * ROUNDS)]
    for each in changed:
        try:
            decode(each)
        except NdrError as error:
            assert error.path
