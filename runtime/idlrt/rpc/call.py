"""A call as a program holds it: the client's, while it runs, and the server's, while it is served."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any, Self, TypeVar
from uuid import UUID

from idlrt.asynchronous import AsyncEvent, Notification, Notifier
from idlrt.pipes.objects import PipeDuplex, PipeReader, PipeWriter
from idlrt.rpc.handle import Handled
from idlrt.rpc.reply import AsyncReply

if TYPE_CHECKING:
    from types import TracebackType

    from idlrt.ids import SyntaxId
    from idlrt.rpc.exchange import Exchange
    from idlrt.rpc.interface import Interface, Operation
    from idlrt.rpc.serving import Serving

R = TypeVar("R")


class _Hold:
    """What a call and its pipes share: when the program has forgotten all of them, the call is given up."""

    __slots__ = ("exchange", "pull", "pull_nowait", "push", "push_nowait")

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.pull = exchange.pull_in_turn if exchange.has_ends else exchange.line.pull
        self.push = exchange.push_in_turn if exchange.has_ends else exchange.line.push
        self.pull_nowait = exchange.line.pull_nowait
        self.push_nowait = exchange.line.push_nowait

    def __del__(self) -> None:
        self.exchange.dropped()


class AsyncCall(Handled[R]):
    """A call that was begun. `await call` waits for the result; with pipes worked by hand, use

        async with client.Stream(7) as call:
            await call.source.push(block)
            await call.source.push(())
            result = await call.complete()

    Leaving the block without `complete()` gives the call up. Each pipe is an attribute of its IDL name. `handle()`
    gives MIDL's form of the same call.
    """

    _exchange: Exchange

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        operation = exchange.operation
        if not operation.pipes:
            return
        self._hold = hold = _Hold(exchange)
        outlets = {outlet.name: outlet for outlet in exchange.content.outlets}
        inlets = {inlet.name: inlet for inlet in exchange.content.inlets}
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
        try:
            await self._exchange.begun()
        except BaseException as error:
            await self._exchange.leave(error)
            raise
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
        """Whether the client asked to cancel the call, or went away, or the server stops and does not wait any longer.

        The method decides what to make of it.
        """
        return self._serving.cancelled

    def defer(
        self,
        notify: Notification[AsyncReply[Any]] = None,
        *,
        notify_on_send_complete: bool = False,
        user_info: Any = None,
    ) -> AsyncReply[Any]:
        """Leave the answer to the `AsyncReply`, which the method may return, and which may be used in any thread.

        Pipes stay of use until there is an answer.

        Args:
            notify: how to be told that a pull can go on, that a push was sent, and by CALL_COMPLETE that the call has
                failed: the client is gone or its data was bad. A callback gets the reply.
            notify_on_send_complete: whether SEND_COMPLETE is told (RPC_C_NOTIFY_ON_SEND_COMPLETE).
            user_info: the program's own.

        Raises:
            InvalidAsyncCall: the answer was deferred before, or has been given.
            TypeError: `notify` is no notification.
        """
        notifier: Notifier[Any] = Notifier(notify)
        return AsyncReply(self, self._serving.defer(), notifier, notify_on_send_complete, user_info)

    def test_cancel(self) -> int:
        """0 (RPC_S_OK) if the client asked to cancel the call or went away, 1791 (RPC_S_CALL_IN_PROGRESS) if not.

        1725 (RPC_S_NO_CALL_ACTIVE) once there was an answer. It changes nothing. Source: RpcServerTestCancel.
        """
        return self._serving.test_cancel()

    def subscribe(self, event: AsyncEvent, notify: Notification[Call]) -> None:
        """Be told when the client goes away (CLIENT_DISCONNECT), or cancels or gives up the call (CLIENT_CANCEL).

        Each is told once at most, on the server's loop, also if it happened before; not after the answer. A callback
        gets this call.

        Raises:
            CannotSupport: another event (RPC_S_CANNOT_SUPPORT).
            InvalidArgument: the event has a subscription, or `notify` is None (RPC_S_INVALID_ARG).
            TypeError: `notify` is no notification.

        Source: RpcServerSubscribeForNotification.
        """
        self._serving.subscribe(event, notify)

    def unsubscribe(self, event: AsyncEvent) -> int:
        """End a subscription, if there is one; how often it was told, 0 or 1 (RpcServerUnsubscribeForNotification)."""
        return self._serving.unsubscribe(event)

    def when_cancelled(self, tell: Callable[[], Any]) -> None:
        """Have one function called, on the server's loop, when `cancelled` becomes true."""
        self._serving.when_cancelled = tell

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
