"""A MIDL compiler that writes Python: `compile_text`, `compile_files`, and the `idlc` command.

The compiler is loaded when one of its names is first asked for, so that a command with nothing to do does not load it.
"""

from __future__ import annotations

from idlc.version import VERSION as __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    from idlc.api import CompileError, CompileReport, check_files, compile_files, compile_text, dump
    from idlc.crashes import InternalError
    from idlc.diagnostics.policy import Policy
    from idlc.settings import Dialect, Environment, Protocol, Settings, Target

__all__ = [
    "CompileError",
    "CompileReport",
    "Dialect",
    "Environment",
    "InternalError",
    "Policy",
    "Protocol",
    "Settings",
    "Target",
    "__version__",
    "check_files",
    "compile_files",
    "compile_text",
    "dump",
]

_HOMES = {
    "Dialect": "settings",
    "Environment": "settings",
    "InternalError": "crashes",
    "Policy": "diagnostics.policy",
    "Protocol": "settings",
    "Settings": "settings",
    "Target": "settings",
}
"""Where names are that are not in `api`."""


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    found: object = getattr(import_module(f"idlc.{_HOMES.get(name, 'api')}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
