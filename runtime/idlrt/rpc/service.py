"""Base of generated services."""

from __future__ import annotations

from abc import ABC
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

if TYPE_CHECKING:
    from idlrt.rpc.interface import Interface


class Service(ABC):  # generated subclasses have the abstract methods
    """Implements the operations of one interface, each as a method of its IDL name.

    An `async def` runs on the server's event loop, in a task of its own if it awaits anything; a plain `def` runs in a
    thread, where its pipes block. Raise `RpcFault` to answer with a status; any other exception is logged and reaches
    the client as one general fault.
    """

    interface: ClassVar[Interface]


MethodT = TypeVar("MethodT", bound=Callable[..., Any])


def cancellable(method: MethodT) -> MethodT:
    """A service's method that a client's request to cancel its call is to interrupt.

        class Watcher(WatchService):
            @rpc.cancellable
            async def Watch(self, call: rpc.Call, id: int) -> int: ...

    An `async def` is cancelled then, as when the client goes away, and its client gets `nca_s_fault_cancel` unless it
    returns or raises something else. A plain `def` cannot be; its pulls raise `CallCancelled` where they would
    have to wait. Other methods are only told: by `call.cancelled`, `call.until_cancelled()` and subscriptions.
    """
    method.__dict__["_idlrt_cancellable"] = True
    return method


def is_cancellable(method: Callable[..., Any]) -> bool:
    return getattr(method, "_idlrt_cancellable", False)
