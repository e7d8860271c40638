"""Callbacks: operations of the client that a server calls while it serves one of its calls ([callback]).

`CallbackService` is the base of what a client offers, `CallbackClient` and `BlockingCallbackClient` those of what a
service calls it through. On the wire a callback is a call in the other direction within the outer one, on the same
connection and presentation context (MS-RPCE 3.3.1.5.9).
"""

from __future__ import annotations

from abc import ABC
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from idlrt.rpc.call import Call
    from idlrt.rpc.interface import Interface


class CallbackService(ABC):  # generated subclasses have the abstract methods
    """Implements the callbacks of one interface at the client, each as a method of its IDL name.

    Given to a client as `callbacks`. An `async def` runs on the channel's event loop, a plain `def` in a thread; with a
    blocking client all must be plain and run in the thread that waits for the outer call. Raise `RpcFault` to answer
    with a status; any other exception is logged and reaches the server as one general fault.
    """

    interface: ClassVar[Interface]


class CallbackClient:
    """Calls the callbacks of one interface at the client whose call a coroutine serves. One at a time."""

    interface: ClassVar[Interface]

    def __init__(self, call: Call) -> None:
        _check(self, call)
        self._of = call

    def _call(self, opnum: int, *inputs: Any) -> Coroutine[Any, Any, Any]:
        return self._of.call_back(self.interface.callbacks[opnum], inputs)


class BlockingCallbackClient:
    """The same for services whose methods are plain functions: their threads wait."""

    interface: ClassVar[Interface]

    def __init__(self, call: Call) -> None:
        _check(self, call)
        self._of = call

    def _call(self, opnum: int, *inputs: Any) -> Any:
        return self._of.call_back_and_wait(self.interface.callbacks[opnum], inputs)


def _check(client: CallbackClient | BlockingCallbackClient, call: Call) -> None:
    wanted, given = client.interface.name, call.interface.name
    if call.interface is not client.interface:
        raise TypeError(f"{type(client).__name__} goes with calls of {wanted}, not {given}")
