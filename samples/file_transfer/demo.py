"""The whole way at once: compile the IDL, serve, move a big real file up and down, and check everything.

    python -m samples.file_transfer.demo [--size MIB] [--rounds N] [--no-progress]

Ends with 1 when a digest differs or when memory grew with the file.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).parent


def compile_stubs() -> None:
    """Make stubs/ with the `idlc` command, as a user would."""
    command = shutil.which("idlc", path=str(Path(sys.executable).parent))
    idlc = [command] if command else [sys.executable, "-m", "idlc"]
    arguments = ["compile", str(HERE / "file_transfer.idl"), "-o", str(HERE / "stubs")]
    print("$ idlc", *(argument.replace(f"{HERE}/", "") for argument in arguments), flush=True)
    subprocess.run([*idlc, *arguments], check=True)


def make_file(path: Path, size: int) -> None:
    """A file of at least `size` octets: Python's standard library as a tar, as often as needed."""
    once = path.with_suffix(".once")
    library = Path(sysconfig.get_path("stdlib"))

    def wanted(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
        unwanted = {"__pycache__", "site-packages", "dist-packages", "test"}
        return None if unwanted.intersection(Path(member.name).parts) else member

    with tarfile.open(once, "w") as tar:
        tar.add(library, arcname=library.name, filter=wanted)
    with path.open("wb") as out:
        while out.tell() < size:
            with once.open("rb") as part:
                shutil.copyfileobj(part, out, 1 << 20)
    once.unlink()


@contextmanager
def serving(root: Path) -> Iterator[str]:
    """The sample's server as a process of its own; gives the string binding that it printed."""
    process = subprocess.Popen(
        [sys.executable, "-m", f"{__package__}.server", str(root), "--port", "0"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=HERE.parents[1],
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise SystemExit("the server did not start")
        print(line, end="")
        yield line.split()[-1]
    finally:
        process.terminate()
        process.wait(10)
        if process.stdout is not None:
            process.stdout.close()


def main() -> None:
    parser = argparse.ArgumentParser(description="Move a big file through DCE/RPC pipes, up and down.")
    parser.add_argument("--size", type=int, default=256, metavar="MIB", help="size of the file, at least (256)")
    parser.add_argument("--rounds", type=int, default=1, metavar="N", help="move it that often")
    parser.add_argument("--no-progress", action="store_true", help="print plain lines")
    arguments = parser.parse_args()

    compile_stubs()
    with tempfile.TemporaryDirectory(prefix="file-transfer-") as folder:
        scratch = Path(folder)
        root = scratch / "served"
        root.mkdir()
        print(f"making a file of {arguments.size} MiB from {sysconfig.get_path('stdlib')}", flush=True)
        make_file(scratch / "stdlib.tar", arguments.size << 20)
        with serving(root) as binding:
            from . import tour  # needs the stubs that were compiled above

            done = asyncio.run(tour.run(binding, scratch, arguments.rounds, not arguments.no_progress))
    sys.exit(0 if done else 1)


if __name__ == "__main__":
    main()
