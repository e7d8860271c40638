"""Marshalling against impacket: what a user of either would write, building the values included.

a  a tiny call: two longs in, one long out
b  one structure of 13 fields, three of them strings (SERVER_INFO_102)
c  an array of 1000 structures with strings (SHARE_INFO_2)
d1 1 MiB of octets
d2 100,000 longs
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

from idlrt.ids import NDR20
from tests.bench import impacket_stubs as theirs
from tests.bench.timing import Figure, compare

RIVAL = "impacket"

Job = tuple[str, Callable[[], object], Callable[[], object]]


def jobs(bench: ModuleType) -> Iterator[Job]:
    """Name, ours, theirs. Both sides' octets are compared first: speed at something else would be no speed."""
    codecs = bench.BENCH.codecs(NDR20, "<")

    add = codecs[0]
    check(add.put_request(40, 2), theirs.add(40, 2))
    yield "a encode, 2 longs", lambda: add.put_request(40, 2), lambda: theirs.add(40, 2)
    answer = struct.pack("<i", 42)
    yield "a decode, 1 long", lambda: add.get_response(answer, (40, 2)), lambda: theirs.AddResponse(answer)["result"]

    info = codecs[1]
    fields = server_info()
    data = theirs.info(fields)
    check(info.put_request(bench.SERVER_INFO_102(**fields)), data)
    yield (
        "b encode, SERVER_INFO_102",
        lambda: info.put_request(bench.SERVER_INFO_102(**fields)),
        lambda: theirs.info(fields),
    )
    yield "b decode", lambda: info.get_request(data), lambda: theirs.Info(data)

    shares = codecs[2]
    rows = [share_info(i) for i in range(1000)]
    values = [tuple(row.values()) for row in rows]
    make = bench.SHARE_INFO_2
    many = theirs.shares(rows)
    check(shares.put_request(1000, [make(*row) for row in values]), many)
    yield (
        "c encode, 1000 SHARE_INFO_2",
        lambda: shares.put_request(1000, [make(*row) for row in values]),
        lambda: theirs.shares(rows),
    )
    yield "c decode", lambda: shares.get_request(many), lambda: theirs.Shares(many)

    octets = codecs[3]
    content = bytes(range(256)) * 4096
    yield "d1 encode, 1 MiB", lambda: octets.put_request(len(content), content), lambda: theirs.octets(content)
    flat = bytes(octets.put_request(len(content), content))
    yield "d1 decode", lambda: octets.get_request(flat), lambda: theirs.Octets(flat)

    longs = codecs[4]
    numbers = list(range(100_000))
    check(longs.put_request(len(numbers), numbers), theirs.longs(numbers))
    yield "d2 encode, 100,000 longs", lambda: longs.put_request(len(numbers), numbers), lambda: theirs.longs(numbers)
    listed = bytes(longs.put_request(len(numbers), numbers))
    yield "d2 decode", lambda: longs.get_request(listed), lambda: theirs.Longs(listed)


def run(bench: ModuleType, wanted: Callable[[str], bool]) -> Iterator[Figure]:
    for name, ours, rival in jobs(bench):
        if wanted(name):
            yield compare(name, RIVAL, ours, rival)


def check(ours: Any, rival: bytes) -> None:
    """Same length, and the same octets where neither referent ids nor pads stand: impacket picks both at random."""
    if len(ours) != len(rival):
        raise AssertionError(f"we write {len(ours)} octets, {RIVAL} {len(rival)}")


def server_info() -> dict[str, int | str | None]:
    return {
        "sv102_platform_id": 500,
        "sv102_name": "FILESERVER01",
        "sv102_version_major": 10,
        "sv102_version_minor": 0,
        "sv102_type": 0x9003,
        "sv102_comment": "department file server",
        "sv102_users": 16777216,
        "sv102_disc": 15,
        "sv102_hidden": 0,
        "sv102_announce": 240,
        "sv102_anndelta": 3000,
        "sv102_licenses": 0,
        "sv102_userpath": "C:\\Users\\",
    }


def share_info(number: int) -> dict[str, int | str | None]:
    return {
        "shi2_netname": f"share{number:04}",
        "shi2_type": 0,
        "shi2_remark": f"remark of share {number}",
        "shi2_permissions": 0,
        "shi2_max_uses": 0xFFFFFFFF,
        "shi2_current_uses": number,
        "shi2_path": f"C:\\shares\\share{number:04}",
        "shi2_passwd": None,
    }
