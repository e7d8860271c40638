"""What one connection may cost us, in one place.

Nothing that a peer says makes the association hold more than these allow; together with `frag_length` being 16 bits
wide they bound its memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from idlrt import ndr
from idlrt.errors import LocalProtocolError

MIN_FRAGMENT: Final = 1432
"""Every peer must accept this much (C706 12.6.2, MustRecvFragSize); offering less is a protocol error."""

FALLBACK_FRAGMENT: Final = 2048
"""What a server settles on with a client that names less than it must accept, as Windows and Samba do."""

DEFAULT_FRAGMENT: Final = 5840
"""What Windows and Samba use over TCP and local sockets."""

MAX_FRAGMENT: Final = 65535
"""What the 16 bits of frag_length hold."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits(ndr.Limits):
    """Bounds of one connection; every one of them is about what the other side may make us keep.

    What may come of a stub is among them, see `ndr.Limits`.
    """

    max_stub: int = 4 << 20
    """Octets of a reassembled stub (MS-RPCE 3.3.3.5.4 has 4 MiB). Streamed stubs are handed out, so not counted."""
    max_partial: int = 16 << 20
    """Octets of stubs that are not complete yet, where a client interleaves the requests of several calls."""
    max_calls: int = 256
    """Calls outstanding at a time, given up and not yet answered ones included."""
    max_contexts: int = 64
    """Presentation contexts over the life of a connection."""


def check_fragment(size: int) -> None:
    """Refuse a fragment size that a peer could not be told. Stubs are cut at multiples of eight whatever it is."""
    if not MIN_FRAGMENT <= size <= MAX_FRAGMENT:
        raise LocalProtocolError(f"a fragment size of {size} is not from {MIN_FRAGMENT} to {MAX_FRAGMENT}")
