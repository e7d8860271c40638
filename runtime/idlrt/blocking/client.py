"""Base of generated clients for threads."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar
from uuid import UUID

if TYPE_CHECKING:
    from idlrt.blocking.call import Call
    from idlrt.blocking.channel import Channel
    from idlrt.rpc.callbacks import CallbackService
    from idlrt.rpc.interface import Interface

CallT = TypeVar("CallT", bound="Call[Any]")


class Client:
    """Calls the operations of one interface on a channel; clients and channel may be shared by threads.

    `object` is sent as the object UUID of every call, `timeout` in seconds overrides the channel's. `callbacks` serves
    the interface's [callback] operations, in the thread that waits for the call within which the server makes them.
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
        from idlrt.blocking.channel import Channel

        if not isinstance(channel, Channel):
            kind = f"{type(channel).__module__}.{type(channel).__qualname__}"
            raise TypeError(
                f"{type(self).__name__} needs a channel from blocking.connect, not {kind}; "
                "with one from rpc.connect goes the client for asyncio"
            )
        self._channel = channel
        self._object = channel.object if object is None else object
        self._timeout = channel.timeout if timeout is None else timeout
        if callbacks is not None and callbacks.interface is not self.interface:
            raise TypeError(f"{type(callbacks).__name__} serves the callbacks of another interface")
        self._callbacks = callbacks

    def _call(self, opnum: int, *inputs: Any) -> Any:
        """An ordinary call, which returns the result."""
        interface = self.interface
        operation = interface.by_opnum[opnum]
        if operation.statuses is None:
            return self._channel.call(interface, operation, inputs, self._object, self._timeout, self._callbacks)
        call = partial(
            self._channel.call, interface, operation, inputs, self._object, self._timeout, self._callbacks
        )
        return operation.statuses.called(call)

    def _begin(self, kind: type[CallT], opnum: int, *inputs: Any, pipes: tuple[Any, ...] = ()) -> CallT:
        """A call with an object of its own, because it is asynchronous or has pipes. The request is sent at once."""
        interface = self.interface
        if pipes:
            interface.check_pipes()
        return kind(
            self._channel.begin(
                interface, interface.by_opnum[opnum], inputs, pipes, self._object, self._timeout, self._callbacks
            )
        )
