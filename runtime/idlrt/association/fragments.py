"""One stub cut into fragments, and bytes cut into PDUs.

Whatever is large is never copied here: a sender puts views of the caller's blocks between the headers, a receiver hands
out views of the buffer that the bytes were read into. All fragments but the last hold a multiple of eight octets, since
alignment is counted from the start of the whole stub (C706 12.6.2; FreeDCE insists on it).
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from idlrt.ids import Order
from idlrt.pdu.call import CALL_HEADER_SIZE
from idlrt.pdu.header import FIRST, LAST, MAX_PDU, VERSION, Buffer, PType

STREAM_HINT: Final = 0x10000
"""alloc_hint while the length of a stub is not known: more than any fragment holds, as FreeDCE wants, and not much."""

JOIN_BELOW: Final = 4096
"""A fragment up to this size becomes one buffer: copying it costs less than another entry in a list of buffers."""

HOLD: Final = 8 << 10
"""Octets that may wait, copied, for those that fill their fragment: for a short one both sides pay more than that."""

_DREP: Final = {"<": 0x10, ">": 0}
_FRAGMENT: Final = {"<": Struct("<BBBBIHHIIHH").pack, ">": Struct(">BBBBIHHIIHH").pack}


class StubSender:
    """Cuts the stub of one call and direction into fragments, part by part.

    `tail` are the two octets that end the call header: the opnum, or cancel count and a reserved octet.
    """

    __slots__ = ("_call_id", "_context_id", "_drep", "_extra", "_held", "_middle", "_pack", "_ptype", "flags", "room",
                 "started", "tail")  # fmt: skip

    def __init__(
        self, ptype: PType, call_id: int, context_id: int, tail: int, order: Order, max_fragment: int, *,
        flags: int = 0, extra: bytes = b"",
    ) -> None:  # fmt: skip
        self._ptype = int(ptype)
        self._call_id = call_id
        self._context_id = context_id
        self._drep = _DREP[order]
        self._pack = _FRAGMENT[order]
        self._extra = extra  # the object uuid, in every fragment
        self._held = b""
        self._middle: bytes | None = None
        self.flags = flags
        self.tail = tail
        self.room = max_fragment - CALL_HEADER_SIZE - len(extra) & -8
        self.started = False
        """Whether a fragment has left; a stub of which less than eight octets are known has not."""

    def _header(self, flags: int, size: int, hint: int) -> bytes:
        length = CALL_HEADER_SIZE + len(self._extra) + size
        head: bytes = self._pack(
            VERSION, 0, self._ptype, flags | self.flags, self._drep, length, 0, self._call_id, hint, self._context_id,
            self.tail,
        )  # fmt: skip
        return head + self._extra if self._extra else head

    def put_block(self, out: list[Buffer], head: Buffer, data: Buffer) -> None:
        """Append to `out` the fragments that are full with a block of octets and what precedes it; more is to follow.

        What is left over waits for that, unless it is a lot to copy. Call `put` without parts if nothing follows soon.
        """
        room, held = self.room, b"".join((self._held, head))
        at = room - len(held)
        if not self.started or not 0 <= at <= len(data):
            self.put(out, (head, data), False)
            return
        middle = self._middle
        if middle is None:
            middle = self._middle = self._header(0, room, STREAM_HINT)
        out += (middle + held, data[:at])
        whole = (len(data) - at) // room
        if whole:
            end = at + whole * room
            run: list[Buffer] = [middle] * (2 * whole)
            run[1::2] = [data[start : start + room] for start in range(at, end, room)]
            out += run
            at = end
        self._held = b""
        if len(data) - at <= HOLD:
            self._held = bytes(data[at:])
        else:
            self.put(out, (data[at:],), False)

    def put(self, out: list[Buffer], parts: tuple[Buffer, ...], last: bool) -> None:
        """Append to `out` the fragments that `parts` make; octets short of eight wait unless they are the last."""
        held = self._held
        total = len(held)
        for part in parts:
            total += part.nbytes if type(part) is memoryview else len(part)
        if last and total <= self.room:
            head = self._header(LAST if self.started else FIRST | LAST, total, total)
            self.started = True
            if total <= JOIN_BELOW:
                out.append(b"".join((head, held, *parts)))
            else:
                out.append(head + held)
                out.extend(parts)
            self._held = b""
            return
        keep = 0 if last else total & 7
        pieces = [memoryview(held)] if held else []
        for part in parts:
            view = memoryview(part)
            pieces.append(view if view.format == "B" and view.ndim == 1 else view.cast("B"))
        if keep == total:
            self._held = b"".join(pieces)
            return
        self._cut(out, pieces, total - keep, last)
        self._held = self._remains(pieces, keep) if keep else b""

    def _cut(self, out: list[Buffer], pieces: list[memoryview], left: int, last: bool) -> None:
        room = self.room
        add = out.append
        middle = self._middle
        numbers = iter(pieces)
        piece = next(numbers)
        size, at = len(piece), 0
        while left:
            take = room if left > room else left
            left -= take
            if last:
                flags = 0 if left else LAST
                if not self.started:
                    self.started = True
                    flags |= FIRST
                add(self._header(flags, take, left + take))
            elif not self.started:
                self.started = True
                add(self._header(FIRST, take, STREAM_HINT))
            elif take == room:
                if middle is None:
                    middle = self._middle = self._header(0, room, STREAM_HINT)
                add(middle)
            else:
                add(self._header(0, take, STREAM_HINT))
            while take > size - at:
                if at < size:
                    add(piece[at:] if at else piece)
                    take -= size - at
                piece = next(numbers)
                size, at = len(piece), 0
            add(piece[at : at + take])
            at += take
            if not last and left >= room <= size - at:
                # Fragments in the midst of a block, all alike.
                if middle is None:
                    middle = self._middle = self._header(0, room, STREAM_HINT)
                end = at + min(left, size - at) // room * room
                run: list[Buffer] = [middle] * ((end - at) // room * 2)
                run[1::2] = [piece[start : start + room] for start in range(at, end, room)]
                out += run
                left -= end - at
                at = end

    @staticmethod
    def _remains(pieces: list[memoryview], keep: int) -> bytes:
        tail = b""
        for piece in reversed(pieces):
            tail = piece[-keep:].tobytes() + tail if len(piece) else tail
            if len(tail) >= keep:
                break
        return tail[-keep:]

    def finish(self, out: list[Buffer]) -> None:
        """End a stub that nobody wants any more, so that the other side is not left in the midst of it."""
        if self.started:
            self._held = b""
            out.append(self._header(LAST, 0, 0))


RECEIVE_BUFFER: Final = 1 << 16
LARGE_RECEIVE_BUFFER: Final = 3 << 16
GROW_AFTER: Final = 8
"""A buffer starts small, grows once when that many reads filled it, and goes when nothing will be read for a while: a
server has many connections, and few of them are busy."""


class ReceiveBuffer:
    """A buffer for reading into. What was handed out of it is overwritten by later reads, and only by them."""

    __slots__ = ("_full", "_grow", "_view", "begin", "end", "octets")

    def __init__(self) -> None:
        self.octets = bytearray()
        """What the views are of."""
        self._view = memoryview(self.octets)
        self.begin = 0
        self.end = 0
        self._full = 0  # reads that filled it
        self._grow = False

    def room(self) -> memoryview:
        """Where the next octets go; there is always room for the rest of the PDU that has begun."""
        view = self._view
        left = self.end - self.begin
        if not left:
            self.begin = self.end = 0
        if self._grow or len(view) < RECEIVE_BUFFER:
            self.octets = bytearray(LARGE_RECEIVE_BUFFER if self._grow else RECEIVE_BUFFER)
            larger = memoryview(self.octets)
            larger[:left] = view[self.begin : self.end]
            self._view = view = larger
            self._grow = False
            self.begin, self.end = 0, left
        elif self.begin and len(view) - self.begin <= MAX_PDU:
            view[:left] = view[self.begin : self.end]
            self.begin, self.end = 0, left
        return view[self.end :]

    def filled(self, count: int) -> memoryview:
        """`count` octets arrived; gives the whole buffer, of which begin to end holds data."""
        self.end += count
        if self.end == len(self._view) == RECEIVE_BUFFER:
            self._full += 1
            self._grow = self._full == GROW_AFTER
        return self._view

    def release(self) -> None:
        """Give the memory back, but for what was not consumed, until more is read; nothing handed out is in use."""
        left = self.take()
        self.octets = bytearray(left)
        self._view = memoryview(self.octets)
        self._full, self._grow = 0, False
        self.end = len(left)

    def take(self) -> bytes:
        """What was not consumed, which then is."""
        left = self._view[self.begin : self.end].tobytes()
        self.begin = self.end = 0
        return left
