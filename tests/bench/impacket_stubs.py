"""The workloads of bench.idl as impacket's users write them, and the same values in both forms."""

from __future__ import annotations

from typing import Any

from impacket.dcerpc.v5.dtypes import DWORD, LONG, NULL
from impacket.dcerpc.v5.ndr import NDRCALL, NDRUniConformantArray
from impacket.dcerpc.v5.srvs import SERVER_INFO_102, SHARE_INFO_2


class SHARES(NDRUniConformantArray):
    item = SHARE_INFO_2


class OCTETS(NDRUniConformantArray):
    item = "c"


class LONGS(NDRUniConformantArray):
    item = "<l"


class Add(NDRCALL):
    opnum = 0
    structure = (("a", LONG), ("b", LONG))


class AddResponse(NDRCALL):
    structure = (("result", LONG),)


class Info(NDRCALL):
    opnum = 1
    structure = (("info", SERVER_INFO_102),)


class Shares(NDRCALL):
    opnum = 2
    structure = (("count", DWORD), ("shares", SHARES))


class Octets(NDRCALL):
    opnum = 3
    structure = (("count", DWORD), ("data", OCTETS))


class Longs(NDRCALL):
    opnum = 4
    structure = (("count", DWORD), ("values", LONGS))


def terminated(text: str | None) -> Any:
    """impacket's users write the terminator, and NULL for a null pointer."""
    return NULL if text is None else text + "\0"


def add(a: int, b: int) -> bytes:
    call = Add()
    call["a"] = a
    call["b"] = b
    return bytes(call.getData())


def info(fields: dict[str, int | str | None]) -> bytes:
    call = Info()
    fill(call["info"], fields)
    return bytes(call.getData())


def shares(rows: list[dict[str, int | str | None]]) -> bytes:
    call = Shares()
    call["count"] = len(rows)
    for fields in rows:
        share = SHARE_INFO_2()
        fill(share, fields)
        call["shares"].append(share)
    return bytes(call.getData())


def octets(data: bytes) -> bytes:
    call = Octets()
    call["count"] = len(data)
    call["data"] = data
    return bytes(call.getData())


def longs(values: list[int]) -> bytes:
    call = Longs()
    call["count"] = len(values)
    call["values"] = values
    return bytes(call.getData())


def fill(structure: Any, fields: dict[str, int | str | None]) -> None:
    for name, value in fields.items():
        structure[name] = value if isinstance(value, int) else terminated(value)
