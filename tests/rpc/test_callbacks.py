"""[callback] operations: the server calls its client while it serves a call of it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from idlrt import rpc, testing
from idlrt.association import (
    CallbackAnswered,
    CallbackRequested,
    ClientConnection,
    Offer,
    Proposal,
    ServerConfig,
    ServerConnection,
)
from idlrt.errors import LocalProtocolError, NdrError, RemoteProtocolError, RpcFault
from idlrt.ids import NDR20
from tests.golden.callbacks.callbacks import (
    STEP,
    AskResult,
    RunResult,
    WorkBlockingCallbackClient,
    WorkBlockingClient,
    WorkCallbackClient,
    WorkCallbackService,
    WorkClient,
    WorkService,
)
from tests.rpc.services import on_a_loop


class Worker(WorkService):
    """Runs some steps, tells of each, and asks at the end."""

    def __init__(self) -> None:
        self.caught: Exception | None = None

    async def Run(self, call: rpc.Call, steps: int, name: str) -> RunResult:
        back = WorkCallbackClient(call)
        for number in range(steps):
            await back.Progress(STEP(number, name))
        try:
            go_on, deadline, answer = 0, 0, None
            deadline, answer, go_on = await back.Ask("more?", 2**40)
        except Exception as error:
            self.caught = error
            raise
        return RunResult(deadline + (0 if answer is None else answer.number), int(go_on))

    async def Idle(self, call: rpc.Call) -> None:
        return None


class ThreadedWorker(WorkService):
    """The same by plain functions."""

    def Run(self, call: rpc.Call, steps: int, name: str) -> RunResult:
        back = WorkBlockingCallbackClient(call)
        for number in range(steps):
            back.Progress(STEP(number, name))
        deadline, answer, go_on = back.Ask("more?", 2**40)
        return RunResult(deadline + (0 if answer is None else answer.number), int(go_on))

    def Idle(self, call: rpc.Call) -> None:
        return None


class Heard(WorkCallbackService):
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.steps: list[STEP] = []

    async def Progress(self, step: STEP) -> None:
        self.steps.append(step)

    async def Ask(self, question: str, deadline: int) -> AskResult:
        await asyncio.sleep(0)
        return AskResult(7, STEP(deadline == 2**40, question), True)


class HeardInAThread(WorkCallbackService):
    def __init__(self) -> None:
        self.steps: list[STEP] = []

    def Progress(self, step: STEP) -> None:
        self.steps.append(step)

    def Ask(self, question: str, deadline: int) -> AskResult:
        return AskResult(7, STEP(deadline == 2**40, question), True)


@pytest.mark.parametrize("service", [Worker, ThreadedWorker])
@pytest.mark.parametrize("callbacks", [Heard, HeardInAThread])
@pytest.mark.parametrize("name", ["a", "long " * 5000])
def test_a_call_is_told_and_asked(service: Any, callbacks: Any, name: str) -> None:
    @on_a_loop
    async def run() -> None:
        heard = callbacks()
        async with testing.channel(service()) as channel:
            client = WorkClient(channel, callbacks=heard)
            assert tuple(await client.Run(3, name)) == (8, 1)
            assert heard.steps == [STEP(0, name), STEP(1, name), STEP(2, name)]
            await client.Idle()
            assert tuple(await client.Run(0, name)) == (8, 1)

    run()


@pytest.mark.parametrize("service", [Worker, ThreadedWorker])
def test_a_thread_that_waits_serves_its_callbacks(service: Any) -> None:
    heard = HeardInAThread()
    with testing.blocking_channel(service()) as channel:
        client = WorkBlockingClient(channel, callbacks=heard)
        assert tuple(client.Run(2, "a")) == (8, 1)
        client.Idle()
    assert heard.steps == [STEP(0, "a"), STEP(1, "a")]


@on_a_loop
async def test_calls_at_a_time_have_callbacks_of_their_own() -> None:
    async with testing.channel(Worker()) as channel:
        each = [Heard() for _ in range(5)]
        clients = [WorkClient(channel, callbacks=heard) for heard in each]
        await asyncio.gather(*(client.Run(number, "x") for number, client in enumerate(clients)))
        assert [len(heard.steps) for heard in each] == [0, 1, 2, 3, 4]


@on_a_loop
async def test_a_client_without_callbacks_says_so() -> None:
    async with testing.channel(service := Worker()) as channel:
        with pytest.raises(RpcFault) as caught:
            await WorkClient(channel).Run(0, "a")
        assert caught.value.name == "nca_s_op_rng_error"
        assert isinstance(service.caught, RpcFault)
        assert not service.caught.executed
        await WorkClient(channel).Idle()


@on_a_loop
async def test_what_a_callback_raises_reaches_the_service_as_a_fault() -> None:
    class Refuses(Heard):
        async def Ask(self, question: str, deadline: int) -> AskResult:
            raise RpcFault(0x1234)

    async with testing.channel(service := Worker()) as channel:
        with pytest.raises(RpcFault) as caught:
            await WorkClient(channel, callbacks=Refuses()).Run(1, "a")
        assert caught.value.status == 0x1234  # the service let it pass
        assert isinstance(service.caught, RpcFault)


@on_a_loop
async def test_values_that_do_not_fit_never_leave() -> None:
    class Wrong(Worker):
        async def Run(self, call: rpc.Call, steps: int, name: str) -> RunResult:
            with pytest.raises(NdrError) as caught:
                await WorkCallbackClient(call).Progress(STEP(2**40, name))
            assert caught.value.path == "step.number"
            await WorkCallbackClient(call).Progress(STEP(1, name))
            return RunResult(0)

    async with testing.channel(Wrong()) as channel:
        heard = Heard()
        await WorkClient(channel, callbacks=heard).Run(0, "a")
        assert heard.steps == [STEP(1, "a")]


@on_a_loop
async def test_a_cancelled_call_ends_its_callback() -> None:
    class Waits(Heard):
        async def Progress(self, step: STEP) -> None:
            asked.set()
            await asyncio.sleep(60)

    asked = asyncio.Event()
    async with testing.channel(Worker(), cancel_grace=0.01) as channel:
        task = asyncio.create_task(WorkClient(channel, callbacks=Waits()).Run(1, "a"))
        await asked.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await WorkClient(channel).Idle()


def test_callbacks_of_another_interface_are_refused() -> None:
    class Other(rpc.CallbackService):
        interface = rpc.Interface("Other", "6d3c0f2e-51a4-4b7d-8e90-2f1a7b3c4dff", module="x", codec="x")

    @on_a_loop
    async def run() -> None:
        async with testing.channel(Worker()) as channel:
            with pytest.raises(TypeError, match="another interface"):
                WorkClient(channel, callbacks=Other())

    run()


# ---------------------------------------------------------------------------- the protocol by itself


def joined() -> tuple[ClientConnection, ServerConnection, int]:
    """Two bound ends with a call that the server has and has not answered."""
    syntax = WorkClient.interface.syntax
    client = ClientConnection()
    server = ServerConnection(ServerConfig(lambda interface: Offer((NDR20,)), lambda group_id: 7))
    client.bind(Proposal(syntax, (NDR20,)))
    exchange(client, server)
    call_id = client.start_call(0, 0)
    client.send_stub(call_id, b"request")
    exchange(client, server)
    return client, server, call_id


def exchange(one: Any, other: Any) -> list[Any]:
    """What each makes of what the other has to say, until both are silent."""
    events: list[Any] = []
    while True:
        said = [(other, one.data_to_send()), (one, other.data_to_send())]
        if not any(parts for _, parts in said):
            return events
        for end, parts in said:
            for part in parts:
                events += list(end.receive(bytes(part)))


def test_a_callback_has_the_call_id_and_context_of_its_call() -> None:
    client, server, call_id = joined()
    server.call_back(call_id, 1, b"question")
    octets = b"".join(server.data_to_send())
    assert (octets[2], octets[12:16], octets[20:24]) == (0, call_id.to_bytes(4, "little"), b"\0\0\1\0")
    (event,) = client.receive(octets)
    assert isinstance(event, CallbackRequested)
    assert (event.call_id, event.opnum, event.data) == (call_id, 1, b"question")
    client.answer(call_id, b"answer")
    octets = b"".join(client.data_to_send())
    assert (octets[2], octets[12:16]) == (2, call_id.to_bytes(4, "little"))
    assert list(server.receive(octets)) == [CallbackAnswered(call_id, b"answer", "<")]
    server.respond(call_id, b"response")
    assert [event.data for event in exchange(client, server)] == [b"response"]


def test_one_callback_at_a_time_and_only_while_the_call_waits() -> None:
    client, server, call_id = joined()
    with pytest.raises(LocalProtocolError, match="no callback within"):
        client.answer(call_id, b"")
    server.call_back(call_id, 1, b"")
    with pytest.raises(LocalProtocolError, match="a callback already"):
        server.call_back(call_id, 1, b"")
    exchange(client, server)
    server.respond(call_id, b"part 012", last=False)
    with pytest.raises(LocalProtocolError, match="while call"):
        server.call_back(call_id, 1, b"")


def test_an_answer_that_comes_too_late_is_dropped() -> None:
    client, server, call_id = joined()
    server.call_back(call_id, 1, b"")
    list(client.receive(b"".join(server.data_to_send())))
    client.answer(call_id, bytes(20_000))
    server.fault(call_id, 5)
    assert [type(event).__name__ for event in exchange(client, server)] == ["Fault"]


def test_callbacks_out_of_place_break_the_protocol() -> None:
    client, server, call_id = joined()
    server.call_back(call_id, 1, b"")
    octets = b"".join(server.data_to_send())
    for change in ({12: 99}, {20: 9}, {3: 0}):
        mutated = bytearray(octets)
        for at, value in change.items():
            mutated[at] = value
        other, _, _ = joined()
        with pytest.raises(RemoteProtocolError):
            list(other.receive(bytes(mutated)))
    list(client.receive(octets))
    with pytest.raises(RemoteProtocolError):
        list(client.receive(octets))
