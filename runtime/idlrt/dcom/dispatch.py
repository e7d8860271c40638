"""Calls of an exporter's objects: from the octets of a request to those of its answer (MS-DCOM 3.1.1.5.4).

To RPC every interface is one whose requests and answers are octets. What they are shows when the object is known, so a
call of an object that is gone takes no references from those that it brings.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar
from uuid import UUID

from idlrt import com, rpc
from idlrt.com.context import CallContext
from idlrt.com.hresult import (
    RPC_E_DISCONNECTED,
    RPC_E_INVALID_HEADER,
    RPC_E_SERVER_DIED,
    RPC_E_SERVERFAULT,
    RPC_E_VERSION_MISMATCH,
    HResultError,
    signed,
)
from idlrt.com.interfaces import IUnknown
from idlrt.com.stub import serve
from idlrt.dcom.marshal import NOTHING_GIVEN, Exporting, Given, NeedsFirst, enter, leave
from idlrt.dcom.orpc import COPIED, MAJOR, MINOR, NOTHING, ObjectInterface, Received, get_this, interface_of, rest
from idlrt.dcom.tables import Tables
from idlrt.errors import NCA_UNK_IF, RPC_X_BAD_STUB_DATA, NdrError, RpcFault
from idlrt.ids import SyntaxId
from idlrt.ndr import Limits, OperationCodec
from idlrt.rpc.codecs import decode_request, encode_response
from idlrt.rpc.methods import Method, awaits
from idlrt.rpc.server import Served

_log = logging.getLogger("idlrt.dcom")


class Dispatch:
    """Finds the object and the method of each call, and runs it.

    Args:
        exporting: marshals pointers. now: the time in seconds. decoding: limits of what is decoded.
    """

    def __init__(self, exporting: Exporting, tables: Tables, now: Callable[[], float], decoding: Limits | None) -> None:
        self._exporting = exporting
        self._tables = tables
        self._now = now
        self._decoding = decoding
        self._offered: dict[UUID, Served] = {}
        self._service = _Stubs()
        self.closing = False
        """Methods that are cancelled now are so because the exporter ends, and not for their callers."""

    def offer(self, kind: type[IUnknown]) -> None:
        """Accept binds to an interface from now on."""
        if kind.IID not in self._offered:
            known = interface_of(kind)
            methods: dict[int, Method] = {
                each.opnum: _StubMethod(each, self.serve, known, self._tables)
                for each in known.whole.operations
            }
            self._offered[kind.IID] = known.whole, self._service, methods

    def find(self, syntax: SyntaxId) -> Served | None:
        """What serves an interface; all of them have version 0.0."""
        return self._offered.get(syntax.uuid) if (syntax.major, syntax.minor) == (0, 0) else None

    async def serve(self, method: _StubMethod, call: rpc.Call, received: Received) -> bytes | bytearray:
        """One call: what it raises is a fault, what its method raises is an answer."""
        data, order = received
        try:
            this, at = get_this(data, order)
        except NdrError as error:
            raise RpcFault(RPC_E_INVALID_HEADER, executed=False, message=str(error)) from error
        if this.major != MAJOR or this.minor > MINOR:
            raise RpcFault(RPC_E_VERSION_MISMATCH, executed=False)
        pointer = self._tables.find(call.object)
        if pointer is None:
            raise RpcFault(RPC_E_DISCONNECTED, executed=False)
        interface, operation = method.interface, method.inner
        if pointer.kind is not interface.kind and not issubclass(pointer.kind, interface.kind):
            raise RpcFault(NCA_UNK_IF, executed=False)
        stub = pointer.stub
        if stub is not None:
            stub.due = self._now() + self._tables.lifetime
        opnum = operation.opnum
        usual, limits = interface.usual[opnum], self._decoding
        codec = usual if limits is None and order == "<" else interface.codec(opnum, order, limits)
        before = enter((self._exporting, NOTHING_GIVEN))
        try:
            inputs, _ = decode_request(codec, operation, data[at:] if len(data) < COPIED else rest(data, at))
        except NdrError as error:
            raise RpcFault(RPC_X_BAD_STUB_DATA, executed=False, message=str(error)) from error
        except HResultError as error:  # an interface pointer among them
            raise RpcFault(error.hresult, executed=False) from error
        finally:
            leave(before)
        context = CallContext(interface.kind, opnum, causality=this.cid, kind=method.kind, caller=call.client)
        call.when_cancelled(context.cancel)
        try:
            result = await serve(pointer.target, context, inputs, operation)
            if operation.retval:
                result = result, 0
            try:
                return self._octets(usual, operation, result, inputs)
            except NeedsFirst as needs:
                await needs.first()
                return await self._answer(usual, operation, result, inputs)
        except HResultError as error:
            return await self._failure(usual, operation, inputs, error.hresult)
        except asyncio.CancelledError:
            if self.closing:
                raise RpcFault(RPC_E_SERVER_DIED) from None
            raise
        except RpcFault:
            raise
        except Exception as error:
            _log.error("%s.%s failed", interface.kind.__name__, operation.name, exc_info=error)
            raise RpcFault(RPC_E_SERVERFAULT) from error

    def _octets(
        self, codec: OperationCodec, operation: rpc.Operation, result: Any, inputs: tuple[Any, ...]
    ) -> bytes | bytearray:
        """The octets of what a method gave; NeedsFirst, NdrError, HResultError."""
        given = Given()
        before = enter((self._exporting, given))
        try:
            return NOTHING + encode_response(codec, operation, result, inputs, 0)
        except BaseException:
            given.take_back()
            raise
        finally:
            leave(before)

    async def _answer(
        self, codec: OperationCodec, operation: rpc.Operation, result: Any, inputs: tuple[Any, ...]
    ) -> bytes | bytearray:
        """The same, once everything that it needs is there."""
        while True:
            try:
                return self._octets(codec, operation, result, inputs)
            except NeedsFirst as needs:
                await needs.first()

    async def _failure(
        self, codec: OperationCodec, operation: rpc.Operation, inputs: tuple[Any, ...], hresult: int
    ) -> bytes | bytearray:
        """The octets of a method's failure: outputs that say nothing, and the HRESULT; a fault where there are none."""
        result: Any = signed(hresult)
        try:
            if len(operation.outputs) > 1:
                if codec.blank is None:
                    raise RpcFault(hresult)
                result = codec.blank(inputs, result)
            return await self._answer(codec, operation, result, inputs)
        except (NdrError, HResultError) as error:
            raise RpcFault(hresult) from error


class _StubMethod(Method):
    """A method whose request and answer are octets."""

    __slots__ = ("_tables", "inner", "interface", "kind")

    def __init__(
        self, operation: rpc.Operation, serve: Callable[..., Any], interface: ObjectInterface, tables: Tables
    ) -> None:
        self.operation = operation
        self.function = partial(serve, self)
        self.cancellable = self.blocking = self.at_once = False
        self.names = operation.inputs
        self.interface = interface
        self.inner = interface.operations[operation.opnum]
        """The operation as it is declared."""
        self.kind = interface.kinds[operation.opnum]
        self._tables = tables

    def runs_at_once(self, object: UUID | None, inputs: tuple[Any, ...]) -> bool:
        """Whether the object's method awaits nothing, and no call object does its work."""
        pointer = self._tables.find(object)
        if pointer is None:
            return True
        opnum = self.operation.opnum
        found = pointer.at_once.get(opnum)
        if found is None:
            found = pointer.at_once[opnum] = self._awaits_nothing(pointer.target)
        return found

    def _awaits_nothing(self, target: Any) -> bool:
        plain = isinstance(target, com.Object) and not target.may_have(com.ICallFactory.IID)
        return plain and not awaits(getattr(target, self.inner.name))


class _Stubs(rpc.Service):
    """What implements all interfaces of objects, as far as RPC is concerned."""

    interface: ClassVar[rpc.Interface]
