"""Marshalling against others: what a user of either would write, building the values and reading every field.

a  a tiny call: two longs in, one long out
b  one structure of 13 fields, three of them strings (SERVER_INFO_102)
c  an array of 1000 structures with strings (SHARE_INFO_2)
d1 1 MiB of octets
d2 100,000 longs

Against impacket b is decoded without reading its fields: by then impacket has read everything.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from types import ModuleType
from typing import Any

from idlrt.ids import NDR20, NDR64
from tests.bench import impacket_stubs, protobuf_messages, samba_stubs
from tests.bench.protobuf_messages import SHARE_FIELDS
from tests.bench.timing import Figure, compare, spelled

Call = Callable[[], Any]
IMPACKET, SAMBA, PROTOBUF = "impacket", "Samba's C bindings", f"protobuf ({protobuf_messages.BACK_END})"


@dataclass(frozen=True, slots=True)
class Job:
    name: str
    rival: str
    ours: Call
    theirs: Call
    floor: float
    aim: float


def run(bench: ModuleType, wanted: Callable[[str], bool]) -> Iterator[Figure]:
    for job in jobs(bench):
        if wanted(job.name):
            yield compare(job.name, job.rival, job.ours, job.theirs, job.floor, job.aim)
    if wanted("NDR64"):
        yield from among_ours(bench)
    if samba_stubs.srvsvc is None:
        print(f"c encode, decode: {SAMBA}: absent", file=sys.stderr)


def jobs(bench: ModuleType) -> Iterator[Job]:
    """Both sides' octets are compared first where they are of one kind: speed at something else would be no speed."""
    yield from tiny(bench)
    yield from structure(bench)
    yield from rows(bench)
    yield from octets(bench)
    yield from longs(bench)


def tiny(bench: ModuleType) -> Iterator[Job]:
    add = bench.BENCH.codecs(NDR20, "<")[0]
    check(add.put_request(40, 2), impacket_stubs.add(40, 2))
    answer = struct.pack("<i", 42)
    theirs = impacket_stubs.AddResponse
    yield Job(
        "a encode, 2 longs", IMPACKET, lambda: add.put_request(40, 2), lambda: impacket_stubs.add(40, 2), 40, 100
    )
    yield Job(
        "a decode, 1 long", IMPACKET, lambda: add.get_response(answer, ()), lambda: theirs(answer)["result"], 40, 100
    )


def structure(bench: ModuleType) -> Iterator[Job]:
    codec, make, fields = bench.BENCH.codecs(NDR20, "<")[1], bench.SERVER_INFO_102, server_info()
    data, message = impacket_stubs.info(fields), protobuf_messages.info(fields)

    def encode() -> Any:
        return codec.put_request(make(**fields))

    def decode() -> Any:
        return codec.get_request(data)

    check(encode(), data)
    parse = protobuf_messages.Info.FromString

    reads = [f"made.{name}" for name in fields]
    ours = spelled(["(made,) = get(data)", *reads], {"get": codec.get_request, "data": data})
    theirs = spelled(["made = parse(data)", *reads], {"parse": parse, "data": message})
    yield Job("b encode, SERVER_INFO_102", IMPACKET, encode, lambda: impacket_stubs.info(fields), 100, 150)
    yield Job("b encode", PROTOBUF, encode, lambda: protobuf_messages.info(fields), 1.0, 1.1)
    yield Job("b decode", IMPACKET, decode, lambda: impacket_stubs.Info(data), 100, 120)
    yield Job("b decode", PROTOBUF, ours, theirs, 0.7, 0.9)


def rows(bench: ModuleType) -> Iterator[Job]:
    codec, make = bench.BENCH.codecs(NDR20, "<")[2], bench.SHARE_INFO_2
    shares = [share_info(number) for number in range(1000)]
    values = [tuple(share.values()) for share in shares]
    data, message = impacket_stubs.shares(shares), protobuf_messages.shares(shares)

    def encode() -> Any:
        return codec.put_request(1000, [make(*row) for row in values])

    def reading(get: Call, fields: Iterable[str], field: str = "each.{}") -> Call:
        return spelled([f"for each in get(): {'; '.join(map(field.format, fields))}"], {"get": get})

    check(encode(), data)
    decode = reading(lambda: codec.get_request(data)[1], SHARE_FIELDS)
    yield Job("c encode, 1000 SHARE_INFO_2", IMPACKET, encode, lambda: impacket_stubs.shares(shares), 250, 390)
    theirs = [samba_stubs.in_their_form(share) for share in shares]
    if samba_stubs.srvsvc is not None:
        yield Job("c encode", SAMBA, encode, lambda: samba_stubs.shares(theirs), 9, 14)
    yield Job("c encode", PROTOBUF, encode, lambda: protobuf_messages.shares(shares), 1.3, 2.0)
    in_impacket = reading(lambda: impacket_stubs.Shares(data)["shares"], SHARE_FIELDS, "each[{!r}]")
    yield Job("c decode", IMPACKET, decode, in_impacket, 100, 150)
    if samba_stubs.srvsvc is not None:
        packed = samba_stubs.shares(theirs)
        in_samba = reading(lambda: samba_stubs.read(packed), samba_stubs.FIELDS)
        yield Job("c decode", SAMBA, decode, in_samba, 2.2, 3)
    in_protobuf = reading(lambda: protobuf_messages.Shares.FromString(message).shares, SHARE_FIELDS)
    yield Job("c decode", PROTOBUF, decode, in_protobuf, 0.35, 0.5)


def octets(bench: ModuleType) -> Iterator[Job]:
    """Of a view nothing is copied but into the stub; what is decoded owns its memory."""
    codec = bench.BENCH.codecs(NDR20, "<")[3]
    content = bytes(range(256)) * 4096
    size, view = len(content), memoryview(content)
    data, message = bytes(codec.put_request(size, content)), protobuf_messages.octets(content)
    received = memoryview(data)

    def write() -> bytes:
        return protobuf_messages.octets(content)

    def read() -> Any:
        return protobuf_messages.Octets.FromString(message).data

    yield Job("d1 encode, 1 MiB", PROTOBUF, lambda: codec.put_request(size, content), write, 1.5, 3)
    yield Job("d1 encode, from a memoryview", PROTOBUF, lambda: codec.put_request(size, view), write, 1.5, 3)
    yield Job("d1 decode", PROTOBUF, lambda: codec.get_request(data), read, 1.5, 3)
    yield Job("d1 decode, of a memoryview", PROTOBUF, lambda: codec.get_request(received), read, 1.5, 3)


def longs(bench: ModuleType) -> Iterator[Job]:
    codec = bench.BENCH.codecs(NDR20, "<")[4]
    numbers = list(range(100_000))
    count = len(numbers)
    data, message = bytes(codec.put_request(count, numbers)), protobuf_messages.longs(numbers)
    check(data, impacket_stubs.longs(numbers))

    def write() -> bytes:
        return protobuf_messages.longs(numbers)

    def read() -> list[int]:
        return list(protobuf_messages.Longs.FromString(message).values)

    yield Job("d2 encode, 100,000 longs", PROTOBUF, lambda: codec.put_request(count, numbers), write, 1.2, 1.7)
    yield Job("d2 decode, to a list", PROTOBUF, lambda: codec.get_request(data), read, 1.8, 2.3)


def among_ours(bench: ModuleType) -> Iterator[Figure]:
    """NDR64 and big-endian data beside little-endian NDR 2.0: the worst of all workloads."""
    plain = workloads(bench, NDR20, "<")
    for name, transfer, order, floor in (("NDR64", NDR64, "<", 0.8), ("big-endian", NDR20, ">", 0.7)):
        figures = [
            compare(f"{name}, worst: {job}", "NDR 2.0, little-endian", ours, plain[job], floor)
            for job, ours in workloads(bench, transfer, order).items()
        ]
        yield min(figures, key=lambda figure: figure.ratio)


def workloads(bench: ModuleType, transfer: Any, order: str) -> dict[str, Call]:
    codecs = bench.BENCH.codecs(transfer, order)
    inputs = {
        "a": (0, (40, 2)),
        "b": (1, (bench.SERVER_INFO_102(**server_info()),)),
        "c": (2, (1000, [bench.SHARE_INFO_2(*share_info(number).values()) for number in range(1000)])),
        "d2": (4, (100_000, list(range(100_000)))),
    }
    made: dict[str, Call] = {}
    for name, (opnum, values) in inputs.items():
        put, get = codecs[opnum].put_request, codecs[opnum].get_request
        data = bytes(put(*values))
        made[f"{name} encode"] = partial(put, *values)
        made[f"{name} decode"] = partial(get, data)
    return made


def check(ours: Any, rival: bytes) -> None:
    """Same length, and the same octets where neither referent ids nor pads stand: impacket picks both at random."""
    if len(ours) != len(rival):
        raise AssertionError(f"we write {len(ours)} octets, {IMPACKET} {len(rival)}")


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
