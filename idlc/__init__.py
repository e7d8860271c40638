"""A MIDL compiler that writes Python: `compile_text`, `compile_files`, and the `idlc` command."""

from __future__ import annotations

from idlc.api import CompileError, CompileReport, check_files, compile_files, compile_text, dump
from idlc.driver import InternalError
from idlc.version import VERSION as __version__

__all__ = [
    "CompileError",
    "CompileReport",
    "InternalError",
    "__version__",
    "check_files",
    "compile_files",
    "compile_text",
    "dump",
]
