"""Small blocks that a thread pushes: gathered, and never stuck."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from idlrt import rpc
from idlrt.blocking.link import Link
from idlrt.errors import RpcError
from tests.blocking.reached import PATIENCE, reached, watchers
from tests.rpc.services import Lab
from tests.rpc.specimen.lab import LabBlockingClient


class Arriving(Lab):
    """`Upload` tells how much has come."""

    def __init__(self) -> None:
        super().__init__()
        self.changed = threading.Condition()

    async def Upload(self, call: rpc.Call, id: int, source: Any) -> int:
        async for block in source:
            with self.changed:
                self.pulled += len(block)
                self.changed.notify_all()
        return self.pulled

    def arrived(self, octets: int) -> bool:
        with self.changed:
            return self.changed.wait_for(lambda: self.pulled >= octets, PATIENCE)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of the parts of the stub that the connections were given."""
    sizes: list[int] = []
    send: Callable[..., None] = Link.send_stub

    def send_stub(self: Link, call_id: int, parts: Any, last: bool) -> None:
        sizes.append(sum(map(len, parts)))
        send(self, call_id, parts, last)

    monkeypatch.setattr(Link, "send_stub", send_stub)
    return sizes


def test_many_small_blocks_travel_together(sent: list[int]) -> None:
    with reached(Arriving()) as (channel, _):
        call = LabBlockingClient(channel).Upload(0)
        sent.clear()
        for _ in range(20_000):
            call.source.push(b"12345678")
        call.source.push(b"")
        assert call.complete() == 160_000
        assert sum(sent) == 20_000 * 12 + 4
        assert len(sent) < 1000


def test_the_first_small_block_goes_at_once(sent: list[int]) -> None:
    service = Arriving()
    with reached(service) as (channel, _):
        call = LabBlockingClient(channel).Upload(0)
        sent.clear()
        time.sleep(0.002)
        call.source.push(b"12345678" * 2)
        assert sent == [20]
        assert service.arrived(8)
        assert not watchers()
        call.cancel(0)


def test_the_last_small_block_arrives_though_the_thread_is_elsewhere() -> None:
    service = Arriving()
    with reached(service) as (channel, _):
        call = LabBlockingClient(channel).Upload(0)
        for _ in range(10):
            call.source.push(b"12345678")
        assert service.arrived(76)  # a fragment holds a multiple of eight octets, so the last few may stay
        call.source.push(b"")
        assert call.complete() == 80
    assert not watchers()


def test_what_was_gathered_goes_before_a_large_block_and_at_the_end(sent: list[int]) -> None:
    with reached(Lab()) as (channel, _):
        call = LabBlockingClient(channel).Transform(0)
        for _ in range(5):
            call.stream.push(b"ab")
        call.stream.push(bytes(100_000))
        for _ in range(5):
            call.stream.push(b"cd")
        call.stream.push(b"")
        assert b"".join(call.stream) == b"ab" * 5 + bytes(100_000) + b"cd" * 5
        assert call.complete() == 100_020


def test_small_blocks_do_not_outrun_a_server_that_does_not_read() -> None:
    with reached(Lab(), cancel_grace=0.05) as (channel, _):
        call = LabBlockingClient(channel).Upload(4)
        done = threading.Event()

        def push_on() -> None:
            try:
                while True:
                    call.source.push(bytes(1000))
            except RpcError:
                done.set()

        thread = threading.Thread(target=push_on)
        thread.start()
        link = call._exchange._link
        late = time.monotonic() + PATIENCE
        while not link.unsent and time.monotonic() < late:
            time.sleep(0.005)
        assert 0 < link.unsent < 1 << 20
        call.cancel()
        assert done.wait(PATIENCE)
        thread.join()
