"""tshark reads what calls of objects are made of: ORPC, the resolver, IRemUnknown, activation."""

from __future__ import annotations

import asyncio
import gc
from collections import Counter
from pathlib import Path
from typing import Any
from uuid import UUID

from idlrt import com, dcom, rpc
from idlrt.prelude.ms_dcom import IObjectExporterClient
from tests.interop.capture import Capture, recorded
from tests.interop.conftest import HERE, compiled
from tests.interop.test_tshark import complaints, tshark

CLSID = UUID("3e0f9a51-7c42-4d6b-9b1e-5a2d40c8f301")


async def conversation(lab: Any) -> Capture:
    """Activation, calls, another interface, references given back, pings; all over connections that are watched."""

    class Adder(com.Object, lab.IAdder, lab.ICounter):
        async def Add(self, a: int, b: int) -> int:
            return a + b

        async def Fail(self, code: int) -> Any:
            raise com.HResultError(code)

        async def Count(self) -> int:
            return 1

    capture = Capture()
    async with dcom.Exporter() as server, dcom.Exporter() as client:
        server.classes.register(CLSID, Adder)
        binding = rpc.StringBinding.parse(await server.listen("ncacn_ip_tcp:127.0.0.1[0]"))
        async with recorded(int(binding.endpoint), capture) as port:
            server.announce(f"127.0.0.1[{port}]")
            adder = await client.create_instance(f"127.0.0.1[{port}]", CLSID, lab.IAdder)
            assert await adder.Add(40, 2) == 42
            try:
                await adder.Fail(-1)
            except com.HResultError:
                pass
            assert await (await adder.QueryInterface(lab.ICounter)).Count() == 1
            other = await client.bind(await server.text(Adder(), lab.ICounter), lab.ICounter)
            assert await other.Count() == 1
            await client.pinger.ping()
            async with rpc.connect(f"ncacn_ip_tcp:127.0.0.1[{port}]") as channel:
                assert await IObjectExporterClient(channel).ServerAlive() == 0
            del adder, other
            gc.collect()
            async with asyncio.timeout(10):
                while len(server.tables):
                    await asyncio.sleep(0.001)
            # A ping that only deletes is left out: tshark forgets that object ids are aligned to eight octets there.
    return capture


def test_tshark_dissects_calls_of_objects_without_complaint(tmp_path: Path) -> None:
    capture = asyncio.run(conversation(compiled(HERE / "adder.idl")))
    path = tmp_path / "objects.pcap"
    capture.write(path)
    assert complaints(path) == ""
    lines = tshark(path, "-Y", "dcerpc.pkt_type == 0").splitlines()
    protocols = [line.split()[5] for line in lines]  # number, time, from, arrow, to, protocol
    assert Counter(protocols) == {
        "ISystemActivator": 1,
        "DCERPC": 4,  # methods of ours
        "IRemUnknown": 2,
        "IOXIDResolver": 2,
    }
