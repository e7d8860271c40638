"""One connection of a blocking channel: a socket and a client's association.

An ordinary call has it alone, writes, and reads in the kernel until the answer is there (`ask`). For everything else
the two directions are waited for at once, so that a blocked push sees a fault, an early answer or a reset the moment
it arrives. Of the threads that wait one looks at the socket, for all of them; others, the watcher's among them, may
read and write as well, under `lock`.
"""

from __future__ import annotations

import logging
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

from idlrt.association import (
    BindRefused,
    Bound,
    CallbackRequested,
    ClientConfig,
    ClientConnection,
    ClientEvent,
    Context,
    ContextsAltered,
    Ended,
    Fault,
    Parts,
    Proposal,
    ShutdownRequested,
    Stub,
)
from idlrt.blocking.readiness import GONE, READ, WRITE, Readiness
from idlrt.errors import ConnectionLost, RemoteProtocolError, RpcError, RpcTimeout
from idlrt.ids import SyntaxId
from idlrt.ndr import for_codecs
from idlrt.rpc.trace import tracer
from idlrt.transport.liveness import LOOK_EVERY, REST, choked, hung_up

if TYPE_CHECKING:
    from idlrt.ndr import Codecs
    from idlrt.rpc.callbacks import CallbackService
    from idlrt.rpc.interface import Interface

_log = logging.getLogger("idlrt.client")

Octets: TypeAlias = bytes | bytearray | memoryview

_MOST_BUFFERS: Final = 1000
"""sendmsg takes at most IOV_MAX buffers, 1024 on every system we know."""

_NOW: Final = getattr(socket, "MSG_DONTWAIT", 0)
"""Lets one socket both wait in the kernel and not; without it (Windows) sockets never wait."""

_SENDMSG: Final = hasattr(socket.socket, "sendmsg")

_TIMEVAL: Final = struct.Struct("@ll")


class Receiver(Protocol):
    """What a link tells the call that it serves."""

    @property
    def callbacks(self) -> CallbackService | None:
        """What serves callbacks within the call."""

    def stub(self, event: Stub) -> None: ...

    def parts(self, parts: list[memoryview]) -> None: ...

    def fail(self, error: Exception) -> None: ...

    def settle(self) -> bool:
        """Copy what was taken out of the receive buffer; whether more may be read now."""

    def flush(self) -> None:
        """Send what was gathered: the connection is about to be closed."""

    def moved(self) -> None:
        """Take note of what has happened, nobody else will see to it."""


class Link:
    """A connection, from the bind on."""

    def __init__(self, connected: socket.socket, config: ClientConfig, there: Callable[[], bool]) -> None:
        """`there` says whether a server is to be had, without taking long."""
        self.association = ClientConnection(config)
        self.bound: Bound | None = None
        self.lost: Exception | None = None
        self.lock = threading.RLock()  # whatever more than one thread may touch, but in `ask`
        self.prepared: dict[Interface, tuple[int, Codecs]] = {}
        """Context id and codecs of interfaces for ordinary calls."""
        self.contexts: tuple[dict[Interface, Context], dict[Interface, Context]] = {}, {}
        """Contexts of interfaces that are bound: for calls without pipes, and with pipes."""
        self.claims = 0
        """Calls that share the connection, if it is `shared`; the channel's to change."""
        self.shared = False
        self.retired = False
        """Whether it takes no further calls."""
        self.idle_since = 0.0
        self.heard = 0.0
        """When octets arrived last (monotonic)."""
        self.asked = 0
        """The call_id of the last `ask`."""
        self._decoding = for_codecs(config.limits)
        self._socket = connected
        self._out: list[Octets] = []  # what the socket has not taken
        self._reading = True
        self._moving = False  # events are being told
        self._gone = False  # the server is; what it has sent is all that will come
        self._there = there
        self._looked = 0.0  # when we last asked whether it is (monotonic)
        self._rest = 0  # octets that may be read though nobody pulls
        self._arrived = 0  # octets that `ask` read and did not take
        self._patience: float | None = None  # seconds that a read waits in the kernel
        self._calls: dict[int, Receiver] = {}
        self._touched: list[Receiver] = []  # calls that something has happened to
        self._put_off: list[Receiver] = []  # calls that are to take note when the link is not busy any more
        self._waiter: int | None = None  # the thread that looks at the socket
        self._changed = threading.Condition(self.lock)  # for those that wait without looking
        self._readiness: Readiness | None = None
        self._answer: Bound | BindRefused | ContextsAltered | None = None
        self._refusal: Exception | None = None
        self._callbacks: dict[int, CallbackRequested] = {}  # that are to be answered, by call_id
        self._trace = tracer(f"client {id(self) & 0xFFFF:04x}")
        connected.setblocking(bool(_NOW))

    # -- ordinary calls

    def ask(self, context_id: int, opnum: int, stub: bytes | bytearray, timeout: float | None) -> bytes | None:
        """Make a call and wait for its answer; no lock is held, since nobody else is here.

        None says that something else has happened: the call `asked` is outstanding, and what has arrived is for whom
        `serve` is told of. Raises `RpcTimeout` when nothing arrived within `timeout` seconds.
        """
        association = self.association
        self.asked = call_id = association.request(context_id, opnum, stub)
        if not _NOW or self._trace is not None or self._out:
            return None
        parts = association.data_to_send()
        part = parts[0] if len(parts) == 1 else b"".join(parts)
        try:
            sent = self._socket.send(part, _NOW)
        except OSError:
            sent = 0
        if sent < len(part):
            self._out.append(memoryview(part)[sent:])
            return None
        if timeout != self._patience:
            self._be_patient(timeout)
        try:
            count = self._socket.recv_into(association.receive_buffer())
        except BlockingIOError:
            raise RpcTimeout(f"nothing came from the server for {timeout:g} s") from None
        except OSError as error:
            self._lose(ConnectionLost(f"the server closed the connection: {error}"))
            return None
        if not count:
            self._end()
            return None
        answer = association.response(count, call_id)
        if answer is None:
            self._arrived = count
        return answer

    def _be_patient(self, timeout: float | None) -> None:
        """Set how long a read waits in the kernel: for ever, or so many seconds."""
        microseconds = 0 if timeout is None else max(1, int(timeout * 1e6))
        value = _TIMEVAL.pack(*divmod(microseconds, 1_000_000))
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, value)
        self._patience = timeout

    # -- a call's side; but for what waits, under `lock`

    def serve(self, call: Receiver, call_id: int) -> None:
        """Tell `call` what happens to this call_id, what `ask` has read of it to begin with."""
        self._calls[call_id] = call
        count, self._arrived = self._arrived, 0
        if count:
            self.heard = time.monotonic()
            self._dispatch(self.association.received(count))
        if self.lost is not None:
            call.fail(self.lost)

    def done(self, call_id: int) -> None:
        """The call is over."""
        self._calls.pop(call_id, None)
        self._callbacks.pop(call_id, None)
        self._reading = True

    def lets_go(self, call: Receiver) -> bool:
        """Whether a call that is over may let go of the link now; else it is told again when it may.

        Not while another thread looks at the socket, or we are in the midst of telling events, and it is the last.
        """
        if self.claims < 2 and self._busy:
            self._put_off.append(call)
            self.wake()
            return False
        return True

    @property
    def _busy(self) -> bool:
        return self._moving or self._waiter not in (None, threading.get_ident())

    @property
    def unsent(self) -> int:
        """Octets that the socket has not taken."""
        return sum(map(_size, self._out)) if self._out else 0

    def send_stub(self, call_id: int, parts: Sequence[Octets], last: bool) -> None:
        """Send stub data, the concatenation of `parts`, which must not change before nothing is `unsent`."""
        self.association.send_stub(call_id, *parts, last=last)
        self.flush()

    def keep(self) -> None:
        """Copy what could not be sent: the caller will overwrite it."""
        if self._out:
            self._out = [b"".join(self._out)]

    def flush(self) -> bool:
        """Send what the association has, as far as the socket takes it; whether all of it went."""
        parts = self.association.data_to_send()
        if parts:
            if self._trace is not None:
                self._trace.sent(parts)
            self._out = self._out + parts if self._out else parts
        while self._out and self.lost is None:
            try:
                self._out = _rest(self._out, _send(self._socket, self._out))
            except BlockingIOError:
                return False
            except OSError as error:
                # The server may have said why before it closed.
                self._out = []
                self._gone = True
                while self._receive():
                    pass
                self._lose(ConnectionLost(f"the server closed the connection: {error}"))
                break
        return True

    def move(self, told_gone: bool = False) -> None:
        """Send and receive what can be without waiting; the server is known to be gone if we were `told_gone`."""
        if not self._reading and (told_gone or hung_up(self._socket)):
            # What it has sent is bounded, may be all that was missing, and precedes the news.
            self._gone = self._reading = True
        self.flush()
        if self._reading:
            self._receive()
            self.flush()

    @property
    def look_at(self) -> float | None:
        """When to `look_around` next (monotonic); None while what arrives is read, and so is the news of an end."""
        return None if self._reading else self._looked + LOOK_EVERY

    def look_around(self) -> None:
        """See whether the server is there, if nothing is read and so much is unread that its close may not get through.

        Without holding the lock.
        """
        now, due = time.monotonic(), self.look_at
        if due is None or now < due or self.lost is not None:
            return
        self._looked = now
        if choked(self._socket) and not self._there():
            with self.lock:
                if not self._reading:
                    self._rest, self._reading = REST, True

    @property
    def interest(self) -> int:
        """What to wait for. A call whose pipes are full does not wait for more of them."""
        return (READ if self._reading else 0) | (WRITE if self._out else 0)

    @property
    def descriptor(self) -> int:
        return self._socket.fileno()

    def resume(self) -> bool:
        """There is room again for what the server sends; whether there was none."""
        stopped, self._reading = not self._reading, True
        return stopped

    def tell(self) -> None:
        """Let the calls that something has happened to take note of it, and those who wait for them look again.

        The last thing to do with a link, since it may be somebody else's then.
        """
        if self._touched:
            self.wake()
            while self._touched:
                self._touched.pop().moved()
        if self._put_off and not self._busy:
            calls, self._put_off = self._put_off, []
            for call in calls:
                call.moved()

    def wait(self, call_id: int, enough: Callable[[], bool], until: Callable[[], float | None]) -> None:
        """Move octets both ways until it is `enough`, the connection is lost, or it is that late (monotonic).

        Without holding the lock. Callbacks within the call are served here.
        """
        while True:
            self.answer_callback(call_id)
            with self.lock:
                if enough() or self.lost is not None:
                    return
                if call_id in self._callbacks:
                    continue  # it arrived after we looked, and nobody tells us again
                left = _left(until)
                if left is not None and left <= 0:
                    return
                if self._waiter is not None:
                    self._changed.wait(left)
                    continue
                self._waiter = threading.get_ident()
                if self._readiness is None:
                    self._readiness = Readiness()
            try:
                self._lead(self._readiness, call_id, enough, until)
            finally:
                with self.lock:
                    self._waiter = None
                    self._changed.notify_all()
                    self.tell()

    def _lead(
        self, readiness: Readiness, call_id: int, enough: Callable[[], bool], until: Callable[[], float | None]
    ) -> None:
        """Look at the socket, for all who wait."""
        told_gone = False
        while True:
            with self.lock:
                if enough():
                    return  # and the link may be somebody else's
                self.move(told_gone)
                self.tell()
                if enough() or self.lost is not None or call_id in self._callbacks:
                    return
                readiness.look(self.descriptor, self.interest)
                left, reading = _left(until), self._reading
            if left is not None and left <= 0:
                return
            if not reading:
                self.look_around()
                left = LOOK_EVERY if left is None else min(left, LOOK_EVERY)
            told_gone = any(events & GONE for _, events in readiness.wait(left))

    def is_called_back(self, call_id: int) -> bool:
        """Whether a callback within the call waits to be answered."""
        return call_id in self._callbacks

    def answer_callback(self, call_id: int) -> None:
        """Serve the callback that has arrived, if one has, in this thread, without holding the lock."""
        if call_id not in self._callbacks:
            return
        with self.lock:
            event = self._callbacks.pop(call_id, None)
            call = self._calls.get(call_id)
        if event is None:
            return
        from idlrt.rpc.answers import serve_here

        answer = serve_here(event, None if call is None else call.callbacks, self._decoding)
        with self.lock:
            if self.lost is None and call_id in self._calls:
                answer.send(self.association, call_id)
                self.flush()

    def wake(self) -> None:
        """Let those that wait look again."""
        if self._waiter is not None and self._readiness is not None:
            self._changed.notify_all()
            if self._waiter != threading.get_ident():
                self._readiness.wake()

    # -- what arrives

    def _receive(self) -> bool:
        """Take what has arrived, one read of it; whether there was something."""
        if self.lost is not None:
            return False
        try:
            room = self.association.receive_buffer()
            count = self._socket.recv_into(room, 0, _NOW)
        except BlockingIOError:
            return False
        except OSError as error:
            self._lose(ConnectionLost(f"the server closed the connection: {error}"))
            return False
        if not count:
            self._end()
            return False
        self.heard = time.monotonic()
        self._rest = max(0, self._rest - count)
        if self._trace is not None:
            self._trace.received(room[:count])
        self._dispatch(self.association.received(count))
        return True

    def _end(self) -> None:
        self._dispatch(self.association.receive_eof())
        self._lose(ConnectionLost("the server closed the connection"))

    def _dispatch(self, events: Iterator[ClientEvent]) -> None:
        self._moving = True
        try:
            for event in events:
                self._take(event)
        except RemoteProtocolError as error:
            _log.warning("the server broke the protocol: %s", error)
            self._lose(error)
            return
        finally:
            self._moving = False
        for call in self._touched:
            # The rest of what a server has sent that is gone is bounded, and may be all that was missing.
            self._reading = call.settle() or self._gone or self._rest > 0

    def _take(self, event: ClientEvent) -> None:
        match event:
            case Stub():
                call = self._calls.get(event.call_id)
                if call is not None:
                    call.stub(event)
                    self._touch(call)
            case Parts():
                call = self._calls.get(event.call_id)
                if call is not None:
                    call.parts(event.parts)
                    self._touch(call)
            case Fault():
                call = self._calls.get(event.call_id)
                if call is not None:
                    call.fail(event.error())
                    self._touch(call)
                else:  # some servers answer a bind or alter_context that they do not like with a fault
                    self._refusal = event.error()
            case Bound() | BindRefused() | ContextsAltered():
                if isinstance(event, Bound):
                    self.bound = event
                self._answer = event
            case CallbackRequested():
                self._callbacks[event.call_id] = event
                call = self._calls.get(event.call_id)
                if call is not None:
                    self._touch(call)
            case ShutdownRequested():
                self.retired = True
            case Ended():
                pass

    def _touch(self, call: Receiver) -> None:
        if not self._touched or self._touched[-1] is not call:
            self._touched.append(call)

    def _lose(self, error: Exception) -> None:
        if self.lost is None:
            self.lost = error
            for call in self._calls.values():
                call.fail(error)
                self._touch(call)

    # -- life

    def alive(self) -> bool:
        """Whether the connection, idle so far, can carry another call: what has arrived meanwhile is taken."""
        with self.lock:
            self.move()
            usable = self.bound is None or self.association.usable
            return usable and not self.retired and self.lost is None and not self._out

    def agree(self, interface: SyntaxId, transfers: tuple[SyntaxId, ...], group_id: int, timeout: float | None) -> None:
        """Bind the interface, or add it; raises `BindRefused`, `RpcTimeout` or what ended the connection."""
        proposal = Proposal(interface, transfers)
        latest = None if timeout is None else time.monotonic() + timeout
        with self.lock:
            self._answer = self._refusal = None
            if self.bound is None:
                self.association.bind(proposal, group_id=group_id)
            else:
                self.association.alter_context(proposal)
        self.wait(0, lambda: self._answer is not None or self._refusal is not None, lambda: latest)
        answer = self._answer
        if self._refusal is not None:
            raise self._refusal
        if answer is None:
            raise self.lost or RpcTimeout(f"the bind was not answered within {timeout} s")
        if isinstance(answer, BindRefused):
            raise answer.error()
        if not answer.accepted:
            raise answer.refused[0].error() if answer.refused else RpcError("the server accepted nothing")

    def break_off(self) -> None:
        """From any thread: fail the calls in progress."""
        with self.lock:
            for call in tuple(self._calls.values()):
                call.flush()
            self._lose(ConnectionLost("the channel was closed"))
            try:
                self._socket.shutdown(socket.SHUT_RDWR)  # ends a read that waits in the kernel
            except OSError:
                pass
            self.wake()
            self.tell()

    def dispose(self) -> None:
        """Close the socket; by whoever holds the link, because nobody may wait on it now."""
        with self.lock:
            self._lose(ConnectionLost("the channel was closed"))
            self._socket.close()
            if self._readiness is not None:
                self._readiness.close()


def _left(until: Callable[[], float | None]) -> float | None:
    """Seconds that are left."""
    latest = until()
    return None if latest is None else latest - time.monotonic()


def _size(part: Octets) -> int:
    return part.nbytes if isinstance(part, memoryview) else len(part)


def _send(connected: socket.socket, parts: list[Octets]) -> int:
    """Send as much as the socket takes now; how much that was."""
    if len(parts) > 1 and _SENDMSG:
        return connected.sendmsg(parts[:_MOST_BUFFERS], (), _NOW)
    return connected.send(parts[0], _NOW)


def _rest(parts: list[Octets], sent: int) -> list[Octets]:
    """What is left of the parts when so many octets are sent."""
    if sent == sum(map(_size, parts)):
        return []
    index = 0
    while sent >= (size := _size(parts[index])):
        sent -= size
        index += 1
    left = parts[index:]
    if sent:
        left[0] = memoryview(left[0]).cast("B")[sent:]
    return left
