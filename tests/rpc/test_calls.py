"""Ordinary calls on an event loop: over every transport, many at a time, and what goes wrong in them."""

from __future__ import annotations

import asyncio
import gc
import logging
import tracemalloc
from collections.abc import Callable
from dataclasses import replace

import pytest

from idlrt import ndr, rpc, testing
from idlrt.association import ServerConfig
from idlrt.errors import (
    BindRefused,
    CallCancelled,
    ConnectError,
    ConnectionLost,
    LocalProtocolError,
    NdrError,
    RpcFault,
    RpcTimeout,
)
from tests.rpc.services import WAYS, Lab, ThreadedLab, on_a_loop, reach, until
from tests.rpc.specimen.lab import LAB, LabClient, LabService, StatResult
from tests.traced import traced


@pytest.mark.parametrize("way", WAYS)
@on_a_loop
async def test_a_call_goes_there_and_back(way: str) -> None:
    async with reach(way, Lab()) as channel:
        client = LabClient(channel)
        assert await client.Add(2, 3) == 5
        assert await client.Stat(7) == StatResult(7000, 7)
        size, value = await client.Stat(7)
        assert (size, value) == (7000, 7)


@pytest.mark.parametrize("way", WAYS)
@on_a_loop
async def test_large_parameters_take_many_fragments(way: str) -> None:
    data = bytes(range(256)) * 4000
    async with reach(way, Lab()) as channel:
        assert await LabClient(channel).Echo(data) == data


@on_a_loop
async def test_plain_methods_run_in_threads() -> None:
    service = ThreadedLab()
    async with reach("memory", service) as channel:
        assert await LabClient(channel).Add(2, 3) == 5
    assert all(name.startswith("idlrt") for name in service.threads)


@on_a_loop
async def test_many_calls_at_a_time_are_of_one_association_group() -> None:
    service = Lab()
    async with testing.channel(service) as channel:
        client = LabClient(channel)
        assert await asyncio.gather(*(client.Add(n, n) for n in range(100))) == [2 * n for n in range(100)]
        assert len({call.group_id for call in service.calls}) == 1


@on_a_loop
async def test_a_slow_call_does_not_hold_up_a_fast_one() -> None:
    async with testing.channel(Lab()) as channel:
        client = LabClient(channel)
        slow = client.Sleep(5000)
        assert await client.Add(1, 1) == 2
        assert not slow.done
        slow.cancel()
        with pytest.raises(CallCancelled):
            await slow


@on_a_loop
async def test_async_calls_run_side_by_side() -> None:
    async with testing.channel(Lab()) as channel:
        client = LabClient(channel)
        started = asyncio.get_running_loop().time()
        calls = [client.Sleep(1000) for _ in range(5)]
        assert [await call for call in calls] == [1000] * 5
        assert asyncio.get_running_loop().time() - started < 4


@on_a_loop
async def test_a_maybe_call_has_no_answer() -> None:
    service = Lab()
    async with testing.channel(service) as channel:
        client = LabClient(channel)
        await client.Note(5)
        await client.Add(0, 0)
    assert service.notes == [5]


@on_a_loop
async def test_a_fault_that_a_service_raises_arrives() -> None:
    async with testing.channel(Lab()) as channel:
        with pytest.raises(RpcFault) as caught:
            await LabClient(channel).Fail(1)
        assert caught.value.status == 0x5678
        with pytest.raises(CallCancelled):
            await LabClient(channel).Fail(2)


@on_a_loop
async def test_other_exceptions_are_logged_and_tell_the_client_nothing() -> None:
    logger, records = logging.getLogger("idlrt.server"), []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            records.append(record)

    handler = Keep()
    logger.addHandler(handler)
    try:
        async with testing.channel(Lab()) as channel:
            with pytest.raises(RpcFault) as caught:
                await LabClient(channel).Fail(0)
    finally:
        logger.removeHandler(handler)
    assert caught.value.name == "nca_s_fault_unspec"
    assert "secret" not in str(caught.value)
    assert any(record.exc_info for record in records)


@on_a_loop
async def test_values_that_do_not_fit_fail_before_anything_is_sent() -> None:
    async with testing.channel(Lab()) as channel:
        client = LabClient(channel)
        with pytest.raises(NdrError):
            await client.Add(1 << 40, 0)
        assert await client.Add(1, 1) == 2


@on_a_loop
async def test_an_unknown_operation_is_out_of_range() -> None:
    class Newer(LabClient):
        interface = rpc.Interface(
            "lab",
            str(LAB.syntax.uuid),
            (1, 0),
            module=LAB._module,
            codec="_lab_codec",
            operations=(rpc.Operation("Add", 0), rpc.Operation("Later", 99)),
        )

    async with testing.channel(Lab()) as channel:
        link, context = await channel.pool.acquire(LAB, LAB.by_opnum[0])
        exchange = await _raw(channel, link, context.context_id, 99, b"")
        assert isinstance(exchange, RpcFault)
        assert exchange.name == "nca_s_op_rng_error"
        assert not exchange.executed


@on_a_loop
async def test_bad_stub_data_did_not_execute() -> None:
    async with testing.channel(Lab()) as channel:
        link, context = await channel.pool.acquire(LAB, LAB.by_opnum[0])
        fault = await _raw(channel, link, context.context_id, 1, b"\xff\xff\xff\xff")
        assert isinstance(fault, RpcFault)
        assert (fault.status, fault.executed) == (0x6F7, False)
        assert await LabClient(channel).Add(1, 1) == 2


async def _raw(channel: rpc.Channel, link: object, context_id: int, opnum: int, stub: bytes) -> object:
    from idlrt.association import Stub
    from idlrt.rpc.link import Link

    assert isinstance(link, Link)
    answer: asyncio.Future[object] = asyncio.get_running_loop().create_future()

    class Receiver:
        callbacks = None

        def stub(self, event: Stub) -> bool:
            answer.set_result(event.data)
            return True

        def parts(self, parts: list[memoryview]) -> None: ...

        def fail(self, error: Exception) -> None:
            answer.set_result(error)

        def settle(self) -> None: ...

        def wake(self) -> None: ...

        def flush(self) -> None: ...

    call_id = link.association.start_call(context_id, opnum)
    link.register(call_id, Receiver())
    link.association.send_stub(call_id, stub)
    link.send()
    return await answer


@on_a_loop
async def test_an_interface_that_is_not_offered_is_refused_with_help() -> None:
    class OtherClient(LabClient):
        interface = rpc.Interface(
            "other",
            "11111111-2222-3333-4444-555555555555",
            (1, 0),
            module=LAB._module,
            codec="_lab_codec",
            operations=LAB.operations,
        )

    async with testing.channel(Lab()) as channel:
        with pytest.raises(BindRefused, match="version of the interface"):
            await OtherClient(channel).Add(1, 2)
        assert await LabClient(channel).Add(1, 2) == 3


@pytest.mark.parametrize(("version", "offered"), [((1, 0), True), ((1, 2), True), ((1, 3), False), ((2, 0), False)])
@on_a_loop
async def test_a_server_serves_its_minor_version_and_older_ones(version: tuple[int, int], offered: bool) -> None:
    class VersionedClient(LabClient):
        interface = rpc.Interface(
            "lab", str(LAB.syntax.uuid), version, module=LAB._module, codec="_lab_codec", operations=LAB.operations
        )

    async with testing.channel(Lab()) as channel:
        if offered:
            assert await VersionedClient(channel).Add(1, 2) == 3
        else:
            with pytest.raises(BindRefused):
                await VersionedClient(channel).Add(1, 2)


@on_a_loop
async def test_a_second_interface_is_added_to_the_connection() -> None:
    class SecondService(Lab):
        interface = rpc.Interface(
            "second",
            "11111111-2222-3333-4444-555555555555",
            (1, 0),
            module=LAB._module,
            codec="_lab_codec",
            operations=LAB.operations,
        )

    class SecondClient(LabClient):
        interface = SecondService.interface

    async with testing.channel(Lab(), SecondService()) as channel:
        assert await LabClient(channel).Add(1, 2) == 3
        assert await SecondClient(channel).Add(1, 2) == 3
        assert len(channel.pool.links) == 1


def test_two_services_of_one_interface_are_refused() -> None:
    with pytest.raises(ValueError, match="two services"):
        rpc.Server([Lab(), Lab()])


@on_a_loop
async def test_no_server_there_is_said_at_once() -> None:
    with pytest.raises(ConnectError, match="check that it runs"):
        await rpc.connect("ncacn_ip_tcp:127.0.0.1[1]")
    with pytest.raises(ConnectError, match="same ncalrpc directory"):
        await rpc.connect("ncalrpc:[nobody,dir=/nonexistent]")


@on_a_loop
async def test_a_binding_without_endpoint_takes_the_one_of_the_idl() -> None:
    async with rpc.connect("ncacn_ip_tcp:127.0.0.1") as channel:
        with pytest.raises(ConnectError, match="44551"):
            await LabClient(channel).Add(1, 1)
    async with rpc.connect("ncalrpc:") as channel:
        with pytest.raises(ConnectError, match="no endpoint is known"):
            await LabClient(channel).Add(1, 1)


@on_a_loop
async def test_a_server_listens_where_the_idl_says() -> None:
    async with rpc.Server([Lab()]) as server:
        assert await server.listen("ncacn_ip_tcp:127.0.0.1") == "ncacn_ip_tcp:127.0.0.1[44551]"
        with pytest.raises(ValueError, match="no interface declares"):
            await server.listen("ncalrpc:")
        with pytest.raises(ValueError, match="not supported"):
            await server.listen("ncacn_np:[x]")


@on_a_loop
async def test_a_call_that_takes_too_long_times_out_and_the_channel_goes_on() -> None:
    service = Lab()
    async with testing.channel(service, timeout=0.05) as channel:
        client = LabClient(channel)
        with pytest.raises(RpcTimeout):
            await client.Sleep(20_000)
        service.gate.set()
        patient = LabClient(channel, timeout=30)
        assert await patient.Add(1, 2) == 3
        assert await patient.Sleep(100) == 100


@on_a_loop
async def test_a_server_that_does_not_answer_the_bind_times_out() -> None:
    server = await asyncio.get_running_loop().create_server(asyncio.Protocol, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with rpc.connect(f"ncacn_ip_tcp:127.0.0.1[{port}]", connect_timeout=0.05) as channel:
        with pytest.raises(RpcTimeout):
            await LabClient(channel).Add(1, 1)
    server.close()
    await asyncio.sleep(0.01)


def test_a_channel_belongs_to_its_loop() -> None:
    async def open_one() -> rpc.Channel:
        return await rpc.connect("ncacn_ip_tcp:127.0.0.1")

    channel = asyncio.run(open_one())

    async def use(channel: rpc.Channel) -> None:
        with pytest.raises(LocalProtocolError, match="another event loop"):
            await LabClient(channel).Add(1, 1)
        with pytest.raises(LocalProtocolError, match=r"idlrt\.blocking"):
            await LabClient(channel).Sleep(1)

    asyncio.run(use(channel))


@on_a_loop
async def test_calls_fail_when_the_channel_is_closed() -> None:
    service = Lab()
    async with testing.channel(service) as channel:
        call = LabClient(channel).Sleep(20_000)
        await until(lambda: service.calls)
        await channel.close()
        with pytest.raises(ConnectionLost):
            await call
        with pytest.raises(ConnectionLost):
            await LabClient(channel).Add(1, 1)
        service.gate.set()


@on_a_loop
async def test_a_channel_reconnects_after_the_server_came_back() -> None:
    async with rpc.Server([Lab()]) as server:
        binding = await server.listen("ncacn_ip_tcp:127.0.0.1[0]")
        channel = await rpc.connect(binding)
        client = LabClient(channel)
        assert await client.Add(1, 1) == 2
    async with rpc.Server([Lab()]) as server:
        await asyncio.sleep(0.01)
        await server.listen(binding)
        assert await client.Add(1, 1) == 2
        await channel.close()


@on_a_loop
async def test_a_stopping_server_lets_calls_finish() -> None:
    async with rpc.Server([Lab()]) as server, testing.connected(server) as channel:
        call = LabClient(channel).Sleep(50)
        await until(lambda: server.calls)
        await server.stop()
        assert await call == 50


@on_a_loop
async def test_a_stopping_server_cuts_off_what_does_not_finish() -> None:
    async with rpc.Server([Lab()]) as server, testing.connected(server) as channel:
        call = LabClient(channel).Sleep(9_000)
        await until(lambda: server.calls)
        await server.stop(grace=0.01)
        with pytest.raises((CallCancelled, ConnectionLost)):
            await call


@on_a_loop
async def test_a_server_reads_the_other_byte_order_and_answers_in_its_own() -> None:
    from idlrt.association import ClientConfig

    async with testing.channel(Lab()) as channel:
        channel.pool.config = ClientConfig(order=">")
        link, context = await channel.pool.acquire(LAB, LAB.by_opnum[0])
        stub = LAB.codecs(context.transfer, ">")[0].put_request(2, 3)
        assert stub == bytes([0, 0, 0, 2, 0, 0, 0, 3])
        assert await _raw(channel, link, context.context_id, 0, bytes(stub)) == bytes([5, 0, 0, 0])


@on_a_loop
async def test_the_object_uuid_and_the_client_show_at_the_server() -> None:
    from uuid import UUID

    service, name = Lab(), UUID(int=5)
    async with reach("tcp", service) as channel:
        await LabClient(channel, object=name).Add(1, 1)
    assert service.calls[0].object == name
    assert service.calls[0].client.startswith("127.0.0.1:")
    assert service.calls[0].operation.name == "Add"
    assert service.calls[0].interface is LAB
    assert not service.calls[0].cancelled


@on_a_loop
async def test_calls_take_turns_on_several_connections_when_the_server_does_not_multiplex() -> None:
    class OneAtATime(rpc.Server):
        def config(self, join: Callable[[int], int | None], endpoint: str) -> ServerConfig:
            return replace(super().config(join, endpoint), multiplex=False)

    service = Lab()
    async with OneAtATime([service]) as server, testing.connected(server, connections=3) as channel:
        client = LabClient(channel)
        calls = [client.Sleep(20) for _ in range(6)]
        assert await asyncio.gather(*(client.Add(n, n) for n in range(10))) == [2 * n for n in range(10)]
        assert [await call for call in calls] == [20] * 6
        assert len(channel.pool.links) == 3
    assert len({call.group_id for call in service.calls}) == 1


@on_a_loop
async def test_a_thousand_calls_leak_nothing() -> None:
    async with testing.channel(Lab()) as channel:
        client = LabClient(channel)

        async def some(count: int) -> None:
            for _ in range(count):
                await client.Echo(b"x" * 100)
                await client.Upload(0, [b"abc"])

        await some(100)
        gc.collect()
        objects = len(gc.get_objects())
        with traced():
            await some(1000)
            gc.collect()
            held, _ = tracemalloc.get_traced_memory()
        assert len(gc.get_objects()) - objects < 300
        assert held < 200_000


def test_declarations_are_light_to_import() -> None:
    import subprocess
    import sys

    script = "import sys; from idlrt import blocking, ndr, pipes, rpc; rpc.Client; assert 'asyncio' not in sys.modules"
    subprocess.run([sys.executable, "-c", script], check=True)


def test_a_module_for_another_runtime_is_refused() -> None:
    import idlrt

    with pytest.raises(ImportError, match="newer runtime"):
        idlrt.require(99)


def test_a_result_is_like_a_tuple() -> None:
    result = StatResult(1, 2)
    assert tuple(result) == (1, 2)
    assert result[1] == 2
    assert len(result) == 2
    assert repr(result) == "StatResult(size=1, return_value=2)"
    assert result != StatResult(1, 3)
    assert issubclass(LabService, rpc.Service)
    assert ndr.CODEC_ERRORS
