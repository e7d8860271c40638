"""What an ACF asks of calls: statuses instead of exceptions, hooks for their end, operations without clients."""

from __future__ import annotations

from typing import Any

import pytest

from idlrt import rpc, testing
from idlrt.errors import RpcFault, RpcTimeout
from tests.compiled import compile_cached
from tests.rpc.services import on_a_loop

IDL = """
[uuid(6d3c0f2e-51a4-4b7d-8e90-2f1a7b3c4d5e)]
interface lab
{
    error_status_t Result([in] long n);
    long Parameter([in] long n, [out] error_status_t *s);
    void Hidden([in] long n);
    long HiddenBeside([in] long n);
    void FaultsOnly([in] long n, [out] error_status_t *s);
    error_status_t Later([in] long n);
    void Ended([in] long n);
    void ServerOnly([in] long n);
}
"""
ACF = """
interface lab
{
    [comm_status, fault_status] Result();
    Parameter([comm_status, fault_status] s);
    Hidden([comm_status, fault_status] hidden);
    HiddenBeside([comm_status] lost, [fault_status] failed);
    FaultsOnly([fault_status] s);
    [async, comm_status, fault_status] Later();
    [notify, notify_flag] Ended();
    [nocode] ServerOnly();
}
"""
ACCESS_DENIED = 5
NCA_S_FAULT_INT_DIV_BY_ZERO = 0x1C000001
RPC_S_ZERO_DIVIDE = 1767
LAB: Any = compile_cached(IDL, "configured", ACF).module


class Lab(LAB.LabService):  # type: ignore[misc]
    """Answers 1 and fails with what it is given otherwise."""

    def __init__(self) -> None:
        self.ended: list[object] = []

    async def Result(self, call: rpc.Call, n: int) -> int:
        return self._checked(n, 3)

    async def Parameter(self, call: rpc.Call, n: int) -> Any:
        return LAB.ParameterResult(self._checked(n, 0), 40)

    async def Hidden(self, call: rpc.Call, n: int) -> None:
        self._checked(n, 0)

    async def HiddenBeside(self, call: rpc.Call, n: int) -> int:
        return self._checked(n, 40)

    async def FaultsOnly(self, call: rpc.Call, n: int) -> int:
        return self._checked(n, 4)

    async def Later(self, call: rpc.Call, n: int) -> int:
        return self._checked(n, 3)

    async def Ended(self, call: rpc.Call, n: int) -> None:
        self.ended.append("called")

    async def ServerOnly(self, call: rpc.Call, n: int) -> None:
        pass

    def Ended_notify(self) -> None:
        self.ended.append("notified")

    async def Ended_notify_flag(self, called: bool) -> None:
        self.ended.append(called)

    @staticmethod
    def _checked(n: int, answer: int) -> int:
        if n != 1:
            raise RpcFault(n)
        return answer


@on_a_loop
async def test_a_status_is_the_result_where_there_is_no_other() -> None:
    async with testing.channel(Lab()) as channel:
        client = LAB.LabClient(channel)
        assert await client.Result(1) == 3
        assert await client.Result(ACCESS_DENIED) == ACCESS_DENIED
        assert await client.Result(NCA_S_FAULT_INT_DIV_BY_ZERO) == RPC_S_ZERO_DIVIDE
        assert await client.Later(1) == 3
        assert await client.Later(ACCESS_DENIED) == ACCESS_DENIED


@on_a_loop
async def test_a_failure_leaves_the_other_outputs_without_values() -> None:
    async with testing.channel(Lab()) as channel:
        client = LAB.LabClient(channel)
        assert await client.Parameter(1) == LAB.ParameterResult(0, 40)
        assert await client.Parameter(ACCESS_DENIED) == LAB.ParameterResult(ACCESS_DENIED, None)


@on_a_loop
async def test_a_status_that_only_the_acf_names_does_not_travel() -> None:
    async with testing.channel(Lab()) as channel:
        client = LAB.LabClient(channel)
        assert await client.Hidden(1) == 0
        assert await client.Hidden(ACCESS_DENIED) == ACCESS_DENIED
        assert await client.HiddenBeside(1) == LAB.HiddenBesideResult(40, 0, 0)
        assert await client.HiddenBeside(ACCESS_DENIED) == LAB.HiddenBesideResult(None, 0, ACCESS_DENIED)


@on_a_loop
async def test_a_call_that_gets_no_answer_has_a_status_of_the_communication() -> None:
    async with testing.channel(Lab()) as channel:
        client = LAB.LabClient(channel, timeout=0)
        status = await client.Hidden(1)
        assert status != 0
        beside = await client.HiddenBeside(1)
        assert (beside.return_value, beside.failed) == (None, 0)
        assert beside.lost == status
        with pytest.raises(RpcTimeout):
            await client.FaultsOnly(1)


@on_a_loop
async def test_what_is_asked_for_faults_only_raises_the_rest() -> None:
    async with testing.channel(Lab()) as channel:
        client = LAB.LabClient(channel)
        assert await client.FaultsOnly(1) == 4
        assert await client.FaultsOnly(ACCESS_DENIED) == ACCESS_DENIED


def test_threads_get_statuses_too() -> None:
    with testing.blocking_channel(Lab()) as channel:
        client = LAB.LabBlockingClient(channel)
        assert client.Result(1) == 3
        assert client.Result(ACCESS_DENIED) == ACCESS_DENIED
        assert client.Hidden(ACCESS_DENIED) == ACCESS_DENIED
        assert client.Later(ACCESS_DENIED).complete() == ACCESS_DENIED


@on_a_loop
async def test_hooks_run_when_the_answer_is_marshalled() -> None:
    service = Lab()
    async with testing.channel(service) as channel:
        client = LAB.LabClient(channel)
        await client.Ended(1)
        await client.Result(1)
    assert service.ended == ["called", "notified", True]


def test_an_operation_without_code_has_no_client() -> None:
    assert not hasattr(LAB.LabClient, "ServerOnly")
    assert not hasattr(LAB.LabBlockingClient, "ServerOnly")
    assert hasattr(LAB.LabService, "ServerOnly")


@on_a_loop
async def test_a_request_that_cannot_be_decoded_ends_too() -> None:
    short: Any = compile_cached(IDL.replace("Ended([in] long n)", "Ended()"), "configured_short", ACF).module
    service = Lab()
    async with testing.channel(service) as channel:
        with pytest.raises(RpcFault):
            await short.LabClient(channel).Ended()
        while len(service.ended) < 2:
            await LAB.LabClient(channel).Result(1)
    assert service.ended == ["notified", False]
