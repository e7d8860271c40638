"""The version of the compiler, below everything else: generated files name it in their first line."""

from __future__ import annotations

VERSION = "0.1.0"
