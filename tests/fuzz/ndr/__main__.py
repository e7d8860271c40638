"""`python -m tests.fuzz.ndr COUNT`: so many byte strings for generated codecs; exit status 1 when there was a find.

Finds are kept in build/fuzz as ndr-NUMBER.txt, at most twenty of a kind. `--only N` tries the batch of one input here.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import resource
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from typing import Final

from tests.corpus.own import ROOT
from tests.fuzz.ndr.targets import Target, targets
from tests.fuzz.ndr.trial import BATCH, Find, attempt

FOLDER: Final = ROOT / "build" / "fuzz"
MEMORY: Final = 2 << 30
"""Address space of a worker; an input that wants more is a find, MemoryError."""
_BATCHES: Final = 40
"""Batches that a worker is given at a time."""

_targets: tuple[Target, ...] = ()
"""What workers inherit by being forked."""


def main() -> int:
    global _targets
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.ndr", description=__doc__)
    parser.add_argument("count", type=int, nargs="?", default=1_000_000, help="how many inputs")
    parser.add_argument("--from", type=int, default=0, dest="start", metavar="N", help="the number of the first")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="how many processes")
    parser.add_argument("--only", type=int, metavar="N", help="try the batch of this input, here")
    chosen = parser.parse_args()
    _targets = targets()
    print(f"{chosen.count} inputs for {len(_targets)} readers, {chosen.jobs} processes", flush=True)
    if chosen.only is not None:
        found = attempt(_targets, chosen.only // BATCH)
        print(*found, sep="\n")
        return 1 if found else 0
    first = chosen.start // BATCH
    finds = run(range(first, first + -(-chosen.count // BATCH)), chosen.jobs)
    for kind, count in finds.most_common():
        print(f"{count:6} x {kind}: {FOLDER}")
    return 1 if finds else 0


def run(batches: range, jobs: int) -> Counter[str]:
    """Tries all batches; how many finds there were of each kind."""
    finds: Counter[str] = Counter()
    began = shown = time.monotonic()
    done = 0
    chunks: Iterator[range] = (batches[at : at + _BATCHES] for at in range(0, len(batches), _BATCHES))
    with ProcessPoolExecutor(jobs, multiprocessing.get_context("fork"), _bound) as pool:
        waiting: dict[Future[list[Find]], range] = {}
        while True:
            for chunk in islice(chunks, 2 * jobs - len(waiting)):
                waiting[pool.submit(_work, chunk)] = chunk
            if not waiting:
                break
            for future in wait(waiting, return_when=FIRST_COMPLETED).done:
                chunk = waiting.pop(future)
                done += len(chunk) * BATCH
                try:
                    found = future.result()
                except BrokenProcessPool:
                    found = [Find(chunk[0] * BATCH, "died", f"one of batches {chunk}", b"", "the process died")]
                    _keep(found, finds)
                    return finds
                _keep(found, finds)
            now = time.monotonic()
            if now - shown > 2 or not waiting:
                shown = now
                rate = done / (now - began)
                left = (len(batches) * BATCH - done) / rate / 60
                line = f"{done} done, {rate:.0f} a second, {sum(finds.values())} finds, {left:.1f} minutes to go"
                print(f"\r{line:<78}", end="", flush=True)
    print()
    return finds


def _bound() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def _work(batches: range) -> list[Find]:
    return [find for batch in batches for find in attempt(_targets, batch)]


def _keep(found: list[Find], finds: Counter[str]) -> None:
    for find in found:
        finds[find.kind] += 1
        if finds[find.kind] <= 20:
            FOLDER.mkdir(parents=True, exist_ok=True)
            (FOLDER / f"ndr-{find.number}.txt").write_text(str(find), encoding="utf-8")
        if finds[find.kind] == 1:
            print(f"\nfind: {find.kind} (input {find.number})", flush=True)


if __name__ == "__main__":
    sys.exit(main())
