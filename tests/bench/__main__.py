"""`python -m tests.bench [NAME...] [--json]`: a line for each job whose name begins with a NAME, all without one."""

from __future__ import annotations

import argparse
import json
import platform
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from importlib.util import find_spec
from itertools import chain
from math import isnan

from tests.bench import com, com_calls, idl, pipes
from tests.bench.timing import Figure


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Measure ours and a rival's speed.")
    jobs = "run jobs whose name begins so: a, d1, structures, generated, pipes, com, idl; ndr is all of marshalling"
    parser.add_argument("names", nargs="*", metavar="NAME", help=jobs)
    parser.add_argument("--json", action="store_true", help="print one JSON object per job")
    arguments = parser.parse_args()

    def wanted(job: str) -> bool:
        whole = "ndr" in arguments.names and not job.startswith(("pipes", "com", "idl"))
        return not arguments.names or whole or any(job.startswith(name) for name in arguments.names)

    alone = bool(arguments.names) and all(name.startswith(("idl", "pipes", "com")) for name in arguments.names)
    needed = ("impacket", "google.protobuf")
    if not alone and not all(map(_there, needed)):
        sys.exit("needs the bench extra: run make bench")
    if not arguments.json:
        print(f"CPython {platform.python_version()}, {platform.machine()}")
        print(f"{'job':44} {'ours':>12} {'theirs':>12} {'':6} {'ratio':>8} {'cpu':>7} {'floor':>6} {'aim':>6}  rival")
    jobs_of_rivals = () if alone else _rivals(wanted)
    for figure in chain(
        idl.run(wanted), jobs_of_rivals, com.run(wanted), com_calls.run(wanted), pipes.run(wanted)
    ):
        print(as_json(figure) if arguments.json else line(figure), flush=True)


def _rivals(wanted: Callable[[str], bool]) -> Iterator[Figure]:
    """What needs the bench extra."""
    from tests.bench import generated, ndr, structures
    from tests.bench.stubs import compile_stubs

    bench = compile_stubs()
    yield from ndr.run(bench, wanted)
    yield from structures.run(wanted)
    yield from generated.run(wanted)


def _there(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except ModuleNotFoundError:  # not even what it is in
        return False


def as_json(figure: Figure) -> str:
    values = asdict(figure) | {"ratio": figure.ratio}
    absent = {"theirs": None, "ratio": None} if isnan(figure.theirs) else {}
    return json.dumps(values | absent)


def line(figure: Figure) -> str:
    """Its ratios are of the job, of processor time where that is another, and those that have to be reached."""
    absent = isnan(figure.theirs)
    ratio = None if absent else figure.ratio
    columns = ((ratio, 8), (figure.processor, 7), (figure.floor, 6), (figure.aim, 6))
    ratios = " ".join(f"{'' if value is None else f'{value:,.2f}x':>{width}}" for value, width in columns)
    theirs = "absent" if absent else f"{figure.theirs:,.1f}"
    return f"{figure.name:44} {figure.ours:12,.1f} {theirs:>12} {figure.unit:6} {ratios}  {figure.rival}"


if __name__ == "__main__":
    main()
