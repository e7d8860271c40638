"""Call objects: a method begun now and finished later, by whoever holds the object, on any loop and in any thread.

A call object is idle, pending, or signaled; Begin_ takes it from the first state to the second, completion to the
third, and Finish_ back to the first. There is one call at a time, whoever made it and of whichever method.
"""

from __future__ import annotations

import asyncio
import threading
from abc import ABCMeta
from collections.abc import Callable, Coroutine, Generator
from enum import Enum
from functools import update_wrapper
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self, TypeAlias, cast
from uuid import UUID

from idlrt.com.apartment import Apartment
from idlrt.com.blanket import Blanket, under
from idlrt.com.context import CallContext, CallKind, causality, serving
from idlrt.com.hresult import (
    E_INVALIDARG,
    E_UNEXPECTED,
    RPC_E_CALL_CANCELED,
    RPC_S_CALLPENDING,
    S_OK,
    CallCanceled,
    CallComplete,
    CallPending,
    HResultError,
    NoInterface,
    failed,
)
from idlrt.com.interfaces import I, IUnknown, class_of, iid_of, synchronous_form
from idlrt.com.known import (
    INFINITE,
    ICallFactory,
    ICancelMethodCalls,
    IClientSecurity,
    ISynchronize,
    ISynchronizeHandle,
)
from idlrt.com.objects import Object, aggregated
from idlrt.com.outgoing import Outgoing
from idlrt.com.proxy import Proxy, Remote
from idlrt.com.security import ClientSecurity
from idlrt.com.stub import checked, invoke, operation_of
from idlrt.com.synchronize import EventHandle, check_flags, seconds

if TYPE_CHECKING:
    from contextvars import Context

Start: TypeAlias = Callable[[type[IUnknown], int, tuple[Any, ...]], Outgoing]
"""What starts a call: the synchronous interface, the number of the method, its inputs."""


class CallState(Enum):
    """Where a call object is."""

    IDLE = "idle"
    PENDING = "pending"
    SIGNALED = "signaled"


class _Round:
    """One call of a call object, from Begin_ to Finish_."""

    done = False
    """There is an outcome."""
    taken = False
    """Somebody collects it."""
    cancelled = False
    """The client has asked."""
    result: Any = None
    error: BaseException | None = None
    outgoing: Outgoing | None = None
    waiters: list[asyncio.Future[None]] | None = None
    """Of those who wait until it is done."""
    callbacks: list[tuple[Callable[[Any], object], asyncio.AbstractEventLoop, Context | None]] | None = None
    task: asyncio.Task[Any] | None = None
    """Where an author's Begin_ or Finish_ runs."""

    def __init__(self, method: str | int) -> None:
        self.method = method
        self.context = serving.get()
        self.apartment = Apartment.current()


class CallObject(Object, ISynchronize, ISynchronizeHandle, ICancelMethodCalls):
    """What call objects derive from, with the asynchronous interface that they implement.

        class SlowAddition(com.CallObject, AsyncICalculator):
            async def Begin_Add(self, a: int, b: int) -> int:
                self.sum = a + b
                self.signal()           # now, later, or in another thread
                return 0

            async def Finish_Add(self) -> AddResult:
                return AddResult(self.sum)

    The rules of call objects are kept here: Begin_ is refused while a call is pending, Finish_ waits until the call is
    done, a failing Begin_ leaves nothing to finish. Python's way is there too: `await call` finishes what was begun,
    `asyncio.wait` takes call objects, and cancelling a task that waits in them cancels the call.
    """

    _mutex: threading.Lock
    _round: _Round | None = None
    _event: EventHandle | None = None
    _signaled = False

    def __new__(cls, *arguments: Any, **named: Any) -> Self:
        self = super().__new__(cls)
        self._mutex = threading.Lock()
        return self

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        for name, function in list(cls.__dict__.items()):
            if callable(function) and name.startswith("Begin_"):
                setattr(cls, name, _beginning(name[6:], function))
            elif callable(function) and name.startswith("Finish_"):
                setattr(cls, name, _finishing(name[7:], function))

    # -- states

    @property
    def state(self) -> CallState:
        current = self._round
        if current is None:
            return CallState.IDLE
        return CallState.SIGNALED if current.done else CallState.PENDING

    def _enter(self, method: str | int) -> _Round:
        with self._mutex:
            if self._round is not None:
                raise CallPending(message="the call object has a call that is not finished")
            self._round = entered = _Round(method)
            self._signaled = False
            if self._event is not None:
                self._event.reset()
        return entered

    def _leave(self, current: _Round) -> None:
        """The call is finished, or was never begun: whoever waits for it finds nothing."""
        with self._mutex:
            if self._round is current:
                self._round = None
            current.taken = True
        if not current.done:
            self._complete(current)

    def _complete(self, current: _Round) -> bool:
        """There is an outcome; whether there was none before."""
        with self._mutex:
            if current.done:
                return False
            current.done = True
            waiters, callbacks = current.waiters, current.callbacks
            current.waiters = current.callbacks = None
        for waiter in waiters or ():
            _wake(waiter)
        for each in callbacks or ():
            self._call_back(*each)
        return True

    async def _until_done(self, current: _Round, timeout: float | None = None) -> bool:
        loop = asyncio.get_running_loop()
        woken: asyncio.Future[None] = loop.create_future()
        with self._mutex:
            if current.done:
                return True
            if current.waiters is None:
                current.waiters = []
            current.waiters.append(woken)
        timer = None if timeout is None else loop.call_later(timeout, _settle, woken)
        try:
            await woken
        finally:
            if timer is not None:
                timer.cancel()
        return current.done

    async def _collect(self, method: str | int | None) -> _Round:
        """The call when it is done, for Finish_ to take; it is the caller's to leave."""
        current = self._round
        if current is None or current.taken:
            raise CallComplete
        if method is not None and current.method != method:
            raise HResultError(E_UNEXPECTED, "another method than this one was begun")
        if not current.done:
            try:
                await self._until_done(current)
            except asyncio.CancelledError:
                self._give_up(current, again=True)
                self._leave(current)
                raise
        with self._mutex:
            if current.taken:
                raise CallComplete
            current.taken = True
        return current

    def _give_up(self, current: _Round, again: bool = False) -> bool:
        """The client goes on without an answer; whether there was none."""
        with self._mutex:
            if current.done:
                return False
            first, current.cancelled = not current.cancelled, True
            current.error = CallCanceled()
        if first or again:
            self._ask(current)
        if not self._complete(current):
            return False
        if current.outgoing is not None:
            current.outgoing.abandon()
        self.signal()
        return True

    def _ask(self, current: _Round) -> None:
        """Tell the callee that the client wants no more."""
        if current.outgoing is not None:
            current.outgoing.cancel()

    # -- ISynchronize, ISynchronizeHandle

    async def Wait(self, dwFlags: int, dwMilliseconds: int) -> int:
        check_flags(dwFlags)
        timeout = seconds(dwMilliseconds)
        if not self._signaled and not await self._handle().wait_async(timeout):
            raise CallPending(message="the call was not complete in time")
        return S_OK

    async def Signal(self) -> int:
        self._signal()
        return S_OK

    async def Reset(self) -> int:
        with self._mutex:
            self._signaled = False
            if self._event is not None:
                self._event.reset()
        return S_OK

    async def GetHandle(self) -> EventHandle:
        return self._handle()

    def _handle(self) -> EventHandle:
        with self._mutex:
            if self._event is None:
                self._event = EventHandle(signaled=self._signaled)
            return self._event

    def _signal(self) -> None:
        """The event is set; that completes what an author has begun."""
        self._show()
        current = self._round
        if current is not None:
            self._complete(current)

    def _show(self) -> None:
        with self._mutex:
            self._signaled = True
            event = self._event
            if event is not None:
                event.set()

    def signal(self) -> None:
        """The call is done: Finish_ can have its results. From any thread, within Begin_ or later.

        A call object that is part of another object signals that one's ISynchronize, which passes it on.
        """
        outer = self._outer
        if outer is None:
            self._signal()
            return
        current = self._round
        apartment = Apartment.current() if current is None else current.apartment
        if apartment.here:
            apartment.start(_signal_through(outer))
        else:
            apartment.submit(_signal_through(outer))

    def wait(self, timeout: float | None = None) -> bool:
        """Wait in a thread until it is signaled, in seconds; whether it was. Refused where an event loop runs."""
        return self._handle().wait(timeout)

    # -- ICancelMethodCalls

    async def Cancel(self, ulSeconds: int) -> int:
        if ulSeconds < 0:
            raise HResultError(E_INVALIDARG, f"{ulSeconds} s is no time to wait")
        current = self._round
        if current is None:
            raise CallComplete
        with self._mutex:
            if current.cancelled:
                raise CallCanceled(message="the call was cancelled before")
            if current.done:
                raise CallComplete
            current.cancelled = True
        self._ask(current)
        if ulSeconds and await self._until_done(current, None if ulSeconds == INFINITE else ulSeconds):
            if isinstance(current.error, CallCanceled):
                return S_OK
            current.cancelled = False
            raise CallComplete(message="the call was finished in time")
        self._give_up(current)
        return S_OK

    async def TestCancel(self) -> int:
        return RPC_E_CALL_CANCELED if self.test_cancel() else RPC_S_CALLPENDING

    def test_cancel(self) -> bool:
        """Whether the call was cancelled, as its client or as its author sees it; from any thread."""
        current = self._round
        if current is None:
            return False
        return current.cancelled or (current.context is not None and current.context.cancelled)

    # -- Python's way

    async def finish(self) -> Any:
        """Wait for the result of whichever method was begun, as its Finish_ does; `await call` is the same."""
        current = self._round
        if current is None:
            raise CallComplete
        return await getattr(self, f"Finish_{current.method}")()

    def __await__(self) -> Generator[Any, None, Any]:
        return self.finish().__await__()

    def done(self) -> bool:
        """Whether Finish_ would not have to wait; true of an idle object, which has nothing to finish."""
        current = self._round
        return current is None or current.done

    def cancelled(self) -> bool:
        current = self._round
        return current is not None and current.cancelled and current.done

    def exception(self) -> BaseException | None:
        """What Finish_ is going to raise, as far as that is known."""
        current = self._round
        return None if current is None or not current.done else current.error

    def add_done_callback(self, told: Callable[[Any], object], *, context: Context | None = None) -> None:
        """Have a function called on this loop when the call is done, with this object; for `asyncio.wait`."""
        loop = asyncio.get_running_loop()
        with self._mutex:
            current = self._round
            if current is not None and not current.done:
                if current.callbacks is None:
                    current.callbacks = []
                current.callbacks.append((told, loop, context))
                return
        loop.call_soon(told, self, context=context)

    def remove_done_callback(self, told: Callable[[Any], object]) -> int:
        with self._mutex:
            current = self._round
            if current is None or current.callbacks is None:
                return 0
            before = len(current.callbacks)
            current.callbacks = [each for each in current.callbacks if each[0] != told]
            return before - len(current.callbacks)

    def _call_back(
        self, told: Callable[[Any], object], loop: asyncio.AbstractEventLoop, context: Context | None
    ) -> None:
        if asyncio._get_running_loop() is loop:
            loop.call_soon(told, self, context=context)
        elif not loop.is_closed():
            loop.call_soon_threadsafe(told, self, context=context)


def _settle(woken: asyncio.Future[None]) -> None:
    if not woken.done():
        woken.set_result(None)


def _wake(waiter: asyncio.Future[None]) -> None:
    """Have somebody go on, on his loop, if that still runs."""
    loop = waiter.get_loop()
    if asyncio._get_running_loop() is loop:
        _settle(waiter)
    else:
        try:
            loop.call_soon_threadsafe(_settle, waiter)
        except RuntimeError:
            pass


async def _signal_through(outer: IUnknown) -> None:
    synchronize = await outer.QueryInterface(ISynchronize)
    try:
        await synchronize.Signal()
    finally:
        synchronize.Release()


# ---------------------------------------------------------------------------- what authors write


def _beginning(method: str, function: Callable[..., Coroutine[Any, Any, Any]]) -> Callable[..., Any]:
    """An author's Begin_, with the rules around it."""

    async def begin(self: CallObject, /, *inputs: Any, **named: Any) -> int:
        task = asyncio.current_task()
        current = self._round
        if current is not None and current.method == method and current.task is task is not None:
            return cast(int, await function(self, *inputs, **named))  # what it derives from begins the same call
        current = self._enter(method)
        current.task = task
        try:
            code = await function(self, *inputs, **named)
            if isinstance(code, int) and failed(code):
                raise HResultError(code)
        except BaseException:
            self._leave(current)
            raise
        finally:
            current.task = None
        return code or S_OK

    update_wrapper(begin, function)
    return begin


def _finishing(method: str, function: Callable[..., Coroutine[Any, Any, Any]]) -> Callable[..., Any]:
    """An author's Finish_, with the rules around it."""

    async def finish(self: CallObject, /) -> Any:
        task = asyncio.current_task()
        current = self._round
        if current is not None and current.method == method and current.task is task is not None:
            return await function(self)
        current = await self._collect(method)
        current.task = task
        try:
            if current.error is not None:
                raise current.error
            return await function(self)
        finally:
            self._leave(current)

    update_wrapper(finish, function)
    return finish


# ---------------------------------------------------------------------------- what the runtime makes


class _Running(CallObject):
    """A call object that has its call made elsewhere: through a proxy, or of a method of an object here."""

    FORM: ClassVar[type[IUnknown]]
    _start: Start
    _blanket: Blanket | None = None

    def __init__(self, start: Start, proxy: Proxy | None = None) -> None:
        self._start = start
        self._remote = None if proxy is None else proxy._remote
        if proxy is not None:
            self._blanket = proxy._blanket

    async def _own_interface(self, interface: Callable[..., I] | UUID) -> I | IUnknown:
        if self._remote is not None and iid_of(interface) == IClientSecurity.IID:
            return ClientSecurity(self, self._remote)
        return await super()._own_interface(interface)

    async def _begin(self, opnum: int, *inputs: Any) -> int:
        current = self._enter(opnum)
        try:
            interface = cast(type[IUnknown], self.FORM.SYNCHRONOUS)
            if self._blanket is None:
                outgoing = self._start(interface, opnum, inputs)
            else:
                with under(self._blanket):
                    outgoing = self._start(interface, opnum, inputs)
            current.outgoing = outgoing
            current.apartment.keep(self._run(current, outgoing))
        except BaseException:
            self._leave(current)
            raise
        return S_OK

    async def _run(self, current: _Round, outgoing: Outgoing) -> None:
        result: Any = None
        error: BaseException | None = None
        try:
            result = await outgoing
        except asyncio.CancelledError:
            error = CallCanceled(message="what made the call has ended")
        except BaseException as failure:
            error = failure
        current.apartment.forget()
        with self._mutex:
            if current.done:
                return
            current.result, current.error = result, error
        if self._complete(current):
            self.signal()

    async def _finish(self, opnum: int) -> Any:
        current = await self._collect(opnum)
        self._leave(current)
        if current.error is not None:
            raise current.error
        return current.result

    async def finish(self) -> Any:
        current = self._round
        if current is None:
            raise CallComplete
        return await self._finish(cast(int, current.method))

    def _signal(self) -> None:
        self._show()  # by itself that completes nothing: the answer does


def call_class(form: Callable[..., I]) -> type[I]:
    """The class of call objects for an asynchronous interface that the runtime makes.

    Raises:
        NoInterface: it is no asynchronous interface.
    """
    base = cast(type[IUnknown], form)
    if synchronous_form(base) is None:
        raise NoInterface(message=f"{base.__name__} is no asynchronous interface")
    made = base.__dict__.get("_call_class")
    if made is None:
        made = ABCMeta(f"{base.__name__}Call", (_Running, base), {"FORM": base, "__doc__": base.__doc__})
        made.__abstractmethods__ = frozenset()  # the generated bodies are all there is to do
        made.__module__ = base.__module__
        base._call_class = made  # type: ignore[attr-defined]
    return cast(type[I], made)


async def created(call: Object, pCtrlUnk: IUnknown | None, riid2: Callable[..., Any] | UUID) -> IUnknown:
    """What CreateCall gives back for a new call object: the interface that is asked for, or the inner unknown.

    Raises:
        HResultError: E_NOINTERFACE; E_INVALIDARG where a controlling unknown comes with another `riid2` than IUnknown.
    """
    if pCtrlUnk is not None:
        if iid_of(riid2) != IUnknown.IID:
            raise HResultError(E_INVALIDARG, "with a controlling unknown nothing but IUnknown can be asked for")
        return aggregated(call, pCtrlUnk, IUnknown)
    try:
        return await call.QueryInterface(riid2)
    finally:
        call.Release()


def form_of(riid: Callable[..., Any] | UUID) -> type[IUnknown]:
    """The asynchronous interface that CreateCall was given.

    Raises:
        HResultError: E_INVALIDARG if it is neither class nor IID, E_NOINTERFACE for one that is not asynchronous.
    """
    try:
        form = class_of(riid)
    except TypeError as error:
        raise HResultError(E_INVALIDARG, str(error)) from None
    if synchronous_form(form) is None:
        raise NoInterface(message=f"{form.__name__} is no asynchronous interface")
    return form


class CallFactory(Object, ICallFactory):
    """What objects derive from that have call objects.

    `CALL_OBJECTS` names the classes of call objects; each is made with the object as its argument, and is the one for
    the asynchronous interfaces that it implements. Where there are none, the object's own coroutines run in the
    background.

        class Calculator(com.CallFactory, ICalculator):
            CALL_OBJECTS = (SlowAddition,)

    Raises:
        TypeError: a class of call objects lacks methods of its interface.
    """

    CALL_OBJECTS: ClassVar[tuple[Callable[..., CallObject], ...]] = ()

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        for kind in cls.CALL_OBJECTS:
            lacking = getattr(kind, "__abstractmethods__", ())
            if lacking:
                name, methods = getattr(kind, "__name__", kind), ", ".join(sorted(lacking))
                raise TypeError(f"{name}, whose objects {cls.__name__} has for calls, lacks {methods}")

    async def CreateCall(
        self, riid: Callable[..., Any] | UUID, pCtrlUnk: IUnknown | None = None, riid2: Any = None
    ) -> Any:
        form = form_of(riid)
        return await created(self._call_object(form), pCtrlUnk, form if riid2 is None else riid2)

    def _call_object(self, form: type[IUnknown]) -> Object:
        for kind in self.CALL_OBJECTS:
            if form.IID in getattr(kind, "_offered", ()):
                return kind(self)
        synchronous = cast(type[IUnknown], form.SYNCHRONOUS)
        if self.CALL_OBJECTS or synchronous.IID not in self._offered:
            raise NoInterface(message=f"{type(self).__name__} has no call object for {form.__name__}")
        return cast("Callable[[Start], Object]", call_class(form))(self._start_here)

    def _start_here(self, interface: type[IUnknown], opnum: int, inputs: tuple[Any, ...]) -> Outgoing:
        return _Here(self, interface, opnum, inputs)


class _Here:
    """A method of an object of this apartment, called directly."""

    __slots__ = ("_abandoned", "_context", "_inputs", "_target", "_task")

    def __init__(self, target: IUnknown, interface: type[IUnknown], opnum: int, inputs: tuple[Any, ...]) -> None:
        self._target = target
        self._context = CallContext(interface, opnum, causality=causality.get(), kind=CallKind.SYNCHRONOUS)
        self._inputs = inputs
        self._task: asyncio.Task[Any] | None = None
        self._abandoned = False

    def __await__(self) -> Generator[Any, None, Any]:
        return self._call().__await__()

    async def _call(self) -> Any:
        if self._abandoned:
            raise CallCanceled
        context = self._context
        serving.set(context)  # this is a task of its own
        self._task = asyncio.current_task()
        operation = operation_of(context.interface, context.opnum)
        result = await invoke(self._target, context.interface, operation.name, operation, self._inputs)
        return checked(operation, result)

    def cancel(self) -> None:
        self._context.cancel()

    def abandon(self) -> None:
        """The method is cancelled as tasks are, as it is elsewhere once its caller has gone on."""
        self._abandoned = True
        task = self._task
        if task is not None and not task.get_loop().is_closed():
            task.get_loop().call_soon_threadsafe(task.cancel)


class ProxyCallFactory(Object, ICallFactory):
    """ICallFactory of proxies: they have call objects for every interface with an asynchronous form."""

    def __init__(self, proxy: Proxy, remote: Remote) -> None:
        self._proxy = proxy
        self._remote = remote

    async def _own_interface(self, interface: Callable[..., I] | UUID) -> I | IUnknown:
        if iid_of(interface) == ICallFactory.IID:
            self.AddRef()
            return self
        return await self._proxy.QueryInterface(interface)

    async def CreateCall(
        self, riid: Callable[..., Any] | UUID, pCtrlUnk: IUnknown | None = None, riid2: Any = None
    ) -> Any:
        form = form_of(riid)
        synchronous = cast(type[IUnknown], form.SYNCHRONOUS)
        remote = self._remote
        if synchronous.IID not in remote._proxies:
            await remote.query(synchronous)
        call = cast(Any, call_class(form))(remote.begin, self._proxy)
        return await created(call, pCtrlUnk, form if riid2 is None else riid2)


async def new_call(target: IUnknown, form: Callable[..., I]) -> I:
    """A call object of an object or proxy: asks for ICallFactory, creates the call, releases the factory.

    Args:
        target: what is to be called. form: the asynchronous interface, as its class.

    Raises:
        NoInterface: an object of this apartment has no call objects, or none for that interface.
    """
    factory = await target.QueryInterface(ICallFactory)
    try:
        call: I = await factory.CreateCall(form)
        return call
    finally:
        factory.Release()


__all__: Final = [
    "CallFactory",
    "CallObject",
    "CallState",
    "ProxyCallFactory",
    "call_class",
    "created",
    "form_of",
    "new_call",
]
