"""Types that Python sees through converters: the same octets, other values, and errors that say where."""

from __future__ import annotations

from datetime import UTC, datetime
from fractions import Fraction
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest

from idlrt import ndr
from idlrt.ids import NDR20, NDR64
from idlrt.rpc.codecs import decode_request, encode_request
from tests.compiled import Compiled, compile_cached
from tests.converters import Address, Percent, Stamp, Text

CASE = Path(__file__).parents[1] / "golden" / "conversion"
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def seen() -> Compiled:
    """The golden case with its converters."""
    acf = (CASE / "conversion.acf").read_text()
    return compile_cached((CASE / "conversion.idl").read_text(), "conversion", acf)


@pytest.fixture(scope="module")
def plain() -> Compiled:
    """The same IDL without its ACF file."""
    return compile_cached((CASE / "conversion.idl").read_text(), "conversion")


SYNTAXES = pytest.mark.parametrize(("transfer", "order"), [(NDR20, "<"), (NDR20, ">"), (NDR64, "<")])


@SYNTAXES
def test_the_octets_are_those_of_what_travels(seen: Compiled, plain: Compiled, transfer: Any, order: str) -> None:
    def octets(case: Compiled, name: str, *inputs: Any) -> bytes:
        interface, operation = case.operation(name)
        return bytes(interface.codecs(transfer, order)[operation.opnum].put_request(*inputs))

    line, tail, pick = (seen.find_class(name) for name in ("LINE", "TAIL", "PICK"))
    presented: list[tuple[Any, ...]] = [
        ("Now", "east", NOON, None),
        ("Numbers", Fraction(1, 3), 0.25, IPv4Address("10.0.0.1"), tail(1, (0, 0.5, 1), ("a", None), IPv4Address(1))),
        ("Many", 2, [NOON, NOON], ["a", None]),
        ("Lines", line(NOON, "x", None, 1.0), [line(NOON, None, None, 0), line(NOON, "y", None, 0)], pick(1, "z")),
    ]
    stamp, blob, fraction = (plain.find_class(name) for name in ("STAMP", "TEXT_BLOB", "FRACTION"))
    line, tail, pick = (plain.find_class(name) for name in ("LINE", "TAIL", "PICK"))
    noon = stamp(Stamp.to_wire(NOON).low, Stamp.to_wire(NOON).high)
    wire: list[tuple[Any, ...]] = [
        ("Now", blob("east"), noon, None),
        (
            "Numbers",
            fraction(1, 3),
            25,
            b"\x0a\0\0\1",
            tail(1, (0, 50, 100), (blob("a"), None), b"\0\0\0\1"),
        ),
        ("Many", 2, [noon, noon], [blob("a"), None]),
        (
            "Lines",
            line(noon, blob("x"), None, 100),
            [line(noon, None, None, 0), line(noon, blob("y"), None, 0)],
            pick(1, blob("z")),
        ),
    ]
    for one, other in zip(presented, wire, strict=True):
        assert octets(seen, *one) == octets(plain, *other), one[0]


def test_without_a_converter_the_value_is_what_travels(plain: Compiled) -> None:
    _, operation = plain.operation("Numbers")
    assert str(operation.parameters[0].type) == "StructUse(name='FRACTION')"
    assert not hasattr(plain.module, "Ratio")


def test_a_value_that_does_not_convert_is_named_with_its_place(seen: Compiled) -> None:
    interface, operation = seen.operation("Many")
    codec = interface.codecs(NDR20, "<")[operation.opnum]
    with pytest.raises(ndr.NdrError) as caught:
        encode_request(codec, interface.by_opnum[operation.opnum], (2, [NOON, "noon"], []))
    assert caught.value.path == "when[1]"
    assert "'noon' is not presented as STAMP is: TypeError" in str(caught.value)
    assert isinstance(caught.value.__cause__, TypeError)

    interface, operation = seen.operation("Lines")
    line, pick = seen.find_class("LINE"), seen.find_class("PICK")
    codec = interface.codecs(NDR20, "<")[operation.opnum]
    inner = line(NOON, 7, None, 0.0)
    with pytest.raises(ndr.NdrError) as caught:
        encode_request(
            codec,
            interface.by_opnum[operation.opnum],
            (line(NOON, "x", inner, 0.0), [line(NOON, None, None, 0)] * 2, pick(0)),
        )
    assert caught.value.path == "line.next.name"


def test_data_that_does_not_convert_is_named_with_its_place(seen: Compiled, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(wire: Any) -> Any:
        raise OverflowError("before our time")

    fresh = compile_cached.__wrapped__(*_texts())
    monkeypatch.setattr(Stamp, "from_wire", staticmethod(refuse))
    interface, operation = fresh.operation("Many")
    described = interface.by_opnum[operation.opnum]
    codec = interface.codecs(NDR20, "<")[operation.opnum]
    data = encode_request(codec, described, (1, [NOON], [None]))
    with pytest.raises(ndr.NdrError) as caught:
        decode_request(codec, described, bytes(data))
    assert caught.value.path == "when[0]"
    assert "cannot be presented as STAMP is: OverflowError: before our time" in str(caught.value)
    assert isinstance(caught.value.__cause__, OverflowError)


def _texts() -> tuple[str, str, str]:
    return (CASE / "conversion.idl").read_text(), "conversion", (CASE / "conversion.acf").read_text()


def test_a_class_that_does_not_convert_is_refused_when_the_codec_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    fresh = compile_cached.__wrapped__(*_texts())
    monkeypatch.delattr(Percent, "to_wire")
    interface, _ = fresh.operation("Now")
    with pytest.raises(TypeError, match=r"converter of PERCENT, tests\.converters\.Percent, has no function to_wire"):
        interface.codecs(NDR20, "<")


def test_pickles_are_presented_too(seen: Compiled) -> None:
    kept = seen.find_class("KEPT")("name", NOON)
    module: Any = seen.module
    assert module.decode_KEPT(module.encode_KEPT(kept)) == kept
    assert module.decode_KEPT_TEXT(module.encode_KEPT_TEXT("text")) == "text"
    assert module.decode_KEPT_TEXT(module.encode_KEPT_TEXT(None, ">")) is None


def test_a_c_name_changes_nothing() -> None:
    idl = """typedef long COUNT;
        [uuid(6d3c0f2e-51a4-4b7d-8e90-2f1a7b3c4d5e)] interface a { void f([in] COUNT c); }"""
    acf = "interface a { typedef [represent_as(local_count)] COUNT; }"
    case = compile_cached(idl, "cname", acf)
    interface, _ = case.operation("f")
    assert bytes(interface.codecs(NDR20, "<")[0].put_request(3)) == b"\3\0\0\0"


def test_an_imported_type_is_presented_in_the_file_whose_acf_says_so() -> None:
    idl = """import "basetsd.h"; import "wtypesbase.idl";
        [uuid(6d3c0f2e-51a4-4b7d-8e90-2f1a7b3c4d5e)] interface a { void f([in] DWORD c, [in] LONG d); }"""
    acf = "interface a { typedef [represent_as(tests.converters.Percent)] DWORD; }"
    case = compile_cached(idl, "imported", acf)
    interface, _ = case.operation("f")
    assert bytes(interface.codecs(NDR20, "<")[0].put_request(0.03, 3)) == b"\3\0\0\0\3\0\0\0"


def test_converters_may_be_used_by_hand() -> None:
    converter: ndr.Converter[str | None, Any] = Text
    assert converter.from_wire(converter.to_wire("a")) == "a"
    assert Address.from_wire(Address.to_wire(IPv4Address("1.2.3.4"))) == IPv4Address("1.2.3.4")
