"""Stub data that lies, ends early or breaks a rule, and values that do not fit: one NdrError that names the place."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from idlrt.errors import NdrError
from idlrt.ids import NDR20, NDR64
from idlrt.ndr import CODEC_ERRORS, Ref, explain
from idlrt.rpc.codecs import encode_request
from tests.compiled import compile_cached

IDL = """
[uuid(5a1f6c0e-0d6b-4b0c-8f0e-6a7a5a0f2b11), version(1.0), pointer_default(unique)]
interface Bad
{
    typedef struct { long id; [string] wchar_t *label; double weights[2]; } ITEM;
    typedef [switch_type(long)] union { [case(1)] long number; [case(2)] [string] char *text; } CHOICE;
    typedef struct { long tag; [switch_is(tag)] CHOICE choice; } HOLDER;
    typedef struct { [ref] long *must; } REF;
    typedef enum { LOW, HIGH } LEVEL;
    typedef struct { unsigned long count; [size_is(count)] short values[*]; } SHORTS;
    typedef struct NODE { long value; struct NODE *next; } NODE;

    void Items([in] unsigned long count, [in, size_is(count)] ITEM items[]);
    void Choose([in] HOLDER *holder);
    void Must([in] REF *ref);
    void Level([in] LEVEL level, [in, range(1, 5)] long limited);
    void Shorts([in] SHORTS *shorts);
    void List([in] NODE *head);
    void Pair([in] long n, [in, size_is(n)] long a[], [in, size_is(n)] short b[]);
    void Pointers([in, out, ptr] long *a, [in, out, ptr] long *b, [in] long **deep);
    void Room([in] long room, [in] long used, [in, size_is(room), length_is(used)] short values[]);
}
"""
BAD = compile_cached(IDL, "bad").module
CODECS = BAD.BAD.codecs(NDR20, "<")
ITEMS, CHOOSE, MUST, LEVEL, SHORTS, LIST, PAIR, POINTERS, ROOM = range(9)


def put(opnum: int, *inputs: Any) -> bytes:
    try:
        return bytes(CODECS[opnum].put_request(*inputs))
    except CODEC_ERRORS as error:
        raise explain(error, "op") from error


def get(opnum: int, data: bytes) -> Any:
    try:
        return CODECS[opnum].get_request(data)
    except CODEC_ERRORS as error:
        raise explain(error, "op", data) from error


def refusal(opnum: int, data: bytes) -> NdrError:
    with pytest.raises(NdrError) as caught:
        get(opnum, data)
    return caught.value


def complaint(opnum: int, *inputs: Any) -> str:
    with pytest.raises(NdrError) as caught:
        put(opnum, *inputs)
    return str(caught.value)


def items() -> bytes:
    return put(ITEMS, 2, [BAD.ITEM(1, "one", [1.0, 2.0]), BAD.ITEM(2, "two", [3.0, 4.0])])


# ---------------------------------------------------------------------------- reading


@pytest.mark.parametrize("count", [3, 2**31, 2**32 - 1])
def test_a_count_beyond_the_data_allocates_nothing(count: int) -> None:
    error = refusal(SHORTS, struct.pack("<II", count, count))
    assert error.truncated
    assert error.path == "shorts.values"


def test_a_conformance_that_its_size_contradicts_is_refused() -> None:
    assert refusal(SHORTS, struct.pack("<IIhh", 2, 1, 5, 6)).path == "shorts.values"


@pytest.mark.parametrize("length", range(len(items())))
def test_data_that_ends_anywhere_is_truncated(length: int) -> None:
    assert refusal(ITEMS, items()[:length]).truncated


def test_a_string_without_terminator_is_refused() -> None:
    data = bytearray(items())
    at = data.index("two".encode("utf-16-le")) + 6
    data[at : at + 2] = b"!\0"
    error = refusal(ITEMS, bytes(data))
    assert str(error).startswith("items[1].label: the string has no terminator")


def test_a_string_whose_counts_disagree_is_refused() -> None:
    data = bytearray(items())
    at = data.index("one".encode("utf-16-le")) - 12
    data[at : at + 12] = struct.pack("<III", 2, 0, 4)
    assert refusal(ITEMS, bytes(data)).path == "items[0].label"


def test_a_tag_without_arm_is_refused() -> None:
    assert str(refusal(CHOOSE, struct.pack("<ii", 9, 9))) == "holder.choice: the union has no arm for 9"


def test_a_tag_that_its_switch_contradicts_is_refused() -> None:
    assert refusal(CHOOSE, struct.pack("<iii", 2, 1, 7)).path == "holder.choice"


def test_a_null_ref_pointer_is_refused() -> None:
    assert str(refusal(MUST, bytes(4))) == "ref.must: a ref pointer cannot be null"


def test_a_value_out_of_its_range_is_refused() -> None:
    assert str(refusal(LEVEL, struct.pack("<Hxxi", 0, 6))) == "limited: 6 is not between 1 and 5"


def test_an_extent_beyond_the_room_is_refused() -> None:
    assert refusal(ROOM, struct.pack("<iiIII", 2, 3, 2, 0, 3) + bytes(6)).path == "values"


# ---------------------------------------------------------------------------- writing


def test_a_value_that_does_not_fit_is_named() -> None:
    item = BAD.ITEM(2**40, "x", [1.0, 2.0])
    assert complaint(ITEMS, 1, [item]) == "items[0].id: 1099511627776 does not fit a 32-bit integer"


def test_a_value_of_another_type_is_named() -> None:
    good, bad = BAD.ITEM(1, "x", [1.0, 2.0]), BAD.ITEM(1, 5, [1.0, 2.0])
    assert complaint(ITEMS, 2, [good, bad]) == "items[1].label: 5 is not a string"


def test_an_element_of_another_type_is_named() -> None:
    assert complaint(ITEMS, 1, [BAD.ITEM(1, "x", [1.0, "q"])]) == "items[0].weights: 'q' is not a number"


def test_a_fixed_array_of_another_length_is_refused() -> None:
    assert complaint(ITEMS, 1, [BAD.ITEM(1, "x", [1.0])]) == "items[0].weights: has 1 elements, but its size says 2"


def test_an_enum_of_16_bits_holds_no_more() -> None:
    assert complaint(LEVEL, 40000, 1) == "level: 40000 is not between 0 and 32767"


def test_a_range_binds_the_sender_too() -> None:
    assert complaint(LEVEL, 0, 0) == "limited: 0 is not between 1 and 5"


def test_a_null_ref_pointer_cannot_be_sent() -> None:
    assert complaint(MUST, BAD.REF(None)) == "ref.must: a ref pointer cannot be null"


def test_arrays_of_one_size_must_agree() -> None:
    assert complaint(PAIR, 2, [1, 2], [1, 2, 3]) == "b: has 3 elements, but its size says 2"


def test_an_arm_that_the_tag_does_not_select_is_refused() -> None:
    holder = BAD.HOLDER(choice=BAD.CHOICE(2, "text"), tag=1)
    assert complaint(CHOOSE, holder) == "holder.choice: the union's tag is 2, but its switch says 1"


def test_a_part_must_lie_within_what_is_given() -> None:
    assert complaint(ROOM, 4, 3, [1, 2]).startswith("values: ")


# ---------------------------------------------------------------------------- values that survive


def test_a_size_is_worked_out_where_it_is_plain() -> None:
    shorts = BAD.SHORTS([1, 2, 3])
    assert shorts.count == 3
    assert get(SHORTS, put(SHORTS, shorts)) == (shorts,)


def test_an_unknown_enumerator_is_kept() -> None:
    level, _ = get(LEVEL, struct.pack("<Hxxi", 7, 1))
    assert (level, level.name) == (7, "7")
    assert isinstance(level, BAD.LEVEL)


def test_aliases_survive() -> None:
    box = Ref(7)
    a, b, deep = get(POINTERS, put(POINTERS, box, box, 5))
    assert a is b
    assert (a.value, deep) == (7, 5)


def test_equal_values_in_different_boxes_stay_apart() -> None:
    a, b, _ = get(POINTERS, put(POINTERS, Ref(7), Ref(7), None))
    assert a == b
    assert a is not b


@pytest.mark.parametrize("transfer", [NDR20, NDR64])
def test_a_long_list_needs_no_stack(transfer: Any) -> None:
    head = None
    for value in range(10_000):
        head = BAD.NODE(value, head)
    codec = BAD.BAD.codecs(transfer, "<")[LIST]
    (read,) = codec.get_request(bytes(codec.put_request(head)))
    assert read == head
    assert repr(read).startswith("NODE(value=9999, next=NODE(value=9998,")


def test_a_circle_of_unique_pointers_is_refused() -> None:
    node = BAD.NODE(1)
    node.next = node
    assert "leads back to itself" in complaint(LIST, node)


# ---------------------------------------------------------------------------- values that went straight into a pack


def test_a_plain_value_that_does_not_fit_is_named_by_its_parameter() -> None:
    text = "interface Plain { void Two([in] long a, [in] unsigned short b); }"
    compiled = compile_cached(f"[uuid(5a1f6c0e-0d6b-4b0c-8f0e-6a7a5a0f2b12)] {text}", "plain")
    interface, _ = compiled.operation("Two")
    codec, operation = interface.codecs(NDR20, "<")[0], interface.by_opnum[0]
    with pytest.raises(NdrError, match=r"b: 70000 does not fit an unsigned 16-bit integer"):
        encode_request(codec, operation, (1, 70000))
    with pytest.raises(NdrError, match=r"a: 'x' is not a 32-bit integer"):
        encode_request(codec, operation, ("x", 1))
