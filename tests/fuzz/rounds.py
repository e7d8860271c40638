"""How much is tried: IDLC_FUZZ_ROUNDS times what a test run has patience for."""

from __future__ import annotations

import os

ROUNDS = int(os.environ.get("IDLC_FUZZ_ROUNDS", "1"))
