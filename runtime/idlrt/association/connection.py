"""What both sides of an association do alike: turn bytes into PDUs, keep what waits to be sent, remember a failure.

The loop in `_run` is the hot path of every pipe: a fragment in the midst of a streamed stub costs one unpack, one slice
and one event. Everything else goes to the side's own methods.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from struct import Struct
from typing import Any, Final, Generic, TypeVar, cast

from idlrt.association.events import Ended, Parts, Stub
from idlrt.association.fragments import ReceiveBuffer
from idlrt.errors import RemoteProtocolError
from idlrt.ids import Order
from idlrt.pdu import AnyPdu, encode
from idlrt.pdu.call import CALL_HEADER_SIZE, OBJECT_SIZE
from idlrt.pdu.codec import decode_body
from idlrt.pdu.header import FIRST, HEADER_SIZE, LAST, OBJECT_UUID, VERSION, Buffer, Header, PType, read_header
from idlrt.pdu.trailer import Auth, read_auth
from idlrt.security.none import NONE
from idlrt.security.provider import Provider

E = TypeVar("E")

_HEAD: Final = Struct("<HBBIHHI").unpack_from
_VERSION: Final = VERSION  # minor version 0, read together with it
_LITTLE: Final = 0x10
_NOT_MIDDLE: Final = FIRST | LAST | OBJECT_UUID

_event: Final[Callable[[type[Stub] | type[Parts], tuple[object, ...]], Any]] = tuple.__new__
"""Makes a named tuple without a detour through its own `__new__`, which costs twice the time."""


class Connection(ABC, Generic[E]):
    """Bytes in, events out; see `ClientConnection` and `ServerConnection`."""

    _stub_type: int
    """Type of the PDUs whose stubs we receive."""
    _back_type: int
    """Type of those that we receive in callbacks, where directions are reversed."""
    _max_receive: int
    """Octets of the largest fragment that we take."""

    def __init__(self) -> None:
        self._out: list[Buffer] = []
        self._failure: RemoteProtocolError | None = None
        self._buffer = ReceiveBuffer()
        self._security: Provider = NONE
        self._partial = bytearray()
        self._streams: set[int] = set()  # call_ids in the midst of a streamed stub that is little-endian

    # -- what a side adds

    @abstractmethod
    def _fragment(self, flags: int, order: Order, call_id: int, view: memoryview, at: int, end: int) -> tuple[E, ...]:
        """A fragment of the type we receive; `at` to `end` is the PDU without an authentication trailer."""

    @abstractmethod
    def _back(self, flags: int, order: Order, call_id: int, view: memoryview) -> tuple[E, ...]:
        """A fragment of a callback, which goes the other way."""

    @abstractmethod
    def _control(self, pdu: AnyPdu) -> tuple[E, ...]:
        """Any other PDU."""

    @abstractmethod
    def _ended(self, rest: bytes) -> Ended:
        """The peer closed the connection and left `rest`, the first part of a PDU."""

    @abstractmethod
    def _failed(self, error: RemoteProtocolError, view: memoryview, at: int, end: int) -> None:
        """What arrived at `at` broke the protocol; the last chance to tell the peer."""

    # -- sending

    def data_to_send(self) -> list[Buffer]:
        """Take what waits to be sent, in order, fit for writelines or sendmsg; large blocks are views, not copies."""
        out = self._out
        self._out = []
        return out

    def _send(self, pdu: AnyPdu) -> None:
        self._out.append(encode(pdu))

    # -- receiving

    def receive_buffer(self) -> memoryview:
        """Where to read bytes into (recv_into, BufferedProtocol.get_buffer); follow with `received`."""
        return self._buffer.room()

    def release_buffer(self) -> None:
        """Nothing will be read for a while, and what was read is not in use any more."""
        self._buffer.release()

    def received(self, count: int) -> Iterator[E]:
        """The first `count` octets of `receive_buffer` were filled. Otherwise as `receive`."""
        buffer = self._buffer
        view = buffer.filled(count)
        if self._partial:
            return self.receive(buffer.take())
        return self._run(view, buffer.begin, buffer.end, True)

    def receive(self, data: Buffer) -> Iterator[E]:
        """Take bytes from the peer, any number of them; only an incomplete last PDU is copied."""
        view = memoryview(data)
        if self._buffer.begin != self._buffer.end:
            view = memoryview(self._buffer.take() + view)
        if self._partial:
            return self._continue(view)
        return self._run(view, 0, len(view), False)

    def _continue(self, view: memoryview) -> Iterator[E]:
        """Complete the PDU that has begun, first its header and then what that says is missing, and go on behind it."""
        at, end = 0, len(view)
        while self._partial and at < end:
            partial = self._partial
            wanted = HEADER_SIZE if len(partial) < HEADER_SIZE else read_header(partial).frag_length
            missing = wanted - len(partial)
            partial += view[at : at + missing]
            at += min(missing, end - at)
            if len(partial) == wanted:
                self._partial = bytearray()
                yield from self._run(memoryview(partial), 0, len(partial), False)
        if at < end:
            yield from self._run(view, at, end, False)

    def _run(self, view: memoryview, at: int, end: int, own: bool) -> Iterator[E]:
        """Events of all whole PDUs from `at` to `end`; the rest stays in our buffer if that is where it is (`own`)."""
        if self._failure is not None:
            raise self._failure
        streams = self._streams
        stub_type = self._stub_type
        most = self._max_receive
        try:
            while end - at >= HEADER_SIZE:
                version, ptype, flags, drep, length, auth_length, call_id = _HEAD(view, at)
                if version == _VERSION and drep == _LITTLE and ptype == stub_type and not auth_length:
                    if not CALL_HEADER_SIZE <= length <= most:
                        raise RemoteProtocolError(f"a fragment of {length} octets is too small or too large")
                    if length > end - at:
                        break
                    if call_id in streams and not flags & _NOT_MIDDLE:
                        part = view[at + CALL_HEADER_SIZE : at + length]
                        parts = self._alike(view, at, length, end) if own and end - at >= 2 * length else None
                        if parts:
                            at += length * len(parts)
                            parts.insert(0, part)
                            yield _event(Parts, (call_id, parts))
                        else:
                            yield _event(Stub, (call_id, part, False, False, "<"))
                    else:
                        for event in self._fragment(flags, "<", call_id, view, at, at + length):
                            yield event
                else:
                    header = read_header(view, at)
                    length = header.frag_length
                    if length > end - at:
                        break
                    for event in self._pdu(header, view[at : at + length]):
                        yield event
                at += length
        except RemoteProtocolError as error:
            self._failure = error
            self._streams.clear()
            self._partial = bytearray()
            self._buffer.begin = self._buffer.end
            self._failed(error, view, at, end)
            raise
        if own:
            self._buffer.begin = at
        elif at < end:
            self._partial = bytearray(view[at:end])

    def _alike(self, view: memoryview, at: int, length: int, end: int) -> list[memoryview]:
        """The stubs of the fragments that follow one in our buffer and have the very same header."""
        octets = self._buffer.octets
        same = octets.startswith
        head = octets[at : at + CALL_HEADER_SIZE]
        parts: list[memoryview] = []
        add = parts.append
        at += length
        while end - at >= length and same(head, at):
            add(view[at + CALL_HEADER_SIZE : at + length])
            at += length
        return parts

    def _pdu(self, header: Header, view: memoryview) -> tuple[E, ...]:
        """A PDU that is not on the hot path: another type, byte order or version, or one with authentication."""
        if header.ptype not in (self._stub_type, self._back_type):
            return self._control(decode_body(view, header))
        end = len(view)
        if end > self._max_receive:
            raise RemoteProtocolError(f"a fragment of {end} octets is too large")
        if header.auth_length:
            view, end = self._unprotect(view, header)
        if header.ptype == self._back_type:
            return self._back(header.flags, header.order, header.call_id, view[:end])
        return self._fragment(header.flags, header.order, header.call_id, view, 0, end)

    def _unprotect(self, view: memoryview, header: Header) -> tuple[memoryview, int]:
        """A fragment in plain, and where its stub ends."""
        start = CALL_HEADER_SIZE
        if header.ptype is PType.REQUEST and header.flags & OBJECT_UUID:
            start += OBJECT_SIZE
        auth, end = read_auth(view, start, len(view), header.auth_length, header.order, True)
        trailer = end + len(auth.pad)
        head, body = view[:start], view[start:trailer]
        plain = self._security.unprotect(head, body, view[trailer : trailer + Auth.SIZE], auth.value)
        return (view if plain is body else memoryview(b"".join((head, plain)))), end

    def receive_eof(self) -> Iterator[E]:
        """The peer closed its side; gives `Ended`, or raises if what it sent was too short to be judged before."""
        rest = bytes(self._partial) or self._buffer.take()
        self._partial = bytearray()
        self._streams.clear()
        yield cast(E, self._ended(rest))
