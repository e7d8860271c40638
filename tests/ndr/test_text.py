"""What text becomes on the wire and what octets become as text, odd ones included, as docs/marshalling.md says it."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from idlrt import ndr
from idlrt.errors import NdrError
from idlrt.ids import NDR20, NDR64
from tests.compiled import compile_cached

IDL = """
[uuid(5a1f6c0e-0d6b-4b0c-8f0e-6a7a5a0f2b41), version(1.0), pointer_default(unique)]
interface Text
{
    typedef struct { long id; [string] wchar_t name[6]; } FIXED;
    typedef struct { long id; [string] char name[6]; } NARROW_FIXED;
    typedef struct { byte k; [string] wchar_t name[*]; } TAIL;
    typedef struct { [string] wchar_t *a; [string] wchar_t *b; } PAIR;

    void Wide([in, string] wchar_t *text);
    void Narrow([in, string] char *text);
    void Fixed([in] FIXED *fixed);
    void NarrowFixed([in] NARROW_FIXED *fixed);
    void Tail([in] TAIL *tail);
    void Pair([in] PAIR *pair);
    void Row([in] unsigned long n, [in, size_is(n)] PAIR pairs[]);
    void Units([in] unsigned long n, [in, size_is(n)] wchar_t units[]);
}
"""
COMPILED = compile_cached(IDL, "text")
M = COMPILED.module
FORMS = [(NDR20, "<"), (NDR20, ">"), (NDR64, "<")]
every_form = pytest.mark.parametrize(("transfer", "order"), FORMS, ids=["ndr20-little", "ndr20-big", "ndr64"])


def codec(name: str, transfer: Any = NDR20, order: str = "<") -> Any:
    interface, operation = COMPILED.operation(name)
    return interface.codecs(transfer, order)[operation.opnum]


def put(name: str, *inputs: Any, transfer: Any = NDR20, order: str = "<") -> bytes:
    try:
        return bytes(codec(name, transfer, order).put_request(*inputs))
    except ndr.CODEC_ERRORS as error:
        raise ndr.explain(error, name) from error


def get(name: str, data: bytes, transfer: Any = NDR20, order: str = "<") -> Any:
    try:
        return codec(name, transfer, order).get_request(data)
    except ndr.CODEC_ERRORS as error:
        raise ndr.explain(error, name, data) from error


def wide(text: str, order: str = "<", end: str = "\0", **counts: int) -> bytes:
    """A conformant varying string of NDR 2.0, with counts that may be wrong."""
    units = (text + end).encode("utf-16-le" if order == "<" else "utf-16-be", "surrogatepass")
    n = len(units) // 2
    head = counts.get("most", n), counts.get("first", 0), counts.get("n", n)
    return struct.pack(f"{order}3I", *head) + units


# ---------------------------------------------------------------------------- 16-bit text

KEPT = {
    "nothing": "",
    "plain": "abc",
    "beyond the BMP": "a\U0001f600b",
    "half a pair, the first": "a\ud800",
    "half a pair, the second": "\udc00a",
    "halves the wrong way round": "\udc00\ud800",
    "a NUL inside": "a\0b",
    "NULs at the end": "ab\0\0",
    "a byte order mark": "\ufeffa",
    "the other one": "\ufffea",
    "no characters": "\uffff\ufdd0",
}


@every_form
@pytest.mark.parametrize("text", KEPT.values(), ids=KEPT)
def test_wide_text_survives(text: str, transfer: Any, order: str) -> None:
    pair = M.PAIR(text, text)
    cases: list[tuple[str, tuple[Any, ...]]] = [
        ("Wide", (text,)),
        ("Fixed", (M.FIXED(1, text),)),
        ("Tail", (M.TAIL(1, text),)),
        ("Pair", (pair,)),
        ("Row", (2, [pair, M.PAIR(None, text)])),
        ("Units", (ndr.units(text), text)),
    ]
    for name, inputs in cases:
        assert get(name, put(name, *inputs, transfer=transfer, order=order), transfer, order) == inputs, name


@pytest.mark.parametrize("order", "<>")
def test_wide_text_is_utf_16_with_a_terminator_that_counts(order: str) -> None:
    for text in KEPT.values():
        assert put("Wide", text, order=order) == wide(text, order)


def test_two_halves_that_make_a_pair_are_read_as_the_character() -> None:
    assert put("Wide", "\ud83d\ude00") == put("Wide", "\U0001f600")
    assert get("Wide", put("Wide", "\ud83d\ude00")) == ("\U0001f600",)


def test_halves_in_neighbouring_strings_stay_apart() -> None:
    pairs = [M.PAIR("a\ud83d", "\ude00b"), M.PAIR("\ud83d", "\ude00")]
    assert get("Row", put("Row", 2, pairs)) == (2, pairs)


# ---------------------------------------------------------------------------- octets


@every_form
def test_a_char_string_is_latin_1_so_that_every_octet_survives(transfer: Any, order: str) -> None:
    text = bytes(range(256)).decode("latin-1")
    data = put("Narrow", text, transfer=transfer, order=order)
    assert data.endswith(bytes(range(256)) + b"\0")
    assert get("Narrow", data, transfer, order) == (text,)


def test_a_peer_with_another_code_page_is_understood_through_the_octets() -> None:
    """The page says so: `text.encode("latin-1").decode("cp1251")` and the other way round."""
    sent = "Привет".encode("cp1251").decode("latin-1")
    data = put("Narrow", sent)
    assert "Привет".encode("cp1251") + b"\0" in data
    (read,) = get("Narrow", data)
    assert read.encode("latin-1").decode("cp1251") == "Привет"


@pytest.mark.parametrize("text", ["a\u20ac", "\U0001f600", "\ud800"])
def test_a_character_that_is_no_octet_is_refused_by_its_path(text: str) -> None:
    for name, given, path in (("Narrow", text, "text"), ("NarrowFixed", M.NARROW_FIXED(1, text), "fixed.name")):
        with pytest.raises(NdrError, match="latin-1") as caught:
            put(name, given)
        assert caught.value.path == path


# ---------------------------------------------------------------------------- lengths and terminators

WRONG = {
    "no terminator": (wide("abc", end=""), "no terminator"),
    "only half a terminator": (wide("abc", end="\u0100"), "no terminator"),
    "no units at all": (struct.pack("<3I", 0, 0, 0), "a string of 0 units"),
    "more units than there is room for": (wide("abc", most=3), "room for 3"),
    "a first unit that is not sent": (wide("abc", first=1, most=5), "from 1 on"),
    "units that the data has not": (wide("abc", n=100, most=100), "announced"),
    "a number of units beyond reason": (wide("abc", n=0xFFFFFFFF, most=0xFFFFFFFF), "announced"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_string_is_refused(case: str) -> None:
    data, message = WRONG[case]
    with pytest.raises(NdrError, match=message) as caught:
        get("Wide", data)
    assert caught.value.path == "text"
    pair = struct.pack("<2I", 1, 2) + wide("ok") + bytes(2) + data
    with pytest.raises(NdrError, match=message) as caught:
        get("Pair", pair)
    assert caught.value.path == "pair.b"
    with pytest.raises(NdrError, match=message) as caught:
        get("Row", struct.pack("<2I", 1, 1) + pair)
    assert caught.value.path == "pairs[0].b"


def test_text_behind_the_first_terminator_is_kept() -> None:
    assert get("Wide", wide("ab\0rubbish")) == ("ab\0rubbish",)


def test_room_that_is_not_used_is_allowed() -> None:
    assert get("Wide", wide("abc", most=4000)) == ("abc",)


@every_form
def test_data_that_ends_inside_a_unit_is_truncated(transfer: Any, order: str) -> None:
    data = put("Wide", "abc\U0001f600", transfer=transfer, order=order)
    for length in range(len(data)):
        with pytest.raises(NdrError) as caught:
            get("Wide", data[:length], transfer, order)
        assert caught.value.truncated


@pytest.mark.parametrize(("text", "count"), [("abcdef", 7), ("abcde", 0), ("abcd\U0001f600", 7), ("abc\U0001f600", 0)])
def test_a_fixed_string_has_room_for_its_terminator_too(text: str, count: int) -> None:
    if not count:
        assert get("Fixed", put("Fixed", M.FIXED(1, text))) == (M.FIXED(1, text),)
        return
    with pytest.raises(NdrError, match=f"takes {count} units with its terminator, but has room for 6") as caught:
        put("Fixed", M.FIXED(1, text))
    assert caught.value.path == "fixed.name"


def test_an_array_of_characters_is_counted_in_units() -> None:
    assert put("Units", 3, "a\U0001f600") == struct.pack("<2I", 3, 3) + "a\U0001f600".encode("utf-16-le")
    with pytest.raises(NdrError, match="has 3 elements, but its size says 2") as caught:
        put("Units", 2, "a\U0001f600")
    assert caught.value.path == "units"


@pytest.mark.parametrize("bad", [b"octets", 5, ["a"]])
def test_what_is_no_text_is_named(bad: Any) -> None:
    for name, path in (("Wide", "text"), ("Narrow", "text")):
        with pytest.raises(NdrError, match="is not a string") as caught:
            put(name, bad)
        assert caught.value.path == path
