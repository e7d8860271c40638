"""Two objects with the same interface: one whose methods are coroutines, one that has call objects of its own.

python -m samples.async_call.server

prints two lines, `objref:...:`, the names under which clients find them.
"""

from __future__ import annotations

import asyncio
import threading
import time

from idlrt import com, dcom
from idlrt.com.hresult import RPC_E_CALL_CANCELED, S_OK

from .stubs.query import ROW, AsyncIRecordset, IRecordset, QueryResult

TITLES = ("Absalom", "Bleak House", "Candide", "Dubliners", "Emma", "Ferdydurke", "Germinal", "Herzog")
RECORDS = [ROW(number, title, 4.5 + 2 * number) for number, title in enumerate(TITLES)]

CANCELLED = "a query was cancelled"


def found(most: float) -> QueryResult:
    rows = [record for record in RECORDS if record.price <= most]
    return QueryResult(len(rows), rows)


class Recordset(com.Object, IRecordset):
    """Works as its callers wait: each call is a coroutine."""

    def __init__(self) -> None:
        self.journal: list[str] = []

    async def Query(self, most: float, milliseconds: int) -> QueryResult:
        try:
            for _ in range(milliseconds // 10):
                await asyncio.sleep(0.01)
                if com.CoTestCancel() == RPC_E_CALL_CANCELED:  # the client asks, and waits for an answer
                    raise com.CallCanceled
        except (com.CallCanceled, asyncio.CancelledError):  # or has gone on without one
            self.journal.append(CANCELLED)
            raise
        return found(most)

    async def Note(self, line: str, milliseconds: int) -> int:
        await asyncio.sleep(milliseconds / 1000)
        self.journal.append(line)
        return S_OK

    async def get_Journal(self) -> str:
        return "; ".join(self.journal)


class RecordsetCall(com.CallObject, AsyncIRecordset):
    """A call of an AsyncRecordset: a thread works, and signals when there is something to finish."""

    def __init__(self, recordset: AsyncRecordset) -> None:
        self.recordset = recordset
        self.result = QueryResult(0, [])

    async def Begin_Query(self, most: float, milliseconds: int) -> int:
        threading.Thread(target=self.look_up, args=(most, milliseconds)).start()
        return S_OK

    def look_up(self, most: float, milliseconds: int) -> None:
        for _ in range(milliseconds // 10):
            if self.test_cancel():
                self.recordset.journal.append(CANCELLED)
                break
            time.sleep(0.01)
        else:
            self.result = found(most)
        self.signal()

    async def Finish_Query(self) -> QueryResult:
        return self.result

    async def Begin_Note(self, line: str, milliseconds: int) -> int:
        threading.Timer(milliseconds / 1000, self.write, args=(line,)).start()
        return S_OK

    def write(self, line: str) -> None:
        self.recordset.journal.append(line)
        self.signal()

    async def Finish_Note(self) -> int:
        return S_OK

    async def Begin_get_Journal(self) -> int:
        self.signal()  # done already
        return S_OK

    async def Finish_get_Journal(self) -> str:
        return await self.recordset.get_Journal()


class AsyncRecordset(com.CallFactory, Recordset):
    """Makes call objects, so all calls that are marshaled go through them, whatever the client does."""

    CALL_OBJECTS = (RecordsetCall,)


async def main() -> None:
    async with dcom.Exporter() as exporter:
        await exporter.listen("ncacn_ip_tcp:127.0.0.1[0]")
        for recordset in (Recordset(), AsyncRecordset()):
            print(await exporter.text(recordset, IRecordset), flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        pass
