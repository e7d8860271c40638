"""A server in a thread of its own, ways for threads to reach it, and something to be told of events."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from idlrt import blocking, testing
from idlrt.errors import AsyncCallPending, RpcError
from idlrt.rpc import AsyncEvent, Server

PATIENCE = 10.0
"""Seconds that a test waits for what must happen, on a machine with other things to do."""

SECOND = 1.0
"""Within which an end learns that its peer is gone, even where nothing is read."""


@contextmanager
def listening(server: Server, text: str = "ncacn_ip_tcp:127.0.0.1[0]") -> Iterator[str]:
    yield str(asyncio.run_coroutine_threadsafe(server.listen(text), server.loop).result())


@contextmanager
def reached(service: Any, **options: Any) -> Iterator[tuple[blocking.Channel, Server]]:
    """A channel over TCP, and the server at its other end."""
    with (
        testing.served(service) as server,
        listening(server) as binding,
        blocking.connect(binding, **options) as channel,
    ):
        yield channel, server


def on_the_loop(server: Server, function: Callable[[], object]) -> None:
    """Run a function where the server runs, and wait for it."""

    async def run() -> None:
        function()

    asyncio.run_coroutine_threadsafe(run(), server.loop).result()


def cut(server: Server) -> None:
    """Break the server's connections, without a word."""

    def abort() -> None:
        for link in tuple(server.links):
            link._transport.abort()

    on_the_loop(server, abort)


def watchers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "idlrt watcher"]


class Told:
    """A callback that puts what it is told into a queue, and remembers the threads in which it was."""

    def __init__(self) -> None:
        self.events: queue.Queue[AsyncEvent] = queue.Queue()
        self.handles: list[Any] = []
        self.threads: set[threading.Thread] = set()

    def __call__(self, handle: Any, event: AsyncEvent) -> None:
        self.handles.append(handle)
        self.threads.add(threading.current_thread())
        self.events.put(event)

    def next(self) -> AsyncEvent:
        return self.events.get(timeout=PATIENCE)

    def until(self, event: AsyncEvent) -> list[AsyncEvent]:
        """What is told up to this event."""
        told = [self.next()]
        while told[-1] is not event:
            told.append(self.next())
        return told


class Program:
    """A client that events alone drive, as a C program with callbacks is; it never waits."""

    def __init__(self, call: Any, pushes: Any = None, pulls: Any = None, blocks: tuple[bytes, ...] = ()) -> None:
        self.events: list[AsyncEvent] = []
        self.got = bytearray()
        self.pushes, self.pulls = pushes, pulls
        self.to_push = [*blocks, b""] if pushes is not None else []
        self.outcome: queue.Queue[Any] = queue.Queue()
        self.handle = call.handle(self.told, notify_on_send_complete=True)

    def told(self, handle: Any, event: AsyncEvent) -> None:
        self.events.append(event)
        try:
            if event is AsyncEvent.SEND_COMPLETE and self.to_push:
                self.push()
                if not self.to_push and self.pulls is not None:
                    self.pull()
            elif event is AsyncEvent.RECEIVE_COMPLETE or (self.pushes is None and len(self.events) == 1):
                self.pull()
            elif event is AsyncEvent.CALL_COMPLETE:
                self.outcome.put(handle.complete())
        except RpcError as error:
            self.outcome.put(error)

    def push(self) -> None:
        block = bytearray(self.to_push.pop(0))
        self.pushes.push_nowait(block)
        block[:] = b"\xff" * len(block)

    def pull(self) -> None:
        try:
            while block := self.pulls.pull_nowait(7000):
                self.got += block
        except AsyncCallPending:
            pass

    def result(self) -> Any:
        return self.outcome.get(timeout=PATIENCE)
