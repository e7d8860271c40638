"""Our blocking client; its server is on asyncio like the other's, as are those that rivals' clients call."""

from __future__ import annotations

from multiprocessing.connection import Connection

from idlrt import blocking
from tests.bench.pipes.ours import serve
from tests.bench.pipes.sides import check, work
from tests.bench.stubs import compile_streams

__all__ = ["drive", "serve"]

_stubs = compile_streams()


class _Jobs:
    def __init__(self, channel: blocking.Channel) -> None:
        self.client = _stubs.RpcechoBlockingClient(channel)

    def calls(self, calls: int) -> None:
        add_one = self.client.AddOne
        for value in range(calls):
            check(add_one(value), value + 1)


def drive(address: str, control: Connection) -> None:
    with blocking.connect(address) as channel:
        work(control, _Jobs(channel))
