"""Rows in columns, each behind a pipe interface.

python -m samples.recordset.server

prints `objref:...:`, the name under which clients find them.
"""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import Sequence

from idlrt import com, dcom
from idlrt.com.hresult import S_OK
from idlrt.prelude.objidlbase import IPipeDouble, IPipeDoublePullResult, IPipeLong, IPipeLongPullResult

from .stubs.recordset import AppendResult, IRecordset, ReadResult

ROWS = 200_000


class Recordset(com.Object, IRecordset):
    def __init__(self) -> None:
        self.numbers = array("i", range(ROWS))
        self.prices = array("d", (number / 4 for number in range(ROWS)))

    async def get_Count(self) -> int:
        return min(len(self.numbers), len(self.prices))

    async def Read(self, first: int) -> ReadResult:
        return ReadResult(Numbers(self.numbers, first), Prices(self.prices, first))

    async def Append(self) -> AppendResult:
        return AppendResult(Numbers(self.numbers), Prices(self.prices))


class Numbers(com.Object, IPipeLong):
    """A column of whole numbers: pulled from a row on, pushed at the end."""

    def __init__(self, column: array[int], at: int = 0) -> None:
        self.column = column
        self.at = at

    async def Pull(self, cRequest: int) -> IPipeLongPullResult:
        block = self.column[self.at : self.at + cRequest].tolist()
        self.at += len(block)
        return IPipeLongPullResult(block, len(block))

    async def Push(self, buf: Sequence[int], *, cSent: int | None = None) -> int:
        self.column.extend(buf)
        return S_OK


class Prices(com.Object, IPipeDouble):
    """The same of other numbers."""

    def __init__(self, column: array[float], at: int = 0) -> None:
        self.column = column
        self.at = at

    async def Pull(self, cRequest: int) -> IPipeDoublePullResult:
        block = self.column[self.at : self.at + cRequest].tolist()
        self.at += len(block)
        return IPipeDoublePullResult(block, len(block))

    async def Push(self, buf: Sequence[float], *, cSent: int | None = None) -> int:
        self.column.extend(buf)
        return S_OK


async def main() -> None:
    async with dcom.Exporter() as exporter:
        await exporter.listen("ncacn_ip_tcp:127.0.0.1[0]")
        print(await exporter.text(Recordset(), IRecordset), flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        pass
