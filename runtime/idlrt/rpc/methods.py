"""Operations and the methods that implement them."""

from __future__ import annotations

import dis
import inspect
from collections.abc import Callable
from typing import Any
from uuid import UUID

from idlrt.rpc.interface import Operation
from idlrt.rpc.service import Service, is_cancellable


class Method:
    """An operation and what implements it."""

    __slots__ = ("at_once", "blocking", "cancellable", "function", "names", "operation")

    def __init__(self, operation: Operation, service: Service) -> None:
        self.operation = operation
        self.function: Callable[..., Any] = getattr(service, operation.name)
        self.cancellable = is_cancellable(self.function)
        self.blocking = not inspect.iscoroutinefunction(self.function)
        # The generated declaration knows how pipes and other parameters mix; a program may rename its parameters.
        plain = not (operation.pipes or operation.contexts_in or operation.notify)
        self.at_once = plain and not self.blocking and not awaits(self.function)
        """Whether a call is over when the method has begun: it needs no task to wait in."""
        self.names = _parameters(type(service), operation) if operation.pipes else operation.inputs

    def runs_at_once(self, object: UUID | None, inputs: tuple[Any, ...]) -> bool:
        """Whether a call is likely over when the method has begun; if it is not, it goes on in a task."""
        return self.at_once


def awaits(function: Callable[..., Any]) -> bool:
    """Whether a coroutine function may be suspended: it has an `await`, `async for` or `async with`."""
    code = getattr(function, "__code__", None)
    return code is None or any(instruction.opname == "SEND" for instruction in dis.get_instructions(code))


def _parameters(kind: type[Service], operation: Operation) -> tuple[str, ...]:
    expected = {*operation.inputs, *operation.in_pipes, *operation.out_pipes}
    for base in reversed(kind.__mro__):
        function = base.__dict__.get(operation.name)
        if function is not None and hasattr(function, "__code__"):
            code = function.__code__
            names: tuple[str, ...] = code.co_varnames[2 : code.co_argcount]
            if set(names) == expected:
                return names
    return (*operation.inputs, *operation.pipes)
