"""The generated side of the benchmarks, compiled in memory."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

from tests.compiled import compile_cached

HERE = Path(__file__).parent


def compile_stubs() -> ModuleType:
    idl = (HERE / "bench.idl").read_text(encoding="utf-8")
    acf = (HERE / "bench.acf").read_text(encoding="utf-8")
    return compile_cached(idl, "bench", acf).module
