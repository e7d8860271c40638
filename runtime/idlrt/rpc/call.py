"""A call as a program holds it: the client's, while it runs, and the server's, while it is served."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar
from uuid import UUID

from idlrt.pipes.objects import PipeDuplex, PipeReader, PipeWriter

if TYPE_CHECKING:
    from types import TracebackType

    from idlrt.ids import SyntaxId
    from idlrt.rpc.exchange import Exchange
    from idlrt.rpc.interface import Interface, Operation
    from idlrt.rpc.serving import Serving

R = TypeVar("R")


class _Hold:
    """What a call and its pipes share: when the program has forgotten all of them, the call is given up."""

    __slots__ = ("exchange", "pull", "push")

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.pull = exchange.pull_in_turn if exchange.has_ends else exchange.line.pull
        self.push = exchange.push_in_turn if exchange.has_ends else exchange.line.push

    def __del__(self) -> None:
        self.exchange.dropped()


class AsyncCall(Generic[R]):
    """A call that was begun. `await call` waits for the result; with pipes worked by hand, use

        async with client.Stream(7) as call:
            await call.source.push(block)
            await call.source.push(())
            result = await call.complete()

    Leaving the block without `complete()` gives the call up. Each pipe is an attribute of its IDL name.
    """

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._hold = hold = _Hold(exchange)
        operation = exchange.operation
        outlets = {outlet.name: outlet for outlet in exchange.outlets}
        inlets = {inlet.name: inlet for inlet in exchange.inlets}
        for name in operation.pipes:
            if name in inlets and name in outlets:
                end: Any = PipeDuplex(hold, inlets[name], outlets[name])
            elif name in outlets:
                end = PipeWriter(hold, outlets[name])
            else:
                end = PipeReader(hold, inlets[name])
            setattr(self, name, end)

    async def complete(self) -> R:
        """Wait for the answer and return the result.

        All `[in]` pipes must have been ended and all `[out]` pipes drained, unless a source or sink was given for
        them; else `PipeDiscipline` is raised and the call given up. A cancelled waiter cancels the call: the server is
        told, has the channel's grace period to answer, and then the call is orphaned.
        """
        statuses, answer = self._exchange.operation.statuses, self._exchange.complete()
        result: R = await (answer if statuses is None else statuses.awaited(answer))
        return result

    def __await__(self) -> Generator[Any, None, R]:
        return self.complete().__await__()

    def cancel(self, grace: float | None = None) -> None:
        """Ask the server to end the call; the outcome shows in `complete()`, often as `CallCancelled`.

        After `grace` seconds (by default the channel's) the call is given up locally; 0 gives it up at once.
        """
        self._exchange.cancel(grace)

    @property
    def done(self) -> bool:
        """Whether the answer, or a failure, has arrived."""
        return self._exchange.over

    async def __aenter__(self) -> Self:
        await self._exchange.begun()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._exchange.leave(error)


class Call:
    """What a service's method learns of the call that it serves."""

    __slots__ = ("_serving",)

    def __init__(self, serving: Serving) -> None:
        self._serving = serving

    @property
    def interface(self) -> Interface:
        return self._serving.interface

    @property
    def operation(self) -> Operation:
        return self._serving.operation

    @property
    def object(self) -> UUID | None:
        """The object UUID that the client named, if any."""
        return self._serving.object

    @property
    def transfer(self) -> SyntaxId:
        """The transfer syntax that the client speaks."""
        return self._serving.transfer

    @property
    def client(self) -> str:
        """Where the client is, as text for logs."""
        return self._serving.client

    @property
    def group_id(self) -> int:
        """The association group, within which context handles are valid."""
        return self._serving.group_id

    @property
    def cancelled(self) -> bool:
        """Whether the client asked to cancel the call, or went away. The method decides what to make of it."""
        return self._serving.cancelled

    async def call_back(self, operation: Operation, inputs: tuple[Any, ...]) -> Any:
        """Call a [callback] operation of the client and wait for its result; generated classes do it with types.

        Raises `RpcFault` or what else the client answered, `LocalProtocolError` where none can be made: in a [maybe]
        call, before the request's last pipe has ended, or while another one is under way.
        """
        return await self._serving.call_back(operation, inputs)

    def call_back_and_wait(self, operation: Operation, inputs: tuple[Any, ...]) -> Any:
        """The same for methods that are plain functions, from their thread."""
        return self._serving.call_back_and_wait(operation, inputs)

    async def until_cancelled(self) -> None:
        """Return when `cancelled` becomes true; for methods on the event loop."""
        await self._serving.until_cancelled()
