"""Base of generated services."""

from __future__ import annotations

from abc import ABC
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from idlrt.rpc.interface import Interface


class Service(ABC):  # generated subclasses have the abstract methods
    """Implements the operations of one interface, each as a method of its IDL name.

    An `async def` runs on the server's event loop, a plain `def` in a thread, where its pipes block. Raise `RpcFault`
    to answer with a status; any other exception is logged and reaches the client as one general fault.
    """

    interface: ClassVar[Interface]
