"""An object exporter: the door through which objects of an event loop are called, and by which it calls others.

    async with dcom.Exporter() as here:
        await here.listen("ncacn_ip_tcp:127.0.0.1[0]")
        print(await here.text(Calculator(), ICalculator))

    async with dcom.Exporter() as there:
        calculator = await there.bind(text, ICalculator)
        print(await calculator.Add(1, 2))

One that does not listen is a client; what it gives away is of no use to others. It is the resolver of its own objects,
too, unless it is told where another one is.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from types import TracebackType
from typing import Any, Final, Self, TypeAlias, TypeVar, cast
from uuid import UUID

from idlrt import com, rpc
from idlrt.association import Limits
from idlrt.com.hresult import (
    CO_E_OBJNOTCONNECTED,
    E_NOINTERFACE,
    E_OUTOFMEMORY,
    REGDB_E_CLASSNOTREG,
    HResultError,
    NoInterface,
)
from idlrt.com.interfaces import IUnknown, class_of, iid_of, interfaces_of
from idlrt.com.objects import identity
from idlrt.com.objref import (
    NO_PING,
    Bindings,
    Custom,
    Extended,
    Handler,
    ObjectReference,
    Standard,
    StandardReference,
    StringBinding,
)
from idlrt.com.proxy import Proxy
from idlrt.dcom.activation import Activation, Activator, ClassTable, RemoteSCMActivator, activate, clsid_of
from idlrt.dcom.addresses import RESOLVER_PORT, TOWERS, hosts, rpc_binding
from idlrt.dcom.dispatch import Dispatch
from idlrt.dcom.marshal import Given, NeedsFirst, from_text, to_text
from idlrt.dcom.orpc import (
    interface_of,
)
from idlrt.dcom.ping import EXPIRY, PERIOD, Pinger
from idlrt.dcom.rem_unknown import REFERENCES, RemUnknown
from idlrt.dcom.remote import RemoteExporter, RemoteObject, Resolved, as_hresult
from idlrt.dcom.resolver import Known, Resolver, ping, resolve
from idlrt.dcom.tables import MOST_OBJECTS, Pointer, Stub, Tables
from idlrt.errors import (
    RPC_S_SERVER_UNAVAILABLE,
    NdrError,
    RpcError,
)
from idlrt.ids import NDR20
from idlrt.ndr import for_codecs
from idlrt.prelude.ms_dcom import IRemUnknown, IRemUnknown2
from idlrt.prelude.unknwnbase import IClassFactory
from idlrt.rpc.channel import Channel
from idlrt.rpc.server import Server

_log = logging.getLogger("idlrt.dcom")

I = TypeVar("I", bound=IUnknown)  # noqa: E741

CONTEXTS: Final = 1024
"""Presentation contexts of a connection: some clients take a new one for each interface that they turn to."""

LINGER: Final = 10.0
"""Seconds for which connections to an exporter are kept that nobody holds an object of."""

Connect: TypeAlias = Callable[[rpc.StringBinding], Awaitable[Channel]]
Unmarshaler: TypeAlias = Callable[[bytes, UUID], Any]
"""Makes an object of the data of a custom reference to an interface."""


class Exporter:
    """Objects of the running loop for others, and those of others for it.

    Args:
        services: RPC services that it serves as well.
        resolver_port: where resolvers are whose addresses name no port.
        noping: objects that are exported need no pings, so they live until they are released.
        authn_hint: the authentication level that clients are told to use, 1 for none.
        connect: opens a channel; `rpc.connect` with options for objects, unless given.
        unmarshalers: what to do with custom references, by CLSID.
        period: seconds between pings. expiry: seconds without a ping after which an object is reclaimed.
        now: the time in seconds. linger: seconds for which unused connections are kept.
        most_objects: how many objects it has for others at a time; beyond, E_OUTOFMEMORY.
        limits: of each connection.
    """

    def __init__(
        self,
        services: Iterable[rpc.Service] = (),
        *,
        resolver_port: int = RESOLVER_PORT,
        noping: bool = False,
        authn_hint: int = 1,
        connect: Connect | None = None,
        unmarshalers: dict[UUID, Unmarshaler] | None = None,
        period: float = PERIOD,
        expiry: float = EXPIRY,
        now: Callable[[], float] = time.monotonic,
        linger: float = LINGER,
        most_objects: int = MOST_OBJECTS,
        limits: Limits | None = None,
    ) -> None:
        self.tables = Tables(lifetime=expiry, most=most_objects)
        self.tables.gone = self._gone
        self.limits = limits or Limits(max_contexts=CONTEXTS)
        self.decoding = for_codecs(self.limits)
        self.resolver_port = resolver_port
        self.noping = noping
        self.authn_hint = authn_hint
        self.unmarshalers = dict(unmarshalers or {})
        self.now = now
        self.pinger: Pinger
        self.exporters: dict[int, RemoteExporter] = {}
        """Other exporters, by OXID."""
        self._bindings: list[StringBinding] = []
        self._resolver_bindings: list[StringBinding] = []
        self._connect = connect or _connect
        self._period = period
        self._linger = linger
        self._services = tuple(services)
        self._dispatch = Dispatch(self, self.tables, now, self.decoding)
        own = RemUnknown(self.tables, self._further, now)
        self.rem_unknown = self.tables.add_own(IRemUnknown2, own)
        for kind in (IUnknown, IRemUnknown, IRemUnknown2):
            self._dispatch.offer(kind)
        self.classes = ClassTable()
        """The classes of which others may have objects made."""
        activator = Activator(self)
        self.resolver = Resolver(lambda: self.resolver_bindings, now, expiry)
        self.resolver.add(Known(self.tables, self.rem_unknown.ipid, lambda: self.bindings, authn_hint))
        self.server = Server(
            [self.resolver, RemoteSCMActivator(activator), Activation(activator), *self._services],
            transfers=(NDR20,),
            limits=self.limits,
            finder=self._dispatch.find,
            rebind=True,
        )
        self._loop: asyncio.AbstractEventLoop | None = None
        self._sweeping: asyncio.TimerHandle | None = None
        self._sweep_every = expiry / 3
        self._retiring: dict[int, asyncio.TimerHandle] = {}
        self._closing: set[asyncio.Task[None]] = set()

    @property
    def oxid(self) -> int:
        return self.tables.oxid

    # -- life

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self.pinger = Pinger(self._ping, self._period)
        await self.server.__aenter__()
        self._sweep()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self, grace: float = 1.0) -> None:
        """Give back what is held elsewhere, stop serving, and disconnect all objects.

        Args:
            grace: seconds that others have to take their references back, and running calls to end.
        """
        for exporter in tuple(self.exporters.values()):
            for remote in tuple(exporter.objects.values()):
                for held in remote.held.values():
                    exporter.give_back(held)
                remote.held.clear()
        try:
            async with asyncio.timeout(grace):
                for exporter in tuple(self.exporters.values()):
                    await exporter.released()
        except TimeoutError:
            pass
        self.pinger.close()
        if self._sweeping is not None:
            self._sweeping.cancel()
        for timer in self._retiring.values():
            timer.cancel()
        for exporter in tuple(self.exporters.values()):
            await exporter.close()
        self.exporters.clear()
        self._dispatch.closing = True
        await self.server.stop(grace=grace)
        for stub in self.tables:
            self.tables.remove(stub)
        self._loop = None

    def _check_open(self) -> None:
        if self._loop is None:
            raise RuntimeError("an exporter is of use within its `async with` block only")

    async def listen(self, binding: str | rpc.StringBinding, *, resolver: bool = False) -> str:
        """Serve at an endpoint; returns the binding that plain RPC clients would use.

        Args:
            binding: as for `rpc.Server.listen`; port 0 takes a free one. resolver: references say that the resolver
                is there; without such an endpoint they name the first one.
        """
        bound = rpc.StringBinding.parse(await self.server.listen(binding))
        (tower,) = (number for number, name in TOWERS.items() if name == bound.protseq)
        for host in hosts(bound.netaddr) if tower == 7 else [""]:
            known_port = resolver and bound.endpoint == str(RESOLVER_PORT)
            address = host if known_port else f"{host}[{bound.endpoint}]"
            (self._resolver_bindings if resolver else self._bindings).append(StringBinding(tower, address))
        return str(bound)

    def announce(self, *addresses: str, resolver: tuple[str, ...] = ()) -> None:
        """Name addresses, `host[port]`, under which others reach it over TCP, instead of those it found itself."""
        self._bindings = [StringBinding(7, each) for each in addresses]
        self._resolver_bindings = [StringBinding(7, each) for each in resolver]

    @property
    def bindings(self) -> Bindings:
        """Where it listens."""
        return Bindings(tuple(self._bindings))

    @property
    def resolver_bindings(self) -> Bindings:
        """Where its resolver listens, as references say."""
        return Bindings(tuple(self._resolver_bindings or self._bindings))

    def _sweep(self) -> None:
        """Take what nobody pinged for."""
        self.resolver.expire()
        self._sweeping = asyncio.get_running_loop().call_later(self._sweep_every, self._sweep)

    def _gone(self, stub: Stub) -> None:
        self.resolver.sets.forget(stub.oid)
        stub.identity.Release()

    # -- for programs

    async def reference(self, pointer: IUnknown, interface: type[IUnknown] | UUID | None = None) -> ObjectReference:
        """A reference to a pointer's object, to be passed on to one receiver.

        Args:
            interface: the one that the receiver gets, by default the pointer's own.

        Raises:
            NoInterface: the object does not have it, or it cannot be called from elsewhere.
            HResultError: nobody could reach it, since the exporter does not listen (CO_E_OBJNOTCONNECTED).
        """
        self._check_open()
        iid = interface if interface is None or isinstance(interface, UUID) else interface.IID
        while True:
            try:
                return self.refer(pointer, iid, Given())
            except NeedsFirst as needs:
                await needs.first()

    async def text(self, pointer: IUnknown, interface: type[IUnknown] | UUID | None = None) -> str:
        """The same as a name, `objref:...:`, that people can pass on."""
        return to_text(await self.reference(pointer, interface))

    async def bind(self, name: str | ObjectReference, interface: Callable[..., I]) -> I:
        """The object that a name or a reference stands for, whose references are given up to the caller.

        Raises:
            HResultError: that is no name, the object is gone, does not have the interface, or its exporter cannot be
                reached (RPC_S_SERVER_UNAVAILABLE as an HRESULT).
        """
        self._check_open()
        if not isinstance(name, str | Standard | Handler | Custom | Extended):
            raise TypeError(f"{name!r} is neither a name of an object nor a reference")
        reference = from_text(name) if isinstance(name, str) else name
        iid = iid_of(interface)
        found = self.resolve(reference, iid)
        if isinstance(found, Proxy) and isinstance(found._remote, RemoteObject):
            await found._remote.exporter.reach()
            await found._remote.need(iid)
        return cast(I, found)

    async def create_instance(self, machine: str, clsid: UUID | type[com.Coclass], interface: Callable[..., I]) -> I:
        """A new object of a class of another machine (CoCreateInstanceEx).

        Args:
            machine: where its resolver is, `host` or `host[port]`. clsid: the class, or its generated class.

        Raises:
            HResultError: it was not made, or nobody answers there (RPC_S_SERVER_UNAVAILABLE as an HRESULT).
        """
        (found,) = await self._activate(machine, clsid, (cast(type[IUnknown], interface),), class_object=False)
        return cast(I, found)

    async def class_object(self, machine: str, clsid: UUID | type[com.Coclass]) -> IClassFactory:
        """The class object of a class of another machine (CoGetClassObject)."""
        (found,) = await self._activate(machine, clsid, (IClassFactory,), class_object=True)
        return cast(IClassFactory, found)

    async def _activate(
        self, machine: str, clsid: UUID | type[com.Coclass], interfaces: tuple[type[IUnknown], ...], class_object: bool
    ) -> list[Any]:
        self._check_open()
        where = Bindings((StringBinding(7, machine),))
        identity = clsid_of(clsid)
        channel = await self._open(where, self.resolver_port)
        try:
            iids = [each.IID for each in interfaces]
            resolved, references = await activate(channel, identity, iids, class_object=class_object)
        finally:
            await channel.close()
        made = []
        for interface, reference in zip(interfaces, references, strict=True):
            if isinstance(reference, HResultError):
                raise reference
            oxid = reference.reference.oxid
            if oxid != self.oxid and oxid not in self.exporters:
                self.exporters[oxid] = RemoteExporter(self, oxid, reference.resolver, resolved)
            made.append(self.resolve(reference, interface.IID))
        return made

    def disconnect(self, pointer: IUnknown) -> None:
        """Take an object from all who hold it elsewhere (CoDisconnectObject)."""
        stub = self.tables.stub_of(identity(pointer))
        if stub is not None:
            self.tables.remove(stub)

    # -- what marshalling asks

    def refer(self, value: Any, wanted: UUID | None, given: Given) -> ObjectReference:
        if isinstance(value, Proxy) and isinstance(value._remote, RemoteObject):
            remote = value._remote
            iid = wanted or value.INTERFACE.IID
            return Standard(iid, remote.refer(iid, given), remote.exporter.resolver)
        if not isinstance(value, IUnknown):
            raise TypeError(f"{value!r} is not an object")
        if not self.resolver_bindings.strings:
            raise HResultError(
                CO_E_OBJNOTCONNECTED,
                "nobody could reach the object, since its exporter does not listen",
                help='await exporter.listen("ncacn_ip_tcp:0.0.0.0[0]") first',
            )
        kind = class_of(wanted) if wanted is not None else _first(value)
        pointer = self._pointer(value, kind, REFERENCES)
        given.note(partial(self.tables.release, pointer, REFERENCES))
        return self._standard(pointer, REFERENCES)

    def _pointer(self, value: IUnknown, kind: type[IUnknown], references: int) -> Pointer:
        """References to an interface of a local object; NeedsFirst where that has to be asked for it."""
        whole = identity(value)
        known = self.tables.stub_of(whole)
        target = None
        if known is not None and kind.IID in known.pointers:
            target = known.pointers[kind.IID].target
        elif isinstance(value, kind):
            target = value
        if target is None:
            raise NeedsFirst(partial(self._ask, value, whole, kind))
        return self._export(whole, kind, target, references)

    async def _ask(self, value: IUnknown, whole: IUnknown, kind: type[IUnknown]) -> None:
        target = await value.QueryInterface(kind)
        self._export(whole, kind, target, 0)
        target.Release()

    def _export(self, whole: IUnknown, kind: type[IUnknown], target: Any, references: int) -> Pointer:
        if kind is not IUnknown and not interface_of(kind).operations:
            raise NoInterface(message=f"{kind.__name__} has no methods that could be called from elsewhere")
        new = self.tables.stub_of(whole) is None
        try:
            pointer = self.tables.export(whole, kind, target, references, self.now(), not self.noping)
        except OverflowError as error:
            raise HResultError(E_OUTOFMEMORY, str(error)) from error
        if new:
            whole.AddRef()
        self._dispatch.offer(kind)
        return pointer

    def _standard(self, pointer: Pointer, references: int) -> Standard:
        assert pointer.stub is not None
        flags = 0 if pointer.stub.pinged else NO_PING
        reference = StandardReference(self.oxid, pointer.stub.oid, pointer.ipid, references, flags)
        return Standard(pointer.kind.IID, reference, self.resolver_bindings)

    async def _further(self, pointer: Pointer, iid: UUID, references: int) -> Standard:
        """Another interface of an object, for RemQueryInterface."""
        stub = pointer.stub
        assert stub is not None
        kind = class_of(iid)
        found = stub.pointers.get(iid)
        target = found.target if found is not None else await stub.identity.QueryInterface(kind)
        if found is None:
            target.Release()
        if self.tables.stub(stub.oid) is not stub:  # it went while the object was asked
            raise HResultError(CO_E_OBJNOTCONNECTED)
        return self._standard(self._export(stub.identity, kind, target, references), references)

    def resolve(self, reference: ObjectReference, wanted: UUID | None) -> Any:
        if isinstance(reference, Custom):
            make = self.unmarshalers.get(reference.clsid)
            if make is None:
                raise HResultError(
                    REGDB_E_CLASSNOTREG,
                    f"nothing unmarshals references of class {reference.clsid}",
                )
            return make(reference.data, reference.iid)
        standard = reference.reference
        if standard.oxid == self.oxid:
            return self._own(standard, wanted)
        exporter = self.exporters.get(standard.oxid)
        if exporter is None:
            exporter = self.exporters[standard.oxid] = RemoteExporter(self, standard.oxid, reference.resolver)
        remote = exporter.object(standard)
        remote.take(reference.iid, standard)
        own = class_of(reference.iid)
        kind = own if wanted is None else class_of(wanted)
        return remote.proxy(own if issubclass(own, kind) else kind)

    def _own(self, reference: StandardReference, wanted: UUID | None) -> Any:
        """A reference that has come back."""
        pointer = self.tables.find(reference.ipid)
        if pointer is None or pointer.stub is None:
            raise NoInterface(E_NOINTERFACE, "the object is not exported any more")
        whole = pointer.stub.identity
        self.tables.release(pointer, reference.public_refs)
        kind = IUnknown if wanted is None else class_of(wanted)
        for candidate in (pointer.target, whole):
            if isinstance(candidate, kind):
                return candidate
        raise NoInterface(E_NOINTERFACE)

    # -- what remote exporters ask

    async def resolve_oxid(self, oxid: int, resolver: Bindings) -> Resolved:
        """Where an exporter listens, from its resolver."""
        channel = await self._open(resolver, self.resolver_port)
        try:
            return await resolve(channel, oxid, list(TOWERS))
        except NdrError:
            raise
        except RpcError as error:
            raise as_hresult(error) from error
        finally:
            await channel.close()

    async def connect(self, bindings: Bindings) -> Channel:
        """A channel to an exporter, by the first of its bindings that answers."""
        return await self._open(bindings, None)

    async def _open(self, bindings: Bindings, port: int | None) -> Channel:
        failure: Exception = HResultError(0x80070000 | RPC_S_SERVER_UNAVAILABLE, "nothing says how to get there")
        for each in bindings.strings:
            binding = rpc_binding(each, port)
            if binding is not None:
                try:
                    return await self._connect(binding)
                except RpcError as error:
                    failure = as_hresult(error)
                    failure.__cause__ = error
        raise failure

    async def _ping(
        self,
        resolver: Bindings,
        set_id: int,
        sequence: int,
        added: list[int],
        deleted: list[int],
    ) -> tuple[int, int]:
        channel = await self._open(resolver, self.resolver_port)
        try:
            return await ping(channel, set_id, sequence, added, deleted)
        finally:
            await channel.close()

    def rested(self, exporter: RemoteExporter) -> None:
        """Nothing is under way at another exporter; its connections are closed if that stays so."""
        if exporter.busy or self._loop is None:
            return
        timer = self._retiring.pop(exporter.oxid, None)
        if timer is not None:
            timer.cancel()
        self._retiring[exporter.oxid] = self._loop.call_later(self._linger, self._retire, exporter)

    def _retire(self, exporter: RemoteExporter) -> None:
        self._retiring.pop(exporter.oxid, None)
        # References of what is garbage by now go back before.
        asyncio.get_running_loop().call_soon(self._close_unused, exporter)

    def _close_unused(self, exporter: RemoteExporter) -> None:
        if not exporter.busy and self.exporters.get(exporter.oxid) is exporter:
            del self.exporters[exporter.oxid]
            task = asyncio.get_running_loop().create_task(exporter.close(), name="idlrt close")
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)


async def _connect(binding: rpc.StringBinding) -> Channel:
    return await rpc.connect(binding, causal=False, transfers=(NDR20,), connections=8, cancel_grace=5.0)


def _first(value: IUnknown) -> type[IUnknown]:
    """The interface that stands for an object where nothing else is said."""
    offered = interfaces_of(type(value))
    return next((kind for iid, kind in offered.items() if iid != IUnknown.IID), IUnknown)
