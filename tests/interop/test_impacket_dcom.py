"""impacket's DCOM client against objects of ours."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any
from uuid import UUID

from idlrt import com, dcom
from tests.interop.conftest import HERE, compiled

CLIENT = Path(__file__).parent / "impacket_dcom.py"
CLSID = UUID("3e0f9a51-7c42-4d6b-9b1e-5a2d40c8f301")
CHECKS = 10


def test_impacket_activates_calls_queries_pings_and_releases_our_objects() -> None:
    lab: Any = compiled(HERE / "adder.idl")

    class Adder(com.Object, lab.IAdder, lab.ICounter):
        calls = 0

        async def Add(self, a: int, b: int) -> int:
            self.calls += 1
            return a + b

        async def Fail(self, code: int) -> Any:
            raise com.HResultError(code)

        async def Count(self) -> int:
            return self.calls

    async def serve() -> subprocess.CompletedProcess[str]:
        async with dcom.Exporter() as exporter:
            exporter.classes.register(CLSID, Adder)
            binding = await exporter.listen("ncacn_ip_tcp:127.0.0.1[0]")
            port = binding.rpartition("[")[2][:-1]
            return await asyncio.to_thread(
                subprocess.run, [sys.executable, str(CLIENT), port], capture_output=True, text=True, timeout=60
            )

    done = asyncio.run(serve())
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("ok ") == CHECKS
