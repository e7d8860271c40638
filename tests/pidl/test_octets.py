"""What travels is what Samba's own libraries write for the same layouts.

The octets are from python3-samba 4.17.12: of its interfaces rpcecho, winreg, samr, srvsvc and lsa, whose operations
have the layouts that those of `lamps.idl` have under other names.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from idlc.settings import Dialect
from tests.compiled import Compiled, compile_cached
from tests.vectors.marshalling import Stub

HERE = Path(__file__).parent

HANDLE = "0000000033221100554477668899aabbccddeeff"
GIVEN = {"attributes": 0, "uuid": "00112233-4455-6677-8899-aabbccddeeff"}
BOOK = "01000080140000002400000000000000000000000102000000000005200000002002000001020000000000052000000020020000"

REQUESTS: list[tuple[str, dict[str, Any], str, str]] = [
    (
        "lamp_GetLook",
        {"size": 1, "look": {"size": 2, "colour": 1}, "looks": {"tag": 1, "arm": "look", "value": 1}},
        "01000000020000000100000001000100",
        "0100000002000000010000000100000001000000",
    ),
    (
        "lamp_GetBulbs",
        {"bulbs": {"count": 3, "bulbs": [7, 8, 9]}},
        "0300000003000000070008000900",
        "0300000000000000030000000700080009000000",
    ),
    (
        "lamp_Name",
        {"name": "lamp"},
        "0500000000000000050000006c0061006d0070000000",
        "0500000000000000000000000000000005000000000000006c0061006d0070000000",
    ),
    ("lamp_Open", {"room": None, "rights": 0x20019}, "0000000019000200", "000000000000000019000200"),
    ("lamp_Close", {"handle": GIVEN}, HANDLE, HANDLE),
    ("lamp_Drop", {"handle": GIVEN}, HANDLE, HANDLE),
    (
        "lamp_Write",
        {"handle": GIVEN, "kind": 4, "data": {"data": [1, 2, 3], "size": 3, "used": 3}},
        HANDLE + "04000000000002000300000003000000030000000000000003000000010203",
        HANDLE + "0400000000000200000000000300000003000000030000000000000000000000000000000300000000000000010203",
    ),
    (
        "lamp_Enumerate",
        {
            "room": "s",
            "path": "p",
            "lists": {
                "level": 0,
                "found": {"tag": 0, "arm": "many", "value": {"count": 1, "array": [{"number": 5}]}},
            },
            "most": 10,
            "resume": None,
        },
        "000002000200000000000000020000007300000004000200020000000000000002000000700000000000000000000000080002000100"
        "00000c00020001000000050000000a00000000000000",
        "000002000000000002000000000000000000000000000000020000000000000073000000000000000400020000000000020000000000"
        "000000000000000000000200000000000000700000000000000000000000000000000000000000000000080002000000000001000000"
        "000000000c000200000000000100000000000000050000000a0000000000000000000000",
    ),
    (
        "lamp_Learn",
        {"handle": GIVEN, "what": 4, "book": {"size": 52, "manual": list(bytes.fromhex(BOOK))}},
        HANDLE + "04000000340000000000020034000000" + BOOK,
        HANDLE + "0400000034000000000000000000020000000000" + "3400000000000000" + BOOK,
    ),
    (
        "lamp_Owner",
        {
            "handle": GIVEN,
            "rights": 3,
            "owner": {"sid_rev_num": 1, "num_auths": 2, "id_auth": [0, 0, 0, 0, 0, 5], "sub_auths": [21, 7]},
        },
        HANDLE + "030000000200000001020000000000051500000007000000",
        HANDLE + "03000000020000000000000001020000000000051500000007000000",
    ),
    (
        "lamp_Times",
        {"handle": GIVEN, "since": 0x0102030405060708},
        HANDLE + "00000200" + "0807060504030201",
        HANDLE + "00000000" + "0000020000000000" + "0807060504030201",
    ),
]

RESPONSES: list[tuple[str, dict[str, Any], str, str]] = [
    (
        "lamp_Name",
        {"label": "dim"},
        "00000200040000000000000004000000640069006d000000",
        "0000020000000000040000000000000000000000000000000400000000000000640069006d000000",
    ),
]


def lamps() -> Compiled:
    return compile_cached((HERE / "lamps.idl").read_text(encoding="utf-8"), "lamps", dialect=Dialect.PIDL)


@pytest.mark.parametrize("transfer", ["ndr20", "ndr64"])
@pytest.mark.parametrize(("name", "values", "ndr20", "ndr64"), REQUESTS, ids=[each[0] for each in REQUESTS])
def test_requests(name: str, values: dict[str, Any], ndr20: str, ndr64: str, transfer: str) -> None:
    stub = Stub(lamps(), name, transfer, "<")
    octets = bytes.fromhex(ndr64 if transfer == "ndr64" else ndr20)
    inputs, _ = stub.request(values)
    assert stub.put_request(inputs, []).hex() == octets.hex()
    assert stub.get_request(octets)[0] == inputs


@pytest.mark.parametrize("transfer", ["ndr20", "ndr64"])
@pytest.mark.parametrize(("name", "values", "ndr20", "ndr64"), RESPONSES, ids=[each[0] for each in RESPONSES])
def test_responses(name: str, values: dict[str, Any], ndr20: str, ndr64: str, transfer: str) -> None:
    stub = Stub(lamps(), name, transfer, "<")
    octets = bytes.fromhex(ndr64 if transfer == "ndr64" else ndr20)
    result, _ = stub.response(values)
    assert stub.put_response(result, [], ()).hex() == octets.hex()
    assert stub.get_response(octets, ())[0] == result
