"""grpcio, its threaded API at both ends."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from typing import Any

import grpc

from tests.bench.pipes.grpc_messages import handler, samples, stub, total_of
from tests.bench.pipes.sides import check, sum_of_samples, work
from tests.bench.protobuf_messages import Number, Octets, Range


class _Streams:
    def Store(self, requests: Iterator[Any], context: Any) -> Any:
        return Number(value=sum(len(message.data) for message in requests))

    def Fetch(self, request: Any, context: Any) -> Iterator[Any]:
        block = bytes(request.size)
        for _ in range(request.blocks):
            yield Octets(data=block)

    def StoreSamples(self, requests: Iterator[Any], context: Any) -> Any:
        return Number(value=int(sum(map(total_of, requests))))

    def FetchSamples(self, request: Any, context: Any) -> Iterator[Any]:
        for _ in range(request.blocks):
            yield samples(request.size)

    def Next(self, request: Any, context: Any) -> Any:
        return Number(value=request.value + 1)


def serve(ready: Connection) -> None:
    server = grpc.server(ThreadPoolExecutor(4))
    server.add_generic_rpc_handlers((handler(_Streams()),))
    ready.send(f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}")
    server.start()
    server.wait_for_termination()


class _Jobs:
    def __init__(self, channel: Any) -> None:
        self.channel = channel

    def push(self, size: int, blocks: int) -> None:
        block = bytes(size)
        answer = stub(self.channel, "Store")(Octets(data=block) for _ in range(blocks))
        check(answer.value, size * blocks)

    def pull(self, size: int, blocks: int) -> None:
        messages = stub(self.channel, "Fetch")(Range(blocks=blocks, size=size))
        check(sum(len(message.data) for message in messages), size * blocks)

    def push_samples(self, count: int, blocks: int) -> None:
        answer = stub(self.channel, "StoreSamples")(samples(count) for _ in range(blocks))
        check(answer.value, sum_of_samples(count, blocks))

    def pull_samples(self, count: int, blocks: int) -> None:
        messages = stub(self.channel, "FetchSamples")(Range(blocks=blocks, size=count))
        check(int(sum(map(total_of, messages))), sum_of_samples(count, blocks))

    def calls(self, calls: int) -> None:
        call = stub(self.channel, "Next")
        for value in range(calls):
            check(call(Number(value=value)).value, value + 1)


def drive(address: str, control: Connection) -> None:
    with grpc.insecure_channel(address) as channel:
        work(control, _Jobs(channel))
