"""A MIDL compiler that writes Python: `compile_text`, `compile_files`, and the `idlc` command.

The compiler is loaded when one of its names is first asked for, so that a command with nothing to do does not load it.
"""

from __future__ import annotations

from idlc.version import VERSION as __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    from idlc.api import CompileError, CompileReport, check_files, compile_files, compile_text, dump
    from idlc.crashes import InternalError

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


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from idlc import api, crashes

    found: object = crashes.InternalError if name == "InternalError" else getattr(api, name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
