"""One call at the server, from its first fragment to its answer.

The request's ordinary data is decoded as soon as it is complete; with pipes the method starts then, while the pipes
still arrive. The answer is what the method returns, or comes later from an `AsyncReply`. Whatever the method raises
becomes one fault; whatever happens to the client becomes one exception at the method's next pull or push.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Generator, Mapping, Sequence
from contextvars import copy_context
from threading import Lock
from types import MappingProxyType, coroutine
from typing import TYPE_CHECKING, Any

from idlrt.association import CallbackAnswered, CallbackFault, CallStarted, Stub
from idlrt.asynchronous import AsyncEvent, Notification
from idlrt.errors import (
    NCA_FAULT_UNSPEC,
    RPC_S_CALL_IN_PROGRESS,
    RPC_S_NO_CALL_ACTIVE,
    RPC_S_OK,
    RPC_X_BAD_STUB_DATA,
    CallCancelled,
    ConnectionLost,
    InvalidAsyncCall,
    NdrError,
    PipeError,
    RpcFault,
    RpcTimeout,
    fault_from_error,
)
from idlrt.ids import NDR64
from idlrt.ndr.elements import Form
from idlrt.pipes.flow import Incoming, Inlet, Outgoing, Outlet
from idlrt.pipes.line import LoopLine, Octets
from idlrt.pipes.objects import (
    BlockingPipeDuplex,
    BlockingPipeReader,
    BlockingPipeWriter,
    PipeDuplex,
    PipeReader,
    PipeWriter,
)
from idlrt.rpc.call import Call
from idlrt.rpc.codecs import decode_request, decode_response, encode_request, encode_response
from idlrt.rpc.contexts import unlock
from idlrt.rpc.reply import Deferral, Listener
from idlrt.rpc.subscriptions import Subscriptions

if TYPE_CHECKING:
    from idlrt.rpc.accepted import ServerLink
    from idlrt.rpc.handles import ContextHandle
    from idlrt.rpc.interface import Interface, Operation
    from idlrt.rpc.methods import Method
    from idlrt.rpc.service import Service

_log = logging.getLogger("idlrt.server")

# Octets of ordinary request data, in a call with pipes, below which every arrival is tried for completeness.
_TRY_ALWAYS = 64 << 10
_TRY_AGAIN = 0.01  # seconds

# What a method raises to end the call with a status; anything else is a mistake and is logged.
_STATUSES = (RpcFault, PipeError, CallCancelled)

_subscribing = Lock()


class Serving:
    """A call in progress."""

    # Most calls need nothing but what `__init__` sets; the rest is here, where it costs them nothing.
    _tried = 0
    _retry: asyncio.TimerHandle | None = None
    _incoming: Incoming | None = None
    _outgoing: Outgoing | None = None
    _line: LoopLine | None = None  # of the pipes, from the method's start on
    _error: Exception | None = None  # why the method cannot go on
    _cancelling: asyncio.Event | None = None  # that somebody waits for
    when_cancelled: Callable[[], object] | None = None  # `cancelled` becomes true
    _callback: asyncio.Future[CallbackAnswered] | None = None  # that the client has to answer
    _task: asyncio.Task[None] | None = None
    _inputs: tuple[Any, ...] = ()
    _handles: Mapping[str, list[ContextHandle]] = MappingProxyType({})  # the context handles among them
    _running = True  # the method is, or will be
    _interrupted = False  # it was cancelled, which happens once
    _stopped = False  # the server does not wait any longer
    _deferral: Deferral | None = None
    _listener: Listener | None = None
    _subscriptions: Subscriptions[Call] | None = None
    _lost = False  # nobody waits for the answer any more
    _gone = False  # the connection is
    answered = False
    ended = False

    def __init__(
        self, link: ServerLink, event: CallStarted, interface: Interface, service: Service, method: Method
    ) -> None:
        self.call_id = event.call_id
        self.interface = interface
        self.operation: Operation = method.operation
        self.object = event.object
        self.transfer = event.context.transfer
        self.cancelled = self._asked = event.cancelled
        self.maybe = event.maybe
        self._link = link
        self._service = service
        self._method = method
        self._order = event.order
        self._streamed = event.streamed
        self._head = bytearray() if event.streamed else b""

    @property
    def client(self) -> str:
        return self._link.client

    @property
    def group_id(self) -> int:
        return self._link.group.group_id

    # -- what the connection tells

    def stub(self, event: Stub) -> None:
        if self.answered:
            return
        try:
            if self._incoming is not None:
                self._incoming.feed(event.data, event.last)
            elif not self._streamed:
                self._begin(event.data if isinstance(event.data, bytes) else bytes(event.data), True)
            elif self._task is None:
                self._prefix(event)
        except NdrError as error:
            self._bad_data(error)

    def parts(self, parts: list[memoryview]) -> None:
        while parts and self._incoming is None and not self.answered:
            self.stub(Stub(self.call_id, parts.pop(0), False, False, self._order))
        if parts and self._incoming is not None and not self.answered:
            try:
                self._incoming.feed_run(parts)
            except NdrError as error:
                self._bad_data(error)

    def _prefix(self, event: Stub) -> None:
        """Data before the pipes: gather it until it decodes."""
        head = self._head
        head += event.data
        if len(head) > self._link.limits.max_stub:
            raise NdrError(f"the request's ordinary data is longer than {self._link.limits.max_stub} octets")
        if not event.last and len(head) > _TRY_ALWAYS and len(head) < self._tried * 9 // 8:
            # Trying at each arrival would let a client that sends little at a time cost us the square of it.
            if self._retry is None:
                self._retry = self._link.loop.call_later(_TRY_AGAIN, self._try_again)
            return
        self._tried = len(head)
        self._begin(bytes(head), event.last)

    def _try_again(self) -> None:
        self._retry = None
        if self._task is None and not self.answered:
            self._tried = len(self._head)
            try:
                self._begin(bytes(self._head), False)
            except NdrError as error:
                self._bad_data(error)
            self.settle()

    def _begin(self, data: bytes, complete: bool) -> None:
        operation = self.operation
        try:
            codec = self.interface.codecs(self.transfer, self._order, self._link.decoding)[operation.opnum]
            inputs, end = decode_request(codec, operation, data)
        except NdrError as error:
            if not complete and error.truncated:
                return
            self._bad_data(error)
            return
        if not self._link.unbegun and self._method.runs_at_once(self.object, inputs):
            self._run_at_once(inputs)
            return
        wide = bool(operation.pipes) and self.transfer == NDR64
        if operation.in_pipes:
            incoming = self._incoming = Incoming(operation.in_pipes, self._link.limits)
            incoming.open(codec.in_pipes, self._order, wide, end)
            incoming.feed(memoryview(data)[end:], complete)
        if operation.out_pipes:
            outgoing = self._outgoing = Outgoing(operation.out_pipes)
            if self._incoming is not None:
                drained = self._incoming
                outgoing.gate = lambda: drained.drained
            answering = self.interface.codecs(self.transfer, "<", self._link.decoding)[operation.opnum]
            outgoing.open(answering.out_pipes, "<", wide)
        if operation.pipes:
            line = self._line = LoopLine(
                self._link.loop,
                self._incoming,
                self._outgoing,
                self._give_up,
                timeout=self._link.server.silence,
                window=self._link.server.pipe_window,
                backlog=self._link.server.pipe_backlog,
            )
            line.open(self._link, self.call_id)
        self._head = b""
        if self._retry is not None:
            self._retry.cancel()
        self._link.unbegun += 1
        self._task = self._link.loop.create_task(self._run(inputs), name=f"idlrt {operation.name}")
        if self.cancelled:
            self._hurry()

    def _bad_data(self, error: NdrError) -> None:
        _log.warning("bad data from %s for %s: %s", self.client, self.operation.name, error)
        if self._task is None:
            if self.operation.notify:
                self._task = self._link.loop.create_task(self._unread(), name=f"idlrt {self.operation.name}")
            self.fault(RPC_X_BAD_STUB_DATA, executed=False)
        else:
            self._stop(error)

    def settle(self) -> None:
        """The receive buffer is about to be used again."""
        if self._line is not None:
            self._line.settle()

    def wake(self) -> None:
        """The transport has room again."""
        if self._line is not None:
            self._line.wake()

    def cancel(self) -> None:
        """The client sent co_cancel. That tells; only a method that is `cancellable` is disturbed."""
        self._asked = True
        self._set_cancelled()
        self._tell_subscriber(AsyncEvent.CLIENT_CANCEL)
        self._hurry()

    def _hurry(self) -> None:
        if not self._method.cancellable:
            return
        if not self._method.blocking:
            if self._task is not None:
                self._link.loop.call_soon(self._interrupt, self._task)
        elif self._line is not None:
            self._line.impatience = CallCancelled("the client asked to cancel the call")
            self._line.wake()

    def _set_cancelled(self) -> None:
        told, self.cancelled = self.cancelled, True
        if self._cancelling is not None:
            self._cancelling.set()
        if self.when_cancelled is not None and not told:
            self.when_cancelled()

    def lose(self, error: Exception) -> None:
        """The client is gone, or has given the call up.

        A coroutine that waits in a pipe gets `error` there; one that waits for anything else is cancelled, since nobody
        is left for its answer. That of a [maybe] operation goes on: nobody ever wanted one.
        """
        if self._lost:
            return
        self._lost = True
        orphaned = isinstance(error, CallCancelled)
        self._asked |= orphaned
        self._gone = not orphaned
        self.answered = True
        self._set_cancelled()
        if self._line is not None:
            self._line.told = None
        self._stop(error)
        self._tell_subscriber(AsyncEvent.CLIENT_CANCEL if orphaned else AsyncEvent.CLIENT_DISCONNECT)
        if self._task is None:
            self._link.ended(self)
        elif not self._method.blocking and not self.maybe:
            # After the turn in which the task begins, or wakes in its pipe.
            self._link.loop.call_soon(self._interrupt, self._task)

    def _interrupt(self, task: asyncio.Task[None]) -> None:
        """Cancel the method, once, unless a pipe has told it what happened."""
        told = self._line is not None and self._line.told is task
        if self._running and not self._interrupted and not told:
            self._interrupted = True
            task.cancel()

    def _stop(self, error: Exception) -> None:
        if self._error is None:
            self._error = error
        if self._callback is not None and not self._callback.done():
            self._callback.set_exception(error)
        if self._line is not None:
            self._line.fail(error)
        if self._deferral is not None and self._deferral.error is None:
            self._deferral.error = error
            self._tell(AsyncEvent.CALL_COMPLETE)

    def _give_up(self, error: Exception) -> None:
        """A pipe raises what ends the call, whatever the method makes of it; no reply is due any more."""
        silent = isinstance(error, RpcTimeout)  # the client is
        answer = CallCancelled(str(error)) if silent else error
        if self._deferral is None:
            self._failed(answer)
        elif self._deferral.take():
            self.answer(None, answer)
        self._stop(error)
        if self._task is not None and not self._method.blocking:
            self._link.loop.call_soon(self._interrupt, self._task)
        if silent and self._link.full:
            self._link.abort()  # it does not read what it was sent

    def abort(self) -> None:
        """The server stops and does not wait any longer."""
        self._stopped = True
        self._set_cancelled()
        error = CallCancelled("the server stops")
        self._stop(error)
        if self._deferral is not None and not self._running:
            if self._deferral.take():
                self.answer(None, error)
        elif self._task is not None:
            self._link.loop.call_soon(self._task.cancel)  # a task cancelled before its first turn would never end

    async def call_back(self, operation: Operation, inputs: tuple[Any, ...]) -> Any:
        """A call of the client within this one."""
        if self._error is not None:
            raise self._error
        opnum = ~operation.opnum
        codec = self.interface.codecs(self.transfer, "<", self._link.decoding)[opnum]
        stub = encode_request(codec, operation, inputs)
        self._link.call_back(self.call_id, operation.opnum, stub)
        answer = self._callback = self._link.loop.create_future()
        try:
            event = await answer
        finally:
            self._callback = None
        if event.order != "<":
            codec = self.interface.codecs(self.transfer, event.order, self._link.decoding)[opnum]
        return decode_response(codec, operation, event.data, inputs, 0)

    def call_back_and_wait(self, operation: Operation, inputs: tuple[Any, ...]) -> Any:
        return asyncio.run_coroutine_threadsafe(self.call_back(operation, inputs), self._link.loop).result()

    def called_back(self, event: CallbackAnswered | CallbackFault) -> None:
        """The client answered a callback."""
        answer = self._callback
        if answer is None or answer.done():
            return
        if isinstance(event, CallbackFault):
            answer.set_exception(event.error())
        else:
            answer.set_result(event)

    async def until_cancelled(self) -> None:
        if not self.cancelled:
            if self._cancelling is None:
                self._cancelling = asyncio.Event()
            await self._cancelling.wait()

    # -- the method

    def _run_at_once(self, inputs: tuple[Any, ...]) -> None:
        """Run a method that awaits nothing; a task would cost more than everything else about the call."""
        self._inputs = inputs
        coroutine = self._method.function(Call(self), *inputs)
        context = copy_context()
        try:
            try:
                waited_for = context.run(coroutine.send, None)
            except StopIteration as end:
                if self._deferral is None:
                    self._answer(end.value)
            else:  # it waits after all
                rest: Any = _resumed(coroutine, waited_for)
                name = f"idlrt {self.operation.name}"
                self._task = self._link.loop.create_task(self._finish(rest), name=name, context=context)
                return
        except asyncio.CancelledError:
            self._raised(CallCancelled())
        except Exception as error:
            self._raised(error)
        self._running = False
        if self._deferral is None:
            self._listener = self._subscriptions = None
            self._link.ended(self)
        else:
            self._task = self._link.loop.create_task(self._end(), name=f"idlrt {self.operation.name}")

    async def _run(self, inputs: tuple[Any, ...]) -> None:
        link, operation = self._link, self.operation
        link.unbegun -= 1
        locks: list[asyncio.Lock] = []
        called = False
        try:
            if operation.contexts_in:
                inputs, self._handles, locks = await link.group.resolve(operation, inputs)
            self._inputs = inputs
            called = True
            result = await link.server.run(self._method, Call(self), inputs, self._pipes())
            if self._deferral is None:
                self._answer(result)
            del result  # it may be the reply
        except asyncio.CancelledError:
            self._raised(CallCancelled())
        except Exception as error:
            self._raised(error)
        await self._end(locks, called)

    async def _finish(self, rest: Awaitable[Any]) -> None:
        """Run what is left of a method."""
        try:
            result = await rest
            if self._deferral is None:
                self._answer(result)
            del result
        except asyncio.CancelledError:
            self._raised(CallCancelled())
        except Exception as error:
            self._raised(error)
        await self._end()

    async def _end(self, locks: Sequence[asyncio.Lock] = (), called: bool = True) -> None:
        """The method is over; the call is when its answer is no longer due."""
        operation, link = self.operation, self._link
        try:
            self._running = False
            if self._deferral is not None and not self._stopped:
                await asyncio.wait([self._deferral.outcome])
        finally:
            unlock(locks)
            if self._line is not None:
                self._line.discard()
            if operation.notify:
                await self._notify(called)
            if self._deferral is not None:
                self._deferral.outcome.cancel()
            self._listener = self._subscriptions = None
            link.ended(self)

    def _answer(self, result: Any) -> None:
        """Send what the method gave, once its pipes are at their ends."""
        operation, link = self.operation, self._link
        if self._incoming is not None:
            self._incoming.check_drained()
        at = 0
        if self._outgoing is not None:
            self._outgoing.check_closed()
            at = self._outgoing.at & 7
        if operation.contexts_out:
            # Also when nobody waits for the answer any more: a new handle must then be run down.
            link.group.record(operation, self._handles, result, self._service)
        if not self.answered:
            codec = self.interface.codecs(self.transfer, "<", link.decoding)[operation.opnum]
            stub = encode_response(codec, operation, result, self._inputs, at)
            link.send_stub(self.call_id, (*self._end_pipes(), stub), True)

    def _raised(self, error: Exception) -> None:
        """The method's failure is the answer, if no reply was faster."""
        deferral = self._deferral
        if deferral is None:
            self._failed(error)
        elif self._lost and isinstance(error, CallCancelled):
            pass  # it was cancelled because its client has gone; whoever has the reply is still to answer
        elif deferral.take():
            self.answer(None, error)
        elif error is not self._error:
            _log.error("%s raised after its reply had answered", self.operation.name, exc_info=error)

    async def _unread(self) -> None:
        """All that is to do for a request that cannot be decoded."""
        try:
            await self._notify(called=False)
        finally:
            self._link.ended(self)

    async def _notify(self, called: bool) -> None:
        """The hooks of [notify] and [notify_flag]: nothing that the method gave is needed any more."""
        for name, asks in self.operation.notify:
            try:
                await self._link.server.call_hook(getattr(self._service, name), *((called,) if asks else ()))
            except Exception:
                _log.exception("%s failed", name)

    def _pipes(self) -> dict[str, Any]:
        """The pipes by name, for a coroutine or for a thread."""
        if self._line is None:
            return {}
        self.interface.check_pipes()
        line: Any = self._line
        kinds: tuple[Any, Any, Any] = PipeDuplex, PipeReader, PipeWriter
        if self._method.blocking:
            line = _ThreadLine(line, self._link.loop)
            kinds = BlockingPipeDuplex, BlockingPipeReader, BlockingPipeWriter
        duplex, reader, writer = kinds
        inlets = {} if self._incoming is None else {inlet.name: inlet for inlet in self._incoming.inlets}
        outlets = {} if self._outgoing is None else {outlet.name: outlet for outlet in self._outgoing.outlets}
        made: dict[str, Any] = {}
        for name in self.operation.pipes:
            if name in inlets and name in outlets:
                made[name] = duplex(line, inlets[name], outlets[name])
            elif name in inlets:
                made[name] = reader(line, inlets[name])
            else:
                made[name] = writer(line, outlets[name])
        return made

    def _end_pipes(self) -> list[Octets]:
        """The answer begins; what was pushed and gathered goes before it."""
        self.answered = True
        if self._line is None:
            return []
        parts = self._line.unsent()
        self._line.end()
        return parts

    def _failed(self, error: Exception) -> None:
        if self.answered:
            if error is not self._error and not isinstance(error, _STATUSES):
                _log.exception("%s failed after its client %s had gone", self.operation.name, self.client)
            return
        misread = self._incoming is not None and error is self._incoming.error
        if isinstance(error, NdrError) and (misread or error is self._error):
            self.fault(RPC_X_BAD_STUB_DATA)
            return
        status, executed = fault_from_error(error)
        if isinstance(error, _STATUSES):
            _log.debug("%s answers with a fault: %s", self.operation.name, error)
        elif status == NCA_FAULT_UNSPEC:
            # No text and no type leaves the server.
            _log.error("%s failed", self.operation.name, exc_info=error)
        self.fault(status, executed=executed)

    def fault(self, status: int, *, executed: bool = True) -> None:
        """Answer with a fault, unless there was an answer."""
        if not self.answered:
            due = self._line is not None and self._line.flushing
            parts = self._end_pipes()
            if parts or due:
                self._link.send_stub(self.call_id, parts, False)
            self._link.fault(self.call_id, status, executed)
        if self._task is None:
            self._link.ended(self)

    # -- the MIDL form: `reply.Deferred`, and what `Call` shows

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        return self._link.loop

    def defer(self) -> Deferral:
        if self._deferral is not None:
            raise InvalidAsyncCall(f"the answer of {self.operation.name} was deferred before")
        if not self._running:
            raise InvalidAsyncCall(f"the call of {self.operation.name} was answered already")
        deferral = self._deferral = Deferral(self)
        deferral.error = self._error
        return deferral

    def check_pipes(self) -> None:
        if not self.answered:
            if self._incoming is not None:
                self._incoming.check_drained()
            if self._outgoing is not None:
                self._outgoing.check_closed()

    def answer(self, result: Any, error: Exception | None) -> None:
        deferral = self._deferral
        assert deferral is not None
        if self.ended or deferral.outcome.done():
            return
        try:
            if error is not None:
                raise error
            self._answer(result)
        except Exception as failure:
            self._failed(failure)
            deferral.outcome.set_exception(failure)
            deferral.outcome.exception()  # whether anybody awaits it or not
        else:
            deferral.outcome.set_result(result)

    def forgotten(self) -> None:
        if not self.answered:
            _log.error(
                "%s deferred its answer, and nobody is left who could complete or abort the call of %s",
                self.operation.name,
                self.client,
            )
        self.answer(None, RpcFault(NCA_FAULT_UNSPEC))

    def listen(self, listener: Listener | None) -> None:
        self._listener = listener
        if self._line is not None:
            self._line.tell = None if listener is None else self._tell
        if self._error is not None:
            self._link.loop.call_soon_threadsafe(self._tell, AsyncEvent.CALL_COMPLETE)

    def _tell(self, event: AsyncEvent) -> None:
        if self._listener is not None:
            self._link.loop.call_soon(self._deliver, self._listener, event)

    def _deliver(self, listener: Listener, event: AsyncEvent) -> None:
        if self._line is None or not self._line.reported:  # else the program has the failure
            listener(event)

    def test_cancel(self) -> int:
        answered = self.answered and not self._lost
        if self.ended or answered or (self._deferral is not None and self._deferral.taken):
            return RPC_S_NO_CALL_ACTIVE
        return RPC_S_OK if self.cancelled else RPC_S_CALL_IN_PROGRESS

    def subscribe(self, event: AsyncEvent, notify: Notification[Call]) -> None:
        with _subscribing:
            if self._subscriptions is None:
                self._subscriptions = Subscriptions()
        self._subscriptions.add(event, notify)
        if self._asked if event is AsyncEvent.CLIENT_CANCEL else self._gone:
            self._link.loop.call_soon_threadsafe(self._tell_subscriber, event)

    def unsubscribe(self, event: AsyncEvent) -> int:
        return 0 if self._subscriptions is None else self._subscriptions.remove(event)

    def _tell_subscriber(self, event: AsyncEvent) -> None:
        if self._subscriptions is not None:
            notifier = self._subscriptions.take(event)
            if notifier is not None:
                self._link.loop.call_soon(notifier.tell, Call(self), event)


class _ThreadLine:
    """The line of pipes that a plain method works from its thread: each use goes through the loop."""

    __slots__ = ("_line", "_loop")

    def __init__(self, line: LoopLine, loop: asyncio.AbstractEventLoop) -> None:
        self._line = line
        self._loop = loop

    def pull(self, inlet: Inlet, most: int | None, form: Form = None) -> Any:
        return self._run(self._line.pull(inlet, most, form))

    def push(self, outlet: Outlet, block: Any) -> None:
        self._run(self._line.push(outlet, block))

    def pull_nowait(self, inlet: Inlet, most: int | None, form: Form = None) -> Any:
        async def pull() -> Any:
            return self._line.pull_nowait(inlet, most, form)

        return self._run(pull())

    def push_nowait(self, outlet: Outlet, block: Any) -> None:
        async def push() -> None:
            self._line.push_nowait(outlet, block)

        self._run(push())

    def _run(self, use: Coroutine[Any, Any, Any]) -> Any:
        try:
            running = asyncio.run_coroutine_threadsafe(use, self._loop)
        except RuntimeError:  # the loop was closed; the call had ended with its server
            use.close()
            raise self._line.error or lost(None) from None
        return running.result()


@coroutine
def _resumed(begun: Coroutine[Any, Any, Any], waited_for: Any) -> Generator[Any, Any, Any]:
    """The rest of a coroutine that was begun outside a task, and waits."""
    try:
        while True:
            try:
                value = yield waited_for
            except BaseException as error:
                waited_for = begun.throw(error)
            else:
                waited_for = begun.send(value)
    except StopIteration as end:
        return end.value


def lost(reason: Exception | None) -> ConnectionLost:
    """What pipes raise when the client's connection is gone."""
    return ConnectionLost(f"the client closed the connection{f': {reason}' if reason is not None else ''}")
