"""Calls from elsewhere: a method of an object is found and called, by itself or through a call object.

Whatever brought the call here (another apartment, another machine) has what was given as values and takes the result.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final, TypeAlias, cast

from idlrt.com.apartment import ATTRIBUTE, Apartment
from idlrt.com.context import CallContext, causality, serving
from idlrt.com.hresult import HResultError, NoInterface, failed
from idlrt.com.interfaces import IUnknown, asynchronous_form, interfaces_of
from idlrt.com.known import INFINITE, ICallFactory, ISynchronize
from idlrt.com.methods import Methods
from idlrt.com.objects import Object
from idlrt.rpc.interface import Operation

Arrange: TypeAlias = Callable[[tuple[Any, ...]], tuple[tuple[Any, ...], dict[str, Any]]]
"""The arguments of a call, by position and by name, of the inputs of a request."""


def methods_of(interface: type[IUnknown]) -> dict[int, tuple[Methods, Operation]]:
    """The methods of an interface that travel, inherited ones included, by number, with where they are declared."""
    known: dict[int, tuple[Methods, Operation]] | None = interface.__dict__.get("_numbered")
    if known is None:
        known = {}
        for base in interfaces_of(interface).values():
            methods = base.__dict__.get("METHODS")
            if methods is not None:
                known.update((opnum, (methods, operation)) for opnum, operation in methods.by_opnum.items())
        interface._numbered = known  # type: ignore[attr-defined]
    return known


def operation_of(interface: type[IUnknown], opnum: int) -> Operation:
    """A method of an interface, or of one that it derives from, by its number.

    Raises:
        LookupError: there is none that travels.
    """
    return methods_of(interface)[opnum][1]


@lru_cache(maxsize=4096)
def arrangement(interface: type[Any], implementation: type[Any], name: str, inputs: tuple[str, ...]) -> Arrange | None:
    """How the inputs of a request become arguments of a method; None where they do as they are.

    A request holds counts that Python's signatures take by keyword only, because a sequence knows its length. What the
    generated class declares says which; an implementation may call its parameters otherwise, and leave counts out.
    """
    declared = inspect.signature(getattr(interface, name)).parameters.values()
    positional = [each.name for each in declared if each.kind is each.POSITIONAL_OR_KEYWORD][1:]
    by_name = [each.name for each in declared if each.kind is each.KEYWORD_ONLY]
    if not by_name and positional == list(inputs):
        return None
    own = inspect.signature(getattr(implementation, name)).parameters
    takes_all = any(each.kind is each.VAR_KEYWORD for each in own.values())
    places = {each: number for number, each in enumerate(inputs)}
    order = [places[each] for each in positional]
    named = [(each, places[each]) for each in by_name if each in places and (takes_all or each in own)]

    def arrange(given: tuple[Any, ...]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        return tuple(given[place] for place in order), {each: given[place] for each, place in named}

    return arrange


_arrangement: Final[Callable[..., Arrange | None]] = arrangement  # what it caches by hashes, as far as types go


async def invoke(target: Any, interface: type[Any], name: str, operation: Operation, inputs: tuple[Any, ...]) -> Any:
    """Call a method by its name with the inputs of a request, and wait for what it gives."""
    arrange = _arrangement(interface, type(target), name, operation.inputs)
    function = getattr(target, name)
    if arrange is None:
        return await function(*inputs)
    arguments, named = arrange(inputs)
    return await function(*arguments, **named)


async def serve(
    target: IUnknown, context: CallContext, inputs: tuple[Any, ...], operation: Operation | None = None
) -> Any:
    """Serve a call: by a call object of the target, if it has one for that interface, or by its method.

    A call object is begun, and finished once it is signaled: within Begin_, later, in any thread. Whether the caller
    waits or not makes no difference here, nor does he see one.

    Args:
        target: the object. context: which method is called, and by whom; tells of cancelling.
        inputs: in the order of `Operation.inputs`. operation: the method, if the caller knows it.

    Raises:
        HResultError: the method failed, or the apartment's message filter did not take the call
            (RPC_E_CALL_REJECTED, RPC_E_SERVERCALL_RETRYLATER). LookupError: there is no such method.
    """
    apartment: Apartment = getattr(asyncio._get_running_loop(), ATTRIBUTE, None) or Apartment.current()
    admitting = apartment.filter
    if admitting is not None:
        admitting.admit(target, context)
    token = serving.set(context)
    thread = causality.set(context.causality)
    try:
        interface = context.interface
        if operation is None:
            operation = operation_of(interface, context.opnum)
        call = None if called_directly(target) else await call_object(target, interface)
        if call is None:
            arrange = _arrangement(interface, type(target), operation.name, operation.inputs)
            function = getattr(target, operation.name)
            if arrange is None:
                result = await function(*inputs)
            else:
                arguments, named = arrange(inputs)
                result = await function(*arguments, **named)
        else:
            result = await _through(call, cast(type[IUnknown], asynchronous_form(context.interface)), operation, inputs)
        return result if operation.retval else checked(operation, result)
    finally:
        causality.reset(thread)
        serving.reset(token)


def called_directly(target: Any) -> bool:
    """Whether an object makes no call objects, for certain."""
    return _alone(type(target)) and target._outer is None and not target._inner


@lru_cache(maxsize=4096)
def _without_factory(kind: type[Any]) -> bool:
    """Whether objects of a class have no ICallFactory by themselves, which is what `Object.may_have` asks of them."""
    plain = issubclass(kind, Object) and kind.QueryInterface is Object.QueryInterface
    return plain and ICallFactory.IID not in kind._offered


_alone: Final[Callable[[Any], bool]] = _without_factory


async def call_object(target: IUnknown, interface: type[IUnknown]) -> IUnknown | None:
    """A new call object for an interface of an object; None where it is to be called directly."""
    if called_directly(target):
        return None
    form = asynchronous_form(interface)
    if form is None:
        return None
    try:
        factory = await target.QueryInterface(ICallFactory)
    except NoInterface:
        return None
    try:
        return await factory.CreateCall(form.IID, None, form.IID)
    except HResultError:
        return None
    finally:
        factory.Release()


async def _through(call: IUnknown, form: type[IUnknown], operation: Operation, inputs: tuple[Any, ...]) -> Any:
    try:
        code = await invoke(call, form, f"Begin_{operation.name}", operation, inputs)
        if isinstance(code, int) and failed(code):
            raise HResultError(code)
        try:
            signal = await call.QueryInterface(ISynchronize)
        except NoInterface:
            pass  # it can be finished at once, or Finish_ waits
        else:
            try:
                await signal.Wait(0, INFINITE)
            finally:
                signal.Release()
        return await getattr(call, f"Finish_{operation.name}")()
    finally:
        call.Release()


def checked(operation: Operation, result: Any) -> Any:
    """What a method gave back, unless that is a failure. A method without outputs may give None for S_OK.

    Raises:
        HResultError: the HRESULT is a failing one.
    """
    outputs = operation.outputs
    if operation.retval or not outputs or outputs[-1] != "return_value":
        return result
    if len(outputs) > 1:
        code = getattr(result, "return_value", 0)
    else:
        result = code = 0 if result is None else result
    if isinstance(code, int) and failed(code):
        raise HResultError(code)
    return result
