"""Base of generated clients: an interface seen through a channel."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar
from uuid import UUID

if TYPE_CHECKING:
    from idlrt.rpc.call import AsyncCall
    from idlrt.rpc.callbacks import CallbackService
    from idlrt.rpc.channel import Channel
    from idlrt.rpc.interface import Interface

CallT = TypeVar("CallT", bound="AsyncCall[Any]")


class Client:
    """Calls the operations of one interface on a channel; any number of clients may share a channel.

    `object` is sent as the object UUID of every call, `timeout` in seconds overrides the channel's. `callbacks` serves
    the interface's [callback] operations, which the server may call while a call of this client is under way.
    """

    interface: ClassVar[Interface]

    def __init__(
        self,
        channel: Channel,
        *,
        object: UUID | None = None,
        timeout: float | None = None,
        callbacks: CallbackService | None = None,
    ) -> None:
        # Who has a channel has its module too; declarations alone shall not bring it.
        from idlrt.rpc.channel import Channel

        if not isinstance(channel, Channel):
            raise TypeError(_misfit(type(self).__name__, channel))
        self._channel = channel
        self._object = channel.object if object is None else object
        self._timeout = channel.timeout if timeout is None else timeout
        if callbacks is not None and callbacks.interface is not self.interface:
            raise TypeError(f"{type(callbacks).__name__} serves the callbacks of another interface")
        self._callbacks = callbacks

    def _call(self, opnum: int, *inputs: Any) -> Coroutine[Any, Any, Any]:
        """An ordinary call; awaiting it gives the result."""
        interface = self.interface
        operation = interface.by_opnum[opnum]
        call = self._channel.call(interface, operation, inputs, self._object, self._timeout, self._callbacks)
        return call if operation.statuses is None else operation.statuses.awaited(call)

    def _begin(self, kind: type[CallT], opnum: int, *inputs: Any, pipes: tuple[Any, ...] = ()) -> CallT:
        """A call with an object of its own, because it is asynchronous or has pipes. It starts at once."""
        interface = self.interface
        if pipes:
            interface.check_pipes()
        return kind(
            self._channel.begin(
                interface, interface.by_opnum[opnum], inputs, pipes, self._object, self._timeout, self._callbacks
            )
        )


def _misfit(client: str, given: Any) -> str:
    from idlrt.rpc.channel import Connector

    if isinstance(given, Connector):
        return f'{client} needs the open channel: "async with rpc.connect(...) as channel", or "await rpc.connect(...)"'
    kind = type(given)
    return (
        f"{client} needs a channel from rpc.connect, not {kind.__module__}.{kind.__qualname__}; "
        "with one from blocking.connect goes the blocking client"
    )
