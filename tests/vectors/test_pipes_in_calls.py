"""What other implementations wrote for calls with pipes, through real calls: ours at one end, a stranger at the other.

The stubs of the vectors travel in fragments that end anywhere, in either direction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import pytest

from idlc.semantics import types as t
from idlrt import blocking, rpc
from idlrt.errors import RpcFault
from idlrt.ids import NDR20, NDR64, Order
from idlrt.transport.memory import join
from tests.compiled import Compiled, compile_cached
from tests.rpc.services import on_a_loop
from tests.vectors.files import STUB, read_vectors
from tests.vectors.marshalling import Stub, renumbered
from tests.vectors.strangers import ANY_FAULT, FRAGMENT, StrangeClient, StrangeServer, channel_to, listening
from tests.vectors.values import is_pipe

CUTS = (1, 7, 1408, FRAGMENT - 24)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    direction = "in" if "request" in metafunc.function.__name__ else "out"
    ours_writes = "writes" in metafunc.function.__name__
    vectors = [
        pytest.param(vector, is_async, id=f"{vector['file']}/{vector['name']}{'/async' * is_async}")
        for vector in read_vectors(metafunc.config.getoption("--vectors"))
        if vector.get("kind") is STUB and vector["direction"] == direction and with_pipes(vector)
        if not (ours_writes and vector["byte_order"] == "big")  # ours write their own order
        for is_async in (False, True)
    ]
    metafunc.parametrize(("vector", "is_async"), vectors or [pytest.param(None, False, id="none")])


def with_pipes(vector: dict[str, Any]) -> bool:
    declared = compile_cached(vector["idl"]).operation(vector["procedure"])[1]
    return any(is_pipe(parameter.type) for parameter in declared.parameters)


class Case:
    """The call of a vector."""

    def __init__(self, vector: dict[str, Any], is_async: bool) -> None:
        self.vector = vector
        procedure = vector["procedure"]
        bound = compile_cached(vector["idl"])
        interface = next(each.name for each in bound.bound.interfaces)
        acf = f"interface {interface} {{ [async] {procedure}(); }}" if is_async else None
        self.compiled: Compiled = compile_cached(vector["idl"], acf=acf)
        self.order: Order = "<" if vector["byte_order"] == "little" else ">"
        self.stub = Stub(self.compiled, procedure, vector["transfer_syntax"], self.order)
        self.transfer = NDR64 if self.stub.wide else NDR20
        self.octets = bytes.fromhex(vector["hex"])
        self.parameters = list(self.stub.parameters.values())

    @property
    def cuts(self) -> Iterable[int]:
        return [cut for cut in CUTS if len(self.octets) < 500 * cut]

    def request(self) -> tuple[dict[str, Any], dict[str, list[Any]]]:
        """The [in] values by name, and the blocks of the [in] pipes."""
        given = self.vector["values"] if self.vector["direction"] == "in" else self.vector.get("in_values", {})
        full = {p.name: nothing(p.type) for p in self.parameters if p.is_in} | given
        values, blocks = self.stub.request(full)
        plain = [p.name for p in self.parameters if p.is_in and not is_pipe(p.type)]
        pipes = [p.name for p in self.parameters if p.is_in and is_pipe(p.type)]
        return dict(zip(plain, values, strict=True)), dict(zip(pipes, blocks, strict=True))

    def response(self) -> tuple[Any, dict[str, list[Any]]]:
        result, blocks = self.stub.response(self.vector["values"])
        pipes = [p.name for p in self.parameters if p.is_out and is_pipe(p.type)]
        return result, dict(zip(pipes, blocks, strict=True))

    def same(self, octets: bytes) -> None:
        """That octets are those of the vector, whatever referents are called."""
        offsets, width = self.vector["referent_offsets"], 8 if self.stub.wide else 4
        ours, theirs = (renumbered(each, offsets, width, self.order) for each in (octets, self.octets))
        assert ours.hex(" ", 4) == theirs.hex(" ", 4)

    def call(self, channel: Any, kind: str = "Client") -> tuple[Any, dict[str, list[Any]]]:
        """The call of our client of a kind, and the lists into which its [out] pipes go."""
        values, blocks = self.request()
        got: dict[str, list[Any]] = {p.name: [] for p in self.parameters if p.is_out and is_pipe(p.type)}
        ends: dict[str, Any] = dict(blocks) | {name: into.append for name, into in got.items()}
        for name in blocks.keys() & got.keys():
            ends[name] = (blocks[name], got[name].append)
        client = self.class_that_ends(kind)(channel)
        return getattr(client, self.stub.operation.name)(**values, **ends), got

    def service(self, method: Callable[..., Any]) -> rpc.Service:
        base = self.class_that_ends("Service")
        methods = {operation.name: method for operation in self.compiled.bound.interfaces[0].operations}
        made: rpc.Service = type("Served", (base,), methods)()
        return made

    def class_that_ends(self, suffix: str) -> type[Any]:
        [found] = (
            value
            for name, value in vars(self.compiled.module).items()
            if name.endswith(suffix) and ("Blocking" in name) == ("Blocking" in suffix) and isinstance(value, type)
        )
        return found

    def by_name(self, arguments: tuple[Any, ...]) -> dict[str, Any]:
        """A method's arguments."""
        names = [p.name for p in self.parameters if p.is_in or is_pipe(p.type)]
        return dict(zip(names, arguments, strict=True))


def nothing(kind: t.Type) -> Any:
    """A value as vectors spell it, where they leave it out because nothing depends on it."""
    return [] if is_pipe(kind) else 0


def elements(blocks: Iterable[Any]) -> list[Any]:
    return [element for block in blocks for element in block]


@on_a_loop
async def test_our_client_writes_the_request(vector: dict[str, Any] | None, is_async: bool) -> None:
    if vector is None:
        return
    case = Case(vector, is_async)
    server = StrangeServer(case.transfer)
    async with channel_to(server, transfers=(case.transfer,), ndr64_pipes=True) as channel:
        call, _ = case.call(channel)
        with pytest.raises(RpcFault) as refused:
            await call
    assert refused.value.status == ANY_FAULT
    case.same(server.stub)


@on_a_loop
async def test_our_client_reads_the_response(vector: dict[str, Any] | None, is_async: bool) -> None:
    if vector is None:
        return
    case = Case(vector, is_async)
    result, blocks = case.response()
    for cut in case.cuts:
        server = StrangeServer(case.transfer, case.octets, case.order, cut)
        async with channel_to(server, transfers=(case.transfer,), ndr64_pipes=True) as channel:
            call, got = case.call(channel)
            assert await call == result
        assert {name: elements(found) for name, found in got.items()} == {
            name: elements(sent) for name, sent in blocks.items()
        }


@on_a_loop
async def test_our_server_reads_the_request(vector: dict[str, Any] | None, is_async: bool) -> None:
    if vector is None:
        return
    case = Case(vector, is_async)
    values, blocks = case.request()
    for cut in case.cuts:
        heard: dict[str, Any] = {}

        async def method(self: object, call: rpc.Call, *arguments: Any, heard: dict[str, Any] = heard) -> Any:
            given = case.by_name(arguments)
            heard.update({name: given[name] for name in values})
            for name in blocks:
                heard[name] = elements([block async for block in given[name]])
            raise RpcFault(ANY_FAULT)

        answer = await asked(case, case.octets, method, cut)
        assert answer.status == ANY_FAULT
        assert heard == values | {name: elements(sent) for name, sent in blocks.items()}


@on_a_loop
async def test_our_server_writes_the_response(vector: dict[str, Any] | None, is_async: bool) -> None:
    if vector is None:
        return
    case = Case(vector, is_async)
    values, sent = case.request()
    result, blocks = case.response()

    async def method(self: object, call: rpc.Call, *arguments: Any) -> Any:
        given = case.by_name(arguments)
        for name in sent:
            async for _ in given[name]:
                pass
        for name, pushed in blocks.items():
            for block in (*pushed, b"" if pushed and isinstance(pushed[0], bytes) else []):
                await given[name].push(block)
        return result

    request = case.stub.put_request(tuple(values.values()), list(sent.values()))
    case.same(await asked(case, request, method, FRAGMENT - 24))


async def asked(case: Case, request: bytes, method: Callable[..., Any], cut: int) -> Any:
    """What our server answers to a request in fragments: octets of a stub, or a fault."""
    declared = case.stub.declared
    async with rpc.Server([case.service(method)], transfers=(NDR20, NDR64)) as server:
        client = StrangeClient(declared.syntax, case.transfer, case.stub.operation.opnum, request, case.order, cut)
        join(client, server.accept())
        answer = await client.answered
        client.transport.close()
        return answer


def test_our_blocking_client_writes_the_request(vector: dict[str, Any] | None, is_async: bool) -> None:
    if vector is None:
        return
    case = Case(vector, is_async)
    server = StrangeServer(case.transfer)
    with (
        listening(lambda: server) as binding,
        blocking.connect(binding, transfers=(case.transfer,), ndr64_pipes=True) as channel,
    ):
        call, _ = case.call(channel, "BlockingClient")
        with pytest.raises(RpcFault) as refused:
            call.complete()
    assert refused.value.status == ANY_FAULT
    case.same(server.stub)


def test_our_blocking_client_reads_the_response(vector: dict[str, Any] | None, is_async: bool) -> None:
    if vector is None:
        return
    case = Case(vector, is_async)
    result, blocks = case.response()
    for cut in case.cuts:
        server = partial(StrangeServer, case.transfer, case.octets, case.order, cut)
        with (
            listening(server) as binding,
            blocking.connect(binding, transfers=(case.transfer,), ndr64_pipes=True) as channel,
        ):
            call, got = case.call(channel, "BlockingClient")
            assert call.complete() == result
        assert {name: elements(found) for name, found in got.items()} == {
            name: elements(sent) for name, sent in blocks.items()
        }
