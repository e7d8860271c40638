"""impacket's client, which calls our server."""

from __future__ import annotations

from multiprocessing.connection import Connection
from typing import Any

from impacket.dcerpc.v5 import transport
from impacket.dcerpc.v5.dtypes import DWORD
from impacket.dcerpc.v5.ndr import NDRCALL
from impacket.uuid import uuidtup_to_bin

from idlrt.rpc import StringBinding
from tests.bench.pipes.ours import serve
from tests.bench.pipes.sides import check, work

__all__ = ["drive", "serve"]


class AddOne(NDRCALL):
    opnum = 0
    structure = (("in_data", DWORD),)


class AddOneResponse(NDRCALL):
    structure = (("out_data", DWORD),)


class _Jobs:
    def __init__(self, connection: Any) -> None:
        self.connection = connection

    def calls(self, calls: int) -> None:
        request = self.connection.request
        for value in range(calls):
            call = AddOne()  # what it answers looks like an error code to impacket
            call["in_data"] = value
            check(request(call, checkError=False)["out_data"], value + 1)


def drive(address: str, control: Connection) -> None:
    binding = StringBinding.parse(address)
    connection = transport.DCERPCTransportFactory(f"ncacn_ip_tcp:127.0.0.1[{binding.endpoint}]").get_dce_rpc()
    connection.connect()
    connection.bind(uuidtup_to_bin(("60a15ec5-4de8-11d7-a637-005056a20182", "1.0")))
    work(control, _Jobs(connection))
