"""The whole story at once: compile the IDL, serve, call every way there is, and compare what travels.

    python -m samples.async_call.demo

Ends with 1 when something is not as it should be.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).parent


def compile_stubs() -> None:
    command = [sys.executable, "-m", "idlc", "compile", str(HERE / "query.idl"), "-o", str(HERE / "stubs")]
    subprocess.run(command, check=True)


@contextmanager
def serving() -> Iterator[list[str]]:
    """The server as a process of its own; gives the names that it printed."""
    command = [sys.executable, "-m", f"{__package__}.server"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=HERE.parents[1])
    assert process.stdout is not None
    with process.stdout as printed:
        try:
            names = [printed.readline().strip() for _ in range(2)]
            if not all(names):
                raise SystemExit("the server did not start")
            yield names
        finally:
            process.terminate()
            process.wait(10)


def main() -> None:
    compile_stubs()
    from . import client, recorder  # they need what was compiled

    with serving() as names:
        for about, name in zip(("coroutines at the server", "call objects at the server"), names, strict=True):
            print(f"{about}:", flush=True)
            asyncio.run(client.main(name))
    print("what travels, without call id, IPID and causality id:", flush=True)
    same = asyncio.run(recorder.main())
    print("  the octets are the same" if same else "  the octets differ")
    sys.exit(0 if same else 1)


if __name__ == "__main__":
    main()
