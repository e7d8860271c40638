"""Operations and the methods that implement them."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from idlrt.rpc.interface import Operation
from idlrt.rpc.service import Service, is_cancellable


class Method:
    """An operation and what implements it."""

    __slots__ = ("blocking", "cancellable", "function", "names", "operation")

    def __init__(self, operation: Operation, service: Service) -> None:
        self.operation = operation
        self.function: Callable[..., Any] = getattr(service, operation.name)
        self.cancellable = is_cancellable(self.function)
        self.blocking = not inspect.iscoroutinefunction(self.function)
        # The generated declaration knows how pipes and other parameters mix; a program may rename its parameters.
        self.names = _parameters(type(service), operation) if operation.pipes else operation.inputs


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
