"""The compiler's own speed: whole runs of the command against widl, and its back end by itself.

Every figure of a run counts from the start of the process to its end. Ratios to widl are of processor time, user and
system of all processes of a side, which other work on the machine changes little; what a clock on the wall showed has
a line of its own. widl comes with the Debian package libwine-dev, and so do the files. What is measured "cold" has no
cache at all.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

from tests.bench.timing import Figure

WINE = Path("/usr/include/wine/wine/windows")
ROUNDS = 5

SMALL = """import "unknwn.idl";
[object, uuid(d3b2a8a6-21f5-4d3c-8f0e-0c1d2e3f4a5b)]
interface ICounter : IUnknown { HRESULT Add([in] long by, [out] long *total); }
"""


def run(wanted: Callable[[str], bool]) -> Iterator[Figure]:
    """A figure for each wanted job. Exits with a message when widl or its files are missing."""
    jobs = {
        "idl mshtml": _mshtml,
        "idl wine set": _wine_set,
        "idl small": _small,
        "idl unchanged": _unchanged,
        "idl emit": _emit,
    }
    chosen = [job for name, job in jobs.items() if wanted(name)]
    if not chosen:
        return
    if shutil.which("widl") is None or not WINE.is_dir():
        sys.exit("needs widl and Wine's IDL files: install libwine-dev")
    with tempfile.TemporaryDirectory() as folder:
        for job in chosen:
            yield from job(Path(folder))


# ---------------------------------------------------------------------------- against widl


def _mshtml(folder: Path) -> Iterator[Figure]:
    """One file of 30 000 lines, nothing cached."""
    file = str(WINE / "mshtml.idl")
    sides = _medians(lambda: _check([file], cache="off"), lambda: _widl(file, folder))
    yield from _figures("idl mshtml (cold)", *sides, floor=1 / 8, aim=1 / 4)


def _wine_set(folder: Path) -> Iterator[Figure]:
    """Every file that both accept: one run of ours, which parses each import once, and a run of widl for each."""
    names = sorted(str(path) for path in WINE.glob("*.idl"))
    refused = {path for path in names if not _widl(path, folder)}
    said = json.loads(_check([*names, "--max-errors", "0", "--diagnostics", "json"], cache="off"))
    errors = [each for each in said["diagnostics"] if each["severity"] == "error"]
    refused |= {each["place"]["file"] for each in errors if each["place"] is not None}
    accepted = [path for path in names if path not in refused]

    def widl() -> None:
        for path in accepted:
            _widl(path, folder)

    sides = _medians(lambda: _check(accepted, cache="off"), widl, rounds=3)
    yield from _figures(f"idl wine set ({len(accepted)} files, cold)", *sides, floor=1.0)


def _small(folder: Path) -> Iterator[Figure]:
    """A dozen lines with an import of the prelude, compiled again and again with a change; the rival is the limit."""
    file = folder / "counter.idl"

    versions = count()

    def compiled() -> None:
        file.write_text(SMALL + f"// {next(versions)}\n", encoding="utf-8")
        _command(["compile", str(file), "-o", str(folder / "out")], cache=str(folder / "cache"))

    compiled()
    ours, _ = _medians(compiled, lambda: None, rounds=11)
    yield Figure("idl small (warm), wall", ours.wall * 1e3, 150.0, "ms", "the limit", floor=1.0, aim=150 / 110)
    yield Figure("idl small (warm), processor", ours.processor * 1e3, 150.0, "ms", "the limit of the wall")


def _unchanged(folder: Path) -> Iterator[Figure]:
    """The same command again when nothing has changed, against grpcio-tools starting and saying its version."""
    protoc = [sys.executable, "-m", "grpc_tools.protoc", "--version"]
    if subprocess.run(protoc, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode:
        sys.exit("needs grpcio-tools: pip install grpcio-tools")
    file = folder / "counter.idl"
    file.write_text(SMALL, encoding="utf-8")
    words = ["compile", str(file), "-o", str(folder / "kept")]

    def again() -> None:
        _command(words, cache=str(folder / "cache"))

    again()
    ours, theirs = _medians(again, lambda: subprocess.run(protoc, stdout=subprocess.DEVNULL), rounds=11)
    yield Figure("idl unchanged, wall", ours.wall * 1e3, theirs.wall * 1e3, "ms", "protoc --version", floor=1.0)


class _Seconds(NamedTuple):
    processor: float
    wall: float


def _figures(
    name: str, ours: _Seconds, theirs: _Seconds, floor: float | None = None, aim: float | None = None
) -> Iterator[Figure]:
    """What was measured against widl: processor time, which counts, and the wall's."""
    mine, other = ours.processor * 1e3, theirs.processor * 1e3
    yield Figure(f"{name}, processor", mine, other, "ms", "widl -h", floor=floor, aim=aim)
    yield Figure(f"{name}, wall", ours.wall * 1e3, theirs.wall * 1e3, "ms", "widl -h")


def _command(words: Sequence[str], cache: str) -> bytes:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("IDLC_")}
    environment["IDLC_CACHE" if cache == "off" else "IDLC_CACHE_DIR"] = cache
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    done = subprocess.run(
        [sys.executable, "-m", "idlc", *words], env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    if done.returncode > 1:
        sys.exit(f"idlc {' '.join(words[:2])} ends with status {done.returncode}")
    return done.stdout


def _check(words: Sequence[str], cache: str) -> bytes:
    return _command(["check", *words], cache)


def _widl(file: str, folder: Path) -> bool:
    """Whether widl makes a header of a file."""
    command = ["widl", "-h", "-o", str(folder / "out.h"), file]
    return subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0


def _medians(
    ours: Callable[[], object], theirs: Callable[[], object], rounds: int = ROUNDS
) -> tuple[_Seconds, _Seconds]:
    """Median seconds of both, in turn; processor time is that of the processes that a side has waited for."""
    times: tuple[list[_Seconds], list[_Seconds]] = ([], [])
    for _ in range(rounds):
        for side, call in enumerate((ours, theirs)):
            busy, start = _busy(), perf_counter()
            call()
            times[side].append(_Seconds(_busy() - busy, perf_counter() - start))
    mine, other = (_Seconds(*map(statistics.median, zip(*side, strict=True))) for side in times)
    return mine, other


def _busy() -> float:
    """Seconds of processor time of all processes that were waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


# ---------------------------------------------------------------------------- the back end


def _emit(_folder: Path) -> Iterator[Figure]:
    """From the model of a module to the text of its file; the rival is the limit, per 1000 lines."""
    from idlc import driver
    from idlc.emit import render
    from idlc.pymodel.build import Builder
    from idlc.settings import Settings
    from idlc.version import VERSION

    compilation = driver.analyse(["big.idl"], Settings(memory={"big.idl": _big()}))
    (unit,) = compilation.main
    assert unit.bound is not None
    model = Builder(unit.bound, {unit.bound.name: ".big"}, VERSION).build()
    lines = render._public(model).count("\n")
    (_, seconds), _ = _medians(lambda: render._public(model), lambda: None, rounds=7)
    yield Figure("idl emit (per 1000 lines)", seconds * 1e6 / lines, 10.0, "ms", "the limit", floor=1.0, aim=10 / 3)


def _big() -> str:
    """An interface description with a hundred structures and a hundred operations."""
    structs = "".join(
        f"typedef struct S{n} {{ long id; [string, unique] wchar_t *label; [size_is(id)] byte *data; "
        f"double values[{n + 1}]; }} S{n}; // number {n}\n"
        for n in range(100)
    )
    operations = "".join(
        f"long Operation{n}([in] handle_t h, [in] S{n} *given, [in, out] long *count, [out] S{n} *taken);\n"
        for n in range(100)
    )
    return f"[uuid(8d5a1b7e-0c57-4e1c-9a3e-5e1b6f1c2d3e), version(1.0)] interface Big {{ {structs} {operations} }}"
