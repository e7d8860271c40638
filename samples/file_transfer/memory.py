"""How much memory this process holds, as the operating system counts it."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

_STATUS = Path("/proc/self/status")


def resident() -> int:
    """Octets of memory in use now; where the system only tells the peak, that."""
    return _from_status("VmRSS") or _maximum()


def peak() -> int:
    """Octets of memory in use at most, so far."""
    return _from_status("VmHWM") or _maximum()


def _from_status(field: str) -> int:
    if not _STATUS.exists():
        return 0
    for line in _STATUS.read_text().splitlines():
        name, _, value = line.partition(":")
        if name == field:
            return int(value.split()[0]) << 10
    return 0


def _maximum() -> int:
    # ru_maxrss counts KiB, but octets on macOS.
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most << 10
