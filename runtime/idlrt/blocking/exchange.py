"""A thread's call in progress: the receiver of its link, and the line of its pipes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any
from uuid import UUID

from idlrt.association import Stub
from idlrt.errors import CallCancelled, LocalProtocolError, NdrError, PipeClosed, PipeDiscipline, RpcTimeout
from idlrt.ids import NDR64
from idlrt.pipes.adapters import drain_blocking, ends, feed_blocking
from idlrt.pipes.flow import PUSH_COST, WINDOW, Incoming, Inlet, Outgoing, Outlet, slices
from idlrt.pipes.objects import BlockingPipeReader, BlockingPipeWriter
from idlrt.rpc.codecs import decode_response, encode_request

if TYPE_CHECKING:
    from idlrt.blocking.channel import Channel
    from idlrt.rpc.callbacks import CallbackService
    from idlrt.rpc.interface import Interface, Operation

_LOOK = 64 << 10  # octets that may be pushed before we look for an early answer


class Exchange:
    """One call from its request to its result. One thread works it; `cancel` may come from any."""

    def __init__(
        self,
        channel: Channel,
        interface: Interface,
        operation: Operation,
        inputs: tuple[Any, ...],
        pipes: tuple[Any, ...],
        object: UUID | None,
        timeout: float | None,
        callbacks: CallbackService | None = None,
    ) -> None:
        self.callbacks = callbacks
        self.operation = operation
        self.over = False
        self._channel = channel
        self._interface = interface
        self._inputs = inputs
        self._timeout = timeout
        self._sources, self._sinks = ends(
            operation.pipes, operation.in_pipes, operation.out_pipes, operation.is_async, pipes
        )
        self._incoming = Incoming(operation.out_pipes, channel.limits) if operation.out_pipes else None
        self._outgoing = Outgoing(operation.in_pipes) if operation.in_pipes else None
        if self._incoming is not None and self._outgoing is not None:
            outgoing = self._outgoing
            self._incoming.gate = lambda: outgoing.closed
        self._pushed = 0  # octets since we last looked for an answer
        self._answer: Stub | None = None
        self._order = "<"
        self._error: Exception | None = None
        self._discarding = False
        self._give_up_at: float | None = None
        self._held = True
        self._link, self._context = channel.acquire(interface)
        try:
            self._start(object)
        except BaseException:
            self._release(broken=True)
            raise

    def _start(self, object: UUID | None) -> None:
        operation, link, context = self.operation, self._link, self._context
        self._codec = codec = self._interface.codecs(context.transfer, "<", self._channel.decoding)[operation.opnum]
        try:
            stub = encode_request(codec, operation, self._inputs)
        except NdrError:
            self._release()
            raise
        association = link.association
        self._call_id = call_id = association.start_call(
            context.context_id,
            operation.opnum,
            object=object,
            maybe=operation.maybe,
            streamed=self._incoming is not None,
        )
        link.serve(self, call_id)
        if self._outgoing is not None:
            self._outgoing.open(codec.in_pipes, "<", context.transfer == NDR64, len(stub))
        association.send_stub(call_id, stub, last=self._outgoing is None)
        if operation.maybe:
            self.over = True
        link.wait(lambda: self._error is not None, self._timeout, sending=True)
        if operation.maybe:
            self._release()

    @property
    def inlets(self) -> tuple[Inlet, ...]:
        return () if self._incoming is None else self._incoming.inlets

    @property
    def outlets(self) -> tuple[Outlet, ...]:
        return () if self._outgoing is None else self._outgoing.outlets

    # -- what the link tells

    def stub(self, event: Stub) -> None:
        incoming = self._incoming
        if incoming is None:
            self._answer, self._order = event, event.order
        else:
            try:
                if not incoming.opened:
                    transfer = self._context.transfer
                    codec = self._interface.codecs(transfer, event.order, self._channel.decoding)[self.operation.opnum]
                    self._order = event.order
                    incoming.open(codec.out_pipes, event.order, transfer == NDR64)
                incoming.feed(event.data, event.last)
            except NdrError as error:
                if self._error is None:
                    self._error = error
                    incoming.fail(error)
        if event.last:
            self.over = True

    def fail(self, error: Exception) -> None:
        if self._error is None and not self.over:
            self._error = error
            if self._incoming is not None:
                self._incoming.fail(error)
        self.over = True

    def settle(self) -> bool:
        incoming = self._incoming
        if incoming is None:
            return True
        incoming.settle()
        if self._discarding:
            incoming.discard()
        return self.over or incoming.buffered <= WINDOW

    # -- pipes

    def pull(self, inlet: Inlet, most: int | None) -> Any:
        block = inlet.take(most)
        while block is None:
            self._wait(lambda: self.over or inlet.ready)
            block = inlet.take(most)
        incoming = self._incoming
        if self._held and incoming is not None and incoming.buffered <= WINDOW // 2:
            self._link.resume()
        self._settle_end()
        return block

    def push(self, outlet: Outlet, block: Any) -> None:
        self._check_open()
        outgoing = self._outgoing
        assert outgoing is not None
        before = outlet.position
        groups = slices(outlet.chunk(block))
        self._pushed += outlet.position - before + PUSH_COST
        if self._pushed > _LOOK:
            # A fast connection never makes a push wait, and only who waits looks for what comes back.
            self._pushed = 0
            self._link.receive_now()
            self._check_open()
        last = outgoing.closed
        final = len(groups) - 1
        for index, group in enumerate(groups):
            ends_call = last and index == final
            self._command(lambda g=group, e=ends_call: self._link.association.send_stub(self._call_id, *g, last=e))
            self._wait(lambda: self.over, sending=True)
            if not ends_call or self._error is not None:
                self._check_open()

    def _command(self, command: Any) -> None:
        with self._link.lock:
            if self._link.lost is None and not self.over:
                command()

    def _check_open(self) -> None:
        if self._error is not None:
            self._settle_end()
            raise self._error
        if self.over:
            self._settle_end()
            raise PipeClosed("the server has answered the call before the end of its [in] pipes")

    # -- the end

    def complete(self) -> Any:
        try:
            if self._give_up_at is None:
                self._pump()
            if self._give_up_at is not None:
                self._discarding = True
                self._link.resume()
            elif self._error is None:
                if not self.over and self._outgoing is not None:
                    self._outgoing.check_closed()
                if self._incoming is not None:
                    self._incoming.check_drained()
            self._wait(lambda: self.over)
        except (PipeDiscipline, PipeClosed) as error:
            if self._error is None and not (isinstance(error, PipeClosed) and self.over):
                self.abandon(error)
        except BaseException as error:
            self.abandon(error if isinstance(error, Exception) else CallCancelled())
            raise
        self._settle_end()
        if self._error is not None:
            raise self._error
        if self.operation.maybe:
            return None
        codecs = self._interface.codecs(self._context.transfer, self._order, self._channel.decoding)
        codec = codecs[self.operation.opnum]
        if self._incoming is not None:
            data, at = self._incoming.rest()
            return decode_response(codec, self.operation, data, self._inputs, at)
        assert self._answer is not None
        return decode_response(codec, self.operation, self._answer.data, self._inputs, 0)

    def _pump(self) -> None:
        """Feed sources and drain sinks, in the order of the pipes."""
        sources, self._sources = self._sources, {}
        sinks, self._sinks = self._sinks, {}
        for outlet, element in zip(self.outlets, self._codec.in_pipes, strict=True):
            if outlet.name in sources:
                feed_blocking(BlockingPipeWriter(self, outlet), sources[outlet.name], element.stride)
        for inlet, element in zip(self.inlets, self._codec.out_pipes, strict=True):
            if inlet.name in sinks:
                drain_blocking(BlockingPipeReader(self, inlet), sinks[inlet.name], element.stride)

    def _wait(self, over: Any, *, sending: bool = False) -> None:
        """Until `over`; a cancel that another thread asked for is given its grace and no more."""

        def enough() -> bool:
            return self._error is not None or over() or self._give_up_at is not None

        if self._error is None and self._give_up_at is None:
            try:
                self._link.wait(enough, self._timeout, sending=sending)
            except RpcTimeout as error:
                self.abandon(error)
                raise
        if self._error is None and self._give_up_at is not None and not over():
            left = self._give_up_at - time.monotonic()
            try:
                if left <= 0:
                    raise RpcTimeout("the grace period is over")
                self._link.wait(lambda: self._error is not None or over(), left, sending=sending, strict=True)
            except RpcTimeout:
                self.abandon(CallCancelled("the server did not end the call within the grace period of its cancel"))

    def cancel(self, grace: float | None) -> None:
        """From any thread."""
        if self.over or not self._held:
            return
        grace = self._channel.cancel_grace if grace is None else grace

        def command() -> None:
            if not self.over and self._held:
                try:
                    self._link.association.cancel(self._call_id)
                except LocalProtocolError:
                    return  # just answered
                self._give_up_at = time.monotonic() + grace

        self._link.interrupt(command)

    def leave(self, error: Exception) -> None:
        """The call is not wanted any more. One without pipes runs to its end unheard, if it still runs."""
        if self._held:
            self.abandon(error)

    def abandon(self, error: Exception) -> None:
        """End the call on our side alone."""
        if self._error is None:
            self._error = error
        if self._incoming is not None:
            self._incoming.fail(error)
            self._incoming.discard()
        if not self._held:
            return
        if self.over:
            self._release()
            return
        self.over = True
        link = self._link
        keep = False
        with link.lock:
            if link.lost is None:
                try:
                    keep = link.association.orphan(self._call_id)
                except LocalProtocolError:
                    keep = False
                # What cannot be sent at once is not worth waiting for: the connection goes.
                keep = link.flush() and keep and link.lost is None
        self._release(broken=not keep)

    def _settle_end(self) -> None:
        if self.over and self._held and self._error is None:
            self._release()
        elif self._error is not None and self._held:
            if self.over:
                self._release()
            else:
                self.abandon(self._error)

    def _release(self, broken: bool = False) -> None:
        if self._held:
            self._held = False
            self._link.done()
            self._channel.release(self._link, broken=broken)
