"""Pipes on the wire, through whole calls: the octets of a trace of Windows, in both directions and to both ends.

The trace is of `long fn([out, ref] struct msg *o, [out] PIPE outp, [in] PIPE inp, [in] struct msg i)`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from struct import pack
from typing import Any

import pytest

from idlrt import pdu, rpc, testing
from idlrt.errors import AsyncCallPending, NdrError
from idlrt.ids import NDR20, NDR64, Order, SyntaxId
from idlrt.transport.memory import join
from tests.compiled import compile_cached
from tests.rpc.services import Lab, on_a_loop
from tests.rpc.specimen.lab import LabClient
from tests.vectors.strangers import StrangeClient, StrangeServer, channel_to

IDL = """
[uuid(7f1d3a52-0b6c-4e1f-9a77-52c0d8e4b911), version(1.0), pointer_default(unique)]
interface seen
{
    typedef struct { long l; [size_is(l)] char *m; } msg;
    typedef struct { long l; short s; } item;
    typedef pipe item PIPE;
    typedef pipe byte OCTETS;
    typedef pipe double NUMBERS;

    long fn([out, ref] msg *o, [out] PIPE outp, [in] PIPE inp, [in] msg i);
    long after([out] hyper *h, [out] OCTETS octets, [out] NUMBERS numbers);
}
"""
ACFS = {"synchronous": None, "asynchronous": "interface seen { [async] fn(); [async] after(); }"}


def stub(order: Order, *parts: str | bytes | int) -> bytes:
    """Octets from hexadecimal text, octets as they are, and 32-bit numbers."""
    made = b""
    for part in parts:
        if isinstance(part, int):
            made += pack(order + "I", part)
        else:
            made += part if isinstance(part, bytes) else bytes.fromhex(part)
    return made


def items(order: Order, count: int, octet: int) -> bytes:
    """A chunk of elements whose octets are all the same."""
    return stub(order, count, (bytes([octet]) * 6 + bytes(2)) * count)


REQUEST = stub("<", 3, 0x20000, 3, "AAAAAA 00", items("<", 1, 0xDD), 0)
RESPONSE = b"".join(
    (
        *(items("<", count, 0xCC) for count in (5, 4, 3, 2, 1)),
        stub("<", 0, 3, 0x20000, 3, "BBBBBB 00", "54727565"),
    )
)
TRUE = int.from_bytes(b"True", "little")


def test_rule_8_26_the_trace_is_as_long_as_it_was_seen() -> None:
    assert len(REQUEST) == 32
    assert len(RESPONSE) == 164


class Seen:
    """The interface, compiled with or without [async]."""

    def __init__(self, kind: str = "asynchronous") -> None:
        made = compile_cached(IDL, acf=ACFS[kind])
        self.module: Any = made.module
        (self.interface,) = made.interfaces
        self.msg = made.find_class("msg")
        self.item = made.find_class("item")

    def client(self, channel: rpc.Channel) -> Any:
        return self.module.SeenClient(channel)

    def message(self, text: bytes) -> Any:
        return self.msg(l=len(text), m=text or None)

    def of(self, count: int, octet: int) -> list[Any]:
        low, high = int.from_bytes(bytes([octet]) * 4, "little", signed=True), bytes([octet]) * 2
        return [self.item(l=low, s=int.from_bytes(high, "little", signed=True)) for _ in range(count)]

    def service(self, fn: Callable[..., Any], after: Callable[..., Any] | None = None) -> rpc.Service:
        methods = {"fn": fn, "after": after or fn}
        made: rpc.Service = type("Served", (self.module.SeenService,), methods)()
        return made

    def result(self, text: bytes, value: int) -> Any:
        return self.module.fnResult(self.message(text), value)


kinds = pytest.mark.parametrize("kind", list(ACFS))


@kinds
@on_a_loop
async def test_rule_8_26_our_client_sends_the_request_of_the_trace(kind: str) -> None:
    seen, server = Seen(kind), StrangeServer(NDR20, RESPONSE)
    got: list[Any] = []
    async with channel_to(server) as channel:
        answer = await seen.client(channel).fn(seen.message(b"\xaa" * 3), got.append, [seen.of(1, 0xDD)])
    assert server.stub[:4] + REQUEST[4:8] + server.stub[8:] == REQUEST  # but for the referent's name
    assert [item for block in got for item in block] == seen.of(15, 0xCC)
    assert (bytes(answer.o.m), answer.return_value) == (b"\xbb" * 3, TRUE)


@kinds
@on_a_loop
async def test_rule_8_26_our_server_sends_the_response_of_the_trace(kind: str) -> None:
    seen = Seen(kind)
    heard: list[Any] = []

    async def fn(self: Any, call: rpc.Call, outp: Any, inp: Any, i: Any) -> Any:
        heard.extend([bytes(i.m), *[item async for block in inp for item in block]])
        for count in (5, 4, 3, 2, 1):
            await outp.push(seen.of(count, 0xCC))
        await outp.push([])
        return seen.result(b"\xbb" * 3, TRUE)

    got = await asked(seen, fn, REQUEST)
    assert heard == [b"\xaa" * 3, *seen.of(1, 0xDD)]
    assert len(got) == 164
    assert got[:148] + RESPONSE[148:152] + got[152:] == RESPONSE


async def asked(
    seen: Seen,
    fn: Callable[..., Any],
    request: bytes,
    *,
    opnum: int = 0,
    make: type[StrangeClient] = StrangeClient,
    transfer: SyntaxId = NDR20,
    **options: Any,
) -> bytes:
    """What our server answers to a request of given octets."""
    async with rpc.Server([seen.service(fn)], transfers=(transfer,)) as server:
        client = make(seen.interface.syntax, transfer, opnum, request, **options)
        join(client, server.accept())
        answer: bytes = await client.answered
        client.transport.close()
        assert isinstance(answer, bytes), answer
        return answer


@on_a_loop
async def test_rule_8_27_data_of_unknown_size_precedes_a_pipe_and_works() -> None:
    seen, server = Seen(), StrangeServer(NDR20, RESPONSE)
    async with channel_to(server) as channel:
        await seen.client(channel).fn(seen.message(bytes(3000)), forget, [seen.of(2, 0xDD)])
    assert server.stub[3012:] == items("<", 2, 0xDD) + bytes(4)


def forget(block: Any) -> None:
    """A sink for what is of no interest."""


@pytest.mark.parametrize("order", ["<", ">"])
@on_a_loop
async def test_rule_8_28_a_chunk_is_a_count_and_elements_each_aligned_anew(order: Order) -> None:
    # 0x7777 needs no other octets in the other order.
    response = stub(order, 2, "77" * 6, "ffff", "77" * 6, "ffff", 1, "77" * 6, "ffff", 0, 0, 0, 5)
    seen = Seen()
    got: list[Any] = []
    async with channel_to(StrangeServer(NDR20, response, order)) as channel:
        answer = await seen.client(channel).fn(seen.message(b""), got.append, [])
    assert [item for block in got for item in block] == seen.of(3, 0x77)
    assert answer.return_value == 5


@on_a_loop
async def test_rule_8_28_a_server_reads_requests_of_either_order() -> None:
    seen = Seen()
    heard: list[Any] = []

    async def fn(self: Any, call: rpc.Call, outp: Any, inp: Any, i: Any) -> Any:
        heard.extend([item async for block in inp for item in block])
        await outp.push([])
        return seen.result(b"", 1)

    await asked(seen, fn, stub("<", 0, 0, items("<", 3, 0x11), 0))
    await asked(seen, fn, stub(">", 0, 0, items(">", 2, 0x22), 0), order=">")
    assert heard == seen.of(3, 0x11) + seen.of(2, 0x22)


@kinds
@on_a_loop
async def test_rule_8_29_in_ndr64_a_chunk_ends_with_its_negated_count(kind: str) -> None:
    def word(value: int) -> bytes:
        return pack("<q", value)

    elements = (b"\xdd" * 6 + bytes(2)) * 2
    seen = Seen(kind)
    response = word(0) * 2 + stub("<", 0, 0) + word(0) + stub("<", 9)
    server = StrangeServer(NDR64, response)
    async with channel_to(server, transfers=(NDR64,), ndr64_pipes=True) as channel:
        answer = await seen.client(channel).fn(seen.message(b""), forget, [seen.of(2, 0xDD)])
    pipe = word(2) + elements + word(-2) + word(0) * 2
    assert server.stub.endswith(pipe)
    assert len(server.stub) == 16 + len(pipe)
    assert answer.return_value == 9


def trace_of_8_30() -> bytes:
    """The request that was seen: 3012 octets of ordinary data, chunks of 35, 34, ..., 1 elements, the end."""
    numbers = iter(range(630))
    pipe = b"".join(
        stub("<", count, b"".join(pack("<ih2x", number, -1) for number in islice(numbers, count)))
        for count in range(35, 0, -1)
    )
    return stub("<", 3000, 0x20000, 3000, bytes(3000), pipe, 0)


@on_a_loop
async def test_rule_8_30_an_element_that_a_fragment_cuts_comes_whole_with_the_next_pull() -> None:
    request, seen = trace_of_8_30(), Seen()
    assert len(request) == 8196
    pulls: list[int] = []
    numbers: list[int] = []

    async def fn(self: Any, call: rpc.Call, outp: Any, inp: Any, i: Any) -> Any:
        while block := await inp.pull(1000):  # as many as there are; it would be 256 at a time otherwise
            pulls.append(len(block))
            numbers.extend(item.l for item in block)
        await outp.push([])
        return seen.result(b"", 1)

    await asked(seen, fn, request, cut=5816)  # fragments of 5840 octets
    assert pulls == [344, 286]
    assert sum(pulls) == 630
    assert len(numbers) == len(set(numbers))


@pytest.mark.parametrize("cut", [1, 2, 3, 5, 7, 11, 13, 4093])
@on_a_loop
async def test_rule_8_30_fragments_end_anywhere_for_those_who_wait_and_those_who_do_not(cut: int) -> None:
    request, seen = REQUEST if cut < 4 else trace_of_8_30(), Seen()
    expected = 1 if cut < 4 else 630
    for hasty in (False, True):
        got: list[Any] = []

        async def waiting(self: Any, call: rpc.Call, outp: Any, inp: Any, i: Any, to: list[Any] = got) -> Any:
            async for block in inp:
                to.extend(block)
            await outp.push([])
            return seen.result(b"", 1)

        async def told(self: Any, call: rpc.Call, outp: Any, inp: Any, i: Any, to: list[Any] = got) -> Any:
            def take(reply: Any, event: Any = rpc.AsyncEvent.RECEIVE_COMPLETE) -> None:
                if event is not rpc.AsyncEvent.RECEIVE_COMPLETE:
                    return
                try:
                    while block := inp.pull_nowait(10):
                        to.extend(block)
                except AsyncCallPending:
                    return
                outp.push_nowait([])
                reply.complete(seen.result(b"", 1))

            reply = call.defer(take)
            take(reply)
            return reply

        await asked(seen, told if hasty else waiting, request, cut=cut)
        assert len(got) == expected


@on_a_loop
async def test_rule_8_31_where_chunks_ended_is_not_preserved() -> None:
    seen = Seen()
    got: list[Any] = []
    async with channel_to(StrangeServer(NDR20, RESPONSE)) as channel:
        call = seen.client(channel).fn(seen.message(b""), got.append, [])
        await call
    assert [len(block) for block in got] == [15]  # pushed as 5, 4, 3, 2 and 1


@on_a_loop
async def test_rule_8_32_one_push_is_one_chunk() -> None:
    for hasty in (False, True):
        seen, server = Seen(), StrangeServer(NDR20, RESPONSE)
        async with channel_to(server) as channel, seen.client(channel).fn(seen.message(b"")) as call:
            for count in (3, 1, 2000, 2):
                if hasty:
                    call.inp.push_nowait(seen.of(count, 0xDD))
                else:
                    await call.inp.push(seen.of(count, 0xDD))
            await call.inp.push([])
            [block async for block in call.outp]
            await call.complete()
        assert server.stub[8:] == b"".join(items("<", count, 0xDD) for count in (3, 1, 2000, 2)) + bytes(4)


@on_a_loop
async def test_rule_9_12_bad_data_shows_at_the_servers_next_pull_and_is_the_clients_fault() -> None:
    seen = Seen()
    raised: list[Exception] = []

    async def fn(self: Any, call: rpc.Call, outp: Any, inp: Any, i: Any) -> Any:
        def take(reply: Any, event: Any) -> None:
            try:
                while inp.pull_nowait():
                    pass
            except AsyncCallPending:
                pass
            except NdrError as error:
                raised.append(error)
                assert reply.status() == 1914

        reply = call.defer(take)
        take(reply, None)
        return reply

    async with rpc.Server([seen.service(fn)]) as server:
        request = stub("<", 0, 0, items("<", 2, 0x11), 7, bytes(8))  # cut short
        client = StrangeClient(seen.interface.syntax, NDR20, 0, request, cut=8)
        join(client, server.accept())
        fault: Any = await client.answered
        client.transport.close()
    assert fault.status == 1783  # RPC_X_BAD_STUB_DATA
    assert len(raised) == 1


class Boasting(StrangeClient):
    """Announces more than there is room for."""

    def say(self, *said: pdu.AnyPdu) -> None:
        super().say(*(replace(each, alloc_hint=0xFFFFFFFF) if isinstance(each, pdu.Request) else each for each in said))


@pytest.mark.parametrize("client", [StrangeClient, Boasting])
@on_a_loop
async def test_rule_8_33_the_hint_says_nothing_of_the_size(client: type[StrangeClient]) -> None:
    seen = Seen()

    async def fn(self: Any, call: rpc.Call, outp: Any, inp: Any, i: Any) -> Any:
        count = sum([len(block) async for block in inp])
        await outp.push([])
        return seen.result(b"", count)

    answer = await asked(seen, fn, trace_of_8_30(), make=client, cut=5816)
    assert answer[-4:] == pack("<i", 630)


@on_a_loop
async def test_rule_8_34_what_follows_a_pipe_is_aligned_from_the_start_of_the_stub() -> None:
    # Three octets, then a pipe of doubles, then a hyper and the result.
    expected = (
        stub("<", 3, b"abc", "00", 0)  # 12 octets
        + stub("<", 1, pack("<d", 1.5), 0)  # the count at 12, the double at 16, the end at 24
        + stub("<", "00000000", pack("<q", -2), 7)  # the hyper at 32
    )
    seen = Seen()

    async def after(self: Any, call: rpc.Call, octets: Any, numbers: Any) -> Any:
        await octets.push(b"abc")
        await octets.push(b"")
        await numbers.push([1.5])
        await numbers.push([])
        return seen.module.afterResult(-2, 7)

    assert (await asked(seen, after, b"", opnum=1)).hex(" ", 4) == expected.hex(" ", 4)
    octets: list[bytes] = []
    numbers: list[float] = []
    async with channel_to(StrangeServer(NDR20, expected)) as channel:
        answer = await seen.client(channel).after(octets.append, numbers.extend)
    assert (b"".join(octets), numbers, answer.h, answer.return_value) == (b"abc", [1.5], -2, 7)


@pytest.mark.parametrize("ours", [1432, 1440, 4280, 5840, 65528])
@pytest.mark.parametrize("theirs", [1432, 65528])
@pytest.mark.parametrize("transfer", [NDR20, NDR64])
@on_a_loop
async def test_pipes_work_with_fragments_of_any_legal_size(ours: int, theirs: int, transfer: SyntaxId) -> None:
    seen = Seen()

    async def fn(self: Any, call: rpc.Call, outp: Any, inp: Any, i: Any) -> Any:
        got = [item async for block in inp for item in block]
        for at in range(0, len(got), 333):
            await outp.push(got[at : at + 333])
        await outp.push([])
        return seen.result(bytes(i.m), len(got))

    sent = [seen.item(l=number, s=number % 1000) for number in range(5000)]
    got: list[Any] = []
    async with (
        rpc.Server([seen.service(fn)], max_fragment=theirs, transfers=(transfer,)) as server,
        testing.connected(server, max_fragment=ours, transfers=(transfer,), ndr64_pipes=True) as channel,
    ):
        source = [sent[at : at + 77] for at in range(0, len(sent), 77)]
        answer = await seen.client(channel).fn(seen.message(b"odd"), got.extend, source)
    assert got == sent
    assert answer.return_value == 5000


@on_a_loop
async def test_blocks_that_were_pulled_stay_as_they_are() -> None:
    kept: list[Any] = []
    async with testing.channel(Lab()) as channel:
        async with LabClient(channel).Scale(by=2.0) as scale:
            for at in range(0, 100_000, 1000):
                await scale.readings.push([float(number) for number in range(at, at + 1000)])
            await scale.readings.push([])
            async for block in scale.scaled:
                kept.append(block)
            await scale.complete()
        numbers = [number for block in kept for number in block]
        assert numbers == [2.0 * number for number in range(100_000)]
        octets = []
        async with LabClient(channel).Download(1_000_000, 10_000) as down:
            while octet_block := await down.sink.pull(3333):
                octets.append(octet_block)
            await down.complete()
        await asyncio.sleep(0)
        assert b"".join(octets) == b"".join(bytes([number]) * 10_000 for number in range(100))
