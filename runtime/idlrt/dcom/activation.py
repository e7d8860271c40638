"""Activation: objects made by class id from elsewhere (MS-DCOM 3.1.2.5.2); the class table, both servers, the client.

IRemoteSCMActivator passes properties in a reference, IActivation, which is older, parameters. The methods raise no
faults: what goes wrong is their HRESULT, and everything else is NULL then.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Final, TypeAlias
from uuid import UUID, uuid4

from idlrt import com, rpc
from idlrt.com.hresult import (
    CLASS_E_NOAGGREGATION,
    E_INVALIDARG,
    E_NOINTERFACE,
    E_UNEXPECTED,
    REGDB_E_CLASSNOTREG,
    RPC_E_INVALID_OBJREF,
    RPC_E_VERSION_MISMATCH,
    S_OK,
    HResultError,
    failed,
    signed,
)
from idlrt.com.objref import Standard, decode, encode
from idlrt.dcom import properties
from idlrt.dcom.orpc import MAJOR, MINOR
from idlrt.dcom.remote import Resolved, as_hresult
from idlrt.dcom.resolver import bindings_of, dual_strings
from idlrt.errors import NdrError, RpcError
from idlrt.ids import NIL
from idlrt.prelude.ms_dcom import (
    COMVERSION,
    ORPCTHAT,
    ORPCTHIS,
    ActivationContextInfoData,
    IActivationService,
    InstantiationInfoData,
    IRemoteSCMActivatorClient,
    IRemoteSCMActivatorService,
    LocationInfoData,
    MInterfacePointer,
    PropsOutInfo,
    RemoteActivationResult,
    RemoteCreateInstanceResult,
    RemoteGetClassObjectResult,
    ScmReplyInfoData,
    ScmRequestInfoData,
    customREMOTE_REPLY_SCM_INFO,
    customREMOTE_REQUEST_SCM_INFO,
    decode_InstantiationInfoData,
    decode_PropsOutInfo,
    decode_ScmReplyInfoData,
    encode_ActivationContextInfoData,
    encode_InstantiationInfoData,
    encode_LocationInfoData,
    encode_PropsOutInfo,
    encode_ScmReplyInfoData,
    encode_ScmRequestInfoData,
)
from idlrt.prelude.unknwnbase import CreateInstanceResult, IClassFactory

if TYPE_CHECKING:
    from idlrt.dcom.exporter import Exporter

_log = logging.getLogger("idlrt.dcom")

MOST_INTERFACES: Final = 64
"""Interfaces that an activation may ask for."""

GET_CLASS_OBJECT: Final = 0xFFFFFFFF
"""The mode in which RemoteActivation gives the class object."""

_REMOTE_SERVER: Final = 0x10
_IMPERSONATE: Final = 2

Create: TypeAlias = Callable[[], com.IUnknown | Awaitable[com.IUnknown]]
"""Makes an object of a class, perhaps after a while."""


class ClassFactory(com.Object, IClassFactory):
    """The class object of what a function makes."""

    def __init__(self, create: Create) -> None:
        self._create = create
        self.locks = 0
        """How often LockServer was called to keep the class, more than to let it go."""

    async def CreateInstance(self, riid: UUID) -> CreateInstanceResult:
        """A new object, by one of its interfaces."""
        made = self._create()
        if inspect.isawaitable(made):
            made = await made
        found = await made.QueryInterface(riid)
        made.Release()  # what it was made with; the caller has what was asked for
        return CreateInstanceResult(found)

    async def LockServer(self, fLock: int) -> int:
        self.locks = max(0, self.locks + (1 if fLock else -1))
        return S_OK


def clsid_of(kind: UUID | type[com.Coclass]) -> UUID:
    """The id of a class, given as that or as its generated class; TypeError for anything else."""
    found = kind if isinstance(kind, UUID) else getattr(kind, "CLSID", None)
    if not isinstance(found, UUID):
        raise TypeError(f"{kind!r} is neither a CLSID nor a class that has one")
    return found


class ClassTable:
    """The classes of which others may have objects made, by CLSID."""

    def __init__(self) -> None:
        self._classes: dict[UUID, IClassFactory] = {}

    def register(self, clsid: UUID | type[com.Coclass], create: Create | IClassFactory) -> None:
        """Offer a class (CoRegisterClassObject).

        Args:
            clsid: its id, or its generated class. create: makes an object, or the class object that does.

        Raises:
            ValueError: there is one of that id.
        """
        identity = clsid_of(clsid)
        if identity in self._classes:
            raise ValueError(f"class {identity} is registered already")
        self._classes[identity] = create if isinstance(create, IClassFactory) else ClassFactory(create)

    def revoke(self, clsid: UUID | type[com.Coclass]) -> None:
        """Offer it no more; its objects live on (CoRevokeClassObject)."""
        self._classes.pop(clsid_of(clsid), None)

    def class_object(self, clsid: UUID) -> IClassFactory:
        """The class object of a class.

        Raises:
            HResultError: there is none (REGDB_E_CLASSNOTREG).
        """
        found = self._classes.get(clsid)
        if found is None:
            raise HResultError(REGDB_E_CLASSNOTREG, f"no class {clsid} is registered")
        return found


# ---------------------------------------------------------------------------- the server


class Activator:
    """Makes objects of an exporter's classes."""

    def __init__(self, exporter: Exporter) -> None:
        self.exporter = exporter

    async def activate(
        self, this: ORPCTHIS, clsid: UUID, iids: Sequence[UUID], class_object: bool
    ) -> list[tuple[int, bytes | None]]:
        """An HRESULT and a reference for each interface that is asked for; at least one is there.

        Raises:
            HResultError: there is no such class, its object cannot be made, or has none of the interfaces.
        """
        if this.version.MajorVersion != MAJOR or this.version.MinorVersion > MINOR:
            raise HResultError(RPC_E_VERSION_MISMATCH)
        if not 1 <= len(iids) <= MOST_INTERFACES:
            raise HResultError(E_INVALIDARG, f"{len(iids)} interfaces are asked for")
        factory = self.exporter.classes.class_object(clsid)
        made: com.IUnknown | None = factory
        if not class_object:
            made = (await factory.CreateInstance(com.IUnknown.IID)).ppvObject
            if made is None:
                raise HResultError(E_UNEXPECTED)
        assert made is not None
        found: list[tuple[int, bytes | None]] = []
        for iid in iids:
            try:
                found.append((S_OK, encode(await self.exporter.reference(made, iid))))
            except HResultError as error:
                found.append((signed(error.hresult), None))
        if not class_object:
            made.Release()  # those who got references hold it now
        if all(reference is None for _, reference in found):
            raise HResultError(E_NOINTERFACE)
        return found


def _pointers(found: list[tuple[int, bytes | None]]) -> list[MInterfacePointer | None]:
    return [None if octets is None else MInterfacePointer(octets) for _, octets in found]


def _hresult(error: Exception) -> int:
    """What an activation that failed returns."""
    if isinstance(error, HResultError):
        return signed(error.hresult)
    if isinstance(error, NdrError):
        return signed(RPC_E_INVALID_OBJREF)
    _log.error("an activation failed", exc_info=error)
    return signed(E_UNEXPECTED)


_THAT = ORPCTHAT(0)


class RemoteSCMActivator(IRemoteSCMActivatorService):
    """Activation by properties."""

    def __init__(self, activator: Activator) -> None:
        self._activator = activator

    async def RemoteGetClassObject(
        self, call: rpc.Call, orpcthis: ORPCTHIS, pActProperties: MInterfacePointer | None
    ) -> RemoteGetClassObjectResult:
        try:
            return RemoteGetClassObjectResult(_THAT, await self._activate(orpcthis, pActProperties, True))
        except Exception as error:
            return RemoteGetClassObjectResult(_THAT, None, _hresult(error))

    async def RemoteCreateInstance(
        self,
        call: rpc.Call,
        orpcthis: ORPCTHIS,
        pUnkOuter: MInterfacePointer | None,
        pActProperties: MInterfacePointer | None,
    ) -> RemoteCreateInstanceResult:
        try:
            if pUnkOuter is not None:
                raise HResultError(CLASS_E_NOAGGREGATION)
            return RemoteCreateInstanceResult(_THAT, await self._activate(orpcthis, pActProperties, False))
        except Exception as error:
            return RemoteCreateInstanceResult(_THAT, None, _hresult(error))

    async def _activate(self, this: ORPCTHIS, given: MInterfacePointer | None, class_object: bool) -> MInterfacePointer:
        if given is None:
            raise HResultError(E_INVALIDARG, "an activation without properties")
        found = properties.unpack(given.abData, properties.IN)
        for needed in (properties.INSTANTIATION, properties.SCM_REQUEST, properties.LOCATION):
            if needed not in found:
                raise HResultError(E_INVALIDARG, f"an activation without property {needed}")
        wanted = decode_InstantiationInfoData(found[properties.INSTANTIATION])
        iids = list(wanted.pIID or ())
        results = await self._activator.activate(this, wanted.classId, iids, class_object)
        exporter = self._activator.exporter
        out = PropsOutInfo(iids, [code for code, _ in results], _pointers(results))
        reply = customREMOTE_REPLY_SCM_INFO(
            exporter.oxid,
            dual_strings(exporter.bindings),
            exporter.rem_unknown.ipid,
            exporter.authn_hint,
            COMVERSION(MAJOR, MINOR),
        )
        # Some clients take them by their place: what was made first, then where it is.
        packed = properties.pack(
            properties.OUT,
            properties.CLSID_OUT,
            [
                (properties.PROPS_OUT, encode_PropsOutInfo(out)),
                (properties.SCM_REPLY, encode_ScmReplyInfoData(ScmReplyInfoData(None, reply))),
            ],
        )
        return MInterfacePointer(packed)


class Activation(IActivationService):
    """Activation by parameters, as before version 5.6."""

    def __init__(self, activator: Activator) -> None:
        self._activator = activator

    async def RemoteActivation(
        self,
        call: rpc.Call,
        ORPCthis: ORPCTHIS,
        Clsid: UUID,
        pwszObjectName: str | None,
        pObjectStorage: MInterfacePointer | None,
        ClientImpLevel: int,
        Mode: int,
        Interfaces: int,
        pIIDs: list[UUID] | None,
        cRequestedProtseqs: int,
        aRequestedProtseqs: list[int],
    ) -> RemoteActivationResult:
        try:
            results = await self._activator.activate(ORPCthis, Clsid, pIIDs or [], Mode == GET_CLASS_OBJECT)
        except Exception as error:
            nothing: list[MInterfacePointer | None] = [None] * Interfaces
            version = COMVERSION(0, 0)
            return RemoteActivationResult(_THAT, 0, None, NIL, 0, version, _hresult(error), nothing, [0] * Interfaces)
        exporter = self._activator.exporter
        return RemoteActivationResult(
            _THAT,
            exporter.oxid,
            dual_strings(exporter.bindings),
            exporter.rem_unknown.ipid,
            exporter.authn_hint,
            COMVERSION(MAJOR, MINOR),
            S_OK,
            _pointers(results),
            [code for code, _ in results],
        )


# ---------------------------------------------------------------------------- the client


async def activate(
    channel: rpc.Channel, clsid: UUID, iids: Sequence[UUID], *, class_object: bool = False
) -> tuple[Resolved, list[Standard | HResultError]]:
    """Have an object made, or a class object found; where it is, and a reference or an error for each interface.

    Raises:
        HResultError: nothing was made. NdrError: the answer makes no sense.
    """
    this = ORPCTHIS(COMVERSION(MAJOR, MINOR), 0, 0, uuid4())
    request = MInterfacePointer(_request(clsid, iids))
    client = IRemoteSCMActivatorClient(channel)
    try:
        answer: RemoteCreateInstanceResult | RemoteGetClassObjectResult
        if class_object:
            answer = await client.RemoteGetClassObject(this, request)
        else:
            answer = await client.RemoteCreateInstance(this, None, request)
    except NdrError:
        raise
    except RpcError as error:
        raise as_hresult(error) from error
    if failed(answer.return_value):
        raise HResultError(answer.return_value)
    if answer.ppActProperties is None:
        raise NdrError("an activation that succeeded and made nothing")
    found = properties.unpack(answer.ppActProperties.abData, properties.OUT)
    if properties.PROPS_OUT not in found or properties.SCM_REPLY not in found:
        raise NdrError("an activation without its results")
    out = decode_PropsOutInfo(found[properties.PROPS_OUT])
    reply = decode_ScmReplyInfoData(found[properties.SCM_REPLY]).remoteReply
    codes, pointers = out.phresults or (), out.ppIntfData or ()
    if reply is None or len(codes) != len(iids) or len(pointers) != len(iids):
        raise NdrError(f"an activation that was asked for {len(iids)} interfaces and gave {len(pointers)}")
    minor = min(MINOR, reply.serverVersion.MinorVersion)
    resolved = Resolved(bindings_of(reply.pdsaOxidBindings), reply.ipidRemUnknown, minor, reply.authnHint)
    return resolved, [_given(code, pointer) for code, pointer in zip(codes, pointers, strict=True)]


def _given(code: int, pointer: MInterfacePointer | None) -> Standard | HResultError:
    if failed(code) or pointer is None:
        return HResultError(code if failed(code) else E_NOINTERFACE)
    reference = decode(pointer.abData)
    if not isinstance(reference, Standard):
        raise NdrError(f"an activation gave a reference of another kind: {reference!r}")
    return reference


def _request(clsid: UUID, iids: Sequence[UUID]) -> bytes:
    wanted = InstantiationInfoData(clsid, _REMOTE_SERVER, 0, 0, 0, iids, 0, COMVERSION(MAJOR, MINOR))
    wanted.thisSize = len(encode_InstantiationInfoData(wanted))
    return properties.pack(
        properties.IN,
        properties.CLSID_IN,
        [
            (properties.INSTANTIATION, encode_InstantiationInfoData(wanted)),
            (properties.CONTEXT, encode_ActivationContextInfoData(ActivationContextInfoData(0, 0, 0, 0))),
            (properties.LOCATION, encode_LocationInfoData(LocationInfoData(None, 0, 0, 0))),
            (
                properties.SCM_REQUEST,
                encode_ScmRequestInfoData(ScmRequestInfoData(None, customREMOTE_REQUEST_SCM_INFO(_IMPERSONATE, [7]))),
            ),
        ],
    )
