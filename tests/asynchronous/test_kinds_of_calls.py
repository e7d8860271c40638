"""Which pipes go with which functions, how kinds of calls go together, and what they go over."""

from __future__ import annotations

from tempfile import TemporaryDirectory
from typing import Any

import pytest

from idlrt import rpc, testing
from idlrt.errors import AsyncCallPending, PipeObject
from idlrt.pipes import Procedures
from tests.asynchronous.stage import MODULE, Stage, staged
from tests.rpc.services import on_a_loop

BLOCK = bytes(range(10))


class Suppliers:
    """An [in] pipe as C programs of synchronous functions make it: the object is the state."""

    def __init__(self) -> None:
        self.left = [BLOCK, BLOCK]

    def alloc(self, octets: int) -> bytearray:
        return bytearray(min(octets, len(BLOCK)))

    def pull(self, memory: bytearray, most: int) -> int:
        if not self.left:
            return 0
        memory[: len(BLOCK)] = self.left.pop()
        return len(BLOCK)


def procedures() -> Procedures[Suppliers]:
    return Procedures(pull=Suppliers.pull, alloc=Suppliers.alloc, state=Suppliers())


@pytest.mark.parametrize("make", [Suppliers, procedures])
@on_a_loop
async def test_rule_9_1_pull_and_alloc_procedures_do_not_go_with_an_asynchronous_function(make: Any) -> None:
    stage = Stage()
    async with staged(stage) as channel:
        client = MODULE.StageClient(channel)
        with pytest.raises(PipeObject, match=r"Upload.*\[async\].*synchronous pipes do not go with"):
            await client.Upload(1, make())
        assert await client.Store(2, make()) == 20
    assert stage.arrived == [2]


@pytest.mark.parametrize("make", [Suppliers, procedures])
def test_rule_9_1_nor_at_a_client_of_threads(make: Any) -> None:
    stage = Stage()
    with testing.blocking_channel(stage) as channel:
        client = MODULE.StageBlockingClient(channel)
        with pytest.raises(PipeObject, match=r"Upload.*\[async\].*synchronous pipes do not go with"):
            client.Upload(1, make()).complete()
        assert client.Store(2, make()).complete() == 20
    assert stage.arrived == [2]


@on_a_loop
async def test_rule_9_2_push_and_pull_have_a_status_and_there_is_no_alloc() -> None:
    stage = Stage()
    stage.patient = True
    async with staged(stage) as channel:
        call = MODULE.StageClient(channel).Download(3)
        async with call:
            with pytest.raises(AsyncCallPending) as pending:
                call.sink.pull_nowait()
            assert pending.value.status == 997
            assert not hasattr(call.sink, "alloc")
            stage.gate(3).set()
            assert b"".join([block async for block in call.sink]) == bytes(4)
            assert await call.complete() == 3
        call = MODULE.StageClient(channel).Upload(4)
        async with call:
            assert call.source.push_nowait(BLOCK) is None  # RPC_S_OK
            assert not hasattr(call.source, "alloc")
            stage.gate(4).set()
            call.source.push_nowait(b"")
            assert await call.complete() == 10


def test_rule_9_3_both_kinds_are_of_the_same_pipe_type() -> None:
    synchronous, asynchronous = MODULE.StoreCall, MODULE.UploadCall
    assert synchronous.__annotations__ == asynchronous.__annotations__
    assert list(synchronous.__annotations__) == ["source"]
    operations: dict[str, rpc.Operation] = {each.name: each for each in MODULE.STAGE.operations}
    assert (operations["Store"].is_async, operations["Upload"].is_async) == (False, True)


@pytest.mark.parametrize("sequence", ["ncadg_ip_udp", "ncadg_ipx", "ncadg_mq"])
@on_a_loop
async def test_rule_8_9_there_are_no_datagrams_that_pipes_could_go_over(sequence: str) -> None:
    with pytest.raises(ValueError, match="not supported"):
        async with rpc.connect(f"{sequence}:127.0.0.1[4711]"):
            pass
    with pytest.raises(ValueError, match="not supported"):
        await rpc.Server([Stage()]).listen(f"{sequence}:127.0.0.1[4711]")


@pytest.mark.parametrize("sequence", ["ncacn_ip_tcp", "ncalrpc"])
@on_a_loop
async def test_rule_7_25_pipes_are_parameters_that_go_over_any_transport(sequence: str) -> None:
    with TemporaryDirectory() as folder:
        async with rpc.Server([Stage()]) as server:
            listening = "ncacn_ip_tcp:127.0.0.1[0]" if sequence == "ncacn_ip_tcp" else f"ncalrpc:[stage,dir={folder}]"
            async with rpc.connect(await server.listen(listening)) as channel:
                client = MODULE.StageClient(channel)
                got: list[bytes] = []
                assert await client.Download(9, got.append) == 9
                assert b"".join(got) == bytes(10)
                assert await client.Upload(1, [BLOCK]) == 10


@on_a_loop
async def test_rule_7_25_calls_that_wait_for_long_cost_no_connection_each() -> None:
    stage = Stage()
    stage.patient = True
    async with staged(stage) as channel:
        client = MODULE.StageClient(channel)
        calls = [client.Async(number) for number in range(200)]
        await stage.until(lambda: len(stage.running) == 200)
        assert len(stage.connections) == 1
        for number in range(200):
            stage.gate(number).set()
        assert [await call for call in calls] == list(range(200))


@on_a_loop
async def test_rule_7_20_sync_calls_run_as_they_arrive_whatever_becomes_of_async_ones() -> None:
    stage = Stage()
    stage.patient = True
    async with staged(stage) as channel:
        client = MODULE.StageClient(channel)
        pending = client.Async(0)
        await stage.until(lambda: stage.arrived == [0])
        for number in range(1, 6):
            stage.gate(number).set()
            assert await client.Sync(number) == number
        assert stage.arrived == [0, 1, 2, 3, 4, 5]
        assert not pending.done
        stage.gate(0).set()
        assert await pending == 0
