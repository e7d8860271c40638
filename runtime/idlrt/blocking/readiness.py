"""Waiting for sockets, for time, and for other threads, all at once: `poll` where there is one, else `select`.

`poll` also tells that a peer has gone while nothing is read from it (RDHUP on Linux, HUP and ERR everywhere), which
`select` cannot.
"""

from __future__ import annotations

import select
import socket
from collections.abc import Container
from typing import Final

READ: Final = getattr(select, "POLLIN", 1)
WRITE: Final = getattr(select, "POLLOUT", 4)
GONE: Final = getattr(select, "POLLRDHUP", 0) | getattr(select, "POLLHUP", 16) | getattr(select, "POLLERR", 8)
"""The peer will send no more than what has arrived, or the connection is broken."""


class Readiness:
    """Descriptors that are looked at, and a way for other threads to end the wait for them."""

    def __init__(self) -> None:
        self._ours, self._theirs = socket.socketpair()
        self._ours.setblocking(False)
        self._theirs.setblocking(False)
        self._looked_for: dict[int, int] = {}
        self._poll = select.poll() if hasattr(select, "poll") else None
        if self._poll is not None:
            self._poll.register(self._ours, READ)

    def look(self, descriptor: int, events: int) -> None:
        """Wait for `READ`, `WRITE`, both, or 0 for neither; `GONE` is always waited for."""
        if self._looked_for.get(descriptor) != events:
            self._looked_for[descriptor] = events
            if self._poll is not None:
                self._poll.register(descriptor, events | GONE)

    def keep(self, descriptors: Container[int]) -> None:
        """Wait for none but these any more; the others may have been closed already."""
        for descriptor in [one for one in self._looked_for if one not in descriptors]:
            del self._looked_for[descriptor]
            if self._poll is not None:
                self._poll.unregister(descriptor)

    def wait(self, seconds: float | None) -> list[tuple[int, int]]:
        """Descriptors and their events; none when the time is up, or when `wake` was called."""
        ours = self._ours.fileno()
        if self._poll is not None:
            # Rounded up, since a wait that ends a little too soon would have to be made again.
            found = self._poll.poll(None if seconds is None else int(seconds * 1000) + 1 if seconds > 0 else 0)
        else:
            reading = [ours, *(one for one, events in self._looked_for.items() if events & READ)]
            writing = [one for one, events in self._looked_for.items() if events & WRITE]
            read, write, _ = select.select(reading, writing, [], seconds)
            found = [(one, READ) for one in read] + [(one, WRITE) for one in write]
        others = [(one, events) for one, events in found if one != ours]
        if len(others) < len(found):
            try:
                self._ours.recv(4096)
            except OSError:
                pass
        return others

    def wake(self) -> None:
        """From any thread: end the wait, the next one if none is under way."""
        try:
            self._theirs.send(b"\0")
        except OSError:
            pass  # it is full, so the wait ends anyway, or it is closed

    def close(self) -> None:
        self._ours.close()
        self._theirs.close()
