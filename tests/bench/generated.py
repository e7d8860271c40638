"""What generated code costs by itself: its import, and how its source grows with the IDL."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import idlc
from tests.bench.timing import Figure

ROUNDS = 7
ALLOWED = 30.0
"""Milliseconds for the stubs of 100 operations and 100 structures, bytecode warm, beyond `import idlrt.rpc`."""

_PROBE = """
import sys, time, idlrt.rpc
start = time.process_time()
import stubs.{size}
imported = time.process_time()
interface = stubs.{size}.MANY
interface.codecs(idlrt.ids.NDR20, "<")
print(imported - start, time.process_time() - imported, any(name.endswith("_ndr64") for name in sys.modules))
"""


def run(wanted: Callable[[str], bool]) -> Iterator[Figure]:
    if not wanted("generated"):
        return
    small, large = generated(100), generated(200)
    imported, bound = loading(small)
    yield Figure("generated import, 100 + 100", imported, ALLOWED, "ms", "the limit", floor=1.0)
    yield Figure("generated codec, on first use", bound, ALLOWED, "ms", "the limit of the import")
    grown = size(large) - size(small)
    yield Figure("generated source, second 100", grown / 1024, size(small) / 1024, "KiB", "the first 100", floor=0.95)


def generated(count: int) -> Mapping[str, str]:
    """The modules for `count` structures and as many operations, of the kinds that the other jobs have."""
    structures = "\n".join(
        f"typedef struct {{ long a{n}; [string] wchar_t *b{n}; hyper c{n}; double d{n}[4]; byte e{n}; }} S{n};"
        for n in range(count)
    )
    operations = "\n".join(
        f"long Op{n}([in] S{n} *one, [in] unsigned long count, [in, size_is(count)] S{n} many[], [out] S{n} *back);"
        for n in range(count)
    )
    text = (
        "[uuid(0c53aa2e-77b1-4d86-8f2a-2f9f4f6f7a03), version(1.0), pointer_default(unique)] interface Many {\n"
        f"{structures}\n{operations}\n}}"
    )
    result = idlc.compile_text(text, name=f"many{count}.idl")
    result.raise_for_errors()
    return result.files


def loading(files: Mapping[str, str]) -> tuple[float, float]:
    """Milliseconds to import the stubs and to load their NDR 2.0 codec; NDR64's must not be loaded by that."""
    with tempfile.TemporaryDirectory() as folder:
        package = Path(folder, "stubs")
        package.mkdir()
        for name, text in files.items():
            (package / name).write_text(text, encoding="utf-8")
        probe = [sys.executable, "-c", _PROBE.format(size="many100")]
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}
        times = []
        for _ in range(ROUNDS + 1):  # the first one writes the bytecode
            done = subprocess.run(probe, cwd=folder, env=environment, capture_output=True, text=True, check=True)
            imported, bound, wide = done.stdout.split()
            if wide == "True":
                raise AssertionError("NDR64 is loaded before it is used")
            times.append((float(imported) * 1e3, float(bound) * 1e3))
    first, second = zip(*times[1:], strict=True)
    return statistics.median(first), statistics.median(second)


def size(files: Mapping[str, str]) -> int:
    """Octets of the NDR 2.0 codec's source."""
    return sum(len(text) for name, text in files.items() if name.endswith("_codec.py"))
