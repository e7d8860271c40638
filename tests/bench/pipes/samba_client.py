"""The client of Samba's C bindings (Debian's python3-samba), which calls our server."""

from __future__ import annotations

import sys
from importlib import import_module
from multiprocessing.connection import Connection
from typing import Any

from tests.bench.pipes.ours import serve
from tests.bench.pipes.sides import check, work
from tests.bench.samba_stubs import DEBIAN

__all__ = ["drive", "serve"]

sys.path.append(DEBIAN)
echo = import_module("samba.dcerpc.echo")
param = import_module("samba.param")
credentials = import_module("samba.credentials")


class _Jobs:
    def __init__(self, client: Any) -> None:
        self.client = client

    def calls(self, calls: int) -> None:
        add_one = self.client.AddOne
        for value in range(calls):
            check(add_one(value), value + 1)


def drive(address: str, control: Connection) -> None:
    anonymous = credentials.Credentials()
    anonymous.set_anonymous()
    work(control, _Jobs(echo.rpcecho(address, param.LoadParm(), anonymous)))
