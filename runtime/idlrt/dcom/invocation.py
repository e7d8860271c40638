"""Methods of objects called with what a request holds.

A request holds counts that Python's signatures leave out or take by keyword only, because a list knows its length. What
the generated class declares says which is which; an implementation may call its parameters otherwise.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeAlias

from idlrt.rpc import Operation

Arrange: TypeAlias = Callable[[tuple[Any, ...]], tuple[tuple[Any, ...], dict[str, Any]]]
"""The arguments of a call, by position and by name, of the inputs of a request."""


@lru_cache(maxsize=4096)
def arrangement(interface: Any, implementation: Any, operation: Operation) -> Arrange | None:
    """How the inputs of an operation become arguments; None where they do as they are.

    Args:
        interface: the generated class. implementation: the class of the object.
    """
    declared = inspect.signature(getattr(interface, operation.name)).parameters.values()
    positional = [each.name for each in declared if each.kind is each.POSITIONAL_OR_KEYWORD][1:]
    by_name = {each.name for each in declared if each.kind is each.KEYWORD_ONLY}
    if not by_name and positional == list(operation.inputs):
        return None
    own = inspect.signature(getattr(implementation, operation.name)).parameters
    takes_all = any(each.kind is each.VAR_KEYWORD for each in own.values())
    places = {name: number for number, name in enumerate(operation.inputs)}
    named = [name for name in by_name if name in places and (takes_all or name in own)]
    order = [places[name] for name in positional]

    def arrange(inputs: tuple[Any, ...]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        return tuple(inputs[place] for place in order), {name: inputs[places[name]] for name in named}

    return arrange


async def invoke(target: Any, interface: type[Any], operation: Operation, inputs: tuple[Any, ...]) -> Any:
    """Call a method of an object with the inputs of a request, and wait for what it gives."""
    arrange = arrangement(interface, type(target), operation)
    function = getattr(target, operation.name)
    if arrange is None:
        return await function(*inputs)
    arguments, named = arrange(inputs)
    return await function(*arguments, **named)
