"""A call as a thread holds it while it runs."""

from __future__ import annotations

from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from idlrt.pipes.objects import BlockingPipeDuplex, BlockingPipeReader, BlockingPipeWriter
from idlrt.rpc.handle import Handled

if TYPE_CHECKING:
    from idlrt.blocking.exchange import Exchange

R = TypeVar("R")


class _Hold:
    """What a call and its pipes share: when the program has forgotten all of them, the call is given up."""

    __slots__ = ("exchange", "pull", "pull_nowait", "push", "push_nowait")

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.pull = exchange.pull_in_turn if exchange.ends else exchange.line.pull
        self.push = exchange.push_in_turn if exchange.ends else exchange.line.push
        self.pull_nowait = exchange.line.pull_nowait
        self.push_nowait = exchange.line.push_nowait

    def __del__(self) -> None:
        self.exchange.dropped()


class Call(Handled[R]):
    """A call that was begun. `complete()` waits for the result; with pipes worked by hand, use

        with client.Stream(7) as call:
            call.source.push(block)
            call.source.push(())
            result = call.complete()

    Leaving the block without `complete()` gives the call up. Each pipe is an attribute of its IDL name. One thread at a
    time pushes, and one pulls; any number may wait in `complete()`, and use `cancel`, `done` and what does not wait.
    `handle()` gives MIDL's form of the same call; events are told in a thread of the channel's.
    """

    _exchange: Exchange

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._hold = hold = _Hold(exchange)
        outlets = {outlet.name: outlet for outlet in exchange.content.outlets}
        inlets = {inlet.name: inlet for inlet in exchange.content.inlets}
        for name in exchange.operation.pipes:
            if name in inlets and name in outlets:
                end: Any = BlockingPipeDuplex(hold, inlets[name], outlets[name])
            elif name in outlets:
                end = BlockingPipeWriter(hold, outlets[name])
            else:
                end = BlockingPipeReader(hold, inlets[name])
            setattr(self, name, end)

    def complete(self, timeout: float | None = None) -> R:
        """Feed the sources and drain the sinks that were given, wait for the answer and return the result.

        Pipes without a source or sink must have been worked to their end; else `PipeDiscipline` is raised and the call
        given up. With a `timeout`, in seconds, `TimeoutError` is raised when the call is not complete by then; it goes
        on, and may be completed later, or cancelled.
        """
        statuses, complete = self._exchange.operation.statuses, partial(self._exchange.complete, timeout)
        result: R = complete() if statuses is None else statuses.called(complete)
        return result

    def cancel(self, grace: float | None = None) -> None:
        """Ask the server to end the call, from any thread; the outcome shows in `complete()`, often as `CallCancelled`.

        After `grace` seconds, by default the channel's, the call is given up locally; 0 gives it up at once.
        """
        self._exchange.cancel(grace)

    @property
    def done(self) -> bool:
        """Whether the answer, or a failure, has arrived. Without waiting; looks at what is there."""
        return self._exchange.done

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._exchange.leave()
