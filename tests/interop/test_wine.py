"""Wine's rpcrt4, both ways: every operation of lab.idl, called by us and called from there."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from idlrt import blocking, ndr, rpc
from idlrt.errors import RpcFault
from tests.interop import peers
from tests.interop.lab_service import lab_service


@pytest.fixture(scope="module")
def client(lab: ModuleType, wine_port: int) -> Iterator[Any]:
    with blocking.connect(f"ncacn_ip_tcp:127.0.0.1[{wine_port}]") as channel:
        yield lab.LabBlockingClient(channel)


def test_add(client: Any) -> None:
    assert client.lab_add(40, 2) == 42
    assert client.lab_add(2**31 - 1, 1) == -(2**31)


@pytest.mark.parametrize("text", ["h\u00e9llo \u65e5\u672c", "", "\U0001f600"])
def test_echo(client: Any, text: str) -> None:
    assert client.lab_echo(text).s == text


@pytest.mark.parametrize("count", [0, 1, 1000, 20000])
def test_sum_in_one_fragment_and_in_many(client: Any, count: int) -> None:
    assert client.lab_sum(list(range(count))) == count * (count - 1) // 2


def test_rec(client: Any, lab: ModuleType) -> None:
    done = client.lab_rec(lab.REC(id=7, big=0x123456789ABC, name="rec", n=3, items=[1, 2, 3]))
    assert done.o == lab.REC(id=8, big=-0x123456789ABC, name="rec", n=3, items=[3, 2, 1])
    assert done.return_value == 3


def test_rec_with_null_pointers(client: Any, lab: ModuleType) -> None:
    record, count = client.lab_rec(lab.REC(id=0, big=0, name=None, n=0, items=None))
    assert (record.name, record.items, count) == (None, None, 0)


def test_conformant_structure(client: Any, lab: ModuleType) -> None:
    assert client.lab_conf(lab.CONF(n=5, tail=[1, 2, 3, 4, 5])) == 15


@pytest.mark.parametrize(("tag", "value", "answer"), [(1, 21, 42), (2, 3.0, 1.5), (3, "uni", "uni"), (9, None, None)])
def test_every_arm_of_the_union(client: Any, lab: ModuleType, tag: int, value: Any, answer: Any) -> None:
    tagged, returned = client.lab_union(lab.TAGGED(tag=tag, u=lab.ANY(tag, value)))
    assert (tagged.u.value, tagged.tag, returned) == (answer, tag, tag)


def test_enumeration(client: Any, lab: ModuleType) -> None:
    done = client.lab_color(lab.COLOR.GREEN)
    assert (done.return_value, done.next) == (lab.COLOR.GREEN, lab.COLOR.BLUE)


def test_context_handle(client: Any) -> None:
    handle = client.lab_open(100).ctx
    assert handle is not None
    assert [client.lab_next(handle).value for _ in range(3)] == [100, 101, 102]
    assert client.lab_close(handle).ctx is None


def test_scalars_of_every_width(client: Any) -> None:
    assert tuple(client.lab_mix(1 << 40, 2.5, 0.25, -3, 200, True)) == ((1 << 40) - 3 + 200 + 1, 5.0, 1.25, 3, 2)


def test_varying_array(client: Any) -> None:
    done = client.lab_range(10)
    assert (done.len_, done.v, done.return_value) == (5, [0, 1, 4, 9, 16], 0)


def test_linked_list(client: Any, lab: ModuleType) -> None:
    done = client.lab_list(lab.NODE(1, lab.NODE(2, lab.NODE(3, None))))
    assert done.rev == lab.NODE(3, lab.NODE(2, lab.NODE(1, None)))
    assert done.return_value == 3
    assert client.lab_list(None).rev is None


def test_aliases_are_told_apart_from_equal_values(client: Any) -> None:
    one = ndr.Ref(1)
    assert client.lab_alias(one, ndr.Ref(1)) == 0
    assert client.lab_alias(None, one) == -1
    assert client.lab_alias(one, one) == 1


def test_octets_by_reference(client: Any) -> None:
    done = client.lab_blob(300)
    assert done.m == 300
    assert done.b == bytes(i & 255 for i in range(300))


def test_fault(client: Any) -> None:
    with pytest.raises(RpcFault) as caught:
        client.lab_fault(1234)
    assert caught.value.status == 1234
    assert client.lab_add(1, 1) == 2


def test_the_same_by_asyncio(lab: ModuleType, wine_port: int) -> None:
    async def calls() -> tuple[Any, ...]:
        async with rpc.connect(f"ncacn_ip_tcp:127.0.0.1[{wine_port}]") as channel:
            client = lab.LabClient(channel)
            return await client.lab_add(40, 2), (await client.lab_echo("async")).s, await client.lab_sum([1, 2, 3])

    assert asyncio.run(calls()) == (42, "async", 6)


def test_wine_s_client_finds_nothing_wrong_with_our_server(lab: ModuleType) -> None:
    async def serve() -> str:
        async with rpc.Server([lab_service(lab)]) as server:
            port = peers.free_port()
            await server.listen(f"ncacn_ip_tcp:127.0.0.1[{port}]")
            return await asyncio.to_thread(peers.run_wine_client, port)

    output = asyncio.run(serve())
    assert "30 ok, 0 failed" in output, output
    assert "FAIL" not in output, output
