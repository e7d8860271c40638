"""Calls from one apartment of a process to another: proxies here, the object and its stub there.

Parameters are marshalled as they are for another machine, so that both sides have values of their own, by the same
rules; only a pointer travels as a number, and the object it is to stays where it is.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Generator
from typing import Any, Final, Generic
from uuid import UUID
from weakref import WeakValueDictionary, finalize

from idlrt.com.apartment import Apartment
from idlrt.com.blanket import Blanket
from idlrt.com.context import CallContext, logical_thread
from idlrt.com.hresult import (
    REGDB_E_IIDNOTREG,
    RPC_E_DISCONNECTED,
    RPC_E_SERVER_DIED,
    RPC_E_SERVERFAULT,
    CallCanceled,
    Disconnected,
    HResultError,
    NoInterface,
)
from idlrt.com.interfaces import I, IUnknown, class_of
from idlrt.com.methods import Methods
from idlrt.com.objects import identity
from idlrt.com.outgoing import current_owner
from idlrt.com.proxy import Proxy, Remote
from idlrt.com.stub import methods_of, serve
from idlrt.errors import RpcError
from idlrt.ids import NDR20
from idlrt.ndr import OperationCodec, interfaces
from idlrt.rpc.codecs import decode_request, decode_response, encode_request, encode_response
from idlrt.rpc.interface import Operation

_log = logging.getLogger("idlrt.com")
_NUMBER: Final = 4
"""Octets of a pointer's number; no reference to an object is that short."""


class Passage:
    """A pointer on its way between apartments: the object, where it lives, and the interface that is meant."""

    __slots__ = ("home", "interface", "pointer")

    def __init__(self, pointer: IUnknown, interface: type[IUnknown]) -> None:
        self.interface = interface
        if isinstance(pointer, Proxy) and isinstance(pointer._remote, Elsewhere):
            self.home = pointer._remote.home
            self.pointer = pointer._remote.pointer(pointer.INTERFACE)
        else:
            self.home = Apartment.current()
            self.pointer = pointer

    def arrive(self) -> IUnknown:
        """The pointer as it is of use in this apartment: itself at home, else a proxy."""
        here = Apartment.current()
        if here is self.home:
            self.pointer.AddRef()
            return self.pointer
        return Elsewhere.of(self.pointer, self.interface, self.home, here).proxy(self.interface)


class AgileReference(Generic[I]):
    """A pointer that may be kept anywhere and passed to any thread, to be resolved where it is used.

    Args:
        pointer: of use in the running apartment. interface: which of its interfaces is meant.

    Source: RoGetAgileReference, IAgileReference.
    """

    __slots__ = ("_passage",)

    def __init__(self, pointer: IUnknown, interface: Callable[..., I]) -> None:
        self._passage = Passage(pointer, class_of(interface))

    def resolve(self) -> I:
        """The object in its own apartment, in others a proxy of it. Called on the loop of the apartment."""
        found: Any = self._passage.arrive()
        return found  # type: ignore[no-any-return]


class Pointers:
    """The pointers of one stub, by their numbers."""

    __slots__ = ("_passages",)

    def __init__(self) -> None:
        self._passages: list[Passage] = []

    def leave(self, value: Any, wanted: UUID | None) -> bytes:
        if not isinstance(value, IUnknown):
            raise TypeError(f"{value!r} is no object")
        own = value.INTERFACE if isinstance(value, Proxy) else IUnknown
        self._passages.append(Passage(value, own if wanted is None else class_of(wanted)))
        return (len(self._passages) - 1).to_bytes(_NUMBER, "little")

    def arrive(self, octets: bytes, wanted: UUID | None) -> Any:
        if len(octets) != _NUMBER:
            return octets
        return self._passages[int.from_bytes(octets, "little")].arrive()


class Elsewhere(Remote):
    """An object of another apartment of this process."""

    def __init__(self, home: Apartment, owner: object) -> None:
        super().__init__()
        self.home = home
        self._owner = owner  # by whose id this one is known
        self._pointers: dict[UUID, IUnknown] = {}
        """What is referred to there, by IID; each is a reference that counts."""
        finalize(self, _give_back, home, self._pointers).atexit = False

    @classmethod
    def of(cls, pointer: IUnknown, interface: type[IUnknown], home: Apartment, here: Apartment) -> Elsewhere:
        """The one for an object, as long as there are proxies of it here."""
        owner = pointer._remote if isinstance(pointer, Proxy) else identity(pointer)
        known = here.__dict__.setdefault("_elsewhere", WeakValueDictionary())
        found: Elsewhere | None = known.get(id(owner))
        if found is None:
            found = known[id(owner)] = cls(home, owner)
        if interface.IID not in found._pointers:
            found._pointers[interface.IID] = pointer
            home.run_soon(pointer.AddRef)
        return found

    def pointer(self, interface: type[IUnknown]) -> IUnknown:
        """The object's own pointer, for use at its home."""
        found = self._pointers.get(interface.IID) or next(iter(self._pointers.values()), None)
        if found is None:
            raise Disconnected(message="all proxies of the object were released")
        return found

    def release(self, interface: type[IUnknown]) -> None:
        pointer = self._pointers.pop(interface.IID, None)
        if pointer is not None:
            self.home.run_soon(pointer.Release)

    async def call(self, interface: type[IUnknown], opnum: int, inputs: tuple[Any, ...]) -> Any:
        made = self.begin(interface, opnum, inputs)
        try:
            return await made
        except asyncio.CancelledError:
            made.cancel()
            made.abandon()
            raise

    def begin(self, interface: type[IUnknown], opnum: int, inputs: tuple[Any, ...]) -> Crossing:
        return Crossing(self, interface, opnum, inputs)

    async def query(self, interface: type[IUnknown]) -> None:
        if interface.IID in self._pointers:
            return
        if interface.IID != IUnknown.IID and not methods_of(interface):
            raise NoInterface(message=f"{interface.__name__} has no methods that can be called from elsewhere")
        home, pointer = self.home, self.pointer(interface)

        async def ask() -> IUnknown:
            return await pointer.QueryInterface(interface)

        self._pointers[interface.IID] = await _Asked(home, ask).answer

    def protect(self, blanket: Blanket) -> None:
        """Nobody else hears what is said within a process."""

    def __repr__(self) -> str:
        return f"{self._owner!r} in {self.home!r}"


def _give_back(home: Apartment, pointers: dict[UUID, IUnknown]) -> None:
    """Nobody has a proxy of an object any more; in any thread."""
    for pointer in pointers.values():
        home.run_soon(pointer.Release)


class Crossing:
    """A call to another apartment."""

    def __init__(self, remote: Elsewhere, interface: type[IUnknown], opnum: int, inputs: tuple[Any, ...]) -> None:
        try:
            self._methods, self._operation = methods_of(interface)[opnum]
        except KeyError:
            raise HResultError(REGDB_E_IIDNOTREG, f"{interface.__name__} has no method {opnum} to call") from None
        self._remote = remote
        self._inputs = inputs
        self._context = CallContext(interface, opnum, causality=logical_thread(), caller=current_owner())
        codec = codec_of(self._methods, self._operation)
        sent = Pointers()
        with interfaces.using(sent.leave, sent.arrive):
            stub = encode_request(codec, self._operation, inputs)
        self._asked = _Asked(remote.home, lambda: self._served(stub, sent))
        self._asked.answer.add_done_callback(_looked_at)

    async def _served(self, stub: bytes | bytearray, sent: Pointers) -> tuple[bytes | bytearray, Pointers]:
        """In the object's apartment."""
        operation, context = self._operation, self._context
        codec = codec_of(self._methods, operation)
        with interfaces.using(sent.leave, sent.arrive):
            inputs, _ = decode_request(codec, operation, memoryview(stub))
        try:
            result = await serve(self._remote.pointer(context.interface), context, inputs)
        except RpcError:
            raise
        except Exception as error:
            _log.error("%s failed", operation.name, exc_info=error)
            raise HResultError(RPC_E_SERVERFAULT) from None
        answered = Pointers()
        with interfaces.using(answered.leave, answered.arrive):
            value = (result, 0) if operation.retval else result
            return encode_response(codec, operation, value, inputs, 0), answered

    def __await__(self) -> Generator[Any, None, Any]:
        return self._result().__await__()

    async def _result(self) -> Any:
        answer = self._asked.answer
        await asyncio.wait([answer])
        if answer.cancelled():
            raise CallCanceled
        stub, answered = answer.result()
        codec = codec_of(self._methods, self._operation)
        with interfaces.using(answered.leave, answered.arrive):
            value = decode_response(codec, self._operation, memoryview(stub), self._inputs, 0)
        return value[0] if self._operation.retval else value

    def cancel(self) -> None:
        self._context.cancel()

    def abandon(self) -> None:
        self._asked.stop()


def codec_of(methods: Methods, operation: Operation) -> OperationCodec:
    return methods.codecs(NDR20, "<")[operation.opnum + methods.offset]


def _looked_at(answer: asyncio.Future[Any]) -> None:
    """An answer that nobody waits for is no mistake."""
    if not answer.cancelled():
        answer.exception()


class _Asked:
    """What a coroutine of another apartment comes to."""

    __slots__ = ("_home", "_stopped", "_task", "_work", "answer")

    def __init__(self, home: Apartment, work: Callable[[], Any]) -> None:
        self.answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._home = home
        self._work = work
        self._task: asyncio.Task[Any] | None = None
        self._stopped = False
        try:
            home.post(lambda: home.start(self._run()))
        except RuntimeError as error:
            raise HResultError(RPC_E_DISCONNECTED, "the object's apartment is closed") from error

    async def _run(self) -> None:
        self._task = asyncio.current_task()
        try:
            result = None if self._stopped else await self._work()
        except asyncio.CancelledError:
            self._tell(None, HResultError(RPC_E_SERVER_DIED, "the object's apartment was closed"))
            raise
        except BaseException as error:
            self._tell(None, error)
        else:
            self._tell(result, None)

    def _tell(self, result: Any, error: BaseException | None) -> None:
        try:
            self.answer.get_loop().call_soon_threadsafe(self._settle, result, error)
        except RuntimeError:
            pass  # the caller's apartment is closed

    def _settle(self, result: Any, error: BaseException | None) -> None:
        if self.answer.done():
            return
        if error is None:
            self.answer.set_result(result)
        else:
            self.answer.set_exception(error)

    def stop(self) -> None:
        """Nobody waits any more: the coroutine is cancelled, as it would be if it had been awaited here."""
        self.answer.cancel()
        self._stopped = True
        self._home.run_soon(self._cancel)

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()
