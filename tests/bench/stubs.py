"""The generated side of the benchmarks, compiled in memory."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

from tests.compiled import compile_cached

HERE = Path(__file__).parent


def compile_stubs() -> ModuleType:
    """Of what is marshalled."""
    return compile_cached((HERE / "bench.idl").read_text(encoding="utf-8"), "bench").module


def compile_streams() -> ModuleType:
    """Of what is streamed and called."""
    folder = HERE / "pipes"
    idl = (folder / "streams.idl").read_text(encoding="utf-8")
    acf = (folder / "streams.acf").read_text(encoding="utf-8")
    return compile_cached(idl, "streams", acf).module
