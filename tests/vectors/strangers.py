"""Peers that know PDUs and nothing of stubs: what they send is given to them as octets, what they hear they keep.

They stand for other implementations at the other end of a real client or server of ours.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

from idlrt import pdu, rpc
from idlrt.ids import Order, SyntaxId
from idlrt.pdu.header import FIRST, HEADER_SIZE, LAST
from idlrt.rpc.link import Link
from idlrt.transport.memory import join

FRAGMENT = 5840
ANY_FAULT = 0x1C010003


class Stranger(asyncio.Protocol):
    """Whole PDUs in and out."""

    def __init__(self) -> None:
        self._octets = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._octets += data
        while len(self._octets) >= HEADER_SIZE:
            size = pdu.read_header(bytes(self._octets[:HEADER_SIZE])).frag_length
            if len(self._octets) < size:
                return
            heard = pdu.decode(bytes(self._octets[:size]))
            del self._octets[:size]
            self.heard(heard)

    def heard(self, found: pdu.AnyPdu) -> None:
        raise NotImplementedError

    def say(self, *said: pdu.AnyPdu) -> None:
        for each in said:
            self.transport.write(pdu.encode(each))


def pieces(stub: bytes, size: int) -> list[tuple[int, bytes]]:
    """The flags and the octets of the fragments that a stub is cut into."""
    cut = [stub[at : at + size] for at in range(0, len(stub), size)] or [b""]
    return [(FIRST * (n == 0) | LAST * (n == len(cut) - 1), part) for n, part in enumerate(cut)]


class StrangeServer(Stranger):
    """Grants one transfer syntax, keeps the stub of each request and answers it with octets, or with a fault.

    It grants what it is asked for by alter_context, whatever it is.
    """

    def __init__(
        self, transfer: SyntaxId, answer: bytes | None = None, order: Order = "<", cut: int = FRAGMENT
    ) -> None:
        super().__init__()
        self.transfer = transfer
        self.answer = answer
        self.order = order
        self.cut = cut
        self.requests: list[pdu.Request] = []
        self.altered: list[pdu.AlterContext] = []
        self.granted: dict[int, SyntaxId] = {}
        """The transfer syntax of each presentation context."""

    @property
    def stub(self) -> bytes:
        return b"".join(request.stub for request in self.requests)

    def heard(self, found: pdu.AnyPdu) -> None:
        match found:
            case pdu.Bind(contexts=contexts, call_id=call_id):
                kind: type[pdu.BindAck] = pdu.BindAck
                if isinstance(found, pdu.AlterContext):
                    self.altered.append(found)
                    kind = pdu.AlterContextResp
                granting = tuple(self._result(context, found in self.altered) for context in contexts)
                self.say(kind(call_id=call_id, max_xmit=FRAGMENT, max_recv=FRAGMENT, group_id=1, results=granting))
            case pdu.Request(flags=flags):
                self.requests.append(found)
                if flags & LAST:
                    self._answer(found)
            case _:
                pass

    def _result(self, context: pdu.ContextElement, altering: bool) -> pdu.ContextResult:
        transfer = context.transfers[0] if altering else self.transfer
        if transfer in context.transfers:
            self.granted[context.context_id] = transfer
            return pdu.ContextResult(pdu.Result.ACCEPTANCE, 0, transfer)
        return pdu.ContextResult(pdu.Result.PROVIDER_REJECTION, pdu.Reason.TRANSFER_SYNTAXES)

    def _answer(self, request: pdu.Request) -> None:
        context_id, call_id = request.context_id, request.call_id
        if self.answer is None:
            self.say(pdu.Fault(call_id=call_id, context_id=context_id, status=ANY_FAULT, order=self.order))
            return
        for flags, part in pieces(self.answer, self.cut):
            self.say(pdu.Response(call_id=call_id, context_id=context_id, flags=flags, stub=part, order=self.order))


class StrangeClient(Stranger):
    """Binds, makes one call with a request of given octets, and keeps the answer.

    Without octets it waits to be told what to `send`. Its hints are as wrong as those of real clients.
    """

    def __init__(
        self,
        interface: SyntaxId,
        transfer: SyntaxId,
        opnum: int,
        request: bytes | None,
        order: Order = "<",
        cut: int = FRAGMENT,
        alloc_hint: int = 4,
    ) -> None:
        super().__init__()
        self.interface = interface
        self.transfer = transfer
        self.opnum = opnum
        self.request = request
        self.order = order
        self.cut = cut
        self.alloc_hint = alloc_hint
        self.bound = asyncio.Event()
        self.answered = asyncio.get_running_loop().create_future()
        self._stub = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        wanted = pdu.ContextElement(0, self.interface, (self.transfer,))
        self.say(pdu.Bind(call_id=1, max_xmit=FRAGMENT, max_recv=FRAGMENT, contexts=(wanted,), order=self.order))

    def send(self, part: bytes, flags: int) -> None:
        """Send one fragment of the request."""
        self.say(
            pdu.Request(
                call_id=0,
                context_id=0,
                opnum=self.opnum,
                flags=flags,
                alloc_hint=self.alloc_hint,
                stub=part,
                order=self.order,
            )
        )

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.answered.done():
            self.answered.set_exception(ConnectionError("the server hung up"))

    def heard(self, found: pdu.AnyPdu) -> None:
        match found:
            case pdu.BindAck(results=results):
                assert [result.result for result in results] == [pdu.Result.ACCEPTANCE]
                self.bound.set()
                if self.request is not None:
                    for flags, part in pieces(self.request, self.cut):
                        self.send(part, flags)
            case pdu.Response(flags=flags, stub=stub):
                self._stub += stub
                if flags & LAST:
                    self.answered.set_result(bytes(self._stub))
            case _:
                self.answered.set_result(found)


def channel_to(server: Stranger, **options: Any) -> rpc.Channel:
    """A channel of ours to a stranger."""

    async def opener(factory: Callable[[], Link]) -> Link:
        link = factory()
        join(link, server)
        return link

    return rpc.Channel(rpc.StringBinding("memory"), opener=opener, **options)


@contextmanager
def listening(make: Callable[[], StrangeServer]) -> Iterator[str]:
    """The binding of strangers that run in a thread, one for each connection."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def listen() -> asyncio.Server:
        return await loop.create_server(make, "127.0.0.1", 0)

    async def end(server: asyncio.Server) -> None:
        server.close()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()

    server = asyncio.run_coroutine_threadsafe(listen(), loop).result()
    try:
        yield f"ncacn_ip_tcp:127.0.0.1[{server.sockets[0].getsockname()[1]}]"
    finally:
        asyncio.run_coroutine_threadsafe(end(server), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
