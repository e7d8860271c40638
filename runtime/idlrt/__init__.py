"""The runtime of modules that idlc wrote: DCE/RPC over any byte stream, with the standard library alone.

Nothing is imported here, so that a generated module loads only what it uses.
"""

from __future__ import annotations

__version__ = "0.1.0"

INTERFACE = 1
"""Version of what generated modules rely on; see `require`."""


def require(version: int) -> None:
    """Called by every generated module: fail early when it was made for another runtime."""
    if version != INTERFACE:
        newer = "a newer runtime: upgrade idlrt" if version > INTERFACE else "an older runtime: run idlc again"
        raise ImportError(f"this module was generated for {newer} (interface {version}, here {INTERFACE})")
