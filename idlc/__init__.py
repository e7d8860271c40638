"""A MIDL compiler that writes Python: `compile_text`, `compile_files`, and the `idlc` command."""

from __future__ import annotations

__version__ = "0.1.0"

from idlc.api import CompileError, CompileReport, check_files, compile_files, compile_text, dump
from idlc.driver import InternalError

__all__ = [
    "CompileError",
    "CompileReport",
    "InternalError",
    "check_files",
    "compile_files",
    "compile_text",
    "dump",
]
