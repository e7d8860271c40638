"""Compile the IDL, serve, and move rows both ways.

    python -m samples.recordset.demo

Ends with 1 when rows are missing.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def main() -> None:
    command = [sys.executable, "-m", "idlc", "compile", str(HERE / "recordset.idl"), "-o", str(HERE / "stubs")]
    subprocess.run(command, check=True)
    from . import client  # needs what was compiled

    server = [sys.executable, "-m", f"{__package__}.server"]
    with subprocess.Popen(server, stdout=subprocess.PIPE, text=True, cwd=HERE.parents[1]) as process:
        try:
            assert process.stdout is not None
            name = process.stdout.readline().strip()
            if not name:
                raise SystemExit("the server did not start")
            print("rows through pipe interfaces:", flush=True)
            complete = asyncio.run(client.main(name))
        finally:
            process.terminate()
    sys.exit(0 if complete else 1)


if __name__ == "__main__":
    main()
