"""Object references (MS-DCOM 2.2.18), and activation blobs: a custom one around serialized types (2.2.22).

The blob's header and each of its properties are decoded and encoded again through code made from activation.idl.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from struct import Struct
from types import ModuleType
from typing import Any
from uuid import UUID

import pytest

from idlrt.com import objref
from idlrt.ndr import NdrError
from tests.compiled import compile_cached
from tests.vectors.files import parametrize
from tests.vectors.marshalling import renumbered

IDL = Path(__file__).parent / "activation.idl"
OBJREF = Struct("<4sI16s16sII")
BLOB = Struct("<II")
CLASSES = {
    "000001b9-0000-0000-c000-000000000046": "SpecialSystemProperties",
    "000001ab-0000-0000-c000-000000000046": "InstantiationInfo",
    "000001a5-0000-0000-c000-000000000046": "ActivationContextInfo",
    "000001a6-0000-0000-c000-000000000046": "SecurityInfo",
    "000001a4-0000-0000-c000-000000000046": "ServerLocationInfo",
    "000001aa-0000-0000-c000-000000000046": "ScmRequestInfo",
    "00000339-0000-0000-c000-000000000046": "PropsOutInfo",
    "000001b6-0000-0000-c000-000000000046": "ScmReplyInfo",
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    parametrize(metafunc, "blob")


def test_a_blob_is_read_and_written_again(vector: dict[str, Any]) -> None:
    octets = bytes.fromhex(vector["hex"])
    if vector["format"] == "objref":
        check_reference(vector, octets)
        return
    activation = compile_cached(IDL.read_text(), "activation").module
    if not vector.get("valid", True):
        with pytest.raises(NdrError):
            list(parts(activation, octets))
        return
    fields = vector["fields"]
    reference = objref.decode(octets)
    assert isinstance(reference, objref.Custom)
    assert (reference.iid, reference.clsid) == (UUID(fields["iid"]), UUID(fields["clsid"]))
    assert objref.encode(reference) == octets
    (_, at, header), *properties = parts(activation, octets)
    assert says(header, fields["CustomHeader"])
    assert [name for name, _, _ in properties] == [each["property"] for each in fields["properties"]]
    assert all(says(value, each) for (_, _, value), each in zip(properties, fields["properties"], strict=True))
    places = [(at, header.headerSize), *zip((at for _, at, _ in properties), header.pSizes, strict=True)]
    for (name, _, value), (at, size) in zip([("CustomHeader", 0, header), *properties], places, strict=True):
        made = getattr(activation, f"encode_{name}")(value)
        ids = [offset - at for offset in vector["referent_offsets"] if at <= offset < at + size]
        theirs = octets[at : at + size]
        # The private header's length may leave the padding out.
        assert renumbered(made, ids, 4, "<") == renumbered(theirs[: len(made)], ids, 4, "<"), name
        assert not any(theirs[len(made) :])


def check_reference(vector: dict[str, Any], octets: bytes) -> None:
    if not vector.get("valid", True):
        with pytest.raises(NdrError):
            objref.decode(octets)
        return
    fields, std = vector["fields"], vector["fields"]["std"]
    reference = objref.decode(octets)
    assert isinstance(reference, objref.Standard | objref.Handler)
    assert type(reference).__name__.lower() == fields["kind"]
    assert reference.iid == UUID(fields["iid"])
    assert reference.reference == objref.StandardReference(
        std["oxid"], std["oid"], UUID(std["ipid"]), std["cPublicRefs"], std["flags"]
    )
    strings = [(each["tower"], each["address"]) for each in fields["string_bindings"]]
    security = [(each["authn_svc"], each["principal"]) for each in fields["security_bindings"]]
    assert [(each.tower, each.address) for each in reference.resolver.strings] == strings
    assert [(each.service, each.principal) for each in reference.resolver.security] == security
    assert not isinstance(reference, objref.Handler) or reference.clsid == UUID(fields["clsid"])
    assert objref.encode(reference) == octets


def parts(activation: ModuleType, octets: bytes) -> Iterator[tuple[str, int, Any]]:
    """Name, offset and value of the header and of each property; NdrError when sizes do not fit."""
    at = OBJREF.size + BLOB.size
    header = activation.decode_CustomHeader(lent(octets, at, CUSTOM_HEADER))
    yield "CustomHeader", at, header
    at += header.headerSize
    for class_id, size in zip(header.pclsid, header.pSizes, strict=True):
        name = CLASSES[str(class_id)]
        if size > len(octets) - at:
            raise NdrError(f"{size} octets are announced for {name}, {len(octets) - at} are left")
        yield name, at, getattr(activation, f"decode_{name}")(lent(octets, at, size))
        at += size


CUSTOM_HEADER = -1


def lent(octets: bytes, at: int, size: int) -> memoryview:
    """The octets of one part, without what its private header leaves out of its length."""
    length = int.from_bytes(octets[at + 8 : at + 12], "little")
    whole = memoryview(octets)[at : at + 16 + (length + 7 & -8)]
    return whole if size < 0 else whole[:size]


def says(value: Any, field: Any) -> bool:
    """Whether a decoded value is what the vector's JSON says."""
    match field:
        case dict():
            return all(says(getattr(value, name), inner) for name, inner in field.items() if name != "property")
        case list():
            return len(value) == len(field) and all(map(says, value, field))
        case str() if isinstance(value, UUID):
            return str(value) == field
        case str() if hasattr(value, "abData"):
            return bool(value.abData.hex() == field)
        case _:
            return bool(value == field)
