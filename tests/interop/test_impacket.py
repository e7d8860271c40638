"""impacket's client against our server."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from types import ModuleType

from idlrt import rpc
from tests.interop import peers
from tests.interop.lab_service import lab_service

CLIENT = Path(__file__).parent / "impacket_client.py"


def test_impacket_s_client_finds_nothing_wrong_with_our_server(lab: ModuleType) -> None:
    async def serve() -> subprocess.CompletedProcess[str]:
        async with rpc.Server([lab_service(lab)]) as server:
            port = peers.free_port()
            await server.listen(f"ncacn_ip_tcp:127.0.0.1[{port}]")
            return await asyncio.to_thread(
                subprocess.run, [sys.executable, str(CLIENT), str(port)], capture_output=True, text=True, timeout=60
            )

    done = asyncio.run(serve())
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("ok ") == 4
