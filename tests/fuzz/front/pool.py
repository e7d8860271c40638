"""A million inputs over all processors: workers that may die, and a parent that notices when they hang."""

from __future__ import annotations

import multiprocessing
import resource
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any, Final

from tests.fuzz.front import trial
from tests.fuzz.front.trial import Find

CHUNK: Final = 100
HANG: Final = 90.0
"""Seconds on the clock after which a worker is beyond help: it is in C code that no signal reaches."""
MEMORY: Final = 3 << 30
"""Address space of a worker; beyond it the system refuses, which is a find."""

_context: Final[Any] = multiprocessing.get_context("fork")
Report = Callable[[int, Find], None]


@dataclass(slots=True)
class _Worker:
    process: Any
    connection: Connection
    current: Any
    """The number of the input that it is at."""
    chunk: range = range(0)
    since: float = 0.0
    seen: int = -1

    def hangs(self) -> bool:
        """Whether it has been at one input for too long."""
        if not self.since or self.current.value != self.seen:
            self.seen, self.since = self.current.value, time.monotonic()
        return bool(self.chunk) and time.monotonic() - self.since > HANG


def run(numbers: range, jobs: int, found: Report, progress: Callable[[int], None]) -> None:
    """Try the inputs with these numbers; `found` is called for each find, `progress` with how many are done."""
    chunks = [numbers[at : at + CHUNK] for at in range(0, len(numbers), CHUNK)][::-1]
    workers = [_start() for _ in range(min(jobs, len(chunks)) or 1)]
    done = 0
    while workers:
        for worker in list(workers):
            if not worker.chunk:
                if chunks:
                    worker.chunk = chunks.pop()
                    worker.connection.send(worker.chunk)
                else:
                    worker.connection.send(None)
                    worker.process.join()
                    workers.remove(worker)
        wait([worker.connection for worker in workers], timeout=1)
        for worker in list(workers):
            died = False
            try:
                while worker.connection.poll():
                    message = worker.connection.recv()
                    if message is None:
                        done += len(worker.chunk)
                        worker.chunk = range(0)
                    else:
                        found(*message)
            except (EOFError, OSError):
                died = True
            if died or worker.hangs():
                at = worker.current.value
                worker.process.kill()
                worker.process.join()
                how = f"died with status {worker.process.exitcode}" if died else f"was at it for {HANG} seconds"
                found(at, Find("died" if died else "hangs", f"the process {how}"))
                workers.remove(worker)
                workers.append(_start())
                done += at + 1 - worker.chunk.start
                if worker.chunk[at + 1 - worker.chunk.start :]:
                    chunks.append(worker.chunk[at + 1 - worker.chunk.start :])
        progress(done)


def _start() -> _Worker:
    ours, theirs = _context.Pipe()
    current = _context.RawValue("q", -1)
    process = _context.Process(target=_work, args=(theirs, current, ours), daemon=True)
    process.start()
    theirs.close()
    return _Worker(process, ours, current)


def _work(connection: Connection, current: Any, parents: Connection) -> None:
    parents.close()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    trial.warm()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    while True:
        chunk: Sequence[int] | None = connection.recv()
        if chunk is None:
            return
        for number in chunk:
            current.value = number
            find = trial.attempt(trial.numbered(number))
            if find is not None:
                connection.send((number, find))
        connection.send(None)
