"""`IDLRT_TRACE=1`: every PDU in one line on stderr.

A connection asks `tracer` once; what it gets is None unless tracing is on, so that an untraced connection pays for
one comparison per read and write.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import Literal, TypeAlias

Octets: TypeAlias = bytes | bytearray | memoryview

_TYPES = {
    0: "request",
    2: "response",
    3: "fault",
    11: "bind",
    12: "bind_ack",
    13: "bind_nak",
    14: "alter_context",
    15: "alter_context_resp",
    16: "rpc_auth_3",
    17: "shutdown",
    18: "co_cancel",
    19: "orphaned",
}
_FLAGS = "first", "last", "pending_cancel", "reserved", "conc_mpx", "did_not_execute", "maybe", "object"


_SEEN = 28  # octets of a PDU that are looked at


def _order(pdu: Octets) -> Literal["little", "big"]:
    return "little" if pdu[4] & 0xF0 else "big"


def _length(pdu: Octets) -> int:
    return max(16, int.from_bytes(bytes(pdu[8:10]), _order(pdu)))


def describe(pdu: Octets) -> str:
    """One line about a PDU of which at least the first 28 octets, or all, are given."""
    order = _order(pdu)
    kind, flags = pdu[2], pdu[3]

    def number(at: int, size: int) -> int:
        return int.from_bytes(bytes(pdu[at : at + size]), order)

    words = [f"{_TYPES.get(kind, f'type {kind}'):<18}", f"len {number(8, 2):<5}", f"call {number(12, 4)}"]
    if kind in (0, 2, 3) and len(pdu) >= 24:
        words.append(f"ctx {number(20, 2)}")
        if kind == 0:
            words.append(f"opnum {number(22, 2)}")
        if kind == 3 and len(pdu) >= 28:
            words.append(f"status 0x{number(24, 4):08x}")
    words.append("|".join(name for bit, name in enumerate(_FLAGS) if flags >> bit & 1))
    if order == "big":
        words.append("big-endian")
    return " ".join(words)


class Tracer:
    """Finds the PDUs in both directions of one connection and prints them."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._held = {"->": bytearray(), "<-": bytearray()}
        self._skip = {"->": 0, "<-": 0}

    def sent(self, parts: Iterable[Octets]) -> None:
        for part in parts:
            self._take("->", part)

    def received(self, data: Octets) -> None:
        self._take("<-", data)

    def _take(self, arrow: str, data: Octets) -> None:
        held = self._held[arrow]
        skip = self._skip[arrow]
        view = memoryview(data)
        while len(view):
            if skip:
                step = min(skip, len(view))
                view, skip = view[step:], skip - step
                continue
            need = min(_length(held), _SEEN) if len(held) >= 16 else 16
            step = min(need - len(held), len(view))
            held += view[:step]
            view = view[step:]
            if len(held) >= 16 and len(held) >= min(_length(held), _SEEN):
                print(f"idlrt {self._name} {arrow} {describe(held)}", file=sys.stderr, flush=True)
                skip = _length(held) - len(held)
                held.clear()
        self._skip[arrow] = skip


def tracer(name: str) -> Tracer | None:
    """A tracer for a new connection, if the environment asks for it."""
    return Tracer(name) if os.environ.get("IDLRT_TRACE", "0") not in ("", "0") else None
