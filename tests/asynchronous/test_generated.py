"""What idlc writes is used in MIDL's form, from the IDL to the result."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import idlc
from idlrt import rpc, testing
from idlrt.errors import RpcFault
from tests.in_memory import load
from tests.rpc.services import on_a_loop

IDL = """
[uuid(6b29fc40-ca47-1067-b31d-00dd010662da), version(1.0)]
interface watch
{
    long Watch([in] handle_t h, [in] long id, [out] long *value);
    void Stop([in] handle_t h);
    long Plain([in] handle_t h, [in] long id);
    error_status_t Try([in] handle_t h, [in] long id);
}
"""
ACF = "interface watch { [async] Watch(); [async] Stop(); [async, comm_status, fault_status] Try(); }"


def compiled() -> Any:
    report = idlc.compile_text(IDL, "watch.idl", acf=ACF)
    report.raise_for_errors()
    return load({name: str(text) for name, text in report.files.items()}, "watch")


@on_a_loop
async def test_rule_7_22_generated_clients_and_services_go_through_both_state_machines() -> None:
    module = compiled()
    replies: asyncio.Queue[rpc.AsyncReply[Any]] = asyncio.Queue()

    class Watcher(module.WatchService):  # type: ignore[misc, name-defined]
        async def Watch(self, call: rpc.Call, id: int) -> Any:
            replies.put_nowait(call.defer())

        def Stop(self, call: rpc.Call) -> Any:
            call.defer().complete()

        def Plain(self, call: rpc.Call, id: int) -> Any:
            reply = call.defer()
            reply.complete(id + 1)
            return reply

        def Try(self, call: rpc.Call, id: int) -> int:
            return id

    async with testing.channel(Watcher()) as channel:
        client = module.WatchClient(channel)
        event = asyncio.Event()
        handle = client.Watch(7).handle(event)
        (await replies.get()).complete(module.WatchResult(value=8, return_value=9))
        await event.wait()
        result = handle.complete()
        assert (result.value, result.return_value) == (8, 9)
        assert await client.Stop() is None
        assert await client.Plain(1) == 2  # whether its client waits or not is nothing to a service


@on_a_loop
async def test_rule_7_12_statuses_that_go_into_outputs_count_only_when_the_call_has_succeeded() -> None:
    module = compiled()

    class Watcher(module.WatchService):  # type: ignore[misc, name-defined]
        def Watch(self, call: rpc.Call, id: int) -> Any: ...

        def Stop(self, call: rpc.Call) -> None: ...

        def Plain(self, call: rpc.Call, id: int) -> int:
            return id

        async def Try(self, call: rpc.Call, id: int) -> Any:
            if id:
                call.defer().abort(id)
            return 0

    async with testing.channel(Watcher()) as channel:
        client = module.WatchClient(channel)
        assert await client.Try(0) == 0
        assert await client.Try(1234) == 1234
        for status in (0, 1234):
            event = asyncio.Event()
            handle = client.Try(status).handle(event)
            await event.wait()
            assert handle.status() == status
            if status:
                with pytest.raises(RpcFault):
                    handle.complete()
            else:
                assert handle.complete() == 0
