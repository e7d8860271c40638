"""Applications on strings: each does with its pipe what the test tells it, one thing after the other.

Both are the same to a test whether they live on the event loop or in a thread, so one story tells all combinations.
What they are told to do is a future at once; the test waits for it or not.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, Final, TypeAlias

from idlrt import blocking, rpc
from tests.rpc.specimen.lab import LABCTX, LabBlockingClient, LabClient, LabService, StatResult

FRONTS: Final = ("on a loop", "in a thread")

CALLS: Final[dict[str, tuple[tuple[int, ...], str]]] = {
    "Upload": ((0,), "source"),
    "Download": ((0, 0), "sink"),
    "Transform": ((0,), "stream"),
}
"""The operations with one pipe: inputs that do not matter, and what the pipe is called."""

Order: TypeAlias = "tuple[str, tuple[Any, ...], asyncio.Future[Any]] | None"


class Hand:
    """A thread that does one thing after the other."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._todo: SimpleQueue[tuple[asyncio.Future[Any], Callable[..., Any], tuple[Any, ...]] | None] = SimpleQueue()
        threading.Thread(target=self._run, daemon=True).start()

    def do(self, function: Callable[..., Any], *arguments: Any) -> asyncio.Future[Any]:
        future = self._loop.create_future()
        self._todo.put((future, function, arguments))
        return future

    def _run(self) -> None:
        while (task := self._todo.get()) is not None:
            future, function, arguments = task
            try:
                result = function(*arguments)
            except Exception as error:
                told(self._loop, future.set_exception, error)
            else:
                told(self._loop, future.set_result, result)

    def rest(self) -> None:
        self._todo.put(None)


def told(loop: asyncio.AbstractEventLoop, function: Callable[..., object], *arguments: Any) -> None:
    """Call on the loop from a thread, unless the loop has ended meanwhile."""
    try:
        loop.call_soon_threadsafe(function, *arguments)
    except RuntimeError:
        pass


# ---------------------------------------------------------------------------- a client


class Client:
    """A client's application, on either front."""

    def __init__(self, front: str, **options: Any) -> None:
        self._hand = Hand() if front == "in a thread" else None
        self._options = options
        self._closed = False
        self.calls: list[ClientCall] = []  # that were begun
        self._channel: Any
        self._client: Any

    async def connect(self, binding: str) -> None:
        if self._hand is None:
            self._channel = await rpc.connect(binding, **self._options)
            self._client = LabClient(self._channel)
        else:
            self._channel = await self._hand.do(lambda: blocking.connect(binding, **self._options))
            self._client = LabBlockingClient(self._channel)

    def do(self, function: Callable[..., Any], *arguments: Any) -> asyncio.Future[Any]:
        """Call something of the front's."""
        if self._hand is not None:
            return self._hand.do(function, *arguments)
        return asyncio.ensure_future(_awaited(function, arguments))

    def plain(self, operation: str, *inputs: Any) -> asyncio.Future[Any]:
        """A call without pipes."""
        return self.do(getattr(self._client, operation), *inputs)

    async def begin(self, operation: str) -> ClientCall:
        """A call with a pipe, within its `with`."""
        inputs, pipe = CALLS[operation]
        begin = getattr(self._client, operation)
        if self._hand is None:
            call = begin(*inputs)
            await call.__aenter__()
        else:
            call = await self._hand.do(begin, *inputs)
        self.calls.append(ClientCall(self, call, getattr(call, pipe)))
        return self.calls[-1]

    def begin_here(self, operation: str) -> Any:
        """A call with a pipe as the front gives it, by the thread that uses it."""
        return getattr(self._client, operation)(*CALLS[operation][0])

    async def close(self) -> None:
        if not self._closed:
            self._closed = True
            await self.do(self._channel.close)
            if self._hand is not None:
                self._hand.rest()


async def _awaited(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    return await function(*arguments)


class ClientCall:
    """The call and its pipe, as the client's application has them."""

    def __init__(self, client: Client, call: Any, pipe: Any) -> None:
        self.call = call
        self._client = client
        self.pipe = pipe

    def push(self, block: bytes) -> asyncio.Future[None]:
        return self._client.do(self.pipe.push, block)

    def pull(self) -> asyncio.Future[bytes]:
        return self._client.do(self.pipe.pull)

    def complete(self) -> asyncio.Future[int]:
        return self._client.do(self.call.complete)

    def leave(self) -> asyncio.Future[None]:
        leave = self.call.__aexit__ if hasattr(self.call, "__aexit__") else self.call.__exit__
        return self._client.do(leave, None, None, None)


# ---------------------------------------------------------------------------- a server


class Method:
    """A service's method that was called and now waits to be told what to do."""

    def __init__(self, call: rpc.Call, threaded: bool) -> None:
        self.call = call
        self.threaded = threaded
        self.ended: asyncio.Future[BaseException | None] = asyncio.get_running_loop().create_future()
        self._wanted: Callable[[Order], object]

    def pull(self) -> asyncio.Future[bytes]:
        return self._tell("pull")

    def push(self, block: bytes) -> asyncio.Future[None]:
        return self._tell("push", block)

    def answer(self, result: int = 0) -> None:
        """Return from the method."""
        self._wanted(None)

    def _tell(self, word: str, *arguments: Any) -> asyncio.Future[Any]:
        future = asyncio.get_running_loop().create_future()
        self._wanted((word, arguments, future))
        return future

    def end(self, error: BaseException | None) -> None:
        self.ended.set_result(error)

    async def on_loop(self, pipe: Any) -> int:
        orders: asyncio.Queue[Order] = asyncio.Queue()
        self._wanted = orders.put_nowait
        future: asyncio.Future[Any] | None = None
        try:
            while (order := await orders.get()) is not None:
                word, arguments, future = order
                future.set_result(await getattr(pipe, word)(*arguments))
        except BaseException as error:
            if future is not None and not future.done():
                if isinstance(error, Exception):
                    future.set_exception(error)
                else:
                    future.cancel()
            self.end(error)
            raise
        self.end(None)
        return 0

    def in_thread(self, pipe: Any, loop: asyncio.AbstractEventLoop, orders: SimpleQueue[Order]) -> int:
        while (order := orders.get()) is not None:
            word, arguments, future = order
            try:
                result = getattr(pipe, word)(*arguments)
            except Exception as error:
                told(loop, future.set_exception, error)
                told(loop, self.end, error)
                raise
            told(loop, future.set_result, result)
        told(loop, self.end, None)
        return 0

    def start_in_thread(self, orders: SimpleQueue[Order]) -> None:
        self._wanted = orders.put


class Unpiped(LabService):
    """What the puppets' services do without being told."""

    def __init__(self) -> None:
        self.rundowns: list[object] = []
        self.methods: asyncio.Queue[Method] = asyncio.Queue()  # that have begun, and nobody has asked for
        self.began = asyncio.Event()
        self.loop = asyncio.get_running_loop()

    async def Add(self, call: rpc.Call, a: int, b: int) -> int:
        return a + b

    async def Echo(self, call: rpc.Call, data: bytes) -> bytes:
        return data

    async def Open(self, call: rpc.Call, name: int) -> LABCTX | None:
        handle = LABCTX()
        handle.state = name
        return handle

    async def LABCTX_rundown(self, handle: LABCTX) -> None:
        self.rundowns.append(handle.state)

    async def Scale(self, call: rpc.Call, readings: Any, by: float, scaled: Any) -> int:
        raise NotImplementedError

    async def Use(self, call: rpc.Call, handle: LABCTX) -> int:
        raise NotImplementedError

    async def Close(self, call: rpc.Call, handle: LABCTX | None) -> None:
        raise NotImplementedError

    async def OpenOther(self, call: rpc.Call) -> None:
        raise NotImplementedError

    async def Fail(self, call: rpc.Call, how: int) -> None:
        raise NotImplementedError

    async def Sleep(self, call: rpc.Call, milliseconds: int) -> int:
        await call.until_cancelled()
        return 0

    async def Note(self, call: rpc.Call, what: int) -> None:
        raise NotImplementedError

    async def Stat(self, call: rpc.Call, id: int) -> StatResult:
        raise NotImplementedError


class Coroutines(Unpiped):
    """Methods on the event loop."""

    async def _begin(self, call: rpc.Call, pipe: Any) -> int:
        method = Method(call, threaded=False)
        self.methods.put_nowait(method)
        return await method.on_loop(pipe)

    async def Upload(self, call: rpc.Call, id: int, source: Any) -> int:
        return await self._begin(call, source)

    async def Download(self, call: rpc.Call, total: int, block: int, sink: Any) -> int:
        return await self._begin(call, sink)

    async def Transform(self, call: rpc.Call, key: int, stream: Any) -> int:
        return await self._begin(call, stream)


class Threads(Unpiped):
    """Methods in threads."""

    def _begin(self, call: rpc.Call, pipe: Any) -> int:
        orders: SimpleQueue[Order] = SimpleQueue()

        async def make() -> Method:
            method = Method(call, threaded=True)
            method.start_in_thread(orders)
            self.methods.put_nowait(method)
            return method

        method = asyncio.run_coroutine_threadsafe(make(), self.loop).result()
        return method.in_thread(pipe, self.loop, orders)

    def Upload(self, call: rpc.Call, id: int, source: Any) -> int:
        return self._begin(call, source)

    def Download(self, call: rpc.Call, total: int, block: int, sink: Any) -> int:
        return self._begin(call, sink)

    def Transform(self, call: rpc.Call, key: int, stream: Any) -> int:
        return self._begin(call, stream)


def service(front: str) -> Coroutines | Threads:
    """A service whose methods with pipes are puppets."""
    return Threads() if front == "in a thread" else Coroutines()


async def soon(condition: Callable[[], object], what: str, seconds: float = 5.0) -> None:
    """Wait for something that must come about without more being done."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while not condition():
        if loop.time() > deadline:
            raise AssertionError(f"{what} did not come about within {seconds:g} s")
        await asyncio.sleep(0.005)
