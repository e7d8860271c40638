"""Apartments: where objects live, and in which threads their methods run.

A single-threaded apartment is an event loop in one thread, so every running loop is one. The multithreaded apartment of
a process is a loop as well, for methods that are coroutines, with threads for those that are not.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine
from concurrent import futures
from contextvars import ContextVar, copy_context
from functools import partial, update_wrapper
from typing import TYPE_CHECKING, Any, Concatenate, Final, ParamSpec, Self, TypeVar

if TYPE_CHECKING:
    from types import TracebackType

    from idlrt.com.filter import Filtering

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S")

MOST_THREADS: Final = 64
"""Threads of one apartment for methods that are plain functions; they are started as they are needed."""
ATTRIBUTE: Final = "_idlrt_apartment"
_entered: Final[ContextVar[Apartment | None]] = ContextVar("apartment", default=None)
"""Of a thread without a loop that runs a method: where that was called."""


class Apartment:
    """A single-threaded apartment: one event loop, in a thread of its own.

        with com.Apartment("reports") as sta:
            sta.wait(main())

    The loop that a program runs by itself is an apartment, too, which `Apartment.current()` finds there.

    Args:
        name: of its thread. loop: an event loop that somebody else runs, and closes.
    """

    multithreaded = False

    def __init__(self, name: str | None = None, *, loop: asyncio.AbstractEventLoop | None = None) -> None:
        self.name = name or type(self).__name__.lower()
        self._pool: futures.ThreadPoolExecutor | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._thread: threading.Thread | None = None
        self._stop: asyncio.Future[None]
        self.filter: Filtering | None = None
        """Its message filter."""
        self._loop = loop
        if loop is not None:
            setattr(loop, ATTRIBUTE, self)

    @staticmethod
    def current() -> Apartment:
        """That of the running loop; in a thread, the one whose method it runs, else the process' multithreaded one."""
        loop = asyncio._get_running_loop()
        if loop is None:
            return _entered.get() or multithreaded()
        found: Apartment | None = getattr(loop, ATTRIBUTE, None)
        return found if found is not None else Apartment("main", loop=loop)

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """Its event loop; its thread is started when that is asked for."""
        if self._loop is None:
            self.open()
        assert self._loop is not None
        return self._loop

    @property
    def here(self) -> bool:
        """Whether this thread's running loop is its loop."""
        return self._loop is not None and asyncio._get_running_loop() is self._loop

    # -- work for it

    def start(self, work: Coroutine[Any, Any, object]) -> None:
        """Run a coroutine in the background, to its end; on its loop only."""
        task = self.loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def keep(self, work: Coroutine[Any, Any, object]) -> None:
        """The same for a coroutine that calls `forget` at its end, which costs less."""
        self._tasks.add(self.loop.create_task(work))

    def forget(self) -> None:
        """The running task is about to end."""
        task = asyncio.current_task()
        if task is not None:
            self._tasks.discard(task)

    def post(self, work: Callable[[], object]) -> None:
        """Have a function called on its loop soon, in the caller's context; from any thread.

        Raises:
            RuntimeError: the apartment is closed.
        """
        self.loop.call_soon_threadsafe(work)

    def run_soon(self, work: Callable[[], object]) -> None:
        """Call a function on its loop: now if it runs in this thread, else soon; never if it is closed."""
        if self.here:
            work()
        else:
            try:
                self.post(work)
            except RuntimeError:
                pass

    def message(self, work: Callable[[], object]) -> None:
        """Have something done that is no call, as a window's message is; from any thread.

        While the apartment waits for calls of its own, its message filter is asked whether to do it now, or afterwards.
        """
        self.post(lambda: work() if self.filter is None else self.filter.message(work))

    def submit(self, work: Coroutine[Any, Any, R]) -> futures.Future[R]:
        """Run a coroutine there, in the caller's context; from any thread. Cancelling the future cancels it."""
        try:
            return asyncio.run_coroutine_threadsafe(work, self.loop)
        except BaseException:
            work.close()
            raise

    def wait(self, work: Awaitable[R], timeout: float | None = None) -> R:
        """Wait in a thread for something that happens in this apartment: COM's blocking calls.

        Args:
            work: what to await on its loop. timeout: in seconds; what was waited for is cancelled then.

        Raises:
            RuntimeError: an event loop runs in this thread. Waiting there would stop everything the apartment does,
                what is waited for included; `await` it instead.
            TimeoutError: after `timeout` seconds.
        """
        if asyncio._get_running_loop() is not None:
            if isinstance(work, Coroutine):
                work.close()
            raise RuntimeError("an apartment's event loop runs in this thread, and waiting would stop it; use await")
        future = self.submit(_awaited(work))
        try:
            return future.result(timeout)
        except futures.TimeoutError:
            if future.done():
                raise
            future.cancel()
            raise TimeoutError(f"nothing came within {timeout:g} s") from None

    async def in_thread(self, function: Callable[P, R], *args: P.args, **named: P.kwargs) -> R:
        """Run a function that may block in one of its threads."""
        context = copy_context()
        context.run(_entered.set, self)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.pool, partial(context.run, partial(function, *args, **named)))

    @property
    def pool(self) -> futures.ThreadPoolExecutor:
        if self._pool is None:
            self._pool = futures.ThreadPoolExecutor(MOST_THREADS, thread_name_prefix=self.name)
        return self._pool

    # -- its own thread

    def open(self) -> None:
        """Start its thread, if it has one and that does not run yet."""
        if self._loop is not None:
            return
        ready: futures.Future[asyncio.AbstractEventLoop] = futures.Future()
        self._thread = threading.Thread(target=self._run, args=(ready,), name=self.name, daemon=True)
        self._thread.start()
        self._loop = ready.result()

    def _run(self, ready: futures.Future[asyncio.AbstractEventLoop]) -> None:
        with asyncio.Runner() as runner:
            loop = runner.get_loop()
            setattr(loop, ATTRIBUTE, self)
            self._stop = loop.create_future()
            loop.call_soon(ready.set_result, loop)
            runner.run(_awaited(self._stop))

    def close(self) -> None:
        """End its thread; what still runs there is cancelled. A loop that somebody else runs goes on."""
        if self._pool is not None:
            self._pool.shutdown(wait=False)
        thread, loop = self._thread, self._loop
        if thread is None or loop is None:
            return
        try:
            loop.call_soon_threadsafe(self._end)
        except RuntimeError:
            return
        if thread is not threading.current_thread():
            thread.join()

    def _end(self) -> None:
        if not self._stop.done():
            self._stop.set_result(None)

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}>"


class MTA(Apartment):
    """A multithreaded apartment: its calls do not wait for each other, and nothing filters them."""

    multithreaded = True


_process: MTA | None = None
_making = threading.Lock()


def multithreaded() -> MTA:
    """The multithreaded apartment of the process, to which threads without a loop belong; made when first asked for."""
    global _process
    with _making:
        if _process is None or (_process._thread is not None and not _process._thread.is_alive()):
            _process = MTA("mta")
        return _process


def in_thread(
    method: Callable[Concatenate[S, P], R],
) -> Callable[Concatenate[S, P], Coroutine[Any, Any, R]]:
    """Make a plain function the method of an object: it runs in a thread of the apartment, and may block there."""

    async def called(self: S, /, *args: P.args, **named: P.kwargs) -> R:
        return await Apartment.current().in_thread(method, self, *args, **named)

    update_wrapper(called, method)
    return called


async def _awaited(work: Awaitable[R]) -> R:
    return await work
