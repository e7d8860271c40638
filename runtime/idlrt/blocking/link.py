"""One connection of a blocking channel: a non-blocking socket, a selector, and a client's association.

It serves one call at a time. Whoever waits, waits for both directions at once, so that a blocked push sees a fault, an
early answer or a reset the moment it arrives. Another thread may only `interrupt`.
"""

from __future__ import annotations

import logging
import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Protocol

from idlrt.association import (
    BindRefused,
    Bound,
    CallbackRequested,
    ClientConfig,
    ClientConnection,
    ClientEvent,
    ContextsAltered,
    Ended,
    Fault,
    Proposal,
    ShutdownRequested,
    Stub,
)
from idlrt.errors import ConnectionLost, RemoteProtocolError, RpcError, RpcTimeout
from idlrt.ids import SyntaxId
from idlrt.ndr import for_codecs
from idlrt.rpc.trace import tracer

if TYPE_CHECKING:
    from idlrt.rpc.callbacks import CallbackService

_log = logging.getLogger("idlrt.client")

# sendmsg takes at most IOV_MAX buffers, 1024 on every system we know.
_MOST_BUFFERS = 1000


class Receiver(Protocol):
    """What a link tells the call that it serves."""

    @property
    def callbacks(self) -> CallbackService | None:
        """What serves callbacks within the call."""

    def stub(self, event: Stub) -> None: ...

    def fail(self, error: Exception) -> None: ...

    def settle(self) -> bool:
        """Copy what was taken out of the receive buffer; whether more may be read now."""


class Link:
    """A connection, from the bind on."""

    def __init__(self, connected: socket.socket, config: ClientConfig) -> None:
        self.association = ClientConnection(config)
        self._decoding = for_codecs(config.limits)
        self.bound: Bound | None = None
        self.lost: Exception | None = None
        self._socket = connected
        self.lock = threading.RLock()  # association and socket, against `interrupt`
        self._out: list[memoryview] = []
        self._reading = True
        self._call: Receiver | None = None
        self._call_id = 0
        self._answer: Bound | BindRefused | ContextsAltered | None = None
        self._refusal: Exception | None = None
        self._callback: CallbackRequested | None = None  # that is to be answered
        self._trace = tracer(f"client {id(self) & 0xFFFF:04x}")
        self._woken, self._waker = socket.socketpair()
        self._woken.setblocking(False)
        self._waker.setblocking(False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(connected, selectors.EVENT_READ)
        self._selector.register(self._woken, selectors.EVENT_READ)
        self._interest = selectors.EVENT_READ

    # -- a call's side

    def serve(self, call: Receiver, call_id: int) -> None:
        """Tell `call` what happens to this call_id."""
        self._call, self._call_id, self._reading = call, call_id, True

    def done(self) -> None:
        """The call is over."""
        self._call, self._reading = None, True

    def flush(self) -> bool:
        """Send what the association has, as far as the socket takes it; whether all of it went."""
        with self.lock:
            parts = self.association.data_to_send()
            if parts:
                if self._trace is not None:
                    self._trace.sent(parts)
                self._out += [memoryview(part).cast("B") for part in parts]
            while self._out and self.lost is None:
                try:
                    sent = self._socket.sendmsg(self._out[:_MOST_BUFFERS])
                except BlockingIOError:
                    return False
                except OSError as error:
                    # The server may have said why before it closed.
                    self._out.clear()
                    self._receive()
                    self._lose(ConnectionLost(f"the server closed the connection: {error}"))
                    break
                self._sent(sent)
            return True

    def _sent(self, count: int) -> None:
        out = self._out
        index = 0
        for part in out:
            if count < len(part):
                break
            count -= len(part)
            index += 1
        del out[:index]
        if count:
            out[0] = out[0][count:]

    def wait(
        self, over: Callable[[], bool], timeout: float | None, *, sending: bool = False, strict: bool = False
    ) -> None:
        """Move octets both ways until `over`, or, if `sending`, until all is sent as well; or raise `RpcTimeout`.

        Every arrival restarts the time-out unless it is `strict`.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while not over():
            if self._callback is not None:
                self._answer_callback()
            sent = self.flush()
            if self.lost is not None or over() or (sending and sent):
                return
            self._look_for(not sent)
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                raise RpcTimeout(f"nothing came from the server for {timeout:g} s")
            for key, events in self._selector.select(left):
                if key.fileobj is self._woken:
                    try:
                        self._woken.recv(64)
                    except BlockingIOError:
                        pass
                elif events & selectors.EVENT_READ:
                    self._receive()
                    if timeout is not None and not strict:
                        deadline = time.monotonic() + timeout

    def _answer_callback(self) -> None:
        """Serve the callback that has arrived, in this thread, which waits for the call around it."""
        event, self._callback = self._callback, None
        assert event is not None
        from idlrt.rpc.answers import serve_here

        answer = serve_here(event, None if self._call is None else self._call.callbacks, self._decoding)
        with self.lock:
            if self.lost is None:
                answer.send(self.association, event.call_id)

    def _look_for(self, writing: bool) -> None:
        """Set what the selector reports. A call whose pipes are full does not wait for more, so it is something."""
        interest = (selectors.EVENT_READ if self._reading else 0) | (selectors.EVENT_WRITE if writing else 0)
        interest = interest or selectors.EVENT_READ
        if interest != self._interest:
            self._selector.modify(self._socket, interest)
            self._interest = interest

    def receive_now(self) -> None:
        """Take what has arrived without waiting."""
        self._receive()

    def resume(self) -> None:
        """There is room again for what the server sends."""
        self._reading = True

    def _receive(self) -> None:
        with self.lock:
            if self.lost is not None:
                return
            try:
                room = self.association.receive_buffer()
                count = self._socket.recv_into(room)
            except BlockingIOError:
                return
            except OSError as error:
                self._lose(ConnectionLost(f"the server closed the connection: {error}"))
                return
            if not count:
                self._dispatch(self.association.receive_eof())
                self._lose(ConnectionLost("the server closed the connection"))
                return
            if self._trace is not None:
                self._trace.received(room[:count])
            self._dispatch(self.association.received(count))

    def _dispatch(self, events: Iterator[ClientEvent]) -> None:
        try:
            for event in events:
                self._take(event)
        except RemoteProtocolError as error:
            _log.warning("the server broke the protocol: %s", error)
            self._lose(error)
            return
        if self._call is not None:
            self._reading = self._call.settle()

    def _take(self, event: ClientEvent) -> None:
        match event:
            case Stub():
                if self._call is not None and event.call_id == self._call_id:
                    self._call.stub(event)
            case Fault():
                if self._call is not None and event.call_id == self._call_id:
                    self._call.fail(event.error())
                elif self._call is None:
                    self._refusal = event.error()
            case Bound() | BindRefused() | ContextsAltered():
                if isinstance(event, Bound):
                    self.bound = event
                self._answer = event
            case CallbackRequested():
                self._callback = event
            case ShutdownRequested() | Ended():
                pass

    def _lose(self, error: Exception) -> None:
        if self.lost is None:
            self.lost = error
            if self._call is not None:
                self._call.fail(error)

    # -- life

    def agree(self, interface: SyntaxId, transfers: tuple[SyntaxId, ...], group_id: int, timeout: float | None) -> None:
        """Bind the interface, or add it; raises `BindRefused` or what ended the connection."""
        proposal = Proposal(interface, transfers)
        self._answer = self._refusal = None
        with self.lock:
            if self.bound is None:
                self.association.bind(proposal, group_id=group_id)
            else:
                self.association.alter_context(proposal)
        self.wait(lambda: self._answer is not None or self._refusal is not None, timeout)
        answer = self._answer
        if self._refusal is not None:
            raise self._refusal
        if answer is None:
            raise self.lost or ConnectionLost("the server closed the connection")
        if isinstance(answer, BindRefused):
            raise answer.error()
        if self.association.context_for(interface) is None:
            raise answer.refused[0].error() if answer.refused else RpcError("the server accepted nothing")

    def interrupt(self, command: Callable[[], object]) -> None:
        """From any thread: run `command`, which may make the association say something, and wake who waits."""
        with self.lock:
            if self.lost is None:
                command()
                self.flush()
            self._wake()

    def break_off(self) -> None:
        """From any thread: fail the call in progress."""
        with self.lock:
            self._lose(ConnectionLost("the channel was closed"))
            self._wake()

    def _wake(self) -> None:
        try:
            self._waker.send(b"\0")
        except OSError:
            pass

    def dispose(self) -> None:
        """Close the sockets; by whoever holds the link, because nobody may wait on them now."""
        with self.lock:
            self._lose(ConnectionLost("the channel was closed"))
            self._selector.close()
            self._socket.close()
            self._woken.close()
            self._waker.close()
