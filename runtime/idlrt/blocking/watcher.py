"""The thread that moves octets for a channel's calls while the program is elsewhere.

There is none before it is needed: for a handle that has somebody to tell of events, for a push without waiting that
could not be sent at once, or for small blocks that were gathered. It ends with its channel.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Final, Protocol

from idlrt.blocking.readiness import GONE, Readiness

DELAY: Final = 0.005
"""Seconds that gathered blocks wait for more at most (and for their turn on the processor)."""

_log = logging.getLogger("idlrt.client")


class Watched(Protocol):
    """A call, for the watcher."""

    def outlook(self) -> tuple[int | None, int, float | None] | None:
        """Descriptor and events to wait for, and until when (monotonic); None when there is nothing any more, and the
        call has had itself forgotten.

        The descriptor is None when the call is over and only has something to tell.
        """

    def step(self, gone: bool = False) -> None:
        """Send and receive what can be without waiting, look at the clock, and take note of it all."""

    def tell(self) -> None:
        """Tell of what has happened so far, without holding a lock."""

    def flush(self) -> None:
        """Send what was gathered."""


class Watcher:
    """One thread, started when something is given to it for the first time."""

    def __init__(self) -> None:
        self._lock = threading.RLock()  # the garbage collector may call `stop` anywhere
        self._watched: dict[Watched, None] = {}
        self._due: list[Watched] = []
        self._tick: float | None = None  # when gathered blocks are sent next (monotonic)
        self._closed = False
        self._thread: threading.Thread | None = None
        self._readiness: Readiness | None = None

    def watch(self, call: Watched) -> None:
        """Move the octets of a call, and tell of its events, from now on."""
        with self._lock:
            if not self._closed:
                self._watched[call] = None
                self._start()
                return
        # The call is over with its channel, and has no more than that to tell.
        threading.Thread(target=_guarded, args=(call.tell,), name="idlrt watcher", daemon=True).start()

    def forget(self, call: Watched) -> None:
        """Do so no more."""
        with self._lock:
            self._watched.pop(call, None)

    def look(self) -> None:
        """The outlook of a watched call has changed, or it has something to tell."""
        if self._readiness is not None and self._thread is not threading.current_thread():
            self._readiness.wake()

    def flush_soon(self, call: Watched) -> None:
        """Have what was gathered sent within `DELAY`; not to be asked for again before that."""
        with self._lock:
            self._due.append(call)
            if self._tick is None:
                self._tick = time.monotonic() + DELAY
                self._start()

    def _start(self) -> None:
        if self._thread is None and not self._closed:
            self._readiness = readiness = Readiness()
            thread = threading.Thread(target=_run, args=(self._round, readiness), name="idlrt watcher", daemon=True)
            thread.start()
            self._thread = thread
        else:
            self.look()

    def stop(self) -> None:
        """Let the thread tell what there is to tell, and end."""
        self._closed = True
        if self._readiness is not None:
            self._readiness.wake()

    def close(self) -> None:
        """The same, and wait for it, unless this is the thread itself."""
        self.stop()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    # -- in the thread

    def _round(self, readiness: Readiness) -> bool:
        """Wait for something, and see to it; whether to go on."""
        closed = self._closed
        self._tell()
        calls, latest = self._outlook(readiness)  # holds on to no call that is over
        found = dict(readiness.wait(0 if closed else None if latest is None else latest - time.monotonic()))
        now = time.monotonic()
        for descriptor, until, call in calls:
            events = found.get(-1 if descriptor is None else descriptor, 0)
            if events or (until is not None and until <= now):
                _guarded(call.step, bool(events & GONE))
        self._flush(now)
        return not closed

    def _tell(self) -> None:
        for call in self._all():
            _guarded(call.tell)

    def _outlook(self, readiness: Readiness) -> tuple[list[tuple[int | None, float | None, Watched]], float | None]:
        """The calls that something is to come of, with descriptor and time, and the first of the times."""
        calls: list[tuple[int | None, float | None, Watched]] = []
        looked_for: dict[int, int] = {}
        times = [] if self._tick is None else [self._tick]
        for call in self._all():
            outlook = call.outlook()
            if outlook is not None:
                descriptor, events, until = outlook
                calls.append((descriptor, until, call))
                if descriptor is not None:
                    looked_for[descriptor] = looked_for.get(descriptor, 0) | events
                if until is not None:
                    times.append(until)
        readiness.keep(looked_for)
        for descriptor, events in looked_for.items():
            readiness.look(descriptor, events)
        return calls, min(times, default=None)

    def _all(self) -> tuple[Watched, ...]:
        with self._lock:
            return tuple(self._watched)

    def _flush(self, now: float) -> None:
        if self._tick is None or now < self._tick:
            return
        with self._lock:
            due, self._due = self._due, []
            # One more round, without anybody having to wake us, as long as there is something to do.
            self._tick = now + DELAY if due else None
        for call in due:
            _guarded(call.flush)


def _run(turn: Callable[[Readiness], bool], readiness: Readiness) -> None:
    try:
        while turn(readiness):
            pass
    finally:
        readiness.close()


def _guarded(function: Callable[..., object], *arguments: object) -> None:
    try:
        function(*arguments)
    except Exception:
        _log.exception("the watcher of a channel failed")
