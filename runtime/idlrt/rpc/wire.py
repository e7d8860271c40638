"""What both ends of a connection do alike: octets between an asyncio transport and an association.

It reads into the association's buffer, hands events to the calls that they are about, and stops reading while a call
has enough waiting. A connection that is not read tells nothing, so the socket is looked at now and then; when the peer
has hung up, the little that it sent before is read whoever holds, and the end shows behind it.

What an association has to send are views of the program's blocks. They are joined here and not given to `writelines`,
because a transport may keep views of what it cannot send at once (and some 3.12 and 3.13 releases do not even pause the
protocol then).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any, Final, Generic, Protocol, TypeAlias, TypeVar, cast

from idlrt.association import Parts, Stub
from idlrt.association.connection import Connection
from idlrt.errors import RemoteProtocolError
from idlrt.rpc.trace import tracer
from idlrt.transport.liveness import LOOK_EVERY, REST, KeepAlive, choked, hung_up

Octets: TypeAlias = bytes | bytearray | memoryview

GATHER: Final = 0.001
"""Seconds for which what the events of one read leave to be sent is gathered, to go in one write."""


class Receiver(Protocol):
    """What a connection tells a call."""

    def stub(self, event: Stub, /) -> bool | None:
        """Take stub data; whether the connection may forget the call."""

    def parts(self, parts: list[memoryview], /) -> None:
        """Take what several fragments in the midst of a stub hold."""

    def settle(self) -> None:
        """Copy what was taken: the receive buffer is about to be used again."""

    def wake(self) -> None:
        """There is room for more to send."""


CallT = TypeVar("CallT", bound=Receiver)


class Wire(asyncio.BufferedProtocol, Generic[CallT]):
    """One end of a connection."""

    _transport: asyncio.Transport

    def __init__(self, association: Connection[Any], side: str, keep_alive: KeepAlive | None) -> None:
        self.loop = asyncio.get_running_loop()
        self.full = False  # the transport has not sent what it was given
        self._octets = association
        self._calls: dict[int, CallT] = {}
        self._holders: set[object] = set()  # while there are any, nothing is read
        self._looking: asyncio.TimerHandle | None = None
        self._sending_soon = False
        self._send_by: float | None = None  # while events are dispatched: until when answers are gathered
        self._hung_up = False  # the peer has; what it sent is read to its end
        self._rest = 0  # octets that are still read because it may have
        self._keep_alive = keep_alive
        self._trace = tracer(f"{side} {id(self) & 0xFFFF:04x}")

    # -- what a side adds

    def _other(self, event: Any) -> None:
        """Any event that is not stub data."""
        raise NotImplementedError

    def _over(self, call_id: int) -> None:
        """A call took the last of its stub."""

    def _broken(self, error: RemoteProtocolError) -> None:
        """The peer broke the protocol."""
        raise NotImplementedError

    def _doubt(self) -> None:
        """Nothing is read, and so much is unread that the peer may have hung up without our kernel knowing."""
        raise NotImplementedError

    # -- the transport's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        connected = transport.get_extra_info("socket")
        if self._keep_alive is not None and connected is not None:
            self._keep_alive.apply(connected)

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._octets.receive_buffer()

    def buffer_updated(self, nbytes: int) -> None:
        if self._trace is not None:
            self._trace.received(self._octets.receive_buffer()[:nbytes])
        if self._rest:
            self._rest = max(0, self._rest - nbytes)
            if not self._rest and self._holders:
                self._stop_reading()
        self._dispatch(self._octets.received(nbytes))

    def eof_received(self) -> None:
        if self._transport.get_write_buffer_size():
            self._transport.abort()  # closing in order would wait for a peer that may not read any more
        return None  # which closes the transport

    def connection_lost(self, exc: Exception | None) -> None:
        if self._looking is not None:
            self._looking.cancel()
            self._looking = None

    def pause_writing(self) -> None:
        self.full = True

    def resume_writing(self) -> None:
        self.full = False
        for call in tuple(self._calls.values()):
            call.wake()

    # -- events

    def _dispatch(self, events: Iterable[Any]) -> None:
        calls = self._calls
        touched: CallT | None = None
        self._send_by = self.loop.time() + GATHER
        try:
            for event in events:
                kind = type(event)
                if kind is Stub or kind is Parts:
                    call = calls.get(event.call_id)
                    if call is None:
                        continue
                    if call is not touched:
                        if touched is not None:
                            touched.settle()
                        touched = call
                    if kind is Parts:
                        call.parts(event.parts)
                    elif call.stub(event):
                        self._over(event.call_id)
                else:
                    self._other(event)
        except RemoteProtocolError as error:
            self._send_by = None
            self._broken(error)
            return
        if touched is not None:
            touched.settle()
        self._send_by = None
        self._send()

    # -- the calls' side

    def _send(self) -> None:
        """Give the transport what the association has to send."""
        if self._send_by is not None and self.loop.time() < self._send_by:
            return  # with what the events to come leave
        parts = self._octets.data_to_send()
        if parts and not self._transport.is_closing():
            if self._trace is not None:
                self._trace.sent(parts)
            self._transport.write(parts[0] if len(parts) == 1 else b"".join(parts))

    def _send_soon(self) -> None:
        """Send when the loop's turn is over, all in one write that is due then."""
        if not self._sending_soon:
            self._sending_soon = True
            self.loop.call_soon(self._send_now)

    def _send_now(self) -> None:
        self._sending_soon = False
        self._send()

    def hold(self, holder: object) -> None:
        """Stop reading until `go_on` of the same holder, and of all others."""
        if not self._holders and not self._hung_up and not self._rest:
            self._stop_reading()
        self._holders.add(holder)

    def _let_go(self) -> None:
        if self._holders:
            self._octets.release_buffer()

    def go_on(self, holder: object) -> None:
        """Read again, unless somebody else still holds."""
        if holder in self._holders:
            self._holders.discard(holder)
            if not self._holders and not self._hung_up and not self._rest and not self._transport.is_closing():
                self._transport.resume_reading()

    def read_rest(self) -> None:
        """Read though somebody holds, as much as a peer that is gone may have sent; then its end shows."""
        if self._holders and not self._hung_up and not self._rest and not self._transport.is_closing():
            self._rest = REST
            self._transport.resume_reading()

    def _stop_reading(self) -> None:
        if not self._transport.is_closing():
            self._transport.pause_reading()
            self.loop.call_soon(self._let_go)  # not while what was read is in use
            if self._looking is None:
                self._looking = self.loop.call_later(LOOK_EVERY, self._look)

    def _look(self) -> None:
        """Whether the peer has hung up, which nobody else notices while nothing is read."""
        self._looking = None
        if not self._holders or self._transport.is_closing():
            return
        connected = self._transport.get_extra_info("socket")
        if getattr(self._transport, "hung_up", False) if connected is None else hung_up(connected):
            self._hung_up = True
            self._transport.resume_reading()
            return
        self._looking = self.loop.call_later(LOOK_EVERY, self._look)
        if connected is not None and choked(connected):
            self._doubt()
