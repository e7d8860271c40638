"""comm_status and fault_status: failures that a client gives back as values instead of raising them.

An operation says which of its outputs take them. A failure of the communication is one without an answer; a fault is
an answer of the server. Mistakes of the program are raised all the same.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from idlrt.errors import BindRefused, CallCancelled, RemoteProtocolError, RpcError, RpcFault, TransportError

if TYPE_CHECKING:
    from idlrt.rpc.interface import Result

RPC_S_PROTOCOL_ERROR = 1728
"""What a Windows client has for a peer that breaks the rules."""


class Statuses:
    """Where the statuses of one operation go.

    `comm` and `fault` name outputs of the client's, `hidden` those that do not travel, `outputs` all of them. `result`
    is the class of results with several outputs.
    """

    __slots__ = ("comm", "fault", "hidden", "outputs", "result")

    def __init__(
        self,
        outputs: tuple[str, ...],
        *,
        comm: str | None = None,
        fault: str | None = None,
        hidden: tuple[str, ...] = (),
        result: type[Result] | None = None,
    ) -> None:
        self.outputs = outputs
        self.comm = comm
        self.fault = fault
        self.hidden = hidden
        self.result = result

    async def awaited(self, answer: Awaitable[Any]) -> Any:
        """What a call gives back, once it is over."""
        try:
            result = await answer
        except RpcError as error:
            return self._failed(error)
        return self._answered(result)

    def called(self, call: Callable[[], Any]) -> Any:
        """The same for a call that blocks."""
        try:
            result = call()
        except RpcError as error:
            return self._failed(error)
        return self._answered(result)

    def _answered(self, result: Any) -> Any:
        """A result with the hidden statuses that say that nothing failed."""
        sent = len(self.outputs) - len(self.hidden)
        if not self.hidden or sent > 1:
            return result
        if self.result is None:
            return 0
        values = dict.fromkeys(self.hidden, 0)
        return self.result(**values) if sent == 0 else self.result(**{self.outputs[0]: result}, **values)

    def _failed(self, error: RpcError) -> Any:
        """A result that has nothing but the status of a failure; raises the failure where none is asked for."""
        if isinstance(error, RpcFault):
            place, status = self.fault, error.win32
        elif isinstance(error, TransportError | BindRefused | CallCancelled):
            place, status = self.comm, getattr(error, "status", RPC_S_PROTOCOL_ERROR)
        elif isinstance(error, RemoteProtocolError):
            place, status = self.comm, RPC_S_PROTOCOL_ERROR
        else:
            raise error
        if place is None:
            raise error
        if self.result is None:
            return status
        others = {name: 0 if name in (self.comm, self.fault) else None for name in self.outputs}
        return self.result(**{**others, place: status})
