"""What a client answers to a callback: its service's method is found and run, whatever it raises becomes one fault."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from idlrt.association import CallbackRequested, ClientConnection
from idlrt.errors import (
    NCA_FAULT_UNSPEC,
    NCA_OP_RNG_ERROR,
    RPC_X_BAD_STUB_DATA,
    LocalProtocolError,
    NdrError,
    RpcFault,
    fault_from_error,
)
from idlrt.ndr import Limits
from idlrt.rpc.codecs import decode_request, encode_response

if TYPE_CHECKING:
    from idlrt.rpc.callbacks import CallbackService
    from idlrt.rpc.interface import Operation

_log = logging.getLogger("idlrt.client")


class Answer:
    """What a callback's method came to: a stub, or a status."""

    __slots__ = ("executed", "status", "stub")

    def __init__(self, stub: bytes | bytearray = b"", status: int | None = None, executed: bool = True) -> None:
        self.stub = stub
        self.status = status
        self.executed = executed

    def send(self, association: ClientConnection, call_id: int) -> None:
        """Answer, unless the call has ended meanwhile."""
        try:
            if self.status is None:
                association.answer(call_id, self.stub)
            else:
                association.refuse(call_id, self.status, executed=self.executed)
        except LocalProtocolError:
            pass


Runner = Callable[..., Awaitable[Any]]
"""Runs a plain function with arguments where it may block."""


async def serve(
    event: CallbackRequested, service: CallbackService | None, limits: Limits | None, run: Runner
) -> Answer:
    """The answer to a callback, by a service that may be of another interface, or none."""
    found = _found(event, service, limits)
    if isinstance(found, Answer):
        return found
    function, operation, inputs = found
    try:
        if inspect.iscoroutinefunction(function):
            result = await function(*inputs)
        else:
            result = await run(function, *inputs)
            if isinstance(result, Awaitable):
                result = await result
        return _encoded(event, service, operation, result, inputs)
    except Exception as error:
        return _failed(operation, error)


def serve_here(event: CallbackRequested, service: CallbackService | None, limits: Limits | None) -> Answer:
    """The same in this thread, by plain functions."""
    found = _found(event, service, limits)
    if isinstance(found, Answer):
        return found
    function, operation, inputs = found
    try:
        result = function(*inputs)
        if inspect.isawaitable(result):
            if inspect.iscoroutine(result):
                result.close()
            raise TypeError(f"{operation.name} is a coroutine, and a blocking client has no event loop to run it on")
        return _encoded(event, service, operation, result, inputs)
    except Exception as error:
        return _failed(operation, error)


def _found(
    event: CallbackRequested, service: CallbackService | None, limits: Limits | None
) -> tuple[Callable[..., Any], Operation, tuple[Any, ...]] | Answer:
    """The method and its parameters, or why there is none."""
    if service is None or service.interface.syntax != event.context.interface:
        _log.warning("the server calls back, but this client has no callbacks for it")
        return Answer(status=NCA_OP_RNG_ERROR, executed=False)
    operation = service.interface.callbacks.get(event.opnum)
    if operation is None:
        return Answer(status=NCA_OP_RNG_ERROR, executed=False)
    codec = service.interface.codecs(event.context.transfer, event.order, limits)[~event.opnum]
    try:
        inputs, _ = decode_request(codec, operation, event.data)
    except NdrError as error:
        _log.warning("bad data from the server for %s: %s", operation.name, error)
        return Answer(status=RPC_X_BAD_STUB_DATA, executed=False)
    return getattr(service, operation.name), operation, inputs


def _encoded(
    event: CallbackRequested,
    service: CallbackService | None,
    operation: Operation,
    result: Any,
    inputs: tuple[Any, ...],
) -> Answer:
    assert service is not None
    codec = service.interface.codecs(event.context.transfer, "<")[~event.opnum]
    return Answer(encode_response(codec, operation, result, inputs, 0))


def _failed(operation: Operation, error: Exception) -> Answer:
    status, executed = fault_from_error(error)
    if status == NCA_FAULT_UNSPEC and not isinstance(error, RpcFault):
        _log.error("%s failed", operation.name, exc_info=error)  # no text and no type leaves the client
    return Answer(status=status, executed=executed)
