"""Operations that are serialized: their header to the octet, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from idlrt import ndr
from idlrt.ids import NDR20, SyntaxId
from tests.compiled import compile_cached

IDL = Path(__file__).parents[1] / "golden" / "procedures" / "procedures.idl"


@pytest.fixture(scope="module")
def archive() -> Any:
    acf = IDL.with_suffix(".acf").read_text()
    return compile_cached(IDL.read_text(), "procedures", acf).module


NUMBER = (
    "01 01 cccc"  # version, little-endian, filler
    "045d888aeb1cc9119fe808002b104860 0200 0000"  # NDR 2.0
    "2e0f3c6da4517d4b8e902f1a7b3c4da1 0200 0100"  # Archive 2.1
    "05000000 01000000 08000000"  # operation, data representation, octets
    "07000000 00000000"  # what is encoded, padding
)
BIG = (
    "01 00 cccc"
    "8a885d041ceb11c99fe808002b104860 0002 0000"
    "6d3c0f2e51a44b7d8e902f1a7b3c4da1 0002 0001"
    "00000005 00000000 00000008"
    "00000007 00000000"
)


def test_the_header_names_the_operation(archive: Any) -> None:
    opnum = 4
    little, big = (bytes.fromhex(text) for text in (NUMBER, BIG))
    little = little[:44] + opnum.to_bytes(4, "little") + little[48:]
    big = big[:44] + opnum.to_bytes(4, "big") + big[48:]
    assert archive.encode_Number(7).hex(" ") == little.hex(" ")
    assert archive.encode_Number(7, order=">").hex(" ") == big.hex(" ")
    said = ndr.EncodedProcedure(SyntaxId.of("6d3c0f2e-51a4-4b7d-8e90-2f1a7b3c4da1", (2, 1)), opnum, NDR20, "<", 8)
    assert ndr.encoded_procedure(little) == said
    assert ndr.encoded_procedure(big).order == ">"


@pytest.mark.parametrize("order", ["<", ">"])
def test_what_goes_in_comes_out(archive: Any, order: ndr.ByteOrder) -> None:
    entry = archive.ENTRY(1, "one", archive.ENTRY(2, None))
    octets = archive.encode_Save(3, entry, 2**40, order=order)
    assert len(octets) % 8 == 0
    assert tuple(archive.decode_Save(octets)) == (3, entry, 2**40)
    assert archive.decode_Mark(archive.encode_Mark(order=order)) is None


def test_alignment_counts_from_the_parameters(archive: Any) -> None:
    # count, its array's size, 1 and 2, the octet: 4 4 2 2 1
    assert archive.encode_Put([1, 2], 9)[56:].hex() == "02000000020000000100020009000000"


def test_identity_survives(archive: Any) -> None:
    entry = archive.ENTRY(1)
    one, other = archive.decode_Twins(archive.encode_Twins(entry, entry))
    assert one is other


def test_a_size_that_is_not_decoded_is_not_checked(archive: Any) -> None:
    header = bytearray(archive.encode_Mark())
    header[44], header[52] = 5, 8
    assert archive.decode_Part(bytes(header) + bytes.fromhex("03000000 616263 00")) == b"abc"


@pytest.mark.parametrize(
    ("change", "message", "offset"),
    [
        ({0: 2}, "version 2", 0),
        ({1: 0x10}, "byte order 0x10", 1),
        ({4: 0xFF}, "not NDR 2.0", 4),
        ({24: 0xFF}, "not Archive 6d3c0f2e", 24),
        ({44: 9}, "operation 9, not 0", 44),
        ({48: 0}, "two byte orders", 48),
        ({53: 0xFF}, "octets, where 48 follow", 52),
        ({56 + 4: 0}, "null", None),
    ],
)
def test_a_header_that_says_something_else_is_refused(
    archive: Any, change: dict[int, int], message: str, offset: int | None
) -> None:
    octets = bytearray(archive.encode_Save(3, archive.ENTRY(1, "one"), 0))
    assert len(octets) == 56 + 48
    if offset is None:
        del octets[-16:]
        octets[52] = 32
        message = "too early|announced"
    for at, value in change.items() if offset is not None else ():
        octets[at] = value
    with pytest.raises(ndr.NdrError, match=message) as caught:
        archive.decode_Save(bytes(octets))
    assert offset is None or (caught.value.offset, caught.value.path) == (offset, "Save")


def test_what_is_left_over_is_refused(archive: Any) -> None:
    with pytest.raises(ndr.NdrError, match="8 octets are left over"):
        archive.decode_Mark(archive.encode_Mark() + bytes(8))


@pytest.mark.parametrize("size", range(0, 100, 7))
def test_every_cut_is_an_ndr_error(archive: Any, size: int) -> None:
    octets = archive.encode_Save(3, archive.ENTRY(1, "one"), 0)[:size]
    with pytest.raises(ndr.NdrError):
        archive.decode_Save(octets)


def test_values_that_do_not_fit_are_named(archive: Any) -> None:
    with pytest.raises(ndr.NdrError) as caught:
        archive.encode_Save(3, archive.ENTRY("x"), 0)
    assert caught.value.path == "entry.id"
