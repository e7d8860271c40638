"""Objects of other exporters: their proxies' one end, references held for them, and the way to where they live.

A reference names an exporter by its OXID and says which resolver knows it. Nothing is asked before a proxy is used for
the first time, or its references go back: then the resolver says where the exporter listens (MS-DCOM 3.2.4.1).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Generator
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID
from weakref import WeakValueDictionary, finalize

from idlrt.com.context import causality, logical_thread, new_thread
from idlrt.com.hresult import (
    E_NOINTERFACE,
    RPC_E_CALL_CANCELED,
    RPC_E_DISCONNECTED,
    RPC_E_INVALID_IPID,
    RPC_E_INVALID_OBJECT,
    RPC_E_WRONG_THREAD,
    HResultError,
    NoInterface,
    failed,
)
from idlrt.com.interfaces import IUnknown
from idlrt.com.objref import NO_PING, Bindings, StandardReference
from idlrt.com.proxy import Remote
from idlrt.dcom.marshal import NOTHING_GIVEN, Given, NeedsFirst, enter, leave
from idlrt.dcom.orpc import (
    COPIED,
    MINOR,
    NOTHING,
    ObjectInterface,
    get_that,
    interface_of,
    plain_this,
    rest,
)
from idlrt.dcom.rem_unknown import REFERENCES, referred
from idlrt.errors import (
    BindRefused,
    CallCancelled,
    ConnectError,
    NdrError,
    RpcError,
    RpcFault,
    win32_status,
)
from idlrt.ids import Order
from idlrt.prelude.ms_dcom import REMINTERFACEREF, IRemUnknown, RemQueryInterfaceResult
from idlrt.rpc.codecs import decode_response, encode_request

if TYPE_CHECKING:
    from idlrt.dcom.exporter import Exporter
    from idlrt.rpc import Channel
    from idlrt.rpc.exchange import Exchange

_log = logging.getLogger("idlrt.dcom")

REM_UNKNOWN: Final = interface_of(IRemUnknown)
MOST_RELEASES: Final = 500
"""Interfaces that are given back in one call."""

_GONE: Final = {RPC_E_INVALID_IPID, RPC_E_INVALID_OBJECT}


@dataclass(frozen=True, slots=True)
class Resolved:
    """What a resolver knows of an exporter: where it listens, its IRemUnknown, the version and level that it wants."""

    bindings: Bindings
    rem_unknown: UUID
    minor: int = MINOR
    authn_hint: int = 1


class Held:
    """References to one interface that are ours to use, to give away and to give back."""

    __slots__ = ("ipid", "references")

    def __init__(self, ipid: UUID, references: int) -> None:
        self.ipid = ipid
        self.references = references


class RemoteObject(Remote):
    """An object of another exporter."""

    def __init__(self, exporter: RemoteExporter, oid: int, flags: int) -> None:
        super().__init__()
        self.exporter = exporter
        self.oid = oid
        self.flags = flags
        self.held: dict[int, Held] = {}
        """By the number that the IID is."""
        finalize(self, exporter.forgotten, oid, self.held).atexit = False

    def take(self, iid: UUID, reference: StandardReference) -> None:
        """The references that came with one are ours."""
        held = self.held.get(iid.int)
        if held is None or held.ipid != reference.ipid:
            if held is not None and held.references:  # one interface under two names: the older one goes
                self.exporter.give_back(held)
            self.held[iid.int] = Held(reference.ipid, reference.public_refs)
        else:
            held.references += reference.public_refs

    def refer(self, iid: UUID, given: Given) -> StandardReference:
        """References to give away, at most half of what is held; NeedsFirst if there are none to spare."""
        held = self.held.get(iid.int)
        if held is None:
            raise NeedsFirst(lambda: self.need(iid))
        if held.references < 2:
            raise NeedsFirst(lambda: self.exporter.add_references(held))
        count = held.references // 2
        held.references -= count

        def back() -> None:
            held.references += count

        given.note(back)
        return StandardReference(self.exporter.oxid, self.oid, held.ipid, count, self.flags)

    async def need(self, iid: UUID) -> Held:
        """The interface, asked for if it is not held."""
        held = self.held.get(iid.int)
        if held is None:
            if not self.held:
                raise HResultError(RPC_E_DISCONNECTED, "all references to the object were released")
            known = next(iter(self.held.values()))
            self.take(iid, await self.exporter.query(known.ipid, iid))
            held = self.held[iid.int]
        return held

    # -- what proxies ask

    def call(self, interface: type[IUnknown], opnum: int, inputs: tuple[Any, ...]) -> Coroutine[Any, Any, Any]:
        known: ObjectInterface = interface.__dict__.get("_object_interface") or interface_of(interface)
        held = self.held.get(known.number)
        if held is None:
            return self._ask_and_call(known, opnum, inputs)
        return self.exporter.call(known, opnum, held.ipid, inputs)

    async def _ask_and_call(self, known: ObjectInterface, opnum: int, inputs: tuple[Any, ...]) -> Any:
        held = await self.need(known.iid)
        return await self.exporter.call(known, opnum, held.ipid, inputs)

    def begin(self, interface: type[IUnknown], opnum: int, inputs: tuple[Any, ...]) -> Begun:
        known = interface_of(interface)
        return Begun(self, known, opnum, inputs)

    async def query(self, interface: type[IUnknown]) -> None:
        await self.need(interface.IID)

    def release(self, interface: type[IUnknown]) -> None:
        if interface.IID.int in self.held and (len(self.held) > 1 or not len(self._proxies)):
            # The last one stays while there are proxies: other interfaces are asked for by it.
            self.exporter.give_back(self.held.pop(interface.IID.int))
        if not len(self._proxies):
            while self.held:
                self.exporter.give_back(self.held.popitem()[1])
            self.exporter.let_go(self)

    def __repr__(self) -> str:
        return f"object {self.oid:016x} of exporter {self.exporter.oxid:016x}"


class Begun:
    """A call that goes on whether or not somebody waits."""

    def __init__(
        self,
        remote: RemoteObject,
        interface: ObjectInterface,
        opnum: int,
        inputs: tuple[Any, ...],
    ) -> None:
        self._exporter = exporter = remote.exporter
        exporter.check_thread()
        self._interface = interface
        self._opnum = opnum
        self._inputs = inputs
        self._cid = logical_thread()
        self._given = Given()
        self._exchange: Exchange | None = None
        self._cancelled = False
        self._remote = remote  # its references are needed until the answer
        self._stub: bytes | bytearray | None = None
        held = remote.held.get(interface.number)
        try:
            self._stub = exporter.parameters(interface, opnum, inputs, self._given)
        except NeedsFirst:
            held = None
        if held is not None and exporter.channel is not None and exporter.resolved is not None:
            self._send(held, exporter.channel, exporter.resolved.minor)
            self._starting = None
        else:
            self._starting = asyncio.get_running_loop().create_task(self._start(), name="idlrt begun call")
        self._outcome: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._running = asyncio.get_running_loop().create_task(self._wait(), name="idlrt call")
        self._running.add_done_callback(self._ended)

    async def _start(self) -> None:
        exporter = self._exporter
        held = await self._remote.need(self._interface.iid)
        channel, minor = await exporter.reach()
        if self._stub is None:
            self._stub = await exporter.parameters_in_time(self._interface, self._opnum, self._inputs, self._given)
        if not self._cancelled:
            self._send(held, channel, minor)

    def _send(self, held: Held, channel: Channel, minor: int) -> None:
        assert self._stub is not None
        whole = self._interface.whole
        stub = plain_this(self._cid, minor) + self._stub
        self._exchange = channel.begin(whole, whole.by_opnum[self._opnum], (stub,), (), held.ipid, None)
        if self._cancelled:
            self._exchange.cancel(None)

    async def _wait(self) -> Any:
        try:
            if self._starting is not None:
                await self._starting
            if self._exchange is None:
                raise HResultError(RPC_E_CALL_CANCELED)
            received = await self._exchange.complete()
        except NdrError:
            raise
        except RpcError as error:
            if self._exchange is None or not sent(error):
                self._given.take_back()
            raise as_hresult(error) from error
        return self._exporter.result(received, self._interface, self._opnum, self._inputs)

    def _ended(self, running: asyncio.Task[Any]) -> None:
        error = HResultError(RPC_E_CALL_CANCELED) if running.cancelled() else running.exception()
        if self._outcome.done():
            return
        if error is None:
            self._outcome.set_result(running.result())
        else:
            self._outcome.set_exception(error)
            self._outcome.exception()  # whether anybody looks at it or not

    def __await__(self) -> Generator[Any, None, Any]:
        return asyncio.shield(self._outcome).__await__()

    def cancel(self) -> None:
        self._cancelled = True
        if self._exchange is not None:
            self._exchange.cancel(None)

    def abandon(self) -> None:
        if not self._outcome.done():
            self._outcome.set_exception(HResultError(RPC_E_CALL_CANCELED))
            self._outcome.exception()
        if self._exchange is not None and self._cancelled:
            self._exchange.cancel(0)  # otherwise the method runs to its end


class RemoteExporter:
    """Another exporter, as one of ours sees it."""

    def __init__(
        self,
        home: Exporter,
        oxid: int,
        resolver: Bindings,
        resolved: Resolved | None = None,
    ) -> None:
        self.home = home
        self.oxid = oxid
        self.resolver = resolver
        self.resolved = resolved
        self.channel: Channel | None = None
        self.objects: WeakValueDictionary[int, RemoteObject] = WeakValueDictionary()
        self._loop = asyncio.get_running_loop()
        self._opening: asyncio.Task[None] | None = None
        self._released: dict[UUID, int] = {}
        self._releasing: asyncio.Task[None] | None = None

    def object(self, reference: StandardReference) -> RemoteObject:
        """The object that a reference names; one for each OID while there are proxies of it."""
        found = self.objects.get(reference.oid)
        if found is None:
            found = self.objects[reference.oid] = RemoteObject(self, reference.oid, reference.flags & NO_PING)
        if not found.held and not found.flags:  # it is new, or was released
            self.home.pinger.add(self.resolver, reference.oid)
        return found

    # -- calls

    async def call(
        self,
        interface: ObjectInterface,
        opnum: int,
        ipid: UUID,
        inputs: tuple[Any, ...],
    ) -> Any:
        """Call a method of an interface, and wait for its result."""
        if asyncio.get_running_loop() is not self._loop:
            self.check_thread()
        channel, resolved = self.channel, self.resolved
        if channel is None or resolved is None:
            channel, minor = await self.reach()
        else:
            minor = resolved.minor
        operation, codec = interface.operations[opnum], interface.usual[opnum]
        given = Given()
        before = enter((self.home, given))
        try:
            try:
                stub = encode_request(codec, operation, inputs)
            except BaseException:
                given.take_back()
                raise
            finally:
                leave(before)
        except NeedsFirst:
            stub = await self.parameters_in_time(interface, opnum, inputs, given)
        whole = interface.whole
        octets = plain_this(causality.get() or new_thread(), minor) + stub
        try:
            data, order = await channel.call(whole, whole.by_opnum[opnum], (octets,), ipid, channel.timeout)
        except RpcError as error:
            if not sent(error):
                given.take_back()
            raise as_hresult(error) from error
        size = len(data)
        usual = order == "<" and 12 <= size < COPIED and data[:8] == NOTHING and self.home.decoding is None
        if not usual or data[-1] & 0x80:
            return self.result((data, order), interface, opnum, inputs)
        before = enter((self.home, NOTHING_GIVEN))
        try:
            result = decode_response(codec, operation, data[8:], inputs, 0)
        finally:
            leave(before)
        return result[0] if operation.retval else result

    def parameters(
        self,
        interface: ObjectInterface,
        opnum: int,
        inputs: tuple[Any, ...],
        given: Given,
    ) -> bytes | bytearray:
        """The octets of a method's parameters; NeedsFirst, NdrError, HResultError."""
        before = enter((self.home, given))
        try:
            return encode_request(interface.usual[opnum], interface.operations[opnum], inputs)
        except BaseException:
            given.take_back()
            raise
        finally:
            leave(before)

    async def parameters_in_time(
        self,
        interface: ObjectInterface,
        opnum: int,
        inputs: tuple[Any, ...],
        given: Given,
    ) -> bytes | bytearray:
        """The same, once everything that it needs is there."""
        while True:
            try:
                return self.parameters(interface, opnum, inputs, given)
            except NeedsFirst as needs:
                await needs.first()

    def result(
        self,
        received: tuple[bytes | bytearray | memoryview, Order],
        interface: ObjectInterface,
        opnum: int,
        inputs: tuple[Any, ...],
    ) -> Any:
        """What a method gave; a failing HRESULT is the last of its octets, and nothing else is read then."""
        data, order = received
        at = 8 if data[:8] == NOTHING else get_that(data, order)[1]
        if len(data) < at + 4:
            raise NdrError("the answer has no HRESULT", offset=len(data), truncated=True)
        hresult = int.from_bytes(data[-4:], "little" if order == "<" else "big")
        if hresult & 0x80000000:
            raise HResultError(hresult)
        limits, operation = self.home.decoding, interface.operations[opnum]
        codec = interface.usual[opnum] if limits is None and order == "<" else interface.codec(opnum, order, limits)
        before = enter((self.home, NOTHING_GIVEN))
        try:
            result = decode_response(codec, operation, rest(data, at), inputs, 0)
        finally:
            leave(before)
        return result[0] if operation.retval else result

    # -- references

    async def query(self, ipid: UUID, iid: UUID) -> StandardReference:
        """References to another interface of an object; NoInterface if it has none."""
        await self.reach()
        assert self.resolved is not None
        rem_unknown = self.resolved.rem_unknown
        answer: RemQueryInterfaceResult = await self.call(REM_UNKNOWN, 3, rem_unknown, (ipid, REFERENCES, 1, [iid]))
        if not answer.ppQIResults:
            raise NoInterface(E_NOINTERFACE)
        (found,) = answer.ppQIResults
        if failed(found.hResult):
            raise HResultError(found.hResult)
        return referred(found.std)

    async def add_references(self, held: Held) -> None:
        """More references, to give away."""
        await self.reach()
        assert self.resolved is not None
        wanted = REMINTERFACEREF(held.ipid, REFERENCES, 0)
        answer = await self.call(REM_UNKNOWN, 4, self.resolved.rem_unknown, (1, [wanted]))
        (code,) = answer.pResults
        if failed(code):
            raise HResultError(code)
        held.references += REFERENCES

    def let_go(self, remote: RemoteObject) -> None:
        """The program has released the object, though it may still have released proxies: nobody pings for it."""
        if self.objects.get(remote.oid) is remote:
            self.home.pinger.discard(self.resolver, remote.oid)

    def forgotten(self, oid: int, held: dict[int, Held]) -> None:
        """There is no proxy of the object any more; in any thread."""
        with suppress(RuntimeError):  # the loop is closed, and with it everything
            self._loop.call_soon_threadsafe(self._forget, oid, held)

    def _forget(self, oid: int, held: dict[int, Held]) -> None:
        if oid not in self.objects:
            self.home.pinger.discard(self.resolver, oid)
        for each in held.values():
            self.give_back(each)
        self.home.rested(self)

    def give_back(self, held: Held) -> None:
        """Release references, together with others that are released now."""
        if held.references:
            self._released[held.ipid] = self._released.get(held.ipid, 0) + held.references
            held.references = 0
        if self._releasing is None:
            self._releasing = self._loop.create_task(self._release(), name="idlrt RemRelease")
            self._releasing.add_done_callback(self._rested)

    def _rested(self, task: asyncio.Task[None]) -> None:
        self._releasing = None
        self.home.rested(self)

    async def _release(self) -> None:
        while self._released:
            released = list(self._released.items())[:MOST_RELEASES]
            for ipid, _ in released:
                del self._released[ipid]
            references = [REMINTERFACEREF(ipid, count, 0) for ipid, count in released]
            try:
                await self.reach()
                assert self.resolved is not None
                await self.call(
                    REM_UNKNOWN,
                    5,
                    self.resolved.rem_unknown,
                    (len(references), references),
                )
            except RpcError as error:
                _log.debug(
                    "references of exporter %016x were not released: %s",
                    self.oxid,
                    error,
                )

    async def released(self) -> None:
        """Wait until what was given back has arrived."""
        while self._releasing is not None:
            await asyncio.wait([self._releasing])

    @property
    def busy(self) -> bool:
        """Whether anybody needs it."""
        return bool(len(self.objects) or self._releasing is not None or self._opening is not None)

    # -- the way there

    async def reach(self) -> tuple[Channel, int]:
        """A channel to the exporter, and the version of the protocol that it speaks; asked and opened when needed."""
        self.check_thread()
        while self.channel is None or self.resolved is None:
            if self._opening is None:
                self._opening = self._loop.create_task(self._open(), name="idlrt resolve")
            opening = self._opening
            await asyncio.wait([opening])
            if self._opening is opening:
                self._opening = None
            error = opening.exception()
            if error is not None:
                raise as_hresult(error) if isinstance(error, RpcError) else error
        return self.channel, self.resolved.minor

    async def _open(self) -> None:
        if self.resolved is None:
            self.resolved = await self.home.resolve_oxid(self.oxid, self.resolver)
        self.channel = await self.home.connect(self.resolved.bindings)

    def check_thread(self) -> None:
        """Raise RPC_E_WRONG_THREAD on any loop but the one whose objects and proxies these are."""
        if asyncio.get_running_loop() is not self._loop:
            raise HResultError(
                RPC_E_WRONG_THREAD,
                "a proxy was used in another event loop than its own",
                help="com.AgileReference takes pointers from one to another; threads use the apartment's wait()",
            )

    async def close(self) -> None:
        """Close the connections; whoever still calls fails."""
        if self._opening is not None:
            self._opening.cancel()
        if self._releasing is not None:
            self._releasing.cancel()
        if self.channel is not None:
            await self.channel.close()
            self.channel = None


# ---------------------------------------------------------------------------- errors


def sent(error: RpcError) -> bool:
    """Whether the peer may have got what the call gave away."""
    return not isinstance(error, BindRefused | ConnectError)


def as_hresult(error: RpcError) -> HResultError:
    """A failed call as COM's callers know it: an HRESULT in a fault is that, any other status is a Win32 error."""
    if isinstance(error, HResultError):
        return error
    if isinstance(error, CallCancelled):
        return HResultError(RPC_E_CALL_CANCELED)
    status = getattr(error, "status", None)
    if not isinstance(status, int):
        return HResultError(0x8001FFFF, str(error))
    if isinstance(error, RpcFault):
        if failed(status):
            return HResultError(RPC_E_DISCONNECTED if status in _GONE else status)
        status = win32_status(status)
    return HResultError(0x80070000 | status & 0xFFFF, error.message, help=error.help)
