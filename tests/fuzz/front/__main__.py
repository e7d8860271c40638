"""`python -m tests.fuzz.front COUNT`: so many inputs; exit status 1 when there was a find.

Each find is kept in build/fuzz as NUMBER.idl, NUMBER.acf and NUMBER.txt, the first of a kind made small. `--only N`
tries one input and prints it.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from pathlib import Path

from tests.corpus.own import ROOT
from tests.fuzz.front import pool, trial
from tests.fuzz.front.seeds import seeds
from tests.fuzz.front.trial import Find

FOLDER = ROOT / "build" / "fuzz"


class Finds:
    """What was found so far, on disk as soon as it is found."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.counts: Counter[str] = Counter()
        self.first: dict[str, int] = {}

    def add(self, number: int, find: Find) -> None:
        self.counts[find.kind] += 1
        if self.counts[find.kind] > 20:
            return
        if find.kind not in self.first:
            self.first[find.kind] = number
            print(f"\nfind: {find.kind} (input {number})", flush=True)
        self.write(number, find, trial.numbered(number))

    def write(self, number: int, find: Find, given: trial.Input) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        account = f"{find.kind}\n{given.settings}\n\n{find.account}\n"
        texts = {".idl": given.idl, ".acf": given.acf, ".txt": account}
        for suffix, text in texts.items():
            path = self.folder / f"{number}{suffix}"
            path.unlink(missing_ok=True)
            if text is not None:
                path.write_bytes(text.encode("utf-8", "surrogatepass"))

    def minimise(self) -> None:
        """Make the first of each kind small; what hangs or kills is left as it is."""
        for kind, number in self.first.items():
            if kind in ("hangs", "died"):
                continue
            small = trial.smaller(trial.numbered(number), kind)
            found = trial.attempt(small)
            if found is not None:
                self.write(number, found, small)

    def print(self) -> None:
        for kind, count in self.counts.most_common():
            print(f"{count:6} x {kind}: {self.folder}/{self.first[kind]}.txt")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.front", description=__doc__)
    parser.add_argument("count", type=int, nargs="?", default=10_000, help="how many inputs")
    parser.add_argument("--from", type=int, default=0, dest="start", metavar="N", help="the number of the first")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="how many processes")
    parser.add_argument("--only", type=int, metavar="N", help="try this one, here, and show it")
    chosen = parser.parse_args()
    if chosen.only is not None:
        return _only(chosen.only)
    sources = ", ".join(str(len(each)) for each in seeds())
    print(f"{chosen.count} inputs from number {chosen.start}, {chosen.jobs} processes; seeds: {sources}", flush=True)
    finds = Finds(FOLDER)
    began = shown = time.monotonic()

    def progress(done: int) -> None:
        nonlocal shown
        now = time.monotonic()
        if now - shown > 5 or done == chosen.count:
            shown = now
            rate = done / (now - began)
            left = (chosen.count - done) / rate / 60 if done else 0
            line = f"{done} done, {rate:.0f} a second, {sum(finds.counts.values())} finds, {left:.0f} minutes to go"
            print(f"\r{line:<78}", end="", flush=True)

    pool.run(range(chosen.start, chosen.start + chosen.count), chosen.jobs, finds.add, progress)
    print()
    finds.minimise()
    finds.print()
    return 1 if finds.counts else 0


def _only(number: int) -> int:
    given = trial.numbered(number)
    print(given.idl)
    if given.acf is not None:
        print("---- ACF", given.acf, sep="\n")
    print("----", given.settings)
    trial.warm()
    found = trial.attempt(given)
    print("---- clean" if found is None else f"---- {found.kind}\n{found.account}")
    return 0 if found is None else 1


if __name__ == "__main__":
    sys.exit(main())
