"""Octets made of valid ones: cut, changed, lying about counts, joined with others; or random."""

from __future__ import annotations

import random
import struct
from collections.abc import Sequence
from typing import Final

_LIES: Final = (0, 1, 2, 3, 5, 8, 16, 255, 0x10000, 0x10001, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)
_WORDS: Final = {order: [struct.pack(f"{order}I", lie) for lie in _LIES] for order in "<>"}
_ODD: Final = (0, 1, 2, 0x7F, 0x80, 0xD8, 0xDC, 0xFF)


def mutated(valid: Sequence[bytes], order: str, chance: random.Random) -> bytes:
    """An input for a reader of `valid`."""
    some = chance.random
    kind = int(some() * 16)
    data = bytearray(valid[int(some() * len(valid))])
    size = len(data)
    if kind == 0 or not size:
        return chance.randbytes(int(some() * 80))
    if kind == 1:
        return bytes(data[: int(some() * size)])
    if kind == 2:
        other = valid[int(some() * len(valid))]
        return bytes(data[: int(some() * size)]) + other[int(some() * len(other)) :]
    if kind == 3:
        at = int(some() * size)
        data[at:at] = chance.randbytes(1 + int(some() * 8))
    elif kind == 4:
        at = int(some() * size)
        del data[at : at + 1 + int(some() * 8)]
    elif kind < 10:
        words = _WORDS[order]
        for _ in range(1 + int(some() * 3)):
            at = int(some() * (size + 3) / 4) * 4
            data[at : at + 4] = words[int(some() * len(words))]
    else:
        for _ in range(1 + int(some() * 3)):
            value = _ODD[int(some() * 8)] if some() < 0.5 else int(some() * 256)
            data[int(some() * size)] = value
    return bytes(data)
