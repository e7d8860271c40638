"""A call as a thread holds it while it runs."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from idlrt.errors import CallCancelled
from idlrt.pipes.objects import BlockingPipeDuplex, BlockingPipeReader, BlockingPipeWriter

if TYPE_CHECKING:
    from idlrt.blocking.exchange import Exchange

R = TypeVar("R")


class _Hold:
    """What a call and its pipes share: when the program has forgotten all of them, the call is given up."""

    __slots__ = ("exchange", "pull", "push")

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.pull = exchange.pull
        self.push = exchange.push

    def __del__(self) -> None:
        self.exchange.leave(CallCancelled("the call was dropped"))


class Call(Generic[R]):
    """A call that was begun. `complete()` waits for the result; with pipes worked by hand, use

        with client.Stream(7) as call:
            call.source.push(block)
            call.source.push(())
            result = call.complete()

    Leaving the block without `complete()` gives the call up. Each pipe is an attribute of its IDL name.
    """

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._hold = hold = _Hold(exchange)
        outlets = {outlet.name: outlet for outlet in exchange.outlets}
        inlets = {inlet.name: inlet for inlet in exchange.inlets}
        for name in exchange.operation.pipes:
            if name in inlets and name in outlets:
                end: Any = BlockingPipeDuplex(hold, inlets[name], outlets[name])
            elif name in outlets:
                end = BlockingPipeWriter(hold, outlets[name])
            else:
                end = BlockingPipeReader(hold, inlets[name])
            setattr(self, name, end)

    def complete(self) -> R:
        """Feed the sources and drain the sinks that were given, wait for the answer and return the result.

        Pipes without a source or sink must have been worked to their end; else `PipeDiscipline` is raised and the call
        given up.
        """
        statuses, complete = self._exchange.operation.statuses, self._exchange.complete
        result: R = complete() if statuses is None else statuses.called(complete)
        return result

    def cancel(self, grace: float | None = None) -> None:
        """Ask the server to end the call, from any thread; the outcome shows in `complete()`, often as `CallCancelled`.

        After `grace` seconds, by default the channel's, the call is given up locally.
        """
        self._exchange.cancel(grace)

    @property
    def done(self) -> bool:
        """Whether the answer, or a failure, is known to have arrived."""
        return self._exchange.over

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._exchange.leave(CallCancelled("the call was left before it was completed"))
