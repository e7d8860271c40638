"""Samba, both ways: its server service and registry called by us, its management client calling us."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from idlrt import blocking, rpc
from idlrt.errors import BindRefused, ConnectError
from idlrt.stubs import mgmt
from tests.interop import peers
from tests.interop.lab_service import lab_service

HERE = Path(__file__).parent
PORTS = range(45100, 45110)
KEY_READ = 0x20019
SERVER = "127.0.0.1"


def client_at_its_port(kind: Any, probe: Callable[[Any], object]) -> Iterator[Any]:
    """Samba hands its ports out as it likes: a client at the first of them that offers the interface."""
    for port in PORTS:
        with blocking.connect(f"ncacn_ip_tcp:{SERVER}[{port}]") as channel:
            client = kind(channel)
            try:
                probe(client)
            except (BindRefused, ConnectError):
                continue
            yield client
            return
    raise LookupError(f"no port of Samba's offers {kind.interface}")


# ---------------------------------------------------------------------------- srvsvc


@pytest.fixture(scope="module")
def server_service(samba: Path, srvsvc: ModuleType) -> Iterator[Any]:
    yield from client_at_its_port(srvsvc.SrvsvcBlockingClient, lambda client: client.NetrRemoteTOD(SERVER))


def enumerate_shares(client: Any, srvsvc: ModuleType, level: int) -> list[Any]:
    container = getattr(srvsvc, f"SHARE_INFO_{level}_CONTAINER")()
    asked = srvsvc.SHARE_ENUM_STRUCT(srvsvc.SHARE_ENUM_UNION(level, container))
    done = client.NetrShareEnum(SERVER, asked, 0xFFFFFFFF, None)
    assert done.return_value == 0
    rows: list[Any] = done.InfoStruct.ShareInfo.value.Buffer
    assert done.TotalEntries == len(rows) == done.InfoStruct.ShareInfo.value.EntriesRead
    return rows


def test_shares_at_level_0(server_service: Any, srvsvc: ModuleType) -> None:
    assert {row.shi0_netname for row in enumerate_shares(server_service, srvsvc, 0)} == {"share", "IPC$"}


def test_shares_at_level_1(server_service: Any, srvsvc: ModuleType) -> None:
    rows = {row.shi1_netname: row for row in enumerate_shares(server_service, srvsvc, 1)}
    assert rows["share"].shi1_type == 0
    assert rows["share"].shi1_remark == "the share of the interop tests"
    assert rows["IPC$"].shi1_type & 0xFFFF == 3


def test_shares_at_level_2(server_service: Any, srvsvc: ModuleType) -> None:
    rows = {row.shi2_netname: row for row in enumerate_shares(server_service, srvsvc, 2)}
    assert rows["share"].shi2_path.endswith("\\share")
    assert rows["share"].shi2_remark == "the share of the interop tests"


def test_one_share(server_service: Any, srvsvc: ModuleType) -> None:
    done = server_service.NetrShareGetInfo(SERVER, "share", 1)
    assert done.return_value == 0
    assert done.InfoStruct.value == srvsvc.SHARE_INFO_1("share", 0, "the share of the interop tests")


def test_a_share_that_is_not_there(server_service: Any) -> None:
    assert server_service.NetrShareGetInfo(SERVER, "absent", 1).return_value != 0


@pytest.mark.parametrize("level", [100, 101, 102])
def test_server_info(server_service: Any, level: int) -> None:
    done = server_service.NetrServerGetInfo(SERVER, level)
    assert done.return_value == 0
    assert getattr(done.InfoStruct.value, f"sv{level}_name") == "LABSRV"


def test_disks(server_service: Any, srvsvc: ModuleType) -> None:
    done = server_service.NetrServerDiskEnum(SERVER, 0, srvsvc.DISK_ENUM_CONTAINER(), 0xFFFF, None)
    assert done.return_value == 0
    assert done.DiskInfoStruct.Buffer[0].Disk == "C:"


def test_time_of_day(server_service: Any) -> None:
    done = server_service.NetrRemoteTOD(SERVER)
    assert done.return_value == 0
    assert done.BufferPtr.tod_year >= 2024
    assert 0 <= done.BufferPtr.tod_hours < 24


def test_name_validation(server_service: Any) -> None:
    assert server_service.NetprNameValidate(SERVER, "fine", 9, 0) == 0


# ---------------------------------------------------------------------------- winreg


@pytest.fixture(scope="module")
def registry(samba: Path, winreg: ModuleType) -> Iterator[Any]:
    yield from client_at_its_port(winreg.WinregBlockingClient, lambda client: client.OpenLocalMachine(None, KEY_READ))


@pytest.fixture
def machine(registry: Any) -> Iterator[Any]:
    opened = registry.OpenLocalMachine(None, KEY_READ)
    assert opened.return_value == 0
    yield opened.phKey
    closed = registry.BaseRegCloseKey(opened.phKey)
    assert closed.return_value == 0
    assert closed.hKey is None


def text(winreg: ModuleType, value: str) -> Any:
    """Registry strings carry their terminator and count octets."""
    octets = 2 * len(value) + 2
    return winreg.RRP_UNICODE_STRING(Length=octets, MaximumLength=octets, Buffer=value + "\0")


def room(winreg: ModuleType, characters: int) -> Any:
    """A string with nothing in it yet but room for an answer."""
    return winreg.RRP_UNICODE_STRING(Length=0, MaximumLength=2 * characters, Buffer="")


def test_registry_version(registry: Any, machine: Any) -> None:
    done = registry.BaseRegGetVersion(machine)
    assert done.return_value == 0
    assert done.lpdwVersion == 5


def test_registry_key_info(registry: Any, winreg: ModuleType, machine: Any) -> None:
    done = registry.BaseRegQueryInfoKey(machine, winreg.RRP_UNICODE_STRING(Length=0, MaximumLength=0, Buffer=None))
    assert done.return_value == 0
    assert done.lpcSubKeys == 2


def test_registry_subkeys(registry: Any, winreg: ModuleType, machine: Any) -> None:
    names = []
    for index in range(10):
        done = registry.BaseRegEnumKey(machine, index, room(winreg, 256), room(winreg, 0), None)
        if done.return_value:
            break
        names.append(done.lpNameOut.Buffer.rstrip("\0"))
    assert sorted(names) == ["SOFTWARE", "SYSTEM"]


def test_registry_values_are_read_into_the_caller_s_buffer(registry: Any, winreg: ModuleType, machine: Any) -> None:
    path = "SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion"
    opened = registry.BaseRegOpenKey(machine, text(winreg, path), 0, KEY_READ)
    assert opened.return_value == 0
    done = registry.BaseRegQueryValue(
        opened.phkResult, text(winreg, "SystemRoot"), lpType=0, lpData=b"", lpcbData=512, lpcbLen=0
    )
    assert done.return_value == 0
    assert done.lpData.decode("utf-16-le").rstrip("\0").lower().endswith("windows")
    assert registry.BaseRegCloseKey(opened.phkResult).return_value == 0


# ---------------------------------------------------------------------------- ncalrpc


def test_the_same_over_samba_s_unix_sockets(samba: Path, srvsvc: ModuleType) -> None:
    with blocking.connect(f"ncalrpc:[rpcd_classic,dir={samba}]") as channel:
        done = srvsvc.SrvsvcBlockingClient(channel).NetrServerGetInfo(SERVER, 100)
    assert done.InfoStruct.value.sv100_name == "LABSRV"


# ---------------------------------------------------------------------------- Samba's client


def test_samba_s_client_reads_our_management_interface(lab: ModuleType) -> None:
    class Management(mgmt.MgmtService):
        def inq_if_ids(self, call: rpc.Call) -> mgmt.inq_if_idsResult:
            offered = [lab.LAB.syntax, mgmt.MGMT.syntax]
            ids = [mgmt.rpc_if_id_t(syntax.uuid, syntax.major, syntax.minor) for syntax in offered]
            return mgmt.inq_if_idsResult(mgmt.rpc_if_id_vector_t(ids), 0)

        def inq_stats(self, call: rpc.Call, count: int) -> mgmt.inq_statsResult:
            return mgmt.inq_statsResult(4, [0, 0, 0, 0], 0)

        def is_server_listening(self, call: rpc.Call) -> mgmt.is_server_listeningResult:
            return mgmt.is_server_listeningResult(0, 1)

        def stop_server_listening(self, call: rpc.Call) -> int:
            return 5

        def inq_princ_name(self, call: rpc.Call, authn_proto: int, princ_name_size: int) -> mgmt.inq_princ_nameResult:
            return mgmt.inq_princ_nameResult("", 0)

    async def serve() -> subprocess.CompletedProcess[str]:
        async with rpc.Server([Management(), lab_service(lab)]) as server:
            port = peers.free_port()
            await server.listen(f"ncacn_ip_tcp:127.0.0.1[{port}]")
            command = ["/usr/bin/python3", str(HERE / "samba" / "mgmt_client.py"), f"ncacn_ip_tcp:127.0.0.1[{port}]"]
            return await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=60)

    done = asyncio.run(serve())
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(lab.LAB.syntax.uuid), "1", str(mgmt.MGMT.syntax.uuid), "1"]
