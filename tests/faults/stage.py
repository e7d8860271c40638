"""A client and a server of puppets with a proxy between them, and the count of what they leave behind."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import stat as modes
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import wraps
from typing import Any

from idlrt import rpc
from idlrt.pipes.flow import WINDOW
from tests.faults.proxy import Proxy
from tests.faults.puppets import Client, ClientCall, Coroutines, Method, Threads, service, soon


def on_a_loop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run a coroutine as a test: within two minutes, with nothing left, and without a word about errors nobody saw."""

    @wraps(test)
    def run(*arguments: Any, **named: Any) -> None:
        async def watched() -> None:
            unseen: list[dict[str, Any]] = []
            asyncio.get_running_loop().set_exception_handler(lambda loop, context: unseen.append(context))
            async with asyncio.timeout(120):
                async with nothing_left():
                    await test(*arguments, **named)
            gc.collect()
            assert unseen == []

        with no_errors_logged():
            asyncio.run(watched())

    return run


@contextmanager
def no_errors_logged() -> Iterator[None]:
    """A peer's fault is no error of the runtime's, nor of the application's, whose exceptions are answers."""
    said: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(self.format(record))

    listener = Listener(logging.ERROR)
    logger = logging.getLogger("idlrt")
    logger.addHandler(listener)
    try:
        yield
    finally:
        logger.removeHandler(listener)
    assert said == []


def descriptors() -> int:
    """How many are open, but those of devices: event loops other than asyncio's keep one of /dev/null in reserve."""
    return sum(map(_no_device, os.listdir("/proc/self/fd"))) if os.path.exists("/proc/self/fd") else 0


def _no_device(descriptor: str) -> bool:
    try:
        return not modes.S_ISCHR(os.fstat(int(descriptor)).st_mode)
    except OSError:  # it was the one of the listing
        return False


@asynccontextmanager
async def nothing_left() -> AsyncIterator[None]:
    """As many tasks and descriptors afterwards as before."""
    tasks, files = len(asyncio.all_tasks()), descriptors()
    yield
    await soon(lambda: len(asyncio.all_tasks()) <= tasks, "the end of all tasks")
    await soon(lambda: gc.collect() >= 0 and descriptors() <= files, "the close of all descriptors")


class Stage:
    """Both ends and what is between them."""

    def __init__(self, client: Client, service: Coroutines | Threads, server: rpc.Server, proxy: Proxy) -> None:
        self.client = client
        self.service = service
        self.server = server
        self.proxy = proxy
        self._begun: list[Method] = []
        self.binding: str

    async def begin(self, operation: str) -> ClientCall:
        """The client begins a call."""
        return await self.client.begin(operation)

    async def begun(self) -> Method:
        """The server's method that has begun."""
        self._begun.append(await self.service.methods.get())
        return self._begun[-1]

    def release(self) -> None:
        """Let methods in threads return; those on the loop have been cancelled."""
        for method in self._begun:
            if method.threaded and not method.ended.done():
                method.answer()

    async def both(self, operation: str) -> tuple[ClientCall, Method]:
        call = await self.begin(operation)
        return call, await self.begun()

    async def goes_on(self) -> None:
        """The server answers others, and holds nothing of the client, which has no more to say."""
        await self.client.close()
        await soon(lambda: not self.server.running, "the end of the server's calls")
        other = Client("on a loop")
        await other.connect(self.binding)
        assert await other.plain("Add", 1, 2) == 3
        await other.close()
        await soon(lambda: not self.server.links, "the end of the server's connections")


@asynccontextmanager
async def stage(client: str, server: str, *, pipe_window: int = WINDOW, **options: Any) -> AsyncIterator[Stage]:
    """Fronts of both sides; further options are those of `connect`."""
    serving = service(server)
    end = Client(client, pipe_window=pipe_window, **options)
    async with rpc.Server([serving], pipe_window=pipe_window) as made:
        binding = await made.listen("ncacn_ip_tcp:127.0.0.1[0]")
        port = int(rpc.StringBinding.parse(binding).endpoint)
        async with Proxy(port) as proxy:
            await end.connect(proxy.binding)
            set_up = Stage(end, serving, made, proxy)
            set_up.binding = binding
            try:
                yield set_up
            finally:
                await end.close()
