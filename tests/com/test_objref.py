"""Object references: what the vectors do not have, and octets that are none."""

from __future__ import annotations

import random
from uuid import UUID

import pytest

from idlrt.com import objref
from idlrt.ndr import NdrError

IID = UUID("6b1d2c70-0f3a-4e58-8a47-91c2d3e4f506")
CLSID = UUID("a0a1a2a3-b0b1-c0c1-d0d1-e0e1e2e3e4e5")
STANDARD = objref.StandardReference(1, 2, UUID("0000a401-1111-2222-3333-444455556601"))
RESOLVER = objref.Bindings(
    (objref.StringBinding(7, "srv.example"), objref.StringBinding(15, "\\\\SRV")),
    (objref.SecurityBinding(9, "RPCSS/srv.example"), objref.SecurityBinding(10)),
)
REFERENCES: list[objref.ObjectReference] = [
    objref.Standard(IID, STANDARD),
    objref.Standard(IID, STANDARD, RESOLVER),
    objref.Standard(IID, STANDARD, objref.Bindings(security=RESOLVER.security)),
    objref.Standard(IID, STANDARD, objref.Bindings(RESOLVER.strings)),
    objref.Handler(IID, STANDARD, CLSID, RESOLVER),
    objref.Custom(IID, CLSID, b"anything"),
    objref.Extended(IID, STANDARD, CLSID, b"a context of 23 octets.", RESOLVER),
]


@pytest.mark.parametrize("reference", REFERENCES, ids=lambda each: type(each).__name__)
def test_every_kind_is_what_it_was_after_a_journey(reference: objref.ObjectReference) -> None:
    assert objref.decode(objref.encode(reference)) == reference


def test_an_extended_reference_stands_as_the_specification_says() -> None:
    octets = objref.encode(objref.Extended(IID, STANDARD, CLSID, b"ctx"))
    signed = bytes.fromhex("5659534e")
    assert octets[:8] == b"MEOW\x08\0\0\0"
    assert octets[64:68] == signed
    assert octets[68:80] == bytes.fromhex("04000200 0000 0000 0000 0000".replace(" ", ""))
    assert octets[80:] == b"\1\0\0\0" + signed + CLSID.bytes_le + b"\3\0\0\0\x08\0\0\0ctx\0\0\0\0\0"


@pytest.mark.parametrize("reference", REFERENCES, ids=lambda each: type(each).__name__)
def test_a_reference_that_ends_early_is_refused_wherever_it_ends(reference: objref.ObjectReference) -> None:
    octets = objref.encode(reference)
    least = 48 if isinstance(reference, objref.Custom) else len(octets)
    for end in range(least):
        with pytest.raises(NdrError):
            objref.decode(octets[:end])


@pytest.mark.parametrize(
    ("at", "octets", "message"),
    [
        (0, b"WOEM", "begins with MEOW"),
        (4, b"\3\0\0\0", "of kind 0x3"),
        (4, b"\0\0\0\0", "of kind 0x0"),
        (8, bytes(16), "without an interface"),
        (66, b"\xff\xff", "security bindings at unit"),
        (64, b"\xff\xff", "too early"),
    ],
)
def test_what_is_no_reference_is_refused(at: int, octets: bytes, message: str) -> None:
    wrong = bytearray(objref.encode(REFERENCES[1]))
    wrong[at : at + len(octets)] = octets
    with pytest.raises(NdrError, match=message):
        objref.decode(wrong)


def test_a_custom_reference_has_no_extension() -> None:
    octets = bytearray(objref.encode(objref.Custom(IID, CLSID, b"")))
    octets[40] = 1
    with pytest.raises(NdrError, match="1 octets of extension"):
        objref.decode(octets)


def test_bindings_without_an_end_are_refused() -> None:
    octets = bytearray(objref.encode(objref.Standard(IID, STANDARD, objref.Bindings(RESOLVER.strings))))
    octets[-4:] = b"AAAA"
    with pytest.raises(NdrError, match="without an end"):
        objref.decode(octets)


def test_text_that_would_end_early_or_be_too_long_is_not_written() -> None:
    for address, message in (("a\0b", "NUL"), ("x" * 70_000, "more than 65535 units")):
        bindings = objref.Bindings((objref.StringBinding(7, address),))
        with pytest.raises(NdrError, match=message):
            objref.encode(objref.Standard(IID, STANDARD, bindings))


def test_any_octets_are_a_reference_or_refused() -> None:
    chance = random.Random(18)
    valid = [objref.encode(each) for each in REFERENCES]
    for _ in range(20_000):
        octets = bytearray(chance.choice(valid))
        for _ in range(chance.randint(1, 4)):
            octets[chance.randrange(len(octets))] = chance.choice((0, 1, 2, 127, 255, chance.randrange(256)))
        try:
            reference = objref.decode(octets[: chance.choice((len(octets), chance.randrange(len(octets))))])
        except NdrError:
            continue
        assert objref.decode(objref.encode(reference)) == reference
