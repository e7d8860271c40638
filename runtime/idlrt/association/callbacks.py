"""Callbacks: a server's call to its client, within a call that waits for its response (MS-RPCE 3.3.1.5.9).

The PDUs are those of any call with their directions reversed: requests come from the server, responses and faults from
the client. Call id, presentation context and security are those of the call around it; nothing is bound for them.
"""

from __future__ import annotations

from idlrt.association.events import Context
from idlrt.errors import RemoteProtocolError
from idlrt.ids import NDR64, Order


class Callback:
    """A callback under way, and what has arrived of it: its request at the client, its response at the server."""

    __slots__ = ("_stub", "begun", "context", "opnum", "order", "whole")

    def __init__(self, context: Context, opnum: int) -> None:
        self.context = context
        self.opnum = opnum
        self.order: Order = "<"  # of what arrives
        self.begun = False
        self.whole = False
        self._stub = bytearray()

    def feed(self, data: memoryview, order: Order, first: bool, last: bool, most: int) -> bytes | None:
        """Take a fragment; gives the stub once it is complete."""
        if self.whole or first is self.begun:
            raise RemoteProtocolError("fragments of a callback are out of order")
        if first:
            if order == ">" and self.context.transfer == NDR64:
                raise RemoteProtocolError("a callback came in NDR64 in big-endian order")
            self.order = order
        elif order != self.order:
            raise RemoteProtocolError("the byte order changed within a callback")
        if len(self._stub) + len(data) > most:
            raise RemoteProtocolError(f"a callback is longer than the limit of {most} octets")
        self.begun, self.whole = True, last
        self._stub += data
        return bytes(self._stub) if last else None
