"""Strings of the rows of an array, moved as one text: the octets and errors of strings moved one by one."""

from __future__ import annotations

import random
import struct
from typing import Any

import pytest

from idlrt.errors import NdrError
from idlrt.ids import NDR20, NDR64
from idlrt.ndr import CODEC_ERRORS, Limits, explain, text_reader, text_writer
from tests.compiled import compile_cached

IDL = """
[uuid(5a1f6c0e-0d6b-4b0c-8f0e-6a7a5a0f2b12), version(1.0), pointer_default(unique)]
interface Texts
{
    typedef struct { [string] wchar_t *name; byte kind; [string, ref] wchar_t *remark; } SHARE;
    typedef struct { [string] wchar_t *a; byte kind; [string, ref] wchar_t *b; long c; [string] wchar_t *d; } THREE;
    void Alone([in, string] wchar_t *text, [in] wchar_t open[3]);
    void Put([in] unsigned long count, [in, size_is(count)] SHARE shares[], [in] hyper last);
    void Few([in] THREE *few, [in] short last, [in, unique] THREE *more);
}
"""
MODULE = compile_cached(IDL, "texts").module
FORMS = [(NDR20, "<", "I"), (NDR20, ">", "I"), (NDR64, "<", "Q")]
ODD = ["", "a", "ab", "\0", "a\0b\0", "\ud800", "x\udc00y", "\udc00\ud800", "\U0001f600", "a\U0001f600b", "é", "€" * 7]


def some_texts(seed: int) -> list[str]:
    rnd = random.Random(seed)
    lengths = [1, 5, 30, 400, 1500] if seed % 2 else [1, 5, 30]
    plain = ["abcé€"[rnd.randrange(5)] * rnd.choice(lengths) for _ in range(rnd.randrange(60))]
    texts = plain + [rnd.choice(ODD if seed % 3 else ODD[:5]) for _ in range(rnd.randrange(20))]
    rnd.shuffle(texts)
    return texts


def one_by_one(texts: list[str], order: str, letter: str) -> bytes:
    codec = "utf-16-le" if order == "<" else "utf-16-be"
    width = struct.calcsize(order + letter)
    octets = b""
    for text in texts:
        units = text.encode(codec, "surrogatepass") + b"\0\0"
        octets += bytes(-len(octets) % width)
        octets += struct.pack(f"{order}3{letter}", len(units) // 2, 0, len(units) // 2) + units
    return octets


@pytest.mark.parametrize(("_", "order", "letter"), FORMS)
def test_the_octets_are_those_of_strings_written_one_by_one(_: Any, order: str, letter: str) -> None:
    write, read = text_writer(order, letter), text_reader(order, letter)
    for seed in range(60):
        texts = some_texts(seed)
        octets = one_by_one(texts, order, letter)
        with_nulls: list[str | None] = [*texts[:2], None, *texts[2:], None]
        assert write(with_nulls) == octets
        assert write(with_nulls, 2) == (bytes(-2 % struct.calcsize(order + letter)) if texts else b"") + octets
        for data in (octets, memoryview(octets + b"behind"), bytearray(octets)):
            got = read(data, 0)
            assert [next(got) for _ in texts] == texts
            assert got.send(True) == len(octets)


def test_long_strings_and_many_of_them_cross_the_windows() -> None:
    texts = ["x" * 70_000, *(f"remark {number} €" for number in range(5000)), "\U0001f600" * 3000, "y" * 40_000, "z"]
    octets = text_writer("<", "I")(texts)
    assert octets == one_by_one(texts, "<", "I")
    got = text_reader("<", "I")(octets, 0)
    assert [next(got) for _ in texts] == texts


def shares(*names: str | None) -> list[Any]:
    return [MODULE.SHARE(name, number, f"remark {number}") for number, name in enumerate(names)]


def refusal(codec: Any, data: bytes) -> NdrError:
    with pytest.raises(CODEC_ERRORS) as caught:
        codec.get_request(data)
    return explain(caught.value, "Put", data)


@pytest.mark.parametrize(("transfer", "order", "_"), FORMS)
def test_values_survive_and_what_follows_is_found(transfer: Any, order: str, _: str) -> None:
    codec = MODULE.TEXTS.codecs(transfer, order)[1]
    for names in ([], [None], ["a"], ["a\ud800", None], ["\U0001f600", "", "ab"], ["x" * 3000, *map(str, range(200))]):
        given = shares(*names)
        octets = bytes(codec.put_request(len(given), given, 77))
        assert codec.get_request(octets) == (len(given), given, 77)
        for cut in range(0, len(octets), 1 + len(octets) // 300):
            assert refusal(codec, octets[:cut]).truncated


@pytest.mark.parametrize(("transfer", "order", "_"), FORMS)
def test_half_a_character_at_the_end_is_kept(transfer: Any, order: str, _: str) -> None:
    codec = MODULE.TEXTS.codecs(transfer, order)[0]
    assert codec.get_request(bytes(codec.put_request("a\ud800", "bc\ud800"))) == ("a\ud800", "bc\ud800")


def test_a_wrong_string_is_named() -> None:
    codec = MODULE.TEXTS.codecs(NDR20, "<")[1]
    octets = bytearray(codec.put_request(3, shares("one", None, "three"), 0))
    at = octets.index("remark 1".encode("utf-16-le"))
    refused = []
    for place, value in ((at - 12, 3), (at - 8, 1), (at - 4, 0), (at - 4, 0x7FFFFFFF), (at + 16, 65)):
        wrong = octets.copy()
        struct.pack_into("<I", wrong, place, value)
        refused.append((str(refusal(codec, bytes(wrong)).path), refusal(codec, bytes(wrong)).offset))
    assert [path for path, _ in refused] == ["shares[1].remark"] * 5
    assert refused[-1][1] == at + 18


@pytest.mark.parametrize("bad", [5, b"octets", ["list"]])
def test_what_is_no_string_is_named(bad: Any) -> None:
    codec = MODULE.TEXTS.codecs(NDR20, "<")[1]
    given = shares("a", None, "c")
    given[2].name = bad
    with pytest.raises(CODEC_ERRORS) as caught:
        codec.put_request(3, given, 0)
    found = explain(caught.value, "Put")
    assert str(found) == f"shares[2].name: {bad!r} is not a string"


@pytest.mark.parametrize("bad", [5, b"octets", ["list"]])
@pytest.mark.parametrize("field", "abd")
def test_what_is_no_string_of_a_structure_is_named(field: str, bad: Any) -> None:
    codec = MODULE.TEXTS.codecs(NDR20, "<")[2]
    given = MODULE.THREE("one", 7, "second", 9, "third")
    setattr(given, field, bad)
    with pytest.raises(CODEC_ERRORS) as caught:
        codec.put_request(given, 1, None)
    assert str(explain(caught.value, "Few")) == f"few.{field}: {bad!r} is not a string"


@pytest.mark.parametrize(("transfer", "order", "_"), FORMS)
@pytest.mark.parametrize("seed", range(8))
def test_the_strings_of_a_structure_survive(transfer: Any, order: str, _: str, seed: int) -> None:
    codec = MODULE.TEXTS.codecs(transfer, order)[2]
    rnd = random.Random(seed)
    texts = [*ODD, "x" * 100, "é" * 600, "€" * 2000]

    def three() -> Any:
        first, second, third = rnd.choice([None, *texts]), rnd.choice(texts), rnd.choice([None, *texts])
        return MODULE.THREE(first, 7, second, rnd.randrange(9), third)

    for _round in range(40):
        given = (three(), rnd.randrange(99), rnd.choice([None, three()]))
        octets = bytes(codec.put_request(*given))
        for data in (octets, bytearray(octets), memoryview(octets), octets + b"\xab"):
            assert codec.get_request(data) == given


@pytest.mark.parametrize(("transfer", "order", "letter"), FORMS)
def test_a_wrong_string_of_a_structure_is_named(transfer: Any, order: str, letter: str) -> None:
    codec = MODULE.TEXTS.codecs(transfer, order)[2]
    octets = bytes(codec.put_request(MODULE.THREE("one", 1, "second", 2, "third"), 5, None))
    width = struct.calcsize(order + letter)
    at = octets.index("second".encode("utf-16-le" if order == "<" else "utf-16-be"))
    wrong = [(at - 3 * width, 6), (at - 2 * width, 1), (at - width, 0), (at - width, 0x7FFFFFFF), (at - width, 6)]
    for place, value in wrong:
        changed = bytearray(octets)
        struct.pack_into(order + letter, changed, place, value)
        assert refusal(codec, bytes(changed)).path == "few.b"
    for cut in range(len(octets)):
        assert refusal(codec, octets[:cut]).truncated
    narrow = MODULE.TEXTS.codecs(transfer, order, Limits(max_units=6))[2]
    assert refusal(narrow, octets).path == "few.b"
