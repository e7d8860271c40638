"""A pipe that the IDL passes by value makes the octets of one by reference, in whole calls of every direction."""

from __future__ import annotations

from typing import Any

import pytest

from idlrt import rpc, testing
from idlrt.pdu.header import PType
from idlrt.transport import memory
from tests.compiled import compile_cached
from tests.rpc.services import on_a_loop

IDL = """
    [uuid(5fbc1a40-7f4c-4c33-9c7e-0b0c2f6a7e11), version(1.0)]
    interface Passed
    {{
        typedef struct {{ long l; short s; }} PAIR;
        typedef pipe PAIR PAIRS;
        typedef pipe byte OCTETS;
        long Work([in] long n, [in] PAIRS {0}given, [in, out] OCTETS {0}turned, [out] PAIRS {0}taken, [out] long *m);
    }}
"""
ACF = "interface Passed { [async] Work(); }"


def service(module: Any) -> rpc.Service:
    class Worker(module.PassedService):  # type: ignore[misc]
        async def Work(self, call: rpc.Call, n: int, given: Any, turned: Any, taken: Any) -> Any:
            pairs = [pair async for block in given for pair in block]
            octets = b"".join([block async for block in turned])
            await turned.push(octets[::-1])
            await turned.push(b"")
            await taken.push(pairs)
            await taken.push(())
            return module.WorkResult(m=len(pairs), return_value=n)

    made: rpc.Service = Worker()
    return made


async def stubs_of(module: Any, monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, bytes]]:
    """Type and octets of every request and response of one call."""
    seen: list[bytes] = []
    take = memory.MemoryTransport.take

    def listening(transport: Any, data: bytes) -> None:
        seen.append(data)
        take(transport, data)

    monkeypatch.setattr(memory.MemoryTransport, "take", listening)
    got: list[Any] = []
    async with testing.channel(service(module)) as channel:
        pairs = [[module.PAIR(1, 2), module.PAIR(3, 4)], [module.PAIR(5, 6)]]
        result = await module.PassedClient(channel).Work(7, pairs, ([b"abc"], got.append), got.extend)
    assert (result.m, result.return_value) == (3, 7)
    assert b"".join(got[:-3]) == b"cba"
    assert got[-3:] == [module.PAIR(1, 2), module.PAIR(3, 4), module.PAIR(5, 6)]
    monkeypatch.undo()
    return [(data[2], data) for data in seen if data[2] in (PType.REQUEST, PType.RESPONSE)]


@pytest.mark.parametrize("acf", [None, ACF], ids=["ordinary", "asynchronous"])
@on_a_loop
async def test_rule_8_7_by_value_and_by_reference_make_the_same_octets(
    acf: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_value, by_reference = (compile_cached(IDL.format(star), "passed", acf).module for star in ("", "*"))
    octets = await stubs_of(by_value, monkeypatch)
    assert {kind for kind, _ in octets} == {PType.REQUEST, PType.RESPONSE}
    assert await stubs_of(by_reference, monkeypatch) == octets
