"""Context handles: what a server remembers for a client between calls.

On the wire a handle is 20 octets that only the server understands. The table behind them is in `contexts`; generated
modules import this base alone.
"""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID, uuid4


class ContextHandle:
    """Base of generated handle types. A service makes one and returns it; a client hands back what it got.

    `state` is the service's own and never travels. The service sees the same object in every call.
    """

    __slots__ = ("attributes", "state", "uuid")

    exclusive: ClassVar[bool] = True
    """Whether calls that use one handle run one after the other; False for `[context_handle_noserialize]`."""

    def __init__(self, attributes: int = 0, uuid: UUID | None = None) -> None:
        self.attributes = attributes
        self.uuid = uuid4() if uuid is None else uuid
        self.state: Any = None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ContextHandle):
            return NotImplemented
        return self.uuid == other.uuid and self.attributes == other.attributes

    def __hash__(self) -> int:
        return hash(self.uuid)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.attributes}, {self.uuid})"
