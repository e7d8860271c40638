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

from tests.bench import idl
from tests.bench.timing import Figure


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Measure ours and a rival's speed.")
    jobs = "run jobs whose name begins so: a, d1, structures, generated, pipe, idl; ndr is all of marshalling"
    parser.add_argument("names", nargs="*", metavar="NAME", help=jobs)
    parser.add_argument("--json", action="store_true", help="print one JSON object per job")
    arguments = parser.parse_args()

    def wanted(job: str) -> bool:
        whole = "ndr" in arguments.names and not job.startswith(("pipe", "idl"))
        return not arguments.names or whole or any(job.startswith(name) for name in arguments.names)

    compiler_only = bool(arguments.names) and all(name.startswith("idl") for name in arguments.names)
    needed = ("impacket", "google.protobuf")
    if not compiler_only and not all(map(_there, needed)):
        sys.exit("needs the bench extra: run make bench")
    if not arguments.json:
        print(f"CPython {platform.python_version()}, {platform.machine()}")
        print(f"{'job':44} {'ours':>12} {'theirs':>12} {'':6} {'ratio':>8} {'floor':>6} {'aim':>6}  rival")
    for figure in chain(idl.run(wanted), () if compiler_only else _rivals(wanted)):
            print(json.dumps(asdict(figure) | {"ratio": figure.ratio}) if arguments.json else line(figure), flush=True)


def _rivals(wanted: Callable[[str], bool]) -> Iterator[Figure]:
    """What needs the bench extra."""
    from tests.bench import generated, ndr, pipe, structures
    from tests.bench.stubs import compile_stubs

    bench = compile_stubs()
    yield from ndr.run(bench, wanted)
    yield from structures.run(wanted)
    yield from generated.run(wanted)
    yield from pipe.run(bench, wanted)


def _there(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except ModuleNotFoundError:  # not even what it is in
        return False


def line(figure: Figure) -> str:
    floor = "" if figure.floor is None else f"{figure.floor:.2f}x"
    aim = "" if figure.aim is None else f"{figure.aim:.2f}x"
    return (
        f"{figure.name:44} {figure.ours:12,.1f} {figure.theirs:12,.1f} {figure.unit:6} "
        f"{figure.ratio:7,.2f}x {floor:>6} {aim:>6}  {figure.rival}"
    )


if __name__ == "__main__":
    main()
