"""`python -m tests.bench [NAME...] [--json]`: a line for each job whose name begins with a NAME, all without one."""

from __future__ import annotations

import argparse
import json
import platform
import sys
from dataclasses import asdict
from importlib.util import find_spec

from tests.bench.timing import Figure


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Measure ours and a rival's speed.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="run jobs whose name begins so: a, d1, pipe")
    parser.add_argument("--json", action="store_true", help="print one JSON object per job")
    arguments = parser.parse_args()

    def wanted(job: str) -> bool:
        return not arguments.names or any(job.startswith(name) for name in arguments.names)

    if find_spec("impacket") is None:
        sys.exit("needs the bench extra: run make bench")
    from tests.bench import ndr, pipe, structures
    from tests.bench.stubs import compile_stubs

    if not arguments.json:
        print(f"CPython {platform.python_version()}, {platform.machine()}")
        print(f"{'job':32} {'ours':>12} {'theirs':>12} {'':6} {'ratio':>8}  rival")
    bench = compile_stubs()
    for module in (ndr, structures, pipe):
        for figure in module.run(bench, wanted):
            print(json.dumps(asdict(figure) | {"ratio": figure.ratio}) if arguments.json else line(figure), flush=True)


def line(figure: Figure) -> str:
    return (
        f"{figure.name:32} {figure.ours:12,.1f} {figure.theirs:12,.1f} {figure.unit:6} "
        f"{figure.ratio:7,.2f}x  {figure.rival}"
    )


if __name__ == "__main__":
    main()
