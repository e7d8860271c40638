"""The other implementations, started and stopped.

Each peer is a context manager that returns once its port answers, and that ends the processes it
started and no others. Everything listens on 127.0.0.1. What takes long to make (Wine's prefix, the
programs built for it) is kept in build/interop, everything else in a scratch folder.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).parent
KEPT = HERE.parents[1] / "build" / "interop"
WINE = "/usr/lib/wine/wine64"
MINGW = "/usr/bin/x86_64-w64-mingw32-"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for_port(port: int, process: subprocess.Popen[bytes], log: Path, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if process.poll() is not None:
            break
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError(f"nothing answers on port {port}: {log.read_text(errors='replace')}")


def stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


# ---------------------------------------------------------------------------- Wine


def build_wine_lab() -> tuple[Path, dict[str, str]]:
    """client.exe and server.exe of lab.idl, made by widl and mingw, and the environment to run them in."""
    out = KEPT / "wine"
    out.mkdir(parents=True, exist_ok=True)
    sources = [HERE / "wine" / name for name in ("lab.idl", "client.c", "server.c", "loopback.c")]
    made = out / "made"
    if not made.exists() or made.stat().st_mtime < max(source.stat().st_mtime for source in sources):
        for source in sources:
            shutil.copy(source, out)

        def run(*command: str) -> None:
            subprocess.run(command, cwd=out, check=True, capture_output=True)

        widl = (MINGW + "widl", "--win64", "-Oif")
        # Interpreted stubs (-Oif) need no try/finally helper of Wine's.
        gcc = (MINGW + "gcc", "-O1", "-w", "-DUSE_COMPILER_EXCEPTIONS", "-Dsmall=signed char", "-I.")
        run(*widl, "-h", "-H", "lab.h", "lab.idl")
        run(*widl, "-c", "-H", "lab.h", "-o", "lab_c.c", "lab.idl")
        run(*widl, "-s", "-H", "lab.h", "-o", "lab_s.c", "lab.idl")
        run(*gcc, "server.c", "lab_s.c", "-o", "server.exe", "-lrpcrt4")
        run(*gcc, "client.c", "lab_c.c", "-o", "client.exe", "-lrpcrt4")
        run("gcc", "-shared", "-fPIC", "-o", "loopback.so", "loopback.c", "-ldl")
        made.touch()
    environment = {name: value for name, value in os.environ.items() if name != "DISPLAY"}
    environment |= {
        "WINEPREFIX": str(out / "prefix"),
        "WINEDEBUG": "-all",
        "WINEDLLOVERRIDES": "mscoree=;mshtml=;winemenubuilder.exe=",
        "LD_PRELOAD": str(out / "loopback.so"),
    }
    if not (out / "prefix" / "system.reg").exists():
        subprocess.run([WINE, "wineboot", "-i"], cwd=out, env=environment, check=True, capture_output=True, timeout=300)
    return out, environment


@contextmanager
def wine_server() -> Iterator[int]:
    """Wine's rpcrt4 serving lab.idl; gives its port."""
    out, environment = build_wine_lab()
    port = free_port()
    log = out / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [WINE, "server.exe", str(port)],
            cwd=out,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        wait_for_port(port, process, log)
        yield port
    finally:
        # lab_stop lets Wine end by itself, its helper processes included.
        subprocess.run(
            [WINE, "client.exe", str(port), "only-stop"],
            cwd=out,
            env=environment,
            capture_output=True,
            timeout=60,
            check=False,
        )
        stop(process)


def run_wine_client(port: int) -> str:
    """Wine's rpcrt4 as the client of whatever serves lab.idl at `port`; gives what it printed."""
    out, environment = build_wine_lab()
    done = subprocess.run(
        [WINE, "client.exe", str(port)], cwd=out, env=environment, capture_output=True, timeout=120, check=False
    )
    return done.stdout.decode(errors="replace")


# ---------------------------------------------------------------------------- Samba

SMB_CONF = """\
[global]
    workgroup = LAB
    netbios name = LABSRV
    server role = standalone server
    interfaces = 127.0.0.1/8
    bind interfaces only = yes
    smb ports = {smb_port}
    disable netbios = yes
    disable spoolss = yes
    load printers = no
    printcap name = /dev/null
    private dir = {dir}/private
    lock directory = {dir}/lock
    state directory = {dir}/state
    cache directory = {dir}/cache
    pid directory = {dir}/pid
    ncalrpc dir = {dir}/ncalrpc
    usershare path = {dir}/usershares
    log file = {dir}/log/log.%m
    log level = 1
    passdb backend = tdbsam
    map to guest = Bad User
    rpc start on demand helpers = no
    rpc server dynamic port range = 45100-45199
    allow dcerpc auth level connect = yes
    registry shares = yes
[share]
    path = {dir}/share
    comment = the share of the interop tests
    read only = no
"""


@contextmanager
def samba_server(scratch: Path) -> Iterator[Path]:
    """Samba's endpoint mapper (port 135) and RPC services; gives the folder of its Unix sockets."""
    for name in ("private", "lock", "state", "cache", "pid", "ncalrpc", "log", "share", "usershares"):
        (scratch / name).mkdir(parents=True)
    (scratch / "private").chmod(0o700)
    (scratch / "ncalrpc").chmod(0o755)
    conf = scratch / "smb.conf"
    smb_port = free_port()
    conf.write_text(SMB_CONF.format(dir=scratch, smb_port=smb_port))
    subprocess.run(
        ["smbpasswd", "-c", str(conf), "-a", "-s", "root"], input=b"lab\nlab\n", check=True, capture_output=True
    )
    log = scratch / "log" / "daemons"
    with log.open("wb") as output:
        common = [f"--configfile={conf}", "--foreground", "--no-process-group"]
        processes = [
            # On its way out Samba ends its whole process group, so it gets one of its own.
            subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True)
            for command in (
                ["/usr/libexec/samba/samba-dcerpcd", *common, "--libexec-rpcds"],
                ["/usr/sbin/smbd", *common],
            )
        ]
    try:
        wait_for_port(135, processes[0], log)
        wait_for_port(smb_port, processes[1], log)
        yield scratch / "ncalrpc"
    finally:
        for process in processes:
            stop(process)
