"""Who wants to be told of what becomes of a call's client (RpcServerSubscribeForNotification).

A subscription is made in any thread, and its event happens on the loop's. Single operations of a dictionary are atomic,
and who leaves a wish there looks afterwards whether the event has happened already.
"""

from __future__ import annotations

from typing import Generic, TypeVar

from idlrt.asynchronous import AsyncEvent, Notification, Notifier
from idlrt.errors import CannotSupport, InvalidArgument

H = TypeVar("H")

_EVENTS = (AsyncEvent.CLIENT_DISCONNECT, AsyncEvent.CLIENT_CANCEL)


class Subscriptions(Generic[H]):
    """Those of one call; each event is told once at most."""

    __slots__ = ("_told", "_wishes")

    def __init__(self) -> None:
        self._told: set[AsyncEvent] = set()
        self._wishes: dict[AsyncEvent, Notifier[H]] = {}

    def add(self, event: AsyncEvent, notify: Notification[H]) -> None:
        """See `Call.subscribe`."""
        if event not in _EVENTS:
            raise CannotSupport(f"{event!r} is nothing to subscribe to (RPC_S_CANNOT_SUPPORT)")
        if notify is None:
            raise InvalidArgument("a subscription needs a notification (RPC_S_INVALID_ARG)")
        if self._wishes.setdefault(event, notifier := Notifier(notify)) is not notifier:
            raise InvalidArgument(f"{event.name} is subscribed to already (RPC_S_INVALID_ARG)")

    def remove(self, event: AsyncEvent) -> int:
        """How often the event was told."""
        self._wishes.pop(event, None)
        return int(event in self._told)

    def take(self, event: AsyncEvent) -> Notifier[H] | None:
        """Whom to tell of an event that has happened."""
        wish = self._wishes.pop(event, None)
        if wish is None or event in self._told:
            return None
        self._told.add(event)
        return wish
