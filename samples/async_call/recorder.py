"""What travels of a call, whichever way its two ends work: four combinations, with a recorder between them.

    python -m samples.async_call.recorder
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from hashlib import sha256

from idlrt import com, dcom

from .server import AsyncRecordset, Recordset
from .stubs.query import AsyncIRecordset, IRecordset, QueryResult

REQUEST = 0
HAS_OBJECT = 0x80


class Recorder:
    """Forwards connections, and keeps what goes through them since `clear`."""

    def __init__(self) -> None:
        self.target = 0
        self.sent = bytearray()
        self.received = bytearray()
        self._tasks: set[asyncio.Task[None]] = set()

    def clear(self) -> None:
        self.sent.clear()
        self.received.clear()

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self.target)
        async with asyncio.TaskGroup() as both:
            both.create_task(forward(reader, back, self.sent))
            both.create_task(forward(there, writer, self.received))

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[int]:
        async with await asyncio.start_server(self.accept, "127.0.0.1", 0) as server:
            yield server.sockets[0].getsockname()[1]


async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, record: bytearray) -> None:
    with suppress(ConnectionError):
        while octets := await reader.read(65536):
            record += octets
            writer.write(octets)
            await writer.drain()
    writer.close()


def masked(octets: bytearray) -> bytes:
    """The PDUs in a stream without what is different for every call and object: call id, IPID, causality id."""
    found = bytearray(octets)
    at = 0
    while at < len(found):
        found[at + 12 : at + 16] = bytes(4)  # call_id
        if found[at + 2] == REQUEST and found[at + 3] & HAS_OBJECT:
            found[at + 24 : at + 40] = bytes(16)  # the object: an IPID
            found[at + 52 : at + 68] = bytes(16)  # ORPCTHIS: the causality id
        at += int.from_bytes(found[at + 8 : at + 10], "little")
    return bytes(found)


async def waiting(recordset: IRecordset) -> QueryResult:
    return await recordset.Query(12.0, 20)


async def beginning(recordset: IRecordset) -> QueryResult:
    call = await com.new_call(recordset, AsyncIRecordset)
    await call.Begin_Query(12.0, 20)
    return await call.Finish_Query()


async def conversation(served: Recordset, *, asynchronous: bool) -> tuple[bytes, bytes, QueryResult]:
    """The octets of a query both ways, and what it gave."""
    recorder = Recorder()
    async with recorder.listening() as port, dcom.Exporter() as server, dcom.Exporter() as client:
        binding = await server.listen("ncacn_ip_tcp:127.0.0.1[0]")
        recorder.target = int(binding.rpartition("[")[2].rstrip("]"))
        server.announce(f"127.0.0.1[{port}]")  # references lead to the recorder
        recordset = await client.bind(await server.text(served, IRecordset), IRecordset)
        await recordset.get_Journal()  # connections are made, interfaces bound
        recorder.clear()
        result = await (beginning if asynchronous else waiting)(recordset)
        return masked(recorder.sent), masked(recorder.received), result


async def main() -> bool:
    outcomes = set()
    for served in (Recordset(), AsyncRecordset()):
        for asynchronous in (False, True):
            sent, received, result = await conversation(served, asynchronous=asynchronous)
            outcomes.add((sent, received, result.count))
            ends = f"{'Begin_ and Finish_' if asynchronous else 'a waiting client'} with {type(served).__name__}"
            print(f"  {ends:34} {len(sent)} octets {digest(sent)}, {len(received)} octets {digest(received)}")
    (sent, received, _) = min(outcomes)
    return len(outcomes) == 1 and len(sent) > 0 and len(received) > 0


def digest(octets: bytes) -> str:
    return sha256(octets).hexdigest()[:12]


if __name__ == "__main__":
    print("the same octets" if asyncio.run(main()) else "they differ")
