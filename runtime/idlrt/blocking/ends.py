"""Sources and sinks of a call's pipes, worked in the thread that waits for the call, or in one of their own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Protocol

from idlrt.errors import CallCancelled, PipeClosed
from idlrt.pipes.adapters import drain_blocking, ends, feed_blocking
from idlrt.pipes.flow import Inlet, Outlet
from idlrt.pipes.objects import Line
from idlrt.rpc.interface import Operation


class Call(Protocol):
    """The call that the pipes belong to."""

    @property
    def over(self) -> bool: ...

    @property
    def error(self) -> Exception | None:
        """What the call has failed with."""

    def abandon(self, error: Exception) -> None: ...

    def moved(self) -> None: ...


class Ends:
    """What was given for the pipes of one call."""

    def __init__(self, operation: Operation, given: tuple[Any, ...]) -> None:
        self.sources, self.sinks = ends(operation, given, threads=True)
        self.worked = not (self.sources or self.sinks)
        """Whether nothing is left to be done."""
        self._name = operation.name
        self._thread: threading.Thread | None = None
        self._worker: int | None = None  # the thread that works one of them just now
        self._waiting = 0  # how many threads wait

    def __bool__(self) -> bool:
        return bool(self.sources or self.sinks)

    def begin(
        self,
        call: Call,
        line: Line,
        lock: threading.RLock,
        outlets: Sequence[Outlet],
        inlets: Sequence[Inlet],
    ) -> None:
        """The call is on its way."""
        self._call = call
        self._line = line
        self._outlets = outlets
        self._inlets = inlets
        self._changed = threading.Condition(lock)

    @property
    def worked_elsewhere(self) -> bool:
        """Whether a thread of their own works them."""
        return self._thread is not None

    def changed(self) -> None:
        """A pipe may have come to its end, or the call to its own; under the lock."""
        if self._waiting:
            self._changed.notify_all()

    def work(self) -> None:
        """Feed and drain all pipes that something was given for, in this thread; a failure takes the call with it."""
        self._work(self._outlets, self._inlets)
        self.worked = True

    def work_before(self, pipe: Outlet | Inlet) -> None:
        """See to the pipes that come before one that the program works by hand."""
        if isinstance(pipe, Outlet):
            outlets, inlets = self._outlets[: pipe.index], self._inlets[:0]
        else:
            outlets, inlets = self._outlets, self._inlets[: pipe.index]
        if self._thread is None:
            self._work(outlets, inlets)
            return

        def ended() -> bool:
            closed = all(outlet.closed for outlet in outlets if outlet.name in self.sources)
            return closed and all(inlet.drained for inlet in inlets if inlet.name in self.sinks)

        self.wait(lambda: ended() or self._call.error is not None)
        if self._call.error is not None and not ended():
            raise self._call.error

    def work_elsewhere(self) -> None:
        """Have a thread do it: whoever began the call does not wait for long."""
        with self._changed:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=f"idlrt pipes of {self._name}", daemon=True)
                self._thread.start()

    def wait(self, done: Callable[[], bool], latest: float | None = None) -> bool:
        """Wait for what another thread does, or until then (monotonic); whether in time.

        The end of the call ends it too, as long as there is something to send; what has come wants to be drained.
        """
        with self._changed:
            self._waiting += 1
            try:
                while not (done() or (self._call.over and not all(outlet.closed for outlet in self._outlets))):
                    left = None if latest is None else latest - time.monotonic()
                    if left is not None and left <= 0:
                        return False
                    self._changed.wait(left)
            finally:
                self._waiting -= 1
        return True

    def _run(self) -> None:
        """In the order of all pipes, waiting for those that the program works."""
        with suppress(Exception):  # the call has failed with it
            for outlet in self._outlets:
                self._work((outlet,), ())
                self.wait(partial(getattr, outlet, "closed"))
            for inlet in self._inlets:
                self._work((), (inlet,))
                self.wait(partial(self._read, inlet))
        with self._changed:
            self.worked = True
            self._call.moved()

    def _read(self, inlet: Inlet) -> bool:
        """Whether nothing more comes out of a pipe."""
        return inlet.drained or self._call.error is not None

    def _claim(self) -> bool:
        """Whether it is this thread's turn; sources and sinks are worked by one at a time."""
        me = threading.get_ident()
        with self._changed:
            if self._worker != me:  # else a source or a sink uses its own call
                self.wait(lambda: self._worker is None)
            if self._worker is not None:
                return False
            self._worker = me
            return True

    def _work(self, outlets: Sequence[Outlet], inlets: Sequence[Inlet]) -> None:
        if not self._claim():
            return
        line, call = self._line, self._call
        try:
            try:
                for outlet in outlets:
                    if outlet.name in self.sources and not (outlet.closed or call.over):
                        feed_blocking(line, outlet, self.sources[outlet.name])
            except PipeClosed:
                if not call.over or call.error is not None:
                    raise
                # The answer came first, and it counts.
            for inlet in inlets:
                if inlet.name in self.sinks and not inlet.drained:
                    drain_blocking(line, inlet, self.sinks[inlet.name])
        except BaseException as error:
            call.abandon(error if isinstance(error, Exception) else CallCancelled())
            raise
        finally:
            with self._changed:
                self._worker = None
                self.changed()
