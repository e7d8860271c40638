"""What a client's call sends and gets, as octets: its parameters, its pipes, its result. No I/O, and no waiting."""

from __future__ import annotations

from collections.abc import Container
from typing import TYPE_CHECKING, Any

from idlrt.ids import NDR64
from idlrt.pipes.flow import Incoming, Inlet, Outgoing, Outlet
from idlrt.rpc.codecs import decode_response, encode_request

if TYPE_CHECKING:
    from idlrt.association import Context, Limits, Stub
    from idlrt.ndr import Limits as DecodingLimits
    from idlrt.ndr import OperationCodec
    from idlrt.rpc.interface import Interface, Operation


class Content:
    """The content of one call. `limits` bound what arrives, `decoding` is what the codecs are asked for with."""

    __slots__ = ("_answer", "_context", "_decoding", "_inputs", "_interface", "_operation", "_order", "incoming",
                 "outgoing")  # fmt: skip

    def __init__(
        self,
        interface: Interface,
        operation: Operation,
        inputs: tuple[Any, ...],
        limits: Limits,
        decoding: DecodingLimits | None,
    ) -> None:
        self._interface = interface
        self._operation = operation
        self._inputs = inputs
        self._decoding = decoding
        self._context: Context | None = None
        self._order = "<"  # of the response
        self._answer: bytes | bytearray | memoryview | None = None
        self.incoming = incoming = Incoming(operation.out_pipes, limits) if operation.out_pipes else None
        self.outgoing = outgoing = Outgoing(operation.in_pipes) if operation.in_pipes else None
        if incoming is not None and outgoing is not None:
            incoming.gate = lambda: outgoing.closed

    @property
    def inlets(self) -> tuple[Inlet, ...]:
        return () if self.incoming is None else self.incoming.inlets

    @property
    def outlets(self) -> tuple[Outlet, ...]:
        return () if self.outgoing is None else self.outgoing.outlets

    def agreed(self, context: Context) -> None:
        """The call is made on this context."""
        self._context = context

    def request(self, context: Context) -> bytes | bytearray:
        """The stub of the request up to its pipes, which may be pushed to from now on; raises `NdrError`."""
        self._context = context
        codec = self._codec("<")
        stub = encode_request(codec, self._operation, self._inputs)
        if self.outgoing is not None:
            self.outgoing.open(codec.in_pipes, "<", context.transfer == NDR64, len(stub))
        return stub

    def take(self, event: Stub) -> None:
        """The stub of the response, or, with `[out]` pipes, a part of it; raises `NdrError`."""
        incoming = self.incoming
        if incoming is None:
            self._order, self._answer = event.order, event.data
            return
        if not incoming.opened:
            assert self._context is not None
            self._order = event.order
            incoming.open(self._codec(event.order).out_pipes, event.order, self._context.transfer == NDR64)
        incoming.feed(event.data, event.last)

    def check_discipline(self, over: bool, sources: Container[str] = (), sinks: Container[str] = ()) -> None:
        """Raise `PipeDiscipline` for a pipe that is not at its end and has none of these sources and sinks.

        The `[in]` pipes of a call that is `over` do not count any more.
        """
        if self.outgoing is not None and not over:
            self.outgoing.check_closed(sources)
        if self.incoming is not None:
            self.incoming.check_drained(sinks)

    def result(self) -> Any:
        """What the call returns, once all of it was taken; raises `NdrError`."""
        if self._operation.maybe:
            return None
        codec = self._codec(self._order)
        if self.incoming is not None:
            data, at = self.incoming.rest()
            return decode_response(codec, self._operation, data, self._inputs, at)
        assert self._answer is not None
        return decode_response(codec, self._operation, self._answer, self._inputs, 0)

    def _codec(self, order: str) -> OperationCodec:
        assert self._context is not None
        return self._interface.codecs(self._context.transfer, order, self._decoding)[self._operation.opnum]
